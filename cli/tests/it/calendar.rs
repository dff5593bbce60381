//! `nexus run` on a calendar of a real Radicale: events made, moved, cancelled, deleted and made again, while it is killed and
//! the network is bad.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::harness::Place;
use crate::proxy::Proxy;
use crate::replay::{Answer, Replay};
use crate::running::{Luck, Running, Server, texts, until};

/// More than are asked for at once.
const HISTORY: u64 = 120;
const KILLS: u64 = 5;
/// `anna:secret`.
const LOGIN: &str = "YW5uYTpzZWNyZXQ=";
const READS: &str = "select external_id, text from events order by external_id";

/// One request, by hand: HTTP/1.0, so that the answer ends where the connection does.
fn call(port: u16, method: &str, path: &str, body: &str) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let head = format!(
        "{method} /anna/work/{path} HTTP/1.0\r\nAuthorization: Basic {LOGIN}\r\nContent-Type: text/calendar\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + body).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.split(' ').nth(1).is_some_and(|status| status.starts_with('2')), "{method} {path}: {answer}");
}

/// An event that was changed last always in the same second, as it happens when a program writes fast.
fn event(id: &str, day: u64, hour: u64, more: &str) -> String {
    format!(
        "BEGIN:VEVENT\r\nUID:{id}\r\nDTSTAMP:20260101T000000Z\r\nDTSTART;TZID=Europe/Berlin:202605{day:02}T{hour:02}0000\r\n\
         SUMMARY:Meeting {id}\r\n{more}END:VEVENT\r\n"
    )
}

fn calendar(events: &[String]) -> String {
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//nexus//test//EN\r\n{}END:VCALENDAR\r\n", events.concat())
}

/// A calendar, and what memory should read of it.
struct Agenda {
    port: u16,
    reads: BTreeMap<String, String>,
    luck: Luck,
}

impl Agenda {
    fn put(&mut self, id: &str, day: u64, hour: u64, cancelled: bool) {
        let status = if cancelled { "STATUS:CANCELLED\r\n" } else { "" };
        call(self.port, "PUT", &format!("{id}.ics"), &calendar(&[event(id, day, hour, status)]));
        let when = format!("on 2026-05-{day:02} at {hour:02}:00 (Europe/Berlin)");
        let text = match cancelled {
            true => format!("Meeting {id} {when} was cancelled."),
            false => format!("Meeting {id} is {when}."),
        };
        self.reads.insert(id.into(), text);
    }

    /// Somebody makes, moves, cancels or deletes an event, or makes one again that was deleted.
    fn happen(&mut self, made: u64) {
        let id = match self.luck.below(3) {
            0 => format!("m{made}"),
            _ => format!("h{}", self.luck.below(HISTORY)),
        };
        let (day, hour) = (1 + self.luck.below(28), self.luck.below(24));
        match self.luck.below(4) {
            0 if self.reads.remove(&id).is_some() => call(self.port, "DELETE", &format!("{id}.ics"), ""),
            1 => self.put(&id, day, hour, true),
            _ => self.put(&id, day, hour, false),
        }
        std::thread::sleep(Duration::from_millis(self.luck.below(60)));
    }

    /// Waits until memory reads as the calendar does.
    fn is_in(&self, place: &Place) {
        let expected: Vec<String> = self.reads.iter().map(|(id, text)| format!("{id} {text}")).collect();
        until("memory reads as the calendar does", || texts(place, READS) == expected);
    }
}

fn config(place: &Place, port: u16, password: &str) -> String {
    let password = place.file("password", password);
    let text = format!(
        "[feed.work]\nkind = \"caldav\"\nurl = \"http://127.0.0.1:{port}/anna/work/\"\nuser = \"anna\"\n\
         password = {{ file = {password:?} }}\nevery = 1\n"
    );
    place.file("feeds.toml", &text)
}

/// A Radicale with a calendar.
fn radicale() -> Option<Server> {
    let server = Server::start("radicale")?;
    assert_eq!(server.script(&["user", "anna", "secret"]), 0);
    call(server.port, "MKCALENDAR", "", "");
    Some(server)
}

