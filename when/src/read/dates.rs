//! Dates: months with days, days by name, holidays, and the words that move any of them.

use super::{Parse, Reader, longer};
use crate::lexicon::Class;
use crate::value::{Anchor, Date, MonthRef, Unit, YearRef};

impl Reader {
    /// Any date that is not counted from another one.
    pub(super) fn plain_date(&self, at: usize) -> Parse<Date> {
        self.memo.date.at(at, || self.plain_date_anew(at))
    }

    pub(super) fn plain_date_anew(&self, at: usize) -> Parse<Date> {
        let rules = [
            self.numeric_date(at),
            self.month_day(at),
            self.weekday_date(at),
            self.day_word(at),
            self.holiday(at),
            self.nth_weekday(at),
            self.day_in_month(at),
            self.day_of_month(at),
            self.swung_date(at),
        ];
        rules.into_iter().fold(None, longer)
    }

    /// Whether a word that is mostly something else is meant as a time here.
    pub(super) fn sure(&self, at: usize) -> bool {
        if self.is(at, Class::Ambiguous).is_none() {
            return true;
        }
        // "May through July"
        let linked = self
            .any(at + 1, &[Class::To, Class::And, Class::Or])
            .is_some_and(|next| self.is(next, Class::Month).is_some());
        if linked && self.is(at, Class::Month).is_some() && self.token(at).is_some_and(|t| t.capital) {
            return true;
        }
        let Some(before) = at.checked_sub(1) else {
            return self.token(at).is_some_and(|t| t.len() > 4 || t.capital && self.mark(at + 1, '-').is_some());
        };
        let ended = ['.', '!', '?'].into_iter().any(|end| self.mark(before, end).is_some());
        let ranged = self.mark(at + 1, '-').is_some() && self.glued(at + 1);
        if self.english && (!ended || ranged) && self.token(at).is_some_and(|t| t.capital) {
            return true;
        }
        const LEADS: &[Class] = &[
            Class::In,
            Class::Of,
            Class::On,
            Class::Since,
            Class::From,
            Class::Between,
            Class::After,
            Class::Before,
            Class::Next,
            Class::Last,
            Class::Early,
            Class::Mid,
            Class::Late,
            Class::Every,
            Class::Weekday,
            Class::Month,
        ];
        if !self.english && self.token(at + 1).is_none_or(|t| t.make == crate::scan::Make::Break) {
            return true;
        }
        LEADS.iter().any(|class| self.is(before, *class).is_some() && (self.english || *class != Class::On))
    }

    /// A month's name that is meant as one.
    pub(super) fn month(&self, at: usize) -> Parse<u8> {
        let (next, month) = self.is(at, Class::Month)?;
        let next = if self.glued(next) { self.abbreviation_point(next) } else { next };
        Some((next, u8::try_from(month).ok()?))
    }

    /// Past the point of "Dec." when something follows it on the same line.
    pub(super) fn abbreviation_point(&self, at: usize) -> usize {
        let Some(next) = self.mark(at, '.') else { return at };
        let follows =
            self.digits(next).is_some() || self.is(next, Class::Of).is_some() || self.is(next, Class::At).is_some();
        if follows { next } else { at }
    }

    // --- months with days ---

    /// "second of Aug", "the 9th of May 1999", "July 1st", "el día 9 de mayo".
    pub(super) fn month_day(&self, at: usize) -> Parse<Date> {
        let (next, month, day) = self.day_then_month(at).or_else(|| self.month_then_day(at))?;
        let (next, year) = self.trailing_year(next).unwrap_or((next, YearRef::Any));
        Some((next, Anchor::Day { year, month, day }.into()))
    }

