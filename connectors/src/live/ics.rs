//! A calendar behind an address, followed: what Google calls the secret address in iCal format, and others a subscription.
//!
//! The whole calendar is asked for every so often, unless the server says that it did not change; what it says no more is
//! deleted once two reads running do not say it, unless something in it cannot be read. The address is a secret: who has it
//! can read. Offset: `1 ` and what the server said of the state in which it was read, in JSON. Notes: see `caldav::known`.
//! Cost: the calendar in memory, and what is known of it.

use std::convert::Infallible;
use std::time::Duration;

use futures::future::BoxFuture;
use nexus_types::Text;
use reqwest::{Client, StatusCode, Url};
use serde::Deserialize;

use super::caldav::known::Known;
use super::caldav::{every, options};
use super::http::{self, Validators, Whole};
use super::{Batch, Broken, Feed, Named, Outlet, Resume, SecretRef};
use crate::{Options, calendar};

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(120);
/// So often an address may lead to another.
const REDIRECTS_MAX: usize = 5;

/// What a configuration says of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IcsConfig {
    /// Where the address is kept.
    pub url: SecretRef,
    /// Seconds between looks.
    #[serde(default = "five_minutes")]
    pub every: u64,
    /// What events are named after; by default the feed.
    pub source: Option<Text>,
    /// The channel of its events; by default what the calendar calls itself.
    pub channel: Option<Text>,
    /// The zone of times without one, and in which those in UTC are told; by default what the calendar says.
    pub time_zone: Option<Text>,
}

fn five_minutes() -> u64 {
    300
}

/// A calendar that is followed.
#[derive(Debug)]
pub struct IcsFeed {
    url: SecretRef,
    every: Duration,
    options: Options,
    client: Client,
}

/// The address; errors do not quote it. Calendar programs write `webcal` for `https`.
fn address(text: &str) -> Result<Url, String> {
    let wrong = || "url: it is no address, such as https://calendar.example.org/sam/basic.ics".to_string();
    let text = match text.trim().split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("webcal") => format!("https://{rest}"),
        _ => text.trim().to_string(),
    };
    let url = Url::parse(&text).map_err(|_| wrong())?;
    if matches!(url.scheme(), "http" | "https") && url.has_host() { Ok(url) } else { Err(wrong()) }
}

impl IcsFeed {
    /// Checks what the configuration says, and reads the address.
    pub fn new(named: Named, config: IcsConfig) -> Result<IcsFeed, String> {
        let IcsConfig { url, every: seconds, source, channel, time_zone } = config;
        // Whether it is an address is seen when it is asked for, as it is then.
        url.read().map_err(|error| format!("url: {error}"))?;
        let options = options(&named, source, channel, time_zone)?;
        Ok(IcsFeed { url, every: every(seconds)?, options, client: http::client()? })
    }

    async fn run(&mut self, from: Resume, outlet: &Outlet) -> Result<Infallible, Broken> {
        let secret = self.url.fetch("url", outlet.now()).await?;
        let url = address(secret.expose()).map_err(Broken::Refused)?;
        let who = url.host_str().unwrap_or_default().to_string();
        let read = |offset: &str| serde_json::from_str::<Validators>(offset.strip_prefix("1 ")?).ok();
        let mut state = from.offset.as_deref().and_then(read);
        let mut known = Known::new(self.options.clone(), from.notes);
        loop {
            if let Some((next, body)) = self.get(&url, &who, state.as_ref()).await? {
                let text = String::from_utf8_lossy(&body);
                if !calendar::looks_like(text.trim_start_matches('\u{feff}').trim_start().as_bytes()) {
                    return Err(Broken::Retry(format!("{who}: what it gives is no calendar")));
                }
                let items = known.said("", "", &text).map_err(|error| Broken::Refused(error.to_string()))?;
                let notes = known.news();
                // In doubt it is asked for as if it had not been read.
                let next = if known.is_in_doubt() { state.clone() } else { Some(next) };
                if !items.is_empty() || !notes.is_empty() || state != next {
                    let written = next.as_ref().and_then(|next| serde_json::to_string(next).ok());
                    let offset = written.map(|next| format!("1 {next}").into());
                    outlet.send(Batch { items, offset, notes, unfinished: false }).await?;
                }
                state = next;
            } else {
                known.unchanged();
            }
            outlet.healthy();
            tokio::time::sleep(self.every).await;
        }
    }

    /// The calendar and its state; nothing if it still is in that state.
    async fn get(
        &self,
        url: &Url,
        who: &str,
        state: Option<&Validators>,
    ) -> Result<Option<(Validators, Vec<u8>)>, Broken> {
        let mut url = url.clone();
        for _ in 0..=REDIRECTS_MAX {
            let request = self.client.get(url.clone());
            let request = match state {
                Some(state) => state.ask(&url, request),
                None => request,
            };
            let Whole { status, headers, body } = http::whole(who, request, ANSWER).await?;
            match status {
                StatusCode::OK => return Ok(Some((Validators::new(&url, &headers), body))),
                StatusCode::NOT_MODIFIED => return Ok(None),
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND | StatusCode::GONE => {
                    let reason = format!("{who}: it answers {status}: the address may have been reset");
                    return Err(Broken::Refused(reason));
                }
                status if status.is_redirection() => {
                    let nowhere = || Broken::Retry(format!("{who}: it leads elsewhere, and not to an address"));
                    url = http::leads_to(&headers, &url).ok_or_else(nowhere)?;
                }
                status => return Err(Broken::Retry(format!("{who}: it answers {status}"))),
            }
        }
        Err(Broken::Retry(format!("{who}: it leads elsewhere more than {REDIRECTS_MAX} times")))
    }
}

impl Feed for IcsFeed {
    fn follow<'a>(&'a mut self, from: Resume, outlet: &'a Outlet) -> BoxFuture<'a, Result<Infallible, Broken>> {
        Box::pin(self.run(from, outlet))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_address_is_read_and_not_quoted() {
        assert_eq!(address("webcal://a.org/b?key=1\n").unwrap().as_str(), "https://a.org/b?key=1");
        for wrong in ["hunter2", "ftp://a/hunter2", "file:///hunter2", ""] {
            assert!(!address(wrong).unwrap_err().contains("hunter2"));
        }
    }
}
