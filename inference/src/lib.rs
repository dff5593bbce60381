//! Models behind one trait: texts in, one reply each out. The pattern extractor, encoders on Burn and the heads that read
//! more out of their pass, tables of token vectors, LLMs behind an endpoint, and a stub for tests.
//!
//! Floor 1. Knows the nouns of `nexus-types` and nothing of the graph or of storage. A model is about text alone and
//! deterministic on one machine; whatever it cannot answer it refuses, so a reply never fails and never panics. Cost:
//! [`Patterns`] reads text at memory speed, an [`Encoder`] computes 10 to 20 million multiplications a token.

pub mod clauses;
mod count;
pub mod device;
pub mod encoder;
pub mod endpoint;
mod error;
pub mod heads;
mod lanes;
pub mod models;
mod onnx;
pub mod patterns;
mod reranker;
mod stub;
pub mod table;
mod weights;
mod wordpiece;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use nexus_types::{Answer, Task, Text};
use rayon::prelude::*;

pub use clauses::Clauses;
pub use count::TokenCounter;
pub use device::Device;
pub use encoder::{Encoder, Pooling, Reading};
pub use endpoint::Endpoint;
pub use error::ModelError;
pub use reranker::Reranker;
pub use stub::Stub;
pub use table::Table;

/// What answers the graph's asks.
pub trait Model: Send + Sync {
    /// `name@version`. It changes whenever an answer could.
    fn id(&self) -> &str;

    /// What it is asked for.
    fn task(&self) -> Task;

    /// The length of its vectors, if it makes any.
    fn dimension(&self) -> Option<usize>;

    /// Whether it is about as fast as reading the text: then its answers join the epoch that asks.
    fn is_instant(&self) -> bool {
        false
    }

    /// The most texts it takes at once, where an epoch should not wait for more.
    fn at_once(&self) -> usize {
        usize::MAX
    }

    /// One reply for each text, in order.
    fn answer(&self, texts: &[Text]) -> Vec<Reply>;

    /// The id of the model whose asks it can answer in the same pass: the embedder, of an extractor that reads its states.
    fn along(&self) -> Option<&str> {
        None
    }

    /// For each text its own reply and that of the model [along](Model::along).
    fn answer_along(&self, texts: &[Text]) -> Vec<(Reply, Reply)> {
        self.answer(texts).into_iter().map(|reply| (reply, Reply::refused("nothing is answered along"))).collect()
    }

    /// The vector to search with for a question: some models read questions otherwise than passages.
    fn question(&self, text: &Text) -> Option<Vec<f32>> {
        match self.answer(std::slice::from_ref(text)).pop()? {
            Reply::Vector(vector) => Some(vector),
            Reply::Answer(_) | Reply::Later(_) => None,
        }
    }
}

/// What a model says about one text.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// An embedding, of length one.
    Vector(Vec<f32>),
    /// Anything else; a refusal is an answer too.
    Answer(Answer),
    /// Not now, and why: the ask stays open, and the model is left alone for a while.
    Later(Text),
}

impl Reply {
    /// No answer, and why.
    pub fn refused(reason: impl Into<Text>) -> Self {
        Reply::Answer(Answer::Refused(reason.into()))
    }
}

/// The extractor `patterns@…` as a [`Model`]: no weights, deterministic.
pub struct Patterns {
    pool: rayon::ThreadPool,
}

impl Patterns {
    /// The extractor, on as many threads as the machine has cores.
    pub fn new() -> Result<Self, ModelError> {
        Ok(Self { pool: lanes::pool(lanes::cores(), "patterns")? })
    }
}

impl Model for Patterns {
    fn id(&self) -> &str {
        patterns::MODEL
    }

    fn task(&self) -> Task {
        Task::Extract
    }

    fn dimension(&self) -> Option<usize> {
        None
    }

    fn is_instant(&self) -> bool {
        true
    }

    fn answer(&self, texts: &[Text]) -> Vec<Reply> {
        let one = |text: &Text| guarded(|| Reply::Answer(Answer::Extraction(patterns::extract(text))));
        self.pool.install(|| texts.par_iter().map(one).collect())
    }
}

/// The reply, or a refusal if making it panics: one odd text must not take the others' answers, or the engine, with it.
fn guarded(reply: impl FnOnce() -> Reply) -> Reply {
    caught(|| Ok(reply())).unwrap_or_else(Reply::refused)
}

/// The result, or what a panic said in its place.
fn caught<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    let panicked = |panic: Box<dyn Any + Send>| Err(format!("the model panicked: {}", message(&*panic)));
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(panicked)
}

/// What a panic said.
fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("for no stated reason")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_panic_is_a_refusal() {
        let reply = guarded(|| panic!("at {}", 7));
        assert_eq!(reply, Reply::refused("the model panicked: at 7"));
        assert_eq!(guarded(|| Reply::Vector(vec![1.0])), Reply::Vector(vec![1.0]));
    }

    #[test]
    fn patterns_answer_every_text_in_order() {
        let model = Patterns::new().unwrap();
        let texts: Vec<Text> = ["I live in Oslo.", "", "My name is Ana.", "I live in Oslo."].map(Text::from).into();
        let replies = model.answer(&texts);
        let one_by_one: Vec<Reply> = texts.iter().flat_map(|text| model.answer(std::slice::from_ref(text))).collect();
        assert_eq!(replies, one_by_one);
        assert_eq!(replies[0], replies[3]);
        assert_eq!((model.id(), model.task(), model.dimension()), (patterns::MODEL, Task::Extract, None));
    }
}
