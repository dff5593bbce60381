//! What noun phrases say without a verb: appositions, titles, possessions.
//!
//! Contract: each proposition has a subject and an object and no further argument. Cost: the phrases' words.

use super::lists::{HONORIFICS, RELATIVES};
use super::mood::Mood;
use super::phrase::Phrase;
use super::proposition::{Predicate, Proposition, Rule};
use super::tree::Tree;

/// Appends what the nouns of a sentence say.
pub(crate) fn nominals(tree: &Tree, found: &mut Vec<Proposition>) {
    for word in 0..tree.len() {
        let Some(head) = tree.parent(word) else { continue };
        match tree.rel(word) {
            "appos" if (named(tree, word) || aged(tree, head, word)) && named(tree, head) => {
                let subject = Phrase::nominal(tree, head, false);
                found.push(proposition(Rule::Apposition, word, subject, "be", Phrase::nominal(tree, word, true)));
            }
            "nmod:desc" if word < head && named(tree, word) && !HONORIFICS.contains(&tree.lower(word)) => {
                let mut subject = Phrase::nominal(tree, head, false);
                let title = Phrase::nominal(tree, word, false);
                subject.words.retain(|kept| !title.words.contains(kept));
                found.push(proposition(Rule::Title, word, subject, "be", title));
            }
            "nmod:poss"
                if word < head
                    && !RELATIVES.contains(&tree.lower(word))
                    && tree.lower(head) != "own"
                    && tree.upos(head) != "VERB" =>
            {
                let owner = Phrase::nominal(tree, word, true);
                let mut owned = Phrase::nominal(tree, head, false);
                let below = tree.subtree(word, |_| true);
                owned.words.retain(|kept| !below.contains(kept));
                found.push(proposition(Rule::Possession, word, owner, "have", owned));
            }
            _ => {}
        }
    }
}

/// A noun or name, not a number, sign or address.
fn named(tree: &Tree, word: usize) -> bool {
    matches!(tree.upos(word), "NOUN" | "PROPN" | "PRON") && !tree.lower(word).contains(['/', '@'])
}

/// An age after a name: "Ann Lee, 66,".
fn aged(tree: &Tree, name: usize, number: usize) -> bool {
    tree.upos(name) == "PROPN" && tree.lower(number).parse::<u8>().is_ok_and(|age| (1..120).contains(&age))
}

/// A proposition whose verb is understood.
fn proposition(rule: Rule, word: usize, subject: Phrase, verb: &'static str, object: Phrase) -> Proposition {
    let predicate =
        Predicate { words: Vec::new(), understood: Some(verb), name: verb.to_string(), governor: String::new() };
    Proposition {
        rule,
        top: word,
        head: word,
        passive: false,
        subject: Some(subject),
        predicate,
        object: Some(object),
        arguments: Vec::new(),
        mood: Mood::default(),
        reporter: None,
        confidence: 0,
        span: (0, 0),
    }
}
