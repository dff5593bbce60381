//! The candidates of one recall, with what was said around them.
//!
//! Indexes only find candidates: what a candidate scores does not depend on how it was found, nor on the others. A small
//! scope, or what few passages limits leave, is all candidates.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use nexus_scoring::ranking::{REACH, Seen, TALK_GAP};
use nexus_storage::quoted;
use nexus_types::Millis;

use super::options::Limits;
use crate::core::Core;
use crate::error::Result;
use crate::rows::{Rows, maybe};

/// A scope of at most so many passages is all candidates.
const WHOLE_MAX: u64 = 4_096;
/// So few passages that pass the limits are all candidates.
const FEW_MAX: u64 = 500;
/// How many candidates the words give, and how many the meaning.
const FOUND_MAX: usize = 100;
/// How many candidates the words give among what the named said.
const NAMED_MAX: usize = 50;
/// How often the vectors are looked through for passages that pass the limits; each time for four times as many.
const LOOKS_MAX: u32 = 4;
/// How many passages' terms are remembered for the next question.
const REMEMBERED_MAX: usize = 20_000;

const COLUMNS: [&str; 10] =
    ["id", "event", "ordinal", "previous", "text_hash", "text", "said_at", "author", "platform", "channel"];

/// What passages are found by, by their id: computed once for questions that follow each other.
pub(crate) type Remembered = BTreeMap<String, Arc<Seen>>;

/// One passage.
#[derive(Clone, Debug)]
pub(crate) struct Turn {
    pub(crate) id: String,
    pub(crate) event: String,
    pub(crate) ordinal: u32,
    pub(crate) previous: Option<String>,
    pub(crate) hash: String,
    pub(crate) text: String,
    pub(crate) said_at: Millis,
    pub(crate) author: String,
    pub(crate) platform: String,
    pub(crate) channel: String,
    pub(crate) seen: Arc<Seen>,
}

/// How far to look.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Search {
    /// How many results are wanted.
    pub(crate) k: usize,
    /// Whether to look at every passage.
    pub(crate) exact: bool,
}

/// Passages by id, and which of them are candidates.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    /// Candidates and what was said around them.
    pub(crate) turns: BTreeMap<String, Turn>,
    /// Who may be recalled.
    pub(crate) candidates: BTreeSet<String>,
    /// Whether the pool is the whole scope.
    pub(crate) whole: bool,
}

impl Pool {
    /// The passages that share words with the question; all that pass the limits, if they are few or `exact` asks so.
    pub(crate) async fn by_words(
        core: &Core,
        words: &[String],
        named: &BTreeSet<String>,
        limits: &Limits,
        how: Search,
    ) -> Result<Pool> {
        let mut pool = Pool::default();
        if how.exact || core.passages().await? <= WHOLE_MAX {
            pool.whole = true;
            let all = pool.add(core, &core.snapshot.scan("passages", Some(&COLUMNS), Some(&core.mine())).await?)?;
            pool.candidates = if limits.any() { ids(core, limits).await? } else { all };
            return Ok(pool);
        }
        let filter = limits.filter();
        if limits.any() && core.snapshot.count("passages", filter.as_deref()).await? <= FEW_MAX {
            let few = core.snapshot.scan("passages", Some(&COLUMNS), filter.as_deref()).await?;
            pool.candidates = pool.add(core, &few)?;
            return Ok(pool);
        }
        let question = words.join(" ");
        let found = core.snapshot.full_text(&question, FOUND_MAX.max(how.k), filter.as_deref()).await?;
        pool.candidates.extend(found.into_iter().map(|(id, _)| id));
        if !named.is_empty() {
            let authors: Vec<String> = named.iter().map(|author| quoted(author)).collect();
            let theirs = limits.and(format!("author IN ({})", authors.join(", ")));
            let found = core.snapshot.full_text(&question, NAMED_MAX, Some(&theirs)).await?;
            pool.candidates.extend(found.into_iter().map(|(id, _)| id));
        }
        let ids: Vec<String> = pool.candidates.iter().cloned().collect();
        pool.add(core, &core.snapshot.take("passages", &ids, Some(&COLUMNS)).await?)?;
        Ok(pool)
    }

