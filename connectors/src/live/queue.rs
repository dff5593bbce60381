//! Messages of a queue, as events: their bodies are rows of Nexus's own schema, one or many.
//!
//! A queue delivers again, so every row needs a name that is the same each time: its `id`, else what the broker calls the
//! message, with `/n` for the n-th of many rows. A row without a revision has revision 0, and a deletion without one is for
//! good. What is no row is rejected; a message of which nothing is a row is one reject, whole. A reject knows what its rows
//! were to be called, and so they are when it is read again. Cost: a copy of a body that has many rows, and a hash of one
//! of which something is rejected.

use std::sync::Arc;

use nexus_types::event::SAID_NOW;
use nexus_types::{Change, Hash128, Text};
use serde_json::Value;

use super::{FINAL, Named, socket};
use crate::frame::Frame;
use crate::jsonl::{self, Row};
use crate::{Called, Format, Item, MESSAGE_BYTES_MAX, OpenError, Options, Reading, Rejected};

/// So many messages, and so many bytes of them, are taken in at once.
const AT_ONCE: (usize, usize) = (2_000, 1 << 20);
const NO_ID: &str = "no id: give rows an id, or messages a message_id, or the feed identity = \"body\"";
#[cfg(feature = "kafka")]
const NO_KEY: &str = "it has no key that is a text: give messages one, or the feed keys = false";

/// A message.
pub(crate) struct Message<'a> {
    /// What it is called in a reject.
    pub(crate) place: String,
    /// What its rows are called that have no id.
    pub(crate) identity: Option<String>,
    /// Where it was said, where neither its rows nor the configuration say so.
    pub(crate) channel: &'a str,
    /// What it holds.
    pub(crate) body: &'a [u8],
}

/// What messages gave that came together.
#[derive(Default)]
pub(crate) struct Taken {
    pub(crate) items: Vec<Item>,
    messages: usize,
    bytes: usize,
}

impl Taken {
    /// Whether they are enough to be sent on.
    pub(crate) fn is_enough(&self) -> bool {
        self.messages >= AT_ONCE.0 || self.bytes >= AT_ONCE.1
    }
}

/// Reads the messages of one queue.
pub(crate) struct Bodies {
    frame: Frame,
    options: Options,
}

impl Bodies {
    /// For events of this platform, source and channel, where their rows do not say.
    pub(crate) fn new(
        named: &Named,
        platform: &str,
        source: Option<&Text>,
        channel: Option<&Text>,
    ) -> Result<Bodies, String> {
        let options = Options {
            platform: Some(platform.into()),
            source: Some(source.unwrap_or(&named.feed).clone()),
            channel: channel.cloned(),
            seen_at: SAID_NOW,
            ..Options::new(&named.scope)
        };
        Bodies::with(options).map_err(|error| error.to_string())
    }

    fn with(options: Options) -> Result<Bodies, OpenError> {
        Ok(Bodies { frame: Frame::new(&options, Format::Jsonl)?, options })
    }

    /// Takes a message apart.
    pub(crate) fn take(&mut self, message: &Message<'_>, taken: &mut Taken) {
        taken.messages += 1;
        taken.bytes += message.body.len();
        self.frame.set_channel(message.channel);
        let mut items = sized(message.body).and_then(|()| self.items(message)).unwrap_or_else(|reason| {
            let called = Called { identity: message.identity.as_deref().map(Text::from), revision: None };
            vec![Item::Reject(self.reject(message, &message.place, called, reason, message.body))]
        });
        // Places alone may not tell two messages apart of which the same is no row.
        let mut hash = None;
        for item in &mut items {
            if let Item::Reject(reject) = item {
                reject.hash = Some(*hash.get_or_insert_with(|| Hash128::of("message", &[message.body])));
            }
        }
        taken.items.extend(items);
    }

    /// Takes a message that is one row, or says that the row is gone. Its identity is the row's id, and this its revision,
    /// whatever the row says: a deletion says nothing, and must be of the same row.
    #[cfg(feature = "kafka")]
    pub(crate) fn take_keyed(&mut self, message: &Message<'_>, revision: u64, deleted: bool, taken: &mut Taken) {
        taken.messages += 1;
        taken.bytes += message.body.len();
        self.frame.set_channel(message.channel);
        taken.items.push(match message.identity.as_deref().map(Text::from) {
            // Without its key it cannot be read again.
            None => Item::Reject(Rejected::new(&message.place, NO_KEY, message.body)),
            Some(external_id) if deleted => {
                let (scope, source) = (self.options.scope.clone(), self.frame.source(self.frame.platform()));
                Item::Change(Change::Retract { scope, source, external_id, revision: Some(revision) })
            }
            Some(key) => self.keyed(message, key, revision),
        });
    }

