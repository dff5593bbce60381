//! The notation of the tables, read: patterns, and what follows when one matches.
//!
//! A pattern is a row of words. `a|b` is either, `?a` may be absent, `{place}` is a slot that a noun phrase or a time
//! fills. A rule is `pattern -> predicate kind confidence [slot]; …`: slot 1 is the first one, 0 stands for "whatever
//! holds". An opener is `pattern : needs > then : effects`: what may stand between a subject and its verb. A rule of time
//! is `pattern -> meaning`; with `=>` it counts only inside another one ("in 2019", never a bare "2019").

use nexus_types::{Text, Unit};

use super::lexicon::{Form, Word, Words};

/// What may fill a place in a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    Place,
    /// A place that is known to be one.
    City,
    Employer,
    /// An employer by name.
    Company,
    Person,
    Thing,
    /// A thing with its article, as some languages want it after "like".
    Liked,
    /// A thing in few words, up to the first preposition.
    Plain,
    /// A title between quotation marks.
    Title,
    Instrument,
    Sport,
    /// A thing known by name: a product, a title.
    Product,
    Role,
    Language,
    Age,
    Name,
    /// A name that is known to be a person's.
    Known,
    Feeling,
    Activity,
    Pet,
    Ownable,
    Gathering,
    Mail,
    /// "my sister": whose, and by which relation.
    Kin,
    /// "sister", without saying whose.
    Relation,
    /// Any of "my", "his" …
    Whose,
    /// Words that say nothing, any number of them.
    Adverbs,
    /// Any one word.
    Word,
    /// The clause ends here.
    End,
    Point,
    Number,
    Unit,
    Month,
    Day,
    Year,
    Weekday,
}

const SLOTS: &[(&str, Slot)] = &[
    ("{place}", Slot::Place),
    ("{city}", Slot::City),
    ("{employer}", Slot::Employer),
    ("{company}", Slot::Company),
    ("{person}", Slot::Person),
    ("{thing}", Slot::Thing),
    ("{liked}", Slot::Liked),
    ("{plain}", Slot::Plain),
    ("{title}", Slot::Title),
    ("{instrument}", Slot::Instrument),
    ("{sport}", Slot::Sport),
    ("{product}", Slot::Product),
    ("{role}", Slot::Role),
    ("{language}", Slot::Language),
    ("{age}", Slot::Age),
    ("{name}", Slot::Name),
    ("{known}", Slot::Known),
    ("{feeling}", Slot::Feeling),
    ("{activity}", Slot::Activity),
    ("{pet}", Slot::Pet),
    ("{ownable}", Slot::Ownable),
    ("{gathering}", Slot::Gathering),
    ("{mail}", Slot::Mail),
    ("{kin}", Slot::Kin),
    ("{relation}", Slot::Relation),
    ("{whose}", Slot::Whose),
    ("{adverbs}", Slot::Adverbs),
    ("{word}", Slot::Word),
    ("{end}", Slot::End),
    ("{point}", Slot::Point),
    ("{n}", Slot::Number),
    ("{unit}", Slot::Unit),
    ("{month}", Slot::Month),
    ("{day}", Slot::Day),
    ("{year}", Slot::Year),
    ("{weekday}", Slot::Weekday),
];

/// One place in a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Element {
    Words(Vec<Word>),
    Optional(Vec<Word>),
    Slot(Slot),
}

/// A row of words and slots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern(pub(super) Vec<Element>);

impl Pattern {
    pub(super) fn parse(line: &'static str, words: &mut Words) -> Option<Pattern> {
        let mut element = |part: &'static str| {
            if part.starts_with('{') {
                return SLOTS.iter().find(|(name, _)| *name == part).map(|(_, slot)| Element::Slot(*slot));
            }
            let optional = part.strip_prefix('?');
            let any = optional.unwrap_or(part).split('|').map(|word| words.add(word)).collect();
            Some(if optional.is_some() { Element::Optional(any) } else { Element::Words(any) })
        };
        let elements: Option<Vec<_>> = line.split_whitespace().map(&mut element).collect();
        elements.filter(|elements| !elements.is_empty()).map(Pattern)
    }

    /// The words it may begin with; none if it begins with a slot.
    pub(super) fn first_words(&self) -> &[Word] {
        match self.0.first() {
            Some(Element::Words(words)) => words,
            _ => &[],
        }
    }
}

