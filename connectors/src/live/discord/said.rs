//! What an event of Discord's gateway means. Pure: asks no server.
//!
//! A message's id names it, an edit is a revision by when it was made, a deletion is final. An author is `anna <1234>`, with
//! the name that the account had when it was first seen; so are channels, whose names have to be known before what is said in
//! them is read. Rooms that are not asked for leave no trace.

use nexus_types::time::parse_millis;
use nexus_types::{Attachment, Change, Event, Kind, Millis, Scope, Text};
use serde_json::Value;

use super::super::FINAL;
use super::super::notes::Notes;
use crate::frame::accepted;
use crate::json::{list, text};
use crate::{Item, Rejected};

/// When Discord's ids begin to count, in milliseconds since 1970.
const EPOCH: Millis = 1_420_070_400_000;
/// Channels that are threads.
const THREADS: [u64; 3] = [10, 11, 12];
/// Messages that somebody wrote: plain ones, replies, and what a command of an app says.
const WRITTEN: [u64; 4] = [0, 19, 20, 23];
/// A message that only shows where a thread begins.
const THREAD_STARTER: u64 = 21;
/// A flag of a message that an app has yet to write.
const LOADING: u64 = 1 << 7;
/// A reference that is a forwarded message.
const FORWARD: u64 = 1;
/// So many channels that a message mentions are asked for their names: each holds up what is heard.
const MENTIONED_MAX: usize = 5;

/// Whose memory, what events are named after, and which channels are wanted.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) scope: Scope,
    pub(super) source: Text,
    /// By id; a thread is in its channel.
    pub(super) channels: Option<Vec<String>>,
}

impl Place {
    /// What an event brings. Names and how far channels are read go into the notes.
    pub(super) fn hear(&self, kind: &str, data: &Value, notes: &mut Notes) -> Vec<Item> {
        match kind {
            "GUILD_CREATE" => self.learn_guild(data, notes),
            "CHANNEL_CREATE" | "THREAD_CREATE" | "THREAD_UPDATE" => learn(data, notes),
            "THREAD_LIST_SYNC" => list(data, "threads").iter().for_each(|thread| learn(thread, notes)),
            "MESSAGE_CREATE" => return self.message(data, notes),
            // What only unfolds a link says nothing new.
            "MESSAGE_UPDATE" if data["content"].is_string() => return self.shown(data, notes),
            "MESSAGE_DELETE" => return self.gone(data, [&data["id"]].into_iter(), notes),
            "MESSAGE_DELETE_BULK" => return self.gone(data, list(data, "ids").iter(), notes),
            "MESSAGE_REACTION_ADD" | "MESSAGE_REACTION_REMOVE" => {
                return self.reaction(kind.ends_with("ADD"), data, notes).into_iter().collect();
            }
            _ => {}
        }
        Vec::new()
    }

    /// A message that was written, whether the gateway tells it or it was asked for: up to there its channel is read.
    pub(super) fn message(&self, message: &Value, notes: &mut Notes) -> Vec<Item> {
        let (id, channel) = (text(message, "id"), text(message, "channel_id"));
        if said_at(id).is_some() && !channel.is_empty() && self.is_wanted(channel, notes) {
            reached(channel, id, notes);
        }
        self.shown(message, notes)
    }

    /// A message as it reads now.
    fn shown(&self, message: &Value, notes: &mut Notes) -> Vec<Item> {
        match self.read(message, notes) {
            Ok(event) => event.into_iter().map(|event| Item::Change(Change::Upsert(Box::new(event)))).collect(),
            Err(reason) => {
                let position = format!("message {}", text(message, "id"));
                vec![Item::Reject(Rejected::new(position, reason, message.to_string().as_bytes()))]
            }
        }
    }

