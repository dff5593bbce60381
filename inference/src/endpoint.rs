//! An LLM as extractor: any server that speaks the chat-completions protocol, asked over HTTP for what texts state.
//!
//! Several texts share a request and a few requests are under way at a time. What comes back is taken only as far as the
//! text bears it out: see [`reply`](self). A reply that is final and unreadable refuses its text; while the server cannot
//! be reached, does not take the key, or the day's budget is spent, the reply is [`Reply::Later`] and the ask stays open.
//! Texts leave the machine for the URL of the [`Config`] and for nowhere else: redirects are not followed. Cost: the
//! server's, about a second a request; tokens as [`Config::estimate`] guesses them.

mod budget;
mod clock;
mod config;
mod prompt;
mod reply;
mod time;
mod wire;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nexus_types::{Answer, Task, Text};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::{Model, ModelError, Reply};

pub use config::{Config, Estimate, TOKENS_PER_DAY_MIN};
pub use wire::Patience;

use budget::Budget;
use clock::Rest;
use wire::{Said, Wire};

/// How many requests are under way at a time.
const LANES: usize = 4;

/// So many texts are tried alone with a server that has taken none yet, before it is believed to take none.
const UNFIT_MAX: usize = 4;

/// An extractor behind a URL.
pub struct Endpoint {
    id: String,
    shared: Arc<Shared>,
    /// Taken when it is dropped.
    runtime: Option<Runtime>,
}

/// What the requests under way share.
struct Shared {
    texts_max: usize,
    wire: Wire,
    budget: Budget,
    tally: Tally,
    /// Whether the server has answered anything: from then on what it does not take is the text's fault.
    worked: AtomicBool,
    rest: Mutex<Rest>,
}

/// What was asked and came of it, since the endpoint was opened.
#[derive(Debug, Default)]
struct Tally {
    texts: AtomicU64,
    statements: AtomicU64,
    dropped: AtomicU64,
}

/// What became of a request for some texts.
enum Outcome {
    /// For each text what it states, or why that cannot be told.
    Read(Vec<Result<Answer, String>>),
    /// The reply, or the request, is too much or unreadable: fewer texts may do, one alone is refused.
    Unread(String),
    /// The server takes no request of this text: its fault, if it takes others.
    Unfit(String),
    /// Not now.
    Later(Text),
}

impl Endpoint {
    /// The extractor of that name; `folder` keeps what was spent today.
    pub fn open(name: &str, config: &Config, folder: &Path) -> Result<Self, ModelError> {
        Self::with_patience(name, config, folder, Patience::default())
    }

    /// The same, with other waits.
    pub fn with_patience(name: &str, config: &Config, folder: &Path, patience: Patience) -> Result<Self, ModelError> {
        let config = config.checked().map_err(|reason| ModelError::Name { name: name.into(), reason })?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("endpoint")
            .enable_all()
            .build()
            .map_err(|error| ModelError::Threads(error.to_string()))?;
        let shared = Shared {
            texts_max: config.texts,
            budget: Budget::of(config.tokens_per_day, folder),
            wire: Wire::new(&config, patience).map_err(ModelError::Threads)?,
            tally: Tally::default(),
            worked: AtomicBool::new(false),
            rest: Mutex::new(Rest::default()),
        };
        Ok(Self { id: config.id(name), shared: Arc::new(shared), runtime: Some(runtime) })
    }

    /// How many statements were taken, and how many dropped because their text does not bear them out.
    pub fn statements(&self) -> (u64, u64) {
        let tally = &self.shared.tally;
        (tally.statements.load(Ordering::Relaxed), tally.dropped.load(Ordering::Relaxed))
    }
}

impl Model for Endpoint {
    fn id(&self) -> &str {
        &self.id
    }

    fn task(&self) -> Task {
        Task::Extract
    }

    fn dimension(&self) -> Option<usize> {
        None
    }

    fn at_once(&self) -> usize {
        self.shared.texts_max * LANES
    }

    fn answer(&self, texts: &[Text]) -> Vec<Reply> {
        let later = |reason: Text| vec![Reply::Later(reason); texts.len()];
        if let Some(reason) = self.shared.resting() {
            return later(reason);
        }
        let Some(runtime) = &self.runtime else { return later("the endpoint is closed".into()) };
        let (shared, owned) = (self.shared.clone(), texts.to_vec());
        // From a thread of its own: the caller may be inside an asynchronous runtime.
        let asked = std::thread::scope(|scope| scope.spawn(|| runtime.block_on(answers(shared, owned))).join());
        asked.unwrap_or_else(|_| later("asking the endpoint failed".into()))
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        // The last owner may be inside an asynchronous runtime, where waiting for this one's end is not allowed.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Shared {
    fn resting(&self) -> Option<Text> {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner).reason()
    }

