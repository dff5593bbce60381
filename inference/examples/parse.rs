//! Parse: the trees that the heads see in texts, one a line of the input, in CoNLL-U.
//!
//! `cargo run -p nexus-inference --example parse -- ENCODER [--whole] [HEADS] < TEXTS`: ENCODER is the folder that `nexus models fetch
//! minilm` fills, HEADS a file of weights in place of the program's. With `--whole`
//! a line is one sentence.

// It is a tool.
#![allow(missing_docs, clippy::unwrap_used)]

use std::io::{Write, stdin, stdout};
use std::path::Path;
use std::sync::Arc;

use nexus_inference::heads::{Heads, sentences};
use nexus_inference::{Clauses, Device, Encoder, Model, Reading, Reply};
use nexus_types::{Answer, Statement, Text};

/// What a text states.
fn stated(clauses: &Clauses, text: &Text) -> Vec<String> {
    let [Reply::Answer(Answer::Extraction(found))] = &clauses.answer(std::slice::from_ref(text))[..] else {
        return Vec::new();
    };
    let show = |s: &Statement| {
        format!(
            "{:?} {} {:?} [{}] {} {} {} {} {}",
            s.subject, s.predicate, s.object, s.further, s.polarity, s.aspect, s.modality, s.tense, s.confidence
        )
    };
    found.statements.iter().map(show).chain(found.affect.iter().map(|affect| format!("{affect:?}"))).collect()
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let whole = arguments.iter().any(|argument| argument == "--whole");
    let arguments: Vec<&String> = arguments.iter().filter(|argument| *argument != "--whole").collect();
    let Some((encoder, rest)) = arguments.split_first() else {
        eprintln!("usage: parse ENCODER [--whole] [HEADS] < TEXTS");
        std::process::exit(2);
    };
    let encoder = Encoder::load("encoder", Path::new(encoder), &Reading::default(), Device::Cpu).unwrap();
    let heads = rest.first().map_or_else(Heads::built_in, |path| Heads::load(Path::new(path))).unwrap();
    let clauses = Clauses::with_heads(Arc::new(encoder), heads);
    let cut = |text: &str| match whole {
        true => vec![sentences(text).concat()],
        false => sentences(text),
    };
    let texts: Vec<Text> = stdin().lines().map(|line| line.unwrap().into()).collect();
    let mut out = stdout().lock();
    for (text, reading) in texts.iter().zip(clauses.parse(&texts, texts.iter().map(|text| cut(text)).collect())) {
        let reading = reading.unwrap();
        for sentence in &reading.sentences {
            writeln!(out, "# text = {text}").unwrap();
            for (at, word) in sentence.iter().enumerate() {
                let head = if word.head == at { 0 } else { word.head + 1 };
                let (form, glued) =
                    (&text[word.start..word.end], sentence.get(at + 1).is_some_and(|next| next.start == word.end));
                let space = if glued { "SpaceAfter=No" } else { "_" };
                let rel = if head == 0 { "root" } else { word.rel };
                writeln!(out, "{}\t{form}\t_\t{}\t{}\t_\t{head}\t{rel}\t_\t{space}", at + 1, word.upos, word.xpos)
                    .unwrap();
            }
            writeln!(out).unwrap();
        }
        let named =
            reading.mentions.iter().map(|named| format!("{:?} {} {:.2}", named.words, named.kind, named.likelihood));
        for statement in stated(&clauses, text) {
            writeln!(out, "# {statement}").unwrap();
        }
        writeln!(out, "# mentions = {}", named.collect::<Vec<_>>().join("; ")).unwrap();
    }
}
