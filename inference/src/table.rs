//! The table: an embedder that only looks tokens up. `embed(t) = v / |v|`, v the sum over t's tokens of their rows.
//!
//! [`Table::built_in`] is `nexus-static`, ours, a part of the program: every token of all-MiniLM-L6-v2's vocabulary as that
//! encoder sees it alone, weighted by how rare it is, turned to its principal axes, the first 256 of them kept in four bits
//! each (`examples/distill.rs` makes it). [`Table::load`] reads any model of the model2vec layout (Tulkens and van Dongen,
//! "Model2Vec", 2024). A text without a known token is refused: it has no meaning here. Cost: one row a token, no
//! multiplication of matrices; the built-in table takes 8 MB of memory.

use std::path::Path;

use nexus_types::{Task, Text};
use pulp::Arch;
use rayon::prelude::*;
use serde_json::Value;
use tokenizers::Tokenizer;

use crate::weights::Weights;
use crate::wordpiece::WordPiece;
use crate::{Model, ModelError, Reply, guarded, lanes};

/// The name of the table that is a part of the program.
pub const BUILT_IN: &str = "nexus-static";

/// Its id: the name and the digest of its weights, written down so that nobody computes it to read a store.
pub const BUILT_IN_ID: &str = "nexus-static@91136095";

/// Its files.
pub(crate) const TOKENIZER: &[u8] = include_bytes!("../data/nexus-static/tokenizer.json");
const ROWS: &[u8] = include_bytes!("../data/nexus-static/model.safetensors");

/// The most bytes of a text that are read, as of an encoder's.
const TEXT_BYTES_MAX: usize = 1 << 16;

/// A static embedder.
pub struct Table {
    id: String,
    cutter: Cutter,
    rows: Rows,
    width: usize,
    pool: rayon::ThreadPool,
}

/// What cuts texts into tokens.
enum Cutter {
    WordPiece(WordPiece),
    Other(Box<Tokenizer>),
}

/// One row a token.
enum Rows {
    Floats(Vec<f32>),
    /// Each row has a factor.
    Bytes(Vec<i8>, Vec<f32>),
}

impl Table {
    /// `nexus-static`.
    pub fn built_in() -> Result<Self, ModelError> {
        let path = Path::new(BUILT_IN);
        Self::of(BUILT_IN_ID.into(), path, TOKENIZER, Weights::of(path, ROWS))
    }

    /// The table whose `tokenizer.json` and `model.safetensors` are in `folder`. Its id is `name` and the digest of its
    /// weights.
    pub fn load(name: &str, folder: &Path) -> Result<Self, ModelError> {
        let path = folder.join("model.safetensors");
        let digest = crate::models::digest(&path)?;
        let tokenizer = folder.join("tokenizer.json");
        let tokenizer = std::fs::read(&tokenizer).map_err(ModelError::file(&tokenizer))?;
        Self::of(format!("{name}@{}", &digest[..8]), folder, &tokenizer, Weights::open(&path)?)
    }

    fn of(id: String, path: &Path, tokenizer: &[u8], weights: Weights<'_>) -> Result<Self, ModelError> {
        let (rows, width) = Rows::of(path, weights)?;
        Ok(Table { id, cutter: Cutter::of(path, tokenizer)?, rows, width, pool: lanes::pool(lanes::cores(), "table")? })
    }

    /// The vector of a text; `None` where no token of it is known.
    fn embed_one(&self, text: &str, ids: &mut Vec<u32>) -> Option<Vec<f32>> {
        ids.clear();
        self.cutter.cut(&text[..text.floor_char_boundary(TEXT_BYTES_MAX)], ids);
        let mut sum = vec![0.0; self.width];
        Arch::new().dispatch(
            #[inline(always)]
            || ids.iter().for_each(|id| self.rows.add(*id as usize, &mut sum)),
        );
        let length = sum.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt() as f32;
        (length > 0.0).then(|| sum.into_iter().map(|x| x / length).collect())
    }
}

impl Model for Table {
    fn id(&self) -> &str {
        &self.id
    }

    fn task(&self) -> Task {
        Task::Embed
    }

    fn dimension(&self) -> Option<usize> {
        Some(self.width)
    }

    fn is_instant(&self) -> bool {
        true
    }

    fn answer(&self, texts: &[Text]) -> Vec<Reply> {
        let one = |ids: &mut Vec<u32>, text: &Text| {
            guarded(|| self.embed_one(text, ids).map_or_else(|| Reply::refused("no word is known"), Reply::Vector))
        };
        self.pool.install(|| texts.par_iter().map_init(Vec::new, one).collect())
    }
}

