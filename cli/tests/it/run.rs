//! `nexus run`: a folder and a real IRC server, followed; stopped, killed, told another configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use crate::harness::{Place, finished};
use crate::proxy::Proxy;
use crate::running::{Luck, Running, Server, free_port, texts, until};

/// How often the run is killed.
const KILLS: u64 = 12;

/// Somebody on the server, in `#nexus`.
pub(crate) struct User(TcpStream);

impl User {
    pub(crate) fn join(port: u16, nick: &str) -> User {
        let mut user = User(TcpStream::connect(("127.0.0.1", port)).unwrap());
        user.write(&format!("NICK {nick}\r\nUSER {nick} 0 * :{nick}\r\nJOIN #nexus"));
        let mut lines = BufReader::new(user.0.try_clone().unwrap()).lines().map_while(Result::ok);
        assert!(lines.any(|line| line.contains(" 366 ")), "{nick} cannot join");
        // A server gives up on who does not read.
        std::thread::spawn(move || lines.for_each(drop));
        user
    }

    fn write(&mut self, line: &str) {
        self.0.write_all(format!("{line}\r\n").as_bytes()).unwrap();
    }

    pub(crate) fn say(&mut self, text: &str) {
        self.write(&format!("PRIVMSG #nexus :{text}"));
    }
}

fn row(id: &str, text: &str) -> String {
    format!("{{\"id\": \"{id}\", \"said_at\": \"2025-01-01T00:00:00Z\", \"author\": \"ben\", \"text\": \"{text}\"}}\n")
}

/// A configuration of a folder and a channel.
fn config(place: &Place, port: u16) -> (String, PathBuf) {
    let folder = place.path("inbox");
    std::fs::create_dir_all(&folder).unwrap();
    let text = format!(
        "[feed.inbox]\nkind = \"directory\"\npath = {folder:?}\nevery = 0.1\nwhole = true\n\n\
         [feed.chat]\nkind = \"irc\"\nserver = \"127.0.0.1:{port}\"\nnick = \"nexus\"\nchannels = [\"#nexus\"]\n"
    );
    (place.file("feeds.toml", &text), folder)
}

#[test]
fn what_is_said_is_memory_within_a_moment() {
    let Some(server) = Server::start("ngircd") else { return };
    let place = Place::new();
    let (config, inbox) = config(&place, server.port);
    let running = Running::start(&place, &config);
    running.says("chat works");
    let mut anna = User::join(server.port, "anna");
    anna.say("I moved to Lisbon in May.");
    anna.say("\u{1}ACTION waves\u{1}");
    anna.write("NICK anna_");
    std::fs::write(inbox.join("a.jsonl"), row("1", "one") + &row("2", "two") + "nonsense\n").unwrap();
    let said = "select source, author, text from events where kind in ('message', 'rename') order by source, text";
    let first = ["chat I moved to Lisbon in May.", "chat anna waves", "chat anna_", "jsonl one", "jsonl two"];
    let shown = |rows: Vec<String>| -> Vec<String> {
        // Columns come in the order of their names: author, source, text.
        rows.iter().map(|row| row.split_once(' ').map_or("", |(_, rest)| rest).to_string()).collect()
    };
    until("both feeds are in memory", || shown(texts(&place, said)).iter().map(String::as_str).eq(first));
    assert!(place.ok(&["facts", "anna"]).contains("Lisbon"));
    assert_eq!(texts(&place, "select position from rejects"), ["a.jsonl, line 3"]);
    // An edit, and what a file says no more.
    std::fs::write(inbox.join("a.jsonl"), row("2", "zwei")).unwrap();
    let jsonl = "select text from events where source = 'jsonl'";
    until("the file's edit is in memory", || texts(&place, jsonl) == ["zwei"]);
    let last = running.end();
    assert!(last.iter().any(|line| line.starts_with("chat ")), "{last:?}");
    assert!(place.json(&["verify"])["equal"].as_bool().unwrap());
}

