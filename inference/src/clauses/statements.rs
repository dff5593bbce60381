//! Statements: propositions as memory keeps them: about somebody, with a canonical predicate where the table has one, and how
//! they are meant.
//!
//! What is about nobody in particular, says nothing but in its text, or only tells what somebody thinks of saying, is left out.
//! Contract: total; spans lie in the text. Cost: a few microseconds a word.

use nexus_types::passage::Span;
use nexus_types::{Aspect, Mention, MentionKind, Modality, Statement, Tense, Term, Text, When};

use super::counts::{counts, is_sum};
use super::frame::Subjecthood;
use super::mood::{self, Mood};
use super::names::Cast;
use super::phrase::{Phrase, joined};
use super::predicates::{Canonical, Wants, canonical, own_name};
use super::proposition::{Proposition, Rule, propositions};
use super::prose::is_prose;
use super::terms::{Scene, object, person, value};
use super::times::{Times, when};
use super::tree::{Sentence, Tree};
use crate::heads::Reading;
use crate::patterns::{is_english, is_place, kin};

/// The least confidence of a proposition that memory keeps, in thousandths: from there on seven of ten are right even on text
/// that is no chat (`benches/claims`).
const SURE: u16 = 550;
/// Verbs that say nothing of their own: what they govern says it.
const LIGHT: &[&str] = &[
    "think",
    "know",
    "guess",
    "mean",
    "hope",
    "wish",
    "wonder",
    "see",
    "say",
    "tell",
    "ask",
    "suppose",
    "believe",
    "feel",
    "hear",
    "let",
    "look",
    "seem",
    "do",
    "thank",
    "bet",
    "imagine",
    "understand",
    "agree",
    "assume",
    "sound",
    "mention",
    "swear",
    "exist",
    "happen",
    "remember",
    "forget",
    "realize",
    "figure",
    "appear",
    "be_sure",
    "be_glad",
    "be_sorry",
    "be_afraid",
];
/// What being it says nothing that lasts.
const PASSING: &[&str] = &[
    "sure",
    "sorry",
    "glad",
    "afraid",
    "right",
    "wrong",
    "done",
    "back",
    "here",
    "there",
    "ok",
    "okay",
    "fine",
    "good",
    "great",
    "ready",
    "aware",
    "able",
    "late",
    "early",
    "welcome",
    "curious",
    "certain",
    "new",
    "nice",
    "cool",
    "alright",
    "well",
    "same",
    "true",
    "false",
    "lost",
    "stuck",
    "confused",
    "interested",
    "thankful",
    "grateful",
    "bad",
    "serious",
    "lucky",
    "fun",
    "awesome",
    "amazing",
    "wonderful",
    "so",
    "thing",
    "way",
    "one",
    "it",
];
/// Nouns that say nothing of whoever has, needs or sees them.
const VAGUE: &[&str] = &[
    "question",
    "questions",
    "problem",
    "problems",
    "issue",
    "issues",
    "idea",
    "ideas",
    "help",
    "luck",
    "sense",
    "point",
    "fun",
    "trouble",
    "error",
    "errors",
    "doubt",
    "look",
    "feeling",
    "thought",
    "thoughts",
    "moment",
    "second",
    "minute",
    "reason",
    "clue",
    "time",
    "matter",
];
/// Determiners whose noun means something only in its text.
const POINTING: &[&str] =
    &["this", "that", "these", "those", "such", "your", "its", "their", "every", "any", "no", "what", "which", "how"];

/// What a text states, of people it tells apart.
pub(super) fn statements(text: &str, reading: &Reading, mentions: &[Mention]) -> Vec<Statement> {
    let mut cast = Cast::default();
    let mut found = Vec::new();
    let times = Times::of(text);
    for (at, words) in reading.sentences.iter().enumerate() {
        let sentence = Sentence { text, words: words.clone() };
        let (Some(first), Some(last)) = (words.first(), words.last()) else { continue };
        let is_english = is_english(words.iter().filter_map(|word| text.get(word.start..word.end)));
        if !is_english || !text.get(first.start..last.end).is_some_and(is_prose) {
            continue;
        }
        let tree = Tree::new(&sentence);
        let scene = Scene { tree: &tree, mentions, sentence: at };
        for proposition in propositions(&tree) {
            let at = when(&tree, &times, &proposition);
            let said = statement(&scene, &mut cast, &proposition);
            found.extend(said.map(|said| Statement { when: at.bearing(said.aspect), ..said }));
            found.extend(counted(&scene, &mut cast, &proposition));
        }
    }
    found
}

