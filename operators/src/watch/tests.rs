//! Watching against its naive twin.

use std::collections::BTreeMap;

use nexus_scoring::ONE;
use nexus_types::event::text_hash;
use nexus_types::{Answer, AnswerRow, Ask, EventRow, Hash128, Kind, TextHash, Version};

use super::*;
use crate::check::{Draw, check2};
use crate::read;

const TEXTS: [&str; 8] = [
    "I moved to Lisbon last week",
    "Where did you move?",
    "to Lisbon, in May",
    "ok",
    "We hike on Sundays",
    "hiking again?",
    "my sister hikes, too",
    "nothing of note",
];
const QUESTIONS: [&str; 4] = ["Where does Anna hike?", "when did I move to Lisbon?", "who hikes now", "zzz"];

/// The texts above, and cosines that follow from the hashes.
struct World(BTreeMap<TextHash, Text>);

impl Texts for World {
    fn text(&self, hash: TextHash) -> Option<Text> {
        self.0.get(&hash).cloned()
    }

    fn nearness(&self, embedder: &str, questions: &[&str], texts: &[TextHash]) -> Vec<Vec<Option<i64>>> {
        let near = |question: &&str, text: &TextHash| {
            let [bits, _] = Hash128::of("near", &[embedder.as_bytes(), question.as_bytes(), &text.0.to_bytes()]).0;
            (bits % 8 > 0).then_some((bits % 1_000) as i64 * ONE / 1_000)
        };
        texts.iter().map(|text| questions.iter().map(|question| near(question, text)).collect()).collect()
    }
}

fn world() -> World {
    World(TEXTS.iter().map(|text| (text_hash(text), Text::from(*text))).collect())
}

/// All of a passage follows from its number: one row per id.
fn piece(draw: &mut Draw) -> Piece {
    let n = draw.below(60);
    let mut event = EventRow::tombstone(
        (if n.is_multiple_of(5) { "t" } else { "s" }).into(),
        EventId(Hash128([n, 0])),
        Version::default(),
    );
    event.kind = Kind::Message;
    // Some stand close, some after a pause.
    event.said_at = (n % 20) as Millis * 20 * 60_000 + (n % 3) as Millis * 4 * 3_600_000;
    event.author = (*["anna", "ben", "me"].iter().cycle().nth(n as usize).unwrap_or(&"")).into();
    event.platform = "irc".into();
    event.channel = (if n.is_multiple_of(2) { "#a" } else { "#b" }).into();
    let text = TEXTS[n as usize % TEXTS.len()];
    event.text = text_hash(text);
    event.text_bytes = text.len() as u32;
    Piece { event: Arc::new(event), part: None }
}

fn answer(draw: &mut Draw) -> AnswerRow {
    let text = text_hash(draw.pick::<&str>(&TEXTS));
    let model = *draw.pick(&["m@1", "m@1", "n@1"]);
    AnswerRow { ask: Ask { model: model.into(), text }, answer: Arc::new(Answer::Vector) }
}

fn policy(draw: &mut Draw) -> PolicyRow {
    let policy = match draw.below(8) {
        0..=2 => Policy::Watch { question: (*draw.pick(&QUESTIONS)).into(), k: *draw.pick(&[1, 3, 60]) },
        3 => Policy::Weight {
            feature: (*draw.pick(&["words", "meaning", "least", "?"])).into(),
            weight: draw.between(-2, 3) * ONE,
        },
        4 | 5 => Policy::Statistics {
            passages: 30 + draw.below(3),
            length: 90,
            frequencies: vec![("hike".into(), 1 + draw.below(20)), ("lisbon".into(), 2)],
            named: if draw.one_in(2) { vec!["anna".into()] } else { Vec::new() },
            own: if draw.one_in(2) { vec!["me".into()] } else { Vec::new() },
        },
        _ => Policy::Model {
            task: *draw.pick(&[Task::Embed, Task::Embed, Task::Extract]),
            model: (*draw.pick(&["m@1", "n@1"])).into(),
        },
    };
    PolicyRow { scope: (*draw.pick(&["s", "s", "t"])).into(), policy }
}

/// The smaller inputs, as one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
enum Other {
    Answer(AnswerRow),
    Policy(PolicyRow),
}

fn other(draw: &mut Draw) -> Other {
    if draw.one_in(3) { Other::Answer(answer(draw)) } else { Other::Policy(policy(draw)) }
}

fn answer_of(other: Other) -> Option<AnswerRow> {
    if let Other::Answer(row) = other { Some(row) } else { None }
}

fn policy_of(other: Other) -> Option<PolicyRow> {
    if let Other::Policy(row) = other { Some(row) } else { None }
}

#[test]
fn agrees_with_naive() {
    check2(
        "watch",
        (piece, other),
        |pieces, others| {
            let (answers, policy) = (others.clone().flat_map(answer_of), others.flat_map(policy_of));
            watch(read(pieces, answers, policy.clone()).watched, policy, Arc::new(world()))
        },
        |pieces, others| {
            let answers: Vec<AnswerRow> = others.iter().cloned().filter_map(answer_of).collect();
            let policy: Vec<PolicyRow> = others.iter().cloned().filter_map(policy_of).collect();
            watch_naive(pieces, &answers, &policy, &world())
        },
    );
}
