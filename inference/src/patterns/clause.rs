//! Clauses: a subject, what stands between it and its verb, and what the verb says, read off the rules.

use nexus_types::{Aspect, Modality, Term};

use super::lexicon::{Class, Form, Person, Verb};
use super::rule::{Effect, Rule, Sort};
use super::sentence::Sentence;
use super::slots::Match;
use super::token::Kind;

/// The most openers before one verb.
const OPENERS_MAX: usize = 6;

/// The longest time that may stand right before a subject.
const TIME_WORDS_MAX: usize = 4;

/// Who a clause is about.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    /// One, or several: "Anna and I".
    pub(super) terms: Vec<Term>,
    /// Forms of a verb that agree with it.
    pub(super) agrees: Form,
    pub(super) person: Person,
    /// A pronoun that stands for somebody named before.
    pub(super) guessed: bool,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Subject {
    /// The speaker, whom no word names, from this token on.
    pub(super) fn speaker(at: usize) -> Subject {
        Subject {
            terms: vec![Term::Speaker],
            agrees: Form::FINITE,
            person: Person::First,
            guessed: false,
            start: at,
            end: at,
        }
    }
}

/// What has been read between the subject and the verb.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct State {
    pub(super) denied: bool,
    pub(super) intended: bool,
    pub(super) weak: bool,
    pub(super) wish: bool,
    lasting: bool,
    /// Where what is intended begins.
    pub(super) intended_at: usize,
    hedged: bool,
    unreal: bool,
    ends: bool,
    begins: bool,
    used_to: bool,
    past: bool,
    progressive: bool,
    past_progressive: bool,
    perfect: bool,
    perfect_progressive: bool,
}

impl State {
    fn apply(&mut self, effect: Effect) {
        match effect {
            Effect::Progressive => self.progressive = true,
            Effect::PastProgressive => self.past_progressive = true,
            Effect::Perfect => self.perfect = true,
            Effect::PerfectProgressive => self.perfect_progressive = true,
            Effect::UsedTo => self.used_to = true,
            Effect::Past => self.past = true,
            Effect::Denied => self.denied = true,
            Effect::Intended => self.intended = true,
            Effect::Hedged => self.hedged = true,
            Effect::Unreal => self.unreal = true,
            Effect::Ends => self.ends = true,
            Effect::Begins => self.begins = true,
            Effect::Weak => self.weak = true,
            Effect::Wish => self.wish = true,
            Effect::Lasting => self.lasting = true,
        }
    }

    /// How the words between subject and verb make it meant.
    pub(super) fn modality(&self) -> Modality {
        match () {
            () if self.unreal => Modality::Hypothetical,
            () if self.hedged => Modality::Hedged,
            () if self.intended => Modality::Intended,
            () => Modality::Asserted,
        }
    }
}

/// A verb with what stood before it.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) state: State,
    /// The forms that were expected of the verb.
    pub(super) expected: Form,
    pub(super) verb: Option<Verb>,
    /// Where the verb stands.
    pub(super) at: usize,
    /// The rule that matched after the verb.
    pub(super) said: Option<(Rule, Match)>,
    /// The words before the verb say that the speaker is the subject.
    pub(super) first_person: bool,
}

impl Group {
    /// The aspect that a rule of this sort has here, and whether it is meant as a plan; `None` if it says nothing sure.
    pub(super) fn aspect(&self, sort: Sort, lasting: bool) -> Option<(Aspect, bool)> {
        use Aspect::{Begins, Ends, Holds, Was};
        let state = &self.state;
        let lasts = matches!(sort, Sort::State | Sort::Taste);
        let form = self.verb.map_or(self.expected, |verb| Form(verb.form.0 & self.expected.0));
        let plain = |held| Some((held, false));
        let happened = match sort {
            Sort::Begin => plain(Begins),
            Sort::End => plain(Ends),
            Sort::Event | Sort::Moment | Sort::Always | Sort::Denied => plain(Holds),
            Sort::Ended => plain(Ends),
            Sort::State | Sort::Taste => None,
        };
        match () {
            () if state.ends => plain(Ends).filter(|_| lasts),
            () if state.used_to => plain(Was).filter(|_| lasts),
            () if state.begins => plain(Begins).filter(|_| lasts),
            () if state.intended => match sort {
                Sort::State => Some((Begins, true)),
                Sort::Taste | Sort::Moment | Sort::Always | Sort::Denied | Sort::Ended => None,
                _ => happened.map(|(aspect, _)| (aspect, true)),
            },
            () if state.perfect_progressive => plain(Holds).filter(|_| lasts || sort == Sort::Moment),
            () if state.past_progressive => plain(Was).filter(|_| sort == Sort::State),
            () if state.progressive => match sort {
                Sort::Begin | Sort::End | Sort::Event => happened.map(|(aspect, _)| (aspect, true)),
                _ => plain(Holds),
            },
            () if state.perfect => {
                if lasts {
                    plain(Holds).filter(|_| lasting || state.lasting)
                } else {
                    happened
                }
            }
            () if state.past || form.within(Form::PAST) => {
                if sort == Sort::State {
                    plain(Was)
                } else {
                    happened
                }
            }
            () if form.within(Form::IMPERFECT) => match sort {
                Sort::State => plain(Was),
                Sort::Always => plain(Holds),
                _ => None,
            },
            () if sort == Sort::Ended => plain(Ends),
            () => plain(Holds).filter(|_| lasts || matches!(sort, Sort::Always | Sort::Moment | Sort::Denied)),
        }
    }
}

