//! Slack's Web API, as far as it is asked: who a user is, what a channel is called, what was said in it.
//!
//! Slack answers 200 to what it refuses, with `"ok": false` and an error's name. Cost: one request a name, once.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, Url};
use serde_json::Value;

use crate::json::text;
use crate::live::http::{self, Patience};
use crate::live::manners::Manners;
use crate::live::{Broken, Secret};
use crate::slack;

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(10);
/// So many requests a minute are for what comes, and so many for what was missed: together what Slack allows of the strictest
/// of the methods.
const A_MINUTE: (u32, u32) = (30, 20);
/// What was missed is asked for again for some minutes.
pub(super) const PATIENCE: Patience = Patience { waits: 10, failures: 10 };
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
        match self.get("auth.test", &[]).await? {
            Ok(_) => Ok(()),
            Err(error) => Err(Broken::Refused(format!("token: {} does not accept it: {error}", self.who))),
        }
    }

    /// `Anna Kowalska <U1>`; the id of somebody whom we do not get to see.
    pub(super) async fn user(&self, id: &str) -> Result<String, Broken> {
        // Nothing if we do not get to see that, for whatever reason that does not pass.
        let body = self.get("users.info", &[("user", id)]).await?.unwrap_or_default();
        Ok(slack::person(slack::user_name(&body["user"]), id))
    }

    /// `#general`; the id of what has no name, or which we do not get to see.
    pub(super) async fn room(&self, id: &str) -> Result<String, Broken> {
        let body = self.get("conversations.info", &[("channel", id)]).await?.unwrap_or_default();
        Ok(match text(&body["channel"], "name") {
            "" => id.into(),
            name => format!("#{name}"),
        })
    }

    /// A page of what was said in a channel since then, the newest first; or why there is none, after some tries.
    pub(super) async fn history(&self, room: &str, oldest: &str, cursor: &str) -> Result<Value, String> {
        let query = [("channel", room), ("oldest", oldest), ("limit", "200"), ("cursor", cursor)];
        let page = http::patiently(PATIENCE, || self.get("conversations.history", &query)).await;
        page.unwrap_or_else(|broken| Err(broken.reason().into()))
    }

    /// What it says; or the name of the error by which it refuses, if that does not pass by itself.
    async fn get(&self, method: &str, query: &[(&str, &str)]) -> Result<Result<Value, String>, Broken> {
        let mut url = self.server.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push(method);
        }
        self.manners.turn().await;
        let request = self.client.get(url).query(query).bearer_auth(self.token.expose());
        let body = http::json(&self.who, request, ANSWER).await?.body;
        match text(&body, "error") {
            _ if body["ok"] == true => Ok(Ok(body)),
            error if PASSING.contains(&error) => Err(Broken::Retry(format!("{}: {method}: {error}", self.who))),
            error => Ok(Err(error.into())),
        }
    }
}

fn a_minute(requests: u32) -> Arc<Manners> {
    Arc::new(Manners::new(requests, Duration::from_secs(60)))
}
