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
    let mut places = nexus.follow(QUESTION)?;
    nexus.remember(Event::message("chat", "ben", "From May on the ferry leaves at ten."))?;
    nexus.unwatch(QUESTION)?;

    // An epoch each: the new message takes its place, then the question is let go.
    let moved = futures::executor::block_on(async { (places.next().await, places.next().await) });
    let (Some(came), Some(went)) = moved else { return Err("nothing moved".into()) };
    for place in &came.added {
        println!("epoch {}: + {} {}", came.epoch, place.rank, place.event);
    }
    for place in &went.removed {
        println!("epoch {}: - {} {}", went.epoch, place.rank, place.event);
    }
    assert_eq!((went.added.len(), went.removed.len()), (0, 2));
    Ok(nexus.close()?)
}
