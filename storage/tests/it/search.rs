//! Search by words: the same answers from one segment of the index and from several, whatever the question contains, and
//! which fragments it lacks.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use nexus_storage::{Among, Snapshot, Store, TableChange, TableSpec};

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

fn ids(batches: &[RecordBatch]) -> Vec<String> {
    let of =
        |batch: &RecordBatch| batch["id"].as_string::<i32>().iter().flatten().map(String::from).collect::<Vec<_>>();
    batches.iter().flat_map(of).collect()
}

/// The ids of what is found, best first, each with its score.
pub(crate) async fn full_text(snapshot: &Snapshot, text: &str, k: usize, among: Option<&Among>) -> Vec<(String, f32)> {
    let mut found = snapshot.full_text(text, k, among).await.unwrap();
    let fragments = snapshot.fragments("passages").await.unwrap();
    let deleted = |address: u64| {
        fragments.iter().any(|one| address >> 32 == u64::from(one.number) && one.deleted.contains(&(address as u32)))
    };
    found.retain(|(address, _)| !deleted(*address));
    let mut addresses: Vec<u64> = found.iter().map(|(address, _)| *address).collect();
    addresses.sort_unstable();
    let taken = snapshot.take_at("passages", &addresses, &["id"]).await.unwrap();
    let names: BTreeMap<u64, String> = addresses.into_iter().zip(ids(&taken)).collect();
    found.into_iter().map(|(address, score)| (names[&address].clone(), score)).collect()
}

async fn check(store: &Store, rows: usize) {
    let snapshot = store.snapshot().await.unwrap();
    let found = full_text(&snapshot, "a harbour and an ember", 5, None).await;
    let both: Vec<String> = (0..rows)
        .filter(|at| [(at % 8), (at / 8) % 8] == [0, 7] || [(at % 8), (at / 8) % 8] == [7, 0])
        .map(|at| format!("{at:04}"))
        .collect();
    assert!(
        found.len() == 5 && found[..both.len().min(5)].iter().all(|(id, _)| both.contains(id)),
        "{found:?} {both:?}"
    );
    assert!(found.windows(2).all(|pair| pair[0].1 >= pair[1].1));
    let mut addresses = Vec::new();
    for fragment in snapshot.fragments("passages").await.unwrap() {
        let all = snapshot.read_fragment("passages", fragment.number, &["scope"]).await.unwrap();
        let scopes = all.iter().flat_map(|batch| batch["scope"].as_string::<i32>().iter());
        let theirs = (0..).zip(scopes).filter(|(_, scope)| *scope == Some("it's"));
        addresses.extend(theirs.map(|(row, _)| u64::from(fragment.number) << 32 | row));
    }
    let theirs = full_text(&snapshot, "copper", 1_000, Some(&Among::of(addresses.into_iter()))).await;
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
        let found = full_text(&snapshot, question, 3, None).await;
        assert!(!some || found.len() == 3, "{question}: {found:?}");
    }
}

#[test]
fn words_are_found_and_what_the_index_lacks_is_told() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let mut store = Store::create_or_open(directory.path(), eager(), opener()).await.unwrap();
        assert!(store.snapshot().await.unwrap().full_text("harbour", 3, None).await.unwrap().is_empty());
        for (from, to) in [(0, 128), (128, 160)] {
            commit(&mut store, vec![passages(from, to)]).await.unwrap();
            let snapshot = store.snapshot().await.unwrap();
            let lacking = snapshot.not_indexed().await.unwrap();
            let of = |number: u32| snapshot.read_fragment("passages", number, &["id"]);
            let lacking = futures::future::try_join_all(lacking.into_iter().map(of)).await.unwrap();
            let lacking: Vec<String> = lacking.iter().flat_map(|batches| ids(batches)).collect();
            // A table's first rows are indexed with it.
            let (new, found) = if from == 0 { (to..to, to) } else { (from..to, from) };
            assert_eq!(lacking, new.map(|at| format!("{at:04}")).collect::<Vec<_>>());
            assert_eq!(full_text(&snapshot, "harbour", 200, None).await.len(), found / 4 - found / 64);
            store.maintain(100).await.unwrap();
            check(&store, to).await;
            assert!(store.snapshot().await.unwrap().not_indexed().await.unwrap().is_empty());
        }
    });
}

#[test]
fn rows_are_taken_by_address_and_deleted_ones_are_told() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let mut store = Store::create_or_open(directory.path(), eager(), opener()).await.unwrap();
        commit(&mut store, vec![passages(0, 6_000)]).await.unwrap();
        let delete = ["0003", "5999"].map(String::from).to_vec();
        commit(&mut store, vec![TableChange { delete, ..passages(6_000, 6_010) }]).await.unwrap();
        let snapshot = store.snapshot().await.unwrap();
        let fragments = snapshot.fragments("passages").await.unwrap();
        let told: Vec<(usize, &[u32])> = fragments.iter().map(|one| (one.rows, one.deleted.as_slice())).collect();
        assert_eq!(told, [(6_000, &[3, 5_999][..]), (10, &[])]);
        assert_ne!(fragments[0].name, fragments[1].name);
        let all = snapshot.read_fragment("passages", fragments[0].number, &["id"]).await.unwrap();
        assert_eq!(ids(&all).iter().map(String::as_str).nth(5_999), Some("5999"), "deleted rows keep their places");
        let address = |at: usize| u64::from(fragments[at / 6_000].number) << 32 | (at % 6_000) as u64;
        // Few are taken one by one, many fragment by fragment.
        for wanted in [vec![0, 17, 5_998, 6_009], (0..6_010).filter(|at| ![3, 5_999].contains(at)).collect()] {
            let addresses: Vec<u64> = wanted.iter().map(|at| address(*at)).collect();
            let taken = snapshot.take_at("passages", &addresses, &["id"]).await.unwrap();
            assert_eq!(ids(&taken), wanted.iter().map(|at| format!("{at:04}")).collect::<Vec<_>>());
        }
        // By value: without an index, with one, and with one that lags behind.
        for step in 0..3 {
            let values = ["0003", "0005", "6003", "6015", "none"].map(String::from);
            let snapshot = store.snapshot().await.unwrap();
            let mut found = ids(&snapshot.rows_with("passages", "event", &values, &["id"]).await.unwrap());
            found.sort_unstable();
            assert_eq!(found, ["0005", "6003", "6015"][..if step < 2 { 2 } else { 3 }], "step {step}");
            match step {
                0 => while store.maintain(100).await.unwrap().more {},
                1 => commit(&mut store, vec![passages(6_010, 6_020)]).await.map(drop).unwrap(),
                _ => {}
            }
        }
    });
}
