//! The crank. One epoch: admit, step, ask, commit, publish. Nothing else moves time.
//!
//! A change is acknowledged once it is in the tail log; it is memory once the checkpoint that names its epoch is written.
//! A crash in between replays the tail: the graph is a pure function, so it arrives at the same state.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nexus_dataflows::{GRAPH_VERSION, Graph, Inputs, Outputs};
use nexus_inference::Model;
use nexus_storage::{Checkpoint, Commit, Store};
use nexus_types::{Policy, PolicyRow, Scope, Task, Text};
use tokio::runtime::Runtime;

use crate::admit::{Heads, Record};
use crate::ask::{Answered, OpenAsks};
use crate::changes::Subscribers;
use crate::commit::{self, Ground};
use crate::embedder::Embedder;
use crate::feeds::Feeds;
use crate::outbox::Outbox;
use crate::texts::TextStore;
use crate::watch;
use crate::{Error, ErrorKind, Result, Settings, clock};

/// The names under which a checkpoint's `meta` keeps what is not in a table.
pub(crate) mod meta {
    pub(crate) const GRAPH: &str = "graph_version";
    pub(crate) const TICK: &str = "tick";
    pub(crate) const OPEN_ASKS: &str = "open_asks";
    pub(crate) const FEEDS: &str = "feeds";
}

/// Maintenance steps after an ordinary epoch.
const MAINTAIN_STEPS: usize = 1;

/// The most maintenance steps after an ingest.
const SETTLE_ROUNDS_MAX: usize = 100;

/// Why an engine has failed that panicked. Not what the panic says: that may quote what somebody wrote.
const PANICKED: &str = "it panicked half way, which is a bug in Nexus: please report it with what was printed";

/// One writer's engine: the store, the graph over it, and what stands between them.
pub(crate) struct Engine {
    pub(crate) settings: Settings,
    pub(crate) graph: Graph,
    pub(crate) texts: Arc<TextStore>,
    pub(crate) models: Vec<Arc<dyn Model>>,
    pub(crate) heads: Heads,
    pub(crate) policy: BTreeSet<PolicyRow>,
    pub(crate) asks: OpenAsks,
    /// Models that cannot answer now, and why: until the next turn, or the end of a run, nothing is asked of them.
    pub(crate) put_off: BTreeMap<Text, Text>,
    pub(crate) tick: i64,
    /// How many passages the store had when it was last looked whether watches need new statistics.
    pub(crate) sized: u64,
    pub(crate) subscribers: Subscribers,
    /// How far live feeds are read.
    pub(crate) feeds: Feeds,
    /// What waits to leave through sinks.
    pub(crate) outbox: Outbox,
    /// What recall keeps in memory of the store.
    pub(crate) warm: Arc<nexus_query::Warm>,
    pub(crate) store: Store,
    /// Admitted and acknowledged, not yet part of an epoch.
    pub(crate) pending: Vec<Record>,
    /// Scopes that have their default policy.
    pub(crate) scopes: BTreeSet<Scope>,
    /// Why an epoch failed half way: the graph is then ahead of the store, and only opening again brings them together.
    pub(crate) failed: Option<String>,
    /// Of the last epoch.
    pub(crate) times: EpochTimes,
    pub(crate) runtime: Arc<Runtime>,
}

/// How long the parts of the last epoch took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EpochTimes {
    /// The graph: taking in what was admitted and answered.
    pub graph: Duration,
    /// The models.
    pub models: Duration,
    /// Writing tables and the checkpoint.
    pub commit: Duration,
}

/// What one turn did.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) epoch: u64,
    pub(crate) facts: (usize, usize),
}

impl Engine {
    /// Acknowledges records: appends them to the tail log, fsynced, and keeps them for the next turn.
    pub(crate) fn acknowledge(&mut self, mut records: Vec<Record>) -> Result<()> {
        self.sound()?;
        self.feeds.sift(&mut records);
        let bytes = records.iter().map(Record::to_bytes).collect::<Result<Vec<_>>>()?;
        if !bytes.is_empty() {
            // What was decided is not on the disk then: admission is ahead of it, until the store is opened again.
            let appended = self.whole(|engine| engine.store.tail().append(&bytes));
            self.unless_failed(appended.map_err(Error::from))?;
            self.pending.extend(records);
        }
        Ok(())
    }

    /// Turns all that is acknowledged into one epoch. Without anything to do it is the last epoch again.
    pub(crate) fn turn(&mut self) -> Result<Turn> {
        self.put_off.clear();
        self.turn_within(Duration::from_millis(self.settings.model_budget_ms))
    }

