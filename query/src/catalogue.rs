//! The sessions: a private one over the stored tables, in which views are planned and our own reads run, and the user's,
//! which holds nothing but those views and the functions.

use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{CatalogProvider, MemTable, MemoryCatalogProvider, MemorySchemaProvider, SchemaProvider};
use datafusion::common::Result as EngineResult;
use datafusion::datasource::ViewTable;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use nexus_storage::Snapshot;
use nexus_types::tables;

use crate::core::{Components, Core};
use crate::error::{QueryError, Result};
use crate::retrievals::Retrievals;
use crate::scoped::ScopedTable;
use crate::{functions, views};

/// The most memory one statement may hold. Nothing is spilled to disk: what was erased must not linger in a temporary file.
const STATEMENT_BYTES_MAX: usize = 512 << 20;

const CATALOGUE: &str = "nexus";
/// The schema that users see.
pub(crate) const MEMORY: &str = "memory";
/// The schema of the stored tables, private.
const STORED: &str = "stored";

/// The names of the vectors tables of a snapshot.
pub(crate) fn vectors(snapshot: &Snapshot) -> Vec<String> {
    snapshot.tables().into_iter().filter(|name| name.starts_with("vectors_")).map(String::from).collect()
}

/// A session that reads the stored tables of one scope.
pub(crate) async fn private(snapshot: &Snapshot, scope: &str, components: &Components) -> Result<SessionContext> {
    let session = session()?;
    let (catalogue, memory) = schemas(&session)?;
    let stored = Arc::new(MemorySchemaProvider::new());
    for table in tables::all() {
        let scope = table.scoped.then_some(scope);
        register(&stored, table.name, ScopedTable::new(snapshot, table.name, table.schema, scope))?;
    }
    for name in vectors(snapshot) {
        let Some(schema) = snapshot.schema(&name).await? else { continue };
        register(&stored, &name, ScopedTable::new(snapshot, &name, schema, None))?;
    }
    catalogue.register_schema(STORED, stored)?;
    memory.register_table("checkpoints".into(), Arc::new(checkpoints(snapshot, components)?))?;
    let counted = components.history.as_ref().map(|history| history.retrieved());
    memory.register_table("retrievals".into(), Arc::new(Retrievals { counted, scope: scope.into() }))?;
    Ok(session)
}

/// A session for users: the core's views and the functions over them.
pub(crate) fn user(core: &Arc<Core>) -> Result<SessionContext> {
    let session = session()?;
    let (_, memory) = schemas(&session)?;
    for (name, plan) in &core.plans {
        memory.register_table(name.clone(), Arc::new(ViewTable::new(plan.clone(), None)))?;
    }
    functions::register(&session, core);
    Ok(session)
}

fn session() -> EngineResult<SessionContext> {
    let no_disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled);
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_limit(STATEMENT_BYTES_MAX, 1.0)
        .with_disk_manager_builder(no_disk)
        .build_arc()?;
    let config = SessionConfig::new()
        .with_create_default_catalog_and_schema(false)
        .with_default_catalog_and_schema(CATALOGUE, MEMORY)
        .with_information_schema(true)
        // Storage marks text columns for compression; a mark is not another schema.
        .set_bool("datafusion.execution.skip_physical_aggregate_schema_check", true);
    Ok(SessionContext::new_with_config_rt(config, runtime))
}

fn schemas(session: &SessionContext) -> EngineResult<(Arc<MemoryCatalogProvider>, Arc<MemorySchemaProvider>)> {
    let catalogue = Arc::new(MemoryCatalogProvider::new());
    let memory = Arc::new(MemorySchemaProvider::new());
    catalogue.register_schema(MEMORY, memory.clone())?;
    session.register_catalog(CATALOGUE, catalogue.clone());
    Ok((catalogue, memory))
}

fn register(schema: &MemorySchemaProvider, name: &str, table: ScopedTable) -> EngineResult<()> {
    schema.register_table(name.into(), Arc::new(table)).map(|_| ())
}

/// The kept checkpoints, oldest first; without history, the snapshot's own.
fn checkpoints(snapshot: &Snapshot, components: &Components) -> Result<MemTable> {
    let kept = match &components.history {
        Some(history) => history.checkpoints()?,
        None => vec![snapshot.checkpoint().clone()],
    };
    let kept: Vec<_> = kept.into_iter().filter(|checkpoint| checkpoint.epoch <= snapshot.epoch()).collect();
    let batch = views::checkpoints(&kept);
    let schema: SchemaRef = batch.schema();
    MemTable::try_new(schema, vec![vec![batch]]).map_err(QueryError::from)
}
