//! What every read starts from: one scope of one snapshot, the views planned over it, and a private session to run them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::prelude::{DataFrame, SessionContext};
use nexus_storage::{At, Snapshot, quoted};
use nexus_types::tables::{PolicyTable, vectors_name};
use nexus_types::{Author, Policy};
use tokio::sync::OnceCell;

use crate::entities::{self, Entities};
use crate::error::{QueryError, Result};
use crate::passages::{Links, Passages, Vectors, Warm};
use crate::recall::Names;
use crate::{catalogue, views};

/// The parts a reader may be given. Without them it reads all the same: without a model recall is lexical, without
/// history `as_of` knows the reader's own epoch only.
#[derive(Clone, Default)]
pub struct Components {
    /// Where other epochs are read from.
    pub history: Option<Arc<nexus_storage::Reader>>,
    /// The model whose vectors the store holds.
    pub embed: Option<Arc<dyn Embed>>,
    /// What is kept in memory of the store between readers.
    pub warm: Arc<Warm>,
}

/// A model that turns a question into a vector.
pub trait Embed: Send + Sync {
    /// `name@version`, as its vectors are stored under.
    fn model(&self) -> &str;
    /// The L2-normalised vector of a text; `None` if the model cannot say. Blocks: it is called on a thread of its own.
    fn embed(&self, text: &str) -> Option<Vec<f32>>;
}

/// One scope of one snapshot.
pub(crate) struct Core {
    /// The tables.
    pub(crate) snapshot: Snapshot,
    /// Whose rows.
    pub(crate) scope: String,
    /// What else it may use.
    pub(crate) components: Components,
    /// The views and tables a user sees, by name.
    pub(crate) plans: BTreeMap<String, LogicalPlan>,
    session: SessionContext,
    entities: OnceCell<Arc<Entities>>,
    passages: OnceCell<Arc<Passages>>,
    vectors: OnceCell<Option<Arc<Vectors>>>,
    links: OnceCell<Arc<[Links; 2]>>,
    names: OnceCell<Arc<Names>>,
    policy: OnceCell<Arc<Vec<Policy>>>,
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core").field("scope", &self.scope).field("epoch", &self.snapshot.epoch()).finish()
    }
}

impl Core {
    /// Plans the views over a snapshot's tables. Opens no table but those of vectors, for their width.
    pub(crate) async fn new(snapshot: Snapshot, scope: &str, components: Components) -> Result<Core> {
        let session = catalogue::private(&snapshot, scope, &components).await?;
        let plans = views::plan(&session, &snapshot).await?;
        let (entities, passages, vectors, links, names, policy) = Default::default();
        let scope = scope.into();
        Ok(Core { snapshot, scope, components, plans, session, entities, passages, vectors, links, names, policy })
    }

    /// The same scope at another time.
    pub(crate) async fn at(&self, at: At) -> Result<Core> {
        let Some(history) = &self.components.history else {
            return Err(QueryError::Argument("as_of needs a store that was opened with its history".into()));
        };
        let snapshot = history.snapshot(at).await?;
        Core::new(snapshot, &self.scope, self.components.clone()).await
    }

    /// The filter that keeps other scopes' rows out.
    pub(crate) fn mine(&self) -> String {
        format!("scope = {}", quoted(&self.scope))
    }

    /// The plan of a table or view of the catalogue, to build upon.
    pub(crate) fn table(&self, name: &str) -> Result<LogicalPlanBuilder> {
        match self.plans.get(name) {
            Some(plan) => Ok(LogicalPlanBuilder::from(plan.clone())),
            None => Err(crate::hints::unknown_table(name, self.plans.keys().map(String::as_str))),
        }
    }

    /// Runs a plan.
    pub(crate) async fn collect(&self, plan: LogicalPlan) -> Result<Vec<RecordBatch>> {
        Ok(DataFrame::new(self.session.state(), plan).collect().await?)
    }

    /// How many passages the scope has.
    pub(crate) async fn count(&self) -> Result<u64> {
        Ok(self.snapshot.count("passages", Some(&self.mine())).await?)
    }

    /// The scope's passages, read once.
    pub(crate) async fn passages(&self) -> Result<Arc<Passages>> {
        let read = || async { Passages::read(&self.snapshot, &self.scope, &self.components.warm).await.map(Arc::new) };
        self.passages.get_or_try_init(read).await.cloned()
    }

    /// The vectors that questions are compared with, read once; `None` without a model, and where nothing is embedded yet.
    pub(crate) async fn vectors(&self) -> Result<Option<Arc<Vectors>>> {
        let Some(embed) = &self.components.embed else { return Ok(None) };
        let read = || async {
            let passages = self.passages().await?;
            let read = Vectors::read(&self.snapshot, &passages, &vectors_name(embed.model())).await?;
            Ok(read.map(Arc::new))
        };
        self.vectors.get_or_try_init(read).await.cloned()
    }

    /// The claims of events, and the facts of claims, read once.
    pub(crate) async fn links(&self) -> Result<Arc<[Links; 2]>> {
        let read = || async {
            let (snapshot, warm) = (&self.snapshot, &self.components.warm);
            let claims = Links::read(snapshot, warm, &warm.claims, ["claims", "event", "id"]).await?;
            let facts = Links::read(snapshot, warm, &warm.decisions, ["decisions", "claim", "fact"]).await?;
            Ok(Arc::new([claims, facts]))
        };
        self.links.get_or_try_init(read).await.cloned()
    }

    /// Everybody who said something here, read once.
    pub(crate) async fn names(&self) -> Result<Arc<Names>> {
        let read = || async {
            let mine: BTreeSet<String> =
                self.entities().await?.named("me").flat_map(|row| row.keys.iter().cloned()).collect();
            let passages = self.passages().await?;
            let authors = passages.authors();
            let is_own = |author: &str| {
                let platform = authors.get(author).map_or("", |(platform, _)| platform);
                mine.contains(&*Author::parse(author).key(platform))
            };
            let speaking = authors.iter().filter(|(author, _)| !author.is_empty());
            let speaking = speaking.map(|(author, (_, passages))| (author.to_string(), *passages)).collect();
            Ok(Arc::new(Names::of(speaking, is_own)))
        };
        self.names.get_or_try_init(read).await.cloned()
    }

    /// The scope's policy, read once.
    pub(crate) async fn policy(&self) -> Result<Arc<Vec<Policy>>> {
        let read = || async {
            let mut rows = Vec::new();
            for batch in self.snapshot.scan("policy", None, Some(&self.mine())).await? {
                let decoded = PolicyTable::decode(&batch).map_err(|error| QueryError::Corrupt(error.to_string()))?;
                rows.extend(decoded.into_iter().map(|row| row.policy));
            }
            Ok(Arc::new(rows))
        };
        self.policy.get_or_try_init(read).await.cloned()
    }

    /// The scope's entities, read once.
    pub(crate) async fn entities(&self) -> Result<Arc<Entities>> {
        let read = || async { entities::read(&self.snapshot, &self.mine()).await.map(Arc::new) };
        self.entities.get_or_try_init(read).await.cloned()
    }
}
