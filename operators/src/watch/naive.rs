//! What watching means, by brute force: every question, every passage, from nothing.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use nexus_scoring::Statistics;
use nexus_scoring::ranking::{Heard, MEANING, Nearby, REACH, Seen, Sought, TALK_GAP, WORDS, Weights, features};
use nexus_types::{Answer, AnswerRow, Policy, PolicyRow, Scope, Task, Text, Texts, Watched};

use crate::neighbours::conversation;
use crate::split::Piece;

/// The kept rankings of these passages, under this policy.
pub fn watch_naive(
    passages: &[std::sync::Arc<Piece>],
    answers: &[AnswerRow],
    policy: &[PolicyRow],
    texts: &dyn Texts,
) -> Vec<Watched> {
    let of = |scope: &Scope| policy.iter().filter(|row| row.scope == *scope).map(|row| &row.policy).collect::<Vec<_>>();
    let mut watches: BTreeMap<(Scope, Text), u32> = BTreeMap::new();
    for row in policy {
        if let Policy::Watch { question, k } = &row.policy {
            let held = watches.entry((row.scope.clone(), question.clone())).or_default();
            *held = (*held).max(*k);
        }
    }
    let mut watched = Vec::new();
    for ((scope, question), k) in watches {
        let policy = of(&scope);
        let read = |piece: &Piece| {
            let models = policy.iter().filter_map(|row| match row {
                Policy::Model { task: Task::Embed, model } => Some(model),
                _ => None,
            });
            let model = models.min()?;
            let vector = |row: &AnswerRow| {
                row.ask.model == *model && row.ask.text == piece.passage.text && *row.answer == Answer::Vector
            };
            answers.iter().any(vector).then_some(model)
        };
        let asked = super::asked(&question, policy.iter().copied());
        let (statistics, weights) = published(&policy);
        let sought = Sought::of(&asked, &statistics, weights.spread);
        let here: Vec<&Piece> =
            passages.iter().map(|piece| &**piece).filter(|piece| piece.passage.scope == scope).collect();
        let mut scores = Vec::new();
        for piece in &here {
            let mut talk: Vec<&&Piece> =
                here.iter().filter(|other| conversation(&other.event) == conversation(&piece.event)).collect();
            talk.sort_by_key(|other| (other.event.said_at, other.event.id, other.passage.ordinal));
            let Some(at) = talk.iter().position(|other| other.passage.id == piece.passage.id) else { continue };
            let seen: Vec<Seen> = talk
                .iter()
                .map(|other| {
                    Seen::of(
                        &texts.text(other.passage.text).unwrap_or_default(),
                        &other.event.author,
                        other.event.said_at,
                    )
                })
                .collect();
            let heard: Vec<Heard<'_>> = talk
                .iter()
                .zip(&seen)
                .map(|(other, seen)| {
                    let cosine =
                        read(other).and_then(|model| texts.nearness(model, &asked.embedded, &[other.passage.text])[0]);
                    Heard::of(&sought, seen, cosine)
                })
                .collect();
            let gap =
                |a: usize, b: usize| talk[a].event.said_at.abs_diff(talk[b].event.said_at) > TALK_GAP.unsigned_abs();
            let before = (0..at).rev().take(REACH).take_while(|other| !gap(*other, other + 1));
            let after = (at + 1..talk.len()).take(REACH).take_while(|other| !gap(*other, other - 1));
            let (before, after): (Vec<_>, Vec<_>) =
                (before.map(|at| &heard[at]).collect(), after.map(|at| &heard[at]).collect());
            let near = Nearby { turn: &heard[at], before: &before, after: &after };
            let features = features(&sought, near);
            let score = weights.score(&asked, &features, piece.event.said_at);
            if weights.matches(&sought, &features, score) {
                scores.push((Reverse(score.total), Reverse(piece.event.said_at), piece.passage.id, piece.event.id));
            }
        }
        scores.sort();
        for (rank, (Reverse(score), Reverse(said_at), passage, event)) in (1..=k).zip(scores) {
            watched.push(Watched {
                scope: scope.clone(),
                question: question.clone(),
                rank,
                passage,
                event,
                said_at,
                score,
            });
        }
    }
    watched
}

fn published(policy: &[&Policy]) -> (Statistics, Weights) {
    let mut rows = policy.to_vec();
    rows.sort();
    let embeds = |row: &&Policy| matches!(row, Policy::Model { task: Task::Embed, .. });
    let mut weights = if policy.iter().any(|row| embeds(row)) { MEANING } else { WORDS };
    let mut statistics = Statistics::default();
    for row in rows {
        match row {
            Policy::Weight { feature, weight } => weights.set(feature, *weight),
            Policy::Statistics { passages, length, frequencies, .. } => {
                let frequencies = frequencies.iter().map(|(term, count)| (term.to_string(), *count)).collect();
                statistics = Statistics { texts: *passages, length: *length, frequencies };
            }
            _ => {}
        }
    }
    (statistics, weights)
}