impl Cutter {
    fn of(path: &Path, file: &[u8]) -> Result<Self, ModelError> {
        let malformed = |reason: String| ModelError::Malformed { path: path.into(), reason };
        let json: Value = serde_json::from_slice(file).map_err(|error| malformed(error.to_string()))?;
        if let Some(ours) = WordPiece::of(&json) {
            return Ok(Cutter::WordPiece(ours));
        }
        let mut other = Tokenizer::from_bytes(file).map_err(|error| malformed(error.to_string()))?;
        other.with_padding(None).with_truncation(None).map_err(|error| malformed(error.to_string()))?;
        Ok(Cutter::Other(Box::new(other)))
    }

    fn cut(&self, text: &str, ids: &mut Vec<u32>) {
        match self {
            Cutter::WordPiece(ours) => ours.cut(text, ids),
            // A text it cannot cut has no tokens.
            Cutter::Other(other) => {
                ids.extend(other.encode_fast(text, false).iter().flat_map(|encoding| encoding.get_ids().to_vec()));
            }
        }
    }
}

impl Rows {
    /// The rows of a file, and how long each is: `embeddings`, or ours, `nibbles` (two numbers a byte, 0 to 15 for -8 to 7)
    /// and `scales`.
    fn of(path: &Path, mut weights: Weights<'_>) -> Result<(Self, usize), ModelError> {
        let malformed = |reason: &str| ModelError::Malformed { path: path.into(), reason: reason.into() };
        if let Some(shape) = weights.shape("nibbles") {
            let [count, width] = shape[..] else { return Err(malformed("`nibbles` is no table")) };
            let scales = weights.numbers("scales", &[count])?;
            let packed = weights.bytes("nibbles", &shape)?;
            let values = packed.iter().flat_map(|two| [(two >> 4) as i8 - 8, (two & 15) as i8 - 8]).collect();
            return Ok((Rows::Bytes(values, scales), 2 * width));
        }
        let shape = weights.shape("embeddings").ok_or_else(|| malformed("it has no tensor `embeddings`"))?;
        let [_, width] = shape[..] else { return Err(malformed("`embeddings` is no table")) };
        Ok((Rows::Floats(weights.numbers("embeddings", &shape)?), width))
    }

    /// Adds a token's row to `sum`. One the table does not have adds nothing.
    #[inline(always)]
    fn add(&self, token: usize, sum: &mut [f32]) {
        let range = token * sum.len()..(token + 1) * sum.len();
        match self {
            Rows::Floats(values) => {
                values.get(range).into_iter().for_each(|row| sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += x));
            }
            Rows::Bytes(values, scales) => {
                for (row, scale) in values.get(range).into_iter().zip(scales.get(token)) {
                    sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += scale * f32::from(*x));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use sha2::{Digest, Sha256};

    use super::*;

    fn vector(table: &Table, text: &str) -> Vec<f32> {
        table.embed_one(text, &mut Vec::new()).unwrap()
    }

    fn cosine(a: &[f32], b: &[f32]) -> f32 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn what_means_the_same_is_near() {
        let table = Table::built_in().unwrap();
        let digest = format!("{:x}", Sha256::digest(ROWS));
        assert_eq!(BUILT_IN_ID, format!("{BUILT_IN}@{}", &digest[..8]));
        assert_eq!((table.id(), table.dimension()), (BUILT_IN_ID, Some(256)));
        let texts = ["Where does Anna live?", "Anna has moved to a flat in Oslo", "the printer is out of paper"];
        let vectors = texts.map(|text| vector(&table, text));
        assert!(vectors.iter().all(|vector| (cosine(vector, vector) - 1.0).abs() < 1e-5));
        assert!(cosine(&vectors[0], &vectors[1]) > cosine(&vectors[0], &vectors[2]) + 0.1);
    }

    #[test]
    fn a_text_without_words_is_refused() {
        let replies = Table::built_in().unwrap().answer(&["".into(), "\u{0}\u{200b}".into(), "word".into()]);
        assert_eq!(replies[..2], [Reply::refused("no word is known"), Reply::refused("no word is known")]);
        assert!(matches!(replies[2], Reply::Vector(_)));
    }

    #[test]
    fn the_layout_of_model2vec_is_read() {
        let folder = tempfile::TempDir::new().unwrap();
        let rows: Vec<u8> = (0..30_522 * 2).flat_map(|at| ((at % 7) as f32).to_le_bytes()).collect();
        let header =
            format!(r#"{{"embeddings":{{"dtype":"F32","shape":[30522,2],"data_offsets":[0,{}]}}}}"#, rows.len());
        let file = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &rows].concat();
        std::fs::write(folder.path().join("model.safetensors"), file).unwrap();
        std::fs::write(folder.path().join("tokenizer.json"), TOKENIZER).unwrap();
        let table = Table::load("toy", folder.path()).unwrap();
        // "the" is token 1996: its row begins with number 3992, which is 2 modulo 7.
        let vector = vector(&table, "the");
        assert!((vector[0] * 3.0 - vector[1] * 2.0).abs() < 1e-6, "{vector:?}");
        std::fs::write(folder.path().join("model.safetensors"), "short").unwrap();
        assert!(Table::load("toy", folder.path()).is_err());
    }
}
