//! CaRB's scorer: `carb.py` of dair-iitd/CaRB with `Matcher.binary_linient_tuple_match`, its default, step by step.
//!
//! Words are compared as they are between white space: the matcher is handed flags to ignore case and stop words and
//! uses neither. Recall takes for every gold tuple the best prediction; precision pairs gold and predictions one to
//! one, greedily.

use std::collections::BTreeMap;

/// A tuple: gold has confidence 1.
#[derive(Clone, Debug)]
pub(crate) struct Tuple {
    /// In any unit; only the order counts.
    pub confidence: f64,
    /// The predicate.
    pub predicate: String,
    /// Subject first.
    pub arguments: Vec<String>,
}

/// Tuples by sentence, under its normalised text.
pub(crate) type Tuples = BTreeMap<String, Vec<Tuple>>;

/// A point of the curve.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Point {
    /// Tuples at least this sure.
    pub confidence: f64,
    /// Precision.
    pub precision: f64,
    /// Recall.
    pub recall: f64,
}

impl Point {
    /// The harmonic mean.
    pub(crate) fn f1(&self) -> f64 {
        let sum = self.precision + self.recall;
        if sum > 0.0 { 2.0 * self.precision * self.recall / sum } else { 0.0 }
    }
}

/// A sentence's name: without blanks and punctuation, brackets unescaped first.
pub(crate) fn key(sentence: &str) -> String {
    let escapes = [("(", "-LRB-"), (")", "-RRB-"), ("[", "-LSB-"), ("]", "-RSB-"), ("{", "-LCB-"), ("}", "-RCB-")];
    let mut key = sentence.replace(' ', "");
    for (plain, escaped) in escapes {
        key = key.replace(escaped, plain);
    }
    key.retain(|c| !c.is_ascii_punctuation());
    key
}

/// The curve over all confidences, from the least sure.
pub(crate) fn curve(gold: &Tuples, predicted: &Tuples) -> Vec<Point> {
    let mut thresholds: Vec<f64> = predicted.values().flatten().map(|tuple| tuple.confidence).collect();
    thresholds.sort_by(f64::total_cmp);
    thresholds.dedup();
    let mut sums = vec![[0.0; 4]; thresholds.len()];
    for (sentence, golds) in gold {
        let own = predicted.get(sentence).map_or(&[][..], Vec::as_slice);
        one_sentence(golds, own, &thresholds, &mut sums);
    }
    let ratio = |a: f64, b: f64, otherwise: f64| if b > 0.0 { a / b } else { otherwise };
    let point = |(sum, confidence): (&[f64; 4], &f64)| Point {
        confidence: *confidence,
        precision: ratio(sum[0], sum[1], 1.0),
        recall: ratio(sum[2], sum[3], 0.0),
    };
    sums.iter().zip(&thresholds).map(point).collect()
}

/// The point with the best F1, the first of equals.
pub(crate) fn best(curve: &[Point]) -> Point {
    curve.iter().copied().fold(Point::default(), |best, point| if point.f1() > best.f1() { point } else { best })
}

/// The area under the curve, closed by precision 1 at recall 0.
pub(crate) fn area(curve: &[Point]) -> f64 {
    let closed: Vec<(f64, f64)> =
        curve.iter().map(|point| (point.recall, point.precision)).chain([(0.0, 1.0)]).collect();
    closed.windows(2).map(|pair| (pair[0].0 - pair[1].0) * (pair[0].1 + pair[1].1) / 2.0).sum()
}

/// Adds one sentence: precision's sum and count, recall's sum and count, for every threshold.
fn one_sentence(golds: &[Tuple], own: &[Tuple], thresholds: &[f64], sums: &mut [[f64; 4]]) {
    let scores: Vec<Vec<(f64, f64)>> =
        golds.iter().map(|gold| own.iter().map(|tuple| score(gold, tuple)).collect()).collect();
    let mut confidences: Vec<f64> = own.iter().map(|tuple| tuple.confidence).collect();
    confidences.sort_by(f64::total_cmp);
    confidences.dedup();
    let mut from = 0;
    for confidence in confidences {
        let to = thresholds.partition_point(|threshold| *threshold <= confidence);
        let kept: Vec<usize> = (0..own.len()).filter(|at| own[*at].confidence >= confidence).collect();
        let recalled: f64 = scores.iter().map(|row| kept.iter().map(|at| row[*at].1).fold(0.0, f64::max)).sum();
        let precise: f64 = pairs(&scores, &kept).into_iter().map(|(precision, _)| precision).sum();
        for sum in &mut sums[from..to] {
            sum[0] += precise;
            sum[1] += kept.len() as f64;
            sum[2] += recalled;
            sum[3] += golds.len() as f64;
        }
        from = to;
    }
    for sum in &mut sums[from..] {
        sum[3] += golds.len() as f64;
    }
}