    /// Adds the passages whose meaning is near. Vectors know no limits, and are shared by all scopes: where too few of the
    /// nearest pass, more are looked at.
    pub(crate) async fn by_meaning(
        &mut self,
        core: &Core,
        table: &str,
        vector: &[f32],
        limits: &Limits,
        how: Search,
    ) -> Result<()> {
        if self.whole || (limits.any() && core.snapshot.count("passages", limits.filter().as_deref()).await? <= FEW_MAX)
        {
            return Ok(());
        }
        let enough = FOUND_MAX.max(how.k);
        let mut wanted = enough;
        for _ in 0..LOOKS_MAX {
            let near = core.snapshot.nearest(table, vector, wanted, None).await?;
            let hashes: Vec<String> = near.into_iter().map(|(hash, _)| hash).collect();
            let passing = match limits.filter() {
                Some(filter) => format!("{filter} AND {}", one_of("text_hash", &hashes)),
                None => one_of("text_hash", &hashes),
            };
            let found = if hashes.is_empty() { BTreeSet::new() } else { self.read(core, &passing).await? };
            let done = found.len() >= enough / 2 || hashes.len() < wanted;
            self.candidates.extend(found);
            if done {
                break;
            }
            wanted *= 4;
        }
        Ok(())
    }

    /// Reads what was said around these passages, as far as windows reach.
    pub(crate) async fn surround(
        &mut self,
        core: &Core,
        around: BTreeSet<String>,
        hops: usize,
    ) -> Result<BTreeSet<String>> {
        let mut all = BTreeSet::new();
        let mut edge = around;
        // Events whose neighbours are read: once each, however often a walk comes by.
        let mut passed: BTreeSet<String> = BTreeSet::new();
        for _ in 0..if self.whole { 0 } else { hops } {
            let turns: Vec<&Turn> = edge.iter().filter_map(|id| self.turns.get(id)).collect();
            let events = turns.iter().map(|turn| turn.event.as_str()).filter(|event| !passed.contains(*event));
            let events: BTreeSet<&str> = events.collect();
            // With all pieces of the events themselves.
            let before = turns.iter().filter_map(|turn| turn.previous.as_deref());
            let before = before.filter(|event| !passed.contains(*event));
            let before: BTreeSet<&str> = before.chain(events.iter().copied()).collect();
            let sought: Vec<String> = before.into_iter().map(String::from).collect();
            let after: Vec<String> = events.into_iter().map(String::from).collect();
            passed.extend(after.iter().cloned());
            let (before, after) =
                futures::try_join!(rows_of(core, "event", &sought), rows_of(core, "previous", &after))?;
            let mut next = self.add(core, &before)?;
            next.extend(self.add(core, &after)?);
            all.extend(next.iter().cloned());
            edge = next;
        }
        Ok(all)
    }

    /// Whether the scope is small enough to be all candidates.
    pub(crate) async fn is_small(core: &Core) -> Result<bool> {
        Ok(core.passages().await? <= WHOLE_MAX)
    }

    /// The whole scope, if it is small enough to be all candidates.
    pub(crate) async fn scope(core: &Core) -> Result<Option<Pool>> {
        let how = Search { k: 0, exact: true };
        let small = Pool::is_small(core).await?;
        Ok(if small { Some(Pool::by_words(core, &[], &BTreeSet::new(), &Limits::none(), how).await?) } else { None })
    }

    /// These passages alone.
    pub(crate) async fn of_passages(core: &Core, ids: &[String]) -> Result<Pool> {
        let mut pool = Pool::default();
        pool.add(core, &core.snapshot.take("passages", ids, Some(&COLUMNS)).await?)?;
        Ok(pool)
    }

    /// Makes those of these passages candidates that pass the limits.
    pub(crate) async fn admit(&mut self, core: &Core, passages: &BTreeSet<String>, limits: &Limits) -> Result<()> {
        if limits.any() && !passages.is_empty() {
            let these: Vec<String> = passages.iter().cloned().collect();
            let filter = limits.and(one_of("id", &these));
            for batch in core.snapshot.scan("passages", Some(&["id"]), Some(&filter)).await? {
                self.candidates.extend(Rows(&batch).text("id")?.iter().flatten().map(String::from));
            }
        } else {
            self.candidates.extend(passages.iter().cloned());
        }
        Ok(())
    }

    /// The texts of the pool.
    pub(crate) fn hashes(&self) -> Vec<String> {
        let hashes: BTreeSet<&String> = self.turns.values().map(|turn| &turn.hash).collect();
        hashes.into_iter().cloned().collect()
    }

    async fn read(&mut self, core: &Core, filter: &str) -> Result<BTreeSet<String>> {
        let batches = core.snapshot.scan("passages", Some(&COLUMNS), Some(filter)).await?;
        self.add(core, &batches)
    }

