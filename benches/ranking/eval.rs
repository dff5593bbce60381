//! Measuring a ranking: each question's passages with their features, and what share of the answers is among the first.

use std::collections::BTreeMap;

use nexus_scoring::ranking::{Asked, Features, Heard, Nearby, REACH, Seen, Sought, Spread, Voice, Weights, features};
use nexus_scoring::{Bag, ONE, Statistics, bm25, cosine, standardise};

use super::data::{Question, Store};
use super::fit::Case;

/// How many of the first are looked at.
pub(crate) const DEPTH: usize = 10;

/// What a ranking is compared with, over all passages of the store.
pub(crate) const FLOORS: [&str; 4] = ["BM25", "vectors", "BM25 of it and its neighbours", "sum of both, standardised"];

/// A store that is ready to be asked.
pub(crate) struct Ready<'a> {
    pub store: &'a Store,
    seen: Vec<Seen>,
    statistics: Statistics,
    near: Vec<[Vec<usize>; 2]>,
    vectors: Option<&'a BTreeMap<String, Vec<f32>>>,
    spread: Spread,
}

/// A question with what is known of each passage.
pub(crate) struct Query {
    pub store: usize,
    pub number: usize,
    pub kind: String,
    pub asked: Asked,
    rows: Vec<Features>,
    said_at: Vec<i64>,
    /// The passages of each piece of evidence that the store has, and how many it lacks.
    answers: Vec<Vec<usize>>,
    missing: usize,
    newest: Vec<usize>,
    older: Vec<usize>,
    /// The first passage of each passage's turn.
    turn: Vec<usize>,
    floors: [Vec<i64>; 4],
}

impl<'a> Ready<'a> {
    /// Without vectors there are words alone.
    pub(crate) fn of(store: &'a Store, vectors: Option<&'a BTreeMap<String, Vec<f32>>>, spread: Spread) -> Self {
        let seen: Vec<Seen> = store.turns.iter().map(|turn| Seen::of(&turn.text, &turn.author, turn.said_at)).collect();
        let mut statistics = Statistics::default();
        seen.iter().for_each(|seen| statistics.count(&seen.bag, &seen.bag));
        let talk = |at: usize| store.turns.get(at).map(|turn| turn.talk);
        let side = |at: usize, step: isize| {
            let places = (1..=REACH as isize).map_while(|far| at.checked_add_signed(step * far));
            places.take_while(|place| talk(*place) == talk(at)).collect::<Vec<_>>()
        };
        let near = (0..seen.len()).map(|at| [side(at, -1), side(at, 1)]).collect();
        Ready { store, seen, statistics, near, vectors, spread }
    }

    /// A question as it is asked here.
    pub(crate) fn asked(&self, question: &str) -> Asked {
        let mut authors: Vec<&str> = self.store.turns.iter().map(|turn| turn.author.as_str()).collect();
        authors.sort_unstable();
        authors.dedup();
        Asked::of(question, authors.iter().map(|name| Voice { author: name, name, own: *name == "me" }), true)
    }

    /// Whether a question has no answer here, because it is about strangers.
    pub(crate) fn knows_nobody(&self, question: &str) -> bool {
        self.asked(question).is_about_nobody(&self.statistics)
    }

    /// Looks at every passage.
    pub(crate) fn ask(&self, (store, number): (usize, usize), question: &Question) -> Query {
        let asked = self.asked(&question.text);
        let sought = Sought::of(&asked, &self.statistics, self.spread);
        let cosine = |at: usize| {
            let all = self.vectors?;
            Some(cosine(all.get(&asked.embedded)?, all.get(&self.store.turns[at].text)?))
        };
        let heard: Vec<Heard<'_>> =
            (0..self.seen.len()).map(|at| Heard::of(&sought, &self.seen[at], cosine(at))).collect();
        let row = |at: usize| {
            let side = |places: &[usize]| places.iter().map(|place| &heard[*place]).collect::<Vec<_>>();
            let [before, after] = [0, 1].map(|of| side(&self.near[at][of]));
            features(&sought, Nearby { turn: &heard[at], before: &before, after: &after })
        };
        let rows: Vec<Features> = (0..heard.len()).map(row).collect();
        let turns = &self.store.turns;
        let mut first: BTreeMap<&str, usize> = BTreeMap::new();
        let turn = turns.iter().enumerate().map(|(at, turn)| *first.entry(&turn.id).or_insert(at)).collect();
        let of = |ids: &[String]| -> Vec<Vec<usize>> {
            ids.iter().map(|id| (0..turns.len()).filter(|at| turns[*at].id == *id).collect()).collect()
        };
        let found = of(&question.evidence);
        Query {
            store,
            number,
            kind: question.kind.clone(),
            floors: self.floors(&asked, cosine),
            rows,
            said_at: turns.iter().map(|turn| turn.said_at).collect(),
            missing: found.iter().filter(|passages| passages.is_empty()).count(),
            answers: found.into_iter().filter(|passages| !passages.is_empty()).collect(),
            newest: of(&question.newest).concat(),
            older: of(&question.older).concat(),
            turn,
            asked,
        }
    }

