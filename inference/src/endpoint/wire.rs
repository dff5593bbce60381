//! The wire: one chat completion over HTTP, tried again where that may help, with what the server is found to understand.
//!
//! Busy (429), failing (5xx) and silent servers are asked again after a wait that doubles, or that they name themselves.
//! What a server says of itself, such as a key it does not take, is a reason to wait for the user; what it says of a
//! request is [`Said::Unfit`]. The key is read from its variable for each request, and is in no text that is shown, logged
//! or stored. Cost: the server's.

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::fmt::rfc2822;
use nexus_types::Text;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, StatusCode, Url};
use serde_json::Value;

use super::Config;
use super::prompt::{self, Form};
use crate::error::causes;

/// The longest reply, in bytes.
const REPLY_BYTES_MAX: usize = 8 << 20;
/// How much of what a server says of an error is shown, in characters.
const EXCERPT: usize = 200;

/// How long a server is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How often a request is sent at most.
    pub attempts: u32,
    /// The wait before the second time; it doubles.
    pub first_wait: Duration,
    /// The longest wait that a server may ask for; beyond it the endpoint rests.
    pub wait_max: Duration,
    /// How long a reply may take.
    pub timeout: Duration,
    /// How long nothing is asked after a failure.
    pub rest: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            attempts: 4,
            first_wait: Duration::from_secs(1),
            wait_max: Duration::from_secs(60),
            timeout: Duration::from_secs(120),
            rest: Duration::from_secs(60),
        }
    }
}

/// What came of a request.
pub(super) enum Said {
    /// The model's reply, whether it was cut off, and the tokens it took if the server tells.
    Content { content: String, cut: bool, tokens: Option<u64> },
    /// The server does not take this request.
    Unfit(String),
    /// Not now, and how long not.
    Later { reason: String, rest: Duration },
}

/// Why one attempt did not do.
enum Failed {
    /// The form may be too much for the server.
    Form(String),
    /// It may go better in a while.
    Passing { reason: String, after: Option<Duration>, attempts: u32 },
    /// The user has to do something.
    Lasting(String),
}

pub(super) struct Wire {
    client: Client,
    url: String,
    model: String,
    key_env: String,
    patience: Patience,
    /// The most that the server is known to understand, as a place in [`Form::ALL`].
    form: AtomicUsize,
}

impl Wire {
    pub(super) fn new(config: &Config, patience: Patience) -> Result<Self, String> {
        let url = format!("{}/chat/completions", config.url);
        let builder = Client::builder()
            .connect_timeout(patience.timeout.min(Duration::from_secs(20)))
            .timeout(patience.timeout)
            .user_agent("nexus")
            // Texts and key go to the address that was given, and to no other.
            .redirect(reqwest::redirect::Policy::none());
        let builder = if is_local(&url) { builder.no_proxy() } else { builder };
        let client = builder.build().map_err(|error| causes(&error))?;
        let (model, key_env) = (config.model.clone(), config.key_env.clone());
        Ok(Self { client, url, model, key_env, patience, form: AtomicUsize::new(0) })
    }

    /// How long nothing is asked after a failure.
    pub(super) fn rest(&self) -> Duration {
        self.patience.rest
    }

    /// Asks for the reply to some texts.
    pub(super) async fn ask(&self, texts: &[Text]) -> Said {
        let (mut at, mut sent) = (self.form.load(Ordering::Relaxed), 0);
        let mut wait = self.patience.first_wait;
        let later = |reason: String, rest: Duration| Said::Later { reason, rest };
        loop {
            sent += 1;
            match self.send(&prompt::request(&self.model, texts, Form::ALL[at])).await {
                Ok(completion) => {
                    // Only now is it known that the form, and not the texts, was what it did not take.
                    self.form.fetch_max(at, Ordering::Relaxed);
                    return completion;
                }
                Err(Failed::Form(_)) if at + 1 < Form::ALL.len() => {
                    at += 1;
                    sent = 0;
                }
                Err(Failed::Form(reason)) => return Said::Unfit(reason),
                Err(Failed::Lasting(reason)) => return later(reason, self.patience.rest),
                Err(Failed::Passing { reason, after, attempts }) => {
                    let pause = after.unwrap_or(wait);
                    if pause > self.patience.wait_max || sent >= attempts.min(self.patience.attempts) {
                        return later(reason, after.unwrap_or_default().max(self.patience.rest));
                    }
                    tracing::debug!(reason, ?pause, "the endpoint is asked again");
                    tokio::time::sleep(pause).await;
                    wait = (wait * 2).min(self.patience.wait_max);
                }
            }
        }
    }

    async fn send(&self, request: &Value) -> Result<Said, Failed> {
        let mut post = self.client.post(&self.url).header(CONTENT_TYPE, "application/json").body(request.to_string());
        if let Some(key) = self.key()? {
            post = post.header(AUTHORIZATION, key);
        }
        let mut answer = post.send().await.map_err(|error| self.unsent(&error))?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let mut body = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(|error| self.unsent(&error))? {
            body.extend_from_slice(&piece);
            if body.len() > REPLY_BYTES_MAX {
                return Err(Failed::Lasting(format!("{} says more than any reply has", self.url)));
            }
        }
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        if status.is_success() { self.completion(&body) } else { Err(self.failure(status, &headers, &body)) }
    }

