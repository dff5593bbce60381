//! What a panic in somebody else's work does to a run: nothing, or it ends and nothing is lost.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use nexus_inference::{Model, Reply};
use nexus_types::Task;

use super::*;
use crate::{FactFilter, Settings};

/// An extractor with a bug.
struct Buggy(String);

impl Model for Buggy {
    fn id(&self) -> &str {
        &self.0
    }

    fn task(&self) -> Task {
        Task::Extract
    }

    fn dimension(&self) -> Option<usize> {
        None
    }

    fn is_instant(&self) -> bool {
        true
    }

    fn answer(&self, _: &[Text]) -> Vec<Reply> {
        panic!("a bug of a model")
    }
}

fn open(folder: &Path) -> Nexus {
    Nexus::open_with(folder.join("store"), Settings { embed: false, ..Settings::default() }).unwrap()
}

/// A run of a folder in which nothing is.
fn quiet(folder: &Path) -> FeedRun {
    let inbox = folder.join("inbox");
    std::fs::create_dir_all(&inbox).unwrap();
    let config = format!("[feed.inbox]\nkind = \"directory\"\npath = {inbox:?}\n");
    FeedRun::new(FeedsConfig::parse(&config, &"default".into()).unwrap())
}

#[test]
fn a_command_that_panics_ends_nothing_but_itself() {
    let folder = tempfile::tempdir().unwrap();
    let (mut nexus, run) = (open(folder.path()), quiet(folder.path()));
    let (control, (sender, receiver)) = (run.control(), channel());
    control.lend(Box::new(|nexus| {
        nexus.stand_in("other".into(), false);
        nexus.say("I moved to Rome.", Some("anna")).unwrap();
        panic!("a bug of a command");
    }));
    control.lend(Box::new(move |nexus| {
        let said = nexus.say("I moved to Oslo.", Some("anna")).is_ok();
        drop(sender.send((nexus.scope().to_string(), said)));
    }));
    control.stop();
    run.follow(&mut nexus, &mut |_| {}).unwrap();
    // The next command is in the scope of the run, and what the first one had done is kept.
    assert_eq!(receiver.recv().unwrap(), ("default".to_string(), true));
    let memory = nexus.memory().unwrap();
    let mut scopes = memory.status().unwrap().scopes;
    scopes.sort();
    assert_eq!(scopes, ["default", "other"]);
    assert!(memory.verify().unwrap().equal);
}

#[test]
fn a_panic_in_the_middle_of_an_epoch_ends_the_run_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (mut nexus, run) = (open(folder.path()), quiet(folder.path()));
    let buggy = Buggy(nexus.engine.models[0].id().into());
    nexus.engine.models = vec![Arc::new(buggy)];
    run.control().lend(Box::new(|nexus| drop(nexus.say("I moved to Rome.", Some("anna")))));
    let error = run.follow(&mut nexus, &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("panicked half way"), "{error}");
    assert!(nexus.flush().is_err(), "half an epoch goes on");
    drop(nexus);
    let memory = open(folder.path()).memory().unwrap();
    let facts = memory.facts(Some("anna"), &FactFilter::default()).unwrap();
    assert_eq!(facts.iter().map(|fact| &*fact.object).collect::<Vec<_>>(), ["Rome"]);
    assert!(memory.verify().unwrap().equal);
}
