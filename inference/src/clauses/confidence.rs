//! How sure a proposition is: a base, and for each thing seen in it some thousandths more or less.
//!
//! Contract: between [`LEAST`] and [`MOST`]. The weights were fitted so that the sum is near the share of a
//! proposition's words that people put into theirs. Cost: the proposition's words.

use super::frame::Subjecthood;
use super::lists::SAYING;
use super::mood::{Modality, Polarity};
use super::phrase::Phrase;
use super::proposition::{Proposition, Rule};
use super::tree::Tree;

/// The lowest confidence.
pub const LEAST: i32 = 50;
/// The highest confidence.
pub const MOST: i32 = 950;
/// Where every proposition starts.
const BASE: i32 = 523;

/// What is seen in a proposition.
pub type Seen = fn(&Tree, &Proposition) -> bool;

/// What may be seen, its name, and what it adds.
pub const SIGNS: &[(&str, i32, Seen)] = &[
    ("subject of its own", 135, |_, p| p.rule == Rule::Clause(Subjecthood::Own)),
    ("subject shared", 170, |_, p| p.rule == Rule::Clause(Subjecthood::Shared)),
    ("relative clause", 95, |_, p| p.rule == Rule::Clause(Subjecthood::Relative)),
    ("reduced clause", 39, |_, p| p.rule == Rule::Clause(Subjecthood::Reduced)),
    ("subject controlled", -30, |_, p| p.rule == Rule::Clause(Subjecthood::Controlled)),
    ("apposition", 80, |_, p| p.rule == Rule::Apposition),
    ("title", 132, |_, p| p.rule == Rule::Title),
    ("possession", -411, |_, p| p.rule == Rule::Possession),
    ("passive", 22, |_, p| p.passive),
    ("copula", -73, |_, p| {
        clause(p) && (p.predicate.name == "be" || p.predicate.name.starts_with("be_") && !p.passive)
    }),
    ("existence", -40, |_, p| p.predicate.name.starts_with("exist")),
    ("no object", -110, |_, p| p.object.is_none()),
    ("nothing but a subject", -433, |tree, p| p.object.is_none() && arguments(tree, p) == 0),
    ("two arguments", -24, |tree, p| arguments(tree, p) == 2),
    ("more arguments", -118, |tree, p| arguments(tree, p) > 2),
    ("clause as object", -14, |tree, p| p.object.as_ref().is_some_and(|object| clausal(tree, object))),
    ("pronoun as subject", -21, |tree, p| p.subject.as_ref().is_some_and(|subject| tree.upos(subject.head) == "PRON")),
    ("name as subject", 35, |tree, p| p.subject.as_ref().is_some_and(|subject| tree.upos(subject.head) == "PROPN")),
    ("long subject", -96, |_, p| p.subject.as_ref().is_some_and(|subject| subject.words.len() > 7)),
    ("pronoun as object", -83, |tree, p| p.object.as_ref().is_some_and(|object| tree.upos(object.head) == "PRON")),
    ("long object", -57, |_, p| p.object.as_ref().is_some_and(|object| object.words.len() > 9)),
    ("preposition in the predicate", 44, |_, p| p.predicate.name.contains('_')),
    ("governed verb", 64, |_, p| !p.predicate.governor.is_empty()),
    ("long predicate", 28, |_, p| p.predicate.words.len() > 3),
    ("not asserted", -58, |_, p| p.mood.modality != Modality::Asserted),
    ("question", -159, |_, p| p.mood.modality == Modality::Asked),
    ("reported", -32, |_, p| p.mood.modality == Modality::Reported),
    ("denied", -32, |_, p| p.mood.polarity == Polarity::Denied),
    ("long sentence", -36, |tree, _| tree.len() > 30),
    ("short sentence", 47, |tree, _| tree.len() < 13),
    ("many words", -26, |_, p| size(p) > 24),
    ("one of several subjects", -149, |tree, p| p.subject.as_ref().is_some_and(|subject| conjoined(tree, subject))),
    ("one of several objects", -44, |tree, p| p.object.as_ref().is_some_and(|object| conjoined(tree, object))),
    ("condition", -83, |tree, p| p.mood.modality == Modality::Hypothetical && tree.base(p.top) == "advcl"),
    ("number as object", -73, |tree, p| p.object.as_ref().is_some_and(|object| tree.upos(object.head) == "NUM")),
    ("short object", -54, |_, p| p.object.as_ref().is_some_and(|object| object.words.len() < 3)),
    ("main clause", 137, |tree, p| clause(p) && tree.rel(p.top) == "root"),
    ("adverbial", 70, |tree, p| clause(p) && tree.base(p.top) == "advcl"),
    ("aside", 53, |tree, p| clause(p) && tree.base(p.top) == "parataxis"),
    ("says", 84, |tree, p| clause(p) && SAYING.contains(&tree.lemma(p.head).as_str())),
    ("torn subject", -43, |tree, p| p.subject.as_ref().is_some_and(|subject| torn(tree, subject))),
    ("torn object", -56, |tree, p| p.object.as_ref().is_some_and(|object| torn(tree, object))),
    ("question word", -84, |tree, p| {
        p.subject.iter().chain(&p.object).any(|phrase| tree.xpos(phrase.head).starts_with('W'))
    }),
    ("comma in the subject", -103, |tree, p| p.subject.as_ref().is_some_and(|subject| comma(tree, subject))),
    ("comma in the object", -117, |tree, p| p.object.as_ref().is_some_and(|object| comma(tree, object))),
    ("adverbial clause beside it", 30, |tree, p| {
        p.arguments.iter().any(|argument| tree.base(argument.phrase.head) == "advcl")
    }),
    ("infinitive beside it", -8, |tree, p| {
        p.arguments.iter().any(|argument| tree.base(argument.phrase.head) == "xcomp")
    }),
    ("subject after the verb", -30, |_, p| {
        clause(p) && p.subject.as_ref().is_some_and(|subject| subject.head > p.head)
    }),
    ("subject far away", 23, |_, p| far(p)),
];

