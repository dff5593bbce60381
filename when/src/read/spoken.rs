//! Times of day in words: "half past seven", "ten to five o'clock", "siete y media", "noon".

use super::clock::{in_part, open};
use super::{Parse, Reader, longer};
use crate::lexicon::Class;
use crate::value::{Time, Unit};

impl Reader {
    /// "seven o'clock", "half past seven", "quarter to eight", "20 min past eight", "siete y media".
    pub(super) fn spoken_time(&self, at: usize) -> Parse<Time> {
        if self.english { longer(self.minutes_past(at), self.hour_oclock(at)) } else { self.spanish_minutes(at) }
    }

    pub(super) fn hour_oclock(&self, at: usize) -> Parse<Time> {
        let (next, hour) = self.hour_word(at)?;
        if self.is(next, Class::OClock).is_none() && self.half(next).is_none() {
            let led = at.checked_sub(1).is_some_and(|before| self.is(before, Class::For).is_some());
            let said = |time: Time| !time.open || led || self.mark(next, '-').is_some();
            return self.word_minutes(at).filter(|(n, time)| said(*time) && self.unit(*n).is_none());
        }
        Some(self.with_half(next, open(hour, None)))
    }

    pub(super) fn minutes_past(&self, at: usize) -> Parse<Time> {
        let at = self.skip(at, Class::A);
        let (next, minutes) = if let Some((next, _)) = self.is(at, Class::Half) {
            (next, 30)
        } else if let Some((next, _)) = self.is(at, Class::Quarter) {
            (next, 15)
        } else {
            let (next, minutes) = self.cardinal(at).filter(|(_, m)| (1..60).contains(m))?;
            (self.unit(next).filter(|(_, unit)| *unit == Unit::Minute).map_or(next, |(n, _)| n), minutes)
        };
        let past = self.is(next, Class::PastMin).map(|(n, _)| (n, 1));
        let to = self.is(next, Class::ToMin).map(|(n, _)| (n, -1));
        let (next, sign) = past.or(to)?;
        let hour = match self.digits(next) {
            Some(_) => self.digits_in(next, 1, 12, 2)?,
            None => self.hour_word(next)?,
        };
        // "5 to 6pm" is a range.
        let plain = self.cardinal(at).is_some_and(|(n, _)| self.unit(n).is_none());
        if sign < 0 && plain && (self.digits(at).is_some() || self.is(hour.0, Class::OClock).is_none()) {
            return None;
        }
        let minutes = u8::try_from(minutes).ok()?;
        let time =
            if sign > 0 { open(hour.1, Some(minutes)) } else { open((hour.1 + 10) % 12 + 1, Some(60 - minutes)) };
        Some(self.with_half(hour.0, time))
    }

    /// "six forty-three", "two thirty": where a time is expected.
    pub(super) fn word_minutes(&self, at: usize) -> Parse<Time> {
        let (next, hour) = self.hour_word(at)?;
        let (next, minute) = self.number_words(self.skip_mark(next, '-')).filter(|(_, m)| (10..60).contains(m))?;
        let next = self.unit(next).filter(|(_, unit)| *unit == Unit::Minute).map_or(next, |(n, _)| n);
        Some(self.with_half(next, open(hour, Some(u8::try_from(minute).ok()?))))
    }

    /// "siete y media", "once y cuarenta", "ocho menos cuarto", "8 pm menos cuarto".
    pub(super) fn spanish_minutes(&self, at: usize) -> Parse<Time> {
        let (next, hour) = self.hour_word(at).or_else(|| self.digits_in(at, 1, 12, 2))?;
        let early = self.half(next);
        let linked = early.map_or(next, |(n, _)| n);
        let past = self.is(linked, Class::PastMin).map(|(n, _)| (n, 1));
        let to = self.is(linked, Class::ToMin).map(|(n, _)| (n, -1));
        let Some((value, sign)) = past.or(to) else {
            return self.half(next).map(|_| self.with_half(next, open(hour, None))).or_else(|| {
                let (end, _) =
                    self.is(next, Class::OClock).filter(|_| self.hour_word(at).is_none() || self.is_clock_word(at))?;
                self.is_clock_word(at).then_some((end, open(hour, None)))
            });
        };
        let (end, minutes) = if let Some((n, _)) = self.is(value, Class::Half) {
            (n, 30)
        } else if let Some((n, _)) = self.is(value, Class::Quarter) {
            (n, 15)
        } else {
            let (n, minutes) = self.number_words(value).filter(|(_, m)| (1..60).contains(m))?;
            (n, u8::try_from(minutes).ok()?)
        };
        if self.unit(end).is_some_and(|(_, unit)| unit != Unit::Minute)
            || (self.digits(at).is_some() && minutes != 30 && minutes != 15)
        {
            return None;
        }
        let time = if sign > 0 { open(hour, Some(minutes)) } else { open((hour + 10) % 12 + 1, Some(60 - minutes)) };
        match early {
            Some((_, part)) => Some((end, in_part(time, part))),
            None => Some(self.with_half(end, time)),
        }
    }

    /// "20 minutos pasadas las ocho", "cuarto pasadas las ocho", "3 minutos para las ocho".
    pub(super) fn spanish_past(&self, at: usize) -> Parse<Time> {
        let (next, minutes) = match self.is(at, Class::Quarter) {
            Some((next, _)) if !self.english => (next, 15),
            _ => {
                let (next, minutes) = self.cardinal(at).filter(|(_, m)| (1..60).contains(m))?;
                (self.unit(next).filter(|(_, unit)| *unit == Unit::Minute)?.0, u8::try_from(minutes).ok()?)
            }
        };
        let past = self.is(next, Class::PastMins).map(|(n, _)| (n, true));
        let (next, past) = past.or_else(|| self.is(next, Class::ToMins).map(|(n, _)| (n, false)))?;
        let (next, hour) = self.hour_word(next).or_else(|| self.digits_in(next, 1, 12, 2))?;
        let time = if past { open(hour, Some(minutes)) } else { open((hour + 10) % 12 + 1, Some(60 - minutes)) };
        Some(self.with_half(next, time))
    }

    /// "noon", "midnight".
    pub(super) fn named_time(&self, at: usize) -> Parse<Time> {
        if let Some((next, hour)) = self.is(at, Class::ClockWord) {
            return Some((next, Time::at(u8::try_from(hour).ok()?, None)));
        }
        if let Some((next, _)) = self.is(at, Class::Noon) {
            return Some((next, Time::at(12, None)));
        }
        self.is(at, Class::Midnight).map(|(next, _)| (next, Time::at(0, None)))
    }
}
