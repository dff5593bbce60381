//! `nexus run` on documents and timelines over HTTP, from a server that replays what the real ones say: with what they do
//! to those who follow them, and killed while it happens. At the end memory reads as the server does.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use nexus::time::rfc3339;
use serde_json::{Value, json};

use crate::harness::Place;
use crate::replay::{Answer, Replay, Request};
use crate::running::{Luck, Running, texts, until};

const KILLS: u64 = 4;
/// 2024-05-01T00:00:00Z.
const DAY: i64 = 1_714_521_600_000;

/// What two threads see: the test, which changes it, and the server.
pub(crate) struct Shared<T>(Arc<Mutex<T>>);

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Shared<T> {
        Shared(self.0.clone())
    }
}

impl<T> Shared<T> {
    pub(crate) fn new(value: T) -> Shared<T> {
        Shared(Arc::new(Mutex::new(value)))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An entry of a blog: its text, when it was published, when it says that it was changed.
#[derive(Clone)]
struct Entry {
    text: String,
    published: i64,
    updated: i64,
}

/// How the next document comes.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    Trouble,
    CutOff,
    OldCopy,
}

/// A blog, and its feed.
pub(crate) struct Blog {
    entries: BTreeMap<String, Entry>,
    /// What it says is deleted, with when.
    deleted: BTreeMap<String, i64>,
    /// So often it changed; every change is a second after the one before.
    version: i64,
    /// The document before the last change.
    before: String,
    faults: Vec<Fault>,
    looks: u64,
    unchanged: u64,
    luck: Luck,
}

impl Blog {
    /// One without entries.
    pub(crate) fn new() -> Blog {
        Blog {
            entries: BTreeMap::new(),
            deleted: BTreeMap::new(),
            version: 1,
            before: String::new(),
            faults: Vec::new(),
            looks: 0,
            unchanged: 0,
            luck: Luck(5),
        }
    }

    fn document(&self) -> String {
        let mut document = String::from(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><feed xmlns=\"http://www.w3.org/2005/Atom\" \
             xmlns:at=\"http://purl.org/atompub/tombstones/1.0\"><title>Harbour news</title><id>tag:harbour</id>",
        );
        write!(document, "<updated>{}</updated>", rfc3339(DAY + self.version * 1_000)).unwrap();
        for (id, when) in &self.deleted {
            write!(document, "<at:deleted-entry ref=\"{id}\" when=\"{}\"/>", rfc3339(*when)).unwrap();
        }
        let mut entries: Vec<_> = self.entries.iter().collect();
        entries.sort_by_key(|(_, entry)| -entry.published);
        for (id, Entry { text, published, updated }) in entries {
            write!(
                document,
                "<entry><id>{id}</id><title>{text}</title><author><name>Anna</name></author>\
                 <link href=\"https://harbour.example/{id}\"/><published>{}</published><updated>{}</updated>\
                 <content type=\"html\">&lt;p&gt;On {text}.&lt;/p&gt;</content></entry>",
                rfc3339(*published),
                rfc3339(*updated)
            )
            .unwrap();
        }
        document + "</feed>"
    }

    fn tag(version: i64) -> (String, String) {
        let (hour, minute, second) = (version / 3_600, version / 60 % 60, version % 60);
        (format!("\"v{version}\""), format!("Wed, 01 May 2024 {hour:02}:{minute:02}:{second:02} GMT"))
    }

    pub(crate) fn answer(&mut self, request: &Request) -> Answer {
        let whole = |status, headers, body: &str| Answer::Whole { status, headers, body: body.as_bytes().to_vec() };
        if request.path == "/old" {
            return whole(301, vec![("location", "/feed.xml".into())], "");
        }
        self.looks += 1;
        let of = |version| {
            let (etag, modified) = Blog::tag(version);
            vec![("etag", etag), ("last-modified", modified), ("content-type", "application/atom+xml".to_string())]
        };
        match self.faults.pop() {
            Some(Fault::Trouble) => return whole(500, Vec::new(), "trouble"),
            Some(Fault::CutOff) => {
                let document = self.document();
                return whole(200, of(self.version + 1), &document[..document.len() * 2 / 3]);
            }
            Some(Fault::OldCopy) => return whole(200, of(self.version - 1), &self.before),
            None => {}
        }
        let (etag, modified) = Blog::tag(self.version);
        if request.headers.get("if-none-match") == Some(&etag) {
            assert_eq!(request.headers.get("if-modified-since"), Some(&modified));
            self.unchanged += 1;
            return whole(304, of(self.version), "");
        }
        whole(200, of(self.version), &self.document())
    }

