//! Reading: one scope of one snapshot, in any process. No graph is built and no lock of the store is taken.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use arrow::array::{AsArray, RecordBatch};
use futures::StreamExt;
use nexus_inference::{Model, Reranker};
use nexus_query::{
    Components, ConflictView, EntityView, FactFilter, FactView, Hit, HitRate, NeighbourView, Reader as Query,
    RecallOptions, Recalled, TimelineView, Warm, Why,
};
use nexus_storage::{At, Reader, Snapshot, quoted};
use nexus_types::tables::{EventRecord, EventsTable, PolicyTable, vectors_name};
use nexus_types::{ClaimId, EventId, Fact, Key, Millis, Policy, PolicyRow, Text, time};
use serde::Serialize;
use tokio::runtime::Runtime;

use crate::embedder::{self, Embedder};
use crate::engine::meta;
use crate::feeds::{self, FeedOffset};
use crate::forget::Selector;
use crate::policy::PolicyFile;
use crate::retrieved::Counting;
use crate::verify::VerifyReport;
use crate::{Error, ErrorKind, Nexus, Result, Settings, clock, hydrate, verify};

/// One scope of a store, as it was at one moment.
pub struct Memory {
    query: Query,
    reader: Arc<Reader>,
    /// Models that a writer has loaded.
    at_hand: Vec<Arc<dyn Model>>,
    /// What recall keeps in memory, shared by all that read this store in this process.
    warm: Arc<Warm>,
    /// What this reader recalled.
    counting: Counting,
    pub(crate) reranker: OnceLock<Reranker>,
    runtime: Arc<Runtime>,
}

/// The embedder that a scope is searched by: of those that policy asks and that are here, the one with the most vectors. So
/// while another takes over, the old one is searched until the new one has caught up.
async fn embedder_of(
    snapshot: &Snapshot,
    scope: &str,
    at_hand: &[Arc<dyn Model>],
) -> Result<Option<Arc<dyn nexus_query::Embed>>> {
    let mut policy = Vec::new();
    for batch in snapshot.scan("policy", None, None).await? {
        policy.extend(PolicyTable::decode(&batch)?);
    }
    let mut wanted = embedder::wanted(&policy, Some(scope));
    wanted.sort_by_key(|id| std::cmp::Reverse(snapshot.rows(&vectors_name(id))));
    Ok(wanted.into_iter().find_map(|id| Embedder::with_id(id, at_hand)))
}

/// How a store stands.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// The newest epoch.
    pub epoch: u64,
    /// When it was committed.
    pub committed_at: Millis,
    /// Every scope there is.
    pub scopes: Vec<String>,
    /// The scope that is read.
    pub scope: String,
    /// Its tables.
    pub tables: Vec<TableStatus>,
    /// Asks that no model has answered yet.
    pub open_asks: u64,
    /// Models the scope asks, by task.
    pub models: BTreeMap<String, Vec<String>>,
    /// What ingest could not read.
    pub rejects: u64,
    /// How far live feeds are read, those of all scopes.
    pub feeds: Vec<FeedOffset>,
    /// Checkpoints that `as_of` can go back to.
    pub checkpoints: usize,
    /// The oldest of them.
    pub oldest_epoch: u64,
    /// Bytes of the store on disk.
    pub bytes: u64,
    /// How often, in this process, a recall had been answered before at the same epoch.
    pub answers: HitRate,
    /// How often the vector of a question was still there.
    pub question_vectors: HitRate,
}

/// One table of a store.
#[derive(Clone, Debug, Serialize)]
pub struct TableStatus {
    /// Its name.
    pub name: String,
    /// Its rows, of all scopes.
    pub rows: u64,
}

impl Memory {
    /// Opens one scope of a store for reading.
    pub fn open(path: impl AsRef<Path>, scope: &str, at: At) -> Result<Memory> {
        let runtime = hydrate::runtime()?;
        let reader = Arc::new(Reader::open(path.as_ref(), &Settings::default().storage)?);
        let snapshot = runtime.block_on(reader.snapshot(at))?;
        Memory::new(snapshot, scope, reader, Vec::new(), Arc::default(), runtime)
    }

    /// What a writer has just written.
    pub(crate) fn of(nexus: &Nexus) -> Result<Memory> {
        let engine = &nexus.engine;
        let reader = Arc::new(engine.store.reader());
        let snapshot = engine.runtime.block_on(engine.store.snapshot())?;
        let models = engine.models.clone();
        Memory::new(snapshot, nexus.scope(), reader, models, engine.warm.clone(), engine.runtime.clone())
    }

