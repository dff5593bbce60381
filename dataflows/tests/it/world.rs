//! A small random world: two scopes, four people in two channels, a handful of sentences that are said again and again,
//! edited, deleted and forgotten, and policy that changes its mind.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use nexus_dataflows::{Graph, Inputs, Outputs};
use nexus_operators::check::Draw;
use nexus_types::event::{event_id, text_hash};
use nexus_types::passage::Span;
use nexus_types::policy::default_predicates;
use nexus_types::{
    Affect, Answer, AnswerRow, Ask, Aspect, Event, EventRow, Extraction, Kind, Mention, MentionKind, Modality, Object,
    Polarity, Policy, PolicyRow, Scope, Statement, Task, Tense, Term, Text, TextHash, Texts, TimeExpr, Unit, Version,
    When,
};

pub(crate) const DAY: i64 = 86_400_000;

/// One change of the world.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Event(Arc<EventRow>),
    Policy(PolicyRow, isize),
    Tick(i64),
}

impl Change {
    fn scope(&self) -> Option<&Scope> {
        match self {
            Change::Event(row) => Some(&row.scope),
            Change::Policy(row, _) => Some(&row.scope),
            Change::Tick(_) => None,
        }
    }

    /// Whether it happens in that scope; days pass in all.
    pub(crate) fn is_in(&self, scope: &str) -> bool {
        self.scope().is_none_or(|own| &**own == scope)
    }
}

/// The inputs of these changes, without answers.
pub(crate) fn inputs<'a>(changes: impl IntoIterator<Item = &'a Change>) -> Inputs {
    let mut inputs = Inputs::default();
    for change in changes {
        match change.clone() {
            Change::Event(row) => inputs.events.push((row, 1)),
            Change::Policy(row, diff) => inputs.policy.push((row, diff)),
            Change::Tick(day) => inputs.ticks.push((day, 1)),
        }
    }
    inputs
}

/// What is in the four inputs.
#[derive(Clone, Default)]
pub(crate) struct Ground {
    pub events: BTreeSet<Arc<EventRow>>,
    pub answers: BTreeMap<Ask, Arc<Answer>>,
    pub policy: BTreeMap<PolicyRow, isize>,
    pub ticks: BTreeSet<i64>,
}

impl Ground {
    pub(crate) fn take(&mut self, inputs: &Inputs) {
        self.events.extend(inputs.events.iter().map(|(row, _)| row.clone()));
        self.answers.extend(inputs.answers.iter().map(|(row, _)| (row.ask.clone(), row.answer.clone())));
        for (row, diff) in &inputs.policy {
            *self.policy.entry(row.clone()).or_default() += diff;
        }
        self.ticks.extend(inputs.ticks.iter().map(|(day, _)| *day));
    }

    pub(crate) fn policy(&self) -> Vec<PolicyRow> {
        self.policy.iter().filter(|(_, count)| **count > 0).map(|(row, _)| row.clone()).collect()
    }
}

/// A graph, all that went into it and all that came out.
pub(crate) struct Run {
    pub graph: Graph,
    pub ground: Ground,
    pub held: Outputs,
}

impl Run {
    pub(crate) fn new(workers: usize) -> Run {
        let graph = Graph::start(workers, Arc::new(texts())).unwrap();
        Run { graph, ground: Ground::default(), held: Outputs::default() }
    }

    pub(crate) fn step(&mut self, inputs: Inputs) {
        self.ground.take(&inputs);
        self.held.merge(self.graph.step(inputs).unwrap());
    }

    /// Answers the open asks that are picked.
    pub(crate) fn answer(&mut self, pick: impl FnMut(&Ask) -> bool) {
        let mut open: Vec<Ask> = self.held.asks.iter().map(|(ask, _)| ask.clone()).collect();
        let mut pick = pick;
        open.retain(|ask| pick(ask));
        self.step(Inputs { answers: open.iter().map(|ask| (answer(ask), 1)).collect(), ..Inputs::default() });
    }

    /// Answers everything, until nothing is open.
    pub(crate) fn settle(&mut self) {
        while !self.held.asks.is_empty() {
            self.answer(|_| true);
        }
    }
}

/// A random history.
pub(crate) fn history(seed: u64, length: u64) -> Vec<Change> {
    let draw = &mut Draw::new(seed);
    let mut changes: Vec<Change> = ["a", "b"].iter().flat_map(|scope| start(scope)).collect();
    let mut policies: Vec<PolicyRow> = Vec::new();
    for _ in 0..length {
        changes.push(match draw.below(10) {
            0 if !policies.is_empty() => {
                let at = draw.below(policies.len() as u64) as usize;
                Change::Policy(policies.swap_remove(at), -1)
            }
            1 | 2 => {
                let row = policy(draw);
                if policies.contains(&row) {
                    continue;
                }
                policies.push(row.clone());
                Change::Policy(row, 1)
            }
            3 => Change::Tick(draw.between(-1, 12)),
            _ => Change::Event(Arc::new(event(draw))),
        });
    }
    changes
}

