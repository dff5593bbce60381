//! The endpoint against a server on this machine: what it is sent, what it says back, and what becomes of that.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nexus_inference::endpoint::{Config, Endpoint, Patience};
use nexus_inference::models::Cache;
use nexus_inference::{Model, Reply};
use nexus_types::{Answer, Extraction, Term, Text};
use serde_json::{Value, json};

/// A request as the server saw it.
struct Seen {
    path: String,
    key: String,
    body: Value,
}

/// What the server says: a status, further headers, a body.
type Says = (u16, &'static str, String);

/// A server that answers each request with what `says` makes of its number and body; it lives as long as the test.
fn server(says: impl Fn(usize, &Value) -> Says + Send + Sync + 'static) -> (String, Arc<Mutex<Vec<Seen>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (log, says) = (seen.clone(), Arc::new(says));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (log, says, stream) = (log.clone(), says.clone(), stream.unwrap());
            std::thread::spawn(move || while serve(&stream, &log, &*says).is_some() {});
        }
    });
    (url, seen)
}

/// Reads one request and answers it; nothing if there is none any more.
fn serve(mut stream: &TcpStream, log: &Mutex<Vec<Seen>>, says: &dyn Fn(usize, &Value) -> Says) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let path = line.split(' ').nth(1)?.to_string();
    let (mut length, mut key) = (0, String::new());
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim().split_once(": ") else { break };
        match name.to_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "authorization" => key = value.into(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let body: Value = serde_json::from_slice(&body).ok()?;
    let at = {
        let mut log = log.lock().unwrap();
        log.push(Seen { path, key, body: body.clone() });
        log.len() - 1
    };
    let (status, headers, said) = says(at, &body);
    write!(stream, "HTTP/1.1 {status} Said\r\n{headers}Content-Length: {}\r\n\r\n{said}", said.len()).ok()
}

/// A completion with that content.
fn completion(content: &str) -> Says {
    let message = json!({"role": "assistant", "content": content});
    let choice = json!({"index": 0, "message": message, "finish_reason": "stop"});
    (200, "", json!({"choices": [choice], "usage": {"total_tokens": 100}}).to_string())
}

fn error(status: u16, headers: &'static str, message: &str) -> Says {
    (status, headers, json!({"error": {"message": message}}).to_string())
}

/// The texts of a request, by id.
fn texts(body: &Value) -> Vec<(u64, String)> {
    let content: Value = serde_json::from_str(body["messages"][1]["content"].as_str().unwrap()).unwrap();
    let each = content["texts"].as_array().unwrap().iter();
    each.map(|text| (text["id"].as_u64().unwrap(), text["text"].as_str().unwrap().to_string())).collect()
}

/// "I live in X" read as it should be, beside a statement that no text bears out.
fn reading(body: &Value) -> Says {
    let entry = |(id, text): (u64, String)| {
        let place = text.rsplit(' ').next().unwrap_or_default().to_string();
        json!({"id": id, "mentions": [{"kind": "place", "name": place}],
            "statements": [stated(&text, &place), stated("I live in Atlantis", &place)]})
    };
    let entries: Vec<Value> = texts(body).into_iter().map(entry).collect();
    completion(&json!({"texts": entries}).to_string())
}

fn stated(quote: &str, place: &str) -> Value {
    json!({"quote": quote, "subject": {"kind": "speaker", "name": "", "of": ""}, "predicate": "lives_in",
        "object": {"kind": "value", "name": place, "of": ""}, "further": [], "polarity": "affirmed", "aspect": "holds",
        "modality": "asserted", "tense": "present", "from": "", "to": "", "reported_by": null, "confidence": 95})
}

/// An endpoint that does not wait long, and the folder of its budget.
fn endpoint(url: &str, change: impl FnOnce(&mut Config)) -> (Endpoint, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::new(url, "tiny");
    change(&mut config);
    let patience = Patience {
        first_wait: Duration::from_millis(1),
        rest: Duration::from_millis(1),
        timeout: Duration::from_secs(10),
        ..Patience::default()
    };
    (Endpoint::with_patience("llm", &config, folder.path(), patience).unwrap(), folder)
}

fn said(places: &[&str]) -> Vec<Text> {
    places.iter().map(|place| format!("I live in {place}").into()).collect()
}

fn extraction(reply: &Reply) -> &Extraction {
    match reply {
        Reply::Answer(Answer::Extraction(extraction)) => extraction,
        other => panic!("{other:?}"),
    }
}

fn later(replies: &[Reply]) -> String {
    let reasons: Vec<String> = replies
        .iter()
        .map(|reply| match reply {
            Reply::Later(reason) => reason.to_string(),
            other => panic!("{other:?}"),
        })
        .collect();
    reasons[0].clone()
}

