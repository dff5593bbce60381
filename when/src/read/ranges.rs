//! Ranges of dates: "from 3 to 12 of September", "between Jan 2019 and today", "2014-2018".

use super::{Parse, Reader, longer};
use crate::lexicon::Class;
use crate::value::{Anchor, Base, Date, Edge, MonthRef, Period, Unit, What, YearRef};

impl Reader {
    // --- ranges of dates ---

    /// "from 3 to 12 of September", "between Jan 2019 and today", "2014-2018", "April 9th through 17th".
    pub(super) fn dates(&self, at: usize) -> Parse<What> {
        let between = self.is(at, Class::Between).map(|(n, _)| n);
        let from = self.is(at, Class::From).map(|(n, _)| n);
        let led = longer(between.map(|n| (n, true)), from.map(|n| (n, false)));
        let start = led.map_or(at, |(n, _)| n);
        let start = if led.is_some() {
            start
        } else {
            self.is(at, Class::In).filter(|(n, _)| self.year(*n).is_some()).map_or(at, |(n, _)| n)
        };
        if led.is_none() && !self.english && self.is(at, Class::The).is_some() {
            return None;
        }
        if let Some(found) = self.week_range(at).or_else(|| self.month_between(at)) {
            return Some(found);
        }
        let short = self.days_of_month(start, between.is_some());
        let long = self.edges(start, between.is_some());
        let (next, what) = longer(long, short)?;
        let bare = start > at && led.is_none();
        if bare && matches!(what, What::Dates(_, Edge::Day(_))) {
            return None;
        }
        Some((next, what))
    }

    /// "next week between Wednesday and Friday".
    pub(super) fn week_range(&self, at: usize) -> Parse<What> {
        let (next, weeks) = self.swung_unit(at, Unit::Week).filter(|_| self.swing(at).is_some())?;
        let between = self.is(next, Class::Between).map(|(n, _)| n);
        let start = between.or_else(|| self.is(next, Class::From).map(|(n, _)| n))?;
        let (next, first) = self.weekday(start)?;
        let (next, last) = self.weekday(self.range_link(next, between.is_some())?)?;
        let day = |weekday: u8| Edge::Day(Anchor::WeekdayIn { weeks, weekday }.into());
        Some((next, What::Dates(day(first), day(last))))
    }

    /// "November between 19 and 20", "Feb from 2 to 7, 2018".
    pub(super) fn month_between(&self, at: usize) -> Parse<What> {
        let (next, month) = self.month(at)?;
        let between = self.is(next, Class::Between).map(|(n, _)| n);
        let start = between.or_else(|| self.is(next, Class::From).map(|(n, _)| n))?;
        let (next, first) = self.day_number(start)?;
        let (next, day) = self.day_number(self.range_link(next, between.is_some())?)?;
        if self.time_follows(next) || self.cut_off(next) {
            return None;
        }
        let (next, year) = self.trailing_year(next).unwrap_or((next, YearRef::Any));
        range_in_month(first, Anchor::Day { year, month, day }.into()).map(|what| (next, what))
    }

    /// Past what joins the two ends of a range.
    pub(super) fn range_link(&self, at: usize, between: bool) -> Option<usize> {
        let at = self.skip_mark(at, ',');
        match self.is(at, Class::And) {
            Some((next, _)) if between => Some(next),
            _ => self.any(at, &[Class::To]),
        }
    }

