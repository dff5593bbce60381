//! Kafka, followed: the messages of a topic, each partition in its order.
//!
//! The brokers keep messages and they can be read again, so no group is joined and nothing is committed there. Offset: the
//! topic, and the number of the next message of each partition. What the brokers deleted before it was read is a reject.
//! Partitions that are added are looked for; whoever is new is read from its start. Not encrypted (see docs/connectors.md).
//! Cost: a connection a partition, and about 8 MiB of messages as they are fetched, or one batch a partition where batches
//! are larger; what is compressed takes its whole size once it is read.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::time::Duration;

use futures::StreamExt;
use futures::future::{BoxFuture, try_join_all};
use futures::stream::FuturesUnordered;
use nexus_types::{Millis, Text};
use rskafka::BackoffConfig;
use rskafka::client::error::{Error, ProtocolError};
use rskafka::client::partition::{OffsetAt, PartitionClient, UnknownTopicHandling};
use rskafka::client::{Client, ClientBuilder, Credentials, SaslConfig};
use rskafka::record::{Record, RecordAndOffset};
use serde::Deserialize;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::queue::{self, Bodies, Message, Taken};
use super::{Batch, Broken, Feed, Named, Outlet, Resume, SecretRef};
use crate::{Item, MESSAGE_BYTES_MAX, Rejected};

const EXAMPLE: &str = "kafka.example.org:9092";
/// How long connecting may take, and how long any answer.
const CONNECT: Duration = Duration::from_secs(20);
const ANSWER: Duration = Duration::from_secs(15);
/// How long a broker waits for messages, in milliseconds, and how long we wait for its answer.
const WAIT_MS: i32 = 10_000;
const FETCH: Duration = Duration::from_secs(30);
/// The pause after an answer without messages that came at once.
const PAUSE: Duration = Duration::from_secs(1);
/// For so long the client tries by itself: leaders move.
const MOVING: Duration = Duration::from_secs(5);
/// So often partitions are looked for that were added.
const LOOK: Duration = Duration::from_secs(300);
/// How much is fetched at once: of all partitions, and of each at least and at most.
const FETCHED: i32 = 8 << 20;
const OF_EACH: (i32, i32) = (64 << 10, 1 << 20);
/// The largest answer that is read.
const ANSWER_BYTES_MAX: usize = MESSAGE_BYTES_MAX + (1 << 20);
/// The longest name of a topic.
const NAME_BYTES_MAX: usize = 249;
/// What the client says when trying again does not help: it hands on the cause only as a text.
const FINAL_WORDS: [&str; 4] =
    ["SaslAuthenticationFailed", "UnsupportedSaslMechanism", "unsupported sasl mechanism", "IllegalSaslState"];
const COMPRESSED: &str = "Unimplemented compression";

/// What a configuration says of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KafkaConfig {
    /// Brokers to ask first, each `host:port`.
    pub servers: Vec<String>,
    /// Who we are there.
    pub user: Option<String>,
    /// The password.
    pub password: Option<SecretRef>,
    /// How the password is proved.
    #[serde(default)]
    pub mechanism: KafkaMechanism,
    /// The topic.
    pub topic: String,
    /// Where to begin the first time.
    #[serde(default)]
    pub from: KafkaFrom,
    /// Whether the key of a message names its row: a later message of the key replaces it, one without a value deletes it.
    #[serde(default)]
    pub keys: bool,
    /// What events are named after; by default the feed.
    pub source: Option<Text>,
    /// Where rows were said that do not say; by default the topic.
    pub channel: Option<Text>,
}

/// How a password is proved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum KafkaMechanism {
    /// Without saying it.
    #[default]
    #[serde(rename = "scram-sha-512")]
    ScramSha512,
    /// The same, with a shorter hash.
    #[serde(rename = "scram-sha-256")]
    ScramSha256,
    /// By saying it.
    #[serde(rename = "plain")]
    Plain,
}

/// Where to begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KafkaFrom {
    /// With the oldest message that is kept.
    #[default]
    Start,
    /// With the next message.
    Now,
}

/// A topic that is followed.
#[derive(Debug)]
pub struct KafkaFeed {
    named: Named,
    config: KafkaConfig,
}

/// The next message of each partition.
type Next = BTreeMap<i32, i64>;

/// What a partition had.
struct Fetched {
    partition: PartitionClient,
    /// Where its messages begin.
    next: i64,
    records: Vec<RecordAndOffset>,
    /// What it should have had.
    lost: Option<Rejected>,
}

