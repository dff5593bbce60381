//! Counted stretches: "week 3 of 2027", "the last 3 weeks of this year", "the next three days".

use super::offsets::run_seconds;
use super::{Parse, Reader, longer};
use crate::lexicon::Class;
use crate::value::{Amount, Anchor, Base, MonthRef, Unit, What, YearRef};

impl Reader {
    /// "week 3 of 2027", "W32", "the second week of July", "last week of 2019", "w/c Feb 4".
    pub(super) fn week_period(&self, at: usize) -> Parse<Base> {
        let the = self.skip(at, Class::The);
        if let Some((next, _)) = self.is(the, Class::Wc) {
            let start = self.skip(next, Class::The);
            let day = self.day_number(start).map(|(n, day)| (n, Anchor::DayOfMonth(day)));
            let date = self.plain_date(start).map(|(n, date)| (n, date.anchor));
            let (next, anchor) = longer(date, day)?;
            return Some((next, Base::WeekOf(anchor)));
        }
        if let Some((next, _)) = self.is(at, Class::WeekNo) {
            let (next, week) = self.digits_in(next, 1, 53, 2)?;
            // "w8" is no week, "W08" is one.
            if next == at + 2 && self.glued(at + 1) && self.token(at + 1).is_some_and(|t| t.len() < 2) {
                return None;
            }
            if self.cut_off(next) || self.unit(next).is_some() || self.time_follows(next) {
                return None;
            }
            let (next, year) = self.trailing_year(next).unwrap_or((next, YearRef::Any));
            return Some((
                next,
                Base::WeekOfYear(if year == YearRef::Any { YearRef::Plus(0) } else { year }, i8::try_from(week).ok()?),
            ));
        }
        let (next, nth) = self.nth(the)?;
        let (next, _) = self.unit(next).filter(|(_, unit)| *unit == Unit::Week)?;
        if let Some((next, plus)) = self.swung_unit(next, Unit::Year).filter(|_| self.swing(next).is_some()) {
            return Some((next, Base::WeekOfYear(YearRef::Plus(plus), nth)));
        }
        let (next, _) = self.is(next, Class::Of)?;
        if let Some((next, month)) = self.month_ref(next) {
            return Some((next, Base::WeekOfMonth(month, nth)));
        }
        let (next, year) = self.year_ref(next)?;
        Some((next, Base::WeekOfYear(year, nth)))
    }

    /// "the last 3 weeks of this year", "first ten days of March".
    pub(super) fn slice(&self, at: usize) -> Parse<Base> {
        let the = self.skip(at, Class::The);
        let (next, nth) = self.nth(the)?;
        // "the last day of the month"
        let day = self.unit(next).filter(|(_, unit)| *unit == Unit::Day && nth == -1).map(|_| (next, 1));
        let (next, count) = self.cardinal(next).or(day)?;
        let (next, unit) = self.unit(next)?;
        let (next, _) = self.is(next, Class::Of)?;
        let count = i8::try_from(count).ok()?;
        let count = match nth {
            1 => count,
            -1 => -count,
            _ => return None,
        };
        if let Some((next, month)) = self.month_ref(next) {
            return Some((next, Base::SliceOfMonth { count, unit, month }));
        }
        let (next, year) = self.year_ref(next)?;
        Some((next, Base::Slice { count, unit, year }))
    }

    /// "the 9th month of next year", "tercer mes de 2021".
    pub(super) fn nth_unit(&self, at: usize) -> Parse<Base> {
        let start = if self.english { self.skip(at, Class::The) } else { at };
        let (next, nth) = self.nth(start)?;
        let (next, _) = self.unit(next).filter(|(_, unit)| *unit == Unit::Month)?;
        let (next, _) = self.is(next, Class::Of)?;
        let (next, year) = self.year_ref(next)?;
        let month = if nth == -1 { 12 } else { u8::try_from(nth).ok()? };
        (1..=12).contains(&month).then_some((next, Base::Month(MonthRef::named(month, year))))
    }

    /// "the next three weeks", "5 past minutes", "last couple of months", "3 últimos meses".
    pub(super) fn run(&self, at: usize) -> Parse<What> {
        let the = if self.english { self.skip(at, Class::The) } else { at };
        let (next, amount, plus) =
            self.swing_then_count(the).or_else(|| self.count_then_swing(at)).or_else(|| self.count_then_future(at))?;
        if the > at && amount.unit != Unit::Decade {
            return None;
        }
        if plus == 0 {
            return None;
        }
        if let Some(seconds) = run_seconds(amount, plus.into()) {
            return Some((next, What::Around(seconds, crate::value::Length::of(amount))));
        }
        if amount.scale > 0 {
            return None;
        }
        let count = i16::from(plus).checked_mul(i16::try_from(amount.digits).ok()?)?;
        let (count, unit) = match amount.unit {
            Unit::Night => (count, Unit::Day),
            Unit::Fortnight => (count.checked_mul(2)?, Unit::Week),
            other => (count, other),
        };
        if amount.digits == 0 || (amount.digits == 1 && !matches!(unit, Unit::Day | Unit::BusinessDay)) {
            return None;
        }
        Some((next, What::Period(Base::Run { count, unit }.into())))
    }

    pub(super) fn swing_then_count(&self, at: usize) -> Option<(usize, Amount, i8)> {
        if self.is(at, Class::Last).is_some()
            && at.checked_sub(1).is_some_and(|before| self.is(before, Class::Modal).is_some())
        {
            return None;
        }
        let (next, plus) = self.swing(at)?;
        if self.is(next, Class::Plural).is_some() {
            let (end, unit) = self.unit(next)?;
            return Some((end, Amount::whole(3, unit), plus));
        }
        if let Some((next, amount)) = self.amount(next).filter(|_| self.is(next, Class::A).is_none()) {
            return Some((next, amount, plus));
        }
        let (next, unit) = self.unit(next).filter(|(_, unit)| *unit <= Unit::Hour)?;
        Some((next, Amount::whole(1, unit), plus))
    }

    /// "4 weeks in the future", "2 days hence".
    pub(super) fn count_then_future(&self, at: usize) -> Option<(usize, Amount, i8)> {
        let (next, amount) = self.amount(at)?;
        let (next, _) = self.is(next, Class::Future)?;
        Some((next, amount, 1))
    }

    pub(super) fn count_then_swing(&self, at: usize) -> Option<(usize, Amount, i8)> {
        let (next, (digits, 0)) = self.quantity(at)? else { return None };
        if let Some((swung, plus)) = self.swing(next) {
            let (next, unit) = self.unit(swung)?;
            return Some((next, Amount::whole(digits, unit), plus));
        }
        let (next, unit) = self.unit(next)?;
        let (next, plus) = self.swing(next).filter(|_| !self.english)?;
        Some((next, Amount::whole(digits, unit), plus))
    }
}
