//! Bare: whom a first name means in a channel.
//!
//! "Anna" in #x means the one entity that spoke in #x and is called Anna: by the first word of one of its names, or by its
//! handle. If there is none, it is the one whose given name has it for a nickname ("Liz", Elizabeth). If there are none or
//! several of either, she is somebody of her own. What the user says (`same`) goes before.

use nexus_types::entity::key_label;
use nexus_types::{EntityId, Evidence, Key, Millis, Scope, Text};
use serde::{Deserialize, Serialize};

use super::{entity_id, is_bare, nicknames};
use crate::evidence::{Place, Who};
use crate::ground::person_key;
use crate::per_key::distinct;
use crate::{Arrangement, Collection};

/// Whom a bare name may mean. The user's word sorts first, its bearer's own entity last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) enum Meaning {
    /// The user says so.
    Told(EntityId),
    /// It spoke there, and is called so.
    Heard(EntityId),
    /// It spoke there, and people of its given name are called so.
    Nick(EntityId),
    /// Somebody of whom only this name is known, since then.
    Own(EntityId, Millis),
}

impl Meaning {
    pub(super) fn entity(self) -> EntityId {
        match self {
            Meaning::Told(entity) | Meaning::Heard(entity) | Meaning::Nick(entity) | Meaning::Own(entity, _) => entity,
        }
    }
}

/// Every bare name that means somebody, with whom.
pub(super) fn meant<'s>(
    strong: Arrangement<'s, Who, EntityId>,
    weak: Collection<'s, (Who, Millis)>,
    names: Collection<'s, (Who, Text)>,
    spoke: Collection<'s, (Who, Place)>,
    bonds: Collection<'s, Evidence>,
) -> Collection<'s, (Who, Meaning)> {
    let by_name = names.arrange_by_key_named("names by key").join_core(strong.clone(), |(scope, _), name, entity| {
        first_word(name).map(|name| ((scope.clone(), *entity), name))
    });
    let by_handle =
        strong.clone().flat_map_ref(|(scope, key), entity| handle(key).map(|name| ((scope.clone(), *entity), name)));
    let short =
        by_name.clone().flat_map(|(of, name)| nicknames::of(&name).map(move |nick| (of.clone(), nick.into(), true)));
    let called = by_name.concat(by_handle).map(|(of, name)| (of, name, false)).concat(short);
    let called =
        distinct(called.map(|(of, name, nick): (_, Text, bool)| (of, (name, nick))), "what entities are called");
    let places = spoke
        .arrange_by_key_named("places by key")
        .join_core(strong.clone(), |(scope, _), place, entity| Some(((scope.clone(), *entity), place.clone())));
    let heard = called.arrange_by_key_named("names by entity").join_core(
        distinct(places, "where entities speak").arrange_by_key_named("places by entity"),
        |(scope, entity), (name, nick), place| {
            let meaning = if *nick { Meaning::Nick(*entity) } else { Meaning::Heard(*entity) };
            bare_key(scope, place, name).map(|who| (who, meaning))
        },
    );
    let told = bonds
        .flat_map(told)
        .arrange_by_key_named("bare names by the user's word")
        .join_core(strong, |(scope, _), bare, entity| Some(((scope.clone(), bare.clone()), Meaning::Told(*entity))));
    let own = weak.map(|(who, at)| {
        let meaning = Meaning::Own(entity_id(&who), at);
        (who, meaning)
    });
    heard
        .concatenate([told, own])
        .reduce_named("whom a bare name means", |_, meanings, out| out.extend(choice(meanings).map(|it| (it, 1))))
}

/// The user's word; else the only entity that is called so, by name or, if none is, by nickname; else the name's own.
fn choice(meanings: &[(&Meaning, isize)]) -> Option<Meaning> {
    let first = *meanings.first()?.0;
    let guess = |meaning: &Meaning| matches!(meaning, Meaning::Heard(_) | Meaning::Nick(_));
    let alike = |meaning: &Meaning| std::mem::discriminant(meaning) == std::mem::discriminant(&first);
    let doubtful = guess(&first) && meanings.get(1).is_some_and(|(second, _)| alike(second));
    if doubtful { meanings.last().map(|(last, _)| **last).filter(|last| !guess(last)) } else { Some(first) }
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
