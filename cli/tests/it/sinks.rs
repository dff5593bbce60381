//! Sinks of `nexus run`: whatever fails, and however often it is killed, each has every change; and what cannot be read
//! is read again once it is mended.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::Place;
use crate::replay::{Answer, Replay};
use crate::running::{Luck, Running, Server, free_port, texts, until};
use crate::webhook::{SECRET, now, post, signed};

/// How often the run is killed.
const KILLS: u64 = 8;
/// One in so many posts fails.
const FAILS: u64 = 30;
const CITIES: [&str; 5] = ["Rome", "Oslo", "Lisbon", "Berlin", "Porto"];

/// Where people live, in a file that is followed.
#[derive(Default)]
struct Moves(BTreeMap<u64, String>);

impl Moves {
    /// Somebody moves, or said otherwise before.
    fn happen(&mut self, inbox: &Path, luck: &mut Luck) {
        let at = self.0.len() as u64;
        let at = if at > 3 && luck.one_in(4) { luck.below(at) } else { at };
        self.0.insert(at, format!("I moved to {}.", CITIES[luck.below(5) as usize]));
        let row = |(at, text): (&u64, &String)| {
            let (author, said_at) = (["anna", "ben", "carla"][*at as usize % 3], 1_700_000_000_000 + at * 60_000);
            json!({"id": at.to_string(), "said_at": said_at, "author": author, "text": text}).to_string() + "\n"
        };
        // Renamed into place: half a file would say that half of it was never said.
        std::fs::write(inbox.join(".new"), self.0.iter().map(row).collect::<String>()).unwrap();
        std::fs::rename(inbox.join(".new"), inbox.join("moves.jsonl")).unwrap();
    }
}

/// What came out of a sink: equal ids have equal bodies.
#[derive(Default)]
struct Heard {
    bodies: BTreeMap<String, Value>,
    last: u64,
}

impl Heard {
    fn take(&mut self, body: &[u8]) {
        let body: Value = serde_json::from_slice(body).unwrap();
        let (id, epoch) = (body["id"].as_str().unwrap().to_string(), body["epoch"].as_u64().unwrap());
        match self.bodies.get(&id) {
            Some(before) => assert_eq!(*before, body, "{id} says two things"),
            None => {
                assert!(epoch >= self.last, "{id} comes out of order");
                self.last = epoch;
                self.bodies.insert(id, body);
            }
        }
    }

    /// The facts that there are by what was heard: each version with its status.
    fn facts(&self) -> BTreeSet<String> {
        let mut held: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
        for body in self.bodies.values().filter(|body| body["table"] == "facts") {
            held.entry(body["key"].as_str().unwrap()).or_default().push(body);
        }
        let mut facts = BTreeSet::new();
        for (key, changes) in held {
            let sum: i64 = changes.iter().map(|body| body["sign"].as_i64().unwrap()).sum();
            assert!((0..=1).contains(&sum), "{key}: {changes:?}");
            let last = changes.iter().filter(|body| body["sign"] == 1).max_by_key(|body| body["epoch"].as_u64());
            if sum == 1 {
                facts.insert(format!("{} {key}", last.unwrap()["row"]["status"].as_str().unwrap()));
            }
        }
        facts
    }
}

/// The facts that there are, each version with its status.
fn facts(place: &Place) -> BTreeSet<String> {
    texts(place, "select status, version from fact_versions").into_iter().collect()
}

fn heard_in(file: &Path) -> Heard {
    let (mut heard, text) = (Heard::default(), std::fs::read_to_string(file).unwrap_or_default());
    // The last line may be under way.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().for_each(|line| heard.take(line.as_bytes()));
    heard
}

fn inbox(place: &Place) -> (std::path::PathBuf, String) {
    let folder = place.path("inbox");
    std::fs::create_dir_all(&folder).unwrap();
    let feed = format!("[feed.inbox]\nkind = \"directory\"\npath = {folder:?}\nevery = 0.05\n");
    (folder, feed)
}

