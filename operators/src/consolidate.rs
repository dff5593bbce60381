//! Consolidate: claims to facts and decisions.
//!
//! Claims of one key are folded in the order (said_at, id); each lays its value on the line of valid time, and gets one
//! [`Decision`]: what it did, and by which rule. The key is (scope, subject, predicate) where values replace each
//! other, and takes the object too where they add up or are events; two opposite predicates (`likes`, `dislikes`) share
//! one, and so do the two ends of a relation (`parent`, `child`; `friend`), whichever of them speaks. A beginning that
//! ends what another predicate held (`moved_to`, `lives_in`) is laid on that one's key, too, where it gets no decision.
//! The result depends on which claims and policy rows there are, never on when they came. The meaning in full, by brute
//! force: [`naive::consolidate`].
//!
//! Cost: a claim that is said after all others of its key costs O(log n) in the size n of the key; a late one, or one
//! that goes, folds the claims after it again. A claim about two entities is also kept with the second, silently, unless
//! policy has it read from there. A policy row costs the claims of its predicate (`Predicate`) or of its scope (`Trust`,
//! `Reject`: a look at each), and folds only the keys where it makes a difference.
//! Memory per claim: a pointer, its object and its standing (40 bytes), and 56 bytes per fact in large keys.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use differential_dataflow::consolidation::consolidate as net;
use differential_dataflow::{AsCollection, Hashable};
use nexus_types::{Claim, Decision, EntityId, Fact, Held, Policy, PolicyRow, Scope, Text};
use serde::{Deserialize, Serialize};
use timely::dataflow::operators::OkErr;

use crate::per_key::{Machine, per_epoch};
use crate::{Collection, Diff};

mod fold;
mod group;
mod line;
pub mod naive;
mod reason;
mod rules;
#[cfg(test)]
mod tests;

use fold::{Entry, Role};
use group::{Group, Place};
use rules::{Family, Key, Rules};

/// A claim whose subject and object are known. There must be one row per claim.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Resolved {
    /// What was said, by whom and when.
    pub claim: Arc<Claim>,
    /// About whom.
    pub subject: EntityId,
    /// What is said of it.
    pub object: Held,
}

/// The facts that claims make under a policy, every version of them, and what was done with each claim. Of policy, the
/// predicates, the trust in sources and the rejected claims matter here.
// `ok_err` only parts the two kinds of rows: no row is an error.
#[allow(clippy::result_large_err)]
pub fn consolidate<'s>(
    claims: Collection<'s, Resolved>,
    policy: Collection<'s, PolicyRow>,
) -> (Collection<'s, Fact>, Collection<'s, Decision>) {
    let policy =
        policy.filter(|row| matches!(row.policy, Policy::Predicate(_) | Policy::Trust { .. } | Policy::Reject(_)));
    let by_subject = |side: &Side| side.subject.hashed();
    let rows = per_epoch(claims.flat_map(sides), policy, "Consolidate", by_subject, Consolidation::default());
    let (facts, decisions) = rows.inner.ok_err(|(row, time, diff)| match row {
        Row::Fact(fact) => Ok((fact, time, diff)),
        Row::Decision(decision) => Err((decision, time, diff)),
    });
    (facts.as_collection(), decisions.as_collection())
}

/// A claim as it is seen from its subject, or (turned) from the entity that is its object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
struct Side {
    claim: Arc<Claim>,
    /// From whom it is seen.
    subject: EntityId,
    /// The other end.
    object: Held,
    turned: bool,
}

/// Both ends of a claim. Which of them counts is up to policy, which is not known before the claim is with its entity.
fn sides(row: Resolved) -> impl Iterator<Item = Side> {
    let turned = match row.object {
        Held::Entity(other) if other != row.subject => {
            let object = Held::Entity(row.subject);
            Some(Side { claim: row.claim.clone(), subject: other, object, turned: true })
        }
        _ => None,
    };
    let own = Side { claim: row.claim, subject: row.subject, object: row.object, turned: false };
    [own].into_iter().chain(turned)
}

