//! The outbox: changes that leave through sinks. They are written in the commit that makes them, if a sink wants them,
//! and go in a later commit, when every sink has passed them.
//!
//! Which sinks there are, what each wants and how far it is, the store itself knows: that is kept as feeds' offsets
//! are. So whatever commits, be it the replay of the tail after a crash or another command between two runs, nothing is
//! left out. Cost: a row for each change that leaves; in memory a number for each epoch that waits.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{AsArray, RecordBatch};
use futures::TryStreamExt;
use nexus_dataflows::Outputs;
use nexus_storage::{Snapshot, TableChange, TableSpec, quoted};
use nexus_types::tables::{DecisionsTable, FactsTable, OutboxAt, OutboxTable, Outgoing, WatchedTable};
use nexus_types::{Hash128, Scope, Text};

use crate::{Error, Result};

/// The tables whose changes may leave.
pub(crate) const TABLES: [&str; 3] = ["decisions", "facts", "watched"];
/// What stands before a sink's name among those of feeds; it belongs to no scope.
pub(crate) const SINK: &str = "sink/";
/// How many rows are made to JSON at once.
const ROWS_AT_ONCE: usize = 10_000;
/// About how many rows that all sinks passed go in one commit.
const GONE_AT_ONCE: u64 = 100_000;

/// What a sink wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    /// Changes of these tables.
    pub(crate) of: BTreeSet<Text>,
    /// Of whose memory; `None`: of everybody's.
    pub(crate) scope: Option<Scope>,
}

/// What a sink wants, and how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// All up to here has left.
    pub(crate) at: OutboxAt,
    pub(crate) wish: Wish,
}

impl Wish {
    pub(crate) fn fits(&self, table: &str, scope: &Scope) -> bool {
        self.of.contains(table) && self.scope.as_ref().is_none_or(|only| only == scope)
    }
}

impl Cursor {
    /// As the offset of a feed. A scope may be any text, so it is last.
    pub(crate) fn to_offset(&self) -> Text {
        let Cursor { at, wish } = self;
        let of: Vec<&str> = wish.of.iter().map(|table| &**table).collect();
        let scope = wish.scope.as_ref().map(|scope| format!(" {scope}")).unwrap_or_default();
        format!("1 {} {} {}{scope}", at.epoch, at.ordinal, of.join(",")).into()
    }

    /// The inverse of [`Cursor::to_offset`]; `None` for what another version wrote.
    pub(crate) fn from_offset(offset: &str) -> Option<Cursor> {
        let mut parts = offset.splitn(5, ' ');
        let ("1", epoch, ordinal, of) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?) else {
            return None;
        };
        let at = OutboxAt { epoch: epoch.parse().ok()?, ordinal: ordinal.parse().ok()? };
        let wish = Wish { of: of.split(',').map(Text::from).collect(), scope: parts.next().map(Scope::from) };
        Some(Cursor { at, wish })
    }
}

/// What waits, by epoch: the ordinal of its last change.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    held: BTreeMap<u64, u64>,
}

impl Outbox {
    /// As a snapshot has it.
    pub(crate) async fn of(snapshot: &Snapshot) -> Result<Outbox> {
        let mut held: BTreeMap<u64, u64> = BTreeMap::new();
        for batch in snapshot.scan("outbox", Some(&["id"]), None).await? {
            let places = batch.column(0).as_string::<i32>().iter().flatten().filter_map(OutboxTable::place);
            for at in places {
                let last = held.entry(at.epoch).or_default();
                *last = (*last).max(at.ordinal);
            }
        }
        Ok(Outbox { held })
    }

    /// The change of the table in an epoch's commit: what all sinks passed goes, what they want of this epoch comes.
    pub(crate) fn change(&mut self, outputs: &Outputs, epoch: u64, sinks: &[Cursor]) -> Result<Option<TableChange>> {
        self.change_after(Vec::new(), outputs, epoch, sinks)
    }

    /// The same, where before that rows went of which only the keys are known.
    pub(crate) fn change_after(
        &mut self,
        went: Vec<Outgoing>,
        outputs: &Outputs,
        epoch: u64,
        sinks: &[Cursor],
    ) -> Result<Option<TableChange>> {
        let delete = self.passed(sinks);
        let rows = if sinks.is_empty() { Vec::new() } else { rows(went, outputs, epoch, sinks)? };
        if let Some(last) = rows.last() {
            self.held.insert(epoch, last.at.ordinal);
        }
        let append: Vec<RecordBatch> = rows.chunks(ROWS_AT_ONCE).map(OutboxTable::encode).collect();
        let table = TableSpec::from(&OutboxTable::table());
        let nothing = delete.is_empty() && append.is_empty();
        Ok((!nothing).then_some(TableChange { table, delete, append }))
    }

