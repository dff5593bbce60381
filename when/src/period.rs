//! Stretches of days in the world: first day and the day after the last, and their TIMEX notation.
//!
//! Contract: total. A stretch nobody can place (a season, a fiscal year) is `None`.

use jiff::civil::Date as Day;

use crate::calendar::{
    Side, add_business_days, add_days, add_months, day, days_in, iso_week, monday, months_in, week_of_month, weeks_in,
};
use crate::value::{Base, Granularity, Period, Piece, Unit, YearRef};

/// First day, and the day after the last.
pub(crate) type Days = (Day, Day);

impl Period {
    /// Its days, on that side of the reference where it is open.
    pub(crate) fn days(self, reference: Day, side: Side) -> Option<Days> {
        let whole = self.base.days(reference, side)?;
        piece_of(self.base, self.piece, whole, reference)
    }

    /// The days of a season by the months of the northern hemisphere: what its notation leaves open, but people mean.
    pub(crate) fn season_days(self, reference: Day, side: Side) -> Option<Days> {
        let Base::Season(year, which) = self.base else { return None };
        let of = |year: i16| months(day(year, 3 * (which % 4 + 1), 1)?, 3);
        let here = reference.year();
        let mut near = (here.saturating_sub(2)..=here.saturating_add(2)).filter_map(of);
        match (year, side) {
            (YearRef::Is(year), _) => of(year),
            (YearRef::Of(_) | YearRef::Plus(0), _) => of(year.on(reference, side)),
            (YearRef::Plus(plus), _) if plus > 0 => near.find(|days| days.0 > reference),
            (YearRef::Plus(_), _) => near.rfind(|days| days.1 <= reference),
            (YearRef::Any, Side::Past) => near.rfind(|days| days.0 <= reference),
            (YearRef::Any, Side::Future) => near.find(|days| days.1 > reference),
        }
    }

    /// Whether past and future may differ.
    pub(crate) fn is_open(self) -> bool {
        use Base::{Decade, Half, Month, Quarter, WeekOf, WeekOfMonth};
        match self.base {
            Month(month) | WeekOfMonth(month, _) => month.month > 0 && open(month.year),
            Quarter(year, _) | Half(year, _) => open(year),
            Decade(year) => matches!(year, YearRef::Of(_)),
            WeekOf(anchor) => crate::value::Date::from(anchor).is_open(),
            _ => false,
        }
    }

    /// How fine it is.
    pub(crate) fn granularity(self) -> Granularity {
        use Base::{Century, CenturyIn, Decade, DecadeIn, Month, Quarter, QuarterIn, Run, Same, Slice, SliceOfMonth};
        match self.base {
            Base::Year(_) | Base::Fiscal(_) | Base::School(_) => Granularity::Year,
            Month(_) => Granularity::Month,
            Quarter(..) | QuarterIn(_) | Base::Half(..) | Base::Season(..) => Granularity::Quarter,
            Decade(_) | DecadeIn(_) => Granularity::Decade,
            Century(_) | CenturyIn(_) => Granularity::Century,
            Run { unit, .. } | Slice { unit, .. } | SliceOfMonth { unit, .. } | Same(unit) => match unit {
                Unit::Month | Unit::Half => Granularity::Month,
                Unit::Quarter => Granularity::Quarter,
                Unit::Year => Granularity::Year,
                Unit::Decade => Granularity::Decade,
                Unit::Century => Granularity::Century,
                Unit::Week | Unit::Weekend | Unit::Fortnight => Granularity::Week,
                _ => Granularity::Day,
            },
            _ => Granularity::Week,
        }
    }