#[test]
fn killed_at_any_moment_it_has_everything_once() {
    let Some(server) = Server::start("ngircd") else { return };
    let place = Place::new();
    let network = Proxy::start(server.port, 2);
    let (config, inbox) = config(&place, network.port);
    let mut anna = User::join(server.port, "anna");
    let (mut luck, mut line) = (Luck(7), 0);
    let mut draw = |below: u64| luck.below(below);
    let mut files: BTreeMap<u64, BTreeMap<u64, u64>> = BTreeMap::new();
    let mut write = |anna: &mut User, draw: &mut dyn FnMut(u64) -> u64| {
        line += 1;
        anna.say(&format!("line {line}"));
        // A row that comes, changes or goes.
        let (file, id) = (draw(4), draw(30));
        let rows = files.entry(file).or_default();
        if draw(4) == 0 {
            rows.remove(&id).map(drop)
        } else {
            rows.insert(id, line).map(drop)
        };
        let text: String = rows.iter().map(|(id, line)| row(&format!("{file}-{id}"), &format!("row {line}"))).collect();
        // Renamed into place, as programs do that do not want half a file to be read.
        std::fs::write(inbox.join(".new"), text).unwrap();
        std::fs::rename(inbox.join(".new"), inbox.join(format!("{file}.jsonl"))).unwrap();
        (line, files.clone())
    };
    for _ in 0..KILLS {
        let running = Running::start(&place, &config);
        let until = Instant::now() + Duration::from_millis(200 + draw(1_500));
        while Instant::now() < until {
            write(&mut anna, &mut draw);
            std::thread::sleep(Duration::from_millis(20));
        }
        running.kill();
    }
    network.calm();
    let running = Running::start(&place, &config);
    running.says("chat works");
    let (before, _) = write(&mut anna, &mut draw);
    let (last, files) = write(&mut anna, &mut draw);
    let said = |id: &u64, file: &u64, line: &u64| format!("{file}-{id} row {line}");
    let expected: BTreeSet<String> =
        files.iter().flat_map(|(file, rows)| rows.iter().map(|(id, line)| said(id, file, line))).collect();
    let held = || texts(&place, "select external_id, text from events where source = 'jsonl'");
    until("memory holds what the files say", || {
        let held = held();
        held.len() == expected.len() && held.into_iter().collect::<BTreeSet<_>>() == expected
    });
    let chat = || texts(&place, "select text from events where source = 'chat' and kind = 'message'");
    until("memory holds what was said last", || chat().contains(&format!("line {last}")));
    let heard = chat();
    let different: BTreeSet<&String> = heard.iter().collect();
    assert_eq!(different.len(), heard.len(), "something was doubled");
    assert!(heard.contains(&format!("line {before}")));
    let number = |text: &String| text.strip_prefix("line ").and_then(|number| number.parse::<u64>().ok());
    assert!(heard.iter().all(|text| number(text).is_some_and(|number| number <= last)), "{heard:?}");
    // Some of it was heard although it was killed so often, and the network was bad.
    assert!(heard.len() as u64 > last / 20, "{} of {last}", heard.len());
    running.end();
    assert!(place.json(&["verify"])["equal"].as_bool().unwrap());
}

