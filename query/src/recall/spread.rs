//! How cosines of a scope's vectors lie: by pairs of its first passages, measured once per reader. Embedders differ in them
//! more than questions do, so that what is near for one is far for another. Of a few passages, which are often about one
//! thing, little can be told: then it is what is known of the embedder. Cost: 512 vectors read, 4,096 cosines.

use arrow::array::{Array, AsArray};
use arrow::datatypes::Float32Type;
use futures::StreamExt;
use nexus_scoring::cosine;
use nexus_scoring::ranking::{MINILM, Spread};

use crate::core::Core;
use crate::error::Result;

/// How many vectors are looked at.
const SAMPLED: usize = 512;
/// Of fewer little can be told.
const TOLD_BY: usize = 64;
/// That of the embedder that is a part of the program.
const BUILT_IN: (&str, Spread) = ("vectors_nexus_static", Spread { mean: 57_000, deviation: 3_900 });
/// With how many others each is compared.
const PARTNERS: usize = 8;

/// The spread of this table of vectors.
pub(crate) async fn spread(core: &Core, table: &str) -> Result<Spread> {
    core.spread.get_or_try_init(|| measured(core, table)).await.copied()
}

async fn measured(core: &Core, table: &str) -> Result<Spread> {
    let mut batches = core.snapshot.stream(table, Some(&["vector"]), None).await?;
    let mut vectors: Vec<Vec<f32>> = Vec::new();
    while let Some(batch) = batches.next().await {
        let batch = batch?;
        let Some(lists) = batch.column(0).as_fixed_size_list_opt() else { break };
        for at in 0..lists.len().min(SAMPLED - vectors.len()) {
            vectors.extend(lists.value(at).as_primitive_opt::<Float32Type>().map(|vector| vector.values().to_vec()));
        }
        if vectors.len() >= SAMPLED {
            break;
        }
    }
    Ok(if vectors.len() < TOLD_BY { known(table) } else { of(&vectors) })
}

/// What is known of an embedder; of most they are like that of all-MiniLM-L6-v2.
fn known(table: &str) -> Spread {
    if table.starts_with(BUILT_IN.0) { BUILT_IN.1 } else { MINILM }
}

fn of(vectors: &[Vec<f32>]) -> Spread {
    let count = vectors.len();
    let partner = |at: usize, step: usize| (at * 7 + step * 31 + 11) % count;
    let pairs = (0..count).flat_map(|at| (1..=PARTNERS).map(move |step| (at, partner(at, step))));
    let cosines: Vec<i64> =
        pairs.filter(|(a, b)| vectors[*a] != vectors[*b]).map(|(a, b)| cosine(&vectors[a], &vectors[b])).collect();
    Spread::of(&cosines)
}
