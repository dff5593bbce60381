//! Ranking: where the weights of recall come from, and what each feature earns.
//!
//! `cargo bench --profile dev --bench ranking -- LOCOMO LONGMEMEVAL [--model NAME|none] [--fit]`: files in the layouts of
//! snap-research/locomo and xiaowu0162/LongMemEval (a line a question, evidence sessions only). Every passage is looked at.
//! A conversation's questions are ranked by weights fitted to the other conversations and to LongMemEval's questions of
//! even number; LongMemEval's by all conversations and that half. LoCoMo's score is |evidence ∩ first ten turns| /
//! |evidence|, over questions; with the interval that 95 of 100 bootstraps over questions give for what ours is ahead of a
//! floor. `--fit` prints the weights fitted to everything: what `scoring/src/ranking/weights.rs` holds.

#![allow(missing_docs, clippy::unwrap_used)]

#[path = "ranking/data.rs"]
mod data;
#[path = "ranking/eval.rs"]
mod eval;
#[path = "ranking/fit.rs"]
mod fit;
mod support;

use std::collections::BTreeMap;

use data::Store;
use eval::{FLOORS, Query, Ready};
use nexus::{Device, models};
use nexus_inference::Reply;
use nexus_scoring::ONE;
use nexus_scoring::ranking::{COUNT, FEATURES, MINILM, Spread, Weights};
use nexus_types::Text;

/// What is left out, to see what it earns.
const GROUPS: [(&str, &[&str]); 10] = [
    ("meaning", &["meaning", "both", "meaning_window", "meaning_reach"]),
    ("the meaning around", &["meaning_window", "meaning_reach"]),
    ("the meaning of the passage", &["meaning", "both"]),
    ("who says it", &["other"]),
    ("when", &["when"]),
    ("dates", &["date"]),
    ("questions and answers", &["answers", "asks"]),
    ("the words around", &["previous", "previous_words", "next_words", "second_words"]),
    ("the window", &["window"]),
    ("telling of oneself", &["tells"]),
];
/// A name that nobody in the data has.
const STRANGER: &str = "Zorvan";
/// How often questions are drawn anew for an interval.
const BOOTSTRAPS: usize = 2_000;

fn main() {
    let files = support::positional();
    let [locomo, longmemeval] = &files[..] else {
        eprintln!("usage: cargo bench --profile dev --bench ranking -- LOCOMO LONGMEMEVAL [--model NAME|none] [--fit]");
        std::process::exit(2);
    };
    let mut stores = data::locomo(locomo);
    stores.push(data::longmemeval(longmemeval));
    let model = support::argument("--model").unwrap_or_else(|| "minilm".into());
    let vectors = (model != "none").then(|| vectors(&stores, &model));
    let known = Spread::of_embedder(&model);
    let ready: Vec<Ready<'_>> = stores.iter().map(|store| Ready::of(store, vectors.as_ref(), known)).collect();
    for (store, vectors) in stores.iter().flat_map(|store| vectors.as_ref().map(|vectors| (store, vectors))) {
        let Spread { mean, deviation } = eval::spread(store, vectors);
        support::figure("ranking", "cosine of strangers, mean", mean as f64, "in 65,536");
        support::figure("ranking", "cosine of strangers, deviation", deviation as f64, "in 65,536");
    }
    let mut queries: Vec<Query> = Vec::new();
    for (at, ready) in ready.iter().enumerate() {
        queries.extend(ready.store.questions.iter().enumerate().map(|(number, one)| ready.ask((at, number), one)));
    }
    let base = Weights::for_embedder((model != "none").then(|| format!("{model}@")).as_deref());
    let on: [bool; COUNT] = std::array::from_fn(|at| base.features[at] != 0);
    let left_out: Vec<Weights> = (0..stores.len()).map(|store| fitted(&queries, Some(store), &on, &base)).collect();
    let ours = Scored::of(&queries, |query| query.scores(&left_out[query.store]));
    ours.report(&format!("{model}, left out"), stores.len() - 1);
    for (at, floor) in FLOORS.iter().enumerate() {
        ours.against(&Scored::of(&queries, |query| query.floor(at).to_vec()), floor, stores.len() - 1);
    }
    strangers(&ready);
    for (name, features) in GROUPS {
        let on: [bool; COUNT] = std::array::from_fn(|at| on[at] && !features.contains(&FEATURES[at]));
        let weights: Vec<Weights> = (0..stores.len()).map(|store| fitted(&queries, Some(store), &on, &base)).collect();
        Scored::of(&queries, |query| query.scores(&weights[query.store]))
            .report(&format!("without {name}"), stores.len() - 1);
    }
    let timeless = |store: usize| Weights { day: 0, enough: i64::MAX, ..left_out[store].clone() };
    let scored = Scored::of(&queries, |query| query.scores(&timeless(query.store)));
    scored.report("without recency", stores.len() - 1);
    let held = Scored::of(&queries, |query| query.scores(&base));
    held.report("the program's weights, not left out", stores.len() - 1);
    if std::env::args().any(|argument| argument == "--fit") {
        println!("{:?}", fitted(&queries, None, &on, &base).features);
    }
}

/// The vector of every text and question.
fn vectors(stores: &[Store], model: &str) -> BTreeMap<String, Vec<f32>> {
    let encoder = models::known(model).unwrap().load(Device::Cpu).unwrap();
    let encoder = encoder.unwrap_or_else(|| panic!("{model} is not here: nexus models fetch {model}"));
    let mut vectors = BTreeMap::new();
    for store in stores {
        let texts: Vec<Text> = store.turns.iter().map(|turn| turn.text.as_str().into()).collect();
        for (text, reply) in texts.iter().zip(encoder.answer(&texts)) {
            if let Reply::Vector(vector) = reply {
                vectors.insert(text.to_string(), vector);
            }
        }
        let ready = Ready::of(store, None, MINILM);
        for question in &store.questions {
            let embedded = ready.asked(&question.text).embedded;
            let vector = encoder.question(&embedded.as_str().into());
            vectors.extend(vector.map(|vector| (embedded, vector)));
        }
    }
    vectors
}

