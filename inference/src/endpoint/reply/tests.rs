//! Replies as models write them, good and bad, against what is taken of them.
#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;

const TEXT: &str = "I moved to New York with Anna in May; my sister Bea hates it.";

/// A statement that its text bears out, with something changed.
fn statement(change: Value) -> Value {
    let mut whole = json!({
        "quote": "I moved to New York", "subject": {"kind": "speaker", "name": "", "of": ""}, "predicate": "moved_to",
        "object": {"kind": "value", "name": "New York", "of": ""}, "further": ["with Anna", "by train"],
        "polarity": "affirmed", "aspect": "begins", "modality": "asserted", "tense": "past", "from": "--05", "to": "",
        "reported_by": null, "confidence": 90,
    });
    for (name, value) in change.as_object().unwrap() {
        whole[name] = value.clone();
    }
    whole
}

fn read(change: Value) -> (Vec<Statement>, u64) {
    let item = json!({"id": 1, "mentions": [], "statements": [statement(change)]});
    let (extraction, dropped) = extraction(TEXT, &item).unwrap();
    (extraction.statements, dropped)
}

#[test]
fn what_the_text_bears_out_is_taken() {
    let (statements, dropped) = read(json!({}));
    let one = &statements[0];
    assert_eq!((statements.len(), dropped), (1, 0));
    assert_eq!(&TEXT[one.span.start as usize..one.span.end as usize], "I moved to New York");
    assert_eq!(
        (&one.subject, &*one.predicate, &one.object),
        (&Term::Speaker, "moved_to", &Term::Value("New York".into()))
    );
    assert_eq!((&*one.further, one.aspect, one.confidence), ("with Anna", Aspect::Begins, 900));
    let bea = json!({"kind": "relative", "name": "sister", "of": "speaker"});
    assert_eq!(read(json!({"subject": bea})).0[0].subject, Term::Relative("sister".into(), Box::new(Term::Speaker)));
    assert_eq!(read(json!({"predicate": "Moved to"})).0[0].predicate, "moved_to".into());
}

#[test]
fn what_it_does_not_bear_out_is_dropped() {
    let wrong = [
        json!({"quote": "I moved to Boston"}),
        json!({"quote": ""}),
        json!({"subject": {"kind": "person", "name": "Carla", "of": ""}}),
        json!({"subject": {"kind": "value", "name": "New York", "of": ""}}),
        json!({"subject": {"kind": "god", "name": "Anna", "of": ""}}),
        json!({"subject": {"kind": "relative", "name": "sister", "of": "Carla"}}),
        json!({"object": {"kind": "value", "name": "Boston", "of": ""}}),
        json!({"object": {"kind": "value", "name": "", "of": ""}}),
        json!({"object": {"kind": "mail", "name": "anna", "of": ""}}),
        json!({"predicate": "moved to; DROP TABLE facts"}),
        json!({"polarity": "yes"}),
        json!({"aspect": "lasts"}),
        json!({"modality": "sure"}),
        json!({"tense": "aorist"}),
        json!({"from": "some time in May"}),
        json!({"confidence": "high"}),
        json!({"modality": "reported", "reported_by": {"kind": "person", "name": "Carla", "of": ""}}),
    ];
    for change in wrong {
        assert_eq!(read(change.clone()), (Vec::new(), 1), "{change}");
    }
    let ended = json!({"aspect": "ends", "object": {"kind": "value", "name": "", "of": ""}});
    assert_eq!(read(ended).0[0].object, Term::Value("".into()), "an ending may leave open what ended");
}

#[test]
fn the_same_statement_counts_once_and_odd_entries_not_at_all() {
    let list = json!([statement(json!({})), statement(json!({})), 7, {"quote": "I moved"}]);
    let (extraction, dropped) = extraction(TEXT, &json!({"statements": list})).unwrap();
    assert_eq!((extraction.statements.len(), dropped), (1, 3));
}

#[test]
fn mentions_are_found_where_they_stand() {
    let text = "Bea met Bea's boss in Oslo";
    let name = |kind: &str, name: &str| json!({"kind": kind, "name": name});
    let list = json!([
        name("place", "Oslo"),
        name("person", "Bea"),
        name("person", "Bea"),
        name("person", "Bea"),
        name("person", "Carla"),
        name("planet", "Oslo"),
        name("place", "")
    ]);
    let (extraction, _) = extraction(text, &json!({"mentions": list, "statements": []})).unwrap();
    let found: Vec<(u32, &str)> = extraction.mentions.iter().map(|found| (found.span.start, &*found.name)).collect();
    assert_eq!(found, [(0, "Bea"), (8, "Bea"), (22, "Oslo")]);
}

#[test]
fn entries_are_told_by_id_wherever_the_json_stands() {
    let ids = |content: &str| -> Result<Vec<bool>, String> {
        items(content, 2).map(|items| items.iter().map(Option::is_some).collect())
    };
    assert_eq!(ids(r#"{"texts":[{"id":2},{"id":1}]}"#), Ok(vec![true, true]));
    assert_eq!(ids("Here you are:\n```json\n{\"texts\":[{\"id\":\"2\"}]}\n```"), Ok(vec![false, true]));
    assert_eq!(ids(r#"<think>{"texts":[]}</think>[{"id":1},{"id":1},{"id":3},{}]"#), Ok(vec![true, false]));
    for wrong in ["", "no", "{\"texts\":", "{}", "}{", "{\"texts\":7}"] {
        assert!(ids(wrong).is_err(), "{wrong}");
    }
    assert!(extraction("a", &json!({"id": 1})).is_err(), "an entry without statements says nothing");
}
