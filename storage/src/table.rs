//! One table: how a commit changes it, as a single Lance version.
//!
//! Deletes and appends of one epoch become one transaction: new data files, deletion vectors over the old ones, one
//! manifest. Rows to delete are found by their key: few keys through the key's index, many by one scan of the key column.
//! `merge_insert` is not used: the graph already says which rows go and which come.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt64Type};
use datafusion::prelude::{ident, lit};
use futures::TryStreamExt;
use lance::dataset::transaction::{Operation, Transaction, UpdateMode};
use lance::dataset::{CommitBuilder, Dataset, InsertBuilder, WriteMode, WriteParams};
use nexus_types::tables::{self, Table};

use crate::caches::Caches;
use crate::checkpoint::TableAt;
use crate::error::{ErrorKind, Result, StorageError, at, lance};
use crate::files;
use crate::indexes;

/// Up to so many keys are looked up one by one; more, and the key column is scanned.
const LOOKUPS_MAX: usize = 512;
const ROW_ADDRESS: &str = "_rowaddr";

/// A table as storage sees it.
#[derive(Clone, Debug)]
pub struct TableSpec {
    /// Its name: the folder it lies in and its name in SQL.
    pub name: String,
    /// Its key column: text, unique, never null.
    pub key: String,
    /// Its columns.
    pub schema: SchemaRef,
}

impl From<&Table> for TableSpec {
    fn from(table: &Table) -> Self {
        Self { name: table.name.into(), key: table.key.into(), schema: table.schema.clone() }
    }
}

impl TableSpec {
    /// The vectors of an embedder.
    pub fn vectors(model: &str, dimension: i32) -> Self {
        let schema = tables::vectors_schema(dimension);
        Self { name: tables::vectors_name(model), key: "text_hash".into(), schema }
    }

    pub(crate) fn check(&self) -> Result<()> {
        let named = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if self.name.is_empty() || !self.name.chars().all(named) {
            return Err(self.wrong("a table's name has only a-z, 0-9 and _"));
        }
        match self.schema.field_with_name(&self.key) {
            Ok(field) if field.data_type() == &DataType::Utf8 => Ok(()),
            _ => Err(self.wrong(format_args!("its key {} must be a column of text", self.key))),
        }
    }

    fn wrong(&self, why: impl Display) -> StorageError {
        StorageError::new(ErrorKind::FixArgument, format!("table {:?}: {why}", self.name))
    }
}

/// What an epoch changes in one table: first the rows with these keys go, then the new ones come.
#[derive(Clone, Debug)]
pub struct TableChange {
    /// The table; made when it does not exist.
    pub table: TableSpec,
    /// Keys of the rows to remove. One that is not there is nothing.
    pub delete: Vec<String>,
    /// Rows to add, with the table's columns. That their keys are new is the caller's word.
    pub append: Vec<RecordBatch>,
}

impl TableChange {
    pub(crate) fn is_empty(&self) -> bool {
        self.delete.is_empty() && self.append.iter().all(|batch| batch.num_rows() == 0)
    }

    /// Applies the change to the table as it is now; `None` if there is still no table.
    pub(crate) async fn apply(&self, caches: &Caches, now: Option<&TableAt>) -> Result<Option<Arc<Dataset>>> {
        let name = &self.table.name;
        let rows = self.rows()?;
        let Some(now) = now else {
            return if rows.is_empty() { Ok(None) } else { create(caches, name, rows).await.map(Some) };
        };
        let table = caches.table(name, now.version).await?;
        let gone = locate(&table, &self.table.key, &self.delete).await.map_err(lance(failed(name)))?;
        let changed = write(&table, rows, gone).await.map_err(lance(failed(name)))?;
        caches.keep(name, &changed);
        Ok(Some(changed))
    }

    /// The rows to append, checked, and marked for compression.
    fn rows(&self) -> Result<Vec<RecordBatch>> {
        let stored = stored_schema(&self.table.schema);
        let rows = self.append.iter().filter(|batch| batch.num_rows() > 0);
        rows.map(|batch| {
            if batch.schema_ref().fields() != self.table.schema.fields() {
                return Err(self.table.wrong("the rows to append have other columns than the table"));
            }
            RecordBatch::try_new(stored.clone(), batch.columns().to_vec())
                .map_err(|error| self.table.wrong("the rows to append do not fit the columns").because(error))
        })
        .collect()
    }
}

/// The rows of a table version.
pub(crate) fn row_count(table: &Dataset) -> u64 {
    table.fragments().iter().map(|fragment| fragment.num_rows().unwrap_or_default() as u64).sum()
}

/// The columns as stored: text is compressed.
pub(crate) fn stored_schema(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| stored_field(field));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn stored_field(field: &Field) -> Field {
    if field.data_type() != &DataType::Utf8 {
        return field.clone();
    }
    let metadata = [("lance-encoding:compression".to_string(), "zstd".to_string())].into();
    field.clone().with_metadata(metadata)
}

async fn create(caches: &Caches, name: &str, rows: Vec<RecordBatch>) -> Result<Arc<Dataset>> {
    let path = caches.home.table(name);
    files::remove(&path).map_err(at(&path, "clear"))?;
    let params = WriteParams { mode: WriteMode::Create, session: Some(caches.session()), ..Default::default() };
    let uri = path.to_string_lossy();
    let table = InsertBuilder::new(uri.as_ref()).with_params(&params).execute(rows).await;
    let mut table = table.map_err(lance(failed(name)))?;
    for index in indexes::at_birth(name) {
        index.create(&mut table).await.map_err(lance(failed(name)))?;
    }
    let table = Arc::new(table);
    caches.keep(name, &table);
    Ok(table)
}

