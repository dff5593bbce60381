//! The façade as a user meets it: one binary for all of it.

#![allow(missing_docs, clippy::unwrap_used)]

mod answers;
mod archive;
mod bad_input;
mod crash;
mod erase;
mod policy;
mod readers;
mod recall;
mod sql;
mod story;
mod support;
mod watch;
