//! The data sets as stores of passages with questions. LoCoMo: one store a conversation; LongMemEval: one store for all.

use nexus_operators::split::pieces;
use serde_json::Value;

/// A passage.
#[derive(Clone, Debug)]
pub(crate) struct Turn {
    /// Its turn's name in the data; pieces of a long turn share it.
    pub id: String,
    pub author: String,
    pub text: String,
    pub said_at: i64,
    /// Passages of one talk are neighbours.
    pub talk: usize,
}

/// A question and the turns that answer it.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub text: String,
    pub kind: String,
    pub evidence: Vec<String>,
    /// Of a knowledge update: the turns that say it last, and those that said it before.
    pub newest: Vec<String>,
    pub older: Vec<String>,
}

/// One store.
#[derive(Clone, Debug, Default)]
pub(crate) struct Store {
    pub turns: Vec<Turn>,
    pub questions: Vec<Question>,
}

impl Store {
    fn push(&mut self, id: &str, author: &str, text: &str, said_at: i64, talk: usize) {
        for span in pieces(text) {
            let text = text[span.start as usize..span.end as usize].into();
            self.turns.push(Turn { id: id.into(), author: author.into(), text, said_at, talk });
        }
    }
}

/// The conversations of snap-research/locomo's layout.
pub(crate) fn locomo(path: &str) -> Vec<Store> {
    let all: Vec<Value> = serde_json::from_slice(&std::fs::read(path).expect("the file")).expect("JSON");
    all.iter().map(conversation).collect()
}

fn conversation(one: &Value) -> Store {
    let mut store = Store::default();
    let talk = &one["conversation"];
    for at in 1.. {
        let name = format!("session_{at}");
        let date = talk[format!("{name}_date_time")].as_str();
        if date.is_none() && talk.get(&name).is_none() {
            break;
        }
        let start = date.and_then(|date| moment("%I:%M %p on %d %B, %Y", date)).unwrap_or(at as i64 * 86_400_000);
        for (turn, said) in talk[&name].as_array().into_iter().flatten().enumerate() {
            let text = |name: &str| said[name].as_str().unwrap_or_default();
            let body = match text("blip_caption") {
                "" => text("text").to_owned(),
                caption => format!("{} [image: {caption}]", text("text")),
            };
            store.push(text("dia_id"), text("speaker"), &body, start + turn as i64 * 30_000, at);
        }
    }
    for qa in one["qa"].as_array().into_iter().flatten() {
        let evidence = qa["evidence"].as_array().into_iter().flatten().filter_map(|id| id.as_str().map(String::from));
        let mut evidence: Vec<String> = evidence.collect();
        evidence.sort();
        evidence.dedup();
        let text = qa["question"].as_str().unwrap_or_default().to_owned();
        let (newest, older) = Default::default();
        store.questions.push(Question { text, kind: qa["category"].to_string(), evidence, newest, older });
    }
    store
}

/// The questions of LongMemEval with their evidence sessions, all in one store.
pub(crate) fn longmemeval(path: &str) -> Store {
    let mut store = Store::default();
    let mut talk = 0;
    for (number, line) in std::fs::read_to_string(path).expect("the file").lines().enumerate() {
        let one: Value = serde_json::from_str(line).expect("JSON");
        let mut sessions: Vec<(i64, Vec<String>)> = Vec::new();
        for session in one["evidence_sessions"].as_array().into_iter().flatten() {
            talk += 1;
            let date = session["date"].as_str().unwrap_or_default();
            let start = moment("%Y/%m/%d (%a) %H:%M", date).expect("a date");
            let mut ids = Vec::new();
            for (turn, said) in session["turns"].as_array().into_iter().flatten().enumerate() {
                let id = format!("{number}:{talk}:{turn}");
                let author = if said["role"] == "user" { "me" } else { "assistant" };
                let text = said["content"].as_str().unwrap_or_default();
                store.push(&id, author, text, start + turn as i64 * 30_000, talk);
                ids.push(id);
            }
            sessions.push((start, ids));
        }
        let kind = one["question_type"].as_str().unwrap_or_default().to_owned();
        let last = sessions.iter().map(|(start, _)| *start).max();
        let update = kind == "knowledge-update" && sessions.len() > 1;
        let pick = |newest: bool| {
            let chosen = sessions.iter().filter(|(start, _)| update && (Some(*start) == last) == newest);
            chosen.flat_map(|(_, ids)| ids.clone()).collect::<Vec<_>>()
        };
        let (newest, older) = (pick(true), pick(false));
        let text = one["question"].as_str().unwrap_or_default().into();
        let evidence = sessions.into_iter().flat_map(|(_, ids)| ids).collect();
        store.questions.push(Question { text, kind, evidence, newest, older });
    }
    store
}

fn moment(format: &str, text: &str) -> Option<i64> {
    let moment = jiff::civil::DateTime::strptime(format, text).ok()?;
    Some(moment.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_millisecond())
}
