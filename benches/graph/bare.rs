//! The peer: the same claims through differential dataflow's own join and reduce, as one would write it by hand.

use std::sync::Arc;
use std::time::Instant;

use differential_dataflow::input::Input;
use nexus_operators::Time;
use nexus_types::{Claim, Object};
use timely::dataflow::operators::probe::Handle;

use crate::claims::Claims;
use crate::{report, resident};

/// Joins claims with the entities of their subjects, and reduces each (entity, predicate) to its intervals.
pub(crate) fn from_scratch(size: usize) {
    timely::execute_directly(move |worker| {
        let before = resident();
        let mut source = Claims::new(size);
        let claims: Vec<Arc<Claim>> = (0..size).map(|n| source.claim(n)).collect();
        let probe = Handle::new();
        let (mut rows, mut members) = worker.dataflow::<Time, _, _>(|scope| {
            let (rows, claims) = scope.new_collection::<Arc<Claim>, isize>();
            let (input, members) = scope.new_collection();
            claims
                .map(|claim| ((claim.scope.clone(), claim.subject.clone()), claim))
                .join_map(members, |_, claim, entity| {
                    let value = match &claim.object {
                        Object::Value(value) | Object::Key(value) => value.clone(),
                    };
                    ((*entity, claim.predicate.clone()), (claim.said_at, claim.id, value))
                })
                .reduce_named("Intervals", |_, said, intervals| {
                    let ends = said.iter().skip(1).map(|((at, ..), _)| Some(*at)).chain([None]);
                    for (((from, _, value), _), to) in said.iter().zip(ends) {
                        intervals.push(((*from, to, value.clone()), 1));
                    }
                })
                .probe_with(&probe);
            (rows, input)
        });
        source.members().for_each(|row| members.insert(row));
        let mut complete = |epoch: Time, claims: Vec<Arc<Claim>>| {
            let started = Instant::now();
            claims.into_iter().for_each(|claim| rows.insert(claim));
            rows.advance_to(epoch + 1);
            members.advance_to(epoch + 1);
            rows.flush();
            members.flush();
            while probe.less_than(&(epoch + 1)) {
                worker.step();
            }
            started.elapsed()
        };
        complete(0, Vec::new());
        report("seconds", complete(1, claims).as_secs_f64());
        (2..22).for_each(|epoch| _ = complete(epoch, Vec::new()));
        report("bytes", resident() - before);
    });
}
