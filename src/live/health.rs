//! How a run is: what each feed and the engine say of themselves, and whether that is well.
//!
//! The thread that owns the engine publishes as it goes ([`super::pulse`]); whoever asks reads what was published last,
//! and judges it by the present time, so a thread that hangs is seen. Cost of a look: two locks and a copy of some numbers.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nexus_types::{Millis, Text};
use prometheus_client::metrics::histogram::Histogram;
use serde::{Deserialize, Serialize};

use super::supervise::{Board, FeedHealth, FeedState};
use crate::clock;

/// The file in a store in which a run says how it is, and its name while it is written.
const FILES: [&str; 2] = ["health.json", "health.json.new"];
/// A file that is older was left by a run that is no more.
const STALE_MS: Millis = 10_000;
/// What lasts longer is worth a word: a feed that does not work, messages that come so late, no epoch.
const LATE_MS: Millis = 60_000;
/// When more waits for a sink, somebody should look why.
const WAITING_MAX: u64 = 1_000_000;
/// With less room on the disk it is time to act.
const DISK_BYTES_MIN: u64 = 1 << 30;
/// Bounds of the durations of epochs, in seconds.
const EPOCH_SECONDS: [f64; 11] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0];

/// Whether all is well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overall {
    /// All feeds work.
    #[default]
    Healthy,
    /// Something needs a look; what works goes on.
    Degraded,
    /// Nothing becomes memory, or soon nothing will.
    Failing,
}

impl Overall {
    /// Each of them.
    pub const ALL: [Overall; 3] = [Overall::Healthy, Overall::Degraded, Overall::Failing];

    /// The name, as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Overall::Healthy => "healthy",
            Overall::Degraded => "degraded",
            Overall::Failing => "failing",
        }
    }
}

/// How a run is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunHealth {
    /// Whether all is well.
    pub overall: Overall,
    /// Why not.
    pub reasons: Vec<String>,
    /// When this was so.
    pub at: Millis,
    /// When the run began.
    pub since: Millis,
    /// Its process.
    pub process: u32,
    /// The engine.
    pub engine: EngineHealth,
    /// The feeds, by name.
    pub feeds: BTreeMap<Text, FeedHealth>,
}

/// How the engine is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineHealth {
    /// When its thread last came round.
    pub at: Millis,
    /// Whether something that was taken in waits for an epoch.
    pub pending: bool,
    /// Whether a command works with the store: then feeds wait.
    pub lent: bool,
    /// Why it can write no more.
    pub failed: Option<String>,
    /// The newest epoch.
    pub epoch: u64,
    /// When its checkpoint was written.
    pub checkpoint_at: Millis,
    /// How long epochs take, if this run made any.
    pub epochs: Option<EpochHealth>,
    /// The tables.
    pub tables: BTreeMap<String, TableHealth>,
    /// The size of the tail log on the disk.
    pub tail_bytes: u64,
    /// The memory that the process has; `None` where that cannot be asked.
    pub resident_bytes: Option<u64>,
    /// The room left where the store is; `None` where that cannot be asked.
    pub disk_free_bytes: Option<u64>,
}

/// How long epochs take: of the last thousand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochHealth {
    /// The last one.
    pub last_ms: u64,
    /// Half of them at most.
    pub p50_ms: u64,
    /// All but one in a hundred at most.
    pub p99_ms: u64,
}

/// How large a table is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableHealth {
    /// Its rows.
    pub rows: u64,
    /// Its files, those of older epochs too.
    pub bytes: u64,
}

impl RunHealth {
    /// What the run that follows feeds into a store says of itself, or said last; `None` if there is none or it ended
    /// well.
    pub fn of(store: &Path) -> Option<RunHealth> {
        let [name, _] = FILES;
        // What another version wrote is as good as nothing: the next look finds what that run says then.
        serde_json::from_slice(&fs::read(store.join(name)).ok()?).ok()
    }

    /// Whether that run is still there: it says every other second how it is.
    pub fn is_running(&self) -> bool {
        self.engine.failed.is_none() && clock::now() - self.at <= STALE_MS
    }

    /// Writes it where [`RunHealth::of`] reads it, for nobody else.
    pub(super) fn write(&self, store: &Path) -> std::io::Result<()> {
        let [name, new] = FILES.map(|name| store.join(name));
        let bytes = serde_json::to_vec_pretty(self).map_err(std::io::Error::other)?;
        let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(&bytes)?;
        fs::rename(new, name)
    }

    /// Takes away what was written.
    pub(super) fn remove(store: &Path) {
        for name in FILES {
            // What is not there need not go; what cannot be removed is old within seconds.
            let _ = fs::remove_file(store.join(name));
        }
    }

