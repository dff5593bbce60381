//! The embedder behind recall: its weights are read when the first question is asked, not when memory is opened. One
//! question is too little to be worth a device: the host reads it, unless a writer has the model at hand.

use std::sync::{Arc, OnceLock};

use nexus_inference::{Device, Model, models};
use nexus_query::Embed;
use nexus_types::{Policy, PolicyRow, Task, Text};

/// An embedder of the registry, or one that is loaded already.
pub(crate) struct Embedder {
    id: String,
    model: OnceLock<Option<Arc<dyn Model>>>,
}

impl Embedder {
    /// The embedder of that id: one of those at hand, or of the registry, if it is here.
    pub(crate) fn with_id(id: &str, at_hand: &[Arc<dyn Model>]) -> Option<Arc<dyn Embed>> {
        let loaded = at_hand.iter().find(|model| model.id() == id).cloned();
        let here = || models::with_id(id).is_some_and(|known| known.is_here());
        let model = match loaded {
            Some(model) => OnceLock::from(Some(model)),
            None if here() => OnceLock::new(),
            None => return None,
        };
        Some(Arc::new(Embedder { id: id.into(), model }))
    }
}

impl Embed for Embedder {
    fn model(&self) -> &str {
        &self.id
    }

    fn embed(&self, text: &str) -> Option<Vec<f32>> {
        let load = || match models::with_id(&self.id).map_or(Ok(None), |known| known.load(Device::Cpu)) {
            Ok(model) => model,
            Err(error) => {
                tracing::warn!(%error, "the embedder cannot be loaded: recall is lexical");
                None
            }
        };
        self.model.get_or_init(load).as_ref()?.question(&text.into())
    }
}

/// The policy that asks that embedder.
pub(crate) fn asks(id: &str) -> Policy {
    Policy::Model { task: Task::Embed, model: id.into() }
}

/// The embedders that policy asks, of one scope or, without one, of all.
pub(crate) fn wanted<'p>(policy: impl IntoIterator<Item = &'p PolicyRow>, scope: Option<&str>) -> Vec<&'p Text> {
    let of_scope = |row: &&PolicyRow| scope.is_none_or(|scope| *row.scope == *scope);
    let mut wanted: Vec<&Text> = policy.into_iter().filter(of_scope).filter_map(embedder).collect();
    wanted.sort();
    wanted.dedup();
    wanted
}

/// The model that a row asks for.
pub(crate) fn model(row: &PolicyRow) -> Option<&Text> {
    match &row.policy {
        Policy::Model { model, .. } => Some(model),
        _ => None,
    }
}

fn embedder(row: &PolicyRow) -> Option<&Text> {
    match &row.policy {
        Policy::Model { task: Task::Embed, model } => Some(model),
        _ => None,
    }
}
