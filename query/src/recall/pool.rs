//! The candidates of one recall, with what was said around them.

use std::collections::{BTreeMap, BTreeSet};

use arrow::record_batch::RecordBatch;
use futures::future::try_join_all;
use nexus_scoring::terms;
use nexus_storage::quoted;
use nexus_types::Millis;

use crate::core::Core;
use crate::error::Result;
use crate::rows::{Rows, maybe};

/// A scope of at most so many passages is all candidates.
const WHOLE_MAX: u64 = 4_096;
/// How many candidates the words give, and how many the meaning.
const FOUND_MAX: usize = 150;
/// A word in more passages than this is as common as if it were in this many.
const FREQUENCY_MAX: usize = 2_000;
/// So many different words of a question are looked up; more do not make it clearer.
const WORDS_MAX: usize = 32;
/// How far on either side a passage's window reaches.
pub(crate) const REACH: usize = 2;
/// What was said longer before or after is not the same talk.
const TALK_GAP: Millis = 3 * 3_600_000;

const COLUMNS: [&str; 10] =
    ["id", "event", "ordinal", "previous", "text_hash", "text", "said_at", "author", "platform", "channel"];

/// One passage.
#[derive(Clone, Debug, PartialEq, Eq)]
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
}

/// Passages by id; which of them are candidates; and how common the question's words are beyond them.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    /// Candidates and what was said around them.
    pub(crate) turns: BTreeMap<String, Turn>,
    /// Who may be recalled.
    pub(crate) candidates: BTreeSet<String>,
    /// Whether the pool is the whole scope.
    pub(crate) whole: bool,
    /// How many passages the scope has.
    pub(crate) passages: u64,
    /// In how many passages each term of the question is; only where the pool is not the whole scope.
    pub(crate) frequencies: BTreeMap<String, u64>,
}

impl Pool {
    /// The passages that share words with the question; all, if they are few.
    pub(crate) async fn by_words(core: &Core, question: &str) -> Result<Pool> {
        let mine = core.mine();
        let mut pool = Pool { passages: core.snapshot.rows("passages"), ..Pool::default() };
        if pool.passages > WHOLE_MAX {
            pool.passages = core.snapshot.count("passages", Some(&mine)).await?;
        }
        if pool.passages <= WHOLE_MAX {
            pool.whole = true;
            pool.add(&core.snapshot.scan("passages", Some(&COLUMNS), Some(&mine)).await?)?;
            pool.candidates = pool.turns.keys().cloned().collect();
            return Ok(pool);
        }
        let words = asked(question);
        let question = words.keys().map(String::as_str).collect::<Vec<_>>().join(" ");
        let found = core.snapshot.full_text(&question, FOUND_MAX, Some(&mine)).await?;
        pool.candidates.extend(found.into_iter().map(|(id, _)| id));
        let ids: Vec<String> = pool.candidates.iter().cloned().collect();
        pool.add(&core.snapshot.take("passages", &ids, Some(&COLUMNS)).await?)?;
        pool.count(core, &words).await?;
        Ok(pool)
    }

    /// Adds the passages whose meaning is near.
    pub(crate) async fn by_meaning(&mut self, core: &Core, table: &str, vector: &[f32]) -> Result<()> {
        if self.whole {
            return Ok(());
        }
        // Vectors are shared by all scopes: look for as many more as others have passages.
        let share = core.snapshot.rows("passages").div_ceil(self.passages.max(1)).min(20) as usize;
        let near = core.snapshot.nearest(table, vector, FOUND_MAX * share, None).await?;
        let hashes: Vec<String> = near.into_iter().map(|(hash, _)| hash).collect();
        let found = self.read(core, "text_hash", &hashes).await?;
        let mut rank: BTreeMap<&str, usize> = BTreeMap::new();
        for (at, hash) in hashes.iter().enumerate() {
            rank.entry(hash).or_insert(at);
        }
        let mut near: Vec<&Turn> = found.iter().filter_map(|id| self.turns.get(id)).collect();
        near.sort_by_key(|turn| (rank.get(turn.hash.as_str()), std::cmp::Reverse(turn.said_at), &turn.id));
        self.candidates.extend(near.into_iter().take(FOUND_MAX).map(|turn| turn.id.clone()).collect::<Vec<_>>());
        Ok(())
    }

