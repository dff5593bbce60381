//! `nexus run` on a real RabbitMQ and a real NATS: rows, edits, deletions, all of it doubled and out of order; killed while they
//! come, over a bad network, encrypted.

use std::collections::BTreeMap;
use std::mem::ManuallyDrop;
use std::time::Duration;

use amqprs::BasicProperties;
use amqprs::callbacks::{DefaultChannelCallback, DefaultConnectionCallback};
use amqprs::channel::{BasicPublishArguments, Channel, QueueDeclareArguments};
use amqprs::connection::{Connection, OpenConnectionArguments};
use async_nats::ConnectOptions;
use async_nats::jetstream::{self, Context, stream};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use crate::harness::Place;
use crate::proxy::Proxy;
use crate::running::{Luck, Running, Server, texts, until};

const KILLS: u64 = 5;
/// Messages that come one by one before each kill, and those that come at once, just then.
const SLOWLY: u64 = 40;
const AT_ONCE: u64 = 300;
/// One in so many is held back, to come later than what follows it.
const HELD: u64 = 5;

/// Somebody who publishes.
pub(crate) trait Broker {
    fn publish(&self, body: &str);
}

impl<B: Broker> Broker for &B {
    fn publish(&self, body: &str) {
        (**self).publish(body);
    }
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// The client says goodbye when it is dropped, for which the runtime would have to be there: it just goes.
pub(crate) struct Rabbit {
    runtime: Runtime,
    channel: ManuallyDrop<Channel>,
    _connection: ManuallyDrop<Connection>,
}

impl Rabbit {
    pub(crate) fn new(server: &Server) -> Rabbit {
        let runtime = runtime();
        let (channel, connection) = runtime.block_on(async {
            let arguments = OpenConnectionArguments::new("127.0.0.1", server.port, "guest", "guest");
            let connection = Connection::open(&arguments).await.unwrap();
            connection.register_callback(DefaultConnectionCallback).await.unwrap();
            let channel = connection.open_channel(None).await.unwrap();
            channel.register_callback(DefaultChannelCallback).await.unwrap();
            channel.queue_declare(QueueDeclareArguments::durable_client_named("orders")).await.unwrap();
            (channel, connection)
        });
        Rabbit { runtime, channel: ManuallyDrop::new(channel), _connection: ManuallyDrop::new(connection) }
    }

    fn publish_as(&self, body: &str, properties: BasicProperties) {
        let publish = self.channel.basic_publish(properties, body.into(), BasicPublishArguments::new("", "orders"));
        self.runtime.block_on(publish).unwrap();
    }

    /// How many messages wait for somebody.
    pub(crate) fn waiting(&self) -> u32 {
        let mut declare = QueueDeclareArguments::durable_client_named("orders");
        declare.passive(true);
        self.runtime.block_on(self.channel.queue_declare(declare)).unwrap().unwrap().1
    }
}

impl Broker for Rabbit {
    fn publish(&self, body: &str) {
        self.publish_as(body, BasicProperties::default());
    }
}

pub(crate) struct Nats {
    runtime: Runtime,
    context: Context,
}

impl Nats {
    pub(crate) fn new(server: &Server) -> Nats {
        let runtime = runtime();
        let context = runtime.block_on(async {
            let options = ConnectOptions::with_user_and_password("test".into(), "secret".into());
            let context = jetstream::new(options.connect(format!("127.0.0.1:{}", server.port)).await.unwrap());
            context.create_stream(orders()).await.unwrap();
            context
        });
        Nats { runtime, context }
    }

    fn make_anew(&self) {
        self.runtime.block_on(async {
            self.context.delete_stream("ORDERS").await.unwrap();
            self.context.create_stream(orders()).await.unwrap();
        });
    }
}

fn orders() -> stream::Config {
    stream::Config { name: "ORDERS".into(), subjects: vec!["orders.>".into()], ..stream::Config::default() }
}

impl Broker for Nats {
    fn publish(&self, body: &str) {
        let body = body.to_string().into();
        self.runtime.block_on(async { self.context.publish("orders.new", body).await.unwrap().await.unwrap() });
    }
}

/// What was said, and what it comes to.
pub(crate) struct Ledger<B> {
    pub(crate) broker: B,
    luck: Luck,
    /// How often each row was changed, and what it reads; nothing if it is deleted.
    rows: BTreeMap<String, (u64, Option<String>)>,
    said: Vec<String>,
    held: Vec<String>,
}

impl<B: Broker> Ledger<B> {
    pub(crate) fn new(broker: B) -> Ledger<B> {
        Ledger { broker, luck: Luck(5), rows: BTreeMap::new(), said: Vec::new(), held: Vec::new() }
    }