    fn floors(&self, asked: &Asked, cosine: impl Fn(usize) -> Option<i64>) -> [Vec<i64>; 4] {
        let question = Bag::of(asked.terms.iter().cloned());
        let beside = |at: usize| self.near[at].iter().filter_map(|side| side.first()).copied().collect::<Vec<_>>();
        let joined = |at: usize| {
            let mut bag = self.seen[at].bag.clone();
            beside(at).iter().for_each(|place| bag.add(&self.seen[*place].bag));
            bag
        };
        let joined: Vec<Bag> = (0..self.seen.len()).map(joined).collect();
        let mut around = Statistics::default();
        joined.iter().for_each(|bag| around.count(bag, &question));
        let cosines: Vec<i64> = (0..self.seen.len()).map(|at| cosine(at).unwrap_or(0)).collect();
        let best = |at: usize| beside(at).iter().chain([&at]).map(|place| cosines[*place]).max().unwrap_or(0);
        let alone: Vec<i64> = self.seen.iter().map(|seen| bm25(&question, &seen.bag, &self.statistics)).collect();
        let wide: Vec<i64> = joined.iter().map(|bag| bm25(&question, bag, &around)).collect();
        let near: Vec<i64> = (0..self.seen.len()).map(best).collect();
        let parts = [&alone, &wide, &cosines, &near];
        let parts = parts.map(|scores| standardise(&scores.iter().copied().map(Some).collect::<Vec<_>>()));
        let sum = (0..self.seen.len()).map(|at| parts.iter().map(|part| part[at]).sum()).collect();
        [alone, cosines, wide, sum]
    }
}

/// How the cosines of a store's passages lie: those of pairs far from each other.
pub(crate) fn spread(store: &Store, vectors: &BTreeMap<String, Vec<f32>>) -> Spread {
    let all: Vec<&Vec<f32>> = store.turns.iter().filter_map(|turn| vectors.get(&turn.text)).collect();
    let partner = |at: usize, step: usize| (at * 7 + step * 31 + 11) % all.len();
    let pairs = (0..all.len()).flat_map(|at| (1..=8).map(move |step| (at, step)));
    let pairs = pairs.map(|(at, step)| (all[at], all[partner(at, step)])).filter(|(a, b)| a != b);
    Spread::of(&pairs.map(|(a, b)| cosine(a, b)).collect::<Vec<_>>())
}

impl Query {
    /// What each passage scores.
    pub(crate) fn scores(&self, weights: &Weights) -> Vec<i64> {
        let rows = self.rows.iter().zip(&self.said_at);
        rows.map(|(row, said_at)| weights.score(&self.asked, row, *said_at).total).collect()
    }

    /// What each passage scores by a floor.
    pub(crate) fn floor(&self, at: usize) -> &[i64] {
        &self.floors[at]
    }

    /// The share of the answers among the first turns; a turn counts once, and of equal scores the newest is first.
    pub(crate) fn share(&self, scores: &[i64]) -> f64 {
        let all = self.answers.len() + self.missing;
        if all == 0 {
            return 1.0;
        }
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by_key(|at| (std::cmp::Reverse(scores[*at]), std::cmp::Reverse(self.said_at[*at])));
        let mut top: Vec<usize> = Vec::new();
        for at in order {
            if top.len() < DEPTH && !top.contains(&self.turn[at]) {
                top.push(self.turn[at]);
            }
        }
        self.answers.iter().filter(|answer| top.contains(&self.turn[answer[0]])).count() as f64 / all as f64
    }

    /// Whether the newest statement stands before the older one; `None` where there are not both.
    pub(crate) fn newest_wins(&self, scores: &[i64]) -> Option<bool> {
        let best = |places: &[usize]| places.iter().map(|at| scores[*at]).max();
        Some(best(&self.newest)? > best(&self.older)?)
    }

    /// What it teaches: each answer against all that are none.
    pub(crate) fn cases(&self) -> Vec<Case> {
        let answers: Vec<usize> = self.answers.concat();
        let all = (self.answers.len() + self.missing) as f64;
        let others: Vec<usize> = (0..self.rows.len()).filter(|at| !answers.contains(at)).collect();
        let ahead = |of: usize, at: usize| {
            let both = self.rows[at].iter().zip(&self.rows[of]);
            both.map(|(a, b)| (a - b) as f64 / ONE as f64).collect()
        };
        let case = |answer: &Vec<usize>| Case {
            ahead: others.iter().map(|at| ahead(answer[0], *at)).collect(),
            weight: 1.0 / all,
        };
        self.answers.iter().map(case).collect()
    }
}
