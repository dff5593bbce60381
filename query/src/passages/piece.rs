//! A piece: what recall needs of the passages of one fragment, but their vectors. About 100 bytes a passage and its text.

use std::collections::BTreeMap;

use arrow::array::StringArray;
use arrow::record_batch::RecordBatch;
use nexus_storage::{Fragment, Snapshot};
use nexus_types::{Hash128, Millis, PassageId};

use crate::error::{QueryError, Result};
use crate::rows::Rows;

const COLUMNS: [&str; 12] = [
    "scope",
    "event",
    "ordinal",
    "previous",
    "text_hash",
    "said_at",
    "author",
    "platform",
    "channel",
    "thread",
    "kind",
    "text",
];
/// The columns of names, as [`Piece::names`] has them.
const NAMES: [&str; 6] = ["scope", "author", "platform", "channel", "thread", "kind"];
/// Stands between texts, so that nothing is found across two of them.
const BETWEEN: char = '\n';
/// What stands for no name.
const NONE: u32 = u32::MAX;

/// A column of names, each kept once.
#[derive(Debug, Default)]
pub(crate) struct Names {
    of: Vec<u32>,
    all: Vec<Box<str>>,
}

impl Names {
    /// The name in that row; empty where it is null.
    pub(crate) fn get(&self, row: usize) -> &str {
        self.all.get(self.of[row] as usize).map_or("", |name| name)
    }

    /// How many different names there are.
    pub(crate) fn different(&self) -> usize {
        self.all.len()
    }

    /// Which of the different names is in that row.
    pub(crate) fn number(&self, row: usize) -> usize {
        self.of[row] as usize
    }

    /// Which rows' names pass.
    pub(crate) fn passing(&self, test: impl Fn(&str) -> bool) -> impl Fn(usize) -> bool {
        let passes: Vec<bool> = self.all.iter().map(|name| test(name)).collect();
        move |row| passes.get(self.of[row] as usize).copied().unwrap_or(false)
    }

    fn add(&mut self, column: &StringArray, known: &mut BTreeMap<Box<str>, u32>) {
        for name in column {
            let Some(name) = name else {
                self.of.push(NONE);
                continue;
            };
            // What is said next to each other is mostly said in one place.
            let last =
                self.of.last().copied().filter(|last| self.all.get(*last as usize).is_some_and(|it| **it == *name));
            let number = last.or_else(|| known.get(name).copied()).unwrap_or_else(|| {
                self.all.push(name.into());
                known.insert(name.into(), self.all.len() as u32 - 1);
                self.all.len() as u32 - 1
            });
            self.of.push(number);
        }
    }
}

/// One fragment's passages, deleted ones too.
#[derive(Debug, Default)]
pub(crate) struct Piece {
    /// The address of its first row.
    base: u64,
    pub(crate) events: Vec<Hash128>,
    pub(crate) ordinals: Vec<u32>,
    /// The event before, if there is one.
    pub(crate) previous: Vec<Option<Hash128>>,
    pub(crate) hashes: Vec<Hash128>,
    pub(crate) said_at: Vec<Millis>,
    names: [Names; NAMES.len()],
    texts: Texts,
}

/// Texts one after another, each with [`BETWEEN`] behind it, and where each ends.
#[derive(Debug, Default)]
struct Texts {
    all: String,
    ends: Vec<usize>,
}

impl Piece {
    /// Reads a fragment of passages.
    pub(crate) async fn read(snapshot: &Snapshot, fragment: &Fragment) -> Result<Piece> {
        let mut piece = Piece { base: u64::from(fragment.number) << 32, ..Piece::default() };
        let mut known: [BTreeMap<Box<str>, u32>; NAMES.len()] = Default::default();
        for batch in snapshot.read_fragment("passages", fragment.number, &COLUMNS).await? {
            piece.add(&batch, &mut known)?;
        }
        if piece.events.len() != fragment.rows {
            let message =
                format!("fragment {} has {} of {} passages", fragment.name, piece.events.len(), fragment.rows);
            return Err(QueryError::Corrupt(message));
        }
        Ok(piece)
    }

