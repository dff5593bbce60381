//! Reading values that never change, by their hash.

use crate::{Text, TextHash};

/// Texts by content hash. A value outlives every row that names it and never changes, so an operator may read it and
/// stay pure.
pub trait Texts: Send + Sync {
    /// The text of that hash; `None` only if no live row names it.
    fn text(&self, hash: TextHash) -> Option<Text>;

    /// The texts of several hashes, in their order: one read where there would be many.
    fn texts(&self, hashes: &[TextHash]) -> Vec<Option<Text>> {
        hashes.iter().map(|hash| self.text(*hash)).collect()
    }

    /// How near in meaning watched questions are to texts that this embedder has read: for each text, in the order of the
    /// hashes, a cosine in fixed point for each question. `None` where the embedder cannot say.
    fn nearness(&self, _embedder: &str, questions: &[&str], texts: &[TextHash]) -> Vec<Vec<Option<i64>>> {
        vec![vec![None; questions.len()]; texts.len()]
    }
}

impl Texts for std::collections::BTreeMap<TextHash, Text> {
    fn text(&self, hash: TextHash) -> Option<Text> {
        self.get(&hash).cloned()
    }
}
