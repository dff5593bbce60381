//! What it would take to let an endpoint read all that is there: told before it is asked, for it costs money or days.
//!
//! The graph is asked what it would want to know, and that is taken back. Cost: a step of the graph over the scope's
//! passages, and reading a thousand texts.

use std::collections::BTreeSet;
use std::time::Duration;

use nexus_dataflows::Inputs;
use nexus_inference::{endpoint::Estimate, models};
use nexus_types::{Policy, PolicyRow, Task, TextHash};

use crate::Result;
use crate::writer::Nexus;

/// How many texts are measured; the others are taken to be like them.
const MEASURED: usize = 1_000;

impl Nexus {
    /// What it would take to let the endpoint of that name read what it has not read; none if the model is no endpoint.
    pub fn estimate(&mut self, name: &str) -> Result<Option<Estimate>> {
        let Some(known) = models::known(name).ok().filter(|known| known.endpoint.is_some()) else { return Ok(None) };
        let (id, scope) = (known.id(), self.scope().clone());
        self.engine.ensure_scope(&scope)?;
        // What is pending comes first; no model is asked meanwhile.
        self.engine.turn_within(Duration::ZERO)?;
        let mut texts: BTreeSet<TextHash> = self.engine.asks.get(id.as_str()).cloned().unwrap_or_default();
        let row = PolicyRow { scope, policy: Policy::Model { task: Task::Prepare, model: id.as_str().into() } };
        if !self.engine.policy.contains(&row) {
            let outputs = self.engine.what_if(Inputs { policy: vec![(row, 1)], ..Inputs::default() })?;
            let wanted = outputs.asks.iter().filter(|(ask, diff)| *diff > 0 && *ask.model == *id);
            texts.extend(wanted.map(|(ask, _)| ask.text));
        }
        let measured: Vec<TextHash> = texts.iter().copied().take(MEASURED).collect();
        let bytes: usize = self.engine.texts.passages(&measured)?.values().map(|text| text.len()).sum();
        let all = bytes as u128 * texts.len() as u128 / measured.len().max(1) as u128;
        let all = u64::try_from(all).unwrap_or(u64::MAX);
        Ok(known.endpoint.map(|endpoint| endpoint.estimate(texts.len(), all)))
    }
}
