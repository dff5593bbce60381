//! Rank: a kept top-k.
//!
//! Of the candidates of each key, the `k` with the highest scores, ranked from 1; of equal scores the lesser item is
//! better. `rank(C, k) = { (key, r, score, item) | r - 1 candidates of key are better, r <= k }`. Scores that fall
//! with age must not: recency enters them additively, so that nothing moves merely because time passes.
//! Cost: O(log n + k) for a key that changes, and only the ranks that differ go out. Memory: every candidate, once.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::hash::Hash;

use timely::ExchangeData;

use crate::per_key::{State, per_key_with};
use crate::{Collection, Diff};

/// One place in a ranking: key, rank, score, item.
pub type Ranked<K, I> = (K, u32, i64, I);

/// The `k` best candidates of each key. A candidate (key, score, item) is there at most once.
pub fn rank<'s, K, I>(candidates: Collection<'s, (K, i64, I)>, k: usize) -> Collection<'s, Ranked<K, I>>
where
    K: ExchangeData + Clone + Ord + Hash,
    I: ExchangeData + Clone + Ord,
{
    let best_first = candidates.map(|(key, score, item)| (key, (Reverse(score), item)));
    per_key_with(best_first, "Rank", move || TopK { k, candidates: BTreeSet::new() })
}

/// The meaning, by brute force.
pub fn rank_naive<K: Clone + Ord, I: Clone + Ord>(candidates: &[(K, i64, I)], k: usize) -> Vec<Ranked<K, I>> {
    let better = |a: &(K, i64, I), b: &(K, i64, I)| a.0 == b.0 && (a.1 > b.1 || (a.1 == b.1 && a.2 < b.2));
    let ranked = candidates.iter().map(|candidate| {
        let rank = 1 + candidates.iter().filter(|other| better(other, candidate)).count();
        (candidate.0.clone(), rank as u32, candidate.1, candidate.2.clone())
    });
    ranked.filter(|(_, rank, ..)| *rank as usize <= k).collect()
}

/// The candidates of one key, best first.
struct TopK<I> {
    k: usize,
    candidates: BTreeSet<(Reverse<i64>, I)>,
}

impl<I: Clone + Ord> TopK<I> {
    fn top(&self) -> Vec<(Reverse<i64>, I)> {
        self.candidates.iter().take(self.k).cloned().collect()
    }
}

impl<K: ExchangeData + Clone, I: ExchangeData + Clone + Ord> State<K, (Reverse<i64>, I)> for TopK<I> {
    type Out = Ranked<K, I>;

    fn update(&mut self, key: &K, changes: Vec<((Reverse<i64>, I), Diff)>, out: &mut Vec<(Self::Out, Diff)>) {
        let before = self.top();
        for (candidate, diff) in changes {
            if diff > 0 {
                self.candidates.insert(candidate);
            } else {
                self.candidates.remove(&candidate);
            }
        }
        let after = self.top();
        for at in (0..before.len().max(after.len())).filter(|at| before.get(*at) != after.get(*at)) {
            let rows = [(before.get(at), -1), (after.get(at), 1)].into_iter();
            let rows = rows.filter_map(|(row, diff)| row.map(|(score, item)| (score.0, item.clone(), diff)));
            out.extend(rows.map(|(score, item, diff)| ((key.clone(), at as u32 + 1, score, item), diff)));
        }
    }

    fn is_empty(&self) -> bool {
        self.candidates.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::check;

    #[test]
    fn agrees_with_naive() {
        let draw = |draw: &mut crate::check::Draw| (draw.below(3), draw.between(-2, 2), draw.below(6));
        check("rank", draw, |rows| rank(rows, 3), |rows| rank_naive(rows, 3));
        check("rank", draw, |rows| rank(rows, 0), |_| Vec::new());
    }
}
