//! Requests to a platform: bounded in time and size, and errors that name no secret.

use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use reqwest::{Client, StatusCode};
use serde_json::Value;

use super::Broken;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(10);
/// The largest answer that is read.
const ANSWER_BYTES_MAX: usize = 64 << 20;
/// How long to wait where a platform says "too much" and not for how long.
const TOO_MUCH: Duration = Duration::from_secs(30);

/// A platform's answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
}

/// Something that makes requests; it follows no redirect, which might take a token elsewhere.
pub(crate) fn client() -> Result<Client, String> {
    let client = Client::builder().connect_timeout(CONNECT).redirect(reqwest::redirect::Policy::none());
    client.build().map_err(|error| format!("no requests can be made: {error}"))
}

/// Sends a request and reads the JSON that comes; an answer that asks to wait is [`Broken::Wait`]. `who` names the platform
/// in errors.
pub(crate) async fn json(who: &str, request: reqwest::RequestBuilder, within: Duration) -> Result<Answer, Broken> {
    // An error's own text may carry the address, with what stands in it.
    let lost = |error: reqwest::Error| Broken::Retry(format!("{who}: {}", causes(&error.without_url())));
    let mut response = request.timeout(within).send().await.map_err(lost)?;
    let status = response.status();
    let told = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let mut bytes = Vec::new();
    while let Some(part) = response.chunk().await.map_err(lost)? {
        if bytes.len() + part.len() > ANSWER_BYTES_MAX {
            return Err(Broken::Retry(format!("{who}: its answer is larger than {ANSWER_BYTES_MAX} bytes")));
        }
        bytes.extend_from_slice(&part);
    }
    if status.is_server_error() {
        return Err(Broken::Retry(format!("{who}: it answers {status}")));
    }
    match serde_json::from_slice::<Value>(&bytes) {
        _ if status == StatusCode::TOO_MANY_REQUESTS => {
            let told = told.map_or(TOO_MUCH, Duration::from_secs);
            Err(Broken::Wait(format!("{who}: it asks us to wait"), told))
        }
        Ok(body) => Ok(Answer { status, body }),
        Err(error) => Err(Broken::Retry(format!("{who}: it answers {status} with no JSON: {error}"))),
    }
}

/// An error with what caused it.
fn causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let mut texts: Vec<String> = causes.map(ToString::to_string).collect();
    texts.dedup();
    texts.join(": ")
}
