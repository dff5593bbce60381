//! X, followed: posts that an app's rules select, or the timelines of an account (see `timelines`).
//!
//! API version 2: the filtered stream, JSON by lines. Offset: the id of the last post; what was said while nothing was
//! connected is searched for, rule by rule, back to seven days, unless the stream itself reaches back that far
//! (`backfill_minutes`). Posts do not come in the order of their ids, so it goes on from a little before. Whatever is read
//! twice is equal. Cost: one post in memory, or a page of a search.

pub(crate) mod said;
mod timelines;

use std::convert::Infallible;
use std::time::Duration;

use futures::future::BoxFuture;
use nexus_types::{Change, Millis, Text};
use reqwest::{Client, RequestBuilder, StatusCode, Url};
use serde::Deserialize;
use serde_json::Value;

use super::http::{self, Answer, Patience, Pieces};
use super::manners::Manners;
use super::{Batch, Broken, Feed, Named, Outlet, Resume, Secret, SecretRef};
use crate::json::{list, text};
use crate::{Item, Rejected};
use said::{Place, at, id_at};
use timelines::Account;

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(60);
/// The stream says at least an empty line each 20 seconds.
const SILENCE: Duration = Duration::from_secs(60);
/// No more requests than so many in so long; X's own limits are told by its answers.
const MANNERS: (u32, Duration) = (10, Duration::from_secs(10));
/// How far before the last post it goes on.
const OVERLAP: Millis = 60_000;
/// So often in a row X may ask to wait, an hour at most each time: to begin anew would take as many requests again.
const PATIENCE: Patience = Patience { waits: 4, failures: 0 };
/// How far back a search reaches, a little less.
const SEARCHED: Millis = (7 * 24 * 60 - 5) * 60_000;
/// So often it is kept how far it is read, where nothing is said.
const KEEP_EVERY: Millis = 60_000;
/// The most that a stream can reach back, in minutes.
const BACKFILL_MAX: u8 = 5;
/// What is asked for of each post.
const FIELDS: [(&str, &str); 4] = [
    (
        "tweet.fields",
        "attachments,author_id,conversation_id,created_at,edit_history_tweet_ids,entities,note_tweet,referenced_tweets",
    ),
    ("expansions", "author_id,attachments.media_keys,referenced_tweets.id"),
    ("user.fields", "username"),
    ("media.fields", "alt_text,media_key,type,url"),
];

/// What a configuration says of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct XConfig {
    /// The app's bearer token: its rules are followed.
    pub token: Option<SecretRef>,
    /// So many minutes the stream reaches back itself, where the plan has that: 1 to 5.
    pub backfill_minutes: Option<u8>,
    /// The app's keys and an account's token, to sign requests with: the account's timelines are followed.
    pub oauth1: Option<SecretRef>,
    /// Which: `home`, `mentions`. By default both.
    pub timelines: Option<Vec<String>>,
    /// Seconds between looks at timelines; by default 300.
    pub every: Option<u64>,
    /// Where the API is.
    #[serde(default = "api")]
    pub api: String,
    /// What events are named after; by default as those of an archive.
    #[serde(default = "x")]
    pub source: Text,
}

fn api() -> String {
    "https://api.x.com".into()
}

fn x() -> Text {
    "x".into()
}

/// What is followed.
#[derive(Debug)]
enum Followed {
    Rules { token: SecretRef, backfill_minutes: Option<u8> },
    Timelines(Account),
}

/// An app or an account that is followed.
#[derive(Debug)]
pub struct XFeed {
    followed: Followed,
    api: Url,
    who: String,
    place: Place,
    client: Client,
    manners: Manners,
}

