//! Matrix, followed: the rooms that an account is in, with edits, redactions, threads and reactions.
//!
//! The client-server API, version 3: `/sync` from a token, `/messages` to fill what a sync left out, `/event` for what an
//! edit changes. Offset: the token of the last sync. Notes: what each room was called when it was first seen, which message
//! each edit changes. A room whose name is not known is asked for it when something happens there, unless only others are
//! wanted. Whatever is read twice is equal, so nothing is doubled. Rooms that are encrypted are rejects: Nexus has no keys.
//! Cost: one request a sync; two more for a room whose name is not known, one for each edit of a message from an earlier sync.

mod said;

use std::convert::Infallible;
use std::time::Duration;

use futures::future::BoxFuture;
use nexus_types::{Change, Millis, Text};
use reqwest::{Client, StatusCode, Url};
use serde::Deserialize;
use serde_json::Value;

use super::http::{self, Answer, Patience};
use super::manners::Manners;
use super::notes::Notes;
use super::{Batch, Broken, Feed, Named, Outlet, Resume, Secret, SecretRef};
use crate::{Item, Rejected};
use said::{Room, Said};

/// How long a server may hold back an answer until there is something to say, and how long we wait beyond that.
const POLL: (Duration, Duration) = (Duration::from_secs(25), Duration::from_secs(10));
/// How long any other answer may take.
const ANSWER: Duration = Duration::from_secs(60);
/// How long the first sync may take, which tells of all rooms.
const FIRST: Duration = Duration::from_secs(300);
/// No more requests than so many in so long, whatever happens.
const MANNERS: (u32, Duration) = (600, Duration::from_secs(60));
/// A page is asked for again: a long history is not to begin anew for one that did not come.
const PATIENCE: Patience = Patience { waits: 6, failures: 6 };
/// How many events a page has.
const PAGE: &str = "100";
/// Where a room's state says what it is called, the best first.
const NAMES: [(&str, &str); 2] = [("m.room.canonical_alias", "alias"), ("m.room.name", "name")];
/// What a sync is not asked for.
const FILTER: &str = r#"{"presence":{"types":[]},"account_data":{"types":[]},"room":{"state":{"lazy_load_members":true},"account_data":{"types":[]},"ephemeral":{"types":[]},"timeline":{"limit":100}}}"#;

/// What a configuration says of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MatrixConfig {
    /// The homeserver: `https://matrix.example.org`.
    pub server: String,
    /// An access token of the account.
    pub token: SecretRef,
    /// Only these rooms, by id or by name; all that the account is in if absent.
    pub rooms: Option<Vec<String>>,
    /// Whether to read what was said before it is followed.
    #[serde(default = "yes")]
    pub history: bool,
    /// What events are named after; by default the feed.
    pub source: Option<Text>,
}

fn yes() -> bool {
    true
}

/// An account that is followed.
#[derive(Debug)]
pub struct MatrixFeed {
    named: Named,
    server: Url,
    who: String,
    token: SecretRef,
    rooms: Option<Vec<String>>,
    history: bool,
    source: Text,
    client: Client,
    manners: Manners,
    /// The token, as it was read for the last sync.
    proof: Option<Secret>,
}

impl MatrixFeed {
    /// Checks what the configuration says, and reads the token.
    pub fn new(named: Named, config: MatrixConfig) -> Result<MatrixFeed, String> {
        let address = http::address(&config.server, "https://matrix.example.org");
        let (server, who) = address.map_err(|error| format!("server: {error}"))?;
        config.token.read().map_err(|error| format!("token: {error}"))?;
        let source = config.source.unwrap_or_else(|| named.feed.clone());
        let MatrixConfig { rooms, history, token, .. } = config;
        let (client, (requests, per)) = (http::client()?, MANNERS);
        let manners = Manners::new(requests, per);
        Ok(MatrixFeed { named, server, who, token, rooms, history, source, client, manners, proof: None })
    }

