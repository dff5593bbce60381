//! A bit a row.

/// Rows that are marked. One bit each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bits {
    words: Vec<u64>,
    rows: usize,
}

impl Bits {
    /// So many rows, marked where `is` holds.
    pub(crate) fn of(rows: usize, is: impl Fn(usize) -> bool) -> Bits {
        let word = |start: usize| {
            let of = (start..rows.min(start + 64)).filter(|row| is(*row));
            of.fold(0u64, |word, row| word | 1 << (row - start))
        };
        Bits { words: (0..rows).step_by(64).map(word).collect(), rows }
    }

    pub(crate) fn has(&self, row: usize) -> bool {
        self.words.get(row / 64).is_some_and(|word| word >> (row % 64) & 1 == 1)
    }

    pub(crate) fn mark(&mut self, row: usize) {
        if let Some(word) = self.words.get_mut(row / 64) {
            *word |= 1 << (row % 64);
        }
    }

    /// How many are marked.
    pub(crate) fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Those marked here and there.
    pub(crate) fn and(&self, other: &Bits) -> Bits {
        let words = self.words.iter().zip(&other.words).map(|(a, b)| a & b).collect();
        Bits { words, rows: self.rows.min(other.rows) }
    }

    /// The marked rows, ascending.
    pub(crate) fn rows(&self) -> impl Iterator<Item = usize> {
        let of = |(at, word): (usize, &u64)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let bit = rest.trailing_zeros() as usize;
                (rest != 0).then(|| {
                    rest &= rest - 1;
                    at * 64 + bit
                })
            })
        };
        self.words.iter().enumerate().flat_map(of)
    }

    /// The rows in runs of 64 that are not all marked, each with its word.
    pub(crate) fn gaps(&self) -> impl Iterator<Item = (usize, u64)> {
        self.words.iter().enumerate().filter(|(_, word)| **word != u64::MAX).map(|(at, word)| (at * 64, *word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks() {
        let thirds = Bits::of(200, |row| row.is_multiple_of(3));
        let fifths = Bits::of(200, |row| row.is_multiple_of(5));
        let mut both = thirds.and(&fifths);
        assert_eq!(both.rows().collect::<Vec<_>>(), (0..200).step_by(15).collect::<Vec<_>>());
        assert_eq!((thirds.count(), both.count()), (67, 14));
        both.mark(199);
        assert!(both.has(199) && !both.has(198) && !both.has(4_000));
    }
}
