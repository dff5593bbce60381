//! Encoders of the BERT family: a text to a vector of length one. MiniLM, bge, e5 and multilingual ones are some.
//!
//! `embed(t) = v / |v|`, v the mean over t's tokens of the last layer, or its first row, as the model wants it; tokens at
//! most as many as it was made for. Cost: a multiplication and an addition for each weight and token (21 MFLOP a token for
//! MiniLM-L6), and the weights in memory. A vector depends on its job in the last bits only.

mod attention;
mod backend;
mod config;
mod cpu;
mod fallback;
mod kernels;
mod layers;
mod portable;
mod product;
mod reader;
mod reading;

use std::ops::Range;
use std::path::Path;

use nexus_types::{Task, Text};

use crate::device::Device;
use crate::{Model, ModelError, Reply};

pub(crate) use backend::Backend;
pub use backend::Pooling;
pub use config::Config;
pub(crate) use cpu::Cpu;
pub(crate) use layers::{Layer, Sequence};
pub(crate) use product::{Product, Then};
pub(crate) use reader::{Reader, weights_in};
pub use reading::Reading;

/// What a length is never below, so that a vector of zeros stays one.
const LENGTH_MIN: f32 = 1e-12;

/// A text encoder with its weights.
pub struct Encoder {
    id: String,
    reader: Reader,
    reading: Reading,
}

impl Encoder {
    /// The encoder whose `config.json`, `tokenizer.json` and `model.safetensors` (or `model.onnx`) are in `folder`, as its
    /// own files say it reads, else as `reading` does.
    pub fn load(id: &str, folder: &Path, reading: &Reading, device: Device) -> Result<Self, ModelError> {
        let reading = Reading::of(folder, reading)?;
        let reader = Reader::load(folder, None, reading.tokens, device)?;
        Ok(Self { id: id.into(), reader, reading })
    }

    /// The vector of each sequence of tokens, special ones included.
    pub fn embed_tokens(&self, sequences: Vec<Vec<u32>>) -> Vec<Result<Vec<f32>, String>> {
        self.read(sequences.into_iter().map(|ids| Ok(Sequence::alone(ids))).collect())
    }

    /// Token ids of passages, special ones included.
    pub fn tokenize(&self, texts: &[Text]) -> Vec<Result<Vec<u32>, String>> {
        self.sequences(&self.reading.passage, texts).into_iter().map(|one| one.map(|one| one.ids)).collect()
    }

    /// Of each text its vector, not of length one, and behind it for each of its words, given by bytes, the mean of the word's
    /// tokens in the embedding and every layer: `[width · (1 + words · (1 + layers))]`.
    pub fn states(&self, texts: &[(&str, Vec<Range<usize>>)]) -> Vec<Result<Vec<f32>, String>> {
        self.reader.read(self.reader.tokenize_words(texts), self.reading.pooling)
    }

    /// What `then` makes of the rows of texts with these words, each with the place of its text; see [`Encoder::states`]. It is
    /// given the texts of a job together, on the core that read them.
    pub(crate) fn read_words<R: Send + Clone>(
        &self,
        texts: &[(&str, Vec<Range<usize>>)],
        then: impl Fn(Vec<(usize, Vec<f32>)>) -> Vec<R> + Sync,
    ) -> Vec<Result<R, String>> {
        self.reader.read_with(self.reader.tokenize_words(texts), self.reading.pooling, then)
    }

    fn sequences(&self, prefix: &str, texts: &[Text]) -> Vec<Result<Sequence, String>> {
        if prefix.is_empty() {
            return self.reader.tokenize(&texts.iter().map(|text| (&**text, None)).collect::<Vec<_>>());
        }
        let prefixed: Vec<String> = texts.iter().map(|text| format!("{prefix}{text}")).collect();
        self.reader.tokenize(&prefixed.iter().map(|text| (text.as_str(), None)).collect::<Vec<_>>())
    }

    fn read(&self, sequences: Vec<Result<Sequence, String>>) -> Vec<Result<Vec<f32>, String>> {
        let rows = self.reader.read(sequences, self.reading.pooling);
        rows.into_iter().map(|row| row.map(unit)).collect()
    }
}

impl Model for Encoder {
    fn id(&self) -> &str {
        &self.id
    }

    fn task(&self) -> Task {
        Task::Embed
    }

    fn dimension(&self) -> Option<usize> {
        Some(self.reader.width())
    }

    fn answer(&self, texts: &[Text]) -> Vec<Reply> {
        let vectors = self.read(self.sequences(&self.reading.passage, texts));
        vectors.into_iter().map(|vector| vector.map_or_else(Reply::refused, Reply::Vector)).collect()
    }

    fn question(&self, text: &Text) -> Option<Vec<f32>> {
        self.read(self.sequences(&self.reading.query, std::slice::from_ref(text))).pop()?.ok()
    }
}

/// The vector of length one in a direction.
pub(crate) fn unit(mut vector: Vec<f32>) -> Vec<f32> {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt().max(LENGTH_MIN);
    vector.iter_mut().for_each(|x| *x /= length);
    vector
}

#[cfg(test)]
mod tests;
