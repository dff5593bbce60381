//! What a clause governs: its object, and everything else said with it; each with its preposition.
//!
//! Contract: nothing is both object and argument. Cost: the dependents of the clause's verbs.

use super::frame::{Frame, Kind, Subjecthood, copulas, relative_adverb};
use super::lists::{FILLERS, HEDGES, NEGATIONS, RELATIVES, TIME_NOUNS, TIMES};
use super::phrase::{Phrase, apart};
use super::proposition::Argument;
use super::tree::Tree;

/// What a clause governs, before it is told apart.
#[derive(Default)]
pub(crate) struct Governed {
    /// The object, or what takes its place.
    pub object: Option<Complement>,
    /// All else.
    pub others: Vec<Complement>,
}

/// An object or argument: its preposition, its head, and how its phrase is built.
#[derive(Clone)]
pub(crate) struct Complement {
    /// The words that mark it, in order.
    pub preposition: Vec<usize>,
    /// Its head.
    pub head: usize,
    shape: Shape,
}

/// How a complement's phrase is built.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Nominal,
    Clause,
}

impl Governed {
    /// The first object is the object.
    fn take_object(&mut self, complement: Complement) {
        if self.object.is_none() {
            self.object = Some(complement);
        } else {
            self.others.push(complement);
        }
    }
}

impl Complement {
    /// A noun without a preposition.
    pub(crate) fn bare(head: usize) -> Self {
        Complement { preposition: Vec::new(), head, shape: Shape::Nominal }
    }

    /// As an argument.
    pub(crate) fn argument(&self, tree: &Tree) -> Argument {
        Argument { preposition: self.preposition.clone(), phrase: self.phrase(tree, true) }
    }

    /// As a phrase, without its preposition.
    fn phrase(&self, tree: &Tree, conjuncts: bool) -> Phrase {
        match self.shape {
            Shape::Nominal => Phrase::nominal(tree, self.head, conjuncts),
            Shape::Clause => {
                let mut phrase = Phrase::whole(tree, self.head);
                phrase.words.retain(|word| !self.preposition.contains(word));
                phrase
            }
        }
    }

    /// As phrases, one for each conjunct.
    pub(crate) fn phrases(&self, tree: &Tree) -> Vec<Phrase> {
        if self.shape == Shape::Nominal { apart(tree, self.head) } else { vec![self.phrase(tree, true)] }
    }
}

/// What the verbs of a clause govern.
pub(crate) fn governed(tree: &Tree, frame: &Frame, predicate: &[usize]) -> Governed {
    let mut governed = Governed::default();
    for &link in &frame.chain {
        for &child in tree.children(link) {
            if !predicate.contains(&child) && !frame.chain.contains(&child) {
                one(tree, frame, child, &mut governed);
            }
        }
    }
    if frame.kind == Kind::Noun {
        governed.others.extend(governed.object.take());
        let preposition = cases(tree, frame.head);
        governed.object = Some(Complement { preposition, head: frame.head, shape: Shape::Nominal });
    }
    if let Some(antecedent) = frame.antecedent
        && governed.object.is_none()
        && !governed.others.iter().any(|other| other.head == antecedent)
    {
        governed.object = Some(Complement { preposition: Vec::new(), head: antecedent, shape: Shape::Nominal });
    }
    if frame.subjecthood == Subjecthood::Shared && tree.base(frame.top) == "conj" {
        shared(tree, frame, &mut governed);
    }
    governed
}

/// Takes in one dependent.
fn one(tree: &Tree, frame: &Frame, child: usize, governed: &mut Governed) {
    let pronoun =
        tree.rel(frame.top) == "acl:relcl" && (RELATIVES.contains(&tree.lower(child)) || relative_adverb(tree, child));
    let head = if pronoun { frame.antecedent.unwrap_or(child) } else { child };
    if pronoun && frame.antecedent.is_none() {
        return;
    }
    let nominal = |preposition| Complement { preposition, head, shape: Shape::Nominal };
    let clause = |preposition| Complement { preposition, head, shape: Shape::Clause };
    match tree.base(child) {
        "obj" => governed.take_object(nominal(Vec::new())),
        "iobj" => governed.others.push(nominal(Vec::new())),
        "obl" => governed.others.push(nominal(cases(tree, child))),
        "advmod" if pronoun => governed.others.push(nominal(Vec::new())),
        "advmod" if adverb(tree, child) && !inside(tree, frame, child) => governed.others.push(clause(Vec::new())),
        "xcomp" | "ccomp" => governed.take_object(clause(markers(tree, child))),
        "advcl" if tree.rel(child) == "advcl" => governed.others.push(clause(markers(tree, child))),
        _ => {}
    }
}