/// How far the topic is read, if the text says so of this topic.
fn parsed(text: &str, topic: &str) -> Option<Next> {
    let parts = text.strip_prefix("1 ")?.strip_prefix(topic)?.strip_prefix(' ')?;
    let each = parts.split(',').map(|part| {
        let (partition, next) = part.split_once(':')?;
        Some((partition.parse::<i32>().ok()?, next.parse::<i64>().ok()?))
    });
    each.collect()
}

fn shown(topic: &str, next: &Next) -> Text {
    let each: Vec<String> = next.iter().map(|(partition, next)| format!("{partition}:{next}")).collect();
    format!("1 {topic} {}", each.join(",")).into()
}

/// What is missing where a partition was to go on with `next` and now begins with `first`.
fn missing(next: i64, first: i64) -> String {
    if first > next {
        let last = first.saturating_sub(1);
        return format!("messages {next} to {last} are lost: the brokers deleted them before they were read");
    }
    format!(
        "message {next} was to be next and is not there: the topic was made anew or set back, and is read from {first}"
    )
}

impl KafkaFeed {
    /// Checks what the configuration says, and reads the password.
    pub fn new(named: Named, config: KafkaConfig) -> Result<KafkaFeed, String> {
        let KafkaConfig { servers, user, password, topic, .. } = &config;
        if servers.is_empty() {
            return Err(format!("servers: it is empty; name one such as {EXAMPLE:?}"));
        }
        for server in servers {
            queue::is_plain(server, EXAMPLE).map_err(|error| error.replacen("server:", "servers:", 1))?;
        }
        let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if topic.is_empty() || topic.len() > NAME_BYTES_MAX || !topic.chars().all(fits) {
            return Err(format!("topic: {topic:?} is not a topic's name, such as \"orders\""));
        }
        if user.is_some() != password.is_some() {
            return Err("user: name a user and a password, or neither".into());
        }
        password.as_ref().map(SecretRef::read).transpose().map_err(|error| format!("password: {error}"))?;
        Ok(KafkaFeed { named, config })
    }

    async fn run(&self, from: Resume, outlet: &Outlet) -> Result<Infallible, Broken> {
        let KafkaConfig { topic, source, channel, .. } = &self.config;
        let bodies = Bodies::new(&self.named, "kafka", source.as_ref(), channel.as_ref());
        let mut bodies = bodies.map_err(Broken::Refused)?;
        let held = from.offset.as_deref().and_then(|text| parsed(text, topic));
        let client = self.connect(outlet.now()).await?;
        let partitions = self.partitions(&client).await?;
        let opening = partitions.iter().copied().map(|partition| self.open(&client, partition, held.as_ref()));
        let opened = try_join_all(opening).await?;
        outlet.healthy();
        let mut next: Next = opened.iter().map(|(partition, next)| (partition.partition(), *next)).collect();
        if held.as_ref() != Some(&next) {
            // Where it began is kept before anything comes: what is said while nothing is connected counts.
            outlet.send(Batch { offset: Some(shown(topic, &next)), ..Batch::default() }).await?;
        }
        let many = i32::try_from(opened.len()).unwrap_or(i32::MAX).max(1);
        let bytes = (FETCHED / many).clamp(OF_EACH.0, OF_EACH.1);
        let fetching = opened.into_iter().map(|(partition, next)| self.fetch(partition, next, bytes));
        let mut fetching: FuturesUnordered<_> = fetching.collect();
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        look.tick().await;
        loop {
            let fetched = tokio::select! {
                fetched = fetching.next() => fetched.unwrap_or_else(|| Err(self.lost("no partition is read")))?,
                _ = look.tick() => {
                    if self.partitions(&client).await? != partitions {
                        return Err(self.lost(format!("{topic} has other partitions now: connecting again")));
                    }
                    continue;
                }
            };
            let partition = self.pass_on(fetched, &mut next, &mut bodies, outlet).await?;
            let at = next.get(&partition.partition()).copied().unwrap_or_default();
            fetching.push(self.fetch(partition, at, bytes));
        }
    }

