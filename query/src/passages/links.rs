//! What follows from what was recalled: the claims of an event, the fact of a claim.
//!
//! Two columns of hashes of a table, by fragment, kept as passages are: a question looks up some hundred keys and reads
//! nothing. Cost: 60 bytes a row.

use std::sync::{Arc, Mutex};

use nexus_storage::{Fragment, Snapshot};
use nexus_types::Hash128;

use super::layers::{Kept, Layers};
use super::{PerFragment, Warm};
use crate::error::{QueryError, Result};
use crate::rows::Rows;

/// What is kept of one table between snapshots.
#[derive(Debug, Default)]
pub(crate) struct LinksKept {
    pairs: PerFragment<Pairs>,
    by_key: Mutex<Option<Arc<Kept>>>,
}

/// Keys and values of one fragment, by row; a value may be missing.
type Pairs = Vec<(Hash128, Option<Hash128>)>;

/// The keys and values of a table, as a snapshot has them.
#[derive(Debug)]
pub(crate) struct Links {
    pairs: Vec<(Arc<Pairs>, Fragment)>,
    by_key: Layers,
}

impl Links {
    /// Reads the fragments that are not kept yet.
    pub(crate) async fn read(
        snapshot: &Snapshot,
        warm: &Warm,
        kept: &LinksKept,
        [table, key, value]: [&str; 3],
    ) -> Result<Links> {
        let _reading = warm.reading.lock().await;
        let mut pairs: Vec<(Arc<Pairs>, Fragment)> = Vec::new();
        for fragment in snapshot.fragments(table).await? {
            let reading = read(snapshot, fragment.number, [table, key, value]);
            pairs.push((kept.pairs.get_or(&fragment.name, reading).await?, fragment));
        }
        kept.pairs.keep(warm.is_newest(snapshot), pairs.iter().map(|(pairs, fragment)| (&*fragment.name, pairs)));
        let names: Vec<(String, usize)> = pairs.iter().map(|(_, one)| (one.name.clone(), one.rows)).collect();
        let rows = |at: usize| pairs[at].0.iter().map(|(key, _)| *key).zip(0..).collect();
        let by_key = Layers::of(&names, &kept.by_key, rows);
        Ok(Links { pairs, by_key })
    }

    /// The values of a key.
    pub(crate) fn of(&self, key: Hash128) -> impl Iterator<Item = Hash128> {
        let value = move |(at, row): (u32, u32)| {
            let (pairs, fragment) = &self.pairs[at as usize];
            let (found, value) = *pairs.get(row as usize)?;
            (found == key && fragment.has(row)).then_some(value)?
        };
        self.by_key.find(key).filter_map(value)
    }
}

async fn read(snapshot: &Snapshot, number: u32, [table, key, value]: [&str; 3]) -> Result<Pairs> {
    let damaged = |_| QueryError::Corrupt(format!("table {table} has something else for an id"));
    let mut pairs = Vec::new();
    for batch in snapshot.read_fragment(table, number, &[key, value]).await? {
        let rows = Rows(&batch);
        let (keys, values) = (rows.text(key)?, rows.text(value)?);
        for (key, value) in keys.iter().zip(values.iter()) {
            let key = key.unwrap_or_default().parse().map_err(damaged)?;
            pairs.push((key, value.map(str::parse).transpose().map_err(damaged)?));
        }
    }
    Ok(pairs)
}
