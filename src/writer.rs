//! The writer: one process at a time opens a store and tells it what happened.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::mpsc::Receiver;

use nexus_types::event::{SAID_NOW, external_id_of};
use nexus_types::tables::EventRecord;
use nexus_types::{Change, Event, EventId, Millis, Policy, PolicyRow, Scope, Text};

use crate::admit::{Admitted, Record};
use crate::changes::EpochChanges;
use crate::engine::{Engine, EpochTimes};
use crate::{Memory, Result, Settings, clock};

/// A store, open for writing.
pub struct Nexus {
    pub(crate) engine: Engine,
    last_said_at: Millis,
}

/// What became of a change.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Receipt {
    /// The event, where there is one.
    pub event: Option<EventId>,
    /// The epoch in which it is part of memory.
    pub epoch: u64,
    /// Whether it was news.
    pub news: bool,
}

/// How many changes admission made of each sort.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) added: usize,
    pub(crate) changed: usize,
    pub(crate) deleted: usize,
    pub(crate) unchanged: usize,
}

impl Nexus {
    /// Opens a store for writing; creates it if the folder is absent or empty. The graph is rebuilt from the stored inputs.
    pub fn open(path: impl AsRef<Path>) -> Result<Nexus> {
        Self::open_with(path, Settings::default())
    }

    /// The same, with settings.
    pub fn open_with(path: impl AsRef<Path>, settings: Settings) -> Result<Nexus> {
        let engine = Engine::open(path.as_ref(), settings)?;
        Ok(Nexus { engine, last_said_at: Millis::MIN })
    }

    /// Whose memory the calls without a scope of their own are about.
    pub fn scope(&self) -> &Scope {
        &self.engine.settings.scope
    }

    /// From now on the calls without a scope of their own are about this one; whether it reads with an embedder is decided
    /// when it is first written to.
    pub fn stand_in(&mut self, scope: Scope, embed: bool) {
        self.engine.settings.scope = scope;
        self.engine.settings.embed = embed;
    }

    /// Takes in one event. When this returns it is part of memory.
    pub fn remember(&mut self, event: Event) -> Result<Receipt> {
        let event = self.completed(event);
        let id = event.id();
        let receipt = self.apply(vec![Change::Upsert(Box::new(event))])?;
        Ok(Receipt { event: Some(id), ..receipt })
    }

    /// Acknowledges one event: when this returns it is fsynced and will be part of memory, from the next [`Nexus::flush`] or
    /// other call on. The fast way in for a stream.
    pub fn acknowledge(&mut self, event: Event) -> Result<EventId> {
        let event = self.completed(event);
        let id = event.id();
        self.admit(vec![Change::Upsert(Box::new(event))])?;
        Ok(id)
    }

    /// How long the parts of the last epoch took.
    pub fn times(&self) -> EpochTimes {
        self.engine.times
    }

    /// Makes all that is acknowledged part of memory, as one epoch.
    pub fn flush(&mut self) -> Result<Receipt> {
        let turn = self.engine.turn()?;
        self.republish()?;
        Ok(Receipt { event: None, epoch: turn.epoch, news: false })
    }

    /// Takes in something said here and now, by "me" unless an author is given.
    pub fn say(&mut self, text: &str, author: Option<&str>) -> Result<Receipt> {
        let me = self.me();
        let event = Event::message("nexus", author.unwrap_or(&me), text);
        self.remember(Event { scope: self.scope().clone(), ..event })
    }

    /// Takes in changes of one source or several, as one epoch. What exceeds what is held is news; the rest costs nothing.
    pub fn apply(&mut self, changes: Vec<Change>) -> Result<Receipt> {
        let counts = self.admit(changes)?;
        let turn = self.engine.turn()?;
        self.republish()?;
        Ok(Receipt { event: None, epoch: turn.epoch, news: counts.added + counts.changed + counts.deleted > 0 })
    }

    /// Follows the rows that each epoch adds and removes, from now on.
    pub fn changes(&mut self) -> Receiver<EpochChanges> {
        self.engine.subscribers.subscribe()
    }

    /// Reads what was just written.
    pub fn memory(&self) -> Result<Memory> {
        Memory::of(self)
    }

    /// Lets go of the store as a crash would: what is acknowledged and not yet part of an epoch is so when it is opened again.
    pub fn abandon(mut self) {
        self.engine.failed = Some("abandoned".into());
    }