    fn change(&mut self, change: impl FnOnce(&mut Blog)) {
        self.before = self.document();
        self.version += 1;
        change(self);
    }

    pub(crate) fn add(&mut self, id: &str, text: &str) {
        let published = DAY + self.version * 1_000;
        let entry = Entry { text: text.into(), published, updated: published };
        self.change(|blog| drop(blog.entries.insert(id.into(), entry)));
    }

    /// Something is written, changed with or without saying so, taken away with or without saying so. The oldest stays:
    /// what is older than what is there is not known to be gone.
    pub(crate) fn happen(&mut self, text: &str) {
        let at = self.luck.below(self.entries.len() as u64 - 1) as usize + 1;
        let id = self.entries.keys().nth(at).unwrap().clone();
        let kind = if self.entries.len() < 4 { 0 } else { self.luck.below(5) };
        let (fresh, now) = (format!("e{:03}", self.version), DAY + self.version * 1_000);
        match kind {
            0 => self.add(&fresh, text),
            1 | 2 => self.change(|blog| {
                let entry = blog.entries.get_mut(&id).unwrap();
                entry.text = text.into();
                entry.updated = if kind == 1 { now } else { entry.updated };
            }),
            _ => self.change(|blog| {
                blog.entries.remove(&id);
                if kind == 3 {
                    blog.deleted.insert(id, now);
                }
            }),
        }
    }

    pub(crate) fn reads(&self) -> Vec<String> {
        self.entries.iter().map(|(id, entry)| format!("{id} {0}\n\nOn {0}.", entry.text)).collect()
    }
}

fn blog_is_in(place: &Place, blog: &Shared<Blog>) {
    let sql = "select external_id, text from events where kind = 'post' order by external_id";
    until("memory reads as the blog does", || texts(place, sql) == blog.lock().reads());
}

#[test]
fn a_feed_is_in_memory_as_it_reads_whatever_happens() {
    let blog = Shared::new(Blog::new());
    ["e000", "e001", "e002"].iter().for_each(|id| blog.lock().add(id, &format!("The start of {id}")));
    let asked = blog.clone();
    let server = Replay::start(move |request| asked.lock().answer(request));
    let place = Place::new();
    let config = format!("[feed.blog]\nkind = \"rss\"\nurl = \"http://127.0.0.1:{}/old\"\nevery = 1\n", server.port);
    let config = place.file("feeds.toml", &config);
    let mut running = Running::start(&place, &config);
    blog_is_in(&place, &blog);
    let shared = texts(&place, "select distinct channel, author, platform from events where kind = 'post'");
    assert_eq!(shared, ["Anna Harbour news rss"]);
    until("what did not change is not sent again", || blog.lock().unchanged > 0);
    for kill in 0..KILLS {
        for at in 0..5 {
            blog.lock().happen(&format!("News {kill} {at}"));
            let looks = blog.lock().looks;
            if at % 2 == 0 {
                until("it looks", || blog.lock().looks > looks);
            }
        }
        let fault = [Fault::Trouble, Fault::CutOff, Fault::OldCopy][kill as usize % 3];
        blog.lock().faults.push(fault);
        until("it meets the fault", || blog.lock().faults.is_empty());
        running.kill();
        blog.lock().happen(&format!("While away {kill}"));
        running = Running::start(&place, &config);
    }
    blog_is_in(&place, &blog);
    // What was taken away comes back; what falls off the end stays.
    let oldest = blog.lock().entries.keys().next().unwrap().clone();
    let id = blog.lock().entries.keys().next_back().unwrap().clone();
    let entry = blog.lock().entries[&id].clone();
    blog.lock().change(|blog| drop(blog.entries.remove(&id)));
    blog_is_in(&place, &blog);
    blog.lock().change(|blog| drop(blog.entries.insert(id, entry)));
    blog_is_in(&place, &blog);
    let all = blog.lock().reads();
    blog.lock().change(|blog| drop(blog.entries.remove(&oldest)));
    blog.lock().add("e999", "The end");
    let all = [all, vec!["e999 The end\n\nOn The end.".to_string()]].concat();
    let sql = "select external_id, text from events where kind = 'post' order by external_id";
    until("the last entry is in", || texts(&place, sql) == all);
    blog.lock().faults.push(Fault::CutOff);
    let cut_off = || texts(&place, "select reason from rejects").iter().any(|reason| reason == "it is cut off");
    until("what cannot be read is said", cut_off);
    running.end();
    assert!(place.json(&["verify"])["equal"].as_bool().unwrap());
}

/// A status.
struct Status {
    text: String,
    tagged: bool,
    edited: Option<i64>,
    boosts: Option<u64>,
}

/// A server of Mastodon with one account, whose home timeline shows all there is.
pub(crate) struct Fedi {
    statuses: BTreeMap<u64, Status>,
    streams: Vec<(bool, Sender<Vec<u8>>)>,
    /// Whether it doubles, cuts and says what nobody understands.
    calm: bool,
    luck: Luck,
}

pub(crate) const TOKEN: &str = "fedi_token_of_nexus_9f2c";
/// So many statuses are too many: something goes.
const STATUSES_MAX: usize = 200;
/// Below these bits of an id is its time.
const TIME_SHIFT: u32 = 16;

fn now() -> i64 {
    UNIX_EPOCH.elapsed().unwrap().as_millis() as i64
}

/// The value of a parameter.
fn parameter(path: &str, name: &str) -> Option<u64> {
    let (_, query) = path.split_once('?')?;
    query.split('&').find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name)?.1.parse().ok())
}

