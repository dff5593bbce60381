//! Exports in a zip file: the files in it that hold messages, one after the other, each unpacked into memory.
//!
//! Exports of Slack, X and LinkedIn are read by their own readers, which need their files together.

use std::collections::VecDeque;
use std::io::Cursor;
use std::path::Path;

use crate::bundle::Bundle;
use crate::input::{HEAD_BYTES, detect_head, open_reader};
use crate::{Format, Item, OpenError, Options, Rejected, Source, linkedin, x_archive};

/// What programs call the file that holds the messages; where there is one, the others are not looked at.
const MAIN_FILES: [&str; 3] = ["conversations", "result.json", "_chat.txt"];
/// How the names of files end that may hold messages. Others, such as pictures, are part of an export and not read.
const TEXTS: [&str; 8] = [".json", ".jsonl", ".ndjson", ".txt", ".log", ".mbox", ".eml", ".ics"];

/// A stream of the messages in the files of a zip file.
pub(crate) struct Zipped {
    name: String,
    bundle: Bundle,
    /// The files still to read, and why some cannot be.
    files: VecDeque<(String, Result<Format, String>)>,
    current: Option<Box<dyn Source>>,
    options: Options,
    format: Format,
    bytes: u64,
}

impl Zipped {
    pub(crate) fn new(path: &Path, options: &Options) -> Result<Zipped, OpenError> {
        let name = path.display().to_string();
        let mut bundle = Bundle::open(path)?;
        let files = files(&mut bundle, options)?;
        let Some(format) = files.iter().find_map(|(_, format)| format.as_ref().ok().copied()) else {
            let reason = "a zip file in which no file is of a known format".into();
            return Err(OpenError::Unknown { name, reason });
        };
        Ok(Zipped { name, bundle, files, current: None, options: options.clone(), format, bytes: 0 })
    }

    /// Opens one file. A chat export's file has the same name for every chat: the zip file's name stands for it.
    fn open(&mut self, file: &str, format: Format) -> Result<Box<dyn Source>, String> {
        let bytes = self.bundle.read(file)?;
        let alone = file.ends_with("_chat.txt");
        let name = if alone { self.name.clone() } else { format!("{}/{file}", self.name) };
        let options = Options { format: Some(format), ..self.options.clone() };
        open_reader(&name, Box::new(Cursor::new(bytes)), &options).map_err(|error| error.to_string())
    }
}

/// The export whose files need each other that it is, or else the format of the first file that has one.
pub(crate) fn detect(path: &Path) -> Result<Format, OpenError> {
    match export(&Bundle::open(path)?.names()?) {
        Some(format) => Ok(format),
        None => Ok(Zipped::new(path, &Options::new(""))?.format),
    }
}

fn export(names: &[String]) -> Option<Format> {
    let paths = || names.iter().map(String::as_str);
    let has = |file: &str| paths().any(|name| base(name) == file);
    match () {
        () if has("channels.json") && has("users.json") => Some(Format::Slack),
        () if x_archive::looks_like(paths()) => Some(Format::X),
        () if linkedin::are_its(paths()) => Some(Format::LinkedIn),
        () => None,
    }
}

/// The files that hold messages, or might.
fn files(bundle: &mut Bundle, options: &Options) -> Result<VecDeque<(String, Result<Format, String>)>, OpenError> {
    let mut names = bundle.names()?;
    names.retain(|name| TEXTS.iter().any(|end| name.to_ascii_lowercase().ends_with(end)));
    let main = |name: &String| MAIN_FILES.iter().any(|main| base(name).starts_with(main));
    if names.iter().any(main) {
        names.retain(main);
    }
    let mut files = VecDeque::new();
    for name in names {
        let format = match options.format {
            Some(format) => Ok(format),
            None => bundle
                .head(&name, HEAD_BYTES as u64)
                .and_then(|head| detect_head(&name, &head).map_err(|error| error.to_string())),
        };
        files.push_back((name, format));
    }
    Ok(files)
}

fn base(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or_default()
}

impl Source for Zipped {
    fn bytes_read(&self) -> u64 {
        self.bytes + self.current.as_ref().map_or(0, |source| source.bytes_read())
    }

    fn format(&self) -> Format {
        self.format
    }
}

impl Iterator for Zipped {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        loop {
            if let Some(source) = &mut self.current {
                if let Some(item) = source.next() {
                    return Some(item);
                }
                self.bytes += source.bytes_read();
                self.current = None;
            }
            let (file, format) = self.files.pop_front()?;
            match format.and_then(|format| self.open(&file, format)) {
                Ok(source) => self.current = Some(source),
                Err(reason) => return Some(Item::Reject(Rejected::new(file, reason, b""))),
            }
        }
    }
}
