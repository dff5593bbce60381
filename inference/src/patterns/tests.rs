//! Golden cases, as data, and what must hold of any text. `cases_*.txt`: a text per line, and under it, indented, every
//! claim it makes; a text without such lines makes none.

#![allow(clippy::unwrap_used)]

use nexus_types::{Aspect, MentionKind, Modality, Polarity, Statement, Term, TimeExpr, When};
use proptest::prelude::*;

use super::extract;
use super::lexicon::{Class, lexicon};
use super::rule::{Opener, Pattern, Rule, TimeRule};
use super::{english, spanish};

fn term(term: &Term) -> String {
    match term {
        Term::Speaker => "speaker".to_owned(),
        Term::Addressee => "addressee".to_owned(),
        Term::Person(name) => format!("person:{name}"),
        Term::Handle(handle) => format!("@{handle}"),
        Term::Mail(mail) => format!("mail:{mail}"),
        Term::Relative(relation, owner) => format!("{}/{relation}", self::term(owner)),
        Term::Value(value) if value.is_empty() => "-".to_owned(),
        Term::Value(value) => value.to_string(),
    }
}

fn time(at: &TimeExpr) -> String {
    let part = |part: Option<i16>| part.map_or("?".to_owned(), |part| part.to_string());
    match at {
        TimeExpr::Date { year, month, day } => {
            format!("{}-{}-{}", part(*year), part(month.map(i16::from)), part(day.map(i16::from)))
        }
        TimeExpr::Offset(count, unit) => format!("{count:+} {}", format!("{unit:?}").to_lowercase()),
        TimeExpr::Weekday(day, which) => format!("weekday {day} {which:+}"),
        TimeExpr::Spoken(expr) => format!("{expr:?}"),
    }
}

/// `speaker lives_in Berlin begins [2021-3-?..]`.
fn notation(statement: &Statement) -> String {
    let mut shown = format!("{} {} {}", term(&statement.subject), statement.predicate, term(&statement.object));
    if statement.polarity != Polarity::Affirmed {
        shown += " denied";
    }
    if statement.aspect != Aspect::Holds {
        shown += &format!(" {}", statement.aspect);
    }
    if statement.modality != Modality::Asserted {
        shown += &format!(" {}", statement.modality);
    }
    if statement.when != When::default() {
        let side = |at: &Option<TimeExpr>| at.as_ref().map(time).unwrap_or_default();
        shown += &format!(" [{}..{}]", side(&statement.when.from), side(&statement.when.to));
    }
    shown
}

