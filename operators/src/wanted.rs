//! Wanted: the asks nobody has answered yet.
//!
//! `wanted(Q, A) = distinct(Q) \ asks(A)`. A refusal is an answer. The same text is asked about once, however often it is
//! said. Cost: asks and answers that change.

use nexus_types::{AnswerRow, Ask};
use serde::{Deserialize, Serialize};

use crate::per_key::{State, per_key};
use crate::{Collection, Diff};

/// The open asks, each once.
pub fn wanted<'s>(asks: Collection<'s, Ask>, answers: Collection<'s, AnswerRow>) -> Collection<'s, Ask> {
    let asked = asks.map(|ask| (ask, Side::Asked));
    let answered = answers.map(|row| (row.ask, Side::Answered));
    per_key::<_, _, Open>(asked.concat(answered), "Wanted")
}

/// What happens to an ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Side {
    Asked,
    Answered,
}

/// How often it was asked, and answered.
#[derive(Default)]
struct Open {
    asked: Diff,
    answered: Diff,
}

impl Open {
    fn is_open(&self) -> bool {
        self.asked > 0 && self.answered == 0
    }
}

impl State<Ask, Side> for Open {
    type Out = Ask;

    fn update(&mut self, ask: &Ask, changes: Vec<(Side, Diff)>, out: &mut Vec<(Ask, Diff)>) {
        let before = self.is_open();
        for (side, diff) in changes {
            match side {
                Side::Asked => self.asked += diff,
                Side::Answered => self.answered += diff,
            }
        }
        let change = Diff::from(self.is_open()) - Diff::from(before);
        out.extend((change != 0).then(|| (ask.clone(), change)));
    }

    fn is_empty(&self) -> bool {
        self.asked == 0 && self.answered == 0
    }
}

/// The meaning, by brute force.
pub fn wanted_naive(asks: &[Ask], answered: &[Ask]) -> Vec<Ask> {
    let mut open: Vec<Ask> = asks.iter().filter(|ask| !answered.contains(ask)).cloned().collect();
    open.sort();
    open.dedup();
    open
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use nexus_types::Answer;

    use super::*;
    use crate::check::check2;
    use crate::fake;

    #[test]
    fn agrees_with_naive() {
        check2(
            "wanted",
            // A number beside the ask: so that one ask may be there several times.
            (|draw| (fake::ask(draw), draw.below(3)), fake::ask),
            |asks, answers| {
                let answers = answers.map(|ask| AnswerRow { ask, answer: Arc::new(Answer::Vector) });
                wanted(asks.map(|(ask, _)| ask), answers)
            },
            |asks, answered| wanted_naive(&asks.iter().map(|(ask, _)| ask.clone()).collect::<Vec<_>>(), answered),
        );
    }
}
