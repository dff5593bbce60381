//! The encoder as its users see it: against a plain-loop BERT of random weights, and against stored answers where the
//! models are installed.
#![allow(clippy::unwrap_used)]

mod naive;
mod stored;
mod tiny;
