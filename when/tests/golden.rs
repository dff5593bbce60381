//! Golden files: expressions with what they come to, and texts that hold no time.
//!
//! `UPDATE_GOLDEN=1 cargo test --test golden` rewrites the expectations; read the difference before keeping it.

use std::fmt::Write as _;
use std::path::PathBuf;

use jiff::civil::DateTime;
use nexus_when::{Found, Language, recognise};

/// A Wednesday morning.
const REFERENCE: DateTime = DateTime::constant(2023, 6, 14, 10, 30, 0, 0);

/// Cargo runs tests in the folder of their package; where that was when they were built may be elsewhere.
fn golden(name: &str) -> PathBuf {
    PathBuf::from("tests/golden").join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(golden(name)).expect("the golden file is there")
}

fn language(name: &str) -> Language {
    if name == "es" { Language::Spanish } else { Language::English }
}

/// What is found in a text, one expression a line and one more for each candidate.
fn described(text: &str, found: &[Found]) -> String {
    let mut lines = String::new();
    for one in found {
        let resolution = one.expr.resolve(REFERENCE);
        let _ = writeln!(lines, "    [{}] {}", &text[one.start..one.end], resolution.kind.name());
        for candidate in resolution.candidates {
            let mut parts = vec![candidate.timex];
            parts.extend(candidate.value);
            parts.extend(candidate.start.map(|start| format!("from {start}")));
            parts.extend(candidate.end.map(|end| format!("to {end}")));
            parts.extend(candidate.modifier.map(|modifier| format!("({modifier})")));
            let _ = writeln!(lines, "        {}", parts.join(" "));
        }
        for (name, ahead) in [("was", false), ("will be", true)] {
            if let Some((from, to)) = one.expr.interval(REFERENCE, ahead) {
                let _ = writeln!(lines, "        {name} {from} .. {to} {:?}", one.expr.granularity());
            }
        }
    }
    lines
}

#[test]
fn expressions_come_to_what_is_written() {
    let written = read("expressions.txt");
    let mut made = String::new();
    for line in written.lines() {
        if line.starts_with("    ") {
            continue;
        }
        made += line;
        made.push('\n');
        if let Some((name, text)) = line.split_once('|') {
            made += &described(text, &recognise(text, language(name)));
        }
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(golden("expressions.txt"), &made).expect("the golden file can be written");
        return;
    }
    for (number, (got, want)) in made.lines().zip(written.lines()).enumerate() {
        assert_eq!(got, want, "tests/golden/expressions.txt, line {}", number + 1);
    }
    assert_eq!(made, written);
}

#[test]
fn texts_without_time_stay_silent() {
    for line in read("no_time.txt").lines().filter(|line| !line.starts_with('#')) {
        let Some((name, text)) = line.split_once('|') else { continue };
        let found = recognise(text, language(name));
        assert!(found.is_empty(), "{text:?}\n{}", described(text, &found));
    }
}
