//! `outbox`: changes that wait to leave through sinks, in the order in which they were committed. Ground: each row
//! stands in the commit that made the change, and goes when every sink has passed it.

use std::sync::Arc;

use arrow_array::types::Int16Type;
use arrow_array::{ArrayRef, Int16Array, RecordBatch, cast::AsArray};
use arrow_schema::DataType;
use serde::{Deserialize, Serialize};

use super::{
    Columns, DecodeError, Table, batch, number, optional, optional_strings, optional_text, strings, table, text,
};
use crate::{Scope, Text};

/// A place in the outbox: an epoch, and the how manieth change of it, from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OutboxAt {
    /// The epoch that made the change.
    pub epoch: u64,
    /// Which of its changes.
    pub ordinal: u64,
}

/// A row of a table that came or went.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Outgoing {
    /// Its place.
    pub at: OutboxAt,
    /// Whose memory.
    pub scope: Scope,
    /// The table.
    pub table: Text,
    /// The row's key there.
    pub key: Text,
    /// 1: it came; -1: it went.
    pub sign: i16,
    /// The row as a JSON object; `None` for one that went.
    pub row: Option<Text>,
}

/// `outbox`: a row for each change that waits.
pub struct OutboxTable;

impl OutboxTable {
    /// Its name, key and columns.
    pub fn table() -> Table {
        let fields = vec![
            text("id"),
            text("scope"),
            text("of"),
            text("key"),
            number("sign", DataType::Int16),
            optional_text("row"),
        ];
        table("outbox", "id", true, fields)
    }

    /// The key of a place: as texts, keys sort as places do.
    pub fn key(at: OutboxAt) -> String {
        format!("{:020}/{:010}", at.epoch, at.ordinal)
    }

    /// The inverse of [`OutboxTable::key`].
    pub fn place(key: &str) -> Option<OutboxAt> {
        let (epoch, ordinal) = key.split_once('/')?;
        Some(OutboxAt { epoch: epoch.parse().ok()?, ordinal: ordinal.parse().ok()? })
    }

    /// Rows to columns.
    pub fn encode(rows: &[Outgoing]) -> RecordBatch {
        let columns: Vec<ArrayRef> = vec![
            strings(rows.iter().map(|row| Self::key(row.at))),
            strings(rows.iter().map(|row| &*row.scope)),
            strings(rows.iter().map(|row| &*row.table)),
            strings(rows.iter().map(|row| &*row.key)),
            Arc::new(Int16Array::from_iter_values(rows.iter().map(|row| row.sign))),
            optional_strings(rows.iter().map(|row| row.row.as_deref())),
        ];
        batch(&Self::table(), columns)
    }

    /// Columns to rows.
    pub fn decode(batch: &RecordBatch) -> Result<Vec<Outgoing>, DecodeError> {
        let table = Self::table();
        let columns = Columns::of(&table, batch);
        let [id, scope, of, key, row] = ["id", "scope", "of", "key", "row"].map(|name| columns.text(name));
        let (id, scope, of, key, row) = (id?, scope?, of?, key?, row?);
        let sign = columns.column("sign", |column| column.as_primitive_opt::<Int16Type>())?;
        let decoded = |at: usize| {
            let place = Self::place(id.value(at));
            Ok(Outgoing {
                at: place.ok_or_else(|| columns.error("id", format!("holds {:?}", id.value(at))))?,
                scope: scope.value(at).into(),
                table: of.value(at).into(),
                key: key.value(at).into(),
                sign: sign.value(at),
                row: optional(row, at).map(Text::from),
            })
        };
        (0..batch.num_rows()).map(decoded).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn rows_come_back_and_keys_sort_as_places_do() {
        let row = |epoch, ordinal, row: Option<&str>| Outgoing {
            at: OutboxAt { epoch, ordinal },
            scope: "s".into(),
            table: "facts".into(),
            key: "k".into(),
            sign: if row.is_some() { 1 } else { -1 },
            row: row.map(Text::from),
        };
        let rows = vec![row(9, 10, Some("{}")), row(10, 2, None), row(10, 10, Some("{\"a\":1}"))];
        assert_eq!(OutboxTable::decode(&OutboxTable::encode(&rows)).unwrap(), rows);
        assert!(rows.windows(2).all(|pair| OutboxTable::key(pair[0].at) < OutboxTable::key(pair[1].at)));
        assert_eq!(OutboxTable::place("x/1"), None);
    }
}
