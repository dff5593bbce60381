//! Time expressions in English and Spanish text, in two steps.
//!
//! [`recognise`] finds them as [`Expr`]s, values that do not depend on when the text was said: "next Friday" is the same
//! value in every message. [`Expr::resolve`] says what one means at a reference moment, as Microsoft Recognizers-Text
//! would write it, and [`Expr::interval`] only says when that is.
//!
//! ```
//! use jiff::civil::date;
//! use nexus_when::{Language, recognise};
//!
//! let text = "We met two days before Christmas.";
//! let found = recognise(text, Language::English);
//! assert_eq!(&text[found[0].start..found[0].end], "two days before Christmas");
//!
//! let said = date(2023, 6, 14).at(10, 30, 0, 0);
//! assert_eq!(found[0].expr.resolve(said).candidates[0].timex, "2023-12-23");
//! assert_eq!(found[0].expr.interval(said, true).map(|(from, _)| from.date()), Some(date(2023, 12, 23)));
//! ```
//!
//! Both steps are total: no text and no reference makes them fail. Recognition is linear in the text. The tables of
//! words are parsed once per process.

mod calendar;
mod date;
mod holiday;
mod interval;
mod lexicon;
mod notation;
mod period;
mod place;
mod read;
mod resolve;
mod scan;
mod timex;
mod value;

pub use lexicon::Language;
pub use read::{Found, recognise};
pub use resolve::{Candidate, Kind, Resolution};
pub use value::{
    Amount, Anchor, Base, Bound, Date, DayPart, Edge, Every, Expr, Granularity, Hours, Length, MonthRef, Period, Piece,
    Shift, Time, Unit, What, YearRef,
};
