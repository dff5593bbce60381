//! What an event or a task of a calendar says, in plain English and in `meta`. Pure: the same component gives the same event.
//!
//! Its sentences say when and where, how it repeats and who is invited; its description follows. It is a post: its "I" is
//! nobody in particular.

use nexus_types::{Attachment, Event, Kind, Millis, Text};

use super::TASK;
use super::component::{Component, Property};
use super::rule::{self, listed};
use super::when::{When, Zones, known, length};
use crate::frame::Frame;
use crate::lines::REPLACED;
use crate::mail::html;

/// So many people or days are named in a sentence.
const NAMED_MAX: usize = 50;

/// What a calendar says of all that is in it.
#[derive(Clone, Debug, Default)]
pub(super) struct Shared {
    pub(super) name: String,
    /// The zone of its times.
    pub(super) zone: String,
    /// What a message about events wants done.
    pub(super) method: String,
}

impl Shared {
    /// The zones of its times; what the user says comes first.
    fn zones(&self, frame: &Frame) -> Zones {
        let home = match frame.options.time_zone {
            Some(_) => Some(frame.zone.clone()),
            None => known(&self.zone),
        };
        Zones { floating: home.clone().unwrap_or_else(|| frame.zone.clone()), home }
    }
}

/// What a VEVENT or a task tells; the reason if it tells nothing.
pub(super) fn event(frame: &mut Frame, shared: &Shared, component: &Component) -> Result<Event, String> {
    if matches!(&*shared.method, "REPLY" | "REFRESH" | "COUNTER" | "DECLINECOUNTER") {
        return Err(format!("it is an answer to an invitation ({}), not the event", shared.method));
    }
    let zones = shared.zones(frame);
    let read = Read { component, shared, zones: &zones };
    let (text, start) = match &*component.name {
        TASK => read.task()?,
        _ => read.happening()?,
    };
    let mut event = frame.event();
    event.kind = Kind::Post;
    event.text = text.into();
    event.said_at = read.made(start.as_ref()).ok_or("it says neither when it was made nor when it is")?;
    event.revision = Some(read.revision());
    let owner = event.channel.clone();
    let calendar = if owner.is_empty() { frame.platform().clone() } else { owner };
    event.author = component.get("ORGANIZER").and_then(person).map_or(calendar, |name| frame.name(&name));
    event.addressees = component.all("ATTENDEE").filter_map(person).map(|name| frame.name(&name)).collect();
    event.attachments = component.all("ATTACH").map(attachment).collect();
    event.external_id = match (component.text("UID"), component.text("RECURRENCE-ID")) {
        (Some(uid), None) => uid.into(),
        (Some(uid), Some(which)) => format!("{uid}/{which}").into(),
        (None, _) => {
            let stamp = start.as_ref().and_then(|start| zones.instant(start)).unwrap_or_default();
            frame.identify(&event.channel, stamp, &event.author, &event.text)
        }
    };
    read.meta(&mut event);
    Ok(event)
}

/// `Anna Kowalska <anna@example.org>`, as far as it is given.
fn person(property: &Property) -> Option<String> {
    let value = property.value.trim();
    let address = match value.split_at_checked(7) {
        Some((scheme, address)) if scheme.eq_ignore_ascii_case("mailto:") => address,
        _ => value,
    };
    let name: String = property.parameter("CN").unwrap_or_default().chars().filter(|c| !"<>".contains(*c)).collect();
    match (name.trim(), address.trim()) {
        ("", "") => None,
        (name, address) if name.is_empty() || name == address => Some(address.into()),
        (name, "") => Some(name.into()),
        (name, address) => Some(format!("{name} <{address}>")),
    }
}

fn attachment(property: &Property) -> Attachment {
    let inline = property.parameter("VALUE") == Some("BINARY") || property.parameter("ENCODING").is_some();
    let location = if inline { "" } else { property.value.trim() };
    let name = property.parameter("FILENAME").or(property.parameter("X-FILENAME"));
    let name = name.unwrap_or_else(|| location.rsplit('/').next().unwrap_or_default());
    let media_type = property.parameter("FMTTYPE").unwrap_or_default();
    Attachment { name: name.into(), media_type: media_type.into(), location: location.into() }
}

/// A component that is being read.
struct Read<'a> {
    component: &'a Component,
    shared: &'a Shared,
    zones: &'a Zones,
}

