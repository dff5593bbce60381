//! The archive of an X account, as a folder or a zip file: `data/*.js`, each a JSON list behind the name of a variable.
//!
//! Posts are named as the live feed names them, so both may be taken in; what the feed says of a post is more, so an archive's
//! revision is one below the feed's. What the account itself deleted is deleted. Memory: one file of the archive.

use std::collections::VecDeque;
use std::path::Path;

use jiff::Timestamp;
use nexus_types::time::parse_millis;
use nexus_types::{Attachment, Change, Event, Kind, Millis, Text};
use serde_json::Value;

use crate::bundle::Bundle;
use crate::frame::{Frame, accepted};
use crate::json::{list, text};
use crate::lines::decode;
use crate::live::{FINAL, x};
use crate::{Format, Item, OpenError, Options, Rejected, Source};

/// How an archive writes times.
const TIME: &str = "%a %b %d %H:%M:%S %z %Y";
/// The files that are read; large ones have parts: `tweets-part1.js`.
const FILES: [&str; 6] =
    ["tweet", "tweets", "deleted-tweets", "deleted-tweet-headers", "direct-messages", "direct-messages-group"];

/// A stream of the posts and messages of an account.
pub(crate) struct XArchive {
    bundle: Bundle,
    files: VecDeque<String>,
    /// Whose archive it is: name and number.
    name: Text,
    number: String,
    ready: VecDeque<Item>,
    frame: Frame,
    bytes: u64,
}

impl XArchive {
    pub(crate) fn new(path: &Path, options: &Options) -> Result<XArchive, OpenError> {
        let bundle = Bundle::open(path)?;
        let names = bundle.names()?;
        let malformed = |reason| OpenError::Malformed { name: path.display().to_string(), format: Format::X, reason };
        let account = names.iter().find(|name| is_account(name)).cloned();
        let account = account.ok_or_else(|| malformed("no data/account.js".into()))?;
        let mut frame = Frame::new(options, Format::X)?;
        frame.set_channel(Format::X.platform());
        let files = names.into_iter().filter(|name| is_read(name)).collect();
        let (name, number, ready) = ("".into(), String::new(), VecDeque::new());
        let mut archive = XArchive { bundle, files, name, number, ready, frame, bytes: 0 };
        let accounts = archive.rows(&account).map_err(|reason| malformed(format!("{account}: {reason}")))?;
        let nobody = Value::Null;
        let owner = accounts.first().map_or(&nobody, |row| &row["account"]);
        archive.number = text(owner, "accountId").into();
        let named = options.me.as_deref().unwrap_or(text(owner, "username"));
        archive.name = if named.is_empty() { &*archive.number } else { named }.into();
        Ok(archive)
    }

    /// The list in a file.
    fn rows(&mut self, file: &str) -> Result<Vec<Value>, String> {
        let bytes = self.bundle.read(file)?;
        self.bytes += bytes.len() as u64;
        let (script, _) = decode(&bytes);
        let (_, json) = script.split_once('=').ok_or("no list behind the name of a variable")?;
        serde_json::from_str(json.trim().trim_end_matches(';')).map_err(|error| format!("not JSON: {error}"))
    }

    /// Puts what a file says into the queue.
    fn read(&mut self, file: &str) {
        let rows = match self.rows(file) {
            Ok(rows) => rows,
            Err(reason) => return self.ready.push_back(Item::Reject(Rejected::new(file, reason, b""))),
        };
        for (at, row) in rows.iter().enumerate() {
            let position = format!("{file}, row {}", at + 1);
            let items = match stem(file) {
                "tweets" | "tweet" => self.post(row).map(|change| vec![Item::Change(change)]),
                "direct-messages" | "direct-messages-group" => self.conversation(&row["dmConversation"], &position),
                _ => self.deletion(row).map(|change| vec![Item::Change(change)]),
            };
            match items {
                Ok(items) => self.ready.extend(items),
                Err(reason) => {
                    let reject = Rejected::new(position, reason, row.to_string().as_bytes());
                    self.ready.push_back(Item::Reject(reject));
                }
            }
        }
    }

    fn post(&mut self, row: &Value) -> Result<Change, String> {
        let post = inner(row);
        let id = text(post, "id_str");
        let revision = id.parse::<u64>().ok().filter(|id| *id < FINAL).ok_or("no id_str")?;
        let said = post["full_text"].as_str().or_else(|| post["text"].as_str()).ok_or("no full_text")?;
        let entities = &post["entities"];
        let mut event = self.frame.event();
        event.external_id = first_of(post, id).into();
        event.revision = Some(revision.saturating_sub(1));
        event.said_at = instant(text(post, "created_at")).ok_or("no created_at")?;
        event.author = self.name.clone();
        event.text = x::said::plain(said, list(entities, "urls")).into();
        event.reply_to = post["in_reply_to_status_id_str"].as_str().map(Text::from);
        let mentions = list(entities, "user_mentions").iter().map(|mention| text(mention, "screen_name"));
        let mentions = mentions.filter(|name| !name.is_empty() && **name != *self.name).map(Text::from);
        event.addressees = mentions.collect();
        event.attachments = list(&post["extended_entities"], "media").iter().map(attachment).collect();
        if said.starts_with("RT @") {
            event.kind = Kind::Post;
        }
        Ok(Change::Upsert(Box::new(event)))
    }

    fn deletion(&self, row: &Value) -> Result<Change, String> {
        let post = inner(row);
        let id = [text(post, "id_str"), text(post, "tweet_id")].into_iter().find(|id| !id.is_empty());
        let id = id.ok_or("a deletion that does not say of what")?;
        Ok(Change::Retract {
            scope: self.frame.options.scope.clone(),
            source: self.frame.source(self.frame.platform()),
            external_id: first_of(post, id).into(),
            revision: Some(FINAL),
        })
    }

