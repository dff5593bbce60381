//! Where sentences end: at `. ! ?` and closing quotes, at blank lines, at most line ends, and never later than the
//! limit.
//!
//! Contract: every word is in exactly one sentence, in order. Cost: linear.

use super::WORDS_MAX;
use super::tables::{ABBREVIATIONS, EMOTICONS, OPENERS, TITLES, has};

/// Groups words into sentences.
pub(crate) fn sentences(text: &str, words: Vec<(usize, usize)>) -> Vec<Vec<(usize, usize)>> {
    let mut sentences = Vec::new();
    let mut current = Vec::new();
    for (index, &word) in words.iter().enumerate() {
        current.push(word);
        let Some(&next) = words.get(index + 1) else { break };
        if ends(text, &words[..=index], next) {
            sentences.push(std::mem::take(&mut current));
        } else if current.len() == WORDS_MAX {
            let rest = current.split_off(pause(text, &current));
            sentences.push(std::mem::replace(&mut current, rest));
        }
    }
    if !current.is_empty() {
        sentences.push(current);
    }
    sentences
}

/// Whether a sentence ends between the last of these words and the next.
fn ends(text: &str, words: &[(usize, usize)], next: (usize, usize)) -> bool {
    let Some(&(start, end)) = words.last() else { return false };
    let gap = &text[end..next.0];
    let following = &text[next.0..next.1];
    let lines = gap.bytes().filter(|byte| *byte == b'\n').count();
    if lines > 1 || (lines == 1 && !following.starts_with(char::is_lowercase)) {
        return true;
    }
    if gap.is_empty() && !text[start..end].starts_with(['.', '!', '?']) || closes(following, gap) {
        return false;
    }
    let (sign, closed) = sign(text, words);
    let capital = !following.starts_with(char::is_lowercase);
    match sign {
        "." => (capital || !closed) && !gap.is_empty() || following.starts_with(char::is_uppercase),
        "…" => capital && !gap.is_empty(),
        _ if sign.starts_with(['.', '!', '?']) => {
            let dots = sign.bytes().all(|byte| byte == b'.');
            !gap.is_empty() && (capital || !dots && !closed)
        }
        _ => abbreviation_ends(sign, following),
    }
}

/// Closing punctuation and an emoticon still belong to the sentence.
fn closes(word: &str, gap: &str) -> bool {
    has(EMOTICONS, word)
        || matches!(word, ")" | "]" | "}" | "”" | "’" | "''" | "." | "!" | "?" | "..." | "," | ";" | ":")
        || (matches!(word, "\"" | "'") && gap.is_empty())
}

/// The last word before any closing quote, bracket or emoticon, and whether there was one.
fn sign<'t>(text: &'t str, words: &[(usize, usize)]) -> (&'t str, bool) {
    let mut closed = false;
    for &(start, end) in words.iter().rev().take(3) {
        let word = &text[start..end];
        if !matches!(word, ")" | "]" | "}" | "”" | "’" | "''" | "\"" | "'") && !has(EMOTICONS, word) {
            return (word, closed);
        }
        closed = true;
    }
    ("", closed)
}

/// "in the U.S. The plan": an abbreviation that is also the end, seen by the word after it.
fn abbreviation_ends(word: &str, following: &str) -> bool {
    let Some(stem) = word.strip_suffix('.') else { return false };
    let lower = stem.to_lowercase();
    let initial = stem.chars().count() == 1;
    let opener = following.starts_with(char::is_uppercase) && has(OPENERS, &following.to_lowercase());
    let known = has(ABBREVIATIONS, &lower) || lower.contains('.');
    known && opener && !initial && !has(TITLES, &lower)
}

/// Where a sentence that is too long is cut: after its last semicolon or comma, otherwise at its end.
fn pause(text: &str, words: &[(usize, usize)]) -> usize {
    let cut = |signs: &[&str]| words.iter().rposition(|&(start, end)| has(signs, &text[start..end]));
    cut(&[";", "--", "|"]).or_else(|| cut(&[","])).filter(|at| *at > words.len() / 2).map_or(words.len(), |at| at + 1)
}
