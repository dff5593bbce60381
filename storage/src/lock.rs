//! The writer's lock: one writer per store, and a second one learns who the first is.
//!
//! The operating system's lock on `writer.lock` is the truth; the file's content only names the holder. A process that
//! died has let go of the lock, so what it left in the file is overwritten.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};

use nexus_types::{Millis, time};
use serde::{Deserialize, Serialize};

use crate::error::{ErrorKind, Result, StorageError, at};
use crate::home::{Home, LOCK};

/// Who opens the store and when: what a second writer is told.
#[derive(Clone, Debug)]
pub struct Opener {
    /// The program, as its user knows it.
    pub program: String,
    /// When it opens the store.
    pub at: Millis,
}

#[derive(Serialize, Deserialize)]
struct Holder {
    pid: u32,
    host: String,
    program: String,
    since: Millis,
}

/// The lock, held until this is dropped.
#[derive(Debug)]
pub(crate) struct WriterLock {
    _file: File,
}

impl WriterLock {
    /// Takes the lock, or says who has it.
    pub(crate) fn take(home: &Home, opener: &Opener) -> Result<Self> {
        let path = home.root.join(LOCK);
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(at(&path, "open for writing"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(locked(home, &mut file)),
            Err(TryLockError::Error(error)) => return Err(at(&path, "lock")(error)),
        }
        let holder =
            Holder { pid: std::process::id(), host: host(), program: opener.program.clone(), since: opener.at };
        let text = serde_json::to_vec(&holder).map_err(std::io::Error::other);
        text.and_then(|text| {
            file.set_len(0)?;
            file.rewind()?;
            file.write_all(&text)
        })
        .map_err(at(&path, "write"))?;
        Ok(Self { _file: file })
    }
}

fn locked(home: &Home, file: &mut File) -> StorageError {
    let mut text = String::new();
    let holder = match file.read_to_string(&mut text).ok().and_then(|_| serde_json::from_str::<Holder>(&text).ok()) {
        Some(Holder { pid, host, program, since }) => {
            format!("{program} (process {pid} on {host}, since {})", time::rfc3339(since))
        }
        None => "another process that is just opening it".to_string(),
    };
    let message = format!(
        "{} is being written by {holder}: wait until it is done, or end it; reading needs no lock",
        home.root.display()
    );
    StorageError::new(ErrorKind::Locked { holder }, message)
}

/// This machine's name, for people to read.
pub(crate) fn host() -> String {
    let from_file =
        std::fs::read_to_string("/proc/sys/kernel/hostname").or_else(|_| std::fs::read_to_string("/etc/hostname"));
    let name = from_file.ok().or_else(|| std::env::var("HOSTNAME").ok()).or_else(|| std::env::var("COMPUTERNAME").ok());
    name.map_or_else(|| "this machine".to_string(), |name| name.trim().to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_second_writer_learns_who_the_first_is() {
        let directory = tempfile::tempdir().unwrap();
        let home = Home::at(directory.path()).unwrap();
        std::fs::write(home.root.join(LOCK), "left by a process that died, and longer than what comes").unwrap();
        let opener = Opener { program: "nexus ingest".into(), at: 1_714_555_800_000 };
        let first = WriterLock::take(&home, &opener).unwrap();
        let error = WriterLock::take(&home, &opener).unwrap_err();
        let holder = format!("nexus ingest (process {} on {}, since 2024-05-01T09:30:00Z)", std::process::id(), host());
        assert_eq!(error.kind(), &ErrorKind::Locked { holder: holder.clone() });
        assert!(error.to_string().contains(&holder), "{error}");
        drop(first);
        WriterLock::take(&home, &opener).unwrap();
    }
}
