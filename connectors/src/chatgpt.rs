//! ChatGPT's export: each conversation is a tree of messages, in which an edited question or a regenerated answer is a
//! branch. All branches are taken. An answer and its reasoning reply to the question; a question replies to the answer
//! before it. Messages of tools and of the system are notices; nodes that say nothing are no events.

use std::collections::VecDeque;

use nexus_types::{Attachment, Change, Event, Kind, Millis, Text};
use serde_json::Value;

use crate::frame::Frame;
use crate::json::{list, seconds, shown, text};
use crate::{Item, Rejected};

/// How the assistant is called.
const ASSISTANT: &str = "ChatGPT";

/// What a node knows of the nodes above it.
#[derive(Clone, Default)]
struct Above {
    said_at: Option<Millis>,
    question: Option<Text>,
    answer: Option<Text>,
}

/// The messages of one conversation, parents first.
pub(crate) fn unfold(frame: &mut Frame, conversation: Value, ready: &mut VecDeque<Item>) -> Result<(), String> {
    let nodes = conversation["mapping"].as_object().ok_or("no mapping: not a conversation of ChatGPT")?;
    let id = ["conversation_id", "id"].map(|field| text(&conversation, field)).into_iter().find(|id| !id.is_empty());
    let title = text(&conversation, "title");
    let channel = frame.name(if title.is_empty() { id.unwrap_or_default() } else { title });
    let thread = id.map(|id| frame.name(id));
    let started = Above { said_at: seconds(&conversation["create_time"]), ..Above::default() };
    let is_root = |node: &Value| node["parent"].as_str().is_none_or(|parent| !nodes.contains_key(parent));
    let mut open: Vec<(&str, Above)> =
        nodes.iter().filter(|(_, node)| is_root(node)).map(|(id, _)| (&**id, started.clone())).collect();
    let mut left = nodes.len();
    while let Some((node_id, mut above)) = open.pop() {
        if left == 0 {
            return Err("the tree of messages has a cycle".into());
        }
        left -= 1;
        let node = &nodes[node_id];
        above.said_at = seconds(&node["message"]["create_time"]).or(above.said_at);
        match event(frame, node_id, &node["message"], &above) {
            Ok(None) => {}
            Ok(Some(event)) => {
                let event = Event { thread: thread.clone(), channel: pick(frame, &channel), ..event };
                match event.kind {
                    Kind::Message => above.question = Some(event.external_id.clone()),
                    Kind::Response => above.answer = Some(event.external_id.clone()),
                    _ => {}
                }
                ready.push_back(Item::Change(Change::Upsert(Box::new(event))));
            }
            Err(reason) => ready.push_back(Item::Reject(Rejected::new(
                format_args!("conversation {:?}, message {node_id}", &*channel),
                reason,
                node["message"].to_string().as_bytes(),
            ))),
        }
        let children = list(node, "children").iter().rev().filter_map(Value::as_str);
        let known = children.filter_map(|child| nodes.get_key_value(child));
        open.extend(known.map(|(child, _)| (&**child, above.clone())));
    }
    Ok(())
}

/// The channel that was asked for, else the conversation's.
fn pick(frame: &Frame, own: &Text) -> Text {
    frame.options.channel.clone().unwrap_or_else(|| own.clone())
}

/// The event of one node; `None` if it says nothing.
fn event(frame: &mut Frame, node_id: &str, message: &Value, above: &Above) -> Result<Option<Event>, String> {
    let content = &message["content"];
    let said = said(content);
    let attachments: Vec<Attachment> = list(&message["metadata"], "attachments").iter().map(attachment).collect();
    if said.is_empty() && attachments.is_empty() {
        return Ok(None);
    }
    let me = frame.options.me.clone().unwrap_or_else(|| "user".into());
    let role = text(&message["author"], "role");
    let to_all = matches!(text(message, "recipient"), "" | "all");
    let (kind, author, addressee) = match (role, text(content, "content_type")) {
        ("assistant", "thoughts" | "reasoning_recap") => (Kind::Reasoning, frame.name(ASSISTANT), None),
        ("assistant", _) if to_all => (Kind::Response, frame.name(ASSISTANT), Some(me)),
        ("assistant", _) => (Kind::Notice, frame.name(ASSISTANT), None),
        ("user", "user_editable_context") => (Kind::Notice, me, None),
        ("user", _) => (Kind::Message, me, Some(frame.name(ASSISTANT))),
        _ => (Kind::Notice, frame.name(role), None),
    };
    let mut event = frame.event();
    let id = text(message, "id");
    event.external_id = if id.is_empty() { node_id.into() } else { id.into() };
    event.reply_to = match kind {
        Kind::Message => above.answer.clone().or(above.question.clone()),
        _ => above.question.clone(),
    };
    event.said_at = above.said_at.ok_or("no time")?;
    event.text = said.into();
    (event.kind, event.author, event.attachments) = (kind, author, attachments);
    event.addressees.extend(addressee);
    let model = text(&message["metadata"], "model_slug");
    if !model.is_empty() {
        event.meta.insert(frame.name("model"), frame.name(model));
    }
    Ok(Some(event))
}

/// What a content says, as text.
fn said(content: &Value) -> String {
    let part = |part: &Value| match part {
        Value::String(text) => text.clone(),
        part => text(part, "text").to_owned(),
    };
    let mut parts: Vec<String> = list(content, "parts").iter().map(part).collect();
    for thought in list(content, "thoughts") {
        parts.extend(["summary", "content"].map(|field| text(thought, field).to_owned()));
    }
    for field in ["text", "content", "result", "user_profile", "user_instructions"] {
        if !content[field].is_null() {
            parts.push(shown(&content[field]));
        }
    }
    parts.retain(|part| !part.trim().is_empty());
    parts.join("\n")
}

fn attachment(value: &Value) -> Attachment {
    let [name, media_type, location] =
        [text(value, "name"), text(value, "mime_type"), text(value, "id")].map(Text::from);
    Attachment { name, media_type, location }
}
