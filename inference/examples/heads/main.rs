//! Heads: trains the heads that read an encoder's states, and scores them.
//!
//! `cargo run -p nexus-inference --features train --example heads -- ENCODER DATA OUT [SECONDS]`: ENCODER is the folder that
//! `nexus models fetch minilm` fills; DATA holds `treebank/ewt/{train.conllu.gz,dev.conllu}` (UD English EWT),
//! `ner/*.conll` (WNUT-17, Broad Twitter Corpus, wikigold), `emotion/goemotions_*.tsv` and `nli/cf_snli_*.tsv`
//! (counterfactual SNLI); OUT is the file that gets the weights. Seeds are fixed. About half an hour on 2 cores.
//!
//! One trunk serves all heads; each step trains on a batch of one of the four sets, in proportion to how often each is gone
//! over. Thresholds of emotions are set on a part of the training texts that is not trained on.

// It is a tool.
#![allow(missing_docs, clippy::unwrap_used)]

mod data;
mod network;
mod save;
mod score;
mod store;
mod tasks;

use std::path::Path;
use std::time::Instant;

use burn::grad_clipping::GradientClippingConfig;
use burn::module::Module;
use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::Device;
use nexus_inference::{Encoder, Reading};

use network::Heads;
use tasks::Tasks;

/// The greatest learning rate.
const RATE: f64 = 1.5e-3;
/// Steps until it is reached.
const WARM_UP: usize = 200;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [encoder, data, out] = &arguments[..] else {
        eprintln!("usage: cargo run -p nexus-inference --features train --example heads -- ENCODER DATA OUT");
        std::process::exit(2);
    };
    let encoder =
        Encoder::load("encoder", Path::new(encoder), &Reading::default(), nexus_inference::Device::Cpu).unwrap();
    let started = Instant::now();
    let tasks = Tasks::read(&encoder, Path::new(data));
    eprintln!("{} texts read in {:.0?}", tasks.len(), started.elapsed());

    let device = Device::flex();
    device.seed(7);
    let training = device.clone().autodiff();
    let (states, vector) = tasks.widths();
    let mut heads = Heads::new(states, vector, &training).train();
    let mut optimizer = AdamWConfig::new()
        .with_weight_decay(0.01)
        .with_beta_2(0.98)
        .with_epsilon(1e-8)
        .with_grad_clipping(Some(GradientClippingConfig::Norm(1.0)))
        .init();
    let plan = tasks.plan();
    let started = Instant::now();
    let mut losses = [(0.0, 0usize); 4];
    for (step, (task, batch)) in plan.iter().enumerate() {
        let loss = tasks.loss(&heads, *task, batch, &training);
        let (sum, count) = &mut losses[*task as usize];
        (*sum, *count) = (*sum + loss.clone().into_scalar::<f32>(), *count + 1);
        let gradients = GradientsParams::from_grads(loss.backward(), &heads);
        heads = optimizer.step(rate(step, plan.len()), heads, gradients);
        if (step + 1) % 100 == 0 {
            let means = losses.map(|(sum, count)| sum / count.max(1) as f32);
            let left = started.elapsed().as_secs_f64() / (step + 1) as f64 * (plan.len() - step - 1) as f64;
            eprintln!("step {} of {}: {means:.3?}, {left:.0} s left", step + 1, plan.len());
            losses = [(0.0, 0); 4];
        }
        if (step + 1) % 1000 == 0 || step + 1 == plan.len() {
            let now = heads.valid();
            let thresholds = score::thresholds(&tasks, &now, &device);
            score::print(&tasks, &now, &thresholds, &device);
            save::write(Path::new(out), &now, &thresholds);
        }
    }
}

/// Up to the greatest within the first steps, down to nothing with the last.
fn rate(step: usize, steps: usize) -> f64 {
    let up = (step + 1) as f64 / WARM_UP as f64;
    let down = (steps - step) as f64 / steps as f64;
    RATE * up.min(1.0) * down
}
