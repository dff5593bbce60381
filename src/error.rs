//! Errors at the border: each has a kind that names its remedy, and a text that says what to do.

use std::fmt;

/// What a caller can do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Correct the argument.
    Argument,
    /// Ask for something that exists.
    NotFound,
    /// Wait for the process that writes, or stop it.
    Locked,
    /// Use a store of this version, or a Nexus of the store's.
    Format,
    /// Restore from an export; the text says what is damaged.
    Corrupt,
    /// Look at the disk, the file, its permissions.
    Io,
    /// Make room; nothing acknowledged is lost.
    DiskFull,
    /// Fetch the model again, or go on without it.
    Model,
    /// Stopped on request; run it again to go on.
    Interrupted,
    /// Report it: a bug.
    Internal,
}

/// What went wrong and what to do about it.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// A result with Nexus's error.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error of that kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error { kind, message: message.into(), source: None }
    }

    /// An argument that cannot be used, and why.
    pub fn argument(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Argument, message)
    }

    /// Something that is not there.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// A failure of the disk or a file; `what` names it.
    pub fn io(what: impl fmt::Display, error: std::io::Error) -> Self {
        let kind = match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => ErrorKind::DiskFull,
            std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            _ => ErrorKind::Io,
        };
        Error { kind, message: format!("{what}: {error}"), source: Some(Box::new(error)) }
    }

    /// A bug, with what was seen.
    pub(crate) fn internal(message: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Internal, format!("{message}. This is a bug in Nexus: please report it"))
    }

    fn from_source(kind: ErrorKind, error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Error { kind, message: error.to_string(), source: Some(Box::new(error)) }
    }

    /// The kind, which names the remedy.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().and_then(|source| source.source())
    }
}

impl From<nexus_storage::StorageError> for Error {
    fn from(error: nexus_storage::StorageError) -> Self {
        use nexus_storage::ErrorKind as From;
        let kind = match error.kind() {
            From::Locked { .. } => ErrorKind::Locked,
            From::FixArgument => ErrorKind::Argument,
            From::NewerFormat | From::NotAStore => ErrorKind::Format,
            From::Corrupt => ErrorKind::Corrupt,
            From::DiskFull => ErrorKind::DiskFull,
            From::Revoked => ErrorKind::NotFound,
            From::Retry | From::Io => ErrorKind::Io,
        };
        Error::from_source(kind, error)
    }
}

impl From<nexus_dataflows::GraphError> for Error {
    fn from(error: nexus_dataflows::GraphError) -> Self {
        Error::internal(error)
    }
}

impl From<nexus_types::tables::DecodeError> for Error {
    fn from(error: nexus_types::tables::DecodeError) -> Self {
        Error::from_source(ErrorKind::Corrupt, error)
    }
}

impl From<nexus_query::QueryError> for Error {
    fn from(error: nexus_query::QueryError) -> Self {
        use nexus_query::QueryError as From;
        match error {
            From::Storage(error) => error.into(),
            From::Argument(_) | From::Ambiguous { .. } | From::Limit(_) => {
                Error::from_source(ErrorKind::Argument, error)
            }
            From::NotFound(_) => Error::from_source(ErrorKind::NotFound, error),
            From::Corrupt(_) => Error::from_source(ErrorKind::Corrupt, error),
            From::Engine(_) => Error::from_source(ErrorKind::Internal, error),
        }
    }
}

impl From<nexus_connectors::OpenError> for Error {
    fn from(error: nexus_connectors::OpenError) -> Self {
        Error::from_source(ErrorKind::Argument, error)
    }
}

impl From<nexus_inference::ModelError> for Error {
    fn from(error: nexus_inference::ModelError) -> Self {
        Error::from_source(ErrorKind::Model, error)
    }
}
