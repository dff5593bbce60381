//! `nexus run` on topics of Kafka: two brokers of librdkafka's, which go away, lose messages and lead by turns, over a
//! bad network, killed; and a real Tansu. What a topic holds is told by a client of another make, librdkafka's.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::Place;
use crate::proxy::Proxy;
use crate::running::{Luck, Running, Server, texts, until};

const KILLS: u64 = 5;
const PARTITIONS: u64 = 4;
/// Messages that wait when a run starts, and at most so many come before it is killed, one by one.
const AT_ONCE: u64 = 300;
const SLOWLY: u64 = 60;
/// How producers compress, partition by partition.
const CODECS: [&str; 4] = ["none", "gzip", "lz4", "snappy"];
/// So many rows come and go in the topic whose keys name them.
const KEYS: u64 = 40;
/// Messages that do not fit into one answer of 1 MiB for each of three partitions, and how long they are.
const MANY: (u64, usize) = (4_500, 900);

/// By partition and number, the key and the value.
type Held = BTreeMap<(u64, u64), (Option<String>, Option<String>)>;

/// Who has a cluster, and writes to it or another.
struct Kafka {
    answers: BufReader<TcpStream>,
    /// The other, if it is another.
    at: Option<String>,
    _server: Server,
}

impl Kafka {
    fn start() -> Option<Kafka> {
        let server = Server::start("kafka")?;
        let answers = BufReader::new(TcpStream::connect(("127.0.0.1", server.port)).unwrap());
        Some(Kafka { answers, at: None, _server: server })
    }

    /// Has a command carried out, as scripts/servers/kafka.py knows it.
    fn does(&mut self, command: &Value) -> Value {
        self.answers.get_mut().write_all(format!("{command}\n").as_bytes()).unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        let mut answer: Value = serde_json::from_str(&line).unwrap();
        assert!(answer["error"].is_null(), "{command}: {answer}");
        answer["is"].take()
    }

    fn ports(&mut self) -> Vec<u16> {
        serde_json::from_value(self.does(&json!({"do": "ports"}))).unwrap()
    }

    fn create(&mut self, topic: &str, partitions: u64) {
        self.does(&json!({"do": "create", "topic": topic, "partitions": partitions, "at": self.at}));
    }

    fn say(&mut self, topic: &str, partition: u64, key: Option<String>, value: Option<String>) {
        self.does(&json!({
            "do": "say", "topic": topic, "partition": partition, "key": key, "value": value, "at": self.at,
            "compression": CODECS[partition as usize % CODECS.len()],
        }));
    }

    fn held(&mut self, topic: &str) -> Held {
        let messages = self.does(&json!({"do": "held", "topic": topic, "at": self.at}));
        let messages: Vec<(u64, u64, Option<String>, Option<String>)> = serde_json::from_value(messages).unwrap();
        messages.into_iter().map(|(partition, number, key, value)| ((partition, number), (key, value))).collect()
    }

    /// Somebody writes to a topic whose keys name nothing, and writes or deletes a row of one whose keys name rows.
    fn happens(&mut self, luck: &mut Luck, text: &str) {
        self.say("orders", luck.below(PARTITIONS), None, Some(row(text)));
        let key = luck.below(KEYS);
        let value = if luck.one_in(4) { None } else { Some(row(text)) };
        self.say("state", key % PARTITIONS, Some(format!("k{key}")), value);
    }
}

/// A row that says this.
fn row(text: &str) -> String {
    json!({"said_at": 1_700_000_000_000_u64, "author": "anna", "text": text}).to_string()
}

/// What it says.
fn text(row: &str) -> String {
    let row: Value = serde_json::from_str(row).unwrap();
    row["text"].as_str().unwrap().to_string()
}

fn sorted(rows: impl Iterator<Item = String>) -> Vec<String> {
    let mut rows: Vec<String> = rows.collect();
    rows.sort();
    rows
}

/// What memory should hold of `orders`: every message, named by its place.
fn all(held: &Held) -> Vec<String> {
    sorted(held.iter().filter_map(|((partition, number), (_, value))| {
        Some(format!("orders/{partition}/{number} {}", text(value.as_deref()?)))
    }))
}

