//! Dates in digits: "1/22/2016", "2019-aug-1", "22/04", and the times that ISO 8601 glues to them.

use super::dates::short_year;
use super::{Parse, Reader};
use crate::lexicon::Class;
use crate::value::{Anchor, Date, YearRef};

/// One slot of a numeric date.
#[derive(Clone, Copy)]
pub(super) enum Slot {
    Number(u32, usize),
    Month(u8),
}

impl Reader {
    // --- numeric dates ---

    /// "1/22/2016", "2019-aug-1", "23.04.2022", "22/04", "2016 10 16".
    pub(super) fn numeric_date(&self, at: usize) -> Parse<Date> {
        let (next, first) = self.slot(at)?;
        let (next, mark) = self.separator(next)?;
        let (next, second) = self.slot(next)?;
        let third = self.separator(next).filter(|(_, m)| *m == mark).and_then(|(n, _)| self.slot(n));
        if let Some((end, third)) = third {
            let clear = |slot: Slot| !matches!(slot, Slot::Number(value, _) if value <= 12);
            let short = matches!(third, Slot::Number(_, 2)) && mark == '.';
            // "2.6.24" is a version, "23.4.16" a date.
            if short && !clear(first) && !clear(second) {
                return None;
            }
            if let Some(date) = self.three_slots([first, second, third]) {
                return ((!self.cut_off(end) || self.iso_time(end).is_some()) && !self.dashed_on(end, mark))
                    .then_some((end, date));
            }
            if mark != '/' {
                return None;
            }
        }
        if mark == '/'
            && let Some(date) = self.comma_year(first, second, next)
        {
            return Some(date);
        }
        let led = self.led_by_on(at) && mark != '/' && mark != ' ';
        // "on 4.22" is a day, "on 12.04" a version.
        let led = led && (mark != '.' || matches!(second, Slot::Number(13.., _)));
        if let (true, Slot::Number(a, _), Slot::Number(b, 1 | 2), false) =
            (led, first, second, self.time_follows(next) || self.cut_off(next))
        {
            let (month, day) = self.month_and_day(a, b)?;
            let (month, day) = (u8::try_from(month).ok()?, u8::try_from(day).ok()?);
            return Some((next, Anchor::Day { year: YearRef::Any, month, day }.into()));
        }
        let spaced = mark == ' '
            || self.dashed_on(next, mark)
                && mark == '-'
                && matches!((first, second), (Slot::Number(..), Slot::Number(..)));
        if spaced || self.cut_off(next) {
            return None;
        }
        let (date, mut next) = (self.two_slots(first, second, mark)?, next);
        let Anchor::Day { year: YearRef::Any, month, day } = date.anchor else { return Some((next, date)) };
        let year = self.trailing_year(next);
        let year = if let Some((after, year)) = year {
            next = after;
            year
        } else {
            YearRef::Any
        };
        Some((next, Anchor::Day { year, month, day }.into()))
    }

    /// Whether "on" or "el" stands before a bare number, so that it can be a day.
    pub(super) fn led_by_on(&self, at: usize) -> bool {
        at.checked_sub(1).is_some_and(|before| self.is(before, Class::On).is_some())
    }

    /// "08/12,2015".
    pub(super) fn comma_year(&self, first: Slot, second: Slot, next: usize) -> Parse<Date> {
        let comma = self.mark(next, ',').filter(|n| self.glued(next) && self.glued(*n))?;
        let (end, (value, length)) = self.digits(comma).filter(|(_, (_, length))| *length == 4 || *length == 2)?;
        let date = self.three_slots([first, second, Slot::Number(value, length)])?;
        (!self.cut_off(end)).then_some((end, date))
    }

    /// The time after the "T" of "2016-12-16T12:23:59Z".
    pub(super) fn iso_time(&self, at: usize) -> Parse<crate::value::Time> {
        let (next, _) = self.is(at, Class::IsoT).filter(|(n, _)| self.glued(at) && self.glued(*n))?;
        let (next, hour) = self.digits_in(next, 0, 23, 2)?;
        let (next, minute) = self.digits_in(self.mark(next, ':')?, 0, 59, 2)?;
        let mut time = crate::value::Time::at(hour, Some(minute));
        if let Some((end, second)) = self.mark(next, ':').and_then(|n| self.digits_in(n, 0, 59, 2)) {
            time.second = Some(second);
            let end =
                self.mark(end, '.').and_then(|n| self.digits(n)).filter(|_| self.glued(end)).map_or(end, |(n, _)| n);
            return Some((self.is(end, Class::IsoZ).filter(|_| self.glued(end)).map_or(end, |(n, _)| n), time));
        }
        Some((next, time))
    }