impl Fedi {
    /// One without statuses, on a good network.
    pub(crate) fn new() -> Fedi {
        Fedi { statuses: BTreeMap::new(), streams: Vec::new(), calm: true, luck: Luck(9) }
    }

    /// From now on it doubles, cuts and says what nobody understands.
    pub(crate) fn rage(&mut self) {
        self.calm = false;
    }

    /// From now on it does not.
    pub(crate) fn calm(&mut self) {
        self.calm = true;
    }

    /// How many listen.
    pub(crate) fn listeners(&self) -> usize {
        self.streams.len()
    }

    /// As the server shows it: with counts and names that are different each time.
    fn shown(&mut self, id: u64) -> Value {
        let Status { text, tagged, edited, boosts } = &self.statuses[&id];
        let (count, boosts) = (self.luck.below(1_000), *boosts);
        let tags = if *tagged { json!([{"name": "rust", "url": "https://fedi.example/tags/rust"}]) } else { json!([]) };
        let mut status = json!({
            "id": id.to_string(), "created_at": rfc3339((id >> TIME_SHIFT) as i64), "in_reply_to_id": null,
            "sensitive": false, "spoiler_text": "", "visibility": "public", "language": "en",
            "uri": format!("https://fedi.example/users/anna/statuses/{id}"), "url": format!("https://fedi.example/@anna/{id}"),
            "favourites_count": count, "reblogs_count": count, "edited_at": edited.map(rfc3339),
            "content": format!("<p>{text}</p>"), "reblog": null, "media_attachments": [], "mentions": [], "tags": tags,
            "account": {"id": "1", "username": "anna", "acct": "anna", "display_name": format!("Anna {count}")},
            "emojis": [], "card": null, "poll": null
        });
        if let Some(boosted) = boosts {
            status["reblog"] = self.shown(boosted);
        }
        status
    }

