//! Bluesky, followed: posts of accounts as they are written, changed and deleted.
//!
//! Jetstream, version 1 (`/subscribe`): a WebSocket of JSON that begins where its cursor says. Offset: the time of the last
//! message by the server's clock, in microseconds; a replay is not gapless at its beginning, so it is asked for from a little
//! before, and what is read twice is equal. No account is needed. Cost: one message in memory.

mod said;

use std::convert::Infallible;
use std::time::Duration;

use futures::future::BoxFuture;
use nexus_types::{Millis, Text};
use reqwest::Url;
use serde::Deserialize;
use serde_json::Value;

use super::websocket::{self, Heard};
use super::{Batch, Broken, Feed, Named, Outlet, Resume};
use crate::{Item, Rejected};
use said::{POSTS, Place};

/// How far before the last message it goes on, in microseconds.
const OVERLAP: i64 = 5_000_000;
/// The server pings each 30 seconds.
const SILENCE: Duration = Duration::from_secs(90);
/// So often it is kept how far it is read, where nothing of it is taken in.
const KEEP_EVERY: Millis = 10_000;
/// As many accounts as fit into the address of a request.
const ACCOUNTS_MAX: usize = 100;

/// What a configuration says of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlueskyConfig {
    /// A Jetstream; by default one of Bluesky's own.
    #[serde(default = "jetstream")]
    pub server: String,
    /// Only these accounts, by DID; all of the network if absent.
    pub accounts: Option<Vec<String>>,
    /// What events are named after; by default the feed.
    pub source: Option<Text>,
}

fn jetstream() -> String {
    "wss://jetstream2.us-east.bsky.network".into()
}

/// Accounts that are followed.
#[derive(Debug)]
pub struct BlueskyFeed {
    server: Url,
    who: String,
    accounts: Vec<String>,
    place: Place,
}

impl BlueskyFeed {
    /// Checks what the configuration says.
    pub fn new(named: Named, config: BlueskyConfig) -> Result<BlueskyFeed, String> {
        let example = "wss://jetstream2.us-east.bsky.network";
        let (server, who) = websocket::address(&config.server, example).map_err(|error| format!("server: {error}"))?;
        if config.accounts.as_ref().is_some_and(Vec::is_empty) {
            return Err("accounts: none are given: name some, or leave it out for all of the network".into());
        }
        let accounts = config.accounts.unwrap_or_default();
        let fits = |did: &String| {
            did.starts_with("did:")
                && did.len() > 8
                && did.bytes().all(|c| c.is_ascii_alphanumeric() || b":._-%".contains(&c))
        };
        if let Some(wrong) = accounts.iter().find(|did| !fits(did)) {
            return Err(format!(
                "accounts: {wrong:?} is no DID, such as did:plc:z72i7hdynmk6r22z27h6tvur; of a handle, \
                 https://bsky.social/xrpc/com.atproto.identity.resolveHandle?handle=HANDLE tells it"
            ));
        }
        if accounts.len() > ACCOUNTS_MAX {
            return Err(format!("accounts: {} are too many for one feed: {ACCOUNTS_MAX} at most", accounts.len()));
        }
        let source = config.source.unwrap_or_else(|| named.feed.clone());
        Ok(BlueskyFeed { server, who, accounts, place: Place { scope: named.scope, source } })
    }

    /// Where to listen, from so many microseconds since 1970 on.
    fn address(&self, cursor: i64) -> Url {
        let mut url = self.server.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("subscribe");
        }
        let mut query = url.query_pairs_mut();
        query.append_pair("wantedCollections", POSTS).append_pair("cursor", &cursor.to_string());
        query.extend_pairs(self.accounts.iter().map(|did| ("wantedDids", did)));
        drop(query);
        url
    }

    async fn run(&mut self, from: Resume, outlet: &Outlet) -> Result<Infallible, Broken> {
        let held = from.offset.as_deref().and_then(|offset| offset.strip_prefix("1 ")?.parse::<i64>().ok());
        // The first time it begins now.
        let mut reached = held.unwrap_or_else(|| from.at.saturating_mul(1_000));
        let url = self.address(reached.saturating_sub(OVERLAP));
        let mut socket = websocket::open(&self.who, &url, None).await?;
        outlet.healthy();
        let mut kept_at = if held.is_some() { outlet.now() } else { Millis::MIN };
        loop {
            if outlet.now().saturating_sub(KEEP_EVERY) >= kept_at {
                kept_at = outlet.now();
                outlet.send(Batch { offset: Some(format!("1 {reached}").into()), ..Batch::default() }).await?;
            }
            let heard = match socket.next(SILENCE).await? {
                Heard::Text(heard) => heard,
                Heard::Closed(code, reason) => {
                    return Err(Broken::Retry(format!("{}: it closed the connection: {code} {reason}", self.who)));
                }
            };
            let (item, at) = self.read(&heard, reached);
            reached = reached.max(at.unwrap_or(reached));
            if let Some(item) = item {
                kept_at = outlet.now();
                let offset = Some(format!("1 {reached}").into());
                outlet.send(Batch { items: vec![item], offset, ..Batch::default() }).await?;
            }
        }
    }

    /// What a message says, and when the server had it.
    fn read(&self, heard: &str, reached: i64) -> (Option<Item>, Option<i64>) {
        let reject = |reason: String| {
            Some(Item::Reject(Rejected::new(format_args!("after {reached}"), reason, heard.as_bytes())))
        };
        let message: Value = match serde_json::from_str(heard) {
            Ok(message) => message,
            Err(error) => return (reject(format!("not JSON: {error}")), None),
        };
        let item = match self.place.read(&message) {
            Ok(change) => change.map(Item::Change),
            Err(reason) => reject(reason),
        };
        (item, message["time_us"].as_i64())
    }
}

impl Feed for BlueskyFeed {
    fn follow<'a>(&'a mut self, from: Resume, outlet: &'a Outlet) -> BoxFuture<'a, Result<Infallible, Broken>> {
        Box::pin(self.run(from, outlet))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn feed(text: &str) -> Result<BlueskyFeed, String> {
        let named = Named { scope: "s".into(), feed: "sky".into() };
        BlueskyFeed::new(named, serde_json::from_str(text).unwrap())
    }

    #[test]
    fn it_asks_for_posts_of_accounts_from_a_time_on() {
        let feed = feed(r#"{"server": "wss://j.example.org/a/", "accounts": ["did:plc:abc", "did:web:example.org"]}"#);
        let url = feed.unwrap().address(7);
        assert_eq!(
            url.as_str(),
            "wss://j.example.org/a/subscribe?wantedCollections=app.bsky.feed.post&cursor=7&wantedDids=did%3Aplc%3Aabc&wantedDids=did%3Aweb%3Aexample.org"
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, expected) in [
            (r#"{"server": "https://j.example.org"}"#, "server: it is no plain address, such as wss://"),
            (r#"{"accounts": []}"#, "accounts: none are given"),
            (r#"{"accounts": ["anna.bsky.social"]}"#, "accounts: \"anna.bsky.social\" is no DID"),
        ] {
            let error = feed(text).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn what_cannot_be_read_does_not_stop_it() {
        let feed = feed("{}").unwrap();
        let (item, at) = feed.read("{\"time_us\": 5", 4);
        assert!(matches!(item, Some(Item::Reject(reject)) if &*reject.position == "after 4") && at.is_none());
        let (item, at) = feed.read("{\"time_us\": 5, \"kind\": \"commit\"}", 4);
        assert!(matches!(item, Some(Item::Reject(_))) && at == Some(5));
    }
}
