//! Models of the user's own: of an encoder a copy of the publisher's files, of an endpoint none, and beside them
//! `model.toml`, what the registry would say. An encoder is tried before it is installed: one that cannot be read is
//! refused. Nothing is sent to an endpoint yet.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::fetch::lock;
use super::{Kind, Known, ModelFile, digest, registry};
use crate::encoder::Reading;
use crate::{Device, Encoder, Model, ModelError, endpoint};

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
    let place = Place::of(cache, name)?;
    let partial = &place.partial;
    let encoder = Encoder::load(name, folder, &Reading::default(), Device::Cpu)?;
    let mut files = Vec::new();
    for file in FILES.iter().filter(|file| folder.join(file).is_file()) {
        // Of two sets of weights the one that is read is copied.
        if *file == "model.safetensors" && folder.join("model.onnx").is_file() {
            continue;
        }
        let to = partial.join(file);
        let parent = to.parent().unwrap_or(partial);
        fs::create_dir_all(parent).map_err(ModelError::file(parent))?;
        let bytes = fs::copy(folder.join(file), &to).map_err(ModelError::file(&to))?;
        File::open(&to).and_then(|copy| copy.sync_all()).map_err(ModelError::file(&to))?;
        files.push(ModelFile { name: (*file).into(), bytes, sha256: digest(&to)? });
    }
    place.install(Known { dimension: encoder.dimension().unwrap_or(0), files, ..own(name, Kind::Encoder) })
}

/// Installs the extractor behind that endpoint under that name.
pub(super) fn add_endpoint(cache: &Path, name: &str, endpoint: &endpoint::Config) -> Result<Known, ModelError> {
    let endpoint = endpoint.checked().map_err(|reason| refused(name, reason))?;
    let place = Place::of(cache, name)?;
    let about = format!("facts and mentions, read by {} at {}", endpoint.model, endpoint.url);
    place.install(Known { about, endpoint: Some(endpoint), ..own(name, Kind::Endpoint) })
}

/// What is said of a model that a user has brought.
fn own(name: &str, kind: Kind) -> Known {
    Known {
        name: name.into(),
        about: "added by hand".into(),
        languages: "its publisher's".into(),
        licence: "its publisher's".into(),
        kind,
        dimension: 0,
        reading: Reading::default(),
        config: None,
        files: Vec::new(),
        wheel: String::new(),
        within: String::new(),
        over: String::new(),
        endpoint: None,
        hub: String::new(),
    }
}

fn refused(name: &str, reason: impl Into<String>) -> ModelError {
    ModelError::Name { name: name.into(), reason: reason.into() }
}

/// Where a model is put together, and where it will be. Nobody else installs one of that name meanwhile.
struct Place {
    partial: PathBuf,
    home: PathBuf,
    _locked: File,
}

impl Place {
    /// The place of a name that is free.
    fn of(cache: &Path, name: &str) -> Result<Self, ModelError> {
        if !name.starts_with(|first: char| first.is_ascii_alphanumeric())
            || !name.chars().all(|char| char.is_ascii_alphanumeric() || "-_".contains(char))
        {
            return Err(refused(name, "a name begins with a letter or digit, and is made of these, `-` and `_`"));
        }
        // `patterns` is in no registry: it needs none.
        if name == "patterns" || registry().iter().any(|model| model.name == name) {
            return Err(refused(name, "Nexus knows another model by that name"));
        }
        let locked = lock(cache, name)?;
        let home = cache.join(name);
        if home.exists() {
            return Err(refused(name, format!("{} is there already; remove it to add another", home.display())));
        }
        let partial = cache.join(format!("{name}.partial"));
        // Whatever an addition that was stopped has left is not of this one.
        if partial.exists() {
            fs::remove_dir_all(&partial).map_err(ModelError::file(&partial))?;
        }
        Ok(Self { partial, home, _locked: locked })
    }

    /// Writes what is said of the model, and makes it one.
    fn install(self, known: Known) -> Result<Known, ModelError> {
        fs::create_dir_all(&self.partial).map_err(ModelError::file(&self.partial))?;
        let card = self.partial.join(CARD);
        let text = toml::to_string(&known).map_err(|error| refused(&known.name, error.to_string()))?;
        fs::write(&card, text).map_err(ModelError::file(&card))?;
        fs::rename(&self.partial, &self.home).map_err(ModelError::file(&self.home))?;
        Ok(known)
    }
}
