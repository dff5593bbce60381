//! Fake: random rows for the operators' tests, from few of each so that they meet. Nothing here is real.

use std::sync::Arc;

use nexus_types::passage::Span;
use nexus_types::{
    Affect, Answer, AnswerRow, Ask, Aspect, EventId, EventRow, Extraction, Hash128, Kind, Mention, MentionKind,
    Modality, Polarity, Policy, PolicyRow, Scope, Statement, Task, Tense, Term, Text, TextHash, TimeExpr, Unit,
    Version, When,
};

use crate::check::Draw;
use crate::split::{Part, Piece};

/// A day, in milliseconds.
const DAY: i64 = 86_400_000;

pub(crate) fn scope(draw: &mut Draw) -> Scope {
    (*draw.pick(&["a", "b"])).into()
}

fn text(draw: &mut Draw, from: &[&str]) -> Text {
    (*draw.pick(from)).into()
}

pub(crate) fn author(draw: &mut Draw) -> Text {
    text(draw, &["anna", "Anna Kowalska <anna>", "Anna Kowalska <anna@example.org>", "ben", "Ben <ben>", "ann_k", ""])
}

pub(crate) fn hash(draw: &mut Draw) -> TextHash {
    TextHash(Hash128([draw.below(5), 0]))
}

/// An event, mostly live, of few ids: a reply is to one of them.
pub(crate) fn event(draw: &mut Draw) -> Arc<EventRow> {
    let id = |draw: &mut Draw| EventId(Hash128([draw.below(12), 0]));
    let version = Version { retracted: draw.one_in(6), ..Version::default() };
    let mut row = EventRow::tombstone(scope(draw), id(draw), version);
    row.source = text(draw, &["irc", "mail"]);
    row.platform = row.source.clone();
    row.channel = text(draw, &["#x", "#y"]);
    row.author = author(draw);
    row.addressees = (0..draw.below(3).saturating_sub(1)).map(|_| author(draw)).collect();
    row.kind = if draw.one_in(3) { *draw.pick(&Kind::ALL) } else { Kind::Message };
    row.said_at = draw.between(-3, 30) * DAY / 2;
    row.reply_to = draw.one_in(2).then(|| id(draw));
    row.rename_to = (row.kind == Kind::Rename).then(|| text(draw, &["ann_k", "ben_", "Anna"]));
    (row.text, row.text_bytes) = (hash(draw), 10);
    Arc::new(row)
}

pub(crate) fn piece(draw: &mut Draw) -> Piece {
    let part = Part { ordinal: 1, span: Span { start: 4, end: 9 }, text: hash(draw) };
    Piece { event: event(draw), part: draw.one_in(4).then(|| Arc::new(part)) }
}

pub(crate) fn model(draw: &mut Draw) -> PolicyRow {
    let task = *draw.pick(Task::ALL);
    PolicyRow { scope: scope(draw), policy: Policy::Model { task, model: text(draw, &["m@1", "m@2"]) } }
}

pub(crate) fn ask(draw: &mut Draw) -> Ask {
    Ask { text: hash(draw), model: text(draw, &["m@1", "m@2"]) }
}

pub(crate) fn answer_row(draw: &mut Draw) -> AnswerRow {
    AnswerRow { ask: ask(draw), answer: answer(draw) }
}

pub(crate) fn answer(draw: &mut Draw) -> Arc<Answer> {
    Arc::new(match draw.below(4) {
        0 => Answer::Vector,
        1 => Answer::Refused("too long".into()),
        _ => Answer::Extraction(Extraction {
            mentions: (0..draw.below(3)).map(|_| mention(draw)).collect(),
            statements: (0..draw.below(3)).map(|_| statement(draw)).collect(),
            affect: draw.one_in(2).then(|| affect(draw)),
        }),
    })
}

pub(crate) fn affect(draw: &mut Draw) -> Affect {
    let emotions = (0..draw.below(3)).map(|_| (text(draw, &["joy", "anger", "fear"]), draw.below(4) as u16 * 300));
    let emotions = emotions.collect();
    Affect { valence: draw.between(-1000, 1000) as i16, confidence: draw.below(4) as u16 * 333, emotions }
}

pub(crate) fn mention(draw: &mut Draw) -> Mention {
    let name = text(draw, &["Anna", "Anna Kowalska", "ben", "ben@example.org"]);
    Mention { span: Span { start: 0, end: 4 }, kind: *draw.pick(&MentionKind::ALL), name }
}

pub(crate) fn term(draw: &mut Draw) -> Term {
    match draw.below(7) {
        0 | 1 => Term::Speaker,
        2 => Term::Addressee,
        3 => Term::Person(text(draw, &["Anna", "Anna Kowalska", " "])),
        4 => Term::Handle(text(draw, &["anna", "Ben"])),
        5 => Term::Relative("sister".into(), Box::new(term(draw))),
        _ => Term::Value(text(draw, &["Oslo", "Anna Kowalska", "anna@example.org", ""])),
    }
}

pub(crate) fn time(draw: &mut Draw) -> TimeExpr {
    let small = |draw: &mut Draw, high| draw.between(0, high) as i8;
    match draw.below(4) {
        0 => TimeExpr::Date {
            year: draw.one_in(2).then(|| *draw.pick(&[1969, 1970, 2024, 9999, -7])),
            month: draw.one_in(2).then(|| small(draw, 13)),
            day: draw.one_in(2).then(|| small(draw, 32)),
        },
        1 => TimeExpr::Weekday(small(draw, 8), small(draw, 2) - 1),
        _ => {
            let units = [Unit::Hour, Unit::Day, Unit::Week, Unit::Month, Unit::Year];
            TimeExpr::Offset(draw.between(-3, 3) as i32, *draw.pick(&units))
        }
    }
}

pub(crate) fn statement(draw: &mut Draw) -> Statement {
    Statement {
        span: Span { start: 0, end: 4 },
        subject: term(draw),
        predicate: text(draw, &["lives_in", "name", "mail", "nickname"]),
        object: term(draw),
        further: text(draw, &["", "with Ben"]),
        polarity: *draw.pick(&[Polarity::Affirmed, Polarity::Affirmed, Polarity::Denied]),
        aspect: *draw.pick(Aspect::ALL),
        modality: if draw.one_in(3) { *draw.pick(Modality::ALL) } else { Modality::Asserted },
        reported_by: draw.one_in(4).then(|| term(draw)),
        tense: *draw.pick(Tense::ALL),
        when: When { from: draw.one_in(2).then(|| time(draw)), to: draw.one_in(4).then(|| time(draw)) },
        confidence: 900,
    }
}
