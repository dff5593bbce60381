//! How far live feeds are read, and what they remember. Both are durable together with the rows that they cover: in the
//! tail with the append that acknowledges these, then in the checkpoint (offsets) and the table `notes` of the epoch that
//! has them; both stay until somebody forgets the feed. Of what they remember, an erasure takes the names that no event says
//! (see `names`). Cost: a map entry a feed; notes are in memory only until the next commit.

mod names;

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::AsArray;
use futures::TryStreamExt;
use nexus_storage::{Snapshot, TableChange, TableSpec, quoted};
use nexus_types::tables::{Note, NotesTable};
use nexus_types::{Scope, Text};
use serde::{Deserialize, Serialize};

use crate::admit::Record;
use crate::engine::meta;
use crate::outbox::{Cursor, SINK};
use crate::writer::Nexus;
use crate::{Error, ErrorKind, Memory, Result};
use names::Names;

/// After so many states that no epoch had a reason to write, one is written for them: else the tail grows.
const WAITING_MAX: usize = 1_000;

/// Where a feed stands once what came with this is taken in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FeedState {
    pub(crate) scope: Scope,
    pub(crate) feed: Text,
    /// How far it is read; `None` where that did not change, empty where it is followed no more.
    pub(crate) offset: Option<Text>,
    /// Notes that it made, and those it let go of.
    pub(crate) notes: Vec<(Text, Option<Text>)>,
}

/// All feeds of a store.
#[derive(Debug, Default)]
pub(crate) struct Feeds {
    offsets: BTreeMap<(Scope, Text), Text>,
    /// Notes that the table does not have yet: by scope, feed and key; `None` for what goes.
    notes: BTreeMap<(Scope, Text, Text), Option<Text>>,
    /// How many states came since the last commit.
    waiting: usize,
    /// Names of people that no event has said yet.
    names: Names,
    /// Those that a run follows, while it lends the store.
    followed: BTreeSet<(Scope, Text)>,
    /// Those of whose notes an erasure took some.
    shortened: BTreeSet<(Scope, Text)>,
}

impl Feeds {
    /// As a checkpoint has them.
    pub(crate) fn from_meta(meta: &str) -> Result<Feeds> {
        if meta.is_empty() {
            return Ok(Feeds::default());
        }
        let offsets: Vec<(Scope, Text, Text)> = serde_json::from_str(meta).map_err(|error| {
            Error::new(ErrorKind::Corrupt, format!("the checkpoint's offsets of feeds cannot be read: {error}"))
        })?;
        let offsets = offsets.into_iter().map(|(scope, feed, offset)| ((scope, feed), offset)).collect();
        Ok(Feeds { offsets, ..Feeds::default() })
    }

    /// What a checkpoint keeps.
    pub(crate) fn to_meta(&self) -> String {
        let offsets: Vec<_> = self.offsets.iter().map(|((scope, feed), offset)| (scope, feed, offset)).collect();
        serde_json::to_string(&offsets).unwrap_or_default()
    }

    /// A feed is read further.
    pub(crate) fn take_in(&mut self, state: FeedState) {
        let FeedState { scope, feed, offset, notes } = state;
        for (key, value) in notes {
            self.notes.insert((scope.clone(), feed.clone(), key), value);
        }
        match offset {
            Some(offset) if offset.is_empty() => _ = self.offsets.remove(&(scope, feed)),
            Some(offset) => _ = self.offsets.insert((scope, feed), offset),
            None => {}
        }
        self.waiting += 1;
    }

    /// Before records are appended: names of people wait until an event says them.
    pub(crate) fn sift(&mut self, records: &mut Vec<Record>) {
        self.names.sift(records);
    }

    /// Whether anything came since the last commit.
    pub(crate) fn are_waiting(&self) -> bool {
        self.waiting > 0 || !self.notes.is_empty()
    }

    /// Whether they should be written although nothing else is to be.
    pub(crate) fn are_due(&self) -> bool {
        self.waiting >= WAITING_MAX
    }

    /// What came is to be written with the next turn.
    fn hurry(&mut self) {
        self.waiting = WAITING_MAX;
    }

    /// A run that follows these lends the store.
    pub(crate) fn lent(&mut self, followed: BTreeSet<(Scope, Text)>) {
        self.followed = followed;
    }

    /// It has the store back; gives those of whose notes some were taken meanwhile.
    pub(crate) fn given_back(&mut self) -> BTreeSet<(Scope, Text)> {
        self.followed.clear();
        std::mem::take(&mut self.shortened)
    }

