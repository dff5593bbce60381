//! Opening for writing: the graph is rebuilt from the stored inputs, oldest first, then the tail is replayed.
//!
//! No model runs. What the rebuilt graph gives out is what the tables hold already, unless they were written by another
//! version of the graph: then it takes everything in at once, and the difference is written as one epoch. Cost: one pass
//! over events' keys and answers.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use futures::StreamExt;
use nexus_dataflows::{GRAPH_VERSION, Graph, Inputs};
use nexus_inference::{Model, Patterns, models};
use nexus_storage::{Commit, Opener, Snapshot, Store};
use nexus_types::passage::PASSAGE_BYTES_MAX;
use nexus_types::tables::{AnswersTable, EventsTable, PolicyTable};
use nexus_types::{Event, PolicyRow, Scope, Text};
use tokio::runtime::Runtime;

use crate::admit::{Heads, Record};
use crate::engine::{Engine, meta};
use crate::feeds::Feeds;
use crate::outbox::{self, Cursor, Outbox};
use crate::texts::TextStore;
use crate::{Error, Result, Settings, clock, embedder, verify};

/// Stack of the store's threads: its futures are deep.
const STACK_BYTES: usize = 16 << 20;

/// How many threads read and write files. Each keeps what it has once allocated: the 130 that would come by themselves
/// under a long intake keep a gigabyte.
const READERS: usize = 8;

/// The runtime that storage and queries work on.
pub(crate) fn runtime() -> Result<Arc<Runtime>> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(READERS)
        .thread_name("nexus")
        .thread_stack_size(STACK_BYTES)
        .enable_all()
        .build()
        .map(Arc::new)
        .map_err(|error| Error::io("the runtime's threads", error))
}

impl Engine {
    /// Opens a store for writing; creates it if the folder is absent or empty.
    pub(crate) fn open(path: &Path, settings: Settings) -> Result<Engine> {
        if !(1..=64).contains(&settings.workers) {
            return Err(Error::argument(format!("{} workers: give a number from 1 to 64", settings.workers)));
        }
        settings.device.check()?;
        let runtime = runtime()?;
        let program = std::env::args().next().unwrap_or_else(|| "nexus".into());
        let opener = Opener { program, at: clock::now() };
        let store = runtime.block_on(Store::create_or_open(path, settings.storage.clone(), opener))?;
        let texts = Arc::new(TextStore::new(store.reader(), runtime.handle().clone()));
        let graph = Graph::start(settings.workers, texts.clone())?;
        let mut engine = Engine {
            settings,
            graph,
            texts,
            models: vec![Arc::new(Patterns::new()?)],
            heads: Heads::default(),
            policy: BTreeSet::new(),
            asks: Default::default(),
            put_off: Default::default(),
            tick: -1,
            sized: 0,
            subscribers: Default::default(),
            feeds: Default::default(),
            outbox: Default::default(),
            warm: Default::default(),
            store,
            pending: Vec::new(),
            scopes: BTreeSet::new(),
            failed: None,
            times: Default::default(),
            runtime,
        };
        engine.hydrate()?;
        engine.replay()?;
        Ok(engine)
    }

    /// Feeds the stored inputs to the graph.
    fn hydrate(&mut self) -> Result<()> {
        let checkpoint = self.store.checkpoint().clone();
        let runtime = self.runtime.clone();
        let snapshot = runtime.block_on(self.store.snapshot())?;
        self.tick = checkpoint.meta.get(meta::TICK).and_then(|tick| tick.parse().ok()).unwrap_or(-1);
        self.feeds = Feeds::from_meta(checkpoint.meta.get(meta::FEEDS).map_or("", String::as_str))?;
        self.outbox = runtime.block_on(Outbox::of(&snapshot))?;
        // Its passages are made anew: all their texts are needed.
        let migrated = snapshot.rows("events") > 0 && !snapshot.has("passages");
        let (heads, texts) = (&mut self.heads, &self.texts);
        let inputs = runtime.block_on(stored_inputs(&snapshot, self.tick, |record| {
            heads.raise(record);
            let long = |event: &Event| event.text.len() > PASSAGE_BYTES_MAX;
            if migrated || record.event.as_ref().is_some_and(long) {
                texts.add(record);
            }
        }))?;
        self.policy = inputs.policy.iter().map(|(row, _)| row.clone()).collect();
        self.scopes = self.policy.iter().map(|row| row.scope.clone()).collect();
        if self.settings.embed {
            let wanted: BTreeSet<&Text> = self.policy.iter().filter_map(embedder::model).collect();
            let wanted: Vec<_> = wanted.into_iter().filter_map(|id| models::with_id(id)).collect();
            wanted.iter().try_for_each(|known| self.load(known).map(drop))?;
        }
        self.note_watched();
        self.load_watched(self.scopes.clone())?;
        let same_graph = checkpoint.meta.get(meta::GRAPH) == Some(&GRAPH_VERSION.to_string());
        if checkpoint.epoch == 0 || (same_graph && !migrated) {
            for ask in self.graph.restore(inputs)? {
                self.asks.entry(ask.model).or_default().insert(ask.text);
            }
            self.texts.sound()?;
        } else {
            let outputs = self.step(inputs)?;
            // What a sink that came last is to have, and how far others are, the tail alone may know.
            for record in self.tail()? {
                if let Record::Feed(state) = record
                    && state.scope.is_empty()
                {
                    self.feeds.take_in(state);
                }
            }
            self.migrate(&snapshot, &outputs)?;
        }
        self.texts.committed();
        Ok(())
    }

