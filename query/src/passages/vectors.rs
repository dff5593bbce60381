//! The vectors of one embedder: their codes in memory, and where they are on the disk.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use futures::TryStreamExt;
use nexus_scoring::ONE;
use nexus_scoring::similar::{Direction, in_steps};
use nexus_storage::{Fragment, Snapshot};
use nexus_types::Hash128;
use tokio::sync::OnceCell;

use super::codes::{self, Codes, Usual};
use super::layers::Layers;
use super::{Bits, Passages, Place, Warm, lock};
use crate::error::{QueryError, Result};
use crate::rows::Rows;

/// So many vectors say what is usual.
const USUAL_OF: u64 = 1_024;
/// More texts than this are not looked up one by one.
const LOOKED_UP_MAX: usize = 4_096;

/// The texts of one fragment of vectors, by row.
#[derive(Debug)]
pub(crate) struct Keys(Vec<Hash128>);

/// The vectors of one embedder, as a snapshot has them.
#[derive(Debug)]
pub(crate) struct Vectors {
    table: String,
    keys: Vec<(Arc<Keys>, Fragment)>,
    by_text: Layers,
    /// Made when a question first needs them: a small scope has every vector compared.
    coded: OnceCell<Arc<Coded>>,
}

/// The codes of a snapshot's passages.
#[derive(Debug)]
pub(crate) struct Coded {
    usual: Arc<Usual>,
    /// By piece of the passages.
    codes: Vec<Arc<Codes>>,
}

/// A text without a code yet: its hash, and the piece and row of a passage that has it.
type Missing = (Hash128, usize, usize);

impl Vectors {
    /// Reads where the vectors are; `None` where nothing is embedded.
    pub(crate) async fn read(snapshot: &Snapshot, passages: &Passages, table: &str) -> Result<Option<Vectors>> {
        if snapshot.rows(table) == 0 {
            return Ok(None);
        }
        let warm = &passages.warm;
        let _reading = warm.reading.lock().await;
        let keys = keys(snapshot, warm, table).await?;
        let rows = |at: usize| keys[at].0.0.iter().copied().zip(0..).collect();
        let named: Vec<(String, usize)> = keys.iter().map(|(_, one)| (one.name.clone(), one.rows)).collect();
        let by_text = Layers::of(&named, &warm.by_text, rows);
        Ok(Some(Vectors { table: table.into(), keys, by_text, coded: OnceCell::new() }))
    }

    /// The codes, read once; what other snapshots have read is not read again.
    pub(crate) async fn coded(&self, snapshot: &Snapshot, passages: &Passages) -> Result<Arc<Coded>> {
        self.coded.get_or_try_init(|| self.read_codes(snapshot, passages)).await.cloned()
    }

    async fn read_codes(&self, snapshot: &Snapshot, passages: &Passages) -> Result<Arc<Coded>> {
        let warm = &passages.warm;
        let _reading = warm.reading.lock().await;
        let usual = self.usual(snapshot, warm).await?;
        let version = snapshot.checkpoint().tables.get(&self.table).map_or(0, |at| at.version);
        let key = |name: &String| (self.table.clone(), name.clone());
        let mut codes: Vec<(u64, Arc<Codes>)> = Vec::new();
        for (name, piece) in passages.fragments.iter().zip(&passages.pieces) {
            let kept = lock(&warm.codes).remove(&key(name));
            codes.push(kept.unwrap_or_else(|| (0, Arc::new(Codes::new(piece.rows(), usual.0.len())))));
        }
        let missing = self.missing(passages, &codes, version);
        self.fill(snapshot, &usual, &mut codes, missing).await?;
        let mut kept = lock(&warm.codes);
        // Another embedder's are read again, should they be asked for.
        kept.retain(|(table, _), _| *table == self.table);
        kept.extend(
            passages.fragments.iter().zip(&codes).map(|(name, (_, codes))| (key(name), (version, codes.clone()))),
        );
        Ok(Arc::new(Coded { usual, codes: codes.into_iter().map(|(_, codes)| codes).collect() }))
    }

    /// The texts with a vector and without a code, where they were not sought in this version of the vectors. Passages that
    /// are deleted here are sought too: another snapshot has them.
    fn missing(&self, passages: &Passages, codes: &[(u64, Arc<Codes>)], version: u64) -> Vec<Missing> {
        let mut missing = Vec::new();
        for (at, ((sought_in, codes), piece)) in codes.iter().zip(&passages.pieces).enumerate() {
            if *sought_in != version {
                let unknown = (0..piece.rows()).filter(|row| !codes.known.has(*row));
                let unknown = unknown.map(|row| (piece.hashes[row], at, row));
                missing.extend(unknown.filter(|(hash, ..)| self.address(*hash).is_some()));
            }
        }
        missing.sort_unstable();
        missing
    }

