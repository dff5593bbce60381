//! Logs of IRC clients and bouncers: irssi, WeeChat, ZNC, HexChat and the public Ubuntu logs.
//!
//! Every line but a blank one becomes a message, a notice, a rename, or a rejection. A leading `nick:` or `nick,`
//! addresses that nick if it has been seen in this file before: what comes later in a growing log changes nothing above.
//!
//! Identity is computed from the stamp as it is written; `said_at` is that stamp plus one millisecond for each line of
//! the same stamp before it, so that the order of a conversation is kept.

mod clock;
mod line;

use std::collections::BTreeMap;

use nexus_types::{Change, Kind, Text};

use crate::frame::{Frame, Spread};
use crate::lines::{Lines, REPLACED, decode};
use crate::{Format, Item, OpenError, Options, Reader, Source};
use clock::Clock;

pub(crate) use line::looks_like;

/// The longest nick that is looked for at the start of a message.
const NICK_BYTES_MAX: usize = 40;

/// A log, line by line.
pub(crate) struct Irc {
    lines: Lines,
    frame: Frame,
    clock: Clock,
    spread: Spread,
    /// The nicks seen so far, by their lower-case form.
    nicks: BTreeMap<String, Text>,
}

impl Irc {
    /// `name` is the path; the file's name may say the date, and it or its folder's the channel.
    pub(crate) fn new(name: &str, reader: Reader, options: &Options) -> Result<Irc, OpenError> {
        let mut frame = Frame::new(options, Format::Irc)?;
        let (channel, date) = clock::channel_and_date(name);
        frame.set_channel(&channel);
        let clock = Clock::new(date);
        Ok(Irc { lines: Lines::new(reader), frame, clock, spread: Spread::default(), nicks: BTreeMap::new() })
    }

    /// The change that the current line tells of.
    fn change(&mut self) -> Result<Change, String> {
        let (text, replaced) = decode(self.lines.line());
        let line = line::read(&text, |nick| self.nicks.contains_key(&nick.to_lowercase()))?;
        let (stamp, resolution) = self.clock.at(line.stamp, &self.frame)?;
        let text = plain(line.text);
        let mut event = self.frame.event();
        event.kind = line.kind;
        event.author = self.frame.name(line.author);
        event.external_id = self.frame.identify(&event.channel, stamp, line.author, &text);
        event.said_at = self.spread.next(stamp, resolution);
        if line.action {
            event.meta.insert(self.frame.name("action"), self.frame.name("true"));
        } else if line.kind == Kind::Message {
            event.addressees = addressees(&self.nicks, &text);
        }
        if replaced {
            event.meta.insert(self.frame.name("encoding"), self.frame.name(REPLACED));
        }
        meet(&mut self.nicks, &event.author);
        event.text = text.into();
        if line.kind == Kind::Rename {
            meet(&mut self.nicks, &event.text);
        }
        Ok(Change::Upsert(Box::new(event)))
    }
}

impl Source for Irc {
    fn bytes_read(&self) -> u64 {
        self.lines.bytes_read()
    }

    fn format(&self) -> Format {
        Format::Irc
    }
}

impl Iterator for Irc {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        loop {
            match self.lines.advance()? {
                Err(reject) => return Some(Item::Reject(reject)),
                Ok(()) if self.lines.line().trim_ascii().is_empty() => {}
                Ok(()) => {
                    let change = self.change();
                    return Some(change.map_or_else(|reason| Item::Reject(self.lines.reject(reason)), Item::Change));
                }
            }
        }
    }
}

pub(crate) fn meet(nicks: &mut BTreeMap<String, Text>, nick: &Text) {
    if !nick.is_empty() {
        nicks.entry(nick.to_lowercase()).or_insert_with(|| nick.clone());
    }
}

/// Whom a message names at its start: `anna: …`, `anna, bert: …`.
pub(crate) fn addressees(nicks: &BTreeMap<String, Text>, text: &str) -> Vec<Text> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find([':', ',', ' ']).filter(|&at| at <= NICK_BYTES_MAX) {
        let after = &rest[at + 1..];
        let known = (!rest[at..].starts_with(' ') && (after.is_empty() || after.starts_with(' ')))
            .then(|| nicks.get(&rest[..at].to_lowercase()))
            .flatten();
        let Some(nick) = known else { break };
        found.push(nick.clone());
        if rest[at..].starts_with(':') {
            break;
        }
        rest = after.trim_start();
    }
    found.dedup();
    found
}

/// A text without the control codes that set colours and styles.
pub(crate) fn plain(text: &str) -> String {
    if !text.bytes().any(|byte| byte < b' ' && byte != b'\t') {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c < ' ' && c != '\t') {
        out.push_str(&rest[..at]);
        let colour = rest[at..].starts_with('\u{3}');
        rest = &rest[at + 1..];
        if colour {
            rest = skip_digits(rest);
            if let Some(background) =
                rest.strip_prefix(',').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
            {
                rest = skip_digits(background);
            }
        }
    }
    out.push_str(rest);
    out
}

/// Leaves out up to two leading digits.
fn skip_digits(text: &str) -> &str {
    let digits = text.bytes().take(2).take_while(u8::is_ascii_digit).count();
    &text[digits..]
}
