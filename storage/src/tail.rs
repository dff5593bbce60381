//! The tail: what was acknowledged and is not yet in a checkpoint, in order, on the disk.
//!
//! Records are numbered from 1 and no number is ever given twice. They lie in redb files ("segments"), each named by the
//! first number in it; one entry of a segment is a chunk of consecutive records under the number of its first. `append`
//! returns when its records are synced; callers that come while another one syncs share the next sync. `cut` drops
//! segments that hold nothing else any more, `rewrite` leaves only what is beyond a number.
//!
//! Cost: one transaction and one sync per group of appends; replay reads what it visits, one chunk in memory at a time.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

use crate::error::{self, ErrorKind, Result, StorageError, at};
use crate::files;
use crate::settings::Settings;

const CHUNKS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("chunks");
/// A chunk ends when it has so many bytes: a little below a power of two, which redb allocates in.
const CHUNK_BYTES: usize = (1 << 20) - (1 << 12);

/// The tail log. All calls block; share it between threads.
#[derive(Debug)]
pub struct Tail {
    directory: PathBuf,
    segment_bytes: u64,
    cache_bytes: usize,
    queue: Mutex<Queue>,
    log: Mutex<Log>,
}

/// Records that have a number and wait for a sync.
#[derive(Debug)]
struct Queue {
    next: u64,
    waiting: Vec<Chunk>,
}

#[derive(Debug)]
struct Chunk {
    first: u64,
    records: u64,
    bytes: Vec<u8>,
}

#[derive(Debug)]
struct Log {
    /// First numbers of the segments, ascending; the last one is written to.
    segments: Vec<u64>,
    /// The last segment, open; `None` after a failed write until it is opened again.
    active: Option<Database>,
    /// Every number below is on the disk or lost.
    written: u64,
    /// Numbers whose write failed: their callers are told so.
    lost: Vec<Range<u64>>,
}

impl Tail {
    /// Opens the tail, or makes it. `next_at_least`: one past the last number that a checkpoint names.
    pub(crate) fn open(directory: PathBuf, settings: &Settings, next_at_least: u64) -> Result<Self> {
        std::fs::create_dir_all(&directory).map_err(at(&directory, "create"))?;
        let tail = Self {
            directory,
            segment_bytes: settings.tail_segment_bytes,
            cache_bytes: settings.tail_cache_bytes,
            queue: Mutex::new(Queue { next: next_at_least, waiting: Vec::new() }),
            log: Mutex::new(Log { segments: Vec::new(), active: None, written: next_at_least, lost: Vec::new() }),
        };
        let mut log = tail.lock_log();
        log.segments = tail.segments()?;
        if let Some(&last) = log.segments.last() {
            log.active = Some(tail.open_segment(last)?);
            log.written = log.written.max(tail.end(&log)?);
        } else {
            tail.start_segment(&mut log)?;
        }
        tail.lock_queue().next = log.written;
        drop(log);
        Ok(tail)
    }

    /// Appends the records, in order and next to each other. When this returns they are on the disk. Gives the number of
    /// the first; for no records, the number that the next one will get.
    pub fn append(&self, records: &[Vec<u8>]) -> Result<u64> {
        if records.iter().any(|record| record.len() > u32::MAX as usize / 2) {
            return Err(StorageError::new(ErrorKind::FixArgument, "a record of the tail is at most 2 GiB: split it"));
        }
        let first = self.enqueue(records);
        if records.is_empty() {
            return Ok(first);
        }
        let mut log = self.lock_log();
        if log.written <= first {
            let chunks = std::mem::take(&mut self.lock_queue().waiting);
            self.write(&mut log, chunks)?;
        }
        if log.lost.iter().any(|lost| lost.contains(&first)) {
            let message =
                "the tail log could not be written, the records were not accepted: see the other error, then retry";
            return Err(StorageError::new(ErrorKind::Retry, message));
        }
        Ok(first)
    }

    /// The number that the next record gets.
    pub fn next_seq(&self) -> u64 {
        self.lock_queue().next
    }

    /// The number from which on everything is here.
    pub(crate) fn first_seq(&self) -> u64 {
        self.lock_log().segments.first().copied().unwrap_or(0)
    }

