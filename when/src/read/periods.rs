//! Stretches of days: weeks, months and weekends by name, and pieces of any stretch.

use super::dates::short_year;
use super::{Parse, Reader, longer};
use crate::lexicon::Class;
use crate::value::{Anchor, Base, MonthRef, Period, Piece, Unit, YearRef};

impl Reader {
    /// Any stretch of days, or a piece of one.
    pub(super) fn period(&self, at: usize) -> Parse<Period> {
        longer(self.whole_period(at), self.pieced_period(at))
    }

    /// A stretch of days, whole.
    pub(super) fn whole_period(&self, at: usize) -> Parse<Period> {
        self.memo.period.at(at, || self.whole_period_anew(at))
    }

    pub(super) fn whole_period_anew(&self, at: usize) -> Parse<Period> {
        let rules = [
            self.swung_period(at),
            self.month_period(at),
            self.year_period(at),
            self.week_period(at),
            self.quarter_period(at),
            self.season(at),
            self.decade(at),
            self.century(at),
            self.named_year(at),
            self.slice(at),
            self.nth_unit(at),
            self.weekend(at),
            self.spaced_month(at),
        ];
        let base = rules.into_iter().fold(None, longer).map(|(next, base)| (next, Period::from(base)));
        longer(longer(base, self.rest(at)), self.half_of(at))
    }

    /// "the first half of the month", "segunda mitad de este mes".
    pub(super) fn half_of(&self, at: usize) -> Parse<Period> {
        let (next, nth) = self.nth(at)?;
        let (next, _) = self.is(next, Class::HalfWord)?;
        let (next, _) = self.is(next, Class::Of)?;
        let piece = match nth {
            1 => Piece::Start,
            2 | -1 => Piece::End,
            _ => return None,
        };
        let (next, period) = longer(self.swung_period(next), self.month_period(next))
            .map(|(n, base)| (n, Period::from(base)))
            .or_else(|| self.bare_unit(next))?;
        if let Base::Year(year) = period.base {
            return Some((next, Base::Half(year, if nth == 1 { 1 } else { 2 }).into()));
        }
        Some((next, Period { piece, ..period }))
    }

    /// "2016 june", "2016, nov", "2016 - 11", "11 / 2016".
    pub(super) fn spaced_month(&self, at: usize) -> Parse<Base> {
        if let Some((next, year)) = self.year(at).filter(|_| self.digits(at).is_some()) {
            let linked = self.mark(next, ',').unwrap_or(next);
            if let Some((end, month)) = self.month(linked).filter(|(end, _)| self.digits(*end).is_none()) {
                return Some((end, Base::Month(MonthRef::named(month, YearRef::Is(year)))));
            }
            let linked = self.mark(next, '-').or_else(|| self.mark(next, '/'))?;
            let (end, month) = self.digits_in(linked, 1, 12, 2)?;
            let alone = self.mark(end, '-').is_none() && self.mark(end, '/').is_none() && !self.time_follows(end);
            return (alone && !self.cut_off(end))
                .then_some((end, Base::Month(MonthRef::named(month, YearRef::Is(year)))));
        }
        let (next, month) = self.digits_in(at, 1, 12, 2)?;
        let linked = self.mark(next, '-').or_else(|| self.mark(next, '/'))?;
        let (end, year) =
            self.year(linked).filter(|(_, year)| (1900..2100).contains(year) && self.digits(linked).is_some())?;
        let alone = self.mark(end, '-').is_none() && self.mark(end, '/').is_none();
        (alone && !self.cut_off(end)).then_some((end, Base::Month(MonthRef::named(month, YearRef::Is(year)))))
    }

    /// "early 2019", "the end of this month", "later in the year", "mid-November".
    pub(super) fn pieced_period(&self, at: usize) -> Parse<Period> {
        let (next, piece) = self.piece(at)?;
        let next = self.skip(self.skip_mark(next, '-'), Class::Of);
        let (end, period) = self.whole_period(next).or_else(|| self.bare_unit(next))?;
        if period.piece != Piece::Whole {
            return None;
        }
        Some((end, Period { piece, ..period }))
    }

    /// The "month" of "end of month".
    pub(super) fn bare_unit(&self, at: usize) -> Parse<Period> {
        let (next, unit) = self.unit(self.skip(at, Class::The))?;
        Some((next, Period::from(unit_base(unit, 0)?)))
    }

    /// "next week", "last month", "the year", "la semana pasada", "the week after next", "that weekend".
    pub(super) fn swung_period(&self, at: usize) -> Parse<Base> {
        let the = self.skip(at, Class::The);
        if let Some((next, _)) = self.is(the, Class::Same)
            && let Some((next, unit)) = self.unit(next)
        {
            let known = matches!(unit, Unit::Week | Unit::Weekend | Unit::Month | Unit::Year);
            return (known && the == at).then_some((next, Base::Same(unit)));
        }
        if let Some((next, plus)) = self.swing(the) {
            return if the == at || self.keeps_article(next) { self.swung_noun(next, plus) } else { None };
        }
        if self.english { self.english_noun(at, the) } else { self.spanish_noun(at, the) }
    }

