//! Bad input: never a panic, never a silent loss. What cannot be read is in `rejects`, with place and reason, and counted.

use std::path::Path;

use nexus::{Event, Go, IngestOptions, IngestReport, Nexus};

use crate::support::{json, open, said};

fn ingest(nexus: &mut Nexus, folder: &Path, name: &str, bytes: &[u8]) -> IngestReport {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    nexus.ingest(&[path], &IngestOptions::default(), &mut |_| Go::On).unwrap()
}

#[test]
fn what_cannot_be_read_is_kept_with_place_and_reason() {
    let folder = tempfile::tempdir().unwrap();
    let mut nexus = open(&folder.path().join("store"));
    let lines = b"{\"id\":\"1\",\"said_at\":0,\"author\":\"a\",\"text\":\"fine\"}\n{\"id\":\n\xff\xfe\x00\n{\"id\":\"2\",\"author\":\"a\",\"text\":\"no time\"}\n";
    let report = ingest(&mut nexus, folder.path(), "o'dd \"name\".jsonl", lines);
    assert_eq!((report.added, report.rejects), (1, 3), "{report:?}");
    let rejects = json(&nexus.memory().unwrap(), "SELECT file, position, reason FROM rejects ORDER BY position");
    assert!(rejects.iter().all(|row| row["file"].as_str().unwrap().contains("o'dd")), "{rejects:?}");
    assert!(rejects.iter().any(|row| row["position"].as_str().unwrap().contains('2')), "{rejects:?}");
    let again = ingest(&mut nexus, folder.path(), "o'dd \"name\".jsonl", lines);
    assert_eq!((again.added, again.rejects), (0, 3));
    assert_eq!(json(&nexus.memory().unwrap(), "SELECT 1 FROM rejects").len(), 3, "the same reject is one row");
}

#[test]
fn binary_truncated_and_empty_files_do_not_hide_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let inputs = folder.path().join("inputs");
    std::fs::create_dir(&inputs).unwrap();
    std::fs::write(inputs.join("a.bin"), (0..=255_u8).cycle().take(100_000).collect::<Vec<_>>()).unwrap();
    std::fs::write(inputs.join("b.jsonl"), "").unwrap();
    std::fs::write(inputs.join("c.zip"), b"PK\x03\x04 not really").unwrap();
    std::fs::write(
        inputs.join("d.jsonl"),
        "{\"id\":\"1\",\"said_at\":1,\"author\":\"a\",\"text\":\"here\"}\n{\"id\":\"2\",\"said_at\":2,\"auth",
    )
    .unwrap();
    let mut nexus = open(&folder.path().join("store"));
    let report = nexus.ingest(&[inputs], &IngestOptions::default(), &mut |_| Go::On).unwrap();
    assert_eq!(report.added, 1, "{report:?}");
    assert!(report.rejects >= 3, "{report:?}");
}

#[test]
fn extreme_messages_are_taken_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let mut nexus = open(&folder.path().join("store"));
    let long = "words of no consequence".repeat(900_000);
    for event in [
        Event { said_at: -86_400_000 * 365 * 30, ..said("old", 0, "anna", "born before 1970") },
        Event { said_at: 250_000_000_000_000, ..said("future", 0, "anna", "from the year 9892") },
        said("empty", 1, "anna", ""),
        said("o'quote\"; DROP TABLE events; --", 1, "o'anna \"x\"", "'; DROP TABLE facts; --"),
        said("nul", 1, "anna", "a\0b\u{202e}c\u{feff}"),
        said("long", 1, "ben", &long),
    ] {
        nexus.remember(event).unwrap();
    }
    let memory = nexus.memory().unwrap();
    assert_eq!(json(&memory, "SELECT id FROM events").len(), 6);
    let length = json(&memory, "SELECT character_length(text) AS n FROM events WHERE external_id = 'long'");
    assert_eq!(length[0]["n"], long.len().to_string());
    memory.recall("DROP TABLE 'x\" OR 1=1; -- AND NOT (", 5).unwrap();
    memory.facts(Some("o'anna \"x\""), &nexus::FactFilter::default()).ok();
    assert!(memory.verify().unwrap().equal);
}

#[test]
fn one_id_with_two_contents_in_one_file_is_an_edit_and_the_file_again_is_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut nexus = open(&folder.path().join("store"));
    let lines = b"{\"id\":\"1\",\"said_at\":1,\"author\":\"a\",\"text\":\"first\"}\n{\"id\":\"1\",\"said_at\":1,\"author\":\"a\",\"text\":\"second\"}\n";
    ingest(&mut nexus, folder.path(), "twice.jsonl", lines);
    let again = ingest(&mut nexus, folder.path(), "twice.jsonl", lines);
    assert_eq!((again.added, again.changed), (0, 0), "{again:?}");
    assert_eq!(json(&nexus.memory().unwrap(), "SELECT text FROM events")[0]["text"], "second");
}

#[test]
fn a_row_that_is_gone_is_a_deletion_only_if_the_file_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let mut nexus = open(&folder.path().join("store"));
    let line = |id: &str| format!("{{\"id\":\"{id}\",\"said_at\":1,\"author\":\"a\",\"text\":\"text {id}\"}}\n");
    ingest(&mut nexus, folder.path(), "f.jsonl", (line("1") + &line("2")).as_bytes());
    let report = ingest(&mut nexus, folder.path(), "f.jsonl", line("1").as_bytes());
    assert_eq!(report.deleted, 0);
    let path = folder.path().join("f.jsonl");
    let whole = IngestOptions { whole: true, ..IngestOptions::default() };
    let report = nexus.ingest(&[path], &whole, &mut |_| Go::On).unwrap();
    assert_eq!(report.deleted, 1, "{report:?}");
    assert_eq!(json(&nexus.memory().unwrap(), "SELECT id FROM events").len(), 1);
}

#[test]
fn an_input_that_is_not_there_is_an_error_and_sql_that_is_wrong_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut nexus = open(&folder.path().join("store"));
    let error = nexus.ingest(&[folder.path().join("nowhere")], &IngestOptions::default(), &mut |_| Go::On).unwrap_err();
    assert!(error.to_string().contains("nowhere"), "{error}");
    let memory = nexus.memory().unwrap();
    for (statement, named) in [
        ("SELECT * FROM fact", "fact"),
        ("SELEC 1", "SELEC"),
        ("DROP TABLE facts", ""),
        ("INSERT INTO facts VALUES (1)", ""),
    ] {
        let error = memory.sql(statement).unwrap_err();
        assert!(error.to_string().contains(named), "{error}");
    }
}
