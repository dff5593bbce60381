//! What is said to a WebDAV server (RFC 4918, 4791, 6578), and its answers. Elements are known by their names, whatever
//! prefix a server gives their namespace. Cost: an answer in memory.

use quick_xml::Reader;
use quick_xml::escape::{escape, resolve_predefined_entity};
use quick_xml::events::Event;

/// Elements nest no deeper than this.
const DEPTH_MAX: usize = 64;

/// Asks what an address is.
pub(super) const WHAT: &str = r#"<propfind xmlns="DAV:"><prop><resourcetype/></prop></propfind>"#;
/// Asks for the tag of all that is in a collection.
pub(super) const LIST: &str = r#"<propfind xmlns="DAV:"><prop><resourcetype/><getetag/></prop></propfind>"#;

/// Asks what changed since a token was given; for all that there is if it is empty.
pub(super) fn sync(token: &str) -> String {
    let token = escape(token);
    format!(
        r#"<sync-collection xmlns="DAV:"><sync-token>{token}</sync-token><sync-level>1</sync-level><prop><getetag/></prop></sync-collection>"#
    )
}

/// Asks for what is in these places.
pub(super) fn multiget(places: &[String]) -> String {
    let hrefs: String = places.iter().map(|place| format!("<href>{}</href>", escape(place.as_str()))).collect();
    format!(
        r#"<C:calendar-multiget xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><prop><getetag/><C:calendar-data/></prop>{hrefs}</C:calendar-multiget>"#
    )
}

/// What a server says of several places.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Multistatus {
    pub(super) responses: Vec<Response>,
    /// From where to ask the next time.
    pub(super) token: Option<String>,
}

/// What a server says of one place.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Response {
    pub(super) href: String,
    /// Where it is no answer but an error.
    pub(super) status: Option<u16>,
    pub(super) etag: String,
    pub(super) data: Option<String>,
    /// It is a calendar.
    pub(super) calendar: bool,
}

/// Reads an answer.
pub(super) fn read(body: &[u8]) -> Result<Multistatus, String> {
    let body = String::from_utf8_lossy(body);
    let mut reader = Reader::from_str(&body);
    let mut reading = Reading::default();
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(start) => reading.start(start.local_name().into_inner())?,
            Event::Empty(start) => {
                reading.start(start.local_name().into_inner())?;
                reading.end();
            }
            Event::End(_) => reading.end(),
            Event::Text(text) => reading.text.push_str(&text.xml10_content()),
            Event::CData(text) => reading.text.push_str(&text.xml10_content()),
            Event::GeneralRef(name) => match name.resolve_char_ref() {
                Ok(Some(c)) => reading.text.push(c),
                // Some servers tell even characters that XML does not have.
                Err(_) => reading.text.push(char::REPLACEMENT_CHARACTER),
                Ok(None) => {
                    let known = resolve_predefined_entity(&name.into_inner());
                    reading.text.push_str(known.ok_or("it has an entity that nobody knows")?);
                }
            },
            Event::Eof if reading.path.is_empty() && reading.begun => return Ok(reading.found),
            Event::Eof => return Err("it ends too early".into()),
            _ => {}
        }
    }
}

/// An answer that is being read.
#[derive(Default)]
struct Reading {
    path: Vec<String>,
    text: String,
    begun: bool,
    found: Multistatus,
    response: Response,
    /// What a part of the response says, and whether that holds.
    part: Response,
    holds: bool,
}

impl Reading {
    fn start(&mut self, name: &str) -> Result<(), String> {
        if self.path.is_empty() && name != "multistatus" {
            return Err(format!("it is a {}, not a multistatus", name.chars().take(40).collect::<String>()));
        }
        if self.path.len() >= DEPTH_MAX {
            return Err("it is nested too deeply".into());
        }
        match (self.path.last().map_or("", String::as_str), name) {
            ("multistatus", "response") => self.response = Response::default(),
            ("response", "propstat") => (self.part, self.holds) = (Response::default(), true),
            ("resourcetype", "calendar") => self.part.calendar = true,
            _ => {}
        }
        self.begun = true;
        self.text.clear();
        self.path.push(name.into());
        Ok(())
    }

