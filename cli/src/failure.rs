//! How a command ends when it does not end well: a message that says what to do, and an exit code that says which kind.

use nexus::{Error, ErrorKind};

/// Why a command stopped.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Nexus says why.
    Nexus(Error),
    /// The reader of our output has gone: nobody is left to tell.
    Pipe,
    /// Our output cannot be written.
    Output(std::io::Error),
}

/// What a command that went through has to say to a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Done.
    Done,
    /// Nothing found, or a difference found.
    Otherwise,
    /// Stopped on request; running it again goes on.
    Stopped,
}

/// What a command returns.
pub(crate) type Result<T = Outcome> = std::result::Result<T, Failure>;

impl Outcome {
    /// Done if something was found, else the code for nothing found.
    pub(crate) fn found(found: bool) -> Outcome {
        if found { Outcome::Done } else { Outcome::Otherwise }
    }

    /// The exit code.
    pub(crate) fn number(self) -> u8 {
        match self {
            Outcome::Done => 0,
            Outcome::Otherwise => 1,
            Outcome::Stopped => 130,
        }
    }
}

impl Failure {
    /// The kind, in one word, for scripts.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Failure::Nexus(error) => match error.kind() {
                ErrorKind::Argument => "argument",
                ErrorKind::NotFound => "not_found",
                ErrorKind::Locked => "locked",
                ErrorKind::Format => "format",
                ErrorKind::Corrupt => "corrupt",
                ErrorKind::Io => "io",
                ErrorKind::DiskFull => "disk_full",
                ErrorKind::Model => "model",
                ErrorKind::Interrupted => "interrupted",
                ErrorKind::Internal => "internal",
            },
            Failure::Pipe | Failure::Output(_) => "io",
        }
    }

    /// The exit code.
    pub(crate) fn number(&self) -> u8 {
        match self {
            Failure::Nexus(error) => match error.kind() {
                ErrorKind::NotFound => 1,
                ErrorKind::Argument => 2,
                ErrorKind::Locked => 3,
                ErrorKind::Format | ErrorKind::Corrupt => 4,
                ErrorKind::Io | ErrorKind::DiskFull | ErrorKind::Model => 5,
                ErrorKind::Interrupted => 130,
                ErrorKind::Internal => 70,
            },
            Failure::Pipe => 0,
            Failure::Output(_) => 5,
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::Nexus(error) => write!(f, "{error}"),
            Failure::Pipe => f.write_str("the reader has gone"),
            Failure::Output(error) => write!(f, "the output cannot be written: {error}"),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Nexus(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe { Failure::Pipe } else { Failure::Output(error) }
    }
}
