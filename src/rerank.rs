//! Reranking: the first of what recall found, at least [`READ_AGAIN`], are read again, each together with the question. Only where it is asked for:
//! it takes an encoder of twelve layers a passage. The score is the sum of two standard scores, recall's and the
//! reranker's.

use nexus_inference::{Reranker, models};
use nexus_query::{RecallOptions, Recalled};
use nexus_scoring::{ONE, standardise};
use nexus_types::Text;

use crate::memory::Memory;
use crate::{Device, Error, Result};

/// How many passages are read again, if no more are wanted.
const READ_AGAIN: usize = 32;

/// The name of the model.
const RERANKER: &str = "reranker";

impl Memory {
    /// Answers a question with at most `k` passages, the best of them read again.
    pub fn recall_reranked(&self, question: &str, options: &RecallOptions) -> Result<Recalled> {
        let reranker = self.reranker()?;
        let wider = RecallOptions { k: options.k.max(READ_AGAIN), ..options.clone() };
        let mut recalled = self.recall_uncounted(question, &wider)?;
        let said: Vec<Text> = recalled.hits.iter().map(|hit| format!("{}: {}", hit.author, hit.text).into()).collect();
        let logits: Vec<Option<i64>> =
            reranker.score(question, &said).into_iter().map(|score| Some((score.ok()? * ONE as f32) as i64)).collect();
        let found: Vec<Option<i64>> = recalled.hits.iter().map(|hit| Some(hit.score)).collect();
        let scores = standardise(&found).into_iter().zip(standardise(&logits)).map(|(found, read)| found + read);
        recalled.hits.iter_mut().zip(scores).for_each(|(hit, score)| hit.score = score);
        recalled.hits.sort_by_key(|hit| std::cmp::Reverse(hit.score));
        recalled.hits.truncate(options.k);
        self.count(recalled.hits.iter().map(|hit| hit.event.as_str()));
        Ok(recalled)
    }

    /// The reranker; its weights are read with the first question.
    fn reranker(&self) -> Result<&Reranker> {
        if let Some(reranker) = self.reranker.get() {
            return Ok(reranker);
        }
        let loaded = models::known(RERANKER)?.load_reranker(Device::Cpu)?;
        let missing = || Error::argument(format!("{RERANKER} is not here: nexus models fetch {RERANKER}"));
        let loaded = loaded.ok_or_else(missing)?;
        Ok(self.reranker.get_or_init(|| loaded))
    }
}
