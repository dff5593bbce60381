//! What feeds bring, taken in: decided, appended to the tail with how far each feed is read, made memory.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use nexus_connectors::Item;
use nexus_connectors::live::{Batch, Named, Parcel, Receipt, Resume};
use nexus_types::tables::{EventRecord, Letter, Reject};
use nexus_types::{Change, EventId, Scope, Text};

use super::config::FeedsConfig;
use super::health::Published;
use super::pulse::{Brought, Pulse};
use super::sinks::{Outbound, ROWS_AT_ONCE, dispatch};
use super::supervise::{Board, on_followed};
use crate::admit::Record;
use crate::engine::{Engine, Turn};
use crate::feeds::FeedState;
use crate::ingest::deleted;
use crate::letters::lettered;
use crate::outbox::{Cursor, Outbox, Wish};
use crate::writer::{Counts, Nexus};
use crate::{Result, clock};

/// Work for the thread that owns the store.
pub type Job = Box<dyn FnOnce(&mut Nexus) + Send>;

/// What is taken in and not yet memory, and what waits to be taken in.
pub(super) struct Intake<'a> {
    nexus: &'a mut Nexus,
    board: Board,
    pulse: Pulse,
    parcels: Vec<Parcel>,
    /// How many items these have.
    items: usize,
    /// By feed: edits of messages without revisions, until their input has been read to its end.
    edits: BTreeMap<Text, BTreeMap<EventId, Change>>,
    /// The whole of what could not be read.
    letters: Vec<Letter>,
    /// By sink: what it is to have.
    wishes: BTreeMap<Text, Wish>,
    /// Whether anything was taken in since the last epoch.
    news: bool,
}

