//! The clock of an endpoint, the only one below the façade: a budget is of a day, and a server that failed is left alone for
//! a while. Both decide when something is asked; no answer depends on either. Cost: none.

use std::time::{Duration, Instant};

use nexus_types::Text;

/// The day, in UTC.
#[allow(clippy::disallowed_methods)] // Time that enters no row.
pub(super) fn today() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%d").to_string()
}

/// Until when nothing is asked, and why.
#[derive(Debug, Default)]
pub(super) struct Rest(Option<(Instant, Text)>);

impl Rest {
    /// From now on, for so long.
    pub(super) fn begin(&mut self, reason: &Text, lasting: Duration) {
        self.0 = Instant::now().checked_add(lasting).map(|until| (until, reason.clone()));
    }

    /// Why nothing is asked now, if it is not over.
    pub(super) fn reason(&self) -> Option<Text> {
        self.0.as_ref().filter(|(until, _)| *until > Instant::now()).map(|(_, reason)| reason.clone())
    }
}
