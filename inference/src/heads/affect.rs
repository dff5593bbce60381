//! Affect: what a whole text feels like, in the emotions of GoEmotions (Demszky et al., 2020). Each emotion is felt from a
//! likelihood on that was set on texts kept from training.

use super::labels::EMOTIONS;
use super::{leveled, sizes, softmax};
use crate::ModelError;
use crate::encoder::{Product, Then};
use crate::weights::Weights;

pub(super) struct Affect {
    query: Product,
    up: Product,
    down: Product,
    thresholds: Vec<f32>,
}

impl Affect {
    pub(super) fn load(weights: &mut Weights<'_>) -> Result<Self, ModelError> {
        let mut of = |name: &str, input, output| super::product(weights, &format!("affect.{name}"), input, output);
        Ok(Self {
            query: of("query", sizes::WIDTH, sizes::LOOKS)?,
            up: of("up", sizes::LOOKS * sizes::WIDTH + sizes::VECTOR, sizes::AFFECT)?,
            down: of("down", sizes::AFFECT, EMOTIONS.len())?,
            thresholds: weights.numbers("affect.thresholds", &[EMOTIONS.len()])?,
        })
    }

    /// How likely each emotion is in a text of those rows, at least one.
    pub(super) fn of(&self, rows: &[f32], vector: &[f32]) -> Vec<f32> {
        let looks = self.query.of(rows, Then::Nothing);
        let mut seen = vec![0.0; sizes::LOOKS * sizes::WIDTH];
        for (look, into) in seen.chunks_exact_mut(sizes::WIDTH).enumerate() {
            let mut weights: Vec<f32> = looks.iter().skip(look).step_by(sizes::LOOKS).copied().collect();
            softmax(&mut weights);
            for (weight, row) in weights.iter().zip(rows.chunks_exact(sizes::WIDTH)) {
                into.iter_mut().zip(row).for_each(|(sum, x)| *sum += weight * x);
            }
        }
        seen.extend(leveled(vector));
        let scores = self.down.of(&self.up.of(&seen, Then::Gelu), Then::Nothing);
        scores.into_iter().map(|score| 1.0 / (1.0 + (-score).exp())).collect()
    }

    /// The emotions that are likely enough, the likeliest first.
    pub(super) fn felt(&self, emotions: &[f32]) -> Vec<(&'static str, f32)> {
        let each = EMOTIONS.iter().zip(emotions).zip(&self.thresholds);
        let mut felt: Vec<_> =
            each.filter(|((_, likely), least)| *likely >= *least).map(|((name, likely), _)| (*name, *likely)).collect();
        felt.sort_by(|a, b| b.1.total_cmp(&a.1));
        felt
    }
}
