//! Propositions as words: the surface form (as written) and the canonical form (names and lemmas).
//!
//! Contract: total. Cost: the proposition's words.

use super::lemma::lemma;
use super::lists::ARTICLES;
use super::phrase::{Phrase, joined};
use super::proposition::{Argument, Proposition};
use super::tree::Tree;

/// As written: subject, predicate, arguments with the object first, adverbial clauses left out: they say something of
/// their own. The predicate holds the object's preposition, every further argument its own. An understood verb is given
/// as its lemma.
pub fn surface(tree: &Tree, proposition: &Proposition) -> (String, String, Vec<String>) {
    let subject = proposition.subject.as_ref().map_or(String::new(), |subject| subject.text(tree));
    let words = joined(tree, &proposition.predicate.words);
    let predicate = match proposition.predicate.understood {
        Some(verb) if words.is_empty() => verb.to_string(),
        Some(verb) => format!("{verb} {words}"),
        None => words,
    };
    let object = proposition.object.iter().map(|object| object.text(tree));
    let adverbial = |argument: &&Argument| tree.base(argument.phrase.head) == "advcl";
    let others =
        proposition.arguments.iter().filter(|argument| !adverbial(argument)).map(|argument| argument.text(tree));
    (subject, predicate, object.chain(others).collect())
}

/// For a memory: subject and object without articles, the predicate's canonical name, each argument with its
/// preposition. A passive with its doer is turned round: "was broken by the wind" is said of the wind, as `break`.
pub fn canonical(tree: &Tree, proposition: &Proposition) -> (String, String, String, Vec<String>) {
    let bare = |phrase: Option<&Phrase>| phrase.map_or(String::new(), |phrase| without_article(tree, phrase));
    let (subject, object) = (proposition.subject.as_ref(), proposition.object.as_ref());
    let name = proposition.predicate.name.clone();
    let others = |skipped: Option<usize>| {
        let kept = proposition.arguments.iter().enumerate().filter(move |(at, _)| Some(*at) != skipped);
        kept.map(|(_, argument)| argument.text(tree)).collect()
    };
    let verb = || {
        name.strip_prefix("be_")
            .map_or(name.clone(), |form| form.split('_').next().map_or(String::new(), |form| lemma(form, "VBN")))
    };
    let agent = |phrase: &Phrase| tree.rel(phrase.head) == "obl:agent";
    if proposition.passive && object.is_some_and(agent) {
        return (bare(object), verb(), bare(subject), others(None));
    }
    if let Some(at) = proposition.arguments.iter().position(|argument| proposition.passive && agent(&argument.phrase)) {
        let doer = Some(&proposition.arguments[at].phrase);
        let mut rest: Vec<String> = others(Some(at));
        rest.extend(object.map(|_| object_text(tree, proposition)));
        return (bare(doer), verb(), bare(subject), rest);
    }
    (bare(subject), name, bare(object), others(None))
}

/// The object with the preposition that was given to the predicate.
fn object_text(tree: &Tree, proposition: &Proposition) -> String {
    let Some(object) = &proposition.object else { return String::new() };
    let own = |word: &&usize| tree.parent(**word) == Some(object.head) && tree.base(**word) == "case";
    let preposition = proposition.predicate.words.iter().filter(own).copied().collect();
    Argument { preposition, phrase: object.clone() }.text(tree)
}

/// A phrase's words after its article.
fn without_article(tree: &Tree, phrase: &Phrase) -> String {
    let articles =
        phrase.words.iter().take_while(|word| **word != phrase.head && ARTICLES.contains(&tree.lower(**word))).count();
    joined(tree, &phrase.words[articles..])
}

impl Argument {
    /// As written, with its preposition.
    pub fn text(&self, tree: &Tree) -> String {
        let mut words: Vec<usize> = self.preposition.iter().chain(&self.phrase.words).copied().collect();
        words.sort_unstable();
        words.dedup();
        joined(tree, &words)
    }
}
