//! Frames: a clause's skeleton. The verb with what it leans on ("wants to move", "was said to have made"), who does it,
//! what it governs; as indices of words, before any phrase is built.
//!
//! Contract: every clause of the tree has at most one frame; a verb merged into its governor's frame has none of its
//! own. Cost: linear in the words, except that a subject is looked for up the tree.

use super::lists::{DIRECTIONS, NEGATIONS, RELATIVES};
use super::phrase::is_predicate;
use super::tree::Tree;

/// How a clause has its subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subjecthood {
    /// It stands in the clause.
    Own,
    /// The clause is joined to another: "Ben came and *left*".
    Shared,
    /// The noun a relative clause is about: "the man who *left*".
    Relative,
    /// The noun a participle is about: "the bridge *built* in 1900".
    Reduced,
    /// Understood from the governing verb: "told her to *leave*", "*Leaving* the room, he fell".
    Controlled,
    /// Not said: "*Moved* to Oslo yesterday".
    Dropped,
}

/// What kind of word carries the clause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A verb, active.
    Active,
    /// A verb in the passive.
    Passive,
    /// A noun or preposition phrase with a copula: "is a doctor", "is in Oslo".
    Noun,
    /// An adjective with a copula: "is fond of".
    Adjective,
    /// "There is".
    Existential,
}

/// A clause's skeleton.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The word that joins the clause to the rest.
    pub top: usize,
    /// The word that carries the meaning: the last of the chain.
    pub head: usize,
    /// From the top to the head: "wants", "move".
    pub chain: Vec<usize>,
    /// What carries it.
    pub kind: Kind,
    /// The head of the subject, and how it is had.
    pub subject: Option<usize>,
    /// How the subject is had.
    pub subjecthood: Subjecthood,
    /// A relative pronoun's antecedent that is not the subject: "the book which she *wrote*".
    pub antecedent: Option<usize>,
}

/// All frames of a sentence, in the order of their heads.
pub fn frames(tree: &Tree) -> Vec<Frame> {
    (0..tree.len()).filter(|word| is_clause(tree, *word)).filter_map(|top| frame(tree, top)).collect()
}

/// Whether a word carries a clause that is not part of its governor's chain.
pub fn is_clause(tree: &Tree, word: usize) -> bool {
    let rel = tree.base(word);
    if tree.parent(word).is_some_and(|parent| rel == "xcomp" && chains(tree, parent, word)) {
        return false;
    }
    let clausal = ["root", "conj", "ccomp", "xcomp", "advcl", "acl", "parataxis", "csubj", "list"].contains(&rel);
    let verb = clausal && (tree.upos(word) == "VERB" || tree.xpos(word).starts_with('V'));
    verb || tree.has(word, &["nsubj", "csubj", "cop"])
}

/// Whether an infinitive or the like continues its governor's predicate: "helped to raise", but not "told her to go".
fn chains(tree: &Tree, governor: usize, word: usize) -> bool {
    let verbal = tree.upos(word) == "VERB" || tree.has(word, &["cop", "aux"]) || tree.xpos(word).starts_with("VB");
    let own_subject = tree.has(word, &["nsubj", "csubj"]);
    let object = tree.dependents(governor, &["obj", "iobj"]).any(|object| object < word);
    let leads = is_predicate(tree, governor) || tree.upos(governor) == "ADJ";
    verbal && leads && !own_subject && !object
}

/// The frame a clause's top opens.
fn frame(tree: &Tree, top: usize) -> Option<Frame> {
    let mut chain = vec![top];
    let mut head = top;
    while let Some(next) = tree.dependents(head, &["xcomp"]).find(|word| chains(tree, head, *word)) {
        chain.push(next);
        head = next;
    }
    let relative = relative_pronoun(tree, &chain);
    let (subject, subjecthood) = subject(tree, top, 0);
    let antecedent = relative.filter(|(_, subject)| !subject).and_then(|_| tree.parent(top));
    Some(Frame { top, head, kind: kind(tree, head), chain, subject, subjecthood, antecedent })
}

/// The subject of an outer "is": "*the problem* is that he left", where the verb heads both.
pub fn outer_subject(tree: &Tree, head: usize) -> Option<usize> {
    tree.dependent(head, &["nsubj:outer", "csubj:outer"]).filter(|_| tree.has(head, &["cop"]))
}

