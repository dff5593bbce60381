//! A run's health as metrics, in the text that Prometheus reads (OpenMetrics 1.0).
//!
//! Names carry their units, as Prometheus wants it: `docs/health.md` says what each means. What is not known has no row.
//! Cost: some kilobytes of text a scrape.

use std::fmt;

use nexus_types::{Millis, Text};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::health::{EngineHealth, Overall, Published, RunHealth, TableHealth};
use super::supervise::{FeedHealth, FeedState};

/// What [`metrics`] gives.
pub(super) const KIND: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All metrics of a run as it is now.
pub(super) fn metrics(published: &Published) -> Result<String, fmt::Error> {
    exposed(published.now(), published.epochs().clone())
}

fn exposed(health: RunHealth, epochs: Histogram) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Exposition { health, epochs }));
    let mut exposed = String::new();
    text::encode(&mut exposed, &registry)?;
    Ok(exposed)
}

/// What one scrape sees.
#[derive(Debug)]
struct Exposition {
    health: RunHealth,
    epochs: Histogram,
}

/// Labels and a value.
type Row<'a> = (Vec<(&'static str, &'a str)>, f64);

/// A metric's name (a counter's without `_total`), its type and what it means.
type About = (&'static str, MetricType, &'static str);

/// A metric of each feed.
type OfFeeds = (About, fn(&FeedHealth) -> Option<f64>);

const FEEDS: [OfFeeds; 10] = [
    (("nexus_feed_messages", MetricType::Counter, "Changes that a feed brought"), |feed| Some(feed.messages as f64)),
    (("nexus_feed_news", MetricType::Counter, "Changes that were news"), |feed| Some(feed.news as f64)),
    (("nexus_feed_rejects", MetricType::Counter, "What could not be read"), |feed| Some(feed.rejects as f64)),
    (("nexus_feed_bytes", MetricType::Counter, "Bytes that a feed brought"), |feed| Some(feed.bytes as f64)),
    (("nexus_feed_reconnects", MetricType::Counter, "How often a feed was started again"), |feed| {
        Some(feed.reconnects as f64)
    }),
    (("nexus_feed_failures", MetricType::Gauge, "Failures since a feed last worked for a minute"), |feed| {
        Some(f64::from(feed.failures))
    }),
    (
        ("nexus_feed_lag_seconds", MetricType::Gauge, "From when its newest message was said to when it was memory"),
        |feed| feed.lag_ms.map(seconds),
    ),
    (("nexus_feed_last_message_timestamp_seconds", MetricType::Gauge, "When a feed last brought a message"), |feed| {
        feed.last_message_at.map(seconds)
    }),
    (("nexus_feed_queue_items", MetricType::Gauge, "What waits between a feed and the engine"), |feed| {
        Some(feed.queue_items as f64)
    }),
    (("nexus_feed_queue_bytes", MetricType::Gauge, "Bytes that wait between a feed and the engine"), |feed| {
        Some(feed.queue_bytes as f64)
    }),
];

impl Collector for Exposition {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let RunHealth { overall, feeds, engine, .. } = &self.health;
        let state = |state: Overall| (vec![("state", state.name())], f64::from(u8::from(state == *overall)));
        let about = ("nexus_health", MetricType::Gauge, "1 for the state that the run is in");
        put(&mut encoder, about, Overall::ALL.map(state).into())?;
        for (about, value) in FEEDS {
            put(&mut encoder, about, feeds.iter().filter_map(|(name, feed)| row_of(name, value(feed)?)).collect())?;
        }
        let about = ("nexus_feed_state", MetricType::Gauge, "1 for the state that a feed is in");
        put(&mut encoder, about, feeds.iter().flat_map(|(name, feed)| states(name, feed.state)).collect())?;
        let about = "How long epochs took";
        self.epochs.encode(encoder.encode_descriptor("nexus_epoch_seconds", about, None, MetricType::Histogram)?)?;
        let mut gauge = |name, about, value: Option<f64>| {
            let row = value.map(|value| (Vec::new(), value));
            put(&mut encoder, (name, MetricType::Gauge, about), row.into_iter().collect())
        };
        let age = seconds(self.health.checkpoint_age_ms());
        gauge("nexus_epoch", "The newest epoch", Some(engine.epoch as f64))?;
        gauge("nexus_checkpoint_age_seconds", "How old the last checkpoint is", Some(age))?;
        gauge("nexus_tail_bytes", "The size of the tail log", Some(engine.tail_bytes as f64))?;
        gauge("nexus_resident_bytes", "Memory of the process", engine.resident_bytes.map(|bytes| bytes as f64))?;
        gauge("nexus_disk_free_bytes", "Room where the store is", engine.disk_free_bytes.map(|bytes| bytes as f64))?;
        let about = ("nexus_table_rows", MetricType::Gauge, "Rows of a table");
        put(&mut encoder, about, tables(engine, |table| table.rows))?;
        let about = ("nexus_table_bytes", MetricType::Gauge, "Size of a table's files, those of older epochs too");
        put(&mut encoder, about, tables(engine, |table| table.bytes))
    }
}