    /// The tables were written by another version of the graph: writes the difference as one epoch.
    fn migrate(&mut self, snapshot: &Snapshot, outputs: &nexus_dataflows::Outputs) -> Result<()> {
        let runtime = self.runtime.clone();
        let mut changes = runtime.block_on(verify::repair(snapshot, outputs, &self.texts))?;
        let rows: usize = changes.iter().map(|change| change.delete.len()).sum();
        tracing::info!(
            rows,
            version = GRAPH_VERSION,
            "the graph is newer than the store: its tables are brought up to date"
        );
        let (epoch, sinks) = (self.store.checkpoint().epoch + 1, self.feeds.sinks().map(|(_, sink)| sink));
        let sinks: Vec<Cursor> = sinks.collect();
        if !sinks.is_empty() {
            let (went, mut came) = (runtime.block_on(outbox::remade(snapshot, &changes))?, outputs.clone());
            let remade = |table: &str| changes.iter().any(|change| change.table.name == table);
            if !remade("facts") {
                came.facts.clear();
            }
            if !remade("decisions") {
                came.decisions.clear();
            }
            if !remade("watched") {
                came.watched.clear();
            }
            changes.extend(self.outbox.change_after(went, &came, epoch, &sinks)?);
        }
        let commit = Commit {
            epoch,
            changes,
            tail_through: self.store.checkpoint().tail_through,
            meta: self.meta(),
            committed_at: clock::now(),
        };
        runtime.block_on(self.store.commit(commit))?;
        Ok(())
    }

    /// Replays what was acknowledged after the last checkpoint.
    fn replay(&mut self) -> Result<()> {
        for mut record in self.tail()? {
            if let Record::Events(events) = &mut record {
                events.retain(|event| self.heads.raise(event));
            }
            if let Record::Policy { added, .. } = &record {
                self.scopes.extend(added.iter().map(|row| row.scope.clone()));
            }
            self.pending.push(record);
        }
        if !self.pending.is_empty() {
            self.turn()?;
        }
        Ok(())
    }

    /// What was acknowledged and no checkpoint has.
    fn tail(&self) -> Result<Vec<Record>> {
        let from = self.store.checkpoint().tail_through + 1;
        let mut records = Vec::new();
        self.store.tail().clone().replay_from(from, |_, bytes| {
            records.push(Record::from_bytes(bytes));
            Ok(())
        })?;
        records.into_iter().collect()
    }

    /// Gives a scope its default policy, and an embedder to be read by, if it has none yet.
    pub(crate) fn ensure_scope(&mut self, scope: &Scope) -> Result<()> {
        let mut added = Vec::new();
        if !self.scopes.contains(scope) {
            added.extend(nexus_types::policy::defaults(scope));
        }
        let pending = self.pending.iter().flat_map(|record| match record {
            Record::Policy { added, .. } => added.as_slice(),
            _ => &[],
        });
        if self.settings.embed && embedder::wanted(self.policy.iter().chain(pending), Some(scope)).is_empty() {
            let known = models::default();
            if self.load(known)? {
                added.push(PolicyRow { scope: scope.clone(), policy: embedder::asks(&known.id()) });
            }
        }
        if !added.is_empty() {
            self.acknowledge(vec![Record::Policy { added, removed: Vec::new() }])?;
        }
        self.scopes.insert(scope.clone());
        Ok(())
    }

    /// Makes sure that a model is at hand; false if it is not here.
    pub(crate) fn load(&mut self, known: &models::Known) -> Result<bool> {
        let id = known.id();
        if self.models.iter().any(|model| model.id() == id) {
            return Ok(true);
        }
        let device = self.settings.device;
        let loaded: Vec<Arc<dyn Model>> = match known.load_extractor(device)? {
            Some(loaded) => loaded,
            None => known.load(device)?.into_iter().collect(),
        };
        // An extractor brings its encoder with it, and is asked first: it answers for both.
        self.models.retain(|model| loaded.iter().all(|other| other.id() != model.id()));
        let here = !loaded.is_empty();
        self.models.extend(loaded);
        Ok(here)
    }
}

