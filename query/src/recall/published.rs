//! What is published for a scope: by what weights passages are ranked, what words are worth, which of them are names.
//!
//! Weights are policy. Statistics are published for questions that are watched, so that a kept ranking does not move with
//! every message; for any other question they are read from the index of words when it is asked.

use std::collections::BTreeSet;

use nexus_scoring::ranking::{Asked, FEATURES, Weights};
use nexus_scoring::{Bag, Statistics, terms};
use nexus_types::{Millis, Policy, Task, Text};

use super::dated::dated;
use super::names::{Names, asked};
use super::pool::Pool;
use crate::core::Core;
use crate::error::Result;

/// A question of more different words is read by its first ones: more do not make it clearer.
const WORDS_MAX: usize = 32;
/// Of the words that the index counts, so many in a hundred are no stop words.
const KEPT_WORDS: u64 = 55;
/// So many passages of a word are counted one by one, where another scope's passages hide how many there are.
const FREQUENCY_MAX: usize = 2_000;

/// What one question is judged by.
pub(crate) struct Published {
    /// The question, as it is asked where these speak.
    pub(crate) asked: Asked,
    /// The weights.
    pub(crate) weights: Weights,
    /// The stretches of time it speaks of.
    pub(crate) stretches: Vec<(Millis, Millis)>,
    /// The statistics that were published for it.
    statistics: Option<Statistics>,
}

/// Reads what is published for a question.
pub(crate) async fn published(core: &Core, question: &str, asked_at: Option<Millis>) -> Result<Published> {
    let policy = core.policy().await?;
    let is_it = |row: &Policy| matches!(row, Policy::Watch { question: watched, .. } if **watched == *question);
    let newest = policy.iter().filter(|row| matches!(row, Policy::Statistics { .. })).max();
    let newest = newest.filter(|_| policy.iter().any(is_it));
    let (voices, statistics) = match newest {
        Some(Policy::Statistics { passages, length, frequencies, named, own }) => {
            let frequencies = frequencies.iter().map(|(term, count)| (term.to_string(), *count)).collect();
            let all = |authors: &[Text]| authors.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
            let statistics = Statistics { texts: *passages, length: *length, frequencies };
            ((all(named), all(own)), Some(statistics))
        }
        _ => (core.names().await?.in_question(question), None),
    };
    let mut asked = asked(question, &voices);
    let dated = asked_at.filter(|_| statistics.is_none()).map(|at| dated(question, at)).unwrap_or_default();
    for (parts, more) in [
        (&mut asked.dates.days, dated.dates.days),
        (&mut asked.dates.months, dated.dates.months),
        (&mut asked.dates.years, dated.dates.years),
    ] {
        parts.extend(more);
    }
    Ok(Published { asked, weights: weights(policy.iter()), stretches: dated.stretches, statistics })
}

/// The weights that these rows publish; by default, those for an embedder if one is asked, else those for words alone.
fn weights<'p>(policy: impl Iterator<Item = &'p Policy> + Clone) -> Weights {
    let embedders = policy.clone().filter_map(|row| match row {
        Policy::Model { task: Task::Embed, model } => Some(model),
        _ => None,
    });
    let mut weights = Weights::for_embedder(embedders.min().map(|id| &**id));
    let mut rows: Vec<(&Text, i64)> = policy
        .filter_map(|row| match row {
            Policy::Weight { feature, weight } => Some((feature, *weight)),
            _ => None,
        })
        .collect();
    rows.sort();
    rows.into_iter().for_each(|(feature, weight)| weights.set(feature, weight));
    weights
}

impl Published {
    /// Whether it is watched: then it stays open for what nobody has spoken of yet.
    pub(crate) fn is_watched(&self) -> bool {
        self.statistics.is_some()
    }

    /// What words are worth for this question: as published, else of the whole scope as it is now. `None` where a small
    /// scope has to be read first.
    pub(crate) async fn statistics(&self, core: &Core, question: &str) -> Result<Option<Statistics>> {
        let passages = core.passages().await?;
        match &self.statistics {
            Some(published) => Ok(Some(published.clone())),
            None if Pool::is_small(&passages) => Ok(None),
            None => {
                let mut statistics = of_index(core, question).await?;
                count_authors(&mut statistics, &*core.names().await?, &self.asked.authors);
                Ok(Some(statistics))
            }
        }
    }

    /// The same, where the pool has the whole scope.
    pub(crate) fn of_whole(&self, pool: &Pool, names: &Names, question: &str) -> Statistics {
        let mut statistics = of_whole(pool, question);
        count_authors(&mut statistics, names, &self.asked.authors);
        statistics
    }
}

fn count_authors(statistics: &mut Statistics, names: &Names, authors: &BTreeSet<String>) {
    authors.iter().for_each(|author| statistics.count_author(author, names.count(author)));
}

/// Of all passages of the scope: the pool has them.
fn of_whole(pool: &Pool, question: &str) -> Statistics {
    let asked = Bag::of(terms::query(question));
    let mut statistics = Statistics::default();
    pool.turns.values().for_each(|turn| statistics.count(&turn.seen.bag, &asked));
    statistics
}