    fn add(&mut self, core: &Core, batches: &[RecordBatch]) -> Result<BTreeSet<String>> {
        let mut added = BTreeSet::new();
        let mut remembered = core.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if remembered.len() > REMEMBERED_MAX {
            remembered.clear();
        }
        for batch in batches {
            let rows = Rows(batch);
            let [id, event, previous, hash] = ["id", "event", "previous", "text_hash"].map(|name| rows.text(name));
            let (id, event, previous, hash) = (id?, event?, previous?, hash?);
            let [text, author, platform, channel] =
                ["text", "author", "platform", "channel"].map(|name| rows.text(name));
            let (text, author, platform, channel) = (text?, author?, platform?, channel?);
            let (ordinal, said_at) = (rows.u32("ordinal")?, rows.time("said_at")?);
            for at in 0..rows.len() {
                added.insert(id.value(at).to_string());
                if self.turns.contains_key(id.value(at)) {
                    continue;
                }
                let analysed = || Arc::new(Seen::of(text.value(at), author.value(at), said_at.value(at)));
                let turn = Turn {
                    id: id.value(at).into(),
                    event: event.value(at).into(),
                    ordinal: ordinal.value(at),
                    previous: maybe(&previous, at),
                    hash: hash.value(at).into(),
                    text: text.value(at).into(),
                    said_at: said_at.value(at),
                    author: author.value(at).into(),
                    platform: platform.value(at).into(),
                    channel: channel.value(at).into(),
                    seen: remembered.entry(id.value(at).into()).or_insert_with(analysed).clone(),
                };
                self.turns.insert(turn.id.clone(), turn);
            }
        }
        Ok(added)
    }

    /// Each turn's window: what was said in the same talk, up to [`REACH`] before it and after it, nearest first.
    pub(crate) fn windows(&self) -> BTreeMap<&str, [Vec<&Turn>; 2]> {
        let next = self.chain();
        let before: BTreeMap<&str, &str> = next.iter().map(|(turn, next)| (*next, *turn)).collect();
        let walk = |from: &str, step: &BTreeMap<&str, &str>| -> Vec<&Turn> {
            let steps = std::iter::successors(step.get(from), |at| step.get(*at)).take(REACH);
            steps.filter_map(|id| self.turns.get(*id)).collect()
        };
        self.turns.keys().map(|id| (id.as_str(), [walk(id, &before), walk(id, &next)])).collect()
    }

    /// What was said next in the same talk, by passage: its own next piece, else the next event's first.
    fn chain(&self) -> BTreeMap<&str, &str> {
        let mut pieces: BTreeMap<(&str, u32), &Turn> = BTreeMap::new();
        let mut after: BTreeMap<&str, &Turn> = BTreeMap::new();
        for turn in self.turns.values() {
            pieces.insert((&turn.event, turn.ordinal), turn);
            if let (Some(previous), 0) = (&turn.previous, turn.ordinal) {
                after.entry(previous).or_insert(turn);
            }
        }
        let next = |turn: &Turn| {
            let own = pieces.get(&(turn.event.as_str(), turn.ordinal.saturating_add(1)));
            let next = own.or_else(|| after.get(turn.event.as_str())).copied();
            next.filter(|next| next.said_at.abs_diff(turn.said_at) <= TALK_GAP.unsigned_abs())
        };
        self.turns.values().filter_map(|turn| Some((turn.id.as_str(), next(turn)?.id.as_str()))).collect()
    }
}

async fn ids(core: &Core, limits: &Limits) -> Result<BTreeSet<String>> {
    let filter = limits.and(core.mine());
    let mut found = BTreeSet::new();
    for batch in core.snapshot.scan("passages", Some(&["id"]), Some(&filter)).await? {
        found.extend(Rows(&batch).text("id")?.iter().flatten().map(String::from));
    }
    Ok(found)
}

/// The scope's passages where a column is one of these.
async fn rows_of(core: &Core, column: &str, values: &[String]) -> Result<Vec<RecordBatch>> {
    if values.is_empty() {
        return Ok(Vec::new());
    }
    let mut filter = one_of(column, values);
    if !core.alone().await? {
        filter = format!("{} AND {filter}", core.mine());
    }
    Ok(core.snapshot.scan("passages", Some(&COLUMNS), Some(&filter)).await?)
}

fn one_of(column: &str, values: &[String]) -> String {
    let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
    format!("{column} IN ({})", values.join(", "))
}
