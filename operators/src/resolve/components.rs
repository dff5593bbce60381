//! Components: which keys are one person.
//!
//! A key belongs to the component that all evidence joins it to. A component is believed if it is small enough and holds no
//! two keys that policy keeps apart; if it is not, stricter evidence is asked, and last the user's own word alone. What
//! nothing settles stands alone. The label of a component is the least (first seen, key) of its members.
//!
//! One state per scope, that knows who is joined to whom. Cost: a change looks at the keys around it, at most [`KEYS_MAX`]
//! for each strictness: a component that grows too large to be believed is not looked through. Memory: a key's label, and
//! its neighbours.

use std::collections::{BTreeMap, BTreeSet};

use nexus_types::{Evidence, Key, Millis, Scope};
use serde::{Deserialize, Serialize};

use super::{KEYS_MAX, Label, is_bare, tier};
use crate::evidence::Who;
use crate::per_key::{State, per_key};
use crate::{Collection, Diff};

/// The tiers of evidence that count in each round, from all of it to the user's word.
const ROUNDS: [u8; 3] = [2, 1, 0];

/// Each key with when it was first seen, and the label of its component. `apart` holds pairs, the lesser key first.
pub(super) fn components<'s>(
    keys: Collection<'s, (Who, Millis)>,
    bonds: Collection<'s, Evidence>,
    apart: Collection<'s, (Who, Key)>,
) -> Collection<'s, (Who, (Millis, Label))> {
    let keys = keys.map(|((scope, key), at)| (scope, Row::Key(key, at)));
    // Bare names join nothing.
    let bonds = bonds.flat_map(|bond| {
        let strong = !is_bare(&bond.a) && !is_bare(&bond.b);
        strong.then(|| (bond.scope.clone(), Row::Bond(bond.a.clone(), bond.b.clone(), tier(&bond))))
    });
    let apart = apart.map(|((scope, a), b)| (scope, Row::Apart(a, b)));
    per_key::<_, _, Joined>(keys.concatenate([bonds, apart]), "Components")
}

/// What is known of the keys of a scope.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Row {
    /// The key is there, first seen at that time.
    Key(Key, Millis),
    /// Evidence of that tier joins the two.
    Bond(Key, Key, u8),
    /// The two are to be kept apart.
    Apart(Key, Key),
}

/// How often there is evidence of each tier.
type Tiers = [Diff; ROUNDS.len()];

/// The keys of one scope.
#[derive(Default)]
struct Joined {
    keys: BTreeMap<Key, Millis>,
    /// Both ways.
    bonds: BTreeMap<Key, BTreeMap<Key, Tiers>>,
    /// Both ways.
    apart: BTreeMap<Key, BTreeMap<Key, Diff>>,
    /// What was said last of each key.
    labels: BTreeMap<Key, (Millis, Label)>,
}

impl State<Scope, Row> for Joined {
    type Out = (Who, (Millis, Label));

