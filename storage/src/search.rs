//! Search in a snapshot, by words over the passages.
//!
//! The index of words is asked itself, which spares the plan of a scan. It may lag behind: [`Snapshot::not_indexed`] says
//! which fragments it does not have yet. Cost: what the index touches.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures::future::BoxFuture;
use lance::dataset::Dataset;
use lance::dataset::scanner::RowAddrMask;
use lance::index::{DatasetIndexExt, DatasetIndexInternalExt};
use lance_index::metrics::NoOpMetricsCollector;
use lance_index::prefilter::{NoFilter, PreFilter};
use lance_index::scalar::inverted::query::{FtsSearchParams, Operator, collect_query_tokens};
use lance_index::scalar::inverted::{InvertedIndex, MemBM25Scorer};

use crate::error::{Result, lance};
use crate::fragments::Among;
use crate::snapshot::Snapshot;

/// So many tokens' counts are kept.
const TOKENS_KEPT: usize = 8_192;

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

/// The index of words, as one snapshot has it.
#[derive(Debug)]
pub(crate) struct WordsIndex {
    segments: Vec<InvertedIndex>,
    /// The fragments they know.
    covered: BTreeSet<u32>,
    counted: Mutex<Counted>,
}

/// What was looked up before.
#[derive(Debug, Default)]
struct Counted {
    /// How many words there are, and how many passages.
    sums: (u64, usize),
    /// In how many passages a token is.
    tokens: BTreeMap<String, usize>,
}

impl WordsIndex {
    pub(crate) async fn of(table: &Dataset) -> lance::Result<WordsIndex> {
        let (mut segments, mut covered) = (Vec::new(), BTreeSet::new());
        for segment in table.load_indices_by_name("text_index").await? {
            covered.extend(segment.fragment_bitmap.iter().flat_map(|fragments| fragments.iter()));
            let index = table.open_generic_index("text", &segment.uuid, &NoOpMetricsCollector).await?;
            segments.extend(index.as_any().downcast_ref::<InvertedIndex>().cloned());
        }
        Ok(WordsIndex { segments, covered, counted: Mutex::default() })
    }

    /// How many words and passages there are, and in how many passages each token is, over all segments.
    async fn count(&self, tokens: &[String]) -> lance::Result<(u64, usize, Vec<usize>)> {
        let kept = || self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut sums, mut counts) = {
            let kept = kept();
            let known = |token: &String| Some((token.clone(), *kept.tokens.get(token)?));
            (kept.sums, tokens.iter().filter_map(known).collect::<BTreeMap<String, usize>>())
        };
        let unknown: BTreeSet<&String> = tokens.iter().filter(|token| !counts.contains_key(*token)).collect();
        let unknown: Vec<String> = unknown.into_iter().cloned().collect();
        if !unknown.is_empty() {
            sums = (0, 0);
            let mut new = vec![0; unknown.len()];
            for index in &self.segments {
                let of = index.bm25_stats_for_terms(&unknown, None).await?;
                sums = (sums.0 + of.0, sums.1 + of.1);
                new.iter_mut().zip(of.2).for_each(|(sum, count)| *sum += count);
            }
            counts.extend(unknown.into_iter().zip(new));
            let mut kept = kept();
            if kept.tokens.len() > TOKENS_KEPT {
                kept.tokens.clear();
            }
            kept.sums = sums;
            kept.tokens.extend(counts.clone());
        }
        Ok((sums.0, sums.1, tokens.iter().map(|token| counts.get(token).copied().unwrap_or(0)).collect()))
    }

    async fn frequencies(&self, words: &[String]) -> lance::Result<Frequencies> {
        let Some(first) = self.segments.first() else { return Ok(Frequencies::none(words)) };
        let mut tokenizer = first.tokenizer();
        // A word may be several to the index ("e-mail"): it is as common as the rarest of them.
        let mut tokens: Vec<(usize, String)> = Vec::new();
        for (at, word) in words.iter().enumerate() {
            let of = collect_query_tokens(word, &mut tokenizer);
            tokens.extend((&of).into_iter().map(|token| (at, token.to_string())));
        }
        let terms: Vec<String> = tokens.iter().map(|(_, token)| token.clone()).collect();
        let (length, passages, counts) = self.count(&terms).await?;
        let mut least: Vec<Option<u64>> = vec![None; words.len()];
        for ((at, _), count) in tokens.iter().zip(counts) {
            least[*at] = Some(least[*at].map_or(count as u64, |least| least.min(count as u64)));
        }
        let counts = least.into_iter().map(Option::unwrap_or_default).collect();
        Ok(Frequencies { passages: passages as u64, length, counts })
    }

    /// What the segments find.
    async fn find(&self, text: &str, k: usize, among: Option<&Among>) -> lance::Result<Vec<(u64, f32)>> {
        let Some(first) = self.segments.first() else { return Ok(Vec::new()) };
        let tokens = collect_query_tokens(text, &mut first.tokenizer());
        let terms: Vec<String> = (&tokens).into_iter().map(ToString::to_string).collect();
        // Words are worth the same in every segment.
        let (length, passages, counts) = self.count(&terms).await?;
        let scorer = MemBM25Scorer::new(length, passages, terms.into_iter().zip(counts).collect());
        let (tokens, params) = (Arc::new(tokens), Arc::new(FtsSearchParams::new().with_limit(Some(k))));
        let mut found = Vec::new();
        for index in &self.segments {
            let limit: Arc<dyn PreFilter> = match among {
                Some(Among(rows)) => Arc::new(Only(rows.clone())),
                None => Arc::new(NoFilter),
            };
            let (tokens, params, metrics) = (tokens.clone(), params.clone(), Arc::new(NoOpMetricsCollector));
            let (rows, scores) = index.bm25_search(tokens, params, Operator::Or, limit, metrics, Some(&scorer)).await?;
            found.extend(rows.into_iter().zip(scores));
        }
        Ok(found)
    }
}