impl XFeed {
    /// Checks what the configuration says, and reads the token.
    pub fn new(named: Named, config: XConfig) -> Result<XFeed, String> {
        let XConfig { token, backfill_minutes, oauth1, timelines, every, api, source } = config;
        let (api, who) = http::address(&api, "https://api.x.com").map_err(|error| format!("api: {error}"))?;
        if backfill_minutes.is_some_and(|minutes| !(1..=BACKFILL_MAX).contains(&minutes)) {
            return Err(format!("backfill_minutes: 1 to {BACKFILL_MAX}, or leave it out"));
        }
        let followed = match (token, oauth1) {
            (Some(token), None) if timelines.is_none() && every.is_none() => {
                token.read().map_err(|error| format!("token: {error}"))?;
                Followed::Rules { token, backfill_minutes }
            }
            (None, Some(keys)) if backfill_minutes.is_none() => {
                Followed::Timelines(Account::new(keys, timelines.as_deref(), every)?)
            }
            (Some(_), None) => return Err("timelines, every: they are an account's, which oauth1 names".into()),
            (None, Some(_)) => return Err("backfill_minutes: it is a stream's, for which token is needed".into()),
            _ => return Err("name either a token, the app's, or oauth1, by which an account signs".into()),
        };
        let (client, (requests, per)) = (http::client()?, MANNERS);
        let (place, manners) = (Place { scope: named.scope, source }, Manners::new(requests, per));
        Ok(XFeed { followed, api, who, place, client, manners })
    }

    async fn run(&mut self, from: Resume, outlet: &Outlet) -> Result<Infallible, Broken> {
        let came = match &self.followed {
            Followed::Rules { token, backfill_minutes } => {
                self.follow_rules((token, backfill_minutes.unwrap_or(0)), from, outlet).await
            }
            Followed::Timelines(account) => self.follow_timelines(account, from, outlet).await,
        };
        if let (Followed::Timelines(account), Err(Broken::Refused(_))) = (&mut self.followed, &came) {
            account.forget();
        }
        came
    }

    async fn follow_rules(
        &self,
        (token, backfill_minutes): (&SecretRef, u8),
        from: Resume,
        outlet: &Outlet,
    ) -> Result<Infallible, Broken> {
        let token = token.fetch("token", outlet.now()).await?;
        let rules = self.rules(&token).await?;
        // The stream first: what is said while the gap is searched waits in it.
        let mut stream = self.stream(&token, backfill_minutes).await?;
        let opened = outlet.now();
        outlet.healthy();
        let held = from.offset.as_deref().and_then(|offset| offset.strip_prefix("1 ")?.parse::<u64>().ok());
        let mut reached = held.unwrap_or_else(|| id_at(from.at));
        let reach = Millis::from(backfill_minutes) * 60_000;
        if let Some(held) = held
            && self.recover(&token, &rules, (held, opened, reach), outlet).await?
        {
            // If the stream ends now, that is not searched for again.
            reached = held.max(id_at(opened.saturating_sub(OVERLAP)));
        }
        let mut kept_at = Millis::MIN;
        loop {
            let now = outlet.now();
            if now.saturating_sub(KEEP_EVERY) >= kept_at {
                kept_at = now;
                outlet.send(Batch { offset: Some(format!("1 {reached}").into()), ..Batch::default() }).await?;
            }
            let Some(line) = stream.line(SILENCE).await? else {
                return Err(Broken::Retry(format!("{}: the stream ended", self.who)));
            };
            if line.trim_ascii().is_empty() {
                // Nothing was said up to now.
                reached = reached.max(id_at(outlet.now().saturating_sub(OVERLAP)));
                continue;
            }
            let (item, id) = self.heard(&line)?;
            reached = reached.max(id);
            kept_at = outlet.now();
            let offset = Some(format!("1 {reached}").into());
            outlet.send(Batch { items: vec![item], offset, ..Batch::default() }).await?;
        }
    }

    /// A line of the stream, with how far it is read with it.
    fn heard(&self, line: &[u8]) -> Result<(Item, u64), Broken> {
        let told: Value = match serde_json::from_slice(line) {
            Ok(told) => told,
            Err(error) => {
                let reject = Rejected::new("a line of the stream", format!("not JSON: {error}"), line);
                return Ok((Item::Reject(reject), 0));
            }
        };
        if told["data"].is_null() && (told["errors"].is_array() || told["title"].is_string()) {
            let error = told["errors"].get(0).unwrap_or(&told);
            return Err(Broken::Retry(format!("{}: it ends the stream: {}", self.who, reason(error))));
        }
        Ok(self.item(&told["data"], &told["includes"]))
    }

