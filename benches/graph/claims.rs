//! The part of the graph from grounded claims to facts: who they are about, and consolidation.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use differential_dataflow::input::{Input, InputSession};
use nexus_operators::check::Draw;
use nexus_operators::evidence::Who;
use nexus_operators::{Collection, Diff, Resolved, Time, consolidate, resolve};
use nexus_types::passage::Span;
use nexus_types::policy::defaults;
use nexus_types::{
    Aspect, Cardinality, Claim, ClaimId, EntityId, EventId, Modality, Object, PassageId, Polarity, Policy, PolicyRow,
    Predicate, Tense, Text,
};
use timely::dataflow::operators::probe::Handle;
use timely::worker::Worker;

use crate::{report, resident, support};

/// Predicates, the frequent ones first.
const PREDICATES: [&str; 12] = [
    "lives_in", "likes", "works_at", "visited", "uses", "feels", "role", "friend", "owns", "studies", "met", "collects",
];
/// How often the single steps are repeated.
const STEPS: usize = 2_000;

/// Claims that follow each other, ten seconds apart.
pub(crate) struct Claims {
    draw: Draw,
    scope: Text,
    source: Text,
    predicates: Vec<Text>,
    people: Vec<Text>,
    values: Vec<Text>,
}

impl Claims {
    pub(crate) fn new(size: usize) -> Self {
        let names = |of: &str, count: usize| (0..count).map(|n| format!("{of}{n}").into()).collect();
        Claims {
            draw: Draw::new(1),
            scope: "main".into(),
            source: "irc".into(),
            predicates: PREDICATES.iter().map(|name| Text::from(*name)).collect(),
            people: names("account:irc/person", size / 10 + 1),
            values: names("value ", 5_000),
        }
    }

    /// Every key there is, with the entity it means.
    pub(crate) fn members(&self) -> impl Iterator<Item = (Who, EntityId)> {
        let entity = |key: &Text| EntityId::of(&[self.scope.as_bytes(), key.as_bytes()]);
        self.people.iter().map(move |key| ((self.scope.clone(), key.clone()), entity(key)))
    }

    /// The `n`th claim. One in ten is about where the first person lives; the rest follow Zipf's law.
    pub(crate) fn claim(&mut self, n: usize) -> Arc<Claim> {
        let (person, predicate) = match self.draw.one_in(10) {
            true => (0, 0),
            false => (1 + self.zipf(self.people.len() - 1), self.zipf(self.predicates.len())),
        };
        let value = if person == 0 { self.draw.below(self.values.len() as u64) as usize } else { self.zipf(200) };
        let hash = |noun: &str| nexus_types::Hash128::of(noun, &[&n.to_le_bytes()]);
        Arc::new(Claim {
            said_at: 1_600_000_000_000 + n as i64 * 10_000,
            id: ClaimId(hash("claim")),
            scope: self.scope.clone(),
            event: EventId(hash("event")),
            passage: PassageId(hash("passage")),
            span: Span { start: 0, end: 20 },
            source: self.source.clone(),
            subject: self.people[person].clone(),
            predicate: self.predicates[predicate].clone(),
            object: Object::Value(self.values[value].clone()),
            further: Text::default(),
            polarity: Polarity::Affirmed,
            aspect: *self.draw.pick(&[Aspect::Holds, Aspect::Holds, Aspect::Holds, Aspect::Begins, Aspect::Ends]),
            modality: Modality::Asserted,
            reported_by: None,
            tense: Tense::Present,
            valid_from: None,
            valid_to: None,
            confidence: 900,
        })
    }

    /// 0 with probability 1, 1 with 1/2, 2 with 1/3 …, up to a factor; below `bound`.
    fn zipf(&mut self, bound: usize) -> usize {
        let uniform = (self.draw.bits() >> 11) as f64 / (1_u64 << 53) as f64;
        (((bound as f64 + 1.0).ln() * uniform).exp() as usize - 1).min(bound - 1)
    }
}

/// The running dataflow and its inputs.
struct Run {
    claims: InputSession<Time, Arc<Claim>, Diff>,
    members: InputSession<Time, (Who, EntityId), Diff>,
    policy: InputSession<Time, PolicyRow, Diff>,
    probe: Handle<Time>,
    facts: Rc<Cell<isize>>,
    rows: Rc<Cell<usize>>,
}

impl Run {
    fn new(worker: &mut Worker) -> Self {
        worker.dataflow::<Time, _, _>(|scope| {
            let (claims, claim_rows) = scope.new_collection();
            let (members, member_rows) = scope.new_collection();
            let (policy, policy_rows) = scope.new_collection();
            let (probe, facts, rows) = (Handle::new(), Rc::default(), Rc::default());
            wire(claim_rows, member_rows, policy_rows, (&probe, &facts, &rows));
            Run { claims, members, policy, probe, facts, rows }
        })
    }

