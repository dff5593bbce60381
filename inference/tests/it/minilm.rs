//! MiniLM against 50 stored sentences, whose vectors come from another implementation of the same weights in f64. Where
//! the weights are not installed the test says so and does nothing.

use nexus_inference::{Reply, models};
use nexus_types::Text;
use serde::Deserialize;

/// A sentence, how many tokens it has, and its vector.
#[derive(Deserialize)]
struct Stored {
    text: String,
    tokens: usize,
    vector: Vec<f32>,
}

#[test]
fn agrees_with_the_reference() {
    let Some(encoder) = models::known("minilm").unwrap().load().unwrap() else {
        eprintln!("skipped: minilm is not installed; `nexus models fetch minilm` brings it");
        return;
    };
    let stored: Vec<Stored> = serde_json::from_str(include_str!("../data/minilm.json")).unwrap();
    assert_eq!(stored.len(), 50);
    let texts: Vec<Text> = stored.iter().map(|stored| stored.text.as_str().into()).collect();
    for (stored, reply) in stored.iter().zip(encoder.answer(&texts)) {
        let Reply::Vector(vector) = reply else { panic!("{reply:?} to {:?}", stored.text) };
        let cosine: f32 = stored.vector.iter().zip(vector).map(|(a, b)| a * b).sum();
        assert!(cosine >= 0.9999, "{cosine} for {} tokens of {:?}", stored.tokens, stored.text);
    }
}
