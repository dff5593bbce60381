//! Ground: who "I" and "you" are, and when "yesterday" was.
//!
//! `ground(S, E, P) = { claim(s, you(s, E), zone(s, P)) | s in S }`: a statement becomes a claim about identity keys and
//! instants. "I" is the author (of a post, nobody in particular), "you" the only addressee, else the author of the message
//! replied to; a full name, a handle and a mail address are keys of their own; a bare first name is a key within its
//! channel; "my sister" is a key made of the speaker's. What cannot be told makes no claim: a wrong fact costs more than a
//! missing one. Claims wait for the policy of their scope: without a row of it there is no extractor either.
//! Cost: statements that change; replies to events that change; a scope's statements if its time zone changes.

mod time;

use std::sync::Arc;

use nexus_types::entity::{account_key, is_mail, name_key};
use nexus_types::{
    Aspect, Author, Claim, ClaimId, EventId, EventRow, Hash128, Key, Kind, Modality, Object, PassageId, Polarity,
    Policy, PolicyRow, Tense, Term, Text, TimeExpr, Unit, When,
};

use crate::extract::Said;
use crate::{Arrangement, Collection, scoped};

/// The source of what the user says in policy rows: a claim with full trust.
pub const USER: &str = "user";

/// What statements claim.
pub fn ground<'s>(
    statements: Collection<'s, Arc<Said>>,
    events: Arrangement<'s, EventId, Arc<EventRow>>,
    policy: Collection<'s, PolicyRow>,
) -> Collection<'s, Arc<Claim>> {
    let replies = statements
        .clone()
        .flat_map(|said| you_by_reply(&said).map(|event| (event, said)))
        .arrange_by_key_named("statements by what they reply to")
        .join_core(events, |_, said, event| speaker(event).map(|you| (shard(said), (said.clone(), Some(you)))));
    let direct = statements.flat_map(|said| {
        let you = addressee(&said.piece.event);
        you_by_reply(&said).is_none().then(|| (shard(&said), (said, you)))
    });
    let zones =
        policy.map(|row| (row.scope.clone(), zone_of(&row))).reduce_named("time zone of scope", |_, zones, out| {
            out.extend(zones.last().map(|(zone, _)| ((*zone).clone(), 1)))
        });
    let zones = scoped::everywhere(zones).arrange_by_key_named("time zone by scope");
    direct
        .concat(replies)
        .arrange_by_key_named("statements by scope")
        .join_core(zones, |_, (said, you), zone| claim(said, you.as_ref(), zone.as_deref()).map(Arc::new))
}

/// What the user's own policy rows claim.
pub fn asserted<'s>(policy: Collection<'s, PolicyRow>) -> Collection<'s, Arc<Claim>> {
    policy.flat_map(|row| asserted_claim(&row).map(Arc::new))
}

fn shard(said: &Said) -> scoped::Shard {
    scoped::shard(&said.piece.event.scope, said.piece.event.id)
}

fn zone_of(row: &PolicyRow) -> Option<Text> {
    match &row.policy {
        Policy::TimeZone(zone) => Some(zone.clone()),
        _ => None,
    }
}

/// The event whose author is "you", where a statement needs one and nobody is addressed.
fn you_by_reply(said: &Said) -> Option<EventId> {
    let event = &said.piece.event;
    let statement = &said.statement;
    let needs = speaks_to(&statement.subject)
        || speaks_to(&statement.object)
        || statement.reported_by.as_ref().is_some_and(speaks_to);
    event.reply_to.filter(|_| needs && event.addressees.is_empty())
}

fn speaks_to(term: &Term) -> bool {
    match term {
        Term::Addressee => true,
        Term::Relative(_, of) => speaks_to(of),
        _ => false,
    }
}

/// The key of "I" in an event; `None` if nobody in particular speaks.
pub fn speaker(event: &EventRow) -> Option<Key> {
    let speaks = event.live() && event.kind != Kind::Post;
    speaks.then(|| handle(&event.author, &event.platform)).flatten()
}

fn addressee(event: &EventRow) -> Option<Key> {
    match &*event.addressees {
        [only] => handle(only, &event.platform),
        _ => None,
    }
}

/// The key of an author or addressee, if it names anybody.
pub(crate) fn handle(author: &str, platform: &str) -> Option<Key> {
    let author = Author::parse(author);
    (!author.handle.trim().is_empty()).then(|| author.key(platform))
}

/// The key of a name in a text: of a full name for all, of a bare one for its channel. `None` if it is blank.
pub(crate) fn named(name: &str, event: &EventRow) -> Option<Key> {
    name_key(name).or_else(|| person_key(&event.platform, &event.channel, name))
}

/// The key of a bare name within a channel.
pub(crate) fn person_key(platform: &str, channel: &str, name: &str) -> Option<Key> {
    let name = name.trim().to_lowercase();
    (!name.is_empty()).then(|| format!("person:{platform}/{channel}/{name}").into())
}

fn key_of(term: &Term, event: &EventRow, you: Option<&Key>) -> Option<Key> {
    match term {
        Term::Speaker => speaker(event),
        Term::Addressee => you.cloned(),
        Term::Person(name) => named(name, event),
        Term::Handle(name) => handle(name, &event.platform),
        Term::Mail(mail) => is_mail(mail.trim()).then(|| account_key(&event.platform, mail)),
        Term::Relative(relation, of) => key_of(of, event, you).map(|of| Key::from(format!("relative:{of}/{relation}"))),
        Term::Value(_) => None,
    }
}

