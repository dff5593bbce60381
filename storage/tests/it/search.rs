//! Search with an index, without one, and with one that lags behind: the same answers, whatever the question contains.

use std::sync::Arc;

use arrow::array::{ArrayRef, FixedSizeListArray, Float32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use nexus_storage::{Settings, Store, TableChange, TableSpec, quoted};

use crate::world::{commit, eager, opener, run};

const WORDS: [&str; 8] = ["harbour", "lantern", "violet", "thunder", "meadow", "copper", "willow", "ember"];

fn passages(from: usize, to: usize) -> TableChange {
    let fields =
        ["id", "scope", "event", "previous", "text_hash", "text"].map(|name| Field::new(name, DataType::Utf8, false));
    let schema = Arc::new(Schema::new(fields.to_vec()));
    let ids = || (from..to).map(|at| format!("{at:04}"));
    let texts = (from..to).map(|at| format!("the {} and {} of Zoë's day {at}", WORDS[at % 8], WORDS[(at / 8) % 8]));
    let scopes = (from..to).map(|at| if at % 2 == 0 { "me" } else { "it's" });
    let mut columns: Vec<ArrayRef> = vec![Arc::new(StringArray::from_iter_values(ids()))];
    columns.push(Arc::new(StringArray::from_iter_values(scopes)));
    columns.extend((0..3).map(|_| Arc::new(StringArray::from_iter_values(ids())) as ArrayRef));
    columns.push(Arc::new(StringArray::from_iter_values(texts)));
    let append = vec![RecordBatch::try_new(schema.clone(), columns).unwrap()];
    let table = TableSpec { name: "passages".into(), key: "id".into(), schema };
    TableChange { table, delete: Vec::new(), append }
}

async fn check(store: &Store, rows: usize) {
    let snapshot = store.snapshot().await.unwrap();
    let found = snapshot.full_text("a harbour and an ember", 5, None).await.unwrap();
    let both: Vec<String> = (0..rows)
        .filter(|at| [(at % 8), (at / 8) % 8] == [0, 7] || [(at % 8), (at / 8) % 8] == [7, 0])
        .map(|at| format!("{at:04}"))
        .collect();
    assert!(
        found.len() == 5 && found[..both.len().min(5)].iter().all(|(id, _)| both.contains(id)),
        "{found:?} {both:?}"
    );
    assert!(found.windows(2).all(|pair| pair[0].1 >= pair[1].1));
    let filter = format!("scope = {}", quoted("it's"));
    let theirs = snapshot.full_text("copper", 1_000, Some(&filter)).await.unwrap();
    let of_them = (0..rows).filter(|at| at % 2 == 1 && (at % 8 == 5 || (at / 8) % 8 == 5)).count();
    assert_eq!(theirs.len(), of_them, "filtered before, not after");
    for (question, some) in [
        ("\"harbour\" AND (ember OR -violet) ~2 text:x* '", true),
        ("day:0007", false),
        ("ZOE harbours", true),
        ("'; DROP TABLE passages; --", false),
        ("?!", false),
        ("", false),
    ] {
        let found = snapshot.full_text(question, 3, None).await.unwrap();
        assert!(!some || found.len() == 3, "{question}: {found:?}");
    }
}

#[test]
fn words_are_found_with_and_without_an_index() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let mut store = Store::create_or_open(directory.path(), eager(), opener()).await.unwrap();
        assert!(store.snapshot().await.unwrap().full_text("harbour", 3, None).await.unwrap().is_empty());
        commit(&mut store, vec![passages(0, 128)]).await.unwrap();
        check(&store, 128).await;
        store.maintain(100).await.unwrap();
        check(&store, 128).await;
        commit(&mut store, vec![passages(128, 160)]).await.unwrap();
        check(&store, 160).await;
        store.maintain(100).await.unwrap();
        check(&store, 160).await;
    });
}

fn vectors(from: usize, to: usize) -> TableChange {
    let table = TableSpec::vectors("tiny@1", 8);
    let keys = StringArray::from_iter_values((from..to).map(|at| at.to_string()));
    let values = Float32Array::from_iter_values((from..to).flat_map(vector));
    let item = Arc::new(Field::new("item", DataType::Float32, false));
    let lists = FixedSizeListArray::try_new(item, 8, Arc::new(values), None).unwrap();
    let append = vec![RecordBatch::try_new(table.schema.clone(), vec![Arc::new(keys), Arc::new(lists)]).unwrap()];
    TableChange { table, delete: Vec::new(), append }
}

/// Spread evenly enough over the sphere, and always the same.
fn vector(at: usize) -> [f32; 8] {
    let raw: [f32; 8] = std::array::from_fn(|dim| ((at * 31 + dim * 17 + 1) as f32 * 12.9898).sin());
    let norm = raw.iter().map(|x| x * x).sum::<f32>().sqrt();
    raw.map(|x| x / norm)
}

#[test]
fn the_nearest_vectors_are_found_with_and_without_an_index() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let settings = Settings { vector_index_rows_min: 400, ..eager() };
        let mut store = Store::create_or_open(directory.path(), settings, opener()).await.unwrap();
        for (from, to) in [(0, 300), (300, 600), (600, 640)] {
            commit(&mut store, vec![vectors(from, to)]).await.unwrap();
            let done = store.maintain(100).await.unwrap().done;
            assert_eq!(done.iter().any(|step| step.ends_with("vectors_tiny_1.vector")), to > 300, "{done:?}");
            let snapshot = store.snapshot().await.unwrap();
            for query in [7, 133, to - 1] {
                let exact = |at: usize| vector(at).iter().zip(vector(query)).map(|(a, b)| a * b).sum::<f32>();
                let found = snapshot.nearest("vectors_tiny_1", &vector(query), 5, None).await.unwrap();
                assert_eq!(found[0].0, query.to_string());
                assert!(
                    found.iter().all(|(key, score)| (exact(key.parse().unwrap()) - score).abs() < 1e-4),
                    "{found:?}"
                );
                let filter = format!("text_hash <> '{query}'");
                let others = snapshot.nearest("vectors_tiny_1", &vector(query), 5, Some(&filter)).await.unwrap();
                assert!(others.len() == 5 && others.iter().all(|(key, _)| *key != query.to_string()));
            }
        }
        let error = store.snapshot().await.unwrap().nearest("vectors_tiny_1", &[1.0], 5, None).await.unwrap_err();
        assert_eq!(error.kind(), &nexus_storage::ErrorKind::FixArgument);
    });
}
