//! What can go wrong before a model answers: its files are missing, damaged, or not what they claim to be. Each error
//! says what to do.

use std::path::PathBuf;

/// Why a model cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// No such name in the registry.
    #[error("no model is called `{name}`; there are: {known}")]
    Unknown {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// A model cannot be called that.
    #[error("a model cannot be added as `{name}`: {reason}")]
    Name {
        /// The name.
        name: String,
        /// Why.
        reason: String,
    },
    /// A file cannot be read or written.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is readable, but not what the encoder understands.
    #[error("{path}: {reason}; bring the model again, or use one of the BERT family", path = path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// No place to fetch from had the model.
    #[error("`{name}` cannot be fetched.{}\nOn another machine, get {files}, and pass the folder they are in.",
        tries.iter().map(|(place, why)| format!("\n  from {place}: {why}")).collect::<String>())]
    Unreachable {
        /// The model.
        name: String,
        /// Where it was looked for, and what happened there.
        tries: Vec<(String, String)>,
        /// The files that are needed.
        files: String,
    },
    /// There is nothing to fetch.
    #[error("`{name}` is a part of the program: there is nothing to fetch")]
    BuiltIn {
        /// The model.
        name: String,
    },
    /// No device is called that.
    #[error("no device is called `{name}`; there are: auto, cpu, wgpu, cuda")]
    UnknownDevice {
        /// The name.
        name: String,
    },
    /// There is no such device here.
    #[error("there is no device `{device}` ({why}); there are: {there}")]
    NoDevice {
        /// The device asked for.
        device: &'static str,
        /// Those there are.
        there: String,
        /// Why it is not there.
        why: String,
    },
    /// There is no folder for models.
    #[error("no folder for models: set NEXUS_CACHE, XDG_CACHE_HOME or HOME")]
    NoCache,
    /// The system gives no threads.
    #[error("cannot start a model's threads: {0}")]
    Threads(String),
}

impl ModelError {
    /// An input or output error, with its file.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        |source| ModelError::File { path, source }
    }
}

/// An error with what caused it: reqwest's own text leaves the reason to its sources.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(error.source(), |error| error.source());
    sources.fold(error.to_string(), |text, source| format!("{text}: {source}"))
}
