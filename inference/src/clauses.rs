//! The extractor `clauses@1`: what a text mentions, states and feels like, read from its parse.
//!
//! One pass of the encoder gives the vector that recall compares and the states that the [`heads`](crate::heads) read; so
//! this model answers the embedder's asks along with its own. What the patterns find is kept, for they are surer and know
//! Spanish; clauses add what is said in other words, with predicates of their own where no table knows better.
//! Cost: the encoder's pass and less than a third of it more.
//!
//! `words` cuts the text, the heads parse it, `repair` mends what parsers get wrong. From a tree to propositions: `frame`
//! finds each clause's verb and subject, `complement` what it governs, `mood` and `governor` how it is meant, `clause` puts
//! them together, `nominal` what nouns say without a verb, `confidence` how sure all this is; `prose` tells what is no
//! language. From propositions to what memory keeps: `names` and `terms` tell who is meant, `predicates` what is canonical,
//! `counts` what is a running total, `statements` puts those together.

mod clause;
mod complement;
pub mod confidence;
mod counts;
pub mod frame;
mod governor;
pub mod lemma;
pub mod lists;
pub mod mood;
mod names;
mod nominal;
pub mod phrase;
mod predicates;
pub mod proposition;
pub mod prose;
pub mod render;
mod repair;
mod statements;
mod terms;
mod times;
pub mod tree;
pub mod words;

use std::ops::Range;
use std::sync::Arc;

use nexus_types::{Affect, Answer, Extraction, Modality, Statement, Task, Text};

use crate::encoder::unit;
use crate::heads::{Given, Heads, Reading, sizes};
use crate::{Encoder, Model, ModelError, Reply, patterns};

/// `name@version` of this extractor: answers are stored under it, so any change of what it finds is a new version.
pub const MODEL: &str = "clauses@1";

/// The extractor, over an encoder that its heads were trained on.
pub struct Clauses {
    encoder: Arc<Encoder>,
    heads: Heads,
}

/// A text's words by sentence.
pub type Sentences = Vec<Vec<(usize, usize)>>;

impl Clauses {
    /// Over all-MiniLM-L6-v2.
    pub fn new(encoder: Arc<Encoder>) -> Result<Self, ModelError> {
        Ok(Self { encoder, heads: Heads::built_in()? })
    }

    /// With other heads than the program's.
    pub fn with_heads(encoder: Arc<Encoder>, heads: Heads) -> Self {
        Self { encoder, heads }
    }

    /// What the heads read in each text, or why nothing; given its words by sentence, as [`sentences`](crate::heads::sentences) finds them.
    pub fn parse(&self, texts: &[Text], sentences: Vec<Sentences>) -> Vec<Result<Reading, String>> {
        self.read(texts, sentences, |_, reading, _| reading)
    }

    /// Which emotions of a reading are felt, each with its likelihood, the likeliest first.
    pub fn felt(&self, reading: &Reading) -> Vec<(&'static str, f32)> {
        self.heads.felt(reading)
    }

    /// How likely each of [`VERDICTS`](crate::heads::VERDICTS) is as what the first text of a pair says of the second, or why nobody can tell.
    pub fn verdict(&self, pair: &[Text; 2]) -> Result<[f32; 3], String> {
        let sentences = cut(pair);
        let mut rows = self.rows(pair, &sentences, |rows| rows.into_iter().map(|(_, row)| row).collect()).into_iter();
        let mut next = || rows.next().unwrap_or_else(|| Err("no row".into()));
        let rows = [next()?, next()?];
        let whole = [0, 1].map(|at| known(&sentences[at], &rows[at]));
        let given = [0, 1].map(|at| Given { text: &pair[at], sentences: &whole[at].0, row: whole[at].1 });
        self.heads.verdict(given[0], given[1]).ok_or_else(|| "a text without words".into())
    }

    /// What `then` makes of each text, its reading and the encoder's vector for it.
    fn read<R: Send + Clone>(
        &self,
        texts: &[Text],
        sentences: Vec<Sentences>,
        then: impl Fn(&str, Reading, &[f32]) -> R + Sync,
    ) -> Vec<Result<R, String>> {
        self.rows(texts, &sentences, |rows| {
            let whole: Vec<(Sentences, &[f32])> = rows.iter().map(|(at, row)| known(&sentences[*at], row)).collect();
            let given: Vec<Given<'_>> = rows
                .iter()
                .zip(&whole)
                .map(|((at, _), (sentences, row))| Given { text: &texts[*at], sentences, row })
                .collect();
            let readings = self.heads.read(&given);
            rows.iter()
                .zip(readings)
                .map(|((at, row), reading)| then(&texts[*at], reading, &row[..sizes::VECTOR]))
                .collect()
        })
    }

    /// What `then` makes of the encoder's rows of some texts.
    fn rows<R: Send + Clone>(
        &self,
        texts: &[Text],
        sentences: &[Sentences],
        then: impl Fn(Vec<(usize, Vec<f32>)>) -> Vec<R> + Sync,
    ) -> Vec<Result<R, String>> {
        let asked: Vec<(&str, Vec<Range<usize>>)> = texts
            .iter()
            .zip(sentences)
            .map(|(text, sentences)| (&**text, sentences.iter().flatten().map(|(start, end)| *start..*end).collect()))
            .collect();
        self.encoder.read_words(&asked, then)
    }

