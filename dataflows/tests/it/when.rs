//! When, by walking from day to day: what the oracle makes of time expressions.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use nexus_types::time::{MILLIS_MAX, MILLIS_MIN};
use nexus_types::{Aspect, Modality, Statement, TimeExpr, Unit};

const HOUR: i64 = 3_600_000;

/// From when until when a statement said then, in that zone, is true.
pub(crate) fn interval(statement: &Statement, said_at: i64, zone: Option<&str>) -> (Option<i64>, Option<i64>) {
    let zone = zone.map_or(TimeZone::UTC, |name| TimeZone::get(name).unwrap_or(TimeZone::UTC));
    let ahead = statement.modality == Modality::Intended;
    let period = |expr: Option<TimeExpr>| expr.and_then(|expr| period(expr, ahead, said_at, &zone));
    let (from, to) = (period(statement.when.from), period(statement.when.to));
    if statement.aspect == Aspect::Ends {
        let end = if statement.when.to.is_some() { to } else { from };
        return (None, end.map(|(start, _)| start));
    }
    match (from.map(|(start, _)| start), to.map(|(_, end)| end)) {
        (Some(from), Some(to)) if from >= to => (None, None),
        interval => interval,
    }
}

fn period(expr: TimeExpr, ahead: bool, said_at: i64, zone: &TimeZone) -> Option<(i64, i64)> {
    let inside = |at: i64| (MILLIS_MIN..=MILLIS_MAX).contains(&at).then_some(at);
    if let TimeExpr::Offset(hours, Unit::Hour) = expr {
        let start = said_at + i64::from(hours) * HOUR;
        return Some((inside(start)?, inside(start + HOUR)?));
    }
    let today = zone.to_datetime(Timestamp::from_millisecond(said_at).unwrap()).date();
    let (first, last) = days(expr, ahead, today)?;
    let midnight = |date: Date| inside(zone.to_zoned(date.at(0, 0, 0, 0)).unwrap().timestamp().as_millisecond());
    Some((midnight(first)?, midnight(last + 1.day())?))
}

/// The first and the last day of the period.
fn days(expr: TimeExpr, ahead: bool, today: Date) -> Option<(Date, Date)> {
    let step = if ahead { 1.day() } else { -1.day() };
    let walk =
        |from: Date, step: jiff::Span| (0..3_000).scan(from, move |day, _| Some(std::mem::replace(day, *day + step)));
    let whole_month =
        |first: Date| (first, walk(first, 1.day()).take_while(|day| day.month() == first.month()).last().unwrap());
    match expr {
        TimeExpr::Date { year: Some(year), month: None, .. } => {
            Some((Date::new(year, 1, 1).ok()?, Date::new(year, 12, 31).ok()?))
        }
        TimeExpr::Date { year: Some(year), month: Some(month), day: None } => {
            Some(whole_month(Date::new(year, month, 1).ok()?))
        }
        TimeExpr::Date { year: Some(year), month: Some(month), day: Some(day) } => {
            Date::new(year, month, day).ok().map(|date| (date, date))
        }
        TimeExpr::Date { year: None, month: Some(month), day: None } => {
            walk(today, step).find(|date| date.month() == month && date.day() == 1).map(whole_month)
        }
        TimeExpr::Date { year: None, month: Some(month), day: Some(day) } => {
            walk(today, step).find(|date| date.month() == month && date.day() == day).map(|date| (date, date))
        }
        TimeExpr::Date { year: None, month: None, day } => {
            let day = day?;
            walk(today, step).take(120).find(|date| date.day() == day).map(|date| (date, date))
        }
        TimeExpr::Offset(count, unit) => {
            let date = match unit {
                Unit::Hour => return None,
                Unit::Day => today + count.days(),
                Unit::Week => today + (7 * count).days(),
                Unit::Month => months_from(today, count),
                Unit::Year => months_from(today, 12 * count),
            };
            Some((date, date))
        }
        // Nobody speaks so in this world.
        TimeExpr::Spoken(_) => None,
        TimeExpr::Weekday(day, direction) => {
            let step = match direction {
                -1 => -1.day(),
                1 => 1.day(),
                _ => step,
            };
            let from = if direction == 0 { today } else { today + step };
            let date = walk(from, step).take(7).find(|date| date.weekday().to_monday_one_offset() == day)?;
            Some((date, date))
        }
    }
}

/// The same day so many months on, or the last one that the month has.
fn months_from(today: Date, count: i32) -> Date {
    let month = i32::from(today.year()) * 12 + i32::from(today.month()) - 1 + count;
    let (year, month) = (month.div_euclid(12) as i16, (month.rem_euclid(12) + 1) as i8);
    (1..=today.day()).rev().find_map(|day| Date::new(year, month, day).ok()).unwrap()
}
