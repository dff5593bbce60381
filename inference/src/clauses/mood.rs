//! Mood: affirmed or denied, asserted or otherwise, whose word, when, and which part of a state's life.
//!
//! Contract: read from the clause's own words and from what governs it, up the tree. Cost: the depth of the clause.

pub use nexus_types::{Aspect, Polarity, Tense};

use super::frame::{Frame, Subjecthood, copulas, is_clause};
use super::governor::governed;
use super::lists::{
    BEGINNING, CONDITIONS, ENDING, FAILING, FIRST_PERSON, FUTURE, HEDGES, INTENDING, INTENDING_WITH_WOULD, NEGATIONS,
    NOBODY, POSSIBLE, SAYING, SEEMING, THINKING,
};
use super::phrase::is_predicate;
use super::tree::Tree;

/// How a statement is meant; memory's words, in order of strength.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Modality {
    /// As a fact.
    #[default]
    Asserted,
    /// A plan, wish or duty.
    Intended,
    /// Not sure.
    Hedged,
    /// Somebody else's word.
    Reported,
    /// "if", "would".
    Hypothetical,
    /// A question.
    Asked,
}

/// How a proposition is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mood {
    /// Affirmed or denied.
    pub polarity: Polarity,
    /// The strongest of what was found, in the order of [`Modality`].
    pub modality: Modality,
    /// When.
    pub tense: Tense,
    /// Which part of a state's life.
    pub aspect: Aspect,
    /// Whether the speaker is not sure, whatever else holds.
    pub hedged: bool,
    /// The head of whoever said it, if not the speaker.
    pub reporter: Option<usize>,
}

impl Mood {
    /// Takes the stronger modality.
    pub fn raise(&mut self, modality: Modality) {
        self.modality = self.modality.max(modality);
        self.hedged |= modality == Modality::Hedged;
    }

    /// Affirmed becomes denied and back.
    pub fn deny(&mut self) {
        self.polarity = if self.polarity == Polarity::Affirmed { Polarity::Denied } else { Polarity::Affirmed };
    }
}

/// How a frame is meant.
pub fn mood(tree: &Tree, frame: &Frame) -> Mood {
    let mut mood = Mood { tense: tense(tree, frame), ..Mood::default() };
    chain(tree, frame, &mut mood);
    for &link in &frame.chain {
        modifiers(tree, link, &mut mood);
    }
    // "did not stop": it goes on.
    if (mood.aspect, mood.polarity) == (Aspect::Ends, Polarity::Denied) {
        (mood.aspect, mood.polarity) = (Aspect::Holds, Polarity::Affirmed);
    }
    nobody(tree, frame, &mut mood);
    governed(tree, frame.top, &mut mood);
    if mood.polarity == Polarity::Affirmed && alternative(tree, frame.top) {
        mood.raise(Modality::Hedged);
    }
    if asked(tree, frame) {
        mood.raise(Modality::Asked);
    }
    mood
}

/// What the verbs before the last of a chain do to it: "wants to go", "stopped working", "used to live".
fn chain(tree: &Tree, frame: &Frame, mood: &mut Mood) {
    for (&link, &next) in frame.chain.iter().zip(frame.chain.iter().skip(1)) {
        let lemma = tree.lemma(link);
        let lemma = lemma.as_str();
        let gerund = tree.xpos(next) == "VBG";
        let would = tree.dependents(link, &["aux"]).any(|aux| matches!(tree.lower(aux), "would" | "'d" | "d"));
        match lemma {
            "use" => (mood.aspect, mood.tense) = (Aspect::Was, Tense::Past),
            _ if BEGINNING.contains(&lemma) => mood.aspect = Aspect::Begins,
            _ if ENDING.contains(&lemma) => mood.aspect = Aspect::Ends,
            _ if FAILING.contains(&lemma) => mood.deny(),
            _ if SEEMING.contains(&lemma) => mood.raise(Modality::Hedged),
            _ if would && INTENDING_WITH_WOULD.contains(&lemma) => {
                mood.raise(Modality::Intended);
                mood.tense = Tense::Future;
            }
            "go" if gerund || tree.xpos(link) != "VBG" => {}
            _ if INTENDING.contains(&lemma) => {
                mood.raise(Modality::Intended);
                if lemma == "go" {
                    mood.tense = Tense::Future;
                }
            }
            _ if SAYING.contains(&lemma) => mood.raise(Modality::Reported),
            _ if THINKING.contains(&lemma) => mood.raise(Modality::Hedged),
            _ => {}
        }
    }
}

/// Auxiliaries, negation and hedges of one verb.
fn modifiers(tree: &Tree, link: usize, mood: &mut Mood) {
    let wishing = INTENDING_WITH_WOULD.contains(&tree.lemma(link).as_str());
    for &child in tree.children(link) {
        let lower = tree.lower(child);
        match tree.base(child) {
            "aux" => {
                let lemma = tree.lemma(child);
                if FUTURE.contains(&lemma.as_str()) || (wishing && lemma == "would") {
                    mood.raise(Modality::Intended);
                } else if POSSIBLE.contains(&lemma.as_str()) {
                    mood.raise(Modality::Hypothetical);
                }
            }
            "advmod" | "cc" | "det" if NEGATIONS.contains(&lower) => mood.deny(),
            "advmod" if HEDGES.contains(&lower) => mood.raise(Modality::Hedged),
            "advmod" if lower == "longer" && tree.children(child).iter().any(|no| tree.lower(*no) == "no") => {
                mood.aspect = Aspect::Ends
            }
            "advmod" if ceased(tree, child) && mood.polarity == Polarity::Denied => {
                (mood.polarity, mood.aspect) = (Polarity::Affirmed, Aspect::Ends);
            }
            "advcl" if tree.dependents(child, &["mark"]).any(|mark| CONDITIONS.contains(&tree.lower(mark))) => {
                mood.raise(Modality::Hypothetical);
            }
            "obl" if according(tree, child) => {
                mood.raise(Modality::Reported);
                mood.reporter = mood.reporter.or(Some(child));
            }
            "parataxis" => aside(tree, child, mood),
            _ => {}
        }
    }
}

