//! The file of weights: safetensors, half precision, matrices as [out, in], as the encoder's own.

use std::path::Path;

use burn::nn::{LayerNorm, Linear};
use burn::tensor::{Tensor, f16};
use serde_json::{Map, Value, json};

use crate::network::{Heads, Layer};

#[derive(Default)]
struct File {
    header: Map<String, Value>,
    bytes: Vec<u8>,
}

pub(crate) fn write(path: &Path, heads: &Heads, thresholds: &[f32]) {
    let mut file = File::default();
    let trunk = &heads.trunk;
    file.linear("trunk.input", &trunk.input);
    file.tensor("trunk.features", trunk.features.weight.val());
    file.norm("trunk.norm", &trunk.norm);
    trunk.layers.iter().enumerate().for_each(|(at, layer)| file.layer(&format!("trunk.layer.{at}"), layer));
    let Heads { parts, tags, mentions, arcs, affect, verdict, .. } = heads;
    let linears = [
        ("parts", parts),
        ("tags", tags),
        ("mentions", mentions),
        ("arcs.dependent", &arcs.dependent),
        ("arcs.head", &arcs.head),
        ("arcs.arc", &arcs.arc),
        ("arcs.root", &arcs.root),
        ("arcs.below", &arcs.below),
        ("arcs.above", &arcs.above),
        ("arcs.relation", &arcs.relation),
        ("arcs.relation_pair", &arcs.relation_pair),
        ("affect.query", &affect.query),
        ("affect.up", &affect.up),
        ("affect.down", &affect.down),
        ("verdict.align", &verdict.align),
        ("verdict.compare", &verdict.compare),
        ("verdict.up", &verdict.up),
        ("verdict.down", &verdict.down),
    ];
    linears.into_iter().for_each(|(name, linear)| file.linear(name, linear));
    file.tensor("arcs.above_root", arcs.above_root.val());
    file.numbers("affect.thresholds", &[thresholds.len()], thresholds);
    let mut header = Value::Object(file.header).to_string();
    header.push_str(&" ".repeat(header.len().next_multiple_of(8) - header.len()));
    let content = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &file.bytes].concat();
    std::fs::write(path, content).unwrap();
}

impl File {
    fn linear(&mut self, name: &str, linear: &Linear) {
        self.tensor(&format!("{name}.weight"), linear.weight.val().transpose());
        let bias = linear.bias.as_ref().map(|bias| bias.val());
        self.tensor(
            &format!("{name}.bias"),
            bias.unwrap_or_else(|| {
                let [_, output] = linear.weight.val().dims();
                Tensor::zeros([output], &linear.weight.val().device())
            }),
        );
    }

    fn norm(&mut self, name: &str, norm: &LayerNorm) {
        self.tensor(&format!("{name}.weight"), norm.gamma.val());
        self.tensor(&format!("{name}.bias"), norm.beta.as_ref().unwrap().val());
    }

    fn layer(&mut self, name: &str, layer: &Layer) {
        self.linear(&format!("{name}.query_key_value"), &layer.query_key_value);
        self.linear(&format!("{name}.out"), &layer.out);
        self.norm(&format!("{name}.attended"), &layer.attended);
        self.linear(&format!("{name}.up"), &layer.up);
        self.linear(&format!("{name}.down"), &layer.down);
        self.norm(&format!("{name}.fed"), &layer.fed);
    }

    fn tensor<const D: usize>(&mut self, name: &str, tensor: Tensor<D>) {
        let shape = tensor.dims();
        let numbers: Vec<f32> = tensor.into_data().convert::<f32>().try_into_vec().unwrap();
        self.numbers(name, &shape, &numbers);
    }

    fn numbers(&mut self, name: &str, shape: &[usize], numbers: &[f32]) {
        let start = self.bytes.len();
        self.bytes.extend(numbers.iter().flat_map(|x| f16::from_f32(*x).to_le_bytes()));
        let place = json!({ "dtype": "F16", "shape": shape, "data_offsets": [start, self.bytes.len()] });
        self.header.insert(name.into(), place);
    }
}
