//! The archive of an X account and LinkedIn's export.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use nexus_connectors::{Format, Item, Options, detect, expand, open, open_reader};
use nexus_types::{Change, Event, Kind};

use crate::{event, events, millis, reject};

const ACCOUNT: &str = r#"window.YTD.account.part0 = [
  {"account": {"email": "a@example.org", "username": "annak", "accountId": "5", "accountDisplayName": "Anna K."}} ]"#;
const POSTS: &str = r#"window.YTD.tweets.part0 = [
  {"tweet": {"edit_info": {"edit": {"initialTweetId": "1785600000000000001", "editControlInitial": {"editTweetIds":
     ["1785600000000000001", "1785600000000000009"]}}}, "id_str": "1785600000000000009", "favorite_count": "3",
   "created_at": "Wed May 01 09:30:00 +0000 2024", "full_text": "@bert fish &amp; chips https://t.co/a",
   "in_reply_to_status_id_str": "17", "entities": {"user_mentions": [{"screen_name": "bert"}],
   "urls": [{"url": "https://t.co/a", "expanded_url": "https://x.org/"}]},
   "extended_entities": {"media": [{"type": "photo", "media_url_https": "https://pbs.twimg.com/a.jpg"}]}}},
  {"tweet": {"id_str": "18", "created_at": "Wed May 01 09:31:00 +0000 2024", "full_text": "RT @bert: I moved to Oslo"}},
  {"tweet": {"full_text": "no id"}} ]"#;
const DELETED: &str =
    r#"window.YTD.deleted_tweets.part0 = [{"tweet": {"id_str": "19", "deleted_at": "x", "full_text": "gone"}}]"#;
const MESSAGES: &str = r#"window.YTD.direct_messages.part0 = [{"dmConversation": {"conversationId": "5-6", "messages": [
  {"messageCreate": {"recipientId": "6", "senderId": "5", "id": "7", "text": "hi https://t.co/b", "mediaUrls": [],
   "urls": [{"url": "https://t.co/b", "expanded": "https://b.org"}], "createdAt": "2024-05-01T09:30:00.000Z"}},
  {"joinConversation": {}}]}}]"#;

