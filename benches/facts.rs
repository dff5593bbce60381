//! Facts: what the extractor `clauses` makes of real conversations, beside what people made of them.
//!
//! `cargo bench --profile dev --bench facts -- [--locomo FILE] [--longmemeval FILE] [--irc FOLDER] [--model patterns]`.
//!
//! - LoCoMo: the share of people's observations of which a claim from the same turn, about the same person, has content
//!   words in common to an F1 of 0.5 and more.
//! - LongMemEval, questions whose answer changed: the share where the old and the new statement are claims on one key that
//!   differ, and the new one's value is current; and how often the old one is. `--cases` shows them.
//! - Trust: of LoCoMo and some logs, 150 canonical and 150 open claims, drawn by a fixed seed, and how many were judged right
//!   by reading: the verdicts are in `benches/facts/verdicts.tsv`, by claim. `--unjudged` prints those without a verdict.

#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use arrow::util::display::array_value_to_string;
use nexus::{Change, Event, Go, IngestOptions, Memory, Nexus};
use nexus_scoring::terms;
use nexus_types::Hash128;
use nexus_types::policy::default_predicates;
use serde_json::Value;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BENCH: &str = "facts";
/// How many claims of each sort are judged.
const JUDGED: usize = 150;
/// How many logs are read.
const LOGS: usize = 12;

/// A claim with the message it was read from.
struct Claimed {
    id: String,
    event: String,
    author: String,
    text: String,
    subject: String,
    predicate: String,
    object: String,
    further: String,
    modality: String,
    polarity: String,
    aspect: String,
}

