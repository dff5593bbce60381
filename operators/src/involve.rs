//! Involve: who takes part in what is said, and whom it is about.
//!
//! `spoken(E, M)`: each entity with the days on which it spoke, as often as it did. `mine(E, I)`: the events in which "I"
//! spoke or was spoken to. `concerned(C, N)`: the entities that claims and mentions of an event are about, each once;
//! `told(…, E)`: when that was.
//! Cost: an ordinary message changes a count and nothing else; a key that changes its entity moves its days, not its
//! messages.

use std::sync::Arc;

use nexus_types::{Entity, EntityId, EventId, EventRow, Held, Kind, MentionRow, Millis, Scope};

use crate::consolidate::Resolved;
use crate::evidence::Who;
use crate::per_key::distinct;
use crate::{Arrangement, Collection, ground};

const DAY: Millis = 86_400_000;

/// Each entity with the beginning of every day on which it spoke, as often as it spoke on it.
pub fn spoken<'s>(
    events: Collection<'s, Arc<EventRow>>,
    members: Arrangement<'s, Who, EntityId>,
) -> Collection<'s, ((Scope, EntityId), Millis)> {
    events
        .flat_map(|event| author(&event).map(|who| (who, event.said_at.div_euclid(DAY) * DAY)))
        .arrange_by_key_named("days by speaker")
        .join_core(members, |(scope, _), day, entity| Some(((scope.clone(), *entity), *day)))
}

/// The events in which "I" spoke or was spoken to, each as often as that is the case.
pub fn mine<'s>(events: Collection<'s, Arc<EventRow>>, entities: Collection<'s, Entity>) -> Collection<'s, EventId> {
    let me = entities.filter(|entity| &*entity.kind == "me");
    let keys = me.flat_map(|entity| entity.keys.into_iter().map(move |key| (entity.scope.clone(), key)));
    events
        .flat_map(|event| people(&event).into_iter().map(move |who| (who, event.id)))
        .arrange_by_key_named("events by who is involved")
        .join_core(keys.arrange_by_self_named("keys of I"), |_, event, ()| Some(*event))
}

/// Each event with the entities it is about.
pub fn concerned<'s>(
    claims: Collection<'s, Resolved>,
    mentions: Collection<'s, MentionRow>,
) -> Arrangement<'s, EventId, (Scope, EntityId)> {
    let mentioned = mentions.flat_map(|row| row.entity.map(|entity| (row.event, (row.scope, entity))));
    let all = claims.flat_map(of_claim).concat(mentioned);
    distinct(all, "whom events are about").arrange_by_key_named("entities by event about them")
}

/// Each entity with when something was said about it, once for every event.
pub fn told<'s>(
    concerned: Arrangement<'s, EventId, (Scope, EntityId)>,
    events: Arrangement<'s, EventId, Arc<EventRow>>,
) -> Collection<'s, ((Scope, EntityId), Millis)> {
    concerned.join_core(events, |_, entity, event| Some((entity.clone(), event.said_at)))
}

fn author(event: &EventRow) -> Option<Who> {
    let speaks = event.live() && event.kind != Kind::Notice;
    let key = speaks.then(|| ground::handle(&event.author, &event.platform)).flatten();
    key.map(|key| (event.scope.clone(), key))
}

fn people(event: &EventRow) -> Vec<Who> {
    if !event.live() || event.kind == Kind::Notice {
        return Vec::new();
    }
    let names = [&event.author].into_iter().chain(event.addressees.iter());
    let keys = names.filter_map(|name| ground::handle(name, &event.platform));
    keys.map(|key| (event.scope.clone(), key)).collect()
}

fn of_claim(row: Resolved) -> Vec<(EventId, (Scope, EntityId))> {
    let object = match row.object {
        Held::Entity(entity) => Some(entity),
        Held::Value(_) => None,
    };
    let about = [row.subject].into_iter().chain(object);
    about.map(|entity| (row.claim.event, (row.claim.scope.clone(), entity))).collect()
}

/// The meaning of [`spoken`], by brute force.
pub fn spoken_naive(events: &[Arc<EventRow>], members: &[(Who, EntityId)]) -> Vec<((Scope, EntityId), Millis)> {
    let mut out = Vec::new();
    for event in events.iter().filter(|event| event.live() && event.kind != Kind::Notice) {
        for ((scope, key), entity) in members {
            if *scope == event.scope && ground::handle(&event.author, &event.platform).as_ref() == Some(key) {
                out.push(((scope.clone(), *entity), event.said_at - event.said_at.rem_euclid(DAY)));
            }
        }
    }
    out
}

