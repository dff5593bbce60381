//! Checkpoints: the files that make epochs exist.
//!
//! `checkpoints/<epoch>.json` names the version of every table, how far the tail is in them, and what the caller wants to
//! be told again. It is written when all it names is on the disk, by one atomic rename: before it the epoch does not
//! exist, after it the epoch exists for all tables. A file that does not match its own checksum is no checkpoint.

use std::collections::BTreeMap;
use std::path::PathBuf;

use nexus_types::{Hash128, Millis};
use serde::{Deserialize, Serialize};

use crate::error::{ErrorKind, Result, StorageError, at};
use crate::files;
use crate::home::Home;

/// A state of the whole store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The epoch. A new store has epoch 0 and no tables.
    pub epoch: u64,
    /// Every table and the version of it.
    pub tables: BTreeMap<String, TableAt>,
    /// The last number of the tail that is in the tables.
    pub tail_through: u64,
    /// What the caller gave with the commit.
    pub meta: BTreeMap<String, String>,
    /// When, as the caller said.
    pub committed_at: Millis,
}

/// A table at a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableAt {
    /// Lance's version.
    pub version: u64,
    /// The key column.
    pub key: String,
    /// Its rows.
    pub rows: u64,
}

/// Which state of the store to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// The last one.
    Latest,
    /// The newest kept one whose epoch is not later.
    Epoch(u64),
    /// The newest kept one committed not later.
    Time(Millis),
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    checksum: String,
    checkpoint: Checkpoint,
}

impl Checkpoint {
    /// What a store without a commit has.
    pub(crate) fn first(committed_at: Millis) -> Self {
        Self { epoch: 0, tables: BTreeMap::new(), tail_through: 0, meta: BTreeMap::new(), committed_at }
    }

    fn checksum(&self) -> serde_json::Result<String> {
        Ok(Hash128::of("checkpoint", &[&serde_json::to_vec(self)?]).to_string())
    }
}

/// The checkpoint files of a store.
#[derive(Clone, Debug)]
pub(crate) struct Checkpoints {
    directory: PathBuf,
}

impl Checkpoints {
    pub(crate) fn of(home: &Home) -> Self {
        Self { directory: home.part("checkpoints") }
    }

    /// Makes the epoch exist, or replaces what it is by an equal state in other versions.
    pub(crate) fn write(&self, checkpoint: &Checkpoint) -> Result<()> {
        let path = self.path(checkpoint.epoch);
        let seal = || {
            let sealed = Sealed { checksum: checkpoint.checksum()?, checkpoint: checkpoint.clone() };
            serde_json::to_vec_pretty(&sealed)
        };
        let bytes = seal().map_err(std::io::Error::other).map_err(at(&path, "write"))?;
        files::write_atomically(&path, &bytes).map_err(at(&path, "write"))
    }

    pub(crate) fn remove(&self, epoch: u64) -> Result<()> {
        let path = self.path(epoch);
        files::remove(&path).map_err(at(&path, "remove"))
    }

    /// The epochs that have a file, ascending.
    pub(crate) fn epochs(&self) -> Result<Vec<u64>> {
        let names = files::names(&self.directory).map_err(at(&self.directory, "read"))?;
        let mut epochs: Vec<u64> = names.iter().filter_map(|name| name.strip_suffix(".json")?.parse().ok()).collect();
        epochs.sort_unstable();
        Ok(epochs)
    }