/// Each prediction's precision in the pairing of all; nothing for what stays alone.
pub(crate) fn precisions(golds: &[Tuple], own: &[Tuple]) -> Vec<f64> {
    let scores: Vec<Vec<(f64, f64)>> =
        golds.iter().map(|gold| own.iter().map(|tuple| score(gold, tuple)).collect()).collect();
    let mut found = vec![0.0; own.len()];
    for (precision, column) in pairs(&scores, &(0..own.len()).collect::<Vec<_>>()) {
        found[column] = precision;
    }
    found
}

/// A one-to-one pairing, the best precision first: precision and column.
fn pairs(scores: &[Vec<(f64, f64)>], kept: &[usize]) -> Vec<(f64, usize)> {
    let (mut rows, mut columns) = (vec![false; scores.len()], vec![false; scores.first().map_or(0, Vec::len)]);
    let mut found = Vec::new();
    for _ in 0..scores.len().min(kept.len()) {
        let mut best: Option<(f64, usize, usize)> = None;
        for (row, line) in scores.iter().enumerate().filter(|(row, _)| !rows[*row]) {
            for &column in kept.iter().filter(|column| !columns[**column]) {
                if best.is_none_or(|best| line[column].0 > best.0) {
                    best = Some((line[column].0, row, column));
                }
            }
        }
        let Some((precision, row, column)) = best else { break };
        (rows[row], columns[column]) = (true, true);
        found.push((precision, column));
    }
    found
}

/// Precision and recall of a prediction for a gold tuple; of tuples of speech the arguments may be swapped.
pub(crate) fn score(gold: &Tuple, own: &Tuple) -> (f64, f64) {
    let reference = binary(&gold.arguments);
    let straight = lenient(&gold.predicate, &reference, &own.predicate, &binary(&own.arguments));
    if !["said", "told", "added", "adds", "says"].iter().any(|verb| gold.predicate.contains(verb)) {
        return straight;
    }
    let swapped = match own.arguments.split_first() {
        Some((first, rest)) if !rest.is_empty() => vec![rest.join(" "), first.clone()],
        _ => own.arguments.clone(),
    };
    let reverse = lenient(&gold.predicate, &reference, &own.predicate, &swapped);
    if reverse > straight { reverse } else { straight }
}

/// Subject, and all else as one argument.
fn binary(arguments: &[String]) -> Vec<String> {
    match arguments.split_first() {
        Some((first, rest)) if !rest.is_empty() => vec![first.clone(), rest.join(" ")],
        _ => arguments.to_vec(),
    }
}

/// Shared words over all words, part by part; nothing if the predicates share none.
fn lenient(gold: &str, gold_arguments: &[String], own: &str, own_arguments: &[String]) -> (f64, f64) {
    let gold_words: Vec<&str> = gold.split_whitespace().collect();
    let mut left: Vec<&str> = own.split_whitespace().collect();
    let (mut own_count, mut gold_count) = (left.len(), gold_words.len());
    let mut shared = take(&gold_words, &mut left);
    let be = ["be", "is", "am", "are", "was", "were", "been", "being"];
    if left.contains(&"be") && be.iter().any(|form| gold_words.contains(form)) {
        shared += 1;
    }
    if shared == 0 {
        return (0.0, 0.0);
    }
    for (at, gold) in gold_arguments.iter().enumerate() {
        let gold_words: Vec<&str> = gold.split_whitespace().collect();
        gold_count += gold_words.len();
        let Some(own) = own_arguments.get(at) else {
            if at < 2 {
                return (0.0, 0.0);
            }
            continue;
        };
        let mut left: Vec<&str> = own.split_whitespace().collect();
        own_count += left.len();
        shared += take(&gold_words, &mut left);
    }
    let ratio = |count: usize| if count == 0 { 0.0 } else { shared as f64 / count as f64 };
    (ratio(own_count), ratio(gold_count))
}

/// How many of the gold words are left among one's own; each is taken once.
fn take(gold: &[&str], left: &mut Vec<&str>) -> usize {
    let mut taken = 0;
    for word in gold {
        if let Some(at) = left.iter().position(|own| own == word) {
            left.remove(at);
            taken += 1;
        }
    }
    taken
}
