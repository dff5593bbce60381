//! Commit: how long one message takes from the call until it is acknowledged, and until it can be recalled.
//!
//! `cargo bench --profile dev --bench commit -- [--messages N]` (default 200). The peer is a limit measured in the same run:
//! appending the same bytes to a file and fsyncing it.

#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::io::Write;
use std::time::{Duration, Instant};

use nexus::{Event, Nexus, Settings};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let messages: usize = support::argument("--messages").and_then(|n| n.parse().ok()).unwrap_or(200);
    let folder = tempfile::tempdir().unwrap();
    let mut fsynced = bare(folder.path(), messages);
    let settings = Settings { embed: support::argument("--embed").is_some(), ..Settings::default() };
    let mut nexus = Nexus::open_with(folder.path().join("store"), settings).unwrap();
    let (mut acknowledged, mut visible) = (Vec::new(), Vec::new());
    for at in 0..messages {
        let started = Instant::now();
        let text = format!("I live in town number {at}.");
        nexus.acknowledge(Event::message("chat", &format!("user{}", at % 20), &text)).unwrap();
        acknowledged.push(started.elapsed());
        nexus.flush().unwrap();
        visible.push(started.elapsed());
    }
    let limit = support::quantile(&mut fsynced, 0.5);
    for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
        let value = support::quantile(&mut acknowledged, share);
        support::compared("commit", &format!("acknowledged {name}"), value, "ms", "a bare fsync, p50", limit, true);
        let value = support::quantile(&mut visible, share);
        support::compared("commit", &format!("visible {name}"), value, "ms", "a bare fsync, p50", limit, true);
    }
}

fn bare(folder: &std::path::Path, messages: usize) -> Vec<Duration> {
    let mut file = std::fs::File::create(folder.join("bare")).unwrap();
    let line = [b'x'; 400];
    let appended = |_| {
        let started = Instant::now();
        file.write_all(&line).unwrap();
        file.sync_all().unwrap();
        started.elapsed()
    };
    (0..messages).map(appended).collect()
}
