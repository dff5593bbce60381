//! What a calendar is known to hold: which place (a file on the server) gave which events, at which revision.
//!
//! A place that vanishes, or gives an event no more, retracts it; one that comes back is a later revision, and so is one that
//! changed within the second that calendars count in. What reads as before is no news. Notes: `at PLACE` is the place's tag;
//! `id ID` the event's revision, a hash of what it reads, and its places, none once it is gone. Cost: these in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;

use nexus_types::{Change, Event, Text};

use crate::calendar::Calendar;
use crate::live::notes::Notes;
use crate::{Item, OpenError, Options, Rejected};

const AT: &str = "at";
const ID: &str = "id";
/// Stands between the parts of a note.
const BETWEEN: char = '\u{1f}';

/// What is known of an event.
#[derive(Debug, Default)]
struct Held {
    revision: u64,
    digest: String,
    places: BTreeSet<String>,
}

/// What is known of a calendar.
#[derive(Debug)]
pub(crate) struct Known {
    options: Options,
    notes: Notes,
    ids: BTreeMap<Text, Held>,
    places: BTreeMap<String, BTreeSet<Text>>,
}

impl Known {
    /// From notes, as they were kept.
    pub(crate) fn new(options: Options, notes: BTreeMap<Text, Text>) -> Known {
        let notes = Notes::new(notes);
        let ids: BTreeMap<Text, Held> = notes.of(ID).map(|(id, note)| (id.into(), Held::read(note))).collect();
        let mut places: BTreeMap<String, BTreeSet<Text>> =
            notes.of(AT).map(|(place, _)| (place.to_string(), BTreeSet::new())).collect();
        for (id, held) in &ids {
            for place in &held.places {
                places.entry(place.clone()).or_default().insert(id.clone());
            }
        }
        Known { options, notes, ids, places }
    }

    /// The tag that a place had when it was read.
    pub(crate) fn tag(&self, place: &str) -> Option<&str> {
        self.notes.get(AT, place).map(|tag| &**tag)
    }

    /// The places that were read.
    pub(crate) fn places(&self) -> Vec<String> {
        self.places.keys().cloned().collect()
    }

    /// What is to be noted.
    pub(crate) fn news(&mut self) -> Vec<(Text, Option<Text>)> {
        self.notes.news()
    }

    /// A place reads so now. If something in it cannot be read, nothing that it said before is taken for deleted.
    pub(crate) fn said(&mut self, place: &str, tag: &str, data: &str) -> Result<Vec<Item>, OpenError> {
        let calendar = Calendar::new(Box::new(Cursor::new(data.as_bytes().to_vec())), &self.options)?;
        let (mut items, mut now, mut sound) = (Vec::new(), BTreeSet::new(), true);
        for item in calendar {
            match item {
                Item::Change(Change::Upsert(event)) => {
                    now.insert(event.external_id.clone());
                    items.extend(self.upsert(place, event));
                }
                Item::Change(other) => items.push(Item::Change(other)),
                Item::Reject(reject) => {
                    sound = false;
                    items.push(Item::Reject(placed(place, reject)));
                }
            }
        }
        if sound {
            let before = self.places.get(place).cloned().unwrap_or_default();
            items.extend(before.difference(&now).filter_map(|id| self.left(place, id)));
        }
        self.places.entry(place.into()).or_default();
        self.notes.set(AT, place, Some(tag));
        Ok(items)
    }

    /// A place is there no more.
    pub(crate) fn gone(&mut self, place: &str) -> Vec<Item> {
        let before = self.places.remove(place).unwrap_or_default();
        self.notes.set(AT, place, None);
        before.iter().filter_map(|id| self.left(place, id)).collect()
    }

    fn upsert(&mut self, place: &str, mut event: Box<Event>) -> Option<Item> {
        let (id, digest) = (event.external_id.clone(), digest(&event));
        let held = self.ids.entry(id.clone()).or_default();
        let same = !held.places.is_empty() && held.digest == digest;
        held.places.insert(place.into());
        if !same {
            held.revision = event.revision.unwrap_or(0).max(held.revision.saturating_add(1));
            held.digest = digest;
        }
        event.revision = Some(held.revision);
        self.notes.set(ID, &id, Some(&held.written()));
        self.places.entry(place.into()).or_default().insert(id);
        (!same).then_some(Item::Change(Change::Upsert(event)))
    }

    /// A place gives an event no more: it is gone, unless another gives it.
    fn left(&mut self, place: &str, id: &Text) -> Option<Item> {
        if let Some(given) = self.places.get_mut(place) {
            given.remove(id);
        }
        let held = self.ids.get_mut(id)?;
        held.places.remove(place);
        let gone = held.places.is_empty();
        if gone {
            held.revision = held.revision.saturating_add(1);
            held.digest.clear();
        }
        self.notes.set(ID, id, Some(&held.written()));
        let scope = self.options.scope.clone();
        let source = self.options.source.clone().unwrap_or_default();
        let revision = Some(held.revision);
        gone.then(|| Item::Change(Change::Retract { scope, source, external_id: id.clone(), revision }))
    }
}

