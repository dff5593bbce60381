//! Encoders and the reranker against stored answers, which another implementation of the same weights gave in f64: 200
//! texts in six scripts, the last forty odd on purpose, and 30 pairs. Where a model's weights are not installed the test
//! says so and does nothing.

use std::sync::Arc;

use nexus_inference::{Device, Model, Reply, models};
use nexus_types::Text;
use serde::Deserialize;

/// A text of 12,002 tokens.
fn long() -> Text {
    "the river runs to the sea and nobody knows why ".repeat(1_200).into()
}

pub(crate) fn sentences() -> Vec<Text> {
    let sentences: Vec<String> = serde_json::from_str(include_str!("../data/sentences.json")).unwrap();
    sentences.into_iter().map(Text::from).collect()
}

fn loaded(name: &str) -> Option<Arc<dyn Model>> {
    let model = models::known(name).unwrap().load(Device::Cpu).unwrap();
    if model.is_none() {
        eprintln!("skipped: {name} is not installed; `nexus models fetch {name}` brings it");
    }
    model
}

/// The rows of numbers, each times 32,767.
fn rows(content: &[u8], width: usize) -> Vec<Vec<f32>> {
    let numbers: Vec<f32> =
        content.as_chunks::<2>().0.iter().map(|bytes| f32::from(i16::from_le_bytes(*bytes)) / 32_767.0).collect();
    numbers.chunks_exact(width).map(<[f32]>::to_vec).collect()
}

pub(crate) fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

fn vector(reply: &Reply) -> &[f32] {
    match reply {
        Reply::Vector(vector) => vector,
        other => panic!("{other:?}"),
    }
}

/// Compares; `start` is how the long text's vector begins.
fn agrees(name: &str, stored: &[u8], start: [f32; 5]) {
    let Some(encoder) = loaded(name) else { return };
    let (texts, stored) = (sentences(), rows(stored, 384));
    assert_eq!((texts.len(), stored.len()), (200, 200));
    for ((text, reply), stored) in texts.iter().zip(encoder.answer(&texts)).zip(&stored) {
        let cosine = cosine(vector(&reply), stored);
        assert!(cosine >= 0.9999, "{cosine} for {text:?}");
    }
    let reply = encoder.answer(&[long()]).remove(0);
    for (ours, stored) in vector(&reply).iter().zip(start) {
        assert!((ours - stored).abs() < 1e-4, "{ours} {stored}");
    }
}

#[test]
fn minilm_agrees_with_the_reference() {
    let start = [0.030_517_5, 0.088_538_5, -0.048_284_8, 0.021_371_5, -0.040_121_3];
    agrees("minilm", include_bytes!("../data/minilm.i16"), start);
}

#[test]
fn bge_agrees_with_the_reference() {
    let start = [-0.020_034_8, -0.022_903_6, -0.017_335_7, 0.005_105_57, 0.036_481_6];
    agrees("bge-small", include_bytes!("../data/bge-small.i16"), start);
}

#[test]
fn bge_reads_questions_otherwise_than_passages() {
    let Some(encoder) = loaded("bge-small") else { return };
    let question: Text = "Where does Ana live?".into();
    let prefixed: Text = format!("Represent this sentence for searching relevant passages: {question}").into();
    let asked = encoder.question(&question).unwrap();
    assert!(cosine(&asked, vector(&encoder.answer(&[prefixed])[0])) > 0.999_99);
    assert!(cosine(&asked, vector(&encoder.answer(&[question])[0])) < 0.99);
}

#[derive(Deserialize)]
struct Pair {
    question: String,
    passage: String,
    logit: f32,
}

#[test]
fn the_reranker_agrees_with_the_reference() {
    let Some(reranker) = models::known("reranker").unwrap().load_reranker(Device::Cpu).unwrap() else {
        eprintln!("skipped: reranker is not installed; `nexus models fetch reranker` brings it");
        return;
    };
    let pairs: Vec<Pair> = serde_json::from_str(include_str!("../data/pairs.json")).unwrap();
    assert_eq!(pairs.len(), 30);
    for pair in pairs {
        let score = reranker.score(&pair.question, &[pair.passage.as_str().into()]).remove(0).unwrap();
        assert!((score - pair.logit).abs() < 1e-2, "{score} {}: {:?} {:?}", pair.logit, pair.question, pair.passage);
    }
}