    async fn fill(
        &self,
        snapshot: &Snapshot,
        usual: &Usual,
        codes: &mut [(u64, Arc<Codes>)],
        missing: Vec<Missing>,
    ) -> Result<()> {
        let mut take_in = |batch: &RecordBatch, hash: &dyn Fn(usize) -> Option<Hash128>| {
            each_vector(&self.table, batch, |at, vector| {
                let Some(hash) = hash(at) else { return };
                let of = &missing[missing.partition_point(|one| one.0 < hash)..];
                for (_, piece, row) in of.iter().take_while(|one| one.0 == hash) {
                    Arc::make_mut(&mut codes[*piece].1).set(*row, usual, vector);
                }
            })
        };
        if missing.len() > LOOKED_UP_MAX {
            let mut all = snapshot.stream(&self.table, Some(&["text_hash", "vector"]), None).await?;
            while let Some(batch) = all.try_next().await? {
                let hashes = Rows(&batch).text("text_hash")?;
                take_in(&batch, &|at| hashes.value(at).parse::<Hash128>().ok())?;
            }
            return Ok(());
        }
        let mut wanted: Vec<(u64, Hash128)> =
            missing.iter().filter_map(|(hash, ..)| Some((self.address(*hash)?, *hash))).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let addresses: Vec<u64> = wanted.iter().map(|(address, _)| *address).collect();
        let mut hashes = wanted.into_iter().map(|(_, hash)| hash);
        for batch in snapshot.take_at(&self.table, &addresses, &["vector"]).await? {
            let here: Vec<Hash128> = hashes.by_ref().take(batch.num_rows()).collect();
            take_in(&batch, &|at| here.get(at).copied())?;
        }
        Ok(())
    }

    /// What vectors have in common, by the first of them. Of a few, it is asked again when there are more.
    async fn usual(&self, snapshot: &Snapshot, warm: &Warm) -> Result<Arc<Usual>> {
        let rows = snapshot.rows(&self.table);
        let known = lock(&warm.usual).get(&self.table).cloned();
        if let Some((of, usual)) = known
            && (of >= USUAL_OF || rows < 2 * of)
        {
            return Ok(usual);
        }
        let (mut values, mut width) = (Vec::new(), 0);
        for (_, fragment) in &self.keys {
            let there = (0..fragment.rows as u32).filter(|row| fragment.has(*row));
            let addresses = there.take(USUAL_OF as usize).map(|row| u64::from(fragment.number) << 32 | u64::from(row));
            for batch in snapshot.take_at(&self.table, &addresses.collect::<Vec<_>>(), &["vector"]).await? {
                each_vector(&self.table, &batch, |_, vector| {
                    width = vector.len();
                    values.extend_from_slice(vector);
                })?;
            }
            if values.len() >= USUAL_OF as usize * width.max(1) {
                break;
            }
        }
        let (of, usual) = ((values.len() / width.max(1)) as u64, Arc::new(Usual::of(&values, width)));
        lock(&warm.usual).insert(self.table.clone(), (of, usual.clone()));
        lock(&warm.codes).retain(|(table, _), _| *table != self.table);
        Ok(usual)
    }

    /// The texts nearest to a question with their cosines, nearest first: found by their codes, compared by their vectors.
    pub(crate) async fn nearest(
        &self,
        snapshot: &Snapshot,
        passages: &Passages,
        question: &[f32],
        k: usize,
    ) -> Result<Vec<(Hash128, i64)>> {
        let coded = self.coded(snapshot, passages).await?;
        let near = coded.nearest(self, passages, question, (k.saturating_mul(2), 1), None);
        let mut wanted: Vec<(u64, Hash128)> = near
            .into_iter()
            .filter_map(|place| Some((self.address(passages.hash(place))?, passages.hash(place))))
            .collect();
        wanted.sort_unstable();
        wanted.dedup();
        let addresses: Vec<u64> = wanted.iter().map(|(address, _)| *address).collect();
        let mut hashes = wanted.into_iter().map(|(_, hash)| hash);
        let mut found = Vec::with_capacity(addresses.len());
        for batch in snapshot.take_at(&self.table, &addresses, &["vector"]).await? {
            each_vector(&self.table, &batch, |_, vector| {
                let product: f32 = question.iter().zip(vector).map(|(a, b)| a * b).sum();
                found.extend(hashes.next().map(|hash| (hash, (f64::from(product) * ONE as f64).round() as i64)));
            })?;
        }
        found.sort_by_key(|(hash, cosine)| (Reverse(*cosine), *hash));
        found.truncate(k);
        Ok(found)
    }

