//! Tensors out of an ONNX file, under the names they have in a safetensors file of the same model.
//!
//! Exporters keep the names of biases and embeddings, and give the matrices of linear layers numbers; where those belong
//! is told by the product that reads them: `/encoder/layer.0/attention/self/query/MatMul`. Weights quantised to 8 bits are
//! numbers again at load: (q - zero point) · scale, by tensor or by column, as the operator `MatMulInteger` has it (and `DequantizeLinear` of
//! embeddings, by tensor). Only what is needed of the format (onnx.proto3) is declared here. Cost: the file in memory, and
//! four bytes a weight.

use std::collections::BTreeMap;
use std::path::Path;

use prost::Message;

use crate::ModelError;

/// A tensor's shape, and its numbers row by row.
pub(crate) type Numbers = (Vec<usize>, Vec<f32>);

#[derive(Clone, PartialEq, Message)]
struct File {
    #[prost(message, optional, tag = "7")]
    graph: Option<Graph>,
}

#[derive(Clone, PartialEq, Message)]
struct Graph {
    #[prost(message, repeated, tag = "1")]
    nodes: Vec<Node>,
    #[prost(message, repeated, tag = "5")]
    tensors: Vec<Tensor>,
}

#[derive(Clone, PartialEq, Message)]
struct Node {
    #[prost(string, repeated, tag = "1")]
    inputs: Vec<String>,
    #[prost(string, tag = "3")]
    name: String,
    #[prost(string, tag = "4")]
    kind: String,
}

#[derive(Clone, PartialEq, Message)]
struct Tensor {
    #[prost(int64, repeated, tag = "1")]
    shape: Vec<i64>,
    #[prost(int32, tag = "2")]
    kind: i32,
    #[prost(float, repeated, tag = "4")]
    floats: Vec<f32>,
    #[prost(int32, repeated, tag = "5")]
    integers: Vec<i32>,
    #[prost(string, tag = "8")]
    name: String,
    #[prost(bytes = "vec", tag = "9")]
    raw: Vec<u8>,
}

/// Every tensor of floats in that file, quantised ones included.
pub(crate) fn tensors(path: &Path) -> Result<BTreeMap<String, Numbers>, ModelError> {
    let malformed = |reason: String| ModelError::Malformed { path: path.into(), reason };
    let content = std::fs::read(path).map_err(ModelError::file(path))?;
    let file = File::decode(content.as_slice()).map_err(|error| malformed(error.to_string()))?;
    drop(content);
    let graph = file.graph.ok_or_else(|| malformed("it has no graph".into()))?;
    let by_name: BTreeMap<&str, &Tensor> = graph.tensors.iter().map(|tensor| (tensor.name.as_str(), tensor)).collect();
    // What a matrix is multiplied for, by its name.
    let products = graph.nodes.iter().filter(|node| matches!(node.kind.as_str(), "MatMul" | "MatMulInteger"));
    let read_by: BTreeMap<&str, &str> =
        products.filter_map(|node| Some((node.inputs.get(1)?.as_str(), node.name.as_str()))).collect();
    let mut tensors = BTreeMap::new();
    for tensor in &graph.tensors {
        let Some(numbers) = numbers(tensor, &by_name).map_err(malformed)? else { continue };
        let name = tensor.name.trim_end_matches("_quantized");
        let (name, numbers) = match read_by.get(tensor.name.as_str()) {
            Some(product) => (of_layer(name, product), turned(numbers)),
            None => (name.to_string(), numbers),
        };
        tensors.insert(name, numbers);
    }
    Ok(tensors)
}

/// A tensor's numbers; `None` for what is not a weight.
fn numbers(tensor: &Tensor, by_name: &BTreeMap<&str, &Tensor>) -> Result<Option<Numbers>, String> {
    let shape: Option<Vec<usize>> = tensor.shape.iter().map(|size| usize::try_from(*size).ok()).collect();
    let shape = shape.ok_or_else(|| format!("`{}` has the shape {:?}", tensor.name, tensor.shape))?;
    let count = shape.iter().try_fold(1_usize, |count, size| count.checked_mul(*size));
    if count == Some(0) {
        return Ok(None);
    }
    let numbers = match (tensor.kind, tensor.name.strip_suffix("_quantized")) {
        (FLOAT, _) => floats(tensor),
        (INT8 | UINT8, Some(name)) => {
            let part = |part: &str| {
                let found = by_name.get(format!("{name}{part}").as_str()).copied();
                found.ok_or_else(|| format!("`{name}` is quantised, and has no `{name}{part}`"))
            };
            let (scale, zero) = (floats(part("_scale")?), integers(part("_zero_point")?));
            let columns = shape.last().copied().unwrap_or(1);
            if scale.is_empty() || scale.len() != zero.len() || scale.len() != 1 && scale.len() != columns {
                return Err(format!("`{name}` is quantised neither as a whole nor by column"));
            }
            let by = |at: usize| if scale.len() == 1 { 0 } else { at % columns };
            let integers = integers(tensor).into_iter().enumerate();
            integers.map(|(at, q)| q.wrapping_sub(zero[by(at)]) as f32 * scale[by(at)]).collect()
        }
        _ => return Ok(None),
    };
    if Some(numbers.len()) != count {
        return Err(format!("`{}` has {} numbers, and its shape is {shape:?}", tensor.name, numbers.len()));
    }
    Ok(Some((shape, numbers)))
}

