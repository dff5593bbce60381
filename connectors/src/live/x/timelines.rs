//! The timelines of an account of X: what those whom it follows post, and what mentions it, asked for every so often.
//!
//! API version 2 in the account's name: each request is signed by OAuth 1.0a. Offset: the largest id of each timeline; posts
//! do not come in the order of their ids, so it goes on from a little before. The first time the newest page is read. Whatever
//! is read twice is equal. Where X asks to wait before a first page, the feed breaks, so that this is told; between pages
//! it is patient. Cost: a request for each timeline and look, and a page of posts in memory.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::OnceLock;
use std::time::Duration;

use nexus_types::{Millis, Text};
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde_json::Value;

use super::said::{at, id_at};
use super::{ANSWER, FIELDS, OVERLAP, PATIENCE, XFeed};
use crate::json::{list, text};
use crate::live::http::{self, Answer, Patience};
use crate::live::{Batch, Broken, Outlet, Resume, SecretRef};
use crate::vault::{self, OAuth1};
use crate::{Item, Rejected};

/// Seconds between looks, where a configuration does not say, and at most.
const EVERY: u64 = 300;
const EVERY_MAX: u64 = 86_400;
/// A request that is not repeated: whoever follows is to see that X asks to wait.
const AT_ONCE: Patience = Patience { waits: 0, failures: 0 };
/// Why posts may be missing.
const CUT: &str = "X shows about 800 posts of it, and these do not reach back to where it was read: what was said between \
                   may be missing";

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
    /// Whose keys these are. It is asked for once: X allows that more seldom than to read a timeline.
    me: OnceLock<String>,
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
        Ok(Account { keys, timelines, every: Duration::from_secs(every), me: OnceLock::new() })
    }

    /// The keys may be another account's by now.
    pub(super) fn forget(&mut self) {
        self.me = OnceLock::new();
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
        let me = match account.me.get() {
            Some(me) => me,
            None => {
                let me = self.me(&keys, outlet).await?;
                outlet.healthy();
                account.me.get_or_init(|| me)
            }
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

    /// Whose keys these are.
    async fn me(&self, keys: &OAuth1, outlet: &Outlet) -> Result<String, Broken> {
        let body = self.signed(keys, self.url(&["users", "me"]), AT_ONCE, outlet).await?;
        let me = body["data"]["id"].as_str().map(str::to_string);
        me.ok_or_else(|| Broken::Retry(format!("{}: it does not say whose token this is", self.who)))
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
        let (began, held) = (outlet.now(), largest.get(timeline.name()).copied());
        let since = held.map(|held| id_at(at(held).unwrap_or(0).saturating_sub(OVERLAP))).filter(|since| *since > 0);
        let since = since.map(|since| since.to_string());
        let (mut reached, mut smallest, mut next) = (held.unwrap_or(0), u64::MAX, None::<String>);
        loop {
            let mut url = self.url(&[&["users", me], timeline.path()].concat());
            let more = [("since_id", since.as_deref()), ("pagination_token", next.as_deref())];
            let more = more.into_iter().filter_map(|(name, value)| Some((name, value?)));
            url.query_pairs_mut().extend_pairs(FIELDS).append_pair("max_results", "100").extend_pairs(more);
            let patience = if next.is_none() { AT_ONCE } else { PATIENCE };
            let body = self.signed(keys, url, patience, outlet).await?;
            let mut items = Vec::new();
            for post in list(&body, "data") {
                let (item, id) = self.item(post, &body["includes"]);
                // What cannot be read has no id.
                if id > 0 {
                    (reached, smallest) = (reached.max(id), smallest.min(id));
                }
                items.push(item);
            }
            let before = next.take();
            next = Some(text(&body["meta"], "next_token")).filter(|next| !next.is_empty()).map(str::to_string);
            // A page may lead on, but not to itself.
            let last = held.is_none() || next.is_none() || next == before;
            // The look begins before what is held: pages that do not reach it are not all that there is. How many posts
            // came does not tell: X counts those that it does not show.
            if last && before.is_some() && held.is_some_and(|held| smallest > held) {
                items.push(Item::Reject(Rejected::new(timeline.name(), CUT, b"")));
            }
            if last && reached == 0 {
                // Nothing was there: the next look is for what comes from now on.
                reached = id_at(began);
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
    async fn signed(&self, keys: &OAuth1, url: Url, patience: Patience, outlet: &Outlet) -> Result<Value, Broken> {
        let answer = http::patiently(patience, || self.ask(keys, &url, outlet.now())).await?;
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