    /// The same, with a budget for the models.
    pub(crate) fn turn_within(&mut self, budget: Duration) -> Result<Turn> {
        self.sound()?;
        let turn = self.whole(|engine| engine.crank(budget));
        self.unless_failed(turn)
    }

    /// Hands on how something ended that may not be left half done: if it failed, so has the engine.
    pub(crate) fn unless_failed<T>(&mut self, done: Result<T>) -> Result<T> {
        done.inspect_err(|error| _ = self.failed.get_or_insert_with(|| error.to_string()))
    }

    /// Does something that must not be left half done: if it panics, the engine has failed, whoever catches that.
    pub(crate) fn whole<T>(&mut self, work: impl FnOnce(&mut Engine) -> T) -> T {
        let mut under_way = UnderWay { engine: self, ended: false };
        let done = work(under_way.engine);
        under_way.ended = true;
        done
    }

    /// Refuses to go on after an epoch that failed half way.
    pub(crate) fn sound(&self) -> Result<()> {
        match &self.failed {
            None => Ok(()),
            Some(error) => Err(Error::new(
                ErrorKind::Io,
                format!("an epoch could not be written ({error}). Nothing acknowledged is lost: open the store again"),
            )),
        }
    }

    fn crank(&mut self, budget: Duration) -> Result<Turn> {
        let (inputs, ground) = self.admit()?;
        self.times = EpochTimes::default();
        let mut outputs = self.step(inputs)?;
        let (asking, stepped) = (Instant::now(), self.times.graph);
        let answered = self.ask(&mut outputs, budget)?;
        self.times.models = asking.elapsed().saturating_sub(self.times.graph - stepped);
        let nothing = outputs.is_empty() && answered.rows.is_empty() && ground.is_empty();
        // How far feeds are read waits for an epoch, but not so long that the tail is never cut.
        if nothing && !self.feeds.are_due() {
            return Ok(Turn { epoch: self.store.checkpoint().epoch, facts: (0, 0) });
        }
        let committing = Instant::now();
        let checkpoint = self.commit(&outputs, &ground, &answered)?;
        self.times.commit = committing.elapsed();
        self.publish(&outputs, &checkpoint);
        Ok(Turn { epoch: checkpoint.epoch, facts: (came(&outputs.facts), went(&outputs.facts)) })
    }

    /// What was acknowledged, as inputs of the graph.
    fn admit(&mut self) -> Result<(Inputs, Ground)> {
        let over = clock::day_of(clock::now()) - 1;
        if over > self.tick {
            self.acknowledge(vec![Record::Tick(over)])?;
        }
        let (mut inputs, mut ground) = (Inputs::default(), Ground::default());
        let mut policy: BTreeMap<PolicyRow, isize> = BTreeMap::new();
        for record in std::mem::take(&mut self.pending) {
            match record {
                Record::Events(records) => {
                    for record in records {
                        self.texts.add(&record);
                        inputs.events.push((Arc::new(record.row()), 1));
                        ground.events.insert((record.id, record.version), record);
                    }
                }
                Record::Policy { added, removed } => {
                    added.into_iter().for_each(|row| *policy.entry(row).or_default() += 1);
                    removed.into_iter().for_each(|row| *policy.entry(row).or_default() -= 1);
                }
                Record::Rejects(rows) => ground.reject(rows),
                Record::Letters { came, gone } => ground.letters(came, gone),
                Record::Feed(state) => self.feeds.take_in(state),
                Record::Tick(day) => {
                    inputs.ticks.extend((self.tick + 1..=day).map(|day| (day, 1)));
                    self.tick = self.tick.max(day);
                }
            }
        }
        for (row, diff) in policy {
            let news = if diff > 0 { self.policy.insert(row.clone()) } else { diff < 0 && self.policy.remove(&row) };
            if news {
                ground.policy.push((row, diff.signum()));
            }
        }
        inputs.policy = ground.policy.clone();
        if !ground.policy.is_empty() {
            self.note_watched();
            let heeded = ground.policy.iter().filter(|(row, _)| nexus_operators::watch::heeded(row));
            self.load_watched(heeded.map(|(row, _)| row.scope.clone()).collect())?;
        }
        Ok((inputs, ground))
    }

