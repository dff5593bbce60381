//! RabbitMQ, followed: the messages of a queue, each acknowledged when it is on the disk.
//!
//! AMQP 0-9-1. What is not acknowledged is delivered again, to the next connection or to others; names and revisions make that
//! nothing (see `queue`). Deliveries are taken in while earlier ones are still written, and acknowledged in order, many by
//! one. Offset: none, the queue keeps it. The queue must be there; a feed declares nothing. Cost: `prefetch` messages in
//! memory at most, and one acknowledgement a batch.

mod refusal;

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use amqprs::callbacks::{ChannelCallback, ConnectionCallback};
use amqprs::channel::{BasicAckArguments, BasicConsumeArguments, BasicQosArguments, Channel, ConsumerMessage};
use amqprs::connection::{Connection, OpenConnectionArguments};
use amqprs::error::Error;
use amqprs::tls::TlsAdaptor;
use amqprs::{Ack, BasicProperties, Cancel, Close, CloseChannel, Nack, Return};
use async_trait::async_trait;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesOrdered;
use nexus_types::{Hash128, Text};
use serde::Deserialize;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::queue::{self, Bodies, Message, Taken};
use super::{Batch, Broken, Feed, Kept, Named, Outlet, Resume, Secret, SecretRef, socket};
use crate::Item;
use refusal::Knock;

/// The port on which servers expect encryption.
const ENCRYPTED: &str = ":5671";
const EXAMPLE: &str = "rabbitmq.example.org:5671";
/// How long connecting may take, and how long any answer.
const CONNECT: Duration = Duration::from_secs(20);
const ANSWER: Duration = Duration::from_secs(15);
/// After so many seconds of silence, twice, the connection is dead.
const HEARTBEAT: u16 = 20;
/// The longest short text of the protocol: a queue, a virtual host.
const NAME_BYTES_MAX: usize = 255;
/// What a channel is closed with that will not be opened: ACCESS_REFUSED, NOT_FOUND, RESOURCE_LOCKED, NOT_ALLOWED.
const REFUSED: [u16; 4] = [403, 404, 405, 530];
const NOT_FOUND: u16 = 404;

/// What a configuration says of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RabbitmqConfig {
    /// `host:port`.
    pub server: String,
    /// Whether to encrypt; by default on port 5671.
    pub tls: Option<bool>,
    /// A file of certificates (PEM) to trust instead of the system's.
    pub authority: Option<PathBuf>,
    /// Who we are there.
    #[serde(default = "guest")]
    pub user: String,
    /// The password.
    pub password: SecretRef,
    /// The virtual host.
    #[serde(default = "root")]
    pub vhost: String,
    /// The queue.
    pub queue: String,
    /// How many messages the server sends ahead of acknowledgements.
    #[serde(default = "four_thousand")]
    pub prefetch: u16,
    /// What names a row without an id.
    #[serde(default)]
    pub identity: RabbitmqIdentity,
    /// What events are named after; by default the feed.
    pub source: Option<Text>,
    /// Where rows were said that do not say; by default the queue.
    pub channel: Option<Text>,
}

/// What names a row without an id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RabbitmqIdentity {
    /// The message's `message_id`.
    #[default]
    MessageId,
    /// What it says: equal messages are one.
    Body,
}

fn guest() -> String {
    "guest".into()
}

fn root() -> String {
    "/".into()
}

fn four_thousand() -> u16 {
    4_000
}

/// A queue that is followed.
#[derive(Debug)]
pub struct RabbitmqFeed {
    named: Named,
    config: RabbitmqConfig,
    tls: bool,
}

/// A queue that is consumed. When it is dropped, both say goodbye by themselves.
struct Consuming {
    messages: UnboundedReceiver<ConsumerMessage>,
    channel: Channel,
    _connection: Connection,
}

impl RabbitmqFeed {
    /// Checks what the configuration says, and reads the password.
    pub fn new(named: Named, config: RabbitmqConfig) -> Result<RabbitmqFeed, String> {
        queue::is_plain(&config.server, EXAMPLE)?;
        for (field, text) in [("user", &config.user), ("vhost", &config.vhost), ("queue", &config.queue)] {
            if text.is_empty() || text.len() > NAME_BYTES_MAX || text.contains('\0') {
                return Err(format!("{field}: 1 to {NAME_BYTES_MAX} bytes are expected"));
            }
        }
        if config.prefetch == 0 {
            return Err("prefetch: at least 1, or the server sends without bound".into());
        }
        config.password.read().map_err(|error| format!("password: {error}"))?;
        let tls = config.tls.unwrap_or(config.server.ends_with(ENCRYPTED));
        Ok(RabbitmqFeed { named, config, tls })
    }

