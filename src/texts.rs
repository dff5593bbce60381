//! Texts and vectors by hash, for the graph and the models: those of the epoch at hand from memory, older ones from the
//! store.
//!
//! The graph asks for them only where a hash is not enough: to cut a long text into passages, and to rank what answers a
//! watched question. Cost: a map look-up, or one read of the store for those of an earlier epoch; where a whole scope is
//! ranked anew, one pass over its passages and vectors, and about 400 bytes of memory each until the epoch is over.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError, RwLock};

use arrow::array::{AsArray, RecordBatch};
use futures::TryStreamExt;
use nexus_scoring::similar::{Direction, in_steps};
use nexus_storage::{At, Reader, Snapshot};
use nexus_types::passage::PASSAGE_BYTES_MAX;
use nexus_types::tables::{EventRecord, vectors_name};
use nexus_types::{Ask, EventId, Scope, Text, TextHash, Texts};
use tokio::runtime::Handle;

use crate::{Error, Result};

/// All vectors are read where at least one in so many is wanted.
const PART: u64 = 4;
/// How many hashes one read of the store asks for.
const HASHES_PER_READ: usize = 2_000;

/// A vector as it is compared: its whole steps, and how long one is.
type Steps = (Box<[i8]>, f32);

/// The texts of the epoch at hand, and the way to all others.
pub(crate) struct TextStore {
    recent: RwLock<BTreeMap<TextHash, Text>>,
    long: RwLock<BTreeMap<TextHash, BTreeSet<EventId>>>,
    /// The vectors of watched questions, by embedder and by what of the question is embedded.
    questions: RwLock<BTreeMap<(Text, String), Direction>>,
    /// The vectors of the epoch at hand by embedder and text, while any question is watched.
    vectors: RwLock<BTreeMap<Text, BTreeMap<TextHash, Steps>>>,
    /// The first read that failed for the graph, which cannot say so itself.
    failure: Mutex<Option<Error>>,
    snapshot: Mutex<Option<Snapshot>>,
    reader: Reader,
    runtime: Handle,
}

impl TextStore {
    pub(crate) fn new(reader: Reader, runtime: Handle) -> Self {
        let (recent, long, questions, vectors, failure, snapshot) = Default::default();
        TextStore { recent, long, questions, vectors, failure, snapshot, reader, runtime }
    }

