//! Texts and vectors by hash, for the graph and the models: those of the epoch at hand from memory, older ones from the
//! store.
//!
//! The graph asks for them only where a hash is not enough: to cut a long text into passages, and to rank what answers a
//! watched question. Cost: a map look-up, or one read of the store for those of an earlier epoch.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError, RwLock};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Float32Type;
use nexus_scoring::cosine;
use nexus_storage::{At, Reader, Snapshot};
use nexus_types::passage::PASSAGE_BYTES_MAX;
use nexus_types::tables::{EventRecord, vectors_name};
use nexus_types::{Ask, EventId, Text, TextHash, Texts};
use tokio::runtime::Handle;

use crate::Result;

/// How many hashes one read of the store asks for.
const HASHES_PER_READ: usize = 2_000;

/// The texts of the epoch at hand, and the way to all others.
pub(crate) struct TextStore {
    recent: RwLock<BTreeMap<TextHash, Text>>,
    long: RwLock<BTreeMap<TextHash, BTreeSet<EventId>>>,
    /// The vectors of watched questions, by embedder and by what of the question is embedded.
    questions: RwLock<BTreeMap<(Text, String), Vec<f32>>>,
    /// The vectors of the epoch at hand, while any question is watched.
    vectors: RwLock<BTreeMap<Ask, Vec<f32>>>,
    snapshot: Mutex<Option<Snapshot>>,
    reader: Reader,
    runtime: Handle,
}

impl TextStore {
    pub(crate) fn new(reader: Reader, runtime: Handle) -> Self {
        let (recent, long, questions, vectors, snapshot) = Default::default();
        TextStore { recent, long, questions, vectors, snapshot, reader, runtime }
    }

    /// The vectors of the questions that are watched from now on.
    pub(crate) fn watch(&self, questions: BTreeMap<(Text, String), Vec<f32>>) {
        *self.questions.write().unwrap_or_else(PoisonError::into_inner) = questions;
    }

    /// Takes in a vector of this epoch, if it may be compared with a question.
    pub(crate) fn embedded(&self, ask: &Ask, vector: &[f32]) {
        if !self.questions.read().unwrap_or_else(PoisonError::into_inner).is_empty() {
            self.vectors.write().unwrap_or_else(PoisonError::into_inner).insert(ask.clone(), vector.to_vec());
        }
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
            self.read(
                "passages",
                "text_hash",
                "text",
                &chunk.iter().map(ToString::to_string).collect::<Vec<_>>(),
                |text| {
                    found.insert(nexus_types::event::text_hash(text), text.into());
                },
            )?;
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
        let list = keys.iter().map(|key| nexus_storage::quoted(key)).collect::<Vec<_>>().join(", ");
        let filter = format!("{key} IN ({list})");
        let mut snapshot = self.snapshot.lock().unwrap_or_else(PoisonError::into_inner);
        let held = match snapshot.take() {
            Some(held) => held,
            None => self.runtime.block_on(self.reader.snapshot(At::Latest))?,
        };
        let batches = self.runtime.block_on(held.scan(table, Some(columns), Some(&filter)));
        *snapshot = Some(held);
        Ok(batches?)
    }

    /// The cosines of stored vectors to a question's.
    fn compared(&self, embedder: &str, question: &[f32], texts: &[TextHash]) -> Result<BTreeMap<TextHash, i64>> {
        let mut cosines = BTreeMap::new();
        for chunk in texts.chunks(HASHES_PER_READ) {
            let keys: Vec<String> = chunk.iter().map(ToString::to_string).collect();
            for batch in self.rows(&vectors_name(embedder), "text_hash", &["text_hash", "vector"], &keys)? {
                let (hashes, vectors) =
                    (batch.column(0).as_string_opt::<i32>(), batch.column(1).as_fixed_size_list_opt());
                let (Some(hashes), Some(vectors)) = (hashes, vectors) else { continue };
                for (at, hash) in hashes.iter().enumerate() {
                    let vector = vectors.value(at);
                    if let (Some(Ok(hash)), Some(vector)) =
                        (hash.map(str::parse), vector.as_primitive_opt::<Float32Type>())
                    {
                        cosines.insert(hash, cosine(question, vector.values()));
                    }
                }
            }
        }
        Ok(cosines)
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
        if let Err(error) = read {
            tracing::error!(%error, %hash, "a text cannot be read from the store");
        }
        found
    }

    fn texts(&self, hashes: &[TextHash]) -> Vec<Option<Text>> {
        match self.passages(hashes) {
            Ok(found) => hashes.iter().map(|hash| found.get(hash).cloned()).collect(),
            Err(error) => {
                tracing::error!(%error, "texts cannot be read from the store");
                vec![None; hashes.len()]
            }
        }
    }

    fn nearness(&self, embedder: &str, question: &str, texts: &[TextHash]) -> Vec<Option<i64>> {
        let questions = self.questions.read().unwrap_or_else(PoisonError::into_inner);
        let Some(question) = questions.get(&(embedder.into(), question.into())) else { return vec![None; texts.len()] };
        let mut cosines: BTreeMap<TextHash, i64> = BTreeMap::new();
        {
            let recent = self.vectors.read().unwrap_or_else(PoisonError::into_inner);
            let of = |text: &TextHash| recent.get(&Ask { model: embedder.into(), text: *text });
            cosines.extend(texts.iter().filter_map(|text| Some((*text, cosine(question, of(text)?)))));
        }
        let older: Vec<TextHash> = texts.iter().filter(|text| !cosines.contains_key(text)).copied().collect();
        match self.compared(embedder, question, &older) {
            Ok(found) => cosines.extend(found),
            Err(error) => tracing::error!(%error, "vectors cannot be read from the store"),
        }
        texts.iter().map(|text| cosines.get(text).copied()).collect()
    }
}
