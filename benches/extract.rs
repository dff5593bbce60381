//! Extract: what reading a text whole costs beside embedding it alone, and how fast the patterns are by themselves.
//!
//! `cargo bench --profile dev --bench extract -- LOCOMO_FILE`: the turns of a file of LoCoMo's layout. The two take turns, so
//! that what else the machine does hits both; each one's best counts. The ratio is embedding's speed over reading's: 1.3
//! says that reading takes 1.3 times as long.

#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nexus::models;
use nexus_inference::{Clauses, Device, Encoder, Model, Patterns, Reading};
use nexus_types::Text;
use serde_json::Value;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BENCH: &str = "extract";
/// How often the two take turns, and for how long each time.
const TURNS: usize = 4;
const TURN: Duration = Duration::from_millis(2_000);

fn main() {
    let files = support::positional();
    let Some(file) = files.first() else {
        eprintln!("usage: cargo bench --profile dev --bench extract -- LOCOMO_FILE");
        return;
    };
    let texts = turns(Path::new(file));
    let patterns = Patterns::new().unwrap();
    support::figure(BENCH, "patterns alone", rate(|| patterns.answer(&texts).len()), "texts/s");
    let Some(folder) = models::installed("minilm") else {
        eprintln!("skipped: minilm is not here; nexus models fetch minilm");
        return;
    };
    let encoder = Arc::new(Encoder::load("minilm@bench", &folder, &Reading::default(), Device::Cpu).unwrap());
    let clauses = Clauses::new(encoder.clone()).unwrap();
    let (mut alone, mut whole) = (0.0_f64, 0.0_f64);
    for _ in 0..TURNS {
        alone = alone.max(rate(|| texts.chunks(512).map(|some| encoder.answer(some).len()).sum()));
        whole = whole.max(rate(|| texts.chunks(512).map(|some| clauses.answer_along(some).len()).sum()));
    }
    support::figure(BENCH, "embedding alone", alone, "texts/s");
    support::figure(BENCH, "embedding with facts, mentions and affect", whole, "texts/s");
    support::figure(BENCH, "whole reading beside embedding alone", alone / whole, "times as long");
}

/// How many a second, for one turn; `work` says how many it did.
fn rate(work: impl Fn() -> usize) -> f64 {
    let started = Instant::now();
    let mut done = 0;
    while started.elapsed() < TURN {
        done += work();
    }
    done as f64 / started.elapsed().as_secs_f64()
}

/// The texts of all turns.
fn turns(file: &Path) -> Vec<Text> {
    fn gather(value: &Value, into: &mut Vec<Text>) {
        match value {
            Value::Object(fields) if fields.contains_key("dia_id") => {
                into.extend(fields.get("text").and_then(Value::as_str).map(Text::from));
            }
            Value::Object(fields) => fields.values().for_each(|value| gather(value, into)),
            Value::Array(values) => values.iter().for_each(|value| gather(value, into)),
            _ => {}
        }
    }
    let mut texts = Vec::new();
    gather(&serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap(), &mut texts);
    texts
}
