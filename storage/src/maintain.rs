//! Upkeep between epochs, a bounded number of steps at a time: rewriting small fragments, building and extending indexes,
//! thinning checkpoints, removing versions that nobody names.
//!
//! A step changes one table's version or none. What it changed is published under the same epoch, with the same rows: a
//! crash loses at most the step. The longest steps are the first build of a large index and a large rewrite.

use futures::future::BoxFuture;
use std::collections::{BTreeMap, BTreeSet};

use lance::dataset::Dataset;
use lance::dataset::optimize::{CompactionOptions, compact_files};
use lance::index::DatasetIndexExt;
use lance::table::format::Fragment;

use crate::checkpoint::TableAt;
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
/// More fragments than this are made one before an index is extended by them: its segments then cover few fragments, and
/// fragments of different segments cannot be rewritten together.
const FRAGMENTS_PER_SEGMENT: usize = 4;
/// How many rows a rewrite reads at once.
const REWRITTEN_TOGETHER: usize = 1_024;
/// How many bytes a rewrite reads ahead.
const READ_AHEAD_BYTES: u64 = 32 << 20;
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
    pub fn maintain<'a>(&'a mut self, steps: usize) -> BoxFuture<'a, Result<Maintained>> {
        Box::pin(async move {
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
        })
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
            let step = self.next_step_of(name, at).await?;
            if step.is_some() {
                return Ok(step);
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

    async fn next_step_of(&self, name: &str, at: &TableAt) -> Result<Option<Step>> {
        if self.stuck.get(name) == Some(&at.version) {
            return Ok(None);
        }
        let settings = &self.caches.settings;
        let dataset = self.caches.table(name, at.version).await?;
        let (mut extend, table) = (None, name.to_string());
        for index in indexes::wanted(name, &at.key, at.rows, settings) {
            let standing = index.standing(&dataset).await.map_err(lance(upkeep(name)))?;
            if standing.segments == 0 {
                return Ok(Some(Step::Build { table, index }));
            }
            if standing.unindexed_rows > settings.unindexed_rows_max {
                extend = extend.or(Some(Step::Extend { table: table.clone(), index, segments: standing.segments }));
            }
        }
        let pieces = pieces(&dataset).await.map_err(lance(upkeep(name)))?;
        let new_max = if extend.is_some() { FRAGMENTS_PER_SEGMENT } else { settings.fragments_max };
        let leave = to_leave(&pieces, settings.fragments_max, new_max.min(settings.fragments_max));
        Ok(leave.map(|leave| Step::Rewrite { table, leave }).or(extend))
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
        if table.version_id() == at.version {
            self.stuck.insert(name, at.version);
            return Ok(format!("{done}: nothing to do"));
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

/// What a rewrite needs to know of a fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece {
    id: u32,
    rows: u64,
    deleted: u64,
    /// The index segments that cover it: only fragments with the same ones can become one.
    segments: Vec<usize>,
}

async fn pieces(table: &Dataset) -> lance::Result<Vec<Piece>> {
    let indexes = table.load_indices().await?;
    let covers = |at: &usize, id: u32| indexes[*at].fragment_bitmap.as_ref().is_some_and(|bitmap| bitmap.contains(id));
    let piece = |fragment: &Fragment| {
        let id = fragment.id as u32;
        let deleted = fragment.deletion_file.as_ref().and_then(|file| file.num_deleted_rows).unwrap_or_default() as u64;
        let segments = (0..indexes.len()).filter(|at| covers(at, id)).collect();
        Piece { id, rows: fragment.num_rows().unwrap_or_default() as u64, deleted, segments }
    };
    Ok(table.fragments().iter().map(piece).collect())
}

/// Which fragments a rewrite leaves alone; `None` if none is due. Due are neighbours of the same segments, more than
/// `fragments_max` of them (`new_max` where no index has them yet), without the large ones; and what lost many rows.
fn to_leave(pieces: &[Piece], fragments_max: usize, new_max: usize) -> Option<Vec<u32>> {
    let mut due: Vec<u32> = pieces.iter().filter(|piece| piece.is_worn()).map(|piece| piece.id).collect();
    for run in pieces.chunk_by(|a, b| a.segments == b.segments) {
        let mut newer_rows = 0;
        let small = run.iter().rev().take_while(|piece| {
            let fits = piece.rows <= GROWTH * newer_rows.max(SMALL_ROWS);
            newer_rows += piece.rows;
            fits
        });
        let small: Vec<u32> = small.map(|piece| piece.id).collect();
        let most = if run[0].segments.is_empty() { new_max } else { fragments_max };
        due.extend(if small.len() > most { small } else { Vec::new() });
    }
    let leave = pieces.iter().map(|piece| piece.id).filter(|id| !due.contains(id)).collect();
    (!due.is_empty()).then_some(leave)
}

impl Piece {
    fn is_worn(&self) -> bool {
        self.deleted > SMALL_ROWS && self.deleted as f32 > DELETED_PART * (self.rows + self.deleted) as f32
    }
}

async fn rewrite(table: &mut Dataset, leave: Vec<u32>, rows_per_fragment: usize) -> lance::Result<()> {
    let options = CompactionOptions {
        target_rows_per_fragment: rows_per_fragment,
        materialize_deletions_threshold: DELETED_PART,
        num_threads: Some(1),
        // Vectors are wide, and Lance's own bounds are for servers: 8,192 rows and 2 GiB read ahead.
        batch_size: Some(REWRITTEN_TOGETHER),
        io_buffer_size: Some(READ_AHEAD_BYTES),
        excluded_fragment_ids: leave,
        ..Default::default()
    };
    compact_files(table, options, None).await.map(|_| ())
}

fn upkeep(name: &str) -> String {
    format!("upkeep of table {name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(of: &[(u64, u64, &[usize])]) -> Vec<Piece> {
        let piece = |(id, (rows, deleted, segments)): (u32, &(u64, u64, &[usize]))| Piece {
            id,
            rows: *rows,
            deleted: *deleted,
            segments: segments.to_vec(),
        };
        (0..).zip(of).map(piece).collect()
    }

    #[test]
    fn small_neighbours_of_the_same_segments_are_due() {
        let old = (1_000_000, 0, &[0, 1][..]);
        let (new, indexed) = ((5, 0, &[][..]), (5, 0, &[0][..]));
        assert_eq!(to_leave(&pieces(&[old, new, new, new]), 3, 3), None);
        assert_eq!(to_leave(&pieces(&[old, new, new, new, new]), 3, 3), Some(vec![0]));
        assert_eq!(to_leave(&pieces(&[old, new, new, new]), 3, 2), Some(vec![0]), "before an index is extended");
        assert_eq!(to_leave(&pieces(&[old, indexed, indexed, new, new, indexed]), 2, 2), None);
        assert_eq!(to_leave(&pieces(&[indexed, indexed, indexed, new, new]), 2, 2), Some(vec![3, 4]));
    }

    #[test]
    fn large_fragments_wait_until_the_small_ones_have_grown() {
        let of = |rows: &[u64]| pieces(&rows.iter().map(|rows| (*rows, 0, &[][..])).collect::<Vec<_>>());
        assert_eq!(to_leave(&of(&[500_000, 9_000, 9_000, 9_000]), 2, 2), Some(vec![0]));
        assert_eq!(to_leave(&of(&[500_000, 60_000, 60_000, 20_000]), 2, 2), Some(vec![]));
    }

    #[test]
    fn a_fragment_that_lost_many_rows_is_due_by_itself() {
        let (whole, worn) = ((900_000, 100_000, &[0][..]), (700_000, 300_000, &[0][..]));
        assert_eq!(to_leave(&pieces(&[whole, worn, whole]), 8, 8), Some(vec![0, 2]));
        assert_eq!(to_leave(&pieces(&[whole, (10, 5, &[0][..])]), 8, 8), None);
    }
}
