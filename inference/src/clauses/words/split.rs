//! Contractions, cut into their words: "do|n't", "I|'m", "Ben|'s", "can|not", "do|nt".
//!
//! Contract: the words cover exactly the pieces. Cost: linear.

use super::scan::APOSTROPHES;
use super::tables::{CLITICS, JOINED, JOINED_BEFORE, has};

/// The words of a text's pieces.
pub(crate) fn contractions(text: &str, pieces: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let mut words = Vec::with_capacity(pieces.len() + pieces.len() / 8);
    for (index, &(start, end)) in pieces.iter().enumerate() {
        let piece = &text[start..end];
        if !piece.starts_with(|c: char| c.is_alphanumeric()) || end - start > 32 {
            words.push((start, end));
            continue;
        }
        let next = pieces.get(index + 1).map_or("", |&(start, end)| &text[start..end]);
        let mut from = start;
        for cut in cuts(piece, next) {
            words.push((from, start + cut));
            from = start + cut;
        }
        words.push((from, end));
    }
    words
}

/// Where a piece is cut, in bytes, ascending.
fn cuts(piece: &str, next: &str) -> Vec<usize> {
    let lower = piece.to_ascii_lowercase();
    if let Some((_, cuts)) = JOINED.iter().find(|(word, _)| *word == lower) {
        return cuts.to_vec();
    }
    if let Some((_, cut, followers)) = JOINED_BEFORE.iter().find(|(word, _, _)| *word == lower)
        && has(followers, &next.to_ascii_lowercase())
    {
        return vec![*cut];
    }
    if lower.contains('@') || lower.contains("://") {
        return Vec::new();
    }
    let mut cuts = Vec::new();
    let mut end = piece.len();
    while let Some(cut) = clitic(&piece[..end]) {
        cuts.insert(0, cut);
        end = cut;
    }
    cuts
}

/// Where the last clitic of a word begins.
fn clitic(word: &str) -> Option<usize> {
    let at = word.rfind(APOSTROPHES)?;
    let quote = word[at..].chars().next().map_or(1, char::len_utf8);
    let tail = word[at + quote..].to_ascii_lowercase();
    let before = &word[..at];
    if tail == "t" && before.ends_with(['n', 'N']) && before.len() > 1 {
        return Some(at - 1);
    }
    let whole = before.bytes().all(|byte| byte.is_ascii_digit() || byte == b':');
    (has(CLITICS, &tail) && !before.is_empty() && !whole).then_some(at)
}
