//! Expire: what has a stated end still holds until the day of its end is over.
//!
//! `expire(F, P) = { f in F | f not ended, or day(f) in P } + { f as current | f ended, day(f) not in P }`, where `day(f)` is
//! the last day on which `f` is true and `P` holds the days that are over. A day is a number since 1970 in UTC; those before
//! are over. Matching on the day, not on "now", a new day costs only the facts that end on it. Cost: changes in F, plus
//! the facts of the days that pass.

use nexus_types::{Fact, Millis, Status};

use crate::Collection;
use crate::per_key::distinct;

const DAY: Millis = 86_400_000;

/// The day an instant falls into, as a number since 1970, UTC.
pub fn day_of(at: Millis) -> i64 {
    at.div_euclid(DAY)
}

/// Facts as they stand when these days are over.
pub fn expire<'s>(facts: Collection<'s, Fact>, over: Collection<'s, i64>) -> Collection<'s, Fact> {
    let ended = facts
        .clone()
        .flat_map(|fact| last_day(&fact).map(|day| (day, fact)))
        .arrange_by_key_named("facts by last day")
        .join_core(distinct(over, "days that are over").arrange_by_self_named("days over"), |_, fact, ()| {
            Some(fact.clone())
        });
    let open = facts.map(|fact| if last_day(&fact).is_some() { current(fact) } else { fact });
    open.concat(ended.explode(|fact| [(fact.clone(), 1), (current(fact), -1)]))
}

/// The last day on which an ended fact is true, if passing time decides whether it has ended.
fn last_day(fact: &Fact) -> Option<i64> {
    let end = fact.valid_to.filter(|_| fact.status == Status::Ended)?;
    Some(day_of(end.saturating_sub(1))).filter(|day| *day >= 0)
}

fn current(fact: Fact) -> Fact {
    Fact { status: Status::Current, ..fact }
}

/// The meaning, by brute force.
pub fn expire_naive(facts: &[Fact], over: &[i64]) -> Vec<Fact> {
    let mut out = facts.to_vec();
    for fact in &mut out {
        if let (Status::Ended, Some(end)) = (fact.status, fact.valid_to) {
            let day = (end - 1).div_euclid(DAY);
            if day >= 0 && !over.contains(&day) {
                fact.status = Status::Current;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use nexus_types::{EntityId, FactId, Hash128, Held};

    use super::*;
    use crate::check::{Draw, check2};

    fn fact(draw: &mut Draw) -> Fact {
        Fact {
            id: FactId(Hash128([draw.below(9), 0])),
            known_from: 0,
            known_to: None,
            scope: "s".into(),
            subject: EntityId::default(),
            predicate: "lives_in".into(),
            object: Held::Value("Oslo".into()),
            valid_from: None,
            valid_to: (!draw.one_in(4)).then(|| draw.between(-4, 12) * DAY / 3),
            confidence: 900,
            support: 1,
            status: *draw.pick(Status::ALL),
            ended_by: None,
        }
    }

    #[test]
    fn agrees_with_naive() {
        check2("expire", (fact, |draw| draw.between(-1, 4)), expire, expire_naive);
    }

    #[test]
    fn a_fact_that_ends_at_midnight_ends_with_the_day_before() {
        let mut fact = Fact { status: Status::Ended, valid_to: Some(5 * DAY), ..fact(&mut Draw::new(1)) };
        assert_eq!(last_day(&fact), Some(4));
        fact.valid_to = Some(5 * DAY + 1);
        assert_eq!(last_day(&fact), Some(5));
        fact.valid_to = Some(0);
        assert_eq!(last_day(&fact), None);
    }
}
