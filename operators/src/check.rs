//! The law every operator obeys, as one function: `check(op, naive)`.
//!
//! For many seeds, random insertions and deletions over random epochs are run through the operator with one and with
//! three workers. At *every* epoch, the accumulated output must equal `naive` of the accumulated input. Deletions take
//! away rows that are there, rows come back, several epochs may pass before the workers step, and the updates of one
//! epoch are dealt out to the workers, so that neither order nor batching can hide anything.
//!
//! ```ignore
//! check("evens", |draw| draw.below(9), |rows| rows.filter(|n| n % 2 == 0), evens_naive);
//! ```
//!
//! A failure names the seed: `SEED=17 cargo test -p … NAME` runs that one alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use differential_dataflow::input::Input;
use timely::Config;
use timely::dataflow::operators::probe::Handle;

use crate::{Collection, Diff, Time};

/// How many seeds each law is tried with.
const SEEDS: u64 = 16;
/// How long a worker that waits for the others sleeps at most.
const NAP: Duration = Duration::from_millis(1);

/// Random choices from a seed: the same on every machine (SplitMix64).
pub struct Draw(u64);

impl Draw {
    /// The choices of one seed.
    pub fn new(seed: u64) -> Self {
        Draw(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 if there is none.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.bits() % bound.max(1)
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + (self.bits() % (high - low + 1).unsigned_abs()) as i64
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len() as u64) as usize]
    }
}

/// Holds `op` equal to `naive`, which is given the rows that are there, sorted. Rows are drawn by `draw`; each is there
/// at most once at the end of an epoch.
pub fn check<A, O>(
    name: &str,
    draw: impl Fn(&mut Draw) -> A,
    op: impl for<'s> Fn(Collection<'s, A>) -> Collection<'s, O> + Send + Sync + 'static,
    naive: impl Fn(&[A]) -> Vec<O>,
) where
    A: Ord + Clone + Debug + Send + Sync + 'static,
    O: Ord + Clone + Debug + Send + 'static,
{
    let only: Option<u64> = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    let op = Arc::new(op);
    for seed in only.map_or(0..SEEDS, |seed| seed..seed + 1) {
        let history = Arc::new(History::random(seed, &draw));
        for workers in [1, 3] {
            let out = run(workers, history.clone(), op.clone());
            let context = format!("{name}, {workers} workers; SEED={seed} cargo test {name} repeats it");
            compare(&context, &history, &out, &naive);
        }
    }
}

/// The same for two inputs.
pub fn check2<A, B, O>(
    name: &str,
    draw: (impl Fn(&mut Draw) -> A, impl Fn(&mut Draw) -> B),
    op: impl for<'s> Fn(Collection<'s, A>, Collection<'s, B>) -> Collection<'s, O> + Send + Sync + 'static,
    naive: impl Fn(&[A], &[B]) -> Vec<O>,
) where
    A: Ord + Clone + Debug + Send + Sync + 'static,
    B: Ord + Clone + Debug + Send + Sync + 'static,
    O: Ord + Clone + Debug + Send + 'static,
{
    check(
        name,
        |d| if d.one_in(3) { Side::Right(draw.1(d)) } else { Side::Left(draw.0(d)) },
        move |rows| op(rows.clone().flat_map(Side::left), rows.flat_map(Side::right)),
        |rows| {
            let left: Vec<A> = rows.iter().cloned().filter_map(Side::left).collect();
            let right: Vec<B> = rows.iter().cloned().filter_map(Side::right).collect();
            naive(&left, &right)
        },
    );
}

/// A row of one of two inputs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Side<A, B> {
    Left(A),
    Right(B),
}

impl<A, B> Side<A, B> {
    fn left(self) -> Option<A> {
        match self {
            Side::Left(row) => Some(row),
            Side::Right(_) => None,
        }
    }

    fn right(self) -> Option<B> {
        match self {
            Side::Right(row) => Some(row),
            Side::Left(_) => None,
        }
    }
}

/// What happens in one epoch.
struct Epoch<A> {
    /// Row, change, and which worker gets to know.
    updates: Vec<(A, Diff, usize)>,
    /// Whether the workers step before the next epoch opens.
    step: bool,
}

struct History<A>(Vec<Epoch<A>>);

