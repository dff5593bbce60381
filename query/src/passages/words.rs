//! The words of fragments that the index on disk does not have yet: some thousand passages at most, in memory.
//!
//! A scan beside the index would cost a plan for every question, however few the rows. What is kept here of a fragment never
//! changes. Cost: 5 us a passage, once; then what the question's terms touch.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use nexus_scoring::{Bag, Statistics, bm25, terms};
use nexus_storage::Snapshot;

use super::{Bits, Passages, Place};
use crate::error::Result;
use crate::rows::Rows;

/// The words of one fragment, deleted passages' too.
#[derive(Debug)]
pub(crate) struct Words {
    bags: Vec<Bag>,
    /// The rows that have a term.
    by_term: BTreeMap<String, Vec<u32>>,
}

impl Words {
    fn of(bags: Vec<Bag>) -> Words {
        let mut by_term: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        for (row, bag) in (0..).zip(&bags) {
            for term in bag.terms() {
                match by_term.get_mut(term) {
                    Some(rows) => rows.push(row),
                    None => _ = by_term.insert(term.into(), vec![row]),
                }
            }
        }
        Words { bags, by_term }
    }

    fn rows(&self, term: &str) -> &[u32] {
        self.by_term.get(term).map_or(&[], Vec::as_slice)
    }
}

/// The words that the index lacks in one snapshot, by piece.
#[derive(Debug, Default)]
pub(crate) struct Beside(Vec<(u32, Arc<Words>)>);

impl Passages {
    /// The words that the index on disk lacks, read once.
    pub(crate) async fn beside(&self, snapshot: &Snapshot) -> Result<&Beside> {
        self.beside.get_or_try_init(|| self.read_beside(snapshot)).await
    }

    async fn read_beside(&self, snapshot: &Snapshot) -> Result<Beside> {
        let _reading = self.warm.reading.lock().await;
        let mut beside = Vec::new();
        for number in snapshot.not_indexed().await? {
            let Some(at) = self.pieces.iter().position(|piece| piece.row(u64::from(number) << 32).is_some()) else {
                continue;
            };
            let (piece, name) = (&self.pieces[at], &self.fragments[at]);
            let reading = async {
                let kept: Option<Vec<Bag>> = (0..piece.rows()).map(|row| piece.text(row).map(terms::bag)).collect();
                Ok(Words::of(match kept {
                    Some(bags) => bags,
                    None => read_bags(snapshot, number).await?,
                }))
            };
            beside.push((at as u32, self.warm.words.get_or(name, reading).await?));
        }
        let named = beside.iter().map(|(at, words)| (&*self.fragments[*at as usize], words));
        self.warm.words.keep(self.warm.is_newest(snapshot), named);
        Ok(Beside(beside))
    }

    /// The passages beside the index that fit these terms best by BM25, at most `k`, among the marked ones.
    pub(crate) fn found_beside(
        &self,
        beside: &Beside,
        (asked, statistics): (&Bag, &Statistics),
        k: usize,
        may: Option<&[Bits]>,
    ) -> Vec<Place> {
        let may = may.unwrap_or(&self.live);
        let mut found = Vec::new();
        for (piece, words) in &beside.0 {
            let mut rows: Vec<u32> = asked.terms().flat_map(|term| words.rows(term)).copied().collect();
            rows.sort_unstable();
            rows.dedup();
            let places = rows.into_iter().map(|row| Place { piece: *piece, row }).filter(|place| place.is_in(may));
            let scored = |place: Place| (Reverse(bm25(asked, &words.bags[place.row as usize], statistics)), place);
            found.extend(places.map(scored));
        }
        found.sort_unstable();
        found.into_iter().take(k).map(|(_, place)| place).collect()
    }

    /// How many of the scope's passages beside the index have a term.
    pub(crate) fn count_beside(&self, beside: &Beside, term: &str) -> u64 {
        let of = |(piece, words): &(u32, Arc<Words>)| {
            let live = |row: &&u32| self.is_live(Place { piece: *piece, row: **row });
            words.rows(term).iter().filter(live).count() as u64
        };
        beside.0.iter().map(of).sum()
    }
}

impl Passages {
    /// The passages that have the most of these strings in their texts, at most `k`, among the marked ones: for scripts that
    /// write no blanks, of which an index of words knows nothing. Costs a pass over all texts in memory for each string.
    pub(crate) fn containing(&self, strings: &[String], k: usize, may: Option<&[Bits]>) -> Vec<Place> {
        let may = may.unwrap_or(&self.live);
        let mut counts: BTreeMap<Place, usize> = BTreeMap::new();
        for string in strings {
            for (at, piece) in (0..).zip(&self.pieces) {
                let rows = piece.rows_with(string).map(|row| Place { piece: at, row });
                rows.filter(|place| place.is_in(may)).for_each(|place| *counts.entry(place).or_default() += 1);
            }
        }
        let mut found: Vec<(Reverse<usize>, Reverse<Place>)> =
            counts.into_iter().map(|(place, count)| (Reverse(count), Reverse(place))).collect();
        found.sort_unstable();
        found.into_iter().take(k).map(|(_, Reverse(place))| place).collect()
    }
}

async fn read_bags(snapshot: &Snapshot, number: u32) -> Result<Vec<Bag>> {
    let mut bags = Vec::new();
    for batch in snapshot.read_fragment("passages", number, &["text"]).await? {
        bags.extend(Rows(&batch).text("text")?.iter().map(|text| terms::bag(text.unwrap_or_default())));
    }
    Ok(bags)
}
