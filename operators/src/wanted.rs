//! Wanted: the asks nobody has answered yet.
//!
//! `wanted(Q, A) = distinct(Q) \ asks(A)`. A refusal is an answer. The same text is asked about once, however often it is
//! said. Cost: asks and answers that change.

use std::sync::Arc;

use differential_dataflow::trace::implementations::{KeyBuilder, KeySpine};
use nexus_types::{Answer, Ask};

use crate::{Arrangement, Collection};

/// The open asks, each once.
pub fn wanted<'s>(asks: Collection<'s, Ask>, answers: Arrangement<'s, Ask, Arc<Answer>>) -> Collection<'s, Ask> {
    let asks = asks.arrange_by_self_named("asks").reduce_abelian::<_, KeyBuilder<_, _, _>, KeySpine<_, _, _>, _, _>(
        "Distinct asks",
        |_, _, out| out.push(((), 1)),
        |batch, ask, updates| {
            batch.clear();
            batch.extend(updates.drain(..).map(|((), time, diff)| ((ask.clone(), ()), time, diff)));
        },
    );
    let done = asks.clone().join_core(answers, |ask, (), _| Some(ask.clone()));
    asks.as_collection(|ask, ()| ask.clone()).concat(done.negate())
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
    use nexus_types::AnswerRow;

    use super::*;
    use crate::answered::by_ask;
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
                wanted(asks.map(|(ask, _)| ask), by_ask(answers))
            },
            |asks, answered| wanted_naive(&asks.iter().map(|(ask, _)| ask.clone()).collect::<Vec<_>>(), answered),
        );
    }
}
