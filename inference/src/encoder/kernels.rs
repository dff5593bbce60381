//! What lies between two products, in the widest instructions that the machine has: GELU over a tile, normalisation over
//! rows. Burn's own are exact too, but pass over memory several times and compute GELU one number at a time.

use pulp::{Arch, Simd, WithSimd};

use crate::weights::Norm;

/// How many numbers are summed side by side.
const ABREAST: usize = 16;

/// Adds one row to another.
#[inline(always)]
pub(super) fn add(row: &mut [f32], other: &[f32]) {
    for (x, y) in row.iter_mut().zip(other) {
        *x += y;
    }
}

/// gelu(x) = x · (1 + erf(x / √2)) / 2 of every number.
#[inline(always)]
pub(super) fn gelu<const N: usize>(row: &mut [f32; N]) {
    for x in row {
        *x = 0.5 * *x * (1.0 + erf(*x * std::f32::consts::FRAC_1_SQRT_2));
    }
}

/// `norm(x)` of every row.
pub(super) fn norm(rows: &mut [f32], norm: &Norm) {
    Arch::new().dispatch(NormRows { rows, norm });
}

/// The work on rows. A type, not a closure: only so is all of it compiled for the instructions that are chosen.
struct NormRows<'a> {
    rows: &'a mut [f32],
    norm: &'a Norm,
}

impl WithSimd for NormRows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for row in self.rows.chunks_exact_mut(self.norm.scale.len()) {
            norm_row(row, self.norm);
        }
    }
}

/// norm(x) = (x - mean) / √(variance + eps) · scale + shift.
#[inline(always)]
fn norm_row(row: &mut [f32], norm: &Norm) {
    let count = row.len() as f32;
    let mean = sum(row, 0.0, false) / count;
    let variance = sum(row, mean, true) / count;
    let scale = 1.0 / (variance + norm.eps).sqrt();
    for ((x, by), shift) in row.iter_mut().zip(&norm.scale).zip(&norm.shift) {
        *x = (*x - mean) * scale * by + shift;
    }
}

/// The sum of `x - less`, or of its square, in a fixed order.
#[inline(always)]
pub(super) fn sum(row: &[f32], less: f32, squared: bool) -> f32 {
    let mut abreast = [0.0; ABREAST];
    let (whole, rest) = row.as_chunks::<ABREAST>();
    for chunk in whole {
        for (sum, x) in abreast.iter_mut().zip(chunk) {
            let x = x - less;
            *sum += if squared { x * x } else { x };
        }
    }
    for (sum, x) in abreast.iter_mut().zip(rest) {
        let x = x - less;
        *sum += if squared { x * x } else { x };
    }
    let mut total = 0.0;
    for sum in abreast {
        total += sum;
    }
    total
}

/// The error function, within 4e-7: an odd rational function on [-4, 4], outside of which it is ±1.
#[inline(always)]
fn erf(x: f32) -> f32 {
    let x = if x > 4.0 { 4.0 } else { x };
    let x = if x < -4.0 { -4.0 } else { x };
    let s = x * x;
    let p = s.mul_add(-2.726_142_3e-10, 2.770_681_4e-8);
    let p = p.mul_add(s, -2.101_024e-6).mul_add(s, -5.692_506_4e-5).mul_add(s, -7.349_906_3e-4);
    let p = p.mul_add(s, -2.954_6e-3).mul_add(s, -1.609_603_3e-2);
    let q = s.mul_add(-1.456_607_2e-5, -2.133_740_6e-4).mul_add(s, -1.682_827e-3);
    let q = q.mul_add(s, -7.373_329e-3).mul_add(s, -1.426_473_9e-2);
    x * p / q
}

#[cfg(test)]
mod tests {
    use super::*;

    /// erf by its Taylor series, in f64.
    fn erf_naive(x: f64) -> f64 {
        let mut term = x;
        let mut sum = x;
        for n in 1..200 {
            term *= -x * x / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        sum * std::f64::consts::FRAC_2_SQRT_PI
    }

    #[test]
    fn erf_is_exact_enough() {
        for step in -5_000..=5_000 {
            let x = f64::from(step) / 1_000.0;
            assert!((f64::from(erf(x as f32)) - erf_naive(x)).abs() < 4e-7, "{x}");
        }
        assert_eq!((erf(0.0), erf(100.0).round(), erf(f32::NEG_INFINITY).round()), (0.0, 1.0, -1.0));
    }

    #[test]
    fn rows_whatever_their_width() {
        for width in [1, 7, 16, 40] {
            let by = Norm { scale: vec![2.0; width], shift: vec![0.5; width], eps: 1e-6 };
            let mut rows: Vec<f32> = (0..3 * width).map(|x| (x * x % 17) as f32).collect();
            let plain = rows.clone();
            norm(&mut rows, &by);
            for (ours, row) in rows.chunks(width).zip(plain.chunks(width)) {
                let mean = row.iter().map(|&x| f64::from(x)).sum::<f64>() / width as f64;
                let variance = row.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / width as f64;
                for (ours, x) in ours.iter().zip(row) {
                    let naive = (f64::from(*x) - mean) / (variance + 1e-6).sqrt() * 2.0 + 0.5;
                    assert!((f64::from(*ours) - naive).abs() < 1e-4, "{ours} {naive}");
                }
            }
        }
    }

    #[test]
    fn gelu_of_known_numbers() {
        let mut row = [-1.0, 1.0, 0.0, 3.0];
        gelu(&mut row);
        for (ours, known) in row.iter().zip([-0.158_655_25, 0.841_344_7, 0.0, 2.995_950_3]) {
            assert!((ours - known).abs() < 1e-6, "{ours} {known}");
        }
    }
}
