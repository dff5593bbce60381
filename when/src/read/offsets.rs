//! Offsets: a length counted from now or from a date. "in 2 weeks", "3 days ago", "two weeks from tomorrow".

use super::{Parse, Reader, longer};
use crate::calendar::{days_in, months_in, seconds_in};
use crate::lexicon::Class;
use crate::value::{Amount, Anchor, Date, Edge, Length, Shift, Unit, What, YearRef};

/// A length as a step: whole months and days, or seconds.
enum Step {
    Days(Shift),
    Seconds(i32),
}

fn step(length: &Length, sign: i64) -> Option<Step> {
    let (mut months, mut days, mut seconds, mut business) = (0i64, 0i64, 0i64, false);
    for part in length.amounts() {
        let count = i64::from(part.digits);
        if part.scale > 0 {
            seconds += i64::try_from(part.millis() / 1000).ok()?;
        } else if let Some(each) = months_in(part.unit) {
            months += count * each;
        } else if let Some(each) = days_in(part.unit) {
            days += count * each;
            business |= part.unit == Unit::BusinessDay;
        } else {
            seconds += count * seconds_in(part.unit)?;
        }
    }
    if seconds > 0 {
        let whole = seconds + days * 86_400;
        return if months == 0 { Some(Step::Seconds(i32::try_from(sign * whole).ok()?)) } else { None };
    }
    let (months, days) = (i16::try_from(sign * months).ok()?, i16::try_from(sign * days).ok()?);
    Some(Step::Days(Shift { months, days, business, weekday: 0 }))
}

impl Reader {
    /// Any offset, as a date or a moment.
    pub(super) fn offset(&self, at: usize) -> Parse<What> {
        self.memo.offset.at(at, || self.offset_anew(at))
    }

    fn offset_anew(&self, at: usize) -> Parse<What> {
        let rules = [
            self.offset_ahead(at),
            self.offset_after(at),
            self.offset_ago(at),
            self.day_beside(at),
            self.weekdays_off(at),
        ];
        rules.into_iter().fold(None, longer)
    }

    /// "in two weeks", "en 5 minutos", with what it is counted from: "in two weeks since 2011".
    fn offset_ahead(&self, at: usize) -> Parse<What> {
        let (start, _) = self.is(at, Class::In).filter(|_| self.is(at, Class::Within).is_none_or(|(n, _)| n == at))?;
        let start = if self.english { self.skip(start, Class::The) } else { start };
        let (next, length) = self.length(start)?;
        let (next, length) = match self.is(next, Class::Hence) {
            Some((after, _)) => (after, length),
            None => (next, length),
        };
        if let Some(found) = self.counted_from(next, &length) {
            // "in 2 days from today": the expression is "2 days from today".
            let plain = self.english && self.is(next, Class::FromOnly).is_some();
            return (!plain).then_some(found);
        }
        Some((next, from_now(step(&length, 1)?)))
    }

    /// "the day after Christmas", "el día antes de Navidad".
    fn day_beside(&self, at: usize) -> Parse<What> {
        let (next, _) = self.unit(self.skip(at, Class::The)).filter(|(_, unit)| *unit == Unit::Day)?;
        self.counted_from(next, &Length::of(Amount::whole(1, Unit::Day)))
    }

    /// "two Saturdays ago", "two sundays from now".
    fn weekdays_off(&self, at: usize) -> Parse<What> {
        let (next, count) = self.cardinal(at).filter(|(_, count)| (1..100).contains(count))?;
        let (next, weekday) = self.is(next, Class::Weekdays).or_else(|| self.is(next, Class::Weekday))?;
        let ago = self.is(next, Class::Ago).map(|(n, _)| (n, false));
        let (next, ahead) = ago.or_else(|| self.is(next, Class::Hence).map(|(n, _)| (n, true)))?;
        let weeks = i16::try_from(count - 1).ok()?;
        let shift = Shift { days: if ahead { 7 * weeks } else { -7 * weeks }, ..Shift::NONE };
        Some((
            next,
            What::Date(Date { anchor: Anchor::Nearest { weekday: u8::try_from(weekday).ok()?, ahead }, shift }),
        ))
    }

    /// "hace dos días".
    fn offset_ago(&self, at: usize) -> Parse<What> {
        let (start, _) = self.is(at, Class::AgoHead)?;
        let (next, length) = self.length(start)?;
        Some((next, from_now(step(&length, -1)?)))
    }

    /// "3 days ago", "30 minutes later", "two days before yesterday".
    fn offset_after(&self, at: usize) -> Parse<What> {
        let (next, length) = self.length(at)?;
        if let Some(found) = self.counted_from(next, &length) {
            return Some(found);
        }
        let (next, sign) = match (self.is(next, Class::Ago), self.is(next, Class::Hence)) {
            (Some((ago, _)), hence) if hence.is_none_or(|(end, _)| end <= ago) => (ago, -1),
            (_, Some((hence, _))) => (hence, 1),
            _ => return None,
        };
        Some((next, from_now(step(&length, sign)?)))
    }

