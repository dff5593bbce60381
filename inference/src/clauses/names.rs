//! Names: what a text names, as the patterns and the heads found it, and whom its pronouns mean.
//!
//! A pronoun means the only person spoken of so far that fits it; with two that fit it means nobody, for a wrong link makes
//! a wrong fact. Contract: total; mentions do not overlap. Cost: linear in the mentions.

use nexus_types::passage::Span;
use nexus_types::{Mention, MentionKind, Term, Text};

use super::tree::Word;
use crate::heads::{Named, Reading};

/// How likely a head's mention is at least.
const LIKELY: f32 = 0.5;
/// How many sentences back a pronoun looks.
const BACK: usize = 3;
/// What names of organisations end in.
const ORGANISATIONS: &[&str] = &[
    "inc",
    "corp",
    "corporation",
    "company",
    "co",
    "ltd",
    "llc",
    "gmbh",
    "university",
    "college",
    "school",
    "bank",
    "hospital",
    "institute",
    "foundation",
    "council",
    "agency",
    "department",
    "ministry",
    "museum",
    "airlines",
    "group",
];

/// What the patterns name and what the heads name beside it, in order.
pub(super) fn mentions(text: &str, reading: &Reading, known: Vec<Mention>) -> Vec<Mention> {
    let words: Vec<&Word> = reading.sentences.iter().flatten().collect();
    let mut all = known;
    for named in reading.mentions.iter().filter(|named| named.likelihood >= LIKELY) {
        let Some(mention) = mention(text, &words, named) else { continue };
        if all.iter().all(|other| mention.span.end <= other.span.start || other.span.end <= mention.span.start) {
            all.push(mention);
        }
    }
    all.sort_by_key(|mention| (mention.span.start, mention.span.end));
    all
}

fn mention(text: &str, words: &[&Word], named: &Named) -> Option<Mention> {
    let (first, last) = (words.get(named.words.start)?, words.get(named.words.end.checked_sub(1)?)?);
    let name = text.get(first.start..last.end)?;
    let sound = name.chars().any(char::is_alphabetic) && !name.starts_with(['@', '#']) && name.len() <= 80;
    let kind = match named.kind {
        "person" => MentionKind::Person,
        "location" => MentionKind::Place,
        "group" if is_organisation(name) => MentionKind::Organisation,
        "group" => MentionKind::Group,
        "product" => MentionKind::Product,
        _ => MentionKind::Work,
    };
    let span = Span { start: u32::try_from(first.start).ok()?, end: u32::try_from(last.end).ok()? };
    sound.then(|| Mention { span, kind, name: name.split_whitespace().collect::<Vec<_>>().join(" ").into() })
}

fn is_organisation(name: &str) -> bool {
    let last = name.rsplit(' ').next().unwrap_or_default().trim_end_matches('.').to_lowercase();
    ORGANISATIONS.contains(&last.as_str())
}

/// Who has been spoken of so far.
#[derive(Default)]
pub(super) struct Cast {
    people: Vec<Person>,
}

struct Person {
    term: Term,
    feminine: Option<bool>,
    sentence: usize,
}

impl Cast {
    /// Takes in that somebody is spoken of.
    pub(super) fn meet(&mut self, term: &Term, sentence: usize) {
        let feminine = match term {
            Term::Relative(relation, _) => gender_of(relation),
            Term::Person(_) | Term::Handle(_) => None,
            _ => return,
        };
        match self.people.iter_mut().find(|person| person.term == *term) {
            Some(person) => person.sentence = sentence,
            None => self.people.push(Person { term: term.clone(), feminine, sentence }),
        }
    }

    /// Whom "he" or "she" means in that sentence.
    pub(super) fn pronoun(&mut self, feminine: bool, sentence: usize) -> Option<Term> {
        let fits = |person: &&mut Person| {
            person.sentence + BACK >= sentence && person.feminine.is_none_or(|is| is == feminine)
        };
        let mut fitting = self.people.iter_mut().filter(fits);
        let only = fitting.next()?;
        if fitting.next().is_some() {
            return None;
        }
        (only.feminine, only.sentence) = (Some(feminine), sentence);
        Some(only.term.clone())
    }
}

/// Whether a word of kin tells that somebody is a woman.
fn gender_of(relation: &Text) -> Option<bool> {
    match &**relation {
        "sister" | "mother" | "daughter" | "aunt" | "niece" | "sister_in_law" | "mother_in_law" => Some(true),
        "brother" | "father" | "son" | "uncle" | "nephew" | "brother_in_law" | "father_in_law" => Some(false),
        _ => None,
    }
}
