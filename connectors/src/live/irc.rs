//! IRC, followed: what is said in channels and to us, from when we are there.
//!
//! The protocol (RFC 1459, RFC 2812) has no ids, no history and no edits: what is said while nobody is connected is lost,
//! and a notice says so in each channel. An event is named by session and line, and no session has its number twice (it is the time of its beginning), so
//! nothing is doubled either. Offset: the session and how many lines it gave. Cost: one line in memory, and the nicks.

mod session;

use std::convert::Infallible;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use futures::future::BoxFuture;
use nexus_types::Text;
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, ReadHalf, WriteHalf};

use super::socket::{self, Stream, within};
use super::{Batch, Broken, Feed, Named, Outlet, Resume, SecretRef};
use crate::{Item, Rejected};
use session::Session;

/// The port on which servers expect encryption.
const ENCRYPTED: &str = ":6697";
/// The longest line that is read; servers send 512 bytes, or 8,703 with tags.
const LINE_BYTES_MAX: usize = 16 << 10;
/// So many lines are sent on at once.
const LINES_AT_ONCE: usize = 500;
/// How long a line of ours may take to be written.
const WRITE: Duration = Duration::from_secs(10);

/// What a configuration says of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IrcConfig {
    /// `host:port`.
    pub server: String,
    /// Whether to encrypt; by default on port 6697.
    pub tls: Option<bool>,
    /// A file of certificates (PEM) to trust instead of the system's.
    pub authority: Option<PathBuf>,
    /// Who we are there.
    pub nick: String,
    /// The server's password.
    pub password: Option<SecretRef>,
    /// What to join.
    pub channels: Vec<String>,
    /// What events are named after; by default the feed.
    pub source: Option<Text>,
    /// After so many seconds of silence the server is asked whether it is there; after as many again it is not.
    #[serde(default = "a_minute")]
    pub silence: u64,
}

fn a_minute() -> u64 {
    60
}

/// A server that is followed.
#[derive(Debug)]
pub struct IrcFeed {
    named: Named,
    config: IrcConfig,
}

impl IrcFeed {
    /// Checks what the configuration says, and reads the password.
    pub fn new(named: Named, config: IrcConfig) -> Result<IrcFeed, String> {
        let word = |text: &str| !text.is_empty() && !text.contains([' ', '\r', '\n', '\0', ',']);
        socket::is_address(&config.server, "irc.libera.chat:6697")?;
        if !word(&config.nick) || config.nick.starts_with(|c: char| c.is_ascii_digit() || "#&:".contains(c)) {
            return Err(format!("nick: {:?} cannot be a nick", config.nick));
        }
        if config.channels.is_empty() {
            return Err("channels: name at least one, such as \"#rust\"".into());
        }
        if let Some(channel) =
            config.channels.iter().find(|name| !word(name) || !name.starts_with(['#', '&', '+', '!']))
        {
            return Err(format!("channels: {channel:?} is not a channel's name, such as \"#rust\""));
        }
        config.password.as_ref().map(SecretRef::read).transpose().map_err(|error| format!("password: {error}"))?;
        Ok(IrcFeed { named, config })
    }