/// "we walk or take the bus": either may be so.
fn alternative(tree: &Tree, clause: usize) -> bool {
    let or = |word: usize| tree.dependents(word, &["cc"]).any(|cc| tree.lower(cc) == "or");
    tree.base(clause) == "conj" && or(clause)
        || tree.dependents(clause, &["conj"]).any(|joined| is_predicate(tree, joined) && or(joined))
}

/// "anymore", "any more", "any longer".
fn ceased(tree: &Tree, adverb: usize) -> bool {
    let any = || tree.children(adverb).iter().any(|any| tree.lower(*any) == "any");
    tree.lower(adverb) == "anymore" || (matches!(tree.lower(adverb), "longer" | "more") && any())
}

/// "according to X".
fn according(tree: &Tree, word: usize) -> bool {
    tree.dependents(word, &["case"]).any(|case| tree.lower(case) == "according")
}

/// "..., Ben said", "..., I think".
fn aside(tree: &Tree, verb: usize, mood: &mut Mood) {
    let lemma = tree.lemma(verb);
    let Some(speaker) = tree.dependent(verb, &["nsubj"]) else { return };
    let first = FIRST_PERSON.contains(&tree.lower(speaker));
    if THINKING.contains(&lemma.as_str()) && first {
        mood.raise(Modality::Hedged);
    } else if SAYING.contains(&lemma.as_str()) && !first && !tree.has(verb, &["obj", "ccomp"]) {
        mood.raise(Modality::Reported);
        mood.reporter = mood.reporter.or(Some(speaker));
    }
}

/// "nobody came", "has no car".
fn nobody(tree: &Tree, frame: &Frame, mood: &mut Mood) {
    let own_subject = frame.subject.filter(|_| matches!(frame.subjecthood, Subjecthood::Own | Subjecthood::Shared));
    let own_head = Some(frame.head).filter(|_| tree.has(frame.head, &["cop"]));
    let certain = |word: &usize| !matches!(tree.lower(*word), "matter" | "doubt" | "problem" | "way");
    let objects = tree.dependents(frame.head, &["obj", "obl"]).filter(certain);
    let existing = tree.dependents(frame.head, &["nsubj"]);
    let mut phrases: Vec<usize> = objects.chain(existing).chain(own_subject).chain(own_head).collect();
    phrases.sort_unstable();
    phrases.dedup();
    let denies = |word: usize| {
        NOBODY.contains(&tree.lower(word)) && tree.lower(word) != "no"
            || tree.dependents(word, &["det"]).any(|no| tree.lower(no) == "no")
    };
    if phrases.into_iter().any(denies) {
        mood.deny();
    }
}

/// Whether the clause is what a question asks: the sentence ends with a question mark, or the auxiliary leads.
fn asked(tree: &Tree, frame: &Frame) -> bool {
    let main = matches!(tree.base(frame.top), "root" | "conj" | "parataxis" | "list");
    let mark = (0..tree.len()).rev().take(4).any(|word| tree.lower(word).contains('?'));
    let inverted = || {
        let lead = tree.dependents(frame.top, &["aux", "cop"]).next();
        let subject = tree.dependent(frame.top, &["nsubj"]);
        lead.zip(subject).is_some_and(|(lead, subject)| {
            lead < subject
                && (0..lead).all(|word| {
                    matches!(tree.upos(word), "PUNCT" | "INTJ" | "CCONJ") || tree.xpos(word).starts_with('W')
                })
        })
    };
    let own = tree
        .dependents(frame.top, &["advmod", "nsubj", "obj", "obl"])
        .any(|child| matches!(tree.lower(child), "how" | "what" | "who" | "why" | "where" | "when"));
    let embedded = tree.base(frame.top) == "ccomp" && own;
    main && (mark || inverted()) || embedded
}

/// The tense, from the finite verb.
fn tense(tree: &Tree, frame: &Frame) -> Tense {
    let mut verbs: Vec<usize> = tree.dependents(frame.top, &["aux"]).chain(copulas(tree, frame.top)).collect();
    verbs.sort_unstable();
    verbs.push(frame.top);
    if verbs.iter().any(|verb| matches!(tree.lemma(*verb).as_str(), "will" | "shall") && tree.xpos(*verb) == "MD") {
        return Tense::Future;
    }
    for &verb in &verbs {
        match tree.xpos(verb) {
            "VBD" => return Tense::Past,
            "VBP" | "VBZ" | "MD" => return Tense::Present,
            _ => {}
        }
    }
    // Neither: the tense of what governs it; a passive participle on its own says what was done.
    let governor = tree.parent(frame.top).filter(|governor| is_clause(tree, *governor));
    let past = |governor: usize| {
        tree.xpos(governor) == "VBD" || tree.dependents(governor, &["aux", "cop"]).any(|aux| tree.xpos(aux) == "VBD")
    };
    if governor.is_some_and(past) || tree.xpos(frame.top) == "VBN" && governor.is_none() {
        Tense::Past
    } else {
        Tense::Present
    }
}
