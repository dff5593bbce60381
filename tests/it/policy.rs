//! Policy as a user edits it, what contradicts itself, and why keys are one person.

use nexus::{Change, Nexus, PolicyFile};

use crate::support::{current, edited, everything, facts, json, open, said};

fn told(nexus: &mut Nexus, events: Vec<nexus::Event>) {
    nexus.apply(events.into_iter().map(|event| Change::Upsert(Box::new(event))).collect()).unwrap();
}

/// The scope's policy with the line `more` under the predicate's entry.
fn with(nexus: &Nexus, predicate: &str, more: &str) -> PolicyFile {
    let page = nexus.policy().to_toml().unwrap();
    let entry = format!("name = \"{predicate}\"\n");
    assert!(page.contains(&entry), "{page}");
    PolicyFile::parse(&page.replace(&entry, &format!("{entry}{more}\n"))).unwrap()
}

#[test]
fn a_page_that_contradicts_itself_is_refused() {
    let refused = |page: &str| PolicyFile::parse(page).unwrap_err().to_string();
    let parent = "[[predicate]]\nname = \"parent\"\ncardinality = \"add\"\ninverse = \"child\"\n";
    assert!(refused(parent).contains("then child has the inverse parent"));
    let both = format!("{parent}symmetric = true\n");
    assert!(refused(&both).contains("symmetric"));
    let page = PolicyFile::parse(&format!("{parent}\n{}", parent.replace("parent", "x").replace("child", "parent")));
    assert!(page.is_err(), "x has the inverse parent, whose inverse is child");
}

#[test]
fn a_beginning_ends_what_policy_says_and_why_tells_by_which_message() {
    let folder = tempfile::tempdir().unwrap();
    let mut nexus = open(folder.path());
    told(&mut nexus, vec![said("1", 1, "anna", "I live in London."), said("2", 9, "anna", "I visited Rome.")]);
    let before = everything(&nexus.memory().unwrap());
    let page = with(&nexus, "visited", "ends = [\"lives_in\"]");
    let diff = nexus.reconsolidate(&page, true).unwrap();
    let shown = |facts: &[nexus::FactView]| {
        facts.iter().map(|fact| format!("{} {}", fact.object, fact.status)).collect::<Vec<_>>()
    };
    assert_eq!(
        (shown(&diff.removed), shown(&diff.added)),
        (vec!["London current".into()], vec!["London ended".into()])
    );
    assert_eq!(everything(&nexus.memory().unwrap()), before, "a dry run changes nothing");

    nexus.reconsolidate(&page, false).unwrap();
    let memory = nexus.memory().unwrap();
    let london = facts(&memory, "anna").into_iter().find(|fact| fact.object == "London").unwrap();
    let why = memory.why(&london.id).unwrap();
    let last = why.steps.last().unwrap();
    assert_eq!((&*last.action, &*last.text), ("DELETE", "I visited Rome."), "{why:?}");
    assert!(memory.verify().unwrap().equal);
}

#[test]
fn a_symmetric_relation_is_read_from_both_ends() {
    let folder = tempfile::tempdir().unwrap();
    let mut nexus = open(folder.path());
    told(&mut nexus, vec![said("1", 1, "ben", "My sister Carla lives in Rome.")]);
    let edges = |nexus: &Nexus| {
        let rows =
            json(&nexus.memory().unwrap(), "select source_name, target_name from edges where predicate = 'sister'");
        let mut rows: Vec<String> =
            rows.iter().map(|row| format!("{} {}", row["source_name"], row["target_name"])).collect();
        rows.sort();
        rows
    };
    let once = edges(&nexus);
    assert_eq!(once.len(), 1, "{once:?}");
    let page = with(&nexus, "sister", "symmetric = true");
    let diff = nexus.reconsolidate(&page, false).unwrap();
    assert!(diff.added.is_empty() && diff.removed.is_empty(), "one fact, as it was said: {diff:?}");
    assert_eq!(edges(&nexus).len(), 2);
    assert!(nexus.memory().unwrap().verify().unwrap().equal);
}

#[test]
fn a_contradiction_is_listed_until_a_later_word_settles_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut nexus = open(folder.path());
    told(&mut nexus, vec![said("1", 5, "anna", "I live in Oslo."), said("2", 5, "anna", "I live in Rome.")]);
    let memory = nexus.memory().unwrap();
    let conflicts = memory.conflicts(Some("anna")).unwrap();
    let [conflict] = &conflicts[..] else { panic!("{conflicts:?}") };
    let mut values: Vec<_> = conflict.sides.iter().map(|side| (&*side.value, side.text.as_deref())).collect();
    values.sort();
    assert_eq!(values, [("Oslo", Some("I live in Oslo.")), ("Rome", Some("I live in Rome."))]);
    assert!(conflict.sides.iter().all(|side| side.author == "anna" && side.source == "chat"));
    assert!(facts(&memory, "anna").iter().all(|fact| fact.holds() && fact.status == "disputed"));

    nexus.remember(said("3", 6, "anna", "I live in Rome.")).unwrap();
    let memory = nexus.memory().unwrap();
    assert_eq!(memory.conflicts(None).unwrap(), []);
    assert_eq!(current(&memory, "anna", "lives_in"), ["Rome"]);

    nexus.remember(edited("3", 6, "anna", "Good morning.", 9)).unwrap();
    let memory = nexus.memory().unwrap();
    assert_eq!(memory.conflicts(None).unwrap(), conflicts, "what settled it is gone");
    assert!(memory.verify().unwrap().equal);
}

#[test]
fn an_entity_tells_what_joined_its_keys() {
    let folder = tempfile::tempdir().unwrap();
    let mut nexus = open(folder.path());
    told(
        &mut nexus,
        vec![
            said("1", 1, "Anna Kowalska <anna>", "Good morning."),
            said("2", 2, "Anna Kowalska <anna>", "Good morning again."),
            said("3", 3, "anna", "My email is anna@example.org."),
        ],
    );
    let evidence = |nexus: &Nexus| {
        let entity = nexus.memory().unwrap().entity("anna").unwrap().remove(0);
        let shown = entity.evidence.into_iter().map(|row| format!("{} {}", row.kind, row.text.unwrap_or_default()));
        shown.collect::<Vec<_>>()
    };
    let said_so = ["account Good morning.", "declared My email is anna@example.org."];
    assert_eq!(evidence(&nexus), said_so);
    nexus.remember(said("4", 4, "ann_k", "I like chess.")).unwrap();
    nexus.same("account:chat/anna", "ann_k").unwrap();
    assert_eq!(evidence(&nexus)[2..], ["same "]);
    nexus.not_same("account:chat/anna", "account:chat/ann_k").unwrap();
    assert_eq!(evidence(&nexus), said_so);
    let rows =
        json(&nexus.memory().unwrap(), "select kind, text from evidence where name = 'Anna Kowalska' order by said_at");
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert!(nexus.memory().unwrap().verify().unwrap().equal);
}