    /// Fails if the graph could not read something since this was asked last: what it computed then is not to be written.
    pub(crate) fn sound(&self) -> Result<()> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)
    }

    fn note<T>(&self, read: Result<T>) -> Option<T> {
        read.map_err(|error| _ = self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error)).ok()
    }

    /// The vectors of the questions that are watched from now on.
    pub(crate) fn watch(&self, questions: BTreeMap<(Text, String), Vec<f32>>) {
        let directions = questions.into_iter().map(|(question, vector)| (question, Direction::of(&vector)));
        *self.questions.write().unwrap_or_else(PoisonError::into_inner) = directions.collect();
    }

    /// Takes in a vector of this epoch, if it may be compared with a question.
    pub(crate) fn embedded(&self, ask: &Ask, vector: &[f32]) {
        if !self.questions.read().unwrap_or_else(PoisonError::into_inner).is_empty() {
            self.keep(&ask.model, [(ask.text, vector)].into_iter());
        }
    }

    fn keep<'v>(&self, model: &Text, vectors: impl Iterator<Item = (TextHash, &'v [f32])>) {
        let mut kept = self.vectors.write().unwrap_or_else(PoisonError::into_inner);
        let of_model = kept.entry(model.clone()).or_default();
        for (text, vector) in vectors {
            let mut steps = vec![0; vector.len()].into_boxed_slice();
            // What is no vector is compared with nothing.
            if let Some(step) = in_steps(vector, &mut steps) {
                of_model.insert(text, (steps, step));
            }
        }
    }

    /// Takes in all texts of these scopes, for an epoch that ranks them all, and their vectors: where they are a small part of
    /// an embedder's, those are read when they are asked for.
    pub(crate) fn load(&self, snapshot: &Snapshot, scopes: &BTreeSet<Scope>, models: &BTreeSet<Text>) -> Result<()> {
        let scopes: Vec<String> = scopes.iter().map(|scope| nexus_storage::quoted(scope)).collect();
        let filter = format!("scope IN ({})", scopes.join(", "));
        self.runtime.block_on(async {
            let mut passages = snapshot.stream("passages", Some(&["text"]), Some(&filter)).await?;
            while let Some(batch) = passages.try_next().await? {
                let mut recent = self.recent.write().unwrap_or_else(PoisonError::into_inner);
                let texts = batch.column(0).as_string_opt::<i32>().into_iter().flat_map(|texts| texts.iter().flatten());
                recent.extend(texts.map(|text| (nexus_types::event::text_hash(text), Text::from(text))));
            }
            let texts = self.recent.read().unwrap_or_else(PoisonError::into_inner).len() as u64;
            for model in models.iter().filter(|model| texts * PART >= snapshot.rows(&vectors_name(model))) {
                let columns = ["text_hash", "vector"];
                let mut vectors = snapshot.stream(&vectors_name(model), Some(&columns), None).await?;
                while let Some(batch) = vectors.try_next().await? {
                    self.keep_batch(model, &batch);
                }
            }
            Ok(())
        })
    }

    fn keep_batch(&self, model: &Text, batch: &RecordBatch) {
        let (hashes, vectors) = (batch.column(0).as_string_opt::<i32>(), nexus_storage::vectors(batch.column(1)));
        let (Some(hashes), Some(vectors)) = (hashes, vectors) else { return };
        let hashes = hashes.iter().map(|hash| hash.and_then(|hash| hash.parse().ok()));
        self.keep(model, hashes.zip(vectors).filter_map(|(hash, vector)| Some((hash?, vector))));
    }

    /// Takes in the texts of an event of this epoch: the whole and its passages.
    pub(crate) fn add(&self, record: &EventRecord) {
        let Some(event) = &record.event else { return };
        let mut recent = self.recent.write().unwrap_or_else(PoisonError::into_inner);
        if event.text.len() <= PASSAGE_BYTES_MAX {
            recent.insert(nexus_types::event::text_hash(&event.text), event.text.clone());
            return;
        }
        self.add_long(nexus_types::event::text_hash(&event.text), record.id);
        recent.insert(nexus_types::event::text_hash(&event.text), event.text.clone());
        for span in nexus_operators::split::pieces(&event.text) {
            let piece = &event.text[span.start as usize..span.end as usize];
            recent.insert(nexus_types::event::text_hash(piece), piece.into());
        }
    }

    /// Remembers which event holds a long text.
    fn add_long(&self, text: TextHash, event: EventId) {
        self.long.write().unwrap_or_else(PoisonError::into_inner).entry(text).or_default().insert(event);
    }

    /// Forgets that an event holds a long text.
    pub(crate) fn drop_long(&self, text: TextHash, event: EventId) {
        let mut long = self.long.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(events) = long.get_mut(&text) {
            events.remove(&event);
            if events.is_empty() {
                long.remove(&text);
            }
        }
    }

    /// The epoch is committed: its texts can be read from the store.
    pub(crate) fn committed(&self) {
        self.recent.write().unwrap_or_else(PoisonError::into_inner).clear();
        self.vectors.write().unwrap_or_else(PoisonError::into_inner).clear();
        *self.snapshot.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The texts of passages by hash, those that any row names.
    pub(crate) fn passages(&self, hashes: &[TextHash]) -> Result<BTreeMap<TextHash, Text>> {
        let mut found = BTreeMap::new();
        let mut missing = Vec::new();
        {
            let recent = self.recent.read().unwrap_or_else(PoisonError::into_inner);
            for hash in hashes {
                match recent.get(hash) {
                    Some(text) => _ = found.insert(*hash, text.clone()),
                    None => missing.push(*hash),
                }
            }
        }
        for chunk in missing.chunks(HASHES_PER_READ) {
            let hashes: Vec<String> = chunk.iter().map(ToString::to_string).collect();
            self.read("passages", "text_hash", "text", &hashes, |text| {
                found.insert(nexus_types::event::text_hash(text), text.into());
            })?;
        }
        Ok(found)
    }

    fn read(&self, table: &str, key: &str, column: &str, keys: &[String], mut visit: impl FnMut(&str)) -> Result<()> {
        for batch in self.rows(table, key, &[column], keys)? {
            if let Some(texts) = batch.column(0).as_string_opt::<i32>() {
                texts.iter().flatten().for_each(&mut visit);
            }
        }
        Ok(())
    }

    fn rows(&self, table: &str, key: &str, columns: &[&str], keys: &[String]) -> Result<Vec<RecordBatch>> {
        let mut snapshot = self.snapshot.lock().unwrap_or_else(PoisonError::into_inner);
        let held = match snapshot.take() {
            Some(held) => held,
            None => self.runtime.block_on(self.reader.snapshot(At::Latest))?,
        };
        let batches = self.runtime.block_on(held.rows_with(table, key, keys, columns));
        *snapshot = Some(held);
        Ok(batches?)
    }

    /// Makes sure that the vectors of these texts are at hand, if the embedder has read them.
    fn fetch(&self, model: &Text, texts: &[TextHash]) -> Result<()> {
        let missing: Vec<String> = {
            let kept = self.vectors.read().unwrap_or_else(PoisonError::into_inner);
            let kept = kept.get(model);
            let is_kept = |text: &TextHash| kept.is_some_and(|kept| kept.contains_key(text));
            texts.iter().filter(|text| !is_kept(text)).map(ToString::to_string).collect()
        };
        for keys in missing.chunks(HASHES_PER_READ) {
            for batch in self.rows(&vectors_name(model), "text_hash", &["text_hash", "vector"], keys)? {
                self.keep_batch(model, &batch);
            }
        }
        Ok(())
    }
}

