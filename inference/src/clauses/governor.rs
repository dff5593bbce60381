//! What governs a clause changes how it is meant: "Ben says", "I think", "if", "let me", up to the root.
//!
//! Contract: the mood only gets stronger, or is denied. Cost: the depth of the clause.

use super::lists::{
    CONDITIONS, FIRST_PERSON, FUTURE, NEGATIONS, PERMITTING, PLANS, POSSIBLE, SAYING, THINKING, WISHING,
};
use super::mood::{Modality, Mood, Tense};
use super::tree::Tree;

/// What governs the clause, up to the root.
pub(crate) fn governed(tree: &Tree, top: usize, mood: &mut Mood) {
    let mut clause = top;
    for _ in 0..16 {
        let Some(governor) = tree.parent(clause) else { break };
        let conditional = tree.dependents(clause, &["mark"]).any(|mark| CONDITIONS.contains(&tree.lower(mark)));
        if conditional && tree.base(clause) != "conj" {
            mood.raise(Modality::Hypothetical);
        }
        match tree.base(clause) {
            "ccomp" | "xcomp" if ordered(tree, governor) => mood.raise(Modality::Hypothetical),
            "ccomp" | "xcomp" | "csubj" => complement(tree, governor, clause, mood),
            "acl"
                if tree.rel(clause) == "acl" && tree.dependents(clause, &["mark"]).any(|to| tree.lower(to) == "to") =>
            {
                mood.raise(if PLANS.contains(&tree.lemma(governor).as_str()) {
                    Modality::Intended
                } else {
                    Modality::Hypothetical
                });
            }
            "advcl" => adverbial(tree, clause, clause == top, mood),
            "conj" if clause == top => joined(tree, governor, clause, mood),
            _ => {}
        }
        clause = governor;
    }
}

/// "to win" is meant; "without winning" did not happen.
fn adverbial(tree: &Tree, clause: usize, own: bool, mood: &mut Mood) {
    for mark in tree.dependents(clause, &["mark"]) {
        match tree.lower(mark) {
            "to" => mood.raise(Modality::Intended),
            "instead" | "without" if own => mood.deny(),
            _ => {}
        }
    }
}

/// Whether a verb is an imperative: "let me know", "make sure it works".
fn ordered(tree: &Tree, verb: usize) -> bool {
    let main = matches!(tree.base(verb), "root" | "conj" | "parataxis" | "list");
    main && tree.xpos(verb) == "VB" && !tree.has(verb, &["nsubj", "aux", "csubj"])
}

/// A clause under a verb of saying, thinking or wishing.
fn complement(tree: &Tree, governor: usize, clause: usize, mood: &mut Mood) {
    let lemma = tree.lemma(governor);
    let lemma = lemma.as_str();
    let speaker = tree.dependent(governor, &["nsubj"]);
    let first = speaker.is_none_or(|speaker| FIRST_PERSON.contains(&tree.lower(speaker)));
    let denied = tree.dependents(governor, &["advmod"]).any(|not| NEGATIONS.contains(&tree.lower(not)));
    let infinitive =
        tree.base(clause) == "xcomp" && tree.dependents(clause, &["mark"]).any(|to| tree.lower(to) == "to");
    if infinitive && PERMITTING.contains(&lemma) {
        mood.raise(Modality::Intended);
    } else if infinitive && THINKING.contains(&lemma) || THINKING.contains(&lemma) && first {
        mood.raise(Modality::Hedged);
        if denied {
            mood.deny();
        }
    } else if (SAYING.contains(&lemma) || THINKING.contains(&lemma)) && !first {
        mood.raise(Modality::Reported);
        mood.reporter = mood.reporter.or(speaker);
    } else if WISHING.contains(&lemma) {
        mood.raise(if lemma == "hope" { Modality::Intended } else { Modality::Hypothetical });
    } else if matches!(lemma, "sure" | "certain") && denied
        || matches!(lemma, "possible" | "likely" | "seem" | "appear")
    {
        mood.raise(Modality::Hedged);
    }
}

/// A bare verb joined to another shares the other's auxiliary and negation: "I will go and see", "don't eat or drink".
fn joined(tree: &Tree, first: usize, clause: usize, mood: &mut Mood) {
    let bare = tree.xpos(clause) == "VB" && !tree.has(clause, &["aux", "nsubj"]);
    for aux in tree.dependents(first, &["aux"]) {
        let lemma = tree.lemma(aux);
        if POSSIBLE.contains(&lemma.as_str()) {
            mood.raise(Modality::Hypothetical);
        } else if bare && FUTURE.contains(&lemma.as_str()) {
            mood.raise(Modality::Intended);
            mood.tense = Tense::Future;
        }
    }
    let leader = tree.parent(first).filter(|_| tree.base(first) == "xcomp").unwrap_or(first);
    let denied = |verb: usize| tree.dependents(verb, &["advmod"]).any(|not| NEGATIONS.contains(&tree.lower(not)));
    if bare && (denied(first) || denied(leader)) {
        mood.deny();
    }
}
