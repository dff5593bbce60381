//! What a message of Jetstream means. Pure: asks no server.
//!
//! A post is named by its address (`at://DID/app.bsky.feed.post/KEY`) and numbered by the commit that wrote it: a repository
//! counts its commits, so a deletion and what comes after it under the same key are in order by themselves. An author is the
//! account's DID, since handles change; that an account has a handle is a rename.

use nexus_types::time::parse_millis;
use nexus_types::{Attachment, Change, Event, Kind, Millis, Scope, Text};
use serde_json::Value;

use crate::frame::accepted;
use crate::json::{list, text};

/// The collection of posts.
pub(super) const POSTS: &str = "app.bsky.feed.post";
/// What stands for a handle that does not lead back to its account.
const NO_HANDLE: &str = "handle.invalid";
/// The digits of a TID, least first, five bits each.
const DIGITS: &[u8; 32] = b"234567abcdefghijklmnopqrstuvwxyz";

/// Whose memory, and what events are named after.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) scope: Scope,
    pub(super) source: Text,
}

impl Place {
    /// What a message changes, if anything.
    pub(super) fn read(&self, message: &Value) -> Result<Option<Change>, String> {
        let did = text(message, "did");
        if did.is_empty() {
            return Err("no did".into());
        }
        match text(message, "kind") {
            "commit" => self.commit(did, &message["commit"]),
            "identity" => self.identity(did, &message["identity"]),
            "account" => self.account(did, &message["account"]),
            _ => Ok(None),
        }
    }

    fn commit(&self, did: &str, commit: &Value) -> Result<Option<Change>, String> {
        if text(commit, "collection") != POSTS {
            return Ok(None);
        }
        let (key, revision) = (text(commit, "rkey"), number(text(commit, "rev")));
        let revision = revision.filter(|_| !key.is_empty()).ok_or("a commit without a valid rev and an rkey")?;
        let id: Text = format!("at://{did}/{POSTS}/{key}").into();
        match text(commit, "operation") {
            "create" | "update" => {
                let post = self.post(did, id, revision, &commit["record"])?;
                Ok(Some(Change::Upsert(Box::new(post))))
            }
            "delete" => Ok(Some(Change::Retract {
                scope: self.scope.clone(),
                source: self.source.clone(),
                external_id: id,
                revision: Some(revision),
            })),
            other => Err(format!("operation: {other:?} is none that is known")),
        }
    }

    fn post(&self, did: &str, id: Text, revision: u64, record: &Value) -> Result<Event, String> {
        let said = record["text"].as_str().ok_or("a post without a text")?;
        // What a program says of its clock, else when the repository wrote it: in a revision, microseconds come before ten bits.
        let written = || i64::try_from(revision >> 10).ok().and_then(|at| accepted(at / 1_000));
        let said_at = parse_millis(text(record, "createdAt")).or_else(written).ok_or("a post without a time")?;
        let mut post = self.event(did, id, revision, said_at, said);
        let reply = &record["reply"];
        post.reply_to = reply["parent"]["uri"].as_str().map(Text::from);
        post.thread = reply["root"]["uri"].as_str().map(Text::from);
        let (mentioned, links) = facets(record);
        let parent = post.reply_to.as_deref().and_then(owner);
        for other in parent.into_iter().chain(mentioned).filter(|other| *other != did) {
            if !post.addressees.iter().any(|known| **known == *other) {
                post.addressees.push(other.into());
            }
        }
        let languages: Vec<&str> = list(record, "langs").iter().filter_map(Value::as_str).collect();
        for (name, value) in [("links", links.join("\n")), ("languages", languages.join(","))] {
            if !value.is_empty() {
                post.meta.insert(name.into(), value.into());
            }
        }
        embed(did, &record["embed"], &mut post);
        Ok(post)
    }

    /// That an account goes by a handle.
    fn identity(&self, did: &str, identity: &Value) -> Result<Option<Change>, String> {
        let handle = text(identity, "handle");
        if handle.is_empty() || handle == NO_HANDLE {
            return Ok(None);
        }
        let mut rename = self.about(did, "identity", identity, handle)?;
        rename.kind = Kind::Rename;
        Ok(Some(Change::Upsert(Box::new(rename))))
    }

    /// That an account is gone, or hidden.
    fn account(&self, did: &str, account: &Value) -> Result<Option<Change>, String> {
        if account["active"] != false {
            return Ok(None);
        }
        let status = account["status"].as_str().unwrap_or("inactive");
        let mut notice = self.about(did, "account", account, &format!("the account is {status}"))?;
        notice.kind = Kind::Notice;
        Ok(Some(Change::Upsert(Box::new(notice))))
    }

