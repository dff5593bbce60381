//! The layers of a BERT, written once for every backend: over texts laid end to end, one row a token.
//!
//! `x = norm(words + positions + kinds)`, then per layer `x = norm(x + out(attend(x)))`, `x = norm(x +
//! down(gelu(up(x))))` (Devlin et al., "BERT", 2018). Cost: 12 · hidden² multiplications a token and layer, and the
//! attention's.

use std::ops::Range;

use super::backend::{Backend, Pooling};
use super::config::Config;
use super::kernels;
use crate::ModelError;
use crate::weights::Weights;

/// A text as the network reads it: its tokens, of which those from `second` on are of the second kind, and the words whose
/// states are wanted, each by its tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sequence {
    pub ids: Vec<u32>,
    pub second: usize,
    pub words: Vec<Range<usize>>,
}

impl Sequence {
    /// Tokens of the first kind only, and no words.
    pub(crate) fn alone(ids: Vec<u32>) -> Self {
        Sequence { second: ids.len(), ids, words: Vec::new() }
    }
}

/// A network on some backend.
pub(super) trait Network: Send + Sync {
    /// Why it cannot read a text, if it cannot.
    fn refusal(&self, text: &Sequence) -> Option<&'static str>;

    /// One row a text: its vector, then for each of its words the mean of the word's tokens, layer after layer.
    fn forward(&self, texts: &[&Sequence], pooling: Pooling) -> Result<Vec<Vec<f32>>, String>;
}

/// The whole network.
pub(super) struct Bert<B: Backend> {
    backend: B,
    heads: usize,
    width: usize,
    words: Vec<f32>,
    positions: Vec<f32>,
    /// Of both kinds of tokens.
    kinds: Vec<f32>,
    norm: B::Norm,
    layers: Vec<Layer<B>>,
}

/// One layer.
pub(crate) struct Layer<B: Backend> {
    pub query_key_value: B::Linear,
    pub out: B::Linear,
    pub attended: B::Norm,
    pub up: B::Linear,
    pub down: B::Linear,
    pub fed: B::Norm,
}

impl<B: Backend> Bert<B> {
    /// The network of those weights.
    pub(super) fn load(weights: &mut Weights<'_>, config: &Config, backend: B) -> Result<Self, ModelError> {
        let width = config.hidden_size;
        let mut table = |name: &str, count| weights.numbers(&format!("embeddings.{name}.weight"), &[count, width]);
        let words = table("word_embeddings", config.vocab_size)?;
        let positions = table("position_embeddings", config.max_position_embeddings)?;
        let kinds = table("token_type_embeddings", config.type_vocab_size)?;
        let norm = backend.norm(weights.norm("embeddings.LayerNorm", width, config.layer_norm_eps)?);
        let layers = (0..config.num_hidden_layers).map(|layer| Layer::load(weights, config, layer, &backend));
        let layers = layers.collect::<Result<_, _>>()?;
        Ok(Self { heads: config.num_attention_heads, width, words, positions, kinds, norm, layers, backend })
    }

    /// The rows that enter the first layer, of texts that are not refused.
    fn embed(&self, texts: &[&Sequence]) -> Vec<f32> {
        let mut rows = Vec::with_capacity(texts.iter().map(|text| text.ids.len() * self.width).sum());
        for text in texts {
            for (at, &id) in text.ids.iter().enumerate() {
                let word = self.row(&self.words, id as usize);
                let position = self.row(&self.positions, at);
                let kind = self.row(&self.kinds, (at >= text.second).into());
                rows.extend(word.iter().zip(position).zip(kind).map(|((word, position), kind)| word + position + kind));
            }
        }
        rows
    }

    fn row<'t>(&self, table: &'t [f32], at: usize) -> &'t [f32] {
        &table[at * self.width..(at + 1) * self.width]
    }
}

