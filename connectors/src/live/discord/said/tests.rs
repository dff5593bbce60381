//! Events of the gateway, as Discord documents them.
#![allow(clippy::unwrap_used)]

use super::*;
use serde_json::json;

/// 2024-05-01T09:30:00Z.
const FIRST: &str = "1235161291161600000";

fn place() -> Place {
    Place { scope: "s".into(), source: "chat".into(), channels: None }
}

fn notes() -> Notes {
    let mut notes = Notes::default();
    let guild = json!({"id": "1", "name": "Harbour", "channels": [{"id": "10", "type": 0, "name": "general"}],
        "threads": [{"id": "11", "type": 11, "name": "boats", "parent_id": "10"}]});
    assert!(place().hear("GUILD_CREATE", &guild, &mut notes).is_empty());
    notes
}

fn message(more: Value) -> Value {
    let mut message = json!({"id": FIRST, "channel_id": "10", "guild_id": "1", "type": 0, "content": "hello",
        "author": {"id": "5", "username": "anna", "global_name": "Anna K"}, "timestamp": "2024-05-01T09:30:00.000000+00:00",
        "edited_timestamp": null, "mentions": [], "attachments": [], "embeds": []});
    message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    message
}

fn event(items: Vec<Item>) -> Event {
    match items.into_iter().next() {
        Some(Item::Change(Change::Upsert(event))) => *event,
        other => panic!("{other:?}"),
    }
}

fn said(more: Value) -> Event {
    event(place().hear("MESSAGE_CREATE", &message(more), &mut notes()))
}

#[test]
fn a_message_is_in_its_channel_by_who_wrote_it() {
    let plain = said(json!({}));
    assert_eq!((&*plain.channel, &*plain.author, &*plain.text), ("Harbour #general", "anna <5>", "hello"));
    assert_eq!((plain.revision, plain.thread.as_deref()), (Some(0), None));
    assert_eq!(plain.said_at, parse_millis("2024-05-01T09:30:00Z").unwrap());
    let threaded = said(json!({"channel_id": "11"}));
    assert_eq!((&*threaded.channel, threaded.thread.as_deref()), ("Harbour #general", Some("11")));
    let reply = said(json!({"type": 19, "message_reference": {"message_id": "7", "channel_id": "10"}}));
    assert_eq!((reply.kind, reply.reply_to.as_deref()), (Kind::Message, Some("7")));
    let edited = said(json!({"edited_timestamp": "2024-05-01T09:31:00.500000+00:00"}));
    assert_eq!(edited.revision, Some(1_714_555_860_500));
    let joined = said(json!({"type": 7, "content": ""}));
    assert_eq!((joined.kind, &*joined.text), (Kind::Notice, "has joined"));
    let forward = json!({"content": "", "message_reference": {"type": 1, "message_id": "7", "channel_id": "12"},
        "message_snapshots": [{"message": {"content": "I moved to Oslo"}}]});
    let forward = said(forward);
    assert_eq!(
        (forward.kind, &*forward.text, &*forward.meta["forwarded_from"]),
        (Kind::Post, "I moved to Oslo", "12/7")
    );
    assert_eq!(forward.reply_to, None);
    let to_bert = json!({"content": "ask <@6>", "mentions": [{"id": "6", "username": "bert"}]});
    let to_bert = json!({"content": "", "message_reference": {"type": 1}, "message_snapshots": [{"message": to_bert}]});
    let to_bert = said(to_bert);
    assert_eq!((&*to_bert.text, to_bert.addressees.len()), ("ask @bert", 0));
    let hook = said(json!({"webhook_id": "9", "author": {"id": "9", "username": "Bridge <x>"}}));
    assert_eq!(&*hook.author, "Bridge x <9/Bridge x>");
}

