//! The same vectors on a device as on the CPU. Each test belongs to a cargo feature: `make test-wgpu` runs it on Vulkan in
//! software, where there is no other device.

use nexus_inference::{Device, Model, Reply, models};
use nexus_types::Text;

use crate::{stored, tiny};

fn vectors(model: &dyn Model, texts: &[Text]) -> Vec<Vec<f32>> {
    let vector = |reply| match reply {
        Reply::Vector(vector) => vector,
        other => panic!("{other:?}"),
    };
    model.answer(texts).into_iter().map(vector).collect()
}

fn agree(on_cpu: &dyn Model, on_device: &dyn Model, texts: &[Text]) {
    for ((text, a), b) in texts.iter().zip(vectors(on_cpu, texts)).zip(vectors(on_device, texts)) {
        let cosine = stored::cosine(&a, &b);
        assert!(cosine >= 0.9999, "{cosine} for {text:?}");
    }
}

fn reads_like_the_cpu(device: Device) {
    let texts: Vec<Text> =
        (0..40).map(|at| ["a cat", "dogs ran far", "away", ""].repeat(at).join(" ").into()).collect();
    agree(&tiny::encoder_on(Device::Cpu), &tiny::encoder_on(device), &texts);
    let sentences: Vec<Text> = stored::sentences().into_iter().step_by(5).collect();
    let minilm = |device| models::known("minilm").unwrap().load(device).unwrap();
    match (minilm(Device::Cpu), minilm(device)) {
        (Some(on_cpu), Some(on_device)) => agree(&*on_cpu, &*on_device, &sentences),
        _ => eprintln!("skipped: minilm is not installed; `nexus models fetch minilm` brings it"),
    }
}

#[cfg(feature = "wgpu")]
#[test]
fn wgpu_reads_like_the_cpu() {
    reads_like_the_cpu(Device::Wgpu);
}

#[cfg(feature = "cuda")]
#[test]
fn cuda_reads_like_the_cpu() {
    reads_like_the_cpu(Device::Cuda);
}