    /// Its TIMEX notation, given the days it was resolved to.
    pub(crate) fn timex(self, reference: Day, days: Option<Days>) -> String {
        use Base as B;
        let year = |y: YearRef| y.timex(reference);
        if let (Piece::Rest | Piece::ToDate, Some(days)) = (self.piece, days) {
            return match self.piece {
                // The suite counts the last day of a month or year, but not that of a week.
                Piece::Rest => triple(days, &format!("P{}D", span(days) + i64::from(!matches!(self.base, B::Week(_))))),
                _ => days.0.year().to_string(),
            };
        }
        match self.base {
            B::Year(y) => year(y),
            B::Month(month) => month.timex(reference),
            B::Week(_) | B::WorkWeek(_) => days.map_or_else(String::new, |(from, _)| week_timex(from)),
            B::Weekend(_) | B::WeekendOf(_) => days.map_or_else(String::new, |(from, _)| week_timex(from) + "-WE"),
            B::WeekOfYear(y, nth) => {
                let nth = if nth < 0 { weeks_in(y.on(reference, Side::Future)).unwrap_or(52) } else { nth.into() };
                format!("{:04}-W{nth:02}", y.on(reference, Side::Future))
            }
            B::WeekOfMonth(month, nth) => {
                format!("{}-W{:02}", month.timex(reference), if nth < 0 { 5 } else { nth })
            }
            B::WeekOf(anchor) => crate::value::Date::from(anchor).timex(reference),
            B::Quarter(y, q) => months_timex(&year(y), q, 3),
            B::Half(y, h) => months_timex(&year(y), h, 6),
            B::Season(YearRef::Any, which) => SEASONS[usize::from(which % 4)].to_owned(),
            B::Season(y, which) => format!("{}-{}", year(y), SEASONS[usize::from(which % 4)]),
            B::Fiscal(y) => format!("FY{}", year(y)),
            B::School(y) => format!("SY{}", year(y)),
            B::Decade(YearRef::Of(yy)) => format!("(XX{yy:02}-01-01,XX{:02}-01-01,P10Y)", (yy + 10) % 100),
            B::Same(unit) => match unit {
                Unit::Week => "XXXX-WXX".to_owned(),
                Unit::Weekend => "XXXX-WXX-WE".to_owned(),
                Unit::Month => "XXXX-XX".to_owned(),
                _ => "XXXX".to_owned(),
            },
            _ => days.map_or_else(String::new, |days| triple(days, &self.base.length())),
        }
    }
}

const SEASONS: [&str; 4] = ["SP", "SU", "FA", "WI"];

fn open(year: YearRef) -> bool {
    matches!(year, YearRef::Any | YearRef::Of(_))
}

/// `(start,end,length)`.
pub(crate) fn triple((from, to): Days, length: &str) -> String {
    format!("({from},{to},{length})")
}

fn span((from, to): Days) -> i64 {
    i64::from((to - from).get_days())
}

fn week_timex(from: Day) -> String {
    let week = from.iso_week_date();
    format!("{:04}-W{:02}", week.year(), week.week())
}

/// The n-th piece of a year in pieces of `size` months.
fn months_timex(year: &str, nth: u8, size: u8) -> String {
    let from = (nth.max(1) - 1) * size + 1;
    let (to, year_after) = if from + size > 12 {
        (1, year.parse::<i16>().map_or_else(|_| year.to_owned(), |y| format!("{:04}", y + 1)))
    } else {
        (from + size, year.to_owned())
    };
    format!("({year}-{from:02}-01,{year_after}-{to:02}-01,P{size}M)")
}

impl Base {
    /// Its length as TIMEX writes it, for those written with both ends.
    fn length(self) -> String {
        let (count, unit) = match self {
            Base::Run { count, unit } => (i64::from(count).abs(), unit),
            Base::Slice { count, unit, .. } | Base::SliceOfMonth { count, unit, .. } => (i64::from(count).abs(), unit),
            Base::Fortnight(_) => (2, Unit::Week),
            Base::QuarterIn(_) => (1, Unit::Quarter),
            Base::Decade(_) | Base::DecadeIn(_) => (1, Unit::Decade),
            _ => (1, Unit::Century),
        };
        crate::timex::length(count, unit)
    }

