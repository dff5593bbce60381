//! What feeds bring, taken in: decided, appended to the tail with how far each feed is read, made memory.

use std::collections::BTreeMap;
use std::time::Duration;

use nexus_connectors::Item;
use nexus_connectors::live::{Batch, Named, Parcel, Receipt, Resume};
use nexus_types::tables::{EventRecord, Reject};
use nexus_types::{Change, EventId, Text};

use super::supervise::{Board, on};
use crate::admit::Record;
use crate::feeds::FeedState;
use crate::ingest::{deleted, rejected};
use crate::writer::{Counts, Nexus};
use crate::{Result, clock};

/// What is taken in and not yet memory, and what waits to be taken in.
pub(super) struct Intake<'a> {
    nexus: &'a mut Nexus,
    board: Board,
    parcels: Vec<Parcel>,
    /// How many items these have.
    items: usize,
    /// By feed: edits of messages without revisions, until their input has been read to its end.
    edits: BTreeMap<Text, BTreeMap<EventId, Change>>,
    /// Whether anything was taken in since the last epoch.
    news: bool,
}

impl<'a> Intake<'a> {
    pub(super) fn new(nexus: &'a mut Nexus, board: Board) -> Intake<'a> {
        let (parcels, items, edits, news) = Default::default();
        Intake { nexus, board, parcels, items, edits, news }
    }

    /// Adds a parcel to those that are taken in next.
    pub(super) fn add(&mut self, parcel: Parcel) {
        self.items += parcel.batch.items.len();
        self.parcels.push(parcel);
    }

    /// Whether there is enough for an epoch.
    pub(super) fn is_full(&self) -> bool {
        self.items >= self.nexus.engine.settings.epoch_events_max
    }

    /// Whether something waits for an epoch.
    pub(super) fn has_news(&self) -> bool {
        self.news
    }

    /// Whether models at hand have something to answer.
    pub(super) fn has_questions(&self) -> bool {
        self.nexus.engine.answerable() > 0
    }

    /// Takes in what was added, in one append: when this returns it is on the disk, and feeds are told so.
    pub(super) fn take_in(&mut self) -> Result<()> {
        if self.parcels.is_empty() {
            return Ok(());
        }
        self.items = 0;
        let (mut events, mut rejects, mut states) = (Vec::new(), Vec::new(), Vec::new());
        let mut receipts: Vec<Receipt> = Vec::new();
        for parcel in std::mem::take(&mut self.parcels) {
            let (named, batch, receipt) = parcel.open();
            receipts.push(receipt);
            self.open(&named, batch, (&mut events, &mut rejects), &mut states)?;
        }
        self.news |= !events.is_empty() || !rejects.is_empty();
        let mut records = Vec::new();
        if !events.is_empty() {
            records.push(Record::Events(events));
        }
        if !rejects.is_empty() {
            records.push(Record::Rejects(rejects));
        }
        records.extend(states.into_iter().map(Record::Feed));
        if let Err(error) = self.nexus.engine.acknowledge(records) {
            // What was decided is not on the disk: only opening the store again brings both together.
            self.nexus.engine.failed = Some(error.to_string());
            return Err(error);
        }
        receipts.into_iter().for_each(Receipt::keep);
        Ok(())
    }

    fn open(
        &mut self,
        named: &Named,
        batch: Batch,
        (events, rejects): (&mut Vec<EventRecord>, &mut Vec<Reject>),
        states: &mut Vec<FeedState>,
    ) -> Result<()> {
        let Batch { items, offset, notes, unfinished } = batch;
        let (mut changes, before) = (Vec::with_capacity(items.len()), rejects.len());
        for item in items {
            match item {
                Item::Change(change) => changes.extend(self.unless_edit(named, change)),
                Item::Reject(reject) => rejects.push(rejected(&named.scope, &named.feed, reject)),
            }
        }
        if !unfinished && let Some(edits) = self.edits.remove(&named.feed) {
            changes.extend(edits.into_values());
        }
        let (counts, news) = self.nexus.decide(changes)?;
        events.extend(news);
        self.count(named, counts, rejects.len() - before);
        if offset.is_some() || !notes.is_empty() {
            states.push(FeedState { scope: named.scope.clone(), feed: named.feed.clone(), offset, notes });
        }
        Ok(())
    }

    /// A change with its times filled in, unless it is an edit that waits.
    fn unless_edit(&mut self, named: &Named, change: Change) -> Option<Change> {
        let Change::Upsert(event) = change else {
            if let (Some(edits), Some(id)) = (self.edits.get_mut(&named.feed), deleted(&change)) {
                edits.remove(&id);
            }
            return Some(change);
        };
        let event = self.nexus.completed(*event);
        let id = event.id();
        let change = Change::Upsert(Box::new(event));
        let edits = self.edits.entry(named.feed.clone()).or_default();
        if self.nexus.engine.heads.edits_unversioned(&change) {
            edits.insert(id, change);
            return None;
        }
        edits.remove(&id);
        Some(change)
    }

    fn count(&self, named: &Named, counts: Counts, rejects: usize) {
        let news = counts.added + counts.changed + counts.deleted;
        on(&self.board, &named.feed, |health| {
            health.messages += (news + counts.unchanged) as u64;
            health.news += news as u64;
            health.rejects += rejects as u64;
        });
    }

    /// Where a feed goes on. What it left unfinished it reads again.
    pub(super) fn resume(&mut self, named: &Named) -> Result<Resume> {
        self.edits.remove(&named.feed);
        // A state that waits in the tail is not yet among those of the engine.
        if self.nexus.engine.pending.iter().any(|record| matches!(record, Record::Feed(_))) {
            self.turn(Duration::ZERO)?;
        }
        let engine = &self.nexus.engine;
        let runtime = engine.runtime.clone();
        let snapshot = runtime.block_on(engine.store.snapshot())?;
        let notes = runtime.block_on(engine.feeds.notes(&snapshot, &named.scope, &named.feed))?;
        Ok(Resume { offset: engine.feeds.offset(&named.scope, &named.feed), notes, at: clock::now() })
    }

    /// Makes what was taken in one epoch, with so much time for models.
    pub(super) fn turn(&mut self, models: Duration) -> Result<()> {
        self.nexus.engine.turn_within(models)?;
        self.news = false;
        self.nexus.republish()
    }

    /// The same, with the time that the settings give models; those that could not answer lately are tried again.
    pub(super) fn turn_whole(&mut self) -> Result<()> {
        self.nexus.engine.turn()?;
        self.news = false;
        self.nexus.republish()
    }

    /// Indexes and files, a little.
    pub(super) fn keep_up(&mut self) -> Result<()> {
        self.nexus.engine.maintain().map(drop)
    }
}
