//! Help and usage: part of the product, so kept word for word.

use crate::harness::Place;

#[test]
fn help_shows_what_there_is() {
    insta::assert_snapshot!("help", Place::new().ok(&["--help"]));
}

#[test]
fn each_command_helps() {
    let place = Place::new();
    let help = place.ok(&["--help"]);
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let mut pages = String::new();
    for command in commands.filter_map(|line| line.split_whitespace().next()) {
        let page = place.ok(&[command, "-h"]);
        assert!(page.contains("Usage: nexus"), "{command}");
        // The options that every command has are on the first page.
        let own = page.lines().take_while(|line| *line != "Everywhere:");
        pages.push_str(&own.collect::<Vec<_>>().join("\n"));
        pages.push('\n');
    }
    insta::assert_snapshot!("commands", pages);
}

#[test]
fn usage_errors_say_what_to_do() {
    let place = Place::new();
    let cases = [
        &["recal", "x"][..],
        &["ingest"],
        &["ingest", "x", "--format", "word"],
        &["correct", "ab12"],
        &["forget"],
        &["facts", "--valid-at", "soon"],
        &["recall", "x", "-k", "0"],
    ];
    let mut said = String::new();
    for arguments in cases {
        let run = place.nexus(arguments);
        assert_eq!((run.code, &*run.out), (2, ""), "{arguments:?}");
        said.push_str(&format!("$ nexus {}\n{}\n", arguments.join(" "), run.err));
    }
    insta::assert_snapshot!("usage", said);
    assert_eq!(place.nexus(&[]).code, 2);
    assert!(!place.path("memory").exists(), "wrong usage creates nothing");
}

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(Place::new().ok(&["completions", shell]).contains("reconsolidate"));
    }
}
