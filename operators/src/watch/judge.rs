//! A scope's rules as policy publishes them: the questions it watches, what words are worth, and by which embedder.

use std::collections::{BTreeMap, BTreeSet};

use nexus_scoring::Statistics;
use nexus_scoring::ranking::{Asked, MINILM, Nearby, Sought, Spread, Weights, features};
use nexus_types::{Policy, Text};

/// What passages of a scope are judged by.
pub(super) struct Judge {
    /// The scope's rows, as they are now.
    rows: BTreeSet<Policy>,
    /// The questions, each with its places, in order.
    pub(super) watches: Vec<(Text, u32, Asked)>,
    /// The embedder that texts are compared by.
    pub(super) embedder: Option<Text>,
    statistics: Statistics,
    weights: Weights,
}

impl Default for Judge {
    fn default() -> Self {
        let (rows, watches, embedder, statistics) = Default::default();
        Judge { rows, watches, embedder, statistics, weights: Weights::for_embedder(None) }
    }
}

impl Judge {
    /// Takes in a row that came or went.
    pub(super) fn change(&mut self, came: bool, row: Policy) {
        if came {
            self.rows.insert(row);
        } else {
            self.rows.remove(&row);
        }
    }

    /// Reads the rows anew.
    pub(super) fn settle(&mut self) {
        (self.embedder, self.statistics) = Default::default();
        let embedder = self.rows.iter().find_map(|row| match row {
            Policy::Model { model, .. } => Some(model.clone()),
            _ => None,
        });
        self.weights = Weights::for_embedder(embedder.as_deref());
        let mut questions: BTreeMap<Text, u32> = BTreeMap::new();
        // In order: of several rows the greatest is read last.
        for row in &self.rows {
            match row {
                Policy::Watch { question, k } => _ = questions.insert(question.clone(), *k),
                Policy::Weight { feature, weight } => self.weights.set(feature, *weight),
                Policy::Model { model, .. } => _ = self.embedder.get_or_insert_with(|| model.clone()),
                Policy::Statistics { passages, length, frequencies, .. } => {
                    let frequencies = frequencies.iter().map(|(term, count)| (term.to_string(), *count)).collect();
                    self.statistics = Statistics { texts: *passages, length: *length, frequencies };
                }
                _ => {}
            }
        }
        let asked = questions.into_iter().map(|(question, k)| {
            let asked = super::asked(&question, self.rows.iter());
            (question, k, asked)
        });
        self.watches = asked.collect();
    }

    /// The question as it is sought here.
    pub(super) fn sought<'a>(&self, asked: &'a Asked) -> Sought<'a> {
        Sought::of(asked, &self.statistics, self.embedder.as_deref().map_or(MINILM, Spread::of_embedder))
    }

    /// The score of a passage; `None` if it does not fit.
    pub(super) fn score(&self, asked: &Asked, sought: &Sought<'_>, near: Nearby<'_>, said_at: i64) -> Option<i64> {
        let features = features(sought, near);
        let score = self.weights.score(asked, &features, said_at);
        self.weights.matches(sought, &features, score).then_some(score.total)
    }

    /// Whether policy says nothing of the scope any more.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}
