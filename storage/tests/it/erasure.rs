//! Erasure: a marker that was there is nowhere, in raw bytes, in any version, in any index's words, in the tail.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::util::pretty::pretty_format_batches;
use futures::TryStreamExt;
use lance::Dataset;
use lance::cache::LanceCache;
use lance::io::ObjectStore;
use lance_index::scalar::IndexStore;
use lance_index::scalar::inverted::{TokenSet, TokenSetFormat};
use lance_index::scalar::lance_format::LanceIndexStore;
use nexus_storage::{Commit, ErrorKind, Store, TableChange, TableSpec};

use crate::world::{eager, opener, run};

const MARKER: &str = "qzx7714f0eb9";

fn passages(delete: &[&str], rows: &[(&str, String)]) -> TableChange {
    let fields =
        ["id", "scope", "event", "previous", "text_hash", "text"].map(|name| Field::new(name, DataType::Utf8, false));
    let schema = Arc::new(Schema::new(fields.to_vec()));
    let ids: ArrayRef = Arc::new(StringArray::from_iter_values(rows.iter().map(|(id, _)| id)));
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values(rows.iter().map(|(_, text)| text)));
    let mut columns = vec![ids; 5];
    columns.push(texts);
    let append = vec![RecordBatch::try_new(schema.clone(), columns).unwrap()];
    let table = TableSpec { name: "passages".into(), key: "id".into(), schema };
    TableChange { table, delete: delete.iter().map(|key| key.to_string()).collect(), append }
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

/// Every place where the marker is, decoded or raw.
async fn places(store: &Store) -> Vec<String> {
    let mut places = Vec::new();
    for path in files(store.path()) {
        let bytes = std::fs::read(&path).unwrap();
        if bytes.windows(MARKER.len()).any(|window| window == MARKER.as_bytes()) {
            places.push(format!("bytes of {}", path.display()));
        }
    }
    for name in store.checkpoint().tables.keys() {
        let uri = store.path().join(format!("tables/{name}.lance"));
        let table = Dataset::open(uri.to_str().unwrap()).await.unwrap();
        for version in table.versions().await.unwrap() {
            let table = table.checkout_version(version.version).await.unwrap();
            let mut scanner = table.scan();
            scanner.with_row_id().include_deleted_rows();
            let rows: Vec<_> = scanner.try_into_stream().await.unwrap().try_collect().await.unwrap();
            if pretty_format_batches(&rows).unwrap().to_string().contains(MARKER) {
                places.push(format!("rows of {name} at {}", version.version));
            }
        }
    }
    for path in files(&store.path().join("tables")).into_iter().filter(|path| is_words(path)) {
        if words(&path).await.get(MARKER).is_some() {
            places.push(format!("words of {}", path.display()));
        }
    }
    let visit = |seq: u64, record: &[u8]| {
        let hit = record.windows(MARKER.len()).any(|window| window == MARKER.as_bytes());
        places.extend(hit.then(|| format!("tail at {seq}")));
        Ok(())
    };
    store.tail().replay_from(0, visit).unwrap();
    places
}

fn is_words(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with("tokens.lance"))
}

/// The words of a text index.
async fn words(path: &Path) -> TokenSet {
    let (store, folder) = ObjectStore::from_uri(path.parent().unwrap().to_str().unwrap()).await.unwrap();
    let store = LanceIndexStore::new(store, folder, Arc::new(LanceCache::no_cache()));
    let reader = store.open_index_file(path.file_name().unwrap().to_str().unwrap()).await.unwrap();
    TokenSet::load(reader, TokenSetFormat::Fst).await.unwrap()
}

#[test]
fn nothing_of_what_was_deleted_remains() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let mut store = Store::create_or_open(directory.path(), eager(), opener()).await.unwrap();
        let text =
            |at: usize| format!("an ordinary sentence number {at}, long enough to be compressed with the others");
        let secret = format!("the secret {MARKER} was told");
        let rows: Vec<(String, String)> = (0..50).map(|at| (format!("id{at:02}"), text(at))).collect();
        let mut rows: Vec<(&str, String)> = rows.iter().map(|(id, text)| (id.as_str(), text.clone())).collect();
        rows.push(("secret", secret.clone()));
        let tail_through = store.tail().append(&[secret.into_bytes()]).unwrap();
        let changes = vec![passages(&[], &rows)];
        store.commit(Commit { epoch: 1, changes, tail_through, ..Commit::default() }).await.unwrap();
        store.maintain(100).await.unwrap();
        let held = store.snapshot().await.unwrap();
        assert_eq!(held.full_text(MARKER, 3, None).await.unwrap().len(), 1);
        let changes = vec![passages(&["secret"], &[("late", "one more".into())])];
        store.tail().append(&[b"not yet in a table".to_vec()]).unwrap();
        store.commit(Commit { epoch: 2, changes, tail_through, ..Commit::default() }).await.unwrap();

        let before = places(&store).await;
        for kind in ["rows of passages", "words of", "tail at 1", "bytes of"] {
            assert!(before.iter().any(|place| place.starts_with(kind)), "no {kind} in {before:?}");
        }
        let erased = store.erase().await.unwrap();
        assert!(
            erased.tables == 1 && erased.versions >= 2 && erased.checkpoints == 2 && erased.bytes > 0,
            "{erased:?}"
        );
        assert_eq!(places(&store).await, Vec::<String>::new());

        assert_eq!(held.scan("passages", None, None).await.unwrap_err().kind(), &ErrorKind::Revoked);
        let after = store.snapshot().await.unwrap();
        assert_eq!(after.rows("passages"), 51);
        assert_eq!(after.full_text("ordinary sentence", 3, None).await.unwrap().len(), 3);
        assert!(after.full_text(MARKER, 3, None).await.unwrap().is_empty());
        let mut waiting = Vec::new();
        let visit = |seq, record: &[u8]| {
            waiting.push((seq, record.to_vec()));
            Ok(())
        };
        store.tail().replay_from(0, visit).unwrap();
        assert_eq!(waiting, [(2, b"not yet in a table".to_vec())]);
        drop(store);
        let store = Store::create_or_open(directory.path(), eager(), opener()).await.unwrap();
        assert!(store.opening().rolled_back.is_empty() && store.checkpoint().epoch == 2);
    });
}
