//! TIMEX notation of whole expressions, given the place each one was resolved to.

use jiff::civil::{Date as Day, DateTime};

use crate::period::triple;
use crate::place::{Place, Reading};
use crate::timex::clock_length;
use crate::value::{Anchor, Base, Date, Edge, Hours, Period, Piece, Shift, Time, What};

/// The notation of an expression in one reading.
pub(crate) fn timex(what: What, reference: DateTime, reading: Reading, place: Option<Place>) -> String {
    let today = reference.date();
    let days = if let Some(Place::Days(from, to)) = place { Some((from, to)) } else { None };
    match what {
        What::Date(date) | What::PieceOfDay(date, _) => date.timex(today),
        What::Period(period) => period.timex(today, days),
        What::Dates(from, to) => dates_timex(from, to, today, days),
        What::DatesFrom(_, amount) => days.map_or_else(String::new, |days| triple(days, &amount.timex())),
        What::Time(time) => time.read(reading).timex(),
        What::Part(part, _) => part.timex().to_owned(),
        What::Times(hours) => {
            let (from, to) = hours.read(reading);
            format!("({},{},{})", from.timex(), to.timex(), clock_length(distance(from, to)))
        }
        What::Moment(date, time) => date.timex(today) + &time.read(reading).timex(),
        What::Now => "PRESENT_REF".to_owned(),
        What::Soon => "FUTURE_REF".to_owned(),
        What::RestOfDay => match place {
            Some(Place::Moments(from, to)) => {
                format!(
                    "({},{},PT{}S)",
                    iso(from),
                    iso(to),
                    (to - from).get_seconds()
                        + (to - from).get_minutes() * 60
                        + i64::from((to - from).get_hours()) * 3600
                )
            }
            _ => String::new(),
        },
        What::EndOfDay(date) => date.timex(today) + "T23:59:59",
        What::PartOf(date, part, _) => date.timex(today) + part.timex(),
        What::HoursOf(date, hours) => hours_timex(date, hours, today, reading),
        What::Moments((day1, time1), (day2, time2)) => {
            let (from, to) = (time1.read(reading).timex(), time2.read(reading).timex());
            format!("({}{from},{}{to},{})", day1.timex(today), day2.timex(today), moments_length(place))
        }
        What::NowTo(date, time) => {
            let time = match place {
                Some(Place::Moments(_, to)) => Time { hour: u8::try_from(to.hour()).unwrap_or(0), ..time },
                _ => time,
            };
            format!("(PRESENT_REF,{}{},{})", date.timex(today), time.timex(), moments_length(place))
        }
        What::After(_) => {
            if let Some(Place::Moment(at)) = place {
                iso(at)
            } else {
                String::new()
            }
        }
        What::Around(_, length) => match place {
            Some(Place::Moments(from, to)) => format!("({},{},{})", iso(from), iso(to), length.timex()),
            _ => String::new(),
        },
        What::Length(length) => length.timex(),
        What::Every(every) => every.timex(),
        What::Vague(before, after) => if after > before { "FUTURE_REF" } else { "PAST_REF" }.to_owned(),
    }
}

/// Seconds from one time of day to the next such other one.
fn distance(from: Time, to: Time) -> i64 {
    let seconds = to.seconds() - from.seconds();
    if seconds < 0 { seconds + 86_400 } else { seconds }
}

fn moments_length(place: Option<Place>) -> String {
    match place {
        Some(Place::Moments(from, to)) => {
            let days = i64::from((to.date() - from.date()).get_days());
            let seconds =
                |at: DateTime| i64::from(at.hour()) * 3600 + i64::from(at.minute()) * 60 + i64::from(at.second());
            clock_length((days * 86_400 + seconds(to) - seconds(from)).max(0))
        }
        _ => "PTXH".to_owned(),
    }
}

fn hours_timex(date: Date, hours: Hours, today: Day, reading: Reading) -> String {
    let (from, to) = hours.read(reading);
    let last = if to.seconds() < from.seconds() { next_day(date) } else { date };
    let length = clock_length(distance(from, to));
    format!("({}{},{}{},{length})", date.timex(today), from.timex(), last.timex(today), to.timex())
}

/// The day after, still open where it can be.
fn next_day(date: Date) -> Date {
    match date.anchor {
        Anchor::Weekday(weekday) if date.shift == Shift::NONE => Anchor::Weekday(weekday % 7 + 1).into(),
        _ => Date { shift: Shift { days: date.shift.days.saturating_add(1), ..date.shift }, ..date },
    }
}

fn dates_timex(from: Edge, to: Edge, today: Day, days: Option<(Day, Day)>) -> String {
    let Some((start, end)) = days else {
        return format!("({},{},PXD)", edge_timex(from, today, None), edge_timex(to, today, None));
    };
    let weeks = |edge: Edge| {
        matches!(edge, Edge::Period(Period { base: Base::Week(_) | Base::WeekOfYear(..) | Base::WeekOfMonth(..), .. }))
    };
    let length = match fineness(from).min(fineness(to)) {
        _ if weeks(from) && weeks(to) => format!("P{}W", (end - start).get_days() / 7),
        2 => format!("P{}Y", i32::from(end.year()) - i32::from(start.year())),
        1 => {
            let months = |day: Day| i32::from(day.year()) * 12 + i32::from(day.month());
            format!("P{}M", months(end) - months(start))
        }
        _ => format!("P{}D", (end - start).get_days()),
    };
    // A year said once, at the end, holds for both.
    let closed = !to.is_open()
        && matches!(from, Edge::Period(_))
        && !matches!(to, Edge::Day(Date { anchor: Anchor::Today, .. }));
    let first = if closed { start.to_string() } else { edge_timex(from, today, Some(start)) };
    format!("({first},{},{length})", edge_timex(to, today, Some(end)))
}

/// 2 for years, 1 for months, 0 for days.
fn fineness(edge: Edge) -> u8 {
    match edge {
        Edge::Period(Period { base: Base::Year(_), piece: Piece::Whole }) => 2,
        Edge::Period(Period { base: Base::Year(_) | Base::Month(_) | Base::Quarter(..) | Base::Half(..), .. }) => 1,
        Edge::Period(Period { base: Base::QuarterIn(_), .. }) => 1,
        _ => 0,
    }
}

fn edge_timex(edge: Edge, today: Day, day: Option<Day>) -> String {
    match (edge, day) {
        (Edge::Day(date), _) => date.timex(today),
        (Edge::Period(period), Some(day)) if period.is_open() => format!("XXXX-{:02}-{:02}", day.month(), day.day()),
        (_, Some(day)) => day.to_string(),
        (Edge::Period(period), None) => period.timex(today, None),
    }
}

fn iso(at: DateTime) -> String {
    format!("{}T{:02}:{:02}:{:02}", at.date(), at.hour(), at.minute(), at.second())
}
