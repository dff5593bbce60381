//! What one process keeps open of a store: Lance's caches, bounded, and the table version used last.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lance::dataset::Dataset;
use lance::dataset::builder::DatasetBuilder;
use lance::session::Session;

use crate::error::{Result, lance};
use crate::home::Home;
use crate::settings::Settings;

/// Open tables and caches, shared by the writer and the snapshots of a process.
#[derive(Debug)]
pub(crate) struct Caches {
    pub(crate) home: Home,
    pub(crate) settings: Settings,
    open: Mutex<Open>,
}

#[derive(Debug)]
struct Open {
    session: Arc<Session>,
    tables: BTreeMap<String, Arc<Dataset>>,
}

impl Open {
    fn new(settings: &Settings) -> Self {
        let session = Session::new(settings.index_cache_bytes, settings.metadata_cache_bytes, Default::default());
        Self { session: Arc::new(session), tables: BTreeMap::new() }
    }
}

impl Caches {
    pub(crate) fn new(home: Home, settings: Settings) -> Self {
        let open = Mutex::new(Open::new(&settings));
        Self { home, settings, open }
    }

    /// A table at a version, from here if it is the last one used.
    pub(crate) async fn table(&self, name: &str, version: u64) -> Result<Arc<Dataset>> {
        if let Some(table) = self.lock().tables.get(name).filter(|table| table.version_id() == version) {
            return Ok(table.clone());
        }
        let path = self.home.table(name);
        let builder = DatasetBuilder::from_uri(path.to_string_lossy()).with_version(version);
        let table = builder.with_session(self.session()).load().await;
        let table = Arc::new(table.map_err(lance(format_args!("cannot open table {name} at version {version}")))?);
        self.keep(name, &table);
        Ok(table)
    }

    /// Remembers a table that was opened or written, unless a newer version is known.
    pub(crate) fn keep(&self, name: &str, table: &Arc<Dataset>) {
        let mut open = self.lock();
        if open.tables.get(name).is_none_or(|known| known.version_id() <= table.version_id()) {
            open.tables.insert(name.to_string(), table.clone());
        }
    }

    pub(crate) fn session(&self) -> Arc<Session> {
        self.lock().session.clone()
    }

    /// Forgets everything: versions were taken back, and their numbers will be used again.
    pub(crate) fn clear(&self) {
        *self.lock() = Open::new(&self.settings);
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
