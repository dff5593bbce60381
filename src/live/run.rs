//! The loop of `nexus run`: parcels out of the queue, into the tail, into memory.
//!
//! What is in the tail is acknowledged, with how far its feed is read in the same append. An epoch begins at most every
//! [`PACE`]; what comes meanwhile waits in the tail and goes into the next, so epochs grow with the load. Models work a
//! little in each epoch, and on what is left when it is quiet. Cost: what is brought; a quiet run looks once a second.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use nexus_connectors::live::{Deliver, Feed, Named, Parcel, Resume};
use nexus_types::{Scope, Text};
use tokio::runtime::Runtime;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

use super::config::{Entry, FeedsConfig};
use super::health::Published;
use super::intake::{Intake, Job};
use super::shown::{self, Shown};
use super::sinks::Outbound;
use super::supervise::{Board, FeedHealth, FeedState, Told, on, on_followed, supervise};
use crate::outbox::Cursor;
use crate::writer::Nexus;
use crate::{Error, Result, clock};

/// An epoch begins at most so often.
const PACE: Duration = Duration::from_millis(100);
/// So long parcels are gathered, so that they share one append.
const GATHER: Duration = Duration::from_millis(5);
/// How long a quiet run sleeps.
const QUIET: Duration = Duration::from_secs(1);
/// A quiet run looks so often whether a day is over, and whether models that could not answer can.
const DAY: Duration = Duration::from_secs(30);
/// How long models may work in one epoch while feeds bring something.
const MODELS: Duration = Duration::from_millis(50);
/// How often it is looked how much waits for sinks.
const MEASURED_EVERY: Duration = Duration::from_secs(10);
/// How long a feed may take to stop.
const STOP: Duration = Duration::from_secs(5);

/// What reaches the thread that owns the engine.
enum Order {
    Take(Parcel),
    Resume(Named, oneshot::Sender<Resume>),
    Told(Told),
    Reload(FeedsConfig, Made),
    Lend(Job),
    Outbound(Cursor, oneshot::Sender<Outbound>),
    Stop,
}

/// Feeds that are about to be followed, by name.
type Made = BTreeMap<Text, Box<dyn Feed>>;

/// The way there, for feeds' tasks.
#[derive(Clone)]
pub(crate) struct Orders(Sender<Order>);

impl Orders {
    /// Where parcels go.
    pub(crate) fn deliver(&self, board: &Board) -> Deliver {
        let (sender, board) = (self.0.clone(), board.clone());
        Arc::new(move |parcel: Parcel| {
            let (items, bytes) = (parcel.batch.items.len(), parcel.batch.bytes());
            on_followed(&board, &parcel.from.feed, |health| health.queues(items, bytes));
            sender.send(Order::Take(parcel)).is_ok()
        })
    }

    /// Tells how a feed is.
    pub(crate) fn tell(&self, told: Told) {
        // Without anybody to tell, the run is over.
        let _ = self.0.send(Order::Told(told));
    }

    /// Asks what leaves after this; the answer comes when there is something.
    pub(super) fn ask_outbound(&self, after: Cursor, reply: oneshot::Sender<Outbound>) {
        let _ = self.0.send(Order::Outbound(after, reply));
    }

    /// Asks where a feed goes on: after all that it sent before.
    pub(crate) fn ask_resume(&self, named: Named, reply: oneshot::Sender<Resume>) {
        let _ = self.0.send(Order::Resume(named, reply));
    }
}

/// Steers a run from another thread.
#[derive(Clone)]
pub struct Control {
    orders: Sender<Order>,
    board: Board,
    published: Published,
}

impl Control {
    /// Takes in what is there already, and ends.
    pub fn stop(&self) {
        let _ = self.orders.send(Order::Stop);
    }

    /// Goes on with another configuration: feeds that are as they were go on undisturbed. Feeds are made, and their
    /// secrets read, before this returns, which may take its time; the run does not wait for it.
    pub fn reload(&self, config: FeedsConfig) {
        let orders = Orders(self.orders.clone());
        let mut made = Made::new();
        for entry in config.entries() {
            let feed = entry.named.feed.clone();
            match entry.followed(&orders, &self.board) {
                Ok(ready) => _ = made.insert(feed, ready),
                // Nothing has ended yet: all goes on as it was.
                Err(error) => return orders.tell(refused(feed, &error)),
            }
        }
        let _ = self.orders.send(Order::Reload(config, made));
    }

    /// Has something done with the store that the run has open, between two epochs; false if the run is over. What panics
    /// ends nothing but itself, unless it was in the middle of an epoch: then the run ends, with an error.
    pub fn lend(&self, job: Job) -> bool {
        self.orders.send(Order::Lend(job)).is_ok()
    }

