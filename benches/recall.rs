//! Recall at scale: how fast and how exact at a million passages, plain and filtered, and what a watched question costs.
//!
//! `cargo bench --profile dev --bench recall -- FOLDER [--passages N] [--peer]`, FOLDER with IRC logs (`[12:34] <nick> text`
//! in files of any depth). Each passage is the first half of one message with the second half of another, distinct; read
//! with nexus-static. Questions are six to twelve words of passages. Exactness: the share of the ten passages nearest by
//! all vectors that the index finds. `--peer` asks the same vectors of Chroma (HNSW, in memory), in a process of its own:
//! `benches/peers/setup` installs it. `--watch` also measures a message while questions are watched.

#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nexus::{At, Change, Event, Go, Memory, Nexus, RecallOptions, Settings, models};
use nexus_storage::Reader;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many questions are asked of each kind.
const QUESTIONS: usize = 300;
/// How many questions are answered by looking at all passages.
const EXACT: usize = 20;
/// How many messages a chunk of writing has.
const CHUNK: usize = 20_000;
/// How many people speak.
const AUTHORS: usize = 2_000;
/// How many channels they speak in.
const CHANNELS: usize = 50;

fn main() {
    let Some(folder) = support::positional().into_iter().next() else {
        eprintln!("usage: cargo bench --profile dev --bench recall -- FOLDER [--passages N] [--peer] [--watch]");
        std::process::exit(2);
    };
    let wanted: usize = support::argument("--passages").and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    let texts = recombined(&said(Path::new(&folder)), wanted);
    let kept = support::argument("--store").map(PathBuf::from);
    let made = tempfile::tempdir().unwrap();
    let store = kept.unwrap_or_else(|| made.path().to_path_buf());
    if !store.join("nexus.json").exists() {
        write(&store, &texts);
    }
    let memory = Memory::open(&store, "default", At::Latest).unwrap();
    let questions = questions(&texts);
    asked(&memory, &questions, "recall", &RecallOptions::default());
    let one = RecallOptions { channel: Some("#7".into()), ..RecallOptions::default() };
    asked(&memory, &questions, "recall in one of 50 channels", &one);
    let late = RecallOptions { since: Some(said_at(texts.len() / 10 * 9)), ..RecallOptions::default() };
    asked(&memory, &questions, "recall in the last tenth", &late);
    exactness(&memory, &store, &questions);
    if std::env::args().any(|argument| argument == "--exact") {
        beside_exact(&memory, &questions);
    }
    drop(memory);
    if std::env::args().any(|argument| argument == "--watch") {
        watched(&store, &questions, &texts);
    }
}

/// All messages of all logs.
fn said(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let mut entries: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(path).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            let texts = text.lines().filter_map(|line| line.split_once("> ").filter(|(who, _)| who.contains(" <")));
            found.extend(texts.map(|(_, text)| text.to_owned()).filter(|text| text.split_whitespace().count() >= 6));
        }
    }
    found
}

/// The first half of one with the second half of another: `wanted` texts, each once.
fn recombined(said: &[String], wanted: usize) -> Vec<String> {
    let mut draw = Draw(7);
    let mut seen = BTreeSet::new();
    let mut texts = Vec::with_capacity(wanted);
    let half = |text: &str| text.split_whitespace().count() / 2;
    while texts.len() < wanted {
        let (a, b) = (&said[draw.below(said.len())], &said[draw.below(said.len())]);
        let first = a.split_whitespace().take(half(a));
        let text = first.chain(b.split_whitespace().skip(half(b))).collect::<Vec<_>>().join(" ");
        if seen.insert(nexus_types::event::text_hash(&text)) {
            texts.push(text);
        }
    }
    texts
}

/// Words from the middle of passages.
fn questions(texts: &[String]) -> Vec<String> {
    let mut draw = Draw(11);
    let question = |_| {
        let words: Vec<&str> = texts[draw.below(texts.len())].split_whitespace().collect();
        let count = (6 + draw.below(7)).min(words.len());
        let start = draw.below(words.len() - count + 1);
        words[start..start + count].join(" ")
    };
    (0..QUESTIONS).map(question).collect()
}

/// When the message with that number was said: one every 20 seconds.
fn said_at(at: usize) -> i64 {
    1_600_000_000_000 + at as i64 * 20_000
}

fn event(at: usize, text: &str) -> Event {
    let (author, channel) = (format!("nick{}", at * 31 % AUTHORS), format!("#{}", at / 40 % CHANNELS));
    Event {
        external_id: at.to_string().as_str().into(),
        said_at: said_at(at),
        channel: channel.as_str().into(),
        ..Event::message("irc", &author, text)
    }
}

