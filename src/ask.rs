//! Asking: wanted asks become answers, in large jobs, within the epoch's budget.
//!
//! Models never run inside the graph. What is answered within the budget joins the same commit; the rest stays asked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nexus_dataflows::{Inputs, Outputs};
use nexus_inference::{Model, Reply};
use nexus_types::{Answer, AnswerRow, Ask, Task, Text, TextHash};

use crate::engine::Engine;
use crate::{Error, Result};

/// How many texts a fast embedder reads in an epoch: more than an epoch of an ingest asks about.
const CAUGHT_UP_AT_ONCE: usize = 50_000;

/// What is asked and not answered yet: texts by model.
pub(crate) type OpenAsks = BTreeMap<Text, BTreeSet<TextHash>>;

/// The answers of one epoch.
#[derive(Debug, Default)]
pub(crate) struct Answered {
    /// What models said.
    pub(crate) rows: Vec<AnswerRow>,
    /// The vectors behind [`Answer::Vector`].
    pub(crate) vectors: Vec<(Ask, Vec<f32>)>,
    /// Why a model has left asks open, if it has.
    later: Option<Text>,
}

impl Engine {
    /// Keeps the set of open asks in step with the graph's output.
    pub(crate) fn note_asks(&mut self, outputs: &Outputs) {
        for (ask, diff) in &outputs.asks {
            let texts = self.asks.entry(ask.model.clone()).or_default();
            if *diff > 0 {
                texts.insert(ask.text);
            } else {
                texts.remove(&ask.text);
            }
        }
    }

    /// Answers open asks until none is left for the models at hand or the budget is spent, and feeds the answers back.
    pub(crate) fn ask(&mut self, outputs: &mut Outputs, budget: Duration) -> Result<Answered> {
        let mut answered = Answered::default();
        let until = Instant::now() + budget;
        for model in self.models.clone() {
            // A slow model is given little at a time, so that the budget is kept and ctrl-C is heard.
            let slow_max = if model.is_instant() { usize::MAX } else { texts_within(budget) };
            let mut free = free_of_charge(model.as_ref());
            // With any budget at all each model gets on, whatever the others took.
            let mut owed = !budget.is_zero();
            while !self.put_off.contains_key(model.id()) {
                let most = self.settings.model_job_texts_max.min(slow_max).min(model.at_once());
                let job = next_job(&self.asks, model.as_ref(), most);
                if job.is_empty() || (free == 0 && !owed && Instant::now() >= until) {
                    break;
                }
                owed = false;
                free = free.saturating_sub(job.len());
                let (before, vectors) = (answered.rows.len(), answered.vectors.len());
                self.answer(model.as_ref(), job, &mut answered)?;
                answered.vectors[vectors..].iter().for_each(|(ask, vector)| self.texts.embedded(ask, vector));
                if let Some(reason) = answered.later.take() {
                    tracing::warn!(model = model.id(), %reason, "a model cannot answer now: its asks stay open");
                    self.put_off.insert(model.id().into(), reason);
                }
                let inputs = Inputs {
                    answers: answered.rows[before..].iter().map(|row| (row.clone(), 1)).collect(),
                    ..Inputs::default()
                };
                let more = self.feed(inputs)?;
                self.note_asks(&more);
                outputs.merge(more);
            }
        }
        Ok(answered)
    }

    /// How many asks are open.
    pub(crate) fn open_asks(&self) -> usize {
        self.asks.values().map(BTreeSet::len).sum()
    }

    /// How many texts that model has still to read.
    pub(crate) fn open_to(&self, model: &str) -> usize {
        self.asks.get(model).map_or(0, BTreeSet::len)
    }

    /// How many open asks the models at hand could answer now.
    pub(crate) fn answerable(&self) -> usize {
        let ready = self.models.iter().filter(|model| !self.put_off.contains_key(model.id()));
        ready.map(|model| self.asks.get(model.id()).map_or(0, BTreeSet::len)).sum()
    }

    fn answer(&mut self, model: &dyn Model, job: Vec<Ask>, answered: &mut Answered) -> Result<()> {
        let texts = self.texts.passages(&job.iter().map(|ask| ask.text).collect::<Vec<_>>())?;
        let (known, unknown): (Vec<Ask>, Vec<Ask>) = job.into_iter().partition(|ask| texts.contains_key(&ask.text));
        if let Some(ask) = unknown.first() {
            return Err(Error::internal(format!("the text {} is asked about but not stored", ask.text)));
        }
        let inputs: Vec<_> = known.iter().map(|ask| texts[&ask.text].clone()).collect();
        let along = model.along().and_then(|other| self.asks.get_key_value(other)).filter(|(_, open)| !open.is_empty());
        match along {
            None => known.into_iter().zip(model.answer(&inputs)).for_each(|(ask, reply)| answered.push(ask, reply)),
            // One pass answers both.
            Some((other, open)) => {
                for (ask, (reply, along)) in known.into_iter().zip(model.answer_along(&inputs)) {
                    if open.contains(&ask.text) {
                        answered.push(Ask { model: other.clone(), text: ask.text }, along);
                    }
                    answered.push(ask, reply);
                }
            }
        }
        Ok(())
    }
}

impl Answered {
    fn push(&mut self, ask: Ask, reply: Reply) {
        let answer = match reply {
            Reply::Answer(answer) => answer,
            Reply::Vector(vector) => {
                self.vectors.push((ask.clone(), vector));
                Answer::Vector
            }
            Reply::Later(reason) => return self.later = Some(reason),
        };
        self.rows.push(AnswerRow { ask, answer: Arc::new(answer) });
    }
}

/// How many texts a model may read in an epoch whatever the budget is: facts are not to wait, and a table of vectors is fast,
/// but not where it has a long history to catch up with.
fn free_of_charge(model: &dyn Model) -> usize {
    match (model.is_instant(), model.task()) {
        (true, Task::Extract | Task::Prepare) => usize::MAX,
        (true, Task::Embed) => CAUGHT_UP_AT_ONCE,
        (false, _) => 0,
    }
}

/// How many texts a slow model takes at once: at 500 texts a second, a fraction of a second or of the
/// budget, whichever is more.
fn texts_within(budget: Duration) -> usize {
    let texts = budget.as_millis() / 10;
    usize::try_from(texts).unwrap_or(usize::MAX).clamp(64, 512)
}

fn next_job(asks: &OpenAsks, model: &dyn Model, texts_max: usize) -> Vec<Ask> {
    let texts = asks.get(model.id()).into_iter().flatten().take(texts_max);
    texts.map(|text| Ask { model: model.id().into(), text: *text }).collect()
}
