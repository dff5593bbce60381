//! The vectors of one embedder: their codes in memory, the exact ones by address.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::Float32Type;
use arrow::record_batch::RecordBatch;
use futures::TryStreamExt;
use nexus_scoring::{ONE, cosine};
use nexus_storage::{Fragment, Snapshot};
use nexus_types::Hash128;

use super::codes::{self, Codes, Usual};
use super::layers::Layers;
use super::{Bits, Passages, Place, Warm, lock};
use crate::error::{QueryError, Result};
use crate::rows::Rows;

/// So many vectors say what is usual.
const USUAL_OF: usize = 1_024;
/// More texts than this are not looked up one by one.
const LOOKED_UP_MAX: usize = 4_096;

/// The texts of one fragment of vectors, by row.
#[derive(Debug)]
pub(crate) struct Keys(Vec<Hash128>);

/// The vectors of one embedder, as a snapshot has them.
#[derive(Debug)]
pub(crate) struct Vectors {
    table: String,
    usual: Arc<Usual>,
    /// By piece of the passages.
    codes: Vec<Arc<Codes>>,
    keys: Vec<(Arc<Keys>, Fragment)>,
    by_text: Layers,
}

/// A text without a code yet: its hash, and the piece and row of a passage that has it.
type Missing = (Hash128, usize, usize);

impl Vectors {
    /// Reads the vectors of texts that have no code yet; `None` where nothing is embedded.
    pub(crate) async fn read(snapshot: &Snapshot, passages: &Passages, table: &str) -> Result<Option<Vectors>> {
        let warm = &passages.warm;
        let _reading = warm.reading.lock().await;
        let Some(usual) = usual(snapshot, warm, table).await? else { return Ok(None) };
        let keys = keys(snapshot, warm, table).await?;
        let version = snapshot.checkpoint().tables.get(table).map_or(0, |at| at.version);
        let names: Vec<String> = snapshot.fragments("passages").await?.into_iter().map(|one| one.name).collect();
        let kept = |(name, piece): (&String, &Arc<super::Piece>)| {
            let kept = lock(&warm.codes).remove(&(table.to_string(), name.clone()));
            kept.unwrap_or_else(|| Arc::new(Codes::new(piece.rows(), usual.0.len())))
        };
        let codes = names.iter().zip(&passages.pieces).map(kept).collect();
        let rows = |at: usize| keys[at].0.0.iter().copied().zip(0..).collect();
        let named: Vec<(String, usize)> = keys.iter().map(|(_, one)| (one.name.clone(), one.rows)).collect();
        let by_text = Layers::of(&named, &warm.by_text, rows);
        let mut vectors = Vectors { table: table.into(), usual, codes, keys, by_text };
        let missing = vectors.missing(passages, version);
        vectors.fill(snapshot, missing).await?;
        for (name, codes) in names.into_iter().zip(&mut vectors.codes) {
            if codes.sought_in != version {
                Arc::make_mut(codes).sought_in = version;
            }
            lock(&warm.codes).insert((table.to_string(), name), codes.clone());
        }
        // Another embedder's are read again, should they be asked for.
        lock(&warm.codes).retain(|(kept, _), _| kept == table);
        Ok(Some(vectors))
    }

    /// The texts without a code, where they were not sought in this version of the vectors.
    fn missing(&self, passages: &Passages, version: u64) -> Vec<Missing> {
        let mut missing = Vec::new();
        for (at, (codes, there)) in self.codes.iter().zip(&passages.there).enumerate() {
            if codes.sought_in != version {
                let unknown = there.rows().filter(|row| !codes.known.has(*row));
                missing.extend(unknown.map(|row| (passages.pieces[at].hashes[row], at, row)));
            }
        }
        missing.sort_unstable();
        missing
    }

