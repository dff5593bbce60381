//! Encoders of the BERT family on Burn: a text to a vector of length one. The all-MiniLM-L6-v2 of the registry is one.
//!
//! `embed(t) = v / |v|`, v the mean over t's tokens of the last layer, tokens at most [`TOKENS_MAX`]. Texts are sorted
//! by length and packed into jobs of at most `JOB_TOKENS` tokens without any padding; each lane of the machine takes
//! jobs. Cost: about 21 MFLOP a token for MiniLM-L6, and the weights (90 MB) in memory. A vector depends on its job in
//! the last bits only.

mod attention;
mod config;
mod kernels;
mod layers;
mod pooling;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use nexus_types::{Task, Text};
use tokenizers::{Tokenizer, TruncationParams};

use crate::lanes::{Lanes, cores};
use crate::{Model, ModelError, Reply, message, models};
use config::Config;
use layers::Bert;

/// The most tokens of a text that are read; what follows is ignored, as the reference implementation does.
pub const TOKENS_MAX: usize = 256;

/// The most bytes of a text that are read at all, far above what 256 tokens take: bounds the tokenizer's work.
const TEXT_BYTES_MAX: usize = 1 << 16;

/// The most tokens of a job: its widest intermediate then fits a core's cache.
const JOB_TOKENS: usize = 512;

/// How many texts the tokenizer takes at once.
const TOKENIZED_TOGETHER: usize = 64;

/// A text encoder with its weights.
pub struct Encoder {
    id: String,
    tokenizer: Tokenizer,
    bert: Bert,
    lanes: Lanes,
}

/// A text's tokens, and which text.
struct Tokens {
    text: usize,
    ids: Vec<u32>,
}

impl Encoder {
    /// The encoder whose `config.json`, `tokenizer.json` and `model.safetensors` are in `folder`. Its id is `name` and
    /// the digest of its weights.
    pub fn load(name: &str, folder: &Path) -> Result<Self, ModelError> {
        let config = Config::read(&folder.join("config.json"))?;
        let tokenizer = tokenizer(&folder.join("tokenizer.json"), TOKENS_MAX.min(config.max_position_embeddings))?;
        let path = folder.join("model.safetensors");
        let digest = models::digest(&path)?;
        let bert = Bert::load(&path, config)?;
        Ok(Self { id: format!("{name}@{}", &digest[..8]), tokenizer, bert, lanes: Lanes::new(cores(), "encoder")? })
    }

    /// The vector of each text, or why it has none.
    pub fn embed(&self, texts: &[Text]) -> Vec<Result<Vec<f32>, String>> {
        let mut results: Vec<Result<Vec<f32>, String>> = vec![Err(String::new()); texts.len()];
        let (mut read, mut tokens) = (Vec::new(), Vec::new());
        for (text, ids) in self.tokenize(texts).into_iter().enumerate() {
            match ids {
                Ok(ids) => {
                    read.push(text);
                    tokens.push(ids);
                }
                Err(reason) => results[text] = Err(reason),
            }
        }
        for (text, vector) in read.into_iter().zip(self.embed_tokens(tokens)) {
            results[text] = vector;
        }
        results
    }

    /// The vector of each sequence of tokens, special ones included.
    pub fn embed_tokens(&self, sequences: Vec<Vec<u32>>) -> Vec<Result<Vec<f32>, String>> {
        let mut results: Vec<Result<Vec<f32>, String>> = vec![Err(String::new()); sequences.len()];
        let numbered = sequences.into_iter().enumerate();
        let mut tokens: Vec<Tokens> = numbered.map(|(text, ids)| Tokens { text, ids }).collect();
        tokens.sort_by_key(|tokens| std::cmp::Reverse(tokens.ids.len()));
        let jobs = jobs(&tokens, self.lanes.count());
        for (job, vectors) in jobs.iter().zip(self.lanes.map(&jobs, |job| self.run(job))) {
            for (tokens, vector) in job.iter().zip(vectors) {
                results[tokens.text] = vector;
            }
        }
        results
    }

