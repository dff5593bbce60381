//! Words and what they may mean: the tables of `words/*.txt`, parsed once, and a look-up that allocates nothing.
//!
//! A word has senses, a class and a number each; a phrase has them too and hangs on its first word. Look-up folds case
//! and accents byte by byte into a hash and then probes one open table.

use std::sync::LazyLock;

use crate::value::{DayPart, Unit};

/// Which language a text is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum Language {
    /// English.
    English,
    /// Spanish.
    Spanish,
}

macro_rules! classes {
    ($($name:ident),* $(,)?) => {
        /// What a word may be. The tables name classes in lower case.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Class { $($name),* }

        impl Class {
            const ALL: &[(&'static str, Class)] = &[$((stringify!($name), Class::$name)),*];
        }
    };
}

classes! {
    Month, Weekday, Weekdays, Unit, ShortUnit, Season, Part, Meal, Tonight, Fiscal, School, CalYear, QuarterNo,
    HalfNo, WeekNo, Tens, Num, Hundred, Thousand, Ord, OrdSuffix, Few, Half, Quarter, A, The, Today, ThisDay, Night,
    Now, NowToo, Asap, Next, Last, This, Same, Upcoming, PastNear, Every, Another, Early, Mid, Late, Earlier, Later,
    Rest, ToDate, Eod, LengthWhole, Of, PureOf, In, On, At, AtWord, For, From, FromOnly, To, And, Or, Between,
    Before, After, Since, AsLate, OrLater, Around, More, Less, Ago, AgoHead, Hence, Within, StartingOn, Wc,
    AfterNext, Am, Pm, StrictAm, StrictPm, AmPm, OClock, Noon, Midnight, PastMin, ToMin, DayMarker, DayWord, Adverb,
    Ambiguous, BiMonthly, HourlySet, OneADay, Vague, Holiday, About, Modal, Greeting, WorkWeek, Parts, LateAl,
    Future, My, ClockWord, Ish, IsoT, IsoZ, Plural, Several, HalfWord, PastMins, ToMins, Roman,
}

impl Class {
    /// Whether a word of this class says something about time by itself.
    pub(crate) fn is_strong(self) -> bool {
        use Class::{
            Adverb, Asap, BiMonthly, CalYear, ClockWord, Eod, Fiscal, Holiday, HourlySet, Meal, Midnight, Month, Night,
            Noon, Now, Num, OClock, OneADay, Part, School, Season, Tens, ThisDay, ToDate, Today, Tonight, Unit, Vague,
            Weekday, Weekdays, WorkWeek,
        };
        matches!(
            self,
            Month
                | Weekday
                | Weekdays
                | Unit
                | Season
                | Part
                | Meal
                | Tonight
                | Fiscal
                | School
                | CalYear
                | Tens
                | Num
                | Today
                | ThisDay
                | Night
                | Now
                | Asap
                | Eod
                | OClock
                | Noon
                | Midnight
                | Adverb
                | BiMonthly
                | HourlySet
                | OneADay
                | Vague
                | Holiday
                | ClockWord
                | ToDate
                | WorkWeek
        )
    }
}

/// One meaning: a class and its number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sense {
    pub(crate) class: Class,
    pub(crate) value: i16,
}

/// A phrase hanging on its first word.
#[derive(Debug)]
pub(crate) struct Phrase {
    /// The words after the first one.
    pub(crate) rest: Vec<u16>,
    pub(crate) sense: Sense,
}

#[derive(Debug, Default)]
struct Word {
    text: String,
    senses: Vec<Sense>,
    phrases: Vec<Phrase>,
    /// Whether an expression may hang on it; the others only join.
    strong: bool,
    /// Whether an expression may hang on a phrase that this word is the longest of.
    strong_phrase: bool,
}

/// The words of one language.
#[derive(Debug)]
pub(crate) struct Lexicon {
    /// Word 0 is every word the tables do not know.
    words: Vec<Word>,
    /// Open addressing; 0 is empty.
    slots: Vec<u16>,
}

const SLOTS: usize = 4096;

/// FNV-1a, fed byte by byte while a word is scanned.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hash(u32);

impl Hash {
    pub(crate) const START: Hash = Hash(0x811c_9dc5);

    pub(crate) fn push(&mut self, byte: u8) {
        self.0 = (self.0 ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    }
}

static ENGLISH: LazyLock<Lexicon> = LazyLock::new(|| Lexicon::parse(include_str!("words/english.txt")));
static SPANISH: LazyLock<Lexicon> = LazyLock::new(|| Lexicon::parse(include_str!("words/spanish.txt")));

impl Lexicon {
    /// The words of a language.
    pub(crate) fn of(language: Language) -> &'static Lexicon {
        match language {
            Language::English => &ENGLISH,
            Language::Spanish => &SPANISH,
        }
    }

    fn parse(table: &str) -> Lexicon {
        let mut lexicon = Lexicon { words: vec![Word::default()], slots: vec![0; SLOTS] };
        for line in table.lines().filter(|line| !line.starts_with('#')) {
            let Some((head, phrases)) = line.split_once(':') else { continue };
            let mut head = head.split_whitespace();
            let class = head.next().and_then(class_of);
            let value = head.next().map_or(Some(0), value_of);
            let (Some(class), Some(value)) = (class, value) else { continue };
            for phrase in phrases.split(',') {
                lexicon.add(phrase, Sense { class, value });
            }
        }
        lexicon
    }

    fn add(&mut self, phrase: &str, sense: Sense) {
        let ids: Vec<u16> = phrase.split_whitespace().map(|word| self.intern(word)).collect();
        let Some((first, rest)) = ids.split_first() else { return };
        // A phrase hangs on its longest word: "the day after tomorrow" on the last one.
        let core = ids.iter().max_by_key(|id| self.words[usize::from(**id)].text.len()).copied().unwrap_or(*first);
        let strong = sense.class.is_strong();
        self.words[usize::from(core)].strong |= strong && ids.len() == 1;
        self.words[usize::from(core)].strong_phrase |= strong && ids.len() > 1;
        let word = &mut self.words[usize::from(*first)];
        if rest.is_empty() {
            word.senses.push(sense);
        } else {
            word.phrases.push(Phrase { rest: rest.to_vec(), sense });
        }
    }

    fn intern(&mut self, text: &str) -> u16 {
        let hash = hash_of(text);
        let found = self.find(hash, text.as_bytes());
        if found != 0 {
            return found;
        }
        let id = u16::try_from(self.words.len()).unwrap_or(0);
        self.words.push(Word { text: text.to_owned(), ..Word::default() });
        let mut slot = hash.0 as usize % SLOTS;
        while self.slots[slot] != 0 {
            slot = (slot + 1) % SLOTS;
        }
        self.slots[slot] = id;
        id
    }

    /// The word with those folded bytes, or 0.
    pub(crate) fn find(&self, hash: Hash, folded: &[u8]) -> u16 {
        let mut slot = hash.0 as usize % SLOTS;
        loop {
            let id = self.slots[slot];
            if id == 0 || self.words[usize::from(id)].text.as_bytes() == folded {
                return id;
            }
            slot = (slot + 1) % SLOTS;
        }
    }

    pub(crate) fn senses(&self, word: u16) -> &[Sense] {
        &self.words[usize::from(word)].senses
    }

    /// Whether an expression may hang on this word.
    pub(crate) fn is_strong(&self, word: u16) -> bool {
        self.words[usize::from(word)].strong
    }

    /// Whether an expression may hang on a phrase around this word.
    pub(crate) fn is_strong_phrase(&self, word: u16) -> bool {
        self.words[usize::from(word)].strong_phrase
    }

    pub(crate) fn phrases(&self, word: u16) -> &[Phrase] {
        &self.words[usize::from(word)].phrases
    }

    /// The word a mark or a folded text has in the tables.
    pub(crate) fn id(&self, text: &str) -> u16 {
        self.find(hash_of(text), text.as_bytes())
    }
}

fn hash_of(text: &str) -> Hash {
    let mut hash = Hash::START;
    text.bytes().for_each(|byte| hash.push(byte));
    hash
}

fn class_of(name: &str) -> Option<Class> {
    Class::ALL.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, class)| *class)
}

