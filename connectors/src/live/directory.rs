//! A folder, followed: whatever file format `ingest` knows, when a file comes, grows or changes.
//!
//! A file is read whole once its size and time stay the same for a look; its events are named as `ingest` names them, so
//! what was there is not there twice. Notes: each file's size and time as it was read; with `whole`, what it said. A file
//! that was not read to its end is read again. Cost: a look at each file every [`DirectoryConfig::every`], and one reading
//! of each that changed; memory holds the notes and some hundred messages.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use futures::future::BoxFuture;
use nexus_types::event::SAID_NOW;
use nexus_types::{Change, Text};
use serde::Deserialize;
use tokio::task::spawn_blocking;

use super::{Batch, Broken, Feed, Named, Outlet, Resume};
use crate::{Format, Item, Options, Rejected, Source, expand, open};

/// So many items are sent at once.
const ITEMS_AT_ONCE: usize = 500;
/// Stands before a file's name in notes.
const FILE: &str = "file ";
/// Stands before what a file said in notes.
const SAID: &str = "said ";
/// Stands between the parts of a note's key.
const BETWEEN: char = '\u{1f}';

/// What a configuration says of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectoryConfig {
    /// The folder, or one file.
    pub path: PathBuf,
    /// How often to look, in seconds.
    #[serde(default = "half_a_second")]
    pub every: f64,
    /// Files say all there is: what vanishes from one, or with one, is deleted.
    #[serde(default)]
    pub whole: bool,
    /// The format; detected if absent.
    pub format: Option<String>,
    /// The account or feed; by default the platform.
    pub source: Option<Text>,
    /// The platform, where the format leaves it open.
    pub platform: Option<Text>,
    /// The channel, where the format leaves it open.
    pub channel: Option<Text>,
    /// The zone of times without one: an IANA name. UTC if absent.
    pub time_zone: Option<Text>,
}

fn half_a_second() -> f64 {
    0.5
}

/// A folder that is followed.
#[derive(Debug)]
pub struct DirectoryFeed {
    root: PathBuf,
    every: Duration,
    whole: bool,
    options: Options,
}

/// What a folder was found to hold: each file's stamp, by its name.
type Stamps = BTreeMap<String, (PathBuf, String)>;

impl DirectoryFeed {
    /// Checks what the configuration says.
    pub fn new(named: Named, config: DirectoryConfig) -> Result<DirectoryFeed, String> {
        let DirectoryConfig { path, every, whole, format, source, platform, channel, time_zone } = config;
        if !(0.05..=86_400.0).contains(&every) {
            return Err(format!("every: {every} s: give 0.05 to 86400"));
        }
        let format = match format.as_deref().map(|name| (name, Format::named(name))) {
            Some((name, None)) => {
                let known = Format::ALL.map(Format::name).join(", ");
                return Err(format!("format: {name:?} is none of {known}"));
            }
            other => other.and_then(|(_, format)| format),
        };
        if let Some(zone) = &time_zone
            && jiff::tz::TimeZone::get(zone).is_err()
        {
            return Err(format!("time_zone: {zone:?} is no IANA name such as Europe/Berlin"));
        }
        let options = Options { source, platform, channel, format, time_zone, ..Options::new(&named.scope) };
        let options = Options { seen_at: SAID_NOW, ..options };
        Ok(DirectoryFeed { root: path, every: Duration::from_secs_f64(every), whole, options })
    }

    async fn run(&mut self, from: Resume, outlet: &Outlet) -> Result<Infallible, Broken> {
        let mut known = from.notes;
        let mut before = Stamps::new();
        loop {
            let root = self.root.clone();
            let now = blocking(move || look(&root)).await?.map_err(Broken::Retry)?;
            outlet.healthy();
            let mut gone = Vec::new();
            for key in known.keys().filter(|key| key.starts_with(FILE)) {
                let name = &key[FILE.len()..];
                if !now.contains_key(name) {
                    gone.push(name.to_string());
                }
            }
            for name in gone {
                self.forget(&name, &mut known, outlet).await?;
            }
            for (name, (path, stamp)) in &now {
                let still = before.get(name).is_some_and(|(_, before)| before == stamp);
                if still && known.get(&*format!("{FILE}{name}")).is_none_or(|known| **known != **stamp) {
                    self.read(name, path, stamp, &mut known, outlet).await?;
                }
            }
            before = now;
            tokio::time::sleep(self.every).await;
        }
    }