/// Kinds of numbers, as the format counts them.
const FLOAT: i32 = 1;
const UINT8: i32 = 2;
const INT8: i32 = 3;

fn floats(tensor: &Tensor) -> Vec<f32> {
    if tensor.raw.is_empty() {
        return tensor.floats.clone();
    }
    tensor.raw.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

fn integers(tensor: &Tensor) -> Vec<i32> {
    if tensor.raw.is_empty() {
        return tensor.integers.clone();
    }
    let one = |byte: &u8| if tensor.kind == INT8 { i32::from(*byte as i8) } else { i32::from(*byte) };
    tensor.raw.iter().map(one).collect()
}

/// The name of a layer's matrix: its own, or the path of the product that reads it.
fn of_layer(name: &str, product: &str) -> String {
    if !name.contains("::") {
        return name.into();
    }
    let path = product.trim_start_matches('/').rsplit_once('/').map_or("", |(path, _)| path);
    format!("{}.weight", path.replace('/', "."))
}

/// From [in, out], as it is multiplied, to [out, in], as layers keep it.
fn turned((shape, numbers): Numbers) -> Numbers {
    let [input, output] = shape[..] else { return (shape, numbers) };
    (vec![output, input], crate::weights::turned(&numbers, output))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn tensor(name: &str, shape: &[i64], kind: i32, raw: &[u8]) -> Tensor {
        Tensor { name: name.into(), shape: shape.to_vec(), kind, raw: raw.to_vec(), ..Default::default() }
    }

    fn read(tensors_in: Vec<Tensor>, nodes: Vec<Node>) -> Result<BTreeMap<String, Numbers>, String> {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("model.onnx");
        let file = File { graph: Some(Graph { nodes, tensors: tensors_in }) };
        std::fs::write(&path, file.encode_to_vec()).unwrap();
        tensors(&path).map_err(|error| error.to_string())
    }

    fn scales(name: &str, scale: Vec<f32>, zero: Vec<i32>) -> [Tensor; 2] {
        let scale = Tensor { name: format!("{name}_scale"), kind: FLOAT, floats: scale, ..Default::default() };
        [scale, Tensor { name: format!("{name}_zero_point"), kind: INT8, integers: zero, ..Default::default() }]
    }

    #[test]
    fn matrices_get_the_names_of_their_layers_and_bytes_become_numbers() {
        let matrix = tensor("onnx::MatMul_7_quantized", &[2, 3], INT8, &[1, 2, 3, 255, 0, 4]);
        let [mut scale, mut zero] = scales("onnx::MatMul_7", vec![0.5, 1.0, 2.0], vec![1, 0, 0]);
        (scale.shape, zero.shape) = (vec![3], vec![3]);
        let words = tensor("embeddings.word_embeddings.weight_quantized", &[1, 2], UINT8, &[200, 100]);
        let [of_words, zero_of_words] = scales("embeddings.word_embeddings.weight", vec![0.1], vec![100]);
        let bias = tensor("a.bias", &[1], FLOAT, &1.5f32.to_le_bytes());
        let node = Node {
            kind: "MatMulInteger".into(),
            name: "/encoder/layer.0/output/dense/MatMul_quant".into(),
            inputs: vec!["x".into(), "onnx::MatMul_7_quantized".into()],
        };
        let found = read(vec![matrix, scale, zero, words, of_words, zero_of_words, bias], vec![node]).unwrap();
        let dense = &found["encoder.layer.0.output.dense.weight"];
        assert_eq!(*dense, (vec![3, 2], vec![0.0, -1.0, 2.0, 0.0, 6.0, 8.0]));
        assert_eq!(found["embeddings.word_embeddings.weight"], (vec![1, 2], vec![10.0, 0.0]));
        assert_eq!(found["a.bias"], (vec![1], vec![1.5]));
    }

    #[test]
    fn what_is_not_whole_is_an_error() {
        let error = read(vec![tensor("a_quantized", &[2], INT8, &[1, 2])], Vec::new()).unwrap_err();
        assert!(error.contains("no `a_scale`"), "{error}");
        let error = read(vec![tensor("a.bias", &[2], FLOAT, &[0; 4])], Vec::new()).unwrap_err();
        assert!(error.contains("has 1 numbers") && error.contains("model.onnx"), "{error}");
    }
}
