//! The candidates of one recall, with what was said around them.
//!
//! Indexes only find candidates: what a candidate scores does not depend on how it was found, nor on the others. A small
//! scope, or what few passages limits leave, is all candidates.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use nexus_scoring::ranking::{REACH, Seen};

use super::Meaning;
use super::options::Limits;
use crate::core::Core;
use crate::error::Result;
use crate::passages::{Bits, Passages, Place};

/// A scope of at most so many passages is all candidates.
const WHOLE_MAX: usize = 4_096;
/// So few passages that pass the limits are all candidates.
const FEW_MAX: usize = 500;
/// How many candidates the words give, and how many the meaning.
const FOUND_MAX: usize = 100;
/// How many candidates the words give among what the named said.
const NAMED_MAX: usize = 50;

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
    /// Who it names.
    pub(crate) named: &'a BTreeSet<String>,
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
    /// Whether the pool is the whole scope.
    pub(crate) whole: bool,
}

impl Pool {
    async fn new(core: &Core) -> Result<Pool> {
        let passages = core.passages().await?;
        Ok(Pool { passages, turns: BTreeMap::new(), candidates: BTreeSet::new(), whole: false })
    }

    /// The passages that share words with the question or are near to it; all that pass the limits, if they are few or
    /// that is asked.
    pub(crate) async fn of(core: &Core, search: &Search<'_>) -> Result<Pool> {
        let mut pool = Pool::new(core).await?;
        let passing = search.limits.passing(&pool.passages);
        if search.exact || pool.is_small() {
            pool.whole = true;
            let all: Vec<Place> = pool.passages.all().collect();
            pool.candidates = match &passing {
                Some(passing) => pool.passages.marked(passing).collect(),
                None => all.iter().copied().collect(),
            };
            pool.load(core, search.meaning, &all).await?;
            return Ok(pool);
        }
        let few = passing.as_ref().filter(|passing| passing.iter().map(Bits::count).sum::<usize>() <= FEW_MAX);
        pool.candidates = match few {
            Some(few) => pool.passages.marked(few).collect(),
            None => pool.found(core, search, passing).await?,
        };
        let candidates: Vec<Place> = pool.candidates.iter().copied().collect();
        pool.load(core, search.meaning, &candidates).await?;
        Ok(pool)
    }

    /// What the index of words finds, in all that passes and in what the named said, and what is nearest.
    async fn found(&self, core: &Core, search: &Search<'_>, passing: Option<Vec<Bits>>) -> Result<BTreeSet<Place>> {
        let question = search.words.join(" ");
        let enough = FOUND_MAX.max(search.k);
        let limited = passing.as_ref().map(|passing| self.passages.among(passing));
        let theirs = (!search.named.is_empty()).then(|| search.limits.by(&self.passages, search.named));
        let theirs = theirs.map(|theirs| self.passages.among(&theirs));
        let by_words = core.snapshot.full_text_at(&question, enough, limited.as_ref().or_else(|| self.passages.own()));
        let by_named = async {
            match &theirs {
                Some(theirs) => core.snapshot.full_text_at(&question, NAMED_MAX, Some(theirs)).await,
                None => Ok(Vec::new()),
            }
        };
        let near = async {
            let (Some(meaning), passages) = (search.meaning, self.passages.clone()) else { return Ok(Vec::new()) };
            let (vectors, vector) = (meaning.vectors.clone(), meaning.vector.clone());
            let nearest = move || vectors.nearest(&passages, &vector, enough, passing.as_deref());
            tokio::task::spawn_blocking(nearest).await.map_err(super::broken)
        };
        let (by_words, by_named, near) = futures::join!(by_words, by_named, near);
        let addresses = by_words?.into_iter().chain(by_named?).filter_map(|(address, _)| self.passages.at(address));
        Ok(addresses.chain(near?).collect())
    }

    /// Reads what these are compared by.
    pub(crate) async fn load(&mut self, core: &Core, meaning: Option<&Meaning>, places: &[Place]) -> Result<()> {
        let new: Vec<Place> = places.iter().filter(|place| !self.turns.contains_key(place)).copied().collect();
        let cosines = async {
            match meaning {
                Some(meaning) => meaning.cosines(core, new.iter().map(|place| self.passages.hash(*place))).await,
                None => Ok(BTreeMap::new()),
            }
        };
        let (seen, cosines) = futures::try_join!(self.passages.seen(&core.snapshot, &new), cosines)?;
        for (place, seen, text) in seen {
            let cosine = cosines.get(&self.passages.hash(place)).copied();
            self.turns.insert(place, Turn { seen, cosine, text });
        }
        Ok(())
    }

    /// Leaves these candidates and what was said right before and after them, if it may be recalled, and reads the windows
    /// of all of these.
    pub(crate) async fn narrow(&mut self, core: &Core, search: &Search<'_>, best: BTreeSet<Place>) -> Result<()> {
        let passing = search.limits.passing(&self.passages);
        let may = |place: &Place| passing.as_ref().is_none_or(|passing| place.is_in(passing));
        let beside = |place: &Place| [self.passages.before(*place), self.passages.next(*place)].into_iter().flatten();
        self.candidates = best.iter().copied().chain(best.iter().flat_map(beside).filter(may)).collect();
        let around = |place: &Place| self.window(*place).into_iter().flatten();
        let all: BTreeSet<Place> =
            self.candidates.iter().flat_map(around).chain(self.candidates.iter().copied()).collect();
        self.load(core, search.meaning, &all.into_iter().collect::<Vec<_>>()).await
    }

    /// Whether the scope is small enough to be all candidates.
    pub(crate) fn is_small(&self) -> bool {
        self.passages.count <= WHOLE_MAX
    }

    /// The whole scope, if it is small enough to be all candidates.
    pub(crate) async fn of_small(core: &Core) -> Result<Option<Pool>> {
        let mut pool = Pool::new(core).await?;
        if !pool.is_small() {
            return Ok(None);
        }
        let all: Vec<Place> = pool.passages.all().collect();
        pool.load(core, None, &all).await?;
        Ok(Some(pool))
    }

    /// What was said in the same talk, up to [`REACH`] before a passage and after it, nearest first.
    pub(crate) fn window(&self, place: Place) -> [Vec<Place>; 2] {
        let walk = |step: &dyn Fn(Place) -> Option<Place>| {
            std::iter::successors(step(place), |at| step(*at)).take(REACH).collect::<Vec<_>>()
        };
        if self.whole {
            let [before, next] = self.passages.chain();
            return [walk(&|at| before.get(&at).copied()), walk(&|at| next.get(&at).copied())];
        }
        [walk(&|at| self.passages.before(at)), walk(&|at| self.passages.next(at))]
    }
}
