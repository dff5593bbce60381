//! A Slack workspace export, as a folder or a zip file: who is who in `users.json`, the rooms in `channels.json` and its
//! like, and a folder for each room with a file for each day. Memory: one day of one room, and the names.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

use nexus_types::{Attachment, Change, Event, Kind, Millis, Text};
use serde_json::Value;

use crate::bundle::Bundle;
use crate::frame::Frame;
use crate::json::{list, seconds, text};
use crate::lines::decode;
use crate::{Format, Item, OpenError, Options, Rejected, Source};

/// The files that list rooms.
const ROOM_LISTS: [&str; 4] = ["channels.json", "groups.json", "mpims.json", "dms.json"];

/// A stream of the messages of a workspace.
pub(crate) struct Slack {
    bundle: Bundle,
    /// The files of days still to read, last first.
    days: Vec<String>,
    /// `Display Name <U123>` of each user, by id.
    users: BTreeMap<String, Text>,
    /// Id and members of each room, by the name of its folder.
    rooms: BTreeMap<String, Room>,
    ready: VecDeque<Item>,
    frame: Frame,
    bytes: u64,
}

#[derive(Clone)]
struct Room {
    id: Text,
    name: Text,
    /// Whom a message addresses that names nobody: the other one of two.
    members: Vec<String>,
}

impl Slack {
    pub(crate) fn new(path: &Path, options: &Options) -> Result<Slack, OpenError> {
        let bundle = Bundle::open(path)?;
        let names = bundle.names()?;
        let malformed =
            |reason| OpenError::Malformed { name: path.display().to_string(), format: Format::Slack, reason };
        let root = names
            .iter()
            .find_map(|name| name.strip_suffix("channels.json"))
            .ok_or_else(|| malformed("no channels.json".into()))?;
        let root = root.to_owned();
        let mut slack = Slack {
            days: names.iter().rev().filter(|name| is_day(name, &root)).cloned().collect(),
            bundle,
            users: BTreeMap::new(),
            rooms: BTreeMap::new(),
            ready: VecDeque::new(),
            frame: Frame::new(options, Format::Slack)?,
            bytes: 0,
        };
        for file in names
            .iter()
            .filter_map(|name| name.strip_prefix(&root))
            .filter(|name| *name == "users.json" || ROOM_LISTS.contains(name))
        {
            let value =
                slack.json(&format!("{root}{file}")).map_err(|reason| malformed(format!("{file}: {reason}")))?;
            for entry in value.as_array().map(Vec::as_slice).unwrap_or_default() {
                slack.learn(file, entry);
            }
        }
        Ok(slack)
    }

    /// Takes one entry of a list of users or rooms.
    fn learn(&mut self, file: &str, entry: &Value) {
        let id = text(entry, "id");
        if file == "users.json" {
            self.users.insert(id.into(), person(user_name(entry), id).into());
            return;
        }
        let members = list(entry, "members").iter().filter_map(Value::as_str).map(str::to_owned).collect();
        let named = text(entry, "name");
        let (folder, name) = if named.is_empty() { (id, id.to_owned()) } else { (named, format!("#{named}")) };
        let members = if file == "dms.json" { members } else { Vec::new() };
        self.rooms.insert(folder.into(), Room { id: id.into(), name: name.into(), members });
    }

    fn json(&mut self, name: &str) -> Result<Value, String> {
        let bytes = self.bundle.read(name)?;
        self.bytes += bytes.len() as u64;
        let (text, _) = decode(&bytes);
        serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| format!("not JSON: {error}"))
    }

    /// Puts the messages of one file into the queue.
    fn read(&mut self, day: &str) {
        let messages = match self.json(day) {
            Ok(Value::Array(messages)) => messages,
            Ok(_) => return self.ready.push_back(Item::Reject(Rejected::new(day, "not a list of messages", b""))),
            Err(reason) => return self.ready.push_back(Item::Reject(Rejected::new(day, reason, b""))),
        };
        let folder = day.rsplit('/').nth(1).unwrap_or_default();
        let unlisted = || Room { id: folder.into(), name: format!("#{folder}").into(), members: Vec::new() };
        let room = self.rooms.get(folder).cloned().unwrap_or_else(unlisted);
        for (at, message) in messages.iter().enumerate() {
            let item = self.change(&room, message).map_or_else(
                |reason| {
                    let position = format!("{day}, message {}", at + 1);
                    Item::Reject(Rejected::new(position, reason, message.to_string().as_bytes()))
                },
                Item::Change,
            );
            self.ready.push_back(item);
        }
    }

    fn change(&mut self, room: &Room, message: &Value) -> Result<Change, String> {
        let source = self.frame.source(self.frame.platform());
        let scope = self.frame.options.scope.clone();
        let gone = |ts: &str| Change::Retract {
            scope,
            source,
            external_id: format!("{}/{ts}", room.id).into(),
            revision: None,
        };
        match text(message, "subtype") {
            "message_deleted" => match text(message, "deleted_ts") {
                "" => Err("a deletion that does not say of what".into()),
                ts => Ok(gone(ts)),
            },
            "tombstone" => Ok(gone(text(message, "ts"))),
            "message_changed" => self.event(room, &message["message"]),
            _ => self.event(room, message),
        }
    }

    fn event(&mut self, room: &Room, message: &Value) -> Result<Change, String> {
        let mut event = self.frame.event();
        fill(&mut event, &room.id, message)?;
        event.channel = self.frame.options.channel.clone().unwrap_or_else(|| room.name.clone());
        event.author = self.author(message);
        let named = |id: &str| self.rooms.values().find(|room| &*room.id == id).map(|room| room.name.clone());
        let (said, mentioned) = said(text(message, "text"), |id| self.users.get(id).cloned(), named);
        event.text = said.into();
        event.addressees = mentioned;
        let me = text(message, "user");
        if event.addressees.is_empty() && room.members.iter().any(|member| member == me) {
            let others = room.members.iter().filter(|member| *member != me);
            event.addressees = others.filter_map(|member| self.users.get(member)).cloned().collect();
        }
        if !message["reactions"].is_null() {
            event.meta.insert(self.frame.name("reactions"), message["reactions"].to_string().into());
        }
        Ok(Change::Upsert(Box::new(event)))
    }

    fn author(&mut self, message: &Value) -> Text {
        let user = text(message, "user");
        if let Some(known) = self.users.get(user) {
            return known.clone();
        }
        let profile = &message["user_profile"];
        let names = [text(profile, "real_name"), text(profile, "display_name"), text(message, "username")];
        let id = if user.is_empty() { text(message, "bot_id") } else { user };
        let name = person(names.into_iter().find(|name| !name.is_empty()).unwrap_or_default(), id);
        self.frame.name(&name)
    }
}