    /// Visits the records from this number on, in order.
    pub fn replay_from(&self, seq: u64, visit: impl FnMut(u64, &[u8]) -> Result<()>) -> Result<()> {
        self.replay(&self.lock_log(), seq, visit)
    }

    /// Drops what lies wholly at or before this number: call it when a checkpoint holds all of that.
    pub fn cut(&self, through: u64) -> Result<()> {
        let mut log = self.lock_log();
        while log.segments.get(1).is_some_and(|&next| next <= through.saturating_add(1)) {
            self.remove_segment(log.segments[0])?;
            log.segments.remove(0);
        }
        Ok(())
    }

    /// Leaves only the records beyond this number, in a fresh segment: the bytes of all others are gone.
    pub(crate) fn rewrite(&self, through: u64) -> Result<()> {
        let mut log = self.lock_log();
        let mut kept: Vec<Chunk> = Vec::new();
        self.replay(&log, through.saturating_add(1), |seq, record| {
            push(&mut kept, seq, record);
            Ok(())
        })?;
        let old = std::mem::take(&mut log.segments);
        log.active = None;
        let first = kept.first().map_or(log.written, |chunk| chunk.first);
        self.create_segment(&mut log, first, &kept)?;
        for segment in old.into_iter().filter(|&segment| segment != first) {
            self.remove_segment(segment)?;
        }
        files::sync_directory(&self.directory).map_err(at(&self.directory, "sync"))
    }

    /// An interrupted `rewrite` leaves numbers in two segments: each is visited once.
    fn replay(&self, log: &Log, seq: u64, mut visit: impl FnMut(u64, &[u8]) -> Result<()>) -> Result<()> {
        let mut from = seq;
        for (place, &first) in log.segments.iter().enumerate() {
            if log.segments.get(place + 1).is_some_and(|&next| next <= from) {
                continue;
            }
            let start = from;
            let mut once = |seq, record: &[u8]| {
                from = seq + 1;
                visit(seq, record)
            };
            self.with_segment(log, first, |database| self.replay_segment(database, start, &mut once))?;
        }
        Ok(())
    }

    fn enqueue(&self, records: &[Vec<u8>]) -> u64 {
        let mut queue = self.lock_queue();
        let first = queue.next;
        for record in records {
            let seq = queue.next;
            push(&mut queue.waiting, seq, record);
            queue.next += 1;
        }
        first
    }

    fn write(&self, log: &mut Log, chunks: Vec<Chunk>) -> Result<()> {
        let end = chunks.last().map_or(log.written, |chunk| chunk.first + chunk.records);
        let range = log.written..end;
        let written = self.try_write(log, &chunks);
        log.written = end;
        if written.is_err() {
            log.active = None;
            log.lost.push(range);
        }
        written
    }

    fn try_write(&self, log: &mut Log, chunks: &[Chunk]) -> Result<()> {
        let last = log.segments.last().copied().unwrap_or(log.written);
        let path = self.path(last);
        if log.active.is_none() {
            log.active = Some(self.open_segment(last)?);
        }
        let size = path.metadata().map_err(at(&path, "read"))?.len();
        if size > self.segment_bytes && log.written > last {
            self.start_segment(log)?;
        }
        let path = self.path(log.segments.last().copied().unwrap_or(last));
        log.active.as_ref().map_or(Ok(()), |database| insert(database, chunks)).map_err(error::tail(&path))
    }

    fn start_segment(&self, log: &mut Log) -> Result<()> {
        let first = log.written;
        self.create_segment(log, first, &[])
    }

    /// Makes a segment under another name and renames it, which replaces one of the same number: a half-made one is never
    /// taken for a log.
    fn create_segment(&self, log: &mut Log, first: u64, chunks: &[Chunk]) -> Result<()> {
        let (path, fresh) = (self.path(first), self.directory.join("fresh"));
        files::remove(&fresh).map_err(at(&fresh, "remove"))?;
        let database = self.builder().create(&fresh).map_err(error::tail(&fresh))?;
        insert(&database, chunks).map_err(error::tail(&fresh))?;
        std::fs::rename(&fresh, &path).map_err(at(&path, "rename to"))?;
        files::sync_directory(&self.directory).map_err(at(&self.directory, "sync"))?;
        log.segments.push(first);
        log.active = Some(database);
        Ok(())
    }

