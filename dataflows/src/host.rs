//! Host: the border between the engine and the graph. Plain vectors on this side, worker threads on the other.
//!
//! [`Graph::step`] feeds one epoch, lets the workers step until every output has passed it, and returns the net change of
//! every output. The result depends neither on the number of workers nor on the order of the rows. Between steps the
//! workers sleep. A panic in a worker, which is a bug, becomes a [`GraphError`]: the graph is over, but it is derived
//! state, and a new one can be built. Dropping the graph ends its threads.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use differential_dataflow::consolidation::consolidate;
use differential_dataflow::input::{Input, InputSession};
use nexus_operators::{Diff, Time};
use nexus_types::{AnswerRow, Ask, EventRow, PolicyRow, Texts};
use timely::communication::WorkerGuards;
use timely::dataflow::operators::probe::Handle;
use timely::worker::Worker;

use crate::intern::Names;
use crate::memory;
use crate::outputs::{Outputs, Taps};

/// How long an idle worker sleeps if nobody wakes it.
const NAP: Duration = Duration::from_secs(1);
/// How long a worker that waits for another sleeps, and how often the host looks whether all workers still live.
const GLANCE: Duration = Duration::from_millis(1);

/// How often a worker that has answered looks out for what comes next before it sleeps, and the host for the answer:
/// waking a thread costs about as much as an epoch of one message.
const LOOKS: usize = 500;

/// How many stored events are fed at a time: enough that an epoch's own cost does not count, few beside a store.
const RESTORED_AT_ONCE: usize = 50_000;

/// What changes in the four inputs.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// Versions of events, in any order; a version may come again, or be taken back.
    pub events: Vec<(Arc<EventRow>, Diff)>,
    /// Answers that are there now, or no more. There is one answer to an ask.
    pub answers: Vec<(AnswerRow, Diff)>,
    /// Policy that holds now, or no more.
    pub policy: Vec<(PolicyRow, Diff)>,
    /// Days, counted from 1970 in UTC, that are over.
    pub ticks: Vec<(i64, Diff)>,
}

impl Inputs {
    /// The inputs that take these back.
    pub fn negated(&self) -> Inputs {
        fn flip<R: Clone>(rows: &[(R, Diff)]) -> Vec<(R, Diff)> {
            rows.iter().map(|(row, diff)| (row.clone(), -diff)).collect()
        }
        Inputs {
            events: flip(&self.events),
            answers: flip(&self.answers),
            policy: flip(&self.policy),
            ticks: flip(&self.ticks),
        }
    }
}

/// The graph stopped. It holds derived state only, so nothing is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphError(String);

impl fmt::Display for GraphError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the graph stopped: {}; nothing that was acknowledged is lost, open the store again", self.0)
    }
}

impl std::error::Error for GraphError {}

/// A running graph.
pub struct Graph {
    seats: Vec<Sender<Inputs>>,
    replies: Receiver<Result<Outputs, String>>,
    stop: Arc<AtomicBool>,
    guards: Option<WorkerGuards<()>>,
    names: Names,
    failed: Option<GraphError>,
}

impl Graph {
    /// Starts the memory graph on that many worker threads (at least one). Long texts are read through `texts`.
    pub fn start(workers: usize, texts: Arc<dyn Texts>) -> Result<Graph, GraphError> {
        let workers = workers.max(1);
        let (reply, replies) = channel();
        let stop = Arc::new(AtomicBool::new(false));
        let (seats, taken): (Vec<_>, Vec<_>) = (0..workers).map(|_| channel()).unzip();
        let taken = Mutex::new(taken.into_iter().map(Some).collect::<Vec<Option<Receiver<Inputs>>>>());
        let halt = stop.clone();
        let guards = timely::execute(config(workers), move |worker| {
            let commands = taken.lock().unwrap_or_else(PoisonError::into_inner)[worker.index()].take();
            if let Some(commands) = commands {
                let seat = Seat { commands, reply: reply.clone(), stop: halt.clone() };
                work(worker, &seat, texts.clone());
            }
        });
        let guards = guards.map_err(GraphError)?;
        Ok(Graph { seats, replies, stop, guards: Some(guards), names: Names::default(), failed: None })
    }

