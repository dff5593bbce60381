//! A snapshot: every table as it was at one checkpoint, for as long as the snapshot lives.
//!
//! Tables are opened when they are first read. A table that does not exist yet has no rows; that is not an error. Filters
//! are SQL expressions over the table's columns; values go into them through [`quoted`]. A snapshot keeps its versions from
//! being cleaned up by a lease; on media that cannot be written there is none, which [`Snapshot::leased`] says.

use futures::future::BoxFuture;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::prelude::{ident, lit};
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use lance::datafusion::LanceTableProvider;
use lance::dataset::Dataset;
use lance::dataset::scanner::Scanner;
use tokio::sync::OnceCell;

use crate::caches::Caches;
use crate::checkpoint::{At, Checkpoint};
use crate::error::{ErrorKind, Result, StorageError, lance};
use crate::lease::Lease;
use crate::reader::Reader;
use crate::search::WordsIndex;
use crate::settings::Settings;

/// So many keys are looked up in one go.
const KEYS_AT_ONCE: usize = 512;

/// The store at one checkpoint. Cloning it is cheap and holds the same lease.
#[derive(Clone, Debug)]
pub struct Snapshot {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    caches: Arc<Caches>,
    checkpoint: Checkpoint,
    lease: Option<Lease>,
    tables: BTreeMap<String, OnceCell<Arc<Dataset>>>,
    words: OnceCell<Arc<WordsIndex>>,
}

