//! One mail to one event.

use std::collections::BTreeSet;

use mail_parser::decoders::charsets::map::charset_decoder;
use mail_parser::{
    Addr, Address, DateTime, Encoding, HeaderValue, Message, MessageParser, MessagePart, MimeHeaders, PartType,
};
use nexus_types::{Attachment, Change, Millis, Text};

use super::{body, html};
use crate::frame::{Frame, accepted};
use crate::lines::REPLACED;

/// The event of a mail. `came` is when its mailbox says it came.
pub(super) fn change(frame: &mut Frame, raw: &[u8], came: Option<Millis>) -> Result<Change, String> {
    let mail = MessageParser::default()
        .parse(raw)
        .filter(|mail| !mail.headers().is_empty())
        .ok_or("no header fields: not a mail")?;
    let said_at = said_at(&mail).or(came).ok_or("no date in the mail")?;
    let author = [mail.from(), mail.sender(), mail.reply_to(), mail.return_path().as_address()]
        .into_iter()
        .flatten()
        .find_map(|address| address.iter().find_map(person))
        .or_else(|| mail.return_address().map(str::to_owned))
        .ok_or("no sender in the mail")?;
    let mut event = frame.event();
    let (text, replaced) = text(&mail);
    let body = body::split(&text);
    event.said_at = said_at;
    event.author = frame.name(&author);
    event.text = body.text.into();
    event.attachments = attachments(&mail);
    let mut named = BTreeSet::new();
    for list in [mail.to(), mail.cc()].into_iter().flatten() {
        let people = list.iter().filter_map(person).map(|person| frame.name(&person));
        event.addressees.extend(people.filter(|person| named.insert(person.clone())));
    }
    let references = ids(mail.references());
    let replied = ids(mail.in_reply_to());
    event.reply_to = replied.first().or(references.last()).cloned();
    let root = references.first().or(replied.first()).cloned();
    if let Some(list) = list_id(&mail) {
        if event.channel.is_empty() {
            event.channel = frame.name(&list);
        }
        event.meta.insert("list".into(), list.into());
    }
    let subject = mail.subject().unwrap_or_default();
    let notes =
        [("subject", subject), ("quoted", &body.quoted), ("signature", &body.signature), ("footer", &body.footer)];
    for (name, value) in notes.into_iter().filter(|(_, value)| !value.is_empty()) {
        event.meta.insert(frame.name(name), value.into());
    }
    if replaced {
        event.meta.insert(frame.name("encoding"), frame.name(REPLACED));
    }
    event.external_id = match mail.message_id().map(str::trim).filter(|id| !id.is_empty()) {
        Some(id) => id.into(),
        None => frame.identify(&event.channel, said_at, &author, &format!("{subject}\n{}", event.text)),
    };
    event.thread = Some(root.unwrap_or_else(|| event.external_id.clone()));
    Ok(Change::Upsert(Box::new(event)))
}

/// A date as mail writes it: `25 Dec 2004 09:14:01 +0100`.
pub(super) fn rfc822(text: &str) -> Option<Millis> {
    millis(&DateTime::parse_rfc822(text)?)
}

/// The instant of a date that can be one. Years of three digits count from 1900, as some programs wrote 2002.
fn millis(date: &DateTime) -> Option<Millis> {
    let year = if date.year < 1_000 { date.year + 1_900 } else { date.year };
    let date = DateTime { year, ..*date };
    let named = date.year >= 1 && (1..=12).contains(&date.month) && (1..=31).contains(&date.day);
    let clocked = date.hour < 24 && date.minute < 60 && date.second <= 60;
    (named && clocked).then(|| date.to_timestamp().checked_mul(1_000)).flatten().and_then(accepted)
}

/// When it was sent; failing that, when the last server on its way took it.
fn said_at(mail: &Message<'_>) -> Option<Millis> {
    let sent = mail.date().and_then(millis);
    sent.or_else(|| mail.received_all().find_map(|received| received.date().as_ref().and_then(millis)))
}

/// `Display Name <address>`, as far as it is given.
fn person(addr: &Addr<'_>) -> Option<String> {
    let clean = |text: &str| {
        let plain: String = text.chars().filter(|c| !matches!(c, '<' | '>' | '"') && !c.is_control()).collect();
        plain.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let address = clean(addr.address().unwrap_or_default());
    let name = clean(addr.name().unwrap_or_default());
    match (name.is_empty() || name.eq_ignore_ascii_case(&address), address.is_empty()) {
        (true, true) => None,
        (true, false) => Some(address),
        (false, true) => Some(name),
        (false, false) => Some(format!("{name} <{address}>")),
    }
}

/// The message ids in a header.
fn ids(header: &HeaderValue<'_>) -> Vec<Text> {
    let list = match header {
        HeaderValue::Text(id) => std::slice::from_ref(id),
        HeaderValue::TextList(ids) => ids,
        _ => &[],
    };
    list.iter().map(|id| id.trim()).filter(|id| !id.is_empty()).map(Text::from).collect()
}

/// The mailing list it came through.
fn list_id(mail: &Message<'_>) -> Option<String> {
    let list = mail.list_id();
    let named = list.as_address().and_then(Address::first).and_then(|addr| addr.address().or(addr.name()));
    let id = named.or(list.as_text())?.trim();
    let id = id.rsplit_once('<').map_or(id, |(_, id)| id.trim_end_matches('>'));
    (!id.is_empty()).then(|| id.to_owned())
}

/// The bodies as text, and whether something in them could not be decoded.
fn text(mail: &Message<'_>) -> (String, bool) {
    let mut parts = Vec::new();
    for part in mail.text_body.iter().filter_map(|&part| mail.part(part)) {
        match &part.body {
            PartType::Text(text) => parts.push(decoded(mail, part, text)),
            PartType::Html(text) => parts.push(html::to_text(&decoded(mail, part, text))),
            _ => {}
        }
    }
    let text = parts.join("\n").replace("\r\n", "\n").replace('\0', "");
    let replaced = text.contains('\u{fffd}');
    (text, replaced)
}

/// A part's text; one that is neither UTF-8 nor names its character set is taken to be Windows-1252.
fn decoded(mail: &Message<'_>, part: &MessagePart<'_>, text: &str) -> String {
    let named = part.content_type().is_some_and(|content| content.attribute("charset").is_some());
    if !named
        && text.contains('\u{fffd}')
        && part.encoding == Encoding::None
        && let Some(bytes) = mail.raw_message.get(part.offset_body as usize..part.offset_end as usize)
        && let Some(decode) = charset_decoder(b"windows-1252")
    {
        return decode(bytes);
    }
    text.to_owned()
}

fn attachments(mail: &Message<'_>) -> Vec<Attachment> {
    let shown = |part: &MessagePart<'_>| {
        let media_type = part.content_type().map(|content| match content.subtype() {
            Some(subtype) => format!("{}/{subtype}", content.ctype()).to_ascii_lowercase(),
            None => content.ctype().to_ascii_lowercase(),
        });
        let name = part.attachment_name().unwrap_or_default();
        Attachment { name: name.into(), media_type: media_type.unwrap_or_default().into(), location: "".into() }
    };
    let alternative =
        |part: &MessagePart<'_>| matches!(part.body, PartType::Html(_)) && part.attachment_name().is_none();
    mail.attachments().filter(|part| !alternative(part)).map(shown).collect()
}
