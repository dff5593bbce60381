//! Before texts are sent to an endpoint: what it will take, and whether to go on. Nothing is asked for a few texts.

use std::io::{IsTerminal, Write, stderr, stdin};

use nexus::endpoint::Estimate;
use nexus::{Error, Nexus};

use crate::failure::Result;
use crate::print::{Out, count, number};

/// So many texts are sent without asking.
const UNASKED_MAX: usize = 200;

/// Whether to go on with that model: at once if it is no endpoint or has little to read, else by `--yes` or an answer on
/// the terminal.
pub(crate) fn agreed(nexus: &mut Nexus, out: &Out, name: &str, yes: bool) -> Result<bool> {
    let Some(estimate) = nexus.estimate(name)?.filter(|estimate| estimate.texts > UNASKED_MAX) else { return Ok(true) };
    let takes = told(name, &estimate);
    if yes {
        out.hint(&takes);
        return Ok(true);
    }
    if out.json || out.gone().is_some() || !stdin().is_terminal() || !stderr().is_terminal() {
        return Err(Error::argument(format!("{takes}. To go on: the same command with --yes")).into());
    }
    write!(stderr(), "{takes}.\nGo on? [y/N] ")?;
    let mut answer = String::new();
    stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// What it takes, in a sentence.
fn told(name: &str, estimate: &Estimate) -> String {
    let (read, written) = (number(estimate.tokens_in), number(estimate.tokens_out));
    let money = estimate.money.map(|money| format!("; about {money:.2} by your prices")).unwrap_or_default();
    let days =
        estimate.days.map(|days| format!("; {} at its daily budget", count(days as usize, "day"))).unwrap_or_default();
    let texts = count(estimate.texts, "text");
    format!("{name} has {texts} to read: about {read} tokens in and {written} out{money}{days}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_takes_is_one_sentence() {
        let mut estimate = Estimate { texts: 1_234, tokens_in: 50_000, tokens_out: 20_000, money: None, days: None };
        assert_eq!(told("llm", &estimate), "llm has 1,234 texts to read: about 50,000 tokens in and 20,000 out");
        estimate.money = Some(1.256);
        estimate.days = Some(1);
        let takes = told("llm", &estimate);
        assert!(takes.ends_with("; about 1.26 by your prices; 1 day at its daily budget"), "{takes}");
    }
}
