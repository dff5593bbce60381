//! From a path to a source: which files there are, what each one is, and opening it.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use crate::irc::Irc;
use crate::jsonl::Jsonl;
use crate::mail::Mail;
use crate::{Format, OpenError, Options, Source, irc, mail};

/// A stream of bytes.
pub type Reader = Box<dyn BufRead + Send>;

/// How much of a file is looked at to see what it is.
const HEAD_BYTES: usize = 64 << 10;

/// One file, or one folder that is a single export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Where it is.
    pub path: PathBuf,
    /// Its size, for progress.
    pub bytes: u64,
}

/// The inputs in these files and folders: folders in depth, in the order of their names, without hidden files; a Slack
/// export and a maildir are one input each. Whether a file can be read is for [`open`] to say.
pub fn expand(paths: &[PathBuf]) -> Result<Vec<Input>, OpenError> {
    let mut inputs = Vec::new();
    for path in paths {
        walk(path, &mut inputs)?;
    }
    Ok(inputs)
}

fn walk(path: &Path, inputs: &mut Vec<Input>) -> Result<(), OpenError> {
    let meta = std::fs::metadata(path).map_err(|error| io(path, error))?;
    if !meta.is_dir() {
        inputs.push(Input { path: path.into(), bytes: meta.len() });
        return Ok(());
    }
    if let Some(_whole) = folder_format(path) {
        let mut files = Vec::new();
        for entry in entries(path)? {
            walk(&entry, &mut files)?;
        }
        inputs.push(Input { path: path.into(), bytes: files.iter().map(|file| file.bytes).sum() });
        return Ok(());
    }
    entries(path)?.iter().try_for_each(|entry| walk(entry, inputs))
}

/// What is in a folder, sorted, without hidden files and links to folders (they may lead back here).
pub(crate) fn entries(folder: &Path) -> Result<Vec<PathBuf>, OpenError> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| io(folder, error))? {
        let path = entry.map_err(|error| io(folder, error))?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if !hidden && !(path.is_symlink() && path.is_dir()) {
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
    folder.join("channels.json").is_file().then_some(Format::Slack)
}

/// What a file or folder is, by its name and its first bytes.
pub fn detect(path: &Path) -> Result<Format, OpenError> {
    let name = path.display().to_string();
    if path.is_dir() {
        let reason = "a folder that is neither a Slack export nor a maildir; give its files".to_owned();
        return folder_format(path).ok_or(OpenError::Unknown { name, reason });
    }
    let mut reader = file(path)?;
    let head = reader.fill_buf().map_err(|error| io(path, error))?;
    detect_head(&name, head)
}

/// What a stream is, by its name and first bytes.
fn detect_head(name: &str, head: &[u8]) -> Result<Format, OpenError> {
    let unknown = |reason: &str| OpenError::Unknown { name: name.into(), reason: reason.into() };
    let start = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head).trim_ascii_start();
    let lower = name.to_ascii_lowercase();
    if lower.ends_with(".jsonl") || lower.ends_with(".ndjson") {
        return Ok(Format::Jsonl);
    }
    if head.contains(&0) {
        return Err(unknown("not a text: it holds zero bytes"));
    }
    let text = String::from_utf8_lossy(start);
    if mail::looks_like_mbox(start) {
        return Ok(Format::Mbox);
    }
    if irc::looks_like(&text) {
        return Ok(Format::Irc);
    }
    if lower.ends_with(".eml") || mail::looks_like_mail(&text) {
        return Ok(Format::Eml);
    }
    match start.first() {
        Some(b'{' | b'[') => Ok(Format::Jsonl),
        None => Ok(Format::Jsonl),
        _ => Err(unknown("not recognised")),
    }
}

/// Opens a file or folder.
pub fn open(path: &Path, options: &Options) -> Result<Box<dyn Source>, OpenError> {
    let name = path.display().to_string();
    if path.is_dir() {
        let format = options.format.map_or_else(|| detect(path), Ok)?;
        return match format {
            Format::Maildir => Ok(Box::new(Mail::maildir(path, options)?)),
            format => Err(OpenError::Malformed { name, format, reason: "a folder".into() }),
        };
    }
    let reader = file(path)?;
    open_reader(&name, Box::new(reader), options)
}

/// Opens a stream, such as standard input. `name` stands for it in messages; if it is a path, its last parts may tell
/// the date and the channel of a log.
pub fn open_reader(name: &str, mut reader: Reader, options: &Options) -> Result<Box<dyn Source>, OpenError> {
    let head = reader.fill_buf().map_err(|error| io(Path::new(name), error))?.to_vec();
    let format = match options.format {
        Some(format) => format,
        None => detect_head(name, &head)?,
    };
    match format {
        Format::Jsonl => Ok(Box::new(Jsonl::new(reader, &head, options)?)),
        Format::Irc => Ok(Box::new(Irc::new(name, reader, options)?)),
        Format::Mbox => Ok(Box::new(Mail::mbox(reader, options)?)),
        Format::Eml => Ok(Box::new(Mail::eml(reader, options)?)),
        format => Err(OpenError::Malformed { name: name.into(), format, reason: "not yet".into() }),
    }
}

fn file(path: &Path) -> Result<BufReader<File>, OpenError> {
    let file = File::open(path).map_err(|error| io(path, error))?;
    Ok(BufReader::with_capacity(HEAD_BYTES, file))
}
