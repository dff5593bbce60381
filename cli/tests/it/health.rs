//! How a run says how it is: on its port, in `nexus status`, in its logs.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use crate::harness::Place;
use crate::running::{Running, free_port, texts, until};
use crate::webhook::now;

/// What a page answers: its status and its text.
fn get(port: u16, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_string())
}

fn health(port: u16) -> Value {
    serde_json::from_str(&get(port, "/health").1).unwrap()
}

/// Every row of the metrics, by its name and labels.
fn metrics(port: u16) -> BTreeMap<String, f64> {
    let (status, text) = get(port, "/metrics");
    assert_eq!(status, 200, "{text}");
    assert!(text.ends_with("# EOF\n"), "{text}");
    let row = |line: &str| {
        let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
        (name.to_string(), value.parse().unwrap_or_else(|_| panic!("{line}")))
    };
    text.lines().filter(|line| !line.starts_with("# ")).map(row).collect()
}

/// A folder that can be followed, and a server that is not there; the run is asked on that port.
fn config(place: &Place, port: u16, closed: u16) -> String {
    let folder = place.path("inbox");
    std::fs::create_dir_all(&folder).unwrap();
    let text = format!(
        "[health]\nlisten = \"127.0.0.1:{port}\"\n\n\
         [feed.inbox]\nkind = \"directory\"\npath = {folder:?}\nevery = 0.1\n\n\
         [feed.chat]\nkind = \"irc\"\nserver = \"127.0.0.1:{closed}\"\nnick = \"nexus\"\nchannels = [\"#nexus\"]\n"
    );
    place.file("feeds.toml", &text)
}

fn write_messages(place: &Place) {
    let row = |id: u32, at: u64| {
        format!("{{\"id\": \"{id}\", \"said_at\": {at}, \"author\": \"ben\", \"text\": \"{id}\"}}\n")
    };
    // One that is history, and one that was said five seconds ago.
    let (history, lately) = (1_735_689_600_000, (now() - 5) * 1_000);
    // Renamed into place, so that it is read once.
    std::fs::write(place.path("new"), row(1, history) + &row(2, lately) + "nonsense\n").unwrap();
    std::fs::rename(place.path("new"), place.path("inbox").join("a.jsonl")).unwrap();
}

#[test]
fn a_run_says_how_it_is() {
    let place = Place::new();
    let (port, closed) = (free_port(), free_port());
    let config_file = config(&place, port, closed);
    let running = Running::start(&place, &config_file);
    running.says("inbox works");
    write_messages(&place);
    let keeps_breaking = format!("chat keeps breaking: 127.0.0.1:{closed}: Connection refused");
    let reasons = |health: &Value| -> Vec<String> { serde_json::from_value(health["reasons"].clone()).unwrap() };
    until("the breaker is open", || reasons(&health(port)).iter().any(|reason| reason.starts_with(&keeps_breaking)));
    until("the messages are memory", || health(port)["feeds"]["inbox"]["lag_ms"].is_number());
    let now = health(port);
    assert_eq!((get(port, "/health").0, now["overall"].as_str()), (200, Some("degraded")), "{now}");
    assert!(reasons(&now).contains(&"inbox brought 1 that could not be read within the last hour".into()), "{now}");
    assert_eq!(
        (now["feeds"]["chat"]["state"].as_str(), now["feeds"]["inbox"]["state"].as_str()),
        (Some("open"), Some("works"))
    );
    counts_are_what_was_taken_in(&place, port);
    let status = || place.ok(&["status"]);
    until("the status says so", || status().contains("degraded, since") && status().contains("chat keeps breaking"));
    let text = status();
    let line = |name: &str| text.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap_or_default();
    assert!(line("chat").contains("open") && line("inbox").contains("works"), "{text}");
    let json = place.json(&["status"]);
    assert_eq!(
        (json["running"].as_bool(), json["run"]["feeds"]["inbox"]["news"].as_u64()),
        (Some(true), Some(2)),
        "{json}"
    );
    // Another port, without a restart.
    let other = free_port();
    config(&place, other, closed);
    running.signal("-HUP");
    until("the other port answers", || TcpStream::connect(("127.0.0.1", other)).is_ok());
    until("the first one does not", || TcpStream::connect(("127.0.0.1", port)).is_err());
    assert_eq!(health(other)["feeds"]["inbox"]["news"], 2, "feeds went on");
    running.end();
    let json = place.json(&["status"]);
    assert_eq!((json["running"].as_bool(), json["run"].is_null()), (Some(false), true), "{json}");
    let text = place.ok(&["status"]);
    assert!(text.contains("not running") && text.contains("\ninbox "), "{text}");
    assert!(!place.path("memory").join("health.json").exists());
}

