//! Heads: how well they read, on the development parts of the sets they were trained on, with spaCy beside them on mentions.
//!
//! `cargo bench --profile dev --bench heads -- DATA`: the folder that `inference/examples/heads` trains on. Words are those
//! of the sets. `benches/peers/setup` sets the peer up; without it, ours alone is shown.

#![allow(missing_docs, clippy::unwrap_used)]

#[path = "../inference/examples/heads/data.rs"]
#[allow(dead_code)]
mod data;
mod support;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use nexus::models;
use nexus_inference::heads::{EMOTIONS, MENTIONS, PARTS, RELATIONS, Reading, TAGS, VERDICTS, place, sentences};
use nexus_inference::{Clauses, Device, Encoder};
use nexus_types::Text;
use serde_json::{Value, json};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BENCH: &str = "heads";

/// First word, end, kind.
type Span = (usize, usize, usize);

fn main() {
    let files = support::positional();
    let (Some(folder), Some(data)) = (models::installed("minilm"), files.first()) else {
        eprintln!("skipped: this wants minilm (nexus models fetch minilm) and the folder of the data");
        return;
    };
    let reading = nexus_inference::Reading::default();
    let encoder = Encoder::load("minilm@bench", &folder, &reading, Device::Cpu).unwrap();
    let clauses = Clauses::new(Arc::new(encoder)).unwrap();
    let data = Path::new(data);
    trees(&clauses, data);
    mentions(&clauses, data);
    emotions(&clauses, data);
    pairs(&clauses, data);
}

fn parse(clauses: &Clauses, texts: &[&data::Text]) -> Vec<Reading> {
    let given: Vec<Text> = texts.iter().map(|text| text.text.as_str().into()).collect();
    let words = texts.iter().map(|text| {
        let all: Vec<(usize, usize)> = text.words.iter().map(|word| (word.start, word.end)).collect();
        let ends = text.starts[1..].iter().copied().chain([all.len()]);
        text.starts.iter().zip(ends).map(|(start, end)| all[*start..end].to_vec()).collect()
    });
    clauses.parse(&given, words.collect()).into_iter().map(Result::unwrap).collect()
}

/// Shares of words with the right part of speech, tag, head, and head with relation; punctuation counts.
fn trees(clauses: &Clauses, data: &Path) {
    let gold = data::treebank(&data.join("treebank/ewt/dev.conllu"), |at| 1 + at % 3);
    let readings = parse(clauses, &gold.iter().map(|(text, _)| text).collect::<Vec<_>>());
    let (mut right, mut all) = ([0usize; 4], 0usize);
    for ((_, nodes), reading) in gold.iter().zip(&readings) {
        let mut first = 0;
        for sentence in &reading.sentences {
            for (word, node) in sentence.iter().zip(&nodes[first..]) {
                let head = first + word.head == node.head;
                let hits = [
                    place(&PARTS, word.upos) == Some(node.part),
                    place(&TAGS, word.xpos) == node.tag,
                    head,
                    head && place(&RELATIONS, word.rel) == Some(node.relation),
                ];
                right.iter_mut().zip(hits).for_each(|(right, hit)| *right += usize::from(hit));
            }
            first += sentence.len();
        }
        all += nodes.len();
    }
    for (name, right) in ["UPOS", "Penn tags", "UAS", "LAS"].into_iter().zip(right) {
        support::figure(BENCH, &format!("English EWT dev, {name}"), right as f64 / all as f64, "share");
    }
}

fn mentions(clauses: &Clauses, data: &Path) {
    let gold = data::mentions(&data.join("ner/wnut17_dev.conll"));
    let texts: Vec<&data::Text> = gold.iter().map(|(text, ..)| text).collect();
    let started = Instant::now();
    let readings = parse(clauses, &texts);
    let rate = texts.len() as f64 / started.elapsed().as_secs_f64();
    let theirs: Vec<Vec<Span>> = gold.iter().map(|(_, tags, _)| spans(tags)).collect();
    let ours: Vec<Vec<Span>> = readings.iter().map(named).collect();
    let f1 = f1(&ours, &theirs);
    let name = "WNUT-17 dev, mentions, F1";
    match spacy(&texts) {
        None => {
            support::figure(BENCH, name, f1, "F1");
            support::figure(BENCH, "WNUT-17 dev, whole reading", rate, "sentences/s");
        }
        Some((found, their_rate)) => {
            let peer = "spaCy en_core_web_sm";
            support::compared(BENCH, name, f1, "F1", peer, self::f1(&found, &theirs), false);
            support::compared(BENCH, "WNUT-17 dev, whole reading", rate, "sentences/s", peer, their_rate, false);
        }
    }
}

fn named(reading: &Reading) -> Vec<Span> {
    let one = |named: &nexus_inference::heads::Named| {
        (named.words.start, named.words.end, place(&MENTIONS, named.kind).unwrap_or(MENTIONS.len()))
    };
    reading.mentions.iter().map(one).collect()
}