    /// How long ago the last checkpoint was written, in milliseconds.
    pub fn checkpoint_age_ms(&self) -> Millis {
        (self.at - self.engine.checkpoint_at).max(0)
    }
}

/// Whether all is well with this, by what it says of itself, and what is not.
fn judge(health: &RunHealth) -> (Overall, Vec<String>) {
    let mut reasons = failures(health);
    let failing = !reasons.is_empty();
    reasons.extend(health.feeds.iter().flat_map(|(name, feed)| complaints(name, feed, health.at)));
    let silent = health.at - health.engine.at;
    if health.engine.lent && silent > LATE_MS {
        reasons.push(format!("a command works with the store for {} s: feeds wait", silent / 1000));
    }
    let overall = match (failing, reasons.is_empty()) {
        (true, _) => Overall::Failing,
        (false, false) => Overall::Degraded,
        (false, true) => Overall::Healthy,
    };
    (overall, reasons)
}

fn failures(health: &RunHealth) -> Vec<String> {
    let RunHealth { at, engine, feeds, .. } = health;
    let mut reasons = Vec::new();
    if let Some(error) = &engine.failed {
        reasons.push(format!("the engine failed: {error}"));
    }
    let waits = engine.pending || feeds.values().any(|feed| feed.queue_items > 0);
    let silent = at - engine.at;
    if waits && !engine.lent && silent > LATE_MS {
        reasons.push(format!("messages wait, and there was no epoch for {} s", silent / 1000));
    }
    if let Some(free) = engine.disk_free_bytes.filter(|free| *free < DISK_BYTES_MIN) {
        reasons.push(format!("the disk of the store has {} MiB left: make room", free >> 20));
    }
    reasons
}

fn complaints(name: &str, feed: &FeedHealth, at: Millis) -> Vec<String> {
    let mut reasons = Vec::new();
    let lasts = at - feed.since;
    let why = feed.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    match feed.state {
        FeedState::Open => reasons.push(format!("{name} keeps breaking{why}")),
        FeedState::Refused => reasons.push(format!("{name} is refused{why}")),
        FeedState::Waits if lasts > LATE_MS => {
            reasons.push(format!("{name} does not work for {} s{why}", lasts / 1000))
        }
        FeedState::Starting if lasts > LATE_MS => reasons.push(format!("{name} is starting for {} s", lasts / 1000)),
        FeedState::Works | FeedState::Waits | FeedState::Starting => {}
    }
    if feed.queue_items > WAITING_MAX {
        reasons.push(format!("{name}: {} changes wait to leave", feed.queue_items));
    }
    // Of a feed that is quiet the lag is an old one.
    if let Some(lag) = feed.lag_ms.filter(|lag| *lag > LATE_MS && feed.last_minute > 0) {
        reasons.push(format!("{name} is {} s behind", lag / 1000));
    }
    if feed.rejects_last_hour > 0 {
        reasons.push(format!("{name} brought {} that could not be read within the last hour", feed.rejects_last_hour));
    }
    reasons
}

/// What is known of a run, for whoever looks.
#[derive(Clone, Debug)]
pub(crate) struct Published {
    board: Board,
    engine: Arc<Mutex<EngineHealth>>,
    epochs: Histogram,
    since: Millis,
}

impl Published {
    /// Of a run that begins now, with these feeds.
    pub(super) fn new(board: Board) -> Published {
        let since = clock::now();
        let engine = EngineHealth { at: since, ..EngineHealth::default() };
        Published { board, engine: Arc::new(Mutex::new(engine)), epochs: Histogram::new(EPOCH_SECONDS), since }
    }

    /// What the engine says of itself.
    pub(super) fn engine(&self) -> MutexGuard<'_, EngineHealth> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The durations of all epochs, in seconds.
    pub(super) fn epochs(&self) -> &Histogram {
        &self.epochs
    }

    /// How all feeds are now.
    pub(super) fn feeds(&self, at: Millis) -> BTreeMap<Text, FeedHealth> {
        let board = self.board.lock().unwrap_or_else(PoisonError::into_inner);
        board.iter().map(|(name, feed)| (name.clone(), feed.seen(at))).collect()
    }

