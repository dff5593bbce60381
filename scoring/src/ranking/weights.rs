//! How much each feature counts, and what follows: the score of a passage.
//!
//! score = relevance + named + λ·said_at, relevance + named = Σ weight·feature; what a passage gains because the named say it
//! makes it no better a match. Of a question that asks how things stand, relevance counts up to [`Weights::enough`] only:
//! passages that all say what is asked are equal, and the newest comes first. Other questions have λ = 0. Weights are data: a scope may have others, by name. Cost: one multiplication per feature.

use crate::ONE;

use super::asked::Asked;
use super::features::{COUNT, FEATURES, Features, Sought};

/// Weights, in units of 1/[`ONE`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weights {
    /// One for each of [`FEATURES`].
    pub features: [i64; COUNT],
    /// The relevance above which a passage that tells how things stand is as good as any.
    pub enough: i64,
    /// What a day counts where the newest is meant.
    pub day: i64,
    /// A passage of less relevance is no match.
    pub least: i64,
    /// Nor is one of less meaning, with no word of the question near.
    pub unspoken: i64,
}

/// A score by its parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Score {
    /// How well the passage fits, whenever it was said.
    pub relevance: i64,
    /// What it is ranked by.
    pub total: i64,
}

/// With an embedder: cosines are brought to one scale. Fitted with all-MiniLM-L6-v2; with potion-base-8M they do better than
/// weights fitted with it.
pub const MEANING: Weights = Weights {
    features: [
        204_191, 19_633, -245_262, 131_180, -119_995, -68_434, 35_008, 36_018, 32_697, -52_886, -73_036, 134_647,
        117_613, 47_888, 233_400, -54_948,
    ],
    enough: 294_912,
    day: 197,
    least: 32_768,
    unspoken: i64::MIN,
};

/// With nexus-static, fitted with it: how near its strangers are differs more from talk to talk than they do within one, so
/// there is no relevance below which nothing is a match.
pub const BUILT_IN: Weights = Weights {
    features: [
        229_030, 22_562, -267_633, 211_398, -75_688, -15_848, 18_435, 29_302, 54_780, -13_314, -74_569, 137_749,
        114_930, 36_470, 221_731, -52_105,
    ],
    enough: 294_912,
    day: 197,
    least: -64 * ONE,
    unspoken: 2 * ONE,
};

/// Without an embedder.
pub const WORDS: Weights = Weights {
    features: [
        258_060, 26_370, -271_775, 212_129, -71_225, -13_159, 0, 0, 0, 0, -76_856, 150_524, 122_595, 47_486, 223_264,
        -44_832,
    ],
    enough: 360_448,
    day: 197,
    least: 52_428,
    unspoken: i64::MIN,
};

impl Weights {
    /// What a scope starts with: by the id of its embedder, if it has one.
    pub fn for_embedder(id: Option<&str>) -> Weights {
        match id {
            None => WORDS,
            Some(id) if id.starts_with("nexus-static@") => BUILT_IN,
            Some(_) => MEANING,
        }
    }
}

/// Which feature says that words of the question are near.
const REACHED: usize = 1;
/// Which feature says how near it is in meaning.
const MEANS: usize = 6;
/// Which feature says that somebody else than the named speaks.
const OTHER: usize = 10;

const DAY: i128 = 86_400_000;

impl Weights {
    /// The weight of that name; 0 for any other.
    pub fn of(&self, name: &str) -> i64 {
        self.clone().slot(name).map_or(0, |weight| *weight)
    }

    /// Sets the weight of that name; another name is left alone, so that rows of a later program do no harm.
    pub fn set(&mut self, name: &str, weight: i64) {
        if let Some(slot) = self.slot(name) {
            *slot = weight;
        }
    }

    fn slot(&mut self, name: &str) -> Option<&mut i64> {
        match name {
            "enough" => Some(&mut self.enough),
            "day" => Some(&mut self.day),
            "least" => Some(&mut self.least),
            "unspoken" => Some(&mut self.unspoken),
            _ => FEATURES.iter().position(|feature| *feature == name).map(|at| &mut self.features[at]),
        }
    }

