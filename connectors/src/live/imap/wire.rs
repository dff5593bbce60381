//! A connection to an IMAP server (RFC 3501): commands out, responses in, each whole with its literals.

use std::io;
use std::time::Duration;

use imap_proto::{MailboxDatum, Response, Status};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use crate::MESSAGE_BYTES_MAX;
use crate::live::Broken;
use crate::live::socket::{Stream, within};

/// How long the server may be silent while it owes us something.
const ANSWER: Duration = Duration::from_secs(60);
/// How long a command of ours may take to be written.
const WRITE: Duration = Duration::from_secs(10);
/// The longest response: one mail, and what stands around it.
const RESPONSE_BYTES_MAX: usize = MESSAGE_BYTES_MAX + (64 << 10);

/// A connection.
pub(super) struct Wire {
    stream: BufReader<Box<dyn Stream>>,
    who: String,
    commands: u32,
    /// What is read of a response, and how much of a literal is to come.
    part: Vec<u8>,
    literal: usize,
    /// Whether the server told of mail that came, and of mail that went, since it was last asked for.
    came: bool,
    went: bool,
}

/// What a server says no to.
#[derive(Debug)]
pub(super) struct No(pub(super) String);

impl Wire {
    pub(super) fn new(stream: Box<dyn Stream>, who: &str) -> Wire {
        Wire {
            stream: BufReader::new(stream),
            who: who.into(),
            commands: 0,
            part: Vec::new(),
            literal: 0,
            came: false,
            went: false,
        }
    }

    /// The next response. Nothing is lost if it is not waited for to the end.
    pub(super) async fn response(&mut self, silence: Duration) -> Result<Vec<u8>, Broken> {
        loop {
            let who = &self.who;
            let buffer = match tokio::time::timeout(silence, self.stream.fill_buf()).await {
                Ok(buffer) => buffer.map_err(|error| Broken::Retry(format!("{who}: {error}")))?,
                Err(_) => return Err(Broken::Retry(format!("{who}: silent for {} s", silence.as_secs()))),
            };
            if buffer.is_empty() {
                return Err(Broken::Retry(format!("{}: the server closed the connection", self.who)));
            }
            let (used, ended) = match self.literal {
                0 => match buffer.iter().position(|byte| *byte == b'\n') {
                    Some(at) => (at + 1, true),
                    None => (buffer.len(), false),
                },
                left => (left.min(buffer.len()), false),
            };
            if self.part.len() + used > RESPONSE_BYTES_MAX {
                return Err(Broken::Retry(format!("{}: a response of more than {RESPONSE_BYTES_MAX} bytes", self.who)));
            }
            self.part.extend_from_slice(&buffer[..used]);
            self.stream.consume(used);
            self.literal = self.literal.saturating_sub(used);
            if ended {
                match announced(&self.part) {
                    Some(bytes) => self.literal = bytes,
                    None => return Ok(std::mem::take(&mut self.part)),
                }
            }
        }
    }

    /// The next response, which is owed.
    pub(super) async fn owed(&mut self) -> Result<Vec<u8>, Broken> {
        self.response(ANSWER).await
    }

    /// Writes a line.
    pub(super) async fn write(&mut self, line: &str) -> Result<(), Broken> {
        let bytes = format!("{line}\r\n").into_bytes();
        let stream = self.stream.get_mut();
        let written = async {
            stream.write_all(&bytes).await?;
            stream.flush().await
        };
        let lost = |error: io::Error| Broken::Retry(format!("{}: {error}", self.who));
        within(WRITE, "writing", written).await.map_err(lost)
    }

    /// Sends a command; gives its tag.
    pub(super) async fn send(&mut self, command: &str) -> Result<String, Broken> {
        self.commands += 1;
        let tag = format!("n{}", self.commands);
        self.write(&format!("{tag} {command}")).await?;
        Ok(tag)
    }

