//! The candidates of one recall, with what was said around them.
//!
//! Indexes only find candidates: what a candidate scores does not depend on how it was found, nor on the others. A small
//! scope, or what few passages limits leave, is all candidates.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use nexus_scoring::ranking::{REACH, Seen};
use nexus_scoring::{Bag, Statistics, terms};
use nexus_types::Millis;

use super::Meaning;
use super::options::Limits;
use crate::core::Core;
use crate::error::Result;
use crate::passages::{Bits, Passages, Passing, Place};

/// A scope of at most so many passages is all candidates.
const WHOLE_MAX: usize = 4_096;
/// So few passages that pass the limits are all candidates.
const FEW_MAX: usize = 500;
/// How many candidates the words give, and how many the meaning.
const FOUND_MAX: usize = 64;
/// Of passages that say the same, so many are candidates for what they mean.
const ONE_TEXT_MAX: usize = 4;
/// How many candidates the words give among what the named said, and among what was said when the question speaks of.
const NAMED_MAX: usize = 32;

/// A passage that is compared with the question.
#[derive(Clone, Debug)]
pub(crate) struct Turn {
    pub(crate) seen: Arc<Seen>,
    /// Its cosine, if it has a vector and the question too.
    pub(crate) cosine: Option<i64>,
    /// Its text, if that had to be read.
    pub(crate) text: Option<Box<str>>,
}

/// What candidates are sought by.
pub(crate) struct Search<'a> {
    /// The words of the question that may answer it.
    pub(crate) words: &'a [String],
    /// Their terms, and what these are worth.
    pub(crate) terms: Bag,
    pub(crate) statistics: &'a Statistics,
    /// Who it names.
    pub(crate) named: &'a BTreeSet<String>,
    /// The stretches of time it speaks of.
    pub(crate) then: &'a [(Millis, Millis)],
    pub(crate) limits: &'a Limits,
    pub(crate) meaning: Option<&'a Meaning>,
    /// How many results are wanted.
    pub(crate) k: usize,
    /// Whether to look at every passage.
    pub(crate) exact: bool,
}

/// Passages, and which of them are candidates.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) passages: Arc<Passages>,
    /// Candidates and what was said around them.
    pub(crate) turns: BTreeMap<Place, Turn>,
    /// Who may be recalled.
    pub(crate) candidates: BTreeSet<Place>,
    /// What passes the limits; `None` without any.
    passing: Option<Arc<Passing>>,
    /// Whether the pool is the whole scope.
    pub(crate) whole: bool,
    /// What was said right before and right after, as far as windows were walked.
    links: [BTreeMap<Place, Option<Place>>; 2],
}

impl Pool {
    async fn new(core: &Core) -> Result<Pool> {
        let passages = core.passages().await?;
        let (turns, candidates, passing, links) = Default::default();
        Ok(Pool { passages, turns, candidates, passing, whole: false, links })
    }

    /// The passages that share words with the question or are near to it; all that pass the limits, if they are few or
    /// that is asked.
    pub(crate) async fn of(core: &Core, search: &Search<'_>) -> Result<Pool> {
        let mut pool = Pool::new(core).await?;
        let passing = search.limits.passing(&pool.passages);
        pool.passing = passing.clone();
        if search.exact || Pool::is_small(&pool.passages) {
            pool.whole = true;
            let all: Vec<Place> = pool.passages.all().collect();
            pool.candidates = match &passing {
                Some(passing) => pool.passages.marked(&passing.rows).collect(),
                None => all.iter().copied().collect(),
            };
            pool.load(core, search.meaning, &all).await?;
            return Ok(pool);
        }
        let few = passing.as_ref().filter(|passing| passing.rows.iter().map(Bits::count).sum::<usize>() <= FEW_MAX);
        pool.candidates = match few {
            Some(few) => pool.passages.marked(&few.rows).collect(),
            None => pool.found(core, search).await?,
        };
        let places: Vec<Place> = pool.candidates.iter().copied().collect();
        pool.load(core, search.meaning, &places).await?;
        Ok(pool)
    }

    /// What the index of words finds, in all that passes and in what the named said, and what is nearest.
    async fn found(&self, core: &Core, search: &Search<'_>) -> Result<BTreeSet<Place>> {
        let passing = self.passing.clone();
        let question = search.words.join(" ");
        let enough = FOUND_MAX.max(search.k);
        let limited = self.passing.as_ref().map(|passing| passing.among(&self.passages));
        let theirs = (!search.named.is_empty()).then(|| search.limits.by(&self.passages, search.named));
        let then = (!search.then.is_empty()).then(|| search.limits.within(&self.passages, search.then));
        let new = self.beside(core, search, [passing.as_deref(), theirs.as_deref(), then.as_deref()]).await?;
        let by_words = core.snapshot.full_text(&question, enough, limited.or_else(|| self.passages.own()));
        let asked = &question;
        let some = |of: Option<Arc<Passing>>| async move {
            match of {
                Some(of) => core.snapshot.full_text(asked, NAMED_MAX, Some(of.among(&self.passages))).await,
                None => Ok(Vec::new()),
            }
        };
        let near = async {
            let (Some(meaning), passages) = (search.meaning, self.passages.clone()) else { return Ok(Vec::new()) };
            let (vectors, vector) = (meaning.vectors.clone(), meaning.vector.clone());
            let coded = vectors.coded(&core.snapshot, &passages).await?;
            let nearest = move || {
                coded.nearest(
                    &vectors,
                    &passages,
                    &vector,
                    (enough, ONE_TEXT_MAX),
                    passing.as_deref().map(|passing| passing.rows.as_slice()),
                )
            };
            tokio::task::spawn_blocking(nearest).await.map_err(super::broken)
        };
        let (by_words, by_named, by_then, near) = futures::join!(by_words, some(theirs), some(then), near);
        let (by_words, by_named, by_then) = (by_words?, by_named?, by_then?);
        let full = by_words.len() >= enough;
        let there = |found: Vec<(u64, f32)>| -> Vec<Place> {
            found.into_iter().filter_map(|(address, _)| self.passages.at(address)).collect()
        };
        let mut by_words = there(by_words);
        if full && limited.is_none() && by_words.len() * 2 < enough {
            // What was deleted since the index was extended stood before it.
            by_words = there(core.snapshot.full_text(&question, enough, Some(self.passages.alive())).await?);
        }
        let indexed = by_words.into_iter().chain(there(by_named)).chain(there(by_then));
        Ok(indexed.chain(new).chain(near?).collect())
    }