    pub(crate) fn answer(&mut self, request: &Request) -> Answer {
        let error = |status, text: &str| {
            let headers = vec![("content-type", "application/json".to_string())];
            Answer::Whole { status, headers, body: json!({"error": text}).to_string().into_bytes() }
        };
        let path = request.path.split('?').next().unwrap();
        let Some(path) = path.strip_prefix("/api/") else { return error(404, "Not Found") };
        if path == "v2/instance" {
            let streaming = format!("ws://{}", request.headers["host"]);
            return Answer::json(
                &json!({"domain": "fedi.example", "configuration": {"urls": {"streaming": streaming}}}),
            );
        }
        let bearer = format!("Bearer {TOKEN}");
        if request.headers.get("authorization") != Some(&bearer) {
            return error(401, "The access token is invalid");
        }
        match path {
            "v1/streaming/user" | "v1/streaming/hashtag" => {
                let (sender, receiver) = channel();
                sender.send(b":)\n".to_vec()).unwrap();
                self.streams.push((path.ends_with("hashtag"), sender));
                Answer::Stream(receiver)
            }
            "v1/timelines/home" | "v1/timelines/tag/rust" => self.page(&request.path, path.ends_with("rust")),
            "v1/statuses" => {
                // `id[]`, as it is written in an address.
                let asked = request
                    .path
                    .split("id%5B%5D=")
                    .skip(1)
                    .filter_map(|id| id.trim_end_matches('&').parse::<u64>().ok());
                let asked: Vec<u64> = asked.filter(|id| self.statuses.contains_key(id)).collect();
                assert!(asked.len() <= 20);
                Answer::json(&asked.into_iter().map(|id| self.shown(id)).collect())
            }
            other => match other.strip_prefix("v1/statuses/").and_then(|id| id.parse::<u64>().ok()) {
                Some(id) if self.statuses.contains_key(&id) => Answer::json(&self.shown(id)),
                _ => error(404, "Record not found"),
            },
        }
    }

    /// Of what is above `min_id` the nearest, else the newest; the newest first.
    fn page(&mut self, path: &str, tagged: bool) -> Answer {
        let bounds = [parameter(path, "min_id"), parameter(path, "max_id"), parameter(path, "limit")];
        let [min, max, limit] = bounds;
        let statuses = self.statuses.iter().filter(|(_, status)| status.tagged || !tagged).map(|(id, _)| *id);
        let mut ids: Vec<u64> = statuses.filter(|id| *id > min.unwrap_or(0) && *id < max.unwrap_or(u64::MAX)).collect();
        let limit = limit.unwrap_or(20).min(40) as usize;
        match min {
            Some(_) => ids.truncate(limit),
            None => drop(ids.drain(..ids.len().saturating_sub(limit))),
        }
        Answer::json(&ids.into_iter().rev().map(|id| self.shown(id)).collect())
    }

    /// Tells those who listen: twice, in pieces or not at all, as luck has it.
    fn tell(&mut self, event: &str, tagged: bool, data: &str) {
        let text = format!("event: {event}\ndata: {data}\n\n");
        let (first, second) = text.split_at(self.luck.below(text.len() as u64) as usize);
        let mut pieces = vec![first.to_string(), second.to_string()];
        if !self.calm {
            match self.luck.below(12) {
                0 => self.streams.clear(),
                1..4 => pieces.push(text.clone()),
                4 => pieces.push("event: update\ndata: {\"id\": \n\n:thump\n".into()),
                _ => {}
            }
        }
        for (_, stream) in self.streams.iter().filter(|(only_tagged, _)| tagged || !only_tagged) {
            // Who went away does not hear it.
            pieces.iter().for_each(|piece| drop(stream.send(piece.clone().into_bytes())));
        }
    }

    pub(crate) fn post(&mut self, text: String, tagged: bool, boosts: Option<u64>) -> u64 {
        let last = self.statuses.keys().next_back().copied().unwrap_or(0);
        let id = ((now() as u64) << TIME_SHIFT).max(last + 1);
        self.statuses.insert(id, Status { text, tagged, edited: None, boosts });
        let shown = self.shown(id).to_string();
        self.tell("update", tagged, &shown);
        id
    }

    fn delete(&mut self, id: u64) {
        let status = self.statuses.remove(&id).unwrap();
        self.tell("delete", status.tagged, &id.to_string());
    }

