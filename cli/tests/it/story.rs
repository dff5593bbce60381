//! The sample history, as the demo tells it: an edit changes a fact, a deletion brings the earlier one back, forgetting
//! leaves nothing.

use crate::harness::{Place, example};

/// A place that has taken in the sample history.
fn told() -> Place {
    let place = Place::new();
    place.ok(&["init", "--me", "Sam Okafor", "--time-zone", "Europe/London"]);
    place.ok(&["ingest", &example("history")]);
    place
}

/// Where Anna lives, by what is held now.
fn home(place: &Place, then: &[&str]) -> Vec<String> {
    let arguments = [&["facts", "Anna Kowalska", "--predicate", "lives_in"], then].concat();
    let facts = place.json(&arguments);
    facts.as_array().unwrap().iter().map(|fact| fact["object"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_edit_changes_a_fact_and_a_deletion_brings_the_earlier_one_back() {
    let place = told();
    assert_eq!(home(&place, &[]), ["Berlin"]);
    assert_eq!(home(&place, &["--valid-at", "2025-04-01"]), ["London"]);
    let epoch = place.json(&["status"])["epoch"].to_string();

    place.ok(&["ingest", &example("edits.jsonl")]);
    assert_eq!(home(&place, &[]), ["Bern"]);
    place.ok(&["ingest", &example("deletions.jsonl")]);
    assert_eq!(home(&place, &[]), ["London"]);
    assert_eq!(home(&place, &["--as-of", &epoch]), ["Berlin"]);

    // What was deleted does not come back from an old copy.
    let again = place.json(&["ingest", &example("history")]);
    assert_eq!((&again["added"], &again["changed"]), (&0.into(), &0.into()));
    assert_eq!(home(&place, &[]), ["London"]);
    assert_eq!(place.json(&["verify"])["equal"], true);
}

#[test]
fn why_names_the_messages() {
    let place = told();
    let facts = place.json(&["facts", "Anna Kowalska", "--predicate", "lives_in"]);
    let id = facts[0]["id"].as_str().unwrap();
    let why = place.json(&["why", &id[..10]]);
    let texts: Vec<&str> = why["steps"].as_array().unwrap().iter().map(|step| step["text"].as_str().unwrap()).collect();
    assert!(texts.iter().any(|text| text.contains("I moved to Berlin")), "{why:#}");
    let shown = place.ok(&["why", &id[..10]]);
    assert!(shown.contains("I moved to Berlin") && shown.contains("mastodon"), "{shown}");
}

#[test]
fn who_is_forgotten_leaves_no_row() {
    let place = told();
    assert!(holds(&place.path("memory"), b"Wiktor"), "her parrot is on the disk");
    let look = place.json(&["forget", "--author", "Julia Kowalska"]);
    assert_eq!(look["dry_run"], true);
    assert!(!place.json(&["facts", "Julia Kowalska"]).as_array().unwrap().is_empty());

    let receipt = place.json(&["forget", "--author", "Julia Kowalska", "--yes"]);
    assert_eq!((&receipt["events"], &receipt["removed"]), (&look["events"], &look["removed"]));
    let left = "SELECT count(*) AS n FROM events WHERE author LIKE 'Julia%'";
    assert_eq!(place.json(&["sql", left])[0]["n"], 0);
    let quoted = "SELECT count(*) AS n FROM passages WHERE text LIKE '%bakery to run%'";
    assert_eq!(place.json(&["sql", quoted])[0]["n"], 0);

    let run = place.nexus(&["erase"]);
    assert_eq!(run.code, 2, "erase asks for --yes");
    place.ok(&["erase", "--yes"]);
    assert_eq!(place.json(&["verify"])["equal"], true);
    assert!(!holds(&place.path("memory"), b"Wiktor"), "and off it");
}

/// Whether a file below the folder holds these bytes as they are. That compressed bytes go too is storage's own test.
fn holds(folder: &std::path::Path, bytes: &[u8]) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds(&path, bytes);
        }
        std::fs::read(&path).unwrap().windows(bytes.len()).any(|window| window == bytes)
    })
}

#[test]
fn one_sentence_at_a_time() {
    let place = Place::new();
    place.ok(&["init", "--me", "Sam Okafor"]);
    let said = place.ok(&["remember", "I live in Bristol."]);
    assert!(said.starts_with("remembered"), "{said}");
    let recalled = place.ok(&["recall", "where do I live?"]);
    assert!(recalled.contains("I live in Bristol."), "{recalled}");

    let id = place.json(&["facts"])[0]["id"].as_str().unwrap().to_owned();
    place.ok(&["correct", &id, "--is", "Bath"]);
    assert_eq!(place.json(&["facts"])[0]["object"], "Bath");

    let row = r#"{"id": "1", "said_at": "2025-06-20T18:05:00Z", "author": "ben", "text": "I live in Lagos."}"#;
    let run = place.nexus_reading(&["ingest", "-"], row);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.out.contains("1 added"), "{}", run.out);
    assert_eq!(place.json(&["facts", "ben"])[0]["object"], "Lagos");
}

