//! What is held of a feed, by its notes: one for each entry, with its revision and what it said. From these and the next
//! document follows what is new, what changed and what is gone.
//!
//! An entry is gone when the document says so, or when it is missing while the one at the document's old end is older than
//! it; what is older than that end fell off and is let go of, as it may still be there, unless its time does not tell its
//! revision. What is gone may come back, with a greater revision. Cost: a note of about 100 bytes an entry of the document,
//! and of at most [`ABSENT_MAX`] others.

use std::collections::{BTreeMap, BTreeSet};

use nexus_types::{Change, Event, Kind, Millis, Scope, Text};

use super::document::{Document, Entry};
use crate::Item;

/// So many entries are held that no document shows and that cannot be told to have fallen off its end.
const ABSENT_MAX: usize = 1_000;
/// Stands before an entry's id in notes.
const ENTRY: &str = "entry ";
/// What stands for what an entry said that was never seen, only that it is deleted.
const NEVER_SEEN: &str = "-";
/// The note of what the feed was called when it was first seen: a name, which is kept as long as an event says it.
const TITLE: &str = "name title";

/// What every event of a feed shares.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) scope: Scope,
    pub(super) source: Text,
    pub(super) channel: Text,
}

/// An entry as it was read last.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Note {
    revision: u64,
    /// A hash of what it says.
    content: Text,
    /// When it was said, or first seen where it has no time.
    said_at: Millis,
    /// When it was last changed; `None` where it has no time.
    touched: Option<Millis>,
    /// It was retracted.
    gone: bool,
}

/// What is held.
#[derive(Debug, Default)]
pub(super) struct Held {
    entries: BTreeMap<Text, Note>,
    title: Option<Text>,
    /// Notes that are new.
    news: Vec<(Text, Option<Text>)>,
}

impl Note {
    fn read(text: &str) -> Option<Note> {
        let mut words = text.split(' ');
        let mut next = || words.next();
        let (revision, content) = (next()?.parse().ok()?, next()?.into());
        let (said_at, touched) = (next()?.parse().ok()?, next()?.parse().ok());
        Some(Note { revision, content, said_at, touched, gone: next()? == "gone" })
    }

    fn text(&self) -> Text {
        let Note { revision, content, said_at, .. } = self;
        let touched = self.touched.map_or("-".to_string(), |at| at.to_string());
        let state = if self.gone { "gone" } else { "here" };
        format!("{revision} {content} {said_at} {touched} {state}").into()
    }
}

impl Held {
    /// What the notes say.
    pub(super) fn new(notes: BTreeMap<Text, Text>) -> Held {
        let mut held = Held { title: notes.get(TITLE).cloned(), ..Held::default() };
        let entries =
            notes.iter().filter_map(|(key, text)| Some((Text::from(key.strip_prefix(ENTRY)?), Note::read(text)?)));
        held.entries.extend(entries);
        held
    }

    /// What the feed is called: as it was first seen, since titles change and what is read twice must be equal.
    pub(super) fn title(&mut self, now: Option<&Text>, otherwise: &str) -> Text {
        if let Some(title) = &self.title {
            return title.clone();
        }
        let title = now.cloned().unwrap_or_else(|| otherwise.into());
        self.news.push((TITLE.into(), Some(title.clone())));
        self.title.insert(title).clone()
    }

    /// The notes that are new since this was last asked.
    pub(super) fn news(&mut self) -> Vec<(Text, Option<Text>)> {
        std::mem::take(&mut self.news)
    }

    fn note(&mut self, id: &Text, note: Option<Note>) {
        if self.entries.get(id) == note.as_ref() {
            return;
        }
        self.news.push((format!("{ENTRY}{id}").into(), note.as_ref().map(Note::text)));
        match note {
            Some(note) => self.entries.insert(id.clone(), note),
            None => self.entries.remove(id),
        };
    }