/// What memory should hold of `state`: the last message of each key, if it has a value. A key stays in its partition.
fn last(held: &Held) -> Vec<String> {
    let rows: BTreeMap<&Option<String>, &Option<String>> = held.values().map(|held| (&held.0, &held.1)).collect();
    sorted(rows.into_iter().filter_map(|(key, value)| Some(format!("{} {}", key.as_deref()?, text(value.as_deref()?)))))
}

/// What memory holds of a feed.
fn memory(place: &Place, feed: &str) -> Vec<String> {
    let sql = format!("select external_id, text from events where kind = 'message' and source = '{feed}'");
    sorted(texts(place, &sql).into_iter())
}

/// Feeds of these topics, each with what more is said of it.
fn config(place: &Place, ports: &[u16], topics: &[(&str, &str)]) -> String {
    let servers: Vec<String> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
    let feed = |(topic, more): &(&str, &str)| {
        format!("[feed.{topic}]\nkind = \"kafka\"\nservers = {servers:?}\ntopic = \"{topic}\"\n{more}\n")
    };
    place.file("feeds.toml", &topics.iter().map(feed).collect::<String>())
}

fn is_verified(place: &Place) {
    assert!(place.json(&["verify"])["equal"].as_bool().unwrap());
}

#[test]
fn topics_of_kafka_are_in_memory_whatever_happens() {
    let Some(mut kafka) = Kafka::start() else { return };
    let (place, mut luck) = (Place::new(), Luck(9));
    let mut networks = Vec::new();
    for (broker, port) in (1_u64..).zip(kafka.ports()) {
        let network = Proxy::start(port, broker);
        kafka.does(&json!({"do": "advertise", "broker": broker, "port": network.port}));
        networks.push(network);
    }
    let ports: Vec<u16> = networks.iter().map(|network| network.port).collect();
    let config = config(&place, &ports, &[("orders", ""), ("state", "keys = true")]);
    kafka.create("orders", PARTITIONS);
    kafka.create("state", PARTITIONS);
    for kill in 0..KILLS {
        networks.iter().for_each(Proxy::calm);
        (0..AT_ONCE).for_each(|at| kafka.happens(&mut luck, &format!("at once {kill} {at}")));
        networks.iter().for_each(Proxy::rage);
        let running = Running::start(&place, &config);
        running.says("orders works");
        for at in 0..luck.below(SLOWLY) {
            kafka.happens(&mut luck, &format!("slowly {kill} {at}"));
            std::thread::sleep(Duration::from_millis(luck.below(60)));
        }
        running.kill();
    }
    networks.iter().for_each(Proxy::calm);
    let running = Running::start(&place, &config);
    let (orders, state) = (all(&kafka.held("orders")), last(&kafka.held("state")));
    assert!(orders.len() as u64 >= KILLS * AT_ONCE && !state.is_empty(), "{} {}", orders.len(), state.len());
    until("memory holds every message", || memory(&place, "orders") == orders);
    until("memory holds what keys say last", || memory(&place, "state") == state);
    running.end();
    is_verified(&place);
}

#[test]
fn partitions_that_kafka_adds_are_read_and_what_it_deletes_unread_is_told() {
    let Some(mut kafka) = Kafka::start() else { return };
    let place = Place::new();
    let config = config(&place, &kafka.ports(), &[("orders", "")]);
    kafka.create("orders", 2);
    (0..20).for_each(|at| kafka.say("orders", at % 2, None, Some(row(&format!("first {at}")))));
    let mut expected = all(&kafka.held("orders"));
    let running = Running::start(&place, &config);
    until("the first are read", || memory(&place, "orders") == expected);
    running.kill();
    kafka.does(&json!({"do": "grow", "topic": "orders", "partitions": 4}));
    (0..40).for_each(|at| kafka.say("orders", at % 4, None, Some(row(&format!("then {at}")))));
    kafka.does(&json!({"do": "lose", "topic": "orders", "partition": 0, "before": 13}));
    expected.extend(all(&kafka.held("orders")));
    expected.sort();
    expected.dedup();
    let running = Running::start(&place, &config);
    until("the others are read", || memory(&place, "orders") == expected);
    let told = |start: &str| texts(&place, "select reason from rejects").iter().any(|told| told.starts_with(start));
    until("it is told what is lost", || told("messages 10 to 12 are lost"));
    running.kill();
    // Of another topic of the same name the numbers begin anew.
    kafka.does(&json!({"do": "drop", "topic": "orders"}));
    kafka.create("orders", 4);
    let mut named: Value = serde_json::from_str(&row("anew")).unwrap();
    named["id"] = "anew".into();
    kafka.say("orders", 0, None, Some(named.to_string()));
    expected.push("anew anew".into());
    expected.sort();
    let running = Running::start(&place, &config);
    until("it is read from its start", || memory(&place, "orders") == expected);
    until("it is told that it is another", || told("message 20 was to be next and is not there"));
    running.end();
    is_verified(&place);
}

