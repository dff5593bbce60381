//! A small story end to end: facts come, are superseded, edited, deleted, forgotten, corrected, and each time memory is what
//! a rebuild would give.

use nexus::{At, Change, Correction, FactFilter, Nexus, PolicyFile, Selector};

use crate::support::{current, deleted, edited, everything, facts, open, said, settings};

fn upserts(events: Vec<nexus::Event>) -> Vec<Change> {
    events.into_iter().map(|event| Change::Upsert(Box::new(event))).collect()
}

fn history() -> Vec<nexus::Event> {
    vec![
        said("1", 1, "anna", "I live in London."),
        said("2", 2, "ben", "My sister Carla lives in Rome."),
        said("3", 30, "anna", "I moved to Berlin."),
        said("4", 40, "anna", "I work at Siemens."),
    ]
}

#[test]
fn an_edit_changes_a_fact_and_a_deletion_brings_the_earlier_one_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut nexus = open(folder.path());
    let before = nexus.apply(upserts(history())).unwrap().epoch;
    let memory = nexus.memory().unwrap();
    assert_eq!(current(&memory, "anna", "lives_in"), ["Berlin"]);
    let berlin = facts(&memory, "anna").into_iter().find(|f| f.object == "Berlin").unwrap();
    let why = memory.why(&berlin.id).unwrap();
    assert!(why.steps.iter().any(|step| step.text.contains("moved to Berlin")), "{why:?}");

    nexus.remember(edited("3", 30, "anna", "I moved to Hamburg.", 5)).unwrap();
    assert_eq!(current(&nexus.memory().unwrap(), "anna", "lives_in"), ["Hamburg"]);

    nexus.apply(vec![deleted("3")]).unwrap();
    let memory = nexus.memory().unwrap();
    assert_eq!(current(&memory, "anna", "lives_in"), ["London"]);

    let then = memory.as_of(At::Epoch(before)).unwrap();
    assert_eq!(current(&then, "anna", "lives_in"), ["Berlin"]);
    assert!(nexus.memory().unwrap().verify().unwrap().equal);
}

#[test]
fn deleting_leaves_what_a_rebuild_without_it_gives() {
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut with = open(a.path());
    with.apply(upserts(history())).unwrap();
    with.apply(vec![deleted("3")]).unwrap();
    let mut without = open(b.path());
    without.apply(upserts(history().into_iter().filter(|event| &*event.external_id != "3").collect())).unwrap();
    assert_eq!(everything(&with.memory().unwrap()), everything(&without.memory().unwrap()));
}

#[test]
fn order_of_arrival_and_batches_do_not_matter() {
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut at_once = open(a.path());
    at_once.apply(upserts(history())).unwrap();
    let mut one_by_one = open(b.path());
    for event in history().into_iter().rev() {
        one_by_one.remember(event).unwrap();
    }
    assert_eq!(everything(&at_once.memory().unwrap()), everything(&one_by_one.memory().unwrap()));
}

#[test]
fn opening_again_gives_the_same_memory_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut nexus = open(folder.path());
    nexus.apply(upserts(history())).unwrap();
    let before = everything(&nexus.memory().unwrap());
    nexus.close().unwrap();
    let mut nexus = open(folder.path());
    assert_eq!(everything(&nexus.memory().unwrap()), before);
    assert!(!nexus.remember(history().remove(0)).unwrap().news, "a redelivery is no news");
    nexus.apply(vec![deleted("3")]).unwrap();
    assert_eq!(current(&nexus.memory().unwrap(), "anna", "lives_in"), ["London"]);
}

#[test]
fn forgetting_an_author_tells_what_goes_and_removes_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut nexus = open(folder.path());
    nexus.apply(upserts(history())).unwrap();
    let everything_before = everything(&nexus.memory().unwrap());
    let anna = Selector { author: Some("anna".into()), ..Selector::default() };
    let told = nexus.forget(&anna, true).unwrap();
    assert_eq!(told.events.len(), 3);
    assert!(told.removed["claims"] >= 3 && told.removed["facts"] >= 2, "{told:?}");
    assert_eq!(everything(&nexus.memory().unwrap()), everything_before, "a dry run changes nothing");

    let receipt = nexus.forget(&anna, false).unwrap();
    assert_eq!(receipt.removed, told.removed);
    let memory = nexus.memory().unwrap();
    assert!(
        memory
            .facts(Some("anna"), &FactFilter { history: true, ..FactFilter::default() })
            .map_or(true, |f| f.is_empty())
    );
    nexus.apply(upserts(history())).unwrap();
    assert!(
        !everything(&nexus.memory().unwrap())["events"].iter().any(|row| row.contains("Berlin")),
        "redelivery brings nothing back"
    );
    assert!(nexus.memory().unwrap().verify().unwrap().equal);
}