    /// The keys of whole epochs that every sink has passed; they are held no more.
    fn passed(&mut self, sinks: &[Cursor]) -> Vec<String> {
        let least = sinks.iter().map(|sink| sink.at).min();
        let mut keys = Vec::new();
        while let Some((&epoch, &ordinal)) = self.held.first_key_value() {
            let all = least.is_none_or(|least| OutboxAt { epoch, ordinal } <= least);
            if !all || keys.len() as u64 >= GONE_AT_ONCE {
                break;
            }
            self.held.pop_first();
            keys.extend((1..=ordinal).map(|ordinal| OutboxTable::key(OutboxAt { epoch, ordinal })));
        }
        keys
    }

    /// The newest place that is taken; that of an epoch without changes where nothing waits.
    pub(crate) fn end(&self, epoch: u64) -> OutboxAt {
        OutboxAt { epoch, ordinal: self.held.get(&epoch).copied().unwrap_or(0) }
    }

    /// About how many changes wait behind a place.
    pub(crate) fn behind(&self, after: OutboxAt) -> u64 {
        self.held.range(after.epoch..).map(|(epoch, last)| last - passed_of(*epoch, *last, after)).sum()
    }

    /// How far to read behind a place for at most so many changes; `None` if there is nothing.
    pub(crate) fn until(&self, after: OutboxAt, most: u64) -> Option<OutboxAt> {
        let (mut left, mut until) = (most, None);
        for (&epoch, &last) in self.held.range(after.epoch..) {
            let from = passed_of(epoch, last, after);
            let taken = left.min(last - from);
            if taken > 0 {
                until = Some(OutboxAt { epoch, ordinal: from + taken });
                left -= taken;
            }
            if left == 0 {
                break;
            }
        }
        until
    }

    /// The changes behind one place up to another, in order.
    pub(crate) async fn read(snapshot: &Snapshot, after: OutboxAt, until: OutboxAt) -> Result<Vec<Outgoing>> {
        let [after, until] = [after, until].map(OutboxTable::key);
        let filter = format!("id > {} AND id <= {}", quoted(&after), quoted(&until));
        let mut rows = Vec::new();
        for batch in snapshot.scan("outbox", None, Some(&filter)).await? {
            rows.extend(OutboxTable::decode(&batch)?);
        }
        rows.sort();
        Ok(rows)
    }

    /// What an erasure makes of the table: of what came, only what its own table holds just so stays. Cost: what waits, and
    /// each table of which something waits, read once in pieces; in memory a hash and a key for each row that waits.
    pub(crate) async fn erased(snapshot: &Snapshot) -> Result<Option<TableChange>> {
        let mut came = Came::default();
        let mut outbox = snapshot.stream("outbox", None, None).await?;
        while let Some(batch) = outbox.try_next().await? {
            came.add(OutboxTable::decode(&batch)?);
        }
        for table in [DecisionsTable::table(), FactsTable::table(), WatchedTable::table()] {
            if !came.of.contains(table.name) {
                continue;
            }
            let columns: Vec<&str> = table.schema.fields().iter().map(|field| field.name().as_str()).collect();
            let mut held = snapshot.stream(table.name, Some(&columns), None).await?;
            while let Some(batch) = held.try_next().await? {
                came.holds(table.name, &batch)?;
            }
        }
        let delete: Vec<String> = came.waiting.into_values().flatten().collect();
        let (table, nothing) = (TableSpec::from(&OutboxTable::table()), delete.is_empty());
        Ok((!nothing).then_some(TableChange { table, delete, append: Vec::new() }))
    }
}

/// Rows that came and wait, and are not known to be held still.
#[derive(Debug, Default)]
struct Came {
    /// Their keys in the outbox, by what they say.
    waiting: BTreeMap<Hash128, Vec<String>>,
    /// Their tables.
    of: BTreeSet<Text>,
}

impl Came {
    fn add(&mut self, rows: Vec<Outgoing>) {
        for row in rows {
            let Some(object) = row.row.filter(|_| row.sign > 0) else { continue };
            self.waiting.entry(said(&row.table, &object)).or_default().push(OutboxTable::key(row.at));
            self.of.insert(row.table);
        }
    }

