//! No secret shows: feeds and sinks of every kind, whose servers refuse, say no or make no sense, and all that is printed,
//! logged and stored while they fail.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::harness::Place;
use crate::running::{free_port, until};

/// Every secret ends in this.
const MARK: &str = "zQ9vK4mT7wB2";

/// How feeds are configured, by kind. `SECRET` is where one is, `HOST` the server, `FREE` a port of our own.
const FEEDS: &[(&str, &str)] = &[
    ("bluesky", "server = \"ws://HOST\""),
    ("caldav", "url = \"http://HOST/dav/\"\nuser = \"sam\"\npassword = SECRET"),
    ("directory", "path = \"/var/empty\""),
    ("discord", "token = SECRET\ngateway = \"ws://HOST\"\napi = \"http://HOST\""),
    ("ics", "url = SECRET"),
    ("imap", "server = \"HOST\"\ntls = false\nuser = \"sam\"\npassword = SECRET\nsource = \"NAME\""),
    ("irc", "server = \"HOST\"\nnick = \"sam\"\nchannels = [\"#a\"]\npassword = SECRET"),
    #[cfg(feature = "kafka")]
    ("kafka", "servers = [\"HOST\"]\ntopic = \"t\"\nuser = \"sam\"\npassword = SECRET"),
    ("mastodon", "server = \"http://HOST\"\ntoken = SECRET"),
    ("matrix", "server = \"http://HOST\"\ntoken = SECRET"),
    ("nats", "server = \"HOST\"\nstream = \"s\"\ntoken = SECRET"),
    ("rabbitmq", "server = \"HOST\"\nqueue = \"q\"\npassword = SECRET"),
    ("rss", "url = \"http://HOST/feed.xml\""),
    ("slack", "listen = \"127.0.0.1:FREE\"\nsecret = SECRET\ntoken = SECRET\nserver = \"http://HOST\""),
    ("telegram", "token = SECRET\napi = \"http://HOST\""),
    ("webhook", "listen = \"127.0.0.1:FREE\"\nsignature = \"github\"\nsecret = SECRET"),
    ("x", "token = SECRET\napi = \"http://HOST\""),
];
/// The same for sinks.
const SINKS: &[(&str, &str)] = &[
    ("nats", "server = \"HOST\"\nsubject = \"s\"\npassword = SECRET"),
    ("rabbitmq", "server = \"HOST\"\nexchange = \"\"\nrouting_key = \"q\"\nuser = \"sam\"\npassword = SECRET"),
    ("webhook", "url = \"http://HOST/hook\"\nsecret = SECRET"),
];

/// A server that answers so, whatever it is asked.
fn stranger(answer: fn(&mut TcpStream, &[u8]) -> std::io::Result<()>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut socket in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                // Who speaks first is the client, or waits for a greeting.
                let _ = socket.set_read_timeout(Some(Duration::from_millis(300)));
                let mut heard = [0; 4096];
                let read = socket.read(&mut heard).unwrap_or(0);
                // A client that goes away is no failure of the test.
                let _ = answer(&mut socket, &heard[..read]);
            });
        }
    });
    port
}

/// Says no as the protocol has it, after it was told the secret.
fn refuses(socket: &mut TcpStream, heard: &[u8]) -> std::io::Result<()> {
    let is_http = [&b"GET "[..], b"POST ", b"PUT "].iter().any(|method| heard.starts_with(method));
    if is_http {
        let body = "{\"error\": \"no\", \"ok\": false, \"error_code\": 401, \"description\": \"no\"}";
        let head = "HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\nconnection: close\r\n";
        return write!(socket, "{head}content-length: {}\r\n\r\n{body}", body.len());
    }
    if !heard.is_empty() {
        // Over IRC it was told already, over AMQP it comes later.
        return socket.write_all(b":server 464 sam :no\r\nERROR :no\r\n");
    }
    socket.write_all(b"* OK ready\r\n")?;
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut tag = String::new();
    for line in BufReader::new(socket.try_clone()?).lines() {
        let line = line?;
        if line.contains("AUTHENTICATE") {
            tag = line.split(' ').next().unwrap_or_default().to_string();
            socket.write_all(b"+ \r\n")?;
        } else {
            socket.write_all(format!("{tag} NO [AUTHENTICATIONFAILED] no\r\n").as_bytes())?;
        }
    }
    Ok(())
}

