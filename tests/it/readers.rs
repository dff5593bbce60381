//! One writer, many readers: the second writer is told who the first is; a reader keeps its snapshot.

use nexus::{At, ErrorKind, Memory, Nexus};

use crate::support::{current, everything, open, said, settings};

#[test]
fn a_second_writer_is_told_who_writes() {
    let folder = tempfile::tempdir().unwrap();
    let _first = open(folder.path());
    let error = Nexus::open_with(folder.path(), settings()).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Locked);
    assert!(error.to_string().contains(&std::process::id().to_string()), "{error}");
}

#[test]
fn a_reader_keeps_its_snapshot_while_a_writer_commits() {
    let folder = tempfile::tempdir().unwrap();
    let mut nexus = open(folder.path());
    nexus.remember(said("1", 1, "anna", "I live in Rome.")).unwrap();
    let reader = Memory::open(folder.path(), "default", At::Latest).unwrap();
    for at in 2..60 {
        nexus.remember(said(&at.to_string(), at, "anna", &format!("I moved to Town{at}."))).unwrap();
    }
    assert_eq!(current(&reader, "anna", "lives_in"), ["Rome"]);
    let newer = Memory::open(folder.path(), "default", At::Latest).unwrap();
    assert_eq!(current(&newer, "anna", "lives_in"), ["Town59"]);
}

#[test]
fn a_folder_that_is_something_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("thesis.txt"), "precious").unwrap();
    let error = Nexus::open_with(folder.path(), settings()).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Format, "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was written into it");
    let error = Memory::open(folder.path().join("nowhere"), "default", At::Latest).err().unwrap();
    assert!(matches!(error.kind(), ErrorKind::Format | ErrorKind::NotFound), "{error}");
}

#[test]
fn a_store_of_the_first_format_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let mut nexus = open(folder.path());
    for (at, text) in [(1, "I live in London."), (2, "I work at Siemens."), (30, "I moved to Berlin.")] {
        nexus.remember(said(&at.to_string(), at, "anna", text)).unwrap();
    }
    let before = everything(&nexus.memory().unwrap());
    nexus.close().unwrap();
    let home = folder.path().join("nexus.json");
    let text = std::fs::read_to_string(&home).unwrap();
    assert!(text.contains("\"format\": 2"), "{text}");
    std::fs::write(&home, text.replace("\"format\": 2", "\"format\": 1")).unwrap();
    let error = Memory::open(folder.path(), "default", At::Latest).err().unwrap();
    assert!(error.to_string().contains("open it once for writing"), "{error}");

    // As an older program left them: other columns, and another graph.
    std::fs::remove_dir_all(folder.path().join("tables/facts.lance")).unwrap();
    let nexus = open(folder.path());
    let memory = nexus.memory().unwrap();
    assert_eq!(everything(&memory), before);
    assert!(memory.verify().unwrap().equal);
    nexus.close().unwrap();
    open(folder.path()).close().unwrap();
}

#[test]
fn a_newer_format_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).close().unwrap();
    let home = folder.path().join("nexus.json");
    let text = std::fs::read_to_string(&home).unwrap();
    let format = nexus_types::FORMAT_VERSION;
    std::fs::write(
        &home,
        text.replace(&format!("\"format\": {format}"), "\"format\": 999")
            .replace(&format!("\"format\":{format}"), "\"format\":999"),
    )
    .unwrap();
    let error = Nexus::open_with(folder.path(), settings()).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Format);
    assert!(error.to_string().contains("999"), "{error}");
}
