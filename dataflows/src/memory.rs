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
    let policy = policy.distinct();
    let answers = operators::answered::by_ask(answers);

    // What happened, once, in pieces small enough to ask about.
    let by_id = operators::latest(events);
    let events = by_id.clone().as_collection(|_, event| event.clone());
    let pieces = operators::split(events.clone(), texts);

    // What we ask about each piece, and what the models said of it.
    let by_scope = operators::embed::by_scope(pieces.clone());
    let embeddings = operators::embed(by_scope.clone(), policy.clone());
    let extractions = operators::extract(by_scope, policy.clone());
    let asks = embeddings.concat(extractions.clone().map(|(ask, _)| ask));
    let asks = operators::wanted(asks, answers.clone());
    let read = operators::answered(extractions, answers);

    // What was claimed, once "I", "you" and "yesterday" are known.
    let statements = operators::extract::statements(read.clone());
    let claims = operators::ground(statements.clone(), by_id, policy.clone());
    let claims = claims.concat(operators::ground::asserted(policy.clone()));

    // Who is who.
    let clues = operators::evidence(events.clone(), statements, claims.clone(), policy.clone());
    let who = operators::resolve(clues, policy.clone());
    let mentions = operators::resolve::mentioned(operators::extract::mentions(read), who.members.clone());

    // What is held of them, and what still holds today.
    let about = operators::resolve::about(claims.clone(), who.members);
    let (facts, decisions) = operators::consolidate(about, policy);
    let facts = operators::expire(facts, ticks);

    let scope = events.scope();
    use differential_dataflow::AsCollection;
    use timely::dataflow::operators::generic::operator::empty;
    Collections {
        events,
        passages: pieces.map(|piece| PassageRow {
            passage: piece.passage.clone(),
            event: piece.event.clone(),
            previous: None,
        }),
        mentions,
        entities: who.entities,
        claims,
        decisions,
        facts,
        salience: empty(scope).as_collection(),
        rankings: empty(scope).as_collection(),
        asks,
    }
}