    fn read(&self, message: &Value, notes: &mut Notes) -> Result<Option<Event>, String> {
        let (id, channel) = (text(message, "id"), text(message, "channel_id"));
        let said_at = said_at(id).filter(|_| !channel.is_empty()).ok_or("a message without an id and a channel")?;
        if !self.is_wanted(channel, notes) {
            return Ok(None);
        }
        let kind = message["type"].as_u64().unwrap_or(0);
        let loading = message["flags"].as_u64().is_some_and(|flags| flags & LOADING != 0);
        if kind == THREAD_STARTER || loading {
            return Ok(None);
        }
        let content = message["content"].as_str().ok_or("a message without content")?;
        let author = author(message, notes).ok_or("a message that does not say who wrote it")?;
        let (reference, forwarded) = (&message["message_reference"], forwarded(message));
        let shown = forwarded.unwrap_or(message);
        let content = if forwarded.is_some() { text(shown, "content") } else { content };
        // Of what is forwarded these are named in the text alone.
        list(shown, "mentions").iter().for_each(|user| _ = person(user, notes));
        let mut event = self.event(id, channel, said_at, notes);
        event.author = author;
        event.revision =
            parse_millis(text(message, "edited_timestamp")).and_then(|at| u64::try_from(at).ok()).or(Some(0));
        event.addressees = list(message, "mentions").iter().map(|user| person(user, notes)).collect();
        event.text = said(content, shown, notes).into();
        event.attachments = list(shown, "attachments").iter().map(attachment).collect();
        match kind {
            _ if forwarded.is_some() => {
                let from = format!("{}/{}", text(reference, "channel_id"), text(reference, "message_id"));
                event.kind = Kind::Post;
                event.meta.insert("forwarded_from".into(), from.into());
            }
            kind if WRITTEN.contains(&kind) => event.reply_to = replies_to(reference, channel),
            kind => {
                event.kind = Kind::Notice;
                event.reply_to = replies_to(reference, channel);
                event.text = format!("{}{}", notice(kind), event.text).trim().into();
            }
        }
        Ok(Some(event))
    }

    fn gone<'a>(&self, data: &Value, ids: impl Iterator<Item = &'a Value>, notes: &Notes) -> Vec<Item> {
        if !self.is_wanted(text(data, "channel_id"), notes) {
            return Vec::new();
        }
        let gone = |id: &str| Item::Change(self.retract(id.into()));
        ids.filter_map(Value::as_str).map(gone).collect()
    }

    fn retract(&self, external_id: Text) -> Change {
        let (scope, source) = (self.scope.clone(), self.source.clone());
        Change::Retract { scope, source, external_id, revision: Some(FINAL) }
    }

    /// A sign that somebody puts to a message, or takes away. It has no time of its own, and no id.
    fn reaction(&self, added: bool, data: &Value, notes: &mut Notes) -> Option<Item> {
        let [message, user, channel] = ["message_id", "user_id", "channel_id"].map(|field| text(data, field));
        let sign = text(&data["emoji"], "name");
        let mark = data["emoji"]["id"].as_str().unwrap_or(sign);
        let at = said_at(message).filter(|_| !user.is_empty() && !mark.is_empty())?;
        if !self.is_wanted(channel, notes) {
            return None;
        }
        let id: Text = format!("{message}/{user}/{mark}").into();
        if !added {
            return Some(Item::Change(self.retract(id)));
        }
        let mut event = self.event(&id, channel, at, notes);
        let member = &data["member"]["user"];
        event.author = if member.is_object() { person(member, notes) } else { user.into() };
        event.kind = Kind::Notice;
        event.text = sign.into();
        event.reply_to = Some(message.into());
        Some(Item::Change(Change::Upsert(Box::new(event))))
    }

    fn event(&self, id: &str, channel: &str, said_at: Millis, notes: &mut Notes) -> Event {
        let room = room(channel, notes);
        Event {
            scope: self.scope.clone(),
            source: self.source.clone(),
            external_id: id.into(),
            revision: Some(0),
            channel: notes.first("channel", &room, &room),
            thread: (*room != *channel).then(|| channel.into()),
            said_at,
            ..Event::message("discord", "", "")
        }
    }

    /// The channels whose names have to be known before a message is read: its own, and those that its text mentions.
    pub(super) fn names<'a>(&self, message: &'a Value, notes: &Notes) -> Vec<&'a str> {
        let channel = text(message, "channel_id");
        if channel.is_empty() || !self.is_wanted(channel, notes) {
            return Vec::new();
        }
        let content = text(forwarded(message).unwrap_or(message), "content");
        let parts = content.split("<#").skip(1).filter_map(|part| part.split_once('>'));
        let mentioned = parts.map(|(id, _)| id).filter(|id| said_at(id).is_some());
        std::iter::once(channel).chain(mentioned.take(MENTIONED_MAX)).collect()
    }

    pub(super) fn is_wanted(&self, channel: &str, notes: &Notes) -> bool {
        let parent = notes.get("thread", channel);
        self.channels.as_ref().is_none_or(|wanted| {
            wanted.iter().any(|one| *one == channel || parent.is_some_and(|parent| **parent == **one))
        })
    }

    /// A server that we are in: what its channels are called, and in which something was said that we did not hear.
    fn learn_guild(&self, guild: &Value, notes: &mut Notes) {
        let name = notes.first("guild", text(guild, "id"), text(guild, "name"));
        for channel in list(guild, "channels") {
            let called = format!("{name} #{}", text(channel, "name"));
            notes.first("channel", text(channel, "id"), &called);
        }
        list(guild, "threads").iter().for_each(|thread| learn(thread, notes));
        let Some(since) = notes.get("since", "all").cloned() else { return };
        for channel in ["channels", "threads"].into_iter().flat_map(|part| list(guild, part)) {
            let id = text(channel, "id");
            let last = number(text(channel, "last_message_id"));
            let unheard = notes.get("last", id).is_none() && notes.get("gap", id).is_none();
            if unheard && last > number(&since) && self.is_wanted(id, notes) {
                notes.set("gap", id, Some(&since));
            }
        }
    }
}