    fn new(
        snapshot: Snapshot,
        scope: &str,
        reader: Arc<Reader>,
        at_hand: Vec<Arc<dyn Model>>,
        warm: Arc<Warm>,
        runtime: Arc<Runtime>,
    ) -> Result<Memory> {
        let embed = runtime.block_on(embedder_of(&snapshot, scope, &at_hand))?;
        let components = Components { history: Some(reader.clone()), embed, warm: warm.clone() };
        let query = runtime.block_on(Query::new(snapshot, scope, components))?;
        let counting = Counting::to(reader.retrieved());
        Ok(Memory { query, reader, at_hand, warm, counting, reranker: OnceLock::new(), runtime })
    }

    /// The same scope at another moment.
    pub fn as_of(&self, at: At) -> Result<Memory> {
        let snapshot = self.runtime.block_on(self.reader.snapshot(at))?;
        let (reader, models) = (self.reader.clone(), self.at_hand.clone());
        Memory::new(snapshot, self.scope(), reader, models, self.warm.clone(), self.runtime.clone())
    }

    /// Whose memory it is.
    pub fn scope(&self) -> &str {
        self.query.scope()
    }

    /// The epoch it shows.
    pub fn epoch(&self) -> u64 {
        self.snapshot().epoch()
    }

    /// The `k` messages that answer a question best, and the facts about whom it names.
    pub fn recall(&self, question: &str, k: usize) -> Result<Recalled> {
        self.recall_with(question, &RecallOptions { k, ..RecallOptions::default() })
    }

    /// The same, within limits, with reasons, or with every passage looked at. A question is asked now, if nothing else is
    /// said.
    pub fn recall_with(&self, question: &str, options: &RecallOptions) -> Result<Recalled> {
        let recalled = self.recall_uncounted(question, options)?;
        self.count(recalled.hits.iter().map(|hit| hit.event.as_str()));
        Ok(recalled)
    }