    pub(super) fn day_then_month(&self, at: usize) -> Option<(usize, u8, u8)> {
        let start = match self.is(at, Class::DayWord) {
            Some((next, _)) => next,
            None if self.english => self.skip(at, Class::The),
            None => at,
        };
        let (next, day) = self.day_number(start)?;
        let next = self.skip_mark(next, '.');
        let marked = self.skip(next, Class::DayMarker);
        if self.english && marked > next && start > at {
            return None;
        }
        if self.english && start > at && self.digits(start).is_none() {
            return None;
        }
        let next = marked;
        let of = self.skip(self.skip(next, Class::Of), Class::The);
        let of = self.mark(of, '-').or_else(|| self.mark(of, '/')).unwrap_or(of);
        if let Some((next, month)) = self.month(of) {
            let sure = of > next || self.sure(of) || self.is_ordinal(start) || self.trailing_year(next).is_some();
            return sure.then_some((next, month, day));
        }
        // "el 21 del 3", "9 de 8 de 1971"
        if !self.english && self.is(next, Class::PureOf).is_some() && self.digits(start).is_some() {
            let (next, month) = self.digits_in(of, 1, 12, 2)?;
            return (!self.cut_off(next) && self.mark(next, ':').is_none()).then_some((next, month, day));
        }
        None
    }

    pub(super) fn month_then_day(&self, at: usize) -> Option<(usize, u8, u8)> {
        let (next, month) = self.month(at)?;
        let linked = ['-', '/', ','].into_iter().find_map(|m| self.mark(next, m)).unwrap_or(next);
        let linked = self.skip(linked, Class::The);
        let (end, day) = self.day_number(linked)?;
        let plain = !self.is_ordinal(linked);
        if plain
            && (self.time_follows(end)
                || self.cut_off(end)
                || !(self.sure(at) || self.token(at).is_some_and(|t| t.capital)))
        {
            return None;
        }
        Some((end, month, day))
    }

    /// Whether what follows a bare number makes it an hour.
    pub(super) fn time_follows(&self, next: usize) -> bool {
        let minutes = self.mark(next, ':').is_some_and(|n| self.glued(next) && self.digits(n).is_some());
        minutes || self.any(next, &[Class::StrictAm, Class::StrictPm, Class::OClock]).is_some()
    }

    /// ", 2019", "of 1999", "'87", "of next year", "del 2019".
    pub(super) fn trailing_year(&self, at: usize) -> Parse<YearRef> {
        let comma = self.skip_mark(at, ',');
        let linked = self.skip(comma, Class::Of);
        let slash = self.mark(linked, '-').or_else(|| self.mark(linked, '/'));
        let linked = slash.unwrap_or(linked);
        let named = self.skip(linked, Class::The);
        let named = match self.unit(named) {
            Some((next, Unit::Year)) => self.skip(next, Class::PureOf),
            _ => linked,
        };
        if let Some((next, year)) = self.year(named) {
            let time = self.mark(next, ':').is_some() && self.glued(next);
            return (!time && !self.cut_off(next)).then_some((next, YearRef::Is(year)));
        }
        let swung = linked > comma || self.swing(at).is_some();
        if let Some((next, plus)) = self.swung_unit(linked, Unit::Year).filter(|_| swung) {
            return Some((next, YearRef::Plus(plus)));
        }
        if slash.is_some() {
            return None;
        }
        let quote = self.mark(linked, '\'').or_else(|| self.mark(linked, '’'));
        let (next, yy) = self
            .digits_in(quote.unwrap_or(linked), 0, 99, 2)
            .filter(|(n, _)| self.token(n - 1).is_some_and(|t| t.len() == 2))?;
        let ends = !self.cut_off(next)
            && self
                .token(next)
                .is_none_or(|t| t.make != crate::scan::Make::Word && t.make != crate::scan::Make::Number);
        let linked = quote.is_some() || linked > at;
        (linked
            && ends
            && self.mark(next, ':').is_none()
            && self.mark(next, '-').is_none()
            && self.mark(next, '/').is_none())
        .then_some((next, short_year(yy)))
    }

    /// "next year", "el año pasado": how many units from the reference's.
    pub(super) fn swung_unit(&self, at: usize, wanted: Unit) -> Parse<i8> {
        let at = self.skip(at, Class::The);
        if let Some((next, plus)) = self.swing(at)
            && let Some((next, unit)) = self.unit(next)
        {
            return (unit == wanted).then_some((next, plus));
        }
        let (next, unit) = self.unit(at)?;
        if unit != wanted {
            return None;
        }
        match self.swing(next).filter(|_| !self.english) {
            Some((next, plus)) => Some((next, plus)),
            None => Some((next, 0)),
        }
    }

