//! Places in the world: where an expression lies, on one side of the reference and in one half of the day.
//!
//! This is the shared floor of `resolve.rs`, which writes places down, and `interval.rs`, which only wants to know
//! when. Contract: total; no strings are made here.

use jiff::civil::{Date as Day, DateTime};

use crate::calendar::{Side, add_days, add_months, add_seconds, day, days_in, months_in};
use crate::value::{Amount, Anchor, Base, Date, DayPart, Edge, Hours, Period, Piece, Time, What, YearRef};

/// Where something lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Day(Day),
    /// First day, and the day after the last.
    Days(Day, Day),
    /// Seconds since midnight.
    Clock(i64),
    Clocks(i64, i64),
    Moment(DateTime),
    Moments(DateTime, DateTime),
}

/// Which reading of an open expression is wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    pub(crate) side: Side,
    /// Twelve hours later, for times whose half of the day is open.
    pub(crate) later_half: bool,
}

impl Time {
    pub(crate) fn read(self, reading: Reading) -> Time {
        if self.open && reading.later_half { self.other_half() } else { self }
    }
}

impl Hours {
    pub(crate) fn read(self, reading: Reading) -> (Time, Time) {
        if self.open && reading.later_half {
            (self.from.other_half(), self.to.other_half())
        } else {
            (self.from, self.to)
        }
    }
}

impl DayPart {
    /// Its start and end in seconds since midnight.
    pub(crate) fn clocks(self, piece: Piece) -> (i64, i64) {
        let (from, to) = match self {
            DayPart::Morning | DayPart::Breakfast | DayPart::Brunch => (8, 12),
            DayPart::Afternoon => (12, 16),
            DayPart::Evening | DayPart::Dinner => (16, 20),
            DayPart::Night => (20, 24),
            DayPart::Daytime | DayPart::Business => (8, 18),
            DayPart::Nighttime => (0, 8),
            DayPart::Lunch => (11, 13),
            DayPart::Dawn => (4, 8),
        };
        let mid = (from + to) / 2;
        let (from, to) = match piece {
            Piece::Start | Piece::Earlier => (from, mid),
            Piece::Mid => (from + 1, to - 1),
            Piece::End | Piece::Later | Piece::Rest => (mid, to),
            Piece::Whole | Piece::ToDate => (from, to),
        };
        // The day's last second stands for its end.
        (from * 3600, if to == 24 { 86_399 } else { to * 3600 })
    }
}

impl What {
    /// Where it lies; `None` for what has no place.
    pub(crate) fn place(self, reference: DateTime, reading: Reading) -> Option<Place> {
        let today = reference.date();
        Some(match self {
            What::Date(_) | What::Period(_) | What::Dates(..) | What::DatesFrom(..) | What::Vague(..) => {
                return self.days_place(today, reading.side);
            }
            What::Time(time) => Place::Clock(time.read(reading).seconds()),
            What::Part(part, piece) => {
                let (from, to) = part.clocks(piece);
                Place::Clocks(from, to)
            }
            What::Times(hours) => {
                let (from, to) = hours.read(reading);
                Place::Clocks(from.seconds(), to.seconds())
            }
            What::Now | What::Soon => Place::Moment(reference),
            What::RestOfDay => Place::Moments(reference, moment(today, 86_399)?.max(reference)),
            What::After(seconds) => Place::Moment(add_seconds(reference, seconds.into())?),
            What::Around(seconds, _) => {
                let other = add_seconds(reference, seconds.into())?;
                if seconds < 0 { Place::Moments(other, reference) } else { Place::Moments(reference, other) }
            }
            What::NowTo(date, time) => {
                let end = moment(date.on(today, reading.side)?, next_half(date, time, reference))?;
                Place::Moments(reference, end)
            }
            What::Length(_) | What::Every(_) => return None,
            _ => return self.moments_place(today, reading),
        })
    }

    /// The place of what is made of whole days.
    fn days_place(self, today: Day, side: Side) -> Option<Place> {
        let (from, to) = match self {
            What::Date(date) => return Some(Place::Day(date.on(today, side)?)),
            What::Period(period) => period.days(today, side)?,
            What::Dates(from, to) => dates(from, to, today, side)?,
            What::DatesFrom(date, amount) => {
                // A day without a year is this year's here, whichever side it lies on.
                let anchor = match date.anchor {
                    Anchor::Day { year: YearRef::Any, month, day } => {
                        Anchor::Day { year: YearRef::Plus(0), month, day }
                    }
                    other => other,
                };
                let from = Date { anchor, ..date }.on(today, Side::Future)?;
                (from, step(from, amount)?)
            }
            What::Vague(before, after) => {
                (add_days(today, i64::from(before).saturating_neg())?, add_days(today, after.into())?)
            }
            _ => return None,
        };
        Some(Place::Days(from, to))
    }

