//! Facts and decisions: what memory holds, and every step by which it came to hold it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::claim::named;
use crate::{ClaimId, EntityId, FactId, Millis, Scope, Text};

/// The object of a fact, entities resolved.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Held {
    /// Somebody.
    Entity(EntityId),
    /// Something, as text.
    Value(Text),
}

/// Where a fact stands, in the light of all that has been said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Held, with no end known.
    Current,
    /// It ended: somebody said so, or its stated end has passed.
    Ended,
    /// Another value took its place.
    Superseded,
    /// Another value was said for the same time, at the same time: neither is held to be the truth.
    Disputed,
}

/// What consolidation did with a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It opened a fact.
    Add,
    /// It changed or replaced one.
    Update,
    /// It ended one.
    Delete,
    /// It changed nothing but, perhaps, support.
    Noop,
}

named!(Status { Current = "current", Ended = "ended", Superseded = "superseded", Disputed = "disputed" });
named!(Action { Add = "ADD", Update = "UPDATE", Delete = "DELETE", Noop = "NOOP" });

/// What memory holds, or held: one version of a fact, valid in the world from `valid_from` until `valid_to`, and held by
/// what had been said from `known_from` until `known_to`. The version held now has `known_to == None`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Fact {
    /// The opening claim's id.
    pub id: FactId,
    /// From when (by `said_at`) this version was held.
    pub known_from: Millis,
    /// Until when it was held (exclusive); `None`: it is.
    pub known_to: Option<Millis>,
    /// Whose memory.
    pub scope: Scope,
    /// About whom.
    pub subject: EntityId,
    /// The predicate.
    pub predicate: Text,
    /// What is held of it.
    pub object: Held,
    /// True in the world from then; `None`: since before anybody said.
    pub valid_from: Option<Millis>,
    /// True in the world until then (exclusive); `None`: no end known.
    pub valid_to: Option<Millis>,
    /// How sure, in thousandths.
    pub confidence: u16,
    /// How many claims agree.
    pub support: u32,
    /// Current, ended, superseded or disputed.
    pub status: Status,
    /// The claim of another predicate that ended it, where policy says so (`ends`).
    pub ended_by: Option<ClaimId>,
}

/// What consolidation did with one claim, and why. Each claim has exactly one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Decision {
    /// The claim.
    pub claim: ClaimId,
    /// Whose memory.
    pub scope: Scope,
    /// When the claim was said.
    pub said_at: Millis,
    /// What was done.
    pub action: Action,
    /// The fact it opened, changed, ended or agreed with.
    pub fact: Option<FactId>,
    /// The fact it replaced.
    pub replaced: Option<FactId>,
    /// The rule that made it, in words.
    pub reason: Text,
}
