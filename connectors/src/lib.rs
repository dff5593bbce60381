//! Outside systems behind Source and Sink: one file per system.
//!
//! A [`Source`] is an iterator over what an export, a log or a stream says happened: each [`Item`] is a change, or what
//! could not be read, with its place and the reason. Nothing is dropped in silence and no input panics.
//!
//! Identity never depends on a file's path or on how a history is cut into files: an event is named by its source's own
//! id, and without one by (channel, time, author, text, which occurrence of these in the file). See [`external_id_of`].
//!
//! Cost: logs, JSON lines and mailboxes are streamed; memory holds one message, the names seen (shared strings) and, for
//! messages without an id of their own, some 40 bytes each. A JSON document that is one object is read whole, bounded by
//! [`DOCUMENT_BYTES_MAX`].
//!
//! [`external_id_of`]: nexus_types::event::external_id_of

mod bundle;
mod calendar;
mod chatgpt;
mod claude;
mod conversations;
mod elements;
mod frame;
mod input;
mod irc;
mod json;
mod jsonl;
mod lines;
mod linkedin;
pub mod live;
mod mail;
mod reading;
mod slack;
mod telegram;
pub mod vault;
mod whatsapp;
mod x_archive;
mod zipped;

use std::path::PathBuf;
use std::sync::Arc;

use nexus_types::{Change, Hash128, Millis, Scope, Text};

pub use input::{Input, Reader, detect, expand, open, open_reader};
pub use reading::{Called, LETTER_BYTES_MAX, Reading};

/// The longest line, mail or array element that is read; a longer one is rejected and skipped.
pub const MESSAGE_BYTES_MAX: usize = 64 << 20;
/// The largest JSON document read whole, and the most bytes one entry of a zip file may unpack to.
pub const DOCUMENT_BYTES_MAX: u64 = 1 << 30;
/// A rejected row is quoted up to this many bytes.
pub const REJECT_BYTES_MAX: usize = 4 << 10;

/// What every event of one input shares.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whose memory.
    pub scope: Scope,
    /// The account or feed, where the input does not say. By default the platform.
    pub source: Option<Text>,
    /// The platform, where the input does not say. By default the format's own.
    pub platform: Option<Text>,
    /// The room, mailbox or conversation, where the input does not say.
    pub channel: Option<Text>,
    /// The format; `None` detects it.
    pub format: Option<Format>,
    /// When Nexus first saw these events.
    pub seen_at: Millis,
    /// The IANA name of the zone of times without one. By default UTC.
    pub time_zone: Option<Text>,
    /// How the owner of an export is called where the export only says "user", or "You".
    pub me: Option<Text>,
}

impl Options {
    /// The defaults, for this scope.
    pub fn new(scope: &str) -> Options {
        Options {
            scope: scope.into(),
            source: None,
            platform: None,
            channel: None,
            format: None,
            seen_at: 0,
            time_zone: None,
            me: None,
        }
    }
}

/// A form in which a history is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// One JSON object a line, Nexus's own schema.
    Jsonl,
    /// Chat logs of IRC clients and bouncers.
    Irc,
    /// A mailbox in one file.
    Mbox,
    /// A mailbox as a folder with `cur` and `new`.
    Maildir,
    /// One mail.
    Eml,
    /// A Slack workspace export.
    Slack,
    /// A WhatsApp chat export.
    WhatsApp,
    /// Telegram Desktop's JSON export.
    Telegram,
    /// ChatGPT's `conversations.json`.
    ChatGpt,
    /// Claude's `conversations.json`.
    Claude,
    /// The archive of an X account.
    X,
    /// LinkedIn's data export.
    LinkedIn,
    /// Calendars: iCalendar files.
    Calendar,
}