    /// Closes the epoch and lets the worker complete it.
    fn step(&mut self, worker: &mut Worker) {
        let next = self.claims.time() + 1;
        self.claims.advance_to(next);
        self.members.advance_to(next);
        self.policy.advance_to(next);
        self.claims.flush();
        self.members.flush();
        self.policy.flush();
        while self.probe.less_than(&next) {
            worker.step();
        }
    }

    /// Entities, policy and all these claims, each in an epoch of its own. What the claims took.
    fn load(&mut self, worker: &mut Worker, source: &Claims, claims: Vec<Arc<Claim>>) -> Duration {
        source.members().for_each(|row| self.members.insert(row));
        defaults(&source.scope).into_iter().for_each(|row| self.policy.insert(row));
        self.step(worker);
        let started = Instant::now();
        claims.into_iter().for_each(|claim| self.claims.insert(claim));
        self.step(worker);
        started.elapsed()
    }
}

/// As in the whole graph: who claims are about, then consolidation. Counts facts and changes of rows.
fn wire<'s>(
    claims: Collection<'s, Arc<Claim>>,
    members: Collection<'s, (Who, EntityId)>,
    policy: Collection<'s, PolicyRow>,
    (probe, facts, rows): (&Handle<Time>, &Rc<Cell<isize>>, &Rc<Cell<usize>>),
) {
    let about: Collection<'s, Resolved> = resolve::about(claims, members.arrange_by_key_named("entities by key"));
    let (all_facts, decisions) = consolidate(about, policy);
    let (facts, facts_rows, decision_rows) = (facts.clone(), rows.clone(), rows.clone());
    all_facts
        .inspect(move |(_, _, diff)| {
            facts.set(facts.get() + diff);
            facts_rows.set(facts_rows.get() + 1);
        })
        .probe_with(probe);
    decisions.inspect(move |_| decision_rows.set(decision_rows.get() + 1)).probe_with(probe);
}

pub(crate) fn from_scratch(size: usize) {
    timely::execute_directly(move |worker| {
        let before = resident();
        let mut source = Claims::new(size);
        let claims = (0..size).map(|n| source.claim(n)).collect();
        let mut run = Run::new(worker);
        let spent = run.load(worker, &source, claims);
        report("seconds", spent.as_secs_f64());
        (0..20).for_each(|_| run.step(worker));
        report("bytes", resident() - before);
        report("facts", run.facts.get() as f64);
    });
}

pub(crate) fn one_at_a_time(size: usize, late: bool) {
    timely::execute_directly(move |worker| {
        let mut source = Claims::new(size);
        let claims: Vec<_> = (0..size + STEPS).map(|n| source.claim(n)).collect();
        let mut after = claims[size..].to_vec();
        if late {
            let span = size as u64 / 100;
            after.iter_mut().for_each(|claim| Arc::make_mut(claim).said_at -= 10_000 * source.draw.below(span) as i64);
        }
        let mut run = Run::new(worker);
        let rebuild = run.load(worker, &source, claims[..size].to_vec());
        let mut spent: Vec<Duration> = after.into_iter().map(|claim| one(&mut run, worker, claim)).collect();
        report("rebuild", rebuild.as_secs_f64());
        report("p50", support::quantile(&mut spent, 0.5));
        report("p99", support::quantile(&mut spent, 0.99));
    });
}

fn one(run: &mut Run, worker: &mut Worker, claim: Arc<Claim>) -> Duration {
    let started = Instant::now();
    run.claims.insert(claim);
    run.step(worker);
    started.elapsed()
}

/// Values that replaced each other add up, one predicate that added up is an event now, and the source is trusted less.
pub(crate) fn another_policy(size: usize) {
    timely::execute_directly(move |worker| {
        let mut source = Claims::new(size);
        let claims = (0..size).map(|n| source.claim(n)).collect();
        let mut run = Run::new(worker);
        run.load(worker, &source, claims);
        let loaded = run.rows.get();
        let started = Instant::now();
        for (name, cardinality) in
            [("lives_in", Cardinality::Add), ("likes", Cardinality::Replace), ("uses", Cardinality::Event)]
        {
            let rule = |row: &PolicyRow| matches!(&row.policy, Policy::Predicate(rule) if &*rule.name == name);
            defaults(&source.scope).into_iter().filter(rule).for_each(|row| run.policy.remove(row));
            let policy = Policy::Predicate(Predicate::new(name, cardinality));
            run.policy.insert(PolicyRow { scope: source.scope.clone(), policy });
        }
        let trust = Policy::Trust { source: source.source.clone(), trust: 800 };
        run.policy.insert(PolicyRow { scope: source.scope.clone(), policy: trust });
        run.step(worker);
        report("seconds", started.elapsed().as_secs_f64());
        report("rows", (run.rows.get() - loaded) as f64);
    });
}
