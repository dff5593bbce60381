//! Operators with state of their own: told epoch by epoch what changed, they say what changes in their output.
//!
//! Differential's `reduce` hands a key's whole history to its function at every change, so that one message in a key of
//! 100,000 costs 100,000 steps. Here a key keeps what it needs to take in a change cheaply: [`per_key`] gives every
//! touched key its state and its changes; [`per_epoch`] gives a [`Machine`] all changes of one epoch, and broadcasts a
//! second, small collection (policy) to every worker; [`distinct`] counts rows. Each is one operator: an epoch costs by
//! the operators it passes, even when nothing happens in it.
//!
//! Contract: the accumulated output after an epoch is a function of the accumulated input, so a machine may depend
//! neither on how changes fall into epochs nor on their order within one. Rows that came and went within an epoch are
//! never seen by [`per_key`]; a bare machine sees them.
//! Cost: a hash and a hop per row; sorting the rows of one epoch; the rest is the machine's. A key whose state is empty
//! holds no memory.

use std::collections::BTreeMap;
use std::hash::Hash;

use differential_dataflow::consolidation::consolidate;
use differential_dataflow::{AsCollection, Hashable};
use timely::ExchangeData;
use timely::dataflow::channels::pact::{Exchange, Pipeline};
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::operator::Operator;
use timely::dataflow::operators::vec::Broadcast;
use timely::progress::frontier::MutableAntichain;

use crate::{Collection, Diff, Time};

/// What one worker of a stateful operator knows and does.
pub trait Machine<A, B>: 'static {
    /// A row of its output.
    type Out;

    /// Takes in all changes of one epoch: of its own share of the rows and of the shared ones. Puts into `out` what
    /// changes in the output by it.
    fn turn(&mut self, rows: Vec<(A, Diff)>, shared: Vec<(B, Diff)>, out: &mut Vec<(Self::Out, Diff)>);
}

/// What one key knows and does.
pub trait State<K, V>: 'static {
    /// A row of the output.
    type Out;

    /// Takes in what changed for the key in one epoch, sorted and net. Puts into `out` what changes in the output.
    fn update(&mut self, key: &K, changes: Vec<(V, Diff)>, out: &mut Vec<(Self::Out, Diff)>);

    /// Whether the key may be forgotten, until it is touched again.
    fn is_empty(&self) -> bool;
}

/// Runs a [`State`] per key.
pub fn per_key<'s, K, V, S>(rows: Collection<'s, (K, V)>, name: &str) -> Collection<'s, S::Out>
where
    K: ExchangeData + Ord + Hash,
    V: ExchangeData + Ord,
    S: State<K, V, Out: Clone + 'static> + Default,
{
    per_key_with(rows, name, S::default)
}

/// Runs a [`State`] per key; a key that is new begins with what `fresh` makes.
pub fn per_key_with<'s, K, V, S>(
    rows: Collection<'s, (K, V)>,
    name: &str,
    fresh: impl Fn() -> S + 'static,
) -> Collection<'s, S::Out>
where
    K: ExchangeData + Ord + Hash,
    V: ExchangeData + Ord,
    S: State<K, V, Out: Clone + 'static>,
{
    let by_key = Exchange::new(|((key, _), _, _): &((K, V), Time, Diff)| key.hashed());
    rows.inner
        .unary_frontier(by_key, name, |_, _| {
            let mut waiting = Waiting::<_, ()>::default();
            let mut keys = Keys { states: BTreeMap::new(), fresh };
            move |(rows, frontier), output| {
                rows.for_each(|capability, data| waiting.hold(capability.retain_least(0), data, |epoch| &mut epoch.0));
                while let Some((time, capability, (rows, _))) = waiting.next(&[frontier]) {
                    let mut out = Vec::new();
                    keys.turn(rows, &mut out);
                    // What an epoch brought is given back with it: one may bring a row for each message there is.
                    output.session(&capability).give_iterator(out.into_iter().map(|(row, diff)| (row, time, diff)));
                }
            }
        })
        .as_collection()
}

