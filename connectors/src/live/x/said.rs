//! What a post of X's API means. Pure: asks no server.
//!
//! Every edit of a post has an id of its own, greater than those before: the first one names the post, the last one is its
//! revision. Of a repost X cuts the text short: the whole one is that of the post itself, where that comes along. Counts of
//! likes and names to be shown are left out: they change.

use nexus_types::time::parse_millis;
use nexus_types::{Attachment, Event, Kind, Millis, Scope, Text};
use serde_json::Value;

use super::super::FINAL;
use crate::json::{list, text};

/// When X's ids begin to count, in milliseconds since 1970.
const EPOCH: Millis = 1_288_834_974_657;

/// Whose memory, and what events are named after.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) scope: Scope,
    pub(super) source: Text,
}

impl Place {
    /// A post, with what is said beside it of authors and media; and how far that is.
    pub(super) fn read(&self, post: &Value, includes: &Value) -> Result<(Event, u64), String> {
        let edits = list(post, "edit_history_tweet_ids").iter().filter_map(Value::as_str);
        let ids: Vec<&str> = edits.chain([text(post, "id")]).filter(|id| !id.is_empty()).collect();
        let revision = ids.iter().filter_map(|id| id.parse::<u64>().ok()).max().filter(|id| *id < FINAL);
        let (Some(revision), Some(first)) = (revision, ids.first()) else { return Err("a post without an id".into()) };
        let said_at = parse_millis(text(post, "created_at")).or_else(|| at(revision)).ok_or("a post without a time")?;
        let (said, entities) = said(post).ok_or("a post without a text")?;
        let refers = |kind: &str| {
            let to = list(post, "referenced_tweets").iter().find(|to| text(to, "type") == kind)?;
            to["id"].as_str()
        };
        let author = author(text(post, "author_id"), includes);
        let mut words = plain(said, list(entities, "urls"));
        let mut addressees = mentioned(entities, &author);
        let reposted =
            refers("retweeted").and_then(|id| list(includes, "tweets").iter().find(|post| text(post, "id") == id));
        if let Some((whole, entities)) = reposted.and_then(self::said) {
            words = format!("{}{}", credit(text(post, "text")), plain(whole, list(entities, "urls")));
            let more = mentioned(entities, &author).into_iter().filter(|name| !addressees.contains(name));
            let more: Vec<Text> = more.collect();
            addressees.extend(more);
        }
        let mut event = Event {
            scope: self.scope.clone(),
            source: self.source.clone(),
            external_id: (*first).into(),
            revision: Some(revision),
            said_at,
            reply_to: refers("replied_to").map(Text::from),
            addressees,
            ..Event::message("x", &author, &words)
        };
        let conversation = text(post, "conversation_id");
        event.thread = Some(conversation).filter(|id| !id.is_empty() && *id != *first).map(Text::from);
        event.attachments = media(post, includes);
        for (kind, name) in [("quoted", "quotes"), ("retweeted", "reposts")] {
            if let Some(id) = refers(kind) {
                event.meta.insert(name.into(), id.into());
            }
        }
        if refers("retweeted").is_some() {
            event.kind = Kind::Post;
        }
        Ok((event, revision))
    }
}

/// What a post says, with what is marked in it; a long one says it in a note.
fn said(post: &Value) -> Option<(&str, &Value)> {
    let note = &post["note_tweet"];
    let said = note["text"].as_str().or_else(|| post["text"].as_str())?;
    Some((said, if note["entities"].is_object() { &note["entities"] } else { &post["entities"] }))
}

/// `RT @name: `, with which X begins a repost's text: it says whose words follow.
fn credit(said: &str) -> &str {
    let end = if said.starts_with("RT @") { said.find(": ") } else { None };
    end.map_or("", |end| &said[..end + 2])
}

/// Who is named, without the author.
fn mentioned(entities: &Value, author: &str) -> Vec<Text> {
    let names = list(entities, "mentions").iter().map(|mention| text(mention, "username"));
    names.filter(|name| !name.is_empty() && *name != author).map(Text::from).collect()
}

