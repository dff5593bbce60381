//! What every bench shares: one JSON line per figure on standard output, quantiles, resident memory.

#![allow(dead_code, missing_docs)]

use std::time::Duration;

/// Prints a figure.
pub(crate) fn figure(bench: &str, figure: &str, value: f64, unit: &str) {
    println!("{}", serde_json::json!({ "bench": bench, "figure": figure, "value": round(value), "unit": unit }));
}

/// Prints a figure beside a peer's in the same unit. The ratio is ours over the peer's such that larger is better.
pub(crate) fn compared(
    bench: &str,
    figure: &str,
    value: f64,
    unit: &str,
    peer: &str,
    peer_value: f64,
    smaller_is_better: bool,
) {
    let ratio = if smaller_is_better { peer_value / value } else { value / peer_value };
    let line = serde_json::json!({
        "bench": bench, "figure": figure, "value": round(value), "unit": unit,
        "peer": peer, "peer_value": round(peer_value), "ratio": round(ratio),
    });
    println!("{line}");
}

fn round(value: f64) -> f64 {
    if value.abs() >= 100.0 { value.round() } else { (value * 10_000.0).round() / 10_000.0 }
}

/// The value that this share of all values does not exceed, in milliseconds.
pub(crate) fn quantile(values: &mut [Duration], share: f64) -> f64 {
    values.sort_unstable();
    let at = ((values.len() as f64 * share).ceil() as usize).clamp(1, values.len()) - 1;
    values[at].as_secs_f64() * 1_000.0
}

/// Resident memory of this process in MiB; zero where the system does not say.
pub(crate) fn resident_mib() -> f64 {
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    let pages = pages.and_then(|line| line.split(' ').nth(1).and_then(|pages| pages.parse::<f64>().ok()));
    pages.unwrap_or(0.0) * 4096.0 / f64::from(1 << 20)
}

/// The value after `--name` on the command line.
pub(crate) fn argument(name: &str) -> Option<String> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.next();
    arguments.next()
}

/// The arguments that are neither options nor their values.
pub(crate) fn positional() -> Vec<String> {
    let mut found = Vec::new();
    let mut arguments = std::env::args().skip(1).peekable();
    while let Some(argument) = arguments.next() {
        if argument == "--bench" {
            continue;
        }
        if argument.starts_with("--") {
            arguments.next_if(|next| !next.starts_with("--"));
        } else {
            found.push(argument);
        }
    }
    found
}
