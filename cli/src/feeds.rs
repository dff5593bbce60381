//! `nexus feeds`: how far live feeds are read, and forgetting one that is followed no more.

use nexus::{FeedOffset, RunHealth};
use serde::Serialize;

use crate::args::{AsOf, Feeds};
use crate::failure::{Outcome, Result};
use crate::health::{is_followed, read_to};
use crate::place::Place;
use crate::print::{Out, Sheet, count, number};

pub(crate) fn feeds(place: &Place, out: &Out, action: Option<Feeds>) -> Result {
    match action.unwrap_or(Feeds::List) {
        Feeds::List => list(place, out),
        Feeds::Forget { name, yes } => forget(place, out, &name, !yes),
    }
}

/// A feed, and whether a run follows it now.
#[derive(Serialize)]
struct Known {
    #[serde(flatten)]
    feed: FeedOffset,
    followed: bool,
}

fn list(place: &Place, out: &Out) -> Result {
    let feeds = place.read(&AsOf { as_of: None })?.feeds()?;
    let run = RunHealth::of(&place.store).filter(RunHealth::is_running);
    let known = |feed: FeedOffset| Known { followed: run.as_ref().is_some_and(|run| is_followed(run, &feed)), feed };
    let feeds: Vec<Known> = feeds.into_iter().map(known).collect();
    let found = Outcome::found(!feeds.is_empty());
    if out.json {
        out.value(&feeds)?;
        return Ok(found);
    }
    let mut sheet = Sheet::new(&["feed", "scope", "followed", "notes", "read to"], "no feeds").right(3);
    for Known { feed, followed } in &feeds {
        let followed = if *followed { "yes" } else { "no" };
        let (name, scope) = (feed.feed.to_string(), feed.scope.to_string());
        sheet.row([name, scope, followed.to_string(), number(feed.notes), read_to(feed)]);
    }
    out.table(sheet)?;
    Ok(found)
}

fn forget(place: &Place, out: &Out, name: &str, dry_run: bool) -> Result {
    let mut nexus = place.write()?;
    let forgotten = nexus.forget_feed(name, dry_run)?;
    nexus.close()?;
    if out.json {
        out.value(&forgotten)?;
        return Ok(Outcome::Done);
    }
    let notes = count(forgotten.feed.notes as usize, "note");
    if dry_run {
        out.line(&format!("how far {name} is read and {notes} of it would go; what it brought stays"))?;
        out.hint("Nothing is changed yet. To do it: the same with --yes");
    } else {
        out.line(&format!("how far {name} was read and {notes} of it are forgotten; what it brought stays"))?;
        out.hint("Under this name a feed begins anew. To remove the bytes from the store: nexus erase --yes");
    }
    Ok(Outcome::Done)
}
