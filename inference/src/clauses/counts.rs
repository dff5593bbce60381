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

/// How sure a clause must be to count: the words of a total say more than its shape.
const SURE: u16 = 300;

/// A thing and how many there are of it: its name as a predicate has it, and the number in digits.
pub(super) type Count = (String, String);

/// What a clause counts. "4 MCU films" are so many films and so many of that kind; "ten times" counts what was done.
pub(super) fn counts(tree: &Tree<'_>, of: &Proposition) -> Vec<Count> {
    let asserted = of.mood.modality == Modality::Asserted && !of.mood.hedged && of.confidence >= SURE;
    if !asserted || !matches!(of.rule, Rule::Clause(_)) || !is_total(tree, of) {
        return Vec::new();
    }
    let phrases = of.object.iter().chain(of.arguments.iter().map(|argument| &argument.phrase));
    let mut found: Vec<Count> = Vec::new();
    for noun in phrases.flat_map(|phrase| phrase.words.iter().copied()) {
        for count in counted(tree, noun) {
            if !found.iter().any(|(thing, _)| *thing == count.0) {
                found.push(count);
            }
        }
    }
    found
}

/// Whether a clause says a total of whatever "that" is: "that's 15 baseballs since March".
pub(super) fn is_sum(tree: &Tree<'_>, of: &Proposition) -> bool {
    let that = of.subject.as_ref().is_some_and(|subject| matches!(tree.lower(subject.head), "that" | "it"));
    let mine = (0..tree.len()).any(|word| matches!(tree.lower(word), "i" | "my"));
    let total = (0..tree.len()).any(|word| matches!(tree.lower(word), "since" | "now" | "already" | "total" | "far"));
    that && mine && total && of.predicate.name == "be"
}

fn counted(tree: &Tree<'_>, noun: usize) -> Vec<Count> {
    // "3 of Emma's recipes": the number is the head.
    let parted = tree.upos(noun) == "NUM";
    let (noun, number) = match parted.then(|| tree.dependent(noun, &["nmod"])).flatten() {
        Some(of_these) => (of_these, digits(tree.lower(noun))),
        None => (noun, tree.dependents(noun, &["nummod"]).find_map(|number| digits(tree.lower(number)))),
    };
    let Some(number) = number.filter(|_| matches!(tree.xpos(noun), "NNS" | "NNPS")) else { return Vec::new() };
    let (word, lemma) = (tree.lower(noun), tree.lemma(noun).to_lowercase());
    if lemma == "time" {
        // "Ten times", of what was done; "three times a week" is no total.
        let done = tree.parent(noun).filter(|verb| tree.upos(*verb) == "VERB").map(|verb| tree.lemma(verb));
        let total = !tree.has(noun, &["obl", "nmod"]);
        return done.filter(|_| total).map(|done| (format!("times_{done}"), number)).into_iter().collect();
    }
    let plain = |word: &str| word.chars().all(|c| c.is_alphanumeric() || c == '-');
    if UNITS.contains(&lemma.as_str()) || !plain(word) {
        return Vec::new();
    }
    let kinds = tree.dependents(noun, &["compound"]).map(|kind| tree.lower(kind).to_string());
    let kinds: Vec<String> = kinds.filter(|kind| plain(kind)).collect();
    let mut found = vec![(word.to_string(), number.clone())];
    if !kinds.is_empty() {
        found.push((format!("{}_{word}", kinds.join("_")), number));
    }
    found
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
