//! Writing commands while `nexus run` holds the store: they go through it, over a socket in a folder that only its owner
//! may enter.
//!
//! The command sends its arguments, whose memory it means and where it stands; the run parses and does them with the store
//! that it has open, between two epochs, and sends back what is to be printed and the exit code. Frames are lines of JSON.
//! While a command works, feeds wait; what they bring meanwhile is not lost. Standard input is read to its end before the
//! command begins, so that a slow one holds up nobody.

use std::fs::{DirBuilder, File};
use std::io::{self, BufRead, BufReader, Read, Seek, Write, stderr, stdin, stdout};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::Parser;
use nexus::{Control, Error, ErrorKind, Nexus};
use serde::{Deserialize, Serialize};

use crate::args::{Cli, Command};
use crate::failure::{Failure, Result};
use crate::place::Place;
use crate::print::Out;

/// The folder in a store, and the socket in it.
const FOLDER: &str = "run";
const SOCKET: &str = "commands.sock";
/// The longest request.
const REQUEST_BYTES_MAX: u64 = 16 << 20;
/// How much standard input a command may bring, and how many commands may wait at once.
const INPUT_BYTES_MAX: u64 = 4 << 30;
const WAITING_MAX: usize = 64;
/// How long a request may take to come, and how long a command may not take up what is printed.
const PATIENCE: Duration = Duration::from_secs(10);
/// The exit code of a command whose run ended before it.
const CUT: u8 = 5;
/// What a command is told that panicked. Where it did, the run has printed.
const PANICKED: &str = "the command panicked in the nexus run that holds the store, a bug in Nexus: please report it with \
                        what that run printed. What it had done by then is kept";

/// What a command asks for.
#[derive(Debug, Serialize, Deserialize)]
struct Request {
    arguments: Vec<String>,
    scope: String,
    folder: PathBuf,
    json: bool,
    quiet: bool,
    color: bool,
    /// Of the terminal that shows it.
    width: Option<u16>,
    /// Whether standard input follows.
    stdin: bool,
}

/// What it is told.
#[derive(Debug, Serialize, Deserialize)]
enum Frame {
    /// For standard output.
    Out(String),
    /// For standard error.
    Err(String),
    /// How far it is: position, length, and in words; `None` takes the bar away.
    Bar(Option<(u64, u64, String)>),
    /// It is done, with this exit code.
    End(u8),
}

/// The other end of a command that is done here.
pub(crate) struct Peer {
    stream: Mutex<UnixStream>,
    gone: Arc<AtomicBool>,
}

