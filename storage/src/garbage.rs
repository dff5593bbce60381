//! Removing table versions that nobody names any more, and the files that only they used.
//!
//! Under the writer's lock, between commits: every file of a table that no kept version refers to is left over from a
//! dropped version or a failed write. Manifests go first, so that an interruption leaves files without a version, never a
//! version without its files. Cost: reading the manifests of the kept versions, and one walk over the table's folder.

use std::collections::BTreeSet;
use std::path::Path;

use lance::dataset::Dataset;
use lance::dataset::builder::DatasetBuilder;
use lance::index::DatasetIndexExt;

use crate::caches::Caches;
use crate::error::{Result, at, lance};
use crate::files;
use crate::table::{version_of, versions};

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Removed {
    pub(crate) versions: u64,
    pub(crate) files: u64,
    pub(crate) bytes: u64,
}

/// Removes every version of a table but these, and every file that none of these refers to.
pub(crate) async fn collect(caches: &Caches, name: &str, keep: &BTreeSet<u64>) -> Result<Removed> {
    let path = caches.home.table(name);
    let mut used = BTreeSet::new();
    for version in versions(&path)?.into_iter().filter(|version| keep.contains(version)) {
        let builder = DatasetBuilder::from_uri(path.to_string_lossy()).with_version(version);
        let table = builder.with_session(caches.session()).load().await;
        let names = async { files_of(&table?).await };
        used.extend(names.await.map_err(lance(format_args!("cannot clean up table {name}")))?);
    }
    sweep(&path, keep, &used)
}

/// The files a version refers to, each by its folder and the part of its name that tells it apart.
async fn files_of(table: &Dataset) -> lance::Result<BTreeSet<String>> {
    let mut used = BTreeSet::new();
    for fragment in table.fragments().iter() {
        used.extend(fragment.files.iter().map(|file| format!("data/{}", file.path)));
        let deletions = fragment.deletion_file.as_ref();
        used.extend(deletions.map(|file| format!("_deletions/{}-{}-{}", fragment.id, file.read_version, file.id)));
    }
    used.extend(table.manifest().transaction_file.iter().map(|file| format!("_transactions/{file}")));
    used.extend(table.load_indices().await?.iter().map(|index| format!("_indices/{}", index.uuid)));
    Ok(used)
}

fn sweep(path: &Path, keep: &BTreeSet<u64>, used: &BTreeSet<String>) -> Result<Removed> {
    let mut removed = Removed::default();
    for folder in ["_versions", "_transactions", "_indices", "_deletions", "data"] {
        let directory = path.join(folder);
        for name in files::names(&directory).map_err(at(&directory, "read"))? {
            let stem = if folder == "_deletions" { name.split('.').next().unwrap_or(&name) } else { &name };
            let keeps = match folder {
                "_versions" => version_of(&name).is_none_or(|version| keep.contains(&version)),
                _ => used.contains(&format!("{folder}/{stem}")),
            };
            if keeps {
                continue;
            }
            let found = directory.join(&name);
            let inside = if found.is_dir() {
                files::walk(&found)
            } else {
                found.metadata().map(|it| vec![(found.clone(), it.len())])
            };
            let inside = inside.map_err(at(&found, "read"))?;
            removed.files += inside.len() as u64;
            removed.bytes += inside.iter().map(|(_, size)| size).sum::<u64>();
            removed.versions += u64::from(folder == "_versions");
            files::remove(&found).map_err(at(&found, "remove"))?;
        }
        if directory.exists() {
            files::sync_directory(&directory).map_err(at(&directory, "sync"))?;
        }
    }
    Ok(removed)
}