    async fn run(&mut self, from: Resume, outlet: &Outlet) -> Result<Infallible, Broken> {
        // Read anew each time: it may have been changed.
        let password = match &self.config.password {
            Some(password) => Some(password.fetch("password", outlet.now()).await?),
            None => None,
        };
        let (server, silence) = (self.config.server.as_str(), Duration::from_secs(self.config.silence.max(1)));
        let tls = self.config.tls.unwrap_or(server.ends_with(ENCRYPTED));
        let lost = |error: io::Error| Broken::Retry(format!("{server}: {error}"));
        let stream = socket::connect(server, tls, self.config.authority.as_deref()).await.map_err(lost)?;
        let (reader, writer) = tokio::io::split(stream);
        let (mut lines, mut writer) = (Lines::new(reader), Writer(writer));
        let mut session = Session::new(&self.named, &self.config, &from);
        if let Some(password) = password {
            writer.write(&format!("PASS {}", password.expose())).await.map_err(lost)?;
        }
        writer.write(&format!("NICK {}", self.config.nick)).await.map_err(lost)?;
        writer.write(&format!("USER {} 0 * :{}", self.config.nick, self.config.nick)).await.map_err(lost)?;
        let mut asked = false;
        loop {
            match tokio::time::timeout(silence, lines.fill()).await {
                Err(_) if asked => return Err(Broken::Retry(format!("{server}: it has been silent for too long"))),
                Err(_) => {
                    asked = true;
                    writer.write("PING :nexus").await.map_err(lost)?;
                    continue;
                }
                Ok(filled) => filled.map_err(lost)?,
            }
            asked = false;
            let mut items = Vec::new();
            let (mut answers, mut ended) = (Vec::new(), None);
            while ended.is_none()
                && items.len() < LINES_AT_ONCE
                && let Some(line) = lines.next()
            {
                match line {
                    Ok(line) => ended = session.hear(&line, &mut items, &mut answers).err(),
                    Err(reject) => items.push(Item::Reject(reject)),
                }
            }
            if session.is_in() {
                outlet.healthy();
            }
            // What was heard is sent on whatever comes of the rest.
            if !items.is_empty() {
                outlet.send(Batch { items, offset: Some(session.offset()), ..Batch::default() }).await?;
            }
            if let Some(broken) = ended {
                return Err(broken);
            }
            for answer in answers {
                writer.write(&answer).await.map_err(lost)?;
            }
        }
    }
}

impl Feed for IrcFeed {
    fn follow<'a>(&'a mut self, from: Resume, outlet: &'a Outlet) -> BoxFuture<'a, Result<Infallible, Broken>> {
        Box::pin(self.run(from, outlet))
    }
}

struct Writer(WriteHalf<Box<dyn Stream>>);

impl Writer {
    async fn write(&mut self, line: &str) -> io::Result<()> {
        let bytes = format!("{line}\r\n").into_bytes();
        within(WRITE, "writing", self.0.write_all(&bytes)).await?;
        within(WRITE, "writing", self.0.flush()).await
    }
}

/// Lines off the wire; one that is too long is rejected and read past.
struct Lines {
    reader: BufReader<ReadHalf<Box<dyn Stream>>>,
    line: Vec<u8>,
    whole: bool,
    too_long: bool,
}

impl Lines {
    fn new(reader: ReadHalf<Box<dyn Stream>>) -> Lines {
        Lines { reader: BufReader::new(reader), line: Vec::new(), whole: false, too_long: false }
    }

    /// Waits until a line is whole. Nothing is lost if it is not waited for to the end.
    async fn fill(&mut self) -> io::Result<()> {
        while !self.whole {
            if self.reader.fill_buf().await?.is_empty() {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the connection"));
            }
            self.take();
        }
        Ok(())
    }

    /// Moves what is read, up to the end of a line.
    fn take(&mut self) {
        let buffer = self.reader.buffer();
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let part = &buffer[..end.unwrap_or(buffer.len())];
        let room = LINE_BYTES_MAX.saturating_sub(self.line.len());
        self.too_long |= part.len() > room;
        self.line.extend_from_slice(&part[..part.len().min(room)]);
        let used = part.len() + usize::from(end.is_some());
        self.whole = end.is_some();
        self.reader.consume(used);
    }

    /// The next line that is there whole.
    fn next(&mut self) -> Option<Result<Vec<u8>, Rejected>> {
        if !self.whole && !self.reader.buffer().is_empty() {
            self.take();
        }
        if !self.whole {
            return None;
        }
        self.whole = false;
        let mut line = std::mem::take(&mut self.line);
        if std::mem::take(&mut self.too_long) {
            return Some(Err(Rejected::new("a line", format!("longer than {LINE_BYTES_MAX} bytes"), &line)));
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Some(Ok(line))
    }
}
