//! Times: since when, until when or when what a clause says is so, from the expressions among its arguments.
//!
//! An expression counts for the clause it stands in; of several the first. Contract: total. Cost: the text once, and the
//! clause's arguments.

use nexus_types::{Aspect, TimeExpr, When};
use nexus_when::{Bound, Found, Kind, Language, recognise};

use super::phrase::span;
use super::proposition::Proposition;
use super::tree::Tree;

/// The expressions of a text.
pub(super) struct Times {
    found: Vec<Found>,
}

impl Times {
    /// Of an English text.
    pub(super) fn of(text: &str) -> Self {
        Times { found: recognise(text, Language::English) }
    }
}

/// When a clause is so.
#[derive(Clone, Copy, Default)]
pub(super) struct At {
    from: Option<TimeExpr>,
    to: Option<TimeExpr>,
    /// Whether it is a stretch with two ends.
    span: bool,
}

/// The time that a clause's arguments, or its object, give it.
pub(super) fn when(tree: &Tree<'_>, times: &Times, of: &Proposition) -> At {
    let phrases = of.arguments.iter().map(|argument| &argument.phrase).chain(of.object.as_ref());
    let mut at = At::default();
    for (start, end) in phrases.map(|phrase| span(tree, &phrase.words)) {
        let inside = |found: &&Found| start < found.end && found.start < end;
        for found in times.found.iter().filter(inside) {
            at.take(found);
        }
    }
    at
}

impl At {
    fn take(&mut self, found: &Found) {
        let expr = Some(TimeExpr::Spoken(found.expr));
        match (found.expr.kind(), found.expr.bound) {
            (Kind::Duration | Kind::Set, _) => {}
            (_, Bound::Until | Bound::Before | Bound::BeforeApprox) => self.to = self.to.or(expr),
            (Kind::DateRange, Bound::Is) => {
                self.span |= self.from.is_none();
                self.from = self.from.or(expr);
            }
            _ => self.from = self.from.or(expr),
        }
    }

    /// As it bears on a state that holds, begins, ends, or was.
    pub(super) fn bearing(self, aspect: Aspect) -> When {
        match aspect {
            Aspect::Ends => When { from: None, to: self.to.or(self.from) },
            Aspect::Was => When { from: self.from, to: self.to.or(self.from.filter(|_| self.span)) },
            Aspect::Holds | Aspect::Begins => When { from: self.from, to: self.to },
        }
    }
}
