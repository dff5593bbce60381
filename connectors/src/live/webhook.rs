//! Webhooks: whoever has a secret pushes rows of Nexus's own schema, over HTTP.
//!
//! Nothing that is not signed is looked at. A delivery is answered with 2xx once what it brought is on the disk; one that
//! comes again is answered as the first time and changes nothing, and another body under its id is refused. Rows that
//! cannot be read are rejects, and are counted in the answer. No offset: who pushes sends again what was not answered.
//! Notes: the deliveries of the last minutes. Cost: a body in memory for each delivery at hand.

mod deliveries;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Mutex;

use futures::future::BoxFuture;
use nexus_types::Text;
use ring::digest::{SHA256, digest};
use ring::hmac;
use serde::Deserialize;

use super::pushed::{self, lock};
use super::queue::{Bodies, Message, Taken};
use super::serve::{Answer, Request};
use super::signed::{self, Manner};
use super::{Batch, Broken, Feed, Named, Outlet, Resume, SecretRef};
use crate::Item;
use deliveries::{Arrival, Deliveries, Delivery, KNOWN};

/// The largest body, where a configuration does not say, and at all.
const LIMIT: (usize, usize) = (1 << 20, 16 << 20);
/// The longest id of a delivery.
const ID_BYTES_MAX: usize = 256;
/// So many reasons for rejects are told.
const REASONS: usize = 5;

/// What a configuration says of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// Where to listen: `127.0.0.1:9000`.
    pub listen: String,
    /// The path that is posted to.
    #[serde(default = "pushed::root")]
    pub path: String,
    /// How deliveries are signed.
    pub signature: WebhookSignature,
    /// What they are signed with.
    pub secret: SecretRef,
    /// What events are named after whose rows do not say; by default the feed.
    pub source: Option<Text>,
    /// Where it was said, where rows do not say.
    pub channel: Option<Text>,
    /// The largest body.
    pub limit_bytes: Option<usize>,
}

/// How deliveries are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WebhookSignature {
    /// As Standard Webhooks have it.
    Standard,
    /// As GitHub does.
    GitHub,
    /// As Stripe does.
    Stripe,
}

impl WebhookSignature {
    fn manner(self) -> Manner {
        match self {
            WebhookSignature::Standard => Manner::Standard,
            WebhookSignature::GitHub => Manner::GitHub,
            WebhookSignature::Stripe => Manner::Stripe,
        }
    }
}

/// Where deliveries come in.
#[derive(Debug)]
pub struct WebhookFeed {
    named: Named,
    listen: SocketAddr,
    path: String,
    manner: Manner,
    secret: SecretRef,
    source: Option<Text>,
    channel: Option<Text>,
    limit: usize,
}

impl WebhookFeed {
    /// Checks what the configuration says, and reads the secret.
    pub fn new(named: Named, config: WebhookConfig) -> Result<WebhookFeed, String> {
        let WebhookConfig { listen, path, signature, secret, source, channel, limit_bytes } = config;
        let listen = pushed::address(&listen)?;
        pushed::is_path(&path)?;
        let (usual, most) = LIMIT;
        let limit = limit_bytes.unwrap_or(usual);
        if limit == 0 || limit > most {
            return Err(format!("limit_bytes: {limit}: it is 1 to {most}"));
        }
        let feed = WebhookFeed { named, listen, path, manner: signature.manner(), secret, source, channel, limit };
        let secret = feed.secret.read().map_err(|error| format!("secret: {error}"))?;
        signed::key(feed.manner, secret.expose()).map_err(|error| format!("secret: {error}"))?;
        feed.bodies()?;
        Ok(feed)
    }

    fn bodies(&self) -> Result<Bodies, String> {
        Bodies::new(&self.named, "webhook", self.source.as_ref(), self.channel.as_ref())
    }

    async fn run(&self, from: Resume, outlet: &Outlet) -> Result<Infallible, Broken> {
        let secret = self.secret.fetch("secret", outlet.now()).await?;
        let key = signed::key(self.manner, secret.expose());
        let key = key.map_err(|error| Broken::Refused(format!("secret: {error}")))?;
        let session = Session { feed: self, key, deliveries: Mutex::new(Deliveries::new(&from.notes)), outlet };
        pushed::answered(self.listen, self.limit, outlet, |request| session.answer(request)).await
    }

    /// What a delivery holds.
    fn read(&self, id: &str, body: &[u8]) -> Result<Vec<Item>, String> {
        let message = Message { place: format!("delivery {id}"), identity: Some(id.into()), channel: "", body };
        let mut taken = Taken::default();
        self.bodies()?.take(&message, &mut taken);
        Ok(taken.items)
    }
}

/// What deliveries share while it listens.
struct Session<'a> {
    feed: &'a WebhookFeed,
    key: hmac::Key,
    deliveries: Mutex<Deliveries>,
    outlet: &'a Outlet,
}

