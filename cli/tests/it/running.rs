//! Real servers on ports of their own, and `nexus run` beside them.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::harness::Place;

/// What is waited for comes within this, or never.
const LATEST: Duration = Duration::from_secs(60);
/// The exit code by which a server's script says that it cannot run on this machine.
const NOT_HERE: i32 = 3;
/// The signal by which a killed run ends.
const KILLED: i32 = 9;

/// A server that a script of the repository runs.
pub(crate) struct Server {
    name: &'static str,
    /// What its script is told beside its ports.
    settings: Vec<(&'static str, String)>,
    folder: tempfile::TempDir,
    pub(crate) port: u16,
    /// Where it is encrypted, if it is.
    pub(crate) tls_port: u16,
}

impl Server {
    /// Starts it and waits until it listens. `None` where it cannot run, which only CI does not put up with.
    pub(crate) fn start(name: &'static str) -> Option<Server> {
        Server::start_with(name, Vec::new())
    }

    /// The same, told more by variables of the environment.
    pub(crate) fn start_with(name: &'static str, settings: Vec<(&'static str, String)>) -> Option<Server> {
        let (folder, port, tls_port) = (tempfile::tempdir().unwrap(), free_port(), free_port());
        let server = Server { name, settings, folder, port, tls_port };
        // Servers that change their user have to be able to enter.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(server.folder.path(), open).unwrap();
        let code = server.script(&["start"]);
        if code == NOT_HERE && std::env::var_os("CI").is_none() {
            eprintln!("skipped: {name} does not run here");
            return None;
        }
        assert_eq!(code, 0, "{name}.sh start");
        until(name, || TcpStream::connect(("127.0.0.1", server.port)).is_ok());
        Some(server)
    }

    /// The certificate that vouches for its own.
    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Runs its script; gives the exit code.
    pub(crate) fn script(&self, arguments: &[&str]) -> i32 {
        let script = std::path::absolute(format!("../scripts/servers/{}.sh", self.name)).unwrap();
        let mut command = Command::new(script);
        command.args(arguments).env("NEXUS_SERVERS_RUN", self.folder.path()).envs(self.settings.clone());
        let port = |kind: &str| format!("{}_{kind}PORT", self.name.to_uppercase());
        command.env(port(""), self.port.to_string()).env(port("TLS_"), self.tls_port.to_string());
        command.status().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.script(&["stop"]);
    }
}

/// `nexus run` under way, with what it prints.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    pub(crate) fn start(place: &Place, config: &str) -> Running {
        let mut child = place.command(&["run", config]).spawn().unwrap();
        let (sender, lines) = channel();
        let out: Box<dyn Read + Send> = Box::new(child.stdout.take().unwrap());
        let errors: Box<dyn Read + Send> = Box::new(child.stderr.take().unwrap());
        for stream in [out, errors] {
            let sender = sender.clone();
            let lines = BufReader::new(stream).lines();
            std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        }
        Running { child, lines }
    }

    /// The line that begins so.
    pub(crate) fn says(&self, start: &str) -> String {
        let began = Instant::now();
        loop {
            let left = LATEST.saturating_sub(began.elapsed());
            let line = self.lines.recv_timeout(left).unwrap_or_else(|_| panic!("nothing begins with {start:?}"));
            if line.starts_with(start) {
                return line;
            }
        }
    }

    /// How much memory it has, as the system says it.
    pub(crate) fn resident(&self) -> String {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        status.lines().filter(|line| line.starts_with("RssAnon") || line.starts_with("VmHWM")).collect()
    }

    /// What it printed since it was last asked.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.lines.try_iter().collect()
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    }

    /// Ends it as a service manager would; gives what it printed last.
    pub(crate) fn end(mut self) -> Vec<String> {
        self.signal("-TERM");
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}");
        self.lines.iter().collect()
    }

    /// Ends it at once. None may have ended by itself before.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        let status = self.child.wait().unwrap();
        assert_eq!(status.signal(), Some(KILLED), "{status}: {:?}", self.lines.iter().collect::<Vec<_>>());
    }
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < LATEST, "it never came about that {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// One column of what SQL gives.
pub(crate) fn texts(place: &Place, sql: &str) -> Vec<String> {
    let run = place.nexus(&["--json", "sql", sql]);
    let rows: Vec<BTreeMap<String, serde_json::Value>> = serde_json::from_str(&run.out).unwrap_or_default();
    let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_string);
    rows.iter().map(|row| row.values().map(text).collect::<Vec<_>>().join(" ")).collect()
}

/// Numbers that are the same in every run.
pub(crate) struct Luck(pub(crate) u64);

impl Luck {
    /// One that is less.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    pub(crate) fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }
}
