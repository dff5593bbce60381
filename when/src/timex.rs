//! TIMEX notation of times, lengths and recurrences: strings in, strings out, no calendar.

use crate::value::{Amount, DayPart, Every, Length, Time, Unit};

/// The letter of a unit, the factor to it, and whether it stands after the `T`.
fn letter(unit: Unit) -> (&'static str, u32, bool) {
    match unit {
        Unit::Second => ("S", 1, true),
        Unit::Minute => ("M", 1, true),
        Unit::Hour => ("H", 1, true),
        Unit::Day | Unit::Night => ("D", 1, false),
        Unit::BusinessDay => ("BD", 1, false),
        Unit::Week => ("W", 1, false),
        Unit::Weekend => ("WE", 1, false),
        Unit::Fortnight => ("W", 2, false),
        Unit::Month => ("M", 1, false),
        Unit::Quarter => ("M", 3, false),
        Unit::Half => ("M", 6, false),
        Unit::Year => ("Y", 1, false),
        Unit::Decade => ("Y", 10, false),
        Unit::Century => ("Y", 100, false),
    }
}

/// Length of so many units: `P2W`, `PT5M`.
pub(crate) fn length(count: i64, unit: Unit) -> String {
    let (letter, factor, clock) = letter(unit);
    format!("P{}{}{letter}", if clock { "T" } else { "" }, count * i64::from(factor))
}

impl Amount {
    /// The number as a decimal, times a factor.
    fn decimal(self, factor: u32) -> String {
        let scale = 10u64.pow(u32::from(self.scale.min(9)));
        let digits = u64::from(self.digits) * u64::from(factor);
        let (whole, rest) = (digits / scale, digits % scale);
        if rest == 0 {
            return whole.to_string();
        }
        let rest = format!("{rest:0width$}", width = usize::from(self.scale.min(9)));
        format!("{whole}.{}", rest.trim_end_matches('0'))
    }

    /// `P2W`.
    pub(crate) fn timex(self) -> String {
        let (letter, factor, clock) = letter(self.unit);
        format!("P{}{}{letter}", if clock { "T" } else { "" }, self.decimal(factor))
    }

    /// Its length in thousandths of a second; a month counts thirty days and a year 365.
    pub(crate) fn millis(self) -> u64 {
        const DAY: u64 = 86_400_000;
        let unit = match self.unit {
            Unit::Second => 1000,
            Unit::Minute => 60_000,
            Unit::Hour => 3_600_000,
            Unit::Day | Unit::Night | Unit::BusinessDay => DAY,
            Unit::Week => 7 * DAY,
            Unit::Weekend => 2 * DAY,
            Unit::Fortnight => 14 * DAY,
            Unit::Month => 30 * DAY,
            Unit::Quarter => 90 * DAY,
            Unit::Half => 180 * DAY,
            Unit::Year => 365 * DAY,
            Unit::Decade => 3650 * DAY,
            Unit::Century => 36_500 * DAY,
        };
        let total = u128::from(self.digits) * u128::from(unit) / 10u128.pow(u32::from(self.scale.min(9)));
        u64::try_from(total).unwrap_or(u64::MAX)
    }
}

impl Length {
    /// One part only.
    pub(crate) fn of(amount: Amount) -> Length {
        Length { parts: [Some(amount), None, None, None] }
    }

    /// Its parts.
    pub(crate) fn amounts(&self) -> impl Iterator<Item = Amount> + '_ {
        self.parts.iter().flatten().copied()
    }

    /// `P2Y1M21D`, `PT3H30M`, `P1DT2H`.
    pub(crate) fn timex(&self) -> String {
        let mut written = "P".to_owned();
        let mut in_clock = false;
        for part in self.amounts() {
            let (letter, factor, clock) = letter(part.unit);
            if clock && !in_clock {
                written.push('T');
                in_clock = true;
            }
            written += &part.decimal(factor);
            written += letter;
        }
        written
    }

    /// Its length in seconds, as a decimal.
    pub(crate) fn seconds(&self) -> String {
        let millis: u64 = self.amounts().fold(0, |sum, part| sum.saturating_add(part.millis()));
        if millis.is_multiple_of(1000) {
            return (millis / 1000).to_string();
        }
        format!("{}.{:03}", millis / 1000, millis % 1000).trim_end_matches('0').to_owned()
    }
}

impl Time {
    /// `T08`, `T08:00`, `T08:00:30`.
    pub(crate) fn timex(self) -> String {
        match (self.minute, self.second) {
            (None, _) => format!("T{:02}", self.hour),
            (Some(minute), None) => format!("T{:02}:{minute:02}", self.hour),
            (Some(minute), Some(second)) => format!("T{:02}:{minute:02}:{second:02}", self.hour),
        }
    }
}

impl DayPart {
    /// `TMO` and its kind.
    pub(crate) fn timex(self) -> &'static str {
        match self {
            DayPart::Morning => "TMO",
            DayPart::Afternoon => "TAF",
            DayPart::Evening => "TEV",
            DayPart::Night => "TNI",
            DayPart::Daytime => "TDT",
            DayPart::Nighttime => "TNT",
            DayPart::Breakfast => "TMEB",
            DayPart::Brunch => "TMER",
            DayPart::Lunch => "TMEL",
            DayPart::Dinner => "TMED",
            DayPart::Business => "TBH",
            DayPart::Dawn => "TDA",
        }
    }
}

impl Every {
    /// `P1W`, `XXXX-WXX-1T16`, `T15`.
    pub(crate) fn timex(&self) -> String {
        let clock = match (self.time, self.part) {
            (Some(time), _) => time.timex(),
            (None, Some(part)) => part.timex().to_owned(),
            (None, None) => String::new(),
        };
        match (self.weekday, self.yearly, self.step) {
            (0, (0, _), Some(step)) if clock.is_empty() => step.timex(),
            (0, (0, _), _) => clock,
            (0, (month, 0), _) => format!("XXXX-{month:02}{clock}"),
            (0, (month, day), _) => format!("XXXX-{month:02}-{day:02}{clock}"),
            (weekday, ..) => format!("XXXX-WXX-{weekday}{clock}"),
        }
    }
}

/// The length between two times of day: `PT2H30M`.
pub(crate) fn clock_length(seconds: i64) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds % 3600 / 60, seconds % 60);
    let part = |count: i64, letter: &str| if count == 0 { String::new() } else { format!("{count}{letter}") };
    format!("PT{}{}{}", part(hours, "H"), part(minutes, "M"), part(rest, "S"))
}
