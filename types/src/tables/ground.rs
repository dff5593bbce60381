//! The ground tables: events, answers, policy, and the rejects that ingest could not read.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, UInt64Array};
use arrow_schema::DataType;
use serde::{Deserialize, Serialize};

use super::{
    Columns, DecodeError, Table, batch, list_at, lists, number, optional, optional_shown, optional_strings,
    optional_text, shown, strings, table, text, texts, time, times,
};
use crate::{Answer, AnswerRow, Ask, Event, EventRow, Extraction, Kind, Millis, PolicyRow, Scope, Text, Version};

/// What the `events` table holds of one event: its version, and its content unless it is a tombstone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRecord {
    /// The event.
    pub id: crate::EventId,
    /// Whose memory.
    pub scope: Scope,
    /// Which version.
    pub version: Version,
    /// What was said; `None` for a tombstone.
    pub event: Option<Event>,
}

impl EventRecord {
    /// The row that the graph carries.
    pub fn row(&self) -> EventRow {
        match &self.event {
            Some(event) => EventRow { version: self.version, ..event.row(self.version.revision) },
            None => EventRow::tombstone(self.scope.clone(), self.id, self.version),
        }
    }
}

/// `events`: what happened, the winning version of each, tombstones included.
pub struct EventsTable;

impl EventsTable {
    /// Its name, key and columns.
    pub fn table() -> Table {
        let fields = vec![
            text("id"),
            text("scope"),
            number("revision", DataType::UInt64),
            text("state"),
            text("content"),
            text("source"),
            text("external_id"),
            text("platform"),
            text("channel"),
            optional_text("thread"),
            text("author"),
            texts("addressees"),
            text("kind"),
            time("said_at", false),
            time("seen_at", false),
            text("text"),
            optional_text("reply_to"),
            optional_text("reply_to_external"),
            text("attachments"),
            text("meta"),
        ];
        table("events", "id", true, fields)
    }

    /// Rows to columns. A tombstone's content columns are empty.
    pub fn encode(rows: &[EventRecord]) -> RecordBatch {
        let of = |get: fn(&Event) -> &str| strings(rows.iter().map(move |row| row.event.as_ref().map_or("", get)));
        let optional_of = |get: fn(&Event) -> Option<&Text>| {
            optional_strings(rows.iter().map(move |row| row.event.as_ref().and_then(get).map(|text| &**text)))
        };
        let json = |get: fn(&Event) -> String| {
            strings(rows.iter().map(move |row| row.event.as_ref().map_or_else(String::new, get)))
        };
        let reply = |row: &EventRecord| {
            let event = row.event.as_ref()?;
            event.reply_to.as_ref().map(|reply| crate::event::event_id(&event.scope, &event.source, reply))
        };
        let columns: Vec<ArrayRef> = vec![
            shown(rows.iter().map(|row| row.id)),
            strings(rows.iter().map(|row| &*row.scope)),
            Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| row.version.revision))),
            strings(rows.iter().map(|row| row.version.state().name())),
            shown(rows.iter().map(|row| row.version.content)),
            of(|event| &event.source),
            of(|event| &event.external_id),
            of(|event| &event.platform),
            of(|event| &event.channel),
            optional_of(|event| event.thread.as_ref()),
            of(|event| &event.author),
            lists(rows.iter().map(|row| row.event.as_ref().map_or(&[][..], |event| &event.addressees))),
            strings(rows.iter().map(|row| row.event.as_ref().map_or("", |event| event.kind.name()))),
            times(rows.iter().map(|row| Some(row.event.as_ref().map_or(0, |event| event.said_at)))),
            times(rows.iter().map(|row| Some(row.event.as_ref().map_or(0, |event| event.seen_at)))),
            of(|event| &event.text),
            optional_shown(rows.iter().map(reply)),
            optional_of(|event| event.reply_to.as_ref()),
            json(|event| if event.attachments.is_empty() { String::new() } else { json_of(&event.attachments) }),
            json(|event| if event.meta.is_empty() { String::new() } else { json_of(&event.meta) }),
        ];
        batch(&Self::table(), columns)
    }

    /// Columns to rows.
    pub fn decode(batch: &RecordBatch) -> Result<Vec<EventRecord>, DecodeError> {
        let table = Self::table();
        let columns = Columns::of(&table, batch);
        let [id, scope, state, content] = ["id", "scope", "state", "content"].map(|name| columns.text(name));
        let (id, scope, state, content) = (id?, scope?, state?, content?);
        let revision = columns.u64("revision")?;
        (0..batch.num_rows())
            .map(|at| {
                let version = Version {
                    forgotten: state.value(at) == "forgotten",
                    revision: revision.value(at),
                    retracted: state.value(at) == "retracted",
                    content: columns.parsed("content", content.value(at))?,
                };
                let scope: Scope = scope.value(at).into();
                let event = match state.value(at) {
                    "live" => Some(Self::event(&columns, at, scope.clone())?),
                    _ => None,
                };
                Ok(EventRecord { id: columns.parsed("id", id.value(at))?, scope, version, event })
            })
            .collect()
    }

    fn event(columns: &Columns<'_>, at: usize, scope: Scope) -> Result<Event, DecodeError> {
        let text = |name: &str| columns.text(name).map(|column| Text::from(column.value(at)));
        let maybe = |name: &str| columns.text(name).map(|column| optional(column, at).map(Text::from));
        let kind = text("kind")?;
        Ok(Event {
            scope,
            source: text("source")?,
            external_id: text("external_id")?,
            revision: Some(columns.u64("revision")?.value(at)),
            platform: text("platform")?,
            channel: text("channel")?,
            thread: maybe("thread")?,
            author: text("author")?,
            addressees: list_at(columns.list("addressees")?, at),
            kind: Kind::named(&kind).ok_or_else(|| columns.error("kind", format!("holds {kind:?}")))?,
            said_at: columns.time("said_at")?.value(at),
            seen_at: columns.time("seen_at")?.value(at),
            text: text("text")?,
            reply_to: maybe("reply_to_external")?,
            attachments: from_json(columns, "attachments", &text("attachments")?)?,
            meta: from_json::<BTreeMap<Text, Text>>(columns, "meta", &text("meta")?)?,
        })
    }
}

