//! NATS JetStream, followed: the messages of a stream, in order.
//!
//! The stream keeps its messages and can be read again, so nothing is acknowledged: a consumer that lives as long as the
//! connection begins after the offset. Offset: when the stream was created, and the number of the last message; a stream that
//! was made anew, or set back, begins anew. Each connection is one try: the client's own reconnecting is not waited for. Cost:
//! a few hundred messages in memory.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::pull::{Config, Stream};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy};
use async_nats::jetstream::context::GetStreamErrorKind;
use async_nats::jetstream::stream::ConsumerErrorKind;
use async_nats::jetstream::{self, Message};
use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use nexus_types::{Millis, Text};
use serde::Deserialize;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::queue::{self, Bodies, Taken};
use super::{Batch, Broken, Feed, Named, Outlet, Resume, SecretRef, socket};

const EXAMPLE: &str = "nats.example.org:4222";
/// How long connecting may take, and how long any answer.
const CONNECT: Duration = Duration::from_secs(20);
const ANSWER: Duration = Duration::from_secs(15);
/// So often each side says that it is there; after two that are missed it is not.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// How long a request for messages stands, and how many it is for.
const REQUEST: (Duration, usize) = (Duration::from_secs(30), 256);
/// The server forgets a consumer after so long.
const FORGOTTEN: Duration = Duration::from_secs(300);

/// What a configuration says of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NatsConfig {
    /// `host:port`.
    pub server: String,
    /// Whether to insist on encryption; where the server does, it is used in any case.
    #[serde(default)]
    pub tls: bool,
    /// A file of certificates (PEM) to trust instead of the system's.
    pub authority: Option<PathBuf>,
    /// A token; or a user and a password.
    pub token: Option<SecretRef>,
    /// Who we are there.
    pub user: Option<String>,
    /// The password.
    pub password: Option<SecretRef>,
    /// The stream.
    pub stream: String,
    /// Only messages with this subject, which may hold `*` and `>`.
    pub subject: Option<String>,
    /// What events are named after; by default the feed.
    pub source: Option<Text>,
    /// Where rows were said that do not say; by default the message's subject.
    pub channel: Option<Text>,
}

/// A stream that is followed.
#[derive(Debug)]
pub struct NatsFeed {
    named: Named,
    config: NatsConfig,
}

/// How far a stream is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Offset {
    created: i128,
    last: u64,
}

impl Offset {
    fn parse(text: &str) -> Option<Offset> {
        let (created, last) = text.strip_prefix("1 ")?.split_once(' ')?;
        Some(Offset { created: created.parse().ok()?, last: last.parse().ok()? })
    }

    fn text(self) -> Text {
        format!("1 {} {}", self.created, self.last).into()
    }

    /// Where to go on in a stream that was created then and has so many messages.
    fn in_stream(held: Option<Offset>, created: i128, last: u64) -> Offset {
        held.filter(|held| held.created == created && held.last <= last).unwrap_or(Offset { created, last: 0 })
    }
}

/// A stream that is read.
struct Reading {
    messages: Stream,
    /// Told when the connection broke.
    broke: Arc<Notify>,
    offset: Offset,
    /// How many messages the consumer delivered.
    delivered: u64,
}

impl NatsFeed {
    /// Checks what the configuration says, and reads the secrets.
    pub fn new(named: Named, config: NatsConfig) -> Result<NatsFeed, String> {
        queue::is_plain(&config.server, EXAMPLE)?;
        let NatsConfig { token, user, password, stream, subject, .. } = &config;
        if stream.is_empty() || stream.contains(|c: char| c.is_whitespace() || ".*>/\\".contains(c)) {
            return Err(format!("stream: {stream:?} is not a stream's name, such as \"ORDERS\""));
        }
        if subject.as_ref().is_some_and(|subject| subject.is_empty() || subject.contains(char::is_whitespace)) {
            return Err("subject: it is empty or has spaces; write one such as \"orders.>\"".into());
        }
        if user.is_some() != password.is_some() || (token.is_some() && user.is_some()) {
            return Err("user: name a user and a password, or a token, or none of them".into());
        }
        for (field, secret) in [("token", token), ("password", password)] {
            secret.as_ref().map(SecretRef::read).transpose().map_err(|error| format!("{field}: {error}"))?;
        }
        Ok(NatsFeed { named, config })
    }

