//! One session with a server: what its lines mean. Pure: reads no socket.

use std::collections::{BTreeMap, BTreeSet};

use nexus_types::event::SAID_NOW;
use nexus_types::{Change, Event, Kind, Text};

use super::IrcConfig;
use crate::irc::{addressees, meet, plain};
use crate::lines::{REPLACED, decode};
use crate::live::{Broken, Named, Resume};
use crate::{Item, Rejected};

/// What the server says when a channel cannot be joined.
const NOT_JOINED: [&str; 8] = ["403", "405", "471", "473", "474", "475", "476", "477"];

/// Where we are on a server.
pub(super) struct Session {
    scope: Text,
    source: Text,
    feed: Text,
    /// How many channels we were not let into.
    refused: usize,
    /// Which session of the feed it is, and how many lines it gave.
    number: u64,
    given: u64,
    nick: String,
    channels: Vec<String>,
    registered: bool,
    /// Whether something was missed before it.
    resumed: bool,
    /// The nicks seen, by their lower-case form.
    nicks: BTreeMap<String, Text>,
    /// Who is where, as far as the server says; channels in lower case.
    members: BTreeMap<String, BTreeSet<String>>,
}

/// A line by its parts.
#[derive(Debug, PartialEq)]
struct Line<'a> {
    /// Who says it: a nick, or a server.
    from: &'a str,
    /// Whether that is a user.
    user: bool,
    command: &'a str,
    params: Vec<&'a str>,
}

impl<'a> Line<'a> {
    fn read(line: &'a str) -> Option<Line<'a>> {
        let word = |text: &'a str| text.split_once(' ').map_or((text, ""), |(word, rest)| (word, rest.trim_start()));
        let mut rest = line.trim_start();
        if rest.starts_with('@') {
            rest = word(rest).1;
        }
        let (mut from, mut user) = ("", false);
        if let Some(prefixed) = rest.strip_prefix(':') {
            let (prefix, after) = word(prefixed);
            from = prefix.split(['!', '@']).next().unwrap_or(prefix);
            user = prefix.contains('!');
            rest = after;
        }
        let (command, mut rest) = word(rest);
        let mut params = Vec::new();
        while !rest.is_empty() {
            if let Some(last) = rest.strip_prefix(':') {
                params.push(last);
                break;
            }
            let (param, after) = word(rest);
            params.push(param);
            rest = after;
        }
        (!command.is_empty()).then_some(Line { from, user, command, params })
    }

    fn param(&self, at: usize) -> &'a str {
        self.params.get(at).copied().unwrap_or_default()
    }
}

impl Session {
    /// The session after the one that the offset tells of. Its number is the time, so that none has it twice, not even in a
    /// store that was imported without offsets.
    pub(super) fn new(named: &Named, config: &IrcConfig, from: &Resume) -> Session {
        let before = from.offset.as_deref().and_then(|offset| offset.split(' ').nth(1)?.parse::<u64>().ok());
        let now = u64::try_from(from.at).unwrap_or(0);
        Session {
            scope: named.scope.clone(),
            source: config.source.clone().unwrap_or_else(|| named.feed.clone()),
            feed: named.feed.clone(),
            refused: 0,
            number: before.map_or(now, |before| now.max(before + 1)),
            given: 0,
            nick: config.nick.clone(),
            channels: config.channels.clone(),
            registered: false,
            resumed: before.is_some(),
            nicks: BTreeMap::new(),
            members: BTreeMap::new(),
        }
    }

    /// How far the feed is read.
    pub(super) fn offset(&self) -> Text {
        format!("1 {} {}", self.number, self.given).into()
    }

    /// Whether we are in a channel.
    pub(super) fn is_in(&self) -> bool {
        !self.members.is_empty()
    }

    /// What a line says, and what has to be answered.
    pub(super) fn hear(&mut self, line: &[u8], items: &mut Vec<Item>, answers: &mut Vec<String>) -> Result<(), Broken> {
        let (text, replaced) = decode(line);
        let Some(line) = Line::read(&text) else { return Ok(()) };
        match line.command {
            "PING" => answers.push(format!("PONG :{}", line.param(0))),
            "001" => {
                self.registered = true;
                self.nick = line.param(0).into();
                answers.extend(self.channels.iter().map(|channel| format!("JOIN {channel}")));
            }
            "433" | "436" | "437" if !self.registered => {
                self.nick.push('_');
                answers.push(format!("NICK {}", self.nick));
            }
            "432" => return Err(Broken::Refused(format!("the server does not take the nick {}", self.nick))),
            "464" | "465" => return Err(Broken::Refused(format!("the server refuses us: {}", line.param(1)))),
            "ERROR" => return Err(Broken::Retry(format!("the server ends the connection: {}", line.param(0)))),
            "353" => {
                let names = line.param(3).split(' ').map(|name| name.trim_start_matches(['@', '+', '%', '&', '~']));
                let members = self.members.entry(line.param(2).to_lowercase()).or_default();
                members.extend(names.filter(|name| !name.is_empty()).map(str::to_string));
            }
            refused if NOT_JOINED.contains(&refused) => {
                let (channel, reason) = (line.param(1), line.param(2));
                items.push(Item::Reject(Rejected::new(
                    channel,
                    format!("cannot be joined: {reason}"),
                    text.as_bytes(),
                )));
                self.refused += 1;
                if self.refused >= self.channels.len() {
                    return Err(Broken::Refused(format!("no channel can be joined: {reason}")));
                }
            }
            _ => {
                let kicked = line.command == "KICK" && self.is_in();
                if let Some(mut event) = self.event(&line, items) {
                    if replaced {
                        event.meta.insert("encoding".into(), REPLACED.into());
                    }
                    self.give(event, items);
                }
                if kicked && !self.is_in() {
                    return Err(Broken::Retry("we were put out of every channel".into()));
                }
            }
        }
        Ok(())
    }

