//! Nexus's own rows.

use nexus_connectors::{Format, Item};
use nexus_types::{Change, Kind};

use crate::{event, events, items, millis, options, reject, texts};

#[test]
fn every_field_is_taken() {
    let row = r#"{"id": "m1", "said_at": "2024-05-01T11:30:00+02:00", "author": "Anna \"A\" <anna>", "text": "hi",
        "platform": "slack", "channel": "general", "thread": "t1", "reply_to": "m0", "addressees": ["bert", "carl"],
        "kind": "response", "revision": 3, "source": "work", "attachments": [{"name": "a.png", "media_type": "image/png"}, "b.txt"],
        "meta": {"subject": "s", "n": {"deep": [1, 2]}}, "mood": "good", "stars": 5, "none": null}"#
        .replace('\n', " ");
    let event = events("x.jsonl", row, &options(Format::Jsonl)).remove(0);
    assert_eq!((&*event.scope, &*event.source, &*event.external_id, event.revision), ("me", "work", "m1", Some(3)));
    assert_eq!((&*event.platform, &*event.channel, event.thread.as_deref()), ("slack", "general", Some("t1")));
    assert_eq!((&*event.author, &*event.text, event.kind), ("Anna \"A\" <anna>", "hi", Kind::Response));
    assert_eq!((event.said_at, event.seen_at), (millis("2024-05-01T09:30:00Z"), 7));
    assert_eq!((event.reply_to.as_deref(), event.addressees), (Some("m0"), texts(&["bert", "carl"])));
    assert_eq!(
        (event.attachments.len(), &*event.attachments[0].media_type, &*event.attachments[1].name),
        (2, "image/png", "b.txt")
    );
    let meta: Vec<_> = event.meta.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(meta, [("mood", "good"), ("n", r#"{"deep":[1,2]}"#), ("stars", "5"), ("subject", "s")]);
}

#[test]
fn the_least_row_and_the_defaults() {
    let rows = "{\"said_at\": 5, \"author\": \"a\", \"text\": \"\"}\n{\"said_at\": \"2024-05-01 09:30\", \"author\": \"a\", \"text\": \"x\", \"addressees\": \"b\", \"id\": 12}\n";
    let all = events("x.jsonl", rows, &options(Format::Jsonl));
    assert_eq!((&*all[0].source, &*all[0].platform, &*all[0].channel, all[0].revision), ("jsonl", "jsonl", "", None));
    assert!(all[0].external_id.starts_with('#'));
    assert_eq!((&*all[1].external_id, all[1].said_at), ("12", millis("2024-05-01T09:30:00Z")));
    assert_eq!(all[1].addressees, texts(&["b"]));
}

#[test]
fn a_deletion_needs_only_the_identity() {
    let rows = "{\"id\": \"m1\", \"deleted\": true, \"platform\": \"slack\", \"revision\": 4}\n{\"deleted\": true}\n";
    let all = items("x.jsonl", rows, &options(Format::Jsonl));
    let gone =
        Change::Retract { scope: "me".into(), source: "slack".into(), external_id: "m1".into(), revision: Some(4) };
    assert_eq!(all[0], Item::Change(gone));
    assert_eq!(&*reject(all[1].clone()).reason, "deleted: an id is needed to say of what");
}

#[test]
fn a_broken_row_is_rejected_with_its_field_and_the_rest_is_read() {
    let whole = r#"{"said_at": 5, "author": "a", "text": "x"}"#;
    let broken = [
        (r#"{"author": "a", "text": "x"}"#, "said_at: missing"),
        (r#"{"said_at": 1.5, "author": "a", "text": "x"}"#, "said_at: expected RFC 3339"),
        (r#"{"said_at": 5, "text": "x"}"#, "author: missing"),
        (r#"{"said_at": 5, "author": "a"}"#, "text: missing"),
        (
            r#"{"said_at": 5, "author": "a", "text": "x", "kind": "shout"}"#,
            "kind: \"shout\" is none of message, response",
        ),
        (r#"{"said_at": 5, "author": "a", "text": "x", "id": ""}"#, "id: empty"),
        (r#"{"said_at": 5, "author": "a", "text": "x", "meta": 1}"#, "meta: an object is expected"),
        (r#"{"said_at": 5, "author": "a", "te"#, "not a JSON object: EOF"),
        ("[1", "not a JSON object: invalid type"),
    ];
    let file: String = broken.iter().map(|(row, _)| format!("{row}\n\n{whole}\n")).collect();
    let all = items("x.jsonl", format!("{whole}\n{file}"), &options(Format::Jsonl));
    assert_eq!(all.len(), 1 + 2 * broken.len());
    for (at, (row, reason)) in broken.iter().enumerate() {
        let reject = reject(all[1 + 2 * at].clone());
        assert!(reject.reason.starts_with(reason), "{row}: {}", reject.reason);
        assert_eq!((&*reject.position, &*reject.raw), (&*format!("line {}", 2 + 3 * at), *row));
    }
}

#[test]
fn an_array_does_as_well() {
    let rows = "\u{feff}[\n  {\"id\": \"1\", \"said_at\": 5, \"author\": \"a\", \"text\": \"x, ]\"},\n  7,\n  {\"id\": \"2\", \"said_at\": 6, \"author\": \"a\", \"text\": \"y\"}\n]";
    let all = items("rows.json", rows, &options(Format::Jsonl));
    assert_eq!((&*event(all[0].clone()).text, &*event(all[2].clone()).text), ("x, ]", "y"));
    assert_eq!(&*reject(all[1].clone()).position, "element 2");
}

#[test]
fn one_id_with_two_contents_is_an_edit_in_order() {
    let rows = "{\"id\":\"1\",\"said_at\":5,\"author\":\"a\",\"text\":\"old\"}\n{\"id\":\"1\",\"said_at\":5,\"author\":\"a\",\"text\":\"new\"}\n";
    let all = events("x.jsonl", rows, &options(Format::Jsonl));
    assert_eq!(all[0].id(), all[1].id());
    assert_eq!((&*all[0].text, &*all[1].text), ("old", "new"));
}

#[test]
fn the_past_and_the_future_are_accepted_within_four_digits() {
    let row = |at: &str| format!("{{\"said_at\": \"{at}\", \"author\": \"a\", \"text\": \"x\"}}");
    for at in ["1066-10-14T09:00:00Z", "9999-12-29T00:00:00Z"] {
        assert_eq!(events("x.jsonl", row(at), &options(Format::Jsonl))[0].said_at, millis(at));
    }
    assert!(matches!(items("x.jsonl", row("-0500-01-01T00:00:00Z"), &options(Format::Jsonl))[0], Item::Reject(_)));
}
