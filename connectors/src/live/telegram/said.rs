//! What an update of Telegram's bot API means. Pure: asks no server.
//!
//! Messages of channels and large groups are numbered for everybody: they are named as the export names them, `chat/number`.
//! Those of private chats and small groups are numbered by each account for itself: `bot/chat/number`. An edit is a revision by
//! when it was made. Chats and people have the names that they had when they were first seen.

use nexus_types::{Attachment, Change, Event, Kind, Millis, Scope, Text};
use serde_json::Value;

use super::super::notes::Notes;
use crate::json::{list, seconds, shown, text};

/// The kinds of updates that are asked for.
pub(super) const UPDATES: [&str; 5] =
    ["message", "edited_message", "channel_post", "edited_channel_post", "message_reaction"];
/// Above which number chats are channels and large groups, as bots see them: less than its negative.
const PEERS: i64 = 1_000_000_000_000;
/// What may come with a message, one at a time.
const MEDIA: [&str; 7] = ["animation", "audio", "document", "sticker", "video", "video_note", "voice"];
/// What the platform says of a chat, with the words for it.
const NOTICES: [(&str, &str); 10] = [
    ("new_chat_members", "has joined"),
    ("left_chat_member", "has left"),
    ("new_chat_title", "has named the chat"),
    ("new_chat_photo", "has changed the picture"),
    ("group_chat_created", "has made the group"),
    ("supergroup_chat_created", "has made the group"),
    ("channel_chat_created", "has made the channel"),
    ("pinned_message", "has pinned a message"),
    ("forum_topic_created", "has begun a topic"),
    ("migrate_to_chat_id", "has made it a large group"),
];

/// Whose memory, what events are named after, and whose account hears them.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) scope: Scope,
    pub(super) source: Text,
    /// The bot's own number.
    pub(super) bot: i64,
}

impl Place {
    /// What an update changes, if anything.
    pub(super) fn read(&self, update: &Value, notes: &mut Notes) -> Result<Option<Change>, String> {
        let Some(kind) = UPDATES.iter().find(|kind| update[**kind].is_object()) else { return Ok(None) };
        let told = &update[*kind];
        match *kind {
            "message_reaction" => self.reaction(told, notes).map(Some),
            kind => {
                let event = self.message(told, kind.ends_with("channel_post"), notes)?;
                Ok(Some(Change::Upsert(Box::new(event))))
            }
        }
    }

    fn message(&self, message: &Value, is_post: bool, notes: &mut Notes) -> Result<Event, String> {
        let number = message["message_id"].as_i64().ok_or("no message_id")?;
        let said_at = seconds(&message["date"]).ok_or("no date")?;
        let chat = &message["chat"];
        let mut event = self.event(chat, said_at, notes)?;
        event.external_id = self.id(chat, number);
        event.revision = seconds(&message["edit_date"]).and_then(|at| u64::try_from(at).ok()).or(Some(0));
        event.author = author(message, notes);
        let said = ["text", "caption"].into_iter().find_map(|field| message[field].as_str());
        event.text = said.unwrap_or_default().into();
        event.attachments = attachments(message);
        let topic = message["message_thread_id"].as_i64().filter(|_| message["is_topic_message"] == true);
        event.thread = topic.map(|topic| self.id(chat, topic));
        // In a topic, whatever replies to nothing replies to its beginning.
        let replied = message["reply_to_message"]["message_id"].as_i64();
        event.reply_to = replied.filter(|replied| topic != Some(*replied)).map(|replied| self.id(chat, replied));
        let origin = &message["forward_origin"];
        if is_post || origin.is_object() {
            event.kind = Kind::Post;
        }
        if origin.is_object() {
            event.meta.insert("forwarded_from".into(), forwarded_from(origin).into());
        }
        let more = [("sticker_emoji", &message["sticker"]["emoji"]), ("poll", &message["poll"]["question"])];
        for (name, value) in more.into_iter().filter_map(|(name, value)| Some((name, value.as_str()?))) {
            event.meta.insert(name.into(), value.into());
        }
        let [latitude, longitude] = ["latitude", "longitude"].map(|part| message["location"][part].as_f64());
        if let Some((latitude, longitude)) = latitude.zip(longitude) {
            event.meta.insert("location".into(), format!("{latitude}, {longitude}").into());
        }
        if let Some(words) = notice(message) {
            event.kind = Kind::Notice;
            event.text = words.into();
        }
        Ok(event)
    }

    /// The signs that somebody has put to a message, all of them: those before are gone.
    fn reaction(&self, told: &Value, notes: &mut Notes) -> Result<Change, String> {
        let number = told["message_id"].as_i64().ok_or("no message_id")?;
        let at = seconds(&told["date"]).ok_or("no date")?;
        let who =
            if told["user"].is_object() { person(&told["user"], notes) } else { channel(&told["actor_chat"], notes) };
        let by = [&told["user"]["id"], &told["actor_chat"]["id"]].into_iter().find_map(Value::as_i64);
        let by = by.ok_or("a reaction of nobody")?;
        let message = self.id(&told["chat"], number);
        let external_id: Text = format!("{message}/{by}").into();
        let revision = u64::try_from(at).ok();
        let signs = list(told, "new_reaction").iter();
        let signs: Vec<&str> = signs.map(|sign| sign["emoji"].as_str().unwrap_or(text(sign, "type"))).collect();
        if signs.is_empty() {
            let (scope, source) = (self.scope.clone(), self.source.clone());
            return Ok(Change::Retract { scope, source, external_id, revision });
        }
        let event = self.event(&told["chat"], at, notes)?;
        let (kind, reply_to, text) = (Kind::Notice, Some(message), signs.join(" ").into());
        Ok(Change::Upsert(Box::new(Event { external_id, revision, author: who, kind, reply_to, text, ..event })))
    }

