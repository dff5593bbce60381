//! A folder, followed: whatever file format `ingest` knows, when a file comes, grows or changes.
//!
//! A file is read whole once its size and time stay the same for a look; its events are named as `ingest` names them, so
//! what was there is not there twice. Notes: each file's size and time as it was read; with `whole`, what it said. A file
//! that was not read to its end is read again. Cost: a look at each file every [`DirectoryConfig::every`], and one reading
//! of each that changed; memory holds the notes, some hundred messages, and with `whole` the names of what a file says.

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
use crate::input::expand_what_is_there;
use crate::{Format, Item, OpenError, Options, Rejected, Source, open};

/// So many items are sent at once.
const ITEMS_AT_ONCE: usize = 500;
/// Stands before a file's name in notes.
const FILE: &str = "file ";
/// Stands before what a file said in notes.
const SAID: &str = "said ";
/// Stands before what was deleted because no file said it any more, with how often that was.
const GONE: &str = "gone ";
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

/// The notes, and how many files say what.
struct Known {
    notes: BTreeMap<Text, Text>,
    said: BTreeMap<String, usize>,
}

impl Known {
    fn new(notes: BTreeMap<Text, Text>) -> Known {
        let mut known = Known { notes: BTreeMap::new(), said: BTreeMap::new() };
        notes.iter().for_each(|(key, value)| known.note(key, Some(value)));
        known
    }

    fn note(&mut self, key: &Text, value: Option<&Text>) {
        let before = match value {
            Some(value) => self.notes.insert(key.clone(), value.clone()),
            None => self.notes.remove(key),
        };
        let Some(id) = said_id(key).filter(|_| before.is_some() != value.is_some()) else { return };
        let files = self.said.entry(id.into()).or_default();
        match value {
            Some(_) => *files += 1,
            None => *files -= 1,
        }
        if *files == 0 {
            self.said.remove(id);
        }
    }

    /// Whether a file says it.
    fn is_said(&self, id: &str) -> bool {
        self.said.contains_key(id)
    }

