//! How far live feeds are read, and what they remember. Both are durable together with the rows that they cover: in the
//! tail with the append that acknowledges these, then in the checkpoint (offsets) and the table `notes` of the epoch that
//! has them. Cost: a map entry a feed; notes are in memory only until the next commit.

use std::collections::BTreeMap;

use arrow::array::AsArray;
use nexus_storage::{Snapshot, TableChange, TableSpec, quoted};
use nexus_types::tables::{Note, NotesTable};
use nexus_types::{Scope, Text};
use serde::{Deserialize, Serialize};

use crate::engine::meta;
use crate::outbox::{Cursor, SINK};
use crate::{Error, ErrorKind, Result};

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

    /// Whether they should be written although nothing else is to be.
    pub(crate) fn are_due(&self) -> bool {
        self.waiting >= WAITING_MAX
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

    /// All that a feed remembers: what the table has, and what is newer.
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