/// Where the rows with these keys lie: row numbers by fragment.
async fn locate(table: &Arc<Dataset>, key: &str, keys: &[String]) -> lance::Result<BTreeMap<u32, Vec<u32>>> {
    let mut places: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    if keys.is_empty() {
        return Ok(places);
    }
    let mut sorted: Vec<&str> = keys.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    let mut scanner = table.scan();
    scanner.project(&[key])?.with_row_address();
    if sorted.len() <= LOOKUPS_MAX {
        scanner.filter_expr(ident(key).in_list(sorted.iter().map(|key| lit(*key)).collect(), false));
    }
    let mut stream = scanner.try_into_stream().await?;
    while let Some(batch) = stream.try_next().await? {
        let (found, address) = (batch.column(0).as_string::<i32>(), &batch[ROW_ADDRESS]);
        let address = address.as_primitive::<UInt64Type>();
        for at in (0..batch.num_rows()).filter(|&at| sorted.binary_search(&found.value(at)).is_ok()) {
            let address = address.value(at);
            places.entry((address >> 32) as u32).or_default().push(address as u32);
        }
    }
    Ok(places)
}

/// Writes rows and deletion vectors and commits them as one version.
async fn write(
    table: &Arc<Dataset>,
    rows: Vec<RecordBatch>,
    gone: BTreeMap<u32, Vec<u32>>,
) -> lance::Result<Arc<Dataset>> {
    if rows.is_empty() && gone.is_empty() {
        return Ok(table.clone());
    }
    let mut new_fragments = Vec::new();
    if !rows.is_empty() {
        let params = WriteParams { mode: WriteMode::Append, ..Default::default() };
        let written = InsertBuilder::new(table.clone()).with_params(&params).execute_uncommitted(rows).await?;
        if let Operation::Append { fragments } = written.operation {
            new_fragments = fragments;
        }
    }
    let operation = if gone.is_empty() {
        Operation::Append { fragments: new_fragments }
    } else {
        let (removed_fragment_ids, updated_fragments) = delete(table, &gone).await?;
        Operation::Update {
            removed_fragment_ids,
            updated_fragments,
            new_fragments,
            fields_modified: Vec::new(),
            compacted_sstables: Vec::new(),
            fields_for_preserving_frag_bitmap: Vec::new(),
            update_mode: Some(UpdateMode::RewriteRows),
            inserted_rows_filter: None,
            updated_fragment_offsets: None,
        }
    };
    let transaction = Transaction::new(table.version_id(), operation, None);
    CommitBuilder::new(table.clone()).with_skip_auto_cleanup(true).execute(transaction).await.map(Arc::new)
}

/// Marks rows as deleted. Gives the fragments that are empty now, and the changed ones.
async fn delete(
    table: &Arc<Dataset>,
    gone: &BTreeMap<u32, Vec<u32>>,
) -> lance::Result<(Vec<u64>, Vec<lance::table::format::Fragment>)> {
    let (mut empty, mut changed) = (Vec::new(), Vec::new());
    for fragment in table.get_fragments() {
        let id = fragment.id();
        let Some(rows) = gone.get(&(id as u32)) else { continue };
        match fragment.extend_deletions(rows.iter().copied()).await? {
            Some(fragment) => changed.push(fragment.metadata().clone()),
            None => empty.push(id as u64),
        }
    }
    Ok((empty, changed))
}

fn failed(name: &str) -> String {
    format!("cannot change table {name}")
}

/// The versions of a table that are on the disk.
pub(crate) fn versions(path: &Path) -> Result<Vec<u64>> {
    let directory = path.join("_versions");
    let names = files::names(&directory).map_err(at(&directory, "read"))?;
    Ok(names.iter().filter_map(|name| version_of(name)).collect())
}

/// Takes a table back to a version: newer ones never happened. Says whether there were any.
pub(crate) fn roll_back(path: &Path, version: u64) -> Result<bool> {
    let directory = path.join("_versions");
    let names = files::names(&directory).map_err(at(&directory, "read"))?;
    if !names.iter().any(|name| version_of(name) == Some(version)) {
        let message = format!("{} has lost its version {version}: restore the store from a copy", path.display());
        return Err(StorageError::new(ErrorKind::Corrupt, message));
    }
    let newer: Vec<_> = names.iter().filter(|name| version_of(name).is_some_and(|found| found > version)).collect();
    if newer.is_empty() {
        return Ok(false);
    }
    for name in newer.iter().map(|name| name.as_str()).chain(["latest_version_hint.json"]) {
        let path = directory.join(name);
        files::remove(&path).map_err(at(&path, "remove"))?;
    }
    files::sync_directory(&directory).map_err(at(&directory, "sync"))?;
    Ok(true)
}

/// The version that a manifest's name stands for: Lance counts down from the largest number.
pub(crate) fn version_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".manifest").filter(|digits| digits.len() == 20)?;
    digits.parse::<u64>().ok().map(|inverted| u64::MAX - inverted)
}
