//! Distill: makes the table `nexus-static` out of the encoder all-MiniLM-L6-v2.
//!
//! `cargo run -p nexus-inference --example distill -- ENCODER OUT`: ENCODER is the folder that `nexus models fetch minilm`
//! fills, OUT gets `model.safetensors` and `tokenizer.json`. Nothing is random. About two minutes on 2 cores.
//!
//! 1. Every token alone goes through the encoder, between the marks of begin and end: a vector of length one.
//! 2. The vectors are turned to the principal axes of all that are words or parts of words; the first [`KEPT`] are kept.
//!    They are not centred: what they share is what an encoder thinks of text as such, and moving it hurts.
//! 3. A token weighs `A / (A + p)`, p its probability, which Zipf's law gives by its place in the vocabulary, where
//!    frequent words come first (Arora et al., "A Simple but Tough-to-Beat Baseline", 2017). Marks weigh nothing.
//! 4. Each row is rounded to four bits a number, -7 to 7, and has a factor that undoes it and carries the weight.

// It is a tool.
#![allow(missing_docs, clippy::unwrap_used)]

use std::path::Path;

use nexus_inference::{Device, Encoder, Reading};
use serde_json::{Value, json};
use unicode_categories::UnicodeCategories;

/// How many axes are kept.
const KEPT: usize = 256;
/// Tokens more likely than this weigh less than half.
const A: f64 = 3e-3;
/// The greatest number of a row.
const LARGEST: f64 = 7.0;
/// How many tokens go through the encoder at once.
const AT_ONCE: usize = 4_096;

fn main() {
    let folders: Vec<String> = std::env::args().skip(1).collect();
    let [encoder, out] = &folders[..] else {
        eprintln!("usage: cargo run -p nexus-inference --example distill -- ENCODER OUT");
        std::process::exit(2);
    };
    let vocabulary = Vocabulary::read(Path::new(encoder));
    let vectors = vectors(Path::new(encoder), &vocabulary);
    eprintln!("{} tokens of {} numbers", vectors.len(), vectors[0].len());
    let axes = principal_axes(&vectors[vocabulary.first_word..]);
    let rows: Vec<Vec<f64>> =
        vectors.iter().map(|vector| axes.iter().map(|axis| dot(axis, vector)).collect()).collect();
    write(Path::new(out), &rows, &vocabulary);
}

/// The tokens by id.
struct Vocabulary {
    file: Value,
    tokens: Vec<String>,
    begin: u32,
    end: u32,
    /// Where words begin: before them are marks, unused places and single characters.
    first_word: usize,
}

impl Vocabulary {
    fn read(folder: &Path) -> Self {
        let mut file: Value = serde_json::from_slice(&std::fs::read(folder.join("tokenizer.json")).unwrap()).unwrap();
        (file["truncation"], file["padding"]) = (Value::Null, Value::Null);
        let ids = file["model"]["vocab"].as_object().unwrap();
        let mut tokens = vec![String::new(); ids.len()];
        for (token, id) in ids {
            tokens[id.as_u64().unwrap() as usize] = token.clone();
        }
        let id = |wanted: &str| tokens.iter().position(|token| token == wanted).unwrap();
        let (begin, end, first_word) = (id("[CLS]") as u32, id("[SEP]") as u32, id("the"));
        Vocabulary { file, begin, end, first_word, tokens }
    }

    /// How much each token weighs.
    fn weights(&self) -> Vec<f64> {
        let likely = |id: usize| 1.0 / ((id - self.first_word) as f64 + 1.0 + 2.7);
        let all: f64 = (self.first_word..self.tokens.len()).map(likely).sum();
        let weight = |id: usize| A / (A + likely(id) / all);
        // A character alone is about as telling as a word at the edge of the frequent ones.
        let character = weight(self.first_word + 504);
        let of = |(id, token): (usize, &String)| {
            let mut chars = token.chars();
            match (chars.next(), chars.next()) {
                (Some(char), None) if char.is_punctuation() || char.is_symbol() => 0.0,
                _ if token.starts_with('[') && token.ends_with(']') => 0.0,
                _ if id < self.first_word => character,
                _ => weight(id),
            }
        };
        self.tokens.iter().enumerate().map(of).collect()
    }
}

