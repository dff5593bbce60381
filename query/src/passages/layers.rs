//! Where the rows with a key are, over all fragments of a table.
//!
//! Keys are hashes, so that sorted ones fall evenly into buckets by their value: a look-up costs about two reads of memory,
//! however many there are. One look-up over many fragments is kept for later snapshots, which
//! look beside it into the few fragments that have come since; it is made anew when these have grown.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use nexus_types::Hash128;

use super::lock;

/// So many fragments are looked into beside the kept look-up.
const BESIDE_MAX: usize = 8;
/// So many rows may lie in them; more, if they are but an eighth of all.
const BESIDE_ROWS_MAX: usize = 20_000;

/// Half a key, the number of the fragment, the row in it; ascending.
type Entry = (u64, u32, u32);

/// So many entries a bucket, about.
const BUCKET: usize = 8;

/// The rows of some fragments, by key.
#[derive(Debug, Default)]
struct LookUp {
    entries: Vec<Entry>,
    /// Where each bucket begins, and where the last one ends.
    starts: Vec<u32>,
}

impl LookUp {
    fn of(mut entries: Vec<Entry>) -> LookUp {
        entries.sort_unstable();
        let buckets = entries.len() / BUCKET + 1;
        let mut starts = Vec::with_capacity(buckets + 1);
        for (at, entry) in (0..).zip(&entries) {
            starts.resize((bucket(entry.0, buckets) + 1).max(starts.len()), at);
        }
        starts.resize(buckets + 1, entries.len() as u32);
        LookUp { entries, starts }
    }

    /// All entries of a key.
    fn find(&self, key: u64) -> &[Entry] {
        let bucket = bucket(key, self.starts.len().saturating_sub(1));
        let (from, to) = (self.starts.get(bucket).copied(), self.starts.get(bucket + 1).copied());
        let here = from.zip(to).and_then(|(from, to)| self.entries.get(from as usize..to as usize)).unwrap_or_default();
        let here = &here[here.partition_point(|entry| entry.0 < key)..];
        &here[..here.partition_point(|entry| entry.0 == key)]
    }
}

/// The bucket of a key: where its value says.
fn bucket(key: u64, buckets: usize) -> usize {
    ((u128::from(key) * buckets as u128) >> 64) as usize
}

/// A look-up that is kept, and the names of its fragments.
#[derive(Debug)]
pub(crate) struct Kept {
    names: Vec<String>,
    rows: usize,
    all: LookUp,
}

/// The rows of all fragments of a snapshot, by key.
#[derive(Debug)]
pub(crate) struct Layers {
    kept: Arc<Kept>,
    /// Which fragment of the snapshot each of the kept one's is, if it is still there.
    fragments: Vec<Option<u32>>,
    beside: LookUp,
}

impl Layers {
    /// Over fragments of these names and numbers of rows; `rows` gives the keys of one, each with its row.
    pub(crate) fn of(
        names: &[(String, usize)],
        kept: &Mutex<Option<Arc<Kept>>>,
        rows: impl Fn(usize) -> Vec<(Hash128, u32)>,
    ) -> Layers {
        let entries = |at: usize| rows(at).into_iter().map(move |(key, row)| (key.0[0], at as u32, row));
        let mut slot = lock(kept);
        let known = slot.clone().filter(|kept| {
            let beside: Vec<usize> =
                names.iter().filter(|(name, _)| !kept.names.contains(name)).map(|(_, rows)| *rows).collect();
            let there = kept.names.iter().filter(|name| names.iter().any(|(known, _)| known == *name)).count();
            beside.len() <= BESIDE_MAX
                && beside.iter().sum::<usize>() <= BESIDE_ROWS_MAX.max(kept.rows / 8)
                && there * 2 >= kept.names.len()
        });
        let kept = known.unwrap_or_else(|| {
            let kept = Arc::new(Kept {
                names: names.iter().map(|(name, _)| name.clone()).collect(),
                rows: names.iter().map(|(_, rows)| rows).sum(),
                all: LookUp::of((0..names.len()).flat_map(entries).collect()),
            });
            *slot = Some(kept.clone());
            kept
        });
        let numbers: BTreeMap<&str, u32> = names.iter().map(|(name, _)| name.as_str()).zip(0..).collect();
        let fragments = kept.names.iter().map(|name| numbers.get(name.as_str()).copied()).collect();
        let beside = (0..names.len()).filter(|at| !kept.names.contains(&names[*at].0)).flat_map(entries);
        let beside = LookUp::of(beside.collect());
        Layers { kept, fragments, beside }
    }

    /// The fragments and rows that may have a key: all that have it, rarely another.
    pub(crate) fn find(&self, key: Hash128) -> impl Iterator<Item = (u32, u32)> {
        let kept = self.kept.all.find(key.0[0]).iter();
        let kept = kept.filter_map(|(_, fragment, row)| Some((self.fragments[*fragment as usize]?, *row)));
        kept.chain(self.beside.find(key.0[0]).iter().map(|(_, fragment, row)| (*fragment, *row)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(at: u64) -> Hash128 {
        Hash128::of("test", &[&at.to_le_bytes()])
    }

    #[test]
    fn every_key_is_found_where_it_is() {
        let kept = Mutex::new(None);
        let names = |from: usize, to: usize| (from..to).map(|at| (format!("f{at}"), 1_000)).collect::<Vec<_>>();
        // Each key twice: in its fragment and in the next.
        let rows = |first: usize| {
            move |at: usize| -> Vec<(Hash128, u32)> {
                (0..1_000).map(|row| (key(((first + at) * 500 + row) as u64), row as u32)).collect()
            }
        };
        for (from, to) in [(0, 40), (0, 43), (2, 45), (30, 60), (59, 60)] {
            let layers = Layers::of(&names(from, to), &kept, rows(from));
            for sought in (from * 500..to * 500 + 500).step_by(37) {
                let mut found: Vec<(u32, u32)> = layers.find(key(sought as u64)).collect();
                found.sort_unstable();
                let expected = (from..to).filter(|at| (at * 500..at * 500 + 1_000).contains(&sought));
                let expected: Vec<(u32, u32)> =
                    expected.map(|at| ((at - from) as u32, (sought - at * 500) as u32)).collect();
                assert_eq!(found, expected, "{sought} of {from}..{to}");
            }
            assert_eq!(layers.find(key(1 << 40)).count(), 0);
        }
        assert_eq!(LookUp::default().find(7), []);
    }
}
