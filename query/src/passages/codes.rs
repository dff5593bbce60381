//! Codes: short forms of vectors, in memory, by which the passages nearest in meaning are found.
//!
//! A vector is kept twice: the signs of what it differs by from the embedder's usual vector, a bit a number, and in whole
//! steps, eight bits a number, which is all that a cosine is made of (`nexus_scoring::similar`). All signs are compared with the
//! question's (Charikar, "Similarity estimation techniques from rounding algorithms", 2002); the nearest of them by the
//! steps. Whatever limits there are hold before both. Cost: 1.2 ms a million passages of 256 numbers and processor, for the
//! signs; 290 bytes a passage.

use std::cmp::Reverse;

use nexus_scoring::similar::{Direction, in_steps};
use nexus_types::Hash128;
use pulp::Arch;

use super::bits::Bits;

/// So many times as many as are wanted are compared by their steps, and at least so many.
const COMPARED: usize = 40;
const COMPARED_MIN: usize = 5_000;
/// So many passages say how near is near.
const SAMPLED: usize = 100_000;
/// So many distances are looked at together.
const BLOCK: usize = 16;
/// A distance that no two vectors have.
const FAR: u16 = u16::MAX;

/// What an embedder's vectors have in common, and how long they are.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Usual(pub(crate) Vec<f32>);

impl Usual {
    /// The mean of vectors that lie one after another.
    pub(crate) fn of(vectors: &[f32], width: usize) -> Usual {
        let mut sums = vec![0f64; width];
        for vector in vectors.chunks_exact(width.max(1)) {
            sums.iter_mut().zip(vector).for_each(|(sum, value)| *sum += f64::from(*value));
        }
        let count = (vectors.len() / width.max(1)).max(1) as f64;
        Usual(sums.into_iter().map(|sum| (sum / count) as f32).collect())
    }

    #[inline(always)]
    fn signs(&self, vector: &[f32], signs: &mut [u64]) {
        for (word, (values, usual)) in signs.iter_mut().zip(vector.chunks(64).zip(self.0.chunks(64))) {
            let bits = values.iter().zip(usual).enumerate();
            *word = bits.fold(0, |word, (at, (value, usual))| word | u64::from(value > usual) << at);
        }
    }
}

/// The codes of one piece's passages.
#[derive(Clone, Debug)]
pub(crate) struct Codes {
    /// So many words of signs a passage.
    words: usize,
    width: usize,
    signs: Vec<u64>,
    steps: Vec<i8>,
    /// How long a step is.
    step: Vec<f32>,
    /// The passages whose text has a vector.
    pub(crate) known: Bits,
}

impl Codes {
    pub(crate) fn new(rows: usize, width: usize) -> Codes {
        let words = width.div_ceil(64);
        let (signs, steps) = (vec![0; rows * words], vec![0; rows * width]);
        Codes { words, width, signs, steps, step: vec![0.0; rows], known: Bits::of(rows, |_| false) }
    }

    /// Takes in the vector of a passage.
    pub(crate) fn set(&mut self, row: usize, usual: &Usual, vector: &[f32]) {
        let signs = &mut self.signs[row * self.words..][..self.words];
        let steps = &mut self.steps[row * self.width..][..self.width];
        let step = Arch::new().dispatch(
            #[inline(always)]
            || {
                usual.signs(vector, signs);
                in_steps(vector, steps)
            },
        );
        // What is no vector is near to nothing.
        if let Some(step) = step {
            self.step[row] = step;
            self.known.mark(row);
        }
    }

    /// In how many signs each passage differs from the question; [`FAR`] where it may not be found.
    fn distances(&self, asked: &[u64], may: &Bits, arch: Arch) -> Vec<u16> {
        let mut distances = vec![FAR; self.step.len()];
        arch.dispatch(
            #[inline(always)]
            || match self.words {
                4 => differing::<4>(&self.signs, asked, &mut distances),
                6 => differing::<6>(&self.signs, asked, &mut distances),
                8 => differing::<8>(&self.signs, asked, &mut distances),
                12 => differing::<12>(&self.signs, asked, &mut distances),
                words => {
                    for (distance, signs) in distances.iter_mut().zip(self.signs.chunks_exact(words.max(1))) {
                        *distance = signs.iter().zip(asked).map(|(a, b)| (a ^ b).count_ones() as u16).sum();
                    }
                }
            },
        );
        for (start, word) in self.known.and(may).gaps() {
            let end = distances.len().min(start + 64);
            (start..end).filter(|row| word >> (row - start) & 1 == 0).for_each(|row| distances[row] = FAR);
        }
        distances
    }

    /// The cosine of a passage's vector to a question's.
    #[inline(always)]
    pub(crate) fn cosine(&self, row: usize, question: &Direction) -> i64 {
        question.cosine(&self.steps[row * self.width..][..self.width], self.step[row])
    }
}

