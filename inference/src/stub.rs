//! The stub: an embedder without weights, for tests. Every word and every three letters of a text point in a fixed
//! direction of their own; the vector is their sum, of length one. So texts that share words lie close, equal texts are
//! equal on every machine, and a thousand texts take a few milliseconds.

use nexus_types::{Task, Text};

use crate::{Model, Reply};

/// The length of the stub's vectors.
const DIMENSION: usize = 32;

/// The weight of a word, where three letters of one weigh 1.
const WORD: f32 = 3.0;

/// A deterministic embedder without weights.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stub;

impl Model for Stub {
    fn id(&self) -> &str {
        "stub@1"
    }

    fn task(&self) -> Task {
        Task::Embed
    }

    fn dimension(&self) -> Option<usize> {
        Some(DIMENSION)
    }

    fn answer(&self, texts: &[Text]) -> Vec<Reply> {
        texts.iter().map(|text| Reply::Vector(embed(text))).collect()
    }
}

fn embed(text: &str) -> Vec<f32> {
    let mut sum = [0.0; DIMENSION];
    for word in text.to_lowercase().split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        add(&mut sum, word, WORD);
        let letters: Vec<char> = word.chars().collect();
        letters.windows(3).for_each(|three| add(&mut sum, &String::from_iter(three), 1.0));
    }
    let length = sum.iter().map(|x| x * x).sum::<f32>().sqrt();
    if length == 0.0 {
        sum[0] = 1.0;
        return sum.to_vec();
    }
    sum.iter().map(|x| x / length).collect()
}

/// Adds the direction of `feature`: one bit of its hash for each axis.
fn add(sum: &mut [f32; DIMENSION], feature: &str, weight: f32) {
    let hash = hash(feature);
    for (axis, x) in sum.iter_mut().enumerate() {
        *x += if hash >> axis & 1 == 1 { weight } else { -weight };
    }
}

/// FNV-1a, its upper half mixed into the lower.
fn hash(text: &str) -> u64 {
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    (hash ^ hash >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cosine(a: &str, b: &str) -> f32 {
        embed(a).iter().zip(embed(b)).map(|(x, y)| x * y).sum()
    }

    #[test]
    fn similar_texts_lie_close() {
        let moved = "I moved to Berlin last year";
        assert!((cosine(moved, moved) - 1.0).abs() < 1e-6);
        assert!((cosine(moved, "i MOVED to berlin, last year!") - 1.0).abs() < 1e-6);
        assert!(cosine(moved, "Last year I moved to Hamburg") > 0.7);
        assert!(cosine(moved, "the trumpet needs three valves") < 0.5);
    }

    #[test]
    fn every_text_has_a_vector_of_length_one() {
        for text in ["", "…", "a", "日本語", &"long ".repeat(1_000)] {
            let length: f32 = embed(text).iter().map(|x| x * x).sum();
            assert!((length - 1.0).abs() < 1e-5, "{text}");
        }
    }
}