fn write(store: &Path, texts: &[String]) {
    let started = Instant::now();
    let mut nexus = Nexus::open_with(store, Settings::default()).unwrap();
    nexus.use_model("nexus-static", &mut |_| Go::On).unwrap();
    for (chunk, said) in texts.chunks(CHUNK).enumerate() {
        let event = |(at, text): (usize, &String)| Change::Upsert(Box::new(event(chunk * CHUNK + at, text)));
        nexus.apply(said.iter().enumerate().map(event).collect()).unwrap();
        nexus.answer_all(&mut |_| Go::On).unwrap();
    }
    nexus.close().unwrap();
    support::figure("recall", "passages written", texts.len() as f64 / started.elapsed().as_secs_f64(), "a second");
}

fn asked(memory: &Memory, questions: &[String], name: &str, options: &RecallOptions) {
    let mut found = 0;
    let mut spent: Vec<Duration> = Vec::new();
    for (at, question) in questions.iter().enumerate() {
        let started = Instant::now();
        let recalled = memory.recall_with(question, options).unwrap();
        found += usize::from(!recalled.hits.is_empty());
        // The first ones open the tables and read the indexes.
        spent.extend((at >= 20).then(|| started.elapsed()));
    }
    support::figure("recall", &format!("{name}, p50"), support::quantile(&mut spent, 0.5), "ms");
    support::figure("recall", &format!("{name}, p99"), support::quantile(&mut spent, 0.99), "ms");
    support::figure("recall", &format!("{name}, answered"), found as f64 / questions.len() as f64, "share");
}

/// What of the answers that every passage looked at gives is in the answers.
fn beside_exact(memory: &Memory, questions: &[String]) {
    let ids = |question: &String, exact| -> BTreeSet<String> {
        let options = RecallOptions { exact, ..RecallOptions::default() };
        memory.recall_with(question, &options).unwrap().hits.into_iter().map(|hit| hit.passage).collect()
    };
    let (mut all, mut found) = (0, 0);
    for question in &questions[..EXACT] {
        let (exact, quick) = (ids(question, true), ids(question, false));
        all += exact.len();
        found += exact.intersection(&quick).count();
    }
    support::figure("recall", "recall, of what looking at all passages gives", found as f64 / all as f64, "share");
}

/// What of the ten nearest the index finds, beside all vectors read; and the peer over the same vectors.
fn exactness(memory: &Memory, store: &Path, questions: &[String]) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(16 << 20).build().unwrap();
    let model = models::known("nexus-static").unwrap().load(nexus::Device::Cpu).unwrap().unwrap();
    let asked: Vec<Vec<f32>> = questions.iter().map(|text| model.question(&text.as_str().into()).unwrap()).collect();
    let table = nexus_types::tables::vectors_name(model.id());
    let snapshot = runtime
        .block_on(async { Reader::open(store, &Default::default()).unwrap().snapshot(At::Latest).await.unwrap() });
    let (mut spent, mut found) = (Vec::new(), Vec::new());
    for (at, question) in questions.iter().enumerate() {
        let started = Instant::now();
        let near = memory.nearest(question, 10).unwrap();
        spent.extend((at >= 20).then(|| started.elapsed()));
        found.push(near.into_iter().map(|(hash, _)| hash).collect::<BTreeSet<_>>());
    }
    let (hashes, vectors) = all_vectors(&runtime, &snapshot, &table);
    let width = asked[0].len();
    let exact: Vec<Vec<usize>> = asked.iter().map(|vector| nearest(&vectors, width, vector)).collect();
    let hit = |(near, exact): (&BTreeSet<String>, &Vec<usize>)| {
        exact.iter().filter(|at| near.contains(&hashes[**at])).count() as f64 / 10.0
    };
    let recall = found.iter().zip(&exact).map(hit).sum::<f64>() / found.len() as f64;
    let p50 = support::quantile(&mut spent, 0.5);
    support::figure("recall", "meaning alone, recall@10 of exact", recall, "share");
    support::figure("recall", "meaning alone, p50", p50, "ms");
    if std::env::args().any(|argument| argument == "--peer") {
        let (peer_recall, peer_p50) = peer(&vectors, width, &asked, &exact);
        support::compared("recall", "recall@10 of exact", recall, "share", "Chroma", peer_recall, false);
        support::compared("recall", "nearest ten, p50", p50, "ms", "Chroma", peer_p50, true);
    }
}

