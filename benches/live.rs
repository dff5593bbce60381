//! Live feeds: how long a message takes from the wire to an answer of recall, and how many a second become memory.
//!
//! `cargo bench --profile dev --bench live -- [--messages N] [--rate R] [--flood N]`: a server in this process that speaks
//! IRC sends R messages a second (50), N of them (1,000), and each is asked for until recall finds it; then 100,000 at once.
//! The peer of the flood is ingest of as many messages from a file, in the same run.

#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use nexus::{At, FeedRun, FeedsConfig, Go, IngestOptions, Memory, Nexus, Settings};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let number = |name: &str, usual: usize| support::argument(name).and_then(|n| n.parse().ok()).unwrap_or(usual);
    let (messages, rate, flood) = (number("--messages", 1_000), number("--rate", 50), number("--flood", 100_000));
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let config = format!(
        "[feed.chat]\nkind = \"irc\"\nserver = \"{}\"\nnick = \"nexus\"\nchannels = [\"#a\"]\n",
        listener.local_addr().unwrap()
    );
    let run = FeedRun::new(FeedsConfig::parse(&config, &"default".into()).unwrap());
    let control = run.control();
    let there = store.clone();
    let following = std::thread::spawn(move || {
        let mut nexus = Nexus::open_with(there, Settings::default()).unwrap();
        run.follow(&mut nexus, &mut |_| {}).unwrap();
        nexus.close().unwrap();
    });
    let mut server = joined(listener);
    let (sent, said) = channel();
    let pause = Duration::from_secs_f64(1.0 / rate as f64);
    let mut line = server.try_clone().unwrap();
    let sending = std::thread::spawn(move || trickle(&mut line, messages, pause, &sent));
    let mut took = visible(&store, &said);
    sending.join().unwrap();
    for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
        let value = support::quantile(&mut took, share);
        support::figure("live", &format!("from the wire to recall at {rate}/s, {name}"), value, "ms");
    }
    let before = support::resident_mib();
    let began = Instant::now();
    let lines: String = (0..flood).map(|at| format!(":nick{}!n@h PRIVMSG #a :{}\r\n", at % 500, text(at))).collect();
    server.write_all(lines.as_bytes()).unwrap();
    while events(&store) < (messages + flood) as u64 {
        std::thread::sleep(Duration::from_millis(20));
    }
    let ours = flood as f64 / began.elapsed().as_secs_f64();
    let grown = (support::resident_mib() - before) * 1024.0 / flood as f64;
    let ingested = ingested(&folder.path().join("peer"), folder.path(), flood);
    support::compared("live", "messages to memory, at once", ours, "a second", "ingest of a file", ingested, false);
    support::figure("live", "memory grown", grown, "KiB a message");
    control.stop();
    following.join().unwrap();
}

fn text(at: usize) -> String {
    format!("flood number {at}: the harbour of town {} has {} boats", at % 977, at % 89)
}

/// Waits until Nexus has joined.
fn joined(listener: TcpListener) -> TcpStream {
    let (mut stream, _) = listener.accept().unwrap();
    for line in BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok) {
        if line.starts_with("USER") {
            stream.write_all(b":s 001 nexus :hi\r\n").unwrap();
        } else if line.starts_with("JOIN") {
            stream.write_all(b":nexus!n@h JOIN :#a\r\n").unwrap();
            break;
        }
    }
    stream
}

fn trickle(server: &mut TcpStream, messages: usize, pause: Duration, sent: &Sender<(usize, Instant)>) {
    let began = Instant::now();
    for at in 0..messages {
        std::thread::sleep((pause * at as u32).saturating_sub(began.elapsed()));
        let line = format!(":nick{}!n@h PRIVMSG #a :the word{at} is said now\r\n", at % 20);
        server.write_all(line.as_bytes()).unwrap();
        sent.send((at, Instant::now())).unwrap();
    }
}

/// How long each took until recall, asked again and again, gave it.
fn visible(store: &Path, said: &Receiver<(usize, Instant)>) -> Vec<Duration> {
    let mut took = Vec::new();
    let mut memory: Option<Memory> = None;
    for (at, sent) in said {
        let word = format!("word{at}");
        loop {
            let found = memory.as_ref().is_some_and(|memory| {
                memory.recall(&word, 1).unwrap().hits.first().is_some_and(|hit| hit.text.contains(&format!("{word} ")))
            });
            if found {
                took.push(sent.elapsed());
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
            memory = Memory::open(store, "default", At::Latest).ok();
        }
    }
    took
}

/// How many messages memory has.
fn events(store: &Path) -> u64 {
    let status = Memory::open(store, "default", At::Latest).unwrap().status().unwrap();
    status.tables.iter().find(|table| table.name == "passages").map_or(0, |table| table.rows)
}

/// How many a second ingest takes in.
fn ingested(store: &Path, folder: &Path, messages: usize) -> f64 {
    let file = folder.join("flood.jsonl");
    let row = |at: usize| {
        serde_json::json!({"id": at.to_string(), "said_at": 1_700_000_000_000_u64 + at as u64, "channel": "#a",
                           "author": format!("nick{}", at % 500), "text": text(at)})
    };
    std::fs::write(&file, (0..messages).map(|at| row(at).to_string() + "\n").collect::<String>()).unwrap();
    let mut nexus = Nexus::open(store).unwrap();
    let began = Instant::now();
    nexus.ingest(&[file], &IngestOptions::default(), &mut |_| Go::On).unwrap();
    messages as f64 / began.elapsed().as_secs_f64()
}
