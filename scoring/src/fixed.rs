//! Fixed-point arithmetic in units of 1/65,536: exact, the same on every machine. Each function is a few dozen integer
//! operations.

/// One, in fixed point.
pub const ONE: i64 = 1 << 16;

/// ln 2, in units of 2^-32.
const LN_2: u128 = 2_977_044_472;

/// `numerator / denominator` in fixed point, rounded down; a denominator of 0 counts as 1.
pub fn ratio(numerator: u64, denominator: u64) -> i64 {
    let value = (u128::from(numerator) << 16) / u128::from(denominator.max(1));
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The natural logarithm of `value / ONE`, in fixed point, rounded to nearest; of 0 and below it is that of the least
/// positive value.
pub fn ln(value: i64) -> i64 {
    let value = value.max(1) as u64;
    let whole = i64::from(value.ilog2()) - 16;
    let natural = (i128::from(whole) * (1 << 32) + i128::from(fraction_log2(value))) * LN_2 as i128;
    ((natural + (1 << 47)) >> 48) as i64
}

/// log2 of `value / 2^floor(log2(value))`, which lies in [1, 2), in units of 2^-32: bit by bit, by squaring.
fn fraction_log2(value: u64) -> u64 {
    let mut mantissa = u128::from(value) << (63 - value.ilog2());
    let mut bits = 0;
    for _ in 0..32 {
        mantissa = (mantissa * mantissa) >> 63;
        bits <<= 1;
        if mantissa >> 64 != 0 {
            mantissa >>= 1;
            bits |= 1;
        }
    }
    bits
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_logarithms() {
        assert_eq!(ln(ONE), 0);
        assert_eq!(ln(2 * ONE), 45_426);
        assert_eq!(ln(ONE / 2), -45_426);
        assert_eq!(ln(0), ln(1));
        assert_eq!(ratio(3, 0), 3 * ONE);
    }

    proptest! {
        #[test]
        fn ln_agrees_with_floating_point(value in 1..i64::MAX) {
            let real = (value as f64 / ONE as f64).ln() * ONE as f64;
            prop_assert!((ln(value) as f64 - real).abs() <= 0.6, "{} {}", ln(value), real);
        }

        #[test]
        fn ln_grows(a in 1..i64::MAX, b in 1..i64::MAX) {
            prop_assert_eq!(a.min(b) <= a, ln(a.min(b)) <= ln(a));
        }
    }
}
