//! Golden cases: small sentences with their trees, and what they say.
//!
//! In `tests/data/clauses.conllu` a line `# says = subject | predicate | object | argument; argument | mood` stands for each
//! proposition in its canonical form; the mood names what differs from affirmed, asserted, present, holds.
//! `UPDATE_CASES=1 cargo test golden` writes what is said now; read the difference before keeping it.

use crate::conllu;

use nexus_inference::clauses::mood::{Aspect, Modality, Polarity, Tense};
use nexus_inference::clauses::proposition::{Proposition, propositions};
use nexus_inference::clauses::render::canonical;
use nexus_inference::clauses::tree::{Sentence, Tree};

const CASES: &str = concat!(".", "/tests/data/clauses.conllu");

#[test]
fn golden() {
    let file = std::fs::read_to_string(CASES).expect("the cases");
    let blocks: Vec<&str> = file.trim_end().split("\n\n").collect();
    let now: Vec<String> = blocks.iter().map(|block| renewed(block)).collect();
    if std::env::var_os("UPDATE_CASES").is_some() {
        std::fs::write(CASES, now.join("\n\n") + "\n").expect("the cases can be written");
        return;
    }
    let changed: Vec<String> = blocks
        .iter()
        .zip(&now)
        .filter(|(old, new)| old != new)
        .map(|(old, new)| format!("{old}\n--- is now\n{new}"))
        .collect();
    assert!(changed.is_empty(), "{} cases changed:\n{}", changed.len(), changed.join("\n\n"));
    assert!(blocks.len() >= 80);
}

/// A block with the lines of what it says written anew.
fn renewed(block: &str) -> String {
    let mut lines: Vec<String> = block.lines().filter(|line| !line.starts_with("# says")).map(str::to_string).collect();
    for parsed in conllu::read(block) {
        let sentence = Sentence { text: &parsed.text, words: parsed.words };
        let tree = Tree::new(&sentence);
        let said: Vec<String> =
            propositions(&tree).iter().map(|proposition| format!("# says = {}", line(&tree, proposition))).collect();
        let at = lines.iter().position(|line| line.starts_with("# text")).map_or(0, |at| at + 1);
        lines.splice(at..at, said);
    }
    lines.join("\n")
}

/// A proposition on a line.
fn line(tree: &Tree, proposition: &Proposition) -> String {
    let (subject, name, object, arguments) = canonical(tree, proposition);
    format!("{subject} | {name} | {object} | {} | {}", arguments.join("; "), mood(tree, proposition))
        .replace("  ", " ")
        .trim_end()
        .to_string()
}

/// What differs from the plain mood.
fn mood(tree: &Tree, proposition: &Proposition) -> String {
    let mood = proposition.mood;
    let mut marks = Vec::new();
    if mood.polarity == Polarity::Denied {
        marks.push("denied".to_string());
    }
    if mood.modality != Modality::Asserted {
        marks.push(format!("{:?}", mood.modality).to_lowercase());
    }
    if let Some(reporter) = &proposition.reporter {
        marks.push(format!("by {}", reporter.text(tree)));
    }
    if mood.tense != Tense::Present {
        marks.push(format!("{:?}", mood.tense).to_lowercase());
    }
    if mood.aspect != Aspect::Holds {
        marks.push(format!("{:?}", mood.aspect).to_lowercase());
    }
    marks.join(" ")
}
