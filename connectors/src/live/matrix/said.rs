//! What an event of a room means. Pure: asks no server.
//!
//! An event's own id names what was said; an edit is a revision of what it replaces, numbered by when it was made; a
//! redaction is final. An author is `anna <@anna:example.org>`: display names change, and what is read twice must be equal.

use nexus_types::{Attachment, Change, Event, Kind, Millis, Scope, Text};
use serde_json::Value;

use crate::Rejected;

/// Above every revision that an edit can have: what was redacted does not come back.
pub(super) const FINAL: u64 = 1 << 62;

/// What an event is.
#[derive(Debug, PartialEq)]
pub(super) enum Said {
    /// Something was said, or happened.
    Event(Box<Event>),
    /// Something that was said is gone.
    Gone(Text),
    /// What was said reads otherwise from then on: by this event.
    Edit { of: Text, by: Text, content: Value, at: Millis, sender: Text },
    /// This was redacted: what was said, or an edit of it.
    Redacted { what: Text, at: Millis },
    /// It cannot be read.
    Unreadable(Rejected),
    /// It says nothing: state of the room.
    Nothing,
}

/// Whose memory, and what events are named after.
#[derive(Clone, Debug)]
pub(super) struct Room {
    pub(super) scope: Scope,
    pub(super) source: Text,
    /// What it is called.
    pub(super) channel: Text,
}

impl Room {
    /// Reads an event.
    pub(super) fn read(&self, event: &Value) -> Said {
        let text = |name: &str| event[name].as_str().unwrap_or_default();
        let (id, content) = (text("event_id"), &event["content"]);
        if id.is_empty() {
            return Said::Unreadable(Rejected::new("an event", "it has no event_id", event.to_string().as_bytes()));
        }
        let relates = &content["m.relates_to"];
        let redacted = event["unsigned"].get("redacted_because").is_some();
        match text("type") {
            "m.room.message" | "m.sticker" | "m.reaction" | "m.room.encrypted" if redacted => Said::Gone(id.into()),
            "m.room.message" if relates["rel_type"] == "m.replace" => Said::Edit {
                of: relates["event_id"].as_str().unwrap_or_default().into(),
                by: id.into(),
                content: content["m.new_content"].clone(),
                at: at(event),
                sender: text("sender").into(),
            },
            "m.room.message" | "m.sticker" => self.message(event, content, 0),
            "m.reaction" => {
                let sign = relates["key"].as_str().unwrap_or_default();
                let mut reaction = self.event(event, Kind::Notice, sign);
                reaction.reply_to = relates["event_id"].as_str().map(Text::from);
                Said::Event(Box::new(reaction))
            }
            "m.room.redaction" => {
                let what = content["redacts"].as_str().or(event["redacts"].as_str());
                what.map_or(Said::Nothing, |what| Said::Redacted { what: what.into(), at: at(event) })
            }
            "m.room.encrypted" => Said::Unreadable(Rejected::new(id, "it is encrypted, and Nexus has no keys", b"")),
            "m.room.member" => self.member(event, content),
            "m.room.topic" => {
                let topic = content["topic"].as_str().unwrap_or_default();
                let text = format!("{} has set the topic: {topic}", local(text("sender")));
                Said::Event(Box::new(self.event(event, Kind::Notice, &text)))
            }
            _ => Said::Nothing,
        }
    }

    /// A message with that content, which is its own or an edit's.
    pub(super) fn message(&self, event: &Value, content: &Value, revision: u64) -> Said {
        let id = event["event_id"].as_str().unwrap_or_default();
        let Some(body) = content["body"].as_str() else {
            return Said::Unreadable(Rejected::new(id, "it has no body", event.to_string().as_bytes()));
        };
        // What it answers is told by the message itself; an edit's content does not say it again.
        let relates = &event["content"]["m.relates_to"];
        let reply = relates["m.in_reply_to"]["event_id"].as_str();
        let kind = content["msgtype"].as_str().unwrap_or_default();
        let text = match kind {
            "m.emote" => format!("{} {body}", local(event["sender"].as_str().unwrap_or_default())),
            _ if reply.is_some() => without_quote(body).into(),
            _ => body.into(),
        };
        let mut said = self.event(event, Kind::Message, &text);
        said.revision = Some(revision);
        let threaded = relates["rel_type"] == "m.thread";
        said.thread = relates["event_id"].as_str().filter(|_| threaded).map(Text::from);
        said.reply_to = reply.filter(|_| !threaded || relates["is_falling_back"] != true).map(Text::from);
        if let Some(location) = content["url"].as_str() {
            let media = content["info"]["mimetype"].as_str().unwrap_or_default();
            let name = content["filename"].as_str().unwrap_or(body);
            said.attachments =
                vec![Attachment { name: name.into(), media_type: media.into(), location: location.into() }];
        }
        Said::Event(Box::new(said))
    }

    fn member(&self, event: &Value, content: &Value) -> Said {
        let who = event["state_key"].as_str().unwrap_or_default();
        let before = event["unsigned"]["prev_content"]["membership"].as_str();
        let what = match content["membership"].as_str() {
            // Another name or picture of somebody who is there.
            now if now == before => return Said::Nothing,
            Some("join") => "has joined",
            Some("leave") if event["sender"].as_str() == Some(who) => "has left",
            Some("leave") => "was removed",
            Some("ban") => "was banned",
            Some("invite") => "was invited",
            _ => return Said::Nothing,
        };
        let mut notice = self.event(event, Kind::Notice, &format!("{} {what}", local(who)));
        notice.author = author(who);
        Said::Event(Box::new(notice))
    }

