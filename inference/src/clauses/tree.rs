//! A sentence's words with their dependency tree, and the few questions the rules ask of it.
//!
//! Contract: total on any heads, repaired where `repair` knows better: a head out of range or on a cycle is treated as
//! a root, so every walk ends. Children are in the order of the text. Cost: linear to build; a subtree costs its size.

use super::repair::{Change, repairs};

/// A word with its tags and its place in the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Where it starts in the text, in bytes.
    pub start: usize,
    /// Where it ends in the text, in bytes.
    pub end: usize,
    /// Universal part of speech.
    pub upos: &'static str,
    /// Penn tag.
    pub xpos: &'static str,
    /// Index of the head in the sentence; its own index at the root.
    pub head: usize,
    /// Universal relation to the head, with its subtype.
    pub rel: &'static str,
}

/// A parsed sentence.
#[derive(Clone, Debug)]
pub struct Sentence<'t> {
    /// The text the words point into.
    pub text: &'t str,
    /// Its words, in order.
    pub words: Vec<Word>,
}

impl Sentence<'_> {
    /// A word as written; empty where its span is not in the text.
    pub fn form(&self, word: usize) -> &str {
        self.words.get(word).and_then(|word| self.text.get(word.start..word.end)).unwrap_or("")
    }
}

/// The tree over a sentence, made safe.
pub struct Tree<'s> {
    sentence: &'s Sentence<'s>,
    parents: Vec<usize>,
    rels: Vec<&'static str>,
    /// Where each word's children begin in `children`; one more than there are words.
    firsts: Vec<usize>,
    children: Vec<usize>,
    lowers: Vec<String>,
}

impl<'s> Tree<'s> {
    /// The tree of a sentence.
    pub fn new(sentence: &'s Sentence<'s>) -> Self {
        let parents = safe_parents(&sentence.words);
        let rels = sentence.words.iter().map(|word| word.rel).collect();
        let (firsts, children) = children_of(&parents);
        let lower = |word| sentence.form(word).to_lowercase().replace('’', "'");
        let lowers = (0..parents.len()).map(lower).collect();
        let mut tree = Tree { sentence, parents, rels, firsts, children, lowers };
        for Change { word, head, rel } in repairs(&tree) {
            if !tree.is_above(word, head) {
                tree.parents[word] = head;
                tree.rels[word] = rel;
            }
        }
        (tree.firsts, tree.children) = children_of(&tree.parents);
        tree
    }

    /// Whether a word is another or stands somewhere above it.
    fn is_above(&self, word: usize, below: usize) -> bool {
        let mut at = below;
        while at != word {
            match self.parent(at) {
                Some(parent) => at = parent,
                None => return false,
            }
        }
        true
    }

    /// How many words.
    pub fn len(&self) -> usize {
        self.parents.len()
    }

    /// Whether there is no word.
    pub fn is_empty(&self) -> bool {
        self.parents.is_empty()
    }

    /// The sentence.
    pub fn sentence(&self) -> &'s Sentence<'s> {
        self.sentence
    }

    /// The head of a word; `None` at a root.
    pub fn parent(&self, word: usize) -> Option<usize> {
        self.parents.get(word).copied().filter(|parent| *parent != word)
    }

    /// What depends on a word, in order.
    pub fn children(&self, word: usize) -> &[usize] {
        match (self.firsts.get(word), self.firsts.get(word + 1)) {
            (Some(first), Some(end)) => &self.children[*first..*end],
            _ => &[],
        }
    }

    /// The relation to the head, with its subtype; `root` at every root.
    pub fn rel(&self, word: usize) -> &'static str {
        if self.parent(word).is_none() { "root" } else { self.rels[word] }
    }

    /// The relation without its subtype.
    pub fn base(&self, word: usize) -> &'static str {
        let rel = self.rel(word);
        rel.split(':').next().unwrap_or(rel)
    }

    /// Universal part of speech.
    pub fn upos(&self, word: usize) -> &'static str {
        self.sentence.words.get(word).map_or("X", |word| word.upos)
    }

    /// Penn tag.
    pub fn xpos(&self, word: usize) -> &'static str {
        self.sentence.words.get(word).map_or("", |word| word.xpos)
    }

    /// The word in lower case.
    pub fn lower(&self, word: usize) -> &str {
        self.lowers.get(word).map_or("", String::as_str)
    }

    /// The lemma.
    pub fn lemma(&self, word: usize) -> String {
        super::lemma::lemma(self.sentence.form(word), self.xpos(word))
    }

    /// Children whose relation, with or without its subtype, is one of these.
    pub fn dependents<'a>(&'a self, word: usize, rels: &'a [&str]) -> impl Iterator<Item = usize> + 'a {
        let wanted = |child: &usize| rels.contains(&self.rel(*child)) || rels.contains(&self.base(*child));
        self.children(word).iter().copied().filter(wanted)
    }

    /// The first of them.
    pub fn dependent(&self, word: usize, rels: &[&str]) -> Option<usize> {
        self.dependents(word, rels).next()
    }

    /// Whether there is one.
    pub fn has(&self, word: usize, rels: &[&str]) -> bool {
        self.dependent(word, rels).is_some()
    }

    /// A word and what hangs below it, in order; what `keep` refuses is left out with all below it.
    pub fn subtree(&self, top: usize, keep: impl Fn(usize) -> bool) -> Vec<usize> {
        let mut words = vec![top];
        let mut next = 0;
        while let Some(&word) = words.get(next) {
            words.extend(self.children(word).iter().copied().filter(|child| keep(*child)));
            next += 1;
        }
        words.sort_unstable();
        words
    }
}

/// Heads without cycles: a word whose walk up comes back to itself is cut off there.
fn safe_parents(words: &[Word]) -> Vec<usize> {
    let in_range = |(at, word): (usize, &Word)| if word.head < words.len() { word.head } else { at };
    let mut parents: Vec<usize> = words.iter().enumerate().map(in_range).collect();
    // The walk that reached a word first; a walk that meets its own mark has gone round.
    let mut marks = vec![usize::MAX; words.len()];
    for start in 0..words.len() {
        let mut at = start;
        while marks[at] == usize::MAX {
            marks[at] = start;
            at = parents[at];
        }
        if marks[at] == start {
            parents[at] = at;
        }
    }
    parents
}

/// Children by parent, as offsets into one list.
fn children_of(parents: &[usize]) -> (Vec<usize>, Vec<usize>) {
    let mut firsts = vec![0; parents.len() + 1];
    let dependents = || parents.iter().enumerate().filter(|(child, parent)| child != *parent);
    for (_, parent) in dependents() {
        firsts[parent + 1] += 1;
    }
    for at in 0..parents.len() {
        firsts[at + 1] += firsts[at];
    }
    let mut free = firsts.clone();
    let mut children = vec![0; firsts[parents.len()]];
    for (child, parent) in dependents() {
        children[free[*parent]] = child;
        free[*parent] += 1;
    }
    (firsts, children)
}
