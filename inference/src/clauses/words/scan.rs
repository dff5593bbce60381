//! One chunk between white space, cut into pieces from left to right; contractions are still whole.
//!
//! Contract: the pieces cover the chunk. Cost: linear; every look ahead is bounded or consumes what it saw.

use super::numbers::number;
use super::tables::{
    ABBREVIATIONS, ABBREVIATIONS_BEFORE_NUMBERS, CLITICS, ELIDED, EMOTICONS, PREFIXES, SLASHED, STATES, has,
};

/// How far ahead a mail address is looked for, in bytes.
const MAIL_MAX: usize = 254;
/// Apostrophes of all kinds.
pub(crate) const APOSTROPHES: [char; 3] = ['\'', '’', '`'];

/// Appends the pieces of one chunk.
pub(crate) fn chunk(text: &str, start: usize, end: usize, pieces: &mut Vec<(usize, usize)>) {
    let mut at = start;
    let mut fresh = true;
    while at < end {
        let rest = &text[at..end];
        let after = text[end..].trim_start().chars().next();
        let (length, word) = piece(rest, fresh, after);
        pieces.push((at, at + length));
        at += length;
        fresh = !word;
    }
}

/// The length of the first piece, and whether it is a word (rather than punctuation).
fn piece(rest: &str, fresh: bool, after: Option<char>) -> (usize, bool) {
    if let Some(length) = emoticon(rest, fresh) {
        return (length, false);
    }
    if fresh
        && let Some(length) = address(rest).or_else(|| path(rest)).or_else(|| handle(rest)).or_else(|| elided(rest))
    {
        return (length, true);
    }
    let mut chars = rest.chars();
    let (first, second) = (chars.next().unwrap_or(' '), chars.next().unwrap_or(' '));
    if first.is_ascii_digit() || (fresh && first == '+' && second.is_ascii_digit()) {
        return (number(rest), true);
    }
    if first.is_alphanumeric() || first == '_' && second.is_alphanumeric() {
        return (word(rest, after), true);
    }
    (punctuation(rest), false)
}

/// An emoticon: at the start of a chunk or after punctuation; after a word only with a mouth that cannot be anything
/// else.
fn emoticon(rest: &str, fresh: bool) -> Option<usize> {
    let face = EMOTICONS.iter().find(|face| rest.starts_with(**face))?;
    let next = rest[face.len()..].chars().next();
    let closed = !next.is_some_and(|next| next.is_alphanumeric() || next == '/');
    let clear = fresh || (face.starts_with([':', ';', '=']) && face.ends_with([')', '(', 'D']) && next.is_none());
    (closed && clear).then_some(face.len())
}

/// A web or mail address, without the punctuation that ends the sentence around it.
fn address(rest: &str) -> Option<usize> {
    const SCHEMES: [&str; 9] =
        ["http://", "https://", "ftp://", "ssh://", "git://", "file://", "irc://", "mailto:", "www."];
    let lower = |scheme: &&&str| rest.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme));
    if let Some(scheme) = SCHEMES.iter().find(lower) {
        let length = trimmed(rest, rest.len());
        return (length > scheme.len()).then_some(length);
    }
    mail(rest)
}

/// `local@domain`.
fn mail(rest: &str) -> Option<usize> {
    let inside = |byte: &u8| byte.is_ascii_alphanumeric() || b"._%+-".contains(byte);
    let bytes = rest.as_bytes();
    let local = bytes.iter().take(MAIL_MAX).take_while(|byte| inside(byte)).count();
    if local == 0 || bytes.get(local) != Some(&b'@') {
        return None;
    }
    let domain = bytes[local + 1..].iter().take(MAIL_MAX).take_while(|byte| inside(byte)).count();
    let length = trimmed(rest, local + 1 + domain);
    (length > local + 1).then_some(length)
}

