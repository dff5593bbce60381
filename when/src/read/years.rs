//! Years and what they are made of or make up: quarters, seasons, decades, centuries.

use super::dates::short_year;
use super::{Parse, Reader, longer};
use crate::lexicon::Class;
use crate::scan::Make;
use crate::value::{Base, Unit, YearRef};

impl Reader {
    /// "2010", "the year 2010", "year 2010", "two thousand and fifteen".
    pub(super) fn year_period(&self, at: usize) -> Parse<Base> {
        let the = self.skip(at, Class::The);
        let named = self.unit(the).filter(|(_, unit)| *unit == Unit::Year).map(|(next, _)| next);
        let (next, year) = match named {
            Some(named) => {
                let start = self.skip(named, Class::PureOf);
                if start > named && self.english {
                    return None;
                }
                self.year(start)?
            }
            None => {
                let low = if self.year_led(at) { 1500 } else { 1900 };
                self.year(at).filter(|(_, year)| (low..2100).contains(year))?
            }
        };
        if self.cut_off(next) || the > at || (named.is_none() && self.counts_things(at, next)) {
            return None;
        }
        Some((next, Base::Year(YearRef::Is(year))))
    }

    /// Whether a word before a number says that it may be an early year.
    pub(super) fn year_led(&self, at: usize) -> bool {
        const LEADS: &[Class] = &[
            Class::In,
            Class::Of,
            Class::Since,
            Class::From,
            Class::To,
            Class::Between,
            Class::And,
            Class::After,
            Class::Before,
            Class::AsLate,
            Class::Early,
            Class::Mid,
            Class::Late,
        ];
        at.checked_sub(1).is_some_and(|before| LEADS.iter().any(|class| self.is(before, *class).is_some()))
            || self.digits(at).is_none()
    }

    /// Whether a four-digit number counts something or is part of a longer one.
    pub(super) fn counts_things(&self, at: usize, next: usize) -> bool {
        let near = |at: usize| self.token(at).is_some_and(|t| t.make == Make::Number);
        let dashed = |at: usize| self.mark(at, '-').is_some() && self.glued(at) && near(at + 1) && self.glued(at + 1);
        let year_at = |at: usize| self.token(at).is_some_and(|t| t.make == Make::Number && t.len() == 4);
        let behind = at.checked_sub(2).is_some_and(|two| {
            let longer = two.checked_sub(2).is_some_and(|more| self.mark(more + 1, '-').is_some() && near(more));
            self.mark(two + 1, '-').is_some() && near(two) && (!year_at(two) || longer && self.glued(at))
        });
        let short = self.token(next + 1).is_some_and(|t| t.make == Make::Number && t.len() != 4) || dashed(next + 2);
        self.unit(next).is_some()
            || (dashed(next) && short)
            || behind
            || (near(next) && self.year(next).is_none() && self.token(next).is_some_and(|t| t.len() == 3))
    }

    /// "2019", "next year", "the year".
    pub(super) fn year_ref(&self, at: usize) -> Parse<YearRef> {
        let named = self
            .year_period(at)
            .and_then(|(next, base)| if let Base::Year(year) = base { Some((next, year)) } else { None });
        longer(named, self.swung_unit(at, Unit::Year).map(|(next, plus)| (next, YearRef::Plus(plus))))
    }

    /// "Q1", "Q1 2019", "2019-Q1", "the first quarter of 2019", "next year's first quarter", "H2 2019".
    pub(super) fn quarter_period(&self, at: usize) -> Parse<Base> {
        let the = self.skip(at, Class::The);
        let lead = self
            .year(at)
            .filter(|_| self.digits(at).is_some())
            .map(|(next, year)| (self.skip_mark(next, '-'), YearRef::Is(year)));
        let lead = lead.or_else(|| self.swung_unit(at, Unit::Year).map(|(next, plus)| (next, YearRef::Plus(plus))));
        let start = lead.map_or(the, |(next, _)| self.skip(next, Class::The));
        let (next, (nth, half)) = self.short_quarter(start).or_else(|| self.long_quarter(start))?;
        let year = match lead {
            Some((_, year)) => Some((next, year)),
            None => self.quarter_year(next).or_else(|| self.trailing_year(next)),
        };
        let (next, year) = year.unwrap_or((next, YearRef::Any));
        if self.cut_off(next) || (the > at && (self.is(the, Class::QuarterNo).is_some() || half && !self.english)) {
            return None;
        }
        Some((next, if half { Base::Half(year, nth) } else { Base::Quarter(year, nth) }))
    }

