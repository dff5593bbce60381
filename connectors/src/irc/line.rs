//! One line of a log: its stamp, who speaks, and what is said. Pure: knows no file and no line before it.

use jiff::civil::Time;
use jiff::tz::Offset;
use nexus_types::{Kind, Millis};

/// What stands on a line.
#[derive(Debug, PartialEq)]
pub(super) struct Line<'a> {
    pub(super) stamp: Option<Stamp>,
    pub(super) kind: Kind,
    /// The nick; empty for a notice of the server or the client.
    pub(super) author: &'a str,
    /// For an action it begins with the nick: `anna waves`.
    pub(super) text: &'a str,
    pub(super) action: bool,
}

/// When a line was written, as far as it says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stamp {
    /// Year, month and day; some clients leave the year out.
    pub(super) date: Option<(Option<i16>, i8, i8)>,
    pub(super) time: Time,
    pub(super) offset: Option<Offset>,
    /// How many milliseconds it stands for.
    pub(super) resolution: Millis,
}

/// What clients write before a line of their own or of the server.
const MARKS: [&str; 9] = ["===", "***", "-!-", "-->", "<--", "---", "--", "->", "<-"];
/// What clients write when a log begins or ends or a day does, with the date.
const DAYS: [&str; 6] =
    ["--- Day changed", "--- Log opened", "--- Log closed", "**** BEGIN LOGGING", "**** ENDING LOGGING", "Session "];
/// What happens to a nick, said after it and its host.
const HAPPENINGS: [&str; 13] = [
    "has joined #",
    "has joined &",
    "has left #",
    "has left &",
    "has left [",
    "has left (",
    "has quit",
    "has changed ",
    "changed the topic",
    "changes topic",
    "sets mode",
    "was kicked ",
    "has kicked ",
];
/// The same, said before it.
const HAPPENINGS_BEFORE: [&str; 4] = ["Joins: ", "Parts: ", "Quits: ", "Disconnects: "];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Reads a line. `known` says of a nick whether it has been seen: a log that marks actions as it marks notices (`===`)
/// can only so tell them apart.
pub(super) fn read(line: &str, known: impl Fn(&str) -> bool) -> Result<Line<'_>, String> {
    if DAYS.iter().any(|day| line.starts_with(day)) {
        return Ok(Line { stamp: day(line), ..notice("", line) });
    }
    let (stamp, rest) = match stamp(line) {
        Some((stamp, rest)) => (Some(stamp), rest),
        None => (None, line),
    };
    let said = match rest.strip_prefix('\t').and_then(|rest| rest.split_once('\t')) {
        Some((nick, text)) if stamp.is_some() => column(nick.trim(), text, known),
        _ => said(rest.trim_start(), known),
    };
    let said = said.ok_or(match stamp {
        Some(_) => "no <nick> and no notice after the time",
        None => "neither a time nor a notice",
    })?;
    Ok(Line { stamp, ..said })
}

/// Whether a file that begins so is a log of IRC.
pub(crate) fn looks_like(head: &str) -> bool {
    let lines = || head.lines().filter(|line| !line.trim().is_empty()).take(200);
    let spoken = |line: &Line<'_>| line.stamp.is_some() && line.kind == Kind::Message;
    let read = |line| read(line, |_| false).ok();
    lines().filter_map(read).any(|line| spoken(&line)) && lines().filter_map(read).count() * 10 >= lines().count() * 7
}

fn notice<'a>(author: &'a str, text: &'a str) -> Line<'a> {
    Line { stamp: None, kind: Kind::Notice, author, text, action: false }
}

fn message<'a>(author: &'a str, text: &'a str) -> Line<'a> {
    Line { stamp: None, kind: Kind::Message, author, text, action: false }
}

/// WeeChat: nick or mark, and text, in columns.
fn column<'a>(nick: &'a str, text: &'a str, known: impl Fn(&str) -> bool) -> Option<Line<'a>> {
    match nick {
        "" | "--" | "-->" | "<--" => server(text, known),
        "*" => action(text, known),
        nick => Some(message(handle(nick), text)),
    }
}