    /// What was said, or happened to somebody.
    fn event(&mut self, line: &Line<'_>, items: &mut Vec<Item>) -> Option<Event> {
        let own = line.from == self.nick;
        let (channel, text) = (line.param(0), line.param(1));
        match line.command {
            "PRIVMSG" => Some(self.said(line.from, channel, text, Kind::Message)),
            "NOTICE" if line.user => Some(self.said(line.from, channel, text, Kind::Notice)),
            "JOIN" => {
                self.members.entry(channel.to_lowercase()).or_default().insert(line.from.into());
                if own && self.resumed {
                    let gap = "not connected for a while: what was said then is missing";
                    let event = self.happened("", channel, gap.into());
                    self.give(event, items);
                }
                Some(self.happened(line.from, channel, format!("{} has joined {channel}", line.from)))
            }
            "PART" | "KICK" => {
                let who = if line.command == "KICK" { text } else { line.from };
                if who == self.nick {
                    self.members.remove(&channel.to_lowercase());
                } else if let Some(members) = self.members.get_mut(&channel.to_lowercase()) {
                    members.remove(who);
                }
                let how =
                    if line.command == "KICK" { format!("was kicked by {}", line.from) } else { "has left".into() };
                Some(self.happened(who, channel, format!("{who} {how} {channel}")))
            }
            "QUIT" => {
                let channel = self.leave(line.from, None)?;
                Some(self.happened(line.from, &channel, format!("{} has quit", line.from)))
            }
            "NICK" => {
                if own {
                    self.nick = channel.into();
                }
                let shared = self.leave(line.from, Some(channel)).unwrap_or_default();
                meet(&mut self.nicks, &channel.into());
                let event = self.happened(line.from, &shared, channel.into());
                Some(Event { kind: Kind::Rename, ..event })
            }
            "TOPIC" => {
                Some(self.happened(line.from, channel, format!("{} has set the topic of {channel}: {text}", line.from)))
            }
            _ => None,
        }
    }

    /// Takes somebody out of all channels, or puts another nick in their place; gives the first they were in.
    fn leave(&mut self, nick: &str, other: Option<&str>) -> Option<String> {
        let mut first = None;
        for (channel, members) in &mut self.members {
            if members.remove(nick) {
                members.extend(other.map(str::to_string));
                first.get_or_insert_with(|| channel.clone());
            }
        }
        first
    }

    fn said(&mut self, nick: &str, to: &str, text: &str, kind: Kind) -> Event {
        let action = text.strip_prefix("\u{1}ACTION ").map(|rest| rest.trim_end_matches('\u{1}'));
        let said = plain(action.unwrap_or(text));
        let mut event = self.happened(nick, to, if action.is_some() { format!("{nick} {said}") } else { said });
        event.kind = kind;
        event.addressees = addressees(&self.nicks, &event.text);
        if to.eq_ignore_ascii_case(&self.nick) {
            // Said to us alone: the conversation is with whoever says it.
            event.channel = nick.into();
            event.addressees = vec![self.nick.as_str().into()];
        }
        meet(&mut self.nicks, &nick.into());
        event
    }

    fn happened(&self, nick: &str, channel: &str, text: String) -> Event {
        Event {
            scope: self.scope.clone(),
            source: self.source.clone(),
            revision: Some(0),
            channel: channel.into(),
            kind: Kind::Notice,
            said_at: SAID_NOW,
            ..Event::message("irc", nick, &text)
        }
    }

