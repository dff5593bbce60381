//! The top rule: the longest expression that starts at a token, with whatever bounds it.

use super::{Parse, Reader, longer};
use crate::lexicon::{Class, Language};
use crate::value::{Base, Bound, Expr, Period, What};

/// An expression in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Found {
    /// The byte it starts at.
    pub start: usize,
    /// The byte after its last one.
    pub end: usize,
    /// What it says.
    pub expr: Expr,
}

/// Days before and after the reference of "recently", "the other day", "a while ago", "years ago" and so on.
const VAGUE: [(i32, i32); 8] = [(30, 1), (14, -1), (365, -14), (7300, -730), (365, -60), (90, -14), (14, -2), (1, 1)];

/// How many words may lead up to the first strong one: "as early as the beginning of the".
const LEAD: usize = 8;

/// All time expressions in a text, in order and apart from each other.
pub fn recognise(text: &str, language: Language) -> Vec<Found> {
    let reader = Reader::new(text, language);
    let mut found = Vec::new();
    let mut at = 0;
    let mut strong = 0;
    while at < reader.tokens().len() {
        // Every expression hangs on a strong token, and only a few known words lead up to that.
        if strong < at || !reader.is_strong(strong) {
            match (at.max(strong)..reader.tokens().len()).find(|place| reader.is_strong(*place)) {
                Some(place) => strong = place,
                None => break,
            }
            let lead = (0..LEAD).take_while(|back| strong > *back && reader.is_known(strong - back - 1)).count();
            at = at.max(strong - lead);
        }
        match reader.expression(at) {
            Some((next, expr)) if next > at => {
                let tokens = reader.tokens();
                if let (Some(first), Some(last)) = (tokens.get(at), tokens.get(next - 1)) {
                    found.push(Found { start: first.start, end: reader.end_of(last, &expr), expr });
                }
                at = next;
            }
            _ => at += 1,
        }
    }
    found
}

impl Reader {
    /// Where an expression ends: before the "'s" of "last week's", but not of "New Year's".
    fn end_of(&self, last: &crate::scan::Token, expr: &Expr) -> usize {
        let holiday = matches!(expr.what, What::Date(date) if matches!(date.anchor, crate::value::Anchor::Holiday { .. } | crate::value::Anchor::HolidayNear { .. }));
        if holiday { last.end } else { last.end - usize::from(last.possessive) }
    }

    /// The longest expression that starts here.
    fn expression(&self, at: usize) -> Parse<Expr> {
        let token = self.token(at)?;
        let worth = token.word != 0
            || token.make == crate::scan::Make::Number
            || token.number == u32::from('½')
            || matches!(char::from_u32(token.number), Some('>' | '<')) && token.make == crate::scan::Make::Mark;
        if !worth || !self.may_start(at) {
            return None;
        }
        let rules =
            [self.plain(at), self.bounded(at), self.suffixed(at), self.date_bounded_time(at), self.compared(at)];
        let found = rules.into_iter().fold(None, longer).filter(|(next, _)| !self.cut_off(*next));
        found.filter(|(next, _)| !self.is_log_mark(at, *next))
    }

    /// Whether this is the stamp or the nick of a line in a log: "[13:45] <may> hello".
    fn is_log_mark(&self, at: usize, next: usize) -> bool {
        let Some(before) = at.checked_sub(1) else { return false };
        let stamp = self.mark(before, '[').is_some() && self.mark(next, ']').is_some();
        let nick = self.mark(before, '<').is_some() && self.mark(next, '>').is_some();
        let first =
            before.checked_sub(1).is_none_or(|at| self.token(at).is_some_and(|t| t.make == crate::scan::Make::Break));
        nick || (stamp && first)
    }

    /// An expression that nothing bounds.
    fn plain(&self, at: usize) -> Parse<Expr> {
        let what = self.what(at).map(|(next, what)| (next, Expr::from(what)));
        let bounded = self.bounded_offset(at).map(|(next, (what, side))| {
            let bound = [Bound::Before, Bound::Is, Bound::After][usize::try_from(side + 1).unwrap_or(1)];
            (next, Expr { what, bound })
        });
        longer(longer(what, bounded), longer(self.bounded_length(at), self.to_date(at)))
    }

    /// What is named here, whatever kind it is of. Finer kinds win a draw.
    fn what(&self, at: usize) -> Parse<What> {
        let rules = [
            self.set(at),
            self.date(at).map(|(next, date)| (next, What::Date(date))),
            self.offset_weekday(at),
            self.period(at).map(|(next, period)| (next, What::Period(period))),
            self.run(at),
            self.dates(at),
            self.stretch_from(at),
            self.moment(at),
            self.part_of_date(at),
            self.hours_of_date(at),
            self.split_nth_hours(at),
            self.moments(at),
            self.time_alone(at),
            self.part_alone(at),
            self.hours(at, false).map(|(next, hours)| (next, What::Times(hours))),
            self.length(at).map(|(next, length)| (next, What::Length(length))).filter(|_| self.length_stands(at)),
            self.vague(at),
        ];
        rules.into_iter().fold(None, longer)
    }

