//! An independent version of the whole graph: plain maps and loops over everything that is there, no increments.
//!
//! It is written from the documents, not from the wiring, and shares no code with it but three leaves that have twins of
//! their own beside them: the fold of claims (`consolidate::naive`), the points that salience gives (`weigh::*_naive`) and
//! what a watched question ranks (`watch_naive`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use nexus_dataflows::Outputs;
use nexus_operators::Resolved;
use nexus_operators::split::{Part, Piece};
use nexus_operators::watch::watch_naive;
use nexus_operators::weigh::{self, Signal};
use nexus_types::event::text_hash;
use nexus_types::passage::{PASSAGE_BYTES_MAX, Span};
use nexus_types::tables::PassageRow;
use nexus_types::*;

use crate::moods;
use crate::people::{People, account, named, speaker};
use crate::when;
use crate::world::{DAY, Ground, text, texts};

/// What the graph should hold.
pub(crate) fn oracle(ground: &Ground) -> Outputs {
    let policy = ground.policy();
    let events = winners(ground);
    let live: Vec<&Arc<EventRow>> = events.values().filter(|event| event.version.state() == State::Live).collect();
    let passages: Vec<(Passage, Arc<EventRow>)> = live.iter().flat_map(|event| cut(event)).collect();
    let said = said(&passages, &policy, ground);
    let claims = claims(&said, &events, &policy);
    let people = People::of(&live, &said, &claims, &policy);

    let resolved = claims.iter().map(|claim| people.about(claim)).collect::<Vec<_>>();
    let (facts, decisions) = nexus_operators::consolidate::naive::consolidate(&resolved, &policy);
    let mentions = people.mentions(&passages, &policy, ground);
    let about = about(&resolved, &mentions);
    let salience = salience(&live, &events, &claims, &people, &about);
    let rankings = rankings(about, &salience);
    let affects = moods::affects(&passages, &policy, ground);
    let sorted = |rows: Vec<Salience>| once(rows);
    Outputs {
        events: once(events.values().cloned().collect()),
        passages: once(passages.iter().map(|(passage, event)| placed(passage, event, &live)).collect()),
        mentions: once(mentions),
        entities: once(people.entities.clone()),
        evidence: once(people.evidence.clone()),
        claims: once(claims),
        decisions: once(decisions),
        facts: once(facts.into_iter().map(|fact| expired(fact, &ground.ticks)).collect()),
        salience: sorted(salience),
        rankings: once(rankings),
        watched: once(watched(&passages, &policy, ground)),
        patterns: once(moods::patterns(&affects, &events, &people)),
        affects: once(affects),
        asks: once(asks(&passages, &policy, ground)),
    }
}

fn once<R: Ord>(mut rows: Vec<R>) -> Vec<(R, isize)> {
    rows.sort();
    rows.into_iter().map(|row| (row, 1)).collect()
}

fn winners(ground: &Ground) -> BTreeMap<EventId, Arc<EventRow>> {
    let mut winners: BTreeMap<EventId, Arc<EventRow>> = BTreeMap::new();
    for row in &ground.events {
        let held = winners.entry(row.id).or_insert_with(|| row.clone());
        if row.version > held.version {
            *held = row.clone();
        }
    }
    winners
}

fn speaks(event: &EventRow) -> bool {
    matches!(event.kind, Kind::Message | Kind::Response | Kind::Post)
}

fn cut(event: &Arc<EventRow>) -> Vec<(Passage, Arc<EventRow>)> {
    let text = if speaks(event) { text(event.text).unwrap() } else { "".into() };
    let mut spans = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let blank = |text: &str| text.starts_with(char::is_whitespace);
        if text.len() > PASSAGE_BYTES_MAX && blank(&text[at..]) {
            at += text[at..].chars().next().unwrap().len_utf8();
            continue;
        }
        let ends = (at + 1..=text.len()).filter(|end| text.is_char_boundary(*end) && end - at <= PASSAGE_BYTES_MAX);
        let whole = text[at..].trim_end().len() <= PASSAGE_BYTES_MAX || text.len() <= PASSAGE_BYTES_MAX;
        let rank = |end: usize| {
            let (before, after) = (&text[at..end], &text[end..]);
            let late = before.len() > PASSAGE_BYTES_MAX / 2;
            let sentence = before.ends_with('\n') || before.ends_with(['.', '!', '?']) && blank(after);
            match () {
                () if late && after.starts_with("\n\n") => 3,
                () if late && sentence => 2,
                () if blank(after) => 1,
                () => 0,
            }
        };
        let end = if whole { text.len() } else { ends.max_by_key(|end| (rank(*end), *end)).unwrap() };
        let piece = if text.len() > PASSAGE_BYTES_MAX { text[at..end].trim_end() } else { &text };
        spans.push((at, at + piece.len()));
        at = end;
    }
    let passage = |(ordinal, (start, end)): (usize, (usize, usize))| {
        let hash = text_hash(&text[start..end]);
        let span = Span { start: start as u32, end: end as u32 };
        (Passage::new(event.scope.clone(), event.id, ordinal as u32, span, hash), event.clone())
    };
    spans.into_iter().enumerate().map(passage).collect()
}

