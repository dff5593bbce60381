//! The reader: what the façade asks, each question one method.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::context::SQLOptions;
use datafusion::prelude::{DataFrame, SessionContext};
use nexus_storage::Snapshot;
use nexus_types::{Fact, Key};

use crate::about::{self, EntityView};
use crate::core::{Components, Core};
use crate::error::{QueryError, Result};
use crate::facts::{self, FactFilter, FactView, TimelineView};
use crate::neighbours::{self, NeighbourView};
use crate::recall::{self, Recalled};
use crate::why::{self, Why};
use crate::{catalogue, functions, hints};

/// One scope of one snapshot, ready to answer. Cheap to make: tables are opened when they are first read.
pub struct Reader {
    core: Arc<Core>,
    session: SessionContext,
}

impl Reader {
    /// A reader of one scope of a snapshot.
    pub async fn new(snapshot: Snapshot, scope: &str, components: Components) -> Result<Reader> {
        let core = Arc::new(Core::new(snapshot, scope, components).await?);
        let session = catalogue::user(&core)?;
        Ok(Reader { core, session })
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
    pub async fn sql(&self, statement: &str) -> Result<Vec<RecordBatch>> {
        let frame = self.plan(statement).await?;
        let schema = frame.schema().inner().clone();
        let mut batches = frame.collect().await?;
        if batches.is_empty() {
            batches.push(RecordBatch::new_empty(schema));
        }
        Ok(batches)
    }

    /// Runs one statement that reads, and gives its rows as they come.
    pub async fn stream(&self, statement: &str) -> Result<SendableRecordBatchStream> {
        Ok(self.plan(statement).await?.execute_stream().await?)
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

    /// The `k` passages that answer a question best, and the facts about whom it names.
    pub async fn recall(&self, question: &str, k: usize) -> Result<Recalled> {
        recall::recall(&self.core, question, k).await
    }

    /// The facts about everybody a name fits, or about all.
    pub async fn facts(&self, name: Option<&str>, filter: &FactFilter) -> Result<Vec<FactView>> {
        facts::facts(&self.core, name, filter).await
    }

    /// Facts as they come from the graph, with the names that their entities have here; an entity not known here keeps
    /// its id for a name.
    pub async fn fact_views(&self, facts: &[Fact]) -> Result<Vec<FactView>> {
        facts::views(&self.core, facts).await
    }

    /// Everybody a name fits, each with what memory has about them.
    pub async fn entity(&self, name: &str) -> Result<Vec<EntityView>> {
        about::about(&self.core, name).await
    }

    /// A key of the one that a name fits, the given one if it is a key: what a policy row calls them.
    pub async fn key_of(&self, name: &str) -> Result<Key> {
        let entities = self.core.entities().await?;
        let row = entities.the(name)?;
        let given = row.keys.iter().find(|key| key.as_str() == name.trim());
        let key = given.or(row.keys.first());
        key.map(|key| Key::from(key.as_str()))
            .ok_or_else(|| QueryError::Corrupt(format!("entity {} has no key", row.id)))
    }

    /// The one fact whose id begins so, with all that led to it.
    pub async fn why(&self, fact: &str) -> Result<Why> {
        why::why(&self.core, fact).await
    }

    /// The line of life of everybody a name fits, in the order of time.
    pub async fn timeline(&self, name: &str) -> Result<Vec<TimelineView>> {
        facts::timeline(&self.core, name).await
    }

    /// Everybody within so many facts of whoever a name fits, nearest first.
    pub async fn neighbours(&self, name: &str, hops: u32) -> Result<Vec<NeighbourView>> {
        neighbours::neighbours(&self.core, name, hops).await
    }
}
