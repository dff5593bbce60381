//! `notes`: what live feeds have to remember to go on where they stopped. Ground: it is given, not computed.

use arrow_array::{ArrayRef, RecordBatch};
use serde::{Deserialize, Serialize};

use super::{Columns, DecodeError, Table, batch, strings, table, text};
use crate::{Hash128, Scope, Text};

/// One thing that a feed remembers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Note {
    /// Into whose memory the feed goes.
    pub scope: Scope,
    /// The feed's name.
    pub feed: Text,
    /// Under which key.
    pub key: Text,
    /// What.
    pub value: Text,
}

/// `notes`: a row for each key of each feed.
pub struct NotesTable;

impl NotesTable {
    /// What the key of a note begins with that is a name. Its value is what somebody or something is called, just as events
    /// have it: as their author, an addressee or their channel.
    pub const NAME: &'static str = "name ";

    /// What the keys of names begin with that are people's, or of what speaks as they do. All others are of places: rooms,
    /// servers, channels, feeds.
    pub const PEOPLE: [&'static str; 2] = ["name user ", "name author "];

    /// Whether the note under this key is a name.
    pub fn is_name(key: &str) -> bool {
        key.starts_with(Self::NAME)
    }

    /// Whether it is the name of somebody who may speak.
    pub fn is_person(key: &str) -> bool {
        Self::PEOPLE.iter().any(|people| key.starts_with(people))
    }

    /// Its name, key and columns.
    pub fn table() -> Table {
        table("notes", "id", true, vec![text("id"), text("scope"), text("feed"), text("key"), text("value")])
    }

    /// The key of a note in this table.
    pub fn key(scope: &str, feed: &str, key: &str) -> String {
        Hash128::of("note", &[scope.as_bytes(), feed.as_bytes(), key.as_bytes()]).to_string()
    }

    /// Rows to columns.
    pub fn encode(rows: &[Note]) -> RecordBatch {
        let columns: Vec<ArrayRef> = vec![
            strings(rows.iter().map(|row| Self::key(&row.scope, &row.feed, &row.key))),
            strings(rows.iter().map(|row| &*row.scope)),
            strings(rows.iter().map(|row| &*row.feed)),
            strings(rows.iter().map(|row| &*row.key)),
            strings(rows.iter().map(|row| &*row.value)),
        ];
        batch(&Self::table(), columns)
    }

    /// Columns to rows.
    pub fn decode(batch: &RecordBatch) -> Result<Vec<Note>, DecodeError> {
        let table = Self::table();
        let columns = Columns::of(&table, batch);
        let [scope, feed, key, value] = ["scope", "feed", "key", "value"].map(|name| columns.text(name));
        let (scope, feed, key, value) = (scope?, feed?, key?, value?);
        let note = |at: usize| Note {
            scope: scope.value(at).into(),
            feed: feed.value(at).into(),
            key: key.value(at).into(),
            value: value.value(at).into(),
        };
        Ok((0..batch.num_rows()).map(note).collect())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn rows_come_back() {
        let note = |key: &str| Note { scope: "s".into(), feed: "mail".into(), key: key.into(), value: "7".into() };
        let rows = vec![note("a"), note("")];
        assert_eq!(NotesTable::decode(&NotesTable::encode(&rows)).unwrap(), rows);
        assert_ne!(NotesTable::key("s", "mail", "a"), NotesTable::key("s", "maila", ""));
    }

    #[test]
    fn keys_tell_people_from_places() {
        let people = ["name user 5", "name author user5"];
        let places = ["name room 10", "name channel 10", "name guild 1", "name chat 7", "name title", "name users 1"];
        assert!(people.iter().chain(&places).all(|key| NotesTable::is_name(key)) && !NotesTable::is_name("user 5"));
        assert!(people.iter().all(|key| NotesTable::is_person(key)));
        assert!(!places.iter().chain(&["user 5"]).any(|key| NotesTable::is_person(key)));
    }
}