#[test]
fn a_topic_of_kafka_is_read_on_where_its_leaders_go() {
    let Some(mut kafka) = Kafka::start() else { return };
    let place = Place::new();
    let config = config(&place, &kafka.ports(), &[("orders", "from = \"now\"")]);
    kafka.create("orders", 2);
    (0..2).for_each(|partition| kafka.say("orders", partition, None, Some(row("before"))));
    assert_eq!(kafka.held("orders").len(), 2);
    let running = Running::start(&place, &config);
    running.says("orders works");
    let mut expected = Vec::new();
    for (number, (leader, gone)) in (1..).zip([(2, 1), (1, 2)]) {
        for partition in 0..2 {
            kafka.does(&json!({"do": "lead", "topic": "orders", "partition": partition, "broker": leader}));
        }
        kafka.does(&json!({"do": "down", "broker": gone}));
        for partition in 0..2 {
            kafka.say("orders", partition, None, Some(row(&format!("by {leader}"))));
            expected.push(format!("orders/{partition}/{number} by {leader}"));
        }
        expected.sort();
        until("it is read from who leads", || memory(&place, "orders") == expected);
        kafka.does(&json!({"do": "up", "broker": gone}));
    }
    running.end();
    is_verified(&place);
}

#[test]
fn kafka_says_why_it_reads_nothing() {
    let Some(mut kafka) = Kafka::start() else { return };
    let place = Place::new();
    kafka.create("packed", 1);
    let value = row(&"packed ".repeat(50));
    kafka.does(&json!({
        "do": "say", "topic": "packed", "partition": 0, "key": null, "value": value, "compression": "zstd",
    }));
    assert_eq!(kafka.held("packed").len(), 1);
    for (topic, reason) in [
        ("nowhere", "there is no topic \"nowhere\" that we may read: create it"),
        ("packed", "messages are compressed by zstd, which is not read: let producers use gzip, lz4 or snappy"),
    ] {
        let running = Running::start(&place, &config(&place, &kafka.ports(), &[(topic, "")]));
        let said = running.says(&format!("{topic} is refused"));
        assert!(said.contains(reason), "{said}");
        running.end();
    }
}

#[test]
fn a_topic_of_tansu_is_in_memory_by_the_protocol_of_kafka() {
    let (Some(mut kafka), Some(tansu)) = (Kafka::start(), Server::start("tansu")) else { return };
    let (place, mut luck) = (Place::new(), Luck(3));
    kafka.at = Some(format!("127.0.0.1:{}", tansu.port));
    let config = config(&place, &[tansu.port], &[("orders", "")]);
    kafka.create("orders", 3);
    for at in 0..MANY.0 {
        kafka.say("orders", at % 3, None, Some(row(&format!("many {at}")) + &" ".repeat(MANY.1)));
    }
    let expected = all(&kafka.held("orders"));
    assert_eq!(expected.len() as u64, MANY.0);
    for _ in 0..KILLS {
        let running = Running::start(&place, &config);
        running.says("orders works");
        std::thread::sleep(Duration::from_millis(luck.below(150)));
        running.kill();
    }
    let running = Running::start(&place, &config);
    until("memory holds every message", || memory(&place, "orders") == expected);
    kafka.say("orders", 1, None, Some(row("one more")));
    let expected = all(&kafka.held("orders"));
    until("one more is read", || memory(&place, "orders") == expected);
    running.end();
    is_verified(&place);
}
