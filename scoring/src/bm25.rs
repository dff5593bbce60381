//! BM25 in fixed point. For question terms q in a text d,
//! score = Σ idf(q) · tf·(k1+1) / (tf + k1·(1 - b + b·|d|/avg)), idf(q) = ln((N + 1) / (df + ½)), k1 = 1.2, b = 0.75.
//!
//! Cost: one look-up per distinct question term.

use std::collections::BTreeMap;

use crate::fixed::{ONE, ln, ratio};

/// k1 and b, in thousandths.
const K1: u128 = 1_200;
const B: u128 = 750;

/// A text as BM25 sees it: how often each term occurs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bag {
    counts: BTreeMap<String, u32>,
    length: u64,
}

impl Bag {
    /// The bag of these terms.
    pub fn of(terms: impl IntoIterator<Item = String>) -> Self {
        let mut bag = Bag::default();
        for term in terms {
            *bag.counts.entry(term).or_default() += 1;
            bag.length += 1;
        }
        bag
    }

    /// Adds another text's terms: the bag of both texts read as one.
    pub fn add(&mut self, other: &Bag) {
        for (term, count) in &other.counts {
            *self.counts.entry(term.clone()).or_default() += count;
        }
        self.length += other.length;
    }

    /// How many terms it has, repetitions counted.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// How often a term occurs.
    pub fn count(&self, term: &str) -> u32 {
        self.counts.get(term).copied().unwrap_or(0)
    }

    /// Its distinct terms, in order.
    pub fn terms(&self) -> impl Iterator<Item = &str> {
        self.counts.keys().map(String::as_str)
    }
}

/// What is known of the collection a text is scored in: how many texts, how long, and how many contain each term.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// How many texts there are.
    pub texts: u64,
    /// How many terms they have together.
    pub length: u64,
    /// In how many texts each term occurs; a term that is missing occurs in none.
    pub frequencies: BTreeMap<String, u64>,
}

impl Statistics {
    /// Counts one more text. Only `terms` are counted, so that the statistics stay as small as the question.
    pub fn count(&mut self, text: &Bag, terms: &Bag) {
        self.texts += 1;
        self.length += text.length();
        for term in terms.terms().filter(|term| text.count(term) > 0) {
            match self.frequencies.get_mut(term) {
                Some(frequency) => *frequency += 1,
                None => {
                    self.frequencies.insert(term.into(), 1);
                }
            }
        }
    }

    /// Counts what these people said, so that a question can be told how much it says that one of them speaks.
    pub fn count_author(&mut self, author: &str, texts: u64) {
        self.frequencies.insert(by(author), texts);
    }

    /// How many texts these people said together; `None` if that was not counted.
    pub fn by<'a>(&self, authors: impl Iterator<Item = &'a String>) -> Option<u64> {
        let counted = authors.filter_map(|author| self.frequencies.get(&by(author)));
        counted.copied().reduce(u64::saturating_add)
    }

    /// How rare a term is: ln((N + 1) / (df + ½)), in fixed point, never negative.
    pub fn rarity(&self, term: &str) -> i64 {
        self.rarity_of(self.frequencies.get(term).copied().unwrap_or(0))
    }

    /// How rare is what so many texts have.
    pub fn rarity_of(&self, frequency: u64) -> i64 {
        ln(ratio(self.texts.saturating_mul(2).saturating_add(2), frequency.saturating_mul(2).saturating_add(1))).max(0)
    }
}

/// An author among terms: no term has such a sign.
fn by(author: &str) -> String {
    format!("@{author}")
}

/// How well a text fits a question, in fixed point. Never negative; 0 if they share no term.
pub fn bm25(question: &Bag, text: &Bag, statistics: &Statistics) -> i64 {
    let average = u128::from(statistics.length.max(1));
    let relative = u128::from(text.length()) * u128::from(statistics.texts.max(1));
    let norm = K1 * (1_000 - B) / 1_000 + K1 * B * relative / average / 1_000;
    question.terms().fold(0i64, |score, term| {
        let count = u128::from(text.count(term)) * 1_000;
        let weight = count * (K1 + 1_000) * ONE as u128 / (1_000 * (count + norm).max(1));
        let part = (weight * statistics.rarity(term) as u128) >> 16;
        score.saturating_add(i64::try_from(part).unwrap_or(i64::MAX))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bag(text: &str) -> Bag {
        Bag::of(text.split_whitespace().map(String::from))
    }

    /// The formula as a textbook has it.
    fn naive(question: &str, text: &str, texts: &[String]) -> f64 {
        let words = |text: &str| text.split_whitespace().map(String::from).collect::<Vec<_>>();
        let average = texts.iter().map(|text| words(text).len()).sum::<usize>() as f64 / texts.len() as f64;
        let (text, length) = (words(text), words(text).len() as f64);
        let mut question = words(question);
        question.sort();
        question.dedup();
        let score = |term: &String| {
            let df = texts.iter().filter(|text| words(text).contains(term)).count() as f64;
            let tf = text.iter().filter(|word| *word == term).count() as f64;
            let idf = ((texts.len() as f64 + 1.0) / (df + 0.5)).ln();
            idf * tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * length / average))
        };
        question.iter().map(score).sum()
    }

    proptest! {
        #[test]
        fn agrees_with_the_textbook(
            texts in prop::collection::vec("[a-f]( [a-f]){0,12}", 1..20),
            question in "[a-h]( [a-h]){0,5}",
        ) {
            let asked = bag(&question);
            let mut statistics = Statistics::default();
            texts.iter().for_each(|text| statistics.count(&bag(text), &asked));
            for text in &texts {
                let ours = bm25(&asked, &bag(text), &statistics) as f64 / ONE as f64;
                prop_assert!((ours - naive(&question, text, &texts)).abs() < 0.02, "{} {}", ours, question);
            }
        }

        #[test]
        fn total_whatever_the_statistics(texts: u64, length: u64, frequency: u64, text in "[ab]( [ab]){0,9}") {
            let statistics = Statistics { texts, length, frequencies: [("a".to_string(), frequency)].into() };
            prop_assert!(bm25(&bag("a b"), &bag(&text), &statistics) >= 0);
        }
    }

    #[test]
    fn two_texts_read_as_one() {
        let mut both = bag("a b a");
        both.add(&bag("b c"));
        assert_eq!(both, bag("a b a b c"));
    }
}