/// Rows that may be found.
struct Only(Arc<RowAddrMask>);

#[async_trait]
impl PreFilter for Only {
    async fn wait_for_ready(&self) -> lance::Result<()> {
        Ok(())
    }

    fn is_empty(&self) -> bool {
        false
    }

    fn mask(&self) -> Arc<RowAddrMask> {
        self.0.clone()
    }

    fn filter_row_ids<'a>(&self, row_ids: Box<dyn Iterator<Item = &'a u64> + 'a>) -> Vec<u64> {
        self.0.selected_indices(row_ids)
    }
}

impl Snapshot {
    /// The addresses of the indexed passages that fit these words best by BM25, best first, among these rows; some may have
    /// been deleted since the index was extended. The text is words and nothing else: quotes and operators in it have no
    /// meaning.
    pub fn full_text<'a>(
        &'a self,
        text: &'a str,
        k: usize,
        among: Option<&'a Among>,
    ) -> BoxFuture<'a, Result<Vec<(u64, f32)>>> {
        Box::pin(async move {
            let Some(table) = self.table("passages").await? else { return Ok(Vec::new()) };
            if k == 0 || !text.chars().any(char::is_alphanumeric) {
                return Ok(Vec::new());
            }
            let found =
                self.words(&table).await.map_err(lance("cannot read the index of words"))?.find(text, k, among).await;
            let mut found = found.map_err(lance("cannot search passages"))?;
            found.sort_by(|(a, x): &(u64, f32), (b, y)| y.total_cmp(x).then_with(|| a.cmp(b)));
            found.truncate(k);
            Ok(found)
        })
    }

    /// The numbers of the fragments of passages that the index of words does not have yet.
    pub fn not_indexed(&self) -> BoxFuture<'_, Result<Vec<u32>>> {
        Box::pin(async move {
            let Some(table) = self.table("passages").await? else { return Ok(Vec::new()) };
            let words = self.words(&table).await.map_err(lance("cannot read the index of words"))?;
            let all = table.fragments().iter().map(|fragment| fragment.id as u32);
            Ok(all.filter(|number| !words.covered.contains(number)).collect())
        })
    }

    /// In how many passages each of these words is, of all scopes, as far as the index of words goes: what it lacks counts
    /// as if it were like the rest. Costs a look-up a word; no row is read.
    pub fn frequencies<'a>(&'a self, words: &'a [String]) -> BoxFuture<'a, Result<Frequencies>> {
        Box::pin(async move {
            let Some(table) = self.table("passages").await? else { return Ok(Frequencies::none(words)) };
            let index = self.words(&table).await.map_err(lance("cannot read the index of words"))?;
            let found = index.frequencies(words).await.map_err(lance("cannot read the index of words"))?;
            Ok(found.scaled(self.rows("passages")))
        })
    }
}
