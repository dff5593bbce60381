//! The configuration of `nexus run`: which feeds, into whose memory. TOML; checked whole before anything starts.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use nexus_connectors::live::{
    BlueskyConfig, BlueskyFeed, CaldavConfig, CaldavFeed, DirectoryConfig, DirectoryFeed, DiscordConfig, DiscordFeed,
    Feed, IcsConfig, IcsFeed, ImapConfig, ImapFeed, IrcConfig, IrcFeed, MastodonConfig, MastodonFeed, MatrixConfig,
    MatrixFeed, Named, NatsConfig, NatsFeed, RabbitmqConfig, RabbitmqFeed, RssConfig, RssFeed, SlackConfig, SlackFeed,
    TelegramConfig, TelegramFeed, WebhookConfig, WebhookFeed, XConfig, XFeed,
};
#[cfg(feature = "kafka")]
use nexus_connectors::live::{KafkaConfig, KafkaFeed};
use nexus_types::{Scope, Text};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::sinks;
use crate::outbox::Wish;
use crate::{Error, Result};

/// The kinds of feeds.
const KINDS: &[&str] = &[
    "bluesky",
    "caldav",
    "directory",
    "discord",
    "ics",
    "imap",
    "irc",
    #[cfg(feature = "kafka")]
    "kafka",
    "mastodon",
    "matrix",
    "nats",
    "rabbitmq",
    "rss",
    "slack",
    "telegram",
    "webhook",
    "x",
];
/// The longest name of a feed.
const NAME_BYTES_MAX: usize = 64;

/// What `nexus run` follows.
#[derive(Clone, Debug, PartialEq)]
pub struct FeedsConfig {
    feeds: BTreeMap<Text, Entry>,
    health: Option<SocketAddr>,
}

/// `[health]`: where a run answers how it is.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HealthConfig {
    /// An address and a port.
    listen: SocketAddr,
}

/// One feed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) named: Named,
    pub(super) kind: String,
    /// What its kind reads.
    pub(super) rest: toml::Table,
    /// What leaves, if it is no feed but a sink.
    pub(super) wish: Option<Wish>,
}

impl FeedsConfig {
    /// Reads a file. `scope` is whose memory feeds go into that name none.
    pub fn read(path: &Path, scope: &Scope) -> Result<FeedsConfig> {
        let text = std::fs::read_to_string(path).map_err(|error| Error::io(path.display(), error))?;
        FeedsConfig::parse(&text, scope)
            .map_err(|error| Error::new(error.kind(), format!("{}: {error}", path.display())))
    }

    /// Reads TOML: a table `[feed.NAME]` for each feed.
    pub fn parse(text: &str, scope: &Scope) -> Result<FeedsConfig> {
        let mut table: toml::Table = text.parse().map_err(|error| Error::argument(misread(text, &error)))?;
        crate::vault::tell(&mut table).map_err(Error::argument)?;
        let health = table.remove("health").map(listen).transpose().map_err(Error::argument)?;
        let mut feeds = BTreeMap::new();
        for (key, value) in table {
            let tables = match value {
                toml::Value::Table(tables) if ["feed", "sink"].contains(&&*key) => tables,
                _ => {
                    let known = "only tables [feed.NAME], [sink.NAME], [health] and [vault] are known here";
                    return Err(Error::argument(format!("{key}: {known}")));
                }
            };
            for (name, value) in tables {
                let entry = if key == "sink" { sinks::entry(&name, value) } else { entry(&name, value, scope, KINDS) };
                let entry = entry.map_err(|error| Error::argument(format!("{key}.{name}: {error}")))?;
                feeds.insert(entry.named.feed.clone(), entry);
            }
        }
        if feeds.is_empty() {
            return Err(Error::argument(format!(
                "it names no feed: write a table [feed.NAME] with a kind: {}",
                KINDS.join(", ")
            )));
        }
        let config = FeedsConfig { feeds, health };
        config.accounts_are_apart()?;
        config.entries().try_for_each(|entry| entry.feed().map(drop))?;
        config.files_are_apart()?;
        Ok(config)
    }

    /// Two accounts under one source would delete each other's mail: a mail is deleted when its account has it no more. So
    /// would two calendars.
    fn accounts_are_apart(&self) -> Result<()> {
        let mut seen = BTreeMap::new();
        for entry in self.entries().filter(|entry| ["caldav", "ics", "imap"].contains(&&*entry.kind)) {
            let usual = if entry.kind == "imap" { "mail" } else { &*entry.named.feed };
            let source = entry.rest.get("source").and_then(|source| source.as_str()).unwrap_or(usual);
            if let Some(other) = seen.insert((entry.named.scope.clone(), source), &entry.named.feed) {
                let message = format!(
                    "feed.{}: it has the source {source:?} as feed.{other} has: give each its own",
                    entry.named.feed
                );
                return Err(Error::argument(message));
            }
        }
        Ok(())
    }

