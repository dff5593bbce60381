//! Holidays: when each one falls in a given year. Their names are words and stand in `words/*.txt`.
//!
//! Movable feasts are computed, not listed; the Islamic ones by the tabular calendar, which may miss the sighted moon
//! by a day.

use jiff::civil::Date as Day;

use crate::calendar::{add_days, day, nth_weekday};

/// The rule by which a holiday finds its day.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rule {
    /// The same day every year.
    Fixed(u8, u8),
    /// The n-th weekday of a month: month, weekday, n (the last one when negative).
    Nth(u8, u8, i8),
    /// So many days after such a weekday.
    NthPlus(u8, u8, i8, i8),
    /// So many days from Easter Sunday.
    Easter(i16),
    /// A day of the Islamic year: month and day.
    Islamic(u8, u8),
}

use Rule::{Easter, Fixed, Islamic, Nth, NthPlus};

/// Key in the word tables, and rule.
pub(crate) const HOLIDAYS: &[(&str, Rule)] = &[
    ("christmas", Fixed(12, 25)),
    ("christmas_eve", Fixed(12, 24)),
    ("boxing", Fixed(12, 26)),
    ("new_year", Fixed(1, 1)),
    ("new_year_eve", Fixed(12, 31)),
    ("epiphany", Fixed(1, 6)),
    ("valentine", Fixed(2, 14)),
    ("groundhog", Fixed(2, 2)),
    ("patrick", Fixed(3, 17)),
    ("april_fools", Fixed(4, 1)),
    ("women", Fixed(3, 8)),
    ("earth", Fixed(4, 22)),
    ("workers", Fixed(5, 1)),
    ("cinco_de_mayo", Fixed(5, 5)),
    ("star_wars", Fixed(5, 4)),
    ("juneteenth", Fixed(6, 19)),
    ("flag", Fixed(6, 14)),
    ("john", Fixed(6, 24)),
    ("independence_us", Fixed(7, 4)),
    ("bastille", Fixed(7, 14)),
    ("canada", Fixed(7, 1)),
    ("halloween", Fixed(10, 31)),
    ("all_saints", Fixed(11, 1)),
    ("all_souls", Fixed(11, 2)),
    ("guy_fawkes", Fixed(11, 5)),
    ("veterans", Fixed(11, 11)),
    ("children", Fixed(6, 1)),
    ("teachers", Fixed(9, 10)),
    ("youth", Fixed(5, 4)),
    ("singles", Fixed(11, 11)),
    ("anzac", Fixed(4, 25)),
    ("australia", Fixed(1, 26)),
    ("inauguration", Fixed(1, 20)),
    ("maritime", Fixed(6, 25)),
    ("hispanic", Fixed(10, 12)),
    ("constitution_es", Fixed(12, 6)),
    ("immaculate", Fixed(12, 8)),
    ("assumption", Fixed(8, 15)),
    ("innocents", Fixed(12, 28)),
    ("guadalupe", Fixed(12, 12)),
    ("pi", Fixed(3, 14)),
    ("may_revolution", Fixed(5, 25)),
    ("independence_mx", Fixed(9, 16)),
    ("father_es", Fixed(3, 19)),
    ("white_day", Fixed(3, 14)),
    ("arbor", Nth(4, 5, -1)),
    ("thanksgiving", Nth(11, 4, 4)),
    ("mother", Nth(5, 7, 2)),
    ("father", Nth(6, 7, 3)),
    ("labor_us", Nth(9, 1, 1)),
    ("memorial", Nth(5, 1, -1)),
    ("mlk", Nth(1, 1, 3)),
    ("presidents", Nth(2, 1, 3)),
    ("columbus", Nth(10, 1, 2)),
    ("mother_es", Nth(5, 7, 1)),
    ("black_friday", NthPlus(11, 4, 4, 1)),
    ("cyber_monday", NthPlus(11, 4, 4, 4)),
    ("easter", Easter(0)),
    ("easter_monday", Easter(1)),
    ("good_friday", Easter(-2)),
    ("maundy_thursday", Easter(-3)),
    ("holy_saturday", Easter(-1)),
    ("palm_sunday", Easter(-7)),
    ("ash_wednesday", Easter(-46)),
    ("mardi_gras", Easter(-47)),
    ("ascension", Easter(39)),
    ("pentecost", Easter(49)),
    ("whit_monday", Easter(50)),
    ("trinity", Easter(56)),
    ("corpus_christi", Easter(60)),
    ("eid_al_fitr", Islamic(10, 1)),
    ("eid_al_adha", Islamic(12, 10)),
    ("ramadan", Islamic(9, 1)),
    ("islamic_new_year", Islamic(1, 1)),
];

/// The place of a key in the table.
pub(crate) fn number(key: &str) -> Option<u8> {
    let at = HOLIDAYS.iter().position(|(name, _)| *name == key)?;
    u8::try_from(at).ok()
}

/// The rule of a holiday.
pub(crate) fn rule(which: u8) -> Option<Rule> {
    HOLIDAYS.get(usize::from(which)).map(|(_, rule)| *rule)
}

/// The day on which a holiday falls in a year.
pub(crate) fn falls(which: u8, year: i16) -> Option<Day> {
    match rule(which)? {
        Fixed(month, of) => day(year, month, of),
        Nth(month, weekday, nth) => nth_weekday(year, month, weekday, nth),
        NthPlus(month, weekday, nth, plus) => add_days(nth_weekday(year, month, weekday, nth)?, plus.into()),
        Easter(plus) => add_days(easter(year)?, plus.into()),
        Islamic(month, of) => islamic(year, month, of),
    }
}

/// Easter Sunday by the anonymous Gregorian computus.
fn easter(year: i16) -> Option<Day> {
    let y = i32::from(year);
    if y < 1 {
        return None;
    }
    let (a, b, c) = (y % 19, y / 100, y % 100);
    let (d, e, f) = (b / 4, b % 4, (b + 8) / 25);
    let g = (b - f + 1) / 3;
    let h = (19 * a + b - d - g + 15) % 30;
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let n = h + l - 7 * m + 114;
    day(year, u8::try_from(n / 31).ok()?, u8::try_from(n % 31 + 1).ok()?)
}

/// A day of the tabular Islamic calendar in the Gregorian year it first falls in.
fn islamic(year: i16, month: u8, of: u8) -> Option<Day> {
    let first = day(year, 1, 1)?;
    let guess = (i64::from(year) - 622) * 33 / 32;
    (guess - 1..=guess + 2).find_map(|hijri| {
        let months = (i64::from(month) * 59 - 58) / 2;
        let days = i64::from(of) + months + (hijri - 1) * 354 + (3 + 11 * hijri).div_euclid(30);
        let found = add_days(day(622, 7, 17)?, days)?;
        (found >= first && found.year() == year).then_some(found)
    })
}
