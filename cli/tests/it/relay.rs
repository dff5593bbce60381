//! Commands that write while `nexus run` holds the store: they go through it, and feeds go on.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;

use crate::harness::{Place, finished};
use crate::running::{Running, texts, until};

/// A run that follows a folder, and the folder.
fn running(place: &Place) -> (Running, std::path::PathBuf) {
    let inbox = place.path("inbox");
    std::fs::create_dir_all(&inbox).unwrap();
    let config = format!("[feed.inbox]\nkind = \"directory\"\npath = {inbox:?}\nevery = 0.1\n");
    let running = Running::start(place, &place.file("feeds.toml", &config));
    running.says("inbox works");
    (running, inbox)
}

fn row(id: &str, text: &str) -> String {
    format!("{{\"id\": \"{id}\", \"said_at\": \"2025-01-01T00:00:00Z\", \"author\": \"ben\", \"text\": \"{text}\"}}\n")
}

#[test]
fn what_writes_goes_through_the_run() {
    let place = Place::new();
    let (running, inbox) = running(&place);
    // Printed as without a run: results, hints, facts.
    let run = place.nexus(&["remember", "I moved to Lisbon in May."]);
    assert!(run.code == 0 && run.out.starts_with("remembered  ") && run.out.contains("Lisbon"), "{run:?}");
    assert!(place.json(&["remember", "--author", "ben", "I live in Porto."])["event"].is_array());
    // Another scope, standard input, a file as seen from where the command is typed.
    let run = place.nexus_reading(&["--scope", "work", "remember", "-"], "the meeting is at noon");
    assert_eq!(run.code, 0, "{run:?}");
    let run = place.nexus_reading(&["ingest", "-", "--format", "jsonl"], &(row("1", "one") + "nonsense\n"));
    assert!(run.code == 0 && run.out.contains("1 added") && run.out.contains("1 rejected"), "{run:?}");
    place.file("more.jsonl", &row("2", "two"));
    let mut command = place.command(&["ingest", "more.jsonl"]);
    let run = finished(command.current_dir(place.path("")).spawn().unwrap());
    assert!(run.code == 0 && run.out.contains("1 added"), "{run:?}");
    let said = "select text from events where source = 'jsonl' order by text";
    assert_eq!(texts(&place, said), ["one", "two"]);
    assert!(place.ok(&["--scope", "work", "recall", "meeting"]).contains("noon"));
    // What a command finds wrong, with its exit code.
    let run = place.nexus(&["correct", "0123456789abcdef", "--is", "Rome"]);
    assert!(run.code != 0 && run.err.starts_with("nexus: "), "{run:?}");
    assert_eq!(place.nexus(&["erase"]).code, 2);
    // The feed is in the scope of the run, not in that of the last command.
    std::fs::write(inbox.join("a.jsonl"), row("3", "three")).unwrap();
    until("the feed goes on", || texts(&place, said).contains(&"three".to_string()));
    assert!(place.ok(&["watch", "--once", "where does ben live?"]).contains("Porto"));
    assert!(place.ok(&["forget", "--author", "ben", "--yes"]).contains("forgotten"));
    assert!(texts(&place, said).is_empty());
    assert_eq!(place.nexus(&["erase", "--yes"]).code, 0);
    std::fs::write(inbox.join("b.jsonl"), row("4", "four")).unwrap();
    until("the feed goes on after erasing", || texts(&place, said) == ["four"]);
    running.end();
    assert!(place.json(&["verify"])["equal"].as_bool().unwrap());
    // Without a run the command has the store to itself.
    assert_eq!(place.nexus(&["remember", "it is quiet now"]).code, 0);
}

#[test]
fn nobody_else_may_send_commands_and_nonsense_harms_nothing() {
    let place = Place::new();
    let (running, _) = running(&place);
    let folder = place.path("memory").join("run");
    assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    let socket = folder.join("commands.sock");
    for nonsense in ["\n", "{}\n", "not a request", "{\"arguments\": [\"run\", \"x\"], \"scope\": \"a\"}\n"] {
        let mut stream = UnixStream::connect(&socket).unwrap();
        std::io::Write::write_all(&mut stream, nonsense.as_bytes()).unwrap();
    }
    assert_eq!(place.nexus(&["remember", "still there"]).code, 0);
    // A second run says who is there.
    let config = place.path("feeds.toml").display().to_string();
    let run = place.nexus(&["run", &config]);
    assert!(run.code == 3 && run.err.contains("is being written by"), "{run:?}");
    running.kill();
    // What a killed run left behind is in nobody's way.
    assert!(socket.exists());
    assert_eq!(place.nexus(&["remember", "after it"]).code, 0);
}
