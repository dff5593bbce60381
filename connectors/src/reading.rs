//! How something that could not be read would be read again by itself: its format, and what its source was told.
//!
//! Rows and mails stand by themselves; a line of a log needs those before it, so it has no reading. Rows of a queue's
//! message are called as its feed called them. Cost: a pointer a reject.

use std::io::Cursor;
use std::sync::Arc;

use nexus_types::{Millis, Scope, Text};
use serde::{Deserialize, Serialize};

use crate::live::queue;
use crate::{Format, Item, OpenError, Options, Rejected, Source, open_reader};

/// What is rejected is kept whole up to so many bytes.
pub const LETTER_BYTES_MAX: usize = 1 << 20;

/// How to read something again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reading {
    /// The format's name.
    pub format: Text,
    /// As in [`Options`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Text>,
    /// As in [`Options`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<Text>,
    /// As in [`Options`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<Text>,
    /// As in [`Options`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<Text>,
    /// What its rows are called that do not say, if it is of a queue's message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub called: Option<Called>,
}

/// What rows of a queue's message are called, or the one row that it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Called {
    /// Their id, with `/n` for the n-th of many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<Text>,
    /// The revision, where it is one row, of which the queue says id and revision, whatever it says itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
}

impl Reading {
    /// How one row of an input of this format is read by itself, if it can be.
    pub(crate) fn of(format: Format, options: &Options) -> Option<Reading> {
        let alone = match format {
            Format::Jsonl => Format::Jsonl,
            Format::Eml | Format::Mbox | Format::Maildir => Format::Eml,
            _ => return None,
        };
        let Options { source, platform, channel, time_zone, .. } = options.clone();
        Some(Reading { format: alone.name().into(), source, platform, channel, time_zone, called: None })
    }

    /// The options of a source that reads it.
    pub fn options(&self, scope: &Scope, seen_at: Millis) -> Options {
        let Reading { format, source, platform, channel, time_zone, .. } = self.clone();
        let format = Format::named(&format);
        Options { source, platform, channel, time_zone, format, seen_at, ..Options::new(scope) }
    }

    /// What it says when it is read again: just what its source would have read. `options` are
    /// [its own](Reading::options), perhaps with another format.
    pub fn again(&self, name: &str, bytes: Vec<u8>, options: &Options) -> Result<Vec<Item>, OpenError> {
        match &self.called {
            Some(called) if options.format == Some(Format::Jsonl) => queue::again(called, &bytes, options),
            _ => Ok(open_reader(name, Box::new(Cursor::new(bytes)), options)?.collect()),
        }
    }
}

/// A source whose rejects know how they would be read again.
pub(crate) struct Rereadable {
    source: Box<dyn Source>,
    reading: Option<Arc<Reading>>,
}

impl Rereadable {
    pub(crate) fn new(source: Box<dyn Source>, options: &Options) -> Rereadable {
        let reading = Reading::of(source.format(), options).map(Arc::new);
        Rereadable { source, reading }
    }
}

impl Source for Rereadable {
    fn bytes_read(&self) -> u64 {
        self.source.bytes_read()
    }

    fn format(&self) -> Format {
        self.source.format()
    }
}

impl Iterator for Rereadable {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        Some(match self.source.next()? {
            Item::Reject(reject) if reject.reading.is_none() => {
                Item::Reject(Rejected { reading: self.reading.clone(), ..reject })
            }
            item => item,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_rejected_is_read_again_as_its_source_was() {
        let options = Options { source: Some("shop".into()), ..Options::new("s") };
        let row = r#"{"id": "1", "said_at": 0, "author": 7}"#;
        let mut rows = open_reader("a.jsonl", Box::new(Cursor::new(format!("{row}\n"))), &options).unwrap();
        let Some(Item::Reject(reject)) = rows.next() else { panic!("it has no text") };
        assert_eq!(reject.whole.trim_ascii(), row.as_bytes());
        let again = reject.reading.unwrap().options(&"s".into(), 7);
        assert_eq!((again.source.as_deref(), again.format, again.seen_at), (Some("shop"), Some(Format::Jsonl), 7));
        let log = "[09:14] <anna> hello\n[09:14] <bert> hi\n[09:15] <anna> tea?\n[09:16] <bert> yes\nnonsense\n";
        let lines = open_reader("#a.2004-12-25.log", Box::new(Cursor::new(log)), &options).unwrap();
        let rejects: Vec<Item> = lines.filter(|item| matches!(item, Item::Reject(_))).collect();
        assert!(matches!(&rejects[..], [Item::Reject(reject)] if reject.reading.is_none()), "{rejects:?}");
    }
}
