//! Resolve: who is who.
//!
//! An entity is a component of identity keys under the evidence that joins them (`components`), never more than
//! [`KEYS_MAX`] keys and never two that policy holds apart. A bare first name joins nothing; it means somebody of that name
//! who spoke in the channel, if there is exactly one (`bare`). The id of an entity is the hash of its oldest key.
//! Deterministic, and free of the order of arrival: all is a function of the sets of clues and policy rows.
//!
//! Cost: clues that change, times the keys around them; a message without a new clue costs nothing.

mod bare;
mod components;
mod describe;
mod naive;
mod nicknames;

use std::sync::Arc;

use nexus_types::{
    Claim, Entity, EntityId, Evidence, Held, Key, MentionKind, MentionRow, Millis, Object, Policy, PolicyRow,
};

use crate::consolidate::Resolved;
use crate::evidence::{Clues, ME, Who};
use crate::extract::Named;
use crate::ground;
use crate::{Arrangement, Collection};
use bare::Meaning;

pub use naive::resolve_naive;

/// The most keys one entity has. Evidence that would join more is not believed: some name is everybody's.
pub const KEYS_MAX: usize = 64;

/// Every key and every entity.
pub struct WhoIsWho<'s> {
    /// The entity each key means.
    pub members: Arrangement<'s, Who, EntityId>,
    /// Every entity.
    pub entities: Collection<'s, Entity>,
}

/// Resolves the keys that are known of.
pub fn resolve<'s>(clues: Clues<'s>, policy: Collection<'s, PolicyRow>) -> WhoIsWho<'s> {
    let Clues { seen, names, spoke, bonds } = clues;
    let strong = seen.clone().filter(|(who, _)| !is_bare(&who.1));
    let weak = seen.clone().filter(|(who, _)| is_bare(&who.1));

    let labels = components::components(strong, bonds.clone(), policy.clone().flat_map(apart));
    let strong = labels.map(|(who, (at, (_, oldest)))| {
        let entity = entity_id(&(who.0.clone(), oldest));
        (who, (entity, at))
    });
    let strong_by_key = strong.clone().map(|(who, (entity, _))| (who, entity));
    let strong_by_key = strong_by_key.arrange_by_key_named("entities of strong keys");
    let meant = bare::meant(strong_by_key.clone(), weak, names.clone(), spoke, bonds);

    let own = meant.clone().flat_map(|(who, meaning)| match meaning {
        Meaning::Own(entity, at) => Some((who, (entity, at))),
        _ => None,
    });
    let holders = strong.concat(own);
    let members = strong_by_key
        .as_collection(|who, entity| (who.clone(), *entity))
        .concat(meant.map(|(who, meaning)| (who, meaning.entity())))
        .arrange_by_key_named("entities by key");
    let entities = describe::describe(holders, members.clone(), names, policy);
    WhoIsWho { members, entities }
}

/// Claims with the entities they are about.
pub fn about<'s>(
    claims: Collection<'s, Arc<Claim>>,
    members: Arrangement<'s, Who, EntityId>,
) -> Collection<'s, Resolved> {
    let by_subject = claims
        .map(|claim| ((claim.scope.clone(), claim.subject.clone()), claim))
        .arrange_by_key_named("claims by subject")
        .join_core(members.clone(), |_, claim, subject| Some((claim.clone(), *subject)));
    let values = by_subject.clone().flat_map(|(claim, subject)| match &claim.object {
        Object::Value(value) => Some(Resolved { object: Held::Value(value.clone()), claim, subject }),
        Object::Key(_) => None,
    });
    let keys = by_subject
        .flat_map(|(claim, subject)| match &claim.object {
            Object::Key(key) => Some(((claim.scope.clone(), key.clone()), (claim, subject))),
            Object::Value(_) => None,
        })
        .arrange_by_key_named("claims by object")
        .join_core(members, |_, (claim, subject), object| {
            Some(Resolved { claim: claim.clone(), subject: *subject, object: Held::Entity(*object) })
        });
    values.concat(keys)
}

/// Mentions with the entities they mean, where that is known.
pub fn mentioned<'s>(
    mentions: Collection<'s, Arc<Named>>,
    members: Arrangement<'s, Who, EntityId>,
) -> Collection<'s, MentionRow> {
    let keyed = mentions.clone().flat_map(|named| mention_key(&named).map(|key| (key, named)));
    let meant = keyed
        .arrange_by_key_named("mentions by key")
        .join_core(members, |_, named, entity| Some((named.clone(), *entity)));
    let known =
        meant.explode(|(named, entity)| [(mention_row(&named, Some(entity)), 1), (mention_row(&named, None), -1)]);
    mentions.map(|named| mention_row(&named, None)).concat(known)
}

fn mention_key(named: &Named) -> Option<Who> {
    let (event, name) = (&named.piece.event, &named.mention.name);
    let key = match named.mention.kind {
        MentionKind::Person => ground::named(name, event),
        MentionKind::Handle | MentionKind::Mail => ground::handle(name, &event.platform),
        _ => None,
    };
    key.map(|key| (named.piece.event.scope.clone(), key))
}

fn mention_row(named: &Named, entity: Option<EntityId>) -> MentionRow {
    let (passage, mention) = (named.piece.passage(), &named.mention);
    MentionRow {
        scope: passage.scope,
        passage: passage.id,
        event: passage.event,
        span: mention.span,
        kind: mention.kind,
        name: mention.name.clone(),
        entity,
    }
}

fn entity_id((scope, oldest): &Who) -> EntityId {
    EntityId::of(&[scope.as_bytes(), oldest.as_bytes()])
}

/// Whether a key is a bare name within a channel.
fn is_bare(key: &str) -> bool {
    key.starts_with("person:")
}

/// Two keys that policy holds apart, the lesser first.
fn apart(row: PolicyRow) -> Option<(Who, Key)> {
    match row.policy {
        Policy::NotSame(a, b) if a != b => Some(((row.scope, a.clone().min(b.clone())), a.max(b))),
        _ => None,
    }
}

/// Whether a key is the scope's own "I", whatever policy says.
fn is_me(key: &str) -> bool {
    key == ME
}

/// How far evidence is trusted: less is more.
fn tier(bond: &Evidence) -> u8 {
    bond.kind.tier()
}

/// When a component was first seen, and under which key: the least of its members.
type Label = (Millis, Key);

#[cfg(test)]
mod tests;