#[test]
fn people_are_joined_and_kept_apart_by_hand() {
    let place = told();
    let keys = |name: &str| place.json(&["entity", name])[0]["keys"].to_string();
    assert_eq!(keys("ben"), r#"["account:irc/ben"]"#, "the Bens of two channels are two");
    place.ok(&["same", "account:irc/ben", "name:ben carter"]);
    assert!(keys("Ben Carter").contains("account:irc/ben"));
    place.ok(&["not-same", "account:irc/ben", "name:ben carter"]);
    assert!(!keys("Ben Carter").contains("account:irc/ben"));

    let place = told();
    let keys = |name: &str| place.json(&["entity", name])[0]["keys"].to_string();
    let before = keys("Ben Carter");
    place.ok(&["same", "Ben Carter", "ben"]);
    assert_ne!(keys("Ben Carter"), before);
    place.ok(&["not-same", "Ben Carter", "ben"]);
    assert_eq!((keys("Ben Carter"), &*keys("ben")), (before, r#"["account:irc/ben"]"#), "taken back");
}

#[test]
fn what_is_wrong_does_not_take_along_what_replaced_it() {
    let place = told();
    let fact = |value: &str| {
        let facts = place.json(&["facts", "Anna Kowalska", "--predicate", "works_at", "--history"]);
        let found = facts.as_array().unwrap().iter().find(|fact| fact["object"] == value).cloned();
        found.map(|fact| fact["id"].as_str().unwrap().to_owned())
    };
    let northwind = fact("Northwind").unwrap();
    place.ok(&["correct", &northwind, "--is", "Acme"]);
    place.ok(&["correct", &northwind, "--wrong"]);
    assert!(fact("Acme").is_some() && fact("Northwind").is_none());
    let run = place.nexus(&["correct", &fact("Acme").unwrap(), "--is", " "]);
    assert!(run.code == 2 && run.err.contains("the value is empty"), "{run:?}");
}

#[test]
fn another_embedder_takes_over() {
    let place = told();
    assert!(place.ok(&["status"]).contains("nexus-static@"));
    let run = place.nexus(&["models", "use", "nexus-dynamic"]);
    assert!(run.code != 0 && run.err.contains("there are: minilm, bge-small, potion, nexus-static"), "{run:?}");
    let switch = place.json(&["models", "use", "nexus-static"]);
    assert_eq!((&switch["open_asks"], &switch["from"]), (&0.into(), &serde_json::json!([])));
    assert_eq!(place.json(&["verify"])["equal"], true);
}

#[test]
fn another_policy_is_a_difference() {
    let place = told();
    let page = place.ok(&["policy"]);
    let file = place.file(
        "policy.toml",
        &page.replace("name = \"likes\"\ncardinality = \"add\"", "name = \"likes\"\ncardinality = \"replace\""),
    );
    let before = place.json(&["facts"]);
    let dry = place.json(&["reconsolidate", "--policy", &file, "--dry-run"]);
    assert_eq!(place.json(&["facts"]), before, "a dry run changes nothing");
    let real = place.json(&["reconsolidate", "--policy", &file]);
    assert_eq!((&dry["added"], &dry["removed"]), (&real["added"], &real["removed"]));
    assert_eq!(place.json(&["verify"])["equal"], true);
}

#[test]
fn a_history_moves_by_export_and_import() {
    let (here, there) = (told(), Place::new());
    here.ok(&["ingest", &example("edits.jsonl")]);
    let archive = there.path("history.nexus").display().to_string();
    here.ok(&["export", &archive, "--policy"]);
    there.ok(&["import", &archive]);
    assert_eq!(there.json(&["facts"]), here.json(&["facts"]));
    assert_eq!(home(&there, &[]), ["Bern"]);
}

#[test]
fn a_fact_is_an_answer_where_no_message_fits() {
    let place = Place::new();
    place.ok(&["remember", "I moved to Lisbon in May"]);
    let run = place.nexus(&["recall", "where do I live"]);
    assert!(run.code == 0 && run.out.contains("Lisbon") && !run.out.contains("nothing found"), "{run:?}");
}
