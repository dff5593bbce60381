//! What is counted of a run while it goes on: of each feed as its batches are taken in, of the engine as its thread
//! comes round.
//!
//! Cost: some additions a batch and a lock a round; the store's files are looked at once in ten seconds.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::time::{Duration, Instant};

use nexus_types::Millis;

use super::health::{EpochHealth, Published, TableHealth};
use super::supervise::{FeedHealth, FeedState};
use crate::clock;
use crate::engine::Engine;

/// How often files, memory and the disk are measured.
const MEASURED_EVERY: Duration = Duration::from_secs(10);
/// Of how many epochs the durations are kept.
const EPOCHS_MAX: usize = 1_000;
/// Of how many units what came lately is counted.
const UNITS: i64 = 60;
/// These units, in milliseconds.
const SECOND: Millis = 1_000;
const MINUTE: Millis = 60_000;
/// What was said longer ago than this is history.
const HISTORY: Millis = 24 * 60 * MINUTE;

/// How much came in each of the last 60 units of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Ring(VecDeque<(i64, u64)>);

impl Ring {
    fn add(&mut self, unit: i64, much: u64) {
        // A clock that was far ahead would be believed for as long.
        if self.0.back().is_some_and(|(last, _)| *last >= unit + UNITS) {
            self.0.clear();
        }
        match self.0.back_mut() {
            Some((last, sum)) if *last >= unit => *sum += much,
            _ => self.0.push_back((unit, much)),
        }
        while self.0.front().is_some_and(|(first, _)| *first <= unit - UNITS) {
            self.0.pop_front();
        }
    }

    fn sum(&self, unit: i64) -> u64 {
        self.0.iter().filter(|(at, _)| *at > unit - UNITS).map(|(_, much)| much).sum()
    }
}

/// What a feed brought lately.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lately {
    /// Messages, by the second.
    messages: Ring,
    /// Rejects, by the minute.
    rejects: Ring,
    /// When the newest message was said that waits for its epoch.
    newest: Option<Millis>,
}

/// What a batch brought.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Brought {
    pub(super) messages: u64,
    pub(super) news: u64,
    pub(super) rejects: u64,
    pub(super) bytes: u64,
    /// When the newest message was said that nobody had seen.
    pub(super) newest: Option<Millis>,
}

impl FeedHealth {
    /// It is so from now on.
    pub(super) fn turns(&mut self, state: FeedState) {
        if self.state != state {
            (self.state, self.since) = (state, clock::now());
        }
    }

    /// A batch is on its way to the engine.
    pub(super) fn queues(&mut self, items: usize, bytes: usize) {
        self.queue_items += items as u64;
        self.queue_bytes += bytes as u64;
    }

    /// A batch has arrived.
    pub(super) fn unqueues(&mut self, items: usize, bytes: usize) {
        // What a feed sent before it was changed is counted no more.
        self.queue_items = self.queue_items.saturating_sub(items as u64);
        self.queue_bytes = self.queue_bytes.saturating_sub(bytes as u64);
    }

    /// A batch was taken in.
    pub(super) fn brings(&mut self, brought: Brought, at: Millis) {
        let Brought { messages, news, rejects, bytes, newest } = brought;
        self.messages += messages;
        self.news += news;
        self.rejects += rejects;
        self.bytes += bytes;
        if messages > 0 {
            self.last_message_at = Some(at);
            self.lately.messages.add(at.div_euclid(SECOND), messages);
        }
        if rejects > 0 {
            self.lately.rejects.add(at.div_euclid(MINUTE), rejects);
        }
        self.lately.newest = self.lately.newest.max(newest);
    }

    /// What was taken in is memory.
    pub(super) fn shows(&mut self, at: Millis) {
        // A platform's clock may be ahead of ours. What is older than a day is history, which no feed is behind with.
        let newest = self.lately.newest.take();
        if let Some(lag) = newest.map(|newest| at.saturating_sub(newest).max(0)).filter(|lag| *lag < HISTORY) {
            self.lag_ms = Some(lag);
        }
    }

    /// It, with what came lately summed up.
    pub(super) fn seen(&self, at: Millis) -> FeedHealth {
        let last_minute = self.lately.messages.sum(at.div_euclid(SECOND));
        let rejects_last_hour = self.lately.rejects.sum(at.div_euclid(MINUTE));
        FeedHealth { last_minute, rejects_last_hour, ..self.clone() }
    }
}

/// What the engine's thread says of itself.
pub(super) struct Pulse {
    published: Published,
    /// How long the last epochs took, in milliseconds.
    durations: VecDeque<u64>,
    measured: Option<Instant>,
}

impl Pulse {
    pub(super) fn new(published: Published) -> Pulse {
        Pulse { published, durations: VecDeque::new(), measured: None }
    }

    /// The thread came round.
    pub(super) fn beat(&mut self, engine: &Engine, pending: bool) {
        let due = self.measured.is_none_or(|measured| measured.elapsed() >= MEASURED_EVERY);
        let measured = due.then(|| measured(engine));
        if due {
            self.measured = Some(Instant::now());
        }
        let checkpoint = engine.store.checkpoint();
        let mut health = self.published.engine();
        (health.at, health.pending, health.lent) = (clock::now(), pending, false);
        (health.epoch, health.checkpoint_at) = (checkpoint.epoch, checkpoint.committed_at);
        if let Some(measured) = measured {
            health.resident_bytes = measured.resident_bytes;
            health.disk_free_bytes = measured.disk_free_bytes;
            if let Some((tables, tail_bytes)) = measured.store {
                (health.tables, health.tail_bytes) = (tables, tail_bytes);
            }
        }
    }

