//! What the tests share: stores in temporary folders, short ways to say things, and all of memory as text to compare.

use std::collections::BTreeMap;
use std::path::Path;

use nexus::{Change, Event, FactFilter, FactView, Memory, Nexus, Settings};

/// Settings without an embedder, so that every machine does the same.
pub(crate) fn settings() -> Settings {
    Settings { embed: false, ..Settings::default() }
}

pub(crate) fn open(path: &Path) -> Nexus {
    Nexus::open_with(path, settings()).unwrap()
}

/// The `day`th day of 2024 at noon, UTC.
pub(crate) fn day(day: i64) -> i64 {
    1_704_110_400_000 + day * 86_400_000
}

/// A chat message with an id, said on a day of 2024.
pub(crate) fn said(id: &str, on: i64, author: &str, text: &str) -> Event {
    Event { external_id: id.into(), said_at: day(on), ..Event::message("chat", author, text) }
}

pub(crate) fn edited(id: &str, on: i64, author: &str, text: &str, revision: u64) -> Event {
    Event { revision: Some(revision), ..said(id, on, author, text) }
}

pub(crate) fn deleted(id: &str) -> Change {
    Change::Retract { scope: "default".into(), source: "chat".into(), external_id: id.into(), revision: None }
}

/// The objects that are held of somebody now.
pub(crate) fn current(memory: &Memory, name: &str, predicate: &str) -> Vec<String> {
    facts(memory, name)
        .into_iter()
        .filter(|f| f.predicate == predicate && f.status == "current")
        .map(|f| f.object)
        .collect()
}

pub(crate) fn facts(memory: &Memory, name: &str) -> Vec<FactView> {
    memory.facts(Some(name), &FactFilter::default()).unwrap()
}

/// Every row of every derived table and of the events, as sorted text: two memories are equal if this is.
pub(crate) fn everything(memory: &Memory) -> BTreeMap<String, Vec<String>> {
    let who = ["entities", "evidence", "mentions"];
    let what = ["events", "passages", "claims", "decisions", "fact_versions", "conflicts"];
    let weight = ["salience", "rankings", "affects", "patterns"];
    let tables = who.into_iter().chain(what).chain(weight);
    tables.map(|table| (table.to_owned(), rows(memory, &format!("SELECT * FROM {table}")))).collect()
}

/// The rows of a query as sorted text. The time at which Nexus saw an event differs between runs and is left out.
pub(crate) fn rows(memory: &Memory, statement: &str) -> Vec<String> {
    let mut rows: Vec<String> = json(memory, statement)
        .into_iter()
        .map(|mut row| {
            row.as_object_mut().unwrap().remove("seen_at");
            row.to_string()
        })
        .collect();
    rows.sort();
    rows
}

/// The rows of a query as JSON objects, every value as it is shown.
pub(crate) fn json(memory: &Memory, statement: &str) -> Vec<serde_json::Value> {
    let options = arrow::util::display::FormatOptions::default();
    let mut rows = Vec::new();
    for batch in memory.sql(statement).unwrap() {
        let shown = |column: &arrow::array::ArrayRef, row| {
            arrow::util::display::ArrayFormatter::try_new(column.as_ref(), &options).unwrap().value(row).to_string()
        };
        let names: Vec<String> = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
        rows.extend((0..batch.num_rows()).map(|row| {
            let values = batch.columns().iter().map(|column| serde_json::Value::from(shown(column, row)));
            serde_json::Value::Object(names.iter().cloned().zip(values).collect())
        }));
    }
    rows
}
