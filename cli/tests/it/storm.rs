//! Eight platforms followed through a storm: each network is bad, the run is killed at any moment, and meanwhile things
//! are said, edited, deleted and doubled everywhere. When it is over, memory reads as each platform does. Cost: the
//! storm, and about a minute for servers to start and memory to come right; alone.

use std::collections::{BTreeMap, BTreeSet};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::harness::Place;
use crate::imap::Mailer;
use crate::matrix::Room;
use crate::proxy::Proxy;
use crate::queues::{Ledger, Nats, Rabbit};
use crate::reading::{Blog, Fedi, Shared};
use crate::run::User;
use crate::running::{Luck, Running, texts, until};
use crate::together::{People, Platforms, paced, soak};
use crate::webhook::Sender;

/// For so many seconds it storms.
const STORM: u64 = 60;
/// A run is killed before it is so old, in milliseconds.
const AGE_MAX: u64 = 5_000;
/// Between two kills one in so many networks is good.
const GOOD: u64 = 3;
/// What has not come right so long after the storm never does.
const SETTLED: Duration = Duration::from_secs(60);
/// So many statuses, messages and entries there are before.
const BEFORE: u32 = 20;
/// So many mails are too many: something goes.
const MAILS_MAX: usize = 50;
/// Of what differs so much is shown.
const SHOWN: usize = 5;

/// A source, and what memory has to read of it: ids with their texts.
type Reads = (&'static str, BTreeSet<String>);

/// A mailbox, and somebody else who uses it.
struct Mailbox {
    mailer: Mailer,
    luck: Luck,
}

impl Mailbox {
    /// A mail comes, comes once more, or goes.
    fn happen(&mut self, at: u32) {
        let mails = self.mailer.mails("INBOX");
        let uid = (!mails.is_empty()).then(|| mails[self.luck.below(mails.len() as u64) as usize].0.clone());
        let kind = if mails.len() < MAILS_MAX { self.luck.below(5) } else { 0 };
        match (kind, uid) {
            (0, Some(uid)) => self.mailer.expunge(&uid),
            (1, Some(uid)) => self.mailer.copy(&uid, "INBOX"),
            _ => self.mailer.append(&format!("{at}@example.org"), &Mailbox::text(&at.to_string())),
        }
    }

    fn text(number: &str) -> String {
        format!("I bought {number} figs.")
    }

    fn reads(&mut self) -> Vec<String> {
        let mails = self.mailer.mails("INBOX").into_iter();
        mails.map(|(_, id)| format!("{id} {}", Mailbox::text(id.trim_end_matches("@example.org")))).collect()
    }
}

/// A channel, which keeps nothing, and somebody in it.
struct Chat {
    user: User,
    said: u64,
}

impl Chat {
    fn say(&mut self) {
        self.said += 1;
        self.user.say(&format!("line {}", self.said));
    }

    /// The lines in memory by session, and by their place in it.
    fn heard(place: &Place) -> BTreeMap<u64, BTreeMap<u64, u64>> {
        let mut sessions: BTreeMap<u64, BTreeMap<u64, u64>> = BTreeMap::new();
        // Such as `chat/1700000000000/7 line 12`.
        for row in texts(place, "select external_id, text from events where source = 'chat' and kind = 'message'") {
            let numbers: Vec<u64> = row.split(['/', ' ']).filter_map(|part| part.parse().ok()).collect();
            let [session, at, line] = numbers[..] else { panic!("chat: nobody said this: {row}") };
            assert!(row.ends_with(&format!(" line {line}")), "chat: nobody said this: {row}");
            sessions.entry(session).or_default().insert(at, line);
        }
        sessions
    }

    /// Speaks until that is heard.
    fn is_heard_again(&mut self, place: &Place) {
        let before = self.said;
        until("what is said in the channel is in memory", || {
            self.say();
            Chat::heard(place).values().any(|lines| lines.values().any(|line| *line > before))
        });
    }

    /// What was said while nobody listened is lost. Between the first and the last line of a session somebody did: none
    /// may be missing there, and none may be anywhere twice. Gives how many were heard.
    fn was_heard_whole(&self, place: &Place) -> u64 {
        let mut heard = BTreeSet::new();
        for (session, lines) in Chat::heard(place) {
            let lines: Vec<u64> = lines.into_values().collect();
            let whole = lines.windows(2).all(|two| two[1] == two[0] + 1);
            assert!(whole, "chat: session {session} lacks lines, or has them in another order: {lines:?}");
            for line in lines {
                assert!(line <= self.said, "chat: line {line} was never said");
                assert!(heard.insert(line), "chat: line {line} is there twice");
            }
        }
        heard.len() as u64
    }
}

/// Lets somebody act so often a second as long as the storm lasts, in a thread of their own; gives them back.
fn busy<T: Send + 'static>(often: u32, mut who: T, act: impl Fn(&mut T, u32) + Send + 'static) -> JoinHandle<T> {
    std::thread::spawn(move || {
        paced(often, soak(STORM), |at| act(&mut who, at));
        who
    })
}