fn spans(tags: &[Option<usize>]) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for (word, tag) in tags.iter().enumerate() {
        let tag = tag.unwrap_or(0);
        let kind = tag.saturating_sub(1) / 2;
        match spans.last_mut() {
            _ if tag == 0 => {}
            Some((_, end, last)) if tag % 2 == 0 && *end == word && *last == kind => *end = word + 1,
            _ => spans.push((word, word + 1, kind)),
        }
    }
    spans
}

fn f1(ours: &[Vec<Span>], gold: &[Vec<Span>]) -> f64 {
    let right: usize = ours.iter().zip(gold).map(|(ours, gold)| ours.iter().filter(|s| gold.contains(s)).count()).sum();
    let count = |all: &[Vec<Span>]| all.iter().map(Vec::len).sum::<usize>();
    2.0 * right as f64 / (count(ours) + count(gold)).max(1) as f64
}

fn spacy(texts: &[&data::Text]) -> Option<(Vec<Vec<Span>>, f64)> {
    let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers");
    let set_up = Command::new(peers.join("setup")).stderr(Stdio::inherit()).output().ok()?;
    let python = String::from_utf8(set_up.stdout).ok()?;
    let words =
        |text: &&data::Text| -> Vec<String> { text.words.iter().map(|w| text.text[w.clone()].to_string()).collect() };
    let asked = json!(texts.iter().map(words).collect::<Vec<_>>()).to_string();
    let mut process = Command::new(python.trim())
        .arg(peers.join("mentions.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    process.stdin.take()?.write_all(asked.as_bytes()).ok()?;
    let answer: Value = serde_json::from_slice(&process.wait_with_output().ok()?.stdout).ok()?;
    let span = |span: &Value| -> Option<Span> {
        Some((span[0].as_u64()? as usize, span[1].as_u64()? as usize, place(&MENTIONS, span[2].as_str()?)?))
    };
    let spans = answer["spans"].as_array()?.iter();
    let spans = spans.map(|spans| spans.as_array().into_iter().flatten().filter_map(span).collect());
    Some((spans.collect(), answer["rate"].as_f64()?))
}

fn emotions(clauses: &Clauses, data: &Path) {
    let gold = data::emotions(&data.join("emotion/goemotions_dev.tsv"), words);
    let readings = parse(clauses, &gold.iter().map(|(text, _)| text).collect::<Vec<_>>());
    let (mut right, mut found, mut given) = ([0usize; EMOTIONS.len()], [0; EMOTIONS.len()], [0; EMOTIONS.len()]);
    for ((_, labels), reading) in gold.iter().zip(&readings) {
        labels.iter().for_each(|label| given[*label] += 1);
        for (emotion, _) in clauses.felt(reading) {
            let Some(label) = place(&EMOTIONS, emotion) else { continue };
            found[label] += 1;
            right[label] += usize::from(labels.contains(&label));
        }
    }
    let f1 = |at: usize| 2.0 * right[at] as f64 / (found[at] + given[at]).max(1) as f64;
    let mean = (0..EMOTIONS.len()).map(f1).sum::<f64>() / EMOTIONS.len() as f64;
    support::figure(BENCH, "GoEmotions dev, macro F1 of 28", mean, "F1");
}

fn pairs(clauses: &Clauses, data: &Path) {
    let gold = data::pairs(&data.join("nli/cf_snli_dev.tsv"), words);
    let (mut right, mut contradictions) = (0, [0; 3]);
    let contradiction = place(&VERDICTS, "contradiction").unwrap();
    for ([first, second], verdict) in &gold {
        let likely = clauses.verdict(&[first.text.as_str().into(), second.text.as_str().into()]).unwrap();
        let said = (0..3).max_by(|a, b| likely[*a].total_cmp(&likely[*b])).unwrap();
        right += usize::from(said == *verdict);
        contradictions[0] += usize::from(said == contradiction && *verdict == contradiction);
        contradictions[1] += usize::from(said == contradiction);
        contradictions[2] += usize::from(*verdict == contradiction);
    }
    support::figure(BENCH, "counterfactual SNLI dev, three verdicts", right as f64 / gold.len() as f64, "accuracy");
    let [hits, said, are] = contradictions.map(|count: usize| count as f64);
    support::figure(BENCH, "counterfactual SNLI dev, contradictions", 2.0 * hits / (said + are).max(1.0), "F1");
}

/// Words, as the reader finds them.
fn words(text: &str) -> data::Text {
    let mut found = data::Text { text: text.into(), ..data::Text::default() };
    for sentence in sentences(text) {
        found.starts.push(found.words.len());
        found.words.extend(sentence.into_iter().map(|(start, end)| start..end));
    }
    found
}
