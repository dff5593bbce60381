//! Ranking the candidates: pure, in integers.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use nexus_scoring::{Bag, ONE, Statistics, bm25, standardise, terms};

use super::Hit;
use super::names::{Named, called};
use super::pool::{Pool, REACH, Turn, chain};

/// The `k` best candidates, best first.
pub(crate) fn rank(pool: &Pool, named: &Named, cosines: &BTreeMap<String, i64>, k: usize) -> Vec<Hit> {
    let turns: Vec<&Turn> = pool.turns.values().collect();
    let windows = windows(&turns);
    let bags: Vec<Bag> = turns.iter().map(|turn| bag(turn)).collect();
    let candidates: Vec<usize> = (0..turns.len()).filter(|&at| pool.candidates.contains(&turns[at].id)).collect();
    let question = Bag::of(terms::query(&named.question));

    let joined = |at: &usize| {
        let mut joined = Bag::default();
        windows[*at].iter().for_each(|&near| joined.add(&bags[near]));
        joined
    };
    let alone = words(pool, &question, candidates.iter().map(|&at| bags[at].clone()).collect(), 1);
    let around = words(pool, &question, candidates.iter().map(joined).collect(), 2 * REACH as u64 + 1);
    let cosine = |at: usize| cosines.get(&turns[at].hash).copied();
    let meaning: Vec<Option<i64>> = candidates.iter().map(|&at| cosine(at)).collect();
    let next_to = |at: &usize| {
        windows[*at].iter().filter(|near| adjacent(&windows, *at, **near)).filter_map(|&n| cosine(n)).max()
    };
    let near: Vec<Option<i64>> = candidates.iter().map(next_to).collect();

    let (alone_z, around_z) = (standardise(&alone), standardise(&around));
    let (meaning_z, near_z) = (standardise(&meaning), standardise(&near));
    let mut hits: Vec<Hit> = Vec::with_capacity(candidates.len());
    for (row, &at) in candidates.iter().enumerate() {
        let by_author = named.authors.contains(&turns[at].author);
        let other = if cosines.is_empty() { alone_z[row] } else { meaning_z[row] + near_z[row] };
        let score = 2 * around_z[row] + other + if by_author { 2 * ONE } else { 0 };
        let reasons = [
            ("words", alone[row].unwrap_or(0) > 0),
            ("meaning", meaning_z[row] > ONE / 2),
            ("context", alone[row].unwrap_or(0) == 0 && (around[row].unwrap_or(0) > 0 || near_z[row] > ONE / 2)),
            ("author", by_author),
        ];
        let found_by: Vec<&'static str> =
            reasons.into_iter().filter(|(_, holds)| *holds).map(|(name, _)| name).collect();
        if !found_by.is_empty() {
            hits.push(hit(turns[at], score, found_by));
        }
    }
    hits.sort_by(|a, b| (b.score, b.said_at, &b.passage).cmp(&(a.score, a.said_at, &a.passage)));
    hits.truncate(k);
    hits
}

/// BM25 of each text. `reach`: in how many of the texts one passage takes part; the frequencies that are known beyond the
/// pool grow by it.
fn words(pool: &Pool, question: &Bag, texts: Vec<Bag>, reach: u64) -> Vec<Option<i64>> {
    let mut statistics = Statistics::default();
    texts.iter().for_each(|text| statistics.count(text, question));
    if !pool.whole {
        let average = statistics.length / statistics.texts.max(1);
        statistics.texts = pool.passages.max(statistics.texts);
        statistics.length = average.saturating_mul(statistics.texts);
        for (term, frequency) in &pool.frequencies {
            let known = statistics.frequencies.entry(term.clone()).or_default();
            *known = (*known).max(frequency.saturating_mul(reach)).min(statistics.texts);
        }
    }
    texts.iter().map(|text| Some(bm25(question, text, &statistics))).collect()
}

/// What a passage is found by: its author's name, its text and its date.
fn bag(turn: &Turn) -> Bag {
    let date = Timestamp::from_millisecond(turn.said_at)
        .map(|at| at.to_zoned(TimeZone::UTC).strftime("%-d %B %Y").to_string())
        .unwrap_or_default();
    let mut bag = terms::bag(&turn.text);
    bag.add(&terms::bag(&called(&turn.author)));
    bag.add(&terms::bag(&date));
    bag
}

/// For each turn the turns of its window, in the order they were said.
fn windows(turns: &[&Turn]) -> Vec<Vec<usize>> {
    let next = chain(turns);
    let mut before: Vec<Option<usize>> = vec![None; turns.len()];
    for (at, next) in next.iter().enumerate() {
        if let Some(next) = next {
            before[*next] = Some(at);
        }
    }
    let walk = |from: usize, step: &[Option<usize>]| {
        let steps: Vec<usize> = std::iter::successors(step[from], |&at| step[at]).take(REACH).collect();
        steps
    };
    let window = |at: usize| {
        let mut window = walk(at, &before);
        window.reverse();
        window.push(at);
        window.extend(walk(at, &next));
        window
    };
    (0..turns.len()).map(window).collect()
}

/// Whether `near` is the turn itself or stands right next to it in its window.
fn adjacent(windows: &[Vec<usize>], at: usize, near: usize) -> bool {
    let place = |turn: usize| windows[at].iter().position(|&other| other == turn);
    matches!((place(at), place(near)), (Some(a), Some(b)) if a.abs_diff(b) <= 1)
}

fn hit(turn: &Turn, score: i64, found_by: Vec<&'static str>) -> Hit {
    Hit {
        event: turn.event.clone(),
        passage: turn.id.clone(),
        score,
        said_at: turn.said_at,
        author: turn.author.clone(),
        platform: turn.platform.clone(),
        channel: turn.channel.clone(),
        text: turn.text.clone(),
        found_by,
    }
}
