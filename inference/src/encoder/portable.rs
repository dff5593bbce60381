//! The backend of any device that Burn has: its operations alone, the same for flex, wgpu and cuda. It is what our own
//! kernels are compared with.
//!
//! Where texts meet themselves, in attention and in pooling, rows are laid out as [text, place] with padding, which a mask
//! hides; everywhere else they lie end to end and nothing is computed for padding.

use std::borrow::Cow;

use burn::tensor::activation::gelu;
use burn::tensor::module::{attention, layer_norm, linear};
use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Bool, Device, Int, Tensor, TensorData};

use super::backend::{Backend, Pooling};
use crate::weights::{Linear, Norm};

/// A device.
pub(super) struct Portable {
    pub device: Device,
}

/// A linear layer on the device: [in, out], [out].
pub(super) struct Dense {
    weight: Tensor<2>,
    bias: Tensor<1>,
}

/// A normalisation on the device.
pub(super) struct Scaled {
    scale: Tensor<1>,
    shift: Tensor<1>,
    eps: f64,
}

/// Where texts' rows lie end to end, and where they lie padded.
pub(super) struct Padded {
    /// How many texts, and the places of the longest.
    shape: [usize; 2],
    /// Of each [text, place] the row; some row of the text in padding.
    rows: Tensor<1, Int>,
    /// Of each row the [text, place].
    places: Tensor<1, Int>,
    /// [text, 1, 1, place]: whether it is padding.
    padding: Tensor<4, Bool>,
    /// [text, place]: 1 / length, 0 in padding.
    shares: Tensor<2>,
}

impl Portable {
    fn rows(&self, numbers: Vec<f32>, width: usize) -> Tensor<2> {
        let count = numbers.len() / width;
        Tensor::from_data(TensorData::new(numbers, [count, width]), &self.device)
    }

    fn row(&self, numbers: Vec<f32>) -> Tensor<1> {
        let width = numbers.len();
        Tensor::from_data(TensorData::new(numbers, [width]), &self.device)
    }

    fn indices(&self, indices: Vec<i32>) -> Tensor<1, Int> {
        let count = indices.len();
        Tensor::from_data(TensorData::new(indices, [count]), &self.device)
    }
}

impl Backend for Portable {
    type Rows = Tensor<2>;
    type Linear = Dense;
    type Norm = Scaled;
    type Texts = Padded;

    fn linear(&self, linear: Linear) -> Dense {
        let width = linear.bias.len();
        Dense { weight: self.rows(linear.weight, width), bias: self.row(linear.bias) }
    }

    fn norm(&self, norm: Norm) -> Scaled {
        Scaled { scale: self.row(norm.scale), shift: self.row(norm.shift), eps: norm.eps.into() }
    }

    fn texts(&self, lengths: &[usize]) -> Padded {
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let shape = [lengths.len(), longest];
        let (mut rows, mut places, mut padding, mut shares) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut first = 0;
        for (text, &length) in lengths.iter().enumerate() {
            rows.extend((0..longest).map(|place| (first + place.min(length - 1)) as i32));
            places.extend((0..length).map(|place| (text * longest + place) as i32));
            padding.extend((0..longest).map(|place| place >= length));
            shares.extend((0..longest).map(|place| if place < length { 1.0 / length as f32 } else { 0.0 }));
            first += length;
        }
        let padding = TensorData::new(padding, [shape[0], 1, 1, longest]);
        Padded {
            shape,
            rows: self.indices(rows),
            places: self.indices(places),
            padding: Tensor::from_data(padding, &self.device),
            shares: self.rows(shares, longest.max(1)),
        }
    }

    fn enter(&self, rows: Vec<f32>, norm: &Scaled) -> Tensor<2> {
        let [width] = norm.scale.dims();
        norm.of(self.rows(rows, width))
    }

    fn product(&self, rows: &Tensor<2>, by: &Dense) -> Tensor<2> {
        linear(rows.clone(), by.weight.clone(), Some(by.bias.clone()))
    }

    fn product_gelu(&self, rows: &Tensor<2>, by: &Dense) -> Tensor<2> {
        gelu(self.product(rows, by))
    }

    fn product_add_norm(&self, rows: &Tensor<2>, by: &Dense, residual: &Tensor<2>, norm: &Scaled) -> Tensor<2> {
        norm.of(self.product(rows, by) + residual.clone())
    }

    fn attend(&self, triple: &Tensor<2>, texts: &Padded, heads: usize) -> Tensor<2> {
        let [_, width] = triple.dims();
        let (width, [count, longest]) = (width / 3, texts.shape);
        let padded = triple.clone().select(0, texts.rows.clone()).reshape([count, longest, 3 * width]);
        let part = |part: usize| {
            let numbers = padded.clone().slice([0..count, 0..longest, part * width..(part + 1) * width]);
            numbers.reshape([count, longest, heads, width / heads]).swap_dims(1, 2)
        };
        let padding = texts.padding.clone().expand([count, heads, longest, longest]);
        let options = AttentionModuleOptions::default();
        let mixed = attention(part(0), part(1), part(2), Some(padding), None, options);
        mixed.swap_dims(1, 2).reshape([count * longest, width]).select(0, texts.places.clone())
    }

    fn host<'r>(&self, rows: &'r Tensor<2>) -> Result<Cow<'r, [f32]>, String> {
        numbers(rows.clone()).map(Cow::Owned)
    }

    fn pool(&self, rows: Tensor<2>, texts: &Padded, pooling: Pooling) -> Result<Vec<f32>, String> {
        let ([_, width], [count, longest]) = (rows.dims(), texts.shape);
        let padded = rows.select(0, texts.rows.clone()).reshape([count, longest, width]);
        let pooled = match pooling {
            Pooling::Cls => padded.slice([0..count, 0..1, 0..width]).reshape([count, width]),
            Pooling::Mean => {
                let shares = texts.shares.clone().reshape([count, 1, longest]);
                shares.matmul(padded).reshape([count, width])
            }
        };
        numbers(pooled)
    }
}

/// What a tensor holds, on the host.
fn numbers(tensor: Tensor<2>) -> Result<Vec<f32>, String> {
    let data = tensor.try_into_data().map_err(|error| format!("the device failed: {error:?}"))?;
    data.try_into_vec().map_err(|error| format!("a tensor is not f32: {error:?}"))
}

impl Scaled {
    fn of(&self, rows: Tensor<2>) -> Tensor<2> {
        layer_norm(rows, self.scale.clone(), Some(self.shift.clone()), self.eps)
    }
}
