//! Dates in the world: the day a [`Date`] names on one side of a reference, and its TIMEX notation.
//!
//! Contract: total. A day that does not exist, or lies outside the calendar, is `None`.

use jiff::civil::Date as Day;

use crate::calendar::{Side, add_business_days, add_days, add_months, day, monday, nth_weekday};
use crate::holiday::{self, Rule};
use crate::value::{Anchor, Date, MonthRef, Shift, YearRef};

impl Date {
    /// The day it names, on that side of the reference where it is open.
    pub(crate) fn on(self, reference: Day, side: Side) -> Option<Day> {
        if self.shift == Shift::NONE {
            return self.anchor.on(reference, side);
        }
        // What is counted from an open day counts from the coming one: "two days before Christmas".
        self.shift.apply(self.anchor.on(reference, Side::Future)?)
    }

    /// Whether past and future may differ.
    pub(crate) fn is_open(self) -> bool {
        self.shift == Shift::NONE && self.anchor.is_open()
    }

    /// Its TIMEX notation.
    pub(crate) fn timex(self, reference: Day) -> String {
        if self.shift != Shift::NONE || !self.anchor.has_notation() {
            return self.on(reference, Side::Future).map_or_else(|| "XXXX-XX-XX".to_owned(), |day| day.to_string());
        }
        self.anchor.timex(reference)
    }
}

impl Shift {
    /// The day so far away, moved to the weekday asked for.
    fn apply(self, from: Day) -> Option<Day> {
        let at = add_months(from, self.months.into())?;
        let at = if self.business { add_business_days(at, self.days.into())? } else { add_days(at, self.days.into())? };
        if self.weekday == 0 {
            return Some(at);
        }
        // After days or weeks the same week is meant (it starts on Sunday); after months the weekday is the next one.
        let here = i64::from(at.weekday().to_sunday_zero_offset());
        let ahead = i64::from(self.weekday % 7) - here;
        add_days(at, if self.months != 0 && ahead < 0 { ahead + 7 } else { ahead })
    }
}

impl MonthRef {
    /// Year and month, on that side of the reference where the year is open.
    pub(crate) fn on(self, reference: Day, side: Side) -> Option<(i16, u8)> {
        if self.month == 0 {
            let at = add_months(reference.first_of_month(), self.plus.into())?;
            return Some((at.year(), u8::try_from(at.month()).ok()?));
        }
        let now = u8::try_from(reference.month()).ok()?;
        let year = match self.year {
            YearRef::Any if side == Side::Future && self.month < now => reference.year() + 1,
            YearRef::Any if side == Side::Past && self.month >= now => reference.year() - 1,
            other => other.on(reference, side),
        };
        Some((year, self.month))
    }

    /// Year and month as TIMEX writes them.
    pub(crate) fn timex(self, reference: Day) -> String {
        match (self.month, self.year) {
            (month, YearRef::Any) if month > 0 => format!("XXXX-{month:02}"),
            (month, YearRef::Of(yy)) if month > 0 => format!("XX{yy:02}-{month:02}"),
            _ => {
                let (year, month) = self.on(reference, Side::Future).unwrap_or((reference.year(), 1));
                format!("{year:04}-{month:02}")
            }
        }
    }
}

impl YearRef {
    /// The year; the reference's where none was named.
    pub(crate) fn on(self, reference: Day, side: Side) -> i16 {
        match self {
            YearRef::Any => reference.year(),
            YearRef::Is(year) => year,
            YearRef::Of(yy) if side == Side::Past => 1900 + i16::from(yy),
            YearRef::Of(yy) => 2000 + i16::from(yy),
            YearRef::Plus(plus) => reference.year() + i16::from(plus),
        }
    }

    /// Four characters.
    pub(crate) fn timex(self, reference: Day) -> String {
        match self {
            YearRef::Any => "XXXX".to_owned(),
            YearRef::Of(yy) => format!("XX{yy:02}"),
            _ => format!("{:04}", self.on(reference, Side::Future)),
        }
    }
}