#[test]
fn a_calendar_is_in_memory_as_it_reads_whatever_happens() {
    let Some(server) = radicale() else { return };
    let mut agenda = Agenda { port: server.port, reads: BTreeMap::new(), luck: Luck(5) };
    (0..HISTORY).for_each(|at| agenda.put(&format!("h{at}"), 1 + at % 28, at % 24, false));
    let place = Place::new();
    let network = Proxy::start(server.port, 3);
    network.calm();
    let config = config(&place, network.port, "secret");
    let running = Running::start(&place, &config);
    agenda.is_in(&place);
    // A series of which one is moved; then the move is taken back.
    let series = event("s", 4, 10, "RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=3\r\n");
    let moved = event("s", 12, 14, "RECURRENCE-ID;TZID=Europe/Berlin:20260511T100000\r\n");
    call(server.port, "PUT", "s.ics", &calendar(&[series.clone(), moved]));
    let of = "select external_id, text from events where external_id like 's%' order by external_id";
    let first = "s Meeting s is on 2026-05-04 at 10:00 (Europe/Berlin). It repeats every week on Monday, 3 times.";
    let second = "s/20260511T100000 Meeting s is on 2026-05-12 at 14:00 (Europe/Berlin). It stands for the one of \
                  2026-05-11 10:00.";
    until("a series and what is moved of it are there", || texts(&place, of) == [first, second]);
    call(server.port, "PUT", "s.ics", &calendar(&[series]));
    until("the move is taken back", || texts(&place, of) == [first]);
    call(server.port, "DELETE", "s.ics", "");
    agenda.is_in(&place);
    running.kill();
    network.rage();
    let mut running: Option<Running> = None;
    for kill in 0..KILLS {
        (0..12).for_each(|at| agenda.happen(kill * 12 + at));
        running.take().into_iter().for_each(Running::kill);
        running = Some(Running::start(&place, &config));
    }
    network.calm();
    running.take().into_iter().for_each(Running::kill);
    running = Some(Running::start(&place, &config));
    agenda.is_in(&place);
    running.into_iter().for_each(|running| drop(running.end()));
    assert!(place.json(&["verify"])["equal"].as_bool().unwrap());
}

#[test]
fn what_is_no_calendar_of_ours_is_refused() {
    let Some(server) = radicale() else { return };
    let place = Place::new();
    let running = Running::start(&place, &config(&place, server.port, "not-the-password"));
    let refused = running.says("work is refused");
    assert!(refused.contains("is not accepted") && !refused.contains("not-the-password"), "{refused}");
    running.end();
    let home = config(&place, server.port, "secret");
    std::fs::write(&home, std::fs::read_to_string(&home).unwrap().replace("/anna/work/", "/anna/")).unwrap();
    let running = Running::start(&place, &home);
    assert!(running.says("work is refused").contains("not that of one calendar"));
    running.end();
}

#[test]
fn a_calendar_behind_an_address_is_followed() {
    let state =
        std::sync::Arc::new(std::sync::Mutex::new((1, calendar(&[event("a", 4, 10, ""), event("b", 5, 10, "")]))));
    let served = state.clone();
    let replay = Replay::start(move |request| {
        let (version, body) = served.lock().unwrap().clone();
        let tag = format!("\"{version}\"");
        let held = request.headers.get("if-none-match") == Some(&tag);
        let status = match request.path.as_str() {
            "/private-hunter2/basic.ics" if held => 304,
            "/private-hunter2/basic.ics" => 200,
            _ => 404,
        };
        let body = if status == 200 { body.into_bytes() } else { Vec::new() };
        Answer::Whole { status, headers: vec![("etag", tag)], body }
    });
    let place = Place::new();
    let address = place.file("address", &format!("http://127.0.0.1:{}/private-hunter2/basic.ics\n", replay.port));
    let text = format!("[feed.home]\nkind = \"ics\"\nurl = {{ file = {address:?} }}\nevery = 1\n");
    let config = place.file("feeds.toml", &text);
    let running = Running::start(&place, &config);
    let (a, b) = (
        "a Meeting a is on 2026-05-04 at 10:00 (Europe/Berlin).",
        "b Meeting b is on 2026-05-05 at 10:00 (Europe/Berlin).",
    );
    until("what the calendar has is there", || texts(&place, READS) == [a, b]);
    *state.lock().unwrap() = (2, calendar(&[event("a", 4, 11, "")]));
    until("it follows", || texts(&place, READS) == [a.replace("10:00", "11:00")]);
    running.kill();
    *state.lock().unwrap() = (3, calendar(&[event("a", 4, 11, ""), event("b", 5, 10, "")]));
    let running = Running::start(&place, &config);
    until("what was deleted comes back", || texts(&place, READS) == [a.replace("10:00", "11:00"), b.into()]);
    assert!(running.end().iter().all(|line| !line.contains("hunter2")));
    assert!(place.json(&["verify"])["equal"].as_bool().unwrap());
}
