//! `nexus run` to which rows are pushed: signed, sent again until they are answered, out of order, while it is killed.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use serde_json::{Value, json};

use crate::harness::Place;
use crate::running::{Luck, Running, free_port, texts, until};

const KILLS: usize = 6;
/// So many pushes are answered between two kills.
const BETWEEN: usize = 10;
pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const MESSAGES: &str = "select external_id, text from events where kind = 'message' order by external_id";

/// What is told to who posts, by hand; nothing where nobody answers. HTTP/1.0: the answer ends where the connection does.
pub(crate) fn post(port: u16, path: &str, headers: &[(&str, String)], body: &str) -> Option<(u16, Value)> {
    ask(port, "POST", path, headers, body)
}

fn ask(port: u16, method: &str, path: &str, headers: &[(&str, String)], body: &str) -> Option<(u16, Value)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    let mut head = format!("{method} {path} HTTP/1.0\r\ncontent-length: {}\r\n", body.len());
    headers.iter().for_each(|(name, value)| head += &format!("{name}: {value}\r\n"));
    stream.write_all((head + "\r\n" + body).as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, serde_json::from_str(body).unwrap_or_default()))
}

/// The seconds since 1970: signatures are of a moment.
#[allow(clippy::disallowed_methods)]
pub(crate) fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

pub(crate) fn tag(key: &[u8], signed: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), signed.as_bytes()).as_ref().to_vec()
}

/// The headers of a delivery, as Standard Webhooks has them.
pub(crate) fn signed(secret: &str, id: &str, at: u64, body: &str) -> Vec<(&'static str, String)> {
    let key = STANDARD.decode(secret.trim_start_matches("whsec_")).unwrap();
    let signature = STANDARD.encode(tag(&key, &format!("{id}.{at}.{body}")));
    vec![
        ("webhook-id", id.to_string()),
        ("webhook-timestamp", at.to_string()),
        ("webhook-signature", format!("v1,{signature}")),
    ]
}

/// A delivery, which its sender may send again.
#[derive(Clone)]
struct Delivery {
    id: String,
    body: String,
}

impl Delivery {
    fn send(&self, port: u16) -> Option<(u16, Value)> {
        post(port, "/in", &signed(SECRET, &self.id, now(), &self.body), &self.body)
    }

    /// Until it is taken in.
    fn arrive(&self, port: u16) {
        until("a delivery is taken in", || match self.send(port) {
            Some((200, _)) => true,
            None | Some((503, _)) => false,
            Some(other) => panic!("{other:?}"),
        });
    }
}

/// Who pushes, and what memory has to read.
pub(crate) struct Sender {
    luck: Luck,
    reads: BTreeMap<String, String>,
    /// What was said of every row, newest last.
    rows: BTreeMap<String, Vec<Value>>,
    sent: Vec<Delivery>,
}

impl Sender {
    pub(crate) fn new() -> Sender {
        Sender { luck: Luck(5), reads: BTreeMap::new(), rows: BTreeMap::new(), sent: Vec::new() }
    }

    fn delivery(&mut self, rows: &[Value]) -> Delivery {
        let body: String = rows.iter().map(|row| format!("{row}\n")).collect();
        let delivery = Delivery { id: format!("msg_{}", self.sent.len()), body };
        self.sent.push(delivery.clone());
        delivery
    }

    fn say(&mut self, id: &str, text: &str) -> Value {
        let said = self.rows.entry(id.into()).or_default();
        let row =
            json!({"id": id, "revision": said.len(), "said_at": 1_714_555_800_000_u64, "author": "anna", "text": text});
        said.push(row.clone());
        self.reads.insert(id.into(), text.into());
        row
    }

    /// A row that is there.
    fn one(&mut self) -> Option<String> {
        let at = self.luck.below(self.reads.len().max(1) as u64) as usize;
        self.reads.keys().nth(at).cloned()
    }

    /// Something is said, edited, deleted, or said again as it was long ago.
    fn happen(&mut self, number: usize) -> Delivery {
        let one = self.one();
        let rows = match (self.luck.below(5), one) {
            (0, Some(id)) => vec![self.say(&id, &format!("edited by {number}"))],
            (1, Some(id)) => {
                self.reads.remove(&id);
                vec![json!({"id": id, "deleted": true})]
            }
            (2, Some(_)) => {
                let at = self.luck.below(self.rows.len() as u64) as usize;
                let old = self.rows.values().nth(at).unwrap()[0].clone();
                vec![old]
            }
            _ => (0..=self.luck.below(3))
                .map(|row| self.say(&format!("{number}-{row}"), &format!("said {number} {row}")))
                .collect(),
        };
        self.delivery(&rows)
    }

    /// Something happens and is delivered; now and then the same comes twice at once, or an old one once more later.
    pub(crate) fn push(&mut self, port: u16, number: usize) {
        let delivery = self.happen(number);
        let twice = self.luck.one_in(4).then(|| delivery.clone());
        let again = self.luck.below(self.sent.len() as u64) as usize;
        let again = self.luck.one_in(4).then(|| self.sent[again].clone());
        std::thread::scope(|both| {
            both.spawn(|| twice.iter().for_each(|twice| twice.arrive(port)));
            delivery.arrive(port);
        });
        again.iter().for_each(|again| again.arrive(port));
    }

