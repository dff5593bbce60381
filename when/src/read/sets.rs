//! Recurrences: "every two weeks", "Mondays at 4", "daily", "cada lunes".

use super::{Parse, Reader, longer};
use crate::lexicon::{Class, part, unit};
use crate::value::{Amount, Every, Time, Unit, What};

const NEVER: Every = Every { step: None, weekday: 0, time: None, part: None, yearly: (0, 0) };

impl Reader {
    /// Any recurrence.
    pub(super) fn set(&self, at: usize) -> Parse<What> {
        let rules = [self.every(at), self.adverb(at), self.weekdays(at), self.time_every(at)];
        let (next, every) = rules.into_iter().fold(None, longer)?;
        Some((next, What::Every(every)))
    }

    /// A recurrence, with the time of day that may follow.
    fn every(&self, at: usize) -> Parse<Every> {
        let (next, every) = self.every_alone(at)?;
        Some(self.with_time(next, every))
    }

    fn with_time(&self, next: usize, every: Every) -> (usize, Every) {
        let link = self.skip(next, Class::At);
        let link = if self.english { link } else { self.skip(link, Class::AtWord) };
        let time = if link > next { self.loose_time(link) } else { self.time(next) };
        match time {
            Some((end, time)) => {
                let time = every.part.filter(|_| time.open).map_or(time, |part| super::clock::in_part(time, part));
                (end, Every { time: Some(Time { open: false, ..time }), part: None, step: None, ..every })
            }
            None => match self.day_part(next).filter(|_| every.weekday > 0 && self.english) {
                Some((end, (part, _))) => (end, Every { part: Some(part), ..every }),
                None => (next, every),
            },
        }
    }

    /// "every day", "each two days", "every other Friday", "any year", "every evening", "every March".
    fn every_alone(&self, at: usize) -> Parse<Every> {
        let (start, _) = self.is(at, Class::Every)?;
        let step = |amount: Amount| Every { step: Some(amount), ..NEVER };
        if let Some((next, _)) = self.is(start, Class::Another) {
            if let Some((next, unit)) = self.unit(next) {
                return Some((next, step(Amount::whole(2, unit))));
            }
            let (next, weekday) = self.weekday(next)?;
            return Some((next, Every { weekday, ..NEVER }));
        }
        if let Some((next, value)) = self.is(start, Class::Part) {
            return Some((next, Every { part: part(value), ..NEVER }));
        }
        if let Some((next, weekday)) = self.weekday(start) {
            return Some((next, Every { weekday, ..NEVER }));
        }
        if let Some((next, nth)) = self.ordinal(start).filter(|(n, nth)| *nth > 1 && self.unit(*n).is_some()) {
            let (next, unit) = self.unit(next)?;
            return Some((next, step(Amount::whole(u32::try_from(nth).ok()?, unit))));
        }
        if let Some((next, unit)) = self.unit(start) {
            let known = !matches!(unit, Unit::Second | Unit::Minute) || self.is(at, Class::Every).is_some();
            return known.then_some((next, step(Amount::whole(1, unit))));
        }
        if let Some((next, date)) = self.plain_date(start)
            && let crate::value::Anchor::Day { month, day, .. } = date.anchor
        {
            return Some((next, Every { yearly: (month, day), ..NEVER }));
        }
        if let Some((next, month)) = self.month(start) {
            return Some((next, Every { yearly: (month, 0), ..NEVER }));
        }
        let (next, amount) = self.amount(start)?;
        Some((next, step(amount)))
    }

    /// "daily", "semi-annually", "bi-monthly", "one a day".
    fn adverb(&self, at: usize) -> Parse<Every> {
        let step =
            |count: u32, scale: u8, unit: Unit| Every { step: Some(Amount { digits: count, scale, unit }), ..NEVER };
        if let Some((next, _)) = self.is(at, Class::BiMonthly) {
            return Some((next, step(2, 0, Unit::Month)));
        }
        if let Some((next, _)) = self.is(at, Class::HourlySet) {
            return Some((next, step(1, 0, Unit::Hour)));
        }
        if let Some((next, _)) = self.is(at, Class::OneADay) {
            let (next, unit) = self.unit(next)?;
            return Some((next, step(1, 0, unit)));
        }
        let (next, value) = self.is(at, Class::Adverb)?;
        let every = match unit(value)? {
            Unit::Half => step(5, 1, Unit::Year),
            other => step(1, 0, other),
        };
        Some(self.with_time(next, every))
    }

    /// "Mondays at 4", "Friday mornings".
    fn weekdays(&self, at: usize) -> Parse<Every> {
        let start = if self.english { self.skip(at, Class::On) } else { at };
        // "Sunday's game" was on one Sunday.
        let plural = self.is(start, Class::Weekdays).filter(|_| self.token(start).is_some_and(|t| t.possessive == 0));
        if let Some((next, weekday)) = plural {
            return Some(self.with_time(next, Every { weekday: u8::try_from(weekday).ok()?, ..NEVER }));
        }
        // "weekends"
        if let Some((next, Unit::Weekend)) = self.unit(start).filter(|_| self.is(start, Class::Several).is_some()) {
            return Some((next, Every { step: Some(Amount::whole(1, Unit::Weekend)), ..NEVER }));
        }
        let (next, weekday) = self.weekday(at)?;
        let (end, value) = self.is(next, Class::Parts)?;
        Some((end, Every { weekday, part: part(value), ..NEVER }))
    }

    /// "3pm each day", "6am everyday", "at 7 every Monday".
    fn time_every(&self, at: usize) -> Parse<Every> {
        let (next, time) = if self.at_before(at) { self.loose_time(at) } else { self.time(at) }?;
        let next = self.skip_mark(next, ',');
        let (end, every) = longer(longer(self.every_alone(next), self.adverb(next)), self.weekdays(next))?;
        let daily = every.step.is_none_or(|step| step.unit == Unit::Day) || every.weekday > 0;
        daily.then_some((end, Every { time: Some(Time { open: false, ..time }), step: None, part: None, ..every }))
    }
}