    /// The checkpoint of an epoch; `None` if it is not there or damaged.
    pub(crate) fn read(&self, epoch: u64) -> Result<Option<Checkpoint>> {
        let path = self.path(epoch);
        let bytes = match std::fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            bytes => bytes.map_err(at(&path, "read"))?,
        };
        let sealed: Option<Sealed> = serde_json::from_slice(&bytes).ok();
        Ok(sealed
            .filter(|found| found.checkpoint.checksum().is_ok_and(|sum| sum == found.checksum))
            .map(|s| s.checkpoint))
    }

    /// The newest checkpoint, and the files of newer ones that are damaged.
    pub(crate) fn newest(&self) -> Result<(Checkpoint, Vec<PathBuf>)> {
        let mut damaged = Vec::new();
        for epoch in self.epochs()?.into_iter().rev() {
            match self.read(epoch)? {
                Some(checkpoint) => return Ok((checkpoint, damaged)),
                None => damaged.push(self.path(epoch)),
            }
        }
        let message =
            format!("{} holds no readable checkpoint: restore the store from a copy", self.directory.display());
        Err(StorageError::new(ErrorKind::Corrupt, message))
    }

    /// The kept checkpoint that this names.
    pub(crate) fn find(&self, wanted: At) -> Result<Checkpoint> {
        let fits = |checkpoint: &Checkpoint| match wanted {
            At::Latest => true,
            At::Epoch(epoch) => checkpoint.epoch <= epoch,
            At::Time(time) => checkpoint.committed_at <= time,
        };
        let mut oldest = None;
        let epochs = self.epochs()?;
        if let (At::Epoch(wanted), Some(newest)) = (wanted, epochs.last())
            && wanted > *newest
        {
            let message =
                format!("there is no epoch {wanted} yet: the newest is {newest}. A year is no time: 2025-01-01");
            return Err(StorageError::new(ErrorKind::FixArgument, message));
        }
        for epoch in epochs.into_iter().rev() {
            match self.read(epoch)? {
                Some(checkpoint) if fits(&checkpoint) => return Ok(checkpoint),
                found => oldest = found.or(oldest),
            }
        }
        Err(match oldest {
            None => self.newest().err().unwrap_or_else(|| StorageError::new(ErrorKind::Retry, "try again")),
            Some(oldest) => {
                let since = nexus_types::time::rfc3339(oldest.committed_at);
                let message = format!("nothing that old is kept: the oldest is epoch {} of {since}", oldest.epoch);
                StorageError::new(ErrorKind::FixArgument, message)
            }
        })
    }

    /// Every readable checkpoint, oldest first.
    pub(crate) fn all(&self) -> Result<Vec<Checkpoint>> {
        let mut all = Vec::new();
        for epoch in self.epochs()? {
            all.extend(self.read(epoch)?);
        }
        Ok(all)
    }

    fn path(&self, epoch: u64) -> PathBuf {
        self.directory.join(format!("{epoch:016}.json"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn some() -> (tempfile::TempDir, Checkpoints) {
        let directory = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints { directory: directory.path().to_path_buf() };
        for epoch in [0, 3, 7] {
            let at = TableAt { version: epoch + 1, key: "id".into(), rows: 5 };
            let tables = BTreeMap::from([("facts".to_string(), at)]);
            let first = Checkpoint::first(1_000 * epoch as i64);
            checkpoints.write(&Checkpoint { epoch, tables, tail_through: epoch, ..first }).unwrap();
        }
        (directory, checkpoints)
    }

    #[test]
    fn the_newest_that_fits_is_found() {
        let (_directory, checkpoints) = some();
        let epoch = |at| checkpoints.find(at).map(|found| found.epoch).map_err(|error| error.to_string());
        assert_eq!(epoch(At::Latest), Ok(7));
        assert_eq!(epoch(At::Epoch(6)), Ok(3));
        assert_eq!(epoch(At::Time(7_000)), Ok(7));
        assert_eq!(epoch(At::Time(2_999)), Ok(0));
        checkpoints.remove(0).unwrap();
        assert_eq!(
            epoch(At::Epoch(2)),
            Err("nothing that old is kept: the oldest is epoch 3 of 1970-01-01T00:00:03Z".into())
        );
        assert_eq!(checkpoints.all().unwrap().len(), 2);
    }

    #[test]
    fn a_damaged_file_is_no_checkpoint() {
        let (_directory, checkpoints) = some();
        let path = checkpoints.path(7);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("\"version\": 8", "\"version\": 9")).unwrap();
        let (newest, damaged) = checkpoints.newest().unwrap();
        assert_eq!((newest.epoch, damaged), (3, vec![path.clone()]));
        std::fs::write(&path, &text[..40]).unwrap();
        assert_eq!(checkpoints.find(At::Latest).unwrap().epoch, 3);
        for epoch in [0, 3, 7] {
            std::fs::write(checkpoints.path(epoch), b"").unwrap();
        }
        assert_eq!(checkpoints.newest().unwrap_err().kind(), &ErrorKind::Corrupt);
        assert_eq!(checkpoints.find(At::Latest).unwrap_err().kind(), &ErrorKind::Corrupt);
    }
}