    fn add(&mut self, batch: &RecordBatch, known: &mut [BTreeMap<Box<str>, u32>; NAMES.len()]) -> Result<()> {
        let rows = Rows(batch);
        let id = |text: Option<&str>| text.unwrap_or_default().parse::<Hash128>();
        let damaged = |_| QueryError::Corrupt("a passage has something else for an id".into());
        for (column, ids) in [("event", &mut self.events), ("text_hash", &mut self.hashes)] {
            for text in &rows.text(column)? {
                ids.push(id(text).map_err(damaged)?);
            }
        }
        for text in &rows.text("previous")? {
            self.previous.push(text.map(str::parse).transpose().map_err(damaged)?);
        }
        for text in &rows.text("text")? {
            self.texts.all.push_str(text.unwrap_or_default());
            self.texts.ends.push(self.texts.all.len());
            self.texts.all.push(BETWEEN);
        }
        self.ordinals.extend_from_slice(rows.u32("ordinal")?.values());
        self.said_at.extend_from_slice(rows.time("said_at")?.values());
        for ((column, names), known) in NAMES.iter().zip(&mut self.names).zip(known) {
            names.add(&rows.text(column)?, known);
        }
        Ok(())
    }

    /// What was said in that row, while texts are kept.
    pub(crate) fn text(&self, row: usize) -> Option<&str> {
        let after = |end: &usize| end + BETWEEN.len_utf8();
        let from = row.checked_sub(1).map_or(Some(0), |before| self.texts.ends.get(before).map(after))?;
        self.texts.all.get(from..*self.texts.ends.get(row)?)
    }

    /// The rows whose text has this string, while texts are kept; each once.
    pub(crate) fn rows_with(&self, string: &str) -> impl Iterator<Item = u32> {
        let mut last = None;
        let found = memchr::memmem::find_iter(self.texts.all.as_bytes(), string.as_bytes());
        let row = move |at: usize| {
            let row = self.texts.ends.partition_point(|end| *end <= at);
            (last.replace(row) != Some(row)).then_some(row as u32)
        };
        found.filter_map(row)
    }

    /// How many bytes of text it keeps.
    pub(crate) fn text_bytes(&self) -> usize {
        self.texts.all.len()
    }

    /// Keeps no texts.
    pub(crate) fn without_texts(self) -> Piece {
        Piece { texts: Texts::default(), ..self }
    }

    /// A column of names.
    pub(crate) fn names(&self, column: &str) -> &Names {
        &self.names[NAMES.iter().position(|name| *name == column).unwrap_or(0)]
    }

    pub(crate) fn rows(&self) -> usize {
        self.events.len()
    }

    pub(crate) fn address(&self, row: u32) -> u64 {
        self.base | u64::from(row)
    }

    /// The row at an address, if it is of this fragment.
    pub(crate) fn row(&self, address: u64) -> Option<u32> {
        (address >> 32 == self.base >> 32).then_some(address as u32)
    }

    /// The passage in that row.
    pub(crate) fn id(&self, row: u32) -> Hash128 {
        let row = row as usize;
        PassageId::of(&[&self.events[row].to_bytes(), &self.ordinals[row].to_le_bytes()]).0
    }

    /// Every row with its event.
    pub(crate) fn by_event(&self) -> Vec<(Hash128, u32)> {
        self.events.iter().copied().zip(0..).collect()
    }

    /// The rows that begin an event after another, with that other.
    pub(crate) fn by_previous(&self) -> Vec<(Hash128, u32)> {
        let begins = self.previous.iter().zip(&self.ordinals).zip(0..);
        begins
            .filter(|((_, ordinal), _)| **ordinal == 0)
            .filter_map(|((event, _), row)| Some(((*event)?, row)))
            .collect()
    }
}
