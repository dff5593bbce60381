//! Live feeds, followed by one process: `nexus run`.
//!
//! Each feed has a task of its own on a runtime of its own ([`supervise`]), so that nothing the store does delays a socket;
//! all push parcels into one queue. The thread that owns the engine takes them out ([`run`]): what a parcel holds and how
//! far its feed is read go into the tail in one append, and from then on it is acknowledged. So what is re-read after a
//! crash is exactly what was not taken in. How it goes is shown in a file and on a port ([`shown`]).

mod check;
mod config;
mod health;
mod intake;
mod metrics;
mod pulse;
mod run;
mod shown;
mod sinks;
mod supervise;

pub use config::FeedsConfig;
pub use health::{EngineHealth, EpochHealth, Overall, RunHealth, TableHealth};
pub use intake::Job;
pub use run::{Control, FeedRun};
pub use supervise::{FeedHealth, FeedState, Told};
