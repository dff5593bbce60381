//! Weights from a safetensors or ONNX file, each checked against the shape that the configuration says. Cost: one pass
//! over the file; a linear layer's matrix is turned once, from [out, in] as stored to [in, out] as multiplied.

use std::collections::BTreeMap;
use std::path::Path;

use burn::store::{ModuleStore, SafetensorsStore, bridge};
use burn::tensor::TensorData;

use crate::{ModelError, onnx};

/// The tensors of one file.
pub(crate) struct Weights<'p> {
    path: &'p Path,
    source: Source,
}

enum Source {
    Safetensors(Box<SafetensorsStore>),
    Onnx(BTreeMap<String, onnx::Numbers>),
}

/// `x · weight + bias`.
#[derive(Debug)]
pub(crate) struct Linear {
    /// [in, out], row by row.
    pub weight: Vec<f32>,
    /// [out].
    pub bias: Vec<f32>,
}

impl Linear {
    /// Of one row, on the host.
    pub(crate) fn of(&self, row: &[f32]) -> Vec<f32> {
        let mut sums = self.bias.clone();
        for (x, weights) in row.iter().zip(self.weight.chunks_exact(sums.len())) {
            sums.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += x * weight);
        }
        sums
    }
}

/// Scale and shift of a layer normalisation.
#[derive(Debug)]
pub(crate) struct Norm {
    /// [width].
    pub scale: Vec<f32>,
    /// [width].
    pub shift: Vec<f32>,
    /// Keeps it from dividing by 0.
    pub eps: f32,
}

impl<'p> Weights<'p> {
    /// Of a safetensors file the table of contents is read with the first tensor, of an ONNX file all is read now.
    pub(crate) fn open(path: &'p Path) -> Result<Self, ModelError> {
        let source = match path.extension().is_some_and(|extension| extension == "onnx") {
            true => Source::Onnx(onnx::tensors(path)?),
            false => Source::Safetensors(Box::new(SafetensorsStore::from_file(path))),
        };
        Ok(Self { path, source })
    }

    /// The content of a safetensors file; `path` is what errors call it.
    pub(crate) fn of(path: &'p Path, content: &[u8]) -> Self {
        let store = SafetensorsStore::from_bytes(Some(content.to_vec()));
        Self { path, source: Source::Safetensors(Box::new(store)) }
    }

    /// The shape of a tensor, if the file has it.
    pub(crate) fn shape(&mut self, name: &str) -> Option<Vec<usize>> {
        match &mut self.source {
            Source::Safetensors(store) => Some(store.get_all_tensors().ok()?.get(name)?.shape.as_slice().to_vec()),
            Source::Onnx(tensors) => tensors.get(name).map(|(shape, _)| shape.clone()),
        }
    }

    /// A tensor of bytes, row by row.
    pub(crate) fn bytes(&mut self, name: &str, shape: &[usize]) -> Result<Vec<u8>, ModelError> {
        let malformed = malformed(self.path);
        let Source::Safetensors(store) = &mut self.source else {
            return Err(malformed(format!("`{name}` is looked for in a safetensors file only")));
        };
        let bytes = stored(store, name, shape).map_err(&malformed)?.try_into_vec();
        bytes.map_err(|error| malformed(format!("`{name}`: {error:?}")))
    }

    /// One tensor's numbers, row by row.
    pub(crate) fn numbers(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, ModelError> {
        let malformed = malformed(self.path);
        match &mut self.source {
            Source::Safetensors(store) => {
                let numbers = stored(store, name, shape).map_err(&malformed)?.convert::<f32>().try_into_vec();
                numbers.map_err(|error| malformed(format!("`{name}`: {error:?}")))
            }
            Source::Onnx(tensors) => {
                let known = [name.to_string(), headed(name)].into_iter().find(|name| tensors.contains_key(name));
                // Each is asked for once: what is taken need not be kept.
                let found = known.and_then(|name| tensors.remove(&name));
                let (found, numbers) = found.ok_or_else(|| malformed(no_such(name)))?;
                if found != shape {
                    return Err(malformed(misshapen(name, &found, shape)));
                }
                Ok(numbers)
            }
        }
    }

    /// Linear layers that read the same input, side by side as one.
    pub(crate) fn linear(&mut self, names: &[String], input: usize, output: usize) -> Result<Linear, ModelError> {
        let (mut weight, mut bias) = (Vec::new(), Vec::new());
        for name in names {
            weight.extend(self.numbers(&format!("{name}.weight"), &[output, input])?);
            bias.extend(self.numbers(&format!("{name}.bias"), &[output])?);
        }
        Ok(Linear { weight: turned(&weight, input), bias })
    }

    /// A layer normalisation.
    pub(crate) fn norm(&mut self, name: &str, width: usize, eps: f32) -> Result<Norm, ModelError> {
        let scale = self.numbers(&format!("{name}.weight"), &[width])?;
        let shift = self.numbers(&format!("{name}.bias"), &[width])?;
        Ok(Norm { scale, shift, eps })
    }
}

/// Some publishers keep the head's name in front of every tensor.
fn headed(name: &str) -> String {
    format!("bert.{name}")
}

fn no_such(name: &str) -> String {
    format!("it has no tensor `{name}`")
}

fn misshapen(name: &str, found: &[usize], wanted: &[usize]) -> String {
    format!("`{name}` is {found:?}, and should be {wanted:?}")
}

fn malformed(path: &Path) -> impl Fn(String) -> ModelError {
    let path = path.to_path_buf();
    move |reason| ModelError::Malformed { path: path.clone(), reason }
}

fn stored(store: &mut SafetensorsStore, name: &str, shape: &[usize]) -> Result<TensorData, String> {
    let known = store.get_all_tensors().map_err(|error| error.to_string())?;
    let tensor = known.get(name).or_else(|| known.get(&headed(name))).ok_or_else(|| no_such(name))?;
    if tensor.shape.as_slice() != shape {
        return Err(misshapen(name, tensor.shape.as_slice(), shape));
    }
    bridge::to_data(tensor).map_err(|error| format!("`{name}`: {error:?}"))
}

/// How many columns are turned together: their rows and the columns they become stay in cache.
const TURNED_TOGETHER: usize = 16;

/// The transpose of a matrix, given by its rows of `width` numbers.
pub(crate) fn turned(matrix: &[f32], width: usize) -> Vec<f32> {
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