    fn event(&self, event: &Value, kind: Kind, text: &str) -> Event {
        let sender = event["sender"].as_str().unwrap_or_default();
        Event {
            scope: self.scope.clone(),
            source: self.source.clone(),
            external_id: event["event_id"].as_str().unwrap_or_default().into(),
            revision: Some(0),
            channel: self.channel.clone(),
            kind,
            said_at: at(event),
            ..Event::message("matrix", &author(sender), text)
        }
    }

    /// The deletion of what an event said.
    pub(super) fn gone(&self, id: Text) -> Change {
        Change::Retract {
            scope: self.scope.clone(),
            source: self.source.clone(),
            external_id: id,
            revision: Some(FINAL),
        }
    }
}

/// When it was sent.
pub(super) fn at(event: &Value) -> Millis {
    event["origin_server_ts"].as_i64().and_then(crate::frame::accepted).unwrap_or(0)
}

/// The revision of an edit made then: after the message itself, whatever the clocks of two servers say.
pub(super) fn revision(edited_at: Millis, said_at: Millis) -> u64 {
    u64::try_from(edited_at.max(said_at.saturating_add(1)).max(1)).unwrap_or(1).min(FINAL - 1)
}

fn author(user: &str) -> Text {
    match local(user) {
        "" => user.into(),
        name => format!("{name} <{user}>").into(),
    }
}

/// `anna` of `@anna:example.org`.
fn local(user: &str) -> &str {
    user.trim_start_matches('@').split(':').next().unwrap_or_default()
}

/// A reply without what older programs quote at its start.
fn without_quote(body: &str) -> &str {
    let mut rest = body;
    while rest.starts_with("> ") || rest.starts_with(">\n") {
        rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
    }
    if rest.len() == body.len() { body } else { rest.trim_start_matches('\n') }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn room() -> Room {
        Room { scope: "s".into(), source: "home".into(), channel: "#a".into() }
    }

    fn event(kind: &str, content: Value) -> Value {
        json!({"event_id": "$1", "type": kind, "sender": "@anna:h", "origin_server_ts": 5, "content": content})
    }

    fn said(kind: &str, content: Value) -> Event {
        match room().read(&event(kind, content)) {
            Said::Event(event) => *event,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_message_is_what_its_body_says() {
        let plain = said("m.room.message", json!({"msgtype": "m.text", "body": "hello"}));
        assert_eq!(
            (&*plain.author, &*plain.text, plain.said_at, plain.revision),
            ("anna <@anna:h>", "hello", 5, Some(0))
        );
        assert_eq!(&*said("m.room.message", json!({"msgtype": "m.emote", "body": "waves"})).text, "anna waves");
        let reply = json!({"m.in_reply_to": {"event_id": "$0"}});
        let reply = said("m.room.message", json!({"body": "> <@b:h> hi\n> you\n\nyes", "m.relates_to": reply}));
        assert_eq!((&*reply.text, reply.reply_to.as_deref()), ("yes", Some("$0")));
        let thread = json!({"rel_type": "m.thread", "event_id": "$t", "is_falling_back": true, "m.in_reply_to": {"event_id": "$9"}});
        let thread = said("m.room.message", json!({"body": "in it", "m.relates_to": thread}));
        assert_eq!((thread.thread.as_deref(), thread.reply_to), (Some("$t"), None));
        let image = said("m.room.message", json!({"msgtype": "m.image", "body": "cat.png", "url": "mxc://h/1"}));
        assert_eq!(&*image.attachments[0].location, "mxc://h/1");
        let liked =
            said("m.reaction", json!({"m.relates_to": {"rel_type": "m.annotation", "event_id": "$0", "key": "+1"}}));
        assert_eq!((liked.kind, &*liked.text, liked.reply_to.as_deref()), (Kind::Notice, "+1", Some("$0")));
    }

    #[test]
    fn edits_and_redactions_name_what_they_change() {
        let edit = json!({"body": "* b", "m.new_content": {"body": "b"}, "m.relates_to": {"rel_type": "m.replace", "event_id": "$0"}});
        let edit = room().read(&event("m.room.message", edit));
        assert!(
            matches!(&edit, Said::Edit { of, content, at: 5, .. } if &**of == "$0" && content["body"] == "b"),
            "{edit:?}"
        );
        let redaction = room().read(&event("m.room.redaction", json!({"redacts": "$0"})));
        assert_eq!(redaction, Said::Redacted { what: "$0".into(), at: 5 });
        let mut gone = event("m.room.message", json!({}));
        gone["unsigned"] = json!({"redacted_because": {}});
        assert_eq!(room().read(&gone), Said::Gone("$1".into()));
        assert_eq!([revision(9, 5), revision(3, 5), revision(Millis::MAX, 0)], [9, 6, FINAL - 1]);
    }

    #[test]
    fn nothing_that_is_said_is_skipped_in_silence() {
        assert!(matches!(room().read(&event("m.room.encrypted", json!({}))), Said::Unreadable(_)));
        assert!(matches!(room().read(&event("m.room.message", json!({"msgtype": "m.text"}))), Said::Unreadable(_)));
        assert!(matches!(room().read(&json!({"type": "m.room.message"})), Said::Unreadable(_)));
        assert_eq!(room().read(&event("m.room.power_levels", json!({}))), Said::Nothing);
        for odd in [json!(null), json!([]), json!("x"), json!({"event_id": 1})] {
            assert!(matches!(room().read(&odd), Said::Unreadable(_)));
        }
    }
}
