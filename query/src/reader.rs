//! The reader: what the façade asks, each question one method.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::context::SQLOptions;
use datafusion::prelude::{DataFrame, SessionContext};
use futures::future::BoxFuture;
use nexus_storage::Snapshot;
use nexus_types::{Fact, Key, Policy};

use crate::about::{self, EntityView};
use crate::conflicts::{self, ConflictView};
use crate::core::{Components, Core};
use crate::error::{QueryError, Result};
use crate::facts::{self, FactFilter, FactView, TimelineView};
use crate::neighbours::{self, NeighbourView};
use crate::recall::{self, Hit, RecallOptions, Recalled};
use crate::why::{self, Why};
use crate::{catalogue, functions, hints};

/// One scope of one snapshot, ready to answer. Cheap to make: tables are opened when they are first read.
pub struct Reader {
    core: Arc<Core>,
    session: SessionContext,
}

impl Reader {
    /// A reader of one scope of a snapshot.
    pub fn new<'a>(snapshot: Snapshot, scope: &'a str, components: Components) -> BoxFuture<'a, Result<Reader>> {
        Box::pin(async move {
            let core = Arc::new(Core::new(snapshot, scope, components).await?);
            let session = catalogue::user(&core)?;
            Ok(Reader { core, session })
        })
    }

    /// The snapshot it reads.
    pub fn snapshot(&self) -> &Snapshot {
        &self.core.snapshot
    }

    /// The scope it reads.
    pub fn scope(&self) -> &str {
        &self.core.scope
    }

    /// The names of the tables and views, in order: what a shell completes.
    pub fn tables(&self) -> Vec<String> {
        self.core.plans.keys().cloned().collect()
    }

    /// Runs one statement that reads, and gives all its rows; at least one batch, so that the columns are known.
    pub fn sql<'a>(&'a self, statement: &'a str) -> BoxFuture<'a, Result<Vec<RecordBatch>>> {
        Box::pin(async move {
            let frame = self.plan(statement).await?;
            let schema = frame.schema().inner().clone();
            let mut batches = frame.collect().await?;
            if batches.is_empty() {
                batches.push(RecordBatch::new_empty(schema));
            }
            Ok(batches)
        })
    }

    /// Runs one statement that reads, and gives its rows as they come.
    pub fn stream<'a>(&'a self, statement: &'a str) -> BoxFuture<'a, Result<SendableRecordBatchStream>> {
        Box::pin(async move { Ok(self.plan(statement).await?.execute_stream().await?) })
    }

    async fn plan(&self, statement: &str) -> Result<DataFrame> {
        let state = self.session.state();
        let tables = || self.core.plans.keys().map(String::as_str);
        let explain = |error| hints::explain(error, tables(), &functions::NAMES);
        let parsed = state.sql_to_statement(statement, &state.config_options().sql_parser.dialect).map_err(explain)?;
        let plan = state.statement_to_plan(parsed).await.map_err(explain)?;
        let reads = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        reads.verify_plan(&plan).map_err(|_| {
            QueryError::Argument(
                "SQL only reads here: SELECT, WITH, EXPLAIN, SHOW, DESCRIBE; memory is changed by remember, correct, \
                 forget and policy"
                    .into(),
            )
        })?;
        Ok(DataFrame::new(state, plan))
    }

    /// The passages that answer a question best, and the facts about whom it names.
    pub fn recall<'a>(&'a self, question: &'a str, options: &'a RecallOptions) -> BoxFuture<'a, Result<Recalled>> {
        Box::pin(async move { recall::recall(&self.core, question, options).await })
    }

    /// The texts nearest to a question in meaning alone, by their hash, each with its cosine (65,536 is one); nearest
    /// first. Empty without a model.
    pub fn nearest<'a>(&'a self, question: &'a str, k: usize) -> BoxFuture<'a, Result<Vec<(String, i64)>>> {
        Box::pin(async move { recall::nearest(&self.core, question, k).await })
    }

    /// The kept ranking of a watched question, in order, each place with its rank.
    pub fn kept<'a>(&'a self, question: &'a str) -> BoxFuture<'a, Result<Vec<(u32, Hit)>>> {
        Box::pin(async move { recall::kept(&self.core, question).await })
    }

    /// How many passages the scope has.
    pub fn passages(&self) -> BoxFuture<'_, Result<u64>> {
        Box::pin(async move { self.core.count().await })
    }

    /// What is published for questions that are watched: what their words are worth now.
    pub fn statistics<'a>(&'a self, questions: &'a [String]) -> BoxFuture<'a, Result<Policy>> {
        Box::pin(async move { recall::to_publish(&self.core, questions).await })
    }

    /// The event of the claim that opened each of these facts, by fact.
    pub fn origins<'a>(&'a self, facts: &'a [String]) -> BoxFuture<'a, Result<BTreeMap<String, String>>> {
        Box::pin(async move { facts::origins(&self.core, facts).await })
    }

    /// The facts about everybody a name fits, or about all.
    pub fn facts<'a>(&'a self, name: Option<&'a str>, filter: &'a FactFilter) -> BoxFuture<'a, Result<Vec<FactView>>> {
        Box::pin(async move { facts::facts(&self.core, name, filter).await })
    }

    /// Facts as they come from the graph, with the names that their entities have here; an entity not known here keeps
    /// its id for a name.
    pub fn fact_views<'a>(&'a self, facts: &'a [Fact]) -> BoxFuture<'a, Result<Vec<FactView>>> {
        Box::pin(async move { facts::views(&self.core, facts).await })
    }

    /// Everybody a name fits, each with what memory has about them.
    pub fn entity<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<EntityView>>> {
        Box::pin(async move { about::about(&self.core, name).await })
    }

    /// A key of the one that a name fits, the given one if it is a key: what a policy row calls them.
    pub fn key_of<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Key>> {
        Box::pin(async move {
            let entities = self.core.entities().await?;
            let row = entities.the(name)?;
            let given = row.keys.iter().find(|key| key.as_str() == name.trim());
            let key = given.or(row.keys.first());
            key.map(|key| Key::from(key.as_str()))
                .ok_or_else(|| QueryError::Corrupt(format!("entity {} has no key", row.id)))
        })
    }

    /// The one fact whose id begins so, with all that led to it.
    pub fn why<'a>(&'a self, fact: &'a str) -> BoxFuture<'a, Result<Why>> {
        Box::pin(async move { why::why(&self.core, fact).await })
    }

    /// What contradicts itself about whoever a name fits, or about anybody: oldest first.
    pub fn conflicts<'a>(&'a self, name: Option<&'a str>) -> BoxFuture<'a, Result<Vec<ConflictView>>> {
        Box::pin(async move { conflicts::conflicts(&self.core, name).await })
    }

    /// The line of life of everybody a name fits, in the order of time.
    pub fn timeline<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<TimelineView>>> {
        Box::pin(async move { facts::timeline(&self.core, name).await })
    }

    /// Everybody within so many facts of whoever a name fits, nearest first.
    pub fn neighbours<'a>(&'a self, name: &'a str, hops: u32) -> BoxFuture<'a, Result<Vec<NeighbourView>>> {
        Box::pin(async move { neighbours::neighbours(&self.core, name, hops).await })
    }
}
