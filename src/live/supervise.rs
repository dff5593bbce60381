//! One task for each feed: starts it, and again when it breaks, after a while that grows; no failure of one is felt by
//! another, not even a panic.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBuilder};
use futures::FutureExt;
use nexus_connectors::live::{Broken, Feed, Named, Outlet, Resume};
use nexus_types::{Millis, Text};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, oneshot};

use super::pulse::Lately;
use super::run::Orders;
use crate::clock;

/// The first pause after a failure, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(300));
/// The first pause after credentials were refused: platforms lock out who knocks too often.
const REFUSED: Duration = Duration::from_secs(10);
/// What worked for so long begins with the first pause again; what breaks sooner may do so for ever.
const STEADY: Duration = Duration::from_secs(60);
/// After so many failures in a row a feed's breaker is open: it is tried at the end of each pause only.
const FAILURES_MAX: u32 = 5;

/// How a feed is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedState {
    /// It is being started.
    #[default]
    Starting,
    /// It works.
    Works,
    /// It broke, and is tried again after a pause.
    Waits,
    /// It broke again and again: its breaker is open until a try works.
    Open,
    /// It needs somebody to change the configuration or the credentials.
    Refused,
}

impl FeedState {
    /// Each of them.
    pub const ALL: [FeedState; 5] =
        [FeedState::Starting, FeedState::Works, FeedState::Waits, FeedState::Open, FeedState::Refused];

    /// The name, as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            FeedState::Starting => "starting",
            FeedState::Works => "works",
            FeedState::Waits => "waits",
            FeedState::Open => "open",
            FeedState::Refused => "refused",
        }
    }
}

/// What is known of a feed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedHealth {
    /// Whose memory it goes into.
    pub scope: Text,
    /// How it is.
    pub state: FeedState,
    /// Since when.
    pub since: Millis,
    /// How often it failed since it last worked for a minute.
    pub failures: u32,
    /// Why it failed last; nothing while it works.
    pub reason: Option<String>,
    /// How often it was started again.
    pub reconnects: u64,
    /// Changes that it brought.
    pub messages: u64,
    /// Of these, those of the last minute.
    pub last_minute: u64,
    /// Those that were news.
    pub news: u64,
    /// What it brought that could not be read.
    pub rejects: u64,
    /// Of these, those of the last hour.
    pub rejects_last_hour: u64,
    /// Bytes of texts that it brought.
    pub bytes: u64,
    /// When it last brought a message.
    pub last_message_at: Option<Millis>,
    /// From when its newest message was said to when it was memory, in milliseconds.
    pub lag_ms: Option<Millis>,
    /// How much of it waits to be taken in, in changes.
    pub queue_items: u64,
    /// The same in bytes.
    pub queue_bytes: u64,
    #[serde(skip)]
    pub(super) lately: Lately,
}

/// What a run tells as it goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Told {
    /// Which feed.
    pub feed: Text,
    /// How it is now.
    pub state: FeedState,
    /// Why, if it broke.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// For how long it waits, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub again_in: Option<u64>,
}

/// What is known of all feeds, by name.
pub(crate) type Board = Arc<Mutex<BTreeMap<Text, FeedHealth>>>;

pub(crate) fn on<R>(board: &Board, feed: &Text, change: impl FnOnce(&mut FeedHealth) -> R) -> R {
    change(board.lock().unwrap_or_else(PoisonError::into_inner).entry(feed.clone()).or_default())
}

/// The same, if the feed is followed still: what it sent may come after it was ended.
pub(super) fn on_followed(board: &Board, feed: &Text, change: impl FnOnce(&mut FeedHealth)) {
    if let Some(health) = board.lock().unwrap_or_else(PoisonError::into_inner).get_mut(feed) {
        change(health);
    }
}

/// Follows a feed until the run is over; `anew` has it begin again where it is.
pub(crate) async fn supervise(
    named: Named,
    mut feed: Box<dyn Feed>,
    anew: Arc<Notify>,
    (orders, board): (Orders, Board),
) {
    let (mut pauses, mut refusals) = (pauses(PAUSES.0), self::pauses(REFUSED));
    loop {
        let Some(from) = resume(&named, &orders).await else { return };
        let healthy = Arc::new(AtomicBool::new(false));
        let since = Mutex::new(None);
        let outlet = Outlet::new(named.clone(), orders.deliver(&board), healthy.clone(), clock::now);
        let told = watch(&named, &healthy, &since, (&orders, &board));
        let following = AssertUnwindSafe(feed.follow(from, &outlet)).catch_unwind();
        let broken = tokio::select! {
            followed = following => match followed {
                Ok(Err(broken)) => broken,
                Err(panic) => Broken::Retry(format!("a bug: {}", said(&*panic))),
            },
            () = anew.notified() => {
                on(&board, &named.feed, |health| health.reconnects += 1);
                continue;
            }
            never = told => match never {},
        };
        let worked = since.lock().unwrap_or_else(PoisonError::into_inner).map(|since: Instant| since.elapsed());
        if worked.is_some_and(|worked| worked >= STEADY) {
            (pauses, refusals) = (self::pauses(PAUSES.0), self::pauses(REFUSED));
            on(&board, &named.feed, |health| health.failures = 0);
        }
        let (state, pause) = match &broken {
            Broken::Closed => return,
            Broken::Refused(_) => (FeedState::Refused, refusals.next().unwrap_or(PAUSES.1)),
            Broken::Wait(_, pause) => (FeedState::Waits, (*pause).max(pauses.next().unwrap_or(PAUSES.1))),
            Broken::Retry(_) => (FeedState::Waits, pauses.next().unwrap_or(PAUSES.1)),
        };
        let state = on(&board, &named.feed, |health| {
            health.failures += 1;
            let open = state == FeedState::Waits && health.failures >= FAILURES_MAX;
            health.turns(if open { FeedState::Open } else { state });
            health.reason = Some(broken.reason().into());
            health.state
        });
        let again_in = u64::try_from(pause.as_millis()).ok();
        tracing::warn!(feed = %named.feed, state = state.name(), reason = broken.reason(), again_in, "broke");
        orders.tell(Told { feed: named.feed.clone(), state, reason: Some(broken.reason().into()), again_in });
        tokio::time::sleep(pause).await;
        on(&board, &named.feed, |health| health.reconnects += 1);
    }
}

fn pauses(least: Duration) -> impl Iterator<Item = Duration> + Send {
    ExponentialBuilder::default()
        .with_min_delay(least)
        .with_max_delay(PAUSES.1)
        .without_max_times()
        .with_jitter()
        .build()
}

/// Where it goes on; nothing when the run is over.
async fn resume(named: &Named, orders: &Orders) -> Option<Resume> {
    let (reply, resume) = oneshot::channel();
    orders.ask_resume(named.clone(), reply);
    resume.await.ok()
}

/// Tells once that a feed works.
async fn watch(
    named: &Named,
    healthy: &AtomicBool,
    since: &Mutex<Option<Instant>>,
    (orders, board): (&Orders, &Board),
) -> std::convert::Infallible {
    while !healthy.load(Ordering::Relaxed) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    *since.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    on(board, &named.feed, |health| {
        health.turns(FeedState::Works);
        health.reason = None;
    });
    tracing::info!(feed = %named.feed, state = FeedState::Works.name(), "works");
    orders.tell(Told { feed: named.feed.clone(), state: FeedState::Works, reason: None, again_in: None });
    std::future::pending().await
}

/// What a panic says.
fn said(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic")
}
