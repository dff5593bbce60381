//! What a question asks: its terms, whom it names, of what kind it is, and what of it is embedded.
//!
//! Contract: pure, total, a function of the question and of the scope's authors alone. Whom a question names is left out of
//! its terms and of what is embedded: a passage rarely says its author's name, and with the name everything by anybody of
//! that name would come near. English; in another language a question is of no kind, and its terms do the work.
//! Cost: linear in the question; one comparison per author and capitalised word.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Statistics, terms};

/// Somebody who speaks in the scope.
#[derive(Clone, Copy, Debug)]
pub struct Voice<'a> {
    /// As passages have it.
    pub author: &'a str,
    /// What the author is called.
    pub name: &'a str,
    /// Whether it is who asks.
    pub own: bool,
}

/// A question, analysed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// What is looked for: distinct terms, in order, without the names of authors.
    pub terms: Vec<String>,
    /// The authors it names, and who asks if it is about them.
    pub authors: BTreeSet<String>,
    /// The question without the names of authors: what is embedded. Whole if nothing else would remain.
    pub embedded: String,
    /// For each name that stands where a person's does and is no author's, its terms.
    pub strangers: Vec<Vec<String>>,
    /// The days, months (1 to 12) and years it speaks of.
    pub dates: Dates,
    /// Asks for a time.
    pub when: bool,
    /// Asks how things stand, so that the newest of several answers is the right one.
    pub stands: bool,
}

/// Parts of dates; a part is empty where the question has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dates {
    /// Days of a month.
    pub days: Vec<i64>,
    /// Months, 1 to 12.
    pub months: Vec<i64>,
    /// Years.
    pub years: Vec<i64>,
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
/// What a name follows that is the subject of a question.
const AUXILIARIES: &[&str] = &[
    "are", "can", "could", "did", "do", "does", "had", "has", "have", "is", "might", "should", "was", "were", "will",
    "would",
];
const OF_ME: &[&str] = &["i", "im", "ive", "me", "mine", "my", "myself"];
/// Where these stand, the past is meant, or an order in time, or advice.
const PAST: &[&str] = &["ago", "between", "happened", "order", "passed", "remind", "total"];
const NOW: &[&str] = &["current", "currently", "latest", "lately", "newest", "now", "nowadays"];
const NOW_PHRASES: &[&str] = &[" most recent ", " most recently ", " so far ", " these days "];
const PAST_PHRASES: &[&str] = &[" did it take ", " how many days before ", " first "];
const WHEN_PHRASES: &[&str] =
    &[" what date ", " what day ", " what month ", " what year ", " which month ", " which year "];

impl Asked {
    /// The analysis of a question to a scope in which these speak. `lenient`: a name in lower case counts, too, if the
    /// question has no capital at all. Among many authors, where some are called "help" or "ubuntu", that would do harm.
    pub fn of<'a>(question: &str, voices: impl Iterator<Item = Voice<'a>>, lenient: bool) -> Asked {
        let question = question.replace(['`', '’'], "'");
        let words = Words::of(&question);
        let own = words.has(OF_ME);
        let dates = dates(&words.bare);
        // A month or a year that is named is not now.
        let dated = !dates.months.is_empty() || !dates.years.is_empty();
        let mut asked = Asked { when: words.when(), stands: !dated && words.stands(own), dates, ..Asked::default() };
        let capital = words.capitals(lenient);
        let mut known: BTreeSet<String> = BTreeSet::new();
        for voice in voices {
            let names = names(voice.name);
            let named = !voice.own && names.iter().any(|name| capital.contains(name));
            if named {
                known.extend(names);
            }
            if named || (own && voice.own) {
                asked.authors.insert(voice.author.into());
            }
        }
        asked.embedded = words.without(&known, &question);
        let unnamed: BTreeSet<String> = known.iter().flat_map(|name| terms::of(name)).collect();
        for term in terms::query(&question) {
            if !unnamed.contains(&term) && !asked.terms.contains(&term) {
                asked.terms.push(term);
            }
        }
        asked.strangers = words.strangers(&known);
        asked
    }

    /// Whether it is about somebody of whom the scope knows nothing: it names people, none of them speaks, and their names
    /// are in no passage. Such a question has no answer.
    pub fn is_about_nobody(&self, statistics: &Statistics) -> bool {
        let unheard = |term: &String| statistics.frequencies.get(term).copied().unwrap_or(0) == 0;
        !self.strangers.is_empty()
            && self.authors.is_empty()
            && self.strangers.iter().all(|name| name.iter().all(unheard))
    }
}