    async fn run(&mut self, outlet: &Outlet) -> Result<Infallible, Broken> {
        let RabbitmqConfig { queue, source, channel, .. } = &self.config;
        let bodies = Bodies::new(&self.named, "rabbitmq", source.as_ref(), channel.as_ref());
        let mut bodies = bodies.map_err(Broken::Refused)?;
        let password = self.config.password.fetch("password", outlet.now()).await?;
        let ended = Ended::default();
        let mut consuming = self.consume(&password, &ended).await?;
        outlet.healthy();
        let mut waiting: FuturesOrdered<BoxFuture<'static, Result<u64, Broken>>> = FuturesOrdered::new();
        loop {
            // Acknowledgements first: what is acknowledged makes room for more.
            tokio::select! {
                biased;
                Some(kept) = waiting.next() => {
                    let acknowledge = consuming.channel.basic_ack(BasicAckArguments::new(kept?, true));
                    self.within("acknowledging", &ended, acknowledge).await?;
                }
                message = consuming.messages.recv() => {
                    let Some(first) = message else {
                        return Err(self.broken(&ended, format!("the connection to {queue} broke")));
                    };
                    let (items, last) = self.take(first, &mut consuming.messages, &mut bodies);
                    let kept = outlet.send(Batch { items, ..Batch::default() }).await?;
                    // 0 would stand for everything that was ever delivered.
                    if last > 0 {
                        waiting.push_back(Box::pin(keeping(kept, last)));
                    }
                }
            }
        }
    }

    /// Takes apart what is there; gives also the number of the last delivery.
    fn take(
        &self,
        first: ConsumerMessage,
        messages: &mut UnboundedReceiver<ConsumerMessage>,
        bodies: &mut Bodies,
    ) -> (Vec<Item>, u64) {
        let (mut taken, mut last, mut next) = (Taken::default(), 0, Some(first));
        while let Some(ConsumerMessage { deliver, basic_properties, content, .. }) = next {
            let body = content.unwrap_or_default();
            let called = basic_properties.as_ref().and_then(BasicProperties::message_id).filter(|id| !id.is_empty());
            let queue = &self.config.queue;
            let place = match called {
                Some(id) => format!("message {id} of {queue}"),
                None => format!("a message of {queue}"),
            };
            let identity = match self.config.identity {
                RabbitmqIdentity::MessageId => called.cloned(),
                RabbitmqIdentity::Body => Some(format!("#{}", Hash128::of("message", &[&body]))),
            };
            bodies.take(&Message { place, identity, channel: queue, body: &body }, &mut taken);
            last = deliver.map_or(last, |deliver| deliver.delivery_tag());
            next = if taken.is_enough() { None } else { messages.try_recv().ok() };
        }
        (taken.items, last)
    }

    async fn consume(&self, password: &Secret, ended: &Ended) -> Result<Consuming, Broken> {
        let RabbitmqConfig { queue, prefetch, .. } = &self.config;
        let connection = self.connect(password).await?;
        self.within("connecting", ended, connection.register_callback(ended.clone())).await?;
        let channel = self.within("opening a channel", ended, connection.open_channel(None)).await?;
        self.within("opening a channel", ended, channel.register_callback(ended.clone())).await?;
        // What the client holds is bounded by this alone.
        let ahead = channel.basic_qos(BasicQosArguments::new(0, *prefetch, false));
        self.within("setting prefetch", ended, ahead).await?;
        let consume = channel.basic_consume_rx(BasicConsumeArguments::new(queue, ""));
        let (_, messages) = self.within("consuming", ended, consume).await?;
        Ok(Consuming { messages, channel, _connection: connection })
    }

