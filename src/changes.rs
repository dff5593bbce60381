//! Changes: the rows that each epoch adds and removes, as they are committed.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::mpsc::{Receiver, Sender, channel};

use futures::channel::mpsc::UnboundedSender;
use nexus_dataflows::Outputs;
use nexus_types::{Scope, Text};
use serde::Serialize;

use crate::watch::WatchUpdate;

/// What one epoch changed.
#[derive(Clone, Debug, Serialize)]
pub struct EpochChanges {
    /// The epoch.
    pub epoch: u64,
    /// The tables that changed, by name.
    pub tables: BTreeMap<&'static str, TableRows>,
}

/// One table's rows that came and went, as JSON in the form of the noun.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TableRows {
    /// Rows that hold from this epoch on.
    pub added: Vec<serde_json::Value>,
    /// Rows that do not hold any more.
    pub removed: Vec<serde_json::Value>,
}

/// Everyone who follows the changes; who stops listening is dropped.
#[derive(Debug, Default)]
pub(crate) struct Subscribers {
    all: Vec<Sender<EpochChanges>>,
    watches: Vec<(Scope, Text, UnboundedSender<WatchUpdate>)>,
}

impl Subscribers {
    /// One more who follows.
    pub(crate) fn subscribe(&mut self) -> Receiver<EpochChanges> {
        let (sender, receiver) = channel();
        self.all.push(sender);
        receiver
    }

    /// One more who follows a watched question.
    pub(crate) fn follow(&mut self, scope: Scope, question: Text, sender: UnboundedSender<WatchUpdate>) {
        self.watches.push((scope, question, sender));
    }

    /// Sends an epoch's rows to all of them.
    pub(crate) fn send(&mut self, outputs: &Outputs, epoch: u64) {
        self.watches.retain(|(scope, question, sender)| {
            let of = |sign: isize| {
                let rows = outputs.watched.iter().filter(|(row, diff)| diff.signum() == sign && row.scope == *scope);
                let mut rows: Vec<_> =
                    rows.filter(|(row, _)| row.question == *question).map(|(row, _)| row.clone()).collect();
                rows.sort_by_key(|row| row.rank);
                rows
            };
            let (added, removed) = (of(1), of(-1));
            let moved = !added.is_empty() || !removed.is_empty();
            if moved {
                sender.unbounded_send(WatchUpdate { epoch, added, removed }).is_ok()
            } else {
                !sender.is_closed()
            }
        });
        if self.all.is_empty() {
            return;
        }
        let changes = EpochChanges { epoch, tables: tables(outputs) };
        self.all.retain(|sender| sender.send(changes.clone()).is_ok());
    }
}

/// The net differences of every table that changed.
pub(crate) fn tables(outputs: &Outputs) -> BTreeMap<&'static str, TableRows> {
    let mut tables = BTreeMap::new();
    add(&mut tables, "events", &outputs.events);
    add(&mut tables, "passages", &outputs.passages);
    add(&mut tables, "mentions", &outputs.mentions);
    add(&mut tables, "entities", &outputs.entities);
    add(&mut tables, "claims", &outputs.claims);
    add(&mut tables, "decisions", &outputs.decisions);
    add(&mut tables, "facts", &outputs.facts);
    add(&mut tables, "salience", &outputs.salience);
    add(&mut tables, "rankings", &outputs.rankings);
    add(&mut tables, "watched", &outputs.watched);
    add(&mut tables, "evidence", &outputs.evidence);
    add(&mut tables, "affects", &outputs.affects);
    add(&mut tables, "patterns", &outputs.patterns);
    tables
}

fn add<R: Serialize + Debug>(tables: &mut BTreeMap<&'static str, TableRows>, name: &'static str, rows: &[(R, isize)]) {
    if rows.is_empty() {
        return;
    }
    let mut changed = TableRows::default();
    for (row, diff) in rows {
        let side = if *diff > 0 { &mut changed.added } else { &mut changed.removed };
        side.push(serde_json::to_value(row).unwrap_or_default());
    }
    tables.insert(name, changed);
}
