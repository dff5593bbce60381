//! Facts: what memory holds of somebody, now or then, and the line of their life.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::compute::filter_record_batch;
use arrow::record_batch::RecordBatch;
use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, col, lit};
use nexus_types::{Fact, Held, Millis};
use serde::Serialize;

use crate::core::Core;
use crate::entities::Entities;
use crate::error::Result;
use crate::rows::{Rows, maybe, maybe_time};

/// One version of a fact, names resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FactView {
    /// The fact.
    pub id: String,
    /// About whom, by name.
    pub subject: String,
    /// About whom.
    pub subject_id: String,
    /// The predicate.
    pub predicate: String,
    /// What is held, as shown: a value, or an entity's name.
    pub object: String,
    /// The entity, if the object is one.
    pub object_id: Option<String>,
    /// True in the world from then; `None`: since before anybody said.
    pub valid_from: Option<Millis>,
    /// True until then; `None`: no end known.
    pub valid_to: Option<Millis>,
    /// Held from what had been said by then.
    pub known_from: Millis,
    /// Held until then; `None`: it is.
    pub known_to: Option<Millis>,
    /// How sure, in thousandths.
    pub confidence: u16,
    /// How many claims agree.
    pub support: u32,
    /// `current`, `ended`, `superseded` or `disputed`.
    pub status: String,
    /// The claim of another predicate that ended it, where policy says so.
    pub ended_by: Option<String>,
}

impl FactView {
    /// Whether it holds, as far as is known: it is current, or disputed without an end.
    pub fn holds(&self) -> bool {
        self.status == "current" || self.status == "disputed" && self.valid_to.is_none()
    }
}

/// Which facts are wanted. The default: those held now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FactFilter {
    /// Versions no longer held, too.
    pub history: bool,
    /// Only what is true in the world then.
    pub valid_at: Option<Millis>,
    /// What was held then, instead of now.
    pub known_at: Option<Millis>,
    /// Only this predicate.
    pub predicate: Option<String>,
}

/// The event of the claim that opened each fact, by fact. A piece of a fact that was cut has none.
pub(crate) async fn origins(core: &Core, facts: &[String]) -> Result<BTreeMap<String, String>> {
    let mut origins = BTreeMap::new();
    for batch in core.snapshot.take("claims", facts, Some(&["id", "event"])).await? {
        let rows = Rows(&batch);
        let (id, event) = (rows.text("id")?, rows.text("event")?);
        let said = id.iter().flatten().zip(event.iter().flatten()).filter(|(_, event)| event.contains(|c| c != '0'));
        origins.extend(said.map(|(id, event)| (id.to_string(), event.to_string())));
    }
    Ok(origins)
}

/// Facts that are not, or not yet, in the tables.
pub(crate) async fn views(core: &Core, facts: &[Fact]) -> Result<Vec<FactView>> {
    let entities = core.entities().await?;
    let name = |id: &str| entities.name(id);
    let view = |fact: &Fact| {
        let subject_id = fact.subject.to_string();
        let (object, object_id) = match &fact.object {
            Held::Value(value) => (value.to_string(), None),
            Held::Entity(id) => (name(&id.to_string()), Some(id.to_string())),
        };
        FactView {
            id: fact.id.to_string(),
            subject: name(&subject_id),
            subject_id,
            predicate: fact.predicate.to_string(),
            object,
            object_id,
            valid_from: fact.valid_from,
            valid_to: fact.valid_to,
            known_from: fact.known_from,
            known_to: fact.known_to,
            confidence: fact.confidence,
            support: fact.support,
            status: fact.status.name().into(),
            ended_by: fact.ended_by.map(|claim| claim.to_string()),
        }
    };
    Ok(facts.iter().map(view).collect())
}

/// One step on the line of somebody's life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TimelineView {
    /// When; where nobody said, when it was first held.
    pub at: Millis,
    /// `begins` or `ends`.
    pub change: String,
    /// About whom, by name.
    pub subject: String,
    /// The predicate.
    pub predicate: String,
    /// What, as shown.
    pub object: String,
    /// The fact.
    pub fact: String,
    /// Where the fact stands now.
    pub status: String,
}

/// The facts about a name, or all: as subject or as object, in the order of subject, predicate and time.
pub(crate) async fn facts(core: &Core, name: Option<&str>, filter: &FactFilter) -> Result<Vec<FactView>> {
    let mut plan = core.table("fact_versions")?;
    if let Some(name) = name {
        let entities = core.entities().await?;
        plan = plan.filter(about(entities.fitting(name)?.into_iter().map(|row| row.id.as_str())))?;
    }
    if let Some(at) = filter.known_at {
        plan = plan.filter(known_at(at))?;
    } else if !filter.history {
        plan = plan.filter(col("known_to").is_null())?;
    }
    if let Some(at) = filter.valid_at {
        plan = plan.filter(valid_at(at))?;
    }
    if let Some(predicate) = &filter.predicate {
        plan = plan.filter(col("predicate").eq(lit(predicate.as_str())))?;
    }
    run(core, plan).await
}

/// What is held now of these entities.
pub(crate) async fn of(core: &Core, entities: &BTreeSet<String>) -> Result<Vec<FactView>> {
    let plan = core.table("fact_versions")?.filter(about(entities.iter().map(String::as_str)))?;
    run(core, plan.filter(col("known_to").is_null())?).await
}

/// The columns of a stored fact that are shown; its scope is asked for, too.
const STORED: [&str; 14] = [
    "id",
    "subject",
    "predicate",
    "object",
    "object_entity",
    "valid_from",
    "valid_to",
    "known_from",
    "known_to",
    "confidence",
    "support",
    "status",
    "ended_by",
    "scope",
];

