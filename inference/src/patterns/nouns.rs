//! Slots that a noun phrase or a verb phrase fills, and when such a phrase says too little to be kept.

use nexus_types::Term;

use super::lexicon::{Class, Form};
use super::sentence::{OBJECT_WORDS_MAX, Sentence};
use super::slots::Fill;
use super::token::Kind;

impl Sentence<'_> {
    /// A noun phrase of at most `words` words whose head is of the class: "a small bank", "software engineer".
    pub(super) fn headed(&self, at: usize, head: Class, words: usize) -> Option<(Term, usize)> {
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
            && !(end > from && self.is(end, Class::Adverb))
            && !self.quoted(end)
            && self.time(end).is_none()
        {
            end += 1;
        }
        let mut last = end.checked_sub(1)?;
        while !judged && last > from && self.is(last, Class::Kindred) {
            last -= 1;
        }
        let gift = head == Class::Ownable && self.is(end, Class::For);
        if last < from || !self.is(last, head) || gift {
            return None;
        }
        (!self.is(from, Class::Pointing) && !self.is(from, Class::Your)).then(|| (self.value(from, last + 1), end))
    }

    pub(super) fn age(&self, at: usize) -> Option<(Term, usize)> {
        let number = match self.kind(at)? {
            Kind::Number => self.raw(at).parse().ok()?,
            _ => self.language.ordinal(self.word(at)).filter(|_| self.is(at, Class::Number))?,
        };
        (3..=115).contains(&number).then(|| (Term::Value(number.to_string().into()), at + 1))
    }

    pub(super) fn feeling(&self, at: usize) -> Option<(Term, usize)> {
        let from = self.skip_adverbs(at);
        let next = from + 1;
        let followed = self.is_end(next) || self.time(next).is_some() || self.is(next, Class::Trailing);
        (self.is(from, Class::Feeling) && followed && self.raw(next) != ":")
            .then(|| (Term::Value(self.raw(from).to_lowercase().into()), next))
    }

    pub(super) fn pet(&self, at: usize) -> Option<(Term, usize)> {
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
        // "my cat, Luna, …"
        let apposed = self.raw(name) == "," && self.raw(name + 2) == "," && self.is_capital(name + 1);
        let name = name + usize::from(apposed);
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
    pub(super) fn things(&self, at: usize, articled: bool) -> Option<(Fill, usize)> {
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
            let long = self.raw(from).ends_with("ing") && end > from + 1;
            let phrase = long || (from..end).any(|at| self.is(at, Class::Preposition));
            let phrase = phrase && !self.raw(next).ends_with("ing");
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

    pub(super) fn is_article(&self, at: usize) -> bool {
        self.is(at, Class::Article) || self.is(at, Class::Definite)
    }

    pub(super) fn is_verb(&self, at: usize) -> bool {
        self.language.verbs(self.word(at)).iter().any(|verb| verb.form != Form::GERUND)
    }

    pub(super) fn is_finite(&self, at: usize) -> bool {
        let finite = Form(Form::THIRD.0 | Form::PAST.0 | Form::IMPERFECT.0);
        self.language.verbs(self.word(at)).iter().any(|verb| verb.form.within(finite)) || self.is(at, Class::Inverts)
    }

    /// One noun phrase that means the same outside its text.
    pub(super) fn thing(&self, at: usize) -> Option<(Term, usize)> {
        let mut from = at;
        while self.is(from, Class::Article) || self.is(from, Class::Adverb) {
            from += 1;
        }
        if self.is(from, Class::Definite) {
            if self.is(from + 1, Class::Vague) {
                return None;
            }
            let of = (from + 2..from + 5).any(|at| self.is(at, Class::Joins));
            let name = self.is_capital(from + 1) && self.raw(from + 1).chars().any(char::is_lowercase);
            if !of && !name && !self.is(from + 1, Class::PlaceHead) {
                return None;
            }
            if !name && !of {
                from += 1;
            }
        }
        if self.time(from).is_some() {
            return None;
        }
        let end = self.phrase_end(from)?;
        let first = [Class::Vague, Class::My, Class::Your, Class::Pointing, Class::Preposition, Class::Inverts];
        let refused = first.into_iter().any(|class| self.is(from, class)) || self.is(end - 1, Class::Vague);
        let counted = self.kind(from) == Some(Kind::Number) || self.is(from, Class::Number);
        // "people who …" is not all people, "using it" is no use, and a title in quotes would be cut off.
        let narrowed = self.is(end, Class::Restricts) || matches!(self.raw(end), "\"" | "“" | "/");
        let bare = end == from + 1 && self.is(from, Class::VagueVerb);
        (!refused && !counted && !narrowed && !bare).then(|| (self.value(from, end), end))
    }

    /// Where the phrase that starts here ends; `None` if it is empty, too long, or depends on the text around it.
    pub(super) fn phrase_end(&self, from: usize) -> Option<usize> {
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
    pub(super) fn plain(&self, at: usize) -> Option<(Term, usize)> {
        let from = at + usize::from(self.is_article(at));
        let end = (from..self.len())
            .find(|at| self.is_end(*at) || self.is(*at, Class::Preposition) && !self.is(*at, Class::Joins))
            .unwrap_or(self.len());
        let (_, last) = self.thing(at)?;
        (end > from && end <= last).then(|| (self.value(from, end), end))
    }

    /// What stands between quotation marks.
    pub(super) fn title(&self, at: usize) -> Option<(Term, usize)> {
        let from = at + 1;
        let end = (from..self.len().min(from + OBJECT_WORDS_MAX + 1))
            .find(|at| self.kind(*at) == Some(Kind::Punct) && matches!(self.raw(*at), "\"" | "”" | "»"))?;
        let opens = matches!(self.raw(at), "\"" | "“" | "«");
        (opens && end > from).then(|| (self.value(from, end), end + 1))
    }

    /// What somebody means to do: a verb in its base form and what belongs to it.
    pub(super) fn activity(&self, at: usize) -> Option<(Term, usize)> {
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
