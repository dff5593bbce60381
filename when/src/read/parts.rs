//! Parts and hours of a day: "tomorrow night", "early in the day", "Monday from 3 to 4".

use super::hours::hours_in_part;
use super::{Parse, Reader, longer};
use crate::lexicon::{Class, part};
use crate::value::{Anchor, Date, DayPart, MonthRef, Piece, Unit, What};

/// A date with a part of the day.
pub(super) type DatePart = (Date, DayPart, Piece);

impl Reader {
    /// "tomorrow night", "this morning", "last night", "early in the day Wednesday", "later in today".
    pub(super) fn part_of_date(&self, at: usize) -> Parse<What> {
        let part = self.date_part(at).map(|(next, (date, part, piece))| (next, What::PartOf(date, part, piece)));
        longer(part, self.piece_of_day(at))
    }

    pub(super) fn piece_of_day(&self, at: usize) -> Parse<What> {
        if self.is(at, Class::Noon).is_some() {
            return None;
        }
        let (next, piece) = self.piece(at)?;
        let piece = match piece {
            Piece::Later => Piece::End,
            Piece::Earlier => Piece::Start,
            other => other,
        };
        let linked = self.skip(self.skip(next, Class::Of), Class::The);
        if !self.english && self.is(linked, Class::Part).is_some() && self.is(linked - 1, Class::The).is_some() {
            return None;
        }
        let day = self.unit(linked).filter(|(_, unit)| *unit == Unit::Day).map_or(linked, |(n, _)| n);
        match self.plain_date(self.skip(day, Class::On)) {
            Some((next, date)) if day > linked || piece != Piece::End => Some((next, What::PieceOfDay(date, piece))),
            Some((next, date)) if date.anchor == Anchor::Today => Some((next, What::PieceOfDay(date, piece))),
            _ => (day > linked && piece != Piece::End && self.english)
                .then(|| (day, What::PieceOfDay(Date::days_off(0), piece))),
        }
    }

    /// A date and the part of the day after, before or inside it.
    pub(super) fn date_part(&self, at: usize) -> Parse<DatePart> {
        let rules = [self.swung_part(at), self.date_then_part(at), self.part_then_date(at), self.pieced_part(at)];
        rules.into_iter().fold(None, longer)
    }

    /// "early tomorrow morning", "late Friday afternoon".
    pub(super) fn pieced_part(&self, at: usize) -> Parse<DatePart> {
        let (next, piece) = self.piece(at)?;
        let (next, (date, part, Piece::Whole)) = self.date_then_part(next)? else { return None };
        Some((next, (date, part, piece)))
    }

    /// "this morning", "last night", "next evening", "tonight", "anoche", "late this morning".
    pub(super) fn swung_part(&self, at: usize) -> Parse<DatePart> {
        if let Some((next, _)) = self.is(at, Class::Tonight) {
            return Some((next, (Date::days_off(0), DayPart::Night, Piece::Whole)));
        }
        if let Some((next, days)) = self.is(at, Class::Night) {
            return Some((next, (Date::days_off(days), DayPart::Night, Piece::Whole)));
        }
        let (start, piece) = self.piece(at).unwrap_or((at, Piece::Whole));
        let start = self.skip(start, Class::Of);
        if piece != Piece::Whole
            && let Some((next, _)) = self.is(start, Class::Tonight)
        {
            return Some((next, (Date::days_off(0), DayPart::Night, piece)));
        }
        let this = self.is(start, Class::This).map(|(n, _)| (n, 0)).filter(|(n, _)| self.is(*n, Class::Part).is_some());
        let (next, plus) = this.or_else(|| self.swing(start))?;
        let (end, value) = self.is(next, Class::Part)?;
        let part = part(value)?;
        if !self.english && plus != 0 {
            return None;
        }
        Some((end, (Date::days_off(i16::from(plus)), part, piece)))
    }

