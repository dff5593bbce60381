//! Ranking: how well a passage answers a question. The one definition that recall and watch share.
//!
//! A question is [`Asked`], once; with a scope's statistics it is [`Sought`]. A passage is [`Seen`], once, and [`Heard`] for
//! each question, with its cosine if it has one; with what was said around it it is [`Nearby`] and has [`features`], which
//! [`Weights`] add up. A score depends on nothing else: so a question that stays open needs to look at no more than the
//! window of a new message, and what is found first cannot change what is best.

mod asked;
mod features;
mod seen;
mod weights;

pub use asked::{Asked, Dates, Voice};
pub use features::{COUNT, FEATURES, Features, Heard, MINILM, Nearby, REACH, Sought, Spread, features};
pub use seen::Seen;
pub use weights::{BUILT_IN, MEANING, Score, WORDS, Weights};

/// What is said longer after or before is not the same talk, in milliseconds.
pub const TALK_GAP: i64 = 3 * 3_600_000;
