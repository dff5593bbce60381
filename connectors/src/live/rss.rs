//! RSS, Atom and JSON Feed, followed: a document that is asked for every so often.
//!
//! Requests are conditional, so what did not change is not sent again. Offset: what the server said of the document last.
//! Notes: a revision and a hash for each entry, see `held`. A document that is older than the last one, as proxies give, is
//! passed over until it has come three times. Cost: a request every so often; a document in memory while it is read.

mod document;
mod held;
mod tags;

use std::convert::Infallible;
use std::time::Duration;

use futures::future::BoxFuture;
use nexus_types::{Hash128, Millis, Text};
use reqwest::header::{ACCEPT, CACHE_CONTROL, HeaderMap, USER_AGENT};
use reqwest::{Client, StatusCode, Url};
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use super::http::{self, Validators, Whole};
use super::{Batch, Broken, Feed, Named, Outlet, Resume};
use crate::{Item, REJECT_BYTES_MAX, Rejected};
use document::Document;
use held::{Frame, Held};

/// How long a document may take.
const ANSWER: Duration = Duration::from_secs(60);
/// The largest document that is read.
const DOCUMENT_BYTES_MAX: usize = 16 << 20;
/// The longest pause between looks, whatever a server says.
const PAUSE_MAX: Duration = Duration::from_secs(86_400);
/// So often a document may lead elsewhere.
const REDIRECTS_MAX: usize = 5;
/// An older document that comes so often in a row is what there is now.
const OLDER_MAX: u32 = 3;
/// Who asks, and for what.
const AGENT: &str = concat!("nexus/", env!("CARGO_PKG_VERSION"));
const FORMATS: &str =
    "application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, */*;q=0.5";

/// What a configuration says of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RssConfig {
    /// Where the document is: `https://example.org/feed.xml`.
    pub url: String,
    /// Seconds between looks.
    #[serde(default = "five_minutes")]
    pub every: u64,
    /// The channel of its events; by default what the feed calls itself.
    pub title: Option<Text>,
    /// What events are named after; by default the feed.
    pub source: Option<Text>,
}

fn five_minutes() -> u64 {
    300
}

/// A document that is followed.
#[derive(Debug)]
pub struct RssFeed {
    named: Named,
    url: Url,
    who: String,
    every: Duration,
    title: Option<Text>,
    source: Text,
    client: Client,
    /// What could not be read last: it is a reject once.
    unreadable: Option<Hash128>,
}

/// What is known of the state of a document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    #[serde(flatten)]
    validators: Validators,
    /// When it was changed, as the document says of itself.
    updated: Option<Millis>,
}

/// What is known of the document while it is followed.
struct Followed {
    mark: Mark,
    held: Held,
    /// A hash of what was read last.
    read: Option<Hash128>,
    /// How often in a row an older one came.
    older: u32,
}

impl Mark {
    fn read(offset: Option<&str>) -> Mark {
        offset.and_then(|offset| serde_json::from_str(offset.strip_prefix("1 ")?).ok()).unwrap_or_default()
    }

    fn new(url: &Url, headers: &HeaderMap, document: &Document) -> Mark {
        Mark { validators: Validators::new(url, headers), updated: document.updated }
    }

    fn offset(&self) -> Option<Text> {
        serde_json::to_string(self).ok().map(|mark| format!("1 {mark}").into())
    }

    /// Whether it is of an older document than the other.
    fn is_before(&self, other: &Mark) -> bool {
        let before = |this: Option<Millis>, other: Option<Millis>| this.zip(other).is_some_and(|(a, b)| a < b);
        let modified = |mark: &Mark| mark.validators.modified().map(|time| time.as_millisecond());
        before(modified(self), modified(other)) || before(self.updated, other.updated)
    }
}

