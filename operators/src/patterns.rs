//! Patterns: how the mood of a person, or of a thread, goes over the weeks, and when it turned.
//!
//! A window is a week from Monday, UTC, by when things were said: fixed, so that no pattern changes merely because time
//! passes. Of each window with a message that feels like something there is an arc: the mean of their valences. A window
//! begins a change if the mean of the [`SPAN`] weeks from it on differs from that of the [`SPAN`] before it by
//! [`SHIFT_MIN`] or more, both have [`MESSAGES_MIN`] messages, and no other within [`SPAN`] weeks of it, in the same
//! direction, differs more (of equals the first). Cost: O(log n) in the weeks of a person or thread, and the weeks around
//! the one that changes. Memory: 24 bytes per week.

use std::collections::{BTreeMap, BTreeSet};

use nexus_types::{EntityId, EventRow, Kind, Millis, Pattern, Scope, Text};

use crate::affect::{Felt, mean};
use crate::evidence::Who;
use crate::per_key::{State, per_key};
use crate::{Arrangement, Collection, Diff, ground};

/// How many weeks on either side of a change are compared.
pub const SPAN: i64 = 4;
/// The fewest messages on either side of a change.
pub const MESSAGES_MIN: i64 = 5;
/// The least difference that is a change, in thousandths.
pub const SHIFT_MIN: i64 = 300;

const DAY: Millis = 86_400_000;

/// What a pattern is of: `person` or `thread`, and which.
type Target = (Scope, Text, Text);

/// The arcs and changes of everybody who speaks and of every thread.
pub fn patterns<'s>(felt: Collection<'s, Felt>, members: Arrangement<'s, Who, EntityId>) -> Collection<'s, Pattern> {
    let by_person = felt
        .clone()
        .flat_map(|felt| author(&felt.event).map(|who| (who, (week(felt.event.said_at), felt.valence))))
        .arrange_by_key_named("moods by speaker")
        .join_core(members, |(scope, _), mood, entity| Some((person(scope, *entity), *mood)));
    let by_thread = felt.map(|felt| (thread(&felt.event), (week(felt.event.said_at), felt.valence)));
    per_key::<_, _, Weeks>(by_person.concat(by_thread), "Patterns")
}

fn author(event: &EventRow) -> Option<Who> {
    let speaks = event.live() && event.kind != Kind::Notice;
    let key = speaks.then(|| ground::handle(&event.author, &event.platform)).flatten();
    key.map(|key| (event.scope.clone(), key))
}

fn person(scope: &Scope, entity: EntityId) -> Target {
    (scope.clone(), "person".into(), entity.to_string().into())
}

fn thread(event: &EventRow) -> Target {
    let places = [&event.platform, &event.channel].into_iter().chain(&event.thread);
    let places: Vec<&str> = places.map(|place| &**place).filter(|place| !place.is_empty()).collect();
    (event.scope.clone(), "thread".into(), places.join("/").into())
}

/// The number of the week, from Monday, that an instant falls into.
fn week(at: Millis) -> i64 {
    (at.div_euclid(DAY) + 3).div_euclid(7)
}

/// When a week begins.
fn monday(week: i64) -> Millis {
    (7 * week - 3) * DAY
}

/// Each week's sum of valences, and how many there are.
#[derive(Default)]
struct Weeks(BTreeMap<i64, (i64, i64)>);

impl State<Target, (i64, i16)> for Weeks {
    type Out = Pattern;

