//! `letters`: the whole of what a live feed could not read, so that it can be read again when that is mended. Each is
//! one of `rejects`, under the same key. Ground.

use arrow_array::{ArrayRef, RecordBatch};
use serde::{Deserialize, Serialize};

use super::{Columns, DecodeError, Table, batch, strings, table, text};
use crate::{Scope, Text};

/// Something that could not be read, whole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Letter {
    /// The key of its reject.
    pub id: Text,
    /// Into whose memory it was to go.
    pub scope: Scope,
    /// How it would be read again, as JSON; empty where nothing reads it by itself.
    pub reading: Text,
    /// What stood there: as it is, or in hexadecimal digits where it is no text.
    pub raw: Text,
    /// Whether `raw` is hexadecimal.
    pub hex: bool,
}

impl Letter {
    /// The bytes that stood there.
    pub fn bytes(&self) -> Vec<u8> {
        if !self.hex {
            return self.raw.as_bytes().to_vec();
        }
        let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or(0) as u8;
        self.raw.as_bytes().chunks_exact(2).map(|pair| (digit(pair[0]) << 4) | digit(pair[1])).collect()
    }

    /// Bytes as `raw` and `hex` hold them.
    pub fn held(bytes: Vec<u8>) -> (Text, bool) {
        match String::from_utf8(bytes) {
            Ok(text) => (text.into(), false),
            Err(error) => {
                let digits = error.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
                (digits.into(), true)
            }
        }
    }
}

/// `letters`: a row for each.
pub struct LettersTable;

impl LettersTable {
    /// Its name, key and columns.
    pub fn table() -> Table {
        let fields = vec![text("id"), text("scope"), text("reading"), text("encoding"), text("raw")];
        table("letters", "id", true, fields)
    }

    /// Rows to columns.
    pub fn encode(rows: &[Letter]) -> RecordBatch {
        let columns: Vec<ArrayRef> = vec![
            strings(rows.iter().map(|row| &*row.id)),
            strings(rows.iter().map(|row| &*row.scope)),
            strings(rows.iter().map(|row| &*row.reading)),
            strings(rows.iter().map(|row| if row.hex { "hex" } else { "text" })),
            strings(rows.iter().map(|row| &*row.raw)),
        ];
        batch(&Self::table(), columns)
    }

    /// Columns to rows.
    pub fn decode(batch: &RecordBatch) -> Result<Vec<Letter>, DecodeError> {
        let table = Self::table();
        let columns = Columns::of(&table, batch);
        let [id, scope, reading, encoding, raw] =
            ["id", "scope", "reading", "encoding", "raw"].map(|name| columns.text(name));
        let (id, scope, reading, encoding, raw) = (id?, scope?, reading?, encoding?, raw?);
        let letter = |at: usize| Letter {
            id: id.value(at).into(),
            scope: scope.value(at).into(),
            reading: reading.value(at).into(),
            raw: raw.value(at).into(),
            hex: encoding.value(at) == "hex",
        };
        Ok((0..batch.num_rows()).map(letter).collect())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn any_bytes_come_back() {
        for bytes in [b"{\"id\": 1".to_vec(), vec![0, 159, 146, 255], Vec::new()] {
            let (raw, hex) = Letter::held(bytes.clone());
            let letter = Letter { id: "i".into(), scope: "s".into(), reading: "".into(), raw, hex };
            let rows = LettersTable::decode(&LettersTable::encode(std::slice::from_ref(&letter))).unwrap();
            assert_eq!(rows, [letter]);
            assert_eq!(rows[0].bytes(), bytes);
        }
    }
}