#[test]
fn a_text_is_plain_and_the_same_whenever_it_is_read() {
    let bert = json!({"id": "6", "username": "bert"});
    let text = "<@6> <@!6> see <#10> <a:wave:77> 1 < 2 <@&9>";
    let mentioned = said(json!({"content": text, "mentions": [bert]}));
    assert_eq!(&*mentioned.text, "@bert @bert see #general :wave: 1 < 2 <@&9>");
    assert_eq!(&*mentioned.addressees[0], "bert <6>");
    let file = json!({"filename": "a.png", "content_type": "image/png", "url": "https://cdn/a.png?ex=1&hm=2"});
    assert_eq!(&*said(json!({"attachments": [file]})).attachments[0].location, "https://cdn/a.png");
    let card = json!([{"type": "rich", "title": "Build", "description": "passed"}, {"type": "link", "title": "no"}]);
    assert_eq!(&*said(json!({"content": "", "embeds": card})).text, "Build\npassed");
    // A name that changed later.
    let mut notes = notes();
    let first = event(place().hear("MESSAGE_CREATE", &message(json!({})), &mut notes));
    let renamed = message(json!({"author": {"id": "5", "username": "anna_k"}}));
    assert_eq!(event(place().hear("MESSAGE_CREATE", &renamed, &mut notes)), first);
}

#[test]
fn a_name_that_is_missing_is_asked_for_where_somebody_speaks() {
    let mut notes = notes();
    let nameless = |notes: &Notes, channel: &str| nameless(channel, notes).map(|room| room.to_string());
    assert_eq!(["10", "11"].map(|channel| nameless(&notes, channel)), [None, None]);
    assert_eq!(nameless(&notes, "12").as_deref(), Some("12"));
    learn(&json!({"id": "12", "type": 0, "name": "boats", "guild_id": "1"}), &mut notes);
    assert_eq!(nameless(&notes, "12"), None);
    assert_eq!(&*notes.first("channel", "12", ""), "Harbour #boats");
    // Of a thread it is its channel's.
    learn(&json!({"id": "21", "type": 11, "name": "nets", "parent_id": "20"}), &mut notes);
    assert_eq!(nameless(&notes, "21").as_deref(), Some("20"));
    // Those that a text mentions, wanted or not, if what mentions them is.
    let only = Place { channels: Some(vec!["10".into()]), ..place() };
    let text = json!({"content": format!("<#12> 1 < 2 <#x> <@5> <#{FIRST}> <#7")});
    assert_eq!(only.names(&message(text.clone()), &notes), ["10", "12", FIRST]);
    let forward = json!({"message_reference": {"type": 1}, "message_snapshots": [{"message": text}]});
    assert_eq!(only.names(&message(forward), &notes), ["10", "12", FIRST]);
    assert_eq!(only.names(&message(json!({"content": "<#12> ".repeat(9)})), &notes).len(), 1 + MENTIONED_MAX);
    for (channel, known) in [("11", 1), ("12", 0), ("20", 0), ("21", 0), ("", 0)] {
        assert_eq!(only.names(&message(json!({"channel_id": channel})), &notes).len(), known, "{channel}");
    }
    assert!(speaks("MESSAGE_CREATE", &message(json!({}))) && !speaks("MESSAGE_DELETE", &json!({"id": "7"})));
    assert!(!speaks("MESSAGE_UPDATE", &json!({"embeds": []})));
}

#[test]
fn a_channel_is_not_named_without_its_server() {
    // A session goes on after an erasure: the server is not told of again.
    let (mut notes, made) = (Notes::default(), json!({"id": "12", "type": 0, "name": "boats", "guild_id": "1"}));
    assert!(place().hear("CHANNEL_CREATE", &made, &mut notes).is_empty());
    assert_eq!((nameless("12", &notes).as_deref(), notes.news().len()), (Some("12"), 0));
    notes.first("guild", "1", "Harbour");
    learn(&made, &mut notes);
    assert_eq!(notes.name("channel", "12").map(|name| &**name), Some("Harbour #boats"));
    // What is in no server has no other name.
    learn(&json!({"id": "13", "type": 3, "name": "us"}), &mut notes);
    assert_eq!(notes.name("channel", "13").map(|name| &**name), Some("#us"));
}

