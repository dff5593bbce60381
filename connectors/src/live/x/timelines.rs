//! The timelines of an account of X: what those whom it follows post, and what mentions it, asked for every so often.
//!
//! API version 2 in the account's name: each request is signed by OAuth 1.0a. Offset: the largest id of each timeline; posts
//! do not come in the order of their ids, so it goes on from a little before. The first time the newest page is read. Whatever
//! is read twice is equal. Cost: a request for each timeline and look, and a page of posts in memory.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use nexus_types::{Millis, Text};
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde_json::Value;

use super::said::{at, id_at};
use super::{ANSWER, FIELDS, OVERLAP, PATIENCE, XFeed};
use crate::json::{list, text};
use crate::live::http::{self, Answer};
use crate::live::{Batch, Broken, Outlet, Resume, SecretRef};
use crate::vault::{self, OAuth1};
use crate::{Item, Rejected};

/// Seconds between looks, where a configuration does not say, and at most.
const EVERY: u64 = 300;
const EVERY_MAX: u64 = 86_400;
/// How many posts of a timeline X shows at least, however old they are.
const SHOWN: usize = 800;

/// A timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timeline {
    /// What the account and those whom it follows post.
    Home,
    /// What names the account.
    Mentions,
}

/// Up to which id each timeline is read, by its name.
type Largest = BTreeMap<String, u64>;

impl Timeline {
    const ALL: [Timeline; 2] = [Timeline::Home, Timeline::Mentions];

    /// As a configuration names it.
    fn name(self) -> &'static str {
        match self {
            Timeline::Home => "home",
            Timeline::Mentions => "mentions",
        }
    }

    /// Where it is, below the account.
    fn path(self) -> &'static [&'static str] {
        match self {
            Timeline::Home => &["timelines", "reverse_chronological"],
            Timeline::Mentions => &["mentions"],
        }
    }
}

/// An account whose timelines are followed.
#[derive(Debug)]
pub(super) struct Account {
    keys: SecretRef,
    timelines: Vec<Timeline>,
    every: Duration,
}

impl Account {
    /// Checks what the configuration says, and reads the keys.
    pub(super) fn new(keys: SecretRef, timelines: Option<&[String]>, every: Option<u64>) -> Result<Account, String> {
        let every = every.unwrap_or(EVERY);
        if !(1..=EVERY_MAX).contains(&every) {
            return Err(format!("every: {every} s: give 1 to {EVERY_MAX}"));
        }
        let timelines = timelines.map_or_else(|| Ok(Timeline::ALL.to_vec()), named)?;
        keys.oauth1().map_err(|error| format!("oauth1: {error}"))?;
        Ok(Account { keys, timelines, every: Duration::from_secs(every) })
    }
}

fn named(names: &[String]) -> Result<Vec<Timeline>, String> {
    let mut timelines = Vec::new();
    for name in names {
        let found = Timeline::ALL.into_iter().find(|timeline| timeline.name() == name);
        let found = found.ok_or_else(|| format!("timelines: {name:?} is none of home, mentions"))?;
        if timelines.contains(&found) {
            return Err(format!("timelines: {name:?} is named twice"));
        }
        timelines.push(found);
    }
    if timelines.is_empty() { Err("timelines: name one, such as home".into()) } else { Ok(timelines) }
}

impl XFeed {
    pub(super) async fn follow_timelines(
        &self,
        account: &Account,
        from: Resume,
        outlet: &Outlet,
    ) -> Result<Infallible, Broken> {
        let keys = account.keys.oauth1().map_err(|error| Broken::Refused(format!("oauth1: {error}")))?;
        let me = self.signed(&keys, self.url(&["users", "me"]), outlet).await?;
        let Some(me) = me["data"]["id"].as_str() else {
            return Err(Broken::Retry(format!("{}: it does not say whose token this is", self.who)));
        };
        let read = |offset: &str| serde_json::from_str::<Largest>(offset.strip_prefix("1 ")?).ok();
        let mut largest = from.offset.as_deref().and_then(read).unwrap_or_default();
        loop {
            for timeline in &account.timelines {
                self.look(&keys, me, *timeline, &mut largest, outlet).await?;
            }
            outlet.healthy();
            tokio::time::sleep(account.every).await;
        }
    }

    /// Reads what is new in a timeline, page by page, newest first.
    async fn look(
        &self,
        keys: &OAuth1,
        me: &str,
        timeline: Timeline,
        largest: &mut Largest,
        outlet: &Outlet,
    ) -> Result<(), Broken> {
        let held = largest.get(timeline.name()).copied();
        let since = held.map(|held| id_at(at(held).unwrap_or(0).saturating_sub(OVERLAP))).filter(|since| *since > 0);
        let since = since.map(|since| since.to_string());
        let (mut reached, mut count, mut next) = (held.unwrap_or(0), 0, None::<String>);
        loop {
            let mut url = self.url(&[&["users", me], timeline.path()].concat());
            let more = [("since_id", since.as_deref()), ("pagination_token", next.as_deref())];
            let more = more.into_iter().filter_map(|(name, value)| Some((name, value?)));
            url.query_pairs_mut().extend_pairs(FIELDS).append_pair("max_results", "100").extend_pairs(more);
            let body = self.signed(keys, url, outlet).await?;
            let posts = list(&body, "data");
            let mut items = Vec::new();
            for post in posts {
                let (item, id) = self.item(post, &body["includes"]);
                reached = reached.max(id);
                items.push(item);
            }
            count += posts.len();
            let before = next.take();
            next = Some(text(&body["meta"], "next_token")).filter(|next| !next.is_empty()).map(str::to_string);
            // A page may lead on, but not to itself.
            let last = held.is_none() || next.is_none() || next == before;
            if last && held.is_some() && count >= SHOWN {
                let reason = format!("X shows {SHOWN} posts of it: what was said before these may not be read");
                items.push(Item::Reject(Rejected::new(timeline.name(), reason, b"")));
            }
            // It is read so far when all of its pages are.
            let offset = (last && held != Some(reached)).then(|| {
                largest.insert(timeline.name().into(), reached);
                written(largest)
            });
            if !items.is_empty() || offset.is_some() {
                outlet.send(Batch { items, offset, ..Batch::default() }).await?;
            }
            if last {
                return Ok(());
            }
        }
    }

    /// What X says to a request in the account's name.
    async fn signed(&self, keys: &OAuth1, url: Url, outlet: &Outlet) -> Result<Value, Broken> {
        let answer = http::patiently(PATIENCE, || self.ask(keys, &url, outlet.now())).await?;
        self.well(answer)
    }

    async fn ask(&self, keys: &OAuth1, url: &Url, now: Millis) -> Result<Answer, Broken> {
        self.manners.turn().await;
        let signed = vault::signed("GET", url, keys, now).map_err(|error| Broken::Retry(error.to_string()))?;
        let header = HeaderValue::from_str(&signed);
        let mut header = header.map_err(|_| Broken::Refused("oauth1: its keys cannot stand in a header".into()))?;
        header.set_sensitive(true);
        http::json(&self.who, self.client.get(url.clone()).header(AUTHORIZATION, header), ANSWER).await
    }
}

fn written(largest: &Largest) -> Text {
    format!("1 {}", serde_json::to_string(largest).unwrap_or_default()).into()
}
