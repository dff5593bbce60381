//! LinkedIn's data export, as a folder, a zip file or one of its files: `messages.csv`, `Shares.csv` and `Comments.csv`.
//!
//! Messages have no ids: they are named by what they say. Memory: one file.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use nexus_types::{Attachment, Change, Event, Millis, Text};

use crate::bundle::{Bundle, bounded};
use crate::frame::{Frame, Spread, accepted};
use crate::lines::decode;
use crate::{Format, Item, OpenError, Options, Reader, Rejected, Source};

/// How the owner is called where nothing tells.
const OWNER: &str = "me";

/// What a file of the export holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sheet {
    Messages,
    Shares,
    Comments,
    /// Who the owner is.
    Profile,
}

impl Sheet {
    const ALL: [Sheet; 4] = [Sheet::Messages, Sheet::Shares, Sheet::Comments, Sheet::Profile];

    fn file(self) -> &'static str {
        match self {
            Sheet::Messages => "messages.csv",
            Sheet::Shares => "Shares.csv",
            Sheet::Comments => "Comments.csv",
            Sheet::Profile => "Profile.csv",
        }
    }

    /// How it begins.
    fn head(self) -> &'static str {
        match self {
            Sheet::Messages => "CONVERSATION ID,CONVERSATION TITLE,FROM,",
            Sheet::Shares => "Date,ShareLink,",
            Sheet::Comments => "Date,Link,Message",
            Sheet::Profile => "First Name,Last Name,",
        }
    }

    fn named(name: &str) -> Option<Sheet> {
        let name = name.rsplit('/').next().unwrap_or_default();
        Sheet::ALL.into_iter().find(|sheet| sheet.file().eq_ignore_ascii_case(name))
    }
}

/// A stream of what an account wrote and was written.
pub(crate) struct LinkedIn {
    sheets: VecDeque<(String, Sheet, Vec<u8>)>,
    owner: Text,
    ready: VecDeque<Item>,
    frame: Frame,
    bytes: u64,
}

impl LinkedIn {
    /// The files of a folder or a zip file.
    pub(crate) fn new(path: &Path, options: &Options) -> Result<LinkedIn, OpenError> {
        let mut bundle = Bundle::open(path)?;
        let mut files = Vec::new();
        for name in bundle.names()? {
            if let Some(sheet) = Sheet::named(&name) {
                let bytes = bundle.read(&name).map_err(|reason| malformed(path, format!("{name}: {reason}")))?;
                files.push((name, sheet, bytes));
            }
        }
        if files.is_empty() {
            return Err(malformed(path, "no messages.csv, Shares.csv or Comments.csv".into()));
        }
        LinkedIn::of(files, options)
    }

    /// One file.
    pub(crate) fn one(name: &str, reader: Reader, options: &Options) -> Result<LinkedIn, OpenError> {
        let path = Path::new(name);
        let bytes = bounded(reader).map_err(|reason| malformed(path, reason))?;
        let sheet = sheet_of(&bytes).ok_or_else(|| malformed(path, "its first line names other columns".into()))?;
        LinkedIn::of(vec![(sheet.file().into(), sheet, bytes)], options)
    }

    fn of(files: Vec<(String, Sheet, Vec<u8>)>, options: &Options) -> Result<LinkedIn, OpenError> {
        let frame = Frame::new(options, Format::LinkedIn)?;
        let bytes = files.iter().map(|(_, _, bytes)| bytes.len() as u64).sum();
        let profile = files.iter().find(|(_, sheet, _)| *sheet == Sheet::Profile);
        let named = profile.and_then(|(_, _, bytes)| {
            let row = rows(bytes).ok()?.into_iter().next()?.ok()?;
            let parts = ["First Name", "Last Name"].map(|column| row.get(column).map_or("", String::as_str));
            Some(plain(&parts.join(" "))).filter(|name| !name.is_empty())
        });
        let owner = options.me.clone().or(named.map(Text::from)).unwrap_or_else(|| OWNER.into());
        Ok(LinkedIn { sheets: files.into(), owner, ready: VecDeque::new(), frame, bytes })
    }

