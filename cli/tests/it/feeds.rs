//! What the store keeps of feeds: as long as somebody wants it, be they followed or not; and of names, as long as they are said.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::Place;
use crate::reading::Shared;
use crate::replay::{Answer, Replay, Request};
use crate::running::{Running, texts, until};

/// Whether a file of the store has this text as it is.
pub(crate) fn holds(place: &Place, text: &str) -> bool {
    fn below(folder: &Path, text: &[u8]) -> bool {
        std::fs::read_dir(folder).unwrap().flatten().any(|entry| match entry.path() {
            path if path.is_dir() => below(&path, text),
            // What is gone meanwhile holds nothing.
            path => std::fs::read(path).unwrap_or_default().windows(text.len()).any(|part| part == text),
        })
    }
    below(&place.path("memory"), text.as_bytes())
}

/// How many notes a feed has; none if it is not known.
pub(crate) fn notes(place: &Place, feed: &str) -> u64 {
    let listed: Value = serde_json::from_str(&place.nexus(&["--json", "feeds"]).out).unwrap();
    let found = listed.as_array().unwrap().iter().find(|known| known["feed"] == feed);
    found.map_or(0, |known| known["notes"].as_u64().unwrap())
}

fn row(id: &str, text: &str) -> String {
    format!("{{\"id\": \"{id}\", \"said_at\": \"2025-01-01T00:00:00Z\", \"author\": \"ben\", \"text\": \"{text}\"}}\n")
}

/// A configuration of folders that are followed, each by its name.
fn folders(place: &Place, names: &[&str]) -> String {
    let feed = |name: &&str| {
        let folder = place.path(name);
        std::fs::create_dir_all(&folder).unwrap();
        format!("[feed.{name}]\nkind = \"directory\"\npath = {folder:?}\nevery = 0.1\n")
    };
    place.file("feeds.toml", &names.iter().map(feed).collect::<String>())
}

/// The line of `nexus status` or `nexus feeds` about a feed, its words each after one space; empty if there is none.
fn line(place: &Place, command: &str, feed: &str) -> String {
    let out = place.nexus(&[command]).out;
    let mut lines = out.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.find(|line| line.starts_with(&format!("{feed} "))).unwrap_or_default()
}

#[test]
fn a_feed_is_known_until_somebody_forgets_it() {
    let place = Place::new();
    let config = folders(&place, &["inbox", "other"]);
    let write = |id: &str| {
        // Renamed into place, so that it is read once.
        std::fs::write(place.path("new"), row(id, id)).unwrap();
        std::fs::rename(place.path("new"), place.path("inbox").join(format!("{id}.jsonl"))).unwrap();
    };
    let said = || texts(&place, "select text from events order by text");
    let running = Running::start(&place, &config);
    running.says("inbox works");
    write("one");
    until("it is in memory", || said() == ["one"]);
    until("it is followed", || line(&place, "feeds", "inbox") == "inbox default yes 1");
    let refused = place.nexus(&["feeds", "forget", "inbox", "--yes"]);
    assert!(refused.code == 2 && refused.err.contains("inbox is followed by the run"), "{refused:?}");
    // Taken out of the configuration it is known still, and goes on where it was when it comes back.
    folders(&place, &["other"]);
    running.signal("-HUP");
    until("it is followed no more", || line(&place, "status", "inbox") == "inbox default not followed");
    assert_eq!(line(&place, "feeds", "inbox"), "inbox default no 1");
    write("two");
    folders(&place, &["inbox", "other"]);
    running.signal("-HUP");
    until("it goes on", || said() == ["one", "two"]);
    let fares = || place.json(&["status"])["run"]["feeds"]["inbox"].clone();
    until("the run says so", || fares()["news"] == 1);
    assert_eq!(fares()["messages"], 1, "what was read is not read again");
    // Forgotten, it begins anew; what it brought stays.
    folders(&place, &["other"]);
    running.signal("-HUP");
    until("it is followed no more", || line(&place, "feeds", "inbox") == "inbox default no 2");
    let would = place.ok(&["feeds", "forget", "inbox"]);
    assert_eq!(would, "how far inbox is read and 2 notes of it would go; what it brought stays\n");
    assert_eq!(place.nexus(&["--scope", "work", "feeds", "forget", "inbox", "--yes"]).code, 1);
    assert_eq!(notes(&place, "inbox"), 2);
    let gone = place.json(&["feeds", "forget", "inbox", "--yes"]);
    assert_eq!((&gone["feed"], &gone["notes"], &gone["dry_run"]), (&json!("inbox"), &json!(2), &json!(false)));
    assert_eq!((notes(&place, "inbox"), line(&place, "feeds", "inbox")), (0, String::new()));
    assert_eq!(place.nexus(&["feeds", "forget", "inbox", "--yes"]).code, 1);
    assert_eq!(said(), ["one", "two"]);
    folders(&place, &["inbox", "other"]);
    running.signal("-HUP");
    until("it is read again", || fares()["messages"] == 2);
    assert_eq!(said(), ["one", "two"]);
    running.end();
    assert!(place.json(&["verify"])["equal"].as_bool().unwrap());
}

