//! LoCoMo: does recall find the turns that answer a question?
//!
//! `cargo bench --profile dev --bench locomo -- FILE`, FILE in the layout of snap-research/locomo. Each conversation is its own
//! store; a question is asked verbatim; the score is |evidence ∩ top-k| / |evidence|, 1 where there is no evidence, averaged
//! over questions. Peers in the same run: BM25 alone and, with an embedder's weights, its vectors alone.

#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::AsArray;
use nexus::{At, Event, Go, Memory, Nexus, Settings};
use nexus_inference::Encoder;
use nexus_inference::Model;
use nexus_storage::Snapshot;
use nexus_types::tables::vectors_name;
use serde_json::Value;

const DEPTHS: [usize; 3] = [5, 10, 20];

/// One question: its text, category, and the turns that answer it.
struct Question {
    text: String,
    category: u64,
    evidence: BTreeSet<String>,
}

#[derive(Default)]
struct Scores(BTreeMap<(usize, String), (f64, usize)>);

impl Scores {
    fn add(&mut self, question: &Question, found: &[String]) {
        for depth in DEPTHS {
            let top: BTreeSet<&String> = found.iter().take(depth).collect();
            let hits = question.evidence.iter().filter(|turn| top.contains(turn)).count();
            let score = if question.evidence.is_empty() { 1.0 } else { hits as f64 / question.evidence.len() as f64 };
            let mut groups = vec!["all".to_owned(), question.category.to_string()];
            if question.category != 5 {
                groups.push("1-4".into());
            }
            for group in groups {
                let sum = self.0.entry((depth, group)).or_default();
                *sum = (sum.0 + score, sum.1 + 1);
            }
        }
    }

    fn of(&self, key: &(usize, String)) -> f64 {
        self.0.get(key).map_or(0.0, |(sum, count)| sum / *count as f64)
    }
}

fn main() {
    let Some(file) = support::positional().into_iter().next() else {
        eprintln!("usage: cargo bench --profile dev --bench locomo -- FILE");
        std::process::exit(2);
    };
    let conversations: Vec<Value> = serde_json::from_slice(&std::fs::read(&file).expect("the file")).expect("JSON");
    let (mut ours, mut lexical, mut vectors) = (Scores::default(), Scores::default(), Scores::default());
    let encoder = nexus_inference::models::load_default().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().thread_stack_size(16 << 20).enable_all().build().unwrap();
    for conversation in &conversations {
        let folder = tempfile::tempdir().unwrap();
        let memory = remembered(folder.path(), &conversation["conversation"]);
        let peers = Peers {
            snapshot: runtime.block_on(Snapshot::open(folder.path(), At::Latest)).unwrap(),
            encoder: encoder.as_ref(),
        };
        let turns = turn_ids(&memory);
        let named =
            |ids: Vec<String>| -> Vec<String> { ids.into_iter().filter_map(|id| turns.get(&id).cloned()).collect() };
        for question in questions(&conversation["qa"]) {
            let hits = memory.recall(&question.text, 20).unwrap().hits;
            ours.add(&question, &named(hits.into_iter().map(|hit| hit.event).collect()));
            lexical.add(&question, &named(runtime.block_on(peers.by_text(&question.text))));
            if encoder.is_some() {
                vectors.add(&question, &named(runtime.block_on(peers.by_vector(&question.text))));
            }
        }
        eprintln!("{}: {} turns", conversation["sample_id"], turns.len());
    }
    report(&ours, &lexical, &vectors);
}

/// What recall is compared with: each of its two kinds of candidates alone.
struct Peers<'a> {
    snapshot: Snapshot,
    encoder: Option<&'a Encoder>,
}

