//! A passage as every question sees it: its terms, and what kind of thing it says.
//!
//! Contract: pure, total, a function of text, author and time alone, so it is made once a passage and may be stored.
//! The lists are English; other languages have terms and question marks only. Cost: linear in the text.

use crate::{Bag, ratio, terms};

/// What is known of a passage whatever is asked. `of` is linear in the text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Its terms.
    pub bag: Bag,
    /// Who said it, as passages have it.
    pub author: String,
    /// In milliseconds since 1970.
    pub said_at: i64,
    /// Year, month (1 to 12) and day.
    pub date: (i64, i64, i64),
    /// Which part of the text is questions.
    pub asks: i64,
    /// Whether it ends with a question.
    pub ends_asking: bool,
    /// Whether it has a word of time.
    pub timed: bool,
    /// Whether it speaks of its author.
    pub tells: bool,
}

/// Words of time; sorted.
const TIMES: &[&str] = &[
    "ago",
    "already",
    "am",
    "april",
    "august",
    "day",
    "days",
    "december",
    "evening",
    "fall",
    "february",
    "friday",
    "hour",
    "hours",
    "january",
    "july",
    "june",
    "last",
    "lately",
    "march",
    "minutes",
    "monday",
    "month",
    "months",
    "morning",
    "next",
    "night",
    "november",
    "october",
    "pm",
    "recently",
    "saturday",
    "september",
    "since",
    "soon",
    "spring",
    "summer",
    "sunday",
    "thursday",
    "today",
    "tomorrow",
    "tonight",
    "tuesday",
    "wednesday",
    "week",
    "weekend",
    "weeks",
    "winter",
    "year",
    "years",
    "yesterday",
    "yet",
];
/// Words by which an author speaks of themselves; sorted.
const SELF: &[&str] = &["i", "im", "ive", "me", "my", "our", "we"];

impl Seen {
    /// A passage by this author, said at this time.
    pub fn of(text: &str, author: &str, said_at: i64) -> Seen {
        let words = terms::words(text);
        let has = |list: &[&str]| words.iter().any(|word| list.binary_search(&word.as_str()).is_ok());
        let spoken = text.split("[image: ").next().unwrap_or_default().trim_end();
        Seen {
            bag: Bag::of(terms::of_words(&words)),
            author: author.into(),
            said_at,
            date: civil(said_at),
            asks: asking(text),
            ends_asking: spoken.ends_with(['?', '？']),
            timed: has(TIMES),
            tells: has(SELF),
        }
    }
}

/// Which part of a text, in bytes, are sentences that end with a question mark.
fn asking(text: &str) -> i64 {
    let sentences =
        text.split_inclusive(['.', '!', '?', '。', '！', '？']).filter(|one| one.chars().any(char::is_alphabetic));
    let asked: usize = sentences.filter(|one| one.ends_with(['?', '？'])).map(str::len).sum();
    ratio(asked as u64, text.len() as u64)
}

/// Year, month and day of a time. Source: Howard Hinnant, "chrono-compatible low-level date algorithms".
pub(crate) fn civil(said_at: i64) -> (i64, i64, i64) {
    let days = said_at.div_euclid(86_400_000) + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let part = (5 * of_year + 2) / 153;
    let month = if part < 10 { part + 3 } else { part - 9 };
    (year + era * 400 + i64::from(month <= 2), month, of_year - (153 * part + 2) / 5 + 1)
}

impl Seen {
    /// How many terms it has.
    pub(crate) fn length(&self) -> i64 {
        self.bag.length().min(1 << 20) as i64
    }
}
