//! A file that changes are appended to, a line each, and synced before they count.
//!
//! What an interrupted write left of a line is cut off before the next is written, under a lock: nobody else's line is
//! under way then. The file is opened anew for each batch, so it may be moved away: what follows goes into a new one.
//! Cost: a sync a batch.

use std::fs::{File, TryLockError};
use std::io::{Error, Read, Result as IoResult, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use futures::future::BoxFuture;
use serde::Deserialize;
use tokio::task::spawn_blocking;

use super::{Dispatch, Sink};
use crate::live::Broken;

/// The end of a file is looked at in pieces of so many bytes.
const PIECE_BYTES: u64 = 64 << 10;

/// What a configuration says of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JsonlConfig {
    /// The file; its folder has to be there.
    pub path: PathBuf,
}

/// A file that grows.
#[derive(Debug)]
pub struct JsonlSink {
    path: PathBuf,
}

impl JsonlSink {
    /// Checks what the configuration says.
    pub fn new(config: JsonlConfig) -> Result<JsonlSink, String> {
        let JsonlConfig { path } = config;
        if !path.is_absolute() {
            return Err(format!("path: {} is not absolute", path.display()));
        }
        match path.parent() {
            Some(folder) if folder.is_dir() && !path.is_dir() => Ok(JsonlSink { path }),
            _ => Err(format!("path: {} is no file in a folder that is there", path.display())),
        }
    }
}

impl Sink for JsonlSink {
    fn deliver<'a>(&'a mut self, dispatches: &'a [Dispatch], done: &'a mut usize) -> BoxFuture<'a, Result<(), Broken>> {
        let (path, mut lines) = (self.path.clone(), String::new());
        for dispatch in dispatches {
            lines.push_str(&dispatch.body);
            lines.push('\n');
        }
        Box::pin(async move {
            let broken = |error: &dyn std::fmt::Display| Broken::Retry(format!("{}: {error}", self.path.display()));
            let written = spawn_blocking(move || append(&path, lines.as_bytes())).await;
            written.map_err(|error| broken(&error))?.map_err(|error| broken(&error))?;
            *done = dispatches.len();
            Ok(())
        })
    }
}

/// Appends whole lines after the last whole line; without any it changes nothing.
fn append(path: &Path, lines: &[u8]) -> IoResult<()> {
    let new = !path.exists();
    let folder = path.parent().ok_or_else(|| Error::other("it has no folder"))?;
    if lines.is_empty() {
        let opened = if new { File::open(folder) } else { File::options().read(true).write(true).open(path) };
        return opened.map(drop);
    }
    let mut file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => Error::other("another run writes to it: give each its own"),
        TryLockError::Error(error) => error,
    })?;
    let end = whole(&mut file)?;
    if end < file.metadata()?.len() {
        file.set_len(end)?;
    }
    file.seek(SeekFrom::Start(end))?;
    file.write_all(lines)?;
    file.sync_data()?;
    if new {
        // The file's name has to last too.
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Where the last whole line ends.
fn whole(file: &mut File) -> IoResult<u64> {
    let mut end = file.seek(SeekFrom::End(0))?;
    while end > 0 {
        let start = end.saturating_sub(PIECE_BYTES);
        let mut piece = Vec::new();
        file.seek(SeekFrom::Start(start))?;
        Read::take(&mut *file, end - start).read_to_end(&mut piece)?;
        if let Some(last) = piece.iter().rposition(|byte| *byte == b'\n') {
            return Ok(start + last as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn only_whole_lines_are_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.jsonl");
        let mut sink = JsonlSink::new(JsonlConfig { path: path.clone() }).unwrap();
        let dispatch = |body: &str| Dispatch { id: body.into(), body: body.into() };
        let mut done = 0;
        sink.deliver(&[], &mut done).await.unwrap();
        assert!(!path.exists());
        sink.deliver(&[dispatch("one"), dispatch("two")], &mut done).await.unwrap();
        assert_eq!((std::fs::read_to_string(&path).unwrap().as_str(), done), ("one\ntwo\n", 2));
        for torn in ["thr".to_string(), "x".repeat(3 * PIECE_BYTES as usize)] {
            std::fs::write(&path, format!("one\n{torn}")).unwrap();
            sink.deliver(&[dispatch("two")], &mut done).await.unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\ntwo\n");
        }
        std::fs::write(&path, "torn").unwrap();
        sink.deliver(&[], &mut done).await.unwrap();
        let other = File::open(&path).unwrap();
        other.lock().unwrap();
        let busy = sink.deliver(&[dispatch("one")], &mut done).await;
        assert!(matches!(busy, Err(Broken::Retry(error)) if error.contains("another run writes")));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "torn");
        drop(other);
        sink.deliver(&[dispatch("one")], &mut done).await.unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\n");
        std::fs::remove_dir_all(folder.path()).unwrap();
        assert!(matches!(sink.deliver(&[], &mut done).await, Err(Broken::Retry(_))));
        assert!(JsonlSink::new(JsonlConfig { path: "out.jsonl".into() }).is_err());
    }
}
