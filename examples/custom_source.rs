//! A source of your own: turn whatever your system says into events, and its deletions into retractions.
//!
//! `cargo run --example custom_source`

use nexus::{Change, Event, FactFilter, Nexus, time};

/// Whose memory: the scope a store opens with.
const SCOPE: &str = "default";

/// What our imaginary helpdesk sends: id, revision, time, customer, text; no text means deleted.
const FEED: &[(&str, u64, &str, &str, Option<&str>)] = &[
    ("t-1", 1, "2025-03-01T09:00:00Z", "Mei Tanaka <mei>", Some("I live in Bristol and the parcel went to Bath.")),
    ("t-2", 1, "2025-03-02T10:30:00Z", "Ben Carter <ben>", Some("I work at Tidewater, please send the invoice there.")),
    ("t-1", 2, "2025-03-03T08:00:00Z", "Mei Tanaka <mei>", Some("I live in Brighton and the parcel went to Bath.")),
    ("t-2", 2, "2025-03-04T08:00:00Z", "Ben Carter <ben>", None),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let mut nexus = Nexus::open(folder.path().join("memory"))?;

    let changes = || FEED.iter().filter_map(|row| change(SCOPE, *row)).collect::<Vec<_>>();
    let receipt = nexus.apply(changes())?;
    println!("epoch {}", receipt.epoch);
    // A feed may say everything twice, in any order: the greater revision wins, and nothing changes.
    assert!(!nexus.apply(changes().into_iter().rev().collect())?.news);

    for fact in nexus.memory()?.facts(None, &FactFilter::default())? {
        println!("{} {} {}", fact.subject, fact.predicate, fact.object);
        assert_eq!(fact.object, "Brighton");
    }
    Ok(nexus.close()?)
}

/// One row of the feed as a change; nothing for a row without a readable time.
fn change(scope: &str, (id, revision, at, customer, text): (&str, u64, &str, &str, Option<&str>)) -> Option<Change> {
    let source = "helpdesk";
    Some(match text {
        None => Change::Retract {
            scope: scope.into(),
            source: source.into(),
            external_id: id.into(),
            revision: Some(revision),
        },
        Some(text) => Change::Upsert(Box::new(Event {
            external_id: id.into(),
            revision: Some(revision),
            said_at: time::parse_millis(at)?,
            channel: "tickets".into(),
            ..Event::message(source, customer, text)
        })),
    })
}
