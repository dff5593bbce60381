//! Ingest: messages per second from files to committed memory, and the heap it takes.
//!
//! `cargo bench --profile dev --bench ingest -- [PATH...] [--messages N] [--embed yes]`. Without a path: N (default 100,000)
//! written chat messages. The peer is a limit measured in the same run: the same input only read and parsed.

#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use nexus::{Go, IngestOptions, Nexus, Settings};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let mut paths: Vec<PathBuf> = support::positional().into_iter().map(PathBuf::from).collect();
    if paths.is_empty() {
        let messages = support::argument("--messages").and_then(|n| n.parse().ok()).unwrap_or(100_000);
        paths.push(written(folder.path(), messages));
    }
    let embed = support::argument("--embed").is_some();
    let settings = Settings { embed, ..Settings::default() };
    let mut nexus = Nexus::open_with(folder.path().join("store"), settings).unwrap();
    let options = IngestOptions { answer_all: embed, ..IngestOptions::default() };

    let started = Instant::now();
    let mut parsed = 0_u64;
    for input in nexus::connectors::expand(&paths).unwrap() {
        let mut source = nexus::connectors::open(&input.path, &nexus.connector_options(&options)).unwrap();
        while source.next().is_some() {
            parsed += 1;
        }
    }
    let limit = parsed as f64 / started.elapsed().as_secs_f64();

    let mut peak = 0.0_f64;
    let report = nexus.ingest(&paths, &options, &mut |progress| {
        peak = peak.max(support::resident_mib());
        eprintln!("{} messages, {:.0} MiB resident", progress.messages, support::resident_mib());
        Go::On
    });
    let report = report.unwrap();
    eprintln!("{report:?}");
    let rate = report.messages as f64 / (report.millis as f64 / 1_000.0);
    support::compared("ingest", "messages per second", rate, "1/s", "reading and parsing alone", limit, false);
    support::figure("ingest", "resident", peak, "MiB");

    let started = Instant::now();
    let again = nexus.ingest(&paths, &options, &mut |_| Go::On).unwrap();
    assert_eq!((again.added, again.changed, again.deleted), (0, 0, 0), "the same input twice changes nothing");
    support::figure("ingest", "again, nothing new", again.messages as f64 / started.elapsed().as_secs_f64(), "1/s");
}

/// A chat of many people, some of whose messages say something about them.
fn written(folder: &Path, messages: u64) -> PathBuf {
    const SAID: [&str; 8] = [
        "has anybody seen the build fail like this?",
        "I live in Lisbon.",
        "that works for me, thanks!",
        "I moved to Porto last month.",
        "try it with the other cable",
        "I work at Initech.",
        "lol",
        "My sister Rita lives in Faro.",
    ];
    let path = folder.join("chat.jsonl");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
    for at in 0..messages {
        let row = serde_json::json!({
            "id": at.to_string(), "said_at": 1_600_000_000_000_u64 + at * 1_000, "author": format!("user{}", at * 7919 % 2_000),
            "channel": format!("room{}", at % 20), "platform": "chat",
            "text": format!("{} ({})", SAID[(at * 31 % 8) as usize], at / 3),
        });
        writeln!(file, "{row}").unwrap();
    }
    file.flush().unwrap();
    path
}
