//! Fragments: the files a table is made of, for readers that keep columns in memory.
//!
//! A fragment's rows never change; some are deleted later. So what was read of one, deleted rows included, serves every
//! snapshot that has it, beside the list of those deleted there. A row's address is its fragment's number and its place in
//! it; rows are read by address without a look-up of keys.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, UInt64Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::Float32Type;
use arrow::error::ArrowError;
use datafusion::common::ScalarValue;
use datafusion::prelude::{ident, lit};
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use lance::dataset::scanner::{RowAddrMask, RowAddrTreeMap};
use lance::dataset::{Dataset, ProjectionRequest};
use lance::index::{DatasetIndexExt, DatasetIndexInternalExt};
use lance_index::metrics::NoOpMetricsCollector;
use lance_index::scalar::{SargableQuery, SearchResult};

use crate::error::{ErrorKind, Result, StorageError, lance};
use crate::snapshot::{Snapshot, reading};

/// More rows than this are not taken one by one.
const TAKEN_MAX: usize = 5_000;
/// The part of an address that is a row's place in its fragment.
const LOW: u64 = u32::MAX as u64;

/// One fragment of a table, as a snapshot has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// Its name: no other content ever has it.
    pub name: String,
    /// Its number: the upper half of its rows' addresses.
    pub number: u32,
    /// How many rows it has, deleted ones too.
    pub rows: usize,
    /// The places of the deleted ones, ascending.
    pub deleted: Vec<u32>,
}

impl Fragment {
    /// Whether a row is there, and not deleted.
    pub fn has(&self, row: u32) -> bool {
        (row as usize) < self.rows && self.deleted.binary_search(&row).is_err()
    }
}

/// The rows that a search may find, by address.
#[derive(Clone, Debug)]
pub struct Among(pub(crate) Arc<RowAddrMask>);

impl Among {
    /// The rows with these addresses.
    pub fn of(addresses: impl Iterator<Item = u64>) -> Self {
        Among(Arc::new(RowAddrMask::from_allowed(addresses.collect::<RowAddrTreeMap>())))
    }
}

/// The vectors of a column, row by row, each with the same number of numbers; `None` if it is no column of vectors.
pub fn vectors(column: &dyn Array) -> Option<impl Iterator<Item = &[f32]>> {
    let column = column.as_fixed_size_list_opt()?;
    let width = usize::try_from(column.value_length()).ok()?.max(1);
    let values: &[f32] = column.values().as_primitive_opt::<Float32Type>()?.values();
    // A sliced list keeps its whole child: rows start at its offset.
    let values = values.get(column.value_offset(0).max(0) as usize..)?;
    Some(values.chunks_exact(width).take(column.len()))
}

impl Snapshot {
    /// The fragments of a table, by number. Costs the lists of deleted rows, which are kept.
    pub fn fragments<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Vec<Fragment>>> {
        Box::pin(async move {
            let Some(dataset) = self.table(table).await? else { return Ok(Vec::new()) };
            let mut fragments = Vec::new();
            for fragment in dataset.get_fragments() {
                let files: Vec<&str> = fragment.metadata().files.iter().map(|file| file.path.as_str()).collect();
                let deleted = fragment.get_deletion_vector().await.map_err(lance(reading(table)))?;
                let deleted = deleted.map(|deleted| deleted.to_sorted_iter().collect()).unwrap_or_default();
                let rows = fragment.physical_rows().await.map_err(lance(reading(table)))?;
                fragments.push(Fragment { name: files.join(" "), number: fragment.id() as u32, rows, deleted });
            }
            fragments.sort_by_key(|fragment| fragment.number);
            Ok(fragments)
        })
    }

