//! A calendar on a CalDAV server (RFC 4791), followed: what changed is asked for by the token of the last time (RFC 6578).
//!
//! A token that the server does not know any more, and a server that knows no tokens, are met by a full listing, of which
//! only what has another tag than noted is read. Offset: `1 TOKEN`. Notes: see `known`. Cost: a request every so often, one
//! more for each [`AT_ONCE`] events that changed; what is known of the calendar in memory.

mod dav;
pub(super) mod known;

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::time::Duration;

use futures::future::BoxFuture;
use nexus_types::Text;
use nexus_types::event::SAID_NOW;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Method, StatusCode, Url};
use serde::Deserialize;

use super::http::{self, Whole};
use super::manners::Manners;
use super::{Batch, Broken, Feed, Named, Outlet, Resume, Secret, SecretRef};
use crate::{Item, Options, Rejected};
use dav::{Multistatus, Response};
use known::Known;

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(60);
/// So many events are asked for at once.
const AT_ONCE: usize = 50;
/// So many places may fail by themselves in one look.
const FAILED_MAX: usize = 20;
/// So many requests in so long.
const REQUESTS: (u32, Duration) = (60, Duration::from_secs(60));

/// What a configuration says of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaldavConfig {
    /// The address of one calendar: `https://dav.example.org/calendars/sam/work/`.
    pub url: String,
    /// The account; with a password.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<SecretRef>,
    /// An access token, in place of an account.
    pub token: Option<SecretRef>,
    /// Seconds between looks.
    #[serde(default = "a_minute")]
    pub every: u64,
    /// What events are named after; by default the feed.
    pub source: Option<Text>,
    /// The channel of its events; by default the feed.
    pub channel: Option<Text>,
    /// The zone of times without one, and in which those in UTC are told: an IANA name.
    pub time_zone: Option<Text>,
}

fn a_minute() -> u64 {
    60
}

/// A calendar that is followed.
#[derive(Debug)]
pub struct CaldavFeed {
    url: Url,
    who: String,
    user: Option<String>,
    /// The password or the token, and which of them it is.
    secret: Option<(&'static str, SecretRef)>,
    every: Duration,
    options: Options,
    client: Client,
    report: Method,
    propfind: Method,
    manners: Manners,
    /// The secret, as it was read when this connection began.
    proof: Option<Secret>,
}

/// What changed: each place's tag, none where it is gone.
#[derive(Debug, Default)]
struct Changes {
    places: BTreeMap<String, Option<String>>,
    token: String,
    /// These are all places that there are.
    whole: bool,
}

/// The options by which a feed's calendars are read.
pub(super) fn options(
    named: &Named,
    source: Option<Text>,
    channel: Option<Text>,
    time_zone: Option<Text>,
) -> Result<Options, String> {
    if let Some(zone) = &time_zone
        && jiff::tz::TimeZone::get(zone).is_err()
    {
        return Err(format!("time_zone: {zone:?} is no IANA name such as Europe/Berlin"));
    }
    let source = Some(source.unwrap_or_else(|| named.feed.clone()));
    Ok(Options { source, channel, time_zone, seen_at: SAID_NOW, ..Options::new(&named.scope) })
}

/// The time between looks.
pub(super) fn every(seconds: u64) -> Result<Duration, String> {
    match seconds {
        1..=86_400 => Ok(Duration::from_secs(seconds)),
        _ => Err(format!("every: {seconds} s: give 1 to 86400")),
    }
}

impl CaldavFeed {
    /// Checks what the configuration says, and reads the password or token.
    pub fn new(named: Named, config: CaldavConfig) -> Result<CaldavFeed, String> {
        let CaldavConfig { url, user, password, token, every, source, channel, time_zone } = config;
        let example = "https://dav.example.org/calendars/sam/work/";
        let (mut url, who) = http::address(&url, example).map_err(|error| format!("url: {error}"))?;
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        let secret = match (&user, password, token) {
            (Some(_), Some(password), None) => Some(("password", password)),
            (Some(_), _, _) => return Err("password: a user needs one, and then no token".into()),
            (None, None, token) => token.map(|token| ("token", token)),
            (None, Some(_), _) => return Err("user: a password needs one".into()),
        };
        if let Some((field, secret)) = &secret {
            secret.read().map_err(|error| format!("{field}: {error}"))?;
        }
        let channel = Some(channel.unwrap_or_else(|| named.feed.clone()));
        let options = options(&named, source, channel, time_zone)?;
        let method = |name: &[u8]| Method::from_bytes(name).map_err(|error| error.to_string());
        let (report, propfind, (requests, per)) = (method(b"REPORT")?, method(b"PROPFIND")?, REQUESTS);
        let (every, client, manners) = (self::every(every)?, http::client()?, Manners::new(requests, per));
        Ok(CaldavFeed { url, who, user, secret, every, options, client, report, propfind, manners, proof: None })
    }

