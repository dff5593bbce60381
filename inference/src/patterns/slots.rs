//! Patterns against a sentence: which words fill which slot, and in which normal form.
//!
//! Normal forms: articles are left out ("a software engineer" is `software engineer`); "my" is left out of what one owns
//! or studies; a place is its first part ("Berlin, Germany" is `Berlin`), with capitals; ages are digits; pets carry their
//! name (`dog Rex`). An object is at most eight words, and holds no pronoun: what it means must not depend on the text.

use nexus_types::{Term, TimeExpr};

use super::lexicon::Class;
use super::rule::{Element, Pattern, Slot};
use super::sentence::Sentence;
use super::token::Kind;

/// What fills a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fill {
    Terms(Vec<Term>),
    /// A relation, and whose.
    Kin(nexus_types::Text, Option<Term>),
    Number(i32),
    Unit(usize),
    Month(i8),
    Day(i8),
    Year(i16),
    Weekday(i8),
    Point(TimeExpr),
}

/// A pattern found in a sentence.
#[derive(Clone, Debug)]
pub(super) struct Match {
    /// What fills its slots with a value, in order.
    pub(super) fills: Vec<Fill>,
    /// One past its last token.
    pub(super) end: usize,
}

impl Sentence<'_> {
    /// The pattern at this token, if it is there.
    pub(super) fn matches(&self, pattern: &Pattern, at: usize) -> Option<Match> {
        let mut end = at;
        let mut fills = Vec::new();
        for element in &pattern.0 {
            match element {
                Element::Words(words) => {
                    if end >= self.len() || !words.contains(&self.word(end)) {
                        return None;
                    }
                    end += 1;
                }
                Element::Optional(words) => {
                    if end < self.len() && words.contains(&self.word(end)) {
                        end += 1;
                    }
                }
                Element::Slot(slot) => {
                    let (fill, next) = self.fill(*slot, end)?;
                    fills.extend(fill);
                    end = next;
                }
            }
        }
        Some(Match { fills, end })
    }

    fn fill(&self, slot: Slot, at: usize) -> Option<(Option<Fill>, usize)> {
        let none = |end: usize| Some((None, end));
        let found = match slot {
            Slot::Whose => {
                let whose = self.is(at, Class::My) || self.is(at, Class::Your) || self.is(at, Class::Pointing);
                return if whose { none(at + 1) } else { None };
            }
            Slot::Word => return if self.kind(at) == Some(Kind::Word) { none(at + 1) } else { None },
            Slot::Adverbs => return none(self.skip_adverbs(at)),
            Slot::End => return if self.is_end(at) || self.time(at).is_some() { none(at) } else { None },
            Slot::Place => self.listed(at, |at| self.place(at)),
            Slot::City => self.listed(at, |at| self.city(at)),
            Slot::Employer => self.one(self.employer(at)),
            Slot::Company => self.one(self.company(at)),
            Slot::Person => self.listed(at, |at| self.person_term(at)),
            Slot::Thing => self.things(at, false),
            Slot::Liked => self.things(at, true),
            Slot::Plain => self.one(self.plain(at)),
            Slot::Title => self.one(self.title(at)),
            Slot::Instrument => self.one(self.headed(at, Class::Instrument, 3)),
            Slot::Sport => self.listed(at, |at| self.headed(at, Class::Sport, 2)),
            Slot::Product => self.listed(at, |at| self.product(at)),
            Slot::Role => self.one(self.headed(at, Class::Role, 4)),
            Slot::Language => self.listed(at, |at| self.spoken(at)),
            Slot::Age => self.one(self.age(at)),
            Slot::Name => self.one(self.own_name(at)),
            Slot::Known => self.one(self.person(at).map(|end| (self.value(at, end), end))),
            Slot::Feeling => self.one(self.feeling(at)),
            Slot::Activity => self.one(self.activity(at)),
            Slot::Pet => self.one(self.pet(at)),
            Slot::Ownable => self.one(self.headed(at, Class::Ownable, 5)),
            Slot::Gathering => self.one(self.headed(at, Class::Gathering, 5)),
            Slot::Mail => (self.kind(at) == Some(Kind::Mail))
                .then(|| (Fill::Terms(vec![Term::Mail(self.raw(at).to_lowercase().into())]), at + 1)),
            Slot::Kin => self
                .kin(at)
                .filter(|(_, _, end)| !self.owns_next(*end))
                .map(|(predicate, owner, end)| (Fill::Kin(predicate, Some(owner)), end)),
            Slot::Relation => {
                let predicate = self.language.relation(self.word(at))?;
                Some((Fill::Kin(predicate.clone(), None), at + 1))
            }
            Slot::Point | Slot::Number | Slot::Unit | Slot::Month | Slot::Day | Slot::Year | Slot::Weekday => {
                self.time_slot(slot, at)
            }
        };
        found.map(|(fill, end)| (Some(fill), end))
    }

    fn one(&self, found: Option<(Term, usize)>) -> Option<(Fill, usize)> {
        found.map(|(term, end)| (Fill::Terms(vec![term]), end))
    }

    /// Several of a sort: "Oslo, Rome and Paris".
    fn listed(&self, at: usize, one: impl Fn(usize) -> Option<(Term, usize)>) -> Option<(Fill, usize)> {
        let (first, mut end) = one(at)?;
        let mut terms = vec![first];
        loop {
            let comma = usize::from(self.raw(end) == ",");
            let and = usize::from(self.is(end + comma, Class::And));
            if comma + and == 0 {
                break;
            }
            let Some((term, next)) = one(end + comma + and).filter(|(_, next)| self.is_end(*next)) else { break };
            // "Berlin, Germany" is one place; only "Berlin, Oslo and Rome" is several.
            if and == 0 && !(self.raw(next) == "," || self.is(next, Class::And)) {
                break;
            }
            terms.push(term);
            end = next;
        }
        Some((Fill::Terms(terms), end))
    }

    /// "my sister", "your brother", "Anna's boss": the relation, whose, and where it ends.
    pub(super) fn kin(&self, at: usize) -> Option<(nexus_types::Text, Term, usize)> {
        let (owner, mut end) = if self.is(at, Class::My) {
            (Term::Speaker, at + 1)
        } else if self.is(at, Class::Your) {
            (Term::Addressee, at + 1)
        } else {
            let end = self.person(at).filter(|end| matches!(self.raw(*end), "'s" | "’s"))?;
            (Term::Person(self.shown(at, end).into()), end + 1)
        };
        while self.is(end, Class::Kindred) {
            end += 1;
        }
        let predicate = self.language.relation(self.word(end))?;
        Some((predicate.clone(), owner, end + 1))
    }

    pub(super) fn value(&self, from: usize, to: usize) -> Term {
        Term::Value(self.shown(from, to).into())
    }

    pub(super) fn owns_next(&self, end: usize) -> bool {
        matches!(self.raw(end), "'s" | "’s")
    }
}
