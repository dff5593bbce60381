//! WhatsApp's text export of one chat.
//!
//! The order of day and month follows the language of the phone and is not written down: the file is read ahead until a
//! number above twelve decides it. If none does, a date with dots is day first, one with `AM` or `PM` in capitals (as
//! phones set to American English write it) month first, and any other day first.
//!
//! The export has no ids: identity is chat, time, author and text. A message deleted before the export is a notice.

mod line;

use std::io::{BufRead, Cursor, Read};

use nexus_types::{Attachment, Change, Event, Kind, Millis};

use crate::frame::{Frame, Spread};
use crate::lines::{Lines, REPLACED, decode};
use crate::{Format, Item, MESSAGE_BYTES_MAX, OpenError, Options, Reader, Rejected, Source};
use line::{Line, Order};

pub(crate) use line::looks_like;

/// How far the file is read ahead for a date that decides the order of day and month.
const AHEAD_BYTES_MAX: usize = 256 << 20;

/// A chat, message by message.
pub(crate) struct WhatsApp {
    lines: Lines,
    frame: Frame,
    spread: Spread,
    order: Order,
    /// The message whose further lines are being read.
    pending: Option<Pending>,
}

/// A message as far as it has been read.
struct Pending {
    number: u64,
    stamp: Result<(Millis, Millis), String>,
    author: Option<String>,
    text: String,
    replaced: bool,
}

impl WhatsApp {
    /// `name` is the file's, which names the chat.
    pub(crate) fn new(name: &str, mut reader: Reader, options: &Options) -> Result<WhatsApp, OpenError> {
        let mut frame = Frame::new(options, Format::WhatsApp)?;
        frame.set_channel(chat_name(name));
        let io = |error| OpenError::Io { path: name.into(), error };
        let (ahead, order) = read_ahead(&mut reader).map_err(io)?;
        let lines = Lines::new(Box::new(Cursor::new(ahead).chain(reader)));
        Ok(WhatsApp { lines, frame, spread: Spread::default(), order, pending: None })
    }

    /// Takes the current line: it goes on with the pending message, or ends it and begins the next.
    fn take(&mut self) -> Option<Item> {
        let (text, replaced) = decode(self.lines.line());
        let Some(line) = line::read(&text) else {
            let Some(pending) = &mut self.pending else {
                let blank = text.trim().is_empty();
                return (!blank).then(|| Item::Reject(self.lines.reject("no message begins before this line")));
            };
            if pending.text.len() + text.len() > MESSAGE_BYTES_MAX {
                return Some(Item::Reject(self.lines.reject("the message it goes on with is too long")));
            }
            pending.text.push('\n');
            pending.text.push_str(&text);
            pending.replaced |= replaced;
            return None;
        };
        let next = Pending {
            number: self.lines.number(),
            stamp: self.stamp(&line),
            author: line.author.map(str::to_owned),
            text: line.text.to_owned(),
            replaced,
        };
        let done = self.pending.replace(next);
        done.map(|done| self.finish(done))
    }

    fn stamp(&self, line: &Line<'_>) -> Result<(Millis, Millis), String> {
        let at = line.at(self.order).ok_or("no such date")?;
        let at = self.frame.instant(at).ok_or("a time outside the years 1 to 9999")?;
        Ok((at, line.resolution))
    }

    fn finish(&mut self, message: Pending) -> Item {
        let (stamp, resolution) = match message.stamp {
            Ok(stamp) => stamp,
            Err(reason) => {
                return Item::Reject(Rejected::new(
                    format_args!("line {}", message.number),
                    reason,
                    message.text.as_bytes(),
                ));
            }
        };
        let mut event = self.frame.event();
        let author = match message.author.as_deref() {
            Some("You") => self.frame.options.me.clone().unwrap_or_else(|| "You".into()),
            author => self.frame.name(author.unwrap_or_default()),
        };
        event.external_id = self.frame.identify(&event.channel, stamp, &author, &message.text);
        event.said_at = self.spread.next(stamp, resolution);
        event.kind = if message.author.is_some() { Kind::Message } else { Kind::Notice };
        event.author = author;
        fill(&mut event, &message.text);
        if message.replaced {
            event.meta.insert("encoding".into(), REPLACED.into());
        }
        Item::Change(Change::Upsert(Box::new(event)))
    }
}

