//! What can go wrong in storage: one error, and a kind that names the remedy.
//!
//! The message says what to do. Causes are in `source()`, never repeated in the message. Errors of Lance, redb and the
//! file system become one of these where they enter this crate.

use std::error::Error;
use std::fmt::Display;
use std::io;
use std::path::Path;

/// The result of whatever touches the store.
pub type Result<T, E = StorageError> = std::result::Result<T, E>;

/// What the caller can do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Do the same again: it may well work.
    Retry,
    /// Ask for something else: a name, a path, a filter or a number is wrong.
    FixArgument,
    /// Another process is writing: wait for it or end it.
    Locked {
        /// Its process, host, program and since when.
        holder: String,
    },
    /// The store's own files are damaged: restore them from a copy.
    Corrupt,
    /// The store is of a newer or unknown format: use a newer program.
    NewerFormat,
    /// The directory holds something else, or nothing: name another.
    NotAStore,
    /// The disk is full: free space, then do the same again. The store is unharmed.
    DiskFull,
    /// The snapshot was revoked by an erasure: open a new one.
    Revoked,
    /// The file system refused: look at its message.
    Io,
}

/// An error of the store. `Display` says what to do.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct StorageError {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl StorageError {
    /// What the caller can do about it.
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    pub(crate) fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}

/// A closure that turns an error of the file system into ours: `.map_err(at(path, "read"))`.
pub(crate) fn at<'a>(path: &'a Path, doing: &'a str) -> impl FnOnce(io::Error) -> StorageError + 'a {
    move |error| {
        let kind = kind_of_io(&error);
        let advice = match kind {
            ErrorKind::DiskFull => "the disk is full; free some space and try again",
            _ => "check that the path exists and may be used by this user",
        };
        StorageError::new(kind, format!("cannot {doing} {}: {advice}", path.display())).because(error)
    }
}

/// A closure that turns an error of Lance into ours.
pub(crate) fn lance<'a>(what: impl Display + 'a) -> impl FnOnce(lance::Error) -> StorageError + 'a {
    move |error| {
        let kind = kind_of_lance(&error);
        let advice = match kind {
            ErrorKind::DiskFull => "the disk is full; free some space and try again",
            ErrorKind::Corrupt => "a file of the table is missing or damaged; restore the store from a copy",
            ErrorKind::FixArgument => "a name, a filter or a schema does not fit",
            ErrorKind::Retry => "another commit came between; try again",
            _ => "the file system or the table refused; see the cause",
        };
        StorageError::new(kind, format!("{what}: {advice}")).because(error)
    }
}

/// A closure that turns an error of the tail's redb file into ours.
pub(crate) fn tail<E: Into<redb::Error>>(path: &Path) -> impl FnOnce(E) -> StorageError + '_ {
    move |error| {
        let error = error.into();
        let (kind, advice) = match &error {
            redb::Error::Io(io) if kind_of_io(io) != ErrorKind::Corrupt => {
                (kind_of_io(io), "the file system refused; see the cause")
            }
            redb::Error::PreviousIo => (ErrorKind::Io, "an earlier write failed; open the store again"),
            redb::Error::DatabaseAlreadyOpen => (ErrorKind::Io, "it is open elsewhere; end the other process"),
            _ => (
                ErrorKind::Corrupt,
                "it is damaged; restore it from a copy, or move it away to lose what is only there",
            ),
        };
        let advice =
            if kind == ErrorKind::DiskFull { "the disk is full; free some space and try again" } else { advice };
        StorageError::new(kind, format!("tail log {}: {advice}", path.display())).because(error)
    }
}

fn kind_of_io(error: &io::Error) -> ErrorKind {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::DiskFull,
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => ErrorKind::Corrupt,
        _ => ErrorKind::Io,
    }
}

fn kind_of_lance(error: &lance::Error) -> ErrorKind {
    if is_disk_full(error) {
        return ErrorKind::DiskFull;
    }
    match error {
        lance::Error::InvalidInput { .. }
        | lance::Error::SchemaMismatch { .. }
        | lance::Error::Schema { .. }
        | lance::Error::NotSupported { .. } => ErrorKind::FixArgument,
        lance::Error::CommitConflict { .. }
        | lance::Error::RetryableCommitConflict { .. }
        | lance::Error::TooMuchWriteContention { .. } => ErrorKind::Retry,
        lance::Error::CorruptFile { .. } | lance::Error::NotFound { .. } | lance::Error::DatasetNotFound { .. } => {
            ErrorKind::Corrupt
        }
        _ => ErrorKind::Io,
    }
}

/// Whether a full disk is somewhere in the chain. Lance keeps some causes only as text.
fn is_disk_full(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<io::Error>().is_some_and(|io| kind_of_io(io) == ErrorKind::DiskFull) {
            return true;
        }
        cause = error.source();
    }
    error.to_string().contains("No space left on device")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_apart() {
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        assert_eq!(at(Path::new("x"), "write")(full()).kind(), &ErrorKind::DiskFull);
        assert_eq!(lance("table")(lance::Error::from(full())).kind(), &ErrorKind::DiskFull);
        assert_eq!(tail(Path::new("x"))(redb::Error::Io(full())).kind(), &ErrorKind::DiskFull);
        let other = io::Error::from(io::ErrorKind::PermissionDenied);
        let error = at(Path::new("x"), "write")(other);
        assert_eq!(error.kind(), &ErrorKind::Io);
        assert_eq!(error.to_string(), "cannot write x: check that the path exists and may be used by this user");
    }
}
