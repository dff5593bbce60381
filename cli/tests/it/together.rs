//! Eight platforms at once, six of them real servers: what is said anywhere is in recall within a moment, once.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nexus::{At, Memory};
use serde_json::json;

use crate::harness::Place;
use crate::imap::Mailer;
use crate::matrix;
use crate::queues::{Broker, Nats, Rabbit};
use crate::reading::{Blog, Fedi, Shared, TOKEN};
use crate::replay::Replay;
use crate::run::User;
use crate::running::{Running, Server, free_port, texts, until};
use crate::webhook::{SECRET, now, post, signed};

/// For so long they speak, together fifty messages a second; `NEXUS_SOAK` says another number of seconds.
fn long() -> u64 {
    std::env::var("NEXUS_SOAK").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(30)
}

/// What half of the messages may take, and what one in a hundred may exceed.
const USUAL: Duration = Duration::from_secs(1);
const SELDOM: Duration = Duration::from_secs(3);
/// What has not come by then never does.
const NEVER: Duration = Duration::from_secs(30);

/// Something said: where, the word that nothing else has, and when.
type Word = (&'static str, String, Instant);

/// Says a word so often a second, in a thread of its own. Whoever says it is kept: what it said last may still be on its way.
fn speak(
    name: &'static str,
    often: u32,
    said: &Sender<Word>,
    mut say: impl FnMut(&str) + Send + 'static,
) -> JoinHandle<Box<dyn Send>> {
    let said = said.clone();
    std::thread::spawn(move || {
        let began = Instant::now();
        for at in 0..often * long() as u32 {
            std::thread::sleep((Duration::from_secs(1) / often * at).saturating_sub(began.elapsed()));
            let word = format!("{name}{at}");
            say(&word);
            // What a server took until it had it is not ours.
            said.send((name, word, Instant::now())).unwrap();
        }
        Box::new(say) as Box<dyn Send>
    })
}

/// Asks recall for every word until it has it; gives how long each took, by platform.
fn heard(place: &Place, said: &Receiver<Word>) -> BTreeMap<&'static str, Vec<Duration>> {
    let mut took: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    let mut open: Vec<Word> = Vec::new();
    let mut over = false;
    while !over || !open.is_empty() {
        loop {
            match said.try_recv() {
                Ok(word) => open.push(word),
                Err(std::sync::mpsc::TryRecvError::Empty) => break,
                Err(_) => break over = true,
            }
        }
        std::thread::sleep(Duration::from_millis(10));
        let Ok(memory) = Memory::open(place.path("memory"), "default", At::Latest) else { continue };
        open.retain(|(name, word, sent)| {
            let hits = memory.recall(word, 1).unwrap().hits;
            let found = hits.first().is_some_and(|hit| hit.text.split(' ').any(|part| part == word));
            if found {
                took.entry(name).or_default().push(sent.elapsed());
            }
            assert!(found || sent.elapsed() < NEVER, "{word} never came");
            !found
        });
    }
    took
}

fn quantile(of: &mut [Duration], share: f64) -> Duration {
    of.sort();
    of[((of.len() - 1) as f64 * share) as usize]
}

/// A configuration that follows all of them on these ports.
fn config(place: &Place, dovecot: &Server, ports: [u16; 8], token: &str) -> String {
    let [mail, matrix, irc, rabbitmq, nats, rss, mastodon, hook] = ports;
    let secret = |name: &str, text: &str| format!("{{ file = {:?} }}", place.file(name, text));
    let text = format!(
        "[feed.mail]\nkind = \"imap\"\nserver = \"localhost:{}\"\ntls = true\nauthority = {:?}\nuser = \"test\"\npassword = {}\n\
         [feed.home]\nkind = \"matrix\"\nserver = \"http://127.0.0.1:{}\"\ntoken = {}\n\
         [feed.chat]\nkind = \"irc\"\nserver = \"127.0.0.1:{}\"\nnick = \"nexus\"\nchannels = [\"#nexus\"]\n\
         [feed.orders]\nkind = \"rabbitmq\"\nserver = \"127.0.0.1:{}\"\npassword = {}\nqueue = \"orders\"\n\
         [feed.stream]\nkind = \"nats\"\nserver = \"127.0.0.1:{}\"\nuser = \"test\"\npassword = {}\nstream = \"ORDERS\"\n\
         [feed.blog]\nkind = \"rss\"\nurl = \"http://127.0.0.1:{}/feed.xml\"\nevery = 1\n\
         [feed.fedi]\nkind = \"mastodon\"\nserver = \"http://127.0.0.1:{}\"\ntoken = {}\nstreams = [\"user\"]\n\
         [feed.hook]\nkind = \"webhook\"\nlisten = \"127.0.0.1:{hook}\"\npath = \"/in\"\nsignature = \"standard\"\nsecret = {}\n",
        mail,
        dovecot.authority(),
        secret("mail", "secret"),
        matrix,
        secret("matrix", token),
        irc,
        rabbitmq,
        secret("rabbit", "guest"),
        nats,
        secret("nats", "secret"),
        rss,
        mastodon,
        secret("fedi", TOKEN),
        secret("hook", SECRET),
    );
    place.file("feeds.toml", &text)
}