    /// A message that is one row, of which the queue says id and revision.
    fn keyed(&mut self, message: &Message<'_>, key: Text, revision: u64) -> Item {
        match self.keyed_change(message.body, &key, revision) {
            Ok(change) => Item::Change(change),
            Err(reason) => {
                let called = Called { identity: Some(key), revision: Some(revision) };
                Item::Reject(self.reject(message, &message.place, called, reason, message.body))
            }
        }
    }

    fn keyed_change(&mut self, body: &[u8], key: &str, revision: u64) -> Result<Change, String> {
        sized(body)?;
        let (mut row, replaced) = jsonl::row(body)?;
        let source = self.frame.source(self.frame.platform());
        row.insert("id".into(), Value::String(key.into()));
        row.insert("revision".into(), revision.into());
        row.insert("source".into(), Value::String(source.to_string()));
        jsonl::said(&mut self.frame, row, replaced)
    }

    /// Its rows; or why none of it is one.
    fn items(&mut self, message: &Message<'_>) -> Result<Vec<Item>, String> {
        // One object, over however many lines it is written.
        if let Ok((row, replaced)) = jsonl::row(message.body) {
            return Ok(vec![Item::Change(self.change(row, replaced, message.identity.as_deref())?)]);
        }
        let (mut items, mut number, mut first) = (Vec::new(), 0, None);
        jsonl::each(message.body, |found| {
            number += 1;
            let identity = message.identity.as_ref().map(|identity| Text::from(format!("{identity}/{number}")));
            let (reason, raw) = match found {
                Ok(bytes) => {
                    let change = jsonl::row(bytes);
                    match change.and_then(|(row, replaced)| self.change(row, replaced, identity.as_deref())) {
                        Ok(change) => return items.push(Item::Change(change)),
                        Err(reason) => (reason, bytes.to_vec()),
                    }
                }
                Err(Rejected { reason, raw, whole, .. }) if whole.is_empty() => {
                    (reason.to_string(), raw.as_bytes().to_vec())
                }
                Err(Rejected { reason, whole, .. }) => (reason.to_string(), whole),
            };
            first.get_or_insert_with(|| reason.clone());
            let (place, called) = (format!("{}, row {number}", message.place), Called { identity, revision: None });
            items.push(Item::Reject(self.reject(message, &place, called, reason, &raw)));
        });
        let any = items.iter().any(|item| matches!(item, Item::Change(_)));
        if any { Ok(items) } else { Err(first.unwrap_or_else(|| "the message is empty".into())) }
    }

    fn change(&mut self, mut row: Row, replaced: bool, identity: Option<&str>) -> Result<Change, String> {
        if lacks(&row, "id") {
            row.insert("id".into(), Value::String(identity.ok_or(NO_ID)?.into()));
        }
        let unnumbered = lacks(&row, "revision");
        if unnumbered {
            row.insert("revision".into(), 0.into());
        }
        let mut change = jsonl::said(&mut self.frame, row, replaced)?;
        // A deletion that does not say of what revision is of them all.
        if let Change::Retract { revision, .. } = &mut change
            && unnumbered
        {
            *revision = Some(FINAL);
        }
        Ok(change)
    }

    fn reject(&self, message: &Message<'_>, place: &str, called: Called, reason: String, raw: &[u8]) -> Rejected {
        let channel = self.options.channel.clone().unwrap_or_else(|| message.channel.into());
        let options = Options { channel: Some(channel), ..self.options.clone() };
        let reading = Reading::of(Format::Jsonl, &options);
        let reading = reading.map(|reading| Arc::new(Reading { called: Some(called), ..reading }));
        Rejected { reading, ..Rejected::new(place, reason, raw) }
    }
}

/// Reads a message again, or a row of one: its rows are called as they were to be.
pub(crate) fn again(called: &Called, body: &[u8], options: &Options) -> Result<Vec<Item>, OpenError> {
    let mut bodies = Bodies::with(options.clone())?;
    let identity = called.identity.as_ref().map(ToString::to_string);
    let message = Message { place: "the message".into(), identity, channel: "", body };
    if let (Some(key), Some(revision)) = (&called.identity, called.revision) {
        return Ok(vec![bodies.keyed(&message, key.clone(), revision)]);
    }
    let mut taken = Taken::default();
    bodies.take(&message, &mut taken);
    Ok(taken.items)
}

