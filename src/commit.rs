//! Commit: the graph's net differences become changes of tables, and one checkpoint makes them an epoch.
//!
//! Each table gets the keys that go and the rows that come; a replaced row is both. Cost: what changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, FixedSizeListArray, Float32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field};
use nexus_dataflows::Outputs;
use nexus_storage::{TableChange, TableSpec};
use nexus_types::tables::{
    self, AffectsTable, AnswersTable, ClaimsTable, DecisionsTable, EntitiesTable, EventRecord, EventsTable,
    EvidenceTable, FactsTable, Letter, LettersTable, MentionsTable, PassagesTable, PatternsTable, PolicyTable,
    RankingsTable, Reject, RejectsTable, SalienceTable, Table, WatchedTable,
};
use nexus_types::{EventId, PolicyRow, Text, Version};

use crate::ask::Answered;
use crate::texts::TextStore;
use crate::{Error, Result};

/// The most rows in one appended batch: bounds the memory of encoding.
const ROWS_PER_BATCH: usize = 50_000;

/// What of an epoch's ground inputs is not in the graph's outputs.
#[derive(Debug, Default)]
pub(crate) struct Ground {
    /// The contents behind this epoch's event rows.
    pub(crate) events: BTreeMap<(EventId, Version), EventRecord>,
    /// Policy rows that came and went.
    pub(crate) policy: Vec<(PolicyRow, isize)>,
    /// What could not be read, by key; `None` for what is not kept any more.
    rejects: BTreeMap<String, Option<Reject>>,
    /// What of that is kept whole.
    letters: BTreeMap<String, Option<Letter>>,
}

impl Ground {
    /// Whether nothing is left that only a commit writes; events are in the graph's outputs.
    pub(crate) fn is_empty(&self) -> bool {
        self.policy.is_empty() && self.rejects.is_empty() && self.letters.is_empty()
    }

    /// Something could not be read. A row rejected again is the same reject: it replaces itself.
    pub(crate) fn reject(&mut self, rows: Vec<Reject>) {
        self.rejects.extend(rows.into_iter().map(|row| (RejectsTable::key(&row), Some(row))));
    }

    /// Letters that are kept, and those that go, each with its reject.
    pub(crate) fn letters(&mut self, came: Vec<Letter>, gone: Vec<Text>) {
        self.letters.extend(came.into_iter().map(|row| (row.id.to_string(), Some(row))));
        for id in gone {
            self.rejects.insert(id.to_string(), None);
            self.letters.insert(id.to_string(), None);
        }
    }
}

/// The changes of the derived tables that these outputs make.
pub(crate) fn derived(outputs: &Outputs, texts: &TextStore) -> Result<Vec<TableChange>> {
    let mut changes = Vec::new();
    changes.extend(passages(outputs, texts)?);
    changes.extend(change(&MentionsTable::table(), &outputs.mentions, MentionsTable::key, |rows| {
        MentionsTable::encode(&rows.into_iter().cloned().collect::<Vec<_>>())
    }));
    changes.extend(change(
        &EntitiesTable::table(),
        &outputs.entities,
        |row| row.id.to_string(),
        |rows| EntitiesTable::encode(&rows.into_iter().cloned().collect::<Vec<_>>()),
    ));
    changes.extend(change(
        &ClaimsTable::table(),
        &outputs.claims,
        |row| row.id.to_string(),
        |rows| ClaimsTable::encode(rows.iter().map(|row| &***row)),
    ));
    changes.extend(change(
        &DecisionsTable::table(),
        &outputs.decisions,
        |row| row.claim.to_string(),
        |rows| DecisionsTable::encode(&rows.into_iter().cloned().collect::<Vec<_>>()),
    ));
    changes.extend(change(&FactsTable::table(), &outputs.facts, FactsTable::key, |rows| {
        FactsTable::encode(&rows.into_iter().cloned().collect::<Vec<_>>())
    }));
    changes.extend(change(&SalienceTable::table(), &outputs.salience, SalienceTable::key, |rows| {
        SalienceTable::encode(&rows.into_iter().cloned().collect::<Vec<_>>())
    }));
    changes.extend(change(&RankingsTable::table(), &outputs.rankings, RankingsTable::key, |rows| {
        RankingsTable::encode(&rows.into_iter().cloned().collect::<Vec<_>>())
    }));
    changes.extend(change(&WatchedTable::table(), &outputs.watched, WatchedTable::key, |rows| {
        WatchedTable::encode(&rows.into_iter().cloned().collect::<Vec<_>>())
    }));
    changes.extend(change(&EvidenceTable::table(), &outputs.evidence, EvidenceTable::key, |rows| {
        EvidenceTable::encode(&rows.into_iter().cloned().collect::<Vec<_>>())
    }));
    changes.extend(change(
        &AffectsTable::table(),
        &outputs.affects,
        |row| row.event.to_string(),
        |rows| AffectsTable::encode(&rows.into_iter().cloned().collect::<Vec<_>>()),
    ));
    changes.extend(change(&PatternsTable::table(), &outputs.patterns, PatternsTable::key, |rows| {
        PatternsTable::encode(&rows.into_iter().cloned().collect::<Vec<_>>())
    }));
    Ok(changes)
}

