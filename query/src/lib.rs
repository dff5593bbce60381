//! Reads: SQL over one scope of one snapshot, recall, and the questions people ask of memory.
//!
//! Floor 2. Knows the nouns, the scoring and storage; no model, no graph, no clock. A [`Reader`] sees one scope of one
//! snapshot: what it answers does not change, whatever is written meanwhile, and no other scope's row reaches it.

mod about;
mod catalogue;
mod conflicts;
mod core;
mod entities;
mod episodes;
mod error;
mod facts;
mod functions;
mod hints;
mod neighbours;
mod passages;
mod reader;
mod recall;
mod retrievals;
mod rows;
mod scoped;
mod views;
mod why;

pub use about::{EntityView, EvidenceView, RankedEvent};
pub use conflicts::{ConflictSide, ConflictView};
pub use core::{Components, Embed};
pub use entities::EntityRow;
pub use error::{QueryError, Result};
pub use facts::{FactFilter, FactView, TimelineView};
pub use neighbours::NeighbourView;
pub use passages::Warm;
pub use reader::Reader;
pub use recall::{Contribution, Hit, HitRate, RecallOptions, Recalled};
pub use why::{Why, WhyStep};