fn placed(passage: &Passage, event: &Arc<EventRow>, live: &[&Arc<EventRow>]) -> PassageRow {
    let conversation =
        |event: &EventRow| (event.scope.clone(), event.platform.clone(), event.channel.clone(), event.thread.clone());
    let place = |event: &EventRow| (event.said_at, event.id);
    let mut before: Vec<&&Arc<EventRow>> = live
        .iter()
        .filter(|other| {
            speaks(other)
                && other.text_bytes > 0
                && conversation(other) == conversation(event)
                && place(other) < place(event)
        })
        .collect();
    before.sort_by_key(|other| place(other));
    PassageRow { passage: passage.clone(), event: event.clone(), previous: before.last().map(|other| other.id) }
}

fn watched(passages: &[(Passage, Arc<EventRow>)], policy: &[PolicyRow], ground: &Ground) -> Vec<Watched> {
    let piece = |(passage, event): &(Passage, Arc<EventRow>)| {
        let part = Part { ordinal: passage.ordinal, span: passage.span, text: passage.text };
        Piece { event: event.clone(), part: Some(Arc::new(part)) }
    };
    let answers: Vec<AnswerRow> =
        ground.answers.iter().map(|(ask, answer)| AnswerRow { ask: ask.clone(), answer: answer.clone() }).collect();
    watch_naive(&passages.iter().map(piece).collect::<Vec<_>>(), &answers, policy, &texts())
}

fn models(policy: &[PolicyRow], scope: &Scope, wanted: Task) -> BTreeSet<Text> {
    let mut models = BTreeSet::new();
    for row in policy.iter().filter(|row| row.scope == *scope) {
        if let Policy::Model { task, model } = &row.policy
            && *task == wanted
        {
            models.insert(model.clone());
        }
    }
    models
}

fn asks(passages: &[(Passage, Arc<EventRow>)], policy: &[PolicyRow], ground: &Ground) -> Vec<Ask> {
    let mut asks = BTreeSet::new();
    for (passage, _) in passages {
        let mut asked = models(policy, &passage.scope, Task::Embed);
        asked.append(&mut models(policy, &passage.scope, Task::Prepare));
        let extractor = models(policy, &passage.scope, Task::Extract).last().cloned();
        asks.extend(asked.into_iter().chain(extractor).map(|model| Ask { text: passage.text, model }));
    }
    asks.into_iter().filter(|ask| !ground.answers.contains_key(ask)).collect()
}

/// What was extracted from a passage.
pub(crate) fn read<'a>(passage: &Passage, policy: &[PolicyRow], ground: &'a Ground) -> Option<&'a Extraction> {
    let model = models(policy, &passage.scope, Task::Extract).last()?.clone();
    match &**ground.answers.get(&Ask { text: passage.text, model })? {
        Answer::Extraction(extraction) => Some(extraction),
        _ => None,
    }
}

/// A statement with its place.
pub(crate) struct Said {
    pub(crate) passage: Passage,
    pub(crate) event: Arc<EventRow>,
    pub(crate) place: u32,
    pub(crate) statement: Statement,
}

fn said(passages: &[(Passage, Arc<EventRow>)], policy: &[PolicyRow], ground: &Ground) -> Vec<Said> {
    let mut all = Vec::new();
    for (passage, event) in passages {
        let statements = read(passage, policy, ground).map_or(&[][..], |extraction| &extraction.statements);
        for (place, statement) in statements.iter().cloned().enumerate() {
            all.push(Said { passage: passage.clone(), event: event.clone(), place: place as u32, statement });
        }
    }
    all
}

