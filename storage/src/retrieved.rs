//! What was recalled, counted: one file beside the tables, which no ranking reads and no input of memory.
//!
//! Any process that reads adds to it: a line an event, some at a time, each line whole, under a lock that is held for the
//! write alone. When the file has grown, its lines become one per event. It is not synced: what a crash takes are counts of
//! the last moments.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use crate::error::{Result, at};
use crate::files;
use crate::home::Home;

const FILE: &str = "retrieved.jsonl";
const LOCK: &str = "retrieved.lock";
/// A file of more bytes than this is made small again whenever it has grown past a power of two.
const BYTES_MAX: u64 = 1 << 20;
/// So many milliseconds are waited for the lock.
const LOCK_TRIES: usize = 1_000;

/// How often an event of a scope was recalled, by both.
pub type Counts = BTreeMap<(String, String), u64>;

/// The count of what was recalled from one store.
#[derive(Clone, Debug)]
pub struct Retrieved {
    root: PathBuf,
}

impl Retrieved {
    pub(crate) fn of(home: &Home) -> Self {
        Retrieved { root: home.root.clone() }
    }

    /// The counts so far. Linear in the file.
    pub fn counts(&self) -> Result<Counts> {
        self.read().map_err(at(&self.path(), "read"))
    }

    /// Adds to the counts.
    pub fn add(&self, counts: &Counts) -> Result<()> {
        let add = || {
            let lock = self.lock()?;
            let mut file = OpenOptions::new().create(true).append(true).open(self.path())?;
            // A line that a crash cut off ends here.
            let all = format!("\n{}", lines(counts)?);
            file.write_all(all.as_bytes())?;
            let (size, new) = (file.metadata()?.len(), all.len() as u64);
            // Of many events there are many lines at best: it is tried again when there are twice as many bytes.
            if size > BYTES_MAX && size.ilog2() > size.saturating_sub(new).ilog2() {
                self.replace(&lines(&self.read()?)?)?;
            }
            drop(lock);
            Ok(())
        };
        add().map_err(at(&self.path(), "write"))
    }

    /// Keeps the counts of these events alone; if that cannot be written, none.
    pub fn retain(&self, keep: impl Fn(&str) -> bool) -> Result<()> {
        if !self.path().exists() {
            return Ok(());
        }
        let retain = || {
            let lock = self.lock()?;
            let mut counts = self.read()?;
            counts.retain(|(_, event), _| keep(event));
            self.replace(&lines(&counts)?)?;
            drop(lock);
            io::Result::Ok(())
        };
        retain().or_else(|_| files::remove(&self.path())).map_err(at(&self.path(), "remove"))
    }

    fn path(&self) -> PathBuf {
        self.root.join(FILE)
    }

    /// Held until it is dropped. Nobody waits long for it: a process that holds it may have been stopped.
    fn lock(&self) -> io::Result<File> {
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(self.root.join(LOCK))?;
        for _ in 0..LOCK_TRIES {
            match lock.try_lock() {
                Ok(()) => return Ok(lock),
                Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(1)),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        Err(io::Error::new(io::ErrorKind::WouldBlock, "another process holds its lock"))
    }

    fn read(&self) -> io::Result<Counts> {
        let bytes = match fs::read(self.path()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            bytes => bytes?,
        };
        let mut counts = Counts::new();
        // A line that a crash cut off is no line.
        for line in bytes.split(|byte| *byte == b'\n') {
            if let Ok((scope, event, count)) = serde_json::from_slice::<(String, String, u64)>(line) {
                let known = counts.entry((scope, event)).or_default();
                *known = known.saturating_add(count);
            }
        }
        Ok(counts)
    }

    fn replace(&self, lines: &str) -> io::Result<()> {
        files::write_atomically(&self.path(), lines.as_bytes())
    }
}

fn lines(counts: &Counts) -> io::Result<String> {
    let mut lines = String::new();
    for ((scope, event), count) in counts {
        lines.push_str(&serde_json::to_string(&(scope, event, count))?);
        lines.push('\n');
    }
    Ok(lines)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn of(event: usize) -> Counts {
        Counts::from([(("me\n".to_string(), format!("{event:032x}")), 1)])
    }

    #[test]
    fn many_processes_count_together() {
        let folder = tempfile::tempdir().unwrap();
        let retrieved = Retrieved { root: folder.path().into() };
        assert!(retrieved.counts().unwrap().is_empty());
        std::thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| (0..8_000).for_each(|at| retrieved.add(&of(at % 100)).unwrap()));
            }
        });
        let counts = retrieved.counts().unwrap();
        assert_eq!((counts.len(), counts.values().sum::<u64>()), (100, 32_000), "none is lost when lines become one");
        assert!(fs::metadata(retrieved.path()).unwrap().len() <= 2 * BYTES_MAX);
        // A crash in the middle of a line loses that line.
        let mut file = OpenOptions::new().append(true).open(retrieved.path()).unwrap();
        file.write_all(b"[\"me\",\"0").unwrap();
        assert_eq!(retrieved.counts().unwrap(), counts);
        retrieved.add(&of(7)).unwrap();
        assert_eq!(retrieved.counts().unwrap().values().sum::<u64>(), 32_001);
        retrieved.retain(|event| event.ends_with("7")).unwrap();
        assert_eq!(retrieved.counts().unwrap().len(), 6, "07 to 57");
    }
}