    /// How often it was deleted because no file said it; `None` if never.
    fn times_gone(&self, id: &str) -> Option<u64> {
        self.notes.get(&*format!("{GONE}{id}"))?.parse().ok()
    }
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
        let mut known = Known::new(from.notes);
        let mut before: Option<Stamps> = None;
        let mut told: BTreeSet<String> = BTreeSet::new();
        loop {
            let (root, whole) = (self.root.clone(), self.whole);
            let (now, failed) = blocking(move || look(&root, whole)).await?.map_err(Broken::Retry)?;
            outlet.healthy();
            let complete = failed.is_empty();
            let new = failed.into_iter().filter(|error| told.insert(error.clone()));
            let items: Vec<Item> = new.map(|error| Item::Reject(Rejected::new("a look", error, b""))).collect();
            if !items.is_empty() {
                outlet.send(Batch { items, ..Batch::default() }).await?;
            }
            for (name, (path, stamp)) in &now {
                let still =
                    before.as_ref().and_then(|before| before.get(name)).is_some_and(|(_, before)| before == stamp);
                if still && known.notes.get(&*format!("{FILE}{name}")).is_none_or(|known| **known != **stamp) {
                    self.read(name, (path, stamp), &mut known, &mut told, outlet).await?;
                }
            }
            // After what came: a file that was renamed is then read under its other name, and nothing of it is deleted.
            let gone_before = |name: &str| before.as_ref().is_some_and(|before| !before.contains_key(name));
            let gone = |name: &str| complete && !now.contains_key(name) && gone_before(name);
            let files = known.notes.keys().filter_map(|key| key.strip_prefix(FILE));
            for name in files.filter(|name| gone(name)).map(str::to_string).collect::<Vec<_>>() {
                self.forget(&name, &mut known, outlet).await?;
            }
            before = Some(now);
            tokio::time::sleep(self.every).await;
        }
    }

    /// Reads a file to its end, and notes that. One that the disk does not give is tried again at the next look.
    async fn read(
        &self,
        name: &str,
        (path, stamp): (&Path, &str),
        known: &mut Known,
        told: &mut BTreeSet<String>,
        outlet: &Outlet,
    ) -> Result<(), Broken> {
        let (path, options) = (path.to_path_buf(), self.options.clone());
        let mut source: Option<Box<dyn Source>> = None;
        let mut batch = Batch::default();
        match blocking(move || open(&path, &options)).await? {
            Ok(opened) => source = Some(opened),
            Err(OpenError::Io { error, .. }) => {
                if told.insert(format!("{name} {stamp}")) {
                    batch.items.push(Item::Reject(Rejected::new(name, error, b"")));
                    outlet.send(batch).await?;
                }
                return Ok(());
            }
            Err(error) => batch.items.push(Item::Reject(Rejected::new(name, error, b""))),
        }
        // What cannot be read whole deletes nothing.
        let mut sound = source.is_some();
        let mut said = BTreeSet::new();
        while let Some(mut reading) = source.take() {
            let items: Vec<Item>;
            (reading, items) = blocking(move || {
                let items = reading.by_ref().take(ITEMS_AT_ONCE).collect();
                (reading, items)
            })
            .await?;
            let more = items.len() == ITEMS_AT_ONCE;
            sound &= !items.iter().any(|item| matches!(item, Item::Reject(_)));
            for item in items {
                if self.whole
                    && let Some(key) = said_key(name, &item)
                {
                    batch.items.extend(self.come_back(&key, &item, known));
                    if !known.notes.contains_key(&key) {
                        // With the item itself: a reading that is never finished is known to have given it.
                        known.note(&key, Some(&"".into()));
                        batch.notes.push((key.clone(), Some("".into())));
                    }
                    said.insert(key);
                }
                batch.items.push(placed(name, item));
            }
            if more {
                source = Some(reading);
                outlet.send(Batch { unfinished: true, ..std::mem::take(&mut batch) }).await?;
            }
        }
        if self.whole && sound {
            let held: Vec<Text> = known.notes.keys().filter(|key| is_said_by(key, name)).cloned().collect();
            for key in held.iter().filter(|key| !said.contains(*key)) {
                self.delete(key, known, &mut batch);
            }
        }
        batch.notes.push((format!("{FILE}{name}").into(), Some(stamp.into())));
        self.send(batch, known, outlet).await
    }

    /// A file is there no more.
    async fn forget(&self, name: &str, known: &mut Known, outlet: &Outlet) -> Result<(), Broken> {
        let held: Vec<Text> = known.notes.keys().filter(|key| is_said_by(key, name)).cloned().collect();
        let mut batch = Batch { notes: vec![(format!("{FILE}{name}").into(), None)], ..Batch::default() };
        for key in held {
            match self.whole {
                true => self.delete(&key, known, &mut batch),
                false => batch.notes.push((key, None)),
            }
        }
        self.send(batch, known, outlet).await
    }

    async fn send(&self, batch: Batch, known: &mut Known, outlet: &Outlet) -> Result<(), Broken> {
        batch.notes.iter().for_each(|(key, value)| known.note(key, value.as_ref()));
        outlet.send(batch).await.map(drop)
    }

    /// A file says this no more: it is deleted, unless another file says it.
    fn delete(&self, key: &Text, known: &mut Known, batch: &mut Batch) {
        let Some(id) = said_id(key) else { return };
        known.note(key, None);
        if !known.is_said(id) {
            let Some((source, external_id)) = id.split_once(BETWEEN) else { return };
            let (scope, source, external_id) = (self.options.scope.clone(), source.into(), external_id.into());
            batch.items.push(Item::Change(Change::Retract { scope, source, external_id, revision: None }));
            let times = known.times_gone(id).unwrap_or(0);
            batch.notes.push((format!("{GONE}{id}").into(), Some((times + 1).to_string().into())));
        }
        batch.notes.push((key.clone(), None));
    }

    /// What was deleted because no file said it, and is said again, is a later revision: else it would count as old.
    fn come_back(&self, key: &Text, item: &Item, known: &Known) -> Option<Item> {
        let id = said_id(key)?;
        let times = known.times_gone(id)?;
        let Item::Change(Change::Upsert(event)) = item else { return None };
        let held = event.revision.is_some() || known.is_said(id);
        let mut event = event.clone();
        event.revision = Some(times << 32);
        (!held).then_some(Item::Change(Change::Upsert(event)))
    }
}

