//! Telegram Desktop's export.

use nexus_connectors::Options;
use nexus_types::{Event, Kind};

use crate::{events, items, millis, reject};

const CHAT: &str = r#"{
 "name": "Hiking", "type": "private_group", "id": 77,
 "messages": [
  {"id": 1, "type": "service", "date": "2024-05-01T09:30:00", "date_unixtime": "1714555800", "actor": "Anna", "actor_id": "user1",
   "action": "create_group", "title": "Hiking", "members": ["Anna", "Bert"], "text": ""},
  {"id": 2, "type": "message", "date": "2024-05-01T09:31:00", "date_unixtime": "1714555860", "edited": "2024-05-01T09:32:00",
   "edited_unixtime": "1714555920", "from": "Anna <3", "from_id": "user1", "text": ["See ", {"type": "link", "text": "https://x.org"}, "!"]},
  {"id": 3, "type": "message", "date": "2024-05-01T09:33:00", "from": null, "from_id": "user2", "reply_to_message_id": 2,
   "photo": "photos/photo_1.jpg", "width": 1, "height": 1, "text": ""},
  {"id": 4, "type": "message", "date": "2024-05-01T09:34:00", "from": "Bert", "from_id": "user2", "forwarded_from": "News", "text": "I live on the moon"},
  {"type": "message", "text": "no id"}
 ]}"#;

#[test]
fn a_chat() {
    let mut all = items("result.json", CHAT, &Options::new("me"));
    let broken = reject(all.pop().unwrap());
    assert_eq!((&*broken.position, &*broken.reason), ("chat \"Hiking\", message null", "no id"));
    let all: Vec<Event> = all.into_iter().map(crate::event).collect();
    let shown: Vec<_> =
        all.iter().map(|event| (&*event.external_id, event.kind, &*event.author, &*event.text)).collect();
    let expected = [
        ("77/1", Kind::Notice, "Anna <user1>", "create_group Hiking Anna Bert"),
        ("77/2", Kind::Message, "Anna 3 <user1>", "See https://x.org!"),
        ("77/3", Kind::Message, "user2", ""),
        ("77/4", Kind::Post, "Bert <user2>", "I live on the moon"),
    ];
    assert_eq!(shown, expected);
    assert_eq!((all[1].revision, all[2].revision), (Some(1_714_555_920_000), None));
    assert_eq!((all[2].reply_to.as_deref(), &*all[2].attachments[0].name), (Some("77/2"), "photo_1.jpg"));
    assert_eq!((all[1].said_at, all[2].said_at), (millis("2024-05-01T09:31:00Z"), millis("2024-05-01T09:33:00Z")));
    assert_eq!((&*all[3].meta["forwarded_from"], &*all[0].channel), ("News", "Hiking"));
}

#[test]
fn all_chats() {
    let second = r#"{"type": "saved_messages", "id": 5, "messages": [{"id": 1, "type": "message", "date": "2024-05-01T09:30:00", "from": "Me", "from_id": "user9", "text": "note"}]}"#;
    let export = format!(
        r#"{{"about": "Here is the data", "chats": {{"about": "", "list": [{second}, {CHAT}]}}, "left_chats": {{"list": []}}}}"#
    );
    let export = export.replace(
        r#"{"type": "message", "text": "no id"}"#,
        r#"{"id": 9, "type": "message", "date_unixtime": "5", "text": "x"}"#,
    );
    let all = events("result.json", export, &Options::new("me"));
    assert_eq!((all.len(), &*all[0].channel, &*all[1].channel), (6, "Saved Messages", "Hiking"));
}