    fn update(&mut self, scope: &Scope, mut changes: Vec<(Row, Diff)>, out: &mut Vec<(Self::Out, Diff)>) {
        // A key that is seen earlier goes, and then comes.
        changes.sort_by_key(|(_, diff)| *diff > 0);
        let mut touched = self.around(&changes);
        changes.iter().for_each(|(row, diff)| self.take_in(row, *diff));
        touched.extend(self.around(&changes));
        while let Some(key) = touched.pop_first() {
            let (members, label) = self.component_of(&key);
            for member in members {
                touched.remove(&member);
                self.say(scope, member, label.clone(), out);
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.bonds.is_empty() && self.apart.is_empty()
    }
}

impl Joined {
    fn take_in(&mut self, row: &Row, diff: Diff) {
        match row {
            Row::Key(key, _) if diff < 0 => _ = self.keys.remove(key),
            Row::Key(key, at) => _ = self.keys.insert(key.clone(), *at),
            Row::Bond(a, b, tier) => {
                for (a, b) in [(a, b), (b, a)] {
                    count(&mut self.bonds, a, b, |tiers: &mut Tiers| tiers[usize::from(*tier)] += diff);
                }
            }
            Row::Apart(a, b) => {
                for (a, b) in [(a, b), (b, a)] {
                    count(&mut self.apart, a, b, |pairs: &mut Diff| *pairs += diff);
                }
            }
        }
    }

    /// All keys whose component these changes may change, as things stand: in each round, that of each changed key, and of
    /// the neighbours that a changed key joins or parts. Where it is too large it is not believed, before and after.
    fn around(&self, changes: &[(Row, Diff)]) -> BTreeSet<Key> {
        let mut starts = BTreeSet::new();
        for (row, _) in changes {
            match row {
                Row::Key(key, _) => {
                    starts.extend(self.bonds.get(key).into_iter().flat_map(BTreeMap::keys).cloned());
                    starts.insert(key.clone());
                }
                Row::Bond(a, b, _) | Row::Apart(a, b) => starts.extend([a.clone(), b.clone()]),
            }
        }
        let mut around = starts.clone();
        for start in &starts {
            around.extend(ROUNDS.iter().filter_map(|strictness| self.joined(start, *strictness)).flatten());
        }
        around
    }

    /// The keys that evidence of these tiers joins to a key, itself included; `None` if they are too many.
    fn joined(&self, start: &Key, strictness: u8) -> Option<BTreeSet<Key>> {
        let mut found = BTreeSet::from([start.clone()]);
        let mut open = vec![start];
        while let Some(key) = open.pop() {
            for (next, tiers) in self.bonds.get(key).into_iter().flatten() {
                let bound = tiers[..=usize::from(strictness)].iter().any(|count| *count > 0);
                // The user's word against evidence for the very same pair wins.
                if !bound || self.are_apart(key, next) || !self.keys.contains_key(next) || found.contains(next) {
                    continue;
                }
                found.insert(next.clone());
                if found.len() > KEYS_MAX {
                    return None;
                }
                open.push(next);
            }
        }
        Some(found)
    }

    /// The component of a key, and its label, if the key is there.
    fn component_of(&self, key: &Key) -> (BTreeSet<Key>, Option<Label>) {
        let alone = || BTreeSet::from([key.clone()]);
        if !self.keys.contains_key(key) {
            return (alone(), None);
        }
        let believed = |members: &BTreeSet<Key>| !self.is_torn(members);
        let found = ROUNDS.iter().filter_map(|strictness| self.joined(key, *strictness)).find(believed);
        let members = found.unwrap_or_else(alone);
        let label = members.iter().filter_map(|key| self.keys.get(key).map(|at| (*at, key.clone()))).min();
        (members, label)
    }

    /// Whether two of these keys are to be kept apart.
    fn is_torn(&self, members: &BTreeSet<Key>) -> bool {
        members.iter().any(|a| self.apart.get(a).is_some_and(|others| others.keys().any(|b| members.contains(b))))
    }

    fn are_apart(&self, a: &Key, b: &Key) -> bool {
        self.apart.get(a).is_some_and(|others| others.contains_key(b))
    }

    /// Says what is new about a key, and takes back what was said before.
    fn say(
        &mut self,
        scope: &Scope,
        key: Key,
        label: Option<Label>,
        out: &mut Vec<(<Self as State<Scope, Row>>::Out, Diff)>,
    ) {
        let after = self.keys.get(&key).copied().zip(label);
        let before = match &after {
            Some(after) if self.labels.get(&key) == Some(after) => return,
            Some(after) => self.labels.insert(key.clone(), after.clone()),
            None => self.labels.remove(&key),
        };
        let who = (scope.clone(), key);
        out.extend(before.map(|label| ((who.clone(), label), -1)));
        out.extend(after.map(|label| ((who, label), 1)));
    }
}

/// Counts something about a pair; a pair of which nothing is left is forgotten.
fn count<C: Default + PartialEq>(
    pairs: &mut BTreeMap<Key, BTreeMap<Key, C>>,
    a: &Key,
    b: &Key,
    change: impl Fn(&mut C),
) {
    let others = pairs.entry(a.clone()).or_default();
    let counts = others.entry(b.clone()).or_default();
    change(counts);
    if *counts == C::default() {
        others.remove(b);
    }
    if others.is_empty() {
        pairs.remove(a);
    }
}
