//! Times of day in digits, and parts of the day.

use super::{Parse, Reader, longer};
use crate::lexicon::{Class, part};
use crate::value::{DayPart, Piece, Time, Unit};

impl Reader {
    /// A time of day that nobody could take for something else: "7:45pm", "half past seven", "noon".
    pub(super) fn time(&self, at: usize) -> Parse<Time> {
        self.memo.time.at(at, || self.time_anew(at))
    }

    pub(super) fn time_anew(&self, at: usize) -> Parse<Time> {
        let rules = [
            self.digit_time(at),
            self.spoken_time(at),
            self.named_time(at),
            self.part_then_time(at),
            self.spanish_past(at),
        ];
        rules.into_iter().fold(None, longer)
    }

    /// A time of day where one is expected: also a bare hour.
    pub(super) fn loose_time(&self, at: usize) -> Parse<Time> {
        let sharp = self.time(at);
        longer(longer(sharp, self.bare_time(at)), self.word_minutes(at))
    }

    /// "7", "seven", "6.45", "7 in the evening", after "at" or a date.
    pub(super) fn bare_time(&self, at: usize) -> Parse<Time> {
        let (next, hour) = match self.digits(at) {
            Some(_) => self.digits_in(at, 0, 24, 2)?,
            None => self.hour_word(at)?,
        };
        if let Some((end, time)) = self.dotted_time(at) {
            return Some(self.with_half(end, time));
        }
        if self.cut_off(next)
            || self.unit(next).is_some_and(|(_, unit)| self.english || unit != Unit::Hour)
            || self.is(next, Class::OrdSuffix).is_some_and(|_| self.glued(next))
        {
            return None;
        }
        if self.english && self.is(next, Class::Month).is_some() && self.sure(next) {
            return None;
        }
        Some(self.with_half(next, open(hour, None)))
    }

    /// "6.45": only where a time is expected.
    pub(super) fn dotted_time(&self, at: usize) -> Parse<Time> {
        let (next, hour) = self.digits_in(at, 0, 23, 2)?;
        let point = self.mark(next, '.').filter(|p| self.glued(next) && self.glued(*p))?;
        let (next, minute) = self.digits_in(point, 0, 59, 2)?;
        (self.token(point)?.len() == 2 && (self.half(next).is_some() || !self.cut_off(next)))
            .then(|| (next, open(hour, Some(minute))))
    }

    pub(super) fn hour_word(&self, at: usize) -> Parse<u8> {
        let (next, hour) = self.is(at, Class::Num)?;
        let hour = u8::try_from(hour).ok()?;
        (1..=12).contains(&hour).then_some((next, hour))
    }

    /// "8:00", "8:00:30", "8pm", "8.30pm", "1140 a.m.", "14h".
    pub(super) fn digit_time(&self, at: usize) -> Parse<Time> {
        let (next, (value, length)) = self.digits(at)?;
        if let Some(colon) = self.mark(next, ':').filter(|c| self.glued(next) && self.glued(*c)) {
            return self.colon_time(at, colon);
        }
        if let Some((end, time)) = self.dotted_time(at) {
            return self.half(end).map(|_| self.with_half(end, time));
        }
        if let Some((end, _)) =
            self.is(self.skip_mark(next, '-'), Class::Ish).filter(|_| length <= 2 && (1..=12).contains(&value))
        {
            return Some((end, open(u8::try_from(value).ok()?, None)));
        }
        if let Some((minute, _)) =
            self.is(next, Class::ShortUnit).filter(|(n, unit)| *unit == 2 && self.digits(*n).is_some())
            && let (Some((_, hour)), Some((end, minutes))) =
                (self.digits_in(at, 0, 23, 2), self.digits_in(minute, 0, 59, 2))
            && self.token(minute).is_some_and(|t| t.len() == 2)
        {
            return Some(self.with_half(end, open(hour, Some(minutes))));
        }
        if (length == 4 || length == 3) && self.half(next).is_some() {
            let (hour, minute) = (u8::try_from(value / 100).ok()?, u8::try_from(value % 100).ok()?);
            return (hour < 24 && minute < 60).then(|| self.with_half(next, open(hour, Some(minute))));
        }
        if let Some((end, _)) =
            longer(self.is(next, Class::Noon), self.is(next, Class::Midnight)).filter(|_| value == 12)
        {
            return self.named_time(next).map(|(_, time)| (end, time));
        }
        let (_, hour) = self.digits_in(at, 0, 24, 2)?;
        if let Some((end, _)) = self.is(next, Class::AmPm) {
            return Some((end, open(hour, None)));
        }
        if self.half(next).is_some() {
            let (end, time) = self.with_half(next, open(hour, None));
            return (!self.cut_off(end)).then_some((end, time));
        }
        let (next, _) = self.is(next, Class::OClock)?;
        if let Some((end, value)) = self.is(next, Class::Part).filter(|_| self.english) {
            return Some((end, in_part(open(hour, None), part(value)?)));
        }
        if !self.english && !self.is_clock_word(at) && hour < 13 {
            return None;
        }
        Some(self.with_half(next, open(hour, None)))
    }

