//! Recall: the passages that answer a question best.
//!
//! In stages. **Candidates** come from the words (full text), from what those it names said, and from the meaning (nearest
//! vectors), with what was said right before and after them; a small scope is all candidates. **Ranking** gives each the
//! score that `nexus_scoring::ranking` defines, which depends on the passage, what was said around it and what is
//! published for the scope (weights, statistics): never on the other candidates. **Facts** about whom the question names
//! go with it. A question about somebody nobody here has heard of has no answer, nor has one that nothing fits: then
//! `unsure` says why. Equal scores are in the order of time, newest first, then of id.
//!
//! Cost: a bounded number of index look-ups, whatever the size of the store, but that limits by platform, channel, author,
//! kind or time look through their column, and the first question of a reader reads all authors; linear in a small scope.

mod kept;
mod known;
mod names;
mod options;
mod pool;
mod published;
mod rank;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::Float32Type;
use nexus_scoring::cosine;
use nexus_scoring::ranking::{Asked, MINILM, REACH, Sought, Spread, Weights};
use nexus_types::Millis;
use nexus_types::tables::vectors_name;
use serde::Serialize;

use crate::core::{Core, Embed};
use crate::error::{QueryError, Result};
use crate::facts::FactView;
use crate::rows::Rows;
pub(crate) use kept::kept;
pub(crate) use names::Names;
use options::Limits;
pub use options::RecallOptions;
pub(crate) use pool::Remembered;
use pool::{Pool, Search};
use published::published;
pub(crate) use published::{to_publish, weights_sql};
pub use rank::Contribution;
use rank::Judge;

/// So many of the best candidates have their windows read.
const READ_AROUND: usize = 40;

/// A passage that was recalled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hit {
    /// The event.
    pub event: String,
    /// The passage.
    pub passage: String,
    /// How well it fits, in fixed point (65,536 is one); comparable between answers to one question.
    pub score: i64,
    /// When it was said.
    pub said_at: Millis,
    /// Who said it.
    pub author: String,
    /// On which platform.
    pub platform: String,
    /// Where there.
    pub channel: String,
    /// What was said.
    pub text: String,
    /// Why it is here: `words`, `meaning`, `context` (said next to it), `author`.
    pub found_by: Vec<&'static str>,
    /// How the score came about, if that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub features: Option<Vec<Contribution>>,
}

/// An answer to a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Recalled {
    /// What was said, best first.
    pub hits: Vec<Hit>,
    /// Whether only words were compared, because there is no model or nothing it has embedded.
    pub lexical_only: bool,
    /// What memory holds of those the question names, and from what was recalled.
    pub facts: Vec<FactView>,
    /// Why nothing was recalled, or why it may be nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unsure: Option<String>,
}

/// Answers a question.
pub(crate) async fn recall(core: &Core, question: &str, options: &RecallOptions) -> Result<Recalled> {
    let question = question.trim();
    let limits = Limits::of(core, options).await?;
    let published = published(core, question).await?;
    let asked = &published.asked;
    let words: Vec<String> = published::words(question).into_iter().map(|(word, _)| word).collect();
    let how = Search { k: options.k, exact: options.exact };
    let mut pool = Pool::by_words(core, &words, &asked.authors, &limits, how).await?;
    let statistics = published.statistics(core, &pool, question).await?;
    if !published.is_watched() && asked.is_about_nobody(&statistics) {
        let unsure = Some("it asks about somebody who neither speaks here nor is spoken of".to_string());
        return Ok(Recalled { hits: Vec::new(), lexical_only: false, facts: Vec::new(), unsure });
    }
    let meaning = Meaning::of(core, &asked.embedded).await?;
    if let Some(meaning) = &meaning {
        pool.by_meaning(core, &meaning.table, &meaning.vector, &limits, how).await?;
    }
    let spread = core.components.embed.as_ref().map_or(MINILM, |embed| Spread::of_embedder(embed.model()));
    let sought = Sought::of(asked, &statistics, spread);
    let judging = Judging { asked, sought: &sought, weights: &published.weights, k: options.k };
    let cosines = judging.narrow(core, &mut pool, meaning.as_ref(), &limits).await?;
    let mut hits = judging.judge(&cosines).rank(&pool, options.explain);
    hits.truncate(options.k);
    let facts = known::known(core, question, &hits).await?;
    let unsure = hits.is_empty().then(|| "nothing that was said fits the question".to_string());
    Ok(Recalled { hits, lexical_only: cosines.is_empty(), facts, unsure })
}

