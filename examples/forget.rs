//! Forgetting: a look first, then a receipt, then the bytes.
//!
//! `cargo run --example forget`

use nexus::{Event, FactFilter, Nexus, Selector};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let mut nexus = Nexus::open(folder.path().join("memory"))?;
    nexus.remember(Event::message("mail", "julia@example.org", "I live in Gdańsk."))?;
    nexus.remember(Event::message("mail", "anna@example.org", "I live in London."))?;

    let julia = Selector { author: Some("julia@example.org".into()), ..Selector::default() };
    let look = nexus.forget(&julia, true)?;
    println!("would go: {} message, {:?}", look.events.len(), look.removed);
    let receipt = nexus.forget(&julia, false)?;
    println!("gone in epoch {:?}: {:?}", receipt.epoch, receipt.removed);
    assert_eq!(look.removed, receipt.removed);

    let facts = nexus.memory()?.facts(None, &FactFilter::default())?;
    assert!(facts.iter().all(|fact| fact.object != "Gdańsk"));

    // Forgetting takes it out of memory; erasing takes it off the disk.
    let erased = nexus.erase()?;
    println!("{} files removed", erased.files);
    // Memory is what a rebuild from the remaining messages gives.
    assert!(nexus.memory()?.verify()?.equal);
    Ok(nexus.close()?)
}
