//! The tags of an XML document, for what the parser of feeds leaves out: whether a document is whole, and which entries it
//! says are deleted (RFC 6721). Comments and CDATA are no tags. Cost: one look at each byte.

use jiff::Timestamp;
use nexus_types::{Millis, Text};

use crate::frame::accepted;

/// What a deleted entry is called.
const DELETED: &str = "deleted-entry";
/// What holds no tags, by its beginning and its end.
const OPAQUE: [(&str, &str); 3] = [("!--", "-->"), ("![CDATA[", "]]>"), ("?", "?>")];
/// How characters are written that mean something in XML; the last one last, or what it gives would be read again.
const ESCAPED: [(&str, &str); 6] =
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&#38;", "&"), ("&amp;", "&")];

/// Whether its first element ends.
pub(super) fn is_whole(document: &str) -> bool {
    let mut tags = tags(document).filter(|tag| !tag.starts_with('!'));
    let Some(root) = tags.next() else { return false };
    root.ends_with('/') || tags.any(|tag| tag.starts_with('/') && name(tag) == name(root))
}

/// The ids of entries that it says are deleted, with when.
pub(super) fn deleted(document: &str) -> impl Iterator<Item = (Text, Option<Millis>)> {
    let tags = tags(document).filter(|tag| !tag.starts_with('/') && name(tag).rsplit(':').next() == Some(DELETED));
    tags.filter_map(|tag| {
        let id = attribute(tag, "ref").filter(|id| !id.trim().is_empty())?;
        let when = attribute(tag, "when").and_then(|when| when.trim().parse::<Timestamp>().ok());
        Some((id.trim().into(), when.and_then(|when| accepted(when.as_millisecond()))))
    })
}

fn tags(document: &str) -> impl Iterator<Item = &str> {
    let mut rest = document;
    std::iter::from_fn(move || {
        loop {
            let from = &rest[rest.find('<')? + 1..];
            if let Some((start, end)) = OPAQUE.iter().find(|(start, _)| from.starts_with(start)) {
                rest = from[start.len()..].split_once(end).map_or("", |(_, after)| after);
                continue;
            }
            let length = length(from)?;
            rest = &from[length + 1..];
            return Some(&from[..length]);
        }
    })
}

/// Up to where a tag goes: a `>` that does not stand in quotes.
fn length(tag: &str) -> Option<usize> {
    let mut quoted = None;
    tag.bytes().position(|byte| {
        match quoted {
            Some(quote) if byte == quote => quoted = None,
            None if matches!(byte, b'"' | b'\'') => quoted = Some(byte),
            _ => {}
        }
        quoted.is_none() && byte == b'>'
    })
}

/// The name of an element, with its prefix.
fn name(tag: &str) -> &str {
    let tag = tag.trim_start_matches('/');
    tag.split(|c: char| c.is_ascii_whitespace() || c == '/').next().unwrap_or_default()
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    tag.match_indices(name).find_map(|(at, _)| {
        let apart = tag[..at].ends_with(|c: char| c.is_ascii_whitespace());
        let value = tag[at + name.len()..].trim_start().strip_prefix('=')?.trim_start();
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let (value, _) = value[1..].split_once(quote)?;
        apart.then(|| ESCAPED.iter().fold(value.to_string(), |text, (escaped, plain)| text.replace(escaped, plain)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_off_is_seen() {
        for whole in
            ["<?xml version='1.0'?><!DOCTYPE rss><rss a='>'><item/></rss ><!-- cached -->", "<rss/>", "<a:b></a:b>"]
        {
            assert!(is_whole(whole), "{whole}");
        }
        for cut in ["", "<rss><item></item>", "<rss", "<rss><!-- </rss> -->", "<feed><![CDATA[</feed>]]>", "{}"] {
            assert!(!is_whole(cut), "{cut}");
        }
    }

    #[test]
    fn deleted_entries_are_those_that_are_elements() {
        let document = "<feed xmlns:at='x'><at:deleted-entry when=\"1970-01-01T00:00:05Z\" ref=\"tag:a?b&amp;c\"/>\
                        <deleted-entry  ref='two' href='no' ><at:by/></deleted-entry><at:deleted-entry/>\
                        <!-- <at:deleted-entry ref='no'/> --><![CDATA[<at:deleted-entry ref='no'/>]]></feed>";
        let found: Vec<_> = deleted(document).collect();
        assert_eq!(found, [(Text::from("tag:a?b&c"), Some(5_000)), (Text::from("two"), None)]);
    }
}
