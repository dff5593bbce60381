//! A queue: how many messages a second go from a real RabbitMQ to durable memory.
//!
//! `cargo bench --profile dev --bench queue -- [--messages N]`: RabbitMQ is started by `scripts/servers/rabbitmq.sh`, N
//! messages (100,000) are published, then followed with the built-in embedder until all are in memory and the queue is empty.
//! The broker and the run share the machine. Of more messages than [`FIRST`], what memory grows by for each after those is
//! told, too.

#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use amqprs::BasicProperties;
use amqprs::channel::{BasicPublishArguments, Channel, QueueDeclareArguments};
use amqprs::connection::{Connection, OpenConnectionArguments};
use nexus::{At, FeedRun, FeedsConfig, Memory, Nexus, Settings};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Until there are so many, caches fill and buffers find their size.
const FIRST: u64 = 100_000;

fn main() {
    let messages: u64 = support::argument("--messages").and_then(|n| n.parse().ok()).unwrap_or(100_000);
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    script(folder.path(), port, "start");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (connection, channel) = runtime.block_on(published(port, messages));
    let store = folder.path().join("store");
    std::fs::write(folder.path().join("password"), "guest").unwrap();
    let config = format!(
        "[feed.queue]\nkind = \"rabbitmq\"\nserver = \"127.0.0.1:{port}\"\npassword = {{ file = {:?} }}\nqueue = \"bench\"\n",
        folder.path().join("password")
    );
    let run = FeedRun::new(FeedsConfig::parse(&config, &"default".into()).unwrap());
    let control = run.control();
    let mut nexus = Nexus::open_with(&store, Settings::default()).unwrap();
    let began = Instant::now();
    let following = std::thread::spawn(move || {
        run.follow(&mut nexus, &mut |told| eprintln!("{told:?}")).unwrap();
        nexus.close().unwrap();
    });
    let mut told = Instant::now();
    let mut first = None;
    loop {
        std::thread::sleep(Duration::from_millis(50));
        let there = there(&store);
        if there >= FIRST {
            first.get_or_insert((there, support::resident_mib()));
        }
        if there >= messages && runtime.block_on(waiting(&channel)) == 0 {
            break;
        }
        if told.elapsed() > Duration::from_secs(10) {
            told = Instant::now();
            eprintln!("{there} of {messages}, {:.0} MiB", support::resident_mib());
        }
    }
    let rate = messages as f64 / began.elapsed().as_secs_f64();
    support::figure("queue", "RabbitMQ to durable memory", rate, "messages a second");
    if let Some((first, resident)) = first.filter(|(first, _)| *first < messages) {
        let grown = (support::resident_mib() - resident) * 1024.0 * 1024.0 / (messages - first) as f64;
        support::figure("queue", "memory grown by each after the first", grown, "bytes a message");
    }
    control.stop();
    following.join().unwrap();
    runtime.block_on(async {
        channel.close().await.unwrap();
        connection.close().await.unwrap();
    });
    script(folder.path(), port, "stop");
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn script(folder: &Path, port: u16, what: &str) {
    let mut command = Command::new("scripts/servers/rabbitmq.sh");
    command.arg(what).env("NEXUS_SERVERS_RUN", folder).env("RABBITMQ_PORT", port.to_string());
    assert!(command.env("RABBITMQ_TLS_PORT", free_port().to_string()).status().unwrap().success());
}

async fn published(port: u16, messages: u64) -> (Connection, Channel) {
    let connection =
        Connection::open(&OpenConnectionArguments::new("127.0.0.1", port, "guest", "guest")).await.unwrap();
    let channel = connection.open_channel(None).await.unwrap();
    channel.queue_declare(QueueDeclareArguments::durable_client_named("bench")).await.unwrap();
    for at in 0..messages {
        let row = serde_json::json!({
            "id": at.to_string(), "said_at": 1_700_000_000_000_u64 + at, "channel": "#a", "author": format!("nick{}", at % 500),
            "text": format!("message {at}: the harbour of town {} has {} boats", at % 977, at % 89),
        });
        let properties = BasicProperties::default().with_delivery_mode(2).finish();
        channel
            .basic_publish(properties, row.to_string().into(), BasicPublishArguments::new("", "bench"))
            .await
            .unwrap();
    }
    while waiting(&channel).await < messages {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    (connection, channel)
}

async fn waiting(channel: &Channel) -> u64 {
    let mut declare = QueueDeclareArguments::durable_client_named("bench");
    declare.passive(true);
    channel.queue_declare(declare).await.unwrap().unwrap().1.into()
}

/// How many messages memory has.
fn there(store: &Path) -> u64 {
    let status = Memory::open(store, "default", At::Latest).unwrap().status().unwrap();
    status.tables.iter().find(|table| table.name == "passages").map_or(0, |table| table.rows)
}
