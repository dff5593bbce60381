//! What events feel like and how moods go, by brute force: the oracle's part on affect.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use nexus_types::*;

use crate::oracle::read;
use crate::people::{People, account};
use crate::world::{DAY, Ground};

/// The mean, to the nearest, halves up.
fn mean(values: &[(i64, i64)]) -> i64 {
    let weight: i64 = values.iter().map(|(_, weight)| weight).sum();
    let sum: i64 = values.iter().map(|(value, weight)| value * weight).sum();
    (sum as f64 / weight as f64 + 0.5).floor() as i64
}

fn plain(values: impl Iterator<Item = i64>) -> i64 {
    mean(&values.map(|value| (value, 1)).collect::<Vec<_>>())
}

pub(crate) fn affects(passages: &[(Passage, Arc<EventRow>)], policy: &[PolicyRow], ground: &Ground) -> Vec<AffectRow> {
    let mut felt: BTreeMap<(EventId, Scope), Vec<&Affect>> = BTreeMap::new();
    for (passage, event) in passages {
        let affect = read(passage, policy, ground).and_then(|extraction| extraction.affect.as_ref());
        if let Some(affect) = affect.filter(|affect| affect.confidence > 0) {
            felt.entry((event.id, event.scope.clone())).or_default().push(affect);
        }
    }
    let row = |((event, scope), felt): ((EventId, Scope), Vec<&Affect>)| {
        let mut surest: BTreeMap<&str, u16> = BTreeMap::new();
        for (name, sure) in felt.iter().flat_map(|affect| &affect.emotions) {
            let most = surest.get(&**name).copied().unwrap_or(0).max(*sure);
            surest.insert(name, most);
        }
        let mut signals: Vec<(&str, u16)> = surest.into_iter().collect();
        signals.sort_by_key(|(_, sure)| u16::MAX - sure);
        let signals: Vec<String> = signals.iter().map(|(name, sure)| format!("{name} {sure}")).collect();
        let weighted: Vec<_> = felt.iter().map(|affect| (affect.valence.into(), affect.confidence.into())).collect();
        AffectRow {
            scope,
            event,
            valence: mean(&weighted) as i16,
            confidence: plain(felt.iter().map(|affect| affect.confidence.into())) as u16,
            signals: signals.join(", ").into(),
        }
    };
    felt.into_iter().map(row).collect()
}

pub(crate) fn patterns(
    affects: &[AffectRow],
    events: &BTreeMap<EventId, Arc<EventRow>>,
    people: &People,
) -> Vec<Pattern> {
    let mut moods: BTreeMap<(Scope, &str, String), Vec<(i64, i64)>> = BTreeMap::new();
    for affect in affects {
        let event = &events[&affect.event];
        let mood = ((event.said_at.div_euclid(DAY) + 3).div_euclid(7), i64::from(affect.valence));
        let mut thread = format!("{}/{}", event.platform, event.channel);
        thread.extend(event.thread.iter().map(|name| format!("/{name}")));
        moods.entry((event.scope.clone(), "thread", thread)).or_default().push(mood);
        let author = account(&event.author, &event.platform).filter(|_| event.kind != Kind::Notice);
        if let Some(entity) = author.and_then(|key| people.member(&event.scope, &key)) {
            moods.entry((event.scope.clone(), "person", entity.to_string())).or_default().push(mood);
        }
    }
    let mut rows = Vec::new();
    for ((scope, about, target), moods) in moods {
        let said = |from: i64, to: i64| -> Vec<i64> {
            moods.iter().filter(|mood| mood.0 >= from && mood.0 < to).map(|mood| mood.1).collect()
        };
        let weeks: BTreeSet<i64> = moods.iter().map(|mood| mood.0).collect();
        let row = |kind: &str, week: i64, said: Vec<i64>, before: Option<i64>| Pattern {
            scope: scope.clone(),
            kind: kind.into(),
            about: about.into(),
            target: target.as_str().into(),
            at: (week * 7 - 3) * DAY,
            messages: said.len() as u32,
            valence: plain(said.iter().copied()) as i16,
            before: before.map(|before| before as i16),
        };
        let turn = |week: i64| {
            let (before, after) = (said(week - 4, week), said(week, week + 4));
            let known = before.len() >= 5 && after.len() >= 5;
            let turn = if known { plain(after.into_iter()) - plain(before.into_iter()) } else { 0 };
            if turn.abs() < 300 { 0 } else { turn }
        };
        rows.extend(weeks.iter().map(|week| row("arc", *week, said(*week, week + 1), None)));
        for week in weeks.iter().copied().filter(|week| turn(*week) != 0) {
            let mut near = weeks.iter().copied().filter(|other| *other != week && (other - week).abs() <= 4);
            let gives_way = near.any(|other| {
                let same_way = turn(other).signum() == turn(week).signum();
                let (its, mine) = (turn(other).abs(), turn(week).abs());
                same_way && (its > mine || its == mine && other < week)
            });
            if !gives_way {
                let before = plain(said(week - 4, week).into_iter());
                rows.push(row("change", week, said(week, week + 4), Some(before)));
            }
        }
    }
    rows
}