    /// Counts events as recalled.
    pub(crate) fn count<'a>(&self, events: impl Iterator<Item = &'a str>) {
        self.counting.note(self.scope(), events, self.runtime.handle());
    }

    /// An answer of which only a part is given.
    pub(crate) fn recall_uncounted(&self, question: &str, options: &RecallOptions) -> Result<Recalled> {
        if question.trim().is_empty() {
            return Err(Error::argument("the question is empty: say what you look for"));
        }
        let asked_at = options.asked_at.or_else(|| Some(clock::now()));
        let options = RecallOptions { asked_at, ..options.clone() };
        Ok(self.runtime.block_on(self.query.recall(question.trim(), &options))?)
    }

    /// The texts nearest to a question in meaning alone, by their hash, each with its cosine (65,536 is one); nearest
    /// first. Empty without a model.
    pub fn nearest(&self, question: &str, k: usize) -> Result<Vec<(String, i64)>> {
        Ok(self.runtime.block_on(self.query.nearest(question, k))?)
    }

    /// The kept ranking of a watched question, in order, each place with its rank; empty if it is not watched.
    pub fn watched(&self, question: &str) -> Result<Vec<(u32, Hit)>> {
        Ok(self.runtime.block_on(self.query.kept(question))?)
    }

    /// The messages that the claims which opened these facts are in, by fact; a fact of your own word has none.
    pub(crate) fn origins(&self, facts: &[String]) -> Result<BTreeMap<String, String>> {
        Ok(self.runtime.block_on(self.query.origins(facts))?)
    }

    /// How many passages the scope has.
    pub(crate) fn passages(&self) -> Result<u64> {
        Ok(self.runtime.block_on(self.query.passages())?)
    }

    /// What is published with a watch: what the words of these questions are worth now.
    pub(crate) fn statistics(&self, questions: &[String]) -> Result<Policy> {
        Ok(self.runtime.block_on(self.query.statistics(questions))?)
    }

    /// The facts about everybody a name fits, or about all.
    pub fn facts(&self, name: Option<&str>, filter: &FactFilter) -> Result<Vec<FactView>> {
        Ok(self.runtime.block_on(self.query.facts(name, filter))?)
    }

    /// Everybody a name fits.
    pub fn entity(&self, name: &str) -> Result<Vec<EntityView>> {
        Ok(self.runtime.block_on(self.query.entity(name))?)
    }

    /// The line of life of whoever a name fits.
    pub fn timeline(&self, name: &str) -> Result<Vec<TimelineView>> {
        Ok(self.runtime.block_on(self.query.timeline(name))?)
    }

    /// Everybody within so many facts of whoever a name fits.
    pub fn neighbours(&self, name: &str, hops: u32) -> Result<Vec<NeighbourView>> {
        Ok(self.runtime.block_on(self.query.neighbours(name, hops))?)
    }

    /// Why memory holds a fact, named by its id or the beginning of it.
    pub fn why(&self, fact: &str) -> Result<Why> {
        Ok(self.runtime.block_on(self.query.why(fact))?)
    }

    /// What contradicts itself about whoever a name fits, or about anybody: oldest first.
    pub fn conflicts(&self, name: Option<&str>) -> Result<Vec<ConflictView>> {
        Ok(self.runtime.block_on(self.query.conflicts(name))?)
    }

    /// Runs one SQL statement that reads.
    pub fn sql(&self, statement: &str) -> Result<Vec<RecordBatch>> {
        Ok(self.runtime.block_on(self.query.sql(statement))?)
    }

    /// The tables and views that SQL knows.
    pub fn tables(&self) -> Vec<String> {
        self.query.tables()
    }

    /// Recomputes the store's memory from its inputs and compares.
    pub fn verify(&self) -> Result<VerifyReport> {
        verify::verify(self.snapshot(), (*self.reader).clone(), &self.at_hand, &self.runtime)
    }

    /// The epochs that [`Memory::as_of`] can go back to, oldest first.
    pub fn checkpoints(&self) -> Result<Vec<u64>> {
        Ok(self.reader.checkpoints()?.iter().map(|checkpoint| checkpoint.epoch).collect())
    }

    /// How the store stands.
    pub fn status(&self) -> Result<Status> {
        let checkpoint = self.snapshot().checkpoint();
        let mut models: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut scopes = BTreeSet::new();
        for batch in self.scan("policy", None)? {
            for row in PolicyTable::decode(&batch)? {
                if let (true, nexus_types::Policy::Model { task, model }) = (*row.scope == *self.scope(), &row.policy) {
                    models.entry(task.name().into()).or_default().insert(model.to_string());
                }
                scopes.insert(row.scope.to_string());
            }
        }
        let kept = self.checkpoints()?;
        let [answers, question_vectors] = self.warm.hit_rates();
        let tables = checkpoint.tables.iter().map(|(name, at)| TableStatus { name: name.clone(), rows: at.rows });
        Ok(Status {
            epoch: checkpoint.epoch,
            committed_at: checkpoint.committed_at,
            scopes: scopes.into_iter().collect(),
            scope: self.scope().into(),
            tables: tables.collect(),
            open_asks: checkpoint.meta.get(meta::OPEN_ASKS).and_then(|asks| asks.parse().ok()).unwrap_or(0),
            models: models.into_iter().map(|(task, models)| (task, models.into_iter().collect())).collect(),
            rejects: self.snapshot().rows("rejects"),
            feeds: self.feed_offsets()?,
            checkpoints: kept.len(),
            oldest_epoch: kept.first().copied().unwrap_or(checkpoint.epoch),
            bytes: self.reader.bytes()?,
            answers,
            question_vectors,
        })
    }

    pub(crate) fn feed_offsets(&self) -> Result<Vec<FeedOffset>> {
        self.runtime.block_on(feeds::offsets(self.snapshot()))
    }

    /// Every event of the scope with its content, tombstones included.
    pub fn each_event(&self, mut visit: impl FnMut(EventRecord) -> Result<()>) -> Result<()> {
        let mine = self.mine();
        let mut events = self.runtime.block_on(self.snapshot().stream("events", None, Some(&mine)))?;
        while let Some(batch) = self.runtime.block_on(events.next()) {
            for record in EventsTable::decode(&batch?)? {
                visit(record)?;
            }
        }
        Ok(())
    }

    /// The scope's page of rules.
    pub fn policy(&self) -> Result<PolicyFile> {
        Ok(PolicyFile::of(self.policy_rows()?.iter()))
    }

    /// The scope's policy.
    pub(crate) fn policy_rows(&self) -> Result<Vec<PolicyRow>> {
        let batches = self.scan("policy", Some(&self.mine()))?;
        let rows = batches.iter().map(PolicyTable::decode).collect::<std::result::Result<Vec<_>, _>>()?;
        Ok(rows.into_iter().flatten().collect())
    }

    /// The live events of channels, given as (source, channel): id, source and external id.
    pub(crate) fn events_of_channels(&self, channels: &BTreeSet<(Text, Text)>) -> Result<Vec<(EventId, Text, Text)>> {
        let mut found = Vec::new();
        for (source, channel) in channels {
            let filter = format!(
                "{} AND state = 'live' AND source = {} AND channel = {}",
                self.mine(),
                quoted(source),
                quoted(channel)
            );
            for row in self.event_columns(&filter, ["id", "source", "external_id"])? {
                let [id, source, external_id] = row;
                found.push((id.parse().map_err(Error::internal)?, source.into(), external_id.into()));
            }
        }
        Ok(found)
    }

    /// The live events that a selector fits.
    pub(crate) fn select(&self, selector: &Selector) -> Result<Vec<EventId>> {
        let mut conditions = vec![self.mine(), "state = 'live'".into()];
        if !selector.messages.is_empty() {
            conditions.push(id_condition(&selector.messages)?);
        }
        for (column, value) in
            [("thread", &selector.thread), ("source", &selector.source), ("channel", &selector.channel)]
        {
            conditions.extend(value.as_ref().map(|value| format!("{column} = {}", quoted(value))));
        }
        let moment = |at: &Millis| format!("to_timestamp_millis({at})");
        conditions.extend(
            selector
                .since
                .as_ref()
                .map(|at| format!("said_at >= arrow_cast({}, 'Timestamp(Millisecond, Some(\"UTC\"))')", moment(at))),
        );
        conditions.extend(
            selector
                .until
                .as_ref()
                .map(|at| format!("said_at < arrow_cast({}, 'Timestamp(Millisecond, Some(\"UTC\"))')", moment(at))),
        );
        let rows = self.event_columns(&conditions.join(" AND "), ["id", "author"])?;
        let wanted = |author: &str| selector.author.as_ref().is_none_or(|wanted| is_author(author, wanted));
        rows.into_iter()
            .filter(|[_, author]| wanted(author))
            .map(|[id, _]| id.parse().map_err(Error::internal))
            .collect()
    }

    /// Facts with the names that their entities have here.
    pub(crate) fn fact_views(&self, facts: &[Fact]) -> Result<Vec<FactView>> {
        Ok(self.runtime.block_on(self.query.fact_views(facts))?)
    }

    /// The identity key that policy calls somebody by.
    pub(crate) fn key_of(&self, name: &str) -> Result<Key> {
        Ok(self.runtime.block_on(self.query.key_of(name))?)
    }

    /// The claims that opened a fact, changed it or agreed with it; not those that replaced it.
    pub(crate) fn claims_for(&self, fact: &str) -> Result<Vec<ClaimId>> {
        let mut claims = Vec::new();
        for batch in self.scan("decisions", Some(&format!("fact = {}", quoted(fact))))? {
            let column = batch.column_by_name("claim").and_then(|column| column.as_string_opt::<i32>());
            for claim in column.into_iter().flatten().flatten() {
                claims.push(claim.parse().map_err(Error::internal)?);
            }
        }
        Ok(claims)
    }

    fn snapshot(&self) -> &Snapshot {
        self.query.snapshot()
    }

    pub(crate) fn mine(&self) -> String {
        format!("scope = {}", quoted(self.scope()))
    }

    pub(crate) fn scan(&self, table: &str, filter: Option<&str>) -> Result<Vec<RecordBatch>> {
        Ok(self.runtime.block_on(self.snapshot().scan(table, None, filter))?)
    }

    fn event_columns<const N: usize>(&self, filter: &str, columns: [&str; N]) -> Result<Vec<[String; N]>> {
        let batches = self.runtime.block_on(self.snapshot().scan("events", Some(&columns), Some(filter)))?;
        let mut rows = Vec::new();
        for batch in batches {
            let arrays = columns.map(|name| batch.column_by_name(name).map(|column| column.as_string::<i32>().clone()));
            rows.extend((0..batch.num_rows()).map(|at| {
                std::array::from_fn(|column| arrays[column].as_ref().map_or("", |array| array.value(at)).to_owned())
            }));
        }
        Ok(rows)
    }
}

