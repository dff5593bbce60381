//! The whole graph, held to its laws: what it gives out is what an independent version of it says, at every epoch, whatever
//! the order, the batches, the workers; and what is taken back has never been.
//!
//! A failure names its seed: `SEED=17 cargo test -p nexus-dataflows --test it NAME` runs that one alone.

#![allow(clippy::unwrap_used)]

mod host;
mod laws;
mod moods;
mod oracle;
mod people;
mod when;
mod world;
