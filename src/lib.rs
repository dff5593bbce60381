//! Nexus: an embedded engine that keeps an agent's memory.
//!
//! Everything an agent lives through streams in as [`Event`]s; what it should remember (who, what, since when, how sure,
//! from which message) is a view over them, kept up to date incrementally. [`Nexus`] writes, one process at a time;
//! [`Memory`] reads one consistent snapshot, in any process, without building the graph.
//!
//! ```
//! use nexus::{Event, FactFilter, Nexus};
//!
//! # fn main() -> Result<(), nexus::Error> {
//! # let folder = tempfile::tempdir().map_err(|error| nexus::Error::io("a folder", error))?;
//! # let path = folder.path().join("memory");
//! let mut nexus = Nexus::open(&path)?;
//! nexus.remember(Event::message("chat", "anna", "I live in London."))?;
//! nexus.remember(Event::message("chat", "anna", "I moved to Berlin."))?;
//!
//! let memory = nexus.memory()?;
//! let facts = memory.facts(Some("anna"), &FactFilter::default())?;
//! assert_eq!(facts.iter().find(|fact| fact.status == "current").map(|fact| &*fact.object), Some("Berlin"));
//! # Ok(())
//! # }
//! ```
//!
//! One epoch is on one page: [`engine`](https://docs.rs/nexus) turns admit, step, ask, commit, publish.

mod admit;
mod archive;
mod ask;
mod changes;
mod clock;
mod commit;
mod context;
mod cost;
mod embedder;
mod engine;
mod erase;
mod error;
mod feeds;
mod forget;
mod hydrate;
mod ingest;
mod letters;
mod live;
mod measure;
mod memory;
mod outbox;
mod policy;
mod progress;
mod reconsolidate;
mod rerank;
mod retrieved;
mod settings;
mod switch;
mod texts;
mod vault;
mod verify;
mod watch;
mod writer;

pub use archive::ExportReport;
pub use changes::{EpochChanges, TableRows};
pub use context::{Context, ContextLine, ContextOptions};
pub use engine::EpochTimes;
pub use erase::EraseReport;
pub use error::{Error, ErrorKind, Result};
pub use feeds::{FeedOffset, ForgottenFeed};
pub use forget::{ForgetReceipt, Selector};
pub use ingest::{IngestOptions, IngestReport, REASONS_MAX};
pub use letters::{LetterView, ReplayReport};
pub use live::{
    Control, EngineHealth, EpochHealth, FeedHealth, FeedRun, FeedState, FeedsConfig, Job, Overall, RunHealth,
    TableHealth, Told,
};
pub use measure::{Speed, measure};
pub use memory::{Memory, Status, TableStatus, parse_at};
pub use nexus_connectors as connectors;
pub use nexus_inference::{Device, endpoint, models};
pub use nexus_query::{
    ConflictSide, ConflictView, Contribution, EntityRow, EntityView, EvidenceView, FactFilter, FactView, Hit, HitRate,
    NeighbourView, RecallOptions, Recalled, TimelineView, Why, WhyStep,
};
pub use nexus_storage::At;
pub use nexus_types::{
    Attachment, Change, EntityId, Event, EventId, FactId, Kind, Millis, Policy, PolicyRow, Predicate, Scope, Text,
    Watched, policy::WATCHED_MAX, time,
};
pub use policy::{Correction, PolicyFile};
pub use progress::{Go, Progress, Stage};
pub use reconsolidate::FactDiff;
pub use settings::Settings;
pub use switch::Switch;
pub use vault::{Vault, VaultEntry};
pub use verify::{Difference, VerifyReport};
pub use watch::WatchUpdate;
pub use writer::{Nexus, Receipt};
