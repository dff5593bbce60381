//! The line that begins a message: date, time, author, text; as phones of all languages write it. Pure.

use jiff::civil::{Date, DateTime, Time};
use nexus_types::Millis;

/// A name is no longer than this.
const NAME_CHARS_MAX: usize = 60;

/// In which order a date's numbers stand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Order {
    DayFirst,
    MonthFirst,
}

/// The first line of a message.
#[derive(Debug, PartialEq)]
pub(super) struct Line<'a> {
    numbers: [i16; 3],
    year_first: bool,
    separator: char,
    time: Time,
    capitals: bool,
    /// How much time the stamp stands for.
    pub(super) resolution: Millis,
    /// Who speaks; `None`: WhatsApp itself.
    pub(super) author: Option<&'a str>,
    pub(super) text: &'a str,
}

impl Line<'_> {
    /// The order that this date can only be read in.
    pub(super) fn decides(&self) -> Option<Order> {
        match self.numbers {
            _ if self.year_first => Some(Order::MonthFirst),
            [a, b, _] if a > 12 && b <= 12 => Some(Order::DayFirst),
            [a, b, _] if a <= 12 && b > 12 => Some(Order::MonthFirst),
            _ => None,
        }
    }

    /// The order that this way of writing is more likely to mean.
    pub(super) fn suggests(&self) -> Order {
        if self.capitals && self.separator == '/' { Order::MonthFirst } else { Order::DayFirst }
    }

    /// When it was said, by the phone's clock.
    pub(super) fn at(&self, order: Order) -> Option<DateTime> {
        let [a, b, c] = self.numbers;
        let (year, month, day) = match (self.year_first, order) {
            (true, _) => (a, b, c),
            (false, Order::DayFirst) => (c, b, a),
            (false, Order::MonthFirst) => (c, a, b),
        };
        let year = if year < 100 { year + 2_000 } else { year };
        let date = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
        Some(date.to_datetime(self.time))
    }
}

/// Reads a line; `None` if it goes on with the message before it.
pub(super) fn read(line: &str) -> Option<Line<'_>> {
    let line = line.trim_start_matches(['\u{feff}', '\u{200e}', '\u{200f}']);
    let (bracketed, rest) = line.strip_prefix('[').map_or((false, line), |rest| (true, rest));
    let (first, rest) = number(rest, 4)?;
    let separator = rest.chars().next().filter(|c| matches!(c, '/' | '.' | '-'))?;
    let (second, rest) = number(&rest[1..], 2)?;
    let (third, rest) = number(rest.strip_prefix(separator)?, 4)?;
    let rest = rest.strip_prefix(',').unwrap_or(rest);
    let (time, capitals, resolution, rest) = time(rest.strip_prefix([' ', '\u{202f}'])?)?;
    let rest = rest.strip_prefix(if bracketed { "] " } else { " - " })?;
    let (author, text) = said(rest);
    let (numbers, year_first) = ([first, second, third], first > 999);
    Some(Line { numbers, year_first, separator, time, capitals, resolution, author, text })
}

/// Whether a file that begins so is an export of WhatsApp.
pub(crate) fn looks_like(head: &str) -> bool {
    head.lines().take(5).any(|line| read(line).is_some())
}

/// Author and text. Without a name before a colon, or with something that no name holds, WhatsApp itself speaks.
fn said(rest: &str) -> (Option<&str>, &str) {
    match rest.split_once(": ").or_else(|| rest.strip_suffix(':').map(|name| (name, ""))) {
        Some((name, text))
            if name.chars().count() <= NAME_CHARS_MAX && !name.contains(['"', '“', '”', '«', '\u{200e}']) =>
        {
            (Some(name.trim_start_matches(['~', ' ', '\u{202f}', '\u{a0}'])), text)
        }
        _ => (None, rest),
    }
}

/// A time of day: `21:14`, `9:14:05 PM`, `9.14 p. m.`; whether its letters are capitals, and its resolution.
fn time(text: &str) -> Option<(Time, bool, Millis, &str)> {
    let (mut hour, rest) = number(text, 2)?;
    let (minute, mut rest) = number(rest.strip_prefix([':', '.'])?, 2)?;
    let (mut second, mut resolution) = (0, 60_000);
    if let Some((value, after)) = rest.strip_prefix([':', '.']).and_then(|rest| number(rest, 2)) {
        (second, resolution, rest) = (value, 1_000, after);
    }
    let letters = rest.trim_start_matches([' ', '\u{202f}', '\u{a0}']);
    let marks = [("AM", 0), ("PM", 12), ("am", 0), ("pm", 12), ("a.m.", 0), ("p.m.", 12)];
    let spaced =
        [("a. m.", 0), ("p. m.", 12), ("a.\u{a0}m.", 0), ("p.\u{a0}m.", 12), ("a.\u{202f}m.", 0), ("p.\u{202f}m.", 12)];
    let mark = marks.iter().chain(&spaced).find(|(mark, _)| letters.starts_with(mark));
    if let Some((mark, half)) = mark {
        hour = (1..=12).contains(&hour).then_some(hour % 12 + half)?;
        rest = &letters[mark.len()..];
    }
    let byte = |value: i16| i8::try_from(value).ok();
    let time = Time::new(byte(hour)?, byte(minute)?, byte(second)?.min(59), 0).ok()?;
    Some((time, mark.is_some_and(|(mark, _)| mark.starts_with(['A', 'P'])), resolution, rest))
}

/// A number of up to so many digits, and what follows it.
fn number(text: &str, digits: usize) -> Option<(i16, &str)> {
    let count = text.bytes().take(digits).take_while(u8::is_ascii_digit).count();
    Some((text[..count].parse().ok()?, &text[count..]))
}
