//! Counting what is recalled: off the path of the answer, some answers at a time. What is recalled must not become truer by
//! it, so nothing ranks by these counts; `retrievals` shows them.

use std::sync::{Mutex, PoisonError};

use nexus_storage::{Counts, Retrieved};
use tokio::runtime::Handle;

/// So many answers are written together.
const TOGETHER: usize = 64;

/// What was recalled and is not written yet.
#[derive(Debug)]
pub(crate) struct Counting {
    written: Retrieved,
    pending: Mutex<(usize, Counts)>,
}

impl Counting {
    pub(crate) fn to(written: Retrieved) -> Self {
        Counting { written, pending: Mutex::default() }
    }

    /// Counts the events of one answer.
    pub(crate) fn note<'a>(&self, scope: &str, events: impl Iterator<Item = &'a str>, runtime: &Handle) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        for event in events {
            *pending.1.entry((scope.into(), event.into())).or_default() += 1;
        }
        pending.0 += 1;
        if pending.0 >= TOGETHER {
            let (_, counts) = std::mem::take(&mut *pending);
            let written = self.written.clone();
            runtime.spawn_blocking(move || write(&written, &counts));
        }
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        let (_, counts) = std::mem::take(self.pending.get_mut().unwrap_or_else(PoisonError::into_inner));
        if !counts.is_empty() {
            write(&self.written, &counts);
        }
    }
}

/// A store that cannot be written to is read all the same.
fn write(to: &Retrieved, counts: &Counts) {
    if let Err(error) = to.add(counts) {
        tracing::debug!(%error, "what was recalled is not counted");
    }
}