fn start(scope: &str) -> Vec<Change> {
    let models = [(Task::Extract, "patterns@1"), (Task::Embed, "tiny@1")];
    let models = models.into_iter().map(|(task, model)| Policy::Model { task, model: model.into() });
    let rows = default_predicates().into_iter().map(Policy::Predicate).chain(models);
    rows.map(|policy| Change::Policy(PolicyRow { scope: scope.into(), policy }, 1)).collect()
}

fn some(draw: &mut Draw, from: &[&str]) -> Text {
    (*draw.pick(from)).into()
}

const AUTHORS: [&str; 7] =
    ["anna", "Anna Kowalska <anna>", "Anna Kowalska <anna@example.org>", "ben", "Ben Okri <ben>", "ann_k", ""];

/// A version of one of a few events.
fn event(draw: &mut Draw) -> EventRow {
    let (scope, source) = (some(draw, &["a", "a", "b"]), some(draw, &["irc", "irc", "mail"]));
    let external_id: Text = draw.below(14).to_string().into();
    let revision = draw.below(3);
    if draw.one_in(6) {
        let forgotten = draw.one_in(4);
        let version = Version { forgotten, revision, retracted: !forgotten, ..Version::default() };
        return EventRow::tombstone(scope.clone(), event_id(&scope, &source, &external_id), version);
    }
    let kind = if draw.one_in(3) { *draw.pick(&Kind::ALL) } else { Kind::Message };
    let sentences = sentences();
    let text =
        if kind == Kind::Rename { some(draw, &["ann_k", "ben_", "anna"]) } else { draw.pick(&sentences).clone() };
    let reply_to = draw.one_in(2).then(|| draw.below(14).to_string().into());
    let event = Event {
        scope,
        platform: source.clone(),
        source,
        external_id,
        revision: None,
        channel: some(draw, &["#x", "#y"]),
        thread: draw.one_in(4).then(|| "t".into()),
        author: some(draw, &AUTHORS),
        addressees: (0..draw.below(4).saturating_sub(1)).map(|_| some(draw, &AUTHORS)).collect(),
        kind,
        said_at: draw.between(-2, 10) * DAY + draw.between(0, 3) * 7_000_000,
        seen_at: 0,
        text,
        reply_to,
        attachments: Vec::new(),
        meta: BTreeMap::new(),
    };
    event.row(revision)
}

fn policy(draw: &mut Draw) -> PolicyRow {
    let key = |draw: &mut Draw| {
        let keys =
            ["account:irc/anna", "account:irc/ben", "account:irc/ann_k", "name:anna kowalska", "person:irc/#x/anna"];
        some(draw, &keys)
    };
    let policy = match draw.below(12) {
        0 => Policy::Me(key(draw)),
        1 => Policy::TimeZone(some(draw, &["Asia/Tokyo", "America/New_York"])),
        2 | 3 => Policy::NotSame(key(draw), key(draw)),
        4 => Policy::Same(key(draw), key(draw)),
        5 => Policy::Call { key: key(draw), name: some(draw, &["Anka", "Benny"]) },
        6 => Policy::Trust { source: some(draw, &["irc", "mail"]), trust: draw.below(4) as u16 * 300 },
        7 => Policy::Model { task: *draw.pick(Task::ALL), model: some(draw, &["patterns@2", "tiny@2"]) },
        8 | 9 => Policy::Watch { question: some(draw, &["which sentence 3?", "another one"]), k: *draw.pick(&[2, 20]) },
        10 => Policy::Statistics {
            passages: 20 + draw.below(2),
            length: 50,
            frequencies: vec![("sentenc".into(), 9), ("3".into(), 1)],
            named: if draw.one_in(2) { vec!["anna".into()] } else { Vec::new() },
            own: Vec::new(),
        },
        _ => Policy::Assert {
            subject: key(draw),
            predicate: some(draw, &["lives_in", "likes"]),
            object: if draw.one_in(2) { Object::Value("Oslo".into()) } else { Object::Key(key(draw)) },
            said_at: draw.between(0, 9) * DAY,
            valid_from: draw.one_in(2).then(|| draw.between(0, 12) * DAY),
        },
    };
    PolicyRow { scope: some(draw, &["a", "b"]), policy }
}

/// What people say: two texts are longer than a passage, one of them without a blank.
fn sentences() -> Vec<Text> {
    let short = (0..10).map(|n| Text::from(format!("sentence {n}")));
    let long = ["A sentence, and another one. ".repeat(50).into(), "ü".repeat(600).into(), "".into()];
    short.chain(long).collect()
}

/// Everything that can be looked up.
pub(crate) fn texts() -> BTreeMap<TextHash, Text> {
    let pieces = |text: &Text| {
        let spans = nexus_operators::split::pieces(text);
        spans.into_iter().map(|span| text[span.start as usize..span.end as usize].into()).collect::<Vec<Text>>()
    };
    let all = sentences().into_iter().flat_map(|text| pieces(&text).into_iter().chain([text]));
    all.map(|text| (text_hash(&text), text)).collect()
}

pub(crate) fn text(hash: TextHash) -> Option<Text> {
    texts().text(hash)
}