/// What the encoder makes of each token alone.
fn vectors(folder: &Path, vocabulary: &Vocabulary) -> Vec<Vec<f64>> {
    let encoder = Encoder::load("encoder", folder, &Reading::default(), Device::Cpu).unwrap();
    let ids: Vec<u32> = (0..vocabulary.tokens.len() as u32).collect();
    let mut vectors = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(AT_ONCE) {
        let sequences = chunk.iter().map(|id| vec![vocabulary.begin, *id, vocabulary.end]).collect();
        let made = encoder.embed_tokens(sequences).into_iter().map(Result::unwrap);
        vectors.extend(made.map(|vector| vector.into_iter().map(f64::from).collect()));
        eprintln!("{} of {}", vectors.len(), ids.len());
    }
    vectors
}

/// The [`KEPT`] directions in which the vectors are longest, the longest first: eigenvectors of the sum of v·vᵀ, by Jacobi's
/// rotations.
fn principal_axes(vectors: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let width = vectors[0].len();
    let mut matrix = vec![vec![0.0; width]; width];
    for vector in vectors {
        for (row, x) in matrix.iter_mut().zip(vector) {
            row.iter_mut().zip(vector).for_each(|(sum, y)| *sum += x * y);
        }
    }
    let mut axes: Vec<Vec<f64>> = (0..width).map(|at| (0..width).map(|to| f64::from(at == to)).collect()).collect();
    let whole: f64 = matrix.iter().flatten().map(|x| x * x).sum();
    loop {
        let off: f64 = (0..width).flat_map(|p| (0..p).map(move |q| (p, q))).map(|(p, q)| matrix[p][q].powi(2)).sum();
        if off < 1e-20 * whole {
            break;
        }
        for p in 1..width {
            for q in 0..p {
                rotate(&mut matrix, &mut axes, p, q);
            }
        }
        eprintln!("turned to {:.1e}", off / whole);
    }
    let mut order: Vec<usize> = (0..width).collect();
    order.sort_by(|a, b| matrix[*b][*b].total_cmp(&matrix[*a][*a]));
    order.into_iter().take(KEPT).map(|at| axes[at].clone()).collect()
}

/// Makes the element (p, q) of a symmetric matrix 0, and turns the axes with it.
fn rotate(matrix: &mut [Vec<f64>], axes: &mut [Vec<f64>], p: usize, q: usize) {
    if matrix[p][q] == 0.0 {
        return;
    }
    let theta = (matrix[q][q] - matrix[p][p]) / (2.0 * matrix[p][q]);
    let tangent = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
    let cosine = 1.0 / (tangent * tangent + 1.0).sqrt();
    let sine = tangent * cosine;
    let turn = |a: &mut f64, b: &mut f64| (*a, *b) = (cosine * *a - sine * *b, sine * *a + cosine * *b);
    for row in matrix.iter_mut() {
        let (mut a, mut b) = (row[p], row[q]);
        turn(&mut a, &mut b);
        (row[p], row[q]) = (a, b);
    }
    for rows in [matrix, axes] {
        let (low, high) = rows.split_at_mut(p);
        high[0].iter_mut().zip(&mut low[q]).for_each(|(a, b)| turn(a, b));
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Rounds the rows and writes the files.
fn write(folder: &Path, rows: &[Vec<f64>], vocabulary: &Vocabulary) {
    let (mut nibbles, mut scales) = (Vec::new(), Vec::new());
    for (row, weight) in rows.iter().zip(vocabulary.weights()) {
        let largest = row.iter().fold(f64::MIN_POSITIVE, |largest, x| largest.max(x.abs()));
        let rounded: Vec<u8> = row.iter().map(|x| (x / largest * LARGEST).round() as i8 + 8).map(|x| x as u8).collect();
        nibbles.extend(rounded.chunks_exact(2).map(|two| two[0] << 4 | two[1]));
        scales.extend(bfloat16((largest / LARGEST * weight) as f32));
    }
    let count = rows.len();
    let header = json!({
        "nibbles": { "dtype": "U8", "shape": [count, KEPT / 2], "data_offsets": [0, nibbles.len()] },
        "scales": { "dtype": "BF16", "shape": [count], "data_offsets": [nibbles.len(), nibbles.len() + scales.len()] },
    });
    // As the safetensors format has it: the header's length, the header, the tensors; padded to a multiple of eight.
    let mut header = header.to_string();
    header.push_str(&" ".repeat(header.len().next_multiple_of(8) - header.len()));
    let file = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &nibbles, &scales].concat();
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("model.safetensors"), file).unwrap();
    std::fs::write(folder.join("tokenizer.json"), vocabulary.file.to_string()).unwrap();
}

/// The upper half of a number, rounded.
fn bfloat16(x: f32) -> [u8; 2] {
    ((x.to_bits() + 0x8000) >> 16).to_le_bytes()[..2].try_into().unwrap()
}
