//! Recall: the passages that answer a question best.
//!
//! In stages. **Candidates** come from the words (full text), from what those it names said, from when it speaks of, and from
//! the meaning (nearest vectors), with what was said around them; a small scope is all candidates. **Ranking** gives each the
//! score that `nexus_scoring::ranking` defines, which depends on the passage, what was said around it and what is
//! published for the scope (weights, statistics): never on the other candidates. **Facts** about whom the question names
//! go with it. A question about somebody nobody here has heard of has no answer, nor has one that nothing fits: then
//! `unsure` says why. Equal scores are in the order of time, newest first, then of id.
//!
//! Cost: a bounded number of reads, whatever the size of the store, and one pass over a bit a number of each vector
//! (`passages/codes.rs`); the first question of a process reads who said what when (`passages.rs`). Limits cost a pass over
//! their column in memory. Linear in a small scope.

mod answered;
mod dated;
mod kept;
mod known;
mod names;
mod options;
mod pool;
mod published;
mod rank;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use nexus_scoring::ranking::{MINILM, Sought, Spread};
use nexus_scoring::similar::Direction;
use nexus_scoring::{Bag, Statistics};
use nexus_types::{Hash128, Millis};
use serde::Serialize;

use crate::core::{Core, Embed};
use crate::error::{QueryError, Result};
use crate::facts::FactView;
use crate::passages::{Passages, Place, Vectors};
pub(crate) use answered::Answered;
pub use answered::HitRate;
use answered::Question;
pub(crate) use kept::kept;
pub(crate) use names::Names;
use options::Limits;
pub use options::RecallOptions;
use pool::{Pool, Search};
use published::published;
pub(crate) use published::{to_publish, weights_sql};
pub use rank::Contribution;
use rank::{Fit, Judge};

/// So many of the best candidates have their windows read.
const READ_AROUND: usize = 16;

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
    /// What it says that is held, but true no more: it was ended, or superseded by what somebody said later.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub outdated: Vec<FactView>,
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

impl Recalled {
    fn nobody() -> Recalled {
        let unsure = Some("it asks about somebody who neither speaks here nor is spoken of".to_string());
        Recalled { hits: Vec::new(), lexical_only: false, facts: Vec::new(), unsure }
    }
}

/// Answers a question, or gives the answer it was given before.
pub(crate) async fn recall(core: &Core, question: &str, options: &RecallOptions) -> Result<Recalled> {
    // An answer from a snapshot that was revoked is not given any more.
    core.snapshot.check()?;
    let embedder = core.components.embed.as_ref().map_or("", |embed| embed.model()).to_string();
    let (epoch, scope, mut options) = (core.snapshot.epoch(), core.scope.clone(), options.clone());
    options.asked_at = options.asked_at.map(dated::day);
    let asked = Question { epoch, scope, embedder, question: question.trim().into(), options };
    let answered = &core.components.warm.answered;
    if let Some(answer) = answered.answer(&asked) {
        return Ok(answer);
    }
    let answer = answer(core, &asked.question, &asked.options).await?;
    // A model that failed may answer the next time.
    if core.components.embed.is_none() || !answer.lexical_only {
        answered.keep_answer(asked, answer.clone());
    }
    Ok(answer)
}

async fn answer(core: &Core, question: &str, options: &RecallOptions) -> Result<Recalled> {
    let published = published(core, question, options.asked_at).await?;
    let asked = &published.asked;
    let words: Vec<String> = published::words(question).into_iter().map(|(word, _)| word).collect();
    let nobody = |statistics: &Statistics| !published.is_watched() && asked.is_about_nobody(statistics);
    let counted = published.statistics(core, question).await?;
    if counted.as_ref().is_some_and(nobody) {
        return Ok(Recalled::nobody());
    }
    let (limits, meaning) = (Limits::of(core, options).await?, Meaning::of(core, &asked.embedded).await?);
    let (limits, meaning, named, then) = (&limits, meaning.as_ref(), &asked.authors, published.stretches.as_slice());
    let unknown = Statistics::default();
    let (terms, statistics) = (Bag::of(asked.terms.iter().cloned()), counted.as_ref().unwrap_or(&unknown));
    let (k, exact, words) = (options.k, options.exact, &words);
    let search = Search { words, terms, statistics, named, then, limits, meaning, k, exact };
    let (mut pool, named) = futures::try_join!(Pool::of(core, &search), known::about_named(core, question))?;
    let names = core.names().await?;
    let statistics = counted.clone().unwrap_or_else(|| published.of_whole(&pool, &names, question));
    if nobody(&statistics) {
        return Ok(Recalled::nobody());
    }
    let spread = core.components.embed.as_ref().map_or(MINILM, |embed| Spread::of_embedder(embed.model()));
    let sought = Sought::of(asked, &statistics, spread);
    let judge = Judge { asked, sought: &sought, weights: &published.weights };
    if !pool.whole {
        // A window can lift a passage that says little itself; what stands far from everything that fits, it cannot.
        let best = judge.rank(&pool).into_iter().take(READ_AROUND.max(options.k)).map(|fit| fit.place);
        pool.narrow(core, &search, best.collect()).await?;
    }
    let mut fits = judge.rank(&pool);
    fits.truncate(options.k);
    let events: Vec<Hash128> = fits.iter().map(|fit| pool.passages.event(fit.place)).collect();
    let (mut hits, said) =
        futures::try_join!(hits(core, &pool, &judge, &fits, options.explain), known::said(core, &events))?;
    for (hit, event) in hits.iter_mut().zip(&events) {
        let made = said.get(event).into_iter().flatten();
        hit.outdated = made.filter(|fact| fact.known_to.is_none() && !fact.holds()).cloned().collect();
    }
    let facts = known::known(question, named, &events, said);
    let unsure = hits.is_empty().then(|| "nothing that was said fits the question".to_string());
    let lexical_only = pool.turns.values().all(|turn| turn.cosine.is_none());
    Ok(Recalled { hits, lexical_only, facts, unsure })
}

