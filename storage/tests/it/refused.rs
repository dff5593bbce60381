//! What is refused, and how the message helps: a second writer, a directory that is something else, bad commits.

use std::fs;

use nexus_storage::{At, Commit, ErrorKind, Reader, Settings, Snapshot, Store};

use crate::world::{change, commit, contents, eager, open, opener, run};

#[test]
fn a_second_writer_is_told_about_the_first_and_readers_are_not_stopped() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let mut first = open(directory.path()).await;
        commit(&mut first, vec![change("a", &[], &[("x", 1)])]).await.unwrap();
        let error = Store::create_or_open(directory.path(), eager(), opener()).await.unwrap_err();
        let ErrorKind::Locked { holder } = error.kind() else { panic!("{error}") };
        assert!(holder.starts_with(&format!("test (process {} on ", std::process::id())), "{holder}");
        assert!(error.to_string().contains("wait until it is done, or end it"), "{error}");
        let snapshot = Snapshot::open(directory.path(), At::Latest).await.unwrap();
        assert!(snapshot.leased());
        commit(&mut first, vec![change("a", &["x"], &[])]).await.unwrap();
        assert_eq!(contents(&snapshot).await["a"].len(), 1);
        assert_eq!(contents(&first.snapshot().await.unwrap()).await["a"].len(), 0);
    });
}

#[test]
fn what_is_no_store_is_left_alone() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let missing = directory.path().join("missing");
        let error = Reader::open(&missing, &Settings::default()).unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::NotAStore);
        assert!(error.to_string().contains("does not exist"), "{error}");
        fs::write(directory.path().join("letters.mbox"), b"From ").unwrap();
        let error = Store::create_or_open(directory.path(), eager(), opener()).await.unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::NotAStore);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing was left in a directory of others");
        let error = Store::create_or_open(&directory.path().join("letters.mbox"), eager(), opener()).await.unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::NotAStore);
    });
}

#[test]
fn a_newer_format_is_refused_by_writer_and_reader() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        drop(open(directory.path()).await);
        let path = directory.path().join("nexus.json");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("\"format\": 2", "\"format\": 99")).unwrap();
        let writer = Store::create_or_open(directory.path(), eager(), opener()).await.unwrap_err();
        let reader = Reader::open(directory.path(), &Settings::default()).unwrap_err();
        assert_eq!((writer.kind(), reader.kind()), (&ErrorKind::NewerFormat, &ErrorKind::NewerFormat));
        assert!(reader.to_string().contains("has format 99"), "{reader}");
    });
}

#[test]
fn commits_that_make_no_sense_are_refused() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let mut store = open(directory.path()).await;
        commit(&mut store, vec![change("a", &[], &[("x", 1)])]).await.unwrap();
        let of = |epoch, tail_through, names: &[&str]| {
            let changes = names.iter().map(|name| change(name, &[], &[("y", 1)])).collect();
            Commit { epoch, tail_through, changes, ..Commit::default() }
        };
        for (commit, why) in [
            (of(1, 0, &["a"]), "epoch 1: the last one is 1"),
            (of(2, 7, &["a"]), "tail_through 7 must be from 0"),
            (of(2, 0, &["a", "a"]), "table a is changed twice"),
            (of(2, 0, &["../a"]), "table \"../a\": a table's name has only"),
        ] {
            let error = store.commit(commit).await.unwrap_err();
            assert_eq!(error.kind(), &ErrorKind::FixArgument);
            assert!(error.to_string().contains(why), "{error}");
        }
        let mut other = of(2, 0, &["a"]);
        other.changes[0].append = vec![other.changes[0].append[0].project(&[0]).unwrap()];
        let error = store.commit(other).await.unwrap_err();
        assert!(error.to_string().contains("other columns than the table"), "{error}");
        let error = store.snapshot().await.unwrap().scan("a", None, Some("nonsense > 1")).await.unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::FixArgument);
        assert_eq!(contents(&store.snapshot().await.unwrap()).await["a"].len(), 1);
    });
}

#[test]
fn odd_directory_names_are_fine() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("it's a #1 %20 stóre?");
        let mut store = open(&path).await;
        commit(&mut store, vec![change("a", &[], &[("x", 1)])]).await.unwrap();
        commit(&mut store, vec![change("a", &["x"], &[("y", 1)])]).await.unwrap();
        drop(store);
        let store = open(&path).await;
        assert_eq!(contents(&store.snapshot().await.unwrap()).await["a"].len(), 1);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    });
}
