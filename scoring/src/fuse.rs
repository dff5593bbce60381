//! Bringing scores of different kinds to one scale: standardise(x) = (x - mean) / deviation over the candidates, 0 where
//! a candidate has no score. Linear in the candidates.

use crate::ONE;

/// The standard scores of `scores`, in fixed point. A missing score stands at the mean; where all are equal, all are 0.
pub fn standardise(scores: &[Option<i64>]) -> Vec<i64> {
    let known: Vec<i128> = scores.iter().flatten().map(|&score| i128::from(score)).collect();
    let count = known.len().max(1) as i128;
    let sum: i128 = known.iter().sum();
    // count * (x - mean): exact in integers, and the factor cancels below.
    let centred = |score: i128| score * count - sum;
    // Low bits that would make the sum of squares overflow are dropped.
    let widest = known.iter().map(|&score| centred(score).unsigned_abs()).max().unwrap_or(0);
    let bits = 2 * (u128::BITS - widest.leading_zeros()) + (u128::BITS - count.unsigned_abs().leading_zeros());
    let dropped = bits.saturating_sub(126).div_ceil(2);
    let squares: i128 = known.iter().map(|&score| (centred(score) >> dropped).pow(2)).sum();
    let deviation = (squares / count).isqrt() << dropped;
    let of = |score: &Option<i64>| match score {
        Some(score) if deviation > 0 => centred(i128::from(*score)).saturating_mul(i128::from(ONE)) / deviation,
        _ => 0,
    };
    scores.iter().map(|score| of(score).clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn equal_scores_say_nothing() {
        assert_eq!(standardise(&[Some(7), Some(7), None]), [0, 0, 0]);
        assert_eq!(standardise(&[]), Vec::<i64>::new());
        assert_eq!(standardise(&[Some(0), None, Some(2000)]), [-ONE, 0, ONE]);
    }

    proptest! {
        #[test]
        fn agrees_with_floating_point(scores in prop::collection::vec(-1_000_000i64..1_000_000, 2..50)) {
            let mean = scores.iter().sum::<i64>() as f64 / scores.len() as f64;
            let variance = scores.iter().map(|&x| (x as f64 - mean).powi(2)).sum::<f64>() / scores.len() as f64;
            let ours = standardise(&scores.iter().copied().map(Some).collect::<Vec<_>>());
            for (x, z) in scores.iter().zip(ours).filter(|_| variance > 1e6) {
                let real = (*x as f64 - mean) / variance.sqrt();
                prop_assert!((z as f64 / ONE as f64 - real).abs() < 0.01, "{} {}", z, real);
            }
        }

        #[test]
        fn never_overflows_and_keeps_the_order(scores in prop::collection::vec(any::<i64>(), 0..20)) {
            let ours = standardise(&scores.iter().copied().map(Some).collect::<Vec<_>>());
            for (a, b) in scores.iter().zip(&ours).flat_map(|x| scores.iter().zip(&ours).map(move |y| (x, y))) {
                prop_assert!(a.0 > b.0 || a.1 <= b.1);
            }
        }
    }
}
