//! Feeds that fail in every way at once: the one that works does not notice, each failing one's breaker opens, and when
//! its platform is well again it comes back by itself.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nexus::{At, Memory};
use serde_json::json;

use crate::harness::Place;
use crate::proxy::pass_on;
use crate::replay::{Answer, Replay};
use crate::run::User;
use crate::running::{Running, Server, free_port};

/// So many messages are timed, and so often one is said.
const SAID: usize = 100;
const EVERY: Duration = Duration::from_millis(50);
/// What a message may take at most beside feeds that fail: of all, and half of them.
const LATEST: Duration = Duration::from_secs(3);
const USUAL: Duration = Duration::from_secs(1);
/// How long a breaker may take to open, and a feed to come back.
const PATIENCE: Duration = Duration::from_secs(90);
/// A line without an end.
const LINE_BYTES: usize = 100 << 20;

/// What a server does until it is well.
#[derive(Clone, Copy)]
enum Fault {
    /// It lets in and says nothing.
    Hangs,
    /// It says what is no IRC.
    Nonsense,
    /// It sends a line of 100 MB.
    LongLine,
}

/// A server with a fault, before a server that is well.
fn faulty(fault: Fault, upstream: u16, well: &Arc<AtomicBool>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, well) = (listener.local_addr().unwrap().port(), well.clone());
    std::thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            let well = well.clone();
            std::thread::spawn(move || {
                if well.load(Ordering::Relaxed) {
                    return pass_on(client, TcpStream::connect(("127.0.0.1", upstream)).unwrap());
                }
                match fault {
                    Fault::Hangs => drop(client.read_to_end(&mut Vec::new())),
                    Fault::Nonsense => drop(client.write_all(&[0xff, b'\0', b'\n', b':', b' ', b'\n'].repeat(1_000))),
                    Fault::LongLine => {
                        let piece = vec![b'x'; 1 << 20];
                        let _ = (0..LINE_BYTES / piece.len()).try_for_each(|_| client.write_all(&piece));
                    }
                }
            });
        }
    });
    port
}

fn irc(name: &str, nick: &str, port: u16) -> String {
    format!(
        "[feed.{name}]\nkind = \"irc\"\nserver = \"127.0.0.1:{port}\"\nnick = \"{nick}\"\nchannels = [\"#nexus\"]\nsilence = 1\n"
    )
}

fn matrix(name: &str, port: u16, token: &str) -> String {
    format!("[feed.{name}]\nkind = \"matrix\"\nserver = \"http://127.0.0.1:{port}\"\ntoken = {{ file = {token:?} }}\n")
}

/// A homeserver where nothing happens, once it is well.
fn homeserver(status: u16, well: &Arc<AtomicBool>) -> Replay {
    let well = well.clone();
    Replay::start(move |_| {
        if well.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(200));
            return Answer::json(&json!({"next_batch": "s1"}));
        }
        let body = json!({"errcode": "M_UNKNOWN_TOKEN", "error": "the token expired"}).to_string();
        Answer::Whole { status, headers: Vec::new(), body: body.into_bytes() }
    })
}

/// How long what is said takes until recall finds it: half of all at most, and each.
fn took(place: &Place, anna: &mut User, word: &str) -> (Duration, Duration) {
    let mut all = Vec::new();
    let mut memory: Option<Memory> = None;
    let began = Instant::now();
    for at in 0..SAID {
        std::thread::sleep((EVERY * at as u32).saturating_sub(began.elapsed()));
        let (word, sent) = (format!("{word}{at}"), Instant::now());
        anna.say(&format!("{word} is said"));
        let found =
            |memory: &Memory| memory.recall(&word, 1).unwrap().hits.first().is_some_and(|hit| hit.text.contains(&word));
        while !memory.as_ref().is_some_and(found) {
            assert!(sent.elapsed() < PATIENCE, "{word} never came");
            std::thread::sleep(Duration::from_millis(5));
            memory = Memory::open(place.path("memory"), "default", At::Latest).ok();
        }
        all.push(sent.elapsed());
    }
    all.sort();
    (all[SAID / 2], all[SAID - 1])
}

#[test]
fn whatever_fails_the_others_do_not_notice() {
    let place = Place::alone();
    let (Some(server), Some(mail), Some(other)) =
        (Server::start("ngircd"), Server::start("dovecot"), Server::start("dovecot"))
    else {
        return;
    };
    let well: Arc<AtomicBool> = Arc::default();
    let closed = free_port();
    let (broken, expired) = (homeserver(500, &well), homeserver(401, &well));
    let (token, password) = (place.file("token", "t"), place.file("password", "secret"));
    let authority = place.path("ca.pem");
    std::fs::copy(other.authority(), &authority).unwrap();
    let text = irc("chat", "nexus", server.port)
        + &irc("refused", "refused", closed)
        + &irc("hangs", "hangs", faulty(Fault::Hangs, server.port, &well))
        + &irc("nonsense", "nonsense", faulty(Fault::Nonsense, server.port, &well))
        + &irc("long", "long", faulty(Fault::LongLine, server.port, &well))
        + &matrix("broken", broken.port, &token)
        + &matrix("expired", expired.port, &token)
        + &format!(
            "[feed.mail]\nkind = \"imap\"\nserver = \"localhost:{}\"\ntls = true\nauthority = {authority:?}\n\
             user = \"test\"\npassword = {{ file = {password:?} }}\n",
            mail.tls_port
        );
    let running = Running::start(&place, &place.file("feeds.toml", &text));
    running.says("chat works");
    let mut anna = User::join(server.port, "anna");
    let failing: BTreeSet<&str> = ["refused", "hangs", "nonsense", "long", "broken", "expired", "mail"].into();
    let (usual, latest) = took(&place, &mut anna, "beside");
    assert!(usual <= USUAL && latest <= LATEST, "beside feeds that fail: p50 {usual:?}, worst {latest:?}");
    let mut open = BTreeSet::new();
    let opened = |line: &String| {
        let (name, rest) = line.split_once(' ').unwrap_or_default();
        let open = rest.starts_with("keeps breaking") || rest.starts_with("is refused");
        open.then(|| name.to_string())
    };
    let began = Instant::now();
    while open.len() < failing.len() {
        assert!(began.elapsed() < PATIENCE, "only {open:?} of {failing:?} are open");
        std::thread::sleep(Duration::from_millis(100));
        open.extend(running.heard().iter().filter_map(opened));
    }
    let (usual, latest) = took(&place, &mut anna, "later");
    assert!(usual <= USUAL && latest <= LATEST, "beside open breakers: p50 {usual:?}, worst {latest:?}");
    // All is well again.
    std::fs::copy(mail.authority(), &authority).unwrap();
    well.store(true, Ordering::Relaxed);
    let again = TcpListener::bind(("127.0.0.1", closed)).unwrap();
    let port = server.port;
    std::thread::spawn(move || {
        for client in again.incoming().map_while(Result::ok) {
            std::thread::spawn(move || pass_on(client, TcpStream::connect(("127.0.0.1", port)).unwrap()));
        }
    });
    let mut works = BTreeSet::new();
    until("every feed works again", || {
        let heard = running.heard();
        works.extend(heard.iter().filter_map(|line| line.strip_suffix(" works")).map(str::to_string));
        failing.iter().all(|name| works.contains(*name))
    });
    running.end();
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "it never came about that {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}
