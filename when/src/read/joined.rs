//! Moments: a date with a time, in whatever order they are said, and ranges of moments.

use super::clock::in_part;
use super::{Parse, Reader, longer};
use crate::lexicon::Class;
use crate::value::{Anchor, Date, Time, Unit, What, YearRef};

impl Reader {
    /// Any date, also one counted from another: "three weeks from tomorrow".
    pub(super) fn date(&self, at: usize) -> Parse<Date> {
        let counted = longer(self.offset(at), self.offset_weekday(at));
        let counted =
            counted.and_then(|(next, what)| if let What::Date(date) = what { Some((next, date)) } else { None });
        longer(self.plain_date(at), counted)
    }

    /// A moment: "tomorrow at 8", "3pm today", "the end of Sunday", "now".
    pub(super) fn moment(&self, at: usize) -> Parse<What> {
        let offset = self.offset(at).filter(|(_, what)| matches!(what, What::After(_)));
        let rules =
            [self.date_time(at), self.time_date(at), self.now(at), self.end_of_day(at), offset, self.rest_of_day(at)];
        rules.into_iter().fold(None, longer)
    }

    pub(super) fn now(&self, at: usize) -> Parse<What> {
        let soon = self.is(at, Class::Asap).map(|(next, _)| (next, What::Soon));
        longer(soon, self.is(at, Class::Now).map(|(next, _)| (next, What::Now)))
    }

    /// "the rest of the day".
    pub(super) fn rest_of_day(&self, at: usize) -> Parse<What> {
        let (next, _) = self.is(at, Class::Rest)?;
        let next = self.skip(self.skip(next, Class::Of), Class::The);
        let next = self.skip(self.skip(next, Class::This), Class::My);
        let today = self.plain_date(next).filter(|(_, date)| *date == Date::days_off(0)).map(|(n, _)| n);
        let day = self.unit(next).filter(|(_, unit)| *unit == Unit::Day).map(|(n, _)| n);
        today.or(day).map(|next| (next, What::RestOfDay))
    }

    /// "tomorrow at 8", "Friday 23 at 4", "tonight at 2am", "7 July 15:50:06 2016".
    pub(super) fn date_time(&self, at: usize) -> Parse<What> {
        if let Some((next, (date, part, _))) = self.date_part(at) {
            let link = self.time_link(next);
            let time = if link > next { self.loose_time(link) } else { self.time(link) };
            if let Some((end, time)) = time {
                let time = if time.open { in_part(time, part) } else { time };
                return Some((end, What::Moment(date, time)));
            }
        }
        let (next, date) = self.plain_date(at)?;
        if matches!(date.anchor, Anchor::Holiday { .. } | Anchor::HolidayNear { .. }) {
            return None;
        }
        if let Some((end, time)) = self.iso_time(next) {
            return Some((end, What::Moment(date, time)));
        }
        let link = self.time_link(next);
        let link = if link == next && self.english { self.skip(next, Class::For) } else { link };
        let led = self.any(self.skip_mark(next, ','), &[Class::At, Class::Around]).is_some();
        let sure = longer(self.time(link), if self.english { self.word_minutes(link) } else { None });
        let (end, time) = if led { self.loose_time(link) } else { sure }?;
        let (end, time) = self.trailing_part(end, time);
        // "Wed 26 Oct 15:50:06 2016"
        if let (Anchor::Day { year: YearRef::Any, month, day }, Some((after, year))) = (date.anchor, self.year(end)) {
            let date = Anchor::Day { year: YearRef::Is(year), month, day }.into();
            return Some((after, What::Moment(date, time)));
        }
        Some((end, What::Moment(date, time)))
    }

    /// "late evening" between a date and its time, or after it.
    pub(super) fn trailing_part(&self, at: usize, time: Time) -> (usize, Time) {
        let Some((next, (part, _))) = self.day_part(at).filter(|_| self.english) else { return (at, time) };
        if time.open { (next, in_part(time, part)) } else { (at, time) }
    }

    /// Past what joins a date to its time.
    pub(super) fn time_link(&self, at: usize) -> usize {
        let at = self.mark(at, ',').or_else(|| self.mark(at, '-')).unwrap_or(at);
        let around = self.skip(at, Class::Around);
        let linked = self.skip(around, Class::At);
        if linked == around && !self.english { self.skip(linked, Class::AtWord) } else { linked }
    }