    /// Takes out the names that no event of the snapshot, which is the newest, says any more; gives how many notes go.
    pub(crate) async fn erase(&mut self, snapshot: &Snapshot) -> Result<usize> {
        // A feed whose names wait goes on without them, too, so that it notes them again.
        self.shortened.extend(self.names.clear());
        let mut held: BTreeMap<(Scope, Text, Text), Text> = BTreeMap::new();
        let mut stored = snapshot.stream("notes", None, None).await?;
        while let Some(batch) = stored.try_next().await? {
            let names = NotesTable::decode(&batch)?.into_iter().filter(|note| NotesTable::is_name(&note.key));
            held.extend(names.map(|note| ((note.scope, note.feed, note.key), note.value)));
        }
        for (whose, value) in &self.notes {
            match value {
                Some(value) => _ = held.insert(whose.clone(), value.clone()),
                None => _ = held.remove(whose),
            }
        }
        let held = held.into_iter().map(|((scope, feed, key), value)| Note { scope, feed, key, value });
        let gone = names::unsaid(snapshot, held.collect()).await?;
        let count = gone.len();
        for Note { scope, feed, key, .. } in gone {
            self.shortened.insert((scope.clone(), feed.clone()));
            self.notes.insert((scope, feed, key), None);
        }
        Ok(count)
    }

    /// The change of `notes` for the epoch that is written now.
    pub(crate) fn change(&mut self) -> Option<TableChange> {
        self.waiting = 0;
        let notes = std::mem::take(&mut self.notes);
        if notes.is_empty() {
            return None;
        }
        let delete = notes.keys().map(|(scope, feed, key)| NotesTable::key(scope, feed, key)).collect();
        let rows = notes.into_iter().filter_map(|((scope, feed, key), value)| {
            let value = value?;
            Some(Note { scope, feed, key, value })
        });
        let rows: Vec<Note> = rows.collect();
        let append = if rows.is_empty() { Vec::new() } else { vec![NotesTable::encode(&rows)] };
        Some(TableChange { table: TableSpec::from(&NotesTable::table()), delete, append })
    }

    /// How far a feed is read.
    pub(crate) fn offset(&self, scope: &Scope, feed: &Text) -> Option<Text> {
        self.offsets.get(&(scope.clone(), feed.clone())).cloned()
    }

    /// The sinks, by name, as far as they are.
    pub(crate) fn sinks(&self) -> impl Iterator<Item = (&Text, Cursor)> {
        let sinks = self.offsets.iter().filter(|((scope, feed), _)| scope.is_empty() && feed.starts_with(SINK));
        sinks.filter_map(|((_, feed), offset)| Some((feed, Cursor::from_offset(offset)?)))
    }

    /// All that a feed remembers: what the table has, what is newer, and names that wait.
    pub(crate) async fn notes(&self, snapshot: &Snapshot, scope: &Scope, feed: &Text) -> Result<BTreeMap<Text, Text>> {
        let filter = format!("scope = {} AND feed = {}", quoted(scope), quoted(feed));
        let mut notes = BTreeMap::new();
        for batch in snapshot.scan("notes", None, Some(&filter)).await? {
            notes.extend(NotesTable::decode(&batch)?.into_iter().map(|note| (note.key, note.value)));
        }
        for ((_, _, key), value) in self.notes.iter().filter(|((of, name, _), _)| of == scope && name == feed) {
            match value {
                Some(value) => _ = notes.insert(key.clone(), value.clone()),
                None => _ = notes.remove(key),
            }
        }
        notes.extend(self.names.of(scope, feed));
        Ok(notes)
    }
}

/// How far a live feed is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FeedOffset {
    /// Its name.
    pub feed: Text,
    /// Whose memory it goes into.
    pub scope: Scope,
    /// How far, in a form of its kind; `None` where its notes say it.
    pub offset: Option<Text>,
    /// How many notes it has.
    pub notes: u64,
}

/// What was let go of a feed, or would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ForgottenFeed {
    /// Whether nothing was changed yet.
    pub dry_run: bool,
    /// How far it was read, and how much it had noted.
    #[serde(flatten)]
    pub feed: FeedOffset,
    /// The epoch in which that is gone.
    pub epoch: Option<u64>,
}