    /// How all feeds are.
    pub fn health(&self) -> BTreeMap<Text, FeedHealth> {
        self.published.feeds(clock::now())
    }
}

/// A run that is about to follow feeds.
pub struct FeedRun {
    config: FeedsConfig,
    control: Control,
    received: Receiver<Order>,
}

impl FeedRun {
    /// A run of these feeds.
    pub fn new(config: FeedsConfig) -> FeedRun {
        let ((orders, received), board) = (channel(), Board::default());
        let published = Published::new(board.clone());
        FeedRun { config, control: Control { orders, board, published }, received }
    }

    /// What steers it.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Follows until it is told to stop, or the store cannot be written any more: then all that was acknowledged is kept,
    /// and following again goes on from there. `tell` hears how feeds fare.
    pub fn follow(self, nexus: &mut Nexus, tell: &mut dyn FnMut(&Told)) -> Result<BTreeMap<Text, FeedHealth>> {
        let runtime = network()?;
        let (control, store) = (self.control.clone(), nexus.engine.store.path().to_path_buf());
        let intake = Intake::new(nexus, control.board.clone(), control.published.clone());
        let mut following = Following {
            control: &self.control,
            received: self.received,
            runtime: &runtime,
            tasks: BTreeMap::new(),
            ended: BTreeSet::new(),
            intake,
            shown: Shown::start(&runtime, control.published.clone(), store.clone(), self.config.health())?,
            turned: Instant::now(),
            measured: None,
            told: Vec::new(),
            asked: Vec::new(),
        };
        following.intake.register(&self.config)?;
        for entry in self.config.entries() {
            let feed = entry.followed(&following.orders(), &control.board)?;
            following.start(entry, feed);
        }
        let followed = following.run(tell);
        drop(following);
        runtime.shutdown_timeout(STOP);
        shown::leave(&control.published, &store, &followed);
        followed.map(|()| control.health())
    }
}

/// The runtime of sockets, apart from the store's: nothing that the store waits for delays them.
pub(super) fn network() -> Result<Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let builder = builder.worker_threads(1).max_blocking_threads(16).thread_name("nexus-feeds").enable_all();
    builder.build().map_err(|error| Error::io("the feeds' threads", error))
}

/// Of a configuration that is not followed.
fn refused(feed: Text, error: &Error) -> Told {
    Told { feed, state: FeedState::Refused, reason: Some(error.to_string()), again_in: None }
}

/// A feed that is followed.
struct Task {
    entry: Entry,
    handle: JoinHandle<()>,
    /// Has it begin again where it is.
    anew: Arc<Notify>,
}

struct Following<'a> {
    control: &'a Control,
    received: Receiver<Order>,
    runtime: &'a Runtime,
    tasks: BTreeMap<Text, Task>,
    /// Feeds that were followed until the run was told to stop: what they sent may still come.
    ended: BTreeSet<(Scope, Text)>,
    intake: Intake<'a>,
    shown: Shown<'a>,
    /// When the last epoch began.
    turned: Instant,
    /// When it was last looked how much waits for sinks.
    measured: Option<Instant>,
    told: Vec<Told>,
    /// Sinks that wait for something to leave.
    asked: Vec<(Cursor, oneshot::Sender<Outbound>)>,
}