/// What a joined verb shares with the first: the object after both, the arguments before both.
fn shared(tree: &Tree, frame: &Frame, governed: &mut Governed) {
    let Some(first) = tree.parent(frame.top) else { return };
    let nominal = |preposition, head| Complement { preposition, head, shape: Shape::Nominal };
    if governed.object.is_none()
        && let Some(object) = tree.dependents(first, &["obj"]).find(|object| *object > frame.head)
    {
        governed.object = Some(nominal(Vec::new(), object));
    }
    let subject = tree.dependent(first, &["nsubj"]).unwrap_or(first);
    let before = tree.dependents(first, &["obl"]).filter(|fronted| *fronted < subject);
    governed.others.extend(before.map(|head| nominal(cases(tree, head), head)));
}

/// Without an object, the first preposition phrase after the verb becomes it: "was born in" Oslo.
pub(crate) fn promote(tree: &Tree, frame: &Frame, governed: &mut Governed) {
    let after = |other: &Complement| {
        let from = other.preposition.first().copied().unwrap_or(other.head);
        let when =
            temporal(tree, other.head) || other.preposition.iter().any(|word| TIMES.contains(&tree.lower(*word)));
        other.shape == Shape::Nominal && !other.preposition.is_empty() && from > frame.head && !when
    };
    let chosen = governed
        .others
        .iter()
        .position(after)
        .or_else(|| governed.others.iter().position(|other| tree.base(other.head) == "iobj"));
    if let Some(at) = chosen {
        governed.object = Some(governed.others.remove(at));
    }
}

/// A time rather than a thing: a unit, a day or month, a year.
fn temporal(tree: &Tree, head: usize) -> bool {
    let year = tree.lower(head).len() == 4 && tree.lower(head).bytes().all(|byte| byte.is_ascii_digit());
    year || TIME_NOUNS.contains(&tree.lemma(head).to_lowercase().as_str())
}

/// Whether an adverb says something of its own: not a negation, a question word, or a filler.
fn adverb(tree: &Tree, word: usize) -> bool {
    let lower = tree.lower(word);
    tree.upos(word) != "ADP"
        && !tree.xpos(word).starts_with('W')
        && !NEGATIONS.contains(&lower)
        && !FILLERS.contains(&lower)
        && !HEDGES.contains(&lower)
        && lower != "anymore"
}

/// Whether an adverb stands inside the predicate noun or adjective and is part of its phrase: "is *quite* an event".
fn inside(tree: &Tree, frame: &Frame, adverb: usize) -> bool {
    let copula = copulas(tree, frame.head).last().copied();
    frame.kind.is_copular() && copula.is_some_and(|copula| copula < adverb) && adverb <= frame.head + 1
}

/// The preposition of a noun, with the words fixed to it.
fn cases(tree: &Tree, head: usize) -> Vec<usize> {
    let own = |case: usize| tree.lower(case) != "'s" && tree.lower(case) != "'";
    tree.dependents(head, &["case"])
        .filter(|case| own(*case))
        .flat_map(|case| tree.subtree(case, |word| tree.base(word) == "fixed"))
        .collect()
}

/// The marker of a clause, without "to", which stays with its verb.
fn markers(tree: &Tree, head: usize) -> Vec<usize> {
    let marker = |mark: &usize| tree.lower(*mark) != "to";
    tree.dependents(head, &["mark"])
        .filter(marker)
        .flat_map(|mark| tree.subtree(mark, |word| tree.base(word) == "fixed"))
        .collect()
}
