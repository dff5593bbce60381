//! Events: what happened, who said it, where and when.
//!
//! A change to an event is an upsert or a retraction. Of all versions of one id the greatest [`Version`] wins, whatever
//! the order of arrival, so `latest` is a maximum and redelivery is harmless.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{EventId, Hash128, Millis, Text, TextHash};

/// The tenant: whose memory this is. The first key of every table and arrangement but `answers`.
pub type Scope = Text;

/// What kind of happening an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Something a person said: chat, mail, post.
    #[default]
    Message,
    /// What the agent itself answered; replies to the input.
    Response,
    /// The agent's reasoning behind a response; replies to the input. No facts are read from it.
    Reasoning,
    /// An item of a feed, an article, a document. Its author speaks, "I" is nobody in particular.
    Post,
    /// A nick change: `text` is the new handle of `author`.
    Rename,
    /// A notice of the platform: joins, topics. Kept, not read for facts.
    Notice,
}

impl Kind {
    /// Every kind, in order.
    pub const ALL: [Kind; 6] = [Kind::Message, Kind::Response, Kind::Reasoning, Kind::Post, Kind::Rename, Kind::Notice];

    /// The name in tables, JSON and SQL.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Message => "message",
            Kind::Response => "response",
            Kind::Reasoning => "reasoning",
            Kind::Post => "post",
            Kind::Rename => "rename",
            Kind::Notice => "notice",
        }
    }

    /// The kind of that name.
    pub fn named(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Something that came with an event; its bytes stay where they are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
pub struct Attachment {
    /// File name or title.
    pub name: Text,
    /// Media type, empty if unknown.
    #[serde(default = "empty")]
    pub media_type: Text,
    /// Where it is: a URL or a path, empty if unknown.
    #[serde(default = "empty")]
    pub location: Text,
}

fn empty() -> Text {
    "".into()
}

/// One thing that happened, whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Whose memory it belongs to.
    pub scope: Scope,
    /// The account or feed it came from; by default the platform. Never a file's path.
    pub source: Text,
    /// The source's own id of it, unique within the source.
    pub external_id: Text,
    /// The source's own count of changes; `None` where it has none, then admission gives one.
    pub revision: Option<u64>,
    /// `irc`, `mail`, `slack`, `whatsapp`, `telegram`, `chatgpt`, `claude`, …
    pub platform: Text,
    /// The room, mailbox, feed or conversation.
    pub channel: Text,
    /// The thread within it, if the platform has threads.
    pub thread: Option<Text>,
    /// Who said it: a handle, a mail address, or `Display Name <handle>`.
    pub author: Text,
    /// To whom, in the same form; empty if to everybody there.
    pub addressees: Vec<Text>,
    /// What kind of happening.
    pub kind: Kind,
    /// When it was said.
    pub said_at: Millis,
    /// When Nexus first saw it. Not part of its content.
    pub seen_at: Millis,
    /// What was said, without quoted replies and signatures (those are in `meta`).
    pub text: Text,
    /// The external id, within the same source, of what it replies to.
    pub reply_to: Option<Text>,
    /// What came with it.
    pub attachments: Vec<Attachment>,
    /// Whatever else the source says: `subject`, `quoted`, `signature`, …
    pub meta: BTreeMap<Text, Text>,
}

/// The `said_at` of an event that is said as it is given to Nexus: it gets the time of its arrival.
pub const SAID_NOW: Millis = Millis::MIN;

impl Event {
    /// A message said now, in the scope `default`, in a channel named after the platform. Set what else is known; an empty
    /// `external_id` is made from the content.
    pub fn message(platform: &str, author: &str, text: &str) -> Event {
        Event {
            scope: "default".into(),
            source: platform.into(),
            external_id: empty(),
            revision: None,
            platform: platform.into(),
            channel: platform.into(),
            thread: None,
            author: author.into(),
            addressees: Vec::new(),
            kind: Kind::Message,
            said_at: SAID_NOW,
            seen_at: SAID_NOW,
            text: text.into(),
            reply_to: None,
            attachments: Vec::new(),
            meta: BTreeMap::new(),
        }
    }

    /// The id: hash of scope, source and external id.
    pub fn id(&self) -> EventId {
        event_id(&self.scope, &self.source, &self.external_id)
    }

