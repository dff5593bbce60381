//! Times as people type and read them: dates, instants, epochs. Always UTC.

use nexus::time::{parse_millis, rfc3339};
use nexus::{At, Millis};

/// A time: `2025`, `2025-06`, `2025-06-01`, `2025-06-01T12:00`, RFC 3339, or milliseconds since 1970.
pub(crate) fn time(text: &str) -> Result<Millis, String> {
    let form = match text.len() {
        4 => format!("{text}-01-01T00:00:00Z"),
        7 => format!("{text}-01T00:00:00Z"),
        10 => format!("{text}T00:00:00Z"),
        16 => format!("{text}:00Z"),
        _ => text.to_owned(),
    };
    let found = parse_millis(&form).or_else(|| parse_millis(&format!("{text}Z"))).or_else(|| parse_millis(text));
    found.ok_or_else(|| "give a date (2025-06-01) or a time (2025-06-01T12:00:00Z)".into())
}

/// A state of the store: an epoch's number, or a time.
pub(crate) fn at(text: &str) -> Result<At, String> {
    match text.parse() {
        Ok(epoch) => Ok(At::Epoch(epoch)),
        Err(_) => time(text).map(At::Time).map_err(|hint| format!("give an epoch's number, or {}", &hint[5..])),
    }
}

/// The day of an instant; nothing for none.
pub(crate) fn day(at: Option<Millis>) -> String {
    at.map(|at| rfc3339(at).chars().take(10).collect()).unwrap_or_default()
}

/// An instant to the minute.
pub(crate) fn minute(at: Millis) -> String {
    rfc3339(at).chars().take(16).map(|c| if c == 'T' { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_typed() {
        assert_eq!((time("1971"), time("1970-02")), (Ok(31_536_000_000), Ok(2_678_400_000)));
        assert_eq!((time("1970-01-02"), time("1714555800000")), (Ok(86_400_000), Ok(1_714_555_800_000)));
        assert_eq!(time("1970-01-01T01:00"), Ok(3_600_000));
        assert_eq!(time("1970-01-01 01:00:00"), Ok(3_600_000));
        assert_eq!(time("1970-01-01T02:00:00+01:00"), Ok(3_600_000));
        assert!(time("soon").is_err());
        assert!(matches!(at("17"), Ok(At::Epoch(17))));
        assert!(matches!(at("1970-01-02"), Ok(At::Time(86_400_000))));
        assert_eq!(
            (day(Some(0)), day(None), minute(60_000)),
            ("1970-01-01".into(), String::new(), "1970-01-01 00:01".into())
        );
    }
}
