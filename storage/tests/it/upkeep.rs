//! Upkeep: few fragments, indexes that follow, thinned history, and no version taken from under a reader.

use std::path::Path;

use lance::index::DatasetIndexExt;
use nexus_storage::{At, Commit, Store};

use crate::world::{change, commit, contents, open, run};

fn manifests(path: &Path, table: &str) -> usize {
    let names = std::fs::read_dir(path.join(format!("tables/{table}.lance/_versions"))).unwrap();
    names.filter(|name| name.as_ref().unwrap().path().extension().is_some_and(|it| it == "manifest")).count()
}

async fn maintain_all(store: &mut Store) -> Vec<String> {
    let mut done = Vec::new();
    loop {
        let step = store.maintain(1).await.unwrap();
        assert!(step.done.len() <= 1);
        done.extend(step.done);
        if !step.more {
            return done;
        }
    }
}

#[test]
fn fragments_and_versions_stay_few() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let mut store = open(directory.path()).await;
        for at in 0..30_i64 {
            let key = format!("{at:02}");
            commit(&mut store, vec![change("a", &[], &[(key.as_str(), at)])]).await.unwrap();
            maintain_all(&mut store).await;
        }
        let snapshot = store.snapshot().await.unwrap();
        assert_eq!(contents(&snapshot).await["a"].len(), 30);
        let table = lance::Dataset::open(directory.path().join("tables/a.lance").to_str().unwrap()).await.unwrap();
        assert!(table.count_fragments() <= 8, "{} fragments", table.count_fragments());
        assert!(manifests(directory.path(), "a") <= 10, "{} versions", manifests(directory.path(), "a"));
        let segments = table.load_indices_by_name("id_index").await.unwrap().len();
        assert!((1..=9).contains(&segments), "{segments} segments");
        assert_eq!(store.reader().checkpoints().unwrap().len(), 5, "four of the last and one of the first hour");
        let keys: Vec<String> = ["00", "17", "nobody"].map(String::from).to_vec();
        let rows: usize = snapshot.take("a", &keys, None).await.unwrap().iter().map(|batch| batch.num_rows()).sum();
        assert_eq!(rows, 2);
    });
}

#[test]
fn a_snapshot_keeps_its_versions_for_as_long_as_it_lives() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let mut store = open(directory.path()).await;
        commit(&mut store, vec![change("a", &[], &[("old", 1)]), change("b", &[], &[("old", 1)])]).await.unwrap();
        let held = nexus_storage::Snapshot::open(directory.path(), At::Latest).await.unwrap();
        for at in 0..12_i64 {
            let key = at.to_string();
            let before = if at == 0 { "old".to_string() } else { (at - 1).to_string() };
            let changes = vec![change("a", &[&before], &[(&key, at)]), change("b", &[&before], &[(&key, at)])];
            commit(&mut store, changes).await.unwrap();
            maintain_all(&mut store).await;
        }
        assert!(store.reader().checkpoints().unwrap().iter().all(|kept| kept.epoch != held.epoch()));
        assert_eq!(
            contents(&held).await["b"].keys().collect::<Vec<_>>(),
            ["old"],
            "tables are opened after the clean-up"
        );
        let with_lease = manifests(directory.path(), "a");
        drop(held);
        for at in 12..16_i64 {
            let (before, key) = ((at - 1).to_string(), at.to_string());
            commit(&mut store, vec![change("a", &[&before], &[(&key, at)])]).await.unwrap();
        }
        maintain_all(&mut store).await;
        assert!(manifests(directory.path(), "a") <= with_lease);
        assert_eq!(std::fs::read_dir(directory.path().join("readers")).unwrap().count(), 0);
    });
}

#[test]
fn history_is_thinned_with_age_and_still_readable() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let mut store = open(directory.path()).await;
        let hour = 3_600_000;
        for epoch in 1..=20_u64 {
            let key = epoch.to_string();
            let changes = vec![change("a", &[], &[(key.as_str(), 1)])];
            let committed_at = epoch as i64 * hour / 4;
            store.commit(Commit { epoch, changes, committed_at, ..Commit::default() }).await.unwrap();
        }
        maintain_all(&mut store).await;
        let kept: Vec<u64> = store.reader().checkpoints().unwrap().iter().map(|kept| kept.epoch).collect();
        assert_eq!(kept, [0, 4, 8, 12, 16, 17, 18, 19, 20]);
        for epoch in kept {
            let then = contents(&store.reader().snapshot(At::Epoch(epoch)).await.unwrap()).await;
            assert_eq!(then.get("a").map_or(0, |rows| rows.len() as u64), epoch);
        }
        let at_ten = store.reader().snapshot(At::Time(10 * hour / 4)).await.unwrap();
        assert_eq!(at_ten.epoch(), 8);
    });
}
