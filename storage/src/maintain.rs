//! Upkeep between epochs, a bounded number of steps at a time: rewriting small fragments, building and extending indexes,
//! thinning checkpoints, removing versions that nobody names.
//!
//! A step changes one table's version or none. What it changed is published under the same epoch, with the same rows: a
//! crash loses at most the step. The longest steps are the first build of a large index and a large rewrite.

use std::collections::{BTreeMap, BTreeSet};

use lance::dataset::Dataset;
use lance::dataset::optimize::{CompactionOptions, compact_files};

use crate::error::{Result, lance};
use crate::garbage;
use crate::indexes::{self, Wanted};
use crate::lease;
use crate::store::{Store, table_at};
use crate::table::versions;
use crate::thin;

/// A fragment is rewritten together with newer ones only if it has at most so many times their rows, so that a large one
/// is not rewritten for every few small ones.
const GROWTH: u64 = 4;
/// Fragments of fewer rows than this always count as small.
const SMALL_ROWS: u64 = 10_000;
/// A fragment that lost this part of its rows is rewritten.
const DELETED_PART: f32 = 0.25;

/// What upkeep did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Maintained {
    /// Each step, in words.
    pub done: Vec<String>,
    /// More is to be done.
    pub more: bool,
}

/// One piece of work.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Rewrite { table: String, leave: Vec<u32> },
    Build { table: String, index: Wanted },
    Extend { table: String, index: Wanted, segments: usize },
    Clean { table: String },
}

impl Store {
    /// Does up to so many steps of upkeep. Call it between epochs.
    pub async fn maintain(&mut self, steps: usize) -> Result<Maintained> {
        let mut maintained = Maintained::default();
        self.thin()?;
        loop {
            let Some(step) = self.next_step().await? else { return Ok(maintained) };
            if maintained.done.len() >= steps {
                maintained.more = true;
                return Ok(maintained);
            }
            maintained.done.push(self.run(step).await?);
        }
    }

    /// Drops the checkpoints that have grown too old to be kept each.
    fn thin(&self) -> Result<()> {
        if self.checkpoints.epochs()?.len() <= self.caches.settings.checkpoints_kept {
            return Ok(());
        }
        let all: Vec<_> = self.checkpoints.all()?.iter().map(|one| (one.epoch, one.committed_at)).collect();
        let kept = thin::kept(&all, self.caches.settings.checkpoints_kept);
        all.iter().filter(|(epoch, _)| !kept.contains(epoch)).try_for_each(|(epoch, _)| self.checkpoints.remove(*epoch))
    }

    async fn next_step(&self) -> Result<Option<Step>> {
        for (name, at) in &self.last.tables {
            let table = self.caches.table(name, at.version).await?;
            if let Some(leave) = to_leave(&table, self.caches.settings.fragments_max) {
                return Ok(Some(Step::Rewrite { table: name.clone(), leave }));
            }
            for index in indexes::wanted(name, &at.key, at.rows, &self.caches.settings) {
                let standing = index.standing(&table).await.map_err(lance(upkeep(name)))?;
                let table = name.clone();
                if standing.segments == 0 {
                    return Ok(Some(Step::Build { table, index }));
                }
                if standing.unindexed_rows > self.caches.settings.unindexed_rows_max {
                    return Ok(Some(Step::Extend { table, index, segments: standing.segments }));
                }
            }
        }
        let named = self.named_versions()?;
        for name in self.last.tables.keys() {
            let on_disk = versions(&self.caches.home.table(name))?.len();
            if on_disk > named.get(name).map_or(0, BTreeSet::len) + self.caches.settings.versions_max {
                return Ok(Some(Step::Clean { table: name.clone() }));
            }
        }
        Ok(None)
    }

    async fn run(&mut self, step: Step) -> Result<String> {
        let (name, done) = match &step {
            Step::Rewrite { table, .. } => (table.clone(), format!("rewrote small fragments of {table}")),
            Step::Build { table, index } => (table.clone(), format!("indexed {table}.{}", index.column)),
            Step::Extend { table, index, .. } => {
                (table.clone(), format!("extended the index of {table}.{}", index.column))
            }
            Step::Clean { table } => {
                let keep = self.named_versions()?.remove(table).unwrap_or_default();
                let removed = garbage::collect(&self.caches, table, &keep).await?;
                return Ok(format!("removed {} versions of {table}, {} bytes", removed.versions, removed.bytes));
            }
        };
        self.settle()?;
        let mut next = self.last.clone();
        let Some(at) = next.tables.get_mut(&name) else { return Ok(done) };
        let mut table = Dataset::clone(&*self.caches.table(&name, at.version).await?);
        let rows_per_fragment = self.caches.settings.fragment_rows;
        let changed = match &step {
            Step::Rewrite { leave, .. } => rewrite(&mut table, leave.clone(), rows_per_fragment).await,
            Step::Build { index, .. } => index.create(&mut table).await,
            Step::Extend { index, segments, .. } => index.extend(&mut table, *segments).await,
            Step::Clean { .. } => Ok(()),
        };
        if let Err(error) = changed.map_err(lance(upkeep(&name))) {
            return Err(self.take_back(error));
        }
        *at = table_at(&table, &at.key);
        self.caches.keep(&name, &table.into());
        self.publish(next).await?;
        Ok(done)
    }

    /// The versions that a checkpoint or a live lease names, by table.
    fn named_versions(&self) -> Result<BTreeMap<String, BTreeSet<u64>>> {
        // Checkpoints first: a reader writes its lease and then looks for its checkpoint.
        let checkpoints = self.checkpoints.all()?;
        let of_checkpoints = checkpoints.into_iter().chain([self.last.clone()]).flat_map(|one| one.tables);
        let mut named: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
        let versions = of_checkpoints.map(|(name, at)| (name, at.version)).chain(lease::held(&self.caches.home)?);
        for (name, version) in versions {
            named.entry(name).or_default().insert(version);
        }
        Ok(named)
    }
}

/// Which fragments a rewrite leaves alone; `None` if none is due.
fn to_leave(table: &Dataset, fragments_max: usize) -> Option<Vec<u32>> {
    let (mut newer_rows, mut small, mut grown, mut worn) = (0, 0, false, false);
    let mut leave = Vec::new();
    for fragment in table.fragments().iter().rev() {
        let rows = fragment.num_rows().unwrap_or_default() as u64;
        let deleted = fragment.deletion_file.as_ref().and_then(|file| file.num_deleted_rows).unwrap_or_default() as u64;
        let much_deleted = deleted > SMALL_ROWS && deleted as f32 > DELETED_PART * (rows + deleted) as f32;
        grown |= rows > GROWTH * newer_rows.max(SMALL_ROWS);
        if grown && !much_deleted {
            leave.push(fragment.id as u32);
        } else if !grown {
            small += 1;
            newer_rows += rows;
        }
        worn |= much_deleted;
    }
    (small > fragments_max || worn).then_some(leave)
}

async fn rewrite(table: &mut Dataset, leave: Vec<u32>, rows_per_fragment: usize) -> lance::Result<()> {
    let options = CompactionOptions {
        target_rows_per_fragment: rows_per_fragment,
        materialize_deletions_threshold: DELETED_PART,
        num_threads: Some(1),
        excluded_fragment_ids: leave,
        ..Default::default()
    };
    compact_files(table, options, None).await.map(|_| ())
}

fn upkeep(name: &str) -> String {
    format!("upkeep of table {name}")
}
