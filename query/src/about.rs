//! All that memory has about somebody on one page: who they are, what is held of them, what was said that matters.

use nexus_storage::quoted;
use nexus_types::Millis;
use serde::Serialize;

use crate::core::Core;
use crate::error::Result;
use crate::facts::{self, FactFilter, FactView};
use crate::rows::{Rows, maybe, maybe_time};

/// Somebody, and what memory has about them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EntityView {
    /// Its id.
    pub id: String,
    /// How to call it.
    pub name: String,
    /// `person`, or `me`.
    pub kind: String,
    /// Its identity keys: why these names are one.
    pub keys: Vec<String>,
    /// Every name it goes by.
    pub aliases: Vec<String>,
    /// When it first appeared.
    pub first_said_at: Millis,
    /// What joined its keys, oldest first.
    pub evidence: Vec<EvidenceView>,
    /// The facts held now with it as subject or object.
    pub facts: Vec<FactView>,
    /// The most salient messages about it, best first.
    pub events: Vec<RankedEvent>,
}

/// One reason why two keys are held to be one person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EvidenceView {
    /// The lesser key.
    pub a: String,
    /// The greater key.
    pub b: String,
    /// `same` (your word), `account`, `declared`, `rename` or `signature`.
    pub kind: String,
    /// The first message that says so; `None` for your word.
    pub event: Option<String>,
    /// When it was said.
    pub said_at: Option<Millis>,
    /// Who said it.
    pub author: Option<String>,
    /// What was said.
    pub text: Option<String>,
}

/// A message in the ranking of an entity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RankedEvent {
    /// Its place, from 1.
    pub rank: u32,
    /// The event.
    pub event: String,
    /// When it was said.
    pub said_at: Millis,
    /// Who said it.
    pub author: String,
    /// On which platform.
    pub platform: String,
    /// What was said.
    pub text: String,
}

/// Everybody a name fits.
pub(crate) async fn about(core: &Core, name: &str) -> Result<Vec<EntityView>> {
    let entities = core.entities().await?;
    let mut views = Vec::new();
    for row in entities.fitting(name)? {
        views.push(EntityView {
            id: row.id.clone(),
            name: row.name.clone(),
            kind: row.kind.clone(),
            keys: row.keys.clone(),
            aliases: row.aliases.clone(),
            first_said_at: row.first_said_at,
            evidence: evidence(core, &row.keys).await?,
            facts: facts::facts(core, Some(&row.id), &FactFilter::default()).await?,
            events: ranked(core, &row.id).await?,
        });
    }
    Ok(views)
}

/// What joins these keys with each other.
async fn evidence(core: &Core, keys: &[String]) -> Result<Vec<EvidenceView>> {
    if keys.len() < 2 {
        return Ok(Vec::new());
    }
    let list: Vec<String> = keys.iter().map(|key| quoted(key)).collect();
    let of = format!("{} AND a IN ({})", core.mine(), list.join(", "));
    let mut found = Vec::new();
    for batch in core.snapshot.scan("evidence", None, Some(&of)).await? {
        let rows = Rows(&batch);
        let (a, b, kind, event) = (rows.text("a")?, rows.text("b")?, rows.text("kind")?, rows.text("event")?);
        found.extend((0..rows.len()).map(|at| EvidenceView {
            a: a.value(at).into(),
            b: b.value(at).into(),
            kind: kind.value(at).into(),
            event: maybe(&event, at),
            said_at: None,
            author: None,
            text: None,
        }));
    }
    found.retain(|row| keys.contains(&row.b));
    let ids: Vec<String> = found.iter().filter_map(|row| row.event.clone()).collect();
    for batch in core.snapshot.take("events", &ids, Some(&["id", "said_at", "author", "text"])).await? {
        let rows = Rows(&batch);
        let (id, said_at) = (rows.text("id")?, rows.time("said_at")?);
        let (author, text) = (rows.text("author")?, rows.text("text")?);
        for at in 0..rows.len() {
            for row in found.iter_mut().filter(|row| row.event.as_deref() == Some(id.value(at))) {
                row.said_at = maybe_time(&said_at, at);
                (row.author, row.text) = (maybe(&author, at), maybe(&text, at));
            }
        }
    }
    // Your word has no time: it comes last.
    found.sort_by_key(|row| (row.said_at.is_none(), row.said_at, row.a.clone(), row.b.clone(), row.kind.clone()));
    Ok(found)
}

async fn ranked(core: &Core, entity: &str) -> Result<Vec<RankedEvent>> {
    let of = format!("{} AND entity = {}", core.mine(), quoted(entity));
    let mut ranks = Vec::new();
    for batch in core.snapshot.scan("rankings", Some(&["rank", "event"]), Some(&of)).await? {
        let rows = Rows(&batch);
        let (rank, event) = (rows.u32("rank")?, rows.text("event")?);
        ranks.extend((0..rows.len()).map(|at| (event.value(at).to_string(), rank.value(at))));
    }
    let ids: Vec<String> = ranks.iter().map(|(event, _)| event.clone()).collect();
    let columns = ["id", "said_at", "author", "platform", "text"];
    let mut events = Vec::new();
    for batch in core.snapshot.take("events", &ids, Some(&columns)).await? {
        let rows = Rows(&batch);
        let (id, said_at, author) = (rows.text("id")?, rows.time("said_at")?, rows.text("author")?);
        let (platform, text) = (rows.text("platform")?, rows.text("text")?);
        events.extend((0..rows.len()).map(|at| RankedEvent {
            rank: ranks.iter().find(|(event, _)| event == id.value(at)).map_or(u32::MAX, |(_, rank)| *rank),
            event: id.value(at).into(),
            said_at: said_at.value(at),
            author: author.value(at).into(),
            platform: platform.value(at).into(),
            text: text.value(at).into(),
        }));
    }
    events.sort_by_key(|event| event.rank);
    Ok(events)
}