/// The words of a question: as they are written, and in lower case without possessive endings and marks.
struct Words<'a> {
    written: Vec<&'a str>,
    bare: Vec<String>,
    /// The bare words in one line, with a blank at either end.
    line: String,
    /// The terms of its words, in the language of the whole question.
    terms: BTreeMap<String, String>,
}

impl<'a> Words<'a> {
    fn of(question: &'a str) -> Self {
        let written: Vec<&str> = question.split_whitespace().collect();
        let bare: Vec<String> = written.iter().map(|word| terms::words(word).join(" ")).collect();
        let line = format!(" {} ", bare.join(" "));
        Words { written, bare, line, terms: terms::pairs(question).into_iter().collect() }
    }

    /// The terms of a word as it is written.
    fn terms_of(&self, written: &str) -> Vec<String> {
        terms::words(written).iter().filter_map(|word| self.terms.get(word).cloned()).collect()
    }

    fn has(&self, list: &[&str]) -> bool {
        self.bare.iter().any(|word| list.contains(&word.as_str()))
    }

    fn says(&self, phrases: &[&str]) -> bool {
        phrases.iter().any(|phrase| self.line.contains(phrase))
    }

    fn when(&self) -> bool {
        self.has(&["when"]) || self.says(WHEN_PHRASES)
    }

    /// Of oneself one mostly asks how things stand; of others only where the question says so.
    fn stands(&self, own: bool) -> bool {
        let past = self.has(PAST) || self.says(PAST_PHRASES);
        !past && (own || self.has(NOW) || self.says(NOW_PHRASES))
    }

    /// Words with a capital, in lower case.
    fn capitals(&self, lenient: bool) -> BTreeSet<String> {
        let lenient = lenient && !self.written.iter().any(|word| word.chars().any(char::is_uppercase));
        let capital = |word: &&&str| lenient || word.starts_with('@') || word.chars().any(char::is_uppercase);
        self.written.iter().filter(capital).flat_map(|word| names(word)).collect()
    }

    fn without(&self, known: &BTreeSet<String>, question: &str) -> String {
        let rest = self.written.iter().filter(|word| names(word).is_disjoint(known));
        let rest: Vec<&str> = rest.copied().collect();
        if rest.is_empty() { question.into() } else { rest.join(" ") }
    }

    /// Names that stand where a person's does: before a possessive ending, after an auxiliary ("did Ann", "is Ann") or
    /// before one ("when Ann has"), and what is joined to such a one ("Ann and Bob"). Where there are none, those before a
    /// stop word or the end of a phrase: other words with a capital mostly qualify what follows ("Italian food").
    fn strangers(&self, known: &BTreeSet<String>) -> Vec<Vec<String>> {
        let near = |at: Option<usize>| at.and_then(|at| self.bare.get(at)).map_or("", String::as_str);
        let auxiliary = |at: Option<usize>| AUXILIARIES.contains(&near(at));
        let (mut subjects, mut others) = (Vec::new(), Vec::new());
        let mut joined = false;
        for (at, word) in self.written.iter().enumerate() {
            let name = names(word);
            let proper = at > 0 && word.starts_with(char::is_uppercase) && !name.is_empty() && !is_date(near(Some(at)));
            let subject = word.contains("'s") || joined || auxiliary(at.checked_sub(1)) || auxiliary(Some(at + 1));
            let ends = || word.ends_with(['?', '.', ',', '!']) || terms::of(near(Some(at + 1))).is_empty();
            if proper && name.is_disjoint(known) && subject {
                subjects.push(self.terms_of(word));
            } else if proper && name.is_disjoint(known) && ends() {
                others.push(self.terms_of(word));
            }
            joined = (proper && subject) || (joined && near(Some(at)) == "and");
        }
        if subjects.is_empty() { others } else { subjects }
    }
}

