//! Search in a snapshot: by words over the passages, by nearness over vectors.
//!
//! Both work without an index, by reading all rows, and with one that lags behind: rows it does not have yet are searched
//! directly. Cost with an index: what the index touches, plus the rows since it was last extended.

use arrow::array::{AsArray, Float32Array, RecordBatch};
use arrow::datatypes::{Float32Type, UInt64Type};
use futures::TryStreamExt;
use futures::future::BoxFuture;
use lance::dataset::Dataset;
use lance::dataset::scanner::Scanner;
use lance::index::{DatasetIndexExt, DatasetIndexInternalExt};
use lance_index::metrics::NoOpMetricsCollector;
use lance_index::scalar::FullTextSearchQuery;
use lance_index::scalar::inverted::InvertedIndex;
use lance_index::scalar::inverted::query::{FtsQuery, MatchQuery, collect_query_tokens};

use crate::error::{Result, lance};
use crate::fragments::Among;
use crate::indexes::METRIC;
use crate::snapshot::Snapshot;

/// Partitions of the vector index that a query looks into.
const PROBES: usize = 20;
/// So many times `k` candidates are compared by their full vectors.
const REFINE: u32 = 4;

/// How common words are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frequencies {
    /// How many passages there are.
    pub passages: u64,
    /// How many words they have together.
    pub length: u64,
    /// In how many passages each word is, in the order it was asked.
    pub counts: Vec<u64>,
}

impl Frequencies {
    fn none(words: &[String]) -> Self {
        Frequencies { counts: vec![0; words.len()], ..Frequencies::default() }
    }

    fn scaled(mut self, passages: u64) -> Self {
        let (from, to) = (u128::from(self.passages.max(1)), u128::from(passages));
        let scale = |count: &mut u64| *count = u64::try_from(u128::from(*count) * to / from).unwrap_or(u64::MAX);
        self.counts.iter_mut().chain([&mut self.length]).for_each(scale);
        self.passages = passages;
        self
    }
}

/// The sums over the index's segments.
async fn frequencies(table: &Dataset, words: &[String]) -> lance::Result<Frequencies> {
    let mut sums = Frequencies::none(words);
    for segment in table.load_indices_by_name("text_index").await? {
        let index = table.open_generic_index("text", &segment.uuid, &NoOpMetricsCollector).await?;
        let Some(index) = index.as_any().downcast_ref::<InvertedIndex>() else { continue };
        let mut tokenizer = index.tokenizer();
        // A word may be several to the index ("e-mail"): it is as common as the rarest of them.
        let mut tokens: Vec<(usize, String)> = Vec::new();
        for (at, word) in words.iter().enumerate() {
            let of = collect_query_tokens(word, &mut tokenizer);
            tokens.extend((&of).into_iter().map(|token| (at, token.to_string())));
        }
        let terms: Vec<String> = tokens.iter().map(|(_, token)| token.clone()).collect();
        let (length, passages, counts) = index.bm25_stats_for_terms(&terms, None).await?;
        let mut least = vec![None; words.len()];
        for ((at, _), count) in tokens.iter().zip(counts) {
            least[*at] = Some(least[*at].map_or(count, |least: usize| least.min(count)));
        }
        sums.length += length;
        sums.passages += passages as u64;
        sums.counts.iter_mut().zip(least).for_each(|(sum, count)| *sum += count.unwrap_or(0) as u64);
    }
    Ok(sums)
}

impl Snapshot {
    /// The passages (`passages.id`) that fit these words best by BM25, best first, among those that pass the filter. The
    /// text is words and nothing else: quotes and operators in it have no meaning.
    pub fn full_text<'a>(
        &'a self,
        text: &'a str,
        k: usize,
        filter: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Vec<(String, f32)>>> {
        Box::pin(async move {
            let limit = |scanner: &mut Scanner| -> lance::Result<()> {
                scanner.project(&["id", "_score"])?;
                filter.map(|filter| scanner.prefilter(true).filter(filter)).transpose()?;
                Ok(())
            };
            let Some(scanner) = self.fitting(text, k, limit).await? else { return Ok(Vec::new()) };
            let mut found = self.scored("passages", scanner, "_score", |score| score).await?;
            found.truncate(k);
            Ok(found)
        })
    }

