//! Killed at any moment: the store opens again without help, loses nothing acknowledged, and ends as an undisturbed run.
//!
//! The child is this test binary itself, told by an environment variable to ingest. The parent kills it with SIGKILL after
//! a time drawn from a fixed seed, fifty times, then lets one run finish.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use nexus::{Go, IngestOptions, Nexus, Settings};

use crate::support::{everything, open, settings};

const KILLS: u64 = 50;
const MESSAGES: usize = 400;

fn small_epochs() -> Settings {
    Settings { epoch_events_max: 20, ..settings() }
}

/// A chat in which people move, and later rows edit and delete earlier ones.
fn write_history(path: &Path) {
    let mut lines = String::new();
    for at in 0..MESSAGES {
        let author = ["anna", "ben", "carla"][at % 3];
        let city = ["Rome", "Oslo", "Lisbon", "Berlin"][at * 7 % 4];
        let text = if at % 4 == 0 { format!("I moved to {city}.") } else { format!("message {at} about {city}") };
        lines += &format!(
            "{{\"id\":\"{at}\",\"said_at\":{},\"author\":\"{author}\",\"text\":\"{text}\"}}\n",
            1_700_000_000_000_u64 + at as u64 * 60_000
        );
        if at % 9 == 8 {
            lines += &format!("{{\"id\":\"{}\",\"deleted\":true,\"revision\":7}}\n", at - 4);
        }
    }
    std::fs::write(path, lines).unwrap();
}

fn ingest(store: &Path, history: &Path) {
    let mut nexus = Nexus::open_with(store, small_epochs()).unwrap();
    nexus.ingest(&[history.to_path_buf()], &IngestOptions::default(), &mut |_| Go::On).unwrap();
    nexus.close().unwrap();
}

/// Not a test of its own: what the killed child does.
#[test]
fn child() {
    if let (Ok(store), Ok(history)) = (std::env::var("NEXUS_TEST_STORE"), std::env::var("NEXUS_TEST_HISTORY")) {
        ingest(Path::new(&store), Path::new(&history));
    }
}

#[test]
fn killed_fifty_times_and_still_the_same_memory() {
    let folder = tempfile::tempdir().unwrap();
    let (store, calm, history) =
        (folder.path().join("killed"), folder.path().join("calm"), folder.path().join("h.jsonl"));
    write_history(&history);
    let started = std::time::Instant::now();
    ingest(&calm, &history);
    let calm_ms = u64::try_from(started.elapsed().as_millis()).unwrap();

    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let mut killed = 0;
    for _ in 0..KILLS {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let wait = 20 + (seed >> 33) % (calm_ms / 4 + 100);
        killed += usize::from(run_and_kill(&store, &history, Duration::from_millis(wait)));
    }
    assert!(killed > 0, "no child was ever killed before its end");

    ingest(&store, &history);
    let (nexus, undisturbed) = (open(&store), open(&calm));
    assert_eq!(everything(&nexus.memory().unwrap()), everything(&undisturbed.memory().unwrap()));
    let report = nexus.memory().unwrap().verify().unwrap();
    assert!(report.equal, "{report:?}");
}

/// Whether the child was still at work when it was killed.
fn run_and_kill(store: &Path, history: &Path, after: Duration) -> bool {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["crash::child", "--exact", "--test-threads=1"])
        .env("NEXUS_TEST_STORE", store)
        .env("NEXUS_TEST_HISTORY", history)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(after);
    let ended = child.try_wait().unwrap();
    child.kill().unwrap();
    let output = child.wait_with_output().unwrap();
    if let Some(status) = ended {
        assert!(status.success(), "the child failed by itself: {}", String::from_utf8_lossy(&output.stderr));
    }
    ended.is_none()
}

#[test]
fn what_is_acknowledged_survives_without_a_commit() {
    let folder = tempfile::tempdir().unwrap();
    let mut nexus = open(folder.path());
    nexus.acknowledge(crate::support::said("1", 1, "anna", "I live in Rome.")).unwrap();
    // As after a kill: neither a turn nor a destructor runs. The lock goes with the process; here it is let go by hand.
    nexus.abandon();
    let nexus = open(folder.path());
    assert_eq!(crate::support::current(&nexus.memory().unwrap(), "anna", "lives_in"), ["Rome"]);
}
