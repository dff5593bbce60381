//! The law, and the stories that say what consolidation is for.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use nexus_types::{
    Action, Aspect, Cardinality, Claim, ClaimId, EntityId, EventId, Fact, Hash128, Held, Millis, Modality, Object,
    PassageId, Polarity, Policy, PolicyRow, Predicate, Status, Tense, Text, passage::Span,
};

use super::{Consolidation, Resolved, Row, consolidate, naive, sides};
use crate::check::{Draw, check2};
use crate::per_key::Machine;
use crate::{Collection, Diff};

const DAY: Millis = 86_400_000;

/// A claim of the first source about the first subject, in scope `s`.
fn claim(said_at: Millis, id: u64, predicate: &str, object: &str) -> Claim {
    Claim {
        said_at,
        id: ClaimId(Hash128([id, 0])),
        scope: "s".into(),
        event: EventId::default(),
        passage: PassageId::default(),
        span: Span { start: 0, end: 0 },
        source: "irc".into(),
        subject: "account:irc/anna".into(),
        predicate: predicate.into(),
        object: Object::Value(object.into()),
        further: Text::default(),
        polarity: Polarity::Affirmed,
        aspect: Aspect::Holds,
        modality: Modality::Asserted,
        reported_by: None,
        tense: Tense::Present,
        valid_from: None,
        valid_to: None,
        confidence: 900,
    }
}

fn resolved(claim: Claim) -> Resolved {
    let object = match &claim.object {
        Object::Value(text) => Held::Value(text.clone()),
        Object::Key(key) => Held::Entity(EntityId::of(&[key.as_bytes()])),
    };
    let subject = EntityId::of(&[claim.subject.as_bytes()]);
    Resolved { claim: Arc::new(claim), subject, object }
}

fn rule(name: &str, cardinality: Cardinality, opposite: Option<&str>) -> PolicyRow {
    let predicate = Predicate { opposite: opposite.map(Text::from), ..Predicate::new(name, cardinality) };
    PolicyRow { scope: "s".into(), policy: Policy::Predicate(predicate) }
}

fn policy() -> Vec<PolicyRow> {
    vec![
        rule("lives_in", Cardinality::Replace, None),
        rule("likes", Cardinality::Add, Some("dislikes")),
        rule("dislikes", Cardinality::Add, Some("likes")),
        rule("visited", Cardinality::Event, None),
        rule("number_of_*", Cardinality::Replace, None),
        other("parent", |rule| rule.inverse = Some("child".into())),
        other("child", |rule| rule.inverse = Some("parent".into())),
        other("friend", |rule| rule.symmetric = true),
        other("met", |rule| (rule.symmetric, rule.cardinality) = (true, Cardinality::Event)),
        other("moved_to", |rule| (rule.ends, rule.cardinality) = (vec!["lives_in".into()], Cardinality::Event)),
    ]
}

/// The row of a predicate that adds up, but for what `how` changes.
fn other(name: &str, how: impl FnOnce(&mut Predicate)) -> PolicyRow {
    let mut predicate = Predicate::new(name, Cardinality::Add);
    how(&mut predicate);
    PolicyRow { scope: "s".into(), policy: Policy::Predicate(predicate) }
}

/// Few instants, values and keys, so that everything meets everything.
fn draw_claim(draw: &mut Draw) -> Resolved {
    let time = |draw: &mut Draw| draw.between(0, 9) * DAY / 2;
    let predicate =
        *draw.pick(&["lives_in", "lives_in", "number_of_cats", "likes", "dislikes", "visited", "odd", "moved_to"]);
    let relation = *draw.pick(&["parent", "child", "friend", "met", "odd", "lives_in"]);
    let object = *draw.pick(&["Oslo", " oslo", "Rome", "Bonn", "Bonn", "New  bonn", ""]);
    let mut row = claim(time(draw), draw.below(40), predicate, object);
    if draw.one_in(3) {
        row.predicate = relation.into();
        row.object = Object::Key((*draw.pick(&["account:irc/anna", "account:irc/ben", "account:irc/cleo"])).into());
    }
    row.scope = (*draw.pick(&["s", "s", "s", "t"])).into();
    row.subject = (*draw.pick(&["account:irc/anna", "account:irc/anna", "account:irc/ben"])).into();
    row.source = (*draw.pick(&["irc", "mail"])).into();
    row.aspect = *draw.pick(&[Aspect::Holds, Aspect::Holds, Aspect::Begins, Aspect::Ends, Aspect::Was]);
    row.polarity = if draw.one_in(6) { Polarity::Denied } else { Polarity::Affirmed };
    row.modality = if draw.one_in(12) { *draw.pick(Modality::ALL) } else { Modality::Asserted };
    row.valid_from = draw.one_in(3).then(|| time(draw));
    row.valid_to = draw.one_in(4).then(|| time(draw));
    row.confidence = *draw.pick(&[900, 900, 500, 300]);
    // One claim, one row: the id is all that differs between two claims said at one time.
    row.id = ClaimId::of(&[format!("{row:?}").as_bytes()]);
    resolved(row)
}