impl Anchor {
    fn on(self, reference: Day, side: Side) -> Option<Day> {
        match self {
            Anchor::Today => Some(reference),
            // The reference's own day is the past one; the future one is a year off.
            Anchor::Day { year: YearRef::Any, month, day: of } => {
                nearest_year(add_days(reference, 1)?, side, |y| day(y, month, of))
            }
            Anchor::Day { year, month, day: of } => day(year.on(reference, side), month, of),
            Anchor::DayOfMonth(of) => nearest_month(reference, side, 12, |y, m| day(y, m, of)),
            Anchor::DayIn { plus, day: of } => {
                let (year, month) = MonthRef::plus(plus).on(reference, side)?;
                day(year, month, of)
            }
            Anchor::Weekday(weekday) => {
                let at = add_days(monday(reference)?, i64::from(weekday) - 1)?;
                match side {
                    Side::Future if at < reference => add_days(at, 7),
                    Side::Past if at >= reference => add_days(at, -7),
                    _ => Some(at),
                }
            }
            Anchor::WeekdayIn { weeks, weekday } => {
                add_days(monday(reference)?, i64::from(weeks) * 7 + i64::from(weekday) - 1)
            }
            Anchor::Nearest { weekday, ahead: true } => {
                Anchor::Weekday(weekday).on(add_days(reference, 1)?, Side::Future)
            }
            Anchor::Nearest { weekday, ahead: false } => Anchor::Weekday(weekday).on(reference, Side::Past),
            Anchor::WeekdayDay { weekday, day: of } => {
                let fits = |d: &Day| u8::try_from(d.weekday().to_monday_one_offset()).is_ok_and(|w| w == weekday);
                if i8::try_from(of).is_ok_and(|of| of == reference.day()) && fits(&reference) {
                    return Some(reference);
                }
                nearest_month(reference, side, 120, |y, m| day(y, m, of).filter(fits))
            }
            Anchor::WeekdayThe { weekday, day } => match self.this_month(reference) {
                Some(found) => Some(found),
                None => Anchor::WeekdayDay { weekday, day }.on(reference, side),
            },
            Anchor::Nth { nth, weekday, month } => nth_on(reference, side, nth, weekday, month),
            Anchor::Holiday { which, year: YearRef::Any } => {
                nearest_year(reference, side, |y| holiday::falls(which, y))
            }
            Anchor::Holiday { which, year } => holiday::falls(which, year.on(reference, side)),
            Anchor::HolidayNear { which, ahead } => {
                let side = if ahead { Side::Future } else { Side::Past };
                let from = if ahead { add_days(reference, 1)? } else { reference };
                nearest_year(from, side, |y| holiday::falls(which, y))
            }
            Anchor::YearStart(year) => day(year.on(reference, side), 1, 1),
        }
    }

    fn is_open(self) -> bool {
        match self {
            Anchor::Day { year, .. } | Anchor::Holiday { year, .. } => matches!(year, YearRef::Any | YearRef::Of(_)),
            Anchor::Nth { month, .. } => month.month > 0 && month.year == YearRef::Any,
            Anchor::DayOfMonth(_) | Anchor::Weekday(_) | Anchor::WeekdayDay { .. } | Anchor::WeekdayThe { .. } => true,
            _ => false,
        }
    }

    /// The day of the reference's month, if it falls on the weekday said with it.
    fn this_month(self, reference: Day) -> Option<Day> {
        let Anchor::WeekdayThe { weekday, day: of } = self else { return None };
        let found = day(reference.year(), u8::try_from(reference.month()).ok()?, of)?;
        u8::try_from(found.weekday().to_monday_one_offset()).is_ok_and(|w| w == weekday).then_some(found)
    }

