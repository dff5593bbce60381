//! Heads: small networks that read the rest out of an encoder's own pass over a text: parts of speech, a dependency tree,
//! mentions, affect, and what one text says of another.
//!
//! `read(t) = heads(trunk(states(t)))`: the states of a word in the embedding and all layers of all-MiniLM-L6-v2, and what
//! its letters say, become one row a word ([`sizes`]), which two layers mix over the text; every head reads those rows. Trained
//! by `examples/heads`, which says how; the weights are a part of the program. Cost: about 2.2 million multiplications a word,
//! a sixth of what the encoder computes for it.

mod affect;
mod arcs;
mod features;
mod labels;
mod tags;
mod tree;
mod trunk;
mod verdict;

use std::ops::Range;
use std::path::Path;

pub use features::{FEATURE_ROWS, FEATURES, features};
pub use labels::{EMOTIONS, MENTIONS, PARTS, RELATIONS, TAGS, VERDICTS, place};
pub use tags::best_tags;
pub use tree::best_tree;

pub use crate::clauses::tree::Word;
pub use crate::clauses::words::sentences;

use crate::ModelError;
use crate::encoder::{Product, Then};
use crate::weights::Weights;
use affect::Affect;
use arcs::Arcs;
use trunk::Trunk;
use verdict::Verdict;

const WEIGHTS: &[u8] = include_bytes!("../data/heads/model.safetensors");

/// The sizes of the networks.
pub mod sizes {
    /// Numbers of a word's row.
    pub const WIDTH: usize = 256;
    /// Layers over the rows of a text.
    pub const LAYERS: usize = 2;
    /// Attention heads of a layer.
    pub const HEADS: usize = 4;
    /// Numbers between a layer's two products.
    pub const INNER: usize = 512;
    /// Numbers by which a word finds its head.
    pub const ARC: usize = 128;
    /// Numbers by which a word and its head find their relation.
    pub const RELATION: usize = 64;
    /// Ways of looking at a text for its affect.
    pub const LOOKS: usize = 2;
    /// Numbers between what is seen of a text and its affect.
    pub const AFFECT: usize = 128;
    /// Numbers by which words of two texts are aligned.
    pub const ALIGN: usize = 128;
    /// Numbers by which aligned words are compared.
    pub const COMPARE: usize = 128;
    /// Numbers of the encoder's vector and of a state in one layer.
    pub const VECTOR: usize = 384;
    /// Numbers of a word's states: the embedding's and six layers'.
    pub const STATES: usize = 7 * VECTOR;
}

/// Words that name something.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    /// Which words, counted over the text.
    pub words: Range<usize>,
    /// What kind of thing, of [`MENTIONS`].
    pub kind: &'static str,
    /// How likely that is, from 0 to 1.
    pub likelihood: f32,
}

/// What the heads read out of a text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// Its sentences.
    pub sentences: Vec<Vec<Word>>,
    /// What it names, in order.
    pub mentions: Vec<Named>,
    /// How likely each of [`EMOTIONS`] is, from 0 to 1; empty for a text without words.
    pub emotions: Vec<f32>,
}

/// A text as the heads get it: its words, by sentence, and the encoder's row: its vector and its words' states.
#[derive(Clone, Copy, Debug)]
pub struct Given<'t> {
    /// The text.
    pub text: &'t str,
    /// Its words.
    pub sentences: &'t [Vec<(usize, usize)>],
    /// [VECTOR + words · STATES].
    pub row: &'t [f32],
}

impl Given<'_> {
    fn words(&self) -> usize {
        self.sentences.iter().map(Vec::len).sum()
    }
}

/// The trained heads.
pub struct Heads {
    trunk: Trunk,
    parts: Product,
    tags: Product,
    mentions: Product,
    arcs: Arcs,
    affect: Affect,
    verdict: Verdict,
}

impl Heads {
    /// Those that are a part of the program.
    pub fn built_in() -> Result<Self, ModelError> {
        Self::of(&mut Weights::of(Path::new("heads/model.safetensors"), WEIGHTS))
    }

    /// Those of that file.
    pub fn load(path: &Path) -> Result<Self, ModelError> {
        Self::of(&mut Weights::open(path)?)
    }

