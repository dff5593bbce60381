//! What the heads tell apart. The order of each list is the order of the head's outputs: it goes with the weights.

/// Universal parts of speech (universaldependencies.org/u/pos).
pub const PARTS: [&str; 17] = [
    "ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART", "PRON", "PROPN", "PUNCT", "SCONJ",
    "SYM", "VERB", "X",
];

/// Parts of speech of the Penn Treebank, as English EWT has them: they tell tense and number.
pub const TAGS: [&str; 49] = [
    "NN", "IN", "DT", "NNP", "PRP", "JJ", "RB", ".", "VB", "NNS", ",", "CC", "VBD", "VBP", "VBZ", "CD", "VBN", "VBG",
    "MD", "TO", "PRP$", "-RRB-", "-LRB-", "WDT", ":", "WRB", "``", "''", "WP", "RP", "UH", "POS", "HYPH", "NNPS",
    "JJR", "JJS", "EX", "NFP", "RBR", "ADD", "GW", "$", "SYM", "PDT", "LS", "FW", "RBS", "AFX", "WP$",
];

/// Universal dependencies, with the subtypes of English EWT that occur often enough to be learnt.
pub const RELATIONS: [&str; 45] = [
    "punct",
    "case",
    "nsubj",
    "det",
    "root",
    "advmod",
    "obj",
    "amod",
    "obl",
    "conj",
    "compound",
    "mark",
    "nmod",
    "cc",
    "aux",
    "cop",
    "advcl",
    "nmod:poss",
    "xcomp",
    "ccomp",
    "acl:relcl",
    "flat",
    "parataxis",
    "nummod",
    "appos",
    "acl",
    "aux:pass",
    "nsubj:pass",
    "obl:unmarked",
    "nmod:unmarked",
    "discourse",
    "compound:prt",
    "iobj",
    "list",
    "expl",
    "fixed",
    "nmod:desc",
    "obl:agent",
    "csubj",
    "nsubj:outer",
    "det:predet",
    "vocative",
    "goeswith",
    "advcl:relcl",
    "cc:preconj",
];

/// Kinds of mentions, in the classes of WNUT-17 with corporations among groups.
pub const MENTIONS: [&str; 5] = ["person", "location", "group", "product", "creative-work"];

/// Emotions of GoEmotions, in its order.
pub const EMOTIONS: [&str; 28] = [
    "admiration",
    "amusement",
    "anger",
    "annoyance",
    "approval",
    "caring",
    "confusion",
    "curiosity",
    "desire",
    "disappointment",
    "disapproval",
    "disgust",
    "embarrassment",
    "excitement",
    "fear",
    "gratitude",
    "grief",
    "joy",
    "love",
    "nervousness",
    "optimism",
    "pride",
    "realization",
    "relief",
    "remorse",
    "sadness",
    "surprise",
    "neutral",
];

/// What a first text says of a second.
pub const VERDICTS: [&str; 3] = ["entailment", "neutral", "contradiction"];

/// The place of a label in its list; a subtype that is not listed is its type.
pub fn place(labels: &[&str], label: &str) -> Option<usize> {
    let exactly = |label: &str| labels.iter().position(|other| *other == label);
    exactly(label).or_else(|| exactly(label.split(':').next()?))
}
