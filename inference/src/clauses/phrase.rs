//! Phrases: the words of a subject, object or argument, chosen from the tree below its head.
//!
//! Contract: words are in order, without repeats, and hold the head. Cost: the size of the subtree.

use super::lists::{HEDGES, NEGATIONS};
use super::tree::Tree;

/// Some words of a sentence that stand for one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phrase {
    /// The head.
    pub head: usize,
    /// Its words in order; not always next to each other.
    pub words: Vec<usize>,
}

/// What a phrase leaves out wherever it stands: it says something about the phrase and is read on its own.
const ASIDE: &[&str] =
    &["acl:relcl", "advcl:relcl", "appos", "parataxis", "discourse", "vocative", "list", "reparandum", "dislocated"];
/// What belongs to the clause of a predicate noun or adjective and not to the noun.
const CLAUSAL: &[&str] = &[
    "nsubj",
    "csubj",
    "cop",
    "aux",
    "mark",
    "advcl",
    "obl",
    "expl",
    "ccomp",
    "xcomp",
    "obj",
    "iobj",
    "parataxis",
    "discourse",
    "vocative",
];
/// Signs that may stand at the end of a phrase only with their partner.
const PAIRS: &[(&str, &str)] =
    &[("\"", "\""), ("``", "''"), ("“", "”"), ("‘", "’"), ("'", "'"), ("`", "'"), ("(", ")"), ("[", "]")];

impl Phrase {
    /// The noun phrase of a head: without its preposition, without its conjuncts unless they are kept.
    pub fn nominal(tree: &Tree, head: usize, conjuncts: bool) -> Self {
        let clausal = is_predicate(tree, head);
        let copula = tree.dependents(head, &["cop"]).last();
        let sentential = |word: usize| {
            NEGATIONS.contains(&tree.lower(word))
                || copula.is_some_and(|copula| word < copula)
                || HEDGES.contains(&tree.lower(word))
        };
        let keep = |word: usize| {
            let (rel, base, own) = (tree.rel(word), tree.base(word), tree.parent(word) == Some(head));
            let outer = own
                && (matches!(base, "case" | "mark")
                    || (!conjuncts && matches!(base, "conj" | "cc"))
                    || (clausal
                        && (CLAUSAL.contains(&base)
                            || (base == "advmod" && sentential(word))
                            || (base == "conj" && is_predicate(tree, word)))));
            !outer && !ASIDE.contains(&rel)
        };
        Self::trimmed(tree, head, tree.subtree(head, keep))
    }

    /// A whole clause or modifier as a phrase, with its marker.
    pub fn whole(tree: &Tree, head: usize) -> Self {
        let aside = ["parataxis", "discourse", "vocative", "list"];
        let keep = |word: usize| tree.parent(word) != Some(head) || !aside.contains(&tree.base(word));
        Self::trimmed(tree, head, tree.subtree(head, keep))
    }

    /// Some words as a phrase, if its head is among them.
    pub fn of(tree: &Tree, head: usize, words: Vec<usize>) -> Option<Self> {
        words.contains(&head).then(|| Self::trimmed(tree, head, words))
    }

    /// The same phrase without some words; the head stays.
    pub fn without(mut self, tree: &Tree, words: &[usize]) -> Self {
        if self.words.iter().any(|word| words.contains(word)) {
            self.words.retain(|word| *word == self.head || !words.contains(word));
            return Self::trimmed(tree, self.head, self.words);
        }
        self
    }

    /// Without the punctuation at its ends and before it, except brackets and quotes that enclose it.
    fn trimmed(tree: &Tree, head: usize, mut words: Vec<usize>) -> Self {
        let loose = |word: usize| matches!(tree.upos(word), "PUNCT") || tree.base(word) == "punct";
        while let (Some(&first), Some(&last)) = (words.first(), words.last()) {
            if first != last && PAIRS.contains(&(tree.lower(first), tree.lower(last))) {
                break;
            }
            let closes = PAIRS.iter().any(|(open, close)| {
                *close == tree.lower(last) && words[..words.len() - 1].iter().any(|word| tree.lower(*word) == *open)
            });
            let opens = PAIRS.iter().any(|(open, close)| {
                *open == tree.lower(first) && words[1..].iter().any(|word| tree.lower(*word) == *close)
            });
            if loose(last) && last != head && !closes {
                words.pop();
            } else if first != head && ((loose(first) && !opens) || tree.base(first) == "cc") {
                words.remove(0);
            } else {
                break;
            }
        }
        // Commas that enclosed something left out.
        let comma = |word: usize| tree.lower(word) == ",";
        let doubled: Vec<usize> =
            words.windows(2).filter(|pair| comma(pair[0]) && comma(pair[1])).map(|pair| pair[0]).collect();
        words.retain(|word| *word == head || !doubled.contains(word));
        Phrase { head, words }
    }

    /// Only what is on the head's side of a word: nothing said of a subject stands behind its verb.
    pub fn beside(self, tree: &Tree, pivot: usize) -> Self {
        let other = |word: &usize| (*word < pivot) != (self.head < pivot);
        let across: Vec<usize> = self.words.iter().copied().filter(other).collect();
        if self.head == pivot { self } else { self.without(tree, &across) }
    }

    /// As written: words joined as in the text.
    pub fn text(&self, tree: &Tree) -> String {
        joined(tree, &self.words)
    }

    /// From the first to the last byte.
    pub fn span(&self, tree: &Tree) -> (usize, usize) {
        span(tree, &self.words)
    }
}

/// Words as written, with a blank wherever the text has one or leaves something out.
pub fn joined(tree: &Tree, words: &[usize]) -> String {
    let sentence = tree.sentence();
    let mut text = String::new();
    for (index, &word) in words.iter().enumerate() {
        let glued = index > 0
            && words[index - 1] + 1 == word
            && sentence.words[words[index - 1]].end >= sentence.words[word].start;
        if index > 0 && !glued {
            text.push(' ');
        }
        text.push_str(sentence.form(word));
    }
    text
}

/// From the first to the last byte of some words in order; empty for none.
pub fn span(tree: &Tree, words: &[usize]) -> (usize, usize) {
    let all = &tree.sentence().words;
    match (words.first().and_then(|word| all.get(*word)), words.last().and_then(|word| all.get(*word))) {
        (Some(first), Some(last)) => (first.start, last.end.max(first.start)),
        _ => (0, 0),
    }
}

/// Whether a word heads a clause of its own: it has a subject, copula, or is a verb with an auxiliary.
pub fn is_predicate(tree: &Tree, word: usize) -> bool {
    tree.has(word, &["nsubj", "csubj", "cop", "aux"])
        || (tree.upos(word) == "VERB" && !matches!(tree.base(word), "amod" | "compound"))
}

/// The phrases of a head and its conjuncts: "Ben" and "Anna" of "Ben and Anna". Clauses joined to a noun are not among
/// them; what is joined by "or" stays together.
pub fn apart(tree: &Tree, head: usize) -> Vec<Phrase> {
    let or = |word: usize| matches!(tree.lower(word), "or" | "nor");
    let joined: Vec<usize> = tree.dependents(head, &["conj"]).filter(|word| !is_predicate(tree, *word)).collect();
    if joined.iter().any(|word| tree.dependents(*word, &["cc"]).any(or)) {
        return vec![Phrase::nominal(tree, head, true)];
    }
    std::iter::once(head).chain(joined).map(|head| Phrase::nominal(tree, head, false)).collect()
}
