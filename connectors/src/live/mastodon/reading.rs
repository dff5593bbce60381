//! What is read of a server's timelines: how far, and which statuses are new enough to be asked for again.
//!
//! Notes: the statuses of the last day, each with its revision and its time. Cost: at most [`RECENT_MAX`] of them.

use std::collections::BTreeMap;

use nexus_types::{Change, Event, Millis, Text};
use serde_json::Value;

use super::said::Place;
use super::timeline::order;
use crate::live::notes::Notes;
use crate::live::sse::SseEvent;
use crate::live::{Batch, Broken, Outlet, Resume};
use crate::{Item, Rejected};

/// For how long a status is asked for again after a gap, in milliseconds.
const RECENT: Millis = 86_400_000;
/// So many statuses are noted at most: the newest.
const RECENT_MAX: usize = 2_000;
/// The longest id that is kept.
const ID_BYTES_MAX: usize = 64;
/// The kind of a note.
const STATUS: &str = "status";

/// What is read.
pub(super) struct Reading {
    place: Place,
    /// The largest id of each timeline.
    largest: BTreeMap<String, String>,
    kept: Option<Text>,
    notes: Notes,
}

impl Reading {
    /// Where it goes on.
    pub(super) fn new(place: Place, from: Resume) -> Reading {
        let largest = from.offset.as_deref().and_then(|offset| serde_json::from_str(offset.strip_prefix("1 ")?).ok());
        Reading { place, largest: largest.unwrap_or_default(), kept: from.offset, notes: Notes::new(from.notes) }
    }

    /// Up to which id a timeline is read.
    pub(super) fn largest(&self, timeline: &str) -> Option<&String> {
        self.largest.get(timeline)
    }

    /// A timeline is read up to this id.
    pub(super) fn reached(&mut self, timeline: &str, id: &str) {
        let fits = !id.is_empty() && id.len() <= ID_BYTES_MAX && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if fits && self.largest.get(timeline).is_none_or(|largest| order(largest) < order(id)) {
            self.largest.insert(timeline.into(), id.into());
        }
    }

    /// A status of a page.
    pub(super) fn take(&mut self, status: &Value, now: Millis) -> Vec<Item> {
        let events = match self.place.read(status) {
            Ok(events) => events,
            Err(reject) => return vec![Item::Reject(reject)],
        };
        events.iter().for_each(|event| self.note(event, now));
        events.into_iter().map(|event| Item::Change(Change::Upsert(Box::new(event)))).collect()
    }

    /// A status that was asked for again: nothing where it is as it is noted.
    pub(super) fn take_again(&mut self, status: &Value, now: Millis) -> Vec<Item> {
        let events = self.place.read(status).unwrap_or_default();
        let known = |event: &Event| {
            let held = self.notes.get(STATUS, &event.external_id).and_then(|note| noted(note));
            held.is_some_and(|(revision, _)| Some(revision) == event.revision)
        };
        if !events.is_empty() && events.iter().all(known) { Vec::new() } else { self.take(status, now) }
    }

    /// A status is deleted.
    pub(super) fn gone(&mut self, id: &str) -> Item {
        self.notes.set(STATUS, id, None);
        Item::Change(self.place.gone(id))
    }

    /// What a stream says.
    pub(super) fn hear(&mut self, timeline: &str, event: &SseEvent, now: Millis) -> Vec<Item> {
        let wrong = |reason: String| {
            let position = format!("{} of {timeline}", event.name);
            vec![Item::Reject(Rejected::new(position, reason, event.data.as_bytes()))]
        };
        match event.name.as_str() {
            "update" | "status.update" => match serde_json::from_str::<Value>(&event.data) {
                Ok(status) => {
                    if let Some(id) = status["id"].as_str().filter(|_| event.name == "update") {
                        self.reached(timeline, id);
                    }
                    self.take(&status, now)
                }
                Err(error) => wrong(error.to_string()),
            },
            "delete" => match event.data.trim().trim_matches('"') {
                id if !id.is_empty() && id.len() <= ID_BYTES_MAX => vec![self.gone(id)],
                _ => wrong("it is no id".into()),
            },
            _ => Vec::new(),
        }
    }

    fn note(&mut self, event: &Event, now: Millis) {
        let held = self.notes.get(STATUS, &event.external_id).and_then(|note| noted(note));
        let revision = event.revision.unwrap_or(0);
        if event.said_at > now.saturating_sub(RECENT) && held.is_none_or(|(held, _)| held < revision) {
            self.notes.set(STATUS, &event.external_id, Some(&format!("{revision} {}", event.said_at)));
        }
    }