/// Whether an author, as it is stored, is who the user names: the whole of it, its handle or its display name.
fn is_author(author: &str, wanted: &str) -> bool {
    let parts = nexus_types::Author::parse(author);
    let same = |part: &str| part.eq_ignore_ascii_case(wanted.trim().trim_start_matches('@'));
    same(author) || same(&parts.handle) || parts.name.as_deref().is_some_and(same)
}

fn id_condition(ids: &[String]) -> Result<String> {
    let mut conditions = Vec::new();
    for id in ids {
        if id.len() < 4 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Error::new(
                ErrorKind::Argument,
                format!("{id:?} is not a message's id: give 4 to 32 of its hexadecimal digits"),
            ));
        }
        conditions.push(format!("starts_with(id, {})", quoted(&id.to_lowercase())));
    }
    Ok(format!("({})", conditions.join(" OR ")))
}

/// Reads a moment as a user types it: an epoch's number, or a time in RFC 3339.
pub fn parse_at(text: &str) -> Result<At> {
    if let Ok(epoch) = text.trim().parse() {
        return Ok(At::Epoch(epoch));
    }
    let at = time::parse_millis(text);
    at.map(At::Time)
        .ok_or_else(|| Error::argument(format!("{text:?} is neither an epoch nor a time such as 2024-05-01T09:30:00Z")))
}