    /// Says it now or later.
    fn say(&mut self, row: &Value) {
        let body = row.to_string();
        self.said.push(body.clone());
        if self.luck.one_in(HELD) {
            self.held.push(body);
            return;
        }
        self.broker.publish(&body);
        if !self.held.is_empty() && self.luck.one_in(HELD) {
            let at = self.luck.below(self.held.len() as u64) as usize;
            self.broker.publish(&self.held.swap_remove(at));
        }
    }

    fn write(&mut self, id: String, text: String) {
        let (revision, _) = self.rows.get(&id).cloned().unwrap_or_default();
        self.say(&json!({
            "id": id, "revision": revision + 1, "said_at": 1_700_000_000_000_u64, "author": "anna", "text": text,
        }));
        self.rows.insert(id, (revision + 1, Some(text)));
    }

    /// Somebody writes, edits, deletes, or says again what was said.
    pub(crate) fn happen(&mut self, text: String) {
        let live: Vec<&String> = self.rows.iter().filter(|(_, row)| row.1.is_some()).map(|(id, _)| id).collect();
        let id = live.get(self.luck.below(live.len().max(1) as u64) as usize).map(|id| id.to_string());
        match (self.luck.below(6), id) {
            (0 | 1, Some(id)) => self.write(id, text),
            (2, Some(id)) => {
                let revision = self.rows[&id].0 + 1;
                self.say(&json!({"id": id, "revision": revision, "deleted": true}));
                self.rows.insert(id, (revision, None));
            }
            (3, Some(_)) => {
                let at = self.luck.below(self.said.len() as u64) as usize;
                self.broker.publish(&self.said[at]);
            }
            _ => self.write(format!("m{}", self.rows.len()), text),
        }
    }

    /// Says all that was held back; gives what memory has to read then.
    pub(crate) fn settle(&mut self) -> Vec<String> {
        std::mem::take(&mut self.held).iter().for_each(|body| self.broker.publish(body));
        let live = self.rows.iter().filter_map(|(id, (_, text))| Some(format!("{id} {}", text.as_ref()?)));
        live.collect()
    }

    /// The same, and waits until memory reads so.
    fn is_in(&mut self, place: &Place) {
        let expected = self.settle();
        let sql = "select external_id, text from events where kind = 'message' order by external_id";
        until("memory reads as the ledger does", || texts(place, sql) == expected);
    }