/// The words of a name, without those that are no names.
fn names(text: &str) -> BTreeSet<String> {
    terms::words(text).into_iter().filter(|word| word.chars().count() > 1 && !terms::of(word).is_empty()).collect()
}

fn is_date(word: &str) -> bool {
    MONTHS.contains(&word) || word.ends_with("day")
}

fn dates(words: &[String]) -> Dates {
    let mut dates = Dates::default();
    for word in words {
        if let Some(month) = MONTHS.iter().position(|month| month == word) {
            dates.months.push(month as i64 + 1);
        }
        let digits = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        match digits.parse::<i64>() {
            Ok(day @ 1..=31) => dates.days.push(day),
            Ok(year @ 1900..=2199) if digits == word => dates.years.push(year),
            _ => {}
        }
    }
    dates
}

#[cfg(test)]
mod tests {
    use super::*;

    const VOICES: [Voice<'static>; 3] = [
        Voice { author: "c@x", name: "Caroline", own: false },
        Voice { author: "m@x", name: "Mel Smith", own: false },
        Voice { author: "me", name: "me", own: true },
    ];

    fn of(question: &str) -> Asked {
        Asked::of(question, VOICES.into_iter(), true)
    }

    #[test]
    fn names_are_left_out() {
        let asked = of("When did Caroline's sister meet Mel?");
        assert_eq!(asked.embedded, "When did sister meet");
        assert_eq!(asked.terms, ["sister", "meet"]);
        assert_eq!(asked.authors, ["c@x".to_string(), "m@x".to_string()].into());
        assert!(asked.when && !asked.stands && asked.strangers.is_empty());
        assert_eq!(of("Caroline").embedded, "Caroline");
        assert_eq!(of("where does caroline live").authors, ["c@x".to_string()].into());
    }

    #[test]
    fn how_things_stand() {
        for question in ["Where do I keep my shoes?", "What is Caroline's current job?", "how many have I read so far?"]
        {
            assert!(of(question).stands, "{question}");
        }
        for question in ["How many days ago did I run?", "Which did I buy first, a car or a bike?", "Where did Mel go?"]
        {
            assert!(!of(question).stands, "{question}");
        }
        assert_eq!(of("What is my name?").authors, ["me".to_string()].into());
    }

    #[test]
    fn nobody() {
        let mut statistics = Statistics { texts: 10, length: 50, ..Statistics::default() };
        assert!(of("When did Zorvan's sister go to Paris?").is_about_nobody(&statistics));
        assert!(of("What do Zorvan and Quilla share?").is_about_nobody(&statistics));
        assert!(!of("Did Caroline meet Zorvan's sister?").is_about_nobody(&statistics));
        assert!(!of("Have I met Zorvan's sister?").is_about_nobody(&statistics));
        assert!(!of("What happened in May?").is_about_nobody(&statistics));
        statistics.frequencies.insert("zorvan".into(), 1);
        assert!(!of("When did Zorvan's sister go to Paris?").is_about_nobody(&statistics));
    }

    #[test]
    fn parts_of_dates() {
        let expected = Dates { days: vec![3], months: vec![5], years: vec![2023] };
        assert_eq!(of("What happened on May 3rd, 2023?").dates, expected);
        assert_eq!(of("What are they?").dates, Dates::default());
    }
}
