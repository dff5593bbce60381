//! Claims: what one passage says, grounded. Speaker, addressee and relative time are resolved; entities are not yet.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::passage::Span;
use crate::{ClaimId, EventId, Key, Millis, PassageId, Scope, Text};

/// Affirmed or denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Polarity {
    #[default]
    Affirmed,
    Denied,
}

/// Which part of a state's life a statement speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Aspect {
    /// It is so: "I live in Oslo".
    #[default]
    Holds,
    /// It became so: "I moved to Oslo".
    Begins,
    /// It stopped being so: "I left Oslo", "no longer".
    Ends,
    /// It was so, and is not any more: "I used to live in Oslo".
    Was,
}

/// How a statement is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Modality {
    /// As a fact. Only these become facts.
    #[default]
    Asserted,
    /// A plan or wish: "I want to move to Oslo".
    Intended,
    /// Not sure: "I think she lives in Oslo".
    Hedged,
    /// "if", "would".
    Hypothetical,
    /// A question.
    Asked,
    /// Somebody else's word: "Ben says she moved".
    Reported,
}

/// What time a statement speaks of, by its grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Tense {
    Past,
    #[default]
    Present,
    Future,
}

macro_rules! named {
    ($kind:ident { $($variant:ident = $name:literal),* $(,)? }) => {
        impl $kind {
            /// Every value, in order.
            pub const ALL: &'static [$kind] = &[$($kind::$variant),*];

            /// The name in tables and SQL.
            pub fn name(self) -> &'static str {
                match self { $($kind::$variant => $name),* }
            }

            /// The value of that name.
            pub fn named(name: &str) -> Option<Self> {
                match name { $($name => Some($kind::$variant),)* _ => None }
            }
        }

        impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}
pub(crate) use named;

named!(Polarity { Affirmed = "affirmed", Denied = "denied" });
named!(Aspect { Holds = "holds", Begins = "begins", Ends = "ends", Was = "was" });
named!(Tense { Past = "past", Present = "present", Future = "future" });
named!(Modality {
    Asserted = "asserted",
    Intended = "intended",
    Hedged = "hedged",
    Hypothetical = "hypothetical",
    Asked = "asked",
    Reported = "reported",
});

/// What a claim says of its subject.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Object {
    /// Somebody, by an identity key.
    Key(Key),
    /// Something, as text; empty means "whatever holds" (in endings).
    Value(Text),
}

/// What one passage says, grounded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Claim {
    /// When the passage was said. First, so that claims sort in the order they are folded: (said_at, id).
    pub said_at: Millis,
    /// Hash of the passage, the statement's place and content.
    pub id: ClaimId,
    /// Whose memory.
    pub scope: Scope,
    /// The event it was read from.
    pub event: EventId,
    /// The passage it was read from.
    pub passage: PassageId,
    /// Where in the passage, in bytes.
    pub span: Span,
    /// The account or feed the event came from: what trust is given to.
    pub source: Text,
    /// About whom.
    pub subject: Key,
    /// A canonical predicate, or an open one.
    pub predicate: Text,
    /// What is said.
    pub object: Object,
    /// Further arguments as written, each with the word that joins it, between semicolons.
    pub further: Text,
    /// Affirmed or denied.
    pub polarity: Polarity,
    /// Holds, begins, ends or was.
    pub aspect: Aspect,
    /// Stated as a fact or otherwise.
    pub modality: Modality,
    /// Whose word it is, where it is reported and that is known.
    pub reported_by: Option<Key>,
    /// Of what was, is, or will be.
    pub tense: Tense,
    /// True from then on in the world; `None`: not said.
    pub valid_from: Option<Millis>,
    /// True until then (exclusive); `None`: not said.
    pub valid_to: Option<Millis>,
    /// How sure the extractor is, in thousandths.
    pub confidence: u16,
}
