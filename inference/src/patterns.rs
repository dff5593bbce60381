//! The pattern extractor: what a text mentions and states, by tables of words and patterns. No model, no state, no clock.
//!
//! `extract` reads a text sentence by sentence. A sentence's language is the one more of its words belong to. In it every
//! subject ("I", "my sister Anna", "Ben") opens a clause; what stands between subject and verb sets negation, aspect and
//! modality; the verb's rules say which claim it makes and what may be its object; time expressions say since when. Only
//! plain forms count, and an object that means something only in its text ("it", "the problem") makes no claim: a wrong
//! fact costs more than a missing one. Total on any text; linear, about 10 µs per chat message.
//!
//! Normal forms: objects carry no article; family and friends are `Term::Person` when named; an ending has its time in
//! `When::to`, everything that happens or begins in `When::from`; "want to X" is a `plans` claim asserted, with the claim
//! of X itself beside it as [`nexus_types::Modality::Intended`].

mod claims;
mod clause;
mod english;
mod english_words;
mod lexicon;
mod mentions;
mod mood;
mod named;
mod names;
mod nouns;
mod rule;
mod sentence;
mod slots;
mod spanish;
mod spanish_words;
#[cfg(test)]
mod tests;
mod token;
mod when;

use nexus_types::{Extraction, Mention, MentionKind, Term, Text};

use claims::Passage;
use lexicon::{Class, Language, lexicon};
use sentence::Sentence;
use token::{Reader, Token};

/// `name@version` of this extractor: answers are stored under it, so any change of what it finds is a new version.
pub const MODEL: &str = "patterns@1";

/// What a text mentions and states.
pub fn extract(text: &str) -> Extraction {
    let lexicon = lexicon();
    let mut found = Extraction::default();
    let mut passage = Passage::default();
    let mut reader = Reader::new(text, &lexicon.words);
    let mut tokens = Vec::new();
    while reader.next(&mut tokens) {
        if tokens.is_empty() {
            continue;
        }
        let language = language_of(&tokens, &lexicon.languages);
        let sentence = Sentence { text, tokens: &tokens, language, people: &passage.people };
        let mentions = mentions::mentions(&sentence);
        let (statements, subject) = claims::read(&sentence, &passage);
        passage.learn(&mentions, subject);
        found.mentions.extend(mentions);
        found.statements.extend(statements);
    }
    found
}

impl Passage {
    /// Takes in whom a sentence named.
    fn learn(&mut self, mentions: &[Mention], subject: Option<(Term, Option<bool>)>) {
        for mention in mentions.iter().filter(|mention| mention.kind == MentionKind::Person) {
            if let Some(first) = mention.name.split_whitespace().next() {
                self.people.insert(first.into());
            }
            self.persons.insert(Term::Person(mention.name.clone()));
        }
        if let Some((term, _)) = &subject {
            self.persons.insert(term.clone());
        }
        self.previous = subject;
    }
}

/// The language that more of the words belong to; the first of equals.
fn language_of<'l>(tokens: &[Token], languages: &'l [Language; 2]) -> &'l Language {
    let count = |language: &Language| {
        let own = |token: &&Token| {
            let word = token.word;
            language.is(word, Class::Function)
                || !language.verbs(word).is_empty()
                || language.phrases.contains_key(&word)
        };
        tokens.iter().filter(own).count()
    };
    let [first, second] = languages;
    if count(second) > count(first) { second } else { first }
}

/// The predicate that an English word of kin or company stands for, in lower case: `mother` of "mum".
pub(crate) fn kin(word: &str) -> Option<Text> {
    let lexicon = lexicon();
    lexicon.languages[0].relation(lexicon.words.of(word)).cloned()
}

/// Whether an English word is known as a place, or a thing that words like it are, in lower case.
pub(crate) fn is_place(word: &str) -> bool {
    let lexicon = lexicon();
    lexicon.languages[0].is(lexicon.words.of(word), Class::Place)
}

/// Whether a text reads like English: more of its words are English function words than Spanish ones, and there is one.
pub(crate) fn is_english(words: impl Iterator<Item = impl AsRef<str>>) -> bool {
    let lexicon = lexicon();
    let [mut english, mut spanish] = [0, 0];
    for word in words {
        let word = lexicon.words.of(&word.as_ref().to_lowercase());
        english += usize::from(lexicon.languages[0].is(word, Class::Function));
        spanish += usize::from(lexicon.languages[1].is(word, Class::Function));
    }
    english > spanish
}