#[test]
fn eight_platforms_at_once_are_in_recall_within_a_moment() {
    let place = Place::alone();
    let servers = ["dovecot", "synapse", "ngircd", "rabbitmq", "nats"].map(Server::start);
    let [Some(dovecot), Some(synapse), Some(ngircd), Some(rabbitmq), Some(nats)] = servers else { return };
    let mut mailer = Mailer::new(dovecot.port);
    let (mut anna, nexus) = (matrix::User::new(&synapse, "anna"), matrix::User::new(&synapse, "nexus"));
    let room = anna.post("createRoom", json!({"preset": "public_chat", "name": "Harbour"}));
    let room = room["room_id"].as_str().unwrap().replace('!', "%21");
    nexus.post(&format!("join/{room}"), json!({}));
    let (rabbit, stream, hook) = (Rabbit::new(&rabbitmq), Nats::new(&nats), free_port());
    let (blog, fedi) = (Shared::new(Blog::new()), Shared::new(Fedi::new()));
    let (asked, told) = (blog.clone(), fedi.clone());
    let site = Replay::start(move |request| asked.lock().answer(request));
    let instance = Replay::start(move |request| told.lock().answer(request));
    let ports = [dovecot.tls_port, synapse.port, ngircd.port, rabbitmq.port, nats.port, site.port, instance.port, hook];
    let config = config(&place, &dovecot, ports, &nexus.token);
    let running = Running::start(&place, &config);
    let mut works = Vec::new();
    until("all feeds work", || {
        works.extend(running.heard().into_iter().filter(|line| line.ends_with(" works")));
        works.len() >= 8
    });
    until("the stream is listened to", || fedi.lock().listeners() > 0);
    let mut user = User::join(ngircd.port, "anna");
    let (sender, said) = channel();
    let row = |word: &str| json!({"id": word, "said_at": now() * 1_000, "author": "anna", "text": format!("the word {word} is said")});
    let speakers = [
        speak("mail", 3, &sender, move |word| mailer.append(word, &format!("the word {word} is said"))),
        speak("matrix", 3, &sender, move |word| drop(anna.say(&room, &format!("the word {word} is said")))),
        speak("irc", 12, &sender, move |word| user.say(&format!("the word {word} is said"))),
        speak("rabbit", 12, &sender, move |word| rabbit.publish(&row(word).to_string())),
        speak("nats", 12, &sender, move |word| stream.publish(&row(word).to_string())),
        speak("rss", 1, &sender, move |word| blog.lock().add(word, &format!("the word {word} is said"))),
        speak("fedi", 2, &sender, move |word| {
            fedi.lock().post(format!("the word {word} is said"), false, None);
        }),
        speak("hook", 5, &sender, move |word| {
            let body = row(word).to_string();
            let answer = post(hook, "/in", &signed(SECRET, word, now(), &body), &body);
            assert!(matches!(answer, Some((200, _))), "{answer:?}");
        }),
    ];
    drop(sender);
    let took = heard(&place, &said);
    drop(speakers);
    let counts: Vec<usize> = took.values().map(Vec::len).collect();
    let mut all: Vec<Duration> = took.values().flatten().copied().collect();
    for (name, mut took) in took {
        eprintln!("{name}: p50 {:?}, p99 {:?}", quantile(&mut took, 0.5), quantile(&mut took, 0.99));
    }
    let (usual, seldom) = (quantile(&mut all, 0.5), quantile(&mut all, 0.99));
    eprintln!("{} messages: p50 {usual:?}, p99 {seldom:?}", all.len());
    assert!(usual <= USUAL && seldom <= SELDOM, "from said to recall: p50 {usual:?}, p99 {seldom:?}");
    eprintln!("memory: {}", running.resident());
    running.end();
    // Each is there once.
    let held = texts(&place, "select count(*) from events where text like '%the word % is said%' group by source");
    let mut held: Vec<usize> = held.iter().map(|count| count.parse().unwrap()).collect();
    let mut counts = counts;
    held.sort();
    counts.sort();
    assert_eq!(held, counts);
    assert!(place.json(&["verify"])["equal"].as_bool().unwrap());
}