    /// Reads a file to its end, and notes that.
    async fn read(
        &self,
        name: &str,
        path: &Path,
        stamp: &str,
        known: &mut BTreeMap<Text, Text>,
        outlet: &Outlet,
    ) -> Result<(), Broken> {
        let (path, options) = (path.to_path_buf(), self.options.clone());
        let mut source: Option<Box<dyn Source>> = None;
        let mut batch = Batch::default();
        match blocking(move || open(&path, &options)).await? {
            Ok(opened) => source = Some(opened),
            Err(error) => batch.items.push(Item::Reject(Rejected::new(name, error, b""))),
        }
        let mut said = BTreeSet::new();
        while let Some(mut reading) = source.take() {
            let items: Vec<Item>;
            (reading, items) = blocking(move || {
                let items = reading.by_ref().take(ITEMS_AT_ONCE).collect();
                (reading, items)
            })
            .await?;
            let more = items.len() == ITEMS_AT_ONCE;
            batch.items = items.into_iter().map(|item| placed(name, item)).collect();
            if self.whole {
                said.extend(batch.items.iter().filter_map(|item| said_key(name, item)));
            }
            if more {
                source = Some(reading);
                outlet.send(Batch { unfinished: true, ..std::mem::take(&mut batch) }).await?;
            }
        }
        if self.whole {
            let held: Vec<Text> = known.keys().filter(|key| is_said_by(key, name)).cloned().collect();
            for key in held.iter().filter(|key| !said.contains(*key)) {
                batch.items.extend(self.retracted(key));
                batch.notes.push((key.clone(), None));
            }
            batch
                .notes
                .extend(said.iter().filter(|key| !known.contains_key(*key)).map(|key| (key.clone(), Some("".into()))));
        }
        batch.notes.push((format!("{FILE}{name}").into(), Some(stamp.into())));
        self.send(batch, known, outlet).await
    }

    /// A file is there no more.
    async fn forget(&self, name: &str, known: &mut BTreeMap<Text, Text>, outlet: &Outlet) -> Result<(), Broken> {
        let held: Vec<Text> = known.keys().filter(|key| is_said_by(key, name)).cloned().collect();
        let mut batch = Batch { notes: vec![(format!("{FILE}{name}").into(), None)], ..Batch::default() };
        for key in held {
            batch.items.extend(self.retracted(&key).filter(|_| self.whole));
            batch.notes.push((key, None));
        }
        self.send(batch, known, outlet).await
    }

    async fn send(&self, batch: Batch, known: &mut BTreeMap<Text, Text>, outlet: &Outlet) -> Result<(), Broken> {
        for (key, value) in &batch.notes {
            match value {
                Some(value) => _ = known.insert(key.clone(), value.clone()),
                None => _ = known.remove(key),
            }
        }
        outlet.send(batch).await.map(drop)
    }

    /// The deletion of what a note says that a file said.
    fn retracted(&self, key: &str) -> Option<Item> {
        let mut parts = key.strip_prefix(SAID)?.splitn(3, BETWEEN).skip(1);
        let (source, external_id) = (parts.next()?.into(), parts.next()?.into());
        let scope = self.options.scope.clone();
        Some(Item::Change(Change::Retract { scope, source, external_id, revision: None }))
    }
}

impl Feed for DirectoryFeed {
    fn follow<'a>(&'a mut self, from: Resume, outlet: &'a Outlet) -> BoxFuture<'a, Broken> {
        Box::pin(async move {
            match self.run(from, outlet).await {
                Err(broken) => broken,
            }
        })
    }
}

/// Files are read on threads that may wait for a disk.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Broken> {
    spawn_blocking(work).await.map_err(|error| Broken::Retry(format!("reading failed: {error}")))
}

/// Every input below the root with its size and time.
fn look(root: &Path) -> Result<Stamps, String> {
    let named = |path: &Path| path.strip_prefix(root).unwrap_or(path).display().to_string();
    let inputs = expand(&[root.to_path_buf()]).map_err(|error| error.to_string())?;
    let mut stamps = Stamps::new();
    for input in inputs {
        // What is gone by now is not there.
        if let Ok(changed) = newest(&input.path) {
            stamps.insert(named(&input.path), (input.path, format!("{} {changed}", input.bytes)));
        }
    }
    Ok(stamps)
}

/// When a file, or something in a folder, changed last, in nanoseconds since 1970.
fn newest(path: &Path) -> std::io::Result<u128> {
    let meta = std::fs::metadata(path)?;
    let own = meta.modified()?.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    if !meta.is_dir() {
        return Ok(own);
    }
    let inside = std::fs::read_dir(path)?.flatten().map(|entry| newest(&entry.path()).unwrap_or(0));
    Ok(inside.max().unwrap_or(0).max(own))
}