    async fn run(&mut self, from: Resume, outlet: &Outlet) -> Result<Infallible, Broken> {
        if let Some((field, secret)) = &self.secret {
            // Read anew each time: it may have been changed.
            self.proof = Some(secret.fetch(field, outlet.now()).await?);
        }
        let token = from.offset.as_deref().and_then(|offset| offset.strip_prefix("1 "));
        let mut token = token.map(str::to_string);
        let mut known = Known::new(self.options.clone(), from.notes);
        self.check().await?;
        loop {
            let changes = self.changes(token.as_deref().unwrap_or_default()).await?;
            outlet.healthy();
            let next = changes.token.clone();
            let items = self.read(&changes, &mut known, outlet).await?;
            let notes = known.news();
            if !items.is_empty() || !notes.is_empty() || token.as_ref() != Some(&next) {
                let offset = Some(format!("1 {next}").into());
                outlet.send(Batch { items, offset, notes, unfinished: false }).await?;
            }
            token = Some(next);
            tokio::time::sleep(self.every).await;
        }
    }

    /// Reads the places that changed, and sends what they say; gives what is gone, for the last batch: after what came, since
    /// an event may have moved from one place to another.
    async fn read(&self, changes: &Changes, known: &mut Known, outlet: &Outlet) -> Result<Vec<Item>, Broken> {
        let left = |place: &String| match changes.places.get(place) {
            Some(tag) => tag.is_none(),
            None => changes.whole,
        };
        let changed = |(place, tag): (&String, &Option<String>)| {
            let tag = tag.as_deref()?;
            (tag.is_empty() || known.tag(place) != Some(tag)).then(|| place.clone())
        };
        let mut wanted: BTreeSet<String> = changes.places.iter().filter_map(changed).collect();
        wanted.extend(known.unread().into_iter().filter(|place| !left(place)));
        let wanted: Vec<String> = wanted.into_iter().collect();
        let mut waiting: Vec<Vec<String>> = wanted.chunks(AT_ONCE).rev().map(<[String]>::to_vec).collect();
        let mut failed = 0;
        while let Some(mut places) = waiting.pop() {
            let items = match self.fetch(&places, changes, known).await {
                Err(Broken::Retry(reason)) if failed < FAILED_MAX => {
                    // Whether it is the server that fails, or one of these places.
                    self.check().await?;
                    if places.len() > 1 {
                        let half = places.split_off(places.len() / 2);
                        waiting.extend([half, places]);
                        continue;
                    }
                    failed += 1;
                    places.iter().filter_map(|place| missed(place, &reason, changes, known)).collect()
                }
                items => items?,
            };
            outlet.send(Batch { items, notes: known.news(), ..Batch::default() }).await?;
        }
        let gone: Vec<String> = known.places().into_iter().chain(known.unread()).filter(left).collect();
        Ok(gone.iter().flat_map(|place| known.gone(place)).collect())
    }

