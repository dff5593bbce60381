//! Embed: which embeddings of which texts are wanted.
//!
//! `embed(P, M) = { ask(m, p.text) | p in P, m an embedder of p's scope in M, or prepared to take over }`. An answer is the mere word that the vector
//! is stored, under the model and the text's hash: a similarity is a function of two hashes, so vectors never enter the
//! graph. Cost: the passages that change; the passages of a scope whose models change.

use std::sync::Arc;

use nexus_types::{Ask, Policy, PolicyRow, Scope, Task, Text};

use crate::scoped::{self, Shard};
use crate::split::Piece;
use crate::{Arrangement, Collection};

/// Passages by their scope: what [`embed`] and [`crate::extract()`] ask about, arranged once for both.
pub fn by_scope<'s>(pieces: Collection<'s, Arc<Piece>>) -> Arrangement<'s, Shard, Arc<Piece>> {
    pieces
        .map(|piece| (scoped::shard(&piece.passage.scope, piece.passage.event), piece))
        .arrange_by_key_named("passages by scope")
}

/// The asks for an embedding, one per passage and embedder.
pub fn embed<'s>(
    passages: Arrangement<'s, Shard, Arc<Piece>>,
    policy: Collection<'s, PolicyRow>,
) -> Collection<'s, Ask> {
    let models = scoped::everywhere(policy.flat_map(embedder)).arrange_by_key_named("embedders by scope");
    passages.join_core(models, |_, piece, model| Some(Ask { text: piece.passage.text, model: model.clone() }))
}

fn embedder(row: PolicyRow) -> Option<(Scope, Text)> {
    match row.policy {
        Policy::Model { task: Task::Embed | Task::Prepare, model } => Some((row.scope, model)),
        _ => None,
    }
}

/// The meaning, by brute force.
pub fn embed_naive(passages: &[Arc<Piece>], policy: &[PolicyRow]) -> Vec<Ask> {
    let mut asks = Vec::new();
    for piece in passages {
        for row in policy.iter().filter(|row| row.scope == piece.passage.scope) {
            if let Policy::Model { task: Task::Embed | Task::Prepare, model } = &row.policy {
                asks.push(Ask { text: piece.passage.text, model: model.clone() });
            }
        }
    }
    asks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::check2;
    use crate::fake;

    #[test]
    fn agrees_with_naive() {
        check2("embed", (fake::piece, fake::model), |p, m| embed(by_scope(p), m), embed_naive);
    }
}
