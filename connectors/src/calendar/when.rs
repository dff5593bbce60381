//! Times as calendars write them: whole days, times in a zone, times in a zone that only the calendar knows, and lengths.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Zoned};
use nexus_types::Millis;

use crate::frame::accepted;

/// A name of a zone may have this many parts before the one that is known: `/mozilla.org/20050126_1/Europe/Berlin`.
const PREFIXES: usize = 8;
/// How much of what is no time is quoted.
const QUOTED_CHARS: usize = 40;

/// The zones of a calendar.
#[derive(Clone, Debug)]
pub(super) struct Zones {
    /// Of times without one.
    pub(super) floating: TimeZone,
    /// In which times in UTC are told; as they are if absent.
    pub(super) home: Option<TimeZone>,
}

/// When something is.
#[derive(Clone, Debug)]
pub(super) enum When {
    /// A whole day.
    Day(Date),
    /// A time, and whether the calendar names its zone.
    At(Zoned, bool),
    /// A time on the clocks of a zone that has only a name.
    Local(DateTime, String),
}

impl Zones {
    /// Reads a time; `zone` is the name of its zone.
    pub(super) fn read(&self, value: &str, zone: Option<&str>) -> Result<When, String> {
        let value = value.trim();
        let wrong = || format!("{:?} is no time", value.chars().take(QUOTED_CHARS).collect::<String>());
        let (clock, utc) = match value.strip_suffix(['Z', 'z']) {
            Some(clock) => (clock, true),
            None => (value, false),
        };
        let Some((day, time)) = clock.split_once(['T', 't']) else {
            return day_of(clock).map(When::Day).ok_or_else(wrong);
        };
        let time = DateTime::from_parts(day_of(day).ok_or_else(wrong)?, clock_of(time).ok_or_else(wrong)?);
        let at = |zone: &TimeZone, named| zone.to_zoned(time).map(|at| When::At(at, named)).map_err(|_| wrong());
        match zone.map(str::trim).filter(|zone| !zone.is_empty()) {
            _ if utc => match (at(&TimeZone::UTC, true)?, &self.home) {
                (When::At(at, named), Some(home)) => Ok(When::At(at.with_time_zone(home.clone()), named)),
                (when, _) => Ok(when),
            },
            None => at(&self.floating, false),
            Some(name) => match known(name) {
                Some(zone) => at(&zone, true),
                None => Ok(When::Local(time, name.into())),
            },
        }
    }

    /// The instant of it; of a zone that has only a name, as if it had none.
    pub(super) fn instant(&self, when: &When) -> Option<Millis> {
        let at = match when {
            When::Day(day) => self.floating.to_zoned(day.to_datetime(Time::midnight())).ok()?.timestamp(),
            When::At(at, _) => at.timestamp(),
            When::Local(at, _) => self.floating.to_zoned(*at).ok()?.timestamp(),
        };
        accepted(at.as_millisecond())
    }
}

/// The zone of that name, with or without what programs put before it.
pub(super) fn known(name: &str) -> Option<TimeZone> {
    let name = name.trim().trim_matches('"');
    let parts = name.match_indices('/').take(PREFIXES).filter_map(|(at, _)| name.get(at + 1..));
    std::iter::once(name).chain(parts).find_map(|name| TimeZone::get(name).ok())
}

fn day_of(text: &str) -> Option<Date> {
    if text.len() != 8 {
        return None;
    }
    Date::new(number(text, 0, 4)?, number(text, 4, 6)?.try_into().ok()?, number(text, 6, 8)?.try_into().ok()?).ok()
}

fn clock_of(text: &str) -> Option<Time> {
    let part = |from| number(text, from, from + 2).and_then(|part| i8::try_from(part).ok());
    let second = match text.len() {
        4 => 0,
        // A leap second.
        6 => part(4)?.min(59),
        _ => return None,
    };
    Time::new(part(0)?, part(2)?, second, 0).ok()
}

fn number(text: &str, from: usize, to: usize) -> Option<i16> {
    let part = text.get(from..to).filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()))?;
    part.parse().ok()
}

/// A length: `PT1H30M`, `P1D`, `P2W`.
pub(super) fn length(text: &str) -> Option<Span> {
    text.trim().parse().ok()
}

