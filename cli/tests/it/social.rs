//! `nexus run` on Bluesky, Discord, Telegram and X as their documents say they speak: cut, killed, told things twice and in
//! the wrong order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

use crate::feeds::holds;
use crate::harness::Place;
use crate::reading::Shared;
use crate::replay::{Answer, Replay, Request, Sockets};
use crate::running::{Luck, Running, texts, until};

const KILLS: u64 = 4;
const TOKEN: &str = "1234:a-very-secret-token";

fn micros() -> u64 {
    u64::try_from(UNIX_EPOCH.elapsed().unwrap().as_micros()).unwrap()
}

/// A feed of this kind with more of its configuration, and the token in a file.
fn config(place: &Place, kind: &str, more: &str) -> String {
    let token = match kind {
        "bluesky" => String::new(),
        _ => format!("token = {{ file = {:?} }}\n", place.file("token", TOKEN)),
    };
    place.file("feeds.toml", &format!("[feed.it]\nkind = \"{kind}\"\n{token}{more}\n"))
}

/// Waits until memory says exactly this.
fn is_in(place: &Place, expected: &BTreeMap<String, String>) {
    let expected: Vec<String> = expected.iter().map(|(id, text)| format!("{id} {text}")).collect();
    let sql = "select external_id, text from events where kind = 'message' order by external_id";
    until("memory reads as the platform does", || texts(place, sql) == expected);
}

/// Ends it and checks that memory is what its inputs make of it.
fn ends_equal(place: &Place, running: Running) {
    running.end();
    assert!(place.json(&["verify"])["equal"].as_bool().unwrap());
}

/// Bluesky: everything that happened, by when the server had it.
#[derive(Default)]
struct Sky {
    log: Vec<(u64, String)>,
    reads: BTreeMap<String, String>,
}

impl Sky {
    fn commit(&mut self, rev: u64, operation: &str, key: u64, text: &str) {
        let digits = b"234567abcdefghijklmnopqrstuvwxyz";
        let rev: String = (0..13).rev().map(|at| char::from(digits[(rev >> (5 * at)) as usize % 32])).collect();
        let mut commit = json!({"rev": rev, "operation": operation, "collection": "app.bsky.feed.post", "rkey": format!("k{key:03}")});
        if operation != "delete" {
            commit["record"] =
                json!({"$type": "app.bsky.feed.post", "text": text, "createdAt": "2026-01-02T03:04:05.678Z"});
        }
        let at = micros();
        let event = json!({"did": "did:plc:anna", "time_us": at, "kind": "commit", "commit": commit});
        self.log.push((at, event.to_string()));
    }

    fn happen(&mut self, luck: &mut Luck) {
        let (key, rev) = (luck.below(20), micros() << 10);
        let id = format!("at://did:plc:anna/app.bsky.feed.post/k{key:03}");
        let text = format!("post {rev}");
        match (self.reads.contains_key(&id), luck.one_in(3)) {
            (true, true) => {
                self.commit(rev, "delete", key, "");
                // What was written before it comes once more, late.
                self.commit(rev - 1024, "update", key, "too late");
                self.reads.remove(&id);
            }
            (known, _) => {
                self.commit(rev, if known { "update" } else { "create" }, key, &text);
                self.reads.insert(id, text);
            }
        }
    }
}

/// Replays the log from the cursor on, some of it twice, until it is cut.
fn jetstream(
    sky: &Shared<Sky>,
    calm: &AtomicBool,
    seed: &AtomicU64,
    path: &str,
    socket: &mut WebSocket<std::net::TcpStream>,
) {
    assert!(path.starts_with("/subscribe?") && path.contains("wantedDids=did%3Aplc%3Aanna"), "{path}");
    let cursor = path.split("cursor=").nth(1).and_then(|rest| rest.split('&').next()?.parse::<u64>().ok()).unwrap();
    let mut luck = Luck(seed.fetch_add(1, Ordering::Relaxed));
    let mut at = 0;
    loop {
        let next = sky.lock().log.get(at).cloned();
        let Some((time, event)) = next else {
            std::thread::sleep(Duration::from_millis(10));
            continue;
        };
        at += 1;
        let calm = calm.load(Ordering::Relaxed);
        for _ in 0..1 + u64::from(luck.one_in(4)) {
            if time >= cursor && socket.send(Message::text(event.as_str())).is_err() {
                return;
            }
        }
        if !calm && time >= cursor && luck.one_in(25) {
            return;
        }
    }
}

