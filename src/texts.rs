//! Texts by hash, for the graph and the models: those of the epoch at hand from memory, older ones from the store.
//!
//! The graph asks for a text only where a hash is not enough: to cut a long text into passages. Cost: a map look-up, or
//! one read of the store for a text of an earlier epoch.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError, RwLock};

use arrow::array::AsArray;
use nexus_storage::{At, Reader, Snapshot};
use nexus_types::passage::PASSAGE_BYTES_MAX;
use nexus_types::tables::EventRecord;
use nexus_types::{EventId, Text, TextHash, Texts};
use tokio::runtime::Handle;

use crate::Result;

/// How many hashes one read of the store asks for.
const HASHES_PER_READ: usize = 2_000;

/// The texts of the epoch at hand, and the way to all others.
pub(crate) struct TextStore {
    recent: RwLock<BTreeMap<TextHash, Text>>,
    long: RwLock<BTreeMap<TextHash, BTreeSet<EventId>>>,
    snapshot: Mutex<Option<Snapshot>>,
    reader: Reader,
    runtime: Handle,
}

impl TextStore {
    pub(crate) fn new(reader: Reader, runtime: Handle) -> Self {
        let (recent, long, snapshot) = Default::default();
        TextStore {
            recent: RwLock::new(recent),
            long: RwLock::new(long),
            snapshot: Mutex::new(snapshot),
            reader,
            runtime,
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
        let list = keys.iter().map(|key| nexus_storage::quoted(key)).collect::<Vec<_>>().join(", ");
        let filter = format!("{key} IN ({list})");
        let mut snapshot = self.snapshot.lock().unwrap_or_else(PoisonError::into_inner);
        let held = match snapshot.take() {
            Some(held) => held,
            None => self.runtime.block_on(self.reader.snapshot(At::Latest))?,
        };
        let batches = self.runtime.block_on(held.scan(table, Some(&[column]), Some(&filter)));
        *snapshot = Some(held);
        for batch in batches? {
            if let Some(texts) = batch.column(0).as_string_opt::<i32>() {
                texts.iter().flatten().for_each(&mut visit);
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
        if let Err(error) = read {
            tracing::error!(%error, %hash, "a text cannot be read from the store");
        }
        found
    }
}