/// How a verb's tense bears on what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// Holds when present, was when past: "live in".
    State,
    /// Like a state, but its past says nothing sure: "love".
    Taste,
    /// The past makes it begin: "move to".
    Begin,
    /// The past makes it end: "leave".
    End,
    /// The past makes it happen: "visit".
    Event,
    /// True in any tense: "be born in".
    Always,
    /// The words themselves deny it, or say that it ended, in any tense.
    Denied,
    Ended,
    /// So at the time of speaking, or then: "feel".
    Moment,
}

const SORTS: &[(&str, Sort)] = &[
    ("state", Sort::State),
    ("taste", Sort::Taste),
    ("begin", Sort::Begin),
    ("end", Sort::End),
    ("event", Sort::Event),
    ("always", Sort::Always),
    ("denied", Sort::Denied),
    ("ended", Sort::Ended),
    ("moment", Sort::Moment),
];

/// What a match says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    /// `@` stands for the relation that the slot names.
    pub(super) predicate: Text,
    pub(super) sort: Sort,
    pub(super) confidence: u16,
    /// Which slot with a value holds the object, from 1; 0: none.
    pub(super) slot: usize,
}

/// A pattern and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) pattern: Pattern,
    pub(super) outcomes: Vec<Outcome>,
}

impl Rule {
    pub(super) fn parse(line: &'static str, words: &mut Words) -> Option<Rule> {
        let (pattern, outcomes) = line.split_once(" -> ")?;
        let outcomes: Option<Vec<_>> = outcomes.split(';').map(outcome).collect();
        Some(Rule { pattern: Pattern::parse(pattern, words)?, outcomes: outcomes? })
    }

    /// The rule without its verb.
    pub(super) fn tail(&self) -> Rule {
        let elements = self.pattern.0.iter().skip(1).cloned().collect();
        Rule { pattern: Pattern(elements), outcomes: self.outcomes.clone() }
    }
}

fn outcome(text: &str) -> Option<Outcome> {
    let mut parts = text.split_whitespace();
    let predicate = parts.next()?.into();
    let sort = parts.next()?;
    let sort = SORTS.iter().find(|(name, _)| *name == sort)?.1;
    let confidence = parts.next()?.parse().ok().filter(|confidence| *confidence <= 1000)?;
    let slot = parts.next().map_or(Some(1), |slot| slot.parse().ok())?;
    Some(Outcome { predicate, sort, confidence, slot })
}

/// What an opener does to the clause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Progressive,
    PastProgressive,
    Perfect,
    PerfectProgressive,
    UsedTo,
    Past,
    Denied,
    Intended,
    Hedged,
    Unreal,
    Ends,
    Begins,
    /// Says something only if a rule matches: no plan by itself ("I'll …").
    Weak,
    /// Lasts to the time of speaking: "always".
    Lasting,
    /// A wish, less than a plan.
    Wish,
}

const EFFECTS: &[(&str, Effect)] = &[
    ("progressive", Effect::Progressive),
    ("past_progressive", Effect::PastProgressive),
    ("perfect", Effect::Perfect),
    ("perfect_progressive", Effect::PerfectProgressive),
    ("used_to", Effect::UsedTo),
    ("past", Effect::Past),
    ("denied", Effect::Denied),
    ("intended", Effect::Intended),
    ("hedged", Effect::Hedged),
    ("unreal", Effect::Unreal),
    ("ends", Effect::Ends),
    ("begins", Effect::Begins),
    ("weak", Effect::Weak),
    ("wish", Effect::Wish),
    ("lasting", Effect::Lasting),
];

