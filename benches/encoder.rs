//! Encoder: MiniLM's sequences a second, beside ONNX Runtime in fp32 with the same batches, cores and weights.
//!
//! `cargo bench --profile dev --bench encoder -- [LOCOMO_FILE]`. Batches are random tokens of 1 x 16, 32 x 32 and 32 x 128
//! and, with a file of LoCoMo's layout, its turns, sorted by length, 32 at a time. The two take turns, so that what else
//! the machine does hits both; each one's best counts. `benches/peers/setup` sets the peer up; without it, ours alone is
//! shown. The built-in table is measured on the same turns, tokenisation included.

#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nexus::models;
use nexus_inference::{Device, Encoder, Model, Reading, Table};
use nexus_types::Text;
use serde_json::{Value, json};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BENCH: &str = "encoder";
/// How often the two take turns, and for how long each time.
const TURNS: usize = 4;
const TURN: Duration = Duration::from_millis(1_500);
/// As many ids as the vocabulary has words.
const WORDS: std::ops::Range<u32> = 2_000..30_000;

type Batch = Vec<Vec<u32>>;

fn main() {
    let Some(folder) = models::installed("minilm") else {
        eprintln!("skipped: minilm is not here; nexus models fetch minilm");
        return;
    };
    let encoder = Encoder::load("minilm@bench", &folder, &Reading::default(), Device::Cpu).unwrap();
    let mut peer = Peer::start(&folder);
    for (rows, width) in [(1, 16), (32, 32), (32, 128)] {
        compare(&format!("{rows} x {width}"), &encoder, peer.as_mut(), vec![random(rows, width)]);
    }
    let Some(file) = support::positional().into_iter().next() else { return };
    let texts = turns(Path::new(&file));
    let mut tokens: Batch = encoder.tokenize(&texts).into_iter().map(Result::unwrap).collect();
    tokens.sort_by_key(Vec::len);
    let batches: Vec<Batch> = tokens.chunks(32).step_by(6).map(<[_]>::to_vec).collect();
    compare("turns of conversations", &encoder, peer.as_mut(), batches);

    let table = Table::built_in().unwrap();
    let rate = best(|| rate(|| table.answer(&texts).len()));
    support::figure(BENCH, "nexus-static, turns of conversations", rate, "texts/s");
}

fn compare(name: &str, encoder: &Encoder, peer: Option<&mut Peer>, batches: Vec<Batch>) {
    let ours = || rate(|| batches.iter().map(|batch| encoder.embed_tokens(batch.clone()).len()).sum());
    let Some(peer) = peer else { return support::figure(BENCH, name, best(ours), "sequences/s") };
    let vector = encoder.embed_tokens(batches[0].clone()).remove(0).unwrap();
    let (mut best_ours, mut best_theirs) = (0.0_f64, 0.0_f64);
    for _ in 0..TURNS {
        best_ours = best_ours.max(ours());
        let (rate, theirs) = peer.run(&batches);
        let cosine: f64 = vector.iter().zip(theirs).map(|(a, b)| f64::from(*a) * b).sum();
        assert!(cosine > 0.9999, "the two do not agree: {cosine}");
        best_theirs = best_theirs.max(rate);
    }
    support::compared(BENCH, name, best_ours, "sequences/s", "ONNX Runtime fp32", best_theirs, false);
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

fn best(rate: impl Fn() -> f64) -> f64 {
    (0..TURNS).map(|_| rate()).fold(0.0, f64::max)
}

fn random(rows: usize, width: usize) -> Batch {
    let mut state = 1_u64;
    let mut draw = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        WORDS.start + (state >> 33) as u32 % (WORDS.end - WORDS.start)
    };
    (0..rows).map(|_| (0..width).map(|_| draw()).collect()).collect()
}

/// Every turn's text.
fn turns(file: &Path) -> Vec<Text> {
    let conversations: Vec<Value> = serde_json::from_slice(&std::fs::read(file).expect("the file")).expect("JSON");
    let sessions = conversations.iter().filter_map(|one| one["conversation"].as_object()).flat_map(|one| one.values());
    let said = sessions.filter_map(Value::as_array).flatten().filter_map(|turn| turn["text"].as_str());
    said.map(Text::from).collect()
}

/// ONNX Runtime in a process of its own.
struct Peer {
    process: Child,
    answers: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Peer {
    fn start(model: &Path) -> Option<Peer> {
        let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers");
        let set_up = Command::new(peers.join("setup")).stderr(Stdio::inherit()).output().ok()?;
        if !set_up.status.success() {
            eprintln!("skipped: ONNX Runtime cannot be set up (python3 and its venv and pip are needed)");
            return None;
        }
        let cores = std::thread::available_parallelism().unwrap().to_string();
        let mut process = Command::new(String::from_utf8(set_up.stdout).unwrap().trim())
            .arg(peers.join("encoder.py"))
            .args([model.as_os_str(), cores.as_ref()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let mut answers = BufReader::new(process.stdout.take()?).lines();
        eprintln!("ONNX Runtime {}, {cores} threads", answers.next()?.ok()?);
        Some(Peer { process, answers })
    }

    /// Sequences a second, and the vector of the first.
    fn run(&mut self, batches: &[Batch]) -> (f64, Vec<f64>) {
        let request = json!({ "batches": batches, "seconds": TURN.as_secs_f64() });
        writeln!(self.process.stdin.as_mut().unwrap(), "{request}").unwrap();
        let answer: Value = serde_json::from_str(&self.answers.next().unwrap().unwrap()).unwrap();
        let vector = answer["vector"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
        (answer["rate"].as_f64().unwrap(), vector)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It ends with its input; nobody waits for more.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
