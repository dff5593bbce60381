//! The laws: oracle, order, batching, retraction, workers, restart, scopes.

use std::sync::Arc;

use nexus_dataflows::{Inputs, Outputs};
use nexus_operators::check::Draw;
use nexus_types::{EventRow, Policy, PolicyRow, Version};

use crate::oracle::oracle;
use crate::world::{Change, Run, history, inputs, same, seeds};

/// How long histories are.
const LENGTH: u64 = 40;

/// Deals changes out to epochs, and answers some of the open asks after each.
fn live(run: &mut Run, changes: &[Change], draw: &mut Draw, mut after: impl FnMut(&mut Run)) {
    let mut rest = changes;
    while !rest.is_empty() {
        let size = (1 + draw.below(12) as usize).min(rest.len());
        let (now, later) = rest.split_at(size);
        run.step(inputs(now));
        after(run);
        run.answer(|_| draw.one_in(2));
        after(run);
        rest = later;
    }
}

/// All changes in one epoch, everything answered.
fn at_once(changes: &[Change], workers: usize) -> Run {
    let mut run = Run::new(workers);
    run.step(inputs(changes));
    run.settle();
    run
}

#[test]
fn at_every_epoch_the_graph_holds_what_the_oracle_says() {
    for seed in seeds(12) {
        let (mut run, mut epoch, mut whim) = (Run::new(1), 0, Draw::new(seed));
        live(&mut run, &history(seed, LENGTH), &mut Draw::new(seed), |run| {
            if whim.one_in(4) && !run.held.claims.is_empty() {
                let (claim, _) = whim.pick(&run.held.claims).clone();
                let reject = PolicyRow { scope: claim.scope.clone(), policy: Policy::Reject(claim.id) };
                run.step(Inputs { policy: vec![(reject, 1)], ..Inputs::default() });
            }
            same(&format!("SEED={seed}, epoch {epoch}"), &run.held, &oracle(&run.ground));
            epoch += 1;
        });
    }
}

#[test]
fn order_and_batching_do_not_matter() {
    for seed in seeds(6) {
        let (changes, draw): (Vec<Change>, _) = (history(seed, LENGTH), &mut Draw::new(seed));
        let mut run = Run::new(1);
        live(&mut run, &changes, draw, |_| {});
        run.settle();
        let mut shuffled = changes.clone();
        for at in (1..shuffled.len()).rev() {
            let other = draw.below(at as u64 + 1) as usize;
            // What is taken back has to be there: policy keeps its order.
            if matches!((&shuffled[at], &shuffled[other]), (Change::Event(_), Change::Event(_))) {
                shuffled.swap(at, other);
            }
        }
        let mut other = Run::new(1);
        live(&mut other, &shuffled, draw, |_| {});
        other.settle();
        same(&format!("SEED={seed}, another order"), &other.held, &run.held);
        same(&format!("SEED={seed}, one batch"), &at_once(&changes, 1).held, &run.held);
    }
}

#[test]
fn what_is_taken_back_has_never_been() {
    for seed in seeds(6) {
        let changes = history(seed, LENGTH);
        let mut run = Run::new(1);
        live(&mut run, &changes, &mut Draw::new(seed), |_| {});
        run.settle();
        let before = run.held.clone();

        // Forgotten: nothing but the tombstones is left of events that were not there before.
        let strangers = history(seed + 1000, LENGTH).into_iter().filter_map(|change| match change {
            Change::Event(row) => Some(Change::Event(Arc::new(EventRow { id: stranger(&row), ..(*row).clone() }))),
            _ => None,
        });
        let strangers: Vec<Change> = strangers.collect();
        run.step(inputs(&strangers));
        run.settle();
        let forget = strangers.iter().filter_map(|change| match change {
            Change::Event(row) => {
                let version = Version { forgotten: true, ..Version::default() };
                Some(Change::Event(Arc::new(EventRow::tombstone(row.scope.clone(), row.id, version))))
            }
            _ => None,
        });
        let forget: Vec<Change> = forget.collect();
        run.step(inputs(&forget));
        let held = Outputs { events: before.events.clone(), ..run.held.clone() };
        same(&format!("SEED={seed}, forgotten"), &held, &before);

        // Taken out of the inputs: nothing at all is left.
        let held = run.held.clone();
        let more: Inputs = inputs(&history(seed + 2000, LENGTH));
        run.held.merge(run.graph.step(more.clone()).unwrap());
        run.held.merge(run.graph.step(more.negated()).unwrap());
        same(&format!("SEED={seed}, taken out"), &run.held, &held);
    }
}

