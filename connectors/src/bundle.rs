//! The files of an export, in a folder or in a zip file, read one at a time and within a bound.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use zip::ZipArchive;

use crate::input::entries;
use crate::{DOCUMENT_BYTES_MAX, OpenError};

/// A folder or a zip file.
pub(crate) enum Bundle {
    Folder(PathBuf),
    Zip(Box<ZipArchive<BufReader<File>>>),
}

impl Bundle {
    pub(crate) fn open(path: &Path) -> Result<Bundle, OpenError> {
        if path.is_dir() {
            return Ok(Bundle::Folder(path.into()));
        }
        let file = File::open(path).map_err(|error| OpenError::Io { path: path.into(), error })?;
        match ZipArchive::new(BufReader::new(file)) {
            Ok(archive) => Ok(Bundle::Zip(Box::new(archive))),
            Err(error) => {
                let reason = format!("a damaged zip file ({error})");
                Err(OpenError::Unknown { name: path.display().to_string(), reason })
            }
        }
    }

    /// The paths of its files within it, sorted, with `/` between folders, hidden ones left out.
    pub(crate) fn names(&self) -> Result<Vec<String>, OpenError> {
        let mut names = Vec::new();
        match self {
            Bundle::Folder(folder) => walk(folder, "", &mut names)?,
            Bundle::Zip(archive) => {
                let hidden = |name: &str| name.split('/').any(|part| part.starts_with('.') || part == "__MACOSX");
                let shown = archive.file_names().flatten().map(|name| name.replace('\\', "/"));
                names.extend(shown.filter(|name| !name.ends_with('/') && !hidden(name)));
            }
        }
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// All of one file, at most [`DOCUMENT_BYTES_MAX`] bytes of it unpacked: a zip bomb is an error.
    pub(crate) fn read(&mut self, name: &str) -> Result<Vec<u8>, String> {
        match self {
            Bundle::Folder(folder) => bounded(File::open(folder.join(name)).map_err(|error| error.to_string())?),
            Bundle::Zip(archive) => bounded(archive.by_name(name).map_err(|error| error.to_string())?),
        }
    }

    /// The first bytes of one file.
    pub(crate) fn head(&mut self, name: &str, bytes: u64) -> Result<Vec<u8>, String> {
        let mut head = Vec::new();
        let result = match self {
            Bundle::Folder(folder) => {
                File::open(folder.join(name)).and_then(|file| file.take(bytes).read_to_end(&mut head))
            }
            Bundle::Zip(archive) => {
                let file = archive.by_name(name).map_err(|error| error.to_string())?;
                file.take(bytes).read_to_end(&mut head)
            }
        };
        result.map(|_| head).map_err(|error| error.to_string())
    }
}

/// All of a stream, within [`DOCUMENT_BYTES_MAX`].
pub(crate) fn bounded(reader: impl Read) -> Result<Vec<u8>, String> {
    within(reader, DOCUMENT_BYTES_MAX)
}

fn within(reader: impl Read, limit: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    reader.take(limit + 1).read_to_end(&mut bytes).map_err(|error| format!("reading stopped here: {error}"))?;
    if bytes.len() as u64 > limit {
        return Err(format!("more than {limit} bytes, unpacked"));
    }
    Ok(bytes)
}

fn walk(folder: &Path, prefix: &str, names: &mut Vec<String>) -> Result<(), OpenError> {
    for path in entries(folder)? {
        let Some(name) = path.file_name().map(|name| format!("{prefix}{}", name.to_string_lossy())) else { continue };
        if path.is_dir() { walk(&path, &format!("{name}/"), names)? } else { names.push(name) }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_unpacks_without_end_is_an_error() {
        assert_eq!(within(std::io::repeat(b'x'), 1_000), Err("more than 1000 bytes, unpacked".into()));
        assert_eq!(within(&b"abc"[..], 3), Ok(b"abc".to_vec()));
    }
}