    /// Somebody else works with the store now, until the next beat.
    pub(super) fn lend(&self) {
        let mut health = self.published.engine();
        (health.at, health.lent) = (clock::now(), true);
    }

    /// An epoch was made.
    pub(super) fn epoch(&mut self, epoch: u64, took: Duration) {
        tracing::debug!(epoch, ms = took.as_millis(), "epoch");
        self.published.epochs().observe(took.as_secs_f64());
        if self.durations.len() == EPOCHS_MAX {
            self.durations.pop_front();
        }
        self.durations.push_back(u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
        self.published.engine().epochs = durations(&self.durations);
    }
}

fn durations(durations: &VecDeque<u64>) -> Option<EpochHealth> {
    let mut sorted: Vec<u64> = durations.iter().copied().collect();
    sorted.sort_unstable();
    let part = |of_hundred: usize| sorted.get((sorted.len() * of_hundred / 100).min(sorted.len().saturating_sub(1)));
    let (last_ms, p50_ms, p99_ms) = (*durations.back()?, *part(50)?, *part(99)?);
    Some(EpochHealth { last_ms, p50_ms, p99_ms })
}

/// What it takes a while to find out.
struct Measured {
    /// The tables and the tail; `None` if their files cannot be looked at.
    store: Option<(BTreeMap<String, TableHealth>, u64)>,
    resident_bytes: Option<u64>,
    disk_free_bytes: Option<u64>,
}

fn measured(engine: &Engine) -> Measured {
    let store = match engine.store.bytes() {
        Ok(mut bytes) => {
            let tail = bytes.remove("tail").unwrap_or(0);
            let rows = &engine.store.checkpoint().tables;
            let table = |(name, bytes): (String, u64)| {
                let rows = rows.get(&name).map_or(0, |table| table.rows);
                (name, TableHealth { rows, bytes })
            };
            Some((bytes.into_iter().map(table).collect(), tail))
        }
        Err(error) => {
            tracing::warn!(%error, "the sizes of tables cannot be read");
            None
        }
    };
    Measured { store, resident_bytes: resident_bytes(), disk_free_bytes: disk_free_bytes(engine.store.path()) }
}

/// The memory of this process, where the system says it.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// What others than the administrator may still write there.
fn disk_free_bytes(path: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(path).ok()?;
    disk.f_bavail.checked_mul(disk.f_frsize)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const NOW: Millis = 1_800_000_000_000;

    #[test]
    fn what_came_lately_is_forgotten_in_time() {
        let mut feed = FeedHealth::default();
        let brought = Brought { messages: 10, news: 8, rejects: 2, bytes: 100, newest: Some(NOW - 500) };
        feed.brings(brought, NOW);
        feed.brings(Brought { newest: Some(NOW - 900), ..brought }, NOW + 30_000);
        let counted = |feed: &FeedHealth, at| (feed.seen(at).last_minute, feed.seen(at).rejects_last_hour);
        assert_eq!(counted(&feed, NOW + 30_000), (20, 4));
        assert_eq!(counted(&feed, NOW + 60_000), (10, 4));
        assert_eq!(counted(&feed, NOW + 90_000), (0, 4));
        assert_eq!(counted(&feed, NOW + 60 * MINUTE), (0, 0));
        assert_eq!((feed.messages, feed.news, feed.rejects, feed.bytes), (20, 16, 4, 200));
        assert_eq!((feed.last_message_at, feed.lag_ms), (Some(NOW + 30_000), None));
        feed.shows(NOW + 500);
        assert_eq!(feed.lag_ms, Some(1_000));
        // An epoch without news of it, and a platform whose clock is ahead.
        feed.shows(NOW + 70_000);
        assert_eq!(feed.lag_ms, Some(1_000));
        feed.brings(Brought { newest: Some(NOW + 99_000), ..brought }, NOW);
        feed.shows(NOW);
        assert_eq!(feed.lag_ms, Some(0));
        feed.brings(Brought { newest: Some(NOW - HISTORY), ..brought }, NOW);
        feed.shows(NOW);
        assert_eq!(feed.lag_ms, Some(0));
    }

    #[test]
    fn a_ring_is_bounded_and_survives_a_wrong_clock() {
        let mut ring = Ring::default();
        (0..1_000).for_each(|unit| ring.add(unit, 1));
        assert_eq!((ring.0.len() as i64, ring.sum(999)), (UNITS, UNITS as u64));
        ring.add(998, 5);
        assert_eq!(ring.sum(999), UNITS as u64 + 5);
        ring.add(100, 7);
        assert_eq!(ring.sum(100), 7);
    }

    #[test]
    fn queues_never_run_below_nothing() {
        let mut feed = FeedHealth::default();
        feed.queues(3, 300);
        feed.unqueues(1, 100);
        assert_eq!((feed.queue_items, feed.queue_bytes), (2, 200));
        feed.unqueues(5, 500);
        assert_eq!((feed.queue_items, feed.queue_bytes), (0, 0));
    }

    #[test]
    fn epochs_are_measured_by_their_order() {
        assert_eq!(durations(&VecDeque::new()), None);
        let one = durations(&VecDeque::from([7])).unwrap();
        assert_eq!((one.last_ms, one.p50_ms, one.p99_ms), (7, 7, 7));
        let many = durations(&(0..1_000).rev().collect()).unwrap();
        assert_eq!((many.last_ms, many.p50_ms, many.p99_ms), (0, 500, 990));
    }

    #[test]
    fn the_machine_says_how_much_is_left() {
        assert!(disk_free_bytes(Path::new(".")).is_some());
        assert_eq!(disk_free_bytes(Path::new("/no/such/folder")), None);
        if cfg!(target_os = "linux") {
            assert!(resident_bytes().unwrap() > 1 << 20);
        }
    }
}
