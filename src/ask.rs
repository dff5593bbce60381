//! Asking: wanted asks become answers, in large jobs, within the epoch's budget.
//!
//! Models never run inside the graph. What is answered within the budget joins the same commit; the rest stays asked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nexus_dataflows::{Inputs, Outputs};
use nexus_inference::{Model, Reply};
use nexus_types::{Answer, AnswerRow, Ask, Text, TextHash};

use crate::engine::Engine;
use crate::{Error, Result};

/// What is asked and not answered yet: texts by model.
pub(crate) type OpenAsks = BTreeMap<Text, BTreeSet<TextHash>>;

/// The answers of one epoch.
#[derive(Debug, Default)]
pub(crate) struct Answered {
    /// What models said.
    pub(crate) rows: Vec<AnswerRow>,
    /// The vectors behind [`Answer::Vector`].
    pub(crate) vectors: Vec<(Ask, Vec<f32>)>,
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
            loop {
                let job = next_job(&self.asks, model.as_ref(), self.settings.model_job_texts_max);
                // The pattern extractor is as fast as reading the text: it always joins the epoch.
                let free = model.id() == nexus_inference::patterns::MODEL;
                if job.is_empty() || (!free && Instant::now() >= until) {
                    break;
                }
                let before = answered.rows.len();
                self.answer(model.as_ref(), job, &mut answered)?;
                let inputs = Inputs {
                    answers: answered.rows[before..].iter().map(|row| (row.clone(), 1)).collect(),
                    ..Inputs::default()
                };
                let more = self.graph.step(inputs)?;
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

    /// How many open asks the models at hand could answer.
    pub(crate) fn answerable(&self) -> usize {
        self.models.iter().map(|model| self.asks.get(model.id()).map_or(0, BTreeSet::len)).sum()
    }

    fn answer(&mut self, model: &dyn Model, job: Vec<Ask>, answered: &mut Answered) -> Result<()> {
        let texts = self.texts.passages(&job.iter().map(|ask| ask.text).collect::<Vec<_>>())?;
        let (known, unknown): (Vec<Ask>, Vec<Ask>) = job.into_iter().partition(|ask| texts.contains_key(&ask.text));
        if let Some(ask) = unknown.first() {
            return Err(Error::internal(format!("the text {} is asked about but not stored", ask.text)));
        }
        let inputs: Vec<_> = known.iter().map(|ask| texts[&ask.text].clone()).collect();
        for (ask, reply) in known.into_iter().zip(model.answer(&inputs)) {
            let answer = match reply {
                Reply::Answer(answer) => answer,
                Reply::Vector(vector) => {
                    answered.vectors.push((ask.clone(), vector));
                    Answer::Vector
                }
            };
            answered.rows.push(AnswerRow { ask, answer: Arc::new(answer) });
        }
        Ok(())
    }
}

fn next_job(asks: &OpenAsks, model: &dyn Model, texts_max: usize) -> Vec<Ask> {
    // A slow model is given little at a time, so that the budget is kept and ctrl-C is heard.
    let texts_max = if model.dimension().is_some() { texts_max.min(64) } else { texts_max };
    let texts = asks.get(model.id()).into_iter().flatten().take(texts_max);
    texts.map(|text| Ask { model: model.id().into(), text: *text }).collect()
}
