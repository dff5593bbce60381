//! Exports of assistants: an array of conversations, read one at a time, or a single one.

use std::collections::VecDeque;

use serde_json::Value;

use crate::bundle::bounded;
use crate::elements::Elements;
use crate::frame::Frame;
use crate::lines::decode;
use crate::{Format, Item, OpenError, Options, Reader, Rejected, Source, chatgpt, claude};

/// Puts what one conversation holds into the queue; the reason if it is none.
type Unfold = fn(&mut Frame, Value, &mut VecDeque<Item>) -> Result<(), String>;

/// A stream of the messages of conversations.
pub(crate) struct Conversations {
    rows: Rows,
    unfold: Unfold,
    ready: VecDeque<Item>,
    frame: Frame,
    format: Format,
}

enum Rows {
    Many(Elements),
    One { reader: Option<Reader>, bytes: u64 },
}

impl Conversations {
    pub(crate) fn new(
        reader: Reader,
        head: &[u8],
        format: Format,
        options: &Options,
    ) -> Result<Conversations, OpenError> {
        let object =
            head.trim_ascii_start().strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head).trim_ascii_start().starts_with(b"{");
        let rows = match object {
            true => Rows::One { reader: Some(reader), bytes: 0 },
            false => Rows::Many(Elements::new(reader)),
        };
        let unfold = if format == Format::Claude { claude::unfold } else { chatgpt::unfold };
        Ok(Conversations { rows, unfold, ready: VecDeque::new(), frame: Frame::new(options, format)?, format })
    }

    /// Reads the next conversation; `None` at the end.
    fn read(&mut self) -> Option<Result<(), Rejected>> {
        match &mut self.rows {
            Rows::Many(elements) => {
                if let Err(reject) = elements.advance()? {
                    return Some(Err(reject));
                }
                let result = take(&mut self.frame, self.unfold, elements.element(), &mut self.ready);
                Some(result.map_err(|reason| {
                    let reject = elements.reject(reason);
                    Rejected { position: format!("conversation {}", elements.number()).into(), ..reject }
                }))
            }
            Rows::One { reader, bytes } => {
                let whole = match bounded(reader.take()?) {
                    Ok(whole) => whole,
                    Err(reason) => return Some(Err(Rejected::new("the file", reason, b""))),
                };
                *bytes = whole.len() as u64;
                let result = take(&mut self.frame, self.unfold, &whole, &mut self.ready);
                Some(result.map_err(|reason| Rejected::new("conversation 1", reason, &whole)))
            }
        }
    }
}

fn take(frame: &mut Frame, unfold: Unfold, bytes: &[u8], ready: &mut VecDeque<Item>) -> Result<(), String> {
    let (text, _) = decode(bytes);
    let conversation =
        serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| format!("not JSON: {error}"))?;
    unfold(frame, conversation, ready)
}

impl Source for Conversations {
    fn bytes_read(&self) -> u64 {
        match &self.rows {
            Rows::Many(elements) => elements.bytes_read(),
            Rows::One { bytes, .. } => *bytes,
        }
    }

    fn format(&self) -> Format {
        self.format
    }
}

impl Iterator for Conversations {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Some(item);
            }
            if let Err(reject) = self.read()? {
                return Some(Item::Reject(reject));
            }
        }
    }
}