impl RssFeed {
    /// Checks what the configuration says.
    pub fn new(named: Named, config: RssConfig) -> Result<RssFeed, String> {
        // It is not quoted: somebody may have written a password into it.
        let wrong = || "url: it is no plain address, such as https://example.org/feed.xml".to_string();
        let url = Url::parse(&config.url).ok().filter(is_plain).ok_or_else(wrong)?;
        let who = url.host_str().ok_or_else(wrong)?.to_string();
        if !(1..=PAUSE_MAX.as_secs()).contains(&config.every) {
            return Err(format!("every: {} s: give 1 to {}", config.every, PAUSE_MAX.as_secs()));
        }
        let source = config.source.unwrap_or_else(|| named.feed.clone());
        let (every, title, client) = (Duration::from_secs(config.every), config.title, http::client()?);
        Ok(RssFeed { named, url, who, every, title, source, client, unreadable: None })
    }

    async fn run(&mut self, from: Resume, outlet: &Outlet) -> Result<Infallible, Broken> {
        let mark = Mark::read(from.offset.as_deref());
        let mut followed = Followed { mark, held: Held::new(from.notes), read: None, older: 0 };
        loop {
            let pause = self.look(&mut followed, outlet).await?;
            tokio::time::sleep(pause.clamp(self.every, PAUSE_MAX)).await;
        }
    }

    /// Looks once; gives for how long the server wants to be left alone.
    async fn look(&mut self, followed: &mut Followed, outlet: &Outlet) -> Result<Duration, Broken> {
        let (url, answer) = self.fetch(&followed.mark).await?;
        let pause = max_age(&answer.headers);
        let says = |what: &str| format!("{}: {what}", self.who);
        match answer.status {
            StatusCode::OK => {}
            StatusCode::NOT_MODIFIED => {
                followed.older = 0;
                outlet.healthy();
                return Ok(pause);
            }
            StatusCode::GONE => return Err(Broken::Refused(says("the feed was given up: take it out"))),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                return Err(Broken::Refused(says("it does not show the feed to everybody")));
            }
            status => return Err(Broken::Wait(says(&format!("it answers {status}")), self.every)),
        }
        if answer.body.len() > DOCUMENT_BYTES_MAX {
            let reason = says(&format!("the feed is larger than {DOCUMENT_BYTES_MAX} bytes"));
            return Err(Broken::Wait(reason, self.every));
        }
        let read = Hash128::of("document", &[answer.body.as_slice()]);
        if followed.read == Some(read) {
            followed.older = 0;
            outlet.healthy();
            return Ok(pause);
        }
        let document = self.document(answer.body, &url, read, outlet).await?;
        outlet.healthy();
        let mark = Mark::new(&url, &answer.headers, &document);
        if mark.is_before(&followed.mark) {
            followed.older += 1;
            if followed.older < OLDER_MAX {
                return Ok(pause);
            }
        }
        (followed.older, followed.read) = (0, Some(read));
        self.take(followed, mark, &document, outlet).await?;
        Ok(pause.max(Duration::from_secs(u64::from(document.ttl) * 60)))
    }

    /// Reads a document, away from what waits for the network. What cannot be read is a reject once.
    async fn document(&mut self, body: Vec<u8>, url: &Url, hash: Hash128, outlet: &Outlet) -> Result<Document, Broken> {
        let (start, at) = (body[..body.len().min(REJECT_BYTES_MAX)].to_vec(), url.to_string());
        // A bug of the parser is an unreadable document.
        let read = spawn_blocking(move || document::read(&body, &at)).await.unwrap_or_else(|bug| Err(bug.to_string()));
        let reason = match read {
            Ok(document) => return Ok(document),
            Err(reason) => reason,
        };
        if self.unreadable.replace(hash) != Some(hash) {
            let items = vec![Item::Reject(Rejected::new(&self.who, &reason, &start))];
            outlet.send(Batch { items, ..Batch::default() }).await?;
        }
        Err(Broken::Wait(format!("{}: what it gives is no feed that can be read: {reason}", self.who), self.every))
    }

    async fn take(
        &self,
        followed: &mut Followed,
        mark: Mark,
        document: &Document,
        outlet: &Outlet,
    ) -> Result<(), Broken> {
        let Followed { held, mark: before, .. } = followed;
        let channel = match &self.title {
            Some(title) => title.clone(),
            None => held.title(document.title.as_ref(), &self.who),
        };
        let frame = Frame { scope: self.named.scope.clone(), source: self.source.clone(), channel };
        let items = held.take(document, &frame, outlet.now());
        let notes = held.news();
        if !items.is_empty() || !notes.is_empty() || mark != *before {
            outlet.send(Batch { items, offset: mark.offset(), notes, unfinished: false }).await?;
        }
        *before = mark;
        Ok(())
    }

    /// Asks for the document, wherever it leads; gives where it was found.
    async fn fetch(&self, mark: &Mark) -> Result<(Url, Whole), Broken> {
        let mut url = self.url.clone();
        for _ in 0..=REDIRECTS_MAX {
            let request = self.client.get(url.clone()).header(USER_AGENT, AGENT).header(ACCEPT, FORMATS);
            let request = mark.validators.ask(&url, request);
            let answer = http::whole(&self.who, request, ANSWER).await?;
            if !answer.status.is_redirection() || answer.status == StatusCode::NOT_MODIFIED {
                return Ok((url, answer));
            }
            let to = http::leads_to(&answer.headers, &url).filter(is_plain);
            url = to.ok_or_else(|| Broken::Refused(format!("{}: it leads to no plain address", self.who)))?;
        }
        Err(Broken::Wait(format!("{}: it leads elsewhere again and again", self.who), self.every))
    }
}