#[inline(always)]
fn differing<const W: usize>(signs: &[u64], asked: &[u64], distances: &mut [u16]) {
    let mut own = [0u64; W];
    own.iter_mut().zip(asked).for_each(|(own, asked)| *own = *asked);
    for (distance, signs) in distances.iter_mut().zip(signs.as_chunks::<W>().0) {
        let mut sum = 0;
        for at in 0..W {
            sum += (signs[at] ^ own[at]).count_ones();
        }
        *distance = sum as u16;
    }
}

/// How far about so many lie, by a sample of many.
fn reach(distances: &[Vec<u16>], wanted: usize, width: usize) -> u16 {
    let all: usize = distances.iter().map(Vec::len).sum();
    let step = (all / SAMPLED).max(1);
    let mut counts = vec![0usize; width + 1];
    for distance in distances.iter().flat_map(|distances| distances.iter().step_by(step)) {
        if let Some(count) = counts.get_mut(usize::from(*distance)) {
            *count += step;
        }
    }
    let mut sum = 0;
    let enough = |count: &usize| {
        sum += count;
        sum >= wanted
    };
    counts.iter().position(enough).unwrap_or(width) as u16
}

/// The passages nearest to a question, by piece and row, among those that may be found; nearest first, more than `k` of
/// them if there are more. Those that are equally near stand by text, then by id, wherever they are kept.
pub(crate) fn nearest(
    pieces: &[(&Codes, &Bits)],
    usual: &Usual,
    question: &[f32],
    k: usize,
    text: impl Fn(usize, usize) -> Hash128,
    id: impl Fn(usize, usize) -> Hash128,
) -> Vec<(usize, usize)> {
    let arch = Arch::new();
    let mut asked = vec![0; usual.0.len().div_ceil(64)];
    usual.signs(question, &mut asked);
    let distances: Vec<Vec<u16>> = pieces.iter().map(|(codes, may)| codes.distances(&asked, may, arch)).collect();
    let wanted = k.saturating_mul(COMPARED).max(COMPARED_MIN);
    let reach = reach(&distances, wanted, usual.0.len());
    let direction = Direction::of(question);
    let mut found: Vec<(Reverse<i64>, usize, usize)> = Vec::new();
    arch.dispatch(
        #[inline(always)]
        || {
            for (piece, distances) in distances.iter().enumerate() {
                for (block, of) in distances.chunks(BLOCK).enumerate() {
                    // Few blocks have one that is near.
                    if of.iter().fold(FAR, |least, distance| least.min(*distance)) > reach {
                        continue;
                    }
                    // A plain loop: an iterator's own functions would be compiled for any processor.
                    for (at, distance) in of.iter().enumerate() {
                        if *distance <= reach {
                            let row = block * BLOCK + at;
                            found.push((Reverse(pieces[piece].0.cosine(row, &direction)), piece, row));
                        }
                    }
                }
            }
        },
    );
    let by_text = |a: &(_, usize, usize), b: &(_, usize, usize)| text(a.1, a.2).cmp(&text(b.1, b.2));
    let by_id = |a: &(_, usize, usize), b: &(_, usize, usize)| id(a.1, a.2).cmp(&id(b.1, b.2));
    found.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| by_text(a, b)).then_with(|| by_id(a, b)));
    found.into_iter().map(|(_, piece, row)| (piece, row)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors of length 1 around a usual one, always the same.
    fn vectors(count: usize, width: usize) -> Vec<f32> {
        let mut state = 9u64;
        let mut draw = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
        };
        let all: Vec<f32> = (0..count * width).map(|at| draw() + if at % width < 3 { 1.0 } else { 0.0 }).collect();
        let unit = |vector: &[f32]| {
            let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
            vector.iter().map(|value| value / length).collect::<Vec<_>>()
        };
        all.chunks_exact(width).flat_map(unit).collect()
    }

    #[test]
    fn finds_what_all_vectors_say() {
        for width in [64, 100, 256, 384] {
            let all = vectors(3_000, width);
            let usual = Usual::of(&all, width);
            let mut codes = Codes::new(3_000, width);
            all.chunks_exact(width).enumerate().for_each(|(row, vector)| codes.set(row, &usual, vector));
            let may = Bits::of(3_000, |row| row % 3 != 0);
            let (mut right, key) = (0, |_, row| Hash128([row as u64, 0]));
            for asked in (0..3_000).step_by(300) {
                let question: Vec<f32> = all[asked * width..][..width].to_vec();
                let mut found = nearest(&[(&codes, &may)], &usual, &question, 10, key, key);
                found.truncate(10);
                let product =
                    |row: usize| all[row * width..][..width].iter().zip(&question).map(|(a, b)| a * b).sum::<f32>();
                let mut exact: Vec<usize> = (0..3_000).filter(|row| row % 3 != 0).collect();
                exact.sort_by(|a, b| product(*b).total_cmp(&product(*a)));
                assert!(found.iter().all(|(_, row)| row % 3 != 0) && found.len() == 10);
                right += exact[..10].iter().filter(|row| found.contains(&(0, **row))).count();
            }
            assert!(right >= 90, "{width}: {right} of 100");
        }
    }
}