fn rambles(socket: &mut TcpStream, _: &[u8]) -> std::io::Result<()> {
    socket.write_all(b"\x00\xffHTTP/9 no idea\r\n* {99999999999}\r\n\r\n")
}

/// What is tried: a configuration, variables, and the names of all that is in it.
struct Trial {
    config: String,
    variables: Vec<(String, String)>,
    names: Vec<String>,
}

fn trial(place: &Place) -> Trial {
    let key = place.path("key").display().to_string();
    place.ok(&["vault", "--key-file", &key, "init"]);
    let servers = [("closed", free_port()), ("no", stranger(refuses)), ("garbage", stranger(rambles))];
    let mut text = format!("[vault]\nkey_file = {key:?}\n");
    let (mut variables, mut names) = (Vec::new(), Vec::new());
    let all = FEEDS.iter().map(|(kind, parts)| ("feed", "", kind, parts));
    let all = all.chain(SINKS.iter().map(|(kind, parts)| ("sink", "of = [\"facts\"]\n", kind, parts)));
    for (table, more, kind, parts) in all {
        for (server, port) in servers {
            let (name, secret) = (format!("{kind}-{server}"), format!("{}{MARK}", names.len()));
            // Every server meets secrets from everywhere.
            let reference = match (names.len() + names.len() / servers.len()) % 3 {
                0 => {
                    variables.push((format!("SECRET_{}", names.len()), secret));
                    format!("{{ env = \"SECRET_{}\" }}", names.len())
                }
                1 => format!("{{ file = {:?} }}", place.file(&format!("secret-{}", names.len()), &secret)),
                _ => {
                    let entry = format!("{table}-{name}");
                    let run = place.nexus_reading(&["vault", "--key-file", &key, "set", &entry], &secret);
                    assert_eq!(run.code, 0, "{run:?}");
                    format!("{{ vault = {entry:?} }}")
                }
            };
            let parts = parts.replace("SECRET", &reference).replace("NAME", &name);
            let parts = parts.replace("HOST", &format!("127.0.0.1:{port}")).replace("FREE", &free_port().to_string());
            text += &format!("[{table}.{name}]\nkind = \"{kind}\"\n{more}{parts}\n");
            names.push(if table == "sink" { format!("sink.{name}") } else { name });
        }
    }
    Trial { config: place.file("feeds.toml", &text), variables, names }
}

/// Runs it until every feed has said how it is, then ends it; gives all that it printed.
fn printed(place: &Place, trial: &Trial, arguments: &[&str], settings: &[(&str, &str)], ends: bool) -> Vec<u8> {
    let path = place.path("printed");
    let file = File::create(&path).unwrap();
    let mut command = place.command(&[arguments, &[trial.config.as_str()]].concat());
    command.envs(trial.variables.iter().cloned()).envs(settings.iter().copied());
    command.stdout(Stdio::from(file.try_clone().unwrap())).stderr(Stdio::from(file));
    let mut child = command.spawn().unwrap();
    if !ends {
        let feeds: Vec<&String> = trial.names.iter().filter(|name| !name.starts_with("sink.")).collect();
        until("every feed says how it is", || {
            assert_eq!(child.try_wait().unwrap(), None, "{}", String::from_utf8_lossy(&std::fs::read(&path).unwrap()));
            let printed = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            let says = |name: &String| {
                printed.contains(&format!("\n{name} ")) || printed.contains(&format!("\"feed\":\"{name}\""))
            };
            feeds.iter().all(|name| says(name))
        });
        assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    }
    child.wait().unwrap();
    std::fs::read(&path).unwrap()
}

