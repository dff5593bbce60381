//! Standing recall: a question whose ranking is kept, and followed as an async stream.
//!
//! `cargo run --example watch`

use futures::StreamExt;
use nexus::{Event, Nexus};

const QUESTION: &str = "when does the ferry leave?";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let mut nexus = Nexus::open(folder.path().join("memory"))?;
    nexus.remember(Event::message("chat", "anna", "The ferry leaves at nine."))?;
    nexus.watch(QUESTION, 3)?;
    let places = nexus.follow(QUESTION)?;
    nexus.remember(Event::message("chat", "ben", "From May on the ferry leaves at ten."))?;
    nexus.unwatch(QUESTION)?;
    nexus.close()?;

    // The stream ends with the writer: the new message has taken its place by then, and the question was let go.
    let moved: Vec<_> = futures::executor::block_on(places.collect());
    for update in &moved {
        update.removed.iter().for_each(|place| println!("epoch {}: - {} {}", update.epoch, place.rank, place.event));
        update.added.iter().for_each(|place| println!("epoch {}: + {} {}", update.epoch, place.rank, place.event));
    }
    let last = moved.last().ok_or("nothing moved")?;
    assert_eq!((last.added.len(), last.removed.len()), (0, 2));
    Ok(())
}