impl When {
    pub(super) fn day(&self) -> Date {
        match self {
            When::Day(day) => *day,
            When::At(at, _) => at.date(),
            When::Local(at, _) => at.date(),
        }
    }

    /// The clock's time: `10:00`; nothing of a whole day.
    pub(super) fn clock(&self) -> Option<String> {
        let time = match self {
            When::Day(_) => return None,
            When::At(at, _) => at.time(),
            When::Local(at, _) => at.time(),
        };
        Some(format!("{:02}:{:02}", time.hour(), time.minute()))
    }

    /// What its zone is called, if the calendar says so.
    pub(super) fn zone(&self) -> Option<&str> {
        match self {
            When::At(at, true) => at.time_zone().iana_name(),
            When::Local(_, name) => Some(name),
            _ => None,
        }
    }

    /// The day, and the time if it has one.
    pub(super) fn words(&self) -> String {
        match self.clock() {
            Some(clock) => format!("{} {clock}", self.day()),
            None => self.day().to_string(),
        }
    }

    /// ISO 8601, with the offset where that is known.
    pub(super) fn iso(&self) -> String {
        match self {
            When::Day(day) => day.to_string(),
            When::Local(at, _) => at.to_string(),
            When::At(at, _) => {
                let seconds = at.offset().seconds();
                let sign = if seconds < 0 { '-' } else { '+' };
                let minutes = seconds.unsigned_abs() / 60;
                format!("{}{sign}{:02}:{:02}", at.datetime(), minutes / 60, minutes % 60)
            }
        }
    }

    /// So much later.
    pub(super) fn after(&self, length: Span) -> Option<When> {
        Some(match self {
            When::Day(day) => When::Day(day.checked_add(length).ok()?),
            When::At(at, named) => When::At(at.checked_add(length).ok()?, *named),
            When::Local(at, zone) => When::Local(at.checked_add(length).ok()?, zone.clone()),
        })
    }

    /// The same time on the clocks of another.
    pub(super) fn beside(self, other: &When) -> When {
        match (self, other) {
            (When::At(at, _), When::At(there, named)) => When::At(at.with_time_zone(there.time_zone().clone()), *named),
            (when, _) => when,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn zones(home: Option<&str>) -> Zones {
        let home = home.and_then(known);
        Zones { floating: home.clone().unwrap_or(TimeZone::UTC), home }
    }

    #[test]
    fn times_are_read_in_their_zones() {
        let read = |value: &str, zone| {
            let when = zones(None).read(value, zone).unwrap();
            (when.iso(), when.zone().unwrap_or("-").to_string())
        };
        let is = |iso: &str, zone: &str| (iso.to_string(), zone.to_string());
        assert_eq!(read("20260504", None), is("2026-05-04", "-"));
        assert_eq!(read("20260504T100000Z", None), is("2026-05-04T10:00:00+00:00", "UTC"));
        assert_eq!(read("20260504T100000", None), is("2026-05-04T10:00:00+00:00", "-"));
        assert_eq!(read("20260504T100000", Some("Europe/Berlin")), is("2026-05-04T10:00:00+02:00", "Europe/Berlin"));
        let prefixed = Some("/mozilla.org/20050126_1/America/New_York");
        assert_eq!(read("20260104T100060", prefixed), is("2026-01-04T10:00:59-05:00", "America/New_York"));
        let windows = "W. Europe Standard Time";
        assert_eq!(read("20260504T100000", Some(windows)), is("2026-05-04T10:00:00", windows));
        for wrong in ["", "T", "2026050", "20260230", "20260504T250000", "+2260504", "2026050é", "20260504T10000Z"] {
            assert!(zones(None).read(wrong, None).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn what_is_in_utc_is_told_at_home() {
        let zones = zones(Some("Asia/Kolkata"));
        let when = zones.read("20260504T100000Z", None).unwrap();
        assert_eq!((when.iso(), when.words()), ("2026-05-04T15:30:00+05:30".into(), "2026-05-04 15:30".into()));
        let later = when.after(length("PT1H30M").unwrap()).unwrap();
        assert_eq!(later.words(), "2026-05-04 17:00");
        assert_eq!(zones.instant(&later), Some(1_777_894_200_000));
    }
}