impl Format {
    /// Every format.
    pub const ALL: [Format; 13] = [
        Format::Jsonl,
        Format::Irc,
        Format::Mbox,
        Format::Maildir,
        Format::Eml,
        Format::Slack,
        Format::WhatsApp,
        Format::Telegram,
        Format::ChatGpt,
        Format::Claude,
        Format::X,
        Format::LinkedIn,
        Format::Calendar,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Format::Jsonl => "jsonl",
            Format::Irc => "irc",
            Format::Mbox => "mbox",
            Format::Maildir => "maildir",
            Format::Eml => "eml",
            Format::Slack => "slack",
            Format::WhatsApp => "whatsapp",
            Format::Telegram => "telegram",
            Format::ChatGpt => "chatgpt",
            Format::Claude => "claude",
            Format::X => "x",
            Format::LinkedIn => "linkedin",
            Format::Calendar => "ics",
        }
    }

    /// The format of that name.
    pub fn named(name: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.name() == name)
    }

    /// The platform of its events, where nothing else says it.
    pub fn platform(self) -> &'static str {
        match self {
            Format::Mbox | Format::Maildir | Format::Eml => "mail",
            Format::Calendar => "calendar",
            other => other.name(),
        }
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// One thing a source yields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// What happened.
    Change(Change),
    /// What could not be read.
    Reject(Rejected),
}

/// Something in an input that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Where: `line 17`, `message 3`, `2024-05-01.json, message 3`.
    pub position: Text,
    /// Why.
    pub reason: Text,
    /// What stood there, at most [`REJECT_BYTES_MAX`] bytes of it.
    pub raw: Text,
    /// A hash of all that stood there, where `raw` is not all of it.
    pub hash: Option<Hash128>,
    /// All that stood there; nothing where that is more than [`LETTER_BYTES_MAX`].
    pub whole: Vec<u8>,
    /// How it would be read again, where it can be by itself.
    pub reading: Option<Arc<Reading>>,
}

impl Rejected {
    pub(crate) fn new(position: impl std::fmt::Display, reason: impl std::fmt::Display, raw: &[u8]) -> Rejected {
        let shown = String::from_utf8_lossy(&raw[..raw.len().min(REJECT_BYTES_MAX)]);
        Rejected {
            position: position.to_string().into(),
            reason: reason.to_string().into(),
            // Also where something in it was no text, and is replaced.
            hash: (shown.as_bytes() != raw).then(|| Hash128::of("rejected", &[raw])),
            raw: shown.into(),
            whole: if raw.len() <= LETTER_BYTES_MAX { raw.to_vec() } else { Vec::new() },
            reading: None,
        }
    }
}

/// A stream of changes out of one input.
pub trait Source: Iterator<Item = Item> + Send {
    /// How many bytes of the input have been read, for progress.
    fn bytes_read(&self) -> u64;
    /// What is being read.
    fn format(&self) -> Format;
}

/// Why an input could not be opened. What fails later is a [`Rejected`].
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file system says no.
    #[error("{}: {error}", path.display())]
    Io {
        /// What was to be read.
        path: PathBuf,
        /// Why it could not be.
        error: std::io::Error,
    },
    /// Nothing that Nexus can read.
    #[error("{name}: {reason}; known formats are {}; name one with --format", known())]
    Unknown {
        /// The input.
        name: String,
        /// What was found instead.
        reason: String,
    },
    /// It is not what it was said, or seemed, to be.
    #[error("{name}: not readable as {format}: {reason}")]
    Malformed {
        /// The input.
        name: String,
        /// What it was read as.
        format: Format,
        /// What is wrong.
        reason: String,
    },
    /// No such time zone.
    #[error("unknown time zone {0:?}: give an IANA name such as Europe/Berlin")]
    TimeZone(Text),
}

fn known() -> String {
    Format::ALL.map(Format::name).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_shown_whole_has_a_hash() {
        let hash = |raw: &[u8]| Rejected::new("line 1", "too long", raw).hash;
        let begins = "x".repeat(REJECT_BYTES_MAX);
        assert_eq!([hash(b""), hash("é".as_bytes()), hash(begins.as_bytes())], [None; 3]);
        let longer = |end: &str| hash(format!("{begins}{end}").as_bytes());
        assert!(longer("a").is_some() && longer("a") == longer("a") && longer("a") != longer("b"));
        assert!(hash(b"\xff").is_some() && hash(b"\xff") != hash(b"\xfe"));
    }
}
