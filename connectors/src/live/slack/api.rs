//! Slack's Web API, as far as it is asked: who a user is, what a channel is called, what was said in it.
//!
//! Slack answers 200 to what it refuses, with `"ok": false` and an error's name. Cost: one request a name, once.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, Url};
use serde_json::Value;

use crate::json::text;
use crate::live::manners::Manners;
use crate::live::{Broken, Secret, http};
use crate::slack;

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(10);
/// So many requests a minute are for what comes, and so many for what was missed: together what Slack allows of the strictest
/// of the methods.
const A_MINUTE: (u32, u32) = (30, 20);
/// The longest pause before something is asked again.
const PAUSE_MAX: Duration = Duration::from_secs(300);
/// Something is tried so often.
const TRIES: u32 = 10;
/// What passes by itself.
const PASSING: [&str; 5] = ["internal_error", "fatal_error", "ratelimited", "request_timeout", "service_unavailable"];

/// The API, with a token for it.
#[derive(Clone)]
pub(super) struct Api {
    client: Client,
    server: Url,
    who: String,
    token: Secret,
    manners: Arc<Manners>,
}

impl Api {
    pub(super) fn new(client: Client, (server, who): (Url, String), token: Secret) -> Api {
        Api { client, server, who, token, manners: a_minute(A_MINUTE.0) }
    }

    /// The same, for what was missed: it is asked for beside what comes, and does not keep that waiting.
    pub(super) fn for_what_was_missed(&self) -> Api {
        Api { manners: a_minute(A_MINUTE.1), ..self.clone() }
    }

    /// Whether the token is accepted.
    pub(super) async fn test(&self) -> Result<(), Broken> {
        let body = self.get("auth.test", &[]).await?;
        match text(&body, "error") {
            _ if body["ok"] == true => Ok(()),
            error if PASSING.contains(&error) => Err(Broken::Retry(format!("{}: auth.test: {error}", self.who))),
            error => Err(Broken::Refused(format!("token: {} does not accept it: {error}", self.who))),
        }
    }

    /// `Anna Kowalska <U1>`; the id of somebody whom we do not get to see.
    pub(super) async fn user(&self, id: &str) -> Result<String, Broken> {
        let body = self.shown("users.info", ("user", id)).await?;
        Ok(slack::person(slack::user_name(&body["user"]), id))
    }

    /// `#general`; the id of what has no name, or which we do not get to see.
    pub(super) async fn room(&self, id: &str) -> Result<String, Broken> {
        let body = self.shown("conversations.info", ("channel", id)).await?;
        Ok(match text(&body["channel"], "name") {
            "" => id.into(),
            name => format!("#{name}"),
        })
    }

    /// What it says of one; nothing if we do not get to see that, for whatever reason that does not pass.
    async fn shown(&self, method: &str, what: (&str, &str)) -> Result<Value, Broken> {
        let body = self.get(method, &[what]).await?;
        match text(&body, "error") {
            _ if body["ok"] == true => Ok(body),
            error if PASSING.contains(&error) => Err(Broken::Retry(format!("{}: {method}: {error}", self.who))),
            _ => Ok(Value::Null),
        }
    }

    /// A page of what was said in a channel since then, the newest first; or why there is none, after some tries.
    pub(super) async fn history(&self, room: &str, oldest: &str, cursor: &str) -> Result<Value, String> {
        let query = [("channel", room), ("oldest", oldest), ("limit", "200"), ("cursor", cursor)];
        let mut last = String::new();
        for usual in pauses() {
            let (reason, pause) = match self.get("conversations.history", &query).await {
                Ok(body) if body["ok"] == true => return Ok(body),
                Ok(body) => match text(&body, "error") {
                    error if PASSING.contains(&error) => (error.to_string(), usual),
                    error => return Err(error.into()),
                },
                Err(Broken::Wait(reason, pause)) => (reason, pause.max(usual)),
                Err(broken) => (broken.reason().to_string(), usual),
            };
            last = reason;
            tokio::time::sleep(pause).await;
        }
        Err(last)
    }

    async fn get(&self, method: &str, query: &[(&str, &str)]) -> Result<Value, Broken> {
        let mut url = self.server.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push(method);
        }
        self.manners.turn().await;
        let request = self.client.get(url).query(query).bearer_auth(self.token.expose());
        Ok(http::json(&self.who, request, ANSWER).await?.body)
    }
}

/// How long to wait after each try: a little longer each time.
pub(super) fn pauses() -> impl Iterator<Item = Duration> + Send {
    (0..TRIES).map(|tried| Duration::from_secs(1 << tried).min(PAUSE_MAX))
}

fn a_minute(requests: u32) -> Arc<Manners> {
    Arc::new(Manners::new(requests, Duration::from_secs(60)))
}