    /// What the next document changes.
    pub(super) fn take(&mut self, document: &Document, frame: &Frame, now: Millis) -> Vec<Item> {
        let is_there = |entry: &&Entry| match document.deleted.get(&entry.id) {
            None => true,
            // Said again after it was deleted (RFC 6721, 3).
            Some(when) => when.is_some_and(|when| entry.touched.is_some_and(|touched| touched > when)),
        };
        let entries: Vec<&Entry> = document.entries.iter().filter(is_there).collect();
        let mut items: Vec<Item> = document.rejects.iter().cloned().map(Item::Reject).collect();
        for (place, entry) in entries.iter().enumerate() {
            // Those without a time stay in their order: newest first.
            let first_seen = now.saturating_sub(Millis::try_from(place).unwrap_or(0));
            items.extend(self.seen(entry, frame, first_seen).map(Item::Change));
        }
        let here: BTreeSet<&Text> = entries.iter().map(|entry| &entry.id).collect();
        for (id, when) in document.deleted.iter().filter(|(id, _)| !here.contains(id)) {
            items.extend(self.deleted(id, *when, frame).map(Item::Change));
        }
        let absent: Vec<Text> = self.entries.keys().filter(|id| !here.contains(id)).cloned().collect();
        let end = oldest(&entries);
        for id in &absent {
            items.extend(self.absent(id, end, frame).map(Item::Change));
        }
        self.let_go(&here);
        items
    }

    /// An entry of the document: news if it says something else than before, or was gone.
    fn seen(&mut self, entry: &Entry, frame: &Frame, first_seen: Millis) -> Option<Change> {
        let held = self.entries.get(&entry.id);
        let seen = held.filter(|held| &*held.content != NEVER_SEEN);
        let said_at = seen.map_or_else(|| entry.born.unwrap_or(first_seen), |seen| seen.said_at);
        let mut event = frame.event(entry, said_at);
        let content = Text::from(event.content_hash().to_string());
        let same = held.is_some_and(|held| !held.gone && held.content == content);
        let touched = revision_of(entry.touched);
        let revision = match held {
            Some(held) if same => held.revision,
            Some(held) => touched.max(held.revision.saturating_add(1)),
            None => touched,
        };
        self.note(&entry.id, Some(Note { revision, content, said_at, touched: entry.touched, gone: false }));
        event.revision = Some(revision);
        (!same).then(|| Change::Upsert(Box::new(event)))
    }

    /// An entry that the document says is deleted.
    fn deleted(&mut self, id: &Text, when: Option<Millis>, frame: &Frame) -> Option<Change> {
        let revision = revision_of(when);
        match self.entries.get(id).cloned() {
            Some(note) if note.gone => None,
            Some(note) => Some(self.retract(id, note, revision, frame)),
            // It may have been let go of.
            None => {
                let (content, said_at) = (NEVER_SEEN.into(), when.unwrap_or(0));
                self.note(id, Some(Note { revision, content, said_at, touched: None, gone: true }));
                Some(frame.gone(id, revision))
            }
        }
    }

    /// An entry that is not in the document, whose old end is this.
    fn absent(&mut self, id: &Text, end: Option<(Millis, Millis)>, frame: &Frame) -> Option<Change> {
        let note = self.entries.get(id)?.clone();
        let ((born, last_touched), touched) = (end?, note.touched?);
        if note.gone {
            return None;
        }
        if note.said_at <= born {
            // Should it be shown again, a revision that its time does not tell is known by this note alone.
            if note.revision == revision_of(note.touched) {
                self.note(id, None);
            }
            return None;
        }
        // Documents are in the order of either time; only what is newer by both is surely not beyond the end.
        (touched > last_touched).then(|| self.retract(id, note, 0, frame))
    }

    fn retract(&mut self, id: &Text, note: Note, at_least: u64, frame: &Frame) -> Change {
        let revision = at_least.max(note.revision.saturating_add(1));
        self.note(id, Some(Note { revision, gone: true, ..note }));
        frame.gone(id, revision)
    }