fn statement(scene: &Scene<'_>, cast: &mut Cast, of: &Proposition) -> Option<Statement> {
    if is_occasion(scene.tree, of) {
        return None;
    }
    let Some((subject, sure)) = subject(scene, cast, of) else { return attribute(scene, cast, of) };
    let name = of.predicate.name.as_str();
    // Of "my sister's dog" only the dog of somebody is told, and of "Bob, the boss" who he is.
    let light = LIGHT.contains(&name)
        || (of.rule == Rule::Possession && !matches!(subject, Term::Person(_) | Term::Relative(..)));
    let phrase = of.object.as_ref().filter(|_| !light)?;
    let Some(object) = object(scene, cast, phrase) else { return around(scene, cast, of, (subject, sure)) };
    let vague = VAGUE.contains(&scene.tree.lower(phrase.head)) && phrase.words.len() <= 2;
    if subject == object || vague || (name == "be" && is_passing(scene.tree, phrase)) {
        return None;
    }
    let known = canonical(name).filter(|known| fits(scene, known, of, phrase, &object));
    if known.is_none() && is_clause(scene.tree, phrase) {
        return None;
    }
    let holds = known.map_or(Aspect::Holds, |known| known.aspect);
    let predicate = known.map_or_else(|| own_name(name), |known| known.name.into());
    let said = made(scene, cast, of, (subject, predicate, object), sure)?;
    Some(Statement { aspect: if said.aspect == Aspect::Holds { holds } else { said.aspect }, ..said })
}

/// Whether a clause only tells on what occasion something is so: "when I close the window", or what a question supposes.
fn is_occasion(tree: &Tree<'_>, of: &Proposition) -> bool {
    const OCCASIONS: &[&str] =
        &["when", "whenever", "once", "until", "till", "after", "before", "while", "as", "if", "unless"];
    let below = matches!(tree.base(of.top), "advcl" | "acl" | "xcomp" | "ccomp");
    let marked = tree.dependents(of.top, &["mark", "advmod"]).any(|word| OCCASIONS.contains(&tree.lower(word)));
    let asks = !tree.is_empty() && tree.lower(tree.len() - 1).contains('?');
    below && of.mood.tense == Tense::Present && (marked || asks)
}

/// "I made it with coconut milk" says what they made with coconut milk, whatever "it" is.
fn around(scene: &Scene<'_>, cast: &mut Cast, of: &Proposition, (subject, sure): (Term, u32)) -> Option<Statement> {
    let (joins, phrase) = of.arguments.iter().find_map(|argument| {
        let [joins] = argument.preposition[..] else { return None };
        (scene.tree.upos(joins) == "ADP").then_some((scene.tree.lower(joins), &argument.phrase))
    })?;
    let object = object(scene, cast, phrase)?;
    let predicate = format!("{}_{joins}", of.predicate.name);
    made(scene, cast, of, (subject, predicate, object), sure * 9 / 10)
}

/// What is said of somebody's thing is said of them: "my highest score is 124" is their `highest_score_is`, "dance is my
/// stress fix" their `stress_fix_is`, "my studio opens in May" their `studio_open_in`.
fn attribute(scene: &Scene<'_>, cast: &mut Cast, of: &Proposition) -> Option<Statement> {
    let tree = scene.tree;
    let (named, phrase) = (of.subject.as_ref()?, of.object.as_ref()?);
    let is = of.predicate.name == "be";
    let noun = |phrase: &Phrase| matches!(tree.upos(phrase.head), "NOUN" | "PROPN" | "NUM" | "VERB");
    if !matches!(of.rule, Rule::Clause(_)) || LIGHT.contains(&of.predicate.name.as_str()) || is && !noun(phrase) {
        return None;
    }
    let (owner, thing, told) = match (owner(scene, cast, named), is.then(|| owner(scene, cast, phrase)).flatten()) {
        (Some(owner), _) => (owner, named, phrase),
        (None, Some(owner)) => (owner, phrase, named),
        (None, None) => return touched(scene, cast, of),
    };
    let object = object(scene, cast, told)?;
    let verb = if is { "is" } else { of.predicate.name.as_str() };
    let predicate = format!("{}_{verb}", attribute_name(tree, thing)?);
    made(scene, cast, of, (owner, predicate, object), 900)
}

