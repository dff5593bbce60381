//! Standing recall: what is kept is what an exact recall gives, whatever happens; and rankings learn, and unlearn.

use nexus::{Change, ContextOptions, Event, Memory, Nexus, RecallOptions, Settings};

use crate::support::{deleted, open, rows, said};

const QUESTIONS: [(&str, usize); 3] =
    [("Who goes hiking on Sundays?", 5), ("Where does Anna live now?", 3), ("what do I drink", 40)];
const TEXTS: [&str; 10] = [
    "I go hiking on Sundays.",
    "Who goes hiking on Sunday?",
    "We do, every week!",
    "I live in Lisbon now.",
    "I lived in Porto.",
    "Tea, no sugar.",
    "What do you drink?",
    "ok",
    "A hike in the hills with Anna, on a Sunday.",
    "Nothing of note today.",
];

/// A small generator of numbers.
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

fn message(draw: &mut Draw, id: u64, revision: u64) -> Event {
    let author = ["Anna", "Ben <ben@example.org>", "cleo"][draw.below(3) as usize];
    let text = TEXTS[draw.below(10) as usize];
    // Some right after each other, some after a pause.
    let said_at = 1_704_110_400_000 + draw.below(30) as i64 * 600_000 + draw.below(4) as i64 * 20_000_000;
    let channel = if draw.below(3) == 0 { "#a" } else { "#b" };
    let event = Event::message("chat", author, text);
    Event {
        external_id: id.to_string().as_str().into(),
        revision: Some(revision),
        said_at,
        channel: channel.into(),
        ..event
    }
}

fn kept(memory: &Memory, question: &str) -> Vec<(String, i64)> {
    memory.watched(question).unwrap().into_iter().map(|(_, hit)| (hit.passage, hit.score)).collect()
}

fn exact(memory: &Memory, question: &str, k: usize) -> Vec<(String, i64)> {
    let options = RecallOptions { k, exact: true, ..RecallOptions::default() };
    memory.recall_with(question, &options).unwrap().hits.into_iter().map(|hit| (hit.passage, hit.score)).collect()
}

#[test]
fn what_is_watched_is_what_an_exact_recall_gives() {
    for (seed, embed) in [(1, false), (2, true), (3, true)] {
        let folder = tempfile::tempdir().unwrap();
        let settings = || Settings { embed, ..Settings::default() };
        let mut nexus = Nexus::open_with(folder.path(), settings()).unwrap();
        let mut draw = Draw(seed);
        let mut places = 0;
        for step in 1..60 {
            match draw.below(10) {
                0 if step > 5 => {
                    let (question, k) = QUESTIONS[draw.below(3) as usize];
                    nexus.watch(question, k).unwrap();
                }
                1 => _ = nexus.apply(vec![deleted(&draw.below(20).to_string())]).unwrap(),
                2 if step > 20 => {
                    let (question, _) = QUESTIONS[draw.below(3) as usize];
                    let found = nexus.memory().unwrap().recall(question, 3).unwrap().hits;
                    if let Some(hit) = found.last() {
                        nexus.feedback(question, &hit.event, draw.below(2) == 0).unwrap();
                    }
                }
                3 if step == 40 => {
                    nexus.close().unwrap();
                    nexus = Nexus::open_with(folder.path(), settings()).unwrap();
                }
                _ => {
                    let id = draw.below(20);
                    let event = message(&mut draw, id, step);
                    nexus.apply(vec![Change::Upsert(Box::new(event))]).unwrap();
                }
            }
            let memory = nexus.memory().unwrap();
            for (question, k) in memory.watched_questions().unwrap() {
                let kept = kept(&memory, &question);
                assert_eq!(kept, exact(&memory, &question, k as usize), "seed {seed}, step {step}: {question}");
                places += kept.len();
            }
        }
        assert!(places > 50, "{places}");
        let memory = nexus.memory().unwrap();
        let report = memory.verify().unwrap();
        assert!(report.equal, "{report:?}");
    }
}

#[test]
fn a_watch_is_followed_and_let_go() {
    let folder = tempfile::tempdir().unwrap();
    let mut nexus = open(folder.path());
    nexus.remember(said("1", 1, "Anna", "The boat leaves at nine.")).unwrap();
    nexus.watch("when does the boat leave?", 2).unwrap();
    let mut places = nexus.follow("when does the boat leave?").unwrap();
    nexus.remember(said("2", 2, "Ben", "Lunch is at noon, nobody minds.")).unwrap();
    nexus.remember(said("3", 3, "Ben", "The boat leaves at ten today.")).unwrap();
    let mut seen = Vec::new();
    while let Ok(update) = places.try_recv() {
        seen.push((update.added.len(), update.removed.len()));
    }
    assert!(!seen.is_empty() && seen.iter().all(|(added, _)| *added > 0), "{seen:?}");
    assert_eq!(kept(&nexus.memory().unwrap(), "when does the boat leave?").len(), 2);

    assert!(nexus.watch("when does the boat leave?", 65).is_err());
    assert!(nexus.watch(" ", 3).is_err());
    let unknown = nexus.unwatch("what?").unwrap_err().to_string();
    assert!(unknown.contains("is not watched; watched: \"when does the boat leave?\""), "{unknown}");
    nexus.unwatch("when does the boat leave?").unwrap();
    let memory = nexus.memory().unwrap();
    assert!(memory.watched_questions().unwrap().is_empty() && rows(&memory, "SELECT * FROM watched").is_empty());
}