/// What was found, as it is shown.
async fn hits(core: &Core, pool: &Pool, judge: &Judge<'_>, fits: &[Fit], explain: bool) -> Result<Vec<Hit>> {
    let read = |place: &Place| pool.turns.get(place).and_then(|turn| turn.text.clone());
    let unread: BTreeSet<Place> = fits.iter().map(|fit| fit.place).filter(|place| read(place).is_none()).collect();
    let unread: Vec<Place> = unread.into_iter().collect();
    let texts = pool.passages.texts(&core.snapshot, &unread).await?;
    let texts: BTreeMap<Place, Box<str>> = unread.into_iter().zip(texts).collect();
    let hit = |fit: &Fit| {
        let name = |column: &str| pool.passages.name(column, fit.place).to_string();
        Hit {
            event: pool.passages.event(fit.place).to_string(),
            passage: fit.id.to_string(),
            score: fit.score,
            said_at: fit.said_at,
            author: name("author"),
            platform: name("platform"),
            channel: name("channel"),
            text: read(&fit.place).or_else(|| texts.get(&fit.place).cloned()).unwrap_or_default().into(),
            found_by: judge.reasons(pool, fit),
            outdated: Vec::new(),
            features: explain.then(|| judge.contributions(fit)),
        }
    };
    Ok(fits.iter().map(hit).collect())
}

/// The texts nearest to a question in meaning alone, by their hash, each with its cosine in fixed point; nearest first.
pub(crate) async fn nearest(core: &Core, question: &str, k: usize) -> Result<Vec<(String, i64)>> {
    let Some(Meaning { vectors, vector, .. }) = Meaning::of(core, question).await? else { return Ok(Vec::new()) };
    let found = vectors.nearest(&core.snapshot, &*core.passages().await?, &vector, k).await?;
    Ok(found.into_iter().map(|(hash, cosine)| (hash.to_string(), cosine)).collect())
}

/// A question as a vector, and what to compare it with.
pub(crate) struct Meaning {
    vectors: Arc<Vectors>,
    vector: Vec<f32>,
    direction: Direction,
}

impl Meaning {
    /// `None` without a model, and where nothing is embedded yet.
    async fn of(core: &Core, question: &str) -> Result<Option<Meaning>> {
        let (Some(embed), Some(vectors)) = (core.components.embed.clone(), core.vectors().await?) else {
            return Ok(None);
        };
        let answered = &core.components.warm.answered;
        let vector = match answered.vector(embed.model(), question) {
            Some(vector) => Some(vector),
            None => {
                let vector = embedded(embed.clone(), question.to_string()).await?;
                if let Some(vector) = &vector {
                    answered.keep_vector(embed.model(), question.to_string(), vector.clone());
                }
                vector
            }
        };
        Ok(vector.map(|vector| Meaning { vectors, direction: Direction::of(&vector), vector }))
    }

    /// The cosine of each passage that has a vector.
    async fn cosines(&self, core: &Core, passages: &Passages, places: &[Place]) -> Result<BTreeMap<Place, i64>> {
        self.vectors.cosines(&core.snapshot, passages, &self.direction, places).await
    }
}

async fn embedded(embed: Arc<dyn Embed>, question: String) -> Result<Option<Vec<f32>>> {
    let working = tokio::task::spawn_blocking(move || embed.embed(&question));
    working.await.map_err(|error| QueryError::Engine(format!("the model failed on the question: {error}")))
}

fn broken(error: tokio::task::JoinError) -> QueryError {
    QueryError::Engine(format!("the search failed: {error}"))
}
