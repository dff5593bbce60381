//! How the run that follows feeds is, as `nexus status` shows it.

use nexus::{FeedHealth, FeedOffset, Overall, RunHealth, Status};

use crate::print::{Out, Sheet, Tone, excerpt, number, span};
use crate::when::minute;

/// So much of an offset is shown.
const OFFSET_CHARACTERS: usize = 60;
/// How a feed is that is known and not in the configuration of the run.
const NOT_FOLLOWED: &str = "not followed";

/// How the run is, in lines beside a word; nothing for a store that follows no feed.
pub(crate) fn lines(out: &Out, status: &Status, run: Option<&RunHealth>) -> Vec<String> {
    let none: &[String] = &[];
    let (first, reasons) = match run {
        None if status.feeds.is_empty() => return Vec::new(),
        None => ("not running".to_string(), none),
        Some(run) if run.is_running() => {
            let tone = if run.overall == Overall::Healthy { Tone::Good } else { Tone::Bad };
            let overall = out.toned(tone, run.overall.name());
            (format!("{overall}, since {}, process {}", minute(run.since), run.process), &run.reasons[..])
        }
        Some(run) => (format!("not running; what was said last, at {}", minute(run.at)), &run.reasons[..]),
    };
    std::iter::once(first).chain(reasons.iter().cloned()).collect()
}

/// The feeds: how they are while they are followed, else how far they are read.
pub(crate) fn feeds(status: &Status, run: Option<&RunHealth>) -> Option<Sheet> {
    if let Some(run) = run.filter(|run| run.is_running()) {
        let header = ["feed", "scope", "state", "messages", "a second", "lag", "last message", "rejects"];
        let mut sheet = [3, 4, 5, 7].into_iter().fold(Sheet::new(&header, "no feeds"), Sheet::right);
        run.feeds.iter().for_each(|(name, feed)| sheet.row(row(run, name, feed)));
        for feed in status.feeds.iter().filter(|feed| !is_followed(run, feed)) {
            let known = [feed.feed.to_string(), feed.scope.to_string(), NOT_FOLLOWED.into()];
            sheet.row(known.into_iter().chain(std::iter::repeat_n(String::new(), header.len() - 3)));
        }
        return Some(sheet);
    }
    if status.feeds.is_empty() {
        return None;
    }
    let mut sheet = Sheet::new(&["feed", "scope", "notes", "read to"], "no feeds").right(2);
    for feed in &status.feeds {
        sheet.row([feed.feed.to_string(), feed.scope.to_string(), number(feed.notes), read_to(feed)]);
    }
    Some(sheet)
}

/// Whether a run follows a feed.
pub(crate) fn is_followed(run: &RunHealth, feed: &FeedOffset) -> bool {
    run.feeds.get(&feed.feed).is_some_and(|followed| followed.scope == feed.scope)
}

/// How far a feed is read, as far as there is room for it.
pub(crate) fn read_to(feed: &FeedOffset) -> String {
    feed.offset.as_deref().map(|offset| excerpt(offset, OFFSET_CHARACTERS)).unwrap_or_default()
}

fn row(run: &RunHealth, name: &str, feed: &FeedHealth) -> [String; 8] {
    let lag = feed.lag_ms.map(|lag| format!("{:.1} s", lag as f64 / 1000.0)).unwrap_or_default();
    let ago = |at| format!("{} ago", span(u64::try_from(run.at - at).unwrap_or(0)));
    [
        name.into(),
        feed.scope.to_string(),
        feed.state.name().into(),
        number(feed.messages),
        format!("{:.1}", feed.last_minute as f64 / 60.0),
        lag,
        feed.last_message_at.map(ago).unwrap_or_default(),
        number(feed.rejects),
    ]
}
