//! A document of RSS, Atom or JSON Feed, read: its entries as plain text, each with an id of its own. Pure; what it cannot
//! read is an error, or with one entry a reject. Cost: the document some times over in memory.

use std::collections::BTreeMap;
use std::collections::btree_map;

use feed_rs::model::{self, Link, Person};
use feed_rs::parser;
use nexus_types::{Attachment, Hash128, Millis, Text};

use super::tags;
use crate::Rejected;
use crate::frame::accepted;
use crate::mail::html;

/// The longest id that is kept as it is.
const ID_BYTES_MAX: usize = 1 << 10;

/// A document.
#[derive(Debug, Default)]
pub(super) struct Document {
    pub(super) title: Option<Text>,
    pub(super) updated: Option<Millis>,
    /// For how many minutes it says that it stays as it is.
    pub(super) ttl: u32,
    /// In its order.
    pub(super) entries: Vec<Entry>,
    /// What it says is deleted, with when.
    pub(super) deleted: BTreeMap<Text, Option<Millis>>,
    /// Entries that cannot be told apart.
    pub(super) rejects: Vec<Rejected>,
}

/// An entry of a document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) id: Text,
    pub(super) author: Option<Text>,
    pub(super) text: Text,
    /// When it was published, as far as it says.
    pub(super) born: Option<Millis>,
    /// When it was last changed, as far as it says.
    pub(super) touched: Option<Millis>,
    pub(super) link: Option<Text>,
    pub(super) attachments: Vec<Attachment>,
}

/// Reads a document that was found at this address.
pub(super) fn read(body: &[u8], url: &str) -> Result<Document, String> {
    let text = String::from_utf8_lossy(body);
    let is_xml = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}').starts_with('<');
    // The parser takes the end of what there is for the end of the document. Text in UTF-16 is left to it.
    if is_xml && !text.contains('\0') && !tags::is_whole(&text) {
        return Err("it is cut off".into());
    }
    let parser = parser::Builder::new().base_uri(Some(url)).id_generator(|_, _, _| String::new());
    let feed = parser.sanitize_content(false).build().parse(body).map_err(|error| error.to_string())?;
    let mut document = Document {
        title: feed.title.as_ref().map(|title| tidy(&plain(title))).filter(|title| !title.is_empty()).map(Text::from),
        updated: feed.updated.and_then(|at| accepted(at.timestamp_millis())),
        ttl: feed.ttl.unwrap_or(0),
        deleted: if is_xml { tags::deleted(&text).collect() } else { BTreeMap::new() },
        ..Document::default()
    };
    let mut places = BTreeMap::new();
    for entry in feed.entries.iter().map(entry) {
        document.add(entry, &mut places);
    }
    Ok(document)
}

impl Document {
    /// Of entries with the same id the one that was changed last counts: the others are older versions of it.
    fn add(&mut self, entry: Entry, places: &mut BTreeMap<Text, usize>) {
        let place = match places.entry(entry.id.clone()) {
            btree_map::Entry::Vacant(free) => {
                free.insert(self.entries.len());
                return self.entries.push(entry);
            }
            btree_map::Entry::Occupied(taken) => *taken.get(),
        };
        let Some(other) = self.entries.get_mut(place) else { return };
        if entry.touched > other.touched {
            *other = entry;
        } else if entry.touched == other.touched && entry.text != other.text {
            let reason = "another entry has the same id and the same time";
            self.rejects.push(Rejected::new(&entry.id, reason, entry.text.as_bytes()));
        }
    }
}

fn entry(entry: &model::Entry) -> Entry {
    let at = |time: Option<i64>| time.and_then(accepted);
    let (published, updated) =
        (at(entry.published.map(|at| at.timestamp_millis())), at(entry.updated.map(|at| at.timestamp_millis())));
    let link = entry.links.iter().find(|link| {
        let is_its_page = matches!(link.rel.as_deref(), None | Some("alternate"));
        is_its_page && link.target.is_none() && !is_attached(link)
    });
    let link = link.map(|link| Text::from(link.href.trim())).filter(|link| !link.is_empty());
    let text = text(entry);
    let text = if text.is_empty() { link.as_deref().unwrap_or_default().to_string() } else { text };
    let attached = entry.links.iter().filter(|link| is_attached(link)).map(|link| Attachment {
        name: link.title.as_deref().unwrap_or_default().into(),
        media_type: link.media_type.as_deref().unwrap_or_default().into(),
        location: link.href.as_str().into(),
    });
    let media = entry.media.iter().flat_map(|media| &media.content).filter_map(|content| {
        let media_type = content.content_type.as_ref().map(ToString::to_string).unwrap_or_default();
        Some(Attachment {
            name: "".into(),
            media_type: media_type.into(),
            location: content.url.as_ref()?.as_str().into(),
        })
    });
    Entry {
        id: id(entry.id.trim(), link.as_deref(), &text, published),
        author: entry.authors.iter().find_map(author),
        born: published.or(updated),
        touched: updated.max(published),
        attachments: attached.chain(media).collect(),
        link,
        text: text.into(),
    }
}

/// Its own id; else where it leads; else what it says.
fn id(own: &str, link: Option<&str>, text: &str, published: Option<Millis>) -> Text {
    match Some(own).filter(|own| !own.is_empty()).or(link) {
        Some(id) if id.len() <= ID_BYTES_MAX => id.into(),
        Some(id) => format!("#{}", Hash128::of("entry", &[id.as_bytes()])).into(),
        None => {
            let at = published.unwrap_or(0).to_le_bytes();
            format!("#{}", Hash128::of("entry", &[text.as_bytes(), &at])).into()
        }
    }
}

