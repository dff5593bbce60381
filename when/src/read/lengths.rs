//! Lengths of time: "3h", "two and a half years", "2 weeks and 3 days", "una hora".

use super::{Parse, Reader, longer};
use crate::lexicon::{Class, unit};
use crate::value::{Amount, Length, Unit};

impl Reader {
    /// A unit word.
    pub(super) fn unit(&self, at: usize) -> Parse<Unit> {
        let (next, value) = self.is(at, Class::Unit)?;
        Some((next, unit(value)?))
    }

    /// One number with its unit.
    pub(super) fn amount(&self, at: usize) -> Parse<Amount> {
        longer(longer(self.counted(at), self.halved(at)), self.single(at))
    }

    /// "3 hours", "3h", "2.5 hours", "one and a half hours", "one hour and a half", "several days".
    fn counted(&self, at: usize) -> Parse<Amount> {
        if let Some((next, few)) = self.is(at, Class::Few) {
            let next = self.skip(next, Class::PureOf);
            let (next, unit) = self.unit(next)?;
            return Some((next, Amount::whole(u32::try_from(few).ok()?, unit)));
        }
        let (mut next, (mut digits, mut scale)) = self.twenty_and(at).or_else(|| self.quantity(at))?;
        let linked = self.mark(next, '-').unwrap_or(next);
        if scale == 0
            && let Some((after, (part, places))) = self.fraction(next)
        {
            let whole = digits.checked_mul(10u32.pow(places.into()))?;
            (next, digits, scale) = (after, whole.checked_add(part)?, places);
        }
        let glued = self.glued(next);
        let unit = match self.unit(next).or_else(|| self.unit(linked)) {
            Some(found) => Some(found),
            None if glued => self.short_unit(at, next, digits),
            None => None,
        };
        let (next, unit) = unit?;
        if let (Some((after, (part, places))), 0) = (self.fraction(next), scale) {
            let digits = digits.checked_mul(10u32.pow(places.into()))?.checked_add(part)?;
            return Some((after, Amount { digits, scale: places, unit }));
        }
        Some((next, Amount { digits, scale, unit }))
    }

    /// "twenty and four", which some say for 24.
    fn twenty_and(&self, at: usize) -> Parse<(u32, u8)> {
        let (next, tens) = self.number_words(at).filter(|(_, tens)| (20..100).contains(tens) && tens % 10 == 0)?;
        let (next, _) = self.is(next, Class::And).filter(|_| self.english)?;
        let (next, ones @ 1..=9) = self.is(next, Class::Num)? else { return None };
        Some((next, (tens + u32::try_from(ones).ok()?, 0)))
    }

    /// The "h" of "3h"; but "the 70s" and "1970s" are decades.
    fn short_unit(&self, at: usize, next: usize, digits: u32) -> Parse<Unit> {
        let (next, value) = self.is(next, Class::ShortUnit)?;
        let unit = unit(value)?;
        let leads = [Class::The, Class::Early, Class::Mid, Class::Late];
        let led = at.checked_sub(1).is_some_and(|before| self.any(before, &leads).is_some());
        let decade = unit == Unit::Second && digits.is_multiple_of(10) && (digits >= 1000 || led);
        (!decade).then_some((next, unit))
    }

    /// "and a half", "and a quarter", "y media".
    fn fraction(&self, at: usize) -> Parse<(u32, u8)> {
        let (next, _) = self.is(at, Class::And)?;
        let next = self.skip(next, Class::A);
        if let Some((next, _)) = self.is(next, Class::Half) {
            return Some((next, (5, 1)));
        }
        self.is(next, Class::Quarter).map(|(next, _)| (next, (25, 2)))
    }

    /// "half an hour", "half a year", "media hora", "1/2 hour".
    fn halved(&self, at: usize) -> Parse<Amount> {
        let next = match self.is(at, Class::Half) {
            Some((next, _)) => next,
            None => {
                let (next, _) = self.digits_in(at, 1, 1, 1)?;
                self.digits_in(self.mark(next, '/')?, 2, 2, 1)?.0
            }
        };
        let next = self.skip(next, Class::A);
        let (next, unit) = self.unit(next)?;
        Some((next, Amount { digits: 5, scale: 1, unit }))
    }

    /// "an hour", "all week", "otro día".
    fn single(&self, at: usize) -> Parse<Amount> {
        let next = match self.is(at, Class::A) {
            Some((next, _)) => self.skip(next, Class::LengthWhole),
            None => {
                let (next, _) = self.is(at, Class::LengthWhole)?;
                self.skip(self.skip_mark(next, '-'), Class::The)
            }
        };
        let (next, unit) = self.unit(next)?;
        // "a quarter of the cake"
        if unit == Unit::Quarter {
            return None;
        }
        if let Some((after, (part, scale))) = self.fraction(next) {
            return Some((after, Amount { digits: 10u32.pow(scale.into()) + part, scale, unit }));
        }
        Some((next, Amount::whole(1, unit)))
    }

    /// Up to three amounts: "2 years 1 month 21 days", "3 months and 2 weeks".
    pub(super) fn length(&self, at: usize) -> Parse<Length> {
        self.memo.length.at(at, || self.length_anew(at))
    }

    fn length_anew(&self, at: usize) -> Parse<Length> {
        let (mut next, first) = self.amount(at)?;
        let mut length = Length::of(first);
        for place in 1..4 {
            let joined = self.mark(next, ',').unwrap_or(next);
            let joined = self.skip(joined, Class::And);
            let Some((after, amount)) = self.amount(joined) else { break };
            if length.amounts().any(|part| part.unit == amount.unit) {
                break;
            }
            next = after;
            if let Some(slot) = length.parts.get_mut(place) {
                *slot = Some(amount);
            }
        }
        length.parts.sort_by_key(|part| std::cmp::Reverse(part.map(|part| part.unit)));
        Some((next, length))
    }
}
