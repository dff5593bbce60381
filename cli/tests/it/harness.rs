//! Runs the binary on a store of its own, away from the user's files.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Condvar, Mutex, PoisonError};

/// A folder with a store, and a home for everything else the binary may write.
pub(crate) struct Place {
    folder: tempfile::TempDir,
    _turn: Turn,
}

/// How many tests run, and whether one runs alone: what measures how long something takes is beside no other.
static RUNNING: Mutex<(usize, bool)> = Mutex::new((0, false));
static CHANGED: Condvar = Condvar::new();

/// A place among the tests that run.
struct Turn {
    alone: bool,
}

impl Turn {
    fn wait(alone: bool) -> Turn {
        let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        let busy = |(tests, one): &mut (usize, bool)| *one || alone && *tests > 0;
        let mut running = CHANGED.wait_while(running, busy).unwrap_or_else(PoisonError::into_inner);
        *running = (running.0 + 1, alone);
        Turn { alone }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        *running = (running.0 - 1, running.1 && !self.alone);
        CHANGED.notify_all();
    }
}

/// What a run printed, and its exit code.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Place {
    pub(crate) fn new() -> Place {
        Place { folder: tempfile::tempdir().unwrap(), _turn: Turn::wait(false) }
    }

    /// One beside which no other test runs.
    pub(crate) fn alone() -> Place {
        Place { folder: tempfile::tempdir().unwrap(), _turn: Turn::wait(true) }
    }

    /// A file or folder below the place.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file below the place.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// The binary with these arguments, not yet started.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nexus"));
        command.args(arguments).env_clear().env("HOME", self.folder.path()).env("NEXUS_STORE", self.path("memory"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs it to its end.
    pub(crate) fn nexus(&self, arguments: &[&str]) -> Run {
        finished(self.command(arguments).spawn().unwrap())
    }

    /// Runs it with this on its standard input.
    pub(crate) fn nexus_reading(&self, arguments: &[&str], input: &str) -> Run {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        finished(child)
    }

    /// Runs it, expects it to go well, and gives what it printed.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let run = self.nexus(arguments);
        assert_eq!(run.code, 0, "nexus {arguments:?}: {run:?}");
        run.out
    }

    /// The same, as JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> serde_json::Value {
        serde_json::from_str(&self.ok(&[&["--json"], arguments].concat())).unwrap()
    }
}

pub(crate) fn finished(child: Child) -> Run {
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}

/// A path below the repository's root.
pub(crate) fn example(name: &str) -> String {
    // Tests run in their crate; the programs they start, elsewhere.
    std::path::absolute("../examples/data").unwrap().join(name).display().to_string()
}
