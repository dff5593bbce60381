//! Weekdays and days of a month by number: "next Friday", "Monday 21", "the first Friday of May", "the 18th".

use super::dates::with_year;
use super::{Parse, Reader, longer};
use crate::lexicon::Class;
use crate::value::{Anchor, Date, MonthRef, Unit, YearRef};

impl Reader {
    // --- weekdays ---

    /// A weekday's name that is meant as one.
    pub(super) fn weekday(&self, at: usize) -> Parse<u8> {
        let possessive = self.is(at, Class::Weekdays).filter(|_| self.token(at).is_some_and(|t| t.possessive > 0));
        let (next, weekday) = self.is(at, Class::Weekday).or(possessive)?;
        let dotted = self.mark(next, '.').filter(|n| {
            self.glued(next)
                && self.token(next - 1).is_some_and(|t| t.len() <= 4)
                && (self.digits(*n).is_some() || self.is(*n, Class::At).is_some() || self.month(*n).is_some())
        });
        Some((dotted.unwrap_or(next), u8::try_from(weekday).ok()?))
    }

    /// "Friday", "next Friday", "Friday next week", "Friday the 13th", "Friday 7/6", "viernes pasado".
    pub(super) fn weekday_date(&self, at: usize) -> Parse<Date> {
        if let Some(found) = self.week_then_weekday(at) {
            return Some(found);
        }
        let upcoming = self.is(at, Class::Upcoming).map(|(n, _)| (n, true));
        let past = self.is(at, Class::PastNear).map(|(n, _)| (n, false));
        if let Some((next, ahead)) = longer(upcoming, past)
            && let Some((next, weekday)) = self.weekday(next)
        {
            return Some((next, Anchor::Nearest { weekday, ahead }.into()));
        }
        let swing = self.swing(at);
        let start = swing.map_or(at, |(next, _)| next);
        let (next, weekday) = self.weekday(start)?;
        if let Some((end, date)) = self.weekday_with_date(next, swing.is_some()) {
            return Some((end, date));
        }
        if let Some((_, weeks)) = swing {
            return Some((next, Anchor::WeekdayIn { weeks, weekday }.into()));
        }
        if let Some((end, weeks)) = self.swing(next).filter(|_| !self.english && self.is(next, Class::This).is_none()) {
            return Some((end, Anchor::WeekdayIn { weeks, weekday }.into()));
        }
        if let Some((end, weeks)) = self.week_after_weekday(next) {
            return Some((end, Anchor::WeekdayIn { weeks, weekday }.into()));
        }
        if let Some(found) = self.weekday_with_day(next, weekday) {
            return Some(found);
        }
        (self.sure(start) && !self.cut_off(next)).then_some((next, Anchor::Weekday(weekday).into()))
    }

    /// The "7/6", "May 9" or "(jun-15)" after a weekday, which then only decorates it.
    pub(super) fn weekday_with_date(&self, at: usize, swung: bool) -> Parse<Date> {
        let at = self.skip_mark(at, ',');
        let open = self.mark(at, '(');
        let start = open.unwrap_or(at);
        let start = if self.english { start } else { self.skip(start, Class::On) };
        let hours =
            self.digits(start).is_some_and(|(n, _)| self.mark(n, '-').is_some_and(|n| self.digits(n).is_some()));
        let date = longer(self.numeric_date(start).filter(|(n, _)| !hours || *n > start + 3), self.month_day(start));
        let date = if swung { date.or_else(|| self.dotted_date(start)) } else { date };
        let (next, date) = date?;
        let next = if open.is_some() { self.mark(next, ')')? } else { next };
        Some((next, if swung { with_year(date, YearRef::Plus(0)) } else { date }))
    }

    /// The "next week" after a weekday.
    pub(super) fn week_after_weekday(&self, at: usize) -> Parse<i8> {
        let at = self.skip_mark(at, ',');
        let next = self.skip(at, Class::Of);
        let found = self.swung_unit(next, Unit::Week)?;
        let bare = self.unit(self.skip(next, Class::The)).is_some_and(|(n, _)| n == found.0);
        (!bare).then_some(found)
    }

    /// "next week on Tuesday", "la semana anterior - lunes".
    pub(super) fn week_then_weekday(&self, at: usize) -> Parse<Date> {
        let (next, weeks) = self.swung_unit(at, Unit::Week)?;
        if self.unit(self.skip(at, Class::The)).is_some_and(|(n, _)| n == next) {
            return None;
        }
        let linked = self.mark(next, '-').or_else(|| self.mark(next, ',')).unwrap_or(next);
        let linked = self.skip(linked, Class::On);
        let (next, weekday) = self.weekday(linked)?;
        Some((next, Anchor::WeekdayIn { weeks, weekday }.into()))
    }

    /// "Monday 21", "Tuesday the eleventh".
    pub(super) fn weekday_with_day(&self, at: usize, weekday: u8) -> Parse<Date> {
        let at = self.skip_mark(at, ',');
        let the = self.skip(at, Class::The);
        let the = self.is(the, Class::DayWord).or_else(|| self.is(at, Class::DayWord)).map_or(the, |(n, _)| n);
        let (next, day) = self.day_number(the)?;
        if the > at {
            return Some((next, Anchor::WeekdayThe { weekday, day }.into()));
        }
        let hour = self.time_follows(next) || self.any(next, &[Class::Am, Class::Pm]).is_some();
        let range = self.any(next, &[Class::To]).is_some_and(|n| self.cardinal(n).is_some())
            && self.is(next, Class::AtWord).is_none()
            && self.any(next, &[Class::At]).is_none_or(|n| n == next + 1);
        let word = self.digits(the).is_none() && !self.is_ordinal(the);
        let odd = hour || range || word || self.cut_off(next) || self.unit(next).is_some();
        (!odd).then_some((next, Anchor::WeekdayDay { weekday, day }.into()))
    }