    /// The place of what stands at a time of a day.
    fn moments_place(self, today: Day, reading: Reading) -> Option<Place> {
        let (side, within) = (reading.side, |day: Day, (from, to): (i64, i64)| {
            Some(Place::Moments(moment(day, from)?, moment(day, to)?))
        });
        match self {
            What::Moment(date, time) => {
                Some(Place::Moment(moment(date.on(today, side)?, time.read(reading).seconds())?))
            }
            What::EndOfDay(date) => Some(Place::Moment(moment(date.on(today, side)?, 86_399)?)),
            What::PieceOfDay(date, piece) => within(date.on(today, Side::Future)?, hours_of_piece(piece)),
            What::PartOf(date, part, piece) => within(date.on(today, side)?, part.clocks(piece)),
            What::HoursOf(date, hours) => {
                let (from, to) = hours.read(reading);
                let (from, to) = (from.seconds(), to.seconds());
                within(date.on(today, side)?, (from, if to < from { to + 86_400 } else { to }))
            }
            What::Moments((day1, time1), (day2, time2)) => {
                let (from, to) = dates(Edge::Day(day1), Edge::Day(day2), today, side)?;
                let at = |day: Day, time: Time| moment(day, time.read(reading).seconds());
                Some(Place::Moments(at(from, time1)?, at(to, time2)?))
            }
            _ => None,
        }
    }
}

/// An open time today that has passed already means the other half of the day.
fn next_half(date: Date, time: Time, reference: DateTime) -> i64 {
    let late = date == Date::days_off(0) && moment(reference.date(), time.seconds()).is_some_and(|at| at < reference);
    if time.open && late { time.other_half().seconds() } else { time.seconds() }
}

/// The hour so many seconds into a day.
pub(crate) fn moment(day: Day, seconds: i64) -> Option<DateTime> {
    add_seconds(day.to_datetime(jiff::civil::Time::midnight()), seconds)
}

fn hours_of_piece(piece: Piece) -> (i64, i64) {
    let (from, to) = match piece {
        Piece::Start | Piece::Earlier => (0, 12),
        Piece::Mid => (10, 14),
        Piece::End | Piece::Later | Piece::Rest => (12, 24),
        Piece::Whole | Piece::ToDate => (0, 24),
    };
    (from * 3600, to * 3600)
}

/// A day so much later.
pub(crate) fn step(from: Day, amount: Amount) -> Option<Day> {
    let count = i64::from(amount.digits);
    match (months_in(amount.unit), days_in(amount.unit)) {
        (Some(months), _) => add_months(from, count * months),
        (_, Some(days)) => add_days(from, count * days),
        _ => None,
    }
}

impl Edge {
    /// The day this end of a range falls on.
    pub(crate) fn on(self, reference: Day, side: Side) -> Option<Day> {
        match self {
            Edge::Day(date) => date.on(reference, side),
            Edge::Period(period) => {
                let (from, to) = Period::from(period.base).days(reference, side)?;
                match (period.piece, period.base) {
                    (Piece::End, _) => Some(to),
                    (Piece::Mid, Base::Year(_)) => day(from.year(), 7, 1),
                    (Piece::Mid, Base::Month(_)) => day(from.year(), u8::try_from(from.month()).ok()?, 16),
                    (Piece::Mid, _) => add_days(from, i64::from((to - from).get_days()) / 2),
                    _ => Some(from),
                }
            }
        }
    }

    /// Whether past and future may differ.
    pub(crate) fn is_open(self) -> bool {
        match self {
            Edge::Day(date) => date.is_open(),
            Edge::Period(period) => period.is_open(),
        }
    }

    /// The day after the last one it names, for readers to whom "from 2007 to 2009" includes 2009.
    pub(crate) fn last(self, reference: Day, from: Day) -> Option<Day> {
        let fits = |end: Day| (end > from).then_some(end);
        [Side::Past, Side::Future].into_iter().find_map(|side| match self {
            Edge::Day(date) => fits(add_days(date.on(reference, side)?, 1)?),
            Edge::Period(period) => fits(period.days(reference, side)?.1),
        })
    }
}

/// Both ends, so chosen that the first comes first.
fn dates(from: Edge, to: Edge, reference: Day, side: Side) -> Option<(Day, Day)> {
    let (past, future) = (Side::Past, Side::Future);
    // "the second to the fifth, 2019": a year said once holds for both ends, and may push the first one back.
    if let (true, Some(end)) = (!to.is_open() && is_month(from), to.on(reference, future)) {
        let start = if from.is_open() { before(from, end)? } else { from.on(reference, side)? };
        return Some((start, end));
    }
    if side == past && to.is_open() {
        let start = from.on(reference, past)?;
        return Some((start, to.on(add_days(start, -1)?, future)?));
    }
    let (start, end) = (from.on(reference, side)?, to.on(reference, side)?);
    if start <= end {
        return Some((start, end));
    }
    match side {
        Side::Future => Some((from.on(reference, past)?, end)),
        Side::Past => Some((start, to.on(reference, future)?)),
    }
}

/// Whether it is a day or month without a year.
fn is_month(edge: Edge) -> bool {
    match edge {
        Edge::Period(Period { base: Base::Month(month), .. }) => month.year == YearRef::Any,
        Edge::Day(date) => matches!(date.anchor, Anchor::Day { year: YearRef::Any, .. }),
        Edge::Period(_) => false,
    }
}

/// The last such day or month at or before an end.
fn before(edge: Edge, end: Day) -> Option<Day> {
    edge.on(add_days(end, 1)?, Side::Past).map(|start| if start > end { end } else { start })
}