#[test]
fn every_change_leaves_however_often_it_is_killed() {
    let place = Place::new();
    let (inbox, feed) = inbox(&place);
    let (heard, calm): (Arc<Mutex<Heard>>, Arc<AtomicBool>) = Default::default();
    let hook = {
        let (heard, calm, luck) = (heard.clone(), calm.clone(), Mutex::new(Luck(5)));
        Replay::start(move |request| {
            let fails = !calm.load(Ordering::Relaxed) && luck.lock().unwrap().one_in(FAILS);
            // Some of what is refused was taken all the same.
            if !fails || luck.lock().unwrap().one_in(2) {
                let body: Value = serde_json::from_slice(&request.body).unwrap();
                assert_eq!(request.headers["webhook-id"], body["id"].as_str().unwrap());
                assert!(request.headers["webhook-signature"].starts_with("v1,"));
                heard.lock().unwrap().take(&request.body);
            }
            Answer::Whole { status: if fails { 500 } else { 204 }, headers: Vec::new(), body: Vec::new() }
        })
    };
    let (out, secret) = (place.path("out.jsonl"), place.file("secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
    let sinks = format!(
        "[sink.file]\nkind = \"jsonl\"\npath = {out:?}\nof = [\"facts\", \"decisions\"]\n\
         [sink.hook]\nkind = \"webhook\"\nurl = \"http://127.0.0.1:{}/memory\"\nsecret = {{ file = {secret:?} }}\n\
         of = [\"facts\"]\n",
        hook.port
    );
    let config = place.file("run.toml", &(feed + &sinks));
    let (mut luck, mut moves) = (Luck(9), Moves::default());
    for _ in 0..KILLS {
        let running = Running::start(&place, &config);
        let until = Instant::now() + Duration::from_millis(400 + luck.below(1_500));
        while Instant::now() < until {
            moves.happen(&inbox, &mut luck);
            std::thread::sleep(Duration::from_millis(30));
        }
        running.kill();
        // What a crash left of a line.
        if luck.one_in(2) && out.exists() {
            std::fs::File::options().append(true).open(&out).unwrap().write_all(b"{\"id\": \"to").unwrap();
        }
    }
    calm.store(true, Ordering::Relaxed);
    let running = Running::start(&place, &config);
    running.says("sink/hook works");
    moves.happen(&inbox, &mut luck);
    let count = moves.0.len();
    until("all was taken in", || texts(&place, "select count(*) from events") == [count.to_string()]);
    until("the file says what memory holds", || heard_in(&out).facts() == facts(&place));
    until("the webhook was told what memory holds", || heard.lock().unwrap().facts() == facts(&place));
    assert!(facts(&place).len() > 3);
    assert!(heard_in(&out).bodies.values().any(|body| body["table"] == "decisions"));
    running.end();
    // A command between two runs is heard of in the next.
    place.ok(&["remember", "I moved to Madrid.", "--author", "anna"]);
    let running = Running::start(&place, &config);
    until("the file says what memory holds", || heard_in(&out).facts() == facts(&place));
    assert!(std::fs::read_to_string(&out).unwrap().contains("Madrid"));
    running.end();
    assert!(place.json(&["verify"])["equal"].as_bool().unwrap());
}

/// One request to a NATS server, by hand.
fn ask(port: u16, subject: &str, payload: &Value) -> Value {
    let mut to = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let connect = json!({"verbose": false, "pedantic": false, "user": "test", "pass": "secret"});
    let payload = payload.to_string();
    let request = format!("CONNECT {connect}\r\nSUB me 1\r\nPUB {subject} me {}\r\n{payload}\r\n", payload.len());
    to.write_all(request.as_bytes()).unwrap();
    let mut from = BufReader::new(to);
    loop {
        let mut line = String::new();
        assert!(from.read_line(&mut line).unwrap() > 0, "the server hung up");
        if let Some(message) = line.strip_prefix("MSG me ") {
            let length: usize = message.split_whitespace().last().unwrap().parse().unwrap();
            let mut body = vec![0; length];
            from.read_exact(&mut body).unwrap();
            return serde_json::from_slice(&body).unwrap();
        }
    }
}

#[test]
fn a_stream_of_nats_has_each_change_once() {
    let Some(server) = Server::start("nats") else { return };
    let stream = json!({"name": "changes", "subjects": ["memory.>"], "storage": "file"});
    let made = ask(server.port, "$JS.API.STREAM.CREATE.changes", &stream);
    assert!(made.get("error").is_none(), "{made}");
    let place = Place::new();
    let (inbox, feed) = inbox(&place);
    let (out, secret) = (place.path("out.jsonl"), place.file("secret", "secret"));
    let sinks = format!(
        "[sink.file]\nkind = \"jsonl\"\npath = {out:?}\nof = [\"facts\"]\n\
         [sink.nats]\nkind = \"nats\"\nserver = \"127.0.0.1:{}\"\nsubject = \"memory.facts\"\nuser = \"test\"\n\
         password = {{ file = {secret:?} }}\nof = [\"facts\"]\n",
        server.port
    );
    let config = place.file("run.toml", &(feed + &sinks));
    let (mut luck, mut moves) = (Luck(3), Moves::default());
    for _ in 0..2 {
        let running = Running::start(&place, &config);
        running.says("sink/nats works");
        for _ in 0..10 {
            moves.happen(&inbox, &mut luck);
            std::thread::sleep(Duration::from_millis(30));
        }
        running.kill();
    }
    let running = Running::start(&place, &config);
    let messages = || ask(server.port, "$JS.API.STREAM.INFO.changes", &json!({}))["state"]["messages"].as_u64();
    let sent = || heard_in(&out).bodies.len() as u64;
    until("the file says what memory holds", || sent() > 10 && heard_in(&out).facts() == facts(&place));
    until("the stream has as many", || messages() == Some(sent()));
    running.end();
}

/// The files below a folder that hold this text.
fn files_with(folder: &Path, text: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        if kind.is_dir() {
            found.extend(files_with(&path, text));
        } else if kind.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            found.extend(bytes.windows(text.len()).any(|part| part == text.as_bytes()).then_some(path));
        }
    }
    found
}

