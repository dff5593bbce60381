//! The nouns for whole days: years, months, dates, and stretches of days.

use super::{Unit, plain};
use serde::{Deserialize, Serialize};

plain! {
    /// Which year: none named, one named, one of an unknown century, or one counted from the reference.
    enum YearRef {
        /// No year: `XXXX`, resolved to the nearest past and future one.
        Any,
        /// A year, such as 2019.
        Is(i16),
        /// The last two digits of a year whose century is open, such as '35.
        Of(u8),
        /// This year (0), next year (1), last year (-1).
        Plus(i8),
    }
}

plain! {
    /// Which month: `month` 1 to 12 of `year`, or, when `month` is 0, `plus` months from the reference's.
    struct MonthRef {
        /// 1 to 12, or 0 for a month counted from the reference.
        pub month: u8,
        /// Months from the reference's month; only read when `month` is 0.
        pub plus: i8,
        /// The year of a named month.
        pub year: YearRef,
    }
}

plain! {
    /// The point a date starts from.
    enum Anchor {
        /// The reference's own day.
        Today,
        /// A day of a month, the year perhaps open.
        Day {
            /// The year.
            year: YearRef,
            /// The month, 1 to 12.
            month: u8,
            /// The day, 1 to 31; it need not exist ("30 February").
            day: u8,
        },
        /// A day of an open month: "the 18th".
        DayOfMonth(u8),
        /// A day of a month counted from the reference's: "the 15th of next month".
        DayIn {
            /// Months from the reference's month.
            plus: i8,
            /// The day, 1 to 31.
            day: u8,
        },
        /// A weekday, 1 (Monday) to 7, of an open week: "on Friday".
        Weekday(u8),
        /// A weekday of a week counted from the reference's: "next Friday".
        WeekdayIn {
            /// Weeks from the reference's week.
            weeks: i8,
            /// 1 (Monday) to 7.
            weekday: u8,
        },
        /// The nearest such weekday strictly ahead ("this upcoming Friday") or strictly behind ("this past Friday").
        Nearest {
            /// 1 (Monday) to 7.
            weekday: u8,
            /// Ahead of the reference, or behind it.
            ahead: bool,
        },
        /// A weekday that is also the n-th of its month: "Monday 21".
        WeekdayDay {
            /// 1 (Monday) to 7.
            weekday: u8,
            /// The day, 1 to 31.
            day: u8,
        },
        /// The same, but this month's day where it is such a weekday: "Friday the 13th".
        WeekdayThe {
            /// 1 (Monday) to 7.
            weekday: u8,
            /// The day, 1 to 31.
            day: u8,
        },
        /// The n-th such weekday of a month; the last one when `nth` is negative.
        Nth {
            /// 1 to 5, or -1.
            nth: i8,
            /// 1 (Monday) to 7.
            weekday: u8,
            /// The month.
            month: MonthRef,
        },
        /// A holiday, by its place in the table of `holiday.rs`.
        Holiday {
            /// Its place in the table.
            which: u8,
            /// The year.
            year: YearRef,
        },
        /// The nearest such holiday strictly ahead, or strictly behind: "last Easter".
        HolidayNear {
            /// Its place in the table.
            which: u8,
            /// Ahead of the reference, or behind it.
            ahead: bool,
        },
        /// The first day of a year: a place to count from.
        YearStart(YearRef),
    }
}

plain! {
    /// A step away from an anchor. Months are walked first, then days; business days skip weekends.
    struct Shift {
        /// Months, signed.
        pub months: i16,
        /// Days, signed.
        pub days: i16,
        /// Whether `days` are business days.
        pub business: bool,
        /// The weekday to move to afterwards, 1 to 7, or 0 to stay.
        pub weekday: u8,
    }
}

plain! {
    /// A calendar day: an anchor and a step away from it.
    struct Date {
        /// Where to start.
        pub anchor: Anchor,
        /// How far to go.
        pub shift: Shift,
    }
}

