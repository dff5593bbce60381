//! Times as the model is told to write them: a date as far as it is known, or so long from the day of the message.
//!
//! `read` of nothing is nothing; of what is no time, an error. Cost: none.

use nexus_types::{TimeExpr, Unit};

const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// The farthest that is counted from the day of a message.
const COUNT_MAX: i32 = 10_000;

/// The time; `None` if it is none, `Some(None)` if nothing is given.
pub(super) fn read(said: Option<&str>) -> Option<Option<TimeExpr>> {
    let said = said.unwrap_or_default().trim().to_lowercase();
    match said.as_str() {
        "" => Some(None),
        said => weekday(said).or_else(|| offset(said)).or_else(|| date(said)).map(Some),
    }
}

fn date(said: &str) -> Option<TimeExpr> {
    let (year, rest) = match said.strip_prefix("--") {
        Some(rest) => (None, Some(rest)),
        None => {
            let (year, rest) = said.split_once('-').map_or((said, None), |(year, rest)| (year, Some(rest)));
            (Some((year.len() == 4).then(|| year.parse::<i16>().ok()).flatten().filter(|year| *year > 0)?), rest)
        }
    };
    let part = |digits: &str, most: i8| {
        (digits.len() == 2).then(|| digits.parse::<i8>().ok()).flatten().filter(|number| (1..=most).contains(number))
    };
    let (month, day) =
        match rest.map(|rest| rest.split_once('-').map_or((rest, None), |(month, day)| (month, Some(day)))) {
            None => (None, None),
            Some((month, None)) => (Some(part(month, 12)?), None),
            Some((month, Some(day))) => (Some(part(month, 12)?), Some(part(day, 31)?)),
        };
    Some(TimeExpr::Date { year, month, day })
}

fn offset(said: &str) -> Option<TimeExpr> {
    let (count, unit) = said.split_once(' ')?;
    let count = count.parse::<i32>().ok().filter(|count| count.abs() <= COUNT_MAX)?;
    let unit = match unit.strip_suffix('s').unwrap_or(unit) {
        "hour" => Unit::Hour,
        "day" => Unit::Day,
        "week" => Unit::Week,
        "month" => Unit::Month,
        "year" => Unit::Year,
        _ => return None,
    };
    Some(TimeExpr::Offset(count, unit))
}

fn weekday(said: &str) -> Option<TimeExpr> {
    let (which, day) = said.split_once(' ')?;
    let direction = match which {
        "last" => -1,
        "this" => 0,
        "next" => 1,
        _ => return None,
    };
    let day = (1..).zip(WEEKDAYS).find_map(|(number, name)| (name == day).then_some(number))?;
    Some(TimeExpr::Weekday(day, direction))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_or_refused() {
        let date = |year, month, day| Some(Some(TimeExpr::Date { year, month, day }));
        assert_eq!(read(None), Some(None));
        assert_eq!(read(Some(" ")), Some(None));
        assert_eq!(read(Some("2019")), date(Some(2019), None, None));
        assert_eq!(read(Some("2019-05")), date(Some(2019), Some(5), None));
        assert_eq!(read(Some("2019-05-03")), date(Some(2019), Some(5), Some(3)));
        assert_eq!(read(Some("--05-03")), date(None, Some(5), Some(3)));
        assert_eq!(read(Some("-1 day")), Some(Some(TimeExpr::Offset(-1, Unit::Day))));
        assert_eq!(read(Some("+2 Weeks")), Some(Some(TimeExpr::Offset(2, Unit::Week))));
        assert_eq!(read(Some("last monday")), Some(Some(TimeExpr::Weekday(1, -1))));
        for wrong in ["soon", "2019-13", "2019-05-32", "19", "1 eon", "99999 days", "any monday", "--", "2019-", "-"] {
            assert_eq!(read(Some(wrong)), None, "{wrong}");
        }
    }
}
