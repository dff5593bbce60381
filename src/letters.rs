//! Dead letters: the whole of what live feeds brought and could not be read, kept so that it can be read again.
//!
//! Each is a row of `rejects` too, under the same id, and both go together: when it is dropped, or in the very append
//! that takes in what was read of it at last. An erasure removes them all. Cost: a letter, once.

use std::collections::BTreeMap;

use arrow::array::AsArray;
use arrow::datatypes::TimestampMillisecondType;
use nexus_connectors::{Format, Item, Options, Reading, Rejected};
use nexus_types::tables::{Letter, LettersTable, Reject, RejectsTable};
use nexus_types::{Change, Millis, Scope};
use serde::Serialize;

use crate::admit::Record;
use crate::ingest::rejected;
use crate::writer::{Counts, Nexus};
use crate::{Error, Memory, Result, clock};

/// The fewest digits by which a letter is named.
const ID_DIGITS_MIN: usize = 4;

/// A letter, without what stands in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LetterView {
    /// Its id, in `rejects` too.
    pub id: String,
    /// The feed that brought it.
    pub feed: String,
    /// Where it stood.
    pub position: String,
    /// Why it could not be read.
    pub reason: String,
    /// When it came.
    pub seen_at: Millis,
    /// Its size.
    pub bytes: usize,
    /// The format it would be read in; `None` where one has to be named.
    pub format: Option<String>,
}

/// What a letter gave when it was read again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReplayReport {
    /// Messages in it.
    pub messages: usize,
    /// Of these, those that were news.
    pub news: usize,
    /// The epoch in which they are memory.
    pub epoch: u64,
}

/// What a feed could not read, as it is kept; whole, where it gave it whole.
pub(crate) fn lettered(scope: &Scope, feed: &str, mut what: Rejected) -> (Reject, Option<Letter>) {
    let (whole, reading) = (std::mem::take(&mut what.whole), what.reading.take());
    let reject = rejected(scope, feed, what);
    if whole.is_empty() {
        return (reject, None);
    }
    let (raw, hex) = Letter::held(whole);
    let reading = reading.and_then(|reading| serde_json::to_string(&*reading).ok()).unwrap_or_default().into();
    let letter = Letter { id: RejectsTable::key(&reject).into(), scope: scope.clone(), reading, raw, hex };
    (reject, Some(letter))
}

impl Memory {
    /// The letters of the scope, the oldest first.
    pub fn letters(&self) -> Result<Vec<LetterView>> {
        let mut letters: BTreeMap<String, Letter> = BTreeMap::new();
        for batch in self.scan("letters", Some(&self.mine()))? {
            letters.extend(LettersTable::decode(&batch)?.into_iter().map(|letter| (letter.id.to_string(), letter)));
        }
        let mut views = Vec::new();
        for batch in self.scan("rejects", Some(&self.mine()))? {
            let text = |name: &str| batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
            let seen = batch.column_by_name("seen_at");
            let seen = seen.and_then(|column| column.as_primitive_opt::<TimestampMillisecondType>());
            let (Some(ids), Some(files), Some(positions), Some(reasons), Some(seen)) =
                (text("id"), text("file"), text("position"), text("reason"), seen)
            else {
                return Err(Error::internal("rejects has other columns"));
            };
            for at in 0..batch.num_rows() {
                let Some(letter) = letters.get(ids.value(at)) else { continue };
                let format = serde_json::from_str::<Reading>(&letter.reading).ok();
                views.push(LetterView {
                    id: ids.value(at).into(),
                    feed: files.value(at).into(),
                    position: positions.value(at).into(),
                    reason: reasons.value(at).into(),
                    seen_at: seen.value(at),
                    bytes: if letter.hex { letter.raw.len() / 2 } else { letter.raw.len() },
                    format: format.map(|reading| reading.format.to_string()),
                });
            }
        }
        views.sort_by(|a, b| (a.seen_at, &a.id).cmp(&(b.seen_at, &b.id)));
        Ok(views)
    }

    /// What stands in a letter: by its id, or the beginning of it.
    pub fn letter(&self, id: &str) -> Result<Vec<u8>> {
        Ok(self.found(id)?.bytes())
    }

    fn found(&self, id: &str) -> Result<Letter> {
        let given = id.to_ascii_lowercase();
        if given.len() < ID_DIGITS_MIN || !given.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Error::argument(format!("{id:?} is not a letter's id: nexus letters shows them")));
        }
        let mut found = Vec::new();
        for batch in self.scan("letters", Some(&format!("{} AND starts_with(id, '{given}')", self.mine())))? {
            found.extend(LettersTable::decode(&batch)?);
        }
        match found.len() {
            0 => Err(Error::not_found(format!("no letter has an id that begins with {id}: nexus letters shows them"))),
            1 => Ok(found.remove(0)),
            many => Err(Error::argument(format!("{many} letters have ids that begin with {id}: give more of it"))),
        }
    }
}