impl Feed for DirectoryFeed {
    fn follow<'a>(&'a mut self, from: Resume, outlet: &'a Outlet) -> BoxFuture<'a, Result<Infallible, Broken>> {
        Box::pin(self.run(from, outlet))
    }
}

/// Files are read on threads that may wait for a disk.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Broken> {
    spawn_blocking(work).await.map_err(|error| Broken::Retry(format!("reading failed: {error}")))
}

/// Every input below the root with its size and time; and what could not be looked at.
fn look(root: &Path, whole: bool) -> Result<(Stamps, Vec<String>), String> {
    std::fs::metadata(root).map_err(|error| format!("{}: {error}", root.display()))?;
    let mut failures = Vec::new();
    let inputs = expand_what_is_there(root, &mut |error| {
        let gone = matches!(&error, OpenError::Io { error, .. } if error.kind() == std::io::ErrorKind::NotFound);
        failures.extend((!gone).then(|| error.to_string()));
    });
    let mut stamps = Stamps::new();
    // Files under another rule are read anew: what they said is not noted.
    let mode = if whole { " whole" } else { "" };
    for input in inputs {
        match newest(&input.path) {
            Ok(changed) => {
                let stamp = format!("{} {changed}{mode}", input.bytes);
                stamps.insert(named(input.path.strip_prefix(root).unwrap_or(&input.path)), (input.path, stamp));
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => failures.push(format!("{}: {error}", input.path.display())),
        }
    }
    Ok((stamps, failures))
}

/// A path as a key: different paths have different ones, whatever bytes they are made of.
fn named(path: &Path) -> String {
    match path.to_str() {
        Some(name) => name.into(),
        None => path.as_os_str().as_encoded_bytes().escape_ascii().to_string(),
    }
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

/// What a note says that a file said: source and id.
fn said_id(key: &str) -> Option<&str> {
    key.strip_prefix(SAID)?.split_once(BETWEEN).map(|(_, id)| id)
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
        let outlet = Outlet::new(named.clone(), deliver, Default::default(), || 0);
        (DirectoryFeed::new(named, config).unwrap(), outlet, parcels)
    }

    /// Follows for a while and gives what came: `+id`, `-id`, `!reason`; and all that is noted then.
    async fn came(
        feed: &mut DirectoryFeed,
        outlet: &Outlet,
        parcels: &Receiver<Parcel>,
        notes: &mut BTreeMap<Text, Text>,
    ) -> Vec<String> {
        let resume = Resume { notes: notes.clone(), ..Resume::default() };
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
        assert!(notes.keys().all(|key| key.starts_with(GONE)), "{notes:?}");
    }

    #[tokio::test]
    async fn what_moves_is_not_deleted_and_what_comes_back_is_news() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let (mut feed, outlet, parcels) = feed(folder.path(), true);
        let mut notes = BTreeMap::new();
        std::fs::write(path("a.jsonl"), row("1", "one")).unwrap();
        assert_eq!(came(&mut feed, &outlet, &parcels, &mut notes).await, ["+1 one"]);
        std::fs::rename(path("a.jsonl"), path("b.jsonl")).unwrap();
        assert_eq!(came(&mut feed, &outlet, &parcels, &mut notes).await, ["+1 one"]);
        // What is damaged deletes nothing.
        std::fs::write(path("b.jsonl"), "nonsense\n").unwrap();
        assert_eq!(came(&mut feed, &outlet, &parcels, &mut notes).await.len(), 1);
        std::fs::write(path("b.jsonl"), "").unwrap();
        assert_eq!(came(&mut feed, &outlet, &parcels, &mut notes).await, ["-1"]);
        std::fs::write(path("b.jsonl"), row("1", "one")).unwrap();
        assert_eq!(came(&mut feed, &outlet, &parcels, &mut notes).await, ["+1 one", "+1 one"]);
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
            matches!(lost.follow(Resume::default(), &outlet).await, Err(Broken::Retry(reason)) if reason.contains("absent"))
        );
    }
}