    /// Two sinks that write one file would be in each other's way.
    fn files_are_apart(&self) -> Result<()> {
        let mut seen = BTreeMap::new();
        for entry in self.entries().filter(|entry| entry.wish.is_some() && entry.kind == "jsonl") {
            let Some(path) = entry.rest.get("path").and_then(|path| path.as_str()) else { continue };
            if let Some(other) = seen.insert(canonical(Path::new(path)), &entry.named.feed) {
                let [name, other] = [&entry.named.feed, other].map(|feed| feed.replacen('/', ".", 1));
                let message = format!("{name}: path: {other} writes to the same file: give each its own");
                return Err(Error::argument(message));
            }
        }
        Ok(())
    }

    /// Where the run answers how it is.
    pub(crate) fn health(&self) -> Option<SocketAddr> {
        self.health
    }

    /// The feeds in the order of their names.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.feeds.values()
    }

    /// What leaves through each sink.
    pub(super) fn wishes(&self) -> impl Iterator<Item = (Text, Wish)> {
        self.entries().filter_map(|entry| Some((entry.named.feed.clone(), entry.wish.clone()?)))
    }

    /// The names of the feeds, each with its kind and whose memory it goes into.
    pub fn names(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.entries().map(|entry| (&*entry.named.feed, entry.kind.as_str(), &*entry.named.scope))
    }
}

/// What is wrong with TOML, with the line: not what stands there, which may be a secret.
fn misread(text: &str, error: &toml::de::Error) -> String {
    let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
    format!("line {line}: {}", error.message())
}

/// The one name of a file, which may not be there yet.
fn canonical(path: &Path) -> PathBuf {
    let named = || Some(path.parent()?.canonicalize().ok()?.join(path.file_name()?));
    path.canonicalize().ok().or_else(named).unwrap_or_else(|| path.to_path_buf())
}

fn listen(value: toml::Value) -> std::result::Result<SocketAddr, String> {
    let config = HealthConfig::deserialize(value);
    let wrong =
        |error: toml::de::Error| format!("health: {}: write listen = \"127.0.0.1:9464\"", error.message().trim());
    Ok(config.map_err(wrong)?.listen)
}

/// What a table says of a feed, or of a sink, of one of these kinds.
pub(super) fn entry(
    name: &str,
    value: toml::Value,
    scope: &Scope,
    kinds: &[&str],
) -> std::result::Result<Entry, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.chars().all(fits) {
        return Err(format!("a name has 1 to {NAME_BYTES_MAX} letters, digits, _, - and ."));
    }
    let toml::Value::Table(mut rest) = value else { return Err("a table is expected".into()) };
    let mut text = |key: &str| match rest.remove(key) {
        None => Ok(None),
        Some(toml::Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("{key}: a text is expected")),
    };
    let kind = text("kind")?.ok_or_else(|| format!("kind is missing: one of {}", kinds.join(", ")))?;
    let scope = text("scope")?.map_or_else(|| scope.clone(), Scope::from);
    if scope.is_empty() {
        return Err("scope: it is empty".into());
    }
    Ok(Entry { named: Named { scope, feed: name.into() }, kind, rest, wish: None })
}

impl Entry {
    /// The feed that it describes.
    pub(crate) fn feed(&self) -> Result<Box<dyn Feed>> {
        if self.wish.is_some() {
            return self.sink(None);
        }
        self.made().map_err(|error| Error::argument(format!("feed.{}: {error}", self.named.feed)))
    }

    fn made(&self) -> std::result::Result<Box<dyn Feed>, String> {
        let named = self.named.clone();
        match self.kind.as_str() {
            "bluesky" => Ok(Box::new(BlueskyFeed::new(named, self.parts::<BlueskyConfig>()?)?)),
            "caldav" => Ok(Box::new(CaldavFeed::new(named, self.parts::<CaldavConfig>()?)?)),
            "directory" => Ok(Box::new(DirectoryFeed::new(named, self.parts::<DirectoryConfig>()?)?)),
            "discord" => Ok(Box::new(DiscordFeed::new(named, self.parts::<DiscordConfig>()?)?)),
            "ics" => Ok(Box::new(IcsFeed::new(named, self.parts::<IcsConfig>()?)?)),
            "irc" => Ok(Box::new(IrcFeed::new(named, self.parts::<IrcConfig>()?)?)),
            "imap" => Ok(Box::new(ImapFeed::new(named, self.parts::<ImapConfig>()?)?)),
            #[cfg(feature = "kafka")]
            "kafka" => Ok(Box::new(KafkaFeed::new(named, self.parts::<KafkaConfig>()?)?)),
            "mastodon" => Ok(Box::new(MastodonFeed::new(named, self.parts::<MastodonConfig>()?)?)),
            "matrix" => Ok(Box::new(MatrixFeed::new(named, self.parts::<MatrixConfig>()?)?)),
            "nats" => Ok(Box::new(NatsFeed::new(named, self.parts::<NatsConfig>()?)?)),
            "rabbitmq" => Ok(Box::new(RabbitmqFeed::new(named, self.parts::<RabbitmqConfig>()?)?)),
            "rss" => Ok(Box::new(RssFeed::new(named, self.parts::<RssConfig>()?)?)),
            "slack" => Ok(Box::new(SlackFeed::new(named, self.parts::<SlackConfig>()?)?)),
            "telegram" => Ok(Box::new(TelegramFeed::new(named, self.parts::<TelegramConfig>()?)?)),
            "webhook" => Ok(Box::new(WebhookFeed::new(named, self.parts::<WebhookConfig>()?)?)),
            "x" => Ok(Box::new(XFeed::new(named, self.parts::<XConfig>()?)?)),
            other => Err(format!("kind: {other:?} is none of {}", KINDS.join(", "))),
        }
    }