    /// Columns of all rows of a fragment, deleted ones too, in order.
    pub fn read_fragment<'a>(
        &'a self,
        table: &'a str,
        number: u32,
        columns: &'a [&'a str],
    ) -> BoxFuture<'a, Result<Vec<RecordBatch>>> {
        Box::pin(async move { self.stream_fragment(table, number, columns).await?.try_collect().await })
    }

    async fn stream_fragment(
        &self,
        table: &str,
        number: u32,
        columns: &[&str],
    ) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        let Some(dataset) = self.table(table).await? else { return Ok(stream::empty().boxed()) };
        let Some(fragment) = dataset.get_fragment(number as usize) else { return Ok(stream::empty().boxed()) };
        let mut scanner = dataset.scan();
        scanner.with_fragments(vec![fragment.metadata().clone()]).scan_in_order(true);
        scanner.project(columns).map_err(lance(reading(table)))?;
        scanner.with_row_id().include_deleted_rows();
        self.run(table, scanner).await
    }

    /// Columns of the rows where a column of text has one of these values: by the column's index, which spares the plan of a
    /// scan, and by a scan where there is none. In no particular order.
    pub fn rows_with<'a>(
        &'a self,
        table: &'a str,
        column: &'a str,
        values: &'a [String],
        columns: &'a [&'a str],
    ) -> BoxFuture<'a, Result<Vec<RecordBatch>>> {
        Box::pin(async move {
            let Some(dataset) = self.table(table).await? else { return Ok(Vec::new()) };
            let (mut found, covered) = indexed(&dataset, column, values).await.map_err(lance(reading(table)))?;
            let mut others = Vec::new();
            for fragment in self.fragments(table).await? {
                let of = |address: &u64| address >> 32 == u64::from(fragment.number);
                found.retain(|address| !of(address) || fragment.has(*address as u32));
                if !covered.contains(&fragment.number) {
                    others.extend(dataset.get_fragment(fragment.number as usize).map(|one| one.metadata().clone()));
                }
            }
            found.sort_unstable();
            found.dedup();
            let mut rows = self.take_at(table, &found, columns).await?;
            if !others.is_empty() {
                let mut scanner = dataset.scan();
                scanner.with_fragments(others).project(columns).map_err(lance(reading(table)))?;
                let values = values.iter().map(|value| lit(value.as_str())).collect();
                scanner.filter_expr(ident(column).in_list(values, false));
                rows.extend(self.run(table, scanner).await?.try_collect::<Vec<_>>().await?);
            }
            Ok(rows)
        })
    }

    /// Columns of the rows at these addresses, which ascend, in their order. Every address must be of a row that is there.
    /// Few are read one by one; many, fragment by fragment.
    pub fn take_at<'a>(
        &'a self,
        table: &'a str,
        addresses: &'a [u64],
        columns: &'a [&'a str],
    ) -> BoxFuture<'a, Result<Vec<RecordBatch>>> {
        Box::pin(async move {
            let Some(dataset) = self.table(table).await? else { return Ok(Vec::new()) };
            if addresses.is_empty() {
                return Ok(Vec::new());
            }
            if addresses.len() <= TAKEN_MAX {
                let columns = ProjectionRequest::from_columns(columns.iter(), dataset.schema());
                let taken = dataset.take_rows(addresses, columns).await;
                return Ok(vec![taken.map_err(|error| self.explain(lance(reading(table))(error)))?]);
            }
            let mut taken = Vec::new();
            for wanted in addresses.chunk_by(|a, b| a >> 32 == b >> 32) {
                let number = wanted.first().map_or(0, |address| (address >> 32) as u32);
                let (mut wanted, mut start) = (wanted, 0);
                let mut batches = self.stream_fragment(table, number, columns).await?;
                while let Some(batch) = batches.try_next().await? {
                    let end = start + batch.num_rows() as u64;
                    let (here, later) = wanted.split_at(wanted.partition_point(|address| (address & LOW) < end));
                    let places: Vec<u64> = here.iter().map(|address| (address & LOW) - start).collect();
                    taken.push(take_record_batch(&batch, &UInt64Array::from(places)).map_err(arrow_failed)?);
                    (wanted, start) = (later, end);
                }
            }
            Ok(taken)
        })
    }
}

/// The addresses of the rows that the index of a column knows for these values, and the fragments it knows.
async fn indexed(table: &Dataset, column: &str, values: &[String]) -> lance::Result<(Vec<u64>, BTreeSet<u32>)> {
    let (mut found, mut covered) = (Vec::new(), BTreeSet::new());
    let values: Vec<ScalarValue> = values.iter().map(|value| ScalarValue::Utf8(Some(value.clone()))).collect();
    for segment in table.load_indices_by_name(&format!("{column}_index")).await? {
        covered.extend(segment.fragment_bitmap.iter().flat_map(|fragments| fragments.iter()));
        let index = table.open_scalar_index(column, &segment.uuid, &NoOpMetricsCollector).await?;
        let rows = index.search(&SargableQuery::IsIn(values.clone()), &NoOpMetricsCollector).await?;
        let (SearchResult::Exact(rows) | SearchResult::AtMost(rows) | SearchResult::AtLeast(rows)) = rows;
        found.extend(rows.true_rows().row_addrs().into_iter().flatten().map(u64::from));
    }
    let there: BTreeSet<u32> = table.fragments().iter().map(|fragment| fragment.id as u32).collect();
    found.retain(|address| there.contains(&((address >> 32) as u32)));
    Ok((found, covered))
}

fn arrow_failed(error: ArrowError) -> StorageError {
    StorageError::new(ErrorKind::Corrupt, "rows that were read do not fit their table").because(error)
}