/// A file path: `/usr/bin`, `~/notes`, `./run.sh`, `../x`, `C:\x`; also an option, `--flag`.
fn path(rest: &str) -> Option<usize> {
    let bytes = rest.as_bytes();
    let letter =
        |at: usize| bytes.get(at).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'.' || *byte == b'_');
    let rooted = bytes[0] == b'/' && letter(1) && bytes[1..].iter().take(64).any(|byte| *byte == b'/');
    let relative = ["~/", "./", "../"].iter().any(|root| rest.starts_with(root) && letter(root.len()));
    let drive = bytes[0].is_ascii_alphabetic() && rest[1..].starts_with(":\\");
    let option = rest.starts_with("--") && bytes.get(2).is_some_and(u8::is_ascii_lowercase);
    (rooted || relative || drive || option).then(|| trimmed(rest, rest.len())).filter(|length| *length > 1)
}

/// `@name` and `#tag`.
fn handle(rest: &str) -> Option<usize> {
    let body = rest.strip_prefix(['@', '#'])?;
    let inside = |c: char| c.is_alphanumeric() || c == '_' || c == '-' || c == '.';
    let length = trimmed(rest, 1 + body.find(|c| !inside(c)).unwrap_or(body.len()));
    body.starts_with(|c: char| c.is_alphabetic()).then_some(length)
}

/// `'em`, `'60s`; a clitic that stands alone, `'s`.
fn elided(rest: &str) -> Option<usize> {
    let body = rest.strip_prefix(['\'', '’'])?;
    let quote = rest.len() - body.len();
    let length = body.find(|c: char| !c.is_alphanumeric()).unwrap_or(body.len());
    let closed = body[length..].starts_with(APOSTROPHES);
    let year = length >= 2 && body.bytes().take(2).all(|byte| byte.is_ascii_digit()) && length <= 3;
    let word = body[..length].to_lowercase();
    (!closed && (year || has(ELIDED, &word) || has(CLITICS, &word))).then_some(quote + length)
}

/// A length without the closing punctuation at its end.
fn trimmed(rest: &str, length: usize) -> usize {
    let kept =
        rest[..length].trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '}', '>', '"', '\'', '”', '’', '*']);
    // An address that opens a bracket itself keeps its closing one.
    let bracket = kept.contains('(') && rest[kept.len()..length].starts_with(')');
    kept.len() + usize::from(bracket)
}

/// A word: letters, digits and what may stand between them.
fn word(rest: &str, after: Option<char>) -> usize {
    let mut at = 0;
    let mut dotted = false;
    loop {
        let body = &rest[at..];
        at += body.find(|c: char| !c.is_alphanumeric() && c != '_' && !mark(c)).unwrap_or(body.len());
        let mut tail = rest[at..].chars();
        let (Some(joint), next) = (tail.next(), tail.next()) else { return at };
        let inner = next.is_some_and(char::is_alphanumeric);
        let so_far = &rest[..at];
        let joins = match joint {
            '\'' | '’' | '`' => inner,
            '.' if inner => dot_joins(so_far, &rest[at + 1..]),
            '&' => inner && short_capitals(so_far) && short_capitals(&rest[at + 1..]),
            '-' => inner && (has(PREFIXES, &so_far.to_lowercase()) || versioned(so_far, &rest[at + 1..])),
            '/' => slashed(rest, at).is_some(),
            '*' => next.is_some_and(char::is_alphabetic),
            _ => false,
        };
        if !joins {
            return at + word_tail(rest, at, dotted, after);
        }
        dotted |= joint == '.';
        at += joint.len_utf8();
        if joint == '/' && !inner {
            return at;
        }
    }
}

/// Letters' marks and invisible joiners.
fn mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{ad}' | '\u{200c}' | '\u{200d}')
}

/// A full stop inside: initials ("U.S"), names of files, hosts and versions; not a missing blank ("end.The", "it.but").
fn dot_joins(before: &str, after: &str) -> bool {
    let last = before.rsplit('.').next().unwrap_or(before);
    let next = &after[..after.find(|c: char| !c.is_alphanumeric()).unwrap_or(after.len())];
    let initials = last.chars().count() == 1 && next.chars().count() == 1;
    let numbered = last.ends_with(|c: char| c.is_ascii_digit()) || next.starts_with(|c: char| c.is_ascii_digit());
    let sentence = next.starts_with(char::is_uppercase) && last.ends_with(char::is_lowercase);
    let host = before.contains('.') && next.len() > 1;
    let more = host || after[next.len()..].starts_with(['.', '/', '@', '_', '-']) && after.len() > next.len() + 1;
    let extension = next.len() <= 5 && !sentence && !super::tables::OPENERS.contains(&next);
    initials || numbered || (!sentence && more) || extension
}