fn main() {
    if nexus::models::installed("minilm").is_none() {
        eprintln!("skipped: minilm is not here; nexus models fetch minilm");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut pool = Vec::new();
    if let Some(file) = support::argument("--locomo") {
        pool.extend(observations(&json(&file), folder.path()));
    }
    if let Some(file) = support::argument("--longmemeval") {
        updates(&std::fs::read_to_string(file).unwrap(), folder.path());
    }
    if let Some(logs) = support::argument("--irc") {
        pool.extend(logged(Path::new(&logs), folder.path()));
    }
    if !pool.is_empty() {
        trust(&pool);
    }
}

fn json(file: &str) -> Value {
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

fn opened(path: &Path) -> Nexus {
    let mut nexus = Nexus::open(path).unwrap();
    let model = support::argument("--model").unwrap_or_else(|| "clauses".into());
    if model == "patterns" {
        return nexus;
    }
    nexus.use_model(&model, &mut |_| Go::On).unwrap();
    nexus
}

/// A store that lived through these events.
fn lived(path: &Path, events: Vec<Event>) -> Memory {
    let mut nexus = opened(path);
    nexus.apply(events.into_iter().map(|event| Change::Upsert(Box::new(event))).collect()).unwrap();
    nexus.answer_all(&mut |_| Go::On).unwrap();
    nexus.memory().unwrap()
}

fn claims(memory: &Memory) -> Vec<Claimed> {
    let statement = "SELECT c.id, c.event, e.author, e.text, c.subject, c.predicate, \
                     coalesce(c.object, c.object_key), c.further, c.modality, c.polarity, c.aspect \
                     FROM claims c JOIN events e ON e.id = c.event ORDER BY c.id";
    let row = |row: Vec<String>| {
        let [id, event, author, text, subject, predicate, object, further, modality, polarity, aspect] =
            <[String; 11]>::try_from(row).unwrap();
        Claimed { id, event, author, text, subject, predicate, object, further, modality, polarity, aspect }
    };
    rows(memory, statement).into_iter().map(row).collect()
}

fn rows(memory: &Memory, statement: &str) -> Vec<Vec<String>> {
    let batches = memory.sql(statement).unwrap();
    let row = |batch: &arrow::array::RecordBatch, row: usize| {
        batch.columns().iter().map(|column| array_value_to_string(column, row).unwrap()).collect()
    };
    batches.iter().flat_map(|batch| (0..batch.num_rows()).map(|at| row(batch, at)).collect::<Vec<_>>()).collect()
}

/// LoCoMo's gold observations, and the claims of its conversations.
fn observations(conversations: &Value, folder: &Path) -> Vec<Claimed> {
    let (mut all, mut covered, mut pool) = (0, 0, Vec::new());
    for (at, one) in conversations.as_array().into_iter().flatten().enumerate() {
        let memory = lived(&folder.join(format!("locomo{at}")), turns(&one["conversation"]));
        let claims = claims(&memory);
        let mut by_turn: BTreeMap<String, Vec<&Claimed>> = BTreeMap::new();
        let ids = external_ids(&memory);
        claims.iter().for_each(|claim| by_turn.entry(ids[&claim.event].clone()).or_default().push(claim));
        for (person, observed, turn) in observed(&one["observation"]) {
            all += 1;
            let best = by_turn.get(&turn).into_iter().flatten().map(|claim| overlap(&person, &observed, claim));
            covered += usize::from(best.fold(0.0, f64::max) >= 0.5);
        }
        pool.extend(claims);
    }
    support::figure(BENCH, "LoCoMo observations, all", f64::from(all), "observations");
    support::figure(
        BENCH,
        "LoCoMo observations with a claim like them",
        f64::from(covered as u32) / f64::from(all),
        "share",
    );
    pool
}

fn turns(conversation: &Value) -> Vec<Event> {
    let mut events = Vec::new();
    for at in 1.. {
        let session = format!("session_{at}");
        let Some(turns) = conversation.get(&session).and_then(Value::as_array) else {
            if at > 60 {
                return events;
            }
            continue;
        };
        let date = conversation[format!("{session}_date_time")].as_str().unwrap_or_default();
        let moment = jiff::civil::DateTime::strptime("%I:%M %p on %d %B, %Y", date).ok();
        let start = moment.and_then(|moment| moment.to_zoned(jiff::tz::TimeZone::UTC).ok());
        let start = start.map_or(at * 86_400_000, |start| start.timestamp().as_millisecond());
        for (turn, said) in turns.iter().enumerate() {
            let text = |name: &str| said[name].as_str().unwrap_or_default();
            events.push(Event {
                external_id: text("dia_id").into(),
                said_at: start + turn as i64 * 30_000,
                ..Event::message("locomo", text("speaker"), text("text"))
            });
        }
    }
    events
}

fn external_ids(memory: &Memory) -> BTreeMap<String, String> {
    rows(memory, "SELECT id, external_id FROM events").into_iter().map(|row| (row[0].clone(), row[1].clone())).collect()
}

/// Each observation with the person and the first turn it comes from.
fn observed(sessions: &Value) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    for people in sessions.as_object().into_iter().flat_map(|sessions| sessions.values()) {
        for (person, list) in people.as_object().into_iter().flatten() {
            for one in list.as_array().into_iter().flatten() {
                let turn = one[1].as_str().or_else(|| one[1][0].as_str()).unwrap_or_default();
                found.push((person.clone(), one[0].as_str().unwrap_or_default().into(), turn.into()));
            }
        }
    }
    found
}

/// F1 of content words, names left out; 0 for a claim about somebody else.
fn overlap(person: &str, observed: &str, claim: &Claimed) -> f64 {
    let name = person.to_lowercase();
    if !claim.subject.to_lowercase().contains(&name) {
        return 0.0;
    }
    let words = |text: &str| -> BTreeSet<String> {
        terms::query(text).into_iter().filter(|word| !name.starts_with(word.as_str())).collect()
    };
    let said = words(&format!("{} {} {}", claim.predicate.replace('_', " "), claim.object, claim.further));
    let observed = words(observed);
    2.0 * said.intersection(&observed).count() as f64 / (said.len() + observed.len()).max(1) as f64
}

/// LongMemEval's questions whose answer changed: of each the first key that two sessions give different values and that the
/// question is about, by its words.
fn updates(lines: &str, folder: &Path) {
    let (mut all, mut keyed, mut new, mut old) = (0, 0, 0, 0);
    for (at, line) in lines.lines().enumerate() {
        let question: Value = serde_json::from_str(line).unwrap();
        let sessions = question["evidence_sessions"].as_array().cloned().unwrap_or_default();
        if question["question_type"] != "knowledge-update" || sessions.len() < 2 {
            continue;
        }
        all += 1;
        let memory = lived(&folder.join(format!("question{at}")), said(&sessions));
        let asked = words(&format!("{} {}", question["question"], question["answer"]));
        let claims = rows(
            &memory,
            "SELECT predicate, object FROM claims WHERE modality = 'asserted' AND object IS NOT NULL ORDER BY said_at, id",
        );
        let facts = rows(&memory, "SELECT predicate, object, status FROM facts");
        let is_key = |name: &str| facts.iter().any(|fact| fact[0] == name && fact[2] == "superseded");
        let about = |name: &str| words(name).intersection(&asked).any(|word| !matches!(word.as_str(), "of" | "is"));
        let Some(key) = claims.iter().map(|claim| &claim[0]).find(|name| is_key(name) && about(name)) else { continue };
        let values: Vec<&String> = claims.iter().filter(|claim| claim[0] == *key).map(|claim| &claim[1]).collect();
        let current: Vec<&String> =
            facts.iter().filter(|fact| fact[0] == *key && fact[2] == "current").map(|fact| &fact[1]).collect();
        keyed += 1;
        new += usize::from(current == [values[values.len() - 1]]);
        old += usize::from(current.contains(&values[0]) && values[0] != values[values.len() - 1]);
        if std::env::args().any(|argument| argument == "--cases") {
            eprintln!("{} | {} | {key} {values:?}, now {current:?}", question["question"], question["answer"]);
        }
    }
    let share = |count: usize| count as f64 / all.max(1) as f64;
    support::figure(BENCH, "LongMemEval updates, all", f64::from(all), "questions");
    support::figure(BENCH, "LongMemEval updates, old and new on one key", share(keyed), "share");
    support::figure(BENCH, "LongMemEval updates, the new one current", share(new), "share");
    support::figure(BENCH, "LongMemEval updates, the old one current", old as f64, "questions");
}

fn said(sessions: &[Value]) -> Vec<Event> {
    let mut events = Vec::new();
    for (at, session) in sessions.iter().enumerate() {
        let date = session["date"].as_str().unwrap_or_default();
        let moment = jiff::civil::DateTime::strptime("%Y/%m/%d (%a) %H:%M", date).ok();
        let start = moment.and_then(|moment| moment.to_zoned(jiff::tz::TimeZone::UTC).ok());
        let start = start.map_or(at as i64 * 86_400_000, |start| start.timestamp().as_millisecond());
        for (turn, one) in session["turns"].as_array().into_iter().flatten().enumerate() {
            events.push(Event {
                external_id: format!("{at}/{turn}").into(),
                said_at: start + at as i64 * 60_000 + turn as i64 * 1_000,
                ..Event::message(
                    "chat",
                    one["role"].as_str().unwrap_or("user"),
                    one["content"].as_str().unwrap_or_default(),
                )
            });
        }
    }
    events
}

/// Words, with small numbers as digits.
fn words(text: &str) -> BTreeSet<String> {
    const NUMBERS: [&str; 13] =
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
    let digits = |word: &str| NUMBERS.iter().position(|number| *number == word).map(|number| number.to_string());
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase);
    words.map(|word| digits(&word).unwrap_or(word)).collect()
}