    /// What the patterns find, and what the clauses say beside it.
    fn extraction(&self, text: &str, reading: &Reading) -> Extraction {
        let known = patterns::extract(text);
        let mentions = names::mentions(text, reading, known.mentions);
        let mut statements = known.statements;
        for statement in statements::statements(text, reading, &mentions) {
            match statements.iter_mut().find(|other| says_the_same(other, &statement)) {
                None => statements.push(statement),
                // Patterns do not look that far: not at what else is said, nor at "according to Ben".
                Some(same) => {
                    if same.further.is_empty() {
                        same.further = statement.further;
                    }
                    if statement.modality == Modality::Reported && same.modality == Modality::Asserted {
                        (same.modality, same.reported_by) = (Modality::Reported, statement.reported_by);
                    }
                }
            }
        }
        Extraction { mentions, statements, affect: self.affect(reading) }
    }

    /// Emotions that are felt; how good or bad that is: what they sum up to, each by how good or bad it is.
    fn affect(&self, reading: &Reading) -> Option<Affect> {
        let felt = self.heads.felt(reading);
        let (&(_, surest), total) = (felt.first()?, felt.iter().map(|(_, likely)| likely).sum::<f32>());
        let valence: f32 = felt.iter().map(|(emotion, likely)| f32::from(valence(emotion)) * likely).sum();
        Some(Affect {
            valence: (valence / total * 1000.0) as i16,
            confidence: thousandths(surest),
            emotions: felt.into_iter().map(|(emotion, likely)| (emotion.into(), thousandths(likely))).collect(),
        })
    }
}

/// Whether a clause only repeats what a pattern found there.
fn says_the_same(pattern: &Statement, clause: &Statement) -> bool {
    let meets = pattern.span.start < clause.span.end && clause.span.start < pattern.span.end;
    meets
        && pattern.subject == clause.subject
        && (pattern.predicate == clause.predicate || pattern.object == clause.object)
}

/// Whether an emotion is good (1), bad (-1) or neither.
fn valence(emotion: &str) -> i8 {
    match emotion {
        "admiration" | "amusement" | "approval" | "caring" | "desire" | "excitement" | "gratitude" | "joy" | "love"
        | "optimism" | "pride" | "relief" => 1,
        "anger" | "annoyance" | "disappointment" | "disapproval" | "disgust" | "embarrassment" | "fear" | "grief"
        | "nervousness" | "remorse" | "sadness" => -1,
        _ => 0,
    }
}

fn thousandths(likely: f32) -> u16 {
    (likely.clamp(0.0, 1.0) * 1000.0) as u16
}

fn cut(texts: &[Text]) -> Vec<Sentences> {
    texts.iter().map(|text| spoken(text, words::sentences(text))).collect()
}

/// Without whom a line is spoken to: in "ben: I use mutt" Ben uses nothing.
fn spoken(text: &str, mut sentences: Sentences) -> Sentences {
    let Some(first) = sentences.first_mut() else { return sentences };
    while let [(start, end), (colon, _), _, ..] = first[..]
        && text.get(colon..colon + 1) == Some(":")
        && end == colon
        && !text[start..end].contains(char::is_whitespace)
    {
        first.drain(..2);
    }
    sentences
}

/// The sentences that were not cut off, and the row with the states of their words.
fn known<'r>(sentences: &[Vec<(usize, usize)>], row: &'r [f32]) -> (Sentences, &'r [f32]) {
    let words: usize = sentences.iter().map(Vec::len).sum();
    let is_known = |word: usize| row[sizes::VECTOR + word * sizes::STATES..][..sizes::VECTOR].iter().any(|x| *x != 0.0);
    // Most texts are read to their end.
    let mut left = match words.checked_sub(1) {
        Some(last) if !is_known(last) => (0..words).take_while(|word| is_known(*word)).count(),
        _ => words,
    };
    let whole = |sentence: &&Vec<(usize, usize)>| {
        let fits = sentence.len() <= left;
        left = left.saturating_sub(sentence.len());
        fits
    };
    let kept: Sentences = sentences.iter().take_while(whole).cloned().collect();
    let words: usize = kept.iter().map(Vec::len).sum();
    (kept, &row[..sizes::VECTOR + words * sizes::STATES])
}

impl Model for Clauses {
    fn id(&self) -> &str {
        MODEL
    }

    fn task(&self) -> Task {
        Task::Extract
    }

    fn dimension(&self) -> Option<usize> {
        None
    }

    fn answer(&self, texts: &[Text]) -> Vec<Reply> {
        let replies = self.read(texts, cut(texts), |text, reading, _| self.extraction(text, &reading));
        let reply = |extraction| Reply::Answer(Answer::Extraction(extraction));
        replies.into_iter().map(|one| one.map_or_else(Reply::refused, reply)).collect()
    }

    fn along(&self) -> Option<&str> {
        Some(self.encoder.id())
    }

    fn answer_along(&self, texts: &[Text]) -> Vec<(Reply, Reply)> {
        let replies = self.read(texts, cut(texts), |text, reading, vector| {
            let extraction = Reply::Answer(Answer::Extraction(self.extraction(text, &reading)));
            (extraction, Reply::Vector(unit(vector.to_vec())))
        });
        let refused = |reason: String| (Reply::refused(reason.clone()), Reply::refused(reason));
        replies.into_iter().map(|one| one.unwrap_or_else(refused)).collect()
    }
}