fn draw_policy(draw: &mut Draw) -> PolicyRow {
    let mut row = match draw.below(6) {
        4 => other(draw.pick::<&str>(&["odd", "parent", "met", "likes"]), |rule| {
            rule.cardinality = *draw.pick(Cardinality::ALL);
            rule.symmetric = draw.one_in(2);
            rule.inverse = draw.one_in(2).then(|| (*draw.pick(&["friend", "parent", "odd"])).into());
        }),
        5 => other(draw.pick::<&str>(&["odd", "visited", "lives_in"]), |rule| {
            rule.cardinality = *draw.pick(Cardinality::ALL);
            rule.ends = vec!["lives_in".into(), (*draw.pick(&["odd", "likes"])).into()];
        }),
        0 => rule(
            draw.pick::<&str>(&["lives_in", "odd", "visited", "number_of_*", "number_of_cats"]),
            *draw.pick(Cardinality::ALL),
            None,
        ),
        1 => PolicyRow {
            scope: "s".into(),
            policy: Policy::Trust { source: (*draw.pick(&["irc", "mail"])).into(), trust: *draw.pick(&[0, 300, 1000]) },
        },
        2 => PolicyRow { scope: "s".into(), policy: Policy::Reject(draw_claim(draw).claim.id) },
        _ => draw.pick(&policy()).clone(),
    };
    row.scope = (*draw.pick(&["s", "s", "t"])).into();
    row
}

/// A claim of one of the few keys that everything meets in.
fn crowded(draw: &mut Draw) -> Resolved {
    let mut claim = Claim::clone(&draw_claim(draw).claim);
    claim.scope = "s".into();
    if draw.one_in(2) {
        claim.subject = "account:irc/anna".into();
    }
    resolved(claim)
}

/// Puts a row in if it is not there, takes it out if it is.
fn toggle<T: Ord + Clone>(rows: &mut BTreeSet<T>, row: T) -> Diff {
    if rows.remove(&row) {
        return -1;
    }
    rows.insert(row);
    1
}

/// Both outputs as one.
fn together<'s>(claims: Collection<'s, Resolved>, policy: Collection<'s, PolicyRow>) -> Collection<'s, Row> {
    let (facts, decisions) = consolidate(claims, policy);
    facts.map(Row::Fact).concat(decisions.map(Row::Decision))
}

fn together_naive(claims: &[Resolved], policy: &[PolicyRow]) -> Vec<Row> {
    let (facts, decisions) = naive::consolidate(claims, policy);
    facts.into_iter().map(Row::Fact).chain(decisions.into_iter().map(Row::Decision)).collect()
}

#[test]
fn agrees_with_naive() {
    check2("agrees_with_naive", (draw_claim, draw_policy), together, together_naive);
}

