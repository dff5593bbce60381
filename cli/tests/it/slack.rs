//! `nexus run` to which Slack's Events API pushes: edits, deletions, threads and reactions, sent again until they are
//! answered, while it is killed; names and what was missed are asked for at a Web API that is replayed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::feeds::{holds, notes};
use crate::harness::Place;
use crate::replay::{Answer, Replay};
use crate::running::{Luck, Running, free_port, texts, until};
use crate::webhook::{now, post, tag};

const KILLS: usize = 4;
/// So many events are answered between two kills.
const BETWEEN: usize = 10;
const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
const MESSAGES: &str = "select external_id, text from events where kind = 'message' order by external_id";
const REACTIONS: &str = "select external_id, text from events where kind = 'notice' order by external_id";

fn signed(secret: &str, at: u64, body: &str) -> Vec<(&'static str, String)> {
    let tag: String =
        tag(secret.as_bytes(), &format!("v0:{at}:{body}")).iter().map(|byte| format!("{byte:02x}")).collect();
    vec![("X-Slack-Signature", format!("v0={tag}")), ("X-Slack-Request-Timestamp", at.to_string())]
}

fn push(port: u16, event: &Value) -> Option<(u16, Value)> {
    let body =
        json!({"token": "t", "team_id": "T1", "type": "event_callback", "event_id": "Ev1", "event": event}).to_string();
    post(port, "/", &signed(SECRET, now(), &body), &body)
}

fn arrive(port: u16, event: &Value) {
    until("an event is taken in", || match push(port, event) {
        Some((200, _)) => true,
        None | Some((503, _)) => false,
        Some(other) => panic!("{other:?}"),
    });
}

/// A Web API that knows Anna, Bert and a channel; `missed` is what was said in it, `anna` what Anna is called.
fn api(missed: Arc<Mutex<Vec<Value>>>, anna: impl Fn() -> &'static str + Send + Sync + 'static) -> Replay {
    Replay::start(move |request| {
        assert_eq!(request.headers["authorization"], "Bearer xoxb-token");
        let (method, query) = request.path.trim_start_matches('/').split_once('?').unwrap_or((&request.path[1..], ""));
        Answer::json(&match (method, query) {
            ("auth.test", _) => json!({"ok": true}),
            ("users.info", "user=U1") => {
                json!({"ok": true, "user": {"id": "U1", "profile": {"real_name": anna()}}})
            }
            ("users.info", "user=U2") => {
                json!({"ok": true, "user": {"id": "U2", "profile": {"real_name": "Bert Olsen"}}})
            }
            ("conversations.info", "channel=C1") => json!({"ok": true, "channel": {"id": "C1", "name": "general"}}),
            ("conversations.history", query) if query.contains("channel=C1&") => {
                json!({"ok": true, "messages": *missed.lock().unwrap(), "has_more": false})
            }
            ("conversations.history", _) => json!({"ok": true, "messages": []}),
            _ => json!({"ok": false, "error": "user_not_found"}),
        })
    })
}

fn config(place: &Place, port: u16, server: u16) -> String {
    let (secret, token) = (place.file("secret", SECRET), place.file("token", "xoxb-token"));
    let text = format!(
        "[feed.team]\nkind = \"slack\"\nlisten = \"127.0.0.1:{port}\"\nserver = \"http://127.0.0.1:{server}\"\n\
         secret = {{ file = {secret:?} }}\ntoken = {{ file = {token:?} }}\n"
    );
    place.file("feeds.toml", &text)
}

/// A workspace, and what memory has to read.
struct Workspace {
    luck: Luck,
    /// Counted up with all that happens.
    time: u64,
    reads: BTreeMap<String, String>,
    reactions: BTreeMap<String, String>,
    pushed: Vec<Value>,
}

impl Workspace {
    fn ts(&mut self) -> String {
        self.time += 1;
        format!("{}.{:06}", 1_700_000_000 + self.time, self.time)
    }

