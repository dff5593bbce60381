//! Watch: the kept rankings of questions that stay open.
//!
//! `watch(P, A, M) = { (q, r, p) | q watched in p's scope, p the r-th of the scope's passages by score(q, p), r <= k }`. The
//! score is a recall's (`nexus_scoring::ranking`) under the weights and statistics that policy has published: it depends
//! on the passage and on what was said right before and after it, so a new message touches a window, whatever the size of
//! the history. A text counts by its meaning once the scope's embedder has read it. Of equal scores the newest is best,
//! then the lesser id.
//!
//! Cost: a message, its window times the scope's watches; a new watch, weight or statistic, all passages of the scope.
//! Nothing for scopes without a watch. Memory: about 150 bytes a passage of a watched scope, and what was said last in each
//! talk as it was read.

mod desk;
mod judge;
mod naive;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::sync::Arc;

use nexus_scoring::ranking::{Asked, Voice};
use nexus_types::policy::WATCHED_MAX;
use nexus_types::{Author, EventId, Millis, PassageId, Policy, PolicyRow, Scope, Task, Text, Texts, Watched};
use serde::{Deserialize, Serialize};

use crate::Collection;
use crate::per_key::per_epoch;
use crate::split::Piece;
use desk::Desk;

pub use naive::watch_naive;

/// What is ranked for: a scope's question, and how many places it has.
type Watch = (Scope, Text, u32);
/// What is ranked: the newest first.
type Place = (Reverse<Millis>, PassageId, EventId);

/// What a watched scope holds, as [`crate::read()`] has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Sight {
    /// It was said.
    Said(Piece),
    /// This embedder has read it.
    Read(Piece, Text),
}

/// The kept rankings of what is said in watched scopes.
pub fn watch<'s>(
    said: Collection<'s, Sight>,
    policy: Collection<'s, PolicyRow>,
    texts: Arc<dyn Texts>,
) -> Collection<'s, Watched> {
    let candidates = per_epoch(said, policy.filter(heeded), "Watch", desk::route, Desk::new(texts));
    let ranked = crate::rank(candidates, WATCHED_MAX as usize);
    ranked.filter(|((.., k), rank, ..)| rank <= k).map(|((scope, question, _), rank, score, place)| {
        let (Reverse(said_at), passage, event) = place;
        Watched { scope, question, rank, passage, event, said_at, score }
    })
}

/// Whether a row of policy changes what is ranked, or how: all passages of its scope are then judged anew.
pub fn heeded(row: &PolicyRow) -> bool {
    match &row.policy {
        Policy::Watch { .. } | Policy::Weight { .. } | Policy::Statistics { .. } => true,
        Policy::Model { task, .. } => *task == Task::Embed,
        _ => false,
    }
}

/// A watched question, by whom was published as speaking in its scope: the greatest row counts.
pub fn asked<'p>(question: &str, policy: impl Iterator<Item = &'p Policy>) -> Asked {
    let newest = policy.filter(|row| matches!(row, Policy::Statistics { .. })).max();
    let Some(Policy::Statistics { named, own, .. }) = newest else {
        return Asked::of(question, std::iter::empty(), true);
    };
    let voice = |author: &'p Text, own: bool| {
        let Author { handle, name } = Author::parse(author);
        (author, name.unwrap_or(handle), own)
    };
    let voices: Vec<_> =
        named.iter().map(|author| voice(author, false)).chain(own.iter().map(|author| voice(author, true))).collect();
    Asked::of(question, voices.iter().map(|(author, name, own)| Voice { author, name, own: *own }), true)
}