    /// Reads until the command of that tag is done, showing everything else to `each`.
    pub(super) async fn done(
        &mut self,
        tag: &str,
        each: &mut (dyn FnMut(&Response<'_>) + Send),
    ) -> Result<Result<(), No>, Broken> {
        loop {
            let bytes = self.owed().await?;
            // What the parser does not know, no command of ours waits for; who misses an answer asks again.
            let Ok((_, response)) = Response::parse(&bytes) else { continue };
            self.note(&response);
            match &response {
                Response::Done { tag: of, status, outcome } if of.0 == tag => {
                    each(&response);
                    return Ok(match status {
                        Status::Ok => Ok(()),
                        _ => Err(No(outcome.information.as_deref().unwrap_or("no reason given").into())),
                    });
                }
                Response::Data { status: Status::Bye, outcome } => {
                    let reason = outcome.information.as_deref().unwrap_or_default();
                    return Err(Broken::Retry(format!("{}: the server ends the connection: {reason}", self.who)));
                }
                other => each(other),
            }
        }
    }

    /// Notes what a response tells of mail that came or went; whether it tells of any.
    pub(super) fn note(&mut self, response: &Response<'_>) -> bool {
        let came = matches!(response, Response::MailboxData(MailboxDatum::Exists(_)));
        let went = matches!(response, Response::Expunge(_) | Response::Vanished { .. });
        (self.came, self.went) = (self.came | came, self.went | went);
        came | went
    }

    /// Whether mail came, and went, since this was last asked.
    pub(super) fn news(&mut self) -> (bool, bool) {
        (std::mem::take(&mut self.came), std::mem::take(&mut self.went))
    }

    /// Sends a command and reads until it is done.
    pub(super) async fn command(
        &mut self,
        command: &str,
        each: &mut (dyn FnMut(&Response<'_>) + Send),
    ) -> Result<Result<(), No>, Broken> {
        let tag = self.send(command).await?;
        self.done(&tag, each).await
    }
}

/// How long the literal is that a line ends with: `{17}`.
fn announced(part: &[u8]) -> Option<usize> {
    let line = part.strip_suffix(b"\n")?;
    let line = line.strip_suffix(b"\r").unwrap_or(line).strip_suffix(b"}")?;
    let digits = line.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let (before, digits) = line.split_at(line.len() - digits);
    before.ends_with(b"{").then(|| std::str::from_utf8(digits).ok()?.parse().ok()).flatten()
}

/// A mailbox's name as IMAP writes it: other letters than ASCII in a UTF-7 of its own (RFC 3501, 5.1.3), quoted.
pub(super) fn mailbox(name: &str) -> String {
    use base64::Engine;
    let mut out = String::from("\"");
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let plain = |c: char| (' '..='~').contains(&c);
        let end = rest.find(|c| plain(c) != plain(first)).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        if plain(first) {
            out += &run.replace('&', "&-").replace('\\', "\\\\").replace('"', "\\\"");
        } else {
            let bytes: Vec<u8> = run.encode_utf16().flat_map(u16::to_be_bytes).collect();
            let text = base64::engine::general_purpose::STANDARD_NO_PAD.encode(bytes).replace('/', ",");
            out += &format!("&{text}-");
        }
        rest = after;
    }
    out + "\""
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_and_literals_are_as_the_standard_has_them() {
        assert_eq!(mailbox("INBOX"), "\"INBOX\"");
        assert_eq!(mailbox("~peter/mail/台北/日本語"), "\"~peter/mail/&U,BTFw-/&ZeVnLIqe-\"");
        assert_eq!(mailbox("a & \"b\""), "\"a &- \\\"b\\\"\"");
        assert_eq!(announced(b"* 1 FETCH (BODY[] {17}\r\n"), Some(17));
        for none in [&b"* OK {x}\r\n"[..], b"* OK 17}\r\n", b"{17}", b"\r\n", b""] {
            assert_eq!(announced(none), None);
        }
    }

    #[tokio::test]
    async fn a_response_comes_whole_however_it_is_cut() {
        let (ours, mut theirs) = tokio::io::duplex(64);
        let mut wire = Wire::new(Box::new(ours), "test");
        let sent = b"* 1 FETCH (BODY[] {5}\r\na\nb\r\n UID 7)\r\n* OK hi\r\n";
        let sending = async {
            for byte in sent {
                theirs.write_all(&[*byte]).await.unwrap();
                tokio::task::yield_now().await;
            }
            drop(theirs);
        };
        let reading = async {
            let mut got = Vec::new();
            loop {
                // Cancelled again and again: nothing may be lost.
                match tokio::time::timeout(Duration::from_micros(1), wire.response(ANSWER)).await {
                    Ok(Ok(response)) => got.push(response),
                    Ok(Err(broken)) => return (got, broken),
                    Err(_) => {}
                }
            }
        };
        let ((), (got, broken)) = futures::join!(sending, reading);
        assert_eq!(got, [&sent[..37], &sent[37..]]);
        assert!(matches!(broken, Broken::Retry(reason) if reason.contains("closed")));
    }
}
