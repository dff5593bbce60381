//! Recall leaves memory as it is: what was recalled is counted beside it.

use nexus::{At, Change, Memory, RecallOptions, Selector};

use crate::support::{everything, open, rows, said};

fn counts(memory: &Memory) -> Vec<String> {
    rows(memory, "SELECT text, retrieval_count AS n FROM retrievals r JOIN events e ON e.id = r.event")
}

#[test]
fn what_is_recalled_is_counted_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut nexus = open(folder.path());
    let messages = [("1", "anna", "we hike on Sundays"), ("2", "ben", "the printer is broken")];
    let change = |(id, who, text): &(&str, &str, &str)| Change::Upsert(Box::new(said(id, 1, who, text)));
    nexus.apply(messages.iter().map(change).collect()).unwrap();
    let before = everything(&nexus.memory().unwrap());
    assert!(counts(&nexus.memory().unwrap()).is_empty());

    // Two readers, one of them in another place; more answers than are written together.
    let other = Memory::open(folder.path(), "default", At::Latest).unwrap();
    let one = RecallOptions { k: 1, ..RecallOptions::default() };
    let answer = other.recall_with("who hikes on Sundays?", &one).unwrap();
    (0..100).for_each(|_| assert_eq!(other.recall_with("who hikes on Sundays?", &one).unwrap(), answer));
    nexus.memory().unwrap().recall_with("is the printer broken?", &one).unwrap();
    assert!(nexus.memory().unwrap().recall("who is Zebedee?", 3).unwrap().hits.is_empty());
    drop(other);

    let memory = nexus.memory().unwrap();
    let counted = [r#"{"n":"1","text":"the printer is broken"}"#, r#"{"n":"101","text":"we hike on Sundays"}"#];
    assert_eq!(counts(&memory), counted);
    assert_eq!(memory.recall_with("who hikes on Sundays?", &one).unwrap(), answer);
    assert_eq!(everything(&memory), before);
    drop(memory);

    nexus.forget(&Selector { author: Some("anna".into()), ..Selector::default() }, false).unwrap();
    nexus.erase().unwrap();
    let left = std::fs::read_to_string(folder.path().join("retrieved.jsonl")).unwrap();
    assert_eq!(left.lines().filter(|line| !line.is_empty()).count(), 1, "an erased event leaves no count: {left}");
}
