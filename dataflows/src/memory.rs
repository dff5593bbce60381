//! The whole memory, wired. Read it top to bottom: what happened, what we ask, what we hold.

use std::sync::Arc;

use nexus_operators as operators;
use nexus_operators::weigh::Signal;
use nexus_operators::{Arrangement, Collection};
use nexus_types::{AnswerRow, EntityId, EventId, EventRow, PolicyRow, Ranking, Salience, Scope, Texts};

use crate::outputs::Collections;

/// How many events are kept ranked for each entity.
const RANKED: usize = 10;

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
    let policy = operators::per_key::distinct(policy, "policy");

    // What happened, once, in pieces small enough to ask about.
    let by_id = operators::latest(events);
    let events = by_id.clone().as_collection(|_, event| event.clone());
    let pieces = operators::split(events.clone(), texts.clone());

    // What we ask about each piece, and what the models said of it.
    let operators::read::Reading { asks, told, watched } = operators::read(pieces.clone(), answers, policy.clone());

    // What was claimed, once "I", "you" and "yesterday" are known.
    let statements = operators::extract::statements(told.clone());
    let claims = operators::ground(statements.clone(), by_id.clone(), policy.clone());
    let claims = claims.concat(operators::ground::asserted(policy.clone()));

    // Who is who.
    let clues = operators::evidence(events.clone(), statements, claims.clone(), policy.clone());
    let (evidence, who) = (clues.bonds.clone(), operators::resolve(clues, policy.clone()));
    let mentions = operators::resolve::mentioned(operators::extract::mentions(told.clone()), who.members.clone());

    // What is held of them, and what still holds today.
    let about = operators::resolve::about(claims.clone(), who.members.clone());
    let (facts, decisions) = operators::consolidate(about.clone(), policy.clone());
    let facts = operators::expire(facts, ticks);

    // What it feels like, and how that goes over the weeks.
    let felt = operators::affect(told);
    let patterns = operators::patterns(felt.clone(), who.members.clone());
    let affects = felt.map(|felt| felt.row());

    // What matters, and what matters most about whom.
    let signals = operators::weigh::signals(claims.clone(), events.clone());
    let mine = operators::involve::mine(events.clone(), who.entities.clone()).map(|event| (event, Signal::Mine));
    let of_events = operators::weigh::events(signals.concat(mine), by_id.clone());
    let concerned = operators::involve::concerned(about, mentions.clone());
    let told = operators::involve::told(concerned.clone(), by_id);
    let of_entities = operators::weigh::entities(operators::involve::spoken(events.clone(), who.members).concat(told));
    let rankings = ranked(concerned, of_events.clone());

    // What answers the questions that stay open.
    let watched = operators::watch(watched, policy, texts);

    // What was said before it.
    let passages = operators::neighbours::placed(events.clone(), pieces);

    let (salience, entities) = (of_events.concat(of_entities), who.entities);
    Collections {
        events,
        passages,
        mentions,
        entities,
        evidence,
        claims,
        decisions,
        facts,
        salience,
        rankings,
        watched,
        affects,
        patterns,
        asks,
    }
}

/// Of the events that concern an entity those that matter most.
fn ranked<'s>(
    concerned: Arrangement<'s, EventId, (Scope, EntityId)>,
    events: Collection<'s, Salience>,
) -> Collection<'s, Ranking> {
    let scores = events.map(|row| (EventId(row.target), row.score)).arrange_by_key_named("scores by event");
    let candidates = concerned.join_core(scores, |event, entity, score| Some((entity.clone(), *score, *event)));
    let rankings = operators::rank(candidates, RANKED);
    rankings.map(|((scope, entity), rank, score, event)| Ranking { scope, entity, rank, event, score })
}
