//! Claims: what clauses say, scored against the tuples of CaRB (Bhardwaj et al., 2019) as its own scorer does it.
//!
//! `cargo bench --profile dev --bench claims -- GOLD.tsv [--rules] [--misses] [--slips] [--fit | --fit=even] [--tuples]`. A gold
//! row is sentence, predicate, arguments, separated by tabs. Every second sentence is told apart, so that one half can be
//! looked at and the other not: `--rules` shows precision by rule, `--misses` the worst sentences, `--slips` the surest
//! of the wrong tuples, all of the even half. `--fit` prints weights for [`SIGNS`], fitted to all sentences or to the even
//! half. `--tuples` prints the tuples as CaRB's own input. Published F1, on its test part: OpenIE6 0.527, OpenIE4 0.516,
//! ClausIE 0.450.

#![allow(missing_docs, clippy::unwrap_used)]

#[path = "carb/ridge.rs"]
mod ridge;
#[path = "carb/scorer.rs"]
mod scorer;
mod support;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use nexus::models;
use nexus_inference::clauses::confidence::SIGNS;
use nexus_inference::clauses::proposition::{Proposition, Rule, propositions};
use nexus_inference::clauses::render::surface;
use nexus_inference::clauses::tree::{Sentence, Tree, Word};
use nexus_inference::heads::sentences;
use nexus_inference::{Clauses, Device, Encoder, Reading};
use nexus_types::Text;
use scorer::{Point, Tuple, Tuples, area, best, curve, key, score};

/// Cuts at which precision is told, in thousandths.
const CUTS: [u16; 9] = [300, 400, 450, 500, 550, 600, 650, 700, 750];

/// How much the weights are held back, in tuples.
const PENALTY: f64 = 8.0;

/// What one run found.
#[derive(Default)]
struct Found {
    tuples: Tuples,
    rules: BTreeMap<(String, usize), Rule>,
    /// Sentences in the order of the file, with their place in it.
    order: Vec<(String, usize)>,
    texts: BTreeMap<String, String>,
}

/// A sentence and its words.
struct Parsed {
    text: String,
    words: Vec<Word>,
}

fn main() {
    let flag = |name: &str| std::env::args().any(|argument| argument == name);
    let (Some(folder), Some(gold)) = (models::installed("minilm"), support::positional().into_iter().next()) else {
        eprintln!("skipped: this wants minilm (nexus models fetch minilm) and a file of CaRB's gold tuples");
        return;
    };
    let gold = std::fs::read_to_string(gold).unwrap();
    let parsed = parse(&folder, &gold);
    let gold = gold_tuples(&gold);
    if flag("--fit") || flag("--fit=even") {
        fitted(parsed, &gold, flag("--fit=even").then_some(0));
        return;
    }
    let found = found(parsed);
    if flag("--tuples") {
        print!("{}", tabbed(&found));
        return;
    }
    for (name, parity) in [("even", Some(0)), ("odd", Some(1)), ("all", None)] {
        let own =
            |key: &String| parity.is_none() || found.order.iter().any(|(own, at)| own == key && Some(at % 2) == parity);
        let part: Tuples =
            gold.iter().filter(|(key, _)| own(key)).map(|(key, tuples)| (key.clone(), tuples.clone())).collect();
        let predicted: Tuples = found
            .tuples
            .iter()
            .filter(|(key, _)| own(key))
            .map(|(key, tuples)| (key.clone(), tuples.clone()))
            .collect();
        report(name, &part, &predicted);
        if flag("--rules") && parity == Some(0) {
            rules(&part, &found);
        }
        if flag("--slips") && parity == Some(0) {
            slips(&part, &found);
        }
        if flag("--misses") && parity == Some(0) {
            misses(&part, &found);
        }
    }
}

/// The gold tuples by sentence.
fn gold_tuples(file: &str) -> Tuples {
    let mut tuples = Tuples::new();
    for line in file.lines() {
        let mut columns = line.trim().split('\t');
        let (Some(sentence), Some(predicate)) = (columns.next(), columns.next()) else { continue };
        let arguments =
            columns.filter(|argument| !argument.contains("C: ")).map(|argument| argument.trim().to_string()).collect();
        let tuple = Tuple { confidence: 1.0, predicate: predicate.trim().to_string(), arguments };
        tuples.entry(key(sentence.trim())).or_default().push(tuple);
    }
    tuples
}

