//! The notes of a workspace: who is who, what channels are called, how far each was heard.
//!
//! A name is noted as it was when it was first seen: names change, and what is read twice must be equal. Many batches are on
//! their way at once, and some find no room, so each carries all notes that are not known to be kept. Cost: all in memory.

use std::collections::{BTreeMap, BTreeSet};

use nexus_types::Text;

use super::said::micros;

/// Kinds of notes; of users and channels they are names, which an erasure lets go of where no event says them.
pub(super) const USER: &str = "name user";
pub(super) const ROOM: &str = "name room";
const LAST: &str = "last";

/// What is known of a workspace.
#[derive(Debug, Default)]
pub(super) struct Names {
    all: BTreeMap<Text, Text>,
    unsaved: BTreeSet<Text>,
    /// The newest message of each channel; not noted before what was missed is read.
    newest: BTreeMap<String, String>,
    caught_up: bool,
    /// Channels of which what was missed could not be read: it is tried again by the next connection.
    behind: BTreeSet<String>,
}

impl Names {
    pub(super) fn new(all: BTreeMap<Text, Text>) -> Names {
        Names { all, ..Names::default() }
    }

    pub(super) fn get(&self, kind: &str, id: &str) -> Option<Text> {
        let found = |kind: &str| self.all.get(&*format!("{kind} {id}")).cloned();
        found(kind).or_else(|| (kind == ROOM).then(|| found(USER)).flatten())
    }

    /// Notes what something is called, if it has no name yet; without one it is called by its id.
    pub(super) fn first(&mut self, kind: &str, id: &str, name: &str) {
        // What Slack calls a talk of a few is the names of those few.
        let kind = if name.starts_with("mpdm-") { USER } else { kind };
        if self.get(kind, id).is_none() {
            self.set(kind, id, if name.is_empty() { id } else { name });
        }
    }

    fn set(&mut self, kind: &str, id: &str, value: &str) {
        let key = Text::from(format!("{kind} {id}"));
        self.all.insert(key.clone(), value.into());
        self.unsaved.insert(key);
    }

    /// A message of a channel is on the disk.
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

    /// All that was missed is read, but in these channels: from now on it is noted how far the others were heard.
    pub(super) fn caught_up(&mut self, behind: BTreeSet<String>) {
        (self.caught_up, self.behind) = (true, behind);
    }

    /// Whether a channel is heard further with this.
    fn is_further(&self, room: &str, ts: &str) -> bool {
        let further = micros(ts) > self.get(LAST, room).and_then(|held| micros(&held));
        further && self.caught_up && !room.is_empty() && !self.behind.contains(room)
    }

    /// What a batch is to carry that brings this message of a channel. How far that is heard is noted by this batch alone
    /// until it is kept: another would say so of a message that may find no room.
    pub(super) fn unsaved(&mut self, (room, ts): (&str, &str)) -> Vec<(Text, Option<Text>)> {
        if self.caught_up {
            for (room, ts) in std::mem::take(&mut self.newest) {
                if self.is_further(&room, &ts) {
                    self.set(LAST, &room, &ts);
                }
            }
        }
        let mut notes: BTreeMap<Text, Option<Text>> =
            self.unsaved.iter().map(|key| (key.clone(), self.all.get(key).cloned())).collect();
        if self.is_further(room, ts) {
            notes.insert(format!("{LAST} {room}").into(), Some(ts.into()));
        }
        notes.into_iter().collect()
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
    use nexus_types::tables::NotesTable;

    use super::*;

    const NOTHING: (&str, &str) = ("", "");

    #[test]
    fn a_note_goes_with_every_batch_until_one_is_kept() {
        let mut names = Names::new(BTreeMap::from([("last C1".into(), "5.0".into())]));
        names.first(USER, "U1", "Anna <U1>");
        names.first(USER, "U1", "Annie <U1>");
        names.heard("C1", "6.0");
        let first = names.unsaved(NOTHING);
        assert_eq!(first, [("name user U1".into(), Some("Anna <U1>".into()))]);
        assert!([USER, ROOM].iter().all(|kind| NotesTable::is_name(kind)) && !NotesTable::is_name(LAST));
        assert!(NotesTable::is_person(&first[0].0) && !NotesTable::is_person(&format!("{ROOM} C1")));
        assert_eq!(names.lasts(), [("C1".to_string(), "5.0".to_string())]);
        let mut talk = Names::default();
        talk.first(ROOM, "G1", "mpdm-anna--bert-1");
        assert_eq!(talk.get(ROOM, "G1").as_deref(), Some("mpdm-anna--bert-1"));
        assert!(NotesTable::is_person(&talk.unsaved(NOTHING)[0].0));
        names.caught_up(BTreeSet::from(["C2".to_string()]));
        names.heard("C1", "5.5");
        let both = names.unsaved(NOTHING);
        assert_eq!(both[0], ("last C1".into(), Some("6.0".into())));
        assert_eq!(both.len(), 2);
        names.saved(&first);
        names.heard("C1", "7.0");
        assert_eq!(names.unsaved(NOTHING), [("last C1".into(), Some("7.0".into()))]);
        names.saved(&both);
        assert_eq!(names.unsaved(NOTHING).len(), 1);
        // A message that is not kept yet is noted by its own batch alone; a channel that is behind by none.
        assert_eq!(names.unsaved(("C1", "8.0")), [("last C1".into(), Some("8.0".into()))]);
        names.heard("C2", "8.0");
        assert_eq!(names.unsaved(("C2", "9.0")), [("last C1".into(), Some("7.0".into()))]);
    }
}