    /// How the run is now.
    pub(super) fn now(&self) -> RunHealth {
        let (at, engine) = (clock::now(), self.engine().clone());
        let (feeds, process) = (self.feeds(at), std::process::id());
        let mut health = RunHealth { at, since: self.since, process, engine, feeds, ..RunHealth::default() };
        (health.overall, health.reasons) = judge(&health);
        health
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const NOW: Millis = 1_800_000_000_000;

    fn healthy() -> RunHealth {
        let engine = EngineHealth { at: NOW, disk_free_bytes: Some(8 << 30), ..EngineHealth::default() };
        let feed = FeedHealth { state: FeedState::Works, since: NOW - 1_000_000, ..FeedHealth::default() };
        RunHealth { at: NOW, engine, feeds: BTreeMap::from([("chat".into(), feed)]), ..RunHealth::default() }
    }

    /// What is said of a run of which this is otherwise.
    fn judged(change: impl FnOnce(&mut EngineHealth, &mut FeedHealth)) -> (Overall, String) {
        let mut health = healthy();
        change(&mut health.engine, health.feeds.get_mut("chat").unwrap());
        let (overall, reasons) = judge(&health);
        (overall, reasons.join("; "))
    }

    #[test]
    fn a_run_is_as_well_as_its_feeds() {
        use FeedState::{Open, Refused, Starting, Waits};
        assert_eq!(judged(|_, _| {}), (Overall::Healthy, String::new()));
        let feed = |state, lasts, reason: Option<&str>| {
            judged(|_, feed| (feed.state, feed.since, feed.reason) = (state, NOW - lasts, reason.map(Into::into)))
        };
        let degraded = |reason: &str| (Overall::Degraded, reason.to_string());
        assert_eq!(feed(Open, 0, Some("h: no route")), degraded("chat keeps breaking: h: no route"));
        assert_eq!(feed(Refused, 0, Some("wrong password")), degraded("chat is refused: wrong password"));
        assert_eq!(feed(Waits, 61_000, None), degraded("chat does not work for 61 s"));
        assert_eq!(feed(Starting, 70_000, None), degraded("chat is starting for 70 s"));
        assert_eq!(feed(Waits, 60_000, Some("h")), (Overall::Healthy, String::new()));
        assert_eq!(feed(Starting, 60_000, None), (Overall::Healthy, String::new()));
    }

    #[test]
    fn what_is_late_or_unreadable_is_said() {
        let late = |last_minute| judged(|_, feed| (feed.lag_ms, feed.last_minute) = (Some(90_000), last_minute));
        assert_eq!(late(1), (Overall::Degraded, "chat is 90 s behind".into()));
        assert_eq!(late(0).0, Overall::Healthy);
        let (overall, reason) = judged(|_, feed| feed.rejects_last_hour = 3);
        assert_eq!(
            (overall, &*reason),
            (Overall::Degraded, "chat brought 3 that could not be read within the last hour")
        );
    }

    #[test]
    fn an_engine_that_makes_no_epochs_fails() {
        let failing = |reason: &str| (Overall::Failing, reason.to_string());
        assert_eq!(judged(|engine, _| engine.failed = Some("full".into())), failing("the engine failed: full"));
        assert_eq!(
            judged(|engine, _| engine.disk_free_bytes = Some(5 << 20)),
            failing("the disk of the store has 5 MiB left: make room")
        );
        let hangs = |pending, queue_items, lent| {
            judged(|engine, feed| {
                (engine.at, engine.pending, engine.lent) = (NOW - 61_000, pending, lent);
                feed.queue_items = queue_items;
            })
        };
        assert_eq!(hangs(true, 0, false), failing("messages wait, and there was no epoch for 61 s"));
        assert_eq!(hangs(false, 1, false), failing("messages wait, and there was no epoch for 61 s"));
        assert_eq!(hangs(false, 0, false).0, Overall::Healthy);
        assert_eq!(
            hangs(true, 1, true),
            (Overall::Degraded, "a command works with the store for 61 s: feeds wait".into())
        );
        // A failure is told with all the rest.
        let both = judged(|engine, feed| (engine.failed, feed.state) = (Some("x".into()), FeedState::Open));
        assert_eq!(both, failing("the engine failed: x; chat keeps breaking"));
    }

    #[test]
    fn what_a_run_writes_is_read_by_others() {
        use std::os::unix::fs::PermissionsExt;
        let store = tempfile::tempdir().unwrap();
        assert_eq!(RunHealth::of(store.path()), None);
        let mut health = RunHealth { overall: Overall::Degraded, ..healthy() };
        health.engine.tables.insert("events".into(), TableHealth { rows: 1, bytes: 2 });
        health.write(store.path()).unwrap();
        assert_eq!(RunHealth::of(store.path()).as_ref(), Some(&health));
        let mode = fs::metadata(store.path().join("health.json")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        // It is of another day.
        assert!(!RunHealth { at: 0, ..health.clone() }.is_running());
        assert!(RunHealth { at: clock::now(), ..health }.is_running());
        RunHealth::remove(store.path());
        assert_eq!(fs::read_dir(store.path()).unwrap().count(), 0);
    }
}
