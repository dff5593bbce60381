//! `nexus letters`: what live feeds could not read, read again or let go.

use std::path::Path;

use nexus::Error;
use nexus::connectors::Format;
use serde_json::json;

use crate::args::{AsOf, Letters};
use crate::failure::{Outcome, Result};
use crate::place::Place;
use crate::print::{Out, Sheet, bytes, count, excerpt, short};
use crate::when::minute;

/// So much of a reason is shown.
const REASON_CHARACTERS: usize = 70;

pub(crate) fn letters(place: &Place, out: &Out, action: Option<Letters>) -> Result {
    match action.unwrap_or(Letters::List) {
        Letters::List => list(place, out),
        Letters::Show { id } => show(place, out, &id),
        Letters::Replay { id, from, format } => replay(place, out, &id, from.as_deref(), format),
        Letters::Drop { id } => {
            let mut nexus = place.write()?;
            nexus.drop_letter(&id)?;
            nexus.close()?;
            if out.json {
                out.value(&json!({"dropped": id}))?
            } else {
                out.line("dropped")?
            }
            Ok(Outcome::Done)
        }
    }
}

fn list(place: &Place, out: &Out) -> Result {
    let letters = place.read(&AsOf { as_of: None })?.letters()?;
    if out.json {
        out.value(&letters)?;
        return Ok(Outcome::found(!letters.is_empty()));
    }
    let found = !letters.is_empty();
    let mut sheet = Sheet::new(&["letter", "feed", "came", "size", "reads as", "why not"], "no letters").right(3);
    for letter in letters {
        let (format, size) = (letter.format.unwrap_or_default(), bytes(letter.bytes as u64));
        let reason = excerpt(&format!("{}: {}", letter.position, letter.reason), REASON_CHARACTERS);
        sheet.row([short(&letter.id).to_owned(), letter.feed, minute(letter.seen_at), size, format, reason]);
    }
    out.table(sheet)?;
    if found {
        out.hint("nexus letters show ID prints one, replay ID reads it again, drop ID lets it go.");
    }
    Ok(Outcome::found(found))
}

fn show(place: &Place, out: &Out, id: &str) -> Result {
    let letter = place.read(&AsOf { as_of: None })?.letter(id)?;
    out.text(&String::from_utf8_lossy(&letter))?;
    Ok(Outcome::Done)
}

fn replay(place: &Place, out: &Out, id: &str, from: Option<&Path>, format: Option<Format>) -> Result {
    let mended = from.map(|path| std::fs::read(path).map_err(|error| Error::io(path.display(), error))).transpose()?;
    let mut nexus = place.write()?;
    let report = nexus.replay_letter(id, mended, format)?;
    nexus.close()?;
    if out.json {
        out.value(&report)?;
    } else {
        out.line(&format!("{} read, {} of them new", count(report.messages, "message"), report.news))?;
    }
    Ok(Outcome::Done)
}
