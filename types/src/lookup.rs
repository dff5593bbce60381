//! Reading values that never change, by their hash.

use crate::{Text, TextHash};

/// Texts by content hash. A value outlives every row that names it and never changes, so an operator may read it and
/// stay pure.
pub trait Texts: Send + Sync {
    /// The text of that hash; `None` only if no live row names it.
    fn text(&self, hash: TextHash) -> Option<Text>;
}

impl Texts for std::collections::BTreeMap<TextHash, Text> {
    fn text(&self, hash: TextHash) -> Option<Text> {
        self.get(&hash).cloned()
    }
}
