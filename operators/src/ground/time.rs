//! When: time expressions, against the moment of speaking and the scope's time zone.
//!
//! Days are civil days: "yesterday" begins at local midnight, whatever the clocks did that night. A date without a year
//! is the nearest that fits: the last one for what happened, the next one for what is planned. Total: what no calendar has,
//! and what lies outside the accepted instants, is `None`.

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use nexus_types::time::{MILLIS_MAX, MILLIS_MIN};
use nexus_types::{Aspect, Millis, Modality, TimeExpr, Unit, When};

const HOUR: Millis = 3_600_000;
/// How many years a date without its year is looked for: leap days are at most eight apart.
const YEARS: i16 = 8;

/// The zone of that name; UTC if there is none.
pub(super) fn zone(name: Option<&str>) -> TimeZone {
    name.and_then(|name| TimeZone::get(name).ok()).unwrap_or(TimeZone::UTC)
}

/// From when until when a statement is true: an end includes the period it names ("until 2019" is until its last day),
/// but what ended in it ended at its start. Nothing, if it would be over before it began.
pub(super) fn interval(
    when: &When,
    aspect: Aspect,
    modality: Modality,
    said_at: Millis,
    zone: &TimeZone,
) -> (Option<Millis>, Option<Millis>) {
    let period = |expr: Option<TimeExpr>| expr.and_then(|expr| period(expr, modality, said_at, zone));
    if aspect == Aspect::Ends {
        return (None, period(when.to.or(when.from)).map(|(start, _)| start));
    }
    let from = period(when.from).map(|(start, _)| start);
    let to = period(when.to).map(|(_, end)| end);
    if from.zip(to).is_some_and(|(from, to)| from >= to) { (None, None) } else { (from, to) }
}

/// The first instant of the period an expression names, and the first after it.
fn period(expr: TimeExpr, modality: Modality, said_at: Millis, zone: &TimeZone) -> Option<(Millis, Millis)> {
    if let TimeExpr::Offset(count, Unit::Hour) = expr {
        let start = said_at.checked_add(i64::from(count) * HOUR)?;
        return Some((accepted(start)?, accepted(start + HOUR)?));
    }
    let now = Timestamp::from_millisecond(said_at).ok()?.to_zoned(zone.clone()).datetime();
    if let TimeExpr::Spoken(expr) = expr {
        let (start, end) = expr.interval(now, modality == Modality::Intended)?;
        // "Since 2019" has no end of its own, "until May" no beginning.
        let start = if start == DateTime::MIN { MILLIS_MIN } else { instant(start, zone)? };
        let end = if end == DateTime::MAX { MILLIS_MAX } else { instant(end, zone)? };
        return Some((start, end)).filter(|(start, end)| start < end);
    }
    let today = now.date();
    let (first, next) = days(expr, modality == Modality::Intended, today)?;
    Some((midnight(first, zone)?, midnight(next, zone)?))
}

/// The first day of the period, and the first after it.
fn days(expr: TimeExpr, ahead: bool, today: Date) -> Option<(Date, Date)> {
    match expr {
        TimeExpr::Date { year: Some(year), month, day } => dates(year, month, day),
        TimeExpr::Date { year: None, month: Some(month), day } => {
            let year = today.year();
            let mut years = (0..=YEARS).map(|n| if ahead { year.checked_add(n) } else { year.checked_sub(n) });
            years.find_map(|year| dates(year?, Some(month), day).filter(|(first, _)| fits(*first, ahead, today)))
        }
        TimeExpr::Date { year: None, month: None, day } => {
            let month = today.first_of_month();
            let mut months = (0..=2).map(|n| month.checked_add(Span::new().months(if ahead { n } else { -n })).ok());
            months.find_map(|month| {
                let first = Date::new(month?.year(), month?.month(), day?).ok()?;
                fits(first, ahead, today).then_some((first, first.tomorrow().ok()?))
            })
        }
        TimeExpr::Offset(count, unit) => {
            let first = today.checked_add(span(count, unit)?).ok()?;
            Some((first, first.tomorrow().ok()?))
        }
        TimeExpr::Weekday(day, direction) => {
            let first = weekday(day, direction, ahead, today)?;
            Some((first, first.tomorrow().ok()?))
        }
        TimeExpr::Spoken(_) => None,
    }
}

