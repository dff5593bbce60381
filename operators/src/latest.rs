//! Latest: of all versions of an event, the one that wins.
//!
//! `latest(E) = { e in E | no e' in E with e'.id = e.id and e'.version > e.version }`, tombstones included: who wants only
//! what is part of memory filters by [`EventRow::live`]. The result is arranged by id, once, for everybody who looks an
//! event up. Cost: the versions of the events that change, O(1) for a new one.

use std::sync::Arc;

use differential_dataflow::trace::implementations::{ValBuilder, ValSpine};
use nexus_types::{EventId, EventRow};

use crate::{Arrangement, Collection};

/// The winning version of each event, by id.
pub fn latest<'s>(events: Collection<'s, Arc<EventRow>>) -> Arrangement<'s, EventId, Arc<EventRow>> {
    events
        .map(|event| (event.id, event))
        .arrange_by_key_named("versions by event")
        .reduce_abelian::<_, ValBuilder<_, _, _, _>, ValSpine<_, _, _, _>, _, _>(
            "Latest",
            // Rows of one id sort by version: it is their second field.
            |_, versions, out| out.extend(versions.last().map(|(event, _)| ((*event).clone(), 1))),
            |batch, id, updates| {
                batch.clear();
                batch.extend(updates.drain(..).map(|(event, time, diff)| ((*id, event), time, diff)));
            },
        )
}

/// The meaning, by brute force.
pub fn latest_naive(events: &[Arc<EventRow>]) -> Vec<Arc<EventRow>> {
    let beaten = |event: &EventRow| events.iter().any(|other| other.id == event.id && other.version > event.version);
    events.iter().filter(|event| !beaten(event)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use nexus_types::{Hash128, Version};

    use super::*;
    use crate::check::{Draw, check};

    fn version(draw: &mut Draw) -> Arc<EventRow> {
        let id = EventId(Hash128([draw.below(4), 0]));
        let retracted = draw.one_in(3);
        let content = Hash128([if retracted { 0 } else { draw.below(2) }, 0]);
        let version = Version { forgotten: draw.one_in(9), revision: draw.below(3), retracted, content };
        Arc::new(EventRow::tombstone("s".into(), id, version))
    }

    #[test]
    fn agrees_with_naive() {
        check("latest", version, |rows| latest(rows).as_collection(|_, event| event.clone()), latest_naive);
    }
}
