//! Bare: whom a first name means in a channel.
//!
//! "Anna" in #x means the one entity that spoke in #x and is called Anna: by the first word of one of its names, or by its
//! handle. If there are none or several, it means nobody yet. What the user says (`same`) goes before.

use nexus_types::entity::key_label;
use nexus_types::{EntityId, Evidence, Key, Scope, Text};

use super::is_bare;
use crate::evidence::{Place, Who};
use crate::ground::person_key;
use crate::{Arrangement, Collection};

/// Every bare name that means somebody, with whom.
pub(super) fn meant<'s>(
    strong: Arrangement<'s, Who, EntityId>,
    names: Collection<'s, (Who, Text)>,
    spoke: Collection<'s, (Who, Place)>,
    bonds: Collection<'s, Evidence>,
) -> Collection<'s, (Who, EntityId)> {
    let by_name = names.arrange_by_key_named("names by key").join_core(strong.clone(), |(scope, _), name, entity| {
        first_word(name).map(|name| ((scope.clone(), *entity), name))
    });
    let by_handle = strong
        .clone()
        .as_collection(|(scope, key), entity| ((scope.clone(), *entity), handle(key)))
        .flat_map(|(entity, name)| name.map(|name| (entity, name)));
    let called = by_name.concat(by_handle).distinct();
    let places = spoke
        .arrange_by_key_named("places by key")
        .join_core(strong.clone(), |(scope, _), place, entity| Some(((scope.clone(), *entity), place.clone())))
        .distinct();
    let heard = called
        .join_map(places, |(scope, entity), name, place| bare_key(scope, place, name).map(|who| (who, (1, *entity))))
        .flat_map(|candidate| candidate);

    let told = bonds
        .flat_map(told)
        .arrange_by_key_named("bare names by the user's word")
        .join_core(strong, |(scope, _), bare, entity| Some(((scope.clone(), bare.clone()), (0, *entity))));
    heard
        .concat(told)
        .reduce_named("whom a bare name means", |_, candidates, out| out.extend(choice(candidates).map(|it| (it, 1))))
}

/// The user's word, or the only candidate.
fn choice(candidates: &[(&(u8, EntityId), isize)]) -> Option<EntityId> {
    match candidates {
        [((_, only), _)] => Some(*only),
        [((0, told), _), ..] => Some(*told),
        _ => None,
    }
}

/// A strong key with the bare name that policy says it goes by.
fn told(bond: Evidence) -> Option<(Who, Key)> {
    match (is_bare(&bond.a), is_bare(&bond.b)) {
        (true, false) => Some(((bond.scope, bond.b), bond.a)),
        (false, true) => Some(((bond.scope, bond.a), bond.b)),
        _ => None,
    }
}

/// The first word of a name, in lower case.
pub(super) fn first_word(name: &str) -> Option<Text> {
    name.split_whitespace().next().map(|word| word.to_lowercase().into())
}

/// The handle of an account's key.
pub(super) fn handle(key: &str) -> Option<Text> {
    key.starts_with("account:").then(|| key_label(key).into())
}

fn bare_key(scope: &Scope, (platform, channel): &Place, name: &str) -> Option<Who> {
    person_key(platform, channel, name).map(|key| (scope.clone(), key))
}
