//! Terms: whom or what a phrase means, as far as the text alone can tell.
//!
//! Contract: total; `None` where nobody can be told, which makes no claim. Cost: the phrase's words.

use nexus_types::{Mention, MentionKind, Term};

use super::names::Cast;
use super::phrase::{Phrase, joined};
use super::tree::Tree;
use crate::patterns::kin;

/// The longest value, in words.
const WORDS_MAX: usize = 24;
/// The longest value, in bytes.
const BYTES_MAX: usize = 240;
/// Heads that mean something only in their text.
const EMPTY: &[&str] = &[
    "it",
    "this",
    "that",
    "these",
    "those",
    "them",
    "they",
    "one",
    "ones",
    "something",
    "anything",
    "nothing",
    "everything",
    "someone",
    "anyone",
    "everyone",
    "nobody",
    "somebody",
    "thing",
    "things",
    "stuff",
    "what",
    "which",
    "who",
    "whatever",
    "lot",
    "way",
    "so",
    "myself",
    "yourself",
    "itself",
    "himself",
    "herself",
    "themselves",
    "ourselves",
    "each",
    "other",
    "such",
    "same",
    "some",
    "any",
];
/// Relations whose words stay when a long phrase is cut down.
const KEPT: &[&str] = &["det", "amod", "compound", "nummod", "flat", "nmod:poss", "fixed", "case"];

/// A sentence with what it takes to tell its terms.
pub(super) struct Scene<'a> {
    pub tree: &'a Tree<'a>,
    pub mentions: &'a [Mention],
    pub sentence: usize,
}

/// Whom a phrase means, and how sure that is, in thousandths.
pub(super) fn person(scene: &Scene<'_>, cast: &mut Cast, phrase: &Phrase) -> Option<(Term, u32)> {
    let (tree, head) = (scene.tree, phrase.head);
    let pronoun = |cast: &mut Cast, feminine| cast.pronoun(feminine, scene.sentence).map(|term| (term, 850));
    match tree.lower(head) {
        "i" | "me" => return Some((Term::Speaker, 1000)),
        "we" | "us" => return Some((Term::Speaker, 900)),
        "you" => return Some((Term::Addressee, 1000)),
        "he" | "him" => return pronoun(cast, false),
        "she" | "her" => return pronoun(cast, true),
        _ => {}
    }
    let found = named(scene, head).or_else(|| relative(scene, cast, head))?;
    cast.meet(&found, scene.sentence);
    Some((found, 1000))
}

/// The person whose name this word is a part of, if nothing but the name is the head's.
fn named(scene: &Scene<'_>, head: usize) -> Option<Term> {
    let word = scene.tree.sentence().words.get(head)?;
    let inside =
        |mention: &&Mention| (mention.span.start as usize) <= word.start && word.end <= mention.span.end as usize;
    let mention = scene.mentions.iter().find(inside)?;
    match mention.kind {
        MentionKind::Person => Some(Term::Person(mention.name.clone())),
        MentionKind::Handle => Some(Term::Handle(mention.name.trim_start_matches('@').into())),
        _ => None,
    }
}

/// "my sister", "Anna's boss".
fn relative(scene: &Scene<'_>, cast: &mut Cast, head: usize) -> Option<Term> {
    let tree = scene.tree;
    // "my kids" are nobody in particular.
    let relation = kin(tree.lower(head)).filter(|_| matches!(tree.xpos(head), "NN" | "NNP"))?;
    let owner = tree.dependent(head, &["nmod:poss"])?;
    let owner = match tree.lower(owner) {
        "my" | "our" => Term::Speaker,
        "your" => Term::Addressee,
        "his" => cast.pronoun(false, scene.sentence)?,
        "her" => cast.pronoun(true, scene.sentence)?,
        _ => named(scene, owner)?,
    };
    // "my sister Anna" is Anna.
    let apposed = tree.dependents(head, &["appos", "flat"]).find_map(|name| named(scene, name));
    Some(apposed.unwrap_or_else(|| Term::Relative(relation, Box::new(owner))))
}

/// What a phrase says of a subject: somebody, or a value as it should be shown, without its article.
pub(super) fn object(scene: &Scene<'_>, cast: &mut Cast, phrase: &Phrase) -> Option<Term> {
    let tree = scene.tree;
    if let Some((term, _)) = person(scene, cast, phrase) {
        let alone = matches!(term, Term::Person(_)) && tree.has(phrase.head, &["nmod:poss"]);
        return (!alone).then_some(term);
    }
    let head = tree.lower(phrase.head);
    let says = matches!(tree.upos(phrase.head), "NOUN" | "PROPN" | "NUM" | "ADJ" | "VERB" | "ADV" | "SYM");
    if EMPTY.contains(&head) || !says {
        return None;
    }
    value(tree, phrase).map(|value| Term::Value(value.into()))
}

/// A phrase as a value: without the article before it; with the relative clauses that tell it apart unless that is long,
/// cut down to its noun's own words where even that is.
pub(super) fn value(tree: &Tree<'_>, phrase: &Phrase) -> Option<String> {
    let mut words = phrase.words.clone();
    for clause in tree.dependents(phrase.head, &["acl:relcl", "acl"]) {
        words.extend(tree.subtree(clause, |_| true));
    }
    words.sort_unstable();
    words.dedup();
    if words.len() > WORDS_MAX {
        words = phrase.words.clone();
    }
    if words.len() > WORDS_MAX {
        words = tree.subtree(phrase.head, |word| KEPT.contains(&tree.rel(word)));
    }
    let article = |word: usize| {
        matches!(tree.lower(word), "a" | "an" | "the" | "some" | "any" | "no") || tree.upos(word) == "PUNCT"
    };
    let start = words.iter().take_while(|word| article(**word)).count();
    while words.len() > start + 1 && words.last().is_some_and(|word| tree.upos(*word) == "PUNCT") {
        words.pop();
    }
    let value = joined(tree, &words[start..]);
    (value.chars().any(char::is_alphanumeric) && value.len() <= BYTES_MAX).then_some(value)
}
