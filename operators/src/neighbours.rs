//! Neighbours: what was said before it, in the same conversation.
//!
//! A conversation is (scope, platform, channel, thread), in the order (said_at, id); messages, answers and posts stand
//! in it if they say something. `neighbours(E) = { (e, p) | p is the greatest of e's conversation that is less than e }`: the first of a
//! conversation has no row. Cost: O(log n) in the length of the conversation for an event that comes or goes; an edit
//! that leaves its place costs nothing. Memory: 24 bytes per event.

use std::collections::BTreeSet;
use std::sync::Arc;

use nexus_types::{EventId, EventRow, Kind, Millis, Scope, Text};

use crate::per_key::{State, per_key};
use crate::{Collection, Diff};

/// Each event with the one before it. Of the events, one row per id; those that are not part of memory are left out.
pub fn neighbours<'s>(events: Collection<'s, Arc<EventRow>>) -> Collection<'s, (EventId, EventId)> {
    let places = events.filter(|event| stands(event)).map(|event| (conversation(&event), (event.said_at, event.id)));
    per_key::<_, _, Conversation>(places, "Neighbours")
}

/// The meaning, by brute force.
pub fn neighbours_naive(events: &[Arc<EventRow>]) -> Vec<(EventId, EventId)> {
    let standing: Vec<&Arc<EventRow>> = events.iter().filter(|event| stands(event)).collect();
    let place = |event: &EventRow| (event.said_at, event.id);
    let previous = |event: &EventRow| {
        let earlier =
            standing.iter().filter(|other| conversation(other) == conversation(event) && place(other) < place(event));
        earlier.max_by_key(|other| place(other)).map(|other| other.id)
    };
    standing.iter().filter_map(|event| Some((event.id, previous(event)?))).collect()
}

/// What tells conversations apart.
pub(crate) type Key = (Scope, Text, Text, Option<Text>);

/// The conversation that an event stands in.
pub(crate) fn conversation(event: &EventRow) -> Key {
    (event.scope.clone(), event.platform.clone(), event.channel.clone(), event.thread.clone())
}

fn stands(event: &EventRow) -> bool {
    event.live() && event.text_bytes > 0 && matches!(event.kind, Kind::Message | Kind::Response | Kind::Post)
}

/// A conversation, in order.
#[derive(Default)]
struct Conversation(BTreeSet<(Millis, EventId)>);

impl State<Key, (Millis, EventId)> for Conversation {
    type Out = (EventId, EventId);

    fn update(&mut self, _: &Key, changes: Vec<((Millis, EventId), Diff)>, out: &mut Vec<(Self::Out, Diff)>) {
        for (place, diff) in changes {
            let sign = diff.signum();
            if sign < 0 {
                self.0.remove(&place);
            }
            let before = self.0.range(..place).next_back().map(|(_, id)| *id);
            let after = self.0.range(place..).next().map(|(_, id)| *id);
            let pair = |event: Option<EventId>, previous: Option<EventId>| Some((event?, previous?));
            let id = Some(place.1);
            let rows = [(pair(id, before), sign), (pair(after, id), sign), (pair(after, before), -sign)];
            out.extend(rows.into_iter().filter_map(|(row, diff)| Some((row?, diff))));
            if sign > 0 {
                self.0.insert(place);
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use nexus_types::{Hash128, Version};

    use super::*;
    use crate::check::{Draw, check};

    /// All of an event follows from its number, so that there is one row per id.
    fn event(draw: &mut Draw) -> Arc<EventRow> {
        let n = draw.below(60);
        let version = Version { retracted: n % 8 == 7, ..Version::default() };
        let mut event = EventRow::tombstone("s".into(), EventId(Hash128([n, 0])), version);
        event.kind = if n % 5 == 4 { Kind::Notice } else { Kind::Message };
        event.said_at = (n % 7) as Millis;
        event.text_bytes = u32::from(n % 9 != 8);
        event.channel = (if n.is_multiple_of(2) { "a" } else { "b" }).into();
        event.thread = n.is_multiple_of(3).then(|| "t".into());
        Arc::new(event)
    }

    #[test]
    fn agrees_with_naive() {
        check("neighbours", event, neighbours, neighbours_naive);
    }
}