/// The changes of the ground tables.
pub(crate) fn ground(outputs: &Outputs, ground: &Ground, answered: &Answered) -> Result<Vec<TableChange>> {
    let mut changes = Vec::new();
    let mut events = Vec::new();
    for (row, diff) in &outputs.events {
        let record = ground.events.get(&(row.id, row.version));
        if *diff > 0 && record.is_none() {
            return Err(Error::internal(format!("event {} won without having been admitted", row.id)));
        }
        events.push(((row.id, record), *diff));
    }
    changes.extend(change(
        &EventsTable::table(),
        &events,
        |(id, _)| id.to_string(),
        |rows| EventsTable::encode(&rows.into_iter().filter_map(|(_, record)| record.cloned()).collect::<Vec<_>>()),
    ));
    changes.extend(change(
        &PolicyTable::table(),
        &ground.policy,
        |row| row.key().to_string(),
        |rows| PolicyTable::encode(&rows.into_iter().cloned().collect::<Vec<_>>()),
    ));
    changes.extend(replaced(&RejectsTable::table(), &ground.rejects, RejectsTable::encode));
    changes.extend(replaced(&LettersTable::table(), &ground.letters, LettersTable::encode));
    let answers: Vec<_> = answered.rows.iter().map(|row| (row.clone(), 1)).collect();
    changes.extend(change(
        &AnswersTable::table(),
        &answers,
        |row| AnswersTable::key(&row.ask),
        |rows| AnswersTable::encode(&rows.into_iter().cloned().collect::<Vec<_>>()),
    ));
    changes.extend(vectors(answered)?);
    Ok(changes)
}

/// One table's change: the keys of rows that go, the rows that come.
fn change<R>(
    table: &Table,
    rows: &[(R, isize)],
    key: impl Fn(&R) -> String,
    encode: impl Fn(Vec<&R>) -> RecordBatch,
) -> Option<TableChange> {
    if rows.is_empty() {
        return None;
    }
    let delete = rows.iter().filter(|(_, diff)| *diff < 0).map(|(row, _)| key(row)).collect();
    let added: Vec<&R> = rows.iter().filter(|(_, diff)| *diff > 0).map(|(row, _)| row).collect();
    let append = added.chunks(ROWS_PER_BATCH).map(|rows| encode(rows.to_vec())).collect();
    Some(TableChange { table: TableSpec::from(table), delete, append })
}

/// One table's change where a row replaces the one of its key, and `None` removes it.
fn replaced<R: Clone>(
    table: &Table,
    rows: &BTreeMap<String, Option<R>>,
    encode: impl Fn(&[R]) -> RecordBatch,
) -> Option<TableChange> {
    if rows.is_empty() {
        return None;
    }
    let came: Vec<R> = rows.values().flatten().cloned().collect();
    let append = if came.is_empty() { Vec::new() } else { vec![encode(&came)] };
    Some(TableChange { table: TableSpec::from(table), delete: rows.keys().cloned().collect(), append })
}

fn passages(outputs: &Outputs, texts: &TextStore) -> Result<Option<TableChange>> {
    let hashes: BTreeSet<_> =
        outputs.passages.iter().filter(|(_, diff)| *diff > 0).map(|(row, _)| row.passage.text).collect();
    let found = texts.passages(&hashes.into_iter().collect::<Vec<_>>())?;
    if let Some((row, _)) =
        outputs.passages.iter().find(|(row, diff)| *diff > 0 && !found.contains_key(&row.passage.text))
    {
        return Err(Error::internal(format!("the text of passage {} is not stored", row.passage.id)));
    }
    Ok(change(
        &PassagesTable::table(),
        &outputs.passages,
        |row| row.passage.id.to_string(),
        |rows| {
            PassagesTable::encode(
                &rows.into_iter().map(|row| (row.clone(), found[&row.passage.text].clone())).collect::<Vec<_>>(),
            )
        },
    ))
}

fn vectors(answered: &Answered) -> Result<Vec<TableChange>> {
    let mut by_model: BTreeMap<&str, Vec<(String, &[f32])>> = BTreeMap::new();
    for (ask, vector) in &answered.vectors {
        by_model.entry(&ask.model).or_default().push((ask.text.to_string(), vector));
    }
    let mut changes = Vec::new();
    for (model, rows) in by_model {
        let dimension = rows.first().map_or(0, |(_, vector)| vector.len());
        let width = i32::try_from(dimension).map_err(Error::internal)?;
        let keys: ArrayRef = Arc::new(StringArray::from_iter_values(rows.iter().map(|(key, _)| key)));
        let values = Float32Array::from_iter_values(rows.iter().flat_map(|(_, vector)| vector.iter().copied()));
        let item = Arc::new(Field::new("item", DataType::Float32, false));
        let lists = FixedSizeListArray::try_new(item, width, Arc::new(values), None).map_err(Error::internal)?;
        let batch = RecordBatch::try_new(tables::vectors_schema(width), vec![keys, Arc::new(lists)])
            .map_err(Error::internal)?;
        changes.push(TableChange { table: TableSpec::vectors(model, width), delete: Vec::new(), append: vec![batch] });
    }
    Ok(changes)
}