fn write(folder: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn zip(folder: &Path, files: &[(&str, &str)]) -> PathBuf {
    let path = folder.join("export.zip");
    let mut zip = zip::ZipWriter::new(fs::File::create(&path).unwrap());
    for (name, text) in files {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap();
    path
}

#[test]
fn an_archive_of_x() {
    let root = tempfile::tempdir().unwrap();
    let files = [
        ("data/account.js", ACCOUNT),
        ("data/tweets.js", POSTS),
        ("data/deleted-tweets.js", DELETED),
        ("data/direct-messages.js", MESSAGES),
        ("data/like.js", "window.YTD.like.part0 = []"),
    ];
    let folder = root.path().join("archive");
    write(&folder, &files);
    assert_eq!((detect(&folder).unwrap(), expand(std::slice::from_ref(&folder)).unwrap().len()), (Format::X, 1));
    let mut items: Vec<Item> = open(&folder, &Options::new("me")).unwrap().collect();
    let zipped = zip(root.path(), &files);
    assert_eq!(detect(&zipped).unwrap(), Format::X);
    assert_eq!(open(&zipped, &Options::new("me")).unwrap().collect::<Vec<_>>(), items);
    let broken = reject(items.pop().unwrap());
    assert_eq!((&*broken.position, &*broken.reason), ("data/tweets.js, row 3", "no id_str"));
    let shared = event(items.pop().unwrap());
    assert_eq!((shared.kind, &*shared.external_id), (Kind::Post, "18"));
    let post = event(items.pop().unwrap());
    assert_eq!((&*post.external_id, post.revision), ("1785600000000000001", Some(1_785_600_000_000_000_008)));
    assert_eq!((&*post.author, &*post.source, &*post.channel), ("annak", "x", "x"));
    assert_eq!((&*post.text, post.reply_to.as_deref()), ("@bert fish & chips https://x.org/", Some("17")));
    assert_eq!((post.said_at, &*post.addressees[0]), (millis("2024-05-01T09:30:00Z"), "bert"));
    assert_eq!(&*post.attachments[0].location, "https://pbs.twimg.com/a.jpg");
    let message = event(items.pop().unwrap());
    assert_eq!((&*message.external_id, &*message.author, &*message.text), ("dm/7", "annak", "hi https://b.org"));
    assert_eq!((&*message.channel, &*message.addressees[0]), ("direct messages 5-6", "6"));
    let gone = items.pop().unwrap();
    assert!(matches!(&gone, Item::Change(Change::Retract { external_id, .. }) if &**external_id == "19"), "{gone:?}");
    let part = open_reader("tweets.js", Box::new(POSTS.as_bytes()), &Options::new("me")).map(|_| ()).unwrap_err();
    assert!(part.to_string().contains("part of an X archive"), "{part}");
}

const LETTERS: &str = "CONVERSATION ID,CONVERSATION TITLE,FROM,SENDER PROFILE URL,TO,RECIPIENT PROFILE URLS,DATE,SUBJECT,CONTENT,FOLDER\n\
    2-x,,Bert Olsen,https://www.linkedin.com/in/bert-o,Anna Kowalska,https://www.linkedin.com/in/anna-k,2024-05-01 09:31:00 UTC,,\"Since when,\nAnna?\",INBOX\n\
    2-x,,Anna Kowalska,https://www.linkedin.com/in/anna-k,Bert Olsen,https://www.linkedin.com/in/bert-o,2024-05-01 09:30:00 UTC,Oslo,I moved to Oslo.,INBOX\n\
    2-x,,Anna Kowalska,,Bert Olsen,,yesterday,,lost,INBOX\n";
const SHARES: &str = "Date,ShareLink,ShareCommentary,SharedUrl,MediaUrl,Visibility\n\
    2024-05-02 10:00:00,https://www.linkedin.com/feed/update/urn%3Ali%3Ashare%3A7,\"One\"\"\n\"\"two\",https://x.org,,MEMBER_NETWORK\n";
const COMMENTS: &str =
    "Date,Link,Message\n2024-05-03 10:00:00,https://www.linkedin.com/feed/update/urn%3A8,Well said\n";
const PROFILE: &str = "First Name,Last Name,Maiden Name\nAnna,Kowalska,\n";

#[test]
fn an_export_of_linkedin() {
    let root = tempfile::tempdir().unwrap();
    let files =
        [("Comments.csv", COMMENTS), ("Profile.csv", PROFILE), ("Shares.csv", SHARES), ("messages.csv", LETTERS)];
    let folder = root.path().join("export");
    write(&folder, &files);
    assert_eq!((detect(&folder).unwrap(), expand(std::slice::from_ref(&folder)).unwrap().len()), (Format::LinkedIn, 1));
    let items: Vec<Item> = open(&folder, &Options::new("me")).unwrap().collect();
    let zipped = zip(root.path(), &files);
    assert_eq!(detect(&zipped).unwrap(), Format::LinkedIn);
    assert_eq!(open(&zipped, &Options::new("me")).unwrap().collect::<Vec<_>>(), items);
    let (broken, read): (Vec<Item>, Vec<Item>) = items.into_iter().partition(|item| matches!(item, Item::Reject(_)));
    assert_eq!(&*reject(broken[0].clone()).position, "messages.csv, row 3");
    let read: Vec<Event> = read.into_iter().map(event).collect();
    let shown: Vec<_> = read.iter().map(|event| (&*event.author, &*event.text)).collect();
    let expected = [
        ("Anna Kowalska", "Well said"),
        ("Anna Kowalska", "One\ntwo"),
        ("Anna Kowalska <anna-k>", "I moved to Oslo."),
        ("Bert Olsen <bert-o>", "Since when,\nAnna?"),
    ];
    assert_eq!(shown, expected);
    assert_eq!(&*read[1].external_id, "https://www.linkedin.com/feed/update/urn%3Ali%3Ashare%3A7");
    assert_eq!((&*read[2].addressees[0], &*read[2].meta["subject"]), ("Bert Olsen <bert-o>", "Oslo"));
    assert_eq!((&*read[2].channel, read[2].said_at), ("2-x", millis("2024-05-01T09:30:00Z")));
    // One file by itself says the same, under the same names.
    let rows = LETTERS.lines().take(4).collect::<Vec<_>>().join("\n");
    let alone = events("messages.csv", rows, &Options::new("me"));
    assert!(alone.iter().map(|event| &event.external_id).eq(read[2..].iter().map(|event| &event.external_id)));
}
