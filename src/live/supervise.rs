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
use nexus_types::Text;
use serde::Serialize;
use tokio::sync::oneshot;

use super::run::Orders;

/// The first pause after a failure, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(300));
/// What worked for so long begins with the first pause again; what breaks sooner may do so for ever.
const STEADY: Duration = Duration::from_secs(60);
/// After so many failures in a row a feed's breaker is open: it is tried at the end of each pause only.
const FAILURES_MAX: u32 = 5;

/// How a feed is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
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

/// What is known of a feed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FeedHealth {
    /// How it is.
    pub state: FeedState,
    /// How often it failed since it last worked for a minute.
    pub failures: u32,
    /// Why it failed last.
    pub reason: Option<String>,
    /// Changes that it brought.
    pub messages: u64,
    /// Of these, those that were news.
    pub news: u64,
    /// What it brought that could not be read.
    pub rejects: u64,
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

/// Follows a feed until the run is over.
pub(crate) async fn supervise(named: Named, mut feed: Box<dyn Feed>, orders: Orders, board: Board) {
    let mut pauses = pauses();
    loop {
        let Some(from) = resume(&named, &orders).await else { return };
        let healthy = Arc::new(AtomicBool::new(false));
        let since = Mutex::new(None);
        let outlet = Outlet::new(named.clone(), orders.deliver(), healthy.clone());
        let told = watch(&named, &healthy, &since, (&orders, &board));
        let following = AssertUnwindSafe(feed.follow(from, &outlet)).catch_unwind();
        let broken = tokio::select! {
            followed = following => match followed {
                Ok(Err(broken)) => broken,
                Err(panic) => Broken::Retry(format!("a bug: {}", said(&*panic))),
            },
            never = told => match never {},
        };
        let worked = since.lock().unwrap_or_else(PoisonError::into_inner).map(|since: Instant| since.elapsed());
        if worked.is_some_and(|worked| worked >= STEADY) {
            pauses = self::pauses();
            on(&board, &named.feed, |health| health.failures = 0);
        }
        let (state, pause) = match &broken {
            Broken::Closed => return,
            Broken::Refused(_) => (FeedState::Refused, PAUSES.1),
            Broken::Wait(_, pause) => (FeedState::Waits, (*pause).max(pauses.next().unwrap_or(PAUSES.1))),
            Broken::Retry(_) => (FeedState::Waits, pauses.next().unwrap_or(PAUSES.1)),
        };
        let state = on(&board, &named.feed, |health| {
            health.failures += 1;
            let open = state == FeedState::Waits && health.failures >= FAILURES_MAX;
            health.state = if open { FeedState::Open } else { state };
            health.reason = Some(broken.reason().into());
            health.state
        });
        let again_in = u64::try_from(pause.as_millis()).ok();
        orders.tell(Told { feed: named.feed.clone(), state, reason: Some(broken.reason().into()), again_in });
        tokio::time::sleep(pause).await;
    }
}

fn pauses() -> impl Iterator<Item = Duration> + Send {
    let (least, most) = PAUSES;
    ExponentialBuilder::default().with_min_delay(least).with_max_delay(most).without_max_times().with_jitter().build()
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
        (health.state, health.reason) = (FeedState::Works, None);
    });
    orders.tell(Told { feed: named.feed.clone(), state: FeedState::Works, reason: None, again_in: None });
    std::future::pending().await
}

/// What a panic says.
fn said(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic")
}
