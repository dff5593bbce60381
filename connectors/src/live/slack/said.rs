//! What an event of Slack's Events API means. Pure: asks nobody.
//!
//! Messages are named as in an export, `C1/1714555800.000100`, and so are a deletion and the thread. An edit is a revision
//! numbered by when it was made, a deletion is final. A reaction is a notice of its own that may come and go: its revisions
//! are the times of that. What a message says of others (how many replied, who reacted) is left out: it changes by itself.

use std::collections::BTreeSet;

use nexus_types::{Change, Event, Kind, Scope, Text};
use serde_json::Value;

use crate::json::text;
use crate::live::FINAL;
use crate::slack;

/// Whose memory, what events are named after, and who is who.
pub(super) struct Workspace<'a> {
    pub(super) scope: &'a Scope,
    pub(super) source: &'a Text,
    /// `Display Name <U1>` of a user.
    pub(super) person: &'a dyn Fn(&str) -> Text,
    /// `#general` of a channel.
    pub(super) room: &'a dyn Fn(&str) -> Text,
}

/// The ids of users and of channels that an event names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Ids {
    pub(super) users: BTreeSet<String>,
    pub(super) rooms: BTreeSet<String>,
}

impl Ids {
    /// Those of an event.
    pub(super) fn of(event: &Value) -> Ids {
        let mut ids = Ids::default();
        let message = if event["message"].is_object() { &event["message"] } else { event };
        ids.users.extend([text(event, "user"), text(message, "user")].map(str::to_string));
        ids.rooms.extend([text(event, "channel"), text(&event["item"], "channel")].map(str::to_string));
        for part in text(message, "text").split('<').skip(1).filter_map(|part| part.split(['>', '|']).next()) {
            ids.users.extend(part.strip_prefix('@').map(str::to_string));
            ids.rooms.extend(part.strip_prefix('#').map(str::to_string));
        }
        for found in [&mut ids.users, &mut ids.rooms] {
            found.retain(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        }
        ids
    }
}

impl Workspace<'_> {
    /// What happened, if it is anything that is taken in; or why it cannot be read.
    pub(super) fn read(&self, event: &Value) -> Result<Option<Change>, String> {
        match text(event, "type") {
            "message" => self.message(event),
            "reaction_added" | "reaction_removed" => self.reaction(event),
            _ => Ok(None),
        }
    }

    fn message(&self, event: &Value) -> Result<Option<Change>, String> {
        let room = text(event, "channel");
        if room.is_empty() {
            return Err("no channel".into());
        }
        let inner = &event["message"];
        match text(event, "subtype") {
            "message_deleted" => self.gone(room, text(event, "deleted_ts")).map(Some),
            "tombstone" => self.gone(room, text(event, "ts")).map(Some),
            // A message with replies leaves one behind.
            "message_changed" if text(inner, "subtype") == "tombstone" => self.gone(room, text(inner, "ts")).map(Some),
            "message_changed" => {
                // Not all that changes a message edits it: a file may be gone.
                let times = [text(event, "event_ts"), text(event, "ts")];
                let changed = times.iter().find_map(|ts| slack::instant(ts)).ok_or("no event_ts")?;
                self.said(room, inner, u64::try_from(changed).unwrap_or(0)).map(Some)
            }
            "message_replied" => Ok(None),
            _ => self.said(room, event, 0).map(Some),
        }
    }

    /// A message as it reads, which is at least of that revision.
    fn said(&self, room: &str, message: &Value, revision: u64) -> Result<Change, String> {
        let (said, mentioned) = slack::said(
            text(message, "text"),
            |id| Some((self.person)(id)),
            |id| id.starts_with(['C', 'G']).then(|| (self.room)(id)),
        );
        let author: Text = match text(message, "user") {
            // Bots without a user say what they are called.
            "" => slack::person(text(message, "username"), text(message, "bot_id")).into(),
            user => (self.person)(user),
        };
        let mut event = self.event(&author, &said);
        slack::fill(&mut event, room, message)?;
        event.channel = (self.room)(room);
        event.addressees = mentioned;
        event.revision = Some(event.revision.unwrap_or(0).max(revision).min(FINAL - 1));
        // A message begins a thread when somebody replies: it says so only then.
        event.thread = event.thread.filter(|_| event.reply_to.is_some());
        Ok(Change::Upsert(Box::new(event)))
    }