/// A rejected row's place, with its file.
fn placed(name: &str, item: Item) -> Item {
    match item {
        Item::Reject(reject) => {
            let position =
                if name.is_empty() { reject.position } else { format!("{name}, {}", reject.position).into() };
            Item::Reject(Rejected { position, ..reject })
        }
        change => change,
    }
}

/// The note that a file said something.
fn said_key(name: &str, item: &Item) -> Option<Text> {
    match item {
        Item::Change(Change::Upsert(event)) => {
            Some(format!("{SAID}{name}{BETWEEN}{}{BETWEEN}{}", event.source, event.external_id).into())
        }
        _ => None,
    }
}

fn is_said_by(key: &str, name: &str) -> bool {
    key.strip_prefix(SAID).and_then(|rest| rest.strip_prefix(name)).is_some_and(|rest| rest.starts_with(BETWEEN))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::live::Parcel;
    use std::sync::mpsc::Receiver;

    fn feed(path: &Path, whole: bool) -> (DirectoryFeed, Outlet, Receiver<Parcel>) {
        let named = Named { scope: "s".into(), feed: "files".into() };
        let config = DirectoryConfig {
            path: path.into(),
            every: 0.05,
            whole,
            format: None,
            source: None,
            platform: None,
            channel: None,
            time_zone: None,
        };
        let (sender, parcels) = std::sync::mpsc::channel();
        let deliver = std::sync::Arc::new(move |parcel| sender.send(parcel).is_ok());
        let outlet = Outlet::new(named.clone(), deliver, Default::default());
        (DirectoryFeed::new(named, config).unwrap(), outlet, parcels)
    }

    /// Follows for a while and gives what came: `+id`, `-id`, `!reason`; and all that is noted then.
    async fn came(
        feed: &mut DirectoryFeed,
        outlet: &Outlet,
        parcels: &Receiver<Parcel>,
        notes: &mut BTreeMap<Text, Text>,
    ) -> Vec<String> {
        let resume = Resume { offset: None, notes: notes.clone() };
        let _ = tokio::time::timeout(Duration::from_millis(400), feed.follow(resume, outlet)).await;
        let mut shown = Vec::new();
        for parcel in parcels.try_iter() {
            let (_, batch, receipt) = parcel.open();
            receipt.keep();
            for item in batch.items {
                shown.push(match item {
                    Item::Change(Change::Upsert(event)) => format!("+{} {}", event.external_id, event.text),
                    Item::Change(Change::Retract { external_id, .. }) => format!("-{external_id}"),
                    Item::Change(other) => format!("{other:?}"),
                    Item::Reject(reject) => format!("!{}: {}", reject.position, reject.reason),
                });
            }
            for (key, value) in batch.notes {
                match value {
                    Some(value) => _ = notes.insert(key, value),
                    None => _ = notes.remove(&key),
                }
            }
        }
        shown
    }

    fn row(id: &str, text: &str) -> String {
        format!("{{\"id\": \"{id}\", \"said_at\": 0, \"author\": \"anna\", \"text\": \"{text}\"}}\n")
    }

    #[tokio::test]
    async fn a_file_is_read_when_it_comes_and_when_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jsonl");
        let (mut feed, outlet, parcels) = feed(folder.path(), true);
        let mut notes = BTreeMap::new();
        std::fs::write(&path, row("1", "one") + &row("2", "two") + "nonsense\n").unwrap();
        let first = came(&mut feed, &outlet, &parcels, &mut notes).await;
        assert_eq!(first[..2], ["+1 one", "+2 two"]);
        assert!(first[2].starts_with("!a.jsonl, line 3: "), "{first:?}");
        assert!(came(&mut feed, &outlet, &parcels, &mut notes).await.is_empty());
        std::fs::write(&path, row("2", "zwei")).unwrap();
        assert_eq!(came(&mut feed, &outlet, &parcels, &mut notes).await, ["+2 zwei", "-1"]);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(came(&mut feed, &outlet, &parcels, &mut notes).await, ["-2"]);
        assert!(notes.is_empty(), "{notes:?}");
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_said_once() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("b.bin"), [0, 159, 1]).unwrap();
        let (mut feed, outlet, parcels) = feed(folder.path(), false);
        let mut notes = BTreeMap::new();
        let came_first = came(&mut feed, &outlet, &parcels, &mut notes).await;
        assert_eq!(came_first.len(), 1);
        assert!(came_first[0].contains("b.bin"), "{came_first:?}");
        assert!(came(&mut feed, &outlet, &parcels, &mut notes).await.is_empty());
        let (mut lost, outlet, _parcels) = self::feed(&folder.path().join("absent"), false);
        assert!(
            matches!(lost.follow(Resume::default(), &outlet).await, Broken::Retry(reason) if reason.contains("absent"))
        );
    }
}
