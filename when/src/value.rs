//! The nouns: what a time expression says, before anybody asks when it was said.
//!
//! Every type is `Copy`, ordered, hashable and free of heap, so an expression can be a column or a key. Nothing here
//! knows a calendar; `date.rs`, `period.rs` and `place.rs` give these values a place in one. Whole days stand in `days.rs`.

mod days;

use serde::{Deserialize, Serialize};

pub use days::{Anchor, Base, Date, Edge, MonthRef, Period, Piece, Shift, YearRef};

macro_rules! plain {
    ($(#[$meta:meta])* $kind:ident $name:ident $body:tt) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub $kind $name $body
    };
}
use plain;

plain! {
    /// A unit of time; `Night` counts like a day, a `BusinessDay` skips Saturday and Sunday.
    #[allow(missing_docs)]
    enum Unit { Second, Minute, Hour, Day, Night, BusinessDay, Week, Weekend, Fortnight, Month, Quarter, Half, Year, Decade, Century }
}

plain! {
    /// A time of day. What was not said is `None`, so that "8" and "8:00" stay apart.
    struct Time {
        /// 0 to 23.
        pub hour: u8,
        /// The minute, if said.
        pub minute: Option<u8>,
        /// The second, if said.
        pub second: Option<u8>,
        /// Whether twelve hours later is meant just as likely: "at 7".
        pub open: bool,
    }
}

plain! {
    /// A named part of the day.
    #[allow(missing_docs)]
    enum DayPart { Morning, Afternoon, Evening, Night, Daytime, Nighttime, Breakfast, Brunch, Lunch, Dinner, Business, Dawn }
}

plain! {
    /// One number with its unit: `digits / 10^scale`.
    struct Amount {
        /// The number without its decimal point.
        pub digits: u32,
        /// How many of the digits follow the point.
        pub scale: u8,
        /// Of what.
        pub unit: Unit,
    }
}

plain! {
    /// A length of time, in up to four units, the longest first.
    struct Length {
        /// The parts.
        pub parts: [Option<Amount>; 4],
    }
}

plain! {
    /// A recurrence.
    struct Every {
        /// The distance, when it is one: "every two weeks".
        pub step: Option<Amount>,
        /// The weekday, 1 to 7, or 0.
        pub weekday: u8,
        /// The time of day.
        pub time: Option<Time>,
        /// The part of the day.
        pub part: Option<DayPart>,
        /// Month and day of a yearly date, or zeros.
        pub yearly: (u8, u8),
    }
}

plain! {
    /// How a range of times is meant when neither half of the day is named.
    struct Hours {
        /// Its start.
        pub from: Time,
        /// Its end.
        pub to: Time,
        /// Whether twelve hours later is meant just as likely.
        pub open: bool,
    }
}

plain! {
    /// What an expression names.
    enum What {
        /// A day.
        Date(Date),
        /// A named stretch of days.
        Period(Period),
        /// From one day to another.
        Dates(Edge, Edge),
        /// A stretch of `Length`-like size counted from a day: "three days from Monday".
        DatesFrom(Date, Amount),
        /// A time of day.
        Time(Time),
        /// A part of a day, or a piece of that part.
        Part(DayPart, Piece),
        /// From one time of day to another.
        Times(Hours),
        /// A time on a day.
        Moment(Date, Time),
        /// The very moment of speech.
        Now,
        /// As soon as possible after it.
        Soon,
        /// From the moment of speech to the end of its day.
        RestOfDay,
        /// The last second of a day.
        EndOfDay(Date),
        /// A piece of a day.
        PieceOfDay(Date, Piece),
        /// A part of a named day.
        PartOf(Date, DayPart, Piece),
        /// Hours of a day.
        HoursOf(Date, Hours),
        /// From one moment to another.
        Moments((Date, Time), (Date, Time)),
        /// From the moment of speech to a time on a day.
        NowTo(Date, Time),
        /// Seconds from the moment of speech.
        After(i32),
        /// The seconds between the moment of speech and another one; the amount is how it was said.
        Around(i32, Length),
        /// A length of time without a place.
        Length(Length),
        /// A recurrence.
        Every(Every),
        /// A vague stretch: from so many days before the reference to so many days after it; before it when negative.
        Vague(i32, i32),
    }
}

plain! {
    /// How an expression bounds what it names.
    enum Bound {
        /// Not at all: the thing itself.
        Is,
        /// Everything before it.
        Before,
        /// Everything after it.
        After,
        /// Everything from its start on.
        Since,
        /// Everything up to it.
        Until,
        /// About then.
        Approx,
        /// Everything before about then.
        BeforeApprox,
        /// Everything after about then.
        AfterApprox,
        /// More than that length.
        More,
        /// Less than that length.
        Less,
    }
}

plain! {
    /// A time expression: what it names, and how it bounds it.
    struct Expr {
        /// What it names.
        pub what: What,
        /// How it bounds what it names.
        pub bound: Bound,
    }
}

plain! {
    /// How fine an expression is.
    #[allow(missing_docs)]
    enum Granularity { Second, Minute, Hour, DayPart, Day, Week, Month, Quarter, Year, Decade, Century, Vague }
}

impl From<What> for Expr {
    fn from(what: What) -> Self {
        Expr { what, bound: Bound::Is }
    }
}

impl Time {
    /// A time whose half of the day is known.
    pub fn at(hour: u8, minute: Option<u8>) -> Time {
        Time { hour, minute, second: None, open: false }
    }

    /// Seconds since midnight.
    pub fn seconds(self) -> i64 {
        i64::from(self.hour) * 3600 + i64::from(self.minute.unwrap_or(0)) * 60 + i64::from(self.second.unwrap_or(0))
    }

    /// The same time twelve hours on, the half of the day now settled.
    pub fn other_half(self) -> Time {
        Time { hour: (self.hour + 12) % 24, open: false, ..self }
    }
}

impl Amount {
    /// A whole number of units.
    pub fn whole(digits: u32, unit: Unit) -> Amount {
        Amount { digits, scale: 0, unit }
    }
}
