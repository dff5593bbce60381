//! When an expression is, for those who only want to know that: one half-open stretch of civil time.
//!
//! Where a range names its last day or year ("from 2007 to 2009"), that day or year is in it. A point is as long as it
//! was said fine: "8" an hour, "8:15" a minute. Contract: total, and never empty.

use jiff::civil::{Date as Day, DateTime, Time as Clock};

use crate::calendar::{Side, add_days, add_seconds};
use crate::place::{Place, Reading, moment};
use crate::value::{Anchor, Base, Bound, Date, Expr, Granularity, MonthRef, Period, Piece, Time, Unit, What, YearRef};

impl Expr {
    /// The stretch of time the expression names when said at `reference`: the past one where it is open, or the coming
    /// one when `ahead`. `None` for lengths, recurrences, and what nobody can place. Seasons are those of the northern hemisphere.
    pub fn interval(&self, reference: DateTime, ahead: bool) -> Option<(DateTime, DateTime)> {
        let side = if ahead { Side::Future } else { Side::Past };
        let (from, to) = self.what.stretch(reference, side)?;
        let (from, to) = match self.bound {
            Bound::Until => (DateTime::MIN, to),
            Bound::Before if self.what.is_end_piece() => (DateTime::MIN, to),
            Bound::Before | Bound::BeforeApprox => (DateTime::MIN, from),
            Bound::After | Bound::AfterApprox if self.what.is_point() => (from, DateTime::MAX),
            Bound::After | Bound::AfterApprox => (to, DateTime::MAX),
            Bound::Since => (from, DateTime::MAX),
            Bound::Is | Bound::Approx | Bound::More | Bound::Less => (from, to),
        };
        (from < to).then_some((from, to))
    }

    /// How fine the expression is.
    pub fn granularity(&self) -> Granularity {
        match self.what {
            What::Date(date) => date.coarse(),
            What::Dates(..) | What::DatesFrom(..) => Granularity::Day,
            What::Period(period) => period.granularity(),
            What::Time(time) | What::Moment(_, time) | What::NowTo(_, time) | What::Moments((_, time), _) => {
                time.granularity()
            }
            What::Part(..) | What::PartOf(..) | What::PieceOfDay(..) => Granularity::DayPart,
            What::Times(hours) | What::HoursOf(_, hours) => hours.from.granularity(),
            What::Now | What::Soon | What::RestOfDay | What::EndOfDay(_) | What::After(_) => Granularity::Second,
            What::Around(_, length) => length.granularity(),
            What::Length(length) => length.granularity(),
            What::Every(every) => every.step.map_or(Granularity::Day, |step| step.unit.granularity()),
            What::Vague(..) => Granularity::Vague,
        }
    }
}

impl Date {
    /// How fine it was said: what is whole months or years away from now is no finer than that.
    fn coarse(self) -> Granularity {
        let away = self.anchor == Anchor::Today && self.shift.days == 0 && self.shift.weekday == 0;
        match self.shift.months {
            0 => Granularity::Day,
            months if away && months % 12 == 0 => Granularity::Year,
            _ if away => Granularity::Month,
            _ => Granularity::Day,
        }
    }
}

impl Time {
    fn granularity(self) -> Granularity {
        match (self.minute, self.second) {
            (None, _) => Granularity::Hour,
            (_, None) => Granularity::Minute,
            _ => Granularity::Second,
        }
    }

    /// How long a point said that finely is, in seconds.
    fn width(self) -> i64 {
        match self.granularity() {
            Granularity::Hour => 3600,
            Granularity::Minute => 60,
            _ => 1,
        }
    }
}

impl crate::value::Length {
    fn granularity(&self) -> Granularity {
        self.amounts().map(|part| part.unit.granularity()).min().unwrap_or(Granularity::Vague)
    }
}

