//! Which commands a run that holds the store can do for whoever typed them, and what these read.

use std::path::{Path, PathBuf};

use crate::args::{Command, Feeds, Letters, Models};

impl Command {
    /// Whether a run that holds the store can do it: what writes, and comes to an end.
    pub(crate) fn is_done_elsewhere(&self) -> bool {
        match self {
            Command::Watch { question, once, .. } => *once && !question.is_empty(),
            Command::Models { action } => matches!(action, Some(Models::Use { .. })),
            Command::Feeds { action } => matches!(action, Some(Feeds::Forget { .. })),
            Command::Letters { action } => matches!(action, Some(Letters::Replay { .. } | Letters::Drop { .. })),
            Command::Init { .. }
            | Command::Ingest(_)
            | Command::Remember { .. }
            | Command::Unwatch { .. }
            | Command::Feedback { .. }
            | Command::Correct { .. }
            | Command::Same { .. }
            | Command::NotSame { .. }
            | Command::Forget(_)
            | Command::Erase { .. }
            | Command::Reconsolidate { .. }
            | Command::Import { .. } => true,
            _ => false,
        }
    }

    /// Whether it reads standard input.
    pub(crate) fn reads_stdin(&self) -> bool {
        match self {
            Command::Remember { text, .. } => text.join(" ") == "-",
            Command::Ingest(ingest) => ingest.paths.iter().any(|path| path == Path::new("-")),
            _ => false,
        }
    }

    /// The files and folders that it reads.
    pub(crate) fn files(&mut self) -> Vec<&mut PathBuf> {
        match self {
            Command::Ingest(ingest) => ingest.paths.iter_mut().filter(|path| *path != Path::new("-")).collect(),
            Command::Reconsolidate { policy: Some(policy), .. } => vec![policy],
            Command::Import { file } => vec![file],
            Command::Letters { action: Some(Letters::Replay { from: Some(file), .. }) } => vec![file],
            _ => Vec::new(),
        }
    }
}