    async fn run(&mut self, from: Resume, outlet: &Outlet) -> Result<Infallible, Broken> {
        let resumed = from.offset.is_some();
        let mut since = from.offset.as_deref().and_then(|offset| offset.strip_prefix("1 ")).map(str::to_string);
        let mut notes = Notes::new(from.notes);
        loop {
            // Read anew each time: it may have been changed, or be about to run out.
            self.proof = Some(self.token.fetch("token", outlet.now()).await?);
            let answer = self.sync(since.as_deref()).await?;
            if answer.status == StatusCode::BAD_REQUEST && since.is_some() {
                // The server does not know its token any more: all is read again, and what is held changes nothing.
                since = None;
                continue;
            }
            let body = self.well(answer)?;
            outlet.healthy();
            let Some(next) = body["next_batch"].as_str() else {
                return Err(Broken::Retry(format!("{}: a sync without next_batch", self.who)));
            };
            let mut items = Vec::new();
            // Rooms that we are in, and what was said in others until we left.
            let rooms = [&body["rooms"]["join"], &body["rooms"]["leave"]].map(Value::as_object);
            let rooms: Vec<(&String, &Value)> = rooms.into_iter().flatten().flatten().collect();
            for (id, room) in rooms.into_iter().filter(|(id, _)| self.may_be_wanted(id)) {
                let said = self.room(id, room, since.is_some(), &mut notes).await?;
                if self.is_wanted(id, &said.channel) && (resumed || since.is_some() || self.history) {
                    let mut read = Reading { room: &said, id, since: since.as_deref(), notes: &mut notes };
                    self.timeline(&mut read, room, &mut items, outlet).await?;
                }
            }
            let news = notes.news();
            if !items.is_empty() || !news.is_empty() || since.is_none() {
                let offset = Some(format!("1 {next}").into());
                outlet.send(Batch { items, offset, notes: news, unfinished: false }).await?;
            }
            since = Some(next.into());
        }
    }

    async fn sync(&self, since: Option<&str>) -> Result<Answer, Broken> {
        let (poll, beyond) = POLL;
        let mut query = vec![("filter", FILTER.to_string())];
        let within = match since {
            Some(since) => {
                query.push(("since", since.into()));
                query.push(("timeout", poll.as_millis().to_string()));
                poll + beyond
            }
            None => FIRST,
        };
        self.get(&["sync"], &query, within).await
    }