/// One metric with all its rows.
fn put(encoder: &mut DescriptorEncoder<'_>, (name, kind, about): About, rows: Vec<Row<'_>>) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(name, about, None, kind)?;
    for (labels, value) in &rows {
        // Without labels there is one row.
        if labels.is_empty() {
            return set(metric, kind, *value);
        }
        set(metric.encode_family(labels)?, kind, *value)?;
    }
    Ok(())
}

fn set(mut row: MetricEncoder<'_>, kind: MetricType, value: f64) -> fmt::Result {
    match kind {
        MetricType::Counter => row.encode_counter::<NoLabelSet, _, f64>(&value, None),
        _ => row.encode_gauge(&value),
    }
}

fn row_of(feed: &Text, value: f64) -> Option<Row<'_>> {
    Some((vec![("feed", &**feed)], value))
}

fn states(feed: &Text, is: FeedState) -> impl Iterator<Item = Row<'_>> {
    FeedState::ALL
        .into_iter()
        .map(move |state| (vec![("feed", &**feed), ("state", state.name())], f64::from(u8::from(state == is))))
}

fn tables<'a>(engine: &'a EngineHealth, value: fn(&TableHealth) -> u64) -> Vec<Row<'a>> {
    engine.tables.iter().map(|(name, table)| (vec![("table", name.as_str())], value(table) as f64)).collect()
}

fn seconds(millis: Millis) -> f64 {
    millis as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    const NOW: Millis = 1_800_000_000_000;

    /// A run of which everything is known.
    fn sample() -> String {
        let feed = FeedHealth {
            state: FeedState::Works,
            messages: 12,
            lag_ms: Some(1_500),
            last_message_at: Some(NOW - 250),
            ..FeedHealth::default()
        };
        let engine = EngineHealth {
            epoch: 7,
            checkpoint_at: NOW - 3_000,
            tables: BTreeMap::from([("events".into(), TableHealth { rows: 12, bytes: 4_096 })]),
            resident_bytes: Some(1 << 20),
            disk_free_bytes: Some(1 << 33),
            ..EngineHealth::default()
        };
        let feeds =
            BTreeMap::from([("chat".into(), feed.clone()), ("a.\"b\"".into(), FeedHealth { lag_ms: None, ..feed })]);
        let epochs = Histogram::new([0.1, 1.0]);
        epochs.observe(0.5);
        exposed(RunHealth { at: NOW, engine, feeds, ..RunHealth::default() }, epochs).unwrap()
    }

    #[test]
    fn each_value_has_its_row() {
        let text = sample();
        let rows = [
            "nexus_health{state=\"healthy\"} 1.0",
            "nexus_health{state=\"failing\"} 0.0",
            "nexus_feed_messages_total{feed=\"chat\"} 12.0",
            "nexus_feed_lag_seconds{feed=\"chat\"} 1.5",
            "nexus_feed_last_message_timestamp_seconds{feed=\"chat\"} 1799999999.75",
            "nexus_feed_state{feed=\"chat\",state=\"works\"} 1.0",
            "nexus_feed_state{feed=\"chat\",state=\"open\"} 0.0",
            "nexus_feed_state{feed=\"a.\\\"b\\\"\",state=\"works\"} 1.0",
            "nexus_epoch 7.0",
            "nexus_checkpoint_age_seconds 3.0",
            "nexus_epoch_seconds_count 1",
            "nexus_epoch_seconds_bucket{le=\"0.1\"} 0",
            "nexus_epoch_seconds_bucket{le=\"+Inf\"} 1",
            "nexus_table_rows{table=\"events\"} 12.0",
            "nexus_table_bytes{table=\"events\"} 4096.0",
            "# TYPE nexus_feed_messages counter",
        ];
        for row in rows {
            assert!(text.lines().any(|line| line == row), "{row}\n{text}");
        }
        assert_eq!(text.matches("nexus_feed_lag_seconds{").count(), 1, "what is not known has no row");
        assert!(text.ends_with("# EOF\n"));
        let shaped = |line: &str| {
            line.starts_with("# ") || line.rsplit_once(' ').is_some_and(|(_, value)| value.parse::<f64>().is_ok())
        };
        assert!(text.lines().all(shaped), "{text}");
    }

    /// The metrics that a text speaks of.
    fn named(text: &str) -> BTreeSet<String> {
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let parts = ["_bucket", "_sum", "_count"];
        let whole = |word: &str| parts.iter().find_map(|part| word.strip_suffix(part)).unwrap_or(word).to_string();
        words.filter(|word| word.starts_with("nexus_")).map(whole).collect()
    }

    #[test]
    fn documents_name_what_is_exported() {
        let sample = sample();
        let exported: BTreeSet<String> = sample.lines().filter(|line| !line.starts_with('#')).flat_map(named).collect();
        assert_eq!(named(&std::fs::read_to_string("docs/health.md").unwrap()), exported);
        let board: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string("docs/dashboard.json").unwrap()).unwrap();
        let panels = board["panels"].as_array().unwrap();
        let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
        let asked: String = targets.map(|target| format!("{}\n", target["expr"])).collect();
        assert_eq!(named(&asked), exported);
    }
}
