//! How long to wait before the next attempt. Pure: the jitter is an argument.

use std::time::Duration;

/// Wait after the first failure.
pub const FIRST: Duration = Duration::from_secs(5);
/// Longest wait.
pub const LONGEST: Duration = Duration::from_hours(1);

/// Longest wait between the first two rounds of one attempt.
const ROUND: Duration = Duration::from_millis(20);

/// Wait after `failures` failures so far (0 = the first one just happened): min(2^n * 5 s, 1 h), moved by up to 20 %.
///
/// `jitter` is 0..=`u32::MAX`, spread evenly by the caller: 0 gives 80 %, the maximum gives 120 %. It keeps jobs that
/// failed together from coming back together.
#[must_use]
pub fn backoff(failures: u32, jitter: u32) -> Duration {
    let doubled = FIRST.saturating_mul(2_u32.saturating_pow(failures)).min(LONGEST);
    let millis = u64::try_from(doubled.as_millis()).unwrap_or(u64::MAX);
    let spread = (millis * 2 / 5).saturating_mul(u64::from(jitter)) / u64::from(u32::MAX);
    Duration::from_millis(millis * 4 / 5 + spread)
}

/// Wait between two rounds of one attempt: at most 20 ms longer with every round, spread by `jitter` as above.
#[must_use]
pub fn between_rounds(round: usize, jitter: u32) -> Duration {
    let rounds = u32::try_from(round).unwrap_or(u32::MAX).saturating_add(1);
    ROUND.saturating_mul(rounds).mul_f64(f64::from(jitter) / f64::from(u32::MAX))
}

/// Spreads the low bits of an identifier into a jitter: deterministic for a job and attempt, different between jobs.
#[must_use]
pub fn jitter_of(job: i64, attempt: i64) -> u32 {
    let mut bytes = [0_u8; 16];
    let (low, high) = bytes.split_at_mut(8);
    low.copy_from_slice(&job.to_le_bytes());
    high.copy_from_slice(&attempt.to_le_bytes());
    let hash = xxhash_rust::xxh3::xxh3_64(&bytes);
    u32::try_from(hash >> 32).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_from_five_seconds_to_an_hour() {
        let middle = u32::MAX / 2 + 1;
        let waits: Vec<u64> = (0..12).map(|n| backoff(n, middle).as_secs()).collect();
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 3_600, 3_600]);
        assert_eq!(backoff(u32::MAX, middle).as_secs(), 3_600);
    }

    #[test]
    fn jitter_moves_the_wait_by_a_fifth_at_most() {
        assert_eq!(backoff(0, 0), Duration::from_secs(4));
        assert_eq!(backoff(0, u32::MAX), Duration::from_secs(6));
        assert_eq!(backoff(40, u32::MAX), Duration::from_mins(72));
    }

    #[test]
    fn the_store_knows_the_longest_wait() {
        assert_eq!(backoff(u32::MAX, u32::MAX), crate::store::LONGEST_WAIT);
    }

    #[test]
    fn jobs_that_failed_together_come_back_apart() {
        let waits: std::collections::BTreeSet<_> = (0..100).map(|job| backoff(5, jitter_of(job, 1))).collect();
        assert!(waits.len() > 90, "{} different waits", waits.len());
    }
}
