//! The heads and the clauses as their users see them: where minilm is installed on real texts, everywhere on made-up states.

use std::sync::Arc;

use nexus_inference::heads::{EMOTIONS, Given, Heads, sentences, sizes};
use nexus_inference::{Clauses, Device, Encoder, Model, Reading, Reply, models};
use nexus_types::{Answer, Extraction, Modality, Statement, Term, Text};

/// What looks like language, and says nothing that memory should keep.
const SAYS_NOTHING: &str = include_str!("../data/says_nothing.txt");

fn clauses() -> Option<Clauses> {
    let folder = models::installed("minilm")?;
    let encoder = Encoder::load("minilm@test", &folder, &Reading::default(), Device::Cpu).unwrap();
    Some(Clauses::new(Arc::new(encoder)).unwrap())
}

fn read(clauses: &Clauses, text: &str) -> Extraction {
    match clauses.answer(&[text.into()]).pop() {
        Some(Reply::Answer(Answer::Extraction(extraction))) => extraction,
        other => panic!("{text:?}: {other:?}"),
    }
}

fn said(clauses: &Clauses, text: &str) -> Vec<Statement> {
    read(clauses, text).statements
}

#[test]
fn what_says_nothing_yields_nothing() {
    let Some(clauses) = clauses() else { return eprintln!("skipped: minilm is not installed") };
    let texts = SAYS_NOTHING.split("\n---\n").filter(|text| !text.trim().is_empty());
    let stated: Vec<_> = texts.flat_map(|text| said(&clauses, text).into_iter().map(move |one| (text, one))).collect();
    assert!(stated.is_empty(), "{stated:#?}");
}

#[test]
fn odd_texts_are_read_without_a_fault() {
    let Some(clauses) = clauses() else { return eprintln!("skipped: minilm is not installed") };
    let odd: Vec<Text> = vec![
        "".into(),
        " \n\t ".into(),
        "🎉🎉🎉 😂".into(),
        "\u{0}\u{200b}\u{feff}".into(),
        "word ".repeat(10_000).into(),
        "x".repeat(100_000).into(),
        "我昨天搬到了柏林。".into(),
        "انتقلت إلى برلين".into(),
        "Z̷̛a̶͠l̵g̴o̷ ͏t̸e̶x̴t̵ i̶s̷ h̵e̴r̵e̷".into(),
        "I live in Oslo pero trabajo en Madrid und ich liebe Kaffee".into(),
        "+-----+\n| a | b |\n+-----+".into(),
        "fn main() { println!(\"I live in Oslo\"); }".into(),
    ];
    let replies = clauses.answer_along(&odd);
    assert_eq!(replies.len(), odd.len());
    for (text, (extraction, _)) in odd.iter().zip(replies) {
        let Reply::Answer(Answer::Extraction(found)) = extraction else { continue };
        for statement in &found.statements {
            let (start, end) = (statement.span.start as usize, statement.span.end as usize);
            assert!(start < end && text.get(start..end).is_some(), "{statement:?}");
        }
    }
}

#[test]
fn only_what_is_asserted_is_asserted() {
    let Some(clauses) = clauses() else { return eprintln!("skipped: minilm is not installed") };
    let families: [(Modality, &[&str]); 5] = [
        (
            Modality::Intended,
            &["I want to move to Lisbon.", "I will visit Rome next week.", "I'm going to adopt a cat."],
        ),
        (
            Modality::Hypothetical,
            &["If I had the money, I would buy a boat.", "I could move to Lisbon.", "I would love a dog."],
        ),
        (
            Modality::Asked,
            &["Do I live in Lisbon?", "Did I visit Rome last year?", "Have I told you that I own a boat?"],
        ),
        (Modality::Reported, &["Ben says that Anna moved to Lisbon.", "According to Ben, Anna owns a boat."]),
        (Modality::Hedged, &["Maybe I own a boat somewhere.", "I think Anna moved to Lisbon."]),
    ];
    for (modality, texts) in families {
        for text in texts {
            let facts: Vec<Statement> = said(&clauses, text)
                .into_iter()
                .filter(|one| one.modality == Modality::Asserted && &*one.predicate != "plans")
                .collect();
            assert!(facts.is_empty(), "{modality}, {text}: {facts:#?}");
        }
    }
}

#[test]
fn clauses_say_who_did_what_when() {
    let Some(clauses) = clauses() else { return eprintln!("skipped: minilm is not installed") };
    let found = said(&clauses, "My sister Julia painted a mural in Krakow two years ago.");
    let mural = found.iter().find(|one| &*one.predicate == "paint").unwrap_or_else(|| panic!("{found:#?}"));
    assert_eq!(mural.subject, Term::Person("Julia".into()));
    assert!(matches!(&mural.object, Term::Value(value) if value.contains("mural")), "{mural:?}");
    assert!(mural.when.from.is_some(), "{mural:?}");
    let found = said(&clauses, "I have read 20 books so far this year.");
    assert!(found.iter().any(|one| &*one.predicate == "number_of_books"), "{found:#?}");
}

#[test]
fn the_vector_along_is_the_encoders_own() {
    let Some(folder) = models::installed("minilm") else { return eprintln!("skipped: minilm is not installed") };
    let encoder = Arc::new(Encoder::load("minilm@test", &folder, &Reading::default(), Device::Cpu).unwrap());
    let clauses = Clauses::new(encoder.clone()).unwrap();
    let texts: Vec<Text> = ["I live in Oslo.", "", "What's up? Not much, and you?"].map(Text::from).into();
    for (alone, (_, along)) in encoder.answer(&texts).into_iter().zip(clauses.answer_along(&texts)) {
        let (Reply::Vector(alone), Reply::Vector(along)) = (&alone, &along) else { panic!("{alone:?} {along:?}") };
        let cosine: f32 = alone.iter().zip(along).map(|(a, b)| a * b).sum();
        assert!(cosine > 0.99999, "{cosine}");
    }
    assert_eq!(clauses.along(), Some("minilm@test"));
}

#[test]
fn heads_read_any_states_alone_as_together() {
    let heads = Heads::built_in().unwrap();
    let texts = ["I moved to Oslo.", "Anna's boss, Ben, lives there! Really?", "", "ok"];
    let cut: Vec<_> = texts.map(sentences).into();
    let mut state = 7_u32;
    let mut number = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 8e6 - 1.0
    };
    let rows: Vec<Vec<f32>> = cut
        .iter()
        .map(|sentences| sentences.iter().map(Vec::len).sum::<usize>())
        .map(|words| (0..sizes::VECTOR + words * sizes::STATES).map(|_| number()).collect())
        .collect();
    let given: Vec<Given<'_>> =
        (0..texts.len()).map(|at| Given { text: texts[at], sentences: &cut[at], row: &rows[at] }).collect();
    let together = heads.read(&given);
    for (given, reading) in given.iter().zip(&together) {
        assert_eq!(heads.read(&[*given])[0].sentences, reading.sentences);
        let roots = |sentence: &Vec<_>| -> usize {
            let is_root = |(at, word): (usize, &nexus_inference::heads::Word)| usize::from(word.head == at);
            sentence.iter().enumerate().map(is_root).sum()
        };
        assert!(reading.sentences.iter().all(|sentence| roots(sentence) == 1));
        assert_eq!(reading.emotions.len(), if given.sentences.is_empty() { 0 } else { EMOTIONS.len() });
        assert!(reading.emotions.iter().all(|likely| (0.0..=1.0).contains(likely)));
    }
}