/// The sentences of the gold file, each once, parsed as one whatever points stand in it.
fn parse(folder: &Path, gold: &str) -> Vec<Parsed> {
    let encoder = Encoder::load("minilm@bench", folder, &Reading::default(), Device::Cpu).unwrap();
    let clauses = Clauses::new(Arc::new(encoder)).unwrap();
    let mut texts: Vec<Text> = Vec::new();
    for line in gold.lines() {
        let text = line.split('\t').next().unwrap_or_default().trim();
        if !text.is_empty() && !texts.iter().any(|known| **known == *text) {
            texts.push(text.into());
        }
    }
    let words = texts.iter().map(|text| vec![sentences(text).concat()]).collect();
    let readings = clauses.parse(&texts, words);
    let one = |(text, reading): (&Text, Result<nexus_inference::heads::Reading, String>)| Parsed {
        text: text.to_string(),
        words: reading.unwrap().sentences.concat(),
    };
    texts.iter().zip(readings).map(one).collect()
}

/// What the reader finds in the parses.
fn found(parses: Vec<Parsed>) -> Found {
    let mut found = Found::default();
    for (at, parsed) in parses.into_iter().enumerate() {
        let sentence = Sentence { text: &parsed.text, words: parsed.words };
        let tree = Tree::new(&sentence);
        let name = key(&parsed.text);
        found.texts.insert(name.clone(), parsed.text.clone());
        let tuples = found.tuples.entry(name.clone()).or_default();
        if !tuples.is_empty() {
            continue;
        }
        for proposition in said(&tree) {
            found.rules.insert((name.clone(), tuples.len()), proposition.rule);
            tuples.push(tuple(&tree, &proposition));
        }
        found.order.push((name, at));
    }
    found
}

/// The line of one set of sentences.
fn report(name: &str, gold: &Tuples, predicted: &Tuples) {
    let curve = curve(gold, predicted);
    let best = best(&curve);
    let count: usize = predicted.values().map(Vec::len).sum();
    println!(
        "{name:5} {} sentences, {count} tuples: P {:.3} R {:.3} F1 {:.3} at {:.0}, AUC {:.3}",
        gold.len(),
        best.precision,
        best.recall,
        best.f1(),
        best.confidence,
        area(&curve)
    );
    let mut line = String::from("      cuts:");
    for cut in CUTS {
        let point = curve.iter().find(|point| point.confidence >= f64::from(cut)).copied().unwrap_or(Point::default());
        let _ = write!(line, " {cut}: P {:.3} R {:.3};", point.precision, point.recall);
    }
    println!("{line}");
}

/// Precision by rule: each tuple's best score over the gold of its sentence.
fn rules(gold: &Tuples, found: &Found) {
    let mut sums: BTreeMap<String, (usize, f64)> = BTreeMap::new();
    for (name, golds) in gold {
        for (at, tuple) in found.tuples.get(name).into_iter().flatten().enumerate() {
            let Some(rule) = found.rules.get(&(name.clone(), at)) else { continue };
            let sum = sums.entry(format!("{rule:?}")).or_default();
            sum.0 += 1;
            sum.1 += golds.iter().map(|gold| score(gold, tuple).0).fold(0.0, f64::max);
        }
    }
    for (rule, (count, sum)) in sums {
        println!("      {rule}: {count}, best precision {:.3}", sum / count as f64);
    }
}

