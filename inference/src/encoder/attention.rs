//! Self-attention over texts laid end to end: each text attends to itself. Texts of one length stand side by side, for
//! the texts of a job are sorted, and are one call of Burn's fused attention, without a mask. Cost: length² · width
//! multiplications a text.

use burn::tensor::module::attention;
use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Device, Tensor, TensorData};

use super::layers::numbers;

/// Neighbouring texts of one length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    texts: usize,
    length: usize,
}

/// Groups neighbours of one length.
pub(super) fn runs(lengths: &[usize]) -> Vec<Run> {
    lengths.chunk_by(|a, b| a == b).map(|run| Run { texts: run.len(), length: run[0] }).collect()
}

/// What each row takes from the rows of its text. `triple` holds each row's query, key and value.
pub(super) fn attend(triple: Vec<f32>, runs: &[Run], heads: usize, width: usize) -> Result<Vec<f32>, String> {
    let mut mixed = Vec::with_capacity(triple.len() / 3);
    let mut rest = triple.as_slice();
    for &Run { texts, length } in runs {
        let (run, after) = rest.split_at(texts * length * 3 * width);
        rest = after;
        let [query, key, value] = split(run, texts, length, heads);
        let heads = attention(query, key, value, None, None, AttentionModuleOptions::default());
        mixed.extend(numbers(heads.swap_dims(1, 2))?);
    }
    Ok(mixed)
}

/// Queries, keys and values, each [texts, heads, length, width of a head].
fn split(run: &[f32], texts: usize, length: usize, heads: usize) -> [Tensor<4>; 3] {
    let head = run.len() / (texts * length * 3 * heads);
    let device = Device::flex();
    let one = |part: usize| {
        let mut numbers = vec![0.0; run.len() / 3];
        for (row, triple) in run.chunks_exact(3 * heads * head).enumerate() {
            let (text, at) = (row / length, row % length);
            for (number, from) in triple[part * heads * head..].chunks_exact(head).take(heads).enumerate() {
                let to = ((text * heads + number) * length + at) * head;
                numbers[to..to + head].copy_from_slice(from);
            }
        }
        Tensor::from_data(TensorData::new(numbers, [texts, heads, length, head]), &device)
    };
    [one(0), one(1), one(2)]
}
