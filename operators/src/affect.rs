//! Affect: what an event feels like, its passages taken together.
//!
//! `affect(R) = { felt(e) | e has passages in R whose extraction tells }`: the mean of their valences, weighted by how sure
//! each is; how sure they are on average; and of each emotion the surest sign. An extractor that tells nothing costs
//! nothing. Cost: the passages of the events that change; memory: two pointers per passage that feels like something.

use std::collections::BTreeMap;
use std::sync::Arc;

use nexus_types::{Affect, AffectRow, Answer, EventId, EventRow, Text};
use serde::{Deserialize, Serialize};

use crate::per_key::{State, per_key};
use crate::split::Piece;
use crate::{Collection, Diff};

/// An event, and what it feels like.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Felt {
    /// The event.
    pub event: Arc<EventRow>,
    /// From -1000, as bad as can be, to 1000.
    pub valence: i16,
    /// How sure, in thousandths.
    pub confidence: u16,
    /// The emotions it shows, the surest first: `joy 812, love 455`.
    pub signals: Text,
}

impl Felt {
    /// The row of it that is kept.
    pub fn row(&self) -> AffectRow {
        let (valence, confidence, signals) = (self.valence, self.confidence, self.signals.clone());
        AffectRow { scope: self.event.scope.clone(), event: self.event.id, valence, confidence, signals }
    }
}

/// What events feel like, of what was read of their passages.
pub fn affect<'s>(read: Collection<'s, (Piece, Arc<Answer>)>) -> Collection<'s, Felt> {
    let told = read.filter(|(_, answer)| tells(answer).is_some()).map(|read| (read.0.event.id, read));
    per_key::<_, _, Passages>(told, "Affect")
}

fn tells(answer: &Answer) -> Option<&Affect> {
    match answer {
        Answer::Extraction(extraction) => extraction.affect.as_ref().filter(|affect| affect.confidence > 0),
        _ => None,
    }
}

/// The passages of an event that feel like something, in order.
#[derive(Default)]
struct Passages(Vec<(Piece, Arc<Answer>)>);

impl State<EventId, (Piece, Arc<Answer>)> for Passages {
    type Out = Felt;

    fn update(&mut self, _: &EventId, changes: Vec<((Piece, Arc<Answer>), Diff)>, out: &mut Vec<(Self::Out, Diff)>) {
        out.extend(self.felt().map(|felt| (felt, -1)));
        for (read, diff) in changes {
            match self.0.binary_search(&read) {
                Ok(at) if diff < 0 => _ = self.0.remove(at),
                Err(at) if diff > 0 => self.0.insert(at, read),
                _ => {}
            }
        }
        out.extend(self.felt().map(|felt| (felt, 1)));
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Passages {
    fn felt(&self) -> Option<Felt> {
        let (first, _) = self.0.first()?;
        let (mut sum, mut weight) = (0, 0);
        let mut emotions: BTreeMap<&Text, u16> = BTreeMap::new();
        for affect in self.0.iter().filter_map(|(_, answer)| tells(answer)) {
            sum += i64::from(affect.valence) * i64::from(affect.confidence);
            weight += i64::from(affect.confidence);
            for (name, sure) in &affect.emotions {
                let surest = emotions.entry(name).or_default();
                *surest = (*surest).max(*sure);
            }
        }
        let mut signs: Vec<(&Text, u16)> = emotions.into_iter().collect();
        signs.sort_by_key(|(name, sure)| (std::cmp::Reverse(*sure), *name));
        let signs: Vec<String> = signs.into_iter().map(|(name, sure)| format!("{name} {sure}")).collect();
        Some(Felt {
            event: first.event.clone(),
            valence: mean(sum, weight) as i16,
            confidence: mean(weight, self.0.len() as i64) as u16,
            signals: signs.join(", ").into(),
        })
    }
}

/// A mean, rounded to the nearest, halves up.
pub(crate) fn mean(sum: i64, count: i64) -> i64 {
    (2 * sum + count).div_euclid(2 * count.max(1))
}

/// The meaning, by brute force.
pub fn affect_naive(read: &[(Piece, Arc<Answer>)]) -> Vec<Felt> {
    let mut read: Vec<(&Piece, &Affect)> = read
        .iter()
        .filter_map(|(piece, answer)| match &**answer {
            Answer::Extraction(extraction) => extraction.affect.as_ref().map(|affect| (piece, affect)),
            _ => None,
        })
        .filter(|(_, affect)| affect.confidence != 0)
        .collect();
    read.sort();
    let mut ids: Vec<EventId> = read.iter().map(|(piece, _)| piece.event.id).collect();
    ids.sort();
    ids.dedup();
    let mut felt = Vec::new();
    for id in ids {
        let own: Vec<_> = read.iter().filter(|(piece, _)| piece.event.id == id).collect();
        let sure: f64 = own.iter().map(|(_, affect)| f64::from(affect.confidence)).sum();
        let sum: f64 = own.iter().map(|(_, affect)| f64::from(affect.confidence) * f64::from(affect.valence)).sum();
        let mut signs: Vec<(i32, &Text)> = Vec::new();
        for (name, sure) in own.iter().flat_map(|(_, affect)| &affect.emotions) {
            signs.push((-i32::from(*sure), name));
        }
        signs.sort();
        let mut said: Vec<&Text> = Vec::new();
        signs.retain(|(_, name)| {
            !said.contains(name) && {
                said.push(name);
                true
            }
        });
        let signs: Vec<String> = signs.iter().map(|(sure, name)| format!("{name} {}", -sure)).collect();
        felt.push(Felt {
            event: own[0].0.event.clone(),
            valence: (sum / sure + 0.5).floor() as i16,
            confidence: (sure / own.len() as f64 + 0.5).floor() as u16,
            signals: signs.join(", ").into(),
        });
    }
    felt
}

#[cfg(test)]
mod tests {
    use nexus_types::Extraction;

    use super::*;
    use crate::check::{Draw, check};
    use crate::fake;

    #[test]
    fn agrees_with_naive() {
        check("affect", |draw| (fake::piece(draw), fake::answer(draw)), affect, affect_naive);
    }

    #[test]
    fn the_surer_passage_weighs_more_and_emotions_are_said_once() {
        let piece = fake::piece(&mut Draw::new(1));
        let (ordinal, span, text) = (7, nexus_types::passage::Span { start: 9, end: 10 }, piece.text());
        let later = Piece { part: Some(Arc::new(crate::split::Part { ordinal, span, text })), ..piece.clone() };
        let told = |valence, confidence, emotions: &[(&str, u16)]| {
            let emotions = emotions.iter().map(|(name, sure)| (Text::from(*name), *sure)).collect();
            let affect = Some(Affect { valence, confidence, emotions });
            Arc::new(Answer::Extraction(Extraction { affect, ..Extraction::default() }))
        };
        let mut passages = Passages(vec![
            (piece.clone(), told(-800, 900, &[("anger", 700), ("fear", 300)])),
            (later, told(400, 300, &[("anger", 100), ("joy", 650)])),
        ]);
        let felt = passages.felt().map(|felt| (felt.valence, felt.confidence, felt.signals.to_string()));
        assert_eq!(felt, Some((-500, 600, "anger 700, joy 650, fear 300".into())));
        passages.0.clear();
        assert_eq!(passages.felt(), None);
    }
}
