//! Ranking the candidates: pure, in integers. A candidate's score depends on its own window and on what is published.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use nexus_scoring::ONE;
use nexus_scoring::ranking::{Asked, FEATURES, Features, Heard, Nearby, Sought, Weights, features};
use nexus_types::{Hash128, Millis};
use serde::Serialize;

use super::pool::Pool;
use crate::passages::Place;

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
}

/// A candidate that fits.
#[derive(Clone, Debug)]
pub(crate) struct Fit {
    pub(crate) place: Place,
    pub(crate) id: Hash128,
    pub(crate) said_at: Millis,
    pub(crate) score: i64,
    pub(crate) features: Features,
}

impl Judge<'_> {
    /// The candidates that fit at all, best first; of equal scores the newest, then by id. Each with its window, as far
    /// as the pool knows it.
    pub(crate) fn rank(&self, pool: &Pool) -> Vec<Fit> {
        let heard: BTreeMap<Place, Heard<'_>> =
            pool.turns.iter().map(|(place, turn)| (*place, Heard::of(self.sought, &turn.seen, turn.cosine))).collect();
        let mut fits = Vec::with_capacity(pool.candidates.len());
        for place in &pool.candidates {
            let Some(this) = heard.get(place) else { continue };
            let [before, after] =
                pool.window(*place).map(|side| side.iter().filter_map(|at| heard.get(at)).collect::<Vec<_>>());
            let features = features(self.sought, Nearby { turn: this, before: &before, after: &after });
            let said_at = pool.passages.said_at(*place);
            let score = self.weights.score(self.asked, &features, said_at);
            if self.weights.matches(self.sought, &features, score) {
                let id = pool.passages.id(*place);
                fits.push(Fit { place: *place, id, said_at, score: score.total, features });
            }
        }
        fits.sort_by_key(|fit| (Reverse(fit.score), Reverse(fit.said_at), fit.id));
        fits
    }

    /// Why a passage is there, in words.
    pub(crate) fn reasons(&self, pool: &Pool, fit: &Fit) -> Vec<&'static str> {
        let bag = pool.turns.get(&fit.place).map(|turn| &turn.seen.bag);
        let words = bag.is_some_and(|bag| self.asked.terms.iter().any(|term| bag.count(term) > 0));
        let value = |name: &str| FEATURES.iter().position(|feature| *feature == name).map_or(0, |at| fit.features[at]);
        let near = value("window") > 0 || value("meaning_window") > MEANING;
        let reasons = [
            ("words", words),
            ("meaning", value("meaning") > MEANING),
            ("context", !words && near),
            ("author", self.asked.authors.contains(pool.passages.name("author", fit.place))),
        ];
        reasons.into_iter().filter(|(_, holds)| *holds).map(|(name, _)| name).collect()
    }

    /// All features, the strongest first.
    pub(crate) fn contributions(&self, fit: &Fit) -> Vec<Contribution> {
        let all = FEATURES.iter().zip(&fit.features).map(|(feature, value)| {
            let weight = self.weights.of(feature);
            let adds = i64::try_from(i128::from(*value) * i128::from(weight) / i128::from(ONE)).unwrap_or(i64::MAX);
            Contribution { feature, value: *value, weight, adds }
        });
        let mut all: Vec<Contribution> = all.collect();
        all.sort_by_key(|one| (Reverse(one.adds.unsigned_abs()), one.feature));
        all
    }
}

/// So many deviations nearer than strangers are, a passage is said to be found by its meaning.
const MEANING: i64 = 2 * ONE;
