//! Rows times a matrix that is laid out once for it, with what follows done while a block of the result is at hand: a
//! bias, GELU, a residual. General products lay the matrix out again at every call and pass over the result again for
//! the rest; both cost a tenth and more where rows are few.
//!
//! The matrix lies in panels of [`PANEL`] columns, [input, column]; a block of [`ROWS`] rows by a panel is summed up in
//! registers. Cost: rows · input · output multiplications, each panel read once a block of rows. A lone job's panels
//! are shared by the threads of the pool it runs in.

// Loops over places: what is written with closures leaves the widest instructions that `Arch` picks.
#![allow(clippy::needless_range_loop)]

use pulp::{Arch, Simd, WithSimd};

use super::kernels;

/// Columns of a panel: three of the widest registers.
const PANEL: usize = 48;
/// Rows of a block: with a panel's they fill 24 of 32 registers.
const ROWS: usize = 8;
/// How many numbers of a row are read at a time.
const STEP: usize = 4;

/// A matrix and a bias, laid out to be multiplied with.
#[derive(Debug)]
pub(crate) struct Product {
    input: usize,
    output: usize,
    /// [panel, input, column], zeros beyond the last column.
    panels: Vec<f32>,
    /// [panel, column].
    bias: Vec<f32>,
}

/// What happens to `rows · matrix + bias`.
#[derive(Clone, Copy)]
pub(crate) enum Then<'a> {
    Nothing,
    Gelu,
    /// These rows are added.
    Add(&'a [f32]),
}

impl Product {
    /// Of a matrix [input, output].
    pub(crate) fn new(matrix: &[f32], bias: &[f32]) -> Self {
        let output = bias.len();
        let input = matrix.len() / output;
        let count = output.div_ceil(PANEL);
        let mut panels = vec![0.0; count * input * PANEL];
        for (at, panel) in panels.chunks_exact_mut(input * PANEL).enumerate() {
            for (to, row) in panel.chunks_exact_mut(PANEL).zip(matrix.chunks_exact(output)) {
                let columns = &row[at * PANEL..output.min((at + 1) * PANEL)];
                to[..columns.len()].copy_from_slice(columns);
            }
        }
        let mut bias = bias.to_vec();
        bias.resize(count * PANEL, 0.0);
        Product { input, output, panels, bias }
    }

    /// `then(rows · matrix + bias)`.
    pub(crate) fn of(&self, rows: &[f32], then: Then<'_>) -> Vec<f32> {
        let mut out = vec![0.0; rows.len() / self.input * self.output];
        let panels = self.output.div_ceil(PANEL);
        let share = panels.div_ceil(rayon::current_num_threads());
        let mut rest: Vec<&mut [f32]> = out.chunks_exact_mut(self.output).collect();
        let mut shares = Vec::new();
        for first in (0..panels).step_by(share) {
            let width = (share * PANEL).min(self.output - first * PANEL);
            let (out, after) = rest.into_iter().map(|row| row.split_at_mut(width)).unzip();
            shares.push(Share { product: self, rows, then, first, out });
            rest = after;
        }
        let last = shares.pop();
        rayon::scope(|scope| {
            shares.into_iter().for_each(|share| scope.spawn(|_| Arch::new().dispatch(share)));
            last.into_iter().for_each(|share| Arch::new().dispatch(share));
        });
        out
    }
}

/// Neighbouring panels of a product: one thread's part.
struct Share<'a, 'o> {
    product: &'a Product,
    rows: &'a [f32],
    then: Then<'a>,
    /// The first panel.
    first: usize,
    /// The columns of these panels, row by row.
    out: Vec<&'o mut [f32]>,
}

impl WithSimd for Share<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // Where registers are shorter there are half as many of them.
        if S::F32_LANES * 3 == PANEL { self.run::<S, 3>(simd) } else { self.run::<S, 1>(simd) }
    }
}

impl Share<'_, '_> {
    #[inline(always)]
    fn run<S: Simd, const VECTORS: usize>(mut self, simd: S) {
        let Product { input, output, panels, bias } = self.product;
        let (count, width) = (self.out.len(), self.out.first().map_or(0, |row| row.len()));
        let mut tile = [[0.0; PANEL]; ROWS];
        for at in 0..width.div_ceil(PANEL) {
            let panel = self.first + at;
            let weights = &panels[panel * input * PANEL..][..input * PANEL];
            let bias = &bias[panel * PANEL..][..PANEL];
            let columns = at * PANEL..width.min((at + 1) * PANEL);
            let mut first = 0;
            while first < count {
                let mut block: [&[f32]; ROWS] = [&[]; ROWS];
                for row in 0..ROWS {
                    // Beyond the last row, that row again: its results go nowhere.
                    block[row] = &self.rows[(first + row).min(count - 1) * input..][..*input];
                }
                let mut part = 0;
                while part < PANEL {
                    sum::<S, VECTORS>(simd, &block, weights, bias, part, &mut tile);
                    part += VECTORS * S::F32_LANES;
                }
                for row in 0..ROWS.min(count - first) {
                    let tile = &mut tile[row];
                    match self.then {
                        Then::Nothing => {}
                        Then::Gelu => kernels::gelu(tile),
                        Then::Add(rows) => {
                            let other = &rows[(first + row) * output + panel * PANEL..][..columns.len()];
                            kernels::add(&mut tile[..columns.len()], other);
                        }
                    }
                    self.out[first + row][columns.clone()].copy_from_slice(&tile[..columns.len()]);
                }
                first += ROWS;
            }
        }
    }
}

/// `block · weights + bias` in the columns of the panel from `part` on.
#[inline(always)]
fn sum<S: Simd, const VECTORS: usize>(
    simd: S,
    block: &[&[f32]; ROWS],
    weights: &[f32],
    bias: &[f32],
    part: usize,
    tile: &mut [[f32; PANEL]; ROWS],
) {
    let lanes = S::F32_LANES;
    let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
    for row in 0..ROWS {
        for at in 0..VECTORS {
            sums[row][at] = S::as_simd_f32s(&bias[part..]).0[at];
        }
    }
    let (steps, rest) = weights.as_chunks::<{ PANEL * STEP }>();
    let mut from = 0;
    for step in steps {
        let mut numbers = [[0.0; STEP]; ROWS];
        for row in 0..ROWS {
            if let Some(of_row) = block[row][from..].first_chunk::<STEP>() {
                numbers[row] = *of_row;
            }
        }
        from += STEP;
        for number in 0..STEP {
            let columns = S::as_simd_f32s(&step[number * PANEL + part..(number + 1) * PANEL]).0;
            for row in 0..ROWS {
                let by = simd.splat_f32s(numbers[row][number]);
                for at in 0..VECTORS {
                    sums[row][at] = simd.mul_add_f32s(by, columns[at], sums[row][at]);
                }
            }
        }
    }
    for (number, columns) in rest.chunks_exact(PANEL).enumerate() {
        let columns = S::as_simd_f32s(&columns[part..]).0;
        for row in 0..ROWS {
            let by = simd.splat_f32s(block[row][from + number]);
            for at in 0..VECTORS {
                sums[row][at] = simd.mul_add_f32s(by, columns[at], sums[row][at]);
            }
        }
    }
    for row in 0..ROWS {
        let to = S::as_mut_simd_f32s(&mut tile[row][part..part + VECTORS * lanes]).0;
        to.copy_from_slice(&sums[row]);
    }
}