    /// Has at hand what the graph ranks anew: all that was said in those of these scopes that have a watch.
    pub(crate) fn load_watched(&self, mut scopes: BTreeSet<Scope>) -> Result<()> {
        let watched = |row: &&PolicyRow| matches!(row.policy, Policy::Watch { .. });
        let watched: BTreeSet<&Scope> = self.policy.iter().filter(watched).map(|row| &row.scope).collect();
        scopes.retain(|scope| watched.contains(scope));
        if scopes.is_empty() {
            return Ok(());
        }
        let embedder = |row: &PolicyRow| match &row.policy {
            Policy::Model { task: Task::Embed, model } => scopes.contains(&row.scope).then(|| model.clone()),
            _ => None,
        };
        let snapshot = self.runtime.block_on(self.store.snapshot())?;
        self.texts.load(&snapshot, &scopes, &self.policy.iter().filter_map(embedder).collect())
    }

    /// Has the vectors of all watched questions at hand, before the graph compares texts with them.
    pub(crate) fn note_watched(&self) {
        let embed = |model: &str, text: &str| Embedder::with_id(model, &self.models)?.embed(text);
        self.texts.watch(watch::vectors(self.policy.iter(), embed));
    }

    /// Steps the graph until the inputs are worked in.
    pub(crate) fn step(&mut self, inputs: Inputs) -> Result<Outputs> {
        let outputs = self.feed(inputs)?;
        self.note_asks(&outputs);
        Ok(outputs)
    }

    /// The same, without noting what it asks for.
    pub(crate) fn feed(&mut self, inputs: Inputs) -> Result<Outputs> {
        let stepping = Instant::now();
        let stepped = self.graph.step(inputs).map_err(Error::from);
        self.times.graph += stepping.elapsed();
        let outputs = stepped.and_then(|outputs| self.texts.sound().map(|()| outputs));
        // Else the graph has taken in what no table will have.
        self.unless_failed(outputs)
    }

    /// Writes what changed: every table, then the checkpoint that makes it an epoch, then the tail is cut.
    fn commit(&mut self, outputs: &Outputs, ground: &Ground, answered: &Answered) -> Result<Checkpoint> {
        let mut changes = commit::ground(outputs, ground, answered)?;
        changes.extend(commit::derived(outputs, &self.texts)?);
        changes.extend(self.feeds.change());
        let (epoch, sinks) = (self.store.checkpoint().epoch + 1, self.feeds.sinks().map(|(_, sink)| sink));
        changes.extend(self.outbox.change(outputs, epoch, &sinks.collect::<Vec<_>>())?);
        let tail_through = self.store.tail().next_seq() - 1;
        let commit = Commit { epoch, changes, tail_through, meta: self.meta(), committed_at: clock::now() };
        let checkpoint = self.runtime.block_on(self.store.commit(commit))?;
        self.store.tail().cut(tail_through)?;
        for (row, diff) in &outputs.events {
            if *diff < 0 {
                self.texts.drop_long(row.text, row.id);
            }
        }
        self.texts.committed();
        self.maintain()?;
        Ok(checkpoint)
    }

    /// Brings indexes and files up to date after a large intake, so that the next question is answered from indexes.
    pub(crate) fn settle(&mut self) -> Result<()> {
        for _ in 0..SETTLE_ROUNDS_MAX {
            if !self.maintain()? {
                break;
            }
        }
        Ok(())
    }

    /// Keeps files and indexes in order, a little; whether there is more to do.
    pub(crate) fn maintain(&mut self) -> Result<bool> {
        let maintained = self.whole(|engine| engine.runtime.block_on(engine.store.maintain(MAINTAIN_STEPS)))?;
        maintained.done.iter().for_each(|step| tracing::debug!(step));
        Ok(maintained.more)
    }

    /// What the checkpoint says beside the tables.
    pub(crate) fn meta(&self) -> BTreeMap<String, String> {
        BTreeMap::from([
            (meta::GRAPH.into(), GRAPH_VERSION.to_string()),
            (meta::TICK.into(), self.tick.to_string()),
            (meta::OPEN_ASKS.into(), self.open_asks().to_string()),
            (meta::FEEDS.into(), self.feeds.to_meta()),
        ])
    }

    /// Watchers get the epoch's rows.
    fn publish(&mut self, outputs: &Outputs, checkpoint: &Checkpoint) {
        self.subscribers.send(outputs, checkpoint.epoch);
    }
}

/// Work on an engine: what unwinds before it ended marks the engine as failed.
struct UnderWay<'a> {
    engine: &'a mut Engine,
    ended: bool,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.engine.failed = Some(PANICKED.into());
        }
    }
}

fn came<R>(rows: &[(R, isize)]) -> usize {
    rows.iter().filter(|(_, diff)| *diff > 0).count()
}

fn went<R>(rows: &[(R, isize)]) -> usize {
    rows.iter().filter(|(_, diff)| *diff < 0).count()
}
