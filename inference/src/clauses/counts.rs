//! Counts: running totals, which take each other's place: "I have read 20 books so far", "I lead a team of five".
//!
//! Only what is said of now counts: the present ("I have three cats") or the perfect ("I've completed 30 videos"). What was
//! counted once ("I ate two apples") is an event. Contract: total. Cost: the clause's words.

use super::mood::{Modality, Tense};
use super::proposition::{Proposition, Rule};
use super::tree::Tree;

/// Things whose number is part of a time or an amount, not a total.
const UNITS: &[&str] = &[
    "second",
    "minute",
    "hour",
    "day",
    "week",
    "weekend",
    "month",
    "year",
    "decade",
    "o'clock",
    "am",
    "pm",
    "time",
    "percent",
    "dollar",
    "euro",
    "pound",
    "buck",
    "mile",
    "kilometer",
    "km",
    "meter",
    "metre",
    "foot",
    "inch",
    "gb",
    "mb",
    "kb",
    "gig",
    "megabyte",
    "gigabyte",
    "degree",
    "cent",
    "%",
    "age",
    "thing",
    "way",
    "people",
    "person",
    "one",
    "bit",
    "byte",
    "line",
    "step",
    "side",
    "part",
    "kind",
    "type",
    "option",
    "reason",
    "question",
    "problem",
    "issue",
    "error",
];

/// What a clause counts and how many: the noun's lemma and the number in digits.
pub(super) fn count(tree: &Tree<'_>, of: &Proposition) -> Option<(String, String)> {
    let asserted = of.mood.modality == Modality::Asserted && !of.mood.hedged;
    if !asserted || !matches!(of.rule, Rule::Clause(_)) || !is_total(tree, of) {
        return None;
    }
    let phrases = of.object.iter().chain(of.arguments.iter().map(|argument| &argument.phrase));
    phrases.flat_map(|phrase| phrase.words.iter().copied()).find_map(|noun| {
        if !matches!(tree.xpos(noun), "NNS" | "NNPS") {
            return None;
        }
        let number = tree.dependents(noun, &["nummod"]).find_map(|number| digits(tree.lower(number)))?;
        let thing = tree.lemma(noun).to_lowercase();
        let plain = !UNITS.contains(&thing.as_str()) && thing.chars().all(|c| c.is_alphabetic() || c == '-');
        plain.then(|| (tree.lower(noun).to_string(), number))
    })
}

/// Whether it is said of now: the present, the perfect, or with a word that says so.
fn is_total(tree: &Tree<'_>, of: &Proposition) -> bool {
    let has = |word: &&usize| {
        matches!(tree.lower(**word), "have" | "'ve" | "has" | "ve" | "having") && tree.base(**word) == "aux"
    };
    of.mood.tense == Tense::Present || of.predicate.words.iter().any(|word| has(&word))
}

/// A number as digits.
fn digits(word: &str) -> Option<String> {
    const WORDS: [&str; 21] = [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
        "twenty",
    ];
    let plain = word.replace(',', "");
    if !plain.is_empty() && plain.len() <= 7 && plain.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(plain);
    }
    WORDS.iter().position(|other| *other == word).map(|number| number.to_string())
}