fn check(cases: &str, least: usize) {
    let mut lines = cases.lines().peekable();
    let (mut count, mut wrong) = (0, String::new());
    while let Some(text) = lines.next() {
        if text.is_empty() || text.starts_with("//") {
            continue;
        }
        let mut expected = Vec::new();
        while let Some(claim) = lines.next_if(|line| line.starts_with(' ')) {
            expected.push(claim.trim().to_owned());
        }
        let found: Vec<String> = extract(&text.replace("\\n", "\n")).statements.iter().map(notation).collect();
        count += 1;
        if found != expected {
            wrong += &format!("{text}\n  expected {expected:#?}\n  found {found:#?}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(count >= least, "only {count} cases");
}

#[test]
fn english_cases() {
    check(include_str!("cases_english.txt"), 150);
}

#[test]
fn english_non_facts() {
    check(include_str!("cases_nothing.txt"), 60);
}

#[test]
fn spanish_cases() {
    check(include_str!("cases_spanish.txt"), 40);
}

#[test]
fn every_row_of_the_tables_compiles() {
    let mut words = super::lexicon::Words::default();
    for tables in [&english::TABLES, &spanish::TABLES] {
        for line in tables.rules.iter().chain(tables.phrases) {
            let rule = Rule::parse(line, &mut words).unwrap_or_else(|| panic!("{line}"));
            assert!(!rule.pattern.first_words().is_empty(), "{line}");
        }
        for line in tables.openers {
            assert!(Opener::parse(line, &mut words).is_some(), "{line}");
        }
        for line in tables.times {
            assert!(TimeRule::parse(line, &mut words).is_some(), "{line}");
        }
        for line in tables.hedges.iter().chain(tables.jokes) {
            assert!(Pattern::parse(line, &mut words).is_some(), "{line}");
        }
        for line in tables.verbs {
            let columns = line.split_whitespace().count();
            assert!(tables.forms.iter().any(|forms| forms.len() == columns), "{line}");
        }
        let bases: Vec<&str> =
            tables.verbs.iter().flat_map(|line| line.split(' ').next().unwrap().split('|')).collect();
        for line in tables.rules {
            for head in line.split(' ').next().unwrap().split('|') {
                assert!(bases.contains(&head), "no verb {head}: {line}");
            }
        }
    }
    assert!(Class::ALL.len() <= 64, "a class is a bit of 64");
}

#[test]
fn mentions_are_named_by_kind() {
    let text = "nick: Hi Ben, my friend Anna Kowalska from Acme Inc and @carl met in Paris on 5 May 2023, \
                see https://x.org/a and mail b@x.org #rust";
    let found: Vec<(MentionKind, String)> =
        extract(text).mentions.into_iter().map(|mention| (mention.kind, mention.name.to_string())).collect();
    let expected = [
        (MentionKind::Handle, "nick"),
        (MentionKind::Person, "Ben"),
        (MentionKind::Person, "Anna Kowalska"),
        (MentionKind::Organisation, "Acme Inc"),
        (MentionKind::Handle, "carl"),
        (MentionKind::Place, "Paris"),
        (MentionKind::Date, "on 5 May 2023"),
        (MentionKind::Url, "https://x.org/a"),
        (MentionKind::Mail, "b@x.org"),
        (MentionKind::Hashtag, "#rust"),
    ];
    assert_eq!(found, expected.map(|(kind, name)| (kind, name.to_owned())));
}

#[test]
fn a_long_line_takes_linear_time() {
    let sentence = "I live in Berlin and my sister Anna, who I think moved to Rome if it rains, loves \"x\" @you ";
    let text = sentence.repeat(2_000);
    assert!(extract(&text).statements.len() > 100);
    assert!(extract(&"a".repeat(1_000_000)).statements.is_empty());
    assert!(extract(&"I ".repeat(50_000)).statements.is_empty());
    assert!(extract(&"`\"@#/".repeat(20_000)).statements.is_empty());
}

/// Words that make patterns meet in odd ways.
fn salad() -> impl Strategy<Value = String> {
    let words = vec![
        "I",
        "my",
        "sister",
        "Anna",
        "live",
        "in",
        "Berlin",
        "and",
        ",",
        ".",
        "?",
        "\"",
        "moved",
        "to",
        "not",
        "n't",
        "'s",
        "no longer",
        "want",
        "March",
        "2021",
        "5",
        "since",
        "a",
        "dog",
        "named",
        "is",
        "the",
        "\n",
        "> ",
        "```",
        "@x",
        "é",
        "yo",
        "vivo",
        "en",
        "me",
        "gusta",
        "el",
        "😀",
        "\u{0}",
        "’m",
        "“",
        "”",
        "if",
        "says",
        "he",
        "work",
        "at",
        "Google",
    ];
    prop::collection::vec(prop::sample::select(words), 0..40).prop_map(|words| words.join(" "))
}

fn sound(text: &str) {
    let found = extract(text);
    assert_eq!(found, extract(text));
    let spans = found.mentions.iter().map(|m| m.span).chain(found.statements.iter().map(|s| s.span));
    for span in spans {
        let part = text.get(span.start as usize..span.end as usize);
        assert!(part.is_some_and(|part| !part.is_empty()), "{span:?} in {text:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_text_is_read_alike_twice(text in "\\PC{0,200}|.{0,200}") {
        sound(&text);
    }

    #[test]
    fn any_words_are_read_alike_twice(text in salad()) {
        sound(&text);
    }
}

#[test]
fn the_lexicon_has_both_languages() {
    let lexicon = lexicon();
    let [english, spanish] = &lexicon.languages;
    assert!(
        english.is(lexicon.words.of("berlin"), Class::Place) && spanish.is(lexicon.words.of("berlin"), Class::Place)
    );
    assert!(!english.drops_subject && spanish.drops_subject);
}
