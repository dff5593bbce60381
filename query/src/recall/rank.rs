//! Ranking the candidates: pure, in integers. A candidate's score depends on its own window and on what is published.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use nexus_scoring::ONE;
use nexus_scoring::ranking::{Asked, FEATURES, Features, Heard, Nearby, Sought, Weights, features};
use serde::Serialize;

use super::Hit;
use super::pool::{Pool, Turn};

/// What one feature of a passage adds to its score, each in fixed point (65,536 is one).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Contribution {
    /// The feature's name.
    pub feature: &'static str,
    /// What it is for this passage.
    pub value: i64,
    /// What it counts by.
    pub weight: i64,
    /// Their product.
    pub adds: i64,
}

/// What the candidates are judged by.
pub(crate) struct Judge<'a> {
    pub(crate) asked: &'a Asked,
    pub(crate) sought: &'a Sought<'a>,
    pub(crate) weights: &'a Weights,
    pub(crate) cosines: &'a BTreeMap<String, i64>,
}

impl Judge<'_> {
    /// The candidates that fit at all, best first; of equal scores the newest, then by id.
    pub(crate) fn rank(&self, pool: &Pool, explain: bool) -> Vec<Hit> {
        let cosine = |turn: &Turn| self.cosines.get(&turn.hash).copied();
        let hear = pool.turns.iter().map(|(id, turn)| (id.as_str(), Heard::of(self.sought, &turn.seen, cosine(turn))));
        let heard: BTreeMap<&str, Heard<'_>> = hear.collect();
        let windows = pool.windows();
        let mut hits = Vec::with_capacity(pool.candidates.len());
        for turn in pool.candidates.iter().filter_map(|id| pool.turns.get(id)) {
            let id = turn.id.as_str();
            let (Some([before, after]), Some(this)) = (windows.get(id), heard.get(id)) else { continue };
            let side =
                |turns: &[&Turn]| turns.iter().filter_map(|turn| heard.get(turn.id.as_str())).collect::<Vec<_>>();
            let near = Nearby { turn: this, before: &side(before), after: &side(after) };
            let of = features(self.sought, near);
            let score = self.weights.score(self.asked, &of, turn.said_at);
            if self.weights.matches(self.sought, &of, score) {
                let mut hit = hit(turn, score.total, self.reasons(turn, &of));
                hit.features = explain.then(|| contributions(&of, self.weights));
                hits.push(hit);
            }
        }
        let best = |hit: &Hit| (Reverse(hit.score), Reverse(hit.said_at));
        hits.sort_by(|a, b| best(a).cmp(&best(b)).then_with(|| a.passage.cmp(&b.passage)));
        hits
    }

    /// Why a passage is there, in words.
    fn reasons(&self, turn: &Turn, of: &Features) -> Vec<&'static str> {
        let words = self.asked.terms.iter().any(|term| turn.seen.bag.count(term) > 0);
        let value = |name: &str| FEATURES.iter().position(|feature| *feature == name).map_or(0, |at| of[at]);
        let near = value("window") > 0 || value("meaning_window") > MEANING;
        let reasons = [
            ("words", words),
            ("meaning", value("meaning") > MEANING),
            ("context", !words && near),
            ("author", self.asked.authors.contains(&turn.author)),
        ];
        reasons.into_iter().filter(|(_, holds)| *holds).map(|(name, _)| name).collect()
    }
}

/// So many deviations nearer than strangers are, a passage is said to be found by its meaning.
const MEANING: i64 = 2 * ONE;

/// All features, the strongest first.
fn contributions(of: &Features, weights: &Weights) -> Vec<Contribution> {
    let all = FEATURES.iter().zip(of).map(|(feature, value)| {
        let weight = weights.of(feature);
        let adds = i64::try_from(i128::from(*value) * i128::from(weight) / i128::from(ONE)).unwrap_or(i64::MAX);
        Contribution { feature, value: *value, weight, adds }
    });
    let mut all: Vec<Contribution> = all.collect();
    all.sort_by_key(|one| (Reverse(one.adds.unsigned_abs()), one.feature));
    all
}

/// A passage as it is recalled.
pub(crate) fn hit(turn: &Turn, score: i64, found_by: Vec<&'static str>) -> Hit {
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
        features: None,
    }
}
