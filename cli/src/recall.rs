//! `nexus recall` and `nexus context`: what was said that answers a question.

use nexus::{ContextOptions, Contribution, FactView, Hit, Memory, RecallOptions};

use crate::failure::{Outcome, Result};
use crate::print::{Out, Sheet, Tone, count, excerpt, number};
use crate::read::fact_sheet;
use crate::when::minute;

/// Characters of a message that an answer shows.
const EXCERPTS: usize = 400;
/// One, in fixed point.
const ONE: f64 = 65_536.0;

pub(crate) fn recall(memory: &Memory, out: &Out, question: &str, options: &RecallOptions, rerank: bool) -> Result {
    let recalled =
        if rerank { memory.recall_reranked(question, options)? } else { memory.recall_with(question, options)? };
    let known = recalled.facts.iter().any(FactView::holds);
    let found = known || !recalled.hits.is_empty();
    if out.json {
        out.value(&recalled)?;
        return Ok(Outcome::found(found));
    }
    let facts: Vec<FactView> = recalled.facts.into_iter().filter(FactView::holds).collect();
    if known {
        out.table(fact_sheet(&facts, false))?;
        out.line("")?;
    }
    for hit in &recalled.hits {
        print_hit(out, hit)?;
    }
    if recalled.hits.is_empty() {
        out.line(&out.toned(Tone::Faint, if known { "no message fits" } else { "nothing found" }))?;
        recalled.unsure.iter().for_each(|why| out.hint(&format!("Nothing fits: {why}.")));
    } else if recalled.lexical_only {
        out.hint("Found by words only: nothing is embedded yet. The next write goes on with it; nexus status tells by which model.");
    }
    Ok(Outcome::found(found))
}

fn print_hit(out: &Out, hit: &Hit) -> Result<()> {
    out.line(&out.toned(Tone::Faint, &place(hit.said_at, &hit.author, &hit.platform, &hit.channel)))?;
    out.line(&format!("  {}", excerpt(&hit.text, EXCERPTS)))?;
    for fact in &hit.outdated {
        let FactView { subject, predicate, object, .. } = fact;
        out.line(&out.toned(Tone::Faint, &format!("  no longer so: {subject} {predicate} {object}")))?;
    }
    let Some(features) = &hit.features else { return Ok(()) };
    out.line(&format!("  score {:.3}, found by {}", hit.score as f64 / ONE, hit.found_by.join(", ")))?;
    out.table(explained(features))
}

/// How a score came about, the strongest reason first.
fn explained(features: &[Contribution]) -> Sheet {
    let mut sheet = Sheet::new(&["feature", "is", "weighs", "adds"], "nothing adds to it").right(1).right(2).right(3);
    for one in features.iter().filter(|one| one.adds != 0) {
        let shown = |value: i64| format!("{:.3}", value as f64 / ONE);
        sheet.row([one.feature.to_owned(), shown(one.value), shown(one.weight), shown(one.adds)]);
    }
    sheet
}

pub(crate) fn context(memory: &Memory, out: &Out, question: &str, options: &ContextOptions) -> Result {
    let context = memory.context(question, options)?;
    let found = !context.lines.is_empty();
    if out.json {
        out.value(&context)?;
        return Ok(Outcome::found(found));
    }
    if found {
        out.text(&context.text)?;
        let left_out = match context.left_out {
            0 => String::new(),
            more => format!("; {} more did not fit", count(more, "line")),
        };
        out.hint(&format!("{} tokens{left_out}", number(context.tokens as u64)));
    } else {
        out.line(&out.toned(Tone::Faint, "nothing found"))?;
    }
    Ok(Outcome::found(found))
}

/// When, who and where, on one line.
pub(crate) fn place(said_at: i64, author: &str, platform: &str, channel: &str) -> String {
    let channel = if channel.is_empty() { String::new() } else { format!(", {channel}") };
    format!("{}  {author}  {platform}{channel}", minute(said_at))
}
