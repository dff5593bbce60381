//! Time expressions in a sentence, and what they say of a claim: since when, until when, or at what time.

use nexus_types::{Aspect, TimeExpr, When};

use super::lexicon::Class;
use super::rule::{Meaning, Slot, TimeRule, UNITS};
use super::sentence::{CLAUSE_WORDS_MAX, Sentence};
use super::slots::{Fill, Match};
use super::token::Kind;

/// A time expression found in a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Time {
    pub(super) bearing: Bearing,
    pub(super) from: Option<TimeExpr>,
    pub(super) to: Option<TimeExpr>,
    /// One past its last token.
    pub(super) end: usize,
}

/// How a time bears on what is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bearing {
    /// Then.
    At,
    /// From then on.
    Since,
    /// Up to then.
    Until,
    /// From one to another.
    Span,
    /// So long; ends now if it still holds.
    Lasting,
}

impl Bearing {
    /// Whether it stretches to the time of speaking.
    pub(super) fn lasts(self) -> bool {
        matches!(self, Bearing::Since | Bearing::Lasting)
    }
}

impl Sentence<'_> {
    /// The longest time expression that begins at this token.
    pub(super) fn time(&self, at: usize) -> Option<Time> {
        self.time_at(at, false)
    }

    fn time_at(&self, at: usize, inside: bool) -> Option<Time> {
        let word = self.word(at);
        let first: &[TimeRule] = match self.language.times.get(&word) {
            Some(rules) => rules,
            None => &[],
        };
        let counts = self.kind(at) == Some(Kind::Number)
            || [Class::Number, Class::Month, Class::Weekday, Class::Unit].into_iter().any(|class| self.is(at, class));
        let loose: &[TimeRule] = if counts { &self.language.loose_times } else { &[] };
        let rules = first.iter().chain(loose).filter(|rule| inside || !rule.inner);
        let mut best: Option<Time> = None;
        for rule in rules {
            if let Some(time) = self.matches(&rule.pattern, at).and_then(|found| meant(rule, &found))
                && best.is_none_or(|best| time.end > best.end)
            {
                best = Some(time);
            }
        }
        best
    }

    /// The times of a clause: those before its verb and after its last word; and where the last one ends.
    pub(super) fn times(&self, spent: usize, verb: usize, end: usize) -> (Vec<Time>, usize) {
        let mut times = Vec::new();
        let mut at = spent;
        while at < verb {
            match self.time(at) {
                Some(time) if time.end <= verb => {
                    times.push(time);
                    at = time.end;
                    // "In 2019, I moved …"
                    at += usize::from(self.raw(at) == ",");
                }
                _ => {
                    let other = self.is_break(at) || self.is(at, Class::And) || self.is(at, Class::But);
                    if other {
                        times.clear();
                    }
                    at += 1;
                }
            }
        }
        let mut last = end;
        let mut at = end;
        while at < self.len().min(end + CLAUSE_WORDS_MAX) {
            if let Some(time) = self.time(at) {
                times.push(time);
                at = time.end;
                last = at;
                continue;
            }
            let comma = self.raw(at) == "," && self.time(at + 1).is_some();
            let other = [Class::Speaker, Class::Us, Class::Addressee, Class::Third, Class::And, Class::Stop];
            if !comma && (self.is_break(at) || other.into_iter().any(|class| self.is(at, class))) {
                break;
            }
            at += 1;
        }
        (times, last)
    }

    /// A part of a time expression.
    pub(super) fn time_slot(&self, slot: Slot, at: usize) -> Option<(Fill, usize)> {
        let number = || match self.kind(at)? {
            Kind::Number => self.raw(at).parse::<i64>().ok(),
            _ => None,
        };
        let ordinal = |class| self.is(at, class).then(|| self.language.ordinal(self.word(at))).flatten();
        // English writes months and weekdays with a capital, and "may", "sun" without one are other words.
        let named = self.tokens.get(at).is_some_and(|token| token.capital) || self.language.drops_subject;
        let fill = match slot {
            Slot::Point => {
                let time = self.time_at(at, true).filter(|time| time.bearing == Bearing::At)?;
                return Some((Fill::Point(time.from?), time.end));
            }
            Slot::Number => {
                let value = number().or_else(|| ordinal(Class::Number).map(i64::from))?;
                Fill::Number(i32::try_from(value).ok().filter(|value| (1..=200).contains(value))?)
            }
            Slot::Unit => Fill::Unit(ordinal(Class::Unit)? as usize),
            Slot::Month => Fill::Month(ordinal(Class::Month).filter(|_| named)? as i8),
            Slot::Weekday => Fill::Weekday(ordinal(Class::Weekday).filter(|_| named)? as i8),
            Slot::Day => Fill::Day(day_number(self.raw(at)).filter(|day| (1..=31).contains(day))?),
            Slot::Year => {
                let year = number().filter(|_| self.raw(at).len() == 4).filter(|year| (1900..=2100).contains(year))?;
                Fill::Year(year as i16)
            }
            _ => return None,
        };
        Some((fill, at + 1))
    }
}

