//! Who speaks here and is named in a question.
//!
//! Names are looked up word by word, so that a question costs its words and not the authors. Among many authors some are
//! called "help" or "ubuntu": then a name needs a capital, or `@`.

use std::collections::{BTreeMap, BTreeSet};

use nexus_scoring::ranking::{Asked, Voice};
use nexus_scoring::terms;
use nexus_types::Author;

/// So few authors may be named in lower case.
const LENIENT_MAX: usize = 50;

/// Everybody who speaks in a scope, by the words of their names.
#[derive(Debug, Default)]
pub(crate) struct Names {
    by_word: BTreeMap<String, Vec<String>>,
    /// Each with the number of its passages.
    authors: BTreeMap<String, u64>,
    /// The authors that are "I".
    own: BTreeSet<String>,
}

impl Names {
    /// `authors`: each with the number of its passages; `own`: whether an author is who asks.
    pub(crate) fn of(authors: BTreeMap<String, u64>, own: impl Fn(&str) -> bool) -> Names {
        let mut by_word: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for author in authors.keys() {
            for word in terms::words(&called(author)) {
                by_word.entry(word).or_default().push(author.clone());
            }
        }
        let own = authors.keys().filter(|author| own(author)).cloned().collect();
        Names { by_word, authors, own }
    }

    /// Everybody who speaks, as passages have them.
    pub(crate) fn authors(&self) -> impl Iterator<Item = &String> {
        self.authors.keys()
    }

    /// How many passages an author has.
    pub(crate) fn count(&self, author: &str) -> u64 {
        self.authors.get(author).copied().unwrap_or(0)
    }

    /// Who is named, and who asks, as passages have them.
    pub(crate) fn in_question(&self, question: &str) -> (BTreeSet<String>, BTreeSet<String>) {
        let strict = self.authors.len() > LENIENT_MAX;
        let capital = |word: &&str| word.starts_with('@') || word.chars().any(char::is_uppercase);
        let words = question.split_whitespace().filter(|word| !strict || capital(word)).flat_map(terms::words);
        let named = words.filter_map(|word| self.by_word.get(&word)).flatten();
        (named.filter(|author| !self.own.contains(*author)).cloned().collect(), self.own.clone())
    }
}

/// A question as it is asked where these speak.
pub(crate) fn asked(question: &str, (named, own): &(BTreeSet<String>, BTreeSet<String>)) -> Asked {
    let voices: Vec<(&String, String, bool)> = named
        .iter()
        .map(|author| (author, called(author), false))
        .chain(own.iter().map(|author| (author, called(author), true)))
        .collect();
    Asked::of(question, voices.iter().map(|(author, name, own)| Voice { author, name, own: *own }), true)
}

/// What an author is called: the name, else the handle.
pub(crate) fn called(author: &str) -> String {
    let author = Author::parse(author);
    author.name.unwrap_or(author.handle).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(question: &str, others: usize) -> (String, Vec<String>) {
        let authors = ["Caroline", "Mel Smith <mel@example.org>", "help", "will", "me"].map(String::from);
        let more = (0..others).map(|at| format!("nick{at}"));
        let names =
            Names::of(authors.into_iter().chain(more).map(|author| (author, 1)).collect(), |author| author == "me");
        let asked = asked(question, &names.in_question(question));
        (asked.embedded.clone(), asked.authors.into_iter().collect())
    }

    #[test]
    fn names_are_found_and_left_out() {
        let (rest, authors) = of("When did Caroline's sister meet Mel?", 0);
        assert_eq!(
            (rest.as_str(), authors.join(" ")),
            ("When did sister meet", "Caroline Mel Smith <mel@example.org>".into())
        );
        assert_eq!(of("where does caroline live", 0).1, ["Caroline"]);
        assert_eq!(of("what is my name", 0).1, ["me"]);
    }

    #[test]
    fn words_are_no_names_where_many_speak() {
        assert_eq!(of("where does one need help", 100).1, Vec::<String>::new());
        assert_eq!(of("ask @help", 100).1, ["help"]);
    }
}