    /// Its days, whole.
    fn days(self, reference: Day, side: Side) -> Option<Days> {
        let years = |from: i16, count: i16| Some((day(from, 1, 1)?, day(from.checked_add(count)?, 1, 1)?));
        let run = |from: Day, days: i64| Some((from, add_days(from, days)?));
        let week =
            |weeks: i8, first: i64, count: i64| run(add_days(monday(reference)?, 7 * i64::from(weeks) + first)?, count);
        match self {
            Base::Year(year) => years(year.on(reference, side), 1),
            Base::Month(month) => {
                let (year, month) = month.on(reference, side)?;
                months(day(year, month, 1)?, 1)
            }
            Base::Week(weeks) => week(weeks, 0, 7),
            Base::WorkWeek(weeks) => week(weeks, 0, 5),
            Base::Weekend(weeks) => week(weeks, 5, 2),
            Base::Fortnight(count) => week(count.saturating_mul(2), 0, 14),
            Base::WeekOfYear(year, nth) => run(iso_week(year.on(reference, side), nth)?, 7),
            Base::WeekOfMonth(month, nth) => {
                let (year, month) = month.on(reference, side)?;
                run(week_of_month(year, month, nth)?, 7)
            }
            Base::WeekOf(anchor) => run(monday(crate::value::Date::from(anchor).on(reference, side)?)?, 7),
            Base::WeekendOf(anchor) => {
                let at = crate::value::Date::from(anchor).on(reference, side)?;
                let saturday = add_days(monday(at)?, 5)?;
                // A holiday that falls on a Monday belongs to the weekend before it, and lengthens it.
                match at.weekday().to_monday_zero_offset() {
                    0 => run(add_days(saturday, -7)?, 3),
                    1 => run(add_days(saturday, -7)?, 2),
                    _ => run(saturday, 2),
                }
            }
            Base::Quarter(year, nth) => part_of_year(year, nth, 3, reference, side),
            Base::Half(year, nth) => part_of_year(year, nth, 6, reference, side),
            Base::QuarterIn(plus) => months(add_months(quarter_of(reference)?, 3 * i64::from(plus))?, 3),
            Base::Season(..) | Base::Fiscal(_) | Base::School(_) => None,
            Base::Decade(year) => years(year.on(reference, side), 10),
            Base::DecadeIn(plus) => years(reference.year().div_euclid(10) * 10 + 10 * i16::from(plus), 10),
            Base::Century(nth) => years((i16::from(nth) - 1) * 100, 100),
            Base::CenturyIn(plus) => years(reference.year().div_euclid(100) * 100 + 100 * i16::from(plus), 100),
            Base::Run { count, unit } => run_days(reference, count.into(), unit),
            Base::Slice { count, unit, year } => {
                let year = year.on(reference, side);
                let whole = if unit == Unit::Week {
                    (iso_week(year, 1)?, add_days(iso_week(year, -1)?, 7)?)
                } else {
                    years(year, 1)?
                };
                slice(whole, count.into(), unit)
            }
            Base::SliceOfMonth { count, unit, month } => {
                let (year, month) = month.on(reference, side)?;
                slice(months(day(year, month, 1)?, 1)?, count.into(), unit)
            }
            Base::Same(unit) => match unit {
                Unit::Week => week(0, 0, 7),
                Unit::Weekend => week(0, 5, 2),
                Unit::Month => months(reference.first_of_month(), 1),
                _ => years(reference.year(), 1),
            },
        }
    }
}

fn months(from: Day, count: i64) -> Option<Days> {
    Some((from, add_months(from, count)?))
}

fn quarter_of(reference: Day) -> Option<Day> {
    let month = u8::try_from(reference.month()).ok()?;
    day(reference.year(), (month - 1) / 3 * 3 + 1, 1)
}

fn part_of_year(year: YearRef, nth: u8, size: u8, reference: Day, side: Side) -> Option<Days> {
    let within = |year: i16| months(day(year, (nth.max(1) - 1).checked_mul(size)?.checked_add(1)?, 1)?, size.into());
    let here = within(year.on(reference, side))?;
    if year != YearRef::Any {
        return Some(here);
    }
    match side {
        Side::Past if here.0 > reference => within(reference.year() - 1),
        Side::Future if here.1 <= reference || here.0 <= reference => within(reference.year() + 1),
        _ => Some(here),
    }
}

