//! Reading a store: from any process, without the writer's lock.

use futures::future::BoxFuture;
use std::path::Path;
use std::sync::Arc;

use crate::caches::Caches;
use crate::checkpoint::{At, Checkpoint, Checkpoints};
use crate::error::{ErrorKind, Result, StorageError, at};
use crate::files;
use crate::home::Home;
use crate::lease::Lease;
use crate::retrieved::Retrieved;
use crate::settings::Settings;
use crate::snapshot::Snapshot;

/// A checkpoint may be replaced while it is being leased; so many in a row are not believed.
const TRIES: usize = 100;

/// A store opened for reading. Snapshots taken from one reader share its caches.
#[derive(Clone, Debug)]
pub struct Reader {
    caches: Arc<Caches>,
    checkpoints: Checkpoints,
}

impl Reader {
    /// Opens the store at that path for reading.
    pub fn open(path: &Path, settings: &Settings) -> Result<Self> {
        let home = Home::at(path)?;
        home.expect_current()?;
        Ok(Self::sharing(Arc::new(Caches::new(home, settings.clone()))))
    }

    pub(crate) fn sharing(caches: Arc<Caches>) -> Self {
        let checkpoints = Checkpoints::of(&caches.home);
        Self { caches, checkpoints }
    }

    /// A state of the store, held for as long as the snapshot lives.
    pub fn snapshot<'a>(&'a self, wanted: At) -> BoxFuture<'a, Result<Snapshot>> {
        Box::pin(async move {
            for _ in 0..TRIES {
                let checkpoint = self.checkpoints.find(wanted)?;
                let lease = Lease::take(&self.caches.home, &checkpoint)?;
                if self.checkpoints.read(checkpoint.epoch)?.as_ref() == Some(&checkpoint) {
                    return Ok(Snapshot::new(self.caches.clone(), checkpoint, lease));
                }
            }
            Err(StorageError::new(ErrorKind::Retry, "the store changes too fast to take a snapshot: try again"))
        })
    }

    /// The count of what was recalled.
    pub fn retrieved(&self) -> Retrieved {
        Retrieved::of(&self.caches.home)
    }

    /// Bytes on the disk, of all the store's files.
    pub fn bytes(&self) -> Result<u64> {
        let root = self.caches.home.part("");
        let sizes = files::walk(&root).map_err(at(&root, "read"))?;
        Ok(sizes.iter().map(|(_, size)| size).sum())
    }

    /// Every kept state, oldest first.
    pub fn checkpoints(&self) -> Result<Vec<Checkpoint>> {
        self.checkpoints.all()
    }
}
