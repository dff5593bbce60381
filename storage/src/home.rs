//! The store's directory: what lies where, and which format it has.
//!
//! `nexus.json` says that the directory is a store, of which format, and which store it is. It is written last when a
//! store is made, so a directory without it is no store. An older format with a known step is migrated; any other is
//! refused, never guessed at.

use std::path::{Path, PathBuf};

use nexus_types::{Hash128, Millis};
use serde::{Deserialize, Serialize};

use crate::checkpoint::Checkpoints;
use crate::error::{ErrorKind, Result, StorageError, at};
use crate::files;

/// The parts of a store's directory.
pub(crate) const PARTS: [&str; 4] = ["tail", "tables", "checkpoints", "readers"];
const IDENTITY: &str = "nexus.json";
pub(crate) const LOCK: &str = "writer.lock";

/// Where everything of a store lies.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    pub(crate) root: PathBuf,
}

/// What `nexus.json` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) format: u32,
    pub(crate) id: String,
    pub(crate) created_at: Millis,
}

/// How a store of the format before becomes one of this format: the version it starts from, and the change. The steps
/// run in order, each written to `nexus.json` when it is done; a step that is run twice must change nothing.
pub(crate) type Step = (u32, fn(&Home) -> Result<()>);

/// Every known migration.
pub(crate) const STEPS: &[Step] = &[(1, drop_derived)];

/// Tables that cannot be recomputed, and vectors, whose columns are the same in both formats.
const KEPT_BY_2: [&str; 5] = ["events", "answers", "policy", "rejects", "vectors_"];

/// Format 2 has more columns in what the graph computes: those tables go, and are made anew when the store is opened. The
/// epochs before cannot be read any more.
fn drop_derived(home: &Home) -> Result<()> {
    let checkpoints = Checkpoints::of(home);
    let (mut last, _) = checkpoints.newest()?;
    let before = last.tables.len();
    last.tables.retain(|name, _| KEPT_BY_2.iter().any(|kept| name.starts_with(kept)));
    if last.tables.len() < before {
        last.epoch += 1;
        checkpoints.write(&last)?;
    }
    let older = checkpoints.epochs()?.into_iter().filter(|epoch| *epoch < last.epoch);
    older.collect::<Vec<_>>().into_iter().try_for_each(|epoch| checkpoints.remove(epoch))
}

impl Home {
    /// The store at that path, which must exist; the path becomes absolute.
    pub(crate) fn at(path: &Path) -> Result<Self> {
        let root = std::path::absolute(path).map_err(at(path, "use"))?;
        if root.to_str().is_none() {
            let message = format!("{} is not UTF-8: name the store with a path that is", root.display());
            return Err(StorageError::new(ErrorKind::FixArgument, message));
        }
        Ok(Self { root })
    }

    pub(crate) fn part(&self, part: &str) -> PathBuf {
        self.root.join(part)
    }

    pub(crate) fn table(&self, name: &str) -> PathBuf {
        self.root.join("tables").join(format!("{name}.lance"))
    }

    /// Whether a store may be made here: nothing is here yet, or only what an interrupted creation left.
    pub(crate) fn is_free(&self) -> Result<bool> {
        if self.root.is_file() {
            return Ok(false);
        }
        let ours = |name: &String| name == LOCK || PARTS.contains(&name.as_str()) || name == "nexus.tmp";
        let names = files::names(&self.root).map_err(at(&self.root, "read"))?;
        let tables = files::names(&self.part("tables")).map_err(at(&self.root, "read"))?;
        Ok(names.iter().all(ours) && tables.is_empty())
    }

