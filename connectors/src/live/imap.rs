//! Mail, followed: the mailboxes of an IMAP account.
//!
//! New mail is told of by the server (IDLE, RFC 2177) in the first mailbox, and looked for every so often in all. A mail is
//! named by its Message-ID, as a mailbox that is ingested names it, so a copy in another mailbox is the same mail, and a
//! move is nothing. It is deleted when no mailbox that is followed has it any more; should it come back, it is a later
//! revision. Notes: each mailbox with its validity and the next number, which mail has which number, how often a mail was
//! deleted. Mailboxes are opened to be read only, and nothing is marked as read. Cost: what is new; every so often the
//! numbers of all mails, 7 bytes each; about 150 bytes of memory a mail.

mod account;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine;
use futures::future::BoxFuture;
use imap_proto::{AttributeValue, MailboxDatum, Response, ResponseCode};
use nexus_types::event::SAID_NOW;
use nexus_types::{Millis, Text};
use serde::Deserialize;

use super::{Broken, Feed, Named, Outlet, Resume, Secret, SecretRef, socket};
use crate::frame::Frame;
use crate::{Format, MESSAGE_BYTES_MAX, Options, Rejected, mail};
use account::Account;
use wire::{No, Wire, mailbox};

/// The port on which servers expect encryption from the first byte.
const ENCRYPTED: &str = ":993";
/// Servers put out who waits for half an hour.
const IDLE_MAX: Duration = Duration::from_secs(25 * 60);
/// So many mails are asked for at once, and so many bytes of them.
const MAILS_AT_ONCE: (usize, usize) = (50, 4 << 20);

/// What a configuration says of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImapConfig {
    /// `host:port`.
    pub server: String,
    /// Whether to encrypt; by default on port 993.
    pub tls: Option<bool>,
    /// A file of certificates (PEM) to trust instead of the system's.
    pub authority: Option<PathBuf>,
    /// Whose account.
    pub user: String,
    /// Its password.
    pub password: Option<SecretRef>,
    /// An OAuth access token instead of a password (XOAUTH2).
    pub token: Option<SecretRef>,
    /// Which mailboxes; the first is the one whose news come at once.
    #[serde(default = "inbox")]
    pub mailboxes: Vec<String>,
    /// How often to look at all of them, in seconds; 1,500 at most.
    #[serde(default = "a_minute")]
    pub every: u64,
    /// What events are named after; by default `mail`, as in mailboxes that are ingested.
    pub source: Option<Text>,
}

fn inbox() -> Vec<String> {
    vec!["INBOX".into()]
}

fn a_minute() -> u64 {
    60
}

/// How we say who we are.
#[derive(Debug)]
enum Proof {
    Password(Secret),
    Token(Secret),
}

/// An account that is followed.
#[derive(Debug)]
pub struct ImapFeed {
    named: Named,
    config: ImapConfig,
}

const EITHER: &str = "give either a password or a token";

/// Whether there is something to say who we are.
fn has_proof(config: &ImapConfig) -> Result<(), String> {
    let (field, secret) = match (&config.password, &config.token) {
        (Some(password), None) => ("password", password),
        (None, Some(token)) => ("token", token),
        _ => return Err(EITHER.into()),
    };
    secret.read().map(drop).map_err(|error| format!("{field}: {error}"))
}

async fn proof(config: &ImapConfig, now: Millis) -> Result<Proof, Broken> {
    match (&config.password, &config.token) {
        (Some(password), _) => password.fetch("password", now).await.map(Proof::Password),
        (None, Some(token)) => token.fetch("token", now).await.map(Proof::Token),
        (None, None) => Err(Broken::Refused(EITHER.into())),
    }
}

/// What is wanted of a look at a mailbox.
#[derive(Clone, Copy, PartialEq)]
enum Look {
    /// What is new.
    New,
    /// What is new, and what is gone.
    All,
}

impl ImapFeed {
    /// Checks what the configuration says, and reads the password or token.
    pub fn new(named: Named, config: ImapConfig) -> Result<ImapFeed, String> {
        socket::is_address(&config.server, "imap.example.org:993")?;
        if config.mailboxes.is_empty() || config.mailboxes.iter().any(|name| name.contains(['\r', '\n', '\0'])) {
            return Err("mailboxes: name at least one, such as \"INBOX\"".into());
        }
        if config.tls.is_none() && !config.server.ends_with(ENCRYPTED) {
            return Err("tls: only port 993 is encrypted by itself; say whether this one is: true or false".into());
        }
        if config.every == 0 {
            return Err("every: give a second or more".into());
        }
        has_proof(&config)?;
        Ok(ImapFeed { named, config })
    }