/// Those who act.
struct Crowd {
    mail: JoinHandle<Mailbox>,
    home: JoinHandle<Room>,
    chat: JoinHandle<Chat>,
    orders: JoinHandle<Ledger<Rabbit>>,
    stream: JoinHandle<Ledger<Nats>>,
    blog: JoinHandle<Shared<Blog>>,
    fedi: JoinHandle<Shared<Fedi>>,
    hook: JoinHandle<Sender>,
}

impl Crowd {
    /// Everybody begins. Deliveries are pushed to this port.
    fn start(people: People, hook: u16) -> Crowd {
        let People { mailer, anna, room, user, rabbit, stream, blog, fedi } = people;
        let mut home = Room::new(room, anna);
        for at in 0..BEFORE {
            home.say(format!("before {at}"));
            blog.lock().add(&format!("e{at:03}"), &format!("Before {at}"));
            fedi.lock().post(format!("before {at}"), false, None);
        }
        fedi.lock().rage();
        Crowd {
            mail: busy(2, Mailbox { mailer, luck: Luck(3) }, Mailbox::happen),
            home: busy(3, home, |home, at| home.happen(format!("during {at}"))),
            chat: busy(8, Chat { user, said: 0 }, |chat, _| chat.say()),
            orders: busy(8, Ledger::new(rabbit), |orders, at| orders.happen(format!("order {at}"))),
            stream: busy(8, Ledger::new(stream), |stream, at| stream.happen(format!("message {at}"))),
            blog: busy(1, blog, |blog, at| blog.lock().happen(&format!("News {at}"))),
            fedi: busy(2, fedi, |fedi, at| fedi.lock().happen(format!("during {at}"))),
            hook: busy(2, Sender::new(), move |sender, at| sender.push(hook, at as usize)),
        }
    }

    /// Waits until all is said. Gives what the platforms hold then, by their own account where they keep it; who is in
    /// the channel; and the queue, to which what was published last may still be on its way.
    fn stop(self) -> (Vec<Reads>, Chat, Ledger<Rabbit>) {
        let (mut mail, home, chat) = (self.mail.join().unwrap(), self.home.join().unwrap(), self.chat.join().unwrap());
        let (mut orders, mut stream) = (self.orders.join().unwrap(), self.stream.join().unwrap());
        let (blog, fedi, hook) = (self.blog.join().unwrap(), self.fedi.join().unwrap(), self.hook.join().unwrap());
        fedi.lock().calm();
        let (blog, fedi) = (blog.lock().reads(), fedi.lock().reads());
        let reads = [
            ("mail", mail.reads()),
            ("home", home.on_server()),
            ("orders", orders.settle()),
            ("stream", stream.settle()),
            ("blog", blog),
            ("fedi", fedi),
            ("hook", hook.reads()),
        ];
        (reads.map(|(source, reads)| (source, BTreeSet::from_iter(reads))).into(), chat, orders)
    }
}

