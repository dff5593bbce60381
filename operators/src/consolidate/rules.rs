//! What policy says to consolidation: how predicates go together, whom to trust, which claims are rejected.
//!
//! Of several rows for one predicate or source, the greatest counts. Cost: a look-up or two per claim.

use std::collections::{BTreeMap, BTreeSet};

use nexus_types::{Cardinality, Claim, ClaimId, Held, Policy, PolicyRow, Predicate, Scope, Text};

use super::fold::{Mode, Standing, normalised};
use crate::Diff;

/// Keys that are consolidated alike: a scope's claims of one predicate, or of two opposite ones under the lesser name.
pub(super) type Family = (Scope, Text, Mode);

/// The policy rows in force, as far as they matter here.
#[derive(Clone, Default)]
pub(super) struct Rules(BTreeMap<Scope, ScopeRules>);

#[derive(Clone, Default)]
struct ScopeRules {
    predicates: BTreeMap<Text, BTreeSet<Predicate>>,
    trust: BTreeMap<Text, BTreeSet<u16>>,
    rejected: BTreeSet<ClaimId>,
}

impl Rules {
    /// Takes in what changed in the policy: net changes.
    pub(super) fn update(&mut self, changes: &[(PolicyRow, Diff)]) {
        // What goes goes first: a row that is replaced by an equal one stays.
        for now in [false, true] {
            for (row, _) in changes.iter().filter(|(_, diff)| (*diff > 0) == now) {
                let rules = self.0.entry(row.scope.clone()).or_default();
                match &row.policy {
                    Policy::Predicate(predicate) => {
                        toggle(rules.predicates.entry(predicate.name.clone()).or_default(), predicate, now);
                    }
                    Policy::Trust { source, trust } => {
                        toggle(rules.trust.entry(source.clone()).or_default(), trust, now);
                    }
                    Policy::Reject(claim) => toggle(&mut rules.rejected, claim, now),
                    _ => {}
                }
            }
        }
    }

    /// Where claims of this predicate belong.
    pub(super) fn family(&self, scope: &Scope, predicate: &Text) -> Family {
        let rows = self.0.get(scope).and_then(|rules| rules.predicates.get(predicate));
        let (mode, group) = match rows.and_then(BTreeSet::last) {
            None => (Mode::Add, predicate),
            Some(rule) => match (rule.cardinality, &rule.opposite) {
                (Cardinality::Replace, _) => (Mode::Replace, predicate),
                (Cardinality::Event, _) => (Mode::Event, predicate),
                (Cardinality::Add, Some(opposite)) => (Mode::Add, predicate.min(opposite)),
                (Cardinality::Add, None) => (Mode::Add, predicate),
            },
        };
        (scope.clone(), group.clone(), mode)
    }

    /// How much a claim counts.
    pub(super) fn standing(&self, claim: &Claim) -> Standing {
        let rules = self.0.get(&claim.scope);
        if rules.is_some_and(|rules| rules.rejected.contains(&claim.id)) {
            return Standing::Rejected;
        }
        let trust = rules.and_then(|rules| rules.trust.get(&claim.source)).and_then(BTreeSet::last);
        let trust = u32::from(trust.copied().unwrap_or(1000).min(1000));
        Standing::Strength((u32::from(claim.confidence.min(1000)) * trust / 1000) as u16)
    }
}

/// What a family's keys are told apart by, besides the subject: the object, where values add up.
pub(super) fn slot(mode: Mode, object: &Held) -> Option<Held> {
    (mode != Mode::Replace).then(|| normalised(object))
}

fn toggle<T: Ord + Clone>(set: &mut BTreeSet<T>, row: &T, there: bool) {
    if there {
        set.insert(row.clone());
    } else {
        set.remove(row);
    }
}
