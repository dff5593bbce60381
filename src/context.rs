//! Context: what a model should read before it answers. Facts first, then the messages behind the answer, in the order
//! they were said; dated, attributed, each line with the message it rests on, within a budget of tokens.
//!
//! Cost: one recall, and a look-up of what the facts rest on.

use std::collections::BTreeSet;
use std::path::PathBuf;

use nexus_inference::TokenCounter;
use nexus_query::{FactView, Hit, RecallOptions};
use nexus_types::time;
use serde::Serialize;

use crate::memory::Memory;
use crate::{Error, Result};

/// How many messages are looked at: more than fit into most budgets.
const MESSAGES: usize = 60;
/// A question of fewer words than this is read with what was said before it.
const WORDS_ALONE: usize = 4;
/// How much of what was said before is read with the question.
const TURNS_READ: usize = 2;
/// Words that point at what was said before.
const POINTING: [&str; 16] = [
    "he", "she", "they", "it", "him", "her", "them", "that", "this", "there", "those", "él", "ella", "ellos", "eso",
    "ese",
];

const KNOWN: &str = "What is known:";
const SAID: &str = "What was said:";

/// How much context, and for what.
#[derive(Clone, Debug, Default)]
pub struct ContextOptions {
    /// At most so many tokens.
    pub tokens: usize,
    /// What was said last in the conversation at hand, oldest first.
    pub talk: Vec<String>,
    /// Whose tokens: a `tokenizer.json`; BERT's if none is given.
    pub tokenizer: Option<PathBuf>,
    /// Which messages may be in it.
    pub recall: RecallOptions,
}

/// What to read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Context {
    /// The whole text.
    pub text: String,
    /// How many tokens it is.
    pub tokens: usize,
    /// Its lines without the headings.
    pub lines: Vec<ContextLine>,
    /// How many facts and messages fit the question, but not the budget.
    pub left_out: usize,
}

/// One line, and what it rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ContextLine {
    /// The line as it is read.
    pub text: String,
    /// The message; `None` for your own word.
    pub event: Option<String>,
    /// The fact, if it is one.
    pub fact: Option<String>,
}

impl Memory {
    /// What a model should read before it answers a question.
    pub fn context(&self, question: &str, options: &ContextOptions) -> Result<Context> {
        if options.tokens == 0 {
            return Err(Error::argument("0 tokens hold nothing: give a budget such as 2000"));
        }
        let counter = match &options.tokenizer {
            None => TokenCounter::built_in()?,
            Some(path) => TokenCounter::open(path)?,
        };
        let asked = RecallOptions { k: MESSAGES, ..options.recall.clone() };
        let recalled = self.recall_uncounted(&with_talk(question, &options.talk), &asked)?;
        // That a mail address is somebody's own tells a model nothing.
        let of_others = |fact: &&FactView| fact.object_id.as_ref() != Some(&fact.subject_id);
        let facts: Vec<&FactView> = recalled.facts.iter().filter(|fact| fact.holds()).filter(of_others).collect();
        let ids: Vec<String> = facts.iter().map(|fact| fact.id.clone()).collect();
        let origins = self.origins(&ids)?;
        let facts: Vec<ContextLine> =
            facts.iter().map(|fact| fact_line(fact, origins.get(&fact.id).cloned())).collect();
        let mut said = BTreeSet::new();
        let hits: Vec<&Hit> = recalled.hits.iter().filter(|hit| said.insert((&hit.author, &hit.text))).collect();
        let context = fitted(&counter, options.tokens, facts, hits);
        self.count(context.lines.iter().filter(|line| line.fact.is_none()).filter_map(|line| line.event.as_deref()));
        Ok(context)
    }
}

/// The question as it is to be understood: one that is short, or points at what was said before, with that.
fn with_talk(question: &str, talk: &[String]) -> String {
    let words: Vec<String> = nexus_scoring::terms::words(question);
    let points = words.len() < WORDS_ALONE || words.iter().any(|word| POINTING.contains(&word.as_str()));
    let before = if points { &talk[talk.len().saturating_sub(TURNS_READ)..] } else { &[] };
    before.iter().map(String::as_str).chain([question]).collect::<Vec<_>>().join(" ")
}