    fn rest(&self, reason: &Text, lasting: Duration) {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner).begin(reason, lasting);
    }

    /// One request for these texts.
    async fn ask(&self, texts: &[Text]) -> Outcome {
        let estimate = config::tokens(texts.len(), texts.iter().map(|text| text.len() as u64).sum(), self.texts_max);
        let held = match self.budget.hold(estimate.0 + estimate.1) {
            Ok(held) => held,
            // Fewer may still be paid for.
            Err(reason) if texts.len() > 1 => return Outcome::Unread(reason),
            Err(reason) => return Outcome::Later(reason.into()),
        };
        match self.wire.ask(texts).await {
            Said::Content { content, cut, tokens } => {
                held.settle(tokens.unwrap_or(estimate.0 + estimate.1));
                self.worked.store(true, Ordering::Relaxed);
                if cut { Outcome::Unread("the reply was cut off".into()) } else { self.read(texts, &content) }
            }
            Said::Unfit(reason) => {
                held.settle(0);
                Outcome::Unfit(reason)
            }
            Said::Later { reason, rest } => {
                held.settle(0);
                let reason = Text::from(reason);
                self.rest(&reason, rest);
                Outcome::Later(reason)
            }
        }
    }

    fn read(&self, texts: &[Text], content: &str) -> Outcome {
        let items = match reply::items(content, texts.len()) {
            Ok(items) => items,
            Err(reason) => return Outcome::Unread(reason),
        };
        let one = |(text, item): (&Text, Option<serde_json::Value>)| {
            let item = item.ok_or("the reply leaves the text out")?;
            let (extraction, dropped) = reply::extraction(text, &item)?;
            self.tally.texts.fetch_add(1, Ordering::Relaxed);
            self.tally.statements.fetch_add(extraction.statements.len() as u64, Ordering::Relaxed);
            self.tally.dropped.fetch_add(dropped, Ordering::Relaxed);
            if dropped > 0 {
                tracing::debug!(dropped, "statements that their text does not bear out");
            }
            Ok(Answer::Extraction(extraction))
        };
        Outcome::Read(texts.iter().zip(items).map(one).collect())
    }
}

/// A reply for each text: requests under way, those whose reply was not readable halved, until none is left or it has to wait.
async fn answers(shared: Arc<Shared>, texts: Vec<Text>) -> Vec<Reply> {
    let mut replies: Vec<Option<Reply>> = vec![None; texts.len()];
    let all: Vec<usize> = (0..texts.len()).collect();
    let mut open: VecDeque<Vec<usize>> = all.chunks(shared.texts_max).map(<[usize]>::to_vec).collect();
    let (mut later, mut unfit) = (None, Vec::new());
    let mut under_way = JoinSet::new();
    loop {
        while later.is_none() && under_way.len() < LANES {
            let Some(job) = open.pop_front() else { break };
            let (shared, asked): (_, Vec<Text>) = (shared.clone(), job.iter().map(|at| texts[*at].clone()).collect());
            under_way.spawn(async move {
                let outcome = shared.ask(&asked).await;
                (job, outcome)
            });
        }
        match under_way.join_next().await {
            None => break,
            Some(Err(_)) => later = Some(Text::from("asking the endpoint failed")),
            Some(Ok((_, Outcome::Later(reason)))) => later = later.or(Some(reason)),
            Some(Ok((job, Outcome::Read(read)))) => {
                let alone = job.len() == 1;
                for (at, answer) in job.into_iter().zip(read) {
                    match answer {
                        Ok(answer) => replies[at] = Some(Reply::Answer(answer)),
                        Err(reason) if alone => replies[at] = Some(Reply::refused(reason)),
                        Err(_) => open.push_back(vec![at]),
                    }
                }
            }
            Some(Ok((job, Outcome::Unfit(_)))) if job.len() > 1 && !shared.worked.load(Ordering::Relaxed) => {
                job.into_iter().rev().for_each(|at| open.push_front(vec![at]));
            }
            Some(Ok((job, Outcome::Unread(_) | Outcome::Unfit(_)))) if job.len() > 1 => {
                let (first, second) = job.split_at(job.len() / 2);
                open.extend([first.to_vec(), second.to_vec()]);
            }
            Some(Ok((job, Outcome::Unread(reason)))) => replies[job[0]] = Some(Reply::refused(reason)),
            Some(Ok((job, Outcome::Unfit(reason)))) => {
                unfit.push((job[0], reason.clone()));
                if unfit.len() >= UNFIT_MAX && !shared.worked.load(Ordering::Relaxed) {
                    later = later.or(Some(reason.into()));
                }
            }
        }
    }
    let worked = shared.worked.load(Ordering::Relaxed);
    for (at, reason) in unfit {
        let reason = Text::from(reason);
        if !worked {
            shared.rest(&reason, shared.wire.rest());
        }
        replies[at] = Some(if worked { Reply::refused(reason) } else { Reply::Later(reason) });
    }
    let later = later.unwrap_or_else(|| "the endpoint was not asked".into());
    replies.into_iter().map(|reply| reply.unwrap_or_else(|| Reply::Later(later.clone()))).collect()
}
