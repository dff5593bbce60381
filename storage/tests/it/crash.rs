//! Crashes and failures at the worst moments: between two tables' commits, before the checkpoint, with a torn file, with a
//! table that cannot be written. The store opens as it was and goes on.

use std::fs;

use nexus_storage::{At, Commit, ErrorKind, Settings, Store};

use crate::world::{change, commit, contents, copy, open, opener, run};

#[test]
fn a_crash_between_two_tables_leaves_neither() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let mut store = open(path).await;
        commit(&mut store, vec![change("a", &[], &[("x", 1)]), change("b", &[], &[("x", 1)])]).await.unwrap();
        let before = contents(&store.snapshot().await.unwrap()).await;
        copy(&path.join("tables/b.lance"), &path.join("b before"));
        let changes =
            vec![change("a", &["x"], &[("y", 2)]), change("b", &["x"], &[("y", 2)]), change("c", &[], &[("z", 1)])];
        let torn = commit(&mut store, changes).await.unwrap();
        drop(store);
        // As if the process had died after the commits of `a` and `c` and before that of `b`, with a manifest half written.
        fs::remove_file(path.join(format!("checkpoints/{:016}.json", torn.epoch))).unwrap();
        fs::remove_dir_all(path.join("tables/b.lance")).unwrap();
        fs::rename(path.join("b before"), path.join("tables/b.lance")).unwrap();
        fs::write(path.join(format!("tables/b.lance/_versions/{:020}.manifest", u64::MAX - 2)), b"torn").unwrap();

        let mut store = open(path).await;
        assert_eq!(store.opening().rolled_back, ["a", "b", "c"]);
        assert_eq!(contents(&store.snapshot().await.unwrap()).await, before);
        commit(&mut store, vec![change("a", &["x"], &[("w", 3)]), change("b", &["x"], &[("w", 3)])]).await.unwrap();
        let after = contents(&store.snapshot().await.unwrap()).await;
        assert_eq!(after["a"], after["b"]);
        assert_eq!(after["a"].get("w"), Some(&3));
        assert!(!after.contains_key("c"));
    });
}

#[test]
fn a_commit_that_fails_has_not_happened() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let mut store = open(directory.path()).await;
        commit(&mut store, vec![change("a", &[], &[("x", 1)]), change("b", &[], &[("x", 1)])]).await.unwrap();
        let before = contents(&store.snapshot().await.unwrap()).await;
        let data = directory.path().join("tables/b.lance/data");
        fs::rename(&data, directory.path().join("aside")).unwrap();
        fs::write(&data, b"no directory").unwrap();
        let changes = || vec![change("a", &["x"], &[("y", 2)]), change("b", &[], &[("y", 2)])];
        let error = commit(&mut store, changes()).await.unwrap_err();
        assert!(error.to_string().contains("table b"), "{error}");
        fs::remove_file(&data).unwrap();
        fs::rename(directory.path().join("aside"), &data).unwrap();
        assert_eq!(contents(&store.snapshot().await.unwrap()).await, before);
        commit(&mut store, changes()).await.unwrap();
        let after = contents(&store.snapshot().await.unwrap()).await;
        assert_eq!((after["a"].len(), after["b"].len()), (1, 2));
    });
}

#[test]
fn a_damaged_checkpoint_is_passed_over_only_while_the_tail_has_what_it_held() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let settings = Settings { tail_segment_bytes: 1, ..Settings::default() };
        let reopen = || Store::create_or_open(directory.path(), settings.clone(), opener());
        let mut store = reopen().await.unwrap();
        for epoch in 1..=2_u64 {
            let tail_through = store.tail().append(&[vec![epoch as u8]]).unwrap();
            let changes = vec![change("a", &["x"], &[("x", epoch as i64)])];
            store.commit(Commit { epoch, changes, tail_through, ..Commit::default() }).await.unwrap();
        }
        store.tail().append(&[vec![3]]).unwrap();
        let tail = store.tail().clone();
        drop(store);
        fs::write(directory.path().join("checkpoints/0000000000000002.json"), b"{").unwrap();
        copy(directory.path(), &directory.path().with_extension("copy"));

        tail.cut(2).unwrap();
        drop(tail);
        let error = reopen().await.unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Corrupt);
        assert!(error.to_string().contains("0000000000000002.json is damaged"), "{error}");

        let copied = directory.path().with_extension("copy");
        let store = Store::create_or_open(&copied, settings.clone(), opener()).await.unwrap();
        assert_eq!(store.opening().skipped.len(), 1);
        assert_eq!(store.checkpoint().tail_through, 1);
        let mut waiting = Vec::new();
        let visit = |seq, record: &[u8]| {
            waiting.push((seq, record.to_vec()));
            Ok(())
        };
        store.tail().replay_from(2, visit).unwrap();
        assert_eq!(waiting, [(2, vec![2]), (3, vec![3])]);
        assert_eq!(contents(&store.reader().snapshot(At::Latest).await.unwrap()).await["a"]["x"], 1);
        fs::remove_dir_all(copied).unwrap();
    });
}
