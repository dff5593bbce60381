//! What lies between two products: adding a bias, GELU, residuals and normalisation, each in one pass over the rows and
//! in the widest instructions that the machine has. Burn's own are exact too, but pass over memory several times and
//! compute GELU one number at a time.

use pulp::Arch;

use crate::weights::Norm;

/// How many numbers are summed side by side.
const ABREAST: usize = 16;

/// Adds one row to another.
pub(super) fn add(row: &mut [f32], other: &[f32]) {
    row.iter_mut().zip(other).for_each(|(x, y)| *x += y);
}

/// Adds `bias` to every row.
pub(super) fn add_rows(rows: &mut [f32], bias: &[f32]) {
    Arch::new().dispatch(|| rows.chunks_exact_mut(bias.len()).for_each(|row| add(row, bias)));
}

/// `gelu(x + bias)` of every row, gelu(x) = x · (1 + erf(x / √2)) / 2.
pub(super) fn gelu(rows: &mut [f32], bias: &[f32]) {
    Arch::new().dispatch(
        #[inline(always)]
        || {
            for row in rows.chunks_exact_mut(bias.len()) {
                for (x, bias) in row.iter_mut().zip(bias) {
                    let sum = *x + bias;
                    *x = 0.5 * sum * (1.0 + erf(sum * std::f32::consts::FRAC_1_SQRT_2));
                }
            }
        },
    );
}

/// `norm(x + bias + residual)` of every row.
pub(super) fn add_norm(rows: &mut [f32], bias: &[f32], residual: &[f32], norm: &Norm, eps: f32) {
    let width = bias.len();
    Arch::new().dispatch(
        #[inline(always)]
        || {
            for (row, residual) in rows.chunks_exact_mut(width).zip(residual.chunks_exact(width)) {
                row.iter_mut().zip(bias.iter().zip(residual)).for_each(|(x, (bias, residual))| *x += bias + residual);
                norm_row(row, norm, eps);
            }
        },
    );
}

/// `norm(x)` of every row.
pub(super) fn norm(rows: &mut [f32], norm: &Norm, eps: f32) {
    Arch::new().dispatch(
        #[inline(always)]
        || rows.chunks_exact_mut(norm.scale.len()).for_each(|row| norm_row(row, norm, eps)),
    );
}

/// norm(x) = (x - mean) / √(variance + eps) · scale + shift.
#[inline(always)]
fn norm_row(row: &mut [f32], norm: &Norm, eps: f32) {
    let count = row.len() as f32;
    let mean = sum(row, |x| x) / count;
    let variance = sum(row, |x| (x - mean) * (x - mean)) / count;
    let scale = 1.0 / (variance + eps).sqrt();
    for (x, (by, shift)) in row.iter_mut().zip(norm.scale.iter().zip(&norm.shift)) {
        *x = (*x - mean) * scale * by + shift;
    }
}

/// The sum of `of(x)`, in a fixed order.
#[inline(always)]
fn sum(row: &[f32], of: impl Fn(f32) -> f32) -> f32 {
    let mut abreast = [0.0; ABREAST];
    let (whole, rest) = row.as_chunks::<ABREAST>();
    for chunk in whole {
        abreast.iter_mut().zip(chunk).for_each(|(sum, x)| *sum += of(*x));
    }
    abreast.iter().sum::<f32>() + rest.iter().map(|x| of(*x)).sum::<f32>()
}

/// The error function, within 4e-7: an odd rational function on [-4, 4], outside of which it is ±1.
#[inline(always)]
fn erf(x: f32) -> f32 {
    let x = x.clamp(-4.0, 4.0);
    let s = x * x;
    let p = -2.726_142_3e-10 * s + 2.770_681_4e-8;
    let p = (((p * s - 2.101_024e-6) * s - 5.692_506_4e-5) * s - 7.349_906_3e-4) * s - 2.954_6e-3;
    let p = p * s - 1.609_603_3e-2;
    let q = (-1.456_607_2e-5 * s - 2.133_740_6e-4) * s - 1.682_827e-3;
    let q = (q * s - 7.373_329e-3) * s - 1.426_473_9e-2;
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
            let norm = Norm { scale: vec![2.0; width], shift: vec![0.5; width] };
            let mut rows: Vec<f32> = (0..3 * width).map(|x| (x * x % 17) as f32).collect();
            let plain = rows.clone();
            add_norm(&mut rows, &vec![1.0; width], &vec![0.25; 3 * width], &norm, 1e-6);
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
        let mut rows = [-1.0, 0.0, 0.0, 2.0];
        gelu(&mut rows, &[0.0, 1.0]);
        for (ours, known) in rows.iter().zip([-0.158_655_25, 0.841_344_7, 0.0, 2.995_950_3]) {
            assert!((ours - known).abs() < 1e-6, "{ours} {known}");
        }
    }
}
