//! Fragments: the files a table is made of, for readers that keep columns in memory.
//!
//! A fragment's rows never change; some are deleted later. So what was read of one, deleted rows included, serves every
//! snapshot that has it, beside the list of those deleted there. A row's address is its fragment's number and its place in
//! it; rows are read by address without a look-up of keys.

use std::sync::Arc;

use arrow::array::{RecordBatch, UInt64Array};
use arrow::compute::take_record_batch;
use arrow::error::ArrowError;
use futures::TryStreamExt;
use futures::future::BoxFuture;
use lance::dataset::ProjectionRequest;
use lance::dataset::scanner::{RowAddrMask, RowAddrTreeMap};

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

/// The rows that a search may find, by address.
#[derive(Clone, Debug)]
pub struct Among(pub(crate) Arc<RowAddrMask>);

impl Among {
    /// The rows with these addresses.
    pub fn of(addresses: impl Iterator<Item = u64>) -> Self {
        Among(Arc::new(RowAddrMask::from_allowed(addresses.collect::<RowAddrTreeMap>())))
    }
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
        Box::pin(async move {
            let Some(dataset) = self.table(table).await? else { return Ok(Vec::new()) };
            let Some(fragment) = dataset.get_fragment(number as usize) else { return Ok(Vec::new()) };
            let mut scanner = dataset.scan();
            scanner.with_fragments(vec![fragment.metadata().clone()]).scan_in_order(true);
            scanner.project(columns).map_err(lance(reading(table)))?;
            scanner.with_row_id().include_deleted_rows();
            self.run(table, scanner).await?.try_collect().await
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
                for batch in self.read_fragment(table, number, columns).await? {
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

fn arrow_failed(error: ArrowError) -> StorageError {
    StorageError::new(ErrorKind::Corrupt, "rows that were read do not fit their table").because(error)
}