/// Each row once, however often it is there.
pub fn distinct<'s, D: ExchangeData + Clone + Ord + Hash>(rows: Collection<'s, D>, name: &str) -> Collection<'s, D> {
    per_key::<_, _, Count>(rows.map(|row| (row, ())), name)
}

/// How often a row is there.
#[derive(Default)]
struct Count(Diff);

impl<D: Clone> State<D, ()> for Count {
    type Out = D;

    fn update(&mut self, row: &D, changes: Vec<((), Diff)>, out: &mut Vec<(D, Diff)>) {
        let before = self.0 > 0;
        self.0 += changes.iter().map(|((), diff)| diff).sum::<Diff>();
        let change = Diff::from(self.0 > 0) - Diff::from(before);
        out.extend((change != 0).then(|| (row.clone(), change)));
    }

    fn is_empty(&self) -> bool {
        self.0 == 0
    }
}

/// Runs a [`Machine`] on every worker. `route` says which rows belong together; every worker gets all of `shared`.
pub fn per_epoch<'s, A, B, M>(
    rows: Collection<'s, A>,
    shared: Collection<'s, B>,
    name: &str,
    route: impl Fn(&A) -> u64 + 'static,
    mut machine: M,
) -> Collection<'s, M::Out>
where
    A: ExchangeData,
    B: ExchangeData + Clone,
    M: Machine<A, B, Out: Clone + 'static>,
{
    let by_route = Exchange::new(move |(row, _, _): &(A, Time, Diff)| route(row));
    let shared = shared.inner.broadcast();
    rows.inner
        .binary_frontier(shared, by_route, Pipeline, name, |_, _| {
            let mut waiting = Waiting::default();
            move |(rows, rows_frontier), (shared, shared_frontier), output| {
                rows.for_each(|capability, data| waiting.hold(capability.retain_least(0), data, |epoch| &mut epoch.0));
                shared
                    .for_each(|capability, data| waiting.hold(capability.retain_least(0), data, |epoch| &mut epoch.1));
                while let Some((time, capability, (rows, shared))) = waiting.next(&[rows_frontier, shared_frontier]) {
                    let mut out = Vec::new();
                    machine.turn(rows, shared, &mut out);
                    // What an epoch brought is given back with it: one may bring a row for each message there is.
                    output.session(&capability).give_iterator(out.into_iter().map(|(row, diff)| (row, time, diff)));
                }
            }
        })
        .as_collection()
}

/// The changes of one epoch, from both inputs.
type Changes<A, B> = (Vec<(A, Diff)>, Vec<(B, Diff)>);

/// Changes of epochs that are not complete yet, and the right to answer them.
struct Waiting<A, B> {
    epochs: BTreeMap<Time, Changes<A, B>>,
    /// For the earliest epoch that waits, or an earlier one.
    capability: Option<Capability<Time>>,
}

impl<A, B> Default for Waiting<A, B> {
    fn default() -> Self {
        Waiting { epochs: BTreeMap::new(), capability: None }
    }
}

impl<A, B> Waiting<A, B> {
    fn hold<D>(
        &mut self,
        capability: Option<Capability<Time>>,
        data: &mut Vec<(D, Time, Diff)>,
        side: impl Fn(&mut Changes<A, B>) -> &mut Vec<(D, Diff)>,
    ) {
        // A message without a capability makes no claim on progress, and none that differential sends holds a row.
        let Some(capability) = capability else {
            assert!(data.is_empty(), "rows came without the right to answer them");
            return;
        };
        if self.capability.as_ref().is_none_or(|held| capability.time() < held.time()) {
            self.capability = Some(capability);
        }
        let mut rows = data.drain(..).peekable();
        while let Some((row, time, diff)) = rows.next() {
            let epoch = side(self.epochs.entry(time).or_default());
            epoch.push((row, diff));
            while let Some((row, _, diff)) = rows.next_if(|next| next.1 == time) {
                epoch.push((row, diff));
            }
        }
    }

