//! A bot's session with the gateway: beginning, going on, being heard to live, and filling the gaps between sessions.

use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;

use futures::future::BoxFuture;
use nexus_types::{Millis, Text};
use reqwest::Url;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::super::notes::Notes;
use super::super::websocket::{self, Heard, WebSocket};
use super::super::{Batch, Broken, Outlet, Resume, Secret};
use super::said::{self, id_at, number};
use super::{DiscordFeed, Found, PAGE, Page};
use crate::json::text;
use crate::{Item, Rejected};

/// What it is told of: servers, messages, reactions, direct messages with theirs, and what messages say.
const INTENTS: u32 = 1 | (1 << 9) | (1 << 10) | (1 << 12) | (1 << 13) | (1 << 15);
/// A gateway says hello at once; whether it lives is told by its answers to our heartbeats.
const HELLO: Duration = Duration::from_secs(20);
const SILENCE: Duration = Duration::from_secs(300);
/// How often the heart may beat.
const BEATS: (u64, u64) = (100, 300_000);
/// How long to wait before connecting again, where the gateway asks for it.
const AGAIN: Duration = Duration::from_secs(2);
/// So often it is kept how far it is read, where nothing of it is taken in.
const KEEP_EVERY: Millis = 10_000;

/// A session that can be gone on with.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Session {
    id: String,
    /// Where.
    url: String,
    /// The number of its last event.
    seq: u64,
}

/// A bot while it is followed.
pub(super) struct Following<'a> {
    feed: &'a DiscordFeed,
    outlet: &'a Outlet,
    token: Secret,
    session: Option<Session>,
    notes: Notes,
    /// Whether the session of this connection began.
    begun: bool,
    /// The channel that did not answer when it was asked last.
    put_off: Option<Text>,
    kept_at: Millis,
}

/// What to do after an event.
enum Next {
    Listen,
    Beat,
    Alive,
    /// Connect again.
    Again,
}

type Asking<'a> = BoxFuture<'a, Result<Page, Broken>>;