    /// Puts what a file says into the queue.
    fn read(&mut self, name: &str, sheet: Sheet, bytes: &[u8]) {
        let rows = match rows(bytes) {
            Ok(rows) => rows,
            Err(reason) => return self.ready.push_back(Item::Reject(Rejected::new(name, reason, b""))),
        };
        let mut spread = Spread::default();
        // An export has the newest first; of two in the same second the one below was said before.
        for (at, row) in rows.into_iter().enumerate().rev() {
            let event = row.and_then(|row| {
                let event = match sheet {
                    Sheet::Messages => self.message(&row, &mut spread),
                    _ => self.post(sheet, &row, &mut spread),
                };
                event.map_err(|reason| (reason, format!("{row:?}")))
            });
            self.ready.push_back(match event {
                Ok(event) => Item::Change(Change::Upsert(Box::new(event))),
                Err((reason, raw)) => {
                    Item::Reject(Rejected::new(format_args!("{name}, row {}", at + 1), reason, raw.as_bytes()))
                }
            });
        }
    }

    fn message(&mut self, row: &Row, spread: &mut Spread) -> Result<Event, String> {
        let field = |name: &str| row.get(name).map_or("", String::as_str);
        let mut event = self.event(field("DATE"), field("CONTENT"), spread)?;
        let [conversation, title, subject] = ["CONVERSATION ID", "CONVERSATION TITLE", "SUBJECT"].map(field);
        let channel = if title.is_empty() { conversation } else { title };
        if self.frame.options.channel.is_none() {
            event.channel = self.frame.name(channel);
        }
        event.thread = Some(conversation).filter(|id| !id.is_empty()).map(|id| self.frame.name(id));
        event.author = self.person(field("FROM"), field("SENDER PROFILE URL"));
        let urls: Vec<&str> = field("RECIPIENT PROFILE URLS").split(',').collect();
        let names: Vec<&str> = field("TO").split(',').collect();
        // A name may hold a comma, an address does not: only as many of both are taken together.
        let alike = urls.len() == names.len();
        let people = names.iter().enumerate().filter(|(_, name)| !name.trim().is_empty());
        let people = people.map(|(at, name)| self.person(name, urls.get(at).filter(|_| alike).copied().unwrap_or("")));
        event.addressees = people.collect();
        if !subject.is_empty() {
            event.meta.insert("subject".into(), subject.into());
        }
        let attached = field("ATTACHMENTS").split_whitespace();
        let named = |url: &str| Attachment { name: "".into(), media_type: "".into(), location: url.into() };
        event.attachments = attached.map(named).collect();
        let stamp = instant(field("DATE")).unwrap_or(event.said_at);
        event.external_id = self.frame.identify(conversation, stamp, field("FROM"), field("CONTENT"));
        Ok(event)
    }

    /// Something that the owner wrote for everybody: a share, or a comment.
    fn post(&mut self, sheet: Sheet, row: &Row, spread: &mut Spread) -> Result<Event, String> {
        let field = |name: &str| row.get(name).map_or("", String::as_str);
        let (link, said) = match sheet {
            Sheet::Shares => (field("ShareLink"), lines(field("ShareCommentary"))),
            _ => (field("Link"), lines(field("Message"))),
        };
        let mut event = self.event(field("Date"), &said, spread)?;
        event.author = self.owner.clone();
        if self.frame.options.channel.is_none() {
            event.channel = self.frame.name(if sheet == Sheet::Shares { "shares" } else { "comments" });
        }
        let shared = [field("SharedUrl"), field("MediaUrl")].into_iter().filter(|url| !url.is_empty());
        let named = |url: &str| Attachment { name: "".into(), media_type: "".into(), location: url.into() };
        event.attachments = shared.map(named).collect();
        if !link.is_empty() {
            event.meta.insert("link".into(), link.into());
        }
        event.external_id = match sheet {
            Sheet::Shares if !link.is_empty() => link.into(),
            _ => {
                let stamp = instant(field("Date")).unwrap_or(event.said_at);
                self.frame.identify(link, stamp, OWNER, &said)
            }
        };
        Ok(event)
    }

