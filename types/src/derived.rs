//! The smaller derived nouns: mentions, salience, rankings, watched places, affects, patterns. Pure functions of the inputs, like all the rest.

use serde::{Deserialize, Serialize};

use crate::passage::Span;
use crate::{EntityId, EventId, Hash128, MentionKind, Millis, PassageId, Scope, Text};

/// Something a passage names, and who it is if that is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MentionRow {
    /// Whose memory.
    pub scope: Scope,
    /// Where it is named.
    pub passage: PassageId,
    /// The passage's event.
    pub event: EventId,
    /// Where in the passage, in bytes.
    pub span: Span,
    /// What kind of thing.
    pub kind: MentionKind,
    /// As written.
    pub name: Text,
    /// Who it is; `None` where nothing says.
    pub entity: Option<EntityId>,
}

/// How much something matters: an integer that only grows comparable, never decays by itself. Recency enters additively,
/// so that no order changes merely because time passes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Salience {
    /// Whose memory.
    pub scope: Scope,
    /// `event` or `entity`.
    pub kind: Text,
    /// The event's or entity's id.
    pub target: Hash128,
    /// Fixed point, thousandths.
    pub score: i64,
}

/// One place in a kept top-k: the most salient events about an entity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ranking {
    /// Whose memory.
    pub scope: Scope,
    /// What the ranking is of.
    pub entity: EntityId,
    /// 1 is the best.
    pub rank: u32,
    /// What stands there.
    pub event: EventId,
    /// Its score, fixed point.
    pub score: i64,
}

/// One place in the kept ranking of a watched question.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Watched {
    /// Whose memory.
    pub scope: Scope,
    /// The question.
    pub question: Text,
    /// 1 is the best.
    pub rank: u32,
    /// What stands there.
    pub passage: PassageId,
    /// The passage's event.
    pub event: EventId,
    /// When it was said.
    pub said_at: Millis,
    /// Its score, fixed point.
    pub score: i64,
}

/// What an event feels like.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AffectRow {
    /// Whose memory.
    pub scope: Scope,
    /// The event.
    pub event: EventId,
    /// From -1000, as bad as can be, to 1000.
    pub valence: i16,
    /// How sure, in thousandths.
    pub confidence: u16,
    /// The emotions it shows, the surest first, each with how sure that is: `joy 812, love 455`.
    pub signals: Text,
}

/// How a mood goes: one window of an arc, or where it changes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Pattern {
    /// Whose memory.
    pub scope: Scope,
    /// `arc` or `change`.
    pub kind: Text,
    /// `person` or `thread`.
    pub about: Text,
    /// The entity's id, or platform, channel and thread between slashes.
    pub target: Text,
    /// When the window begins.
    pub at: Millis,
    /// How many messages it rests on; of a change, those from then on.
    pub messages: u32,
    /// Their mean valence.
    pub valence: i16,
    /// Of a change, the mean before it.
    pub before: Option<i16>,
}
