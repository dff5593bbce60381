//! Files that survive a power cut: atomic replacement, and syncing what others wrote.
//!
//! Lance writes files and renames them but never syncs. [`Synced`] remembers which files are known to be on the disk and
//! syncs the others, with their directories: the cost is one directory walk and one sync per new file, in parallel.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Syncs run at most this many at a time; the file system's journal then carries several at once.
const SYNCS_AT_ONCE: usize = 32;

/// Replaces the file by these bytes, or leaves it as it was, whatever happens in between.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    let mut file = File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&temporary, path)?;
    path.parent().map_or(Ok(()), sync_directory)
}

/// Makes the directory's entries durable. Where directories cannot be opened as files, there is nothing to do.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

/// The names in a directory; none if it does not exist.
pub(crate) fn names(directory: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Removes a file or a directory with all in it; that it is gone already is fine.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Every file below a directory, with its size.
pub(crate) fn walk(directory: &Path) -> io::Result<Vec<(PathBuf, u64)>> {
    let mut files = Vec::new();
    let mut open = vec![directory.to_path_buf()];
    while let Some(directory) = open.pop() {
        for name in names(&directory)? {
            let path = directory.join(name);
            match fs::symlink_metadata(&path) {
                Ok(found) if found.is_dir() => open.push(path),
                Ok(found) => files.push((path, found.len())),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(files)
}

/// The files below some directories that are known to be on the disk.
#[derive(Debug, Default)]
pub(crate) struct Synced {
    known: BTreeSet<PathBuf>,
}

impl Synced {
    /// Takes all files below the directory as synced: what the last checkpoint names is, the rest is not needed.
    pub(crate) fn assume(&mut self, directory: &Path) -> io::Result<()> {
        self.known.extend(walk(directory)?.into_iter().map(|(path, _)| path));
        Ok(())
    }

    /// Makes every file below these directories durable, and every directory that has a new one, up to `root`.
    pub(crate) fn sync(&mut self, root: &Path, directories: &[PathBuf]) -> io::Result<()> {
        let mut found = BTreeSet::new();
        for directory in directories {
            found.extend(walk(directory)?.into_iter().map(|(path, _)| path));
        }
        let fresh: BTreeSet<&Path> = found.difference(&self.known).map(PathBuf::as_path).collect();
        let above = fresh.iter().flat_map(|path| path.ancestors().skip(1).take_while(|above| above.starts_with(root)));
        sync_all(fresh.iter().copied().chain(above).collect())?;
        self.known.retain(|path| !directories.iter().any(|directory| path.starts_with(directory)));
        self.known.extend(found);
        Ok(())
    }
}

/// Syncs files and directories, many at a time.
fn sync_all(paths: BTreeSet<&Path>) -> io::Result<()> {
    let paths: Vec<&Path> = paths.into_iter().collect();
    let share = paths.len().div_ceil(SYNCS_AT_ONCE).max(1);
    std::thread::scope(|scope| {
        let threads: Vec<_> = paths
            .chunks(share)
            .map(|paths| scope.spawn(move || paths.iter().try_for_each(|path| sync_one(path))))
            .collect();
        threads.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|_| Err(io::Error::other("sync"))))
    })
}

fn sync_one(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return sync_directory(path);
    }
    fs::OpenOptions::new().read(true).write(cfg!(windows)).open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn replacing_leaves_no_temporary_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.json");
        write_atomically(&path, b"one").unwrap();
        write_atomically(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(names(directory.path()).unwrap(), ["a.json"]);
    }

    #[test]
    fn only_new_files_are_synced_and_gone_ones_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let (root, table) = (directory.path(), directory.path().join("t"));
        fs::create_dir_all(table.join("data")).unwrap();
        fs::write(table.join("data/1"), b"x").unwrap();
        let mut synced = Synced::default();
        synced.assume(&table).unwrap();
        fs::write(table.join("data/2"), b"y").unwrap();
        fs::remove_file(table.join("data/1")).unwrap();
        synced.sync(root, std::slice::from_ref(&table)).unwrap();
        assert_eq!(synced.known, BTreeSet::from([table.join("data/2")]));
    }
}
