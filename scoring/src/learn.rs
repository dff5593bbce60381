//! Learning weights from verdicts: this helped, that did not. `learn(W, V)` starts from the weights W and takes one step of
//! logistic regression for each verdict, in their order (Bottou, "Large-scale machine learning with stochastic gradient
//! descent", 2010). In integers, so that the same verdicts give the same weights on every machine, and the weights without
//! one of them are what they would be had it never been given. Linear in the verdicts.

use crate::ONE;
use crate::ranking::{FEATURES, Features, Weights};

/// How far one verdict moves the weights: a quarter of the gradient.
const RATE: i128 = 4;
/// No weight moves further from where it began than this many times its size, and one.
const REACH: i64 = 3;

/// A verdict on something that was recalled: what was special about it (each feature, less the mean of all that was
/// recalled with it), and whether it helped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What was special.
    pub features: Features,
    /// Whether it helped.
    pub helped: bool,
}

/// The weights that these verdicts teach.
pub fn learn(from: &Weights, verdicts: &[Verdict]) -> Weights {
    let mut weights = from.clone();
    for verdict in verdicts {
        let surprise = i128::from(surprise(weights.sum(&verdict.features), verdict.helped));
        for (name, value) in FEATURES.iter().zip(verdict.features) {
            let one = i128::from(ONE);
            let step = i64::try_from(surprise * i128::from(value) / one / RATE).unwrap_or(0);
            let (began, held) = (from.of(name), weights.of(name));
            let most = began.abs().saturating_mul(REACH).saturating_add(ONE);
            weights.set(name, held.saturating_add(step).clamp(began - most, began + most));
        }
    }
    weights
}

/// How much a verdict surprises one who thought so much of the passage: from -1 to 1, in fixed point. The logistic curve,
/// as x / (1 + |x|) has it.
fn surprise(score: i64, helped: bool) -> i64 {
    let (score, one) = (i128::from(score), i128::from(ONE));
    let thought = one / 2 + score * one / (2 * (one + score.abs()));
    i64::try_from(if helped { one - thought } else { -thought }).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ranking::MEANING;

    fn verdict(at: usize, helped: bool) -> Verdict {
        let mut features = [0; FEATURES.len()];
        features[at] = ONE;
        Verdict { features, helped }
    }

    #[test]
    fn what_helped_counts_more_and_what_did_not_less() {
        let began = MEANING;
        let learnt = learn(&began, &[verdict(0, true), verdict(1, false), verdict(0, true)]);
        assert!(learnt.of(FEATURES[0]) > began.of(FEATURES[0]));
        assert!(learnt.of(FEATURES[1]) < began.of(FEATURES[1]));
        assert_eq!(learnt.of(FEATURES[2]), began.of(FEATURES[2]));
        assert_eq!(learn(&began, &[]), began);
    }

    #[test]
    fn no_weight_runs_away() {
        let began = MEANING;
        let learnt = learn(&began, &vec![verdict(0, true); 10_000]);
        assert!(learnt.of(FEATURES[0]) <= began.of(FEATURES[0]) + REACH * began.of(FEATURES[0]).abs() + ONE);
    }
}
