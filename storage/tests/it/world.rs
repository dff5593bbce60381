//! What the tests share: two small tables, a store in a temporary directory, and rows as plain maps.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use nexus_storage::{Checkpoint, Commit, Opener, Result, Settings, Snapshot, Store, TableChange, TableSpec};

/// Rows by key.
pub(crate) type Rows = BTreeMap<String, i64>;
/// Tables by name.
pub(crate) type Tables = BTreeMap<String, Rows>;

/// Runs a test on threads with room for Lance's deep futures.
pub(crate) fn run<F: Future<Output = ()> + Send + 'static>(test: F) {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).thread_stack_size(16 << 20).enable_all().build().unwrap();
    let task = runtime.spawn(test);
    runtime.block_on(task).unwrap();
}

/// Settings under which a handful of rows is enough for every kind of upkeep.
pub(crate) fn eager() -> Settings {
    Settings {
        fragments_max: 3,
        index_rows_min: 1,
        unindexed_rows_max: 2,
        checkpoints_kept: 4,
        versions_max: 2,
        ..Settings::default()
    }
}

pub(crate) fn opener() -> Opener {
    Opener { program: "test".into(), at: 0 }
}

pub(crate) async fn open(path: &Path) -> Store {
    Store::create_or_open(path, eager(), opener()).await.unwrap()
}

pub(crate) fn spec(name: &str) -> TableSpec {
    let fields = vec![Field::new("id", DataType::Utf8, false), Field::new("n", DataType::Int64, false)];
    TableSpec { name: name.into(), key: "id".into(), schema: Arc::new(Schema::new(fields)) }
}

pub(crate) fn batch(rows: &Rows) -> RecordBatch {
    let keys: ArrayRef = Arc::new(StringArray::from_iter_values(rows.keys()));
    let values: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.values().copied()));
    RecordBatch::try_new(spec("any").schema, vec![keys, values]).unwrap()
}

pub(crate) fn change(name: &str, delete: &[&str], append: &[(&str, i64)]) -> TableChange {
    let rows: Rows = append.iter().map(|(key, value)| (key.to_string(), *value)).collect();
    let delete = delete.iter().map(|key| key.to_string()).collect();
    TableChange { table: spec(name), delete, append: vec![batch(&rows)] }
}

/// Commits the next epoch, a minute after the one before.
pub(crate) async fn commit(store: &mut Store, changes: Vec<TableChange>) -> Result<Checkpoint> {
    let epoch = store.checkpoint().epoch + 1;
    let committed_at = epoch as i64 * 60_000;
    store.commit(Commit { epoch, changes, committed_at, ..Commit::default() }).await
}

/// All rows of a snapshot.
pub(crate) async fn contents(snapshot: &Snapshot) -> Tables {
    let mut tables = Tables::new();
    for name in snapshot.tables() {
        let rows = tables.entry(name.to_string()).or_default();
        for batch in snapshot.scan(name, None, None).await.unwrap() {
            let (keys, values) = (batch["id"].as_string::<i32>(), batch["n"].as_primitive::<Int64Type>());
            for at in 0..batch.num_rows() {
                assert!(rows.insert(keys.value(at).to_string(), values.value(at)).is_none(), "a key twice in {name}");
            }
        }
        assert_eq!(snapshot.rows(name), rows.len() as u64);
        assert_eq!(
            snapshot.count(name, Some("n >= 0")).await.unwrap(),
            rows.values().filter(|n| **n >= 0).count() as u64
        );
    }
    tables
}

/// Copies a directory with all in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => assert_eq!(std::fs::copy(entry.path(), target).unwrap(), entry.metadata().unwrap().len()),
        }
    }
}
