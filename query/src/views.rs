//! The views: what a user sees under each name, in SQL over the stored tables. Planned once per reader; the engine
//! merges a view's plan into the statement's, so filters and columns reach storage through it.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMillisecondArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use datafusion::datasource::ViewTable;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SessionContext;
use nexus_storage::{Checkpoint, Snapshot};

use crate::catalogue::vectors;
use crate::episodes;
use crate::error::Result;
use crate::recall::weights_sql;

/// Tables shown as they are stored.
const PLAIN: [&str; 10] =
    ["policy", "rejects", "passages", "mentions", "entities", "claims", "decisions", "salience", "rankings", "watched"];

/// Views over stored tables and over the views before them.
const VIEWS: [(&str, &str); 13] = [
    ("events", "select * from stored.events where state = 'live'"),
    ("tombstones", "select id, scope, revision, state from stored.events where state <> 'live'"),
    ("answers", "select * from stored.answers where text_hash in (select text_hash from stored.passages)"),
    ("entity_keys", "select id as entity, name, unnest(keys) as key from stored.entities"),
    // Policy is kept as JSON; what of it goes with predicates is shown in columns.
    (
        "predicates",
        r#"select name, max(cardinality) as cardinality, max(opposite) as opposite, max(inverse) as inverse,
                bool_or(symmetric) as symmetric, max(ends) as ends
         from (
           select regexp_match(policy, '"name":"([^"]*)"')[1] as name,
                  regexp_match(policy, '"cardinality":"([^"]*)"')[1] as cardinality,
                  regexp_match(policy, '"opposite":"([^"]*)"')[1] as opposite,
                  regexp_match(policy, '"inverse":"([^"]*)"')[1] as inverse,
                  policy like '%"symmetric":true%' as symmetric,
                  replace(regexp_match(policy, '"ends":\[([^\]]*)\]')[1], '"', '') as ends
           from stored.policy where kind = 'predicate'
         ) group by name"#,
    ),
    (
        "fact_versions",
        "select f.id, f.subject, coalesce(s.name, f.subject) as subject_name, f.predicate, f.object, f.object_entity,
                coalesce(o.name, f.object, f.object_entity) as object_name, f.valid_from, f.valid_to,
                f.known_from, f.known_to, f.confidence, f.support, f.status, f.ended_by, f.scope, f.version
         from stored.facts f
         left join stored.entities s on s.id = f.subject
         left join stored.entities o on o.id = f.object_entity",
    ),
    (
        "facts",
        "select id, subject, subject_name, predicate, object, object_entity, object_name, valid_from, valid_to,
                known_from, confidence, support, status, ended_by, scope
         from fact_versions where known_to is null",
    ),
    (
        "edges",
        "select id as fact, subject as source, subject_name as source_name, predicate, object_entity as target,
                object_name as target_name, valid_from, valid_to, confidence, status
         from facts where object_entity is not null
         union all
         select f.id as fact, f.object_entity as source, f.object_name as source_name,
                coalesce(p.inverse, f.predicate) as predicate, f.subject as target, f.subject_name as target_name,
                f.valid_from, f.valid_to, f.confidence, f.status
         from facts f join predicates p on p.name = f.predicate
         where f.object_entity <> f.subject and (p.symmetric or p.inverse is not null)",
    ),
    (
        "evidence",
        "select n.id as entity, n.name, v.a, v.b, v.kind, v.event, e.said_at, e.author, e.text, v.scope
         from stored.evidence v
         left join (select id, name, unnest(keys) as key from stored.entities) n on n.key = v.a
         left join stored.events e on e.id = v.event",
    ),
    (
        "affects",
        "select a.event, e.said_at, e.author, e.platform, e.channel, e.thread, e.kind, e.text, a.valence, a.confidence,
                a.signals, a.scope
         from stored.affects a join stored.events e on e.id = a.event",
    ),
    (
        "patterns",
        "select p.kind, p.about, p.target, coalesce(n.name, p.target) as name, p.at, p.messages, p.valence, p.before,
                p.scope, p.id
         from stored.patterns p left join stored.entities n on n.id = p.target",
    ),
    (
        "conflicts",
        "select a.subject, a.subject_name, a.predicate, a.object_name as value, b.predicate as other_predicate,
                b.object_name as other_value, c.said_at, a.valid_from, a.valid_to, c.source, d.source as other_source,
                coalesce(e.author, c.source) as author, coalesce(g.author, d.source) as other_author, e.text,
                g.text as other_text, e.id as event, g.id as other_event, a.id as fact, b.id as other_fact, a.scope
         from facts a
         left join predicates p on p.name = a.predicate
         join facts b on b.scope = a.scope and b.subject = a.subject and b.valid_from = a.valid_from
         join stored.claims c on c.id = a.id
         join stored.claims d on d.id = b.id and d.said_at = c.said_at
         left join stored.events e on e.id = c.event
         left join stored.events g on g.id = d.event
         where a.status = 'disputed' and b.status = 'disputed' and a.id < b.id
           -- Only rows for many names (`number_of_*`) are not found by name, and what adds up is disputed by its opposite.
           and (coalesce(p.cardinality, 'replace') = 'replace' and b.predicate = a.predicate
                or b.predicate = p.opposite and lower(b.object_name) = lower(a.object_name))",
    ),
    (
        "timeline",
        "select coalesce(valid_from, known_from) as at, 'begins' as change, subject, subject_name, predicate,
                object_entity, object_name, id as fact, status
         from facts
         union all
         select valid_to as at, 'ends' as change, subject, subject_name, predicate, object_entity, object_name,
                id as fact, status
         from facts where valid_to is not null",
    ),
];

