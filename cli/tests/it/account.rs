//! `nexus run` on the timelines of an account of X: read page by page from where it was, every request signed, while it is
//! killed and told to wait.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use serde_json::{Value, json};

use crate::harness::Place;
use crate::reading::Shared;
use crate::replay::{Answer, Replay, Request};
use crate::running::{Running, texts, until};

/// Consumer key and secret, token and secret.
const KEYS: [&str; 4] = ["consumerKey", "consumerSecret", "5-token", "tokenSecret"];
/// So many posts has a page.
const PAGE: usize = 4;

/// What an account gets to see.
#[derive(Default)]
struct Account {
    home: BTreeMap<u64, Value>,
    mentions: BTreeMap<u64, Value>,
    /// What no request may use again, and how often one did.
    nonces: BTreeSet<String>,
    again: u64,
    /// So many looks are told to wait.
    waits: u32,
    /// How many pages were asked for that are not the first.
    more: u64,
    /// How many first pages, and how many of these without saying since when.
    looks: u64,
    whole: u64,
    /// So many posts of a timeline are shown, if not all.
    shown: Option<usize>,
}

impl Account {
    /// Somebody posts; every third post mentions the account.
    fn post(&mut self, number: u64) {
        let id = 1_900_000_000_000_000_000 + (number << 22 << 20);
        let post = json!({"id": id.to_string(), "edit_history_tweet_ids": [id.to_string()], "text": format!("post {number}"),
            "author_id": "7", "created_at": "2026-01-01T00:00:00.000Z"});
        if number.is_multiple_of(3) {
            self.mentions.insert(id, post.clone());
        }
        self.home.insert(id, post);
    }

    /// What memory is to read of the posts with these numbers.
    fn reads(numbers: impl Iterator<Item = u64>) -> Vec<String> {
        numbers.map(|number| format!("{} post {number}", 1_900_000_000_000_000_000 + (number << 22 << 20))).collect()
    }

    /// Newest first.
    fn page(&mut self, timeline: &str, query: &str) -> Value {
        let field = |name: &str| query.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
        let since: u64 = field("since_id").map_or(0, |id| id.parse().unwrap());
        let from: usize = field("pagination_token").map_or(0, |token| token.parse().unwrap());
        self.more += u64::from(from > 0);
        self.looks += u64::from(from == 0);
        self.whole += u64::from(from == 0 && since == 0);
        let posts = if timeline == "mentions" { &self.mentions } else { &self.home };
        let shown = posts.range(since + 1..).rev().take(self.shown.unwrap_or(usize::MAX));
        let found: Vec<&Value> = shown.map(|(_, post)| post).collect();
        let page: Vec<&Value> = found.iter().skip(from).take(PAGE).copied().collect();
        let users = json!({"users": [{"id": "7", "name": "Bert", "username": "bert"}]});
        let mut answer = json!({"data": page, "includes": users, "meta": {"result_count": page.len()}});
        if from + PAGE < found.len() {
            answer["meta"]["next_token"] = json!((from + PAGE).to_string());
        }
        answer
    }
}

fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// The nonce of a request that is signed rightly, as RFC 5849 has it. What stands in our queries is written as it is signed.
fn nonce(request: &Request) -> Option<String> {
    let header = request.headers.get("authorization")?.strip_prefix("OAuth ")?;
    let fields = header.split(", ").filter_map(|part| part.strip_suffix('"')?.split_once("=\""));
    let mut fields: BTreeMap<&str, &str> = fields.collect();
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let signature = fields.remove("oauth_signature")?;
    let own = fields.iter().map(|(name, value)| format!("{name}={value}"));
    let of_the_query = query.split('&').filter(|part| !part.is_empty()).map(str::to_string);
    let mut all: Vec<String> = own.chain(of_the_query).collect();
    all.sort();
    let address = format!("http://{}{path}", request.headers["host"]);
    let signed = format!("GET&{}&{}", encoded(&address), encoded(&all.join("&")));
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, format!("{}&{}", KEYS[1], KEYS[3]).as_bytes());
    let right = encoded(&STANDARD.encode(hmac::sign(&key, signed.as_bytes())));
    let ours = (fields["oauth_consumer_key"], fields["oauth_token"]) == (KEYS[0], KEYS[2]);
    (ours && signature == right).then(|| fields["oauth_nonce"].to_string())
}

fn api(account: &Shared<Account>, request: &Request) -> Answer {
    let mut account = account.lock();
    let Some(nonce) = nonce(request) else {
        let body = json!({"title": "Unauthorized", "detail": "Unauthorized", "status": 401}).to_string();
        return Answer::Whole { status: 401, headers: Vec::new(), body: body.into_bytes() };
    };
    account.again += u64::from(!account.nonces.insert(nonce));
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    if path == "/2/users/me" {
        return Answer::json(&json!({"data": {"id": "5", "username": "annak"}}));
    }
    if account.waits > 0 {
        account.waits -= 1;
        return Answer::Whole { status: 429, headers: vec![("retry-after", "0.1".into())], body: Vec::new() };
    }
    match path.strip_prefix("/2/users/5/") {
        Some("timelines/reverse_chronological") => Answer::json(&account.page("home", query)),
        Some("mentions") => Answer::json(&account.page("mentions", query)),
        _ => panic!("{path}"),
    }
}

