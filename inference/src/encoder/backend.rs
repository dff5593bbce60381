//! The seam between the network, which is written once, and what computes it: [`Cpu`](super::cpu::Cpu) with kernels of our
//! own, [`Portable`](super::portable::Portable) with Burn's operations on any device, flex included, where the two are
//! compared by the tests.
//!
//! Rows are those of all texts laid end to end, one a token.

use std::borrow::Cow;

use crate::weights::{Linear, Norm};

/// What one text's rows become.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// Their mean.
    #[default]
    Mean,
    /// The first of them, which stands for the whole.
    Cls,
}

/// The operations of a network, over rows.
pub(crate) trait Backend: Send + Sync {
    /// Rows where they are computed.
    type Rows;
    /// A linear layer there.
    type Linear: Send + Sync;
    /// A normalisation there.
    type Norm: Send + Sync;
    /// Which rows belong to which text.
    type Texts;

    /// Brings a linear layer there.
    fn linear(&self, linear: Linear) -> Self::Linear;
    /// Brings a normalisation there.
    fn norm(&self, norm: Norm) -> Self::Norm;
    /// For texts of those lengths.
    fn texts(&self, lengths: &[usize]) -> Self::Texts;

    /// `norm(rows)`, there.
    fn enter(&self, rows: Vec<f32>, norm: &Self::Norm) -> Self::Rows;
    /// `rows · by`.
    fn product(&self, rows: &Self::Rows, by: &Self::Linear) -> Self::Rows;
    /// `gelu(rows · by)`.
    fn product_gelu(&self, rows: &Self::Rows, by: &Self::Linear) -> Self::Rows;
    /// `norm(rows · by + residual)`.
    fn product_add_norm(
        &self,
        rows: &Self::Rows,
        by: &Self::Linear,
        residual: &Self::Rows,
        norm: &Self::Norm,
    ) -> Self::Rows;
    /// What each row takes from its text's, given its query, key and value side by side.
    fn attend(&self, triple: &Self::Rows, texts: &Self::Texts, heads: usize) -> Self::Rows;
    /// Rows on the host.
    fn host<'r>(&self, rows: &'r Self::Rows) -> Result<Cow<'r, [f32]>, String>;
    /// One row a text, back on the host.
    fn pool(&self, rows: Self::Rows, texts: &Self::Texts, pooling: Pooling) -> Result<Vec<f32>, String>;
}