#[test]
fn deletions_are_final_and_reactions_answer() {
    let mut notes = notes();
    let gone = place().hear("MESSAGE_DELETE_BULK", &json!({"ids": ["7", "8"], "channel_id": "10"}), &mut notes);
    assert!(gone.iter().all(|item| matches!(item, Item::Change(Change::Retract { revision: Some(FINAL), .. }))));
    assert_eq!((gone.len(), place().hear("MESSAGE_DELETE", &json!({"id": "7"}), &mut notes).len()), (2, 1));
    let sign = json!({"message_id": FIRST, "user_id": "6", "channel_id": "10", "emoji": {"id": null, "name": "👍"},
        "member": {"user": {"id": "6", "username": "bert"}}});
    let put = event(place().hear("MESSAGE_REACTION_ADD", &sign, &mut notes));
    assert_eq!((&*put.external_id, put.reply_to.as_deref()), (&*format!("{FIRST}/6/👍"), Some(FIRST)));
    assert_eq!((put.kind, &*put.text, &*put.author), (Kind::Notice, "👍", "bert <6>"));
    let taken = place().hear("MESSAGE_REACTION_REMOVE", &sign, &mut notes);
    assert!(
        matches!(&taken[..], [Item::Change(Change::Retract { external_id, .. })] if **external_id == *put.external_id)
    );
}

#[test]
fn only_wanted_channels_are_heard_and_gaps_are_seen() {
    let place = Place { channels: Some(vec!["10".into()]), ..place() };
    let mut notes = notes();
    assert!(place.hear("MESSAGE_CREATE", &message(json!({"channel_id": "12"})), &mut notes).is_empty());
    assert!(place.hear("MESSAGE_DELETE", &json!({"id": "7", "channel_id": "12"}), &mut notes).is_empty());
    assert_eq!(place.hear("MESSAGE_CREATE", &message(json!({"channel_id": "11"})), &mut notes).len(), 1);
    assert_eq!(notes.get("last", "11").map(|last| &**last), Some(FIRST));
    // An edit says nothing of what was written before it.
    place.hear("MESSAGE_UPDATE", &message(json!({"channel_id": "11", "id": "1235161291161600001"})), &mut notes);
    assert_eq!(notes.get("last", "11").map(|last| &**last), Some(FIRST));
    let thread = json!({"id": "13", "type": 11, "name": "nets", "parent_id": "10"});
    place.hear("THREAD_UPDATE", &thread, &mut notes);
    assert_eq!(place.hear("MESSAGE_CREATE", &message(json!({"channel_id": "13"})), &mut notes).len(), 1);
    notes.set("since", "all", Some("100"));
    let channel = |id: &str, last: &str| json!({"id": id, "type": 0, "name": "x", "last_message_id": last});
    let guild = json!({"id": "1", "channels": [channel("10", "101"), channel("12", "101")]});
    place.hear("GUILD_CREATE", &guild, &mut notes);
    assert!(notes.of("gap").map(|(id, after)| (id, &**after)).eq([("10", "100")]));
}

#[test]
fn what_cannot_be_read_is_said() {
    for odd in [json!({"author": null}), json!({"content": 7}), json!({"id": "x"})] {
        let items = place().hear("MESSAGE_CREATE", &message(odd.clone()), &mut notes());
        assert!(matches!(&items[..], [Item::Reject(_)]), "{odd}: {items:?}");
    }
    assert!(place().hear("MESSAGE_CREATE", &message(json!({"flags": 128, "content": ""})), &mut notes()).is_empty());
    let unfolded = json!({"id": FIRST, "channel_id": "10", "embeds": []});
    assert!(place().hear("MESSAGE_UPDATE", &unfolded, &mut notes()).is_empty());
    assert_eq!((number("x"), id_at(EPOCH + 1), said_at("4194304")), (0, 1 << 22, Some(EPOCH + 1)));
}
