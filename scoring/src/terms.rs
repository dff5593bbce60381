//! Text analysis: what a text is found by. compatibility composition → lower case → words (Unicode segmentation; pairs of
//! characters where a script writes no blanks) → stop words off → stem → diacritics off.
//!
//! The stemmer is that of the text's own language, told by its stop words: English, or Spanish where those are more.
//! Linear in the text.

use rust_stemmers::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_segmentation::UnicodeSegmentation;

use crate::bm25::Bag;
use crate::stops::Language;

/// The most bytes of one term: what is longer is a token of a machine, not a word.
const TERM_BYTES_MAX: usize = 64;

/// The terms of a text, in order.
pub fn of(text: &str) -> Vec<String> {
    of_words(&words(text))
}

/// The terms of a text by its [`words`].
pub(crate) fn of_words(words: &[String]) -> Vec<String> {
    let language = Language::of(words);
    stemmed(words.iter().filter(|word| !language.stops(word)), language)
}

/// The words of a text that are no stop words, each with its term: as [`of`] gives them, in the language of the whole text.
pub fn pairs(text: &str) -> Vec<(String, String)> {
    let words = words(text);
    let language = Language::of(&words);
    let kept: Vec<String> = words.into_iter().filter(|word| !language.stops(word)).collect();
    let terms = stemmed(kept.iter(), language);
    kept.into_iter().zip(terms).collect()
}

/// The terms of a question. One of nothing but stop words ("who are you?") keeps them: they are all it has.
pub fn query(question: &str) -> Vec<String> {
    let found = of(question);
    if !found.is_empty() {
        return found;
    }
    let words = words(question);
    stemmed(words.iter(), Language::of(&words))
}

/// The bag of a text's terms.
pub fn bag(text: &str) -> Bag {
    Bag::of(of(text))
}

/// The words of a text, in lower case: neither stemmed nor without stop words.
pub fn words(text: &str) -> Vec<String> {
    if text.is_ascii() {
        return text.to_ascii_lowercase().unicode_words().map(bare).filter(|word| !word.is_empty()).collect();
    }
    let text: String = text.nfkc().flat_map(char::to_lowercase).map(|c| if c == '’' { '\'' } else { c }).collect();
    let mut words = Vec::new();
    for (run, unspaced) in runs(&text) {
        if unspaced {
            bigrams(run, &mut words);
        } else {
            words.extend(run.unicode_words().map(bare).filter(|word| !word.is_empty()));
        }
    }
    words
}

/// Cuts a text where a script that writes no blanks between words begins or ends.
fn runs(text: &str) -> Vec<(&str, bool)> {
    let mut runs = Vec::new();
    let mut start = 0;
    let mut kind = false;
    for (at, c) in text.char_indices() {
        if unspaced(c) != kind {
            runs.push((&text[start..at], kind));
            (start, kind) = (at, !kind);
        }
    }
    runs.push((&text[start..], kind));
    runs
}

/// Han, Kana and Hangul.
fn unspaced(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{2fa1f}')
}

/// Whether one of the [`words`] is of a script that writes no blanks: part of a run of characters.
pub fn is_unspaced(word: &str) -> bool {
    !word.is_empty() && word.chars().all(unspaced)
}

fn bigrams(run: &str, words: &mut Vec<String>) {
    let chars: Vec<char> = run.chars().collect();
    match chars.as_slice() {
        [] => {}
        [one] => words.push(one.to_string()),
        many => words.extend(many.windows(2).map(|pair| pair.iter().collect())),
    }
}

/// A word without its possessive ending and apostrophes.
fn bare(word: &str) -> String {
    let word = word.strip_suffix("'s").unwrap_or(word);
    if word.contains('\'') { word.replace('\'', "") } else { word.into() }
}

fn stemmed<'a>(words: impl Iterator<Item = &'a String>, language: Language) -> Vec<String> {
    let stemmer = Stemmer::create(match language {
        Language::English => Algorithm::English,
        Language::Spanish => Algorithm::Spanish,
    });
    words.map(|word| term(word, &stemmer)).collect()
}

fn term(word: &str, stemmer: &Stemmer) -> String {
    let stem = stemmer.stem(word);
    let bare = |stem: &str| stem.nfd().filter(|c| !is_combining_mark(*c)).collect();
    let mut term: String = if stem.is_ascii() { stem.into_owned() } else { bare(&stem) };
    let end = (0..=TERM_BYTES_MAX.min(term.len())).rev().find(|&at| term.is_char_boundary(at)).unwrap_or(0);
    term.truncate(end);
    term
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn english_and_spanish() {
        assert_eq!(of("When did Caroline’s sisters go hiking?"), ["carolin", "sister", "go", "hike"]);
        assert_eq!(of("¿Dónde está la canción de las niñas?"), ["cancion", "nin"]);
        assert_eq!(of("Don't I LOVE Zürich & café №5"), ["love", "zurich", "cafe", "no5"]);
        assert_eq!(of("the of and"), Vec::<String>::new());
        assert_eq!(query("Who are you?"), ["who", "are", "you"]);
    }

    #[test]
    fn words_go_with_the_terms_of_their_language() {
        let pairs = pairs("¿Dónde viven las hermanas de Marta?");
        let terms: Vec<String> = pairs.iter().map(|(_, term)| term.clone()).collect();
        assert_eq!(terms, of("¿Dónde viven las hermanas de Marta?"));
        assert!(pairs.iter().any(|(word, _)| word == "marta"));
    }

    #[test]
    fn scripts_without_blanks() {
        assert_eq!(of("我住在北京 ok"), ["我住", "住在", "在北", "北京", "ok"]);
        assert_eq!(of("猫"), ["猫"]);
        assert_eq!(of("👍 🎉"), Vec::<String>::new());
    }

    #[test]
    fn composed_or_not_is_the_same() {
        assert_eq!(of("cafe\u{301}"), of("caf\u{e9}"));
    }

    proptest! {
        #[test]
        fn total_and_bounded(text in "\\PC{0,200}") {
            prop_assert!(of(&text).iter().all(|term| term.len() <= TERM_BYTES_MAX));
        }

        #[test]
        fn case_does_not_matter(text in "[a-z ]{0,80}") {
            prop_assert_eq!(of(&text), of(&text.to_uppercase()));
        }
    }
}