    /// Somebody says, edits, deletes something, or reacts to it.
    fn happen(&mut self, text: &str) -> Value {
        let (ts, at) = (self.ts(), self.luck.below(self.reads.len().max(1) as u64) as usize);
        let there = self.reads.keys().nth(at).map(|id| id.trim_start_matches("C1/").to_string());
        let event = match (self.luck.below(6), there) {
            (0, Some(of)) => {
                self.reads.insert(format!("C1/{of}"), text.into());
                let edited = json!({"user": "U1", "ts": ts});
                let message = json!({"type": "message", "user": "U1", "text": text, "ts": of, "edited": edited});
                json!({"type": "message", "subtype": "message_changed", "channel": "C1", "ts": ts, "event_ts": ts, "message": message})
            }
            (1, Some(of)) => {
                self.reads.remove(&format!("C1/{of}"));
                json!({"type": "message", "subtype": "message_deleted", "channel": "C1", "ts": ts, "event_ts": ts, "deleted_ts": of})
            }
            (2, Some(of)) => {
                let id = format!("reaction/U1/+1/C1/{of}");
                let kind = match self.reactions.remove(&id) {
                    Some(_) => "reaction_removed",
                    None => {
                        self.reactions.insert(id, ":+1:".into());
                        "reaction_added"
                    }
                };
                let item = json!({"type": "message", "channel": "C1", "ts": of});
                json!({"type": kind, "user": "U1", "reaction": "+1", "item": item, "event_ts": ts})
            }
            (3, Some(of)) => {
                self.reads.insert(format!("C1/{ts}"), text.into());
                json!({"type": "message", "channel": "C1", "user": "U1", "text": text, "ts": ts, "thread_ts": of, "event_ts": ts})
            }
            _ => {
                self.reads.insert(format!("C1/{ts}"), text.into());
                json!({"type": "message", "channel": "C1", "user": "U1", "text": text, "ts": ts, "event_ts": ts})
            }
        };
        self.pushed.push(event.clone());
        event
    }

    /// Waits until memory reads as the workspace does.
    fn is_in(&self, place: &Place) {
        for (sql, reads) in [(MESSAGES, &self.reads), (REACTIONS, &self.reactions)] {
            let expected: Vec<String> = reads.iter().map(|(id, text)| format!("{id} {text}")).collect();
            until("memory reads as the workspace does", || texts(place, sql) == expected);
        }
    }
}

#[test]
fn a_workspace_is_in_memory_as_it_reads_whatever_happens() {
    let (place, port, missed) = (Place::new(), free_port(), Arc::new(Mutex::new(Vec::new())));
    let config = config(&place, port, api(missed.clone(), || "Anna Kowalska").port);
    let (reads, reactions) = Default::default();
    let mut team = Workspace { luck: Luck(3), time: 0, reads, reactions, pushed: Vec::new() };
    let answered = AtomicUsize::new(0);
    let mut running = Running::start(&place, &config);
    running = std::thread::scope(|scope| {
        let pushing = scope.spawn(|| {
            for number in 0..KILLS * BETWEEN + BETWEEN {
                arrive(port, &team.happen(&format!("said {number} &amp; heard")));
                // Slack is not always sure that it was heard.
                let again = team.luck.below(team.pushed.len() as u64) as usize;
                if team.luck.one_in(3) {
                    arrive(port, &team.pushed[again]);
                }
                answered.fetch_add(1, Ordering::Relaxed);
            }
        });
        for kill in 1..=KILLS {
            until("events are answered", || answered.load(Ordering::Relaxed) >= kill * BETWEEN);
            running.kill();
            running = Running::start(&place, &config);
        }
        pushing.join().unwrap();
        running
    });
    team.reads.values_mut().for_each(|text| *text = text.replace("&amp;", "&"));
    team.is_in(&place);
    // What is said while nobody listens is read when somebody does again.
    running.kill();
    let ts = team.ts();
    missed.lock().unwrap().push(json!({"type": "message", "user": "U1", "text": "still here?", "ts": ts}));
    team.reads.insert(format!("C1/{ts}"), "still here?".into());
    running = Running::start(&place, &config);
    team.is_in(&place);
    let names = texts(&place, "select distinct author, channel, source from events");
    assert_eq!(names, ["Anna Kowalska <U1> #general slack"]);
    assert_eq!(texts(&place, "select reason from rejects"), Vec::<String>::new());
    running.end();
    assert!(place.json(&["verify"])["equal"].as_bool().unwrap());
}

