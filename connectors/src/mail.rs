//! Mail: a mailbox in one file (mbox), in a folder (maildir), and single messages (.eml).
//!
//! The text of a mail is what its author wrote: quoted replies, the signature and list footers are kept apart, in
//! `meta`. HTML is turned into text. The id is the Message-ID; the thread is the first of the References. Memory: one mail.

mod body;
pub(crate) mod html;
mod message;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use nexus_types::{Change, Millis};

use crate::frame::Frame;
use crate::input::entries;
use crate::lines::Lines;
use crate::{Format, Item, MESSAGE_BYTES_MAX, OpenError, Options, Reader, Rejected, Source};

/// A stream of mails.
pub(crate) struct Mail {
    mails: Mails,
    frame: Frame,
    format: Format,
    count: u64,
}

enum Mails {
    /// The lines of an mbox, of which the first of the next mail has been read.
    Mbox { lines: Lines, ended: bool },
    /// Files, last first.
    Files { files: Vec<PathBuf>, bytes: u64 },
    /// One mail.
    One { reader: Option<Reader>, bytes: u64 },
}

/// The event of a mail. `came` is when its mailbox says it came.
pub(crate) fn change(frame: &mut Frame, raw: &[u8], came: Option<Millis>) -> Result<Change, String> {
    message::change(frame, raw, came)
}

/// A date as IMAP writes it: `25-Dec-2004 09:14:01 +0100`.
pub(crate) fn internal_date(text: &str) -> Option<Millis> {
    message::rfc822(&text.trim().replacen('-', " ", 2))
}

/// A mail as it stands in its mailbox.
struct Raw {
    bytes: Vec<u8>,
    position: String,
    /// When the mailbox says it came, for a mail without a date.
    came: Option<Millis>,
}

impl Mail {
    pub(crate) fn mbox(reader: Reader, options: &Options) -> Result<Mail, OpenError> {
        Mail::new(Mails::Mbox { lines: Lines::new(reader), ended: false }, Format::Mbox, options)
    }

    pub(crate) fn eml(reader: Reader, options: &Options) -> Result<Mail, OpenError> {
        Mail::new(Mails::One { reader: Some(reader), bytes: 0 }, Format::Eml, options)
    }

    /// `folder` with its `cur` and `new`, and those of its subfolders, which have hidden names.
    pub(crate) fn maildir(folder: &Path, options: &Options) -> Result<Mail, OpenError> {
        let mut files = maildir_files(folder)?;
        files.reverse();
        Mail::new(Mails::Files { files, bytes: 0 }, Format::Maildir, options)
    }

    fn new(mails: Mails, format: Format, options: &Options) -> Result<Mail, OpenError> {
        Ok(Mail { mails, frame: Frame::new(options, format)?, format, count: 0 })
    }

    fn raw(&mut self) -> Option<Result<Raw, Rejected>> {
        self.count += 1;
        match &mut self.mails {
            Mails::Mbox { lines, ended } => next_in_mbox(lines, ended, self.count),
            Mails::Files { files, bytes } => {
                let path = files.pop()?;
                let position = path.display().to_string();
                Some(
                    File::open(&path)
                        .map_err(|error| Rejected::new(&position, error, b""))
                        .and_then(|file| whole(file, position, bytes)),
                )
            }
            Mails::One { reader, bytes } => Some(whole(reader.take()?, "the mail".into(), bytes)),
        }
    }
}

impl Source for Mail {
    fn bytes_read(&self) -> u64 {
        match &self.mails {
            Mails::Mbox { lines, .. } => lines.bytes_read(),
            Mails::Files { bytes, .. } | Mails::One { bytes, .. } => *bytes,
        }
    }

    fn format(&self) -> Format {
        self.format
    }
}

impl Iterator for Mail {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        let raw = match self.raw()? {
            Ok(raw) => raw,
            Err(reject) => return Some(Item::Reject(reject)),
        };
        Some(match message::change(&mut self.frame, &raw.bytes, raw.came) {
            Ok(change) => Item::Change(change),
            Err(reason) => Item::Reject(Rejected::new(raw.position, reason, &raw.bytes)),
        })
    }
}

/// The files of a maildir, in a stable order.
pub(crate) fn maildir_files(folder: &Path) -> Result<Vec<PathBuf>, OpenError> {
    let io = |error| OpenError::Io { path: folder.into(), error };
    let mut folders = vec![folder.to_path_buf()];
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')) && path.join("cur").is_dir() {
            folders.push(path);
        }
    }
    folders.sort();
    let mut files = Vec::new();
    for part in folders.iter().flat_map(|folder| [folder.join("cur"), folder.join("new")]).filter(|part| part.is_dir())
    {
        files.extend(entries(&part)?.into_iter().filter(|path| path.is_file()));
    }
    Ok(files)
}