fn json_of<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn from_json<T: serde::de::DeserializeOwned + Default>(
    columns: &Columns<'_>,
    name: &str,
    value: &str,
) -> Result<T, DecodeError> {
    if value.is_empty() {
        return Ok(T::default());
    }
    serde_json::from_str(value).map_err(|error| columns.error(name, error.to_string()))
}

/// `answers`: what models said, by (model, text). Shared by all scopes; a scope reaches it through its own passages.
pub struct AnswersTable;

impl AnswersTable {
    /// Its name, key and columns.
    pub fn table() -> Table {
        let fields = vec![text("ask"), text("model"), text("text_hash"), text("kind"), text("answer")];
        table("answers", "ask", false, fields)
    }

    /// The key of an ask in this table.
    pub fn key(ask: &Ask) -> String {
        crate::Hash128::of("ask", &[ask.model.as_bytes(), &ask.text.0.to_bytes()]).to_string()
    }

    /// Rows to columns. An answer is JSON; an extraction without content is empty text.
    pub fn encode(rows: &[AnswerRow]) -> RecordBatch {
        let kind = |row: &AnswerRow| match &*row.answer {
            Answer::Vector => "vector",
            Answer::Extraction(_) => "extraction",
            Answer::Refused(_) => "refused",
        };
        let body = |row: &AnswerRow| match &*row.answer {
            Answer::Vector => String::new(),
            Answer::Extraction(found) if *found == Extraction::default() => String::new(),
            Answer::Extraction(found) => json_of(found),
            Answer::Refused(reason) => reason.to_string(),
        };
        let columns: Vec<ArrayRef> = vec![
            strings(rows.iter().map(|row| Self::key(&row.ask))),
            strings(rows.iter().map(|row| &*row.ask.model)),
            shown(rows.iter().map(|row| row.ask.text)),
            strings(rows.iter().map(kind)),
            strings(rows.iter().map(body)),
        ];
        batch(&Self::table(), columns)
    }

    /// Columns to rows.
    pub fn decode(batch: &RecordBatch) -> Result<Vec<AnswerRow>, DecodeError> {
        let table = Self::table();
        let columns = Columns::of(&table, batch);
        let (model, hash) = (columns.text("model")?, columns.text("text_hash")?);
        let (kind, body) = (columns.text("kind")?, columns.text("answer")?);
        (0..batch.num_rows())
            .map(|at| {
                let answer = match kind.value(at) {
                    "vector" => Answer::Vector,
                    "extraction" => Answer::Extraction(from_json(&columns, "answer", body.value(at))?),
                    "refused" => Answer::Refused(body.value(at).into()),
                    other => return Err(columns.error("kind", format!("holds {other:?}"))),
                };
                let ask = Ask { model: model.value(at).into(), text: columns.parsed("text_hash", hash.value(at))? };
                Ok(AnswerRow { ask, answer: Arc::new(answer) })
            })
            .collect()
    }
}

/// `policy`: how to consolidate, one row per thing said.
pub struct PolicyTable;

impl PolicyTable {
    /// Its name, key and columns.
    pub fn table() -> Table {
        table("policy", "id", true, vec![text("id"), text("scope"), text("kind"), text("policy")])
    }

