//! The reader: texts to tokens, tokens to jobs, jobs to the network. Texts are sorted by length and packed into jobs
//! of bounded size; on the host each lane takes jobs without any padding, a device takes one large job at a time.

use std::ops::Range;
use std::path::{Path, PathBuf};

use tokenizers::{EncodeInput, Tokenizer, TruncationParams};

use super::backend::Pooling;
use super::config::Config;
use super::cpu::Cpu;
use super::fallback::Fallible;
use super::layers::{Bert, Network, Sequence};
use super::portable::Portable;
use crate::device::{Device, Place};
use crate::lanes::{Lanes, cores};
use crate::weights::Weights;
use crate::{ModelError, caught};

/// The most bytes of a text that are read at all, far above what any model takes: bounds the tokenizer's work.
const TEXT_BYTES_MAX: usize = 1 << 16;
/// The most tokens of a job on the host: what one layer computes for it then fits a core's cache.
pub(super) const JOB_TOKENS: usize = 512;
/// The most tokens of a job on a device, padding included: it is only busy with many.
const DEVICE_JOB_TOKENS: usize = 16_384;
/// How many texts the tokenizer takes at once.
const TOKENIZED_TOGETHER: usize = 64;

/// A tokenizer, a network, and the threads it runs on.
pub(crate) struct Reader {
    width: usize,
    tokenizer: Tokenizer,
    network: Fallible,
    lanes: Lanes,
}

/// A sequence, and the place of its text.
pub(super) struct Placed {
    pub text: usize,
    pub sequence: Sequence,
}

impl Reader {
    /// The model in a folder: `tokenizer.json`, the weights, and `config.json` unless its content is given. It reads that
    /// many tokens of a text, or as many as it has positions.
    pub(crate) fn load(
        folder: &Path,
        config: Option<&Config>,
        tokens: Option<usize>,
        device: Device,
    ) -> Result<Self, ModelError> {
        let config = Config::of(&folder.join("config.json"), config)?;
        let tokens_max = tokens.unwrap_or(usize::MAX).min(config.max_position_embeddings);
        let tokenizer = tokenizer(&folder.join("tokenizer.json"), tokens_max)?;
        let network = match device.place()? {
            None => Fallible::on_host(network(folder, &config, None)?),
            place => {
                let on_device = network(folder, &config, place)?;
                let (folder, config) = (folder.to_path_buf(), config.clone());
                let on_host = move || network(&folder, &config, None).map_err(|error| error.to_string());
                Fallible::on_device(on_device, on_host)
            }
        };
        Ok(Self { width: config.hidden_size, tokenizer, network, lanes: Lanes::new(cores(), "encoder")? })
    }

    /// The length of a row.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// Token ids of texts or pairs of texts, special ones included.
    pub(crate) fn tokenize(&self, texts: &[(&str, Option<&str>)]) -> Vec<Result<Sequence, String>> {
        let one = |(first, second): &(&str, Option<&str>)| -> Result<Sequence, String> {
            let input = match second {
                Some(second) => EncodeInput::from((start_of(first), start_of(second))),
                None => EncodeInput::from(start_of(first)),
            };
            let encoding = self.tokenizer.encode_fast(input, true).map_err(|error| error.to_string())?;
            let ids = encoding.get_ids().to_vec();
            let kinds = encoding.get_type_ids();
            let second = kinds.iter().position(|kind| *kind > 0).filter(|_| second.is_some());
            if ids.is_empty() {
                Err("no tokens".into())
            } else {
                Ok(Sequence { second: second.unwrap_or(ids.len()), ids, words: Vec::new() })
            }
        };
        let chunks: Vec<_> = texts.chunks(TOKENIZED_TOGETHER).collect();
        self.lanes.map(&chunks, |chunk| chunk.iter().map(|text| caught(|| one(text))).collect::<Vec<_>>()).concat()
    }

    /// Token ids of texts, special ones included, and which of them make up each of a text's words, given by its bytes.
    /// Words made of nothing that the tokenizer keeps have the token before them, words that were cut off have none.
    pub(crate) fn tokenize_words(&self, texts: &[(&str, Vec<Range<usize>>)]) -> Vec<Result<Sequence, String>> {
        let one = |(text, words): &(&str, Vec<Range<usize>>)| -> Result<Sequence, String> {
            let encoding = self.tokenizer.encode(start_of(text), true).map_err(|error| error.to_string())?;
            let ids = encoding.get_ids().to_vec();
            if ids.is_empty() {
                return Err("no tokens".into());
            }
            let words = words_of(words, encoding.get_offsets(), encoding.get_special_tokens_mask());
            Ok(Sequence { second: ids.len(), ids, words })
        };
        let chunks: Vec<_> = texts.chunks(TOKENIZED_TOGETHER).collect();
        self.lanes.map(&chunks, |chunk| chunk.iter().map(|text| caught(|| one(text))).collect::<Vec<_>>()).concat()
    }

    /// One row a sequence, or why it has none.
    pub(crate) fn read(
        &self,
        sequences: Vec<Result<Sequence, String>>,
        pooling: Pooling,
    ) -> Vec<Result<Vec<f32>, String>> {
        self.read_with(sequences, pooling, |rows| rows.into_iter().map(|(_, row)| row).collect())
    }