/// All of a file that holds one mail.
fn whole(reader: impl Read, position: String, read: &mut u64) -> Result<Raw, Rejected> {
    let mut bytes = Vec::new();
    let result = reader.take(MESSAGE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes);
    *read += bytes.len() as u64;
    match result {
        Err(error) => Err(Rejected::new(position, format_args!("reading stopped here: {error}"), &bytes)),
        Ok(_) if bytes.len() > MESSAGE_BYTES_MAX => Err(Rejected::new(position, TOO_LONG, &bytes)),
        Ok(_) => Ok(Raw { bytes, position, came: None }),
    }
}

const TOO_LONG: &str = "a mail of more than 64 MiB";

/// The next mail of an mbox: from a `From ` line to the line before the next one that follows a blank line.
fn next_in_mbox(lines: &mut Lines, ended: &mut bool, count: u64) -> Option<Result<Raw, Rejected>> {
    if *ended || (lines.number() == 0 && !skip_to_first(lines)) {
        return None;
    }
    let position = format!("mail {count}, line {}", lines.number());
    let came = separator(lines.line());
    let mut bytes = Vec::new();
    if came.is_none() {
        push(&mut bytes, lines.line());
    }
    let mut blank = false;
    let mut failed = None;
    *ended = true;
    while let Some(next) = lines.advance() {
        if let Err(reject) = next {
            failed = Some(reject);
            continue;
        }
        let line = lines.line();
        if blank && separator(line).is_some() {
            *ended = false;
            break;
        }
        blank = line.is_empty();
        let quoted =
            line.iter().position(|&byte| byte != b'>').is_some_and(|at| at > 0 && line[at..].starts_with(b"From "));
        push(&mut bytes, if quoted { &line[1..] } else { line });
    }
    Some(match failed {
        Some(reject) => Err(Rejected { position: position.into(), ..reject }),
        None if bytes.len() > MESSAGE_BYTES_MAX => Err(Rejected::new(position, TOO_LONG, &bytes)),
        None => Ok(Raw { bytes, position, came: came.flatten() }),
    })
}

/// Goes to the first line that is not blank; whether there is one.
fn skip_to_first(lines: &mut Lines) -> bool {
    while let Some(next) = lines.advance() {
        if next.is_err() || !lines.line().trim_ascii().is_empty() {
            return true;
        }
    }
    false
}

/// Adds a line, as long as the mail is not already too long.
fn push(bytes: &mut Vec<u8>, line: &[u8]) {
    if bytes.len() <= MESSAGE_BYTES_MAX {
        bytes.extend_from_slice(line);
        bytes.push(b'\n');
    }
}

/// Whether a line separates two mails (`From anna@example.org Sat Dec 25 09:14:01 2004`), and the time it names.
fn separator(line: &[u8]) -> Option<Option<Millis>> {
    let rest = std::str::from_utf8(line.strip_prefix(b"From ")?).ok()?;
    let words: Vec<&str> = rest.split_whitespace().collect();
    let clock = words.iter().position(|word| word.contains(':') && word.starts_with(|c: char| c.is_ascii_digit()))?;
    let year = words[clock..].iter().rev().find(|word| word.len() == 4 && word.bytes().all(|b| b.is_ascii_digit()))?;
    let date = || {
        let (month, day) = (words.get(clock.checked_sub(2)?)?, words.get(clock - 1)?);
        message::rfc822(&format!("{day} {month} {year} {} +0000\n", words[clock]))
    };
    Some(date())
}

/// Whether a file that begins so is an mbox.
pub(crate) fn looks_like_mbox(head: &[u8]) -> bool {
    separator(head.split(|&byte| byte == b'\n').next().unwrap_or_default()).is_some()
}

/// Whether a file that begins so is a mail: header fields, among them one that every mail has.
pub(crate) fn looks_like_mail(head: &str) -> bool {
    let mut fields = 0;
    let mut typical = false;
    for line in head.lines().take_while(|line| !line.is_empty()) {
        if line.starts_with([' ', '\t']) && fields > 0 {
            continue;
        }
        let Some((name, _)) = line.split_once(':') else { return false };
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return false;
        }
        fields += 1;
        let name = name.to_ascii_lowercase();
        typical |= ["received", "return-path", "message-id", "mime-version", "from", "delivered-to"].contains(&&*name);
    }
    typical && fields >= 2
}
