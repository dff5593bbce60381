//! Numbers: cardinals and ordinals in digits and words, days of a month, years.

use super::{Parse, Reader, longer};
use crate::lexicon::Class;

/// Words one number may have, at most.
const WORDS: usize = 8;

impl Reader {
    /// A number in words: "twenty-six", "two thousand and fifteen", "mil novecientos noventa y dos".
    pub(super) fn number_words(&self, at: usize) -> Parse<u32> {
        let (mut total, mut group, mut next) = (0u32, 0u32, at);
        let mut end = None;
        for _ in 0..WORDS {
            if let Some((after, value)) = self.below_hundred(next) {
                if group % 100 != 0 || (value >= 100 && group != 0) {
                    break;
                }
                (group, next) = (group + value, after);
            } else if let (Some((after, _)), 1..=9) = (self.is(next, Class::Hundred), group) {
                (group, next) = (group * 100, after);
            } else if let (Some((after, _)), true) = (self.is(next, Class::Thousand), total == 0 && group < 1000) {
                if group == 0 && self.english {
                    break;
                }
                (total, group, next) = (group.max(1) * 1000, 0, after);
            } else {
                break;
            }
            end = Some((next, total + group));
            let joined = self.skip(next, Class::And);
            if self.english && joined > next && (group >= 100 || total > 0) && group % 100 == 0 {
                next = joined;
            }
        }
        end
    }

    /// A number below a hundred, or a Spanish hundred.
    fn below_hundred(&self, at: usize) -> Parse<u32> {
        let (next, value) = self.is(at, Class::Num)?;
        let value = u32::try_from(value).ok()?;
        if !(20..100).contains(&value) || value % 10 != 0 {
            return Some((next, value));
        }
        let link = if self.english { self.skip_mark(next, '-') } else { self.skip(next, Class::PastMin) };
        match self.is(link, Class::Num) {
            Some((after, unit @ 1..=9)) if self.english || link > next => {
                Some((after, value + u32::try_from(unit).ok()?))
            }
            _ => Some((next, value)),
        }
    }

    /// A number in digits or words.
    pub(super) fn cardinal(&self, at: usize) -> Parse<u32> {
        match self.digits(at) {
            Some((next, (value, length))) if length <= 9 => Some((next, value)),
            Some(_) => None,
            None => self.number_words(at),
        }
    }

    /// An ordinal: "21st", "twenty-first", "3º", "último" (-1).
    pub(super) fn ordinal(&self, at: usize) -> Parse<i16> {
        if let Some((next, (value, length))) = self.digits(at) {
            let (after, _) = self.is(next, Class::OrdSuffix)?;
            let touching = self.glued(next);
            return (touching && length <= 3).then_some((after, i16::try_from(value).ok()?));
        }
        if let Some((next, tens @ (20 | 30))) = self.is(at, Class::Num) {
            let link = self.skip_mark(next, '-');
            if let Some((after, unit @ 1..=9)) = self.is(link, Class::Ord) {
                return Some((after, tens + unit));
            }
        }
        self.is(at, Class::Ord)
    }

    /// A day of a month: "4", "04th", "twenty second", "veinticinco".
    pub(super) fn day_number(&self, at: usize) -> Parse<u8> {
        let ordinal = self.ordinal(at);
        let cardinal = match self.digits(at) {
            Some((next, (value, 1..=2))) => Some((next, i16::try_from(value).ok()?)),
            Some(_) => None,
            None => self.number_words(at).and_then(|(next, value)| Some((next, i16::try_from(value).ok()?))),
        };
        let (next, value) = longer(ordinal, cardinal)?;
        (1..=31).contains(&value).then_some((next, u8::try_from(value).ok()?))
    }

    /// Whether the day number here was said as an ordinal.
    pub(super) fn is_ordinal(&self, at: usize) -> bool {
        self.ordinal(at).is_some()
    }

    /// A year in four digits or in words.
    pub(super) fn year(&self, at: usize) -> Parse<i16> {
        if let Some((next, (value, length))) = self.digits(at) {
            return (length == 4 && (1000..3000).contains(&value)).then_some((next, i16::try_from(value).ok()?));
        }
        self.year_words(at)
    }

    /// "nineteen ninety six", "two thousand and fifteen", "dos mil veinte".
    pub(super) fn year_words(&self, at: usize) -> Parse<i16> {
        let whole = self.number_words(at).filter(|(_, value)| (1500..2200).contains(value));
        let pair = self.year_pair(at).filter(|_| self.english);
        let (next, value) = longer(whole, pair)?;
        Some((next, i16::try_from(value).ok()?))
    }

    /// "nineteen ninety six": a century, then two digits.
    fn year_pair(&self, at: usize) -> Parse<u32> {
        let (next, century) = self.below_hundred(at).filter(|(_, century)| (15..=20).contains(century))?;
        let next = self.skip_mark(next, '-');
        let next = self.is(next, Class::Num).filter(|(_, zero)| *zero == 0).map_or(next, |(n, _)| n);
        let (next, rest) = self.below_hundred(next).filter(|(_, rest)| (1..100).contains(rest))?;
        if rest < 10 && self.is(next - 2, Class::Num).is_none_or(|(_, zero)| zero != 0) {
            return None;
        }
        Some((next, century * 100 + rest))
    }

    /// A number with decimals and halves, in hundredths: "2.5", "one and a half", "½".
    pub(super) fn quantity(&self, at: usize) -> Parse<(u32, u8)> {
        if let Some(next) = self.mark(at, '½') {
            return Some((next, (5, 1)));
        }
        let (next, whole) = self.cardinal(at)?;
        if self.digits(at).is_some() {
            let point = self.mark(next, '.').or_else(|| self.mark(next, ','));
            let decimals = point.filter(|p| self.glued(next) && self.glued(*p)).and_then(|p| self.digits(p));
            if let Some((after, (value, length @ 1..=3))) = decimals {
                let scale = 10u32.checked_pow(u32::try_from(length).ok()?)?;
                return Some((after, (whole.checked_mul(scale)?.checked_add(value)?, u8::try_from(length).ok()?)));
            }
        }
        Some((next, (whole, 0)))
    }
}
