//! Tidy: what the code must look like, read from its text. Floors, absent dependencies, headers, sizes, banned words, and
//! paths that the documents name. Cost: reads every file of the repository once per test, milliseconds.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

const LIGHT: &[&str] = &["when", "types", "scoring", "operators", "dataflows"];
const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;

/// Each crate with the crates of ours that it may import, lowest floor first.
const FLOORS: &[(&str, &[&str])] = &[
    ("when", &[]),
    ("types", &["when"]),
    ("scoring", &["types"]),
    ("operators", &["types", "scoring"]),
    ("storage", &["types", "scoring"]),
    ("inference", &["types", "scoring", "when"]),
    ("connectors", &["types", "scoring"]),
    ("dataflows", &["types", "scoring", "operators"]),
    ("query", &["types", "scoring", "storage", "when"]),
    (".", &["types", "scoring", "operators", "storage", "inference", "connectors", "dataflows", "query"]),
    ("cli", &["."]),
];

/// Heavy libraries, by the start of their names, with the crates that may know them. `arrow` is named apart: its arrays
/// and schemas are in `types`, so that every crate may pass them on.
const OWNERS: &[(&str, &[&str])] = &[
    ("timely", &["operators", "dataflows", "."]),
    ("differential-dataflow", &["operators", "dataflows", "."]),
    ("lance", &["storage"]),
    // storage implements one trait of it, the table provider.
    ("datafusion", &["query", "storage"]),
    ("burn", &["inference"]),
    ("tokenizers", &["inference"]),
    ("reqwest", &["inference", "connectors"]),
    ("tokio-rustls", &["connectors"]),
    ("imap-proto", &["connectors"]),
    // cli: its tests publish.
    // The benches publish.
    ("amqprs", &["connectors", "cli", "."]),
    ("async-nats", &["connectors", "cli"]),
    ("hyper", &["connectors"]),
    ("http-body-util", &["connectors"]),
    ("feed-rs", &["connectors"]),
    ("icalendar", &["connectors"]),
    ("tokio-tungstenite", &["connectors"]),
    ("redb", &["storage"]),
    ("mail-parser", &["connectors"]),
    ("html2text", &["connectors"]),
    ("clap", &["cli"]),
    ("rustyline", &["cli"]),
    ("indicatif", &["cli"]),
    ("comfy-table", &["cli"]),
];

/// What nobody may bring in, however deep: a second TLS stack, and formats that take minutes to build.
const ABSENT: &[&str] = &["aws-lc-sys", "native-tls", "openssl-sys", "parquet", "rdkafka-sys", "rocksdb"];

/// The one file below the façade that looks at a clock: to keep a day's budget. No answer depends on it.
const CLOCK: &str = "inference/src/endpoint/clock.rs";

/// Folders that ARCHITECTURE.md names and a store holds, not the repository.
const IN_A_STORE: &[&str] = &["tail/", "tables/", "checkpoints/", "readers/", "run/"];

fn root() -> &'static Path {
    Path::new(".")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every file below the root with one of these endings, hidden and built folders left out, in order.