impl Following<'_> {
    fn start(&mut self, entry: &Entry, feed: Box<dyn Feed>) {
        let anew = Arc::new(Notify::new());
        let run = (self.orders(), self.control.board.clone());
        let following = supervise(entry.named.clone(), feed, anew.clone(), run);
        let (scope, since) = (entry.named.scope.clone(), clock::now());
        on(&self.control.board, &entry.named.feed, |health| {
            *health = FeedHealth { scope, since, ..FeedHealth::default() };
        });
        let task = Task { entry: entry.clone(), handle: self.runtime.spawn(following), anew };
        self.tasks.insert(entry.named.feed.clone(), task);
    }

    fn orders(&self) -> Orders {
        Orders(self.control.orders.clone())
    }

    /// Ends a feed's task; what it sent is in the queue.
    fn end(&mut self, feed: &Text) {
        if let Some(Task { handle, .. }) = self.tasks.remove(feed) {
            handle.abort();
            let _ = self.runtime.block_on(async { tokio::time::timeout(STOP, handle).await });
        }
    }

    fn run(&mut self, tell: &mut dyn FnMut(&Told)) -> Result<()> {
        let mut on = true;
        while on {
            match self.received.recv_timeout(self.wait()) {
                Ok(order) => on = self.gather(order)?,
                // Not while feeds bring what is held already: that is quiet too, and may come fast.
                Err(_) if self.is_quiet() => self.intake.keep_up()?,
                Err(_) => {}
            }
            self.intake.beat();
            self.turn()?;
            self.send_out()?;
            self.told.drain(..).for_each(|told| tell(&told));
        }
        self.ended = self.followed();
        let feeds: Vec<Text> = self.tasks.keys().cloned().collect();
        feeds.iter().for_each(|feed| self.end(feed));
        while let Ok(order) = self.received.try_recv() {
            // Nothing is begun any more.
            if !matches!(order, Order::Reload(..)) {
                self.obey(order)?;
            }
        }
        self.intake.take_in()?;
        self.intake.turn_whole()
    }

    /// Whether no epoch has to be begun.
    fn is_quiet(&self) -> bool {
        !self.intake.has_news() && !self.intake.has_questions()
    }

    /// How long nothing has to be done.
    fn wait(&self) -> Duration {
        if self.is_quiet() { QUIET } else { PACE.saturating_sub(self.turned.elapsed()) }
    }

    /// Obeys an order, and what comes within a moment; false if it is to stop.
    fn gather(&mut self, first: Order) -> Result<bool> {
        let began = Instant::now();
        let mut on = self.obey(first)?;
        while on && !self.intake.is_full() {
            let left = GATHER.saturating_sub(began.elapsed());
            let Ok(order) = self.received.recv_timeout(left) else { break };
            on = self.obey(order)?;
        }
        self.intake.take_in()?;
        Ok(on)
    }

    fn obey(&mut self, order: Order) -> Result<bool> {
        match order {
            Order::Take(parcel) => self.intake.add(parcel),
            Order::Told(told) => self.told.push(told),
            Order::Resume(named, reply) => {
                self.intake.take_in()?;
                // A feed that was ended meanwhile does not wait for it.
                let _ = reply.send(self.intake.resume(&named)?);
            }
            Order::Reload(config, made) => self.reload(&config, made)?,
            Order::Lend(job) => self.lend(job)?,
            Order::Outbound(after, reply) => self.asked.push((after, reply)),
            Order::Stop => return Ok(false),
        }
        Ok(true)
    }

    fn followed(&self) -> BTreeSet<(Scope, Text)> {
        let named = |task: &Task| (task.entry.named.scope.clone(), task.entry.named.feed.clone());
        self.tasks.values().map(named).chain(self.ended.iter().cloned()).collect()
    }

    /// Has a command done. Feeds of whose notes it took some begin again, without these.
    fn lend(&mut self, job: Job) -> Result<()> {
        let followed = self.followed();
        for (_, feed) in self.intake.lend(job, followed)? {
            if let Some(task) = self.tasks.get(&feed) {
                task.anew.notify_one();
            }
        }
        Ok(())
    }

    fn reload(&mut self, config: &FeedsConfig, mut made: Made) -> Result<()> {
        let new: BTreeMap<&Text, &Entry> = config.entries().map(|entry| (&entry.named.feed, entry)).collect();
        let changed = |(name, task): (&Text, &Task)| (new.get(name) != Some(&&task.entry)).then(|| name.clone());
        let changed: Vec<Text> = self.tasks.iter().filter_map(changed).collect();
        if let Err(error) = self.shown.listen(config.health()) {
            self.told.push(refused("health".into(), &error));
            return Ok(());
        }
        for feed in changed {
            self.end(&feed);
            self.control.board.lock().unwrap_or_else(PoisonError::into_inner).remove(&feed);
        }
        self.intake.register(config)?;
        for entry in config.entries() {
            let name = &entry.named.feed;
            if !self.tasks.contains_key(name)
                && let Some(feed) = made.remove(name)
            {
                self.start(entry, feed);
            }
        }
        Ok(())
    }

    /// Gives sinks what waits for them.
    fn send_out(&mut self) -> Result<()> {
        for (after, reply) in std::mem::take(&mut self.asked) {
            // One that was ended meanwhile does not wait for it.
            if reply.is_closed() {
                continue;
            }
            match self.intake.outbound(&after)? {
                Some(outbound) => drop(reply.send(outbound)),
                None => self.asked.push((after, reply)),
            }
        }
        if self.measured.is_none_or(|measured| measured.elapsed() >= MEASURED_EVERY) {
            self.measured = Some(Instant::now());
            self.intake.measure_sinks();
        }
        Ok(())
    }

    /// Makes what was taken in an epoch, if it is time; else lets models go on.
    fn turn(&mut self) -> Result<()> {
        let since = self.turned.elapsed();
        if self.intake.has_news() {
            if since >= PACE {
                self.turned = Instant::now();
                self.intake.turn(MODELS)?;
            }
        } else if since >= DAY {
            self.turned = Instant::now();
            self.intake.turn_whole()?;
        } else if self.intake.has_questions() && since >= PACE {
            self.turned = Instant::now();
            self.intake.turn(PACE)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