/// Many claims in few keys, straight into the machine: more cases than workers have time for.
#[test]
fn crowded_keys_agree_with_naive() {
    for seed in 0..3000 {
        let mut draw = Draw::new(seed);
        let mut machine = Consolidation::default();
        let mut claims: BTreeSet<Resolved> = BTreeSet::new();
        let mut rules: BTreeSet<PolicyRow> = policy().into_iter().collect();
        let mut held: BTreeMap<Row, Diff> = BTreeMap::new();
        let mut changes: Vec<(PolicyRow, Diff)> = rules.iter().map(|row| (row.clone(), 1)).collect();
        for turn in 0..12 {
            let mut rows = Vec::new();
            for _ in 0..draw.below(8) {
                let old = claims.iter().nth(draw.below(2 * claims.len() as u64) as usize).cloned();
                let row = old.unwrap_or_else(|| crowded(&mut draw));
                rows.push((row.clone(), toggle(&mut claims, row)));
            }
            if draw.one_in(3) {
                let row = draw_policy(&mut draw);
                changes.push((row.clone(), toggle(&mut rules, row)));
            }
            let mut out = Vec::new();
            let rows = rows.into_iter().flat_map(|(row, diff)| sides(row).map(move |side| (side, diff))).collect();
            machine.turn(rows, std::mem::take(&mut changes), &mut out);
            out.into_iter().for_each(|(row, diff)| *held.entry(row).or_insert(0) += diff);
            held.retain(|_, count| *count != 0);
            let expected =
                together_naive(&claims.iter().cloned().collect::<Vec<_>>(), &rules.iter().cloned().collect::<Vec<_>>());
            let expected: BTreeMap<Row, Diff> = expected.into_iter().map(|row| (row, 1)).collect();
            assert_eq!(held, expected, "seed {seed}, turn {turn}");
        }
    }
}

/// A story: claims in the order they are said, one day apart, each with what may be said about it. Shows the facts held
/// at its end as `object from-to status support`, in days.
fn story(claims: Vec<Claim>) -> (Vec<String>, Vec<(Action, Text)>) {
    let claims: Vec<Resolved> = claims.into_iter().map(resolved).collect();
    let (facts, mut decisions) = naive::consolidate(&claims, &policy());
    let day = |time: Option<Millis>| time.map_or("..".to_string(), |time| (time / DAY).to_string());
    let mut held: Vec<&Fact> = facts.iter().filter(|fact| fact.known_to.is_none()).collect();
    held.sort_by_key(|fact| (fact.valid_from, fact.predicate.clone()));
    let show = |fact: &&Fact| {
        let object = match &fact.object {
            Held::Value(object) => object.to_string(),
            Held::Entity(entity) => name(*entity).to_string(),
        };
        let (from, to) = (day(fact.valid_from), day(fact.valid_to));
        format!("{} {object} {from}-{to} {} {}", fact.predicate, fact.status, fact.support)
    };
    decisions.sort_by_key(|decision| (decision.said_at, decision.claim));
    (
        held.iter().map(show).collect(),
        decisions.into_iter().map(|decision| (decision.action, decision.reason)).collect(),
    )
}

fn name(entity: EntityId) -> &'static str {
    let is = |name: &&&str| EntityId::of(&[format!("account:irc/{name}").as_bytes()]) == entity;
    ["anna", "ben", "cleo"].iter().find(is).unwrap()
}

/// A claim of somebody about somebody.
fn between(day: i64, subject: &str, predicate: &str, object: &str) -> Claim {
    let key = |name: &str| Text::from(format!("account:irc/{name}"));
    Claim { subject: key(subject), object: Object::Key(key(object)), ..said(day, predicate, "") }
}

fn said(day: i64, predicate: &str, object: &str) -> Claim {
    claim(day * DAY, day as u64, predicate, object)
}

fn facts(claims: Vec<Claim>) -> Vec<String> {
    story(claims).0
}

#[test]
fn a_move_supersedes_and_its_retraction_brings_back() {
    let london = said(1, "lives_in", "London");
    let berlin = Claim { aspect: Aspect::Begins, ..said(5, "lives_in", "Berlin") };
    let again = said(7, "lives_in", " berlin ");
    assert_eq!(facts(vec![london.clone()]), ["lives_in London 1-.. current 1"]);
    let (held, decisions) = story(vec![london, berlin, again]);
    assert_eq!(held, ["lives_in London 1-5 superseded 1", "lives_in Berlin 5-.. current 2"]);
    assert_eq!(decisions.iter().map(|d| d.0).collect::<Vec<_>>(), [Action::Add, Action::Update, Action::Noop]);
}

