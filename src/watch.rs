//! Standing recall: questions whose ranking is kept. A watch is policy; the graph ranks what is said (`operators/watch.rs`)
//! under published weights and statistics, and each epoch brings the places that changed.
//!
//! Statistics are published with a watch, and again when the scope has grown or shrunk by a quarter: between these a message
//! costs its window, whatever the size of the history.

use std::collections::{BTreeMap, BTreeSet};

use futures::channel::mpsc::{UnboundedReceiver, unbounded};
use nexus_query::RecallOptions;
use nexus_scoring::learn::{Verdict, learn};
use nexus_scoring::ranking::{FEATURES, Weights};
use nexus_types::policy::WATCHED_MAX;
use nexus_types::{PassageId, Policy, PolicyRow, Task, Text, Watched};

use crate::writer::{Nexus, Receipt};
use crate::{Error, Memory, Result, clock};

/// How many results a verdict is seen beside.
const BESIDE: usize = 20;

/// What one epoch changed in the ranking of a watched question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchUpdate {
    /// The epoch.
    pub epoch: u64,
    /// Places that are so from now on, in the order of rank.
    pub added: Vec<Watched>,
    /// Places that are not so any more.
    pub removed: Vec<Watched>,
}

impl Nexus {
    /// Keeps the ranking of a question: its `k` best passages. A question that is watched already gets that many places.
    pub fn watch(&mut self, question: &str, k: usize) -> Result<Receipt> {
        let question = asked(question)?;
        let k = u32::try_from(k).ok().filter(|k| (1..=WATCHED_MAX).contains(k));
        let k = k.ok_or_else(|| Error::argument(format!("a watched question has 1 to {WATCHED_MAX} places")))?;
        let held = self.policies(|row| matches!(row, Policy::Watch { question: held, .. } if *held == question));
        let watch = Policy::Watch { question: question.clone(), k };
        let questions = self.watched_questions().into_iter().map(|(question, _)| question).chain([question]);
        self.publish(questions.collect(), vec![watch], held)
    }

    /// Lets a watched question go.
    pub fn unwatch(&mut self, question: &str) -> Result<Receipt> {
        let question = asked(question)?;
        let held = self.policies(|row| matches!(row, Policy::Watch { question: held, .. } if *held == question));
        if held.is_empty() {
            let watched: Vec<String> = self.watched_questions().iter().map(|(held, _)| format!("{held:?}")).collect();
            let there = if watched.is_empty() {
                "nothing is watched".into()
            } else {
                format!("watched: {}", watched.join(", "))
            };
            return Err(Error::new(crate::ErrorKind::NotFound, format!("{question:?} is not watched; {there}")));
        }
        let rest = self.watched_questions().into_iter().map(|(held, _)| held).filter(|held| *held != question);
        self.publish(rest.collect(), Vec::new(), held)
    }

    /// The questions that are watched in this scope, with how many places each has.
    pub fn watched_questions(&self) -> Vec<(Text, u32)> {
        watched(self.engine.policy.iter().filter(|row| row.scope == *self.scope()).map(|row| &row.policy))
    }

    /// Follows the ranking of a watched question, epoch by epoch, from now on.
    pub fn follow(&mut self, question: &str) -> Result<UnboundedReceiver<WatchUpdate>> {
        let question = asked(question)?;
        let (sender, receiver) = unbounded();
        self.engine.subscribers.follow(self.scope().clone(), question, sender);
        Ok(receiver)
    }

