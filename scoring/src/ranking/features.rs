//! What speaks for a passage as the answer to a question: named integers, in units of 1/[`ONE`], to be weighed and added.
//!
//! Contract: a feature depends on the question, on the passage with up to [`REACH`] turns before and after it in its talk,
//! and on published statistics of the scope; never on what else is found. Pure, total, bounded. Without vectors those that
//! speak of meaning are 0.
//! Cost: [`Sought`] once a question; [`Heard`] one look-up per term of the
//! question for each passage near a candidate; [`features`] a few operations per term and neighbour.

use crate::{ONE, Statistics, ratio};

use super::asked::Asked;
use super::seen::Seen;

/// How far a passage's neighbourhood reaches on either side.
pub const REACH: usize = 4;
/// How far the window reaches whose words are read as one text.
const WINDOW: usize = 2;
/// What a term counts that is so many turns away: 0.7 to the power of the distance.
const DECAY: [i64; REACH + 1] = [ONE, 45_875, 32_113, 22_479, 15_735];
/// BM25's k1 and b, in thousandths.
const K1: i64 = 1_200;
const B: i64 = 750;

/// Cosines that hardly differ are not blown up beyond this: 1/128.
const DEVIATION_MIN: i64 = ONE / 128;

/// How rare it is that one of two speaks: ln 2.
const ONE_OF_TWO: i64 = 45_426;
/// Whom a question names counts at most so many times as where two speak.
const NAMED_MAX: i64 = 8;

/// A scope of fewer passages is small.
const SMALL: u64 = 10;

/// How many features there are.
pub const COUNT: usize = 16;
/// What each feature is called.
pub const FEATURES: [&str; COUNT] = [
    "window",         // BM25 of it and two turns on either side, as a share of the question's rarity
    "reach",          // the rarity of the question's words nearby, less the farther away they are
    "previous",       // the share of the question's words in the turn before: what stands there is found there
    "previous_words", // BM25 of the turn before, as such a share
    "next_words",     // that of the turn after
    "second_words",   // that of the turns two away
    "meaning",        // cosine, in deviations from the mean
    "meaning_window", // the mean cosine of it and two turns on either side
    "meaning_reach",  // the greatest cosine within reach
    "both",           // meaning times the share of the words: they say the same, so their sum says too much
    "other",   // the question names people: 1 for any other author; for theirs, less than 0, the rarer they speak
    "answers", // the share of the question's words in the turn before, if that asks
    "when",    // a time is asked for, and it speaks of one
    "tells",   // it speaks of its author
    "date",    // parts of its date that the question has
    "asks",    // which part of it is questions
];

/// One value for each of [`FEATURES`].
pub type Features = [i64; COUNT];

/// How cosines of a model's vectors lie: mean and deviation over pairs of unrelated passages, measured once a model.
/// Models differ in them more than questions do: of one, strangers have cosine 0.2, of another 0.9.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    /// Their mean.
    pub mean: i64,
    /// Their standard deviation.
    pub deviation: i64,
}

/// That of all-MiniLM-L6-v2, and for want of better of every embedder that is not known.
pub const MINILM: Spread = Spread { mean: 13_020, deviation: 8_231 };

/// Those of other embedders, by name, as `benches/ranking.rs` measures them.
const KNOWN: [(&str, Spread); 2] = [
    ("nexus-static", Spread { mean: 57_000, deviation: 3_900 }),
    ("potion", Spread { mean: 19_595, deviation: 8_510 }),
];

impl Spread {
    /// That of an embedder, by its id (`name@version`).
    pub fn of_embedder(id: &str) -> Spread {
        let name = id.split('@').next().unwrap_or(id);
        KNOWN.iter().find(|(known, _)| *known == name).map_or(MINILM, |(_, spread)| *spread)
    }

    /// That of these cosines.
    pub fn of(cosines: &[i64]) -> Spread {
        let count = i64::try_from(cosines.len()).unwrap_or(i64::MAX).max(1);
        let mean = cosines.iter().sum::<i64>() / count;
        let deviation = (cosines.iter().map(|cosine| (cosine - mean).pow(2)).sum::<i64>() / count).isqrt();
        Spread { mean, deviation }
    }

