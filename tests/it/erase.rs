//! Erasing: after forgetting, deleting or editing, no byte of the old text is left, decoded or raw.

use std::path::{Path, PathBuf};

use nexus::{Change, Go, IngestOptions, Selector};

use crate::support::{deleted, edited, everything, open, said};

const MARKERS: [&str; 4] = ["zqxjkforgotten", "zqxjkdeleted", "zqxjkedited", "zqxjkrejected"];

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() { found.extend(files(&entry.path())) } else { found.push(entry.path()) }
    }
    found
}

fn files_with(folder: &Path, marker: &str) -> Vec<PathBuf> {
    let holds = |path: &PathBuf| {
        let bytes = std::fs::read(path).unwrap();
        bytes.windows(marker.len()).any(|window| window == marker.as_bytes())
    };
    files(folder).into_iter().filter(holds).collect()
}

#[test]
fn nothing_of_the_old_text_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let mut nexus = open(&store);
    nexus
        .apply(vec![
            Change::Upsert(Box::new(said("1", 1, "anna", "I live in Zqxjkforgotten. zqxjkforgotten"))),
            Change::Upsert(Box::new(said(
                "2",
                2,
                "ben",
                &format!("zqxjkdeleted {}", "and a long tail of words ".repeat(80)),
            ))),
            Change::Upsert(Box::new(said("3", 3, "carla", "zqxjkedited was here"))),
            Change::Upsert(Box::new(said("4", 4, "dora", "I live in Oslo."))),
        ])
        .unwrap();
    let bad = folder.path().join("bad.jsonl");
    std::fs::write(&bad, "{\"id\": zqxjkrejected\n").unwrap();
    let report = nexus.ingest(&[bad], &IngestOptions::default(), &mut |_| Go::On).unwrap();
    assert_eq!(report.rejects, 1);
    for marker in MARKERS {
        let memory = nexus.memory().unwrap();
        let found = crate::support::rows(&memory, "SELECT text FROM events UNION ALL SELECT raw FROM rejects");
        assert!(found.iter().any(|row| row.contains(marker)), "{marker} is not there to begin with");
    }

    let held = nexus.memory().unwrap();
    let question = "who said zqxjkdeleted";
    assert!(held.recall(question, 3).unwrap().hits.iter().any(|hit| hit.text.contains("zqxjkdeleted")));

    nexus.forget(&Selector { author: Some("anna".into()), ..Selector::default() }, false).unwrap();
    nexus.apply(vec![deleted("2"), Change::Upsert(Box::new(edited("3", 3, "carla", "nothing to see", 1)))]).unwrap();
    let kept = everything(&nexus.memory().unwrap());
    let report = nexus.erase().unwrap();
    assert!(report.files > 0, "{report:?}");
    assert!(held.recall(question, 3).is_err(), "an answer that was kept is not given any more");
    assert_eq!(everything(&nexus.memory().unwrap()), kept, "what is memory stays");

    for marker in MARKERS {
        assert_eq!(files_with(&store, marker), Vec::<PathBuf>::new(), "{marker} is left in raw bytes");
    }
    let memory = nexus.memory().unwrap();
    for checkpoint in memory.checkpoints().unwrap() {
        let then = memory.as_of(nexus::At::Epoch(checkpoint)).unwrap();
        for table in ["events", "passages", "answers", "claims", "fact_versions", "rejects", "mentions", "entities"] {
            let rows = crate::support::rows(&then, &format!("SELECT * FROM {table}"));
            let left = rows.iter().find(|row| MARKERS.iter().any(|marker| row.to_lowercase().contains(marker)));
            assert_eq!(left, None, "{table} at epoch {checkpoint}");
        }
    }
    assert!(memory.verify().unwrap().equal);
    drop(nexus);
    assert!(open(&store).memory().unwrap().verify().unwrap().equal);
}