    /// The "from tomorrow" of "two weeks from tomorrow", given the two weeks.
    fn counted_from(&self, at: usize, length: &Length) -> Parse<What> {
        let starting =
            self.english && self.is(at, Class::StartingOn).is_some() && self.is(at, Class::FromOnly).is_none();
        let ahead =
            self.any(at, &[Class::From, Class::After, Class::Since]).map(|next| (next, 1)).filter(|_| !starting);
        let behind = self.is(at, Class::Before).map(|(next, _)| (next, -1));
        let (next, sign) = longer(ahead, behind)?;
        if self.english && self.any(at, &[Class::To, Class::AsLate]).is_some_and(|n| n == next) {
            return None;
        }
        let Step::Days(shift) = step(length, sign)? else { return None };
        let next = self.skip(next, Class::The);
        if let Some((next, _)) = self.is(next, Class::Now) {
            return Some((next, What::Date(Date { anchor: Anchor::Today, shift })));
        }
        let base = longer(self.plain_date(next), self.year_start(next));
        let (next, base) = base.or_else(|| self.plain_date(self.skip(next, Class::On)))?;
        Some((next, What::Date(Date { anchor: base.anchor, shift: joined(base.shift, shift)? })))
    }

    /// "the year 2011", as its first day.
    fn year_start(&self, at: usize) -> Parse<Date> {
        let at = self.skip(at, Class::The);
        let at = self.unit(at).filter(|(_, unit)| *unit == Unit::Year).map_or(at, |(next, _)| next);
        let (next, year) = self.year(at)?;
        Some((next, Anchor::YearStart(YearRef::Is(year)).into()))
    }

    /// An offset with the weekday it is rounded to: "in 3 days on Friday", "Sunday 3 weeks after January 15th".
    pub(super) fn offset_weekday(&self, at: usize) -> Parse<What> {
        let place = |found: Parse<What>, weekday: i16| match found {
            Some((next, What::Date(date))) => {
                let shift = Shift { weekday: u8::try_from(weekday).ok()?, ..date.shift };
                Some((next, What::Date(Date { shift, ..date })))
            }
            _ => None,
        };
        if let Some((next, weekday)) = self.is(at, Class::Weekday) {
            return place(self.offset(self.skip_mark(next, ',')), weekday);
        }
        let (next, what) = self.offset(at)?;
        let (next, _) = self.is(next, Class::On)?;
        let (next, weekday) = self.is(next, Class::Weekday)?;
        place(Some((next, what)), weekday)
    }

    /// A stretch of such a length from a day or from now: "3 days starting next Monday", "within 5 minutes".
    pub(super) fn stretch_from(&self, at: usize) -> Parse<What> {
        if let Some((start, _)) = self.is(at, Class::Within) {
            let start = self.skip(start, Class::The);
            let start = self.swing(start).filter(|(_, plus)| *plus == 1).map_or(start, |(next, _)| next);
            let (next, length) = self.length(start)?;
            if self.counted_from(next, &length).is_some() {
                return None;
            }
            return Some((next, within(length)?));
        }
        let start = self.skip(at, Class::For);
        let (next, amount) = self.amount(start)?;
        let next = self.skip_mark(next, ',');
        // "for 3 days from today", but "3 days starting today": a bare "from" needs the "for".
        let (after, _) = self.is(next, Class::StartingOn)?;
        let bare = self.is(next, Class::FromOnly).is_some_and(|(n, _)| n == after);
        if bare != (start > at) {
            return None;
        }
        let next = self.skip(self.skip(after, Class::On), Class::The);
        let (next, date) = self.plain_date(next)?;
        Some((next, What::DatesFrom(date, amount)))
    }

    /// "less than 3 days after tomorrow", "more than 2 weeks before today".
    pub(super) fn bounded_offset(&self, at: usize) -> Parse<(What, i16)> {
        let (next, side) = match (self.is(at, Class::More), self.is(at, Class::Less)) {
            (Some((next, _)), _) => (next, 1),
            (_, Some((next, _))) => (next, -1),
            _ => return None,
        };
        let start = next;
        let (next, what) = self.offset(start)?;
        let What::Date(date) = what else { return None };
        let ahead = date.shift.days > 0 || date.shift.months > 0;
        let (_, length) = self.length(start)?;
        let Step::Days(back) = step(&length, if ahead { -1 } else { 1 })? else { return None };
        let base = Date { shift: joined(date.shift, back)?, ..date };
        Some((
            next,
            match (side, ahead) {
                (1, true) => (what, 1),
                (1, false) => (what, -1),
                (_, true) => (What::DatesFrom(base, self.amount(start)?.1), 0),
                (_, false) => (What::Dates(Edge::Day(date), Edge::Day(base)), 0),
            },
        ))
    }
}

fn from_now(step: Step) -> What {
    match step {
        Step::Days(shift) => What::Date(Date { anchor: Anchor::Today, shift }),
        Step::Seconds(seconds) => What::After(seconds),
    }
}

/// Everything between now and so much later.
fn within(length: Length) -> Option<What> {
    match (step(&length, 1)?, length.parts) {
        (Step::Days(_), [Some(amount), None, ..]) => Some(What::DatesFrom(Date::days_off(0), amount)),
        (Step::Days(shift), _) => {
            let end = Date { anchor: Anchor::Today, shift };
            Some(What::Dates(Edge::Day(Date::days_off(0)), Edge::Day(end)))
        }
        (Step::Seconds(seconds), _) => Some(What::Around(seconds, length)),
    }
}

/// Seconds of a run of hours, minutes or seconds: "the last 5 minutes".
pub(super) fn run_seconds(amount: Amount, sign: i64) -> Option<i32> {
    match step(&Length::of(amount), sign)? {
        Step::Seconds(seconds) => Some(seconds),
        Step::Days(_) => None,
    }
}

fn joined(one: Shift, other: Shift) -> Option<Shift> {
    Some(Shift {
        months: one.months.checked_add(other.months)?,
        days: one.days.checked_add(other.days)?,
        business: one.business || other.business,
        weekday: 0,
    })
}
