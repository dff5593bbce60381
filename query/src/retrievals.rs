//! `retrievals`: how often each event was recalled. Read when it is scanned, not before; the same in every epoch, for it is
//! no part of memory.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{MemTable, Session, TableProvider};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use nexus_storage::Retrieved;

/// The counts of one scope.
#[derive(Debug)]
pub(crate) struct Retrievals {
    /// Nothing for a reader without history.
    pub(crate) counted: Option<Retrieved>,
    pub(crate) scope: String,
}

#[async_trait]
impl TableProvider for Retrievals {
    fn schema(&self) -> SchemaRef {
        let event = Field::new("event", DataType::Utf8, false);
        Arc::new(Schema::new(vec![event, Field::new("retrieval_count", DataType::UInt64, false)]))
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let counts = self.counted.as_ref().map_or_else(|| Ok(Default::default()), Retrieved::counts);
        let mut counts = counts.map_err(crate::QueryError::from)?;
        counts.retain(|(scope, _), _| *scope == self.scope);
        let events: ArrayRef = Arc::new(StringArray::from_iter_values(counts.keys().map(|(_, event)| event)));
        let counts: ArrayRef = Arc::new(UInt64Array::from_iter_values(counts.values().copied()));
        let batch = RecordBatch::try_new(self.schema(), vec![events, counts])?;
        MemTable::try_new(self.schema(), vec![vec![batch]])?.scan(state, projection, filters, limit).await
    }
}
