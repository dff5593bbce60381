//! How alike two vectors are: a product of whole numbers.
//!
//! A text's vector counts by eight bits a number, a question's by twelve, each in steps of its own. Sums of whole numbers
//! have no order, so a cosine is the same on every machine and wherever it is computed; it differs from that of the
//! floating-point vectors by about 0.0006. So whoever holds the eight bits of a million texts in memory needs no other
//! form of them.

use crate::ONE;

/// The most steps of a question's number: sums of products stay within 32 bits for vectors of 8,000 numbers.
const QUESTION_STEPS: f32 = 2_047.0;
/// The most steps of a text's number.
const TEXT_STEPS: f32 = 127.0;
/// Adding and taking it away rounds: then the last bits are the whole number.
const ROUNDING: f32 = 12_582_912.0;

/// A question's direction, in whole steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Direction {
    steps: Vec<i16>,
    step: f64,
}

impl Direction {
    /// Of an L2-normalised vector; one with a number that is not finite is like nothing.
    pub fn of(vector: &[f32]) -> Direction {
        let (per, step) = scale(vector, QUESTION_STEPS);
        let steps = vector.iter().map(|value| (value * per + ROUNDING).to_bits() as i16).collect();
        Direction { steps, step: if step.is_finite() { f64::from(step) } else { 0.0 } }
    }

    /// The product with a text's steps.
    #[inline(always)]
    fn product(&self, text: &[i8]) -> i32 {
        let mut lanes = [0i32; 16];
        let (text, rest) = text.as_chunks::<16>();
        let (steps, after) = self.steps.as_chunks::<16>();
        for (text, steps) in text.iter().zip(steps) {
            for at in 0..16 {
                lanes[at] = lanes[at].wrapping_add(i32::from(text[at]).wrapping_mul(i32::from(steps[at])));
            }
        }
        let rest = rest.iter().zip(after).map(|(a, b)| i32::from(*a) * i32::from(*b));
        lanes.into_iter().chain(rest).fold(0, i32::wrapping_add)
    }

    /// The cosine to a text, in fixed point.
    #[inline(always)]
    pub fn cosine(&self, text: &[i8], step: f32) -> i64 {
        let cosine = f64::from(self.product(text)) * self.step * f64::from(step);
        (cosine.clamp(-1.0, 1.0) * ONE as f64).round() as i64
    }
}

/// Writes an L2-normalised vector in whole steps and gives the step; `None` if a number is not finite.
#[inline(always)]
pub fn in_steps(vector: &[f32], steps: &mut [i8]) -> Option<f32> {
    let (per, step) = scale(vector, TEXT_STEPS);
    for (step, value) in steps.iter_mut().zip(vector) {
        *step = (value * per + ROUNDING).to_bits() as i8;
    }
    step.is_finite().then_some(step)
}

/// The cosine of a question's vector and a text's, both L2-normalised, in fixed point; 0 where one is no vector.
pub fn cosine(question: &[f32], text: &[f32]) -> i64 {
    let mut steps = vec![0; text.len()];
    in_steps(text, &mut steps).map_or(0, |step| Direction::of(question).cosine(&steps, step))
}

/// How many steps one is, and how long a step is; no number where there is one that is not finite.
#[inline(always)]
fn scale(vector: &[f32], most_steps: f32) -> (f32, f32) {
    let (mut most, mut sum) = (0f32, 0f32);
    for value in vector {
        most = most.max(value.abs());
        sum += value * 0.0;
    }
    // Where a number is not finite, its product with nothing is not a number.
    if sum.is_finite() && most > 0.0 { (most_steps / most, most / most_steps) } else { (0.0, sum) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cosines_of_unit_vectors() {
        assert_eq!(cosine(&[0.6, 0.8], &[0.6, 0.8]), cosine(&[0.8, 0.6], &[0.8, 0.6]));
        assert!((cosine(&[0.6, 0.8], &[0.6, 0.8]) - ONE).abs() < 200);
        assert_eq!(cosine(&[1.0, 0.0], &[0.0, 1.0]), 0);
        assert_eq!(cosine(&[1.0], &[-1.0]), -ONE);
        for odd in [f32::NAN, f32::INFINITY] {
            assert_eq!((cosine(&[odd], &[1.0]), cosine(&[1.0], &[odd])), (0, 0));
        }
        assert_eq!((cosine(&[0.0, 0.0], &[0.6, 0.8]), cosine(&[], &[])), (0, 0));
    }

    proptest! {
        #[test]
        fn is_near_to_floating_point(pairs in prop::collection::vec((-1f32..1.0, -1f32..1.0), 1..400)) {
            let (a, b): (Vec<f32>, Vec<f32>) = pairs.into_iter().unzip();
            let norm = |v: &[f32]| v.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt().max(1e-6);
            let unit = |v: &[f32]| v.iter().map(|x| (f64::from(*x) / norm(v)) as f32).collect::<Vec<_>>();
            let (a, b) = (unit(&a), unit(&b));
            let exact: f64 = a.iter().zip(&b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            let ours = cosine(&a, &b) as f64 / ONE as f64;
            // Half a step of every number, at the very most, and far less in truth.
            prop_assert!((ours - exact).abs() < 0.005, "{ours} {exact}");
        }
    }
}
