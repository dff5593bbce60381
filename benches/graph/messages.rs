//! The whole memory graph: one message more.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nexus_dataflows::{Graph, Inputs};
use nexus_operators::check::Draw;
use nexus_types::passage::Span;
use nexus_types::policy::defaults;
use nexus_types::{
    Answer, AnswerRow, Ask, Aspect, Event, EventRow, Extraction, Kind, Modality, Polarity, Statement, Tense, Term,
    Text, When,
};

use crate::{report, support};

/// How often a message is sent.
const STEPS: usize = 2_000;

pub(crate) fn one_at_a_time(size: usize) {
    let scope: Text = "main".into();
    let mut draw = Draw::new(1);
    let mut graph = Graph::start(1, Arc::new(BTreeMap::new())).unwrap();
    let policy = || defaults(&scope).into_iter().map(|row| (row, 1)).collect();
    let asks = graph.step(Inputs { policy: policy(), ..Inputs::default() }).unwrap().asks;
    assert!(asks.is_empty());
    let rows = (0..size).map(|n| (message(&mut draw, &scope, n), 1)).collect();
    let started = Instant::now();
    take_in(&mut graph, rows);
    let rebuild = started.elapsed();
    let more: Vec<Arc<EventRow>> = (size..size + STEPS).map(|n| message(&mut draw, &scope, n)).collect();
    let spent = more.into_iter().map(|row| {
        let started = Instant::now();
        take_in(&mut graph, vec![(row, 1)]);
        started.elapsed()
    });
    let mut spent: Vec<Duration> = spent.collect();
    report("rebuild", rebuild.as_secs_f64());
    report("p50", support::quantile(&mut spent, 0.5));
    report("p99", support::quantile(&mut spent, 0.99));
}

/// An epoch with these events, and one with the answers to what the graph asks about them.
fn take_in(graph: &mut Graph, events: Vec<(Arc<EventRow>, isize)>) {
    let outputs = graph.step(Inputs { events, ..Inputs::default() }).unwrap();
    let asked = outputs.asks.into_iter().filter(|(_, diff)| *diff > 0);
    let answers = asked.map(|(ask, _)| (answer(ask), 1)).collect();
    graph.step(Inputs { answers, ..Inputs::default() }).unwrap();
}

/// The `n`th message: authors and channels follow a steep curve, one in ten answers the one before.
fn message(draw: &mut Draw, scope: &Text, n: usize) -> Arc<EventRow> {
    let mut steep = |bound: u64| draw.below(bound).min(draw.below(bound)).min(draw.below(bound));
    let event = Event {
        scope: scope.clone(),
        source: "irc".into(),
        external_id: n.to_string().into(),
        revision: None,
        platform: "irc".into(),
        channel: format!("#channel{}", steep(40)).into(),
        thread: None,
        author: format!("person{}", steep(5_000)).into(),
        addressees: Vec::new(),
        kind: Kind::Message,
        said_at: 1_600_000_000_000 + n as i64 * 60_000,
        seen_at: 0,
        text: format!("what the {n}th message says").into(),
        reply_to: (n % 10 == 9).then(|| (n - 1).to_string().into()),
        attachments: Vec::new(),
        meta: BTreeMap::new(),
    };
    Arc::new(event.row(1))
}

/// What a model says: every tenth message claims something.
fn answer(ask: Ask) -> AnswerRow {
    let bits = ask.text.0.0[0];
    let statement = Statement {
        span: Span { start: 0, end: 4 },
        subject: Term::Speaker,
        predicate: ["lives_in", "likes", "works_at", "visited"][(bits % 4) as usize].into(),
        object: Term::Value(format!("thing {}", bits % 50).into()),
        further: Text::default(),
        polarity: Polarity::Affirmed,
        aspect: Aspect::Holds,
        modality: Modality::Asserted,
        reported_by: None,
        tense: Tense::Present,
        when: When::default(),
        confidence: 900,
    };
    let statements = if bits.is_multiple_of(10) { vec![statement] } else { Vec::new() };
    AnswerRow { ask, answer: Arc::new(Answer::Extraction(Extraction { statements, ..Extraction::default() })) }
}