    async fn run(&mut self, from: Resume, outlet: &Outlet) -> Result<Infallible, Broken> {
        let server = self.config.server.as_str();
        let tls = self.config.tls.unwrap_or(server.ends_with(ENCRYPTED));
        let stream = socket::connect(server, tls, self.config.authority.as_deref()).await;
        let mut wire = Wire::new(stream.map_err(|error| Broken::Retry(format!("{server}: {error}")))?, server);
        let idles = self.log_in(&mut wire, outlet.now()).await?;
        let source = self.config.source.clone().unwrap_or_else(|| "mail".into());
        let options = Options { source: Some(source.clone()), seen_at: SAID_NOW, ..Options::new(&self.named.scope) };
        let account = Account::new(&self.named, source, from.notes);
        let mut following = Following { wire, options, account, server: server.into() };
        let every = Duration::from_secs(self.config.every).min(IDLE_MAX);
        let alone = self.config.mailboxes.len() == 1;
        for name in &self.config.mailboxes {
            following.open(name, outlet).await?;
        }
        outlet.healthy();
        loop {
            let mut missing = BTreeSet::new();
            // The first comes last: it is then the one that is open.
            for name in self.config.mailboxes.iter().rev() {
                following.open(name, outlet).await?;
                missing.extend(following.look(name, Look::All, outlet).await?);
            }
            following.account.settle(missing, alone, outlet).await?;
            let first = &self.config.mailboxes[0];
            let due = tokio::time::sleep(every);
            tokio::pin!(due);
            while !due.is_elapsed() {
                let look = match idles {
                    true => following.idle(due.as_mut()).await?,
                    false => {
                        due.as_mut().await;
                        None
                    }
                };
                if look == Some(Look::All) && !alone {
                    // What went from here may have come elsewhere: all are looked at.
                    break;
                }
                if let Some(look) = look {
                    let missing = following.look(first, look, outlet).await?;
                    if look == Look::All {
                        following.account.settle(missing, alone, outlet).await?;
                    }
                }
            }
        }
    }

    /// Says who we are; whether the server tells of news.
    async fn log_in(&self, wire: &mut Wire, now: Millis) -> Result<bool, Broken> {
        wire.owed().await?;
        let base64 = |text: String| base64::engine::general_purpose::STANDARD.encode(text);
        let user = &self.config.user;
        // Read anew each time: it may have been changed.
        let (how, proof) = match proof(&self.config, now).await? {
            Proof::Password(password) => ("PLAIN", base64(format!("\0{user}\0{}", password.expose()))),
            Proof::Token(token) => {
                ("XOAUTH2", base64(format!("user={user}\u{1}auth=Bearer {}\u{1}\u{1}", token.expose())))
            }
        };
        let tag = wire.send(&format!("AUTHENTICATE {how}")).await?;
        let first = wire.owed().await?;
        let who = &self.config.server;
        if !first.starts_with(b"+") {
            return Err(Broken::Refused(format!("{who}: it does not know AUTHENTICATE {how}")));
        }
        wire.write(&proof).await?;
        let mut answer = wire.owed().await?;
        if answer.starts_with(b"+") {
            // A token that is not accepted is explained first; an empty line asks for the refusal itself.
            wire.write("").await?;
            answer = wire.owed().await?;
        }
        while answer.starts_with(b"*") {
            answer = wire.owed().await?;
        }
        let let_in = answer.starts_with(format!("{tag} OK").as_bytes());
        if !let_in {
            let says = String::from_utf8_lossy(&answer);
            let says = says.trim().trim_start_matches(&tag).trim();
            return Err(Broken::Refused(format!("{who}: it does not let {user} in: {says}")));
        }
        let mut idles = false;
        let mut each = |response: &Response<'_>| {
            if let Response::Capabilities(all) = response {
                idles = all.iter().any(|one| matches!(one, imap_proto::Capability::Atom(name) if name == "IDLE"));
            }
        };
        said_yes(who, "CAPABILITY", wire.command("CAPABILITY", &mut each).await?)?;
        Ok(idles)
    }
}

