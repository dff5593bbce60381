//! WordPiece as BERT's models cut text, for the table, where looking a token up costs less than any general tokenizer.
//!
//! Clean → spaces around Chinese characters → no accents → lower case → words and marks → the longest pieces of the
//! vocabulary from the left; a word that cannot be cut whole is unknown and yields nothing. Source: the reference code of
//! Devlin et al., "BERT" (2019); the `tokenizers` crate is its twin in the tests. Cost: one look-up for a word that is in
//! the vocabulary.

// It is looked up in, never listed: order cannot show.
#![allow(clippy::disallowed_types)]

use std::collections::HashMap;

use serde_json::Value;
use unicode_categories::UnicodeCategories;
use unicode_normalization::char::decompose_canonical;

/// The pieces that words are cut into.
pub(crate) struct WordPiece {
    /// Pieces that begin a word.
    first: HashMap<Box<str>, u32>,
    /// Pieces that go on with one, without their mark.
    later: HashMap<Box<str>, u32>,
    /// The most bytes of a piece.
    longest: usize,
    /// The most characters of a word that is cut at all.
    word_max: usize,
}

impl WordPiece {
    /// The tokenizer of a `tokenizer.json`; `None` if it is of another kind than this.
    pub(crate) fn of(file: &Value) -> Option<Self> {
        let (normalizer, model) = (&file["normalizer"], &file["model"]);
        let plain = normalizer["type"] == "BertNormalizer"
            && normalizer["lowercase"] == true
            && normalizer["clean_text"] == true
            && normalizer["handle_chinese_chars"] == true
            && normalizer["strip_accents"] != false
            && file["pre_tokenizer"]["type"] == "BertPreTokenizer"
            && model["type"] == "WordPiece";
        let (prefix, unknown) = (model["continuing_subword_prefix"].as_str()?, model["unk_token"].as_str()?);
        let (mut first, mut later): (HashMap<Box<str>, u32>, HashMap<Box<str>, u32>) = Default::default();
        for (piece, id) in model["vocab"].as_object()? {
            let id = u32::try_from(id.as_u64()?).ok()?;
            match piece.strip_prefix(prefix) {
                Some(rest) if !rest.is_empty() => _ = later.insert(rest.into(), id),
                _ if piece != unknown => _ = first.insert(piece.as_str().into(), id),
                _ => {}
            }
        }
        let longest = first.keys().chain(later.keys()).map(|piece| piece.len()).max()?;
        let word_max = usize::try_from(model["max_input_chars_per_word"].as_u64()?).ok()?;
        plain.then_some(WordPiece { first, later, longest, word_max })
    }

    /// Puts the pieces of a text into `ids`, in order; of unknown words none.
    pub(crate) fn cut(&self, text: &str, ids: &mut Vec<u32>) {
        let mut word = String::new();
        for char in text.chars() {
            match char {
                'a'..='z' | '0'..='9' => word.push(char),
                'A'..='Z' => word.push(char.to_ascii_lowercase()),
                ' ' | '\t' | '\n' | '\r' => self.take(&mut word, ids),
                _ if char.is_ascii_punctuation() => self.mark(char, &mut word, ids),
                _ if char.is_ascii() => {}
                _ => self.beyond_ascii(char, &mut word, ids),
            }
        }
        self.take(&mut word, ids);
    }

    fn beyond_ascii(&self, char: char, word: &mut String, ids: &mut Vec<u32>) {
        if char.is_whitespace() {
            return self.take(word, ids);
        }
        if char == '\u{fffd}' || char.is_other() {
            return;
        }
        let alone = is_chinese(char);
        if alone {
            self.take(word, ids);
        }
        decompose_canonical(char, |part| {
            if part.is_mark_nonspacing() {
                return;
            }
            for part in part.to_lowercase() {
                if part.is_whitespace() {
                    self.take(word, ids);
                } else if part.is_ascii_punctuation() || part.is_punctuation() {
                    self.mark(part, word, ids);
                } else {
                    word.push(part);
                }
            }
        });
        if alone {
            self.take(word, ids);
        }
    }

