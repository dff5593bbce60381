//! What a sentence states: every clause's claims, with who says so, how sure, and when.

use std::collections::BTreeSet;

use nexus_types::passage::Span;
use nexus_types::{Aspect, Modality, Polarity, Statement, Tense, Term, Text, TimeExpr};

use super::clause::{Group, State, Subject};
use super::lexicon::{Class, Form, Person};
use super::rule::{Outcome, Sort};
use super::sentence::{CLAUSE_WORDS_MAX, Sentence};
use super::slots::{Fill, Match};
use super::when::{Time, bearing};

/// Confidence of what a pronoun's only antecedent is said to do, in thousandths of a named one's.
const GUESSED: u32 = 750;
/// Confidence of what is not plainly asserted, in thousandths.
const UNSURE: u32 = 800;
/// Confidence that a name after "my sister" is hers.
const KIN: u16 = 930;

/// Confidence of a plan, and of what is only wished for.
const PLAN: u16 = 850;
const WISH: u16 = 750;
/// What may be learnt of whoever is spoken to. The rest is mostly "you" for anybody: "you use sudo".
const OF_ADDRESSEE: [&str; 10] =
    ["age", "allergic_to", "birthday", "from", "lives_in", "name", "pet", "role", "speaks", "works_at"];

/// What the passage has said so far.
#[derive(Default)]
pub(super) struct Passage {
    /// Names introduced as a person's, by their first word.
    pub(super) people: BTreeSet<Text>,
    /// Everybody mentioned in the third person.
    pub(super) persons: BTreeSet<Term>,
    /// The subject of the sentence before, with its gender where a word told it.
    pub(super) previous: Option<(Term, Option<bool>)>,
}

/// Reads the statements of one sentence.
pub(super) struct Reading<'s, 'a> {
    sentence: &'s Sentence<'a>,
    antecedent: Option<(Term, Option<bool>)>,
    /// First token of what is asked.
    asked: usize,
    /// From this token on "if" or the like has been said.
    unreal: Option<usize>,
    /// Who is said to have said what follows.
    reporter: Option<Option<Term>>,
    /// Where the last clause ended: a time before it is not the next one's.
    spent: usize,
    subject: Option<(Term, Option<bool>)>,
    found: Vec<Statement>,
}

/// What a sentence states, and its subject in the third person.
pub(super) fn read(sentence: &Sentence<'_>, passage: &Passage) -> (Vec<Statement>, Option<(Term, Option<bool>)>) {
    let only = passage.persons.len() == 1;
    let mut reading = Reading {
        sentence,
        antecedent: passage.previous.clone().filter(|(term, _)| only && passage.persons.contains(term)),
        asked: sentence.asked_from(),
        unreal: None,
        reporter: None,
        spent: 0,
        subject: None,
        found: Vec::new(),
    };
    reading.run();
    let mut seen = BTreeSet::new();
    reading.found.retain(|statement| {
        seen.insert((
            statement.subject.clone(),
            statement.predicate.clone(),
            statement.object.clone(),
            statement.modality,
        ))
    });
    (reading.found, reading.subject)
}

impl Reading<'_, '_> {
    fn run(&mut self) {
        let sentence = self.sentence;
        if sentence.is_joke() {
            return;
        }
        let mut free = 0;
        for at in 0..sentence.len() {
            if sentence.is(at, Class::Unreal) {
                self.unreal.get_or_insert(at);
            }
            if sentence.is(at, Class::But) {
                self.unreal = None;
                self.reporter = None;
            }
            self.kinship(at);
            if at < free || !sentence.begins_clause(at) {
                continue;
            }
            self.phrase(at);
            let subject = sentence.subject(at, |feminine| self.referent(feminine));
            if let Some(subject) = subject {
                free = subject.end;
                self.clause(subject);
            } else if sentence.language.drops_subject {
                self.subjectless(at);
            }
        }
    }

    /// Whom "he" or "she" can only mean: who is reported to say this, or the subject of the sentence before.
    fn referent(&self, feminine: bool) -> Option<Term> {
        if let Some(Some(reporter)) = &self.reporter {
            return Some(reporter.clone());
        }
        let (term, _) =
            self.antecedent.as_ref().filter(|(_, gender)| gender.is_none_or(|gender| gender == feminine))?;
        Some(term.clone())
    }