    /// A table holds these rows: what says the same stays.
    fn holds(&mut self, table: &str, batch: &RecordBatch) -> Result<()> {
        for object in objects(batch)? {
            self.waiting.remove(&said(table, &object));
        }
        Ok(())
    }
}

/// A row's table and all that it says, its key included.
fn said(table: &str, object: &str) -> Hash128 {
    Hash128::of("outgoing", &[table.as_bytes(), object.as_bytes()])
}

/// How many of an epoch's changes do not lie behind a place.
fn passed_of(epoch: u64, last: u64, after: OutboxAt) -> u64 {
    if epoch == after.epoch { after.ordinal.min(last) } else { 0 }
}

/// What leaves when tables are made anew: all rows of these went.
pub(crate) async fn remade(snapshot: &Snapshot, changes: &[TableChange]) -> Result<Vec<Outgoing>> {
    let mut went = Vec::new();
    for table in TABLES {
        let Some(change) = changes.iter().find(|change| change.table.name == table) else { continue };
        for batch in snapshot.scan(table, Some(&[change.table.key.as_str(), "scope"]), None).await? {
            let column = |name: &str| batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
            let (Some(keys), Some(scopes)) = (column(&change.table.key), column("scope")) else {
                return Err(Error::internal(format!("table {table} has other columns")));
            };
            went.extend(keys.iter().flatten().zip(scopes.iter().flatten()).map(|(key, scope)| Outgoing {
                at: OutboxAt::default(),
                scope: scope.into(),
                table: table.into(),
                key: key.into(),
                sign: -1,
                row: None,
            }));
        }
    }
    Ok(went)
}

/// What leaves of an epoch: of each table in the order of keys, what went before what came.
fn rows(went: Vec<Outgoing>, outputs: &Outputs, epoch: u64, sinks: &[Cursor]) -> Result<Vec<Outgoing>> {
    let wanted = |table: &str, scope: &Scope| sinks.iter().any(|sink| sink.wish.fits(table, scope));
    let mut rows: Vec<Outgoing> = went.into_iter().filter(|row| wanted(&row.table, &row.scope)).collect();
    let decision = |row: &nexus_types::Decision| row.claim.to_string();
    gather("decisions", &outputs.decisions, |row| &row.scope, decision, DecisionsTable::encode, &wanted, &mut rows)?;
    gather("facts", &outputs.facts, |row| &row.scope, FactsTable::key, FactsTable::encode, &wanted, &mut rows)?;
    gather("watched", &outputs.watched, |row| &row.scope, WatchedTable::key, WatchedTable::encode, &wanted, &mut rows)?;
    for (row, ordinal) in rows.iter_mut().zip(1..) {
        row.at = OutboxAt { epoch, ordinal };
    }
    Ok(rows)
}

fn gather<R: Clone>(
    table: &str,
    changed: &[(R, isize)],
    scope: impl Fn(&R) -> &Scope,
    key: impl Fn(&R) -> String,
    encode: impl Fn(&[R]) -> RecordBatch,
    wanted: &impl Fn(&str, &Scope) -> bool,
    rows: &mut Vec<Outgoing>,
) -> Result<()> {
    let picked = changed.iter().filter(|(row, _)| wanted(table, scope(row)));
    let mut picked: Vec<(String, i16, &R)> =
        picked.map(|(row, diff)| (key(row), if *diff > 0 { 1 } else { -1 }, row)).collect();
    picked.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    for part in picked.chunks(ROWS_AT_ONCE) {
        // What went leaves by its key only: an erasure then has nothing to take from it.
        let came: Vec<R> = part.iter().filter(|(_, sign, _)| *sign > 0).map(|(_, _, row)| (*row).clone()).collect();
        let mut told = objects(&encode(&came))?.into_iter();
        for (key, sign, row) in part {
            let (at, scope) = (OutboxAt::default(), scope(row).clone());
            let (table, key) = (table.into(), key.as_str().into());
            let row = if *sign > 0 { told.next().map(Text::from) } else { None };
            rows.push(Outgoing { at, scope, table, key, sign: *sign, row });
        }
    }
    Ok(())
}