/// A number, or the name of a unit, a part of the day or a holiday.
fn value_of(text: &str) -> Option<i16> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let place =
        UNITS.iter().position(|(name, _)| *name == text).or_else(|| PARTS.iter().position(|(name, _)| *name == text));
    match place {
        Some(place) => i16::try_from(place).ok(),
        None => crate::holiday::number(text).map(i16::from),
    }
}

const UNITS: &[(&str, Unit)] = &[
    ("second", Unit::Second),
    ("minute", Unit::Minute),
    ("hour", Unit::Hour),
    ("day", Unit::Day),
    ("night", Unit::Night),
    ("business_day", Unit::BusinessDay),
    ("week", Unit::Week),
    ("weekend", Unit::Weekend),
    ("fortnight", Unit::Fortnight),
    ("month", Unit::Month),
    ("quarter", Unit::Quarter),
    ("half", Unit::Half),
    ("year", Unit::Year),
    ("decade", Unit::Decade),
    ("century", Unit::Century),
];

const PARTS: &[(&str, DayPart)] = &[
    ("morning", DayPart::Morning),
    ("afternoon", DayPart::Afternoon),
    ("evening", DayPart::Evening),
    ("nights", DayPart::Night),
    ("night", DayPart::Night),
    ("daytime", DayPart::Daytime),
    ("nighttime", DayPart::Nighttime),
    ("breakfast", DayPart::Breakfast),
    ("brunch", DayPart::Brunch),
    ("lunch", DayPart::Lunch),
    ("dinner", DayPart::Dinner),
    ("business", DayPart::Business),
    ("dawn", DayPart::Dawn),
];

/// The unit that a sense's number stands for.
pub(crate) fn unit(value: i16) -> Option<Unit> {
    UNITS.get(usize::try_from(value).ok()?).map(|(_, unit)| *unit)
}

/// The part of the day that a sense's number stands for. Both tables share the word "night", which is a unit first.
pub(crate) fn part(value: i16) -> Option<DayPart> {
    let place = usize::try_from(value).ok()?;
    PARTS.get(place).map(|(_, part)| *part)
}