#[test]
fn a_late_word_about_the_past_does_not_touch_the_present() {
    let berlin = said(9, "lives_in", "Berlin");
    let oslo = Claim { valid_from: Some(2 * DAY), valid_to: Some(4 * DAY), ..said(10, "lives_in", "Oslo") };
    let rome = Claim { valid_from: Some(3 * DAY), aspect: Aspect::Begins, ..said(11, "lives_in", "Rome") };
    let bonn = Claim { aspect: Aspect::Was, ..said(12, "lives_in", "Bonn") };
    assert_eq!(
        facts(vec![berlin, oslo, rome, bonn]),
        [
            "lives_in Bonn ..-2 ended 1",
            "lives_in Oslo 2-3 superseded 1",
            "lives_in Rome 3-9 superseded 1",
            "lives_in Berlin 9-.. current 1",
        ]
    );
}

#[test]
fn an_interval_within_another_cuts_it_in_two() {
    let rome = said(1, "lives_in", "Rome");
    let oslo = Claim { valid_from: Some(2 * DAY), valid_to: Some(4 * DAY), ..said(9, "lives_in", "Oslo") };
    assert_eq!(
        facts(vec![rome, oslo]),
        ["lives_in Rome 1-2 superseded 1", "lives_in Oslo 2-4 ended 1", "lives_in Rome 4-.. current 1"]
    );
}

#[test]
fn since_when_and_until_when_are_learnt_later() {
    let oslo = said(5, "lives_in", "Oslo");
    let since = Claim { valid_from: Some(2 * DAY), ..said(6, "lives_in", "Oslo") };
    let left = Claim { aspect: Aspect::Ends, valid_to: Some(8 * DAY), ..said(9, "lives_in", "") };
    assert_eq!(facts(vec![oslo, since, left]), ["lives_in Oslo 2-8 ended 2"]);
}

#[test]
fn what_adds_up_stays_apart_and_opposites_exclude_each_other() {
    let tea = said(1, "likes", "tea");
    let jam = said(2, "likes", "jam");
    let no_tea = said(3, "dislikes", "Tea");
    let odd = said(4, "collects", "stamps");
    assert_eq!(
        facts(vec![tea, jam, no_tea, odd]),
        [
            "likes tea 1-3 superseded 1",
            "likes jam 2-.. current 1",
            "dislikes Tea 3-.. current 1",
            "collects stamps 4-.. current 1",
        ]
    );
}

#[test]
fn a_relation_is_one_fact_whichever_end_speaks() {
    let child = between(1, "anna", "child", "ben");
    let parent = between(2, "ben", "parent", "anna");
    let no_more = Claim { polarity: Polarity::Denied, ..between(4, "ben", "friend", "anna") };
    let friends = between(3, "anna", "friend", "ben");
    let (held, decisions) = story(vec![child, parent, friends, no_more]);
    assert_eq!(held, ["child ben 1-.. current 2", "friend ben 3-4 ended 1"]);
    assert_eq!(
        decisions.iter().map(|d| d.0).collect::<Vec<_>>(),
        [Action::Add, Action::Noop, Action::Add, Action::Delete]
    );
}

#[test]
fn a_beginning_ends_what_policy_says_unless_it_is_the_same() {
    let oslo = said(1, "lives_in", "Oslo");
    let moved = |day: i64, place: &str| said(day, "moved_to", place);
    let (held, decisions) = story(vec![oslo.clone(), moved(2, "Oslo"), moved(5, "Rome")]);
    assert_eq!(held, ["lives_in Oslo 1-5 ended 1", "moved_to Oslo 2-3 ended 1", "moved_to Rome 5-6 ended 1"]);
    assert_eq!(decisions.len(), 3, "each claim has one decision");
    let rows = [oslo, moved(5, "Rome")].map(resolved);
    let (facts, _) = naive::consolidate(&rows, &policy());
    let ended = facts.iter().find(|fact| &*fact.predicate == "lives_in" && fact.known_to.is_none());
    assert_eq!(ended.unwrap().ended_by, Some(rows[1].claim.id));
}