    async fn fill(&mut self, snapshot: &Snapshot, missing: Vec<Missing>) -> Result<()> {
        let table = self.table.clone();
        if missing.len() > LOOKED_UP_MAX {
            let mut all = snapshot.stream(&table, Some(&["text_hash", "vector"]), None).await?;
            while let Some(batch) = all.try_next().await? {
                let hashes = Rows(&batch).text("text_hash")?;
                let hash = |at: usize| hashes.value(at).parse::<Hash128>().ok();
                self.take_in(&batch, &missing, hash)?;
            }
            return Ok(());
        }
        let mut wanted: Vec<(u64, Hash128)> =
            missing.iter().filter_map(|(hash, ..)| Some((self.address(*hash)?, *hash))).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let addresses: Vec<u64> = wanted.iter().map(|(address, _)| *address).collect();
        let mut hashes = wanted.into_iter().map(|(_, hash)| hash);
        for batch in snapshot.take_at(&table, &addresses, &["vector"]).await? {
            let here: Vec<Hash128> = hashes.by_ref().take(batch.num_rows()).collect();
            self.take_in(&batch, &missing, |at| here.get(at).copied())?;
        }
        Ok(())
    }

    /// Gives the passages that miss a vector of this batch its code.
    fn take_in(
        &mut self,
        batch: &RecordBatch,
        missing: &[Missing],
        hash: impl Fn(usize) -> Option<Hash128>,
    ) -> Result<()> {
        let Vectors { table, usual, codes, .. } = self;
        each_vector(table, batch, |at, vector| {
            let Some(hash) = hash(at) else { return };
            let of = &missing[missing.partition_point(|one| one.0 < hash)..];
            for (_, piece, row) in of.iter().take_while(|one| one.0 == hash) {
                Arc::make_mut(&mut codes[*piece]).set(*row, usual, vector);
            }
        })
    }

    /// The passages nearest to a question, nearest first, among the marked ones.
    pub(crate) fn nearest(&self, passages: &Passages, question: &[f32], k: usize, may: Option<&[Bits]>) -> Vec<Place> {
        let may = may.unwrap_or(&passages.live);
        let pieces: Vec<(&Codes, &Bits)> = self.codes.iter().map(|codes| &**codes).zip(may).collect();
        let key = |piece: usize, row: usize| passages.pieces[piece].hashes[row];
        let found = codes::nearest(&pieces, &self.usual, question, k, key);
        found.into_iter().map(|(piece, row)| Place { piece: piece as u32, row: row as u32 }).collect()
    }

    /// The texts nearest to a question with their cosines, nearest first: found by their codes, compared by their vectors.
    pub(crate) async fn exact(
        &self,
        snapshot: &Snapshot,
        passages: &Passages,
        question: &[f32],
        k: usize,
    ) -> Result<Vec<(Hash128, i64)>> {
        let near = self.nearest(passages, question, k.saturating_mul(2), None);
        let hashes = near.into_iter().map(|place| passages.hash(place));
        let mut found: Vec<_> = self.cosines(snapshot, question, hashes).await?.into_iter().collect();
        found.sort_by_key(|(hash, cosine)| (Reverse(*cosine), *hash));
        found.truncate(k);
        Ok(found)
    }

    /// The cosines of passages to a question, by their codes: right to about 0.0005.
    pub(crate) fn about(&self, question: &[f32], places: &[Place]) -> BTreeMap<Place, i64> {
        let shared: f32 = self.usual.0.iter().zip(question).map(|(a, b)| a * b).sum();
        let cosine = |place: &Place| {
            let (codes, row) = (&self.codes[place.piece as usize], place.row as usize);
            let product = codes.known.has(row).then(|| shared + codes.product(row, question))?;
            Some((*place, (f64::from(product) * ONE as f64).round() as i64))
        };
        places.iter().filter_map(cosine).collect()
    }

    /// The cosines of these texts to a question, of those that have a vector.
    pub(crate) async fn cosines(
        &self,
        snapshot: &Snapshot,
        question: &[f32],
        hashes: impl Iterator<Item = Hash128>,
    ) -> Result<BTreeMap<Hash128, i64>> {
        let mut wanted: Vec<(u64, Hash128)> = hashes.filter_map(|hash| Some((self.address(hash)?, hash))).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let addresses: Vec<u64> = wanted.iter().map(|(address, _)| *address).collect();
        let (mut cosines, mut start) = (BTreeMap::new(), 0);
        for batch in snapshot.take_at(&self.table, &addresses, &["vector"]).await? {
            each_vector(&self.table, &batch, |at, vector| {
                cosines.insert(wanted[start + at].1, cosine(question, vector));
            })?;
            start += batch.num_rows();
        }
        Ok(cosines)
    }

