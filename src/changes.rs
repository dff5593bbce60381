//! Changes: the rows that each epoch adds and removes, as they are committed.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::mpsc::{Receiver, Sender, channel};

use nexus_dataflows::Outputs;
use serde::Serialize;

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
pub(crate) struct Subscribers(Vec<Sender<EpochChanges>>);

impl Subscribers {
    /// One more who follows.
    pub(crate) fn subscribe(&mut self) -> Receiver<EpochChanges> {
        let (sender, receiver) = channel();
        self.0.push(sender);
        receiver
    }

    /// Sends an epoch's rows to all of them.
    pub(crate) fn send(&mut self, outputs: &Outputs, epoch: u64) {
        if self.0.is_empty() {
            return;
        }
        let changes = EpochChanges { epoch, tables: tables(outputs) };
        self.0.retain(|sender| sender.send(changes.clone()).is_ok());
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
