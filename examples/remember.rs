//! Remember and recall: tell a memory what happened, ask what it holds.
//!
//! `cargo run --example remember`

use nexus::{Event, FactFilter, Nexus};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let mut nexus = Nexus::open(folder.path().join("memory"))?;

    // Platform, author, text. What was said is part of memory when the call returns.
    nexus.remember(Event::message("chat", "Anna Kowalska <anna>", "I live in London."))?;
    nexus.remember(Event::message(
        "chat",
        "Anna Kowalska <anna>",
        "My sister Julia is visiting. We saw the otters.",
    ))?;
    nexus.remember(Event::message("chat", "Ben Carter <ben>", "I am allergic to peanuts."))?;
    nexus.remember(Event::message("chat", "Anna Kowalska <anna>", "I moved to Berlin."))?;

    let memory = nexus.memory()?;
    for fact in memory.facts(None, &FactFilter::default())? {
        println!("{} {} {} ({})", fact.subject, fact.predicate, fact.object, fact.status);
    }

    let recalled = memory.recall("where did we see otters?", 3)?;
    for hit in &recalled.hits {
        println!("{}: {}", hit.author, hit.text);
    }
    assert!(recalled.hits.iter().any(|hit| hit.text.contains("otters")));

    // Every fact knows the messages it comes from.
    let homes = memory
        .facts(Some("Anna Kowalska"), &FactFilter { predicate: Some("lives_in".into()), ..Default::default() })?;
    let home = homes.iter().find(|fact| fact.status == "current").ok_or("Anna lives nowhere")?;
    assert_eq!(home.object, "Berlin");
    for step in memory.why(&home.id)?.steps {
        println!("{}: {:?} ({})", step.action, step.text, step.reason);
    }
    Ok(nexus.close()?)
}
