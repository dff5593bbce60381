//! The meaning of resolution, by brute force: components grown one key at a time, every pair of keys looked at.

use std::collections::{BTreeMap, BTreeSet};

use nexus_types::{Entity, EntityId, Evidence, Key, Millis, PolicyRow, Scope};

use super::describe::{self, Detail};
use super::{KEYS_MAX, apart, bare, entity_id, is_bare, nicknames, tier};
use crate::evidence::{Clue, Who};
use crate::ground::person_key;

/// The entity each key means, and every entity.
pub fn resolve_naive(clues: &[Clue], policy: &[PolicyRow]) -> (Vec<(Who, EntityId)>, Vec<Entity>) {
    let mut seen: BTreeMap<Who, Millis> = BTreeMap::new();
    for clue in clues {
        if let Clue::Seen(who, at) = clue {
            seen.entry(who.clone()).and_modify(|first| *first = (*first).min(*at)).or_insert(*at);
        }
    }
    let bonds: Vec<&Evidence> =
        clues.iter().filter_map(|clue| if let Clue::Bond(bond, _) = clue { Some(bond) } else { None }).collect();
    let apart: BTreeSet<(Who, Key)> = policy.iter().cloned().filter_map(apart).collect();
    let strong: BTreeMap<Who, EntityId> = seen
        .keys()
        .filter(|who| !is_bare(&who.1))
        .map(|who| {
            let component = component(who, &seen, &bonds, &apart);
            let oldest = component.iter().min_by_key(|key| (seen.get(*key), &key.1)).unwrap_or(who);
            (who.clone(), entity_id(oldest))
        })
        .collect();

    let mut members = meant(clues, &strong);
    let own: BTreeMap<Who, EntityId> = seen
        .keys()
        .filter(|who| is_bare(&who.1) && !members.contains_key(*who))
        .map(|who| (who.clone(), entity_id(who)))
        .collect();
    let holders: BTreeMap<Who, EntityId> = strong.into_iter().chain(own).collect();
    members.extend(holders.clone());
    let entities = entities(clues, policy, &seen, &holders, &members);
    (members.into_iter().collect(), entities)
}

/// The component of a key: under the weakest evidence whose component is believed.
fn component(
    who: &Who,
    seen: &BTreeMap<Who, Millis>,
    bonds: &[&Evidence],
    apart: &BTreeSet<(Who, Key)>,
) -> BTreeSet<Who> {
    let is_apart = |a: &Who, b: &Who| {
        let (a, b) = (a.min(b), a.max(b));
        apart.contains(&(a.clone(), b.1.clone()))
    };
    for strictness in [2, 1, 0] {
        let mut component = BTreeSet::from([who.clone()]);
        loop {
            let joins = |a: &Who, b: &Who| {
                let (a, b) = (a.min(b), a.max(b));
                let bond =
                    |bond: &&Evidence| bond.scope == a.0 && bond.a == a.1 && bond.b == b.1 && tier(bond) <= strictness;
                a.0 == b.0 && !is_apart(a, b) && bonds.iter().any(bond)
            };
            let free = seen.keys().filter(|key| !is_bare(&key.1) && !component.contains(*key));
            let more: Vec<Who> =
                free.filter(|key| component.iter().any(|member| joins(member, key))).cloned().collect();
            if more.is_empty() {
                break;
            }
            component.extend(more);
        }
        let torn = component.iter().any(|a| component.iter().any(|b| a < b && is_apart(a, b)));
        if component.len() <= KEYS_MAX && !torn {
            return component;
        }
    }
    BTreeSet::from([who.clone()])
}

fn meant(clues: &[Clue], strong: &BTreeMap<Who, EntityId>) -> BTreeMap<Who, EntityId> {
    let mut called: BTreeSet<(Scope, EntityId, nexus_types::Text, u8)> = BTreeSet::new();
    for ((scope, key), entity) in strong {
        called.extend(bare::handle(key).map(|name| (scope.clone(), *entity, name, 1)));
    }
    for clue in clues {
        if let Clue::Name(who, name) = clue
            && let (Some(entity), Some(name)) = (strong.get(who), bare::first_word(name))
        {
            called.extend(nicknames::of(&name).map(|nick| (who.0.clone(), *entity, nick.into(), 2)));
            called.insert((who.0.clone(), *entity, name, 1));
        }
    }
    let mut candidates: BTreeMap<Who, BTreeSet<(u8, EntityId)>> = BTreeMap::new();
    for clue in clues {
        match clue {
            Clue::Spoke(who, (platform, channel)) => {
                let Some(entity) = strong.get(who) else { continue };
                for (_, _, name, how) in called.iter().filter(|(scope, other, ..)| *scope == who.0 && other == entity) {
                    if let Some(key) = person_key(platform, channel, name) {
                        candidates.entry((who.0.clone(), key)).or_default().insert((*how, *entity));
                    }
                }
            }
            Clue::Bond(bond, _) => {
                for (weak, other) in [(&bond.a, &bond.b), (&bond.b, &bond.a)] {
                    let entity = strong.get(&(bond.scope.clone(), other.clone()));
                    if let Some(entity) = entity.filter(|_| is_bare(weak)) {
                        candidates.entry((bond.scope.clone(), weak.clone())).or_default().insert((0, *entity));
                    }
                }
            }
            _ => {}
        }
    }
    let sure = |them: BTreeSet<(u8, EntityId)>| {
        let (best, entity) = *them.first()?;
        let only = them.iter().filter(|(how, _)| *how == best).count() == 1;
        (best == 0 || only).then_some(entity)
    };
    candidates.into_iter().filter_map(|(who, them)| Some((who, sure(them)?))).collect()
}

fn entities(
    clues: &[Clue],
    policy: &[PolicyRow],
    seen: &BTreeMap<Who, Millis>,
    holders: &BTreeMap<Who, EntityId>,
    members: &BTreeMap<Who, EntityId>,
) -> Vec<Entity> {
    let mut details: BTreeMap<(Scope, EntityId), BTreeSet<Detail>> = BTreeMap::new();
    let mut say = |who: &Who, entity: Option<&EntityId>, detail: Detail| {
        if let Some(entity) = entity {
            details.entry((who.0.clone(), *entity)).or_default().insert(detail);
        }
    };
    for (who, entity) in holders {
        say(who, Some(entity), Detail::Key(seen[who], who.1.clone()));
    }
    for clue in clues {
        if let Clue::Name(who, name) = clue {
            say(who, members.get(who), Detail::Name(name.clone()));
        }
    }
    for (who, detail) in policy.iter().cloned().filter_map(describe::of_policy) {
        say(&who, members.get(&who), detail);
    }
    details.iter().filter_map(|((scope, id), details)| describe::entity(scope, *id, details.iter())).collect()
}
