//! Ranges of times: "5 to 6pm", "from 9:30 to 3", "for 2 hours from 2pm".

use super::clock::{in_part, open};
use super::{Parse, Reader, longer};
use crate::lexicon::Class;
use crate::value::{DayPart, Hours, Time};

impl Reader {
    /// "5 to 6pm", "from 9:30 to 3", "between 3 and 4", "10-4". A range of bare hours is one only when `loose`.
    pub(super) fn hours(&self, at: usize, loose: bool) -> Parse<Hours> {
        longer(self.hours_between(at, loose), self.hours_for(at))
    }

    pub(super) fn hours_between(&self, at: usize, loose: bool) -> Parse<Hours> {
        let between = self.is(at, Class::Between).map(|(n, _)| n);
        let from = self.is(at, Class::From).map(|(n, _)| n);
        let led = between.or(from);
        let start = self.lead_in(led.unwrap_or(at));
        let (after_first, first) = self.range_time(start)?;
        let next = after_first;
        let word = self.any(next, &[Class::To]);
        let (link, by_word) = match (word, between.and_then(|_| self.is(next, Class::And))) {
            (_, Some((n, _))) => (n, true),
            (Some(n), _) => (n, self.mark(next, '-').is_none()),
            _ => return None,
        };
        let (next, last) = self.range_time(self.lead_in(link))?;
        let four = |at: usize| self.digits(at).is_some_and(|(_, (_, length))| length == 4);
        let plain = |at: usize, end: usize| {
            end == at + 1 && (self.digits(at).is_some() && !four(at) || self.is(at, Class::Num).is_some())
        };
        let second = self.lead_in(link);
        let las_before = |at: usize| at.checked_sub(1).is_some_and(|before| self.is(before, Class::AtWord).is_some());
        let las = !self.english && led.is_some() && las_before(start) && las_before(second);
        let said = !plain(start, after_first) || !plain(second, next) || las;
        let spanish_at =
            !self.english && led.is_none() && self.is(link - 1, Class::The).is_some() && plain(start, after_first);
        if spanish_at {
            return None;
        }
        if four(start) != four(second)
            && (plain(second, next) || four(second))
            && (plain(start, after_first) || four(start))
        {
            return None;
        }
        // "from 11.04 to 12.04" are versions.
        let dotted = |at: usize, end: usize| self.dotted_time(at).is_some_and(|(n, _)| n == end);
        if !loose && dotted(start, after_first) && dotted(second, next) {
            return None;
        }
        if !(loose || said || four(start)) || self.cut_off(next) || (led.is_none() && four(start)) {
            return None;
        }
        Some((next, settled(first, last, by_word)))
    }

    /// Past "at" or "las" before the hour of a range.
    pub(super) fn lead_in(&self, at: usize) -> usize {
        let at = self.skip(at, Class::At);
        if self.english { at } else { self.skip(at, Class::The) }
    }

    /// A time inside a range: bare hours and four digits count.
    pub(super) fn range_time(&self, at: usize) -> Parse<Time> {
        if let Some((next, (value, 4))) = self.digits(at)
            && !self.time_follows(next)
        {
            let (hour, minute) = (u8::try_from(value / 100).ok()?, u8::try_from(value % 100).ok()?);
            return (hour < 24 && minute < 60).then(|| (next, open(hour, Some(minute))));
        }
        self.loose_time(at)
    }

    /// "from 10 am for 3 hours", "for 2 hours from 2pm".
    pub(super) fn hours_for(&self, at: usize) -> Parse<Hours> {
        if let Some((next, _)) = self.is(at, Class::For) {
            let (next, length) = self.length(next)?;
            let (next, _) = self.is(next, Class::From)?;
            let (next, from) = self.loose_time(next)?;
            return Some((next, lasting(from, &length.seconds())?));
        }
        let (start, _) = self.is(at, Class::From)?;
        let (next, from) = self.loose_time(start)?;
        let (next, _) = self.is(next, Class::For)?;
        let (next, length) = self.length(next)?;
        Some((next, lasting(from, &length.seconds())?))
    }
}

/// A time from its start for so many seconds.
pub(super) fn lasting(from: Time, seconds: &str) -> Option<Hours> {
    let seconds: i64 = seconds.parse().ok()?;
    let end = (from.seconds() + seconds) % 86_400;
    if seconds >= 86_400 {
        return None;
    }
    let part = |value: i64| u8::try_from(value).ok();
    let to = Time { hour: part(end / 3600)?, minute: part(end / 60 % 60), second: part(end % 60), open: false };
    Some(Hours { from: Time { open: false, ..from }, to, open: false })
}

/// The halves of the day of a range, as far as one end settles the other.
pub(super) fn settled(mut from: Time, mut to: Time, by_word: bool) -> Hours {
    let mut stays_open = false;
    match (from.open, to.open) {
        (true, true) => {
            stays_open = true;
            if to.seconds() < from.seconds() {
                to.hour = (to.hour + 12) % 24;
                stays_open = !(by_word && from.hour < 12);
            }
        }
        (true, false) => {
            let later = from.seconds() + 43_200;
            if (from.hour < 12 && to.hour >= 12 && later <= to.seconds())
                || (to.hour < 12 && from.seconds() > to.seconds())
            {
                from.hour = (from.hour + 12) % 24;
            }
        }
        (false, true) if to.seconds() <= from.seconds() && to.seconds() + 43_200 > from.seconds() => {
            to.hour = (to.hour + 12) % 24
        }
        _ => {}
    }
    (from.open, to.open) = (stays_open, stays_open);
    Hours { from, to, open: stays_open }
}

/// A range of open hours in a part of the day.
pub(super) fn hours_in_part(hours: Hours, part: DayPart) -> Hours {
    if !hours.open {
        return hours;
    }
    Hours { from: in_part(hours.from, part), to: in_part(hours.to, part), open: false }
}
