//! Commands that write: init, remember, correct, same, not-same, forget, erase, reconsolidate.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::atomic::Ordering;

use nexus::{
    Correction, EpochChanges, Error, FactDiff, FactView, ForgetReceipt, Go, Nexus, PolicyFile, Receipt, Selector,
};
use serde_json::json;

use crate::args::Forget;
use crate::failure::{Outcome, Result};
use crate::ingest::stop_on_ctrl_c;
use crate::place::Place;
use crate::print::{Out, Tone, bytes, count, short};
use crate::read::fact_sheet;

pub(crate) fn init(place: &Place, out: &Out, me: Option<String>, time_zone: Option<String>) -> Result {
    let mut nexus = place.write()?;
    if let Some(me) = &me {
        nexus.set_me(me)?;
    }
    if let Some(zone) = &time_zone {
        nexus.set_time_zone(zone)?;
    }
    nexus.close()?;
    if out.json {
        out.value(&json!({"store": place.store, "scope": place.scope, "me": me, "time_zone": time_zone}))?;
    } else {
        out.line(&format!("memory is kept in {}", place.store.display()))?;
        out.hint("Next: nexus ingest PATH..., or nexus remember TEXT");
    }
    Ok(Outcome::Done)
}

pub(crate) fn remember(place: &Place, out: &Out, text: &str, author: Option<String>) -> Result {
    let text = if text == "-" { from_stdin(place)? } else { text.to_owned() };
    if text.trim().is_empty() {
        return Err(Error::argument("there is nothing to remember: the text is empty").into());
    }
    let mut nexus = place.write()?;
    let changes = nexus.changes();
    let receipt = nexus.say(text.trim(), author.as_deref())?;
    if out.json {
        return receipt_of(out, &receipt, "");
    }
    let event = receipt.event.map(|event| event.to_string()).unwrap_or_default();
    out.line(&format!("remembered  {}", out.toned(Tone::Faint, short(&event))))?;
    let learnt = learnt(&nexus, &changes.try_iter().collect::<Vec<_>>())?;
    if !learnt.is_empty() {
        out.table(fact_sheet(&learnt, false))?;
    }
    Ok(Outcome::Done)
}

/// The held facts that these epochs added.
fn learnt(nexus: &Nexus, epochs: &[EpochChanges]) -> Result<Vec<FactView>> {
    let added = epochs.iter().filter_map(|epoch| epoch.tables.get("facts")).flat_map(|facts| &facts.added);
    let here = |fact: &&serde_json::Value| fact["scope"] == **nexus.scope();
    let held = added.filter(here).filter(|fact| fact["known_to"].is_null());
    let ids: BTreeSet<String> = held.filter_map(|fact| id_of(&fact["id"])).collect();
    let memory = nexus.memory()?;
    Ok(ids.iter().map(|id| memory.why(id).map(|why| why.fact)).collect::<nexus::Result<_>>()?)
}

/// An id as a noun's JSON has it, two numbers, in its digits.
fn id_of(value: &serde_json::Value) -> Option<String> {
    Some(format!("{:016x}{:016x}", value.get(0)?.as_u64()?, value.get(1)?.as_u64()?))
}

fn from_stdin(place: &Place) -> Result<String> {
    let mut text = String::new();
    place.stdin().read_to_string(&mut text).map_err(|error| Error::io("standard input", error))?;
    Ok(text)
}

/// What became of a change, in one line.
fn receipt_of(out: &Out, receipt: &Receipt, done: &str) -> Result {
    if out.json {
        out.value(receipt)?;
    } else if receipt.news {
        out.line(&format!("{done} (epoch {})", receipt.epoch))?;
    } else {
        out.line("that is so already")?;
    }
    Ok(Outcome::Done)
}

pub(crate) fn correct(place: &Place, out: &Out, fact: &str, is: Option<String>) -> Result {
    let correction = is.map_or(Correction::Wrong, Correction::Is);
    let receipt = place.write()?.correct(fact, correction)?;
    receipt_of(out, &receipt, "corrected")
}

pub(crate) fn same(place: &Place, out: &Out, a: &str, b: &str) -> Result {
    let receipt = place.write()?.same(a, b)?;
    receipt_of(out, &receipt, &format!("{a} and {b} are one"))
}

pub(crate) fn not_same(place: &Place, out: &Out, a: &str, b: &str) -> Result {
    let receipt = place.write()?.not_same(a, b)?;
    receipt_of(out, &receipt, &format!("{a} and {b} are two"))
}