/// The meaning of [`concerned`], by brute force.
pub fn concerned_naive(claims: &[Resolved], mentions: &[MentionRow]) -> Vec<(EventId, (Scope, EntityId))> {
    let mut out = Vec::new();
    for row in claims {
        out.push((row.claim.event, (row.claim.scope.clone(), row.subject)));
        if let Held::Entity(object) = &row.object {
            out.push((row.claim.event, (row.claim.scope.clone(), *object)));
        }
    }
    for row in mentions {
        out.extend(row.entity.map(|entity| (row.event, (row.scope.clone(), entity))));
    }
    out.sort();
    out.dedup();
    out
}

/// The meaning of [`told`], by brute force; of each event there is one version.
pub fn told_naive(
    concerned: &[(EventId, (Scope, EntityId))],
    events: &[Arc<EventRow>],
) -> Vec<((Scope, EntityId), Millis)> {
    let said_at = |id: EventId| events.iter().filter(move |event| event.id == id).map(|event| event.said_at);
    concerned.iter().flat_map(|(id, who)| said_at(*id).map(move |at| (who.clone(), at))).collect()
}

/// The meaning of [`mine`], by brute force.
pub fn mine_naive(events: &[Arc<EventRow>], entities: &[Entity]) -> Vec<EventId> {
    let mut out = Vec::new();
    for event in events.iter().filter(|event| event.live() && event.kind != Kind::Notice) {
        for name in [&event.author].into_iter().chain(event.addressees.iter()) {
            let key = ground::handle(name, &event.platform);
            let is_me = |entity: &&Entity| &*entity.kind == "me" && entity.scope == event.scope;
            let holds = |entity: &Entity| key.as_ref().is_some_and(|key| entity.keys.contains(key));
            out.extend(entities.iter().filter(is_me).filter(|entity| holds(entity)).map(|_| event.id));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use nexus_types::{Hash128, Key, Version};

    use super::*;
    use crate::check::{Draw, check2};
    use crate::fake;
    use crate::latest::{latest, latest_naive};

    fn key(draw: &mut Draw) -> Key {
        (*draw.pick(&["account:irc/anna", "account:irc/ben", "mail:anna@example.org", "account:mail/ben"])).into()
    }

    fn member(draw: &mut Draw) -> (Who, EntityId) {
        ((fake::scope(draw), key(draw)), EntityId(Hash128([draw.below(3), 0])))
    }

    fn entity(draw: &mut Draw) -> Entity {
        let (scope, key) = (fake::scope(draw), key(draw));
        Entity {
            id: EntityId::of(&[key.as_bytes()]),
            scope,
            name: key.clone(),
            kind: (*draw.pick(&["me", "person"])).into(),
            keys: vec![key],
            aliases: Vec::new(),
            first_said_at: 0,
        }
    }

    fn claim(draw: &mut Draw) -> Resolved {
        let said = crate::extract::Said { piece: fake::piece(draw), place: 0, statement: fake::statement(draw) };
        let Some(claim) = ground::claim(&said, None, None) else { return claim(draw) };
        let id = |draw: &mut Draw| EntityId(Hash128([draw.below(3), 0]));
        let object = if draw.one_in(2) { Held::Entity(id(draw)) } else { Held::Value("Oslo".into()) };
        Resolved { claim: Arc::new(claim), subject: id(draw), object }
    }

    /// One of three versions of one of four events; each says when it was said.
    fn version(draw: &mut Draw) -> Arc<EventRow> {
        let revision = draw.below(3);
        let version = Version { revision, ..Version::default() };
        let mut event = EventRow::tombstone("s".into(), EventId(Hash128([draw.below(4), 0])), version);
        event.said_at = revision as Millis * DAY;
        Arc::new(event)
    }

    fn about(draw: &mut Draw) -> (EventId, (Scope, EntityId)) {
        let id = |draw: &mut Draw, below| Hash128([draw.below(below), 0]);
        (EventId(id(draw, 4)), (fake::scope(draw), EntityId(id(draw, 3))))
    }

    fn mention(draw: &mut Draw) -> MentionRow {
        let (piece, mention) = (fake::piece(draw), fake::mention(draw));
        MentionRow {
            scope: piece.event.scope.clone(),
            passage: piece.id(),
            event: piece.event.id,
            span: mention.span,
            kind: mention.kind,
            name: mention.name,
            entity: draw.one_in(2).then(|| EntityId(Hash128([draw.below(3), 0]))),
        }
    }

    #[test]
    fn agrees_with_naive() {
        check2("spoken", (fake::event, member), |e, m| spoken(e, m.arrange_by_key()), spoken_naive);
        check2("mine", (fake::event, entity), mine, mine_naive);
        check2(
            "told",
            (about, version),
            |about, events| told(about.arrange_by_key(), latest(events)),
            |about, events| told_naive(about, &latest_naive(events)),
        );
        check2(
            "concerned",
            (claim, mention),
            |claims, mentions| concerned(claims, mentions).as_collection(|event, entity| (*event, entity.clone())),
            concerned_naive,
        );
    }
}