fn key(term: &Term, event: &EventRow, you: &Option<Key>) -> Option<Key> {
    Some(match term {
        Term::Speaker => speaker(event)?,
        Term::Addressee => you.clone()?,
        Term::Person(name) => named(name, event),
        Term::Handle(handle) => format!("account:{}/{}", event.platform, handle.replace('@', "").to_lowercase()).into(),
        Term::Mail(mail) => format!("mail:{}", mail.to_lowercase()).into(),
        Term::Relative(relation, of) => format!("relative:{}/{relation}", key(of, event, you)?).into(),
        Term::Value(_) => return None,
    })
}

fn object(said: &Said, you: &Option<Key>) -> Option<Object> {
    match &said.statement.object {
        Term::Value(value) => Some(Object::Value(value.clone())),
        term => key(term, &said.event, you).map(Object::Key),
    }
}

fn zone(policy: &[PolicyRow], scope: &Scope) -> Option<Text> {
    let zones = policy.iter().filter(|row| row.scope == *scope).filter_map(|row| match &row.policy {
        Policy::TimeZone(zone) => Some(zone.clone()),
        _ => None,
    });
    zones.max()
}

fn claims(said: &[Said], events: &BTreeMap<EventId, Arc<EventRow>>, policy: &[PolicyRow]) -> Vec<Arc<Claim>> {
    let mut claims = Vec::new();
    for said in said {
        let event = &said.event;
        let replied = event.reply_to.and_then(|id| events.get(&id)).filter(|event| event.live());
        let you = match event.addressees.len() {
            0 => replied.and_then(|event| speaker(event)),
            1 => account(&event.addressees[0], &event.platform),
            _ => None,
        };
        let Some((subject, object)) = key(&said.statement.subject, event, &you).zip(object(said, &you)) else {
            continue;
        };
        let zone = zone(policy, &event.scope);
        let (valid_from, valid_to) = when::interval(&said.statement, event.said_at, zone.as_deref());
        let statement = &said.statement;
        claims.push(Claim {
            said_at: event.said_at,
            id: claim_id(said, &subject, &object),
            scope: event.scope.clone(),
            event: event.id,
            passage: said.passage.id,
            span: statement.span,
            source: event.source.clone(),
            subject,
            predicate: statement.predicate.clone(),
            object,
            further: statement.further.clone(),
            polarity: statement.polarity,
            aspect: statement.aspect,
            modality: statement.modality,
            reported_by: statement.reported_by.as_ref().and_then(|by| key(by, event, &you)),
            tense: statement.tense,
            valid_from,
            valid_to,
            confidence: statement.confidence,
        });
    }
    claims.extend(policy.iter().filter_map(assertion));
    claims.into_iter().map(Arc::new).collect()
}

fn assertion(row: &PolicyRow) -> Option<Claim> {
    let Policy::Assert { subject, predicate, object, said_at, valid_from } = &row.policy else { return None };
    Some(Claim {
        said_at: *said_at,
        id: ClaimId::of(&[b"policy", &row.key().to_bytes()]),
        scope: row.scope.clone(),
        event: EventId::default(),
        passage: PassageId::default(),
        span: Span { start: 0, end: 0 },
        source: "user".into(),
        subject: subject.clone(),
        predicate: predicate.clone(),
        object: object.clone(),
        further: "".into(),
        polarity: Polarity::Affirmed,
        aspect: Aspect::Holds,
        modality: Modality::Asserted,
        reported_by: None,
        tense: Tense::Present,
        valid_from: Some(valid_from.unwrap_or(*said_at)),
        valid_to: None,
        confidence: 1000,
    })
}

