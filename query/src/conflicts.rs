//! Conflicts: values that were said at one time, for one time, and that no later word has settled. The rows of the view
//! `conflicts`, oldest first. Cost: a join of the disputed facts, of which there are few, with their claims.

use datafusion::logical_expr::{col, lit};
use nexus_types::Millis;
use serde::Serialize;

use crate::core::Core;
use crate::error::Result;
use crate::rows::{Rows, maybe, maybe_time};

/// Two facts that cannot both be so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConflictView {
    /// About whom, by name.
    pub subject: String,
    /// About whom.
    pub subject_id: String,
    /// When both were said.
    pub said_at: Millis,
    /// True from then on, if at all; `None`: not known.
    pub valid_from: Option<Millis>,
    /// True until then; `None`: no end known.
    pub valid_to: Option<Millis>,
    /// The two sides, the lesser fact first.
    pub sides: [ConflictSide; 2],
}

/// What one side of a conflict says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConflictSide {
    /// The fact.
    pub fact: String,
    /// The predicate: both sides' is the same, or they are opposite.
    pub predicate: String,
    /// The value, as shown.
    pub value: String,
    /// The account or feed it comes from.
    pub source: String,
    /// Who said it.
    pub author: String,
    /// The message; `None` for your own word.
    pub event: Option<String>,
    /// Its text.
    pub text: Option<String>,
}

/// What contradicts itself about whoever a name fits, or about anybody.
pub(crate) async fn conflicts(core: &Core, name: Option<&str>) -> Result<Vec<ConflictView>> {
    let mut plan = core.table("conflicts")?;
    if let Some(name) = name {
        let entities = core.entities().await?;
        let ids = entities.fitting(name)?.into_iter().map(|row| lit(row.id.as_str())).collect();
        plan = plan.filter(col("subject").in_list(ids, false))?;
    }
    let order = ["said_at", "subject_name", "fact", "other_fact"].map(|name| col(name).sort(true, true));
    let mut views = Vec::new();
    for batch in core.collect(plan.sort(order)?.build()?).await? {
        let rows = Rows(&batch);
        let (subject, subject_id, said_at) = (rows.text("subject_name")?, rows.text("subject")?, rows.time("said_at")?);
        let (valid_from, valid_to) = (rows.time("valid_from")?, rows.time("valid_to")?);
        let sides = (sides(&rows, "", "value")?, sides(&rows, "other_", "other_value")?);
        for (at, sides) in sides.0.into_iter().zip(sides.1).enumerate() {
            views.push(ConflictView {
                subject: subject.value(at).into(),
                subject_id: subject_id.value(at).into(),
                said_at: said_at.value(at),
                valid_from: maybe_time(&valid_from, at),
                valid_to: maybe_time(&valid_to, at),
                sides: sides.into(),
            });
        }
    }
    Ok(views)
}

/// One side of every row: the columns whose names begin so.
fn sides(rows: &Rows<'_>, prefix: &str, value: &str) -> Result<Vec<ConflictSide>> {
    let column = |name: &str| rows.text(&format!("{prefix}{name}"));
    let (fact, predicate, value) = (column("fact")?, column("predicate")?, rows.text(value)?);
    let (source, author) = (column("source")?, column("author")?);
    let (event, text) = (column("event")?, column("text")?);
    let side = |at: usize| ConflictSide {
        fact: fact.value(at).into(),
        predicate: predicate.value(at).into(),
        value: value.value(at).into(),
        source: source.value(at).into(),
        author: author.value(at).into(),
        event: maybe(&event, at),
        text: maybe(&text, at),
    };
    Ok((0..rows.len()).map(side).collect())
}