#[test]
fn posts_of_bluesky_are_memory_whatever_is_cut() {
    let sky = Shared::new(Sky::default());
    let (calm, seed) = (Arc::new(AtomicBool::new(false)), AtomicU64::new(5));
    let (world, good) = (sky.clone(), calm.clone());
    let server = Sockets::start(move |path, socket| jetstream(&world, &good, &seed, path, socket));
    let place = Place::new();
    let more = format!("server = \"ws://127.0.0.1:{}\"\naccounts = [\"did:plc:anna\"]", server.port);
    let config = config(&place, "bluesky", &more);
    let mut running = Running::start(&place, &config);
    running.says("it works");
    let mut luck = Luck(3);
    for _ in 0..KILLS {
        for _ in 0..15 {
            sky.lock().happen(&mut luck);
            std::thread::sleep(Duration::from_millis(luck.below(30)));
        }
        running.kill();
        sky.lock().happen(&mut luck);
        running = Running::start(&place, &config);
    }
    calm.store(true, Ordering::Relaxed);
    let reads = sky.lock().reads.clone();
    is_in(&place, &reads);
    ends_equal(&place, running);
}

/// Discord: a server with a channel, and the session that listens to it.
#[derive(Default)]
struct Guild {
    port: u16,
    /// The number of the session, and what it was told, from its second event on.
    session: u64,
    log: Vec<(&'static str, Value)>,
    /// Every message, by id.
    messages: BTreeMap<u64, String>,
    identified: u64,
    resumed: u64,
    /// Connections before that one are over.
    cut: u64,
    connections: u64,
    limited: bool,
}

impl Guild {
    fn message(&self, id: u64) -> Value {
        json!({"id": id.to_string(), "channel_id": "10", "type": 0, "content": self.messages[&id],
            "author": {"id": "5", "username": "anna"}, "timestamp": "2026-01-01T00:00:00+00:00", "edited_timestamp": null,
            "mentions": [], "attachments": [], "embeds": []})
    }

    fn say(&mut self, text: &str) -> u64 {
        let id = ((micros() / 1_000 - 1_420_070_400_000) << 22) + self.messages.len() as u64;
        self.messages.insert(id, text.into());
        self.log.push(("MESSAGE_CREATE", self.message(id)));
        id
    }

    fn edit(&mut self, id: u64, text: &str) {
        self.messages.insert(id, text.into());
        let mut message = self.message(id);
        message["edited_timestamp"] = json!("2026-01-01T00:00:01.000000+00:00");
        self.log.push(("MESSAGE_UPDATE", message));
    }

    fn delete(&mut self, id: u64) {
        // What was said comes once more, after it was deleted.
        let message = self.message(id);
        self.messages.remove(&id);
        self.log.push(("MESSAGE_DELETE", json!({"id": id.to_string(), "channel_id": "10"})));
        self.log.push(("MESSAGE_CREATE", message));
    }

    /// The session is forgotten.
    fn forget(&mut self) {
        self.session += 1;
        self.log.clear();
        self.cut = self.connections;
    }

