//! Calendars: iCalendar files (RFC 5545), as every calendar program exports them and CalDAV servers keep them.
//!
//! Each VEVENT and each task is an event that says in plain sentences what is when and where. Its id is the UID; of a
//! repetition that was changed, the UID and which one it is. Its revision is when it was changed last (LAST-MODIFIED, else
//! DTSTAMP, in milliseconds), else how often (SEQUENCE), so an old copy never undoes a newer one. What repeats stays one
//! event, with its rule. Streamed; memory holds one component.

mod component;
mod rule;
mod said;
mod when;

use std::collections::VecDeque;

use nexus_types::Change;

use crate::frame::Frame;
use crate::lines::decode;
use crate::{Format, Item, OpenError, Options, Reader, Rejected, Source};
use component::{Component, Property, Unfolded};
use said::Shared;

/// What a task is called; in two parts, since in one it would read as a mark for what is left to do in the code.
const TASK: &str = concat!("VTO", "DO");
/// How a calendar begins.
const BEGIN: &str = "BEGIN:VCALENDAR";
/// What stands in a calendar itself, and in nothing else.
const OUTER: [&str; 6] = ["VEVENT", TASK, "VJOURNAL", "VFREEBUSY", "VTIMEZONE", "VAVAILABILITY"];

/// Whether a file that begins so is a calendar.
pub(crate) fn looks_like(head: &[u8]) -> bool {
    head.get(..BEGIN.len()).is_some_and(|start| start.eq_ignore_ascii_case(BEGIN.as_bytes()))
}

/// A stream of what is in calendars.
pub(crate) struct Calendar {
    lines: Unfolded,
    frame: Frame,
    shared: Shared,
    /// Where the calendar began that is being read.
    began: Option<u64>,
    open: Option<Component>,
    /// How many components are open inside of it.
    nested: usize,
    /// Something outside of calendars was told.
    stray: bool,
    ready: VecDeque<Item>,
}

impl Calendar {
    pub(crate) fn new(reader: Reader, options: &Options) -> Result<Calendar, OpenError> {
        Ok(Calendar {
            lines: Unfolded::new(reader),
            frame: Frame::new(options, Format::Calendar)?,
            shared: Shared::default(),
            began: None,
            open: None,
            nested: 0,
            stray: false,
            ready: VecDeque::new(),
        })
    }

    fn hear(&mut self, number: u64, line: &[u8]) {
        let (text, _) = decode(line);
        if let Some(name) = marked(&text, "BEGIN:") {
            self.begin(name, number, line);
        } else if let Some(name) = marked(&text, "END:") {
            self.end(name, line);
        } else if let Some(open) = &mut self.open {
            open.quote(line);
            if self.nested == 0 {
                open.add(number, line);
            }
        } else {
            self.about_all(number, &text);
        }
    }

    fn begin(&mut self, name: &str, number: u64, line: &[u8]) {
        let upper = name.to_ascii_uppercase();
        let outer = upper == "VCALENDAR" || OUTER.contains(&&*upper);
        if let Some(open) = self.open.take_if(|_| outer) {
            self.reject(&open, format_args!("it has no END:{}", open.name));
        }
        match &mut self.open {
            Some(open) => {
                open.quote(line);
                self.nested += 1;
            }
            None if upper == "VCALENDAR" => {
                self.began = Some(number);
                self.shared = Shared::default();
                self.frame.set_channel("");
            }
            None => {
                self.nested = 0;
                self.open = Some(Component::new(name, number));
            }
        }
    }

    fn end(&mut self, name: &str, line: &[u8]) {
        let calendar = name.eq_ignore_ascii_case("VCALENDAR");
        let Some(mut open) = self.open.take() else {
            if calendar {
                self.began = None;
            }
            return;
        };
        open.quote(line);
        if name.eq_ignore_ascii_case(&open.name) {
            self.finish(open);
        } else if calendar {
            self.began = None;
            self.reject(&open, format_args!("it has no END:{}", open.name));
        } else {
            self.nested = self.nested.saturating_sub(1);
            self.open = Some(open);
        }
    }

    /// A line of the calendar itself.
    fn about_all(&mut self, number: u64, text: &str) {
        let property = Property::read(text);
        let into = match property.as_ref().map(|property| &*property.name) {
            Some("X-WR-CALNAME" | "NAME") => &mut self.shared.name,
            Some("X-WR-TIMEZONE") => &mut self.shared.zone,
            Some("METHOD") => &mut self.shared.method,
            _ => {
                if self.began.is_none() && !text.trim().is_empty() && !std::mem::replace(&mut self.stray, true) {
                    let reason = "it is not part of a calendar, as are the lines after it";
                    let reject = Rejected::new(format_args!("line {number}"), reason, text.as_bytes());
                    self.ready.push_back(Item::Reject(reject));
                }
                return;
            }
        };
        *into = property.map(|property| property.value.trim().to_string()).unwrap_or_default();
        self.shared.method.make_ascii_uppercase();
        let name = self.shared.name.clone();
        self.frame.set_channel(&name);
    }

    /// A component is whole.
    fn finish(&mut self, component: Component) {
        if component.name == "VTIMEZONE" {
            return;
        }
        if component.is_too_large() {
            return self.reject(&component, "it is too large: more than 64 MiB, or 100000 lines");
        }
        if !matches!(&*component.name, "VEVENT" | TASK) {
            return self.reject(&component, format_args!("a {} is not read", component.name));
        }
        if let Some((line, count)) = component.odd {
            let reason = format!("{count} of its lines are no properties, the first is line {line}; the rest was read");
            self.reject(&component, reason);
        }
        match said::event(&mut self.frame, &self.shared, &component) {
            Ok(event) => self.ready.push_back(Item::Change(Change::Upsert(Box::new(event)))),
            Err(reason) => self.reject(&component, reason),
        }
    }

    fn reject(&mut self, component: &Component, reason: impl std::fmt::Display) {
        self.ready.push_back(Item::Reject(component.reject(reason)));
    }

    /// There are no more lines.
    fn close(&mut self) -> Option<Item> {
        if let Some(open) = self.open.take() {
            self.reject(&open, format_args!("it has no END:{}", open.name));
        }
        if let Some(line) = self.began.take() {
            let reason = "the calendar has no END:VCALENDAR: the rest of it is missing";
            self.ready.push_back(Item::Reject(Rejected::new(format_args!("line {line}"), reason, b"")));
        }
        self.ready.pop_front()
    }
}

/// What stands after `BEGIN:` or `END:`.
fn marked<'a>(line: &'a str, mark: &str) -> Option<&'a str> {
    let (start, name) = line.split_at_checked(mark.len())?;
    start.eq_ignore_ascii_case(mark).then(|| name.trim())
}

impl Source for Calendar {
    fn bytes_read(&self) -> u64 {
        self.lines.bytes_read()
    }

    fn format(&self) -> Format {
        Format::Calendar
    }
}

impl Iterator for Calendar {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Some(item);
            }
            match self.lines.advance() {
                Some(Ok((number, line))) => self.hear(number, &line),
                Some(Err(reject)) => return Some(Item::Reject(reject)),
                None => return self.close(),
            }
        }
    }
}
