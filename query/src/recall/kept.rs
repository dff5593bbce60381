//! The kept ranking of a watched question, as the graph has put it into the table `watched`. Cost: a look-up of its places.

use std::collections::BTreeMap;

use nexus_storage::quoted;

use super::Hit;
use super::pool::Pool;
use crate::core::Core;
use crate::error::Result;
use crate::rows::Rows;

/// The places of a question, in order, each with its rank.
pub(crate) async fn kept(core: &Core, question: &str) -> Result<Vec<(u32, Hit)>> {
    let of = format!("{} AND question = {}", core.mine(), quoted(question.trim()));
    let columns = ["rank", "passage", "score"];
    let mut places: BTreeMap<u32, (String, i64)> = BTreeMap::new();
    for batch in core.snapshot.scan("watched", Some(&columns), Some(&of)).await? {
        let rows = Rows(&batch);
        let (rank, passage, score) = (rows.u32("rank")?, rows.text("passage")?, rows.i64("score")?);
        places.extend((0..rows.len()).map(|at| (rank.value(at), (passage.value(at).to_string(), score.value(at)))));
    }
    let passages: Vec<String> = places.values().map(|(passage, _)| passage.clone()).collect();
    let pool = Pool::of_passages(core, &passages).await?;
    let hit = |(rank, (passage, score)): (u32, (String, i64))| {
        Some((rank, super::rank::hit(pool.turns.get(&passage)?, score, Vec::new())))
    };
    Ok(places.into_iter().filter_map(hit).collect())
}