impl<'a> Intake<'a> {
    pub(super) fn new(nexus: &'a mut Nexus, board: Board, published: Published) -> Intake<'a> {
        let (parcels, items, edits, letters, wishes, news) = Default::default();
        Intake { nexus, board, pulse: Pulse::new(published), parcels, items, edits, letters, wishes, news }
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
            let opened = self.open(&named, batch, (&mut events, &mut rejects), &mut states);
            // What was decided before is not on the disk, and admission is ahead of it.
            self.nexus.engine.unless_failed(opened)?;
        }
        self.news |= !events.is_empty() || !rejects.is_empty();
        let mut records = Vec::new();
        if !events.is_empty() {
            records.push(Record::Events(events));
        }
        if !rejects.is_empty() {
            records.push(Record::Rejects(rejects));
        }
        if !self.letters.is_empty() {
            records.push(Record::Letters { came: std::mem::take(&mut self.letters), gone: Vec::new() });
        }
        records.extend(states.into_iter().map(Record::Feed));
        self.nexus.engine.acknowledge(records)?;
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
        let (waited, bytes) = (batch.items.len(), batch.bytes());
        let Batch { items, offset, notes, unfinished } = batch;
        let (mut changes, before) = (Vec::with_capacity(items.len()), rejects.len());
        for item in items {
            match item {
                Item::Change(change) => changes.extend(self.unless_edit(named, change)),
                Item::Reject(reject) => {
                    let (reject, letter) = lettered(&named.scope, &named.feed, reject);
                    rejects.push(reject);
                    self.letters.extend(letter);
                }
            }
        }
        if !unfinished && let Some(edits) = self.edits.remove(&named.feed) {
            changes.extend(edits.into_values());
        }
        let (counts, news) = self.nexus.engine.decide(changes)?;
        self.count(&named.feed, (waited, bytes), counts, (&news, &rejects[before..]));
        events.extend(news);
        let offset = match offset {
            Some(offset) if named.scope.is_empty() => self.of_sink(&named.feed, &offset),
            offset => offset,
        };
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

    fn count(
        &self,
        feed: &Text,
        (waited, bytes): (usize, usize),
        counts: Counts,
        (news, rejects): (&[EventRecord], &[Reject]),
    ) {
        if let Some(first) = rejects.first() {
            let (position, reason) = (&*first.position, &*first.reason);
            tracing::warn!(feed = %feed, rejects = rejects.len(), position, reason, "cannot be read");
        }
        let came = counts.added + counts.changed + counts.deleted;
        // How late an edit is, its message does not say.
        let said = |record: &EventRecord| record.event.as_ref().map(|event| event.said_at);
        let newest = if counts.added > 0 { news.iter().filter_map(said).max() } else { None };
        let brought = Brought {
            messages: (came + counts.unchanged) as u64,
            news: came as u64,
            rejects: rejects.len() as u64,
            bytes: bytes as u64,
            newest,
        };
        on_followed(&self.board, feed, |health| {
            health.unqueues(waited, bytes);
            health.brings(brought, clock::now());
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

    /// Notes which sinks there are: what a new one is to have begins here; nothing waits for one that is gone.
    pub(super) fn register(&mut self, config: &FeedsConfig) -> Result<()> {
        let engine = &self.nexus.engine;
        let now = engine.outbox.end(engine.store.checkpoint().epoch);
        let held = engine.feeds.sinks().map(|(name, cursor)| (name.clone(), cursor));
        let held: BTreeMap<Text, Cursor> = held.collect();
        self.wishes = config.wishes().collect();
        let mut offsets: Vec<(Text, Text)> = Vec::new();
        for (name, wish) in &self.wishes {
            let at = held.get(name).map_or(now, |held| held.at);
            let cursor = Cursor { at, wish: wish.clone() };
            if held.get(name) != Some(&cursor) {
                offsets.push((name.clone(), cursor.to_offset()));
            }
        }
        let gone = held.into_keys().filter(|name| !self.wishes.contains_key(name));
        offsets.extend(gone.map(|name| (name, "".into())));
        if offsets.is_empty() {
            return Ok(());
        }
        let state = |(feed, offset)| FeedState { scope: "".into(), feed, offset: Some(offset), notes: Vec::new() };
        self.nexus.engine.acknowledge(offsets.into_iter().map(|one| Record::Feed(state(one))).collect())?;
        // Whatever is committed from now on leaves.
        self.turn(Duration::ZERO)
    }

    /// How far a sink says it is, with what it is to have by now; nothing of one that is there no more.
    fn of_sink(&self, name: &Text, offset: &str) -> Option<Text> {
        let (wish, cursor) = (self.wishes.get(name)?.clone(), Cursor::from_offset(offset)?);
        Some(Cursor { wish, ..cursor }.to_offset())
    }

    /// What leaves through a sink behind its place; `None` if nothing waits.
    pub(super) fn outbound(&self, after: &Cursor) -> Result<Option<Outbound>> {
        let engine = &self.nexus.engine;
        let Some(until) = engine.outbox.until(after.at, ROWS_AT_ONCE) else { return Ok(None) };
        let rows = engine.runtime.block_on(async {
            let snapshot = engine.store.snapshot().await?;
            Outbox::read(&snapshot, after.at, until).await
        })?;
        let wanted = rows.iter().filter(|row| after.wish.fits(&row.table, &row.scope));
        let dispatches = wanted.map(|row| Ok((row.at, dispatch(engine.store.id(), row)?)));
        Ok(Some(Outbound { dispatches: dispatches.collect::<Result<_>>()?, until }))
    }

    /// Looks how much waits for each sink.
    pub(super) fn measure_sinks(&self) {
        let engine = &self.nexus.engine;
        for (name, cursor) in engine.feeds.sinks() {
            let waits = engine.outbox.behind(cursor.at);
            on_followed(&self.board, name, |health| health.queue_items = waits);
        }
    }

    /// Lets somebody else work with the store, between two epochs; gives those of the followed feeds of whose notes some
    /// were taken. If that panics, the run goes on with a sound engine, or ends.
    pub(super) fn lend(&mut self, job: Job, followed: BTreeSet<(Scope, Text)>) -> Result<BTreeSet<(Scope, Text)>> {
        self.take_in()?;
        // What feeds brought is an epoch of its own: the command tells what its own came to.
        if self.news {
            self.turn(Duration::ZERO)?;
        }
        let settings = &self.nexus.engine.settings;
        let (scope, embed) = (settings.scope.clone(), settings.embed);
        self.pulse.lend();
        self.nexus.engine.feeds.lent(followed);
        let done = catch_unwind(AssertUnwindSafe(|| job(self.nexus)));
        let shortened = self.nexus.engine.feeds.given_back();
        self.nexus.stand_in(scope, embed);
        if done.is_err() {
            tracing::error!("a command panicked, which is a bug in Nexus: please report it with what was printed");
        }
        // What must not be left half done has marked the engine; between such steps it is as it was.
        self.nexus.engine.sound()?;
        self.nexus.republish()?;
        Ok(shortened)
    }

    /// Makes what was taken in one epoch, with so much time for models.
    pub(super) fn turn(&mut self, models: Duration) -> Result<()> {
        self.timed(|engine| engine.turn_within(models))
    }

    /// The same, with the time that the settings give models; those that could not answer lately are tried again.
    pub(super) fn turn_whole(&mut self) -> Result<()> {
        self.timed(Engine::turn)
    }

    fn timed(&mut self, turn: impl FnOnce(&mut Engine) -> Result<Turn>) -> Result<()> {
        let (began, before) = (Instant::now(), self.nexus.engine.store.checkpoint().epoch);
        let epoch = turn(&mut self.nexus.engine)?.epoch;
        if epoch > before {
            self.pulse.epoch(epoch, began.elapsed());
        }
        let now = clock::now();
        self.board.lock().unwrap_or_else(PoisonError::into_inner).values_mut().for_each(|health| health.shows(now));
        self.news = false;
        self.nexus.republish()
    }

    /// Says that the thread comes round.
    pub(super) fn beat(&mut self) {
        self.pulse.beat(&self.nexus.engine, self.news);
    }

    /// Indexes and files, a little.
    pub(super) fn keep_up(&mut self) -> Result<()> {
        self.nexus.engine.maintain().map(drop)
    }
}