    /// "my sister Anna", wherever it stands.
    fn kinship(&mut self, at: usize) {
        let sentence = self.sentence;
        if sentence.quoted(at) {
            return;
        }
        let Some((predicate, owner, end)) = sentence.kin(at) else { return };
        let apposed = usize::from(sentence.raw(end) == ",");
        let named = end + apposed;
        let name = if apposed == 1 { sentence.person(named) } else { sentence.cued_person(named) };
        // "Sorry about your dad, Ben." speaks to Ben.
        let closed = |last: usize| apposed == 0 || sentence.raw(last) == "," && owner == Term::Speaker;
        if let Some(last) = name.filter(|last| closed(*last)) {
            let person = Term::Person(sentence.shown(named, last).into());
            return self.relate(predicate, owner, person, at, last);
        }
        // "Anna, my sister, …"
        let before = at.checked_sub(2).filter(|_| sentence.raw(at - 1) == "," && sentence.raw(end) == ",");
        let start = before
            .and_then(|last| (last.saturating_sub(2)..=last).find(|from| sentence.person(*from) == Some(last + 1)));
        if let Some(start) = start {
            let person = Term::Person(sentence.shown(start, at - 1).into());
            self.relate(predicate, owner, person, start, end);
        }
    }

    fn relate(&mut self, predicate: Text, owner: Term, person: Term, from: usize, to: usize) {
        let outcome = Outcome { predicate, sort: Sort::Always, confidence: KIN, slot: 1 };
        self.push(&outcome, owner, person, (from, to), &Said::plain());
    }

    /// Rules that begin with a fixed word: "my name is …", "me gusta …".
    fn phrase(&mut self, at: usize) {
        let sentence = self.sentence;
        let Some(rules) = sentence.language.phrases.get(&sentence.word(at)) else { return };
        let found = rules.iter().filter_map(|rule| Some((rule, sentence.matches(&rule.pattern, at)?)));
        let longest = found.reduce(|best, next| if next.1.end > best.1.end { next } else { best });
        let Some((rule, found)) = longest else { return };
        let group = Group {
            state: State::default(),
            expected: Form::PRESENT,
            verb: None,
            at,
            said: Some((rule.clone(), found)),
            first_person: true,
        };
        self.say(&Subject::speaker(at), &group);
    }

    /// A clause whose verb says that the speaker is its subject.
    fn subjectless(&mut self, at: usize) {
        let group = self.sentence.group(at, Form::FINITE, Person::First, State::default());
        let first = group.first_person || group.verb.is_some_and(|verb| verb.person == Person::First);
        if first {
            return self.clause(Subject::speaker(at));
        }
        // "Ana dice que se mudó": the one who says so.
        let reported = at > 0 && self.sentence.is(at - 1, Class::That);
        if let (true, Some(Some(reporter))) = (reported, self.reporter.clone()) {
            let agrees = Form(Form::FINITE.0 & !Form::PRESENT.0);
            let subject = Subject { terms: vec![reporter], agrees, person: Person::Third, ..Subject::speaker(at) };
            self.clause(subject);
        }
    }

    /// One subject with all its verbs.
    fn clause(&mut self, subject: Subject) {
        let sentence = self.sentence;
        if let [term @ (Term::Person(_) | Term::Relative(..))] = subject.terms.as_slice() {
            let gender = match term {
                Term::Relative(predicate, _) => gender_of(predicate),
                _ => None,
            };
            self.subject.get_or_insert((term.clone(), gender));
        }
        let verb = sentence.skip_adverbs(subject.end);
        if sentence.is(verb, Class::Says) && subject.terms != [Term::Speaker] {
            let who = subject.terms.first().filter(|term| matches!(term, Term::Person(_) | Term::Relative(..)));
            self.reporter = Some(who.cloned());
            return;
        }
        let mut group = sentence.group(subject.end, subject.agrees, subject.person, State::default());
        let mut from = subject.end;
        for _ in 0..4 {
            self.say(&subject, &group);
            let state = if group.expected == subject.agrees { State::default() } else { group.state };
            let end = group.said.as_ref().map_or(group.at.max(from), |(_, found)| found.end);
            if group.state.denied {
                break;
            }
            let same = group.verb.filter(|_| group.said.is_none()).map(|verb| verb.lemma);
            let Some(next) = self.joined(end, group.expected, subject.person, same) else { break };
            from = next;
            self.spent = self.spent.max(next - 1);
            group = sentence.group(next, group.expected, subject.person, state);
        }
    }

