//! Slots that only a name fills: people, places, employers, products, languages; with their normal forms.

use nexus_types::Term;

use super::lexicon::Class;
use super::sentence::Sentence;
use super::token::Kind;

impl Sentence<'_> {
    pub(super) fn person_term(&self, at: usize) -> Option<(Term, usize)> {
        if let Some((predicate, owner, end)) = self.kin(at) {
            return match self.cued_person(end) {
                Some(last) => Some((Term::Person(self.shown(end, last).into()), last)),
                None if self.is_end(end) || self.is(end, Class::Preposition) => {
                    Some((Term::Relative(predicate, Box::new(owner)), end))
                }
                None => None,
            };
        }
        if self.kind(at) == Some(Kind::Handle) {
            return Some((Term::Handle(self.raw(at)[1..].into()), at + 1));
        }
        let end = self.cued_person(at)?;
        (!self.owns_next(end)).then(|| (Term::Person(self.shown(at, end).into()), end))
    }

    pub(super) fn own_name(&self, at: usize) -> Option<(Term, usize)> {
        let bare = self.quoted(at).then_some(at + 1).filter(|_| self.tokens[at].kind == Kind::Word);
        let end = self.cued_person(at).or(bare)?;
        self.is_end(end).then(|| (self.value(at, end), end))
    }

    /// A place by name, with capitals or well known.
    pub(super) fn place(&self, at: usize) -> Option<(Term, usize)> {
        let at = at + usize::from(self.is(at, Class::Definite));
        if self.quoted(at) {
            return None;
        }
        let lower = |at: usize| self.is(at, Class::Place) && !self.tokens[at].capital;
        let headed = usize::from(self.is(at, Class::PlaceHead) && self.is(at + 1, Class::Place));
        let end = if let Some(end) = self.capital_run(at) {
            let other = [Class::Product, Class::Organisation, Class::Language, Class::Institute, Class::Relation];
            if !self.is(at, Class::Place)
                && headed == 0
                && (other.into_iter().any(|class| self.is(at, class)) || self.is(at, Class::Given) || end > at + 3)
            {
                return None;
            }
            end
        } else if lower(at + headed) {
            at + headed + 1
        } else {
            return None;
        };
        let followed = self.is_end(end) || self.is(end, Class::Preposition) || self.is(end, Class::Adverb);
        let followed =
            followed || self.is(end, Class::Trailing) || self.time(end).is_some() || self.is(end, Class::Third);
        (followed && !self.owns_next(end)).then(|| (Term::Value(titled(&self.shown(at, end)).into()), end))
    }

    pub(super) fn city(&self, at: usize) -> Option<(Term, usize)> {
        let from = at + usize::from(self.is(at, Class::Definite));
        let known = self.is(from, Class::Place) || self.is(from, Class::PlaceHead) && self.is(from + 1, Class::Place);
        self.place(at).filter(|_| known)
    }

    pub(super) fn employer(&self, at: usize) -> Option<(Term, usize)> {
        let article = self.is(at, Class::Article) || self.is(at, Class::My) || self.is(at, Class::Definite);
        match self.company(at + usize::from(article)) {
            None if article => self.headed(at, Class::Workplace, 5),
            found => found,
        }
    }

    /// An employer by name.
    pub(super) fn company(&self, at: usize) -> Option<(Term, usize)> {
        let known = self.is(at, Class::Organisation);
        if self.quoted(at) {
            return None;
        }
        let Some(end) = self.capital_run(at) else {
            return known.then(|| (Term::Value(titled(self.raw(at)).into()), at + 1));
        };
        let institute = (at..end).any(|at| self.is(at, Class::Institute) || self.is(at, Class::Incorporated));
        let other = [Class::Given, Class::Place, Class::Product, Class::Title, Class::Relation, Class::Language];
        let other = !institute && end == at + 1 && other.into_iter().any(|class| self.is(at, class));
        let followed = self.is_end(end) || self.is(end, Class::Preposition) || self.time(end).is_some();
        let sound = known || (!other && !self.owns_next(end));
        (sound && followed).then(|| (self.value(at, end), end))
    }

    pub(super) fn product(&self, at: usize) -> Option<(Term, usize)> {
        let at = at + usize::from(self.is(at, Class::Definite) && self.is_capital(at + 1));
        let known = self.is(at, Class::Product);
        let mut end = self.capital_run(at).or(known.then_some(at + 1))?;
        while self.is(end, Class::Product) {
            end += 1;
        }
        if self.kind(end) == Some(Kind::Number) && self.raw(end).len() <= 6 {
            end += 1;
        }
        let person = self.is(at, Class::Given) || self.is(at, Class::Place) || self.is(at, Class::Language);
        let followed = self.is_end(end) || self.is(end, Class::Preposition) || self.is(end, Class::Adverb);
        let followed = followed || self.is(end, Class::Trailing) || self.time(end).is_some();
        (followed && (known || !person) && !self.quoted(at)).then(|| (self.value(at, end), end))
    }

    pub(super) fn spoken(&self, at: usize) -> Option<(Term, usize)> {
        let mut from = at;
        while self.is(from, Class::Adverb) || self.is(from, Class::Article) || self.is(from, Class::Fluency) {
            from += 1;
        }
        (self.is(from, Class::Language) && (self.is_end(from + 1) || !self.is_capital(from + 1)))
            .then(|| (Term::Value(titled(self.raw(from)).into()), from + 1))
    }
}

/// Every word with a capital, if there is none yet.
fn titled(name: &str) -> String {
    if name.chars().any(char::is_uppercase) {
        return name.to_owned();
    }
    let capital = |word: &str| {
        let mut chars = word.chars();
        chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
    };
    name.split(' ').map(capital).collect::<Vec<_>>().join(" ")
}