/// What things do to the speaker: "nature inspires me" is their `inspire_by`, "writing became a way to express my feelings"
/// their `writing_become`.
fn touched(scene: &Scene<'_>, cast: &mut Cast, of: &Proposition) -> Option<Statement> {
    let tree = scene.tree;
    let (thing, phrase) = (of.subject.as_ref()?, of.object.as_ref()?);
    let me = |word: &usize| matches!(tree.lower(*word), "me" | "my" | "us" | "our");
    let is_thing = matches!(tree.upos(thing.head), "NOUN" | "PROPN" | "VERB") && !thing.words.iter().any(me);
    let mut said = phrase.words.iter().chain(of.arguments.iter().flat_map(|argument| &argument.phrase.words));
    if !is_thing || !said.any(me) {
        return None;
    }
    let name = of.predicate.name.as_str();
    let (predicate, object) = match tree.lower(phrase.head) {
        "me" | "us" => (format!("{name}_by"), object(scene, cast, thing)?),
        _ => (format!("{}_{name}", attribute_name(tree, thing)?), object(scene, cast, phrase)?),
    };
    made(scene, cast, of, (Term::Speaker, predicate, object), 900)
}

/// Whose a thing is: of "my studio" the speaker, of "Anna's studio" Anna. Not of somebody: "my sister" is no thing.
fn owner(scene: &Scene<'_>, cast: &mut Cast, thing: &Phrase) -> Option<Term> {
    let tree = scene.tree;
    let owner = tree.dependent(thing.head, &["nmod:poss"])?;
    if !matches!(tree.upos(thing.head), "NOUN" | "PROPN") || kin(tree.lower(thing.head)).is_some() {
        return None;
    }
    match tree.lower(owner) {
        "my" | "our" => Some(Term::Speaker),
        "his" => cast.pronoun(false, scene.sentence),
        "her" => cast.pronoun(true, scene.sentence),
        "your" | "its" | "their" | "whose" => None,
        _ => person(scene, cast, &Phrase { head: owner, words: vec![owner] }).map(|(term, _)| term),
    }
}

/// A thing as a name: its noun with what stands before it, three words at most.
fn attribute_name(tree: &Tree<'_>, thing: &Phrase) -> Option<String> {
    let before = |word: &usize| {
        tree.parent(*word) == Some(thing.head) && matches!(tree.base(*word), "amod" | "compound") && *word < thing.head
    };
    let mut words: Vec<usize> = thing.words.iter().copied().filter(before).collect();
    words.push(thing.head);
    let plain = |word: &usize| tree.lower(*word).chars().all(|c| c.is_alphanumeric() || c == '-');
    (words.len() <= 3 && words.iter().all(plain))
        .then(|| words.iter().map(|word| tree.lower(*word)).collect::<Vec<_>>().join("_"))
}

/// Running totals: "I have read 20 books so far".
fn counted(scene: &Scene<'_>, cast: &mut Cast, of: &Proposition) -> Vec<Statement> {
    let counts = counts(scene.tree, of);
    if counts.is_empty() {
        return Vec::new();
    }
    let known = subject(scene, cast, of);
    let sum = || is_sum(scene.tree, of).then_some((Term::Speaker, 900));
    let (Some((subject, sure)), Some(span)) = (known.or_else(sum), span(of)) else { return Vec::new() };
    let confidence = u32::from(of.confidence.max(SURE)) * sure / 1000;
    let one = |(thing, number): (String, String)| Statement {
        span,
        subject: subject.clone(),
        predicate: format!("number_of_{thing}").into(),
        object: Term::Value(number.into()),
        further: Text::default(),
        polarity: of.mood.polarity,
        aspect: Aspect::Holds,
        modality: Modality::Asserted,
        reported_by: None,
        tense: Tense::Present,
        when: When::default(),
        confidence: confidence as u16,
    };
    counts.into_iter().map(one).collect()
}

/// About whom, and how sure that is. Who leaves the subject out speaks of themselves.
fn subject(scene: &Scene<'_>, cast: &mut Cast, of: &Proposition) -> Option<(Term, u32)> {
    let (term, sure) = match &of.subject {
        Some(phrase) => person(scene, cast, phrase)?,
        // "Works like a charm" is somebody else.
        None if of.rule == Rule::Clause(Subjecthood::Dropped) && scene.tree.xpos(of.top) != "VBZ" => {
            (Term::Speaker, 800)
        }
        None => return None,
    };
    // What is said to somebody about themselves is advice or a question far more often than a fact.
    (term != Term::Addressee).then_some((term, sure))
}

fn confidence(of: &Proposition, sure: u32) -> Option<u16> {
    u16::try_from(u32::from(of.confidence) * sure / 1000).ok().filter(|_| of.confidence >= SURE)
}

