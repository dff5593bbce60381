//! A stored table as one scope sees it. The scope's filter goes into storage's own scan, so that no other row is read
//! out of it; a table that does not exist yet has no rows. Opened when it is scanned, not before.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, Operator, TableProviderFilterPushDown, TableType, col, lit};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use nexus_storage::Snapshot;

/// A stored table, or one scope's rows of it.
pub(crate) struct ScopedTable {
    snapshot: Snapshot,
    name: String,
    schema: SchemaRef,
    scope: Option<String>,
}

impl ScopedTable {
    /// A table of that name and schema. `scope`: whose rows; `None` for a table that has no such column and must not
    /// be given to users as it is.
    pub(crate) fn new(snapshot: &Snapshot, name: &str, schema: SchemaRef, scope: Option<&str>) -> Self {
        ScopedTable { snapshot: snapshot.clone(), name: name.into(), schema, scope: scope.map(String::from) }
    }
}

impl std::fmt::Debug for ScopedTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScopedTable").field("name", &self.name).field("scope", &self.scope).finish()
    }
}

#[async_trait]
impl TableProvider for ScopedTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let exact = |filter: &&Expr| match is_simple(filter) {
            true => TableProviderFilterPushDown::Exact,
            false => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(exact).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let wanted = match projection {
            Some(projection) => Arc::new(self.schema.project(projection)?),
            None => self.schema.clone(),
        };
        let stored = self.snapshot.provider(&self.name).await.map_err(crate::QueryError::from)?;
        let Some(stored) = stored else { return Ok(Arc::new(EmptyExec::new(wanted))) };
        let columns = wanted.fields().iter().map(|field| stored.schema().index_of(field.name()));
        let columns = columns.collect::<std::result::Result<Vec<_>, _>>().map_err(DataFusionError::from)?;
        let scope = self.scope.as_ref().map(|scope| col("scope").eq(lit(scope.as_str())));
        let filters: Vec<Expr> = filters.iter().cloned().chain(scope).collect();
        stored.scan(state, Some(&columns), &filters, limit).await
    }
}

const COMPARISONS: [Operator; 6] =
    [Operator::Eq, Operator::NotEq, Operator::Lt, Operator::LtEq, Operator::Gt, Operator::GtEq];

/// Whether storage may take over a filter: comparisons of columns with constants, and what joins them.
fn is_simple(filter: &Expr) -> bool {
    let mut simple = true;
    let visited = filter.apply(|part| {
        simple &= match part {
            Expr::Column(_) | Expr::Literal(..) | Expr::Not(_) | Expr::IsNull(_) | Expr::IsNotNull(_) => true,
            Expr::Between(_) | Expr::InList(_) => true,
            Expr::BinaryExpr(binary) => binary.op.is_logic_operator() || COMPARISONS.contains(&binary.op),
            _ => false,
        };
        Ok(if simple { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    });
    simple && visited.is_ok()
}