/// Follows the account by these keys.
fn config(place: &Place, port: u16, keys: [&str; 4]) -> String {
    let key = place.path("key").display().to_string();
    if !place.path("key").exists() {
        place.ok(&["vault", "--key-file", &key, "init"]);
    }
    let run = place.nexus_reading(&["vault", "--key-file", &key, "set", "x", "--kind", "oauth1"], &keys.join("\n"));
    assert_eq!(run.code, 0, "{run:?}");
    let text = format!(
        "[vault]\nkey_file = {key:?}\n[feed.me]\nkind = \"x\"\noauth1 = {{ vault = \"x\" }}\nevery = 1\n\
         api = \"http://127.0.0.1:{port}\"\n"
    );
    place.file("feeds.toml", &text)
}

#[test]
fn timelines_are_read_on_from_where_they_were() {
    let account = Shared::new(Account::default());
    (0..10).for_each(|number| account.lock().post(number));
    let there = account.clone();
    let server = Replay::start(move |request| api(&there, request));
    let place = Place::new();
    let config = config(&place, server.port, KEYS);
    let running = Running::start(&place, &config);
    running.says("me works");
    let said = || texts(&place, "select external_id, text from events order by external_id");
    // The newest page of both: 6 to 9, and of those that mention it 0, 3, 6 and 9.
    until("the newest are in memory", || said() == Account::reads([0, 3].into_iter().chain(6..10)));
    assert_eq!(texts(&place, "select distinct source, author, channel from events"), ["bert x x"]);
    running.kill();
    // More than a page holds, while nobody looks; and the first look is told to wait.
    (10..25).for_each(|number| account.lock().post(number));
    account.lock().waits = 1;
    let running = Running::start(&place, &config);
    let waits = running.says("me broke");
    assert!(waits.contains("it asks us to wait"), "{waits}");
    until("all are in memory", || said() == Account::reads([0, 3].into_iter().chain(6..25)));
    assert!(account.lock().more >= 3);
    account.lock().post(25);
    until("what comes is in memory", || said().len() == 22);
    running.end();
    assert_eq!(account.lock().again, 0, "a nonce is used twice");
    assert_eq!(texts(&place, "select reason from rejects"), Vec::<String>::new());
    assert!(place.json(&["verify"])["equal"].as_bool().unwrap());
}

#[test]
fn posts_that_are_no_longer_shown_are_a_reject() {
    let account = Shared::new(Account::default());
    let there = account.clone();
    let server = Replay::start(move |request| api(&there, request));
    let place = Place::new();
    let config = config(&place, server.port, KEYS);
    let running = Running::start(&place, &config);
    let said = || texts(&place, "select external_id, text from events order by external_id");
    let looks = |more: u64| {
        let enough = account.lock().looks + more;
        until("it looks again", || account.lock().looks >= enough);
    };
    // What is empty is looked at once as a whole: home, and mentions.
    looks(6);
    assert_eq!(account.lock().whole, 2);
    // These are made after now, by their ids.
    (100_000..100_003).for_each(|number| account.lock().post(number));
    until("the first are in memory", || said() == Account::reads(100_000..100_003));
    looks(4);
    running.end();
    (100_003..100_023).for_each(|number| account.lock().post(number));
    account.lock().shown = Some(8);
    let running = Running::start(&place, &config);
    // Fewer mention it than are shown: 5, 8, 11 and so on.
    let known = [0, 1, 2, 5, 8, 11, 14].into_iter().chain(15..23).map(|number| 100_000 + number);
    let known = Account::reads(known);
    until("what is shown is in memory", || said() == known);
    until("the gap is told", || !texts(&place, "select reason from rejects").is_empty());
    running.end();
    let rejects = texts(&place, "select reason from rejects");
    assert!(rejects.len() == 1 && rejects[0].starts_with("X shows about 800 posts"), "{rejects:?}");
}

#[test]
fn keys_that_are_wrong_are_said_and_do_not_show() {
    let account = Shared::new(Account::default());
    let server = Replay::start(move |request| api(&account, request));
    let place = Place::new();
    let config = config(&place, server.port, [KEYS[0], "hunter2", KEYS[2], "hunter3"]);
    let running = Running::start(&place, &config);
    let refused = running.says("me is refused");
    assert!(refused.contains("the token is not accepted: Unauthorized") && !refused.contains("hunter"), "{refused}");
    running.end();
    let wrong = place.file("wrong.toml", "[feed.me]\nkind = \"x\"\noauth1 = { env = \"PATH\" }\n");
    let run = place.nexus(&["run", "--check", &wrong]);
    assert!(
        run.code == 2 && run.err.contains("which only the vault holds: nexus vault set NAME --kind oauth1"),
        "{run:?}"
    );
}