    /// Names an event by session and line.
    fn give(&mut self, mut event: Event, items: &mut Vec<Item>) {
        self.given += 1;
        event.external_id = format!("{}/{}/{}", self.feed, self.number, self.given).into();
        items.push(Item::Change(Change::Upsert(Box::new(event))));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn session(offset: Option<&str>) -> Session {
        let config = r##"{"server": "h:1", "nick": "nexus", "channels": ["#a", "#b"]}"##;
        let config: IrcConfig = serde_json::from_str(config).unwrap();
        let from = Resume { offset: offset.map(Text::from), at: 3, ..Resume::default() };
        Session::new(&Named { scope: "s".into(), feed: "libera".into() }, &config, &from)
    }

    /// What lines give: `id kind channel author: text` each, and what is answered.
    fn heard(session: &mut Session, lines: &[&str]) -> (Vec<String>, Vec<String>) {
        let (mut items, mut answers) = (Vec::new(), Vec::new());
        lines.iter().for_each(|line| session.hear(line.as_bytes(), &mut items, &mut answers).unwrap());
        let shown = items.into_iter().map(|item| match item {
            Item::Change(Change::Upsert(event)) => {
                let to: Vec<&str> = event.addressees.iter().map(|name| &**name).collect();
                let to = if to.is_empty() { String::new() } else { format!(" to {}", to.join(" ")) };
                let Event { external_id, kind, channel, author, text, .. } = *event;
                format!("{external_id} {kind} {channel} {author}{to}: {text}")
            }
            Item::Reject(reject) => format!("rejected {}: {}", reject.position, reject.reason),
            Item::Change(other) => format!("{other:?}"),
        });
        (shown.collect(), answers)
    }

    #[test]
    fn what_is_said_is_named_by_session_and_line() {
        let mut session = session(None);
        let (said, answers) = heard(
            &mut session,
            &[
                ":irc.test 433 * nexus :Nickname is already in use",
                "PING :irc.test",
                ":irc.test 001 nexus_ :Welcome",
                ":nexus_!n@h JOIN :#a",
                ":irc.test 353 nexus_ = #a :@anna nexus_ +bob",
                ":anna!a@h PRIVMSG #a :hi \u{3}04bob\u{3}",
                "@time=2024-01-01T00:00:00Z :bob!b@h PRIVMSG #a :anna: \u{2}yes\u{2}",
                ":bob!b@h PRIVMSG #a :\u{1}ACTION waves\u{1}",
                ":anna!a@h PRIVMSG nexus_ :psst",
                ":anna!a@h NICK :anna_",
                ":bob!b@h QUIT :bye",
                ":irc.test 474 nexus_ #b :Cannot join channel (+b)",
                ":irc.test 372 nexus_ :- a message of the day",
            ],
        );
        assert_eq!(answers, ["NICK nexus_", "PONG :irc.test", "JOIN #a", "JOIN #b"]);
        assert_eq!(
            said,
            [
                "libera/3/1 notice #a nexus_: nexus_ has joined #a",
                "libera/3/2 message #a anna: hi bob",
                "libera/3/3 message #a bob to anna: anna: yes",
                "libera/3/4 message #a bob: bob waves",
                "libera/3/5 message anna anna to nexus_: psst",
                "libera/3/6 rename #a anna: anna_",
                "libera/3/7 notice #a bob: bob has quit",
                "rejected #b: cannot be joined: Cannot join channel (+b)",
            ]
        );
        assert!(session.is_in());
        assert_eq!(&*session.offset(), "1 3 7");
    }

    #[test]
    fn a_later_session_says_that_something_is_missing() {
        let mut session = session(Some("1 4 17"));
        let (said, _) = heard(&mut session, &[":s 001 nexus :hi", ":nexus!n@h JOIN #a", ":nexus!n@h PART #a :bye"]);
        assert_eq!(said[0], "libera/5/1 notice #a : not connected for a while: what was said then is missing");
        assert_eq!(&*session.offset(), "1 5 3");
        assert!(!session.is_in());
    }

    #[test]
    fn who_is_nowhere_does_not_work() {
        let mut out = session(None);
        heard(&mut out, &[":nexus!n@h JOIN #a"]);
        let kick = out.hear(b":op!o@h KICK #a nexus :bye", &mut Vec::new(), &mut Vec::new());
        assert!(matches!(kick, Err(Broken::Retry(_))), "{kick:?}");
        let mut nowhere = session(None);
        heard(&mut nowhere, &[":s 474 nexus #a :banned"]);
        let refused = nowhere.hear(b":s 471 nexus #b :full", &mut Vec::new(), &mut Vec::new());
        assert!(matches!(refused, Err(Broken::Refused(_))), "{refused:?}");
    }

    #[test]
    fn a_refusal_is_told_from_a_lost_connection() {
        let hear = |line: &str| session(None).hear(line.as_bytes(), &mut Vec::new(), &mut Vec::new());
        assert!(matches!(hear(":s 464 nexus :Password incorrect"), Err(Broken::Refused(_))));
        assert!(matches!(hear("ERROR :Closing link"), Err(Broken::Retry(_))));
        for odd in ["", " ", ":", ":x", "@a", "PRIVMSG", ":a!b@c PRIVMSG", "\u{0}\u{1}", ":a!b NICK", ":a!b QUIT"] {
            hear(odd).unwrap();
        }
    }
}
