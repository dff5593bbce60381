//! The day's budget: how many tokens were spent today, in a small file that every process of the user shares.
//!
//! What a request may take is held before it is sent and settled after; a crash in between counts what was held, so a
//! budget is kept rather than spent twice. Cost: one small file, locked, read and written twice a request.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::clock::today;

/// The file within the model's folder.
const FILE: &str = "spent.json";

/// What may be spent, and where it is written down.
pub(super) struct Budget {
    tokens_per_day: Option<u64>,
    folder: PathBuf,
}

/// Tokens that are held for a request.
pub(super) struct Held<'b> {
    budget: &'b Budget,
    tokens: u64,
    day: String,
}

#[derive(Debug, Default, Deserialize, Serialize)]
struct Spent {
    day: String,
    tokens: u64,
}

impl Budget {
    pub(super) fn of(tokens_per_day: Option<u64>, folder: &Path) -> Self {
        Self { tokens_per_day, folder: folder.into() }
    }

    /// Holds so many tokens, or says why they are not to be had.
    pub(super) fn hold(&self, tokens: u64) -> Result<Held<'_>, String> {
        let day = today();
        if let Some(limit) = self.tokens_per_day {
            self.change(&day, |spent| {
                if spent.saturating_add(tokens) > limit {
                    return Err(format!("{spent} of {limit} tokens a day are spent; it goes on tomorrow, in UTC"));
                }
                Ok(spent + tokens)
            })?;
        }
        Ok(Held { budget: self, tokens, day })
    }

    /// Changes what was spent on that day, alone.
    fn change(&self, day: &str, change: impl FnOnce(u64) -> Result<u64, String>) -> Result<(), String> {
        let path = self.folder.join(FILE);
        let failed = |error: std::io::Error| format!("the day's budget cannot be kept: {}: {error}", path.display());
        let lock = File::create(self.folder.join("spent.lock")).map_err(failed)?;
        lock.lock().map_err(failed)?;
        let spent = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice::<Spent>(&bytes).map_err(|error| {
                format!(
                    "what was spent today cannot be read: {}: {error}; remove the file to begin anew",
                    path.display()
                )
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Spent::default(),
            Err(error) => return Err(failed(error)),
        };
        let before = if spent.day == day { spent.tokens } else { 0 };
        let now = Spent { day: day.into(), tokens: change(before)? };
        let partial = self.folder.join("spent.partial");
        let bytes = serde_json::to_vec(&now).map_err(|error| error.to_string())?;
        fs::write(&partial, bytes).and_then(|()| fs::rename(&partial, &path)).map_err(failed)
    }
}

impl Held<'_> {
    /// Counts what was really spent. It belongs to the day on which it was held.
    pub(super) fn settle(self, really: u64) {
        if self.budget.tokens_per_day.is_none() || self.day != today() {
            return;
        }
        let settled =
            self.budget.change(&self.day, |spent| Ok(spent.saturating_sub(self.tokens).saturating_add(really)));
        if let Err(reason) = settled {
            tracing::warn!(reason, "what a request has spent is not counted exactly");
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_budget_is_held_settled_and_survives() {
        let folder = tempfile::tempdir().unwrap();
        let budget = Budget::of(Some(100), folder.path());
        let first = budget.hold(60).unwrap();
        assert!(budget.hold(60).is_err());
        first.settle(30);
        let again = Budget::of(Some(100), folder.path());
        let second = again.hold(60).unwrap();
        second.settle(70);
        assert!(again.hold(1).err().unwrap().contains("100 of 100"));
        // Another day begins with nothing spent.
        fs::write(folder.path().join(FILE), r#"{"day":"2000-01-01","tokens":100}"#).unwrap();
        assert!(again.hold(100).is_ok());
        // A file that nobody understands is no leave to spend.
        fs::write(folder.path().join(FILE), "?").unwrap();
        assert!(again.hold(1).is_err());
        assert!(Budget::of(None, folder.path()).hold(u64::MAX).is_ok());
    }
}