    /// Token ids, special ones included.
    pub fn tokenize(&self, texts: &[Text]) -> Vec<Result<Vec<u32>, String>> {
        let one = |text: &Text| -> Result<Vec<u32>, String> {
            let end = text.floor_char_boundary(TEXT_BYTES_MAX);
            let encoding = self.tokenizer.encode_fast(&text[..end], true).map_err(|error| error.to_string())?;
            if encoding.is_empty() { Err("no tokens".into()) } else { Ok(encoding.get_ids().to_vec()) }
        };
        let chunks: Vec<&[Text]> = texts.chunks(TOKENIZED_TOGETHER).collect();
        self.lanes.map(&chunks, |chunk| chunk.iter().map(|text| caught(|| one(text))).collect::<Vec<_>>()).concat()
    }

    /// The vectors of one job. If it fails as a whole, each text is tried alone, so that only the one to blame has
    /// none.
    fn run(&self, job: &[Tokens]) -> Vec<Result<Vec<f32>, String>> {
        let forward = |texts: &[Tokens]| {
            let ids: Vec<&[u32]> = texts.iter().map(|tokens| tokens.ids.as_slice()).collect();
            caught(|| self.bert.forward(&ids))
        };
        match forward(job) {
            Ok(vectors) => vectors.into_iter().map(Ok).collect(),
            Err(reason) if job.len() == 1 => vec![Err(reason)],
            Err(_) => job.chunks(1).flat_map(|alone| self.run(alone)).collect(),
        }
    }
}

impl Model for Encoder {
    fn id(&self) -> &str {
        &self.id
    }

    fn task(&self) -> Task {
        Task::Embed
    }

    fn dimension(&self) -> Option<usize> {
        Some(self.bert.dimension())
    }

    fn answer(&self, texts: &[Text]) -> Vec<Reply> {
        let reply = |result: Result<_, String>| result.map_or_else(Reply::refused, Reply::Vector);
        self.embed(texts).into_iter().map(reply).collect()
    }
}

/// The tokenizer of that file, without padding and cut at `tokens_max`.
fn tokenizer(path: &Path, tokens_max: usize) -> Result<Tokenizer, ModelError> {
    let malformed = |error: tokenizers::Error| ModelError::Malformed { path: path.into(), reason: error.to_string() };
    let bytes = std::fs::read(path).map_err(ModelError::file(path))?;
    let mut tokenizer = Tokenizer::from_bytes(bytes).map_err(malformed)?;
    tokenizer.with_padding(None);
    let cut = TruncationParams { max_length: tokens_max, ..Default::default() };
    tokenizer.with_truncation(Some(cut)).map_err(malformed)?;
    Ok(tokenizer)
}

/// Cuts texts sorted by length into jobs of at most `JOB_TOKENS` tokens: as few as keep all lanes busy to the end, and as
/// alike in size as whole texts allow. A text that is longer is a job of its own.
fn jobs(sorted: &[Tokens], lanes: usize) -> Vec<&[Tokens]> {
    let mut tokens: usize = sorted.iter().map(|tokens| tokens.ids.len()).sum();
    let mut count = tokens.div_ceil(JOB_TOKENS).next_multiple_of(lanes);
    let mut jobs = Vec::new();
    let mut rest = sorted;
    while !rest.is_empty() {
        let (share, mut taken) = (tokens.div_ceil(count.max(1)), 0);
        let fits = rest.iter().take_while(|text| {
            // Over the share if that is nearer to it than under it.
            let fits = taken + text.ids.len() / 2 <= share && taken + text.ids.len() <= JOB_TOKENS;
            taken += text.ids.len();
            fits
        });
        let (job, after) = rest.split_at(fits.count().max(1));
        tokens -= job.iter().map(|text| text.ids.len()).sum::<usize>();
        count = count.saturating_sub(1);
        jobs.push(job);
        rest = after;
    }
    jobs
}

/// The result, or what a panic said in its place.
fn caught<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    let panicked = |panic: Box<dyn std::any::Any + Send>| Err(format!("the model panicked: {}", message(&*panic)));
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(panicked)
}

#[cfg(test)]
mod tests;
