//! Components of a calendar, and their properties. Cost: one component in memory, within [`MESSAGE_BYTES_MAX`].

use icalendar::parser::{ParseString, Property as Parsed};

use crate::lines::{Lines, decode};
use crate::{LETTER_BYTES_MAX, MESSAGE_BYTES_MAX, Reader, Rejected};

/// A component has fewer properties than these, or it is too large.
const PROPERTIES_MAX: usize = 100_000;

/// Lines, of which one may go on in the next that begins with a blank.
pub(super) struct Unfolded {
    lines: Lines,
    /// The line that was read last begins the next one.
    ahead: bool,
    /// What went wrong after the line that was given last.
    failed: Option<Rejected>,
}

impl Unfolded {
    pub(super) fn new(reader: Reader) -> Unfolded {
        Unfolded { lines: Lines::new(reader), ahead: false, failed: None }
    }

    pub(super) fn bytes_read(&self) -> u64 {
        self.lines.bytes_read()
    }

    /// The next line with the number of its first part; bytes, since a character may be cut in two.
    pub(super) fn advance(&mut self) -> Option<Result<(u64, Vec<u8>), Rejected>> {
        if let Some(reject) = self.failed.take() {
            return Some(Err(reject));
        }
        if !std::mem::take(&mut self.ahead)
            && let Err(reject) = self.lines.advance()?
        {
            return Some(Err(reject));
        }
        let (number, mut bytes) = (self.lines.number(), self.lines.line().to_vec());
        while let Some(next) = self.lines.advance() {
            if let Err(reject) = next {
                self.failed = Some(reject);
                break;
            }
            match self.lines.line() {
                [b' ' | b'\t', rest @ ..] => {
                    let room = MESSAGE_BYTES_MAX.saturating_sub(bytes.len());
                    bytes.extend(rest.iter().take(room));
                }
                _ => {
                    self.ahead = true;
                    break;
                }
            }
        }
        Some(Ok((number, bytes)))
    }
}

/// One property: `NAME;PARAMETER=VALUE:VALUE`.
#[derive(Clone, Debug)]
pub(super) struct Property {
    /// In capitals.
    pub(super) name: String,
    pub(super) value: String,
    parameters: Vec<(String, String)>,
}

impl Property {
    /// Reads a line, which is no BEGIN and no END; nothing if it is no property.
    pub(super) fn read(line: &str) -> Option<Property> {
        let end = line.find([';', ':'])?;
        let (name, rest) = line.split_at(end);
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        if name.is_empty() || !name.chars().all(fits) {
            return None;
        }
        let name = name.to_ascii_uppercase();
        // How a value is escaped is told by a name in capitals.
        let line = name.clone() + rest;
        let parsed = Parsed::try_from(line.as_str()).ok()?;
        if parsed.val.as_str().is_empty() && !line.ends_with(':') {
            return None;
        }
        let shown = |part: &ParseString<'_>| part.as_str().trim_matches('"').to_string();
        let parameter = |key: &ParseString<'_>, value: Option<&ParseString<'_>>| {
            (key.as_str().to_ascii_uppercase(), value.map(shown).unwrap_or_default())
        };
        let parameters = parsed.params.iter().map(|part| parameter(&part.key, part.val.as_ref())).collect();
        let escaped = name.starts_with("X-") || name == "NAME" || name == "CATEGORIES";
        let value = if escaped { parsed.val.unescape_text() } else { parsed.val };
        Some(Property { name, value: value.as_str().into(), parameters })
    }

    pub(super) fn parameter(&self, key: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(name, value)| name == key && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    }
}

/// A VEVENT, a task, …, without what is nested in it.
#[derive(Debug)]
pub(super) struct Component {
    pub(super) name: String,
    /// The number of its first line.
    pub(super) line: u64,
    pub(super) properties: Vec<Property>,
    /// As it stands in its file; cut a little above [`LETTER_BYTES_MAX`].
    pub(super) raw: Vec<u8>,
    /// The first line that is no property, and how many there are.
    pub(super) odd: Option<(u64, usize)>,
    bytes: usize,
    /// Something in it was not UTF-8.
    pub(super) replaced: bool,
}

impl Component {
    pub(super) fn new(name: &str, line: u64) -> Component {
        let raw = format!("BEGIN:{name}\n").into_bytes();
        let name = name.to_ascii_uppercase();
        Component { name, line, properties: Vec::new(), raw, odd: None, bytes: 0, replaced: false }
    }

    /// Keeps a line for when it is quoted.
    pub(super) fn quote(&mut self, line: &[u8]) {
        self.bytes += line.len() + 1;
        let room = (LETTER_BYTES_MAX + 1).saturating_sub(self.raw.len());
        self.raw.extend(line.iter().chain(b"\n").take(room));
    }

    /// Takes in a line of its own.
    pub(super) fn add(&mut self, number: u64, line: &[u8]) {
        if self.is_too_large() || line.trim_ascii().is_empty() {
            return;
        }
        let (text, replaced) = decode(line);
        self.replaced |= replaced;
        match Property::read(&text) {
            Some(property) => self.properties.push(property),
            None => self.odd = Some(self.odd.map_or((number, 1), |(first, count)| (first, count + 1))),
        }
    }

    pub(super) fn is_too_large(&self) -> bool {
        self.bytes > MESSAGE_BYTES_MAX || self.properties.len() >= PROPERTIES_MAX
    }

    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Property> {
        self.properties.iter().filter(move |property| property.name == name)
    }

    pub(super) fn get(&self, name: &str) -> Option<&Property> {
        self.properties.iter().find(|property| property.name == name)
    }

    /// What a property says, if it says something.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.get(name).map(|property| property.value.trim()).filter(|text| !text.is_empty())
    }

    /// A rejection of all of it.
    pub(super) fn reject(&self, reason: impl std::fmt::Display) -> Rejected {
        Rejected::new(format_args!("line {}", self.line), reason, &self.raw)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lines_are_unfolded_even_within_a_character() {
        let mut lines = Unfolded::new(Box::new(&b"SUMMARY:Caf\xC3\r\n \xA9 a\r\n\t b\r\nNEXT:1"[..]));
        let (number, line) = lines.advance().unwrap().unwrap();
        assert_eq!((number, std::str::from_utf8(&line).unwrap()), (1, "SUMMARY:Café a b"));
        assert_eq!(lines.advance().unwrap().unwrap(), (4, b"NEXT:1".to_vec()));
        assert!(lines.advance().is_none());
    }

    #[test]
    fn properties_are_read_and_their_texts_unescaped() {
        let read = |line: &str| Property::read(line).unwrap();
        let summary = read("summary;language=en:Tea\\, milk\\; and\\nmore: sugar");
        assert_eq!((&*summary.name, &*summary.value), ("SUMMARY", "Tea, milk; and\nmore: sugar"));
        let attendee = read("ATTENDEE;CN=\"Kowalska; Anna\";PARTSTAT=ACCEPTED:mailto:anna@example.org");
        assert_eq!((attendee.parameter("CN"), &*attendee.value), (Some("Kowalska; Anna"), "mailto:anna@example.org"));
        assert_eq!(read("X-WR-CALNAME:a\\, b").value, "a, b");
        assert_eq!(read("LOCATION:").value, "");
        for odd in ["", "no property", "a b:c", ":x", "é:x", "DTSTART;TZID=Europe/Berlin", "X;A=\"b\"c:d"] {
            assert!(Property::read(odd).is_none(), "{odd:?}");
        }
    }
}
