//! The operators: pure functions from collections to collections, one per file, each with its naive twin.
//!
//! Floor 1: knows `types`, timely and differential dataflow. No clock, randomness, IO, model, float or hash order inside:
//! time and answers arrive as rows. What an operator means is its twin `*_naive`, brute force over plain slices; the tests
//! of each file hold the two equal at every epoch under random insertions and deletions.

use differential_dataflow::VecCollection;

#[doc(hidden)]
pub mod check;

/// An epoch: logical time.
pub type Time = u64;
/// How many times a row is there; negative takes away.
pub type Diff = isize;
/// A changing multiset of rows.
pub type Collection<'s, D> = VecCollection<'s, Time, D, Diff>;