    /// Sends on what a partition had.
    async fn pass_on(
        &self,
        fetched: Fetched,
        next: &mut Next,
        bodies: &mut Bodies,
        outlet: &Outlet,
    ) -> Result<PartitionClient, Broken> {
        let Fetched { partition, next: at, records, lost } = fetched;
        let number = partition.partition();
        let mut taken = Taken::default();
        let mut moved = next.insert(number, at) != Some(at);
        taken.items.extend(lost.map(Item::Reject));
        for RecordAndOffset { record, offset } in records {
            self.take(number, offset, record, bodies, &mut taken);
            next.insert(number, offset.saturating_add(1));
            moved = true;
            if taken.is_enough() {
                let items = std::mem::take(&mut taken).items;
                let offset = Some(shown(&self.config.topic, next));
                outlet.send(Batch { items, offset, ..Batch::default() }).await?;
                moved = false;
            }
        }
        if moved {
            let offset = Some(shown(&self.config.topic, next));
            outlet.send(Batch { items: taken.items, offset, ..Batch::default() }).await?;
        }
        Ok(partition)
    }

    /// Takes a message apart.
    fn take(&self, partition: i32, offset: i64, record: Record, bodies: &mut Bodies, taken: &mut Taken) {
        let KafkaConfig { topic, keys, .. } = &self.config;
        let Record { key, value, .. } = record;
        let place = format!("message {offset} of {topic}/{partition}");
        let (channel, body) = (topic.as_str(), value.as_deref().unwrap_or_default());
        if *keys {
            let identity = key.and_then(|key| String::from_utf8(key).ok()).filter(|key| !key.is_empty());
            let revision = u64::try_from(offset).unwrap_or_default();
            let message = Message { place, identity, channel, body };
            bodies.take_keyed(&message, revision, value.is_none(), taken);
        } else if value.is_some() {
            // Where keys name nothing, a message without a value says nothing.
            let identity = Some(format!("{topic}/{partition}/{offset}"));
            bodies.take(&Message { place, identity, channel, body }, taken);
        }
    }

    async fn fetch(&self, partition: PartitionClient, next: i64, bytes: i32) -> Result<Fetched, Broken> {
        // It begins here: a broker that let us wait is not waited for again.
        let pause = sleep(PAUSE);
        let answer = self.within("fetching", FETCH, partition.fetch_records(next, 1..bytes, WAIT_MS)).await?;
        match answer {
            Ok((records, _)) => {
                // The mark of a transaction is no message, and comes alone, at once, until something follows it; and some
                // brokers answer at once whatever there is.
                if records.is_empty() {
                    pause.await;
                }
                Ok(Fetched { partition, next, records, lost: None })
            }
            Err(Error::ServerError { protocol_error: ProtocolError::OffsetOutOfRange, .. }) => {
                let first = self.ask(&partition, OffsetAt::Earliest).await?;
                if first == next {
                    return Err(self.lost(format!("message {next} is and is not there")));
                }
                let place = format!("{}/{}", self.config.topic, partition.partition());
                let lost = Some(Rejected::new(place, missing(next, first), b""));
                Ok(Fetched { partition, next: first, records: Vec::new(), lost })
            }
            Err(error) => Err(self.broken(&error)),
        }
    }

    /// A partition, and where to begin in it.
    async fn open(
        &self,
        client: &Client,
        partition: i32,
        held: Option<&Next>,
    ) -> Result<(PartitionClient, i64), Broken> {
        let topic = self.config.topic.clone();
        let opening = client.partition_client(topic, partition, UnknownTopicHandling::Error);
        let opened = self.within("finding its leader", CONNECT, opening).await?;
        let opened = opened.map_err(|error| self.broken(&error))?;
        if let Some(next) = held.and_then(|held| held.get(&partition)) {
            return Ok((opened, *next));
        }
        // A partition that was added later is new from its first message on.
        let now = held.is_none() && self.config.from == KafkaFrom::Now;
        let next = self.ask(&opened, if now { OffsetAt::Latest } else { OffsetAt::Earliest }).await?;
        Ok((opened, next))
    }

    async fn ask(&self, partition: &PartitionClient, at: OffsetAt) -> Result<i64, Broken> {
        let answer = self.within("asking for its first message", ANSWER, partition.get_offset(at)).await?;
        answer.map_err(|error| self.broken(&error))
    }

    async fn partitions(&self, client: &Client) -> Result<BTreeSet<i32>, Broken> {
        let wanted = &self.config.topic;
        let topics = self.within("listing topics", ANSWER, client.list_topics()).await?;
        let topics = topics.map_err(|error| self.broken(&error))?;
        match topics.into_iter().find(|topic| topic.name == *wanted) {
            None => Err(self.refused(format!(
                "there is no topic {wanted:?} that we may read: create it, or allow us to; a feed creates none"
            ))),
            Some(topic) if topic.partitions.is_empty() => Err(self.lost(format!("{wanted} has no partitions yet"))),
            Some(topic) => Ok(topic.partitions),
        }
    }

