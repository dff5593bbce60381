//! Repairs of trees: what no English clause has, and what was meant.
//!
//! A parser errs now and then in ways grammar forbids: two subjects, one on each side of the verb; a finite verb
//! without a subject that has its object in front, or whose subject was hung on a word behind it. Contract: a right
//! tree stays as it is, but for a rare inversion. Cost: the children of each verb.

use super::tree::Tree;

/// A word's new head and relation.
pub(crate) struct Change {
    /// The word.
    pub word: usize,
    /// Its head.
    pub head: usize,
    /// Its relation.
    pub rel: &'static str,
}

/// What to change in a tree.
pub(crate) fn repairs(tree: &Tree) -> Vec<Change> {
    let verb = |word: &usize| {
        matches!(tree.upos(*word), "VERB" | "AUX") && !matches!(tree.base(*word), "aux" | "cop" | "amod")
    };
    (0..tree.len())
        .filter(verb)
        .filter_map(|verb| second_subject(tree, verb).or_else(|| lost_subject(tree, verb)))
        .collect()
}

/// "KOMO became *a station*", read as a second subject.
fn second_subject(tree: &Tree, verb: usize) -> Option<Change> {
    let subjects = || tree.dependents(verb, &["nsubj"]).filter(|word| tree.rel(*word) != "nsubj:outer");
    let first = subjects().next().filter(|first| *first < verb)?;
    let second = subjects().find(|second| *second > verb && *second != first)?;
    let rel = if tree.has(second, &["case"]) { "obl" } else { "obj" };
    Some(Change { word: second, head: verb, rel })
}

/// A finite verb without a subject: the object in front of it, or the noun next to it that hangs on a word behind it.
fn lost_subject(tree: &Tree, verb: usize) -> Option<Change> {
    let helped = tree.dependent(verb, &["aux"]);
    let finite = matches!(tree.xpos(verb), "VBD" | "VBZ") || helped.is_some();
    let governed = matches!(tree.rel(verb), "acl:relcl" | "acl" | "xcomp" | "conj" | "advcl");
    if !finite || governed || tree.has(verb, &["nsubj", "csubj", "expl", "cop"]) {
        return None;
    }
    let start = helped.filter(|aux| *aux < verb).unwrap_or(verb);
    let asked = (0..start).any(|word| tree.xpos(word).starts_with('W'));
    let noun = |word: usize| matches!(tree.upos(word), "NOUN" | "PROPN" | "PRON" | "NUM") && !tree.has(word, &["case"]);
    let fronted = tree.dependents(verb, &["obj"]).find(|object| *object < start && noun(*object) && !asked);
    let crossing = || {
        let near = start.checked_sub(1).filter(|near| noun(*near))?;
        tree.parent(near).filter(|parent| *parent > verb).map(|_| near)
    };
    let rel = if tree.has(verb, &["aux:pass"]) { "nsubj:pass" } else { "nsubj" };
    fronted.or_else(crossing).map(|word| Change { word, head: verb, rel })
}
