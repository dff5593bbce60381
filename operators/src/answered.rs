//! Answered: what the models said, joined to who asked.
//!
//! `answered(Q, A) = { (owner, answer) | (ask, owner) in Q, (ask, answer) in A }`. Ten thousand people who say "ok" own one
//! ask and share its answer. Answers hold one row per ask: they are stored by it, and the first stored answer stands.
//! Cost: owners and answers that change.

use std::sync::Arc;

use differential_dataflow::ExchangeData;
use nexus_types::{Answer, AnswerRow, Ask};

use crate::{Arrangement, Collection};

/// Answers by ask: arranged once, for all that asks.
pub fn by_ask<'s>(answers: Collection<'s, AnswerRow>) -> Arrangement<'s, Ask, Arc<Answer>> {
    answers.map(|row| (row.ask, row.answer)).arrange_by_key_named("answers by ask")
}

/// Each owner of an ask with its answer, once there is one.
pub fn answered<'s, O: ExchangeData>(
    asks: Collection<'s, (Ask, O)>,
    answers: Arrangement<'s, Ask, Arc<Answer>>,
) -> Collection<'s, (O, Arc<Answer>)> {
    asks.arrange_by_key_named("owners by ask")
        .join_core(answers, |_, owner, answer| Some((owner.clone(), answer.clone())))
}

/// The meaning, by brute force.
pub fn answered_naive<O: Clone>(asks: &[(Ask, O)], answers: &[AnswerRow]) -> Vec<(O, Arc<Answer>)> {
    let mut out = Vec::new();
    for (ask, owner) in asks {
        let theirs = answers.iter().filter(|row| row.ask == *ask);
        out.extend(theirs.map(|row| (owner.clone(), row.answer.clone())));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::check2;
    use crate::fake;

    #[test]
    fn agrees_with_naive() {
        check2(
            "answered",
            (|draw| (fake::ask(draw), draw.below(5)), fake::answer_row),
            |asks, answers| answered(asks, by_ask(answers)),
            answered_naive,
        );
    }
}