    fn item(&self, post: &Value, includes: &Value) -> (Item, u64) {
        match self.place.read(post, includes) {
            Ok((event, reached)) => (Item::Change(Change::Upsert(Box::new(event))), reached),
            Err(reason) => {
                let position = format!("post {}", text(post, "id"));
                (Item::Reject(Rejected::new(position, reason, post.to_string().as_bytes())), 0)
            }
        }
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.api.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("2").extend(path);
        }
        url
    }

    fn get(&self, token: &Secret, path: &[&str]) -> RequestBuilder {
        self.client.get(self.url(&[&["tweets", "search"], path].concat())).bearer_auth(token.expose())
    }

    /// What the account's stream selects.
    async fn rules(&self, token: &Secret) -> Result<Vec<String>, Broken> {
        self.manners.turn().await;
        let answer = http::json(&self.who, self.get(token, &["stream", "rules"]), ANSWER).await?;
        let body = self.well(answer)?;
        let rules: Vec<String> =
            list(&body, "data").iter().filter_map(|rule| rule["value"].as_str()).map(str::to_string).collect();
        if rules.is_empty() {
            let add = "add one: POST /2/tweets/search/stream/rules with {\"add\": [{\"value\": \"from:NAME\"}]}";
            return Err(Broken::Refused(format!(
                "{}: the account has no rules, so nothing is streamed; {add}",
                self.who
            )));
        }
        Ok(rules)
    }

    async fn stream(&self, token: &Secret, backfill_minutes: u8) -> Result<Pieces, Broken> {
        self.manners.turn().await;
        let mut request = self.get(token, &["stream"]).query(&FIELDS);
        if backfill_minutes > 0 {
            request = request.query(&[("backfill_minutes", backfill_minutes)]);
        }
        let (status, mut pieces) = http::stream(&self.who, request, ANSWER).await?;
        if status.is_success() {
            return Ok(pieces);
        }
        let says = pieces.line(ANSWER).await?.unwrap_or_default();
        let body = serde_json::from_slice(&says).unwrap_or_default();
        match self.well(Answer { status, body }) {
            Err(broken) => Err(broken),
            Ok(_) => Err(Broken::Retry(format!("{}: it answers {status}", self.who))),
        }
    }

    /// Searches for what was said since, until the stream was opened, if its own reach is less than that; whether it searched.
    async fn recover(
        &self,
        token: &Secret,
        rules: &[String],
        (held, opened, reach): (u64, Millis, Millis),
        outlet: &Outlet,
    ) -> Result<bool, Broken> {
        let last = at(held).unwrap_or(opened);
        let gap = opened.saturating_sub(last).saturating_add(OVERLAP);
        if gap < reach {
            return Ok(false);
        }
        let since = last.saturating_sub(OVERLAP).max(opened.saturating_sub(SEARCHED));
        if since > last {
            let reason = "X searches seven days back: what was said between is not read";
            let reject = Rejected::new(format_args!("after post {held}"), reason, b"");
            outlet.send(Batch { items: vec![Item::Reject(reject)], ..Batch::default() }).await?;
        }
        for rule in rules {
            self.search(token, rule, id_at(since), outlet).await?;
        }
        Ok(true)
    }

    /// What a rule selects since that id, page by page, newest first.
    async fn search(&self, token: &Secret, rule: &str, since: u64, outlet: &Outlet) -> Result<(), Broken> {
        let (since, mut next) = (since.to_string(), None::<String>);
        loop {
            let answer = http::patiently(PATIENCE, || self.page(token, rule, &since, next.as_deref())).await?;
            if matches!(answer.status, StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST) {
                // The stream goes on all the same.
                let says = format!("what it selected while nobody listened is not read: {}", reason(&answer.body));
                let reject = Rejected::new(format_args!("rule {rule:?}"), says, b"");
                outlet.send(Batch { items: vec![Item::Reject(reject)], ..Batch::default() }).await?;
                return Ok(());
            }
            let body = self.well(answer)?;
            let items: Vec<Item> =
                list(&body, "data").iter().map(|post| self.item(post, &body["includes"]).0).collect();
            if !items.is_empty() {
                outlet.send(Batch { items, ..Batch::default() }).await?;
            }
            let before = next.take();
            next = body["meta"]["next_token"].as_str().map(str::to_string);
            // A page may lead on, but not to itself.
            if next.is_none() || next == before {
                return Ok(());
            }
        }
    }

    async fn page(&self, token: &Secret, rule: &str, since: &str, next: Option<&str>) -> Result<Answer, Broken> {
        self.manners.turn().await;
        let request = self.get(token, &["recent"]).query(&FIELDS);
        let mut request = request.query(&[("query", rule), ("since_id", since), ("max_results", "100")]);
        if let Some(next) = next {
            request = request.query(&[("next_token", next)]);
        }
        http::json(&self.who, request, ANSWER).await
    }

    /// The body of an answer that says yes.
    fn well(&self, answer: Answer) -> Result<Value, Broken> {
        let Answer { status, body } = answer;
        let (who, says) = (&self.who, reason(&body));
        match status {
            status if status.is_success() => Ok(body),
            StatusCode::UNAUTHORIZED => Err(Broken::Refused(format!("{who}: the token is not accepted: {says}"))),
            StatusCode::FORBIDDEN => {
                Err(Broken::Refused(format!("{who}: the account's plan does not allow it: {says}")))
            }
            StatusCode::BAD_REQUEST => Err(Broken::Refused(format!("{who}: it does not take what is asked: {says}"))),
            status => Err(Broken::Retry(format!("{who}: it answers {status}: {says}"))),
        }
    }
}