#[test]
fn a_feed_that_fails_leaves_the_others_alone_and_comes_back() {
    let Some(server) = Server::start("ngircd") else { return };
    let place = Place::new();
    let closed = free_port();
    let (config, inbox) = config(&place, closed);
    let running = Running::start(&place, &config);
    let broke = running.says("chat broke");
    assert!(broke.starts_with(&format!("chat broke: 127.0.0.1:{closed}: Connection refused")), "{broke}");
    assert!(broke.contains("; again in "), "{broke}");
    std::fs::write(inbox.join("a.jsonl"), row("1", "one")).unwrap();
    until("the other feed works", || texts(&place, "select text from events") == ["one"]);
    // Another configuration, without a restart; a wrong one changes nothing.
    std::fs::write(&config, "[feed.chat]\nkind = \"pigeon\"\n").unwrap();
    running.signal("-HUP");
    assert!(running.says("nexus: ").ends_with("webhook, x; what was followed goes on"));
    self::config(&place, server.port);
    running.signal("-HUP");
    running.says("chat works");
    std::fs::write(inbox.join("b.jsonl"), row("2", "two")).unwrap();
    until("the feed that did not change goes on", || {
        texts(&place, "select text from events where source = 'jsonl'").len() == 2
    });
    running.end();
}

/// The other end of a pipe that somebody reads.
fn read_by_somebody(pipe: &Path) -> File {
    let (sender, opened) = channel();
    let pipe = pipe.to_path_buf();
    std::thread::spawn(move || sender.send(File::options().write(true).open(pipe).unwrap()));
    opened.recv_timeout(Duration::from_secs(60)).expect("nobody reads it")
}

#[test]
fn a_secret_that_takes_its_time_holds_up_nobody() {
    let (place, server) = (Place::new(), TcpListener::bind("127.0.0.1:0").unwrap());
    let (config, inbox) = config(&place, server.local_addr().unwrap().port());
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for client in server.incoming().map_while(Result::ok) {
            let sender = sender.clone();
            let lines = BufReader::new(client).lines().map_while(Result::ok);
            std::thread::spawn(move || lines.map(|line| sender.send(line)).all(|sent| sent.is_ok()));
        }
    });
    let running = Running::start(&place, &config);
    running.says("inbox works");
    let pipe = place.path("password");
    let make = || assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    make();
    let text = std::fs::read_to_string(&config).unwrap() + &format!("password = {{ file = {pipe:?} }}\n");
    std::fs::write(&config, text).unwrap();
    running.signal("-HUP");
    // It is read to see whether the configuration is right, and again to make the feed. Each has a pipe of its own.
    for id in ["1", "2"] {
        let mut reading = read_by_somebody(&pipe);
        std::fs::write(inbox.join(format!("{id}.jsonl")), row(id, id)).unwrap();
        let sql = format!("select text from events where text = '{id}'");
        until("what comes meanwhile is memory", || texts(&place, &sql) == [id]);
        std::fs::remove_file(&pipe).unwrap();
        match id {
            "1" => make(),
            _ => std::fs::write(&pipe, "hunter2\n").unwrap(),
        }
        reading.write_all(b"hunter2\n").unwrap();
    }
    until("the feed has its secret", || lines.try_iter().any(|line| line == "PASS hunter2"));
    running.end();
}

#[test]
fn a_configuration_is_checked_before_anything_starts() {
    let Some(server) = Server::start("ngircd") else { return };
    let (place, closed) = (Place::new(), free_port());
    let (config, _) = config(&place, server.port);
    assert_eq!(
        place.ok(&["run", "--check", &config]),
        "feed   kind       scope    state\nchat   irc        default  works\ninbox  directory  default  works\n"
    );
    self::config(&place, closed);
    let run = place.nexus(&["run", "--check", &config]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.out.contains(&format!("chat   irc        default  127.0.0.1:{closed}: Connection refused")), "{run:?}");
    assert!(!place.path("memory").exists());
    let wrong = place.file("wrong.toml", "[feed.chat]\nkind = \"irc\"\nserver = \"h:1\"\nnick = \"n\"\n");
    let run = finished(place.command(&["run", &wrong]).spawn().unwrap());
    assert_eq!(run.code, 2, "{run:?}");
    assert_eq!(run.err, format!("nexus: {wrong}: feed.chat: missing field `channels`\n"));
    let run = place.nexus(&["run", &place.path("absent.toml").display().to_string()]);
    assert_eq!(run.code, 1, "{run:?}");
}