fn span(of: &Proposition) -> Option<Span> {
    Some(Span { start: u32::try_from(of.span.0).ok()?, end: u32::try_from(of.span.1).ok()? })
}

/// Whether the object is what the canonical predicate takes, said so that it lasts.
fn fits(scene: &Scene<'_>, known: &Canonical, of: &Proposition, phrase: &Phrase, object: &Term) -> bool {
    let tree = scene.tree;
    let happened = of.mood.tense == Tense::Past;
    if known.happened != happened && (known.happened || of.mood.aspect != Aspect::Was) {
        return false;
    }
    let pointing = tree.dependents(phrase.head, &["det", "nmod:poss"]).any(|word| POINTING.contains(&tree.lower(word)));
    let named = |kinds: &[MentionKind]| {
        let word = &tree.sentence().words[phrase.head];
        let inside =
            |mention: &&Mention| (mention.span.start as usize) < word.end && word.start < mention.span.end as usize;
        scene.mentions.iter().find(inside).is_some_and(|mention| kinds.contains(&mention.kind))
    };
    match known.wants {
        Wants::Person => matches!(object, Term::Person(_) | Term::Relative(..) | Term::Handle(_)),
        Wants::Place => named(&[MentionKind::Place]) || is_place(tree.lower(phrase.head)),
        Wants::Organisation => named(&[MentionKind::Organisation, MentionKind::Group]),
        Wants::Thing => {
            let noun = matches!(tree.upos(phrase.head), "NOUN" | "PROPN");
            // "The light" is one only its text knows.
            let bare =
                tree.dependents(phrase.head, &["det"]).any(|word| tree.lower(word) == "the") && phrase.words.len() <= 2;
            let thing = matches!(object, Term::Value(_)) && noun && !bare && !pointing;
            thing && !is_clause(tree, phrase) && phrase.words.len() <= 6
        }
    }
}

/// Whether a phrase is a clause: it says something of its own.
fn is_clause(tree: &Tree<'_>, phrase: &Phrase) -> bool {
    matches!(tree.base(phrase.head), "ccomp" | "advcl" | "csubj") || tree.has(phrase.head, &["nsubj", "csubj", "mark"])
}

/// Whether being it says nothing that lasts: a passing state, a pointing word, or a bare noun, which is a fragment.
fn is_passing(tree: &Tree<'_>, phrase: &Phrase) -> bool {
    let head = phrase.head;
    let bare = tree.xpos(head) == "NN" && !tree.has(head, &["det", "nmod:poss", "nummod", "amod", "compound", "case"]);
    let pointing = tree.dependents(head, &["det"]).any(|word| POINTING.contains(&tree.lower(word)));
    PASSING.contains(&tree.lower(head)) || bare || pointing
}

/// A statement of subject, predicate and object, with all that the clause says of how it is meant.
fn made(
    scene: &Scene<'_>,
    cast: &mut Cast,
    of: &Proposition,
    (subject, predicate, object): (Term, String, Term),
    sure: u32,
) -> Option<Statement> {
    Some(Statement {
        span: span(of)?,
        subject,
        predicate: predicate.into(),
        object,
        further: further(scene.tree, of),
        polarity: of.mood.polarity,
        aspect: of.mood.aspect,
        modality: modality(&of.mood),
        reported_by: of.reporter.as_ref().and_then(|by| person(scene, cast, by)).map(|(by, _)| by),
        tense: of.mood.tense,
        when: When::default(),
        confidence: confidence(of, sure)?,
    })
}

/// How a clause is meant, in memory's words.
fn modality(mood: &Mood) -> Modality {
    match mood.modality {
        mood::Modality::Asserted if mood.hedged => Modality::Hedged,
        mood::Modality::Asserted => Modality::Asserted,
        mood::Modality::Intended => Modality::Intended,
        mood::Modality::Hedged => Modality::Hedged,
        mood::Modality::Reported => Modality::Reported,
        mood::Modality::Hypothetical => Modality::Hypothetical,
        mood::Modality::Asked => Modality::Asked,
    }
}

/// Further arguments, each with its preposition.
fn further(tree: &Tree<'_>, of: &Proposition) -> Text {
    let argument = |argument: &super::proposition::Argument| {
        let value = value(tree, &argument.phrase)?;
        let preposition = joined(tree, &argument.preposition);
        Some(if preposition.is_empty() { value } else { format!("{preposition} {value}") })
    };
    of.arguments.iter().filter_map(argument).collect::<Vec<_>>().join("; ").into()
}
