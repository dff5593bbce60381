//! What a recall is limited to. Limits hold before ranking: there are `k` results if `k` passages pass them.

use std::collections::BTreeSet;
use std::sync::Arc;

use nexus_storage::quoted;
use nexus_types::entity::key_label;
use nexus_types::{Author, Hash128, Kind, Millis};

use crate::core::Core;
use crate::error::{QueryError, Result};
use crate::passages::{Condition, Passages, Passing};
use crate::rows::Rows;

/// How a question is to be answered. Every limit that is given must hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecallOptions {
    /// How many passages at most.
    pub k: usize,
    /// Only what was said on this platform.
    pub platform: Option<String>,
    /// Only what was said in this channel.
    pub channel: Option<String>,
    /// Only what was said in this thread.
    pub thread: Option<String>,
    /// Only what this author said: as passages have it, or by a name it is known by.
    pub author: Option<String>,
    /// Only events of this kind.
    pub kind: Option<Kind>,
    /// Only what was said then or later.
    pub since: Option<Millis>,
    /// Only what was said before.
    pub until: Option<Millis>,
    /// Only events that speak of whoever this name fits, or that they said.
    pub about: Option<String>,
    /// Only events of at least this importance (`salience.score`).
    pub importance: Option<i64>,
    /// When the question is asked, which says what "yesterday" means; without it such words are words.
    pub asked_at: Option<Millis>,
    /// Look at every passage instead of those that indexes find.
    pub exact: bool,
    /// Say how each score came about.
    pub explain: bool,
}

impl Default for RecallOptions {
    fn default() -> Self {
        let (platform, channel, thread, author, about) = Default::default();
        let (kind, since, until, importance, asked_at) = Default::default();
        let (exact, explain) = (false, false);
        RecallOptions {
            k: 10,
            platform,
            channel,
            thread,
            author,
            kind,
            since,
            until,
            about,
            importance,
            asked_at,
            exact,
            explain,
        }
    }
}

/// The passages that may be recalled.
#[derive(Debug)]
pub(crate) struct Limits(Vec<Condition>);

impl Limits {
    /// Reads the entities and events that the options name.
    pub(crate) async fn of(core: &Core, options: &RecallOptions) -> Result<Limits> {
        let mut limits = Vec::new();
        let columns = [("platform", &options.platform), ("channel", &options.channel), ("thread", &options.thread)];
        for (column, value) in columns {
            limits.extend(value.iter().map(|value| Condition::Named(column, BTreeSet::from([value.clone()]))));
        }
        limits.extend(options.kind.map(|kind| Condition::Named("kind", BTreeSet::from([kind.name().to_string()]))));
        limits.extend(options.since.map(Condition::Since));
        limits.extend(options.until.map(Condition::Until));
        if let Some(author) = &options.author {
            limits.push(Condition::Named("author", authors(core, author).await?));
        }
        if let Some(name) = &options.about {
            limits.push(Condition::Of(about(core, name).await?));
        }
        if let Some(importance) = options.importance {
            let filter = format!("{} AND kind = 'event' AND score >= {importance}", core.mine());
            limits.push(Condition::Of(events(core, "salience", "target", &filter).await?));
        }
        Ok(Limits(limits))
    }

    /// The passages that pass; `None` if all of the scope do.
    pub(crate) fn passing(&self, passages: &Passages) -> Option<Arc<Passing>> {
        (!self.0.is_empty()).then(|| passages.passing(self.0.clone()))
    }

    /// The passages that pass and were said in one of these stretches.
    pub(crate) fn within(&self, passages: &Passages, stretches: &[(Millis, Millis)]) -> Arc<Passing> {
        let within = Condition::Within(stretches.to_vec());
        passages.passing(self.0.iter().cloned().chain([within]).collect())
    }

    /// The passages that pass and are by one of these.
    pub(crate) fn by(&self, passages: &Passages, authors: &BTreeSet<String>) -> Arc<Passing> {
        let theirs = Condition::Named("author", authors.clone());
        passages.passing(self.0.iter().cloned().chain([theirs]).collect())
    }
}

/// How an author may be written in passages: as given, or as an account of whoever the name fits.
async fn authors(core: &Core, wanted: &str) -> Result<BTreeSet<String>> {
    let same = |name: &str| name.eq_ignore_ascii_case(wanted.trim().trim_start_matches('@'));
    let entities = core.entities().await?;
    let called = entities.called(&wanted.trim().trim_start_matches('@').to_lowercase());
    let keys: BTreeSet<&str> = called.iter().flat_map(|row| row.keys.iter().map(|key| key_label(key))).collect();
    let fits = |written: &&String| {
        let parts = Author::parse(written);
        let named = same(written) || same(&parts.handle) || parts.name.as_deref().is_some_and(same);
        named || keys.contains(parts.handle.to_lowercase().as_str())
    };
    Ok(core.names().await?.authors().filter(fits).cloned().collect())
}

/// The events that speak of whoever a name fits, and those they said.
async fn about(core: &Core, name: &str) -> Result<BTreeSet<Hash128>> {
    let mut found = BTreeSet::new();
    for entity in core.entities().await?.fitting(name)? {
        let mentioned = format!("{} AND entity = {}", core.mine(), quoted(&entity.id));
        found.extend(events(core, "mentions", "event", &mentioned).await?);
        let keys: Vec<String> = entity.keys.iter().map(|key| quoted(key)).collect();
        if !keys.is_empty() {
            let claimed = format!("{} AND subject IN ({})", core.mine(), keys.join(", "));
            found.extend(events(core, "claims", "event", &claimed).await?);
        }
    }
    Ok(found)
}

async fn events(core: &Core, table: &str, name: &str, filter: &str) -> Result<BTreeSet<Hash128>> {
    let mut found = BTreeSet::new();
    for batch in core.snapshot.scan(table, Some(&[name]), Some(filter)).await? {
        for event in Rows(&batch).text(name)?.iter().flatten() {
            let damaged = |_| QueryError::Corrupt(format!("table {table} has {event:?} for an event"));
            found.insert(event.parse().map_err(damaged)?);
        }
    }
    Ok(found)
}
