//! JSON lines: one event a line, in Nexus's own schema (docs/connectors.md). An array of the same objects does as well.
//!
//! A row that breaks the schema is rejected whole, with the field and the reason; fields the schema does not know are
//! kept in `meta`.

use std::io::Cursor;

use jiff::civil::DateTime;
use nexus_types::time::parse_millis;
use nexus_types::{Attachment, Change, Event, Kind, Millis, Text};
use serde_json::{Map, Value};

use crate::elements::Elements;
use crate::frame::{Frame, accepted};
use crate::lines::{Lines, REPLACED, decode};
use crate::live::FINAL;
use crate::{Format, Item, OpenError, Options, Reader, Rejected, Source};

/// A row as it stands.
pub(crate) type Row = Map<String, Value>;

/// A stream of rows.
pub(crate) struct Jsonl {
    rows: Rows,
    frame: Frame,
}

enum Rows {
    Lines(Lines),
    Elements(Elements),
}

impl Jsonl {
    pub(crate) fn new(reader: Reader, head: &[u8], options: &Options) -> Result<Jsonl, OpenError> {
        Ok(Jsonl { rows: Rows::new(reader, head), frame: Frame::new(options, Format::Jsonl)? })
    }
}

impl Source for Jsonl {
    fn bytes_read(&self) -> u64 {
        match &self.rows {
            Rows::Lines(lines) => lines.bytes_read(),
            Rows::Elements(elements) => elements.bytes_read(),
        }
    }

    fn format(&self) -> Format {
        Format::Jsonl
    }
}

impl Iterator for Jsonl {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        loop {
            match self.rows.advance()? {
                Err(reject) => return Some(Item::Reject(reject)),
                Ok(()) if self.rows.bytes().is_empty() => {}
                Ok(()) => {
                    let change = change(&mut self.frame, self.rows.bytes());
                    return Some(change.map_or_else(|reason| Item::Reject(self.rows.reject(reason)), Item::Change));
                }
            }
        }
    }
}

impl Rows {
    fn new(reader: Reader, head: &[u8]) -> Rows {
        let start = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head).trim_ascii_start();
        match start.first() {
            Some(b'[') => Rows::Elements(Elements::new(reader)),
            _ => Rows::Lines(Lines::new(reader)),
        }
    }

    fn advance(&mut self) -> Option<Result<(), Rejected>> {
        match self {
            Rows::Lines(lines) => lines.advance(),
            Rows::Elements(elements) => elements.advance(),
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Rows::Lines(lines) => lines.line().trim_ascii(),
            Rows::Elements(elements) => elements.element(),
        }
    }

    fn reject(&self, reason: String) -> Rejected {
        match self {
            Rows::Lines(lines) => lines.reject(reason),
            Rows::Elements(elements) => elements.reject(reason),
        }
    }
}

/// The rows of bytes that are all there, one after the other, and what among them cannot be one.
pub(crate) fn each(bytes: &[u8], mut found: impl FnMut(Result<&[u8], Rejected>)) {
    let mut rows = Rows::new(Box::new(Cursor::new(bytes.to_vec())), bytes);
    while let Some(next) = rows.advance() {
        match next {
            Err(reject) => found(Err(reject)),
            Ok(()) if rows.bytes().is_empty() => {}
            Ok(()) => found(Ok(rows.bytes())),
        }
    }
}

fn change(frame: &mut Frame, bytes: &[u8]) -> Result<Change, String> {
    let (row, replaced) = row(bytes)?;
    said(frame, row, replaced)
}

/// Bytes as a row, and whether something in them was not UTF-8.
pub(crate) fn row(bytes: &[u8]) -> Result<(Row, bool), String> {
    let (text, replaced) = decode(bytes);
    let row = serde_json::from_str(&text).map_err(|error| format!("not a JSON object: {error}"))?;
    Ok((row, replaced))
}

