//! Erasing: removes the bytes of all that was forgotten, deleted or edited.
//!
//! Answers and vectors of texts that no passage holds any more go, all rejects and letters, names that feeds noted and no
//! event says any more, and what waits in the outbox and is no more; then storage rewrites every table to its current rows and
//! drops the rest: older versions, index files, the tail, kept checkpoints, readers' leases.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::AsArray;
use nexus_dataflows::Inputs;
use nexus_storage::{Commit, Snapshot, TableChange, TableSpec};
use nexus_types::AnswerRow;
use nexus_types::tables::{AnswersTable, LettersTable, RejectsTable};
use serde::Serialize;

use crate::engine::Engine;
use crate::outbox::Outbox;
use crate::writer::Nexus;
use crate::{Error, Result, clock};

/// What an erasure removed.
#[derive(Clone, Debug, Default, Serialize)]
pub struct EraseReport {
    /// Answers, vectors, rejects and feeds' notes that went, by table.
    pub rows: BTreeMap<String, usize>,
    /// Bytes of the store before.
    pub bytes_before: u64,
    /// Bytes of the store after.
    pub bytes_after: u64,
    /// Files that were removed.
    pub files: u64,
}

impl Nexus {
    /// Removes the bytes of all that is not memory any more. What was kept of earlier epochs (`as_of`) goes with them.
    pub fn erase(&mut self) -> Result<EraseReport> {
        self.engine.turn()?;
        let bytes = |engine: &Engine| -> Result<u64> { Ok(engine.store.bytes()?.values().sum()) };
        let mut report = EraseReport { bytes_before: bytes(&self.engine)?, ..EraseReport::default() };
        // Where it fails, the graph and the feeds' notes are ahead of the disk, until the store is opened again.
        let rows = self.engine.whole(Engine::erase_ground);
        report.rows = self.engine.unless_failed(rows)?;
        // What recall has read in this process was read from what goes.
        self.engine.warm = Default::default();
        self.engine.texts.committed();
        let runtime = self.engine.runtime.clone();
        let erased = self.engine.whole(|engine| runtime.block_on(engine.store.erase()))?;
        let live = runtime.block_on(async {
            let snapshot = self.engine.store.snapshot().await?;
            texts(&snapshot, "events", "id", Some("state = 'live'")).await
        })?;
        let live: BTreeSet<String> = live.into_iter().collect();
        self.engine.store.reader().retrieved().retain(|event| live.contains(event))?;
        report.files = erased.files;
        report.bytes_after = bytes(&self.engine)?;
        Ok(report)
    }
}

impl Engine {
    /// Takes out what no row rests on; gives how many rows went, by table.
    fn erase_ground(&mut self) -> Result<BTreeMap<String, usize>> {
        let changes = self.orphans()?;
        let counted = |change: &TableChange| (change.table.name.clone(), change.delete.len());
        let mut rows: BTreeMap<String, usize> = changes.iter().map(counted).collect();
        let names = self.erase_names()?;
        if names > 0 {
            rows.insert("notes".into(), names);
        }
        // What feeds noted and no table has yet is in the tail, which is to go.
        if !changes.is_empty() || self.feeds.are_waiting() {
            self.commit_ground(changes)?;
        }
        Ok(rows)
    }

    /// Names that feeds noted and no event says any more; gives how many.
    fn erase_names(&mut self) -> Result<usize> {
        let runtime = self.runtime.clone();
        let snapshot = runtime.block_on(self.store.snapshot())?;
        runtime.block_on(self.feeds.erase(&snapshot))
    }

    /// Answers and vectors that no passage asks for any more, and all rejects. The graph lets go of the answers too, so
    /// that the same text, should it come back, is asked about again.
    fn orphans(&mut self) -> Result<Vec<TableChange>> {
        let runtime = self.runtime.clone();
        let snapshot = runtime.block_on(self.store.snapshot())?;
        let (changes, answers) = runtime.block_on(orphans(&snapshot))?;
        let inputs = Inputs { answers: answers.into_iter().map(|row| (row, -1)).collect(), ..Inputs::default() };
        let outputs = self.step(inputs)?;
        if outputs.is_empty() {
            Ok(changes)
        } else {
            Err(Error::internal("an answer that memory rests on was taken for an orphan"))
        }
    }

    /// Commits changes of ground tables that leave the graph as it is.
    fn commit_ground(&mut self, mut changes: Vec<TableChange>) -> Result<()> {
        // The tail is cut by it: what feeds noted there has to be in their table.
        changes.extend(self.feeds.change());
        let runtime = self.runtime.clone();
        let commit = Commit {
            epoch: self.store.checkpoint().epoch + 1,
            changes,
            tail_through: self.store.tail().next_seq() - 1,
            meta: self.meta(),
            committed_at: clock::now(),
        };
        runtime.block_on(self.store.commit(commit))?;
        Ok(())
    }
}

async fn orphans(snapshot: &Snapshot) -> Result<(Vec<TableChange>, Vec<AnswerRow>)> {
    let wanted: BTreeSet<String> = texts(snapshot, "passages", "text_hash", None).await?.into_iter().collect();
    let mut answers = Vec::new();
    for batch in snapshot.scan("answers", None, None).await? {
        let rows = AnswersTable::decode(&batch)?;
        answers.extend(rows.into_iter().filter(|row| !wanted.contains(&row.ask.text.to_string())));
    }
    let gone = |table, delete| TableChange { table, delete, append: Vec::new() };
    let keys = answers.iter().map(|row| AnswersTable::key(&row.ask)).collect();
    let mut changes = vec![
        gone(TableSpec::from(&AnswersTable::table()), keys),
        gone(TableSpec::from(&RejectsTable::table()), texts(snapshot, "rejects", "id", None).await?),
        gone(TableSpec::from(&LettersTable::table()), texts(snapshot, "letters", "id", None).await?),
    ];
    changes.extend(Outbox::erased(snapshot).await?);
    for name in snapshot.tables().into_iter().filter(|name| name.starts_with("vectors_")) {
        let Some(schema) = snapshot.schema(name).await? else { continue };
        let keys =
            texts(snapshot, name, "text_hash", None).await?.into_iter().filter(|hash| !wanted.contains(hash)).collect();
        changes.push(gone(TableSpec { name: name.into(), key: "text_hash".into(), schema }, keys));
    }
    changes.retain(|change| !change.delete.is_empty());
    Ok((changes, answers))
}

async fn texts(snapshot: &Snapshot, table: &str, column: &str, filter: Option<&str>) -> Result<Vec<String>> {
    let batches = snapshot.scan(table, Some(&[column]), filter).await?;
    let values =
        batches.iter().flat_map(|batch| batch.column(0).as_string::<i32>().iter().flatten().map(str::to_owned));
    Ok(values.collect())
}
