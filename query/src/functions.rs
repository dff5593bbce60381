//! The table functions: `recall`, `facts_about`, `timeline`, `neighbours`, `known_at`, `valid_at`, `as_of`.
//!
//! The engine calls a table function while it plans, with constants, and cannot wait; so a function only checks its
//! arguments then, and does its work when it is scanned. A condition on `recall` is applied to what it recalled: it
//! never makes it look further.

use std::sync::Arc;

use arrow::array::TimestampMillisecondArray;
use arrow::array::{ArrayRef, Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder, UInt32Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use async_trait::async_trait;
use datafusion::catalog::{MemTable, Session, TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::ScalarValue;
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::error::Result as EngineResult;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionContext;
use nexus_storage::At;
use nexus_types::{Millis, time};

use crate::core::Core;
use crate::error::{QueryError, Result};
use crate::facts;
use crate::neighbours::{self, HOPS_MAX, NeighbourView};
use crate::recall::{self, Hit, RecallOptions};

/// The most passages one may recall.
pub(crate) const RECALLED_MAX: usize = 1_000;
/// How many are recalled where nobody says.
const RECALLED: usize = 10;

/// The functions' names, with their arguments.
pub(crate) const NAMES: [&str; 7] = [
    "recall('question', k)",
    "facts_about('name')",
    "timeline('name')",
    "neighbours('name', hops)",
    "known_at(time)",
    "valid_at(time)",
    "as_of('table', epoch or time)",
];

/// Makes the functions known to a session.
pub(crate) fn register(session: &SessionContext, core: &Arc<Core>) {
    for usage in NAMES {
        let name = usage.split('(').next().unwrap_or(usage);
        session.register_udtf(name, Arc::new(Function { usage, core: core.clone() }));
    }
}

#[derive(Debug)]
struct Function {
    usage: &'static str,
    core: Arc<Core>,
}

/// A call whose arguments are good.
#[derive(Clone, Debug)]
enum Call {
    Recall(String, usize),
    FactsAbout(String),
    Timeline(String),
    Neighbours(String, u32),
    KnownAt(Millis),
    ValidAt(Millis),
    AsOf(String, At),
}

impl TableFunctionImpl for Function {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> EngineResult<Arc<dyn TableProvider>> {
        let call = self.parse(args.exprs()).ok_or_else(|| {
            QueryError::Argument(format!(
                "call it as {}, with constants: a time is text such as '2024-05-01' or '2024-05-01T09:30:00Z'",
                self.usage
            ))
        })?;
        let schema = call.schema(&self.core)?;
        Ok(Arc::new(Called { call, schema, core: self.core.clone() }))
    }
}

impl Function {
    fn parse(&self, arguments: &[Expr]) -> Option<Call> {
        let values = arguments.iter().map(constant).collect::<Option<Vec<_>>>()?;
        Some(match (self.usage.split('(').next()?, values.as_slice()) {
            ("recall", [question]) => Call::Recall(text(question)?, RECALLED),
            ("recall", [question, k]) => {
                Call::Recall(text(question)?, usize::try_from(number(k)?).ok()?.min(RECALLED_MAX))
            }
            ("facts_about", [name]) => Call::FactsAbout(text(name)?),
            ("timeline", [name]) => Call::Timeline(text(name)?),
            ("neighbours", [name]) => Call::Neighbours(text(name)?, 1),
            ("neighbours", [name, hops]) => {
                Call::Neighbours(text(name)?, u32::try_from(number(hops)?).ok()?.min(HOPS_MAX))
            }
            ("known_at", [at]) => Call::KnownAt(instant(at)?),
            ("valid_at", [at]) => Call::ValidAt(instant(at)?),
            ("as_of", [table, at]) => Call::AsOf(text(table)?.to_lowercase(), when(at)?),
            _ => return None,
        })
    }
}

impl Call {
    fn schema(&self, core: &Core) -> Result<SchemaRef> {
        let of = |table: &str| Ok(core.table(table)?.schema().inner().clone());
        match self {
            Call::Recall(..) => Ok(recalled(&[])?.schema()),
            Call::Neighbours(..) => Ok(connected(&[])?.schema()),
            Call::FactsAbout(_) | Call::ValidAt(_) => of("facts"),
            Call::Timeline(_) => of("timeline"),
            Call::KnownAt(_) => of("fact_versions"),
            Call::AsOf(table, _) => of(table),
        }
    }

    /// Does the work: the plan whose rows are the call's.
    async fn plan(&self, core: &Core) -> Result<LogicalPlan> {
        let plan = match self {
            Call::Recall(question, k) => rows(recalled(&recall::recall(core, question, &of_k(*k)).await?.hits)?)?,
            Call::Neighbours(name, hops) => rows(connected(&neighbours::neighbours(core, name, *hops).await?)?)?,
            Call::FactsAbout(name) => {
                let entities = core.entities().await?;
                let ids = entities.fitting(name)?.into_iter().map(|row| row.id.as_str());
                core.table("facts")?.filter(facts::about(ids))?
            }
            Call::Timeline(name) => {
                let entities = core.entities().await?;
                facts::timeline_of(core, entities.fitting(name)?.into_iter().map(|row| row.id.as_str()))?
            }
            Call::KnownAt(at) => core.table("fact_versions")?.filter(facts::known_at(*at))?,
            Call::ValidAt(at) => core.table("facts")?.filter(facts::valid_at(*at))?,
            Call::AsOf(table, at) => Box::pin(core.at(*at)).await?.table(table)?,
        };
        Ok(plan.build()?)
    }
}

/// A called function, as a table.
#[derive(Debug)]
struct Called {
    call: Call,
    schema: SchemaRef,
    core: Arc<Core>,
}

#[async_trait]
impl TableProvider for Called {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> EngineResult<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Exact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> EngineResult<Arc<dyn ExecutionPlan>> {
        let plan = self.call.plan(&self.core).await?;
        ViewTable::new(plan, None).scan(state, projection, filters, limit).await
    }
}

/// A batch as a plan.
fn rows(batch: RecordBatch) -> Result<LogicalPlanBuilder> {
    let table = MemTable::try_new(batch.schema(), vec![vec![batch]])?;
    Ok(LogicalPlanBuilder::scan("rows", provider_as_source(Arc::new(table)), None)?)
}

fn constant(argument: &Expr) -> Option<&ScalarValue> {
    match argument {
        Expr::Literal(value, _) if !value.is_null() => Some(value),
        _ => None,
    }
}

fn text(value: &ScalarValue) -> Option<String> {
    value.try_as_str().flatten().map(String::from)
}

fn number(value: &ScalarValue) -> Option<i64> {
    match value.cast_to(&DataType::Int64) {
        Ok(ScalarValue::Int64(number)) if text(value).is_none() => number,
        _ => None,
    }
}

/// A time: RFC 3339, a date, or one that SQL computed.
fn instant(value: &ScalarValue) -> Option<Millis> {
    if let Some(text) = text(value) {
        let text = text.trim();
        return time::parse_millis(text)
            .or_else(|| time::parse_millis(&format!("{text}T00:00:00Z")))
            .or_else(|| time::parse_millis(&format!("{text}Z")));
    }
    if value.data_type().is_temporal() {
        return match value.cast_to(&DataType::Timestamp(TimeUnit::Millisecond, None)) {
            Ok(ScalarValue::TimestampMillisecond(at, _)) => at,
            _ => None,
        };
    }
    number(value)
}

/// A bare number is an epoch, all else a time.
fn when(value: &ScalarValue) -> Option<At> {
    match number(value) {
        Some(epoch) if !value.data_type().is_temporal() => Some(At::Epoch(u64::try_from(epoch).ok()?)),
        _ => instant(value).map(At::Time),
    }
}

/// A plain recall of so many.
fn of_k(k: usize) -> RecallOptions {
    RecallOptions { k, ..RecallOptions::default() }
}

/// What `recall` gives: hits in the order of their rank.
fn recalled(hits: &[Hit]) -> Result<RecordBatch> {
    let time = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
    let mut found_by = ListBuilder::new(StringBuilder::new());
    for hit in hits {
        found_by.append_value(hit.found_by.iter().map(Some));
    }
    let texts = |of: fn(&Hit) -> &str| Arc::new(StringArray::from_iter_values(hits.iter().map(of))) as ArrayRef;
    let said_at = TimestampMillisecondArray::from_iter_values(hits.iter().map(|hit| hit.said_at)).with_timezone("UTC");
    let column = |name: &str, kind: DataType| Field::new(name, kind, false);
    let fields = vec![
        column("rank", DataType::UInt32),
        column("score", DataType::Int64),
        column("event", DataType::Utf8),
        column("passage", DataType::Utf8),
        column("said_at", time),
        column("author", DataType::Utf8),
        column("platform", DataType::Utf8),
        column("channel", DataType::Utf8),
        column("text", DataType::Utf8),
        column("found_by", DataType::new_list(DataType::Utf8, true)),
    ];
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt32Array::from_iter_values(1..=hits.len() as u32)),
        Arc::new(Int64Array::from_iter_values(hits.iter().map(|hit| hit.score))),
        texts(|hit| &hit.event),
        texts(|hit| &hit.passage),
        Arc::new(said_at),
        texts(|hit| &hit.author),
        texts(|hit| &hit.platform),
        texts(|hit| &hit.channel),
        texts(|hit| &hit.text),
        Arc::new(found_by.finish()),
    ];
    batch(fields, columns)
}

/// What `neighbours` gives, nearest first.
fn connected(found: &[NeighbourView]) -> Result<RecordBatch> {
    let texts =
        |of: fn(&NeighbourView) -> &str| Arc::new(StringArray::from_iter_values(found.iter().map(of))) as ArrayRef;
    let mut fields = vec![Field::new("hops", DataType::UInt32, false)];
    fields.extend(
        ["entity", "name", "reached_from", "predicate", "fact"].map(|name| Field::new(name, DataType::Utf8, false)),
    );
    let columns = vec![
        Arc::new(UInt32Array::from_iter_values(found.iter().map(|row| row.hops))) as ArrayRef,
        texts(|row| &row.entity),
        texts(|row| &row.name),
        texts(|row| &row.from),
        texts(|row| &row.predicate),
        texts(|row| &row.fact),
    ];
    batch(fields, columns)
}

fn batch(fields: Vec<Field>, columns: Vec<ArrayRef>) -> Result<RecordBatch> {
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(|error| QueryError::Engine(error.to_string()))
}
