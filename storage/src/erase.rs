//! Erasing: after it, only the last checkpoint's live rows are in the store, in any form.
//!
//! Every table is written anew from its current rows, which leaves behind deleted rows, older versions and the words in
//! their indexes; then all other checkpoints, every lease, what is left of old versions, and the tail up to the checkpoint
//! go, and the indexes are built again. If it is interrupted, nothing is lost and it can be repeated; the bytes are gone when
//! it returns. Cost: reading and writing the whole store once.

use futures::future::BoxFuture;
use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::execution::SendableRecordBatchStream;
use lance::dataset::{Dataset, InsertBuilder, WriteMode, WriteParams};

use crate::error::{Result, at, lance};
use crate::store::{Store, table_at};
use crate::{files, garbage, lease};

/// What an erasure removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// Tables written anew.
    pub tables: u64,
    /// Older versions of tables.
    pub versions: u64,
    /// Older checkpoints.
    pub checkpoints: u64,
    /// Files.
    pub files: u64,
    /// Bytes of these files.
    pub bytes: u64,
}

impl Store {
    /// Removes every byte that is not in the last checkpoint's rows or the tail beyond it. Commit what is to be forgotten
    /// first. Snapshots that are open, in any process, end with a clear error.
    pub fn erase<'a>(&'a mut self) -> BoxFuture<'a, Result<Erased>> {
        Box::pin(async move {
            self.settle()?;
            let mut next = self.last.clone();
            for (name, at) in &mut next.tables {
                let table = self.caches.table(name, at.version).await?;
                match write_anew(&table).await.map_err(lance(format_args!("cannot erase in table {name}"))) {
                    Ok(table) => *at = table_at(&table, &at.key),
                    Err(error) => return Err(self.take_back(error)),
                }
            }
            self.publish(next).await?;
            let mut erased = Erased { tables: self.last.tables.len() as u64, ..Erased::default() };
            for epoch in self.checkpoints.epochs()?.into_iter().filter(|epoch| *epoch != self.last.epoch) {
                self.checkpoints.remove(epoch)?;
                erased.checkpoints += 1;
            }
            lease::revoke_all(&self.caches.home)?;
            self.caches.clear();
            for (name, at) in &self.last.tables {
                let removed = garbage::collect(&self.caches, name, &BTreeSet::from([at.version])).await?;
                erased.versions += removed.versions;
                erased.files += removed.files;
                erased.bytes += removed.bytes;
            }
            self.erase_tail(&mut erased)?;
            self.maintain(usize::MAX).await?;
            Ok(erased)
        })
    }

    fn erase_tail(&self, erased: &mut Erased) -> Result<()> {
        let directory = self.caches.home.part("tail");
        let before = files::walk(&directory).map_err(at(&directory, "read"))?;
        self.tail.rewrite(self.last.tail_through)?;
        erased.files += before.len() as u64;
        erased.bytes += before.iter().map(|(_, size)| size).sum::<u64>();
        Ok(())
    }
}

/// A new version with the same rows in new files, and no indexes.
async fn write_anew(table: &Arc<Dataset>) -> lance::Result<Dataset> {
    let rows: SendableRecordBatchStream = table.scan().try_into_stream().await?.into();
    let params = WriteParams { mode: WriteMode::Overwrite, ..Default::default() };
    InsertBuilder::new(table.clone()).with_params(&params).execute_stream(rows).await
}