impl Sentence<'_> {
    /// Whether a clause may begin at this token.
    pub(super) fn begins_clause(&self, at: usize) -> bool {
        if self.quoted(at) {
            return false;
        }
        let Some(before) = at.checked_sub(1) else { return true };
        let mark = self.kind(before) == Some(Kind::Punct) && !matches!(self.raw(before), "'" | "’" | "/" | "$" | "&");
        if self.is(at, Class::Speaker) || self.is(at, Class::Us) {
            return !self.is(before, Class::Inverts) && !self.quoted(before);
        }
        mark || self.is(before, Class::Boundary)
            || self.is(before, Class::Adverb)
            || self.is(before, Class::Hedge)
            || self.is(before, Class::Says)
            || self.is(before, Class::That)
            || self.is(before, Class::Unreal)
            || self.is(before, Class::And)
            || self.is(before, Class::But)
            || self.is(before, Class::Greeting)
            || matches!(self.kind(before), Some(Kind::Handle))
            || (1..=TIME_WORDS_MAX).any(|back| at >= back && self.time(at - back).is_some_and(|time| time.end == at))
    }

    /// The subject that begins at this token. `antecedent` is whom "he" or "she" can only mean.
    pub(super) fn subject(&self, at: usize, antecedent: impl Fn(bool) -> Option<Term>) -> Option<Subject> {
        let of =
            |term, agrees, person, end| Subject { terms: vec![term], agrees, person, guessed: false, start: at, end };
        let lasting = Form::PAST.0 | Form::IMPERFECT.0;
        let plural = Form(Form::PRESENT.0 | lasting);
        let singular = Form(Form::THIRD.0 | lasting);
        if self.is(at, Class::Speaker) || self.is(at, Class::Us) {
            return Some(of(Term::Speaker, plural, Person::First, at + 1));
        }
        if self.is(at, Class::Addressee) {
            return Some(of(Term::Addressee, plural, Person::Any, at + 1));
        }
        if self.is(at, Class::Third) {
            let term = antecedent(self.is(at, Class::Feminine))?;
            return Some(Subject { guessed: true, ..of(term, singular, Person::Third, at + 1) });
        }
        let (first, end) = self.third_person(at)?;
        let mut subject = of(first, singular, Person::Third, end);
        if self.is(end, Class::And) {
            let (other, last) =
                if self.is(end + 1, Class::Speaker) { (Term::Speaker, end + 2) } else { self.third_person(end + 1)? };
            subject.person = if other == Term::Speaker { Person::First } else { Person::Third };
            subject.terms.push(other);
            subject.agrees = plural;
            subject.end = last;
        }
        Some(subject)
    }

    /// Somebody named, or known by a relation.
    fn third_person(&self, at: usize) -> Option<(Term, usize)> {
        let owned = |end: usize| matches!(self.raw(end), "'s" | "’s") && self.owns(end);
        if let Some((predicate, owner, end)) = self.kin(at) {
            let named = end + usize::from(self.raw(end) == "," && self.person(end + 1).is_some());
            if let Some(last) = self.cued_person(named) {
                let after = last + usize::from(named > end && self.raw(last) == ",");
                return (!owned(last) && (named == end || after > last))
                    .then(|| (Term::Person(self.shown(named, last).into()), after));
            }
            return (!owned(end)).then(|| (Term::Relative(predicate, Box::new(owner)), end));
        }
        if self.kind(at) == Some(Kind::Handle) {
            return Some((Term::Handle(self.raw(at)[1..].into()), at + 1));
        }
        let end = self.person(at)?;
        if let (true, Some((_, _, after))) = (self.raw(end) == ",", self.kin(end + 1)) {
            let closed = after + usize::from(self.raw(after) == ",");
            return (closed > after).then(|| (Term::Person(self.shown(at, end).into()), closed));
        }
        (!owned(end)).then(|| (Term::Person(self.shown(at, end).into()), end))
    }

    /// Whether "'s" here says whose, and is no "is": a noun follows.
    fn owns(&self, at: usize) -> bool {
        let next = self.skip_adverbs(at + 1);
        let says = [Class::Article, Class::Definite, Class::Feeling, Class::Preposition, Class::Number, Class::My];
        let verb = self
            .language
            .verbs(self.word(next))
            .iter()
            .any(|verb| verb.form.within(Form(Form::PARTICIPLE.0 | Form::GERUND.0)));
        !verb && !says.into_iter().any(|class| self.is(next, class)) && !self.is_break(next)
    }

    /// The longest rule of a verb that matches after it; past a "not" or "no longer", if none does before.
    fn said(&self, verb: Verb, at: usize, state: &mut State) -> Option<(Rule, Match)> {
        let rules = self.language.rules.get(verb.lemma as usize)?;
        let longest = |at: usize| {
            let found = rules.iter().filter_map(|rule| Some((rule, self.matches(&rule.pattern, at)?)));
            let best = found.reduce(|best, next| if next.1.end > best.1.end { next } else { best });
            best.map(|(rule, found)| (rule.clone(), found))
        };
        longest(at).or_else(|| {
            let openers = self.language.openers.get(&self.word(at))?;
            let negations = openers.iter().filter(|opener| opener.then.is_none());
            let found = negations.filter_map(|opener| Some((opener, self.matches(&opener.pattern, at)?)));
            let (opener, found) = found.max_by_key(|(_, found)| found.end)?;
            let said = longest(found.end)?;
            opener.effects.iter().for_each(|effect| state.apply(*effect));
            Some(said)
        })
    }

    /// Whether a noun phrase plainly begins here, and no verb: "going to Japan", "going to a party".
    fn is_noun(&self, at: usize) -> bool {
        let noun = [Class::Article, Class::Definite, Class::My, Class::Your, Class::Pointing, Class::Preposition];
        noun.into_iter().any(|class| self.is(at, class)) || self.is_capital(at)
    }

    /// Reads on from `at` until a rule matches, or nothing more is understood.
    pub(super) fn group(&self, mut at: usize, expected: Form, person: Person, state: State) -> Group {
        let mut group = Group { state, expected, verb: None, at, said: None, first_person: false };
        for _ in 0..OPENERS_MAX {
            while self.is(at, Class::Adverb) || self.is(at, Class::Hedge) {
                group.state.hedged |= self.is(at, Class::Hedge);
                at += 1;
            }
            group.at = at;
            let fits = |verb: &&Verb| {
                verb.form.within(group.expected)
                    && (verb.person == person
                        || verb.person == Person::Any
                        || person == Person::Any
                        || !verb.form.within(Form::FINITE))
            };
            // A past that looks like its present ("I quit") is the likelier reading: it comes last in the tables.
            for verb in self.language.verbs(self.word(at)).iter().rev().filter(fits) {
                group.verb.get_or_insert(*verb);
                if let Some((rule, found)) = self.said(*verb, at + 1, &mut group.state) {
                    group.verb = Some(*verb);
                    group.said = Some((rule, found));
                    return group;
                }
            }
            let openers = self.language.openers.get(&self.word(at)).map_or(&[][..], Vec::as_slice);
            let fitting = openers.iter().filter(|opener| opener.needs.within(group.expected));
            let longest = fitting
                .filter_map(|opener| Some((opener, self.matches(&opener.pattern, at)?)))
                .filter(|(opener, found)| opener.then != Some(Form::BASE) || !self.is_noun(found.end))
                .max_by_key(|(_, found)| found.end);
            let Some((opener, found)) = longest else { break };
            opener.effects.iter().for_each(|effect| group.state.apply(*effect));
            group.first_person |= opener.first_person;
            group.expected = opener.then.unwrap_or(group.expected);
            group.verb = None;
            at = found.end;
            if opener.effects.contains(&Effect::Intended) {
                group.state.intended_at = self.skip_adverbs(at);
            }
        }
        group
    }
}