    /// A mark is a word of its own.
    fn mark(&self, mark: char, word: &mut String, ids: &mut Vec<u32>) {
        self.take(word, ids);
        word.push(mark);
        self.take(word, ids);
    }

    /// Cuts the word, and begins the next.
    fn take(&self, word: &mut String, ids: &mut Vec<u32>) {
        if word.len() <= self.word_max || word.chars().count() <= self.word_max {
            let before = ids.len();
            if !self.pieces(word, ids) {
                ids.truncate(before);
            }
        }
        word.clear();
    }

    /// The longest pieces from the left; false if at some place none fits.
    fn pieces(&self, word: &str, ids: &mut Vec<u32>) -> bool {
        let (mut rest, mut pieces) = (word, &self.first);
        while !rest.is_empty() {
            let mut end = rest.floor_char_boundary(self.longest);
            let id = loop {
                match pieces.get(&rest[..end]) {
                    Some(id) => break *id,
                    None if end == 0 => return false,
                    None => end = rest.floor_char_boundary(end - 1),
                }
            };
            ids.push(id);
            (rest, pieces) = (&rest[end..], &self.later);
        }
        true
    }
}

/// Characters of the blocks that the reference calls Chinese: each is a word.
fn is_chinese(char: char) -> bool {
    matches!(
        u32::from(char),
        0x4E00..=0x9FFF
            | 0x3400..=0x4DBF
            | 0x20000..=0x2A6DF
            | 0x2A700..=0x2B73F
            | 0x2B740..=0x2B81F
            | 0x2B920..=0x2CEAF
            | 0xF900..=0xFAFF
            | 0x2F800..=0x2FA1F
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;
    use tokenizers::Tokenizer;

    use super::*;
    use crate::table::TOKENIZER;

    fn twin() -> Tokenizer {
        let mut twin = Tokenizer::from_bytes(TOKENIZER).unwrap();
        twin.with_truncation(None).unwrap();
        twin.with_padding(None);
        twin
    }

    fn ours() -> WordPiece {
        WordPiece::of(&serde_json::from_slice(TOKENIZER).unwrap()).unwrap()
    }

    fn agree(ours: &WordPiece, twin: &Tokenizer, text: &str) {
        let mut ids = Vec::new();
        ours.cut(text, &mut ids);
        let unknown = twin.token_to_id("[UNK]").unwrap();
        let theirs: Vec<u32> = twin.encode_fast(text, false).unwrap().get_ids().to_vec();
        assert_eq!(ids, theirs.into_iter().filter(|id| *id != unknown).collect::<Vec<_>>(), "{text:?}");
    }

    #[test]
    fn agrees_with_the_tokenizers_crate() {
        let (ours, twin) = (ours(), twin());
        for text in [
            "",
            "Hello, world! It's 5:30pm; see https://example.org/a_b?c=1 :-)",
            "Ångström, naïve café, İstanbul ẞ ŒUVRE ﬁn",
            "日本語とEnglishを混ぜる 한국어 中文。",
            "مرحبا بالعالم नमस्ते Привет, мир",
            "👩‍👩‍👧‍👦 🎉🎉 ❤️ a\u{0}b\u{7f}c\u{fffd}d\u{200b}e\u{a0}f\u{3000}g",
            "Z̸̢͚a̵͝l̶͖g̷̈o e\u{301} \u{1100}\u{1161}",
            "supercalifragilisticexpialidocious electroencephalographically",
        ] {
            agree(&ours, &twin, text);
        }
        agree(&ours, &twin, &"long".repeat(40));
        agree(&ours, &twin, &"é".repeat(99));
    }

    #[test]
    fn agrees_on_any_text() {
        let (ours, twin) = (ours(), twin());
        let text = prop_oneof![any::<String>(), "[ -~]{0,60}", "[a-zéüñ .,¿日本]{0,40}"];
        proptest!(ProptestConfig::with_cases(500), |(text in text)| {
            // Names of special tokens in a text are text here.
            prop_assume!(!text.contains('['));
            agree(&ours, &twin, &text);
        });
    }
}
