//! Describe: what to call an entity, and what it is.

use std::collections::BTreeSet;

use nexus_types::entity::key_label;
use nexus_types::{Entity, EntityId, Key, Millis, Policy, PolicyRow, Scope, Text};
use serde::{Deserialize, Serialize};

use super::{bare, is_me};
use crate::evidence::Who;
use crate::{Arrangement, Collection};

/// One thing to say about an entity. Keys sort first, the oldest before all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) enum Detail {
    Key(Millis, Key),
    Name(Text),
    /// What the user wants it called.
    Call(Text),
    /// The user says it is "I".
    Me,
}

/// Every entity, from its keys, with when they were first seen, and what is said of them.
pub(super) fn describe<'s>(
    holders: Collection<'s, (Who, (EntityId, Millis))>,
    members: Arrangement<'s, Who, EntityId>,
    names: Collection<'s, (Who, Text)>,
    policy: Collection<'s, PolicyRow>,
) -> Collection<'s, Entity> {
    let keys = holders.map(|((scope, key), (entity, at))| ((scope, entity), Detail::Key(at, key)));
    let rest = names
        .map(|(who, name)| (who, Detail::Name(name)))
        .concat(policy.flat_map(of_policy))
        .arrange_by_key_named("details by key")
        .join_core(members, |(scope, _), detail, entity| Some(((scope.clone(), *entity), detail.clone())));
    keys.concat(rest)
        .reduce_named("Describe", |(scope, id), details, out| {
            out.extend(entity(scope, *id, details.iter().map(|(detail, _)| *detail)).map(|entity| (entity, 1)));
        })
        .map(|(_, entity)| entity)
}

pub(super) fn of_policy(row: PolicyRow) -> Option<(Who, Detail)> {
    match row.policy {
        Policy::Call { key, name } => Some(((row.scope, key), Detail::Call(name))),
        Policy::Me(key) => Some(((row.scope, key), Detail::Me)),
        _ => None,
    }
}

/// The entity of these details, sorted; `None` if there is no key among them.
pub(super) fn entity<'a>(scope: &Scope, id: EntityId, details: impl Iterator<Item = &'a Detail>) -> Option<Entity> {
    let (mut keys, mut names, mut calls, mut me) = (Vec::new(), BTreeSet::new(), BTreeSet::new(), false);
    for detail in details {
        match detail {
            Detail::Key(at, key) => keys.push((*at, key.clone())),
            Detail::Name(name) => _ = names.insert(name.clone()),
            Detail::Call(name) => _ = calls.insert(name.clone()),
            Detail::Me => me = true,
        }
    }
    let (first_said_at, oldest) = keys.iter().min()?.clone();
    let called = calls.last().cloned();
    let name = called.or_else(|| fullest(&names)).unwrap_or_else(|| label(&oldest));
    me |= keys.iter().any(|(_, key)| is_me(key));
    let handles = keys.iter().filter_map(|(_, key)| bare::handle(key));
    let aliases: BTreeSet<Text> = names.into_iter().chain(calls).chain(handles).collect();
    let mut keys: Vec<Key> = keys.into_iter().map(|(_, key)| key).collect();
    keys.sort();
    let kind = if me { "me" } else { "person" };
    Some(Entity {
        id,
        scope: scope.clone(),
        name,
        kind: kind.into(),
        keys,
        aliases: aliases.into_iter().collect(),
        first_said_at,
    })
}

/// Of several names the one with the most words, then the longest, then the first by alphabet.
fn fullest(names: &BTreeSet<Text>) -> Option<Text> {
    let fullness = |name: &&Text| (name.split_whitespace().count(), name.chars().count());
    names.iter().rev().max_by_key(fullness).cloned()
}

/// What a key looks like to a reader: "anna's sister" for somebody known only by a relation.
fn label(key: &str) -> Text {
    let relation = key.strip_prefix("relative:").and_then(|rest| rest.rsplit_once('/'));
    match relation {
        Some((of, relation)) => format!("{}'s {relation}", label(of)).into(),
        None => key_label(key).into(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn described(details: &[Detail]) -> Entity {
        entity(&"s".into(), EntityId::default(), details.iter()).unwrap()
    }

    #[test]
    fn the_users_word_then_the_fullest_name_then_the_oldest_key() {
        let keys = [Detail::Key(5, "account:irc/ann_k".into()), Detail::Key(7, "mail:anna@x.org".into())];
        let names = ["Anna", "Ms Kowalska", "Anna Kowalska"].map(|name| Detail::Name(name.into()));
        assert_eq!(&*described(&keys).name, "ann_k");
        let all = [keys.clone().as_slice(), &names].concat();
        assert_eq!(&*described(&all).name, "Anna Kowalska");
        assert_eq!(&*described(&[all, vec![Detail::Call("Anka".into())]].concat()).name, "Anka");
        assert_eq!(&*described(&[Detail::Key(1, "relative:account:irc/anna/sister".into())]).name, "anna's sister");
        assert_eq!(&*described(&[Detail::Key(1, "me".into())]).kind, "me");
    }
}