    fn about(&self, did: &str, what: &str, told: &Value, said: &str) -> Result<Event, String> {
        let at = parse_millis(text(told, "time"));
        let (Some(at), Some(number)) = (at, told["seq"].as_u64()) else {
            return Err(format!("{what} without a time and a seq"));
        };
        Ok(self.event(did, format!("{what}/{did}/{number}").into(), 0, at, said))
    }

    fn event(&self, did: &str, external_id: Text, revision: u64, said_at: Millis, said: &str) -> Event {
        Event {
            scope: self.scope.clone(),
            source: self.source.clone(),
            external_id,
            revision: Some(revision),
            said_at,
            ..Event::message("bluesky", did, said)
        }
    }
}

/// The number that a TID stands for: 13 digits of which the first has a bit less.
fn number(tid: &str) -> Option<u64> {
    let digits: Vec<u64> = tid
        .bytes()
        .map_while(|byte| DIGITS.iter().position(|digit| *digit == byte).map(|value| value as u64))
        .collect();
    let fits = digits.len() == 13 && tid.len() == 13 && digits.first().is_some_and(|first| *first < 16);
    let number = digits.iter().fold(0_u64, |number, digit| (number << 5) | digit);
    // Nothing is above what is deleted for good.
    (fits && number < super::super::FINAL).then_some(number)
}

/// Whose an address is.
fn owner(address: &str) -> Option<&str> {
    address.strip_prefix("at://")?.split('/').next().filter(|did| !did.is_empty())
}

/// Who is mentioned, and what is linked to.
fn facets(record: &Value) -> (Vec<&str>, Vec<&str>) {
    let features = || list(record, "facets").iter().flat_map(|facet| list(facet, "features"));
    let of = |kind: &'static str, field: &'static str| {
        let part = features().filter(move |feature| text(feature, "$type") == kind);
        part.map(move |feature| text(feature, field)).filter(|value| !value.is_empty()).collect()
    };
    (of("app.bsky.richtext.facet#mention", "did"), of("app.bsky.richtext.facet#link", "uri"))
}

/// What came with a post: pictures, a film, a link, another post.
fn embed(did: &str, embed: &Value, post: &mut Event) {
    match text(embed, "$type") {
        "app.bsky.embed.images" => {
            let images = list(embed, "images").iter();
            post.attachments.extend(images.map(|image| blob(did, text(image, "alt"), &image["image"])));
        }
        "app.bsky.embed.video" => post.attachments.push(blob(did, text(embed, "alt"), &embed["video"])),
        "app.bsky.embed.external" => {
            let link = &embed["external"];
            let (name, location) = (text(link, "title").into(), text(link, "uri").into());
            post.attachments.push(Attachment { name, media_type: "".into(), location });
        }
        "app.bsky.embed.record" => quote(&embed["record"], post),
        "app.bsky.embed.recordWithMedia" => {
            quote(&embed["record"]["record"], post);
            // It holds no third one: what is in it is looked at once.
            if !text(&embed["media"], "$type").starts_with("app.bsky.embed.record") {
                self::embed(did, &embed["media"], post);
            }
        }
        _ => {}
    }
}

fn quote(record: &Value, post: &mut Event) {
    if let Some(quoted) = record["uri"].as_str() {
        post.meta.insert("quotes".into(), quoted.into());
    }
}

