//! The reader over a small store that is written through storage directly: two scopes, two epochs, one move of house.
#![allow(clippy::unwrap_used)]

mod docs;
mod large;
mod questions;
mod recalls;
mod sql;
mod story;
