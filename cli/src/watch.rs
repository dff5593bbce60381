//! `nexus watch`, `unwatch` and `feedback`: questions whose ranking is kept, and what it learns.
//!
//! Following needs no writer: what another process writes is seen when its epoch is published. A ranking is looked at
//! twice a second, and only what changed is printed.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use nexus::{At, Memory};
use serde::Serialize;
use serde_json::json;

use crate::args::AsOf;
use crate::failure::{Outcome, Result};
use crate::ingest::stop_on_ctrl_c;
use crate::place::Place;
use crate::print::{Out, Sheet, Tone, count, excerpt, short};
use crate::recall::place as placed;
use crate::relay;

/// How often a followed ranking is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// Characters of a message that a line shows.
const EXCERPT: usize = 200;

pub(crate) fn list(place: &Place, out: &Out) -> Result {
    let memory = place.read(&AsOf { as_of: None })?;
    let watched = memory.watched_questions()?;
    if out.json {
        let rows: Vec<_> = watched.iter().map(|(question, k)| json!({"question": question, "k": k})).collect();
        out.value(&rows)?;
    } else {
        let mut sheet = Sheet::new(&["k", "watched"], "nothing is watched: nexus watch QUESTION").right(0);
        watched.iter().for_each(|(question, k)| sheet.row([k.to_string(), question.to_string()]));
        out.table(sheet)?;
    }
    Ok(Outcome::found(!watched.is_empty()))
}

/// Watches a question, shows its ranking, and follows it until ctrl-C.
pub(crate) fn watch(place: &Place, out: &Out, question: &str, k: u16, once: bool) -> Result {
    let asked = question.trim();
    // A store that does not exist yet is made; one that watches it already need not be written to.
    let watched = |memory: Memory| memory.watched_questions().unwrap_or_default();
    let watched = Memory::open(&place.store, &place.scope, At::Latest).map(watched).unwrap_or_default();
    if !watched.iter().any(|(held, places)| **held == *asked && *places == u32::from(k))
        && !relay::silently(place, out, &["watch", "--k", &k.to_string(), "--once", "--", asked])?
    {
        let mut nexus = place.write()?;
        nexus.watch(asked, k.into())?;
        nexus.close()?;
    }
    let stop = stop_on_ctrl_c(out, true);
    let mut shown: BTreeMap<u32, Stood> = BTreeMap::new();
    let (mut epoch, mut told) = (None, false);
    loop {
        let memory = place.read(&AsOf { as_of: None })?;
        if epoch != Some(memory.epoch()) {
            epoch = Some(memory.epoch());
            let now = ranking(&memory, asked)?;
            changes(out, memory.epoch(), &shown, &now)?;
            if once {
                return Ok(Outcome::found(!now.is_empty()));
            }
            if !told && !out.json {
                told = true;
                out.hint("Following; ctrl-C ends. What changes is kept all the same until nexus unwatch.");
            }
            shown = now;
        }
        if stop.load(Ordering::Relaxed) {
            return Ok(Outcome::Done);
        }
        std::thread::sleep(LOOK);
    }
}

/// One place of a ranking.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Stood {
    rank: u32,
    event: String,
    said_at: i64,
    author: String,
    platform: String,
    channel: String,
    text: String,
    score: i64,
}

fn ranking(memory: &Memory, question: &str) -> Result<BTreeMap<u32, Stood>> {
    let places = memory.watched(question)?;
    let stood = places.into_iter().map(|(rank, hit)| {
        let nexus::Hit { event, said_at, author, platform, channel, text, score, .. } = hit;
        (rank, Stood { rank, event, said_at, author, platform, channel, text, score })
    });
    Ok(stood.collect())
}

/// Prints the places that went, then those that came.
fn changes(out: &Out, epoch: u64, before: &BTreeMap<u32, Stood>, now: &BTreeMap<u32, Stood>) -> Result<()> {
    let went = before.values().filter(|stood| now.get(&stood.rank) != Some(stood));
    let came = now.values().filter(|stood| before.get(&stood.rank) != Some(stood));
    for (sign, tone, stood) in went.map(|one| ("-", Tone::Bad, one)).chain(came.map(|one| ("+", Tone::Good, one))) {
        if out.json {
            out.line(&json!({"epoch": epoch, "change": sign, "place": stood}).to_string())?;
            continue;
        }
        let place = placed(stood.said_at, &stood.author, &stood.platform, &stood.channel);
        let sign = out.toned(tone, &format!("{sign} {:>2}", stood.rank));
        out.line(&format!("{sign}  {}", out.toned(Tone::Faint, &format!("{place}  {}", short(&stood.event)))))?;
        out.line(&format!("      {}", excerpt(&stood.text, EXCERPT)))?;
    }
    Ok(())
}

pub(crate) fn unwatch(place: &Place, out: &Out, question: &str) -> Result {
    let mut nexus = place.write()?;
    let receipt = nexus.unwatch(question)?;
    nexus.close()?;
    if out.json {
        out.value(&receipt)?
    } else {
        out.line("no longer watched")?
    }
    Ok(Outcome::Done)
}

pub(crate) fn feedback(place: &Place, out: &Out, question: &str, message: &str, helped: bool) -> Result {
    let mut nexus = place.write()?;
    let receipt = nexus.feedback(question, message, helped)?;
    nexus.close()?;
    if out.json {
        out.value(&receipt)?;
    } else {
        out.line("noted")?;
        out.hint("What rankings go by now: nexus sql \"SELECT * FROM ranking_weights\"");
    }
    Ok(Outcome::Done)
}

pub(crate) fn forget_feedback(place: &Place, out: &Out, question: &str) -> Result {
    let mut nexus = place.write()?;
    let gone = nexus.forget_feedback(question)?;
    nexus.close()?;
    if out.json {
        out.value(&json!({"taken_back": gone}))?;
    } else {
        out.line(&format!("{} taken back", count(gone, "verdict")))?;
    }
    Ok(Outcome::found(gone > 0))
}
