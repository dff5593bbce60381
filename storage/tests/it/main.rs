//! The store as its users see it: epochs against a model, crashes, leases, upkeep, search, erasure, and what is refused.
#![allow(clippy::unwrap_used)]

mod crash;
mod epochs;
mod erasure;
mod product;
mod refused;
mod search;
mod upkeep;
mod world;
