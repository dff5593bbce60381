//! Whatever the bytes are: no panic, no endless loop, nothing lost in silence.

use nexus_connectors::{Format, Item, OpenError, Options, open_reader};
use proptest::prelude::*;

use crate::{event, items, options, reject};

#[test]
fn a_million_lines_with_one_bad_one() {
    let good = "{\"id\":\"x\",\"said_at\":5,\"author\":\"a\",\"text\":\"hi\"}\n";
    let mut file = good.repeat(1_000_000).into_bytes();
    let bad = good.len() * 654_321;
    file[bad] = b'!';
    let mut source = open_reader("x.jsonl", Box::new(std::io::Cursor::new(file)), &Options::new("me")).unwrap();
    let rejects: Vec<_> = source.by_ref().filter(|item| matches!(item, Item::Reject(_))).collect();
    assert_eq!(rejects.len(), 1);
    assert_eq!(&*reject(rejects[0].clone()).position, "line 654322");
    assert_eq!(source.bytes_read(), 1_000_000 * good.len() as u64);
}

#[test]
fn a_message_of_20_megabytes() {
    let text = "word ".repeat(4 << 20);
    let row = format!("{{\"id\":\"x\",\"said_at\":5,\"author\":\"a\",\"text\":\"{text}\"}}");
    assert_eq!(event(items("x.jsonl", row, &options(Format::Jsonl)).remove(0)).text.len(), text.len());
    let line = format!("[09:14] <a> {text}");
    assert_eq!(event(items("2004-12-25.txt", line, &options(Format::Irc)).remove(0)).text.len(), text.len());
}

#[test]
fn invalid_utf8_is_replaced_and_noted() {
    let row = b"{\"id\":\"x\",\"said_at\":5,\"author\":\"a\",\"text\":\"caf\xE9\"}".to_vec();
    let read = event(items("x.jsonl", row, &options(Format::Jsonl)).remove(0));
    assert_eq!((&*read.text, read.meta.contains_key("encoding")), ("caf\u{fffd}", true));
    let read = event(items("2004-12-25.txt", b"[09:14] <a> caf\xE9".to_vec(), &options(Format::Irc)).remove(0));
    assert_eq!((&*read.text, read.meta.contains_key("encoding")), ("caf\u{fffd}", true));
}

#[test]
fn an_empty_file_has_no_events_and_a_binary_one_does_not_open() {
    let open = |bytes: &'static [u8]| open_reader("file", Box::new(bytes), &Options::new("me"));
    assert_eq!(open(b"").unwrap().count(), 0);
    assert_eq!(open(b"\xEF\xBB\xBF\r\n").unwrap().count(), 0);
    for bytes in [
        &b"\x7fELF\x02\x01\x01\0\0\0"[..],
        b"\x89PNG\r\n\x1a\n\0\0",
        b"just some prose\nabout nothing\n",
        b"{\"a\": 1}",
    ] {
        let error = open(bytes).map(|source| source.format()).unwrap_err();
        assert!(
            matches!(error, OpenError::Unknown { .. }) && error.to_string().contains("jsonl, irc, mbox"),
            "{error}"
        );
    }
}

fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..12),
        "[ \\t\\r\\n\\[\\]{}<>:,\"/0-9-]{0,12}".prop_map(String::into_bytes),
        proptest::sample::select(
            &[
                "[09:14] <a> ",
                "=== a is now known as b",
                "--- Day changed Sat Dec 25 2004",
                "\u{feff}",
                "{\"id\":",
                "\"said_at\":9",
                "From a@b Sat Dec 25 09:14:01 2004\n",
                "Message-ID: <1@x>\n",
                "Content-Type: text/html\n\n<p>",
                "31/12/2023, 21:14 - A: ",
                "[12/31/23, 9:14:05\u{202f}PM] A: ",
                "{\"messages\":[",
                "{\"mapping\":{",
                "BEGIN:VCALENDAR\n",
                "BEGIN:VEVENT\nDTSTART:20260504\n",
                "RRULE:FREQ=DAILY;UNTIL=2\n",
                "END:VEVENT\n",
                "{\"chat_messages\":[",
                "\"text\":\"x\"}",
                "é",
            ][..]
        )
        .prop_map(|text| text.as_bytes().to_vec()),
    ];
    proptest::collection::vec(pieces, 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in any_bytes()) {
        for format in Format::ALL.map(Some).into_iter().chain([None]) {
            let options = Options { format, ..Options::new("me") };
            if let Ok(source) = open_reader("2004-12-25.x", Box::new(std::io::Cursor::new(bytes.clone())), &options) {
                prop_assert!(source.take(10_000).count() < 10_000);
            }
        }
    }
}