    /// Feeds one epoch and returns what changed by it.
    pub fn step(&mut self, mut inputs: Inputs) -> Result<Outputs, GraphError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        inputs.events.iter_mut().for_each(|(event, _)| self.names.intern_event(event));
        inputs.answers.iter_mut().for_each(|(answer, _)| self.names.intern_answer(answer));
        let result = self.dispatch(inputs).and_then(|()| self.gather());
        result.map_err(|problem| {
            self.stop.store(true, Ordering::Release);
            self.failed.insert(GraphError(problem)).clone()
        })
    }

    /// Feeds what a store kept, to a graph that is new, and returns the asks that are open. As one step it would give the
    /// same; in pieces, oldest first, it needs far less memory on the way. The other outputs are what the store holds.
    pub fn restore(&mut self, mut inputs: Inputs) -> Result<Vec<Ask>, GraphError> {
        let mut events = std::mem::take(&mut inputs.events);
        events.sort_by_key(|(event, _)| (event.said_at, event.id));
        let mut asks = self.step(inputs)?.asks;
        let mut events = events.into_iter();
        loop {
            let events: Vec<_> = events.by_ref().take(RESTORED_AT_ONCE).collect();
            if events.is_empty() {
                break;
            }
            asks.extend(self.step(Inputs { events, ..Inputs::default() })?.asks);
        }
        consolidate(&mut asks);
        Ok(asks.into_iter().map(|(ask, _)| ask).collect())
    }

    fn dispatch(&self, inputs: Inputs) -> Result<(), String> {
        let threads = self.guards.as_ref().map(WorkerGuards::guards).unwrap_or_default();
        for ((seat, share), thread) in self.seats.iter().zip(shares(inputs, self.seats.len())).zip(threads) {
            seat.send(share).map_err(|_| "a worker thread has ended".to_string())?;
            thread.thread().unpark();
        }
        Ok(())
    }

    fn gather(&self) -> Result<Outputs, String> {
        let mut all = Outputs::default();
        let mut missing = self.seats.len();
        while missing > 0 {
            match attend(&self.replies).map_or_else(|| self.replies.recv_timeout(NAP), Ok) {
                Ok(outputs) => {
                    // One worker's changes are net already.
                    if missing == 1 && all.is_empty() {
                        all = outputs?
                    } else {
                        all.merge(outputs?)
                    }
                    missing -= 1;
                }
                Err(RecvTimeoutError::Timeout) if !self.someone_ended() => {}
                Err(_) => return Err("a worker thread has ended".into()),
            }
        }
        Ok(all)
    }

    fn someone_ended(&self) -> bool {
        self.guards.as_ref().is_none_or(|guards| guards.guards().iter().any(|thread| thread.is_finished()))
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.seats.clear();
        if let Some(guards) = self.guards.take() {
            guards.guards().iter().for_each(|thread| thread.thread().unpark());
            // A worker that panicked has been reported, or nobody is left to be told.
            drop(guards.join());
        }
    }
}

/// Arrangements merge as they grow. Idle merging stays off: it does not rest before every arrangement is one batch, so that
/// each message would be followed by a merge of all of memory.
fn config(workers: usize) -> timely::Config {
    if workers == 1 { timely::Config::thread() } else { timely::Config::process(workers) }
}

/// Deals the inputs out to the workers: who gets what does not matter, as rows find their way by key.
fn shares(inputs: Inputs, workers: usize) -> Vec<Inputs> {
    let mut shares: Vec<Inputs> = (0..workers).map(|_| Inputs::default()).collect();
    let size = inputs.events.len().div_ceil(workers).max(1);
    let mut events = inputs.events.into_iter();
    for share in &mut shares {
        share.events = events.by_ref().take(size).collect();
    }
    (shares[0].answers, shares[0].policy, shares[0].ticks) = (inputs.answers, inputs.policy, inputs.ticks);
    shares
}

