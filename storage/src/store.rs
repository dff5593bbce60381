//! The store, opened for writing: the one place where epochs are made.
//!
//! A commit changes its tables, makes every new file durable, and then writes the checkpoint, whose rename is the moment
//! the epoch exists. Whatever fails before leaves the last checkpoint: table versions beyond it are taken back, at once or
//! when the store is next opened. Opening costs one look at each table's list of versions and the recovery of the tail.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use lance::dataset::Dataset;
use nexus_types::{FORMAT_VERSION, Millis};

use crate::caches::Caches;
use crate::checkpoint::{At, Checkpoint, Checkpoints, TableAt};
use crate::error::{ErrorKind, Result, StorageError, at};
use crate::files::{self, Synced};
use crate::home::{Home, Identity, PARTS, STEPS};
use crate::lock::{Opener, WriterLock};
use crate::reader::Reader;
use crate::settings::Settings;
use crate::snapshot::Snapshot;
use crate::table::{self, TableChange};
use crate::tail::Tail;

/// So many tables are changed at a time.
const TABLES_AT_ONCE: usize = 2;

/// One epoch's changes to the tables.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// The epoch; later than the last one.
    pub epoch: u64,
    /// What changes in each table, each table at most once.
    pub changes: Vec<TableChange>,
    /// The last number of the tail that is in the tables now.
    pub tail_through: u64,
    /// What the checkpoint keeps for the caller, instead of what it kept before.
    pub meta: BTreeMap<String, String>,
    /// When.
    pub committed_at: Millis,
}

/// What opening found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opening {
    /// The store is new.
    pub created: bool,
    /// Tables that an interrupted commit had changed and that were taken back.
    pub rolled_back: Vec<String>,
    /// Damaged checkpoint files that were passed over; the tail still had what they held.
    pub skipped: Vec<PathBuf>,
    /// The format the store had before it was migrated.
    pub migrated_from: Option<u32>,
}

/// A store opened for writing. One per store, on any machine.
#[derive(Debug)]
pub struct Store {
    pub(crate) caches: Arc<Caches>,
    pub(crate) checkpoints: Checkpoints,
    pub(crate) last: Checkpoint,
    pub(crate) tail: Arc<Tail>,
    identity: Identity,
    opening: Opening,
    synced: Synced,
    /// Tables may be beyond the last checkpoint: a commit is under way, or was dropped half done.
    unsettled: bool,
    /// Table versions at which upkeep found nothing to do although it was due.
    pub(crate) stuck: BTreeMap<String, u64>,
    _lock: WriterLock,
}

