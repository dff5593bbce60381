//! Names that feeds note: they are in the store as long as an event says them, and no longer.
//!
//! A feed notes what somebody or something is called as soon as it sees that. Names of places (rooms, servers, channels) are
//! notes at once: a platform may never tell of them again. A name of somebody, whose words may have been forgotten, waits in
//! memory until an event is taken in that says it, as its author, an addressee or its channel; it becomes a note with the very
//! append of that event. An erasure takes out the names, of people and of places, that no live event says any more. Cost: a
//! look-up or two for each event while names wait; for an erasure, where there are any names, a pass over four columns of the
//! events.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{AsArray, RecordBatch};
use futures::TryStreamExt;
use nexus_storage::Snapshot;
use nexus_types::tables::{EventRecord, Note, NotesTable};
use nexus_types::{Event, Scope, Text};

use super::FeedState;
use crate::admit::Record;
use crate::{Error, Result};

/// Names of people that wait, by scope and name: which feeds have noted them, and under which keys.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeMap<(Scope, Text), BTreeSet<(Text, Text)>>);

impl Names {
    /// Takes out of these records the names that are to wait, and adds those that their events say.
    pub(super) fn sift(&mut self, records: &mut Vec<Record>) {
        for record in records.iter_mut() {
            if let Record::Feed(state) = record {
                self.hold_back(state);
            }
        }
        let says_nothing = |state: &FeedState| state.offset.is_none() && state.notes.is_empty();
        records.retain(|record| !matches!(record, Record::Feed(state) if says_nothing(state)));
        if self.0.is_empty() {
            return;
        }
        let mut said: BTreeMap<(Scope, Text), Vec<(Text, Option<Text>)>> = BTreeMap::new();
        for event in records.iter().flat_map(events).filter_map(|record| record.event.as_ref()) {
            for name in names_of(event) {
                for (feed, key) in self.0.remove(&(event.scope.clone(), name.clone())).unwrap_or_default() {
                    said.entry((event.scope.clone(), feed)).or_default().push((key, Some(name.clone())));
                }
            }
        }
        let noted = |((scope, feed), notes)| Record::Feed(FeedState { scope, feed, offset: None, notes });
        // Behind what says them and before how far the feed is: of an append that was torn the beginning counts.
        let at = records.iter().rposition(|record| matches!(record, Record::Events(_))).map_or(0, |at| at + 1);
        records.splice(at..at, said.into_iter().map(noted));
    }

    fn hold_back(&mut self, state: &mut FeedState) {
        let scope = state.scope.clone();
        let (names, others): (Vec<_>, Vec<_>) =
            std::mem::take(&mut state.notes).into_iter().partition(|(key, _)| NotesTable::is_person(key));
        state.notes = others;
        if names.is_empty() {
            return;
        }
        for (key, name) in names {
            let whose = (state.feed.clone(), key);
            let waits = |name: &Text| self.0.get(&(scope.clone(), name.clone())).is_some_and(|of| of.contains(&whose));
            if name.as_ref().is_some_and(waits) {
                continue;
            }
            // Under a key of a feed one name waits at most.
            let of_scope = self.0.iter_mut().filter(|((of, _), _)| *of == scope);
            of_scope.for_each(|(_, waiting)| _ = waiting.remove(&whose));
            match name {
                Some(name) => _ = self.0.entry((scope.clone(), name)).or_default().insert(whose),
                None => state.notes.push((whose.1, None)),
            }
        }
        self.0.retain(|_, waiting| !waiting.is_empty());
    }

    /// The names of a feed that wait.
    pub(super) fn of<'a>(&'a self, scope: &'a Scope, feed: &'a Text) -> impl Iterator<Item = (Text, Text)> + 'a {
        let mine = self.0.iter().filter(move |((of, _), _)| of == scope);
        mine.flat_map(move |((_, name), waiting)| {
            let keys = waiting.iter().filter(move |(whose, _)| whose == feed);
            keys.map(move |(_, key)| (key.clone(), name.clone()))
        })
    }

    /// Lets go of them all; gives the feeds that noted them.
    pub(super) fn clear(&mut self) -> BTreeSet<(Scope, Text)> {
        let waiting = std::mem::take(&mut self.0).into_iter();
        let feeds = |((scope, _), waiting): ((Scope, Text), BTreeSet<(Text, Text)>)| {
            waiting.into_iter().map(move |(feed, _)| (scope.clone(), feed)).collect::<Vec<_>>()
        };
        waiting.flat_map(feeds).collect()
    }
}

fn events(record: &Record) -> &[EventRecord] {
    match record {
        Record::Events(events) => events,
        _ => &[],
    }
}

/// What an event calls people and places.
fn names_of(event: &Event) -> impl Iterator<Item = &Text> {
    [&event.author, &event.channel].into_iter().chain(&event.addressees)
}