impl Peers<'_> {
    async fn by_text(&self, question: &str) -> Vec<String> {
        let passages = self.snapshot.full_text(question, 20, None).await.unwrap();
        self.events("id", passages.into_iter().map(|(id, _)| id).collect()).await
    }

    async fn by_vector(&self, question: &str) -> Vec<String> {
        let Some(encoder) = self.encoder else { return Vec::new() };
        let Ok(vector) = encoder.embed(&[question.into()]).remove(0) else { return Vec::new() };
        let hashes = self.snapshot.nearest(&vectors_name(encoder.id()), &vector, 20, None).await.unwrap();
        self.events("text_hash", hashes.into_iter().map(|(hash, _)| hash).collect()).await
    }

    /// The events of passages, in the order of the given keys.
    async fn events(&self, key: &str, keys: Vec<String>) -> Vec<String> {
        let list = keys.iter().map(|key| nexus_storage::quoted(key)).collect::<Vec<_>>().join(", ");
        if list.is_empty() {
            return Vec::new();
        }
        let filter = format!("{key} IN ({list})");
        let mut events: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for batch in self.snapshot.scan("passages", Some(&[key, "event"]), Some(&filter)).await.unwrap() {
            let column = |name| batch.column_by_name(name).unwrap().as_string::<i32>().clone();
            for (key, event) in column(key).iter().zip(column("event").iter()) {
                events.entry(key.unwrap().into()).or_default().push(event.unwrap().into());
            }
        }
        keys.iter().flat_map(|key| events.remove(key).unwrap_or_default()).collect()
    }
}

fn report(ours: &Scores, lexical: &Scores, vectors: &Scores) {
    for key in ours.0.keys() {
        let name = format!("frac@{}/{}", key.0, key.1);
        support::compared("locomo", &name, ours.of(key), "share", "BM25 alone", lexical.of(key), false);
        if vectors.of(key) > 0.0 {
            support::compared("locomo", &name, ours.of(key), "share", "vectors alone", vectors.of(key), false);
        }
    }
}

/// A store that lived through one conversation.
fn remembered(path: &std::path::Path, conversation: &Value) -> Memory {
    let mut nexus = Nexus::open_with(path, Settings::default()).unwrap();
    let sessions = (1..)
        .map(|at| format!("session_{at}"))
        .take_while(|name| conversation.get(name).is_some() || conversation.get(format!("{name}_date_time")).is_some());
    let mut changes = Vec::new();
    for (at, session) in sessions.enumerate() {
        let date = conversation[format!("{session}_date_time")].as_str().unwrap_or_default();
        let start = session_start(date).unwrap_or(at as i64 * 86_400_000);
        for (turn, said) in conversation[&session].as_array().into_iter().flatten().enumerate() {
            changes.push(nexus::Change::Upsert(Box::new(event(said, start + turn as i64 * 30_000))));
        }
    }
    nexus.apply(changes).unwrap();
    nexus.answer_all(&mut |_| Go::On).unwrap();
    nexus.memory().unwrap()
}

fn event(said: &Value, said_at: i64) -> Event {
    let text = |name: &str| said[name].as_str().unwrap_or_default();
    let body = match text("blip_caption") {
        "" => text("text").to_owned(),
        caption => format!("{} [image: {caption}]", text("text")),
    };
    Event { external_id: text("dia_id").into(), said_at, ..Event::message("locomo", text("speaker"), &body) }
}

/// `1:56 pm on 8 May, 2023` in milliseconds since 1970.
fn session_start(date: &str) -> Option<i64> {
    let moment = jiff::civil::DateTime::strptime("%I:%M %p on %d %B, %Y", date).ok()?;
    Some(moment.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_millisecond())
}

fn questions(list: &Value) -> Vec<Question> {
    let question = |one: &Value| Question {
        text: one["question"].as_str().unwrap_or_default().to_owned(),
        category: one["category"].as_u64().unwrap_or_default(),
        evidence: one["evidence"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|turn| turn.as_str().map(str::to_owned))
            .collect(),
    };
    list.as_array().into_iter().flatten().map(question).collect()
}

/// The turn's id in the data set, by event id.
fn turn_ids(memory: &Memory) -> BTreeMap<String, String> {
    let mut turns = BTreeMap::new();
    memory
        .each_event(|record| {
            if let Some(event) = record.event {
                turns.insert(record.id.to_string(), event.external_id.to_string());
            }
            Ok(())
        })
        .unwrap();
    turns
}
