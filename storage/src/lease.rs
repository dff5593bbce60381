//! Leases: how a reader, in any process, keeps the table versions it reads from being cleaned up.
//!
//! A lease is a file in `readers/` that names the versions, under a lock of the operating system for as long as its
//! reader lives. A reader writes it first and only then looks whether the checkpoint is still there; the writer drops
//! checkpoints first and only then looks for leases: whichever order, no version goes that somebody reads. A lease that
//! nobody holds is of a dead reader and is removed. On media that cannot be written there are no leases.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use crate::checkpoint::Checkpoint;
use crate::error::{ErrorKind, Result, StorageError, at};
use crate::files;
use crate::home::Home;

/// Tells apart the leases of one process.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// So many names are tried before a lease is given up.
const TRIES: usize = 1_000;

/// A held lease; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Lease {
    path: PathBuf,
    _file: File,
}

#[derive(Serialize, Deserialize)]
struct Terms {
    pid: u32,
    epoch: u64,
    versions: BTreeMap<String, u64>,
}

impl Lease {
    /// Takes a lease on a checkpoint's versions; `None` where nothing can be written.
    pub(crate) fn take(home: &Home, checkpoint: &Checkpoint) -> Result<Option<Self>> {
        let directory = home.part("readers");
        let versions = checkpoint.tables.iter().map(|(name, at)| (name.clone(), at.version)).collect();
        let terms = Terms { pid: std::process::id(), epoch: checkpoint.epoch, versions };
        for _ in 0..TRIES {
            match Self::write(&directory, &terms) {
                Ok(lease) => return Ok(Some(lease)),
                // The name is taken, by a process of another container with the same number; or the writer took the
                // draft for a dead reader's: the next name will do.
                Err(error) if matches!(error.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound) => {}
                Err(error)
                    if matches!(error.kind(), io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied) =>
                {
                    return Ok(None);
                }
                Err(error) => return Err(at(&directory, "write a lease in")(error)),
            }
        }
        let message = format!("cannot write a lease in {}: check that the directory is there", directory.display());
        Err(StorageError::new(ErrorKind::Retry, message))
    }

    /// Writes the lease under a name of its own, locked before it can be seen.
    fn write(directory: &Path, terms: &Terms) -> io::Result<Self> {
        let name = format!("{}-{}", terms.pid, NEXT.fetch_add(1, Ordering::Relaxed));
        let (draft, path) = (directory.join(format!("{name}.tmp")), directory.join(format!("{name}.json")));
        let mut file = File::create_new(&draft)?;
        if path.exists() {
            std::fs::remove_file(&draft)?;
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        file.lock()?;
        file.write_all(&serde_json::to_vec(terms)?)?;
        std::fs::rename(&draft, &path)?;
        Ok(Self { path, _file: file })
    }

    /// Whether the lease still stands: an erasure removes its file.
    pub(crate) fn check(&self) -> Result<()> {
        if self.path.exists() {
            return Ok(());
        }
        let message = "the store was erased since this snapshot was taken, which ended it: open a new one";
        Err(StorageError::new(ErrorKind::Revoked, message))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // If it cannot be removed, the lock goes with the file handle, and the writer removes it.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// The versions that live readers hold, by table. Leases of dead readers are removed.
pub(crate) fn held(home: &Home) -> Result<Vec<(String, u64)>> {
    let directory = home.part("readers");
    let mut versions = Vec::new();
    for name in files::names(&directory).map_err(at(&directory, "read"))? {
        let path = directory.join(&name);
        let Ok(file) = File::open(&path) else { continue };
        if file.try_lock().is_ok() {
            files::remove(&path).map_err(at(&path, "remove"))?;
            continue;
        }
        let Ok(text) = std::fs::read(&path) else { continue };
        if let Ok(terms) = serde_json::from_slice::<Terms>(&text) {
            versions.extend(terms.versions);
        }
    }
    Ok(versions)
}

/// Ends every lease: the snapshots say so at their next use.
pub(crate) fn revoke_all(home: &Home) -> Result<()> {
    let directory = home.part("readers");
    for name in files::names(&directory).map_err(at(&directory, "read"))? {
        let path = directory.join(name);
        files::remove(&path).map_err(at(&path, "remove"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::checkpoint::TableAt;

    #[test]
    fn live_leases_are_honoured_and_dead_ones_removed() {
        let directory = tempfile::tempdir().unwrap();
        let home = Home::at(directory.path()).unwrap();
        std::fs::create_dir(home.part("readers")).unwrap();
        let at = TableAt { version: 4, key: "id".into(), rows: 0 };
        let tables = BTreeMap::from([("facts".to_string(), at)]);
        let checkpoint = Checkpoint { tables, ..Checkpoint::first(0) };
        let first = Lease::take(&home, &checkpoint).unwrap().unwrap();
        let second = Lease::take(&home, &checkpoint).unwrap().unwrap();
        let dead = home.part("readers").join("1-1.json");
        std::fs::write(&dead, br#"{"pid":1,"epoch":1,"versions":{"facts":3}}"#).unwrap();
        let facts = || ("facts".to_string(), 4);
        assert_eq!(held(&home).unwrap(), [facts(), facts()]);
        assert!(!dead.exists());
        NEXT.store(0, Ordering::Relaxed);
        let third = Lease::take(&home, &checkpoint).unwrap().unwrap();
        assert_eq!(held(&home).unwrap().len(), 3, "a name that is taken is left alone");
        drop((first, third));
        assert_eq!(held(&home).unwrap(), [facts()]);
        revoke_all(&home).unwrap();
        assert_eq!(second.check().unwrap_err().kind(), &ErrorKind::Revoked);
    }
}