impl Unit {
    fn granularity(self) -> Granularity {
        match self {
            Unit::Second => Granularity::Second,
            Unit::Minute => Granularity::Minute,
            Unit::Hour => Granularity::Hour,
            Unit::Day | Unit::Night | Unit::BusinessDay => Granularity::Day,
            Unit::Week | Unit::Weekend | Unit::Fortnight => Granularity::Week,
            Unit::Month | Unit::Half => Granularity::Month,
            Unit::Quarter => Granularity::Quarter,
            Unit::Year => Granularity::Year,
            Unit::Decade => Granularity::Decade,
            Unit::Century => Granularity::Century,
        }
    }
}

impl What {
    fn is_point(self) -> bool {
        matches!(self, What::Time(_) | What::Moment(..) | What::Now | What::After(_) | What::EndOfDay(_))
    }

    fn is_end_piece(self) -> bool {
        matches!(self, What::Period(period) if period.piece == Piece::End)
    }

    /// Its stretch of time, whatever bounds it.
    fn stretch(self, reference: DateTime, side: Side) -> Option<(DateTime, DateTime)> {
        // "the 80s" are those behind us, whatever is said of them.
        let decade = matches!(self, What::Period(Period { base: Base::Decade(_), .. }));
        let side = if decade { Side::Past } else { side };
        let reading = Reading { side, later_half: self.later_half() };
        let season = match self {
            What::Period(period) => period.season_days(reference.date(), side),
            _ => None,
        };
        let place = match season {
            Some((from, to)) => Place::Days(from, to),
            None => self.place(reference, reading)?,
        };
        let (from, to) = match place {
            Place::Day(day) => self.around(day)?,
            Place::Days(from, to) => {
                let last = match self {
                    What::Dates(_, edge) => edge.last(reference.date(), from).map_or(to, |last| last.max(to)),
                    _ => to,
                };
                (start(from), start(last))
            }
            Place::Clock(at) => self.nearest(reference, side, at, at + self.width())?,
            Place::Clocks(from, to) => {
                self.nearest(reference, side, from, if to <= from { to + 86_400 } else { to })?
            }
            Place::Moment(at) => (at, add_seconds(at, self.width())?),
            Place::Moments(from, to) => (from, to),
        };
        (from < to).then_some((from, to))
    }

    /// A day, or the month or year it stands for: nobody means the day by "three years ago".
    fn around(self, day: Day) -> Option<(DateTime, DateTime)> {
        let What::Date(date) = self else { return Some((start(day), start_after(day))) };
        let base: Base = match date.coarse() {
            Granularity::Year => Base::Year(YearRef::Is(day.year())),
            Granularity::Month => Base::Month(MonthRef::plus(0)),
            _ => return Some((start(day), start_after(day))),
        };
        let (from, to) = Period::from(base).days(day, Side::Past)?;
        Some((start(from), start(to)))
    }

    /// A time of day alone is the nearest one on that side.
    fn nearest(self, reference: DateTime, side: Side, from: i64, to: i64) -> Option<(DateTime, DateTime)> {
        let today = moment(reference.date(), from)?;
        let off = match side {
            Side::Past if today > reference => -1,
            Side::Future if moment(reference.date(), to)? <= reference => 1,
            _ => 0,
        };
        let day = add_days(reference.date(), off)?;
        Some((moment(day, from)?, moment(day, to)?))
    }

    /// The half of the day an open time is meant in. People are awake: up to six o'clock the afternoon is likelier.
    fn later_half(self) -> bool {
        let awake = |time: Time| time.open && time.hour < 7;
        match self {
            What::Time(time) | What::Moment(_, time) => awake(time),
            What::Times(hours) | What::HoursOf(_, hours) => hours.open && hours.from.hour < 7,
            What::Moments((_, from), (_, to)) => awake(from) && awake(to),
            _ => false,
        }
    }

    fn width(self) -> i64 {
        match self {
            What::Time(time) | What::Moment(_, time) => time.width(),
            _ => 1,
        }
    }
}

fn start(day: Day) -> DateTime {
    day.to_datetime(Clock::midnight())
}

fn start_after(day: Day) -> DateTime {
    add_days(day, 1).map_or(DateTime::MAX, start)
}