fn sized(body: &[u8]) -> Result<(), String> {
    match body.len() {
        0 => Err("the message is empty".into()),
        length if length > MESSAGE_BYTES_MAX => {
            Err(format!("a message of {length} bytes; at most {MESSAGE_BYTES_MAX} are read"))
        }
        _ => Ok(()),
    }
}

fn lacks(row: &Row, field: &str) -> bool {
    row.get(field).is_none_or(Value::is_null)
}

/// Whether this is a plain `host:port`. What is not is not quoted: somebody may have written a password into it.
pub(crate) fn is_plain(server: &str, example: &str) -> Result<(), String> {
    if server.contains(['@', '/', '?', ' ']) {
        return Err(format!("server: it is no plain host:port, such as {example}"));
    }
    socket::is_address(server, example)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SAID: &str = "\"said_at\": 5, \"author\": \"anna\", \"text\": \"hello\"";

    fn read(identity: Option<&str>, body: &str) -> Vec<String> {
        let named = Named { scope: "s".into(), feed: "orders".into() };
        let mut bodies = Bodies::new(&named, "rabbitmq", None, None).unwrap();
        let identity = identity.map(str::to_string);
        let message = Message { place: "message 1".into(), identity, channel: "in", body: body.as_bytes() };
        let mut taken = Taken::default();
        bodies.take(&message, &mut taken);
        let shown = taken.items.into_iter().map(|item| match item {
            Item::Change(Change::Upsert(event)) => {
                assert_eq!((&*event.source, &*event.platform, &*event.channel), ("orders", "rabbitmq", "in"));
                format!("{} at {:?}", event.external_id, event.revision)
            }
            Item::Change(Change::Retract { source, external_id, revision, .. }) => {
                format!("{source} {external_id} is gone at {revision:?}")
            }
            Item::Change(other) => format!("{other:?}"),
            Item::Reject(reject) => format!("{}: {} <{}>", reject.position, reject.reason, reject.raw),
        });
        shown.collect()
    }

    #[test]
    fn a_row_is_called_by_its_id_or_by_the_broker() {
        let own = format!("{{\"id\": 7, \"revision\": 3, {SAID}}}");
        assert_eq!(read(Some("m"), &own), ["7 at Some(3)"]);
        assert_eq!(read(Some("m"), &format!("{{{SAID},\n \"id\": null}}\n")), ["m at Some(0)"]);
        let gone = |more: &str| format!("{{\"deleted\": true, \"id\": \"8\"{more}}}");
        let many = format!("{{{SAID}}}\n\n{own}\n{}\r\n", gone(""));
        let for_good = format!("orders 8 is gone at {:?}", Some(FINAL));
        assert_eq!(read(Some("m"), &many), ["m/1 at Some(0)", "7 at Some(3)", for_good.as_str()]);
        assert_eq!(read(None, &gone(", \"revision\": 0")), ["orders 8 is gone at Some(0)"]);
        let large = read(None, &gone(&format!(", \"revision\": {FINAL}")));
        assert!(large.len() == 1 && large[0].starts_with("message 1: revision: too large"), "{large:?}");
        assert_eq!(read(None, &format!("[{own}, {own}]")), ["7 at Some(3)", "7 at Some(3)"]);
    }

    #[test]
    fn what_is_no_row_is_rejected_and_the_rest_is_read() {
        let rejected = read(None, &format!("{{{SAID}}}"));
        assert!(rejected.len() == 1 && rejected[0].starts_with("message 1: no id: give rows an id"), "{rejected:?}");
        let text = read(Some("m"), "hello\nworld");
        assert!(text.len() == 1 && text[0].starts_with("message 1: not a JSON object"), "{text:?}");
        assert!(text[0].ends_with("<hello\nworld>"), "{text:?}");
        assert_eq!(read(Some("m"), ""), ["message 1: the message is empty <>"]);
        assert_eq!(read(Some("m"), " \n"), ["message 1: the message is empty < \n>"]);
        let half = read(Some("m"), &format!("{{{SAID}}}\n{{\"text\": 7}}"));
        assert_eq!(half, ["m/1 at Some(0)", "message 1, row 2: said_at: missing <{\"text\": 7}>"]);
    }

    /// What a message gives, apart: what is said, and what is rejected.
    fn parted(items: Vec<Item>) -> (Vec<Change>, Vec<Rejected>) {
        let (mut changes, mut rejects) = (Vec::new(), Vec::new());
        for item in items {
            match item {
                Item::Change(change) => changes.push(change),
                Item::Reject(reject) => rejects.push(reject),
            }
        }
        (changes, rejects)
    }

    /// What a reject says once it is mended, read as a letter is.
    fn mended(reject: &Rejected, wrong: &str, right: &str) -> Vec<Change> {
        let kept = serde_json::to_string(reject.reading.as_deref().unwrap()).unwrap();
        let reading: Reading = serde_json::from_str(&kept).unwrap();
        let bytes = String::from_utf8(reject.whole.clone()).unwrap().replace(wrong, right).into_bytes();
        let options = reading.options(&"s".into(), SAID_NOW);
        let (changes, rejects) = parted(reading.again("a letter", bytes, &options).unwrap());
        assert!(rejects.is_empty(), "{rejects:?}");
        changes
    }

    #[test]
    fn what_is_read_again_is_what_the_feed_would_have_given() {
        const GOOD: &str = "{\"said_at\": 6, \"author\": \"bert\", \"text\": \"good\"}";
        let row = format!("{{{SAID}}}");
        let own = format!("{{\"id\": 7, \"revision\": 3, \"channel\": \"other\", {SAID}}}");
        let gone = "{\"id\": \"8\", \"deleted\": true}".to_string();
        let damage = |right: &str| right.replace("hello\"", "hello\", \"kind\": \"no\"").replace("true", "\"no\"");
        let named = Named { scope: "s".into(), feed: "orders".into() };
        for channel in [None, Some(Text::from("a room"))] {
            let mut bodies = Bodies::new(&named, "nats", None, channel.as_ref()).unwrap();
            let mut came = |body: &str| {
                let (place, identity) = ("message 1".into(), Some("m".to_string()));
                let mut taken = Taken::default();
                bodies.take(&Message { place, identity, channel: "in", body: body.as_bytes() }, &mut taken);
                parted(taken.items)
            };
            for right in [&row, &own, &gone] {
                let wrong = damage(right);
                for body in ["ROW", "ROW\nROW", "GOOD\nROW\nGOOD\nROW", "[GOOD, ROW]"] {
                    let with = |row: &str| body.replace("ROW", row).replace("GOOD", GOOD);
                    let (mut changes, rejects) = came(&with(&wrong));
                    assert!(!rejects.is_empty(), "{wrong}");
                    rejects.iter().for_each(|reject| changes.extend(mended(reject, &wrong, right)));
                    let (mut expected, none) = came(&with(right));
                    assert!(none.is_empty(), "{none:?}");
                    let key = |change: &Change| format!("{change:?}");
                    changes.sort_by_key(key);
                    expected.sort_by_key(key);
                    assert_eq!(changes, expected, "{body} with {right}");
                }
            }
            for right in [&row, &own] {
                let keyed = |bodies: &mut Bodies, body: &str| {
                    let message = Message { place: "".into(), identity: None, channel: "in", body: body.as_bytes() };
                    bodies.frame.set_channel("in");
                    parted(vec![bodies.keyed(&message, "k".into(), 17)])
                };
                let (wrong, (expected, _)) = (damage(right), keyed(&mut bodies, right));
                let (_, rejects) = keyed(&mut bodies, &wrong);
                assert_eq!((expected.len(), mended(&rejects[0], &wrong, right)), (1, expected));
            }
        }
    }

    #[test]
    fn messages_of_which_the_same_is_no_row_are_told_apart() {
        let named = Named { scope: "s".into(), feed: "orders".into() };
        let mut bodies = Bodies::new(&named, "rabbitmq", None, None).unwrap();
        let mut hash = |body: &str| {
            let (place, mut taken) = ("a message".into(), Taken::default());
            bodies.take(&Message { place, identity: None, channel: "in", body: body.as_bytes() }, &mut taken);
            parted(taken.items).1[0].hash
        };
        let with = |id: u8| format!("{{\"id\": {id}, {SAID}}}\n{{\"text\": 7}}");
        assert!(hash(&with(1)).is_some() && hash(&with(1)) == hash(&with(1)) && hash(&with(1)) != hash(&with(2)));
    }

    #[test]
    fn a_password_in_an_address_is_not_shown() {
        let error = is_plain("sam:hunter2@host:5672", "localhost:5672").unwrap_err();
        assert!(error.starts_with("server: ") && !error.contains("hunter2"), "{error}");
        is_plain("[::1]:5672", "localhost:5672").unwrap();
        is_plain("host", "localhost:5672").unwrap_err();
    }
}