    async fn run(&mut self, from: Resume, outlet: &Outlet) -> Result<Infallible, Broken> {
        let NatsConfig { source, channel, .. } = &self.config;
        let bodies = Bodies::new(&self.named, "nats", source.as_ref(), channel.as_ref());
        let mut bodies = bodies.map_err(Broken::Refused)?;
        let mut reading = self.open(from.offset.as_deref(), outlet.now()).await?;
        outlet.healthy();
        loop {
            let first = tokio::select! {
                next = reading.messages.next() => next,
                () = reading.broke.notified() => return Err(self.lost("the connection broke")),
            };
            let (mut taken, mut next, mut ended) = (Taken::default(), Some(first), None);
            while let Some(message) = next {
                let taking = match message {
                    Some(Ok(message)) => self.take(&message, &mut reading, &mut bodies, &mut taken),
                    Some(Err(error)) => Err(self.lost(error)),
                    None => Err(self.lost("the subscription ended")),
                };
                next = match taking {
                    Ok(()) if taken.is_enough() => None,
                    Ok(()) => reading.messages.next().now_or_never(),
                    Err(broken) => {
                        ended = Some(broken);
                        None
                    }
                };
            }
            // What was read is sent on whatever comes of the rest.
            if !taken.items.is_empty() {
                let offset = Some(reading.offset.text());
                outlet.send(Batch { items: taken.items, offset, ..Batch::default() }).await?;
            }
            if let Some(broken) = ended {
                return Err(broken);
            }
        }
    }

    /// Takes a message apart.
    fn take(
        &self,
        message: &Message,
        reading: &mut Reading,
        bodies: &mut Bodies,
        taken: &mut Taken,
    ) -> Result<(), Broken> {
        let info = message.info().map_err(|error| self.lost(error))?;
        reading.delivered += 1;
        if info.consumer_sequence != reading.delivered {
            return Err(self.lost("messages were lost on the way"));
        }
        let (created, last) = (reading.offset.created, info.stream_sequence);
        let place = format!("message {last} of {}", self.config.stream);
        // A stream that was set back gives its numbers to other messages: those were published at another time.
        let published = info.published.unix_timestamp_nanos() / 1_000_000;
        let identity = Some(format!("{created}/{last}/{published}"));
        let (channel, body) = (message.subject.as_str(), &message.payload[..]);
        bodies.take(&queue::Message { place, identity, channel, body }, taken);
        reading.offset.last = last;
        Ok(())
    }

