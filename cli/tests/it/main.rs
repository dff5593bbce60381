//! The `nexus` binary, driven as a user would: what it prints, where, and with which exit code.
#![allow(clippy::unwrap_used)]

mod endpoint;
mod harness;
mod help;
mod imap;
mod limits;
mod matrix;
mod proxy;
mod run;
mod running;
mod story;