impl Held {
    fn read(note: &str) -> Held {
        let mut parts = note.split(BETWEEN);
        let (revision, digest) = parts.next().and_then(|part| part.split_once(' ')).unwrap_or_default();
        let places = parts.map(str::to_string).collect();
        Held { revision: revision.parse().unwrap_or(0), digest: digest.into(), places }
    }

    fn written(&self) -> String {
        let mut note = format!("{} {}", self.revision, self.digest);
        for place in &self.places {
            note.push(BETWEEN);
            note.push_str(place);
        }
        note
    }
}

/// A hash of what an event reads, but for when it was made: that may be when the calendar was asked for.
fn digest(event: &Event) -> String {
    Event { said_at: 0, ..event.clone() }.content_hash().to_string()
}

fn placed(place: &str, reject: Rejected) -> Rejected {
    match place {
        "" => reject,
        place => Rejected { position: format!("{place}, {}", reject.position).into(), ..reject },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn calendar(events: &[(&str, &str)]) -> String {
        let one = |(id, title): &(&str, &str)| {
            format!("BEGIN:VEVENT\nUID:{id}\nDTSTAMP:20260101T000000Z\nDTSTART:20260504\nSUMMARY:{title}\nEND:VEVENT\n")
        };
        format!("BEGIN:VCALENDAR\n{}END:VCALENDAR\n", events.iter().map(one).collect::<String>())
    }

    /// `+id revision text`, `-id revision`, `!`.
    fn shown(items: Vec<Item>) -> Vec<String> {
        let one = |item: Item| match item {
            Item::Change(Change::Upsert(event)) => {
                let word = event.text.split(' ').next().unwrap_or_default().to_string();
                format!("+{} {} {word}", event.external_id, event.revision.unwrap() - 1_767_225_600_000)
            }
            Item::Change(Change::Retract { external_id, revision, .. }) => {
                format!("-{external_id} {}", revision.unwrap() - 1_767_225_600_000)
            }
            Item::Change(other) => format!("{other:?}"),
            Item::Reject(reject) => format!("!{}", reject.position),
        };
        items.into_iter().map(one).collect()
    }

    /// The same, as it is read from its notes.
    fn again(mut known: Known, notes: &mut BTreeMap<Text, Text>) -> Known {
        for (key, value) in known.news() {
            match value {
                Some(value) => _ = notes.insert(key, value),
                None => _ = notes.remove(&key),
            }
        }
        Known::new(known.options, notes.clone())
    }

    #[test]
    fn what_changes_moves_goes_and_comes_back_has_rising_revisions() {
        let options = Options { source: Some("work".into()), ..Options::new("s") };
        let (mut notes, mut known) = (BTreeMap::new(), Known::new(options, BTreeMap::new()));
        let two = calendar(&[("1", "Tea"), ("2", "Milk")]);
        assert_eq!(shown(known.said("/a", "t1", &two).unwrap()), ["+1 0 Tea", "+2 0 Milk"]);
        known = again(known, &mut notes);
        assert_eq!((known.tag("/a"), known.places()), (Some("t1"), vec!["/a".to_string()]));
        // Within the same second; and what reads as before is no news.
        let changed = calendar(&[("1", "Coffee"), ("2", "Milk")]);
        assert_eq!(shown(known.said("/a", "t2", &changed).unwrap()), ["+1 1 Coffee"]);
        known = again(known, &mut notes);
        // It moves to another place.
        assert!(shown(known.said("/b", "t3", &calendar(&[("2", "Milk")])).unwrap()).is_empty());
        known = again(known, &mut notes);
        assert_eq!(shown(known.gone("/a")), ["-1 2"]);
        known = again(known, &mut notes);
        assert_eq!(shown(known.said("/c", "t4", &calendar(&[("1", "Coffee")])).unwrap()), ["+1 3 Coffee"]);
        known = again(known, &mut notes);
        assert_eq!(shown(known.said("/b", "t5", &calendar(&[])).unwrap()), ["-2 1"]);
        known = again(known, &mut notes);
        // What cannot be read deletes nothing.
        let broken = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nEND:VEVENT\nEND:VCALENDAR\n";
        assert_eq!(shown(known.said("/c", "t6", broken).unwrap()), ["!/c, line 2"]);
        known = again(known, &mut notes);
        assert_eq!(shown(known.gone("/c")), ["-1 4"]);
    }
}