    /// The addresses of the passages that fit these words best, as [`Snapshot::full_text`], among these rows. Reads no
    /// column.
    pub fn full_text_at<'a>(
        &'a self,
        text: &'a str,
        k: usize,
        among: Option<&'a Among>,
    ) -> BoxFuture<'a, Result<Vec<(u64, f32)>>> {
        Box::pin(async move {
            let limit = |scanner: &mut Scanner| -> lance::Result<()> {
                scanner.project(&["_score"])?.with_row_id();
                if let Some(Among(rows)) = among {
                    scanner.prefilter(true).with_row_id_prefilter(rows.clone());
                }
                Ok(())
            };
            let Some(scanner) = self.fitting(text, k, limit).await? else { return Ok(Vec::new()) };
            let batches: Vec<RecordBatch> = self.run("passages", scanner).await?.try_collect().await?;
            let mut found = Vec::new();
            for batch in &batches {
                let (rows, scores) =
                    (batch["_rowid"].as_primitive::<UInt64Type>(), batch["_score"].as_primitive::<Float32Type>());
                found.extend(rows.values().iter().copied().zip(scores.values().iter().copied()));
            }
            found.sort_by(|(a, x), (b, y)| y.total_cmp(x).then_with(|| a.cmp(b)));
            found.truncate(k);
            Ok(found)
        })
    }

    /// A search for words; `None` where nothing can be found.
    async fn fitting(
        &self,
        text: &str,
        k: usize,
        limit: impl FnOnce(&mut Scanner) -> lance::Result<()>,
    ) -> Result<Option<Scanner>> {
        let Some(table) = self.table("passages").await? else { return Ok(None) };
        if k == 0 || !text.chars().any(char::is_alphanumeric) {
            return Ok(None);
        }
        let mut scanner = table.scan();
        let prepare = || -> lance::Result<Scanner> {
            let words = MatchQuery::new(text.to_string()).with_column(Some("text".to_string()));
            scanner.full_text_search(FullTextSearchQuery::new_query(FtsQuery::Match(words)).limit(Some(k as i64)))?;
            limit(&mut scanner)?;
            Ok(scanner)
        };
        prepare().map(Some).map_err(lance("cannot search passages"))
    }

    /// In how many passages each of these words is, of all scopes, as far as the index of words goes: what it lacks counts
    /// as if it were like the rest. Costs a look-up a word; no row is read.
    pub fn frequencies<'a>(&'a self, words: &'a [String]) -> BoxFuture<'a, Result<Frequencies>> {
        Box::pin(async move {
            let Some(table) = self.table("passages").await? else { return Ok(Frequencies::none(words)) };
            let found = frequencies(&table, words).await.map_err(lance("cannot read the index of words"))?;
            Ok(found.scaled(self.rows("passages")))
        })
    }

    /// The texts (`text_hash`) whose vectors are nearest to this one, with their cosine, best first, among those that pass
    /// the filter.
    pub fn nearest<'a>(
        &'a self,
        vectors_table: &'a str,
        query: &'a [f32],
        k: usize,
        filter: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Vec<(String, f32)>>> {
        Box::pin(async move {
            let Some(table) = self.table(vectors_table).await? else { return Ok(Vec::new()) };
            if k == 0 || self.rows(vectors_table) == 0 {
                return Ok(Vec::new());
            }
            let mut scanner = table.scan();
            let mut prepare = || -> lance::Result<()> {
                scanner.nearest("vector", &Float32Array::from(query.to_vec()), k)?;
                scanner.distance_metric(METRIC.try_into()?).nprobes(PROBES).refine(REFINE);
                scanner.project(&["text_hash", "_distance"])?;
                filter.map(|filter| scanner.prefilter(true).filter(filter)).transpose()?;
                Ok(())
            };
            prepare().map_err(lance(format_args!("cannot search {vectors_table}")))?;
            self.scored(vectors_table, scanner, "_distance", |distance| 1.0 - distance).await
        })
    }

    /// Keys and scores, best first; equal scores by key, so that the order is always the same.
    async fn scored(
        &self,
        table: &str,
        scanner: Scanner,
        column: &str,
        score: impl Fn(f32) -> f32,
    ) -> Result<Vec<(String, f32)>> {
        let batches: Vec<RecordBatch> = self.run(table, scanner).await?.try_collect().await?;
        let mut found = Vec::new();
        for batch in &batches {
            let (keys, values) = (batch.column(0).as_string::<i32>(), batch[column].as_primitive::<Float32Type>());
            found
                .extend(keys.iter().zip(values.values()).map(|(key, value)| (key.unwrap_or("").into(), score(*value))));
        }
        found.sort_by(|(a, x): &(String, f32), (b, y)| y.total_cmp(x).then_with(|| a.cmp(b)));
        Ok(found)
    }
}