/// Kills the run again and again, each time in other weather; gives the one that is left, and how often it was killed.
fn storm(place: &Place, config: &str, networks: &[Proxy]) -> (Running, u32) {
    let (began, long, mut luck, mut kills) = (Instant::now(), Duration::from_secs(soak(STORM)), Luck(17), 0);
    loop {
        for network in networks {
            if luck.one_in(GOOD) { network.calm() } else { network.rage() }
        }
        let running = Running::start(place, config);
        std::thread::sleep(Duration::from_millis(luck.below(AGE_MAX)));
        if began.elapsed() >= long {
            return (running, kills);
        }
        running.kill();
        kills += 1;
    }
}

/// Of which sources memory reads otherwise than it has to, and in what; nothing if it has everything right, and once.
fn differences(place: &Place, reads: &[Reads]) -> String {
    let mut said = String::new();
    for (source, there) in reads {
        let of = format!("source = '{source}' and kind in ('message', 'post')");
        let rows = texts(place, &format!("select external_id, text from events where {of}"));
        let held: BTreeSet<String> = rows.iter().cloned().collect();
        if held == *there && rows.len() == held.len() {
            continue;
        }
        let some = |of: &BTreeSet<String>, without: &BTreeSet<String>| {
            let all: Vec<&String> = of.difference(without).collect();
            format!("{}, such as {:?}", all.len(), all.iter().take(SHOWN).collect::<Vec<_>>())
        };
        said += &format!(
            "{source}: {} are there, {} in memory, {} of them different\n",
            there.len(),
            rows.len(),
            held.len()
        );
        said += &format!("  missing: {}\n  not there: {}\n", some(there, &held), some(&held, there));
    }
    said
}

/// Waits until memory reads as all the platforms do.
fn settles(place: &Place, reads: &[Reads], running: &Running) {
    let began = Instant::now();
    loop {
        let differences = differences(place, reads);
        if differences.is_empty() {
            return;
        }
        if began.elapsed() > SETTLED {
            panic!("memory does not come right:\n{differences}the run said:\n{}", running.heard().join("\n"));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn eight_platforms_are_in_memory_as_they_are_whatever_happens() {
    let place = Place::alone();
    let Some((platforms, people)) = Platforms::start() else { return };
    // The last is between who pushes and us.
    let (asked, pushed) = (platforms.ports(), platforms.hook);
    let networks: Vec<Proxy> = (1..).zip(asked).map(|(seed, port)| Proxy::start(port, seed)).collect();
    let ports: [u16; 7] = std::array::from_fn(|at| networks[at].port);
    let street = Proxy::start(pushed, 8);
    let config = platforms.config(&place, ports);
    let crowd = Crowd::start(people, street.port);
    let networks: Vec<Proxy> = networks.into_iter().chain([street]).collect();
    let (running, kills) = storm(&place, &config, &networks);
    // The run that is left has to find back by itself.
    networks.iter().for_each(Proxy::calm);
    let (reads, mut chat, orders) = crowd.stop();
    settles(&place, &reads, &running);
    until("the queue is empty", || orders.broker.waiting() == 0);
    chat.is_heard_again(&place);
    running.end();
    until("all of the queue is acknowledged", || orders.broker.waiting() == 0);
    // Nothing came after all was right, and nothing that was cut on its way was taken for what somebody said.
    let differences = differences(&place, &reads);
    assert!(differences.is_empty(), "memory was right, and then it was not:\n{differences}");
    let rejects = texts(&place, "select file, position, reason from rejects");
    let rejects: Vec<&String> = rejects.iter().filter(|reject| !reject.starts_with("fedi ")).collect();
    assert!(rejects.is_empty(), "{rejects:?}");
    let heard = chat.was_heard_whole(&place);
    assert!(heard > chat.said / 20, "chat: {heard} of {} lines were heard", chat.said);
    let counts: Vec<String> = reads.iter().map(|(source, there)| format!("{source} {}", there.len())).collect();
    eprintln!("killed {kills} times; left: {}; heard: {heard} of {}", counts.join(", "), chat.said);
    assert!(place.json(&["verify"])["equal"].as_bool().unwrap());
}
