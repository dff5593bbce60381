//! A BERT in plain loops and f64: what the encoder's result means. Slow, and meant to be obviously right.

use std::collections::BTreeMap;

/// A matrix by its rows.
pub(crate) type Matrix = Vec<Vec<f64>>;

/// A BERT's sizes and tensors, by their names in a safetensors file; a vector is a matrix of one row.
pub(crate) struct Naive {
    pub heads: usize,
    pub layers: usize,
    pub eps: f64,
    pub tensors: BTreeMap<String, Matrix>,
}

impl Naive {
    /// The rows of one text's tokens after the last layer.
    pub(crate) fn rows(&self, ids: &[u32]) -> Matrix {
        let [words, positions, kinds] = ["word", "position", "token_type"]
            .map(|name| &self.tensors[&format!("embeddings.{name}_embeddings.weight")]);
        let embedded = |(at, id): (usize, &u32)| plus(&plus(&words[*id as usize], &positions[at]), &kinds[0]);
        let mut rows: Matrix = ids.iter().enumerate().map(embedded).collect();
        rows = self.norm(&rows, "embeddings.LayerNorm");
        for layer in 0..self.layers {
            let name = |part: &str| format!("encoder.layer.{layer}.{part}");
            let mixed = self.linear(&self.attend(&rows, layer), &name("attention.output.dense"));
            rows = self.norm(&plus_rows(&rows, &mixed), &name("attention.output.LayerNorm"));
            let mut inner = self.linear(&rows, &name("intermediate.dense"));
            inner.iter_mut().flatten().for_each(|x| *x = *x * 0.5 * (1.0 + erf(*x / 2f64.sqrt())));
            let fed = self.linear(&inner, &name("output.dense"));
            rows = self.norm(&plus_rows(&rows, &fed), &name("output.LayerNorm"));
        }
        rows
    }

    /// The direction of the mean of one text's rows, or of its first row.
    pub(crate) fn embed(&self, ids: &[u32], first: bool) -> Vec<f64> {
        let rows = self.rows(ids);
        let mean = || (0..rows[0].len()).map(|at| rows.iter().map(|row| row[at]).sum::<f64>()).collect();
        let pooled: Vec<f64> = if first { rows[0].clone() } else { mean() };
        let length = dot(&pooled, &pooled).sqrt();
        pooled.iter().map(|x| x / length).collect()
    }

    fn attend(&self, rows: &Matrix, layer: usize) -> Matrix {
        let [query, key, value] = ["query", "key", "value"]
            .map(|part| self.linear(rows, &format!("encoder.layer.{layer}.attention.self.{part}")));
        let width = query[0].len() / self.heads;
        let mut mixed = vec![vec![0.0; query[0].len()]; rows.len()];
        for head in 0..self.heads {
            let part = head * width..(head + 1) * width;
            for at in 0..rows.len() {
                let score = |key: &Vec<f64>| dot(&query[at][part.clone()], &key[part.clone()]) / (width as f64).sqrt();
                let weights: Vec<f64> = key.iter().map(|key| score(key).exp()).collect();
                let total: f64 = weights.iter().sum();
                for (weight, value) in weights.iter().zip(&value) {
                    part.clone().for_each(|x| mixed[at][x] += weight / total * value[x]);
                }
            }
        }
        mixed
    }

    fn linear(&self, rows: &Matrix, name: &str) -> Matrix {
        let weight = &self.tensors[&format!("{name}.weight")];
        let bias = &self.tensors[&format!("{name}.bias")][0];
        rows.iter().map(|row| weight.iter().zip(bias).map(|(weight, bias)| dot(row, weight) + bias).collect()).collect()
    }

    fn norm(&self, rows: &Matrix, name: &str) -> Matrix {
        let scale = &self.tensors[&format!("{name}.weight")][0];
        let shift = &self.tensors[&format!("{name}.bias")][0];
        let one = |row: &Vec<f64>| {
            let mean = row.iter().sum::<f64>() / row.len() as f64;
            let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / row.len() as f64;
            let normal = row.iter().map(|x| (x - mean) / (variance + self.eps).sqrt());
            normal.zip(scale.iter().zip(shift)).map(|(x, (scale, shift))| x * scale + shift).collect()
        };
        rows.iter().map(one).collect()
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn plus(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

fn plus_rows(a: &Matrix, b: &Matrix) -> Matrix {
    a.iter().zip(b).map(|(a, b)| plus(a, b)).collect()
}

/// The error function by its Taylor series; enough terms for the small numbers here.
fn erf(x: f64) -> f64 {
    let mut term = x;
    let mut sum = x;
    for n in 1..100 {
        term *= -x * x / f64::from(n);
        sum += term / f64::from(2 * n + 1);
    }
    sum * std::f64::consts::FRAC_2_SQRT_PI
}
