//! The backend of the host's cores: rows are plain vectors, products and what lies between them are kernels of our own,
//! in the instructions that the machine has. Runs in the thread pool it finds itself in.

use std::borrow::Cow;

use super::backend::{Backend, Pooling};
use super::product::{Product, Then};
use super::{attention, kernels};
use crate::weights::{Linear, Norm};

/// The host.
pub(crate) struct Cpu;

impl Backend for Cpu {
    type Rows = Vec<f32>;
    type Linear = Product;
    type Norm = Norm;
    /// Their lengths.
    type Texts = Vec<usize>;

    fn linear(&self, linear: Linear) -> Product {
        Product::new(&linear.weight, &linear.bias)
    }

    fn norm(&self, norm: Norm) -> Norm {
        norm
    }

    fn texts(&self, lengths: &[usize]) -> Vec<usize> {
        lengths.to_vec()
    }

    fn enter(&self, mut rows: Vec<f32>, norm: &Norm) -> Vec<f32> {
        kernels::norm(&mut rows, norm);
        rows
    }

    fn product(&self, rows: &Vec<f32>, by: &Product) -> Vec<f32> {
        by.of(rows, Then::Nothing)
    }

    fn product_gelu(&self, rows: &Vec<f32>, by: &Product) -> Vec<f32> {
        by.of(rows, Then::Gelu)
    }

    fn product_add_norm(&self, rows: &Vec<f32>, by: &Product, residual: &Vec<f32>, norm: &Norm) -> Vec<f32> {
        let mut sum = by.of(rows, Then::Add(residual));
        kernels::norm(&mut sum, norm);
        sum
    }

    fn attend(&self, triple: &Vec<f32>, texts: &Vec<usize>, heads: usize) -> Vec<f32> {
        let width = triple.len() / 3 / texts.iter().sum::<usize>().max(1);
        attention::attend(triple, texts, heads, width)
    }

    fn host<'r>(&self, rows: &'r Vec<f32>) -> Result<Cow<'r, [f32]>, String> {
        Ok(Cow::Borrowed(rows))
    }

    fn pool(&self, rows: Vec<f32>, texts: &Vec<usize>, pooling: Pooling) -> Result<Vec<f32>, String> {
        let width = rows.len() / texts.iter().sum::<usize>().max(1);
        let mut pooled = Vec::with_capacity(texts.len() * width);
        let mut rest = rows.as_slice();
        for length in texts {
            let (text, after) = rest.split_at(length * width);
            rest = after;
            match pooling {
                Pooling::Cls => pooled.extend_from_slice(&text[..width]),
                Pooling::Mean => {
                    let mut sum = vec![0.0; width];
                    text.chunks_exact(width).for_each(|row| kernels::add(&mut sum, row));
                    pooled.extend(sum.iter().map(|x| x / *length as f32));
                }
            }
        }
        Ok(pooled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_has_its_own_mean_and_its_own_first_row() {
        let rows = vec![3.0, 0.0, 5.0, 0.0, 0.0, -2.0, 1.0, 1.0, 2.0, 2.0, 0.0, 0.0];
        let texts = Cpu.texts(&[2, 1, 2, 1]);
        let pooled = |pooling| Cpu.pool(rows.clone(), &texts, pooling);
        assert_eq!(pooled(Pooling::Mean), Ok(vec![4.0, 0.0, 0.0, -2.0, 1.5, 1.5, 0.0, 0.0]));
        assert_eq!(pooled(Pooling::Cls), Ok(vec![3.0, 0.0, 0.0, -2.0, 1.0, 1.0, 0.0, 0.0]));
    }
}