    /// The next epoch that all inputs have completed, with the right to answer it.
    fn next(&mut self, frontiers: &[&MutableAntichain<Time>]) -> Option<(Time, Capability<Time>, Changes<A, B>)> {
        let epoch = self.epochs.first_entry()?;
        let time = *epoch.key();
        if frontiers.iter().any(|frontier| frontier.less_equal(&time)) {
            return None;
        }
        let changes = epoch.remove();
        let capability = self.capability.take()?.delayed(&time);
        if let Some((next, _)) = self.epochs.first_key_value() {
            self.capability = Some(capability.delayed(next));
        }
        Some((time, capability, changes))
    }
}

/// One worker's keys.
struct Keys<K, S, F> {
    states: BTreeMap<K, S>,
    fresh: F,
}

impl<K: Ord, S, F: Fn() -> S> Keys<K, S, F> {
    /// Gives every touched key its changes.
    fn turn<V: Ord>(&mut self, mut rows: Vec<((K, V), Diff)>, out: &mut Vec<(S::Out, Diff)>)
    where
        S: State<K, V>,
    {
        consolidate(&mut rows);
        let mut rows = rows.into_iter().peekable();
        while let Some(((key, value), diff)) = rows.next() {
            let mut changes = vec![(value, diff)];
            while let Some(((_, value), diff)) = rows.next_if(|((next, _), _)| *next == key) {
                changes.push((value, diff));
            }
            if let Some(state) = self.states.get_mut(&key) {
                state.update(&key, changes, out);
                if state.is_empty() {
                    self.states.remove(&key);
                }
            } else {
                let mut state = (self.fresh)();
                state.update(&key, changes, out);
                if !state.is_empty() {
                    self.states.insert(key, state);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{check, check2};

    /// How many distinct values a key has.
    #[derive(Default)]
    struct Values(isize);

    impl State<u64, u64> for Values {
        type Out = (u64, isize);

        fn update(&mut self, key: &u64, changes: Vec<(u64, Diff)>, out: &mut Vec<(Self::Out, Diff)>) {
            let before = self.0;
            self.0 += changes.iter().map(|(_, diff)| diff).sum::<isize>();
            out.extend([(before, -1), (self.0, 1)].into_iter().filter(|(n, _)| *n != 0).map(|(n, d)| ((*key, n), d)));
        }

        fn is_empty(&self) -> bool {
            self.0 == 0
        }
    }

    fn counts(rows: &[(u64, u64)]) -> Vec<(u64, isize)> {
        let mut counts = BTreeMap::new();
        rows.iter().for_each(|(key, _)| *counts.entry(*key).or_insert(0) += 1);
        counts.into_iter().collect()
    }

    #[test]
    fn a_state_per_key_follows_its_key() {
        let draw = |draw: &mut crate::check::Draw| (draw.below(4), draw.below(4));
        check("a_state_per_key", draw, |rows| per_key::<_, _, Values>(rows, "Values"), counts);
    }

    #[test]
    fn distinct_rows_are_there_once() {
        let draw = |draw: &mut crate::check::Draw| (draw.below(4), draw.below(4));
        let naive = |rows: &[(u64, u64)]| counts(rows).into_iter().map(|(key, _)| key).collect();
        check("distinct", draw, |rows| distinct(rows.map(|(key, _)| key), "Distinct"), naive);
    }

    /// Rows that are named by a shared row.
    #[derive(Default)]
    struct Named(BTreeMap<u64, isize>, BTreeMap<u64, isize>);

    impl Machine<u64, u64> for Named {
        type Out = u64;

        fn turn(&mut self, rows: Vec<(u64, Diff)>, shared: Vec<(u64, Diff)>, out: &mut Vec<(u64, Diff)>) {
            for (row, diff) in rows {
                *self.0.entry(row).or_insert(0) += diff;
                out.push((row, diff * self.1.get(&row).copied().unwrap_or(0)));
            }
            for (row, diff) in shared {
                *self.1.entry(row).or_insert(0) += diff;
                out.push((row, diff * self.0.get(&row).copied().unwrap_or(0)));
            }
        }
    }

    #[test]
    fn shared_rows_reach_every_worker() {
        check2(
            "shared_rows",
            (|draw| draw.below(9), |draw| draw.below(9)),
            |rows, shared| per_epoch(rows, shared, "Named", |row| *row, Named::default()),
            |rows, shared| rows.iter().copied().filter(|row| shared.contains(row)).collect(),
        );
    }
}