impl Peer {
    fn send(&self, frame: &Frame) -> io::Result<()> {
        if self.gone.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let mut line = serde_json::to_vec(frame)?;
        line.push(b'\n');
        let sent = self.stream.lock().unwrap_or_else(PoisonError::into_inner).write_all(&line);
        if sent.is_err() {
            self.gone.store(true, Ordering::Relaxed);
        }
        // Whoever does not take it up has gone, in whatever way.
        sent.map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    /// Prints there.
    pub(crate) fn out(&self, text: &str) -> io::Result<()> {
        self.send(&Frame::Out(text.into()))
    }

    /// Says there, on standard error.
    pub(crate) fn hint(&self, text: &str) -> io::Result<()> {
        self.send(&Frame::Err(text.into()))
    }

    /// Shows there how far it is.
    pub(crate) fn progress(&self, bar: Option<(u64, u64, String)>) -> io::Result<()> {
        self.send(&Frame::Bar(bar))
    }

    /// Set once it has gone.
    pub(crate) fn gone(&self) -> Arc<AtomicBool> {
        self.gone.clone()
    }
}

fn socket(store: &Path) -> PathBuf {
    store.join(FOLDER).join(SOCKET)
}

/// Where commands arrive; gone when this is dropped.
pub(crate) struct Relay(PathBuf);

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Listens for commands. Whoever calls this holds the store's lock, so what lies there is a dead process's.
pub(crate) fn listen(place: &Place<'_>, control: Control) -> io::Result<Relay> {
    let path = socket(&place.store);
    match DirBuilder::new().mode(0o700).create(place.store.join(FOLDER)) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    let own = place.own();
    std::thread::spawn(move || {
        let waiting = Arc::new(());
        for stream in listener.incoming() {
            let (control, own, held) = (control.clone(), own.own(), waiting.clone());
            let serve = move || {
                let _held = held;
                // Whoever went away is told nothing.
                stream.and_then(|stream| serve(stream, &control, own)).unwrap_or_default();
            };
            // Too many, or no thread for it: it is let go, and says so itself. Connections may fail for a while.
            if Arc::strong_count(&waiting) > WAITING_MAX || std::thread::Builder::new().spawn(serve).is_err() {
                std::thread::sleep(Duration::from_millis(100));
            }
        }
    });
    Ok(Relay(path))
}

/// Reads a request and has it done by the thread that has the store.
fn serve(stream: UnixStream, control: &Control, place: Place<'static>) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let peer = Peer { stream: Mutex::new(stream.try_clone()?), gone: Arc::default() };
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    (&mut reader).take(REQUEST_BYTES_MAX).read_until(b'\n', &mut line)?;
    let refuse = |why: &str| peer.hint(&format!("nexus: {why}\n")).and_then(|()| peer.send(&Frame::End(2)));
    let Ok(request) = serde_json::from_slice::<Request>(&line) else {
        return refuse("the nexus run that holds the store cannot read this command: its arguments are too long");
    };
    let input = match request.stdin.then(|| spooled(&mut reader, &place)).transpose() {
        Ok(input) => input,
        Err(error) => return refuse(&format!("standard input cannot be kept beside the store: {error}")),
    };
    let whole = std::iter::once("nexus".to_owned()).chain(request.arguments.iter().cloned());
    let cli = match Cli::try_parse_from(whole) {
        Ok(cli) if cli.command.is_done_elsewhere() => cli,
        // The command parsed it before it sent it: this is another version of Nexus, or no Nexus at all.
        _ => return refuse("the nexus run that holds the store does not know this command; end it first"),
    };
    let (peer, refused) =
        (Arc::new(peer), Failure::from(Error::new(ErrorKind::Locked, "nexus run is just ending: try again")));
    let (to, json) = (peer.clone(), request.json);
    let lent = control.lend(Box::new(move |nexus| {
        told_of_a_panic(&to, json, || drop(done(nexus, cli.command, request, input, place, &to)));
    }));
    if !lent {
        peer.hint(&format!("nexus: {refused}\n"))?;
        peer.send(&Frame::End(refused.number()))?;
    }
    Ok(())
}

/// Does it. If it panics, its peer is told so; what that means for the store, the run has to judge.
fn told_of_a_panic(peer: &Peer, json: bool, work: impl FnOnce()) {
    let Err(panic) = catch_unwind(AssertUnwindSafe(work)) else { return };
    let failure = Failure::from(Error::new(ErrorKind::Internal, PANICKED));
    let text = crate::told(&failure, json).unwrap_or_default();
    // Whoever went away is told nothing.
    let _ = peer.hint(&format!("{text}\n")).and_then(|()| peer.send(&Frame::End(failure.number())));
    resume_unwind(panic)
}

/// Standard input, whole, in a file that nobody else sees.
fn spooled(reader: &mut BufReader<UnixStream>, place: &Place<'_>) -> io::Result<File> {
    // What is piped in may take its time.
    reader.get_ref().set_read_timeout(None)?;
    let number = std::process::id();
    let thread = std::thread::current().id();
    let path = place.store.join(FOLDER).join(format!("input-{number}-{thread:?}"));
    let mut file = File::options().read(true).write(true).create(true).truncate(true).open(&path)?;
    std::fs::remove_file(&path)?;
    if io::copy(&mut reader.take(INPUT_BYTES_MAX), &mut file)? == INPUT_BYTES_MAX {
        return Err(io::Error::other(format!("more than {INPUT_BYTES_MAX} bytes; give a file instead")));
    }
    file.rewind()?;
    Ok(file)
}

fn done(
    nexus: &mut Nexus,
    mut command: Command,
    request: Request,
    input: Option<File>,
    place: Place<'static>,
    peer: &Arc<Peer>,
) -> io::Result<()> {
    for path in command.files() {
        *path = request.folder.join(&*path);
    }
    let out = Out::of_peer(request.json, request.quiet, request.color, request.width, peer.clone());
    let code = {
        let place = place.lent(nexus, request.scope, input);
        match crate::run(command, &place, &out) {
            Ok(outcome) => outcome.number(),
            Err(failure) => {
                if let Some(text) = crate::told(&failure, out.json) {
                    peer.hint(&format!("{text}\n"))?;
                }
                failure.number()
            }
        }
    };
    peer.send(&Frame::End(code))
}

/// Has this command done by the run that holds the store; `None` if there is none.
pub(crate) fn through(place: &Place<'_>, out: &Out, command: &mut Command) -> Option<u8> {
    let stream = UnixStream::connect(socket(&place.store)).ok()?;
    let arguments: Option<Vec<String>> = std::env::args_os().skip(1).map(|text| text.into_string().ok()).collect();
    let said = |text: &str| {
        // Nowhere is left to say that standard error cannot be written.
        let _ = writeln!(stderr(), "nexus: {text}");
    };
    let Some(arguments) = arguments else {
        said("while nexus run holds the store, arguments have to be UTF-8");
        return Some(2);
    };
    let odd = |path: &&mut PathBuf| path.exists() && !path.is_file() && !path.is_dir();
    if let Some(path) = command.files().into_iter().find(odd) {
        said(&format!(
            "{}: while nexus run holds the store, give a file, a folder, or - for standard input",
            path.display()
        ));
        return Some(2);
    }
    // Whatever goes wrong with what it was told, what it answers says it better.
    let asked = ask(&stream, place, out, arguments, command.reads_stdin());
    let mut left = false;
    let ended = follow(stream, out, &mut |text| stdout().write_all(text.as_bytes()).inspect_err(|_| left = true));
    match ended {
        Ok(Some(code)) => Some(code),
        // Nobody reads what is printed.
        Err(_) if left => Some(0),
        Ok(None) | Err(_) => {
            let why = asked.err().map(|error| format!(" ({error})")).unwrap_or_default();
            said(&format!("nexus run ended before this was done{why}: run the command again"));
            Some(CUT)
        }
    }
}

/// Has these arguments done there, and lets go of what they print; false if no run holds the store.
pub(crate) fn silently(place: &Place<'_>, out: &Out, arguments: &[&str]) -> Result<bool> {
    if place.is_lent() {
        return Ok(false);
    }
    let Ok(stream) = UnixStream::connect(socket(&place.store)) else { return Ok(false) };
    let arguments = arguments.iter().map(|text| (*text).to_owned()).collect();
    ask(&stream, place, out, arguments, false)?;
    match follow(stream, out, &mut |_| Ok(()))? {
        Some(0 | 1) => Ok(true),
        _ => Err(Error::new(ErrorKind::Locked, "the nexus run that holds the store did not do it").into()),
    }
}

fn ask(mut stream: &UnixStream, place: &Place<'_>, out: &Out, arguments: Vec<String>, input: bool) -> io::Result<()> {
    let request = Request {
        arguments,
        scope: place.scope.clone(),
        folder: std::env::current_dir()?,
        json: out.json,
        quiet: out.is_quiet(),
        color: out.has_color(),
        width: out.width(),
        stdin: input,
    };
    let mut line = serde_json::to_vec(&request)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    if input {
        io::copy(&mut stdin().lock(), &mut stream)?;
        stream.shutdown(std::net::Shutdown::Write)?;
    }
    Ok(())
}

/// Prints what comes until it is done; `None` if the other end went before.
fn follow(stream: UnixStream, out: &Out, print: &mut dyn FnMut(&str) -> io::Result<()>) -> io::Result<Option<u8>> {
    let bar = out.progress();
    for line in BufReader::new(stream).lines() {
        match serde_json::from_str(&line?)? {
            Frame::Out(text) => print(&text)?,
            Frame::Err(text) => bar.aside(|| drop(stderr().write_all(text.as_bytes()))),
            Frame::Bar(Some((position, length, text))) => bar.show(position, length, text),
            Frame::Bar(None) => bar.finish(),
            Frame::End(code) => {
                stdout().flush()?;
                return Ok(Some(code));
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn who_sent_a_command_that_panics_is_told_and_so_is_the_run() {
        let (here, there) = UnixStream::pair().unwrap();
        let peer = Peer { stream: Mutex::new(here), gone: Arc::default() };
        let work = || told_of_a_panic(&peer, false, || panic!("a bug"));
        assert_eq!(catch_unwind(AssertUnwindSafe(work)).unwrap_err().downcast_ref::<&str>(), Some(&"a bug"));
        // What goes well is told by itself.
        told_of_a_panic(&peer, false, || drop(peer.send(&Frame::End(0))));
        drop(peer);
        let frame = |line: io::Result<String>| serde_json::from_str::<Frame>(&line.unwrap()).unwrap();
        let mut frames = BufReader::new(there).lines().map(frame);
        let Some(Frame::Err(text)) = frames.next() else { panic!("it is not told why") };
        assert!(text.starts_with("nexus: the command panicked in the nexus run") && text.ends_with("kept\n"), "{text}");
        assert!(matches!(frames.next(), Some(Frame::End(70))) && matches!(frames.next(), Some(Frame::End(0))));
        assert!(frames.next().is_none());
    }
}
