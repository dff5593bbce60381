//! Verification: memory recomputed from its inputs, compared with the tables, row by row.
//!
//! Reads one snapshot and builds a graph of its own; the store is not changed and the writer not disturbed. Cost: a
//! rebuild, and one sorted pass over every derived table.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::row::{RowConverter, SortField};
use nexus_dataflows::{Graph, Outputs};
use nexus_inference::Model;
use nexus_storage::{Reader, Snapshot, TableChange, TableSpec};
use nexus_types::PolicyRow;
use nexus_types::tables::{self, Table};
use serde::Serialize;
use tokio::runtime::Runtime;

use crate::embedder::Embedder;
use crate::engine::meta;
use crate::hydrate::stored_inputs;
use crate::texts::TextStore;
use crate::{Error, Result, commit, watch};

/// The most differences that a report lists; all are counted.
const LISTED_MAX: usize = 20;

/// What verification found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct VerifyReport {
    /// Whether every derived row is what the inputs give.
    pub equal: bool,
    /// The epoch that was verified.
    pub epoch: u64,
    /// Rows compared, by table.
    pub rows: BTreeMap<String, usize>,
    /// How many rows differ.
    pub different: usize,
    /// The first of them.
    pub differences: Vec<Difference>,
}

/// One row that is not what the inputs give.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The table.
    pub table: String,
    /// The row's key.
    pub key: String,
    /// What is wrong with it: `missing`, `unexpected` or `other content`.
    pub problem: &'static str,
}

/// Recomputes a snapshot's memory and compares.
pub(crate) fn verify(
    snapshot: &Snapshot,
    reader: Reader,
    models: &[Arc<dyn Model>],
    runtime: &Arc<Runtime>,
) -> Result<VerifyReport> {
    let checkpoint = snapshot.checkpoint();
    let tick = checkpoint.meta.get(meta::TICK).and_then(|tick| tick.parse().ok()).unwrap_or(-1);
    let texts = Arc::new(TextStore::new(reader, runtime.handle().clone()));
    let inputs = runtime.block_on(stored_inputs(snapshot, tick, |record| texts.add(record)))?;
    let policy: Vec<PolicyRow> = inputs.policy.iter().map(|(row, _)| row.clone()).collect();
    texts.watch(watch::vectors(policy.iter(), |model, text| Embedder::with_id(model, models)?.embed(text)));
    let outputs = Graph::start(1, texts.clone())?.step(inputs)?;
    texts.sound()?;
    let mut report = VerifyReport { epoch: checkpoint.epoch, ..VerifyReport::default() };
    let mut expected = recomputed(&outputs, &texts)?;
    for table in derived_tables() {
        let batches = expected.remove(table.name).unwrap_or_default();
        runtime.block_on(compare(snapshot, &table, &batches, &mut report))?;
    }
    report.equal = report.different == 0;
    Ok(report)
}

/// The changes that make the derived tables of a snapshot what these outputs say.
pub(crate) async fn repair(snapshot: &Snapshot, outputs: &Outputs, texts: &Arc<TextStore>) -> Result<Vec<TableChange>> {
    let mut expected = {
        let (outputs, texts) = (outputs.clone(), texts.clone());
        // Reading texts blocks on the runtime: not on one of its own threads.
        tokio::task::spawn_blocking(move || recomputed(&outputs, &texts)).await.map_err(Error::internal)??
    };
    let mut changes = Vec::new();
    for table in derived_tables() {
        let batches = expected.remove(table.name).unwrap_or_default();
        let mut report = VerifyReport::default();
        compare(snapshot, &table, &batches, &mut report).await?;
        if report.different > 0 {
            let held = snapshot.scan(table.name, Some(&[table.key]), None).await?;
            let delete = held.iter().flat_map(|batch| keys(&table, batch)).map(str::to_owned).collect();
            changes.push(TableChange { table: TableSpec::from(&table), delete, append: batches });
        }
    }
    Ok(changes)
}

/// The tables that the graph computes.
fn derived_tables() -> impl Iterator<Item = Table> {
    let given = ["events", "answers", "policy", "rejects", "notes", "letters", "outbox"];
    tables::all().into_iter().filter(move |table| !given.contains(&table.name))
}

fn recomputed(outputs: &Outputs, texts: &TextStore) -> Result<BTreeMap<String, Vec<RecordBatch>>> {
    Ok(commit::derived(outputs, texts)?.into_iter().map(|change| (change.table.name, change.append)).collect())
}

fn keys<'a>(table: &Table, batch: &'a RecordBatch) -> impl Iterator<Item = &'a str> {
    batch.column_by_name(table.key).and_then(|column| column.as_string_opt::<i32>()).into_iter().flatten().flatten()
}

async fn compare(
    snapshot: &Snapshot,
    table: &Table,
    expected: &[RecordBatch],
    report: &mut VerifyReport,
) -> Result<()> {
    let columns: Vec<&str> = table.schema.fields().iter().map(|field| field.name().as_str()).collect();
    let held = snapshot.scan(table.name, Some(&columns), None).await?;
    let sort = table.schema.fields().iter().map(|field| SortField::new(field.data_type().clone())).collect();
    let converter = RowConverter::new(sort).map_err(Error::internal)?;
    let (expected, held) = (by_key(table, &converter, expected)?, by_key(table, &converter, &held)?);
    report.rows.insert(table.name.to_owned(), expected.len());
    for (key, row) in &expected {
        match held.get(key) {
            None => report.note(table, key, "missing"),
            Some(other) if other != row => report.note(table, key, "other content"),
            Some(_) => {}
        }
    }
    for key in held.keys().filter(|key| !expected.contains_key(*key)) {
        report.note(table, key, "unexpected");
    }
    Ok(())
}

impl VerifyReport {
    fn note(&mut self, table: &Table, key: &str, problem: &'static str) {
        self.different += 1;
        if self.differences.len() < LISTED_MAX {
            self.differences.push(Difference { table: table.name.into(), key: key.into(), problem });
        }
    }
}

/// Rows by key; each as a hash of its columns, so that a large table fits.
fn by_key(
    table: &Table,
    converter: &RowConverter,
    batches: &[RecordBatch],
) -> Result<BTreeMap<String, nexus_types::id::Hash128>> {
    let mut rows = BTreeMap::new();
    for batch in batches {
        let columns = table.schema.fields().iter().map(|field| {
            batch
                .column_by_name(field.name())
                .cloned()
                .ok_or_else(|| Error::internal(format!("column {} is missing", field.name())))
        });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let converted = converter.convert_columns(&columns).map_err(Error::internal)?;
        for (key, row) in keys(table, batch).zip(converted.iter()) {
            if rows.insert(key.to_owned(), nexus_types::id::Hash128::of("row", &[row.as_ref()])).is_some() {
                return Err(Error::new(
                    crate::ErrorKind::Corrupt,
                    format!("table {} holds the key {key} twice", table.name),
                ));
            }
        }
    }
    Ok(rows)
}
