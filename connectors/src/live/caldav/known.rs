//! What a calendar is known to hold: which place (a file on the server) gave which events, at which revision.
//!
//! A place that vanishes, or gives an event no more, retracts it; one that comes back is a later revision, and so is one that
//! changed within the second that calendars count in. What reads as before is no news, nor is a copy that is older by its own
//! revision than another. Notes: `at PLACE` is the place's tag; `again PLACE` how often it could not be read, with its tag;
//! `id ID` the event's revision, a hash of what it reads, its own revision, and its places, none once it is gone. Cost: these
//! in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;

use nexus_types::{Change, Event, Text};

use crate::calendar::Calendar;
use crate::live::notes::Notes;
use crate::{Item, OpenError, Options, Rejected};

const AT: &str = "at";
const ID: &str = "id";
const AGAIN: &str = "again";
/// A place that cannot be read is asked for at so many looks.
const LOOKS: u32 = 10;
/// Stands between the parts of a note.
const BETWEEN: char = '\u{1f}';

/// What is known of an event.
#[derive(Debug, Default)]
struct Held {
    revision: u64,
    digest: String,
    /// The revision that it gave itself when it became so.
    own: u64,
    places: BTreeSet<String>,
}

/// What is known of a calendar.
#[derive(Debug)]
pub(crate) struct Known {
    options: Options,
    notes: Notes,
    ids: BTreeMap<Text, Held>,
    places: BTreeMap<String, BTreeSet<Text>>,
    /// What the last read of an address did not give any more.
    missing: BTreeSet<Text>,
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
        Known { options, notes, ids, places, missing: BTreeSet::new() }
    }

    /// The tag that a place had when it was read.
    pub(crate) fn tag(&self, place: &str) -> Option<&str> {
        self.notes.get(AT, place).map(|tag| &**tag)
    }

    /// The places that were read.
    pub(crate) fn places(&self) -> Vec<String> {
        self.places.keys().cloned().collect()
    }

    /// The places that could not be read, and are to be asked for again.
    pub(crate) fn unread(&self) -> Vec<String> {
        self.notes.of(AGAIN).map(|(place, _)| place.to_string()).collect()
    }

    /// A place cannot be read, by this tag or by the one that it had then. True if that was so often enough: it is passed
    /// over until it changes.
    pub(crate) fn missed(&mut self, place: &str, tag: Option<&str>) -> bool {
        let note = self.notes.get(AGAIN, place).map(|note| note.to_string()).unwrap_or_default();
        let (looks, held) = note.split_once(' ').unwrap_or_default();
        let tag = tag.unwrap_or(held);
        let before: u32 = if tag == held { looks.parse().unwrap_or(0) } else { 0 };
        let looks = before.saturating_add(1);
        if looks < LOOKS {
            self.notes.set(AGAIN, place, Some(&format!("{looks} {tag}")));
            return false;
        }
        self.settled(place);
        self.places.entry(place.into()).or_default();
        self.notes.set(AT, place, Some(tag));
        true
    }

    /// A place need not be asked for again.
    pub(crate) fn settled(&mut self, place: &str) {
        self.notes.set(AGAIN, place, None);
    }

    /// Something is missing behind an address, and only the next read tells whether it is gone.
    pub(crate) fn is_in_doubt(&self) -> bool {
        !self.missing.is_empty()
    }

    /// What is behind an address is what was read before: nothing is missing.
    pub(crate) fn unchanged(&mut self) {
        self.missing.clear();
    }

    /// What is to be noted.
    pub(crate) fn news(&mut self) -> Vec<(Text, Option<Text>)> {
        self.notes.news()
    }

    /// A place reads so now. If something in it cannot be read, nothing that it said before is taken for deleted. Behind an
    /// address (the place without a name) there may be an old copy for once, or a part: what is missing is believed the second
    /// time running.
    pub(crate) fn said(&mut self, place: &str, tag: &str, data: &str) -> Result<Vec<Item>, OpenError> {
        let calendar = Calendar::new(Box::new(Cursor::new(data.as_bytes().to_vec())), &self.options)?;
        let (mut items, mut now, mut sound) = (Vec::new(), BTreeMap::<Text, Box<Event>>::new(), true);
        for item in calendar {
            match item {
                Item::Change(Change::Upsert(event)) => {
                    // It may stand there twice, in any order.
                    if now.get(&event.external_id).is_none_or(|held| rank(held) < rank(&event)) {
                        now.insert(event.external_id.clone(), event);
                    }
                }
                Item::Change(other) => items.push(Item::Change(other)),
                Item::Reject(reject) => {
                    sound = false;
                    items.push(Item::Reject(placed(place, reject)));
                }
            }
        }
        let before = self.places.get(place).cloned().unwrap_or_default();
        let absent: BTreeSet<Text> = before.into_iter().filter(|id| sound && !now.contains_key(id)).collect();
        let missed = std::mem::take(&mut self.missing);
        let (gone, missing): (BTreeSet<Text>, BTreeSet<Text>) =
            absent.into_iter().partition(|id| !place.is_empty() || missed.contains(id));
        self.missing = missing;
        items.extend(now.into_values().filter_map(|event| self.upsert(place, event)));
        items.extend(gone.iter().filter_map(|id| self.left(place, id)));
        self.places.entry(place.into()).or_default();
        self.settled(place);
        self.notes.set(AT, place, Some(tag));
        Ok(items)
    }

    /// A place is there no more.
    pub(crate) fn gone(&mut self, place: &str) -> Vec<Item> {
        let before = self.places.remove(place).unwrap_or_default();
        self.settled(place);
        self.notes.set(AT, place, None);
        before.iter().filter_map(|id| self.left(place, id)).collect()
    }

    fn upsert(&mut self, place: &str, mut event: Box<Event>) -> Option<Item> {
        let (id, digest, own) = (event.external_id.clone(), digest(&event), event.revision.unwrap_or(0));
        let held = self.ids.entry(id.clone()).or_default();
        let same = !held.places.is_empty() && held.digest == digest;
        // A server's only copy is right, whatever its own revision; of several, and of what an address gives, the latest is.
        let old = own < held.own && held.places.iter().any(|other| place.is_empty() || other != place);
        held.places.insert(place.into());
        let news = !same && !old;
        if news {
            held.revision = own.max(held.revision.saturating_add(1));
            held.digest = digest;
            held.own = own;
        }
        event.revision = Some(held.revision);
        self.notes.set(ID, &id, Some(&held.written()));
        self.places.entry(place.into()).or_default().insert(id);
        news.then_some(Item::Change(Change::Upsert(event)))
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
        let mut first = parts.next().unwrap_or_default().split(' ');
        let mut next = || first.next().unwrap_or_default();
        let (revision, digest, own) = (next(), next(), next());
        let (revision, own) = (revision.parse().unwrap_or(0), own.parse().unwrap_or(0));
        Held { revision, digest: digest.into(), own, places: parts.map(str::to_string).collect() }
    }

    fn written(&self) -> String {
        let mut note = format!("{} {} {}", self.revision, self.digest, self.own);
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

/// Which of two copies of an event is the later one.
fn rank(event: &Event) -> (Option<u64>, String) {
    (event.revision, digest(event))
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
        stamped(&events.iter().map(|(id, title)| (*id, *title, 0_u8)).collect::<Vec<_>>())
    }

    /// Events with the second in which they were changed.
    fn stamped(events: &[(&str, &str, u8)]) -> String {
        let one = |(id, title, at): &(&str, &str, u8)| {
            format!(
                "BEGIN:VEVENT\nUID:{id}\nDTSTAMP:20260101T0000{at:02}Z\nDTSTART:20260504\nSUMMARY:{title}\nEND:VEVENT\n"
            )
        };
        format!("BEGIN:VCALENDAR\n{}END:VCALENDAR\n", events.iter().map(one).collect::<String>())
    }

    fn empty() -> Known {
        let options = Options { source: Some("work".into()), ..Options::new("s") };
        Known::new(options, BTreeMap::new())
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
        let (mut notes, mut known) = (BTreeMap::new(), empty());
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

    #[test]
    fn an_older_copy_is_no_news() {
        let (mut notes, mut known) = (BTreeMap::new(), empty());
        let copies = stamped(&[("1", "Old", 1), ("1", "New", 2), ("1", "Older", 0)]);
        assert_eq!(shown(known.said("/a", "t1", &copies).unwrap()), ["+1 2000 New"]);
        known = again(known, &mut notes);
        let old = stamped(&[("1", "Old", 1)]);
        assert!(shown(known.said("/b", "t2", &old).unwrap()).is_empty());
        assert!(known.gone("/b").is_empty());
        known = again(known, &mut notes);
        // A server's only copy is right.
        assert_eq!(shown(known.said("/a", "t3", &old).unwrap()), ["+1 2001 Old"]);
    }

    #[test]
    fn what_is_missing_behind_an_address_is_gone_the_second_time() {
        let mut known = empty();
        let (two, one) = (stamped(&[("1", "Tea", 5), ("2", "Milk", 5)]), stamped(&[("1", "Tea", 5)]));
        assert_eq!(known.said("", "", &two).unwrap().len(), 2);
        for back in [true, false] {
            assert!(known.said("", "", &one).unwrap().is_empty() && known.is_in_doubt());
            match back {
                true => assert!(known.said("", "", &two).unwrap().is_empty()),
                false => known.unchanged(),
            }
            assert!(!known.is_in_doubt());
        }
        assert!(known.said("", "", &one).unwrap().is_empty());
        assert_eq!(shown(known.said("", "", &one).unwrap()), ["-2 5001"]);
        assert!(!known.is_in_doubt());
        assert!(known.said("", "", &stamped(&[("1", "Stale", 4)])).unwrap().is_empty());
    }

    #[test]
    fn what_cannot_be_read_is_asked_for_again_for_a_while() {
        let (mut notes, mut known) = (BTreeMap::new(), empty());
        assert!(!known.missed("/a", Some("t1")));
        assert!((2..LOOKS).all(|_| !known.missed("/a", None)));
        known = again(known, &mut notes);
        assert_eq!((known.unread(), known.places()), (vec!["/a".to_string()], Vec::new()));
        assert!(known.missed("/a", None));
        assert_eq!((known.unread(), known.tag("/a")), (Vec::new(), Some("t1")));
        // It changed, and can be read.
        assert!(!known.missed("/a", Some("t2")));
        assert_eq!(known.said("/a", "t2", &calendar(&[("1", "Tea")])).unwrap().len(), 1);
        assert!(known.unread().is_empty());
    }
}
