//! Commands that read: facts, entity, conflicts, why.

use nexus::{ConflictView, EntityView, EvidenceView, FactFilter, FactView, Memory, WhyStep};

use crate::args::Facts;
use crate::failure::{Outcome, Result};
use crate::print::{Out, Sheet, Tone, count, excerpt, short};
use crate::recall::place;
use crate::when::{day, minute};

/// Characters of a message that a list of many shows.
const EXCERPT: usize = 100;
/// Characters of a message that an answer shows.
const EXCERPTS: usize = 400;

pub(crate) fn facts(memory: &Memory, out: &Out, asked: Facts) -> Result {
    let filter =
        FactFilter { history: false, valid_at: asked.valid_at, known_at: asked.known_at, predicate: asked.predicate };
    let mut facts = memory.facts(asked.name.as_deref(), &filter)?;
    if !asked.history && asked.valid_at.is_none() {
        facts.retain(FactView::holds);
    }
    if out.json {
        out.value(&facts)?;
    } else {
        out.table(fact_sheet(&facts, asked.history))?;
    }
    Ok(Outcome::found(!facts.is_empty()))
}

/// Facts as a table; past and disputed ones need their status told.
pub(crate) fn fact_sheet(facts: &[FactView], history: bool) -> Sheet {
    let header = ["fact", "who", "what", "value", "since", "until", "said", "status"];
    let history = history || facts.iter().any(|fact| fact.status == "disputed");
    let mut sheet = Sheet::new(if history { &header } else { &header[..7] }, "no facts").right(6);
    // That a mail address is somebody's own is told by their keys.
    for fact in facts.iter().filter(|fact| fact.object_id.as_ref() != Some(&fact.subject_id)) {
        let mut cells = vec![
            short(&fact.id).to_owned(),
            fact.subject.clone(),
            fact.predicate.clone(),
            fact.object.clone(),
            day(fact.valid_from),
            day(fact.valid_to),
            fact.support.to_string(),
        ];
        if history {
            cells.push(fact.status.to_string());
        }
        sheet.row(cells);
    }
    sheet
}

pub(crate) fn entity(memory: &Memory, out: &Out, name: &str) -> Result {
    let entities = memory.entity(name)?;
    if out.json {
        out.value(&entities)?;
    } else if entities.is_empty() {
        out.line(&out.toned(Tone::Faint, &format!("nobody is known as {name}")))?;
    }
    if !out.json {
        for (at, entity) in entities.iter().enumerate() {
            if at > 0 {
                out.line("")?;
            }
            print_entity(out, entity)?;
        }
        if entities.len() > 1 {
            out.hint(&format!("{name} may be any of these {}. Is it one? nexus same A B", entities.len()));
        }
    }
    Ok(Outcome::found(!entities.is_empty()))
}

fn print_entity(out: &Out, entity: &EntityView) -> Result<()> {
    out.line(&format!("{}  {}", out.toned(Tone::Strong, &entity.name), out.toned(Tone::Faint, short(&entity.id))))?;
    out.line(&format!("  {}  {}", out.toned(Tone::Faint, "keys"), entity.keys.join(", ")))?;
    for evidence in &entity.evidence {
        print_evidence(out, evidence)?;
    }
    let others: Vec<&str> =
        entity.aliases.iter().filter(|alias| **alias != entity.name).map(|alias| &**alias).collect();
    if !others.is_empty() {
        out.line(&format!("  {}  {}", out.toned(Tone::Faint, "also"), others.join(", ")))?;
    }
    out.line("")?;
    out.table(fact_sheet(&entity.facts, false))?;
    if !entity.events.is_empty() {
        out.line("")?;
    }
    for event in &entity.events {
        out.line(&out.toned(Tone::Faint, &place(event.said_at, &event.author, &event.platform, "")))?;
        out.line(&format!("  {}", excerpt(&event.text, EXCERPT)))?;
    }
    Ok(())
}