/// The claims of some logs.
fn logged(logs: &Path, folder: &Path) -> Vec<Claimed> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(logs).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let step = (files.len() / LOGS).max(1);
    let files: Vec<PathBuf> = files.into_iter().step_by(step).take(LOGS).collect();
    let mut nexus = opened(&folder.join("irc"));
    nexus.ingest(&files, &IngestOptions { answer_all: true, ..IngestOptions::default() }, &mut |_| Go::On).unwrap();
    claims(&nexus.memory().unwrap())
}

/// How many of the drawn claims were judged right.
fn trust(pool: &[Claimed]) {
    let canonical: BTreeSet<String> = default_predicates().iter().map(|predicate| predicate.name.to_string()).collect();
    let verdicts = include_str!("facts/verdicts.tsv");
    let verdicts: BTreeMap<&str, &str> = verdicts.lines().filter_map(|line| line.split_once('\t')).collect();
    let unjudged = std::env::args().any(|argument| argument == "--unjudged");
    for (sort, is_canonical) in [("canonical", true), ("open", false)] {
        let mut drawn: Vec<(Hash128, &Claimed)> = pool
            .iter()
            .filter(|claim| canonical.contains(&claim.predicate) == is_canonical && claim.modality == "asserted")
            .map(|claim| (Hash128::of("drawn", &[claim.id.as_bytes()]), claim))
            .collect();
        drawn.sort_by_key(|(hash, _)| *hash);
        drawn.truncate(JUDGED);
        let judged = drawn.iter().filter_map(|(_, claim)| verdicts.get(claim.id.as_str()));
        let (right, count) = judged
            .fold((0, 0), |(right, count), verdict| (right + usize::from(verdict.starts_with("right")), count + 1));
        support::figure(BENCH, &format!("{sort} claims judged"), f64::from(count), "claims");
        support::figure(
            BENCH,
            &format!("{sort} claims judged right"),
            right as f64 / f64::from(count).max(1.0),
            "share",
        );
        for (_, claim) in drawn.iter().filter(|(_, claim)| unjudged && !verdicts.contains_key(claim.id.as_str())) {
            let Claimed { id, author, text, subject, predicate, object, further, polarity, aspect, .. } = claim;
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            println!(
                "{id}\t{sort}\t{author}: {text}\t{subject} | {predicate} | {object} | {further} | {polarity} {aspect}"
            );
        }
    }
}
