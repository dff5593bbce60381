//! Slack's Web API, as far as it is asked: who a user is, what a channel is called, what was said in it.
//!
//! Slack answers 200 to what it refuses, with `"ok": false` and an error's name. Cost: one request a name, once.

use std::time::Duration;

use reqwest::{Client, Url};
use serde_json::Value;

use crate::json::text;
use crate::live::manners::Manners;
use crate::live::{Broken, Secret, http};
use crate::slack;

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(10);
/// So many requests a minute: what Slack allows of the strictest of the methods.
const A_MINUTE: u32 = 50;
/// The longest pause before something is asked again.
const PAUSE_MAX: Duration = Duration::from_secs(300);
/// What is said of somebody or something that we do not get to see.
const UNSEEN: [&str; 5] =
    ["user_not_found", "users_not_found", "user_not_visible", "channel_not_found", "missing_scope"];

/// What passes by itself.
const PASSING: [&str; 5] = ["internal_error", "fatal_error", "ratelimited", "request_timeout", "service_unavailable"];

/// The API, with a token for it.
pub(super) struct Api {
    client: Client,
    server: Url,
    who: String,
    token: Secret,
    manners: Manners,
}

impl Api {
    pub(super) fn new(client: Client, (server, who): (Url, String), token: Secret) -> Api {
        Api { client, server, who, token, manners: Manners::new(A_MINUTE, Duration::from_secs(60)) }
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

    /// What it says of one; nothing if we do not get to see that.
    async fn shown(&self, method: &str, what: (&str, &str)) -> Result<Value, Broken> {
        let body = self.get(method, &[what]).await?;
        if body["ok"] == true {
            return Ok(body);
        }
        match text(&body, "error") {
            error if UNSEEN.contains(&error) => Ok(Value::Null),
            error => Err(Broken::Retry(format!("{}: {method}: {error}", self.who))),
        }
    }

    /// A page of what was said in a channel since then, the newest first. Does not give up.
    pub(super) async fn history(&self, room: &str, oldest: &str, cursor: &str) -> Value {
        let query = [("channel", room), ("oldest", oldest), ("limit", "200"), ("cursor", cursor)];
        let mut pauses = pauses();
        loop {
            let pause = match self.get("conversations.history", &query).await {
                Ok(body) if PASSING.contains(&text(&body, "error")) => None,
                Ok(body) => return body,
                Err(Broken::Wait(_, pause)) => Some(pause),
                Err(_) => None,
            };
            let usual = pauses.next().unwrap_or(PAUSE_MAX);
            tokio::time::sleep(pause.unwrap_or(usual).max(Duration::from_secs(1))).await;
        }
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

/// A little longer each time.
pub(super) fn pauses() -> impl Iterator<Item = Duration> + Send {
    (0..).map(|tried: u32| Duration::from_secs(1 << tried.min(9)).min(PAUSE_MAX))
}
