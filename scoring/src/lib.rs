//! Text analysis and integer scoring: the one definition of "how well does this text fit that question".
//!
//! Floor 0. Pure and total: no clock, no randomness, no storage. Whatever leaves a function here is an integer in units
//! of 1/[`ONE`] or a term, so that a score is the same on every machine and may live in a collection of the graph.
//!
//! A question is [analysed](terms::query) as a text is; [`Statistics`] say how rare each term is; [`bm25`] scores one text;
//! [`ranking`] says how well a passage answers a question; [`learn`](learn::learn) moves its weights by what helped;
//! [`similar`] says how alike two vectors are; [`standardise`] brings scores of different kinds to one scale so that they
//! may be added.

mod bm25;
mod fixed;
mod fuse;
pub mod learn;
pub mod ranking;
pub mod similar;
mod stops;
pub mod terms;

pub use bm25::{Bag, Statistics, bm25};
pub use fixed::{ONE, ln, ratio};
pub use fuse::standardise;
pub use similar::cosine;