/// What a model says of a text: always the same, of the same.
pub(crate) fn answer(ask: &Ask) -> AnswerRow {
    let draw = &mut Draw::new(ask.text.0.0[0] ^ ask.model.len() as u64 ^ u64::from(ask.model.as_bytes()[0]) << 8);
    let answer = match ask.model.starts_with("tiny") {
        true => Answer::Vector,
        false if draw.one_in(9) => Answer::Refused("no".into()),
        false => Answer::Extraction(Extraction {
            mentions: (0..draw.below(3)).map(|_| mention(draw)).collect(),
            statements: (0..draw.below(4)).map(|_| statement(draw)).collect(),
            affect: draw.one_in(2).then(|| affect(draw)),
        }),
    };
    AnswerRow { ask: ask.clone(), answer: Arc::new(answer) }
}

fn mention(draw: &mut Draw) -> Mention {
    let name = some(draw, &["Anna", "Anna Kowalska", "ben", "anna@example.org"]);
    Mention { span: Span { start: 0, end: 4 }, kind: *draw.pick(&MentionKind::ALL), name }
}

fn term(draw: &mut Draw) -> Term {
    match draw.below(9) {
        0..=2 => Term::Speaker,
        3 => Term::Addressee,
        4 => Term::Person(some(draw, &["Anna", "Ben", "Anna Kowalska"])),
        5 => Term::Handle(some(draw, &["anna", "@Ben"])),
        6 => Term::Mail("Anna@example.org".into()),
        7 => Term::Relative("sister".into(), Box::new(term(draw))),
        _ => Term::Value(some(draw, &["Oslo", "oslo ", "Rome", ""])),
    }
}

fn affect(draw: &mut Draw) -> Affect {
    let emotions = (0..draw.below(3)).map(|_| (some(draw, &["joy", "anger", "fear"]), draw.below(4) as u16 * 300));
    let emotions = emotions.collect();
    Affect { valence: draw.between(-10, 10) as i16 * 100, confidence: draw.below(4) as u16 * 333, emotions }
}

fn statement(draw: &mut Draw) -> Statement {
    let predicate =
        some(draw, &["lives_in", "lives_in", "likes", "dislikes", "visited", "name", "nickname", "mail", "odd"]);
    let own = matches!(&*predicate, "name" | "nickname" | "mail");
    let word = some(draw, &["Anna Kowalska", "Ben", "anna@example.org"]);
    let plain = draw.one_in(2);
    Statement {
        span: Span { start: 0, end: 4 },
        subject: if own { Term::Speaker } else { term(draw) },
        object: if own { Term::Value(word) } else { term(draw) },
        predicate,
        further: some(draw, &["", "with Ben"]),
        polarity: if draw.one_in(5) { Polarity::Denied } else { Polarity::Affirmed },
        aspect: if plain { Aspect::Holds } else { *draw.pick(Aspect::ALL) },
        modality: if plain { Modality::Asserted } else { *draw.pick(Modality::ALL) },
        reported_by: draw.one_in(4).then(|| term(draw)),
        tense: *draw.pick(Tense::ALL),
        when: When { from: draw.one_in(2).then(|| time(draw)), to: draw.one_in(3).then(|| time(draw)) },
        confidence: draw.between(1, 11) as u16 * 100,
    }
}

pub(crate) fn time(draw: &mut Draw) -> TimeExpr {
    let small = |draw: &mut Draw, low, high| draw.between(low, high) as i8;
    match draw.below(4) {
        0 => TimeExpr::Date {
            year: draw.one_in(2).then(|| *draw.pick(&[1969, 1970, 1971])),
            month: draw.one_in(2).then(|| small(draw, 0, 13)),
            day: draw.one_in(2).then(|| small(draw, 0, 32)),
        },
        1 => TimeExpr::Weekday(small(draw, 0, 8), small(draw, -1, 1)),
        _ => {
            let units = [Unit::Hour, Unit::Day, Unit::Week, Unit::Month, Unit::Year];
            TimeExpr::Offset(draw.between(-3, 3) as i32, *draw.pick(&units))
        }
    }
}

/// The seeds to try: those given, or the one that the environment names.
pub(crate) fn seeds(count: u64) -> std::ops::Range<u64> {
    let only: Option<u64> = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    only.map_or(0..count, |seed| seed..seed + 1)
}

/// Compares what is held with what should be, table by table.
pub(crate) fn same(context: &str, held: &Outputs, should: &Outputs) {
    macro_rules! tables {
        ($($name:ident),*) => {$(
            let missing: Vec<_> = should.$name.iter().filter(|row| !held.$name.contains(row)).collect();
            let excess: Vec<_> = held.$name.iter().filter(|row| !should.$name.contains(row)).collect();
            assert!(
                missing.is_empty() && excess.is_empty(),
                "{context}: {} differ;\nmissing: {missing:#?}\nin excess: {excess:#?}",
                stringify!($name)
            );
        )*};
    }
    tables!(
        events, asks, passages, claims, entities, evidence, mentions, decisions, facts, salience, rankings, watched,
        affects, patterns
    );
    assert!(held == should, "{context}: rows are there several times");
}
