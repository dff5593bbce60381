//! The encoder as its users see it: against a plain-loop BERT of random weights, and against stored answers where the
//! models are installed; clauses against golden cases and under random trees.
#![allow(clippy::unwrap_used)]

mod clauses;
mod conllu;
#[cfg(any(feature = "wgpu", feature = "cuda"))]
mod device;
mod endpoint;
mod naive;
mod reading;
mod stored;
mod tiny;
mod total;
