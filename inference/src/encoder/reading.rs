//! How an encoder wants to be used: how many tokens it reads, what it makes of their rows, what is put before a text.
//! Publishers say it in small files beside the weights, in the layout of sentence-transformers
//! (`sentence_bert_config.json`, `tokenizer_config.json`, `1_Pooling/config.json`, `config_sentence_transformers.json`);
//! where they do not, the registry says it.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::backend::Pooling;
use crate::ModelError;

/// What rows can become, as publishers call it.
const KNOWN_POOLINGS: [&str; 2] = ["pooling_mode_cls_token", "pooling_mode_mean_tokens"];

/// How an encoder reads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reading {
    /// The most tokens of a text, special ones included; what follows is ignored. Without it, as many as there are positions.
    pub tokens: Option<usize>,
    /// What a text's rows become.
    pub pooling: Pooling,
    /// What is put before a question.
    pub query: String,
    /// What is put before a passage.
    pub passage: String,
}

impl Reading {
    /// What the files in `folder` say, and `otherwise` where they say nothing.
    pub(super) fn of(folder: &Path, otherwise: &Reading) -> Result<Self, ModelError> {
        let [pooling, sentence, tokenizer, prompts] = [
            "1_Pooling/config.json",
            "sentence_bert_config.json",
            "tokenizer_config.json",
            "config_sentence_transformers.json",
        ]
        .map(|name| json(&folder.join(name)));
        let (pooling, prompts) = (pooling?, prompts?);
        let malformed = |name: &str, reason: String| ModelError::Malformed { path: folder.join(name), reason };
        let other = |(mode, on): &(&String, &Value)| {
            mode.starts_with("pooling_mode_") && **on == Value::Bool(true) && !KNOWN_POOLINGS.contains(&mode.as_str())
        };
        if let Some((mode, _)) = pooling.as_object().into_iter().flatten().find(other) {
            return Err(malformed("1_Pooling/config.json", format!("`{mode}` is not computed")));
        }
        if folder.join("2_Dense").exists() {
            return Err(malformed("2_Dense", "a layer after pooling is not computed".into()));
        }
        let prompt = |names: &[&str], otherwise: &String| {
            let said = names.iter().find_map(|name| prompts["prompts"][name].as_str());
            said.map_or_else(|| otherwise.clone(), String::from)
        };
        let tokens = [sentence?["max_seq_length"].as_u64(), tokenizer?["model_max_length"].as_u64()];
        // Some tokenizers say 1e30, as a number without a point, which is none of these.
        let tokens = tokens.into_iter().flatten().next().and_then(|tokens| usize::try_from(tokens).ok());
        Ok(Reading {
            tokens: tokens.or(otherwise.tokens),
            pooling: match pooling["pooling_mode_cls_token"].as_bool() {
                Some(true) => Pooling::Cls,
                Some(false) => Pooling::Mean,
                None => otherwise.pooling,
            },
            query: prompt(&["query"], &otherwise.query),
            passage: prompt(&["passage", "document"], &otherwise.passage),
        })
    }
}

/// The content of a file that need not be there.
fn json(path: &Path) -> Result<Value, ModelError> {
    match std::fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Value::Null),
        Err(error) => Err(ModelError::file(path)(error)),
        Ok(content) => serde_json::from_slice(&content)
            .map_err(|error| ModelError::Malformed { path: path.into(), reason: error.to_string() }),
    }
}