    /// What features add up to, as they are weighed.
    pub fn sum(&self, features: &Features) -> i64 {
        let sum: i128 = features.iter().zip(self.features).map(|(x, weight)| i128::from(*x) * i128::from(weight)).sum();
        narrow(sum / i128::from(ONE))
    }

    /// The score of a passage said then.
    pub fn score(&self, asked: &Asked, features: &Features, said_at: i64) -> Score {
        let named = i128::from(features[OTHER].min(0)) * i128::from(self.features[OTHER]) / i128::from(ONE);
        let relevance = narrow(i128::from(self.sum(features)) - named);
        if !asked.stands {
            return Score { relevance, total: narrow(i128::from(relevance) + named) };
        }
        let recency = i128::from(said_at) * i128::from(self.day) / DAY;
        Score { relevance, total: narrow(i128::from(relevance.min(self.enough)) + named + recency) }
    }

    /// Whether a passage of this score is a match at all. In a small scope, where words tell little, one is that shares a word
    /// with the question, stands near one that does, or is by whom the question names.
    pub fn matches(&self, sought: &Sought<'_>, features: &Features, score: Score) -> bool {
        let by_named = sought.names_authors() && features[OTHER] <= 0;
        let near = features[REACHED] > 0 || features[MEANS] >= self.unspoken;
        (score.relevance >= self.least && near) || (sought.small && (features[REACHED] > 0 || by_named))
    }
}

fn narrow(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Statistics;
    use crate::ranking::MINILM;

    fn score(stands: bool, window: i64, said_at: i64) -> Score {
        let mut features = [0; COUNT];
        features[0] = window * ONE;
        MEANING.score(&Asked { stands, ..Asked::default() }, &features, said_at)
    }

    #[test]
    fn a_weight_has_a_name() {
        assert_eq!(MEANING.of("other"), -73_036);
        assert_eq!(MEANING.of("luck"), 0);
        assert_eq!([REACHED, MEANS, OTHER].map(|at| FEATURES[at]), ["reach", "meaning", "other"]);
    }

    #[test]
    fn the_newest_of_equals_wins_where_it_is_asked_for() {
        assert!(score(true, 5, 2).total == score(true, 9, 2).total);
        assert!(score(true, 5, 500_000_000).total > score(true, 9, 2).total);
        assert!(score(true, 1, 86_400_000).total < score(true, 9, 2).total);
        assert!(score(false, 5, 500_000_000).total < score(false, 9, 2).total);
        assert_eq!(score(true, 9, 1).relevance, score(false, 9, 7).relevance);
    }

    #[test]
    fn what_the_named_say_is_better_and_no_better_a_match() {
        let by = |other: i64, stands: bool| {
            let mut features = [0; COUNT];
            (features[0], features[OTHER]) = (9 * ONE, other);
            MEANING.score(&Asked { stands, ..Asked::default() }, &features, 0)
        };
        for stands in [false, true] {
            let (named, known) = (by(-2 * ONE, stands), by(0, stands));
            assert_eq!(named.relevance, known.relevance);
            assert_eq!(named.total - known.total, 2 * 73_036);
        }
        assert!(by(ONE, false).relevance < by(0, false).relevance);
    }

    #[test]
    fn nothing_overflows() {
        let score = MEANING.score(&Asked { stands: true, ..Asked::default() }, &[i64::MAX; COUNT], i64::MAX);
        let (asked, large) = (Asked::default(), Statistics { texts: 100, ..Statistics::default() });
        let sought = Sought::of(&asked, &large, MINILM);
        assert!(score.total > 0 && MEANING.matches(&sought, &[0; COUNT], score));
        assert!(!MEANING.matches(&sought, &[ONE; COUNT], Score::default()));
        let small = Sought::of(&asked, &Statistics::default(), MINILM);
        assert!(MEANING.matches(&small, &[ONE; COUNT], Score::default()));
        assert!(!MEANING.matches(&small, &[0; COUNT], Score::default()));
    }
}
