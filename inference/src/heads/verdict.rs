//! Verdict: whether one text entails or contradicts another (Parikh et al., "A Decomposable Attention Model", 2016). Words
//! of each are aligned with words of the other, compared, and what they say is summed up.

use super::labels::VERDICTS;
use super::{leveled, sizes, softmax};
use crate::ModelError;
use crate::encoder::{Product, Then};
use crate::weights::Weights;

pub(super) struct Verdict {
    align: Product,
    compare: Product,
    up: Product,
    down: Product,
}

impl Verdict {
    pub(super) fn load(weights: &mut Weights<'_>) -> Result<Self, ModelError> {
        let mut of = |name: &str, input, output| super::product(weights, &format!("verdict.{name}"), input, output);
        Ok(Self {
            align: of("align", sizes::WIDTH, sizes::ALIGN)?,
            compare: of("compare", 4 * sizes::WIDTH, sizes::COMPARE)?,
            up: of("up", 4 * sizes::COMPARE + 2 * sizes::VECTOR, sizes::COMPARE)?,
            down: of("down", sizes::COMPARE, VERDICTS.len())?,
        })
    }

    /// How likely each verdict is. Neither text is without rows.
    pub(super) fn of(&self, rows: [&[f32]; 2], vectors: [&[f32]; 2]) -> [f32; 3] {
        let aligned = rows.map(|rows| self.align.of(rows, Then::Nothing));
        let mut seen = self.compared(rows[0], &aligned[0], rows[1], &aligned[1]);
        seen.extend(self.compared(rows[1], &aligned[1], rows[0], &aligned[0]));
        let [u, v] = vectors.map(leveled);
        seen.extend(u.iter().zip(&v).map(|(u, v)| (u - v).abs()));
        seen.extend(u.iter().zip(&v).map(|(u, v)| u * v));
        let mut scores = self.down.of(&self.up.of(&seen, Then::Gelu), Then::Nothing);
        softmax(&mut scores);
        [scores[0], scores[1], scores[2]]
    }

    /// The mean and the greatest of what each word says beside what it is aligned with.
    fn compared(&self, rows: &[f32], keys: &[f32], others: &[f32], other_keys: &[f32]) -> Vec<f32> {
        let root = (sizes::ALIGN as f32).sqrt();
        let mut both = Vec::with_capacity(4 * rows.len());
        for (row, key) in rows.chunks_exact(sizes::WIDTH).zip(keys.chunks_exact(sizes::ALIGN)) {
            let score = |other: &[f32]| key.iter().zip(other).map(|(a, b)| a * b).sum::<f32>() / root;
            let mut weights: Vec<f32> = other_keys.chunks_exact(sizes::ALIGN).map(score).collect();
            softmax(&mut weights);
            let mut aligned = vec![0.0; sizes::WIDTH];
            for (weight, other) in weights.iter().zip(others.chunks_exact(sizes::WIDTH)) {
                aligned.iter_mut().zip(other).for_each(|(sum, x)| *sum += weight * x);
            }
            both.extend_from_slice(row);
            both.extend_from_slice(&aligned);
            both.extend(row.iter().zip(&aligned).map(|(a, b)| a - b));
            both.extend(row.iter().zip(&aligned).map(|(a, b)| a * b));
        }
        let compared = self.compare.of(&both, Then::Gelu);
        let count = (compared.len() / sizes::COMPARE) as f32;
        let (mut mean, mut most) = (vec![0.0; sizes::COMPARE], vec![f32::NEG_INFINITY; sizes::COMPARE]);
        for row in compared.chunks_exact(sizes::COMPARE) {
            for ((x, mean), most) in row.iter().zip(&mut mean).zip(&mut most) {
                *mean += x / count;
                *most = most.max(*x);
            }
        }
        mean.extend(most);
        mean
    }
}
