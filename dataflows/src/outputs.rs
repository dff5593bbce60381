//! Outputs: what the graph gives out, named once; as collections inside, as changes of rows outside.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use differential_dataflow::consolidation::consolidate;
use nexus_operators::{Collection, Diff, Time};
use nexus_types::tables::PassageRow;
use nexus_types::{
    AffectRow, Ask, Claim, Decision, Entity, EventRow, Evidence, Fact, MentionRow, Pattern, Ranking, Salience, Watched,
};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::Concatenate;
use timely::dataflow::operators::generic::Operator;
use timely::dataflow::operators::probe::{Handle, Probe};
use timely::dataflow::{Scope, Stream};

macro_rules! outputs {
    ($($(#[$doc:meta])* $name:ident: $row:ty,)*) => {
        /// What the graph gives out: one collection for each derived table, the winning events, and the open asks.
        pub struct Collections<'s> {
            $($(#[$doc])* pub $name: Collection<'s, $row>,)*
        }

        /// What changed in each collection: rows with how many more of them there are. Net, without zeros, sorted.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Outputs {
            $($(#[$doc])* pub $name: Vec<($row, Diff)>,)*
        }

        impl Outputs {
            /// The sum of these changes and later ones.
            pub fn merge(&mut self, later: Outputs) {
                $(self.$name.extend(later.$name);)*
                $(consolidate(&mut self.$name);)*
            }

            /// Whether nothing changed.
            pub fn is_empty(&self) -> bool {
                true $(&& self.$name.is_empty())*
            }
        }

        /// Where a worker gathers what changes in its share of each collection.
        pub(crate) struct Taps {
            $($name: Tap<$row>,)*
        }

        impl Taps {
            /// Taps all collections. The probe passes an epoch when all its changes have been gathered.
            pub(crate) fn new<'s>(scope: Scope<'s, Time>, collections: Collections<'s>, probe: &Handle<Time>) -> Self {
                let mut done = Vec::new();
                let taps = Taps { $($name: tap(collections.$name, &mut done),)* };
                scope.concatenate(done).probe_with(probe);
                taps
            }

            /// What has been gathered since the last time.
            pub(crate) fn drain(&self) -> Outputs {
                Outputs { $($name: drained(&self.$name),)* }
            }
        }
    };
}

outputs! {
    /// The winning version of each event, tombstones included.
    events: Arc<EventRow>,
    /// Passages, with the event before theirs.
    passages: PassageRow,
    /// What passages name.
    mentions: MentionRow,
    /// Who is who.
    entities: Entity,
    /// Why keys are held to be one person.
    evidence: Evidence,
    /// What passages say.
    claims: Arc<Claim>,
    /// What consolidation did with each claim.
    decisions: Decision,
    /// What memory holds and held.
    facts: Fact,
    /// How much events and entities matter.
    salience: Salience,
    /// The most salient events about each entity.
    rankings: Ranking,
    /// The kept rankings of watched questions.
    watched: Watched,
    /// What events feel like.
    affects: AffectRow,
    /// How moods go, and when they turn.
    patterns: Pattern,
    /// The open asks.
    asks: Ask,
}

type Tap<D> = Rc<RefCell<Vec<(D, Diff)>>>;
/// A stream that carries nothing but progress.
type Done<'s> = Stream<'s, Time, Vec<()>>;

/// Gathers the rows of a collection, and hands on how far it is: a probe behind it passes when all rows are here.
fn tap<'s, D: Clone + 'static>(collection: Collection<'s, D>, done: &mut Vec<Done<'s>>) -> Tap<D> {
    let tap = Tap::default();
    let into = tap.clone();
    done.push(collection.inner.unary::<CapacityContainerBuilder<Vec<()>>, _, _, _>(Pipeline, "Output", |_, _| {
        move |input, _| {
            input.for_each(|_, data| into.borrow_mut().extend(data.drain(..).map(|(row, _, diff)| (row, diff))));
        }
    }));
    tap
}

fn drained<D: Ord>(tap: &Tap<D>) -> Vec<(D, Diff)> {
    let mut rows = std::mem::take(&mut *tap.borrow_mut());
    consolidate(&mut rows);
    rows
}