/// Every version of the facts with these ids, in the order of [`run`]. By the index, without a plan: every recall asks.
pub(crate) async fn versions(core: &Core, ids: &[String]) -> Result<Vec<FactView>> {
    let entities = core.entities().await?;
    let mut facts = Vec::new();
    for batch in core.snapshot.rows_with("facts", "id", ids, &STORED).await? {
        let mine = Rows(&batch).text("scope")?.iter().map(|scope| Some(scope == Some(&*core.scope))).collect();
        let mine = filter_record_batch(&batch, &mine).map_err(DataFusionError::from)?;
        decode(&mine, Some(&entities), &mut facts)?;
    }
    let order = |fact: &FactView| {
        let named = (fact.subject.clone(), fact.subject_id.clone(), fact.predicate.clone());
        (named, fact.valid_from, fact.known_from, fact.id.clone())
    };
    facts.sort_by_cached_key(order);
    Ok(facts)
}

/// The line of life of a name, in the order of time.
pub(crate) async fn timeline(core: &Core, name: &str) -> Result<Vec<TimelineView>> {
    let entities = core.entities().await?;
    let ids = entities.fitting(name)?.into_iter().map(|row| row.id.as_str());
    let plan = timeline_of(core, ids)?.build()?;
    let mut steps = Vec::new();
    for batch in core.collect(plan).await? {
        let rows = Rows(&batch);
        let (at, change, subject) = (rows.time("at")?, rows.text("change")?, rows.text("subject_name")?);
        let (predicate, object) = (rows.text("predicate")?, rows.text("object_name")?);
        let (fact, status) = (rows.text("fact")?, rows.text("status")?);
        steps.extend((0..rows.len()).map(|row| TimelineView {
            at: at.value(row),
            change: change.value(row).into(),
            subject: subject.value(row).into(),
            predicate: predicate.value(row).into(),
            object: object.value(row).into(),
            fact: fact.value(row).into(),
            status: status.value(row).into(),
        }));
    }
    Ok(steps)
}

/// The plan of a timeline of these entities, in the order of time.
pub(crate) fn timeline_of<'a>(core: &Core, ids: impl Iterator<Item = &'a str>) -> Result<LogicalPlanBuilder> {
    let order = ["at", "change", "predicate", "fact"].map(|name| col(name).sort(true, false));
    Ok(core.table("timeline")?.filter(about(ids))?.sort(order)?)
}

/// Facts that have one of these entities as subject or object.
pub(crate) fn about<'a>(ids: impl Iterator<Item = &'a str>) -> Expr {
    let ids: Vec<Expr> = ids.map(lit).collect();
    col("subject").in_list(ids.clone(), false).or(col("object_entity").in_list(ids, false))
}

/// Held from what had been said by then.
pub(crate) fn known_at(at: Millis) -> Expr {
    col("known_from").lt_eq(instant(at)).and(col("known_to").is_null().or(col("known_to").gt(instant(at))))
}

/// True in the world then.
pub(crate) fn valid_at(at: Millis) -> Expr {
    let begun = col("valid_from").is_null().or(col("valid_from").lt_eq(instant(at)));
    begun.and(col("valid_to").is_null().or(col("valid_to").gt(instant(at))))
}

fn instant(at: Millis) -> Expr {
    lit(ScalarValue::TimestampMillisecond(Some(at), Some(Arc::from("UTC"))))
}

async fn run(core: &Core, plan: LogicalPlanBuilder) -> Result<Vec<FactView>> {
    let order = ["subject_name", "subject", "predicate", "valid_from", "known_from", "id"];
    let order = order.map(|name| col(name).sort(true, true));
    let mut facts = Vec::new();
    for batch in core.collect(plan.sort(order)?.build()?).await? {
        decode(&batch, None, &mut facts)?;
    }
    Ok(facts)
}

/// Rows of `fact_versions`; of the stored table, if names are given.
fn decode(batch: &RecordBatch, names: Option<&Entities>, facts: &mut Vec<FactView>) -> Result<()> {
    let rows = Rows(batch);
    let column = |named: &'static str, stored: &'static str| rows.text(if names.is_some() { stored } else { named });
    let (id, subject, subject_id) = (rows.text("id")?, column("subject_name", "subject")?, rows.text("subject")?);
    let (predicate, status) = (rows.text("predicate")?, rows.text("status")?);
    let (object, object_id) = (column("object_name", "object")?, rows.text("object_entity")?);
    let name = |id: &str| names.map_or_else(|| id.to_owned(), |names| names.name(id));
    let [valid_from, valid_to, known_from, known_to] =
        ["valid_from", "valid_to", "known_from", "known_to"].map(|name| rows.time(name));
    let (valid_from, valid_to, known_from, known_to) = (valid_from?, valid_to?, known_from?, known_to?);
    let (confidence, support, ended_by) = (rows.u16("confidence")?, rows.u32("support")?, rows.text("ended_by")?);
    facts.extend((0..rows.len()).map(|at| FactView {
        id: id.value(at).into(),
        subject: name(subject.value(at)),
        subject_id: subject_id.value(at).into(),
        predicate: predicate.value(at).into(),
        object: match maybe(&object, at) {
            Some(object) => object,
            None => name(object_id.value(at)),
        },
        object_id: maybe(&object_id, at),
        valid_from: maybe_time(&valid_from, at),
        valid_to: maybe_time(&valid_to, at),
        known_from: known_from.value(at),
        known_to: maybe_time(&known_to, at),
        confidence: confidence.value(at),
        support: support.value(at),
        status: status.value(at).into(),
        ended_by: maybe(&ended_by, at),
    }));
    Ok(())
}