/// Why two keys are one person, and which message says so.
fn print_evidence(out: &Out, evidence: &EvidenceView) -> Result<()> {
    let why = match evidence.kind.as_str() {
        "same" => "you say so",
        "account" => "one message names both",
        "declared" => "they say so",
        "rename" => "a nick change",
        "signature" => "a signature",
        other => other,
    };
    let at = evidence.said_at.map(|at| format!("  {}", day(Some(at)))).unwrap_or_default();
    let said = evidence.text.as_deref().map(|text| format!("  {}", excerpt(text, EXCERPT))).unwrap_or_default();
    let joined = out.toned(Tone::Faint, "join");
    out.line(&format!("  {joined}  {} = {}  {why}{}", evidence.a, evidence.b, out.toned(Tone::Faint, &(at + &said))))
}

pub(crate) fn conflicts(memory: &Memory, out: &Out, name: Option<&str>) -> Result {
    let conflicts = memory.conflicts(name)?;
    if out.json {
        out.value(&conflicts)?;
    } else if conflicts.is_empty() {
        out.line(&out.toned(Tone::Faint, "nothing contradicts itself"))?;
    } else {
        for (at, conflict) in conflicts.iter().enumerate() {
            if at > 0 {
                out.line("")?;
            }
            print_conflict(out, conflict)?;
        }
        out.hint("\nA later word settles it. Yours: nexus correct FACT --wrong");
    }
    Ok(Outcome::found(!conflicts.is_empty()))
}

fn print_conflict(out: &Out, conflict: &ConflictView) -> Result<()> {
    let at = out.toned(Tone::Faint, &minute(conflict.said_at));
    out.line(&format!("{}  {at}", out.toned(Tone::Strong, &conflict.subject)))?;
    for side in &conflict.sides {
        let fact = out.toned(Tone::Faint, short(&side.fact));
        out.line(&format!("  {fact}  {} {}", side.predicate, side.value))?;
        let said = side.text.as_deref().map_or_else(|| "by your word".into(), |text| excerpt(text, EXCERPT));
        out.line(&format!("    {}  {said}", out.toned(Tone::Faint, &format!("{}, {}", side.author, side.source))))?;
    }
    Ok(())
}

pub(crate) fn why(memory: &Memory, out: &Out, fact: &str) -> Result {
    let why = memory.why(fact)?;
    if out.json {
        out.value(&why)?;
        return Ok(Outcome::Done);
    }
    let fact = &why.fact;
    let held = format!("{} {} {}", fact.subject, fact.predicate, fact.object);
    out.line(&format!("{}  {}, {}", out.toned(Tone::Strong, &held), fact.status, span(fact)))?;
    for step in &why.steps {
        out.line("")?;
        print_step(out, step)?;
    }
    if why.versions.len() > 1 {
        out.hint(&format!("\nHeld in {} over time: nexus facts --history", count(why.versions.len(), "version")));
    }
    Ok(Outcome::Done)
}

fn span(fact: &FactView) -> String {
    match (day(fact.valid_from), day(fact.valid_to)) {
        (from, to) if from.is_empty() && to.is_empty() => "always, as far as is known".into(),
        (from, to) if to.is_empty() => format!("since {from}"),
        (from, to) if from.is_empty() => format!("until {to}"),
        (from, to) => format!("from {from} to {to}"),
    }
}

fn print_step(out: &Out, step: &WhyStep) -> Result<()> {
    let tone = if step.action == "DELETE" { Tone::Bad } else { Tone::Good };
    out.line(&format!("  {}  {}", out.toned(tone, &step.action), step.reason))?;
    let Some(event) = &step.event else {
        return out.line(&format!("  {}  by your word", minute(step.said_at)));
    };
    let message = out.toned(Tone::Faint, &format!("message {}", short(event)));
    out.line(&format!("  {}  {message}", place(step.said_at, &step.author, &step.platform, &step.channel)))?;
    out.line(&format!("    {}", excerpt(&step.text, EXCERPTS)))
}
