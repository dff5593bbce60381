//! The layers of a BERT, over texts laid end to end: one row a token, so that nothing is computed for padding.
//!
//! `x = norm(words + positions + kind)`, then per layer `x = norm(x + out(attend(x)))`, `x = norm(x +
//! down(gelu(up(x))))`. The products are Burn's; what lies between them is one pass each over the rows, in
//! [`kernels`](super::kernels). Cost: 12 · hidden² multiplications a token and layer, and the attention's.

use std::path::Path;

use burn::tensor::{Tensor, TensorData};

use super::config::Config;
use super::{attention, kernels, pooling};
use crate::ModelError;
use crate::weights::{Linear, Norm, Weights};

/// The whole network.
pub(super) struct Bert {
    config: Config,
    words: Vec<f32>,
    /// A position's embedding and that of the only kind of token there is.
    positions: Vec<f32>,
    norm: Norm,
    layers: Vec<Layer>,
}

struct Layer {
    query_key_value: Linear,
    out: Linear,
    attended: Norm,
    up: Linear,
    down: Linear,
    fed: Norm,
}

impl Bert {
    /// The network of that file.
    pub(super) fn load(path: &Path, config: Config) -> Result<Self, ModelError> {
        let mut weights = Weights::open(path);
        let width = config.hidden_size;
        let words = weights.numbers("embeddings.word_embeddings.weight", &[config.vocab_size, width])?;
        let at = [config.max_position_embeddings, width];
        let mut positions = weights.numbers("embeddings.position_embeddings.weight", &at)?;
        let kinds = weights.numbers("embeddings.token_type_embeddings.weight", &[2, width])?;
        positions.chunks_exact_mut(width).for_each(|position| kernels::add(position, &kinds[..width]));
        let norm = weights.norm("embeddings.LayerNorm", width)?;
        let layers = (0..config.num_hidden_layers).map(|layer| Layer::load(&mut weights, &config, layer));
        let layers = layers.collect::<Result<_, _>>()?;
        Ok(Self { words, positions, norm, layers, config })
    }

    /// The length of its vectors.
    pub(super) fn dimension(&self) -> usize {
        self.config.hidden_size
    }

    /// The vectors of texts, given by their tokens.
    pub(super) fn forward(&self, texts: &[&[u32]]) -> Result<Vec<Vec<f32>>, String> {
        let lengths: Vec<usize> = texts.iter().map(|ids| ids.len()).collect();
        let mut rows = self.embed(texts)?;
        for layer in &self.layers {
            rows = layer.forward(rows, &lengths, &self.config)?;
        }
        Ok(pooling::means(&rows, &lengths, self.dimension()))
    }

    /// The rows that enter the first layer.
    fn embed(&self, texts: &[&[u32]]) -> Result<Vec<f32>, String> {
        let width = self.dimension();
        let mut rows = Vec::with_capacity(texts.iter().map(|ids| ids.len() * width).sum());
        for ids in texts {
            for (&id, position) in ids.iter().zip(self.positions.chunks_exact(width)) {
                let word = self.words.chunks_exact(width).nth(id as usize).ok_or("a token is not in the vocabulary")?;
                rows.extend(word.iter().zip(position).map(|(word, position)| word + position));
            }
        }
        kernels::norm(&mut rows, &self.norm, self.config.layer_norm_eps);
        Ok(rows)
    }
}

impl Layer {
    fn load(weights: &mut Weights, config: &Config, layer: usize) -> Result<Self, ModelError> {
        let (width, inner) = (config.hidden_size, config.intermediate_size);
        let name = |part: &str| format!("encoder.layer.{layer}.{part}");
        let triple = ["query", "key", "value"].map(|part| name(&format!("attention.self.{part}")));
        Ok(Self {
            query_key_value: weights.linear(&triple, width, width)?,
            out: weights.linear(&[name("attention.output.dense")], width, width)?,
            attended: weights.norm(&name("attention.output.LayerNorm"), width)?,
            up: weights.linear(&[name("intermediate.dense")], width, inner)?,
            down: weights.linear(&[name("output.dense")], inner, width)?,
            fed: weights.norm(&name("output.LayerNorm"), width)?,
        })
    }

    fn forward(&self, rows: Vec<f32>, lengths: &[usize], config: &Config) -> Result<Vec<f32>, String> {
        let eps = config.layer_norm_eps;
        let (mut triple, rows) = product(rows, &self.query_key_value.weight)?;
        kernels::add_rows(&mut triple, &self.query_key_value.bias);
        let mixed = attention::attend(&triple, lengths, config.num_attention_heads, config.hidden_size);

        let (mut attended, _) = product(mixed, &self.out.weight)?;
        kernels::add_norm(&mut attended, &self.out.bias, &rows, &self.attended, eps);

        let (mut inner, attended) = product(attended, &self.up.weight)?;
        kernels::gelu(&mut inner, &self.up.bias);

        let (mut fed, _) = product(inner, &self.down.weight)?;
        kernels::add_norm(&mut fed, &self.down.bias, &attended, &self.fed, eps);
        Ok(fed)
    }
}

/// `rows · weight`, and the rows again. No copy: a tensor of the CPU is its vector.
fn product(rows: Vec<f32>, weight: &Tensor<2>) -> Result<(Vec<f32>, Vec<f32>), String> {
    let [width, _] = weight.dims();
    let count = rows.len() / width;
    let rows = Tensor::<2>::from_data(TensorData::new(rows, [count, width]), &weight.device());
    let result = numbers(rows.clone().matmul(weight.clone()))?;
    Ok((result, numbers(rows)?))
}

/// A tensor's numbers, row by row.
pub(super) fn numbers<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, String> {
    tensor.into_data().try_into_vec().map_err(|error| format!("a tensor is not f32: {error:?}"))
}
