//! Recall: the passages that answer a question best.
//!
//! Candidates come from the words (full text) and the meaning (nearest vectors), with those said right before and after
//! them; a scope small enough is all candidates. They are ranked by the sum of standard scores
//! 2·z(words of the passage and two on either side) + z(meaning) + z(best meaning of the passage and one on either side),
//! plus 2 if its author is named in the question; without a model, the second and third give way to z(words of the passage).
//! Equal scores are in the order of time, newest first, then of id: the same question gives the same answer.
//!
//! Cost: a bounded number of index look-ups, whatever the size of the store; linear in a small scope.

mod known;
mod names;
mod pool;
mod rank;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::Float32Type;
use nexus_scoring::cosine;
use nexus_types::Millis;
use nexus_types::tables::vectors_name;
use serde::Serialize;

use crate::core::{Core, Embed};
use crate::error::{QueryError, Result};
use crate::facts::FactView;
use crate::rows::Rows;
use names::Named;
use pool::Pool;

/// A passage that was recalled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hit {
    /// The event.
    pub event: String,
    /// The passage.
    pub passage: String,
    /// How well it fits, in fixed point (65,536 is one standard deviation); comparable within one answer only.
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
}

/// Answers a question with at most `k` passages.
pub(crate) async fn recall(core: &Core, question: &str, k: usize) -> Result<Recalled> {
    let mut pool = Pool::by_words(core, question).await?;
    let named = Named::of(question, pool.authors(), pool.whole);
    let meaning = Meaning::of(core, &named.stripped).await?;
    if let Some(meaning) = &meaning {
        pool.by_meaning(core, &meaning.table, &meaning.vector).await?;
    }
    pool.surround(core).await?;
    let cosines = match &meaning {
        Some(meaning) => meaning.cosines(core, pool.hashes()).await?,
        None => BTreeMap::new(),
    };
    let mut hits = rank::rank(&pool, &named, &cosines, k);
    hits.truncate(k);
    let facts = known::known(core, question, &hits).await?;
    Ok(Recalled { hits, lexical_only: cosines.is_empty(), facts })
}

/// A question as a vector, and where to compare it.
struct Meaning {
    table: String,
    vector: Vec<f32>,
}

impl Meaning {
    /// `None` without a model, and where nothing is embedded yet.
    async fn of(core: &Core, question: &str) -> Result<Option<Meaning>> {
        let Some(embed) = core.components.embed.clone() else { return Ok(None) };
        let table = vectors_name(embed.model());
        if core.snapshot.rows(&table) == 0 {
            return Ok(None);
        }
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
