//! What can go wrong, and how it is said: exit codes, kinds, and a pipe that closes.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use crate::harness::{Place, example, finished};

#[test]
fn reading_what_is_not_there_says_so() {
    let place = Place::new();
    let run = place.nexus(&["facts"]);
    assert!([1, 4].contains(&run.code), "{run:?}");
    assert!(run.err.starts_with("nexus: ") && run.err.contains("memory"), "{}", run.err);
    assert!(!place.path("memory").exists(), "reading creates nothing");
    let run = place.nexus(&["--json", "facts"]);
    let error: serde_json::Value = serde_json::from_str(&run.err).unwrap();
    assert!(error["error"]["message"].is_string(), "{error}");
}

#[test]
fn a_folder_that_is_something_else_stays_as_it_is() {
    let place = Place::new();
    std::fs::create_dir(place.path("memory")).unwrap();
    place.file("memory/letter.txt", "dear diary");
    for arguments in [&["remember", "hello"][..], &["facts"]] {
        assert_eq!(place.nexus(arguments).code, 4, "{arguments:?}");
    }
    assert_eq!(std::fs::read_dir(place.path("memory")).unwrap().count(), 1);
}

#[test]
fn nothing_found_is_an_exit_code() {
    let place = Place::new();
    place.ok(&["remember", "I live in Bristol."]);
    assert_eq!(place.nexus(&["recall", "zeppelin"]).code, 1);
    assert_eq!(place.nexus(&["facts", "Nobody Inparticular"]).code, 1);
    assert_eq!(place.nexus(&["why", "ffffffffff"]).code, 1);
    assert_eq!(place.nexus(&["forget", "--author", "nobody@example.org"]).code, 1);
    assert_eq!(place.nexus(&["sql", "SELECT * FROM nowhere"]).code, 2);
    assert_eq!(place.nexus(&["ingest", "/nowhere/at/all"]).code, 2);
}

#[test]
fn a_second_writer_is_told_of_the_first() {
    let place = Place::new();
    place.ok(&["init"]);
    let mut first = place.command(&["ingest", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    let held = (0..200).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(25));
        place.nexus(&["remember", "hello"]).code == 3
    });
    assert!(held, "the first writer never took the lock");
    let second = place.nexus(&["remember", "hello"]);
    assert!(second.err.contains(&first.id().to_string()), "{}", second.err);
    assert_eq!(place.nexus(&["status"]).code, 0, "reading needs no lock");
    drop(first.stdin.take());
    assert_eq!(finished(first).code, 0);
    assert_eq!(place.nexus(&["remember", "hello"]).code, 0);
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let place = Place::new();
    let mut child = place.command(&["completions", "bash"]).spawn().unwrap();
    let mut first = String::new();
    BufReader::with_capacity(16, child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((child.wait().unwrap().code(), &*said), (Some(0), ""));
}

#[test]
fn what_cannot_be_read_is_counted_and_kept() {
    let place = Place::new();
    let good = r#"{"id": "1", "said_at": "2025-06-20T18:05:00Z", "author": "o'brien", "text": "I live in Cork. \"DROP TABLE facts; --"}"#;
    let file = place.file("it's \"odd\".jsonl", &format!("{good}\nnot json\n{{\"id\": 2}}\n"));
    let report = place.ok(&["ingest", &file]);
    assert!(report.contains("1 added") && report.contains("2 rejected"), "{report}");
    let rejects = place.json(&["sql", "SELECT file, position, reason FROM rejects ORDER BY position"]);
    assert_eq!(rejects.as_array().unwrap().len(), 2, "{rejects:#}");
    assert_eq!(rejects[0]["file"], file);
    assert_eq!(place.nexus(&["entity", "o'brien"]).code, 0);
}

#[test]
fn scopes_do_not_see_each_other() {
    let place = Place::new();
    place.ok(&["--scope", "work", "remember", "I work at Tidewater."]);
    place.ok(&["--scope", "home", "remember", "I live in Bristol."]);
    let texts = place.json(&["--scope", "home", "sql", "SELECT text FROM events"]);
    assert_eq!(texts, serde_json::json!([{"text": "I live in Bristol."}]));
    assert_eq!(place.nexus(&["--scope", "home", "recall", "Tidewater"]).code, 1);
}

#[test]
fn sql_comes_from_files_and_pipes_too() {
    let place = Place::new();
    place.ok(&["ingest", &example("history/posts.jsonl")]);
    let file = place.file("two.sql", "-- first\nSELECT 1 AS one;\nSELECT ';' AS two;\n");
    let both = place.json(&["sql", "-f", &file]);
    assert_eq!(both, serde_json::json!([[{"one": 1}], [{"two": ";"}]]));
    let run = place.nexus_reading(&["sql"], "SELECT platform, count(*) AS n FROM events GROUP BY platform;");
    insta::assert_snapshot!("sql_table", run.out);
}