impl Texts for TextStore {
    fn text(&self, hash: TextHash) -> Option<Text> {
        if let Some(text) = self.recent.read().unwrap_or_else(PoisonError::into_inner).get(&hash) {
            return Some(text.clone());
        }
        let holders: Vec<String> = {
            let long = self.long.read().unwrap_or_else(PoisonError::into_inner);
            long.get(&hash)?.iter().map(ToString::to_string).collect()
        };
        let mut found = None;
        let read = self.read("events", "id", "text", &holders, |text| {
            if nexus_types::event::text_hash(text) == hash {
                found = Some(Text::from(text));
            }
        });
        self.note(read);
        found
    }

    fn texts(&self, hashes: &[TextHash]) -> Vec<Option<Text>> {
        let found = self.note(self.passages(hashes)).unwrap_or_default();
        hashes.iter().map(|hash| found.get(hash).cloned()).collect()
    }

    fn nearness(&self, embedder: &str, questions: &[&str], texts: &[TextHash]) -> Vec<Vec<Option<i64>>> {
        let model = Text::from(embedder);
        self.note(self.fetch(&model, texts));
        let directions = self.questions.read().unwrap_or_else(PoisonError::into_inner);
        let of = |question: &&str| directions.get(&(model.clone(), question.to_string()));
        let directions: Vec<Option<&Direction>> = questions.iter().map(of).collect();
        let vectors = self.vectors.read().unwrap_or_else(PoisonError::into_inner);
        let compared = |text: &TextHash| {
            let kept = vectors.get(&model).and_then(|vectors| vectors.get(text));
            let near =
                |asked: &Option<&Direction>| kept.zip(*asked).map(|((steps, step), asked)| asked.cosine(steps, *step));
            directions.iter().map(near).collect()
        };
        texts.iter().map(compared).collect()
    }
}