    /// The cosines of passages to a question, of those that have a vector. In a scope that is a small part of its table they
    /// are read; the codes of all others would be too much to begin with.
    pub(crate) async fn cosines(
        &self,
        snapshot: &Snapshot,
        passages: &Passages,
        question: &Direction,
        places: &[Place],
    ) -> Result<BTreeMap<Place, i64>> {
        if !passages.others || passages.count > LOOKED_UP_MAX {
            return Ok(self.coded(snapshot, passages).await?.cosines(self, passages, question, places));
        }
        let address = |place: &Place| Some((self.address(passages.hash(*place))?, *place));
        let mut wanted: Vec<(u64, Place)> = places.iter().filter_map(address).collect();
        wanted.sort_unstable();
        let mut addresses: Vec<u64> = wanted.iter().map(|(address, _)| *address).collect();
        addresses.dedup();
        let (mut found, mut steps) = (Vec::with_capacity(addresses.len()), Vec::new());
        for batch in snapshot.take_at(&self.table, &addresses, &["vector"]).await? {
            each_vector(&self.table, &batch, |_, vector| {
                steps.resize(vector.len(), 0);
                found.push(in_steps(vector, &mut steps).map(|step| question.cosine(&steps, step)));
            })?;
        }
        let of =
            |(address, place): (u64, Place)| Some((place, (*found.get(addresses.binary_search(&address).ok()?)?)?));
        Ok(wanted.into_iter().filter_map(of).collect())
    }

    /// Where a text's vector is.
    fn address(&self, hash: Hash128) -> Option<u64> {
        let is = |(at, row): (u32, u32)| {
            let (keys, fragment) = &self.keys[at as usize];
            let there = keys.0[row as usize] == hash && fragment.has(row);
            there.then(|| u64::from(fragment.number) << 32 | u64::from(row))
        };
        self.by_text.find(hash).find_map(is)
    }
}

impl Coded {
    /// The `k` passages nearest to a question, nearest first, among the marked ones; of one text, so many at most.
    pub(crate) fn nearest(
        &self,
        vectors: &Vectors,
        passages: &Passages,
        question: &[f32],
        (k, of_one_text): (usize, usize),
        may: Option<&[Bits]>,
    ) -> Vec<Place> {
        let may = may.unwrap_or(&passages.live);
        if k == 0 {
            return Vec::new();
        }
        let pieces: Vec<(&Codes, &Bits)> = self.codes.iter().map(|codes| &**codes).zip(may).collect();
        let place = |piece: usize, row: usize| Place { piece: piece as u32, row: row as u32 };
        let hash = |piece, row| passages.hash(place(piece, row));
        let id = |piece, row| passages.id(place(piece, row));
        // What is near alike and says the same stands together. A vector that came later than the snapshot does not count.
        let (mut nearest, mut last, mut same) = (Vec::new(), None, 0);
        for (piece, row) in codes::nearest(&pieces, &self.usual, question, k, hash, id) {
            let text = hash(piece, row);
            same = if last == Some(text) { same + 1 } else { 1 };
            last = Some(text);
            if same <= of_one_text && vectors.address(text).is_some() {
                nearest.push(place(piece, row));
            }
            if nearest.len() == k {
                break;
            }
        }
        nearest
    }

    /// The cosines of passages to a question, of those that have a vector.
    pub(crate) fn cosines(
        &self,
        vectors: &Vectors,
        passages: &Passages,
        question: &Direction,
        places: &[Place],
    ) -> BTreeMap<Place, i64> {
        let cosine = |place: &Place| {
            let (codes, row) = (&self.codes[place.piece as usize], place.row as usize);
            // A vector that came later than the snapshot does not count.
            let there = codes.known.has(row) && vectors.address(passages.hash(*place)).is_some();
            there.then(|| (*place, codes.cosine(row, question)))
        };
        places.iter().filter_map(cosine).collect()
    }
}

async fn keys(snapshot: &Snapshot, warm: &Warm, table: &str) -> Result<Vec<(Arc<Keys>, Fragment)>> {
    let mut all = Vec::new();
    for fragment in snapshot.fragments(table).await? {
        all.push((warm.keys.get_or(&fragment.name, Keys::read(snapshot, table, &fragment)).await?, fragment));
    }
    warm.keys.keep(warm.is_newest(snapshot), all.iter().map(|(keys, fragment)| (&*fragment.name, keys)));
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
    let found = batch.column_by_name("vector").and_then(|column| nexus_storage::vectors(column));
    let found = found.ok_or_else(|| QueryError::Corrupt(format!("table {table} has no vectors")))?;
    found.enumerate().for_each(|(at, vector)| visit(at, vector));
    Ok(())
}