    fn reads(&self) -> BTreeMap<String, String> {
        self.messages.iter().map(|(id, text)| (id.to_string(), text.clone())).collect()
    }
}

/// A connection to the gateway: hello, then a session that begins or goes on.
fn gateway(guild: &Shared<Guild>, path: &str, socket: &mut WebSocket<std::net::TcpStream>) {
    assert!(path.contains("v=10") && path.contains("encoding=json"), "{path}");
    socket.get_ref().set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let connection = {
        let mut guild = guild.lock();
        guild.connections += 1;
        guild.connections
    };
    let say = |socket: &mut WebSocket<std::net::TcpStream>, value: Value| socket.send(Message::text(value.to_string()));
    if say(socket, json!({"op": 10, "d": {"heartbeat_interval": 300}})).is_err() {
        return;
    }
    // How many events it was told, once it has a session.
    let mut told: Option<usize> = None;
    loop {
        match socket.read() {
            Ok(Message::Text(text)) => {
                let heard: Value = serde_json::from_str(text.as_str()).unwrap();
                let answers = answer(&mut guild.lock(), &heard, &mut told);
                if answers.into_iter().any(|value| say(socket, value).is_err()) {
                    return;
                }
            }
            Ok(_) => {}
            Err(tungstenite::Error::Io(error))
                if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {}
            Err(_) => return,
        }
        if guild.lock().cut >= connection {
            return;
        }
        while let Some(at) = told {
            let Some((kind, data)) = guild.lock().log.get(at).cloned() else { break };
            if say(socket, json!({"op": 0, "s": at + 2, "t": kind, "d": data})).is_err() {
                return;
            }
            told = Some(at + 1);
        }
    }
}

fn answer(guild: &mut Guild, heard: &Value, told: &mut Option<usize>) -> Vec<Value> {
    let (data, session) = (&heard["d"], format!("session-{}", guild.session));
    match heard["op"].as_u64() {
        Some(1) => vec![json!({"op": 11})],
        Some(2) => {
            assert_eq!((&data["token"], &data["intents"]), (&json!(TOKEN), &json!(46_593)));
            guild.identified += 1;
            let channels = json!([{"id": "10", "type": 0, "name": "general"}]);
            guild.log.insert(0, ("GUILD_CREATE", json!({"id": "1", "name": "Harbour", "channels": channels})));
            *told = Some(0);
            let url = format!("ws://127.0.0.1:{}", guild.port);
            vec![json!({"op": 0, "s": 1, "t": "READY", "d": {"session_id": session, "resume_gateway_url": url}})]
        }
        Some(6) if data["session_id"] == *session => {
            guild.resumed += 1;
            *told = Some(data["seq"].as_u64().unwrap() as usize - 1);
            vec![json!({"op": 0, "s": null, "t": "RESUMED", "d": {}})]
        }
        Some(6) => vec![json!({"op": 9, "d": false})],
        _ => Vec::new(),
    }
}

/// The messages of a channel after one, newest first; the first time it asks to wait. Or what the channel is called by now.
fn history(guild: &mut Guild, request: &Request) -> Answer {
    assert_eq!(request.headers["authorization"], format!("Bot {TOKEN}"));
    match request.path.as_str() {
        "/api/v10/channels/10" => {
            return Answer::json(&json!({"id": "10", "type": 0, "name": "boats", "guild_id": "1"}));
        }
        "/api/v10/guilds/1" => return Answer::json(&json!({"id": "1", "name": "Harbour"})),
        _ => {}
    }
    let after = request.path.strip_prefix("/api/v10/channels/10/messages?after=");
    let after: u64 = after.and_then(|rest| rest.split('&').next()).unwrap().parse().unwrap();
    if !std::mem::replace(&mut guild.limited, true) {
        return Answer::Whole { status: 429, headers: vec![("retry-after", "0.1".into())], body: Vec::new() };
    }
    let ids: Vec<u64> = guild.messages.range(after + 1..).map(|(id, _)| *id).take(100).collect();
    Answer::json(&ids.into_iter().rev().map(|id| guild.message(id)).collect())
}

/// Discord with a guild, and a configuration that follows it.
fn discord(place: &Place) -> (Shared<Guild>, String) {
    let guild = Shared::new(Guild::default());
    let (world, rest) = (guild.clone(), guild.clone());
    let sockets = Sockets::start(move |path, socket| gateway(&world, path, socket));
    let api = Replay::start(move |request| history(&mut rest.lock(), request));
    guild.lock().port = sockets.port;
    let more = format!("gateway = \"ws://127.0.0.1:{}\"\napi = \"http://127.0.0.1:{}/api\"", sockets.port, api.port);
    (guild, config(place, "discord", &more))
}

#[test]
fn a_session_of_discord_goes_on_and_a_lost_one_is_filled() {
    let place = Place::new();
    let (guild, config) = discord(&place);
    let mut running = Running::start(&place, &config);
    running.says("it works");
    let first = guild.lock().say("one");
    let second = guild.lock().say("two");
    let reads = guild.lock().reads();
    is_in(&place, &reads);
    assert_eq!(texts(&place, "select distinct author, channel from events"), ["anna <5> Harbour #general"]);
    // While nobody listens the session keeps what happens.
    running.kill();
    guild.lock().say("three");
    guild.lock().edit(first, "uno");
    guild.lock().delete(second);
    running = Running::start(&place, &config);
    let reads = guild.lock().reads();
    is_in(&place, &reads);
    let (identified, resumed) = {
        let guild = guild.lock();
        (guild.identified, guild.resumed)
    };
    assert!(identified == 1 && resumed > 0, "{identified} {resumed}");
    // A session that is lost, with more said than a page holds; killed on the way.
    {
        let mut guild = guild.lock();
        guild.forget();
        for at in 0..230 {
            guild.say(&format!("gap {at}"));
        }
        guild.log.clear();
    }
    until("a new session begins", || guild.lock().identified > 1);
    running.kill();
    running = Running::start(&place, &config);
    guild.lock().say("after");
    let reads = guild.lock().reads();
    is_in(&place, &reads);
    ends_equal(&place, running);
}

#[test]
fn a_channel_of_discord_whose_name_was_erased_is_asked_for_it() {
    let place = Place::new();
    let (guild, config) = discord(&place);
    let running = Running::start(&place, &config);
    running.says("it works");
    guild.lock().say("one");
    let sql = "select author, channel from events";
    until("it is in memory", || texts(&place, sql) == ["anna <5> Harbour #general"]);
    place.ok(&["forget", "--source", "it", "--yes"]);
    place.ok(&["erase", "--yes"]);
    assert!(!["Harbour", "anna"].iter().any(|name| holds(&place, name)), "a name is in the store");
    running.says("it works");
    guild.lock().say("two");
    until("the name is there again", || texts(&place, sql) == ["anna <5> Harbour #boats"]);
    assert_eq!(guild.lock().identified, 1, "the session went on");
    ends_equal(&place, running);
}

/// Telegram: the updates that were not confirmed.
#[derive(Default)]
struct Chats {
    updates: BTreeMap<i64, Value>,
    last: i64,
    reads: BTreeMap<String, String>,
}

impl Chats {
    fn happen(&mut self, luck: &mut Luck) {
        self.last += 1;
        let edits = luck.one_in(3) && !self.reads.is_empty();
        let number = if edits { self.reads.len() as i64 } else { self.reads.len() as i64 + 1 };
        let mut message = json!({"message_id": number, "date": 1_767_225_600, "text": format!("update {}", self.last),
            "chat": {"id": -1_000_000_000_007_i64, "type": "supergroup", "title": "Hiking"},
            "from": {"id": 1, "first_name": "Anna"}});
        if edits {
            message["edit_date"] = json!(1_767_225_600 + self.last);
        }
        let kind = if edits { "edited_message" } else { "message" };
        self.reads.insert(format!("7/{number}"), format!("update {}", self.last));
        self.updates.insert(self.last, json!({"update_id": self.last, kind: message}));
    }

