//! Ingest: whole inputs into memory, epoch by epoch.
//!
//! Idempotent: what is held already is dropped at admission, so the same file twice changes nothing, and a run that was
//! stopped is resumed by running it again. Memory is bounded by one epoch of events and the edits of one input.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nexus_connectors::{Format, Input, Item, Options, Rejected, Source};
use nexus_types::tables::Reject;
use nexus_types::{Change, EventId, Scope, Text};

use crate::admit::Record;
use crate::progress::{Go, Pace, Progress, Stage};
use crate::writer::{Counts, Nexus};
use crate::{Error, Result, clock};

/// How many different reasons a report tells apart.
pub const REASONS_MAX: usize = 100;

/// How an ingest reads its inputs.
#[derive(Clone, Debug, Default)]
pub struct IngestOptions {
    /// The account or feed; by default the platform.
    pub source: Option<Text>,
    /// The platform, where the format leaves it open.
    pub platform: Option<Text>,
    /// The channel, where the format leaves it open.
    pub channel: Option<Text>,
    /// The format; detected if absent.
    pub format: Option<Format>,
    /// The inputs are all there is of their channels: what is held of these and not in the inputs is deleted.
    pub whole: bool,
    /// The zone of times without one: an IANA name. UTC if absent.
    pub time_zone: Option<Text>,
    /// Answer every ask before returning, however long the models take.
    pub answer_all: bool,
}

/// What an ingest did.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct IngestReport {
    /// Inputs read.
    pub inputs: usize,
    /// Messages read, repeated ones included.
    pub messages: u64,
    /// Events that were not there.
    pub added: usize,
    /// Events that were edited.
    pub changed: usize,
    /// Events that were deleted.
    pub deleted: usize,
    /// Events held already, like that.
    pub unchanged: usize,
    /// What could not be read: in the table `rejects`, with place and reason.
    pub rejects: usize,
    /// Why, with how often: at most [`REASONS_MAX`] of them.
    pub reasons: BTreeMap<String, usize>,
    /// Facts that came and went.
    pub facts: (usize, usize),
    /// Asks still open: the models' work that is left.
    pub open_asks: usize,
    /// How long it took, in milliseconds.
    pub millis: u64,
    /// Whether it was stopped before its end.
    pub stopped: bool,
}

impl Nexus {
    /// Takes in files and folders. What cannot be read is kept in `rejects` and counted; an input that cannot be opened at
    /// all is an error before anything is taken in.
    pub fn ingest(
        &mut self,
        paths: &[PathBuf],
        options: &IngestOptions,
        watch: &mut dyn FnMut(&Progress) -> Go,
    ) -> Result<IngestReport> {
        let inputs = nexus_connectors::expand(paths)?;
        let total = inputs.iter().map(|input| input.bytes).sum();
        let mut run = Run::new(self, options, watch, total);
        for input in &inputs {
            if run.report.stopped {
                break;
            }
            run.input(input)?;
        }
        run.finish()
    }

    /// Takes in one stream, such as standard input.
    pub fn ingest_source(
        &mut self,
        name: &str,
        source: Box<dyn Source>,
        options: &IngestOptions,
        watch: &mut dyn FnMut(&Progress) -> Go,
    ) -> Result<IngestReport> {
        let mut run = Run::new(self, options, watch, 0);
        run.source(name, source)?;
        run.finish()
    }

    /// Lets the models work until nothing is asked of them, or `watch` says stop; gives how many asks stay open.
    pub fn answer_all(&mut self, watch: &mut dyn FnMut(&Progress) -> Go) -> Result<usize> {
        Ok(self.catch_up(watch)?.open_asks)
    }

    /// The same, with what came of it.
    pub(crate) fn catch_up(&mut self, watch: &mut dyn FnMut(&Progress) -> Go) -> Result<IngestReport> {
        let options = IngestOptions { answer_all: true, ..IngestOptions::default() };
        Run::new(self, &options, watch, 0).finish()
    }