    fn end(&mut self) {
        let Some(name) = self.path.pop() else { return };
        let text = std::mem::take(&mut self.text);
        let told = || text.trim().to_string();
        match (self.path.last().map_or("", String::as_str), name.as_str()) {
            ("response", "href") => self.response.href = told(),
            ("response", "status") => self.response.status = status(&text),
            ("propstat", "status") => self.holds = status(&text).is_none_or(|status| status / 100 == 2),
            ("prop", "getetag") => self.part.etag = told(),
            ("prop", "calendar-data") => self.part.data = Some(text),
            ("response", "propstat") if self.holds => {
                let Response { etag, data, calendar, .. } = std::mem::take(&mut self.part);
                let response = &mut self.response;
                response.etag = if etag.is_empty() { std::mem::take(&mut response.etag) } else { etag };
                response.data = data.or(response.data.take());
                response.calendar |= calendar;
            }
            ("multistatus", "response") => self.found.responses.push(std::mem::take(&mut self.response)),
            ("multistatus", "sync-token") => self.found.token = Some(told()),
            _ => {}
        }
    }
}

/// `HTTP/1.1 404 Not Found`.
fn status(line: &str) -> Option<u16> {
    line.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn answers_are_read_whatever_their_prefixes() {
        let body = br#"<?xml version="1.0"?><d:multistatus xmlns:d="DAV:" xmlns:cal="urn:ietf:params:xml:ns:caldav">
            <d:response><d:href>/c/a%20b.ics</d:href>
              <d:propstat><d:prop><d:getetag>&quot;1&quot;</d:getetag>
                <cal:calendar-data><![CDATA[BEGIN:VCALENDAR]]>&#13;
SUMMARY:A &amp; B</cal:calendar-data></d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat>
              <d:propstat><d:prop><d:resourcetype><cal:calendar/></d:resourcetype></d:prop>
                <d:status>HTTP/1.1 404 Not Found</d:status></d:propstat></d:response>
            <d:response><d:href>/c/gone.ics</d:href><d:status>HTTP/1.1 404 Not Found</d:status></d:response>
            <d:sync-token>http://x/7</d:sync-token></d:multistatus>"#;
        let found = read(body).unwrap();
        assert_eq!(found.token.as_deref(), Some("http://x/7"));
        let [there, gone] = &found.responses[..] else { panic!("{found:?}") };
        let data = "BEGIN:VCALENDAR\r\nSUMMARY:A & B";
        assert_eq!((&*there.href, &*there.etag, there.data.as_deref()), ("/c/a%20b.ics", "\"1\"", Some(data)));
        assert!(!there.calendar && there.status.is_none());
        assert_eq!((&*gone.href, gone.status), ("/c/gone.ics", Some(404)));
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        let deep = "<multistatus>".to_string() + &"<a>".repeat(100);
        for wrong in [
            "",
            "no",
            "<html></html>",
            "<multistatus><response>",
            "<multistatus></a>",
            "<multistatus>&x;</multistatus>",
            &deep,
        ] {
            assert!(read(wrong.as_bytes()).is_err(), "{wrong}");
        }
        assert_eq!(read(b"<multistatus/>"), Ok(Multistatus::default()));
        let odd = read(b"<multistatus><sync-token>a&#0;b&#xD800;c</sync-token></multistatus>").unwrap();
        assert_eq!(odd.token.as_deref(), Some("a\u{fffd}b\u{fffd}c"));
    }

    #[test]
    fn names_of_places_are_escaped() {
        assert!(multiget(&["/a&b<c".into()]).contains("<href>/a&amp;b&lt;c</href>"));
    }
}
