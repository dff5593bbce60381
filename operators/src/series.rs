//! Series: an ordered map for keys that mostly come in order, as messages do.
//!
//! Chunks of neighbours in vectors: what is added at the end fills the last chunk, and a full chunk has no room to spare,
//! where a `BTreeMap` would leave every node half empty. Cost: O(log n) to look up; O([`CHUNK`] + n / [`CHUNK`]) to add or
//! take away in the middle. Memory: the pairs, and 24 bytes a chunk.

/// The most pairs in a chunk.
const CHUNK: usize = 128;

/// An ordered map.
#[derive(Debug)]
pub(crate) struct Series<K, V> {
    /// None is empty, and all keys of one are less than those of the next.
    chunks: Vec<Vec<(K, V)>>,
}

impl<K, V> Default for Series<K, V> {
    fn default() -> Self {
        Series { chunks: Vec::new() }
    }
}

impl<K: Ord, V> Series<K, V> {
    pub(crate) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// The least key.
    pub(crate) fn first(&self) -> Option<&K> {
        self.chunks.first()?.first().map(|(key, _)| key)
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        let (chunk, at) = self.find(key).ok()?;
        Some(&self.chunks[chunk][at].1)
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let (chunk, at) = self.find(key).ok()?;
        Some(&mut self.chunks[chunk][at].1)
    }

    /// The greatest key that is less.
    pub(crate) fn before(&self, key: &K) -> Option<&K> {
        let (chunk, at) = self.find(key).unwrap_or_else(|place| place);
        let pair = match at.checked_sub(1) {
            Some(at) => self.chunks[chunk].get(at),
            None => self.chunks[..chunk].last()?.last(),
        };
        pair.map(|(key, _)| key)
    }

    /// The least key that is greater.
    pub(crate) fn after(&self, key: &K) -> Option<&K> {
        let (chunk, at) = self.find(key).map_or_else(|place| place, |(chunk, at)| (chunk, at + 1));
        let here = self.chunks.get(chunk)?.get(at);
        here.or_else(|| self.chunks.get(chunk + 1)?.first()).map(|(key, _)| key)
    }

    /// What the key has, after it was given what `V` begins with if it had nothing.
    pub(crate) fn entry(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        let (chunk, at) = match self.find(&key) {
            Ok(place) => place,
            Err(place) => self.make_room(place),
        };
        let pairs = &mut self.chunks[chunk];
        if pairs.get(at).is_none_or(|(held, _)| *held != key) {
            pairs.insert(at, (key, V::default()));
        }
        &mut pairs[at].1
    }

    pub(crate) fn remove(&mut self, key: &K) {
        if let Ok((chunk, at)) = self.find(key) {
            self.chunks[chunk].remove(at);
            if self.chunks[chunk].is_empty() {
                self.chunks.remove(chunk);
            }
        }
    }

    /// Where a key is, or else would be: the chunk, and the place in it. Of an empty series that is the chunk to come.
    fn find(&self, key: &K) -> Result<(usize, usize), (usize, usize)> {
        let after = self.chunks.partition_point(|pairs| pairs[0].0 <= *key);
        let chunk = after.saturating_sub(1);
        let Some(pairs) = self.chunks.get(chunk) else { return Err((chunk, 0)) };
        match pairs.binary_search_by(|(held, _)| held.cmp(key)) {
            Ok(at) => Ok((chunk, at)),
            Err(at) => Err((chunk, at)),
        }
    }

    /// Sees to it that there is room at that place; it may then be another.
    fn make_room(&mut self, (chunk, at): (usize, usize)) -> (usize, usize) {
        let last = chunk + 1 == self.chunks.len();
        let Some(pairs) = self.chunks.get_mut(chunk) else {
            self.chunks.push(Vec::new());
            return (chunk, at);
        };
        if pairs.len() < CHUNK {
            return (chunk, at);
        }
        if last && at == CHUNK {
            self.chunks.push(Vec::new());
            return (chunk + 1, 0);
        }
        let rest = pairs.split_off(CHUNK / 2);
        pairs.shrink_to_fit();
        self.chunks.insert(chunk + 1, rest);
        if at <= CHUNK / 2 { (chunk, at) } else { (chunk + 1, at - CHUNK / 2) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::ops::Bound;

    use super::*;
    use crate::check::Draw;

    #[test]
    fn agrees_with_a_btree_map() {
        for seed in 0..20 {
            let mut draw = Draw::new(seed);
            let (mut series, mut plain) = (Series::<u64, u64>::default(), BTreeMap::<u64, u64>::new());
            for step in 0..3_000_u64 {
                // In order at first, then anywhere; then most of it goes.
                let key = if step < 900 { step * 3 } else { draw.below(3_000) };
                if step > 2_000 && !draw.one_in(4) || draw.one_in(9) {
                    series.remove(&key);
                    plain.remove(&key);
                } else {
                    *series.entry(key) += step;
                    *plain.entry(key).or_default() += step;
                }
                let probe = draw.below(3_000);
                assert_eq!(series.get(&probe), plain.get(&probe));
                assert_eq!(series.get_mut(&probe), plain.get_mut(&probe));
                assert_eq!(series.before(&probe), plain.range(..probe).next_back().map(|(key, _)| key));
                let after = plain.range((Bound::Excluded(probe), Bound::Unbounded)).next();
                assert_eq!(series.after(&probe), after.map(|(key, _)| key));
                assert_eq!(series.first(), plain.keys().next());
                assert_eq!(series.is_empty(), plain.is_empty());
            }
            assert!(series.chunks.iter().flatten().map(|(key, value)| (key, value)).eq(&plain));
        }
    }

    #[test]
    fn what_comes_in_order_leaves_full_chunks() {
        let mut series: Series<u64, u64> = Series::default();
        (0..10 * CHUNK as u64).for_each(|key| *series.entry(key) = key);
        assert_eq!(series.chunks.len(), 10);
        assert!(series.chunks.iter().all(|pairs| pairs.capacity() == CHUNK));
    }
}