    /// Whether "las" or "a las" stands before a Spanish hour.
    pub(super) fn is_clock_word(&self, at: usize) -> bool {
        at.checked_sub(1).is_some_and(|before| self.is(before, Class::AtWord).is_some())
    }

    pub(super) fn colon_time(&self, at: usize, colon: usize) -> Parse<Time> {
        let (_, hour) = self.digits_in(at, 0, 24, 2)?;
        let (next, minute) = self.digits_in(colon, 0, 59, 2)?;
        if self.token(colon)?.len() != 2 {
            return None;
        }
        let mut time = open(hour, Some(minute));
        let mut end = next;
        if let Some(second) = self.mark(next, ':').filter(|c| self.glued(next) && self.glued(*c)) {
            let (after, value) = self.digits_in(second, 0, 59, 2)?;
            (time.second, end) = (Some(value), after);
        }
        let (end, time) = self.with_half(end, time);
        let end = self.is(end, Class::OClock).map_or(end, |(n, _)| n);
        (!self.cut_off(end)).then_some((end, time))
    }

    /// What says which half of the day is meant: "pm", "in the evening", "de la tarde".
    pub(super) fn half(&self, at: usize) -> Parse<DayPart> {
        let am = self.is(at, Class::Am).map(|(n, _)| (n, DayPart::Morning));
        let pm = self.is(at, Class::Pm).map(|(n, _)| (n, DayPart::Afternoon));
        // A lone "a" or "p" must touch the number.
        let touching = |found: Parse<DayPart>| {
            found.filter(|(n, _)| {
                !self.english
                    || *n > at + 1
                    || self.glued(at)
                    || self.any(at, &[Class::StrictAm, Class::StrictPm]).is_some()
            })
        };
        let mark = touching(longer(am, pm)).filter(|(n, _)| !self.cut_off(*n));
        if !self.english {
            return mark;
        }
        let lead = self.is(at, Class::In).or_else(|| self.is(at, Class::At)).map_or(at, |(n, _)| n);
        let lead = self.skip(lead, Class::The);
        let lead = self.any(lead, &[Class::Early, Class::Late]).unwrap_or(lead);
        let said = self.is(lead, Class::Part).filter(|_| lead > at).and_then(|(n, v)| Some((n, part(v)?)));
        longer(mark, said)
    }

    /// A time with the half of the day that follows it, and "o'clock" on the way.
    pub(super) fn with_half(&self, next: usize, time: Time) -> (usize, Time) {
        let clocked = self.is(next, Class::OClock).filter(|_| self.english).map_or(next, |(n, _)| n);
        let bare = self.is(clocked, Class::Part).filter(|_| self.english && (clocked > next || time.minute.is_some()));
        let bare = bare.and_then(|(n, value)| Some((n, part(value)?)));
        let Some((end, part)) = self.half(clocked).or(bare) else { return (clocked, time) };
        // "8pm in the evening" says it twice.
        let twice = self.half(end).filter(|(n, _)| *n > end + 1).map_or(end, |(n, _)| n);
        (twice, in_part(time, part))
    }