    /// Whether the article before "next" or "last" belongs to the expression: "the next decade", "la próxima semana".
    fn keeps_article(&self, noun: usize) -> bool {
        let unit = self.unit(noun).map(|(_, unit)| unit);
        if self.english {
            return matches!(unit, Some(Unit::Decade | Unit::Century));
        }
        unit != Some(Unit::Quarter) && self.month(noun).is_none() && self.is(noun, Class::Season).is_none()
    }

    /// "the year", "the week after next".
    fn english_noun(&self, at: usize, the: usize) -> Parse<Base> {
        use Unit::{Fortnight, Month, Quarter, Week, Weekend, Year};
        let (next, unit) = self.unit(the)?;
        if let Some((next, _)) = self.is(next, Class::AfterNext) {
            return Some((next, unit_base(unit, 2)?));
        }
        let known = matches!(unit, Week | Weekend | Month | Year | Fortnight | Quarter);
        let several = self.is(the, Class::Several).is_some();
        let goes_on = self.counted_on(next) || self.is(next, Class::ToDate).is_some();
        (the > at && known && !several && !goes_on).then_some((next, unit_base(unit, 0)?))
    }

    /// "la semana pasada", "verano pasado", "la semana después de la próxima", the "año" of "en el año".
    fn spanish_noun(&self, at: usize, the: usize) -> Parse<Base> {
        if let Some((noun, season)) = self.is(at, Class::Season) {
            let (next, plus) = self.swing(noun).filter(|(next, _)| self.unit(*next).is_none())?;
            return Some((next, Base::Season(YearRef::Plus(plus), u8::try_from(season).ok()?)));
        }
        let (noun, unit) = self.unit(the)?;
        let after = self.is(noun, Class::After).map(|(next, _)| self.skip(next, Class::The));
        if let Some((next, _)) = after.and_then(|next| self.is(next, Class::Next)) {
            return Some((next, unit_base(unit, 2)?));
        }
        // Not the "año anterior" of "el año anterior a la asamblea".
        let compared = |next: usize| {
            let hour = self.is(next, Class::AtWord).is_some_and(|(next, _)| self.hour_like(next));
            self.is(next, Class::At).is_some() && !hour
        };
        if let Some((next, plus)) = self.swing(noun).filter(|(next, _)| self.unit(*next).is_none() && !compared(*next))
        {
            return (the == at || unit != Unit::Quarter).then_some((next, unit_base(unit, plus)?));
        }
        // The noun alone needs an article, which is left out; "un mes" is a length.
        let led = at.checked_sub(1).is_some_and(|before| self.any(before, &[Class::The, Class::PureOf]).is_some());
        let known = matches!(unit, Unit::Week | Unit::Month | Unit::Year);
        (the == at && led && known && !self.counted_on(noun)).then_some((noun, unit_base(unit, 0)?))
    }

    /// Whether an hour stands here.
    pub(super) fn hour_like(&self, at: usize) -> bool {
        self.digits(at).is_some() || self.is(at, Class::Num).is_some()
    }

    /// Whether a number follows, so that "the year 2019" or "la semana 3" is no bare unit.
    pub(super) fn counted_on(&self, next: usize) -> bool {
        let linked = self.skip(next, Class::PureOf);
        self.digits(next).is_some() || self.year(linked).is_some() || self.glued(next) && self.mark(next, '-').is_some()
    }

    /// The noun after "next", "last" or "this".
    pub(super) fn swung_noun(&self, at: usize, plus: i8) -> Parse<Base> {
        let year = YearRef::Plus(plus);
        if let Some((next, _)) = self.is(at, Class::Fiscal) {
            return Some((next, Base::Fiscal(year)));
        }
        if let Some((next, _)) = self.is(at, Class::School) {
            return Some((next, Base::School(year)));
        }
        if let Some((next, _)) = self.is(at, Class::CalYear) {
            return Some((next, Base::Year(year)));
        }
        let meant = self.is(at, Class::Ambiguous).is_none() || self.token(at).is_some_and(|t| t.capital) || plus != 0;
        if let Some((next, month)) = self
            .month(at)
            .filter(|_| meant)
            .filter(|(next, _)| self.digits(*next).is_none_or(|(_, (_, length))| length > 2))
        {
            return Some((next, Base::Month(MonthRef::named(month, year))));
        }
        if let Some((next, season)) = self.is(at, Class::Season) {
            return Some((next, Base::Season(year, u8::try_from(season).ok()?)));
        }
        if let Some((next, _)) = self.is(at, Class::WorkWeek) {
            return Some((next, Base::WorkWeek(plus)));
        }
        let (next, unit) = self.unit(at)?;
        // The upcoming weekend is the one of this week.
        let upcoming =
            at.checked_sub(1).is_some_and(|before| self.is(before, Class::Upcoming).is_some_and(|(n, _)| n == at));
        let plus = if upcoming && unit == Unit::Weekend { 0 } else { plus };
        // "these years" are no year.
        if unit == Unit::BusinessDay || (plus == 0 && self.is(at, Class::Several).is_some()) {
            return None;
        }
        Some((next, unit_base(unit, plus)?))
    }