/// The copulas of a clause's own predicate: the first of two belongs to the outer subject, if there is one.
pub fn copulas(tree: &Tree, head: usize) -> Vec<usize> {
    tree.dependents(head, &["cop"]).skip(usize::from(outer_subject(tree, head).is_some())).collect()
}

/// What carries a clause.
fn kind(tree: &Tree, head: usize) -> Kind {
    let be = tree.lemma(head) == "be";
    if tree.has(head, &["expl"])
        && (be || !tree.has(head, &["cop"]))
        && tree.dependent(head, &["expl"]).is_some_and(|there| tree.lower(there) == "there")
    {
        return Kind::Existential;
    }
    if !copulas(tree, head).is_empty() {
        return if tree.upos(head) == "ADJ" && !tree.has(head, &["case", "det"]) {
            Kind::Adjective
        } else {
            Kind::Noun
        };
    }
    let reduced = tree.rel(head) == "acl" && tree.xpos(head) == "VBN";
    let participle = tree.rel(head) == "advcl" && tree.xpos(head) == "VBN" && !tree.has(head, &["aux", "obj"]);
    if tree.has(head, &["aux:pass", "nsubj:pass"]) || reduced || participle || joined_passive(tree, head) {
        return Kind::Passive;
    }
    match tree.upos(head) {
        "ADJ" => Kind::Adjective,
        "VERB" | "AUX" => Kind::Active,
        _ if tree.xpos(head).starts_with('V') => Kind::Active,
        _ => Kind::Noun,
    }
}

/// "was found and *sold*": a bare participle joined to a passive.
fn joined_passive(tree: &Tree, head: usize) -> bool {
    let bare = tree.base(head) == "conj" && tree.xpos(head) == "VBN" && !tree.has(head, &["aux", "nsubj", "obj"]);
    bare && tree
        .parent(head)
        .is_some_and(|first| tree.has(first, &["aux:pass"]) || (tree.rel(first) == "acl" && tree.xpos(first) == "VBN"))
}

/// The relative pronoun of a relative clause, and whether it is the subject.
fn relative_pronoun(tree: &Tree, chain: &[usize]) -> Option<(usize, bool)> {
    let top = *chain.first()?;
    if tree.rel(top) != "acl:relcl" {
        return None;
    }
    for &word in chain {
        for &child in tree.children(word) {
            let pronoun = RELATIVES.contains(&tree.lower(child))
                && ["nsubj", "obj", "obl", "iobj", "nmod"].contains(&tree.base(child));
            if pronoun || relative_adverb(tree, child) {
                return Some((child, tree.base(child) == "nsubj"));
            }
        }
    }
    // "the book she wrote": nothing stands for the noun; it is the object if the verb has none.
    let own = tree.has(top, &["nsubj"]) && !chain.iter().any(|word| tree.has(*word, &["obj", "cop", "ccomp"]));
    own.then_some((top, false))
}

/// "who" or "which" in the midst of a sentence that asks nothing.
fn stray_relative(tree: &Tree, word: usize) -> bool {
    let asks = (0..tree.len()).rev().take(3).any(|word| tree.lower(word).contains('?'));
    word > 1 && matches!(tree.lower(word), "who" | "which") && tree.children(word).is_empty() && !asks
}

/// The head of the noun phrase that ends before a word, over at most a comma.
fn noun_before(tree: &Tree, word: usize) -> Option<usize> {
    let mut at = (0..word).rev().find(|before| tree.lower(*before) != ",")?;
    while let Some(parent) = tree.parent(at).filter(|parent| *parent < word && nominal(tree, *parent)) {
        at = parent;
    }
    nominal(tree, at).then_some(at)
}

/// A noun or name.
fn nominal(tree: &Tree, word: usize) -> bool {
    matches!(tree.upos(word), "NOUN" | "PROPN")
}

/// "the town *where* we met".
pub fn relative_adverb(tree: &Tree, word: usize) -> bool {
    tree.base(word) == "advmod" && matches!(tree.lower(word), "where" | "when")
}