#[test]
fn a_fact_can_be_corrected() {
    let folder = tempfile::tempdir().unwrap();
    let mut nexus = open(folder.path());
    nexus.apply(upserts(history())).unwrap();
    let berlin = facts(&nexus.memory().unwrap(), "anna").into_iter().find(|f| f.object == "Berlin").unwrap();
    nexus.correct(&berlin.id[..10], Correction::Wrong).unwrap();
    assert_eq!(current(&nexus.memory().unwrap(), "anna", "lives_in"), ["London"]);
    let london = facts(&nexus.memory().unwrap(), "anna").into_iter().find(|f| f.object == "London").unwrap();
    nexus.correct(&london.id, Correction::Is("Porto".into())).unwrap();
    assert_eq!(current(&nexus.memory().unwrap(), "anna", "lives_in"), ["Porto"]);
}

#[test]
fn two_accounts_become_one_person_and_two_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut nexus = open(folder.path());
    nexus.apply(upserts(history())).unwrap();
    nexus.remember(said("9", 50, "ann_k", "I like chess.")).unwrap();
    nexus.same("anna", "ann_k").unwrap();
    assert_eq!(current(&nexus.memory().unwrap(), "anna", "likes"), ["chess"]);
    nexus.not_same("account:chat/anna", "account:chat/ann_k").unwrap();
    assert!(current(&nexus.memory().unwrap(), "account:chat/anna", "likes").is_empty());
}

#[test]
fn another_policy_is_a_difference_and_a_dry_run_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut nexus = open(folder.path());
    nexus.apply(upserts(history())).unwrap();
    let before = everything(&nexus.memory().unwrap());
    let page = nexus.policy().to_toml().unwrap();
    let lives_in = "name = \"lives_in\"\ncardinality = \"replace\"";
    assert!(page.contains(lives_in), "{page}");
    let page = PolicyFile::parse(&page.replace(lives_in, "name = \"lives_in\"\ncardinality = \"add\"")).unwrap();

    let told = nexus.reconsolidate(&page, true).unwrap();
    assert!(!told.added.is_empty());
    assert_eq!(everything(&nexus.memory().unwrap()), before);
    let done = nexus.reconsolidate(&page, false).unwrap();
    assert_eq!((&done.added, &done.removed), (&told.added, &told.removed));
    let mut held = current(&nexus.memory().unwrap(), "anna", "lives_in");
    held.sort();
    assert_eq!(held, ["Berlin", "London"]);
    assert!(nexus.memory().unwrap().verify().unwrap().equal);
}

#[test]
fn scopes_do_not_see_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let mut nexus = open(folder.path());
    nexus.apply(upserts(history())).unwrap();
    let before = everything(&nexus.memory().unwrap());
    nexus.remember(nexus::Event { scope: "other".into(), ..said("1", 3, "anna", "I live in Oslo.") }).unwrap();
    assert_eq!(everything(&nexus.memory().unwrap()), before);
    drop(nexus);
    let other = Nexus::open_with(folder.path(), nexus::Settings { scope: "other".into(), ..settings() }).unwrap();
    assert_eq!(current(&other.memory().unwrap(), "anna", "lives_in"), ["Oslo"]);
}

#[test]
fn changes_are_the_rows_that_come_and_go() {
    let folder = tempfile::tempdir().unwrap();
    let mut nexus = open(folder.path());
    let changes = nexus.changes();
    nexus.apply(upserts(history())).unwrap();
    let epoch = nexus.apply(vec![deleted("4")]).unwrap().epoch;
    let last = changes.try_iter().last().unwrap();
    assert_eq!(last.epoch, epoch);
    assert!(last.tables["facts"].removed.iter().any(|row| row["predicate"] == "works_at"), "{last:?}");
    assert!(last.tables["facts"].added.is_empty());
}
