//! Answers at scale: each text is read once by each model, and what was written survives a kill. The model is an encoder of
//! a few kilobytes, added to a cache of the test's own; so the child has its environment, and is this binary again.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use nexus::models::Cache;
use nexus::{Go, IngestOptions, Memory, Nexus, Settings, Stage};

use crate::support::{everything, json, open};

const MESSAGES: usize = 9_000;
/// Every third message repeats one that was said before.
const TEXTS: usize = MESSAGES / 3 * 2;

fn write_history(path: &Path) {
    let text = |at: usize| if at % 3 == 2 { at - 1 } else { at };
    let line = |at: usize| {
        let said_at = 1_700_000_000_000_u64 + at as u64 * 60_000;
        format!("{{\"id\":\"{at}\",\"said_at\":{said_at},\"author\":\"anna\",\"text\":\"message {}\"}}\n", text(at))
    };
    std::fs::write(path, (0..MESSAGES).map(line).collect::<String>()).unwrap();
}

/// Not a test of its own: lets the tiny encoder take over, and prints how many texts it had to read.
#[test]
fn child() {
    let Ok(store) = std::env::var("NEXUS_TEST_ANSWERS") else { return };
    // Little at a time, so that there is much to be killed in.
    let settings = Settings { answers_within_ms: 1, ..Settings::default() };
    let mut nexus = Nexus::open_with(store, settings).unwrap();
    let mut asked = None;
    let switch = nexus.use_model("tiny", &mut |progress| {
        if progress.stage == Stage::Answering {
            asked.get_or_insert(progress.total);
        }
        Go::On
    });
    assert_eq!(switch.unwrap().facts, (0, 0));
    nexus.close().unwrap();
    println!("asked {}", asked.unwrap());
}

fn start(store: &Path, cache: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["answers::child", "--exact", "--test-threads=1", "--nocapture"])
        .env("NEXUS_TEST_ANSWERS", store)
        .env("NEXUS_CACHE", cache)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

fn vectors(store: &Path) -> usize {
    let memory = Memory::open(store, "default", nexus::At::Latest).unwrap();
    json(&memory, "SELECT DISTINCT text_hash FROM answers WHERE kind = 'vector' AND model LIKE 'tiny@%'").len()
}

#[test]
fn each_text_is_read_once_and_a_kill_costs_only_what_was_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let [store, cache, history] = ["store", "cache", "h.jsonl"].map(|name| folder.path().join(name));
    Cache::at(&cache).add("tiny", Path::new(concat!(".", "/tests/data/tiny-encoder"))).unwrap();
    write_history(&history);
    let mut nexus = open(&store);
    nexus.ingest(&[history], &IngestOptions::default(), &mut |_| Go::On).unwrap();
    let before = everything(&nexus.memory().unwrap());
    nexus.close().unwrap();

    let mut killed = start(&store, &cache);
    let written = loop {
        let written = vectors(&store);
        if written > TEXTS / 3 {
            break written;
        }
        assert_eq!(killed.try_wait().unwrap(), None, "the child ended before it could be killed");
    };
    killed.kill().unwrap();
    killed.wait().unwrap();
    let kept = vectors(&store);
    assert!((written..TEXTS).contains(&kept), "{written} were seen, {kept} are kept");

    let rest = start(&store, &cache).wait_with_output().unwrap();
    let said = String::from_utf8(rest.stdout).unwrap();
    assert!(rest.status.success() && said.contains(&format!("asked {}\n", TEXTS - kept)), "{kept} kept, then {said}");
    assert_eq!(vectors(&store), TEXTS);
    let nexus = open(&store);
    assert_eq!(everything(&nexus.memory().unwrap()), before);
    assert!(nexus.memory().unwrap().verify().unwrap().equal);
}
