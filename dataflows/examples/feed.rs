//! Feeds a made-up history through the graph and reports how fast it goes and what it holds.
//!
//! `cargo run -p nexus-dataflows --example feed -- [EVENTS] [BATCH] [WORKERS]`. One message in ten says something; authors
//! and channels follow a steep curve. Then single messages, for the cost of one more; then one epoch with everything, which
//! is what opening a store costs.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nexus_dataflows::{Graph, Inputs, Outputs};
use nexus_types::passage::Span;
use nexus_types::policy::defaults;
use nexus_types::{
    Answer, AnswerRow, Ask, Aspect, Event, EventRow, Extraction, Kind, Modality, Polarity, Statement, Task, Term, Text,
    Texts, When,
};

fn main() {
    let arguments: Vec<usize> = std::env::args().skip(1).filter_map(|text| text.parse().ok()).collect();
    let [events, batch, workers] =
        [(0, 200_000), (1, 10_000), (2, 1)].map(|(at, or)| arguments.get(at).copied().unwrap_or(or));
    let no_texts = || -> Arc<dyn Texts> { Arc::new(BTreeMap::new()) };
    let rows: Vec<Arc<EventRow>> = (0..events as u64).map(message).collect();
    println!("{events} events in batches of {batch}, {workers} workers; resident before {} MiB", resident());

    let mut graph = Graph::start(workers, no_texts()).unwrap();
    let (started, mut totals, mut answers) = (Instant::now(), Totals::default(), Vec::new());
    graph.step(Inputs { policy: policy(), ..Inputs::default() }).unwrap();
    for chunk in rows.chunks(batch) {
        let inputs = Inputs { events: chunk.iter().map(|row| (row.clone(), 1)).collect(), ..Inputs::default() };
        let asks = totals.add(graph.step(inputs).unwrap());
        let reply: Vec<(AnswerRow, isize)> = asks.into_iter().map(|ask| (answer(ask), 1)).collect();
        answers.extend(reply.iter().cloned());
        totals.add(graph.step(Inputs { answers: reply, ..Inputs::default() }).unwrap());
    }
    report("fed", events, started.elapsed());
    println!("peak resident {} MiB", peak());
    println!("{totals:?}");

    let mut each: Vec<Duration> = (0..2_000).map(|n| one(&mut graph, message(events as u64 + n))).collect();
    each.sort();
    println!("one more message: p50 {:?}, p99 {:?}, worst {:?}", each[1_000], each[1_980], each[1_999]);
    drop(graph);

    let stored = || Inputs {
        events: rows.iter().map(|row| (row.clone(), 1)).collect(),
        answers: answers.clone(),
        policy: policy(),
        ticks: Vec::new(),
    };
    let (inputs, started, mut graph) = (stored(), Instant::now(), Graph::start(workers, no_texts()).unwrap());
    let open = graph.restore(inputs).unwrap().len();
    report("restored in pieces", events, started.elapsed());
    drop(graph);
    let (inputs, started, mut graph) = (stored(), Instant::now(), Graph::start(workers, no_texts()).unwrap());
    let outputs = graph.step(inputs).unwrap();
    report("restored in one step", events, started.elapsed());
    println!(
        "{} facts; open asks {open} and {}; peak resident {} MiB",
        outputs.facts.len(),
        outputs.asks.len(),
        peak()
    );
}

fn one(graph: &mut Graph, row: Arc<EventRow>) -> Duration {
    let started = Instant::now();
    let asks = graph.step(Inputs { events: vec![(row, 1)], ..Inputs::default() }).unwrap().asks;
    let spent = started.elapsed();
    let answers = asks.into_iter().filter(|(_, diff)| *diff > 0).map(|(ask, _)| (answer(ask), 1)).collect();
    graph.step(Inputs { answers, ..Inputs::default() }).unwrap();
    spent
}

#[derive(Debug, Default)]
#[allow(dead_code)]
struct Totals {
    passages: isize,
    entities: isize,
    claims: isize,
    decisions: isize,
    facts: isize,
    salience: isize,
    rankings: isize,
}