    async fn connect(&self, password: &Secret) -> Result<Connection, Broken> {
        let RabbitmqConfig { server, user, vhost, authority, .. } = &self.config;
        let Some((host, port)) =
            server.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)))
        else {
            return Err(Broken::Refused(format!("{server} is not host:port")));
        };
        let mut arguments = OpenConnectionArguments::new(host, port, user, password.expose());
        arguments.virtual_host(vhost).heartbeat(HEARTBEAT).connection_name("nexus");
        if self.tls {
            let config = socket::client(authority.as_deref());
            let config = config.map_err(|error| Broken::Refused(format!("authority: {error}")))?;
            let name = host.trim_matches(['[', ']']).to_string();
            arguments.tls_adaptor(TlsAdaptor::new(TlsConnector::from(Arc::new(config)), name));
        }
        let error = match timeout(CONNECT, Connection::open(&arguments)).await {
            Ok(Ok(connection)) => return Ok(connection),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("connecting took longer than {} s", CONNECT.as_secs()),
        };
        let (tls, authority, password) = (self.tls, authority.as_deref(), password.expose());
        let said = Knock { server, tls, authority, user, password, vhost }.refusal().await;
        Err(match said {
            Some(said) => Broken::Refused(format!("{server}: {said}")),
            None => Broken::Retry(format!("{server}: {error}")),
        })
    }

    /// Gives up after a while; what the server said last is the reason.
    async fn within<T>(
        &self,
        doing: &str,
        ended: &Ended,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Broken> {
        let error = match timeout(ANSWER, work).await {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(error)) => format!("{doing}: {error}"),
            Err(_) => format!("{doing} took longer than {} s", ANSWER.as_secs()),
        };
        Err(self.broken(ended, error))
    }

    fn broken(&self, ended: &Ended, otherwise: String) -> Broken {
        let RabbitmqConfig { server, queue, .. } = &self.config;
        match ended.said() {
            Some((NOT_FOUND, _)) => Broken::Refused(format!(
                "{server}: there is no queue {queue:?}: declare it, and bind it to what it is to get; a feed declares none"
            )),
            Some((code, text)) if REFUSED.contains(&code) => Broken::Refused(format!("{server}: {text}")),
            Some((_, text)) => Broken::Retry(format!("{server}: {text}")),
            None => Broken::Retry(format!("{server}: {otherwise}")),
        }
    }
}

impl Feed for RabbitmqFeed {
    fn follow<'a>(&'a mut self, _from: Resume, outlet: &'a Outlet) -> BoxFuture<'a, Result<Infallible, Broken>> {
        Box::pin(self.run(outlet))
    }
}

/// Waits until a batch is on the disk; gives the delivery up to which it goes.
async fn keeping(kept: Kept, last: u64) -> Result<u64, Broken> {
    kept.kept().await.map(|()| last)
}

/// What the server said when it closed something. Whatever ends the client's tasks ends the deliveries too, so this is only
/// looked at for the reason.
#[derive(Clone, Default)]
struct Ended(Arc<Mutex<Option<(u16, String)>>>);

impl Ended {
    fn said(&self) -> Option<(u16, String)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, code: u16, text: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| (code, text.into()));
    }
}

#[async_trait]
impl ConnectionCallback for Ended {
    async fn close(&mut self, _: &Connection, close: Close) -> Result<(), Error> {
        self.set(close.reply_code(), close.reply_text());
        Ok(())
    }

    async fn blocked(&mut self, _: &Connection, _: String) {}

    async fn unblocked(&mut self, _: &Connection) {}

    async fn secret_updated(&mut self, _: &Connection) {}
}

#[async_trait]
impl ChannelCallback for Ended {
    async fn close(&mut self, _: &Channel, close: CloseChannel) -> Result<(), Error> {
        self.set(close.reply_code(), close.reply_text());
        Ok(())
    }

    async fn cancel(&mut self, _: &Channel, _: Cancel) -> Result<(), Error> {
        self.set(0, "the queue is gone, or is moved to another node");
        Ok(())
    }

    async fn flow(&mut self, _: &Channel, active: bool) -> Result<bool, Error> {
        Ok(active)
    }

    async fn publish_ack(&mut self, _: &Channel, _: Ack) {}

    async fn publish_nack(&mut self, _: &Channel, _: Nack) {}

    async fn publish_return(&mut self, _: &Channel, _: Return, _: BasicProperties, _: Vec<u8>) {}
}