fn all_vectors(
    runtime: &tokio::runtime::Runtime,
    snapshot: &nexus_storage::Snapshot,
    table: &str,
) -> (Vec<String>, Vec<f32>) {
    use arrow::array::{Array, AsArray};
    let (mut hashes, mut vectors) = (Vec::new(), Vec::new());
    for batch in runtime.block_on(snapshot.scan(table, Some(&["text_hash", "vector"]), None)).unwrap() {
        hashes.extend(batch["text_hash"].as_string::<i32>().iter().flatten().map(str::to_owned));
        let lists = batch["vector"].as_fixed_size_list();
        for at in 0..lists.len() {
            vectors.extend_from_slice(lists.value(at).as_primitive::<arrow::datatypes::Float32Type>().values());
        }
    }
    (hashes, vectors)
}

/// The ten nearest, by all vectors.
fn nearest(vectors: &[f32], width: usize, question: &[f32]) -> Vec<usize> {
    let product = |vector: &[f32]| question.iter().zip(vector).map(|(a, b)| a * b).sum::<f32>();
    let mut scores: Vec<(f32, usize)> =
        vectors.chunks(width).enumerate().map(|(at, vector)| (product(vector), at)).collect();
    scores.select_nth_unstable_by(10, |a, b| b.0.total_cmp(&a.0));
    scores.truncate(10);
    scores.into_iter().map(|(_, at)| at).collect()
}

/// Recall and median time in milliseconds of Chroma over the same vectors.
fn peer(vectors: &[f32], width: usize, asked: &[Vec<f32>], exact: &[Vec<usize>]) -> (f64, f64) {
    let folder = tempfile::tempdir().unwrap();
    let raw = |name: &str, values: &mut dyn Iterator<Item = [u8; 4]>| {
        let mut file = std::io::BufWriter::new(std::fs::File::create(folder.path().join(name)).unwrap());
        values.for_each(|value| file.write_all(&value).unwrap());
    };
    raw("vectors.f32", &mut vectors.iter().map(|value| value.to_le_bytes()));
    raw("asked.f32", &mut asked.iter().flatten().map(|value| value.to_le_bytes()));
    raw("exact.u32", &mut exact.iter().flatten().map(|value| (*value as u32).to_le_bytes()));
    let python = std::process::Command::new("benches/peers/setup").arg("chromadb").output().unwrap();
    let python = String::from_utf8(python.stdout).unwrap();
    let mut peer = std::process::Command::new(python.trim());
    let said = peer.arg("benches/peers/recall.py").arg(folder.path()).arg(width.to_string()).output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let said: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
    (said["recall"].as_f64().unwrap(), said["p50_ms"].as_f64().unwrap())
}

/// What a message costs while a question is watched.
fn watched(store: &Path, questions: &[String], texts: &[String]) {
    let mut nexus = Nexus::open_with(store, Settings::default()).unwrap();
    // A store that is kept has some more from the last time.
    let held = nexus.memory().unwrap().status().unwrap();
    let next = held.tables.iter().find(|table| table.name == "events").unwrap().rows as usize;
    let mut plain: Vec<[Duration; 2]> = (0..QUESTIONS).map(|at| one_more(&mut nexus, next + at, &texts[at])).collect();
    let started = Instant::now();
    nexus.watch(&questions[0], 10).unwrap();
    support::figure("recall", "a question begins to be watched", started.elapsed().as_secs_f64(), "s");
    let more = next + QUESTIONS;
    let mut spent: Vec<[Duration; 2]> =
        (0..QUESTIONS).map(|at| one_more(&mut nexus, more + at, &texts[QUESTIONS + at])).collect();
    for (of, name) in ["in the graph", "until it is on the disk"].into_iter().enumerate() {
        for share in [0.5, 0.99] {
            let quantile = |spent: &mut Vec<[Duration; 2]>| {
                support::quantile(&mut spent.iter().map(|one| one[of]).collect::<Vec<_>>(), share)
            };
            let (ours, without) = (quantile(&mut spent), quantile(&mut plain));
            let name = format!("a message, watched, {name}, p{}", share * 100.0);
            support::compared("recall", &name, ours, "ms", "the same without a watch", without, true);
        }
    }
    nexus.unwatch(&questions[0]).unwrap();
    nexus.close().unwrap();
}

/// What one message takes of the graph, and in all.
fn one_more(nexus: &mut Nexus, at: usize, text: &str) -> [Duration; 2] {
    let event = event(at, &format!("{text} {at}"));
    let started = Instant::now();
    nexus.remember(event).unwrap();
    [nexus.times().graph, started.elapsed()]
}

/// A small generator of numbers, always the same.
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % end as u64) as usize
    }
}