impl Source for WhatsApp {
    fn bytes_read(&self) -> u64 {
        self.lines.bytes_read()
    }

    fn format(&self) -> Format {
        Format::WhatsApp
    }
}

impl Iterator for WhatsApp {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        loop {
            let item = match self.lines.advance() {
                Some(Ok(())) => self.take(),
                Some(Err(reject)) => Some(Item::Reject(reject)),
                None => return self.pending.take().map(|message| self.finish(message)),
            };
            if item.is_some() {
                return item;
            }
        }
    }
}

/// The text of a message, apart from what the export says about it.
fn fill(event: &mut Event, text: &str) {
    let marked = text.contains('\u{200e}');
    let text = text.replace('\u{200e}', "");
    let edited = text.trim_end().strip_suffix("<This message was edited>");
    if edited.is_some() {
        event.meta.insert("edited".into(), "true".into());
    }
    let text = edited.unwrap_or(&text).trim_end();
    let deleted = ["This message was deleted", "You deleted this message"].contains(&text.trim_end_matches('.'));
    let mut rest = Vec::new();
    for line in text.split('\n') {
        match attached(line, marked) {
            Some(name) => {
                event.attachments.push(Attachment { name: name.into(), media_type: "".into(), location: "".into() })
            }
            None => rest.push(line),
        }
    }
    if deleted {
        event.kind = Kind::Notice;
        event.meta.insert("deleted".into(), "true".into());
    } else if marked && event.attachments.is_empty() && edited.is_none() {
        event.kind = Kind::Notice;
    }
    event.text = rest.join("\n").into();
}

/// The attachment that a line stands for: `<Media omitted>`, `<attached: x.jpg>`, `image omitted`, `x.jpg (file attached)`.
fn attached(line: &str, marked: bool) -> Option<&str> {
    if let Some(name) = line.strip_suffix(" (file attached)") {
        return Some(name);
    }
    if let Some(inside) = line.strip_prefix('<').and_then(|line| line.strip_suffix('>')) {
        let known = inside == "Media omitted" || inside.starts_with("attached: ");
        return known.then(|| inside.trim_start_matches("attached: "));
    }
    (marked && line.ends_with(" omitted")).then_some(line)
}

/// Reads on until the order of day and month is clear; what was read, and the order.
fn read_ahead(reader: &mut Reader) -> std::io::Result<(Vec<u8>, Order)> {
    let mut ahead = Vec::new();
    let mut guess = None;
    while ahead.len() < AHEAD_BYTES_MAX {
        let start = ahead.len();
        let room = (AHEAD_BYTES_MAX - start) as u64;
        if reader.by_ref().take(room).read_until(b'\n', &mut ahead)? == 0 {
            break;
        }
        let (text, _) = decode(&ahead[start..]);
        let Some(line) = line::read(text.trim_end_matches(['\r', '\n'])) else { continue };
        if let Some(order) = line.decides() {
            return Ok((ahead, order));
        }
        guess = guess.or(Some(line.suggests()));
    }
    Ok((ahead, guess.unwrap_or(Order::DayFirst)))
}

/// The chat in the name of an export: `WhatsApp Chat with Anna.txt`, `WhatsApp Chat - Anna.zip`.
fn chat_name(path: &str) -> &str {
    let file = path.rsplit(['/', '\\']).next().unwrap_or_default();
    let rest = ["WhatsApp Chat with ", "WhatsApp Chat - "].iter().find_map(|start| file.strip_prefix(start));
    let rest = rest.unwrap_or_default();
    rest.strip_suffix(".txt").or(rest.strip_suffix(".zip")).unwrap_or(rest)
}