    /// A hash of everything that can change by an edit: all but id, revision and `seen_at`.
    pub fn content_hash(&self) -> Hash128 {
        let mut parts: Vec<Vec<u8>> = vec![
            self.platform.as_bytes().into(),
            self.channel.as_bytes().into(),
            optional(&self.thread),
            self.author.as_bytes().into(),
            self.addressees.join("\u{1f}").into_bytes(),
            self.kind.name().as_bytes().into(),
            self.said_at.to_le_bytes().into(),
            self.text.as_bytes().into(),
            optional(&self.reply_to),
        ];
        for item in &self.attachments {
            parts.extend([&item.name, &item.media_type, &item.location].map(|part| part.as_bytes().to_vec()));
        }
        for (name, value) in &self.meta {
            parts.extend([name, value].map(|part| part.as_bytes().to_vec()));
        }
        Hash128::of("content", &parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    /// The row that the graph carries: everything but the text, attachments and meta.
    pub fn row(&self, revision: u64) -> EventRow {
        EventRow {
            id: self.id(),
            version: Version { forgotten: false, revision, retracted: false, content: self.content_hash() },
            scope: self.scope.clone(),
            source: self.source.clone(),
            platform: self.platform.clone(),
            channel: self.channel.clone(),
            thread: self.thread.clone(),
            author: self.author.clone(),
            addressees: self.addressees.iter().cloned().collect(),
            kind: self.kind,
            said_at: self.said_at,
            reply_to: self.reply_to.as_ref().map(|reply| event_id(&self.scope, &self.source, reply)),
            text: text_hash(&self.text),
            text_bytes: u32::try_from(self.text.len()).unwrap_or(u32::MAX),
            rename_to: (self.kind == Kind::Rename).then(|| self.text.clone()),
        }
    }
}

fn optional(text: &Option<Text>) -> Vec<u8> {
    text.as_ref().map_or_else(Vec::new, |text| [b"+", text.as_bytes()].concat())
}

/// The id of an event.
pub fn event_id(scope: &str, source: &str, external_id: &str) -> EventId {
    EventId::of(&[scope.as_bytes(), source.as_bytes(), external_id.as_bytes()])
}

/// The external id of an event whose source gives none: what it is, and which occurrence of the same it is, in order.
pub fn external_id_of(channel: &str, said_at: Millis, author: &str, text: &str, occurrence: u64) -> Text {
    let parts: [&[u8]; 5] =
        [channel.as_bytes(), &said_at.to_le_bytes(), author.as_bytes(), text.as_bytes(), &occurrence.to_le_bytes()];
    format!("#{}", Hash128::of("occurrence", &parts)).into()
}

/// The hash that names a text.
pub fn text_hash(text: &str) -> TextHash {
    TextHash::of(&[text.as_bytes()])
}

/// What a source says happened to an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// It is there, like this.
    Upsert(Box<Event>),
    /// It was deleted at the source: kept as a tombstone.
    Retract {
        /// Whose memory.
        scope: Scope,
        /// The event's source.
        source: Text,
        /// The event's id in that source.
        external_id: Text,
        /// The revision of the deletion; `None`: of what is held now.
        revision: Option<u64>,
    },
    /// The user wants it gone. Outranks every revision: redelivery does not bring it back.
    Forget {
        /// Whose memory.
        scope: Scope,
        /// The event.
        id: EventId,
    },
}

/// Which of two rows for one id wins: the greater. Forgetting outranks all, then the revision, then retraction, then the
/// content hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
pub struct Version {
    /// The user asked to forget it.
    pub forgotten: bool,
    /// The source's count of changes, or admission's.
    pub revision: u64,
    /// Deleted at the source.
    pub retracted: bool,
    /// [`Event::content_hash`], zero for a tombstone.
    pub content: Hash128,
}

/// What a version means for memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Part of memory.
    Live,
    /// Deleted at the source.
    Retracted,
    /// Forgotten by the user.
    Forgotten,
}

impl Version {
    /// What it means for memory.
    pub fn state(&self) -> State {
        match self {
            Version { forgotten: true, .. } => State::Forgotten,
            Version { retracted: true, .. } => State::Retracted,
            _ => State::Live,
        }
    }
}

impl State {
    /// The name in tables and SQL.
    pub fn name(self) -> &'static str {
        match self {
            State::Live => "live",
            State::Retracted => "retracted",
            State::Forgotten => "forgotten",
        }
    }
}

/// An event as the graph carries it: who, where, when, and the hash of what. About 250 bytes, shared by pointer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EventRow {
    /// The event.
    pub id: EventId,
    /// Which version of it.
    pub version: Version,
    /// Whose memory.
    pub scope: Scope,
    /// Account or feed.
    pub source: Text,
    /// `irc`, `mail`, …
    pub platform: Text,
    /// Room, mailbox, feed, conversation.
    pub channel: Text,
    /// Thread within it.
    pub thread: Option<Text>,
    /// Who said it, see [`crate::Author`].
    pub author: Text,
    /// To whom.
    pub addressees: Arc<[Text]>,
    /// What kind of happening.
    pub kind: Kind,
    /// When it was said.
    pub said_at: Millis,
    /// What it replies to.
    pub reply_to: Option<EventId>,
    /// The text's hash; of the empty text for a tombstone.
    pub text: TextHash,
    /// The text's length in bytes.
    pub text_bytes: u32,
    /// For [`Kind::Rename`]: the new handle.
    pub rename_to: Option<Text>,
}

impl EventRow {
    /// A row that says an event is gone: nothing of it but id, scope and version.
    pub fn tombstone(scope: Scope, id: EventId, version: Version) -> Self {
        let none: Text = empty();
        EventRow {
            id,
            version,
            scope,
            source: none.clone(),
            platform: none.clone(),
            channel: none.clone(),
            thread: None,
            author: none,
            addressees: Arc::new([]),
            kind: Kind::Notice,
            said_at: 0,
            reply_to: None,
            text: text_hash(""),
            text_bytes: 0,
            rename_to: None,
        }
    }

    /// Whether the event is part of memory.
    pub fn live(&self) -> bool {
        self.version.state() == State::Live
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(forgotten: bool, revision: u64, retracted: bool, content: u64) -> Version {
        Version { forgotten, revision, retracted, content: Hash128([content, 0]) }
    }

    #[test]
    fn precedence_is_forget_then_revision_then_retraction_then_content() {
        let order = [
            version(false, 1, false, 1),
            version(false, 1, false, 2),
            version(false, 1, true, 0),
            version(false, 2, false, 0),
            version(true, 0, false, 0),
        ];
        assert!(order.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
