//! From a path to a source: which files there are, what each one is, and opening it.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use crate::calendar::Calendar;
use crate::conversations::Conversations;
use crate::irc::Irc;
use crate::jsonl::Jsonl;
use crate::linkedin::LinkedIn;
use crate::mail::{Mail, maildir_files};
use crate::reading::Rereadable;
use crate::slack::Slack;
use crate::telegram::Telegram;
use crate::whatsapp::WhatsApp;
use crate::x_archive::XArchive;
use crate::zipped::{self, Zipped};
use crate::{Format, OpenError, Options, Source, calendar, irc, json, linkedin, mail, whatsapp};

/// A stream of bytes.
pub type Reader = Box<dyn BufRead + Send>;

/// How much of a file is looked at to see what it is.
pub(crate) const HEAD_BYTES: usize = 64 << 10;
/// How a zip file begins.
const ZIP: &[u8] = b"PK\x03\x04";

/// One file, or one folder that is a single export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Where it is.
    pub path: PathBuf,
    /// Its size, for progress.
    pub bytes: u64,
}

/// The inputs in these files and folders: folders in depth, in the order of their names, without hidden files; a Slack
/// export, an archive of X or LinkedIn and a maildir are one input each. Whether a file can be read is for [`open`] to say.
pub fn expand(paths: &[PathBuf]) -> Result<Vec<Input>, OpenError> {
    let mut inputs = Vec::new();
    for path in paths {
        walk(path, &mut inputs, &mut Err)?;
    }
    Ok(inputs)
}

/// The same of one path, for who looks again and again: what cannot be looked at goes to `failed`, and only what is a file is
/// one: a pipe would be waited for.
pub(crate) fn expand_what_is_there(path: &Path, failed: &mut dyn FnMut(OpenError)) -> Vec<Input> {
    let mut inputs = Vec::new();
    // Every error has gone to `failed`.
    let _ = walk(path, &mut inputs, &mut |error| {
        failed(error);
        Ok(())
    });
    inputs.retain(|input| input.path.is_dir() || input.path.is_file());
    inputs
}

fn walk(
    path: &Path,
    inputs: &mut Vec<Input>,
    failed: &mut dyn FnMut(OpenError) -> Result<(), OpenError>,
) -> Result<(), OpenError> {
    let meta = match std::fs::metadata(path) {
        Ok(meta) => meta,
        Err(error) => return failed(io(path, error)),
    };
    if !meta.is_dir() {
        inputs.push(Input { path: path.into(), bytes: meta.len() });
        return Ok(());
    }
    let mut inside = Vec::new();
    let format = folder_format(path);
    let parts = if format == Some(Format::Maildir) { maildir_files(path) } else { entries(path) };
    let parts = match parts {
        Ok(parts) => parts,
        Err(error) => return failed(error),
    };
    parts.iter().try_for_each(|part| walk(part, &mut inside, failed))?;
    match format {
        Some(_) => inputs.push(Input { path: path.into(), bytes: inside.iter().map(|file| file.bytes).sum() }),
        None => inputs.extend(inside),
    }
    Ok(())
}

