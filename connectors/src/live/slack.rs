//! Slack, followed: what its Events API pushes, with edits, deletions, threads and reactions.
//!
//! Slack is answered once an event is on the disk, so it sends again what was not. Events carry ids of users and channels;
//! with a token their names are asked for once, and when it starts what was said in channels while it was away. Nothing is
//! named after when or how often it came, so what comes twice changes nothing. Notes: names, and how far each channel was
//! heard. Cost: one event in memory for each request at hand.

mod api;
mod names;
mod said;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use futures::future::BoxFuture;
use nexus_types::{Change, Millis, Text};
use reqwest::{Client, Url};
use ring::hmac;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::pushed::{self, lock};
use super::serve::{Answer, Request};
use super::signed::{self, Manner};
use super::{Batch, Broken, Feed, Named, Outlet, Resume, SecretRef, http};
use crate::json::{list, text};
use crate::{Item, Rejected};
use api::Api;
use names::{Names, ROOM, USER};
use said::{Ids, Workspace};

/// The API, where a configuration does not say.
const SERVER: &str = "https://slack.com/api";
/// The largest event.
const BODY_BYTES_MAX: usize = 1 << 20;
/// How long names may be asked for: Slack waits three seconds for an answer.
const ASKING: Duration = Duration::from_secs(2);
/// Slack sends an event so often again, and then no more.
const LAST_TRY: u32 = 3;
/// What takes longer than this to be on the disk, in milliseconds, may have kept out what Slack sends no more.
const KEEPING_MAX: Millis = 240_000;
/// What was said so shortly before the last that was heard is read again, in microseconds: Slack may still have had it.
const OVERLAP: u64 = 10 * 60 * 1_000_000;

/// What a configuration says of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlackConfig {
    /// Where to listen: `127.0.0.1:9001`.
    pub listen: String,
    /// The path of the app's Request URL.
    #[serde(default = "pushed::root")]
    pub path: String,
    /// The app's signing secret.
    pub secret: SecretRef,
    /// A bot token, to ask for names and for what was missed.
    pub token: Option<SecretRef>,
    /// What events are named after; by default as in an export that is ingested.
    pub source: Option<Text>,
    /// Where the API is; by default Slack's.
    pub server: Option<String>,
}

/// A workspace that is followed.
#[derive(Debug)]
pub struct SlackFeed {
    named: Named,
    listen: SocketAddr,
    path: String,
    secret: SecretRef,
    token: Option<SecretRef>,
    source: Text,
    server: (Url, String),
    client: Client,
}

impl SlackFeed {
    /// Checks what the configuration says, and reads the secrets.
    pub fn new(named: Named, config: SlackConfig) -> Result<SlackFeed, String> {
        let SlackConfig { listen, path, secret, token, source, server } = config;
        let listen = pushed::address(&listen)?;
        pushed::is_path(&path)?;
        secret.read().map_err(|error| format!("secret: {error}"))?;
        if let Some(token) = &token {
            token.read().map_err(|error| format!("token: {error}"))?;
        }
        let server = http::address(server.as_deref().unwrap_or(SERVER), SERVER);
        let server = server.map_err(|error| format!("server: {error}"))?;
        let source = source.unwrap_or_else(|| "slack".into());
        Ok(SlackFeed { named, listen, path, secret, token, source, server, client: http::client()? })
    }

    async fn run(&self, from: Resume, outlet: &Outlet) -> Result<Infallible, Broken> {
        let secret = self.secret.fetch("secret", outlet.now()).await?;
        let key = signed::key(Manner::Slack, secret.expose());
        let key = key.map_err(|error| Broken::Refused(format!("secret: {error}")))?;
        let api = match &self.token {
            Some(token) => {
                let token = token.fetch("token", outlet.now()).await?;
                Some(Api::new(self.client.clone(), self.server.clone(), token))
            }
            None => None,
        };
        // An API that does not answer keeps nobody from pushing.
        if let Some(api) = &api
            && let Err(refused @ Broken::Refused(_)) = api.test().await
        {
            return Err(refused);
        }
        let session = Session { feed: self, key, api, names: Mutex::new(Names::new(from.notes)), outlet };
        tokio::select! {
            ended = pushed::answered(self.listen, BODY_BYTES_MAX, outlet, |request| session.answer(request)) => ended,
            ended = session.catch_up() => ended,
        }
    }
}