/// Whole units before or after the reference's day, which itself is left out when looking ahead.
fn run_days(reference: Day, count: i64, unit: Unit) -> Option<Days> {
    if matches!(unit, Unit::Quarter) {
        let here = quarter_of(reference)?;
        let from = if count < 0 { add_months(here, 3 * count)? } else { add_months(here, 3)? };
        return months(from, 3 * count.abs());
    }
    if unit == Unit::Decade {
        let here = day(reference.year().div_euclid(10) * 10, 1, 1)?;
        let from = if count < 0 { add_months(here, 120 * count)? } else { add_months(here, 120)? };
        return months(from, 120 * count.abs());
    }
    let step = |from: Day, count: i64| match (months_in(unit), days_in(unit)) {
        _ if unit == Unit::BusinessDay => add_business_days(from, count),
        (Some(months), _) => add_months(from, months * count),
        (_, Some(days)) => add_days(from, days * count),
        _ => None,
    };
    if count < 0 {
        return Some((step(reference, count)?, reference));
    }
    let first = if unit == Unit::BusinessDay { step(reference, 1)? } else { add_days(reference, 1)? };
    if unit == Unit::BusinessDay {
        return Some((first, add_days(step(first, count - 1)?, 1)?));
    }
    Some((first, step(first, count)?))
}

/// The first or last units of a stretch.
fn slice((from, to): Days, count: i64, unit: Unit) -> Option<Days> {
    let step = |from: Day, count: i64| match (months_in(unit), days_in(unit)) {
        (Some(months), _) => add_months(from, months * count),
        (_, Some(days)) => add_days(from, days * count),
        _ => None,
    };
    if count < 0 { Some((step(to, count)?, to)) } else { Some((from, step(from, count)?)) }
}

/// A piece of a stretch: thirds of a year, halves of a month, four days of a week, else halves.
fn piece_of(base: Base, piece: Piece, (from, to): Days, reference: Day) -> Option<Days> {
    let clamp = |at: Day| at.clamp(from, to);
    let (start, mid, end) = cuts(base, from, to)?;
    Some(match piece {
        Piece::Whole => (from, to),
        Piece::Start => (from, start),
        Piece::Mid => mid,
        Piece::End => (end, to),
        Piece::Earlier => (from, if reference > from { start.min(clamp(reference)) } else { start }),
        Piece::Later => (if reference < to { end.max(clamp(reference)) } else { end }, to),
        Piece::Rest => (clamp(reference), add_days(to, -1)?),
        Piece::ToDate => (from, clamp(reference)),
    })
}

/// Where the early piece ends, the middle one lies, and the late one starts.
fn cuts(base: Base, from: Day, to: Day) -> Option<(Day, Days, Day)> {
    let after = |days: i64| add_days(from, days);
    let months = |count: i64| add_months(from, count);
    Some(match base {
        Base::Year(YearRef::Plus(_)) | Base::Same(Unit::Year) => (months(6)?, (months(4)?, months(8)?), months(6)?),
        Base::Year(_) => (months(4)?, (months(4)?, months(8)?), months(8)?),
        Base::Month(_) | Base::Same(Unit::Month) => (after(15)?, (after(9)?, after(20)?), after(15)?),
        Base::Week(_) | Base::WorkWeek(_) | Base::WeekOfYear(..) | Base::WeekOf(_) | Base::Same(Unit::Week) => {
            (after(3)?, (after(1)?, after(4)?), after(3)?)
        }
        Base::Decade(_) | Base::DecadeIn(_) => (months(48)?, (months(36)?, months(84)?), months(72)?),
        Base::Century(_) | Base::CenturyIn(_) => (months(400)?, (months(400)?, months(800)?), months(800)?),
        _ => {
            let length = span((from, to));
            (after(length / 2)?, (after(length / 4)?, after(length - length / 4)?), after(length / 2)?)
        }
    })
}