/// What is in a folder, sorted, without hidden files and links to folders (they may lead back here).
pub(crate) fn entries(folder: &Path) -> Result<Vec<PathBuf>, OpenError> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| io(folder, error))? {
        let path = entry.map_err(|error| io(folder, error))?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let link_to_folder = path.is_symlink() && path.is_dir();
        if !hidden && !link_to_folder {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn io(path: &Path, error: std::io::Error) -> OpenError {
    OpenError::Io { path: path.into(), error }
}

/// What a folder is, if it is one input.
fn folder_format(folder: &Path) -> Option<Format> {
    if folder.join("cur").is_dir() && folder.join("new").is_dir() {
        return Some(Format::Maildir);
    }
    let has = |name: &str| folder.join(name).is_file();
    match () {
        () if has("channels.json") && has("users.json") => Some(Format::Slack),
        () if has("data/account.js") && has("data/tweets.js") => Some(Format::X),
        () if has("Profile.csv") && has("messages.csv") => Some(Format::LinkedIn),
        () => None,
    }
}

/// What a file or folder is, by its name and its first bytes.
pub fn detect(path: &Path) -> Result<Format, OpenError> {
    let name = path.display().to_string();
    if path.is_dir() {
        let reason = "a folder that is neither an export nor a maildir; give its files".to_owned();
        return folder_format(path).ok_or(OpenError::Unknown { name, reason });
    }
    let mut reader = file(path)?;
    let head = reader.fill_buf().map_err(|error| io(path, error))?;
    if head.starts_with(ZIP) { zipped::detect(path) } else { detect_head(&name, head) }
}

/// What a stream is, by its name and first bytes.
pub(crate) fn detect_head(name: &str, head: &[u8]) -> Result<Format, OpenError> {
    let unknown = |reason: &str| Err(OpenError::Unknown { name: name.into(), reason: reason.into() });
    let start = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head).trim_ascii_start();
    let lower = name.to_ascii_lowercase();
    if start.is_empty() || lower.ends_with(".jsonl") || lower.ends_with(".ndjson") {
        return Ok(Format::Jsonl);
    }
    if start.starts_with(b"\xFF\xFE") || start.starts_with(b"\xFE\xFF") {
        return unknown("UTF-16; save it as UTF-8");
    }
    if start.contains(&0) {
        return unknown("not a text: it holds zero bytes");
    }
    if start.starts_with(b"{") || start.starts_with(b"[{") || start.starts_with(b"[\n") || start.starts_with(b"[ ") {
        return detect_json(start).map_or_else(unknown, Ok);
    }
    if calendar::looks_like(start) {
        return Ok(Format::Calendar);
    }
    if start.starts_with(b"window.YTD.") {
        return unknown("a part of an X archive; give the archive's folder or zip file");
    }
    if linkedin::looks_like(start) {
        return Ok(Format::LinkedIn);
    }
    let text = String::from_utf8_lossy(start);
    if mail::looks_like_mbox(start) {
        return Ok(Format::Mbox);
    }
    if whatsapp::looks_like(&text) {
        return Ok(Format::WhatsApp);
    }
    if irc::looks_like(&text) {
        return Ok(Format::Irc);
    }
    if lower.ends_with(".eml") || mail::looks_like_mail(&text) {
        return Ok(Format::Eml);
    }
    match start {
        b"[]" => Ok(Format::Jsonl),
        _ => unknown("neither a log, a mail nor an export"),
    }
}

/// What a JSON document is, by the keys of its first object.
fn detect_json(head: &[u8]) -> Result<Format, &'static str> {
    let keys = json::first_keys(head);
    let has = |key: &str| keys.iter().any(|known| known == key);
    match () {
        () if has("said_at") || has("deleted") => Ok(Format::Jsonl),
        () if has("mapping") => Ok(Format::ChatGpt),
        () if has("chat_messages") => Ok(Format::Claude),
        () if has("messages") && has("type") || has("chats") || has("personal_information") => Ok(Format::Telegram),
        () if has("ts") => Err("a part of a Slack export; give the export's folder or zip file"),
        () => Err("JSON of an unknown shape; for Nexus's own rows `said_at` is missing (see docs/connectors.md)"),
    }
}

/// Opens a file or folder.
pub fn open(path: &Path, options: &Options) -> Result<Box<dyn Source>, OpenError> {
    let name = path.display().to_string();
    let mut reader = None;
    let mut zip = false;
    if !path.is_dir() {
        let mut file = file(path)?;
        zip = file.fill_buf().map_err(|error| io(path, error))?.starts_with(ZIP);
        reader = Some(file);
    }
    match reader {
        Some(reader) if !zip => open_reader(&name, Box::new(reader), options),
        _ => match options.format.map_or_else(|| detect(path), Ok)? {
            Format::Slack => Ok(Box::new(Slack::new(path, options)?)),
            Format::X => Ok(Box::new(XArchive::new(path, options)?)),
            Format::LinkedIn => Ok(Box::new(LinkedIn::new(path, options)?)),
            Format::Maildir if !zip => Ok(Box::new(Rereadable::new(Box::new(Mail::maildir(path, options)?), options))),
            _ if zip => Ok(Box::new(Zipped::new(path, options)?)),
            format => Err(OpenError::Malformed { name, format, reason: "it is a folder; give its files".into() }),
        },
    }
}

/// Opens a stream, such as standard input. `name` stands for it in messages; if it is a path, its last parts may tell
/// the date of a log, and the channel.
pub fn open_reader(name: &str, mut reader: Reader, options: &Options) -> Result<Box<dyn Source>, OpenError> {
    let head = reader.fill_buf().map_err(|error| io(Path::new(name), error))?.to_vec();
    let format = match options.format {
        Some(format) => format,
        None => detect_head(name, &head)?,
    };
    let source: Box<dyn Source> = match format {
        Format::Jsonl => Box::new(Jsonl::new(reader, &head, options)?),
        Format::Irc => Box::new(Irc::new(name, reader, options)?),
        Format::Mbox => Box::new(Mail::mbox(reader, options)?),
        Format::Eml => Box::new(Mail::eml(reader, options)?),
        Format::WhatsApp => Box::new(WhatsApp::new(name, reader, options)?),
        Format::Telegram => Box::new(Telegram::new(name, reader, options)?),
        Format::ChatGpt | Format::Claude => Box::new(Conversations::new(reader, &head, format, options)?),
        Format::Calendar => Box::new(Calendar::new(reader, options)?),
        Format::LinkedIn => Box::new(LinkedIn::one(name, reader, options)?),
        Format::Slack | Format::Maildir | Format::X => {
            let reason = "it is a folder or a zip file, not a stream".into();
            return Err(OpenError::Malformed { name: name.into(), format, reason });
        }
    };
    Ok(Box::new(Rereadable::new(source, options)))
}

fn file(path: &Path) -> Result<BufReader<File>, OpenError> {
    let file = File::open(path).map_err(|error| io(path, error))?;
    Ok(BufReader::with_capacity(HEAD_BYTES, file))
}