plain! {
    /// Which piece of a stretch of time: its early, middle or late piece, or the half of it before or after now.
    enum Piece {
        /// All of it.
        Whole,
        /// "early in", "the beginning of".
        Start,
        /// "mid", "the middle of".
        Mid,
        /// "late in", "the end of".
        End,
        /// "earlier this month".
        Earlier,
        /// "later this month".
        Later,
        /// "the rest of the week": from now on.
        Rest,
        /// "the year to date": until now.
        ToDate,
    }
}

plain! {
    /// A named stretch of whole days.
    enum Base {
        /// A year.
        Year(YearRef),
        /// A month.
        Month(MonthRef),
        /// A week, counted from the reference's.
        Week(i8),
        /// The five working days of such a week.
        WorkWeek(i8),
        /// A weekend, counted from the reference's week.
        Weekend(i8),
        /// Two weeks, counted from the reference's.
        Fortnight(i8),
        /// The n-th week of a year by ISO 8601; the last one when negative.
        WeekOfYear(YearRef, i8),
        /// The n-th week of a month; the last one when negative.
        WeekOfMonth(MonthRef, i8),
        /// The week that a date lies in.
        WeekOf(Anchor),
        /// The weekend next to a date.
        WeekendOf(Anchor),
        /// A quarter of a year, 1 to 4.
        Quarter(YearRef, u8),
        /// A quarter, counted from the reference's.
        QuarterIn(i8),
        /// Half a year, 1 or 2.
        Half(YearRef, u8),
        /// A season, 0 (spring) to 3 (winter); the calendar does not say when it starts.
        Season(YearRef, u8),
        /// A fiscal year, which nobody but its accountants can place.
        Fiscal(YearRef),
        /// A school year, likewise.
        School(YearRef),
        /// Ten years from a named one, the century perhaps open.
        Decade(YearRef),
        /// Decades counted from the reference's.
        DecadeIn(i8),
        /// A century, by number.
        Century(i8),
        /// Centuries counted from the reference's.
        CenturyIn(i8),
        /// The `count` units before or after the reference, or within it: "the last two weeks".
        Run {
            /// How many; behind the reference when negative.
            count: i16,
            /// Of what.
            unit: Unit,
        },
        /// The first or last units of a year: "the last three weeks of 2019".
        Slice {
            /// How many; the last ones when negative.
            count: i8,
            /// Of what.
            unit: Unit,
            /// Of which year.
            year: YearRef,
        },
        /// The first or last units of a month.
        SliceOfMonth {
            /// How many; the last ones when negative.
            count: i8,
            /// Of what.
            unit: Unit,
            /// Of which month.
            month: MonthRef,
        },
        /// The same, that or those: a stretch said before, taken as the reference's until somebody knows better.
        Same(Unit),
    }
}

plain! {
    /// A stretch of days, or a piece of it.
    struct Period {
        /// Which stretch.
        pub base: Base,
        /// Which piece.
        pub piece: Piece,
    }
}

plain! {
    /// One end of a range.
    #[allow(missing_docs)]
    enum Edge { Day(Date), Period(Period) }
}

impl From<Anchor> for Date {
    fn from(anchor: Anchor) -> Self {
        Date { anchor, shift: Shift::NONE }
    }
}

impl From<Base> for Period {
    fn from(base: Base) -> Self {
        Period { base, piece: Piece::Whole }
    }
}

impl Shift {
    /// No step at all.
    pub const NONE: Shift = Shift { months: 0, days: 0, business: false, weekday: 0 };
}

impl Date {
    /// So many days from the reference.
    pub fn days_off(days: i16) -> Date {
        Date { anchor: Anchor::Today, shift: Shift { days, ..Shift::NONE } }
    }
}

impl MonthRef {
    /// A month of a year.
    pub fn named(month: u8, year: YearRef) -> MonthRef {
        MonthRef { month, plus: 0, year }
    }

    /// A month counted from the reference's.
    pub fn plus(plus: i8) -> MonthRef {
        MonthRef { month: 0, plus, year: YearRef::Any }
    }
}