    /// The cosine in deviations from the mean.
    fn standard(self, cosine: i64) -> i64 {
        let centred = i128::from(cosine.clamp(-ONE, ONE)) - i128::from(self.mean.clamp(-ONE, ONE));
        let value = (centred << 16) / i128::from(self.deviation.clamp(DEVIATION_MIN, ONE));
        value as i64
    }
}

/// A question, with how rare its terms are in the scope: what all its passages are scored with.
#[derive(Debug)]
pub struct Sought<'a> {
    asked: &'a Asked,
    rarity: Vec<i64>,
    /// The rarity of all terms; never 0.
    total: i64,
    /// The length of a passage, on average; never 0.
    length: i64,
    /// How much more it says that the named speak than where two do.
    named: i64,
    spread: Spread,
    /// Whether the scope is so small that little can be told of its words.
    pub(super) small: bool,
}

impl<'a> Sought<'a> {
    /// The question in a scope of these statistics.
    pub fn of(asked: &'a Asked, statistics: &Statistics, spread: Spread) -> Self {
        let rarity: Vec<i64> = asked.terms.iter().map(|term| statistics.rarity(term).min(64 * ONE)).collect();
        let total = rarity.iter().sum::<i64>().max(1);
        let length = ratio(statistics.length, statistics.texts).clamp(1, 1 << 40);
        let spoken = statistics.by(asked.authors.iter()).map(|by| statistics.rarity_of(by));
        let named =
            spoken.map_or(0, |rarity| ratio(rarity as u64, ONE_OF_TWO as u64).min(NAMED_MAX * ONE) - ONE).max(0);
        Sought { asked, rarity, total, length, named, spread, small: statistics.texts < SMALL }
    }

    /// The part of the question's rarity that terms with these counts have.
    fn share(&self, has: impl Fn(usize) -> bool) -> i64 {
        let found: i64 = self.rarity.iter().enumerate().filter(|(term, _)| has(*term)).map(|(_, rarity)| rarity).sum();
        (found << 16) / self.total
    }

    /// BM25 of a text of `turns` turns in which terms occur so often.
    fn words(&self, count: impl Fn(usize) -> i64, length: i64, turns: i64) -> i64 {
        let relative = ((length << 32) / self.length.saturating_mul(turns.max(1)).max(1)).min(1 << 32);
        let norm = K1 * (1_000 - B) / 1_000 * ONE / 1_000 + K1 * B / 1_000 * relative / 1_000;
        let part = |(term, rarity): (usize, &i64)| {
            let count = count(term).min(1 << 16) << 16;
            let weight = count * (K1 + 1_000) / 1_000 * 256 / ((count + norm) / 256).max(1);
            (weight * rarity) >> 16
        };
        self.rarity.iter().enumerate().map(part).sum()
    }

    /// Whether the question names somebody who speaks here.
    pub(super) fn names_authors(&self) -> bool {
        !self.asked.authors.is_empty()
    }

    /// The rarity of all its terms together; never 0.
    pub fn total(&self) -> i64 {
        self.total
    }

    fn of_total(&self, words: i64) -> i64 {
        (words << 16) / self.total
    }
}

/// What one turn says to a question.
#[derive(Clone, Debug)]
pub struct Heard<'a> {
    seen: &'a Seen,
    /// In deviations from the mean; without a vector it stands at the mean.
    meaning: i64,
    /// How often each term of the question occurs.
    counts: Vec<i64>,
    words: i64,
    share: i64,
}

impl<'a> Heard<'a> {
    /// `cosine`: of the turn's vector to the question's, if both have one.
    pub fn of(sought: &Sought, seen: &'a Seen, cosine: Option<i64>) -> Self {
        let counts: Vec<i64> = sought.asked.terms.iter().map(|term| i64::from(seen.bag.count(term))).collect();
        let words = sought.words(|term| counts[term], seen.length(), 1);
        let share = sought.share(|term| counts[term] > 0);
        let meaning = cosine.map_or(0, |cosine| sought.spread.standard(cosine));
        Heard { seen, meaning, counts, words, share }
    }
}

