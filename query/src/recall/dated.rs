//! What a question means by "yesterday" or "last summer": time expressions, resolved against when it is asked.
//!
//! They count as the dates that a question names do, and what was said then is sought too. A watched question is not
//! resolved: it stays open, and its ranking may not move because time passes. Days and seasons are those of UTC and of the
//! north.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use nexus_scoring::ranking::Dates;
use nexus_types::Millis;
use nexus_when::{Expr, Granularity, Language, recognise};

/// A day in milliseconds.
const DAY: Millis = 86_400_000;
/// A stretch of more days than this is not told by days; one of more months or years than these says nothing.
const DAYS_MAX: usize = 14;
const MONTHS_MAX: usize = 11;
const YEARS_MAX: usize = 3;

/// The stretches of time that a question speaks of, half-open, and the parts of their dates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dated {
    pub(crate) dates: Dates,
    pub(crate) stretches: Vec<(Millis, Millis)>,
}

/// What a question asked then speaks of.
pub(crate) fn dated(question: &str, asked_at: Millis) -> Dated {
    let Ok(now) = Timestamp::from_millisecond(asked_at) else { return Dated::default() };
    let now = TimeZone::UTC.to_datetime(now);
    let (mut dated, mut days, mut months, mut years) =
        (Dated::default(), BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut found = recognise(question, Language::English);
    if found.is_empty() {
        // To Spanish "ago" is August.
        found = recognise(question, Language::Spanish);
    }
    let by_day = found.iter().filter(|found| names_days(&found.expr));
    for (from, to) in by_day.filter_map(|found| found.expr.interval(now, false)) {
        let Some((of_days, of_months, of_years)) = parts(from, to) else { continue };
        days.extend(of_days);
        months.extend(of_months);
        years.extend(of_years);
        dated.stretches.extend(millis(from).zip(millis(to)));
    }
    let all = |parts: BTreeSet<i64>| parts.into_iter().collect();
    dated.dates = Dates { days: all(days), months: all(months), years: all(years) };
    dated
}

/// Whether it says on which days: neither "now" nor "an hour ago".
fn names_days(expr: &Expr) -> bool {
    use Granularity::{Day, Decade, Month, Quarter, Week, Year};
    matches!(expr.granularity(), Day | Week | Month | Quarter | Year | Decade)
}

type Parts = BTreeSet<i64>;

/// The days, months and years of a stretch; `None` if it is too long to say anything.
fn parts(from: DateTime, to: DateTime) -> Option<(Parts, Parts, Parts)> {
    let (first, last) = (from.date(), to.checked_sub(jiff::Span::new().nanoseconds(1)).ok()?.date());
    let all: Vec<Date> =
        first.series(jiff::Span::new().days(1)).take(366 * YEARS_MAX).take_while(|day| *day <= last).collect();
    let months: BTreeSet<(i16, i8)> = all.iter().map(|day| (day.year(), day.month())).collect();
    let years: Parts = all.iter().map(|day| i64::from(day.year())).collect();
    if all.last() != Some(&last) {
        return None;
    }
    let days = if all.len() > DAYS_MAX { Parts::new() } else { all.iter().map(|day| i64::from(day.day())).collect() };
    let months = if months.len() > MONTHS_MAX {
        Parts::new()
    } else {
        months.iter().map(|(_, month)| i64::from(*month)).collect()
    };
    Some((days, months, years))
}

fn millis(at: DateTime) -> Option<Millis> {
    Some(at.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond())
}

/// The day a question is asked on: no expression that counts is finer, and answers are kept for a day.
pub(crate) fn day(asked_at: Millis) -> Millis {
    asked_at.div_euclid(DAY).saturating_mul(DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(question: &str) -> (Vec<i64>, Vec<i64>, Vec<i64>) {
        // Wednesday, 14 June 2023.
        let Dates { days, months, years } = dated(question, 1_686_700_800_000).dates;
        (days, months, years)
    }

    #[test]
    fn says_when() {
        assert_eq!(of("What did Anna say yesterday?"), (vec![13], vec![6], vec![2023]));
        assert_eq!(of("¿Qué dijo Anna ayer?"), (vec![13], vec![6], vec![2023]));
        assert_eq!(of("Where were we last summer?"), (vec![], vec![6, 7, 8], vec![2022]));
        assert_eq!(of("who came in May"), (vec![], vec![5], vec![2023]));
        assert_eq!(of("what happened last year"), (vec![], vec![], vec![2022]));
        assert_eq!(of("what happened since the beginning, before yesterday"), (vec![], vec![], vec![]));
        for question in
            ["Where does Anna live now?", "what broke an hour ago?", "who sings in the evening?", "¿y ahora?"]
        {
            assert_eq!(of(question), (vec![], vec![], vec![]), "{question}");
        }
        assert_eq!((day(i64::MIN), day(i64::MAX)), (i64::MIN, i64::MAX - i64::MAX % DAY));
        assert_eq!(dated("yesterday", 1_686_700_800_000).stretches, [(1_686_614_400_000, 1_686_700_800_000)]);
    }
}
