//! Features by example, and what holds of all.

#![allow(clippy::unwrap_used)]

use crate::{Bag, bm25};
use proptest::prelude::*;

use super::*;
use crate::ranking::asked::Voice;
use crate::ranking::seen::civil;

const DAY: i64 = 86_400_000;
const SPREAD: Spread = Spread { mean: ONE / 2, deviation: ONE / 4 };

/// A talk of Ann and Bob in turns, asked a question about a turn.
struct Talk {
    seen: Vec<Seen>,
    asked: Asked,
    statistics: Statistics,
    cosines: Vec<Option<i64>>,
}

impl Talk {
    fn of(texts: &[&str], question: &str) -> Talk {
        let author = |at: usize| if at.is_multiple_of(2) { "Ann" } else { "Bob" };
        let seen: Vec<Seen> =
            texts.iter().enumerate().map(|(at, text)| Seen::of(text, author(at), 19_500 * DAY)).collect();
        let voices = ["Ann", "Bob"].map(|name| Voice { author: name, name, own: false });
        let mut statistics = Statistics::default();
        seen.iter().for_each(|seen| statistics.count(&seen.bag, &seen.bag));
        let cosines = vec![None; texts.len()];
        Talk { seen, asked: Asked::of(question, voices.into_iter(), true), statistics, cosines }
    }

    fn features(&self, at: usize) -> [i64; COUNT] {
        let sought = Sought::of(&self.asked, &self.statistics, SPREAD);
        let heard: Vec<Heard> =
            self.seen.iter().zip(&self.cosines).map(|(seen, cosine)| Heard::of(&sought, seen, *cosine)).collect();
        let before: Vec<&Heard> = heard[..at].iter().rev().collect();
        let after: Vec<&Heard> = heard[at + 1..].iter().collect();
        features(&sought, Nearby { turn: &heard[at], before: &before, after: &after })
    }

    fn get(&self, at: usize, name: &str) -> i64 {
        self.features(at)[FEATURES.iter().position(|feature| *feature == name).unwrap()]
    }
}

#[test]
fn an_answer_after_its_question() {
    let talk = Talk::of(&["Where is your piano?", "I sold mine yesterday.", "Oh no"], "When did Bob sell the piano?");
    assert_eq!(talk.get(1, "answers"), talk.get(1, "previous"));
    assert!(talk.get(1, "answers") > ONE / 4);
    assert_eq!(talk.get(2, "answers"), 0);
    assert_eq!([0, 1].map(|at| talk.get(at, "other")), [ONE, 0]);
    assert_eq!([0, 1].map(|at| talk.get(at, "when")), [0, ONE]);
    assert_eq!([0, 1].map(|at| talk.get(at, "tells")), [0, ONE]);
    assert_eq!([0, 1].map(|at| talk.get(at, "asks")), [ONE, 0]);
}

#[test]
fn words_fade_with_distance() {
    let talk = Talk::of(&["piano", "a1", "a2", "a3", "a4", "a5"], "piano");
    let reach: Vec<i64> = (0..6).map(|at| talk.get(at, "reach")).collect();
    assert!(reach.is_sorted_by(|a, b| a > b) && reach[5] == 0, "{reach:?}");
    assert!(talk.get(2, "window") > 0 && talk.get(3, "window") == 0);
    assert_eq!([1, 2].map(|at| talk.get(at, "previous")), [ONE, 0]);
}

#[test]
fn parts_of_the_date() {
    // 19,500 days after 1970-01-01 is 2023-05-23.
    let date = |question| Talk::of(&["so"], question).get(0, "date") / ONE;
    assert_eq!([date("What in May 2023?"), date("What on 23 May, 2023?"), date("What?")], [2, 3, 0]);
    assert_eq!([civil(0), civil(-1), civil(951_782_400_000)], [(1970, 1, 1), (1969, 12, 31), (2000, 2, 29)]);
}

#[test]
fn meaning_nearby() {
    let mut talk = Talk::of(&["b", "c", "d", "e", "f", "g"], "a");
    talk.cosines[0] = Some(ONE / 4 * 3);
    assert_eq!([0, 1, 4, 5].map(|at| talk.get(at, "meaning_reach")), [ONE, ONE, ONE, 0]);
    assert_eq!([0, 2, 3].map(|at| talk.get(at, "meaning_window")), [ONE / 3, ONE / 5, 0]);
}

proptest! {
    #[test]
    fn words_are_bm25(texts in prop::collection::vec("[b-f]( [b-f]){0,9}", 1..8), question in "[b-h]( [b-h]){0,4}") {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let talk = Talk::of(&texts, &question);
        let expected = bm25(&Bag::of(talk.asked.terms.iter().cloned()), &talk.seen[0].bag, &talk.statistics);
        let sought = Sought::of(&talk.asked, &talk.statistics, SPREAD);
        let ours = Heard::of(&sought, &talk.seen[0], None).words;
        prop_assert!((ours - expected).abs() <= expected / 100 + 16, "{ours} {expected}");
    }

    #[test]
    fn total_and_bounded(
        texts in prop::collection::vec("\\PC{0,40}", 1..10),
        question in "\\PC{0,40}",
        numbers: (u64, u64, u64),
        cosine: i64,
    ) {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let mut talk = Talk::of(&texts, &question);
        talk.statistics.texts = numbers.0;
        talk.statistics.length = numbers.1;
        talk.statistics.frequencies.values_mut().for_each(|frequency| *frequency = numbers.2);
        talk.cosines[0] = Some(cosine);
        for at in 0..texts.len() {
            prop_assert!(talk.features(at).iter().all(|feature| feature.abs() < 1 << 40));
        }
    }

    #[test]
    fn what_is_beyond_reach_does_not_count(texts in prop::collection::vec("[a-d]( [a-d]){0,3}[?]?", 10), other in "[a-d]") {
        let mut texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let talk = Talk::of(&texts, "b c d");
        texts[0] = &other;
        let mut changed = Talk::of(&texts, "b c d");
        changed.statistics = talk.statistics.clone();
        prop_assert_eq!(talk.features(REACH + 1), changed.features(REACH + 1));
    }
}

/// Where two speak it says little that one of them does; of one among many it says much.
#[test]
fn whom_a_question_names_counts_by_how_rarely_they_speak() {
    let other = |said: Option<u64>, at: usize| {
        let mut talk = Talk::of(&["I live in Oslo", "me too"], "where does Ann live?");
        talk.statistics.texts = 1_000;
        said.into_iter().for_each(|said| talk.statistics.count_author("Ann", said));
        talk.features(at)[10]
    };
    assert_eq!([None, Some(500), Some(900)].map(|said| other(said, 0)), [0; 3]);
    assert_eq!([None, Some(500), Some(20)].map(|said| other(said, 1)), [ONE; 3]);
    let (of_eight, of_many, silent) = (other(Some(125), 0), other(Some(20), 0), other(Some(0), 0));
    assert!((of_eight + 2 * ONE).abs() < ONE / 50 && of_many < 4 * -ONE && silent == -7 * ONE, "{of_eight} {of_many}");
}