/// Atom says so; JSON Feed gives the type of what is attached only.
fn is_attached(link: &Link) -> bool {
    link.rel.as_deref() == Some("enclosure") || (link.rel.is_none() && link.media_type.is_some())
}

/// The title, and all of the text that it has.
fn text(entry: &model::Entry) -> String {
    let title = entry.title.as_ref().map(|title| tidy(&plain(title))).unwrap_or_default();
    let content = entry.content.as_ref().and_then(|content| {
        let (body, kind) = (content.body.as_deref()?, content.content_type.to_string());
        // Anything else is bytes in base64.
        (kind.starts_with("text/") || kind.contains("xml")).then(|| as_text(body, &kind))
    });
    let content = content.filter(|content| !content.is_empty());
    let described = || entry.media.iter().find_map(|media| media.description.as_ref());
    let body = content.or_else(|| entry.summary.as_ref().or_else(described).map(plain)).unwrap_or_default();
    if title.is_empty() || body.starts_with(&title) {
        body
    } else if body.is_empty() {
        title
    } else {
        format!("{title}\n\n{body}")
    }
}

fn plain(text: &model::Text) -> String {
    as_text(&text.content, text.content_type.as_ref())
}

fn as_text(text: &str, kind: &str) -> String {
    if kind.contains("html") { html::to_text(text).trim().into() } else { text.trim().into() }
}

fn author(person: &Person) -> Option<Text> {
    let part = |part: &Option<String>| {
        let part = tidy(&part.as_deref().unwrap_or_default().replace(['<', '>'], " "));
        (!part.is_empty()).then_some(part)
    };
    match (part(&person.name), part(&person.email)) {
        (Some(name), Some(email)) => Some(format!("{name} <{email}>").into()),
        (name, email) => name.or(email).map(Text::from),
    }
}

/// In one line.
fn tidy(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const HERE: &str = "https://example.org/feed";

    #[test]
    fn the_three_formats_say_the_same() {
        let rss = "<?xml version='1.0'?><rss version='2.0'><channel><title> My
            feed</title><ttl>60</ttl><item><title>One</title><link>https://example.org/1</link><guid>1</guid>
            <author>anna@example.org (Anna)</author><pubDate>Thu, 01 Jan 1970 00:00:05 GMT</pubDate>
            <description>&lt;p&gt;Hello &lt;b&gt;there&lt;/b&gt;&lt;/p&gt;</description>
            <enclosure url='https://example.org/1.mp3' type='audio/mpeg' length='1'/></item></channel></rss>";
        let atom = "<feed xmlns='http://www.w3.org/2005/Atom'><title>My feed</title><entry><id>1</id><title>One</title>
            <author><name>Anna</name><email>anna@example.org</email></author><published>1970-01-01T00:00:05Z</published>
            <updated>1970-01-01T00:00:05Z</updated><content type='html'>&lt;p&gt;Hello &lt;b&gt;there&lt;/b&gt;</content>
            <link href='https://example.org/1'/>
            <link rel='enclosure' href='https://example.org/1.mp3' type='audio/mpeg'/></entry></feed>";
        let json = r#"{"version": "https://jsonfeed.org/version/1.1", "title": "My feed", "items": [{"id": "1",
            "title": "One", "url": "https://example.org/1", "content_html": "<p>Hello <b>there</b></p>",
            "date_published": "1970-01-01T00:00:05Z", "authors": [{"name": "Anna"}],
            "attachments": [{"url": "https://example.org/1.mp3", "mime_type": "audio/mpeg"}]}]}"#;
        for text in [rss, atom, json] {
            let document = read(text.as_bytes(), HERE).unwrap();
            assert_eq!((document.title.as_deref(), document.entries.len()), (Some("My feed"), 1), "{text}");
            let entry = &document.entries[0];
            assert_eq!((&*entry.id, &*entry.text, entry.born), ("1", "One\n\nHello there", Some(5_000)), "{text}");
            assert_eq!(entry.link.as_deref(), Some("https://example.org/1"), "{text}");
            assert!(entry.author.as_deref().unwrap().contains("nna"), "{text}");
            assert_eq!((&*entry.attachments[0].location, entry.attachments.len()), ("https://example.org/1.mp3", 1));
        }
    }

    #[test]
    fn an_entry_without_an_id_is_named_all_the_same() {
        let items = "<item><link>https://example.org/1</link></item><item><title>no link</title></item>";
        let text = format!("<rss version='2.0'><channel>{items}</channel></rss>");
        let ids = || {
            let document = read(text.as_bytes(), HERE).unwrap();
            document.entries.into_iter().map(|entry| entry.id).collect::<Vec<_>>()
        };
        assert_eq!((&*ids()[0], ids()[1].starts_with('#')), ("https://example.org/1", true));
        assert_eq!(ids(), ids());
    }

    #[test]
    fn of_entries_with_one_id_the_last_version_counts_and_what_cannot_be_told_apart_is_said() {
        let entry = |at: u32, text: &str| {
            format!("<entry><id>a</id><title>{text}</title><updated>1970-01-01T00:00:0{at}Z</updated></entry>")
        };
        let entries = entry(1, "old") + &entry(2, "new") + &entry(2, "other");
        let text = format!("<feed xmlns='http://www.w3.org/2005/Atom'>{entries}</feed>");
        let document = read(text.as_bytes(), HERE).unwrap();
        assert_eq!((document.entries.len(), &*document.entries[0].text), (1, "new"));
        assert_eq!(&*document.rejects[0].raw, "other");
    }

    #[test]
    fn what_is_no_feed_is_an_error() {
        for text in
            ["", "<html><body>404</body></html>", "<rss version='2.0'><channel><item>", "{}", "[]", "\u{0}\u{1}<"]
        {
            assert!(read(text.as_bytes(), HERE).is_err(), "{text}");
        }
    }
}