impl Read<'_> {
    /// When something is, as a property says it; the reason if it says no time.
    fn when(&self, name: &str) -> Result<Option<When>, String> {
        let Some(property) = self.component.get(name).filter(|property| !property.value.trim().is_empty()) else {
            return Ok(None);
        };
        let when = self.zones.read(&property.value, property.parameter("TZID"));
        when.map(Some).map_err(|reason| format!("{name}: {reason}"))
    }

    fn instant(&self, name: &str) -> Option<Millis> {
        self.zones.instant(&self.when(name).ok()??)
    }

    /// When it was made, as far as it is told.
    fn made(&self, start: Option<&When>) -> Option<Millis> {
        let told = ["CREATED", "LAST-MODIFIED", "DTSTAMP"].into_iter().find_map(|name| self.instant(name));
        told.or_else(|| self.zones.instant(start?))
    }

    /// When it was changed last, else how often.
    fn revision(&self) -> u64 {
        let changed = ["LAST-MODIFIED", "DTSTAMP"].into_iter().find_map(|name| self.instant(name));
        let times = || self.component.text("SEQUENCE").and_then(|times| times.parse::<u32>().ok());
        changed.map_or_else(|| times().unwrap_or(0).into(), |at| u64::try_from(at).unwrap_or(0))
    }

    fn is(&self, status: &str) -> bool {
        self.component.text("STATUS").is_some_and(|said| said.eq_ignore_ascii_case(status))
    }

    fn is_cancelled(&self) -> bool {
        self.is("CANCELLED") || self.shared.method == "CANCEL"
    }

    fn subject(&self, without: &str) -> String {
        let subject: Vec<&str> = self.component.text("SUMMARY").unwrap_or(without).split_whitespace().collect();
        subject.join(" ")
    }

    fn place(&self) -> String {
        let place: Vec<&str> = self.component.text("LOCATION").unwrap_or_default().split_whitespace().collect();
        if place.is_empty() { String::new() } else { format!(" at {}", place.join(" ")) }
    }

    /// The end, on the clocks of the start; of whole days the last one.
    fn end(&self, start: &When) -> Result<Option<When>, String> {
        let end = match (self.when("DTEND")?, self.component.text("DURATION")) {
            (Some(end), _) => Some(end.beside(start)),
            (None, Some(told)) => {
                let length = length(told).ok_or("DURATION: it is no length")?;
                start.after(length)
            }
            (None, None) => None,
        };
        Ok(match end {
            // The day after the last one is written.
            Some(When::Day(day)) => Some(When::Day(day.yesterday().unwrap_or(day).max(start.day()))),
            end => end,
        })
    }

    /// The text of a VEVENT, and when it begins.
    fn happening(&self) -> Result<(String, Option<When>), String> {
        let start = self.when("DTSTART")?.ok_or("it has no DTSTART")?;
        let (subject, place, span) = (self.subject("An event"), self.place(), span(&start, self.end(&start)?.as_ref()));
        let mut sentences = vec![match self.is_cancelled() {
            true => format!("{subject} {span}{place} was cancelled."),
            false => format!("{subject} is {span}{place}."),
        }];
        if self.is("TENTATIVE") {
            sentences.push("It is not certain yet.".into());
        }
        sentences.extend(self.instance()?);
        sentences.extend(self.repetition(&start));
        sentences.extend(self.invited());
        Ok((self.with_description(sentences), Some(start)))
    }

    /// The text of a task, and when it is due or begins.
    fn task(&self) -> Result<(String, Option<When>), String> {
        let (start, due) = (self.when("DTSTART")?, self.when("DUE")?);
        let (subject, place) = (self.subject("A task"), self.place());
        let due_words = due.as_ref().map(|due| format!(" due {}", span(due, None))).unwrap_or_default();
        let done = self.when("COMPLETED")?;
        let mut sentences = vec![match (self.is("COMPLETED") || done.is_some(), self.is_cancelled()) {
            (_, true) => format!("{subject}{place}{due_words} was cancelled."),
            (true, _) => match &done {
                Some(done) => format!("{subject}{place} was done {}.", span(done, None)),
                None => format!("{subject}{place} was done."),
            },
            _ if due.is_some() => format!("{subject}{place} is{due_words}."),
            _ => format!("{subject}{place} is to be done."),
        }];
        if let Some(start) = &start {
            sentences.push(format!("It begins {}.", span(start, None)));
        }
        sentences.extend(self.instance()?);
        sentences.extend(start.as_ref().or(due.as_ref()).and_then(|first| self.repetition(first)));
        sentences.extend(self.invited());
        Ok((self.with_description(sentences), due.or(start)))
    }

    /// Which repetition of something it is.
    fn instance(&self) -> Result<Option<String>, String> {
        let Some(of) = self.when("RECURRENCE-ID")? else { return Ok(None) };
        let range = self.component.get("RECURRENCE-ID").and_then(|property| property.parameter("RANGE"));
        let after = if range.is_some() { " and those after it" } else { "" };
        Ok(Some(format!("It stands for the one of {}{after}.", of.words())))
    }

    /// How it repeats, with the days on which it does not, and those on which it also is.
    fn repetition(&self, start: &When) -> Option<String> {
        let mut sentences: Vec<String> =
            self.component.all("RRULE").map(|rule| rule::sentence(&rule.value, start, self.zones)).collect();
        for (name, words) in [("EXDATE", "It is not on"), ("RDATE", "It is also on")] {
            let mut days: Vec<String> = self.component.all(name).flat_map(|list| self.days(list, start)).collect();
            if days.is_empty() {
                continue;
            }
            cut(&mut days);
            sentences.push(format!("{words} {}.", listed(&days)));
        }
        (!sentences.is_empty()).then(|| sentences.join(" "))
    }

    /// The days of a list of times; what is no time is told as it is.
    fn days(&self, list: &Property, start: &When) -> Vec<String> {
        let zone = list.parameter("TZID");
        let shown = |value: &str| match self.zones.read(value.split('/').next().unwrap_or(value), zone) {
            Ok(when) => when.beside(start).day().to_string(),
            Err(_) => value.trim().to_string(),
        };
        list.value.split(',').filter(|value| !value.trim().is_empty()).map(shown).collect()
    }

    fn invited(&self) -> Option<String> {
        let organiser = self.component.get("ORGANIZER").and_then(person);
        let guests = self.component.all("ATTENDEE").filter_map(person).filter(|name| organiser.as_ref() != Some(name));
        let mut names: Vec<String> = guests.map(|name| plain(&name)).collect();
        names.dedup();
        cut(&mut names);
        let verb = if names.len() == 1 { "is" } else { "are" };
        (!names.is_empty()).then(|| format!("{} {verb} invited.", listed(&names)))
    }

    fn with_description(&self, sentences: Vec<String>) -> String {
        let description = self.component.text("DESCRIPTION").unwrap_or_default();
        let marked = ["</", "<br", "<BR", "<p>"].iter().any(|mark| description.contains(mark));
        let description = if marked { html::to_text(description) } else { description.to_string() };
        let text = sentences.join(" ");
        if description.trim().is_empty() { text } else { format!("{text}\n\n{}", description.trim()) }
    }

    fn meta(&self, event: &mut Event) {
        let mut put = |name: &str, value: Option<String>| {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                event.meta.insert(name.into(), Text::from(value));
            }
        };
        let text = |name: &str| self.component.text(name).map(str::to_string);
        for (name, property) in [
            ("subject", "SUMMARY"),
            ("location", "LOCATION"),
            ("status", "STATUS"),
            ("rrule", "RRULE"),
            ("categories", "CATEGORIES"),
            ("url", "URL"),
        ] {
            put(name, text(property));
        }
        let when = |name: &str| self.when(name).ok().flatten();
        let start = when("DTSTART");
        let end = start.as_ref().and_then(|start| self.end(start).ok().flatten());
        put("start", start.as_ref().map(When::iso));
        put("end", end.as_ref().map(When::iso));
        put("due", when("DUE").as_ref().map(When::iso));
        put("completed", when("COMPLETED").as_ref().map(When::iso));
        put("instance", when("RECURRENCE-ID").as_ref().map(When::iso));
        put("time_zone", start.as_ref().and_then(When::zone).map(str::to_string));
        put("all_day", matches!(start, Some(When::Day(_))).then(|| "true".into()));
        let dates: Vec<&str> = self.component.all("EXDATE").map(|list| list.value.trim()).collect();
        put("exdate", Some(dates.join(",")));
        put("encoding", self.component.replaced.then(|| REPLACED.into()));
    }
}