    pub(super) fn parts<C: DeserializeOwned>(&self) -> std::result::Result<C, String> {
        C::deserialize(self.rest.clone()).map_err(|error| error.message().trim().to_string())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parse(text: &str) -> std::result::Result<FeedsConfig, String> {
        FeedsConfig::parse(text, &"default".into()).map_err(|error| error.to_string())
    }

    #[test]
    fn feeds_are_read_by_name() {
        let config = parse(
            "[feed.notes]\nkind = \"directory\"\npath = \"/tmp\"\n[feed.libera]\nkind = \"irc\"\nscope = \"work\"\n\
             server = \"irc.libera.chat:6697\"\nnick = \"nexus\"\nchannels = [\"#rust\"]\n",
        )
        .unwrap();
        let names: Vec<_> = config.names().collect();
        assert_eq!(names, [("libera", "irc", "work"), ("notes", "directory", "default")]);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let irc = |more: &str| {
            format!("[feed.a]\nkind = \"irc\"\nserver = \"h:1\"\nnick = \"n\"\nchannels = [\"#a\"]\n{more}")
        };
        let cases = [
            ("".to_string(), "it names no feed"),
            ("feeds = 1".into(), "feeds: only tables [feed.NAME]"),
            ("[health]\nlisten = \"here\"".into(), "health: invalid socket address syntax: write listen = "),
            ("[health]\nport = 1".into(), "health: unknown field `port`"),
            ("[health]\nlisten = \"127.0.0.1:0\"".into(), "it names no feed"),
            ("[feed.a]\npath = \"/tmp\"".into(), "feed.a: kind is missing: one of bluesky, caldav, directory"),
            ("[feed.a]\nkind = \"carrier pigeon\"".into(), "feed.a: kind: \"carrier pigeon\" is none of"),
            ("[feed.\"a b\"]\nkind = \"irc\"".into(), "feed.a b: a name has"),
            ("[feed.a]\nkind = \"directory\"".into(), "feed.a: missing field `path`"),
            ("[feed.a]\nkind = \"directory\"\npath = \"/tmp\"\nevery = 0".into(), "feed.a: every: 0 s"),
            (irc("pasword = { env = \"X\" }"), "unknown field `pasword`"),
            (irc("password = \"hunter2\""), "feed.a: a secret does not stand in a configuration"),
            ("[feed.a]\npassword = \"hunter2\" kind".into(), "line 2: "),
            (
                irc("password = { env = \"NEXUS_NO_SUCH_SECRET\" }"),
                "feed.a: password: the variable NEXUS_NO_SUCH_SECRET: it is not set",
            ),
            (
                "[feed.a]\nkind = \"irc\"\nserver = \"h\"\nnick = \"n\"\nchannels = [\"#a\"]".into(),
                "feed.a: server: \"h\" is not host:port",
            ),
        ];
        let mail = |name: &str| {
            format!(
                "[feed.{name}]\nkind = \"imap\"\nserver = \"h:993\"\nuser = \"u\"\npassword = {{ env = \"PATH\" }}\n"
            )
        };
        let journal =
            |name: &str, path: &str| format!("[sink.{name}]\nkind = \"jsonl\"\npath = \"{path}\"\nof = [\"facts\"]\n");
        let cases = cases.into_iter().chain([
            (
                journal("a", "/tmp/no-such.jsonl") + &journal("b", "/tmp/../tmp/no-such.jsonl"),
                "sink.b: path: sink.a writes to the same file",
            ),
            (mail("a") + &mail("b"), "feed.b: it has the source \"mail\" as feed.a has"),
            (mail("a").replace("993", "143"), "feed.a: tls: only port 993 is encrypted by itself"),
        ]);
        for (text, expected) in cases {
            let error = parse(&text).unwrap_err();
            assert!(error.contains(expected), "{text}\n{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