    /// Something in a chat.
    fn event(&self, chat: &Value, said_at: Millis, notes: &mut Notes) -> Result<Event, String> {
        let id = chat["id"].as_i64().ok_or("no chat")?;
        let title = text(chat, "title");
        let name = if title.is_empty() { full_name(chat) } else { title.into() };
        // A private chat is called by the name of the one with whom it is.
        let kind = if id > 0 { "user" } else { "chat" };
        let named = Event::message("telegram", "", "");
        let (scope, source) = (self.scope.clone(), self.source.clone());
        Ok(Event { scope, source, channel: notes.first(kind, &bare(id).to_string(), &name), said_at, ..named })
    }

    fn id(&self, chat: &Value, number: i64) -> Text {
        let id = chat["id"].as_i64().unwrap_or(0);
        match id < -PEERS {
            true => format!("{}/{number}", bare(id)).into(),
            false => format!("{}/{id}/{number}", self.bot).into(),
        }
    }
}

/// A chat's number as the export has it.
fn bare(id: i64) -> i64 {
    if id < -PEERS { id.saturating_neg() - PEERS } else { id }
}

/// Who wrote a message, in the export's form: `Anna <user1>`, `News <channel2>`.
fn author(message: &Value, notes: &mut Notes) -> Text {
    match (&message["sender_chat"], &message["from"]) {
        (chat, _) if chat.is_object() => channel(chat, notes),
        (_, user) if user.is_object() => person(user, notes),
        _ => channel(&message["chat"], notes),
    }
}

fn person(user: &Value, notes: &mut Notes) -> Text {
    called(&format!("user{}", shown(&user["id"])), &full_name(user), notes)
}

fn channel(chat: &Value, notes: &mut Notes) -> Text {
    called(&format!("channel{}", bare(chat["id"].as_i64().unwrap_or(0))), text(chat, "title"), notes)
}

/// An author, as it was when it was first seen.
fn called(id: &str, name: &str, notes: &mut Notes) -> Text {
    let name = plain(name);
    let author = if name.is_empty() || name == id { id.to_string() } else { format!("{name} <{id}>") };
    notes.first("author", id, &author)
}

fn full_name(user: &Value) -> String {
    let parts = ["first_name", "last_name"].map(|part| text(user, part));
    parts.join(" ").trim().into()
}

fn plain(name: &str) -> String {
    let name: String = name.chars().filter(|c| !matches!(c, '<' | '>')).collect();
    name.trim().into()
}

/// Who said first what somebody passes on.
fn forwarded_from(origin: &Value) -> String {
    let names = [
        full_name(&origin["sender_user"]),
        text(origin, "sender_user_name").into(),
        text(&origin["sender_chat"], "title").into(),
        text(&origin["chat"], "title").into(),
    ];
    names.into_iter().find(|name| !name.is_empty()).unwrap_or_else(|| text(origin, "type").into())
}

/// What the platform says, if it is that which speaks.
fn notice(message: &Value) -> Option<String> {
    let (field, words) = NOTICES.iter().find(|(field, _)| !message[*field].is_null())?;
    let told = &message[*field];
    let names: Vec<String> = match *field {
        "new_chat_members" => list(message, field).iter().map(full_name).collect(),
        "left_chat_member" => vec![full_name(told)],
        _ => Vec::new(),
    };
    let title = told.as_str().unwrap_or(text(told, "name"));
    Some([&*names.join(", "), *words, title].join(" ").trim().into())
}

