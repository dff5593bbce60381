//! Small steps on the civil calendar, every one total: what leaves year -9999 to 9999 is `None`.

use jiff::civil::{Date as Day, DateTime, Weekday};
use jiff::{Span, ToSpan};

use crate::value::Unit;

/// The side of the reference on which an open expression is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Past,
    Future,
}

/// A day that exists, or nothing.
pub(crate) fn day(year: i16, month: u8, day: u8) -> Option<Day> {
    Day::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// So many days later.
pub(crate) fn add_days(from: Day, days: i64) -> Option<Day> {
    from.checked_add(Span::new().try_days(days).ok()?).ok()
}

/// So many months later, the day clipped to the month's length.
pub(crate) fn add_months(from: Day, months: i64) -> Option<Day> {
    from.checked_add(Span::new().try_months(months).ok()?).ok()
}

/// So many business days later: Saturdays and Sundays do not count.
pub(crate) fn add_business_days(from: Day, days: i64) -> Option<Day> {
    let (weeks, rest) = (days / 5, days % 5);
    let mut at = add_days(from, weeks * 7)?;
    let step = if days < 0 { -1 } else { 1 };
    let mut left = rest.abs();
    while left > 0 {
        at = add_days(at, step)?;
        if is_business(at) {
            left -= 1;
        }
    }
    Some(at)
}

/// Whether that day is Monday to Friday.
pub(crate) fn is_business(day: Day) -> bool {
    !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
}

/// The Monday on or before a day.
pub(crate) fn monday(of: Day) -> Option<Day> {
    add_days(of, -i64::from(of.weekday().to_monday_zero_offset()))
}

/// Monday of the n-th ISO week of a year; the last week for a negative n.
pub(crate) fn iso_week(year: i16, week: i8) -> Option<Day> {
    let first = monday(day(year, 1, 4)?)?;
    let weeks = weeks_in(year)?;
    let week = if week < 0 { weeks + 1 + i64::from(week) } else { i64::from(week) };
    if week < 1 || week > weeks {
        return None;
    }
    add_days(first, 7 * (week - 1))
}

/// How many ISO weeks a year has.
pub(crate) fn weeks_in(year: i16) -> Option<i64> {
    let last = day(year, 12, 28)?.iso_week_date();
    Some(i64::from(last.week()))
}

/// Monday of the week that holds the n-th Thursday of a month; of the last Thursday for a negative n.
pub(crate) fn week_of_month(year: i16, month: u8, nth: i8) -> Option<Day> {
    monday(nth_weekday(year, month, 4, nth)?)
}

/// The n-th such weekday of a month; the last one for a negative n.
pub(crate) fn nth_weekday(year: i16, month: u8, weekday: u8, nth: i8) -> Option<Day> {
    let weekday = Weekday::from_monday_one_offset(i8::try_from(weekday).ok()?).ok()?;
    day(year, month, 1)?.nth_weekday_of_month(nth, weekday).ok()
}

/// So many seconds later.
pub(crate) fn add_seconds(from: DateTime, seconds: i64) -> Option<DateTime> {
    from.checked_add(seconds.seconds()).ok()
}

/// Months in a unit, for those that are made of months.
pub(crate) fn months_in(unit: Unit) -> Option<i64> {
    Some(match unit {
        Unit::Month => 1,
        Unit::Quarter => 3,
        Unit::Half => 6,
        Unit::Year => 12,
        Unit::Decade => 120,
        Unit::Century => 1200,
        _ => return None,
    })
}

/// Days in a unit, for those that are made of days.
pub(crate) fn days_in(unit: Unit) -> Option<i64> {
    Some(match unit {
        Unit::Day | Unit::Night | Unit::BusinessDay => 1,
        Unit::Week | Unit::Weekend => 7,
        Unit::Fortnight => 14,
        _ => return None,
    })
}

/// Seconds in a unit shorter than a day.
pub(crate) fn seconds_in(unit: Unit) -> Option<i64> {
    Some(match unit {
        Unit::Second => 1,
        Unit::Minute => 60,
        Unit::Hour => 3600,
        _ => return None,
    })
}
