//! Progress: a bar on standard error, drawn here or by the process that asked.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use nexus::{Progress, Stage};

use crate::print::{number, span};
use crate::relay::Peer;

/// The process that asked is told so often.
const TELL: Duration = Duration::from_millis(200);

/// A progress bar.
pub(crate) struct Bar {
    bar: ProgressBar,
    began: Instant,
    /// It is drawn once there is something to show.
    shown: Once,
    /// Who draws it, if that is another process, and when that was last told, in milliseconds since it began.
    there: Option<(Arc<Peer>, AtomicU64)>,
}

impl Bar {
    /// Drawn here, if somebody watches.
    pub(crate) fn here(watched: bool) -> Bar {
        let bar = if watched { ProgressBar::new(0) } else { ProgressBar::hidden() };
        let template = "{bar:28} {percent:>3}%  {msg}  {elapsed} gone";
        // The template is ours and fits; if it did not, the plain bar would do.
        if watched && let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("━╸ "));
        }
        Bar { bar, began: Instant::now(), shown: Once::new(), there: None }
    }

    /// Drawn by the process that asked.
    pub(crate) fn there(peer: Arc<Peer>) -> Bar {
        let there = Some((peer, AtomicU64::new(0)));
        Bar { bar: ProgressBar::hidden(), began: Instant::now(), shown: Once::new(), there }
    }

    /// How far it is.
    pub(crate) fn told(&self, progress: &Progress) {
        let seconds = self.began.elapsed().as_secs_f64().max(0.001);
        let rate = number((progress.messages as f64 / seconds) as u64);
        let (done, total) = (number(progress.done), number(progress.total));
        let left = progress.left.map(|left| format!(", {} left", span(left))).unwrap_or_default();
        let text = match progress.stage {
            Stage::Reading => format!("{} messages, {rate}/s{left}", number(progress.messages)),
            Stage::Answering => format!("{done} of {total} texts read by models{left}"),
            Stage::Indexing => "bringing indexes up to date".into(),
        };
        let (position, length) = match progress.stage {
            Stage::Indexing => (1, 1),
            _ => (progress.done, progress.total),
        };
        let Some((peer, told)) = &self.there else { return self.show(position, length, text) };
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        if now.saturating_sub(told.load(Ordering::Relaxed)) >= TELL.as_millis() as u64 {
            told.store(now, Ordering::Relaxed);
            // Whether it has gone is asked elsewhere.
            let _ = peer.progress(Some((position, length, text)));
        }
    }

    /// Draws it.
    pub(crate) fn show(&self, position: u64, length: u64, text: String) {
        self.shown.call_once(|| self.bar.enable_steady_tick(TELL));
        self.bar.set_message(text);
        if length > 0 {
            self.bar.set_length(length);
            self.bar.set_position(position);
        }
    }

    /// How long the rest takes if it goes on as it went, in milliseconds.
    pub(crate) fn left(&self, done: u64, total: u64) -> Option<u64> {
        let gone = self.began.elapsed().as_secs_f64() * 1_000.0;
        let left = gone * total.saturating_sub(done) as f64 / done as f64;
        (left.is_finite() && left > 0.0).then_some(left as u64)
    }

    /// Lets something else be printed.
    pub(crate) fn aside(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }

    /// Takes it away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
        if let Some((peer, _)) = &self.there {
            let _ = peer.progress(None);
        }
    }
}
