//! Telegram, followed by a bot: the chats that it is in, with edits and reactions.
//!
//! The bot API: updates are asked for by their number (`getUpdates`), and asking for one confirms those before it, so that is
//! done once they are on the disk. Offset: the number of the next update; the server keeps what is not confirmed for a day.
//! Notes: what everybody was called when first seen. The token is a part of addresses, which no error shows. Cost: a request
//! that waits, a hundred messages in memory.

mod said;

use std::convert::Infallible;
use std::time::Duration;

use futures::future::BoxFuture;
use nexus_types::Text;
use reqwest::{Client, StatusCode, Url};
use serde::Deserialize;
use serde_json::{Value, json};

use super::http::{self, Answer};
use super::manners::Manners;
use super::notes::Notes;
use super::{Batch, Broken, Feed, Named, Outlet, Resume, Secret, SecretRef};
use crate::{Item, Rejected};
use said::{Place, UPDATES};

/// How long the server may hold back an answer until there is something to say, and how long we wait beyond that.
const POLL: (Duration, Duration) = (Duration::from_secs(25), Duration::from_secs(10));
/// How long any other answer may take.
const ANSWER: Duration = Duration::from_secs(30);
/// No more requests than so many in so long, whatever the server answers.
const MANNERS: (u32, Duration) = (10, Duration::from_secs(1));
/// How many updates are asked for at once.
const PAGE: u32 = 100;

/// What a configuration says of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelegramConfig {
    /// The bot's token.
    pub token: SecretRef,
    /// Where the bot API is.
    #[serde(default = "api")]
    pub api: String,
    /// What events are named after; by default as those of an export.
    #[serde(default = "telegram")]
    pub source: Text,
}

fn api() -> String {
    "https://api.telegram.org".into()
}

fn telegram() -> Text {
    "telegram".into()
}

/// A bot whose chats are followed.
#[derive(Debug)]
pub struct TelegramFeed {
    named: Named,
    config: TelegramConfig,
    api: Url,
    who: String,
    client: Client,
    manners: Manners,
}

impl TelegramFeed {
    /// Checks what the configuration says, and reads the token.
    pub fn new(named: Named, config: TelegramConfig) -> Result<TelegramFeed, String> {
        let address = http::address(&config.api, "https://api.telegram.org");
        let (api, who) = address.map_err(|error| format!("api: {error}"))?;
        config.token.read().map_err(|error| format!("token: {error}"))?;
        let (client, (requests, per)) = (http::client()?, MANNERS);
        Ok(TelegramFeed { named, config, api, who, client, manners: Manners::new(requests, per) })
    }

    async fn run(&mut self, from: Resume, outlet: &Outlet) -> Result<Infallible, Broken> {
        let token = self.config.token.fetch("token", outlet.now()).await?;
        let me = self.call(&token, "getMe", &json!({}), ANSWER).await?;
        let Some(bot) = me["id"].as_i64() else {
            return Err(Broken::Retry(format!("{}: it does not say whose token this is", self.who)));
        };
        let place = Place { scope: self.named.scope.clone(), source: self.config.source.clone(), bot };
        let mut next = from.offset.as_deref().and_then(|offset| offset.strip_prefix("1 ")?.parse::<i64>().ok());
        let mut notes = Notes::new(from.notes);
        let (poll, beyond) = POLL;
        loop {
            let mut asked = json!({"timeout": poll.as_secs(), "limit": PAGE, "allowed_updates": UPDATES});
            if let Some(next) = next {
                asked["offset"] = next.into();
            }
            let updates = self.call(&token, "getUpdates", &asked, poll + beyond).await?;
            outlet.healthy();
            let updates = updates.as_array().map_or(&[][..], Vec::as_slice);
            if updates.is_empty() {
                continue;
            }
            let Some(last) = last(updates, next) else {
                return Err(Broken::Retry(format!("{}: updates without the numbers that were asked for", self.who)));
            };
            let items = updates.iter().filter_map(|update| read(&place, update, &mut notes)).collect();
            let offset = Some(format!("1 {}", last.saturating_add(1)).into());
            let kept = outlet.send(Batch { items, offset, notes: notes.news(), unfinished: false }).await?;
            kept.kept().await?;
            next = Some(last.saturating_add(1));
        }
    }

    /// Calls a method; what it gives.
    async fn call(&self, token: &Secret, method: &str, asked: &Value, within: Duration) -> Result<Value, Broken> {
        self.manners.turn().await;
        let mut url = self.api.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend([&*format!("bot{}", token.expose()), method]);
        }
        let Answer { status, mut body } = http::json(&self.who, self.client.post(url).json(asked), within).await?;
        let (who, says) = (&self.who, body["description"].as_str().unwrap_or("no reason given"));
        match status {
            status if status.is_success() && body["ok"] == true => Ok(body["result"].take()),
            StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND => {
                Err(Broken::Refused(format!("{who}: the token is not accepted: {says}")))
            }
            StatusCode::CONFLICT => Err(Broken::Retry(format!(
                "{who}: something else takes this bot's updates, and only one may: another program, or a webhook: {says}"
            ))),
            status => Err(Broken::Retry(format!("{who}: it answers {status}: {says}"))),
        }
    }
}

/// The number of the last of these updates; none if they are the ones that were confirmed just now: asking for them again
/// would go on for ever. Numbers below the next one are good otherwise: after a quiet week they begin anew, anywhere.
fn last(updates: &[Value], next: Option<i64>) -> Option<i64> {
    let last = updates.iter().filter_map(|update| update["update_id"].as_i64()).max();
    last.filter(|last| next != Some(last.saturating_add(1)))
}

fn read(place: &Place, update: &Value, notes: &mut Notes) -> Option<Item> {
    match place.read(update, notes) {
        Ok(change) => change.map(Item::Change),
        Err(reason) => {
            let position = format!("update {}", update["update_id"]);
            Some(Item::Reject(Rejected::new(position, reason, update.to_string().as_bytes())))
        }
    }
}

impl Feed for TelegramFeed {
    fn follow<'a>(&'a mut self, from: Resume, outlet: &'a Outlet) -> BoxFuture<'a, Result<Infallible, Broken>> {
        Box::pin(self.run(from, outlet))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_may_begin_anew_but_not_come_again() {
        let page = [json!({"update_id": 7}), json!({"update_id": 9}), json!({})];
        assert_eq!([None, Some(8), Some(5_000)].map(|next| last(&page, next)), [Some(9); 3]);
        assert_eq!((last(&page, Some(10)), last(&page[2..], None)), (None, None));
    }
}
