//! The elements of a JSON array, one at a time: an array of any length is read with the memory of one element.

use std::io::{BufRead, ErrorKind};

use crate::{MESSAGE_BYTES_MAX, Reader, Rejected};

/// Splits a JSON array at the commas of its outermost level, without judging what stands between them.
pub(crate) struct Elements {
    reader: Reader,
    buffer: Vec<u8>,
    number: u64,
    bytes: u64,
    /// Nesting inside the current element.
    depth: u32,
    in_string: bool,
    escaped: bool,
    state: State,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Before,
    Inside,
    Ended,
}

impl Elements {
    pub(crate) fn new(reader: Reader) -> Elements {
        let (buffer, in_string) = (Vec::new(), false);
        Elements { reader, buffer, number: 0, bytes: 0, depth: 0, in_string, escaped: false, state: State::Before }
    }

    /// The number of the last element read, from 1.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn bytes_read(&self) -> u64 {
        self.bytes
    }

    /// The last element read.
    pub(crate) fn element(&self) -> &[u8] {
        self.buffer.trim_ascii()
    }

    /// A rejection of the last element.
    pub(crate) fn reject(&self, reason: impl std::fmt::Display) -> Rejected {
        Rejected::new(format_args!("element {}", self.number), reason, self.element())
    }

    /// Goes to the next element; `None` at the end.
    pub(crate) fn advance(&mut self) -> Option<Result<(), Rejected>> {
        loop {
            if self.state == State::Ended {
                return None;
            }
            self.buffer.clear();
            self.number += 1;
            match self.fill() {
                Err(reason) => {
                    self.state = State::Ended;
                    return Some(Err(self.reject(reason)));
                }
                Ok(length) if length > MESSAGE_BYTES_MAX => {
                    return Some(Err(self.reject(format!("{length} bytes; at most {MESSAGE_BYTES_MAX} are read"))));
                }
                Ok(_) if self.element().is_empty() => {}
                Ok(_) => return Some(Ok(())),
            }
        }
    }

    /// Reads up to the end of an element, keeping at most the bound of it; its whole length.
    fn fill(&mut self) -> Result<usize, String> {
        let mut length = 0;
        loop {
            let available = match self.reader.fill_buf() {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                other => other.map_err(|error| format!("reading stopped here: {error}"))?,
            };
            if available.is_empty() {
                return Err("the array has no end: the file is cut short".into());
            }
            let mut taken = 0;
            let mut done = false;
            for &byte in available {
                taken += 1;
                let keep = self.state == State::Inside;
                done = step(byte, &mut self.state, &mut self.depth, &mut self.in_string, &mut self.escaped)?;
                if done {
                    break;
                }
                if keep {
                    length += 1;
                    if self.buffer.len() <= MESSAGE_BYTES_MAX {
                        self.buffer.push(byte);
                    }
                }
            }
            self.reader.consume(taken);
            self.bytes += taken as u64;
            if done {
                return Ok(length);
            }
        }
    }
}

/// Takes one byte; whether it ends an element.
fn step(
    byte: u8,
    state: &mut State,
    depth: &mut u32,
    in_string: &mut bool,
    escaped: &mut bool,
) -> Result<bool, String> {
    if *state == State::Before {
        match byte {
            b'[' => *state = State::Inside,
            b' ' | b'\t' | b'\r' | b'\n' | 0xEF | 0xBB | 0xBF => {}
            _ => return Err("not a JSON array".into()),
        }
        return Ok(false);
    }
    if *in_string {
        match byte {
            _ if *escaped => *escaped = false,
            b'\\' => *escaped = true,
            b'"' => *in_string = false,
            _ => {}
        }
        return Ok(false);
    }
    match byte {
        b'"' => *in_string = true,
        b'{' | b'[' => *depth = depth.saturating_add(1),
        b'}' | b']' if *depth > 0 => *depth -= 1,
        b']' => {
            *state = State::Ended;
            return Ok(true);
        }
        b',' if *depth == 0 => return Ok(true),
        _ => {}
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn split(json: &'static str) -> Vec<String> {
        let mut elements = Elements::new(Box::new(json.as_bytes()));
        let mut all = Vec::new();
        while let Some(next) = elements.advance() {
            all.push(match next {
                Ok(()) => String::from_utf8(elements.element().to_vec()).unwrap(),
                Err(reject) => format!("{}: {}", reject.position, reject.reason),
            });
        }
        all
    }

    #[test]
    fn elements_are_split_at_the_outermost_commas() {
        let json = "\u{feff}\n[ {\"a\": [1, 2], \"b\": \"],\\\"}\"} , 3,\n\"x,y\"]\n";
        assert_eq!(split(json), ["{\"a\": [1, 2], \"b\": \"],\\\"}\"}", "3", "\"x,y\""]);
        assert_eq!(split("[]"), Vec::<String>::new());
    }

    #[test]
    fn what_is_cut_short_or_no_array_is_rejected_once() {
        assert_eq!(split("[1, {\"a\""), ["1", "element 2: the array has no end: the file is cut short"]);
        assert_eq!(split("{}"), ["element 1: not a JSON array"]);
    }
}
