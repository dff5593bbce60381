//! Propositions: what a sentence says, clause by clause and noun by noun.
//!
//! Contract: total on any tree; every index is a word of the sentence, every span lies in the text. Cost: linear in the
//! words for trees of bounded depth, a few microseconds per word.

use super::clause::clause;
use super::confidence::confidence;
use super::frame::{Kind, Subjecthood, frames};
use super::mood::{Mood, mood};
use super::nominal::nominals;
use super::phrase::{Phrase, span};
use super::tree::Tree;

/// Which rule found a proposition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// A clause, by how it has its subject.
    Clause(Subjecthood),
    /// "Bob, the boss of IBM": Bob is the boss of IBM.
    Apposition,
    /// "President Bush": Bush is president.
    Title,
    /// "my sister's dog": my sister has a dog.
    Possession,
}

/// A further argument of a clause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// Its preposition or marker, in order; empty for none.
    pub preposition: Vec<usize>,
    /// What it is, without the preposition.
    pub phrase: Phrase,
}

/// What a proposition says of its subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Predicate {
    /// The words, in order, with the preposition of the object; empty for "has" and "is" between nouns.
    pub words: Vec<usize>,
    /// A copula or verb that stands in no word: "be" of a reduced passive, "have" of a possession.
    pub understood: Option<&'static str>,
    /// The canonical open name: lemma with particle or preposition, as `work_at`, `give_up`, `be_born_in`.
    pub name: String,
    /// The lemma of the verb the last one hangs on: `want` of "wants to move", empty for none.
    pub governor: String,
}

/// What a sentence says, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposition {
    /// Which rule found it.
    pub rule: Rule,
    /// The word that joins its clause to the rest of the sentence, or the noun that says it.
    pub top: usize,
    /// The word that carries it: the last verb of a chain, a predicate noun or adjective.
    pub head: usize,
    /// Whether the verb is in the passive.
    pub passive: bool,
    /// About whom; `None` where it is not said: the speaker, mostly.
    pub subject: Option<Phrase>,
    /// What is said.
    pub predicate: Predicate,
    /// Of whom or what.
    pub object: Option<Phrase>,
    /// What else: to whom, where, when, how.
    pub arguments: Vec<Argument>,
    /// How it is meant.
    pub mood: Mood,
    /// Who said it, if not the speaker.
    pub reporter: Option<Phrase>,
    /// How sure the rules are, in thousandths.
    pub confidence: u16,
    /// From its first to its last byte.
    pub span: (usize, usize),
}

/// What a sentence says, clauses first, then nouns. Conjoined subjects and objects are told apart: "Ben and Anna live
/// in Oslo" is two propositions.
pub fn propositions(tree: &Tree) -> Vec<Proposition> {
    let mut found = Vec::new();
    for frame in frames(tree) {
        let mood = mood(tree, &frame);
        clause(tree, &frame, mood, &mut found);
    }
    nominals(tree, &mut found);
    for proposition in &mut found {
        proposition.span = proposition.extent(tree);
        proposition.confidence = confidence(tree, proposition);
    }
    found
}

impl Proposition {
    /// From the first to the last byte of all its words.
    fn extent(&self, tree: &Tree) -> (usize, usize) {
        let arguments =
            self.arguments.iter().flat_map(|argument| argument.preposition.iter().chain(&argument.phrase.words));
        let phrases = self.subject.iter().chain(&self.object).flat_map(|phrase| &phrase.words);
        let mut words: Vec<usize> = self.predicate.words.iter().chain(phrases).chain(arguments).copied().collect();
        words.sort_unstable();
        span(tree, &words)
    }
}

impl Kind {
    /// Whether the clause has a copula or none is needed.
    pub fn is_copular(self) -> bool {
        matches!(self, Kind::Noun | Kind::Adjective)
    }
}