    fn of(weights: &mut Weights<'_>) -> Result<Self, ModelError> {
        let trunk = Trunk::load(weights)?;
        let mut of_row = |name: &str, outputs: usize| product(weights, name, sizes::WIDTH, outputs);
        let parts = of_row("parts", PARTS.len())?;
        let tags = of_row("tags", TAGS.len())?;
        let mentions = of_row("mentions", 1 + 2 * MENTIONS.len())?;
        Ok(Self {
            trunk,
            parts,
            tags,
            mentions,
            arcs: Arcs::load(weights)?,
            affect: Affect::load(weights)?,
            verdict: Verdict::load(weights)?,
        })
    }

    /// What each of some texts says. They are computed together: the more, the cheaper each.
    pub fn read(&self, texts: &[Given<'_>]) -> Vec<Reading> {
        let rows = self.trunk.rows(texts);
        let parts = self.parts.of(&rows, Then::Nothing);
        let tags = self.tags.of(&rows, Then::Nothing);
        let mentions = self.mentions.of(&rows, Then::Nothing);
        let trees = self.arcs.trees(&rows, texts);
        let mut first = 0;
        let mut readings = Vec::with_capacity(texts.len());
        for text in texts {
            let words = first..first + text.words();
            let mut reading = Reading::default();
            let mut at = first;
            for sentence in text.sentences {
                let word = |(place, (start, end)): (usize, &(usize, usize))| {
                    let (head, relation) = trees[at + place];
                    Word {
                        start: *start,
                        end: *end,
                        upos: PARTS[best(&parts, at + place, PARTS.len())],
                        xpos: TAGS[best(&tags, at + place, TAGS.len())],
                        head,
                        rel: RELATIONS[relation],
                    }
                };
                reading.sentences.push(sentence.iter().enumerate().map(word).collect());
                at += sentence.len();
            }
            reading.mentions = tags::named(&mentions[words.start * TAGGED..words.end * TAGGED]);
            if !words.is_empty() {
                let own = &rows[words.start * sizes::WIDTH..words.end * sizes::WIDTH];
                reading.emotions = self.affect.of(own, &text.row[..sizes::VECTOR]);
            }
            readings.push(reading);
            first = words.end;
        }
        readings
    }

    /// Which emotions of a reading are felt, each with its likelihood, the likeliest first.
    pub fn felt(&self, reading: &Reading) -> Vec<(&'static str, f32)> {
        self.affect.felt(&reading.emotions)
    }

    /// How likely each of [`VERDICTS`] is as what the first text says of the second; `None` if either has no words.
    pub fn verdict(&self, first: Given<'_>, second: Given<'_>) -> Option<[f32; 3]> {
        if first.words() == 0 || second.words() == 0 {
            return None;
        }
        let rows = [first, second].map(|text| self.trunk.rows(&[text]));
        Some(self.verdict.of([&rows[0], &rows[1]], [first.row, second.row].map(|row| &row[..sizes::VECTOR])))
    }
}

/// Outputs of the head that finds mentions.
const TAGGED: usize = 1 + 2 * MENTIONS.len();

/// The place of the greatest number of a row.
fn best(numbers: &[f32], row: usize, width: usize) -> usize {
    let row = &numbers[row * width..(row + 1) * width];
    (0..width).max_by(|a, b| row[*a].total_cmp(&row[*b])).unwrap_or(0)
}

fn product(weights: &mut Weights<'_>, name: &str, input: usize, output: usize) -> Result<Product, ModelError> {
    let linear = weights.linear(&[name.into()], input, output)?;
    Ok(Product::new(&linear.weight, &linear.bias))
}

/// A vector as the heads were taught to read it: as long as the root of its numbers.
fn leveled(vector: &[f32]) -> Vec<f32> {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt().max(1e-6) / (vector.len() as f32).sqrt();
    vector.iter().map(|x| x / length).collect()
}

/// `exp(x) / sum` over a row.
fn softmax(row: &mut [f32]) {
    let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    row.iter_mut().for_each(|x| *x = (*x - most).exp());
    let sum: f32 = row.iter().sum();
    row.iter_mut().for_each(|x| *x /= sum);
}
