//! An LLM as extractor, from the command line: added, used, asked about before it is costly, and gone.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::harness::Place;

/// A server that reads "X is where I sleep" as no pattern does; with how many texts it was sent.
fn server() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let sent = Arc::new(AtomicUsize::new(0));
    let count = sent.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, count) = (stream.unwrap(), count.clone());
            std::thread::spawn(move || while serve(&stream, &count).is_some() {});
        }
    });
    (url, sent)
}

fn serve(mut stream: &TcpStream, count: &AtomicUsize) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        match line.trim().to_lowercase().split_once(": ") {
            Some(("content-length", bytes)) => length = bytes.parse().ok()?,
            None if line.trim().is_empty() => break,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let body: Value = serde_json::from_slice(&body).ok()?;
    let asked: Value = serde_json::from_str(body["messages"][1]["content"].as_str()?).ok()?;
    let asked = asked["texts"].as_array()?;
    count.fetch_add(asked.len(), Ordering::SeqCst);
    let entries: Vec<Value> = asked.iter().map(entry).collect();
    let message = json!({"role": "assistant", "content": json!({"texts": entries}).to_string()});
    let said = json!({"choices": [{"message": message, "finish_reason": "stop"}]}).to_string();
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{said}", said.len()).ok()
}

fn entry(text: &Value) -> Value {
    let place = text["text"].as_str().and_then(|text| text.strip_suffix(" is where I sleep"));
    let statement = |place: &str| {
        json!({"quote": text["text"], "subject": {"kind": "speaker", "name": "", "of": ""}, "predicate": "lives_in",
            "object": {"kind": "value", "name": place, "of": ""}, "further": [], "polarity": "affirmed",
            "aspect": "holds", "modality": "asserted", "tense": "present", "from": "", "to": "", "reported_by": null,
            "confidence": 95})
    };
    json!({"id": text["id"], "mentions": [], "statements": place.map(statement).into_iter().collect::<Vec<_>>()})
}

/// The objects of the facts that are held.
fn objects(place: &Place) -> Vec<String> {
    let run = place.nexus(&["--json", "facts"]);
    let facts: Value = serde_json::from_str(&run.out).unwrap_or_default();
    let facts = facts.as_array().cloned().unwrap_or_default();
    facts.iter().map(|fact| fact["object"].as_str().unwrap_or_default().to_string()).collect()
}

fn three_messages() -> Place {
    let place = Place::new();
    for text in ["Oslo is where I sleep", "What a day", "I like tea."] {
        place.ok(&["remember", text]);
    }
    assert_eq!(objects(&place), ["tea"]);
    place
}

#[test]
fn an_endpoint_reads_once_it_is_told_to() {
    let (place, (url, sent)) = (three_messages(), server());
    let sent = || sent.load(Ordering::SeqCst);
    place.ok(&["models", "add", "llm", "--url", &url, "--model", "tiny"]);
    let listed = place.json(&["models", "list"]);
    let llm = listed.as_array().unwrap().iter().find(|model| model["name"] == "llm").unwrap();
    assert_eq!((&llm["kind"], &llm["endpoint"]["url"], &llm["here"]), (&json!("endpoint"), &json!(url), &json!(true)));
    assert!(place.ok(&["models"]).contains(&url));
    place.ok(&["remember", "Whatever"]);
    assert_eq!(sent(), 0, "an endpoint that nobody uses is sent nothing");

    // A dry run reads, changes nothing, and is no leave to send what is said later.
    let dry = place.nexus(&["reconsolidate", "--extractor", "llm", "--dry-run"]);
    assert!(dry.out.contains("Oslo"), "{dry:?}");
    assert_eq!((objects(&place), sent()), (vec!["tea".to_string()], 4));
    place.ok(&["remember", "Nothing new"]);
    assert_eq!(sent(), 4);

    let used = place.ok(&["models", "use", "llm"]);
    assert!(used.contains("reads by llm@"), "{used}");
    assert_eq!((objects(&place), sent()), (vec!["Oslo".to_string()], 5), "each text is sent once");
    place.ok(&["remember", "Lima is where I sleep"]);
    assert!(objects(&place).contains(&"Lima".to_string()));
    place.ok(&["models", "use", "llm"]);
    assert_eq!(sent(), 6);
    place.ok(&["verify"]);
}

#[test]
fn while_it_cannot_be_reached_its_asks_stay_open_and_memory_is_as_it_was() {
    let place = three_messages();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    place.ok(&["models", "add", "gone", "--url", &format!("http://{closed}/v1"), "--model", "m"]);
    let run = place.nexus(&["models", "use", "gone"]);
    assert_eq!(run.code, 5, "{run:?}");
    assert!(run.err.contains("cannot be reached") && run.err.contains("still to read: 3"), "{run:?}");
    assert_eq!(place.json(&["status"])["open_asks"], 3);
    assert_eq!(objects(&place), ["tea"]);
    place.ok(&["remember", "I like coffee."]);
    assert_eq!(objects(&place).len(), 2, "the extractor in use goes on");
    place.ok(&["verify"]);
}

#[test]
fn a_long_run_is_asked_about_first() {
    let (place, (url, sent)) = (Place::new(), server());
    let line = |at: usize| {
        let said_at = 1_700_000_000_000_u64 + at as u64 * 60_000;
        format!("{{\"id\":\"{at}\",\"said_at\":{said_at},\"author\":\"anna\",\"text\":\"message {at}\"}}\n")
    };
    let history = place.file("h.jsonl", &(0..250).map(line).collect::<String>());
    place.ok(&["ingest", &history]);
    let prices = ["--price-in", "1", "--price-out", "2", "--tokens-per-day", "1000000"];
    place.ok(&[&["models", "add", "llm", "--url", &url, "--model", "tiny"], &prices[..]].concat());
    let run = place.nexus(&["models", "use", "llm"]);
    assert_eq!((run.code, sent.load(Ordering::SeqCst)), (2, 0), "{run:?}");
    assert!(
        ["250 texts", "tokens", "by your prices", "1 day", "--yes"].iter().all(|part| run.err.contains(part)),
        "{run:?}"
    );
    place.ok(&["models", "use", "llm", "--yes"]);
    assert_eq!(sent.load(Ordering::SeqCst), 250);
}

#[test]
fn what_cannot_be_an_endpoint_is_said() {
    let place = Place::new();
    let add = |arguments: &[&str]| place.nexus(&[&["models", "add"], arguments].concat());
    assert_eq!(add(&["llm"]).code, 2);
    assert_eq!(add(&["llm", "--url", "http://a/v1"]).code, 2);
    assert_eq!(add(&["llm", "folder", "--url", "http://a/v1", "--model", "m"]).code, 2);
    let secret = add(&["llm", "--url", "http://me:secret@a/v1", "--model", "m"]);
    assert!(secret.code != 0 && secret.err.contains("would be stored"), "{secret:?}");
    let key = add(&["llm", "--url", "http://a/v1", "--model", "m", "--key-env", "sk-1234"]);
    assert!(key.code != 0 && !key.err.contains("sk-1234"), "{key:?}");
}