/// What a row says happened.
pub(crate) fn said(frame: &mut Frame, mut row: Row, replaced: bool) -> Result<Change, String> {
    let platform = match name(frame, &mut row, "platform")? {
        Some(platform) => platform,
        None => frame.platform().clone(),
    };
    let source = match name(frame, &mut row, "source")? {
        Some(source) => source,
        None => frame.source(&platform),
    };
    let id = text_of(&mut row, "id")?;
    if id.as_deref() == Some("") {
        return Err("id: empty".into());
    }
    let revision = match row.remove("revision") {
        None | Some(Value::Null) => None,
        Some(value) => match value.as_u64().ok_or("revision: a whole number is expected")? {
            // Final deletions are above all that rows may say.
            FINAL.. => return Err("revision: too large".into()),
            revision => Some(revision),
        },
    };
    if flag(&mut row, "deleted")? {
        let external_id = id.ok_or("deleted: an id is needed to say of what")?.into();
        return Ok(Change::Retract { scope: frame.options.scope.clone(), source, external_id, revision });
    }
    let mut event = Event { platform, source, revision, ..frame.event() };
    fill(frame, &mut event, row)?;
    if replaced {
        event.meta.insert("encoding".into(), REPLACED.into());
    }
    event.external_id = match id {
        Some(id) => id.into(),
        None => frame.identify(&event.channel, event.said_at, &event.author, &event.text),
    };
    Ok(Change::Upsert(Box::new(event)))
}

/// Takes everything but the identity out of a row.
fn fill(frame: &mut Frame, event: &mut Event, mut row: Row) -> Result<(), String> {
    event.said_at = said_at(frame, row.remove("said_at"))?;
    event.author = name(frame, &mut row, "author")?.ok_or("author: missing")?;
    event.text = match row.remove("text") {
        Some(Value::String(text)) => text.into(),
        None | Some(Value::Null) => return Err("text: missing".into()),
        Some(_) => return Err("text: a text is expected".into()),
    };
    if let Some(channel) = name(frame, &mut row, "channel")? {
        event.channel = channel;
    }
    event.thread = name(frame, &mut row, "thread")?;
    event.reply_to = text_of(&mut row, "reply_to")?.map(Text::from);
    if let Some(kind) = text_of(&mut row, "kind")? {
        event.kind = Kind::named(&kind)
            .ok_or_else(|| format!("kind: {kind:?} is none of {}", Kind::ALL.map(Kind::name).join(", ")))?;
    }
    event.addressees = addressees(frame, row.remove("addressees"))?;
    event.attachments = attachments(row.remove("attachments"))?;
    let meta = match row.remove("meta") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(meta)) => meta,
        Some(_) => return Err("meta: an object is expected".into()),
    };
    for (field, value) in row.into_iter().chain(meta) {
        match value {
            Value::Null => {}
            Value::String(text) => drop(event.meta.insert(frame.name(&field), text.into())),
            other => drop(event.meta.insert(frame.name(&field), other.to_string().into())),
        }
    }
    Ok(())
}

fn said_at(frame: &Frame, value: Option<Value>) -> Result<Millis, String> {
    let at = match &value {
        None | Some(Value::Null) => return Err("said_at: missing".into()),
        Some(Value::Number(at)) => at.as_i64().and_then(accepted),
        Some(Value::String(at)) => parse_millis(at).or_else(|| frame.instant(at.trim().parse::<DateTime>().ok()?)),
        Some(_) => None,
    };
    at.ok_or_else(|| {
        "said_at: expected RFC 3339 (2024-05-01T09:30:00Z) or whole milliseconds since 1970, in the years 1 to 9999"
            .into()
    })
}

fn addressees(frame: &mut Frame, value: Option<Value>) -> Result<Vec<Text>, String> {
    let list = match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(list)) => list,
        Some(one) => vec![one],
    };
    let names = list.into_iter().map(|value| match value {
        Value::String(name) => Ok(frame.name(&name)),
        _ => Err("addressees: a text or a list of texts is expected".into()),
    });
    names.collect()
}

fn attachments(value: Option<Value>) -> Result<Vec<Attachment>, String> {
    let list = match value {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(_) => return Err("attachments: a list is expected".into()),
    };
    let items = list.into_iter().map(|value| match value {
        Value::String(name) => Ok(Attachment { name: name.into(), media_type: "".into(), location: "".into() }),
        value => serde_json::from_value(value).map_err(|error| format!("attachments: {error}")),
    });
    items.collect()
}

/// A field that is likely to repeat in other rows.
fn name(frame: &mut Frame, row: &mut Row, field: &str) -> Result<Option<Text>, String> {
    Ok(text_of(row, field)?.map(|text| frame.name(&text)))
}

/// A field that is a text, or a number taken as one.
fn text_of(row: &mut Row, field: &str) -> Result<Option<String>, String> {
    match row.remove(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(_) => Err(format!("{field}: a text is expected")),
    }
}

fn flag(row: &mut Row, field: &str) -> Result<bool, String> {
    match row.remove(field) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(flag),
        Some(_) => Err(format!("{field}: true or false is expected")),
    }
}
