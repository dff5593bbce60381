//! What policy says to consolidation: how predicates go together, whom to trust, which claims are rejected; and so, on
//! which keys a claim is laid.
//!
//! Of several rows for one predicate or source, the greatest counts; a predicate without a row has that of names like it
//! (`number_of_*`), if there is one. A relation with an inverse is laid on one key for
//! both its ends: of two predicates the lesser name's subject has it, of a symmetric one the lesser entity.
//! Cost: a look-up or two per claim.

use std::collections::{BTreeMap, BTreeSet};

use nexus_types::policy::wildcard;
use nexus_types::{
    Aspect, Cardinality, Claim, ClaimId, EntityId, Held, Modality, Polarity, Policy, PolicyRow, Predicate, Scope, Text,
};

use super::Side;
use super::fold::{Entry, Mode, Role, Standing, normalised};
use crate::Diff;

/// Keys that are consolidated alike: a scope's claims of one predicate, or of two that are opposite or inverse to each
/// other, under the lesser name.
pub(super) type Family = (Scope, Text, Mode);
/// A key within its family: the subject, and the object where values add up.
pub(super) type Key = (EntityId, Option<Held>);

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

    /// Gives every key that a claim, seen from one of its ends, is laid on.
    pub(super) fn place(&self, side: &Side, mut put: impl FnMut(Family, Key, Entry)) {
        let claim = &side.claim;
        let rule = self.rule(&claim.scope, &claim.predicate);
        let (group, mode) = home(side, rule);
        let key = (side.subject, (mode != Mode::Replace).then(|| normalised(&side.object)));
        let standing = self.standing(claim);
        let entry = |role| Entry { claim: claim.clone(), object: side.object.clone(), standing, role };
        for ends in rule.filter(|rule| begins(side, rule)).into_iter().flat_map(|rule| &rule.ends) {
            let replaces = self.rule(&claim.scope, ends).is_some_and(|rule| rule.cardinality == Cardinality::Replace);
            if replaces && *ends != claim.predicate {
                put((claim.scope.clone(), ends.clone(), Mode::Replace), (side.subject, None), entry(Role::Ends));
            }
        }
        let role = if side.turned { Role::Turned } else { Role::Said };
        put((claim.scope.clone(), group, mode), key, entry(role));
    }

    /// The names of all groups in which claims of that predicate may be, or of one that ends it.
    pub(super) fn touched(&self, scope: &Scope, predicate: &Text) -> BTreeSet<Text> {
        let rules =
            self.0.get(scope).into_iter().flat_map(|rules| rules.predicates.values().filter_map(BTreeSet::last));
        let ending = rules.filter(|rule| rule.ends.contains(predicate)).map(|rule| &rule.name);
        let mut groups = BTreeSet::new();
        for name in ending.chain([predicate]) {
            let rule = self.rule(scope, name);
            let others = rule.into_iter().flat_map(|rule| rule.opposite.iter().chain(&rule.inverse));
            groups.extend(others.map(|other| name.min(other).clone()).chain([name.clone()]));
        }
        groups
    }

    fn rule(&self, scope: &Scope, predicate: &Text) -> Option<&Predicate> {
        let rules = &self.0.get(scope)?.predicates;
        let row = |name: &str| rules.get(name)?.last();
        row(predicate).or_else(|| row(wildcard(predicate)?))
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

/// The group in which a claim is folded, seen from one of its ends, and how; silently, if the other end counts.
fn home(side: &Side, rule: Option<&Predicate>) -> (Text, Mode) {
    let name = &side.claim.predicate;
    let other = match &side.object {
        Held::Entity(other) if *other != side.subject => Some(other),
        _ => None,
    };
    let cardinality = rule.map_or(Cardinality::Add, |rule| rule.cardinality);
    let inverse = rule.and_then(|rule| if rule.symmetric { Some(name) } else { rule.inverse.as_ref() });
    let (group, mode, turned) = match (cardinality, inverse.zip(other)) {
        (Cardinality::Replace, _) => (name, Mode::Replace, false),
        (cardinality, Some((inverse, other))) => {
            let mode = if cardinality == Cardinality::Event { Mode::Event } else { Mode::Pair };
            let turned = if name == inverse { side.turned == (side.subject < *other) } else { name > inverse };
            (name.min(inverse), mode, turned)
        }
        (Cardinality::Event, None) => (name, Mode::Event, false),
        (Cardinality::Add, None) => {
            let opposite = rule.and_then(|rule| rule.opposite.as_ref());
            (opposite.map_or(name, |opposite| name.min(opposite)), Mode::Add, false)
        }
    };
    if side.turned == turned { (group.clone(), mode) } else { (name.clone(), Mode::Silent) }
}

/// Whether a claim says that something began.
fn begins(side: &Side, rule: &Predicate) -> bool {
    let claim = &side.claim;
    let begins = match claim.aspect {
        Aspect::Begins => true,
        Aspect::Holds => rule.cardinality == Cardinality::Event,
        Aspect::Ends | Aspect::Was => false,
    };
    let says = !matches!(&side.object, Held::Value(text) if text.trim().is_empty());
    begins && says && !side.turned && claim.modality == Modality::Asserted && claim.polarity == Polarity::Affirmed
}

fn toggle<T: Ord + Clone>(set: &mut BTreeSet<T>, row: &T, there: bool) {
    if there {
        set.insert(row.clone());
    } else {
        set.remove(row);
    }
}
