//! Discord, followed by a bot: the channels that it sees, with edits, deletions, threads and reactions.
//!
//! The gateway, version 10: a WebSocket that is told whose it is (identify), or which session it goes on with (resume).
//! Offset: that session. Where a session is lost, what was said since is asked for, channel by channel (REST, version 10).
//! Notes: what everything was called when it was first seen, the last message of each channel, and where there are gaps to be
//! filled. A channel whose name is not known is asked for it when somebody speaks there. Whatever is read twice is equal.
//! Cost: the notes in memory, one request for 100 messages of a gap.

mod gateway;
mod said;

use std::convert::Infallible;
use std::time::Duration;

use futures::future::BoxFuture;
use nexus_types::Text;
use reqwest::header::{AUTHORIZATION, USER_AGENT};
use reqwest::{Client, RequestBuilder, StatusCode, Url};
use serde::Deserialize;
use serde_json::Value;

use super::http::{self, Whole};
use super::manners::Manners;
use super::{Broken, Feed, Named, Outlet, Resume, Secret, SecretRef, websocket};
use crate::Rejected;
use gateway::Following;
use said::Place;

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(30);
/// How long a name may take: meanwhile nothing else is heard.
const NAME_WITHIN: Duration = Duration::from_secs(10);
/// No more requests than so many in so long; what a channel may be asked is told by its answers.
const MANNERS: (u32, Duration) = (5, Duration::from_secs(1));
/// How many messages are asked for at once.
const PAGE: usize = 100;
/// How long to wait before a page that did not come is asked for again.
const AGAIN: Duration = Duration::from_secs(5);
/// How a program has to name itself.
const NAME: &str = concat!("DiscordBot (", env!("CARGO_PKG_REPOSITORY"), ", ", env!("CARGO_PKG_VERSION"), ")");

/// What a configuration says of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiscordConfig {
    /// The bot's token.
    pub token: SecretRef,
    /// Only these channels, by id, with their threads; all that the bot sees if absent.
    pub channels: Option<Vec<String>>,
    /// Where the gateway is.
    #[serde(default = "gateway")]
    pub gateway: String,
    /// Where the REST API is.
    #[serde(default = "api")]
    pub api: String,
    /// What events are named after; by default the feed.
    pub source: Option<Text>,
}

fn gateway() -> String {
    "wss://gateway.discord.gg".into()
}

fn api() -> String {
    "https://discord.com/api".into()
}

/// A bot whose channels are followed.
#[derive(Debug)]
pub struct DiscordFeed {
    token: SecretRef,
    gateway: Url,
    api: Url,
    who: String,
    place: Place,
    client: Client,
    manners: Manners,
}

/// What a channel says when it is asked for what came after a message.
#[derive(Debug)]
struct Page {
    channel: Text,
    after: Text,
    found: Found,
}

#[derive(Debug)]
enum Found {
    /// These, in no order.
    Messages(Vec<Value>),
    /// It may not be read, is gone, or says what makes no sense.
    Unread(Rejected),
    /// Nothing: it did not answer, and has been waited for.
    Later,
}

impl DiscordFeed {
    /// Checks what the configuration says, and reads the token.
    pub fn new(named: Named, config: DiscordConfig) -> Result<DiscordFeed, String> {
        let (gateway, who) = websocket::address(&config.gateway, "wss://gateway.discord.gg")
            .map_err(|error| format!("gateway: {error}"))?;
        let (api, _) =
            http::address(&config.api, "https://discord.com/api").map_err(|error| format!("api: {error}"))?;
        let is_id = |id: &String| id.parse::<u64>().is_ok();
        if let Some(wrong) = config.channels.iter().flatten().find(|id| !is_id(id)) {
            return Err(format!("channels: {wrong:?} is no channel's id: turn on Developer Mode and copy it"));
        }
        config.token.read().map_err(|error| format!("token: {error}"))?;
        let source = config.source.unwrap_or_else(|| named.feed.clone());
        let place = Place { scope: named.scope, source, channels: config.channels };
        let (client, (requests, per)) = (http::client()?, MANNERS);
        let manners = Manners::new(requests, per);
        Ok(DiscordFeed { token: config.token, gateway, api, who, place, client, manners })
    }

    async fn run(&mut self, from: Resume, outlet: &Outlet) -> Result<Infallible, Broken> {
        let token = self.token.fetch("token", outlet.now()).await?;
        Following::new(self, token, from, outlet).run().await
    }

