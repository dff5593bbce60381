//! The nouns of Nexus and their Arrow schemas: what every other crate speaks in.
//!
//! Floor 0. Knows std, serde, jiff for dates, and Arrow's schema and arrays; no storage, no graph, no model, no clock.
//! Every row type is plain data with a total order, so that it can travel through the dataflow graph, and every table's
//! columns are defined once, in [`tables`].

pub mod ask;
pub mod claim;
pub mod derived;
pub mod entity;
pub mod event;
pub mod fact;
pub mod id;
pub mod lookup;
pub mod passage;
pub mod policy;
pub mod tables;
pub mod time;

pub use ask::{Affect, Answer, AnswerRow, Ask, Extraction, Mention, MentionKind, Statement, Term};
pub use claim::{Aspect, Claim, Modality, Object, Polarity, Tense};
pub use derived::{AffectRow, MentionRow, Pattern, Ranking, Salience, Watched};
pub use entity::{Author, Entity, Evidence, EvidenceKind, Key};
pub use event::{Attachment, Change, Event, EventRow, Kind, Scope, State, Version};
pub use fact::{Action, Decision, Fact, Held, Status};
pub use id::{ClaimId, EntityId, EventId, FactId, Hash128, PassageId, TextHash};
pub use lookup::Texts;
pub use passage::Passage;
pub use policy::{Cardinality, Policy, PolicyRow, Predicate, Task};
pub use time::{Millis, TimeExpr, Unit, When};

/// A shared, immutable string. Equal by content; cloning it copies a pointer, so rows that repeat a name stay small.
pub type Text = std::sync::Arc<str>;

/// The version of the store's format: the tables of [`tables`], the tail log's records and the checkpoint. A store that
/// names another version is migrated if it is older and known, and refused otherwise.
pub const FORMAT_VERSION: u32 = 2;