/// Plans every view and gives the plan of each by name.
pub(crate) async fn plan(session: &SessionContext, snapshot: &Snapshot) -> Result<BTreeMap<String, LogicalPlan>> {
    let mut views: Vec<(String, String)> = Vec::new();
    views.extend(PLAIN.iter().map(|name| (name.to_string(), format!("select * from stored.{name}"))));
    views.extend(VIEWS.iter().map(|(name, sql)| (name.to_string(), sql.to_string())));
    let embedders = vectors(snapshot);
    for name in &embedders {
        let mine = "text_hash in (select text_hash from stored.passages)";
        views.push((name.clone(), format!("select * from stored.{name} where {mine}")));
    }
    views.push(("ranking_weights".into(), weights_sql()));
    views.push(("episodes".into(), episodes::sql(embedders.first().map(String::as_str))));

    let mut plans = BTreeMap::new();
    for (name, sql) in views {
        let plan = session.sql(&sql).await?.into_unoptimized_plan();
        session.register_table(name.as_str(), Arc::new(ViewTable::new(plan.clone(), None)))?;
        plans.insert(name, plan);
    }
    for name in ["checkpoints", "retrievals"] {
        plans.insert(name.into(), session.table(name).await?.into_unoptimized_plan());
    }
    Ok(plans)
}

/// `checkpoints`: the epochs one can go back to.
pub(crate) fn checkpoints(kept: &[Checkpoint]) -> RecordBatch {
    let time = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
    let schema = Schema::new(vec![
        Field::new("epoch", DataType::UInt64, false),
        Field::new("committed_at", time, false),
        Field::new("rows", DataType::UInt64, false),
        Field::new("tables", DataType::Utf8, false),
    ]);
    let named = |checkpoint: &Checkpoint| {
        let tables = checkpoint.tables.iter().map(|(name, at)| format!("{name}@{}", at.version));
        tables.collect::<Vec<_>>().join(" ")
    };
    let rows = |checkpoint: &Checkpoint| checkpoint.tables.values().map(|table| table.rows).sum::<u64>();
    let times = kept.iter().map(|checkpoint| Some(checkpoint.committed_at)).collect::<TimestampMillisecondArray>();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt64Array::from_iter_values(kept.iter().map(|checkpoint| checkpoint.epoch))),
        Arc::new(times.with_timezone("UTC")),
        Arc::new(UInt64Array::from_iter_values(kept.iter().map(rows))),
        Arc::new(StringArray::from_iter_values(kept.iter().map(named))),
    ];
    match RecordBatch::try_new(Arc::new(schema), columns) {
        Ok(batch) => batch,
        Err(error) => panic!("columns of checkpoints do not fit their schema: {error}"),
    }
}