/// The weights fitted without one store, or to all; of LongMemEval, which comes last, the questions of even number.
fn fitted(queries: &[Query], without: Option<usize>, on: &[bool; COUNT], base: &Weights) -> Weights {
    let last = queries.iter().map(|query| query.store).max();
    let taught = |query: &&Query| match Some(query.store) == last {
        true => without.is_none() || query.number.is_multiple_of(2),
        false => Some(query.store) != without,
    };
    let cases: Vec<fit::Case> = queries.iter().filter(taught).flat_map(Query::cases).collect();
    let features = fit::fit(&cases, on);
    Weights { features: std::array::from_fn(|at| (features[at] * ONE as f64).round() as i64), ..base.clone() }
}

/// How well each question is answered.
struct Scored<'q> {
    queries: &'q [Query],
    shares: Vec<f64>,
    wins: Vec<Option<bool>>,
}

impl<'q> Scored<'q> {
    fn of(queries: &'q [Query], scores: impl Fn(&Query) -> Vec<i64>) -> Self {
        let scored: Vec<(f64, Option<bool>)> = queries
            .iter()
            .map(|query| {
                let scores = scores(query);
                (query.share(&scores), query.newest_wins(&scores))
            })
            .collect();
        let (shares, wins) = scored.into_iter().unzip();
        Scored { queries, shares, wins }
    }

    /// The figures of LoCoMo (all stores before `last`) by kind, and those of LongMemEval.
    fn report(&self, name: &str, last: usize) {
        for (group, mean) in self.groups(last) {
            support::figure("ranking", &format!("{name}: {group}"), mean, "share");
        }
        let wins: Vec<bool> = self.wins.iter().flatten().copied().collect();
        let won = wins.iter().filter(|won| **won).count() as f64 / wins.len().max(1) as f64;
        support::figure("ranking", &format!("{name}: LongMemEval, the newest above the older"), won, "share");
    }

    fn groups(&self, last: usize) -> Vec<(&'static str, f64)> {
        let mean = |fits: &dyn Fn(&Query) -> bool| {
            let shares = self.queries.iter().zip(&self.shares).filter(|(query, _)| fits(query));
            let shares: Vec<f64> = shares.map(|(_, share)| *share).collect();
            shares.iter().sum::<f64>() / shares.len().max(1) as f64
        };
        vec![
            ("LoCoMo frac@10, all", mean(&|query| query.store < last)),
            ("LoCoMo frac@10, categories 1-4", mean(&|query| query.store < last && query.kind != "5")),
            ("LoCoMo frac@10, multi-hop", mean(&|query| query.store < last && query.kind == "1")),
            ("LongMemEval recall@10", mean(&|query| query.store == last)),
        ]
    }

    /// Ours beside a floor, and how far ahead it is.
    fn against(&self, floor: &Scored<'_>, name: &str, last: usize) {
        for ((group, ours), (_, theirs)) in self.groups(last).into_iter().zip(floor.groups(last)) {
            support::compared("ranking", group, ours, "share", name, theirs, false);
        }
        let pairs: Vec<f64> = (0..self.queries.len())
            .filter(|at| self.queries[*at].store < last)
            .map(|at| self.shares[at] - floor.shares[at])
            .collect();
        let (low, high) = interval(&pairs);
        support::figure("ranking", &format!("LoCoMo, all, ahead of {name}: at least"), low, "share");
        support::figure("ranking", &format!("LoCoMo, all, ahead of {name}: at most"), high, "share");
    }
}

/// Where 95 of 100 means lie of as many values drawn from these.
fn interval(values: &[f64]) -> (f64, f64) {
    let mut seed = 1u64;
    let mut draw = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        values[(seed >> 33) as usize % values.len()]
    };
    let mut mean = || (0..values.len()).map(|_| draw()).sum::<f64>() / values.len() as f64;
    let mut means: Vec<f64> = (0..BOOTSTRAPS).map(|_| mean()).collect();
    means.sort_by(f64::total_cmp);
    (means[BOOTSTRAPS / 40], means[BOOTSTRAPS - 1 - BOOTSTRAPS / 40])
}

/// How often a question has no answer: as it is, and with the names in it replaced by one that nobody has.
fn strangers(ready: &[Ready<'_>]) {
    let (mut real, mut all, mut strange, mut renamed) = (0, 0, 0, 0);
    for ready in ready {
        let names: std::collections::BTreeSet<&str> =
            ready.store.turns.iter().map(|turn| turn.author.as_str()).collect();
        for question in &ready.store.questions {
            all += 1;
            real += usize::from(ready.knows_nobody(&question.text));
            let other = names.iter().fold(question.text.clone(), |text, name| match *name {
                "me" | "assistant" => text,
                name => text.replace(name, STRANGER),
            });
            if other != question.text {
                renamed += 1;
                strange += usize::from(ready.knows_nobody(&other));
            }
        }
    }
    support::figure(
        "ranking",
        "questions without an answer, as they are",
        f64::from(real as u32) / f64::from(all),
        "share",
    );
    let share = f64::from(strange as u32) / f64::from(renamed.max(1));
    support::figure("ranking", "questions without an answer, of strangers", share, "share");
}