    /// A time of day: sharp, or a bare hour after "at".
    fn time_alone(&self, at: usize) -> Parse<What> {
        if let Some((next, _)) = self.is(at, Class::At).filter(|_| self.english)
            && let Some((end, time)) = self.dotted_time(next)
        {
            let end = self.loose_time(next).map_or(end, |(n, _)| n);
            let time = self.loose_time(next).map_or(time, |(_, t)| t);
            return Some((end, What::Time(time)));
        }
        let sharp = self.time(at);
        let loose =
            if self.at_before(at) { self.loose_time(at).filter(|(next, _)| self.hour_ends(*next)) } else { None };
        let (next, time) = longer(sharp, loose)?;
        Some((next, What::Time(time)))
    }

    /// Whether a bare hour may end here: not before a thing it would count.
    fn hour_ends(&self, next: usize) -> bool {
        let Some(token) = self.token(next) else { return true };
        // "at one with the world" names no hour; "at one on Friday" does.
        let joins = self.any(next, &[Class::On, Class::Or, Class::And, Class::To, Class::For]).is_some();
        let known = token.make != crate::scan::Make::Word || self.is_strong(next) || joins;
        known && self.unit(next).is_none() && self.is(next, Class::Part).is_none()
    }

    /// A part of the day, unless it only greets.
    fn part_alone(&self, at: usize) -> Parse<What> {
        if let Some((next, value)) =
            self.is(at, Class::At).and_then(|(n, _)| self.is(n, Class::Meal)).filter(|_| self.english)
        {
            return Some((next, What::Part(crate::lexicon::part(value)?, crate::value::Piece::Whole)));
        }
        let (next, (part, piece)) = self.day_part(at)?;
        if self.english {
            let good = at.checked_sub(1).is_some_and(|before| self.is(before, Class::Greeting).is_some());
            let bare_night = self.is(at, Class::Unit).is_some();
            return (!good && !bare_night).then_some((next, What::Part(part, piece)));
        }
        let led = self.any(at, &[Class::For, Class::In]).is_some()
            || at.checked_sub(1).is_some_and(|before| self.is(before, Class::The).is_some());
        // Of "en la noche de hoy" the expression is "noche de hoy".
        if self.is(next, Class::PureOf).is_some_and(|(n, _)| self.plain_date(n).is_some()) {
            return None;
        }
        let morning = next == at + 1 && self.is(at, Class::Today).is_some();
        (led && !morning || next > at + 1 || piece != crate::value::Piece::Whole)
            .then_some((next, What::Part(part, piece)))
    }

    /// Whether a length here is one, and not "a second" or "the second".
    fn length_stands(&self, at: usize) -> bool {
        let the = at.checked_sub(1).is_some_and(|before| self.is(before, Class::The).is_some());
        self.digits(at).is_some() || !the || !self.english
    }

    /// "to date", but not "up to date".
    fn to_date(&self, at: usize) -> Parse<Expr> {
        let (next, _) = self.is(at, Class::ToDate)?;
        let up = at.checked_sub(1).and_then(|before| self.is(before, Class::To)).is_some();
        let from = self.any(next, &[Class::From]).is_some();
        (!up && !from).then_some((next, Expr { what: What::Now, bound: Bound::Before }))
    }

    fn vague(&self, at: usize) -> Parse<What> {
        let (next, which) = self.is(at, Class::Vague)?;
        let (before, after) = VAGUE.get(usize::try_from(which).ok()?)?;
        Some((next, What::Vague(*before, *after)))
    }

    /// "more than 4 days", "less than 1 week".
    fn bounded_length(&self, at: usize) -> Parse<Expr> {
        let more = self.is(at, Class::More).map(|(next, _)| (next, Bound::More));
        let less = self.is(at, Class::Less).map(|(next, _)| (next, Bound::Less));
        let (next, bound) = longer(more, less)?;
        let (next, length) = self.length(next)?;
        Some((next, Expr { what: What::Length(length), bound }))
    }

    /// "before 2018", "since August", "around tomorrow 10am", "as late as 7:00".
    fn bounded(&self, at: usize) -> Parse<Expr> {
        let at = self.year_lead(at);
        let (next, bound) = self.bound(at)?;
        let (next, bound) = match (self.is(next, Class::Around), bound) {
            (Some((next, _)), Bound::After) => (next, Bound::AfterApprox),
            (Some((next, _)), Bound::Before) => (next, Bound::BeforeApprox),
            (found, bound) => (found.map_or(next, |(next, _)| next), bound),
        };
        let the = self.skip(next, Class::The);
        let year = self.unit(the).is_some_and(|(_, unit)| unit == crate::value::Unit::Year);
        let starts = if self.english && self.piece(the).is_none() && !year { [next, next] } else { [next, the] };
        let inner = starts.into_iter().map(|start| self.bounded_what(start, bound)).fold(None, longer);
        inner.map(|(end, what)| (end, Expr { what, bound }))
    }

