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

/// For so many seconds they speak, together fifty messages a second.
const SPEAK: u64 = 30;
/// What half of the messages may take, and what one in a hundred may exceed.
const USUAL: Duration = Duration::from_secs(1);
const SELDOM: Duration = Duration::from_secs(3);
/// So often a long run tells how it goes.
const TELL: Duration = Duration::from_secs(60);
/// What has not come by then never does.
const NEVER: Duration = Duration::from_secs(30);

/// Something said: where, the word that nothing else has, and when.
type Word = (&'static str, String, Instant);

/// For how many seconds; `NEXUS_SOAK` says another number.
pub(crate) fn soak(usual: u64) -> u64 {
    std::env::var("NEXUS_SOAK").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(usual)
}

/// Does something so often a second, for so many seconds.
pub(crate) fn paced(often: u32, seconds: u64, mut act: impl FnMut(u32)) {
    let (began, long) = (Instant::now(), Duration::from_secs(seconds));
    for at in 0.. {
        std::thread::sleep((Duration::from_secs(1) / often * at).saturating_sub(began.elapsed()));
        if began.elapsed() >= long {
            return;
        }
        act(at);
    }
}

/// Says a word so often a second, in a thread of its own. Whoever says it is kept: what it said last may still be on its way.
fn speak(
    name: &'static str,
    often: u32,
    said: &Sender<Word>,
    mut say: impl FnMut(&str) + Send + 'static,
) -> JoinHandle<Box<dyn Send>> {
    let said = said.clone();
    std::thread::spawn(move || {
        paced(often, soak(SPEAK), |at| {
            let word = format!("{name}{at}");
            say(&word);
            // What a server took until it had it is not ours.
            said.send((name, word, Instant::now())).unwrap();
        });
        Box::new(say) as Box<dyn Send>
    })
}

/// Asks recall for every word until it has it; gives how long each took, by platform.
fn heard(place: &Place, running: &Running, said: &Receiver<Word>) -> BTreeMap<&'static str, Vec<Duration>> {
    let mut took: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    let mut told = Instant::now();
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
        if told.elapsed() >= TELL {
            told = Instant::now();
            eprintln!("{} heard, memory: {}", took.values().map(Vec::len).sum::<usize>(), running.resident());
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

/// Eight platforms: five real servers, two that are replayed, and a port where deliveries are taken in.
pub(crate) struct Platforms {
    /// Dovecot, Synapse, ngircd, RabbitMQ, NATS.
    servers: [Server; 5],
    /// A blog, Mastodon.
    replays: [Replay; 2],
    /// With which Matrix lets us in.
    token: String,
    pub(crate) hook: u16,
}

/// Who speaks on them.
pub(crate) struct People {
    pub(crate) mailer: Mailer,
    pub(crate) anna: matrix::User,
    /// Where she speaks, as an address has it.
    pub(crate) room: String,
    pub(crate) user: User,
    pub(crate) rabbit: Rabbit,
    pub(crate) stream: Nats,
    pub(crate) blog: Shared<Blog>,
    pub(crate) fedi: Shared<Fedi>,
}

impl Platforms {
    /// Starts them; `None` where one cannot run.
    pub(crate) fn start() -> Option<(Platforms, People)> {
        let servers = ["dovecot", "synapse", "ngircd", "rabbitmq", "nats"].map(Server::start);
        let [Some(dovecot), Some(synapse), Some(ngircd), Some(rabbitmq), Some(nats)] = servers else { return None };
        let (anna, nexus) = (matrix::User::new(&synapse, "anna"), matrix::User::new(&synapse, "nexus"));
        let room = anna.post("createRoom", json!({"preset": "public_chat", "name": "Harbour"}));
        let room = room["room_id"].as_str().unwrap().replace('!', "%21");
        nexus.post(&format!("join/{room}"), json!({}));
        let (blog, fedi) = (Shared::new(Blog::new()), Shared::new(Fedi::new()));
        let (asked, told) = (blog.clone(), fedi.clone());
        let site = Replay::start(move |request| asked.lock().answer(request));
        let instance = Replay::start(move |request| told.lock().answer(request));
        let (mailer, user) = (Mailer::new(dovecot.port), User::join(ngircd.port, "anna"));
        let (rabbit, stream) = (Rabbit::new(&rabbitmq), Nats::new(&nats));
        let people = People { mailer, anna, room, user, rabbit, stream, blog, fedi };
        let (servers, replays) = ([dovecot, synapse, ngircd, rabbitmq, nats], [site, instance]);
        Some((Platforms { servers, replays, token: nexus.token, hook: free_port() }, people))
    }

    /// Where those are that we ask: mail, Matrix, IRC, RabbitMQ, NATS, the blog, Mastodon.
    pub(crate) fn ports(&self) -> [u16; 7] {
        let ([dovecot, synapse, ngircd, rabbitmq, nats], [site, instance]) = (&self.servers, &self.replays);
        [dovecot.tls_port, synapse.port, ngircd.port, rabbitmq.port, nats.port, site.port, instance.port]
    }

    /// A configuration that follows all of them, those that we ask at these ports.
    pub(crate) fn config(&self, place: &Place, ports: [u16; 7]) -> String {
        let [mail, matrix, irc, rabbitmq, nats, rss, mastodon] = ports;
        let (authority, hook) = (self.servers[0].authority(), self.hook);
        let secrets = [
            ("mail", "secret"),
            ("matrix", self.token.as_str()),
            ("rabbit", "guest"),
            ("nats", "secret"),
            ("fedi", TOKEN),
            ("hook", SECRET),
        ];
        let [password, token, guest, known, access, signing] =
            secrets.map(|(name, text)| format!("{{ file = {:?} }}", place.file(name, text)));
        let text = format!(
            "[feed.mail]\nkind = \"imap\"\nserver = \"localhost:{mail}\"\ntls = true\n\
             authority = {authority:?}\nuser = \"test\"\npassword = {password}\n\
             [feed.home]\nkind = \"matrix\"\nserver = \"http://127.0.0.1:{matrix}\"\ntoken = {token}\n\
             [feed.chat]\nkind = \"irc\"\nserver = \"127.0.0.1:{irc}\"\nnick = \"nexus\"\nchannels = [\"#nexus\"]\n\
             [feed.orders]\nkind = \"rabbitmq\"\nserver = \"127.0.0.1:{rabbitmq}\"\npassword = {guest}\n\
             queue = \"orders\"\n\
             [feed.stream]\nkind = \"nats\"\nserver = \"127.0.0.1:{nats}\"\nuser = \"test\"\npassword = {known}\n\
             stream = \"ORDERS\"\n\
             [feed.blog]\nkind = \"rss\"\nurl = \"http://127.0.0.1:{rss}/feed.xml\"\nevery = 1\n\
             [feed.fedi]\nkind = \"mastodon\"\nserver = \"http://127.0.0.1:{mastodon}\"\ntoken = {access}\n\
             streams = [\"user\"]\n\
             [feed.hook]\nkind = \"webhook\"\nlisten = \"127.0.0.1:{hook}\"\npath = \"/in\"\n\
             signature = \"standard\"\nsecret = {signing}\n"
        );
        place.file("feeds.toml", &text)
    }
}

#[test]
fn eight_platforms_at_once_are_in_recall_within_a_moment() {
    let place = Place::alone();
    let Some((platforms, people)) = Platforms::start() else { return };
    let (config, hook) = (platforms.config(&place, platforms.ports()), platforms.hook);
    let People { mut mailer, mut anna, room, mut user, rabbit, stream, blog, fedi } = people;
    let running = Running::start(&place, &config);
    let mut works = Vec::new();
    until("all feeds work", || {
        works.extend(running.heard().into_iter().filter(|line| line.ends_with(" works")));
        works.len() >= 8
    });
    until("the stream is listened to", || fedi.lock().listeners() > 0);
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
    let took = heard(&place, &running, &said);
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