impl Snapshot {
    /// Opens the store at that path for reading, and takes a snapshot.
    pub fn open<'a>(path: &'a Path, at: At) -> BoxFuture<'a, Result<Self>> {
        Box::pin(async move { Reader::open(path, &Settings::default())?.snapshot(at).await })
    }

    pub(crate) fn new(caches: Arc<Caches>, checkpoint: Checkpoint, lease: Option<Lease>) -> Self {
        let tables = checkpoint.tables.keys().map(|name| (name.clone(), OnceCell::new())).collect();
        Self { inner: Arc::new(Inner { caches, checkpoint, lease, tables, words: OnceCell::new() }) }
    }

    /// The index of words, opened once.
    pub(crate) async fn words(&self, passages: &Dataset) -> lance::Result<&WordsIndex> {
        let open = || async { WordsIndex::of(passages).await.map(Arc::new) };
        self.inner.words.get_or_try_init(open).await.map(|words| &**words)
    }

    /// The checkpoint it shows.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.inner.checkpoint
    }

    /// The epoch it shows.
    pub fn epoch(&self) -> u64 {
        self.inner.checkpoint.epoch
    }

    /// Whether it may still be read: an error once an erasure has revoked it.
    pub fn check(&self) -> Result<()> {
        self.inner.lease.as_ref().map_or(Ok(()), Lease::check)
    }

    /// Whether cleaning up waits for it.
    pub fn leased(&self) -> bool {
        self.inner.lease.is_some()
    }

    /// The tables there are.
    pub fn tables(&self) -> Vec<&str> {
        self.inner.tables.keys().map(String::as_str).collect()
    }

    /// Whether there is such a table.
    pub fn has(&self, table: &str) -> bool {
        self.inner.tables.contains_key(table)
    }

    /// How many rows a table has; costs nothing.
    pub fn rows(&self, table: &str) -> u64 {
        self.inner.checkpoint.tables.get(table).map_or(0, |at| at.rows)
    }

    /// A table's columns.
    pub fn schema<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Option<SchemaRef>>> {
        Box::pin(async move { Ok(self.table(table).await?.map(|table| Arc::new(Schema::from(table.schema())))) })
    }

    /// The rows that pass the filter, all columns or these, in no particular order.
    pub fn scan<'a>(
        &'a self,
        table: &'a str,
        columns: Option<&'a [&'a str]>,
        filter: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Vec<RecordBatch>>> {
        Box::pin(async move { self.stream(table, columns, filter).await?.try_collect().await })
    }

    /// As [`Snapshot::scan`], a batch at a time, with bounded memory.
    pub fn stream<'a>(
        &'a self,
        table: &'a str,
        columns: Option<&'a [&'a str]>,
        filter: Option<&'a str>,
    ) -> BoxFuture<'a, Result<BoxStream<'static, Result<RecordBatch>>>> {
        Box::pin(async move {
            let Some(dataset) = self.table(table).await? else { return Ok(stream::empty().boxed()) };
            let mut scanner = dataset.scan();
            let mut prepare = || -> lance::Result<()> {
                columns.map(|columns| scanner.project(columns)).transpose()?;
                filter.map(|filter| scanner.filter(filter)).transpose()?;
                Ok(())
            };
            prepare().map_err(lance(reading(table)))?;
            self.run(table, scanner).await
        })
    }

    /// How many rows pass the filter.
    pub fn count<'a>(&'a self, table: &'a str, filter: Option<&'a str>) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            match (filter, self.table(table).await?) {
                (None, _) | (_, None) => Ok(self.rows(table)),
                (Some(filter), Some(dataset)) => {
                    let counted = dataset.count_rows(Some(filter.to_string())).await;
                    counted.map(|rows| rows as u64).map_err(|error| self.explain(lance(reading(table))(error)))
                }
            }
        })
    }

    /// The rows with these keys, in no particular order; keys that are not there are left out.
    pub fn take<'a>(
        &'a self,
        table: &'a str,
        keys: &'a [String],
        columns: Option<&'a [&'a str]>,
    ) -> BoxFuture<'a, Result<Vec<RecordBatch>>> {
        Box::pin(async move {
            let Some(dataset) = self.table(table).await? else { return Ok(Vec::new()) };
            let key = self.inner.checkpoint.tables.get(table).map_or("", |at| at.key.as_str());
            let mut rows = Vec::new();
            for keys in keys.chunks(KEYS_AT_ONCE) {
                let mut scanner = dataset.scan();
                if let Some(columns) = columns {
                    scanner.project(columns).map_err(lance(reading(table)))?;
                }
                scanner.filter_expr(ident(key).in_list(keys.iter().map(|key| lit(key.as_str())).collect(), false));
                rows.extend(self.run(table, scanner).await?.try_collect::<Vec<_>>().await?);
            }
            Ok(rows)
        })
    }

    /// The table for DataFusion, at this snapshot; filters and limits are pushed into it.
    pub fn provider<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Option<Arc<dyn TableProvider>>>> {
        Box::pin(async move {
            let table = self.table(table).await?;
            Ok(table.map(|table| Arc::new(LanceTableProvider::new(table, false, false)) as Arc<dyn TableProvider>))
        })
    }

    /// The table at the snapshot's version, opened once.
    pub(crate) async fn table(&self, name: &str) -> Result<Option<Arc<Dataset>>> {
        if let Some(lease) = &self.inner.lease {
            lease.check()?;
        }
        let (Some(cell), Some(at)) = (self.inner.tables.get(name), self.inner.checkpoint.tables.get(name)) else {
            return Ok(None);
        };
        let opened = cell.get_or_try_init(|| self.inner.caches.table(name, at.version)).await;
        opened.cloned().map(Some).map_err(|error| self.explain(error))
    }

    /// Runs a scan and gives its rows without what Lance adds to their schema.
    pub(crate) async fn run(&self, table: &str, scanner: Scanner) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        let found = scanner.try_into_stream().await.map_err(|error| self.explain(lance(reading(table))(error)))?;
        let (snapshot, name) = (self.clone(), table.to_string());
        Ok(found.map_err(move |error| snapshot.explain(lance(reading(&name))(error))).boxed())
    }

    /// If the snapshot was revoked or its versions are gone, that is why something failed.
    pub(crate) fn explain(&self, error: StorageError) -> StorageError {
        match &self.inner.lease {
            Some(lease) => lease.check().err().unwrap_or(error),
            None if error.kind() == &ErrorKind::Corrupt => {
                let message = "this snapshot holds no lease and may have been cleaned up: take a new one";
                StorageError::new(ErrorKind::Retry, message).because(error)
            }
            None => error,
        }
    }
}

/// Text as a literal in a filter.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

pub(crate) fn reading(table: &str) -> String {
    format!("cannot read table {table}")
}
