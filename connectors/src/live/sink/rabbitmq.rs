//! An exchange of RabbitMQ that changes are published to, persistent, with publisher confirms.
//!
//! Each message has the change's id as its `message_id`. A batch is sent at once and then waited for; what the broker
//! does not confirm is sent again. A message that no queue takes breaks the sink: nothing is lost in silence. Cost: a
//! round trip a batch.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use amqprs::callbacks::ChannelCallback;
use amqprs::channel::{BasicPublishArguments, Channel, ConfirmSelectArguments, ExchangeDeclareArguments};
use amqprs::connection::{Connection, OpenConnectionArguments};
use amqprs::error::Error;
use amqprs::tls::TlsAdaptor;
use amqprs::{Ack, BasicProperties, Cancel, CloseChannel, Nack, Return};
use async_trait::async_trait;
use futures::future::BoxFuture;
use serde::Deserialize;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::{Dispatch, Sink};
use crate::live::{Broken, Clock, SecretRef, socket};

/// How long connecting may take, and the next confirmation.
const CONNECT: Duration = Duration::from_secs(20);
const ANSWER: Duration = Duration::from_secs(30);
/// Seconds between signs of life.
const HEARTBEAT: u16 = 20;
/// The longest name that the protocol knows.
const NAME_BYTES_MAX: usize = 255;

/// What a configuration says of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RabbitSinkConfig {
    /// Where: `host:port`.
    pub server: String,
    /// The exchange, which has to be there; the default one if empty.
    pub exchange: String,
    /// The routing key; of the default exchange, the queue.
    pub routing_key: String,
    /// The virtual host.
    #[serde(default = "root")]
    pub vhost: String,
    /// The account.
    pub user: String,
    /// Its password.
    pub password: SecretRef,
    /// Whether the connection is encrypted; by default on port 5671.
    pub tls: Option<bool>,
    /// Who vouches for the server, instead of the system's authorities: a PEM file.
    pub authority: Option<PathBuf>,
}

fn root() -> String {
    "/".into()
}

/// An exchange.
pub struct RabbitSink {
    config: RabbitSinkConfig,
    clock: Clock,
    connected: Option<Connected>,
}

/// A channel that confirms. The connection closes with it.
struct Connected {
    channel: Channel,
    told: UnboundedReceiver<Told>,
    /// How many messages were published on it.
    published: u64,
    _connection: Connection,
}

/// What the broker says of messages.
enum Told {
    /// It has this one, and all before if so.
    Has(u64, bool),
    /// Something went wrong.
    Broke(String),
}

impl RabbitSink {
    /// Checks what the configuration says.
    pub fn new(config: RabbitSinkConfig, clock: Clock) -> Result<RabbitSink, String> {
        socket::is_address(&config.server, "rabbit.example.org:5671")?;
        for (field, name) in
            [("exchange", &config.exchange), ("routing_key", &config.routing_key), ("vhost", &config.vhost)]
        {
            if name.len() > NAME_BYTES_MAX {
                return Err(format!("{field}: it is longer than {NAME_BYTES_MAX} bytes"));
            }
        }
        if config.exchange.is_empty() && config.routing_key.is_empty() {
            return Err("routing_key: the default exchange needs the name of a queue".into());
        }
        config.password.read().map_err(|error| format!("password: {error}"))?;
        Ok(RabbitSink { config, clock, connected: None })
    }