    fn reaction(&self, event: &Value) -> Result<Option<Change>, String> {
        let item = &event["item"];
        if text(item, "type") != "message" {
            return Ok(None);
        }
        let (user, name, at) = (text(event, "user"), text(event, "reaction"), text(event, "event_ts"));
        let (room, ts) = (text(item, "channel"), text(item, "ts"));
        if [user, name, room, ts].contains(&"") {
            return Err("a reaction that does not say whose it is, or to what".into());
        }
        let (said_at, revision) = (slack::instant(at).ok_or("no event_ts")?, micros(at).ok_or("no event_ts")?);
        let id = format!("reaction/{user}/{name}/{room}/{ts}").into();
        if text(event, "type") == "reaction_removed" {
            return Ok(Some(self.retracted(id, revision)));
        }
        let mut notice = self.event(&(self.person)(user), &format!(":{name}:"));
        notice.external_id = id;
        notice.revision = Some(revision);
        notice.channel = (self.room)(room);
        notice.kind = Kind::Notice;
        notice.said_at = said_at;
        notice.reply_to = Some(format!("{room}/{ts}").into());
        Ok(Some(Change::Upsert(Box::new(notice))))
    }

    fn event(&self, author: &str, text: &str) -> Event {
        Event { scope: self.scope.clone(), source: self.source.clone(), ..Event::message("slack", author, text) }
    }

    fn gone(&self, room: &str, ts: &str) -> Result<Change, String> {
        if ts.is_empty() {
            return Err("a deletion that does not say of what".into());
        }
        Ok(self.retracted(format!("{room}/{ts}").into(), FINAL))
    }

    fn retracted(&self, external_id: Text, revision: u64) -> Change {
        let (scope, source) = (self.scope.clone(), self.source.clone());
        Change::Retract { scope, source, external_id, revision: Some(revision) }
    }
}

