//! Weigh: how much events and entities matter, in thousandths.
//!
//! An event has a row if anything but its length speaks for it:
//! `recency + 1000·log(facts) + 300·log(other claims) + 500·log(replies) + 500·mine + 100·log(bytes / 64)`,
//! an entity, if somebody mentions it or it speaks: `recency of the last day + 500·log(times)`,
//! where `log(n) = log2(1 + n)` (interpolated), `mine` says that "I" spoke or was addressed, and recency adds
//! 1000 for every 30 days since 1970: what is a month newer weighs as much as one fact more, and no order changes
//! because time passes.
//!
//! Cost: O(1) per signal, whatever the event or entity has gathered before; counts travel as differences. Memory: the
//! counts of events that have signals, and one count per entity and day.

use std::collections::BTreeMap;
use std::sync::Arc;

use differential_dataflow::trace::implementations::{ValBuilder, ValSpine};
use nexus_types::{Claim, EntityId, EventId, EventRow, Millis, Modality, Salience, Scope, Text};
use serde::{Deserialize, Serialize};

use crate::per_key::{State, per_key};
use crate::{Arrangement, Collection, Diff};

/// What speaks for an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Signal {
    /// A claim that is stated as a fact was read from it.
    Fact,
    /// Another claim was read from it.
    Claim,
    /// An event replies to it.
    Reply,
    /// "I" said it, or it was said to me.
    Mine,
}

/// The signals that claims give, and events to those they reply to.
pub fn signals<'s>(
    claims: Collection<'s, Arc<Claim>>,
    events: Collection<'s, Arc<EventRow>>,
) -> Collection<'s, (EventId, Signal)> {
    let of_claim = |claim: &Claim| match claim.modality {
        Modality::Asserted => Signal::Fact,
        _ => Signal::Claim,
    };
    let claims = claims.map(move |claim| (claim.event, of_claim(&claim)));
    let replied = |event: Arc<EventRow>| event.reply_to.filter(|_| event.live()).map(|to| (to, Signal::Reply));
    claims.concat(events.flat_map(replied))
}

/// How much each event matters that has signals. A signal counts as often as it is there, `Mine` once.
pub fn events<'s>(
    signals: Collection<'s, (EventId, Signal)>,
    events: Arrangement<'s, EventId, Arc<EventRow>>,
) -> Collection<'s, Salience> {
    let kind: Text = "event".into();
    signals
        .arrange_by_key_named("signals by event")
        .reduce_abelian::<_, ValBuilder<_, _, _, _>, ValSpine<_, _, _, _>, _, _>(
            "Weigh events",
            |_, signals, out| out.push((weight(signals.iter().map(|(signal, count)| (**signal, *count))), 1)),
            |batch, id, updates| {
                batch.clear();
                batch.extend(updates.drain(..).map(|(weight, time, diff)| ((*id, weight), time, diff)));
            },
        )
        .join_core(events, move |id, weight, event| {
            let length = 100 * log(i64::from(event.text_bytes / 64)) / 1000;
            let score = recency(event.said_at) + weight + length;
            event.live().then(|| Salience { scope: event.scope.clone(), kind: kind.clone(), target: id.0, score })
        })
}

/// The meaning of [`events`], by brute force.
pub fn events_naive(signals: &[(EventId, Signal)], events: &[Arc<EventRow>]) -> Vec<Salience> {
    let salience = |event: &Arc<EventRow>| {
        let count = |signal: Signal| signals.iter().filter(|row| **row == (event.id, signal)).count() as i64;
        let [facts, claims, replies] = [Signal::Fact, Signal::Claim, Signal::Reply].map(|signal| log(count(signal)));
        let mine = count(Signal::Mine).min(1);
        let points = 1000 * facts + 300 * claims + 500 * replies + 500_000 * mine;
        let points = points + 100 * log(i64::from(event.text_bytes / 64));
        let score = event.said_at.div_euclid(2_592_000) + points / 1000;
        Salience { scope: event.scope.clone(), kind: "event".into(), target: event.id.0, score }
    };
    let spoken_for = |event: &&Arc<EventRow>| event.live() && signals.iter().any(|(id, _)| *id == event.id);
    events.iter().filter(spoken_for).map(salience).collect()
}

/// How much each entity matters that is mentioned or speaks, by when that was said.
pub fn entities<'s>(seen: Collection<'s, ((Scope, EntityId), Millis)>) -> Collection<'s, Salience> {
    per_key::<_, _, Seen>(seen.map(|(who, at)| (who, at.div_euclid(DAY))), "Weigh entities")
}

