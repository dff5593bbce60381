//! When a line was written, from what little its stamp says.
//!
//! A stamp without a date takes the date of the file's name or of the last `Day changed`. A time that goes back by more
//! than an hour is on the next day; in a log on a 12-hour clock (no hour past 12 so far, a step back of about 12 hours)
//! it is in the next half of the day. By up to an hour, a clock has been set back: the day stays.

use jiff::ToSpan;
use jiff::civil::{Date, DateTime, Time};
use nexus_types::Millis;

use super::line::Stamp;
use crate::frame::{Frame, accepted};

const HOUR: i32 = 3_600;

/// The day of a log, as far as it has been read.
pub(super) struct Clock {
    date: Option<Date>,
    /// On a 12-hour clock, past noon.
    afternoon: bool,
    /// An hour past 12 has been seen: the clock has 24 hours.
    past_twelve: bool,
    /// The last time read, in seconds.
    seconds: Option<i32>,
    /// The last line's instant and how much time its stamp stands for.
    last: Option<(Millis, Millis)>,
}

impl Clock {
    pub(super) fn new(date: Option<Date>) -> Clock {
        Clock { date, afternoon: false, past_twelve: false, seconds: None, last: None }
    }

    /// The instant of a line and how much time its stamp stands for. A line without a stamp has the one before it.
    pub(super) fn at(&mut self, stamp: Option<Stamp>, frame: &Frame) -> Result<(Millis, Millis), String> {
        let (at, resolution) = match (stamp, self.last) {
            (None, Some(last)) => return Ok(last),
            (None, None) => (self.date.map(|date| date.to_datetime(Time::midnight())), 60_000),
            (Some(stamp), _) => (self.place(stamp), stamp.resolution),
        };
        let at = at.ok_or("no valid date: name the file by its date, as in 2004-12-25.log")?;
        let instant = match stamp.and_then(|stamp| stamp.offset) {
            Some(offset) => offset.to_timestamp(at).ok().map(|at| at.as_millisecond()).and_then(accepted),
            None => frame.instant(at),
        };
        let instant = instant.ok_or("a time outside the years 1 to 9999")?;
        self.last = Some((instant, resolution));
        Ok((instant, resolution))
    }

    /// The wall-clock time of a stamp, after all that came before it.
    fn place(&mut self, stamp: Stamp) -> Option<DateTime> {
        let (hour, minute, second) = (stamp.time.hour(), stamp.time.minute(), stamp.time.second());
        let seconds = i32::from(hour) * HOUR + i32::from(minute) * 60 + i32::from(second);
        let back = self.seconds.replace(seconds).map_or(0, |last| last - seconds);
        self.past_twelve |= hour > 12;
        if let Some((year, month, day)) = stamp.date {
            let guessed = self.date.map(|date| date.year() + i16::from(month < date.month()));
            self.date = Some(Date::new(year.or(guessed)?, month, day).ok()?);
            self.afternoon = false;
        } else if back > HOUR {
            let half_day = !self.past_twelve && back > 21 * HOUR / 2;
            self.afternoon = half_day && !self.afternoon;
            if !self.afternoon {
                self.date = Some(self.date?.tomorrow().ok()?);
            }
        }
        let at = self.date?.to_datetime(stamp.time);
        if self.afternoon { at.checked_add(12.hours()).ok() } else { Some(at) }
    }
}

/// The channel and the date in the name of a log: `#rust.2004-12-25.log`, `libera/#rust/2004-12-25.log`,
/// `#rust_20041225.log`.
pub(super) fn channel_and_date(path: &str) -> (String, Option<Date>) {
    let mut parts = path.rsplit(['/', '\\']);
    let file = parts.next().unwrap_or_default();
    let dated = (0..file.len()).find_map(|at| Some((at, date_in(file, at)?)));
    let channel = match (file.find('#'), dated) {
        (Some(from), Some((to, _))) if from < to => &file[from..to],
        (Some(from), _) => {
            [".log", ".txt", ".weechatlog"].iter().fold(&file[from..], |name, end| name.trim_end_matches(end))
        }
        (None, _) => parts.next().filter(|folder| folder.starts_with('#')).unwrap_or_default(),
    };
    (channel.trim_end_matches(['.', '_', '-', ' ']).to_owned(), dated.map(|(_, date)| date))
}

/// A date that begins at this byte and stands alone: `2004-12-25`, `2004.12.25`, `2004_12_25`, `20041225`.
fn date_in(text: &str, at: usize) -> Option<Date> {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).filter(|byte| byte.is_ascii_digit()).map(|byte| i16::from(byte - b'0'));
    let number = |at: usize, length: usize| (at..at + length).try_fold(0_i16, |sum, at| Some(sum * 10 + digit(at)?));
    if at > 0 && digit(at - 1).is_some() {
        return None;
    }
    let gap = usize::from(matches!(bytes.get(at + 4), Some(b'-' | b'.' | b'_')));
    if gap == 1 && bytes.get(at + 4) != bytes.get(at + 7) {
        return None;
    }
    let (year, month, day) = (number(at, 4)?, number(at + 4 + gap, 2)?, number(at + 6 + 2 * gap, 2)?);
    if digit(at + 8 + 2 * gap).is_some() {
        return None;
    }
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}
