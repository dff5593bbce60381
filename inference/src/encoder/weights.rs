//! Weights from a safetensors file, each checked against the shape that the configuration says. Cost: one pass over the
//! file.

use std::path::Path;

use burn::store::{ModuleStore, SafetensorsStore, bridge};
use burn::tensor::{Device, Tensor, TensorData};

use crate::ModelError;

/// The tensors of one file.
pub(super) struct Weights<'p> {
    path: &'p Path,
    store: SafetensorsStore,
    device: Device,
}

/// `x · weight + bias`.
#[derive(Debug)]
pub(super) struct Linear {
    /// [in, out].
    pub weight: Tensor<2>,
    /// [out].
    pub bias: Vec<f32>,
}

/// Scale and shift of a layer normalisation.
#[derive(Debug)]
pub(super) struct Norm {
    /// [width].
    pub scale: Vec<f32>,
    /// [width].
    pub shift: Vec<f32>,
}

impl<'p> Weights<'p> {
    /// The file's table of contents is read with the first tensor.
    pub(super) fn open(path: &'p Path) -> Self {
        Self { path, store: SafetensorsStore::from_file(path), device: Device::flex() }
    }

    /// One tensor's numbers, row by row.
    pub(super) fn numbers(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, ModelError> {
        let malformed = |reason: String| ModelError::Malformed { path: self.path.into(), reason };
        // Some publishers keep the head's name in front of every tensor.
        let prefixed = format!("bert.{name}");
        let known = self.store.get_all_tensors().map_err(|error| malformed(error.to_string()))?;
        let Some(tensor) = known.get(name).or_else(|| known.get(&prefixed)) else {
            return Err(malformed(format!("it has no tensor `{name}`")));
        };
        if tensor.shape.as_slice() != shape {
            return Err(malformed(format!("`{name}` is {:?}, and config.json says {shape:?}", tensor.shape)));
        }
        let data = bridge::to_data(tensor).map_err(|error| malformed(format!("`{name}`: {error:?}")))?;
        data.convert::<f32>().try_into_vec().map_err(|error| malformed(format!("`{name}`: {error:?}")))
    }

    /// Linear layers that read the same input, side by side as one.
    pub(super) fn linear(&mut self, names: &[String], input: usize, output: usize) -> Result<Linear, ModelError> {
        let width = names.len() * output;
        let mut weight = Vec::with_capacity(width * input);
        let mut bias = Vec::with_capacity(width);
        for name in names {
            weight.extend(self.numbers(&format!("{name}.weight"), &[output, input])?);
            bias.extend(self.numbers(&format!("{name}.bias"), &[output])?);
        }
        // Stored as [out, in], and multiplied as [in, out]: a view is enough, the product packs its operands anyway.
        let weight = Tensor::<2>::from_data(TensorData::new(weight, [width, input]), &self.device).transpose();
        Ok(Linear { weight, bias })
    }

    /// A layer normalisation.
    pub(super) fn norm(&mut self, name: &str, width: usize) -> Result<Norm, ModelError> {
        let scale = self.numbers(&format!("{name}.weight"), &[width])?;
        let shift = self.numbers(&format!("{name}.bias"), &[width])?;
        Ok(Norm { scale, shift })
    }
}