    /// "3pm today", "8am this morning", "five-thirty tomorrow evening", "a las 5:30 del martes".
    pub(super) fn time_date(&self, at: usize) -> Parse<What> {
        let lead = if self.english { self.is(at, Class::At) } else { self.is(at, Class::The) };
        let dotted = lead.and_then(|(next, _)| self.dotted_time(next).map(|_| next));
        let start = dotted.unwrap_or(at);
        if let Some(found) = self.hour_then_part(at) {
            return Some(found);
        }
        let (next, time) =
            if self.at_before(start) || dotted.is_some() { self.loose_time(start) } else { self.time(start) }?;
        let link = self.mark(next, ',').unwrap_or(next);
        let link = self.any(link, &[Class::On, Class::PureOf]).unwrap_or(link);
        let link = if self.english { link } else { self.skip(link, Class::The) };
        if let Some((end, (date, part, _))) = self.date_part(link) {
            return Some((end, What::Moment(date, if time.open { in_part(time, part) } else { time })));
        }
        if let Some((end, day)) = self
            .digits_in(link, 1, 31, 2)
            .filter(|(n, _)| !self.english && link > next && !self.cut_off(*n) && !self.time_follows(*n))
            && self.month_day(link).is_none()
        {
            return Some((end, What::Moment(Anchor::DayOfMonth(day).into(), time)));
        }
        let (end, date) = self.plain_date(link)?;
        let (end, time) = self.trailing_part(end, time);
        if matches!(date.anchor, Anchor::Holiday { .. } | Anchor::HolidayNear { .. }) {
            return None;
        }
        Some((end, What::Moment(date, time)))
    }

    /// "7, this morning", "10 tonight".
    pub(super) fn hour_then_part(&self, at: usize) -> Parse<What> {
        let (next, hour) = self.digits_in(at, 1, 12, 2)?;
        let (end, (date, part, _)) = self.swung_part(self.skip_mark(next, ','))?;
        let at_time = self.time_link(end);
        let apart = !self.glued(next) || self.mark(next, ',').is_some();
        let alone = apart && self.time(at_time).is_none();
        alone.then_some((end, What::Moment(date, in_part(super::clock::open(hour, None), part))))
    }

    /// Whether "at" or "a las" stands before this place.
    pub(super) fn at_before(&self, at: usize) -> bool {
        let ends = |back: usize, class: Class| {
            at.checked_sub(back).and_then(|start| self.is(start, class)).is_some_and(|(end, _)| end == at)
        };
        if self.english {
            ends(1, Class::At)
        } else {
            ends(2, Class::AtWord) || (2..=3).any(|back| ends(back, Class::AtWord))
        }
    }

    /// Whether a bare "las" stands before this place: enough after a word such as "después de".
    pub(super) fn las_before(&self, at: usize) -> bool {
        !self.english && at.checked_sub(1).is_some_and(|before| self.is(before, Class::AtWord).is_some())
    }

    /// "the end of Sunday", "end of the day", "eod", "al final de mañana".
    pub(super) fn end_of_day(&self, at: usize) -> Parse<What> {
        if self.english {
            let the = self.skip(at, Class::The);
            if let Some((next, _)) = self.is(the, Class::Eod) {
                let at_end = self.token(the).is_some_and(|t| t.len() == 3);
                return Some((next, What::EndOfDay(Date::days_off(0)))).filter(|_| at_end || the == at);
            }
        }
        let (next, _) = longer(self.is(at, Class::LateAl), self.is(at, Class::Late))?;
        let next = self.skip(self.skip(next, Class::Of), Class::The);
        if let Some((next, Unit::Day)) = self.unit(next) {
            return Some((next, What::EndOfDay(Date::days_off(0))));
        }
        let (next, date) = self.plain_date(next)?;
        let sharp = matches!(date.anchor, Anchor::Today | Anchor::Weekday(_) | Anchor::WeekdayIn { .. });
        sharp.then_some((next, What::EndOfDay(date)))
    }

    /// From one moment to another: "from tomorrow at 3 to Friday at 5", "between 2:00 tomorrow and 4:00".
    pub(super) fn moments(&self, at: usize) -> Parse<What> {
        let between = self.is(at, Class::Between).map(|(n, _)| n);
        let start = between.unwrap_or_else(|| self.skip(at, Class::From));
        let link = |next: usize| {
            between.and_then(|_| self.is(next, Class::And)).map(|(n, _)| n).or_else(|| self.any(next, &[Class::To]))
        };
        if let Some((next, _)) = self.any(start, &[Class::Now, Class::NowToo]).map(|n| (n, ()))
            && let Some(second) = link(next)
        {
            let second = self.lead(second);
            if let Some((end, What::After(seconds))) = self.offset(second) {
                return self.length(second).map(|(_, length)| (end, What::Around(seconds, length)));
            }
            if let Some((end, What::Moment(date, time))) = self.moment(second) {
                return Some((end, What::NowTo(date, time)));
            }
            let (end, time) = self.time(second)?;
            return Some((end, What::NowTo(Date::days_off(0), time)));
        }
        let (next, what) = self.date_time(start).or_else(|| self.time_date(start))?;
        let What::Moment(date, time) = what else { return None };
        let second = self.lead(link(next)?);
        if let Some((end, What::Moment(date2, time2))) = longer(self.date_time(second), self.time_date(second)) {
            return Some((end, What::Moments((date, time), (date2, time2))));
        }
        let (end, time2) = self.loose_time(second)?;
        let (from, to) = if time.open == time2.open {
            (time, time2)
        } else {
            (Time { open: false, ..time }, Time { open: false, ..time2 })
        };
        Some((end, What::Moments((date, from), (date, to))))
    }

    pub(super) fn lead(&self, at: usize) -> usize {
        let at = self.skip(at, Class::At);
        if self.english { at } else { self.skip(at, Class::The) }
    }
}
