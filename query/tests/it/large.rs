//! A scope too large to be read whole: candidates come from indexes, with what was said right before and after.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use nexus_query::{Components, Embed, Reader, RecallOptions, Warm};
use nexus_storage::{At, Commit, Opener, Settings, Store, TableChange};
use nexus_types::tables::*;
use nexus_types::*;
use tempfile::TempDir;

use super::story::{START, add, best, commit, event, passage, record, vectors};

const WORDS: [&str; 24] = [
    "kernel", "driver", "panel", "package", "mirror", "update", "screen", "sound", "disk", "mount", "server", "client",
    "install", "remove", "window", "cursor", "network", "wireless", "printer", "error", "folder", "update", "sudo",
    "grub",
];

/// One message in `count`, with what is looked for in the middle.
fn said(scope: &str, at: usize, count: usize) -> Event {
    let word = |salt: usize| WORDS[(at * 7919 + salt * 104_729 + at / 13) % WORDS.len()];
    let text = match at == count / 2 {
        true => "the ocelot sleeps under the veranda".to_string(),
        false => format!("{} {} the {} of {at}", word(1), word(2), word(3)),
    };
    let said = event(scope, &at.to_string(), Kind::Message, &format!("nick{}", at % 97), 0, &text, None);
    Event { said_at: START + at as i64 * 60_000, ..said }
}

/// A model of eight numbers: which words a text has, folded.
struct Folded;

impl Embed for Folded {
    fn model(&self) -> &str {
        "folded@1"
    }

    fn embed(&self, text: &str) -> Option<Vec<f32>> {
        let mut sums = [0.1f32; 8];
        for word in text.split_whitespace() {
            let sum = word.bytes().fold(7usize, |sum, byte| (sum * 31 + usize::from(byte)) % 1_000_003);
            sums[sum % 8] += 1.0 + (sum % 13) as f32 / 13.0;
        }
        let norm = sums.iter().map(|x| x * x).sum::<f32>().sqrt();
        Some(sums.iter().map(|x| x / norm).collect())
    }
}

/// What one epoch adds: these events, each with what comes before it in its conversation.
fn epoch(number: u64, events: &[(Event, Option<Event>)], delete: &[&Event]) -> Commit {
    let records: Vec<EventRecord> = events.iter().map(|(event, _)| record(event)).collect();
    let passages: Vec<_> = events.iter().map(|(event, previous)| passage(event, previous.as_ref())).collect();
    let texts: BTreeMap<TextHash, Vec<f32>> =
        events.iter().map(|(event, _)| (event.row(1).text, Folded.embed(&event.text).unwrap())).collect();
    let gone = delete.iter().map(|event| passage(event, None).0.passage.id.to_string()).collect();
    commit(
        number,
        vec![
            add(EventsTable::table(), EventsTable::encode(&records)),
            TableChange { delete: gone, ..add(PassagesTable::table(), PassagesTable::encode(&passages)) },
            vectors("folded@1", 8, texts.into_iter().collect()),
        ],
    )
}

/// A store of `count` messages of one scope and as many of another.
async fn written(count: usize) -> (TempDir, Store) {
    let folder = TempDir::new().unwrap();
    let opener = Opener { program: "test".into(), at: START };
    let mut store = Store::create_or_open(folder.path(), Settings::default(), opener).await.unwrap();
    let events: Vec<Event> = ["a", "b"].iter().flat_map(|scope| (0..count).map(|at| said(scope, at, count))).collect();
    let previous = |at: usize| (!at.is_multiple_of(count)).then(|| events[at - 1].clone());
    let events: Vec<_> = events.iter().enumerate().map(|(at, event)| (event.clone(), previous(at))).collect();
    store.commit(epoch(1, &events, &[])).await.unwrap();
    while store.maintain(8).await.unwrap().more {}
    (folder, store)
}

