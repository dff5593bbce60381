//! Sinks: where changes of memory leave to, one file per system.
//!
//! A sink is given dispatches in order and returns when the system has them for good. What it was given may come again
//! after a failure or a crash, always with the same id and the same body, so a receiver that remembers ids has
//! everything once. Every wait has a deadline. Cost: what is sent.

mod jsonl;
mod nats;
mod rabbitmq;
mod webhook;

use futures::future::BoxFuture;

use super::Broken;
pub use jsonl::{JsonlConfig, JsonlSink};
pub use nats::{NatsSink, NatsSinkConfig};
pub use rabbitmq::{RabbitSink, RabbitSinkConfig};
pub use webhook::{WebhookSink, WebhookSinkConfig};

/// One change on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispatch {
    /// What it is known by: the same whenever it is sent.
    pub id: String,
    /// What is sent: a JSON object on one line.
    pub body: String,
}

/// Where changes leave to.
pub trait Sink: Send {
    /// Sends these in order, connecting first if need be; without any it only sees to it that it could. `done` counts
    /// those that the other side has for good, also where it then breaks.
    fn deliver<'a>(&'a mut self, dispatches: &'a [Dispatch], done: &'a mut usize) -> BoxFuture<'a, Result<(), Broken>>;
}
