//! Telegram Desktop's JSON export: one chat, or all of them. Read whole, bounded; a chat's messages are taken out one by
//! one. What somebody forwards is a post: its "I" is not theirs.

use std::collections::VecDeque;

use jiff::civil::DateTime;
use nexus_types::{Attachment, Change, Event, Kind, Text};
use serde_json::Value;

use crate::bundle::bounded;
use crate::frame::Frame;
use crate::json::{list, seconds, shown, take_list, text};
use crate::lines::decode;
use crate::{Format, Item, OpenError, Options, Reader, Rejected, Source};

/// A stream of the messages of chats.
pub(crate) struct Telegram {
    chats: VecDeque<Chat>,
    frame: Frame,
    bytes: u64,
}

struct Chat {
    id: Text,
    name: Text,
    kind: Kind,
    messages: VecDeque<Value>,
}

impl Telegram {
    pub(crate) fn new(name: &str, reader: Reader, options: &Options) -> Result<Telegram, OpenError> {
        let malformed = |reason: String| OpenError::Malformed { name: name.into(), format: Format::Telegram, reason };
        let mut frame = Frame::new(options, Format::Telegram)?;
        let bytes = bounded(reader).map_err(malformed)?;
        let (json, _) = decode(&bytes);
        let json = json.trim_start_matches('\u{feff}');
        let mut export: Value = serde_json::from_str(json).map_err(|error| malformed(error.to_string()))?;
        let mut found = Vec::new();
        for part in ["chats", "left_chats"] {
            found.extend(export.get_mut(part).map(|part| take_list(part, "list")).unwrap_or_default());
        }
        if found.is_empty() && export["messages"].is_array() {
            found.push(export);
        } else if found.is_empty() && export["chats"].is_null() {
            return Err(malformed("neither messages nor chats".into()));
        }
        let chats = found.into_iter().map(|chat| Chat::new(&mut frame, chat)).collect();
        Ok(Telegram { chats, frame, bytes: bytes.len() as u64 })
    }
}

impl Chat {
    fn new(frame: &mut Frame, mut chat: Value) -> Chat {
        let id = shown(&chat["id"]);
        let named = Some(text(&chat, "name")).filter(|name| !name.is_empty()).unwrap_or(match text(&chat, "type") {
            "saved_messages" => "Saved Messages",
            _ => &id,
        });
        let name = frame.options.channel.clone().unwrap_or_else(|| frame.name(named));
        let kind = if text(&chat, "type").ends_with("_channel") { Kind::Post } else { Kind::Message };
        let messages = take_list(&mut chat, "messages").into();
        Chat { id: id.into(), name, kind, messages }
    }
}

impl Source for Telegram {
    fn bytes_read(&self) -> u64 {
        self.bytes
    }

    fn format(&self) -> Format {
        Format::Telegram
    }
}

impl Iterator for Telegram {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        loop {
            let chat = self.chats.front_mut()?;
            let Some(message) = chat.messages.pop_front() else {
                self.chats.pop_front();
                continue;
            };
            let position = format!("chat {:?}, message {}", &*chat.name, shown(&message["id"]));
            return Some(match event(&mut self.frame, chat, &message) {
                Ok(event) => Item::Change(Change::Upsert(Box::new(event))),
                Err(reason) => Item::Reject(Rejected::new(position, reason, message.to_string().as_bytes())),
            });
        }
    }
}

fn event(frame: &mut Frame, chat: &Chat, message: &Value) -> Result<Event, String> {
    let mut event = frame.event();
    let id = message["id"].as_i64().ok_or("no id")?;
    event.external_id = format!("{}/{id}", chat.id).into();
    event.channel = chat.name.clone();
    let local = || frame.instant(text(message, "date").parse::<DateTime>().ok()?);
    event.said_at = seconds(&message["date_unixtime"]).or_else(local).ok_or("no date")?;
    event.reply_to = message["reply_to_message_id"].as_i64().map(|id| format!("{}/{id}", chat.id).into());
    event.attachments = attachments(message);
    let (name, id) = match text(message, "type") {
        "service" => ("actor", "actor_id"),
        _ => ("from", "from_id"),
    };
    event.author = author(frame, text(message, name), &shown(&message[id]));
    if text(message, "type") == "service" {
        event.kind = Kind::Notice;
        let details = [text(message, "action"), text(message, "title"), text(message, "text")];
        let members = list(message, "members").iter().filter_map(Value::as_str);
        let words: Vec<&str> = details.into_iter().chain(members).filter(|word| !word.is_empty()).collect();
        event.text = words.join(" ").into();
        return Ok(event);
    }
    event.text = plain(&message["text"]).into();
    event.kind = if message["forwarded_from"].is_null() { chat.kind } else { Kind::Post };
    if let Some(at) = seconds(&message["edited_unixtime"]) {
        event.revision = u64::try_from(at).ok();
    }
    for field in ["forwarded_from", "edited", "sticker_emoji", "via_bot", "media_type"] {
        if !message[field].is_null() {
            event.meta.insert(frame.name(field), shown(&message[field]).into());
        }
    }
    Ok(event)
}

/// `Name <user123>`, as far as it is given.
fn author(frame: &mut Frame, name: &str, id: &str) -> Text {
    let name: String = name.chars().filter(|c| !matches!(c, '<' | '>')).collect();
    match (name.trim(), id) {
        (name, "" | "null") => frame.name(name),
        ("", id) => frame.name(id),
        (name, id) => frame.name(&format!("{name} <{id}>")),
    }
}

/// A text that is one string, or a list of strings and of entities that hold one.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(plain).collect(),
        entity => text(entity, "text").to_owned(),
    }
}

fn attachments(message: &Value) -> Vec<Attachment> {
    let one = |field: &str| {
        let location = message[field].as_str()?;
        let file = text(message, "file_name");
        let name = if file.is_empty() { location.rsplit('/').next().unwrap_or_default() } else { file };
        let media_type = if field == "photo" { "image/jpeg" } else { text(message, "mime_type") };
        Some(Attachment { name: name.into(), media_type: media_type.into(), location: location.into() })
    };
    ["photo", "file"].into_iter().filter_map(one).collect()
}