    /// The statuses that are noted.
    pub(super) fn recent(&self) -> Vec<String> {
        self.notes.of(STATUS).map(|(id, _)| id.to_string()).collect()
    }

    /// Sends what was read, with how far that is.
    pub(super) async fn send(&mut self, items: Vec<Item>, outlet: &Outlet) -> Result<(), Broken> {
        self.let_go(outlet.now());
        let offset = serde_json::to_string(&self.largest).ok().map(|largest| Text::from(format!("1 {largest}")));
        let notes = self.notes.news();
        if !items.is_empty() || !notes.is_empty() || offset != self.kept {
            self.kept = offset.clone();
            outlet.send(Batch { items, offset, notes, unfinished: false }).await?;
        }
        Ok(())
    }

    /// Forgets what is old, and what is too much.
    fn let_go(&mut self, now: Millis) {
        let recent = self.notes.of(STATUS).map(|(id, note)| (noted(note).map(|(_, at)| at), id.to_string()));
        let mut recent: Vec<_> = recent.collect();
        recent.sort_unstable();
        let spare = recent.len().saturating_sub(RECENT_MAX);
        for (place, (at, id)) in recent.iter().enumerate() {
            if place < spare || at.is_none_or(|at| at <= now.saturating_sub(RECENT)) {
                self.notes.set(STATUS, id, None);
            }
        }
    }
}

/// The revision and the time of a status.
fn noted(note: &str) -> Option<(u64, Millis)> {
    let (revision, at) = note.split_once(' ')?;
    Some((revision.parse().ok()?, at.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: Millis = 1_714_555_800_000; // 2024-05-01T09:30:00Z

    fn reading() -> Reading {
        let place = Place { scope: "s".into(), source: "fedi".into(), host: "h".into() };
        Reading::new(place, Resume { offset: Some("1 {\"user\":\"9\"}".into()), ..Resume::default() })
    }

    fn status(id: &str, created_at: &str, edited_at: Option<&str>) -> Value {
        json!({"id": id, "created_at": created_at, "edited_at": edited_at, "account": {"acct": "anna"}, "content": "hi"})
    }

    fn event(name: &str, data: &str) -> SseEvent {
        SseEvent { name: name.into(), data: data.into() }
    }

    #[test]
    fn streams_say_statuses_and_deletions_and_what_cannot_be_read_is_said() {
        let mut reading = reading();
        let one = status("10", "2024-05-01T09:00:00Z", None).to_string();
        assert_eq!(reading.hear("user", &event("update", &one), NOW).len(), 1);
        assert_eq!(
            (reading.largest("user").map(String::as_str), reading.recent()),
            (Some("10"), vec!["10".to_string()])
        );
        assert!(matches!(
            reading.hear("user", &event("delete", "10"), NOW)[..],
            [Item::Change(Change::Retract { .. })]
        ));
        assert!(reading.recent().is_empty());
        for (name, data) in [("update", "{"), ("update", "{}"), ("delete", " ")] {
            assert!(matches!(reading.hear("user", &event(name, data), NOW)[..], [Item::Reject(_)]), "{name} {data}");
        }
        assert!(reading.hear("user", &event("notification", "{}"), NOW).is_empty());
        reading.reached("user", "2");
        reading.reached("user", "../../x");
        assert_eq!(reading.largest("user").map(String::as_str), Some("10"));
    }

    #[test]
    fn what_is_asked_for_again_is_news_only_if_it_was_edited() {
        let mut reading = reading();
        let (plain, edited) = (
            status("10", "2024-05-01T09:00:00Z", None),
            status("10", "2024-05-01T09:00:00Z", Some("2024-05-01T09:10:00Z")),
        );
        reading.take(&plain, NOW);
        assert_eq!([&plain, &edited, &edited].map(|status| reading.take_again(status, NOW).len()), [0, 1, 0]);
        reading.take(&status("1", "2024-04-29T09:00:00Z", None), NOW);
        assert_eq!(reading.recent(), ["10"]);
        reading.let_go(NOW + RECENT);
        assert!(reading.recent().is_empty());
    }

    #[test]
    fn what_is_noted_is_bounded() {
        let mut reading = reading();
        for id in 0..RECENT_MAX + 3 {
            reading.take(&status(&id.to_string(), "2024-05-01T09:00:00Z", None), NOW);
        }
        reading.let_go(NOW);
        assert_eq!(reading.recent().len(), RECENT_MAX);
    }
}
