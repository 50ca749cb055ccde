//! Figures remembered between two looks: settled arrivals are counted only as often as counting is cheap, and a
//! database too busy to answer shows what it showed before.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{StoreResult, StoreStats};

/// A count that takes no longer is made at every look.
const CHEAP: Duration = Duration::from_millis(50);
/// Any other rests this many times as long as it took.
const REST: u32 = 100;
/// Longest rest.
const LONGEST: Duration = Duration::from_mins(10);

/// Arrivals in states that need no more work, by state.
pub(super) type Settled = BTreeMap<&'static str, u64>;

/// What was seen last.
#[derive(Debug, Default)]
pub(super) struct Figures {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    last: StoreStats,
    settled: Settled,
    rests_until: Option<Instant>,
}

impl Figures {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether settled arrivals are to be counted now.
    pub(super) fn count_is_due(&self, now: Instant) -> bool {
        self.kept().rests_until.is_none_or(|until| now >= until)
    }

    /// A count begun at `started` ended at `ended`, with figures or without.
    pub(super) fn counted(&self, settled: StoreResult<Settled>, started: Instant, ended: Instant) {
        let took = ended.saturating_duration_since(started);
        let mut kept = self.kept();
        kept.rests_until = (took > CHEAP).then(|| ended.checked_add(took.saturating_mul(REST).min(LONGEST))).flatten();
        if let Ok(settled) = settled {
            kept.settled = settled;
        }
    }

    /// The figures just read with what was counted, or those of before when nothing could be read.
    pub(super) fn show(&self, read: StoreResult<StoreStats>, reachable: bool) -> StoreStats {
        let mut kept = self.kept();
        if let Ok(mut stats) = read {
            for (state, n) in &kept.settled {
                stats.arrivals.entry(state).or_insert(*n);
            }
            kept.last = stats;
        }
        StoreStats { reachable, ..kept.last.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreError;

    fn busy<T>() -> StoreResult<T> {
        Err(StoreError::Busy("slow".into()))
    }

    #[test]
    fn a_cheap_count_is_made_every_time_and_a_dear_one_rests() {
        let (figures, start) = (Figures::default(), Instant::now());
        assert!(figures.count_is_due(start));
        figures.counted(Ok(Settled::new()), start, start + Duration::from_millis(9));
        assert!(figures.count_is_due(start + Duration::from_millis(9)));
        let end = start + Duration::from_secs(1);
        figures.counted(Ok(Settled::new()), start, end);
        assert!(!figures.count_is_due(end + Duration::from_secs(99)));
        assert!(figures.count_is_due(end + Duration::from_secs(100)));
    }

    #[test]
    fn a_busy_database_shows_what_it_showed_before() {
        let (figures, now) = (Figures::default(), Instant::now());
        figures.counted(Ok(Settled::from([("decided", 7)])), now, now);
        let fresh = StoreStats { arrivals: BTreeMap::from([("received", 2)]), ..StoreStats::default() };
        assert_eq!(figures.show(Ok(fresh), true).arrivals, BTreeMap::from([("decided", 7), ("received", 2)]));
        figures.counted(busy(), now, now);
        let shown = figures.show(busy(), true);
        assert!(shown.reachable);
        assert_eq!(shown.arrivals["decided"], 7);
    }
}
