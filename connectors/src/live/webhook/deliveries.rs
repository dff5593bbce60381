//! Which deliveries were taken in, so that one that comes again is known for as long as its signature holds.
//!
//! Each is a note of the feed, durable together with what it brought, and forgotten with later ones when its time is over.
//! Pure. Cost: some 200 bytes for each delivery of the last [`KNOWN`].

use std::collections::{BTreeMap, BTreeSet};

use nexus_types::{Millis, Text};
use serde_json::json;
use tokio::sync::watch;

use crate::live::serve::Answer;
use crate::live::signed::WINDOW;

/// How long a delivery is known: what is signed is let in within the window, either way.
pub(super) const KNOWN: Millis = 2 * WINDOW;
/// So many are forgotten with one that comes.
const FORGET: usize = 16;
/// What notes of deliveries begin with.
const KIND: &str = "delivery ";

/// A delivery that was taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Delivery {
    /// A hash of its body.
    pub(super) hash: Text,
    /// How long it is known.
    pub(super) until: Millis,
    /// How many rows were taken in, and how many were rejected.
    pub(super) rows: (usize, usize),
}

impl Delivery {
    /// What its sender is told, the first time and again.
    pub(super) fn answer(&self, reasons: &[Text]) -> Answer {
        let (taken_in, rejected) = self.rows;
        let status = match self.rows {
            (_, 0) => 200,
            (0, _) => 400,
            _ => 202,
        };
        let mut body = json!({ "taken_in": taken_in, "rejected": rejected });
        if !reasons.is_empty() {
            body["reasons"] = reasons.iter().map(|reason| &**reason).collect();
        }
        Answer::json(status, &body)
    }

    /// It as a note.
    pub(super) fn note(&self, id: &str) -> (Text, Option<Text>) {
        let (taken_in, rejected) = self.rows;
        let value = format!("{} {taken_in} {rejected} {}", self.until, self.hash);
        (format!("{KIND}{id}").into(), Some(value.into()))
    }

    fn read(note: &str) -> Option<Delivery> {
        let mut parts = note.splitn(4, ' ');
        let (until, taken_in, rejected) = (parts.next()?, parts.next()?, parts.next()?);
        let rows = (taken_in.parse().ok()?, rejected.parse().ok()?);
        Some(Delivery { until: until.parse().ok()?, rows, hash: parts.next()?.into() })
    }
}

/// What to do with a delivery.
#[derive(Debug)]
pub(super) enum Arrival {
    /// Take it in, and say when it has ended.
    New,
    /// It was taken in.
    Again(Delivery),
    /// The same is being taken in: this resolves when that has ended.
    UnderWay(watch::Receiver<()>),
    /// Something else has its id.
    Other,
}

/// The deliveries that are known.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    known: BTreeMap<Text, Delivery>,
    /// The same by their time.
    ends: BTreeSet<(Millis, Text)>,
    /// By id, with a hash of the body; whoever waits for one is woken when it goes.
    under_way: BTreeMap<Text, (Text, watch::Sender<()>)>,
}

impl Deliveries {
    pub(super) fn new(notes: &BTreeMap<Text, Text>) -> Deliveries {
        let mut deliveries = Deliveries::default();
        for (key, value) in notes {
            let Some(id) = key.strip_prefix(KIND) else { continue };
            // What makes no sense is forgotten at once.
            let unknown = || Delivery { hash: "".into(), until: Millis::MIN, rows: (0, 0) };
            deliveries.know(id.into(), Delivery::read(value).unwrap_or_else(unknown));
        }
        deliveries
    }

    fn know(&mut self, id: Text, delivery: Delivery) {
        let until = delivery.until;
        if let Some(before) = self.known.insert(id.clone(), delivery) {
            self.ends.remove(&(before.until, id.clone()));
        }
        self.ends.insert((until, id));
    }

    /// A delivery comes.
    pub(super) fn arrive(&mut self, id: &Text, hash: &Text, now: Millis) -> Arrival {
        if let Some((held, ended)) = self.under_way.get(id) {
            return if held == hash { Arrival::UnderWay(ended.subscribe()) } else { Arrival::Other };
        }
        match self.known.get(id).filter(|delivery| delivery.until >= now) {
            Some(delivery) if delivery.hash == *hash => Arrival::Again(delivery.clone()),
            Some(_) => Arrival::Other,
            None => {
                self.under_way.insert(id.clone(), (hash.clone(), watch::Sender::new(())));
                Arrival::New
            }
        }
    }