    /// Says that something recalled for a question helped, or did not: an event's id, or the beginning of it. The weights
    /// that all verdicts so far teach are published with it.
    pub fn feedback(&mut self, question: &str, event: &str, helped: bool) -> Result<Receipt> {
        let question = asked(question)?;
        let options = RecallOptions { k: BESIDE, explain: true, ..RecallOptions::default() };
        let recalled = self.memory()?.recall_uncounted(&question, &options)?;
        let values = |features: &Option<Vec<nexus_query::Contribution>>| -> BTreeMap<&'static str, i64> {
            features.iter().flatten().map(|one| (one.feature, one.value)).collect()
        };
        let hit = recalled.hits.iter().find(|hit| event.len() >= 4 && hit.event.starts_with(&event.to_lowercase()));
        let missing = || {
            Error::argument(format!(
                "{event:?} is not among the {BESIDE} best for {question:?}: nexus recall --json shows their ids"
            ))
        };
        let hit = hit.ok_or_else(missing)?;
        let all: Vec<BTreeMap<&str, i64>> = recalled.hits.iter().map(|hit| values(&hit.features)).collect();
        let mean = |name: &str| all.iter().map(|of| of.get(name).copied().unwrap_or(0)).sum::<i64>() / all.len() as i64;
        let of = values(&hit.features);
        let special = FEATURES.iter().map(|name| (Text::from(*name), of.get(name).copied().unwrap_or(0) - mean(name)));
        let verdict = Policy::Feedback {
            at: clock::now(),
            question,
            passage: hit.passage.parse::<PassageId>().map_err(Error::internal)?,
            helped,
            features: special.filter(|(_, value)| *value != 0).collect(),
        };
        let mut verdicts = self.policies(|row| matches!(row, Policy::Feedback { .. }));
        verdicts.push(verdict.clone());
        self.teach(verdicts, vec![verdict], Vec::new())
    }

    /// Takes back all verdicts on a question: the weights are then what they would be without them. Gives how many there were.
    pub fn forget_feedback(&mut self, question: &str) -> Result<usize> {
        let of = |row: &Policy| matches!(row, Policy::Feedback { question: of, .. } if **of == *question.trim());
        let gone = self.policies(of);
        let kept = self.policies(|row| matches!(row, Policy::Feedback { .. }) && !of(row));
        let count = gone.len();
        self.teach(kept, Vec::new(), gone)?;
        Ok(count)
    }

    /// Publishes statistics anew if the scope has watches and has changed its size by a quarter. Costs a look at the size of
    /// the table, until that has changed as much.
    pub(crate) fn republish(&mut self) -> Result<()> {
        let rows = self.engine.store.checkpoint().tables.get("passages").map_or(0, |table| table.rows);
        if !far_apart(rows, self.engine.sized, 16) {
            return Ok(());
        }
        self.engine.sized = rows;
        let published = self.policies(|row| matches!(row, Policy::Statistics { .. }));
        let Some(Policy::Statistics { passages, .. }) = published.iter().max() else { return Ok(()) };
        if far_apart(self.memory()?.passages()?, *passages, 4) {
            let questions = self.watched_questions().into_iter().map(|(question, _)| question).collect();
            self.publish(questions, Vec::new(), Vec::new())?;
        }
        Ok(())
    }

    /// Publishes the statistics of these questions, and no others, with further changes of policy.
    fn publish(&mut self, questions: Vec<Text>, mut added: Vec<Policy>, mut removed: Vec<Policy>) -> Result<Receipt> {
        removed.extend(self.policies(|row| matches!(row, Policy::Statistics { .. })));
        if !questions.is_empty() {
            let questions: BTreeSet<String> = questions.iter().map(ToString::to_string).collect();
            added.push(self.memory()?.statistics(&questions.into_iter().collect::<Vec<_>>())?);
        }
        removed.retain(|row| !added.contains(row));
        self.change_policy(added, removed)
    }

    /// Publishes the weights that these verdicts teach, with further changes of policy.
    fn teach(
        &mut self,
        mut verdicts: Vec<Policy>,
        mut added: Vec<Policy>,
        mut removed: Vec<Policy>,
    ) -> Result<Receipt> {
        verdicts.sort();
        let embedder = self.policies(|row| matches!(row, Policy::Model { task: Task::Embed, .. })).into_iter().min();
        let began = Weights::for_embedder(match &embedder {
            Some(Policy::Model { model, .. }) => Some(model),
            _ => None,
        });
        let learnt = learn(&began, &verdicts.iter().filter_map(verdict).collect::<Vec<_>>());
        removed.extend(self.policies(|row| matches!(row, Policy::Weight { .. })));
        let moved = FEATURES.iter().filter(|name| learnt.of(name) != began.of(name));
        added.extend(moved.map(|name| Policy::Weight { feature: Text::from(*name), weight: learnt.of(name) }));
        removed.retain(|row| !added.contains(row));
        self.change_policy(added, removed)
    }

    /// The rows of this scope's policy that fit.
    fn policies(&self, fits: impl Fn(&Policy) -> bool) -> Vec<Policy> {
        let mine = self.engine.policy.iter().filter(|row| row.scope == *self.scope());
        mine.map(|row| &row.policy).filter(|row| fits(row)).cloned().collect()
    }
}

impl Memory {
    /// The questions that are watched in this scope, with how many places each has.
    pub fn watched_questions(&self) -> Result<Vec<(Text, u32)>> {
        Ok(watched(self.policy_rows()?.iter().map(|row| &row.policy)))
    }
}

/// Whether one count is more than one part in so many away from the other.
fn far_apart(count: u64, from: u64, parts: u64) -> bool {
    count.abs_diff(from) * parts > from
}

fn asked(question: &str) -> Result<Text> {
    match question.trim() {
        "" => Err(Error::argument("the question is empty: say what you look for")),
        question => Ok(question.into()),
    }
}

fn watched<'p>(policy: impl Iterator<Item = &'p Policy>) -> Vec<(Text, u32)> {
    let mut found: Vec<(Text, u32)> = policy
        .filter_map(|row| match row {
            Policy::Watch { question, k } => Some((question.clone(), *k)),
            _ => None,
        })
        .collect();
    found.sort();
    found
}

fn verdict(row: &Policy) -> Option<Verdict> {
    let Policy::Feedback { features, helped, .. } = row else { return None };
    let value = |name: &&str| features.iter().find(|(feature, _)| **feature == **name).map_or(0, |(_, value)| *value);
    let mut of = [0; FEATURES.len()];
    of.iter_mut().zip(FEATURES.iter()).for_each(|(slot, name)| *slot = value(name));
    Some(Verdict { features: of, helped: *helped })
}

/// The vectors of all watched questions, by embedder and what of the question is embedded.
pub(crate) fn vectors<'p>(
    policy: impl Iterator<Item = &'p PolicyRow> + Clone,
    mut embed: impl FnMut(&str, &str) -> Option<Vec<f32>>,
) -> BTreeMap<(Text, String), Vec<f32>> {
    let mut vectors = BTreeMap::new();
    for row in policy.clone() {
        let Policy::Watch { question, .. } = &row.policy else { continue };
        let here = policy.clone().filter(|other| other.scope == row.scope);
        let text = nexus_operators::watch::asked(question, here.clone().map(|row| &row.policy)).embedded;
        for other in here {
            if let Policy::Model { task: Task::Embed, model } = &other.policy
                && !vectors.contains_key(&(model.clone(), text.clone()))
                && let Some(vector) = embed(model, &text)
            {
                vectors.insert((model.clone(), text.clone()), vector);
            }
        }
    }
    vectors
}
