//! Settings: the numbers a caller may choose, each with its bound.

use serde::{Deserialize, Serialize};

use nexus_inference::Device;
use nexus_types::Text;

/// How an engine is opened. `Settings::default()` is right for a laptop.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Whose memory the calls without a scope of their own are about.
    pub scope: Text,
    /// Timely workers, 1 to 64. More than one pays only on more than two cores.
    pub workers: usize,
    /// The most events in one epoch of an ingest: bounds memory and the work lost by a crash (none of it is lost for good).
    pub epoch_events_max: usize,
    /// How long models may work within one epoch, in milliseconds; what they do not reach stays asked.
    pub model_budget_ms: u64,
    /// How long models work, in milliseconds, before what they said is written, where all asks are to be answered: about
    /// the most work that a crash costs.
    pub answers_within_ms: u64,
    /// The most texts given to a model at once.
    pub model_job_texts_max: usize,
    /// Whether to use an embedder if its weights are there.
    pub embed: bool,
    /// Where encoders read passages.
    pub device: Device,
    /// Caches, thresholds and kept checkpoints of the store.
    pub storage: nexus_storage::Settings,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            scope: "default".into(),
            workers: 1,
            epoch_events_max: 20_000,
            model_budget_ms: 200,
            answers_within_ms: 5_000,
            model_job_texts_max: 4_096,
            embed: true,
            device: Device::Auto,
            storage: nexus_storage::Settings::default(),
        }
    }
}
