//! The trunk: from words' states and letters to the rows that all heads read.

use super::features::{FEATURE_ROWS, FEATURES, features};
use super::{Given, sizes};
use crate::ModelError;
use crate::encoder::{Backend, Cpu, Layer, Product, Then};
use crate::weights::{Norm, Weights};

/// As in BERT.
const EPSILON: f32 = 1e-12;

pub(super) struct Trunk {
    input: Product,
    /// [feature, width].
    features: Vec<f32>,
    norm: Norm,
    layers: Vec<Layer<Cpu>>,
}

impl Trunk {
    pub(super) fn load(weights: &mut Weights<'_>) -> Result<Self, ModelError> {
        let width = sizes::WIDTH;
        let input = super::product(weights, "trunk.input", sizes::STATES, width)?;
        let features = weights.numbers("trunk.features", &[FEATURE_ROWS, width])?;
        let norm = weights.norm("trunk.norm", width, EPSILON)?;
        let layers = (0..sizes::LAYERS).map(|at| layer(weights, &format!("trunk.layer.{at}")));
        Ok(Self { input, features, norm, layers: layers.collect::<Result<_, _>>()? })
    }

    /// The rows of all words of all texts, end to end: [word, width].
    pub(super) fn rows(&self, texts: &[Given<'_>]) -> Vec<f32> {
        let mut states = Vec::with_capacity(texts.iter().map(|text| text.row.len()).sum());
        let mut letters = Vec::new();
        let mut lengths = Vec::with_capacity(texts.len());
        for text in texts.iter().filter(|text| text.words() > 0) {
            states.extend_from_slice(&text.row[sizes::VECTOR..]);
            for sentence in text.sentences {
                for (place, (start, end)) in sentence.iter().enumerate() {
                    self.add_letters(&text.text[*start..*end], place == 0, &mut letters);
                }
            }
            lengths.push(text.words());
        }
        let mut rows = Cpu.enter(self.input.of(&states, Then::Add(&letters)), &self.norm);
        for layer in &self.layers {
            rows = layer.forward(&Cpu, &rows, &lengths, sizes::HEADS);
        }
        rows
    }

    /// Appends the sum of a word's features.
    fn add_letters(&self, word: &str, begins: bool, letters: &mut Vec<f32>) {
        let [first, others @ ..]: [u32; FEATURES] = features(word, begins);
        let row = |at: u32| &self.features[at as usize * sizes::WIDTH..(at as usize + 1) * sizes::WIDTH];
        let start = letters.len();
        letters.extend_from_slice(row(first));
        for other in others {
            letters[start..].iter_mut().zip(row(other)).for_each(|(sum, x)| *sum += x);
        }
    }
}

fn layer(weights: &mut Weights<'_>, name: &str) -> Result<Layer<Cpu>, ModelError> {
    let width = sizes::WIDTH;
    let mut of = |part: &str, input, output| super::product(weights, &format!("{name}.{part}"), input, output);
    let query_key_value = of("query_key_value", width, 3 * width)?;
    let (out, up, down) = (of("out", width, width)?, of("up", width, sizes::INNER)?, of("down", sizes::INNER, width)?);
    let attended = weights.norm(&format!("{name}.attended"), width, EPSILON)?;
    let fed = weights.norm(&format!("{name}.fed"), width, EPSILON)?;
    Ok(Layer { query_key_value, out, attended, up, down, fed })
}
