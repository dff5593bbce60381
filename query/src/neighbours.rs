//! Who is connected to whom: everybody within a bounded number of hops over the facts held now, either way.
//! Breadth first: linear in the edges.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::core::Core;
use crate::error::Result;
use crate::rows::Rows;

/// The farthest one may ask.
pub(crate) const HOPS_MAX: u32 = 6;

/// Somebody reached, and by what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NeighbourView {
    /// How many facts away.
    pub hops: u32,
    /// Who.
    pub entity: String,
    /// By name.
    pub name: String,
    /// From whom it was reached, by name.
    pub from: String,
    /// The fact's predicate; it may run either way.
    pub predicate: String,
    /// The fact.
    pub fact: String,
}

struct Edge {
    fact: String,
    predicate: String,
    to: String,
}

/// Everybody within `hops` of whoever `name` fits: one row each, by the shortest way, nearest first.
pub(crate) async fn neighbours(core: &Core, name: &str, hops: u32) -> Result<Vec<NeighbourView>> {
    let entities = core.entities().await?;
    let start: BTreeSet<String> = entities.fitting(name)?.into_iter().map(|row| row.id.clone()).collect();
    let edges = edges(core).await?;
    let (mut seen, mut frontier) = (start.clone(), start);
    let mut found = Vec::new();
    for hop in 1..=hops.min(HOPS_MAX) {
        let mut next: BTreeMap<String, NeighbourView> = BTreeMap::new();
        for (from, edge) in
            frontier.iter().flat_map(|from| edges.get(from).into_iter().flatten().map(move |e| (from, e)))
        {
            if seen.contains(&edge.to) || next.get(&edge.to).is_some_and(|other| other.fact <= edge.fact) {
                continue;
            }
            let view = NeighbourView {
                hops: hop,
                entity: edge.to.clone(),
                name: entities.name(&edge.to),
                from: entities.name(from),
                predicate: edge.predicate.clone(),
                fact: edge.fact.clone(),
            };
            next.insert(edge.to.clone(), view);
        }
        frontier = next.keys().cloned().collect();
        seen.extend(frontier.iter().cloned());
        let mut reached: Vec<NeighbourView> = next.into_values().collect();
        reached.sort_by(|a, b| (&a.name, &a.entity).cmp(&(&b.name, &b.entity)));
        found.extend(reached);
    }
    Ok(found)
}

/// The edges of the facts held now, both ways, by where they start.
async fn edges(core: &Core) -> Result<BTreeMap<String, Vec<Edge>>> {
    let filter = format!("{} AND known_to IS NULL AND object_entity IS NOT NULL", core.mine());
    let columns = ["id", "subject", "predicate", "object_entity"];
    let mut edges: BTreeMap<String, Vec<Edge>> = BTreeMap::new();
    for batch in core.snapshot.scan("facts", Some(&columns), Some(&filter)).await? {
        let rows = Rows(&batch);
        let (id, subject) = (rows.text("id")?, rows.text("subject")?);
        let (predicate, object) = (rows.text("predicate")?, rows.text("object_entity")?);
        for at in 0..rows.len() {
            for (from, to) in [(subject.value(at), object.value(at)), (object.value(at), subject.value(at))] {
                let edge = Edge { fact: id.value(at).into(), predicate: predicate.value(at).into(), to: to.into() };
                edges.entry(from.into()).or_default().push(edge);
            }
        }
    }
    Ok(edges)
}
