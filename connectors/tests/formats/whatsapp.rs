//! WhatsApp's exports, of both kinds of phones.

use nexus_connectors::{Format, Item, Options};
use nexus_types::time::rfc3339;
use nexus_types::{Event, Kind};

use crate::{events, items, options, reject};

fn shown(events: &[Event]) -> Vec<String> {
    events
        .iter()
        .map(|event| format!("{} {} {} | {}", rfc3339(event.said_at), event.kind, event.author, event.text))
        .collect()
}

#[test]
fn an_android_export() {
    let chat = "31/12/2023, 21:14 - Messages and calls are end-to-end encrypted. Tap to learn more.\n\
                31/12/2023, 21:14 - Anna: Happy new year: soon!\nand a second line\n\n31/13 is no date\n\
                31/12/2023, 21:15 - Bert: <Media omitted>\n\
                31/12/2023, 21:15 - Bert: IMG-1.jpg (file attached)\nlook\n\
                01/01/2024, 00:01 - Anna: This message was deleted\n\
                01/01/2024, 00:02 - Anna: I live in Oslo <This message was edited>\n\
                01/01/2024, 00:03 - Anna changed the subject from \"a: b\" to \"c\"\n\
                01/01/2024, 00:04 - You: ok\n";
    let me = Options { me: Some("Carl".into()), ..Options::new("me") };
    let all = events("WhatsApp Chat with Anna & Bert.txt", chat, &me);
    let expected = [
        "2023-12-31T21:14:00Z notice  | Messages and calls are end-to-end encrypted. Tap to learn more.",
        "2023-12-31T21:14:00.001Z message Anna | Happy new year: soon!\nand a second line\n\n31/13 is no date",
        "2023-12-31T21:15:00Z message Bert | ",
        "2023-12-31T21:15:00.001Z message Bert | look",
        "2024-01-01T00:01:00Z notice Anna | This message was deleted",
        "2024-01-01T00:02:00Z message Anna | I live in Oslo",
        "2024-01-01T00:03:00Z notice  | Anna changed the subject from \"a: b\" to \"c\"",
        "2024-01-01T00:04:00Z message Carl | ok",
    ];
    assert_eq!(shown(&all), expected);
    assert_eq!((&*all[2].attachments[0].name, &*all[3].attachments[0].name), ("Media omitted", "IMG-1.jpg"));
    assert_eq!((&*all[0].channel, &*all[0].platform), ("Anna & Bert", "whatsapp"));
    assert!(all[4].meta.contains_key("deleted") && all[5].meta.contains_key("edited"));
}

#[test]
fn an_iphone_export() {
    let chat = "\u{200e}[12/5/23, 9:14:05\u{202f}PM] Hike: \u{200e}Messages and calls are end-to-end encrypted.\r\n\
                [12/5/23, 9:14:06\u{202f}PM] Anna: hi\r\n[12/5/23, 9:15:06\u{202f}AM] ~\u{202f}Bert: \u{200e}image omitted\r\n\
                \u{200e}[12/31/23, 12:00:00\u{202f}AM] Bert: \u{200e}<attached: 1-PHOTO.jpg>\r\n";
    let all = events("_chat.txt", chat, &Options::new("me"));
    let expected = [
        "2023-12-05T21:14:05Z notice Hike | Messages and calls are end-to-end encrypted.",
        "2023-12-05T21:14:06Z message Anna | hi",
        "2023-12-05T09:15:06Z message Bert | ",
        "2023-12-31T00:00:00Z message Bert | ",
    ];
    assert_eq!(shown(&all), expected);
    assert_eq!((&*all[2].attachments[0].name, &*all[3].attachments[0].name), ("image omitted", "1-PHOTO.jpg"));
}

#[test]
fn the_whole_file_decides_the_order_of_day_and_month() {
    let day = |lines: &[&str]| {
        let chat: String = lines.iter().map(|at| format!("{at} - A: x\n")).collect();
        rfc3339(events("x.txt", chat, &options(Format::WhatsApp))[0].said_at)[..10].to_owned()
    };
    assert_eq!(day(&["02/03/2023, 21:14", "13/03/2023, 21:14"]), "2023-03-02");
    assert_eq!(day(&["02/03/2023, 21:14", "03/13/2023, 21:14"]), "2023-02-03");
    assert_eq!(day(&["2/3/23, 9:14 PM"]), "2023-02-03", "American English writes PM in capitals");
    assert_eq!(day(&["2/3/23, 9:14 pm"]), "2023-03-02");
    assert_eq!(day(&["02.03.23, 21:14"]), "2023-03-02");
    assert_eq!(day(&["2023-03-02, 21:14"]), "2023-03-02");
}

#[test]
fn what_is_wrong_is_rejected_by_line() {
    let chat = "before\n31/12/2023, 21:14 - A: x\n12/31/2023, 21:14 - A: y\n";
    let all = items("x.txt", chat, &options(Format::WhatsApp));
    assert_eq!(&*reject(all[0].clone()).position, "line 1");
    assert!(matches!(all[1], Item::Change(_)));
    assert_eq!((&*reject(all[2].clone()).position, &*reject(all[2].clone()).reason), ("line 3", "no such date"));
}

#[test]
fn repeated_messages_are_kept_apart() {
    let chat = "31/12/2023, 21:14 - A: x\n31/12/2023, 21:14 - A: x\n";
    let all = events("x.txt", chat, &options(Format::WhatsApp));
    assert_ne!(all[0].id(), all[1].id());
    assert_eq!(all[0].kind, Kind::Message);
}