    async fn open(&self, offset: Option<&str>, now: Millis) -> Result<Reading, Broken> {
        let NatsConfig { stream: name, subject, .. } = &self.config;
        let (client, broke) = self.connect(now).await?;
        let context = jetstream::new(client);
        let stream = match self.within("looking for the stream", context.get_stream(name)).await? {
            Ok(stream) => stream,
            Err(error) => {
                return Err(match error.kind() {
                    GetStreamErrorKind::JetStream(said) if said.code() == 404 => {
                        self.refused(format!("there is no stream {name:?}: create it; a feed creates none"))
                    }
                    GetStreamErrorKind::JetStream(said) if said.code() < 500 => self.refused(said),
                    _ => self.lost(error),
                });
            }
        };
        let info = stream.cached_info();
        let created = info.created.unix_timestamp_nanos() / 1_000_000;
        let offset = Offset::in_stream(offset.and_then(Offset::parse), created, info.state.last_sequence);
        let config = Config {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: offset.last.saturating_add(1) },
            ack_policy: AckPolicy::None,
            filter_subject: subject.clone().unwrap_or_default(),
            inactive_threshold: FORGOTTEN,
            ..Config::default()
        };
        let consumer = match self.within("making a consumer", stream.create_consumer(config)).await? {
            Ok(consumer) => consumer,
            Err(error) => {
                return Err(match error.kind() {
                    ConsumerErrorKind::JetStream(said) if said.code() < 500 => self.refused(said),
                    _ => self.lost(error),
                });
            }
        };
        let (expires, many) = REQUEST;
        let messages = consumer.stream().max_messages_per_batch(many).expires(expires).heartbeat(HEARTBEAT).messages();
        let messages = self.within("subscribing", messages).await?.map_err(|error| self.lost(error))?;
        Ok(Reading { messages, broke, offset, delivered: 0 })
    }

    async fn connect(&self, now: Millis) -> Result<(Client, Arc<Notify>), Broken> {
        let NatsConfig { server, tls, authority, token, user, password, .. } = &self.config;
        let config = socket::client(authority.as_deref());
        let config = config.map_err(|error| Broken::Refused(format!("authority: {error}")))?;
        let broke = Arc::new(Notify::new());
        let told = broke.clone();
        let told = move |event: Event| {
            if event == Event::Disconnected {
                told.notify_one();
            }
            async {}
        };
        let mut options = ConnectOptions::new().name("nexus").require_tls(*tls).tls_client_config(config);
        options = options.ignore_discovered_servers().max_reconnects(1_usize).event_callback(told);
        options = options.connection_timeout(ANSWER).ping_interval(HEARTBEAT).request_timeout(Some(ANSWER));
        if let Some(token) = token {
            options = options.token(token.fetch("token", now).await?.expose().into());
        }
        if let (Some(user), Some(password)) = (user, password) {
            let password = password.fetch("password", now).await?;
            options = options.user_and_password(user.clone(), password.expose().into());
        }
        match timeout(CONNECT, options.connect(server.as_str())).await {
            Err(_) => Err(self.lost(format!("connecting took longer than {} s", CONNECT.as_secs()))),
            Ok(Ok(client)) => Ok((client, broke)),
            Ok(Err(error)) => Err(match error.kind() {
                ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => {
                    self.refused(format!("the credentials are not accepted: {error}"))
                }
                _ => self.lost(error),
            }),
        }
    }

    /// Gives up after a while.
    async fn within<T>(&self, doing: &str, work: impl Future<Output = T>) -> Result<T, Broken> {
        let late = |_| self.lost(format!("{doing} took longer than {} s", ANSWER.as_secs()));
        timeout(ANSWER, work).await.map_err(late)
    }

    fn lost(&self, reason: impl std::fmt::Display) -> Broken {
        Broken::Retry(format!("{}: {reason}", self.config.server))
    }

    fn refused(&self, reason: impl std::fmt::Display) -> Broken {
        Broken::Refused(format!("{}: {reason}", self.config.server))
    }
}

impl Feed for NatsFeed {
    fn follow<'a>(&'a mut self, from: Resume, outlet: &'a Outlet) -> BoxFuture<'a, Result<Infallible, Broken>> {
        Box::pin(self.run(from, outlet))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_stream_that_is_another_begins_anew() {
        let held = Offset { created: 1_700_000_000_000, last: 7 };
        assert_eq!(Offset::parse(&held.text()), Some(held));
        assert_eq!([Offset::parse("2 1 7"), Offset::parse("1 7"), Offset::parse("1 a 7")], [None; 3]);
        assert_eq!(Offset::in_stream(Some(held), held.created, 9), held);
        let anew = |created, last| Offset::in_stream(Some(held), created, last);
        assert_eq!(anew(1, 9), Offset { created: 1, last: 0 });
        assert_eq!(anew(held.created, 6), Offset { created: held.created, last: 0 });
        assert_eq!(Offset::in_stream(None, 1, 9), Offset { created: 1, last: 0 });
    }
}