    /// "tomorrow night", "Wednesday evening next week", "lunes por la mañana".
    pub(super) fn date_then_part(&self, at: usize) -> Parse<DatePart> {
        let (next, date) = self.plain_date(at)?;
        if matches!(date.anchor, Anchor::Holiday { .. } | Anchor::HolidayNear { .. }) {
            return None;
        }
        let linked = self.skip_mark(next, ',');
        let linked = if self.english { linked } else { self.skip(linked, Class::At) };
        let half = longer(
            self.is(next, Class::StrictAm).map(|(n, _)| (n, DayPart::Morning)),
            self.is(next, Class::StrictPm).map(|(n, _)| (n, DayPart::Afternoon)),
        );
        let half = half
            .filter(|_| {
                matches!(date.anchor, Anchor::Weekday(_) | Anchor::WeekdayIn { .. } | Anchor::Today) && self.english
            })
            .map(|(n, part)| (n, (part, Piece::Whole)));
        let (end, (part, piece)) = self.day_part(linked).or(half)?;
        if let Anchor::Weekday(weekday) = date.anchor
            && let Some((end, weeks)) = self.week_after_weekday(end)
        {
            return Some((end, (Anchor::WeekdayIn { weeks, weekday }.into(), part, piece)));
        }
        Some((end, (date, part, piece)))
    }

    /// "the night of July 4", "in the evening on Monday", "por la mañana del lunes".
    pub(super) fn part_then_date(&self, at: usize) -> Parse<DatePart> {
        let start = if self.english { self.skip(at, Class::The) } else { at };
        let (next, (part, piece)) = self.day_part(start)?;
        if !self.english && self.is(start, Class::Part).is_none() && piece == Piece::Whole {
            return None;
        }
        let linked = self.any(next, &[Class::On, Class::PureOf]);
        let comma = self.mark(next, ',').filter(|_| self.english);
        let (end, date) = self.plain_date(self.skip(linked.or(comma).unwrap_or(next), Class::The))?;
        let weekday = matches!(date.anchor, Anchor::Weekday(_)) && comma.is_none() && (start + 1 < next)
            || comma.is_some() && matches!(date.anchor, Anchor::WeekdayIn { .. });
        if weekday && self.english {
            return Some((end, (date, part, piece)));
        }
        let meal = matches!(part, DayPart::Dinner | DayPart::Lunch | DayPart::Breakfast | DayPart::Brunch);
        (linked.is_some() || date.anchor == Anchor::Today && !meal).then_some((end, (date, part, piece)))
    }

    /// Hours of a day: "tomorrow from 3 to 4", "5 to 7 today", "monday morning from 10am to 12pm".
    pub(super) fn hours_of_date(&self, at: usize) -> Parse<What> {
        longer(self.date_then_hours(at), self.hours_then_date(at))
    }

    pub(super) fn date_then_hours(&self, at: usize) -> Parse<What> {
        let (next, date, part) = self.date_maybe_part(at)?;
        let link = self.skip(next, Class::At);
        let (end, hours) = self.hours(link, true)?;
        if let Anchor::Nth { nth, weekday, .. } = date.anchor {
            return Some((end, What::HoursOf(Anchor::Nth { nth, weekday, month: MonthRef::plus(0) }.into(), hours)));
        }
        Some((end, What::HoursOf(date, part.map_or(hours, |part| hours_in_part(hours, part)))))
    }

    pub(super) fn hours_then_date(&self, at: usize) -> Parse<What> {
        let (next, hours) = self.hours(at, true)?;
        let link = self.mark(next, ',').unwrap_or(next);
        let link = self.any(link, &[Class::On, Class::PureOf]).unwrap_or(link);
        let link = if self.english { link } else { self.skip(link, Class::The) };
        let (end, date, part) = self.date_maybe_part(link)?;
        Some((end, What::HoursOf(date, part.map_or(hours, |part| hours_in_part(hours, part)))))
    }

    pub(super) fn date_maybe_part(&self, at: usize) -> Option<(usize, Date, Option<DayPart>)> {
        let date = self.plain_date(at).map(|(next, date)| (next, (date, None)));
        let part = self.date_part(at).map(|(next, (date, part, _))| (next, (date, Some(part))));
        let (next, (date, part)) = longer(date, part)?;
        Some((next, date, part))
    }

    /// "first Monday 1pm to 3pm of next month": the hours stand inside the date.
    pub(super) fn split_nth_hours(&self, at: usize) -> Parse<What> {
        let (next, nth) = self.nth(at)?;
        let (next, weekday) = self.weekday(next)?;
        let (next, hours) = self.hours(next, true)?;
        let (next, _) = self.is(next, Class::Of)?;
        let (next, month) = self.month_ref(next)?;
        Some((next, What::HoursOf(Anchor::Nth { nth, weekday, month }.into(), hours)))
    }
}
