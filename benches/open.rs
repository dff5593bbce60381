//! Open: how long a store of N events takes to be opened for writing (the graph is rebuilt) and for reading (it is not),
//! and how fast it answers then.
//!
//! `cargo bench --profile dev --bench open -- [--messages N]` (default 200,000). The peer is a limit measured in the same run:
//! reading every column of the ground tables without building anything.

#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use nexus::{At, Change, Event, Memory, Nexus, Settings};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many questions are asked.
const QUESTIONS: u64 = 100;

fn main() {
    let messages: u64 = support::argument("--messages").and_then(|n| n.parse().ok()).unwrap_or(200_000);
    let settings = Settings { embed: false, ..Settings::default() };
    if let Some(folder) = support::argument("--write") {
        return write(folder.as_ref(), settings, messages);
    }
    let folder = tempfile::tempdir().unwrap();
    // In a process of its own, so that what writing took is not counted here.
    let mut writer = Command::new(std::env::current_exe().unwrap());
    writer.args(["--messages", &messages.to_string(), "--write"]).arg(folder.path());
    assert!(writer.status().unwrap().success());
    eprintln!("{messages} messages written");

    let started = Instant::now();
    let memory = Memory::open(folder.path(), "default", At::Latest).unwrap();
    memory.status().unwrap();
    support::figure("open", "for reading, with status", started.elapsed().as_secs_f64() * 1_000.0, "ms");

    let mut spent: Vec<Duration> = (0..QUESTIONS).map(|at| asked(&memory, at)).collect();
    support::figure("open", "a question then, by words, p50", support::quantile(&mut spent, 0.5), "ms");
    support::figure("open", "a question then, by words, p99", support::quantile(&mut spent, 0.99), "ms");

    let started = Instant::now();
    let mut read = 0_u64;
    memory
        .each_event(|_| {
            read += 1;
            Ok(())
        })
        .unwrap();
    assert_eq!(read, messages);
    let limit = started.elapsed().as_secs_f64();
    drop(memory);

    let before = support::resident_mib();
    let started = Instant::now();
    let nexus = Nexus::open_with(folder.path(), settings).unwrap();
    let seconds = started.elapsed().as_secs_f64();
    support::compared("open", "for writing", seconds, "s", "reading the events alone", limit, true);
    support::figure("open", "for writing, resident more than before", support::resident_mib() - before, "MiB");
    drop(nexus);
}

fn asked(memory: &Memory, at: u64) -> Duration {
    let question = format!("Who lives in town number {}?", at * 37 % 1_000);
    let started = Instant::now();
    assert!(!memory.recall(&question, 10).unwrap().hits.is_empty());
    started.elapsed()
}

fn write(folder: &Path, settings: Settings, messages: u64) {
    let mut nexus = Nexus::open_with(folder, settings).unwrap();
    for chunk in (0..messages).collect::<Vec<_>>().chunks(20_000) {
        nexus.apply(chunk.iter().map(|at| Change::Upsert(Box::new(event(*at)))).collect()).unwrap();
    }
    nexus.close().unwrap();
}

fn event(at: u64) -> Event {
    let text = match at % 10 {
        0 => format!("I live in town number {}.", at % 1_000),
        1 => format!("I work at Company {}.", at % 500),
        _ => format!("message number {at} of nobody in particular, about as long as people write"),
    };
    Event {
        external_id: at.to_string().into(),
        said_at: 1_600_000_000_000 + at as i64 * 1_000,
        channel: format!("room{}", at % 50).into(),
        ..Event::message("chat", &format!("user{}", at * 7919 % 5_000), &text)
    }
}