impl Source for Slack {
    fn bytes_read(&self) -> u64 {
        self.bytes
    }

    fn format(&self) -> Format {
        Format::Slack
    }
}

impl Iterator for Slack {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Some(item);
            }
            let day = self.days.pop()?;
            self.read(&day);
        }
    }
}

/// Whether this is a room's file of one day: `general/2024-05-01.json`.
fn is_day(name: &str, root: &str) -> bool {
    let parts: Vec<&str> = name.strip_prefix(root).unwrap_or_default().split('/').collect();
    matches!(&parts[..], [_, day] if day.ends_with(".json") && day.starts_with(|c: char| c.is_ascii_digit()))
}

/// What a message says of itself, whoever it is from and whatever room it is in: all but author, channel and text.
pub(crate) fn fill(event: &mut Event, room: &str, message: &Value) -> Result<(), String> {
    let ts = text(message, "ts");
    event.said_at = instant(ts).ok_or("no ts")?;
    event.external_id = format!("{room}/{ts}").into();
    if let Some(thread) = message["thread_ts"].as_str() {
        event.thread = Some(format!("{room}/{thread}").into());
        event.reply_to = event.thread.clone().filter(|_| thread != ts);
    }
    event.revision = instant(text(&message["edited"], "ts")).and_then(|at| u64::try_from(at).ok());
    event.attachments = list(message, "files").iter().map(attachment).collect();
    event.kind = match text(message, "subtype") {
        "" | "thread_broadcast" | "file_share" | "file_comment" | "bot_message" | "reply_broadcast" => Kind::Message,
        "me_message" => {
            event.meta.insert("action".into(), "true".into());
            Kind::Message
        }
        subtype => {
            event.meta.insert("subtype".into(), subtype.into());
            Kind::Notice
        }
    };
    Ok(())
}

/// A text in plain writing, and whom it mentions: `<@U1>` is a person, `<#C1|x>` a room, `<url|label>` a link. `person` knows
/// who an id is, `room` what a room is called.
pub(crate) fn said(
    text: &str,
    person: impl Fn(&str) -> Option<Text>,
    room: impl Fn(&str) -> Option<Text>,
) -> (String, Vec<Text>) {
    let mut out = String::with_capacity(text.len());
    let mut mentioned: Vec<Text> = Vec::new();
    let mut rest = text;
    while let Some((before, (inside, after))) =
        rest.split_once('<').and_then(|(before, rest)| Some((before, rest.split_once('>')?)))
    {
        out.push_str(before);
        let (target, label) = inside.split_once('|').unwrap_or((inside, ""));
        if let Some(id) = target.strip_prefix('@') {
            let known = person(id);
            let name = known.as_deref().map(|person| person.rsplit_once(" <").map_or(person, |(name, _)| name));
            out.push('@');
            out.push_str(name.unwrap_or(if label.is_empty() { id } else { label }));
            mentioned.extend(known.filter(|person| !mentioned.contains(person)));
        } else if let Some(id) = target.strip_prefix(['#', '!']) {
            out.push(if target.starts_with('#') { '#' } else { '@' });
            let name = if label.is_empty() { room(id) } else { None };
            let name = name.as_deref().map(|name| name.trim_start_matches('#'));
            out.push_str(name.unwrap_or(if label.is_empty() { id } else { label.trim_start_matches('@') }));
        } else if label.is_empty() || target.ends_with(label) {
            out.push_str(target);
        } else {
            out.push_str(&format!("{label} ({target})"));
        }
        rest = after;
    }
    out.push_str(rest);
    (out.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"), mentioned)
}

/// What a user is called, if anything.
pub(crate) fn user_name(user: &Value) -> &str {
    let profile = &user["profile"];
    let names =
        [text(profile, "real_name"), text(user, "real_name"), text(profile, "display_name"), text(user, "name")];
    names.into_iter().find(|name| !name.is_empty()).unwrap_or_default()
}

/// `Display Name <U123>`.
pub(crate) fn person(name: &str, id: &str) -> String {
    let name: String = name.chars().filter(|c| !matches!(c, '<' | '>')).collect();
    match (name.trim(), id) {
        (name, "") => name.to_owned(),
        ("", id) => id.to_owned(),
        (name, id) => format!("{name} <{id}>"),
    }
}

/// The instant of a `1714555800.000100`.
pub(crate) fn instant(ts: &str) -> Option<Millis> {
    seconds(&Value::String(ts.into()))
}

fn attachment(value: &Value) -> Attachment {
    let name = if text(value, "name").is_empty() { text(value, "title") } else { text(value, "name") };
    Attachment {
        name: name.into(),
        media_type: text(value, "mimetype").into(),
        location: text(value, "url_private").into(),
    }
}
