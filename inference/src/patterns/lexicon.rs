//! The tables of every language, compiled once: words to numbers, classes of words, verb forms, and patterns by the word
//! they begin with. A table that does not compile is caught by a test, not by a user.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use nexus_types::Text;

use super::rule::{Opener, Pattern, Rule, TimeRule};
use super::{english, names, spanish};

/// A word's number in the vocabulary.
pub(super) type Word = u32;
/// Not in the vocabulary.
pub(super) const UNKNOWN: Word = 0;
/// "I".
pub(super) const I: Word = 1;

/// Contractions written without their apostrophe, and where they come apart.
pub(super) const UNMARKED_CONTRACTIONS: &[(&str, usize)] = &[
    ("im", 1),
    ("ive", 1),
    ("dont", 2),
    ("doesnt", 4),
    ("didnt", 3),
    ("isnt", 2),
    ("arent", 3),
    ("wasnt", 3),
    ("werent", 4),
    ("havent", 4),
    ("hasnt", 3),
    ("couldnt", 5),
    ("wouldnt", 5),
    ("cant", 2),
    ("wont", 2),
    ("youre", 3),
    ("theyre", 4),
];

macro_rules! classes {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// What a word may be; a word may be several things.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Class { $($(#[$doc])* $name),* }

        impl Class {
            #[cfg(test)]
            pub(super) const ALL: &'static [Class] = &[$(Class::$name),*];
        }
    };
}

classes! {
    /// Words by which the language is told.
    Function,
    /// "I".
    Speaker,
    /// "we": the speaker, and a plural verb.
    Us,
    /// "you".
    Addressee,
    /// "he", "she".
    Third,
    Feminine,
    /// Articles and the like, left out of an object.
    Article,
    /// "the".
    Definite,
    /// "my".
    My,
    /// "your".
    Your,
    /// Any other word that says whose, or points: "his", "this".
    Pointing,
    /// What ends an object.
    Stop,
    /// What a clause may begin after.
    Boundary,
    /// What no statement of the speaker begins after: "do", "what", "than".
    Inverts,
    /// Prepositions.
    Preposition,
    /// May stand between subject and verb, or before an object, and says nothing.
    Adverb,
    /// "probably".
    Hedge,
    /// "if", "wish": what follows in the sentence is not so.
    Unreal,
    /// What may trail an object and is no part of it.
    Trailing,
    /// "anymore": a denial becomes an ending.
    Anymore,
    /// How well one speaks: "fluent".
    Fluency,
    /// "when": with a present, no one time is meant.
    When,
    /// What narrows the noun before it: "people who …".
    Restricts,
    /// "for" somebody else.
    For,
    /// "named".
    Named,
    /// Pronouns and the like: an object that holds one says nothing by itself.
    Pronoun,
    /// Heads of objects that say nothing.
    Vague,
    /// Verbs of which no plan is worth keeping.
    VagueVerb,
    And,
    Or,
    But,
    /// "says", "told".
    Says,
    /// "that", between what is said and who says so.
    That,
    /// "right?" at a question's end.
    Tag,
    /// "hi".
    Greeting,
    /// "Mr".
    Title,
    Abbreviation,
    /// Adjectives of people: "older sister".
    Kindred,
    Relation,
    Pet,
    /// Things worth owning.
    Ownable,
    /// What one goes to or joins: "workshop", "choir".
    Gathering,
    /// Nouns of what one works at: "bank".
    Workplace,
    /// Heads of a role: "engineer".
    Role,
    Feeling,
    Language,
    Instrument,
    Sport,
    Number,
    Month,
    Weekday,
    Unit,
    /// Given names.
    Given,
    /// Known places.
    Place,
    /// Known organisations.
    Organisation,
    /// Last words of an organisation's name: "Inc".
    Incorporated,
    /// First words of an organisation's name: "University".
    Institute,
    /// Known products.
    Product,
    /// Words that join the parts of a name: "de", "of".
    Joins,
    /// Written with a capital and yet no name: days, "I".
    NoName,
    /// Words that begin a place's name: "Lake", "San".
    PlaceHead,
}

/// What a person of a verb says about its subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Person {
    First,
    Third,
    Any,
}

/// One reading of a word as a verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verb {
    pub(super) lemma: u16,
    pub(super) form: Form,
    pub(super) person: Person,
}

/// Forms of a verb, as bits, so that a set of them is their sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Form(pub(super) u8);

impl Form {
    pub(super) const BASE: Form = Form(1);
    pub(super) const PRESENT: Form = Form(2);
    pub(super) const THIRD: Form = Form(4);
    pub(super) const PAST: Form = Form(8);
    pub(super) const PARTICIPLE: Form = Form(16);
    pub(super) const GERUND: Form = Form(32);
    /// A past that lasted, where the language tells it apart.
    pub(super) const IMPERFECT: Form = Form(64);
    pub(super) const FINITE: Form = Form(2 | 4 | 8 | 64);
    pub(super) const ALL: Form = Form(127);