/// What came with a message. Its bytes are to be asked for by an id that changes; only what does not is kept.
fn attachments(message: &Value) -> Vec<Attachment> {
    let photo = list(message, "photo").first().map(|_| ("photo", "image/jpeg", ""));
    // An animation is a document as well.
    let media = MEDIA.iter().find(|kind| message[**kind].is_object()).map(|kind| {
        let file = &message[*kind];
        (*kind, text(file, "mime_type"), text(file, "file_name"))
    });
    let made = |(kind, media_type, name): (&str, &str, &str)| Attachment {
        name: if name.is_empty() { kind.into() } else { name.into() },
        media_type: media_type.into(),
        location: "".into(),
    };
    photo.into_iter().chain(media).map(made).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn read(update: Value, notes: &mut Notes) -> Result<Option<Change>, String> {
        Place { scope: "s".into(), source: "telegram".into(), bot: 99 }.read(&update, notes)
    }

    fn message(more: Value) -> Value {
        let mut message = json!({"message_id": 2, "date": 1_714_555_860, "text": "hello",
            "chat": {"id": -1_001_234_567_890_i64, "type": "supergroup", "title": "Hiking"},
            "from": {"id": 1, "is_bot": false, "first_name": "Anna", "last_name": "<3", "username": "anna"}});
        message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        message
    }

    fn event(kind: &str, message: Value) -> Event {
        match read(json!({"update_id": 1, kind: message}), &mut Notes::default()).unwrap().unwrap() {
            Change::Upsert(event) => *event,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_message_is_named_as_the_export_names_it() {
        let group = event("message", message(json!({"reply_to_message": {"message_id": 1}})));
        assert_eq!(
            (&*group.external_id, &*group.author, &*group.channel),
            ("1234567890/2", "Anna 3 <user1>", "Hiking")
        );
        assert_eq!(
            (group.reply_to.as_deref(), group.revision, group.said_at),
            (Some("1234567890/1"), Some(0), 1_714_555_860_000)
        );
        let private = json!({"chat": {"id": 1, "type": "private", "first_name": "Anna"}});
        let private = event("message", message(private));
        assert_eq!((&*private.external_id, &*private.channel), ("99/1/2", "Anna"));
        let post = json!({"from": null, "sender_chat": {"id": -1_001_234_567_890_i64, "title": "News"}});
        let post = event("channel_post", message(post));
        assert_eq!((post.kind, &*post.author), (Kind::Post, "News <channel1234567890>"));
        let edited = event("edited_message", message(json!({"edit_date": 1_714_555_920})));
        assert_eq!((edited.external_id, edited.revision), (group.external_id, Some(1_714_555_920_000)));
    }

    #[test]
    fn forwards_captions_topics_and_notices_are_told_apart() {
        let origin = json!({"type": "hidden_user", "sender_user_name": "Somebody", "date": 1});
        let forward = event("message", message(json!({"forward_origin": origin})));
        assert_eq!((forward.kind, &*forward.meta["forwarded_from"]), (Kind::Post, "Somebody"));
        let photo = json!({"text": null, "caption": "a cat", "photo": [{"file_id": "x", "file_unique_id": "y"}]});
        let photo = event("message", message(photo));
        assert_eq!((&*photo.text, &*photo.attachments[0].media_type), ("a cat", "image/jpeg"));
        let topic = json!({"message_thread_id": 5, "is_topic_message": true, "reply_to_message": {"message_id": 5}});
        let topic = event("message", message(topic));
        assert_eq!((topic.thread.as_deref(), topic.reply_to), (Some("1234567890/5"), None));
        let joined = json!({"text": null, "new_chat_members": [{"id": 3, "first_name": "Bert"}]});
        let joined = event("message", message(joined));
        assert_eq!((joined.kind, &*joined.text), (Kind::Notice, "Bert has joined"));
    }

    #[test]
    fn reactions_replace_each_other_and_names_stay() {
        let reaction = |at: i64, new: Value| {
            let chat = &message(json!({}))["chat"];
            let user = json!({"id": 1, "first_name": "Anna"});
            json!({"message_reaction": {"chat": chat, "message_id": 2, "user": user, "date": at, "old_reaction": [], "new_reaction": new}})
        };
        let mut notes = Notes::default();
        let put = read(reaction(5, json!([{"type": "emoji", "emoji": "👍"}])), &mut notes).unwrap().unwrap();
        let Change::Upsert(put) = put else { panic!("{put:?}") };
        assert_eq!((&*put.external_id, &*put.text, put.revision), ("1234567890/2/1", "👍", Some(5_000)));
        let taken = read(reaction(6, json!([])), &mut notes).unwrap();
        assert!(matches!(taken, Some(Change::Retract { revision: Some(6_000), .. })));
        let renamed = message(json!({"from": {"id": 1, "first_name": "Anne"}}));
        let Some(Change::Upsert(event)) = read(json!({"message": renamed}), &mut notes).unwrap() else {
            panic!("none")
        };
        assert_eq!(&*event.author, "Anna <user1>");
        // Names are noted just as events have them.
        let noted = [("author", "user1"), ("chat", "1234567890")].map(|(kind, key)| notes.name(kind, key).cloned());
        assert_eq!(noted, [Some(event.author), Some(event.channel)]);
        // A private chat has a person's name, whatever group has the same number.
        let alone = message(json!({"chat": {"id": 1_234_567_890, "type": "private", "first_name": "Bert"}}));
        read(json!({"message": alone}), &mut notes).unwrap();
        assert_eq!(notes.name("user", "1234567890").map(|name| &**name), Some("Bert"));
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        for odd in [json!({"message_id": null}), json!({"date": "never"}), json!({"chat": 7})] {
            assert!(read(json!({"message": message(odd.clone())}), &mut Notes::default()).is_err(), "{odd}");
        }
        assert_eq!(read(json!({"poll": {}}), &mut Notes::default()), Ok(None));
        assert_eq!(read(json!(null), &mut Notes::default()), Ok(None));
        assert_eq!([bare(i64::MIN), bare(-5), bare(-1_000_000_000_001)], [i64::MAX - PEERS, -5, 1]);
    }
}