pub(crate) fn claim(said: &Said, you: Option<&Key>, zone: Option<&str>) -> Option<Claim> {
    let (statement, event) = (&said.statement, &said.piece.event);
    let subject = key_of(&statement.subject, event, you)?;
    let object = match &statement.object {
        Term::Value(value) => Object::Value(value.clone()),
        term => Object::Key(key_of(term, event, you)?),
    };
    let zone = time::zone(zone);
    let (valid_from, valid_to) =
        time::interval(&statement.when, statement.aspect, statement.modality, event.said_at, &zone);
    Some(Claim {
        said_at: event.said_at,
        id: claim_id(said, &subject, &object),
        scope: event.scope.clone(),
        event: event.id,
        passage: said.piece.id(),
        span: statement.span,
        source: event.source.clone(),
        subject,
        predicate: statement.predicate.clone(),
        object,
        further: statement.further.clone(),
        polarity: statement.polarity,
        aspect: statement.aspect,
        modality: statement.modality,
        reported_by: statement.reported_by.as_ref().and_then(|by| key_of(by, event, you)),
        tense: statement.tense,
        valid_from,
        valid_to,
        confidence: statement.confidence,
    })
}

/// The id of what a statement claims: its passage, its place and its content. How sure the extractor is does not count,
/// nor the time zone: the user's word about a claim outlives both.
fn claim_id(said: &Said, subject: &Key, object: &Object) -> ClaimId {
    let statement = &said.statement;
    let (kind, object): (&[u8], &Text) = match object {
        Object::Key(key) => (b"key", key),
        Object::Value(value) => (b"value", value),
    };
    ClaimId::of(&[
        &said.piece.id().0.to_bytes(),
        &said.place.to_le_bytes(),
        subject.as_bytes(),
        statement.predicate.as_bytes(),
        kind,
        object.as_bytes(),
        statement.polarity.name().as_bytes(),
        statement.aspect.name().as_bytes(),
        statement.modality.name().as_bytes(),
        statement.further.as_bytes(),
        &when_bytes(&statement.when),
    ])
}

fn when_bytes(when: &When) -> Vec<u8> {
    let expr = |expr: Option<TimeExpr>| match expr {
        None => [0; 4],
        Some(TimeExpr::Date { year, month, day }) => {
            let or = |part: Option<i32>| part.unwrap_or(i32::MIN);
            [1, or(year.map(i32::from)), or(month.map(i32::from)), or(day.map(i32::from))]
        }
        Some(TimeExpr::Offset(count, unit)) => [2, count, unit_number(unit), 0],
        Some(TimeExpr::Weekday(day, direction)) => [3, i32::from(day), i32::from(direction), 0],
        Some(spoken @ TimeExpr::Spoken(_)) => {
            let [said, _] = Hash128::of("when", &[&spoken.notation()]).0;
            [4, said as i32, (said >> 32) as i32, 0]
        }
    };
    [expr(when.from), expr(when.to)].concat().into_iter().flat_map(i32::to_le_bytes).collect()
}

fn unit_number(unit: Unit) -> i32 {
    match unit {
        Unit::Hour => 0,
        Unit::Day => 1,
        Unit::Week => 2,
        Unit::Month => 3,
        Unit::Year => 4,
    }
}

fn asserted_claim(row: &PolicyRow) -> Option<Claim> {
    let Policy::Assert { subject, predicate, object, said_at, valid_from } = &row.policy else { return None };
    Some(Claim {
        said_at: *said_at,
        id: ClaimId::of(&[b"policy", &row.key().to_bytes()]),
        scope: row.scope.clone(),
        event: EventId::default(),
        passage: PassageId::default(),
        span: nexus_types::passage::Span { start: 0, end: 0 },
        source: USER.into(),
        subject: subject.clone(),
        predicate: predicate.clone(),
        object: object.clone(),
        further: Text::default(),
        polarity: Polarity::Affirmed,
        aspect: Aspect::Holds,
        modality: Modality::Asserted,
        reported_by: None,
        tense: Tense::Present,
        valid_from: valid_from.or(Some(*said_at)),
        valid_to: None,
        confidence: 1000,
    })
}

/// The meaning of [`ground()`], by brute force.
pub fn ground_naive(statements: &[Arc<Said>], events: &[Arc<EventRow>], policy: &[PolicyRow]) -> Vec<Arc<Claim>> {
    let mut claims = Vec::new();
    for said in statements {
        let event = &said.piece.event;
        let rows: Vec<&PolicyRow> = policy.iter().filter(|row| row.scope == said.piece.event.scope).collect();
        let replied = events.iter().find(|other| Some(other.id) == event.reply_to);
        let you = match &*event.addressees {
            [] => replied.and_then(|event| speaker(event)),
            [only] => handle(only, &event.platform),
            _ => None,
        };
        let zone = rows.iter().filter_map(|row| zone_of(row)).max();
        if !rows.is_empty() {
            claims.extend(claim(said, you.as_ref(), zone.as_deref()).map(Arc::new));
        }
    }
    claims
}

#[cfg(test)]
mod tests;
