//! Self-attention over texts laid end to end: each text attends to itself, `softmax(q·kᵀ / √width) · v` in each head. Burn's
//! fused attention is its twin in the tests; ours reads the rows where the product before left them, keeps a block of
//! queries in registers, and computes no exponential one number at a time. Cost: length² · width multiplications a text;
//! scratch of one head of one text.

// Loops over places: what is written with closures leaves the widest instructions that `Arch` picks.
#![allow(clippy::needless_range_loop)]

use pulp::{Arch, Simd, WithSimd};

use super::kernels;

/// Rows are filled up to whole multiples of this: the most numbers that any machine computes side by side.
const LANES: usize = 16;
/// How many queries share what is loaded for them.
const QUERIES: usize = 8;

/// What each row takes from the rows of its text. `triple` holds each row's query, key and value.
pub(super) fn attend(triple: &[f32], lengths: &[usize], heads: usize, width: usize) -> Vec<f32> {
    let mut mixed = vec![0.0; triple.len() / 3];
    let mut scratch = Scratch::default();
    let (mut rows, mut into) = (triple, mixed.as_mut_slice());
    for &length in lengths {
        let (text, rest) = rows.split_at(length * 3 * width);
        let (out, after) = into.split_at_mut(length * width);
        for head in 0..heads {
            let head = Head { at: head * width / heads, size: width / heads, width, length };
            Arch::new().dispatch(Attend { head, text, scratch: &mut scratch, out });
        }
        (rows, into) = (rest, after);
    }
    mixed
}

/// One head of one text.
struct Head {
    /// Where it begins in a row.
    at: usize,
    size: usize,
    width: usize,
    length: usize,
}

/// What a head reads again and again, laid out for it, with zeros up to whole blocks.
#[derive(Default)]
struct Scratch {
    /// [query, number], already divided by √size.
    queries: Vec<f32>,
    /// [number, key].
    keys: Vec<f32>,
    /// [key, number].
    values: Vec<f32>,
    /// [query of a block, key].
    weights: Vec<f32>,
    /// [query of a block, number].
    mixed: Vec<f32>,
}

/// The work on a head. A type, not a closure: only so is all of it compiled for the instructions that are chosen.
struct Attend<'a> {
    head: Head,
    text: &'a [f32],
    scratch: &'a mut Scratch,
    out: &'a mut [f32],
}

impl WithSimd for Attend<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.head.attend(simd, self.text, self.scratch, self.out);
    }
}

impl Head {
    #[inline(always)]
    fn attend<S: Simd>(&self, simd: S, text: &[f32], scratch: &mut Scratch, out: &mut [f32]) {
        self.gather(text, scratch);
        let keys = self.length.next_multiple_of(LANES);
        let mut first = 0;
        while first < self.length {
            let queries = &scratch.queries[first * self.size..(first + QUERIES) * self.size];
            self.score(simd, queries, &scratch.keys, keys, &mut scratch.weights);
            let mut totals = [0.0; QUERIES];
            for (query, total) in totals.iter_mut().enumerate() {
                *total = softmax(&mut scratch.weights[query * keys..query * keys + self.length]);
            }
            self.mix(simd, scratch, keys, first, &totals, out);
            first += QUERIES;
        }
    }

    #[inline(always)]
    fn gather(&self, text: &[f32], scratch: &mut Scratch) {
        let keys = self.length.next_multiple_of(LANES);
        let (wide, size) = (self.size.next_multiple_of(LANES), self.size);
        let scale = 1.0 / (size as f32).sqrt();
        clear(&mut scratch.queries, self.length.next_multiple_of(QUERIES) * size);
        clear(&mut scratch.keys, keys * size);
        clear(&mut scratch.values, self.length * wide);
        clear(&mut scratch.weights, keys * QUERIES);
        clear(&mut scratch.mixed, wide * QUERIES);
        for (at, row) in text.chunks_exact(3 * self.width).enumerate() {
            let part = |part: usize| &row[part * self.width + self.at..][..size];
            let query = &mut scratch.queries[at * size..(at + 1) * size];
            query.iter_mut().zip(part(0)).for_each(|(to, from)| *to = from * scale);
            scratch.keys[at..].iter_mut().step_by(keys).zip(part(1)).for_each(|(to, from)| *to = *from);
            scratch.values[at * wide..at * wide + size].copy_from_slice(part(2));
        }
    }

    /// The products of a block of queries with every key.
    #[inline(always)]
    fn score<S: Simd>(&self, simd: S, queries: &[f32], keys: &[f32], count: usize, weights: &mut [f32]) {
        let lanes = S::F32_LANES;
        for at in 0..count / lanes {
            let mut block = [simd.splat_f32s(0.0); QUERIES];
            for number in 0..self.size {
                let key = S::as_simd_f32s(&keys[number * count..][..count]).0[at];
                for query in 0..QUERIES {
                    let by = simd.splat_f32s(queries[query * self.size + number]);
                    block[query] = simd.mul_add_f32s(by, key, block[query]);
                }
            }
            for query in 0..QUERIES {
                S::as_mut_simd_f32s(&mut weights[query * count..][..count]).0[at] = block[query];
            }
        }
    }

