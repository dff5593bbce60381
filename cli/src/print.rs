//! Printing: tables and lines for people, JSON for machines; colour on a terminal only; hints and progress on standard
//! error, so that what a pipe sees is results.

use std::io::{IsTerminal, Write, stderr, stdout};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use comfy_table::{Attribute, Cell, CellAlignment, ContentArrangement, Table, presets};
use serde::Serialize;

use crate::args::{Color, Global};
use crate::failure::{Failure, Result};
use crate::progress::Bar;
use crate::relay::Peer;

/// How many digits of an id are shown: enough to type back.
const ID_DIGITS: usize = 10;

/// Where and how results go.
pub(crate) struct Out {
    /// JSON for machines.
    pub(crate) json: bool,
    quiet: bool,
    color: bool,
    /// How wide the terminal is; a file or a pipe takes lines as they come.
    width: Option<u16>,
    /// Who asked, where that is another process.
    peer: Option<Arc<Peer>>,
}

/// What a piece of text is, which decides its colour.
#[derive(Clone, Copy)]
pub(crate) enum Tone {
    /// What stands out.
    Strong,
    /// What stands back.
    Faint,
    /// What came.
    Good,
    /// What went, or is wrong.
    Bad,
}

impl Out {
    pub(crate) fn new(global: &Global) -> Out {
        let color = match global.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        };
        let width = if stdout().is_terminal() { Table::new().width() } else { None };
        Out { json: global.json, quiet: global.quiet, color: color && !global.json, width, peer: None }
    }

    /// Results that go to another process.
    pub(crate) fn of_peer(json: bool, quiet: bool, color: bool, width: Option<u16>, peer: Arc<Peer>) -> Out {
        Out { json, quiet, color, width, peer: Some(peer) }
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    pub(crate) fn has_color(&self) -> bool {
        self.color
    }

    pub(crate) fn width(&self) -> Option<u16> {
        self.width
    }

    /// What is set when the process that asked has gone, if it is another one.
    pub(crate) fn gone(&self) -> Option<Arc<AtomicBool>> {
        self.peer.as_ref().map(|peer| peer.gone())
    }

    /// One value, as JSON.
    pub(crate) fn value(&self, value: &impl Serialize) -> Result<()> {
        let text = serde_json::to_string_pretty(value).map_err(|error| Failure::Output(error.into()))?;
        self.line(&text)
    }

    /// One line.
    pub(crate) fn line(&self, text: &str) -> Result<()> {
        match &self.peer {
            Some(peer) => Ok(peer.out(&format!("{text}\n"))?),
            None => Ok(writeln!(stdout(), "{text}")?),
        }
    }

    /// Text as it is.
    pub(crate) fn text(&self, text: &str) -> Result<()> {
        if let Some(peer) = &self.peer {
            return Ok(peer.out(text)?);
        }
        let mut out = stdout();
        out.write_all(text.as_bytes())?;
        Ok(out.flush()?)
    }

    /// A table, or a line that says there is nothing.
    pub(crate) fn table(&self, sheet: Sheet) -> Result<()> {
        if sheet.rows.is_empty() {
            self.line(&self.toned(Tone::Faint, sheet.nothing))
        } else {
            self.line(&sheet.drawn(self))
        }
    }

    /// A hint for whoever sits there, on standard error.
    pub(crate) fn hint(&self, text: &str) {
        if !self.quiet && !self.json {
            // A hint that nobody can read is no failure.
            let _ = match &self.peer {
                Some(peer) => peer.hint(&format!("{text}\n")),
                None => writeln!(stderr(), "{text}"),
            };
        }
    }

    /// Text in its colour, if there is colour.
    pub(crate) fn toned(&self, tone: Tone, text: &str) -> String {
        if !self.color {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Strong => "1",
            Tone::Faint => "2",
            Tone::Good => "32",
            Tone::Bad => "31",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    /// A progress bar on standard error; nothing where nobody watches.
    pub(crate) fn progress(&self) -> Bar {
        match &self.peer {
            Some(peer) => Bar::there(peer.clone()),
            None => Bar::here(!self.quiet && !self.json && stderr().is_terminal()),
        }
    }
}

/// How long something takes, as people say it.
pub(crate) fn span(millis: u64) -> String {
    let seconds = millis.div_ceil(1_000);
    match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// Rows to be shown as a table.
pub(crate) struct Sheet {
    rows: Vec<Vec<String>>,
    header: Vec<String>,
    right: Vec<usize>,
    nothing: &'static str,
}

impl Sheet {
    /// An empty one with these columns, and what to say if it stays empty.
    pub(crate) fn new(header: &[&str], nothing: &'static str) -> Sheet {
        let header = header.iter().map(|name| (*name).to_owned()).collect();
        Sheet { rows: Vec::new(), header, right: Vec::new(), nothing }
    }

    /// Aligns a column of numbers to the right.
    pub(crate) fn right(mut self, column: usize) -> Sheet {
        self.right.push(column);
        self
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    fn drawn(self, out: &Out) -> String {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING);
        if out.color {
            table.enforce_styling();
        }
        let wide = out.width.is_some();
        table.set_content_arrangement(if wide { ContentArrangement::Dynamic } else { ContentArrangement::Disabled });
        if let Some(width) = out.width {
            table.set_width(width);
        }
        let aligned = |column: usize, text: String| {
            let cell = Cell::new(text);
            if self.right.contains(&column) { cell.set_alignment(CellAlignment::Right) } else { cell }
        };
        table.set_header(self.header.into_iter().enumerate().map(|(column, name)| {
            let cell = aligned(column, name);
            if out.color { cell.add_attribute(Attribute::Dim) } else { cell }
        }));
        for row in self.rows {
            table.add_row(row.into_iter().enumerate().map(|(column, text)| aligned(column, text)));
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
        lines.join("\n")
    }
}

/// The beginning of an id: enough to type back.
pub(crate) fn short(id: &str) -> &str {
    id.get(..ID_DIGITS).unwrap_or(id)
}

/// A count with its noun: `1 message`, `12,345 messages`.
pub(crate) fn count(n: usize, noun: &str) -> String {
    let plural = match noun {
        "entity" => "entities".to_owned(),
        _ => format!("{noun}s"),
    };
    format!("{} {}", number(n as u64), if n == 1 { noun } else { &plural })
}

/// A whole number, in groups of three digits.
pub(crate) fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A number of bytes, for people.
pub(crate) fn bytes(n: u64) -> String {
    indicatif::BinaryBytes(n).to_string()
}

/// A text on one line, cut at about so many characters.
pub(crate) fn excerpt(text: &str, characters: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= characters {
        return line;
    }
    let head: String = line.chars().take(characters.saturating_sub(1)).collect();
    format!("{}…", head.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_texts_are_shown_short() {
        assert_eq!([number(0), number(999), number(1_000), number(1_234_567)], ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([count(1, "fact"), count(2, "entity")], ["1 fact", "2 entities"]);
        assert_eq!((short("0123456789abcdef"), short("ab")), ("0123456789", "ab"));
        assert_eq!(excerpt("one\n two   three", 9), "one two…");
        assert_eq!(excerpt("żółw", 4), "żółw");
    }
}
