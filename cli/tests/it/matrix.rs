//! `nexus run` on a real Synapse: history, edits, redactions, threads; killed while they happen, over a bad network.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::Place;
use crate::proxy::Proxy;
use crate::running::{Luck, Running, Server, texts, until};

/// More than a sync or a page holds.
const HISTORY: usize = 130;
const KILLS: u64 = 5;

/// An account.
pub(crate) struct User {
    port: u16,
    pub(crate) token: String,
    sent: u64,
}

/// One request, by hand: HTTP/1.0, so that the answer ends where the connection does.
fn call(port: u16, method: &str, path: &str, token: &str, body: &Value) -> Value {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let body = body.to_string();
    let head = format!(
        "{method} /_matrix/client/v3/{path} HTTP/1.0\r\nAuthorization: Bearer {token}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    assert!(head.contains(" 200 "), "{method} {path}: {answer}");
    serde_json::from_str(body).unwrap()
}

impl User {
    pub(crate) fn new(server: &Server, name: &str) -> User {
        assert_eq!(server.script(&["user", name, "secret"]), 0);
        let who = json!({"type": "m.id.user", "user": name});
        let login = json!({"type": "m.login.password", "identifier": who, "password": "secret"});
        let answer = call(server.port, "POST", "login", "", &login);
        User { port: server.port, token: answer["access_token"].as_str().unwrap().into(), sent: 0 }
    }

    pub(crate) fn post(&self, path: &str, body: Value) -> Value {
        call(self.port, "POST", path, &self.token, &body)
    }

    fn put(&mut self, path: &str, body: &Value) -> String {
        self.sent += 1;
        let answer = call(self.port, "PUT", &format!("{path}/{}", self.sent), &self.token, body);
        answer["event_id"].as_str().unwrap().into()
    }

    fn send(&mut self, room: &str, content: &Value) -> String {
        self.put(&format!("rooms/{room}/send/m.room.message"), content)
    }

    pub(crate) fn say(&mut self, room: &str, text: &str) -> String {
        self.send(room, &json!({"msgtype": "m.text", "body": text}))
    }

    fn edit(&mut self, room: &str, event: &str, text: &str) -> String {
        let (new, relates) =
            (json!({"msgtype": "m.text", "body": text}), json!({"rel_type": "m.replace", "event_id": event}));
        self.send(
            room,
            &json!({"msgtype": "m.text", "body": format!("* {text}"), "m.new_content": new, "m.relates_to": relates}),
        )
    }

    fn redact(&mut self, room: &str, event: &str) {
        self.put(&format!("rooms/{room}/redact/{event}"), &json!({}));
    }
}

/// A room, and what it reads.
pub(crate) struct Room {
    id: String,
    anna: User,
    /// What every message reads, by its id.
    reads: BTreeMap<String, String>,
    /// Edits in order: each with its message, and what that read before.
    edits: Vec<(String, String, String)>,
    luck: Luck,
}

impl Room {
    /// One without messages, in which this account speaks.
    pub(crate) fn new(id: String, anna: User) -> Room {
        Room { id, anna, reads: BTreeMap::new(), edits: Vec::new(), luck: Luck(11) }
    }

    fn draw(&mut self, below: u64) -> u64 {
        self.luck.below(below)
    }

    pub(crate) fn say(&mut self, text: String) {
        self.reads.insert(self.anna.say(&self.id, &text), text);
    }

    /// Somebody says, edits, redacts something, or takes an edit back.
    pub(crate) fn happen(&mut self, text: String) {
        let at = self.draw(self.reads.len() as u64) as usize;
        let event = self.reads.keys().nth(at).unwrap().clone();
        match self.draw(5) {
            0 | 1 => self.say(text),
            2 => {
                let edit = self.anna.edit(&self.id, &event, &text);
                let before = self.reads.insert(event.clone(), text).unwrap();
                self.edits.push((edit, event, before));
            }
            3 => {
                self.anna.redact(&self.id, &event);
                self.edits.retain(|(_, of, _)| *of != event);
                self.reads.remove(&event);
            }
            _ => {
                if let Some((edit, of, before)) = self.edits.pop() {
                    self.anna.redact(&self.id, &edit);
                    self.reads.insert(of, before);
                }
            }
        }
        std::thread::sleep(Duration::from_millis(self.draw(60)));
    }

    /// What it reads as the server has it: each message that is left, by its last edit that is left.
    pub(crate) fn on_server(&self) -> Vec<String> {
        let (mut reads, mut from) = (Vec::new(), String::new());
        loop {
            let path = format!("rooms/{}/messages?dir=b&limit=100{from}", self.id);
            let page = call(self.anna.port, "GET", &path, &self.anna.token, &Value::Null);
            for event in page["chunk"].as_array().unwrap() {
                let (id, content) = (event["event_id"].as_str().unwrap(), &event["content"]);
                let edited = &event["unsigned"]["m.relations"]["m.replace"]["content"]["m.new_content"]["body"];
                let is_edit = content["m.relates_to"]["rel_type"] == "m.replace";
                // What was redacted has no body.
                if event["type"] == "m.room.message"
                    && !is_edit
                    && let Some(sent) = content["body"].as_str()
                {
                    reads.push(format!("{id} {}", edited.as_str().unwrap_or(sent)));
                }
            }
            let Some(end) = page["end"].as_str() else { return reads };
            from = format!("&from={end}");
        }
    }

    /// Waits until memory reads as the room does.
    fn is_in(&self, place: &Place) {
        let expected: Vec<String> = self.reads.iter().map(|(id, text)| format!("{id} {text}")).collect();
        let sql = "select external_id, text from events where kind = 'message' order by external_id";
        until("memory reads as the room does", || texts(place, sql) == expected);
    }
}

/// A configuration that follows the server as whoever has this token.
fn config(place: &Place, port: u16, token: &str) -> String {
    let token = place.file("token", token);
    let text = format!(
        "[feed.home]\nkind = \"matrix\"\nserver = \"http://127.0.0.1:{}\"\ntoken = {{ file = {token:?} }}\n",
        port
    );
    place.file("feeds.toml", &text)
}

#[test]
fn a_room_is_in_memory_as_it_reads_whatever_happens() {
    let Some(server) = Server::start("synapse") else { return };
    let (anna, nexus) = (User::new(&server, "anna"), User::new(&server, "nexus"));
    let id = anna.post("createRoom", json!({"preset": "public_chat", "name": "Harbour"}));
    let id = id["room_id"].as_str().unwrap().replace('!', "%21");
    nexus.post(&format!("join/{id}"), json!({}));
    let mut room = Room::new(id, anna);
    (0..HISTORY).for_each(|at| room.say(format!("before {at}")));
    let place = Place::new();
    let network = Proxy::start(server.port, 1);
    network.calm();
    let config = config(&place, network.port, &nexus.token);
    let running = Running::start(&place, &config);
    room.is_in(&place);
    let first = room.reads.keys().next().unwrap().clone();
    let thread = json!({"rel_type": "m.thread", "event_id": first, "is_falling_back": true});
    let porto = json!({"msgtype": "m.text", "body": "I live in Porto.", "m.relates_to": thread});
    let threaded = room.anna.send(&room.id, &porto);
    room.reads.insert(threaded, "I live in Porto.".into());
    room.is_in(&place);
    let threads = "select channel, thread from events where thread is not null";
    assert_eq!(texts(&place, threads), [format!("Harbour {first}")]);
    running.end();
    assert!(place.ok(&["facts", "anna"]).contains("Porto"));
    network.rage();
    let mut running: Option<Running> = None;
    for kill in 0..KILLS {
        (0..12).for_each(|at| room.happen(format!("during {kill} {at}")));
        running.take().into_iter().for_each(Running::kill);
        running = Some(Running::start(&place, &config));
    }
    network.calm();
    running.take().into_iter().for_each(Running::kill);
    running = Some(Running::start(&place, &config));
    room.is_in(&place);
    running.into_iter().for_each(|running| drop(running.end()));
    assert!(place.json(&["verify"])["equal"].as_bool().unwrap());
    assert!(!contains(&place.path("memory"), nexus.token.as_bytes()), "the token is in the store");
}

/// Whether a file below a folder has these bytes.
fn contains(folder: &std::path::Path, bytes: &[u8]) -> bool {
    std::fs::read_dir(folder).unwrap().flatten().any(|entry| match entry.path() {
        path if path.is_dir() => contains(&path, bytes),
        path => std::fs::read(path).unwrap().windows(bytes.len()).any(|part| part == bytes),
    })
}

#[test]
fn a_wrong_token_is_said_and_tried_seldom() {
    let Some(server) = Server::start("synapse") else { return };
    let place = Place::new();
    let running = Running::start(&place, &config(&place, server.port, "syt_not_a_token"));
    let refused = running.says("home is refused");
    assert!(refused.contains("the token is not accepted"), "{refused}");
    let again: f64 =
        refused.split_once("; again in ").and_then(|(_, rest)| rest.strip_suffix(" s")?.parse().ok()).unwrap();
    assert!(again >= 10.0 && !refused.contains("syt_not_a_token"), "{refused}");
    running.end();
}
