//! What watching means, by brute force: every question, every passage, from nothing.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use nexus_scoring::Statistics;
use nexus_scoring::ranking::{Heard, MINILM, Nearby, REACH, Seen, Sought, Spread, TALK_GAP, Weights, features};
use nexus_types::{
    Answer, AnswerRow, EventId, Millis, PassageId, Policy, PolicyRow, Scope, Task, Text, Texts, Watched,
};

use crate::neighbours::conversation;
use crate::split::Piece;

/// The kept rankings of these passages, under this policy.
pub fn watch_naive(passages: &[Piece], answers: &[AnswerRow], policy: &[PolicyRow], texts: &dyn Texts) -> Vec<Watched> {
    let mut watches: BTreeMap<(Scope, Text), u32> = BTreeMap::new();
    for row in policy {
        if let Policy::Watch { question, k } = &row.policy {
            let held = watches.entry((row.scope.clone(), question.clone())).or_default();
            *held = (*held).max(*k);
        }
    }
    let mut watched = Vec::new();
    for ((scope, question), k) in watches {
        let here: Vec<&Piece> = passages.iter().filter(|one| one.event.scope == scope).collect();
        let policy: Vec<&Policy> = policy.iter().filter(|row| row.scope == scope).map(|row| &row.policy).collect();
        let world = World { here, answers, policy, texts };
        for (rank, (Reverse(score), Reverse(said_at), passage, event)) in (1..=k).zip(world.places(&question)) {
            let (scope, question) = (scope.clone(), question.clone());
            watched.push(Watched { scope, question, rank, passage, event, said_at, score });
        }
    }
    watched
}

/// A scope, with all that its rankings follow from.
struct World<'a> {
    here: Vec<&'a Piece>,
    answers: &'a [AnswerRow],
    policy: Vec<&'a Policy>,
    texts: &'a dyn Texts,
}

impl World<'_> {
    /// What fits a question, best first.
    fn places(&self, question: &str) -> Vec<(Reverse<i64>, Reverse<Millis>, PassageId, EventId)> {
        let asked = super::asked(question, self.policy.iter().copied());
        let (statistics, weights) = published(&self.policy, self.embedder());
        let model = self.embedder().map_or(MINILM, |model| Spread::of_embedder(model));
        let sought = Sought::of(&asked, &statistics, model);
        let mut places = Vec::new();
        for piece in &self.here {
            let mut talk: Vec<&Piece> = self.here.clone();
            talk.retain(|other| conversation(&other.event) == conversation(&piece.event));
            talk.sort_by_key(|other| (other.event.said_at, other.event.id, other.ordinal()));
            let Some(at) = talk.iter().position(|other| other.id() == piece.id()) else { continue };
            let seen: Vec<Seen> = talk.iter().map(|other| self.seen(other)).collect();
            let cosine = |other: &Piece| {
                let model = self.read(other)?;
                self.texts.nearness(model, &[&asked.embedded], &[other.text()])[0][0]
            };
            let hear = |(other, seen)| Heard::of(&sought, seen, cosine(other));
            let heard: Vec<Heard<'_>> = talk.iter().copied().zip(&seen).map(hear).collect();
            let said_at = |at: usize| talk[at].event.said_at;
            let gap = |a: usize, b: usize| said_at(a).abs_diff(said_at(b)) > TALK_GAP.unsigned_abs();
            let before = (0..at).rev().take(REACH).take_while(|other| !gap(*other, other + 1)).map(|at| &heard[at]);
            let after = (at + 1..talk.len()).take(REACH).take_while(|other| !gap(*other, other - 1));
            let (before, after): (Vec<_>, Vec<_>) = (before.collect(), after.map(|at| &heard[at]).collect());
            let features = features(&sought, Nearby { turn: &heard[at], before: &before, after: &after });
            let score = weights.score(&asked, &features, said_at(at));
            if weights.matches(&sought, &features, score) {
                places.push((Reverse(score.total), Reverse(said_at(at)), piece.id(), piece.event.id));
            }
        }
        places.sort();
        places
    }

    fn embedder(&self) -> Option<&Text> {
        let models = self.policy.iter().filter_map(|row| match row {
            Policy::Model { task: Task::Embed, model } => Some(model),
            _ => None,
        });
        models.min()
    }

    fn seen(&self, piece: &Piece) -> Seen {
        let text = self.texts.text(piece.text()).unwrap_or_default();
        Seen::of(&text, &piece.event.author, piece.event.said_at)
    }

    /// The scope's embedder, if it has read the passage.
    fn read(&self, piece: &Piece) -> Option<&Text> {
        let model = self.embedder()?;
        let asked = |row: &&AnswerRow| row.ask.model == *model && row.ask.text == piece.text();
        self.answers.iter().filter(asked).any(|row| *row.answer == Answer::Vector).then_some(model)
    }
}

fn published(policy: &[&Policy], embedder: Option<&Text>) -> (Statistics, Weights) {
    let mut rows = policy.to_vec();
    rows.sort();
    let mut weights = Weights::for_embedder(embedder.map(|id| &**id));
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
