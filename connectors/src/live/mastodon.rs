//! Mastodon, followed, and servers with the same interface: timelines, with edits, deletions and boosts.
//!
//! Streams (server-sent events) are opened first, then what was said meanwhile is paged upwards, then the streams are read:
//! nothing falls between. Offset: the largest id of each timeline. A stream does not tell what was edited and deleted while
//! it was not open, so the statuses of the last day are asked for again, which notes name. A server without such streams
//! is paged every minute. Cost: a connection a timeline; after a gap its pages, and a request for 20 statuses of a day.

mod reading;
mod said;
mod timeline;

use std::convert::Infallible;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{StreamExt, stream};
use nexus_types::Text;
use reqwest::header::ACCEPT;
use reqwest::{Client, RequestBuilder, StatusCode, Url};
use serde::Deserialize;
use serde_json::Value;

use super::http::{self, Patience, Whole};
use super::manners::Manners;
use super::sse::{Events, SseEvent};
use super::{Broken, Feed, Named, Outlet, Resume, Secret, SecretRef};
use crate::{Item, Rejected};
use reading::Reading;
use said::Place;
use timeline::{Timeline, before, order};

/// How long an answer may take, and the beginning of a stream.
const ANSWER: Duration = Duration::from_secs(30);
/// A stream gives a sign of life each 15 seconds.
const SILENCE: Duration = Duration::from_secs(60);
/// How often a server without streams is asked.
const POLL: Duration = Duration::from_secs(60);
/// So many requests in so long, as Mastodon has it.
const REQUESTS: (u32, Duration) = (300, Duration::from_secs(300));
/// How many statuses a page has.
const PAGE: &str = "40";
/// So many statuses are asked for in one request.
const STATUSES_AT_ONCE: usize = 20;
/// So many are asked for one by one, where a server does not give them together.
const SINGLY_MAX: usize = 200;
/// A server that fails over so many of them in a row is not well; over fewer, they are what it fails over.
const FAILURES_MAX: u32 = 10;
/// So often in a row the server may ask us to wait, while streams stay open.
const PATIENCE: Patience = Patience { waits: 3, failures: 0 };
/// So many events of streams are taken at once.
const EVENTS_AT_ONCE: usize = 100;

/// What a configuration says of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MastodonConfig {
    /// The server: `https://mastodon.example`.
    pub server: String,
    /// An access token of an account there, with the scope `read`; timelines of all may need none.
    pub token: Option<SecretRef>,
    /// The timelines: `user`, `public`, `public:local`, `hashtag:NAME`. By default `user`.
    #[serde(default = "user")]
    pub streams: Vec<String>,
    /// What events are named after; by default the feed.
    pub source: Option<Text>,
}

fn user() -> Vec<String> {
    vec!["user".into()]
}

/// A server that is followed.
#[derive(Debug)]
pub struct MastodonFeed {
    server: Url,
    who: String,
    token: Option<SecretRef>,
    timelines: Vec<Timeline>,
    place: Place,
    client: Client,
    manners: Manners,
    /// The token, as it was read when this connection began.
    proof: Option<Secret>,
}

/// A stream, with its timeline.
type Stream = (String, Events);

fn read(token: Option<&SecretRef>) -> Result<Option<Secret>, String> {
    token.map(|token| token.read().map_err(|error| format!("token: {error}"))).transpose()
}