    /// Whether TIMEX has a notation of its own for it; all others are written as the day they fall on.
    fn has_notation(self) -> bool {
        use Anchor::{Day, DayOfMonth, Holiday, Nth, Weekday, WeekdayDay, WeekdayThe};
        if matches!(self, Nth { month: MonthRef { month: 0, year: YearRef::Plus(0), .. }, .. }) {
            return false;
        }
        matches!(
            self,
            WeekdayThe { .. }
                | Day { .. }
                | DayOfMonth(_)
                | Weekday(_)
                | WeekdayDay { .. }
                | Nth { .. }
                | Holiday { .. }
        )
    }

    fn timex(self, reference: Day) -> String {
        match self {
            Anchor::Day { year, month, day } => {
                let year = if matches!(year, YearRef::Plus(_)) { YearRef::Any } else { year };
                format!("{}-{month:02}-{day:02}", year.timex(reference))
            }
            Anchor::DayOfMonth(of) => format!("XXXX-XX-{of:02}"),
            Anchor::Weekday(weekday) => format!("XXXX-WXX-{weekday}"),
            Anchor::WeekdayDay { weekday, .. } => {
                match (self.on(reference, Side::Past), self.on(reference, Side::Future)) {
                    (_, Some(ahead)) if ahead == reference => ahead.to_string(),
                    _ => format!("XXXX-WXX-{weekday}"),
                }
            }
            Anchor::WeekdayThe { weekday, .. } => match self.this_month(reference) {
                Some(found) => found.to_string(),
                None => format!("XXXX-WXX-{weekday}"),
            },
            Anchor::Nth { nth, weekday, month } => {
                let of = month.on(reference, Side::Future).map_or(1, |(_, m)| m);
                let nth = if nth < 0 { 5 } else { nth };
                let year = if let YearRef::Is(year) = month.year { format!("{year:04}") } else { "XXXX".to_owned() };
                format!("{year}-{of:02}-WXX-{weekday}-#{nth}")
            }
            Anchor::Holiday { which, year } => holiday_timex(which, year, reference),
            _ => String::new(),
        }
    }
}

fn nth_on(reference: Day, side: Side, nth: i8, weekday: u8, month: MonthRef) -> Option<Day> {
    if month.month == 0 || month.year != YearRef::Any {
        let (year, month) = month.on(reference, side)?;
        return nth_weekday(year, month, weekday, nth);
    }
    nearest_year(reference, side, |year| nth_weekday(year, month.month, weekday, nth))
}

fn holiday_timex(which: u8, year: YearRef, reference: Day) -> String {
    let known = !matches!(year, YearRef::Any | YearRef::Of(_));
    let written = year.timex(reference);
    match holiday::rule(which) {
        Some(Rule::Fixed(month, day)) => format!("{written}-{month:02}-{day:02}"),
        Some(Rule::Nth(month, weekday, nth)) => {
            format!("{written}-{month:02}-WXX-{weekday}-{}", if nth < 0 { 5 } else { nth })
        }
        _ => match holiday::falls(which, year.on(reference, Side::Future)) {
            Some(day) if known => day.to_string(),
            Some(day) => format!("{written}-{:02}-{:02}", day.month(), day.day()),
            None => written,
        },
    }
}

/// The nearest year on that side for which `of` gives a day; eight years reach over a skipped leap day.
fn nearest_year(reference: Day, side: Side, of: impl Fn(i16) -> Option<Day>) -> Option<Day> {
    (0..=8i16).find_map(|away| match side {
        Side::Future => of(reference.year() + away).filter(|day| *day >= reference),
        Side::Past => of(reference.year() - away).filter(|day| *day < reference),
    })
}

/// The nearest month on that side, at most `reach` months off, for which `of` gives a day.
fn nearest_month(reference: Day, side: Side, reach: i64, of: impl Fn(i16, u8) -> Option<Day>) -> Option<Day> {
    let first = reference.first_of_month();
    (0..=reach).find_map(|away| {
        let at = add_months(first, if side == Side::Future { away } else { -away })?;
        let found = of(at.year(), u8::try_from(at.month()).ok()?)?;
        let fits = if side == Side::Future { found >= reference } else { found < reference };
        fits.then_some(found)
    })
}
