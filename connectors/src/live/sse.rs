//! Server-sent events (WHATWG HTML, 9.2): a stream of named events over an HTTP answer without an end.
//!
//! Comments are signs of life. Ids and times to wait are not read: who follows such a stream fills what it missed by other
//! means. Cost: an event in memory, of at most [`EVENT_BYTES_MAX`].

use std::time::Duration;

use super::Broken;
use super::http::Pieces;

/// The largest event that is read.
const EVENT_BYTES_MAX: usize = 1 << 20;

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SseEvent {
    /// What it is; `message` if it does not say.
    pub(crate) name: String,
    /// What it says.
    pub(crate) data: String,
}

/// A stream of events.
#[derive(Debug)]
pub(crate) struct Events {
    who: String,
    pieces: Pieces,
    parser: Parser,
}

impl Events {
    /// Reads an answer; `who` names the platform in errors.
    pub(crate) fn new(who: &str, pieces: Pieces) -> Events {
        Events { who: who.into(), pieces, parser: Parser::default() }
    }

    /// The next event; an error when the stream ends, or after so long without a sign of life.
    pub(crate) async fn next(&mut self, silence: Duration) -> Result<SseEvent, Broken> {
        loop {
            let Some(line) = self.pieces.line(silence).await? else {
                // What was not finished is no event.
                return Err(Broken::Retry(format!("{}: the stream ended", self.who)));
            };
            if let Some(event) = self.parser.line(&line) {
                return Ok(event);
            }
            if self.parser.bytes() > EVENT_BYTES_MAX {
                return Err(Broken::Retry(format!("{}: an event is larger than {EVENT_BYTES_MAX} bytes", self.who)));
            }
        }
    }
}

/// What came of an event so far.
#[derive(Debug, Default)]
struct Parser {
    name: String,
    data: String,
    /// Whether a line came: a mark of the byte order may stand before the first.
    began: bool,
}

impl Parser {
    /// Reads a line; gives the event that it ends.
    fn line(&mut self, line: &[u8]) -> Option<SseEvent> {
        let line = String::from_utf8_lossy(line);
        let line = if std::mem::replace(&mut self.began, true) { &*line } else { line.trim_start_matches('\u{feff}') };
        if line.is_empty() {
            let (name, mut data) = (std::mem::take(&mut self.name), std::mem::take(&mut self.data));
            // The end of the last of its lines; an event without any is none.
            data.pop()?;
            return Some(SseEvent { name: if name.is_empty() { "message".into() } else { name }, data });
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => self.name = value.into(),
            "data" => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            _ => {}
        }
        None
    }

    fn bytes(&self) -> usize {
        self.name.len() + self.data.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(lines: &[&str]) -> Vec<(String, String)> {
        let mut parser = Parser::default();
        let events = lines.iter().filter_map(|line| parser.line(line.as_bytes()));
        events.map(|event| (event.name, event.data)).collect()
    }

    fn event(name: &str, data: &str) -> (String, String) {
        (name.into(), data.into())
    }

    #[test]
    fn events_are_read_as_the_standard_has_them() {
        let lines =
            ["\u{feff}data: YHOO", "data: +2", "data:10", "", ": comment", "", "event: update", "data:  a:b", ""];
        assert_eq!(events(&lines), [event("message", "YHOO\n+2\n10"), event("update", " a:b")]);
        assert_eq!(events(&["data", "", "data", "data", ""]), [event("message", ""), event("message", "\n")]);
        // A name without data is no event, nor does it name the next; what is not finished is none either.
        assert_eq!(events(&["event: a", "", "data: x", "id: 1", "retry: 5", "", "data: y"]), [event("message", "x")]);
    }
}
