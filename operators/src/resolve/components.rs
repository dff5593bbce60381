//! Components: which keys are one person, by label propagation.
//!
//! Three rounds, from all evidence to the user's own word. In each, the keys that are still open take the least label
//! (first seen, key) among all that the round's evidence joins them to. A component is believed if it is small enough and
//! holds no two keys that policy keeps apart; the keys of one that is not stay open for the next, stricter round. What no
//! round settles stands alone.

use differential_dataflow::algorithms::graphs::propagate::propagate;
use nexus_types::{Evidence, Key, Millis};

use super::{KEYS_MAX, Label, is_bare, tier};
use crate::Collection;
use crate::evidence::Who;

/// Each key with the label of its component. `apart` holds each pair once, the lesser key first.
pub(super) fn components<'s>(
    keys: Collection<'s, (Who, Millis)>,
    bonds: Collection<'s, Evidence>,
    apart: Collection<'s, (Who, Key)>,
) -> Collection<'s, (Who, Label)> {
    let apart = apart.distinct();
    // The user's word against evidence for the very same pair wins; bare names join nothing.
    let bonds = bonds
        .filter(|bond| !is_bare(&bond.a) && !is_bare(&bond.b))
        .map(|bond| (((bond.scope.clone(), bond.a.clone()), bond.b.clone()), tier(&bond)))
        .antijoin(apart.clone());

    let mut open = keys.map(|(who, at)| {
        let label = (at, who.1.clone());
        (who, label)
    });
    let mut settled = Vec::new();
    for strictness in [2, 1, 0] {
        let joined = bonds.clone().filter(move |(_, tier)| *tier <= strictness).map(|(pair, _)| pair).distinct();
        let both_ways = joined.flat_map(|((scope, a), b)| {
            [((scope.clone(), a.clone()), (scope.clone(), b.clone())), ((scope.clone(), b), (scope, a))]
        });
        let edges = both_ways.semijoin(open.clone().map(|(who, _)| who));
        let labels = propagate(edges, open.clone());
        let by_label = labels.clone().map(|(who, label)| ((who.0.clone(), label), who));
        let doubted = by_label.semijoin(doubted(labels.clone(), apart.clone())).map(|((_, label), who)| (who, label));
        settled.push(labels.concat(doubted.clone().negate()));
        // Back to labels of their own, which `open` still has.
        open = open.semijoin(doubted.map(|(who, _)| who));
    }
    settled.into_iter().fold(open, |all, some| all.concat(some))
}

/// The labels of components that are too large, or hold two keys that are to be kept apart.
fn doubted<'s>(
    labels: Collection<'s, (Who, Label)>,
    apart: Collection<'s, (Who, Key)>,
) -> Collection<'s, (nexus_types::Scope, Label)> {
    let component = |who: &Who, label: &Label| (who.0.clone(), label.clone());
    let sizes = labels.clone().map(move |(who, label)| component(&who, &label)).count();
    let large = sizes.filter(|(_, size)| *size > KEYS_MAX as isize).map(|(label, _)| label);
    let torn = apart
        .join_map(labels.clone(), |(scope, _), b, label| ((scope.clone(), b.clone()), label.clone()))
        .join_map(labels, |(scope, _), one, other| (one == other).then(|| (scope.clone(), one.clone())))
        .flat_map(|label| label);
    large.concat(torn).distinct()
}