    /// What a channel has after a message, a hundred at most.
    async fn page(&self, token: Secret, channel: Text, after: Text) -> Result<Page, Broken> {
        self.manners.turn().await;
        let limit = PAGE.to_string();
        let request = self.get(&token, &["channels", &*channel, "messages"]);
        let request = request.query(&[("after", &*after), ("limit", &*limit)]);
        let found = match http::whole(&self.who, request, ANSWER).await {
            Ok(whole) => self.found(&channel, &whole)?,
            Err(Broken::Wait(_, pause)) => {
                tokio::time::sleep(pause).await;
                Found::Later
            }
            Err(Broken::Retry(_)) => {
                tokio::time::sleep(AGAIN).await;
                Found::Later
            }
            Err(other) => return Err(other),
        };
        Ok(Page { channel, after, found })
    }

    /// A channel or a server, as the gateway would tell of it; nothing if it is not shown.
    async fn told(&self, token: &Secret, what: &[&str]) -> Result<Option<Value>, Broken> {
        self.manners.turn().await;
        let whole = http::whole(&self.who, self.get(token, what), NAME_WITHIN).await?;
        match whole.status {
            StatusCode::UNAUTHORIZED => Err(Broken::Refused(format!("{}: the token is not accepted", self.who))),
            status if status.is_success() => Ok(serde_json::from_slice(&whole.body).ok()),
            _ => Ok(None),
        }
    }

    fn get(&self, token: &Secret, path: &[&str]) -> RequestBuilder {
        let mut url = self.api.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("v10").extend(path);
        }
        let request = self.client.get(url).header(AUTHORIZATION, format!("Bot {}", token.expose()));
        request.header(USER_AGENT, NAME)
    }

    /// What an answer gives; what goes wrong with one channel does not stop the others.
    fn found(&self, channel: &str, whole: &Whole) -> Result<Found, Broken> {
        let unread = |reason: String, raw: &[u8]| {
            let reason = format!("what was said in it while nobody listened is not read: {reason}");
            Ok(Found::Unread(Rejected::new(format_args!("channel {channel}"), reason, raw)))
        };
        match whole.status {
            StatusCode::UNAUTHORIZED => Err(Broken::Refused(format!("{}: the token is not accepted", self.who))),
            StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => unread("the server does not show it".into(), b""),
            status if status.is_client_error() => unread(format!("the server answers {status}"), &whole.body),
            status if status.is_success() => match serde_json::from_slice(&whole.body) {
                Ok(messages) => Ok(Found::Messages(messages)),
                Err(error) => unread(format!("messages that are no list: {error}"), &whole.body),
            },
            status => Err(Broken::Retry(format!("{}: it answers {status}", self.who))),
        }
    }
}

impl Feed for DiscordFeed {
    fn follow<'a>(&'a mut self, from: Resume, outlet: &'a Outlet) -> BoxFuture<'a, Result<Infallible, Broken>> {
        Box::pin(self.run(from, outlet))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_wrong_is_said() {
        let named = Named { scope: "s".into(), feed: "chat".into() };
        for (more, expected) in [
            (r#""gateway": "https://a""#, "gateway: it is no plain address, such as wss://"),
            (r#""api": "https://u:hunter2@a""#, "api: it is no plain address, such as https://"),
            (r##""channels": ["#general"]"##, "channels: \"#general\" is no channel's id"),
        ] {
            let config = format!("{{\"token\": {{\"env\": \"PATH\"}}, {more}}}");
            let error = DiscordFeed::new(named.clone(), serde_json::from_str(&config).unwrap()).unwrap_err();
            assert!(error.starts_with(expected) && !error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn what_is_wrong_with_one_channel_is_said_of_it() {
        let named = Named { scope: "s".into(), feed: "chat".into() };
        let feed = DiscordFeed::new(named, serde_json::from_str("{\"token\": {\"env\": \"PATH\"}}").unwrap()).unwrap();
        let found = |status: StatusCode, body: &str| {
            feed.found("10", &Whole { status, headers: Default::default(), body: body.into() })
        };
        assert!(matches!(found(StatusCode::OK, "[{}]"), Ok(Found::Messages(messages)) if messages.len() == 1));
        for (status, body) in [(StatusCode::FORBIDDEN, ""), (StatusCode::BAD_REQUEST, "{}"), (StatusCode::OK, "{")] {
            assert!(matches!(found(status, body), Ok(Found::Unread(reject)) if &*reject.position == "channel 10"));
        }
        assert!(matches!(found(StatusCode::UNAUTHORIZED, ""), Err(Broken::Refused(_))));
    }
}