    /// Whether it is a calendar: what holds calendars would be listed as one that is empty.
    async fn check(&self) -> Result<(), Broken> {
        let found = self.ask(&self.propfind, "0", dav::WHAT.into()).await?;
        match found.map(|found| found.responses.iter().any(|response| response.calendar)) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Broken::Refused(format!(
                "{}: the address is not that of one calendar: give the address that the server shows for a calendar itself",
                self.who
            ))),
            Err(StatusCode::FORBIDDEN) => {
                Err(Broken::Refused(format!("{}: the account may not read this calendar", self.who)))
            }
            Err(status) => Err(self.odd(status)),
        }
    }

    /// What changed since that token; all that there is where the server cannot say.
    async fn changes(&self, token: &str) -> Result<Changes, Broken> {
        let mut changes = Changes { token: token.into(), whole: token.is_empty(), ..Changes::default() };
        let mut anew = changes.whole;
        loop {
            let found = match self.ask(&self.report, "0", dav::sync(&changes.token)).await? {
                Ok(found) => found,
                Err(status) if !status.is_client_error() => return Err(self.odd(status)),
                Err(_) if changes.token.is_empty() => return self.listing().await,
                Err(status) if std::mem::replace(&mut anew, true) => return Err(self.odd(status)),
                // The token is not known any more.
                Err(_) => {
                    changes = Changes { whole: true, ..Changes::default() };
                    continue;
                }
            };
            let Some(next) = found.token else {
                return Err(Broken::Retry(format!(
                    "{}: it says what changed, and no token for the next time",
                    self.who
                )));
            };
            // A server that has more to say answers so for the calendar itself.
            let more = found.responses.iter().any(|one| one.status == Some(507) && self.is_own(&self.place(&one.href)));
            self.note(found.responses, &mut changes);
            let ended = !more || next == changes.token;
            changes.token = next;
            if ended {
                return Ok(changes);
            }
        }
    }

    /// All that there is, where the server knows no tokens.
    async fn listing(&self) -> Result<Changes, Broken> {
        let found = self.ask(&self.propfind, "1", dav::LIST.into()).await?.map_err(|status| self.odd(status))?;
        let mut changes = Changes { whole: true, ..Changes::default() };
        self.note(found.responses, &mut changes);
        Ok(changes)
    }

    fn note(&self, responses: Vec<Response>, changes: &mut Changes) {
        for response in responses {
            let place = self.place(&response.href);
            match response.status {
                _ if self.is_own(&place) => {}
                Some(404 | 410) => _ = changes.places.insert(place, None),
                _ => _ = changes.places.insert(place, Some(response.etag)),
            }
        }
    }

    /// A place on the server, however the server writes it.
    fn place(&self, href: &str) -> String {
        self.url.join(href).map_or_else(|_| href.into(), |url| url.path().into())
    }

    /// Whether it is the calendar itself, or another that it holds.
    fn is_own(&self, place: &str) -> bool {
        place.ends_with('/') || *place == *self.url.path().trim_end_matches('/')
    }

    /// What these places hold. One that is gone since it was listed is told as gone the next time.
    async fn fetch(&self, places: &[String], changes: &Changes, known: &mut Known) -> Result<Vec<Item>, Broken> {
        let found = self.ask(&self.report, "1", dav::multiget(places)).await?.map_err(|status| self.odd(status))?;
        let mut found: BTreeMap<String, Response> =
            found.responses.into_iter().map(|response| (self.place(&response.href), response)).collect();
        let mut items = Vec::new();
        for place in places {
            match found.remove(place) {
                Some(Response { status: Some(404 | 410), .. }) => known.settled(place),
                Some(Response { etag, data: Some(data), .. }) => {
                    let said = known.said(place, &etag, &data);
                    items.extend(said.map_err(|error| Broken::Refused(error.to_string()))?);
                }
                _ => items.extend(missed(place, "the server lists it and does not give it", changes, known)),
            }
        }
        Ok(items)
    }

    /// Asks; gives the status of an answer that says no.
    async fn ask(
        &self,
        method: &Method,
        depth: &'static str,
        body: String,
    ) -> Result<Result<Multistatus, StatusCode>, Broken> {
        self.manners.turn().await;
        let request = self.client.request(method.clone(), self.url.clone()).header("depth", depth);
        let request = request.header(CONTENT_TYPE, "application/xml; charset=utf-8").body(body);
        let request = match (&self.user, &self.proof) {
            (Some(user), Some(password)) => request.basic_auth(user, Some(password.expose())),
            (None, Some(token)) => request.bearer_auth(token.expose()),
            _ => request,
        };
        let Whole { status, body, .. } = http::whole(&self.who, request, ANSWER).await?;
        let refused = |reason: &str| Err(Broken::Refused(format!("{}: {reason}", self.who)));
        match status {
            StatusCode::MULTI_STATUS => {
                let wrong = |error| Broken::Retry(format!("{}: its answer makes no sense: {error}", self.who));
                dav::read(&body).map(Ok).map_err(wrong)
            }
            StatusCode::UNAUTHORIZED => refused("the password or token is not accepted"),
            StatusCode::NOT_FOUND | StatusCode::GONE => refused("there is no calendar at this address"),
            status if status.is_redirection() => refused("the calendar has moved: give the address where it is now"),
            status => Ok(Err(status)),
        }
    }

    fn odd(&self, status: StatusCode) -> Broken {
        Broken::Retry(format!("{}: it answers {status}", self.who))
    }
}

/// A place that cannot be read is asked for again at the next looks; after some of them it is passed over, and that is said.
fn missed(place: &str, reason: &str, changes: &Changes, known: &mut Known) -> Option<Item> {
    let tag = changes.places.get(place).and_then(Option::as_deref);
    known.missed(place, tag).then(|| Item::Reject(Rejected::new(place, reason, b"")))
}

impl Feed for CaldavFeed {
    fn follow<'a>(&'a mut self, from: Resume, outlet: &'a Outlet) -> BoxFuture<'a, Result<Infallible, Broken>> {
        Box::pin(self.run(from, outlet))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn feed(config: &str) -> Result<CaldavFeed, String> {
        let named = Named { scope: "s".into(), feed: "work".into() };
        CaldavFeed::new(named, serde_json::from_str(config).unwrap())
    }

    #[test]
    fn what_is_wrong_with_a_configuration_is_said() {
        let with = |more: &str| feed(&format!("{{\"url\": \"https://dav.example.org/c\"{more}}}"));
        assert!(with("").is_ok());
        let path = ", \"user\": \"sam\", \"password\": {\"env\": \"PATH\"}";
        let feed = with(path).unwrap();
        assert!(feed.is_own("/c/") && feed.is_own("/c") && !feed.is_own("/c/1.ics"));
        assert_eq!(feed.place("https://dav.example.org/c/a b.ics"), "/c/a%20b.ics");
        for (more, expected) in [
            (", \"user\": \"sam\"", "password: "),
            (", \"password\": {\"env\": \"PATH\"}", "user: "),
            (", \"every\": 0", "every: 0 s"),
            (", \"time_zone\": \"Mars\"", "time_zone: \"Mars\""),
            (", \"token\": {\"env\": \"NEXUS_NO_SUCH_SECRET\"}", "token: the variable"),
        ] {
            let error = with(more).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
        assert!(self::feed("{\"url\": \"https://a:hunter2@b/\"}").unwrap_err().starts_with("url: it is no plain"));
    }
}
