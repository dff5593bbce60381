//! Neighbours: passages as their table holds them, with what was said before them in the same conversation.
//!
//! A conversation is (scope, platform, channel, thread), in the order (said_at, id); messages, answers and posts stand
//! in it if they say something. `placed(E, P) = { row(p, e') | p in P, e' the greatest event of p's conversation that is
//! less than p's event }`: a passage of the first of a conversation has no event before it. Cost: O(log n) in the length of
//! the conversation for an event that comes or goes. Memory: 40 bytes an event.

use std::collections::BTreeSet;
use std::sync::Arc;

use differential_dataflow::consolidation::consolidate;
use nexus_types::tables::PassageRow;
use nexus_types::{EventId, EventRow, Kind, Millis, Scope, Text};

use crate::per_key::{State, per_key};
use crate::pieces::Pieces;
use crate::series::Series;
use crate::split::Piece;
use crate::{Collection, Diff};

/// Passages as their table holds them. Of the events, one row per id; those that are not part of memory are left out.
pub fn placed<'s>(events: Collection<'s, Arc<EventRow>>, pieces: Collection<'s, Piece>) -> Collection<'s, PassageRow> {
    let events = events.filter(|event| stands(event)).map(|event| (conversation(&event), (place(&event), None)));
    let pieces = pieces.map(|piece| (conversation(&piece.event), (place(&piece.event), Some(piece))));
    per_key::<_, _, Conversation>(events.concat(pieces), "Neighbours")
}

/// The meaning, by brute force.
pub fn placed_naive(events: &[Arc<EventRow>], pieces: &[Piece]) -> Vec<PassageRow> {
    let row = |piece: &Piece| {
        let before = |other: &&Arc<EventRow>| {
            let together = conversation(other) == conversation(&piece.event);
            stands(other) && together && place(other) < place(&piece.event)
        };
        let previous = events.iter().filter(before).max_by_key(|other| place(other)).map(|other| other.id);
        PassageRow { passage: piece.passage(), event: piece.event.clone(), previous }
    };
    pieces.iter().map(row).collect()
}

/// What tells conversations apart.
pub(crate) type Key = (Scope, Text, Text, Option<Text>);
/// Where an event stands in its conversation.
type Place = (Millis, EventId);

/// The conversation that an event stands in.
pub(crate) fn conversation(event: &EventRow) -> Key {
    (event.scope.clone(), event.platform.clone(), event.channel.clone(), event.thread.clone())
}

fn place(event: &EventRow) -> Place {
    (event.said_at, event.id)
}

fn stands(event: &EventRow) -> bool {
    event.live() && event.text_bytes > 0 && matches!(event.kind, Kind::Message | Kind::Response | Kind::Post)
}

/// A conversation, in order, with the passages of each event.
#[derive(Default)]
struct Conversation(Series<Place, Pieces>);

impl State<Key, (Place, Option<Piece>)> for Conversation {
    type Out = PassageRow;

    fn update(&mut self, _: &Key, changes: Vec<((Place, Option<Piece>), Diff)>, out: &mut Vec<(PassageRow, Diff)>) {
        // Where something changes, and what comes next there: that is all whose rows can change.
        let mut reach: BTreeSet<Place> = changes.iter().map(|((place, _), _)| *place).collect();
        let next: Vec<Place> = reach.iter().filter_map(|place| self.0.after(place).copied()).collect();
        reach.extend(next);
        let mut change = Vec::new();
        self.rows(&reach, -1, &mut change);
        self.apply(changes);
        self.rows(&reach, 1, &mut change);
        consolidate(&mut change);
        out.append(&mut change);
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Conversation {
    /// What goes goes first: an event that goes takes its passages along.
    fn apply(&mut self, changes: Vec<((Place, Option<Piece>), Diff)>) {
        let (came, went): (Vec<_>, Vec<_>) = changes.into_iter().partition(|(_, diff)| *diff > 0);
        for ((place, piece), _) in went {
            match (piece, self.0.get_mut(&place)) {
                (None, _) => self.0.remove(&place),
                (Some(piece), Some(held)) => held.remove(&piece),
                (Some(_), None) => {}
            }
        }
        for ((place, piece), _) in came {
            let held = self.0.entry(place);
            piece.into_iter().for_each(|piece| held.insert(piece));
        }
    }

    /// The rows of what stands in these places.
    fn rows(&self, places: &BTreeSet<Place>, diff: Diff, out: &mut Vec<(PassageRow, Diff)>) {
        for place in places {
            let Some(pieces) = self.0.get(place) else { continue };
            let previous = self.0.before(place).map(|(_, id)| *id);
            out.extend(
                pieces
                    .iter()
                    .map(|piece| (PassageRow { passage: piece.passage(), event: piece.event.clone(), previous }, diff)),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use nexus_types::event::text_hash;
    use nexus_types::{Hash128, TextHash, Texts, Version};

    use super::*;
    use crate::check::{Draw, check};
    use crate::latest::{latest, latest_naive};
    use crate::split::{split, split_naive};

    const TEXTS: [&str; 3] = ["", "short", "One sentence here. Another there! "];

    fn text(n: u64) -> Text {
        let text = TEXTS[(n % 3) as usize];
        // The last is several passages.
        if n % 3 == 2 { text.repeat(60).into() } else { text.into() }
    }

    /// An event's place follows from its number; what it says, and whether it is there, from its revision too.
    fn event(draw: &mut Draw) -> Arc<EventRow> {
        let n = draw.below(60);
        let revision = draw.below(3);
        let version = Version { revision, retracted: (n + revision) % 8 == 7, ..Version::default() };
        let mut event = EventRow::tombstone("s".into(), EventId(Hash128([n, 0])), version);
        event.kind = if n % 5 == 4 { Kind::Notice } else { Kind::Message };
        event.said_at = (n % 7) as Millis;
        let text = text(n / 3 + revision);
        (event.text, event.text_bytes) = (text_hash(&text), text.len() as u32);
        event.channel = (if n.is_multiple_of(2) { "a" } else { "b" }).into();
        event.thread = n.is_multiple_of(3).then(|| "t".into());
        Arc::new(event)
    }

    #[test]
    fn agrees_with_naive() {
        let store: BTreeMap<TextHash, Text> = (0..3).map(text).map(|text| (text_hash(&text), text)).collect();
        let shared: Arc<dyn Texts> = Arc::new(store.clone());
        check(
            "neighbours",
            event,
            move |events| {
                let events = latest(events).as_collection(|_, event| event.clone());
                placed(events.clone(), split(events, shared.clone()))
            },
            |events| {
                let events = latest_naive(events);
                placed_naive(&events, &split_naive(&events, &store))
            },
        );
    }
}