#[test]
fn slack_is_told_that_it_is_us_and_nobody_else_is_heard() {
    let (place, port) = (Place::new(), free_port());
    let running = Running::start(&place, &config(&place, port, api(Arc::default(), || "Anna Kowalska").port));
    let body = json!({"token": "t", "challenge": "3eZbrw1aB", "type": "url_verification"}).to_string();
    until("it listens", || post(port, "/", &signed(SECRET, now(), &body), &body).is_some());
    let challenge = post(port, "/", &signed(SECRET, now(), &body), &body);
    assert_eq!(challenge, Some((200, json!({"challenge": "3eZbrw1aB"}))));
    let forged = json!({"type": "event_callback", "event": {"type": "message", "channel": "C1", "user": "U1", "text": "x", "ts": "1.0"}});
    let forged = forged.to_string();
    assert_eq!(post(port, "/", &signed("another", now(), &forged), &forged).unwrap().0, 401);
    assert_eq!(post(port, "/", &signed(SECRET, now() - 600, &forged), &forged).unwrap().0, 401);
    // What cannot be read is kept as a reject; Slack need not send it again.
    assert_eq!(push(port, &json!({"type": "message", "channel": "C1", "text": "no ts"})).unwrap().0, 200);
    // Whom we do not get to see is called by the id.
    arrive(
        port,
        &json!({"type": "message", "channel": "C1", "user": "U9", "text": "<@U1> hello", "ts": "1700000000.000100"}),
    );
    let sql = "select author, text from events";
    until("it is in memory", || texts(&place, sql).len() == 1);
    assert_eq!(texts(&place, sql), ["U9 @Anna Kowalska hello"]);
    assert_eq!(texts(&place, "select reason from rejects"), ["no ts"]);
    running.end();
}

#[test]
fn who_was_erased_has_no_name_in_the_store_until_they_speak_again() {
    let (place, port, missed, asked) = (Place::new(), free_port(), Arc::default(), Arc::new(AtomicUsize::new(0)));
    let times = asked.clone();
    // She is called otherwise from the second time on.
    let anna = move || if times.fetch_add(1, Ordering::Relaxed) == 0 { "Anna Kowalska" } else { "Anna Nowak" };
    let config = config(&place, port, api(Arc::clone(&missed), anna).port);
    let running = Running::start(&place, &config);
    let message = |user: &str, ts: &str| {
        let room = "C1";
        json!({"type": "message", "channel": room, "user": user, "text": "hello", "ts": ts, "event_ts": ts})
    };
    let hers = message("U1", "1700000001.000100");
    arrive(port, &hers);
    arrive(port, &message("U2", "1700000002.000200"));
    let authors = || texts(&place, "select author from events order by author");
    until("both are in memory", || authors() == ["Anna Kowalska <U1>", "Bert Olsen <U2>"]);
    // Two people, a channel, and how far it was heard.
    until("names are noted", || notes(&place, "team") == 4);
    assert!(holds(&place, "Kowalska"));
    // The channel still shows what she said, and is read on from a little before the last.
    missed.lock().unwrap().push(hers);
    place.ok(&["forget", "--author", "U1", "--yes"]);
    place.ok(&["erase", "--yes"]);
    assert_eq!(notes(&place, "team"), 3);
    until("the feed begins again, without her name", || asked.load(Ordering::Relaxed) == 2);
    arrive(port, &message("U2", "1700000003.000300"));
    until("it goes on", || authors() == ["Bert Olsen <U2>"; 2]);
    running.end();
    assert!(!holds(&place, "Kowalska") && !holds(&place, "Nowak"), "a name is in the store");
    assert_eq!(notes(&place, "team"), 3);
    let running = Running::start(&place, &config);
    arrive(port, &message("U1", "1700000004.000400"));
    until("she is in memory", || authors() == ["Anna Nowak <U1>", "Bert Olsen <U2>", "Bert Olsen <U2>"]);
    until("her name is noted", || notes(&place, "team") == 4);
    running.end();
    assert!(place.json(&["verify"])["equal"].as_bool().unwrap());
}
