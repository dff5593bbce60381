//! Counting tokens: how long a text is to a model that will read it. Linear in the text.

use std::path::Path;

use tokenizers::Tokenizer;

use crate::{ModelError, table};

/// A tokenizer, to count by.
pub struct TokenCounter(Tokenizer);

impl TokenCounter {
    /// BERT's word pieces, which are a part of the program: a tenth more tokens than most LLMs make of English.
    pub fn built_in() -> Result<Self, ModelError> {
        Self::of(Path::new(table::BUILT_IN), table::TOKENIZER)
    }

    /// A `tokenizer.json` of one's own.
    pub fn open(path: &Path) -> Result<Self, ModelError> {
        Self::of(path, &std::fs::read(path).map_err(ModelError::file(path))?)
    }

    fn of(path: &Path, file: &[u8]) -> Result<Self, ModelError> {
        let malformed =
            |error: tokenizers::Error| ModelError::Malformed { path: path.into(), reason: error.to_string() };
        let mut tokenizer = Tokenizer::from_bytes(file).map_err(malformed)?;
        tokenizer.with_truncation(None).map_err(malformed)?;
        tokenizer.with_padding(None);
        Ok(TokenCounter(tokenizer))
    }

    /// How many tokens a text is; its bytes, if the tokenizer cannot say.
    pub fn count(&self, text: &str) -> usize {
        self.0.encode_fast(text, false).map_or(text.len(), |tokens| tokens.len())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn words_are_counted() {
        let counter = TokenCounter::built_in().unwrap();
        assert_eq!(counter.count(""), 0);
        assert_eq!(counter.count("Where does Anna live?"), 5);
        assert!(counter.count(&"hiking ".repeat(2_000)) == 2_000, "nothing is cut off");
        assert!(TokenCounter::open(Path::new("nowhere.json")).is_err());
    }
}
