//! Encoders of the user's own: a copy of the publisher's files, and beside them `model.toml`, what the registry would say.
//! A model is tried before it is installed: one that cannot be read is refused.

use std::fs::{self, File};
use std::path::Path;

use super::fetch::lock;
use super::{Kind, Known, ModelFile, digest, registry};
use crate::encoder::Reading;
use crate::{Device, Encoder, Model, ModelError};

/// What is said of it.
const CARD: &str = "model.toml";
/// What is copied, if it is there. The weights are either of the last two.
const FILES: [&str; 8] = [
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "1_Pooling/config.json",
    "model.safetensors",
    "model.onnx",
];

/// The model of that name in the cache, if it is the user's own.
pub(super) fn read(cache: &Path, name: &str) -> Option<Known> {
    let card = fs::read_to_string(cache.join(name).join(CARD)).ok()?;
    match toml::from_str::<Known>(&card) {
        // A folder that was renamed by hand is not the model it was.
        Ok(known) => (known.name == name).then_some(known),
        Err(error) => {
            tracing::warn!(name, %error, "a model's card cannot be read: add the model again");
            None
        }
    }
}

/// Installs the encoder in `folder` under that name.
pub(super) fn add(cache: &Path, name: &str, folder: &Path) -> Result<Known, ModelError> {
    let refused = |reason: &str| ModelError::Name { name: name.into(), reason: reason.into() };
    if !name.starts_with(|first: char| first.is_ascii_alphanumeric())
        || !name.chars().all(|char| char.is_ascii_alphanumeric() || "-_".contains(char))
    {
        return Err(refused("a name begins with a letter or digit, and is made of these, `-` and `_`"));
    }
    if registry().iter().any(|model| model.name == name) {
        return Err(refused("Nexus knows another model by that name"));
    }
    let locked = lock(cache, name)?;
    let home = cache.join(name);
    if home.exists() {
        return Err(refused(&format!("{} is there already; remove it to add another", home.display())));
    }
    let encoder = Encoder::load(name, folder, &Reading::default(), Device::Cpu)?;
    let partial = cache.join(format!("{name}.partial"));
    // Whatever an addition that was stopped has left is not of this one.
    if partial.exists() {
        fs::remove_dir_all(&partial).map_err(ModelError::file(&partial))?;
    }
    let mut files = Vec::new();
    for file in FILES.iter().filter(|file| folder.join(file).is_file()) {
        // Of two sets of weights the one that is read is copied.
        if *file == "model.safetensors" && folder.join("model.onnx").is_file() {
            continue;
        }
        let to = partial.join(file);
        let parent = to.parent().unwrap_or(&partial);
        fs::create_dir_all(parent).map_err(ModelError::file(parent))?;
        let bytes = fs::copy(folder.join(file), &to).map_err(ModelError::file(&to))?;
        File::open(&to).and_then(|copy| copy.sync_all()).map_err(ModelError::file(&to))?;
        files.push(ModelFile { name: (*file).into(), bytes, sha256: digest(&to)? });
    }
    let known = Known {
        name: name.into(),
        about: "added by hand".into(),
        languages: "its publisher's".into(),
        licence: "its publisher's".into(),
        kind: Kind::Encoder,
        dimension: encoder.dimension().unwrap_or(0),
        reading: Reading::default(),
        config: None,
        files,
        wheel: String::new(),
        within: String::new(),
        hub: String::new(),
    };
    let card = partial.join(CARD);
    let text = toml::to_string(&known).map_err(|error| refused(&error.to_string()))?;
    fs::write(&card, text).map_err(ModelError::file(&card))?;
    fs::rename(&partial, &home).map_err(ModelError::file(&home))?;
    drop(locked);
    Ok(known)
}
