//! Resolution: an expression and a reference moment give the values that Microsoft Recognizers-Text would give.
//!
//! Open expressions have a past and a future candidate, in this order; open times have one for each half of the day.
//! Contract: total. What cannot be placed has one candidate with its TIMEX and no values.

use jiff::civil::DateTime;

use crate::calendar::Side;
use crate::notation::timex;
use crate::place::{Place, Reading};
use crate::value::{Base, Bound, Expr, Period, Piece, What};

/// The kinds of value, named as in Recognizers-Text.
#[allow(missing_docs)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Date,
    DateRange,
    Time,
    TimeRange,
    DateTime,
    DateTimeRange,
    Duration,
    Set,
}

/// What an expression comes to at a reference moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// The kind of all candidates.
    pub kind: Kind,
    /// Past before future, first half of the day before the second; never empty.
    pub candidates: Vec<Candidate>,
}

/// One way to read an expression. All values are written as Recognizers-Text writes them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Candidate {
    /// TIMEX notation.
    pub timex: String,
    /// The value of a point or a length.
    pub value: Option<String>,
    /// The start of a range.
    pub start: Option<String>,
    /// The end of a range, exclusive.
    pub end: Option<String>,
    /// How the expression modifies what it names: "before", "start", "before-end".
    pub modifier: Option<String>,
}

impl Kind {
    /// Its name in Recognizers-Text.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Date => "date",
            Kind::DateRange => "daterange",
            Kind::Time => "time",
            Kind::TimeRange => "timerange",
            Kind::DateTime => "datetime",
            Kind::DateTimeRange => "datetimerange",
            Kind::Duration => "duration",
            Kind::Set => "set",
        }
    }

    fn range(self) -> Kind {
        match self {
            Kind::Date => Kind::DateRange,
            Kind::Time => Kind::TimeRange,
            Kind::DateTime => Kind::DateTimeRange,
            other => other,
        }
    }
}

impl Expr {
    /// Every way to read the expression, said at that moment.
    pub fn resolve(&self, reference: DateTime) -> Resolution {
        let mut candidates: Vec<Candidate> = Vec::with_capacity(4);
        for later_half in [false, true] {
            if later_half && !self.what.is_open_clock() {
                break;
            }
            for side in [Side::Past, Side::Future] {
                let found = self.candidate(reference, Reading { side, later_half });
                if !candidates.contains(&found) {
                    candidates.push(found);
                }
            }
        }
        Resolution { kind: self.kind(), candidates }
    }

    /// The kind of value the expression has.
    pub fn kind(&self) -> Kind {
        let kind = match self.what {
            What::Date(_) => Kind::Date,
            What::Period(_) | What::Dates(..) | What::DatesFrom(..) | What::Vague(..) => Kind::DateRange,
            What::Time(_) => Kind::Time,
            What::Part(..) | What::Times(_) => Kind::TimeRange,
            What::Now if self.bound == Bound::Before => Kind::Date,
            What::RestOfDay => Kind::DateTimeRange,
            What::Moment(..) | What::Now | What::Soon | What::EndOfDay(_) | What::After(_) => Kind::DateTime,
            What::PieceOfDay(..) | What::PartOf(..) | What::HoursOf(..) => Kind::DateTimeRange,
            What::Moments(..) | What::NowTo(..) | What::Around(..) => Kind::DateTimeRange,
            What::Length(_) => Kind::Duration,
            What::Every(_) => Kind::Set,
        };
        match self.bound {
            Bound::Is | Bound::Approx | Bound::More | Bound::Less => kind,
            _ => kind.range(),
        }
    }

    fn candidate(&self, reference: DateTime, reading: Reading) -> Candidate {
        let place = self.what.place(reference, reading);
        let mut made = Candidate { timex: timex(self.what, reference, reading, place), ..Candidate::default() };
        made.modifier = self.modifier();
        if let What::Length(length) = self.what {
            made.value = Some(length.seconds());
        }
        let Some(place) = place else { return made };
        let (from, to) = written(place);
        let to_now = self.what == What::Now && self.bound != Bound::Is;
        let from = if to_now { reference.date().to_string() } else { from };
        let piece = self.what.piece();
        match (self.bound, to) {
            (Bound::Before, Some(to)) if piece == Piece::End => made.end = Some(to),
            // "2010 or before" takes 2010 in.
            (Bound::Until, Some(to)) => made.end = Some(to),
            (Bound::Before | Bound::BeforeApprox | Bound::Until, _) => made.end = Some(from),
            (Bound::After, Some(_)) if piece == Piece::Start => made.start = Some(from),
            (Bound::After | Bound::AfterApprox, Some(to)) => made.start = Some(to),
            (Bound::After | Bound::AfterApprox | Bound::Since, _) => made.start = Some(from),
            (_, Some(to)) => (made.start, made.end) = (Some(from), Some(to)),
            (_, None) => made.value = Some(from),
        }
        made
    }

    fn modifier(&self) -> Option<String> {
        let bound = match self.bound {
            Bound::Is => "",
            Bound::Before => "before",
            Bound::After => "after",
            Bound::Since => "since",
            Bound::Until => "until",
            Bound::Approx => "approx",
            Bound::BeforeApprox => "before-approx",
            Bound::AfterApprox => "after-approx",
            Bound::More => "more",
            Bound::Less => "less",
        };
        let piece = match self.what.piece() {
            Piece::Start => "start",
            Piece::Mid => "mid",
            Piece::End => "end",
            _ if matches!(self.what, What::Period(Period { base: Base::Same(_), .. })) => "ref_undef",
            _ => "",
        };
        match (bound, piece) {
            ("", "") => None,
            ("", one) | (one, "") => Some(one.to_owned()),
            (bound, piece) => Some(format!("{bound}-{piece}")),
        }
    }
}

impl What {
    fn is_open_clock(self) -> bool {
        match self {
            What::Time(time) | What::Moment(_, time) => time.open,
            What::Times(hours) | What::HoursOf(_, hours) => hours.open,
            What::Moments((_, from), (_, to)) => from.open && to.open,
            _ => false,
        }
    }

    fn piece(self) -> Piece {
        match self {
            What::Period(period) => period.piece,
            What::Part(_, piece) | What::PieceOfDay(_, piece) | What::PartOf(_, _, piece) => piece,
            _ => Piece::Whole,
        }
    }
}

/// A place written down: its value, or its start and end.
fn written(place: Place) -> (String, Option<String>) {
    match place {
        Place::Day(day) => (day.to_string(), None),
        Place::Days(from, to) => (from.to_string(), Some(to.to_string())),
        Place::Clock(at) => (clock(at), None),
        Place::Clocks(from, to) => (clock(from), Some(clock(to))),
        Place::Moment(at) => (stamp(at), None),
        Place::Moments(from, to) => (stamp(from), Some(stamp(to))),
    }
}

fn clock(seconds: i64) -> String {
    format!("{:02}:{:02}:{:02}", seconds / 3600 % 24, seconds % 3600 / 60, seconds % 60)
}

fn stamp(at: DateTime) -> String {
    format!("{} {:02}:{:02}:{:02}", at.date(), at.hour(), at.minute(), at.second())
}