/// A user who likes short answers more than long ones: of two that fit alike, the one that asks back is of no use.
#[test]
fn verdicts_move_what_they_are_about_and_can_be_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut nexus = open(folder.path());
    for at in 0..12 {
        let text = if at % 2 == 0 {
            format!("Is the harbour market number {at} open?")
        } else {
            format!("The harbour market number {at} is open.")
        };
        nexus.remember(said(&at.to_string(), at * 20, "Anna", &text)).unwrap();
    }
    let question = "harbour market open";
    let mean_rank = |nexus: &Nexus| {
        let hits = nexus.memory().unwrap().recall(question, 20).unwrap().hits;
        let ranks: Vec<usize> =
            (1..).zip(&hits).filter(|(_, hit)| hit.text.contains('?')).map(|(rank, _)| rank).collect();
        ranks.iter().sum::<usize>() as f64 / ranks.len() as f64
    };
    let weights = |nexus: &Nexus| rows(&nexus.memory().unwrap(), "SELECT feature, weight FROM ranking_weights");
    let (before, began) = (mean_rank(&nexus), weights(&nexus));
    for _ in 0..12 {
        let hits = nexus.memory().unwrap().recall(question, 20).unwrap().hits;
        let asks = hits.iter().find(|hit| hit.text.contains('?')).unwrap();
        nexus.feedback(question, &asks.event, true).unwrap();
    }
    assert!(mean_rank(&nexus) < before, "{} {before}", mean_rank(&nexus));
    assert_ne!(weights(&nexus), began);
    assert!(nexus.feedback(question, "ffffffff", true).is_err());
    assert_eq!(nexus.forget_feedback(question).unwrap(), 12);
    assert_eq!(weights(&nexus), began);
    assert_eq!(mean_rank(&nexus), before);
}

#[test]
fn limits_hold_before_ranking() {
    let folder = tempfile::tempdir().unwrap();
    let mut nexus = open(folder.path());
    for at in 0..40 {
        let (author, channel) = (["Anna", "Ben"][at as usize % 2], ["#a", "#b", "#c", "#d"][at as usize % 4]);
        let event =
            Event { channel: channel.into(), ..said(&at.to_string(), at, author, "The ferry to Cacilhas runs.") };
        nexus.apply(vec![Change::Upsert(Box::new(event))]).unwrap();
    }
    let memory = nexus.memory().unwrap();
    let asked = |options: RecallOptions| memory.recall_with("when does the ferry run?", &options).unwrap().hits;
    let plain = RecallOptions::default;
    assert_eq!(asked(plain()).len(), 10);
    let by = asked(RecallOptions { author: Some("ben".into()), ..plain() });
    assert!(by.len() == 10 && by.iter().all(|hit| hit.author == "Ben"), "{by:?}");
    let there = asked(RecallOptions { channel: Some("#c".into()), ..plain() });
    assert!(there.len() == 10 && there.iter().all(|hit| hit.channel == "#c"));
    let day = crate::support::day;
    let late = asked(RecallOptions { since: Some(day(35)), until: Some(day(38)), ..plain() });
    assert_eq!(late.len(), 3);
    assert_eq!(asked(RecallOptions { kind: Some(nexus::Kind::Post), ..plain() }).len(), 0);
    assert_eq!(asked(RecallOptions { k: 0, ..plain() }).len(), 0);
    assert_eq!(asked(RecallOptions { k: 10_000, ..plain() }).len(), 40);
    assert!(memory.recall_with("ferry", &RecallOptions { about: Some("Nobody".into()), ..plain() }).is_err());
}

#[test]
fn strangers_and_nonsense_have_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let mut nexus = open(folder.path());
    nexus.remember(said("1", 1, "Anna", "I am allergic to nuts.")).unwrap();
    let memory = nexus.memory().unwrap();
    let found = memory.recall("What is Anna allergic to?", 5).unwrap();
    assert_eq!(found.hits.len(), 1, "the one message there is, is found");
    let stranger = memory.recall("What is Zorvan allergic to?", 5).unwrap();
    assert!(stranger.hits.is_empty() && stranger.facts.is_empty() && stranger.unsure.is_some(), "{stranger:?}");
    let nothing = memory.recall("quantum chromodynamics lattice", 5).unwrap();
    assert!(nothing.hits.is_empty() && nothing.unsure.is_some(), "{nothing:?}");
}

#[test]
fn a_context_fits_its_budget_and_cites() {
    let folder = tempfile::tempdir().unwrap();
    let mut nexus = open(folder.path());
    nexus.remember(said("1", 1, "Anna", "I live in Lisbon.")).unwrap();
    nexus.remember(said("2", 2, "Ben", "Where in Lisbon do you live, Anna?")).unwrap();
    let memory = nexus.memory().unwrap();
    let options = |tokens| ContextOptions { tokens, ..ContextOptions::default() };
    let context = memory.context("Where does Anna live?", &options(300)).unwrap();
    assert!(context.text.contains("- anna lives in Lisbon"), "{}", context.text);
    assert!(context.lines.iter().all(|line| line.event.is_some()) && context.lines.len() >= 2, "{context:?}");
    assert!(memory.context("Where does Anna live?", &options(12)).unwrap().tokens <= 12);
    assert!(memory.context("Where does Anna live?", &options(0)).is_err());
}