/// What stands after the stamp.
fn said(text: &str, known: impl Fn(&str) -> bool) -> Option<Line<'_>> {
    if let Some(mark) =
        MARKS.iter().find(|mark| text.strip_prefix(*mark).is_some_and(|rest| rest.starts_with([' ', '\t', '*'])))
    {
        let rest = text[mark.len()..].trim_matches(['*', ' ', '\t']);
        let acts = *mark == "===" && known(first_word(rest)) && !happens(rest);
        return if acts { action(rest, known) } else { server(rest, known) };
    }
    if let Some(rest) = text.strip_prefix("* ").or_else(|| text.strip_prefix("*\t")) {
        return action(rest.trim_start(), known);
    }
    if let Some((nick, rest)) = text.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
        let nick = handle(nick);
        return (!nick.is_empty()).then(|| message(nick, rest.strip_prefix([' ', '\t']).unwrap_or(rest)));
    }
    if let Some((nick, rest)) = text.strip_prefix('(').and_then(|rest| rest.split_once(") "))
        && let Some((nick, _)) = nick.split_once("/#")
    {
        return Some(message(handle(nick), rest));
    }
    let (nick, rest) = text.strip_prefix('-')?.split_once("- ")?;
    let nick = nick.split_once(':').map_or(nick, |(nick, _)| nick);
    (!nick.is_empty() && !nick.contains(' ')).then(|| notice(nick, rest))
}

/// A line of the server or the client.
fn server(text: &str, known: impl Fn(&str) -> bool) -> Option<Line<'_>> {
    let nick = first_word(text);
    if let Some((from, to)) = text.split_once(" is now known as ")
        && first_word(to) == to.trim_end()
        && (from == nick || from[nick.len()..].trim_start().starts_with(['[', '(']))
    {
        return Some(Line { kind: Kind::Rename, ..message(handle(nick), to.trim_end()) });
    }
    if let Some(rest) = HAPPENINGS_BEFORE.iter().find_map(|before| text.strip_prefix(before)) {
        return Some(notice(first_word(rest), text));
    }
    let about = if happens(text) || known(nick) { nick } else { "" };
    Some(notice(about, text))
}

fn action(text: &str, known: impl Fn(&str) -> bool) -> Option<Line<'_>> {
    if happens(text) || text.contains(" is now known as ") {
        return server(text, known);
    }
    let nick = first_word(text);
    (!nick.is_empty()).then(|| Line { action: true, ..message(nick, text) })
}

/// Whether this is `nick [host] has joined #channel` or the like.
fn happens(text: &str) -> bool {
    let rest = text[first_word(text).len()..].trim_start();
    let host = match rest.chars().next() {
        Some('[') => rest.find(']'),
        Some('(') => rest.find(')'),
        _ => None,
    };
    let rest = host.map_or(rest, |end| rest[end + 1..].trim_start());
    HAPPENINGS.iter().any(|happening| rest.starts_with(happening))
}

fn first_word(text: &str) -> &str {
    text.split(char::is_whitespace).next().unwrap_or_default()
}

/// A nick without the signs of its rank in the channel.
fn handle(nick: &str) -> &str {
    nick.trim().trim_start_matches(['@', '+', '%', '&', '~', '!'])
}

/// The stamp at the start of a line, and what follows it.
fn stamp(line: &str) -> Option<(Stamp, &str)> {
    if let Some((inside, rest)) = line.strip_prefix('[').and_then(|line| line.split_once(']')) {
        let (date, inside) = date_before(inside);
        let (stamp, end) = time(inside, date)?;
        return end.trim().is_empty().then_some((stamp, rest));
    }
    let (date, rest) = date_before(line);
    let (stamp, rest) = time(rest, date)?;
    rest.starts_with([' ', '\t']).then_some((stamp, rest))
}

type MonthDay = (Option<i16>, i8, i8);