async fn reader(folder: &TempDir, at: At, embed: Option<Arc<dyn Embed>>, warm: &Arc<Warm>) -> Reader {
    let history = Arc::new(nexus_storage::Reader::open(folder.path(), &Settings::default()).unwrap());
    let snapshot = history.snapshot(at).await.unwrap();
    let components = Components { history: Some(history), embed, warm: warm.clone() };
    Reader::new(snapshot, "a", components).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn indexes_find_it_with_what_was_said_around_it() {
    let (folder, _store) = written(6_000).await;
    let reader = reader(&folder, At::Latest, None, &Arc::default()).await;
    let found = reader.recall("where does the ocelot sleep", &best(5)).await.unwrap();
    assert_eq!(found.hits[0].text, "the ocelot sleeps under the veranda");
    let around: Vec<u64> = found.hits[1..].iter().map(|hit| hit.said_at.abs_diff(found.hits[0].said_at)).collect();
    assert_eq!(around, [60_000, 60_000, 120_000, 120_000], "{:?}", found.hits);
    assert!(found.hits[1].found_by.contains(&"context"));
}

const QUESTIONS: [&str; 5] =
    ["where does the ocelot sleep", "kernel driver panel", "who had sound errors", "nick5 wireless", "disk"];

/// Questions with limits of every kind.
fn asked(k: usize) -> Vec<RecallOptions> {
    let hours = |count: i64| Some(START + count * 3_600_000);
    vec![
        best(k),
        RecallOptions { author: Some("nick7".into()), ..best(k) },
        RecallOptions { since: hours(30), until: hours(70), ..best(k) },
        RecallOptions { kind: Some(Kind::Message), channel: Some("#home".into()), ..best(k) },
        RecallOptions { channel: Some("#nowhere".into()), ..best(k) },
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_indexes_find_scores_as_if_all_were_looked_at() {
    let (folder, _store) = written(6_000).await;
    let reader = reader(&folder, At::Latest, Some(Arc::new(Folded)), &Arc::default()).await;
    let mut found = 0;
    for question in QUESTIONS {
        for (quick, all) in asked(5).into_iter().zip(asked(6_000)) {
            let exact = reader.recall(question, &RecallOptions { exact: true, ..all }).await.unwrap().hits;
            let scores: BTreeMap<&str, i64> = exact.iter().map(|hit| (hit.passage.as_str(), hit.score)).collect();
            let hits = reader.recall(question, &quick).await.unwrap().hits;
            assert_eq!(hits.len(), exact.len().min(5), "{question} {quick:?}");
            for hit in &hits {
                assert_eq!(scores.get(hit.passage.as_str()), Some(&hit.score), "{question} {quick:?}: {hit:?}");
            }
            found += hits.len();
        }
    }
    assert!(found >= 50, "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_in_memory_never_shows_another_epoch() {
    let (folder, mut store) = written(6_000).await;
    let warm: Arc<Warm> = Arc::default();
    let with = || -> Option<Arc<dyn Embed>> { Some(Arc::new(Folded)) };
    let mut answers: BTreeMap<u64, String> = BTreeMap::new();
    for number in 1..=4u64 {
        // Some are deleted, one is edited, and one is new, that says nothing new.
        let changed = |step: u64| said("a", 2_990 + (number * 10 + step) as usize, 6_000);
        if number > 1 {
            let edited = Event { text: format!("the ocelot left in epoch {number}").into(), ..changed(3) };
            let new = Event { text: "disk".into(), ..said("a", 9_000 + number as usize, 6_000) };
            let gone = [changed(1), changed(2), changed(3)];
            let events = [(edited, Some(changed(0))), (new, None)];
            store.commit(epoch(number, &events, &gone.iter().collect::<Vec<_>>())).await.unwrap();
            store.maintain(2).await.unwrap();
        }
        // Every epoch there is, kept pieces beside none; the newest first and last.
        for at in (1..=number).rev().chain(1..=number) {
            let (kept, fresh) = (
                reader(&folder, At::Epoch(at), with(), &warm).await,
                reader(&folder, At::Epoch(at), with(), &Arc::default()).await,
            );
            let mut said = String::new();
            for (question, options) in
                QUESTIONS.iter().flat_map(|question| asked(5).into_iter().map(move |one| (question, one)))
            {
                let (kept, fresh) =
                    (kept.recall(question, &options).await.unwrap(), fresh.recall(question, &options).await.unwrap());
                assert_eq!(kept.hits, fresh.hits, "epoch {at} in {number}: {question} {options:?}");
                said += &format!("{:?}", kept.hits);
            }
            assert_eq!(answers.entry(at).or_insert_with(|| said.clone()), &said, "epoch {at} in {number}");
        }
    }
    let texts: BTreeSet<&String> = answers.values().collect();
    assert_eq!(texts.len(), 4, "every epoch answers otherwise");
    let [answers, vectors] = warm.hit_rates();
    assert!(answers.found > 0 && vectors.found > answers.found, "{answers:?} {vectors:?}");
}

/// What no index has yet, in a scope too large to be read whole: the newest messages, and scripts that write no blanks.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_new_or_written_without_blanks_is_found() {
    let (folder, mut store) = written(6_000).await;
    let new = |at: usize, text: &str| Event { text: text.into(), ..said("a", 8_000 + at, 6_000) };
    let texts = ["the heron came back at noon", "我去年搬到了北京", "だれでもどうぞ", "우리는 부산에 살아요"];
    let events: Vec<_> = texts.iter().enumerate().map(|(at, text)| (new(at, text), None)).collect();
    store.commit(epoch(2, &events, &[])).await.unwrap();
    let first = async |reader: &Reader, question: &str| {
        reader.recall(question, &best(3)).await.unwrap().hits.first().map(|hit| hit.text.clone())
    };
    let questions = [
        ("did the heron come back?", texts[0]),
        ("谁搬到北京?", texts[1]),
        ("どうぞ", texts[2]),
        ("부산에?", texts[3]),
    ];
    for step in ["beside the index", "in the index", "deleted", "deleted, and the index extended"] {
        let reader = reader(&folder, At::Latest, None, &Arc::default()).await;
        for (question, text) in questions {
            let expected = (!step.starts_with("deleted")).then(|| text.to_string());
            assert_eq!(first(&reader, question).await.filter(|found| found == text), expected, "{step}: {question}");
        }
        match step {
            "in the index" => {
                let gone: Vec<&Event> = events.iter().map(|(event, _)| event).collect();
                store.commit(epoch(3, &[], &gone)).await.unwrap();
            }
            _ => while store.maintain(8).await.unwrap().more {},
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn yesterday_is_resolved_against_when_the_question_is_asked() {
    let (folder, _store) = written(6_000).await;
    let reader = reader(&folder, At::Latest, None, &Arc::default()).await;
    // The third of four days.
    let day = START + 2 * 86_400_000..START + 3 * 86_400_000;
    let asked_at = Some(day.end + 7 * 3_600_000);
    let question = "what about the printer error yesterday?";
    for exact in [false, true] {
        let within = async |asked_at: Option<i64>| {
            let options = RecallOptions { asked_at, exact, ..best(10) };
            let hits = reader.recall(question, &options).await.unwrap().hits;
            (hits.len(), hits.iter().filter(|hit| day.contains(&hit.said_at)).count())
        };
        assert_eq!(within(asked_at).await, (10, 10), "exact: {exact}");
        assert!(within(None).await.1 < 10, "exact: {exact}");
    }
}
