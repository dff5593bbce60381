//! Notes of a feed while it runs: what is known by kind and key, and what is new since the last batch.
//!
//! What is volatile at a platform (a name, a title) is noted as it was when it was first seen, so that what is read twice is
//! equal. Such a name is noted just as events have it, whole. Of a place it is kept at once; of somebody (the kinds `user` and
//! `author`) from the first event on that says it. An erasure lets go of what no event says any more: a feed whose names were
//! noted before may find one missing, and has to learn it anew. Cost: all notes of the feed in memory.

use std::collections::BTreeMap;
use std::ops::Bound;

use nexus_types::Text;
use nexus_types::tables::NotesTable;

/// All notes of a feed.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    all: BTreeMap<Text, Text>,
    new: Vec<(Text, Option<Text>)>,
}

impl Notes {
    /// As they were kept.
    pub(crate) fn new(all: BTreeMap<Text, Text>) -> Notes {
        Notes { all, new: Vec::new() }
    }

    pub(crate) fn get(&self, kind: &str, key: &str) -> Option<&Text> {
        self.all.get(&*format!("{kind} {key}"))
    }

    /// What something was called when it was first seen, if it is known.
    pub(crate) fn name(&self, kind: &str, key: &str) -> Option<&Text> {
        self.all.get(&*named(kind, key))
    }

    /// Notes something; `None` forgets it.
    pub(crate) fn set(&mut self, kind: &str, key: &str, value: Option<&str>) {
        self.put(format!("{kind} {key}").into(), value);
    }

    fn put(&mut self, key: Text, value: Option<&str>) {
        if self.all.get(&key).map(|held| &**held) == value {
            return;
        }
        match value {
            Some(value) => _ = self.all.insert(key.clone(), value.into()),
            None => _ = self.all.remove(&key),
        }
        self.new.push((key, value.map(Text::from)));
    }

    /// What something was called when it was first seen: from now on this, if it never was. What has no name is called by
    /// its key.
    pub(crate) fn first(&mut self, kind: &str, key: &str, name: &str) -> Text {
        if let Some(held) = self.name(kind, key) {
            return held.clone();
        }
        let name = if name.is_empty() { key } else { name };
        self.put(named(kind, key).into(), Some(name));
        name.into()
    }

    /// All of a kind, each with its key.
    pub(crate) fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a str, &'a Text)> {
        let of = move |(key, value): (&'a Text, &'a Text)| Some((key.strip_prefix(kind)?.strip_prefix(' ')?, value));
        let from: (Bound<&str>, Bound<&str>) = (Bound::Included(kind), Bound::Unbounded);
        self.all.range::<str, _>(from).take_while(move |(key, _)| key.starts_with(kind)).filter_map(of)
    }

    /// What is new, for the next batch.
    pub(crate) fn news(&mut self) -> Vec<(Text, Option<Text>)> {
        std::mem::take(&mut self.new)
    }
}

/// The key of a name.
fn named(kind: &str, key: &str) -> String {
    format!("{}{kind} {key}", NotesTable::NAME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_name_stays_and_only_news_are_news() {
        let held = [("name user 1", "anna"), ("last 1", "7"), ("lasts 1", "x")];
        let mut notes = Notes::new(held.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect());
        assert_eq!((&*notes.first("user", "1", "anna_"), &*notes.first("user", "2", "")), ("anna", "2"));
        assert_eq!((notes.name("user", "1").map(|name| &**name), notes.get("user", "1")), (Some("anna"), None));
        assert_eq!(notes.news(), [("name user 2".into(), Some("2".into()))]);
        notes.set("last", "2", Some("8"));
        notes.set("last", "2", None);
        notes.set("last", "2", None);
        assert_eq!(notes.news(), [("last 2".into(), Some("8".into())), ("last 2".into(), None)]);
        assert!(notes.of("last").map(|(key, value)| (key, &**value)).eq([("1", "7")]));
        let (people, places) = (["user", "author"], ["room", "guild", "channel", "chat"]);
        assert!(people.iter().all(|kind| NotesTable::is_person(&named(kind, "1"))));
        assert!(!places.iter().any(|kind| NotesTable::is_person(&named(kind, "1"))));
    }
}