    /// What the store says of itself; `None` if there is no store here.
    pub(crate) fn identity(&self) -> Result<Option<Identity>> {
        let path = self.root.join(IDENTITY);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(error) => return Err(at(&path, "read")(error)),
        };
        serde_json::from_slice(&bytes).map(Some).map_err(|error| {
            let message = format!("{} does not say which store this is: name another directory", path.display());
            StorageError::new(ErrorKind::NotAStore, message).because(error)
        })
    }

    /// The identity of a store that must be here and of this program's format.
    pub(crate) fn expect_current(&self) -> Result<Identity> {
        let identity = self.identity()?.ok_or_else(|| self.not_a_store())?;
        if identity.format < nexus_types::FORMAT_VERSION {
            let message = format!(
                "{} has the older format {}: open it once for writing, which migrates it",
                self.root.display(),
                identity.format
            );
            return Err(StorageError::new(ErrorKind::FixArgument, message));
        }
        self.refuse_newer(&identity, nexus_types::FORMAT_VERSION)?;
        Ok(identity)
    }

    /// Writes `nexus.json`: from here on the directory is a store.
    pub(crate) fn found(&self, created_at: Millis) -> Result<Identity> {
        let seed = format!("{} {} {created_at} {}", crate::lock::host(), self.root.display(), std::process::id());
        let id = Hash128::of("store", &[seed.as_bytes()]).to_string();
        let identity = Identity { format: nexus_types::FORMAT_VERSION, id, created_at };
        self.write(&identity)?;
        Ok(identity)
    }

    /// Brings a store of an older known format to `target`. Returns the format it had, if it was another.
    pub(crate) fn migrate(&self, mut identity: Identity, target: u32, steps: &[Step]) -> Result<Option<u32>> {
        self.refuse_newer(&identity, target)?;
        let found = identity.format;
        while identity.format < target {
            let Some((_, step)) = steps.iter().find(|(from, _)| *from == identity.format) else {
                let message = format!(
                    "{} has format {}, which this program cannot migrate to {target}: use the program it was made with",
                    self.root.display(),
                    identity.format
                );
                return Err(StorageError::new(ErrorKind::NewerFormat, message));
            };
            step(self)?;
            identity.format += 1;
            self.write(&identity)?;
        }
        Ok((found != target).then_some(found))
    }

    pub(crate) fn not_a_store(&self) -> StorageError {
        let message = if self.root.exists() {
            format!("{} is not a Nexus store: name another directory, or an empty one", self.root.display())
        } else {
            format!("{} does not exist: create a store there first", self.root.display())
        };
        StorageError::new(ErrorKind::NotAStore, message)
    }

    fn refuse_newer(&self, identity: &Identity, target: u32) -> Result<()> {
        if identity.format <= target {
            return Ok(());
        }
        let message = format!(
            "{} has format {}, this program knows up to {target}: use a newer program",
            self.root.display(),
            identity.format
        );
        Err(StorageError::new(ErrorKind::NewerFormat, message))
    }

    fn write(&self, identity: &Identity) -> Result<()> {
        let path = self.root.join(IDENTITY);
        let bytes = serde_json::to_vec_pretty(identity).map_err(std::io::Error::other);
        bytes.and_then(|bytes| files::write_atomically(&path, &bytes)).map_err(at(&path, "write"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn home() -> (tempfile::TempDir, Home) {
        let directory = tempfile::tempdir().unwrap();
        let home = Home::at(directory.path()).unwrap();
        (directory, home)
    }

    fn mark(home: &Home) -> Result<()> {
        std::fs::write(home.root.join("migrated"), b"yes").map_err(at(&home.root, "write"))
    }

    #[test]
    fn an_older_format_is_migrated_step_by_step() {
        let (_directory, home) = home();
        let old = Identity { format: 1, id: "x".into(), created_at: 7 };
        let steps: &[Step] = &[(1, mark), (2, |_| Ok(()))];
        assert_eq!(home.migrate(old.clone(), 3, steps).unwrap(), Some(1));
        assert_eq!(home.identity().unwrap().unwrap(), Identity { format: 3, ..old });
        assert!(home.root.join("migrated").exists());
    }

    #[test]
    fn unknown_and_newer_formats_are_refused() {
        let (_directory, home) = home();
        let of = |format| Identity { format, id: "x".into(), created_at: 7 };
        let unknown = home.migrate(of(0), 1, &[]).unwrap_err();
        assert_eq!(unknown.kind(), &ErrorKind::NewerFormat);
        assert!(unknown.to_string().contains("cannot migrate"), "{unknown}");
        let newer = home.migrate(of(9), 1, &[]).unwrap_err();
        assert!(newer.to_string().contains("has format 9, this program knows up to 1"), "{newer}");
        home.write(&of(9)).unwrap();
        assert_eq!(home.expect_current().unwrap_err().kind(), &ErrorKind::NewerFormat);
    }

    #[test]
    fn something_else_is_not_taken_for_a_store() {
        let (_directory, home) = home();
        assert!(home.is_free().unwrap());
        assert_eq!(home.expect_current().unwrap_err().kind(), &ErrorKind::NotAStore);
        std::fs::write(home.root.join("letter.txt"), b"dear").unwrap();
        assert!(!home.is_free().unwrap());
        std::fs::write(home.root.join(IDENTITY), b"{}").unwrap();
        assert_eq!(home.identity().unwrap_err().kind(), &ErrorKind::NotAStore);
        let file = Home::at(&home.root.join("letter.txt")).unwrap();
        assert!(!file.is_free().unwrap());
        assert_eq!(file.identity().unwrap(), None);
    }
}
