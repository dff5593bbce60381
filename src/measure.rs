//! How fast models are on this machine: written texts of three lengths, in words.

use std::time::{Duration, Instant};

use nexus_inference::{Device, models};
use nexus_types::Text;

use crate::{Error, Result};

/// How long each length is measured for.
const MEASURED: Duration = Duration::from_millis(1_000);
/// How many texts are embedded at once.
const TOGETHER: usize = 64;
/// What the texts are made of.
const WORDS: [&str; 16] = [
    "the", "meeting", "about", "winter", "trains", "was", "moved", "to", "Tuesday", "because", "nobody", "could",
    "find", "a", "warm", "room",
];

/// How fast an embedder is.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Speed {
    /// The embedder's id.
    pub model: String,
    /// Texts a second, by how many words they have.
    pub texts_per_second: Vec<(usize, f64)>,
}

/// Measures the model of that name, on that device. A reranker reads each text beside a question of four words.
pub fn measure(name: &str, device: Device) -> Result<Speed> {
    let known = models::known(name)?;
    let read: Box<dyn Fn(&[Text]) -> usize> = match (known.load(device)?, known.load_reranker(device)?) {
        (Some(model), _) => Box::new(move |texts| model.answer(texts).len()),
        (_, Some(reranker)) => Box::new(move |texts| reranker.score("where was it moved", texts).len()),
        (None, None) => return Err(Error::argument(format!("{name} is not here: nexus models fetch {name}"))),
    };
    let rate = |words: usize| {
        let text = |at: usize| -> Text {
            let words: Vec<&str> = (0..words).map(|word| WORDS[(at * 7 + word * 5) % WORDS.len()]).collect();
            words.join(" ").into()
        };
        let texts: Vec<Text> = (0..TOGETHER).map(text).collect();
        read(&texts);
        let (started, mut embedded) = (Instant::now(), 0);
        while started.elapsed() < MEASURED {
            embedded += read(&texts);
        }
        (words, embedded as f64 / started.elapsed().as_secs_f64())
    };
    Ok(Speed { model: known.id(), texts_per_second: [8, 32, 128].map(rate).into() })
}
