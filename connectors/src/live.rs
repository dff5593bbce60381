//! Live feeds: platforms that are followed while they go on.
//!
//! A [`Feed`] pushes what it reads, in batches, until its connection breaks; whoever runs it starts it again, from the
//! offset that is durable with what was taken in. An [`Outlet`] holds a bounded amount per feed: when it is full, sending
//! waits, so the socket is not read and the platform waits too. A batch counts once its [`Kept`] says so: it is on the disk.
//!
//! Rules for feeds: every change that a platform may deliver again carries a revision, so that an old copy never undoes a
//! newer one; a batch's offset covers its items and all before; every wait for the network has a deadline; no secret stands
//! in an error. Cost: a copy of each message, and [`ROOM_BYTES`] a feed at most.

mod bluesky;
mod caldav;
mod directory;
mod discord;
pub(crate) mod http;
mod ics;
mod imap;
mod irc;
#[cfg(feature = "kafka")]
mod kafka;
mod manners;
mod mastodon;
mod matrix;
mod nats;
mod notes;
mod pushed;
pub(crate) mod queue;
mod rabbitmq;
mod rss;
mod secret;
pub mod serve;
mod signed;
pub mod sink;
mod slack;
mod socket;
mod sse;
mod telegram;
mod webhook;
mod websocket;
pub(crate) mod x;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use nexus_types::{Change, Millis, Scope, Text};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::Item;
pub use bluesky::{BlueskyConfig, BlueskyFeed};
pub use caldav::{CaldavConfig, CaldavFeed};
pub use directory::{DirectoryConfig, DirectoryFeed};
pub use discord::{DiscordConfig, DiscordFeed};
pub use ics::{IcsConfig, IcsFeed};
pub use imap::{ImapConfig, ImapFeed};
pub use irc::{IrcConfig, IrcFeed};
#[cfg(feature = "kafka")]
pub use kafka::{KafkaConfig, KafkaFeed, KafkaFrom, KafkaMechanism};
pub use mastodon::{MastodonConfig, MastodonFeed};
pub use matrix::{MatrixConfig, MatrixFeed};
pub use nats::{NatsConfig, NatsFeed};
pub use rabbitmq::{RabbitmqConfig, RabbitmqFeed, RabbitmqIdentity};
pub use rss::{RssConfig, RssFeed};
pub use secret::{Secret, SecretRef};
pub use slack::{SlackConfig, SlackFeed};
pub use telegram::{TelegramConfig, TelegramFeed};
pub use webhook::{WebhookConfig, WebhookFeed, WebhookSignature};
pub use x::{XConfig, XFeed};

/// How much of a feed waits to be taken in, in bytes.
pub const ROOM_BYTES: usize = 8 << 20;
/// Room is counted in pieces of so many bytes.
const PIECE_BYTES: usize = 1 << 10;
/// What an item takes beside its texts.
const ITEM_BYTES: usize = 256;

/// The revision of a deletion that is for good: no edit is newer, however late it comes.
pub const FINAL: u64 = 1 << 62;

/// A platform that is followed.
pub trait Feed: Send {
    /// Reads from where it stopped and pushes what comes; returns only when it cannot go on.
    fn follow<'a>(&'a mut self, from: Resume, outlet: &'a Outlet) -> BoxFuture<'a, Result<Infallible, Broken>>;
}

/// Whose memory a feed goes into, and how its events are named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The scope.
    pub scope: Scope,
    /// The feed's name in the configuration.
    pub feed: Text,
}

/// Where a feed goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resume {
    /// How far it was read; `None` the first time.
    pub offset: Option<Text>,
    /// What it noted.
    pub notes: BTreeMap<Text, Text>,
    /// When it goes on.
    pub at: Millis,
}

/// What a feed read, with how far that is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// What happened and what could not be read.
    pub items: Vec<Item>,
    /// How far it is read with these; `None` where that did not change.
    pub offset: Option<Text>,
    /// What to note, and what to forget.
    pub notes: Vec<(Text, Option<Text>)>,
    /// More of the same input follows: edits of messages without revisions wait for its end, since it may say them again.
    pub unfinished: bool,
}

impl Batch {
    /// How much room it takes.
    pub fn bytes(&self) -> usize {
        let of = |item: &Item| {
            ITEM_BYTES
                + match item {
                    Item::Change(Change::Upsert(event)) => {
                        event.text.len()
                            + event.meta.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>()
                    }
                    Item::Change(_) => 0,
                    Item::Reject(reject) => reject.raw.len() + reject.whole.len(),
                }
        };
        let notes = |(key, value): &(Text, Option<Text>)| key.len() + value.as_ref().map_or(0, |value| value.len());
        self.items.iter().map(of).sum::<usize>() + self.notes.iter().map(notes).sum::<usize>()
    }
}