/// `on 2026-05-04 from 10:00 to 11:00 (Europe/Berlin)`.
fn span(start: &When, end: Option<&When>) -> String {
    let zone = |when: &When| when.zone().map(|zone| format!(" ({zone})")).unwrap_or_default();
    let last = end.filter(|end| end.day() > start.day());
    match (start.clock(), last, end.and_then(When::clock)) {
        (None, None, _) => format!("on {}", start.day()),
        (None, Some(last), _) => format!("from {} to {}", start.day(), last.day()),
        (Some(_), Some(last), _) if last.zone() == start.zone() => {
            format!("from {} to {}{}", start.words(), last.words(), zone(start))
        }
        (Some(_), Some(last), _) => format!("from {}{} to {}{}", start.words(), zone(start), last.words(), zone(last)),
        (Some(from), None, Some(to)) if from != to && end.is_some_and(|end| end.zone() == start.zone()) => {
            format!("on {} from {from} to {to}{}", start.day(), zone(start))
        }
        (Some(at), None, _) => format!("on {} at {at}{}", start.day(), zone(start)),
    }
}

/// A name without the address.
fn plain(name: &str) -> String {
    name.split_once(" <").map_or(name, |(name, _)| name).to_string()
}

/// Leaves out what is too much for a sentence.
fn cut(list: &mut Vec<String>) {
    if list.len() > NAMED_MAX {
        let more = list.len() - NAMED_MAX;
        list.truncate(NAMED_MAX);
        list.push(format!("{more} more"));
    }
}