    /// Past the "año" of "año posterior a 2012".
    fn year_lead(&self, at: usize) -> usize {
        let year = self.unit(at).filter(|(next, unit)| {
            !self.english
                && *unit == crate::value::Unit::Year
                && self.any(*next, &[Class::After, Class::Before]).is_some()
        });
        year.map_or(at, |(next, _)| next)
    }

    fn bound(&self, at: usize) -> Parse<Bound> {
        let classes = [
            (Class::AsLate, Bound::Until),
            (Class::Before, Bound::Before),
            (Class::After, Bound::After),
            (Class::Since, Bound::Since),
            (Class::Around, Bound::Approx),
        ];
        let found = classes.into_iter().map(|(class, bound)| self.is(at, class).map(|(next, _)| (next, bound)));
        longer(found.fold(None, longer), self.about(at))
    }

    /// "about 3pm", but not "how about Monday".
    fn about(&self, at: usize) -> Parse<Bound> {
        let (next, _) = self.is(at, Class::About)?;
        (self.time(next).is_some() && self.offset(next).is_none() && self.date(next).is_none())
            .then_some((next, Bound::Approx))
    }

    /// What a bound may stand before.
    fn bounded_what(&self, at: usize, bound: Bound) -> Parse<What> {
        let meal = self.is(at, Class::Meal).and_then(|(next, value)| {
            Some((next, What::Part(crate::lexicon::part(value)?, crate::value::Piece::Whole)))
        });
        let rules = [
            self.date(at).map(|(next, date)| (next, What::Date(date))),
            self.period(at).map(|(next, period)| (next, What::Period(period))),
            self.moment(at).filter(|(_, what)| !matches!(what, What::Now) || !self.english),
            self.time(at)
                .or_else(|| if self.at_before(at) || self.las_before(at) { self.loose_time(at) } else { None })
                .map(|(next, time)| (next, What::Time(time))),
            self.day_part(at).map(|(next, (part, piece))| (next, What::Part(part, piece))),
            meal.filter(|_| bound != Bound::Approx),
            self.part_of_date(at),
        ];
        rules.into_iter().fold(None, longer)
    }

    /// "2012 or later", "3 pm or later on Monday", "1/1/2016 and earlier".
    fn suffixed(&self, at: usize) -> Parse<Expr> {
        let (next, what) = self.what(at)?;
        let (next, side) = self.is(next, Class::OrLater)?;
        // "or later than 2020" starts the next expression.
        if longer(self.is(next - 1, Class::After), self.is(next - 1, Class::Before)).is_some_and(|(n, _)| n > next) {
            return None;
        }
        let bound = if side > 0 { Bound::Since } else { Bound::Until };
        if let What::Time(time) = what
            && let Some((end, date)) = self.plain_date(self.skip(next, Class::On))
        {
            return Some((end, Expr { what: What::Moment(date, time), bound }));
        }
        let stands = !matches!(what, What::Length(_) | What::Every(_));
        stands.then_some((next, Expr { what, bound }))
    }

    /// "today before 4pm", "Tuesday after 1pm".
    fn date_bounded_time(&self, at: usize) -> Parse<Expr> {
        let (next, date) = self.plain_date(at)?;
        let (next, bound) = self.bound(self.skip_mark(next, ',')).filter(|(_, bound)| *bound != Bound::Approx)?;
        let (next, time) = self.time(next).or_else(|| self.time(self.skip(next, Class::The)))?;
        Some((next, Expr { what: What::Moment(date, time), bound }))
    }

    /// ">= 2019", "> = 2019".
    fn compared(&self, at: usize) -> Parse<Expr> {
        let (next, bound) = match (self.mark(at, '>'), self.mark(at, '<')) {
            (Some(next), _) => (next, Bound::After),
            (_, Some(next)) => (next, Bound::Before),
            _ => return None,
        };
        let (next, bound) = match (self.mark(next, '='), bound) {
            (Some(next), Bound::After) => (next, Bound::Since),
            (Some(next), _) => (next, Bound::Until),
            (None, bound) => (next, bound),
        };
        let (next, what) = self.bounded_what(next, bound)?;
        let sharp = match what {
            What::Period(Period { base: Base::Year(_) | Base::Month(_), .. }) | What::Date(_) | What::Moment(..) => {
                true
            }
            What::Time(_) => next > at + 2,
            _ => false,
        };
        sharp.then_some((next, Expr { what, bound }))
    }
}
