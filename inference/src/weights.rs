//! Weights from a safetensors file, each checked against the shape that the configuration says. Cost: one pass over the
//! file; a linear layer's matrix is turned once, from [out, in] as stored to [in, out] as multiplied, for a product of
//! few rows would else turn it every time.

use std::path::Path;

use burn::store::{ModuleStore, SafetensorsStore, bridge};
use burn::tensor::{Device, Tensor, TensorData};

use crate::ModelError;

/// The tensors of one file.
pub(crate) struct Weights<'p> {
    path: &'p Path,
    store: SafetensorsStore,
    device: Device,
}

/// `x · weight + bias`.
#[derive(Debug)]
pub(crate) struct Linear {
    /// [in, out].
    pub weight: Tensor<2>,
    /// [out].
    pub bias: Vec<f32>,
}

/// Scale and shift of a layer normalisation.
#[derive(Debug)]
pub(crate) struct Norm {
    /// [width].
    pub scale: Vec<f32>,
    /// [width].
    pub shift: Vec<f32>,
}

impl<'p> Weights<'p> {
    /// The file's table of contents is read with the first tensor.
    pub(crate) fn open(path: &'p Path) -> Self {
        Self { path, store: SafetensorsStore::from_file(path), device: Device::flex() }
    }

    /// The content of a file; `path` is what errors call it.
    pub(crate) fn of(path: &'p Path, content: &[u8]) -> Self {
        Self { path, store: SafetensorsStore::from_bytes(Some(content.to_vec())), device: Device::flex() }
    }

    /// The shape of a tensor, if the file has it.
    pub(crate) fn shape(&mut self, name: &str) -> Option<Vec<usize>> {
        Some(self.store.get_all_tensors().ok()?.get(name)?.shape.as_slice().to_vec())
    }

    /// A tensor of bytes, row by row.
    pub(crate) fn bytes(&mut self, name: &str, shape: &[usize]) -> Result<Vec<u8>, ModelError> {
        let path = self.path;
        let malformed = |reason: String| ModelError::Malformed { path: path.into(), reason };
        let data = self.data(name, shape)?;
        data.try_into_vec().map_err(|error| malformed(format!("`{name}`: {error:?}")))
    }

    /// One tensor's numbers, row by row.
    pub(crate) fn numbers(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, ModelError> {
        let path = self.path;
        let malformed = |reason: String| ModelError::Malformed { path: path.into(), reason };
        let data = self.data(name, shape)?;
        data.convert::<f32>().try_into_vec().map_err(|error| malformed(format!("`{name}`: {error:?}")))
    }

    fn data(&mut self, name: &str, shape: &[usize]) -> Result<TensorData, ModelError> {
        let malformed = |reason: String| ModelError::Malformed { path: self.path.into(), reason };
        // Some publishers keep the head's name in front of every tensor.
        let prefixed = format!("bert.{name}");
        let known = self.store.get_all_tensors().map_err(|error| malformed(error.to_string()))?;
        let Some(tensor) = known.get(name).or_else(|| known.get(&prefixed)) else {
            return Err(malformed(format!("it has no tensor `{name}`")));
        };
        if tensor.shape.as_slice() != shape {
            return Err(malformed(format!("`{name}` is {:?}, and should be {shape:?}", tensor.shape)));
        }
        bridge::to_data(tensor).map_err(|error| malformed(format!("`{name}`: {error:?}")))
    }

    /// Linear layers that read the same input, side by side as one.
    pub(crate) fn linear(&mut self, names: &[String], input: usize, output: usize) -> Result<Linear, ModelError> {
        let width = names.len() * output;
        let mut weight = Vec::with_capacity(width * input);
        let mut bias = Vec::with_capacity(width);
        for name in names {
            weight.extend(self.numbers(&format!("{name}.weight"), &[output, input])?);
            bias.extend(self.numbers(&format!("{name}.bias"), &[output])?);
        }
        let weight = TensorData::new(turned(&weight, input), [input, width]);
        Ok(Linear { weight: Tensor::from_data(weight, &self.device), bias })
    }

    /// A layer normalisation.
    pub(crate) fn norm(&mut self, name: &str, width: usize) -> Result<Norm, ModelError> {
        let scale = self.numbers(&format!("{name}.weight"), &[width])?;
        let shift = self.numbers(&format!("{name}.bias"), &[width])?;
        Ok(Norm { scale, shift })
    }
}

/// How many columns are turned together: their rows and the columns they become stay in cache.
const TURNED_TOGETHER: usize = 16;

/// The transpose of a matrix, given by its rows of `width` numbers.
fn turned(matrix: &[f32], width: usize) -> Vec<f32> {
    let height = matrix.len() / width;
    let mut turned = vec![0.0; matrix.len()];
    for (band, into) in turned.chunks_mut(height * TURNED_TOGETHER).enumerate() {
        for (at, row) in matrix.chunks_exact(width).enumerate() {
            let columns = row[band * TURNED_TOGETHER..].iter().take(TURNED_TOGETHER);
            into[at..].iter_mut().step_by(height).zip(columns).for_each(|(to, from)| *to = *from);
        }
    }
    turned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turning_turns() {
        assert_eq!(turned(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        let matrix: Vec<f32> = (0..35 * 40).map(|x| x as f32).collect();
        let turned = turned(&matrix, 40);
        assert!((0..35).all(|row| (0..40).all(|column| turned[column * 35 + row] == matrix[row * 40 + column])));
    }
}