    /// The next verb of the same subject: after "and", in a form that was expected of the last one.
    fn joined(&self, end: usize, expected: Form, person: Person, same: Option<u16>) -> Option<usize> {
        let sentence = self.sentence;
        let limit = sentence.len().min(end + CLAUSE_WORDS_MAX);
        for at in end..limit {
            let and = sentence.is(at, Class::And) || sentence.raw(at) == "," || sentence.is(at, Class::But);
            if sentence.is_break(at) && !and {
                return None;
            }
            let subject = [Class::Speaker, Class::Us, Class::Addressee, Class::Third, Class::Unreal];
            if subject.into_iter().any(|class| sentence.is(at, class)) {
                return None;
            }
            let next = sentence.skip_adverbs(at + 1);
            let verbs = sentence.language.verbs(sentence.word(next));
            let verb = verbs
                .iter()
                .any(|verb| verb.form.within(expected) && (verb.person == person || verb.person == Person::Any));
            let other = !verbs.iter().any(|verb| same == Some(verb.lemma)) && !sentence.is(next, Class::Preposition);
            if and && verb && other && !sentence.is_capital(next) {
                return Some(next);
            }
        }
        None
    }

    /// What one verb says of its subject.
    fn say(&mut self, subject: &Subject, group: &Group) {
        let sentence = self.sentence;
        let end = group.said.as_ref().map_or(group.at, |(_, found)| found.end);
        let (times, last) = sentence.times(self.spent, group.at, end);
        let lasting = times.iter().any(|time| time.bearing.lasts());
        let anymore = (end..sentence.len().min(last + 3))
            .take_while(|at| !sentence.is_break(*at))
            .any(|at| sentence.is(at, Class::Anymore));
        let mut said = Said {
            modality: self.modality(subject, group, end),
            denied: group.state.denied,
            times,
            factor: if subject.guessed { GUESSED } else { 1000 },
        };
        let mut planned = group.state.intended && !group.state.weak;
        if let Some((rule, found)) = &group.said {
            for outcome in &rule.outcomes {
                let Some((mut aspect, intended)) = group.aspect(outcome.sort, lasting) else { continue };
                let mut polarity = said.denied || outcome.sort == Sort::Denied;
                if polarity && anymore && aspect == Aspect::Holds {
                    (aspect, polarity) = (Aspect::Ends, false);
                }
                if intended && said.modality == Modality::Asserted {
                    said.modality = Modality::Intended;
                }
                planned |= intended;
                self.state(subject, outcome, found, aspect, polarity, &said);
            }
            self.spent = self.spent.max(last);
        }
        if planned {
            self.plan(subject, group, &mut said);
        }
    }

    /// One outcome of a rule, for every subject and object.
    fn state(
        &mut self,
        subject: &Subject,
        outcome: &Outcome,
        found: &Match,
        aspect: Aspect,
        denied: bool,
        said: &Said,
    ) {
        let span = (subject.start, found.end);
        let kin = found.fills.iter().find_map(|fill| match fill {
            Fill::Kin(predicate, owner) => Some((predicate.clone(), owner.clone())),
            _ => None,
        });
        let objects = match outcome.slot.checked_sub(1).and_then(|slot| found.fills.get(slot)) {
            Some(Fill::Terms(terms)) => terms.clone(),
            Some(Fill::Point(point)) => date_text(point).into_iter().map(|date| Term::Value(date.into())).collect(),
            Some(_) => return,
            None => vec![Term::Value("".into())],
        };
        let said = Said { denied, ..said.clone() };
        for term in &subject.terms {
            if &*outcome.predicate == "@" {
                let Some((predicate, owner)) = kin.clone() else { return };
                let outcome = Outcome { predicate, ..outcome.clone() };
                match owner {
                    Some(owner) if outcome.slot == 0 => {
                        self.push_as(&outcome, owner, term.clone(), span, aspect, &said)
                    }
                    owner => {
                        let owner = owner.unwrap_or_else(|| term.clone());
                        for object in &objects {
                            self.push_as(&outcome, owner.clone(), person_of(object), span, aspect, &said);
                        }
                    }
                }
                continue;
            }
            for object in &objects {
                self.push_as(outcome, term.clone(), object.clone(), span, aspect, &said);
            }
        }
    }

    /// What the subject means to do, as a claim of its own.
    fn plan(&mut self, subject: &Subject, group: &Group, said: &mut Said) {
        let sentence = self.sentence;
        let at = if group.state.intended { group.state.intended_at } else { group.at };
        let verb = group.verb.filter(|_| at == group.at);
        if verb.is_none() && !group.expected.within(Form::BASE) {
            return;
        }
        let base = verb.filter(|verb| !verb.form.within(Form::BASE)).map(|verb| sentence.language.base(verb.lemma));
        let Some((activity, end)) = sentence.plan(at, base) else { return };
        if said.modality == Modality::Intended {
            said.modality = Modality::Asserted;
        }
        let confidence = if group.state.wish { WISH } else { PLAN };
        let outcome = Outcome { predicate: "plans".into(), sort: Sort::Event, confidence, slot: 1 };
        for term in &subject.terms {
            let span = (subject.start, end);
            self.push(&outcome, term.clone(), activity.clone(), span, said);
        }
    }

