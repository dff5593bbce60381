//! Patterns against a sentence: which words fill which slot, and in which normal form.
//!
//! Normal forms: articles are left out ("a software engineer" is `software engineer`); "my" is left out of what one owns
//! or studies; a place is its first part ("Berlin, Germany" is `Berlin`), with capitals; ages are digits; pets carry their
//! name (`dog Rex`). An object is at most eight words, and holds no pronoun: what it means must not depend on the text.

use nexus_types::{Term, TimeExpr};

use super::lexicon::{Class, Form};
use super::rule::{Element, Pattern, Slot};
use super::sentence::{OBJECT_WORDS_MAX, Sentence};
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
            Slot::Kin => self.kin(at).map(|(predicate, owner, end)| (Fill::Kin(predicate, Some(owner)), end)),
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

    fn value(&self, from: usize, to: usize) -> Term {
        Term::Value(self.shown(from, to).into())
    }

    fn person_term(&self, at: usize) -> Option<(Term, usize)> {
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

    fn owns_next(&self, end: usize) -> bool {
        matches!(self.raw(end), "'s" | "’s")
    }

    fn own_name(&self, at: usize) -> Option<(Term, usize)> {
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

    fn employer(&self, at: usize) -> Option<(Term, usize)> {
        let article = self.is(at, Class::Article) || self.is(at, Class::My) || self.is(at, Class::Definite);
        match self.company(at + usize::from(article)) {
            None if article => self.headed(at, Class::Workplace, 5),
            found => found,
        }
    }

    /// An employer by name.
    fn company(&self, at: usize) -> Option<(Term, usize)> {
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

    /// A noun phrase of at most `words` words whose head is of the class: "a small bank", "software engineer".
    fn headed(&self, at: usize, head: Class, words: usize) -> Option<(Term, usize)> {
        let judged = head == Class::Role;
        let mut from = at;
        while self.is(from, Class::Article)
            || self.is(from, Class::My)
            || self.is(from, Class::Adverb)
            || head != Class::Ownable && self.is(from, Class::Definite)
            || !judged && self.is(from, Class::Kindred)
        {
            from += 1;
        }
        let mut end = from;
        let bare = from == at && head == Class::Ownable;
        let words = if bare { 1 } else { words };
        while end < from + words
            && !self.is(end, Class::My)
            && !self.is_article(end)
            && self.kind(end) == Some(Kind::Word)
            && !self.is_end(end)
            && !self.is(end, Class::Preposition)
            && !self.is(end, Class::Pronoun)
            && !self.is(end, Class::Vague)
            && !self.quoted(end)
            && self.time(end).is_none()
        {
            end += 1;
        }
        let mut last = end.checked_sub(1)?;
        while !judged && last > from && self.is(last, Class::Kindred) {
            last -= 1;
        }
        if last < from || !self.is(last, head) {
            return None;
        }
        (!self.is(from, Class::Pointing) && !self.is(from, Class::Your)).then(|| (self.value(from, last + 1), end))
    }

    fn product(&self, at: usize) -> Option<(Term, usize)> {
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

    fn spoken(&self, at: usize) -> Option<(Term, usize)> {
        let mut from = at;
        while self.is(from, Class::Adverb) || self.is(from, Class::Article) || self.is(from, Class::Fluency) {
            from += 1;
        }
        (self.is(from, Class::Language) && (self.is_end(from + 1) || !self.is_capital(from + 1)))
            .then(|| (Term::Value(titled(self.raw(from)).into()), from + 1))
    }

    fn age(&self, at: usize) -> Option<(Term, usize)> {
        let number = match self.kind(at)? {
            Kind::Number => self.raw(at).parse().ok()?,
            _ => self.language.ordinal(self.word(at)).filter(|_| self.is(at, Class::Number))?,
        };
        (3..=115).contains(&number).then(|| (Term::Value(number.to_string().into()), at + 1))
    }

    fn feeling(&self, at: usize) -> Option<(Term, usize)> {
        let from = self.skip_adverbs(at);
        let next = from + 1;
        let followed = self.is_end(next) || self.time(next).is_some() || self.is(next, Class::Trailing);
        (self.is(from, Class::Feeling) && followed && self.raw(next) != ":")
            .then(|| (Term::Value(self.raw(from).to_lowercase().into()), next))
    }

    fn pet(&self, at: usize) -> Option<(Term, usize)> {
        let mut from = at + usize::from(self.is(at, Class::Article) || self.is(at, Class::My));
        while self.is(from, Class::Kindred) {
            from += 1;
        }
        let head = (from..from + 4)
            .take_while(|at| {
                self.kind(*at) == Some(Kind::Word) && !self.is_end(*at) && !self.is(*at, Class::Preposition)
            })
            .take_while(|at| !self.is(*at, Class::Pronoun) && !self.is(*at, Class::Vague) && !self.is_verb(*at))
            .find(|at| self.is(*at, Class::Pet))?;
        let counted = if self.is(from, Class::Number) { from } else { head };
        let named = usize::from(self.is(head + 1, Class::Named));
        let bare = named == 0;
        let name = head + 1 + named;
        let is_name = self.is_capital(name) && !self.quoted(name) && !self.owns_next(name + 1);
        if is_name {
            let shown = format!("{} {}", self.raw(head).to_lowercase(), self.raw(name));
            return Some((Term::Value(shown.into()), name + 1));
        }
        let plain = bare && self.kind(head + 1) != Some(Kind::Word) || self.is_end(head + 1);
        let plain = plain || self.is(head + 1, Class::Preposition) || self.is(head + 1, Class::Adverb);
        let plain = plain || bare && self.time(head + 1).is_some();
        plain.then(|| (Term::Value(self.shown(counted, head + 1).to_lowercase().into()), head + 1))
    }

    /// Things liked, owned, studied: a noun phrase, and others joined to it by "and".
    fn things(&self, at: usize, articled: bool) -> Option<(Fill, usize)> {
        let one = |at: usize| self.thing(at + usize::from(articled && self.is(at, Class::Definite)));
        let (first, mut end) = one(at)?;
        let mut terms = vec![first];
        let mut from = (at..end).find(|at| !self.is_article(*at) && !self.is(*at, Class::Adverb)).unwrap_or(at);
        while terms.len() < 5 {
            let comma = usize::from(self.raw(end) == ",");
            let and = usize::from(self.is(end + comma, Class::And));
            let next = end + comma + and;
            if comma + and == 0 || self.is_verb(next) || !self.is_article(next) && self.kind(next) != Some(Kind::Word) {
                break;
            }
            let Some((term, last)) = one(next).filter(|(_, last)| *last <= next + 4) else { break };
            let clause = (next..last).any(|at| self.is_finite(at));
            let phrase = (from..end).any(|at| self.is(at, Class::Preposition)) && !self.raw(next).ends_with("ing");
            let goes_on = self.is(last, Class::And) || self.raw(last) == ",";
            if clause || and == 0 && !goes_on || !self.is_break(last) && !goes_on && !self.is(last, Class::Stop) {
                break;
            }
            if phrase {
                // "writing about sadness and loss" is one thing.
                terms.pop();
                terms.push(self.value(from, last));
            } else {
                terms.push(term);
                from = next;
            }
            end = last;
        }
        Some((Fill::Terms(terms), end))
    }

    fn is_article(&self, at: usize) -> bool {
        self.is(at, Class::Article) || self.is(at, Class::Definite)
    }

    fn is_verb(&self, at: usize) -> bool {
        self.language.verbs(self.word(at)).iter().any(|verb| verb.form != Form::GERUND)
    }

    fn is_finite(&self, at: usize) -> bool {
        let finite = Form(Form::THIRD.0 | Form::PAST.0 | Form::IMPERFECT.0);
        self.language.verbs(self.word(at)).iter().any(|verb| verb.form.within(finite)) || self.is(at, Class::Inverts)
    }

    /// One noun phrase that means the same outside its text.
    fn thing(&self, at: usize) -> Option<(Term, usize)> {
        let mut from = at;
        while self.is(from, Class::Article) || self.is(from, Class::Adverb) {
            from += 1;
        }
        if self.is(from, Class::Definite) {
            if self.is(from + 1, Class::Vague) {
                return None;
            }
            let of = (from + 2..from + 5).any(|at| self.is(at, Class::Joins));
            if !of && !self.is_capital(from + 1) && !self.is(from + 1, Class::PlaceHead) {
                return None;
            }
            if !self.is_capital(from + 1) && !of {
                from += 1;
            }
        }
        if self.time(from).is_some() {
            return None;
        }
        let end = self.phrase_end(from)?;
        let first = [Class::Vague, Class::My, Class::Your, Class::Pointing, Class::Preposition, Class::Inverts];
        let refused = first.into_iter().any(|class| self.is(from, class)) || self.is(end - 1, Class::Vague);
        let number = self.kind(from) == Some(Kind::Number);
        (!refused && !number).then(|| (self.value(from, end), end))
    }

    /// Where the phrase that starts here ends; `None` if it is empty, too long, or depends on the text around it.
    fn phrase_end(&self, from: usize) -> Option<usize> {
        let mut end = from;
        let quoted = self.quoted(from);
        while !self.is_end(end) || quoted && self.quoted(end) {
            if self.quoted(end) != quoted && !self.is_break(end) && quoted {
                break;
            }
            if end > from && self.time(end).is_some() {
                break;
            }
            let odd = matches!(self.kind(end), Some(Kind::Url | Kind::Code | Kind::Mail));
            if end - from >= OBJECT_WORDS_MAX || self.is(end, Class::Pronoun) || odd {
                return None;
            }
            end += 1;
        }
        while end > from && (self.is(end - 1, Class::Trailing) || self.is(end - 1, Class::Preposition)) {
            end -= 1;
        }
        let cut = end.checked_sub(1).is_some_and(|last| self.is_article(last) || self.is(last, Class::My));
        // "a safe, open place" would be left as "a safe".
        let cut = cut || end > from + 1 && self.raw(end) == "," && self.is(end - 2, Class::Article);
        (end > from && !cut).then_some(end)
    }

    /// A thing up to the first preposition, one only.
    fn plain(&self, at: usize) -> Option<(Term, usize)> {
        let from = at + usize::from(self.is_article(at));
        let end = (from..self.len())
            .find(|at| self.is_end(*at) || self.is(*at, Class::Preposition) && !self.is(*at, Class::Joins))
            .unwrap_or(self.len());
        let (_, last) = self.thing(at)?;
        (end > from && end <= last).then(|| (self.value(from, end), end))
    }

    /// What stands between quotation marks.
    fn title(&self, at: usize) -> Option<(Term, usize)> {
        let from = at + 1;
        let end = (from..self.len().min(from + OBJECT_WORDS_MAX + 1))
            .find(|at| self.kind(*at) == Some(Kind::Punct) && matches!(self.raw(*at), "\"" | "”" | "»"))?;
        let opens = matches!(self.raw(at), "\"" | "“" | "«");
        (opens && end > from).then(|| (self.value(from, end), end + 1))
    }

    /// What somebody means to do: a verb in its base form and what belongs to it.
    fn activity(&self, at: usize) -> Option<(Term, usize)> {
        self.plan(self.skip_adverbs(at), None)
    }

    /// The same of a verb in any form, whose base form is given.
    pub(super) fn plan(&self, from: usize, base: Option<&str>) -> Option<(Term, usize)> {
        let noun = [
            Class::Article,
            Class::Definite,
            Class::My,
            Class::Your,
            Class::Pointing,
            Class::Preposition,
            Class::Vague,
        ];
        let noun = noun.into_iter().any(|class| self.is(from, class)) || self.is_capital(from);
        if noun || self.is(from, Class::VagueVerb) || self.kind(from) != Some(Kind::Word) || self.is_end(from) {
            return None;
        }
        let end = self.phrase_end(from).filter(|end| *end > from + 1)?;
        if self.is(end - 1, Class::Vague) || self.is(from + 1, Class::Stop) {
            return None;
        }
        let verb = base.unwrap_or(self.raw(from)).to_lowercase();
        Some((Term::Value(format!("{verb} {}", self.shown(from + 1, end)).into()), end))
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