    /// "April 2017", "April of 87", "12-2015", "Dec-2018", "April".
    pub(super) fn month_period(&self, at: usize) -> Parse<Base> {
        if let Some((next, month)) = self.digits_in(at, 1, 12, 2) {
            let next =
                self.mark(next, '-').or_else(|| self.mark(next, '/')).filter(|n| self.glued(next) && self.glued(*n))?;
            let (next, year) = self.year(next).filter(|(_, year)| (1900..2100).contains(year))?;
            return (!self.cut_off(next) && self.mark(next, '-').is_none())
                .then_some((next, Base::Month(MonthRef::named(month, YearRef::Is(year)))));
        }
        if let Some((next, year)) = self.year(at).filter(|_| self.digits(at).is_some()) {
            let linked =
                self.mark(next, '-').or_else(|| self.mark(next, '/')).filter(|n| self.glued(next) && self.glued(*n))?;
            let (end, month) = self.digits_in(linked, 1, 12, 2).or_else(|| self.month(linked))?;
            return (!self.cut_off(end) && self.mark(end, '-').is_none())
                .then_some((end, Base::Month(MonthRef::named(month, YearRef::Is(year)))));
        }
        let (next, month) = self.month(at)?;
        if let Some((end, yy)) = self.digits_in(next, 32, 99, 2).filter(|(n, _)| !self.cut_off(*n)) {
            return Some((end, Base::Month(MonthRef::named(month, short_year(yy)))));
        }
        if let Some((next, year)) = self.trailing_year(next) {
            return Some((next, Base::Month(MonthRef::named(month, year))));
        }
        (self.sure(at) && !self.cut_off(next)).then_some((next, Base::Month(MonthRef::named(month, YearRef::Any))))
    }

    /// "weekend", "Labor Day weekend 2021".
    pub(super) fn weekend(&self, at: usize) -> Parse<Base> {
        let is_weekend = |at: usize| self.unit(at).filter(|(_, unit)| *unit == Unit::Weekend);
        let the = self.skip(at, Class::The);
        if let Some((next, _)) = is_weekend(the).and_then(|(n, _)| self.is(n, Class::PureOf))
            && let Some((next, date)) = self.plain_date(self.skip(next, Class::The))
        {
            return Some((next, Base::WeekendOf(date.anchor)));
        }
        if let Some((next, _)) = is_weekend(at) {
            return Some((next, Base::Weekend(0)));
        }
        let (next, date) = self.plain_date(at)?;
        let Anchor::Holiday { which, year } = date.anchor else { return None };
        let (next, _) = is_weekend(next)?;
        let (next, year) = match year {
            YearRef::Any => self.trailing_year(next).unwrap_or((next, year)),
            _ => (next, year),
        };
        Some((next, Base::WeekendOf(Anchor::Holiday { which, year })))
    }

    /// "the rest of the week", "year to date".
    pub(super) fn rest(&self, at: usize) -> Parse<Period> {
        if let Some((next, _)) = self.is(at, Class::Rest) {
            let next = self.skip(self.skip(self.skip(next, Class::Of), Class::The), Class::My);
            let next = self.is(next, Class::This).map_or(next, |(n, _)| n);
            let (next, unit) = self.unit(next)?;
            return Some((next, Period { base: unit_base(unit, 0)?, piece: Piece::Rest }));
        }
        let (next, unit) = self.unit(at)?;
        let (next, _) = self.is(next, Class::ToDate).filter(|_| self.english)?;
        Some((next, Period { base: unit_base(unit, 0)?, piece: Piece::ToDate }))
    }
}

/// The stretch of a unit so many units from the reference's.
pub(super) fn unit_base(unit: Unit, plus: i8) -> Option<Base> {
    Some(match unit {
        Unit::Week => Base::Week(plus),
        Unit::Weekend => Base::Weekend(plus),
        Unit::Fortnight => Base::Fortnight(plus),
        Unit::Month => Base::Month(MonthRef::plus(plus)),
        Unit::Quarter => Base::QuarterIn(plus),
        Unit::Year => Base::Year(YearRef::Plus(plus)),
        Unit::Decade => Base::DecadeIn(plus),
        Unit::Century => Base::CenturyIn(plus),
        Unit::BusinessDay => Base::WorkWeek(plus),
        _ => return None,
    })
}
