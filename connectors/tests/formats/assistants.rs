//! ChatGPT's and Claude's exports.

use nexus_connectors::{Format, Options};
use nexus_types::{Event, Kind, Text};

use crate::{events, items, millis, options, reject};

const CHATGPT: &str = r#"[
 {"title": "Trip to Oslo", "create_time": 1714555800.0, "conversation_id": "c1", "mapping": {
   "root": {"id": "root", "message": null, "parent": null, "children": ["s"]},
   "s": {"id": "s", "parent": "root", "children": ["u1"], "message": {"id": "s", "author": {"role": "system"},
     "create_time": null, "content": {"content_type": "text", "parts": [""]}, "recipient": "all"}},
   "u1": {"id": "u1", "parent": "s", "children": ["t1"], "message": {"id": "u1", "author": {"role": "user"},
     "create_time": 1714555801.25, "content": {"content_type": "multimodal_text", "parts": [
       {"content_type": "image_asset_pointer", "asset_pointer": "file-service://x"}, "I live in Oslo. Plan a day?"]},
     "metadata": {"attachments": [{"id": "file-1", "name": "map.png", "mime_type": "image/png"}]}, "recipient": "all"}},
   "t1": {"id": "t1", "parent": "u1", "children": ["q1"], "message": {"id": "t1", "author": {"role": "assistant"},
     "create_time": 1714555802.0, "content": {"content_type": "thoughts", "thoughts": [{"summary": "Plan", "content": "Harbour first."}]},
     "recipient": "all"}},
   "q1": {"id": "q1", "parent": "t1", "children": ["r1"], "message": {"id": "q1", "author": {"role": "assistant"},
     "create_time": 1714555803.0, "content": {"content_type": "code", "language": "unknown", "text": "search(\"Oslo\")"}, "recipient": "web"}},
   "r1": {"id": "r1", "parent": "q1", "children": ["a1", "a2"], "message": {"id": "r1", "author": {"role": "tool", "name": "web"},
     "create_time": 1714555804.0, "content": {"content_type": "tether_quote", "text": "Opera house"}, "recipient": "all"}},
   "a1": {"id": "a1", "parent": "r1", "children": ["u2"], "message": {"id": "a1", "author": {"role": "assistant"},
     "create_time": null, "content": {"content_type": "text", "parts": ["Start at the harbour."]}, "metadata": {"model_slug": "gpt-5"}, "recipient": "all"}},
   "a2": {"id": "a2", "parent": "r1", "children": [], "message": {"id": "a2", "author": {"role": "assistant"},
     "create_time": 1714555809.0, "content": {"content_type": "text", "parts": ["Or the opera."]}, "recipient": "all"}},
   "u2": {"id": "u2", "parent": "a1", "children": [], "message": {"id": "u2", "author": {"role": "user"},
     "create_time": 1714555810.0, "content": {"content_type": "text", "parts": ["Thanks"]}, "recipient": "all"}}}},
 {"title": "broken"}
]"#;

fn shown(event: &Event) -> (String, Kind, String, Option<Text>) {
    (event.external_id.to_string(), event.kind, event.text.to_string(), event.reply_to.clone())
}

#[test]
fn chatgpt_trees_are_unfolded_with_all_branches() {
    let options = Options { me: Some("Anna".into()), ..Options::new("me") };
    let mut all = items("conversations.json", CHATGPT, &options);
    let broken = reject(all.pop().unwrap());
    assert_eq!((&*broken.position, &*broken.reason), ("conversation 2", "no mapping: not a conversation of ChatGPT"));
    let all: Vec<Event> = all.into_iter().map(crate::event).collect();
    let question = Some("u1".into());
    let expected = [
        ("u1", Kind::Message, "I live in Oslo. Plan a day?", None),
        ("t1", Kind::Reasoning, "Plan\nHarbour first.", question.clone()),
        ("q1", Kind::Notice, "search(\"Oslo\")", question.clone()),
        ("r1", Kind::Notice, "Opera house", question.clone()),
        ("a1", Kind::Response, "Start at the harbour.", question.clone()),
        ("u2", Kind::Message, "Thanks", Some("a1".into())),
        ("a2", Kind::Response, "Or the opera.", question),
    ];
    let expected = expected.map(|(id, kind, text, reply)| (id.to_owned(), kind, text.to_owned(), reply));
    assert_eq!(all.iter().map(shown).collect::<Vec<_>>(), expected);
    let first = &all[0];
    assert_eq!((&*first.author, &*first.addressees[0], &*first.channel), ("Anna", "ChatGPT", "Trip to Oslo"));
    assert_eq!((first.thread.as_deref(), first.said_at, &*first.platform), (Some("c1"), 1_714_555_801_250, "chatgpt"));
    assert_eq!(&*first.attachments[0].name, "map.png");
    assert_eq!(all[4].said_at, all[3].said_at, "without a time of its own, its parent's");
    assert_eq!(&*all[4].meta["model"], "gpt-5");
}

#[test]
fn claude_conversations_are_read_in_order() {
    let export = r#"[{"uuid": "c1", "name": "", "created_at": "2024-05-01T09:30:00Z", "chat_messages": [
        {"uuid": "m1", "sender": "human", "text": "I moved to Rome.", "content": [{"type": "text", "text": "I moved to Rome."}],
         "created_at": "2024-05-01T09:30:01.123456Z", "attachments": [{"file_name": "a.txt", "file_type": "txt", "extracted_content": "x"}], "files": []},
        {"uuid": "m2", "sender": "assistant", "text": "Nice!", "created_at": "2024-05-01T09:30:05Z", "content": [
          {"type": "thinking", "thinking": "They moved."}, {"type": "tool_use", "name": "search", "input": {}}, {"type": "text", "text": "Nice!"}]},
        {"uuid": "m3", "sender": "robot", "text": "?", "created_at": "2024-05-01T09:31:05Z"}]}]"#;
    let mut all = items("conversations.json", export, &Options::new("me"));
    assert!(reject(all.pop().unwrap()).reason.contains("neither human nor assistant"));
    let all: Vec<Event> = all.into_iter().map(crate::event).collect();
    let expected = [
        ("m1", Kind::Message, "I moved to Rome.", None),
        ("m2/0", Kind::Reasoning, "They moved.", Some("m1".into())),
        ("m2/1", Kind::Notice, r#"{"input":{},"name":"search","type":"tool_use"}"#, Some("m1".into())),
        ("m2", Kind::Response, "Nice!", Some("m1".into())),
    ];
    let expected = expected.map(|(id, kind, text, reply)| (id.to_owned(), kind, text.to_owned(), reply));
    let found: Vec<_> = all.iter().map(shown).collect();
    assert_eq!((&found[..2], &found[3]), (&expected[..2], &expected[3]));
    assert_eq!((found[2].1, found[2].2.contains("search")), (Kind::Notice, true));
    assert_eq!(
        (&*all[0].author, &*all[0].channel, all[0].said_at),
        ("human", "c1", millis("2024-05-01T09:30:01.123Z"))
    );
}

#[test]
fn a_single_conversation_is_read_too() {
    let start = CHATGPT.find("{\"title\"").unwrap();
    let end = CHATGPT.find(",\n {\"title\": \"broken\"").unwrap();
    assert_eq!(events("one.json", &CHATGPT[start..end], &options(Format::ChatGpt)).len(), 7);
}
