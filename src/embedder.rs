//! The embedder behind recall: its weights are read when the first question is asked, not when memory is opened.

use std::sync::{Arc, OnceLock};

use nexus_inference::{Encoder, Model, Reply, models};
use nexus_query::Embed;

/// The default embedder, if it is installed; or one that is loaded already.
pub(crate) struct Embedder {
    id: String,
    model: OnceLock<Option<Arc<dyn Model>>>,
}

impl Embedder {
    /// The registry's default, if it is installed.
    pub(crate) fn installed() -> Option<Arc<dyn Embed>> {
        let known = models::REGISTRY.first()?;
        models::installed(known.name)?;
        let weights = known.files.iter().find(|file| file.name.ends_with(".safetensors"))?;
        let id = format!("{}@{}", known.name, &weights.sha256[..8]);
        Some(Arc::new(Embedder { id, model: OnceLock::new() }))
    }

    /// A model that is loaded already.
    pub(crate) fn of(model: Arc<dyn Model>) -> Arc<dyn Embed> {
        let id = model.id().to_owned();
        Arc::new(Embedder { id, model: OnceLock::from(Some(model)) })
    }
}

impl Embed for Embedder {
    fn model(&self) -> &str {
        &self.id
    }

    fn embed(&self, text: &str) -> Option<Vec<f32>> {
        let load = || match models::load_default() {
            Ok(encoder) => encoder.map(|encoder: Encoder| Arc::new(encoder) as Arc<dyn Model>),
            Err(error) => {
                tracing::warn!(%error, "the embedder cannot be loaded: recall is lexical");
                None
            }
        };
        let model = self.model.get_or_init(load).as_ref()?;
        match model.answer(&[text.into()]).pop()? {
            Reply::Vector(vector) => Some(vector),
            Reply::Answer(_) => None,
        }
    }
}
