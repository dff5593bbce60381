//! From a clause's frame to its propositions: what it governs, which preposition joins the predicate, who does it.
//!
//! Contract: one proposition for each pair of subject and object. Cost: the words of the clause, for each pair.

use super::complement::{Complement, governed, promote};
use super::frame::{Frame, Kind, Subjecthood, copulas, outer_subject};
use super::lists::{DIRECTIONS, NEGATIONS};
use super::mood::{Mood, Polarity};
use super::phrase::{Phrase, apart};
use super::proposition::{Argument, Predicate, Proposition, Rule};
use super::tree::Tree;

/// Appends what a clause says.
pub(crate) fn clause(tree: &Tree, frame: &Frame, mood: Mood, found: &mut Vec<Proposition>) {
    if let Some(outer) = outer_subject(tree, frame.head) {
        found.extend(outer_clause(tree, frame, outer, mood));
    }
    if says_nothing(tree, frame) {
        return;
    }
    let mut words = frame.predicate(tree);
    let mut governed = governed(tree, frame, &words);
    let adjective = frame.kind == Kind::Adjective;
    if governed.object.is_none() {
        promote(tree, frame, &mut governed);
    }
    if adjective && governed.object.is_none() {
        governed.object = Some(Complement::bare(frame.head));
    } else if adjective {
        words.push(frame.head);
    }
    let preposition = governed.object.as_ref().map(|object| object.preposition.clone()).unwrap_or_default();
    let predicate = predicate(tree, frame, words, &preposition, governed.object.as_ref());
    let arguments: Vec<Argument> = governed.others.iter().map(|other| other.argument(tree)).collect();
    let pivot = copulas(tree, frame.head).last().copied().unwrap_or(frame.head);
    let said = |phrase: Phrase| Some(phrase.without(tree, &predicate.words).beside(tree, pivot));
    let objects = governed.object.map_or(vec![None], |object| object.phrases(tree).into_iter().map(said).collect());
    for subject in subjects(tree, frame) {
        let subject = subject.map(|subject| subject.beside(tree, pivot));
        for object in &objects {
            found.push(Proposition {
                rule: Rule::Clause(frame.subjecthood),
                top: frame.top,
                head: frame.head,
                passive: frame.kind == Kind::Passive,
                subject: subject.clone(),
                predicate: predicate.clone(),
                object: object.clone(),
                arguments: arguments.clone(),
                mood,
                reporter: mood.reporter.map(|head| Phrase::nominal(tree, head, true)),
                confidence: 0,
                span: (0, 0),
            });
        }
    }
}

/// "The problem is that he left": said of the problem.
fn outer_clause(tree: &Tree, frame: &Frame, subject: usize, mood: Mood) -> Option<Proposition> {
    let copula = tree.dependent(frame.head, &["cop"])?;
    let that =
        |word: usize| tree.base(word) == "mark" && tree.lower(word) == "that" && tree.parent(word) == Some(frame.head);
    let before = |word: &usize| *word > copula && !that(*word);
    let words = tree.subtree(frame.head, |word| word != subject && tree.base(word) != "parataxis");
    let object = Phrase::of(tree, frame.head, words.into_iter().filter(before).collect())?;
    let negated = |not: usize| not == copula + 1 && NEGATIONS.contains(&tree.lower(not));
    let denied = tree.dependents(frame.head, &["advmod"]).any(negated);
    let mood = Mood { polarity: if denied { Polarity::Denied } else { Polarity::Affirmed }, ..mood };
    let predicate =
        Predicate { words: vec![copula], understood: None, name: "be".to_string(), governor: String::new() };
    Some(Proposition {
        rule: Rule::Clause(Subjecthood::Own),
        top: frame.top,
        head: copula,
        passive: false,
        subject: Some(Phrase::nominal(tree, subject, true)),
        predicate,
        object: Some(object),
        arguments: Vec::new(),
        mood,
        reporter: None,
        confidence: 0,
        span: (0, 0),
    })
}

/// Imperatives, infinitives of nouns, fragments, and "to" clauses without a doer state nothing.
fn says_nothing(tree: &Tree, frame: &Frame) -> bool {
    let infinitive = tree.dependents(frame.top, &["mark"]).any(|to| tree.lower(to) == "to");
    match frame.subjecthood {
        Subjecthood::Reduced => infinitive || tree.has(frame.top, &["mark"]),
        Subjecthood::Dropped => {
            let main = matches!(tree.base(frame.top), "root" | "conj");
            let finite = matches!(tree.xpos(frame.top), "VBD" | "VBG" | "VBN" | "VBZ");
            frame.kind != Kind::Existential && !(main && finite && frame.kind == Kind::Active)
        }
        _ => false,
    }
}

/// The phrases of the subject; one `None` where it is not said.
fn subjects(tree: &Tree, frame: &Frame) -> Vec<Option<Phrase>> {
    if frame.kind == Kind::Existential {
        let exists = tree.dependent(frame.head, &["nsubj"]);
        return exists.map_or(Vec::new(), |exists| vec![Some(Phrase::nominal(tree, exists, true))]);
    }
    let Some(head) = frame.subject else { return vec![None] };
    if matches!(tree.base(head), "csubj") {
        return vec![Some(Phrase::whole(tree, head))];
    }
    // A relative clause is about the noun next to it, not about the whole coordination, and no part of its own subject.
    if matches!(frame.subjecthood, Subjecthood::Relative | Subjecthood::Reduced) {
        let own = tree.subtree(frame.top, |_| true);
        return vec![Some(Phrase::nominal(tree, head, false).without(tree, &own))];
    }
    apart(tree, head).into_iter().map(Some).collect()
}

/// The predicate with its names.
fn predicate(
    tree: &Tree,
    frame: &Frame,
    mut words: Vec<usize>,
    preposition: &[usize],
    object: Option<&Complement>,
) -> Predicate {
    words.extend(preposition);
    words.sort_unstable();
    words.dedup();
    let auxiliary = frame.chain.len() > 1 || tree.has(frame.top, &["aux", "cop"]);
    let bare = matches!(frame.subjecthood, Subjecthood::Reduced | Subjecthood::Controlled)
        && matches!(tree.xpos(frame.top), "VBN" | "VBG");
    let understood = match frame.kind {
        Kind::Noun | Kind::Adjective if copulas(tree, frame.head).is_empty() && frame.chain.len() == 1 => Some("be"),
        Kind::Passive | Kind::Active if bare && !auxiliary => Some("be"),
        _ => None,
    };
    let mut name = match frame.kind {
        Kind::Active => tree.lemma(frame.head),
        Kind::Passive => format!("be_{}", tree.lower(frame.head)),
        Kind::Adjective if object.is_some_and(|object| object.head != frame.head) => {
            format!("be_{}", tree.lower(frame.head))
        }
        Kind::Noun | Kind::Adjective => "be".to_string(),
        Kind::Existential => "exist".to_string(),
    };
    let particle = |word: &usize| {
        tree.rel(*word) == "compound:prt"
            || (tree.base(*word) == "advmod" && words.contains(word) && DIRECTIONS.contains(&tree.lower(*word)))
    };
    let particles = tree.children(frame.head).iter().copied().filter(|word| !frame.kind.is_copular() && particle(word));
    for word in particles.chain(preposition.iter().copied().filter(|word| tree.base(*word) != "mark")) {
        name.push('_');
        name.push_str(tree.lower(word));
    }
    let governor = frame.chain.iter().rev().nth(1).map_or(String::new(), |link| tree.lemma(*link));
    Predicate { words, understood, name, governor }
}