/// The microseconds since 1970 of a `1714555800.000100`.
pub(super) fn micros(ts: &str) -> Option<u64> {
    let (seconds, rest) = ts.split_once('.').unwrap_or((ts, "0"));
    let plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !plain(seconds) || !plain(rest) || rest.len() > 6 {
        return None;
    }
    let micros = seconds.parse::<u64>().ok()?.checked_mul(1_000_000)?;
    micros.checked_add(format!("{rest:0<6}").parse().ok()?).filter(|micros| *micros < FINAL)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn read(event: &Value) -> Result<Option<Change>, String> {
        let named = |id: &str| if id == "U1" { "Anna <U1>".into() } else { Text::from(id) };
        let room = |id: &str| if id == "C1" { "#general".into() } else { Text::from(id) };
        let (scope, source) = ("s".into(), "slack".into());
        Workspace { scope: &scope, source: &source, person: &named, room: &room }.read(event)
    }

    fn event(event: &Value) -> Event {
        match read(event) {
            Ok(Some(Change::Upsert(event))) => *event,
            other => panic!("{other:?}"),
        }
    }

    fn gone(event: &Value) -> (String, u64) {
        match read(event) {
            Ok(Some(Change::Retract { external_id, revision: Some(revision), .. })) => {
                (external_id.to_string(), revision)
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_message_reads_as_in_an_export() {
        let plain = event(&json!({
            "type": "message", "channel": "C1", "user": "U1", "ts": "1355517523.000005", "channel_type": "channel",
            "text": "<@U2> see <https://x.org|this> in <#C1> &amp; <#C2|other>, <!here>", "event_ts": "1355517523.000005",
            "files": [{"name": "a.png", "mimetype": "image/png", "url_private": "https://files.slack.com/a.png"}],
        }));
        assert_eq!(
            (&*plain.external_id, &*plain.channel, &*plain.author),
            ("C1/1355517523.000005", "#general", "Anna <U1>")
        );
        assert_eq!(&*plain.text, "@U2 see this (https://x.org) in #general & #other, @here");
        assert_eq!((plain.revision, plain.said_at, plain.kind), (Some(0), 1_355_517_523_000, Kind::Message));
        assert_eq!((&*plain.addressees[0], &*plain.attachments[0].name), ("U2", "a.png"));
        let reply =
            json!({"type": "message", "channel": "C1", "user": "U1", "text": "x", "ts": "2.0", "thread_ts": "1.0"});
        assert_eq!((event(&reply).thread, event(&reply).reply_to), (Some("C1/1.0".into()), Some("C1/1.0".into())));
        let parent =
            json!({"type": "message", "channel": "C1", "user": "U1", "text": "x", "ts": "1.0", "thread_ts": "1.0"});
        assert_eq!((event(&parent).thread, event(&parent).reply_to), (None, None));
        let bot = json!({"type": "message", "subtype": "bot_message", "channel": "C1", "ts": "1358877455.000010",
            "text": "Pushing is the answer", "bot_id": "BB12033", "username": "github", "icons": {}});
        assert_eq!((&*event(&bot).author, event(&bot).kind), ("github <BB12033>", Kind::Message));
        let joined = json!({"type": "message", "subtype": "channel_join", "channel": "C1", "ts": "1.0", "user": "U1", "text": "x"});
        assert_eq!(event(&joined).kind, Kind::Notice);
    }

    #[test]
    fn edits_are_revisions_and_deletions_are_final() {
        let changed = |message: Value| {
            json!({"type": "message", "subtype": "message_changed", "hidden": true, "channel": "C1",
                "ts": "1358878755.000001", "event_ts": "1358878755.000001", "message": message})
        };
        let edit = event(&changed(json!({"type": "message", "user": "U1", "text": "Hello, world!",
            "ts": "1355517523.000005", "edited": {"user": "U1", "ts": "1358878755.000000"}})));
        assert_eq!((&*edit.external_id, &*edit.text), ("C1/1355517523.000005", "Hello, world!"));
        assert_eq!((edit.revision, edit.said_at), (Some(1_358_878_755_000), 1_355_517_523_000));
        let stone = changed(json!({"type": "message", "subtype": "tombstone", "ts": "1355517523.000005"}));
        assert_eq!(gone(&stone), ("C1/1355517523.000005".into(), FINAL));
        let deleted = json!({"type": "message", "subtype": "message_deleted", "hidden": true, "channel": "C1",
            "ts": "1358878755.000001", "deleted_ts": "1358878749.000002", "event_ts": "1358878755.000002"});
        assert_eq!(gone(&deleted), ("C1/1358878749.000002".into(), FINAL));
    }

    #[test]
    fn reactions_come_and_go() {
        let reaction = |kind: &str, at: &str| {
            json!({"type": kind, "user": "U1", "reaction": "thumbsup", "item_user": "U2", "event_ts": at,
                "item": {"type": "message", "channel": "C1", "ts": "1360782400.498405"}})
        };
        let added = event(&reaction("reaction_added", "1360782804.083113"));
        assert_eq!(
            (&*added.text, added.kind, added.revision),
            (":thumbsup:", Kind::Notice, Some(1_360_782_804_083_113))
        );
        assert_eq!(added.reply_to.as_deref(), Some("C1/1360782400.498405"));
        let removed = gone(&reaction("reaction_removed", "1360782805.1"));
        assert_eq!(removed, (added.external_id.to_string(), 1_360_782_805_100_000));
        let mut on_a_file = reaction("reaction_added", "1360782804.083113");
        on_a_file["item"] = json!({"type": "file", "file": "F1"});
        assert_eq!(read(&on_a_file), Ok(None));
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        for odd in [json!({"type": "message"}), json!({"type": "message", "channel": "C1", "ts": "x"})] {
            assert!(read(&odd).is_err(), "{odd}");
        }
        for other in [json!(null), json!([]), json!({"type": "app_mention"}), json!({"type": 7})] {
            assert_eq!(read(&other), Ok(None));
        }
        assert_eq!(["", "x", "1.2.3", "-1.0", "1.1234567", "99999999999999"].map(micros), [None; 6]);
        let ids = Ids::of(&json!({"user": "U1", "channel": "C1", "text": "<@U2|b> <#C2> <https://x> <@../x>"}));
        assert_eq!(ids.users.iter().chain(&ids.rooms).collect::<Vec<_>>(), ["U1", "U2", "C1", "C2"]);
    }
}