/// Rows as JSON objects, as SQL has them.
fn objects(batch: &RecordBatch) -> Result<Vec<String>> {
    let mut writer = arrow::json::LineDelimitedWriter::new(Vec::new());
    writer.write(batch).map_err(Error::internal)?;
    writer.finish().map_err(Error::internal)?;
    let text = String::from_utf8(writer.into_inner()).map_err(Error::internal)?;
    Ok(text.lines().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use nexus_types::{EventId, PassageId, Watched};

    use super::*;

    fn at(epoch: u64, ordinal: u64) -> OutboxAt {
        OutboxAt { epoch, ordinal }
    }

    fn cursor(epoch: u64, ordinal: u64, scope: Option<&str>) -> Cursor {
        let of = ["facts", "watched"].map(Text::from).into_iter().collect();
        Cursor { at: at(epoch, ordinal), wish: Wish { of, scope: scope.map(Scope::from) } }
    }

    fn watched(scope: &str, rank: u32, score: i64) -> Watched {
        let (passage, event) = (PassageId::of(&[b"p"]), EventId::of(&[b"e"]));
        Watched { scope: scope.into(), question: "who \"is\"?\n".into(), rank, passage, event, said_at: 0, score }
    }

    #[test]
    fn a_cursor_survives_as_an_offset() {
        for cursor in [cursor(7, 0, None), cursor(1 << 40, 9, Some("my own scope"))] {
            assert_eq!(Cursor::from_offset(&cursor.to_offset()), Some(cursor));
        }
        assert_eq!(Cursor::from_offset("2 7 0 facts"), None);
        assert_eq!(Cursor::from_offset(""), None);
    }

    #[test]
    fn what_is_wanted_leaves_in_order_and_goes_when_all_have_it() {
        let mut outbox = Outbox::default();
        let changed = vec![(watched("a", 1, 5), 1), (watched("a", 1, 4), -1), (watched("b", 1, 3), 1)];
        let outputs = Outputs { watched: changed, ..Outputs::default() };
        assert!(outbox.change(&outputs, 1, &[]).unwrap().is_none());
        let sinks = [cursor(1, 0, Some("a")), cursor(1, 0, Some("c"))];
        let change = outbox.change(&outputs, 2, &sinks).unwrap().unwrap();
        let rows = OutboxTable::decode(&change.append[0]).unwrap();
        assert_eq!(rows.iter().map(|row| (row.at, row.sign)).collect::<Vec<_>>(), [(at(2, 1), -1), (at(2, 2), 1)]);
        assert!(rows.iter().all(|row| row.key == rows[0].key && &*row.scope == "a") && rows[0].row.is_none());
        let json: serde_json::Value = serde_json::from_str(rows[1].row.as_deref().unwrap()).unwrap();
        assert_eq!((json["score"].as_i64(), json["question"].as_str()), (Some(5), Some("who \"is\"?\n")));
        assert_eq!((outbox.until(at(1, 0), 1), outbox.until(at(2, 2), 9)), (Some(at(2, 1)), None));
        assert_eq!((outbox.until(at(2, 1), 9), outbox.behind(at(1, 7))), (Some(at(2, 2)), 2));
        let nothing = Outputs::default();
        assert!(outbox.change(&nothing, 3, &[cursor(2, 2, None), cursor(2, 1, None)]).unwrap().is_none());
        let change = outbox.change(&nothing, 4, &[cursor(2, 2, None), cursor(3, 0, None)]).unwrap().unwrap();
        assert_eq!((change.delete.len(), outbox.behind(at(0, 0))), (2, 0));
    }

    #[test]
    fn an_erasure_leaves_what_holds_and_the_keys_of_what_went() {
        let changed =
            [(watched("a", 1, 3), 1), (watched("a", 2, 7), 1), (watched("a", 1, 3), -1), (watched("a", 1, 5), 1)];
        let (mut waits, sinks): (Vec<Outgoing>, _) = (Vec::new(), [cursor(0, 0, None)]);
        for (epoch, part) in (1..).zip(changed.chunks(2)) {
            let outputs = Outputs { watched: part.to_vec(), ..Outputs::default() };
            waits.extend(rows(Vec::new(), &outputs, epoch, &sinks).unwrap());
        }
        let came_with = |score: &str| {
            let found = waits.iter().find(|row| row.row.as_deref().is_some_and(|row| row.contains(score)));
            OutboxTable::key(found.unwrap().at)
        };
        let (old, gone) = (came_with("\"score\":3"), came_with("\"score\":7"));
        assert!(waits.iter().all(|row| row.row.is_some() == (row.sign > 0)));
        // That the second place went was not told: nobody wanted to know.
        let mut came = Came::default();
        came.add(waits);
        came.holds("watched", &WatchedTable::encode(&[watched("a", 1, 5), watched("b", 1, 3)])).unwrap();
        let delete: BTreeSet<String> = came.waiting.into_values().flatten().collect();
        assert_eq!(delete, BTreeSet::from([old, gone]));
    }
}
