//! Forgetting: a user's retraction, with a receipt of all that goes with it.
//!
//! A dry run asks the graph itself: the retraction is stepped in, its differences are read, and it is stepped out again.

use std::collections::BTreeMap;
use std::sync::Arc;

use nexus_dataflows::{Inputs, Outputs};
use nexus_types::{Change, EventId, EventRow, Millis};
use serde::Serialize;

use crate::admit::{Admitted, Record, forgotten_version};
use crate::changes;
use crate::engine::Engine;
use crate::writer::Nexus;
use crate::{Error, Result};

/// What is to be forgotten: events that fit every given condition. At least one must be given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// Events by id or the beginning of it.
    pub messages: Vec<String>,
    /// The thread.
    pub thread: Option<String>,
    /// The author: a handle, a mail address, or the whole author as it is shown.
    pub author: Option<String>,
    /// The account or feed.
    pub source: Option<String>,
    /// The channel.
    pub channel: Option<String>,
    /// Said at this time or later.
    pub since: Option<Millis>,
    /// Said before this time.
    pub until: Option<Millis>,
}

/// What went, or would go.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ForgetReceipt {
    /// Whether nothing was changed yet.
    pub dry_run: bool,
    /// The events.
    pub events: Vec<String>,
    /// Rows that go, by table.
    pub removed: BTreeMap<&'static str, usize>,
    /// Rows that come, by table: what held before the forgotten word, and holds again.
    pub added: BTreeMap<&'static str, usize>,
    /// The epoch in which they are gone.
    pub epoch: Option<u64>,
}

impl Nexus {
    /// Forgets the events that fit, and all that follows from them; a dry run only tells what would go. The bytes are
    /// removed by [`Nexus::erase`].
    pub fn forget(&mut self, selector: &Selector, dry_run: bool) -> Result<ForgetReceipt> {
        if *selector == Selector::default() {
            return Err(Error::argument(
                "nothing is selected: name a message, thread, author, source, channel or time",
            ));
        }
        let named = [&selector.thread, &selector.author, &selector.source, &selector.channel];
        if named.into_iter().flatten().chain(&selector.messages).any(|name| name.trim().is_empty()) {
            return Err(Error::argument(
                "an empty name selects nothing: leave it out, or say whose messages are to go",
            ));
        }
        self.engine.turn()?;
        let events = self.memory()?.select(selector)?;
        let receipt =
            ForgetReceipt { dry_run, events: events.iter().map(ToString::to_string).collect(), ..Default::default() };
        if events.is_empty() {
            return Ok(receipt);
        }
        let rows = self.tombstones(&events);
        let outputs = self.engine.what_if(Inputs { events: rows, ..Inputs::default() })?;
        let epoch = if dry_run { None } else { Some(self.forget_events(events)?) };
        Ok(ForgetReceipt { epoch, ..counted(receipt, &outputs) })
    }

    fn tombstones(&self, events: &[EventId]) -> Vec<(Arc<EventRow>, isize)> {
        let scope = self.scope();
        let version = |id| forgotten_version(self.engine.heads.version(id));
        events.iter().map(|id| (Arc::new(EventRow::tombstone(scope.clone(), *id, version(*id))), 1)).collect()
    }

    fn forget_events(&mut self, events: Vec<EventId>) -> Result<u64> {
        let scope = self.scope().clone();
        self.engine.whole(|engine| {
            let records = events.into_iter().filter_map(|id| {
                match engine.heads.admit(Change::Forget { scope: scope.clone(), id }) {
                    Admitted::Deleted(record) => Some(record),
                    _ => None,
                }
            });
            let records = records.collect();
            engine.acknowledge(vec![Record::Events(records)])
        })?;
        Ok(self.engine.turn()?.epoch)
    }
}

impl Engine {
    /// What these inputs would change: stepped in, read, and stepped out again. Open asks are left as they are.
    pub(crate) fn what_if(&mut self, inputs: Inputs) -> Result<Outputs> {
        let inverse = inputs.negated();
        let (outputs, mut back) = self.whole(|engine| -> Result<(Outputs, Outputs)> {
            let outputs = engine.feed(inputs)?;
            Ok((outputs, engine.feed(inverse)?))
        })?;
        self.texts.committed();
        let answer = outputs.clone();
        back.merge(outputs);
        if !back.is_empty() {
            self.failed = Some("a dry run left a difference".into());
            return Err(Error::internal("a dry run could not be taken back"));
        }
        Ok(answer)
    }
}

fn counted(mut receipt: ForgetReceipt, outputs: &Outputs) -> ForgetReceipt {
    for (table, rows) in changes::tables(outputs) {
        if table == "events" {
            continue;
        }
        receipt.removed.insert(table, rows.removed.len());
        receipt.added.insert(table, rows.added.len());
    }
    receipt
}
