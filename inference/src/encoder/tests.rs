//! How sequences become jobs, and that our kernels compute what Burn's operations do.
#![allow(clippy::unwrap_used)]

use burn::tensor::{Device, Tensor, TensorData};

use super::backend::{Backend, Pooling};
use super::cpu::Cpu;
use super::layers::Sequence;
use super::portable::Portable;
use super::reader::{JOB_TOKENS, Placed, jobs, padded_jobs};
use crate::weights::{Linear, Norm};

fn placed(lengths: &[usize]) -> Vec<Placed> {
    let one = |(text, &length): (usize, &usize)| Placed { text, sequence: Sequence::alone(vec![0; length]) };
    lengths.iter().enumerate().map(one).collect()
}

fn sizes(lengths: &[usize], lanes: usize) -> Vec<usize> {
    let placed = placed(lengths);
    let jobs = jobs(&placed, JOB_TOKENS, lanes);
    jobs.iter().map(|job| job.iter().map(|placed| placed.sequence.ids.len()).sum()).collect()
}

#[test]
fn jobs_are_bounded_and_lose_nothing() {
    let lengths: Vec<usize> = (2..=256).rev().collect();
    let sizes = sizes(&lengths, 2);
    assert!(sizes.iter().all(|&size| size <= JOB_TOKENS));
    assert_eq!(sizes.iter().sum::<usize>(), lengths.iter().sum::<usize>());
    assert!(sizes.len() < lengths.len() / 2);
}

#[test]
fn a_small_backlog_is_shared_by_the_lanes() {
    assert_eq!(sizes(&[10, 10, 10, 10], 2), [20, 20]);
    assert_eq!(sizes(&[7], 4), [7]);
    assert!(sizes(&[], 4).is_empty());
}

#[test]
fn padding_counts_on_a_device() {
    let placed = placed(&[512, 10, 10, 10, 1, 1]);
    let sizes: Vec<usize> = padded_jobs(&placed, 30).iter().map(|job| job.len()).collect();
    assert_eq!(sizes, [1, 3, 2]);
    assert!(padded_jobs(&[], 30).is_empty());
}

/// Numbers without a pattern, from -2 to 2.
fn random(seed: u32) -> impl FnMut(usize) -> Vec<f32> {
    let mut state = seed;
    move |count| {
        let mut draw = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 22) as f32 - 2.0
        };
        (0..count).map(|_| draw()).collect()
    }
}

fn alike(what: &str, ours: &[f32], theirs: Tensor<2>, within: f32) {
    let theirs: Vec<f32> = theirs.into_data().try_into_vec().unwrap();
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (at, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
        assert!((ours - theirs).abs() <= within * theirs.abs().max(1.0), "{what}, {at}: {ours} {theirs}");
    }
}

/// Every operation of the seam, by our kernels and by Burn's operations on some device: widths that fill panels and widths
/// that do not, texts of one token and of many.
fn kernels_agree_with(device: &Device) {
    let portable = Portable { device: device.clone() };
    let mut random = random(1);
    for (input, output, heads, lengths) in [
        (384, 384, 12, vec![7, 1, 33]),
        (384, 1536, 12, vec![128]),
        (1536, 384, 24, vec![2, 2]),
        (10, 50, 2, vec![9, 3, 5]),
        (6, 3, 1, vec![1]),
    ] {
        let count: usize = lengths.iter().sum();
        let what = format!("{count} rows of {input}, {output}");
        let (weight, bias) = (random(input * output), random(output));
        let linear = || Linear { weight: weight.clone(), bias: bias.clone() };
        let (scale, shift, before) = (random(output), random(output), random(input));
        let norm = || Norm { scale: scale.clone(), shift: shift.clone(), eps: 1e-12 };
        let enter = || Norm { scale: before.clone(), shift: before.clone(), eps: 1e-12 };
        let (rows, residual) = (random(count * input), random(count * output));
        let (ours, theirs) = (Cpu.linear(linear()), portable.linear(linear()));
        let (our_norm, their_norm) = (Cpu.norm(norm()), portable.norm(norm()));
        let our_rows = Cpu.enter(rows.clone(), &Cpu.norm(enter()));
        let their_rows = portable.enter(rows, &portable.norm(enter()));
        alike(&format!("norm of {what}"), &our_rows, their_rows.clone(), 1e-4);
        let within = 1e-5 * input as f32;
        alike(&what, &Cpu.product(&our_rows, &ours), portable.product(&their_rows, &theirs), within);
        let gelu = (Cpu.product_gelu(&our_rows, &ours), portable.product_gelu(&their_rows, &theirs));
        alike(&format!("gelu of {what}"), &gelu.0, gelu.1, within);
        let on_device = Tensor::from_data(TensorData::new(residual.clone(), [count, output]), device);
        let ours = Cpu.product_add_norm(&our_rows, &ours, &residual, &our_norm);
        let theirs = portable.product_add_norm(&their_rows, &theirs, &on_device, &their_norm);
        alike(&format!("norm after {what}"), &ours, theirs, 1e-3);

        let triple = random(count * 3 * heads * 8);
        let on_device = Tensor::from_data(TensorData::new(triple.clone(), [count, 3 * heads * 8]), device);
        let (our_texts, their_texts) = (Cpu.texts(&lengths), portable.texts(&lengths));
        let ours = Cpu.attend(&triple, &our_texts, heads);
        let theirs = portable.attend(&on_device, &their_texts, heads);
        alike(&format!("attention of {lengths:?}"), &ours, theirs.clone(), 1e-4);
        for pooling in [Pooling::Mean, Pooling::Cls] {
            let theirs = portable.pool(theirs.clone(), &their_texts, pooling).unwrap();
            let ours = Cpu.pool(ours.clone(), &our_texts, pooling).unwrap();
            assert!(ours.iter().zip(theirs).all(|(ours, theirs)| (ours - theirs).abs() < 1e-4), "{pooling:?}");
        }
    }
}

#[test]
fn kernels_agree_with_burn() {
    kernels_agree_with(&Device::flex());
}

#[cfg(feature = "cuda")]
#[test]
fn kernels_agree_with_cuda() {
    kernels_agree_with(&crate::Device::Cuda.place().unwrap().unwrap());
}

#[cfg(feature = "wgpu")]
#[test]
fn kernels_agree_with_wgpu() {
    kernels_agree_with(&crate::Device::Wgpu.place().unwrap().unwrap());
}