/// `12`, `1st`, `23rd` as a number.
fn day_number(text: &str) -> Option<i8> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let suffix = &text[digits.len()..];
    matches!(suffix, "" | "st" | "nd" | "rd" | "th").then(|| digits.parse().ok()).flatten()
}

fn meant(rule: &TimeRule, found: &Match) -> Option<Time> {
    let point = |from: TimeExpr| Time { bearing: Bearing::At, from: Some(from), to: None, end: found.end };
    let mut points = found.fills.iter().filter_map(|fill| match fill {
        Fill::Point(point) => Some(*point),
        _ => None,
    });
    let number = found.fills.iter().find_map(|fill| match fill {
        Fill::Number(number) => Some(*number),
        _ => None,
    });
    let unit = found.fills.iter().find_map(|fill| match fill {
        Fill::Unit(at) => UNITS.get(at.wrapping_sub(1)).copied(),
        _ => None,
    });
    let framed = |bearing, from, to| Time { bearing, from, to, end: found.end };
    Some(match rule.meaning {
        Meaning::Date => point(date(found)?),
        Meaning::Offset(count, own) => point(TimeExpr::Offset(count * number.unwrap_or(1), own.or(unit)?)),
        Meaning::Weekday(which) => point(found.fills.iter().find_map(|fill| match fill {
            Fill::Weekday(day) => Some(TimeExpr::Weekday(*day, which)),
            _ => None,
        })?),
        Meaning::Since => framed(Bearing::Since, Some(points.next()?), None),
        Meaning::Until => framed(Bearing::Until, None, Some(points.next()?)),
        Meaning::Span => framed(Bearing::Span, Some(points.next()?), Some(points.next()?)),
        Meaning::At => framed(Bearing::At, Some(points.next()?), None),
        Meaning::Vague => framed(Bearing::At, None, None),
        Meaning::Lasting => framed(Bearing::Lasting, Some(TimeExpr::Offset(-number.unwrap_or(1), unit?)), None),
    })
}

fn date(found: &Match) -> Option<TimeExpr> {
    let (mut year, mut month, mut day) = (None, None, None);
    for fill in &found.fills {
        match fill {
            Fill::Year(value) => year = Some(*value),
            Fill::Month(value) => month = Some(*value),
            Fill::Day(value) => day = Some(*value),
            _ => {}
        }
    }
    let sound = month.is_some() || (year.is_some() && day.is_none());
    sound.then_some(TimeExpr::Date { year, month, day })
}

/// What the times of a clause say of a claim that begins, ends, happens or holds.
pub(super) fn bearing(times: &[Time], aspect: Aspect, event: bool) -> When {
    let mut when = When::default();
    for time in times {
        match time.bearing {
            Bearing::Since if aspect != Aspect::Ends => when.from = when.from.or(time.from),
            Bearing::Since => when.to = when.to.or(time.from),
            Bearing::Until => when.to = when.to.or(time.to),
            Bearing::Span => {
                when.from = when.from.or(time.from);
                when.to = when.to.or(time.to);
            }
            Bearing::Lasting if aspect == Aspect::Holds && !event => when.from = when.from.or(time.from),
            Bearing::Lasting => {}
            Bearing::At if aspect == Aspect::Ends => when.to = when.to.or(time.from),
            Bearing::At if aspect != Aspect::Holds || event => when.from = when.from.or(time.from),
            Bearing::At => {}
        }
    }
    when
}