    /// How connectors are to read, in this scope.
    pub fn connector_options(&self, options: &IngestOptions) -> Options {
        Options {
            source: options.source.clone(),
            platform: options.platform.clone(),
            channel: options.channel.clone(),
            format: options.format,
            seen_at: clock::now(),
            time_zone: options.time_zone.clone(),
            ..Options::new(self.scope())
        }
    }
}

/// What a source could not read, as it is kept. `file`: the file, or the feed.
pub(crate) fn rejected(scope: &Scope, file: &str, reject: Rejected) -> Reject {
    let Rejected { position, reason, raw, hash, .. } = reject;
    Reject { scope: scope.clone(), file: file.into(), position, reason, raw, seen_at: clock::now(), hash }
}

/// What a change deletes: an edit of it that waits is not to come after.
pub(crate) fn deleted(change: &Change) -> Option<EventId> {
    match change {
        Change::Upsert(_) => None,
        Change::Retract { scope, source, external_id, .. } => {
            Some(nexus_types::event::event_id(scope, source, external_id))
        }
        Change::Forget { id, .. } => Some(*id),
    }
}

/// One ingest under way.
struct Run<'a> {
    nexus: &'a mut Nexus,
    options: &'a IngestOptions,
    watch: &'a mut dyn FnMut(&Progress) -> Go,
    total: u64,
    bytes_before: u64,
    started: Instant,
    pace: Pace,
    report: IngestReport,
    batch: Vec<Change>,
    rejects: Vec<Reject>,
    edits: BTreeMap<EventId, Change>,
    seen: BTreeSet<EventId>,
    channels: BTreeSet<(Text, Text)>,
}

impl<'a> Run<'a> {
    fn new(
        nexus: &'a mut Nexus,
        options: &'a IngestOptions,
        watch: &'a mut dyn FnMut(&Progress) -> Go,
        total: u64,
    ) -> Self {
        Run {
            nexus,
            options,
            watch,
            total,
            bytes_before: 0,
            started: Instant::now(),
            pace: Pace::of(Stage::Reading, 0),
            report: IngestReport::default(),
            batch: Vec::new(),
            rejects: Vec::new(),
            edits: BTreeMap::new(),
            seen: BTreeSet::new(),
            channels: BTreeSet::new(),
        }
    }

    fn input(&mut self, input: &Input) -> Result<()> {
        let options = self.nexus.connector_options(self.options);
        match nexus_connectors::open(&input.path, &options) {
            Ok(source) => self.source(&input.path.display().to_string(), source)?,
            // One file that cannot be read must not hide the others: it is a reject like a line that cannot be read.
            Err(error) => {
                let reason = error.to_string().into();
                let (position, raw) = ("the whole file".into(), "".into());
                let reject = Rejected { position, reason, raw, hash: None, whole: Vec::new(), reading: None };
                self.reject(&input.path.display().to_string(), reject);
            }
        }
        self.bytes_before += input.bytes;
        Ok(())
    }

    fn source(&mut self, name: &str, mut source: Box<dyn Source>) -> Result<()> {
        self.report.inputs += 1;
        while let Some(item) = source.next() {
            match item {
                Item::Change(change) => self.change(change),
                Item::Reject(reject) => self.reject(name, reject),
            }
            if self.batch.len() >= self.nexus.engine.settings.epoch_events_max {
                self.turn(name, source.bytes_read())?;
                if self.report.stopped {
                    return Ok(());
                }
            }
        }
        // Rows of one input may say an event more than once: only the last word of it is an edit.
        let edits = std::mem::take(&mut self.edits);
        self.batch.extend(edits.into_values());
        if self.batch.len() >= self.nexus.engine.settings.epoch_events_max {
            self.turn(name, source.bytes_read())?;
        }
        Ok(())
    }

    fn change(&mut self, change: Change) {
        self.report.messages += 1;
        if let Change::Upsert(event) = &change {
            let id = event.id();
            if self.options.whole {
                self.seen.insert(id);
                self.channels.insert((event.source.clone(), event.channel.clone()));
            }
            if self.nexus.engine.heads.edits_unversioned(&change) {
                self.edits.insert(id, change);
                return;
            }
            self.edits.remove(&id);
        }
        if let Some(id) = deleted(&change) {
            self.edits.remove(&id);
        }
        self.batch.push(change);
    }