/// The meaning of [`entities`], by brute force.
pub fn entities_naive(seen: &[((Scope, EntityId), Millis)]) -> Vec<Salience> {
    let mut whos: Vec<&(Scope, EntityId)> = seen.iter().map(|(who, _)| who).collect();
    whos.sort();
    whos.dedup();
    let salience = |who: &(Scope, EntityId)| {
        let times = || seen.iter().filter(|row| row.0 == *who).map(|row| row.1);
        let last_day = times().max().unwrap_or(0).div_euclid(DAY) * DAY;
        let score = last_day.div_euclid(2_592_000) + 500 * log(times().count() as i64) / 1000;
        Salience { scope: who.0.clone(), kind: "entity".into(), target: who.1.0, score }
    };
    whos.into_iter().map(salience).collect()
}

/// Milliseconds of a day.
const DAY: Millis = 86_400_000;
/// Milliseconds that one thousandth is worth: 1000 of them are 30 days.
const RECENCY: Millis = 30 * DAY / 1000;

fn recency(said_at: Millis) -> i64 {
    said_at.div_euclid(RECENCY)
}

fn weight(signals: impl Iterator<Item = (Signal, Diff)>) -> i64 {
    let points = signals.map(|(signal, count)| match signal {
        Signal::Fact => 1000 * log(count as i64),
        Signal::Claim => 300 * log(count as i64),
        Signal::Reply => 500 * log(count as i64),
        Signal::Mine => 500_000,
    });
    points.sum::<i64>() / 1000
}

/// `1000 * log2(1 + n)`, linear between powers of two; 0 below 0.
fn log(n: i64) -> i64 {
    let n = n.max(0).saturating_add(1);
    let whole = i64::from(n.ilog2());
    let rest = ((i128::from(n) - (1_i128 << whole)) * 1000) >> whole;
    1000 * whole + rest as i64
}

/// On which days an entity was seen, and how often.
#[derive(Default)]
struct Seen {
    days: BTreeMap<i64, Diff>,
    times: Diff,
}

impl Seen {
    fn salience(&self, (scope, id): &(Scope, EntityId)) -> Option<Salience> {
        let (day, _) = self.days.last_key_value()?;
        let score = recency(day * DAY) + 500 * log(self.times as i64) / 1000;
        Some(Salience { scope: scope.clone(), kind: "entity".into(), target: id.0, score })
    }
}

impl State<(Scope, EntityId), i64> for Seen {
    type Out = Salience;

    fn update(&mut self, who: &(Scope, EntityId), changes: Vec<(i64, Diff)>, out: &mut Vec<(Salience, Diff)>) {
        let before = self.salience(who);
        for (day, diff) in changes {
            self.times += diff;
            let times = self.days.entry(day).or_default();
            *times += diff;
            if *times == 0 {
                self.days.remove(&day);
            }
        }
        let after = self.salience(who);
        if before != after {
            out.extend(before.map(|row| (row, -1)).into_iter().chain(after.map(|row| (row, 1))));
        }
    }

    fn is_empty(&self) -> bool {
        self.days.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use nexus_types::{Hash128, Version};

    use super::*;
    use crate::check::{Draw, check, check2};

    fn signal(draw: &mut Draw) -> (EventId, Signal, u64) {
        let signal = *draw.pick(&[Signal::Fact, Signal::Claim, Signal::Reply, Signal::Mine]);
        (EventId(Hash128([draw.below(4), 0])), signal, draw.below(5))
    }

    fn event(draw: &mut Draw) -> Arc<EventRow> {
        let n = draw.below(4);
        let version = Version { retracted: n == 3, ..Version::default() };
        let mut event = EventRow::tombstone("s".into(), EventId(Hash128([n, 0])), version);
        (event.said_at, event.text_bytes) = (n as Millis * 100 * DAY - DAY, n as u32 * 100);
        Arc::new(event)
    }

    #[test]
    fn events_agree_with_naive() {
        let plain = |(id, signal, _): (EventId, Signal, u64)| (id, signal);
        check2(
            "weigh::tests::events",
            (signal, event),
            move |rows, there| {
                let by_id = there.map(|event| (event.id, event)).arrange_by_key_named("events by id");
                events(rows.map(plain), by_id)
            },
            |rows, there| events_naive(&rows.iter().copied().map(plain).collect::<Vec<_>>(), there),
        );
    }

    #[test]
    fn entities_agree_with_naive() {
        let draw = |draw: &mut Draw| {
            ((Scope::from("s"), EntityId(Hash128([draw.below(3), 0]))), draw.between(-9, 9) * DAY / 2)
        };
        check("weigh::tests::entities", draw, entities, entities_naive);
    }

    #[test]
    fn the_logarithm_grows_and_agrees_at_powers_of_two() {
        assert_eq!([0, 1, 3, 7, 1023].map(log), [0, 1000, 2000, 3000, 10_000]);
        assert!((0..5000).all(|n| log(n) <= log(n + 1)));
        assert_eq!(log(i64::MAX), log(i64::MAX - 1));
        assert_eq!(log(-5), 0);
    }
}