/// What answers share while it listens.
struct Session<'a> {
    feed: &'a SlackFeed,
    key: hmac::Key,
    api: Option<Api>,
    names: Mutex<Names>,
    outlet: &'a Outlet,
}

impl Session<'_> {
    async fn answer(&self, request: Request) -> Result<Answer, Broken> {
        if let Some(answer) = pushed::misdirected(&request, &self.feed.path) {
            return Ok(answer);
        }
        let now = self.outlet.now();
        if let Err(wrong) = signed::verify(Manner::Slack, &self.key, |name| request.header(name), &request.body, now) {
            return Ok(Answer::refusal(401, &wrong.reason()));
        }
        let body: Value = match serde_json::from_slice(&request.body) {
            Ok(body) => body,
            Err(error) => {
                let reject = Rejected::new("a push", format!("not JSON: {error}"), &request.body);
                return self.take_in(vec![Item::Reject(reject)], Value::Null, false).await;
            }
        };
        match text(&body, "type") {
            "url_verification" => Ok(Answer::json(200, &json!({ "challenge": body["challenge"] }))),
            "event_callback" => {
                let tried = request.header("x-slack-retry-num").and_then(|tried| tried.parse::<u32>().ok());
                self.event(&body, tried >= Some(LAST_TRY)).await
            }
            "app_rate_limited" => {
                let reason = "Slack leaves out events of this minute: there are too many";
                let reject = Item::Reject(Rejected::new("a push", reason, &request.body));
                self.take_in(vec![reject], Value::Null, false).await
            }
            _ => self.take_in(Vec::new(), Value::Null, false).await,
        }
    }

    /// Takes in an event; `last` if Slack does not send it again.
    async fn event(&self, body: &Value, last: bool) -> Result<Answer, Broken> {
        let event = &body["event"];
        if let Some(api) = &self.api {
            let ids = Ids::of(event);
            let learned = timeout(ASKING, self.learn(api, &ids)).await;
            if !matches!(learned, Ok(Ok(()))) {
                if !last {
                    return Ok(pushed::busy());
                }
                // Rather without names than not at all.
                self.name_by_id(&ids);
            }
        }
        let place = format!("event {}", text(body, "event_id"));
        self.take_in(self.read(event, &place).into_iter().collect(), event.clone(), last).await
    }

    /// Takes in what an event gave, with what is not noted yet. Where Slack has given up something meanwhile, it begins anew,
    /// to ask for what was missed.
    async fn take_in(&self, items: Vec<Item>, event: Value, last: bool) -> Result<Answer, Broken> {
        let is_message = self.api.is_some() && event["type"] == "message";
        let heard = if is_message { (text(&event, "channel"), text(&event, "ts")) } else { ("", "") };
        let notes = lock(&self.names).unsaved(heard);
        if !items.is_empty() || !notes.is_empty() {
            let (batch, began) = (Batch { items, notes: notes.clone(), ..Batch::default() }, self.outlet.now());
            if !pushed::kept(self.outlet, batch).await? {
                return if last && self.api.is_some() { Err(missed("found no room")) } else { Ok(pushed::busy()) };
            }
            let mut names = lock(&self.names);
            names.heard(heard.0, heard.1);
            names.saved(&notes);
            if self.api.is_some() && self.outlet.now().saturating_sub(began) > KEEPING_MAX {
                return Err(missed("were kept waiting for minutes"));
            }
        }
        Ok(Answer::json(200, &json!({ "ok": true })))
    }

    /// What an event says, with the names that are known.
    fn read(&self, event: &Value, place: &str) -> Option<Item> {
        let named = |kind: &str, id: &str| lock(&self.names).get(kind, id).unwrap_or_else(|| id.into());
        let (person, room) = (|id: &str| named(USER, id), |id: &str| named(ROOM, id));
        let (scope, source) = (&self.feed.named.scope, &self.feed.source);
        let found: Result<Option<Change>, String> =
            Workspace { scope, source, person: &person, room: &room }.read(event);
        let reject = |reason: String| Some(Item::Reject(Rejected::new(place, reason, event.to_string().as_bytes())));
        found.map_or_else(reject, |change| change.map(Item::Change))
    }

    /// Asks for the names that are not known yet.
    async fn learn(&self, api: &Api, ids: &Ids) -> Result<(), Broken> {
        for id in &ids.users {
            if lock(&self.names).get(USER, id).is_none() {
                let name = api.user(id).await?;
                lock(&self.names).first(USER, id, &name);
            }
        }
        for id in &ids.rooms {
            if lock(&self.names).get(ROOM, id).is_none() {
                let name = api.room(id).await?;
                lock(&self.names).first(ROOM, id, &name);
            }
        }
        Ok(())
    }

    fn name_by_id(&self, ids: &Ids) {
        let mut names = lock(&self.names);
        ids.users.iter().for_each(|id| names.first(USER, id, id));
        ids.rooms.iter().for_each(|id| names.first(ROOM, id, id));
    }

    /// Reads what was said while nobody listened; then there is nothing more to do.
    async fn catch_up(&self) -> Result<Infallible, Broken> {
        if let Some(api) = &self.api {
            let (api, lasts, mut behind) = (api.for_what_was_missed(), lock(&self.names).lasts(), BTreeSet::new());
            for (room, last) in lasts {
                if !self.catch_up_room(&api, &room, &last).await? {
                    behind.insert(room);
                }
            }
            lock(&self.names).caught_up(behind);
        }
        std::future::pending().await
    }

    /// Reads what was said in a channel; false if not all of it is shown.
    async fn catch_up_room(&self, api: &Api, room: &str, last: &str) -> Result<bool, Broken> {
        let from = said::micros(last).unwrap_or(0).saturating_sub(OVERLAP);
        let oldest = format!("{}.{:06}", from / 1_000_000, from % 1_000_000);
        let mut cursor = String::new();
        loop {
            let (mut items, page) = (Vec::new(), api.history(room, &oldest, &cursor).await);
            let (body, shown) = (page.as_ref().unwrap_or(&Value::Null), page.is_ok());
            if let Err(error) = &page {
                let reason = format!("what was said while nobody listened is not shown: {error}");
                items.push(Item::Reject(Rejected::new(format!("channel {room}"), reason, b"")));
            }
            for message in list(body, "messages") {
                let mut event = message.clone();
                if let Some(fields) = event.as_object_mut() {
                    fields.insert("channel".into(), room.into());
                }
                self.learn_patiently(api, &Ids::of(&event)).await;
                items.extend(self.read(&event, &format!("channel {room}, what was said while nobody listened")));
            }
            let notes = lock(&self.names).unsaved(("", ""));
            if !items.is_empty() {
                let batch = Batch { items, notes: notes.clone(), ..Batch::default() };
                self.outlet.send(batch).await?.kept().await?;
                lock(&self.names).saved(&notes);
            }
            let next = text(&body["response_metadata"], "next_cursor");
            if next.is_empty() || next == cursor {
                return Ok(shown);
            }
            cursor = next.into();
        }
    }

    /// The same, as often as it takes; what has no name after many tries is called by its id.
    async fn learn_patiently(&self, api: &Api, ids: &Ids) {
        if http::patiently(api::PATIENCE, || self.learn(api, ids)).await.is_err() {
            self.name_by_id(ids);
        }
    }
}

/// Slack sends no more of something: it is asked for when the feed begins anew.
fn missed(how: &str) -> Broken {
    Broken::Retry(format!("events {how}, and Slack does not send them again: what was said is read from channels"))
}

impl Feed for SlackFeed {
    fn follow<'a>(&'a mut self, from: Resume, outlet: &'a Outlet) -> BoxFuture<'a, Result<Infallible, Broken>> {
        Box::pin(self.run(from, outlet))
    }
}