    async fn get(&self, path: &[&str], query: &[(&str, String)], within: Duration) -> Result<Answer, Broken> {
        let mut url = self.server.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["_matrix", "client", "v3"]).extend(path);
        }
        let token = self.proof.as_ref().map_or("", Secret::expose);
        let request = self.client.get(url).query(query).bearer_auth(token);
        self.manners.turn().await;
        http::json(&self.who, request, within).await
    }

    /// The body of an answer that says yes.
    fn well(&self, answer: Answer) -> Result<Value, Broken> {
        let Answer { status, body } = answer;
        let says = body["error"].as_str().unwrap_or("no reason given").to_string();
        match status {
            status if status.is_success() => Ok(body),
            StatusCode::UNAUTHORIZED => {
                Err(Broken::Refused(format!("{}: the token is not accepted: {says}", self.who)))
            }
            status => Err(Broken::Retry(format!("{}: it answers {status}: {says}", self.who))),
        }
    }

    /// A room, under the name that it had when it was first seen: names change, and what is read twice must be equal.
    async fn room(&self, id: &str, room: &Value, goes_on: bool, notes: &mut Notes) -> Result<Room, Broken> {
        let channel = match notes.name("room", id) {
            Some(name) => name.clone(),
            None => {
                let name = match told_name(room, goes_on) {
                    None if goes_on => self.name(id).await?,
                    told => told.map(str::to_string),
                };
                // One that the server does not show may still tell by itself.
                let name = name.as_deref().or_else(|| told_name(room, false));
                notes.first("room", id, name.unwrap_or_default())
            }
        };
        Ok(Room { scope: self.named.scope.clone(), source: self.source.clone(), channel })
    }

    /// What a room is called now; nothing if it has no name, or the server does not show it. One that is refused for ever
    /// does not stop the others.
    async fn name(&self, id: &str) -> Result<Option<String>, Broken> {
        for (kind, part) in NAMES {
            let answer = self.get_patiently(&["rooms", id, "state", kind], &[]).await?;
            if is_refused(answer.status) {
                continue;
            }
            let body = self.well(answer)?;
            if let Some(name) = body[part].as_str().filter(|name| !name.is_empty()) {
                return Ok(Some(name.to_string()));
            }
        }
        Ok(None)
    }

    fn is_wanted(&self, id: &str, name: &str) -> bool {
        self.rooms.as_ref().is_none_or(|rooms| rooms.iter().any(|room| room == id || room == name))
    }

    /// Whether a room may be wanted, whatever it is called: one that is not leaves no trace. Ids begin with `!`.
    fn may_be_wanted(&self, id: &str) -> bool {
        self.rooms.as_ref().is_none_or(|rooms| rooms.iter().any(|room| room == id || !room.starts_with('!')))
    }

    /// What was said in a room since the last sync: first what the sync left out, page by page, then what it has.
    async fn timeline(
        &self,
        read: &mut Reading<'_>,
        room: &Value,
        items: &mut Vec<Item>,
        outlet: &Outlet,
    ) -> Result<(), Broken> {
        let timeline = &room["timeline"];
        let mut from = timeline["prev_batch"].as_str().map(str::to_string);
        let gap = timeline["limited"] == true;
        if gap && from.is_none() {
            items.push(unread(read.id, "the server does not say where what it left out is"));
        }
        while gap && let Some(page) = from.take() {
            let mut query = vec![("dir", "b".to_string()), ("from", page.clone()), ("limit", PAGE.into())];
            query.extend(read.since.map(|since| ("to", since.to_string())));
            let answer = self.get_patiently(&["rooms", read.id, "messages"], &query).await?;
            if matches!(answer.status, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND) {
                items.push(unread(read.id, "the server does not show what was said in it"));
                break;
            }
            let body = self.well(answer)?;
            let mut older = Vec::new();
            let events = body["chunk"].as_array().map_or(&[][..], Vec::as_slice);
            self.read(read, events, &mut older).await?;
            // A page may be empty and not the last; one that leads to itself is.
            from = body["end"].as_str().filter(|end| *end != page).map(str::to_string);
            let notes = read.notes.news();
            if !older.is_empty() || !notes.is_empty() {
                outlet.send(Batch { items: older, notes, ..Batch::default() }).await?;
            }
        }
        let events = timeline["events"].as_array().map_or(&[][..], Vec::as_slice);
        self.read(read, events, items).await
    }

    async fn get_patiently(&self, path: &[&str], query: &[(&str, String)]) -> Result<Answer, Broken> {
        http::patiently(PATIENCE, || self.get(path, query, ANSWER)).await
    }

    async fn read(&self, read: &mut Reading<'_>, events: &[Value], items: &mut Vec<Item>) -> Result<(), Broken> {
        for event in events {
            let said = match read.room.read(event) {
                Said::Edit { of, by, content, at, sender } => {
                    read.notes.set("edit", &by, Some(&format!("{of} {at}")));
                    match self.original(read.id, &of, events).await? {
                        Some(original) if is_redacted(&original) => Said::Gone(of),
                        Some(original) if original["sender"] == *sender => {
                            read.room.message(&original, &content, said::revision(at, said::at(&original)))
                        }
                        // Nobody can edit what somebody else said.
                        Some(_) => Said::Nothing,
                        None => Said::Unreadable(Rejected::new(&by, "it edits what the server does not show", b"")),
                    }
                }
                Said::Redacted { what, at } => {
                    let edit = read.notes.get("edit", &what).map(|edit| {
                        let (of, edited_at) = edit.rsplit_once(' ').unwrap_or((edit, "0"));
                        (of.to_string(), edited_at.parse::<Millis>().unwrap_or(0))
                    });
                    match edit {
                        // After the edit that it takes back, whatever the clocks of two servers say.
                        Some((of, edited_at)) => self.edit_gone(read, &of, at.max(edited_at.saturating_add(1))).await?,
                        None => Said::Gone(what),
                    }
                }
                other => other,
            };
            items.extend(match said {
                Said::Event(event) => Some(Item::Change(Change::Upsert(event))),
                Said::Gone(id) => Some(Item::Change(read.room.gone(id))),
                Said::Unreadable(reject) => Some(Item::Reject(reject)),
                _ => None,
            });
        }
        Ok(())
    }

    /// The message that an edit changes; nothing if the server does not show it.
    async fn original(&self, room: &str, event: &str, at_hand: &[Value]) -> Result<Option<Value>, Broken> {
        if let Some(found) = at_hand.iter().find(|other| other["event_id"] == *event) {
            return Ok(Some(found.clone()));
        }
        let answer = self.get_patiently(&["rooms", room, "event", event], &[]).await?;
        match answer.status {
            StatusCode::NOT_FOUND | StatusCode::FORBIDDEN => Ok(None),
            _ => self.well(answer).map(Some),
        }
    }

    /// An edit was taken back: the message reads as its last edit that is left says, or as it was sent.
    async fn edit_gone(&self, read: &Reading<'_>, of: &str, at: Millis) -> Result<Said, Broken> {
        let Some(original) = self.original(read.id, of, &[]).await? else {
            let reason = "an edit of it was taken back, and the server does not show how it reads now";
            return Ok(Said::Unreadable(Rejected::new(of, reason, b"")));
        };
        if is_redacted(&original) {
            return Ok(Said::Gone(of.into()));
        }
        let left = &original["unsigned"]["m.relations"]["m.replace"]["content"]["m.new_content"];
        let content = if left.is_object() { left } else { &original["content"] };
        Ok(read.room.message(&original, content, said::revision(at, said::at(&original))))
    }
}