    /// A new one was taken in, or was not.
    pub(super) fn ended(&mut self, id: &Text, taken_in: Option<Delivery>) {
        self.under_way.remove(id);
        if let Some(delivery) = taken_in {
            self.know(id.clone(), delivery);
        }
    }

    /// Some whose time is over, to forget; should that not be kept, they are to be put back.
    pub(super) fn over(&mut self, now: Millis) -> Vec<(Text, Delivery)> {
        let (mut over, mut under_way) = (Vec::new(), Vec::new());
        while over.len() < FORGET
            && let Some((until, id)) = self.ends.pop_first()
        {
            if until >= now {
                self.ends.insert((until, id));
                break;
            }
            // Its note is about to be written anew.
            if self.under_way.contains_key(&id) {
                under_way.push((until, id));
            } else if let Some(delivery) = self.known.remove(&id) {
                over.push((id, delivery));
            }
        }
        self.ends.extend(under_way);
        over
    }

    /// These are not forgotten yet.
    pub(super) fn put_back(&mut self, over: Vec<(Text, Delivery)>) {
        for (id, delivery) in over {
            // Another of this name may have been taken in since.
            if !self.known.contains_key(&id) {
                self.know(id, delivery);
            }
        }
    }
}

/// The note of a delivery that is forgotten.
pub(super) fn forgotten(id: &str) -> (Text, Option<Text>) {
    (format!("{KIND}{id}").into(), None)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn delivery(hash: &str, until: Millis) -> Delivery {
        Delivery { hash: hash.into(), until, rows: (2, 1) }
    }

    #[tokio::test]
    async fn a_delivery_is_taken_in_once_however_often_it_comes() {
        let (mut held, id, hash) = (Deliveries::default(), Text::from("msg 1"), Text::from("h"));
        assert!(matches!(held.arrive(&id, &hash, 0), Arrival::New));
        assert!(matches!(held.arrive(&id, &"other".into(), 0), Arrival::Other));
        let Arrival::UnderWay(mut first) = held.arrive(&id, &hash, 0) else { panic!("it is under way") };
        held.ended(&id, None);
        assert!(first.changed().await.is_err());
        assert!(matches!(held.arrive(&id, &hash, 0), Arrival::New));
        held.ended(&id, Some(delivery("h", 10)));
        assert!(matches!(held.arrive(&id, &hash, 10), Arrival::Again(known) if known.answer(&[]).status == 202));
        assert!(matches!(held.arrive(&id, &"other".into(), 10), Arrival::Other));
        assert!(matches!(held.arrive(&id, &hash, 11), Arrival::New));
    }

    #[test]
    fn notes_are_read_again_and_forgotten_some_at_a_time() {
        let (key, value) = delivery("h", 10).note("msg 1");
        let mut notes = BTreeMap::from([(key, value.unwrap()), ("delivery x".into(), "nonsense".into())]);
        let held = Deliveries::new(&notes);
        assert_eq!(held.known["msg 1"], delivery("h", 10));
        notes
            .extend((0..FORGET as i64).map(|at| delivery("h", at).note(&at.to_string())).map(|(k, v)| (k, v.unwrap())));
        let mut held = Deliveries::new(&notes);
        let over = held.over(10);
        assert_eq!((over.len(), forgotten(&over[0].0)), (11, ("delivery x".into(), None)));
        assert!(held.over(10).is_empty());
        // No room: they are forgotten another time.
        held.put_back(over);
        assert!(matches!(held.arrive(&"x".into(), &"h".into(), 10), Arrival::New));
        let over = held.over(10);
        assert!(over.len() == 10 && over.iter().all(|(id, _)| &**id != "x"));
        held.ended(&"x".into(), None);
        assert_eq!(held.over(10).len(), 1);
        assert_eq!([held.over(1000).len(), held.known.len(), held.ends.len()], [FORGET + 2 - 11, 0, 0]);
    }
}
