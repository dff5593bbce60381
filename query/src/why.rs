//! Why memory holds a fact: every decision that made it, with the message behind it.

use std::collections::{BTreeMap, BTreeSet};

use arrow::record_batch::RecordBatch;
use nexus_storage::quoted;
use nexus_types::Millis;
use serde::Serialize;

use crate::core::Core;
use crate::error::{QueryError, Result};
use crate::facts::{self, FactView};
use crate::rows::{Rows, maybe};

/// A fact with all that led to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Why {
    /// The fact as it is held now; its last version if it is not.
    pub fact: FactView,
    /// Every version of it, in the order they were held.
    pub versions: Vec<FactView>,
    /// What made it so, in the order it was said.
    pub steps: Vec<WhyStep>,
}

/// One decision, and the message behind it. What the user decreed has no message: its texts are empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WhyStep {
    /// `ADD`, `UPDATE`, `DELETE` or `NOOP`.
    pub action: String,
    /// The rule that made it, in words.
    pub reason: String,
    /// When the claim was said.
    pub said_at: Millis,
    /// Who said it.
    pub author: String,
    /// On which platform.
    pub platform: String,
    /// Where there.
    pub channel: String,
    /// The passage that says it.
    pub text: String,
    /// The message.
    pub event: Option<String>,
    /// The claim.
    pub claim: String,
    /// The other fact, if one replaced the other.
    pub other: Option<String>,
}

/// Explains the one fact whose id begins with `prefix`.
pub(crate) async fn why(core: &Core, prefix: &str) -> Result<Why> {
    let id = the_fact(core, prefix).await?;
    let mut versions = facts::versions(core, std::slice::from_ref(&id)).await?;
    versions.sort_by_key(|version| version.known_from);
    let held = versions.iter().find(|version| version.known_to.is_none()).or(versions.last()).cloned();
    let fact = held.ok_or_else(|| QueryError::NotFound(format!("there is no fact {id}")))?;
    let ended_by: BTreeSet<String> = versions.iter().filter_map(|version| version.ended_by.clone()).collect();
    Ok(Why { fact, versions, steps: steps(core, &id, ended_by).await? })
}

/// The id of the one fact that begins with `prefix`; several are an error that lists them.
pub(crate) async fn the_fact(core: &Core, prefix: &str) -> Result<String> {
    let wanted = prefix.trim().to_lowercase();
    if wanted.is_empty() || !wanted.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let say = "a fact is named by its id or the beginning of it, as `nexus facts` shows it";
        return Err(QueryError::Argument(format!("{prefix:?} is not the id of a fact: {say}")));
    }
    // Every id that begins so sorts before the prefix followed by a letter that is no digit.
    let range = format!("{} AND id >= {} AND id < {}", core.mine(), quoted(&wanted), quoted(&format!("{wanted}g")));
    let mut ids = Vec::new();
    for batch in core.snapshot.scan("facts", Some(&["id"]), Some(&range)).await? {
        ids.extend(Rows(&batch).text("id")?.iter().flatten().map(String::from));
    }
    ids.sort();
    ids.dedup();
    match ids.len() {
        0 => Err(QueryError::NotFound(format!("no fact has an id that begins with {prefix:?}; see `nexus facts`"))),
        1 => Ok(ids.remove(0)),
        _ => Err(several(core, prefix, &ids).await?),
    }
}

async fn several(core: &Core, prefix: &str, ids: &[String]) -> Result<QueryError> {
    const LISTED_MAX: usize = 12;
    let listed = &ids[..ids.len().min(LISTED_MAX)];
    let mut lines = BTreeMap::new();
    for fact in facts::versions(core, listed).await? {
        lines.insert(fact.id.clone(), format!("{} ({} {} {})", fact.id, fact.subject, fact.predicate, fact.object));
    }
    let mut candidates: Vec<String> = lines.into_values().collect();
    if ids.len() > LISTED_MAX {
        candidates.push(format!("and {} more", ids.len() - LISTED_MAX));
    }
    Ok(QueryError::Ambiguous { what: "the fact", name: prefix.into(), candidates })
}

/// The decisions about a fact, and those of claims that ended it by another predicate.
async fn steps(core: &Core, fact: &str, ended_by: BTreeSet<String>) -> Result<Vec<WhyStep>> {
    let of = format!("{} AND (fact = {} OR replaced = {})", core.mine(), quoted(fact), quoted(fact));
    let mut batches = core.snapshot.scan("decisions", None, Some(&of)).await?;
    if !ended_by.is_empty() {
        let ended_by: Vec<String> = ended_by.iter().cloned().collect();
        batches.extend(core.snapshot.take("decisions", &ended_by, None).await?);
    }
    let mut steps = Vec::new();
    for batch in batches {
        let rows = Rows(&batch);
        let (claim, action, reason) = (rows.text("claim")?, rows.text("action")?, rows.text("reason")?);
        let (opened, replaced, said_at) = (rows.text("fact")?, rows.text("replaced")?, rows.time("said_at")?);
        steps.extend((0..rows.len()).map(|at| {
            let other = [maybe(&opened, at), maybe(&replaced, at)].into_iter().flatten().find(|other| other != fact);
            let blank = String::new;
            let ends = ended_by.contains(claim.value(at));
            let also = if ends { "; it began, and so ended this" } else { "" };
            WhyStep {
                action: if ends { "DELETE".into() } else { action.value(at).into() },
                reason: format!("{}{also}", reason.value(at)),
                said_at: said_at.value(at),
                author: blank(),
                platform: blank(),
                channel: blank(),
                text: blank(),
                event: None,
                claim: claim.value(at).into(),
                other,
            }
        }));
    }
    cite(core, &mut steps).await?;
    steps.sort_by(|a, b| (a.said_at, &a.claim).cmp(&(b.said_at, &b.claim)));
    Ok(steps)
}

/// Fills in the message behind each step.
async fn cite(core: &Core, steps: &mut [WhyStep]) -> Result<()> {
    let claims: Vec<String> = steps.iter().map(|step| step.claim.clone()).collect();
    let claims = by_key(core.snapshot.take("claims", &claims, Some(&["id", "passage"])).await?, "id", &["passage"])?;
    let passages: Vec<String> = claims.values().filter_map(|row| row[0].clone()).collect();
    let columns = ["event", "text", "author", "platform", "channel"];
    let wanted: Vec<&str> = std::iter::once("id").chain(columns).collect();
    let passages = by_key(core.snapshot.take("passages", &passages, Some(&wanted)).await?, "id", &columns)?;
    for step in steps {
        let Some(passage) = claims.get(&step.claim).and_then(|row| passages.get(row[0].as_ref()?)) else { continue };
        let [event, text, author, platform, channel] = &passage[..] else { continue };
        step.event = event.clone();
        for (to, from) in [
            (&mut step.text, text),
            (&mut step.author, author),
            (&mut step.platform, platform),
            (&mut step.channel, channel),
        ] {
            *to = from.clone().unwrap_or_default();
        }
    }
    Ok(())
}

fn by_key(batches: Vec<RecordBatch>, key: &str, columns: &[&str]) -> Result<BTreeMap<String, Vec<Option<String>>>> {
    let mut rows = BTreeMap::new();
    for batch in &batches {
        let batch = Rows(batch);
        let keys = batch.text(key)?;
        let values = columns.iter().map(|name| batch.text(name)).collect::<Result<Vec<_>>>()?;
        for at in 0..batch.len() {
            rows.insert(keys.value(at).into(), values.iter().map(|column| maybe(column, at)).collect());
        }
    }
    Ok(rows)
}