/// Why a feed stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broken {
    /// It may work the next time.
    Retry(String),
    /// It may work after so long: the platform said so.
    Wait(String, Duration),
    /// It will not work until somebody changes the configuration or the credentials.
    Refused(String),
    /// Nobody takes in what it reads: the run is over.
    Closed,
}

impl Broken {
    /// What went wrong.
    pub fn reason(&self) -> &str {
        match self {
            Broken::Retry(reason) | Broken::Wait(reason, _) | Broken::Refused(reason) => reason,
            Broken::Closed => "the run is over",
        }
    }
}

/// A batch on its way.
#[derive(Debug)]
pub struct Parcel {
    /// Which feed it is from.
    pub from: Named,
    /// What it holds.
    pub batch: Batch,
    kept: oneshot::Sender<()>,
    /// Given back when the parcel is gone.
    room: OwnedSemaphorePermit,
}

impl Parcel {
    /// Takes out what it holds; the receipt says later that it is durable.
    pub fn open(self) -> (Named, Batch, Receipt) {
        (self.from, self.batch, Receipt { kept: self.kept, _room: self.room })
    }
}

/// What a feed waits for.
#[derive(Debug)]
pub struct Receipt {
    kept: oneshot::Sender<()>,
    _room: OwnedSemaphorePermit,
}

impl Receipt {
    /// The parcel is on the disk.
    pub fn keep(self) {
        // A feed that does not wait for it is no error.
        let _ = self.kept.send(());
    }
}

/// Resolves when a batch is on the disk: then the platform may be told that it need not send it again.
#[derive(Debug)]
pub struct Kept(oneshot::Receiver<()>);

impl Kept {
    /// Waits for it.
    pub async fn kept(self) -> Result<(), Broken> {
        self.0.await.map_err(|_| Broken::Closed)
    }
}

/// Takes a parcel; false if nobody does any more.
pub type Deliver = Arc<dyn Fn(Parcel) -> bool + Send + Sync>;

/// What time it is.
pub type Clock = fn() -> Millis;

/// Where a feed's batches go.
pub struct Outlet {
    from: Named,
    deliver: Deliver,
    clock: Clock,
    room: Arc<Semaphore>,
    healthy: Arc<AtomicBool>,
}

impl Outlet {
    /// An outlet into `deliver`. `healthy` is set by the feed once it works.
    pub fn new(from: Named, deliver: Deliver, healthy: Arc<AtomicBool>, clock: Clock) -> Outlet {
        Outlet { from, deliver, clock, room: Arc::new(Semaphore::new(ROOM_BYTES / PIECE_BYTES)), healthy }
    }

    /// What time it is.
    pub fn now(&self) -> Millis {
        (self.clock)()
    }

    /// Sends a batch; waits while there is no room.
    pub async fn send(&self, batch: Batch) -> Result<Kept, Broken> {
        let pieces = batch.bytes().div_ceil(PIECE_BYTES).clamp(1, ROOM_BYTES / PIECE_BYTES);
        let room = self.room.clone().acquire_many_owned(pieces as u32).await.map_err(|_| Broken::Closed)?;
        let (kept, keeping) = oneshot::channel();
        let taken = (self.deliver)(Parcel { from: self.from.clone(), batch, kept, room });
        if taken { Ok(Kept(keeping)) } else { Err(Broken::Closed) }
    }

    /// It works: it is let in, and one exchange went well.
    pub fn healthy(&self) {
        self.healthy.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::Rejected;

    fn outlet() -> (Outlet, std::sync::mpsc::Receiver<Parcel>) {
        let (sender, receiver) = std::sync::mpsc::channel();
        let from = Named { scope: "s".into(), feed: "f".into() };
        (Outlet::new(from, Arc::new(move |parcel| sender.send(parcel).is_ok()), Arc::default(), || 0), receiver)
    }

    fn large() -> Batch {
        let items = (0..ROOM_BYTES / 4096).map(|_| Item::Reject(Rejected::new("", "", &[b'x'; 4096])));
        Batch { items: items.collect(), ..Batch::default() }
    }

    #[tokio::test]
    async fn who_is_full_waits_until_a_parcel_is_gone() {
        let (outlet, parcels) = outlet();
        let kept = outlet.send(large()).await.unwrap();
        let waiting = outlet.send(large());
        futures::pin_mut!(waiting);
        assert!(futures::poll!(&mut waiting).is_pending());
        let (_, _, receipt) = parcels.recv().unwrap().open();
        assert!(futures::poll!(&mut waiting).is_pending());
        receipt.keep();
        kept.kept().await.unwrap();
        waiting.await.unwrap();
    }

    #[tokio::test]
    async fn what_nobody_takes_in_is_not_kept() {
        let (outlet, parcels) = outlet();
        let kept = outlet.send(Batch::default()).await.unwrap();
        drop(parcels.recv().unwrap());
        assert_eq!(kept.kept().await, Err(Broken::Closed));
        drop(parcels);
        assert_eq!(outlet.send(Batch::default()).await.unwrap_err(), Broken::Closed);
    }
}