/// Capital letters only, up to four, as in "AT&T", "P&L".
fn short_capitals(part: &str) -> bool {
    let part = &part[..part.find(|c: char| !c.is_alphanumeric()).unwrap_or(part.len())];
    !part.is_empty() && part.len() <= 4 && (part.chars().all(char::is_uppercase) || part.len() == 1)
}

/// Names with numbers, as in "utf-8", "linux-2.6": a code, not a compound.
fn versioned(before: &str, after: &str) -> bool {
    let coded = |part: &str| part.contains('_') || part.contains('.') && part.contains(|c: char| c.is_ascii_digit());
    coded(before) || (before.contains(|c: char| c.is_ascii_digit()) && after.starts_with(|c: char| c.is_ascii_digit()))
}

/// The end of a word with a slash that begins the text, if it is one.
fn slashed(rest: &str, at: usize) -> Option<usize> {
    let end = rest[at + 1..].find(|c: char| !c.is_alphanumeric()).map_or(rest.len(), |length| at + 1 + length);
    let whole = rest[..end].to_lowercase();
    (has(SLASHED, &whole) || whole == "w/").then_some(end)
}

/// What stays at a word's end: the full stop of an abbreviation, `++`, `#`, the dropped g of "cookin'".
fn word_tail(rest: &str, at: usize, dotted: bool, after: Option<char>) -> usize {
    let (so_far, tail) = (&rest[..at], &rest[at..]);
    let lower = so_far.to_lowercase();
    if let Some(beyond) = tail.strip_prefix('.') {
        let run = tail.len() - tail.trim_start_matches('.').len();
        if run > 2 {
            return 0;
        }
        let ends_text = after.is_none() && tail.len() == 1;
        if lower == "etc" && tail.len() == 1 && !after.is_some_and(char::is_lowercase) {
            return 0;
        }
        let initial = so_far.chars().count() == 1 && so_far.chars().all(char::is_uppercase) && so_far != "I";
        let initials = dotted && so_far.split('.').all(|part| part.chars().count() == 1);
        let abbreviation = has(ABBREVIATIONS, &lower);
        let state =
            has(STATES, so_far) && beyond.chars().next().or(after).is_some_and(|c| c == ',' || c.is_lowercase());
        let numbered = has(ABBREVIATIONS_BEFORE_NUMBERS, &lower)
            && beyond.chars().next().or(after).is_some_and(|c| c.is_ascii_digit());
        return usize::from(initials || state || numbered || abbreviation || (initial && !ends_text));
    }
    if matches!(lower.as_str(), "c" | "g" | "notepad") && tail.starts_with("++") {
        return 2;
    }
    if matches!(lower.as_str(), "c" | "f") && tail.starts_with('#') {
        return 1;
    }
    if lower.len() > 4 && lower.ends_with("in") && tail.starts_with(['\'', '’']) {
        return tail.chars().next().map_or(0, char::len_utf8);
    }
    usize::from(matches!(lower.as_str(), "us" | "u") && tail.starts_with('$'))
}

/// Punctuation: runs of the same sign and of sentence ends are one piece.
fn punctuation(rest: &str) -> usize {
    let Some(first) = rest.chars().next() else { return 0 };
    let run = |same: &dyn Fn(char) -> bool| rest.find(|c| !same(c)).unwrap_or(rest.len());
    match first {
        '.' | '!' | '?' => run(&|c| matches!(c, '.' | '!' | '?')),
        '-' | '=' => run(&|c| matches!(c, '-' | '=')),
        '*' | '_' | '~' | '+' | '<' | '>' | '\'' | '’' | '`' | '‘' | '#' | '$' | '/' | '\\' => run(&|c| c == first),
        _ if first.is_ascii() => 1,
        _ => {
            let joined = |c: char| matches!(c, '\u{fe0f}' | '\u{200d}' | '\u{1f3fb}'..='\u{1f3ff}') || mark(c);
            let length = first.len_utf8();
            length + rest[length..].find(|c| !joined(c)).unwrap_or(rest.len() - length)
        }
    }
}