    /// Bounds what is held beside the document: the oldest go.
    fn let_go(&mut self, here: &BTreeSet<&Text>) {
        let absent = self.entries.iter().filter(|(id, _)| !here.contains(id));
        let mut absent: Vec<(Millis, Text)> = absent.map(|(id, note)| (note.said_at, id.clone())).collect();
        absent.sort_unstable();
        let spare = absent.len().saturating_sub(ABSENT_MAX);
        absent.iter().take(spare).for_each(|(_, id)| self.note(id, None));
    }
}

/// The revision that a time is.
fn revision_of(at: Option<Millis>) -> u64 {
    u64::try_from(at.unwrap_or(0)).unwrap_or(0)
}

/// When the entry at the old end of a document was published, and when it was changed. Only the end tells what lies beyond
/// it: an old entry may be pinned at the other.
fn oldest(entries: &[&Entry]) -> Option<(Millis, Millis)> {
    let times: Vec<_> = entries.iter().filter_map(|entry| Some((entry.born?, entry.touched?))).collect();
    let pairs = || times.iter().zip(times.iter().skip(1));
    let count = |rises: fn(Millis, Millis) -> bool| {
        pairs().map(|(a, b)| usize::from(rises(a.0, b.0)) + usize::from(rises(a.1, b.1))).sum::<usize>()
    };
    let rising = count(|a, b| a < b) > count(|a, b| a > b);
    if rising { times.first().copied() } else { times.last().copied() }
}

impl Frame {
    fn event(&self, entry: &Entry, said_at: Millis) -> Event {
        let author = entry.author.as_ref().unwrap_or(&self.channel);
        Event {
            scope: self.scope.clone(),
            source: self.source.clone(),
            external_id: entry.id.clone(),
            channel: self.channel.clone(),
            kind: Kind::Post,
            said_at,
            attachments: entry.attachments.clone(),
            meta: entry.link.iter().map(|link| ("link".into(), link.clone())).collect(),
            ..Event::message("rss", author, &entry.text)
        }
    }

