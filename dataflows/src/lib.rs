//! The graphs: how operators are wired, and the border behind which they run.
//!
//! Floor 2: knows `types` and `operators`. Nothing here touches a file, a model, a clock or a network: the four inputs come
//! in as rows, and what changes by them goes out as rows. [`memory`] is the page that wires the whole; [`Graph`] runs it on
//! worker threads and speaks plain vectors to the engine.

mod host;
mod intern;
pub mod memory;
mod outputs;

pub use host::{Graph, GraphError, Inputs};
pub use outputs::{Collections, Outputs};

/// The version of what the graph computes. It is raised with every change to the meaning of a derived row, and kept in
/// every checkpoint: a store whose checkpoint names another version is brought up to date at opening.
pub const GRAPH_VERSION: u32 = 3;