    fn update(&mut self, target: &Target, changes: Vec<((i64, i16), Diff)>, out: &mut Vec<(Self::Out, Diff)>) {
        let weeks: BTreeSet<i64> = changes.iter().map(|((week, _), _)| *week).collect();
        // What a week does reaches the changes that look at it, and those that compare themselves with these.
        let near: BTreeSet<i64> = weeks.iter().flat_map(|week| week - 2 * SPAN..=week + 2 * SPAN).collect();
        self.say(target, &weeks, &near, -1, out);
        for ((week, valence), diff) in changes {
            let (sum, count) = self.0.entry(week).or_default();
            *sum += i64::from(valence) * diff as i64;
            *count += diff as i64;
            if *count == 0 {
                self.0.remove(&week);
            }
        }
        self.say(target, &weeks, &near, 1, out);
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Weeks {
    /// The arcs of these weeks, and the changes that begin in those.
    fn say(
        &self,
        (scope, about, target): &Target,
        arcs: &BTreeSet<i64>,
        changes: &BTreeSet<i64>,
        sign: Diff,
        out: &mut Vec<(Pattern, Diff)>,
    ) {
        let pattern = |kind: &str, week: i64, (sum, count): (i64, i64), before: Option<i16>| Pattern {
            scope: scope.clone(),
            kind: kind.into(),
            about: about.clone(),
            target: target.clone(),
            at: monday(week),
            messages: count as u32,
            valence: mean(sum, count) as i16,
            before,
        };
        for week in arcs {
            out.extend(self.0.get(week).map(|total| (pattern("arc", *week, *total, None), sign)));
        }
        for week in changes.iter().filter(|week| self.turns(**week)) {
            let (before, after) = (self.total(week - SPAN, *week), self.total(*week, week + SPAN));
            let before = mean(before.0, before.1) as i16;
            out.push((pattern("change", *week, after, Some(before)), sign));
        }
    }

    /// Sum and count of the weeks from one until another.
    fn total(&self, from: i64, to: i64) -> (i64, i64) {
        self.0.range(from..to).fold((0, 0), |total, (_, week)| (total.0 + week.0, total.1 + week.1))
    }

    /// By how much the mean differs from a week on; 0 if that is too little, or of too few.
    fn shift(&self, week: i64) -> i64 {
        let (before, after) = (self.total(week - SPAN, week), self.total(week, week + SPAN));
        if !self.0.contains_key(&week) || before.1.min(after.1) < MESSAGES_MIN {
            return 0;
        }
        let shift = mean(after.0, after.1) - mean(before.0, before.1);
        if shift.abs() < SHIFT_MIN { 0 } else { shift }
    }

    /// Whether a change begins in a week.
    fn turns(&self, week: i64) -> bool {
        let shift = self.shift(week);
        let near = self.0.range(week - SPAN..=week + SPAN).map(|(other, _)| *other).filter(|other| *other != week);
        let yields = |other: i64| {
            let its = self.shift(other);
            its.signum() == shift.signum() && (its.abs(), week) > (shift.abs(), other)
        };
        shift != 0 && !near.into_iter().any(yields)
    }
}

/// The meaning, by brute force.
pub fn patterns_naive(felt: &[Felt], members: &[(Who, EntityId)]) -> Vec<Pattern> {
    let mut moods: BTreeMap<Target, Vec<(i64, i64)>> = BTreeMap::new();
    for felt in felt {
        // 1969-12-29 was a Monday.
        let week = (felt.event.said_at + 3 * DAY).div_euclid(7 * DAY);
        let mood = (week, i64::from(felt.valence));
        moods.entry(thread(&felt.event)).or_default().push(mood);
        let who = author(&felt.event);
        for (_, entity) in members.iter().filter(|(member, _)| Some(member) == who.as_ref()) {
            moods.entry(person(&felt.event.scope, *entity)).or_default().push(mood);
        }
    }
    moods.iter().flat_map(|(target, moods)| of_target(target, moods)).collect()
}

fn of_target((scope, about, target): &Target, moods: &[(i64, i64)]) -> Vec<Pattern> {
    let weeks: BTreeSet<i64> = moods.iter().map(|(week, _)| *week).collect();
    let within = |from: i64, to: i64| -> Vec<i64> {
        moods.iter().filter(|(week, _)| (from..to).contains(week)).map(|(_, valence)| *valence).collect()
    };
    let average = |moods: &[i64]| (moods.iter().sum::<i64>() as f64 / moods.len() as f64 + 0.5).floor() as i64;
    let shift = |week: i64| {
        let (before, after) = (within(week - 4, week), within(week, week + 4));
        let enough = before.len() >= 5 && after.len() >= 5;
        let shift = if enough { average(&after) - average(&before) } else { 0 };
        if shift.abs() >= 300 { shift } else { 0 }
    };
    let pattern = |kind: &str, week: i64, moods: Vec<i64>, before: Option<i16>| Pattern {
        scope: scope.clone(),
        kind: kind.into(),
        about: about.clone(),
        target: target.clone(),
        at: week * 7 * DAY - 3 * DAY,
        messages: moods.len() as u32,
        valence: average(&moods) as i16,
        before,
    };
    let mut out: Vec<Pattern> = weeks.iter().map(|week| pattern("arc", *week, within(*week, week + 1), None)).collect();
    for week in weeks.iter().filter(|week| shift(**week) != 0) {
        let alike = weeks.iter().filter(|other| (*other - week).abs() <= 4 && shift(**other) * shift(*week) > 0);
        let strongest = alike.max_by_key(|other| (shift(**other).abs(), -**other));
        if strongest == Some(week) {
            let before = average(&within(week - 4, *week)) as i16;
            out.push(pattern("change", *week, within(*week, week + 4), Some(before)));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use nexus_types::Hash128;

    use super::*;
    use crate::check::{Draw, check2};
    use crate::fake;

    /// Few people, and enough moods in few weeks that they turn.
    fn felt(draw: &mut Draw) -> Felt {
        let mut event = (*fake::event(draw)).clone();
        event.said_at = draw.between(-2, 6) * 7 * DAY + draw.between(-4, 4) * DAY;
        event.author = (*draw.pick(&["anna", "anna", "ben"])).into();
        let valence = *draw.pick(&[-900, -700, 100, 800]);
        Felt { event: Arc::new(event), valence, confidence: 700, signals: "joy 700".into() }
    }

    fn member(draw: &mut Draw) -> (Who, EntityId) {
        let key = (*draw.pick(&["account:irc/anna", "account:irc/ben", "account:mail/anna"])).into();
        ((fake::scope(draw), key), EntityId(Hash128([draw.below(2), 0])))
    }

    #[test]
    fn agrees_with_naive() {
        check2(
            "patterns",
            (felt, member),
            |felt, members| patterns(felt, members.arrange_by_key_named("members")),
            patterns_naive,
        );
    }

    /// More moods than a dataflow has time for: the machine of one thread against the definition.
    #[test]
    fn crowded_weeks_agree_with_naive() {
        let target: Target = ("s".into(), "thread".into(), "irc/#x".into());
        let mut turned = 0;
        for seed in 0..200 {
            let mut draw = Draw::new(seed);
            let (mut weeks, mut moods) = (Weeks::default(), Vec::new());
            let mut held: BTreeMap<Pattern, Diff> = BTreeMap::new();
            for _ in 0..30 {
                let mut changes: BTreeMap<(i64, i16), Diff> = BTreeMap::new();
                for _ in 0..draw.below(8) {
                    if draw.one_in(4) && !moods.is_empty() {
                        let gone = moods.swap_remove(draw.below(moods.len() as u64) as usize);
                        *changes.entry(gone).or_default() -= 1;
                    } else {
                        let mood = (draw.between(0, 12), (draw.between(-10, 10) * 100) as i16);
                        moods.push(mood);
                        *changes.entry(mood).or_default() += 1;
                    }
                }
                changes.retain(|_, diff| *diff != 0);
                let mut out = Vec::new();
                weeks.update(&target, changes.into_iter().collect(), &mut out);
                out.into_iter().for_each(|(row, diff)| *held.entry(row).or_default() += diff);
                held.retain(|_, count| *count != 0);
                let moods: Vec<(i64, i64)> = moods.iter().map(|(week, valence)| (*week, i64::from(*valence))).collect();
                let expected = of_target(&target, &moods).into_iter().map(|row| (row, 1)).collect();
                assert_eq!(held, expected, "seed {seed}");
            }
            turned += held.keys().filter(|row| &*row.kind == "change").count();
        }
        assert!(turned > 100, "moods turn: {turned}");
    }
}