/// Which of these notes are names that no live event of the snapshot says.
pub(super) async fn unsaid(snapshot: &Snapshot, notes: Vec<Note>) -> Result<Vec<Note>> {
    let mut left: BTreeMap<Scope, BTreeMap<Text, Vec<Note>>> = BTreeMap::new();
    for note in notes.into_iter().filter(|note| NotesTable::is_name(&note.key)) {
        left.entry(note.scope.clone()).or_default().entry(note.value.clone()).or_default().push(note);
    }
    if left.is_empty() {
        return Ok(Vec::new());
    }
    let columns = ["scope", "author", "channel", "addressees"];
    let mut events = snapshot.stream("events", Some(&columns), Some("state = 'live'")).await?;
    while let Some(batch) = events.try_next().await? {
        strike(&mut left, &batch)?;
    }
    Ok(left.into_values().flat_map(BTreeMap::into_values).flatten().collect())
}

/// Takes out what these events say.
fn strike(left: &mut BTreeMap<Scope, BTreeMap<Text, Vec<Note>>>, events: &RecordBatch) -> Result<()> {
    let text = |name: &str| events.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
    let addressees = events.column_by_name("addressees").and_then(|column| column.as_list_opt::<i32>());
    let (Some(scopes), Some(authors), Some(channels), Some(addressees)) =
        (text("scope"), text("author"), text("channel"), addressees)
    else {
        return Err(Error::internal("events has other columns"));
    };
    for at in 0..events.num_rows() {
        let Some(left) = left.get_mut(scopes.value(at)) else { continue };
        left.remove(authors.value(at));
        left.remove(channels.value(at));
        if addressees.value_length(at) > 0 {
            let addressees = addressees.value(at);
            for name in addressees.as_string::<i32>().iter().flatten() {
                left.remove(name);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use nexus_types::Version;

    use super::*;
    use crate::{ErrorKind, Nexus, Selector, Settings};

    const ANNA: (&str, Option<&str>) = ("name user 5", Some("anna <5>"));
    const BERT: (&str, Option<&str>) = ("name user 6", Some("bert <6>"));
    const ROOM: (&str, Option<&str>) = ("name room 10", Some("#boats"));
    const LAST: (&str, Option<&str>) = ("last 10", Some("7"));

    fn said(author: &str) -> Event {
        Event { channel: "#boats".into(), said_at: 7, seen_at: 7, ..Event::message("chat", author, "hello") }
    }

    fn taken(event: Event) -> Record {
        let (id, scope, version) = (event.id(), event.scope.clone(), Version::default());
        Record::Events(vec![EventRecord { id, scope, version, event: Some(event) }])
    }

    fn noted(notes: &[(&str, Option<&str>)]) -> Record {
        let notes = notes.iter().map(|(key, value)| ((*key).into(), value.map(Text::from))).collect();
        Record::Feed(FeedState { scope: "default".into(), feed: "team".into(), offset: None, notes })
    }

    #[test]
    fn a_name_waits_for_the_first_event_that_says_it() {
        let mut names = Names::default();
        let mut sifted = |mut records: Vec<Record>| {
            names.sift(&mut records);
            records
        };
        assert_eq!(sifted(vec![noted(&[ANNA, LAST])]), [noted(&[LAST])]);
        assert_eq!(sifted(vec![taken(said("bert <6>")), noted(&[ANNA])]), [taken(said("bert <6>"))]);
        assert_eq!(sifted(vec![taken(said("anna <5>"))]), [taken(said("anna <5>")), noted(&[ANNA])]);
        assert_eq!(sifted(vec![taken(said("anna <5>"))]), [taken(said("anna <5>"))], "it is noted once");
        let to_bert = Event { addressees: vec!["bert <6>".into()], ..said("anna <5>") };
        let together = vec![taken(to_bert.clone()), noted(&[LAST, BERT])];
        assert_eq!(sifted(together), [taken(to_bert), noted(&[BERT]), noted(&[LAST])]);
        // In another memory it is another name; what is let go of does not wait.
        let elsewhere = Event { scope: "work".into(), ..said("anna <5>") };
        assert_eq!(sifted(vec![noted(&[ANNA]), taken(elsewhere.clone())]), [taken(elsewhere)]);
        assert_eq!(sifted(vec![noted(&[(ANNA.0, None)])]), [noted(&[(ANNA.0, None)])]);
        assert_eq!(sifted(vec![taken(said("anna <5>"))]), [taken(said("anna <5>"))]);
    }

    #[test]
    fn a_name_of_a_place_does_not_wait() {
        let mut names = Names::default();
        let places = [ROOM, ("name guild 1", Some("Harbour")), ("name title", Some("Tides"))];
        let mut records = vec![noted(&[places[0], ANNA, places[1], places[2]])];
        names.sift(&mut records);
        assert_eq!(records, [noted(&places)]);
        // Nobody speaks there, and the store is opened again.
        let folder = tempfile::tempdir().unwrap();
        let open = || Nexus::open_with(folder.path(), Settings { embed: false, ..Settings::default() }).unwrap();
        let mut nexus = open();
        nexus.engine.acknowledge(vec![noted(&[ANNA, ROOM])]).unwrap();
        drop(nexus);
        let mut nexus = open();
        nexus.acknowledge(Event { channel: "#nets".into(), ..said("bert <6>") }).unwrap();
        nexus.flush().unwrap();
        assert_eq!(keys(&nexus), [ROOM.0]);
        // No event says it, so an erasure takes it.
        assert_eq!(nexus.erase().unwrap().rows.get("notes"), Some(&1));
        assert!(keys(&nexus).is_empty());
    }

    /// The keys of all notes that are stored.
    fn keys(nexus: &Nexus) -> Vec<String> {
        let engine = &nexus.engine;
        let snapshot = engine.runtime.block_on(engine.store.snapshot()).unwrap();
        let batches = engine.runtime.block_on(snapshot.scan("notes", None, None)).unwrap();
        let notes = batches.iter().flat_map(|batch| NotesTable::decode(batch).unwrap());
        let mut keys: Vec<String> = notes.map(|note| note.key.to_string()).collect();
        keys.sort();
        keys
    }

    /// A store in which anna and bert spoke.
    fn store(folder: &tempfile::TempDir) -> Nexus {
        let settings = Settings { embed: false, ..Settings::default() };
        let mut nexus = Nexus::open_with(folder.path(), settings).unwrap();
        nexus.engine.acknowledge(vec![noted(&[ANNA, BERT, ROOM, LAST])]).unwrap();
        for author in ["anna <5>", "bert <6>"] {
            nexus.acknowledge(said(author)).unwrap();
        }
        nexus.flush().unwrap();
        assert_eq!(keys(&nexus), [LAST.0, ROOM.0, ANNA.0, BERT.0]);
        nexus
    }

    #[test]
    fn an_erasure_takes_the_names_that_nobody_says_any_more() {
        let folder = tempfile::tempdir().unwrap();
        let mut nexus = store(&folder);
        // One that waits, and one that the tail alone has.
        nexus.engine.acknowledge(vec![noted(&[("name user 7", Some("carla <7>")), ("last 11", Some("8"))])]).unwrap();
        nexus.forget(&Selector { author: Some("anna <5>".into()), ..Selector::default() }, false).unwrap();
        assert_eq!(nexus.erase().unwrap().rows.get("notes"), Some(&1));
        assert_eq!(keys(&nexus), [LAST.0, "last 11", ROOM.0, BERT.0]);
        let (scope, feed) = ("default".into(), "team".into());
        assert_eq!(nexus.engine.feeds.given_back(), BTreeSet::from([(scope, feed)]));
        // What was forgotten comes again, with its name; and then somebody of that name speaks.
        nexus.engine.acknowledge(vec![noted(&[ANNA])]).unwrap();
        nexus.acknowledge(said("anna <5>")).unwrap();
        nexus.flush().unwrap();
        assert!(!keys(&nexus).contains(&ANNA.0.to_string()));
        nexus.acknowledge(Event { said_at: 8, ..said("anna <5>") }).unwrap();
        nexus.flush().unwrap();
        assert!(keys(&nexus).contains(&ANNA.0.to_string()));
        drop(nexus);
        let settings = Settings { embed: false, ..Settings::default() };
        let mut nexus = Nexus::open_with(folder.path(), settings).unwrap();
        assert!(!nexus.erase().unwrap().rows.contains_key("notes"));
    }

    #[test]
    fn a_feed_is_forgotten_unless_a_run_follows_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut nexus = store(&folder);
        nexus.engine.feeds.lent(BTreeSet::from([("default".into(), "team".into())]));
        assert_eq!(nexus.forget_feed("team", false).unwrap_err().kind(), ErrorKind::Argument);
        nexus.engine.feeds.given_back();
        assert_eq!(nexus.forget_feed("tea", false).unwrap_err().kind(), ErrorKind::NotFound);
        let would = nexus.forget_feed("team", true).unwrap();
        assert_eq!((would.feed.notes, would.epoch, keys(&nexus).len()), (4, None, 4));
        let gone = nexus.forget_feed("team", false).unwrap();
        assert!(gone.epoch.is_some() && gone.feed == would.feed);
        assert!(keys(&nexus).is_empty() && nexus.memory().unwrap().feeds().unwrap().is_empty());
        assert_eq!(
            nexus.memory().unwrap().sql("select id from events").unwrap().iter().map(|b| b.num_rows()).sum::<usize>(),
            2
        );
        drop(nexus);
        let memory = crate::Memory::open(folder.path(), "default", crate::At::Latest).unwrap();
        assert!(memory.feeds().unwrap().is_empty());
    }
}