/// Whether an event says something in a channel.
pub(super) fn speaks(kind: &str, data: &Value) -> bool {
    match kind {
        "MESSAGE_CREATE" | "MESSAGE_REACTION_ADD" => true,
        "MESSAGE_UPDATE" => data["content"].is_string(),
        _ => false,
    }
}

/// The channel whose name is missing before what is said in this one can be read.
pub(super) fn nameless(channel: &str, notes: &Notes) -> Option<Text> {
    let room = room(channel, notes);
    notes.name("channel", &room).is_none().then_some(room)
}

/// The message that one forwards.
fn forwarded(message: &Value) -> Option<&Value> {
    (message["message_reference"]["type"] == FORWARD).then(|| &message["message_snapshots"][0]["message"])
}

/// A channel itself, or the one that a thread is in.
fn room(channel: &str, notes: &Notes) -> Text {
    notes.get("thread", channel).cloned().unwrap_or_else(|| channel.into())
}

/// A channel that was made or asked for, or a thread. A channel is called by its server's name too: one whose server is not
/// known by name, as after an erasure, stays without a name until it is asked for.
pub(super) fn learn(channel: &Value, notes: &mut Notes) {
    let [id, parent, guild] = ["id", "parent_id", "guild_id"].map(|field| text(channel, field));
    if channel["type"].as_u64().is_some_and(|kind| THREADS.contains(&kind)) && !parent.is_empty() {
        notes.set("thread", id, Some(parent));
    } else if !id.is_empty() && !text(channel, "name").is_empty() {
        let called = match notes.name("guild", guild) {
            Some(of) => format!("{of} #{}", text(channel, "name")),
            None if guild.is_empty() => format!("#{}", text(channel, "name")),
            None => return,
        };
        notes.first("channel", id, &called);
    }
}

/// Notes up to where a channel is read.
fn reached(channel: &str, id: &str, notes: &mut Notes) {
    if number(id) > notes.get("last", channel).map_or(0, |last| number(last)) {
        notes.set("last", channel, Some(id));
    }
}

pub(super) fn number(id: &str) -> u64 {
    id.parse().unwrap_or(0)
}

