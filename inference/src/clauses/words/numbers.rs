//! Numbers at the start of a piece of text: amounts, times, dates, telephone numbers, versions, file names.
//!
//! Contract: at least one byte, on a character boundary. Cost: linear in the length returned.

use super::tables::{UNITS, has};

/// The length of the number a text starts with.
pub(crate) fn number(rest: &str) -> usize {
    let digits = |from: usize| rest.as_bytes()[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut at = usize::from(rest.starts_with('+'));
    at += digits(at);
    let dashes = dashed(&rest[at..]);
    if dashes > 0 && telephone(&rest[..at + dashes]) {
        return at + dashes + suffix(&rest[at + dashes..]);
    }
    while let Some(separator) = rest[at..].chars().next() {
        let next = if separator.is_ascii() { digits(at + 1) } else { 0 };
        let joins = match separator {
            ',' => next == 3,
            '.' | ':' => next > 0,
            '/' => next > 0 && date_like(rest, at, next),
            '-' => next > 0 && rest[..at].contains('/'),
            _ => false,
        };
        if !joins {
            break;
        }
        at += 1 + next;
    }
    at + suffix(&rest[at..])
}

/// The length of further groups of digits, each after a hyphen.
fn dashed(rest: &str) -> usize {
    let mut at = 0;
    while rest[at..].starts_with('-') {
        let next = rest.as_bytes()[at + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if next == 0 {
            break;
        }
        at += 1 + next;
    }
    at
}

/// Three groups are a date or telephone number; two are one only in their usual lengths, otherwise a range.
fn telephone(groups: &str) -> bool {
    let lengths: Vec<usize> = groups.split('-').map(str::len).collect();
    match lengths[..] {
        [first, second] => first == 3 && (second == 4 || second == 3) || first == 5 && second == 4,
        _ => true,
    }
}

/// Dates ("3/8", "11/28/2000") stay whole; small fractions and ranges do not ("1/2", "1999/2000").
fn date_like(rest: &str, at: usize, next: usize) -> bool {
    let longer = rest.as_bytes().get(at + 1 + next).is_some_and(|byte| *byte == b'/' || *byte == b'-');
    let before = rest[..at].bytes().rev().take_while(u8::is_ascii_digit).count();
    longer || rest[..at].contains('/') || (before < 4 && before + next > 2)
}

/// Letters that belong to the number: ordinals, decades, file names; units are words of their own.
fn suffix(rest: &str) -> usize {
    let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    let letters = &rest[..length];
    if letters.is_empty() {
        return extension(rest);
    }
    let upper = letters.chars().all(char::is_uppercase) && letters.len() == 1 && !matches!(letters, "K" | "M");
    if has(UNITS, &letters.to_lowercase()) && !upper {
        return 0;
    }
    if letters.len() >= 4 && letters.chars().all(char::is_alphabetic) {
        return 0;
    }
    length + extension(&rest[length..])
}

/// ".doc", "'s" of "the 80's".
fn extension(rest: &str) -> usize {
    if rest == "'s" || rest.strip_prefix("'s").is_some_and(|tail| !tail.starts_with(char::is_alphanumeric)) {
        return 2;
    }
    let Some(body) = rest.strip_prefix('.') else { return 0 };
    let length = body.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(body.len());
    let known = matches!(
        body[..length].to_ascii_lowercase().as_str(),
        "doc" | "xls" | "pdf" | "txt" | "jpg" | "png" | "zip" | "py"
    );
    if known { 1 + length } else { 0 }
}
