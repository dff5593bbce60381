//! The facts that go with a recall: those about whom the question names that share its words; those that the recalled
//! passages made; then what else is held of whom it names.

use std::collections::{BTreeMap, BTreeSet};

use nexus_scoring::terms;
use nexus_types::Hash128;

use crate::core::Core;
use crate::error::Result;
use crate::facts::{self, FactView};

/// How many facts go with a recall.
const FACTS_MAX: usize = 8;
/// How many words a name has at most.
const NAME_WORDS_MAX: usize = 3;
/// How many people a word may be the name of.
const NAMESAKES_MAX: usize = 3;
/// How many of the best hits may add facts.
const HITS_MAX: usize = 5;
/// Of how many it is told what they say that is true no more.
const SAID_MAX: usize = 100;

/// Words by which whoever asks means themselves, English and Spanish.
const OF_ME: [&str; 8] = ["i", "me", "my", "mine", "myself", "yo", "mi", "mí"];

/// What is held of whom a question names.
pub(crate) async fn about_named(core: &Core, question: &str) -> Result<Vec<FactView>> {
    let named = named(core, question).await?;
    if named.is_empty() { Ok(Vec::new()) } else { facts::of(core, &named).await }
}

/// The facts for a question and what was recalled for it, the events by rank; `facts`: those about whom it names; `said`:
/// those that the events made.
pub(crate) fn known(
    question: &str,
    mut facts: Vec<FactView>,
    recalled: &[Hash128],
    mut said: BTreeMap<Hash128, Vec<FactView>>,
) -> Vec<FactView> {
    let asked: BTreeSet<String> = terms::query(question).into_iter().collect();
    let overlap = |fact: &FactView| {
        let words = format!("{} {}", fact.predicate.replace('_', " "), fact.object);
        terms::of(&words).into_iter().collect::<BTreeSet<_>>().intersection(&asked).count()
    };
    facts.sort_by_key(|fact| (std::cmp::Reverse(overlap(fact)), std::cmp::Reverse(fact.known_from), fact.id.clone()));
    // What else is held of them comes last.
    let rest = facts.split_off(facts.partition_point(|fact| overlap(fact) > 0));
    facts.extend(recalled.iter().take(HITS_MAX).filter_map(|event| said.remove(event)).flatten());
    facts.extend(rest);
    let mut seen = BTreeSet::new();
    facts.retain(|fact| fact.known_to.is_none() && seen.insert(fact.id.clone()));
    facts.truncate(FACTS_MAX);
    facts
}

/// The entities whose name is in the question, and whoever asks, if the question is about them.
async fn named(core: &Core, question: &str) -> Result<BTreeSet<String>> {
    let words = terms::words(question);
    let entities = core.entities().await?;
    let mut found = BTreeSet::new();
    for size in 1..=NAME_WORDS_MAX {
        for name in words.windows(size).filter(|name| size > 1 || !terms::of(&name[0]).is_empty()) {
            found.extend(entities.named(&name.join(" ")).map(|row| row.id.clone()));
        }
    }
    if words.iter().any(|word| OF_ME.contains(&word.as_str())) {
        found.extend(entities.named("me").map(|row| row.id.clone()));
    }
    // A word with a capital may be somebody's first name; what fits many is a common word.
    for word in question.split_whitespace().filter(|word| word.starts_with(char::is_uppercase)) {
        let called = terms::words(word).first().map_or_else(Vec::new, |word| entities.called(word));
        if called.len() <= NAMESAKES_MAX {
            found.extend(called.into_iter().map(|row| row.id.clone()));
        }
    }
    Ok(found)
}

/// The facts that claims in these events opened, changed or agreed with, by event: every version.
pub(crate) async fn said(core: &Core, recalled: &[Hash128]) -> Result<BTreeMap<Hash128, Vec<FactView>>> {
    let links = core.links().await?;
    let [claims, facts] = &*links;
    let of = |event: &Hash128| (*event, claims.of(*event).flat_map(|claim| facts.of(claim)).collect::<BTreeSet<_>>());
    let made: BTreeMap<Hash128, BTreeSet<Hash128>> = recalled.iter().take(SAID_MAX).map(of).collect();
    let ids: BTreeSet<String> = made.values().flatten().map(ToString::to_string).collect();
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let versions = facts::versions(core, &ids.into_iter().collect::<Vec<_>>()).await?;
    let of = |ids: BTreeSet<Hash128>| {
        let ids: BTreeSet<String> = ids.iter().map(ToString::to_string).collect();
        versions.iter().filter(|fact| ids.contains(&fact.id)).cloned().collect()
    };
    Ok(made.into_iter().map(|(event, ids)| (event, of(ids))).collect())
}