    /// "of the year" leaves the year open; "of this year" does not.
    pub(super) fn quarter_year(&self, at: usize) -> Parse<YearRef> {
        let (next, _) = self.is(at, Class::Of).filter(|_| self.english).or_else(|| self.is(at, Class::PureOf))?;
        let (next, plus) = self.swung_unit(next, Unit::Year)?;
        let bare = self.swing(self.skip(self.is(at, Class::Of)?.0, Class::The)).is_none() && plus == 0;
        Some((next, if bare { YearRef::Any } else { YearRef::Plus(plus) }))
    }

    pub(super) fn short_quarter(&self, at: usize) -> Parse<(u8, bool)> {
        if let Some((next, _)) = self.is(at, Class::QuarterNo).filter(|(next, _)| self.glued(*next)) {
            let (next, nth) = self.digits_in(next, 1, 4, 1)?;
            return Some((next, (nth, false)));
        }
        let (next, _) = self.is(at, Class::HalfNo).filter(|(next, _)| self.glued(*next))?;
        let (next, nth) = self.digits_in(next, 1, 2, 1)?;
        Some((next, (nth, true)))
    }

    pub(super) fn long_quarter(&self, at: usize) -> Parse<(u8, bool)> {
        let last = self.is(at, Class::Last).map(|(n, _)| (n, -1)).filter(|(n, _)| {
            self.unit(*n).is_some_and(|(n, _)| self.is(n, Class::Of).is_some_and(|(n, _)| self.year(n).is_some()))
        });
        let (next, nth) = self.ordinal(at).or(last)?;
        let nth = u8::try_from(if nth == -1 { 4 } else { nth }).ok()?;
        if let Some((next, _)) = self.is(next, Class::Half).filter(|_| self.english) {
            self.quarter_year(next).or_else(|| self.trailing_year(next))?;
            return (1..=2).contains(&nth).then_some((next, (nth, true)));
        }
        if let Some((next, _)) =
            self.is(next, Class::Quarter).filter(|(n, _)| !self.english && self.is(*n, Class::Of).is_some())
        {
            return (1..=4).contains(&nth).then_some((next, (nth, false)));
        }
        let (next, unit) = self.unit(next)?;
        match unit {
            Unit::Quarter if (1..=4).contains(&nth) => Some((next, (nth, false))),
            Unit::Half if (1..=2).contains(&nth) => Some((next, (nth, true))),
            _ => None,
        }
    }

    /// "summer", "summer 2019", "summer of last year".
    pub(super) fn season(&self, at: usize) -> Parse<Base> {
        let start = if self.english { self.skip(at, Class::The) } else { at };
        let (next, season) = self.is(start, Class::Season)?;
        let season = u8::try_from(season).ok()?;
        if let Some((next, year)) = self.trailing_year(next) {
            return Some((next, Base::Season(year, season)));
        }
        (self.sure(start) || start > at).then_some((next, Base::Season(YearRef::Any, season)))
    }