    fn reject(&mut self, file: &str, reject: Rejected) {
        self.report.rejects += 1;
        let reasons = &mut self.report.reasons;
        if reasons.len() < REASONS_MAX || reasons.contains_key(&*reject.reason) {
            *reasons.entry(reject.reason.to_string()).or_default() += 1;
        }
        self.rejects.push(rejected(self.nexus.scope(), file, reject));
    }

    /// Makes what was read an epoch, and tells how far it is.
    fn turn(&mut self, name: &str, bytes: u64) -> Result<()> {
        let counts = self.nexus.admit(std::mem::take(&mut self.batch))?;
        self.count(counts);
        if !self.rejects.is_empty() {
            self.nexus.engine.acknowledge(vec![Record::Rejects(std::mem::take(&mut self.rejects))])?;
        }
        self.epoch(Duration::ZERO)?;
        self.tell(Stage::Reading, self.bytes_before + bytes, self.total, name);
        Ok(())
    }

    fn epoch(&mut self, budget: Duration) -> Result<()> {
        let turn = self.nexus.engine.turn_within(budget)?;
        self.report.facts.0 += turn.facts.0;
        self.report.facts.1 += turn.facts.1;
        Ok(())
    }

    fn tell(&mut self, stage: Stage, done: u64, total: u64, input: &str) {
        if self.pace.stage != stage {
            self.pace = Pace::of(stage, done);
        }
        let left = self.pace.left(done, total);
        let progress = Progress { stage, done, total, messages: self.report.messages, input: input.into(), left };
        self.report.stopped |= (self.watch)(&progress) == Go::Stop;
    }

    fn count(&mut self, counts: Counts) {
        self.report.added += counts.added;
        self.report.changed += counts.changed;
        self.report.deleted += counts.deleted;
        self.report.unchanged += counts.unchanged;
    }

    fn finish(mut self) -> Result<IngestReport> {
        self.turn("", 0)?;
        if self.options.whole && !self.report.stopped {
            self.batch = self.missing()?;
            self.turn("", 0)?;
        }
        if self.options.answer_all {
            self.answer_all()?;
        }
        self.settle()?;
        self.nexus.republish()?;
        self.report.open_asks = self.nexus.engine.open_asks();
        self.report.millis = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(self.report)
    }

    /// Deletions of what is held in the inputs' channels and was not in the inputs.
    fn missing(&mut self) -> Result<Vec<Change>> {
        let scope = self.nexus.scope().clone();
        let held = self.nexus.memory()?.events_of_channels(&self.channels)?;
        let gone = held.into_iter().filter(|(id, _, _)| !self.seen.contains(id));
        Ok(gone
            .map(|(_, source, external_id)| Change::Retract {
                scope: scope.clone(),
                source,
                external_id,
                revision: None,
            })
            .collect())
    }

    /// Brings indexes and files up to date, so that the next question is answered from indexes.
    fn settle(&mut self) -> Result<()> {
        // Whoever says stop now has all there is to have.
        let stopped = self.report.stopped;
        self.tell(Stage::Indexing, 0, 0, "");
        self.report.stopped = stopped;
        self.nexus.engine.settle()
    }

    /// Lets the models work until nothing is asked of them.
    fn answer_all(&mut self) -> Result<()> {
        self.nexus.engine.put_off.clear();
        let total = self.nexus.engine.answerable();
        let within = Duration::from_millis(self.nexus.engine.settings.answers_within_ms.max(1));
        let mut left = total;
        while left > 0 {
            self.tell(Stage::Answering, (total - left) as u64, total as u64, "");
            if self.report.stopped {
                break;
            }
            self.epoch(within)?;
            let now = self.nexus.engine.answerable();
            if now >= left {
                return Err(Error::internal("the models answer nothing of what is asked"));
            }
            left = now;
        }
        Ok(())
    }
}