fn fits(first: Date, ahead: bool, today: Date) -> bool {
    if ahead { first >= today } else { first <= today }
}

/// A year, a month of it, or a day of that. A day of no month is not looked at.
fn dates(year: i16, month: Option<i8>, day: Option<i8>) -> Option<(Date, Date)> {
    let first = Date::new(year, month.unwrap_or(1), day.filter(|_| month.is_some()).unwrap_or(1)).ok()?;
    let last = match (month, day) {
        (None, _) => first.last_of_year(),
        (Some(_), None) => first.last_of_month(),
        (Some(_), Some(_)) => first,
    };
    Some((first, last.tomorrow().ok()?))
}

fn span(count: i32, unit: Unit) -> Option<Span> {
    let count = i64::from(count);
    match unit {
        Unit::Hour => None,
        Unit::Day => Span::new().try_days(count).ok(),
        Unit::Week => Span::new().try_weeks(count).ok(),
        Unit::Month => Span::new().try_months(count).ok(),
        Unit::Year => Span::new().try_years(count).ok(),
    }
}

/// The weekday before (-1), after (1), or nearest by the sentence's direction, today included (0).
fn weekday(day: i8, direction: i8, ahead: bool, today: Date) -> Option<Date> {
    let day = Weekday::from_monday_one_offset(day).ok()?;
    match direction {
        0 if today.weekday() == day => Some(today),
        0 => today.nth_weekday(if ahead { 1 } else { -1 }, day).ok(),
        -1 | 1 => today.nth_weekday(i32::from(direction), day).ok(),
        _ => None,
    }
}

fn midnight(date: Date, zone: &TimeZone) -> Option<Millis> {
    instant(date.into(), zone)
}

fn instant(at: DateTime, zone: &TimeZone) -> Option<Millis> {
    accepted(at.to_zoned(zone.clone()).ok()?.timestamp().as_millisecond())
}