fn stranger(row: &EventRow) -> nexus_types::EventId {
    nexus_types::EventId::of(&[b"stranger", &row.id.0.to_bytes()])
}

#[test]
fn one_worker_and_three_agree_at_every_epoch() {
    for seed in seeds(4) {
        let changes = history(seed, LENGTH);
        let epochs = |workers: usize| {
            let (mut run, mut epochs) = (Run::new(workers), Vec::new());
            live(&mut run, &changes, &mut Draw::new(seed), |run| epochs.push(run.held.clone()));
            epochs
        };
        for (epoch, (three, one)) in epochs(3).iter().zip(&epochs(1)).enumerate() {
            same(&format!("SEED={seed}, epoch {epoch}"), three, one);
        }
    }
}

#[test]
fn a_graph_started_again_holds_the_same() {
    for seed in seeds(6) {
        let mut run = Run::new(1);
        live(&mut run, &history(seed, LENGTH), &mut Draw::new(seed), |_| {});
        let mut again = Run::new(1);
        again.step(Inputs {
            // What a store keeps: of each event the version that won.
            events: run.held.events.clone(),
            answers: run.ground.answers.iter().map(|(ask, answer)| (row(ask, answer), 1)).collect(),
            policy: run.ground.policy().into_iter().map(|row| (row, 1)).collect(),
            ticks: run.ground.ticks.iter().map(|day| (*day, 1)).collect(),
        });
        same(&format!("SEED={seed}"), &again.held, &run.held);
    }
}

fn row(ask: &nexus_types::Ask, answer: &Arc<nexus_types::Answer>) -> nexus_types::AnswerRow {
    nexus_types::AnswerRow { ask: ask.clone(), answer: answer.clone() }
}

#[test]
fn another_scope_changes_nothing_here() {
    for seed in seeds(6) {
        let changes = history(seed, LENGTH);
        let own: Vec<Change> = changes.iter().filter(|change| change.is_in("a")).cloned().collect();
        let (both, alone) = (at_once(&changes, 1).held, at_once(&own, 1).held);
        macro_rules! of_scope {
            ($($name:ident: $scope:expr),*) => {
                Outputs { $($name: both.$name.iter().filter(|(row, _)| &*$scope(row) == "a").cloned().collect(),)* ..both.clone() }
            };
        }
        let of_scope = of_scope!(
            events: |row: &Arc<EventRow>| row.scope.clone(),
            passages: |row: &nexus_types::tables::PassageRow| row.passage.scope.clone(),
            mentions: |row: &nexus_types::MentionRow| row.scope.clone(),
            entities: |row: &nexus_types::Entity| row.scope.clone(),
            claims: |row: &Arc<nexus_types::Claim>| row.scope.clone(),
            decisions: |row: &nexus_types::Decision| row.scope.clone(),
            facts: |row: &nexus_types::Fact| row.scope.clone(),
            salience: |row: &nexus_types::Salience| row.scope.clone(),
            rankings: |row: &nexus_types::Ranking| row.scope.clone(),
            watched: |row: &nexus_types::Watched| row.scope.clone(),
            evidence: |row: &nexus_types::Evidence| row.scope.clone(),
            affects: |row: &nexus_types::AffectRow| row.scope.clone(),
            patterns: |row: &nexus_types::Pattern| row.scope.clone()
        );
        same(&format!("SEED={seed}"), &of_scope, &alone);
    }
}

#[test]
fn histories_reach_every_table() {
    let mut all = Outputs::default();
    for seed in 0..12 {
        all.merge(at_once(&history(seed, LENGTH), 1).held);
    }
    assert!(all.entities.iter().any(|(entity, _)| entity.keys.len() > 2), "some entity has several keys");
    assert!(
        all.mentions.iter().any(|(row, _)| row.entity.is_some())
            && all.mentions.iter().any(|(row, _)| row.entity.is_none())
    );
    assert!(all.facts.iter().any(|(fact, _)| fact.known_to.is_some()), "some fact has a past");
    assert!(!all.watched.is_empty());
    assert!(!all.rankings.is_empty() && !all.salience.is_empty() && !all.decisions.is_empty());
    assert!(!all.affects.is_empty() && all.patterns.iter().any(|(row, _)| &*row.about == "person"));
    assert!(all.evidence.iter().any(|(row, _)| row.event.is_some()));
    assert!(all.passages.iter().any(|(row, _)| row.previous.is_some() && row.passage.ordinal > 0));
}
