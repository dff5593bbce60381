//! The store's numbers: caches, thresholds, what is kept. Parts that can be swapped are not settings.

use serde::{Deserialize, Serialize};

/// How much memory storage may use for caches, when it rewrites and indexes, and what it keeps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Bytes of indexes kept in memory.
    pub index_cache_bytes: usize,
    /// Bytes of file and table metadata kept in memory.
    pub metadata_cache_bytes: usize,
    /// Bytes of the tail log kept in memory.
    pub tail_cache_bytes: usize,
    /// A file of the tail log that has grown beyond this is followed by a fresh one.
    pub tail_segment_bytes: u64,
    /// A table with more small fragments than this is rewritten.
    pub fragments_max: usize,
    /// Rows that a fragment grows to when it is rewritten.
    pub fragment_rows: usize,
    /// From this many rows a table gets its scalar and text indexes.
    pub index_rows_min: u64,
    /// More unindexed rows than this, and the index is extended.
    pub unindexed_rows_max: u64,
    /// So many of the last checkpoints are all kept; older ones are thinned to one per hour, day, month.
    pub checkpoints_kept: usize,
    /// Table versions that no checkpoint names are removed when so many have gathered.
    pub versions_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            index_cache_bytes: 128 << 20,
            metadata_cache_bytes: 64 << 20,
            tail_cache_bytes: 8 << 20,
            tail_segment_bytes: 64 << 20,
            fragments_max: 16,
            fragment_rows: 1 << 20,
            index_rows_min: 1_000,
            unindexed_rows_max: 10_000,
            checkpoints_kept: 32,
            versions_max: 64,
        }
    }
}
