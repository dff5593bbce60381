//! The encoder as its users see it: against a plain-loop BERT of random weights, and against 50 stored sentences where
//! MiniLM is installed.
#![allow(clippy::unwrap_used)]

mod minilm;
mod naive;
mod tiny;