    async fn connect(&self, now: Millis) -> Result<Client, Broken> {
        let KafkaConfig { servers, user, password, mechanism, .. } = &self.config;
        let backoff = BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(1),
            base: 3.0,
            deadline: Some(MOVING),
        };
        let mut builder = ClientBuilder::new(servers.clone()).client_id("nexus");
        builder = builder.max_message_size(ANSWER_BYTES_MAX).backoff_config(backoff);
        if let (Some(user), Some(password)) = (user, password) {
            let password = password.fetch("password", now).await?;
            let credentials = Credentials::new(user.clone(), password.expose().into());
            builder = builder.sasl_config(match mechanism {
                KafkaMechanism::ScramSha512 => SaslConfig::ScramSha512(credentials),
                KafkaMechanism::ScramSha256 => SaslConfig::ScramSha256(credentials),
                KafkaMechanism::Plain => SaslConfig::Plain(credentials),
            });
        }
        let client = self.within("connecting", CONNECT, builder.build()).await?;
        client.map_err(|error| self.broken(&error))
    }

    /// Gives up after a while.
    async fn within<T>(&self, doing: &str, long: Duration, work: impl Future<Output = T>) -> Result<T, Broken> {
        let late = |_| self.lost(format!("{doing} took longer than {} s", long.as_secs()));
        timeout(long, work).await.map_err(late)
    }

    fn broken(&self, error: &Error) -> Broken {
        use ProtocolError::{ClusterAuthorizationFailed, InvalidTopicException, TopicAuthorizationFailed};
        let text = error.to_string();
        if text.contains(COMPRESSED) {
            return self
                .refused("messages are compressed by zstd, which is not read: let producers use gzip, lz4 or snappy");
        }
        if FINAL_WORDS.iter().any(|word| text.contains(word)) {
            return self.refused(format!("the credentials or the mechanism are not accepted: {text}"));
        }
        match error {
            Error::ServerError {
                protocol_error: ClusterAuthorizationFailed | InvalidTopicException | TopicAuthorizationFailed,
                ..
            } => self.refused(text),
            _ => self.lost(text),
        }
    }

    fn lost(&self, reason: impl std::fmt::Display) -> Broken {
        Broken::Retry(format!("{}: {reason}", self.config.servers.join(", ")))
    }

    fn refused(&self, reason: impl std::fmt::Display) -> Broken {
        Broken::Refused(format!("{}: {reason}", self.config.servers.join(", ")))
    }
}

