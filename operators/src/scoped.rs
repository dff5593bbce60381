//! Scoped: many rows of a scope beside the few rows its policy has.
//!
//! A join by scope alone would put a whole life on one worker. So the rows are spread over [`SHARDS`] by their event, and
//! the policy, which is small, is given to every shard.

use nexus_types::{EventId, Scope};

use crate::Collection;

/// A scope and a shard of it.
pub type Shard = (Scope, u8);

/// Into how many shards a scope is spread: more than there will be workers, and few enough to copy policy to all.
pub const SHARDS: u8 = 32;

/// The shard of a scope that an event falls into.
pub fn shard(scope: &Scope, event: EventId) -> Shard {
    (scope.clone(), (event.0.0[0] % u64::from(SHARDS)) as u8)
}

/// Rows of policy, given to every shard of their scope.
pub fn everywhere<'s, D: differential_dataflow::Data>(rows: Collection<'s, (Scope, D)>) -> Collection<'s, (Shard, D)> {
    rows.flat_map(|(scope, row)| (0..SHARDS).map(move |shard| ((scope.clone(), shard), row.clone())))
}

#[cfg(test)]
mod tests {
    use nexus_types::Hash128;

    use super::*;
    use crate::check::check2;

    #[test]
    fn every_row_meets_its_scopes_policy_once() {
        check2(
            "scoped",
            (
                |draw| (Scope::from(*draw.pick(&["a", "b"])), EventId(Hash128([draw.bits() % 99, 0]))),
                |draw| (Scope::from(*draw.pick(&["a", "b"])), draw.below(3)),
            ),
            |rows, policy| {
                rows.map(|(scope, event)| (shard(&scope, event), event))
                    .join_map(everywhere(policy), |(scope, _), event, setting| (scope.clone(), *event, *setting))
            },
            |rows, policy| {
                let pairs = rows.iter().flat_map(|row| policy.iter().map(move |setting| (row, setting)));
                pairs.filter(|(row, setting)| row.0 == setting.0).map(|(row, s)| (row.0.clone(), row.1, s.1)).collect()
            },
        );
    }
}