fn blob(did: &str, alt: &str, blob: &Value) -> Attachment {
    let content = text(&blob["ref"], "$link");
    let location = match content {
        "" => "".into(),
        content => format!("https://bsky.social/xrpc/com.atproto.sync.getBlob?did={did}&cid={content}").into(),
    };
    Attachment { name: alt.into(), media_type: text(blob, "mimeType").into(), location }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn read(message: Value) -> Result<Option<Change>, String> {
        Place { scope: "s".into(), source: "sky".into() }.read(&message)
    }

    fn commit(operation: &str, rev: &str, record: Value) -> Value {
        json!({"did": "did:plc:a", "time_us": 1_725_911_162_329_308_i64, "kind": "commit", "commit": {
            "rev": rev, "operation": operation, "collection": POSTS, "rkey": "3l3qo2vuowo2b", "record": record}})
    }

    fn event(message: Value) -> Event {
        match read(message).unwrap().unwrap() {
            Change::Upsert(event) => *event,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_post_has_its_replies_mentions_links_and_pictures() {
        let facet = |kind: &str, field: &str, value: &str| json!({"index": {"byteStart": 0, "byteEnd": 5}, "features": [{"$type": format!("app.bsky.richtext.facet#{kind}"), field: value}]});
        let image = json!({"alt": "a cat", "image": {"$type": "blob", "ref": {"$link": "bafk"}, "mimeType": "image/jpeg", "size": 1}});
        let post = event(commit(
            "create",
            "3l3qo2vutsw2b",
            json!({"$type": POSTS, "createdAt": "2024-09-09T19:46:02.102Z", "langs": ["en"], "text": "@bert see x.org",
                "reply": {"root": {"uri": "at://did:plc:r/p/1"}, "parent": {"uri": "at://did:plc:b/p/2"}},
                "facets": [facet("mention", "did", "did:plc:c"), facet("link", "uri", "https://x.org/long")],
                "embed": {"$type": "app.bsky.embed.recordWithMedia", "record": {"record": {"uri": "at://did:plc:q/p/3"}},
                    "media": {"$type": "app.bsky.embed.images", "images": [image]}}}),
        ));
        assert_eq!(
            (&*post.external_id, &*post.author, post.said_at),
            ("at://did:plc:a/app.bsky.feed.post/3l3qo2vuowo2b", "did:plc:a", 1_725_911_162_102)
        );
        assert_eq!(
            (post.reply_to.as_deref(), post.thread.as_deref()),
            (Some("at://did:plc:b/p/2"), Some("at://did:plc:r/p/1"))
        );
        assert!(post.addressees.iter().map(|one| &**one).eq(["did:plc:b", "did:plc:c"]));
        assert_eq!((&*post.meta["links"], &*post.meta["quotes"]), ("https://x.org/long", "at://did:plc:q/p/3"));
        assert_eq!((&*post.attachments[0].name, &*post.attachments[0].media_type), ("a cat", "image/jpeg"));
        assert_eq!(post.revision.map(|revision| revision >> 10), Some(1_725_911_162_251_036));
    }

    #[test]
    fn revisions_are_in_the_order_of_commits() {
        let post = json!({"text": "x", "createdAt": "2024-09-09T19:46:02.102Z"});
        let first = event(commit("create", "3l3qo2vutsw2b", post)).revision;
        let Some(Change::Retract { revision, external_id, .. }) =
            read(commit("delete", "3l3qo3aaaaa2b", Value::Null)).unwrap()
        else {
            panic!("no deletion");
        };
        assert!(revision > first && external_id.ends_with("/3l3qo2vuowo2b"));
        assert_eq!([number("2222222222222"), number("222222222223z")], [Some(0), Some(63)]);
        for wrong in ["", "zzzzzzzzzzzzz", "222222222222", "222222222222!", "3l3qo2vutsw2bb", "éééééé2"] {
            assert_eq!(number(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn handles_and_accounts_that_go_are_told() {
        let told = |kind: &str, more: Value| {
            let mut about = json!({"did": "did:plc:a", "seq": 9, "time": "2024-09-05T06:11:04.870Z"});
            about.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            json!({"did": "did:plc:a", "kind": kind, kind: about})
        };
        let rename = event(told("identity", json!({"handle": "anna.example.org"})));
        assert_eq!(
            (&*rename.external_id, rename.kind, &*rename.text),
            ("identity/did:plc:a/9", Kind::Rename, "anna.example.org")
        );
        let gone = event(told("account", json!({"active": false, "status": "deleted"})));
        assert_eq!((gone.kind, &*gone.text), (Kind::Notice, "the account is deleted"));
        assert_eq!(read(told("account", json!({"active": true}))), Ok(None));
        assert_eq!(read(told("identity", json!({"handle": "handle.invalid"}))), Ok(None));
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        for odd in [
            json!(null),
            json!([1]),
            commit("create", "nonsense", json!({"text": "x"})),
            commit("create", "3l3qo2vutsw2b", json!({})),
            commit("burn", "3l3qo2vutsw2b", json!({})),
        ] {
            assert!(read(odd.clone()).is_err(), "{odd}");
        }
        let mut like = commit("create", "3l3qo2vutsw2b", json!({}));
        like["commit"]["collection"] = json!("app.bsky.feed.like");
        assert_eq!(read(like), Ok(None));
    }
}