impl Feed for RssFeed {
    fn follow<'a>(&'a mut self, from: Resume, outlet: &'a Outlet) -> BoxFuture<'a, Result<Infallible, Broken>> {
        Box::pin(self.run(from, outlet))
    }
}

/// Over HTTP, without a name or a password.
fn is_plain(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none()
}

/// For how long an answer says that it holds.
fn max_age(headers: &HeaderMap) -> Duration {
    let values = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let seconds = values.flat_map(|value| value.split(',')).find_map(|part| {
        let (name, seconds) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case("max-age").then(|| seconds.trim().trim_matches('"').parse::<u64>().ok())?
    });
    Duration::from_secs(seconds.unwrap_or(0)).min(PAUSE_MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use reqwest::header::LAST_MODIFIED;

    use super::*;

    #[test]
    fn an_older_document_is_told_by_either_of_its_times() {
        let url = Url::parse("https://example.org/feed.xml").unwrap();
        let mark = |modified: &str, updated| {
            let headers: HeaderMap = [(LAST_MODIFIED, modified.parse().unwrap())].into_iter().collect();
            Mark { validators: Validators::new(&url, &headers), updated }
        };
        let (one, two) = ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:38 GMT");
        assert!(mark(one, None).is_before(&mark(two, None)) && mark(one, Some(1)).is_before(&mark(one, Some(2))));
        assert!(!mark(two, Some(1)).is_before(&mark(one, None)) && !mark("soon", None).is_before(&mark(two, None)));
        let kept = mark(one, Some(7));
        assert_eq!(Mark::read(kept.offset().as_deref()), kept);
        assert_eq!(Mark::read(Some("2 ?")), Mark::default());
    }

    #[test]
    fn what_a_server_wants_is_respected_up_to_a_day() {
        let told = |value: &str| {
            let headers: HeaderMap = [(CACHE_CONTROL, value.parse().unwrap())].into_iter().collect();
            max_age(&headers).as_secs()
        };
        assert_eq!(told("public, max-age=600"), 600);
        assert_eq!([told("no-store"), told("max-age=soon"), told("max-age=99999999")], [0, 0, 86_400]);
    }

    #[test]
    fn what_is_wrong_in_a_configuration_is_named() {
        let named = || Named { scope: "s".into(), feed: "f".into() };
        let made =
            |url: &str, every| RssFeed::new(named(), RssConfig { url: url.into(), every, title: None, source: None });
        assert!(made("https://example.org/?format=rss", 300).is_ok());
        let error = made("https://anna:hunter2@example.org", 300).unwrap_err();
        assert!(error.starts_with("url: ") && !error.contains("hunter2"), "{error}");
        assert!(made("https://example.org", 0).unwrap_err().starts_with("every: 0 s"));
    }
}
