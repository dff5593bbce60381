//! LoCoMo: does recall find the turns that answer a question?
//!
//! `cargo bench --profile dev --bench locomo -- FILE [--model NAME]`, FILE in the layout of snap-research/locomo. Each conversation is its own
//! store; a question is asked verbatim; the score is |evidence ∩ top-k| / |evidence|, 1 where there is no evidence, averaged
//! over questions. Peers in the same run, over turns with their speaker's name: BM25 alone and vectors alone, of
//! the same embedder: NAME, else the one a new store takes.

#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use nexus::{Device, models};
use nexus::{Event, Go, Memory, Nexus, RecallOptions, Settings};
use nexus_inference::{Model, Reply};
use nexus_scoring::{Bag, Statistics, bm25, cosine, terms};
use nexus_types::Text;
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
    let name = support::argument("--model").unwrap_or_else(|| models::default().name.clone());
    let encoder =
        models::known(&name).unwrap().load(Device::Auto).unwrap().unwrap_or_else(|| panic!("{name} is not here"));
    let rerank = std::env::args().any(|argument| argument == "--rerank");
    for conversation in &conversations {
        let folder = tempfile::tempdir().unwrap();
        let memory = remembered(folder.path(), &name, &conversation["conversation"]);
        let turns = turns(&memory);
        let peers = Peers::new(&turns, &*encoder);
        for question in questions(&conversation["qa"]) {
            let hits = match rerank {
                true => {
                    memory.recall_reranked(&question.text, &RecallOptions { k: 20, ..Default::default() }).unwrap().hits
                }
                false => memory.recall(&question.text, 20).unwrap().hits,
            };
            ours.add(&question, &hits.iter().map(|hit| turns[&hit.event].id.clone()).collect::<Vec<_>>());
            lexical.add(&question, &peers.by_text(&question.text));
            vectors.add(&question, &peers.by_vector(&question.text));
        }
        eprintln!("{}: {} turns", conversation["sample_id"], turns.len());
    }
    report(&ours, &lexical, &vectors);
}

/// What recall is compared with, each exact, over all turns as `speaker: text`: BM25, and cosines of the question's vector.
struct Peers<'a> {
    /// The turn ids, and each turn's terms and vector.
    ids: Vec<String>,
    bags: Vec<Bag>,
    vectors: Vec<Vec<f32>>,
    encoder: &'a dyn Model,
}

impl<'a> Peers<'a> {
    fn new(turns: &BTreeMap<String, Turn>, encoder: &'a dyn Model) -> Self {
        let texts: Vec<Text> = turns.values().map(|turn| turn.shown.clone().into()).collect();
        let embedded = encoder.answer(&texts);
        Peers {
            ids: turns.values().map(|turn| turn.id.clone()).collect(),
            bags: texts.iter().map(|text| terms::bag(text)).collect(),
            vectors: embedded.into_iter().map(vector).collect(),
            encoder,
        }
    }

    fn by_text(&self, question: &str) -> Vec<String> {
        let question = Bag::of(terms::query(question));
        let mut statistics = Statistics::default();
        self.bags.iter().for_each(|bag| statistics.count(bag, &question));
        self.best(self.bags.iter().map(|bag| bm25(&question, bag, &statistics)).collect())
    }

    fn by_vector(&self, question: &str) -> Vec<String> {
        let question = self.encoder.question(&question.into()).unwrap();
        self.best(self.vectors.iter().map(|vector| cosine(&question, vector)).collect())
    }

    fn best(&self, scores: Vec<i64>) -> Vec<String> {
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by_key(|at| std::cmp::Reverse(scores[*at]));
        order.into_iter().take(20).map(|at| self.ids[at].clone()).collect()
    }
}

fn vector(reply: Reply) -> Vec<f32> {
    match reply {
        Reply::Vector(vector) => vector,
        other => panic!("{other:?}"),
    }
}

fn report(ours: &Scores, lexical: &Scores, vectors: &Scores) {
    for key in ours.0.keys() {
        let name = format!("frac@{}/{}", key.0, key.1);
        support::compared("locomo", &name, ours.of(key), "share", "BM25 alone", lexical.of(key), false);
        support::compared("locomo", &name, ours.of(key), "share", "vectors alone", vectors.of(key), false);
    }
}

/// A store that lived through one conversation.
fn remembered(path: &std::path::Path, model: &str, conversation: &Value) -> Memory {
    let mut nexus = Nexus::open_with(path, Settings::default()).unwrap();
    nexus.use_model(model, &mut |_| Go::On).unwrap();
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

/// A turn: its id in the data set, and what it reads like.
struct Turn {
    id: String,
    shown: String,
}

/// The turns by event id.
fn turns(memory: &Memory) -> BTreeMap<String, Turn> {
    let mut turns = BTreeMap::new();
    memory
        .each_event(|record| {
            if let Some(event) = record.event {
                let shown = format!("{}: {}", event.author, event.text);
                turns.insert(record.id.to_string(), Turn { id: event.external_id.to_string(), shown });
            }
            Ok(())
        })
        .unwrap();
    turns
}