fn accepted(at: Millis) -> Option<Millis> {
    (MILLIS_MIN..=MILLIS_MAX).contains(&at).then_some(at)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use nexus_types::time::{parse_millis, rfc3339};
    use proptest::prelude::*;

    use super::*;

    /// A Wednesday; in New York still Tuesday.
    const SAID: &str = "2024-05-15T02:30:00Z";

    fn at(expr: TimeExpr, modality: Modality, zone_name: &str) -> String {
        let period = period(expr, modality, parse_millis(SAID).unwrap(), &zone(Some(zone_name)));
        period.map_or("never".into(), |(start, end)| format!("{} {}", rfc3339(start), rfc3339(end)))
    }

    fn past(expr: TimeExpr) -> String {
        at(expr, Modality::Asserted, "UTC").replace("T00:00:00Z", "")
    }

    fn ahead(expr: TimeExpr) -> String {
        at(expr, Modality::Intended, "UTC").replace("T00:00:00Z", "")
    }

    fn date(year: Option<i16>, month: Option<i8>, day: Option<i8>) -> TimeExpr {
        TimeExpr::Date { year, month, day }
    }

    #[test]
    fn dates_are_periods_as_long_as_they_are_given() {
        assert_eq!(past(date(Some(2019), None, None)), "2019-01-01 2020-01-01");
        assert_eq!(past(date(Some(2019), Some(2), None)), "2019-02-01 2019-03-01");
        assert_eq!(past(date(Some(2019), Some(2), Some(28))), "2019-02-28 2019-03-01");
        assert_eq!(past(date(Some(2019), Some(2), Some(29))), "never");
        assert_eq!(past(date(Some(9999), Some(12), Some(31))), "never");
        assert_eq!(past(date(None, None, None)), "never");
    }

    #[test]
    fn a_date_without_a_year_is_the_nearest_that_fits() {
        assert_eq!(past(date(None, Some(5), Some(15))), "2024-05-15 2024-05-16");
        assert_eq!(past(date(None, Some(8), None)), "2023-08-01 2023-09-01");
        assert_eq!(ahead(date(None, Some(8), None)), "2024-08-01 2024-09-01");
        assert_eq!(ahead(date(None, Some(3), Some(1))), "2025-03-01 2025-03-02");
        assert_eq!(ahead(date(None, Some(2), Some(29))), "2028-02-29 2028-03-01");
        assert_eq!(past(date(None, None, Some(31))), "2024-03-31 2024-04-01");
        assert_eq!(ahead(date(None, None, Some(3))), "2024-06-03 2024-06-04");
    }

    #[test]
    fn offsets_and_weekdays_count_from_the_day_of_speaking() {
        assert_eq!(past(TimeExpr::Offset(-1, Unit::Day)), "2024-05-14 2024-05-15");
        assert_eq!(past(TimeExpr::Offset(-2, Unit::Week)), "2024-05-01 2024-05-02");
        assert_eq!(past(TimeExpr::Offset(-3, Unit::Month)), "2024-02-15 2024-02-16");
        assert_eq!(past(TimeExpr::Offset(1, Unit::Year)), "2025-05-15 2025-05-16");
        assert_eq!(past(TimeExpr::Offset(-2, Unit::Hour)), "2024-05-15T00:30:00Z 2024-05-15T01:30:00Z");
        assert_eq!(past(TimeExpr::Offset(i32::MIN, Unit::Year)), "never");
        assert_eq!(past(TimeExpr::Weekday(3, 0)), "2024-05-15 2024-05-16");
        assert_eq!(past(TimeExpr::Weekday(3, -1)), "2024-05-08 2024-05-09");
        assert_eq!(past(TimeExpr::Weekday(5, 0)), "2024-05-10 2024-05-11");
        assert_eq!(ahead(TimeExpr::Weekday(5, 0)), "2024-05-17 2024-05-18");
        assert_eq!(past(TimeExpr::Weekday(1, 1)), "2024-05-20 2024-05-21");
        assert_eq!(past(TimeExpr::Weekday(8, 0)), "never");
    }

    #[test]
    fn days_begin_at_local_midnight() {
        let yesterday = TimeExpr::Offset(-1, Unit::Day);
        assert_eq!(at(yesterday, Modality::Asserted, "America/New_York"), "2024-05-13T04:00:00Z 2024-05-14T04:00:00Z");
        assert_eq!(at(yesterday, Modality::Asserted, "Asia/Kolkata"), "2024-05-13T18:30:00Z 2024-05-14T18:30:00Z");
        assert_eq!(at(yesterday, Modality::Asserted, "Nowhere/Land"), "2024-05-14T00:00:00Z 2024-05-15T00:00:00Z");
    }

    #[test]
    fn ends_include_their_period_and_endings_do_not() {
        let of = |from, to, aspect| {
            let when = When { from, to };
            let said = parse_millis(SAID).unwrap();
            let (from, to) = interval(&when, aspect, Modality::Asserted, said, &TimeZone::UTC);
            (from.map(|at| rfc3339(at)[..10].to_string()), to.map(|at| rfc3339(at)[..10].to_string()))
        };
        let year = |year| Some(date(Some(year), None, None));
        assert_eq!(of(year(2015), year(2015), Aspect::Was), (Some("2015-01-01".into()), Some("2016-01-01".into())));
        assert_eq!(of(year(2015), None, Aspect::Ends), (None, Some("2015-01-01".into())));
        assert_eq!(of(year(2016), year(2015), Aspect::Was), (None, None));
    }

    proptest! {
        #[test]
        fn nothing_panics(
            said in any::<i64>(), year in any::<Option<i16>>(), month in any::<Option<i8>>(), day in any::<Option<i8>>(),
            count in any::<i32>(), pick in 0..7usize, intended in any::<bool>(),
        ) {
            let units = [Unit::Hour, Unit::Day, Unit::Week, Unit::Month, Unit::Year];
            let expr = match pick {
                0 => date(year, month, day),
                1 => TimeExpr::Weekday(month.unwrap_or(0), day.unwrap_or(0)),
                pick => TimeExpr::Offset(count, units[pick - 2]),
            };
            let modality = if intended { Modality::Intended } else { Modality::Asserted };
            for said in [said, said.clamp(MILLIS_MIN, MILLIS_MAX), MILLIS_MIN, MILLIS_MAX, said % 4_000_000_000_000] {
                if let Some((start, end)) = period(expr, modality, said, &zone(Some("Europe/Berlin"))) {
                    prop_assert!(start < end && (MILLIS_MIN..=MILLIS_MAX).contains(&start));
                }
            }
        }
    }
}