    /// Where a text's vector is.
    fn address(&self, hash: Hash128) -> Option<u64> {
        let is = |(at, row): (u32, u32)| {
            let (keys, fragment) = &self.keys[at as usize];
            let there = keys.0[row as usize] == hash && fragment.deleted.binary_search(&row).is_err();
            there.then(|| u64::from(fragment.number) << 32 | u64::from(row))
        };
        self.by_text.find(hash).find_map(is)
    }
}

async fn usual(snapshot: &Snapshot, warm: &Warm, table: &str) -> Result<Option<Arc<Usual>>> {
    if snapshot.rows(table) == 0 {
        return Ok(None);
    }
    if let Some(known) = lock(&warm.usual).get(table) {
        return Ok(Some(known.clone()));
    }
    let (mut values, mut width) = (Vec::new(), 0);
    for fragment in snapshot.fragments(table).await? {
        let there = (0..fragment.rows as u32).filter(|row| fragment.deleted.binary_search(row).is_err());
        let addresses = there.take(USUAL_OF).map(|row| u64::from(fragment.number) << 32 | u64::from(row));
        for batch in snapshot.take_at(table, &addresses.collect::<Vec<_>>(), &["vector"]).await? {
            each_vector(table, &batch, |_, vector| {
                width = vector.len();
                values.extend_from_slice(vector);
            })?;
        }
        if values.len() >= USUAL_OF * width.max(1) {
            break;
        }
    }
    let usual = Arc::new(Usual::of(&values, width));
    lock(&warm.usual).insert(table.into(), usual.clone());
    Ok((width > 0).then_some(usual))
}

async fn keys(snapshot: &Snapshot, warm: &Warm, table: &str) -> Result<Vec<(Arc<Keys>, Fragment)>> {
    let mut all = Vec::new();
    for fragment in snapshot.fragments(table).await? {
        let known = lock(&warm.keys).get(&fragment.name).cloned();
        let keys = match known {
            Some(keys) => keys,
            None => Arc::new(Keys::read(snapshot, table, &fragment).await?),
        };
        all.push((keys, fragment));
    }
    // What no fragment here needs is read again if another snapshot asks.
    *lock(&warm.keys) = all.iter().map(|(keys, fragment)| (fragment.name.clone(), keys.clone())).collect();
    Ok(all)
}

impl Keys {
    async fn read(snapshot: &Snapshot, table: &str, fragment: &Fragment) -> Result<Keys> {
        let mut keys = Vec::with_capacity(fragment.rows);
        for batch in snapshot.read_fragment(table, fragment.number, &["text_hash"]).await? {
            for hash in &Rows(&batch).text("text_hash")? {
                let hash = hash.unwrap_or_default().parse();
                let hash =
                    hash.map_err(|_| QueryError::Corrupt(format!("table {table} has something else for a hash")))?;
                keys.push(hash);
            }
        }
        Ok(Keys(keys))
    }
}

/// Visits the vectors of a batch, each with its row.
fn each_vector(table: &str, batch: &RecordBatch, mut visit: impl FnMut(usize, &[f32])) -> Result<()> {
    let damaged = || QueryError::Corrupt(format!("table {table} has no vectors"));
    let vectors = batch.column_by_name("vector").and_then(|column| column.as_fixed_size_list_opt());
    let vectors = vectors.ok_or_else(damaged)?;
    let width = usize::try_from(vectors.value_length()).unwrap_or(0);
    let values = vectors.values().as_primitive_opt::<Float32Type>().ok_or_else(damaged)?.values();
    // A sliced list keeps its whole child: rows start at its offset.
    let values = &values[vectors.value_offset(0).max(0) as usize..];
    values.chunks_exact(width.max(1)).take(vectors.len()).enumerate().for_each(|(at, vector)| visit(at, vector));
    Ok(())
}
