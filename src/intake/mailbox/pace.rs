//! How long to wait before the next connection: by the class of the failure, doubling, with jitter, and never more
//! than two connections in a window after failures.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::config::mailbox::Timing;
use crate::imap::ErrorClass;

/// Connections allowed in one window after failures.
const BURST: usize = 2;

#[derive(Debug, Default)]
pub(super) struct Pace {
    failures: u32,
    connections: VecDeque<Instant>,
}

impl Pace {
    /// A look for mail ended well.
    pub(super) fn ok(&mut self) {
        self.failures = 0;
    }

    /// Failures since a look last ended well.
    pub(super) const fn failures(&self) -> u32 {
        self.failures
    }

    /// A connection is being made.
    pub(super) fn connecting(&mut self, now: Instant) {
        self.connections.push_back(now);
        while self.connections.len() > BURST {
            self.connections.pop_front();
        }
    }

    /// Counts a failure; how long to wait now. `jitter` is any number: it moves the pause by up to a fifth.
    pub(super) fn failed(&mut self, class: ErrorClass, timing: &Timing, jitter: u64, now: Instant) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let (first, most) = match class {
            ErrorClass::Auth | ErrorClass::Settings => (timing.auth_retry, timing.auth_retry_max),
            ErrorClass::TokenExpired if self.failures == 1 => return Duration::ZERO,
            _ => (timing.retry, timing.retry_max),
        };
        let doubled = first.duration().saturating_mul(1 << (self.failures - 1).min(16));
        let pause = doubled.min(most.duration());
        let spread = 0.8 + f64::from(u32::try_from(jitter % 401).unwrap_or(0)) / 1000.0;
        pause.mul_f64(spread).max(self.until_allowed(timing.reconnect_window.duration(), now))
    }

    fn until_allowed(&self, window: Duration, now: Instant) -> Duration {
        if self.connections.len() < BURST {
            return Duration::ZERO;
        }
        self.connections.front().map_or(Duration::ZERO, |oldest| (*oldest + window).saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_end_at_the_limit() {
        let (timing, now) = (Timing::default(), Instant::now());
        let mut pace = Pace::default();
        let pauses: Vec<u128> =
            (0..8).map(|_| pace.failed(ErrorClass::Network, &timing, 200, now).as_millis()).collect();
        assert_eq!(pauses, [2000, 4000, 8000, 16_000, 32_000, 64_000, 80_000, 80_000]);
        pace.ok();
        assert_eq!(pace.failed(ErrorClass::Network, &timing, 0, now).as_millis(), 1600);
    }

    #[test]
    fn s19_refused_credentials_wait_long_and_an_expired_token_not_at_all() {
        let (timing, now) = (Timing::default(), Instant::now());
        assert_eq!(Pace::default().failed(ErrorClass::Auth, &timing, 200, now).as_secs(), 300);
        let mut pace = Pace::default();
        assert_eq!(pace.failed(ErrorClass::TokenExpired, &timing, 200, now), Duration::ZERO);
        assert!(pace.failed(ErrorClass::TokenExpired, &timing, 200, now) > Duration::ZERO);
    }

    #[test]
    fn s13_two_connections_in_a_window_are_the_most_after_failures() {
        let (timing, now) = (Timing::default(), Instant::now());
        let mut pace = Pace::default();
        pace.connecting(now);
        assert_eq!(pace.failed(ErrorClass::Network, &timing, 200, now).as_secs(), 2);
        pace.connecting(now + Duration::from_secs(2));
        let pause = pace.failed(ErrorClass::Network, &timing, 200, now + Duration::from_secs(3));
        assert_eq!(pause.as_secs(), 117);
    }
}
