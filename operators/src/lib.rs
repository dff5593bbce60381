//! The operators: pure functions from collections to collections, one per file, each with its naive twin.
//!
//! Floor 1: knows `types`, timely and differential dataflow. No clock, randomness, IO, model, float or hash order inside:
//! time and answers arrive as rows. What an operator means is its twin `*_naive`, brute force over plain slices; the tests
//! of each file hold the two equal at every epoch under random insertions and deletions.

use differential_dataflow::VecCollection;
use differential_dataflow::operators::arrange::{Arranged, TraceAgent};
use differential_dataflow::trace::implementations::ValSpine;

#[doc(hidden)]
pub mod check;
#[cfg(test)]
mod fake;

pub mod affect;
pub mod consolidate;
pub mod evidence;
pub mod expire;
pub mod extract;
pub mod ground;
pub mod involve;
pub mod latest;
pub mod neighbours;
pub mod patterns;
pub mod per_key;
mod pieces;
pub mod rank;
pub mod read;
pub mod resolve;
pub mod scoped;
mod series;
pub mod split;
pub mod watch;
pub mod weigh;

pub use affect::affect;
pub use consolidate::{Resolved, consolidate};
pub use evidence::evidence;
pub use expire::expire;
pub use ground::ground;
pub use latest::latest;
pub use patterns::patterns;
pub use rank::rank;
pub use read::read;
pub use resolve::resolve;
pub use split::split;
pub use watch::watch;

/// An epoch: logical time.
pub type Time = u64;
/// How many times a row is there; negative takes away.
pub type Diff = isize;
/// A changing multiset of rows.
pub type Collection<'s, D> = VecCollection<'s, Time, D, Diff>;
/// A collection kept by key in memory, for any number of joins.
pub type Arrangement<'s, K, V> = Arranged<'s, TraceAgent<ValSpine<K, V, Time, Diff>>>;
