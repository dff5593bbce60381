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
use nexus_types::{
    Answer, Ask, Author, EventId, Millis, PassageId, Policy, PolicyRow, Scope, Task, Text, Texts, Watched,
};
use serde::{Deserialize, Serialize};

use crate::per_key::{distinct, per_epoch};
use crate::scoped::{self, Shard};
use crate::split::Piece;
use crate::{Arrangement, Collection};
use desk::Desk;

pub use naive::watch_naive;

/// What is ranked for: a scope's question, and how many places it has.
type Watch = (Scope, Text, u32);
/// What is ranked: the newest first.
type Place = (Reverse<Millis>, PassageId, EventId);

/// What happens to a passage of a watched scope.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
enum Row {
    /// It was said.
    Said(Arc<Piece>),
    /// This embedder has read it.
    Read(Arc<Piece>, Text),
}

/// The kept rankings. Passages and answers are arranged as [`crate::embed::by_scope`] and [`crate::answered::by_ask`] do.
pub fn watch<'s>(
    passages: Arrangement<'s, Shard, Arc<Piece>>,
    answers: Arrangement<'s, Ask, Arc<Answer>>,
    policy: Collection<'s, PolicyRow>,
    texts: Arc<dyn Texts>,
) -> Collection<'s, Watched> {
    let scopes = policy.clone().flat_map(|row| matches!(row.policy, Policy::Watch { .. }).then_some((row.scope, ())));
    let scopes = scoped::everywhere(distinct(scopes, "watched scopes")).arrange_by_key_named("watched scopes");
    let pieces = passages.join_core(scopes, |shard, piece, ()| Some((shard.clone(), piece.clone())));
    let models = scoped::everywhere(policy.clone().flat_map(embedder)).arrange_by_key_named("embedders of watches");
    let asked = pieces.clone().arrange_by_key_named("watched passages").join_core(models, |_, piece, model| {
        Some((Ask { text: piece.passage.text, model: model.clone() }, piece.clone()))
    });
    let read = asked.arrange_by_key_named("watched passages by ask").join_core(answers, |ask, piece, answer| {
        matches!(**answer, Answer::Vector).then(|| Row::Read(piece.clone(), ask.model.clone()))
    });
    let rows = pieces.map(|(_, piece)| Row::Said(piece)).concat(read);
    let candidates = per_epoch(rows, policy.filter(heeded), "Watch", desk::route, Desk::new(texts));
    let ranked = crate::rank(candidates, WATCHED_MAX as usize);
    ranked.filter(|((.., k), rank, ..)| rank <= k).map(|((scope, question, _), rank, score, place)| {
        let (Reverse(said_at), passage, event) = place;
        Watched { scope, question, rank, passage, event, said_at, score }
    })
}

fn embedder(row: PolicyRow) -> Option<(Scope, Text)> {
    match row.policy {
        Policy::Model { task: Task::Embed, model } => Some((row.scope, model)),
        _ => None,
    }
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