impl<B: Backend> Network for Bert<B> {
    fn refusal(&self, text: &Sequence) -> Option<&'static str> {
        let rows = |table: &[f32]| table.len() / self.width;
        if text.ids.iter().any(|id| *id as usize >= rows(&self.words)) {
            Some("a token is not in the vocabulary")
        } else if text.ids.len() > rows(&self.positions) {
            Some("a text has more tokens than there are positions")
        } else if text.second < text.ids.len() && rows(&self.kinds) < 2 {
            Some("there is one kind of tokens only")
        } else {
            None
        }
    }

    fn forward(&self, texts: &[&Sequence], pooling: Pooling) -> Result<Vec<Vec<f32>>, String> {
        let lengths: Vec<usize> = texts.iter().map(|text| text.ids.len()).collect();
        let mut states = States::new(texts, self.layers.len() + 1, self.width);
        let mut rows = self.backend.enter(self.embed(texts), &self.norm);
        let within = self.backend.texts(&lengths);
        for (at, layer) in self.layers.iter().enumerate() {
            if states.wanted {
                states.take(at, &self.backend.host(&rows)?, texts);
            }
            rows = layer.forward(&self.backend, &rows, &within, self.heads);
        }
        if states.wanted {
            states.take(self.layers.len(), &self.backend.host(&rows)?, texts);
        }
        let pooled = self.backend.pool(rows, &within, pooling)?;
        Ok(states.behind(&pooled))
    }
}

/// The states of words, gathered layer by layer: of each text `[word, layer, number]`, behind the room for its vector.
struct States {
    wanted: bool,
    layers: usize,
    width: usize,
    rows: Vec<Vec<f32>>,
}

impl States {
    fn new(texts: &[&Sequence], layers: usize, width: usize) -> Self {
        let room = |text: &&Sequence| vec![0.0; width * (1 + layers * text.words.len())];
        let wanted = texts.iter().any(|text| !text.words.is_empty());
        Self { wanted, layers, width, rows: texts.iter().map(room).collect() }
    }

    /// Takes in what a layer made of the tokens.
    fn take(&mut self, layer: usize, tokens: &[f32], texts: &[&Sequence]) {
        let mut first = 0;
        for (text, row) in texts.iter().zip(&mut self.rows) {
            let words = row[self.width..].chunks_exact_mut(self.layers * self.width);
            for (word, into) in text.words.iter().zip(words) {
                let into = &mut into[layer * self.width..(layer + 1) * self.width];
                let tokens = &tokens[(first + word.start) * self.width..(first + word.end) * self.width];
                tokens.chunks_exact(self.width).for_each(|token| kernels::add(into, token));
                into.iter_mut().for_each(|x| *x /= word.len().max(1) as f32);
            }
            first += text.ids.len();
        }
    }

    /// Each text's vector with its words' states behind it.
    fn behind(mut self, pooled: &[f32]) -> Vec<Vec<f32>> {
        for (row, vector) in self.rows.iter_mut().zip(pooled.chunks_exact(self.width)) {
            row[..self.width].copy_from_slice(vector);
        }
        self.rows
    }
}

impl<B: Backend> Layer<B> {
    fn load(weights: &mut Weights<'_>, config: &Config, layer: usize, backend: &B) -> Result<Self, ModelError> {
        let (width, inner, eps) = (config.hidden_size, config.intermediate_size, config.layer_norm_eps);
        let name = |part: &str| format!("encoder.layer.{layer}.{part}");
        let triple = ["query", "key", "value"].map(|part| name(&format!("attention.self.{part}")));
        Ok(Self {
            query_key_value: backend.linear(weights.linear(&triple, width, width)?),
            out: backend.linear(weights.linear(&[name("attention.output.dense")], width, width)?),
            attended: backend.norm(weights.norm(&name("attention.output.LayerNorm"), width, eps)?),
            up: backend.linear(weights.linear(&[name("intermediate.dense")], width, inner)?),
            down: backend.linear(weights.linear(&[name("output.dense")], inner, width)?),
            fed: backend.norm(weights.norm(&name("output.LayerNorm"), width, eps)?),
        })
    }

    /// Over the rows of texts.
    pub(crate) fn forward(&self, backend: &B, rows: &B::Rows, texts: &B::Texts, heads: usize) -> B::Rows {
        let triple = backend.product(rows, &self.query_key_value);
        let mixed = backend.attend(&triple, texts, heads);
        let attended = backend.product_add_norm(&mixed, &self.out, rows, &self.attended);
        let inner = backend.product_gelu(&attended, &self.up);
        backend.product_add_norm(&inner, &self.down, &attended, &self.fed)
    }
}