fn files(endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if name.starts_with('.') || name == "target" {
                continue;
            }
            if path.is_dir() {
                open.push(path);
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

fn nothing(wrong: Vec<String>) {
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// The names under `[dependencies]` of a crate's manifest.
fn dependencies(member: &str) -> Vec<String> {
    let manifest = read(&root().join(member).join("Cargo.toml"));
    let section = manifest.lines().skip_while(|line| *line != "[dependencies]").skip(1);
    section
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

fn package(member: &str) -> String {
    if member == "." { "nexus".into() } else { format!("nexus-{member}") }
}

#[test]
fn imports_go_strictly_down() {
    let mut wrong = Vec::new();
    for (member, below) in FLOORS {
        let allowed: Vec<String> = below.iter().map(|member| package(member)).collect();
        for name in dependencies(member) {
            if (name == "nexus" || name.starts_with("nexus-")) && !allowed.contains(&name) {
                wrong.push(format!("{member}/Cargo.toml: {name} is not on a floor below"));
            }
        }
    }
    nothing(wrong);
}

#[test]
fn every_member_stands_on_a_floor_and_obeys_the_lints() {
    let manifest = read(&root().join("Cargo.toml"));
    let line = manifest.lines().find(|line| line.starts_with("members")).unwrap();
    let mut wrong: Vec<String> = line
        .split('"')
        .skip(1)
        .step_by(2)
        .filter(|member| !FLOORS.iter().any(|(known, _)| known == member))
        .map(|member| format!("{member}: give it a floor in tests/tidy.rs"))
        .collect();
    for (member, _) in FLOORS {
        if !read(&root().join(member).join("Cargo.toml")).contains("[lints]\nworkspace = true") {
            wrong.push(format!("{member}/Cargo.toml: [lints] workspace = true is missing"));
        }
    }
    nothing(wrong);
}

#[test]
fn heavy_libraries_stay_with_their_owners() {
    let mut wrong = Vec::new();
    for (member, _) in FLOORS {
        for name in dependencies(member) {
            for (library, owners) in OWNERS {
                let theirs = name == *library || name.strip_prefix(library).is_some_and(|rest| rest.starts_with('-'));
                if theirs && !owners.contains(member) {
                    wrong.push(format!("{member}/Cargo.toml: {name} belongs to {owners:?}"));
                }
            }
            if LIGHT.contains(member) && matches!(&*name, "tokio" | "futures" | "arrow") {
                wrong.push(format!("{member}/Cargo.toml: {name} in a crate that is pure and quick to build"));
            }
        }
    }
    nothing(wrong);
}

#[test]
fn absent_dependencies_are_absent() {
    let lock = read(&root().join("Cargo.lock"));
    let present = |name: &&&str| lock.contains(&format!("name = \"{name}\"\n"));
    nothing(ABSENT.iter().filter(present).map(|name| format!("Cargo.lock: {name}")).collect());
}

#[test]
fn every_file_says_what_it_is() {
    let headless = |path: &PathBuf| !read(path).starts_with("//! ");
    nothing(files(&[".rs"]).iter().filter(|path| headless(path)).map(|path| shown(path)).collect());
}

#[test]
fn files_and_functions_fit() {
    let mut wrong = Vec::new();
    for path in files(&[".rs"]) {
        let text = read(&path);
        let lines: Vec<&str> = text.lines().collect();
        if lines.len() > FILE_LINES_MAX {
            wrong.push(format!("{}: {} lines, at most {FILE_LINES_MAX}", shown(&path), lines.len()));
        }
        for (start, line) in lines.iter().enumerate().filter(|(_, line)| opens_function(line)) {
            let length = function_lines(&lines[start..]);
            if length > FUNCTION_LINES_MAX {
                wrong.push(format!("{}:{}: {length} lines: {}", shown(&path), start + 1, line.trim()));
            }
        }
    }
    nothing(wrong);
}

fn opens_function(line: &str) -> bool {
    let mut words = line.split_whitespace();
    words.find(|word| !matches!(*word, "pub" | "pub(crate)" | "pub(super)" | "async" | "const" | "unsafe"))
        == Some("fn")
}

/// Formatted code closes a function with a brace in the column where it began.
fn function_lines(lines: &[&str]) -> usize {
    let indent = &lines[0][..lines[0].len() - lines[0].trim_start().len()];
    for (at, line) in lines.iter().enumerate() {
        let rest = line.strip_prefix(indent).unwrap_or_default();
        let closed =
            rest == "}" || (rest.starts_with(|first: char| !first.is_whitespace()) && rest.ends_with(['}', ';']));
        if closed {
            return at + 1;
        }
    }
    lines.len()
}

#[test]
fn functions_are_measured() {
    let text = ["    pub fn short() -> u8 {", "        1", "    }", "    fn one() {}", "    fn declared();"];
    assert!(text.iter().map(|line| opens_function(line)).eq([true, false, false, true, true]));
    assert_eq!([function_lines(&text), function_lines(&text[3..]), function_lines(&text[4..])], [3, 1, 1]);
}

#[test]
fn banned_words_are_absent() {
    // Taken apart, so that this file does not hold them.
    let banned = [
        ("Hash", "Map"),
        ("Hash", "Set"),
        ("to", "do!("),
        ("unimpl", "emented!("),
        ("db", "g!("),
        ("TO", "DO"),
        ("FIX", "ME"),
        ("thread", "_rng"),
        ("Uuid::new", "_v4"),
    ];
    let mut wrong = Vec::new();
    for path in files(&[".rs"]) {
        let text = read(&path);
        // Where order cannot show, clippy is told so by name, and so are we.
        let excused = |word: &str| word.starts_with("Hash") && text.contains("allow(clippy::disallowed_types)");
        for (at, line) in text.lines().enumerate() {
            let words = banned.iter().map(|(head, tail)| [*head, *tail].concat());
            for word in words.filter(|word| line.contains(word) && !excused(word)) {
                wrong.push(format!("{}:{}: {word}", shown(&path), at + 1));
            }
        }
    }
    nothing(wrong);
}

#[test]
fn libraries_do_not_print() {
    let mut wrong = Vec::new();
    for (member, _) in FLOORS.iter().filter(|(member, _)| *member != "cli") {
        let sources = root().join(member).join("src");
        for path in files(&[".rs"]).iter().filter(|path| path.starts_with(&sources)) {
            for (at, line) in read(path).lines().enumerate() {
                let code = line.trim_start();
                let prints = ["println!(", "eprintln!(", "print!(", "eprint!("].iter().any(|name| code.contains(name));
                if prints && !code.starts_with("//") {
                    wrong.push(format!("{}:{}: only the command line prints", shown(path), at + 1));
                }
            }
        }
    }
    nothing(wrong);
}

#[test]
fn no_clock_ticks_below_the_facade() {
    let mut wrong = Vec::new();
    for (member, _) in FLOORS.iter().filter(|(member, _)| !["cli", "."].contains(member)) {
        let sources = root().join(member).join("src");
        for path in files(&[".rs"]).iter().filter(|path| path.starts_with(&sources) && shown(path) != CLOCK) {
            for (at, line) in read(path).lines().enumerate().filter(|(_, line)| line.contains("::now(")) {
                wrong.push(format!("{}:{}: {}", shown(path), at + 1, line.trim()));
            }
        }
    }
    nothing(wrong);
}

#[test]
fn every_path_in_the_architecture_exists() {
    let text = read(&root().join("ARCHITECTURE.md"));
    let names: Vec<String> = files(&[""]).iter().map(|path| format!("/{}", shown(path))).collect();
    let mut wrong = Vec::new();
    for name in text.split('`').skip(1).step_by(2).filter(|name| !IN_A_STORE.contains(name)) {
        let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "._-/#".contains(c));
        let file = [".rs", ".md", ".toml"].iter().any(|ending| name.ends_with(ending));
        // A file's bare name stands beside its folder's.
        let there =
            root().join(name).exists() || (file && names.iter().any(|path| path.ends_with(&format!("/{name}"))));
        if plain && (file || name.contains('/')) && !there {
            wrong.push(format!("ARCHITECTURE.md names {name}, which is not there"));
        }
    }
    nothing(wrong);
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    let mut wrong = Vec::new();
    for path in files(&[".md"]) {
        for link in read(&path).split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            let outside = link.is_empty() || link.contains("://") || link.contains(' ');
            if !outside && !path.parent().unwrap().join(link).exists() {
                wrong.push(format!("{} links to {link}, which is not there", shown(&path)));
            }
        }
    }
    nothing(wrong);
}