/// In thousandths.
pub fn confidence(tree: &Tree, proposition: &Proposition) -> u16 {
    let seen = SIGNS.iter().filter(|(_, _, seen)| seen(tree, proposition));
    let sum: i32 = BASE + seen.map(|(_, weight, _)| weight).sum::<i32>();
    u16::try_from(sum.clamp(LEAST, MOST)).unwrap_or(0)
}

/// Read from a clause rather than from nouns.
fn clause(proposition: &Proposition) -> bool {
    matches!(proposition.rule, Rule::Clause(_))
}

/// A clause rather than a noun phrase.
fn clausal(tree: &Tree, phrase: &Phrase) -> bool {
    matches!(tree.base(phrase.head), "ccomp" | "xcomp" | "advcl" | "csubj")
}

/// One of several that were told apart.
fn conjoined(tree: &Tree, phrase: &Phrase) -> bool {
    tree.base(phrase.head) == "conj"
        || tree.dependents(phrase.head, &["conj"]).any(|word| !phrase.words.contains(&word))
}

/// A comma inside.
fn comma(tree: &Tree, phrase: &Phrase) -> bool {
    phrase.words.iter().any(|word| tree.lower(*word) == ",")
}

/// Words missing inside that are no punctuation.
fn torn(tree: &Tree, phrase: &Phrase) -> bool {
    phrase.words.windows(2).any(|pair| (pair[0] + 1..pair[1]).any(|word| tree.upos(word) != "PUNCT"))
}

/// Arguments that are no adverbial clauses.
fn arguments(tree: &Tree, proposition: &Proposition) -> usize {
    proposition.arguments.iter().filter(|argument| tree.base(argument.phrase.head) != "advcl").count()
}

/// How many words.
fn size(proposition: &Proposition) -> usize {
    let phrases = proposition
        .subject
        .iter()
        .chain(&proposition.object)
        .chain(proposition.arguments.iter().map(|argument| &argument.phrase));
    phrases.map(|phrase| phrase.words.len()).sum::<usize>() + proposition.predicate.words.len()
}

/// Whether much stands between the subject and its verb.
fn far(proposition: &Proposition) -> bool {
    let subject = proposition.subject.as_ref().and_then(|subject| subject.words.last());
    subject.zip(proposition.predicate.words.first()).is_some_and(|(subject, verb)| subject.abs_diff(*verb) > 7)
}