impl Session<'_> {
    async fn answer(&self, request: Request) -> Result<Answer, Broken> {
        let (feed, now) = (self.feed, self.outlet.now());
        if let Some(answer) = pushed::misdirected(&request, &feed.path) {
            return Ok(answer);
        }
        if let Err(wrong) = signed::verify(feed.manner, &self.key, |name| request.header(name), &request.body, now) {
            return Ok(Answer::refusal(401, &wrong.reason()));
        }
        let hash = hash(&request.body);
        // GitHub's own id of a delivery is not signed, and Stripe has none: there the body is its id.
        let id = match request.header("webhook-id").filter(|_| feed.manner == Manner::Standard) {
            Some(id) if id.is_empty() || id.len() > ID_BYTES_MAX => {
                return Ok(Answer::refusal(400, &format!("webhook-id has 1 to {ID_BYTES_MAX} bytes")));
            }
            Some(id) => Text::from(id),
            None => hash.clone(),
        };
        loop {
            let arrival = lock(&self.deliveries).arrive(&id, &hash, now);
            match arrival {
                Arrival::New => return self.take_in(&id, hash, &request.body).await,
                Arrival::Again(delivery) => return Ok(delivery.answer(&[])),
                Arrival::Other => return Ok(Answer::refusal(409, "another body was delivered under this id")),
                // The sender goes, and then it has ended.
                Arrival::UnderWay(mut ended) => _ = ended.changed().await,
            }
        }
    }

    async fn take_in(&self, id: &Text, hash: Text, body: &[u8]) -> Result<Answer, Broken> {
        let now = self.outlet.now();
        let items = self.feed.read(id, body).map_err(Broken::Refused)?;
        let rejects =
            || items.iter().filter_map(|item| if let Item::Reject(reject) = item { Some(reject) } else { None });
        let (all, rejected) = (items.len(), rejects().count());
        let reasons = rejects().take(REASONS).map(|reject| format!("{}: {}", reject.position, reject.reason));
        let reasons: Vec<Text> = reasons.map(Text::from).collect();
        let delivery = Delivery { hash, until: now.saturating_add(KNOWN), rows: (all - rejected, rejected) };
        let over = lock(&self.deliveries).over(now);
        let mut notes: Vec<_> = over.iter().map(|(id, _)| deliveries::forgotten(id)).collect();
        notes.push(delivery.note(id));
        let kept = pushed::kept(self.outlet, Batch { items, notes, ..Batch::default() }).await?;
        let answer = if kept { delivery.answer(&reasons) } else { pushed::busy() };
        let mut deliveries = lock(&self.deliveries);
        if !kept {
            deliveries.put_back(over);
        }
        deliveries.ended(id, kept.then_some(delivery));
        Ok(answer)
    }
}

/// SHA-256, in hexadecimal digits.
fn hash(body: &[u8]) -> Text {
    digest(&SHA256, body).as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
}

impl Feed for WebhookFeed {
    fn follow<'a>(&'a mut self, from: Resume, outlet: &'a Outlet) -> BoxFuture<'a, Result<Infallible, Broken>> {
        Box::pin(self.run(from, outlet))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::live::FINAL;
    use nexus_types::Change;

    fn feed(more: &str) -> Result<WebhookFeed, String> {
        let named = Named { scope: "s".into(), feed: "hook".into() };
        let text = format!("{{\"listen\": \"127.0.0.1:9000\", \"secret\": {{\"env\": \"PATH\"}}{more}}}");
        let config: WebhookConfig = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        WebhookFeed::new(named, config)
    }

    #[test]
    fn what_is_wrong_with_a_configuration_is_said() {
        feed(", \"signature\": \"github\"").unwrap();
        for (more, expected) in [
            ("", "missing field `signature`"),
            (", \"signature\": \"none\"", "unknown variant `none`"),
            (", \"signature\": \"stripe\", \"limit_bytes\": 0", "limit_bytes: 0: it is 1 to 16777216"),
            (", \"signature\": \"stripe\", \"path\": \"a?b\"", "path: \"a?b\" is no path"),
        ] {
            let error = feed(more).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        assert!(pushed::address("localhost").unwrap_err().contains("such as 127.0.0.1:9000"));
    }

    #[test]
    fn rows_have_a_revision_and_deletions_are_for_good() {
        let body = b"{\"said_at\": 1, \"author\": \"a\", \"text\": \"b\"}\n{\"id\": 1, \"deleted\": true}\nnonsense\n";
        let items = feed(", \"signature\": \"standard\"").unwrap().read("msg_1", body).unwrap();
        assert_eq!(items.len(), 3);
        assert!(matches!(&items[0], Item::Change(Change::Upsert(event))
            if &*event.external_id == "msg_1/1" && event.revision == Some(0) && &*event.source == "hook"));
        assert!(matches!(&items[1], Item::Change(Change::Retract { revision: Some(FINAL), .. })));
        assert!(matches!(&items[2], Item::Reject(reject) if &*reject.position == "delivery msg_1, row 3"));
    }
}