    /// Rows to columns; what a row says is JSON.
    pub fn encode(rows: &[PolicyRow]) -> RecordBatch {
        let columns: Vec<ArrayRef> = vec![
            shown(rows.iter().map(PolicyRow::key)),
            strings(rows.iter().map(|row| &*row.scope)),
            strings(rows.iter().map(|row| row.policy.kind())),
            strings(rows.iter().map(|row| json_of(&row.policy))),
        ];
        batch(&Self::table(), columns)
    }

    /// Columns to rows.
    pub fn decode(batch: &RecordBatch) -> Result<Vec<PolicyRow>, DecodeError> {
        let table = Self::table();
        let columns = Columns::of(&table, batch);
        let (scope, policy) = (columns.text("scope")?, columns.text("policy")?);
        (0..batch.num_rows())
            .map(|at| {
                let policy = serde_json::from_str(policy.value(at))
                    .map_err(|error| columns.error("policy", error.to_string()))?;
                Ok(PolicyRow { scope: scope.value(at).into(), policy })
            })
            .collect()
    }
}

/// Something ingest could not read: nothing is skipped in silence.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reject {
    /// Into whose memory it was to go.
    pub scope: Scope,
    /// The file it is in.
    pub file: Text,
    /// Where in the file: a line, an entry, a byte.
    pub position: Text,
    /// Why it could not be read.
    pub reason: Text,
    /// Its beginning, as text.
    pub raw: Text,
    /// When it was met.
    pub seen_at: Millis,
    /// A hash of all that stood there, where its beginning does not tell it from others. It is in the key alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<crate::Hash128>,
}

/// `rejects`: what ingest could not read, and why.
pub struct RejectsTable;

impl RejectsTable {
    /// Its name, key and columns.
    pub fn table() -> Table {
        let fields = vec![
            text("id"),
            text("scope"),
            text("file"),
            text("position"),
            text("reason"),
            text("raw"),
            time("seen_at", false),
        ];
        table("rejects", "id", true, fields)
    }

    /// The key of a reject: the same row of the same file rejected again is the same reject.
    pub fn key(row: &Reject) -> String {
        let parts = [&row.scope, &row.file, &row.position, &row.reason, &row.raw].map(|part| part.as_bytes());
        let hash = row.hash.map(crate::Hash128::to_bytes);
        let parts: Vec<&[u8]> = parts.into_iter().chain(hash.as_ref().map(|hash| hash.as_slice())).collect();
        crate::Hash128::of("reject", &parts).to_string()
    }

    /// Rows to columns.
    pub fn encode(rows: &[Reject]) -> RecordBatch {
        let columns: Vec<ArrayRef> = vec![
            strings(rows.iter().map(Self::key)),
            strings(rows.iter().map(|row| &*row.scope)),
            strings(rows.iter().map(|row| &*row.file)),
            strings(rows.iter().map(|row| &*row.position)),
            strings(rows.iter().map(|row| &*row.reason)),
            strings(rows.iter().map(|row| &*row.raw)),
            times(rows.iter().map(|row| Some(row.seen_at))),
        ];
        batch(&Self::table(), columns)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::{Affect, Hash128, TextHash};

    #[test]
    fn what_begins_alike_is_told_apart_by_all_of_it() {
        let [scope, file, position, reason, raw] = ["s", "f", "line 1", "too long", "xx"].map(Text::from);
        let reject = Reject { scope, file, position, reason, raw, seen_at: 0, hash: None };
        let of =
            |whole: &[u8]| RejectsTable::key(&Reject { hash: Some(Hash128::of("whole", &[whole])), ..reject.clone() });
        assert_eq!(of(b"xxa"), of(b"xxa"));
        assert_ne!(of(b"xxa"), of(b"xxb"));
        // What needs no hash has the key that it always had, and is read from where it was written without one.
        let parts: [&[u8]; 5] = [b"s", b"f", b"line 1", b"too long", b"xx"];
        assert_eq!(RejectsTable::key(&reject), Hash128::of("reject", &parts).to_string());
        let written = serde_json::to_string(&reject).unwrap();
        assert!(!written.contains("hash"), "{written}");
        assert_eq!(serde_json::from_str::<Reject>(&written).unwrap(), reject);
    }

    #[test]
    fn whatever_a_model_said_is_read_back() {
        let affect = Affect { valence: -300, confidence: 800, emotions: vec![("sadness".into(), 800)] };
        let said = [
            Answer::Vector,
            Answer::Refused("too long".into()),
            Answer::Extraction(Extraction::default()),
            Answer::Extraction(Extraction { affect: Some(affect), ..Extraction::default() }),
        ];
        let ask = |at: usize| Ask { text: TextHash(crate::Hash128([at as u64, 0])), model: "clauses@1".into() };
        let rows: Vec<AnswerRow> = said
            .into_iter()
            .enumerate()
            .map(|(at, answer)| AnswerRow { ask: ask(at), answer: answer.into() })
            .collect();
        assert_eq!(AnswersTable::decode(&AnswersTable::encode(&rows)).unwrap(), rows);
    }
}
