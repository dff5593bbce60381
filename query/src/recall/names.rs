//! Whom a question names. Their names are left out of what is embedded: a passage rarely says its author's name, and with
//! the name in the question everything about anybody of that name comes near.

use std::collections::BTreeSet;

use nexus_scoring::terms;
use nexus_types::Author;

/// A question with the authors it names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Named {
    /// The authors, as passages have them.
    pub(crate) authors: BTreeSet<String>,
    /// The question without their names; whole if nothing else would remain.
    pub(crate) stripped: String,
    /// The question.
    pub(crate) question: String,
}

impl Named {
    /// `lenient`: a name in lower case counts, too, if the question has no capital at all. Among many authors, where some
    /// are called "help" or "ubuntu", that would do harm.
    pub(crate) fn of<'a>(question: &str, authors: impl Iterator<Item = &'a str>, lenient: bool) -> Named {
        let lenient = lenient && !question.chars().any(char::is_uppercase);
        let words: Vec<&str> = question.split_whitespace().collect();
        let plausible = |word: &str| lenient || word.starts_with('@') || word.chars().any(char::is_uppercase);
        let asked: Vec<BTreeSet<String>> =
            words.iter().map(|word| if plausible(word) { names(word) } else { BTreeSet::new() }).collect();
        let all: BTreeSet<&String> = asked.iter().flatten().collect();
        let mut named = BTreeSet::new();
        let mut known = BTreeSet::new();
        for author in authors {
            let of = names_of(author);
            if of.iter().any(|name| all.contains(name)) {
                named.insert(author.to_string());
                known.extend(of);
            }
        }
        let rest = words.iter().zip(&asked).filter(|(_, names)| names.is_disjoint(&known));
        let rest: Vec<&str> = rest.map(|(word, _)| *word).collect();
        let stripped = if rest.is_empty() { question.to_string() } else { rest.join(" ") };
        Named { authors: named, stripped, question: question.into() }
    }
}

/// What an author is called: the name, else the handle.
pub(crate) fn called(author: &str) -> String {
    let author = Author::parse(author);
    author.name.unwrap_or(author.handle).to_string()
}

/// What an author may be named by: each word of the name; without a name, the handle if it is one word.
fn names_of(author: &str) -> BTreeSet<String> {
    let author = Author::parse(author);
    let names_of_handle = || Some(names(&author.handle)).filter(|words| words.len() == 1).unwrap_or_default();
    author.name.as_deref().map_or_else(names_of_handle, names)
}

/// The words of a name, without those that are no names.
fn names(text: &str) -> BTreeSet<String> {
    terms::words(text).into_iter().filter(|word| word.chars().count() > 1 && !terms::of(word).is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const AUTHORS: [&str; 5] = ["Caroline", "Mel Smith <mel@example.org>", "help", "will", "joe-Ubuntu"];

    fn of(question: &str, lenient: bool) -> (String, Vec<String>) {
        let named = Named::of(question, AUTHORS.into_iter(), lenient);
        (named.stripped, named.authors.into_iter().collect())
    }

    #[test]
    fn names_are_found_and_left_out() {
        let (stripped, authors) = of("When did Caroline's sister meet Mel?", false);
        assert_eq!((stripped.as_str(), authors.as_slice()), ("When did sister meet", &AUTHORS.map(String::from)[..2]));
        assert_eq!(of("What does SMITH do?", false).0, "What does do?");
        assert_eq!(of("Caroline", false).0, "Caroline");
    }

    #[test]
    fn words_are_no_names() {
        assert_eq!(of("Will you help?", true), ("Will you help?".into(), vec![]));
        assert_eq!(of("where does caroline need help", false).1, Vec::<String>::new());
        assert_eq!(of("where does caroline live", true).1, ["Caroline"]);
        assert_eq!(of("ask @help", false).1, ["help"]);
        assert_eq!(of("What is Ubuntu?", false).1, Vec::<String>::new());
    }
}
