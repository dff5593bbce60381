//! A scope too large to be read whole: candidates come from indexes, with what was said right before and after.

use nexus_query::{Components, Reader};
use nexus_storage::{At, Opener, Settings, Store};
use nexus_types::tables::*;
use nexus_types::*;
use tempfile::TempDir;

use super::story::{START, add, best, commit, event, passage, record};

const WORDS: [&str; 24] = [
    "kernel", "driver", "panel", "package", "mirror", "update", "screen", "sound", "disk", "mount", "server", "client",
    "install", "remove", "window", "cursor", "network", "wireless", "printer", "error", "folder", "update", "sudo",
    "grub",
];

/// One message in `count`, with what is looked for in the middle.
fn said(scope: &str, at: usize, count: usize) -> Event {
    let word = |salt: usize| WORDS[(at * 7919 + salt * 104_729 + at / 13) % WORDS.len()];
    let text = match at == count / 2 {
        true => "the ocelot sleeps under the veranda".to_string(),
        false => format!("{} {} the {} of {at}", word(1), word(2), word(3)),
    };
    let said = event(scope, &at.to_string(), Kind::Message, &format!("nick{}", at % 97), 0, &text, None);
    Event { said_at: START + at as i64 * 60_000, ..said }
}

/// A store of `count` messages of one scope and as many of another.
async fn store(count: usize) -> (TempDir, Reader) {
    let folder = TempDir::new().unwrap();
    let opener = Opener { program: "test".into(), at: START };
    let mut store = Store::create_or_open(folder.path(), Settings::default(), opener).await.unwrap();
    let events: Vec<Event> = ["a", "b"].iter().flat_map(|scope| (0..count).map(|at| said(scope, at, count))).collect();
    let records: Vec<EventRecord> = events.iter().map(record).collect();
    let previous = |at: usize| (!at.is_multiple_of(count)).then(|| &events[at - 1]);
    let passages: Vec<_> = events.iter().enumerate().map(|(at, event)| passage(event, previous(at))).collect();
    let changes = vec![
        add(EventsTable::table(), EventsTable::encode(&records)),
        add(PassagesTable::table(), PassagesTable::encode(&passages)),
    ];
    store.commit(commit(1, changes)).await.unwrap();
    while store.maintain(8).await.unwrap().more {}
    let history = nexus_storage::Reader::open(folder.path(), &Settings::default()).unwrap();
    let snapshot = history.snapshot(At::Latest).await.unwrap();
    (folder, Reader::new(snapshot, "a", Components::default()).await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn indexes_find_it_with_what_was_said_around_it() {
    let (_folder, reader) = store(6_000).await;
    let found = reader.recall("where does the ocelot sleep", &best(5)).await.unwrap();
    assert_eq!(found.hits[0].text, "the ocelot sleeps under the veranda");
    let around: Vec<u64> = found.hits[1..].iter().map(|hit| hit.said_at.abs_diff(found.hits[0].said_at)).collect();
    assert_eq!(around, [60_000; 2], "{:?}", found.hits);
    assert!(found.hits[1].found_by.contains(&"context"));
}