/// When something with that id was made.
fn said_at(id: &str) -> Option<Millis> {
    let at = Millis::try_from(id.parse::<u64>().ok()? >> 22).ok()?;
    accepted(at + EPOCH)
}

/// The id of what is made then.
pub(super) fn id_at(at: Millis) -> u64 {
    u64::try_from(at.saturating_sub(EPOCH)).unwrap_or(0) << 22
}

fn author(message: &Value, notes: &mut Notes) -> Option<Text> {
    let user = &message["author"];
    if text(user, "id").is_empty() {
        return None;
    }
    // A webhook speaks for whomever it says.
    if let Some(hook) = message["webhook_id"].as_str() {
        let name = plain(text(user, "username"));
        return Some(format!("{name} <{hook}/{name}>").into());
    }
    Some(person(user, notes))
}

fn person(user: &Value, notes: &mut Notes) -> Text {
    let (id, name) = (text(user, "id"), plain(text(user, "username")));
    let name = if name.is_empty() { id } else { &*name };
    notes.first("user", id, &format!("{name} <{id}>"))
}

fn plain(name: &str) -> String {
    let name: String = name.chars().filter(|c| !matches!(c, '<' | '>')).collect();
    name.trim().into()
}

/// What a message replies to: something in the same channel.
fn replies_to(reference: &Value, channel: &str) -> Option<Text> {
    let elsewhere = reference["channel_id"].as_str().is_some_and(|other| other != channel);
    reference["message_id"].as_str().filter(|_| !elsewhere).map(Text::from)
}

/// What a message says, in plain writing: `<@1>` is a person, `<#1>` a channel, `<:x:1>` a sign. One that says nothing itself
/// says what its card does, if an app made it: cards of links come and change later.
fn said(content: &str, message: &Value, notes: &Notes) -> String {
    if content.is_empty() {
        let cards = list(message, "embeds").iter().filter(|card| text(card, "type") == "rich");
        let parts = cards.flat_map(|card| [text(card, "title"), text(card, "description")]);
        return parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n");
    }
    let mut out = String::with_capacity(content.len());
    let mut rest = content;
    while let Some((before, after)) = rest.split_once('<') {
        out.push_str(before);
        match after.split_once('>').and_then(|(inside, after)| Some((named(inside, notes)?, after))) {
            Some((name, after)) => {
                out.push_str(&name);
                rest = after;
            }
            None => {
                out.push('<');
                rest = after;
            }
        }
    }
    out + rest
}

/// What stands between `<` and `>` for a name.
fn named(inside: &str, notes: &Notes) -> Option<String> {
    let known = |kind: &str, id: &str| notes.name(kind, id).map(|name| name.to_string());
    if let Some(id) = inside.strip_prefix("@!").or_else(|| inside.strip_prefix('@')) {
        return known("user", id).map(|name| format!("@{}", name.rsplit_once(" <").map_or(&*name, |(name, _)| name)));
    }
    if let Some(id) = inside.strip_prefix('#') {
        return known("channel", id).map(|name| format!("#{}", name.rsplit_once('#').map_or(&*name, |(_, name)| name)));
    }
    let sign = inside.strip_prefix("a:").or_else(|| inside.strip_prefix(':'))?;
    let (name, id) = sign.split_once(':')?;
    (!name.is_empty() && id.bytes().all(|digit| digit.is_ascii_digit())).then(|| format!(":{name}:"))
}

/// What a message says that nobody wrote.
fn notice(kind: u64) -> &'static str {
    match kind {
        1 => "was added ",
        2 => "was removed ",
        3 => "called ",
        4 => "named the channel ",
        6 => "pinned a message ",
        7 => "has joined ",
        8..=11 => "boosts the server ",
        12 => "follows ",
        18 => "began the thread ",
        _ => "",
    }
}

/// A file. Its address is signed for a day: what does not change of it is kept.
fn attachment(file: &Value) -> Attachment {
    Attachment {
        name: text(file, "filename").into(),
        media_type: text(file, "content_type").into(),
        location: text(file, "url").split('?').next().unwrap_or_default().into(),
    }
}

#[cfg(test)]
mod tests;