/// A row of either output.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Row {
    Fact(Fact),
    Decision(Decision),
}

/// What changes, by family.
type Changes = BTreeMap<Family, Vec<((Key, Entry), Diff)>>;

/// One worker's keys.
#[derive(Default)]
struct Consolidation {
    rules: Rules,
    families: BTreeMap<Family, BTreeMap<Key, Group>>,
}

impl Machine<Side, PolicyRow> for Consolidation {
    type Out = Row;

    fn turn(&mut self, sides: Vec<(Side, Diff)>, mut policy: Vec<(PolicyRow, Diff)>, out: &mut Vec<(Row, Diff)>) {
        let mut changes = Changes::new();
        net(&mut policy);
        if !policy.is_empty() {
            let before = self.rules.clone();
            self.rules.update(&policy);
            self.reconsider(&before, &policy, &mut changes);
        }
        for (side, diff) in sides {
            self.rules.place(&side, |family, key, entry| {
                changes.entry(family).or_default().push(((key, entry), diff));
            });
        }
        for (family, mut changes) in changes {
            net(&mut changes);
            self.apply(family, changes, out);
        }
    }
}

impl Consolidation {
    /// The claims that a change of policy moves to another key, or counts differently.
    fn reconsider(&self, before: &Rules, policy: &[(PolicyRow, Diff)], changes: &mut Changes) {
        let mut groups: BTreeSet<(&Scope, Text)> = BTreeSet::new();
        let mut scopes: BTreeSet<&Scope> = BTreeSet::new();
        for (row, _) in policy {
            match &row.policy {
                // A row for many names: who it governs is looked up claim by claim.
                Policy::Predicate(rule) if rule.name.contains('*') => _ = scopes.insert(&row.scope),
                Policy::Predicate(rule) => {
                    for rules in [before, &self.rules] {
                        let touched = rules.touched(&row.scope, &rule.name);
                        groups.extend(touched.into_iter().map(|name| (&row.scope, name)));
                    }
                }
                _ => _ = scopes.insert(&row.scope),
            }
        }
        let touched = |family: &&Family| scopes.contains(&family.0) || groups.contains(&(&family.0, family.1.clone()));
        for family in self.families.keys().filter(touched) {
            for (key, group) in &self.families[family] {
                for entry in group.entries().iter().filter(|entry| entry.role != Role::Ends) {
                    self.reconsider_entry(before, key, entry, changes);
                }
            }
        }
    }

    fn reconsider_entry(&self, before: &Rules, key: &Key, entry: &Entry, changes: &mut Changes) {
        let side = Side {
            claim: entry.claim.clone(),
            subject: key.0,
            object: entry.object.clone(),
            turned: entry.role == Role::Turned,
        };
        let (mut then, mut now) = (Vec::new(), Vec::new());
        before.place(&side, |family, key, entry| then.push((family, (key, entry))));
        self.rules.place(&side, |family, key, entry| now.push((family, (key, entry))));
        if then == now {
            return;
        }
        for (places, diff) in [(then, -1), (now, 1)] {
            for (family, entry) in places {
                changes.entry(family).or_default().push((entry, diff));
            }
        }
    }

    /// Gives every touched key of a family its changes.
    fn apply(&mut self, family: Family, changes: Vec<((Key, Entry), Diff)>, out: &mut Vec<(Row, Diff)>) {
        let mut changes = changes.into_iter().peekable();
        let groups = self.families.entry(family.clone()).or_default();
        while let Some(((key, entry), diff)) = changes.next() {
            let mut of_key = vec![(entry, diff)];
            while let Some(((_, entry), diff)) = changes.next_if(|((next, _), _)| *next == key) {
                of_key.push((entry, diff));
            }
            let place = Place { scope: &family.0, mode: family.2, subject: key.0 };
            let group = groups.entry(key.clone()).or_default();
            group.update(&place, of_key, out);
            if group.entries().is_empty() {
                groups.remove(&key);
            }
        }
        if groups.is_empty() {
            self.families.remove(&family);
        }
    }
}