/// The mark as it stands in base64, wherever in a text it is: without the letters that its neighbours change.
fn marks() -> Vec<Vec<u8>> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let within = |before: usize| -> Vec<u8> {
        let bits: Vec<u8> = MARK.bytes().flat_map(|byte| (0..8).rev().map(move |bit| (byte >> bit) & 1)).collect();
        // As many bits of the first letter are the neighbour's.
        let skipped = (6 - before * 8 % 6) % 6;
        let letters = bits[skipped..].chunks_exact(6);
        letters.map(|six| LETTERS[six.iter().fold(0, |number, bit| (number << 1) | usize::from(*bit))]).collect()
    };
    let hex: String = MARK.bytes().map(|byte| format!("{byte:02x}")).collect();
    [MARK.as_bytes().to_vec(), hex.into_bytes()].into_iter().chain((0..3).map(within)).collect()
}

fn is_clean(bytes: &[u8], what: &str) {
    for mark in marks() {
        if let Some(at) = bytes.windows(mark.len()).position(|part| part == mark) {
            let near = String::from_utf8_lossy(&bytes[at.saturating_sub(200)..(at + 80).min(bytes.len())]).into_owned();
            panic!("a secret shows in {what}: …{near}…");
        }
    }
}

fn files_are_clean(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files_are_clean(&path),
            false => is_clean(&std::fs::read(&path).unwrap_or_default(), &path.display().to_string()),
        }
    }
}

#[test]
fn marks_are_found_in_base64() {
    let encoded =
        ["cGFzczp6UTl2SzRtVDd3QjI=", "eHpROXZLNG1UN3dCMg==", "eHh6UTl2SzRtVDd3QjJ4", "AHNhbQB6UTl2SzRtVDd3QjI="];
    for text in encoded {
        let found = marks().iter().any(|mark| text.as_bytes().windows(mark.len()).any(|part| part == mark));
        assert!(found, "{text}");
    }
}

#[test]
fn no_secret_shows_however_feeds_fail() {
    let place = Place::new();
    let known = place.nexus(&["run", &place.file("empty.toml", "")]).err;
    let kinds = known.trim().rsplit_once("with a kind: ").unwrap().1.split(", ");
    let tried = FEEDS.iter().map(|(kind, _)| *kind);
    assert_eq!(kinds.collect::<BTreeSet<_>>(), tried.collect::<BTreeSet<_>>(), "give each kind its line in FEEDS");
    let trial = trial(&place);
    for (arguments, settings, ends) in [
        (&["run"][..], &[("RUST_LOG", "trace")][..], false),
        (&["--json", "run"], &[("RUST_LOG", "debug"), ("NEXUS_LOG_FORMAT", "json")], false),
        (&["run", "--check"], &[("RUST_LOG", "trace")], true),
        (&["--json", "run", "--check"], &[], true),
    ] {
        let printed = printed(&place, &trial, arguments, settings, ends);
        assert!(printed.len() > 1_000, "{}", String::from_utf8_lossy(&printed));
        is_clean(&printed, &format!("nexus {arguments:?}"));
    }
    files_are_clean(&place.path("memory"));
    // Written where its name belongs, it is refused and not repeated.
    for (kind, parts) in FEEDS.iter().filter(|(_, parts)| parts.contains("SECRET")) {
        let parts = parts.replace("SECRET", &format!("{MARK:?}")).replace("HOST", "127.0.0.1:1").replace("FREE", "1");
        let wrong = place.file("wrong.toml", &format!("[feed.a]\nkind = \"{kind}\"\n{parts}\n"));
        let run = place.nexus(&["run", "--check", &wrong]);
        assert_eq!(run.code, 2, "{kind}: {run:?}");
        is_clean(format!("{run:?}").as_bytes(), kind);
    }
    assert!(place.ok(&["vault", "--key-file", &place.path("key").display().to_string(), "list"]).contains("imap"));
}