/// What a worker thread has from its host.
struct Seat {
    commands: Receiver<Inputs>,
    reply: Sender<Result<Outputs, String>>,
    stop: Arc<AtomicBool>,
}

/// The four inputs of one worker, open for the next epoch.
struct Sessions {
    events: InputSession<Time, Arc<EventRow>, Diff>,
    answers: InputSession<Time, AnswerRow, Diff>,
    policy: InputSession<Time, PolicyRow, Diff>,
    ticks: InputSession<Time, i64, Diff>,
}

impl Sessions {
    /// Puts in what changes in this epoch, and closes the epoch. Returns the next one.
    fn feed(&mut self, inputs: Inputs) -> Time {
        inputs.events.into_iter().for_each(|(row, diff)| self.events.update(row, diff));
        inputs.answers.into_iter().for_each(|(row, diff)| self.answers.update(row, diff));
        inputs.policy.into_iter().for_each(|(row, diff)| self.policy.update(row, diff));
        inputs.ticks.into_iter().for_each(|(row, diff)| self.ticks.update(row, diff));
        let next = self.events.time() + 1;
        // All four, always: an input that stays behind keeps every arrangement from compacting.
        self.events.advance_to(next);
        self.answers.advance_to(next);
        self.policy.advance_to(next);
        self.ticks.advance_to(next);
        self.events.flush();
        self.answers.flush();
        self.policy.flush();
        self.ticks.flush();
        next
    }
}

/// A worker's life: build the graph, step when told, end when the host is gone or somebody failed.
fn work(worker: &mut Worker, seat: &Seat, texts: Arc<dyn Texts>) {
    let probe = Handle::new();
    let (mut sessions, taps) = worker.dataflow::<Time, _, _>(|scope| {
        let (events, event_rows) = scope.new_collection();
        let (answers, answer_rows) = scope.new_collection();
        let (policy, policy_rows) = scope.new_collection();
        let (ticks, tick_rows) = scope.new_collection();
        let rows =
            memory::Inputs { events: event_rows, answers: answer_rows, policy: policy_rows, ticks: tick_rows, texts };
        (Sessions { events, answers, policy, ticks }, Taps::new(scope, memory::memory(rows), &probe))
    });
    let life = AssertUnwindSafe(|| {
        while let Some(inputs) = next(worker, seat) {
            let epoch = sessions.feed(inputs);
            while probe.less_than(&epoch) {
                if seat.stop.load(Ordering::Acquire) {
                    return;
                }
                worker.step_or_park(Some(GLANCE));
            }
            // The host may be gone; then the next look for a command ends this life.
            let _ = seat.reply.send(Ok(taps.drain()));
        }
    });
    if let Err(panic) = catch_unwind(life) {
        let _ = seat.reply.send(Err(words(&*panic)));
    }
    drop(sessions);
    // Without their peers' work the dataflows of a stopped worker would never be complete by themselves.
    worker.installed_dataflows().into_iter().for_each(|dataflow| worker.drop_dataflow(dataflow));
}

/// What is received within [`LOOKS`] looks, without sleeping.
fn attend<T>(from: &Receiver<T>) -> Option<T> {
    let look = |_| {
        let received = from.try_recv();
        if received.is_err() {
            std::thread::yield_now();
        }
        received.ok()
    };
    (0..LOOKS).find_map(look)
}

/// The next command; finishes what is left to do and sleeps until it comes. `None` when the host is gone.
fn next(worker: &mut Worker, seat: &Seat) -> Option<Inputs> {
    loop {
        if let Some(inputs) = attend(&seat.commands) {
            return Some(inputs);
        }
        match seat.commands.try_recv() {
            Ok(inputs) => return Some(inputs),
            Err(TryRecvError::Disconnected) => return None,
            Err(TryRecvError::Empty) if seat.stop.load(Ordering::Acquire) => return None,
            Err(TryRecvError::Empty) => worker.step_or_park(Some(NAP)),
        };
    }
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_string());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("a worker panicked: {}", text.unwrap_or_else(|| "without a word".into()))
}