    /// What memory has to read when all was delivered.
    pub(crate) fn reads(&self) -> Vec<String> {
        self.reads.iter().map(|(id, text)| format!("{id} {text}")).collect()
    }
}

fn config(place: &Place, port: u16) -> String {
    let secret = place.file("secret", SECRET);
    let text = format!(
        "[feed.hook]\nkind = \"webhook\"\nlisten = \"127.0.0.1:{port}\"\npath = \"/in\"\nsignature = \"standard\"\n\
         secret = {{ file = {secret:?} }}\nchannel = \"orders\"\nlimit_bytes = 4096\n"
    );
    place.file("feeds.toml", &text)
}

#[test]
fn what_was_answered_is_in_memory_once_whatever_happens() {
    let (place, port) = (Place::new(), free_port());
    let config = config(&place, port);
    let mut sender = Sender::new();
    let answered = AtomicUsize::new(0);
    let last = std::thread::scope(|scope| {
        let sending = scope.spawn(|| {
            for number in 0..KILLS * BETWEEN + BETWEEN {
                sender.push(port, number);
                answered.fetch_add(1, Ordering::Relaxed);
            }
        });
        let mut running = Running::start(&place, &config);
        for kill in 1..=KILLS {
            until("deliveries are answered", || answered.load(Ordering::Relaxed) >= kill * BETWEEN);
            running.kill();
            running = Running::start(&place, &config);
        }
        sending.join().unwrap();
        running
    });
    let expected = sender.reads();
    until("memory reads as the sender knows it", || texts(&place, MESSAGES) == expected);
    assert_eq!(texts(&place, "select reason from rejects"), Vec::<String>::new());
    last.end();
    assert_eq!(texts(&place, MESSAGES), expected);
    assert!(place.json(&["verify"])["equal"].as_bool().unwrap());
}

#[test]
fn what_is_forged_stale_or_senseless_is_refused_and_said() {
    let (place, port) = (Place::new(), free_port());
    let running = Running::start(&place, &config(&place, port));
    let row =
        |id: &str| json!({"id": id, "said_at": 0, "author": "anna", "text": format!("{id} was here")}).to_string();
    let good = Delivery { id: "good".into(), body: row("good") };
    good.arrive(port);
    let status = |headers: &[(&str, String)], body: &str| post(port, "/in", headers, body).unwrap().0;
    let (forged, stale) = (row("forged"), row("stale"));
    assert_eq!(status(&signed("whsec_AAAA", "forged", now(), &forged), &forged), 401);
    assert_eq!(status(&signed(SECRET, "forged", now(), &good.body), &forged), 401);
    assert_eq!(status(&[], &forged), 401);
    for at in [now() - 600, now() + 600] {
        let (status, told) = post(port, "/in", &signed(SECRET, "stale", at, &stale), &stale).unwrap();
        assert!(status == 401 && told["error"].as_str().unwrap().contains("more than 5 minutes"), "{told}");
    }
    // The same again is answered as before, another body under its name is not taken in.
    assert_eq!(good.send(port), Some((200, json!({"taken_in": 1, "rejected": 0}))));
    assert_eq!(Delivery { id: "good".into(), body: row("other") }.send(port).unwrap().0, 409);
    assert_eq!(ask(port, "GET", "/in", &[], "").unwrap().0, 405);
    assert_eq!(post(port, "/", &signed(SECRET, "a", now(), &forged), &forged).unwrap().0, 404);
    assert_eq!(Delivery { id: "large".into(), body: "x".repeat(4097) }.send(port).unwrap().0, 413);
    // A row that is none is kept as a reject, and said.
    let half = Delivery { id: "half".into(), body: format!("{}\nnonsense\n", row("half")) };
    let (status, told) = half.send(port).unwrap();
    assert_eq!((status, &told["taken_in"], &told["rejected"]), (202, &json!(1), &json!(1)));
    assert!(told["reasons"][0].as_str().unwrap().starts_with("delivery half, row 2: not a JSON object"), "{told}");
    let nonsense = Delivery { id: "nonsense".into(), body: "nonsense".into() };
    assert_eq!([nonsense.send(port).unwrap().0, nonsense.send(port).unwrap().0], [400, 400]);
    // A row without an id is called after its delivery.
    let bare = json!({"said_at": 0, "author": "anna", "text": "bare"}).to_string();
    Delivery { id: "bare".into(), body: bare }.arrive(port);
    let expected = ["bare bare", "good good was here", "half half was here"];
    until("what is right is in memory", || texts(&place, MESSAGES) == expected);
    assert_eq!(
        texts(&place, "select position from rejects order by position"),
        ["delivery half, row 2", "delivery nonsense"]
    );
    assert_eq!(texts(&place, "select distinct source, channel, platform from events"), ["orders webhook hook"]);
    running.end();
    assert!(place.json(&["verify"])["equal"].as_bool().unwrap());
}
