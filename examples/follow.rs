//! Following changes: the rows that each epoch adds and removes, as they happen.
//!
//! `cargo run --example follow`

use nexus::{Event, Nexus};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let mut nexus = Nexus::open(folder.path().join("memory"))?;
    let changes = nexus.changes();

    let post = Event {
        external_id: "post-1".into(),
        revision: Some(1),
        ..Event::message("posts", "anna", "I moved to Berlin.")
    };
    let edited = Event { revision: Some(2), text: "I moved to Bern.".into(), ..post.clone() };
    nexus.remember(post)?;
    nexus.remember(edited)?;

    let mut came_and_went = (0, 0);
    for epoch in changes.try_iter() {
        let Some(facts) = epoch.tables.get("facts") else { continue };
        for fact in &facts.removed {
            println!("epoch {}: - {} {}", epoch.epoch, fact["predicate"], fact["object"]);
        }
        for fact in &facts.added {
            println!("epoch {}: + {} {}", epoch.epoch, fact["predicate"], fact["object"]);
        }
        came_and_went.0 += facts.added.len();
        came_and_went.1 += facts.removed.len();
    }
    // Berlin came, then went as Bern came: the edit is exactly that difference.
    assert_eq!(came_and_went, (2, 1));
    Ok(nexus.close()?)
}