/// What a question's candidates are judged by, before their meaning is known.
struct Judging<'a> {
    asked: &'a Asked,
    sought: &'a Sought<'a>,
    weights: &'a Weights,
    /// How many are wanted.
    k: usize,
}

impl<'a> Judging<'a> {
    fn judge(&self, cosines: &'a BTreeMap<String, i64>) -> Judge<'a> {
        Judge { asked: self.asked, sought: self.sought, weights: self.weights, cosines }
    }

    /// Leaves the best candidates, and those that were said next to them, and reads the windows of all of these. A window
    /// can lift a passage that says little itself; what stands far from everything that fits, it cannot.
    async fn narrow(
        &self,
        core: &Core,
        pool: &mut Pool,
        meaning: Option<&Meaning>,
        limits: &Limits,
    ) -> Result<BTreeMap<String, i64>> {
        let mut cosines = cosines_of(core, meaning, pool, &BTreeMap::new()).await?;
        if pool.whole {
            return Ok(cosines);
        }
        let best = self.judge(&cosines).rank(pool, false).into_iter().take(READ_AROUND.max(self.k));
        let best: BTreeSet<String> = best.map(|hit| hit.passage).collect();
        let beside = pool.surround(core, best.clone(), 1).await?;
        pool.candidates = best;
        pool.admit(core, &beside, limits).await?;
        pool.surround(core, beside, REACH).await?;
        let more = cosines_of(core, meaning, pool, &cosines).await?;
        cosines.extend(more);
        Ok(cosines)
    }
}

/// The cosines of the pool's texts that are not known yet.
async fn cosines_of(
    core: &Core,
    meaning: Option<&Meaning>,
    pool: &Pool,
    known: &BTreeMap<String, i64>,
) -> Result<BTreeMap<String, i64>> {
    let hashes: Vec<String> = pool.hashes().into_iter().filter(|hash| !known.contains_key(hash)).collect();
    match meaning {
        Some(meaning) => meaning.cosines(core, hashes).await,
        None => Ok(BTreeMap::new()),
    }
}

/// The table of vectors that questions are compared with; `None` without a model, and where nothing is embedded yet.
fn vectors(core: &Core) -> Option<String> {
    let table = vectors_name(core.components.embed.as_ref()?.model());
    (core.snapshot.rows(&table) > 0).then_some(table)
}

/// A question as a vector, and where to compare it.
struct Meaning {
    table: String,
    vector: Vec<f32>,
}

impl Meaning {
    /// `None` without a model, and where nothing is embedded yet.
    async fn of(core: &Core, question: &str) -> Result<Option<Meaning>> {
        let (Some(embed), Some(table)) = (core.components.embed.clone(), vectors(core)) else { return Ok(None) };
        let vector = embedded(embed, question.to_string()).await?;
        Ok(vector.map(|vector| Meaning { table, vector }))
    }

    /// The cosine of each text that has a vector, by its hash.
    async fn cosines(&self, core: &Core, hashes: Vec<String>) -> Result<BTreeMap<String, i64>> {
        let mut cosines = BTreeMap::new();
        for batch in core.snapshot.take(&self.table, &hashes, None).await? {
            let hash = Rows(&batch).text("text_hash")?;
            let damaged = || QueryError::Corrupt(format!("table {} has no vectors", self.table));
            let vectors = batch.column_by_name("vector").and_then(|column| column.as_fixed_size_list_opt());
            let vectors = vectors.ok_or_else(damaged)?;
            let width = usize::try_from(vectors.value_length()).unwrap_or(0);
            let values = vectors.values().as_primitive_opt::<Float32Type>().ok_or_else(damaged)?.values();
            // A sliced list keeps its whole child: rows start at its offset.
            let values = &values[vectors.value_offset(0).max(0) as usize..];
            for (hash, vector) in hash.iter().flatten().zip(values.chunks_exact(width.max(1))) {
                cosines.insert(hash.to_string(), cosine(&self.vector, vector));
            }
        }
        Ok(cosines)
    }
}

async fn embedded(embed: Arc<dyn Embed>, question: String) -> Result<Option<Vec<f32>>> {
    let working = tokio::task::spawn_blocking(move || embed.embed(&question));
    working.await.map_err(|error| QueryError::Engine(format!("the model failed on the question: {error}")))
}