impl Nexus {
    /// Reads a letter again and takes in what it says; the letter goes with the same append. `mended` is read in its
    /// place; `format` is how, where that is not known or another. If it cannot be read still, nothing changes.
    pub fn replay_letter(&mut self, id: &str, mended: Option<Vec<u8>>, format: Option<Format>) -> Result<ReplayReport> {
        self.engine.turn()?;
        let letter = self.memory()?.found(id)?;
        let reading: Option<Reading> = serde_json::from_str(&letter.reading).ok();
        if reading.is_none() && format.is_none() {
            return Err(Error::argument(format!("it is not known how letter {id} is to be read: name a format")));
        }
        let reading = reading.unwrap_or_default();
        let mut options = reading.options(&letter.scope, clock::now());
        options.format = format.or(options.format);
        let changes = read(id, mended.unwrap_or_else(|| letter.bytes()), &reading, &options)?;
        let changes: Vec<Change> = changes.into_iter().map(|change| self.timed(change)).collect();
        let messages = changes.len();
        let gone = Record::Letters { came: Vec::new(), gone: vec![letter.id] };
        let counts = self.engine.whole(|engine| -> Result<Counts> {
            let (counts, news) = engine.decide(changes)?;
            let records = if news.is_empty() { vec![gone] } else { vec![Record::Events(news), gone] };
            // What was decided is not on the disk then: only opening the store again brings both together.
            let acknowledged = engine.acknowledge(records);
            engine.unless_failed(acknowledged)?;
            Ok(counts)
        })?;
        let epoch = self.engine.turn()?.epoch;
        self.republish()?;
        Ok(ReplayReport { messages, news: counts.added + counts.changed + counts.deleted, epoch })
    }

    /// Lets a letter go, unread.
    pub fn drop_letter(&mut self, id: &str) -> Result<()> {
        self.engine.turn()?;
        let letter = self.memory()?.found(id)?;
        self.engine.acknowledge(vec![Record::Letters { came: Vec::new(), gone: vec![letter.id] }])?;
        self.engine.turn().map(drop)
    }

    fn timed(&mut self, change: Change) -> Change {
        match change {
            Change::Upsert(event) => Change::Upsert(Box::new(self.completed(*event))),
            change => change,
        }
    }
}

/// All that a letter says; an error if anything of it cannot be read.
fn read(id: &str, bytes: Vec<u8>, reading: &Reading, options: &Options) -> Result<Vec<Change>> {
    let items = reading.again(&format!("letter {id}"), bytes, options);
    let mut changes = Vec::new();
    for item in items.map_err(|error| Error::argument(error.to_string()))? {
        match item {
            Item::Change(change) => changes.push(change),
            Item::Reject(Rejected { position, reason, .. }) => {
                let mend = "mend it (nexus letters show) and give it with --from";
                return Err(Error::argument(format!("letter {id} cannot be read still: {position}: {reason}; {mend}")));
            }
        }
    }
    if changes.is_empty() {
        return Err(Error::argument(format!("letter {id} says nothing in that format: name another, or drop it")));
    }
    Ok(changes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Cursor;

    use nexus_connectors::open_reader;

    use super::*;

    #[test]
    fn letters_that_begin_alike_are_two() {
        let letter = |end: &str| {
            let options = Options { format: Some(Format::Jsonl), ..Options::new("s") };
            let line = format!("{{\"text\": \"{}\", \"{end}", "x".repeat(5_000));
            let mut source = open_reader("a", Box::new(Cursor::new(line.clone())), &options).unwrap();
            let Some(Item::Reject(what)) = source.next() else { panic!("it is cut off") };
            let (reject, letter) = lettered(&"s".into(), "feed", what);
            let letter = letter.unwrap();
            assert_eq!((&*letter.id, letter.bytes()), (RejectsTable::key(&reject).as_str(), line.into_bytes()));
            reject
        };
        let (one, same, other) = (letter("a"), letter("a"), letter("b"));
        assert_eq!((&one.position, &one.reason, &one.raw), (&other.position, &other.reason, &other.raw));
        assert_eq!(RejectsTable::key(&one), RejectsTable::key(&same));
        assert_ne!(RejectsTable::key(&one), RejectsTable::key(&other));
    }
}