#[test]
fn of_two_values_said_at_once_the_more_exact_one_holds() {
    let at_once = |id: u64, place: &str| Claim { id: ClaimId(Hash128([id, 0])), ..said(3, "lives_in", place) };
    for (first, second, support) in [("museum", "Maritime  Museum", 1), ("Maritime Museum", "museum", 2)] {
        let (held, decisions) = story(vec![at_once(1, first), at_once(2, second)]);
        let exact = if support == 1 { second } else { first };
        assert_eq!(held, [format!("lives_in {exact} 3-.. current {support}")]);
        let words = if support == 1 { "more exactly" } else { "agrees" };
        assert!(decisions[1].1.contains(words), "{decisions:?}");
    }
    assert_eq!(facts(vec![at_once(1, "seum"), at_once(2, "museum")]).len(), 2);
}

#[test]
fn two_values_said_at_once_are_disputed_until_a_later_word_settles_it() {
    let at_once = |id: u64, place: &str| Claim { id: ClaimId(Hash128([id, 0])), ..said(3, "lives_in", place) };
    let both = vec![at_once(1, "Oslo"), at_once(2, "Rome")];
    let turned = vec![at_once(2, "Oslo"), at_once(1, "Rome")];
    let (held, decisions) = story(both.clone());
    assert_eq!(held, ["lives_in Oslo 3-.. disputed 1", "lives_in Rome 3-.. disputed 1"]);
    assert_eq!(decisions.iter().map(|d| d.0).collect::<Vec<_>>(), [Action::Add, Action::Add]);
    assert!(decisions[1].1.contains("both stay"));
    let mut other = facts(turned);
    other.sort();
    assert_eq!(other, held, "ids do not decide");

    let with = |claim: Claim| facts([both.clone(), vec![claim]].concat());
    assert_eq!(with(said(5, "lives_in", "Rome")), ["lives_in Rome 3-.. current 2"]);
    assert_eq!(
        with(Claim { polarity: Polarity::Denied, ..said(5, "lives_in", "Rome") }),
        ["lives_in Oslo 3-.. current 1"]
    );
    assert_eq!(
        with(said(5, "lives_in", "Bonn")),
        ["lives_in Oslo 3-5 superseded 1", "lives_in Rome 3-5 superseded 1", "lives_in Bonn 5-.. current 1",]
    );
    let weak = Claim { confidence: 400, ..at_once(2, "Rome") };
    assert_eq!(facts(vec![at_once(1, "Oslo"), weak]), ["lives_in Oslo 3-.. current 1"]);
}

#[test]
fn events_happen_once_a_day() {
    let oslo = |day: i64| said(day, "visited", "Oslo");
    let yesterday = Claim { valid_from: Some(3 * DAY), ..oslo(4) };
    let denied = Claim { polarity: Polarity::Denied, valid_from: Some(5 * DAY), ..oslo(6) };
    assert_eq!(
        facts(vec![oslo(1), oslo(3), yesterday, oslo(5), denied]),
        ["visited Oslo 1-2 ended 1", "visited Oslo 3-4 ended 2"]
    );
}

#[test]
fn weak_words_and_words_that_are_no_assertions_change_nothing() {
    let oslo = said(1, "lives_in", "Oslo");
    let weak = Claim { confidence: 400, ..said(2, "lives_in", "Rome") };
    let wish = Claim { modality: Modality::Intended, ..said(3, "lives_in", "Bonn") };
    let (held, decisions) = story(vec![oslo, weak, wish]);
    assert_eq!(held, ["lives_in Oslo 1-.. current 1"]);
    assert_eq!(&*decisions[1].1, "a word more than twice as strong says otherwise");
    assert_eq!(&*decisions[2].1, "intended, not a fact");
}

#[test]
fn what_was_known_when_is_kept() {
    let oslo = said(1, "lives_in", "Oslo");
    let rome = said(4, "lives_in", "Rome");
    let claims = [resolved(oslo), resolved(rome)];
    let (facts, _) = naive::consolidate(&claims, &policy());
    let known_at = |day: i64| {
        let known = facts
            .iter()
            .filter(move |fact| fact.known_from <= day * DAY && fact.known_to.is_none_or(|to| to > day * DAY));
        known.map(|fact| (fact.valid_to.map(|to| to / DAY), fact.status)).collect::<Vec<_>>()
    };
    assert_eq!(known_at(0), []);
    assert_eq!(known_at(2), [(None, Status::Current)]);
    assert_eq!(known_at(5), [(Some(4), Status::Superseded), (None, Status::Current)]);
}