/// Fits the weights of the signs to the tuples' precision and prints them: with `--fit=even` on the even half only.
fn fitted(parses: Vec<Parsed>, gold: &Tuples, half: Option<usize>) {
    let mut rows = Vec::new();
    for (_, parsed) in parses.into_iter().enumerate().filter(|(at, _)| half.is_none_or(|half| at % 2 == half)) {
        let sentence = Sentence { text: &parsed.text, words: parsed.words };
        let tree = Tree::new(&sentence);
        let Some(golds) = gold.get(&key(&parsed.text)) else { continue };
        let propositions = said(&tree);
        let tuples: Vec<Tuple> = propositions.iter().map(|proposition| tuple(&tree, proposition)).collect();
        for (proposition, precision) in propositions.iter().zip(scorer::precisions(golds, &tuples)) {
            let seen = SIGNS.iter().map(|(_, _, seen)| f64::from(u8::from(seen(&tree, proposition))));
            rows.push((seen.collect(), precision));
        }
    }
    let (base, weights) = ridge::fit(&rows, PENALTY);
    println!("{:.0}\tBASE", base * 1000.0);
    for ((name, _, _), weight) in SIGNS.iter().zip(weights) {
        println!("{:.0}\t{name}", weight * 1000.0);
    }
}

/// What a sentence says of somebody.
fn said(tree: &Tree) -> Vec<Proposition> {
    propositions(tree).into_iter().filter(|proposition| proposition.subject.is_some()).collect()
}

/// A proposition as a tuple.
fn tuple(tree: &Tree, proposition: &Proposition) -> Tuple {
    let (subject, predicate, arguments) = surface(tree, proposition);
    let arguments = std::iter::once(subject).chain(arguments).collect();
    Tuple { confidence: f64::from(proposition.confidence), predicate, arguments }
}

/// The tuples that are surest and wrong.
fn slips(gold: &Tuples, found: &Found) {
    let mut wrong = Vec::new();
    for (name, golds) in gold {
        let Some(own) = found.tuples.get(name) else { continue };
        for (tuple, precision) in own.iter().zip(scorer::precisions(golds, own)) {
            wrong.push(((tuple.confidence / 1000.0 - precision), precision, name, tuple));
        }
    }
    wrong.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (_, precision, name, tuple) in wrong.iter().take(60) {
        println!("\n{precision:.2} {} {} | {}", tuple.confidence, tuple.predicate, tuple.arguments.join(" | "));
        println!("    {}", found.texts.get(*name).map_or(name.as_str(), String::as_str));
        for gold in &gold[*name] {
            println!("    + {} | {}", gold.predicate, gold.arguments.join(" | "));
        }
    }
}

/// The sentences with the lowest F1, with what was wanted and found.
fn misses(gold: &Tuples, found: &Found) {
    let mut scored = Vec::new();
    for (name, golds) in gold {
        let one: Tuples = [(name.clone(), golds.clone())].into();
        let own: Tuples =
            found.tuples.get(name).map(|tuples| [(name.clone(), tuples.clone())].into()).unwrap_or_default();
        let point = curve(&one, &own).first().copied().unwrap_or_default();
        scored.push((point.f1(), name));
    }
    scored.sort_by(|a, b| a.0.total_cmp(&b.0));
    let row = |tuple: &Tuple| format!("{} | {}", tuple.predicate, tuple.arguments.join(" | "));
    for (f1, name) in scored.iter().take(60) {
        println!("\n{f1:.2} {}", found.texts.get(*name).map_or(name.as_str(), String::as_str));
        for tuple in &gold[*name] {
            let recall =
                found.tuples.get(*name).into_iter().flatten().map(|own| score(tuple, own).1).fold(0.0, f64::max);
            println!("    + {recall:.2} {}", row(tuple));
        }
        for tuple in found.tuples.get(*name).into_iter().flatten() {
            let precision = gold[*name].iter().map(|gold| score(gold, tuple).0).fold(0.0, f64::max);
            println!("    - {precision:.2} {} {}", tuple.confidence, row(tuple));
        }
    }
}

/// The tuples as CaRB's own tab-separated input: sentence, confidence, predicate, arguments.
fn tabbed(found: &Found) -> String {
    let mut rows = String::new();
    for (name, _) in &found.order {
        for tuple in found.tuples.get(name).into_iter().flatten() {
            let text = found.texts.get(name).map_or("", String::as_str);
            let _ = writeln!(rows, "{text}\t{}\t{}\t{}", tuple.confidence, tuple.predicate, tuple.arguments.join("\t"));
        }
    }
    rows
}
