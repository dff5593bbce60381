//! What a word's letters say beside its states: an encoder without capitals cannot tell "may" from "May".
//!
//! Each feature is one row of a learnt table; features share rows where their hashes meet. Cost: a few hashes a word.

/// How many features a word has.
pub const FEATURES: usize = 4;
/// Rows of each feature's part of the table.
const ROWS: [u32; FEATURES] = [192, 192, 256, 1024];
/// Rows of the table.
pub const FEATURE_ROWS: usize = 192 + 192 + 256 + 1024;

/// The rows of a word: its shape, whether it begins the sentence with it, its last two and its last three letters.
pub fn features(word: &str, first: bool) -> [u32; FEATURES] {
    let shape = shape(word);
    let ending = |count: usize| {
        let start = word.char_indices().rev().nth(count - 1).map_or(0, |(at, _)| at);
        hash(word[start..].chars().flat_map(char::to_lowercase))
    };
    let begins = shape.wrapping_mul(31).wrapping_add(u32::from(first) + 1);
    let mut base = 0;
    let hashes = [shape, begins, ending(2), ending(3)];
    std::array::from_fn(|at| {
        let row = base + hashes[at] % ROWS[at];
        base += ROWS[at];
        row
    })
}

/// Capitals, small letters, digits and marks in their order, each run as one, at most six runs.
fn shape(word: &str) -> u32 {
    let mut last = ' ';
    let mut runs = 0;
    let kinds = word.chars().filter_map(|c| {
        let kind = match c {
            c if c.is_uppercase() => 'X',
            c if c.is_alphabetic() => 'x',
            c if c.is_numeric() => 'd',
            c => c,
        };
        let new = kind != last && runs < 6;
        last = kind;
        runs += usize::from(new);
        new.then_some(kind)
    });
    let shape = hash(kinds);
    shape.wrapping_mul(4).wrapping_add(word.chars().count().min(3) as u32)
}

/// FNV-1a.
fn hash(chars: impl Iterator<Item = char>) -> u32 {
    let mixed = chars.fold(0x811c_9dc5_u32, |hash, c| (hash ^ c as u32).wrapping_mul(0x0100_0193));
    mixed ^ (mixed >> 15)
}
