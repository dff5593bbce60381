//! Admission: which of what arrives is news, and which revision it gets.
//!
//! For every event the engine holds its head: the greatest version seen. A change that does not exceed its head is
//! dropped here, before it costs anything: redelivery is free. A source without revisions gets them here, and the tail log
//! records them, so that replay admits exactly what was admitted. Cost: one look-up in a map of about 90 bytes an event.

use std::collections::BTreeMap;

use nexus_types::tables::{EventRecord, Letter, Reject};
use nexus_types::{Change, Event, EventId, Hash128, PolicyRow, State, Text, Version};
use serde::{Deserialize, Serialize};

use crate::feeds::FeedState;
use crate::{Error, Result};

/// One record of the tail log: something that was admitted, with its versions decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Record {
    /// Versions of events that exceed what was held.
    Events(Vec<EventRecord>),
    /// Policy rows that came and went.
    Policy { added: Vec<PolicyRow>, removed: Vec<PolicyRow> },
    /// What could not be read.
    Rejects(Vec<Reject>),
    /// What of that is kept whole, and the keys of what is not kept any more: of rejects and letters.
    Letters { came: Vec<Letter>, gone: Vec<Text> },
    /// Every day up to this one, by its number since 1970 in UTC, is over.
    Tick(i64),
    /// How far a feed is read with the records appended before this one.
    Feed(FeedState),
}

impl Record {
    /// The bytes for the tail log.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(Error::internal)
    }

    /// The inverse of [`Record::to_bytes`].
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Record> {
        serde_json::from_slice(bytes).map_err(|error| {
            Error::new(crate::ErrorKind::Corrupt, format!("the tail log holds a record that cannot be read: {error}"))
        })
    }
}

/// What admission made of one change.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Admitted {
    /// An event that was not there.
    Added(EventRecord),
    /// A newer version of one that was.
    Changed(EventRecord),
    /// A tombstone.
    Deleted(EventRecord),
    /// Nothing new: a redelivery, or older than what is held.
    Unchanged,
}

/// The greatest version held of every event.
#[derive(Debug, Default)]
pub(crate) struct Heads {
    versions: BTreeMap<EventId, Version>,
}

impl Heads {
    /// The version held of an event.
    pub(crate) fn version(&self, id: EventId) -> Option<Version> {
        self.versions.get(&id).copied()
    }

    /// Takes in a decided version; false if it does not exceed what is held.
    pub(crate) fn raise(&mut self, record: &EventRecord) -> bool {
        let head = self.versions.entry(record.id).or_default();
        let news = record.version > *head || (record.version == *head && *head == Version::default());
        if news {
            *head = record.version;
        }
        news
    }

    /// Whether a change from a source without revisions would edit an event that is held: such edits are decided only
    /// when the whole input has been read, since a later row may say it again as it is held.
    pub(crate) fn edits_unversioned(&self, change: &Change) -> bool {
        let Change::Upsert(event) = change else { return false };
        event.revision.is_none()
            && self
                .version(event.id())
                .is_some_and(|head| head.state() == State::Live && head.content != event.content_hash())
    }

    /// Decides what a change is worth, and raises the head if it is news.
    pub(crate) fn admit(&mut self, change: Change) -> Admitted {
        let (record, held) = match change {
            Change::Upsert(event) => {
                let held = self.version(event.id());
                let Some(version) = upsert_version(&event, held) else { return Admitted::Unchanged };
                (EventRecord { id: event.id(), scope: event.scope.clone(), version, event: Some(*event) }, held)
            }
            Change::Retract { scope, source, external_id, revision } => {
                let id = nexus_types::event::event_id(&scope, &source, &external_id);
                let held = self.version(id);
                let Some(version) = retract_version(revision, held) else { return Admitted::Unchanged };
                (EventRecord { id, scope, version, event: None }, held)
            }
            Change::Forget { scope, id } => {
                let held = self.version(id);
                (EventRecord { id, scope, version: forgotten_version(held), event: None }, held)
            }
        };
        if !self.raise(&record) {
            return Admitted::Unchanged;
        }
        match (&record.event, held.map(|held| held.state())) {
            (Some(_), Some(State::Live)) => Admitted::Changed(record),
            (Some(_), _) => Admitted::Added(record),
            (None, _) => Admitted::Deleted(record),
        }
    }
}

