//! Grounding against its naive twin, and in words.

#![allow(clippy::unwrap_used)]

use nexus_types::Statement;

use super::*;
use crate::check::{Draw, check2};
use crate::{fake, latest};

/// A statement, or an event it may reply to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Row {
    Said(Arc<Said>),
    Event(Arc<EventRow>),
}

fn row(draw: &mut Draw) -> Row {
    match draw.below(3) {
        0 => Row::Event(fake::event(draw)),
        _ => Row::Said(said(draw)),
    }
}

fn said(draw: &mut Draw) -> Arc<Said> {
    Arc::new(Said { piece: fake::piece(draw), place: draw.below(2) as u32, statement: fake::statement(draw) })
}

fn policy(draw: &mut Draw) -> PolicyRow {
    let policy = match draw.below(3) {
        0 => Policy::Me("account:irc/anna".into()),
        n => Policy::TimeZone(["UTC", "Asia/Tokyo", "America/New_York"][n as usize].into()),
    };
    PolicyRow { scope: fake::scope(draw), policy }
}

fn saids(row: Row) -> Option<Arc<Said>> {
    match row {
        Row::Said(said) => Some(said),
        Row::Event(_) => None,
    }
}

fn events(row: Row) -> Option<Arc<EventRow>> {
    match row {
        Row::Said(_) => None,
        Row::Event(event) => Some(event),
    }
}

#[test]
fn agrees_with_naive() {
    check2(
        "ground",
        (row, policy),
        |rows, policy| ground(rows.clone().flat_map(saids), latest(rows.flat_map(events)), policy),
        |rows, policy| {
            let statements: Vec<_> = rows.iter().cloned().filter_map(saids).collect();
            let events: Vec<_> = rows.iter().cloned().filter_map(events).collect();
            ground_naive(&statements, &crate::latest::latest_naive(&events), policy)
        },
    );
}

/// What a sentence of Anna's in #x, said to nobody, claims: subject and object.
fn keys(subject: Term, object: Term, edit: impl Fn(&mut EventRow)) -> Option<(String, String)> {
    let draw = &mut Draw::new(7);
    let mut piece = fake::piece(draw);
    let event = Arc::make_mut(&mut piece.event);
    (event.kind, event.author, event.addressees) = (Kind::Message, "Anna Kowalska <Anna>".into(), Arc::new([]));
    (event.platform, event.channel, event.reply_to) = ("irc".into(), "#x".into(), None);
    event.version = nexus_types::Version::default();
    edit(event);
    let statement = Statement { subject, object, ..fake::statement(draw) };
    let said = Said { piece, place: 0, statement };
    let claim = claim(&said, addressee(&said.piece.event).as_ref(), None)?;
    let object = match claim.object {
        Object::Key(key) => key,
        Object::Value(value) => format!("= {value}").into(),
    };
    Some((claim.subject.to_string(), object.to_string()))
}

fn pair(subject: &str, object: &str) -> Option<(String, String)> {
    Some((subject.into(), object.into()))
}

#[test]
fn who_is_meant() {
    let person = |name: &str| Term::Person(name.into());
    let oslo = || Term::Value("Oslo".into());
    let sister = Term::Relative("sister".into(), Box::new(Term::Speaker));
    assert_eq!(keys(Term::Speaker, oslo(), |_| {}), pair("account:irc/anna", "= Oslo"));
    assert_eq!(keys(sister, person("Eva"), |_| {}), pair("relative:account:irc/anna/sister", "person:irc/#x/eva"));
    assert_eq!(keys(person("Eva  Maria"), oslo(), |_| {}), pair("name:eva maria", "= Oslo"));
    assert_eq!(keys(Term::Handle("@Ben".into()), oslo(), |_| {}), pair("account:irc/ben", "= Oslo"));
    assert_eq!(keys(Term::Mail("B@x.org".into()), oslo(), |_| {}), pair("mail:b@x.org", "= Oslo"));
    let to = |names: &'static [&'static str]| {
        move |event: &mut EventRow| event.addressees = names.iter().map(|name| Text::from(*name)).collect()
    };
    assert_eq!(keys(Term::Addressee, oslo(), to(&["Ben <ben>"])), pair("account:irc/ben", "= Oslo"));
}

#[test]
fn what_cannot_be_told_makes_no_claim() {
    let oslo = || Term::Value("Oslo".into());
    assert_eq!(keys(Term::Addressee, oslo(), |_| {}), None);
    assert_eq!(keys(Term::Addressee, oslo(), |event| event.addressees = Arc::new(["a".into(), "b".into()])), None);
    assert_eq!(keys(Term::Speaker, oslo(), |event| event.kind = Kind::Post), None);
    assert_eq!(keys(Term::Speaker, oslo(), |event| event.author = " ".into()), None);
    assert_eq!(keys(Term::Value("Oslo".into()), oslo(), |_| {}), None);
    assert_eq!(keys(Term::Person(" ".into()), oslo(), |_| {}), None);
    assert_eq!(keys(Term::Speaker, Term::Mail("nobody".into()), |_| {}), None);
}

#[test]
fn a_claims_id_is_its_place_and_content() {
    let draw = &mut Draw::new(3);
    let said = said(draw);
    let (subject, object) = (Key::from("a"), Object::Value("b".into()));
    let id = |said: &Said| claim_id(said, &subject, &object);
    let with = |edit: fn(&mut Said)| {
        let mut other = (*said).clone();
        edit(&mut other);
        id(&other)
    };
    assert_eq!(id(&said), with(|said| said.statement.confidence += 1));
    assert_ne!(id(&said), with(|said| said.place += 1));
    assert_ne!(id(&said), with(|said| said.statement.when.from = Some(TimeExpr::Offset(-77, Unit::Day))));
    assert_ne!(id(&said), claim_id(&said, &subject, &Object::Key("b".into())));
}

#[test]
fn the_users_word_is_a_claim() {
    let policy = Policy::Assert {
        subject: "me".into(),
        predicate: "lives_in".into(),
        object: Object::Value("Oslo".into()),
        said_at: 5,
        valid_from: None,
    };
    let claim = asserted_claim(&PolicyRow { scope: "s".into(), policy }).unwrap();
    assert_eq!((claim.valid_from, claim.confidence, &*claim.source), (Some(5), 1000, USER));
}