fn refused(reply: &Reply) -> &str {
    match reply {
        Reply::Answer(Answer::Refused(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn texts_share_requests_and_only_what_they_bear_out_is_taken() {
    let (url, seen) = server(|_, body| reading(body));
    let (model, _folder) = endpoint(&url, |config| config.texts = 2);
    let replies = model.answer(&said(&["Oslo", "Lima", "Pune"]));
    for (reply, place) in replies.iter().zip(["Oslo", "Lima", "Pune"]) {
        let found = extraction(reply);
        assert_eq!((found.statements.len(), found.mentions.len()), (1, 1));
        assert_eq!(found.statements[0].object, Term::Value(place.into()));
    }
    assert_eq!(model.statements(), (3, 3), "three are taken, three dropped");
    let seen = seen.lock().unwrap();
    assert_eq!(seen.iter().map(|seen| texts(&seen.body).len()).sum::<usize>(), 3);
    assert_eq!(seen.len(), 2);
    let first = &seen[0];
    assert_eq!((first.path.as_str(), first.key.as_str()), ("/v1/chat/completions", ""));
    assert_eq!((&first.body["model"], &first.body["temperature"]), (&json!("tiny"), &json!(0)));
    assert_eq!(first.body["response_format"]["json_schema"]["strict"], true);
    assert!(model.id().starts_with("llm@") && model.at_once() >= 2);
}

#[test]
fn a_server_that_knows_no_schema_is_asked_otherwise_from_then_on() {
    let (url, seen) = server(|_, body| match body["response_format"]["type"].as_str() {
        Some(_) => error(400, "", "response_format is not supported"),
        None => {
            let (_, _, said) = reading(body);
            let content: Value = serde_json::from_str(&said).unwrap();
            completion(&format!(
                "Sure!\n```json\n{}\n```",
                content["choices"][0]["message"]["content"].as_str().unwrap()
            ))
        }
    });
    let (model, _folder) = endpoint(&url, |_| {});
    assert_eq!(extraction(&model.answer(&said(&["Oslo"]))[0]).statements.len(), 1);
    assert_eq!(seen.lock().unwrap().len(), 4, "by schema twice, as an object, in words");
    model.answer(&said(&["Lima"]));
    assert_eq!(seen.lock().unwrap().len(), 5, "what it refused once is not tried again");
}

#[test]
fn a_busy_server_is_given_the_time_it_asks_for() {
    let (url, seen) = server(|at, body| match at {
        0 => error(429, "Retry-After: 0.2\r\n", "slow down"),
        1 => error(503, "", "starting"),
        _ => reading(body),
    });
    let (model, _folder) = endpoint(&url, |_| {});
    let began = std::time::Instant::now();
    assert_eq!(extraction(&model.answer(&said(&["Oslo"]))[0]).statements.len(), 1);
    assert!(began.elapsed() >= Duration::from_millis(200));
    assert_eq!(seen.lock().unwrap().len(), 3);
}

#[test]
fn what_does_not_get_better_is_for_later() {
    let failing: [(u16, &'static str, &str, &str, usize); 5] = [
        (500, "", "no", "500", 4),
        (429, "Retry-After: 86400\r\n", "no", "429", 1),
        (401, "", "Incorrect key sk-secret", "wants a key", 1),
        (404, "", "no such model", "has no model `tiny`", 1),
        (302, "Location: http://127.0.0.1:1/v1\r\n", "", "redirects are not followed", 1),
    ];
    for (status, headers, message, reason, times) in failing {
        let (url, seen) = server(move |_, _| error(status, headers, message));
        let (model, _folder) = endpoint(&url, |_| {});
        let why = later(&model.answer(&said(&["Oslo", "Lima"])));
        assert!(why.contains(reason) && !why.contains("secret"), "{status}: {why}");
        assert_eq!(seen.lock().unwrap().len(), times, "{status}");
    }
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (model, _folder) = endpoint(&format!("http://{closed}/v1"), |_| {});
    assert!(later(&model.answer(&said(&["Oslo"]))).contains("cannot be reached"));
    let (url, _) = server(|_, _| (200, "", "<html>Welcome</html>".into()));
    let (model, _folder) = endpoint(&url, |_| {});
    assert!(later(&model.answer(&said(&["Oslo"]))).contains("no chat completion"));
}

#[test]
fn a_server_is_left_alone_for_a_while_after_it_failed() {
    let (url, seen) = server(|_, _| error(401, "", "no"));
    let folder = tempfile::tempdir().unwrap();
    let model = Endpoint::open("llm", &Config::new(url, "tiny"), folder.path()).unwrap();
    let first = later(&model.answer(&said(&["Oslo"])));
    assert_eq!(later(&model.answer(&said(&["Oslo", "Lima"]))), first);
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[test]
fn a_final_reply_that_cannot_be_read_refuses_its_text_alone() {
    let (url, seen) = server(|_, body| match &texts(body)[..] {
        [_, _, ..] => completion("{\"texts\": [{\"id\": 1, \"statem"),
        [(_, text)] if text.ends_with("Lima") => completion("I cannot help with that."),
        [(_, text)] if text.ends_with("Pune") => error(400, "", "content filtered"),
        _ => reading(body),
    });
    let (model, _folder) = endpoint(&url, |_| {});
    let replies = model.answer(&said(&["Oslo", "Lima", "Pune", "Rome"]));
    assert!(extraction(&replies[0]).statements.len() == 1 && extraction(&replies[3]).statements.len() == 1);
    assert!(refused(&replies[1]).contains("no JSON") && refused(&replies[2]).contains("content filtered"));
    // All four, two pairs, four alone; one of these in each of four forms.
    assert_eq!(seen.lock().unwrap().len(), 1 + 2 + 4 + 3);
}

#[test]
fn a_text_that_a_reply_leaves_out_is_asked_about_alone() {
    let (url, _) = server(|_, body| match texts(body).len() {
        1 => reading(body),
        _ => completion(r#"{"texts":[]}"#),
    });
    let (model, _folder) = endpoint(&url, |_| {});
    assert!(model.answer(&said(&["Oslo", "Lima"])).iter().all(|reply| extraction(reply).statements.len() == 1));
}

#[test]
fn a_server_that_takes_nothing_refuses_no_text() {
    let (url, seen) = server(|_, _| error(400, "", "max_tokens is missing"));
    let (model, _folder) = endpoint(&url, |_| {});
    assert!(later(&model.answer(&said(&["Oslo"; 32]))).contains("max_tokens is missing"));
    assert!(seen.lock().unwrap().len() <= 4 * 12, "and is not asked about each");
}

#[test]
fn the_days_budget_outlives_the_process() {
    let (url, seen) = server(|_, body| reading(body));
    let (model, folder) = endpoint(&url, |config| config.tokens_per_day = Some(5_000));
    assert_eq!(extraction(&model.answer(&said(&["Oslo"]))[0]).statements.len(), 1);
    let spent = std::fs::read_to_string(folder.path().join("spent.json")).unwrap();
    assert!(spent.contains("\"tokens\":100"), "what the server says it took: {spent}");
    std::fs::write(folder.path().join("spent.json"), spent.replace("100", "4990")).unwrap();
    drop(model);
    let config = Config { tokens_per_day: Some(5_000), ..Config::new(url, "tiny") };
    let model = Endpoint::open("llm", &config, folder.path()).unwrap();
    assert!(later(&model.answer(&said(&["Lima", "Pune"]))).contains("4990 of 5000 tokens"));
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[test]
fn the_key_comes_from_its_variable_and_goes_nowhere_else() {
    let (url, seen) = server(|_, body| reading(body));
    // A variable that every machine has: the test sets none.
    let (model, _folder) = endpoint(&url, |config| config.key_env = "PATH".into());
    assert_eq!(extraction(&model.answer(&said(&["Oslo"]))[0]).statements.len(), 1);
    assert_eq!(seen.lock().unwrap()[0].key, format!("Bearer {}", std::env::var("PATH").unwrap()));
    let (model, _folder) = endpoint(&url, |config| config.key_env = "NEXUS_TEST_NO_SUCH_KEY".into());
    assert!(later(&model.answer(&said(&["Oslo"]))).contains("set NEXUS_TEST_NO_SUCH_KEY"));
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[test]
fn an_endpoint_is_added_by_name_and_its_card_tells_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::at(folder.path());
    let config = Config { key_env: "MY_KEY".into(), price_in: Some(0.5), ..Config::new("http://127.0.0.1:1/v1/", "m") };
    let known = cache.add_endpoint("llm", &config).unwrap();
    assert!(known.is_extractor() && !known.is_embedder());
    assert_eq!(cache.added(), std::slice::from_ref(&known));
    assert_eq!(known.id(), Endpoint::open("llm", &config, folder.path()).unwrap().id());
    for (name, url) in
        [("llm", "http://a/v1"), ("minilm", "http://a/v1"), ("other", "nowhere"), ("../x", "http://a/v1")]
    {
        assert!(cache.add_endpoint(name, &Config::new(url, "m")).is_err(), "{name} {url}");
    }
    assert_eq!(cache.added().len(), 1);
}
