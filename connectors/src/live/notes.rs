//! Notes of a feed while it runs: what is known by kind and key, and what is new since the last batch.
//!
//! What is volatile at a platform (a name, a title) is noted as it was when it was first seen, so that what is read twice is
//! equal. Cost: all notes of the feed in memory.

use std::collections::BTreeMap;
use std::ops::Bound;

use nexus_types::Text;

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

    /// Notes something; `None` forgets it.
    pub(crate) fn set(&mut self, kind: &str, key: &str, value: Option<&str>) {
        let key = Text::from(format!("{kind} {key}"));
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
        if let Some(held) = self.get(kind, key) {
            return held.clone();
        }
        let name = if name.is_empty() { key } else { name };
        self.set(kind, key, Some(name));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_name_stays_and_only_news_are_news() {
        let mut notes = Notes::new(BTreeMap::from([("user 1".into(), "anna".into()), ("users 1".into(), "x".into())]));
        assert_eq!((&*notes.first("user", "1", "anna_"), &*notes.first("user", "2", "")), ("anna", "2"));
        assert_eq!(notes.news(), [("user 2".into(), Some("2".into()))]);
        notes.set("user", "2", None);
        notes.set("user", "2", None);
        assert_eq!(notes.news(), [("user 2".into(), None)]);
        assert!(notes.of("user").map(|(key, value)| (key, &**value)).eq([("1", "anna")]));
    }
}
