//! Times: instants in milliseconds, and time expressions before they are grounded.

use jiff::Timestamp;
use nexus_when::Expr;
use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01 00:00 UTC; negative before. Wall-clock time, never an epoch.
pub type Millis = i64;

/// The earliest instant Nexus accepts: 0001-01-01.
pub const MILLIS_MIN: Millis = -62_135_596_800_000;
/// The latest instant Nexus accepts: 9999-12-30.
pub const MILLIS_MAX: Millis = 253_402_214_400_000;

/// RFC 3339 in UTC, as `2024-05-01T09:30:00Z`, for any accepted instant; clamped outside.
pub fn rfc3339(at: Millis) -> String {
    match Timestamp::from_millisecond(at.clamp(MILLIS_MIN, MILLIS_MAX)) {
        Ok(timestamp) => timestamp.to_string(),
        Err(_) => at.to_string(),
    }
}

/// Reads RFC 3339 with a zone (`2024-05-01T09:30:00Z`, `2024-05-01 09:30:00+02:00`) or milliseconds since 1970.
pub fn parse_millis(text: &str) -> Option<Millis> {
    let text = text.trim();
    let at = match text.parse::<i64>() {
        Ok(at) => at,
        Err(_) => text.parse::<Timestamp>().ok()?.as_millisecond(),
    };
    (MILLIS_MIN..=MILLIS_MAX).contains(&at).then_some(at)
}

/// A unit of calendar time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Unit {
    Hour,
    Day,
    Week,
    Month,
    Year,
}

/// A time as a text expresses it, before it is known when the text was said. Grounded against `said_at` and the scope's
/// time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeExpr {
    /// A calendar date, as far as it is given: a year, a month of it, a day of that.
    Date {
        /// Year; `None`: the nearest fitting one (the last past one for what happened, the next for what is planned).
        year: Option<i16>,
        /// Month 1-12.
        month: Option<i8>,
        /// Day of month 1-31.
        day: Option<i8>,
    },
    /// So many units from the day of speaking: yesterday is (-1, Day), "two weeks ago" (-2, Week), "next year" (1, Year).
    Offset(i32, Unit),
    /// A weekday, 1 = Monday … 7 = Sunday: -1 the last one before, 0 the nearest by the sentence's direction, 1 the next.
    Weekday(i8, i8),
    /// Anything else that people say of time.
    Spoken(Expr),
}

impl TimeExpr {
    /// The expression as answers keep it: what an id may be made of.
    pub fn notation(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// From when until when something a text says is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
pub struct When {
    /// Since when, or when for something that happened.
    pub from: Option<TimeExpr>,
    /// Until when.
    pub to: Option<TimeExpr>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_round_trip() {
        assert_eq!(parse_millis("1969-12-31T23:59:59Z"), Some(-1000));
        assert_eq!(parse_millis("1714555800000"), Some(1_714_555_800_000));
        assert_eq!(parse_millis("2024-05-01T11:30:00+02:00"), Some(1_714_555_800_000));
        assert_eq!(rfc3339(1_714_555_800_000), "2024-05-01T09:30:00Z");
        assert_eq!(parse_millis("yesterday"), None);
        assert_eq!(parse_millis("999999999999999999"), None);
        assert_eq!(parse_millis(&rfc3339(MILLIS_MIN)), Some(MILLIS_MIN));
        assert_eq!(parse_millis(&rfc3339(MILLIS_MAX)), Some(MILLIS_MAX));
    }
}