impl Feed for KafkaFeed {
    fn follow<'a>(&'a mut self, from: Resume, outlet: &'a Outlet) -> BoxFuture<'a, Result<Infallible, Broken>> {
        Box::pin(self.run(from, outlet))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use nexus_types::Change;
    use rskafka::chrono::DateTime;

    use super::*;

    const SAID: &str = "\"said_at\": 5, \"author\": \"anna\", \"text\": \"hello\"";

    fn feed(more: &str) -> Result<KafkaFeed, String> {
        let named = Named { scope: "s".into(), feed: "orders".into() };
        let config = format!("{{\"servers\": [\"[::1]:9092\", \"b:9092\"], \"topic\": \"in.1\"{more}}}");
        KafkaFeed::new(named, serde_json::from_str(&config).map_err(|error| error.to_string())?)
    }

    fn read(more: &str, key: Option<&[u8]>, value: Option<&str>) -> Vec<String> {
        let feed = feed(more).unwrap();
        let mut bodies = Bodies::new(&feed.named, "kafka", None, None).unwrap();
        let (key, value) = (key.map(<[u8]>::to_vec), value.map(|value| value.as_bytes().to_vec()));
        let record = Record { key, value, headers: BTreeMap::new(), timestamp: DateTime::UNIX_EPOCH };
        let mut taken = Taken::default();
        feed.take(2, 17, record, &mut bodies, &mut taken);
        let shown = taken.items.into_iter().map(|item| match item {
            Item::Change(Change::Upsert(event)) => {
                assert_eq!((&*event.source, &*event.channel), ("orders", "in.1"));
                format!("{} at {:?}", event.external_id, event.revision)
            }
            Item::Change(Change::Retract { source, external_id, revision, .. }) => {
                format!("{source} {external_id} is gone at {revision:?}")
            }
            Item::Change(other) => format!("{other:?}"),
            Item::Reject(reject) => format!("{}: {}", reject.position, reject.reason),
        });
        shown.collect()
    }

    #[test]
    fn an_offset_is_of_its_topic() {
        let next = Next::from([(0, 17), (11, 0)]);
        assert_eq!(&*shown("in.1", &next), "1 in.1 0:17,11:0");
        assert_eq!(parsed("1 in.1 0:17,11:0", "in.1"), Some(next));
        for other in ["1 in.2 0:17", "1 in.11 0:17", "2 in.1 0:17", "1 in.1 ", "1 in.1 0:17,", "1 in.1 0:a", "1 in.1"] {
            assert_eq!(parsed(other, "in.1"), None, "{other}");
        }
        assert!(missing(17, 21).starts_with("messages 17 to 20 are lost"));
        assert!(missing(17, 3).ends_with("is read from 3"));
    }

    #[test]
    fn a_message_is_called_by_its_place_and_one_without_a_value_is_nothing() {
        let own = format!("{{\"id\": 7, \"revision\": 3, {SAID}}}");
        assert_eq!(read("", Some(b"k"), Some(&format!("{{{SAID}}}"))), ["in.1/2/17 at Some(0)"]);
        assert_eq!(read("", Some(b"k"), Some(&own)), ["7 at Some(3)"]);
        assert_eq!(read("", Some(b"k"), None), Vec::<String>::new());
        assert_eq!(read("", None, Some("")), ["message 17 of in.1/2: the message is empty"]);
    }

    #[test]
    fn a_key_names_its_row_and_without_a_value_deletes_it() {
        let keys = ", \"keys\": true";
        let own = format!("{{\"id\": 7, \"revision\": 300, \"source\": \"other\", {SAID}}}");
        assert_eq!(read(keys, Some(b"k"), Some(&own)), ["k at Some(17)"]);
        assert_eq!(read(keys, Some(b"k"), None), ["orders k is gone at Some(17)"]);
        assert_eq!(read(keys, Some(b"k"), Some("{\"deleted\": true}")), ["orders k is gone at Some(17)"]);
        for (key, value) in [(None, Some(&*own)), (Some(&b""[..]), None), (Some(&b"\xff"[..]), Some(&*own))] {
            let rejected = read(keys, key, value);
            assert!(
                rejected.len() == 1 && rejected[0].starts_with("message 17 of in.1/2: it has no key"),
                "{rejected:?}"
            );
        }
        let two = read(keys, Some(b"k"), Some(&format!("{own}\n{own}")));
        assert!(two.len() == 1 && two[0].starts_with("message 17 of in.1/2: not a JSON object"), "{two:?}");
        assert_eq!(read(keys, Some(b"k"), Some("")), ["message 17 of in.1/2: the message is empty"]);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_field() {
        let wrong = |more: &str| feed(more).unwrap_err();
        assert!(wrong(", \"user\": \"sam\"").starts_with("user: "));
        assert!(wrong(", \"mechanism\": \"gssapi\"").contains("scram-sha-512"));
        assert!(wrong(", \"from\": \"middle\"").contains("start"));
        let with = |servers: &[&str], topic: &str| {
            let mut config = feed("").unwrap().config;
            (config.servers, config.topic) = (servers.iter().map(|server| server.to_string()).collect(), topic.into());
            KafkaFeed::new(Named { scope: "s".into(), feed: "orders".into() }, config).unwrap_err()
        };
        assert!(with(&[], "in").starts_with("servers: "));
        let secret = with(&["a:9092", "sam:hunter2@b:9092"], "in");
        assert!(secret.starts_with("servers: ") && !secret.contains("hunter2"), "{secret}");
        assert!(with(&["a:9092"], "in out").starts_with("topic: "));
    }

    #[test]
    fn what_does_not_help_is_not_tried_again() {
        let feed = feed("").unwrap();
        let refused = |text: &str| matches!(feed.broken(&Error::InvalidResponse(text.into())), Broken::Refused(_));
        assert!(refused("Sasl handshake failed: API error: SaslAuthenticationFailed"));
        assert!(refused("Malformed data: Unimplemented compression: Zstd"));
        assert!(!refused("Cannot read/write data: early eof"));
        assert!(matches!(feed.broken(&Error::Timeout), Broken::Retry(_)));
    }
}
