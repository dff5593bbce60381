//! The whole memory, wired. Read it top to bottom: what happened, what we ask, what we hold.

use std::sync::Arc;

use nexus_operators as operators;
use nexus_operators::Collection;
use nexus_types::tables::PassageRow;
use nexus_types::{AnswerRow, EventRow, PolicyRow, Texts};

use crate::outputs::Collections;

/// The four inputs, and where long texts are read.
pub struct Inputs<'s> {
    /// Versions of events.
    pub events: Collection<'s, Arc<EventRow>>,
    /// What models have answered.
    pub answers: Collection<'s, AnswerRow>,
    /// How to consolidate.
    pub policy: Collection<'s, PolicyRow>,
    /// Days that are over.
    pub ticks: Collection<'s, i64>,
    /// Texts by hash.
    pub texts: Arc<dyn Texts>,
}

/// The memory graph.
pub fn memory(inputs: Inputs<'_>) -> Collections<'_> {
    let Inputs { events, answers, policy, ticks, texts } = inputs;
    let answers = operators::answered::by_ask(answers);
    let policy = policy.distinct();
    let _ = ticks;

    // What happened, once, in pieces small enough to ask about.
    let events = operators::latest(events);
    let latest = events.clone().as_collection(|_, event| event.clone());
    let pieces = operators::split(latest.clone(), texts);
    let by_scope = operators::embed::by_scope(pieces.clone());

    // What we ask about each piece, and what the models said.
    let embeddings = operators::embed(by_scope.clone(), policy.clone());
    let extractions = operators::extract(by_scope, policy.clone());
    let asks = embeddings.concat(extractions.clone().map(|(ask, _)| ask));
    let asks = operators::wanted(asks, answers.clone());
    let _read = operators::answered(extractions, answers);

    let scope = latest.scope();
    use differential_dataflow::AsCollection;
    use timely::dataflow::operators::generic::operator::empty;
    Collections {
        events: latest,
        passages: pieces.map(|piece| PassageRow {
            passage: piece.passage.clone(),
            event: piece.event.clone(),
            previous: None,
        }),
        mentions: empty(scope).as_collection(),
        entities: empty(scope).as_collection(),
        claims: empty(scope).as_collection(),
        decisions: empty(scope).as_collection(),
        facts: empty(scope).as_collection(),
        salience: empty(scope).as_collection(),
        rankings: empty(scope).as_collection(),
        asks,
    }
}