pub(crate) fn forget(place: &Place, out: &Out, asked: Forget) -> Result {
    let selector = Selector {
        messages: asked.message,
        thread: asked.thread,
        author: asked.author,
        source: asked.source,
        channel: asked.channel,
        since: asked.since,
        until: asked.until,
    };
    let receipt = place.write()?.forget(&selector, !asked.yes)?;
    if out.json {
        out.value(&receipt)?;
    } else {
        print_receipt(out, &receipt)?;
    }
    Ok(Outcome::found(!receipt.events.is_empty()))
}

fn print_receipt(out: &Out, receipt: &ForgetReceipt) -> Result<()> {
    if receipt.events.is_empty() {
        return out.line("no message fits");
    }
    let verb = if receipt.dry_run { "would go" } else { "forgotten" };
    out.line(&format!("{} {verb}, and what follows from them:", count(receipt.events.len(), "message")))?;
    let tables = receipt.removed.keys().chain(receipt.added.keys()).collect::<BTreeSet<_>>();
    for table in tables {
        let of = |rows: &BTreeMap<_, usize>| rows.get(*table).copied().unwrap_or_default();
        let (gone, come) = (of(&receipt.removed), of(&receipt.added));
        let gone = out.toned(Tone::Bad, &format!("-{gone}"));
        let come = if come > 0 { out.toned(Tone::Good, &format!(" +{come}")) } else { String::new() };
        out.line(&format!("  {table:<12} {gone}{come}"))?;
    }
    if receipt.dry_run {
        out.hint("Nothing is changed yet. To do it: the same with --yes");
    } else {
        out.hint("It is out of memory. To remove its bytes from the store: nexus erase --yes");
    }
    Ok(())
}

pub(crate) fn erase(place: &Place, out: &Out, yes: bool) -> Result {
    if !yes {
        let what = "erase removes the bytes of all that was forgotten, deleted or edited, and with them every earlier \
                    state of the store. It cannot be undone. To do it: nexus erase --yes";
        return Err(Error::argument(what).into());
    }
    let report = place.write()?.erase()?;
    // What was asked at the prompt quotes memory too.
    crate::repl::forget_history()?;
    if out.json {
        out.value(&report)?;
    } else {
        out.line(&format!(
            "erased: {} removed, {} left",
            count(report.files as usize, "file"),
            bytes(report.bytes_after)
        ))?;
    }
    Ok(Outcome::Done)
}

pub(crate) fn reconsolidate(place: &Place, out: &Out, policy: &Path, dry_run: bool) -> Result {
    let text = fs::read_to_string(policy).map_err(|error| Error::io(policy.display(), error))?;
    let page = PolicyFile::parse(&text)?;
    let diff = place.write()?.reconsolidate(&page, dry_run)?;
    tell_diff(out, &diff, dry_run)
}

/// Lets another extractor read everything, and shows what that changes.
pub(crate) fn reread(place: &Place, out: &Out, extractor: &str, dry_run: bool, yes: bool) -> Result {
    let mut nexus = place.write()?;
    if !crate::cost::agreed(&mut nexus, out, extractor, yes)? {
        return Ok(Outcome::Stopped);
    }
    let stop = stop_on_ctrl_c(out, out.json);
    let bar = out.progress();
    let diff = nexus.reread(extractor, dry_run, &mut |progress| {
        bar.told(progress);
        if stop.load(Ordering::Relaxed) { Go::Stop } else { Go::On }
    })?;
    bar.finish();
    nexus.close()?;
    match diff {
        Some(diff) => tell_diff(out, &diff, dry_run),
        None => {
            out.hint("stopped before everything was read; nothing is changed. The same command goes on.");
            Ok(Outcome::Stopped)
        }
    }
}

fn tell_diff(out: &Out, diff: &FactDiff, dry_run: bool) -> Result {
    if out.json {
        out.value(diff)?;
    } else {
        print_diff(out, diff)?;
        if dry_run {
            out.hint("Nothing is changed yet. To do it: the same without --dry-run");
        }
    }
    Ok(Outcome::Done)
}

fn print_diff(out: &Out, diff: &FactDiff) -> Result<()> {
    for (sign, tone, facts) in [("-", Tone::Bad, &diff.removed), ("+", Tone::Good, &diff.added)] {
        for fact in facts {
            let what = format!("{sign} {} {} {}", fact.subject, fact.predicate, fact.object);
            out.line(&format!("{}  {}", out.toned(tone, &what), out.toned(Tone::Faint, &fact.status.to_string())))?;
        }
    }
    let (gone, come) = (count(diff.removed.len(), "fact"), count(diff.added.len(), "fact"));
    out.line(&format!("{gone} gone, {come} come, {} made anew", count(diff.decisions, "decision")))
}
