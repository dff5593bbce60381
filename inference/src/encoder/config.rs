//! The `config.json` of a BERT: its sizes, and whether it is a kind that the layers here compute.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::ModelError;

/// What the layers need to know.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Config {
    /// Length of a token's vector between layers.
    pub hidden_size: usize,
    /// How many layers.
    pub num_hidden_layers: usize,
    /// How many heads attend in each.
    pub num_attention_heads: usize,
    /// Width inside the feed-forward part.
    pub intermediate_size: usize,
    /// Keeps the normalisation from dividing by 0.
    pub layer_norm_eps: f32,
    /// How many positions have an embedding.
    pub max_position_embeddings: usize,
    /// How many words there are.
    pub vocab_size: usize,
    /// How many kinds of tokens there are.
    #[serde(default = "two")]
    pub type_vocab_size: usize,
    model_type: String,
    hidden_act: String,
    #[serde(default = "absolute")]
    position_embedding_type: String,
}

fn absolute() -> String {
    "absolute".into()
}

fn two() -> usize {
    2
}

impl Config {
    /// The content of that file, checked; or `otherwise`, where there is none.
    pub(super) fn of(path: &Path, otherwise: Option<&Config>) -> Result<Self, ModelError> {
        let malformed = |reason: String| ModelError::Malformed { path: path.into(), reason };
        let config: Config = match (std::fs::read(path), otherwise) {
            (Ok(text), _) => serde_json::from_slice(&text).map_err(|error| malformed(error.to_string()))?,
            (Err(error), Some(otherwise)) if error.kind() == std::io::ErrorKind::NotFound => otherwise.clone(),
            (Err(error), _) => return Err(ModelError::file(path)(error)),
        };
        config.check().map_err(malformed)?;
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        let is = |what: &str, found: &str, wanted: &str| match found == wanted {
            true => Ok(()),
            false => Err(format!("{what} is `{found}`, and only `{wanted}` is computed")),
        };
        is("model_type", &self.model_type, "bert")?;
        is("hidden_act", &self.hidden_act, "gelu")?;
        is("position_embedding_type", &self.position_embedding_type, "absolute")?;
        let sizes = [self.hidden_size, self.num_attention_heads, self.intermediate_size, self.max_position_embeddings];
        if sizes.contains(&0) || !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            return Err(format!("sizes {sizes:?} do not fit together"));
        }
        Ok(())
    }
}