fn said_yes(who: &str, what: &str, answer: Result<(), No>) -> Result<(), Broken> {
    answer.map_err(|No(reason)| Broken::Retry(format!("{who}: {what}: {reason}")))
}

/// An account that is open.
struct Following {
    wire: Wire,
    options: Options,
    account: Account,
    server: String,
}

impl Following {
    /// Opens a mailbox, to be read only.
    async fn open(&mut self, name: &str, outlet: &Outlet) -> Result<(), Broken> {
        let mut validity = None;
        let mut each = |response: &Response<'_>| {
            if let Response::Data { outcome, .. } | Response::Done { outcome, .. } = response
                && let Some(ResponseCode::UidValidity(value)) = outcome.code
            {
                validity = Some(value);
            }
        };
        let answer = self.wire.command(&format!("EXAMINE {}", mailbox(name)), &mut each).await?;
        // It always tells how many there are.
        self.wire.news();
        answer.map_err(|No(reason)| Broken::Refused(format!("{}: {name}: {reason}", self.server)))?;
        let Some(validity) = validity else {
            return Err(Broken::Refused(format!("{}: {name}: the server numbers no mails", self.server)));
        };
        self.account.opened(name, validity, outlet).await
    }

    /// Takes in what is new in the mailbox that is open; gives the numbers that are missing, if that is asked.
    async fn look(&mut self, name: &str, look: Look, outlet: &Outlet) -> Result<BTreeSet<(String, u32)>, Broken> {
        let next = self.account.next(name);
        let mut there = self.search(&format!("UID SEARCH UID {next}:*")).await?;
        // The last mail is always among these, however small its number.
        there.retain(|uid| *uid >= next);
        let mut sizes: BTreeMap<u32, usize> = BTreeMap::new();
        for some in there.iter().copied().collect::<Vec<_>>().chunks(1_000) {
            let mut each = |response: &Response<'_>| {
                let of = attributes(response, |one| match one {
                    AttributeValue::Rfc822Size(size) => Some(*size as usize),
                    _ => None,
                });
                sizes.extend(of);
            };
            let command = format!("UID FETCH {} (UID RFC822.SIZE)", set(some));
            said_yes(&self.server, "FETCH", self.wire.command(&command, &mut each).await?)?;
        }
        let mut group: Vec<u32> = Vec::new();
        let mut bytes = 0;
        let sizes = there.iter().map(|uid| (*uid, sizes.get(uid).copied().unwrap_or(0)));
        let mut left = sizes.collect::<Vec<_>>().into_iter().peekable();
        while let Some((uid, size)) = left.next() {
            if size > MESSAGE_BYTES_MAX {
                let reject = Rejected::new(format!("{name}, mail {uid}"), format!("{size} bytes: too large"), b"");
                self.account.take(name, vec![(uid, Err(reject))], outlet).await?;
                continue;
            }
            group.push(uid);
            bytes += size;
            let full = |more: usize| group.len() >= MAILS_AT_ONCE.0 || bytes + more > MAILS_AT_ONCE.1;
            if left.peek().is_none_or(|(_, next)| full(*next)) {
                self.fetch(name, &std::mem::take(&mut group), outlet).await?;
                bytes = 0;
            }
        }
        if look == Look::New {
            return Ok(BTreeSet::new());
        }
        let there = self.search("UID SEARCH ALL").await?;
        Ok(self.account.missing(name, &there))
    }

    async fn search(&mut self, command: &str) -> Result<BTreeSet<u32>, Broken> {
        let (mut found, mut answered) = (BTreeSet::new(), false);
        let mut each = |response: &Response<'_>| {
            if let Response::MailboxData(MailboxDatum::Search(uids)) = response {
                answered = true;
                found.extend(uids.iter().copied());
            }
        };
        said_yes(&self.server, "SEARCH", self.wire.command(command, &mut each).await?)?;
        // No answer is not the answer that nothing is there.
        match answered {
            true => Ok(found),
            false => Err(Broken::Retry(format!("{}: SEARCH has no answer that can be read", self.server))),
        }
    }

    async fn fetch(&mut self, name: &str, uids: &[u32], outlet: &Outlet) -> Result<(), Broken> {
        let (options, mut mails) = (&self.options, Vec::new());
        let mut each = |response: &Response<'_>| {
            let body = attributes(response, |one| match one {
                AttributeValue::BodySection { data, .. } => data.as_deref(),
                _ => None,
            });
            let came = attributes(response, |one| match one {
                AttributeValue::InternalDate(date) => Some(date.to_string()),
                _ => None,
            });
            if let Some((uid, raw)) = body {
                let came = came.and_then(|(_, date)| mail::internal_date(&date));
                // A frame of its own: which mails without an id were read before must not matter.
                let frame = Frame::new(options, Format::Eml).map_err(|error| error.to_string());
                let read = frame.and_then(|mut frame| mail::change(&mut frame, raw, came));
                mails.push((uid, read.map_err(|reason| Rejected::new(format!("{name}, mail {uid}"), reason, raw))));
            }
        };
        let command = format!("UID FETCH {} (UID INTERNALDATE BODY.PEEK[])", set(uids));
        said_yes(&self.server, "FETCH", self.wire.command(&command, &mut each).await?)?;
        let missed: Vec<u32> = uids.iter().copied().filter(|uid| !mails.iter().any(|(got, _)| got == uid)).collect();
        if !missed.is_empty() {
            // What went meanwhile is not missed; what is there and does not come is said.
            let there = self.search(&format!("UID SEARCH UID {}", set(&missed))).await?;
            let reason = "the server does not deliver it in a form that can be read";
            let reject = |uid: u32| (uid, Err(Rejected::new(format!("{name}, mail {uid}"), reason, b"")));
            mails.extend(missed.into_iter().filter(|uid| there.contains(uid)).map(reject));
        }
        self.account.take(name, mails, outlet).await
    }

    /// Waits for news in the mailbox that is open, until `due`.
    async fn idle(&mut self, due: std::pin::Pin<&mut tokio::time::Sleep>) -> Result<Option<Look>, Broken> {
        // What was told of while something else was asked.
        let news = look(self.wire.news());
        if news.is_some() {
            return Ok(news);
        }
        let tag = self.wire.send("IDLE").await?;
        let told = async {
            loop {
                let bytes = self.wire.response(IDLE_MAX).await?;
                let Ok((_, response)) = Response::parse(&bytes) else { continue };
                if matches!(response, Response::Done { .. }) {
                    return Err(Broken::Retry(format!("{}: it does not wait with us", self.server)));
                }
                if self.wire.note(&response) {
                    return Ok(());
                }
            }
        };
        tokio::select! {
            told = told => told?,
            () = due => {}
        }
        self.wire.write("DONE").await?;
        said_yes(&self.server, "IDLE", self.wire.done(&tag, &mut |_| {}).await?)?;
        Ok(look(self.wire.news()))
    }
}