    /// Next (1), this (0) or last (-1).
    pub(super) fn swing(&self, at: usize) -> Parse<i8> {
        let next = self.is(at, Class::Next).map(|(n, _)| (n, 1));
        let last = self.is(at, Class::Last).map(|(n, _)| (n, -1));
        let this = self.is(at, Class::This).map(|(n, _)| (n, 0));
        let near = self.is(at, Class::PastNear).map(|(n, _)| (n, -1));
        let near_next = self.is(at, Class::Upcoming).map(|(n, _)| (n, 1));
        [next, last, near, near_next, this].into_iter().fold(None, longer)
    }

    /// "next 5/12", "próximo 6 de abril", "this March 3rd".
    pub(super) fn swung_date(&self, at: usize) -> Parse<Date> {
        let (next, plus @ 0..=1) = self.swing(at)? else { return None };
        let dotted = self.dotted_date(next);
        let (next, date) = self.numeric_date(next).or_else(|| self.month_day(next)).or(dotted)?;
        Some((next, with_year(date, YearRef::Plus(plus))))
    }

    // --- days by name ---

    /// "today", "the day after tomorrow", "the day".
    pub(super) fn day_word(&self, at: usize) -> Parse<Date> {
        let named = self.is(at, Class::Today);
        let here = self.is(at, Class::ThisDay).filter(|_| self.english);
        let (next, days) = longer(named, here)?;
        // "tomorrow, 13/04/21,": the date decorates.
        if let Some((end, date)) = self.mark(next, ',').and_then(|n| self.numeric_date(n))
            && matches!(date.anchor, Anchor::Day { year: YearRef::Is(_), .. })
        {
            return Some((self.skip_mark(end, ','), date));
        }
        (!self.cut_off(next)).then_some((next, Date::days_off(days)))
    }

    /// "Christmas", "Easter 2018", "last Easter", "Independence Day of this year".
    pub(super) fn holiday(&self, at: usize) -> Parse<Date> {
        let near = self.swing(at);
        let start = near.map_or(at, |(next, _)| next);
        let (next, which) = self.is(start, Class::Holiday)?;
        let which = u8::try_from(which).ok()?;
        match near {
            Some((_, 0)) => return Some((next, Anchor::Holiday { which, year: YearRef::Plus(0) }.into())),
            Some((_, plus)) => return Some((next, Anchor::HolidayNear { which, ahead: plus > 0 }.into())),
            None => {}
        }
        let year = self.trailing_year(next).or_else(|| {
            let (next, plus) = self.swung_unit(next, Unit::Year)?;
            Some((next, YearRef::Plus(plus)))
        });
        let (next, year) = year.unwrap_or((next, YearRef::Any));
        Some((next, Anchor::Holiday { which, year }.into()))
    }

    /// "October", "October 2019", "next month", "the month".
    pub(super) fn month_ref(&self, at: usize) -> Parse<MonthRef> {
        let at = if self.english { self.skip(at, Class::The) } else { at };
        if let Some((next, month)) = self.month(at) {
            let (next, year) = self.trailing_year(next).unwrap_or((next, YearRef::Any));
            return Some((next, MonthRef::named(month, year)));
        }
        let (next, plus) = self.swung_unit(at, Unit::Month)?;
        Some((next, MonthRef::plus(plus)))
    }
}

/// Two digits of a year: the century is open between '30 and '39.
pub(super) fn short_year(yy: u8) -> YearRef {
    match yy {
        0..30 => YearRef::Is(2000 + i16::from(yy)),
        30..40 => YearRef::Of(yy),
        _ => YearRef::Is(1900 + i16::from(yy)),
    }
}

/// A date whose open year is settled.
pub(super) fn with_year(date: Date, to: YearRef) -> Date {
    match date.anchor {
        Anchor::Day { year: YearRef::Any, month, day } => Date { anchor: Anchor::Day { year: to, month, day }, ..date },
        _ => date,
    }
}