/// Reads the four inputs of a snapshot; `visit` sees every event's record.
pub(crate) async fn stored_inputs(
    snapshot: &Snapshot,
    tick: i64,
    mut visit: impl FnMut(&nexus_types::tables::EventRecord),
) -> Result<Inputs> {
    let mut inputs = Inputs { ticks: (0..=tick).map(|day| (day, 1)).collect(), ..Inputs::default() };
    let mut names = Interner::default();
    let mut events = snapshot.stream("events", None, None).await?;
    while let Some(batch) = events.next().await {
        for record in EventsTable::decode(&batch?)? {
            visit(&record);
            let mut row = record.row();
            names.share(&mut row);
            inputs.events.push((Arc::new(row), 1));
        }
    }
    let mut answers = snapshot.stream("answers", None, None).await?;
    while let Some(batch) = answers.next().await {
        inputs.answers.extend(AnswersTable::decode(&batch?)?.into_iter().map(|row| (row, 1)));
    }
    for batch in snapshot.scan("policy", None, None).await? {
        inputs.policy.extend(PolicyTable::decode(&batch)?.into_iter().map(|row| (row, 1)));
    }
    Ok(inputs)
}

/// Lets rows that say the same name share it.
#[derive(Default)]
struct Interner(BTreeSet<nexus_types::Text>);

impl Interner {
    fn share(&mut self, row: &mut nexus_types::EventRow) {
        for name in [&mut row.scope, &mut row.source, &mut row.platform, &mut row.channel, &mut row.author] {
            match self.0.get(name) {
                Some(held) => *name = held.clone(),
                None => _ = self.0.insert(name.clone()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use arrow::array::AsArray;
    use nexus_storage::{TableChange, TableSpec};
    use nexus_types::tables::{FactsTable, OutboxAt};

    use super::*;
    use crate::Nexus;
    use crate::feeds::FeedState;
    use crate::outbox::Wish;

    /// The store as another version of the graph left it, which held no facts.
    fn ages(nexus: &mut Nexus) {
        let (engine, facts) = (&mut nexus.engine, FactsTable::table());
        let runtime = engine.runtime.clone();
        let keys = runtime.block_on(async {
            let snapshot = engine.store.snapshot().await.unwrap();
            snapshot.scan("facts", Some(&[facts.key]), None).await.unwrap()
        });
        let keys = keys.iter().flat_map(|batch| batch.column(0).as_string::<i32>().iter().flatten());
        let delete: Vec<String> = keys.map(str::to_owned).collect();
        assert!(!delete.is_empty());
        let mut kept = engine.meta();
        kept.insert(meta::GRAPH.into(), "0".into());
        let commit = Commit {
            epoch: engine.store.checkpoint().epoch + 1,
            changes: vec![TableChange { table: TableSpec::from(&facts), delete, append: Vec::new() }],
            tail_through: engine.store.tail().next_seq() - 1,
            meta: kept,
            committed_at: clock::now(),
        };
        runtime.block_on(engine.store.commit(commit)).unwrap();
    }

    #[test]
    fn a_sink_that_came_just_before_is_told_what_a_migration_changes() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Nexus::open_with(folder.path(), Settings { embed: false, ..Settings::default() }).unwrap();
        let mut nexus = open();
        nexus.say("I moved to Rome.", Some("anna")).unwrap();
        ages(&mut nexus);
        let at = OutboxAt { epoch: nexus.engine.store.checkpoint().epoch, ordinal: 0 };
        let wish = Wish { of: ["facts"].map(Text::from).into_iter().collect(), scope: None };
        let offset = Some(Cursor { at, wish }.to_offset());
        let state = FeedState { scope: "".into(), feed: "sink/out".into(), offset, notes: Vec::new() };
        nexus.engine.acknowledge(vec![Record::Feed(state)]).unwrap();
        // No epoch has a reason to be written before the upgrade.
        nexus.abandon();
        let nexus = open();
        let engine = &nexus.engine;
        let until = engine.outbox.until(at, 100).expect("nothing waits for the sink");
        let told = engine.runtime.block_on(async {
            let snapshot = engine.store.snapshot().await.unwrap();
            Outbox::read(&snapshot, at, until).await.unwrap()
        });
        assert!(told.iter().any(|row| row.row.as_deref().is_some_and(|row| row.contains("Rome"))), "{told:?}");
    }
}