fn counts_are_what_was_taken_in(place: &Place, port: u16) {
    let metrics = metrics(port);
    let count = |sql: &str| texts(place, sql).concat().parse::<f64>().unwrap();
    let (events, rejects) = (count("select count(*) from events"), count("select count(*) from rejects"));
    assert_eq!((events, rejects), (2.0, 1.0));
    let inbox = |name: &str| metrics.get(&format!("{name}{{feed=\"inbox\"}}")).copied();
    assert_eq!(inbox("nexus_feed_messages_total"), Some(events));
    assert_eq!(inbox("nexus_feed_news_total"), Some(events));
    assert_eq!(inbox("nexus_feed_rejects_total"), Some(rejects));
    assert_eq!((inbox("nexus_feed_queue_items"), inbox("nexus_feed_queue_bytes")), (Some(0.0), Some(0.0)));
    assert!(inbox("nexus_feed_lag_seconds").is_some_and(|lag| (5.0..60.0).contains(&lag)), "{metrics:?}");
    let at = |row: &str| metrics.get(row).copied().unwrap_or_else(|| panic!("{row}: {metrics:?}"));
    assert_eq!(at("nexus_feed_state{feed=\"chat\",state=\"open\"}"), 1.0);
    assert_eq!(at("nexus_health{state=\"degraded\"}"), 1.0);
    assert!(at("nexus_epoch") >= 1.0 && at("nexus_epoch_seconds_count") >= 1.0);
    assert!(at("nexus_feed_failures{feed=\"chat\"}") >= 5.0 && at("nexus_feed_reconnects_total{feed=\"chat\"}") >= 4.0);
    assert!(at("nexus_disk_free_bytes") > 0.0 && at("nexus_tail_bytes") > 0.0);
}

#[test]
fn what_a_killed_run_said_is_told_apart() {
    let place = Place::new();
    let (port, closed) = (free_port(), free_port());
    let running = Running::start(&place, &config(&place, port, closed));
    running.says("inbox works");
    let file = place.path("memory").join("health.json");
    until("the run says how it is", || file.exists());
    running.kill();
    // As if it had been a while ago.
    let mut said: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    said["at"] = 1_700_000_000_000_u64.into();
    std::fs::write(&file, said.to_string()).unwrap();
    assert_eq!(place.json(&["status"])["running"], false);
    assert!(place.ok(&["status"]).contains("not running; what was said last, at 2023-11-14 22:13"));
}

#[test]
fn a_port_that_is_taken_is_an_error_at_the_start() {
    let place = Place::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let run = place.nexus(&["run", &config(&place, port, free_port())]);
    assert_eq!(run.code, 5, "{run:?}");
    assert!(run.err.contains(&format!("nexus: health.listen: 127.0.0.1:{port}: ")), "{run:?}");
    assert!(run.err.contains("choose another port"), "{run:?}");
}

#[test]
fn logs_are_json_on_request() {
    let place = Place::new();
    let config = config(&place, free_port(), free_port());
    let mut child = place.command(&["run", &config]).env("NEXUS_LOG_FORMAT", "json").spawn().unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stderr.take().unwrap()));
    let broke = lines.by_ref().map_while(Result::ok).find(|line| line.contains("\"broke\"")).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let broke: Value = serde_json::from_str(&broke).unwrap();
    assert_eq!((&broke["level"], &broke["fields"]["feed"]), (&Value::from("WARN"), &Value::from("chat")));
    assert_eq!(broke["fields"]["state"], "waits");
    assert!(broke["fields"]["reason"].as_str().unwrap().contains("Connection refused"), "{broke}");
}