impl MastodonFeed {
    /// Checks what the configuration says, and reads the token.
    pub fn new(named: Named, config: MastodonConfig) -> Result<MastodonFeed, String> {
        let MastodonConfig { server, token, streams, source } = config;
        let (server, who) =
            http::address(&server, "https://mastodon.example").map_err(|error| format!("server: {error}"))?;
        read(token.as_ref())?;
        let mut timelines = Vec::new();
        for name in &streams {
            let timeline = Timeline::named(name).ok_or_else(|| {
                format!("streams: {name:?} is none of user, public, public:local, hashtag:NAME (without #)")
            })?;
            if timelines.contains(&timeline) {
                return Err(format!("streams: {name:?} is named twice"));
            }
            if timeline == Timeline::User && token.is_none() {
                return Err("token: the stream user is that of an account: name its token".into());
            }
            timelines.push(timeline);
        }
        if timelines.is_empty() {
            return Err("streams: name one, such as user".into());
        }
        let source = source.unwrap_or_else(|| named.feed.clone());
        let place = Place { scope: named.scope, source, host: who.as_str().into() };
        let (client, manners) = (http::client()?, Manners::new(REQUESTS.0, REQUESTS.1));
        Ok(MastodonFeed { server, who, token, timelines, place, client, manners, proof: None })
    }

    async fn run(&mut self, from: Resume, outlet: &Outlet) -> Result<Infallible, Broken> {
        // Read anew each time: it may have been changed.
        self.proof = match &self.token {
            Some(token) => Some(token.fetch("token", outlet.now()).await?),
            None => None,
        };
        let mut reading = Reading::new(self.place.clone(), from);
        // Opened and not read: what they say meanwhile waits in them.
        let streams = self.open().await?;
        loop {
            for timeline in &self.timelines {
                self.fill(timeline, &mut reading, outlet).await?;
            }
            self.ask_again(&mut reading, outlet).await?;
            outlet.healthy();
            if let Some(streams) = streams {
                return self.listen(streams, &mut reading, outlet).await;
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Opens the stream of each timeline; nothing where the server has no such streams.
    async fn open(&self) -> Result<Option<Vec<Stream>>, Broken> {
        let server = self.streaming().await?;
        let mut streams = Vec::new();
        for timeline in &self.timelines {
            let (path, query) = timeline.stream();
            let request = self.request(&server, "v1", &path, &query).header(ACCEPT, "text/event-stream");
            let (status, pieces) = http::stream(&self.who, request, ANSWER).await?;
            match status {
                status if status.is_success() => streams.push((timeline.name(), Events::new(&self.who, pieces))),
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                    let reason = self.not_let_in("no stream is opened");
                    return Err(Broken::Refused(format!("{}: {reason}", self.who)));
                }
                _ => return Ok(None),
            }
        }
        Ok(Some(streams))
    }

    /// Where streams are: many servers have another machine for them, to which the account's own server may send its token.
    async fn streaming(&self) -> Result<Url, Broken> {
        for version in ["v2", "v1"] {
            let answer = self.get(version, &["instance"], &[]).await?;
            let body = serde_json::from_slice::<Value>(&answer.body).unwrap_or_default();
            let told = body["configuration"]["urls"]["streaming"].as_str().or(body["urls"]["streaming_api"].as_str());
            let url = told.and_then(|told| Url::parse(&format!("http{}", told.strip_prefix("ws")?)).ok());
            // What was encrypted stays so.
            if let Some(url) = url.filter(|url| url.scheme() == "https" || self.server.scheme() == "http") {
                return Ok(url);
            }
        }
        Ok(self.server.clone())
    }

    fn request(&self, server: &Url, version: &str, path: &[&str], query: &[(&str, String)]) -> RequestBuilder {
        let mut url = server.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["api", version]).extend(path);
        }
        let request = self.client.get(url).query(query);
        match &self.proof {
            Some(token) => request.bearer_auth(token.expose()),
            None => request,
        }
    }

    async fn get(&self, version: &str, path: &[&str], query: &[(&str, String)]) -> Result<Whole, Broken> {
        self.manners.turn().await;
        http::whole(&self.who, self.request(&self.server, version, path, query), ANSWER).await
    }

    async fn get_patiently(&self, path: &[&str], query: &[(&str, String)]) -> Result<Whole, Broken> {
        http::patiently(PATIENCE, || self.get("v1", path, query)).await
    }