    /// What `then` makes of the rows of a job, each with the place of its text, or why a text has no row. It runs where the
    /// job ran, so that all cores share in it.
    pub(crate) fn read_with<R: Send + Clone>(
        &self,
        sequences: Vec<Result<Sequence, String>>,
        pooling: Pooling,
        then: impl Fn(Vec<(usize, Vec<f32>)>) -> Vec<R> + Sync,
    ) -> Vec<Result<R, String>> {
        let mut results: Vec<Result<R, String>> = Vec::with_capacity(sequences.len());
        let mut placed = Vec::with_capacity(sequences.len());
        for (text, sequence) in sequences.into_iter().enumerate() {
            results.push(Err(String::new()));
            match sequence {
                Ok(sequence) => placed.push(Placed { text, sequence }),
                Err(reason) => results[text] = Err(reason),
            }
        }
        placed.sort_by_key(|placed| std::cmp::Reverse(placed.sequence.ids.len()));
        let run = |job: &&[Placed]| {
            let texts: Vec<&Sequence> = job.iter().map(|placed| &placed.sequence).collect();
            after(job, self.network.run(&texts, pooling), &then)
        };
        let (jobs, rows): (_, Vec<_>) = if self.network.is_on_device() {
            let jobs = padded_jobs(&placed, DEVICE_JOB_TOKENS);
            let rows = jobs.iter().map(run).collect();
            (jobs, rows)
        } else {
            let jobs = jobs(&placed, JOB_TOKENS, self.lanes.count());
            let rows = self.lanes.map(&jobs, run);
            (jobs, rows)
        };
        for (placed, row) in jobs.into_iter().flatten().zip(rows.into_iter().flatten()) {
            results[placed.text] = row;
        }
        results
    }
}

/// What `then` makes of the rows there are; if it panics, each text of the job has that for a reason.
fn after<R>(
    job: &[Placed],
    rows: Vec<Result<Vec<f32>, String>>,
    then: impl Fn(Vec<(usize, Vec<f32>)>) -> Vec<R>,
) -> Vec<Result<R, String>> {
    let mut reasons = Vec::new();
    let mut read = Vec::new();
    for (placed, row) in job.iter().zip(rows) {
        reasons.push(row.as_ref().err().cloned());
        read.extend(row.ok().map(|row| (placed.text, row)));
    }
    let mut made = match caught(|| Ok(then(read))) {
        Ok(made) => made.into_iter(),
        Err(reason) => return job.iter().map(|_| Err(reason.clone())).collect(),
    };
    let one = |reason: Option<String>| match reason {
        Some(reason) => Err(reason),
        None => made.next().ok_or_else(|| "nothing was made of a row".into()),
    };
    reasons.into_iter().map(one).collect()
}

/// The tokens of each word: those whose bytes it shares, else the nearest before it; none for words that were cut off.
fn words_of(words: &[Range<usize>], offsets: &[(usize, usize)], special: &[u32]) -> Vec<Range<usize>> {
    let mut first = 0;
    let mut of_word = |word: &Range<usize>| {
        while first < offsets.len() && (special[first] > 0 || offsets[first].1 <= word.start) {
            first += 1;
        }
        let tokens = offsets[first..].iter().zip(&special[first..]);
        let count = tokens.take_while(|(token, special)| **special == 0 && token.0 < word.end).count();
        match count {
            0 if special[first..].iter().all(|special| *special > 0) => first..first,
            0 => first.saturating_sub(1)..first.max(1),
            count => first..first + count,
        }
    };
    words.iter().map(&mut of_word).collect()
}

fn network(folder: &Path, config: &Config, place: Option<Place>) -> Result<Box<dyn Network>, ModelError> {
    let path = weights_in(folder);
    let mut weights = Weights::open(&path)?;
    Ok(match place {
        Some(device) => Box::new(Bert::load(&mut weights, config, Portable { device })?),
        None => Box::new(Bert::load(&mut weights, config, Cpu)?),
    })
}

/// As much of a text as is read at all.
fn start_of(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT_BYTES_MAX)]
}

/// The file with the weights in a model's folder.
pub(crate) fn weights_in(folder: &Path) -> PathBuf {
    let onnx = folder.join("model.onnx");
    if onnx.exists() { onnx } else { folder.join("model.safetensors") }
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

/// Cuts sequences sorted by length, the longest first, into jobs that take at most so many tokens once all are padded to the
/// longest. A text that is longer is a job of its own.
pub(super) fn padded_jobs(sorted: &[Placed], job_tokens: usize) -> Vec<&[Placed]> {
    let mut jobs = Vec::new();
    let mut rest = sorted;
    while let Some(longest) = rest.first() {
        let fit = job_tokens / longest.sequence.ids.len().max(1);
        let (job, after) = rest.split_at(fit.clamp(1, rest.len()));
        jobs.push(job);
        rest = after;
    }
    jobs
}

/// Cuts sequences sorted by length into jobs of at most `job_tokens` tokens: as few as keep all lanes busy to the end,
/// and as alike in size as whole texts allow. A text that is longer is a job of its own.
pub(super) fn jobs(sorted: &[Placed], job_tokens: usize, lanes: usize) -> Vec<&[Placed]> {
    let length = |placed: &Placed| placed.sequence.ids.len();
    let mut tokens: usize = sorted.iter().map(length).sum();
    let mut count = tokens.div_ceil(job_tokens).next_multiple_of(lanes);
    let mut jobs = Vec::new();
    let mut rest = sorted;
    while !rest.is_empty() {
        let (share, mut taken) = (tokens.div_ceil(count.max(1)), 0);
        let fits = rest.iter().take_while(|placed| {
            // Over the share if that is nearer to it than under it.
            let fits = taken + length(placed) / 2 <= share && taken + length(placed) <= job_tokens;
            taken += length(placed);
            fits
        });
        let (job, after) = rest.split_at(fits.count().max(1));
        tokens -= job.iter().map(length).sum::<usize>();
        count = count.saturating_sub(1);
        jobs.push(job);
        rest = after;
    }
    jobs
}