    /// "1990s", "the 90s", "the nineties", "los años noventa", "década de 1990".
    pub(super) fn decade(&self, at: usize) -> Parse<Base> {
        if self.english {
            let start = self.skip(at, Class::The);
            if let Some((next, tens)) = self.is(start, Class::Tens) {
                let year = if tens >= 1000 { YearRef::Is(tens) } else { YearRef::Of(u8::try_from(tens).ok()?) };
                return Some((next, Base::Decade(year)));
            }
            if let Some((next, century)) = self.is(start, Class::Num).filter(|(_, century)| (15..=20).contains(century))
                && let Some((next, tens)) = self.is(self.skip_mark(next, '-'), Class::Tens)
            {
                return Some((next, Base::Decade(YearRef::Is(century * 100 + tens))));
            }
            let quoted = self.mark(start, '\'').unwrap_or(start);
            let (next, (value, length)) = self.digits(quoted)?;
            let pieced = at
                .checked_sub(1)
                .is_some_and(|before| self.any(before, &[Class::Early, Class::Mid, Class::Late]).is_some());
            let bare = next;
            let next = self.mark(next, '\'').or_else(|| self.mark(next, '’')).unwrap_or(next);
            let marked = next > bare;
            let (next, _) = self.is(next, Class::ShortUnit).filter(|(_, unit)| *unit == 0)?;
            if value % 10 != 0
                || (length == 2
                    && (start == at && quoted == start && !marked && !pieced || !(20..100).contains(&value)))
                || (length == 2 && !self.glued(next - 1))
            {
                return None;
            }
            return match length {
                4 if (1000..2100).contains(&value) => {
                    Some((next, Base::Decade(YearRef::Is(i16::try_from(value).ok()?))))
                }
                4 => None,
                2 => Some((next, Base::Decade(YearRef::Of(u8::try_from(value).ok()?)))),
                _ => None,
            };
        }
        self.spanish_decade(at)
    }

    pub(super) fn spanish_decade(&self, at: usize) -> Parse<Base> {
        let the = self.skip(at, Class::The);
        let (next, unit) = self.unit(the)?;
        let years = unit == Unit::Year && the > at;
        if !(years || unit == Unit::Decade && the == at) {
            return None;
        }
        let several = self.is(the, Class::Plural).is_some();
        let next = self.skip(self.skip(next, Class::PureOf), Class::The);
        if let Some((next, year)) =
            self.year(next).filter(|(_, year)| year % 10 == 0 && (several || unit == Unit::Decade))
        {
            return Some((next, Base::Decade(YearRef::Is(year))));
        }
        if let Some((next, tens)) = self.is(next, Class::Tens) {
            return Some((next, Base::Decade(YearRef::Of(u8::try_from(tens).ok()?))));
        }
        let (next, (value, length)) = self.digits(next)?;
        match length {
            2 if value.is_multiple_of(10) => Some((next, Base::Decade(YearRef::Of(u8::try_from(value).ok()?)))),
            4 if value.is_multiple_of(10) && unit == Unit::Decade => {
                Some((next, Base::Decade(YearRef::Is(i16::try_from(value).ok()?))))
            }
            _ => None,
        }
    }

    /// "15th century".
    pub(super) fn century(&self, at: usize) -> Parse<Base> {
        if let Some((next, nth)) = self.ordinal(at).filter(|_| self.english) {
            let (next, _) = self.unit(self.skip_mark(next, '-')).filter(|(_, unit)| *unit == Unit::Century)?;
            return (1..30).contains(&nth).then_some((next, Base::Century(i8::try_from(nth).ok()?)));
        }
        let (next, _) = self.unit(at).filter(|(_, unit)| *unit == Unit::Century && !self.english)?;
        let roman = self.is(next, Class::Roman).and_then(|(n, nth)| Some((n, u8::try_from(nth).ok()?)));
        let (next, nth) = self.digits_in(next, 1, 29, 2).or(roman)?;
        Some((next, Base::Century(i8::try_from(nth).ok()?)))
    }

    /// "fiscal year 2018", "FY18", "school year", "cy 2008".
    pub(super) fn named_year(&self, at: usize) -> Parse<Base> {
        let make: fn(YearRef) -> Base;
        let (next, named) = if let Some((next, _)) = self.is(at, Class::Fiscal) {
            make = Base::Fiscal;
            (next, next > at + 1)
        } else if let Some((next, _)) = self.is(at, Class::School) {
            make = Base::School;
            (next, next > at + 1)
        } else {
            let (next, _) = self.is(at, Class::CalYear)?;
            make = Base::Year;
            (next, false)
        };
        if let Some((next, year)) = self.trailing_year(next) {
            return Some((next, make(year)));
        }
        if let Some((next, yy)) = self.digits_in(next, 0, 99, 2) {
            return (!self.cut_off(next)).then_some((next, make(short_year(yy))));
        }
        named.then_some((next, make(YearRef::Any)))
    }
}