    fn not_let_in(&self, says: &str) -> String {
        match self.token {
            Some(_) => format!("the token is not accepted: {says}"),
            None => format!("it wants to know who asks: name a token: {says}"),
        }
    }

    /// A page of a timeline.
    async fn page(&self, timeline: &Timeline, more: &[(&'static str, String)]) -> Result<Vec<Value>, Broken> {
        let (path, mut query) = timeline.pages();
        query.extend_from_slice(more);
        let answer = self.get_patiently(&path, &query).await?;
        let body = serde_json::from_slice::<Value>(&answer.body).unwrap_or_default();
        let says = body["error"].as_str().unwrap_or("no reason given").to_string();
        let wrong = |what: String| format!("{}: {}: {what}", self.who, timeline.name());
        match answer.status {
            status if status.is_success() => match body {
                Value::Array(page) => Ok(page),
                _ => Err(Broken::Retry(wrong("it answers with no page".into()))),
            },
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::UNPROCESSABLE_ENTITY => {
                Err(Broken::Refused(wrong(self.not_let_in(&says))))
            }
            StatusCode::NOT_FOUND => Err(Broken::Refused(wrong("there is no such timeline".into()))),
            status => Err(Broken::Retry(wrong(format!("it answers {status}: {says}")))),
        }
    }

    /// Reads on where a timeline was left, page by page upwards; the first time its newest page.
    async fn fill(&self, timeline: &Timeline, reading: &mut Reading, outlet: &Outlet) -> Result<(), Broken> {
        let name = timeline.name();
        let held = reading.largest(&name).cloned();
        let mut from = held.as_deref().map(before);
        let mut gap = held.filter(|held| *timeline == Timeline::User && held != "0");
        loop {
            let mut query = vec![("limit", PAGE.to_string())];
            query.extend(from.iter().map(|from| ("min_id", from.clone())));
            let page = self.page(timeline, &query).await?;
            let mut items = Vec::new();
            if let Some(held) = gap.take() {
                items.extend(self.cut_off(timeline, &page, &held).await?.map(Item::Reject));
            }
            // Pages have the newest first.
            page.iter().rev().for_each(|status| items.extend(reading.take(status, outlet.now())));
            let ids = page.iter().filter_map(|status| status["id"].as_str());
            let next = ids.max_by(|a, b| order(a).cmp(&order(b))).map(str::to_string);
            let next = next.filter(|next| from.as_deref().is_none_or(|from| order(from) < order(next)));
            reading.reached(&name, next.as_deref().unwrap_or("0"));
            reading.send(items, outlet).await?;
            if next.is_none() || std::mem::replace(&mut from, next).is_none() {
                return Ok(());
            }
        }
    }

    /// A home timeline goes back some hundred statuses: what lies between its beginning and what is held is lost.
    async fn cut_off(&self, timeline: &Timeline, page: &[Value], held: &str) -> Result<Option<Rejected>, Broken> {
        let ids = page.iter().filter_map(|status| status["id"].as_str());
        let Some(oldest) = ids.min_by(|a, b| order(a).cmp(&order(b))).filter(|oldest| order(oldest) > order(held))
        else {
            return Ok(None);
        };
        let older = [("limit", "1".to_string()), ("max_id", oldest.to_string())];
        if !self.page(timeline, &older).await?.is_empty() {
            return Ok(None);
        }
        let reason = format!("the server keeps nothing before {oldest}: what was said since {held} is not read");
        Ok(Some(Rejected::new(timeline.name(), reason, b"")))
    }

    /// Asks again for the statuses of the last day: what was edited and deleted while nobody listened.
    async fn ask_again(&self, reading: &mut Reading, outlet: &Outlet) -> Result<(), Broken> {
        let (mut singly, mut failures) = (0, 0);
        for ids in reading.recent().chunks(STATUSES_AT_ONCE) {
            let query: Vec<(&str, String)> = ids.iter().map(|id| ("id[]", id.clone())).collect();
            // Over one that it cannot show, a server may fail to show all of them.
            let found = match self.get_patiently(&["statuses"], &query).await {
                Ok(answer) => serde_json::from_slice::<Vec<Value>>(&answer.body).unwrap_or_default(),
                Err(Broken::Retry(_)) => Vec::new(),
                Err(broken) => return Err(broken),
            };
            let mut items = Vec::new();
            for id in ids {
                if let Some(status) = found.iter().find(|status| status["id"] == **id) {
                    items.extend(reading.take_again(status, outlet.now()));
                    continue;
                }
                singly += 1;
                if singly > SINGLY_MAX {
                    continue;
                }
                let answer = match self.get_patiently(&["statuses", id], &[]).await {
                    Err(Broken::Retry(_)) if failures < FAILURES_MAX => {
                        failures += 1;
                        continue;
                    }
                    answer => answer?,
                };
                failures = 0;
                // Only what is not there when it is asked for alone is deleted: that is for good.
                match answer.status {
                    StatusCode::NOT_FOUND | StatusCode::GONE => items.push(reading.gone(id)),
                    StatusCode::OK => {
                        let status = serde_json::from_slice::<Value>(&answer.body).unwrap_or_default();
                        items.extend(reading.take_again(&status, outlet.now()));
                    }
                    _ => {}
                }
            }
            reading.send(items, outlet).await?;
        }
        Ok(())
    }

    /// Reads the streams until one breaks.
    async fn listen(&self, streams: Vec<Stream>, reading: &mut Reading, outlet: &Outlet) -> Result<Infallible, Broken> {
        let streams = streams.into_iter().map(|of| Box::pin(stream::unfold(Some(of), next)));
        let mut heard = stream::select_all(streams).ready_chunks(EVENTS_AT_ONCE);
        while let Some(some) = heard.next().await {
            let (mut items, mut broken) = (Vec::new(), None);
            for heard in some {
                match heard {
                    Ok((timeline, event)) => items.extend(reading.hear(&timeline, &event, outlet.now())),
                    Err(error) => broken = broken.or(Some(error)),
                }
            }
            reading.send(items, outlet).await?;
            if let Some(broken) = broken {
                return Err(broken);
            }
        }
        Err(Broken::Retry(format!("{}: the streams ended", self.who)))
    }
}

/// The next event of a stream; an error is its last.
async fn next(of: Option<Stream>) -> Option<(Result<(String, SseEvent), Broken>, Option<Stream>)> {
    let (timeline, mut events) = of?;
    match events.next(SILENCE).await {
        Ok(event) => Some((Ok((timeline.clone(), event)), Some((timeline, events)))),
        Err(broken) => Some((Err(broken), None)),
    }
}

impl Feed for MastodonFeed {
    fn follow<'a>(&'a mut self, from: Resume, outlet: &'a Outlet) -> BoxFuture<'a, Result<Infallible, Broken>> {
        Box::pin(self.run(from, outlet))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_wrong_in_a_configuration_is_named() {
        let made = |server: &str, streams: &[&str]| {
            let named = Named { scope: "s".into(), feed: "fedi".into() };
            let streams = streams.iter().map(ToString::to_string).collect();
            MastodonFeed::new(named, MastodonConfig { server: server.into(), token: None, streams, source: None })
        };
        let server = "https://mastodon.example";
        assert!(made(server, &["public", "hashtag:rust"]).is_ok());
        let cases = [
            (made("https://a:hunter2@mastodon.example", &["public"]), "server: "),
            (made(server, &["user"]), "token: the stream user"),
            (made(server, &["hashtag:#rust"]), "streams: \"hashtag:#rust\" is none of"),
            (made(server, &["public", "public"]), "streams: \"public\" is named twice"),
            (made(server, &[]), "streams: name one"),
        ];
        for (made, expected) in cases {
            let error = made.unwrap_err();
            assert!(error.starts_with(expected) && !error.contains("hunter2"), "{error}");
        }
    }
}