    /// What the words find that no index has yet: in all that passes, in what the named said, in what was said then.
    async fn beside(
        &self,
        core: &Core,
        search: &Search<'_>,
        [passing, theirs, then]: [Option<&Passing>; 3],
    ) -> Result<Vec<Place>> {
        let beside = self.passages.beside(&core.snapshot).await?;
        let find = |k, may: Option<&Passing>| {
            let may = may.map(|may| may.rows.as_slice());
            self.passages.found_beside(beside, (&search.terms, search.statistics), k, may)
        };
        let mut found = find(FOUND_MAX.max(search.k), passing);
        let unspaced: Vec<String> = search.words.iter().filter(|word| terms::is_unspaced(word)).cloned().collect();
        if !unspaced.is_empty() {
            let (passages, passing, k) = (self.passages.clone(), self.passing.clone(), FOUND_MAX.max(search.k));
            let contain = move || passages.containing(&unspaced, k, passing.as_deref().map(|may| may.rows.as_slice()));
            found.extend(tokio::task::spawn_blocking(contain).await.map_err(super::broken)?);
        }
        for some in [theirs, then].into_iter().flatten() {
            found.extend(find(NAMED_MAX, Some(some)));
        }
        Ok(found)
    }

    /// Reads what these are compared by, if that is not known yet.
    pub(crate) async fn load(&mut self, core: &Core, meaning: Option<&Meaning>, places: &[Place]) -> Result<()> {
        let new: Vec<Place> = places.iter().filter(|place| !self.turns.contains_key(place)).copied().collect();
        let cosines = async {
            match meaning {
                Some(meaning) => meaning.cosines(core, &self.passages, &new).await,
                None => Ok(BTreeMap::new()),
            }
        };
        let (seen, cosines) = futures::try_join!(self.passages.seen(&core.snapshot, &new), cosines)?;
        for (place, seen, text) in seen {
            self.turns.insert(place, Turn { seen, cosine: cosines.get(&place).copied(), text });
        }
        Ok(())
    }

    /// Leaves these candidates and what was said around them, if it may be recalled, and reads the windows of all of
    /// these: what answers a question is often said next to what repeats it.
    pub(crate) async fn narrow(&mut self, core: &Core, search: &Search<'_>, best: BTreeSet<Place>) -> Result<()> {
        let passing = self.passing.clone();
        let may = |place: &Place| passing.as_ref().is_none_or(|passing| place.is_in(&passing.rows));
        self.candidates = self.around(&best).into_iter().filter(may).collect();
        let all = self.around(&self.candidates.clone());
        self.turns.retain(|place, _| all.contains(place));
        self.load(core, search.meaning, &all.into_iter().collect::<Vec<_>>()).await
    }

    /// These and all that is in their windows.
    fn around(&mut self, places: &BTreeSet<Place>) -> BTreeSet<Place> {
        let mut all = places.clone();
        for (place, side) in places.iter().flat_map(|place| [(*place, 0), (*place, 1)]) {
            let mut at = place;
            for _ in 0..REACH {
                let passages = &self.passages;
                let step = |side| if side == 0 { passages.before(at) } else { passages.next(at) };
                let Some(next) = *self.links[side].entry(at).or_insert_with(|| step(side)) else { break };
                all.insert(next);
                at = next;
            }
        }
        all
    }

    /// Whether the scope is small enough to be all candidates.
    pub(crate) fn is_small(passages: &Passages) -> bool {
        passages.count <= WHOLE_MAX
    }

    /// The whole scope, if it is small enough to be all candidates.
    pub(crate) async fn of_small(core: &Core) -> Result<Option<Pool>> {
        let mut pool = Pool::new(core).await?;
        if !Pool::is_small(&pool.passages) {
            return Ok(None);
        }
        let all: Vec<Place> = pool.passages.all().collect();
        pool.load(core, None, &all).await?;
        Ok(Some(pool))
    }

    /// What was said in the same talk, up to [`REACH`] before a passage and after it, nearest first, as far as was walked.
    pub(crate) fn window(&self, place: Place) -> [Vec<Place>; 2] {
        let walk = |step: &dyn Fn(Place) -> Option<Place>| {
            std::iter::successors(step(place), |at| step(*at)).take(REACH).collect::<Vec<_>>()
        };
        if self.whole {
            let [before, next] = self.passages.chain();
            return [walk(&|at| before.get(&at).copied()), walk(&|at| next.get(&at).copied())];
        }
        let [before, next] = &self.links;
        [walk(&|at| before.get(&at).copied().flatten()), walk(&|at| next.get(&at).copied().flatten())]
    }
}
