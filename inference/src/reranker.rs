//! A reranker: a question and a passage, read together, to how well the passage answers it. A cross-encoder of the BERT
//! family with one output (Nogueira and Cho, "Passage Re-ranking with BERT", 2019).
//!
//! `score(q, p) = classifier(tanh(pooler(row)))`, row the first of the last layer over `[CLS] q [SEP] p [SEP]`: a logit, higher
//! is better. Cost: as of an encoder of twelve layers for each passage, so it is for the few best ones.

use std::path::Path;

use nexus_types::Text;

use crate::ModelError;
use crate::device::Device;
use crate::encoder::{Config, Pooling, Reader, Reading, weights_in};
use crate::weights::{Linear, Weights};

/// A cross-encoder with its weights.
pub struct Reranker {
    reader: Reader,
    pooler: Linear,
    classifier: Linear,
}

impl Reranker {
    /// The cross-encoder in `folder`; `config` stands in for a `config.json` that is not there.
    pub fn load(folder: &Path, reading: &Reading, config: Option<&Config>, device: Device) -> Result<Self, ModelError> {
        let path = weights_in(folder);
        let reader = Reader::load(folder, config, reading.tokens, device)?;
        let width = reader.width();
        let mut weights = Weights::open(&path)?;
        let pooler = weights.linear(&["pooler.dense".into()], width, width)?;
        let classifier = weights.linear(&["classifier".into()], width, 1)?;
        Ok(Self { reader, pooler, classifier })
    }

    /// How well each passage answers the question, or why it has no score.
    pub fn score(&self, question: &str, passages: &[Text]) -> Vec<Result<f32, String>> {
        let pairs: Vec<(&str, Option<&str>)> = passages.iter().map(|passage| (question, Some(&**passage))).collect();
        let rows = self.reader.read(self.reader.tokenize(&pairs), Pooling::Cls);
        rows.into_iter().map(|row| row.map(|row| self.logit(&row))).collect()
    }

    fn logit(&self, row: &[f32]) -> f32 {
        let pooled: Vec<f32> = self.pooler.of(row).into_iter().map(f32::tanh).collect();
        self.classifier.of(&pooled).into_iter().sum()
    }
}