/// Ids outlive the code that made them: the format of what is hashed is written down here a second time.
pub(crate) fn claim_id(said: &Said, subject: &Key, object: &Object) -> ClaimId {
    let statement = &said.statement;
    let mut when: Vec<u8> = Vec::new();
    for expr in [statement.when.from, statement.when.to] {
        let part = |part: Option<i32>| part.unwrap_or(i32::MIN);
        let numbers = match expr {
            None => [0, 0, 0, 0],
            Some(TimeExpr::Date { year, month, day }) => {
                [1, part(year.map(Into::into)), part(month.map(Into::into)), part(day.map(Into::into))]
            }
            Some(TimeExpr::Offset(count, unit)) => [2, count, unit as i32, 0],
            Some(TimeExpr::Weekday(day, direction)) => [3, day.into(), direction.into(), 0],
            // Nobody speaks so in this world.
            Some(TimeExpr::Spoken(_)) => [4, 0, 0, 0],
        };
        when.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    }
    let (sort, object) = match object {
        Object::Key(key) => ("key", key),
        Object::Value(value) => ("value", value),
    };
    let passage = said.passage.id.0.to_bytes();
    let place = said.place.to_le_bytes();
    let names = [statement.polarity.name(), statement.aspect.name(), statement.modality.name(), &*statement.further];
    let texts = [subject, &*statement.predicate, sort, object].into_iter().chain(names).map(str::as_bytes);
    let parts: Vec<&[u8]> = [passage.as_slice(), &place].into_iter().chain(texts).chain([when.as_slice()]).collect();
    ClaimId::of(&parts)
}

fn expired(mut fact: Fact, over: &BTreeSet<i64>) -> Fact {
    if let (Status::Ended, Some(end)) = (fact.status, fact.valid_to) {
        let last_day = (end - 1).div_euclid(DAY);
        if last_day >= 0 && !over.contains(&last_day) {
            fact.status = Status::Current;
        }
    }
    fact
}

fn salience(
    live: &[&Arc<EventRow>],
    events: &BTreeMap<EventId, Arc<EventRow>>,
    claims: &[Arc<Claim>],
    people: &People,
    about: &BTreeSet<(Scope, EntityId, EventId)>,
) -> Vec<Salience> {
    let mut signals: Vec<(EventId, Signal)> = Vec::new();
    for claim in claims {
        let signal = if claim.modality == Modality::Asserted { Signal::Fact } else { Signal::Claim };
        signals.push((claim.event, signal));
    }
    let mut spoke = Vec::new();
    for event in live {
        signals.extend(event.reply_to.map(|replied| (replied, Signal::Reply)));
        for name in event.addressees.iter().chain([&event.author]).filter(|_| event.kind != Kind::Notice) {
            let key = account(name, &event.platform);
            let me = people.entities.iter().filter(|entity| &*entity.kind == "me" && entity.scope == event.scope);
            if key.is_some_and(|key| me.clone().any(|me| me.keys.contains(&key))) {
                signals.push((event.id, Signal::Mine));
            }
        }
        let author = account(&event.author, &event.platform).filter(|_| event.kind != Kind::Notice);
        let entity = author.and_then(|key| people.member(&event.scope, &key));
        spoke.extend(entity.map(|entity| ((event.scope.clone(), entity), event.said_at)));
    }
    for (scope, entity, event) in about {
        spoke.extend(events.get(event).map(|event| ((scope.clone(), *entity), event.said_at)));
    }
    let events: Vec<Arc<EventRow>> = events.values().cloned().collect();
    let of_events = weigh::events_naive(&signals, &events);
    of_events.into_iter().chain(weigh::entities_naive(&spoke)).collect()
}

/// Which events are about whom.
fn about(resolved: &[Resolved], mentions: &[MentionRow]) -> BTreeSet<(Scope, EntityId, EventId)> {
    let mut about: BTreeSet<(Scope, EntityId, EventId)> = BTreeSet::new();
    for row in resolved {
        about.insert((row.claim.scope.clone(), row.subject, row.claim.event));
        if let Held::Entity(object) = row.object {
            about.insert((row.claim.scope.clone(), object, row.claim.event));
        }
    }
    about.extend(mentions.iter().filter_map(|row| Some((row.scope.clone(), row.entity?, row.event))));
    about
}

fn rankings(about: BTreeSet<(Scope, EntityId, EventId)>, salience: &[Salience]) -> Vec<Ranking> {
    let mut candidates: BTreeMap<(Scope, EntityId), BTreeSet<(i64, EventId)>> = BTreeMap::new();
    for (scope, entity, event) in about {
        if let Some(row) = salience.iter().find(|row| &*row.kind == "event" && row.target == event.0) {
            candidates.entry((scope, entity)).or_default().insert((-row.score, event));
        }
    }
    let mut rankings = Vec::new();
    for ((scope, entity), events) in candidates {
        for (rank, (score, event)) in (1..=10).zip(events) {
            rankings.push(Ranking { scope: scope.clone(), entity, rank, event, score: -score });
        }
    }
    rankings
}
