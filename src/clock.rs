//! Time, identifiers and secrets as arguments: the only place that asks the machine for any of them.
//!
//! Times are unix microseconds in UTC. Identifiers are ULIDs, strictly increasing within one process even when the
//! wall clock steps back.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use ulid::Ulid;

/// A moment: microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From unix microseconds.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From unix seconds, saturating.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Unix microseconds.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Unix seconds, rounded down.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// This moment plus `by`, saturating.
    #[must_use]
    pub fn after(self, by: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)))
    }

    /// This moment minus `by`, saturating.
    #[must_use]
    pub fn before(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)))
    }

    /// Time from `earlier` to this moment; zero when `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with microseconds; years outside jiff's range print as a number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(t) => write!(f, "{t}"),
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}

/// Where time and identifiers come from.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The present moment.
    fn now(&self) -> Timestamp;
    /// A new identifier, greater than every earlier one of this clock.
    fn new_id(&self) -> Ulid;
    /// 128 bits that nobody can guess, for links and nonces.
    fn secret(&self) -> u128 {
        #[expect(clippy::disallowed_methods, reason = "the one place that draws randomness for secrets")]
        let secret = rand::random::<u128>();
        secret
    }
    /// 32 bytes that nobody can guess, for keys and nonces.
    fn random(&self) -> [u8; 32];
}

/// Keeps identifiers increasing although time may stand still or step back.
#[derive(Debug, Default)]
struct IdSequence(Mutex<Ulid>);

impl IdSequence {
    fn next(&self, now: Timestamp, random: u128) -> Ulid {
        let millis = u64::try_from(now.micros().div_euclid(1000)).unwrap_or(0);
        let fresh = Ulid::from_parts(millis, random);
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let next = if fresh > *last { fresh } else { Ulid(last.0.saturating_add(1)) };
        *last = next;
        next
    }
}

/// The machine's clock.
#[derive(Debug, Default)]
pub struct SystemClock(IdSequence);

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
        let now = jiff::Timestamp::now();
        Timestamp(now.as_microsecond())
    }

    fn new_id(&self) -> Ulid {
        #[expect(clippy::disallowed_methods, reason = "the one place that draws randomness for identifiers")]
        let random = rand::random::<u128>();
        self.0.next(self.now(), random)
    }

    fn random(&self) -> [u8; 32] {
        #[expect(clippy::disallowed_methods, reason = "the one place that draws randomness for keys")]
        rand::random::<[u8; 32]>()
    }
}

/// A time for queues and leases: the clock's, except that it never steps back. While the clock is behind, time goes on
/// with the machine's monotonic clock; a step forward is followed.
#[derive(Debug)]
pub struct Steady {
    clock: Arc<dyn Clock>,
    last: Mutex<(Timestamp, Instant)>,
}

impl Steady {
    /// Begins at the present moment of `clock`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let last = Mutex::new((clock.now(), Instant::now()));
        Self { clock, last }
    }

    /// The present moment, never before one told earlier.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let instant = Instant::now();
        let carried = last.0.after(instant.saturating_duration_since(last.1));
        let now = carried.max(self.clock.now());
        *last = (now, instant);
        now
    }
}

/// A clock that moves only when told: for tests, and for `--at`.
#[derive(Debug)]
pub struct ManualClock {
    now: Mutex<Timestamp>,
    ids: IdSequence,
}

impl ManualClock {
    /// A clock standing at `now`.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self { now: Mutex::new(now), ids: IdSequence::default() }
    }

    /// Moves the clock to `now`, backwards too.
    pub fn set(&self, now: Timestamp) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn new_id(&self) -> Ulid {
        self.ids.next(self.now(), 0)
    }

    /// Differs from call to call, and is the same from run to run.
    fn random(&self) -> [u8; 32] {
        *blake3::hash(&self.new_id().to_bytes()).as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_increase_while_the_clock_steps_back() {
        let clock = ManualClock::at(Timestamp::from_seconds(1_000));
        let first = clock.new_id();
        clock.set(Timestamp::from_seconds(10));
        assert!(clock.new_id() > first);
    }

    #[test]
    fn a_steady_time_follows_steps_forward_and_no_steps_back() {
        let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(1_000)));
        let steady = Steady::new(Arc::clone(&clock) as Arc<dyn Clock>);
        clock.set(Timestamp::from_seconds(10));
        let first = steady.now();
        assert!(first >= Timestamp::from_seconds(1_000));
        assert!(steady.now() >= first);
        clock.set(Timestamp::from_seconds(900_000));
        assert!(steady.now() >= Timestamp::from_seconds(900_000));
    }
}