#[test]
fn what_waits_for_a_sink_that_is_down_is_erased_too() {
    for erased in [false, true] {
        let place = Place::new();
        let (heard, up): (Arc<Mutex<Vec<Value>>>, Arc<AtomicBool>) = Default::default();
        let hook = {
            let (heard, up) = (heard.clone(), up.clone());
            Replay::start(move |request| {
                let up = up.load(Ordering::Relaxed);
                if up {
                    heard.lock().unwrap().push(serde_json::from_slice(&request.body).unwrap());
                }
                Answer::Whole { status: if up { 204 } else { 500 }, headers: Vec::new(), body: Vec::new() }
            })
        };
        let secret = place.file("secret", SECRET);
        let sink = format!(
            "[sink.hook]\nkind = \"webhook\"\nurl = \"http://127.0.0.1:{}/memory\"\nsecret = {{ file = {secret:?} }}\n\
             of = [\"facts\", \"decisions\"]\n",
            hook.port
        );
        let config = place.file("run.toml", &sink);
        let running = Running::start(&place, &config);
        running.says("sink/hook works");
        place.ok(&["remember", "I moved to Zqxjkville.", "--author", "ben"]);
        assert!(place.ok(&["facts", "ben"]).contains("Zqxjkville"));
        assert!(place.ok(&["forget", "--author", "ben", "--yes"]).contains("forgotten"));
        if erased {
            place.ok(&["erase", "--yes"]);
        }
        running.kill();
        if erased {
            assert_eq!(files_with(&place.path("memory"), "Zqxjkville"), Vec::<PathBuf>::new());
        }
        // What it is told when it is there again: without an erasure also what was forgotten meanwhile.
        up.store(true, Ordering::Relaxed);
        let running = Running::start(&place, &config);
        let went = |body: &Value| body["table"] == "facts" && body["sign"] == -1;
        until("it is told that the fact went", || heard.lock().unwrap().iter().any(went));
        let told = heard.lock().unwrap().iter().any(|body| body.to_string().contains("Zqxjkville"));
        assert_eq!(told, !erased);
        running.end();
    }
}

