//! `nexus vault`: what is put in, signing in to a real OAuth server, and a real Dovecot that is followed with tokens which run
//! out, are renewed and are revoked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{Place, Run, finished};
use crate::replay::{Answer, Replay};
use crate::running::{Running, Server, until};

/// How long tokens live that are to run out, in seconds.
const LIFE: u64 = 5;

/// The arguments of a vault whose key is in a file.
fn arguments<'a>(key: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["vault", "--key-file", key], more].concat()
}

fn vault(place: &Place, more: &[&str]) -> Run {
    let key = place.path("key").display().to_string();
    place.nexus(&arguments(&key, more))
}

fn set(place: &Place, more: &[&str], secret: &str) -> Run {
    let key = place.path("key").display().to_string();
    place.nexus_reading(&arguments(&key, more), secret)
}

#[test]
fn secrets_go_in_and_do_not_show() {
    let place = Place::new();
    assert_eq!(vault(&place, &["list"]).code, 1, "there is none yet");
    let file = place.path(".config/nexus/vault");
    assert!(vault(&place, &["init"]).out.starts_with(&format!("Made {}.", file.display())));
    for path in [&file, &place.path("key")] {
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(vault(&place, &["init"]).code, 2, "it is not overwritten");
    assert_eq!(set(&place, &["set", "mail"], "hunter2\n").out, "mail is in the vault.\n");
    assert_eq!(set(&place, &["set", "mail"], "hunter3\n").out, "mail is replaced.\n");
    let secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    assert_eq!(set(&place, &["set", "door", "--kind", "totp"], secret).code, 0);
    let listed = vault(&place, &["list"]).out;
    assert_eq!(listed, "name  kind    runs out  renewed\ndoor  totp\nmail  secret\n");
    let code = vault(&place, &["code", "door"]);
    assert!(code.out.trim().len() == 6 && code.out.trim().chars().all(|c| c.is_ascii_digit()), "{code:?}");
    for (wrong, code) in [
        (&["code", "mail"][..], 2),
        (&["remove", "irc"], 1),
        (&["set", "mail", "hunter2"], 2),
        (&["set", "a b"], 2),
        (&["set", "empty"], 2),
        (&["login", "mail"], 2),
    ] {
        let run = vault(&place, wrong);
        assert_eq!(run.code, code, "{wrong:?}: {run:?}");
    }
    assert_eq!(vault(&place, &["remove", "door"]).out, "door is gone.\n");
    let bytes = std::fs::read(&file).unwrap();
    assert!(!bytes.windows(7).any(|part| part == b"hunter3"));
    std::fs::write(place.path("key"), [1; 32]).unwrap();
    let run = vault(&place, &["list"]);
    assert!(run.code == 4 && run.err.contains("the key is wrong, or the file was changed"), "{run:?}");
}

#[test]
fn a_passphrase_or_a_keyring_may_hold_the_key() {
    let place = Place::new();
    let with = |passphrase: &str, more: &[&str]| {
        let mut command = place.command(&[&["vault"], more].concat());
        finished(command.env("NEXUS_VAULT_PASSPHRASE", passphrase).spawn().unwrap())
    };
    assert_eq!(with("correct horse", &["init"]).code, 0);
    assert_eq!(with("correct horse", &["list"]).out, "the vault is empty\n");
    assert_eq!(with("battery staple", &["list"]).code, 4);
    if cfg!(target_os = "macos") {
        return;
    }
    // A keyring as its program shows it.
    let program = "#!/bin/sh\necho \"$*\" >>\"$HOME/asked\"\ncase \"$1\" in\nstore) cat >\"$HOME/ring.$7\" ;;\n\
                   lookup) cat \"$HOME/ring.$5\" ;;\nesac\n";
    let tool = place.file("secret-tool", program);
    std::fs::set_permissions(tool, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", place.path("").display());
    let other = place.path("other").display().to_string();
    let ring = |more: &[&str]| {
        let mut command = place.command(&[&["vault", "--vault", &other], more].concat());
        finished(command.env("PATH", &path).spawn().unwrap())
    };
    let made = ring(&["init", "--keyring"]);
    assert_eq!(made.code, 0, "{made:?}");
    assert_eq!(ring(&["list"]).out, "the vault is empty\n");
    let kept = std::fs::read_dir(place.path("")).unwrap().map(|entry| entry.unwrap().path());
    let kept = kept.filter(|path| path.to_string_lossy().contains("/ring.")).map(|path| std::fs::read(path).unwrap());
    let key = String::from_utf8(kept.last().unwrap()).unwrap();
    assert!(key.len() == 44 && !std::fs::read_to_string(place.path("asked")).unwrap().contains(&key));
    // Without the program it says so.
    let run = place.nexus(&["vault", "--vault", &other, "list"]);
    assert!(run.code == 5 && run.err.contains("the keyring: secret-tool: "), "{run:?}");
}

/// A request as a browser makes it: the status, where it leads to, and what it shows.
fn browse(address: &str) -> (u16, String, String) {
    let (host, path) = address.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    stream.write_all(format!("GET /{path} HTTP/1.0\r\nHost: {host}\r\n\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let location = head.lines().find_map(|line| line.split_once(": ").filter(|(name, _)| *name == "Location"));
    (status, location.map(|(_, value)| value.to_string()).unwrap_or_default(), body.to_string())
}

/// The address that somebody is to open.
fn to_open(child: &mut Child) -> String {
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    lines.find(|line| line.starts_with("http://")).unwrap()
}

/// Signs in, as `login` says it, by a browser that is no browser.
fn sign_in(place: &Place, login: &[&str]) {
    let key = place.path("key").display().to_string();
    let mut child = place.command(&arguments(&key, login)).stdin(Stdio::null()).spawn().unwrap();
    let address = to_open(&mut child);
    assert!(address.contains("code_challenge_method=S256") && address.contains("&scope=mail"), "{address}");
    let (status, back, _) = browse(&address);
    assert!(status == 302 && back.starts_with("http://127.0.0.1:"), "{status} {back}");
    // Another that knows the port, and what browsers ask for by themselves.
    let port = back.strip_prefix("http://127.0.0.1:").unwrap().split('/').next().unwrap().to_string();
    for other in ["?code=stolen&state=guessed", "favicon.ico"] {
        assert_eq!(browse(&format!("http://127.0.0.1:{port}/{other}")).0, 404);
    }
    let (status, _, shown) = browse(&back);
    assert_eq!((status, shown.as_str()), (200, "Signed in. You may close this window."));
    let mut told = String::new();
    child.stdout.take().unwrap().read_to_string(&mut told).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(told, "Signed in: mail is in the vault.\n");
}

/// Two feeds that use one token.
fn config(place: &Place, dovecot: &Server) -> String {
    let key = place.path("key").display().to_string();
    let feed = |name: &str| {
        format!(
            "[feed.{name}]\nkind = \"imap\"\nserver = \"127.0.0.1:{}\"\nuser = \"test\"\ntls = false\n\
             token = {{ vault = \"mail\" }}\nsource = \"{name}\"\n",
            dovecot.port
        )
    };
    place.file("feeds.toml", &format!("[vault]\nkey_file = {key:?}\n{}{}", feed("one"), feed("two")))
}

fn both_work(place: &Place, config: &str) {
    let running = Running::start(place, config);
    let (mut one, mut two) = (false, false);
    until("both feeds work", || {
        for line in running.heard() {
            assert!(!line.contains("refused"), "{line}");
            one |= line.starts_with("one works");
            two |= line.starts_with("two works");
        }
        one && two
    });
    running.end();
}

#[test]
fn tokens_are_renewed_and_rotated_until_they_are_revoked() {
    let Some(oauth) = Server::start("oauth") else { return };
    let url = |path: &str| format!("http://127.0.0.1:{}/{path}", oauth.port);
    let Some(dovecot) = Server::start_with("dovecot", vec![("DOVECOT_OAUTH", url("").trim_end_matches('/').into())])
    else {
        return;
    };
    let place = Place::new();
    assert_eq!(vault(&place, &["init"]).code, 0);
    let (authorize, token, client) = (url("authorize"), url("token"), format!("nexus{LIFE}"));
    let endpoints = ["--authorization-endpoint", &authorize, "--token-endpoint", &token];
    let who = ["--client-id", &client, "--token-scope", "mail"];
    sign_in(&place, &[&["login", "mail"], &endpoints[..], &who].concat());
    let signed_in = Instant::now();
    until("the token has run out", || signed_in.elapsed() > Duration::from_secs(LIFE));
    let config = config(&place, &dovecot);
    // The server takes a refresh token once: the second time only what the first time gave is worth anything.
    for _ in 0..2 {
        both_work(&place, &config);
    }
    let listed = vault(&place, &["--json", "list"]).out;
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!((&listed[0]["kind"], &listed[0]["renewable"]), (&json!("oauth2"), &json!(true)));
    // Revoked: it says what to do, and not with which token.
    let mut stream = TcpStream::connect(("127.0.0.1", oauth.port)).unwrap();
    stream.write_all(b"POST /revoke HTTP/1.0\r\nContent-Length: 0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let running = Running::start(&place, &config);
    let refused = running.says("one is refused");
    let expected = "token: 127.0.0.1: it renews the token no more: sign in again: nexus vault login mail";
    assert!(refused.contains(expected) && !refused.contains("unknown token"), "{refused}");
    running.end();
    // Where it was signed in is known.
    sign_in(&place, &["login", "mail"]);
    both_work(&place, &config);
}

#[test]
fn somebody_signs_in_on_another_device() {
    let asked = Mutex::new(Vec::new());
    let provider = Replay::start(move |request| {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let no = |code: &str| Answer::Whole {
            status: 400,
            headers: vec![("content-type", "application/json".into())],
            body: json!({"error": code, "error_description": body.clone()}).to_string().into_bytes(),
        };
        if request.path == "/device" {
            return Answer::json(&json!({
                "device_code": "hunter2", "user_code": "WDJB-MJHT", "verification_uri": "https://example.org/device",
                "expires_in": 60, "interval": 1,
            }));
        }
        let mut asked = asked.lock().unwrap();
        asked.push(Instant::now());
        let since = asked.iter().rev().nth(1).map(|before| before.elapsed().as_secs());
        match (asked.len(), since) {
            _ if !body.contains("device_code=hunter2") => no("invalid_request"),
            (1, _) => no("authorization_pending"),
            (2, _) => no("slow_down"),
            // A second and five.
            (3, Some(6..)) => Answer::json(&json!({"access_token": "hunter3", "token_type": "Bearer"})),
            (3, _) => no("invalid_request"),
            _ => no("access_denied"),
        }
    });
    let place = Place::new();
    assert_eq!(vault(&place, &["init"]).code, 0);
    let [token, device] = ["token", "device"].map(|path| format!("http://127.0.0.1:{}/{path}", provider.port));
    let login = ["login", "tv", "--token-endpoint", &token, "--device-endpoint", &device, "--client-id", "nexus"];
    let run = vault(&place, &login);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.err.starts_with("Open https://example.org/device on any device and enter the code WDJB-MJHT\n"));
    assert!(run.err.contains("gives no refresh token") && run.out == "Signed in: tv is in the vault.\n", "{run:?}");
    let again = vault(&place, &["login", "tv"]);
    assert!(again.code == 5 && again.err.contains("127.0.0.1: it answers access_denied"), "{again:?}");
    assert!(!format!("{run:?}{again:?}").contains("hunter"), "{run:?} {again:?}");
    assert!(vault(&place, &["list"]).out.contains("tv    oauth2"));
}
