//! Figures remembered between two looks: settled arrivals are counted only as often as counting is cheap, in a task of
//! its own that may take its time, and a database too busy to answer shows what it showed before.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::AbortHandle;

use super::{StoreResult, StoreStats};

/// A count that takes no longer is made at every look.
const CHEAP: Duration = Duration::from_millis(50);
/// Any other rests this many times as long as it took.
const REST: u32 = 100;
/// Longest rest.
const LONGEST: Duration = Duration::from_hours(6);
/// A look waits this long for a count; what takes longer is shown by a later look.
const PATIENCE: Duration = Duration::from_secs(1);

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
    counting: Option<AbortHandle>,
}

impl Figures {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts settled arrivals when that is due and nobody does so already. Returns when that is done, or when it takes
    /// long: then it goes on by itself.
    pub(super) async fn count(self: &Arc<Self>, count: impl Future<Output = StoreResult<Settled>> + Send + 'static) {
        let started = Instant::now();
        let task = {
            let mut kept = self.kept();
            let busy = kept.counting.as_ref().is_some_and(|task| !task.is_finished());
            if busy || kept.rests_until.is_some_and(|until| started < until) {
                return;
            }
            let figures = Arc::clone(self);
            let task = tokio::spawn(async move {
                let settled = count.await;
                figures.counted(settled, started, Instant::now());
            });
            kept.counting = Some(task.abort_handle());
            task
        };
        drop(tokio::time::timeout(PATIENCE, task).await);
    }

    /// Gives up a count under way.
    pub(super) fn stop(&self) {
        if let Some(task) = self.kept().counting.take() {
            task.abort();
        }
    }

    /// A count begun at `started` ended at `ended`, with figures or without.
    fn counted(&self, settled: StoreResult<Settled>, started: Instant, ended: Instant) {
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
        figures.counted(Ok(Settled::new()), start, start + Duration::from_millis(9));
        assert_eq!(figures.kept().rests_until, None);
        let end = start + Duration::from_secs(1);
        figures.counted(Ok(Settled::new()), start, end);
        assert_eq!(figures.kept().rests_until, Some(end + Duration::from_secs(100)));
    }

    #[tokio::test]
    async fn a_long_count_holds_up_nobody_and_is_shown_when_it_is_done() {
        let figures = Arc::new(Figures::default());
        let (done, counted) = tokio::sync::oneshot::channel();
        figures.count(async move { Ok(counted.await.unwrap()) }).await;
        figures.count(async { panic!("one at a time") }).await;
        assert!(!figures.show(Ok(StoreStats::default()), true).arrivals.contains_key("decided"));
        done.send(Settled::from([("decided", 7)])).unwrap();
        while figures.kept().settled.is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(figures.show(Ok(StoreStats::default()), true).arrivals["decided"], 7);
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