impl Store {
    /// Opens the store at that path for writing, recovering what a crash left; makes it where there is nothing yet.
    pub fn create_or_open<'a>(path: &'a Path, settings: Settings, opener: Opener) -> BoxFuture<'a, Result<Self>> {
        Box::pin(async move {
            let home = Home::at(path)?;
            if home.identity()?.is_none() && !home.is_free()? {
                return Err(home.not_a_store());
            }
            std::fs::create_dir_all(&home.root).map_err(at(&home.root, "create"))?;
            let lock = WriterLock::take(&home, &opener)?;
            for part in PARTS {
                let part = home.part(part);
                std::fs::create_dir_all(&part).map_err(at(&part, "create"))?;
            }
            let checkpoints = Checkpoints::of(&home);
            let mut opening = Opening::default();
            let identity = match home.identity()? {
                Some(identity) => {
                    opening.migrated_from = home.migrate(identity.clone(), FORMAT_VERSION, STEPS)?;
                    Identity { format: FORMAT_VERSION, ..identity }
                }
                None => {
                    opening.created = true;
                    checkpoints.write(&Checkpoint::first(opener.at))?;
                    home.found(opener.at)?
                }
            };
            let (last, skipped) = checkpoints.newest()?;
            let tail = Tail::open(home.part("tail"), &settings, last.tail_through + 1)?;
            if !skipped.is_empty() && tail.first_seq() > last.tail_through + 1 {
                return Err(lost_checkpoint(&skipped[0], last.epoch));
            }
            opening.skipped = skipped;
            opening.rolled_back = roll_back(&home, &last)?;
            let mut synced = Synced::default();
            synced.assume(&home.part("tables")).map_err(at(&home.root, "read"))?;
            let caches = Arc::new(Caches::new(home, settings));
            let tail = Arc::new(tail);
            let (unsettled, stuck) = (false, BTreeMap::new());
            Ok(Self { caches, checkpoints, last, tail, identity, opening, synced, unsettled, stuck, _lock: lock })
        })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.caches.home.root
    }

    /// Which store it is: the same wherever it is moved to.
    pub fn id(&self) -> &str {
        &self.identity.id
    }

    /// What opening found and did.
    pub fn opening(&self) -> &Opening {
        &self.opening
    }

    /// The last checkpoint.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.last
    }

    /// The tail log, to append to from any thread.
    pub fn tail(&self) -> &Arc<Tail> {
        &self.tail
    }

    /// A reader of this store that shares its caches.
    pub fn reader(&self) -> Reader {
        Reader::sharing(self.caches.clone())
    }

    /// The state of the last checkpoint.
    pub fn snapshot<'a>(&'a self) -> BoxFuture<'a, Result<Snapshot>> {
        Box::pin(async move { self.reader().snapshot(At::Latest).await })
    }

    /// Makes an epoch. If it fails, nothing has happened, and it can be tried again. The tail is not cut.
    pub fn commit<'a>(&'a mut self, commit: Commit) -> BoxFuture<'a, Result<Checkpoint>> {
        Box::pin(async move {
            self.check(&commit)?;
            self.settle()?;
            let mut tables = self.last.tables.clone();
            match self.apply(&commit.changes).await {
                Ok(changed) => tables.extend(changed),
                Err(error) => return Err(self.take_back(error)),
            }
            let Commit { epoch, tail_through, meta, committed_at, .. } = commit;
            self.publish(Checkpoint { epoch, tables, tail_through, meta, committed_at }).await?;
            Ok(self.last.clone())
        })
    }

    /// Bytes on the disk, by table, and `tail` for the tail log.
    pub fn bytes(&self) -> Result<BTreeMap<String, u64>> {
        let home = &self.caches.home;
        let size = |path: &Path| -> Result<u64> {
            Ok(files::walk(path).map_err(at(path, "read"))?.iter().map(|(_, size)| size).sum())
        };
        let mut bytes = BTreeMap::from([("tail".to_string(), size(&home.part("tail"))?)]);
        for name in self.last.tables.keys() {
            bytes.insert(name.clone(), size(&home.table(name))?);
        }
        Ok(bytes)
    }

    /// Makes the checkpoint's files durable and the checkpoint the last one; or takes everything back.
    pub(crate) async fn publish(&mut self, next: Checkpoint) -> Result<()> {
        let (home, checkpoints) = (self.caches.home.clone(), self.checkpoints.clone());
        let changed: Vec<String> = next
            .tables
            .iter()
            .filter(|(name, at)| self.last.tables.get(*name).is_none_or(|before| before.version != at.version))
            .map(|(name, _)| name.clone())
            .collect();
        let mut synced = std::mem::take(&mut self.synced);
        let (before, after) = (self.last.clone(), next.clone());
        let work = tokio::task::spawn_blocking(move || {
            let tables = home.part("tables");
            let changed: Vec<PathBuf> = changed.iter().map(|name| home.table(name)).collect();
            let done =
                synced.sync(&tables, &changed).map_err(at(&tables, "sync")).and_then(|()| checkpoints.write(&after));
            if done.is_err() {
                // The rename may have happened: the epoch must not come back after we said it failed.
                let undone = if before.epoch == after.epoch {
                    checkpoints.write(&before)
                } else {
                    checkpoints.remove(after.epoch)
                };
                return (synced, done.and(undone));
            }
            (synced, done)
        });
        let (synced, done) = work.await.map_err(|error| {
            StorageError::new(ErrorKind::Io, "the commit was interrupted: open the store again").because(error)
        })?;
        self.synced = synced;
        match done {
            Ok(()) => {
                self.last = next;
                self.unsettled = false;
                Ok(())
            }
            Err(error) => Err(self.take_back(error)),
        }
    }

    /// Before tables are changed: undoes what a change that was dropped half done has left, and notes that one begins.
    pub(crate) fn settle(&mut self) -> Result<()> {
        if self.unsettled {
            self.caches.clear();
            roll_back(&self.caches.home, &self.last)?;
        }
        self.unsettled = true;
        Ok(())
    }

    /// Undoes what the tables have beyond the last checkpoint, and gives the error on.
    pub(crate) fn take_back(&mut self, error: StorageError) -> StorageError {
        match self.settle() {
            Ok(()) => error,
            Err(worse) => {
                let message = "the commit failed and could not be undone now: open the store again, which does it";
                StorageError::new(worse.kind().clone(), message).because(error)
            }
        }
    }

    /// Applies every change, and waits for all of them even if one fails: nothing is written behind a recovery's back.
    async fn apply(&self, changes: &[TableChange]) -> Result<BTreeMap<String, TableAt>> {
        let changes = changes.iter().filter(|change| !change.is_empty());
        let work: Vec<BoxFuture<'_, _>> = changes.map(|change| self.apply_one(change).boxed()).collect();
        let changed: Vec<_> = stream::iter(work).buffer_unordered(TABLES_AT_ONCE).collect().await;
        changed.into_iter().filter_map(Result::transpose).collect()
    }

    async fn apply_one(&self, change: &TableChange) -> Result<Option<(String, TableAt)>> {
        let name = &change.table.name;
        let table = change.apply(&self.caches, self.last.tables.get(name)).await?;
        Ok(table.map(|table| (name.clone(), table_at(&table, &change.table.key))))
    }

    fn check(&self, commit: &Commit) -> Result<()> {
        let refuse =
            |why: String| Err(StorageError::new(ErrorKind::FixArgument, format!("epoch {}: {why}", commit.epoch)));
        if commit.epoch <= self.last.epoch {
            return refuse(format!("the last one is {}: commit a later one", self.last.epoch));
        }
        if commit.tail_through < self.last.tail_through || commit.tail_through >= self.tail.next_seq() {
            let (from, next) = (self.last.tail_through, self.tail.next_seq());
            return refuse(format!("tail_through {} must be from {from} to before {next}", commit.tail_through));
        }
        let mut seen = std::collections::BTreeSet::new();
        for change in &commit.changes {
            change.table.check()?;
            if !seen.insert(&change.table.name) {
                return refuse(format!("table {} is changed twice: join its changes", change.table.name));
            }
        }
        Ok(())
    }
}

