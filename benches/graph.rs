//! Graph: what consolidation and the whole memory graph cost, beside bare differential dataflow and a rebuild.
//!
//! `cargo bench --profile dev --bench graph -- [--claims N] [--only PHASE]` (default 1,000,000; one worker). Keys
//! follow Zipf's law, and one key has a tenth of all claims. Each phase runs in a process of its own, so that heaps do
//! not mix:
//!
//! - `consolidate`: N grounded claims from scratch, through the look-up of their entities, in one epoch; its peer is a
//!   bare join with the same entities and a `reduce` to intervals of the same rows. Memory is all that is resident more
//!   than before, the claims themselves included.
//! - `claim`: one new claim after N/100, N/10 and N; its peer is the rebuild: the same graph, fed from scratch.
//! - `late`: the same for a claim that is said among the last hundredth of all others.
//! - `policy`: all claims under another policy.
//! - `message`: one new message, asks and answers included, in the whole memory graph with that many events.

// It measures.
#![allow(missing_docs, clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "graph/bare.rs"]
mod bare;
#[path = "graph/claims.rs"]
mod claims;
#[path = "graph/messages.rs"]
mod messages;
mod support;

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BENCH: &str = "graph";

fn main() {
    let size: usize = support::argument("--claims").and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    match support::argument("--phase").as_deref() {
        None => all(size),
        Some("bare") => bare::from_scratch(size),
        Some("consolidate") => claims::from_scratch(size),
        Some("claim") => claims::one_at_a_time(size, false),
        Some("late") => claims::one_at_a_time(size, true),
        Some("policy") => claims::another_policy(size),
        Some("message") => messages::one_at_a_time(size),
        Some(other) => panic!("there is no phase {other}"),
    }
}

fn all(size: usize) {
    let only = support::argument("--only");
    let wanted = |phase: &str| only.as_deref().is_none_or(|only| only == phase);
    if wanted("consolidate") {
        let (ours, bare) = (phase("consolidate", size), phase("bare", size));
        let figure = format!("{size} claims from scratch");
        let peer = "bare differential join and reduce";
        support::compared(BENCH, &figure, ours["seconds"], "s", peer, bare["seconds"], true);
        eprintln!("{} facts", ours["facts"]);
        // Again, for memory: pages that are free go back to the system at once, which costs time.
        let prompt = [("MIMALLOC_PURGE_DELAY", "0")];
        let bytes = ["consolidate", "bare"].map(|name| phase_with(name, size, &prompt)["bytes"] / size as f64);
        support::compared(BENCH, "resident per claim", bytes[0], "B", peer, bytes[1], true);
    }
    for what in ["claim", "late", "message"].into_iter().filter(|what| wanted(what)) {
        let sizes = [size / 100, size / 10, size];
        let p99: Vec<f64> = sizes.into_iter().map(|size| one(what, size)).collect();
        support::figure(
            BENCH,
            &format!("one {what}, p99 at {} over p99 at {}", sizes[2], sizes[0]),
            p99[2] / p99[0],
            "x",
        );
    }
    if wanted("policy") {
        let spent = phase("policy", size);
        support::figure(BENCH, &format!("{size} claims under another policy"), spent["seconds"], "s");
        eprintln!("{} rows changed", spent["rows"]);
    }
}

/// Reports what one more of these costs at a size; returns the p99 in milliseconds.
fn one(what: &str, size: usize) -> f64 {
    let spent = phase(what, size);
    let rebuild = 1_000.0 * spent["rebuild"];
    for (figure, value) in [("p50", spent["p50"]), ("p99", spent["p99"])] {
        let figure = format!("one {what} at {size}, {figure}");
        support::compared(BENCH, &figure, value, "ms", "rebuild from scratch", rebuild, true);
    }
    spent["p99"]
}

/// Runs a phase in a process of its own; what it reports by name.
fn phase(name: &str, size: usize) -> BTreeMap<String, f64> {
    phase_with(name, size, &[])
}

fn phase_with(name: &str, size: usize, environment: &[(&str, &str)]) -> BTreeMap<String, f64> {
    eprintln!("{name}, {size} …");
    let program = std::env::current_exe().unwrap();
    let mut command = Command::new(program);
    command.args(["--phase", name, "--claims", &size.to_string()]).stderr(Stdio::inherit());
    command.envs(environment.iter().copied());
    let output = command.output().unwrap();
    assert!(output.status.success(), "phase {name} failed");
    let report = String::from_utf8(output.stdout).unwrap();
    let values = report.lines().filter_map(|line| line.split_once(' '));
    values.map(|(name, value)| (name.to_string(), value.parse().unwrap())).collect()
}

/// Hands a value to the process that started this one.
fn report(name: &str, value: f64) {
    println!("{name} {value}");
}

/// Resident memory in bytes, once the allocator has given back what it does not need.
fn resident() -> f64 {
    std::thread::sleep(std::time::Duration::from_millis(200));
    support::resident_mib() * f64::from(1 << 20)
}
