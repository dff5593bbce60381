//! Durable time-varying collections on Lance: what the store held at every kept epoch, and how it gets there.
//!
//! [`Store`] writes: it keeps acknowledged records in the [`Tail`] until a [`Commit`] has them in the tables, and makes an
//! epoch exist for all tables at once by one [`Checkpoint`]. [`Reader`] and [`Snapshot`] read, in any process, without the
//! writer's lock. `maintain` keeps files few, indexes up and history thin; `erase` removes what was forgotten.
//!
//! Knows Lance, redb and files. Knows no graph, no model, no clock: times are given. A store's directory:
//!
//! ```text
//! nexus.json            which store, of which format
//! writer.lock           who writes
//! tail/<number>.redb    acknowledged records that no checkpoint holds yet
//! tables/<name>.lance   the tables, in versions
//! checkpoints/<epoch>.json   which version of each table an epoch is
//! readers/              leases of live snapshots
//! retrieved.jsonl       how often each event was recalled; retrieved.lock: who adds to it
//! ```

mod caches;
mod checkpoint;
mod erase;
mod error;
mod files;
mod fragments;
mod garbage;
mod home;
mod indexes;
mod lease;
mod lock;
mod maintain;
mod reader;
mod retrieved;
mod search;
mod settings;
mod snapshot;
mod store;
mod table;
mod tail;
mod thin;

pub use checkpoint::{At, Checkpoint, TableAt};
pub use erase::Erased;
pub use error::{ErrorKind, Result, StorageError};
pub use fragments::{Among, Fragment, vectors};
pub use lock::Opener;
pub use maintain::Maintained;
pub use reader::Reader;
pub use retrieved::{Counts, Retrieved};
pub use search::Frequencies;
pub use settings::Settings;
pub use snapshot::{Snapshot, quoted};
pub use store::{Commit, Opening, Store};
pub use table::{TableChange, TableSpec};
pub use tail::Tail;