/// The subject of a clause, found in it or up the tree.
fn subject(tree: &Tree, clause: usize, depth: usize) -> (Option<usize>, Subjecthood) {
    let relative = matches!(tree.rel(clause), "acl:relcl" | "acl");
    let outer = outer_subject(tree, clause);
    let own = tree.dependents(clause, &["nsubj", "csubj"]).find(|own| Some(*own) != outer);
    if let Some(own) = own {
        let pronoun = relative && RELATIVES.contains(&tree.lower(own));
        if pronoun {
            return (tree.parent(clause), Subjecthood::Relative);
        }
        // A relative pronoun whose clause hangs elsewhere stands for the noun before it.
        let noun = stray_relative(tree, own).then(|| noun_before(tree, own)).flatten();
        return noun.map_or((Some(own), Subjecthood::Own), |noun| (Some(noun), Subjecthood::Relative));
    }
    let Some(parent) = tree.parent(clause).filter(|_| depth < 16) else { return (None, Subjecthood::Dropped) };
    let inherited = |how| match subject(tree, parent, depth + 1) {
        (Some(subject), _) => (Some(subject), how),
        none => none,
    };
    match tree.rel(clause) {
        "conj" if is_clause(tree, parent) || tree.base(parent) == "xcomp" => inherited(Subjecthood::Shared),
        "xcomp" => match tree.dependents(parent, &["obj", "iobj"]).find(|object| *object < clause) {
            Some(object) => (Some(object), Subjecthood::Controlled),
            None => inherited(Subjecthood::Shared),
        },
        "advcl" if is_clause(tree, parent) => inherited(Subjecthood::Controlled),
        "acl" => (Some(parent), Subjecthood::Reduced),
        "acl:relcl" => (Some(parent), Subjecthood::Relative),
        _ => (None, Subjecthood::Dropped),
    }
}

impl Frame {
    /// The words of the predicate: auxiliaries, negation, particles, adverbs before the verb, the verbs.
    pub fn predicate(&self, tree: &Tree) -> Vec<usize> {
        let mut words = Vec::new();
        for (index, &link) in self.chain.iter().enumerate() {
            let last = index + 1 == self.chain.len();
            let copulas = copulas(tree, link);
            let start = self.chain.get(index.wrapping_sub(1)).copied().filter(|_| index > 0);
            for &child in tree.children(link) {
                let to =
                    tree.base(child) == "mark" && (index > 0 && tree.lower(child) == "to" || tree.lower(child) == "na");
                let adverb = tree.base(child) == "advmod" && self.adverb_inside(tree, link, child, start);
                if to
                    || adverb
                    || tree.base(child) == "aux"
                    || copulas.contains(&child)
                    || tree.rel(child) == "compound:prt"
                {
                    words.extend(
                        tree.subtree(child, |word| {
                            tree.rel(word) == "fixed" || matches!(tree.lower(word), "no" | "any")
                        }),
                    );
                }
            }
            if !last || !self.kind.is_copular() {
                words.push(link);
            }
        }
        // A shared auxiliary: "was found and sold", "will go and see".
        if self.subjecthood == Subjecthood::Shared && !tree.has(self.top, &["aux", "cop"]) {
            let first = tree.parent(self.top).unwrap_or(self.top);
            words.extend(tree.dependents(first, &["aux"]).filter(|aux| helps(tree, *aux, self.top)));
        }
        words.sort_unstable();
        words.dedup();
        words
    }

    /// Whether an adverb belongs to the predicate: it stands right before the verb or between it and its auxiliary.
    fn adverb_inside(&self, tree: &Tree, link: usize, adverb: usize, start: Option<usize>) -> bool {
        let direction = DIRECTIONS.contains(&tree.lower(adverb)) || tree.upos(adverb) == "ADP";
        if NEGATIONS.contains(&tree.lower(adverb)) || (direction && adverb == link + 1) {
            return tree.children(adverb).is_empty();
        }
        let first = tree.dependents(link, &["aux", "cop"]).next().or(start);
        let cop = tree.dependents(link, &["cop"]).last();
        let between = first.is_some_and(|first| first < adverb && adverb < link) && tree.children(adverb).is_empty();
        let before_noun = cop.is_some_and(|cop| cop < adverb) && self.kind == Kind::Noun;
        let next = adverb + 1 == link && self.subject.is_some_and(|subject| subject < adverb);
        let next = next && !matches!(self.kind, Kind::Noun);
        tree.xpos(adverb).starts_with("RB") && (between || next || before_noun && adverb < link)
    }
}

/// Whether an auxiliary goes with a verb's form: "will see", "is seeing", "has seen".
fn helps(tree: &Tree, aux: usize, verb: usize) -> bool {
    let lemma = tree.lemma(aux);
    match tree.xpos(verb) {
        "VB" => tree.xpos(aux) == "MD" || lemma == "do",
        "VBG" => lemma == "be",
        "VBN" => lemma == "be" || lemma == "have",
        _ => false,
    }
}
