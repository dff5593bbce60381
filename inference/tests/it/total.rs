//! Totality: any text is cut into words, any tree is read, without panic, with every span in bounds.
//!
//! A seeded generator makes the inputs; a failure names its seed.

use std::time::{Duration, Instant};

use nexus_inference::clauses::lemma::lemma;
use nexus_inference::clauses::proposition::{Proposition, propositions};
use nexus_inference::clauses::prose::is_prose;
use nexus_inference::clauses::render::{canonical, surface};
use nexus_inference::clauses::tree::{Sentence, Tree, Word};
use nexus_inference::clauses::words::{WORDS_MAX, sentences, words};

/// What texts are made of.
const PIECES: &[&str] = &[
    "I",
    "don't",
    "Ben’s",
    "'s",
    "n't",
    "'",
    "’",
    "`",
    ".",
    "..",
    "...",
    "!?",
    "(",
    ")",
    "\"",
    ":)",
    ":-",
    "http://",
    "www.",
    "a@b.c",
    "@",
    "#x",
    "-",
    "--",
    "/",
    "/usr/bin",
    "12.04",
    "1,000",
    "1,",
    "3/4",
    "11/28/2000",
    "+44",
    "$",
    "%",
    "é",
    "ß",
    "日本",
    "🙂",
    "\u{301}",
    "\u{200d}",
    "\u{a0}",
    " ",
    "\n",
    "\n\n",
    "\t",
    "no",
    "longer",
    "if",
    "who",
    "cannot",
    "gonna",
    "its",
    "Dr.",
    "U.S.",
    "etc.",
    "e-mail",
    "C++",
    "_",
    "*",
    "|",
    ";",
    "ing",
    "ied",
    "2day",
    "-5",
    "a-b",
];
/// Relations, known and not.
const RELS: &[&str] = &[
    "nsubj",
    "nsubj:pass",
    "nsubj:outer",
    "csubj",
    "obj",
    "iobj",
    "obl",
    "obl:agent",
    "obl:unmarked",
    "advmod",
    "advcl",
    "advcl:relcl",
    "acl",
    "acl:relcl",
    "xcomp",
    "ccomp",
    "conj",
    "cc",
    "cop",
    "aux",
    "aux:pass",
    "case",
    "mark",
    "det",
    "amod",
    "nmod",
    "nmod:poss",
    "nmod:desc",
    "appos",
    "parataxis",
    "punct",
    "compound",
    "compound:prt",
    "flat",
    "fixed",
    "expl",
    "root",
    "list",
    "",
    "odd:label",
];
/// Universal tags.
const UPOS: &[&str] = &["VERB", "NOUN", "PROPN", "ADJ", "ADV", "AUX", "PRON", "ADP", "PUNCT", "X", ""];
/// Penn tags.
const XPOS: &[&str] =
    &["VB", "VBD", "VBZ", "VBG", "VBN", "VBP", "MD", "NN", "NNS", "NNP", "RB", "JJ", "IN", "TO", "WP", "PRP", ".", ""];

/// The head of each word.
type Head = fn(usize) -> usize;

/// A small generator of numbers.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    fn of<'l>(&mut self, list: &[&'l str]) -> &'l str {
        list[self.below(list.len())]
    }

    fn text(&mut self, pieces: usize) -> String {
        (0..pieces).map(|_| if self.below(3) == 0 { " " } else { self.of(PIECES) }).collect()
    }
}

#[test]
fn any_text_has_words() {
    for seed in 1..4000 {
        let mut random = Random(seed * 0x9e37_79b9);
        let length = random.below(60);
        let text = random.text(length);
        let mut end = 0;
        let mut covered = String::new();
        for sentence in sentences(&text) {
            assert!(!sentence.is_empty() && sentence.len() <= WORDS_MAX, "seed {seed}: {text:?}");
            for (from, to) in sentence {
                assert!(from >= end && from < to && text.get(from..to).is_some(), "seed {seed}: {text:?} {from}..{to}");
                covered.push_str(&text[from..to]);
                end = to;
            }
        }
        let visible: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        assert_eq!(covered, visible, "seed {seed}: {text:?}");
        is_prose(&text);
        for tag in XPOS {
            lemma(text.split_whitespace().next().unwrap_or(""), tag);
        }
    }
}

#[test]
fn any_tree_is_read() {
    for seed in 1..6000 {
        let mut random = Random(seed * 0x9e37_79b9);
        let length = random.below(30);
        let text = random.text(length);
        let found = tree(&mut random, &text);
        let sentence = Sentence { text: &text, words: found };
        let tree = Tree::new(&sentence);
        for proposition in &propositions(&tree) {
            assert!(in_bounds(&sentence, proposition), "seed {seed}: {text:?} {proposition:?}");
            surface(&tree, proposition);
            canonical(&tree, proposition);
        }
    }
}

#[test]
fn long_chains_and_wide_trees_cost_little() {
    let text = "go ".repeat(WORDS_MAX);
    let shapes: [(&str, Head); 3] = [("ccomp", |at| at.saturating_sub(1)), ("conj", |_| 0), ("xcomp", |at| at + 1)];
    for (rel, head) in shapes {
        let word = |at: usize| Word { start: at * 3, end: at * 3 + 2, upos: "VERB", xpos: "VBD", head: head(at), rel };
        let sentence = Sentence { text: &text, words: (0..WORDS_MAX).map(word).collect() };
        let start = Instant::now();
        for _ in 0..10 {
            propositions(&Tree::new(&sentence));
        }
        assert!(start.elapsed() < Duration::from_secs(2), "{rel}: {:?}", start.elapsed());
    }
}

/// A tree over a text's words, of any shape, with cycles and heads out of range.
fn tree(random: &mut Random, text: &str) -> Vec<Word> {
    let spans = words(text);
    let count = spans.len();
    let mut word = |(at, (start, end)): (usize, (usize, usize))| {
        let head = match random.below(10) {
            0 => at,
            1 => random.below(count + 3),
            2 => at.saturating_sub(1),
            _ => random.below(count),
        };
        Word { start, end, upos: random.of(UPOS), xpos: random.of(XPOS), head, rel: random.of(RELS) }
    };
    let mut made = Vec::new();
    for pair in spans.into_iter().enumerate() {
        made.push(word(pair));
    }
    made
}

/// Whether every index is a word and the span lies in the text, on boundaries of characters.
fn in_bounds(sentence: &Sentence, proposition: &Proposition) -> bool {
    let known = |words: &[usize]| {
        words.iter().all(|word| *word < sentence.words.len()) && words.windows(2).all(|pair| pair[0] < pair[1])
    };
    let phrases = proposition
        .subject
        .iter()
        .chain(&proposition.object)
        .chain(proposition.arguments.iter().map(|argument| &argument.phrase));
    let mut phrases = phrases.chain(&proposition.reporter);
    let (start, end) = proposition.span;
    phrases.all(|phrase| known(&phrase.words) && phrase.words.contains(&phrase.head))
        && known(&proposition.predicate.words)
        && proposition.confidence <= 1000
        && sentence.text.get(start..end).is_some()
}