/// A passage among what was said around it in the same talk, the nearest first; what is beyond [`REACH`] does not count.
#[derive(Clone, Copy, Debug)]
pub struct Nearby<'a> {
    /// The passage.
    pub turn: &'a Heard<'a>,
    /// What was said before it.
    pub before: &'a [&'a Heard<'a>],
    /// What was said after it.
    pub after: &'a [&'a Heard<'a>],
}

impl<'a> Nearby<'a> {
    /// The turns at most so far away with their distance, this one first.
    fn within(self, reach: usize) -> impl Iterator<Item = (usize, &'a Heard<'a>)> {
        let side =
            move |turns: &'a [&'a Heard<'a>]| turns.iter().take(reach).enumerate().map(|(at, turn)| (at + 1, *turn));
        std::iter::once((0, self.turn)).chain(side(self.before)).chain(side(self.after))
    }
}

/// The features of a passage, in the order of [`FEATURES`].
pub fn features(sought: &Sought, near: Nearby) -> Features {
    let (turn, asked) = (near.turn, sought.asked);
    let one = |holds: bool| if holds { ONE } else { 0 };
    let previous = near.before.first();
    let words_at = |turns: &[&Heard], at: usize| turns.get(at).map_or(0, |turn| sought.of_total(turn.words));
    [
        sought.of_total(window(sought, near)),
        reach(sought, near),
        previous.map_or(0, |turn| turn.share),
        words_at(near.before, 0),
        words_at(near.after, 0),
        words_at(near.before, 1) + words_at(near.after, 1),
        turn.meaning,
        mean(near.within(WINDOW).map(|(_, turn)| turn.meaning)),
        near.within(REACH).map(|(_, turn)| turn.meaning).max().unwrap_or(0),
        (turn.meaning * turn.share) >> 16,
        match asked.authors.contains(&turn.seen.author) {
            true => -sought.named,
            false => one(!asked.authors.is_empty()),
        },
        previous.filter(|turn| turn.seen.ends_asking).map_or(0, |turn| turn.share),
        one(asked.when && turn.seen.timed),
        one(turn.seen.tells),
        dated(asked, turn.seen),
        turn.seen.asks,
    ]
}

/// BM25 of the turns of the window read as one text.
fn window(sought: &Sought, near: Nearby) -> i64 {
    let length: i64 = near.within(WINDOW).map(|(_, turn)| turn.seen.length()).sum();
    let turns = near.within(WINDOW).count() as i64;
    sought.words(|term| near.within(WINDOW).map(|(_, turn)| turn.counts[term]).sum(), length, turns)
}

/// The rarity of each term of the question within reach, less the farther away it is.
fn reach(sought: &Sought, near: Nearby) -> i64 {
    let nearest = |term: usize| near.within(REACH).filter(|(_, turn)| turn.counts[term] > 0).map(|(far, _)| far).min();
    let part = |(term, rarity): (usize, &i64)| nearest(term).map_or(0, |far| (rarity * DECAY[far]) >> 16);
    sought.rarity.iter().enumerate().map(part).sum()
}

fn mean(values: impl Iterator<Item = i64>) -> i64 {
    let (sum, count) = values.fold((0, 0), |(sum, count), value| (sum + value, count + 1));
    sum / count.max(1)
}

/// How many parts of a passage's date the question has.
fn dated(asked: &Asked, seen: &Seen) -> i64 {
    let (year, month, day) = seen.date;
    let dates = &asked.dates;
    let parts = [dates.years.contains(&year), dates.months.contains(&month), dates.days.contains(&day)];
    parts.into_iter().filter(|holds| *holds).count() as i64 * ONE
}

#[cfg(test)]
mod tests;