    pub(super) fn within(self, set: Form) -> bool {
        self.0 & set.0 != 0
    }
}

/// The tables of one language, as written.
pub(super) struct Tables {
    pub(super) classes: &'static [(Class, &'static str)],
    /// Words of kin and company, and the predicate each stands for; `f` and `m` where the word tells.
    pub(super) relations: &'static [(&'static str, &'static str)],
    /// One verb per line: its forms, in the order of `forms`.
    pub(super) verbs: &'static [&'static str],
    /// What the columns of `verbs` are, by how many there are.
    pub(super) forms: &'static [&'static [(Form, Person)]],
    pub(super) openers: &'static [&'static str],
    pub(super) rules: &'static [&'static str],
    /// Rules that begin with a fixed word, not with a subject.
    pub(super) phrases: &'static [&'static str],
    pub(super) times: &'static [&'static str],
    pub(super) numbers: &'static [(&'static str, u32)],
    pub(super) months: &'static [&'static str],
    pub(super) weekdays: &'static [&'static str],
    pub(super) units: &'static [&'static str],
    /// Phrases that make what is said unsure.
    pub(super) hedges: &'static [&'static str],
    /// Phrases that say that nothing in the sentence is meant.
    pub(super) jokes: &'static [&'static str],
    /// A verb's form says who speaks: no subject is needed.
    pub(super) drops_subject: bool,
}

/// One language, compiled.
pub(super) struct Language {
    classes: Vec<u64>,
    verbs: Vec<Vec<Verb>>,
    relations: BTreeMap<Word, Text>,
    ordinals: BTreeMap<Word, u32>,
    /// By the lemma they begin with.
    pub(super) rules: Vec<Vec<Rule>>,
    pub(super) openers: BTreeMap<Word, Vec<Opener>>,
    pub(super) phrases: BTreeMap<Word, Vec<Rule>>,
    pub(super) times: BTreeMap<Word, Vec<TimeRule>>,
    /// Rules of time that begin with a number, a month or a weekday.
    pub(super) loose_times: Vec<TimeRule>,
    pub(super) hedges: BTreeMap<Word, Vec<Pattern>>,
    pub(super) jokes: BTreeMap<Word, Vec<Pattern>>,
    pub(super) drops_subject: bool,
    /// The base form of each lemma.
    bases: Vec<&'static str>,
}

impl Language {
    pub(super) fn base(&self, lemma: u16) -> &'static str {
        self.bases.get(lemma as usize).copied().unwrap_or_default()
    }

    pub(super) fn is(&self, word: Word, class: Class) -> bool {
        self.classes.get(word as usize).is_some_and(|set| set >> class as u64 & 1 == 1)
    }

    pub(super) fn verbs(&self, word: Word) -> &[Verb] {
        self.verbs.get(word as usize).map_or(&[], Vec::as_slice)
    }

    pub(super) fn relation(&self, word: Word) -> Option<&Text> {
        self.relations.get(&word)
    }

    /// What a word of a numbered series stands for: "two" 2, "March" 3, "Friday" 5, "months" 4 (hour, day, week, month, year).
    pub(super) fn ordinal(&self, word: Word) -> Option<u32> {
        self.ordinals.get(&word).copied()
    }
}

/// The vocabulary of all languages.
#[derive(Default)]
pub(super) struct Words {
    numbers: BTreeMap<&'static str, Word>,
    abbreviations: Vec<bool>,
}

impl Words {
    /// A word's number, given in lower case.
    pub(super) fn of(&self, word: &str) -> Word {
        self.numbers.get(word).copied().unwrap_or(UNKNOWN)
    }

    pub(super) fn is_abbreviation(&self, word: Word) -> bool {
        self.abbreviations.get(word as usize).copied().unwrap_or(false)
    }

    pub(super) fn add(&mut self, word: &'static str) -> Word {
        let next = self.numbers.len() as Word + 1;
        *self.numbers.entry(word).or_insert(next)
    }
}

/// Everything compiled: the vocabulary and the languages, English first.
pub(super) struct Lexicon {
    pub(super) words: Words,
    pub(super) languages: [Language; 2],
}

