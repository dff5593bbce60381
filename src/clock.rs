//! The clock: the only place below the command line where wall-clock time enters. It becomes rows: `seen_at`, ticks.

use nexus_types::Millis;

/// Milliseconds of a day.
pub(crate) const DAY_MS: Millis = 86_400_000;

/// Now, in milliseconds since 1970, UTC.
#[allow(clippy::disallowed_methods)] // The one place where it may be asked.
pub(crate) fn now() -> Millis {
    jiff::Timestamp::now().as_millisecond()
}

/// The number of the day that `at` falls in; negative before 1970.
pub(crate) fn day_of(at: Millis) -> i64 {
    at.div_euclid(DAY_MS)
}
