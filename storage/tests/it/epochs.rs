//! Random commits, upkeep, reopening and crashes against plain maps: every kept checkpoint holds what the model held.

use std::collections::BTreeMap;

use nexus_storage::{At, Store, TableChange};
use proptest::prelude::*;

use crate::world::{Rows, Tables, batch, commit, contents, open, run, spec};

#[derive(Clone, Debug)]
enum Step {
    /// Keys to set in each table, and keys to delete.
    Commit(Vec<(u8, i64)>, Vec<u8>, Vec<(u8, i64)>),
    Maintain(usize),
    Reopen,
    /// A commit whose checkpoint never came to be.
    Crash(Vec<(u8, i64)>),
    Erase,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let rows = || prop::collection::vec((0_u8..40, -5_i64..100), 0..20);
    let step = prop_oneof![
        6 => (rows(), prop::collection::vec(0_u8..40, 0..30), rows()).prop_map(|(a, gone, b)| Step::Commit(a, gone, b)),
        3 => (1_usize..6).prop_map(Step::Maintain),
        1 => Just(Step::Reopen),
        2 => rows().prop_map(Step::Crash),
        1 => Just(Step::Erase),
    ];
    prop::collection::vec(step, 4..14)
}

/// Sets and deletes rows as a caller does: a changed row is a deletion and an append.
fn set(model: &mut Rows, name: &str, set: &[(u8, i64)], gone: &[u8]) -> TableChange {
    let key = |key: u8| format!("key'{key:02}");
    let fresh: Rows = set.iter().map(|&(at, value)| (key(at), value)).collect();
    let delete: Vec<String> = gone.iter().map(|&at| key(at)).chain(fresh.keys().cloned()).collect();
    model.retain(|key, _| !delete.contains(key));
    model.extend(fresh.clone());
    TableChange { table: spec(name), delete, append: vec![batch(&fresh)] }
}

async fn check_all(store: &Store, kept: &BTreeMap<u64, Tables>) {
    for checkpoint in store.reader().checkpoints().unwrap() {
        let snapshot = store.reader().snapshot(At::Epoch(checkpoint.epoch)).await.unwrap();
        let expected = &kept[&snapshot.epoch()];
        let found = contents(&snapshot).await;
        for (name, rows) in expected {
            assert_eq!(found.get(name).cloned().unwrap_or_default(), *rows, "{name} at epoch {}", checkpoint.epoch);
        }
    }
    assert_eq!(store.reader().snapshot(At::Latest).await.unwrap().epoch(), *kept.keys().last().unwrap());
}

async fn follow(steps: Vec<Step>) {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Some(open(directory.path()).await);
    let mut now = Tables::new();
    let mut kept = BTreeMap::from([(0, now.clone())]);
    for step in steps {
        let writer = store.as_mut().unwrap();
        match step {
            Step::Commit(first, gone, second) => {
                let changes = vec![
                    set(now.entry("first".into()).or_default(), "first", &first, &gone),
                    set(now.entry("second".into()).or_default(), "second", &second, &[]),
                ];
                let checkpoint = commit(writer, changes).await.unwrap();
                kept.insert(checkpoint.epoch, now.clone());
            }
            Step::Maintain(steps) => drop(writer.maintain(steps).await.unwrap()),
            Step::Erase => drop(writer.erase().await.unwrap()),
            Step::Reopen => {
                drop(store.take());
                store = Some(open(directory.path()).await);
                assert!(store.as_ref().unwrap().opening().rolled_back.is_empty());
            }
            Step::Crash(rows) => {
                let mut lost = now.get("first").cloned().unwrap_or_default();
                let checkpoint = commit(writer, vec![set(&mut lost, "first", &rows, &[])]).await.unwrap();
                drop(store.take());
                let file = format!("checkpoints/{:016}.json", checkpoint.epoch);
                std::fs::remove_file(directory.path().join(file)).unwrap();
                store = Some(open(directory.path()).await);
            }
        }
        check_all(store.as_ref().unwrap(), &kept).await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 40, ..ProptestConfig::default() })]

    #[test]
    fn every_kept_checkpoint_is_what_the_model_was(steps in steps()) {
        run(follow(steps));
    }
}