    /// Whether the run of dashed numbers goes on, as in a telephone number.
    pub(super) fn dashed_on(&self, at: usize, mark: char) -> bool {
        mark != ' '
            && self.glued(at)
            && self.mark(at, mark).is_some_and(|n| {
                self.glued(n) && self.digits(n).is_some_and(|(_, (_, len))| len <= 3 && mark != '-' || len == 3)
            })
    }

    pub(super) fn slot(&self, at: usize) -> Parse<Slot> {
        match self.digits(at) {
            Some((next, (value, length))) if length <= 2 || length == 4 => Some((next, Slot::Number(value, length))),
            Some(_) => None,
            None => {
                self.is(at, Class::Month).map(|(next, month)| (next, Slot::Month(u8::try_from(month).unwrap_or(1))))
            }
        }
    }

    /// A separator touching both sides; a blank counts as one after a year.
    pub(super) fn separator(&self, at: usize) -> Parse<char> {
        let mark = ['-', '/', '.'].into_iter().find(|mark| self.mark(at, *mark).is_some());
        match mark {
            Some(mark) => (self.glued(at) && self.glued(at + 1)).then_some((at + 1, mark)),
            None => self.digits(at).filter(|_| !self.glued(at)).map(|_| (at, ' ')),
        }
    }

    pub(super) fn three_slots(&self, slots: [Slot; 3]) -> Option<Date> {
        use Slot::{Month, Number};
        let year = |value: u32, length: usize| match length {
            4 if value >= 1000 => Some(YearRef::Is(i16::try_from(value).ok()?)),
            2 => Some(short_year(u8::try_from(value).ok()?)),
            _ => None,
        };
        let (year, month, day) = match slots {
            [Number(y, 4), Number(m, _), Number(d, 1 | 2)] => (year(y, 4)?, m, d),
            [Number(d, 1 | 2), Month(m), Number(y, n)] => (year(y, n)?, m.into(), d),
            [Month(m), Number(d, 1 | 2), Number(y, n)] => (year(y, n)?, m.into(), d),
            [Number(y, 4), Month(m), Number(d, 1 | 2)] => (year(y, 4)?, m.into(), d),
            [Number(y, 4), Number(d, 1 | 2), Month(m)] => (year(y, 4)?, m.into(), d),
            [Number(d, 1 | 2), Number(y, 4), Month(m)] => (year(y, 4)?, m.into(), d),
            [Month(m), Number(y, 4), Number(d, 1 | 2)] => (year(y, 4)?, m.into(), d),
            [Number(a, 1 | 2), Number(b, 1 | 2), Number(y, n)] => {
                let (month, day) = self.month_and_day(a, b)?;
                (year(y, n)?, month, day)
            }
            _ => return None,
        };
        if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        Some(Anchor::Day { year, month: u8::try_from(month).ok()?, day: u8::try_from(day).ok()? }.into())
    }

    /// Which of two numbers is the month: by the custom of the language, if both can be.
    pub(super) fn month_and_day(&self, a: u32, b: u32) -> Option<(u32, u32)> {
        let (month, day) = if self.english { (a, b) } else { (b, a) };
        match (month, day) {
            (1..=12, 1..=31) => Some((month, day)),
            (13..=31, 1..=12) => Some((day, month)),
            _ => None,
        }
    }

    pub(super) fn two_slots(&self, first: Slot, second: Slot, mark: char) -> Option<Date> {
        use Slot::{Month, Number};
        let (month, day) = match (first, second) {
            (Number(d, 1 | 2), Month(m)) | (Month(m), Number(d, 1 | 2)) => (m.into(), d),
            (Number(a, 1 | 2), Number(b, 1 | 2)) if mark == '/' || (mark == '-' && !self.english) => {
                // "10/10" is a mark out of ten more often than a day of October.
                if a == b {
                    return None;
                }
                self.month_and_day(a, b)?
            }
            _ => return None,
        };
        if !(1..=31).contains(&day) {
            return None;
        }
        let (month, day) = (u8::try_from(month).ok()?, u8::try_from(day).ok()?);
        Some(Anchor::Day { year: YearRef::Any, month, day }.into())
    }

    /// "7.6", after something that says it is a date.
    pub(super) fn dotted_date(&self, at: usize) -> Parse<Date> {
        let (next, a) = self.digits_in(at, 1, 31, 2)?;
        let next = self.mark(next, '.').filter(|n| self.glued(next) && self.glued(*n))?;
        let (next, b) = self.digits_in(next, 1, 31, 2)?;
        let (month, day) = self.month_and_day(a.into(), b.into())?;
        let (month, day) = (u8::try_from(month).ok()?, u8::try_from(day).ok()?);
        (!self.time_follows(next)).then_some((next, Anchor::Day { year: YearRef::Any, month, day }.into()))
    }
}