    /// What is asked for; what is before it is gone.
    fn ask(&mut self, from: Option<i64>) -> Vec<Value> {
        if let Some(from) = from {
            self.updates = self.updates.split_off(&from);
        }
        self.updates.values().take(4).cloned().collect()
    }
}

fn bot(chats: &Shared<Chats>, luck: &Shared<Luck>, request: &Request) -> Answer {
    let method = request.path.strip_prefix(&format!("/bot{TOKEN}/"));
    let refused = |status: u16, says: &str| Answer::Whole {
        status,
        headers: Vec::new(),
        body: json!({"ok": false, "error_code": status, "description": says}).to_string().into_bytes(),
    };
    let asked: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    match method {
        Some("getMe") => Answer::json(&json!({"ok": true, "result": {"id": 99, "is_bot": true}})),
        Some("getUpdates") if luck.lock().one_in(15) => refused(502, "Bad Gateway"),
        Some("getUpdates") => {
            for _ in 0..20 {
                let updates = chats.lock().ask(asked["offset"].as_i64());
                if !updates.is_empty() {
                    return Answer::json(&json!({"ok": true, "result": updates}));
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            Answer::json(&json!({"ok": true, "result": []}))
        }
        _ => refused(401, "Unauthorized"),
    }
}

#[test]
fn updates_of_telegram_are_confirmed_once_they_are_kept() {
    let chats = Shared::new(Chats::default());
    let (world, fortune) = (chats.clone(), Shared::new(Luck(9)));
    let server = Replay::start(move |request| bot(&world, &fortune, request));
    let place = Place::new();
    let config = config(&place, "telegram", &format!("api = \"http://127.0.0.1:{}\"", server.port));
    let mut running = Running::start(&place, &config);
    running.says("it works");
    let mut luck = Luck(4);
    for _ in 0..KILLS {
        for _ in 0..15 {
            chats.lock().happen(&mut luck);
            std::thread::sleep(Duration::from_millis(luck.below(30)));
        }
        running.kill();
        running = Running::start(&place, &config);
    }
    let reads = chats.lock().reads.clone();
    is_in(&place, &reads);
    assert_eq!(texts(&place, "select distinct source, author from events"), ["Anna <user1> telegram"]);
    until("all is confirmed", || chats.lock().updates.is_empty());
    ends_equal(&place, running);
}

#[test]
fn a_token_that_telegram_does_not_know_is_not_shown() {
    let server = Replay::start(|_| Answer::Whole {
        status: 401,
        headers: Vec::new(),
        body: json!({"ok": false, "error_code": 401, "description": "Unauthorized"}).to_string().into_bytes(),
    });
    let place = Place::new();
    let config = config(&place, "telegram", &format!("api = \"http://127.0.0.1:{}\"", server.port));
    let running = Running::start(&place, &config);
    let refused = running.says("it is refused");
    assert!(refused.contains("the token is not accepted: Unauthorized") && !refused.contains("secret"), "{refused}");
    running.end();
}

/// X: every post, and who listens.
#[derive(Default)]
struct Square {
    posts: BTreeMap<u64, Value>,
    reads: BTreeMap<String, String>,
    streams: Vec<Sender<Vec<u8>>>,
    searches: u64,
}

impl Square {
    /// Somebody posts, or edits what was posted last.
    fn happen(&mut self, luck: &mut Luck) {
        let id = ((micros() / 1_000 - 1_288_834_974_657) << 22) + self.posts.len() as u64;
        let first = self.reads.keys().next_back().filter(|_| luck.one_in(4)).cloned().unwrap_or(id.to_string());
        let text = format!("post {id}");
        let post = json!({"id": id.to_string(), "edit_history_tweet_ids": [first, id.to_string()], "text": text,
            "author_id": "5", "created_at": "2026-01-01T00:00:00.000Z", "conversation_id": first});
        self.reads.insert(first, text);
        self.posts.insert(id, post.clone());
        let line = json!({"data": post, "includes": people(), "matching_rules": [{"id": "1"}]});
        // Some comes twice.
        for _ in 0..1 + u64::from(luck.one_in(4)) {
            self.streams.retain(|stream| stream.send(format!("{line}\r\n\r\n").into_bytes()).is_ok());
        }
    }

    /// Newest first, twenty a page.
    fn search(&mut self, path: &str) -> Value {
        let field = |name: &str| path.split(['?', '&']).find_map(|part| part.strip_prefix(name));
        let since: u64 = field("since_id=").unwrap().parse().unwrap();
        let from: usize = field("next_token=").map_or(0, |token| token.parse().unwrap());
        self.searches += 1;
        let found: Vec<&Value> = self.posts.range(since + 1..).rev().map(|(_, post)| post).collect();
        let page: Vec<&Value> = found.iter().skip(from).take(20).copied().collect();
        let mut answer = json!({"data": page, "includes": people(), "meta": {"result_count": page.len()}});
        if from + 20 < found.len() {
            answer["meta"]["next_token"] = json!((from + 20).to_string());
        }
        answer
    }
}

fn people() -> Value {
    json!({"users": [{"id": "5", "name": "Anna K.", "username": "annak"}]})
}

fn square(square: &Shared<Square>, request: &Request) -> Answer {
    assert_eq!(request.headers["authorization"], format!("Bearer {TOKEN}"));
    match request.path.split('?').next().unwrap() {
        "/2/tweets/search/stream/rules" => Answer::json(&json!({"data": [{"id": "1", "value": "from:annak"}]})),
        "/2/tweets/search/recent" => Answer::json(&square.lock().search(&request.path)),
        "/2/tweets/search/stream" => {
            let (sender, receiver) = channel();
            sender.send(b"\r\n".to_vec()).unwrap();
            square.lock().streams.push(sender);
            Answer::Stream(receiver)
        }
        other => panic!("{other}"),
    }
}

#[test]
fn posts_of_x_are_memory_whatever_is_cut() {
    let world = Shared::new(Square::default());
    let there = world.clone();
    let server = Replay::start(move |request| square(&there, request));
    let place = Place::new();
    let config = config(&place, "x", &format!("api = \"http://127.0.0.1:{}\"", server.port));
    let mut running = Running::start(&place, &config);
    running.says("it works");
    until("it listens", || !world.lock().streams.is_empty());
    let mut luck = Luck(6);
    for kill in 0..KILLS {
        for _ in 0..15 {
            world.lock().happen(&mut luck);
            std::thread::sleep(Duration::from_millis(luck.below(20)));
        }
        // The stream ends, or everything does; and somebody speaks meanwhile.
        world.lock().streams.clear();
        if kill % 2 == 0 {
            running.kill();
            world.lock().happen(&mut luck);
            running = Running::start(&place, &config);
        }
        world.lock().happen(&mut luck);
    }
    let reads = world.lock().reads.clone();
    is_in(&place, &reads);
    assert!(world.lock().searches > 0);
    assert_eq!(texts(&place, "select distinct source, author from events"), ["annak x"]);
    ends_equal(&place, running);
}
