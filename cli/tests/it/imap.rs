//! `nexus run` on a real Dovecot: mail that comes, goes, moves and is copied, while it is killed and the network is bad.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::harness::Place;
use crate::proxy::Proxy;
use crate::running::{Luck, Running, Server, texts, until};

const KILLS: u64 = 6;
const BOXES: [&str; 2] = ["INBOX", "Archive"];

/// Somebody else with the same account.
pub(crate) struct Mailer {
    stream: BufReader<TcpStream>,
    commands: u32,
}

impl Mailer {
    pub(crate) fn new(port: u16) -> Mailer {
        let mut greeted = None;
        until("Dovecot greets", || {
            let mut stream = BufReader::new(TcpStream::connect(("127.0.0.1", port)).unwrap());
            let mut line = String::new();
            let ready = stream.read_line(&mut line).is_ok() && line.starts_with("* OK");
            greeted = ready.then_some(stream);
            ready
        });
        let mut mailer = Mailer { stream: greeted.unwrap(), commands: 0 };
        mailer.command("LOGIN test secret");
        mailer
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        line
    }

    fn write(&mut self, text: &str) {
        self.stream.get_mut().write_all(text.as_bytes()).unwrap();
    }

    /// Sends a command; gives what comes before it is done.
    fn command(&mut self, command: &str) -> Vec<String> {
        self.commands += 1;
        let tag = format!("t{}", self.commands);
        self.write(&format!("{tag} {command}\r\n"));
        self.until_done(&tag, command)
    }

    fn until_done(&mut self, tag: &str, command: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self.line();
            if let Some(rest) = line.strip_prefix(&format!("{tag} ")) {
                assert!(rest.starts_with("OK"), "{command}: {line}");
                return lines;
            }
            assert!(!line.is_empty(), "{command}: the connection is gone");
            lines.push(line);
        }
    }

    pub(crate) fn append(&mut self, id: &str, text: &str) {
        let mail = format!(
            "From: Anna Kowalska <anna@example.org>\r\nTo: test@example.org\r\nMessage-ID: <{id}>\r\n\
             Date: Sun, 22 Nov 2026 10:00:00 +0000\r\nSubject: about {id}\r\n\r\n{text}\r\n"
        );
        self.commands += 1;
        let tag = format!("t{}", self.commands);
        self.write(&format!("{tag} APPEND INBOX {{{}}}\r\n", mail.len()));
        assert!(self.line().starts_with('+'));
        self.write(&(mail + "\r\n"));
        self.until_done(&tag, "APPEND");
    }

    /// The mails of a mailbox, which is then open: number and Message-ID.
    pub(crate) fn mails(&mut self, name: &str) -> Vec<(String, String)> {
        self.command(&format!("SELECT {name}"));
        let lines = self.command("UID FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])");
        let (mut uid, mut found) = (String::new(), Vec::new());
        for line in lines {
            if let Some((_, rest)) = line.split_once("(UID ") {
                uid = rest.split(' ').next().unwrap_or_default().into();
            } else if let Some(id) = line.trim().strip_prefix("Message-ID: <") {
                found.push((uid.clone(), id.trim_end_matches('>').to_string()));
            }
        }
        found
    }

    /// Takes a mail out of the mailbox that is open.
    pub(crate) fn expunge(&mut self, uid: &str) {
        self.command(&format!("UID STORE {uid} +FLAGS (\\Deleted)"));
        self.command("EXPUNGE");
    }

    /// Puts a copy of a mail of the mailbox that is open into this one.
    pub(crate) fn copy(&mut self, uid: &str, name: &str) {
        self.command(&format!("UID COPY {uid} {name}"));
    }
}

/// A configuration that follows both mailboxes over an encrypted connection.
fn config(place: &Place, server: &Server, port: u16, password: &str) -> String {
    let password = place.file("password", password);
    let text = format!(
        "[feed.work]\nkind = \"imap\"\nserver = \"localhost:{}\"\ntls = true\nauthority = {:?}\nuser = \"test\"\n\
         password = {{ file = {password:?} }}\nmailboxes = [\"INBOX\", \"Archive\"]\nevery = 1\n",
        port,
        server.authority()
    );
    place.file("feeds.toml", &text)
}

#[test]
fn an_account_is_in_memory_as_it_is_whatever_happens() {
    let Some(server) = Server::start("dovecot") else { return };
    let (place, mut mailer) = (Place::new(), Mailer::new(server.port));
    let network = Proxy::start(server.tls_port, 3);
    let config = config(&place, &server, network.port, "secret");
    let mut said: BTreeMap<String, String> = BTreeMap::new();
    let mut luck = Luck(5);
    let mut draw = |below: usize| luck.below(below as u64) as usize;
    let mut running: Option<Running> = None;
    for kill in 0..KILLS {
        for at in 0..15 {
            let (name, other) = if draw(3) == 0 { (BOXES[1], BOXES[0]) } else { (BOXES[0], BOXES[1]) };
            let mails = mailer.mails(name);
            let uid = (!mails.is_empty()).then(|| mails[draw(mails.len())].0.clone());
            match (draw(6), uid) {
                (3, Some(uid)) => mailer.expunge(&uid),
                (4, Some(uid)) => drop(mailer.command(&format!("UID MOVE {uid} {other}"))),
                (5, Some(uid)) => mailer.copy(&uid, other),
                _ => {
                    let (id, text) =
                        (format!("{kill}-{at}@example.org"), format!("I bought {} figs.", kill * 100 + at));
                    mailer.append(&id, &text);
                    said.insert(id, text);
                }
            }
            std::thread::sleep(Duration::from_millis(draw(80) as u64));
        }
        running.take().into_iter().for_each(Running::kill);
        running = Some(Running::start(&place, &config));
    }
    network.calm();
    running.take().into_iter().for_each(Running::kill);
    running = Some(Running::start(&place, &config));
    let there: BTreeSet<String> = BOXES.iter().flat_map(|name| mailer.mails(name)).map(|(_, id)| id).collect();
    let expected: Vec<String> = there.iter().map(|id| format!("{id} {}", said[id])).collect();
    let held = || texts(&place, "select external_id, text from events where source = 'mail' order by external_id");
    until("memory holds what the mailboxes hold", || held() == expected);
    running.as_ref().unwrap().says("work works");
    mailer.append("last@example.org", "I moved to Faro.");
    until("what comes now is in memory", || held().len() == expected.len() + 1);
    running.into_iter().for_each(|running| drop(running.end()));
    assert!(place.ok(&["facts", "anna"]).contains("Faro"));
    assert!(place.json(&["verify"])["equal"].as_bool().unwrap());
}

#[test]
fn a_wrong_password_is_said_without_it() {
    let Some(server) = Server::start("dovecot") else { return };
    let place = Place::new();
    drop(Mailer::new(server.port));
    let running = Running::start(&place, &config(&place, &server, server.tls_port, "hunter2"));
    let refused = running.says("work is refused");
    assert!(refused.contains("it does not let test in: NO [AUTHENTICATIONFAILED]"), "{refused}");
    assert!(!refused.contains("hunter2"), "{refused}");
    running.end();
}
