//! Lines of a stream: bounded, numbered, without byte order mark and line ending. Memory: one line.

use std::borrow::Cow;
use std::io::BufRead;

use crate::{MESSAGE_BYTES_MAX, Reader, Rejected};

/// Reads lines, counting them and their bytes.
pub(crate) struct Lines {
    reader: Reader,
    buffer: Vec<u8>,
    number: u64,
    bytes: u64,
    ended: bool,
}

impl Lines {
    pub(crate) fn new(reader: Reader) -> Lines {
        Lines { reader, buffer: Vec::new(), number: 0, bytes: 0, ended: false }
    }

    /// The number of the last line read, from 1.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn bytes_read(&self) -> u64 {
        self.bytes
    }

    /// The last line read.
    pub(crate) fn line(&self) -> &[u8] {
        let line = self.buffer.strip_suffix(b"\n").unwrap_or(&self.buffer);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if self.number == 1 { line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line) } else { line }
    }

    /// Goes to the next line; `None` at the end. A line beyond [`MESSAGE_BYTES_MAX`] is skipped, and so is the rest of a
    /// stream that cannot be read: both are rejected.
    pub(crate) fn advance(&mut self) -> Option<Result<(), Rejected>> {
        if self.ended {
            return None;
        }
        self.buffer.clear();
        self.number += 1;
        match self.fill() {
            Ok(0) => {
                self.ended = true;
                None
            }
            Ok(length) if length > MESSAGE_BYTES_MAX as u64 => {
                let reason = format!("a line of {length} bytes; at most {MESSAGE_BYTES_MAX} are read");
                Some(Err(self.reject(reason)))
            }
            Ok(_) => Some(Ok(())),
            Err(error) => {
                self.ended = true;
                Some(Err(self.reject(format!("reading stopped here: {error}"))))
            }
        }
    }

    /// A rejection of the last line.
    pub(crate) fn reject(&self, reason: impl std::fmt::Display) -> Rejected {
        Rejected::new(format_args!("line {}", self.number), reason, self.line())
    }

    /// Reads one line, keeping at most the bound of it; its whole length.
    fn fill(&mut self) -> std::io::Result<u64> {
        let mut length = 0;
        loop {
            let available = match self.reader.fill_buf() {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            let end = available.iter().position(|&byte| byte == b'\n').map(|at| at + 1);
            let taken = end.unwrap_or(available.len());
            let room = MESSAGE_BYTES_MAX + 2 - self.buffer.len().min(MESSAGE_BYTES_MAX + 2);
            self.buffer.extend_from_slice(&available[..taken.min(room)]);
            self.reader.consume(taken);
            length += taken as u64;
            self.bytes += taken as u64;
            if end.is_some() || taken == 0 {
                return Ok(length);
            }
        }
    }
}

/// What `meta.encoding` says of a text in which something was not UTF-8.
pub(crate) const REPLACED: &str = "not UTF-8; what was not is replaced";

/// Bytes as text, and whether something in them was not UTF-8 and had to be replaced.
pub(crate) fn decode(bytes: &[u8]) -> (Cow<'_, str>, bool) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (Cow::Borrowed(text), false),
        Err(_) => (Cow::Owned(String::from_utf8_lossy(bytes).into_owned()), true),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn lines(bytes: &'static [u8]) -> Vec<Vec<u8>> {
        let mut lines = Lines::new(Box::new(bytes));
        let mut all = Vec::new();
        while let Some(line) = lines.advance() {
            line.unwrap();
            all.push(lines.line().to_vec());
        }
        all
    }

    #[test]
    fn marks_and_endings_are_no_part_of_a_line() {
        assert_eq!(lines(b"\xEF\xBB\xBFa\r\nb\n\nc"), [&b"a"[..], b"b", b"", b"c"]);
        assert_eq!(lines(b""), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn a_line_beyond_the_bound_is_skipped_and_the_next_one_read() {
        let mut bytes = vec![b'x'; MESSAGE_BYTES_MAX + 10];
        bytes.extend_from_slice(b"\nshort\n");
        let mut lines = Lines::new(Box::new(std::io::Cursor::new(bytes)));
        let reject = lines.advance().unwrap().unwrap_err();
        assert_eq!((&*reject.position, reject.raw.len()), ("line 1", crate::REJECT_BYTES_MAX));
        lines.advance().unwrap().unwrap();
        assert_eq!(lines.line(), b"short");
        assert!(lines.advance().is_none());
    }
}