    fn event(&self, date: &str, said: &str, spread: &mut Spread) -> Result<Event, String> {
        let stamp = instant(date).ok_or_else(|| format!("{date:?} is no time such as 2023-05-01 09:30:12 UTC"))?;
        Ok(Event { said_at: spread.next(stamp, 1_000), text: said.into(), ..self.frame.event() })
    }

    /// `Anna Kowalska <anna-k>`, as far as it is given.
    fn person(&mut self, name: &str, url: &str) -> Text {
        let name = plain(name);
        let handle = url.trim().trim_end_matches('/').rsplit_once("/in/").map_or("", |(_, handle)| handle);
        match (&*name, handle) {
            (name, "") => self.frame.name(name),
            ("", handle) => self.frame.name(handle),
            (name, handle) => self.frame.name(&format!("{name} <{handle}>")),
        }
    }
}

fn malformed(path: &Path, reason: String) -> OpenError {
    OpenError::Malformed { name: path.display().to_string(), format: Format::LinkedIn, reason }
}

fn plain(name: &str) -> String {
    let name: String = name.chars().filter(|c| !matches!(c, '<' | '>')).collect();
    name.trim().into()
}

/// One row, by its columns.
type Row = BTreeMap<String, String>;

/// The rows of a file, and why some cannot be read.
fn rows(bytes: &[u8]) -> Result<Vec<Result<Row, (String, String)>>, String> {
    let (text, _) = decode(bytes);
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let columns: Vec<String> = reader.headers().map_err(|error| error.to_string())?.iter().map(str::to_owned).collect();
    let row = |record: csv::Result<csv::StringRecord>| match record {
        Ok(record) => Ok(columns.iter().cloned().zip(record.iter().map(str::to_owned)).collect()),
        Err(error) => Err((error.to_string(), String::new())),
    };
    Ok(reader.records().map(row).collect())
}

/// What the export makes of lines: each is quoted by itself.
fn lines(said: &str) -> String {
    said.replace("\"\n\"", "\n")
}

/// A time such as `2023-05-01 09:30:12 UTC`.
fn instant(date: &str) -> Option<Millis> {
    let at: DateTime = date.trim().trim_end_matches("UTC").trim_end().parse().ok()?;
    accepted(at.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond())
}

fn sheet_of(head: &[u8]) -> Option<Sheet> {
    let (text, _) = decode(head);
    let start = text.trim_start_matches('\u{feff}').replace('"', "");
    Sheet::ALL.into_iter().find(|sheet| start.starts_with(sheet.head()))
}

/// Whether a file that begins so is one of the export.
pub(crate) fn looks_like(head: &[u8]) -> bool {
    sheet_of(head).is_some_and(|sheet| sheet != Sheet::Profile)
}

/// Whether these are the files of an export: others have a `Comments.csv` too.
pub(crate) fn are_its<'a>(names: impl Iterator<Item = &'a str> + Clone) -> bool {
    let has = |sheet: Sheet| names.clone().any(|name| Sheet::named(name) == Some(sheet));
    has(Sheet::Profile) && has(Sheet::Messages)
}

impl Source for LinkedIn {
    fn bytes_read(&self) -> u64 {
        self.bytes - self.sheets.iter().map(|(_, _, bytes)| bytes.len() as u64).sum::<u64>()
    }

    fn format(&self) -> Format {
        Format::LinkedIn
    }
}

impl Iterator for LinkedIn {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Some(item);
            }
            let (name, sheet, bytes) = self.sheets.pop_front()?;
            if sheet != Sheet::Profile {
                self.read(&name, sheet, &bytes);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_is_known_by_its_profile_and_messages() {
        assert!(are_its(["export/messages.csv", "export/Profile.csv", "a.png"].into_iter()));
        for other in [["Comments.csv", "Profile.csv"], ["messages.csv", "Shares.csv"]] {
            assert!(!are_its(other.into_iter()), "{other:?}");
        }
    }
}
