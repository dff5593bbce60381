//! The encoder's states of all texts, computed once: training goes over them many times.

use burn::tensor::{Bool, Device, Int, Tensor, TensorData, f16};
use nexus_inference::Encoder;
use nexus_inference::heads::{FEATURES, features};

use crate::data::Text;
use crate::network::{Rows, Trunk};

/// How many texts go through the encoder at once.
const AT_ONCE: usize = 1_024;

/// Texts as the heads read them.
#[derive(Default)]
pub(crate) struct Store {
    width: usize,
    states: Vec<f16>,
    pub texts: Vec<Stored>,
}

/// One text.
pub(crate) struct Stored {
    first: usize,
    pub words: usize,
    features: Vec<[u32; FEATURES]>,
    /// Each word's sentence.
    pub sentences: Vec<usize>,
    vector: Vec<f32>,
}

impl Store {
    pub(crate) fn read<'t>(encoder: &Encoder, texts: impl IntoIterator<Item = &'t Text>) -> Self {
        let texts: Vec<&Text> = texts.into_iter().collect();
        let mut store = Store::default();
        for some in texts.chunks(AT_ONCE) {
            let asked: Vec<_> = some.iter().map(|text| (text.text.as_str(), text.words.clone())).collect();
            for (text, row) in some.iter().zip(encoder.states(&asked)) {
                store.push(text, &row.unwrap());
            }
        }
        store
    }

    fn push(&mut self, text: &Text, row: &[f32]) {
        let (vector, states) = row.split_at(384);
        self.width = states.len() / text.words.len();
        let sentences = text.sentences();
        let begins = |word: usize| word == 0 || sentences[word] != sentences[word - 1];
        let of_word = |(at, word): (usize, &std::ops::Range<usize>)| features(&text.text[word.clone()], begins(at));
        let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt().max(1e-6) / (vector.len() as f32).sqrt();
        self.texts.push(Stored {
            first: self.states.len(),
            words: text.words.len(),
            features: text.words.iter().enumerate().map(of_word).collect(),
            vector: vector.iter().map(|x| x / length).collect(),
            sentences,
        });
        self.states.extend(states.iter().map(|x| f16::from_f32(*x)));
    }

    /// Numbers of a word's states, and of a text's vector.
    pub(crate) fn widths(&self) -> (usize, usize) {
        (self.width, self.texts.first().map_or(0, |text| text.vector.len()))
    }

    /// Batches of texts of like length, of about so many words.
    pub(crate) fn batches(&self, places: &[usize], words: usize) -> Vec<Vec<usize>> {
        let mut batches: Vec<Vec<usize>> = Vec::new();
        let mut sorted = places.to_vec();
        sorted.sort_by_key(|at| self.texts[*at].words);
        let mut longest = 0;
        for at in sorted {
            longest = self.texts[at].words.max(longest);
            match batches.last_mut() {
                Some(batch) if (batch.len() + 1) * longest <= words => batch.push(at),
                _ => {
                    longest = self.texts[at].words;
                    batches.push(vec![at]);
                }
            }
        }
        batches
    }

    /// What the trunk makes of some texts.
    pub(crate) fn rows(&self, trunk: &Trunk, batch: &[usize], device: &Device) -> Rows {
        let longest = batch.iter().map(|at| self.texts[*at].words).max().unwrap_or(0);
        let mut states = Vec::with_capacity(batch.len() * longest * self.width);
        let mut features = Vec::with_capacity(batch.len() * longest * FEATURES);
        let mut padding = Vec::with_capacity(batch.len() * longest);
        for text in batch.iter().map(|at| &self.texts[*at]) {
            let own = &self.states[text.first..text.first + text.words * self.width];
            states.extend(own.iter().map(|x| x.to_f32()));
            states.resize(padding.len() * self.width + longest * self.width, 0.0);
            features.extend(text.features.iter().flatten().map(|row| *row as i32));
            features.resize((padding.len() + longest) * FEATURES, 0);
            padding.extend((0..longest).map(|word| word >= text.words));
        }
        let shape = [batch.len(), longest];
        let states = Tensor::from_data(TensorData::new(states, [shape[0], longest, self.width]), device);
        let features = Tensor::<2, Int>::from_data(TensorData::new(features, [shape[0] * longest, FEATURES]), device);
        let padding = Tensor::<2, Bool>::from_data(TensorData::new(padding, shape), device);
        trunk.forward(states, features, padding)
    }

    /// The vectors of some texts.
    pub(crate) fn vectors(&self, batch: &[usize], device: &Device) -> Tensor<2> {
        let numbers: Vec<f32> = batch.iter().flat_map(|at| self.texts[*at].vector.iter().copied()).collect();
        Tensor::from_data(TensorData::new(numbers, [batch.len(), self.widths().1]), device)
    }
}
