//! The `nexus` binary, driven as a user would: what it prints, where, and with which exit code.
#![allow(clippy::unwrap_used)]

mod account;
mod calendar;
mod endpoint;
mod feeds;
mod harness;
mod health;
mod help;
mod imap;
mod isolation;
#[cfg(feature = "kafka")]
mod kafka;
mod limits;
mod matrix;
mod proxy;
mod queues;
mod reading;
mod redaction;
mod relay;
mod replay;
mod run;
mod running;
mod sinks;
mod slack;
mod social;
mod storm;
mod story;
mod together;
mod vault;
mod webhook;
