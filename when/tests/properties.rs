//! Laws that hold for every text and reference, tried on seeded random ones.

use std::time::{Duration, Instant};

use jiff::civil::DateTime;
use nexus_when::{Expr, Found, Language, recognise};

/// A small generator: the same seed gives the same texts.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % below.max(1) as u64).unwrap_or(0)
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.next(from.len())]
    }
}

/// Pieces between words: nothing, blanks, marks, letters beyond ASCII.
const JOINTS: &[&str] = &[
    " ", " ", " ", " ", " ", " ", "", "-", "/", ", ", ". ", ":", "'", "’s ", "\n", "º ", "ñ", "—", "½", "🙂", "(", ")",
];

/// Numbers of every length.
const NUMBERS: &[&str] = &[
    "0",
    "1",
    "2",
    "07",
    "12",
    "24",
    "29",
    "30",
    "31",
    "59",
    "99",
    "100",
    "0730",
    "1999",
    "2020",
    "9999",
    "123456789012",
];

/// The words of the tables, without their classes.
fn words(language: Language) -> Vec<&'static str> {
    let table = match language {
        Language::English => include_str!("../src/words/english.txt"),
        Language::Spanish => include_str!("../src/words/spanish.txt"),
    };
    let lines = table.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(':'));
    lines.flat_map(|(_, words)| words.split(',').map(str::trim)).collect()
}

fn text(random: &mut Random, words: &[&str]) -> String {
    let mut text = String::new();
    for _ in 0..1 + random.next(14) {
        let word = match random.next(4) {
            0 => random.pick(NUMBERS),
            1 => random
                .pick(&["the", "of", "from", "to", "el", "de", "a", "last", "next", "próximo", "year", "día", "xyz"]),
            _ => random.pick(words),
        };
        text += word;
        text += random.pick(JOINTS);
    }
    text
}

/// References at the edges of the calendar and inside it.
fn references() -> Vec<DateTime> {
    let at = |year, month, day, hour| DateTime::constant(year, month, day, hour, 59, 59, 999_999_999);
    vec![
        DateTime::MIN,
        DateTime::MAX,
        at(1, 1, 1, 0),
        at(9999, 12, 31, 23),
        at(2000, 2, 29, 12),
        at(2023, 6, 14, 10),
        at(-1, 3, 1, 1),
    ]
}

fn check(text: &str, found: &[Found]) {
    let mut last = 0;
    for one in found {
        assert!(one.start < one.end && one.start >= last, "spans in {text:?}: {one:?}");
        assert!(text.get(one.start..one.end).is_some(), "no characters cut in {text:?}: {one:?}");
        last = one.end;
        for reference in references() {
            let resolution = one.expr.resolve(reference);
            assert!((1..=4).contains(&resolution.candidates.len()), "{text:?} {one:?}");
            for ahead in [false, true] {
                if let Some((from, to)) = one.expr.interval(reference, ahead) {
                    assert!(from < to, "{text:?} {one:?} {reference}");
                }
            }
        }
        let json = serde_json::to_string(&one.expr).expect("an expression is data");
        assert_eq!(serde_json::from_str::<Expr>(&json).expect("what was written can be read"), one.expr);
    }
}

#[test]
fn any_text_is_read_the_same_way_twice_and_without_fail() {
    let mut random = Random(0x5eed_cafe);
    let mut total = 0;
    for language in [Language::English, Language::Spanish] {
        let words = words(language);
        for _ in 0..6000 {
            let text = text(&mut random, &words);
            let found = recognise(&text, language);
            assert_eq!(found, recognise(&text, language), "{text:?}");
            check(&text, &found);
            total += found.len();
        }
    }
    assert!(total > 5000, "the texts are about time: {total}");
}

#[test]
fn what_surrounds_an_expression_at_a_distance_does_not_change_it() {
    let mut random = Random(7);
    let words = words(Language::English);
    for _ in 0..1500 {
        let inner = text(&mut random, &words).replace('\n', " ");
        let alone: Vec<Expr> =
            recognise(&format!("zzz\n{inner}\nzzz"), Language::English).iter().map(|one| one.expr).collect();
        let around = format!("nothing was said\n{inner}\nqwerty");
        let inside: Vec<Expr> = recognise(&around, Language::English).iter().map(|one| one.expr).collect();
        assert_eq!(alone, inside, "{inner:?}");
    }
}

#[test]
fn an_open_date_lies_behind_or_ahead_as_asked() {
    let reference = DateTime::constant(2023, 6, 14, 10, 30, 0, 0);
    for text in ["on Friday", "May 9", "December", "Christmas", "the 18th of July", "Q3", "Monday 21"] {
        let found = recognise(text, Language::English);
        assert_eq!(found.len(), 1, "{text}");
        let (past, _) = found[0].expr.interval(reference, false).expect("it has a place");
        let (_, future) = found[0].expr.interval(reference, true).expect("it has a place");
        assert!(past <= reference, "{text} was {past}");
        assert!(future > reference, "{text} will end {future}");
    }
}

#[test]
fn an_expression_is_small() {
    assert!(size_of::<Expr>() <= 48, "{}", size_of::<Expr>());
}

#[test]
fn hostile_texts_take_linear_time() {
    let size = 100_000;
    for piece in [
        "1",
        "1 ",
        "1-",
        "12:",
        "1/",
        "next ",
        "from 3 to ",
        "3 days from ",
        "2 hours and ",
        "a ",
        "the first of the ",
        "dos mil ",
        "'s",
        "½",
    ] {
        let text = piece.repeat(size / piece.len());
        for language in [Language::English, Language::Spanish] {
            let start = Instant::now();
            recognise(&text, language);
            assert!(start.elapsed() < Duration::from_secs(8), "{piece:?} took {:?}", start.elapsed());
        }
    }
}