/// The one lexicon, compiled at first use.
pub(super) fn lexicon() -> &'static Lexicon {
    static LEXICON: OnceLock<Lexicon> = OnceLock::new();
    LEXICON.get_or_init(|| {
        let mut words = Words::default();
        words.add("i");
        let mut languages = [&english::TABLES, &spanish::TABLES].map(|tables| compile(tables, &mut words));
        for language in &mut languages {
            language.classes.resize(words.numbers.len() + 1, 0);
            language.verbs.resize(words.numbers.len() + 1, Vec::new());
        }
        words.abbreviations = (0..=words.numbers.len() as Word)
            .map(|word| languages.iter().any(|language| language.is(word, Class::Abbreviation)))
            .collect();
        Lexicon { words, languages }
    })
}

fn compile(tables: &'static Tables, words: &mut Words) -> Language {
    let mut classes = Vec::new();
    let mut set = |word: Word, class: Class| {
        let at = word as usize;
        if classes.len() <= at {
            classes.resize(at + 1, 0u64);
        }
        classes[at] |= 1 << class as u64;
    };
    for (class, list) in tables.classes.iter().chain(names::CLASSES) {
        for word in list.split_whitespace() {
            set(words.add(word), *class);
        }
    }
    let mut ordinals = BTreeMap::new();
    for (class, series) in
        [(Class::Month, tables.months), (Class::Weekday, tables.weekdays), (Class::Unit, tables.units)]
    {
        for (at, word) in (1..).zip(series).flat_map(|(at, list)| list.split('|').map(move |word| (at, word))) {
            set(words.add(word), class);
            ordinals.insert(words.add(word), at);
        }
    }
    for (word, number) in tables.numbers {
        set(words.add(word), Class::Number);
        ordinals.insert(words.add(word), *number);
    }
    let mut relations = BTreeMap::new();
    for (predicate, list) in tables.relations {
        for word in list.split_whitespace() {
            set(words.add(word), Class::Relation);
            relations.insert(words.add(word), Text::from(*predicate));
        }
    }
    let (verbs, lemmas) = compile_verbs(tables, words);
    let mut rules = vec![Vec::new(); lemmas.len()];
    for rule in tables.rules.iter().filter_map(|line| Rule::parse(line, words)) {
        for lemma in rule.pattern.first_words().iter().filter_map(|head| lemmas.get(head)) {
            rules[*lemma as usize].push(rule.tail());
        }
    }
    let (mut times, mut loose_times) = (BTreeMap::<Word, Vec<TimeRule>>::new(), Vec::new());
    for rule in tables.times.iter().filter_map(|line| TimeRule::parse(line, words)) {
        match rule.pattern.first_words() {
            [] => loose_times.push(rule),
            first => first.iter().for_each(|word| times.entry(*word).or_default().push(rule.clone())),
        }
    }
    Language {
        classes,
        verbs,
        relations,
        ordinals,
        rules,
        openers: by_first(tables.openers, words, Opener::parse, |opener| &opener.pattern),
        phrases: by_first(tables.phrases, words, Rule::parse, |rule| &rule.pattern),
        times,
        loose_times,
        hedges: by_first(tables.hedges, words, Pattern::parse, |pattern| pattern),
        jokes: by_first(tables.jokes, words, Pattern::parse, |pattern| pattern),
        drops_subject: tables.drops_subject,
        bases: tables.verbs.iter().map(|line| line.split([' ', '|']).next().unwrap_or_default()).collect(),
    }
}

/// Verb forms by word, and lemmas by their first form.
fn compile_verbs(tables: &'static Tables, words: &mut Words) -> (Vec<Vec<Verb>>, BTreeMap<Word, u16>) {
    let mut verbs: Vec<Vec<Verb>> = Vec::new();
    let mut lemmas = BTreeMap::new();
    for (lemma, line) in (0u16..).zip(tables.verbs) {
        let columns: Vec<&'static str> = line.split_whitespace().collect();
        let Some(forms) = tables.forms.iter().find(|forms| forms.len() == columns.len()) else { continue };
        for (column, (form, person)) in columns.into_iter().zip(*forms) {
            for word in column.split('|').filter(|word| *word != "-") {
                let word = words.add(word);
                lemmas.entry(word).or_insert(lemma);
                if verbs.len() <= word as usize {
                    verbs.resize(word as usize + 1, Vec::new());
                }
                verbs[word as usize].push(Verb { lemma, form: *form, person: *person });
            }
        }
    }
    (verbs, lemmas)
}

fn by_first<T: Clone>(
    lines: &'static [&'static str],
    words: &mut Words,
    parse: impl Fn(&'static str, &mut Words) -> Option<T>,
    pattern: impl Fn(&T) -> &Pattern,
) -> BTreeMap<Word, Vec<T>> {
    let mut found = BTreeMap::<Word, Vec<T>>::new();
    for item in lines.iter().filter_map(|line| parse(line, words)) {
        for word in pattern(&item).first_words() {
            found.entry(*word).or_default().push(item.clone());
        }
    }
    found
}
