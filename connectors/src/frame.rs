//! What the events of one input share: scope, source, platform, channel, zone, names and the count of repeated messages.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use nexus_types::event::external_id_of;
use nexus_types::time::{MILLIS_MAX, MILLIS_MIN};
use nexus_types::{Event, Kind, Millis, Text};

use crate::{Format, OpenError, Options};

/// Names kept for sharing; more than these are not shared.
const NAMES_MAX: usize = 1 << 16;

/// Makes the events of one input.
pub(crate) struct Frame {
    pub(crate) options: Options,
    pub(crate) zone: TimeZone,
    platform: Text,
    channel: Text,
    names: BTreeSet<Text>,
    occurrences: BTreeMap<u128, u64>,
}

impl Frame {
    pub(crate) fn new(options: &Options, format: Format) -> Result<Frame, OpenError> {
        let zone = match &options.time_zone {
            None => TimeZone::UTC,
            Some(name) => TimeZone::get(name).map_err(|_| OpenError::TimeZone(name.clone()))?,
        };
        Ok(Frame {
            options: options.clone(),
            zone,
            platform: options.platform.clone().unwrap_or_else(|| format.platform().into()),
            channel: options.channel.clone().unwrap_or_else(|| "".into()),
            names: BTreeSet::new(),
            occurrences: BTreeMap::new(),
        })
    }

    /// The one shared copy of a name that is likely to come again.
    pub(crate) fn name(&mut self, name: &str) -> Text {
        if let Some(known) = self.names.get(name) {
            return known.clone();
        }
        let name: Text = name.into();
        if self.names.len() < NAMES_MAX {
            self.names.insert(name.clone());
        }
        name
    }

    /// The channel of events whose input names none.
    pub(crate) fn set_channel(&mut self, channel: &str) {
        if self.options.channel.is_none() {
            self.channel = channel.into();
        }
    }

    /// The platform of events whose input names none.
    pub(crate) fn platform(&self) -> &Text {
        &self.platform
    }

    /// The source of events of that platform whose input names none.
    pub(crate) fn source(&self, platform: &Text) -> Text {
        self.options.source.clone().unwrap_or_else(|| platform.clone())
    }

    /// An event that says nothing yet.
    pub(crate) fn event(&self) -> Event {
        Event {
            scope: self.options.scope.clone(),
            source: self.source(&self.platform),
            external_id: "".into(),
            revision: None,
            platform: self.platform.clone(),
            channel: self.channel.clone(),
            thread: None,
            author: "".into(),
            addressees: Vec::new(),
            kind: Kind::Message,
            said_at: 0,
            seen_at: self.options.seen_at,
            text: "".into(),
            reply_to: None,
            attachments: Vec::new(),
            meta: BTreeMap::new(),
        }
    }

    /// The external id of an event without one, from what it says and which occurrence of that it is in this input.
    /// `stamp` is its time as the input gives it, before [`Spread`].
    pub(crate) fn identify(&mut self, channel: &str, stamp: Millis, author: &str, text: &str) -> Text {
        let first = external_id_of(channel, stamp, author, text, 0);
        let key = u128::from_str_radix(first.trim_start_matches('#'), 16).unwrap_or_default();
        let count = self.occurrences.entry(key).or_insert(0);
        let occurrence = *count;
        *count += 1;
        if occurrence == 0 { first } else { external_id_of(channel, stamp, author, text, occurrence) }
    }

    /// The instant of a wall-clock time in the input's zone, if Nexus accepts it.
    pub(crate) fn instant(&self, at: DateTime) -> Option<Millis> {
        let at = self.zone.to_timestamp(at).ok()?.as_millisecond();
        accepted(at)
    }
}

/// That instant, if it lies in the years Nexus accepts.
pub(crate) fn accepted(at: Millis) -> Option<Millis> {
    (MILLIS_MIN..=MILLIS_MAX).contains(&at).then_some(at)
}

/// Keeps the order of messages that carry the same coarse stamp: the nth of a minute is said n milliseconds into it.
/// Identity is computed from the plain stamp, so it does not depend on what else a file holds.
#[derive(Default)]
pub(crate) struct Spread {
    stamp: Option<Millis>,
    index: Millis,
}

impl Spread {
    /// When the next message was said whose stamp is `stamp` and stands for `resolution` milliseconds.
    pub(crate) fn next(&mut self, stamp: Millis, resolution: Millis) -> Millis {
        self.index = if Some(stamp) == self.stamp { self.index + 1 } else { 0 };
        self.stamp = Some(stamp);
        stamp + self.index.min(resolution - 1)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn order_inside_a_minute_is_kept() {
        let mut spread = Spread::default();
        assert_eq!(
            [60_000, 60_000, 120_000, 120_000].map(|at| spread.next(at, 60_000)),
            [60_000, 60_001, 120_000, 120_001]
        );
        let last = (0..70_000).map(|_| spread.next(180_000, 60_000)).last();
        assert_eq!(last, Some(239_999));
    }

    #[test]
    fn repeated_messages_are_kept_apart_and_named_alike_in_every_file() {
        let ids = |count| {
            let mut frame = Frame::new(&Options::new("s"), Format::Irc).unwrap();
            (0..count).map(|_| frame.identify("#c", 1, "a", "hi")).collect::<Vec<_>>()
        };
        let three = ids(3);
        assert_eq!(three.iter().collect::<BTreeSet<_>>().len(), 3);
        assert_eq!(ids(2), three[..2]);
    }

    #[test]
    fn an_unknown_zone_is_an_error() {
        let options = Options { time_zone: Some("Mars/Olympus".into()), ..Options::new("s") };
        assert!(matches!(Frame::new(&options, Format::Irc), Err(OpenError::TimeZone(_))));
    }
}