/// The version of an upsert, or `None` if it is not news. Without a revision: the same content is a redelivery, also of
/// what was deleted since; other content is the next revision; a deletion that came before its message stands.
fn upsert_version(event: &Event, held: Option<Version>) -> Option<Version> {
    let content = event.content_hash();
    let fresh = |revision| Version { forgotten: false, revision, retracted: false, content };
    match (event.revision, held) {
        (Some(revision), _) => Some(fresh(revision)),
        (None, None) => Some(fresh(0)),
        (None, Some(held)) if held.forgotten || held.content == content => None,
        (None, Some(held)) if held.retracted && held.content == Hash128::default() => None,
        (None, Some(held)) => Some(fresh(held.revision.saturating_add(1))),
    }
}

/// The version of a deletion; it keeps the hash of what it deleted, to know it again. `None` if it is deleted already.
fn retract_version(revision: Option<u64>, held: Option<Version>) -> Option<Version> {
    let held = held.unwrap_or_default();
    if revision.is_none() && (held.retracted || held.forgotten) {
        return None;
    }
    let revision = revision.unwrap_or(held.revision);
    Some(Version { forgotten: false, revision, retracted: true, content: held.content })
}

/// The version of a forgotten event: greater than any other, and nothing is left of what was said.
pub(crate) fn forgotten_version(held: Option<Version>) -> Version {
    Version { forgotten: true, retracted: true, content: Hash128::default(), ..held.unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(text: &str, revision: Option<u64>) -> Change {
        Change::Upsert(Box::new(Event { external_id: "1".into(), revision, ..Event::message("chat", "anna", text) }))
    }

    fn delete(revision: Option<u64>) -> Change {
        Change::Retract { scope: "default".into(), source: "chat".into(), external_id: "1".into(), revision }
    }

    fn forget() -> Change {
        Change::Forget { scope: "default".into(), id: nexus_types::event::event_id("default", "chat", "1") }
    }

    fn state_after(changes: &[Change]) -> Option<Version> {
        let mut heads = Heads::default();
        for change in changes {
            heads.admit(change.clone());
        }
        heads.version(nexus_types::event::event_id("default", "chat", "1"))
    }

    #[test]
    fn redelivery_is_nothing_and_an_edit_is_a_revision() {
        let mut heads = Heads::default();
        assert!(matches!(heads.admit(event("one", None)), Admitted::Added(_)));
        assert_eq!(heads.admit(event("one", None)), Admitted::Unchanged);
        let Admitted::Changed(record) = heads.admit(event("two", None)) else { panic!("an edit is news") };
        assert_eq!(record.version.revision, 1);
        assert_eq!(heads.admit(event("zero", Some(0))), Admitted::Unchanged);
    }

    #[test]
    fn with_revisions_every_order_of_arrival_agrees() {
        let changes =
            [event("one", Some(1)), event("two", Some(2)), delete(Some(2)), event("three", Some(3)), forget()];
        for skip in 0..changes.len() {
            let chosen: Vec<Change> =
                changes.iter().enumerate().filter(|(at, _)| *at != skip).map(|(_, c)| c.clone()).collect();
            let reversed: Vec<Change> = chosen.iter().rev().cloned().collect();
            let (a, b) = (state_after(&chosen), state_after(&reversed));
            assert_eq!(
                a.map(|v| (v.state(), v.revision * u64::from(!v.forgotten))),
                b.map(|v| (v.state(), v.revision * u64::from(!v.forgotten)))
            );
        }
    }

    #[test]
    fn what_was_deleted_stays_deleted_until_it_says_something_else() {
        let gone = |changes: &[Change]| state_after(changes).map(|v| v.state());
        assert_eq!(gone(&[event("one", None), delete(None), event("one", None)]), Some(State::Retracted));
        assert_eq!(gone(&[delete(None), event("one", None)]), Some(State::Retracted));
        assert_eq!(gone(&[event("one", None), delete(None), event("two", None)]), Some(State::Live));
        assert_eq!(gone(&[event("one", None), forget(), event("two", Some(9))]), Some(State::Forgotten));
    }
}