    /// "first Monday of next month", "último viernes de octubre", "primera semana de octubre el viernes".
    pub(super) fn nth_weekday(&self, at: usize) -> Parse<Date> {
        let (next, nth) = self.nth(self.skip(at, Class::The))?;
        if let Some((next, weekday)) = self.weekday(next) {
            let month = self.is(next, Class::Of).and_then(|(n, _)| self.month_ref(n));
            if month.is_none() && (nth < 0 || self.is(at, Class::The).is_some()) {
                return None;
            }
            let here = MonthRef { year: YearRef::Plus(0), ..MonthRef::plus(0) };
            let (next, month) = month.unwrap_or((next, here));
            return Some((next, Anchor::Nth { nth, weekday, month }.into()));
        }
        let (next, _) = self.unit(next).filter(|(_, unit)| *unit == Unit::Week)?;
        let (next, _) = self.is(next, Class::Of)?;
        let (next, month) = self.month_ref(next)?;
        let (next, weekday) = self.weekday(self.skip(self.skip_mark(next, ','), Class::On))?;
        Some((next, Anchor::Nth { nth, weekday, month }.into()))
    }

    /// First to fifth, or last (-1).
    pub(super) fn nth(&self, at: usize) -> Parse<i8> {
        let ordinal = self.ordinal(at);
        let last = self.is(at, Class::Last).map(|(next, _)| (next, -1)).filter(|_| self.english);
        let (next, nth) = longer(ordinal, last)?;
        (nth == -1 || (1..=53).contains(&nth)).then_some((next, i8::try_from(nth).ok()?))
    }

    /// "the 15th day of next month", "el 15 de este mes".
    pub(super) fn day_in_month(&self, at: usize) -> Parse<Date> {
        let start = self.is(at, Class::DayWord).map_or_else(|| self.skip(at, Class::The), |(n, _)| n);
        let (next, day) = self.day_number(start)?;
        if self.english && !self.is_ordinal(start) {
            return None;
        }
        let next = self.skip(next, Class::DayMarker);
        let (next, _) = self.is(next, Class::Of)?;
        let (next, plus) = self.swung_unit(next, Unit::Month)?;
        Some((next, Anchor::DayIn { plus, day }.into()))
    }

    /// "on 15", "for the 27th", "el 15": a bare number at the end of what is said, or before a time.
    pub(super) fn bare_day(&self, at: usize) -> Parse<Date> {
        let before = at.checked_sub(1)?;
        let start = if self.english { self.skip(at, Class::The) } else { at };
        let fits = if self.english && start > at { self.is(before, Class::For).is_some() } else { self.led_by_on(at) };
        if !fits {
            return None;
        }
        let (next, day) = self.day_number(start)?;
        let token = self.token(next);
        let ends = token.is_none_or(|t| {
            t.make == crate::scan::Make::Break
                || matches!(char::from_u32(t.number), Some('.' | '!' | '?')) && t.make == crate::scan::Make::Mark
        });
        let ends = ends
            || self.is(next, Class::At).is_some() && (self.english || self.is(next, Class::AtWord).is_some())
            || self.mark(next, ',').is_some_and(|n| self.time(n).is_some());
        // "thanks for the second." names no day.
        let word = self.digits(start).is_none() && day < 10;
        (ends && !word && !self.cut_off(next)).then_some((next, Anchor::DayOfMonth(day).into()))
    }

    /// "the 18th" after "on", "el día 18".
    pub(super) fn day_of_month(&self, at: usize) -> Parse<Date> {
        if !self.english {
            let Some((next, _)) = self.is(at, Class::DayWord) else { return self.bare_day(at) };
            let (next, day) = self.day_number(next)?;
            return (!self.cut_off(next)).then_some((next, Anchor::DayOfMonth(day).into()));
        }
        let before = at.checked_sub(1)?;
        let on = self.is(before, Class::On).is_some();
        if let Some(found) = self.bare_day(at) {
            return Some(found);
        }
        self.any(before, &[Class::On, Class::At, Class::In])?;
        let start = self.skip(at, Class::The);
        if !on && !self.is_ordinal(start) {
            return None;
        }
        let (next, day) = self.day_number(start)?;
        let digits = self.digits(start).is_some();
        let said = (self.is_ordinal(start) && (digits || day > 9)) || (digits && start > at);
        let odd = !said || self.cut_off(next) || self.time_follows(next) || self.unit(next).is_some();
        let counts = self.token(next).is_some_and(|t| t.make == crate::scan::Make::Word)
            && self
                .any(next, &[Class::At, Class::From, Class::Around, Class::Between, Class::And, Class::Or, Class::Of])
                .is_none();
        (!odd && (digits || !counts)).then_some((next, Anchor::DayOfMonth(day).into()))
    }
}