    /// Somebody says, edits or deletes something.
    pub(crate) fn happen(&mut self, text: String) {
        let at = self.luck.below(self.statuses.len() as u64) as usize;
        let (id, boosts) = self.statuses.iter().nth(at).map(|(id, status)| (*id, status.boosts.is_some())).unwrap();
        let is_boosted = self.statuses.values().any(|status| status.boosts == Some(id));
        let kind = if self.statuses.len() < STATUSES_MAX { self.luck.below(4) } else { 3 };
        match kind {
            2 if !boosts => {
                let status = self.statuses.get_mut(&id).unwrap();
                status.text = text;
                status.edited = Some(now().max(status.edited.unwrap_or(0) + 1));
                let tagged = status.tagged;
                let shown = self.shown(id).to_string();
                self.tell("status.update", tagged, &shown);
            }
            3 if !is_boosted => self.delete(id),
            _ => {
                let tagged = self.luck.one_in(3);
                self.post(text, tagged, None);
            }
        }
    }

    pub(crate) fn reads(&self) -> Vec<String> {
        let said = self.statuses.iter().filter(|(_, status)| status.boosts.is_none());
        said.map(|(id, status)| format!("{id} {}", status.text)).collect()
    }

    fn boosts(&self) -> Vec<String> {
        let boosts = self.statuses.iter().filter(|(_, status)| status.boosts.is_some());
        boosts.map(|(id, _)| format!("{id} anna has boosted what anna said")).collect()
    }
}

fn fedi_is_in(place: &Place, fedi: &Shared<Fedi>) {
    let sql = |kind| format!("select external_id, text from events where kind = '{kind}' order by external_id");
    until("memory reads as the server does", || texts(place, &sql("message")) == fedi.lock().reads());
    until("memory has its boosts", || texts(place, &sql("notice")) == fedi.lock().boosts());
}

fn fedi_config(place: &Place, port: u16, token: &str) -> String {
    let token = place.file("token", token);
    let text = format!(
        "[feed.fedi]\nkind = \"mastodon\"\nserver = \"http://127.0.0.1:{port}\"\ntoken = {{ file = {token:?} }}\n\
         streams = [\"user\", \"hashtag:rust\"]\n"
    );
    place.file("feeds.toml", &text)
}

#[test]
fn timelines_are_in_memory_as_they_read_whatever_happens() {
    let fedi = Shared::new(Fedi::new());
    let asked = fedi.clone();
    let server = Replay::start(move |request| asked.lock().answer(request));
    let first = (0..20).map(|at| fedi.lock().post(format!("before {at}"), at % 3 == 0, None)).min().unwrap();
    let boost = fedi.lock().post(String::new(), false, Some(first));
    let place = Place::new();
    let config = fedi_config(&place, server.port, TOKEN);
    let mut running = Running::start(&place, &config);
    fedi_is_in(&place, &fedi);
    until("it listens", || fedi.lock().streams.len() >= 2);
    (0..10).for_each(|at| fedi.lock().happen(format!("at once {at}")));
    fedi_is_in(&place, &fedi);
    let shared = "select distinct channel, author, platform from events where kind = 'message'";
    assert_eq!(texts(&place, shared), ["anna <@anna@127.0.0.1> 127.0.0.1 mastodon"]);
    for kill in 0..KILLS {
        fedi.lock().rage();
        (0..12).for_each(|at| {
            fedi.lock().happen(format!("during {kill} {at}"));
            let pause = fedi.lock().luck.below(60);
            std::thread::sleep(Duration::from_millis(pause));
        });
        running.kill();
        fedi.lock().streams.clear();
        // More than two pages, and what no stream tells any more.
        (0..90).for_each(|at| fedi.lock().happen(format!("away {kill} {at}")));
        fedi.lock().calm();
        running = Running::start(&place, &config);
        if kill % 2 == 0 {
            fedi_is_in(&place, &fedi);
        }
    }
    if fedi.lock().statuses.contains_key(&boost) {
        fedi.lock().delete(boost);
    }
    fedi_is_in(&place, &fedi);
    running.end();
    assert!(place.json(&["verify"])["equal"].as_bool().unwrap());
}

#[test]
fn a_token_that_a_server_does_not_know_is_said() {
    let fedi = Shared::new(Fedi::new());
    let server = Replay::start(move |request| fedi.lock().answer(request));
    let place = Place::new();
    let running = Running::start(&place, &fedi_config(&place, server.port, "another_token_81d3"));
    let refused = running.says("fedi is refused");
    assert!(refused.contains("the token is not accepted") && !refused.contains("another_token_81d3"), "{refused}");
    running.end();
}