/// Takes facts and then messages, best first, until the budget is spent; shows the messages in the order they were said.
fn fitted(counter: &TokenCounter, budget: usize, facts: Vec<ContextLine>, hits: Vec<&Hit>) -> Context {
    let all = facts.len() + hits.len();
    let cost = |line: &str| counter.count(line) + 1;
    let mut left = budget;
    // A third of the budget at most is for facts.
    let mut spend = |line: &str, heading: Option<&str>, keep: usize| {
        let price = cost(line) + heading.map_or(0, cost);
        let fits = price + keep <= left;
        left -= if fits { price } else { 0 };
        fits
    };
    let mut known: Vec<ContextLine> = Vec::new();
    for line in facts {
        let heading = known.is_empty().then_some(KNOWN);
        if spend(&line.text, heading, budget * 2 / 3) {
            known.push(line);
        }
    }
    let mut said: Vec<(i64, &str, ContextLine)> = Vec::new();
    for hit in hits {
        let line = message_line(hit);
        if spend(&line.text, said.is_empty().then_some(SAID), 0) {
            said.push((hit.said_at, &hit.passage, line));
        }
    }
    said.sort_by_key(|(said_at, passage, _)| (*said_at, *passage));
    let said: Vec<ContextLine> = said.into_iter().map(|(.., line)| line).collect();
    let left_out = all - known.len() - said.len();
    let part = |heading: &str, lines: &[ContextLine]| {
        let lines: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        (!lines.is_empty()).then(|| format!("{heading}\n{}\n", lines.join("\n")))
    };
    let text: String = [part(KNOWN, &known), part(SAID, &said)].into_iter().flatten().collect();
    Context { tokens: counter.count(&text), text, lines: known.into_iter().chain(said).collect(), left_out }
}

fn fact_line(fact: &FactView, event: Option<String>) -> ContextLine {
    let since = fact.valid_from.map(|at| format!(", since {}", day(at))).unwrap_or_default();
    let doubt = if fact.status == "disputed" { ", disputed" } else { "" };
    let cite = event.as_deref().map_or_else(|| "your own word".to_string(), short);
    let predicate = fact.predicate.replace('_', " ");
    let text = format!("- {} {predicate} {}{since}{doubt} [{cite}]", fact.subject, one_line(&fact.object));
    ContextLine { text, event, fact: Some(fact.id.clone()) }
}

fn message_line(hit: &Hit) -> ContextLine {
    let author = nexus_types::Author::parse(&hit.author);
    let author = author.name.unwrap_or(author.handle);
    let place = if hit.channel.is_empty() { String::new() } else { format!(", {}", hit.channel) };
    let at = time::rfc3339(hit.said_at);
    let minute = at.get(..16).unwrap_or(&at).replace('T', " ");
    let text =
        format!("- {minute} {author} ({}{place}): {} [{}]", hit.platform, one_line(&hit.text), short(&hit.event));
    ContextLine { text, event: Some(hit.event.clone()), fact: None }
}

fn day(at: i64) -> String {
    let at = time::rfc3339(at);
    at.get(..10).unwrap_or(&at).to_string()
}

fn short(id: &str) -> String {
    id.get(..8).unwrap_or(id).to_string()
}

/// A text without line breaks, so that each line of a context is one thing.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn hit(at: i64, text: &str) -> Hit {
        Hit {
            event: format!("{at:032x}"),
            passage: format!("{at:032x}"),
            score: 0,
            said_at: at * 60_000,
            author: "anna <anna@example.org>".into(),
            platform: "irc".into(),
            channel: "#x".into(),
            text: text.into(),
            found_by: Vec::new(),
            outdated: Vec::new(),
            features: None,
        }
    }

    #[test]
    fn the_best_fit_the_budget_and_stand_in_the_order_of_time() {
        let counter = TokenCounter::built_in().unwrap();
        let (late, early, rest) = (hit(9, "the late\none"), hit(3, "the early one"), hit(5, "too much"));
        let whole = fitted(&counter, 1_000, Vec::new(), vec![&late, &early, &rest]);
        let said: Vec<&str> = whole.text.lines().collect();
        assert_eq!(said.len(), 4);
        assert!(said[1].contains("anna (irc, #x): the early one [00000000]"), "{said:?}");
        assert!(said[3].ends_with("the late one [00000000]"), "{said:?}");
        for budget in 1..whole.tokens + 8 {
            let some = fitted(&counter, budget, Vec::new(), vec![&late, &early, &rest]);
            assert!(some.tokens <= budget, "{budget}: {}", some.text);
            assert_eq!(some.lines.len() + some.left_out, 3);
        }
    }

    #[test]
    fn a_short_question_is_read_with_what_was_said_before() {
        let talk = ["I saw Ines.".to_string(), "At the museum?".into(), "Yes.".into()];
        assert_eq!(with_talk("where does she work now?", &talk), "At the museum? Yes. where does she work now?");
        assert_eq!(with_talk("where does Ines work now?", &talk), "where does Ines work now?");
        assert_eq!(with_talk("and why?", &[]), "and why?");
    }
}