/// A date before a time: `2004-12-25 `, `2004-12-25T`, `Dec 25 `. Without one, all of the text is left.
fn date_before(text: &str) -> (Option<MonthDay>, &str) {
    let written = || {
        let (month, rest) = (MONTHS.iter().position(|month| text.starts_with(month))?, text.get(3..)?);
        let (day, rest) = number(rest.trim_start(), 2)?;
        Some(((None, i8::try_from(month + 1).ok()?, i8::try_from(day).ok()?), rest.strip_prefix(' ')?))
    };
    let digits = || {
        let (year, rest) = number(text, 4).filter(|(_, rest)| text.len() - rest.len() == 4)?;
        let (month, rest) = number(rest.strip_prefix('-')?, 2)?;
        let (day, rest) = number(rest.strip_prefix('-')?, 2)?;
        let date = (Some(year), i8::try_from(month).ok()?, i8::try_from(day).ok()?);
        Some((date, rest.strip_prefix([' ', 'T'])?))
    };
    match digits().or_else(written) {
        Some((date, rest)) => (Some(date), rest),
        None => (None, text),
    }
}

/// A time of day: `9:14`, `09:14:01.250Z`, `09:14:01 PM`, `09:14+02:00`; and what follows it.
fn time(text: &str, date: Option<MonthDay>) -> Option<(Stamp, &str)> {
    let (hour, rest) = number(text, 2)?;
    let (minute, mut rest) = number(rest.strip_prefix(':')?, 2).filter(|(_, after)| rest.len() - after.len() == 3)?;
    let (mut second, mut nanos, mut resolution) = (0, 0, 60_000);
    if let Some((value, after)) = rest.strip_prefix(':').and_then(|rest| number(rest, 2)) {
        (second, resolution, rest) = (value, 1_000, after);
        if let Some(fraction) = rest.strip_prefix('.') {
            let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
            let millis = format!("{:0<3}", &fraction[..digits.min(3)]);
            (nanos, resolution, rest) = (millis.parse::<i32>().ok()? * 1_000_000, 1, &fraction[digits..]);
        }
    }
    let (hour, rest) = half_of_day(hour, rest);
    let (offset, rest) = offset(rest);
    let byte = |value: i16| i8::try_from(value).ok();
    let time = Time::new(byte(hour)?, byte(minute)?, byte(second)?.min(59), nanos).ok()?;
    Some((Stamp { date, time, offset, resolution }, rest))
}

/// The hour after `AM` or `PM`, if one follows.
fn half_of_day(hour: i16, rest: &str) -> (i16, &str) {
    let mark = rest.trim_start().get(..2).map(str::to_ascii_uppercase);
    let after = rest.trim_start().get(2..).unwrap_or_default();
    match mark.as_deref() {
        Some("AM") if (1..=12).contains(&hour) => (hour % 12, after),
        Some("PM") if (1..=12).contains(&hour) => (hour % 12 + 12, after),
        _ => (hour, rest),
    }
}

/// `Z`, `+02:00` or `+0200`, if one follows.
fn offset(text: &str) -> (Option<Offset>, &str) {
    if let Some(rest) = text.strip_prefix('Z') {
        return (Some(Offset::UTC), rest);
    }
    let read = || {
        let sign = if text.starts_with('+') { 1 } else { -1 };
        let (hours, rest) = number(text.strip_prefix(['+', '-'])?, 2)?;
        let (minutes, rest) = number(rest.strip_prefix(':').unwrap_or(rest), 2)?;
        Some((Offset::from_seconds(sign * (i32::from(hours) * 3600 + i32::from(minutes) * 60)).ok()?, rest))
    };
    read().map_or((None, text), |(offset, rest)| (Some(offset), rest))
}

/// A number of up to so many digits, and what follows it.
fn number(text: &str, digits: usize) -> Option<(i16, &str)> {
    let count = text.bytes().take(digits).take_while(u8::is_ascii_digit).count();
    Some((text[..count].parse().ok()?, &text[count..]))
}

/// The day, and the time if it is given, in `--- Log opened Sat Dec 25 09:14:01 2004`.
fn day(line: &str) -> Option<Stamp> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let at = words.iter().position(|word| MONTHS.contains(word))?;
    let month = MONTHS.iter().position(|month| *month == words[at])? + 1;
    let day = words.get(at + 1)?.parse().ok()?;
    let year = words[at..].iter().find(|word| word.len() == 4)?.parse().ok()?;
    let date = (Some(year), i8::try_from(month).ok()?, day);
    let time = words.iter().find_map(|word| time(word, Some(date))).map(|(stamp, _)| stamp);
    Some(time.unwrap_or(Stamp { date: Some(date), time: Time::midnight(), offset: None, resolution: 1_000 }))
}