/// A room that is being read.
struct Reading<'a> {
    room: &'a Room,
    id: &'a str,
    /// From which sync on.
    since: Option<&'a str>,
    notes: &'a mut Notes,
}

/// What a sync says that a room is called, if it does. One that goes on from another tells only what changed: unless it has
/// what is best, that may have been there before.
fn told_name(room: &Value, goes_on: bool) -> Option<&str> {
    let telling = if goes_on { &NAMES[..1] } else { &NAMES[..] };
    let state = [&room["state"]["events"], &room["timeline"]["events"]];
    let events = || state.iter().filter_map(|events| events.as_array()).flatten();
    let named = |(kind, part): (&str, &str)| {
        let of = events().rfind(|event| event["type"] == kind)?;
        of["content"][part].as_str().filter(|name| !name.is_empty())
    };
    telling.iter().copied().find_map(named)
}

/// Whether an answer says no to this one request: not to whose it is, nor to how many there are.
fn is_refused(status: StatusCode) -> bool {
    status.is_client_error() && !matches!(status, StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS)
}

fn is_redacted(event: &Value) -> bool {
    event["unsigned"].get("redacted_because").is_some()
}

fn unread(room: &str, reason: &str) -> Item {
    Item::Reject(Rejected::new(room, reason, b""))
}

impl Feed for MatrixFeed {
    fn follow<'a>(&'a mut self, from: Resume, outlet: &'a Outlet) -> BoxFuture<'a, Result<Infallible, Broken>> {
        Box::pin(self.run(from, outlet))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn feed(rooms: Value) -> MatrixFeed {
        let config = json!({"server": "https://matrix.example.org", "token": {"env": "PATH"}, "rooms": rooms});
        let named = Named { scope: "s".into(), feed: "home".into() };
        MatrixFeed::new(named, serde_json::from_value(config).unwrap()).unwrap()
    }

    #[test]
    fn a_sync_that_goes_on_tells_a_name_only_by_the_best_there_is() {
        let alias = json!({"type": "m.room.canonical_alias", "content": {"alias": "#harbour:example.org"}});
        let gone = json!({"type": "m.room.canonical_alias", "content": {}});
        let name = json!({"type": "m.room.name", "content": {"name": "Harbour"}});
        for (state, said, whole, goes_on) in [
            (json!([name]), json!([]), Some("Harbour"), None),
            (json!([]), json!([name]), Some("Harbour"), None),
            (json!([alias, name]), json!([]), Some("#harbour:example.org"), Some("#harbour:example.org")),
            (json!([name]), json!([alias]), Some("#harbour:example.org"), Some("#harbour:example.org")),
            (json!([alias]), json!([name, gone]), Some("Harbour"), None),
            (json!([]), json!([]), None, None),
        ] {
            let room = json!({"state": {"events": state}, "timeline": {"events": said}});
            assert_eq!((told_name(&room, false), told_name(&room, true)), (whole, goes_on), "{room}");
        }
    }

    #[test]
    fn rooms_that_only_ids_leave_out_are_not_asked() {
        let (one, other) = ("!one:example.org", "!other");
        let asked = |rooms: Value| [one, other].map(|id| feed(rooms.clone()).may_be_wanted(id));
        assert_eq!(asked(Value::Null), [true, true]);
        assert_eq!(asked(json!([one])), [true, false]);
        assert_eq!(asked(json!([other, "#harbour:example.org"])), [true, true]);
        assert_eq!(asked(json!([])), [false, false]);
        let refused = [400_u16, 403, 404, 410, 401, 429, 200, 302, 500];
        let refused = refused.map(|status| is_refused(StatusCode::from_u16(status).unwrap()));
        assert_eq!(refused, [true, true, true, true, false, false, false, false, false]);
    }
}