fn row(id: &str, author: &str, text: &str) -> String {
    format!("{{\"id\": \"{id}\", \"said_at\": \"2025-01-01T00:00:00Z\", {author}\"text\": \"{text}\"}}\n")
}

#[test]
fn what_cannot_be_read_is_read_again_when_it_is_mended() {
    let place = Place::new();
    let (inbox, feed) = inbox(&place);
    let config = place.file("run.toml", &feed);
    let running = Running::start(&place, &config);
    running.says("inbox works");
    assert_eq!(place.nexus(&["letters"]).code, 1);
    let damaged = row("1", "", "I moved to Porto.");
    std::fs::write(inbox.join("a.jsonl"), damaged.clone() + &row("2", "\"author\": \"ben\", ", "hello") + "nonsense\n")
        .unwrap();
    until("both letters are there", || place.nexus(&["letters"]).out.lines().count() == 3);
    let letters = place.json(&["letters"]);
    let id = |position: &str| {
        let letter = letters.as_array().unwrap().iter().find(|letter| letter["position"] == position).unwrap();
        (letter["format"].as_str().unwrap().to_string(), letter["id"].as_str().unwrap()[..12].to_string())
    };
    let ((format, first), (_, second)) = (id("a.jsonl, line 1"), id("a.jsonl, line 3"));
    assert_eq!((format.as_str(), place.ok(&["letters", "show", &first]).trim()), ("jsonl", damaged.trim()));
    // Through the run, which holds the store.
    let run = place.nexus(&["letters", "replay", &first]);
    assert!(run.code == 2 && run.err.contains("cannot be read still: line 1: author"), "{run:?}");
    let mended = place.file("mended.jsonl", &row("1", "\"author\": \"anna\", ", "I moved to Porto."));
    assert_eq!(place.ok(&["letters", "replay", &first, "--from", &mended]), "1 message read, 1 of them new\n");
    assert!(place.ok(&["facts", "anna"]).contains("Porto"));
    assert_eq!(texts(&place, "select position from rejects"), ["a.jsonl, line 3"]);
    running.kill();
    // Without a run.
    assert_eq!(place.ok(&["letters", "drop", &second]), "dropped\n");
    assert_eq!(place.nexus(&["letters", "drop", &second]).code, 1);
    assert_eq!(place.nexus(&["letters"]).code, 1);
    assert!(texts(&place, "select position from rejects").is_empty());
    assert!(place.json(&["verify"])["equal"].as_bool().unwrap());
}

#[test]
fn a_row_of_a_delivery_is_called_the_same_when_it_is_read_again() {
    let (place, port) = (Place::new(), free_port());
    let secret = place.file("secret", SECRET);
    let feed = format!(
        "[feed.hook]\nkind = \"webhook\"\nlisten = \"127.0.0.1:{port}\"\npath = \"/in\"\nsignature = \"standard\"\n\
         secret = {{ file = {secret:?} }}\nchannel = \"orders\"\n"
    );
    let running = Running::start(&place, &place.file("run.toml", &feed));
    running.says("hook works");
    let row = |text: &str| format!("{{\"said_at\": 5, \"author\": \"ben\", \"text\": {text}}}\n");
    let body = row("\"one\"") + &row("2");
    let (status, told) = post(port, "/in", &signed(SECRET, "msg_7", now(), &body), &body).unwrap();
    assert_eq!(status, 202, "{told}");
    until("the letter is there", || place.nexus(&["letters"]).code == 0);
    let id = place.json(&["letters"])[0]["id"].as_str().unwrap()[..12].to_string();
    let mended = place.file("mended.jsonl", &row("\"two\""));
    assert_eq!(place.ok(&["letters", "replay", &id, "--from", &mended]), "1 message read, 1 of them new\n");
    // The columns stand in the order of their names.
    let sql = "select channel, external_id, source, text from events order by external_id";
    assert_eq!(texts(&place, sql), ["orders msg_7/1 hook one", "orders msg_7/2 hook two"]);
    running.end();
}