/// Why X says no.
fn reason(body: &Value) -> String {
    let parts = ["title", "detail"].map(|part| text(body, part));
    let said = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ");
    if said.is_empty() { "no reason given".into() } else { said }
}

impl Feed for XFeed {
    fn follow<'a>(&'a mut self, from: Resume, outlet: &'a Outlet) -> BoxFuture<'a, Result<Infallible, Broken>> {
        Box::pin(self.run(from, outlet))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn feed(more: &str) -> Result<XFeed, String> {
        let named = Named { scope: "s".into(), feed: "news".into() };
        XFeed::new(named, serde_json::from_str(&format!("{{\"token\": {{\"env\": \"PATH\"}}{more}}}")).unwrap())
    }

    #[test]
    fn a_line_is_a_post_or_says_why_there_are_no_more() {
        let feed = feed("").unwrap();
        let post = br#"{"data": {"id": "1785600000000000009", "text": "x", "author_id": "5"}, "includes": {}}"#;
        let (item, reached) = feed.heard(post).unwrap();
        assert!(matches!(item, Item::Change(_)) && reached == 1_785_600_000_000_000_009);
        assert!(matches!(feed.heard(b"{\"data\": {").unwrap(), (Item::Reject(_), 0)));
        assert!(matches!(feed.heard(b"{\"data\": {}}").unwrap(), (Item::Reject(_), 0)));
        let ended =
            br#"{"errors": [{"title": "operational-disconnect", "detail": "This stream has been disconnected"}]}"#;
        let ended = feed.heard(ended).unwrap_err();
        assert!(ended.reason().ends_with("operational-disconnect: This stream has been disconnected"));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (more, expected) in [
            (r#", "backfill_minutes": 6"#, "backfill_minutes: 1 to 5"),
            (r#", "api": "https://a?token=hunter2""#, "api: "),
            (r#", "oauth1": {"env": "PATH"}"#, "name either a token"),
            (r#", "every": 60"#, "timelines, every: they are an account's"),
        ] {
            let error = feed(more).unwrap_err();
            assert!(error.starts_with(expected) && !error.contains("hunter2"), "{error}");
        }
        let account = |more: &str| {
            let named = Named { scope: "s".into(), feed: "me".into() };
            let config = format!("{{\"oauth1\": {{\"env\": \"PATH\"}}{more}}}");
            XFeed::new(named, serde_json::from_str(&config).unwrap()).unwrap_err()
        };
        for (more, expected) in [
            (r#", "timelines": ["likes"]"#, "timelines: \"likes\" is none of home, mentions"),
            (r#", "timelines": ["home", "home"]"#, "timelines: \"home\" is named twice"),
            (r#", "timelines": []"#, "timelines: name one"),
            (r#", "every": 0"#, "every: 0 s"),
            (r#", "backfill_minutes": 5"#, "backfill_minutes: it is a stream's"),
            ("", "oauth1: an OAuth 1.0a key is four texts, which only the vault holds"),
        ] {
            let error = account(more);
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