    /// Finishes the epoch at hand and lets go of the store. Dropping does the same, without telling of an error.
    pub fn close(mut self) -> Result<()> {
        self.engine.turn().map(|_| ())
    }

    /// Admits changes and acknowledges what is news.
    pub(crate) fn admit(&mut self, changes: Vec<Change>) -> Result<Counts> {
        self.engine.whole(|engine| -> Result<Counts> {
            let (counts, news) = engine.decide(changes)?;
            if !news.is_empty() {
                engine.acknowledge(vec![Record::Events(news)])?;
            }
            Ok(counts)
        })
    }

    /// Adds and removes policy rows of this scope, as one epoch.
    pub(crate) fn change_policy(&mut self, added: Vec<Policy>, removed: Vec<Policy>) -> Result<Receipt> {
        let scope = self.scope().clone();
        self.engine.ensure_scope(&scope)?;
        let rows = |policies: Vec<Policy>| -> Vec<PolicyRow> {
            policies.into_iter().map(|policy| PolicyRow { scope: scope.clone(), policy }).collect()
        };
        let (added, removed) = (rows(added), rows(removed));
        let news = added.iter().any(|row| !self.engine.policy.contains(row))
            || removed.iter().any(|row| self.engine.policy.contains(row));
        self.engine.acknowledge(vec![Record::Policy { added, removed }])?;
        let turn = self.engine.turn()?;
        Ok(Receipt { event: None, epoch: turn.epoch, news })
    }

    /// How "I" signs in this scope: the first `me` of policy in the form of an author.
    fn me(&self) -> String {
        let mut keys =
            self.engine.policy.iter().filter(|row| row.scope == *self.scope()).filter_map(|row| match &row.policy {
                Policy::Me(key) => Some(key.clone()),
                _ => None,
            });
        match keys.next() {
            None => "me".into(),
            Some(key) => match key.split_once(':') {
                Some(("name", name)) => format!("{} <me>", titled(name)),
                Some(("mail", mail)) => mail.into(),
                _ => nexus_types::entity::key_label(&key).into(),
            },
        }
    }

    /// Fills in what a caller left open: when it was said, and an id.
    pub(crate) fn completed(&mut self, mut event: Event) -> Event {
        let now = clock::now();
        if event.said_at == SAID_NOW {
            // Two things said within one millisecond keep their order.
            event.said_at = now.max(self.last_said_at.saturating_add(1));
            self.last_said_at = event.said_at;
        }
        if event.seen_at == SAID_NOW {
            event.seen_at = now;
        }
        if event.external_id.is_empty() {
            event.external_id = external_id_of(&event.channel, event.said_at, &event.author, &event.text, 0);
        }
        event
    }
}

impl Engine {
    /// Decides what changes are worth: gives what is news, which has to be acknowledged.
    pub(crate) fn decide(&mut self, changes: Vec<Change>) -> Result<(Counts, Vec<EventRecord>)> {
        let (mut counts, mut news) = (Counts::default(), Vec::new());
        let mut ensured: BTreeSet<Scope> = BTreeSet::new();
        for change in changes {
            let scope = match &change {
                Change::Upsert(event) => &event.scope,
                Change::Retract { scope, .. } | Change::Forget { scope, .. } => scope,
            };
            if !ensured.contains(scope) {
                ensured.insert(scope.clone());
                self.ensure_scope(scope)?;
            }
            match self.heads.admit(change) {
                Admitted::Added(record) => (counts.added += 1, news.push(record)).0,
                Admitted::Changed(record) => (counts.changed += 1, news.push(record)).0,
                Admitted::Deleted(record) => (counts.deleted += 1, news.push(record)).0,
                Admitted::Unchanged => counts.unchanged += 1,
            }
        }
        Ok((counts, news))
    }
}

impl Drop for Nexus {
    fn drop(&mut self) {
        if self.engine.failed.is_none()
            && let Err(error) = self.engine.turn()
        {
            tracing::warn!(%error, "the last epoch was not written; it will be when the store is opened again");
        }
    }
}

/// A name as it is written: each word with a capital.
fn titled(name: &str) -> Text {
    let word = |word: &str| {
        let mut chars = word.chars();
        chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
    };
    name.split(' ').map(word).collect::<Vec<_>>().join(" ").into()
}
