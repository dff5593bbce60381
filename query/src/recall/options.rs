//! What a recall is limited to. Limits hold before ranking: there are `k` results if `k` passages pass them.

use std::collections::BTreeSet;

use nexus_storage::quoted;
use nexus_types::entity::key_label;
use nexus_types::{Author, Kind, Millis};

use crate::core::Core;
use crate::error::Result;
use crate::rows::Rows;

/// How a question is to be answered. Every limit that is given must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Look at every passage instead of those that indexes find.
    pub exact: bool,
    /// Say how each score came about.
    pub explain: bool,
}

impl Default for RecallOptions {
    fn default() -> Self {
        let (platform, channel, thread, author, about) = Default::default();
        let (kind, since, until, importance) = Default::default();
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
            exact,
            explain,
        }
    }
}

/// The passages that may be recalled, as a filter over their table.
#[derive(Debug)]
pub(crate) struct Limits {
    /// The scope's rows; `None` if all rows are.
    scope: Option<String>,
    /// What else must hold.
    conditions: Vec<String>,
}

impl Limits {
    /// Reads the entities and events that the options name.
    pub(crate) async fn of(core: &Core, options: &RecallOptions) -> Result<Limits> {
        let alone = core.alone().await?;
        let mut limits = Limits { scope: (!alone).then(|| core.mine()), conditions: Vec::new() };
        let columns = [("platform", &options.platform), ("channel", &options.channel), ("thread", &options.thread)];
        for (column, value) in columns {
            limits.conditions.extend(value.as_ref().map(|value| format!("{column} = {}", quoted(value))));
        }
        limits.conditions.extend(options.kind.map(|kind| format!("kind = {}", quoted(kind.name()))));
        let moment = |at: Millis| format!("arrow_cast({at}, 'Timestamp(Millisecond, Some(\"UTC\"))')");
        limits.conditions.extend(options.since.map(|at| format!("said_at >= {}", moment(at))));
        limits.conditions.extend(options.until.map(|at| format!("said_at < {}", moment(at))));
        if let Some(author) = &options.author {
            limits.conditions.push(one_of("author", authors(core, author).await?));
        }
        if let Some(name) = &options.about {
            limits.conditions.push(one_of("event", about(core, name).await?));
        }
        if let Some(importance) = options.importance {
            let filter = format!("{} AND kind = 'event' AND score >= {importance}", core.mine());
            limits.conditions.push(one_of("event", column(core, "salience", "target", &filter).await?));
        }
        Ok(limits)
    }

    /// No limits; not even the scope's.
    pub(crate) fn none() -> Limits {
        Limits { scope: None, conditions: Vec::new() }
    }

    /// Whether anything but the scope limits the passages.
    pub(crate) fn any(&self) -> bool {
        !self.conditions.is_empty()
    }

    /// As a condition in SQL; `None` if every row of the table passes.
    pub(crate) fn filter(&self) -> Option<String> {
        let all: Vec<&str> = self.scope.iter().chain(&self.conditions).map(String::as_str).collect();
        (!all.is_empty()).then(|| all.join(" AND "))
    }

    /// These limits and one more condition.
    pub(crate) fn and(&self, condition: String) -> String {
        self.filter().into_iter().chain([condition]).collect::<Vec<_>>().join(" AND ")
    }
}

fn one_of(column: &str, values: BTreeSet<String>) -> String {
    // Nothing passes an empty list, which SQL does not know.
    let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
    if values.is_empty() { "false".into() } else { format!("{column} IN ({})", values.join(", ")) }
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
    Ok(core.names().await?.authors().iter().filter(fits).cloned().collect())
}

/// The events that speak of whoever a name fits, and those they said.
async fn about(core: &Core, name: &str) -> Result<BTreeSet<String>> {
    let mut events = BTreeSet::new();
    for entity in core.entities().await?.fitting(name)? {
        let mentioned = format!("{} AND entity = {}", core.mine(), quoted(&entity.id));
        events.extend(column(core, "mentions", "event", &mentioned).await?);
        let keys: Vec<String> = entity.keys.iter().map(|key| quoted(key)).collect();
        if !keys.is_empty() {
            let claimed = format!("{} AND subject IN ({})", core.mine(), keys.join(", "));
            events.extend(column(core, "claims", "event", &claimed).await?);
        }
    }
    Ok(events)
}

async fn column(core: &Core, table: &str, name: &str, filter: &str) -> Result<BTreeSet<String>> {
    let mut values = BTreeSet::new();
    for batch in core.snapshot.scan(table, Some(&[name]), Some(filter)).await? {
        values.extend(Rows(&batch).text(name)?.iter().flatten().map(String::from));
    }
    Ok(values)
}