/// What may stand between a subject and its verb.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Opener {
    pub(super) pattern: Pattern,
    /// Forms that may be expected where it stands.
    pub(super) needs: Form,
    /// Forms expected after it; `None`: as before.
    pub(super) then: Option<Form>,
    pub(super) effects: Vec<Effect>,
    /// Says that the speaker is the subject.
    pub(super) first_person: bool,
}

impl Opener {
    pub(super) fn parse(line: &'static str, words: &mut Words) -> Option<Opener> {
        let mut parts = line.splitn(3, " : ");
        let pattern = Pattern::parse(parts.next()?, words)?;
        let (needs, then) = parts.next()?.split_once(" > ")?;
        let mut effects = Vec::new();
        let mut first_person = false;
        for name in parts.next().unwrap_or_default().split_whitespace() {
            match EFFECTS.iter().find(|(effect, _)| *effect == name) {
                Some((_, effect)) => effects.push(*effect),
                None if name == "first" => first_person = true,
                None => return None,
            }
        }
        let then = if then.trim() == "same" { None } else { Some(forms(then)?) };
        Some(Opener { pattern, needs: forms(needs)?, then, effects, first_person })
    }
}

fn forms(text: &str) -> Option<Form> {
    text.trim().split('|').try_fold(Form(0), |set, name| {
        let form = match name {
            "finite" => Form::FINITE,
            "present" => Form::PRESENT,
            "third" => Form::THIRD,
            "past" => Form::PAST,
            "base" => Form::BASE,
            "ing" => Form::GERUND,
            "part" => Form::PARTICIPLE,
            "any" => Form::ALL,
            _ => return None,
        };
        Some(Form(set.0 | form.0))
    })
}

/// What an expression of time means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The year, month and day in it.
    Date,
    /// So many units away; without a unit or a number here, the pattern's own.
    Offset(i32, Option<Unit>),
    Weekday(i8),
    Since,
    Until,
    Span,
    At,
    Lasting,
    /// A time that cannot be told: "next summer".
    Vague,
}

/// A pattern of time and what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TimeRule {
    pub(super) pattern: Pattern,
    pub(super) meaning: Meaning,
    /// Counts inside another rule only.
    pub(super) inner: bool,
}

impl TimeRule {
    pub(super) fn parse(line: &'static str, words: &mut Words) -> Option<TimeRule> {
        let (inner, (pattern, meaning)) = match line.split_once(" => ") {
            Some(parts) => (true, parts),
            None => (false, line.split_once(" -> ")?),
        };
        let mut parts = meaning.split_whitespace();
        let meaning = match (parts.next()?, parts.next(), parts.next()) {
            ("date", None, None) => Meaning::Date,
            ("offset", Some(count), unit) => Meaning::Offset(
                count.parse().ok()?,
                match unit {
                    Some(unit) => Some(unit_named(unit)?),
                    None => None,
                },
            ),
            ("weekday", Some(which), None) => Meaning::Weekday(which.parse().ok()?),
            ("since", None, None) => Meaning::Since,
            ("until", None, None) => Meaning::Until,
            ("span", None, None) => Meaning::Span,
            ("at", None, None) => Meaning::At,
            ("lasting", None, None) => Meaning::Lasting,
            ("vague", None, None) => Meaning::Vague,
            _ => return None,
        };
        Some(TimeRule { pattern: Pattern::parse(pattern, words)?, meaning, inner })
    }
}

/// The five units, in the order of the tables.
pub(super) const UNITS: [Unit; 5] = [Unit::Hour, Unit::Day, Unit::Week, Unit::Month, Unit::Year];

fn unit_named(name: &str) -> Option<Unit> {
    ["hour", "day", "week", "month", "year"].iter().position(|unit| *unit == name).map(|at| UNITS[at])
}
