//! Passages: pieces of an event's text small enough to ask a model about.

use serde::{Deserialize, Serialize};

use crate::{EventId, PassageId, Scope, TextHash};

/// The most bytes of text in one passage: about what a 256-token encoder reads.
pub const PASSAGE_BYTES_MAX: usize = 1_000;

/// One piece of an event's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// One piece of an event's text, by hash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Passage {
    /// Hash of (event, ordinal).
    pub id: PassageId,
    /// Whose memory.
    pub scope: Scope,
    /// The event it is a piece of.
    pub event: EventId,
    /// Its place in the event, from 0.
    pub ordinal: u32,
    /// Where in the event's text, in bytes.
    pub span: Span,
    /// The piece's text.
    pub text: TextHash,
}

impl Passage {
    /// The passage at that place of an event.
    pub fn new(scope: Scope, event: EventId, ordinal: u32, span: Span, text: TextHash) -> Self {
        let id = PassageId::of(&[&event.0.to_bytes(), &ordinal.to_le_bytes()]);
        Passage { id, scope, event, ordinal, span, text }
    }
}