    /// All of it, while the run is killed and the network is bad.
    fn happens_whatever_happens(&mut self, place: &Place, network: &Proxy, config: &str) -> Running {
        network.rage();
        for kill in 0..KILLS {
            let running = Running::start(place, config);
            for at in 0..SLOWLY {
                self.happen(format!("slowly {kill} {at}"));
                std::thread::sleep(Duration::from_millis(self.luck.below(60)));
            }
            running.says("orders works");
            (0..AT_ONCE).for_each(|at| self.happen(format!("at once {kill} {at}")));
            // Some of these are on their way through the process when it dies.
            std::thread::sleep(Duration::from_millis(self.luck.below(40)));
            running.kill();
        }
        network.calm();
        let running = Running::start(place, config);
        self.is_in(place);
        running
    }
}

/// A feed of RabbitMQ, encrypted, with this password.
fn rabbitmq(place: &Place, server: &Server, port: u16, password: &str, more: &str) -> String {
    let (authority, password) = (server.authority(), place.file("password", password));
    let text = format!(
        "[feed.orders]\nkind = \"rabbitmq\"\nserver = \"127.0.0.1:{port}\"\ntls = true\nauthority = {authority:?}\n\
         password = {{ file = {password:?} }}\n{more}\n"
    );
    place.file("feeds.toml", &text)
}

/// A feed of NATS, encrypted, with this password.
fn nats(place: &Place, server: &Server, port: u16, password: &str, stream: &str) -> String {
    let (authority, password) = (server.authority(), place.file("password", password));
    let text = format!(
        "[feed.orders]\nkind = \"nats\"\nserver = \"127.0.0.1:{port}\"\ntls = true\nauthority = {authority:?}\n\
         user = \"test\"\npassword = {{ file = {password:?} }}\nstream = {stream:?}\n"
    );
    place.file("feeds.toml", &text)
}

#[test]
fn a_rabbitmq_queue_is_in_memory_and_empty_whatever_happens() {
    let Some(server) = Server::start("rabbitmq") else { return };
    let broker = Rabbit::new(&server);
    let (place, mut ledger) = (Place::new(), Ledger::new(&broker));
    let network = Proxy::start(server.tls_port, 3);
    let config = rabbitmq(&place, &server, network.port, "guest", "queue = \"orders\"");
    let running = ledger.happens_whatever_happens(&place, &network, &config);
    // What has no id is called as the broker calls it; what is no row is kept as a reject.
    let named = BasicProperties::default().with_message_id("order-7").finish();
    broker.publish_as("{\"said_at\": 5, \"author\": \"bert\", \"text\": \"Since May.\"}", named);
    broker.publish("hello");
    let sql = "select external_id, source, channel from events where author = 'bert'";
    // The columns stand in the order of their names.
    until("it has its name", || texts(&place, sql) == ["orders order-7 orders"]);
    let sql = "select raw, reason from rejects";
    until("it is rejected", || texts(&place, sql).iter().any(|reject| reject.starts_with("hello not a JSON object")));
    until("the queue is empty", || broker.waiting() == 0);
    running.end();
    until("all is acknowledged", || broker.waiting() == 0);
    assert!(place.json(&["verify"])["equal"].as_bool().unwrap());
}

#[test]
fn a_nats_stream_is_in_memory_whatever_happens() {
    let Some(server) = Server::start("nats") else { return };
    let broker = Nats::new(&server);
    let (place, mut ledger) = (Place::new(), Ledger::new(&broker));
    let network = Proxy::start(server.port, 4);
    let config = nats(&place, &server, network.port, "secret", "ORDERS");
    let running = ledger.happens_whatever_happens(&place, &network, &config);
    // A stream of the same name that is made anew is read from its beginning; what has no id is another message there.
    let unnamed = "{\"said_at\": 5, \"author\": \"bert\", \"text\": \"Since May.\"}";
    let sql = "select text from events where author = 'bert'";
    for times in 1..=2 {
        broker.make_anew();
        broker.publish(unnamed);
        until("it is read", || texts(&place, sql).len() == times);
    }
    running.end();
    assert!(place.json(&["verify"])["equal"].as_bool().unwrap());
}

/// What a run says of a feed that is refused; the password is not in it.
fn refused(place: &Place, config: &str, password: &str) -> String {
    let running = Running::start(place, config);
    let said = running.says("orders is refused");
    running.end();
    assert!(!said.contains(password), "{said}");
    said
}

#[test]
fn rabbitmq_says_why_it_lets_nobody_in() {
    let Some(server) = Server::start("rabbitmq") else { return };
    let place = Place::new();
    let feed = |password, more| rabbitmq(&place, &server, server.tls_port, password, more);
    let said = refused(&place, &feed("hunter2hunter2", "queue = \"orders\""), "hunter2hunter2");
    assert!(said.contains("ACCESS_REFUSED"), "{said}");
    let said = refused(&place, &feed("guest", "queue = \"no-such-queue\""), "hunter2hunter2");
    assert!(said.contains("there is no queue \"no-such-queue\": declare it"), "{said}");
    let said = refused(&place, &feed("guest", "queue = \"orders\"\nvhost = \"nowhere\""), "hunter2hunter2");
    assert!(said.contains("vhost nowhere not found"), "{said}");
}

#[test]
fn nats_says_why_it_lets_nobody_in() {
    let Some(server) = Server::start("nats") else { return };
    let place = Place::new();
    let feed = |password, stream| nats(&place, &server, server.port, password, stream);
    let said = refused(&place, &feed("hunter2hunter2", "ORDERS"), "hunter2hunter2");
    assert!(said.contains("the credentials are not accepted"), "{said}");
    let said = refused(&place, &feed("secret", "NO-SUCH"), "hunter2hunter2");
    assert!(said.contains("there is no stream \"NO-SUCH\": create it"), "{said}");
}
