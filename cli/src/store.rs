//! Commands about the store itself: status, verify, policy, export, import.

use std::path::Path;

use nexus::{RunHealth, Status};
use serde::Serialize;

use crate::args::AsOf;
use crate::failure::{Outcome, Result};
use crate::health;
use crate::place::Place;
use crate::print::{Out, Sheet, Tone, bytes, count, number, short};
use crate::when::minute;

/// A store, and the run that follows feeds into it.
#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    status: &'a Status,
    running: bool,
    run: Option<&'a RunHealth>,
}

pub(crate) fn status(place: &Place, out: &Out, at: &AsOf) -> Result {
    let status = place.read(at)?.status()?;
    // A run is now, however long ago the store is looked at.
    let run = if at.as_of.is_none() { RunHealth::of(&place.store) } else { None };
    let run = run.as_ref();
    if out.json {
        out.value(&Whole { status: &status, running: run.is_some_and(RunHealth::is_running), run })?;
    } else {
        print_status(out, &status, run)?;
    }
    Ok(Outcome::Done)
}

fn print_status(out: &Out, status: &Status, run: Option<&RunHealth>) -> Result<()> {
    let line = |name: &str, value: String| {
        let name = format!("{name:<12}");
        out.line(&format!("{}  {value}", out.toned(Tone::Faint, &name)))
    };
    let models: Vec<String> =
        status.models.iter().map(|(task, names)| format!("{} to {task}", names.join(", "))).collect();
    let (kept, oldest) = (count(status.checkpoints, "epoch"), number(status.oldest_epoch));
    line("epoch", format!("{}, {}", number(status.epoch), minute(status.committed_at)))?;
    line("scope", format!("{} of {}", status.scope, status.scopes.join(", ")))?;
    line("models", models.join("; "))?;
    line("open asks", number(status.open_asks))?;
    line("rejects", number(status.rejects))?;
    line("as of", format!("{kept} kept, the oldest is {oldest}"))?;
    line("on disk", bytes(status.bytes))?;
    for (at, text) in health::lines(out, status, run).into_iter().enumerate() {
        line(if at == 0 { "feeds" } else { "" }, text)?;
    }
    out.line("")?;
    if let Some(sheet) = health::feeds(status, run) {
        out.table(sheet)?;
        out.line("")?;
    }
    let mut sheet = Sheet::new(&["table", "rows"], "no tables").right(1);
    for table in &status.tables {
        sheet.row([table.name.clone(), number(table.rows)]);
    }
    out.table(sheet)
}

pub(crate) fn verify(place: &Place, out: &Out) -> Result {
    let report = place.read(&AsOf { as_of: None })?.verify()?;
    if out.json {
        out.value(&report)?;
        return Ok(Outcome::found(report.equal));
    }
    let rows: usize = report.rows.values().sum();
    let compared = format!("{} of {} in epoch {}", count(rows, "row"), count(report.rows.len(), "table"), report.epoch);
    if report.equal {
        out.line(&format!("{}: {compared} are what the inputs give", out.toned(Tone::Good, "equal")))?;
        return Ok(Outcome::Done);
    }
    out.line(&format!("{}: {} of {compared}", out.toned(Tone::Bad, "different"), number(report.different as u64)))?;
    let mut sheet = Sheet::new(&["table", "key", "is"], "none listed");
    for row in &report.differences {
        sheet.row([row.table.clone(), short(&row.key).to_owned(), row.problem.to_string()]);
    }
    out.table(sheet)?;
    out.hint("The inputs are not touched. Please report this; opening the store to write with a new version rebuilds memory.");
    Ok(Outcome::Otherwise)
}

pub(crate) fn policy(place: &Place, out: &Out) -> Result {
    let page = place.read(&AsOf { as_of: None })?.policy()?;
    if out.json {
        out.value(&page)?
    } else {
        out.text(&page.to_toml()?)?
    }
    Ok(Outcome::Done)
}

pub(crate) fn export(place: &Place, out: &Out, file: &Path, policy: bool) -> Result {
    let report = place.read(&AsOf { as_of: None })?.export(file, policy)?;
    if out.json {
        out.value(&report)?;
    } else {
        let rows = if policy { format!(" and {}", count(report.policy as usize, "policy row")) } else { String::new() };
        out.line(&format!("{}{rows} written to {}", count(report.events as usize, "event"), file.display()))?;
    }
    Ok(Outcome::Done)
}

pub(crate) fn import(place: &Place, out: &Out, file: &Path) -> Result {
    let mut nexus = place.write()?;
    let report = nexus.import(file)?;
    nexus.close()?;
    if out.json {
        out.value(&report)?;
    } else {
        out.line(&format!(
            "{}, {} of them new; {}",
            count(report.events as usize, "event"),
            number(report.news),
            count(report.policy as usize, "policy row")
        ))?;
    }
    Ok(Outcome::Done)
}