/// A text as a reader sees it: characters that HTML knows, and links that lead where they say.
pub(crate) fn plain(text: &str, urls: &[Value]) -> String {
    let mut plain = text.to_string();
    for url in urls {
        if let (Some(short), Some(long)) = (url["url"].as_str(), url["expanded_url"].as_str())
            && !short.is_empty()
        {
            plain = plain.replace(short, long);
        }
    }
    plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// Who wrote it: the name that leads to the account.
fn author(id: &str, includes: &Value) -> Text {
    let user = list(includes, "users").iter().find(|user| text(user, "id") == id);
    user.map(|user| text(user, "username")).filter(|name| !name.is_empty()).unwrap_or(id).into()
}

fn media(post: &Value, includes: &Value) -> Vec<Attachment> {
    let keys = list(&post["attachments"], "media_keys").iter().filter_map(Value::as_str);
    let found = keys.filter_map(|key| list(includes, "media").iter().find(|media| text(media, "media_key") == key));
    let made = |media: &Value| Attachment {
        name: media["alt_text"].as_str().unwrap_or(text(media, "type")).into(),
        media_type: if text(media, "type") == "photo" { "image/jpeg".into() } else { "".into() },
        location: text(media, "url").into(),
    };
    found.map(made).collect()
}

/// When a post with that id was made.
pub(super) fn at(id: u64) -> Option<Millis> {
    Some(Millis::try_from(id >> 22).ok()? + EPOCH)
}

/// The id of what is made then.
pub(super) fn id_at(at: Millis) -> u64 {
    u64::try_from(at.saturating_sub(EPOCH)).unwrap_or(0) << 22
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn read(post: &Value) -> Result<(Event, u64), String> {
        let includes = json!({"users": [{"id": "5", "name": "Anna K.", "username": "annak"}],
            "media": [{"media_key": "3_1", "type": "photo", "url": "https://pbs.twimg.com/media/a.jpg"}]});
        Place { scope: "s".into(), source: "x".into() }.read(post, &includes)
    }

    fn post() -> Value {
        json!({"id": "1785600000000000009", "edit_history_tweet_ids": ["1785600000000000001", "1785600000000000009"],
            "author_id": "5", "created_at": "2024-05-01T09:30:00.000Z", "conversation_id": "1785500000000000000",
            "text": "@bert fish &amp; chips https://t.co/a https://t.co/b",
            "referenced_tweets": [{"type": "replied_to", "id": "1785500000000000002"}, {"type": "quoted", "id": "17"}],
            "attachments": {"media_keys": ["3_1"]},
            "entities": {"mentions": [{"username": "bert", "id": "6"}],
                "urls": [{"url": "https://t.co/a", "expanded_url": "https://x.org/"}]}})
    }

    #[test]
    fn an_edited_post_is_one_post() {
        let (event, reached) = read(&post()).unwrap();
        assert_eq!((&*event.external_id, event.revision), ("1785600000000000001", Some(1_785_600_000_000_000_009)));
        assert_eq!((&*event.author, reached), ("annak", 1_785_600_000_000_000_009));
        assert_eq!(&*event.text, "@bert fish & chips https://x.org/ https://t.co/b");
        assert_eq!(
            (event.reply_to.as_deref(), event.thread.as_deref()),
            (Some("1785500000000000002"), Some("1785500000000000000"))
        );
        assert_eq!((&*event.addressees[0], &*event.meta["quotes"], event.kind), ("bert", "17", Kind::Message));
        assert_eq!(&*event.attachments[0].location, "https://pbs.twimg.com/media/a.jpg");
        let mut long = post();
        long["note_tweet"] = json!({"text": "all of it"});
        assert_eq!(&*read(&long).unwrap().0.text, "all of it");
    }

    #[test]
    fn a_repost_says_all_that_it_reposts() {
        let repost = json!({"id": "1785600000000000009", "edit_history_tweet_ids": ["1785600000000000009"],
            "author_id": "5", "created_at": "2024-05-01T09:30:00.000Z",
            "text": "RT @bert: fish &amp; chips: a long story of @cleo that X cuts sho…",
            "referenced_tweets": [{"type": "retweeted", "id": "1785500000000000002"}],
            "entities": {"mentions": [{"start": 3, "end": 8, "username": "bert", "id": "6"}]}});
        let whole = json!({"id": "1785500000000000002", "author_id": "6",
            "text": "fish &amp; chips: a long story of @cleo that X cuts short, see https://t.co/a",
            "entities": {"mentions": [{"username": "cleo", "id": "7"}, {"username": "annak", "id": "5"}],
                "urls": [{"url": "https://t.co/a", "expanded_url": "https://x.org/"}]}});
        let read = |tweets: Value| {
            let includes = json!({"users": [{"id": "5", "username": "annak"}], "tweets": tweets});
            let place = Place { scope: "s".into(), source: "x".into() };
            let (event, reached) = place.read(&repost, &includes).unwrap();
            assert_eq!((reached, event.kind, &*event.author), (1_785_600_000_000_000_009, Kind::Post, "annak"));
            assert_eq!(&*event.meta["reposts"], "1785500000000000002");
            (event.text.to_string(), event.addressees.join(" "))
        };
        let other = json!({"id": "17", "text": "another"});
        let told = read(json!([other, whole]));
        assert_eq!(told.0, "RT @bert: fish & chips: a long story of @cleo that X cuts short, see https://x.org/");
        assert_eq!(told.1, "bert cleo");
        let mut long = whole.clone();
        long["note_tweet"] = json!({"text": "all of it, @dora", "entities": {"mentions": [{"username": "dora"}]}});
        assert_eq!(read(json!([long])), ("RT @bert: all of it, @dora".into(), "bert dora".into()));
        // Where it does not come along, as X has it.
        let cut = "RT @bert: fish & chips: a long story of @cleo that X cuts sho…";
        assert_eq!(read(json!([other])), (cut.into(), "bert".into()));
    }

    #[test]
    fn a_post_without_what_it_needs_is_told() {
        for (field, value) in [("text", json!(null)), ("id", json!(null)), ("id", json!("99999999999999999999"))] {
            let mut odd = post();
            odd[field] = value;
            odd["edit_history_tweet_ids"] = json!([]);
            assert!(read(&odd).is_err(), "{field}");
        }
        let mut late = post();
        late["created_at"] = json!(null);
        assert_eq!(read(&late).unwrap().0.said_at, at(1_785_600_000_000_000_009).unwrap());
        assert_eq!([id_at(EPOCH + 1), id_at(0)], [1 << 22, 0]);
    }
}