    /// "in the morning at 7", "early morning at 8:00", "por la mañana a las 7".
    pub(super) fn part_then_time(&self, at: usize) -> Parse<Time> {
        let (next, (part, _)) = self.day_part(at)?;
        let sharp = self.is(next, Class::At).is_none();
        let next = self.skip(next, Class::At);
        let (next, time) = longer(longer(self.digit_time(next), self.bare_time(next)), self.word_minutes(next))?;
        if sharp && (time.minute.is_none() || !self.english) {
            return None;
        }
        Some((next, if time.open { in_part(time, part) } else { time }))
    }

    /// "in the morning", "later in the afternoon", "lunchtime", "por la mañana".
    pub(super) fn day_part(&self, at: usize) -> Parse<(DayPart, Piece)> {
        let (start, piece) = match self.piece(at) {
            Some((next, piece)) => (next, piece),
            None => (at, Piece::Whole),
        };
        let lead = if self.english {
            self.any(start, &[Class::In, Class::At])
        } else {
            self.is(start, Class::For).map(|(n, _)| n).or_else(|| self.is(start, Class::In).map(|(n, _)| n))
        };
        let start = if piece != Piece::Whole && lead.is_none() { self.skip_mark(start, '-') } else { start };
        let next =
            if lead.is_some() || piece != Piece::Whole { self.skip(lead.unwrap_or(start), Class::The) } else { start };
        if !self.english && lead == Some(next) {
            return None;
        }
        let late = if piece == Piece::Whole { self.piece(next) } else { None };
        let (next, piece) = late.map_or((next, piece), |(n, piece)| (self.skip_mark(n, '-'), piece));
        if self.is(start, Class::Midnight).is_some()
            || self.is(at, Class::Midnight).is_some()
            || (piece != Piece::Whole && self.is(next - 1, Class::Midnight).is_some())
        {
            return None;
        }
        let (next, value) = self.is(next, Class::Part)?;
        let piece = match piece {
            Piece::Earlier => Piece::Start,
            Piece::Later => Piece::End,
            other => other,
        };
        // Only "por la mañana" is one expression; of "por la tarde" it is the noun.
        if !self.english && lead == Some(start) && piece == Piece::Whole {
            return None;
        }
        Some((next, (part(value)?, piece)))
    }

    /// "early", "the end of", "later in".
    pub(super) fn piece(&self, at: usize) -> Parse<Piece> {
        let classes = [
            (Class::Early, Piece::Start),
            (Class::Mid, Piece::Mid),
            (Class::Late, Piece::End),
            (Class::Earlier, Piece::Earlier),
            (Class::Later, Piece::Later),
        ];
        let found = classes.into_iter().map(|(class, piece)| self.is(at, class).map(|(n, _)| (n, piece)));
        found.fold(None, longer)
    }
}

/// A time whose half of the day is open, if it can be.
pub(super) fn open(hour: u8, minute: Option<u8>) -> Time {
    Time { hour: hour % 24, minute, second: None, open: (1..=12).contains(&hour) }
}

/// An open time in a part of the day.
pub(super) fn in_part(time: Time, part: DayPart) -> Time {
    let hour = match part {
        DayPart::Morning | DayPart::Dawn | DayPart::Breakfast | DayPart::Nighttime if time.hour == 12 => 0,
        DayPart::Afternoon | DayPart::Evening | DayPart::Dinner if time.hour < 12 => time.hour + 12,
        DayPart::Lunch if time.hour < 6 => time.hour + 12,
        DayPart::Night if (5..12).contains(&time.hour) => time.hour + 12,
        DayPart::Night if time.hour == 12 => 0,
        _ => time.hour,
    };
    Time { hour, open: false, ..time }
}
