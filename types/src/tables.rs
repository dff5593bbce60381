//! The tables: every column of every stored row, once.
//!
//! A table has a name, a key column (unique, text) and a schema. `encode` turns rows into one `RecordBatch` of that
//! schema, `decode` is its inverse where rows are read back into the graph. Ids are stored as 32 hexadecimal digits, so
//! that what SQL prints can be typed back; times as UTC timestamps in milliseconds; enums by name.

mod derived;
mod feeds;
mod ground;
mod letters;
mod outbox;

use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{TimestampMillisecondType, UInt64Type};
use arrow_array::{Array, ArrayRef, ListArray, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};

pub use derived::{
    AffectsTable, ClaimsTable, DecisionsTable, EntitiesTable, EvidenceTable, FactsTable, MentionsTable, PassageRow,
    PassagesTable, PatternsTable, RankingsTable, SalienceTable, WatchedTable,
};
pub use feeds::{Note, NotesTable};
pub use ground::{AnswersTable, EventRecord, EventsTable, PolicyTable, Reject, RejectsTable};
pub use letters::{Letter, LettersTable};
pub use outbox::{OutboxAt, OutboxTable, Outgoing};

use crate::{Millis, Text};

/// A table's name, key and columns.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name, in the store and in SQL.
    pub name: &'static str,
    /// Its key column: unique, text.
    pub key: &'static str,
    /// Its columns.
    pub schema: SchemaRef,
    /// Whether a scope's rows are told apart by a `scope` column.
    pub scoped: bool,
}

/// Every table with a fixed schema, ground tables first. Vectors have one table per embedder, see [`vectors_schema`].
pub fn all() -> Vec<Table> {
    vec![
        EventsTable::table(),
        AnswersTable::table(),
        PolicyTable::table(),
        RejectsTable::table(),
        NotesTable::table(),
        LettersTable::table(),
        OutboxTable::table(),
        PassagesTable::table(),
        MentionsTable::table(),
        EntitiesTable::table(),
        ClaimsTable::table(),
        DecisionsTable::table(),
        FactsTable::table(),
        SalienceTable::table(),
        RankingsTable::table(),
        WatchedTable::table(),
        EvidenceTable::table(),
        AffectsTable::table(),
        PatternsTable::table(),
    ]
}

/// The name of an embedder's vectors table: `minilm@1` has `vectors_minilm_1`.
pub fn vectors_name(model: &str) -> String {
    let tail: String = model.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    format!("vectors_{tail}")
}

/// The columns of an embedder's vectors table: the text's hash and its vector, L2-normalised.
pub fn vectors_schema(dimension: i32) -> SchemaRef {
    let item = Arc::new(Field::new("item", DataType::Float32, false));
    Arc::new(Schema::new(vec![
        text("text_hash"),
        Field::new("vector", DataType::FixedSizeList(item, dimension), false),
    ]))
}

/// What is wrong with a batch that does not decode.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("table {table}, column {column}: {problem}")]
pub struct DecodeError {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: String,
    /// What is wrong with it.
    pub problem: String,
}

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, false)
}

fn optional_text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, true)
}

fn texts(name: &str) -> Field {
    Field::new(name, DataType::List(Arc::new(Field::new("item", DataType::Utf8, true))), false)
}

fn time(name: &str, nullable: bool) -> Field {
    Field::new(name, DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())), nullable)
}

fn number(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, false)
}

fn table(name: &'static str, key: &'static str, scoped: bool, fields: Vec<Field>) -> Table {
    Table { name, key, schema: Arc::new(Schema::new(fields)), scoped }
}

fn strings<T: AsRef<str>>(values: impl Iterator<Item = T>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

fn shown<T: std::fmt::Display>(values: impl Iterator<Item = T>) -> ArrayRef {
    strings(values.map(|value| value.to_string()))
}

fn optional_strings<T: AsRef<str>>(values: impl Iterator<Item = Option<T>>) -> ArrayRef {
    Arc::new(values.collect::<StringArray>())
}

fn optional_shown<T: std::fmt::Display>(values: impl Iterator<Item = Option<T>>) -> ArrayRef {
    optional_strings(values.map(|value| value.map(|value| value.to_string())))
}

fn times(values: impl Iterator<Item = Option<Millis>>) -> ArrayRef {
    Arc::new(values.collect::<TimestampMillisecondArray>().with_timezone("UTC"))
}

fn lists<'a>(values: impl Iterator<Item = &'a [Text]>) -> ArrayRef {
    let mut builder = ListBuilder::new(StringBuilder::new());
    for value in values {
        for item in value {
            builder.values().append_value(item);
        }
        builder.append(true);
    }
    Arc::new(builder.finish())
}

fn batch(table: &Table, columns: Vec<ArrayRef>) -> RecordBatch {
    // Columns are built in the schema's order from equally many values each: a failure is a bug in this module.
    match RecordBatch::try_new(table.schema.clone(), columns) {
        Ok(batch) => batch,
        Err(error) => panic!("columns of {} do not fit its schema: {error}", table.name),
    }
}

/// Reads the columns of one batch by name, whatever their order.
struct Columns<'a> {
    table: &'static str,
    batch: &'a RecordBatch,
}

impl<'a> Columns<'a> {
    fn of(table: &Table, batch: &'a RecordBatch) -> Self {
        Columns { table: table.name, batch }
    }

    fn error(&self, column: &str, problem: impl Into<String>) -> DecodeError {
        DecodeError { table: self.table, column: column.into(), problem: problem.into() }
    }

    fn column<T: ?Sized>(
        &self,
        name: &str,
        cast: impl Fn(&'a dyn Array) -> Option<&'a T>,
    ) -> Result<&'a T, DecodeError> {
        let column = self.batch.column_by_name(name).ok_or_else(|| self.error(name, "is missing"))?;
        cast(column.as_ref()).ok_or_else(|| self.error(name, format!("has type {}", column.data_type())))
    }

    fn text(&self, name: &str) -> Result<&'a StringArray, DecodeError> {
        self.column(name, |column| column.as_string_opt::<i32>())
    }

    fn time(&self, name: &str) -> Result<&'a TimestampMillisecondArray, DecodeError> {
        self.column(name, |column| column.as_primitive_opt::<TimestampMillisecondType>())
    }

    fn u64(&self, name: &str) -> Result<&'a arrow_array::UInt64Array, DecodeError> {
        self.column(name, |column| column.as_primitive_opt::<UInt64Type>())
    }

    fn list(&self, name: &str) -> Result<&'a ListArray, DecodeError> {
        self.column(name, |column| column.as_list_opt::<i32>())
    }

    fn parsed<T: std::str::FromStr>(&self, name: &str, value: &str) -> Result<T, DecodeError> {
        value.parse().map_err(|_| self.error(name, format!("holds {value:?}")))
    }
}

fn optional(array: &StringArray, at: usize) -> Option<&str> {
    (!array.is_null(at)).then(|| array.value(at))
}

fn list_at(array: &ListArray, at: usize) -> Vec<Text> {
    let items = array.value(at);
    items.as_string_opt::<i32>().map(|items| items.iter().flatten().map(Text::from).collect()).unwrap_or_default()
}
