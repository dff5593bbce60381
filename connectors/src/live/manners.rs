//! Manners: no more requests than a platform allows, by a token bucket. Cost: a counter.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

/// A platform's token bucket: half of a period's requests may be made at once, and as many as are left come back evenly in a
/// period. So in none, wherever it begins, more are made than are allowed.
#[derive(Debug)]
pub(crate) struct Manners(DefaultDirectRateLimiter);

impl Manners {
    /// So many requests in so long.
    pub(crate) fn new(requests: u32, per: Duration) -> Manners {
        let burst = NonZeroU32::new(requests / 2).unwrap_or(NonZeroU32::MIN);
        // A period of nothing would be no limit; a microsecond is next to none.
        let one = (per / requests.div_ceil(2).max(1)).max(Duration::from_micros(1));
        let quota = Quota::with_period(one).unwrap_or(Quota::per_second(NonZeroU32::MIN));
        Manners(RateLimiter::direct(quota.allow_burst(burst)))
    }

    /// Waits until a request may be made.
    pub(crate) async fn turn(&self) {
        self.0.until_ready().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_beyond_half_a_periods_requests_waits() {
        let manners = Manners::new(4, Duration::from_millis(200));
        let soon = Duration::from_millis(20);
        for _ in 0..2 {
            assert!(tokio::time::timeout(soon, manners.turn()).await.is_ok());
        }
        assert!(tokio::time::timeout(soon, manners.turn()).await.is_err());
        assert!(tokio::time::timeout(soon * 10, manners.turn()).await.is_ok());
    }
}
