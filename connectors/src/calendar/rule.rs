//! Recurrence rules in words: `FREQ=WEEKLY;BYDAY=MO` repeats "every week on Monday". What is rare is told as it is written.

use super::when::{When, Zones};

const DAYS: [(&str, &str); 7] = [
    ("MO", "Monday"),
    ("TU", "Tuesday"),
    ("WE", "Wednesday"),
    ("TH", "Thursday"),
    ("FR", "Friday"),
    ("SA", "Saturday"),
    ("SU", "Sunday"),
];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// The sentence of a rule. `start` is when what repeats is first.
pub(super) fn sentence(rule: &str, start: &When, zones: &Zones) -> String {
    match words(rule, start, zones) {
        Some(words) => format!("It repeats {words}."),
        None => format!("It repeats by the rule {}.", rule.trim()),
    }
}

/// The words of a rule; nothing where it has parts that are not told.
fn words(rule: &str, start: &When, zones: &Zones) -> Option<String> {
    let (mut unit, mut interval, mut on, mut months, mut end) = ("", 1_u32, Vec::new(), Vec::new(), String::new());
    for part in rule.trim().trim_end_matches(';').split(';') {
        let (name, value) = part.split_once('=')?;
        let value = value.trim();
        match name.trim().to_ascii_uppercase().as_str() {
            "FREQ" => unit = unit_of(value)?,
            "INTERVAL" => interval = value.parse().ok().filter(|many| *many > 0)?,
            "COUNT" => end = times(value.parse().ok()?),
            "UNTIL" => end = format!(" until {}", zones.read(value, None).ok()?.beside(start).day()),
            "BYDAY" => on.extend(each(value, weekday)?),
            "BYMONTHDAY" => on.extend(each(value, month_day)?),
            "BYMONTH" => months = each(value, month)?,
            // On which day a week begins.
            "WKST" => {}
            _ => return None,
        }
    }
    let mut words = match (unit, interval) {
        ("", _) => return None,
        (unit, 1) => format!("every {unit}"),
        (unit, interval) => format!("every {interval} {unit}s"),
    };
    if !months.is_empty() {
        words += &format!(" in {}", listed(&months));
    }
    if !on.is_empty() {
        words += &format!(" on {}", listed(&on));
    }
    Some(words + &end)
}

fn unit_of(frequency: &str) -> Option<&'static str> {
    Some(match frequency.to_ascii_uppercase().as_str() {
        "SECONDLY" => "second",
        "MINUTELY" => "minute",
        "HOURLY" => "hour",
        "DAILY" => "day",
        "WEEKLY" => "week",
        "MONTHLY" => "month",
        "YEARLY" => "year",
        _ => return None,
    })
}

fn times(count: u32) -> String {
    match count {
        1 => ", once".into(),
        count => format!(", {count} times"),
    }
}

fn each(list: &str, one: fn(&str) -> Option<String>) -> Option<Vec<String>> {
    list.split(',').map(|part| one(part.trim())).collect()
}

/// `MO`, `1MO`, `-1FR`.
fn weekday(text: &str) -> Option<String> {
    let at = text.len().checked_sub(2)?;
    let (which, day) = (text.get(..at)?, text.get(at..)?);
    let (_, day) = DAYS.iter().find(|(short, _)| short.eq_ignore_ascii_case(day))?;
    if which.is_empty() {
        return Some((*day).into());
    }
    match which.parse::<i32>().ok()? {
        0 => None,
        which @ 1.. => Some(format!("the {} {day}", nth(which))),
        -1 => Some(format!("the last {day}")),
        which => Some(format!("the {} last {day}", nth(which.checked_neg()?))),
    }
}

/// `15`, `-1`.
fn month_day(text: &str) -> Option<String> {
    match text.parse::<i32>().ok()? {
        0 => None,
        day @ 1.. => Some(format!("the {}", nth(day))),
        -1 => Some("the last day".into()),
        day => Some(format!("the {} last day", nth(day.checked_neg()?))),
    }
}

fn month(text: &str) -> Option<String> {
    let at = text.parse::<usize>().ok()?.checked_sub(1)?;
    MONTHS.get(at).map(|month| (*month).into())
}

fn nth(number: i32) -> String {
    let word = ["first", "second", "third", "fourth", "fifth"];
    let found = usize::try_from(number).ok().and_then(|number| word.get(number.checked_sub(1)?));
    found.map_or_else(
        || {
            let end = match (number % 10, number % 100) {
                (_, 11..=13) => "th",
                (1, _) => "st",
                (2, _) => "nd",
                (3, _) => "rd",
                _ => "th",
            };
            format!("{number}{end}")
        },
        |word| (*word).into(),
    )
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn listed(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [many @ .., last] => format!("{} and {last}", many.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::when::known;
    use super::*;

    #[test]
    fn rules_are_told_in_words() {
        let zone = known("America/New_York").unwrap();
        let zones = Zones { floating: zone.clone(), home: None };
        let start = zones.read("20260504T200000", Some("America/New_York")).unwrap();
        let said = |rule: &str| sentence(rule, &start, &zones);
        assert_eq!(said("FREQ=WEEKLY;BYDAY=MO"), "It repeats every week on Monday.");
        assert_eq!(
            said("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE,FR;WKST=SU"),
            "It repeats every 2 weeks on Monday, Wednesday and Friday."
        );
        // The last evening in New York is a day later in UTC.
        assert_eq!(said("FREQ=DAILY;UNTIL=20260802T000000Z"), "It repeats every day until 2026-08-01.");
        assert_eq!(
            said("FREQ=MONTHLY;BYDAY=1MO,-1FR;COUNT=10"),
            "It repeats every month on the first Monday and the last Friday, 10 times."
        );
        assert_eq!(said("FREQ=MONTHLY;BYMONTHDAY=-1,22"), "It repeats every month on the last day and the 22nd.");
        assert_eq!(
            said("FREQ=YEARLY;BYMONTH=3;BYDAY=-2SU"),
            "It repeats every year in March on the second last Sunday."
        );
        for rare in [
            "FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=-1",
            "FREQ=NEVER",
            "x",
            "FREQ=DAILY;COUNT=99999999999",
            "FREQ=WEEKLY;BYDAY=é",
        ] {
            assert_eq!(said(rare), format!("It repeats by the rule {rare}."));
        }
    }
}