    fn gone(&self, id: &Text, revision: u64) -> Change {
        Change::Retract {
            scope: self.scope.clone(),
            source: self.source.clone(),
            external_id: id.clone(),
            revision: Some(revision),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn frame() -> Frame {
        Frame { scope: "s".into(), source: "f".into(), channel: "Feed".into() }
    }

    fn entry(id: &str, at: Millis, text: &str) -> Entry {
        let at = (at > 0).then_some(at);
        Entry { id: id.into(), text: text.into(), born: at, touched: at, ..Entry::default() }
    }

    /// What these entries change, in short: `id revision text`, a retraction without a text.
    fn take(held: &mut Held, entries: &[Entry], deleted: &[(&str, Option<Millis>)]) -> Vec<String> {
        let deleted = deleted.iter().map(|(id, when)| (Text::from(*id), *when)).collect();
        let document = Document { entries: entries.to_vec(), deleted, ..Document::default() };
        let items = held.take(&document, &frame(), 1_000);
        // Notes hold all there is: what goes on from them goes on alike.
        let notes = held.entries.iter().map(|(id, note)| (Text::from(format!("{ENTRY}{id}")), note.text())).collect();
        assert_eq!(Held::new(notes).entries, held.entries);
        let short = items.iter().map(|item| match item {
            Item::Change(Change::Upsert(event)) => {
                format!("{} {} {}", event.external_id, event.revision.unwrap(), event.text)
            }
            Item::Change(Change::Retract { external_id, revision, .. }) => {
                format!("{external_id} {}", revision.unwrap())
            }
            other => panic!("{other:?}"),
        });
        short.collect()
    }

    #[test]
    fn what_changed_is_a_revision_and_what_did_not_is_nothing() {
        let mut held = Held::default();
        assert_eq!(take(&mut held, &[entry("b", 20, "B"), entry("a", 10, "A")], &[]), ["b 20 B", "a 10 A"]);
        assert_eq!(take(&mut held, &[entry("b", 20, "B"), entry("a", 10, "A")], &[]), [""; 0]);
        assert_eq!(take(&mut held, &[entry("b", 30, "B2"), entry("a", 10, "A2")], &[]), ["b 30 B2", "a 11 A2"]);
        let undated = entry("c", 0, "C");
        assert_eq!(take(&mut held, &[undated.clone(), entry("a", 10, "A2")], &[]), ["c 0 C", "b 31"]);
        assert_eq!(held.entries.get("c").unwrap().said_at, 1_000);
        assert_eq!(take(&mut held, &[undated, entry("a", 10, "A2")], &[]), [""; 0]);
    }

    #[test]
    fn what_is_missing_is_gone_only_if_something_older_is_there() {
        let all = [entry("c", 30, "C"), entry("b", 20, "B"), entry("a", 10, "A")];
        let of = |places: &[usize]| places.iter().map(|place| all[*place].clone()).collect::<Vec<_>>();
        let mut held = Held::default();
        take(&mut held, &of(&[0, 1, 2]), &[]);
        // The end fell off; the middle was removed, and comes back.
        assert_eq!(take(&mut held, &of(&[0, 1]), &[]), [""; 0]);
        assert!(!held.entries.contains_key("a"));
        take(&mut held, &of(&[0, 1, 2]), &[]);
        assert_eq!(take(&mut held, &of(&[0, 2]), &[]), ["b 21"]);
        assert_eq!(take(&mut held, &of(&[0, 2]), &[]), [""; 0]);
        assert_eq!(take(&mut held, &of(&[0, 1, 2]), &[]), ["b 22 B"]);
        // Nothing left, or oldest first, or an old one pinned at the top.
        assert_eq!(take(&mut held, &[], &[]), [""; 0]);
        assert_eq!(take(&mut held, &of(&[1, 0]), &[]), [""; 0]);
        let pinned = [&[entry("p", 1, "P")][..], &of(&[0, 1])[..]].concat();
        take(&mut held, &pinned, &[]);
        assert_eq!(take(&mut held, &[entry("p", 1, "P"), entry("d", 40, "D"), all[0].clone()], &[]), ["d 40 D"]);
    }

    #[test]
    fn what_a_document_says_is_deleted_is() {
        let mut held = Held::default();
        take(&mut held, &[entry("b", 20, "B"), entry("a", 10, "A")], &[]);
        let left = [entry("b", 20, "B")];
        assert_eq!(take(&mut held, &left, &[("a", Some(50)), ("never", Some(7))]), ["a 50", "never 7"]);
        assert_eq!(take(&mut held, &left, &[("a", Some(50)), ("never", Some(7))]), [""; 0]);
        let never = [entry("never", 9, "N"), left[0].clone()];
        assert_eq!(take(&mut held, &never, &[]), ["never 9 N"]);
        assert_eq!(held.entries.get("never").unwrap().said_at, 9);
        let both = [entry("b", 20, "B"), entry("a", 10, "A")];
        assert_eq!(take(&mut held, &both, &[("b", None)]), ["a 51 A", "b 21"]);
        assert_eq!(take(&mut held, &[entry("b", 60, "B")], &[("b", Some(55))]), ["b 60 B"]);
    }

    #[test]
    fn an_edit_that_no_time_tells_is_known_after_it_fell_off() {
        let mut held = Held::default();
        let b = entry("b", 20, "B");
        take(&mut held, &[b.clone(), entry("a", 10, "A")], &[]);
        assert_eq!(take(&mut held, &[b.clone(), entry("a", 10, "A2")], &[]), ["a 11 A2"]);
        assert_eq!(take(&mut held, std::slice::from_ref(&b), &[]), [""; 0]);
        assert_eq!(take(&mut held, &[b, entry("a", 10, "A3")], &[]), ["a 12 A3"]);
    }

    #[test]
    fn what_is_held_is_bounded() {
        let mut held = Held::default();
        for at in 0..ABSENT_MAX + 5 {
            take(&mut held, &[entry(&format!("{at:05}"), 0, "x")], &[]);
        }
        assert!(held.entries.len() <= ABSENT_MAX + 1);
        assert!(held.news().iter().any(|(_, note)| note.is_none()));
    }
}