    async fn connect(&self) -> Result<Connected, Broken> {
        let RabbitSinkConfig { server, exchange, vhost, user, password, tls, authority, .. } = &self.config;
        let (host, port) = server.rsplit_once(':').unwrap_or((server.as_str(), ""));
        let (host, port) = (host.trim_matches(['[', ']']), port.parse().unwrap_or_default());
        let secret = password.fetch("password", (self.clock)()).await?;
        let mut arguments = OpenConnectionArguments::new(host, port, user, secret.expose());
        arguments.virtual_host(vhost).heartbeat(HEARTBEAT);
        if tls.unwrap_or(port == 5671) {
            let client = socket::client(authority.as_deref());
            let client = client.map_err(|error| Broken::Refused(format!("authority: {error}")))?;
            arguments.tls_adaptor(TlsAdaptor::new(TlsConnector::from(Arc::new(client)), host.to_string()));
        }
        let opened = async {
            let connection = Connection::open(&arguments).await?;
            let channel = connection.open_channel(None).await?;
            let (sender, told) = unbounded_channel();
            channel.register_callback(Listener(sender)).await?;
            channel.confirm_select(ConfirmSelectArguments::default()).await?;
            if !exchange.is_empty() {
                // Passive: it is only asked whether there is one.
                let asked = ExchangeDeclareArguments::new(exchange, "direct").passive(true).finish();
                channel.exchange_declare(asked).await?;
            }
            Ok::<_, Error>(Connected { channel, told, published: 0, _connection: connection })
        };
        let late = |_| Broken::Retry(format!("{server}: connecting took longer than {} s", CONNECT.as_secs()));
        timeout(CONNECT, opened).await.map_err(late)?.map_err(|error| match error {
            Error::ConnectionOpenError(reason) if reason.contains("ACCESS_REFUSED") || reason.contains("403") => {
                Broken::Refused(format!("{server}: {reason}"))
            }
            error => Broken::Retry(format!("{server}: {error}")),
        })
    }

    async fn publish(&self, to: &mut Connected, dispatches: &[Dispatch], done: &mut usize) -> Result<(), Broken> {
        let RabbitSinkConfig { server, exchange, routing_key, .. } = &self.config;
        let broken = |reason: String| Broken::Retry(format!("{server}: {reason}"));
        let first = to.published + 1;
        let mut open = BTreeSet::new();
        for dispatch in dispatches {
            let properties = BasicProperties::default()
                .with_content_type("application/json")
                .with_message_id(&dispatch.id)
                .with_persistence(true)
                .finish();
            let arguments = BasicPublishArguments::new(exchange, routing_key).mandatory(true).finish();
            let sent = to.channel.basic_publish(properties, dispatch.body.clone().into_bytes(), arguments);
            timeout(ANSWER, sent)
                .await
                .map_err(|_| broken("it takes nothing more".into()))?
                .map_err(|error| broken(error.to_string()))?;
            to.published += 1;
            open.insert(to.published);
        }
        while let Some(least) = open.first() {
            *done = (least - first) as usize;
            let told = timeout(ANSWER, to.told.recv()).await.map_err(|_| broken("it does not confirm".into()))?;
            match told {
                Some(Told::Has(tag, true)) => open = open.split_off(&(tag + 1)),
                Some(Told::Has(tag, false)) => _ = open.remove(&tag),
                Some(Told::Broke(reason)) => return Err(broken(reason)),
                None => return Err(broken("the connection is gone".into())),
            }
        }
        *done = dispatches.len();
        Ok(())
    }
}

impl Sink for RabbitSink {
    fn deliver<'a>(&'a mut self, dispatches: &'a [Dispatch], done: &'a mut usize) -> BoxFuture<'a, Result<(), Broken>> {
        Box::pin(async move {
            // What breaks is connected anew.
            let mut connected = match self.connected.take() {
                Some(connected) => connected,
                None => self.connect().await?,
            };
            self.publish(&mut connected, dispatches, done).await?;
            self.connected = Some(connected);
            Ok(())
        })
    }
}

/// Hears what the broker says of a channel.
struct Listener(UnboundedSender<Told>);

impl Listener {
    fn tell(&self, told: Told) {
        // Nobody waits for it any more.
        let _ = self.0.send(told);
    }
}

#[async_trait]
impl ChannelCallback for Listener {
    async fn close(&mut self, _: &Channel, close: CloseChannel) -> Result<(), Error> {
        self.tell(Told::Broke(close.reply_text().clone()));
        Ok(())
    }

    async fn cancel(&mut self, _: &Channel, _: Cancel) -> Result<(), Error> {
        Ok(())
    }

    async fn flow(&mut self, _: &Channel, active: bool) -> Result<bool, Error> {
        Ok(active)
    }

    async fn publish_ack(&mut self, _: &Channel, ack: Ack) {
        self.tell(Told::Has(ack.delivery_tag(), ack.mutiple()));
    }

    async fn publish_nack(&mut self, _: &Channel, _: Nack) {
        self.tell(Told::Broke("it could not keep a message".into()));
    }

    async fn publish_return(&mut self, _: &Channel, returned: Return, _: BasicProperties, _: Vec<u8>) {
        self.tell(Told::Broke(format!("no queue takes it: {}", returned.reply_text())));
    }
}
