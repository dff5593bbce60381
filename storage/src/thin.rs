//! Which checkpoints are kept: all of the last ones, then one per hour for a day, per day for a month, per month beyond.
//!
//! Of each hour, day or month the first checkpoint is kept, so that one that is kept today is still kept tomorrow unless its
//! period grew longer. The last checkpoint is always kept. Time is the last commit's, not the clock's.

use std::collections::BTreeSet;

use nexus_types::Millis;

const HOUR: Millis = 3_600_000;
const DAY: Millis = 24 * HOUR;
const MONTH: Millis = 30 * DAY;

/// The epochs to keep of these (epoch, committed at), which ascend by epoch.
pub(crate) fn kept(checkpoints: &[(u64, Millis)], all_of_the_last: usize) -> BTreeSet<u64> {
    let Some(&(_, now)) = checkpoints.last() else { return BTreeSet::new() };
    let recent = checkpoints.len().saturating_sub(all_of_the_last.max(1));
    let mut kept: BTreeSet<u64> = checkpoints[recent..].iter().map(|(epoch, _)| *epoch).collect();
    let mut periods = BTreeSet::new();
    for &(epoch, at) in &checkpoints[..recent] {
        let period = match now.saturating_sub(at) {
            age if age < DAY => HOUR,
            age if age < MONTH => DAY,
            _ => MONTH,
        };
        if periods.insert((period, at.div_euclid(period))) {
            kept.insert(epoch);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn thins_with_age() {
        // One checkpoint every ten minutes for a hundred days.
        let all: Vec<(u64, Millis)> = (0..100 * 144).map(|at| (at, at as Millis * HOUR / 6)).collect();
        let kept = kept(&all, 32);
        let of_age = |from: Millis, to: Millis| {
            let now = all.last().map_or(0, |last| last.1);
            all.iter().filter(|(epoch, at)| kept.contains(epoch) && (from..to).contains(&(now - at))).count()
        };
        assert_eq!(of_age(0, 32 * HOUR / 6), 32);
        assert_eq!(of_age(32 * HOUR / 6, DAY), 19);
        assert_eq!(of_age(DAY, MONTH), 29);
        assert_eq!(of_age(MONTH, 101 * DAY), 3);
    }

    proptest! {
        #[test]
        fn keeps_the_last_and_is_stable(gaps in prop::collection::vec(0_i64..10 * DAY, 1..200), last in 0_usize..40) {
            let mut at = 0;
            let all: Vec<(u64, Millis)> = (1..).zip(gaps.iter().map(|gap| { at += gap; at })).collect();
            let first = kept(&all, last);
            prop_assert!(all[all.len().saturating_sub(last.max(1))..].iter().all(|(epoch, _)| first.contains(epoch)));
            let rest: Vec<_> = all.iter().copied().filter(|(epoch, _)| first.contains(epoch)).collect();
            prop_assert_eq!(kept(&rest, last).into_iter().next_back(), first.iter().copied().last());
            prop_assert!(kept(&rest, last).is_subset(&first));
        }
    }
}
