//! Claude's export: each conversation is a list of messages. What the assistant thinks is reasoning, what it says a
//! response, and both reply to the message before; its use of tools are notices.

use std::collections::VecDeque;

use nexus_types::time::parse_millis;
use nexus_types::{Attachment, Change, Event, Kind, Text};
use serde_json::Value;

use crate::frame::Frame;
use crate::json::{list, text};
use crate::{Item, Rejected};

/// How the assistant is called.
const ASSISTANT: &str = "Claude";

/// The messages of one conversation, in order.
pub(crate) fn unfold(frame: &mut Frame, conversation: Value, ready: &mut VecDeque<Item>) -> Result<(), String> {
    let messages = conversation["chat_messages"].as_array().ok_or("no chat_messages: not a conversation of Claude")?;
    let [id, name] = ["uuid", "name"].map(|field| text(&conversation, field));
    let channel = frame.options.channel.clone().unwrap_or_else(|| frame.name(if name.is_empty() { id } else { name }));
    let thread = (!id.is_empty()).then(|| frame.name(id));
    let (mut question, mut answer) = (None, None);
    for (at, message) in messages.iter().enumerate() {
        let place = Event { channel: channel.clone(), thread: thread.clone(), ..frame.event() };
        match events(frame, place, message) {
            Err(reason) => ready.push_back(Item::Reject(Rejected::new(
                format_args!("conversation {:?}, message {}", &*channel, at + 1),
                reason,
                message.to_string().as_bytes(),
            ))),
            Ok(events) => {
                for mut event in events {
                    event.reply_to = if event.kind == Kind::Message { answer.clone() } else { question.clone() };
                    match event.kind {
                        Kind::Message => question = Some(event.external_id.clone()),
                        Kind::Response => answer = Some(event.external_id.clone()),
                        _ => {}
                    }
                    ready.push_back(Item::Change(Change::Upsert(Box::new(event))));
                }
            }
        }
    }
    Ok(())
}

/// The events of one message: what was thought, which tools were used, what was said.
fn events(frame: &mut Frame, place: Event, message: &Value) -> Result<Vec<Event>, String> {
    let id = text(message, "uuid");
    if id.is_empty() {
        return Err("no uuid".into());
    }
    let said_at = parse_millis(text(message, "created_at")).ok_or("no created_at")?;
    let me = frame.options.me.clone().unwrap_or_else(|| "human".into());
    let human = match text(message, "sender") {
        "human" => true,
        "assistant" => false,
        other => return Err(format!("sender: {other:?} is neither human nor assistant")),
    };
    let assistant = frame.name(ASSISTANT);
    let (author, addressee) = if human { (me, assistant) } else { (assistant, me) };
    let base = Event { said_at, author, ..place };
    let mut events = Vec::new();
    let mut words = Vec::new();
    for (at, part) in list(message, "content").iter().enumerate() {
        let (kind, text) = match text(part, "type") {
            "text" => {
                words.push(text(part, "text"));
                continue;
            }
            "thinking" => (Kind::Reasoning, text(part, "thinking").into()),
            _ => (Kind::Notice, part.to_string().into()),
        };
        events.push(Event { external_id: format!("{id}/{at}").into(), kind, text, ..base.clone() });
    }
    let said = if words.is_empty() { text(message, "text").to_owned() } else { words.join("\n") };
    let attached = ["attachments", "files"].iter().flat_map(|field| list(message, field));
    events.push(Event {
        external_id: id.into(),
        kind: if human { Kind::Message } else { Kind::Response },
        text: said.into(),
        addressees: vec![addressee],
        attachments: attached.map(attachment).collect(),
        ..base
    });
    Ok(events)
}

fn attachment(value: &Value) -> Attachment {
    let [name, media_type] = [text(value, "file_name"), text(value, "file_type")].map(Text::from);
    Attachment { name, media_type, location: "".into() }
}
