//! Mentions: the people, places, organisations, dates and addresses a sentence names.

use nexus_types::passage::Span;
use nexus_types::{Mention, MentionKind};

use super::lexicon::Class;
use super::sentence::Sentence;
use super::token::Kind;

/// Everything a sentence names, in order.
pub(super) fn mentions(sentence: &Sentence<'_>) -> Vec<Mention> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < sentence.len() {
        match mention(sentence, at) {
            Some((kind, from, end)) => {
                found.extend(made(sentence, kind, from, end));
                at = end.max(at + 1);
            }
            None => at += 1,
        }
    }
    found
}

/// The mention that begins at this token, with its cue: its kind, first token and end.
fn mention(sentence: &Sentence<'_>, at: usize) -> Option<(MentionKind, usize, usize)> {
    let token = sentence.tokens.get(at)?;
    let single = |kind| Some((kind, at, at + 1));
    match token.kind {
        Kind::Url => return single(MentionKind::Url),
        Kind::Mail => return single(MentionKind::Mail),
        Kind::Hashtag => return single(MentionKind::Hashtag),
        Kind::Handle => return single(MentionKind::Handle),
        Kind::Punct | Kind::Code => return None,
        Kind::Word | Kind::Number => {}
    }
    if let Some(time) = sentence.time(at).filter(|time| time.from.is_some() || time.to.is_some()) {
        return Some((MentionKind::Date, at, time.end));
    }
    if token.kind == Kind::Number {
        return None;
    }
    if addressed(sentence, at) {
        return single(MentionKind::Handle);
    }
    if let Some((_, _, end)) = sentence.kin(at)
        && let Some(last) = sentence.cued_person(end)
    {
        return Some((MentionKind::Person, end, last));
    }
    if let Some(end) = sentence.person(at) {
        return Some((MentionKind::Person, at, end));
    }
    if let Some(end) = greeted(sentence, at) {
        return Some((MentionKind::Person, at, end));
    }
    named(sentence, at)
}

/// A nick at the start of a line, before a colon: who is spoken to.
fn addressed(sentence: &Sentence<'_>, at: usize) -> bool {
    let token = &sentence.tokens[at];
    let colon = sentence.tokens.get(at + 1).is_some_and(|next| next.start == token.end && sentence.raw(at + 1) == ":");
    at == 0
        && token.opens_line
        && colon
        && !sentence.is(at, Class::NoName)
        && !sentence.is(at, Class::Function)
        && sentence.len() > 2
}

/// A name after a greeting, before a break: "Hi Ben,".
fn greeted(sentence: &Sentence<'_>, at: usize) -> Option<usize> {
    let before = at.checked_sub(1).filter(|before| sentence.is(*before, Class::Greeting))?;
    let end = sentence.cued_person(at)?;
    (sentence.is_break(end) && before + 1 == at).then_some(end)
}

/// A place or an organisation, known by its name or by the words around it.
fn named(sentence: &Sentence<'_>, at: usize) -> Option<(MentionKind, usize, usize)> {
    if sentence.is(at, Class::Organisation) && sentence.tokens[at].capital {
        return Some((MentionKind::Organisation, at, at + 1));
    }
    let end = sentence.capital_run(at)?;
    let organisation = (at..end).any(|at| sentence.is(at, Class::Incorporated) || sentence.is(at, Class::Institute));
    if organisation && end > at + 1 {
        return Some((MentionKind::Organisation, at, end));
    }
    let headed = sentence.is(at, Class::PlaceHead) && end > at + 1;
    if sentence.is(at, Class::Place) || headed && (at..end).any(|at| sentence.is(at, Class::Place)) {
        return Some((MentionKind::Place, at, end));
    }
    None
}

fn made(sentence: &Sentence<'_>, kind: MentionKind, from: usize, end: usize) -> Option<Mention> {
    let (first, last) = (sentence.tokens.get(from)?, sentence.tokens.get(end.checked_sub(1)?)?);
    let shown = sentence.shown(from, end);
    let name = if kind == MentionKind::Handle { shown.trim_start_matches('@').into() } else { shown.into() };
    let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Some(Mention { span: Span { start: place(first.start), end: place(last.end) }, kind, name })
}