    fn replay_segment(
        &self,
        database: &Database,
        seq: u64,
        visit: &mut impl FnMut(u64, &[u8]) -> Result<()>,
    ) -> Result<()> {
        let damaged =
            || StorageError::new(ErrorKind::Corrupt, "a record of the tail log is cut short: restore the file");
        let read = || -> Result<_, redb::Error> {
            let table = database.begin_read()?.open_table(CHUNKS)?;
            let start = table.range(..=seq)?.next_back().transpose()?.map_or(0, |(first, _)| first.value());
            Ok(table.range(start..)?)
        };
        for entry in read().map_err(error::tail(&self.directory))? {
            let (first, bytes) = entry.map_err(error::tail(&self.directory))?;
            let mut bytes = bytes.value();
            let mut number = first.value();
            while !bytes.is_empty() {
                let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(damaged)?;
                let (record, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or_else(damaged)?;
                if number >= seq {
                    visit(number, record)?;
                }
                (number, bytes) = (number + 1, rest);
            }
        }
        Ok(())
    }

    /// One past the last number in the log.
    fn end(&self, log: &Log) -> Result<u64> {
        let last = log.segments.last().copied().unwrap_or(1);
        let mut end = last;
        self.with_segment(log, last, |database| {
            let read = || -> Result<_, redb::Error> {
                let table = database.begin_read()?.open_table(CHUNKS)?;
                Ok(table.last()?.map_or(last, |(first, _)| first.value()))
            };
            let from = read().map_err(error::tail(&self.path(last)))?;
            self.replay_segment(database, from, &mut |seq, _| {
                end = seq + 1;
                Ok(())
            })
        })?;
        Ok(end)
    }

    fn with_segment(&self, log: &Log, first: u64, read: impl FnOnce(&Database) -> Result<()>) -> Result<()> {
        match &log.active {
            Some(active) if log.segments.last() == Some(&first) => read(active),
            _ => read(&self.open_segment(first)?),
        }
    }

    fn open_segment(&self, first: u64) -> Result<Database> {
        let path = self.path(first);
        self.builder().open(&path).map_err(error::tail(&path))
    }

    fn builder(&self) -> redb::Builder {
        let mut builder = Database::builder();
        builder.set_cache_size(self.cache_bytes);
        builder
    }

    fn segments(&self) -> Result<Vec<u64>> {
        let names = files::names(&self.directory).map_err(at(&self.directory, "read"))?;
        let mut segments: Vec<u64> = names.iter().filter_map(|name| name.strip_suffix(".redb")?.parse().ok()).collect();
        segments.sort_unstable();
        Ok(segments)
    }

    fn remove_segment(&self, first: u64) -> Result<()> {
        let path = self.path(first);
        files::remove(&path).map_err(at(&path, "remove"))
    }

    fn path(&self, first: u64) -> PathBuf {
        self.directory.join(format!("{first:020}.redb"))
    }

    fn lock_queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds a record, its length before it, to the last chunk or to a new one.
fn push(chunks: &mut Vec<Chunk>, seq: u64, record: &[u8]) {
    let follows = |chunk: &&mut Chunk| {
        let fits = chunk.bytes.len() + record.len() + 4 <= CHUNK_BYTES;
        fits && chunk.first + chunk.records == seq
    };
    let length = (record.len() as u32).to_le_bytes();
    match chunks.last_mut().filter(follows) {
        Some(chunk) => {
            chunk.bytes.extend_from_slice(&length);
            chunk.bytes.extend_from_slice(record);
            chunk.records += 1;
        }
        None => chunks.push(Chunk { first: seq, records: 1, bytes: [&length, record].concat() }),
    }
}

fn insert(database: &Database, chunks: &[Chunk]) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    {
        let mut table = transaction.open_table(CHUNKS)?;
        for chunk in chunks {
            table.insert(chunk.first, chunk.bytes.as_slice())?;
        }
    }
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
#[path = "tail/tests.rs"]
mod tests;