/// By the index of words; where it has passages of other scopes, by counting this scope's.
async fn of_index(core: &Core, question: &str) -> Result<Statistics> {
    let words = words(question);
    let looked_up: Vec<String> = words.iter().map(|(word, _)| word.clone()).collect();
    let mut found = core.snapshot.frequencies(&looked_up).await?;
    let here = core.passages().await?;
    let passages = here.count as u64;
    if let Some(own) = here.own() {
        let counts = looked_up.iter().map(|word| core.snapshot.full_text(word, FREQUENCY_MAX, Some(own)));
        let counts = futures::future::try_join_all(counts).await?;
        let all = found.passages.max(1);
        // Beyond what is looked at, as common as in all scopes.
        let scaled = |count: u64| count.saturating_mul(passages) / all;
        let counted = |(found, all): (&Vec<_>, &u64)| match found.len() {
            FREQUENCY_MAX => scaled(*all).max(FREQUENCY_MAX as u64),
            fewer => fewer as u64,
        };
        found.counts = counts.iter().zip(&found.counts).map(counted).collect();
        found.length = found.length / found.passages.max(1) * passages;
    }
    let beside = here.beside(&core.snapshot).await?;
    for (count, (_, term)) in found.counts.iter_mut().zip(&words) {
        let new = here.count_beside(beside, term);
        // The index's counts of a whole table are of all passages already, as if the new ones were like the rest.
        *count = if here.own().is_some() { *count + new } else { new.max(*count) };
    }
    let mut statistics =
        Statistics { texts: passages, length: found.length * KEPT_WORDS / 100, ..Statistics::default() };
    for ((_, term), count) in words.into_iter().zip(found.counts) {
        let known = statistics.frequencies.entry(term).or_default();
        *known = count.max(*known);
    }
    Ok(statistics)
}

/// The words that a question can be answered by, each with its term. One of nothing but stop words has them all.
pub(crate) fn words(question: &str) -> Vec<(String, String)> {
    let mut seen = BTreeSet::new();
    let mut found: Vec<(String, String)> = terms::pairs(question);
    if found.is_empty() {
        found = terms::words(question).into_iter().zip(terms::query(question)).collect();
    }
    found.retain(|(word, _)| seen.insert(word.clone()));
    found.truncate(WORDS_MAX);
    found
}

/// What these questions' statistics are now, as they are published with a watch.
pub(crate) async fn to_publish(core: &Core, questions: &[String]) -> Result<Policy> {
    let names = core.names().await?;
    let pool = Pool::of_small(core).await?;
    let (mut named, mut own, mut all) = (BTreeSet::new(), BTreeSet::new(), Statistics::default());
    for question in questions {
        let voices = names.in_question(question);
        count_authors(&mut all, &names, &voices.0);
        count_authors(&mut all, &names, &voices.1);
        named.extend(voices.0);
        own.extend(voices.1);
        let of = match &pool {
            Some(pool) => of_whole(pool, question),
            None => of_index(core, question).await?,
        };
        (all.texts, all.length) = (of.texts, of.length);
        all.frequencies.extend(of.frequencies);
    }
    let texts = |authors: BTreeSet<String>| authors.iter().map(|author| Text::from(author.as_str())).collect();
    let frequencies = all.frequencies.iter().map(|(term, count)| (Text::from(term.as_str()), *count)).collect();
    let (named, own) = (texts(named), texts(own));
    Ok(Policy::Statistics { passages: all.texts, length: all.length, frequencies, named, own })
}

/// `ranking_weights`: what each feature counts by, by default and here.
pub(crate) fn weights_sql() -> String {
    let sets = [None, Some("nexus-static@"), Some("another@")].map(Weights::for_embedder);
    let names = FEATURES.iter().chain(&["enough", "day", "least"]);
    let rows: Vec<String> = names
        .map(|name| format!("('{name}', {}, {}, {})", sets[0].of(name), sets[1].of(name), sets[2].of(name)))
        .collect();
    format!(
        r#"select d.feature, round(coalesce(w.weight, d.weight) / 65536.0, 3) as weight,
                  round(d.weight / 65536.0, 3) as by_default
           from (
             select column1 as feature,
                    case when e.built_in then column3 when e.embeds then column4 else column2 end as weight
             from (values {})
             cross join (
               select count(*) > 0 as embeds, coalesce(min(policy) like '%"model":"nexus-static@%', false) as built_in
               from stored.policy where kind = 'model' and policy like '%"task":"embed"%'
             ) e
           ) d
           left join (
             select regexp_match(policy, '"feature":"([^"]*)"')[1] as feature,
                    max(cast(regexp_match(policy, '"weight":(-?[0-9]+)')[1] as bigint)) as weight
             from stored.policy where kind = 'weight' group by 1
           ) w on w.feature = d.feature"#,
        rows.join(", ")
    )
}