    /// The header with the key, if the server wants one.
    fn key(&self) -> Result<Option<HeaderValue>, Failed> {
        if self.key_env.is_empty() {
            return Ok(None);
        }
        let key = std::env::var(&self.key_env).unwrap_or_default();
        let header = HeaderValue::from_str(&format!("Bearer {}", key.trim())).ok().filter(|_| !key.trim().is_empty());
        let mut header =
            header.ok_or_else(|| Failed::Lasting(format!("no key: set {} and try again", self.key_env)))?;
        header.set_sensitive(true);
        Ok(Some(header))
    }

    fn completion(&self, body: &Value) -> Result<Said, Failed> {
        let choice = &body["choices"][0];
        let message = &choice["message"];
        if !message.is_object() {
            return Err(Failed::Lasting(format!("{} gives no chat completion: is it the right address?", self.url)));
        }
        // A model that declines says so in other words, which are no JSON either.
        let content = message["content"].as_str().or_else(|| message["refusal"].as_str()).unwrap_or_default();
        let cut = choice["finish_reason"] == "length";
        Ok(Said::Content { content: content.into(), cut, tokens: body["usage"]["total_tokens"].as_u64() })
    }

    fn failure(&self, status: StatusCode, headers: &HeaderMap, body: &Value) -> Failed {
        let said = excerpt(body);
        let named = format!("{} answers {status}{said}", self.url);
        match status.as_u16() {
            // What it says then may quote the key.
            401 | 403 if self.key_env.is_empty() => {
                Failed::Lasting(format!("{} wants a key ({status}): add the endpoint with --key-env VAR", self.url))
            }
            401 | 403 => Failed::Lasting(format!("{} does not take the key in {} ({status})", self.url, self.key_env)),
            404 => Failed::Lasting(format!("{named}: it has no model `{}`, or the address is another", self.model)),
            400 | 422 if is_about_model(&said) => Failed::Lasting(format!("{named}: it has no model `{}`", self.model)),
            400 | 413 | 415 | 422 | 501 => Failed::Form(named),
            408 | 409 | 425 | 429 | 500..=599 => {
                Failed::Passing { reason: named, after: retry_after(headers), attempts: u32::MAX }
            }
            300..=399 => Failed::Lasting(format!("{named}: it is somewhere else, and redirects are not followed")),
            _ => Failed::Lasting(named),
        }
    }

    fn unsent(&self, error: &reqwest::Error) -> Failed {
        // A server that is not there is not there a second later; one that is silent has cost a timeout already.
        let attempts = if error.is_connect() || error.is_timeout() { 2 } else { u32::MAX };
        let what = if error.is_timeout() { "does not answer in time" } else { "cannot be reached" };
        Failed::Passing { reason: format!("{} {what}: {}", self.url, causes(error)), after: None, attempts }
    }
}

/// Whether the server is this machine: then no proxy is asked.
fn is_local(url: &str) -> bool {
    let Some(host) = Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)) else { return false };
    let host = host.trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// How long the server asks to wait: in seconds, or until a date, which is held against the server's own.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let said = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = said.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = |text: &str| rfc2822::parse(text).ok().map(|zoned| zoned.timestamp().as_second());
    let now = date(headers.get(DATE)?.to_str().ok()?)?;
    Some(Duration::from_secs(u64::try_from(date(said)?.saturating_sub(now)).unwrap_or(0)))
}

fn is_about_model(said: &str) -> bool {
    let said = said.to_lowercase();
    said.contains("model")
        && ["not found", "not exist", "no such", "unknown model", "invalid model"].iter().any(|no| said.contains(no))
}

/// What a server says of an error, in short.
fn excerpt(body: &Value) -> String {
    let said =
        body["error"]["message"].as_str().or_else(|| body["error"].as_str()).or_else(|| body["message"].as_str());
    said.map(|said| format!(" ({})", said.chars().take(EXCERPT).collect::<String>())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_wait_is_in_seconds_or_until_a_date() {
        let wait = |after: &str, date: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, after.parse().unwrap());
            date.map(|date| headers.insert(DATE, date.parse().unwrap()));
            retry_after(&headers).map(|wait| wait.as_secs())
        };
        let now = Some("Wed, 21 Oct 2015 07:28:00 GMT");
        assert_eq!(wait("7", None), Some(7));
        assert_eq!(wait("Wed, 21 Oct 2015 07:28:30 GMT", now), Some(30));
        assert_eq!(wait("Wed, 21 Oct 2015 07:27:00 GMT", now), Some(0));
        assert_eq!(wait("Wed, 21 Oct 2015 07:28:30 GMT", None), None);
        assert_eq!((wait("-1", None), wait("soon", now)), (None, None));
    }

    #[test]
    fn no_proxy_stands_before_this_machine() {
        assert!(["http://localhost:1/v1", "http://127.0.0.1/v1", "http://[::1]:8080/v1"].into_iter().all(is_local));
        assert!(!["https://api.example/v1", "http://10.0.0.1/v1"].into_iter().any(is_local));
    }
}