/// A homeserver with a room, and what it is called.
#[derive(Default)]
struct Home {
    called: String,
    said: BTreeMap<usize, Value>,
}

impl Home {
    fn say(&mut self, text: &str) {
        let number = self.said.len() + 1;
        let message = json!({"type": "m.room.message", "event_id": format!("${number}"), "sender": "@anna:example.org",
            "origin_server_ts": 1_700_000_000_000_u64, "content": {"msgtype": "m.text", "body": text}});
        self.said.insert(number, message);
    }

    /// What was said after so much; the first time also what the room is called.
    fn sync(&self, since: Option<usize>) -> Value {
        let said: Vec<&Value> = self.said.range(since.unwrap_or(0) + 1..).map(|(_, message)| message).collect();
        let mut room = json!({"timeline": {"events": said, "limited": false}, "state": {"events": []}});
        if since.is_none() {
            let name = json!({"type": "m.room.name", "state_key": "", "content": {"name": self.called}});
            room["state"]["events"] = json!([name]);
        }
        let rooms = if said.is_empty() { json!({}) } else { json!({"join": {"!room:example.org": room}}) };
        json!({"next_batch": self.said.len().to_string(), "rooms": rooms})
    }
}

fn homeserver(home: &Shared<Home>, request: &Request) -> Answer {
    let path = request.path.strip_prefix("/_matrix/client/v3/").unwrap();
    if let Some(query) = path.strip_prefix("sync?") {
        let since: Option<usize> = query.split('&').find_map(|part| part.strip_prefix("since=")?.parse().ok());
        for _ in 0..20 {
            if since.is_none_or(|since| since < home.lock().said.len()) {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        return Answer::json(&home.lock().sync(since));
    }
    match path.rsplit_once("/state/") {
        Some((_, "m.room.name")) => Answer::json(&json!({"name": home.lock().called})),
        _ => Answer::Whole { status: 404, headers: Vec::new(), body: b"{\"errcode\": \"M_NOT_FOUND\"}".to_vec() },
    }
}

#[test]
fn a_room_whose_name_was_erased_is_asked_for_it() {
    let home = Shared::new(Home { called: "Harbour".into(), ..Home::default() });
    home.lock().say("one");
    let there = home.clone();
    let server = Replay::start(move |request| homeserver(&there, request));
    let (place, url) = (Place::new(), format!("http://127.0.0.1:{}", server.port));
    let token = place.file("token", "syt_token");
    let config = format!("[feed.home]\nkind = \"matrix\"\nserver = {url:?}\ntoken = {{ file = {token:?} }}\n");
    let running = Running::start(&place, &place.file("feeds.toml", &config));
    let channels = || texts(&place, "select channel from events");
    until("it is in memory", || channels() == ["Harbour"]);
    place.ok(&["forget", "--channel", "Harbour", "--yes"]);
    home.lock().called = "Pier".into();
    place.ok(&["erase", "--yes"]);
    assert!(!holds(&place, "Harbour") && notes(&place, "home") == 0, "the name is in the store");
    home.lock().say("two");
    until("the room is asked what it is called", || channels() == ["Pier"]);
    assert!(!holds(&place, "Harbour"));
    running.end();
    assert!(place.json(&["verify"])["equal"].as_bool().unwrap());
}