    /// Adds what was said right before and after as candidates, and what their windows reach.
    pub(crate) async fn surround(&mut self, core: &Core) -> Result<()> {
        if self.whole {
            return Ok(());
        }
        let mut edge: BTreeSet<String> = self.candidates.clone();
        for hop in 0..=REACH {
            let turns: Vec<&Turn> = edge.iter().filter_map(|id| self.turns.get(id)).collect();
            let events: BTreeSet<String> = turns.iter().map(|turn| turn.event.clone()).collect();
            let before: BTreeSet<String> = turns.iter().filter_map(|turn| turn.previous.clone()).collect();
            let before: Vec<String> = before.into_iter().filter(|event| !events.contains(event)).collect();
            let mut next = self.read(core, "event", &before).await?;
            next.extend(self.read(core, "previous", &events.into_iter().collect::<Vec<_>>()).await?);
            if hop == 0 {
                self.candidates.extend(next.iter().cloned());
            }
            edge = next;
        }
        Ok(())
    }

    /// The authors of the pool, each once.
    pub(crate) fn authors(&self) -> impl Iterator<Item = &str> {
        let authors: BTreeSet<&str> = self.turns.values().map(|turn| turn.author.as_str()).collect();
        authors.into_iter()
    }

    /// The texts of the pool.
    pub(crate) fn hashes(&self) -> Vec<String> {
        let hashes: BTreeSet<&String> = self.turns.values().map(|turn| &turn.hash).collect();
        hashes.into_iter().cloned().collect()
    }

    /// Reads the scope's passages where a column is one of these; gives their ids.
    async fn read(&mut self, core: &Core, column: &str, values: &[String]) -> Result<BTreeSet<String>> {
        if values.is_empty() {
            return Ok(BTreeSet::new());
        }
        let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
        let filter = format!("{} AND {column} IN ({})", core.mine(), values.join(", "));
        self.add(&core.snapshot.scan("passages", Some(&COLUMNS), Some(&filter)).await?)
    }

    async fn count(&mut self, core: &Core, words: &BTreeMap<String, String>) -> Result<()> {
        let mine = core.mine();
        let look_up = |word| core.snapshot.full_text(word, FREQUENCY_MAX, Some(&mine));
        let found = try_join_all(words.keys().map(|word| look_up(word.as_str()))).await?;
        for (term, found) in words.values().zip(found) {
            let frequency = self.frequencies.entry(term.clone()).or_default();
            *frequency = (*frequency).max(found.len() as u64);
        }
        Ok(())
    }

    fn add(&mut self, batches: &[RecordBatch]) -> Result<BTreeSet<String>> {
        let mut added = BTreeSet::new();
        for batch in batches {
            let rows = Rows(batch);
            let [id, event, previous, hash] = ["id", "event", "previous", "text_hash"].map(|name| rows.text(name));
            let (id, event, previous, hash) = (id?, event?, previous?, hash?);
            let [text, author, platform, channel] =
                ["text", "author", "platform", "channel"].map(|name| rows.text(name));
            let (text, author, platform, channel) = (text?, author?, platform?, channel?);
            let (ordinal, said_at) = (rows.u32("ordinal")?, rows.time("said_at")?);
            for at in 0..rows.len() {
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
                };
                added.insert(turn.id.clone());
                self.turns.insert(turn.id.clone(), turn);
            }
        }
        Ok(added)
    }
}

/// The words of a question that it can be answered by, each with its term.
fn asked(question: &str) -> BTreeMap<String, String> {
    let terms: BTreeSet<String> = terms::query(question).into_iter().collect();
    let mut asked = BTreeMap::new();
    for word in terms::words(question) {
        let term = terms::query(&word).into_iter().find(|term| terms.contains(term));
        if let (Some(term), true) = (term, asked.len() < WORDS_MAX) {
            asked.insert(word, term);
        }
    }
    asked
}

/// For each turn, what was said next in the same talk: its own next piece, else the next event's first.
pub(crate) fn chain(turns: &[&Turn]) -> Vec<Option<usize>> {
    let mut pieces: BTreeMap<(&str, u32), usize> = BTreeMap::new();
    let mut after: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, turn) in turns.iter().enumerate() {
        pieces.insert((&turn.event, turn.ordinal), at);
        if let (Some(previous), 0) = (&turn.previous, turn.ordinal) {
            after.entry(previous).or_insert(at);
        }
    }
    let near = |at: usize, next: usize| turns[next].said_at.abs_diff(turns[at].said_at) <= TALK_GAP.unsigned_abs();
    let next = |(at, turn): (usize, &&Turn)| {
        let own = pieces.get(&(turn.event.as_str(), turn.ordinal.saturating_add(1)));
        own.or_else(|| after.get(turn.event.as_str())).copied().filter(|&next| near(at, next))
    };
    turns.iter().enumerate().map(next).collect()
}