    /// The weighted means of all values for the block of queries from `query` on.
    #[inline(always)]
    fn mix<S: Simd>(
        &self,
        simd: S,
        scratch: &mut Scratch,
        count: usize,
        query: usize,
        totals: &[f32; QUERIES],
        out: &mut [f32],
    ) {
        let wide = self.size.next_multiple_of(LANES);
        let Scratch { weights, values, mixed, .. } = scratch;
        for at in 0..wide / S::F32_LANES {
            let mut block = [simd.splat_f32s(0.0); QUERIES];
            for key in 0..self.length {
                let value = S::as_simd_f32s(&values[key * wide..][..wide]).0[at];
                for query in 0..QUERIES {
                    let by = simd.splat_f32s(weights[query * count + key]);
                    block[query] = simd.mul_add_f32s(by, value, block[query]);
                }
            }
            for query in 0..QUERIES {
                S::as_mut_simd_f32s(&mut mixed[query * wide..][..wide]).0[at] = block[query];
            }
        }
        for at in 0..QUERIES.min(self.length - query) {
            let row = &mut out[(query + at) * self.width + self.at..][..self.size];
            for (number, to) in row.iter_mut().enumerate() {
                *to = mixed[at * wide + number] / totals[at];
            }
        }
    }
}

/// Empties, and fills with zeros.
fn clear(numbers: &mut Vec<f32>, count: usize) {
    numbers.clear();
    numbers.resize(count, 0.0);
}

/// Makes of scores x the weights exp(x - max), and gives their sum.
#[inline(always)]
fn softmax(scores: &mut [f32]) -> f32 {
    let mut largest = [f32::NEG_INFINITY; LANES];
    for (at, x) in scores.iter().enumerate() {
        let lane = &mut largest[at % LANES];
        *lane = if *x > *lane { *x } else { *lane };
    }
    let mut most = largest[0];
    for x in largest {
        most = if x > most { x } else { most };
    }
    for x in scores.iter_mut() {
        *x = exp(*x - most);
    }
    kernels::sum(scores, 0.0, false)
}

/// e^x for x ≤ 0, within 2e-7 of itself: 2^n · e^r, n whole, r at most ln(2)/2 away from 0, e^r by its series.
#[inline(always)]
fn exp(x: f32) -> f32 {
    /// A number so large that adding it rounds: what is whole is left in the lowest bits.
    const ROUNDING: f32 = 12_582_912.0;
    let x = if x > -87.0 { x } else { -87.0 };
    let shifted = x.mul_add(std::f32::consts::LOG2_E, ROUNDING);
    let n = shifted - ROUNDING;
    // ln(2) in two parts, of which the first has few digits: so the product with n is exact.
    let r = n.mul_add(-0.693_359_4, x);
    let r = n.mul_add(2.121_944_4e-4, r);
    let p = r.mul_add(1.388_888_9e-3, 8.333_333e-3);
    let p = p.mul_add(r, 4.166_666_6e-2).mul_add(r, 1.666_666_7e-1).mul_add(r, 0.5).mul_add(r, 1.0).mul_add(r, 1.0);
    f32::from_bits(p.to_bits().wrapping_add(shifted.to_bits() << 23))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use burn::tensor::module::attention;
    use burn::tensor::ops::AttentionModuleOptions;
    use burn::tensor::{Device, Tensor, TensorData};

    use super::*;

    #[test]
    fn exponentials_are_exact_enough() {
        for step in 0..=87_000 {
            let x = -(step as f32) / 1_000.0;
            let exact = f64::from(x).exp();
            assert!((f64::from(exp(x)) - exact).abs() <= 4e-7 * exact, "{x}: {} {exact}", exp(x));
        }
        assert!(exp(f32::NEG_INFINITY) < 1e-37 && exp(0.0) == 1.0);
    }

    /// Burn's own, one text at a time.
    fn by_burn(text: &[f32], heads: usize, width: usize) -> Vec<f32> {
        let length = text.len() / (3 * width);
        let part = |part: usize| {
            let rows = text.chunks_exact(3 * width).flat_map(|row| row[part * width..(part + 1) * width].to_vec());
            let data = TensorData::new(rows.collect::<Vec<f32>>(), [1, length, heads, width / heads]);
            Tensor::<4>::from_data(data, &Device::flex()).swap_dims(1, 2)
        };
        let mixed = attention(part(0), part(1), part(2), None, None, AttentionModuleOptions::default());
        mixed.swap_dims(1, 2).into_data().try_into_vec().unwrap()
    }

    #[test]
    fn agrees_with_burn() {
        let mut state = 1_u32;
        let mut draw = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 22) as f32 - 2.0
        };
        for (heads, size) in [(1, 4), (2, 32), (3, 24), (2, 64)] {
            let width = heads * size;
            let lengths = [1, 7, 8, 33, 100];
            let triple: Vec<f32> = (0..lengths.iter().sum::<usize>() * 3 * width).map(|_| draw()).collect();
            let ours = attend(&triple, &lengths, heads, width);
            let mut at = 0;
            for length in lengths {
                let theirs = by_burn(&triple[at * 3 * width..(at + length) * 3 * width], heads, width);
                for (ours, theirs) in ours[at * width..].iter().zip(&theirs) {
                    assert!((ours - theirs).abs() < 1e-5, "{heads} x {size}, {length}: {ours} {theirs}");
                }
                at += length;
            }
        }
    }
}