    /// The direct messages with somebody, or of a group; one that cannot be read does not take the others with it.
    fn conversation(&mut self, conversation: &Value, position: &str) -> Result<Vec<Item>, String> {
        let between = text(conversation, "conversationId");
        if between.is_empty() {
            return Err("no conversationId".into());
        }
        let mut items = Vec::new();
        let messages = list(conversation, "messages").iter().map(|message| &message["messageCreate"]);
        for (at, message) in messages.enumerate().filter(|(_, message)| message.is_object()) {
            items.push(match self.message(between, message) {
                Ok(change) => Item::Change(change),
                Err(reason) => {
                    let position = format!("{position}, message {}", at + 1);
                    Item::Reject(Rejected::new(position, reason, message.to_string().as_bytes()))
                }
            });
        }
        Ok(items)
    }

    fn message(&mut self, conversation: &str, message: &Value) -> Result<Change, String> {
        let [id, sender, recipient] = ["id", "senderId", "recipientId"].map(|field| text(message, field));
        if id.is_empty() || sender.is_empty() {
            return Err("a message without an id and a senderId".into());
        }
        let said_at = parse_millis(text(message, "createdAt")).ok_or("a message without createdAt")?;
        let mut event = Event { said_at, revision: Some(0), ..self.frame.event() };
        event.external_id = format!("dm/{id}").into();
        if self.frame.options.channel.is_none() {
            event.channel = self.frame.name(&format!("direct messages {conversation}"));
        }
        event.author = self.person(sender);
        event.addressees = Some(recipient).filter(|id| !id.is_empty()).map(|id| self.person(id)).into_iter().collect();
        event.text = x::said::plain(text(message, "text"), &links(message)).into();
        let media = list(message, "mediaUrls").iter().filter_map(Value::as_str);
        let named = |url: &str| Attachment { name: "".into(), media_type: "".into(), location: url.into() };
        event.attachments = media.map(named).collect();
        Ok(Change::Upsert(Box::new(event)))
    }

    /// Somebody by number; of others an archive says no more.
    fn person(&mut self, number: &str) -> Text {
        if number == self.number { self.name.clone() } else { self.frame.name(number) }
    }
}

/// The links of a direct message, in the form that those of posts have.
fn links(message: &Value) -> Vec<Value> {
    let link = |link: &Value| serde_json::json!({"url": link["url"], "expanded_url": link["expanded"]});
    list(message, "urls").iter().map(link).collect()
}

/// A post; older archives have it without a name around it.
fn inner(row: &Value) -> &Value {
    if row["tweet"].is_object() { &row["tweet"] } else { row }
}

/// The first id of a post that was edited.
fn first_of<'a>(post: &'a Value, id: &'a str) -> &'a str {
    let info = &post["edit_info"];
    let edits = [&info["initial"], &info["edit"]["editControlInitial"]];
    edits.into_iter().find_map(|edits| edits["editTweetIds"][0].as_str()).unwrap_or(id)
}

fn instant(at: &str) -> Option<Millis> {
    accepted(Timestamp::strptime(TIME, at).ok()?.as_millisecond())
}

fn attachment(media: &Value) -> Attachment {
    let photo = text(media, "type") == "photo";
    Attachment {
        name: text(media, "type").into(),
        media_type: if photo { "image/jpeg".into() } else { "".into() },
        location: text(media, "media_url_https").into(),
    }
}

fn base(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or_default()
}

/// What a file holds: its name without its part.
fn stem(file: &str) -> &str {
    let name = base(file).strip_suffix(".js").unwrap_or_default();
    name.rsplit_once("-part").map_or(name, |(stem, _)| stem)
}

fn is_read(name: &str) -> bool {
    FILES.contains(&stem(name))
}

fn is_account(name: &str) -> bool {
    base(name) == "account.js"
}

/// Whether these are the files of an archive.
pub(crate) fn looks_like<'a>(mut names: impl Iterator<Item = &'a str> + Clone) -> bool {
    names.clone().any(is_account) && names.any(is_read)
}

impl Source for XArchive {
    fn bytes_read(&self) -> u64 {
        self.bytes
    }

    fn format(&self) -> Format {
        Format::X
    }
}

impl Iterator for XArchive {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Some(item);
            }
            let file = self.files.pop_front()?;
            self.read(&file);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_message_that_cannot_be_read_leaves_the_others() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("data")).unwrap();
        let message = |id: &str| {
            format!(
                "{{\"messageCreate\": {{\"id\": \"{id}\", \"senderId\": \"6\", \"text\": \"x\", \
                 \"createdAt\": \"2024-05-01T09:30:00.000Z\"}}}}"
            )
        };
        let messages = [message("1"), message(""), message("2")].join(", ");
        let files = [
            ("data/account.js", "window.a = [{\"account\": {\"accountId\": \"5\"}}]".to_string()),
            (
                "data/direct-messages.js",
                format!(
                    "window.b = [{{\"dmConversation\": {{\"conversationId\": \"5-6\", \"messages\": [{messages}]}}}}]"
                ),
            ),
        ];
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let items: Vec<Item> = XArchive::new(folder.path(), &Options::new("s")).unwrap().collect();
        let [Item::Change(_), Item::Reject(reject), Item::Change(_)] = &items[..] else { panic!("{items:?}") };
        assert_eq!(&*reject.position, "data/direct-messages.js, row 1, message 2");
    }
}