    /// "3 to 12 of September", "November 19-20", "April the ninth till the seventeenth".
    pub(super) fn days_of_month(&self, at: usize, between: bool) -> Parse<What> {
        let start = self.skip(at, Class::The);
        if let Some((next, first)) = self.day_number(start) {
            let second = self.skip(self.range_link(next, between)?, Class::The);
            if let Some((next, date)) = self.month_day(second) {
                return range_in_month(first, date).map(|what| (next, what));
            }
            // "4 to 22 of this month"
            let (next, day) = self.day_number(second)?;
            let month = self.skip(next, Class::Of);
            let (next, plus) =
                self.swung_unit(month, Unit::Month).filter(|_| month > next || self.swing(month).is_some())?;
            let edge = |day: u8| Edge::Day(Anchor::DayIn { plus, day }.into());
            return (first < day).then_some((next, What::Dates(edge(first), edge(day))));
        }
        let (_, month) = self.month(start)?;
        let (next, date) = self.month_day(start)?;
        let second = self.skip(self.range_link(next, between)?, Class::The);
        let (next, last) = self.day_number(second)?;
        if self.time_follows(next) || self.unit(next).is_some() || self.cut_off(next) || self.month(next).is_some() {
            return None;
        }
        let Anchor::Day { year, day: first, .. } = date.anchor else { return None };
        let (next, year) =
            if year == YearRef::Any { self.trailing_year(next).unwrap_or((next, year)) } else { (next, year) };
        let last = Anchor::Day { year, month, day: last }.into();
        range_in_month(first, last).map(|what| (next, what))
    }

    /// Two dates or periods.
    pub(super) fn edges(&self, start: usize, between: bool) -> Parse<What> {
        let (next, first) = self.edge(start)?;
        let link = self.range_link(next, between)?;
        let link = if self.english { link } else { self.skip(link, Class::The) };
        let (end, second) = self.edge(link)?;
        // "enero a mar": after a month, another one.
        let period = matches!(first, Edge::Period(_)).then(|| self.period(link)).flatten().filter(|(n, _)| *n == end);
        let second = period.map_or(second, |(_, period)| Edge::Period(period));
        let first = with_week_of(with_year_of(first, second), second);
        Some((end, What::Dates(first, second)))
    }

    /// One end of a range.
    pub(super) fn edge(&self, at: usize) -> Parse<Edge> {
        let the = self.skip(at, Class::The);
        let at = if self.english && self.piece(the).is_none() { at } else { the };
        let now = self.any(at, &[Class::Now, Class::NowToo]).map(|next| (next, Edge::Day(Date::days_off(0))));
        let date = self.date(at).map(|(next, date)| (next, Edge::Day(date)));
        let period = self.period(at).map(|(next, period)| (next, Edge::Period(period)));
        longer(longer(date, period), now).filter(|(_, edge)| {
            !matches!(edge, Edge::Period(Period { base: Base::Season(..) | Base::Fiscal(_) | Base::School(_), .. }))
        })
    }
}

/// "between Wednesday and Friday of next week": the week holds for both days.
pub(super) fn with_week_of(first: Edge, second: Edge) -> Edge {
    match (first, second) {
        (
            Edge::Day(Date { anchor: Anchor::Weekday(weekday), .. }),
            Edge::Day(Date { anchor: Anchor::WeekdayIn { weeks, weekday: last }, .. }),
        ) if weekday < last => Edge::Day(Anchor::WeekdayIn { weeks, weekday }.into()),
        _ => first,
    }
}

/// A range inside one month, given its first day and its last date.
pub(super) fn range_in_month(first: u8, last: Date) -> Option<What> {
    let Anchor::Day { year, month, day } = last.anchor else { return None };
    let from = Anchor::Day { year, month, day: first }.into();
    (first < day).then_some(What::Dates(Edge::Day(from), Edge::Day(last)))
}

/// The first end with the year of the second, or the year before where it would come later.
pub(super) fn with_year_of(first: Edge, second: Edge) -> Edge {
    let place = |edge: Edge| match edge {
        Edge::Day(Date { anchor: Anchor::Day { year, month, day }, .. }) => Some((year, month, day)),
        Edge::Period(Period { base: Base::Month(MonthRef { month, year, .. }), .. }) if month > 0 => {
            Some((year, month, 1))
        }
        _ => None,
    };
    let (Some((YearRef::Any, month1, day1)), Some((YearRef::Is(year), month2, day2))) = (place(first), place(second))
    else {
        return first;
    };
    let year = YearRef::Is(if (month1, day1) <= (month2, day2) { year } else { year.saturating_sub(1) });
    match first {
        Edge::Day(date) => Edge::Day(Date { anchor: Anchor::Day { year, month: month1, day: day1 }, ..date }),
        Edge::Period(period) => Edge::Period(Period { base: Base::Month(MonthRef::named(month1, year)), ..period }),
    }
}