    fn modality(&self, subject: &Subject, group: &Group, end: usize) -> Modality {
        let first = subject.terms.contains(&Term::Speaker);
        let own = group.state.modality();
        let present = group
            .verb
            .is_some_and(|verb| Form(verb.form.0 & group.expected.0).within(Form(Form::PRESENT.0 | Form::THIRD.0)));
        let habitual = present && subject.start.checked_sub(1).is_some_and(|at| self.sentence.is(at, Class::When));
        match () {
            () if subject.start >= self.asked || self.asked < self.sentence.len() && !first => Modality::Asked,
            () if habitual || self.unreal.is_some() || own == Modality::Hypothetical => Modality::Hypothetical,
            () if self.reporter.is_some() => Modality::Reported,
            () if own == Modality::Hedged || self.sentence.hedged(subject.start, end) => Modality::Hedged,
            () => own,
        }
    }

    fn push(&mut self, outcome: &Outcome, subject: Term, object: Term, span: (usize, usize), said: &Said) {
        self.push_as(outcome, subject, object, span, Aspect::Holds, said);
    }

    fn push_as(
        &mut self,
        outcome: &Outcome,
        subject: Term,
        object: Term,
        (from, to): (usize, usize),
        aspect: Aspect,
        said: &Said,
    ) {
        let tokens = self.sentence.tokens;
        let (Some(first), Some(last)) = (tokens.get(from), tokens.get(to.wrapping_sub(1))) else { return };
        let about_addressee = subject == Term::Addressee && !OF_ADDRESSEE.contains(&&*outcome.predicate);
        if subject == object || object == Term::Addressee || about_addressee && outcome.sort != Sort::Always {
            return;
        }
        let (subject, predicate) = match (subject, &*outcome.predicate, &object) {
            // "My sister's name is Anna" says who the sister is.
            (Term::Relative(predicate, owner), "name", Term::Value(_)) => (*owner, predicate),
            (subject, _, _) => (subject, outcome.predicate.clone()),
        };
        let object = if predicate != outcome.predicate { person_of(&object) } else { object };
        let event = matches!(outcome.sort, Sort::Event | Sort::Moment);
        let unsure = if said.modality == Modality::Asserted { 1000 } else { UNSURE };
        let confidence = u32::from(outcome.confidence) * said.factor / 1000 * unsure / 1000;
        self.found.push(Statement {
            span: Span { start: clamp(first.start), end: clamp(last.end) },
            subject,
            predicate,
            object,
            further: Text::default(),
            polarity: if said.denied { Polarity::Denied } else { Polarity::Affirmed },
            aspect,
            modality: said.modality,
            reported_by: None,
            tense: tense_of(said.modality, aspect, event),
            when: bearing(&said.times, aspect, event),
            confidence: confidence as u16,
        });
    }
}

/// What time a claim of that sort speaks of: verbs are not looked at again.
fn tense_of(modality: Modality, aspect: Aspect, event: bool) -> Tense {
    match aspect {
        _ if modality == Modality::Intended => Tense::Future,
        Aspect::Was => Tense::Past,
        _ if event => Tense::Past,
        _ => Tense::Present,
    }
}

/// How a clause is said.
#[derive(Clone)]
struct Said {
    modality: Modality,
    denied: bool,
    times: Vec<Time>,
    /// Thousandths of the rule's confidence.
    factor: u32,
}

impl Said {
    fn plain() -> Said {
        Said { modality: Modality::Asserted, denied: false, times: Vec::new(), factor: 1000 }
    }
}

fn person_of(term: &Term) -> Term {
    match term {
        Term::Value(name) => Term::Person(name.clone()),
        other => other.clone(),
    }
}

fn gender_of(predicate: &str) -> Option<bool> {
    match predicate {
        "sister" | "mother" | "daughter" | "aunt" | "niece" => Some(true),
        "brother" | "father" | "son" | "uncle" | "nephew" => Some(false),
        _ => None,
    }
}

/// A date as it should be shown: "May 5, 1990", "May 5", "May 1990", "1990".
fn date_text(point: &TimeExpr) -> Option<String> {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let TimeExpr::Date { year, month, day } = *point else { return None };
    let name = month.and_then(|month| MONTHS.get(usize::try_from(month).ok()?.checked_sub(1)?));
    match (name, day, year) {
        (Some(month), Some(day), Some(year)) => Some(format!("{month} {day}, {year}")),
        (Some(month), Some(day), None) => Some(format!("{month} {day}")),
        (Some(month), None, Some(year)) => Some(format!("{month} {year}")),
        (Some(month), None, None) => Some((*month).to_owned()),
        (None, _, year) => year.map(|year| year.to_string()),
    }
}

fn clamp(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