impl Nexus {
    /// Forgets how far a feed of this scope is read and what it noted; a dry run only tells how much that is. What it
    /// brought stays. A feed of that name begins anew; one that a run follows is not forgotten.
    pub fn forget_feed(&mut self, feed: &str, dry_run: bool) -> Result<ForgottenFeed> {
        self.engine.turn()?;
        let (scope, feed) = (self.scope().clone(), Text::from(feed));
        let engine = &mut self.engine;
        let runtime = engine.runtime.clone();
        let snapshot = runtime.block_on(engine.store.snapshot())?;
        let notes = runtime.block_on(engine.feeds.notes(&snapshot, &scope, &feed))?;
        let offset = engine.feeds.offset(&scope, &feed);
        if offset.is_none() && notes.is_empty() {
            let message = format!("nothing is known of a feed {feed} in the scope {scope}: nexus feeds shows them");
            return Err(Error::not_found(message));
        }
        if engine.feeds.followed.contains(&(scope.clone(), feed.clone())) {
            let what = "take it out of its configuration, have it read that again (SIGHUP), and repeat this";
            return Err(Error::argument(format!("{feed} is followed by the run that holds the store: {what}")));
        }
        let state = FeedState {
            scope: scope.clone(),
            feed: feed.clone(),
            offset: Some("".into()),
            notes: notes.keys().map(|key| (key.clone(), None)).collect(),
        };
        let feed = FeedOffset { feed, scope, offset, notes: notes.len() as u64 };
        if dry_run {
            return Ok(ForgottenFeed { dry_run, feed, epoch: None });
        }
        engine.acknowledge(vec![Record::Feed(state)])?;
        engine.feeds.hurry();
        let epoch = Some(engine.turn()?.epoch);
        Ok(ForgottenFeed { dry_run, feed, epoch })
    }
}

impl Memory {
    /// How far the live feeds of all scopes are read, whether a run follows them or not; without sinks.
    pub fn feeds(&self) -> Result<Vec<FeedOffset>> {
        let mut feeds = self.feed_offsets()?;
        feeds.retain(|feed| !feed.scope.is_empty());
        Ok(feeds)
    }
}

/// How far all feeds of a store are read, by scope and name.
pub(crate) async fn offsets(snapshot: &Snapshot) -> Result<Vec<FeedOffset>> {
    let meta = snapshot.checkpoint().meta.get(meta::FEEDS).map_or("", String::as_str);
    let offsets = Feeds::from_meta(meta)?.offsets.into_iter();
    let mut found: BTreeMap<(Scope, Text), (Option<Text>, u64)> =
        offsets.map(|(feed, offset)| (feed, (Some(offset), 0))).collect();
    for batch in snapshot.scan("notes", Some(&["scope", "feed"]), None).await? {
        let column = |name| batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
        let (Some(scopes), Some(feeds)) = (column("scope"), column("feed")) else { continue };
        for (scope, feed) in scopes.iter().flatten().zip(feeds.iter().flatten()) {
            found.entry((scope.into(), feed.into())).or_default().1 += 1;
        }
    }
    let offset = |((scope, feed), (offset, notes))| FeedOffset { feed, scope, offset, notes };
    Ok(found.into_iter().map(offset).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn state(offset: Option<&str>, notes: &[(&str, Option<&str>)]) -> FeedState {
        let notes = notes.iter().map(|(key, value)| ((*key).into(), value.map(Into::into))).collect();
        FeedState { scope: "s".into(), feed: "irc".into(), offset: offset.map(Into::into), notes }
    }

    #[test]
    fn offsets_survive_in_a_checkpoint() {
        let mut feeds = Feeds::default();
        feeds.take_in(state(Some("1"), &[]));
        feeds.take_in(state(Some("2"), &[]));
        feeds.take_in(state(None, &[("a", Some("b"))]));
        let read = Feeds::from_meta(&feeds.to_meta()).unwrap();
        assert_eq!(read.offset(&"s".into(), &"irc".into()).as_deref(), Some("2"));
        assert_eq!(read.offset(&"t".into(), &"irc".into()), None);
        feeds.take_in(state(Some(""), &[]));
        assert_eq!(feeds.offset(&"s".into(), &"irc".into()), None);
        assert!(Feeds::from_meta("").unwrap().offsets.is_empty());
        assert_eq!(Feeds::from_meta("nonsense").unwrap_err().kind(), ErrorKind::Corrupt);
    }

    #[test]
    fn a_note_is_written_once_in_its_last_form() {
        let mut feeds = Feeds::default();
        feeds.take_in(state(None, &[("a", Some("1")), ("b", Some("2"))]));
        feeds.take_in(state(None, &[("a", None), ("b", Some("3"))]));
        let change = feeds.change().unwrap();
        assert_eq!(change.delete.len(), 2);
        let rows = NotesTable::decode(&change.append[0]).unwrap();
        assert_eq!(rows.iter().map(|note| (&*note.key, &*note.value)).collect::<Vec<_>>(), [("b", "3")]);
        assert!(feeds.change().is_none());
    }

    #[test]
    fn what_waits_too_long_is_due() {
        let mut feeds = Feeds::default();
        (0..WAITING_MAX).for_each(|_| feeds.take_in(state(Some("1"), &[])));
        assert!(feeds.are_due());
        feeds.change();
        assert!(!feeds.are_due());
    }
}
