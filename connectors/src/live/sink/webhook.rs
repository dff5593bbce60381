//! A webhook that changes are posted to, signed as Standard Webhooks are: one request each, in order.
//!
//! Headers: `webhook-id`, `webhook-timestamp` in seconds, `webhook-signature: v1,` and the HMAC-SHA256, in base64, of
//! id, timestamp and body with points between. Any answer of 2xx says that the change is there. Cost: a request a
//! change.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::future::BoxFuture;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, StatusCode, Url};
use ring::hmac;
use serde::Deserialize;

use super::{Dispatch, Sink};
use crate::live::{Broken, Clock, SecretRef, http};

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(30);
/// Stands before a secret that is base64.
const ENCODED: &str = "whsec_";

/// What a configuration says of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookSinkConfig {
    /// Where to post: `https://example.org/hooks/memory`.
    pub url: String,
    /// What requests are signed with: `whsec_` and base64, or any text.
    pub secret: SecretRef,
}

/// A webhook.
#[derive(Debug)]
pub struct WebhookSink {
    url: Url,
    who: String,
    secret: SecretRef,
    client: Client,
    clock: Clock,
}

impl WebhookSink {
    /// Checks what the configuration says. `clock`: for the timestamps that are signed.
    pub fn new(config: WebhookSinkConfig, clock: Clock) -> Result<WebhookSink, String> {
        let WebhookSinkConfig { url, secret } = config;
        let (url, who) =
            http::address(&url, "https://example.org/hooks/memory").map_err(|error| format!("url: {error}"))?;
        let found = secret.read().map_err(|error| format!("secret: {error}"))?;
        key(found.expose()).map_err(|error| format!("secret: {error}"))?;
        Ok(WebhookSink { url, who, secret, client: http::client()?, clock })
    }

    async fn post(&self, dispatch: &Dispatch, key: &hmac::Key) -> Result<(), Broken> {
        let at = (self.clock)().div_euclid(1000);
        let request = self.client.post(self.url.clone()).header(CONTENT_TYPE, "application/json");
        let request = request.header("webhook-id", &dispatch.id).header("webhook-timestamp", at);
        let request = request.header("webhook-signature", signature(key, &dispatch.id, at, &dispatch.body));
        let answer = http::whole(&self.who, request.body(dispatch.body.clone()), ANSWER).await?;
        match answer.status {
            status if status.is_success() => Ok(()),
            StatusCode::REQUEST_TIMEOUT => Err(Broken::Retry(format!("{}: it answers {}", self.who, answer.status))),
            status => Err(Broken::Refused(format!("{}: it answers {status} to {}", self.who, dispatch.id))),
        }
    }
}

impl Sink for WebhookSink {
    fn deliver<'a>(&'a mut self, dispatches: &'a [Dispatch], done: &'a mut usize) -> BoxFuture<'a, Result<(), Broken>> {
        Box::pin(async move {
            let secret = self.secret.fetch("secret", (self.clock)()).await?;
            let key = key(secret.expose()).map_err(|error| Broken::Refused(format!("secret: {error}")))?;
            for dispatch in dispatches {
                self.post(dispatch, &key).await?;
                *done += 1;
            }
            Ok(())
        })
    }
}

fn key(secret: &str) -> Result<hmac::Key, String> {
    let bytes = match secret.strip_prefix(ENCODED) {
        Some(encoded) => STANDARD.decode(encoded).map_err(|_| format!("after {ENCODED} base64 is expected"))?,
        None => secret.as_bytes().to_vec(),
    };
    if bytes.is_empty() {
        return Err("it is empty".into());
    }
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

fn signature(key: &hmac::Key, id: &str, at: i64, body: &str) -> String {
    let tag = hmac::sign(key, format!("{id}.{at}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(tag))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn signatures_are_those_of_the_standard() {
        // The example of the Standard Webhooks specification's reference libraries.
        let key = key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = signature(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, "{\"test\": 2432232314}");
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert!(self::key("whsec_?").is_err() && self::key("whsec_").is_err() && self::key("plain").is_ok());
    }
}