/// What has to be looked for when mail came, or went.
fn look((came, went): (bool, bool)) -> Option<Look> {
    match (came, went) {
        (_, true) => Some(Look::All),
        (true, false) => Some(Look::New),
        (false, false) => None,
    }
}

/// What a FETCH response says of a mail, with the mail's number.
fn attributes<'r, T>(response: &'r Response<'_>, of: impl Fn(&'r AttributeValue<'r>) -> Option<T>) -> Option<(u32, T)> {
    let Response::Fetch(_, all) = response else { return None };
    let uid = all.iter().find_map(|one| if let AttributeValue::Uid(uid) = one { Some(*uid) } else { None })?;
    Some((uid, all.iter().find_map(of)?))
}

/// Numbers as a command has them: `3:5,9`.
fn set(uids: &[u32]) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for uid in uids {
        match runs.last_mut().filter(|(_, last)| last.checked_add(1) == Some(*uid)) {
            Some((_, last)) => *last = *uid,
            None => runs.push((*uid, *uid)),
        }
    }
    let run = |(first, last): &(u32, u32)| if first == last { first.to_string() } else { format!("{first}:{last}") };
    runs.iter().map(run).collect::<Vec<_>>().join(",")
}

impl Feed for ImapFeed {
    fn follow<'a>(&'a mut self, from: Resume, outlet: &'a Outlet) -> BoxFuture<'a, Result<Infallible, Broken>> {
        Box::pin(self.run(from, outlet))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_in_runs() {
        assert_eq!(set(&[3, 4, 5, 9]), "3:5,9");
        assert_eq!(set(&[u32::MAX]), "4294967295");
    }
}
