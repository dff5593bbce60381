//! Extract: what the texts of passages say, as a model reads them.
//!
//! `extract(P, M) = { (ask(m, p.text), p) | p in P, m the extractor of p's scope in M }`, where of several extractors of a
//! scope the one with the greatest name counts, so that one sentence is never read twice. Their answers, joined by
//! [`crate::answered()`], yield [`statements`] and [`mentions`]. Cost: the passages that change; the passages of a scope
//! whose extractor changes.

use std::sync::Arc;

use nexus_types::{Answer, Ask, Mention, Policy, PolicyRow, Scope, Statement, Task, Text};
use serde::{Deserialize, Serialize};

use crate::scoped::{self, Shard};
use crate::split::Piece;
use crate::{Arrangement, Collection};

/// One statement, and where it was read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Said {
    /// The passage.
    pub piece: Arc<Piece>,
    /// The statement's place in the extraction.
    pub place: u32,
    /// What is stated.
    pub statement: Statement,
}

/// One mention, and where it was read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Named {
    /// The passage.
    pub piece: Arc<Piece>,
    /// What it names.
    pub mention: Mention,
}

/// The asks for an extraction, each with a passage that wants it.
pub fn extract<'s>(
    passages: Arrangement<'s, Shard, Arc<Piece>>,
    policy: Collection<'s, PolicyRow>,
) -> Collection<'s, (Ask, Arc<Piece>)> {
    let models = policy.flat_map(extractor).reduce_named("extractor of scope", |_, models, out| {
        out.extend(models.last().map(|(model, _)| ((*model).clone(), 1)))
    });
    let models = scoped::everywhere(models).arrange_by_key_named("extractors by scope");
    passages.join_core(models, |_, piece, model| {
        Some((Ask { text: piece.passage.text, model: model.clone() }, piece.clone()))
    })
}

fn extractor(row: PolicyRow) -> Option<(Scope, Text)> {
    match row.policy {
        Policy::Model { task: Task::Extract, model } => Some((row.scope, model)),
        _ => None,
    }
}

/// What answered passages state.
pub fn statements<'s>(answered: Collection<'s, (Arc<Piece>, Arc<Answer>)>) -> Collection<'s, Arc<Said>> {
    answered.flat_map(|(piece, answer)| said(&piece, &answer))
}

/// What answered passages name; the same name at the same place only once.
pub fn mentions<'s>(answered: Collection<'s, (Arc<Piece>, Arc<Answer>)>) -> Collection<'s, Arc<Named>> {
    answered.flat_map(|(piece, answer)| named(&piece, &answer))
}

fn said(piece: &Arc<Piece>, answer: &Answer) -> Vec<Arc<Said>> {
    let Answer::Extraction(extraction) = answer else { return Vec::new() };
    let each = (0..).zip(extraction.statements.iter().cloned());
    each.map(|(place, statement)| Arc::new(Said { piece: piece.clone(), place, statement })).collect()
}

fn named(piece: &Arc<Piece>, answer: &Answer) -> Vec<Arc<Named>> {
    let Answer::Extraction(extraction) = answer else { return Vec::new() };
    let mut mentions = extraction.mentions.clone();
    mentions.sort();
    mentions.dedup();
    mentions.into_iter().map(|mention| Arc::new(Named { piece: piece.clone(), mention })).collect()
}

/// The meaning of [`extract()`], by brute force.
pub fn extract_naive(passages: &[Arc<Piece>], policy: &[PolicyRow]) -> Vec<(Ask, Arc<Piece>)> {
    let mut asks = Vec::new();
    for piece in passages {
        let models = policy.iter().filter(|row| row.scope == piece.passage.scope).filter_map(|row| match &row.policy {
            Policy::Model { task: Task::Extract, model } => Some(model),
            _ => None,
        });
        if let Some(model) = models.max() {
            asks.push((Ask { text: piece.passage.text, model: model.clone() }, piece.clone()));
        }
    }
    asks
}

/// The meaning of [`statements`], by brute force.
pub fn statements_naive(answered: &[(Arc<Piece>, Arc<Answer>)]) -> Vec<Arc<Said>> {
    let mut out = Vec::new();
    for (piece, answer) in answered {
        if let Answer::Extraction(extraction) = &**answer {
            for (place, statement) in extraction.statements.iter().enumerate() {
                out.push(Arc::new(Said { piece: piece.clone(), place: place as u32, statement: statement.clone() }));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{check, check2};
    use crate::embed::by_scope;
    use crate::fake;

    #[test]
    fn agrees_with_naive() {
        check2("extract", (fake::piece, fake::model), |p, m| extract(by_scope(p), m), extract_naive);
        check("statements", |draw| (fake::piece(draw), fake::answer(draw)), statements, statements_naive);
    }

    #[test]
    fn a_mention_given_twice_counts_once() {
        let draw = &mut crate::check::Draw::new(1);
        let mention = fake::mention(draw);
        let extraction =
            nexus_types::Extraction { mentions: vec![mention.clone(), mention], statements: Vec::new(), affect: None };
        assert_eq!(named(&fake::piece(draw), &Answer::Extraction(extraction)).len(), 1);
        assert!(named(&fake::piece(draw), &Answer::Vector).is_empty());
    }
}
