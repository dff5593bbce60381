//! The border: what goes wrong behind it comes out as an error, and dropping it ends everything.

use std::collections::BTreeMap;
use std::sync::Arc;

use nexus_dataflows::{Graph, Inputs};
use nexus_types::{Event, EventRow, Kind, Text, TextHash, Texts};

struct Broken;

impl Texts for Broken {
    fn text(&self, _: TextHash) -> Option<Text> {
        panic!("the disk is on fire")
    }
}

fn message(text: &str) -> Arc<EventRow> {
    let event = Event {
        scope: "s".into(),
        source: "irc".into(),
        external_id: "1".into(),
        revision: None,
        platform: "irc".into(),
        channel: "#x".into(),
        thread: None,
        author: "anna".into(),
        addressees: Vec::new(),
        kind: Kind::Message,
        said_at: 0,
        seen_at: 0,
        text: text.into(),
        reply_to: None,
        attachments: Vec::new(),
        meta: BTreeMap::new(),
    };
    Arc::new(event.row(1))
}

#[test]
fn a_panic_becomes_an_error_with_any_number_of_workers() {
    for workers in [1, 3] {
        let mut graph = Graph::start(workers, Arc::new(Broken)).unwrap();
        let short = Inputs { events: vec![(message("short"), 1)], ..Inputs::default() };
        assert_eq!(graph.step(short).unwrap().passages.len(), 1);
        let long = Inputs { events: vec![(message(&"long ".repeat(500)), 1)], ..Inputs::default() };
        let error = graph.step(long).unwrap_err();
        assert!(error.to_string().contains("the disk is on fire"), "{error}");
        assert_eq!(graph.step(Inputs::default()).unwrap_err(), error);
    }
}

#[test]
fn a_graph_is_sent_and_dropped_at_will() {
    fn sendable<T: Send>(value: T) -> T {
        value
    }
    for workers in [0, 1, 2] {
        let mut graph = sendable(Graph::start(workers, Arc::new(BTreeMap::new())).unwrap());
        assert!(graph.step(Inputs::default()).unwrap().is_empty());
        std::thread::spawn(move || drop(graph)).join().unwrap();
    }
}

#[test]
fn what_a_store_kept_is_fed_in_pieces_and_makes_the_same_graph() {
    let mut events: Vec<_> = (0..9).map(|n| (message(&format!("text {n}")), 1)).collect();
    for (n, (row, _)) in (0..).zip(&mut events) {
        let row = Arc::make_mut(row);
        (row.id, row.said_at) = (nexus_types::EventId(nexus_types::Hash128([n, 0])), 9 - n as i64);
    }
    let policy = nexus_types::policy::defaults(&"s".into()).into_iter().map(|row| (row, 1)).collect();
    let inputs = Inputs { events, policy, ..Inputs::default() };
    let start = || Graph::start(1, Arc::new(BTreeMap::new())).unwrap();
    let (mut pieces, mut whole) = (start(), start());
    let open = pieces.restore(inputs.clone()).unwrap();
    let held = whole.step(inputs.clone()).unwrap();
    assert_eq!(open, held.asks.iter().map(|(ask, _)| ask.clone()).collect::<Vec<_>>());
    assert_eq!(open.len(), 9);
    assert_eq!(pieces.step(inputs.negated()).unwrap(), whole.step(inputs.negated()).unwrap());
}

#[test]
fn changes_are_net_and_add_up() {
    let mut graph = Graph::start(1, Arc::new(BTreeMap::new())).unwrap();
    let inputs = Inputs { events: vec![(message("hello"), 1)], ..Inputs::default() };
    let mut sum = graph.step(inputs.clone()).unwrap();
    assert_eq!(sum.events, [(message("hello"), 1)]);
    assert!(graph.step(inputs.clone()).unwrap().is_empty(), "redelivery changes nothing");
    graph.step(inputs.negated()).unwrap();
    sum.merge(graph.step(inputs.negated()).unwrap());
    assert!(sum.is_empty());
}