impl<'a> Following<'a> {
    pub(super) fn new(feed: &'a DiscordFeed, token: Secret, from: Resume, outlet: &'a Outlet) -> Following<'a> {
        let session: Option<Option<Session>> =
            from.offset.as_deref().and_then(|offset| serde_json::from_str(offset.strip_prefix("1 ")?).ok());
        let notes = Notes::new(from.notes);
        let (session, kept_at) = (session.flatten(), outlet.now());
        Following { feed, outlet, token, session, notes, begun: false, put_off: None, kept_at }
    }

    /// Follows session after session.
    pub(super) async fn run(mut self) -> Result<Infallible, Broken> {
        let mut refused = 0;
        loop {
            self.begun = false;
            self.connection().await?;
            // The number of sessions a day is limited: who is not let in twice waits longer and longer.
            refused = if self.begun { 0 } else { refused + 1 };
            if refused > 1 {
                return Err(Broken::Retry(format!("{}: it does not let a session begin", self.feed.who)));
            }
            sleep(AGAIN).await;
        }
    }

    /// One connection; ends well where another one is to follow at once.
    async fn connection(&mut self) -> Result<(), Broken> {
        let mut socket = self.open().await?;
        let (hello, _) = match socket.next(HELLO).await? {
            Heard::Text(hello) => self.parsed(&hello),
            Heard::Closed(code, reason) => return self.closed(code, &reason),
        };
        let period = hello["d"]["heartbeat_interval"].as_u64().filter(|_| hello["op"] == 10);
        let Some(period) = period else {
            return Err(Broken::Retry(format!("{}: it does not say hello", self.feed.who)));
        };
        socket.say(self.greeting()).await?;
        let mut beat = interval(Duration::from_millis(period.clamp(BEATS.0, BEATS.1)));
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut unanswered = 0;
        let mut asking: Option<Asking<'a>> = None;
        loop {
            if asking.is_none() && self.begun {
                asking = self.next_gap();
            }
            tokio::select! {
                biased;
                _ = beat.tick() => {
                    // One may be late: its answer waits to be read while something is taken in.
                    if unanswered > 1 {
                        return Err(Broken::Retry(format!("{}: it is there no more", self.feed.who)));
                    }
                    unanswered += 1;
                    self.beat(&mut socket).await?;
                }
                page = answer(&mut asking) => {
                    asking = None;
                    self.fill(page?).await?;
                }
                heard = socket.next(SILENCE) => {
                    let heard = match heard? {
                        Heard::Text(heard) => heard,
                        Heard::Closed(code, reason) => return self.closed(code, &reason),
                    };
                    match self.hear(&heard).await? {
                        Next::Listen => {}
                        Next::Beat => self.beat(&mut socket).await?,
                        Next::Alive => unanswered = 0,
                        Next::Again => return Ok(()),
                    }
                }
            }
        }
    }

    /// Connects to where the session is, or to where sessions begin.
    async fn open(&self) -> Result<WebSocket, Broken> {
        let with_version = |mut url: Url| {
            url.query_pairs_mut().append_pair("v", "10").append_pair("encoding", "json");
            url
        };
        let who = &self.feed.who;
        let begun = self.session.as_ref().and_then(|session| Url::parse(&session.url).ok());
        if let Some(url) = begun.filter(|url| matches!(url.scheme(), "ws" | "wss"))
            && let Ok(socket) = websocket::open(who, &with_version(url), None).await
        {
            return Ok(socket);
        }
        websocket::open(who, &with_version(self.feed.gateway.clone()), None).await
    }

    /// Goes on with a session, or asks for one.
    fn greeting(&self) -> String {
        let token = self.token.expose();
        let greeting = match &self.session {
            Some(session) => json!({"op": 6, "d": {"token": token, "session_id": session.id, "seq": session.seq}}),
            None => {
                let we = json!({"os": std::env::consts::OS, "browser": "nexus", "device": "nexus"});
                json!({"op": 2, "d": {"token": token, "intents": INTENTS, "properties": we}})
            }
        };
        greeting.to_string()
    }

    async fn beat(&self, socket: &mut WebSocket) -> Result<(), Broken> {
        let seq = self.session.as_ref().map(|session| session.seq);
        socket.say(json!({"op": 1, "d": seq}).to_string()).await
    }

    /// A message of the gateway, and why it is none.
    fn parsed(&self, heard: &str) -> (Value, Option<Item>) {
        match serde_json::from_str(heard) {
            Ok(message) => (message, None),
            Err(error) => {
                let seq = self.session.as_ref().map_or(0, |session| session.seq);
                let reason = format!("not JSON: {error}");
                let reject = Rejected::new(format_args!("after event {seq}"), reason, heard.as_bytes());
                (Value::Null, Some(Item::Reject(reject)))
            }
        }
    }

    async fn hear(&mut self, heard: &str) -> Result<Next, Broken> {
        let (message, reject) = self.parsed(heard);
        if reject.is_some() {
            self.send(reject.into_iter().collect()).await?;
            return Ok(Next::Listen);
        }
        match message["op"].as_u64() {
            Some(0) => self.dispatch(&message).await?,
            Some(1) => return Ok(Next::Beat),
            Some(7) => return Ok(Next::Again),
            Some(9) => {
                if message["d"] != true {
                    self.session = None;
                }
                return Ok(Next::Again);
            }
            Some(11) => return Ok(Next::Alive),
            _ => {}
        }
        Ok(Next::Listen)
    }

    async fn dispatch(&mut self, message: &Value) -> Result<(), Broken> {
        let data = &message["d"];
        let mut items = Vec::new();
        match text(message, "t") {
            "READY" => {
                let [id, url] = ["session_id", "resume_gateway_url"].map(|field| text(data, field).to_string());
                self.session = Some(Session { id, url, seq: 0 });
                self.note_gaps();
                self.begin();
            }
            "RESUMED" => self.begin(),
            kind => {
                if said::speaks(kind, data) {
                    self.know_all(data).await?;
                }
                items = self.feed.place.hear(kind, data, &mut self.notes);
            }
        }
        if let (Some(session), Some(seq)) = (&mut self.session, message["s"].as_u64()) {
            session.seq = seq;
        }
        let due = self.outlet.now().saturating_sub(KEEP_EVERY) >= self.kept_at;
        if !items.is_empty() || due || text(message, "t") == "READY" {
            self.send(items).await?;
        }
        Ok(())
    }

    fn begin(&mut self) {
        self.begun = true;
        self.outlet.healthy();
    }

    /// A new session knows nothing of what was said since the last one: each channel is read on from its last message.
    fn note_gaps(&mut self) {
        if self.notes.get("since", "all").is_none() {
            let now = id_at(self.outlet.now()).to_string();
            self.notes.set("since", "all", Some(&now));
            return;
        }
        let last: Vec<(String, Text)> = self.notes.of("last").map(|(id, last)| (id.into(), last.clone())).collect();
        for (channel, last) in last {
            if self.notes.get("gap", &channel).is_none() {
                self.notes.set("gap", &channel, Some(&last));
            }
        }
    }

    /// Has the names of the channel in which something is said, and of those that it mentions.
    async fn know_all(&mut self, message: &Value) -> Result<(), Broken> {
        for channel in self.feed.place.names(message, &self.notes) {
            self.know(channel).await?;
        }
        Ok(())
    }

    /// Has the name of a channel: it may have been made while nobody listened, or erased. One that is not shown, or has none,
    /// is called by its id; of a thread it is its channel's.
    async fn know(&mut self, channel: &str) -> Result<(), Broken> {
        while let Some(room) = said::nameless(channel, &self.notes) {
            if let Some(told) = self.feed.told(&self.token, &["channels", &*room]).await? {
                let guild = text(&told, "guild_id");
                if !guild.is_empty() && self.notes.name("guild", guild).is_none() {
                    let server = self.feed.told(&self.token, &["guilds", guild]).await?.unwrap_or_default();
                    self.notes.first("guild", guild, text(&server, "name"));
                }
                said::learn(&told, &mut self.notes);
            }
            if said::nameless(channel, &self.notes).is_some_and(|still| still == room) {
                self.notes.first("channel", &room, &room);
            }
        }
        Ok(())
    }

    /// Asks for what was said in a gap: one after a channel that did not answer, as long as there are others.
    fn next_gap(&self) -> Option<Asking<'a>> {
        let put_off = self.put_off.as_deref().unwrap_or_default();
        let next = self.notes.of("gap").find(|(channel, _)| *channel > put_off);
        let (channel, after) = next.or_else(|| self.notes.of("gap").next())?;
        let feed = self.feed;
        Some(Box::pin(feed.page(self.token.clone(), channel.into(), after.clone())))
    }

    /// Takes in a page of a gap; the last one closes it.
    async fn fill(&mut self, page: Page) -> Result<(), Broken> {
        let Page { channel, after, found } = page;
        let mut items = Vec::new();
        match found {
            Found::Later => {
                self.put_off = Some(channel);
                return Ok(());
            }
            Found::Unread(reject) => {
                items.push(Item::Reject(reject));
                self.notes.set("gap", &channel, None);
            }
            Found::Messages(mut messages) => {
                messages.sort_by_key(|message| number(text(message, "id")));
                for message in &messages {
                    self.know_all(message).await?;
                    items.extend(self.feed.place.message(message, &mut self.notes));
                }
                let newest = messages.last().map_or("", |message| text(message, "id"));
                let more = messages.len() >= PAGE && number(newest) > number(&after);
                self.notes.set("gap", &channel, more.then_some(newest));
            }
        }
        self.send(items).await
    }

    /// Sends on what there is, with how far the session is heard.
    async fn send(&mut self, items: Vec<Item>) -> Result<(), Broken> {
        self.kept_at = self.outlet.now();
        let session = serde_json::to_string(&self.session).unwrap_or_default();
        let offset = Some(format!("1 {session}").into());
        self.outlet.send(Batch { items, offset, notes: self.notes.news(), unfinished: false }).await.map(drop)
    }

    /// The gateway goes, and says why.
    fn closed(&mut self, code: u16, reason: &str) -> Result<(), Broken> {
        let who = &self.feed.who;
        match code {
            4004 => Err(Broken::Refused(format!("{who}: the token is not accepted"))),
            4013 | 4014 => Err(Broken::Refused(format!(
                "{who}: the bot may not read what messages say: turn on its Message Content intent in Discord's \
                 developer portal"
            ))),
            4010..=4012 => Err(Broken::Refused(format!("{who}: it will not have us: {code} {reason}"))),
            // It knows the session no more.
            4003 | 4007 | 4009 => {
                self.session = None;
                Ok(())
            }
            _ => Err(Broken::Retry(format!("{who}: it closed the connection: {code} {reason}"))),
        }
    }
}

/// Waits for what was asked for, if something was.
async fn answer(asking: &mut Option<Asking<'_>>) -> Result<Page, Broken> {
    match asking {
        Some(asked) => asked.await,
        None => pending().await,
    }
}