/// How a checkpoint names this version of a table.
pub(crate) fn table_at(table: &Dataset, key: &str) -> TableAt {
    TableAt { version: table.version_id(), key: key.to_string(), rows: table::row_count(table) }
}

/// Takes every table back to the checkpoint and removes tables it does not know. Gives the names of both.
fn roll_back(home: &Home, last: &Checkpoint) -> Result<Vec<String>> {
    let directory = home.part("tables");
    let mut changed = Vec::new();
    for entry in files::names(&directory).map_err(at(&directory, "read"))? {
        let name = entry.strip_suffix(".lance").unwrap_or(&entry);
        let path = directory.join(&entry);
        let back = match last.tables.get(name) {
            Some(at) => table::roll_back(&path, at.version)?,
            None => files::remove(&path).map_err(at(&path, "remove")).map(|()| true)?,
        };
        changed.extend(back.then(|| name.to_string()));
    }
    if let Some(lost) = last.tables.keys().find(|name| !home.table(name).exists()) {
        let message = format!("table {lost} is missing from {}: restore the store from a copy", home.root.display());
        return Err(StorageError::new(ErrorKind::Corrupt, message));
    }
    Ok(changed)
}

fn lost_checkpoint(damaged: &Path, epoch: u64) -> StorageError {
    let message = format!(
        "{} is damaged, and the tail log no longer holds what came after epoch {epoch}: restore the file from a copy, \
         or remove it to go back to that epoch",
        damaged.display()
    );
    StorageError::new(ErrorKind::Corrupt, message)
}
