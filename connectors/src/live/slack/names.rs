//! The notes of a workspace: who is who, what channels are called, how far each was heard.
//!
//! A name is noted as it was when it was first seen: names change, and what is read twice must be equal. Many batches are on
//! their way at once, and some find no room, so each carries all notes that are not known to be kept. Cost: all in memory.

use std::collections::{BTreeMap, BTreeSet};

use nexus_types::Text;

use super::said::micros;

/// Kinds of notes.
pub(super) const USER: &str = "user";
pub(super) const ROOM: &str = "room";
const LAST: &str = "last";

/// What is known of a workspace.
#[derive(Debug, Default)]
pub(super) struct Names {
    all: BTreeMap<Text, Text>,
    unsaved: BTreeSet<Text>,
    /// The newest message of each channel; not noted before what was missed is read.
    newest: BTreeMap<String, String>,
    caught_up: bool,
}

impl Names {
    pub(super) fn new(all: BTreeMap<Text, Text>) -> Names {
        Names { all, ..Names::default() }
    }

    pub(super) fn get(&self, kind: &str, id: &str) -> Option<Text> {
        self.all.get(&*format!("{kind} {id}")).cloned()
    }

    /// Notes what something is called, if it has no name yet; without one it is called by its id.
    pub(super) fn first(&mut self, kind: &str, id: &str, name: &str) {
        if self.get(kind, id).is_none() {
            self.set(kind, id, if name.is_empty() { id } else { name });
        }
    }

    fn set(&mut self, kind: &str, id: &str, value: &str) {
        let key = Text::from(format!("{kind} {id}"));
        self.all.insert(key.clone(), value.into());
        self.unsaved.insert(key);
    }

    /// A message of a channel came.
    pub(super) fn heard(&mut self, room: &str, ts: &str) {
        let newer = micros(ts) > self.newest.get(room).and_then(|held| micros(held));
        if newer && !room.is_empty() {
            self.newest.insert(room.into(), ts.into());
        }
    }

    /// Up to where each channel was heard before this connection.
    pub(super) fn lasts(&self) -> Vec<(String, String)> {
        let last = |(key, ts): (&Text, &Text)| Some((key.strip_prefix(LAST)?.trim_start().to_string(), ts.to_string()));
        self.all.iter().filter_map(last).collect()
    }

    /// All that was missed is read: from now on it is noted how far channels were heard.
    pub(super) fn caught_up(&mut self) {
        self.caught_up = true;
    }

    /// What a batch is to carry.
    pub(super) fn unsaved(&mut self) -> Vec<(Text, Option<Text>)> {
        if self.caught_up {
            for (room, ts) in std::mem::take(&mut self.newest) {
                if micros(&ts) > self.get(LAST, &room).and_then(|held| micros(&held)) {
                    self.set(LAST, &room, &ts);
                }
            }
        }
        self.unsaved.iter().map(|key| (key.clone(), self.all.get(key).cloned())).collect()
    }

    /// A batch with these was kept.
    pub(super) fn saved(&mut self, notes: &[(Text, Option<Text>)]) {
        for (key, value) in notes {
            if self.all.get(key) == value.as_ref() {
                self.unsaved.remove(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_goes_with_every_batch_until_one_is_kept() {
        let mut names = Names::new(BTreeMap::from([("last C1".into(), "5.0".into())]));
        names.first(USER, "U1", "Anna <U1>");
        names.first(USER, "U1", "Annie <U1>");
        names.heard("C1", "6.0");
        let first = names.unsaved();
        assert_eq!(first, [("user U1".into(), Some("Anna <U1>".into()))]);
        assert_eq!(names.lasts(), [("C1".to_string(), "5.0".to_string())]);
        names.caught_up();
        names.heard("C1", "5.5");
        let both = names.unsaved();
        assert_eq!(both[0], ("last C1".into(), Some("6.0".into())));
        assert_eq!(both.len(), 2);
        names.saved(&first);
        names.heard("C1", "7.0");
        assert_eq!(names.unsaved(), [("last C1".into(), Some("7.0".into()))]);
        names.saved(&both);
        assert_eq!(names.unsaved().len(), 1);
    }
}
