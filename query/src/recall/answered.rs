//! Answers that were given before, and vectors of questions: what is asked again is not worked out again.
//!
//! Never wrong: an answer is kept under all that it depends on, which is the checkpoint, the scope, the embedder, the
//! question and how it is to be answered; a vector under its model and text. The oldest go first. Cost: 64 answers and 512
//! vectors of memory at most.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use super::Recalled;
use super::options::RecallOptions;

const ANSWERS_MAX: usize = 64;
const VECTORS_MAX: usize = 512;

/// What an answer depends on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Question {
    pub(crate) epoch: u64,
    pub(crate) scope: String,
    pub(crate) embedder: String,
    pub(crate) question: String,
    pub(crate) options: RecallOptions,
}

/// How often something was asked for, and how often it was there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HitRate {
    /// How often it was asked for.
    pub asked: u64,
    /// How often it was there.
    pub found: u64,
}

/// The newest of what was worked out, by what it was worked out from.
#[derive(Debug)]
struct Newest<K, V> {
    max: usize,
    kept: Mutex<(BTreeMap<K, V>, VecDeque<K>)>,
    asked: AtomicU64,
    found: AtomicU64,
}

impl<K: Clone + Ord, V: Clone> Newest<K, V> {
    fn of(max: usize) -> Self {
        Newest { max, kept: Mutex::default(), asked: AtomicU64::new(0), found: AtomicU64::new(0) }
    }

    fn get(&self, key: &K) -> Option<V> {
        let found = self.kept.lock().unwrap_or_else(PoisonError::into_inner).0.get(key).cloned();
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.found.fetch_add(u64::from(found.is_some()), Ordering::Relaxed);
        found
    }

    fn keep(&self, key: K, value: V) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (values, order) = &mut *kept;
        if values.insert(key.clone(), value).is_none() {
            order.push_back(key);
        }
        while order.len() > self.max {
            order.pop_front().map(|oldest| values.remove(&oldest));
        }
    }

    fn rate(&self) -> HitRate {
        HitRate { asked: self.asked.load(Ordering::Relaxed), found: self.found.load(Ordering::Relaxed) }
    }
}

/// Answers and vectors of one process and store.
#[derive(Debug)]
pub(crate) struct Answered {
    answers: Newest<Question, Recalled>,
    vectors: Newest<(String, String), Vec<f32>>,
}

impl Default for Answered {
    fn default() -> Self {
        Answered { answers: Newest::of(ANSWERS_MAX), vectors: Newest::of(VECTORS_MAX) }
    }
}

impl Answered {
    pub(crate) fn answer(&self, question: &Question) -> Option<Recalled> {
        self.answers.get(question)
    }

    pub(crate) fn keep_answer(&self, question: Question, answer: Recalled) {
        self.answers.keep(question, answer);
    }

    /// The vector that a model has made of a text.
    pub(crate) fn vector(&self, model: &str, text: &str) -> Option<Vec<f32>> {
        self.vectors.get(&(model.into(), text.into()))
    }

    pub(crate) fn keep_vector(&self, model: &str, text: String, vector: Vec<f32>) {
        self.vectors.keep((model.into(), text), vector);
    }

    /// Of answers and of vectors.
    pub(crate) fn rates(&self) -> [HitRate; 2] {
        [self.answers.rate(), self.vectors.rate()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_first() {
        let newest = Newest::of(2);
        for number in [1, 2, 1, 3] {
            newest.keep(number, number * 10);
        }
        assert_eq!([1, 2, 3].map(|number| newest.get(&number)), [None, Some(20), Some(30)]);
        assert_eq!(newest.rate(), HitRate { asked: 3, found: 2 });
    }
}
