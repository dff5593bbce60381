//! The kept ranking of a watched question, as the graph has put it into the table `watched`. Cost: a look-up of its places.

use std::collections::BTreeMap;

use nexus_storage::quoted;

use super::Hit;
use crate::core::Core;
use crate::error::Result;
use crate::rows::Rows;

const COLUMNS_OF_TEXT: [&str; 6] = ["id", "event", "author", "platform", "channel", "text"];
const COLUMNS: [&str; 7] = ["id", "event", "author", "platform", "channel", "text", "said_at"];

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
    let mut hits = BTreeMap::new();
    for batch in core.snapshot.take("passages", &passages, Some(&COLUMNS)).await? {
        let rows = Rows(&batch);
        let [id, event, author, platform, channel, text] = COLUMNS_OF_TEXT.map(|name| rows.text(name));
        let (id, event, author, platform, channel, text) = (id?, event?, author?, platform?, channel?, text?);
        let said_at = rows.time("said_at")?;
        for at in 0..rows.len() {
            let hit = Hit {
                event: event.value(at).into(),
                passage: id.value(at).into(),
                score: 0,
                said_at: said_at.value(at),
                author: author.value(at).into(),
                platform: platform.value(at).into(),
                channel: channel.value(at).into(),
                text: text.value(at).into(),
                found_by: Vec::new(),
                outdated: Vec::new(),
                features: None,
            };
            hits.insert(hit.passage.clone(), hit);
        }
    }
    let hit = |(rank, (passage, score)): (u32, (String, i64))| {
        let hit = hits.get(&passage)?.clone();
        Some((rank, Hit { score, ..hit }))
    };
    Ok(places.into_iter().filter_map(hit).collect())
}
