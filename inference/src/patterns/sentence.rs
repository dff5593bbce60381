//! One sentence as the patterns see it: its tokens, its language, and what the passage has said so far of who is a person.

use std::collections::BTreeSet;

use nexus_types::Text;

use super::lexicon::{Class, Language, UNKNOWN, Word};
use super::token::{Kind, Token};

/// The longest object, in words.
pub(super) const OBJECT_WORDS_MAX: usize = 8;
/// The most words between two verbs of one subject, and between a verb and its time.
pub(super) const CLAUSE_WORDS_MAX: usize = 14;
/// The longest name, in words.
const NAME_WORDS_MAX: usize = 4;

/// A sentence.
pub(super) struct Sentence<'a> {
    pub(super) text: &'a str,
    pub(super) tokens: &'a [Token],
    pub(super) language: &'a Language,
    /// Names the passage has introduced as a person's, by their first word.
    pub(super) people: &'a BTreeSet<Text>,
}

impl<'a> Sentence<'a> {
    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }

    pub(super) fn word(&self, at: usize) -> Word {
        self.tokens.get(at).map_or(UNKNOWN, |token| token.word)
    }

    pub(super) fn is(&self, at: usize, class: Class) -> bool {
        self.language.is(self.word(at), class)
    }

    pub(super) fn kind(&self, at: usize) -> Option<Kind> {
        self.tokens.get(at).map(|token| token.kind)
    }

    pub(super) fn quoted(&self, at: usize) -> bool {
        self.tokens.get(at).is_some_and(|token| token.quoted)
    }

    /// A token's text.
    pub(super) fn raw(&self, at: usize) -> &'a str {
        self.tokens.get(at).map_or("", |token| &self.text[token.start..token.end])
    }

    /// The text of a run of tokens, blanks made single.
    pub(super) fn shown(&self, from: usize, to: usize) -> String {
        let (Some(first), Some(last)) = (self.tokens.get(from), self.tokens.get(to.wrapping_sub(1))) else {
            return String::new();
        };
        let text = self.text.get(first.start..last.end).unwrap_or_default();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Whether a mark that ends clauses stands here, or the sentence ends.
    pub(super) fn is_break(&self, at: usize) -> bool {
        at >= self.len()
            || (self.kind(at) == Some(Kind::Punct)
                && !matches!(self.raw(at), "%" | "$" | "€" | "£" | "&" | "+" | "'" | "’"))
    }

    /// Whether a clause or its object ends here.
    pub(super) fn is_end(&self, at: usize) -> bool {
        self.is_break(at) || self.is(at, Class::Stop) || self.is(at, Class::And)
    }

    /// A word with a capital that may be (part of) a name.
    pub(super) fn is_capital(&self, at: usize) -> bool {
        let Some(token) = self.tokens.get(at) else { return false };
        token.capital && token.kind == Kind::Word && !self.is(at, Class::NoName) && !self.is(at, Class::Function)
    }

    /// The end of a run of words with capitals, with words like "of" between them: "University of Warsaw".
    pub(super) fn capital_run(&self, at: usize) -> Option<usize> {
        if !self.is_capital(at) {
            return None;
        }
        let mut end = at + 1;
        while end < at + NAME_WORDS_MAX + 2 {
            if self.is_capital(end) {
                end += 1;
            } else if self.is(end, Class::Joins) && self.is_capital(end + 1) {
                end += 2;
            } else {
                break;
            }
        }
        Some(end)
    }

    /// A person's name that needs no cue: a given name or one the passage introduced, and the names that follow it.
    pub(super) fn person(&self, at: usize) -> Option<usize> {
        let titled = usize::from(self.is(at, Class::Title) && self.tokens[at].capital);
        let dot = usize::from(titled == 1 && self.raw(at + 1) == ".");
        let first = at + titled + dot;
        if !self.is_capital(first) || self.quoted(first) {
            return None;
        }
        let known = self.is(first, Class::Given) || self.people.contains(self.raw(first));
        if known || titled == 1 { Some(self.surnames(first)) } else { None }
    }

    /// A person's name where only a person can stand: any name that is not a place's or a product's.
    pub(super) fn cued_person(&self, at: usize) -> Option<usize> {
        if let Some(end) = self.person(at) {
            return Some(end);
        }
        let other =
            [Class::Place, Class::Product, Class::Organisation, Class::Institute, Class::Language, Class::Title];
        let name = self.is_capital(at)
            && !other.into_iter().any(|class| self.is(at, class))
            && self.raw(at).chars().nth(1).is_some_and(char::is_lowercase)
            && self.language.verbs(self.word(at)).is_empty();
        name.then(|| self.surnames(at))
    }

    fn surnames(&self, first: usize) -> usize {
        let mut end = first + 1;
        while end < first + NAME_WORDS_MAX {
            let surname = |at: usize| {
                self.is_capital(at) && !self.is(at, Class::Place) && !self.is(at, Class::Product) && !self.quoted(at)
            };
            if surname(end) {
                end += 1;
            } else if self.is(end, Class::Joins) && !self.is(end, Class::Preposition) && surname(end + 1) {
                end += 2;
            } else {
                break;
            }
        }
        end
    }

    /// Past words that say nothing.
    pub(super) fn skip_adverbs(&self, mut at: usize) -> usize {
        while self.is(at, Class::Adverb) {
            at += 1;
        }
        at
    }
}