impl<A: Ord + Clone> History<A> {
    fn random(seed: u64, row: &impl Fn(&mut Draw) -> A) -> Self {
        let mut draw = Draw::new(seed);
        let mut ever: Vec<A> = Vec::new();
        let mut there: BTreeSet<A> = BTreeSet::new();
        let mut epochs = Vec::new();
        for _ in 0..3 + draw.below(12) {
            let mut updates = Vec::new();
            for _ in 0..draw.below(10) {
                let row = if !ever.is_empty() && draw.one_in(2) { draw.pick(&ever).clone() } else { row(&mut draw) };
                let diff = if there.remove(&row) { -1 } else { 1 };
                if diff > 0 {
                    there.insert(row.clone());
                    ever.push(row.clone());
                }
                updates.push((row, diff, draw.below(64) as usize));
            }
            epochs.push(Epoch { updates, step: draw.below(3) > 0 });
        }
        History(epochs)
    }

    /// The rows that are there at the end of an epoch.
    fn rows_at(&self, epoch: usize) -> Vec<A> {
        let updates = self.0[..=epoch].iter().flat_map(|epoch| &epoch.updates);
        accumulate(updates.map(|(row, diff, _)| (row, *diff))).into_keys().cloned().collect()
    }
}

/// What is left when changes have cancelled.
fn accumulate<D: Ord>(updates: impl Iterator<Item = (D, Diff)>) -> BTreeMap<D, Diff> {
    let mut rows = BTreeMap::new();
    for (row, diff) in updates {
        *rows.entry(row).or_insert(0) += diff;
    }
    rows.retain(|_, diff| *diff != 0);
    rows
}

/// Every change of the operator's output, with its epoch.
fn run<A, O>(
    workers: usize,
    history: Arc<History<A>>,
    op: Arc<impl for<'s> Fn(Collection<'s, A>) -> Collection<'s, O> + Send + Sync + 'static>,
) -> Vec<(O, Time, Diff)>
where
    A: Ord + Clone + Debug + Send + Sync + 'static,
    O: Ord + Clone + Debug + Send + 'static,
{
    let out = Arc::new(Mutex::new(Vec::new()));
    let seen = out.clone();
    let guards = timely::execute(Config::process(workers), move |worker| {
        let (probe, seen) = (Handle::new(), seen.clone());
        let mut input = worker.dataflow::<Time, _, _>(|scope| {
            let (input, rows) = scope.new_collection();
            op(rows)
                .inspect(move |update| seen.lock().unwrap_or_else(PoisonError::into_inner).push(update.clone()))
                .probe_with(&probe);
            input
        });
        for (time, epoch) in history.0.iter().enumerate() {
            for (row, diff, to) in &epoch.updates {
                if to % worker.peers() == worker.index() {
                    input.update(row.clone(), *diff);
                }
            }
            input.advance_to(time as Time + 1);
            input.flush();
            while epoch.step && probe.less_than(input.time()) {
                worker.step_or_park(Some(NAP));
            }
        }
    });
    for result in guards.unwrap_or_else(|error| panic!("timely does not start: {error}")).join() {
        result.unwrap_or_else(|error| panic!("a worker panicked: {error}"));
    }
    std::mem::take(&mut *out.lock().unwrap_or_else(PoisonError::into_inner))
}

fn compare<A, O>(context: &str, history: &History<A>, out: &[(O, Time, Diff)], naive: &impl Fn(&[A]) -> Vec<O>)
where
    A: Ord + Clone + Debug,
    O: Ord + Clone + Debug,
{
    for epoch in 0..history.0.len() {
        let rows = history.rows_at(epoch);
        let held = out.iter().filter(|(_, time, _)| *time <= epoch as Time).map(|(row, _, diff)| (row.clone(), *diff));
        let wrong = accumulate(naive(&rows).into_iter().map(|row| (row, -1)).chain(held));
        assert!(
            wrong.is_empty(),
            "{context}\nepoch {epoch}, of the rows\n{rows:#?}\nthere are too many (+) or too few (-) of\n{wrong:#?}"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evens(rows: &[u64]) -> Vec<u64> {
        rows.iter().copied().filter(|n| n % 2 == 0).collect()
    }

    #[test]
    fn an_operator_that_keeps_the_law_passes() {
        check("evens", |draw| draw.below(9), |rows| rows.filter(|n| n % 2 == 0), evens);
        check2(
            "both",
            (|draw| draw.below(9), |draw| draw.below(9)),
            |a, b| a.map(|n| (n, ())).semijoin(b).map(|(n, ())| n),
            |a, b| a.iter().copied().filter(|n| b.contains(n)).collect(),
        );
    }

    #[test]
    #[should_panic(expected = "SEED=")]
    fn an_operator_that_breaks_it_does_not() {
        check("odds", |draw| draw.below(9), |rows| rows.filter(|n| n % 2 == 1), evens);
    }
}