impl Totals {
    /// Counts what is there; returns the asks that are new.
    fn add(&mut self, outputs: Outputs) -> Vec<Ask> {
        fn sum<R>(rows: &[(R, isize)]) -> isize {
            rows.iter().map(|(_, diff)| diff).sum()
        }
        self.passages += sum(&outputs.passages);
        self.entities += sum(&outputs.entities);
        self.claims += sum(&outputs.claims);
        self.decisions += sum(&outputs.decisions);
        self.facts += sum(&outputs.facts);
        self.salience += sum(&outputs.salience);
        self.rankings += sum(&outputs.rankings);
        outputs.asks.into_iter().filter(|(_, diff)| *diff > 0).map(|(ask, _)| ask).collect()
    }
}

fn policy() -> Vec<(nexus_types::PolicyRow, isize)> {
    let scope: Text = "main".into();
    let embed = nexus_types::Policy::Model { task: Task::Embed, model: "minilm@1".into() };
    let embed = nexus_types::PolicyRow { scope: scope.clone(), policy: embed };
    defaults(&scope).into_iter().chain([embed]).map(|row| (row, 1)).collect()
}

/// A number below `bound`, small ones far more often; the same for the same `n`.
fn steep(n: u64, salt: u64, bound: u64) -> u64 {
    let bits = n.wrapping_add(salt).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let uniform = ((bits ^ (bits >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 11) as f64 / (1u64 << 53) as f64;
    (uniform * uniform * uniform * bound as f64) as u64
}

fn message(n: u64) -> Arc<EventRow> {
    let author = steep(n, 1, 5_000);
    // A message minute by minute; every third text has been said before.
    let text = if n % 3 == 0 { format!("text {}", steep(n, 2, 2_000)) } else { format!("text {n}, unlike the others") };
    let event = Event {
        scope: "main".into(),
        source: "irc".into(),
        external_id: n.to_string().into(),
        revision: None,
        platform: "irc".into(),
        channel: format!("#channel{}", steep(n, 3, 40)).into(),
        thread: None,
        author: if author % 4 == 0 { format!("Person {author} <p{author}>") } else { format!("p{author}") }.into(),
        addressees: if n % 5 == 0 { vec![format!("p{}", steep(n, 4, 5_000)).into()] } else { Vec::new() },
        kind: Kind::Message,
        said_at: 1_600_000_000_000 + n as i64 * 60_000,
        seen_at: 0,
        text: text.into(),
        reply_to: (n % 7 == 0 && n > 0).then(|| (n - 1).to_string().into()),
        attachments: Vec::new(),
        meta: BTreeMap::new(),
    };
    Arc::new(event.row(1))
}

fn answer(ask: Ask) -> AnswerRow {
    let bits = ask.text.0.0[0];
    let statement = Statement {
        span: Span { start: 0, end: 4 },
        subject: Term::Speaker,
        predicate: ["lives_in", "likes", "works_at"][(bits % 3) as usize].into(),
        object: Term::Value(format!("thing {}", bits % 50).into()),
        polarity: Polarity::Affirmed,
        aspect: Aspect::Holds,
        modality: Modality::Asserted,
        when: When::default(),
        confidence: 900,
    };
    let statements = if bits % 10 == 0 { vec![statement] } else { Vec::new() };
    let embed = ask.model.starts_with("minilm");
    let extraction = Answer::Extraction(Extraction { mentions: Vec::new(), statements });
    AnswerRow { ask, answer: Arc::new(if embed { Answer::Vector } else { extraction }) }
}

fn report(what: &str, events: usize, spent: Duration) {
    let rate = events as f64 / spent.as_secs_f64();
    println!("{what} in {:.1} s: {rate:.0} events/s, resident {} MiB", spent.as_secs_f64(), resident());
}

/// Resident memory of this process in MiB.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    pages.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4 / 1024
}

/// The most that was ever resident.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<usize>().ok()).unwrap_or(0) / 1024
}
